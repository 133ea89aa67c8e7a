"""Names that are always in scope and that the checker expands itself into typed nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY
from ..core.types import Array, Struct, TangentOf, Tuple, Type, TypeVar, Wrong, array, show
from ..errors import types as faults
from ..errors.source import Span
from ..primitives.table import TABLE
from ..syntax import tree
from . import typed
from .arguments import positional, sizes_given, value_of
from .arrays import REDUCTIONS, reduce_array
from .context import Context, hold, int_lit
from .iteration import Parts, Turns, turns
from .lift import coerce, common_dims, join, mapped
from .row_typing import TYPING
from .rows import call_row
from .sizing import with_stmts
from .targets import DERIVATIVES, function_value, is_function_like
from .unify import data_fault, is_number, strip
from .vectors import is_vector

Handler: TypeAlias = Callable[[Context, tree.Call, "Type | None"], typed.Expr]


def call_builtin(cx: Context, name: str, e: tree.Call, expected: Type | None) -> typed.Expr:
    """A call of a built-in name or of a row."""
    handler = SPECIAL.get(name)
    if handler is not None:
        return handler(cx, e, expected)
    row = TABLE.get(name)
    if row is None:
        return cx.wrong(e.span, faults.NotCallable(e.fn.span, name, "a number", None))
    typing = TYPING.get(row.typing) if row.typing else None
    if typing is not None:
        return typing(cx, row, e, expected)
    args = positional(cx, e, name.rpartition(".")[2])
    return cx.wrong(e.span) if args is None else call_row(cx, row, args, e.span, expected)


# ---- sizes and shapes


def _len(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "len", 1, 1)
    value = value_of(cx, args[0]) if args is not None else None
    if value is None:
        return cx.wrong(e.span)
    t = cx.solve(value.type)
    if isinstance(t, Tuple):
        return int_lit(len(t.parts), e.span)
    if not isinstance(t, Array):
        return cx.wrong(e.span, faults.NeedsArray(e.args[0].span, "len", show(t)))
    return _after(value, typed.SizeValue(INT, e.span, cx.size(t.dims[0])))


def _shape(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "shape", 1, 1)
    value = value_of(cx, args[0]) if args is not None else None
    if value is None:
        return cx.wrong(e.span)
    t = cx.solve(value.type)
    if not isinstance(t, Array):
        return cx.wrong(e.span, faults.NeedsArray(e.args[0].span, "shape", show(t)))
    parts = tuple(typed.SizeValue(INT, e.span, cx.size(d)) for d in t.dims)
    return _after(value, typed.Make(Tuple((INT,) * len(parts)), e.span, parts))


def _after(value: typed.Expr, result: typed.Expr) -> typed.Expr:
    """`result`, in which sizes of `value` are read: its statements stay."""
    before: list[typed.Stmt] = []
    while isinstance(value, typed.Block) and value.result is not None:
        before.extend(value.stmts)
        value = value.result
    return with_stmts(before, result)


def _filled(cx: Context, args: list[tree.Expr], value: typed.Expr, label: str, span: Span) -> typed.Expr:
    """An array of the given sizes, every element `value`."""
    before: list[typed.Stmt] = []
    if data_fault(cx.solve(value.type)) is not None:
        return cx.wrong(span, faults.FunctionAsData(value.span, show(value.type), "an array element"))
    sizes = sizes_given(cx, args, label, before)
    if sizes is None:
        return cx.wrong(span)
    t = array(cx.solve(value.type), tuple(s for s, _ in sizes))
    return with_stmts(before, typed.Prim(t, span, "fill", (*(e for _, e in sizes), value)))


def _constant_array(value: float, label: str) -> Handler:
    def make(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
        args = positional(cx, e, label, 1)
        if args is None:
            return cx.wrong(e.span)
        wanted = strip(cx.solve(expected))[0] if expected is not None else FLOAT
        elem = wanted if wanted in (INT, FLOAT32) else FLOAT
        literal = typed.Lit(elem, e.span, int(value) if elem == INT else value)
        return _filled(cx, args, literal, label, e.span)

    return make


def _full(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "full", 2)
    if args is None:
        return cx.wrong(e.span)
    wanted = strip(cx.solve(expected))[0] if expected is not None else None
    value = value_of(cx, args[-1], wanted)
    return cx.wrong(e.span) if value is None else _filled(cx, args[:-1], value, "full", e.span)


# ---- arrays from arrays


def _turned(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`zip`, `enumerate` and `reverse` as values: the array of what they give."""
    before: list[typed.Stmt] = []
    found = turns(cx, e, before, sized=True)
    if not isinstance(found, Turns):
        if isinstance(found, Parts):
            return cx.wrong(e.span, faults.NotIterable(e.span, "a tuple", ""))
        return cx.wrong(e.span)
    assert found.size is not None
    size = cx.size(found.size)
    symbol = typed.Symbol("index", e.span)
    turn = typed.Range(symbol, int_lit(0, e.span), typed.SizeValue(INT, e.span, size))
    element = found.at(typed.Local(INT, e.span, symbol))
    return with_stmts(before, typed.Builder(array(found.type, (size,)), e.span, (turn,), element))


