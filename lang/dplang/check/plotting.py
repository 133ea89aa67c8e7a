"""Calls of the drawing rows: arrays and a path by position, options by name."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.ir import FLOAT, STRING
from ..core.types import UNIT, Type, Wrong, array, show
from ..errors import types as faults
from ..primitives.table import Row
from ..syntax import tree
from . import typed
from .context import Context
from .lift import coerce, report_sizes
from .unify import strip

SERIES: Mapping[str, Type] = {"label": STRING, "color": STRING}
PICTURE: Mapping[str, Type] = {"title": STRING, "x": STRING, "y": STRING, "width": FLOAT, "height": FLOAT}


def call_plot(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`plot.line(x, y, label = ..)`, `plot.scatter(y)`, `plot.save(path, title = ..)`."""
    cx.does(f"`{row.name}`", e.span)
    options = PICTURE if row.name == "plot.save" else SERIES
    least, most = (1, 1) if row.name == "plot.save" else (1, 2)
    label = row.name.rpartition(".")[2]
    positional = [a for a in e.args if a.name is None]
    if len(positional) > most:
        return cx.wrong(e.span, faults.TooManyArguments(positional[most].span, label, most, len(positional), None))
    if len(positional) < least:
        return cx.wrong(e.span, faults.MissingArgument(e.span, label, ("number 1",), None))
    seen: dict[str, tree.Arg] = {}
    values: list[typed.Expr] = []
    for a in e.args:
        if a.name is not None:
            name = a.name.name
            if name not in options:
                near = faults.near(name, list(options))
                return cx.wrong(e.span, faults.UnknownArgument(a.name.span, name, label, tuple(options), near, None))
            if name in seen:
                return cx.wrong(e.span, faults.DuplicateArgument(a.name.span, name, label, seen[name].span))
            seen[name] = a
        values.append(_value(cx, row, a, options))
    names = tuple(None if a.name is None else a.name.name for a in e.args)
    if any(isinstance(cx.solve(v.type), Wrong) for v in values) or not _same_sizes(cx, e, values, names):
        return cx.wrong(e.span)
    return typed.Io(UNIT, e.span, row.name, tuple(values), names)


def _value(cx: Context, row: Row, a: tree.Arg, options: Mapping[str, Type]) -> typed.Expr:
    from .expressions import check, infer

    if a.name is not None:
        return check(cx, a.value, options[a.name.name])
    if row.name == "plot.save":
        return check(cx, a.value, STRING)
    value = infer(cx, a.value)
    t = cx.solve(value.type)
    if isinstance(t, Wrong):
        return value
    dims = strip(t)[1]
    if len(dims) != 1:
        return cx.wrong(a.span, faults.TypeMismatch(a.span, show(t), "Float[n]", ()))
    return coerce(cx, value, array(FLOAT, dims))


def _same_sizes(cx: Context, e: tree.Call, values: list[typed.Expr], names: tuple[str | None, ...]) -> bool:
    """Whether x and y have one size. Reported if not."""
    series = [v for v, name in zip(values, names, strict=True) if name is None]
    if len(series) < 2:
        return True
    x, y = series
    (n,), (m,) = strip(cx.solve(x.type))[1], strip(cx.solve(y.type))[1]
    cx.unit.solver.now = y.span
    if cx.unit.solver.same_size(m, n):
        return True
    sizes = (cx.size(m), cx.size(n))
    report_sizes(cx, e.span, cx.solve(y.type), cx.solve(x.type), sizes, y.span, x.span)
    return False
