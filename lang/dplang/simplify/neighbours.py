"""Two Lets of a block brought together, so that they can become one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..core.ir import ArrayType, Block, Get, Let, Operand, Stop, Update, Var
from ..core.rewrite import free_names, lets_of, name_of
from .ranges import Fact, Known, Ranges
from .total import Totality

AROUND = 200
"""Lets between two others up to which these are brought together."""

Make: TypeAlias = Callable[[Let, Let, Known], Let | None]


class Neighbours:
    """Moves Lets about. Nothing moves before something that may fault, nor what may fault behind another effect, so
    that a program faults where it would have."""

    def __init__(self, totality: Totality, ranges: Ranges) -> None:
        self.totality = totality
        self.ranges = ranges
        self._free: dict[int, tuple[Let, frozenset[str]]] = {}

    def reads(self, let: Let) -> frozenset[str]:
        """The names from outside that a Let reads."""
        known = self._free.get(id(let))
        if known is None:
            known = self._free[id(let)] = (let, frozenset(free_names(let.value)))
        return known[1]

    def join(self, lets: list[Let], a: int, b: int, facts: list[Fact], make: Make) -> list[Let] | None:
        """The Lets with numbers `a` and `b` as the one that `make` makes of them, or None where they stay apart.

        `make` is told which sizes are equal at the place of that one.
        """
        first, second = lets[a], lets[b]
        quiet = self.totality.let(first)
        # derivative code relies on what the primal has checked, in all its turns
        if not quiet and (second.role == "adjoint" or not self.totality.let(second)):
            return None
        between = lets[a + 1 : b]
        behind, made = self.dependents(first, between)
        if self.reads(second) & made:
            return None
        if all(map(self.totality.let, behind)):
            # where the second is: the first moves down, what needs it goes behind
            rest = _without(between, behind)
            if quiet or not rest:
                known = self.ranges.solved([*facts, *self.ranges.facts([*lets[:a], *rest])])
                one = make(first, second, known)
                return None if one is None else [*lets[:a], *rest, one, *behind, *lets[b + 1 :]]
        # where the first is: the second moves up, with what it needs before
        before = self.needs(second, between)
        rest = _without(between, before)
        if not all(map(self.totality.let, rest)) or not (quiet or not before):
            return None
        known = self.ranges.solved([*facts, *self.ranges.facts([*lets[:a], *before])])
        one = make(first, second, known)
        return None if one is None else [*lets[:a], *before, one, *rest, *lets[b + 1 :]]

    def dependents(self, first: Let, between: Sequence[Let]) -> tuple[list[Let], set[str]]:
        """What between two Lets needs the first, and the names that this binds."""
        tainted = {v.name for v in first.names}
        found: list[Let] = []
        bound: set[str] = set()
        for let in between:
            if self.reads(let) & (tainted | bound):
                found.append(let)
                bound.update(v.name for v in let.names)
        return found, bound

    def needs(self, second: Let, between: Sequence[Let]) -> list[Let]:
        """What between two Lets the second needs."""
        wanted = set(self.reads(second))
        found: list[Let] = []
        for let in reversed(between):
            if any(v.name in wanted for v in let.names):
                found.append(let)
                wanted |= self.reads(let)
        return found[::-1]


def _without(lets: Sequence[Let], others: Sequence[Let]) -> list[Let]:
    gone = set(map(id, others))
    return [let for let in lets if id(let) not in gone]


def origins(body: Block) -> dict[str, str]:
    """Arrays that are parts or successors of others, by name."""
    found: dict[str, str] = {}
    for let in lets_of(body):
        match let.value:
            case Var(name) if let.names:
                found[let.names[0].name] = name
            case Get(Var(name)) | Update(_, Var(name)) | Stop(Var(name)):
                if isinstance(let.names[0].type, ArrayType):
                    found[let.names[0].name] = name
            case _:
                pass
    return found


def source(origin: dict[str, str], o: Operand) -> str:
    """The array whose memory `o` may lie in."""
    name = name_of(o)
    while name in origin:
        name = origin[name]
    return name
