"""The interpreter: runs functions of the core on values. It is the reference for what a program means."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import numpy as np

from ..core.ir import Program
from ..errors import Fault
from ..errors.runtime import DEEPEST, OutOfMemory
from .machine import DEPTH, Limit, Machine, Meter, Tiered, Watch
from .prepare import function

__all__ = ["Interpreter", "Limit"]

PYTHON_FRAMES = 64 * DEEPEST
"""Python calls of Python functions take no room on the machine's stack, so depth is bounded by `DEEPEST` alone."""


class Interpreter:
    """Runs functions of `program`. Arguments are never written to, whoever else holds them.

    copy_always  every update copies its array: the oracle for updates in place
    count        counts scalars touched, element by element
    vectorise    runs suitable loops on whole arrays (never where scalars are counted)
    limit        bounds work and memory
    out          where `print` writes; standard output by default
    compiled     gives functions that need not be interpreted, by name
    watch        counts the work of loops
    state        what functions of input and output keep from call to call; may be shared
    """

    def __init__(
        self,
        program: Program,
        *,
        copy_always: bool = False,
        count: bool = False,
        vectorise: bool = True,
        limit: Limit | None = None,
        out: TextIO | None = None,
        state: dict[str, Any] | None = None,
        compiled: Callable[[str], Tiered | None] | None = None,
        watch: Watch | None = None,
    ) -> None:
        meter = Meter(limit) if count or limit is not None else None
        self._machine = Machine(
            program,
            out if out is not None else sys.stdout,
            copy_always=copy_always,
            vectorise=vectorise and not count,
            meter=meter,
            io_state={} if state is None else state,
            compiled=compiled or (lambda name: None),
            watch=watch,
        )

    @property
    def touched(self) -> int:
        """Scalars touched so far, where they are counted."""
        return self._machine.meter.touched if self._machine.meter is not None else 0

    def call(self, name: str, args: Sequence[Any]) -> tuple[Any, ...]:
        """The results of function `name` of these arguments; raises `Fault`."""
        fn = function(self._machine, name)
        given = [_fit(a) for a in args]

        def interpret() -> Any:
            frame: list[Any] = [None] * fn.size
            frame[DEPTH] = 0
            frame[2 : 2 + len(given)] = given
            return fn.body(frame)

        compiled = self._machine.compiled(name)
        with _deep_stack(), np.errstate(all="ignore"):
            try:
                value = interpret() if compiled is None else compiled(given, interpret)
            except MemoryError:
                raise Fault(OutOfMemory(fn.fn.span, 0)) from None
        return (value,) if len(fn.fn.body.results) == 1 else value


def _fit(a: Any) -> Any:
    """An argument that may be read but belongs to somebody else: an array whose memory nobody counts is copied."""
    if isinstance(a, np.ndarray) and not a.flags.owndata and not isinstance(a.base, np.ndarray):
        return a.copy()
    return a


@contextmanager
def _deep_stack() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, PYTHON_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
