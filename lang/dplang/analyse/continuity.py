"""Proofs that a branch is continuous across its boundary: `if p < q { A } else { B }` where A = B wherever p = q.

p = q is solved for a value that occurs affinely in it, the solution is put into A - B, and the polynomial that is left
has to vanish. Kinks on the way (`abs`, `max`, other branches) are taken apart into cases, and each needs its proof. A
side counts only if none of its steps can leave its domain: whatever else is computed inside a side proves nothing.
Rounding and overflow are left aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isfinite
from typing import Literal

from ..core.build import Names
from ..core.ir import (
    BOOL,
    FLOAT,
    At,
    Block,
    Call,
    Fill,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Make,
    Operand,
    Prim,
    Program,
    Scalar,
    Type,
    Update,
    Var,
)
from ..core.ir import Path as Steps
from ..core.rewrite import all_names, copy_block, lets_of
from ..primitives import TABLE

Joined = Literal["C1", "kinked"]
"""How two sides meet at their boundary: with equal derivatives, or with equal values only."""

Poly = dict[tuple[str, ...], Fraction]
"""Coefficients by monomial: the sorted names of its factors. A factor is a variable, an element, or a total function of
polynomials, told apart by its text."""

ORDERED = {"<", "<=", ">", ">="}
LARGEST, DEEPEST = 60, 8
"""Terms of a polynomial and nested cases after which a proof is given up."""
LARGEST_BODIES = 400
"""Lets of functions that are called which the proofs about one function look into."""
TINY = Fraction(1, 10**12)
ZERO = Lit(0.0, FLOAT)


class _Unknown(Exception):
    """Nothing is proved."""


class _Infeasible(Exception):
    """The case at hand does not meet the boundary."""


class _Split(Exception):
    """What follows depends on the sign that `name` stands for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Definitions:
    """The Lets of a function by the names that they bind, with the position among their results.

    Those of functions that it calls come in as a proof asks for them.
    """

    def __init__(self, program: Program, fn: Fn) -> None:
        self.program, self.fn = program, fn
        self.of: dict[str, tuple[Let, int]] = {}
        self.called: set[str] = set()
        """Names that such functions bind."""
        self._bodies: dict[str, Block | None] = {}
        self._room = LARGEST_BODIES
        self._add(fn.body)

    def _add(self, block: Block) -> None:
        self.of.update((var.name, (let, k)) for let in lets_of(block) for k, var in enumerate(let.names))

    @cached_property
    def _names(self) -> Names:
        return all_names(self.fn)

    def body(self, let: Let) -> Block | None:
        """A copy of the body that a call runs, with the arguments in it; None where too much is called, and where a
        rule says what the derivative is."""
        key = let.names[0].name
        if key not in self._bodies:
            self._bodies[key] = self._copy(let)
        return self._bodies[key]

    def _copy(self, let: Let) -> Block | None:
        assert isinstance(let.value, Call)
        fn = self.program.fns[let.value.fn]
        self._room -= sum(1 for _ in lets_of(fn.body))
        if fn.rule is not None or self._room < 0:
            return None
        mapping = {p.var.name: a for p, a in zip(fn.params, let.value.args, strict=True)}
        made = copy_block(fn.body, self._names, mapping)
        self._add(made)
        self.called.update(v.name for inner in lets_of(made) for v in inner.names)
        return made

    def comparisons(self, cond: Operand) -> list[Let]:
        """The comparisons by size that decide `cond`, perhaps through `not`, `and` and `or`."""
        if not isinstance(cond, Var) or cond.name not in self.of:
            return []
        let, k = self.of[cond.name]
        match let.value:
            case Prim("not", (inner,)):
                return self.comparisons(inner)
            case Prim(op, (p, _)) if op in ORDERED and _is_float(p.type):
                return [let]
            case If(first, then, orelse):
                parts = (first, then.results[k], orelse.results[k])
                return [found for part in parts for found in self.comparisons(part)]
            case _:
                return []


@dataclass(frozen=True, slots=True)
class _Boundary:
    """Where `let`, a comparison of p and q in the condition of a branch, changes; result `k` is at stake."""

    node: If
    k: int
    let: Let
    p: Operand
    q: Operand


