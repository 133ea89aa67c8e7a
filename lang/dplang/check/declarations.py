"""Definitions: functions and their signatures, structs, enums, and how each is checked once."""

from __future__ import annotations

from ..core.ir import INT
from ..core.sizes import Size, SizeVar
from ..core.types import (
    UNIT,
    WRONG,
    Array,
    Bound,
    Constraint,
    Enum,
    EnumDecl,
    Field,
    Meta,
    Never,
    Struct,
    StructDecl,
    Tuple,
    Type,
    TypeVar,
    VariantOf,
    Wrong,
    show,
    substitute,
    transform,
)
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import NOWHERE, Span
from ..syntax import tree
from . import typed
from .annotations import Resolver
from .context import Body, Context, Frame, Unit
from .finish import close, sizes_read
from .free import children
from .lift import coerce, join
from .names import EnumName, FnName, Scope, SizeName, StructName, TypeName, VariantName, is_type_name
from .sizing import escape
from .unify import atoms_of, data_fault, sizes_of, strip

BOUNDS: tuple[Bound, ...] = ("Vector", "Number", "Ordered", "Tuple")


def context(unit: Unit, scope: Scope, owner: FnName | None, result: Type | None = None) -> Context:
    """A fresh body."""
    return Context(unit, Body(unit, owner, Frame(result)), scope)


# ---- structs and enums


def declare_struct(unit: Unit, scope: Scope, t: tree.StructDef) -> StructName:
    decl = StructDecl(t.name.name, t.name.span, doc=t.doc)
    decl.params = _params(unit, t.type_params)
    made = StructName(decl, t, scope)
    decl.info = made
    for m in t.methods:
        if m.name.name in made.methods:
            unit.report(faults.NameTaken(m.name.span, m.name.name, made.methods[m.name.name].tree.name.span))
            continue
        method = FnName(m, unit, scope, _function(unit, m, f"{decl.name}.{m.name.name}"), owner=made)
        made.methods[m.name.name] = method
        unit.fns.append(method)
    return made


def declare_enum(unit: Unit, t: tree.EnumDef) -> EnumName:
    decl = EnumDecl(t.name.name, t.name.span, doc=t.doc)
    decl.params = _params(unit, t.type_params)
    return EnumName(decl, t)


def _params(unit: Unit, written: tuple[tree.TypeParam, ...]) -> tuple[TypeVar | SizeVar, ...]:
    """Type parameters: capitals are types, other names sizes."""
    made: list[TypeVar | SizeVar] = []
    seen: dict[str, Span] = {}
    for p in written:
        name = p.name.name
        if name in seen:
            unit.report(faults.NameTaken(p.name.span, name, seen[name]))
        seen[name] = p.name.span
        bound: Bound = ""
        if p.bound is not None:
            known: dict[str, Bound] = {b: b for b in BOUNDS}
            if p.bound.name in known and is_type_name(name):
                bound = known[p.bound.name]
            else:
                nearest = faults.near(p.bound.name, list(BOUNDS))
                unit.report(faults.UnknownBound(p.bound.span, p.bound.name, nearest))
                bound = known.get(nearest, "Number")
        if is_type_name(name):
            made.append(TypeVar(name, bound))
        else:
            size = SizeVar(name)
            made.append(size)
            unit.origins[size] = Note(f"`{name}` is a size named here", p.name.span)
    return tuple(made)


def define_params(scope: Scope, params: tuple[TypeVar | SizeVar, ...], span: Span) -> None:
    for p in params:
        if isinstance(p, SizeVar):
            scope.names[p.name] = SizeName(Size.of(p), span)
        else:
            scope.names[p.name] = TypeName(p, span)


def complete_struct(unit: Unit, struct: StructName) -> None:
    """The fields of a struct, once all names are declared."""
    t, decl = struct.tree, struct.decl
    assert t is not None
    scope = Scope(struct.scope)
    define_params(scope, decl.params, decl.span)
    cx = context(unit, scope, None)
    made: list[Field] = []
    seen: dict[str, Span] = {}
    for f in t.fields:
        if f.name.name in seen:
            unit.report(faults.NameTaken(f.name.span, f.name.name, seen[f.name.name]))
            continue
        seen[f.name.name] = f.name.span
        spec = Resolver(cx).spec(f.type)
        made.append(Field(f.name.name, spec.type, spec.constraint, f.fixed, f.name.span))
    for name, method in struct.methods.items():
        if name in seen:
            unit.report(faults.NameTaken(method.tree.name.span, name, seen[name]))
    decl.fields = tuple(made)
    struct.defaults = tuple({f.name.name: f.default for f in t.fields}[f.name] for f in made)


