"""Calls of rows whose types no scheme can say: printing, files, draws, shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..core.ir import FLOAT, INT, KEY, STRING
from ..core.sizes import Size, SizeVar
from ..core.types import UNIT, Tuple, Type, Wrong, array, show
from ..errors import types as faults
from ..primitives.table import Row
from ..syntax import tree
from . import typed
from .arguments import positional, sizes_given, value_of
from .context import Context, bind, int_lit
from .iteration import hold
from .lift import coerce
from .plotting import call_plot
from .rows import call_row, schemes
from .sizing import with_stmts
from .unify import data_fault, strip


def _print(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, row.name)
    if args is None:
        return cx.wrong(e.span)
    values = [value_of(cx, a) for a in args]
    cx.does(f"`{row.name}`", e.span)
    for v in values:
        if v is None:
            return cx.wrong(e.span)
        if data_fault(cx.solve(v.type)) is not None:
            return cx.wrong(e.span, faults.NotPrintable(v.span, show(cx.solve(v.type))))
    return typed.Io(UNIT, e.span, row.name, tuple(v for v in values if v is not None))


def _csv(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """The columns of a file: one array for each name, all of one size that only the file knows."""
    from .expressions import check

    args = positional(cx, e, "csv", 2)
    cx.does(f"`{row.name}`", e.span)
    if args is None:
        return cx.wrong(e.span)
    values = tuple(check(cx, a, STRING) for a in args)
    if any(isinstance(v.type, Wrong) for v in values):
        return cx.wrong(e.span)
    column = array(FLOAT, (Size.of(SizeVar("?rows")),))
    columns = len(args) - 1
    t: Type = column if columns == 1 else Tuple((column,) * columns)
    opened, fresh = cx.open(t, "rows", e.span)
    symbol = typed.Symbol("columns", e.span)
    let = bind(symbol, opened, typed.Io(opened, e.span, row.name, values), fresh)
    return typed.Block(opened, e.span, (let,), typed.Local(opened, e.span, symbol))


def _draw(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`random.normal(k)`, and with sizes behind `[random.normal(k[i]) for i in 0..n]`."""
    label = row.name.rpartition(".")[2]
    count = len(schemes(row.scheme)[0].params)
    args = positional(cx, e, label, count)
    if args is None:
        return cx.wrong(e.span)
    if len(args) == count:
        return call_row(cx, row, args, e.span, expected)
    before: list[typed.Stmt] = []
    key = value_of(cx, args[0], KEY)
    if key is None:
        return cx.wrong(e.span)
    key = hold(coerce(cx, key, KEY), before)
    rest = [hold(v, before) for a in args[1:count] if (v := value_of(cx, a)) is not None]
    sizes = sizes_given(cx, args[count:], label, before)
    if sizes is None or isinstance(key.type, Wrong) or len(rest) < count - 1:
        return cx.wrong(e.span)
    ranges = tuple(typed.Range(typed.Symbol("i", e.span), int_lit(0, e.span), value) for _, value in sizes)
    for r in ranges:
        key = typed.Prim(KEY, e.span, "key_at", (key, typed.Local(INT, e.span, r.symbol)))
    element = call_row(cx, row, [key, *rest], e.span, None)
    t = array(element.type, tuple(s for s, _ in sizes))
    return with_stmts(before, typed.Builder(t, e.span, ranges, element))


def _reshape(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "reshape", 2)
    value = value_of(cx, args[0]) if args is not None else None
    if args is None or value is None:
        return cx.wrong(e.span)
    elem, dims = strip(cx.solve(value.type))
    if not dims:
        return cx.wrong(e.span, faults.NeedsArray(args[0].span, "reshape", show(value.type)))
    before: list[typed.Stmt] = []
    sizes = sizes_given(cx, args[1:], "reshape", before)
    if sizes is None:
        return cx.wrong(e.span)
    old, new = _product(cx, dims), _product(cx, tuple(s for s, _ in sizes))
    if old.constant is not None and new.constant is not None and old != new:
        return cx.wrong(e.span, faults.ReshapeSize(e.span, show(value.type), str(old), str(new)))
    t = array(elem, tuple(s for s, _ in sizes))
    return with_stmts(before, typed.Prim(t, e.span, "reshape", (value, *(v for _, v in sizes))))


def _product(cx: Context, dims: tuple[Size, ...]) -> Size:
    total = Size.of(1)
    for d in dims:
        total = total * cx.size(d)
    return total


def _flatten(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    args = positional(cx, e, "flatten", 1, 1)
    value = value_of(cx, args[0]) if args is not None else None
    if value is None:
        return cx.wrong(e.span)
    elem, dims = strip(cx.solve(value.type))
    if not dims:
        return cx.wrong(e.span, faults.NeedsArray(e.args[0].span, "flatten", show(value.type)))
    return typed.Prim(array(elem, (_product(cx, dims),)), e.span, "flatten", (value,))


Typing: TypeAlias = Callable[[Context, Row, tree.Call, "Type | None"], typed.Expr]


TYPING: dict[str, Typing] = {
    "print": _print,
    "plot": call_plot,
    "csv": _csv,
    "draw": _draw,
    "reshape": _reshape,
    "flatten": _flatten,
}
