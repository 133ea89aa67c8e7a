"""Functions: their signatures, and how each body is checked once."""

from __future__ import annotations

from ..core.ir import INT
from ..core.sizes import Size, SizeVar
from ..core.types import (
    UNIT,
    WRONG,
    Never,
    Struct,
    Type,
    TypeVar,
    Wrong,
    show,
    substitute,
)
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .annotations import Resolver
from .context import Context, Unit, context
from .finish import close, sizes_read
from .lift import coerce, join
from .names import FnName, Scope, SizeName, TypeName
from .sizing import escape
from .structs import check_default, define_params, new_function, standing_alone, type_params
from .templates import is_template, match_sizes, mentions
from .unify import atoms_of, data_fault, sizes_of, strip


def declare_fn(unit: Unit, scope: Scope, f: tree.FnDef, outer: FnName | None = None) -> FnName:
    name = f.name.name if outer is None else f"{outer.fn.name}.{f.name.name}"
    made = FnName(f, unit, scope, new_function(unit, f, name))
    unit.fns.append(made)
    return made


def sign(fn: FnName) -> None:
    """Finds the signature of a function: its universals, the types of its parameters, its result if that is written."""
    if fn.state != "new":
        return
    fn.state = "signed"
    unit, f = fn.unit, fn.tree
    with unit.loud():
        fn.template = fn.shapes is None and is_template(fn)
        if fn.template or f.sketch:
            fn.declared = f.result is not None
            _check_rank(fn)
            return
        _sign(fn, unit, f)


def _check_rank(fn: FnName) -> None:
    """A result `[..]` has its shape from the only such parameter."""
    result = fn.tree.result
    if result is not None and mentions(result, set()):
        ranked = [p for p in fn.tree.params if p.type is not None and mentions(p.type, set())]
        if len(ranked) != 1:
            fn.unit.report(faults.MisplacedRank(result.span))


def _sign(fn: FnName, unit: Unit, f: tree.FnDef) -> None:
    scope = fn.inner = Scope(fn.scope, "function")
    cx = context(unit, scope, fn)
    params: list[TypeVar | SizeVar] = list(fn.extra)
    if fn.owner is not None:
        _owner_params(fn, scope, params)
    own = type_params(unit, f.type_params)
    for p in own:
        if p.name not in fn.given:
            params.append(p)
    define_params(scope, tuple(p for p in own if p.name not in fn.given), f.name.span)
    for name, t in fn.given.items():
        scope.names[name] = TypeName(t, f.name.span)
    universals: dict[str, SizeVar] = {}
    ints = {p.name.name: SizeVar(p.name.name) for p in f.params if _is_int(p.type)}
    for name, var in ints.items():
        unit.origins[var] = Note(f"`{name}` is a parameter", f.name.span)
    resolver = Resolver(cx, universals={**ints})
    types = _param_types(fn, cx, resolver)
    assert resolver.universals is not None
    universals = {n: v for n, v in resolver.universals.items() if n not in ints}
    known: dict[SizeVar, Size] = {}
    for t, actual in zip(types, fn.actual, strict=False):
        if actual is not None:
            match_sizes(t, actual, set(universals.values()), known)
    found: dict[object, Size] = dict(known.items())
    types = [substitute(t, {}, found) for t in types]
    for name, var in universals.items():
        scope.names[name] = SizeName(known.get(var, Size.of(var)), f.name.span)
    params += (v for v in universals.values() if v not in known)
    symbols = _declare_params(fn, cx, types, ints)
    function = fn.fn
    function.params, function.param_types = symbols, tuple(types)
    function.size_params = tuple((ints[s.name], s) for s in symbols if s.name in ints)
    fn.declared = f.result is not None
    if f.result is not None:
        function.result = Resolver(cx, ranked=_result_shape(fn)).type(f.result)
    function.type_params = tuple(params)
    _use_int_sizes(fn, ints)
    _check_alone(fn)


