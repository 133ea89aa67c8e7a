"""The vector space of structs and tuples, and equality of values of any type: leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable

from ..check import typed
from ..core.build import ZERO
from ..core.ir import BOOL, FLOAT, FLOAT32, ArrayType, Fill, If, Lit, Operand, Reduce, Scalar, Var
from . import expressions
from .arrays import at, elementwise, nest
from .body import FALSE, TRUE, Body
from .reductions import leaf_dims
from .shape import Leaf, Shape, fill, leaves, transform, zipped


def vector(f: Body, e: typed.Vector) -> Shape:
    """`+`, `-` and `*` on the leaves that have a tangent; the others are those of the operand that is moved."""
    args = [expressions.value(f, a) for a in e.args]
    match e.op:
        case "+" | "-":
            return zipped(args[0], args[1], lambda x, y: _pair(f, e.op, x, y))
        case "*":
            scale = next(leaves(args[0]))
            return transform(args[1], lambda x: _scaled(f, scale, x))
        case "neg":
            return transform(args[0], lambda x: _negated(f, x))
        case "dot":
            return Leaf(_dot(f, args[0], args[1]))
        case "zero":
            return _zero(f, e, args)


def _moves(f: Body, o: Operand) -> bool:
    return f.program.layouts.tangible(o.type)


def _name(o: Operand) -> str:
    return o.name if isinstance(o, Var) else "t"


def elem_of(o: Operand) -> Scalar:
    elem = o.type.elem if isinstance(o.type, ArrayType) else o.type
    assert isinstance(elem, Scalar)
    return elem


def _pair(f: Body, op: str, x: Operand, y: Operand) -> Operand:
    if not _moves(f, x):
        return x
    elem = elem_of(x)
    return elementwise(f, x, lambda i: f.b.prim(op, elem, at(f, x, i), at(f, y, i)), _name(x))


def _scaled(f: Body, scale: Operand, x: Operand) -> Operand:
    if not _moves(f, x):
        return x
    elem = elem_of(x)
    factor = f.b.prim("float32", FLOAT32, scale) if elem == FLOAT32 and scale.type == FLOAT else scale
    return elementwise(f, x, lambda i: f.b.prim("*", elem, factor, at(f, x, i)), _name(x))


def _negated(f: Body, x: Operand) -> Operand:
    if not _moves(f, x):
        return x
    elem = elem_of(x)
    return elementwise(f, x, lambda i: f.b.prim("neg", elem, at(f, x, i)), _name(x))


def _dot(f: Body, a: Shape, b: Shape) -> Operand:
    """The sum of the products of all scalars."""
    total: Operand | None = None
    for x, y in zip(leaves(a), leaves(b), strict=True):
        if _moves(f, x):
            part = _products(f, x, y)
            total = part if total is None else f.b.prim("+", FLOAT, total, part, hint="dot")
    return Lit(0.0, FLOAT) if total is None else total


def _products(f: Body, x: Operand, y: Operand) -> Operand:
    def product(i: tuple[Operand, ...]) -> Operand:
        value = f.b.prim("*", elem_of(x), at(f, x, i), at(f, y, i), hint="product")
        return f.b.prim("float", FLOAT, value, hint="product") if value.type == FLOAT32 else value

    return summed(f, x, product, "+", "dot")


def summed(f: Body, x: Operand, row: Callable[[tuple[Operand, ...]], Operand], op: str, hint: str) -> Operand:
    """`row` at all indices of an array, combined (once, for a scalar)."""
    if not isinstance(x.type, ArrayType):
        return row(())
    ranges = [("i", ZERO, f.dim(x, k)) for k in range(len(x.type.dims))]
    return nest(f, ranges, lambda n: (Reduce("+" if op == "+" else "all"),) * n, lambda i: (row(i),), hint)[0]


def _zero(f: Body, e: typed.Vector, args: list[Shape]) -> Shape:
    """The zero of a type; of a value of it, its other leaves are kept."""
    kind = args[0] if args else f.outline(e.type)
    made: list[Operand] = []
    for j, o in enumerate(leaves(kind)):
        if args and not _moves(f, o):
            made.append(o)
            continue
        elem = elem_of(o)
        zero = Lit(0.0 if elem in (FLOAT, FLOAT32) else 0, elem)
        if not isinstance(o.type, ArrayType):
            made.append(zero)
            continue
        dims = tuple(f.dim(o, k) for k in range(len(o.type.dims))) if args else leaf_dims(f, e.type, j)
        made.append(f.b.one(Fill(dims, zero), o.type, "zero"))
    return fill(kind, iter(made))


# ---- equality


def equal(f: Body, a: Shape, b: Shape) -> Operand:
    """Whether all leaves are equal; the first that differs decides."""
    pairs = list(zip(leaves(a), leaves(b), strict=True))

    def rest(k: int) -> Operand:
        same = _same(f, *pairs[k])
        if k + 1 == len(pairs):
            return same
        with f.inner() as inner:
            following = inner.block(rest(k + 1))
        return f.b.one(If(same, following, f.b.nested().block(FALSE)), BOOL, "same")

    return rest(0) if pairs else TRUE


def _same(f: Body, x: Operand, y: Operand) -> Operand:
    if not isinstance(x.type, ArrayType):
        return f.b.prim("==", BOOL, x, y, hint="same")
    assert isinstance(y.type, ArrayType)
    for k, (m, n) in enumerate(zip(x.type.dims, y.type.dims, strict=True)):
        if m is None or m != n:
            return _same_sizes(f, x, y, k)
    return _same_elements(f, x, y)


def _same_sizes(f: Body, x: Operand, y: Operand, axis: int) -> Operand:
    """Whether arrays agree in the sizes from `axis` on and then in their elements."""
    same = f.b.prim("==", BOOL, f.dim(x, axis), f.dim(y, axis), hint="same")
    with f.inner() as inner:
        assert isinstance(x.type, ArrayType)
        last = axis + 1 == len(x.type.dims)
        rest = inner.block(_same_elements(f, x, y) if last else _same_sizes(f, x, y, axis + 1))
    return f.b.one(If(same, rest, f.b.nested().block(FALSE)), BOOL, "same")


def _same_elements(f: Body, x: Operand, y: Operand) -> Operand:
    return summed(f, x, lambda i: f.b.prim("==", BOOL, at(f, x, i), at(f, y, i), hint="same"), "all", "same")
