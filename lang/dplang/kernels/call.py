"""Kernels by the names of core functions, called with the values of the interpreter."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..analyse.sharing import Sharing
from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, ArrayType, Fn, Program, Scalar, Type
from ..errors import CATALOGUE, Fault
from ..interpret.values import LARGE, free_memory
from ..simplify.fold import fold
from .emit import Emitted, emit
from .flatten import flatten
from .options import Options
from .refuse import Refusals
from .text import Site

Kernel: TypeAlias = Callable[..., Any]
"""Takes the values of a function's parameters and gives its result, or the tuple of its results. It never writes to its
arguments; it raises `Fault` as the interpreter would, or `Left`."""

SLOTS, ASK = 16, 14
ASKED = np.zeros(1, np.int64)
"""The flag that asks kernels to stop; its address stands in `ctl`."""
LEFT = -1


class Left(Exception):
    """A kernel leaves this call to the interpreter: it is too deep or too large for it."""


class Kernels:
    """The kernels of a program, each made when it is first asked for."""

    def __init__(self, program: Program, options: Options = Options()) -> None:
        self._options = options
        self._refusals = Refusals(program)
        fit = {name for name in program.fns if not self._refusals.inner_reason(name)}
        self._program = fold(flatten(program, self._refusals.layouts, fit))
        self._sharing = Sharing(self._program.fns)
        self._kernels: dict[str, Kernel | None] = {}
        self.reasons: dict[str, str] = {}

    def kernel(self, name: str) -> Kernel | None:
        """The kernel of function `name`; where there is none, `reasons` says why."""
        if name not in self._kernels:
            self._kernels[name] = self._make(name)
        return self._kernels[name]

    def reason(self, name: str) -> str:
        """Why there can be no kernel of `name`; empty where there can."""
        return self._refusals.reason(name)

    def text(self, name: str) -> Emitted:
        """The text of a kernel."""
        return emit(self._program, name, self._sharing, self._options)

    def _make(self, name: str) -> Kernel | None:
        from .build import NoKernel, build

        if why := self.reason(name):
            self.reasons[name] = why
            return None
        emitted = self.text(name)
        try:
            return _call(self._program.fns[name], emitted, build(emitted))
        except NoKernel as failure:
            self.reasons[name] = str(failure)
            return None


def _call(fn: Fn, emitted: Emitted, compiled: Callable[..., Any]) -> Kernel:
    """`compiled` behind the values of the interpreter."""
    from .support import Trap

    into = [(i, convert) for i, p in enumerate(fn.params) if (convert := _into(p.var.type, i in emitted.consumed))]
    out = [_out(t, k in emitted.borrowed) for k, t in enumerate(fn.result_types)]
    several = len(fn.result_types) != 1
    plain = not any(out)
    sites = emitted.sites

    def run(args: list[Any], room: int) -> Any:
        ctl = np.zeros(SLOTS, np.int64)
        ctl[1] = room
        ctl[ASK] = ASKED.ctypes.data
        try:
            return compiled(ctl, *args)
        except Trap:
            if ctl[0] == LEFT:
                raise Left from None
            raise _fault(sites[ctl[0] - 1], ctl) from None
        except (MemoryError, ValueError):
            raise Left from None

    def call(*given: Any) -> Any:
        args = list(given)
        for i, convert in into:
            args[i] = convert(args[i])
        try:
            value = run(args, LARGE)
        except Left:
            room = free_memory()
            if room is None or room <= LARGE:
                raise
            for i in emitted.consumed:
                args[i] = into_of[i](given[i])
            value = run(args, room)
        if plain:
            return value if out or not several else ()
        if not several:
            return out[0](value) if out[0] else value
        return tuple([o(v) if o else v for o, v in zip(out, value, strict=True)])

    into_of = dict(into)
    return call


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
    if a.flags.c_contiguous and a.flags.writeable and a.flags.aligned:
        return a
    return np.array(a, order="C")


def _out(t: Type, borrowed: bool) -> Callable[[Any], Any] | None:
    if isinstance(t, ArrayType):
        return np.copy if borrowed else None
    return np.float32 if t == FLOAT32 else None