def meeting(defs: Definitions, node: If, k: int, let: Let) -> Joined | None:
    """How the two sides of `node` meet in result `k` where the comparison `let` changes, if that can be proved."""
    assert isinstance(let.value, Prim)
    at = _Boundary(node, k, let, *let.value.args)
    inside = {v.name for side in (node.then, node.orelse) for inner in lets_of(side) for v in inner.names}
    made: Joined = "C1"
    cases: list[dict[str, bool]] = [{}]
    while cases:
        chosen = cases.pop()
        try:
            if _case(defs, inside, chosen, at) == "kinked":
                made = "kinked"
        except _Split as split:
            if len(chosen) == DEEPEST:
                return None
            cases += [{**chosen, split.name: True}, {**chosen, split.name: False}]
        except _Infeasible:
            continue
        except _Unknown:
            return None
    return made


def _case(defs: Definitions, inside: set[str], chosen: dict[str, bool], at: _Boundary) -> Joined:
    for held in (None, at.p, at.q):
        joined = _solved(_Normal(defs, inside, chosen, held), at)
        if joined:
            return joined
    raise _Unknown


def _solved(free: _Normal, at: _Boundary) -> Joined | None:
    edge = _minus(free.scalar(at.p), free.scalar(at.q))
    solvable = [m[0] for m in edge if len(m) == 1 and sum(m[0] in other for other in edge) == 1]
    if edge and not any(edge):
        raise _Infeasible
    for v in solvable:
        solution = _scaled({m: c for m, c in edge.items() if m != (v,)}, -1 / edge[v,])
        if any(v in factor for m in solution for factor in m):
            continue  # v stands inside another factor too
        try:
            if all(_vanishes(d) for d in free.where(v, solution).across(at)):
                return "C1" if _same_slopes(free, v, solution, at) else "kinked"
        except _Unknown:
            continue
    return None


def _same_slopes(free: _Normal, v: str, solution: Poly, at: _Boundary) -> bool:
    """Whether the derivatives of the two sides by each factor agree, too, where v is `solution`."""
    try:
        differences = list(free.across(at))
    except _Unknown:  # apart from the boundary, a side has no normal form
        return False
    for d in differences:
        factors = {f for m in d for f in m}
        if any(v in f and v != f for f in factors):
            return False
        for f in factors:
            slope: Poly = {}
            for m, c in d.items():
                if f in m:
                    rest = list(m)
                    rest.remove(f)
                    slope = _plus(slope, {tuple(rest): c * m.count(f)})
            if not _vanishes(_with(slope, v, solution)):
                return False
    return True


def _is_float(t: Type) -> bool:
    return isinstance(t, Scalar) and t.name in ("Float", "Float32")


# ---- normal forms


