"""Arguments of built-in names: by position, as sizes."""

from __future__ import annotations

from ..core.ir import INT
from ..core.sizes import Size
from ..core.types import Never, Tuple, Type, Wrong, show
from ..errors import types as faults
from ..syntax import tree
from . import typed
from .context import Context, hold
from .sizing import as_size


def positional(
    cx: Context, e: tree.Call, label: str, least: int = 0, most: int | None = None
) -> list[tree.Expr] | None:
    """The arguments of a built-in that takes them by position, from `least` to `most` of them."""
    for a in e.args:
        if a.name is not None:
            cx.report(faults.UnknownArgument(a.name.span, a.name.name, label, (), "", None))
            return None
    if len(e.args) < least:
        missing = tuple(f"number {i + 1}" for i in range(len(e.args), least))
        cx.report(faults.MissingArgument(e.span, label, missing, None))
        return None
    if most is not None and len(e.args) > most:
        cx.report(faults.TooManyArguments(e.args[most].span, label, most, len(e.args), None))
        return None
    return [a.value for a in e.args]


def value_of(cx: Context, e: tree.Expr, expected: Type | None = None) -> typed.Expr | None:
    """An argument, or None where it is wrong."""
    from .expressions import infer

    value = infer(cx, e, expected)
    return None if isinstance(cx.solve(value.type), Wrong | Never) else value


def sizes_given(
    cx: Context, args: list[tree.Expr], label: str, before: list[typed.Stmt]
) -> list[tuple[Size, typed.Expr]] | None:
    """Sizes given as Ints, or as one tuple of them (`zeros(shape(x))`)."""
    found: list[tuple[Size, typed.Expr]] = []
    for a in args:
        value = value_of(cx, a, INT)
        if value is None:
            return None
        t = cx.solve(value.type)
        if isinstance(t, Tuple) and all(p == INT for p in t.parts):
            while isinstance(value, typed.Block) and value.result is not None:
                before.extend(value.stmts)
                value = value.result
            held = value if isinstance(value, typed.Make) else hold(value, before)
            parts = (
                held.parts
                if isinstance(held, typed.Make)
                else tuple(typed.GetField(INT, a.span, held, i) for i in range(len(t.parts)))
            )
            found += [as_size(cx, p, before) for p in parts]
            continue
        if t != INT:
            cx.report(faults.SizeArgument(a.span, label, show(t)))
            return None
        size, value = as_size(cx, value, before)
        known = size.constant
        if known is not None and known < 0:
            cx.report(faults.NegativeSize(a.span, known))
            return None
        found.append((size, value))
    return found
