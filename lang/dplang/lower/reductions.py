"""Reductions: one loop a range, the innermost giving the element; arrays are added up in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..check import typed
from ..core.build import ZERO
from ..core.ir import (
    INT,
    STRING,
    ArrayType,
    Carry,
    Check,
    Fill,
    If,
    Let,
    Lit,
    Loop,
    Operand,
    Prim,
    Reduce,
    Scalar,
    Update,
)
from ..core.sizes import Size
from ..core.types import Array, Struct, TangentOf, Tuple
from ..core.types import Type as LanguageType
from . import expressions
from .arrays import Turn, bind_indices, nest, range_of
from .body import FALSE, TRUE, Body
from .layout import fields
from .shape import Leaf, Shape, fill, leaves


def reduce(f: Body, e: typed.Reduce) -> Shape:
    """The elements over all ranges, combined."""
    if e.op in ("argmin", "argmax") and len(e.ranges) > 1:
        return _flat_position(f, e)
    if e.op in ("min", "max") and _inner_reduction(e) is not None:
        return _ragged_extreme(f, e)
    kind = f.outline(e.element.type)
    if any(isinstance(o.type, ArrayType) for o in leaves(kind)):
        return _sum_of_arrays(f, e, kind)
    ranges = [range_of(f, r, check=False) for r in e.ranges]
    found: list[Shape] = []

    def body(indices: tuple[Operand, ...]) -> tuple[Operand, ...]:
        bind_indices(f, e.ranges, indices)
        found.append(expressions.value(f, e.element))
        return tuple(leaves(found[0]))

    made: list[Operand] = list(nest(f, ranges, lambda n: (Reduce(e.op),) * n, body, _hint(e.op)))
    low = ranges[0][1]
    if e.op in ("argmin", "argmax"):
        # the loop counts turns, the program its index
        shifted = made[0] if low == ZERO else f.b.prim("+", INT, low, made[0], hint="position")
        return Leaf(shifted)
    return fill(found[0], iter(made))


def _hint(op: str) -> str:
    return {"+": "sum", "*": "product", "argmin": "position", "argmax": "position"}.get(op, op)


def _flat_position(f: Body, e: typed.Reduce) -> Shape:
    """The number of the turn in which the extreme is, over several ranges: one loop over all combinations."""
    ranges = [range_of(f, r, check=False) for r in e.ranges]
    widths = [_width(f, low, high) for _, low, high in ranges]
    total = widths[0]
    for w in widths[1:]:
        total = f.b.prim("*", INT, total, w, hint="turns")

    def body(indices: tuple[Operand, ...]) -> tuple[Operand, ...]:
        rest = indices[0]
        found: list[Operand] = []
        for (hint, low, _), w in zip(reversed(ranges), reversed(widths), strict=True):
            place = f.b.prim("%", INT, rest, w, hint=hint)
            rest = f.b.prim("//", INT, rest, w, hint="rest")
            found.append(place if low == ZERO else f.b.prim("+", INT, low, place, hint=hint))
        bind_indices(f, e.ranges, found[::-1])
        return tuple(leaves(expressions.value(f, e.element)))

    made = nest(f, [("turn", ZERO, total)], lambda n: (Reduce(e.op),) * n, body, "position")
    return Leaf(made[0])


def _width(f: Body, low: Operand, high: Operand) -> Operand:
    """How many turns a range makes."""
    width = high if low == ZERO else f.b.prim("-", INT, high, low, hint="width")
    return f.b.prim("max", INT, width, ZERO, hint="width")


def _carrying(
    f: Body,
    ranges: Sequence[Turn],
    inits: Sequence[Operand],
    hint: str,
    body: Callable[[list[Operand], tuple[Operand, ...]], Sequence[Operand]],
    indices: tuple[Operand, ...] = (),
) -> list[Operand]:
    """Loops over all `ranges` that carry values: `body` gives the next ones at the values of the indices."""
    name, low, high = ranges[len(indices)]
    index = f.names.fresh(name, INT)
    params = [f.names.fresh(hint, o.type) for o in inits]
    inner = (*indices, index)
    with f.inner() as b:
        if len(inner) < len(ranges):
            results = _carrying(f, ranges, params, hint, body, inner)
        else:
            results = list(body(list(params), inner))
    carries = tuple(Carry(p, c) for p, c in zip(params, inits, strict=True))
    names = tuple(f.names.fresh(hint, o.type) for o in inits)
    f.b.lets.append(Let(names, Loop(index, low, high, carries, b.block(*results)), f.b.span, f.b.role))
    return list(names)


def _sum_of_arrays(f: Body, e: typed.Reduce, kind: Shape) -> Shape:
    """Arrays are added up in place: each is a carried value to which every turn adds."""
    ranges = [range_of(f, r, check=False) for r in e.ranges]
    inits = [_zero(f, e, k, o) for k, o in enumerate(leaves(kind))]

    def body(sums: list[Operand], indices: tuple[Operand, ...]) -> list[Operand]:
        bind_indices(f, e.ranges, indices)
        element = expressions.value(f, e.element)
        return [_add(f, s, v) for s, v in zip(sums, leaves(element), strict=True)]

    return fill(kind, iter(_carrying(f, ranges, inits, "sum", body)))


def _inner_reduction(e: typed.Reduce) -> typed.Reduce | None:
    """The reduction inside one whose binders depend on each other: both are one to the reader."""
    inner: typed.Expr | None = e.element
    while isinstance(inner, typed.Block):
        inner = inner.result
    return inner if isinstance(inner, typed.Reduce) and inner.op == e.op and inner.span == e.span else None


def _ragged_extreme(f: Body, e: typed.Reduce) -> Shape:
    """`min` or `max` where inner ranges depend on outer indices, so that some may be empty though not all are."""
    elem = next(leaves(f.outline(e.type))).type
    assert isinstance(elem, Scalar)
    start: list[Operand] = [FALSE, Lit(0 if elem == INT else 0.0, elem)]
    some, best = _extreme_turns(f, e, e, start)
    f.b.effect(Check(some, "E0607", (Lit(e.op, STRING),)))
    return Leaf(best)


def _extreme_turns(f: Body, whole: typed.Reduce, e: typed.Expr, found: list[Operand]) -> list[Operand]:
    """Whether there was an element so far, and the best one, after those of `e`."""
    match e:
        case typed.Block(stmts=stmts, result=typed.Node() as inner):
            from .control import statement

            for s in stmts:
                statement(f, s)
            return _extreme_turns(f, whole, inner, found)
        case typed.Reduce(op=op, ranges=turns, element=element) if op == whole.op and e.span == whole.span:
            ranges = [range_of(f, r, check=False) for r in turns]

            def body(now: list[Operand], indices: tuple[Operand, ...]) -> list[Operand]:
                bind_indices(f, turns, indices)
                return _extreme_turns(f, whole, element, now)

            return _carrying(f, ranges, found, op, body)
        case _:
            value = expressions.operand(f, e)
            some, best = found
            with f.inner() as b:
                better = b.block(b.prim(whole.op, best.type, best, value, hint=whole.op))
            kept = f.b.one(If(some, better, f.b.nested().block(value)), best.type, whole.op)
            return [TRUE, kept]


def _zero(f: Body, e: typed.Reduce, number: int, o: Operand) -> Operand:
    """The zero of a leaf of the element; its sizes are those of the element's type."""
    elem = o.type.elem if isinstance(o.type, ArrayType) else o.type
    assert isinstance(elem, Scalar)
    zero = Lit(0 if elem == INT else 0.0, elem)
    if not isinstance(o.type, ArrayType):
        return zero
    return f.b.one(Fill(leaf_dims(f, e.element.type, number), zero), o.type, "sum")


def leaf_dims(f: Body, t: LanguageType, number: int) -> tuple[Operand, ...]:
    """The sizes of leaf `number` of a type, as values."""
    return tuple(map(f.size, leaf_sizes(f, t, number)))


def leaf_sizes(f: Body, t: LanguageType, number: int) -> tuple[Size, ...]:
    """The sizes of leaf `number` of a type."""
    return list(_dims(f.type(t), ()))[number]


def _dims(t: LanguageType, front: tuple[Size, ...]) -> Iterator[tuple[Size, ...]]:
    """The dimensions of each leaf of a type, in order."""
    match t:
        case Array(elem, dims):
            yield from _dims(elem, front + dims)
        case Tuple(parts) if parts:
            for p in parts:
                yield from _dims(p, front)
        case Struct() | TangentOf() if inside := [s for _, s in fields(t)]:
            for s in inside:
                yield from _dims(s, front)
        case Tuple() | Struct() | TangentOf():
            if front:
                yield front
        case _:
            yield front


def _add(f: Body, x: Operand, v: Operand) -> Operand:
    node = Update("add", x, (), v) if isinstance(x.type, ArrayType) else Prim("+", (x, v))
    return f.b.one(node, x.type, "sum")