class _Normal:
    """Scalars as polynomials, in the case that `chosen` describes and where some factors have the values `given`.

    A case is a choice of signs, by the texts of what has the sign as it is where nothing is given (in `free`). `held`
    is not looked into: p = q may be solved for p whatever p was made of.
    """

    def __init__(
        self,
        defs: Definitions,
        inside: set[str],
        chosen: Mapping[str, bool],
        held: Operand | None = None,
        given: Mapping[str, Poly] | None = None,
        free: _Normal | None = None,
    ) -> None:
        self.defs, self.inside, self.chosen = defs, inside, chosen
        self.held = held
        self.given = given or {}
        self.free = free or self
        self.forced: dict[str, bool] = {}
        self.known: dict[str, Poly] = {}

    def where(self, v: str, value: Poly) -> _Normal:
        return _Normal(self.defs, self.inside, self.chosen, self.held, {v: value}, self)

    def across(self, at: _Boundary) -> Iterator[Poly]:
        """What has to vanish for the result to be the same on both sides of a boundary."""
        sides = []
        try:
            for holds in (True, False):
                self.forced = {at.let.names[0].name: holds}
                taken = at.node.then if self.truth(at.node.cond) else at.node.orelse
                sides.append(taken.results[at.k])
        finally:
            self.forced = {}
        return self.differences(*sides)

    def differences(self, a: Operand, b: Operand) -> Iterator[Poly]:
        """What has to vanish for `a` and `b` to be equal; arrays may differ in elements that were set."""
        if a == b:
            return
        if isinstance(a.type, Scalar):
            yield _minus(self.scalar(a), self.scalar(b))
            return
        a, b = self.resolved(a), self.resolved(b)
        x, y = self.update(a), self.update(b)
        if x and x.x == b:
            yield self.change(x)
        elif y and y.x == a:
            yield self.change(y)
        elif x and y and x.x == y.x and self.steps(x.path) == self.steps(y.path):
            yield _minus(self.change(x), self.change(y))
        elif a != b:
            raise _Unknown

    def change(self, u: Update) -> Poly:
        """What an update adds to the element that it writes."""
        new = self.scalar(u.v)
        if u.kind == "add":
            return new
        old = self.element(u.x, u.path)
        if old is None:
            raise _Unknown
        return _minus(new, old)

    def update(self, o: Operand) -> Update | None:
        value = self.defs.of[o.name][0].value if isinstance(o, Var) and o.name in self.defs.of else None
        scalar = isinstance(value, Update) and value.kind != "push" and isinstance(value.v.type, Scalar)
        return value if scalar and isinstance(value, Update) else None

    def resolved(self, o: Operand) -> Operand:
        """`o`, or what the branches that made it gave in this case. A number from before is the same on both
        sides; only calls are looked into there, too, as others of them may stand inside."""
        while isinstance(o, Var) and o.name in self.defs.of:
            let, k = self.defs.of[o.name]
            match let.value:
                case If(cond, then, orelse) if o.name in self.inside or o.name in self.defs.called or o.type == BOOL:
                    o = (then if self.truth(cond) else orelse).results[k]
                case Var() | Lit():
                    o = let.value
                case Call() if (body := self.defs.body(let)) is not None:
                    if o.name in self.inside:
                        self.inside.update(v.name for inner in lets_of(body) for v in inner.names)
                    o = body.results[k]
                case _:
                    return o
        return o

    def scalar(self, o: Operand) -> Poly:
        if not isinstance(o, Var):
            return self.made(o)
        if o.name not in self.known:
            self.known[o.name] = self.made(o)
        return self.known[o.name]

    def made(self, o: Operand) -> Poly:
        o = self.resolved(o)
        if isinstance(o, Lit):
            if isinstance(o.value, bool) or not isinstance(o.value, int | float) or not isfinite(o.value):
                raise _Unknown
            return _constant(Fraction(o.value))
        if o != self.held and o.name in self.defs.of:
            value = self.defs.of[o.name][0].value
            made = None
            match value:
                case Prim(op, args):
                    made = self.prim(op, args)
                case Get(x, path):
                    made = self.element(x, path)
            if made is not None:
                return made
            if o.name in self.inside:
                raise _Unknown
        return self.factor(o.name)

    def factor(self, name: str) -> Poly:
        return self.given.get(name, {(name,): Fraction(1)})

    def prim(self, op: str, args: tuple[Operand, ...]) -> Poly | None:
        """The normal form of a primitive, or None where it may leave its domain or is none of numbers."""
        match op, args:
            case "+", (x, y):
                return _plus(self.scalar(x), self.scalar(y))
            case "-", (x, y):
                return _minus(self.scalar(x), self.scalar(y))
            case "*", (x, y):
                return _times(self.scalar(x), self.scalar(y))
            case "/", (x, y):
                by = self.scalar(y)
                return _scaled(self.scalar(x), 1 / by[()]) if set(by) == {()} else None
            case "^", (x, Lit(k)) if isinstance(k, int | float) and k == int(k) and 0 <= k <= 8:
                made = _constant(Fraction(1))
                for _ in range(int(k)):
                    made = _times(made, self.scalar(x))
                return made
            case "neg", (x,):
                return _scaled(self.scalar(x), Fraction(-1))
            case (("float" | "float32"), (x,)) if isinstance(x.type, Scalar) and x.type.name != "Bool":
                return self.scalar(x)
            case "abs", (x,):
                u = self.scalar(x)
                return u if self.positive(x) else _scaled(u, Fraction(-1))
            case "relu", (x,):
                return self.scalar(x) if self.positive(x) else {}
            case (("max" | "min"), (x, y)):
                return self.scalar(x if self.positive(x, y) == (op == "max") else y)
            case _:
                row = TABLE.get(op)
                if row is None or row.domain or not row.elementwise or row.mode not in ("smooth", "C1", "kinked"):
                    return None
                return self.factor(f"{op}({', '.join(_text(self.scalar(x)) for x in args)})")

    def element(self, x: Operand, path: Steps) -> Poly | None:
        """An element of an array; None for a part of it."""
        x = self.resolved(x)
        where = self.steps(path)
        u = self.update(x)
        if u is not None:
            if self.steps(u.path) != where:
                return None
            return self.scalar(u.v) if u.kind == "set" else _plus(self.element(u.x, path) or {}, self.scalar(u.v))
        value = self.defs.of[x.name][0].value if isinstance(x, Var) and x.name in self.defs.of else None
        match value, path:
            case Make(parts), (At(Lit(int(i))),) if i < len(parts):
                return self.scalar(parts[i])
            case Fill(shape, v), _ if len(shape) == len(path):
                return self.scalar(v)
        return self.factor(f"{x.name}[{where}]") if isinstance(x, Var) and x.name not in self.inside else None

    def steps(self, path: Steps) -> str:
        if not all(isinstance(s, At) for s in path):
            raise _Unknown
        return ", ".join(_text(self.scalar(s.index)) for s in path if isinstance(s, At))

    # ---- cases

    def positive(self, x: Operand, y: Operand = ZERO) -> bool:
        """Whether x > y in this case; where they are equal both ways are gone."""
        u = _minus(self.scalar(x), self.scalar(y))
        known = u.get((), Fraction(0)) if set(u) <= {()} else None
        sign, same = _sign(_minus(self.free.scalar(x), self.free.scalar(y)))
        if sign in self.chosen:
            positive = self.chosen[sign] == same
            here, alike = _sign(u)
            if (known and positive != (known > 0)) or self.chosen.get(here, positive == alike) != (positive == alike):
                raise _Infeasible
            return positive
        if known:
            return known > 0
        raise _Split(sign)

    def truth(self, cond: Operand) -> bool:
        """Whether a condition holds in this case."""
        if isinstance(cond, Var) and cond.name in self.forced:
            return self.forced[cond.name]
        cond = self.resolved(cond)
        if isinstance(cond, Lit):
            return bool(cond.value)
        if cond.name in self.forced:
            return self.forced[cond.name]
        if cond.name in self.defs.of:
            match self.defs.of[cond.name][0].value:
                case Prim("not", (inner,)):
                    return not self.truth(inner)
                case Prim(op, (p, q)) if op in ORDERED and isinstance(p.type, Scalar) and p.type.name != "String":
                    return self.positive(p, q) if op in (">", ">=") else self.positive(q, p)
        if cond.name in self.chosen:
            return self.chosen[cond.name]
        raise _Split(cond.name)


