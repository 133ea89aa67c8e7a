"""What a called expression is: a definition, constructor, method, closure or derivative, or something built in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar as GenericVar

from ..core.sizes import Size, SizeVar
from ..core.types import FnType, Meta, Ranked, Struct, Type, TypeVar, Wrong, show, substitute
from ..errors import types as faults
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .calls import Callee, Late, Target, effects_of, fn_callee
from .constructors import constructor, variant
from .context import Context, Region, bind
from .lookup import lookup
from .names import (
    Builtin,
    Entity,
    EnumName,
    Faulty,
    FnName,
    LetFn,
    ModuleName,
    Pending,
    Scope,
    SizeName,
    StructName,
    TypeName,
    Value,
    VariantName,
    is_type_name,
)
from .unify import is_open, is_scalar_variable, strip

T = GenericVar("T")
DERIVATIVES = ("grad", "value_and_grad", "jvp", "vjp", "hvp", "jacobian", "hessian")


@dataclass(frozen=True, slots=True)
class Special:
    """A built-in name whose calls the checker expands itself, or a row of the primitive table."""

    name: str


@dataclass(frozen=True, slots=True)
class Composed:
    """`f >> g`, called: `g(f(..))`, with the names that are in scope where it stands."""

    expr: tree.Compose
    cx: Context


def resolve(cx: Context, e: tree.Expr) -> Target | Special | Composed | None:
    """What `e`, which is called, is. Reported (None) where it cannot be called."""
    match e:
        case tree.Name(span, name):
            entity = lookup(cx, name, span)
            return None if entity is None else of_entity(cx, entity, span)
        case tree.Member():
            return _member(cx, e)
        case tree.Lambda():
            return lambda_target(cx, e, "this function")
        case tree.Compose():
            return Composed(e, cx)
        case tree.Call(fn=tree.Name(_, name)) if name in DERIVATIVES and is_builtin(cx, name):
            from .derive import derivative

            return derivative(cx, name, e)
        case _:
            from .expressions import infer

            text = " ".join(e.span.text.split())
            return of_value(cx, infer(cx, e), text if len(text) <= 24 else "this value")


def is_builtin(cx: Context, name: str) -> bool:
    """Whether a name has its built-in meaning here."""
    return cx.scope.find(name) is None


def of_entity(cx: Context, entity: Entity, span: Span) -> Target | Special | Composed | None:
    match entity:
        case FnName():
            return fn_target(cx, entity, span)
        case LetFn():
            return let_target(cx, entity)
        case StructName():
            return constructor(cx, entity, span)
        case VariantName():
            return variant(cx, entity, span)
        case Builtin(name=name):
            return Special(name)
        case Value():
            from .expressions import read

            return of_value(cx, read(cx, entity, span), entity.symbol.name, entity.effects)
        case SizeName() | TypeName() | EnumName() | ModuleName():
            cx.report(faults.NotCallable(span, span.text, _kind(entity), None))
            return None
        case Pending() | Faulty():
            return None


def _kind(entity: Entity) -> str:
    match entity:
        case SizeName():
            return "an Int"
        case EnumName() | TypeName():
            return "a type"
        case ModuleName():
            return "a module"
        case _:
            return "a value"


def of_value(cx: Context, value: typed.Expr, label: str, effects: Region | None = None) -> Target | None:
    """A value as something to call: a function value, or a struct with `call`."""
    t = cx.solve(value.type)
    elem = strip(t)[0]
    if isinstance(t, Wrong):
        return None
    if isinstance(t, FnType):
        return fn_callee(cx, t, value, label, effects)
    if isinstance(elem, Struct) and isinstance(elem.decl.info, StructName):
        call = elem.decl.info.call
        if call is not None:
            return bound(cx, fn_target(cx, call, value.span), value)
    if isinstance(t, Meta):
        cx.report(faults.TypeNotKnown(value.span, "what is called"))
        return None
    cx.report(faults.NotCallable(value.span, label, f"of the type `{show(t)}`", None))
    return None


def _member(cx: Context, e: tree.Member) -> Target | Special | Composed | None:
    """`m.f` of a module, `w.f` of a struct: a method or a field that holds a function."""
    from .expressions import infer, infer_member, module_member

    found = module_member(cx, e)
    if found is not None:
        return None if isinstance(found, Faulty) else of_entity(cx, found, e.span)
    base = infer(cx, e.base)
    elem = strip(cx.solve(base.type))[0]
    if isinstance(elem, Struct) and isinstance(elem.decl.info, StructName):
        method = elem.decl.info.methods.get(e.name.name)
        if method is not None:
            return bound(cx, fn_target(cx, method, e.name.span), base)
    return of_value(cx, infer_member(cx, e, base), e.name.name)


# ---- definitions


def fn_target(cx: Context, fn: FnName, span: Span) -> Target | None:
    """A definition, its type variables and sizes open for one use."""
    from .declarations import check_fn, sign

    sign(fn)
    cx.uses(fn, span)
    if fn.tree.sketch:
        from .sketches import sketch_target

        return sketch_target(cx, fn, span)
    if fn.template:
        return _template(cx, fn)
    if not fn.declared:
        if fn.state == "open":
            cx.report(faults.RecursionNeedsResult(span, fn.label, fn.tree.name.span))
            return None
        check_fn(fn)
    result = fn.fn.result
    if result is None or isinstance(result, Wrong) or any(isinstance(t, Wrong) for t in fn.fn.param_types):
        return None
    return instance(cx, fn, span)


def instance(cx: Context, fn: FnName, span: Span) -> Callee:
    """A signed (and, for its result, checked) definition with fresh type arguments."""
    function = fn.fn
    types: dict[TypeVar | Meta, Type] = {}
    sizes: dict[object, Size] = {}
    args: list[Type | Size] = []
    for p in function.type_params:
        if isinstance(p, SizeVar):
            sizes[p] = size = cx.size_meta(span, f"the size `{p.name}` of `{fn.label}`")
            args.append(size)
        else:
            types[p] = t = cx.meta(span, f"the type `{p.name}` of `{fn.label}`")
            args.append(t)
    params = tuple(substitute(t, types, sizes) for t in function.param_types)
    assert function.result is not None
    result = substitute(function.result, types, sizes)
    ref = typed.FnRef(function, tuple(args))

    def make(values: tuple[typed.Expr, ...], t: Type, at: Span) -> typed.Expr:
        return typed.Call(t, at, ref, values)

    def value(at: Span) -> typed.Expr:
        return typed.FnValue(FnType(params, result), at, ref)

    def default_scope() -> Scope:
        return _default_scope(cx, fn, types, sizes)

    return Callee(
        fn.label,
        fn.tree.name.span,
        tuple(p.name.name for p in fn.tree.params),
        params,
        lambda: cx.solve(result),
        make,
        value,
        tuple(p.span for p in fn.tree.params),
        tuple(_takes_all(strip(t)[0], types) for t in function.param_types),
        tuple(p.default for p in fn.tree.params),
        default_scope,
        tuple((i, sizes[v]) for i, v in fn.sizes if v in sizes),
        tuple((p, types[p]) for p in function.type_params if isinstance(p, TypeVar)),
        tuple((str(p), sizes[p]) for p in function.type_params if isinstance(p, SizeVar)),
        effects=effects_of(fn, span),
        fn=fn,
    )


def _takes_all(elem: Type, types: dict[TypeVar | Meta, Type]) -> bool:
    """Whether a parameter of such elements takes all dimensions of its argument, so that nothing is mapped over."""
    return isinstance(elem, TypeVar | Ranked) and elem in types and not is_scalar_variable(elem)


def _default_scope(cx: Context, fn: FnName, types: dict[TypeVar | Meta, Type], sizes: dict[object, Size]) -> Scope:
    """Where a default is checked: the definition's scope, its sizes and types being those of the call."""
    scope = Scope(fn.scope)
    for v, t in types.items():
        assert isinstance(v, TypeVar)
        scope.names[v.name] = TypeName(cx.solve(t), fn.tree.name.span)
    for s, size in sizes.items():
        scope.names[str(s)] = SizeName(cx.size(size), fn.tree.name.span)
    return scope


