"""Small arrays as their elements, and the scalar code of what is done with whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TypeAlias

from ..core.ir import BOOL, INT, At, Block, If, Lit, Operand, Path, Prim, Scalar, Slice, Type, Var

Write: TypeAlias = Callable[..., Var]
"""Writes a value of a type: `write(value, type)`."""

Dims: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A small array, taken apart. Its elements are known in the block `home`; `whole` is the array, if there is one."""

    dims: Dims
    elems: tuple[Operand, ...]
    type: Scalar
    home: object
    whole: Var | None = None

    def rows(self) -> Iterator[tuple[Operand, ...]]:
        size = prod(self.dims[1:])
        for k in range(self.dims[0]):
            yield self.elems[k * size : (k + 1) * size]


def positions(dims: Dims) -> Iterator[tuple[int, ...]]:
    """All positions of an array, in order."""
    return product(*map(range, dims))


def steps(position: Sequence[int]) -> Path:
    return tuple(At(Lit(k, INT), True) for k in position)


def reached(dims: Dims, path: Path) -> list[int] | None:
    """The numbers of the elements at a path of literals, in order; None where a step is none or is outside."""
    ranges: list[Sequence[int]] = []
    for step, n in zip(path, dims, strict=False):
        match step:
            case At(Lit(int(k))) if 0 <= k < n:
                ranges.append((k,))
            case Slice(Lit(int(low)), Lit(int(high))) if 0 <= low <= high <= n:
                ranges.append(range(low, high))
            case _:
                return None
    ranges += [range(n) for n in dims[len(path) :]]
    found = []
    for position in product(*ranges):
        number = 0
        for k, n in zip(position, dims, strict=True):
            number = number * n + k
        found.append(number)
    return found


def zero(t: Scalar) -> Lit:
    return Lit(0 if t == INT else 0.0, t)


def total(terms: Sequence[Operand], t: Scalar, write: Write) -> Operand:
    """The sum in the order of the interpreter's: from zero, or from eight terms on as a tree."""

    def add(a: Operand, b: Operand) -> Operand:
        return plus(a, b, t, write)

    def chain(first: Operand, others: Sequence[Operand]) -> Operand:
        for b in others:
            first = add(first, b)
        return first

    if t == INT:
        return chain(terms[0], terms[1:]) if terms else zero(t)
    if len(terms) < 8:
        return chain(zero(t), terms)
    whole = len(terms) - len(terms) % 8
    a, b, c, d, e, f, g, h = (chain(terms[k], terms[k + 8 : whole : 8]) for k in range(8))
    tree = add(add(add(a, b), add(c, d)), add(add(e, f), add(g, h)))
    return add(zero(t), chain(tree, terms[whole:]))


def reduction(op: str, terms: Sequence[Operand], t: Scalar, write: Write) -> Operand:
    """What a reduction of terms of type `t` gives."""
    match op:
        case "+":
            return total(terms, t, write)
        case "*":
            found = terms[0]
            for b in terms[1:]:
                found = write(Prim("*", (found, b)), t)
            return found
        case "any" | "all":
            found = terms[0]
            for b in terms[1:]:
                yes, no = (Lit(True, BOOL), b) if op == "any" else (b, Lit(False, BOOL))
                found = choice(found, yes, no, BOOL, write)
            return found
        case "logsumexp":
            return _logsumexp(terms, t, write)
        case _:
            return _best(op, terms, t, write)


def choice(cond: Operand, yes: Operand, no: Operand, t: Type, write: Write) -> Var:
    """One of two operands."""
    return write(If(cond, Block((), (yes,)), Block((), (no,))), t)


