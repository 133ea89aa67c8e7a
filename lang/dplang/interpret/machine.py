"""What the prepared closures of one interpreter share: options, the meter, and functions ready to be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

from ..core.ir import Fn, Program
from ..errors import Fault, Span
from ..errors.runtime import OutOfMemory, WorkLimit
from .rows import Code, Frame
from .values import used_memory

DEEPEST = 200_000
"""How many calls of functions may be open at once."""

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
    """`vectorise` runs suitable loops on whole arrays; `meter` is absent where nothing is counted or limited."""

    program: Program
    out: TextIO
    copy_always: bool = False
    vectorise: bool = True
    counting: bool = False
    meter: Meter | None = None
    functions: dict[str, Function] = field(default_factory=dict)
    io_state: dict[str, Any] = field(default_factory=dict)

    @property
    def memory(self) -> int | None:
        """The bound for a single allocation."""
        return self.meter.memory if self.meter is not None else None
