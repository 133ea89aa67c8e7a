"""Indices that need no check: those that the loops, branches and checks around them keep within their array.

What is known at a place is a set of polynomials (`core.sizes`) that are not negative there. A loop says where its index
runs; a branch says on each side what its condition says; an access that has been checked, or a `Check`, says that it
held. An index is proved where what has to be not negative is a sum of what is known, each times something that is not
negative.

Ints wrap, polynomials do not: a comparison is believed only where neither side can have wrapped, that is where it is
one value as it is, or is made of sizes and turns, which memory and time keep small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..analyse.access import ONE, atom
from ..core.ir import (
    INT,
    At,
    Block,
    Check,
    Dim,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Operand,
    Path,
    Prim,
    Program,
    Slice,
    Step,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import lets_of, map_value
from ..core.sizes import Atom, Monomial, Opaque, Size, SizeVar
from .ranges import Ranges

FUEL = 5
"""How many known polynomials a proof may add up."""

GOALS = 64
"""How many polynomials a proof may try: many accesses have said something, and it combines in too many ways."""

MODEST, FAR = 1 << 16, 1 << 48
"""The largest factor, and the largest number by itself, in a form that is taken not to wrap."""


def bounds(program: Program) -> Program:
    """Marks the indices that are surely within their arrays."""
    fns = dict(program.fns)
    for name, fn in fns.items():
        if any(_unproved(let.value) for let in lets_of(fn.body)):
            fns[name] = replace(fn, body=_Bounds(fn).block(fn.body, Known()))
    return Program(fns, program.enums, program.entry)


def _unproved(value: Operand | Value) -> bool:
    return isinstance(value, Get | Update) and any(isinstance(s, At | Slice) and not s.proved for s in value.path)


@dataclass(slots=True)
class Known:
    """Polynomials that are not negative, and such that are not zero."""

    natural: list[Size] = field(default_factory=list)
    differ: list[Size] = field(default_factory=list)

    def copy(self) -> Known:
        return Known([*self.natural], [*self.differ])


class _Bounds:
    def __init__(self, fn: Fn) -> None:
        self.ranges = Ranges(fn)
        self.made: dict[str, Operand | Value] = {}
        self.small: set[Atom] = set()
        for let in lets_of(fn.body):
            if len(let.names) == 1:
                self.made[let.names[0].name] = let.value
            if isinstance(let.value, Loop | While):
                self.small.add(atom(let.value.index.name))
            elif isinstance(let.value, Dim) and isinstance(let.value.x, Var):
                self.small |= self.ranges.dim(let.value.x, let.value.axis).atoms()

    # ---- the walk

    def block(self, block: Block, known: Known) -> Block:
        """`known` grows by what the block says."""
        return Block(tuple(self.let(let, known) for let in block.lets), block.results)

    def let(self, let: Let, known: Known) -> Let:
        value = let.value
        match value:
            case Get(x, path):
                return replace(let, value=replace(value, path=self.path(x, path, known)))
            case Update(_, x, path, _):
                return replace(let, value=replace(value, path=self.path(x, path, known)))
            case If(cond, then, orelse):
                sides = []
                for side, truth in ((then, True), (orelse, False)):
                    inner = known.copy()
                    self.learn(cond, truth, inner)
                    sides.append(self.block(side, inner))
                return replace(let, value=If(cond, *sides))
            case Loop():
                inner = known.copy()
                self.enter(value, inner)
                return replace(let, value=replace(value, body=self.block(value.body, inner)))
            case While():
                inner = known.copy()
                head = self.block(value.cond, inner)
                self.learn(head.results[0], True, inner)
                return replace(let, value=replace(value, cond=head, body=self.block(value.body, inner)))
            case Check(cond):
                self.learn(cond, True, known)
                return let
            case _:
                return replace(
                    let, value=map_value(value, lambda o: o, lambda ps, b: (ps, self.block(b, known.copy())))
                )

    def enter(self, loop: Loop, known: Known) -> None:
        low, high = self.ranges.form(loop.low), self.ranges.form(loop.high)
        if self.exact(low, known) and self.exact(high, known):
            self.note(known, high - low - ONE - Size.of(atom(loop.index.name)))

    def path(self, x: Operand, path: Path, known: Known) -> Path:
        if not isinstance(x, Var):
            return path
        steps: list[Step] = []
        for axis, step in enumerate(path):
            if isinstance(step, At) and not step.proved:
                size = self.ranges.dim(x, axis)
                below, above = self.ranges.form(step.index), size - ONE - self.ranges.form(step.index)
                step = replace(step, proved=self.holds(below, known) and self.holds(above, known))
                if not step.proved and self.exact(below, known):
                    self.note(known, below, above)
            elif isinstance(step, Slice) and not step.proved:
                low, high = self.ranges.form(step.low), self.ranges.form(step.high)
                gaps = (low, high - low, self.ranges.dim(x, axis) - high)
                step = replace(step, proved=all(self.holds(gap, known) for gap in gaps))
            elif not isinstance(step, At | Slice):
                return (*steps, *path[axis:])
            steps.append(step)
        return tuple(steps)

    # ---- what conditions say

    def learn(self, cond: Operand, truth: bool, known: Known) -> None:
        """Adds what is known where `cond` is `truth`."""
        made = self.made.get(cond.name) if isinstance(cond, Var) else None
        match made:
            case Var() as other:
                self.learn(other, truth, known)
            case Prim("not", (other,)):
                self.learn(other, not truth, known)
            case Prim(op, (a, b)) if a.type == INT and b.type == INT:
                self.compare(op if truth else OPPOSITE.get(op, ""), a, b, known)
            case If(inner, then, orelse):
                # one side alone can have been taken: the other is a constant that says otherwise
                if _is(orelse.results[0], not truth):
                    self.learn(inner, True, known)
                    self.learn(then.results[0], truth, known)
                elif _is(then.results[0], not truth):
                    self.learn(inner, False, known)
                    self.learn(orelse.results[0], truth, known)
            case _:
                pass

    def compare(self, op: str, a: Operand, b: Operand, known: Known) -> None:
        x, y = self.ranges.form(a), self.ranges.form(b)
        if not (self.exact(x, known) and self.exact(y, known)):
            return
        match op:
            case "<":
                self.note(known, y - x - ONE)
            case "<=":
                self.note(known, y - x)
            case ">":
                self.note(known, x - y - ONE)
            case ">=":
                self.note(known, x - y)
            case "==":
                self.note(known, x - y, y - x)
            case "!=":
                known.differ.append(x - y)
        for d in known.differ:
            self.note(known, *(s - ONE for s in (d, -d) if self.holds(s, known)))

    def note(self, known: Known, *facts: Size) -> None:
        """Adds what is not known yet."""
        known.natural += [f for f in facts if f not in known.natural and not self.ranges.natural_size(f)]

    def exact(self, form: Size, known: Known) -> bool:
        """Whether an Int is what its polynomial says, without having wrapped."""
        if form.atom is not None:
            return True
        modest = all(len(m) <= 2 and abs(k) <= (MODEST if m else FAR) for m, k in form.terms)
        return modest and all(self.is_small(a, known) for m, _ in form.terms for a in m)

    def is_small(self, a: Atom, known: Known) -> bool:
        """Whether an atom is a size or the number of a turn, or lies between none and such."""
        if a in self.small or (isinstance(a, SizeVar) and "#" in a.name):
            return True
        gaps = [f + Size.of(a) for f in known.natural if ((a,), -1) in f.terms]
        below = any(self.small.issuperset(gap.atoms()) for gap in gaps)
        return below and self.holds(Size.of(a), known)

    # ---- proofs

    def holds(self, s: Size, known: Known) -> bool:
        """Whether `s` is surely not negative: the shortest proofs are tried first, and few in all."""
        if self.ranges.natural_size(s):
            return True
        seen, goals = {s}, [s]
        for _ in range(FUEL):
            following = []
            for goal in goals:
                for left in self.without_first(goal, known):
                    if self.ranges.natural_size(left):
                        return True
                    if left not in seen and len(seen) < GOALS:
                        seen.add(left)
                        following.append(left)
            goals = following
        return False

    def without_first(self, s: Size, known: Known) -> Iterator[Size]:
        """What is left of `s` when a fact takes its first negative term away: not negative where `s` need not be."""
        negative = next((m, k) for m, k in s.terms if not self.ranges.natural_size(Size(((m, k),))))
        for fact in (*known.natural, *self.limits(s)):
            for share in self.shares(fact, *negative):
                yield s - share

    def limits(self, s: Size) -> list[Size]:
        """What `min` and `max` in a polynomial say of themselves."""
        found = []
        for a in s.atoms():
            if isinstance(a, Opaque) and a.op in ("min", "max"):
                gaps = [x - Size.of(a) for x in a.args]
                found += gaps if a.op == "min" else [-gap for gap in gaps]
        return found

    def shares(self, fact: Size, monomial: Monomial, k: int) -> list[Size]:
        """Multiples of what is known that take the term k * monomial away."""
        found = []
        for m, j in fact.terms:
            if j * k > 0 and k % j == 0:
                rest = _divided(monomial, m)
                if rest is not None and all(a in self.ranges.natural for a in rest):
                    found.append(fact if not rest and k == j else fact * Size(((rest, k // j),)))
        return found


OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def _is(o: Operand, truth: bool) -> bool:
    return isinstance(o, Lit) and o.value is truth


def _divided(monomial: Monomial, by: Monomial) -> Monomial | None:
    """What is left of a monomial without the factors of another."""
    rest: list[Atom] = [*monomial]
    for a in by:
        if a not in rest:
            return None
        rest.remove(a)
    return tuple(rest)