def check_struct(unit: Unit, struct: StructName) -> None:
    """What can be said of a struct when all are complete: sizes can be read, defaults have the right types."""
    decl = struct.decl
    for f in decl.fields:
        if _contains(f.type, decl):
            unit.report(faults.InfiniteStruct(f.span, decl.name, f.name))
            object.__setattr__(f, "type", WRONG)
    alone = {v for f in decl.fields for v in standing_alone(f.type)}
    for p in decl.params:
        if isinstance(p, SizeVar) and p not in alone:
            unit.report(faults.SizeNotAlone(decl.span, p.name, f"the struct `{decl.name}`", "field"))
    holder = FnName(_NO_FN, unit, struct.scope, typed.Function(decl.name, decl.span))
    for f, default in zip(decl.fields, struct.defaults, strict=True):
        if default is not None:
            why = Note(f"the field `{f.name}` is declared here", f.span)
            value = _check_default(holder, struct.scope, decl.params, default, f.type, why)
            check_constants(context(unit, struct.scope, None), decl, (value,), (f,))


_NO_FN = tree.FnDef(NOWHERE, (), False, tree.Ident(NOWHERE, "default"), (), (), None, tree.TupleExpr(NOWHERE, ()), "")


def _contains(t: Type, decl: StructDecl, seen: frozenset[object] = frozenset()) -> bool:
    """Whether a value of type `t` always holds a `decl` (so that a `decl` would hold itself)."""
    match t:
        case Array(elem):
            return _contains(elem, decl, seen)
        case Tuple(parts):
            return any(_contains(p, decl, seen) for p in parts)
        case Struct(other, args):
            if other is decl:
                return True
            if other in seen:
                return False
            inner = seen | {other}
            return any(_contains(f.type, decl, inner) for f in other.fields) or any(
                _contains(a, decl, inner) for a in args if not isinstance(a, Size)
            )
        case _:
            return False


def complete_enum(unit: Unit, enum: EnumName, scope: Scope) -> None:
    """The payloads of an enum, once all names are declared."""
    t, decl = enum.tree, enum.decl
    assert t is not None
    inner = Scope(scope)
    define_params(inner, decl.params, decl.span)
    cx = context(unit, inner, None)
    made: list[VariantOf] = []
    for v in t.variants:
        payload: list[Type] = []
        for p in v.payload:
            s = Resolver(cx).type(p)
            if data_fault(s) is not None:
                unit.report(faults.FunctionAsData(p.span, show(s), "the payload of an enum"))
                s = WRONG
            payload.append(s)
        made.append(VariantOf(v.name.name, tuple(payload), v.name.span))
    decl.variants = tuple(made)


def variants(enum: EnumName) -> list[tuple[str, VariantName]]:
    assert enum.tree is not None
    return [(v.name.name, VariantName(enum, i, v.name.span)) for i, v in enumerate(enum.tree.variants)]


def check_constants(
    cx: Context, decl: StructDecl, values: tuple[typed.Expr, ...], fields: tuple[Field, ...] | None = None
) -> None:
    """Reports a literal that breaks the constraint of its field."""
    for f, v in zip(fields or decl.fields, values, strict=False):
        if f.constraint is None or not isinstance(v, typed.Lit) or not isinstance(v.value, float):
            continue
        if not holds(f.constraint, v.value):
            cx.report(faults.ConstraintViolated(v.span, f.name, v.value, describe(f.constraint), f.span))


def holds(c: Constraint, value: float) -> bool:
    match c.kind:
        case "above":
            return c.low is not None and value > c.low
        case "at_least":
            return c.low is not None and value >= c.low
        case "at_most":
            return c.high is not None and value <= c.high
        case "between":
            return c.low is not None and c.high is not None and c.low < value < c.high
        case _:
            return True


def describe(c: Constraint) -> str:
    match c.kind:
        case "above":
            return f"> {c.low:g}"
        case "at_least":
            return f">= {c.low:g}"
        case "at_most":
            return f"<= {c.high:g}"
        case "between":
            return f"in ({c.low:g}, {c.high:g})"
        case "simplex":
            return "a simplex"
        case _:
            return "ascending"


# ---- functions


def _function(unit: Unit, f: tree.FnDef, name: str) -> typed.Function:
    contract: typed.Contract = "smooth" if "smooth" in f.mods else "lipschitz" if f.mods else ""
    return typed.Function(name, f.span, contract=contract, module=unit.name, doc=f.doc, user=unit.user)


