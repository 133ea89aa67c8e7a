"""Which values of a block are computed inside the value that reads them instead of going through a slot.

A value that is read once, by a later `Let` of its block, may be computed there. Pure total scalar operations may
wait for as long as they like. What is *ordered*, because it can fault or reads an array, waits only behind pure
ones, and is nested only where it is evaluated in the order in which it was written: the ordered values that wait
form a stack, from which a reader takes the topmost ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..core.ir import Operand, Var
from .closures import Statement, nothing
from .rows import Source, getter

DEEPEST = 16
"""Operations in one nested expression, at most: each level is a Python call."""


@dataclass(slots=True)
class Waiting:
    """A value that is not yet computed, the slot it goes to if it must be, and slots to be emptied after that."""

    source: Source
    slot: int
    ordered: bool
    size: int = 1
    anywhere: bool = True
    kills: tuple[int, ...] = ()


@dataclass(slots=True)
class Nesting:
    """The statements of a block so far, and the values that wait."""

    statements: list[Statement] = field(default_factory=list)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    inside: dict[str, Waiting] = field(default_factory=dict)

    def admit(self, operands: Iterable[Operand], accept: Callable[[Waiting], bool], barrier: bool) -> None:
        """Decides which of the operands (in the order of their evaluation) are nested into their reader.

        They are then in `inside`. The others are computed now, and so is all that is ordered if the reader is a
        `barrier`, or if something ordered that cannot be nested is written after it.
        """
        names = [o.name for o in operands if isinstance(o, Var) and o.name in self.waiting]
        stack = [name for name, w in self.waiting.items() if w.ordered]
        self.inside = {}
        room = DEEPEST
        for name in reversed(names):
            w = self.waiting[name]
            fits = accept(w) and w.size <= room
            if w.ordered and fits:
                fits = bool(stack) and stack[-1] == name
                if fits:
                    stack.pop()
            if fits:
                self.inside[name] = w
                room -= w.size
        outside = [name for name in names if name not in self.inside]
        if barrier or any(self.waiting[name].ordered for name in outside):
            outside = [name for name in self.waiting if name in stack or name in outside]
        for name in outside:
            self.emit(self.waiting.pop(name))
        for name in self.inside:
            del self.waiting[name]

    def emit(self, w: Waiting) -> None:
        self.statements.append((w.slot, getter(w.source)))
        self.statements.extend((slot, nothing) for slot in w.kills)

    def flush(self) -> None:
        """Computes all that is ordered."""
        for name in [name for name, w in self.waiting.items() if w.ordered]:
            self.emit(self.waiting.pop(name))

    @property
    def ordered_inside(self) -> bool:
        return any(w.ordered for w in self.inside.values())

    @property
    def size_inside(self) -> int:
        return sum(w.size for w in self.inside.values())

    @property
    def kills_inside(self) -> tuple[int, ...]:
        return tuple(slot for w in self.inside.values() for slot in w.kills)