def _owner_params(fn: FnName, scope: Scope, params: list[TypeVar | SizeVar]) -> None:
    assert fn.owner is not None
    decl = fn.owner.decl
    plain = tuple(p for p in decl.params if p.name not in fn.given)
    define_params(scope, plain, decl.span)
    params += plain


def _is_int(t: tree.FieldType | None) -> bool:
    return isinstance(t, tree.NamedType) and len(t.path) == 1 and t.path[0].name == "Int" and not t.brackets


def _param_types(fn: FnName, cx: Context, resolver: Resolver) -> list[Type]:
    """The types of the parameters. Those that stand alone are read before sizes that are computed from them."""
    types: list[Type] = []
    for i, p in enumerate(fn.tree.params):
        if p.type is None:
            types.append(_self_type(fn, p, i))
            continue
        if isinstance(p.type, tree.Constrained | tree.InInterval):
            cx.report(faults.MisplacedConstraint(p.type.span, p.name.name))
            types.append(resolver.type(p.type.base))
            continue
        resolver.ranked = None if fn.shapes is None else fn.shapes.get(i)
        types.append(resolver.type(p.type))
    resolver.ranked = None
    return types


def _self_type(fn: FnName, p: tree.Param, i: int) -> Type:
    if fn.owner is not None and i == 0 and p.name.name == "self":
        decl = fn.owner.decl
        args = tuple(fn.given.get(q.name, q) if isinstance(q, TypeVar) else Size.of(q) for q in decl.params)
        return Struct(decl, args)
    fn.unit.report(faults.MissingParameterType(p.name.span, p.name.name))
    return WRONG


def _declare_params(fn: FnName, cx: Context, types: list[Type], ints: dict[str, SizeVar]) -> tuple[typed.Symbol, ...]:
    symbols: list[typed.Symbol] = []
    seen: dict[str, Span] = {}
    for p, t in zip(fn.tree.params, types, strict=True):
        name = p.name.name
        if name in seen:
            cx.report(faults.NameTaken(p.name.span, name, seen[name]))
        seen[name] = p.name.span
        value = cx.variable(name, p.name.span, t)
        if name in ints and t == INT:
            value.size = Size.of(ints[name])
        symbols.append(value.symbol)
    if fn.owner is not None and (not fn.tree.params or fn.tree.params[0].name.name != "self"):
        cx.report(faults.MethodWithoutSelf(fn.tree.name.span, fn.tree.name.name))
        fn.owner.methods.pop(fn.tree.name.name, None)
    return tuple(symbols)


def _result_shape(fn: FnName) -> tuple[Size, ...] | None:
    shapes = list((fn.shapes or {}).values())
    return shapes[0] if len(shapes) == 1 else None


def _use_int_sizes(fn: FnName, ints: dict[str, SizeVar]) -> None:
    """Int parameters that are sizes in the other types become universals."""
    function = fn.fn
    mentioned: set[object] = set()
    for t in (*function.param_types, function.result):
        if t is not None:
            mentioned |= atoms_of(t)
    used = [v for v in ints.values() if v in mentioned]
    function.type_params = (*(p for p in function.type_params if p not in used), *used)
    index = {p.name.name: i for i, p in enumerate(fn.tree.params)}
    fn.sizes = tuple((index[v.name], v) for v in used)


def _check_alone(fn: FnName) -> None:
    function = fn.fn
    if any(isinstance(t, Wrong) for t in function.param_types):
        return
    alone = {v for t in function.param_types for v in standing_alone(t)} | {v for v, _ in function.size_params}
    for q in function.type_params:
        if isinstance(q, SizeVar) and q not in alone:
            fn.unit.report(faults.SizeNotAlone(fn.tree.name.span, q.name, f"`{fn.label}`", "parameter"))


def check_fn(fn: FnName) -> None:
    """Checks a function's body, once."""
    sign(fn)
    if fn.state != "signed" or fn.template:
        return
    fn.state = "open"
    with fn.unit.loud():
        if fn.shapes is None:
            fn.unit.trail = ()
        if fn.tree.sketch:
            from .sketches import check_sketch

            check_sketch(fn)
        else:
            _check_body(fn)
            _check_defaults(fn)
    fn.state = "done"