def _logsumexp(terms: Sequence[Operand], t: Scalar, write: Write) -> Operand:
    top = terms[0]
    for v in terms[1:]:  # the largest; not a number where one is none
        bare = choice(write(Prim("isnan", (v,)), BOOL), v, top, t, write)
        top = choice(write(Prim(">", (v, top)), BOOL), v, bare, t, write)
    # terms that are all infinite have no shares: their derivatives are those of the limit
    finite = write(Prim("isfinite", (top,)), BOOL)
    shares = [choice(finite, write(Prim("-", (v, top)), t), zero(t), t, write) for v in terms]
    whole = write(Prim("log", (total([write(Prim("exp", (s,)), t) for s in shares], t, write),)), t)
    nothing = Lit(float("-inf"), t)
    limit = choice(write(Prim("==", (top, nothing)), BOOL), nothing, top, t, write)
    return choice(finite, write(Prim("+", (whole, top)), t), limit, t, write)


def searched(x: Parts, index: Operand, write: Write) -> Operand:
    """The element of a vector at an index within it that is not known."""
    found = x.elems[-1]
    for k in reversed(range(len(x.elems) - 1)):
        found = choice(_is(index, k, write), x.elems[k], found, x.type, write)
    return found


def replaced(x: Parts, index: Operand, v: Operand, kind: str, write: Write) -> list[Operand]:
    """The elements of a vector with the one at an index within it that is not known set, or added to."""
    made: list[Operand] = []
    for k, e in enumerate(x.elems):
        new = v if kind == "set" else plus(e, v, x.type, write)
        made.append(choice(_is(index, k, write), new, e, x.type, write))
    return made


def _is(index: Operand, k: int, write: Write) -> Operand:
    return write(Prim("==", (index, Lit(k, INT))), BOOL)


def _best(op: str, terms: Sequence[Operand], t: Scalar, write: Write) -> Operand:
    best: Operand = terms[0]
    at: Operand = Lit(0, INT)
    for k, v in enumerate(terms[1:], 1):
        better = write(Prim("<" if op.endswith("min") else ">", (v, best)), BOOL)
        if op.startswith("arg"):
            at = choice(better, Lit(k, INT), at, INT, write)
        best = choice(better, v, best, t, write)
    return at if op.startswith("arg") else best


def primitive(op: str, args: Sequence[Parts], made: Dims, write: Write) -> tuple[Operand, ...]:
    """The elements of what a primitive gives on small arrays; `made` are the sizes of that."""
    x = args[0]
    match op:
        case "@" | "dot":
            return tuple(_products(x, args[1], write))
        case "norm":
            squares = [write(Prim("*", (a, a)), x.type) for a in x.elems]
            square = total(squares, x.type, write)
            # at the origin a norm has the derivative 0 and the root has none: there the root is taken of a constant
            origin = write(Prim("==", (square, zero(x.type))), BOOL)
            root = write(Prim("sqrt", (choice(origin, Lit(1.0, x.type), square, x.type, write),)), x.type)
            return (choice(origin, zero(x.type), root, x.type, write),)
        case "reverse":
            return tuple(e for row in reversed(list(x.rows())) for e in row)
        case "transpose":
            n, m, *rest = x.dims
            size = prod(rest)
            return tuple(
                e for j in range(m) for i in range(n) for e in x.elems[(i * m + j) * size : (i * m + j + 1) * size]
            )
        case "concat":
            return (*x.elems, *args[1].elems)
        case "reshape" | "flatten":
            return x.elems
        case _:
            sign = "+" if op == "cumsum" else "*"
            found = [x.elems[0]]
            for b in x.elems[1:]:
                found.append(write(Prim(sign, (found[-1], b)), x.type))
            return tuple(found)


def _products(x: Parts, y: Parts, write: Write) -> Iterator[Operand]:
    inner = y.dims[0]
    width = prod(y.dims[1:])
    for i in range(len(x.elems) // inner):
        for j in range(width):
            found: Operand = zero(x.type)
            for k in range(inner):
                term = write(Prim("*", (x.elems[i * inner + k], y.elems[k * width + j])), x.type)
                found = plus(found, term, x.type, write)
            yield found


def plus(a: Operand, b: Operand, t: Type, write: Write) -> Operand:
    return write(Prim("+", (a, b)), t)
