"""Elementwise work, builders and reductions as loops over scalars. An array that one loop reads once is never made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..check import typed
from ..core.build import ZERO
from ..core.ir import (
    INT,
    STRING,
    ArrayType,
    At,
    Build,
    Carry,
    Check,
    Fill,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Make,
    Operand,
    Prim,
    Reduce,
    Result,
    Scalar,
    Type,
    Update,
    Var,
)
from . import expressions
from .access import boxed, part_type
from .body import FALSE, TRUE, Body, Delayed, hinted
from .checks import check_range
from .loops import note_range
from .shape import Leaf, Shape, fill, leaves, rank, transform

Turn = tuple[str, Operand, Operand]
"""One dimension of a nest of loops: the name of its index, and its range."""
INDICES = ("i", "j", "k")


# ---- arrays that are not made


def delayed(f: Body, e: typed.Expr) -> Delayed | None:
    """A builder or lifted operation as what computes its elements, or None for another expression."""
    match e:
        case typed.Lift():
            return _delayed_lift(f, e)
        case typed.Builder():
            return _delayed_builder(f, e)
        case typed.Block(stmts=(), result=typed.Lift() | typed.Builder() as inner):
            return delayed(f, inner)
        case _:
            return None


def _delayed_lift(f: Body, e: typed.Lift) -> Delayed:
    dims = [f.size(d) for d in e.dims]
    n = len(dims)
    args: list[tuple[typed.Symbol, Shape | Delayed, int]] = []
    for symbol, value, depth in e.args:
        inner = delayed(f, value) if depth == n else None
        if inner is not None and inner.rank == n and all(low == ZERO for _, low, _ in inner.ranges):
            args.append((symbol, inner, depth))
        elif inner is not None:
            args.append((symbol, force(f, inner, "t"), depth))
        else:
            args.append((symbol, expressions.value(f, value), depth))

    def element(indices: tuple[Operand, ...]) -> Shape:
        for symbol, value, depth in args:
            f.env[symbol] = _element(f, value, indices[n - depth :], e)
        with f.at(e.span):
            return expressions.value(f, e.body)

    ranges = tuple((_index(k), ZERO, d) for k, d in enumerate(dims))
    return Delayed(ranges, element, dict(f.env))


def _index(k: int) -> str:
    return INDICES[k] if k < len(INDICES) else "i"


def _element(f: Body, value: Shape | Delayed, indices: tuple[Operand, ...], e: typed.Lift) -> Shape | Delayed:
    """What an argument of a lift is at the indices."""
    if isinstance(value, Delayed):
        with f.within(value.env):
            return value.element(indices)
    from .access import get

    with f.at(e.span):
        return get(f, value, tuple(At(i, proved=True) for i in indices))


def _delayed_builder(f: Body, e: typed.Builder) -> Delayed:
    ranges = tuple(_range(f, r, check=True) for r in e.ranges)

    def element(indices: tuple[Operand, ...]) -> Shape:
        _bind_indices(f, e.ranges, indices)
        return expressions.value(f, e.element)

    return Delayed(ranges, element, dict(f.env))


def _range(f: Body, r: typed.Range, check: bool) -> Turn:
    low, high = expressions.operand(f, r.low), expressions.operand(f, r.high)
    if check:
        sizes = expressions.known_size(f, r.low), expressions.known_size(f, r.high)
        with f.at(r.high.span):
            check_range(f, low, high, sizes)
    return hinted(r.symbol), low, high


def _bind_indices(f: Body, ranges: Sequence[typed.Range], indices: Sequence[Operand]) -> None:
    for r, i in zip(ranges, indices, strict=True):
        f.env[r.symbol] = Leaf(i)
        note_range(f, r)


def force(f: Body, d: Delayed, hint: str) -> Shape:
    """The array itself."""
    found: list[Shape] = []

    def body(indices: tuple[Operand, ...]) -> tuple[Operand, ...]:
        element = boxed(d.element(indices))
        found.append(element)
        return tuple(leaves(element))

    made = nest(f, d.ranges, lambda n: (Build(),) * n, body, hint, d.env)
    return _arrays(found[0], made)


def _arrays(element: Shape, made: Sequence[Operand]) -> Shape:
    """An array of values like `element`, of its leaves."""
    return fill(element, iter(made))


# ---- nests of loops


def nest(
    f: Body,
    ranges: Sequence[Turn],
    kinds: Callable[[int], tuple[Result, ...]],
    body: Callable[[tuple[Operand, ...]], tuple[Operand, ...]],
    hint: str,
    env: dict[typed.Symbol, Shape | Delayed] | None = None,
    indices: tuple[Operand, ...] = (),
) -> tuple[Var, ...]:
    """Loops over all `ranges`, the last one innermost; `body` gives the results at the values of the indices."""
    name, low, high = ranges[len(indices)]
    index = f.names.fresh(name, INT)
    inner = (*indices, index)
    with f.inner(env) as b:
        if len(inner) < len(ranges):
            results: tuple[Operand, ...] = nest(f, ranges, kinds, body, hint, None, inner)
        else:
            results = body(inner)
    made = kinds(len(results))
    extent = _extent(low, high)
    types = [result_type(r, o.type, extent) for r, o in zip(made, results, strict=True)]
    names = tuple(f.names.fresh(hint, t) for t in types)
    f.b.lets.append(Let(names, Loop(index, low, high, made, b.block(*results)), f.b.span, f.b.role))
    return names


def _extent(low: Operand, high: Operand) -> int | None:
    if isinstance(low, Lit) and isinstance(high, Lit):
        return max(int(high.value) - int(low.value), 0)
    return None


def result_type(r: Result, t: Type, extent: int | None) -> Type:
    match r:
        case Carry(param):
            return param.type
        case Reduce("argmin" | "argmax"):
            return INT
        case Reduce():
            return t
        case Build():
            return stacked(t, extent)


def stacked(t: Type, n: int | None) -> ArrayType:
    return ArrayType(t.elem, (n, *t.dims)) if isinstance(t, ArrayType) else ArrayType(t, (n,))


def elementwise(
    f: Body, first: Operand, row: Callable[[tuple[Operand, ...]], Operand], hint: str = "t"
) -> Operand:
    """`row` for all indices of an array (once, for a scalar)."""
    n = rank(first.type)
    if not n:
        return row(())
    ranges = [(_index(k), ZERO, f.dim(first, k)) for k in range(n)]
    return nest(f, ranges, lambda n: (Build(),) * n, lambda indices: (row(indices),), hint)[0]


def at(f: Body, o: Operand, indices: tuple[Operand, ...]) -> Operand:
    """The scalar of an array at indices that lie in it; a scalar is everywhere the same."""
    if not isinstance(o.type, ArrayType):
        return o
    path = tuple(At(i, proved=True) for i in indices)
    return f.b.one(Get(o, path), part_type(o.type, path), o.name if isinstance(o, Var) else "t")


# ---- reductions


def reduce(f: Body, e: typed.Reduce) -> Shape:
    """The elements over all ranges, combined."""
    if e.op in ("argmin", "argmax") and len(e.ranges) > 1:
        return _flat_position(f, e)
    if e.op in ("min", "max") and _inner_reduction(e) is not None:
        return _ragged_extreme(f, e)
    kind = f.outline(e.element.type)
    if any(isinstance(o.type, ArrayType) for o in leaves(kind)):
        return _sum_of_arrays(f, e, kind)
    ranges = [_range(f, r, check=False) for r in e.ranges]
    found: list[Shape] = []

    def body(indices: tuple[Operand, ...]) -> tuple[Operand, ...]:
        _bind_indices(f, e.ranges, indices)
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
    ranges = [_range(f, r, check=False) for r in e.ranges]
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
        _bind_indices(f, e.ranges, found[::-1])
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
    ranges = [_range(f, r, check=False) for r in e.ranges]
    inits = [_zero(f, e, k, o) for k, o in enumerate(leaves(kind))]

    def body(sums: list[Operand], indices: tuple[Operand, ...]) -> list[Operand]:
        _bind_indices(f, e.ranges, indices)
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
            ranges = [_range(f, r, check=False) for r in turns]

            def body(now: list[Operand], indices: tuple[Operand, ...]) -> list[Operand]:
                _bind_indices(f, turns, indices)
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


def leaf_dims(f: Body, t: object, number: int) -> tuple[Operand, ...]:
    """The sizes of leaf `number` of a type."""
    from ..core.types import Array, Struct, TangentOf, Tuple
    from .layout import fields

    found: list[tuple[object, ...]] = []

    def visit(t: object, dims: tuple[object, ...]) -> None:
        match t:
            case Array(elem, inner):
                visit(elem, dims + inner)
            case Tuple(()):
                found.extend([dims] if dims else [])
            case Tuple(parts):
                for p in parts:
                    visit(p, dims)
            case Struct() | TangentOf():
                inside = list(fields(t))
                for _, s in inside:
                    visit(s, dims)
                found.extend([dims] if dims and not inside else [])
            case _:
                found.append(dims)

    visit(f.type(t), ())  # type: ignore[arg-type]
    return tuple(f.size(d) for d in found[number])  # type: ignore[arg-type]


def _add(f: Body, x: Operand, v: Operand) -> Operand:
    node = Update("add", x, (), v) if isinstance(x.type, ArrayType) else Prim("+", (x, v))
    return f.b.one(node, x.type, "sum")


# ---- arrays of given elements


def make_array(f: Body, e: typed.MakeArray) -> Shape:
    """`[a, b, c]`: leaf by leaf."""
    kind = f.outline(e.type)
    elements = [boxed(expressions.value(f, p)) for p in e.parts]
    types = [o.type for o in leaves(kind)]
    columns = [list(leaves(x)) for x in elements]
    made: list[Operand] = []
    for j, t in enumerate(types):
        parts = tuple(c[j] for c in columns)
        if not parts:
            made.append(_empty(f, t))
            continue
        inner = parts[0].type
        for p in parts[1:]:
            from .ssa import joined

            inner = joined(inner, p.type)
        made.append(f.b.one(Make(parts), stacked(inner, len(parts)), "t"))
    return fill(kind, iter(made))


def _empty(f: Body, t: Type) -> Operand:
    from .ssa import nothing

    assert isinstance(t, ArrayType)
    return nothing(f, f.b, ArrayType(t.elem, (0, *t.dims[1:])))


def fill_array(f: Body, e: typed.Prim) -> Shape:
    """`fill(n, m, v)`: an array of one value."""
    *shape, last = [expressions.value(f, a) for a in e.args]
    dims = tuple(next(leaves(s)) for s in shape)
    value = boxed(last)

    def full(v: Operand) -> Operand:
        extents = tuple(int(d.value) if isinstance(d, Lit) else None for d in dims)
        if not isinstance(v.type, ArrayType):
            return f.b.one(Fill(dims, v), ArrayType(v.type, extents), "t")
        ranges = [(_index(k), ZERO, d) for k, d in enumerate(dims)]
        return nest(f, ranges, lambda n: (Build(),) * n, lambda _: (v,), "t")[0]

    return transform(value, full)