def bound(cx: Context, target: Target | None, receiver: typed.Expr) -> Target | None:
    """A method with its receiver: the first parameter is filled in by the caller of `apply`."""
    if target is None:
        return None
    target.receiver = receiver
    return target


def _template(cx: Context, fn: FnName) -> Late:
    """A function that is checked for each shape or tuple that it is given."""
    from .templates import template_first, template_instance

    def make(types: tuple[Type | None, ...], span: Span) -> Callee | None:
        made = template_instance(cx, fn, types, span)
        if made is None:
            return None
        target = fn_target(cx, made, span)
        assert not isinstance(target, Late)
        return target

    return Late(
        fn.label,
        fn.tree.name.span,
        tuple(p.name.name for p in fn.tree.params),
        make,
        template_first(fn),
        tuple(p.default for p in fn.tree.params),
        lambda: Scope(fn.scope),
    )


# ---- lambdas


def lambda_names(lam: tree.Lambda) -> tuple[str, ...]:
    return tuple(p.pattern.name if isinstance(p.pattern, tree.NamePattern) else "" for p in lam.params)


def lambda_target(cx: Context, lam: tree.Lambda, label: str) -> Target | None:
    """A lambda that is called or differentiated where it stands."""
    from .functions import check_lambda

    if is_typed(cx, lam):
        value = check_lambda(cx, lam, None, None)
        t = cx.solve(value.type)
        return fn_callee(cx, t, value, label, None) if isinstance(t, FnType) else None

    def make(types: tuple[Type | None, ...], span: Span) -> Callee | None:
        known = tuple(t for t in types if t is not None)
        value = check_lambda(cx, lam, known, None)
        t = cx.solve(value.type)
        return named_callee(cx, t, value, label, lambda_names(lam)) if isinstance(t, FnType) else None

    return Late(label, lam.span, lambda_names(lam), make, (True,) * len(lam.params))


