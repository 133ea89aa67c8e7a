"""What the prepared closures of one interpreter share: options, the meter, and functions ready to be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, TextIO, TypeAlias

from ..core.ir import Fn, Program
from ..errors import Fault, Span
from ..errors.runtime import OutOfMemory, WorkLimit
from .rows import Code, Frame
from .values import used_memory

Tiered: TypeAlias = Callable[[list[Any], Callable[[], Any]], Any]
"""A function with a compiled form: called with its arguments and what interprets it, it answers as the interpreter
would."""


class Heavy(Exception):
    """Interpreting a function has become more work than compiling it."""


class Watch:
    """Counts the work of loops roughly, a unit being an operation on scalars, and stops it where it is too much."""

    def __init__(self) -> None:
        self.work = 0
        self.stop = 1 << 62
        self.thread = 0

    def spend(self, n: int) -> None:
        self.work += n
        if self.work > self.stop and self.thread == get_ident():
            raise Heavy


DEPTH, SINK, FIRST = 0, 1, 2
"""Slots of every frame: how deep the call is, what nobody reads, and the first parameter."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds for a program that is not trusted to end: scalars worked on, and bytes it may take."""

    work: int | None = None
    memory: int | None = None


class Meter:
    """Counts scalars that are touched, and stops a program that reaches its limit."""

    POLL = 1 << 20

    def __init__(self, limit: Limit | None) -> None:
        self.touched = 0
        self.work = limit.work if limit is not None and limit.work is not None else None
        self.memory = limit.memory if limit is not None else None
        self.base = (used_memory() or 0) if self.memory is not None else 0
        self.next = self._poll()

    def add(self, n: int, span: Span) -> None:
        self.touched += n
        if self.touched >= self.next:
            self._check(span)

    def _poll(self) -> int:
        later = self.touched + self.POLL if self.memory is not None else 1 << 62
        return min(later, self.work + 1) if self.work is not None else later

    def _check(self, span: Span) -> None:
        if self.work is not None and self.touched > self.work:
            raise Fault(WorkLimit(span, self.work))
        if self.memory is not None:
            used = (used_memory() or 0) - self.base
            if used > self.memory:
                raise Fault(OutOfMemory(span, used))
        self.next = self._poll()


class Function:
    """A function of the core, prepared when it is first called."""

    __slots__ = ("body", "fn", "pad", "size")
    body: Code

    def __init__(self, fn: Fn, size: int, prepare: Callable[[], Code]) -> None:
        def first(f: Frame) -> Any:
            self.body = prepare()
            return self.body(f)

        self.fn = fn
        self.size = size
        self.pad: tuple[None, ...] = (None,) * (size - FIRST - len(fn.params))
        self.body = first


@dataclass(slots=True)
class Machine:
    """`vectorise` runs suitable loops on whole arrays; `meter` is absent where nothing is counted or limited;
    `compiled` gives functions that need not be interpreted, `watch` counts for those that may become such."""

    program: Program
    out: TextIO
    copy_always: bool = False
    vectorise: bool = True
    counting: bool = False
    meter: Meter | None = None
    compiled: Callable[[str], Tiered | None] = lambda name: None
    watch: Watch | None = None
    functions: dict[str, Function] = field(default_factory=dict)
    io_state: dict[str, Any] = field(default_factory=dict)

    @property
    def memory(self) -> int | None:
        """The bound for a single allocation."""
        return self.meter.memory if self.meter is not None else None
