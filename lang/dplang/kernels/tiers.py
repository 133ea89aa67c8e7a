"""When a function runs as a kernel: always, never, or once interpreting it has been more work than compiling it.

In the last case the interpreter begins and counts. Where it has worked as long as a compilation would take, it stops,
and the kernel does the call from the start: core functions are pure, so nothing is done twice that anybody could see.
The count depends on the program and its sizes alone, and so does what runs as a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from threading import get_ident
from typing import Any, Literal, TypeAlias

import numpy as np

from ..core.ir import Program
from ..core.rewrite import lets_of
from ..interpret.machine import Heavy, Tiered, Watch
from .call import Busy, Kernel, Kernels, Left
from .options import Options
from .refuse import reachable
from .tell import Tell

Mode: TypeAlias = Literal["auto", "always"]

START, LINE, CALL, OUTSIDE = 5_000_000, 50_000, 20, 3_000
"""What a compilation costs before the first Let and for each, what a call costs, and what one from outside, in
operations of the interpreter, which does about ten million of them in a second."""


class Tiers:
    """The compiled forms of a program's functions, for `Interpreter(compiled=.., watch=..)`."""

    def __init__(
        self,
        program: Program,
        mode: Mode,
        options: Options = Options(),
        tell: Tell | None = None,
        busy: Busy = nullcontext,
    ) -> None:
        self._program = program
        self._mode = mode
        self.kernels = Kernels(program, options, tell, busy)
        self.watch = Watch() if mode == "auto" else None
        self._runs = _Runs()
        self._forms: dict[str, Tiered | None] = {}
        self._counted: dict[str, _Counted] = {}

    def compiled(self, name: str) -> Tiered | None:
        """The form of a function that may run as a kernel; None where it is interpreted in any case."""
        if name not in self._forms:
            self._forms[name] = self._form(name)
        return self._forms[name]

    def ready(self, name: str) -> Kernel | None:
        """The kernel that a function which was called runs as, if it does by now."""
        if self.watch is None:
            return self.kernels.kernel(name)
        counted = self._counted.get(name)
        return counted.kernel if counted is not None else None

    def from_outside(self, name: str) -> None:
        """Notes that a function was called from outside, with all that such a call costs."""
        if name in self._counted:
            self._counted[name].left -= OUTSIDE

    def _form(self, name: str) -> Tiered | None:
        if self.kernels.reason(name):
            return None
        if self.watch is not None:
            lets = sum(1 for fn in reachable(self._program, name) for _ in lets_of(self._program.fns[fn].body))
            cost = CALL + len(self._program.fns[name].body.lets)
            make = lambda: self.kernels.kernel(name)  # noqa: E731
            counted = self._counted[name] = _Counted(make, self._runs, self.watch, START + LINE * lets, cost)
            return counted.call
        kernel = self.kernels.kernel(name)
        return None if kernel is None else lambda given, interpret: self._runs.run(kernel, given, interpret)


class _Runs:
    """Runs kernels. What one leaves to the interpreter is interpreted to its end, or each level of a deep recursion
    would begin with a kernel that gives up."""

    def __init__(self) -> None:
        self.left = False

    def run(self, kernel: Kernel, given: list[Any], interpret: Callable[[], Any]) -> Any:
        if self.left:
            return interpret()
        try:
            return kernel.call(*given)
        except Left:
            self.left = True
        try:
            return interpret()
        finally:
            self.left = False


class _Counted:
    """A function that is interpreted until that has been as much work as compiling it."""

    def __init__(self, make: Callable[[], Kernel | None], runs: _Runs, watch: Watch, left: int, cost: int) -> None:
        self.runs = runs
        self.cost = cost
        self.make = make
        self.watch = watch
        self.left = left
        self.kernel: Kernel | None = None
        self.hopeless = False

    def call(self, given: list[Any], interpret: Callable[[], Any]) -> Any:
        if self.kernel is not None:
            return self.runs.run(self.kernel, given, interpret)
        if self.hopeless:
            return interpret()
        if self.left <= 0:
            return self.compile(given, interpret)
        watch, outer, thread = self.watch, self.watch.stop, self.watch.thread
        start, left = watch.work, self.left
        # arrays are kept for a second start, so that updates copy them
        watch.work += self.cost + sum(a.size for a in given if isinstance(a, np.ndarray)) // 8
        watch.stop, watch.thread = min(outer, start + left), get_ident()
        try:
            return interpret()
        except Heavy:
            if watch.work <= start + left:
                raise  # it is a caller that has become too much
        finally:
            self.left -= watch.work - start
            watch.stop, watch.thread = outer, thread
        return self.compile(given, interpret)

    def compile(self, given: list[Any], interpret: Callable[[], Any]) -> Any:
        self.kernel = self.make()
        self.hopeless = self.kernel is None
        return self.call(given, interpret)