def named_callee(
    cx: Context, t: FnType, value: typed.Expr, label: str, names: tuple[str, ...], effects: Region | None = None
) -> Callee:
    made = fn_callee(cx, t, value, label, effects)
    made.names = names
    return made


def let_target(cx: Context, entity: LetFn) -> Target | Special | Composed | None:
    """A function value bound by `let` without types: made for the types of this call."""
    from .functions import let_instance

    value = entity.value
    if not isinstance(value, tree.Lambda):
        return resolve(cx.at(entity.scope), value)
    names = lambda_names(value)

    def make(types: tuple[Type | None, ...], span: Span) -> Callee | None:
        known = tuple(t for t in types if t is not None)
        made = let_instance(cx, entity, known, span)
        if made is None:
            return None
        t = cx.solve(made.type)
        return named_callee(cx, t, made, entity.name, names, None) if isinstance(t, FnType) else None

    defaults = tuple(p.default for p in entity.definition.params) if entity.definition is not None else ()
    return Late(entity.name, entity.span, names, make, (True,) * len(names), defaults, lambda: entity.scope)


def is_typed(cx: Context, lam: tree.Lambda) -> bool:
    """Whether a lambda's parameters have written types, in which no size is left to be found."""
    return all(p.type is not None and not _has_new_size(cx, p.type) for p in lam.params)


def _has_new_size(cx: Context, t: tree.BracketItem) -> bool:
    match t:
        case tree.NamedType(path=path, brackets=brackets):
            new = len(path) == 1 and not is_type_name(path[0].name) and cx.scope.find(path[0].name) is None
            return new or any(_has_new_size(cx, item) for group in brackets for item in group)
        case tree.TupleType(parts=parts, brackets=brackets):
            return any(_has_new_size(cx, item) for group in (parts, *brackets) for item in group)
        case tree.FnType(params=params, result=result):
            return any(_has_new_size(cx, p) for p in (*params, result))
        case tree.SizeBinary(left=left, right=right):
            return _has_new_size(cx, left) or _has_new_size(cx, right)
        case tree.SizeCall(args=args):
            return any(_has_new_size(cx, a) for a in args)
        case _:
            return False


# ---- function values


def is_function_like(cx: Context, e: tree.Expr) -> bool:
    """Whether `e` is a function value that takes its type from its place, or needs none of its own to be called."""
    match e:
        case tree.Lambda():
            return not is_typed(cx, e)
        case tree.Compose():
            return True
        case tree.Name(_, name):
            entity = cx.scope.find(name)
            if entity is None:
                from .lookup import beyond

                entity = beyond(cx, name)
                return isinstance(entity, FnName) or (isinstance(entity, Builtin) and name not in ("pi", "inf", "nan"))
            return isinstance(entity, FnName | LetFn | StructName) or (
                isinstance(entity, VariantName) and bool(entity.enum.decl.variants[entity.tag].payload)
            )
        case tree.Call(fn=tree.Name(_, name)):
            return name in DERIVATIVES and is_builtin(cx, name)
        case tree.Member(base=tree.Name(_, base)):
            module = cx.scope.find(base)
            if not isinstance(module, ModuleName):
                return False
            found = module.names.get(e.name.name)
            return isinstance(found, FnName | LetFn | StructName | Builtin)
        case _:
            return False


