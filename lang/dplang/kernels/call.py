"""Kernels by the names of core functions, called with the values of the interpreter."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..analyse.sharing import Sharing
from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, ArrayType, Fn, Program, Scalar, Type
from ..errors import CATALOGUE, Fault
from ..interpret.values import LARGE, free_memory
from ..simplify.fold import fold
from ..stop import flag, listen, on_main
from . import options as options_of_kernels
from .boundary import Boundary, Crossing, begin, end
from .emit import Emitted, emit
from .flatten import flatten
from .nodes import SLOTS
from .options import Options
from .refuse import Refusals
from .tell import Tell, heard
from .text import Site
from .trap import Trap

if TYPE_CHECKING:
    from .threads.split import Split

ASK = 14
"""The slot of `ctl` for the address of the flag that asks a kernel to stop."""
POOL = 15
"""The slot for the address of the threads that a kernel may share its loops with."""
LEFT, STOPPED, APART = -1, -2, -3
"""What `ctl` says of a call that has no result: it is too large or too deep; it was asked to stop; a turn of a loop on
lanes faults, and a kernel that makes one turn after the other finds out which is the first."""


Busy: TypeAlias = Callable[[str], AbstractContextManager[object]]
"""Told the name of a function, something to be in while it is compiled."""


class Left(Exception):
    """A kernel leaves this call to the interpreter: it is too deep or too large for it."""


class Kernels:
    """The kernels of a program, each made when it is first asked for."""

    def __init__(
        self,
        program: Program,
        options: Options = Options(),
        tell: Tell | None = None,
        busy: Busy = nullcontext,
    ) -> None:
        self._options = options
        self._tell = tell
        self._busy = busy
        self._refusals = Refusals(program)
        self._source = program
        fit = {name for name in program.fns if not self._refusals.reason(name)}
        self._program = fold(flatten(program, self._refusals.layouts, fit))
        self._splits: dict[str, Split] = {}
        if options.threads:
            from .threads.split import split

            self._program, self._splits = split(self._program, fit, options)
        self._sharing = Sharing(self._program.fns)
        self._kernels: dict[str, Kernel | None] = {}
        self.reasons: dict[str, str] = {}

    def kernel(self, name: str) -> Kernel | None:
        """The kernel of function `name`; where there is none, `reasons` says why."""
        if name not in self._kernels:
            self._kernels[name] = self._make(name, self._options)
        return self._kernels[name]

    def reason(self, name: str) -> str:
        """Why there can be no kernel of `name`; empty where there can."""
        return self._refusals.reason(name)

    def text(self, name: str) -> Emitted:
        """The text of a kernel."""
        return emit(self._program, name, self._sharing, self._options, self._splits)

    def _make(self, name: str, options: Options) -> Kernel | None:
        from .build import NoKernel, build

        if why := self.reason(name):
            self.reasons[name] = why
            return None
        try:
            emitted = emit(self._program, name, self._sharing, options, self._splits)
            boundary = Boundary(self._source.fns[name], self._refusals.layouts)
            with self._busy(self._program.fns[name].label):
                compiled = build(emitted)
            here = _here_with(options.threads if "job(" in emitted.text else 0)
            kernel = Kernel(self._program.fns[name], emitted, compiled, boundary, self._tell, here)
        except NoKernel as failure:
            self.reasons[name] = str(failure)
            return None
        except Exception as failure:  # a mistake of ours costs speed, no answer: the interpreter has one
            if options_of_kernels.STRICT:
                raise
            self.reasons[name] = f"the compiler failed: {type(failure).__name__} {failure}"
            return None
        kernel.calls.apart = lambda: self._make(name, replace(options, lanes=False))
        return kernel


class Kernel:
    """A compiled function behind values of the interpreter.

    `call` takes the values of a function's parameters and gives its result, or the tuple of its results. It never
    writes to its arguments; it raises `Fault` as the interpreter would, or `Left`. A call takes a `ctl` of its thread
    and puts it back where nothing went wrong; all that is unusual is done by `again`.

    For callers that write the call themselves: `names` are what it needs; `leaf` is the text of an argument, `finish`
    what makes the result one of the interpreter, `long` whether it may take long enough to be interrupted.
    """

    def __init__(
        self,
        fn: Fn,
        emitted: Emitted,
        compiled: Callable[..., Any],
        boundary: Boundary,
        tell: Tell | None,
        here: _Here,
    ) -> None:
        self.here = here
        tell = tell if "tell(" in emitted.text else None
        self.calls = calls = _Calls(fn, emitted, compiled, boundary, tell, here)
        self.again = calls.again
        self.finish = calls.finish if any(calls.out) or not calls.out else None
        self.long = "poll(" in emitted.text
        self.into = dict(calls.into)
        other = emitted.arena or boundary.needed or tell is not None
        usual = calls.crossing if other else _converted(self, compiled) if self._converts() else _plain(self, compiled)
        self.call = usual
        if other:
            compiled, self.into, self.finish = (lambda ctl, *given: calls.crossing(*given)), {}, None
        convert = {f"convert{i}": f for i, f in self.into.items()}
        self.names = {"compiled": compiled, "here": here, "seat": _seat, "listen": listen, **convert}

    def __call__(self, *given: Any) -> Any:
        return self.call(*given)

    def _converts(self) -> bool:
        return bool(self.into) or self.long or self.finish is not None

    def leaf(self, i: int, text: str) -> str:
        """The text of argument i."""
        return f"convert{i}({text})" if i in self.into else text


def _plain(kernel: Kernel, compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Calls of what takes and gives numbers only."""
    again, here = kernel.again, kernel.here

    def call(*given: Any) -> Any:
        seats = here.seats or _seat(here)
        ctl = seats.pop()
        try:
            value = compiled(ctl, *given)
        except (Trap, MemoryError, ValueError) as failure:
            return again(given, ctl, failure)
        seats.append(ctl)
        return value

    return call


