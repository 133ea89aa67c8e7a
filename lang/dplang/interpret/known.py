"""What is known of the names in the body of a loop that runs on whole arrays, and the steps of such a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, Type
from . import lanes
from .lanes import Op
from .rows import Code, Source

NUMERIC = (FLOAT, FLOAT32, INT, BOOL, KEY)
LARGEST_BODY = 400
"""Steps of one run at most: calls are followed, and a large program should not be prepared many times over."""

TRIPS, LOW, FREE = 0, 1, 2
"""Slots of a run: turns of the outermost loop, its first index, and the first free slot."""


class Unfit(Exception):
    """The loop runs turn by turn."""


# ---- what is known of a name in the body


@dataclass(frozen=True, slots=True)
class Same:
    """The same value in all turns."""

    source: Source


@dataclass(frozen=True, slots=True)
class Lane:
    """A value for each turn: `own` is the number of dimensions of the value itself."""

    slot: int
    level: int
    own: int


@dataclass(frozen=True, slots=True)
class Turn:
    """scale * index + offset of the loop at a level; `loop` tells it from others at that level."""

    level: int
    scale: int
    offset: Source
    loop: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """A carried value as it stands after `version` additions."""

    root: int
    version: int


Known: TypeAlias = Same | Lane | Turn | Account


@dataclass(frozen=True, slots=True)
class Entry:
    """One addition to a carried value, or one write: at positions (none for a number), of a lane.

    `trips` are the slots that hold the numbers of turns of the loops around it; they tell loops apart too. `places` are
    the positions as code, and `reads` the slots that these read.
    """

    indices: tuple[Same | Lane | Turn, ...]
    lane: int
    trips: tuple[int, ...]
    places: tuple[lanes.Index, ...] = ()
    reads: tuple[int, ...] = ()
    negative: bool = False

    @property
    def own(self) -> bool:
        """Whether no two turns of all loops meet at the same position."""
        levels = [i.level for i in self.indices if isinstance(i, Turn)]
        every = sorted(levels) == list(range(1, len(self.trips) + 1))
        return every and not any(isinstance(i, Lane) for i in self.indices)


@dataclass(slots=True)
class Root:
    """A carried value that is only added to or only written."""

    type: Type
    version: int = 0
    writes: bool = False
    entries: list[Entry] = field(default_factory=list)
    reads: list[tuple[Same | Lane | Turn, ...]] = field(default_factory=list)
    start: int | None = None  # slot of the value before the loop, where that is read


@dataclass(slots=True)
class Steps:
    """A row of steps, with what each of them reads."""

    ops: list[tuple[int, Code, tuple[int, ...]]] = field(default_factory=list)

    def finished(self, keep: set[int]) -> tuple[Op, ...]:
        """Slots that these steps fill are emptied after their last reading, but for those to `keep`."""
        filled = {slot for slot, _, _ in self.ops} - keep
        made: list[Op] = []
        seen = set(keep)
        for slot, code, reads in reversed(self.ops):
            dead = tuple(r for r in dict.fromkeys(reads) if r in filled and r not in seen)
            seen.update(reads)
            made.append(Op(slot, code, dead))
        return tuple(reversed(made))


def slots_of(sources: Sequence[Source]) -> list[int]:
    return [s.what for s in sources if s.kind == "slot"]


def source_of(k: Known) -> Source:
    assert isinstance(k, Same)
    return k.source


def where(k: Same | Lane) -> Source:
    return k.source if isinstance(k, Same) else Source("slot", k.slot)


def of_slot(slot: int) -> Code:
    return lambda e: e[slot]