def eta(cx: Context, e: tree.Expr, expected: FnType) -> typed.Expr:
    """`e`, which can be called, as a function value of the type that is asked for."""
    from .functions import check_lambda

    span = e.span
    names = [f"%{i}" for i in range(len(expected.params))]
    args = tuple(tree.Arg(span, None, tree.Name(span, n)) for n in names)
    params = tuple(tree.LambdaParam(span, tree.NamePattern(span, n), None) for n in names)
    return check_lambda(cx, tree.Lambda(span, params, tree.Call(span, e, args)), expected.params, expected.result)


def function_value(cx: Context, e: tree.Expr, expected: Type | None) -> typed.Expr:
    """A definition, constructor, built-in or derivative as a value."""
    wanted = cx.solve(expected) if expected is not None else None
    if isinstance(wanted, FnType):
        return _as(cx, e, wanted)
    if wanted is not None and not isinstance(wanted, Meta | Wrong):
        cx.report(faults.TypeMismatch(e.span, "a function", show(wanted), ()))
        return cx.wrong(e.span)
    target = glance(cx, lambda: resolve(cx, e))
    if target is None:
        return cx.wrong(e.span)
    if isinstance(target, Composed):
        return _composition(target.cx, target.expr)
    if isinstance(target, Callee):
        params = [cx.solve(t) for t in target.types[0 if target.receiver is None else 1 :]]
        if not any(is_open(t) for t in params):
            return _as(cx, e, FnType(tuple(params), cx.meta(e.span, "the result of a function value")))
    return cx.wrong(e.span, faults.FunctionWithoutType(e.span, several=isinstance(e, tree.Name | tree.Member)))


def _composition(cx: Context, e: tree.Compose) -> typed.Expr:
    """`f >> g` as a value: what is computed in it is captured, and it takes what its first part takes."""
    from .expressions import infer

    inner = cx.inner()
    parts: list[tree.Expr] = []
    binds: list[typed.Stmt] = []
    for part in _parts(e):
        if is_function_like(cx, part):
            parts.append(part)
            continue
        value = infer(cx, part)
        name = f"%part{len(parts)}"
        binds.append(bind(inner.variable(name, part.span, value.type).symbol, value.type, value))
        parts.append(tree.Name(part.span, name))
    params = glance(inner, lambda: _parameters(inner, parts[0]))
    if not params:
        return cx.wrong(e.span, faults.FunctionWithoutType(e.span) if params is not None else None)
    whole = reduce(lambda f, g: tree.Compose(e.span, f, g), parts)
    value = _as(inner, whole, FnType(params, cx.meta(e.span, "the result of a function value")))
    return typed.Block(value.type, e.span, tuple(binds), value)


def _parameters(cx: Context, e: tree.Expr) -> tuple[Type, ...] | None:
    """The types that something callable takes; () where only a call would tell."""
    target = resolve(cx, e)
    if not isinstance(target, Callee):
        return None if target is None else ()
    types = target.types
    if target.receiver is not None:
        cx.unit.solver.try_fits(target.receiver.type, types[0])
        types = types[1:]
    params = tuple(cx.solve(t) for t in types)
    return () if any(is_open(t) for t in params) else params


def _parts(e: tree.Expr) -> list[tree.Expr]:
    return [*_parts(e.first), *_parts(e.second)] if isinstance(e, tree.Compose) else [e]


def glance(cx: Context, look: Callable[[], T]) -> T:
    """What `look` finds, without opening types that nobody would find; its faults are reported if it finds nothing."""
    with cx.trial():
        found = look()
    return found if found is not None else look()


def _as(cx: Context, e: tree.Expr, wanted: FnType) -> typed.Expr:
    """A definition whose type is the one asked for is taken as it is; anything else by a lambda around it."""
    if isinstance(e, tree.Name | tree.Member) and isinstance(glance(cx, lambda: resolve(cx, e)), Callee):
        target = resolve(cx, e)
        assert isinstance(target, Callee)
        value = target.value(e.span)
        plain = target.receiver is None and isinstance(value, typed.FnValue | typed.Local)
        if plain and cx.unit.solver.try_fits(value.type, wanted):
            return value
    return eta(cx, e, wanted)
