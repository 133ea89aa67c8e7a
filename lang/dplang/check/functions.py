"""Lambdas, and function values that a `let` binds without types: checked with the types of each use."""

from __future__ import annotations

from ..core.types import FnType, Meta, Tuple, Type, Wrong, show
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .annotations import Resolver
from .context import Context, Frame, bind
from .free import free_names
from .lift import coerce, join
from .names import LetFn, Scope, TypeName, Value
from .sizing import escape, with_stmts
from .unify import is_open


def check_lambda(
    cx: Context,
    lam: tree.Lambda,
    params: tuple[Type, ...] | None,
    result: Type | None,
    definition: tree.FnDef | None = None,
) -> typed.Expr:
    """A lambda whose parameters have the given types (None: those that are written)."""
    if params is not None and len(params) != len(lam.params):
        fault = faults.LambdaArity(lam.span, len(lam.params), len(params))
        return cx.wrong(lam.span, fault)
    inner = cx.inner("lambda")
    born = cx.mark()
    place: list[typed.Stmt] = []
    symbols: list[typed.Symbol] = []
    types: list[Type] = []
    if definition is not None:
        for q in definition.type_params:
            inner.define(q.name.name, TypeName(cx.meta(q.span, f"the type `{q.name.name}`"), q.span))
    for i, p in enumerate(lam.params):
        t = _param_type(inner, p, None if params is None else params[i])
        symbols.append(_param(inner, p.pattern, t, place))
        types.append(t)
    if definition is not None and definition.result is not None:
        written = Resolver(inner, free=True).type(definition.result)
        if result is None or isinstance(cx.solve(result), Meta):
            result = written
    outer = cx.body.frame
    cx.body.frame = Frame(result)
    try:
        body = lambda_body(inner, lam.body, result)
    finally:
        cx.body.frame = outer
    value_type = escape(cx, body.type, born)
    if result is not None and isinstance(cx.solve(result), Meta) and not cx.unit.solver.fits(value_type, result):
        return cx.wrong(lam.span, faults.UnknownResult(lam.body.span, show(value_type)))
    t = FnType(tuple(cx.solve(t) for t in types), value_type)
    return typed.Lambda(t, lam.span, tuple(symbols), t.params, with_stmts(place, body))


def lambda_body(cx: Context, body: tree.Expr, result: Type | None) -> typed.Expr:
    """A body and what `return`s in it give, as one type."""
    from .expressions import infer

    value = infer(cx, body, result)
    wanted = cx.solve(result) if result is not None else None
    if wanted is not None and not isinstance(wanted, Meta):
        return coerce(cx, value, wanted)
    returned = [typed.Lit(t, span, 0) for t, span in cx.body.frame.returns]
    if returned:
        _, made = join(cx, [value, *returned], "result", "another result has the type `{}`")
        value = made[0]
    return value


def _param_type(cx: Context, p: tree.LambdaParam, given: Type | None) -> Type:
    if p.type is None:
        if given is not None:
            return cx.solve(given)
        return cx.meta(p.span, "the parameter of a function value")
    written = Resolver(cx, free=True).type(p.type)
    if given is not None:
        # where they do not fit, the call lifts, widens or reports
        cx.unit.solver.try_fits(given, written)
    return cx.solve(written)


def _param(cx: Context, pattern: tree.Pattern, t: Type, place: list[typed.Stmt]) -> typed.Symbol:
    """Puts a parameter into scope; one that is a pattern is taken apart at the start of the body."""
    if isinstance(pattern, tree.NamePattern):
        value = cx.variable(pattern.name, pattern.span, t)
        value.place = place
        return value.symbol
    from .patterns import bind_pattern

    symbol = typed.Symbol("part", pattern.span)
    bound, more = bind_pattern(cx, pattern, cx.solve(t))
    place.append(typed.Let(bound, typed.Local(t, pattern.span, symbol), (), pattern.span))
    place.extend(more)
    return symbol


# ---- function values bound by let


def let_function(cx: Context, name: str, value: tree.Expr, span: Span, definition: tree.FnDef | None = None) -> LetFn:
    """Binds a function value without types. Variables that it captures are read now."""
    place: list[typed.Stmt] = []
    scope = _captured(cx, value, place) if cx.body.owner is not None or not cx.scope.top else cx.scope
    made = LetFn(name, value, scope, cx.body, span, place, cx.scope.top, definition=definition)
    cx.define(name, made)
    if definition is not None:
        scope.names.pop(name, None)
    return made


def _captured(cx: Context, value: tree.Expr, place: list[typed.Stmt]) -> Scope:
    """The scope of a function value: as it is now, each `var` in it being what it is now."""
    scope = cx.scope.frozen()
    for name, span in free_names(value):
        entity = scope.find(name)
        if isinstance(entity, Value) and entity.symbol.mutable and not entity.symbol.top:
            symbol = typed.Symbol(name, span)
            place.append(bind(symbol, entity.type, typed.Local(entity.type, span, entity.symbol)))
            scope.names[name] = Value(symbol, entity.type, captured=True)
    return scope


def let_instance(cx: Context, entity: LetFn, params: tuple[Type, ...], span: Span) -> typed.Expr | None:
    """The function value for parameters of the given types."""
    params = tuple(cx.solve(t) for t in params)
    if any(isinstance(t, Wrong) for t in params):
        return None
    if entity.open:
        cx.report(faults.RecursiveLet(span, entity.name, entity.span))
        return None
    key = Tuple(params)
    shared = entity.body is cx.body and not any(is_open(t) for t in params)
    if shared and key in entity.instances:
        known = entity.instances[key]
        if known.effects is not None:
            cx.repeat(known.effects, span)
        return typed.Local(known.type, span, known.symbol)
    assert isinstance(entity.value, tree.Lambda)
    entity.open = True
    try:
        with cx.noting(Note(f"`{entity.name}` is used here", span)), cx.region("", span) as region:
            here = cx.at(entity.scope)
            value = check_lambda(here, entity.value, params, None, entity.definition)
    finally:
        entity.open = False
    if isinstance(value.type, Wrong):
        return None
    if not shared or cx.unit.quiet:
        return value
    symbol = typed.Symbol(entity.name, entity.span, False, entity.top)
    entity.place.append(bind(symbol, value.type, value))
    entity.instances[key] = Value(symbol, value.type, effects=region)
    return typed.Local(value.type, span, symbol)
