"""Derivatives of the rows that no partial expresses: whole arrays, and conversions between types.

A forward rule gives the tangent of the result; a reverse rule adds to the adjoints of the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ..core.build import ZERO, Builder
from ..core.ir import (
    BOOL,
    FLOAT32,
    INT,
    ArrayType,
    At,
    Carry,
    Fill,
    Get,
    Lit,
    Loop,
    Operand,
    Prim,
    Scalar,
    Slice,
    Type,
    Update,
    Var,
)
from ..core.rewrite import rank
from .writing import element, elementwise, extent, extents, loop, minus, total

if TYPE_CHECKING:
    from .forward import Forward
    from .region import Region

ForwardRule: TypeAlias = "Callable[[Forward, Builder, Prim, Var], Operand | None]"
ReverseRule: TypeAlias = "Callable[[Region, Prim, Var, Operand], None]"


# ---- linear rows of one argument: the same row on the tangent


def _same(forward: Forward, b: Builder, value: Prim, result: Var) -> Operand | None:
    d = forward.of(value.args[0])
    if d is None:
        return None
    return b.one(Prim(value.op, (d, *value.args[1:])), forward.tangents.of(result.type), "d")


def _convert_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    x = value.args[0]
    row = "float32" if x.type == FLOAT32 else "float"
    region.contribute(x, d if d.type == x.type else region.out.prim(row, x.type, d))


def _cumsum_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    b = region.out
    for op in ("reverse", "cumsum", "reverse"):
        d = b.prim(op, d.type, d)
    region.contribute(value.args[0], d)


def _reverse_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    region.contribute(value.args[0], region.out.prim("reverse", d.type, d))


def _transpose_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    assert isinstance(d.type, ArrayType)
    n, m, *rest = d.type.dims
    region.contribute(value.args[0], region.out.prim("transpose", ArrayType(d.type.elem, (m, n, *rest)), d))


def _reshape_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    x = value.args[0]
    if isinstance(x, Var):
        t = region.tangents.of(x.type)
        region.contribute(x, region.out.one(Prim("reshape", (d, *region.dims(x))), t, "d"))


# ---- two arguments


def _concat(forward: Forward, b: Builder, value: Prim, result: Var) -> Operand | None:
    if all(forward.of(a) is None for a in value.args):
        return None
    parts = tuple(forward.tangent(b, a) for a in value.args)
    return b.one(Prim("concat", parts), forward.tangents.of(result.type), "d")


def _concat_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    b = region.out
    x, y = value.args
    whole = extent(b, d, 0)
    if isinstance(x, Var):
        middle: Operand = region.dims(x)[0]
    else:
        assert isinstance(y, Var)
        middle = minus(b, whole, region.dims(y)[0])
    for a, low, high in ((x, ZERO, middle), (y, middle, whole)):
        if region.moves(a):
            region.contribute(a, b.one(Get(d, (Slice(low, high, True),)), region.tangents.of(a.type), "d"))


def _sort(forward: Forward, b: Builder, value: Prim, result: Var) -> Operand | None:
    d = forward.of(value.args[0])
    if d is None:
        return None
    order = _order(b, value.args[0])
    t = element(d.type)

    def moved(inner: Builder, i: Var) -> Operand:
        place = inner.one(Get(order, (At(i, True),)), INT)
        return inner.one(Get(d, (At(place, True),)), t)

    return loop(b, extent(b, order, 0), moved, "d")


def _sort_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    b = region.out
    order = _order(b, region.need(value.args[0]))
    n = extent(b, order, 0)
    t = element(d.type)
    assert isinstance(t, Scalar)
    zeros = b.one(Fill((n,), Lit(0.0, t)), d.type)
    index, param = b.names.fresh("i", INT), b.names.fresh("a", d.type)
    inner = b.nested()
    place = inner.one(Get(order, (At(index, True),)), INT)
    e = inner.one(Get(d, (At(index, True),)), t)
    made = inner.one(Update("set", param, (At(place, True),), e), d.type)
    scattered = b.one(Loop(index, ZERO, n, (Carry(param, zeros),), inner.block(made)), d.type)
    region.contribute(value.args[0], scattered)


def _order(b: Builder, x: Operand) -> Var:
    assert isinstance(x.type, ArrayType)
    return b.prim("argsort", ArrayType(INT, x.type.dims), x, hint="order")


# ---- products of matrices and vectors


def _matmul(forward: Forward, b: Builder, value: Prim, result: Var) -> Operand | None:
    x, y = value.args
    dx, dy = forward.of(x), forward.of(y)
    terms = []
    if dx is not None:
        terms.append(b.one(Prim(value.op, (dx, y)), result.type, "d"))
    if dy is not None:
        terms.append(b.one(Prim(value.op, (x, dy)), result.type, "d"))
    if not terms:
        return None
    return terms[0] if len(terms) == 1 else forward.tangents.add(b, *terms)


def _matmul_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    x, y = value.args
    b = region.out
    if region.moves(x):
        region.contribute(x, _left(b, d, region.need(y), x.type))
    if region.moves(y):
        region.contribute(y, _right(b, d, region.need(x), y.type))


def _left(b: Builder, d: Operand, y: Operand, t: Type) -> Operand:
    """The adjoint of x in x @ y."""
    match rank(t), rank(y.type):
        case 2, 2:
            return b.prim("@", t, d, _transposed(b, y))
        case 2, 1:
            return _outer(b, d, y)
        case 1, 2:
            return b.prim("@", t, y, d)
        case _:
            return _scaled(b, d, y)


def _right(b: Builder, d: Operand, x: Operand, t: Type) -> Operand:
    """The adjoint of y in x @ y."""
    match rank(x.type), rank(t):
        case 2, 2:
            return b.prim("@", t, _transposed(b, x), d)
        case 2, 1:
            return b.prim("@", t, d, x)
        case 1, 2:
            return _outer(b, x, d)
        case _:
            return _scaled(b, d, x)


def _transposed(b: Builder, x: Operand) -> Var:
    assert isinstance(x.type, ArrayType)
    n, m = x.type.dims
    return b.prim("transpose", ArrayType(x.type.elem, (m, n)), x)


def _outer(b: Builder, x: Operand, y: Operand) -> Var:
    t = element(x.type)
    (n,), (m,) = extents(b, x), extents(b, y)

    def row(inner: Builder, i: Var) -> Operand:
        e = inner.one(Get(x, (At(i, True),)), t)
        return loop(inner, m, lambda deeper, j: deeper.prim("*", t, e, deeper.one(Get(y, (At(j, True),)), t)))

    return loop(b, n, row, "outer")


def _scaled(b: Builder, factor: Operand, x: Operand) -> Var:
    t = element(x.type)
    n = extent(b, x, 0)
    return loop(b, n, lambda inner, i: inner.prim("*", t, factor, inner.one(Get(x, (At(i, True),)), t)))


# ---- norm


def _norm(forward: Forward, b: Builder, value: Prim, result: Var) -> Operand | None:
    x = value.args[0]
    d = forward.of(x)
    if d is None:
        return None
    t = element(x.type)
    along = total(b, elementwise(b, [x, d], lambda inner, e: inner.prim("*", t, *e)))
    return _over_norm(b, result, along)


def _norm_back(region: Region, value: Prim, result: Var, d: Operand) -> None:
    x = region.need(value.args[0])
    t = element(x.type)
    factor = _over_norm(region.out, region.need(result), d)
    region.contribute(value.args[0], elementwise(region.out, [x], lambda b, e: b.prim("*", t, factor, e[0])))


def _over_norm(b: Builder, r: Operand, d: Operand) -> Operand:
    """d / r, and 0 at the origin."""
    assert isinstance(r.type, Scalar)
    zero = Lit(0.0, r.type)
    origin = b.prim("==", BOOL, r, zero)
    return b.branch(origin, lambda inner: (zero,), lambda inner: (inner.prim("/", r.type, d, r),), r.type)[0]


FORWARD: dict[str, ForwardRule] = {
    "convert": _same,
    "cumsum": _same,
    "reverse": _same,
    "transpose": _same,
    "reshape": _same,
    "flatten": _same,
    "concat": _concat,
    "sort": _sort,
    "matmul": _matmul,
    "norm": _norm,
}
"""By `Row.rule`. A `cumprod` is a loop by the time either mode sees it."""

REVERSE: dict[str, ReverseRule] = {
    "convert": _convert_back,
    "cumsum": _cumsum_back,
    "reverse": _reverse_back,
    "transpose": _transpose_back,
    "reshape": _reshape_back,
    "flatten": _reshape_back,
    "concat": _concat_back,
    "sort": _sort_back,
    "matmul": _matmul_back,
    "norm": _norm_back,
}
