"""Operators: number types, lifting over arrays, the vector space of structs and tuples, equality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, Scalar
from ..core.sizes import Size
from ..core.types import (
    Array,
    Enum,
    FnType,
    Meta,
    Never,
    Struct,
    TangentOf,
    Tuple,
    Type,
    TypeVar,
    Wrong,
    array,
    show,
)
from ..errors import types as faults
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .constants import is_literal, literal_is_float
from .context import Context
from .lift import coerce, common_dims, mapped, widen
from .unify import data_fault, drop, is_number, join_numbers, strip
from .vectors import is_constrained, is_vector

ARITHMETIC = ("+", "-", "*", "//", "%")
Make: TypeAlias = Callable[[typed.Expr, typed.Expr], typed.Expr]
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def infer_binary(cx: Context, e: tree.Binary, expected: Type | None) -> typed.Expr:
    from .expressions import infer

    if e.op in ("and", "or"):
        return _logic(cx, e)
    left_literal, right_literal = is_literal(cx.scope, e.left), is_literal(cx.scope, e.right)
    if left_literal and not right_literal:
        right = infer(cx, e.right)
        left = infer(cx, e.left, _number_of(cx, right))
    elif right_literal and not left_literal:
        left = infer(cx, e.left)
        as_power = e.op == "^" and not literal_is_float(e.right)
        right = infer(cx, e.right, None if as_power else _number_of(cx, left))
    else:
        hint = _scalar(expected) if left_literal and right_literal and e.op not in COMPARISONS else None
        left = infer(cx, e.left, hint)
        right = infer(cx, e.right, None if e.op == "^" and not literal_is_float(e.right) else hint)
    return binary(cx, e.op, left, right, e.span, e.op_span)


def _number_of(cx: Context, e: typed.Expr) -> Type | None:
    elem = strip(cx.solve(e.type))[0]
    return elem if is_number(elem) else None


def _scalar(expected: Type | None) -> Type | None:
    return expected if expected in (FLOAT, FLOAT32) else None


def binary(cx: Context, op: str, left: typed.Expr, right: typed.Expr, span: Span, op_span: Span) -> typed.Expr:
    """`left op right` for every operator but `and` and `or`."""
    a, b = cx.solve(left.type), cx.solve(right.type)
    if isinstance(a, Wrong | Never) or isinstance(b, Wrong | Never):
        return cx.wrong(span)
    for t, e in ((a, left), (b, right)):
        if isinstance(strip(t)[0], Meta):
            return cx.wrong(span, faults.TypeNotKnown(e.span, f"the operand of `{op}`"))
    if op in ("==", "!="):
        return _equality(cx, op, left, right, span, op_span)
    if op == "@":
        return _product(cx, left, right, span, op_span)
    x, y = strip(a)[0], strip(b)[0]
    if op in ("+", "-", "*", "/") and (_is_space(x) or _is_space(y)):
        return _vector(cx, op, left, right, span, op_span)
    types = _operand_types(op, x, y)
    if types is None:
        return _refuse(cx, op, a, b, span, op_span)
    p, q, r = types
    return _elementwise(cx, left, right, span, lambda m, n: typed.Prim(r, span, op, (widen(m, p), widen(n, q))))


def _elementwise(cx: Context, left: typed.Expr, right: typed.Expr, span: Span, make: Make) -> typed.Expr:
    left_dims, right_dims = strip(cx.solve(left.type))[1], strip(cx.solve(right.type))[1]
    if not left_dims and not right_dims:
        return make(left, right)
    dims = common_dims(cx, span, ((left_dims, left), (right_dims, right)))
    if dims is None:
        return cx.wrong(span)
    args = [(left, len(left_dims)), (right, len(right_dims))]
    return mapped(span, dims, args, lambda xs: make(xs[0], xs[1]))


def _operand_types(op: str, x: Type, y: Type) -> tuple[Type, Type, Type] | None:
    """What an arithmetic or ordering operator makes of two scalar types: both operands' types and the result's."""
    if op in ("<", "<=", ">", ">="):
        if x == y and isinstance(x, TypeVar) and x.bound in ("Number", "Ordered"):
            return x, x, BOOL
        joined = join_numbers(x, y) if is_number(x) and is_number(y) else None
        return None if joined is None else (joined, joined, BOOL)
    if not (is_number(x) and is_number(y)):
        return None
    if op == "^":
        if y == INT and x in (FLOAT, FLOAT32, INT):
            return x, y, x
        joined = join_numbers(x, y)
        return None if joined is None or isinstance(joined, TypeVar) else (joined, joined, joined)
    joined = join_numbers(x, y)
    if joined is None or (op == "/" and isinstance(joined, TypeVar)):
        return None
    if op == "/" and joined == INT:
        joined = FLOAT
    return joined, joined, joined


def _refuse(cx: Context, op: str, a: Type, b: Type, span: Span, op_span: Span) -> typed.Expr:
    x, y = strip(a)[0], strip(b)[0]
    for t in (x, y):
        if isinstance(t, TypeVar):
            need = "Ordered" if op in ("<", "<=", ">", ">=") else "Number"
            return cx.wrong(span, faults.MissingBound(span, t.name, t.bound, f"`{op}`", need))
    return cx.wrong(span, faults.OperandTypes(span, op, show(a), show(b), op_span))


# ---- logic


def _logic(cx: Context, e: tree.Binary) -> typed.Expr:
    from .expressions import infer

    left, right = infer(cx, e.left), infer(cx, e.right)
    a, b = cx.solve(left.type), cx.solve(right.type)
    if isinstance(a, Wrong | Never) or isinstance(b, Wrong | Never):
        return cx.wrong(e.span)
    if strip(a)[0] != BOOL or strip(b)[0] != BOOL:
        return _refuse(cx, e.op, a, b, e.span, e.op_span)

    def make(x: typed.Expr, y: typed.Expr) -> typed.Expr:
        if e.op == "and":
            return typed.If(BOOL, e.span, x, y, typed.Lit(BOOL, e.span, False))
        return typed.If(BOOL, e.span, x, typed.Lit(BOOL, e.span, True), y)

    return _elementwise(cx, left, right, e.span, make)


def infer_unary(cx: Context, e: tree.Unary, expected: Type | None) -> typed.Expr:
    from .expressions import infer

    if e.op == "-" and isinstance(e.operand, tree.Number):
        return number(cx, -e.operand.value, e.span, expected)
    operand = infer(cx, e.operand, expected if e.op == "-" and is_literal(cx.scope, e.operand) else None)
    return unary(cx, e.op, operand, e.span)


def unary(cx: Context, op: str, operand: typed.Expr, span: Span) -> typed.Expr:
    t = cx.solve(operand.type)
    elem, dims = strip(t)
    if isinstance(t, Wrong | Never):
        return cx.wrong(span)
    if isinstance(elem, Meta):
        return cx.wrong(span, faults.TypeNotKnown(operand.span, f"the operand of `{op}`"))
    if op == "not":
        if elem != BOOL:
            return cx.wrong(span, faults.OperandType(span, "not", show(t)))
        return mapped(span, dims, [(operand, len(dims))], lambda xs: typed.Prim(BOOL, span, "not", (xs[0],)))
    if is_number(elem):
        return mapped(span, dims, [(operand, len(dims))], lambda xs: typed.Prim(elem, span, "neg", (xs[0],)))
    if _is_space(elem) and is_vector(elem) and not (isinstance(elem, Struct) and is_constrained(elem)):
        return mapped(span, dims, [(operand, len(dims))], lambda xs: typed.Vector(elem, span, "neg", (xs[0],)))
    if isinstance(elem, TypeVar):
        return cx.wrong(span, faults.MissingBound(span, elem.name, elem.bound, "`-`", "Vector"))
    return cx.wrong(span, faults.OperandType(span, "-", show(t)))


def number(cx: Context, value: int | float, span: Span, expected: Type | None) -> typed.Expr:
    """A literal as the type that is expected, where that is a number."""
    t: Type = FLOAT if isinstance(value, float) else INT
    if isinstance(expected, TypeVar) and expected.bound == "Number" and t == INT:
        return typed.Lit(expected, span, value)
    if expected == FLOAT32 or (expected == FLOAT and t == INT):
        t = expected
    elif expected is not None and t == INT:
        elem = strip(expected)[0]
        t = elem if elem in (FLOAT, FLOAT32) and not isinstance(expected, Array) else INT
    if t == INT:
        if not -(2**63) <= value < 2**63:
            return cx.wrong(span, faults.IntTooLarge(span))
        return typed.Lit(INT, span, value)
    try:
        return typed.Lit(t, span, float(value))
    except OverflowError:
        return typed.Lit(t, span, float("inf") if value > 0 else float("-inf"))


# ---- equality


def _equality(cx: Context, op: str, left: typed.Expr, right: typed.Expr, span: Span, op_span: Span) -> typed.Expr:
    a, b = cx.solve(left.type), cx.solve(right.type)
    x, y = strip(a)[0], strip(b)[0]
    if isinstance(x, FnType) or isinstance(y, FnType):
        return _refuse(cx, op, a, b, span, op_span)
    joined = join_numbers(x, y)
    if joined is None and not cx.unit.solver.try_fits(x, y):
        return _refuse(cx, op, a, b, span, op_span)
    elem = joined if joined is not None else cx.solve(x)
    if data_fault(elem) is not None:
        return _refuse(cx, op, a, b, span, op_span)

    def make(m: typed.Expr, n: typed.Expr) -> typed.Expr:
        if isinstance(elem, Scalar):
            return typed.Prim(BOOL, span, op, (widen(m, elem), widen(n, elem)))
        same = typed.Equal(BOOL, span, m, n)
        return same if op == "==" else typed.Prim(BOOL, span, "not", (same,))

    return _elementwise(cx, left, right, span, make)


# ---- vector space


def _is_space(t: Type) -> bool:
    return isinstance(t, Struct | TangentOf | Tuple | Enum) or (isinstance(t, TypeVar) and t.bound == "Vector")


def _vector(cx: Context, op: str, left: typed.Expr, right: typed.Expr, span: Span, op_span: Span) -> typed.Expr:
    """`+` and `-` of two points or directions, `*` of a number and a direction."""
    a, b = cx.solve(left.type), cx.solve(right.type)
    x, y = strip(a)[0], strip(b)[0]
    for t in (x, y):
        if _is_space(t) and not is_vector(t):
            return cx.wrong(span, faults.NoVectorSpace(span, show(t), op))
    if op in ("*", "/"):
        if op == "/" or x not in (FLOAT, INT):
            return cx.wrong(span, faults.ScaleOnLeft(span, op, show(a), show(b), left.span, right.span))
        if isinstance(y, Struct) and is_constrained(y):
            return cx.wrong(span, faults.ConstrainedArithmetic(span, op, show(a), show(b), y.decl.name))
        return _elementwise(cx, left, right, span, lambda m, n: typed.Vector(y, span, "*", (widen(m, FLOAT), n)))
    result = _sum_type(cx, op, x, y)
    if result is None:
        if isinstance(x, Struct) and is_constrained(x):
            return cx.wrong(span, faults.ConstrainedArithmetic(span, op, show(a), show(b), x.decl.name))
        return _refuse(cx, op, a, b, span, op_span)
    word: Literal["+", "-"] = "+" if op == "+" else "-"
    return _elementwise(cx, left, right, span, lambda m, n: typed.Vector(result, span, word, (m, n)))


def _sum_type(cx: Context, op: str, x: Type, y: Type) -> Type | None:
    """P ± Tangent[P] is a P, P - P a Tangent[P]; without constraints both are P."""
    fits = cx.unit.solver.try_fits
    match x, y:
        case Struct(), TangentOf(struct):
            return cx.solve(x) if fits(struct, x) else None
        case Struct(), Struct() if is_constrained(x):
            return cx.solve(TangentOf(x)) if op == "-" and fits(y, x) else None
        case Tuple(parts), Tuple(others) if len(parts) == len(others):
            sums = [_part_type(cx, op, p, q) for p, q in zip(parts, others, strict=True)]
            return None if None in sums else Tuple(tuple(s for s in sums if s is not None))
        case _:
            return cx.solve(x) if fits(y, x) else None


def _part_type(cx: Context, op: str, p: Type, q: Type) -> Type | None:
    p, q = cx.solve(p), cx.solve(q)
    x, dims = strip(p)
    y, others = strip(q)
    if len(dims) != len(others) or not all(cx.unit.solver.same_size(m, n) for m, n in zip(dims, others, strict=True)):
        return None
    elem = _sum_type(cx, op, x, y)
    return None if elem is None else array(elem, dims)


# ---- matrix product


def _product(cx: Context, left: typed.Expr, right: typed.Expr, span: Span, op_span: Span) -> typed.Expr:
    """`@` of vectors and matrices; further leading dimensions are mapped over."""
    a, b = cx.solve(left.type), cx.solve(right.type)
    x, dims = strip(a)
    y, others = strip(b)
    elem = join_numbers(x, y) if is_number(x) and is_number(y) else None
    if elem is None or not dims or not others:
        return _refuse(cx, "@", a, b, span, op_span)
    p, q = min(len(dims), 2), min(len(others), 2)
    inner = dims[-1], others[-q]
    if not cx.unit.solver.same_size(*inner):
        from .lift import report_sizes

        report_sizes(cx, op_span, a, b, (cx.size(inner[0]), cx.size(inner[1])), left.span, right.span)
        return cx.wrong(span)
    result_dims: tuple[Size, ...] = (dims[-2:-1] if p == 2 else ()) + (others[-1:] if q == 2 else ())
    extra, other_extra = dims[:-p], others[:-q]
    over = common_dims(cx, span, ((extra, left), (other_extra, right)))
    if over is None:
        return cx.wrong(span)
    result = array(elem, result_dims)

    def make(xs: list[typed.Expr]) -> typed.Expr:
        args = (coerce(cx, xs[0], array(elem, dims[-p:])), coerce(cx, xs[1], array(elem, others[-q:])))
        return typed.Prim(result, span, "@", args)

    return mapped(span, over, [(left, len(extra)), (right, len(other_extra))], make)


def condition(cx: Context, e: tree.Expr, where: str) -> typed.Expr:
    """A scalar Bool for `if`, `while`, `assert` and guards."""
    from .expressions import infer

    value = infer(cx, e)
    t = cx.solve(value.type)
    if t == BOOL or isinstance(t, Wrong | Never):
        return value
    if strip(t)[0] == BOOL:
        return cx.wrong(e.span, faults.ConditionArray(e.span, where, show(t)))
    return cx.wrong(e.span, faults.ConditionType(e.span, where, show(t)))


def element(t: Type) -> Type:
    """The type of one element along the first dimension."""
    return drop(t, 1)