def _converted(kernel: Kernel, compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Calls with arguments or results that the kernel has in another form."""
    again, here, into, finish, long = kernel.again, kernel.here, tuple(kernel.into.items()), kernel.finish, kernel.long

    def call(*given: Any) -> Any:
        args = list(given)
        for i, convert in into:
            args[i] = convert(args[i])
        seats = here.seats or _seat(here)
        if long and here.main:
            listen()
        ctl = seats.pop()
        try:
            value = compiled(ctl, *args)
        except (Trap, MemoryError, ValueError) as failure:
            return again(given, ctl, failure)
        seats.append(ctl)
        return value if finish is None else finish(value)

    return call


class _Here(threading.local):
    """What each thread has ready for calls that may be shared by so many threads."""

    def __init__(self, threads: int) -> None:
        self.seats: list[Any] = []
        self.main = on_main()
        self.flag = flag()
        self.pool = 0
        if threads > 1:
            from .threads.pool import address

            self.pool = address(threads)


_here_with = cache(_Here)


def _seat(here: _Here) -> list[Any]:
    """The thread's free `ctl`s, one at least."""
    ctl = np.zeros(SLOTS, np.int64)
    ctl[1] = LARGE
    ctl[ASK], ctl[POOL] = here.flag.buffer_info()[0], here.pool
    here.seats.append(ctl)
    return here.seats


class _Calls:
    """Calls of one kernel, whatever happens in them."""

    def __init__(
        self,
        fn: Fn,
        emitted: Emitted,
        compiled: Callable[..., Any],
        boundary: Boundary,
        tell: Tell | None,
        here: _Here,
    ) -> None:
        self.here = here
        self.library = fn.span.source.library
        self.compiled = compiled
        self.tell = tell
        self.sites = emitted.sites
        self.arena = emitted.arena or boundary.needed
        self.boundary = boundary
        self.into = [
            (i, convert) for i, p in enumerate(fn.params) if (convert := _into(p.var.type, i in emitted.consumed))
        ]
        self.out = [_out(t, k in emitted.borrowed) for k, t in enumerate(fn.result_types)]
        self.apart: Callable[[], Kernel | None] = lambda: None

    def finish(self, value: Any) -> Any:
        """The result as the interpreter has it."""
        out = self.out
        if len(out) == 1:
            return out[0](value) if out[0] else value
        return tuple([o(v) if o else v for o, v in zip(out, value, strict=True)]) if out else ()

    def crossing(self, *given: Any) -> Any:
        """A call with values that are others in a kernel, with an arena, or of what tells how far it is."""
        return self.repeated(given, LARGE)

    def again(self, given: Sequence[Any], ctl: Any, failure: Exception) -> Any:
        """Goes on where a call has failed."""
        if _status(ctl, failure) == APART:
            return self.alone(given)
        return self.repeated(given, self.next_room(ctl, failure, LARGE))

    def alone(self, given: Sequence[Any]) -> Any:
        """The call by a kernel without lanes."""
        kernel = self.apart()
        if kernel is None:
            raise Left
        return kernel(*given)

    def repeated(self, given: Sequence[Any], room: int) -> Any:
        """Calls until there is a result or a fault."""
        while True:
            ctl = _seat(self.here).pop()
            ctl[1] = room
            if self.here.main:
                listen()
            try:
                return self.once(given, ctl)
            except (Trap, MemoryError, ValueError) as failure:
                if _status(ctl, failure) == APART:
                    break
                room = self.next_room(ctl, failure, room)
        return self.alone(given)

    def once(self, given: Sequence[Any], ctl: Any) -> Any:
        crossing = Crossing(self.boundary) if self.boundary.needed else None
        args = list(given if crossing is None else crossing.parts(given))
        for i, convert in self.into:
            args[i] = convert(args[i])
        if not self.arena:
            return self.finish(self.listened(ctl, args))
        begin(ctl)
        try:
            value = self.finish(self.listened(ctl, args))
            return value if crossing is None else crossing.results(value)
        finally:
            end(ctl)

    def listened(self, ctl: Any, args: Sequence[Any]) -> Any:
        if self.tell is None:
            return self.compiled(ctl, *args)
        with heard(ctl, self.tell):
            return self.compiled(ctl, *args)

    def next_room(self, ctl: Any, failure: Exception, room: int) -> int:
        """How many bytes an array may take in another attempt; raises what a failure means where there is none."""
        status = _status(ctl, failure)
        if status == STOPPED:
            self.here.flag[0] = 0  # whatever Python has to raise, it raises by the next attempt
            return room
        if status > 0:
            fault = _fault(self.sites[status - 1], ctl)
            if self.hides(fault):
                raise Left from None
            raise fault from None
        free = free_memory() if room == LARGE else None
        if free is None or free <= LARGE:
            raise Left from None
        return free

    def hides(self, fault: Fault) -> bool:
        """Whether it happened in a function of the library that is called out of line: the interpreter finds out by
        which call of the user's."""
        span = fault.diagnostics[0].span
        return span.source.library and not self.library


def _status(ctl: Any, failure: Exception) -> int:
    return int(ctl[0]) if isinstance(failure, Trap) else LEFT


def _fault(site: Site, ctl: Any) -> Fault:
    values: list[Any] = []
    slot = 2
    for kind, known in site.values:
        if kind == "constant":
            values.append(known)
            continue
        n = int(ctl[slot])
        slot += 1
        if kind == "float":
            values.append(struct.unpack("d", struct.pack("q", n))[0])
        else:
            values.append(bool(n) if kind == "bool" else n)
    return Fault(CATALOGUE[site.fault](site.span, *values))


def _into(t: Type, consumed: bool) -> Callable[[Any], Any] | None:
    """What makes a value of the interpreter one for Numba; None where it is."""
    if isinstance(t, ArrayType):
        return np.copy if consumed else _contiguous
    kinds: dict[Scalar, Callable[[Any], Any]] = {
        KEY: np.uint64,
        FLOAT32: np.float32,
        BOOL: bool,
        INT: int,
        FLOAT: float,
    }
    assert isinstance(t, Scalar)
    return kinds[t] if t in (KEY, FLOAT32) else None


def _contiguous(a: Any) -> Any:
    flags = a.flags
    return a if flags.carray or (flags.c_contiguous and flags.aligned) else np.array(a, order="C")


def _out(t: Type, borrowed: bool) -> Callable[[Any], Any] | None:
    if isinstance(t, ArrayType):
        return np.copy if borrowed else None
    return np.float32 if t == FLOAT32 else None
