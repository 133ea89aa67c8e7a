"""What all of the writing of lanes shares: names of what differs between turns, masks, positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, Block, Operand, Var
from ..text import bare
from .facts import Facts

if TYPE_CHECKING:
    from ..loops import Loops

WIDTH = 16
"""Turns of a step. Results depend on it, so it is the same on all machines."""

SIDES = 24
"""What both sides of a branch may cost to be computed rather than jumped over."""

ZEROS = {FLOAT: "0.0", FLOAT32: "np.float32(0.0)", INT: "0", BOOL: "False", KEY: "np.uint64(0)"}
UNITS = {"+": 0, "*": 1}


class Unfit(Exception):
    """The loop has something that lanes cannot do."""


@dataclass(frozen=True, slots=True)
class Index:
    """A position on one axis. `base`, of a lane: its lanes are base, base + step, .., a text and a number."""

    text: str
    varies: bool = False
    base: str = ""
    step: int = 1


@dataclass(frozen=True, slots=True)
class Wide:
    """An array of each turn's own: a buffer with the elements of all lanes side by side, from position `start` on."""

    buffer: str
    dims: tuple[str, ...]
    start: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Positions from `low` on, `size` of them, of an axis that stays."""

    low: str
    size: str


@dataclass(frozen=True, slots=True)
class View:
    """A part of an array that all turns see, at positions that differ; axes behind those of `at` are whole."""

    x: Var
    at: tuple[Index | Span, ...]


@dataclass(slots=True)
class Words:
    """Writes the body of one parallel loop."""

    host: Loops
    facts: Facts
    adding: set[str] = field(default_factory=set)
    wides: dict[str, Wide] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    given: dict[str, tuple[Operand, ...]] = field(default_factory=dict)
    runs: dict[str, tuple[str, int]] = field(default_factory=dict)
    turned: dict[str, str] = field(default_factory=dict)
    each: str = ""
    sure: set[tuple[str, str]] = field(default_factory=set)
    count: str = ""
    live: str = ""
    mask: str = ""

    def block(self, block: Block) -> None:
        """Writes the Lets of a block."""
        raise NotImplementedError

    def alias(self, v: Var, o: Operand) -> None:
        """`v` is what `o` is."""
        raise NotImplementedError

    def line(self, text: str) -> None:
        self.host.line(text)

    def varies(self, *given: Operand) -> bool:
        return self.facts.varies(*given)

    def lane(self, o: Operand) -> str:
        """An operand as a lane."""
        text = self.host.whole(o)
        return text if self.varies(o) else f"spl({WIDTH}, {bare(text)})"

    def is_buffer(self, o: Operand, name: str) -> bool:
        """Whether an operand is what the text calls `name`."""
        return isinstance(o, Var) and self.host.name_of.get(o.name) == name and o.name not in self.views

    def named(self, text: str, hint: str = "t") -> str:
        """A text that may stand more than once."""
        if text.isidentifier() or text.isdigit():
            return text
        name = self.host.fresh(hint)
        self.line(f"{name} = {bare(text)}")
        return name

    def within(self, cond: str) -> str:
        """The lanes for which `cond` holds, of those that are here. Lanes that are left over do what the last turn
        does, branches and all: then no loop waits for them, and nothing of theirs faults."""
        return f"{cond} & {self.mask}" if self.mask else cond

    @property
    def counted(self) -> str:
        """The lanes that count: turns of their own, in the branch that is being written."""
        return f"({self.live} & {self.mask})" if self.mask else self.live

    def kept(self, new: str, old: str) -> str:
        """`new` in the lanes that are here."""
        return f"sel({self.mask}, {bare(new)}, {old})" if self.mask else new

    def stop_if(self, cond: str) -> None:
        with self.host.inside(f"if any_lane({bare(self.within(cond))}):"):
            self.host.apart()

    @contextmanager
    def region(self, mask: str) -> Iterator[None]:
        """Where only the lanes of `mask` are."""
        before, leaving = self.mask, self.host.leaving
        self.mask, self.host.leaving = mask, True
        with self.inner_scope():
            yield
        self.mask, self.host.leaving = before, leaving

    @contextmanager
    def inner_scope(self) -> Iterator[None]:
        """What is checked there is not checked for what follows."""
        before = set(self.sure)
        yield
        self.sure = before


def position(at: Sequence[str], dims: Sequence[str]) -> str:
    """The position of an element among all of them."""
    if not at:
        return "0"
    text = at[0]
    for i, n in zip(at[1:], dims[1:], strict=False):
        text = f"({text} * {n} + {i})"
    return text


def mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def times(text: str, dims: Sequence[str]) -> str:
    factors = [f for f in (text, *dims) if f != "1"]
    return f"({' * '.join(factors)})" if len(factors) > 1 else factors[0] if factors else "1"