# ---- polynomials


def _constant(c: Fraction) -> Poly:
    return {(): c} if c else {}


def _plus(a: Poly, b: Poly) -> Poly:
    made = dict(a)
    for m, c in b.items():
        made[m] = made.get(m, Fraction(0)) + c
        if not made[m]:
            del made[m]
    return made


def _scaled(a: Poly, by: Fraction) -> Poly:
    return {m: c * by for m, c in a.items()} if by else {}


def _minus(a: Poly, b: Poly) -> Poly:
    return _plus(a, _scaled(b, Fraction(-1)))


def _times(a: Poly, b: Poly) -> Poly:
    if len(a) * len(b) > LARGEST**2:
        raise _Unknown
    made: Poly = {}
    for m, c in a.items():
        made = _plus(made, {tuple(sorted(m + n)): c * d for n, d in b.items()})
    if len(made) > LARGEST:
        raise _Unknown
    return made


def _with(a: Poly, v: str, value: Poly) -> Poly:
    """`a` where the factor `v` is `value`."""
    made: Poly = {}
    for m, c in a.items():
        term: Poly = {tuple(f for f in m if f != v): c}
        for _ in range(m.count(v)):
            term = _times(term, value)
        made = _plus(made, term)
    return made


def _vanishes(a: Poly) -> bool:
    return all(abs(c) <= TINY for c in a.values())


def _sign(a: Poly) -> tuple[str, bool]:
    """A text for what has the sign of `a`, or with False the other one: the same for all its multiples."""
    unit = a[max(a)] if a else Fraction(1)
    return _text(_scaled(a, 1 / unit)), unit > 0


def _text(a: Poly) -> str:
    return " + ".join(f"{c}{''.join('*' + f for f in m)}" for m, c in sorted(a.items())) or "0"
