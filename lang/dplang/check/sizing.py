"""Ints as sizes: which size an Int expression is, names for the others, and what becomes of sizes out of scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.ir import INT
from ..core.sizes import Size, SizeVar, apply
from ..core.types import Array, Type, array, transform
from ..errors.source import Span
from . import typed
from .context import Context
from .names import Value
from .unify import sizes_of

SIZE_OPERATIONS = ("+", "-", "*", "//", "%", "min", "max")
"""What sizes are computed with, in expressions and in written types."""


def size_of(cx: Context, e: typed.Expr) -> Size | None:
    """The size that an Int expression is, if it is a polynomial or an opaque size of immutable Ints."""
    match e:
        case typed.Lit(value=int(number)) if e.type == INT:
            return Size.of(number)
        case typed.SizeValue(size=size):
            return cx.size(size)
        case typed.Local(symbol=symbol):
            value = cx.unit.values.get(symbol)
            return _of_value(cx, value, e.span) if value is not None else None
        case typed.Prim(op="neg", args=(x,)):
            a = size_of(cx, x)
            return None if a is None else -a
        case typed.Prim(op=op, args=(x, y)) if op in SIZE_OPERATIONS:
            a, b = size_of(cx, x), size_of(cx, y)
            if a is None or b is None:
                return None
            return combine(op, a, b)
        case _:
            return None


def _of_value(cx: Context, value: Value, span: Span) -> Size | None:
    from .lookup import force

    return force(cx, value, span)


def combine(op: str, a: Size, b: Size) -> Size | None:
    """`a op b` for one of `SIZE_OPERATIONS`; None where it divides by the number 0."""
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case _:
            if op in ("//", "%") and b.constant == 0:
                return None
            return apply(op, a, b)


def as_size(cx: Context, e: typed.Expr, before: list[typed.Stmt]) -> tuple[Size, typed.Expr]:
    """`e` as a size. One that is no size of known ones gets a name, by a Let that is put into `before`."""
    known = size_of(cx, e)
    if known is not None:
        return known, e
    text = " ".join(e.span.text.split()) or "size"
    label = text if len(text) <= 24 else "size"
    symbol = typed.Symbol("size", e.span)
    var = cx.fresh_size(label, e.span, "this size is known only at run time")
    before.append(typed.Let(typed.BindPattern(symbol, INT), e, (var,), e.span))
    cx.unit.values[symbol] = Value(symbol, INT, Size.of(var))
    return Size.of(var), typed.Local(INT, e.span, symbol)


def with_stmts(before: list[typed.Stmt], e: typed.Expr) -> typed.Expr:
    """`e` after some statements."""
    return typed.Block(e.type, e.span, tuple(before), e) if before else e


def escape(cx: Context, t: Type, start: int, wrap: Callable[[str], str] = lambda name: name) -> Type:
    """`t` with each size that mentions a name made since `start` (in this body) replaced by `?`."""
    born = cx.born_since(start)
    if not born:
        return t
    gone: dict[Size, int] = {}
    for s in sizes_of(t):
        s = cx.size(s)
        if s.atoms() & born:
            gone[s] = gone.get(s, 0) + 1
    if not gone:
        return t
    marks: dict[Size, SizeVar] = {}

    def size(s: Size) -> Size:
        s = cx.size(s)
        if s not in gone:
            return s
        if gone[s] == 1:
            return Size.of(SizeVar("?"))
        if s not in marks:
            marks[s] = SizeVar(f"?k{len(marks) or ''}")
        return Size.of(marks[s])

    return transform(cx.solve(t), lambda v: v, size)


def unnamed(t: Type, fresh: Sequence[SizeVar]) -> Type:
    """`t` as what is expected of a value that will tell the sizes `fresh`: they are not known yet."""
    marks: dict[object, Size] = {f: Size.of(SizeVar(f"?{f}")) for f in fresh}
    return transform(t, lambda v: v, lambda s: s.replace(marks)) if marks else t  # type: ignore[arg-type]


def named(cx: Context, e: typed.Expr, t: Type, name: str) -> typed.Expr:
    """`e`, whose type is `t` with `?` in it, with those sizes named."""
    return named_as(e, *cx.open(t, name, e.span))


def named_as(e: typed.Expr, opened: Type, fresh: tuple[SizeVar, ...]) -> typed.Expr:
    """`e` as a value of the type `opened`, whose sizes `fresh` are read from it."""
    if not fresh:
        return e
    symbol = typed.Symbol("sized", e.span)
    let = typed.Let(typed.BindPattern(symbol, opened), e, fresh, e.span)
    return typed.Block(opened, e.span, (let,), typed.Local(opened, e.span, symbol))


def forget(cx: Context, e: typed.Expr, name: str) -> typed.Expr:
    """An array (of known rank) whose sizes are taken to be known only at run time, under names of their own."""
    t = cx.solve(e.type)
    if not isinstance(t, Array):
        return e
    fresh = tuple(cx.fresh_size(name, e.span, "a size known only at run time") for _ in t.dims)
    return typed.Cast(array(t.elem, tuple(Size.of(f) for f in fresh)), e.span, e, fresh)
