"""Calls of functions that take a vector or a matrix: the rows of a module that stand for two of its functions each."""

from __future__ import annotations

from dataclasses import replace

from ..core.types import Type, show
from ..errors import types as faults
from ..errors.diagnostic import Fault
from ..primitives.table import Row
from ..syntax import tree
from . import typed
from .arguments import positional, value_of
from .calls import Callee, call_with
from .context import Context
from .names import FnName
from .rows import readable
from .unify import strip


def call_ranked(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`linalg.solve(a, b)` is `_solve_vector(a, b)` or `_solve_matrix(a, b)` of the module. Both arguments may have
    dimensions in front; a b that has none where a has some is one for all."""
    module, _, label = row.name.partition(".")
    args = positional(cx, e, label, 2, 2)
    values = [v for a in args if (v := value_of(cx, a)) is not None] if args is not None else []
    if len(values) < 2:
        return cx.wrong(e.span)
    a, b = (len(strip(cx.solve(v.type))[1]) for v in values)
    if a < 2 or b < 1:
        shown = ", ".join(show(cx.solve(v.type)) for v in values)
        return cx.wrong(e.span, faults.RowTypes(e.span, label, shown, readable(row.scheme), row.doc))
    kind = "vector" if b in (1, a - 1) else "matrix"
    target = _member(cx, module, f"_{label}_{kind}", e)
    return cx.wrong(e.span) if target is None else call_with(cx, replace(target, label=label), values, e.span, expected)


def _member(cx: Context, module: str, name: str, e: tree.Call) -> Callee | None:
    """A function of a module of the library."""
    from .targets import fn_target

    assert cx.unit.loader is not None
    try:
        found = cx.unit.loader.load(module, False, e.span.source, e.span)
    except Fault as fault:
        for d in fault.diagnostics:
            cx.report(d)
        return None
    assert isinstance(found.scope, dict)
    entity = found.scope[name]
    assert isinstance(entity, FnName)
    target = fn_target(cx, entity, e.span)
    assert isinstance(target, Callee)
    return target