def declare_fn(unit: Unit, scope: Scope, f: tree.FnDef, outer: FnName | None = None) -> FnName:
    name = f.name.name if outer is None else f"{outer.fn.name}.{f.name.name}"
    made = FnName(f, unit, scope, _function(unit, f, name))
    unit.fns.append(made)
    return made


def is_template(fn: FnName) -> bool:
    return any(template_first(fn))


def template_first(fn: FnName) -> tuple[bool, ...]:
    """The parameters whose types make a function be checked for each instance: those of any rank, or, where one is a
    tuple, all but functions (so that its parts fit together)."""
    params = fn.tree.params
    if takes_tuple(fn):
        return tuple(not isinstance(p.type, tree.FnType) for p in params)
    return tuple(p.type is not None and _mentions(p.type, set()) for p in params)


def takes_tuple(fn: FnName) -> bool:
    """Whether a function, or the struct that it is a method of, has a type variable that stands for a tuple."""
    of_self = fn.owner is not None and any(isinstance(p, TypeVar) and p.bound == "Tuple" for p in fn.owner.decl.params)
    return of_self or any(p.bound is not None and p.bound.name == "Tuple" for p in fn.tree.type_params)


def _mentions(t: tree.Node, tuples: set[str]) -> bool:
    if isinstance(t, tree.AnyRank) or (isinstance(t, tree.NamedType) and t.path[0].name in tuples):
        return True
    parts = [i for g in t.brackets for i in g] if isinstance(t, tree.NamedType | tree.TupleType) else []
    return any(_mentions(p, tuples) for p in (*parts, *children(t)))


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
    if result is not None and _mentions(result, set()):
        ranked = [p for p in fn.tree.params if p.type is not None and _mentions(p.type, set())]
        if len(ranked) != 1:
            fn.unit.report(faults.MisplacedRank(result.span))


def _sign(fn: FnName, unit: Unit, f: tree.FnDef) -> None:
    scope = fn.inner = Scope(fn.scope, "function")
    cx = context(unit, scope, fn)
    params: list[TypeVar | SizeVar] = list(fn.extra)
    if fn.owner is not None:
        _owner_params(fn, scope, params)
    own = _params(unit, f.type_params)
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
            _match_sizes(t, actual, set(universals.values()), known)
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


def _match_sizes(pattern: object, actual: object, names: set[SizeVar], found: dict[SizeVar, Size]) -> None:
    """What the sizes that stand alone in a parameter's type are, by the type of its argument."""
    match pattern, actual:
        case Array(), Array():
            extra = max(len(actual.dims) - len(pattern.dims), 0)
            for d, s in zip(pattern.dims, actual.dims[extra:], strict=False):
                _match_sizes(d, s, names, found)
            _match_sizes(pattern.elem, actual.elem, names, found)
        case Tuple(parts), Tuple(others):
            for p, q in zip(parts, others, strict=False):
                _match_sizes(p, q, names, found)
        case Struct(decl, args), Struct(other, other_args) if decl is other:
            for a, b in zip(args, other_args, strict=True):
                _match_sizes(a, b, names, found)
        case Size(), Size():
            if isinstance(pattern.atom, SizeVar) and pattern.atom in names:
                found.setdefault(pattern.atom, actual)
        case _:
            pass


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


def standing_alone(t: Type, seen: frozenset[object] = frozenset()) -> set[SizeVar]:
    """The sizes that can be read from the dimensions of a value of type `t`."""
    found: set[SizeVar] = set()
    match t:
        case Array(elem, dims):
            found |= {d.atom for d in dims if isinstance(d.atom, SizeVar)}
            found |= standing_alone(elem, seen)
        case Tuple(parts):
            for p in parts:
                found |= standing_alone(p, seen)
        case Struct(decl, args) if decl not in seen:
            inside = {v for f in decl.fields for v in standing_alone(f.type, seen | {decl})}
            for q, a in zip(decl.params, args, strict=True):
                if isinstance(a, Size):
                    if q in inside and isinstance(a.atom, SizeVar):
                        found.add(a.atom)
                else:
                    found |= standing_alone(a, seen)
        case _:
            pass
    return found


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
            _check_default(fn, fn.scope, fn.fn.type_params, p.default, t, why)


