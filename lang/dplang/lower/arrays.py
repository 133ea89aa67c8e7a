"""Elementwise work, builders and reductions as loops over scalars. An array that one loop reads once is never made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..check import typed
from ..core.build import ZERO
from ..core.ir import (
    INT,
    ArrayType,
    At,
    Build,
    Carry,
    Fill,
    Get,
    Let,
    Lit,
    Loop,
    Make,
    Operand,
    Reduce,
    Result,
    Type,
    Var,
)
from ..core.rewrite import rank
from ..core.sizes import SizeVar
from ..core.types import Type as LanguageType
from . import expressions
from .access import boxed, part_type
from .body import Body, Delayed, hinted
from .checks import check_range
from .loops import note_range
from .shape import Leaf, Shape, fill, leaves, transform

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
    n = len(e.dims)
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

    # an argument may be what names a size (`x as Float[?k]`), so they are read after it
    ranges = tuple((_index(k), ZERO, f.size(d)) for k, d in enumerate(e.dims))
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
    ranges = tuple(range_of(f, r, check=True) for r in e.ranges)

    def element(indices: tuple[Operand, ...]) -> Shape:
        bind_indices(f, e.ranges, indices)
        return expressions.value(f, e.element)

    return Delayed(ranges, element, dict(f.env))


def range_of(f: Body, r: typed.Range, check: bool) -> Turn:
    """The range of an index; of a builder, it is checked that it does not run backwards."""
    low, high = expressions.operand(f, r.low), expressions.operand(f, r.high)
    if check:
        sizes = expressions.known_size(f, r.low), expressions.known_size(f, r.high)
        with f.at(r.high.span):
            check_range(f, low, high, sizes)
    return hinted(r.symbol), low, high


def bind_indices(f: Body, ranges: Sequence[typed.Range], indices: Sequence[Operand]) -> None:
    """Gives the variables of ranges their values."""
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


def elementwise(f: Body, first: Operand, row: Callable[[tuple[Operand, ...]], Operand], hint: str = "t") -> Operand:
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
            made.append(_empty(f, t, e.type, j))
            continue
        inner = parts[0].type
        for p in parts[1:]:
            from .ssa import joined

            inner = joined(inner, p.type)
        made.append(f.b.one(Make(parts), stacked(inner, len(parts)), "t"))
    return fill(kind, iter(made))


def _empty(f: Body, t: Type, whole: LanguageType, number: int) -> Operand:
    """Leaf `number` of an array of no elements. It has the sizes of an element all the same, where they are known."""
    from .reductions import leaf_sizes
    from .ssa import nothing

    assert isinstance(t, ArrayType)
    dims: list[Operand] = [ZERO]
    for known, size in zip(t.dims[1:], leaf_sizes(f, whole, number)[1:], strict=True):
        named = all(isinstance(a, SizeVar) and f.has_size(a) for a in size.atoms())
        dims.append(f.size(size) if named else Lit(known or 0, INT))
    return f.b.one(Fill(tuple(dims), nothing(f, f.b, t.elem)), ArrayType(t.elem, (0, *t.dims[1:])), "t")


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
