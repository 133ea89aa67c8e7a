"""`derivative` definitions: rules of one's own for a function's derivative."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.ir import FLOAT, FLOAT32
from ..core.sizes import Size, SizeVar
from ..core.types import Tuple, Type, Wrong, show
from ..errors import types as faults
from ..errors.checking import count
from ..errors.diagnostic import NotBuilt, Note
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .context import Context, Unit, context
from .declarations import body_value, check_fn, declare_fn
from .finish import close
from .lift import coerce
from .names import FnName, Scope, SizeName, TypeName
from .vectors import has_tangent, tangent


def declare_rule(unit: Unit, item: tree.DerivativeDef, before: Sequence[tree.Item]) -> None:
    """Remembers a rule for its function, which stands before it in the same file."""
    name = item.name
    entity = unit.scope.names.get(name.name)
    above = any(isinstance(i, tree.FnDef) and i.name.name == name.name for i in before)
    if not isinstance(entity, FnName) or entity.unit is not unit or not above:
        unit.report(faults.RuleWithoutFunction(name.span, name.name, isinstance(entity, FnName)))
        return
    known = unit.rules.get(entity)
    if known is not None:
        unit.report(faults.NameTaken(name.span, f"derivative {name.name}", known.name.span))
        return
    unit.rules[entity] = item


def check_rules(unit: Unit) -> None:
    """Checks all rules, once every function has its types."""
    for fn in unit.rules:
        check_rule(fn)


def check_rule(fn: FnName) -> None:
    """Checks the rule of a function, if it has one."""
    unit, item = fn.unit, fn.unit.rules.get(fn)
    if item is None:
        return
    check_fn(fn)
    if fn.template or fn.tree.sketch:
        unit.report(NotBuilt(item.span, "a derivative rule for a function that is checked for each use"))
        return
    result = fn.fn.result
    if result is None or isinstance(result, Wrong) or any(isinstance(t, Wrong) for t in fn.fn.param_types):
        return
    if len(item.params) != len(fn.fn.params):
        unit.report(_arity(fn, item))
        return
    fn.fn.rule = _rule(unit, fn, item, result)


def _rule(unit: Unit, fn: FnName, item: tree.DerivativeDef, result: Type) -> typed.CustomRule:
    """The bodies of a rule as functions of the parameters, the result and tangents or a cotangent."""
    made = typed.CustomRule(item.span)
    moving = [i for i, t in enumerate(fn.fn.param_types) if has_tangent(t)]
    tangents = [tangent(fn.fn.param_types[i]) for i in moving]
    adjoints: Type = tangents[0] if len(tangents) == 1 else Tuple(tuple(tangents))
    if not moving:
        unit.report(_bad(item.name.span, fn, f"no parameter of `{fn.label}` can move, so it has no derivative"))
        return made
    if item.partials is not None:
        if result not in (FLOAT, FLOAT32):
            unit.report(
                _bad(
                    item.name.span, fn, f"partials are for a Float result, and that of `{fn.label}` is `{show(result)}`"
                )
            )
            return made
        made.partials = _body(unit, fn, item, "partials", (), (), item.partials, adjoints)
        return made
    for rule in item.rules:
        word, params = rule.name.name, rule.params
        if word == "jvp" and made.jvp is None:
            if _count(unit, fn, rule, len(tangents)):
                made.jvp = _body(unit, fn, item, "jvp", params, tangents, rule.body, tangent(result))
        elif word == "vjp" and made.vjp is None:
            if _count(unit, fn, rule, 1):
                made.vjp = _body(unit, fn, item, "vjp", params, (tangent(result),), rule.body, adjoints)
        else:
            unit.report(_bad(rule.name.span, fn, f"a rule is one `jvp` and one `vjp`; `{word}` is too much"))
    return made


def _bad(span: Span, fn: FnName, what: str) -> faults.BadRule:
    return faults.BadRule(span, what, fn.label, fn.tree.name.span)


def _arity(fn: FnName, item: tree.DerivativeDef) -> faults.BadRule:
    has, given = len(fn.fn.params), len(item.params)
    return _bad(item.name.span, fn, f"`{fn.label}` has {count(has, 'parameter')}, and its derivative names {given}")


def _count(unit: Unit, fn: FnName, rule: tree.RuleDef, wanted: int) -> bool:
    given, word = len(rule.params), rule.name.name
    if given != wanted:
        what = count(wanted, "tangent") + " of parameters" if word == "jvp" else "the adjoint of the result"
        unit.report(_bad(rule.name.span, fn, f"`{word}` takes {what}, and has {count(given, 'parameter')}"))
    return given == wanted


def _body(
    unit: Unit,
    fn: FnName,
    item: tree.DerivativeDef,
    word: str,
    more: tuple[tree.Param, ...],
    types: Sequence[Type],
    body: tree.Expr,
    wanted: Type,
) -> typed.Function:
    """One body of a rule as a function; its own use of functions and top-level names counts as the function's."""
    definition = tree.FnDef(item.span, (), False, tree.Ident(item.name.span, word), (), (), None, body, "")
    holder = declare_fn(unit, fn.scope, definition, fn)
    holder.state = "done"
    scope = Scope(fn.scope, "function")
    cx = context(unit, scope, holder, wanted)
    _universals(fn, scope)
    names = [p.name for p in item.params]
    symbols = [_param(cx, n, t, fn, i) for i, (n, t) in enumerate(zip(names, fn.fn.param_types, strict=True))]
    assert fn.fn.result is not None
    outcome = cx.variable("result", item.name.span, fn.fn.result)
    extra = [cx.variable(p.name.name, p.name.span, t).symbol for p, t in zip(more, types, strict=True)]
    before = len(unit.errors)
    value = coerce(cx, body_value(cx, body, wanted), wanted, Note("the rule is for this function", fn.tree.name.span))
    function = holder.fn
    function.type_params = fn.fn.type_params
    function.params = (*symbols, outcome.symbol, *extra)
    function.param_types = (*fn.fn.param_types, fn.fn.result, *types)
    function.size_params = tuple((v, symbols[fn.fn.params.index(s)]) for v, s in fn.fn.size_params if s in fn.fn.params)
    function.result = wanted
    function.body = close(unit, cx.body, value, before)
    holder.reads = dict(cx.body.globals)
    fn.uses.setdefault(holder, item.span)
    return function


def _param(cx: Context, name: tree.Ident, t: Type, fn: FnName, i: int) -> typed.Symbol:
    value = cx.variable(name.name, name.span, t)
    for var, symbol in fn.fn.size_params:
        if symbol is fn.fn.params[i]:
            value.size = Size.of(var)
    return value.symbol


def _universals(fn: FnName, scope: Scope) -> None:
    """The function's sizes and types are known in its rule."""
    ints = {v for v, _ in fn.fn.size_params}
    for p in fn.fn.type_params:
        if isinstance(p, SizeVar):
            if p not in ints:
                scope.names[p.name] = SizeName(Size.of(p), fn.tree.name.span)
        else:
            scope.names[p.name] = TypeName(p, fn.tree.name.span)