def _reverse(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "reverse", 1, 1)
    if args is None:
        return cx.wrong(e.span)
    if isinstance(args[0], tree.Range | tree.Call):
        return _turned(cx, e, expected)
    return call_row(cx, TABLE["reverse"], args, e.span, expected)


def _map(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`map(f, xs)` is `[f(x) for x in xs]`; so that a pipe can hand it the array, that may come first."""
    from .expressions import infer

    args = positional(cx, e, "map", 2, 2)
    if args is None:
        return cx.wrong(e.span)
    fn, xs = args
    if is_function_like(cx, xs) and not is_function_like(cx, fn):
        fn, xs = xs, fn
    span = e.span
    call = tree.Call(span, fn, (tree.Arg(span, None, tree.Name(span, "%x")),))
    binder = tree.Binder(xs.span, tree.NamePattern(span, "%x"), xs)
    return infer(cx, tree.Builder(span, call, (binder,)), expected)


def _concat(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "concat", 1)
    if args is None:
        return cx.wrong(e.span)
    if len(args) == 1:
        return _concat_rows(cx, args[0], e.span)
    total: typed.Expr | tree.Expr = args[0]
    for a in args[1:]:
        total = call_row(cx, TABLE["concat"], [total, _hinted(cx, a, total)], e.span, expected)
    assert isinstance(total, typed.Node)
    return total


def _concat_rows(cx: Context, e: tree.Expr, span: Span) -> typed.Expr:
    """`concat(rows)`: the elements of the first, then those of the second, and so on."""
    value = value_of(cx, e)
    if value is None:
        return cx.wrong(span)
    elem, dims = strip(cx.solve(value.type))
    if len(dims) < 2:
        return cx.wrong(span, faults.MissingArgument(span, "concat", ("number 2",), None))
    new = (cx.size(dims[0]) * cx.size(dims[1]), *map(cx.size, dims[2:]))
    sizes = tuple(typed.SizeValue(INT, span, s) for s in new)
    return typed.Prim(array(elem, new), span, "reshape", (value, *sizes))


def _stack(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`stack(x, y, ..)` is `[x, y, ..]`; of one array it is that array, whose elements stand in a row already."""
    from .expressions import infer

    args = positional(cx, e, "stack", 1)
    if args is None:
        return cx.wrong(e.span)
    if len(args) > 1:
        return infer(cx, tree.ArrayExpr(e.span, tuple(args)), expected)
    value = value_of(cx, args[0], expected)
    if value is None:
        return cx.wrong(e.span)
    if not strip(cx.solve(value.type))[1]:
        return cx.wrong(e.span, faults.NeedsArray(args[0].span, "stack", show(cx.solve(value.type))))
    return value


def _hinted(cx: Context, e: tree.Expr, other: typed.Expr | tree.Expr) -> typed.Expr | tree.Expr:
    """`[]` and arrays of literals take the element type of the array beside them."""
    from .expressions import infer

    if not isinstance(e, tree.ArrayExpr) or not isinstance(other, tree.Name | typed.Node):
        return e
    value = other if isinstance(other, typed.Node) else infer(cx, other)
    t = cx.solve(value.type)
    return infer(cx, e, t) if isinstance(t, Array) else e


def _where(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`where(c, a, b)`: elementwise a where c holds, else b."""
    from .constants import is_literal

    args = positional(cx, e, "where", 3, 3)
    if args is None:
        return cx.wrong(e.span)
    cond = value_of(cx, args[0])
    order = sorted((1, 2), key=lambda i: is_literal(cx.scope, args[i]))
    sides: dict[int, typed.Expr] = {}
    hint: Type | None = None
    for i in order:
        value = value_of(cx, args[i], hint)
        if value is None or cond is None:
            return cx.wrong(e.span)
        sides[i] = value
        elem = strip(cx.solve(value.type))[0]
        hint = elem if is_number(elem) else None
    if cond is None:
        return cx.wrong(e.span)
    if strip(cx.solve(cond.type))[0] != BOOL:
        return cx.wrong(e.span, faults.ConditionType(args[0].span, "`where`", show(cond.type)))
    values = [cond, sides[1], sides[2]]
    depths = [len(strip(cx.solve(v.type))[1]) for v in values]
    dims = common_dims(cx, e.span, [(strip(cx.solve(v.type))[1], v) for v in values]) if any(depths) else ()
    if dims is None:
        return cx.wrong(e.span)
    wrong: list[bool] = []

    def make(xs: list[typed.Expr]) -> typed.Expr:
        t, made = join(cx, xs[1:], "where", "the other value has the type `{}`")
        if t is None or isinstance(t, Wrong):
            wrong.append(True)
            return cx.wrong(e.span)
        return typed.If(t, e.span, xs[0], made[0], made[1])

    made = mapped(e.span, dims, list(zip(values, depths, strict=True)), make)
    return cx.wrong(e.span) if wrong else made


# ---- reductions of arrays


def _reduction(name: str) -> Handler:
    def reduce(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
        pair = name in ("min", "max")
        args = positional(cx, e, name, 1, 2 if pair else 1)
        if args is None:
            return cx.wrong(e.span)
        if len(args) == 2:
            return call_row(cx, TABLE[name], args, e.span, expected)
        value = value_of(cx, args[0], _elements(expected) if name in ("sum", "mean", "prod") else None)
        if value is None:
            return cx.wrong(e.span)
        dims = strip(cx.solve(value.type))[1]
        if not dims:
            return cx.wrong(e.span, faults.NeedsArray(args[0].span, name, show(cx.solve(value.type))))
        if name in ("argmin", "argmax") and len(dims) > 1:
            depth = len(dims) - 1
            return mapped(e.span, dims[:-1], [(value, depth)], lambda xs: reduce_array(cx, name, xs[0], e.span))
        return reduce_array(cx, name, value, e.span)

    return reduce


def _elements(expected: Type | None) -> Type | None:
    return expected if expected in (FLOAT, FLOAT32) else None


# ---- vector space, keys, acknowledgements


def _dot(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "dot", 2, 2)
    a = value_of(cx, args[0]) if args is not None else None
    b = value_of(cx, args[1], cx.solve(a.type)) if args is not None and a is not None else None
    if a is None or b is None:
        return cx.wrong(e.span)
    t = cx.solve(a.type)
    if _is_point(t):
        b = coerce(cx, b, t)
        return cx.wrong(e.span) if isinstance(b.type, Wrong) else typed.Vector(FLOAT, e.span, "dot", (a, b))
    return call_row(cx, TABLE["dot"], [a, b], e.span, expected)


def _is_point(t: Type) -> bool:
    elem = strip(t)[0]
    return isinstance(elem, Struct | TangentOf | Tuple | TypeVar) and is_vector(t)


def _zero(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`zero(x)`: the direction of x's type whose parts with a tangent are 0."""
    args = positional(cx, e, "zero", 1, 1)
    value = value_of(cx, args[0]) if args is not None else None
    if value is None:
        return cx.wrong(e.span)
    t = cx.solve(value.type)
    if not is_vector(t):
        return cx.wrong(e.span, faults.NoVectorSpace(e.span, show(t), "zero"))
    from .vectors import tangent

    return typed.Vector(tangent(t), e.span, "zero", (value,))


def _split(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "split", 1, 1)
    value = value_of(cx, args[0]) if args is not None else None
    if value is None:
        return cx.wrong(e.span)
    value = coerce(cx, value, KEY)
    before: list[typed.Stmt] = []
    held = hold(value, before)
    parts = tuple(typed.Prim(KEY, e.span, op, (held,)) for op in ("split_left", "split_right"))
    return with_stmts(before, typed.Make(Tuple((KEY, KEY)), e.span, parts))


def _stop(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "stop", 1, 1)
    value = value_of(cx, args[0], expected) if args is not None else None
    return cx.wrong(e.span) if value is None else typed.Stop(cx.solve(value.type), e.span, value)


def _derivative(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    return function_value(cx, e, expected)


SPECIAL: dict[str, Handler] = {
    "len": _len,
    "shape": _shape,
    "zeros": _constant_array(0.0, "zeros"),
    "ones": _constant_array(1.0, "ones"),
    "full": _full,
    "zip": _turned,
    "enumerate": _turned,
    "reverse": _reverse,
    "map": _map,
    "concat": _concat,
    "stack": _stack,
    "where": _where,
    "dot": _dot,
    "zero": _zero,
    "split": _split,
    "stop": _stop,
    **{name: _reduction(name) for name in REDUCTIONS},
    **dict.fromkeys(DERIVATIVES, _derivative),
}
