"""From a name in the text to what it means: scopes, built-in names, the prelude, and what may be used where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.ir import INT
from ..core.sizes import Size
from ..errors import types as faults
from ..errors.diagnostic import Fault
from ..errors.source import NOWHERE, Span
from ..primitives.table import TABLE
from ..syntax import tree
from . import typed
from .names import (
    Builtin,
    Entity,
    Faulty,
    ModuleName,
    Pending,
    Value,
    public,
)
from .native import NATIVE

if TYPE_CHECKING:
    from .context import Context


ALSO = {"clamp": "clip"}
"""Built-in names that mean another one."""


def builtin_names() -> frozenset[str]:
    from .builtins import SPECIAL
    from .constants import NAMED

    rows = {row.name for row in TABLE.values() if row.public and row.name.isidentifier()}
    return frozenset(rows) | ALSO.keys() | SPECIAL.keys() | NAMED.keys()


def beyond(cx: Context, name: str) -> Entity | None:
    """What a name means that no scope holds: always in scope, owned by this module, or of the prelude."""
    from .builtins import SPECIAL
    from .constants import NAMED

    if name in NATIVE:
        return NATIVE[name]
    name = ALSO.get(name, name)
    if name in SPECIAL or name in NAMED:
        return Builtin(name)
    row = TABLE.get(name)
    if row is not None and row.public:
        return Builtin(name)
    if f"{cx.unit.name}.{name}" in TABLE:  # a module sees rows of its own that others do not
        return Builtin(f"{cx.unit.name}.{name}")
    return prelude(cx).get(name)


def builtin_type(cx: Context, name: str) -> Entity | None:
    return NATIVE.get(name) or prelude(cx).get(name)


def prelude(cx: Context) -> dict[str, Entity]:
    """The names that the prelude defines; it is read when a name is first looked for there."""
    unit = cx.unit
    if unit.prelude is None:
        unit.prelude = ModuleName(None, "", {}, NOWHERE)
        if unit.loader is not None and unit.name != "prelude":
            try:
                module = unit.loader.load("prelude", False, NOWHERE.source, NOWHERE)
            except Fault as fault:
                for d in fault.diagnostics:
                    unit.report(d)
            else:
                unit.prelude = ModuleName(module, "", public(module), NOWHERE)
    return unit.prelude.names


def overload_name(name: str, arguments: int) -> str:
    """Under which name the prelude keeps a further definition of `name`, for that many arguments."""
    return f"{name}/{arguments}"


def overload(cx: Context, fn: tree.Expr, arguments: int) -> Entity | None:
    """What `fn` means in a call with that many arguments where the prelude has a further definition for them; for more
    than any of them takes, the one that takes most."""
    if not isinstance(fn, tree.Name) or cx.scope.find(fn.name) is not None:
        return None
    known = prelude(cx)
    if fn.name not in known:
        return None
    taken = [int(n.rpartition("/")[2]) for n in known if n.startswith(f"{fn.name}/")]
    return known.get(overload_name(fn.name, min(arguments, max(taken, default=0))))


def lookup(cx: Context, name: str, span: Span) -> Entity | None:
    """What a name means here, reported (and None) where it means nothing or may not be used."""
    entity, _, top = cx.scope.locate(name)
    if entity is None:
        entity = beyond(cx, name)
    match entity:
        case None:
            unknown_name(cx, name, span)
            return None
        case Faulty():
            return None
        case Pending():
            pending(cx, entity, span)
            return None
        case Value(symbol=symbol) if symbol.mutable and top and cx.body.owner is not None:
            cx.report(faults.GlobalVar(span, name, symbol.span))
            return None
        case _:
            return entity


def pending(cx: Context, entity: Pending, span: Span) -> None:
    """A top-level name is used before its statement has run."""
    owner = cx.body.owner
    if owner is None:
        cx.report(faults.UsedBefore(span, entity.name, entity.span, "", None))
    elif entity.mutable:
        cx.report(faults.GlobalVar(span, entity.name, entity.span))
    elif owner.waiting is None:
        owner.waiting = (entity.name, entity.span)


def unknown_name(cx: Context, name: str, span: Span, assigned: bool = False) -> None:
    """Reports a name that means nothing here."""
    entity = cx.scope.find(name)
    if isinstance(entity, Pending):
        pending(cx, entity, span)
        return
    modules = cx.unit.loader.library() if cx.unit.loader is not None else ()
    if name in modules:
        cx.report(faults.UnknownName(span, name, name, module=True))
        return
    known = [n for n in cx.scope.visible() if not n.startswith("%")]
    known += [*builtin_names(), *NATIVE, *(n for n in prelude(cx) if n.isidentifier())]
    nearest = faults.near(name, known)
    if not nearest and (module := faults.near(name, list(modules))) and span.source.text[span.end :].startswith("."):
        cx.report(faults.UnknownName(span, name, module, module=True))
        return
    cx.report(faults.UnknownName(span, name, nearest, assigned=assigned))


def force(cx: Context, value: Value, span: Span) -> Size | None:
    """An immutable Int as a size, or None for what is no Int."""
    if value.size is not None:
        return value.size
    if value.symbol.mutable or cx.solve(value.type) != INT or value.place is None:
        return None
    symbol = value.symbol
    var = cx.fresh_size(symbol.name, symbol.span, f"`{symbol.name}` is defined here")
    cx.body.born[var] = value.made
    named = typed.Symbol(symbol.name, symbol.span)
    local = typed.Local(INT, span, symbol)
    value.place.append(typed.Let(typed.BindPattern(named, INT), local, (var,), symbol.span))
    value.size = Size.of(var)
    return value.size
