"""Array sizes as polynomials with integer coefficients, kept in a normal form.

Two sizes are equal when their normal forms are. An expression that is no polynomial (`n // 2`)
is an opaque atom, equal to another of the same normal form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from itertools import count
from typing import TypeAlias

from ..nodes import node

_ids = count(1)


@node(frozen=True, slots=True)
class SizeVar:
    """A named size: a universal of a function, an immutable Int, or a size known only at run time.

    Variables are told apart by `id`; `name` is for messages.
    """

    name: str
    id: int = field(default_factory=lambda: next(_ids))

    def __str__(self) -> str:
        return self.name


@node(frozen=True, slots=True)
class SizeMeta:
    """A size that inference has still to find."""

    id: int = field(default_factory=lambda: next(_ids))

    def __str__(self) -> str:
        return "?"


@node(frozen=True, slots=True)
class Opaque:
    """`op(args)` for an operation that is no polynomial: `//`, `%`, `min` …"""

    op: str
    args: tuple[Size, ...]

    def __str__(self) -> str:
        if self.op in ("//", "%") and len(self.args) == 2:
            return f"({self.args[0]} {self.op} {self.args[1]})"
        return f"{self.op}({', '.join(map(str, self.args))})"


Atom: TypeAlias = SizeVar | SizeMeta | Opaque
Monomial: TypeAlias = tuple[Atom, ...]


@node(frozen=True, slots=True)
class Size:
    """A sum of monomials; `terms` is sorted and holds no zero coefficient."""

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def of(value: int | Atom) -> Size:
        if isinstance(value, int):
            return Size((((), value),) if value else ())
        return Size((((value,), 1),))

    def __add__(self, other: Size) -> Size:
        total = dict(self.terms)
        for monomial, k in other.terms:
            total[monomial] = total.get(monomial, 0) + k
        return _normal(total)

    def __neg__(self) -> Size:
        return Size(tuple((m, -k) for m, k in self.terms))

    def __sub__(self, other: Size) -> Size:
        return self + -other

    def __mul__(self, other: Size) -> Size:
        total: dict[Monomial, int] = {}
        for a, j in self.terms:
            for b, k in other.terms:
                monomial = tuple(sorted(a + b, key=_order))
                total[monomial] = total.get(monomial, 0) + j * k
        return _normal(total)

    @property
    def constant(self) -> int | None:
        """The number that this size is, or None."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None

    @property
    def atom(self) -> Atom | None:
        """The one variable that this size is, or None."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            return self.terms[0][0][0]
        return None

    def atoms(self) -> set[Atom]:
        """All variables in it, those inside opaque atoms included."""
        found: set[Atom] = set()
        for monomial, _ in self.terms:
            for a in monomial:
                found.add(a)
                if isinstance(a, Opaque):
                    for s in a.args:
                        found |= s.atoms()
        return found

    def replace(self, values: Mapping[Atom, Size]) -> Size:
        """This size with variables replaced."""
        if not self.terms or not values:
            return self

        def value(a: Atom) -> Size:
            if a in values:
                return values[a]
            if isinstance(a, Opaque):
                return apply(a.op, *(s.replace(values) for s in a.args))
            return Size.of(a)

        return self.evaluate(value)

    def evaluate(self, value: Callable[[Atom], Size]) -> Size:
        total = Size(())
        for monomial, k in self.terms:
            product = Size.of(k)
            for a in monomial:
                product = product * value(a)
            total = total + product
        return total

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for monomial, k in self.terms:
            factors = [str(a) for a in monomial]
            if not factors or abs(k) != 1:
                factors.insert(0, str(abs(k)))
            sign = "-" if k < 0 else "+"
            text += f" {sign} " if text else ("-" if k < 0 else "")
            text += "*".join(factors)
        return text


def apply(op: str, *args: Size) -> Size:
    """The size `op(args)`: a number where all arguments are numbers, else an opaque atom."""
    numbers = [a.constant for a in args]
    if op == "//" and numbers[1] == 1:
        return args[0]
    if all(n is not None for n in numbers):
        a, b = [*numbers, 0][:2]
        assert a is not None and b is not None
        if op == "//" and b != 0:
            return Size.of(a // b)
        if op == "%" and b != 0:
            return Size.of(a % b)
        if op in ("min", "max"):
            return Size.of((min if op == "min" else max)(n for n in numbers if n is not None))
    if op in ("min", "max"):
        # `min(n, n + 2)` is n, and `min(n, m)` is `min(m, n)`
        first, second = sorted(args, key=lambda s: [([_order(a) for a in m], k) for m, k in s.terms])
        distance = (first - second).constant
        if distance is not None:
            return first if (distance <= 0) == (op == "min") else second
        args = (first, second)
    return Size.of(Opaque(op, args))


def _order(a: Atom) -> tuple[int, str, int]:
    if isinstance(a, Opaque):
        return (2, str(a), 0)
    return (0 if isinstance(a, SizeVar) else 1, str(a), a.id)


def _normal(total: dict[Monomial, int]) -> Size:
    kept = [(m, k) for m, k in total.items() if k]
    kept.sort(key=lambda t: (-len(t[0]), [_order(a) for a in t[0]]))
    return Size(tuple(kept))
