"""Where a loop touches an array: index expressions as polynomials, and whether two accesses can meet.

Indices use the normal form of sizes (`core.sizes`). A loop index stands for its offset from the lower bound, so
each is known to lie in 0 .. width. Two accesses in two turns meet where the difference of their indices can
be zero, the indices of the second turn primed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd
from typing import Literal, TypeAlias

from ..core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Carry,
    Dim,
    Fill,
    Fn,
    Get,
    Let,
    Lit,
    Loop,
    Operand,
    Part,
    Path,
    Prim,
    Slice,
    Update,
    Var,
    While,
)
from ..core.rewrite import blocks
from ..core.sizes import Atom, Opaque, Size, SizeVar, apply
from ..errors.source import Span

ZERO, ONE = Size.of(0), Size.of(1)


def atom(name: str) -> SizeVar:
    return SizeVar(name, -1)


def prime(v: SizeVar) -> SizeVar:
    return SizeVar(v.name + "'", -1)


# ---- index expressions


class Indices:
    """The Ints of a function as polynomials: `forms` by name, `widths` of the ranges of loop indices.

    What is no polynomial is an atom of its own; `positive` are atoms that cannot be negative.
    """

    def __init__(self, fn: Fn) -> None:
        self.forms: dict[str, Size] = {}
        self.widths: dict[SizeVar, Size] = {}
        self.natural: set[Atom] = set()
        self._dims: dict[tuple[str, int], Size] = {}
        self._block(fn.body)
        for let in fn.body.lets:
            self._sizes(let)

    def form(self, o: Operand) -> Size:
        if isinstance(o, Lit):
            return Size.of(int(o.value)) if isinstance(o.value, int) else ZERO
        return self.forms.get(o.name) or Size.of(atom(o.name))

    def natural_size(self, s: Size) -> bool:
        """Whether a polynomial is provably not negative."""
        return all(k >= 0 and all(a in self.natural for a in monomial) for monomial, k in s.terms)

    def _block(self, block: Block) -> None:
        for let in block.lets:
            self._enter(let)
            for _, inner in blocks(let.value):
                self._block(inner)
            if len(let.names) == 1 and let.names[0].type == INT:
                form = self._value(let)
                if form is not None:
                    self.forms[let.names[0].name] = form
            self._shapes(let)

    def _enter(self, let: Let) -> None:
        """Indices of a loop, and carried values that grow by the same step in every turn."""
        node = let.value
        if isinstance(node, While):
            self.natural.add(atom(node.index.name))
        if not isinstance(node, Loop):
            return
        index, low = atom(node.index.name), self.form(node.low)
        self.natural.add(index)
        self.widths[index] = self.form(node.high) - low
        self.forms[node.index.name] = low + Size.of(index)
        for param, init, step in steps(node):
            self.forms[param.name] = self.form(init) + self.form(step) * Size.of(index)

    def _value(self, let: Let) -> Size | None:
        match let.value:
            case Var() | Lit() as o:
                return self.form(o)
            case Prim("+", (a, b)):
                return self.form(a) + self.form(b)
            case Prim("-", (a, b)):
                return self.form(a) - self.form(b)
            case Prim("*", (a, b)):
                return self.form(a) * self.form(b)
            case Prim("neg", (a,)):
                return -self.form(a)
            case Prim("//" | "%" | "min" | "max" as op, (a, b)):
                return apply(op, self.form(a), self.form(b))
            case Dim(Var() as x, axis):
                return self._dim(x, axis)
            case Get(Var() as x, path) if all(isinstance(s, At) for s in path):
                places = [self.form(s.index) for s in path if isinstance(s, At)]
                return Size.of(Opaque("at", (Size.of(atom(x.name)), *places)))
            case _:
                return None

    def _dim(self, x: Var, axis: int) -> Size:
        fixed = x.type.dims[axis] if isinstance(x.type, ArrayType) else None
        if fixed is not None:
            return Size.of(fixed)
        known = self._dims.get((x.name, axis))
        if known is None:
            size = atom(f"{x.name}#{axis}")
            self.natural.add(size)
            known = self._dims[x.name, axis] = Size.of(size)
        return known

    def _shapes(self, let: Let) -> None:
        """Dimensions that a value has by its making."""
        match let.value:
            case Fill(shape, _):
                for axis, o in enumerate(shape):
                    self._dims[let.names[0].name, axis] = self.form(o)
            case Update("set" | "add", Var() as x, _, _):
                rank = len(x.type.dims) if isinstance(x.type, ArrayType) else 0
                for axis in range(rank):
                    self._dims[let.names[0].name, axis] = self._dim(x, axis)
            case Loop(low=low, high=high, results=results):
                for name, r in zip(let.names, results, strict=True):
                    if isinstance(r, Build):
                        self._dims[name.name, 0] = self.form(high) - self.form(low)
            case _:
                pass

    def _sizes(self, let: Let) -> None:
        """A size is not negative, or the function faults: where it is one variable, that is worth knowing."""
        sizes = [self.form(o) for o in let.value.shape] if isinstance(let.value, Fill) else []
        self.natural.update(s.atom for s in sizes if s.atom is not None)


def steps(node: Loop) -> Iterable[tuple[Var, Operand, Operand]]:
    """Carried Ints that each turn adds the same to: parameter, start, step."""
    made = {let.names[0].name: let for let in node.body.lets if len(let.names) == 1}
    inside = {v.name for let in node.body.lets for v in let.names}
    for r, result in zip(node.results, node.body.results, strict=True):
        if not isinstance(r, Carry) or r.param.type != INT or not isinstance(result, Var):
            continue
        let = made.get(result.name)
        if let is None or not isinstance(let.value, Prim) or let.value.op != "+":
            continue
        others = [a for a in let.value.args if a != r.param]
        if len(others) == 1 and (isinstance(others[0], Lit) or _outside(others[0], node, inside)):
            yield r.param, r.init, others[0]


def _outside(v: Var, node: Loop, inside: set[str]) -> bool:
    carried = {r.param.name for r in node.results if isinstance(r, Carry)}
    return v.name not in inside and v.name not in carried and v.name != node.index.name


# ---- accesses


@dataclass(frozen=True, slots=True)
class Region:
    """The places low, low + 1 .. of one dimension, `width` of them."""

    low: Size
    width: Size


@dataclass(frozen=True, slots=True)
class Access:
    """A touch of an array: `places` for the leading dimensions (none: all of it); `how` is `read`, `write`, or
    the operation by which it combines with what is there."""

    how: str
    places: tuple[Region, ...]
    span: Span


def regions(path: Path, indices: Indices) -> tuple[Region, ...]:
    """The places that a path reaches, dimension by dimension, up to the first step into an enum."""
    made = []
    for step in path:
        match step:
            case At(index):
                made.append(Region(indices.form(index), ONE))
            case Slice(low, high):
                made.append(Region(indices.form(low), indices.form(high) - indices.form(low)))
            case Part():
                break
    return tuple(made)


# ---- tests

Meeting: TypeAlias = int | Literal["always", "perhaps"] | None
"""None: two different turns never meet. A number: turn i meets turn i + that number. `always`: any two turns."""


class Turns:
    """Whether accesses of one loop meet in different turns. `inside` are all names that the body binds."""

    def __init__(self, indices: Indices, node: Loop, inside: set[str]) -> None:
        self.indices = indices
        self.index = atom(node.index.name)
        self.inside = inside | {node.index.name}
        self.widths = dict(indices.widths)
        self.widths.update((prime(v), self._primed(w)) for v, w in indices.widths.items())
        self.trips = indices.widths[self.index]

    def varies(self, s: Size) -> bool:
        """Whether an index differs from turn to turn, as far as is known."""
        return any(isinstance(a, SizeVar) and a.name in self.inside for a in s.atoms())

    def meet(self, a: Access, b: Access) -> Meeting:
        """How the two accesses, in different turns, can touch the same element."""
        if self.trips.constant is not None and self.trips.constant <= 1:
            return None
        found: list[Meeting] = [self.dimension(x, y) for x, y in zip(a.places, b.places, strict=False)]
        if None in found:
            return None
        distances = {m for m in found if isinstance(m, int)}
        if len(distances) > 1:
            return None
        if distances:
            return distances.pop()
        return "perhaps" if "perhaps" in found else "always"

    def _primed(self, s: Size) -> Size:
        mapping: dict[Atom, Size] = {
            v: Size.of(prime(v)) for v in s.atoms() if isinstance(v, SizeVar) and v.name in self.inside
        }
        return s.replace(mapping)

    def dimension(self, a: Region, b: Region) -> Meeting:
        widths = dict(self.widths)
        difference = a.low - self._primed(b.low)
        for r, name, sign in ((a.width, "@", 1), (self._primed(b.width), "@'", -1)):
            if r.constant != 1:
                widths[atom(name)] = r
                difference = difference + Size.of(sign) * Size.of(atom(name))
        if self._divides(difference) or self._apart(difference, widths):
            return None
        rest = self._modulo(difference)
        if rest is not None:
            difference = rest
        return self._solve(difference, widths)

    def _solve(self, d: Size, widths: Mapping[SizeVar, Size]) -> Meeting:
        """Solves d = 0: where one index and its primed copy outweigh all the rest, they must be equal."""
        if not any(self._inner(a) for a in d.atoms()):
            if d.constant == 0:
                return "always"
            return "perhaps"
        for v in sorted(self._pairs(d), key=lambda v: v != self.index):
            c = _coefficient(d, v)
            rest = d - c * (Size.of(v) - Size.of(prime(v)))
            if self._small(rest, c, widths):
                return None if v == self.index else self._solve(rest, widths)
        distance = self._distance(d)
        if distance is not None:
            if self.trips.constant is not None and abs(distance) >= self.trips.constant:
                return None
            return distance
        if self.index not in d.atoms() and prime(self.index) not in d.atoms():
            return "always" if all(isinstance(a, SizeVar) and a in widths for a in self._moving(d)) else "perhaps"
        return "perhaps"

    def _inner(self, a: Atom) -> bool:
        return isinstance(a, SizeVar) and (a.name.removesuffix("'") in self.inside or a.name.startswith("@"))

    def _moving(self, d: Size) -> list[Atom]:
        return [a for monomial, _ in d.terms for a in monomial if self._variant(a)]

    def _variant(self, a: Atom) -> bool:
        if isinstance(a, Opaque):
            return any(self._inner(x) for s in a.args for x in s.atoms())
        return self._inner(a)

    def _pairs(self, d: Size) -> list[SizeVar]:
        """Indices that occur with their primed copies, times equal factors of opposite sign."""
        made = []
        for v in {a for monomial, _ in d.terms for a in monomial if isinstance(a, SizeVar)}:
            if not v.name.endswith("'") and self._inner(v):
                c = _coefficient(d, v)
                linear = not any(self._variant(a) for a in c.atoms())
                if linear and c == -_coefficient(d, prime(v)):
                    made.append(v)
        return sorted(made, key=lambda v: v.name)

    def _small(self, rest: Size, c: Size, widths: Mapping[SizeVar, Size]) -> bool:
        """Whether |rest| < |c| for all values of the indices."""
        low, high = self._bounds(rest, widths, 6)
        if low is None or high is None:
            return False
        natural = self.indices.natural_size
        return any(natural(size - ONE - high) and natural(size - ONE + low) for size in (c, -c))

    def _apart(self, d: Size, widths: Mapping[SizeVar, Size]) -> bool:
        """The bounds test: d > 0 or d < 0 for all values of the indices."""
        low, high = self._bounds(d, widths, 6)
        natural = self.indices.natural_size
        return (low is not None and natural(low - ONE)) or (high is not None and natural(-high - ONE))

    def _bounds(self, d: Size, widths: Mapping[SizeVar, Size], fuel: int) -> tuple[Size | None, Size | None]:
        """Bounds of `d` in which no index of the loop occurs any more."""
        v = next((a for a in self._moving(d)), None)
        if v is None:
            return d, d
        if not fuel or not isinstance(v, SizeVar) or v not in widths:
            return None, None
        c = _coefficient(d, v)
        rest = d - c * Size.of(v)
        last = widths[v] - ONE
        if v in rest.atoms() or any(self._variant(a) for a in c.atoms()):
            return None, None
        at_first, at_last = self._bounds(rest, widths, fuel - 1), self._bounds(rest + c * last, widths, fuel - 1)
        if self.indices.natural_size(c):
            return at_first[0], at_last[1]
        if self.indices.natural_size(-c):
            return at_last[0], at_first[1]
        return None, None

    def _divides(self, d: Size) -> bool:
        """The GCD test: what all factors have in common does not divide the constant."""
        common = gcd(*(k for monomial, k in d.terms if monomial))
        constant = next((k for monomial, k in d.terms if not monomial), 0)
        return common != 0 and constant % common != 0

    def _distance(self, d: Size) -> int | None:
        """k where d = 0 means that the second turn is k after the first."""
        c = _coefficient(d, self.index).constant
        if not c or _coefficient(d, prime(self.index)).constant != -c:
            return None
        rest = (d - Size.of(c) * (Size.of(self.index) - Size.of(prime(self.index)))).constant
        return rest // c if rest is not None and rest % c == 0 else None

    def _modulo(self, d: Size) -> Size | None:
        """For `f % m - f' % m`: f - f', where the loop makes at most m turns and f goes by ones, so that it counts."""
        match d.terms:
            case (((Opaque("%", (f, m)),), j), ((Opaque("%", (g, n)),), k)) if j == -k and m == n:
                rest = f - g if j > 0 else g - f
                c = _coefficient(rest, self.index).constant
                alone = rest == Size.of(c or 0) * (Size.of(self.index) - Size.of(prime(self.index)))
                if c in (1, -1) and alone and self.indices.natural_size(m - self.trips):
                    return rest
        return None


def _coefficient(d: Size, v: SizeVar) -> Size:
    """The factor of `v` where it occurs once in a monomial."""
    total = ZERO
    for monomial, k in d.terms:
        if monomial.count(v) == 1:
            factors = list(monomial)
            factors.remove(v)
            total = total + Size(((tuple(factors), k),))
    return total