def _check_body(fn: FnName) -> None:
    assert fn.inner is not None
    unit, function = fn.unit, fn.fn
    before = len(unit.errors)
    declared = function.result
    cx = context(unit, fn.inner, fn, declared)
    value = body_value(cx, fn.tree.body, declared)
    result = declared
    if declared is None:
        result, value = _found_result(fn, cx, value)
        if result is None:
            return
    assert result is not None
    result = cx.solve(result)
    inner = data_fault(result)
    if inner is not None and cx.body.frame.returns and not isinstance(value.type, Never):
        unit.report(faults.FunctionAsData(fn.tree.name.span, show(result), "the result of several `return`s"))
        result = WRONG
    function.body = close(unit, cx.body, value, before)
    function.result = unit.solver.type(result)
    _note_globals(fn, cx)
    if declared is None:
        _use_int_sizes(fn, {v.name: v for v, _ in function.size_params})


def body_value(cx: Context, body: tree.Expr, result: Type | None) -> typed.Expr:
    """A function's body as a value of its result type."""
    from .expressions import infer
    from .statements import infer_block

    inner = cx.inner()
    if isinstance(body, tree.Block):
        value = infer_block(inner, body, result, discard=result == UNIT)
    else:
        value = infer(inner, body, result)
    if result is None or isinstance(value.type, Never):
        return value
    if value.type == UNIT and result != UNIT and isinstance(body, tree.Block) and not isinstance(result, Wrong):
        last = body.items[-1].span if body.items else body.span
        return cx.wrong(body.span, faults.MissingResult(last, "", show(result), None))
    return coerce(cx, value, result)


def _found_result(fn: FnName, cx: Context, value: typed.Expr) -> tuple[Type | None, typed.Expr]:
    """The result type that a body has, from its value and its `return`s."""
    returns = cx.body.frame.returns
    values: list[typed.Expr] = [] if isinstance(value.type, Never) else [value]
    values += [typed.Lit(t, span, 0) for t, span in returns]
    if cx.solve(value.type) == UNIT and any(cx.solve(t) != UNIT for t, _ in returns):
        found = next(t for t, _ in returns if cx.solve(t) != UNIT)
        body = fn.tree.body
        last = body.items[-1].span if isinstance(body, tree.Block) and body.items else body.span
        cx.report(faults.MissingResult(last, fn.label, show(found), None))
        return WRONG, value
    result, _ = join(cx, values, "result", "another result has the type `{}`")
    if result is None:
        result = UNIT
    if isinstance(result, Wrong) or isinstance(value.type, Wrong):
        return WRONG, value
    result = escape(cx, result, 0)
    if all(cx.solve(v.type) == result for v in values) or not returns:
        return result, value
    if any(strip(cx.solve(v.type))[0] != strip(result)[0] for v in values) or sizes_of(result):
        assert fn.inner is not None
        again = context(fn.unit, fn.inner, fn, result)
        again.body.born = cx.body.born
        value = body_value(again, fn.tree.body, result)
        cx.body = again.body
    return result, value


def _note_globals(fn: FnName, cx: Context) -> None:
    """The top-level names that a body reads; a size of the file's level is read from the name that it belongs to."""
    unit = fn.unit
    found = dict(cx.body.globals)
    if unit.size_symbols and fn.fn.body is not None:
        for var in sizes_read(fn.fn.body):
            symbol = unit.size_symbols.get(var)
            if symbol is not None:
                found.setdefault(symbol, fn.tree.span)
    fn.reads = found


def _check_defaults(fn: FnName) -> None:
    """Defaults are checked where they are written too; a call may find other sizes."""
    for p, t in zip(fn.tree.params, fn.fn.param_types, strict=True):
        if p.default is not None:
            why = Note(f"the parameter `{p.name.name}` is declared here", p.name.span)
            check_default(fn, fn.scope, fn.fn.type_params, p.default, t, why)
