"""Calls of rows whose types no scheme can say: printing, files, draws, shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..core.sizes import Size
from ..core.types import UNIT, Type, array, show
from ..errors import types as faults
from ..primitives.table import Row
from ..syntax import tree
from . import typed
from .arguments import positional, sizes_given, value_of
from .context import Context
from .files import call_arrays, call_csv, call_metadata, call_write
from .plotting import call_plot
from .ranks import call_ranked
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
    "csv": call_csv,
    "arrays": call_arrays,
    "write": call_write,
    "metadata": call_metadata,
    "reshape": _reshape,
    "ranked": call_ranked,
    "flatten": _flatten,
}