def _check_default(
    owner: FnName, scope: Scope, params: tuple[TypeVar | SizeVar, ...], default: tree.Expr, t: Type, why: Note
) -> typed.Expr:
    """A default as some call may see it: sizes and types are still to be found."""
    from .expressions import check

    inner = Scope(scope)
    cx = context(owner.unit, inner, owner)
    types: dict[TypeVar | Meta, Type] = {}
    sizes: dict[object, Size] = {}
    for q in params:
        if isinstance(q, SizeVar):
            sizes[q] = cx.any_size(default.span)
            inner.names[q.name] = SizeName(sizes[q], default.span)
        else:
            inner.names[q.name] = TypeName(q, default.span)
    return check(cx, default, substitute(t, types, sizes), why)


# ---- functions that are checked for each instance


def template_instance(cx: Context, fn: FnName, types: tuple[Type | None, ...], span: Span) -> FnName | None:
    """The function for arguments of these ranks and tuples."""
    extra: list[SizeVar] = []
    known_sizes: dict[Size, Size] = {}
    given: dict[str, Type] = {}
    shapes: dict[int, tuple[Size, ...]] = {}
    tuples = {p.name.name for p in fn.tree.type_params if p.bound is not None and p.bound.name == "Tuple"}
    numbers = takes_tuple(fn)
    actual = tuple(None if t is None else _general(cx.solve(t), extra, known_sizes, numbers) for t in types)
    for i, p in enumerate(fn.tree.params):
        t = actual[i]
        if t is None:
            continue
        if p.type is None:
            _give_self(fn, t, given)
        elif _mentions(p.type, set()):
            shapes[i] = strip(t)[1]
        else:
            _give_tuples(p.type, t, tuples, given)
    for name in sorted(tuples):
        t = given.get(name)
        if not isinstance(t, Tuple):
            cx.report(faults.BoundNotMet(span, "nothing" if t is None else show(t), name, "Tuple"))
            return None
    key = (id(cx.unit), _canonical(actual, extra))
    known = fn.instances.get(key)
    if known is not None:
        return known
    made = FnName(fn.tree, cx.unit, fn.scope, _function(cx.unit, fn.tree, fn.fn.name), owner=fn.owner)
    made.given, made.extra, made.shapes, made.actual = given, tuple(extra), shapes, actual
    made.fn.module, made.fn.user = fn.fn.module, fn.fn.user
    fn.instances[key] = made
    cx.unit.fns.append(made)
    shown = ", ".join(show(t) for t in types if t is not None)
    with cx.noting(Note(f"`{fn.label}` is checked for this call, with ({shown})", span)):
        check_fn(made)
    return made


def _general(t: Type, extra: list[SizeVar], known: dict[Size, Size], numbers: bool) -> Type:
    """A type with its sizes replaced by universals, equal ones by the same; `numbers` stay as they are."""

    def size(s: Size) -> Size:
        if numbers and s.constant is not None:
            return s
        if s not in known:
            var = SizeVar(str(s) if s.atom is not None else f"n{len(extra)}")
            extra.append(var)
            known[s] = Size.of(var)
        return known[s]

    return transform(t, lambda v: v, size)


def _give_tuples(written: tree.Node, t: Type | Size, names: set[str], given: dict[str, Type]) -> None:
    """What the type variables for tuples in a written type stand for, by the type of the argument."""
    if isinstance(t, Size) or not isinstance(written, tree.NamedType | tree.TupleType):
        return
    if isinstance(written, tree.TupleType):
        elem = strip(t)[0]
        if isinstance(elem, Tuple):
            for w, p in zip(written.parts, elem.parts, strict=False):
                _give_tuples(w, p, names, given)
    elif written.path[0].name in names:
        given.setdefault(written.path[0].name, t)
    else:
        elem = strip(t)[0]
        if isinstance(elem, Struct | Enum) and written.brackets:
            for item, a in zip(written.brackets[0], elem.args, strict=False):
                _give_tuples(item, a, names, given)


def _give_self(fn: FnName, t: Type, given: dict[str, Type]) -> None:
    """The tuple type arguments of a method's struct."""
    struct = strip(t)[0]
    assert fn.owner is not None
    if isinstance(struct, Struct):
        for p, a in zip(struct.decl.params, struct.args, strict=True):
            if isinstance(p, TypeVar) and p.bound == "Tuple" and not isinstance(a, Size):
                given[p.name] = a


def _canonical(actual: tuple[Type | None, ...], extra: list[SizeVar]) -> tuple[Type | None, ...]:
    """The types of an instance's arguments under standard names of their sizes."""
    order = {Size.of(v): Size.of(SizeVar(f"#{i}", -i - 1)) for i, v in enumerate(extra)}
    return tuple(None if t is None else transform(t, lambda v: v, lambda s: order.get(s, s)) for t in actual)
