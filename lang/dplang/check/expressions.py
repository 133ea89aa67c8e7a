"""Expressions: one function for each kind of node, from the surface tree to the typed tree."""

from __future__ import annotations

import math
from typing import assert_never

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, STRING
from ..core.sizes import Size
from ..core.types import (
    Array,
    FnType,
    Meta,
    Never,
    Struct,
    TangentOf,
    Tuple,
    Type,
    Wrong,
    array,
    show,
)
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .annotations import Resolver
from .calls import apply
from .context import Context
from .lift import can_widen, coerce, join, widen_all
from .lookup import beyond, lookup, overload
from .names import (
    Builtin,
    Entity,
    EnumName,
    Faulty,
    FnName,
    LetFn,
    ModuleName,
    Pending,
    SizeName,
    StructName,
    TypeName,
    Value,
    VariantName,
)
from .operators import infer_binary, infer_unary, number
from .sizing import named, unnamed
from .targets import Composed, Special, function_value, is_builtin, is_function_like, of_entity, resolve
from .unify import data_fault, drop, is_unknown, strip
from .vectors import fields

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}


def infer(cx: Context, e: tree.Expr, expected: Type | None = None) -> typed.Expr:
    """`e` with its type. `expected` is a hint: what is not of that type is left to `coerce`."""
    match e:
        case tree.Number(span, value):
            return number(cx, value, span, cx.solve(expected) if expected is not None else None)
        case tree.Name():
            return _name(cx, e, expected)
        case tree.Binary():
            return infer_binary(cx, e, expected)
        case tree.Call():
            return infer_call(cx, e, expected)
        case tree.Index():
            from .arrays import infer_index

            return infer_index(cx, e)
        case tree.Member():
            return _member(cx, e, expected)
        case tree.Unary():
            return infer_unary(cx, e, expected)
        case tree.Bool(span, truth):
            return typed.Lit(BOOL, span, truth)
        case tree.Text():
            return text(cx, e)
        case tree.TupleExpr(span, parts):
            return _tuple(cx, parts, span, expected)
        case tree.ArrayExpr():
            return _array(cx, e, expected)
        case tree.Builder() | tree.Reduction() | tree.Range():
            return _comprehension(cx, e, expected)
        case tree.If() | tree.Match() | tree.Block():
            return _control(cx, e, expected)
        case tree.Lambda():
            return _lambda(cx, e, expected)
        case tree.Compose():
            return function_value(cx, e, expected)
        case tree.Pipe():
            return infer_call(cx, piped(cx, e), expected)
        case tree.Cast():
            return _cast(cx, e)
        case tree.Checkpoint(span, body):
            inner = infer(cx, body, expected)
            return typed.Checkpoint(inner.type, span, inner)
        case tree.Hole() | tree.Train():
            return _open_part(cx, e, expected)
        case _:
            assert_never(e)


def check(cx: Context, e: tree.Expr, expected: Type, *why: Note) -> typed.Expr:
    """`e` as a value of type `expected`."""
    return coerce(cx, infer(cx, e, expected), expected, *why)


def _comprehension(cx: Context, e: tree.Builder | tree.Reduction | tree.Range, expected: Type | None) -> typed.Expr:
    from .arrays import infer_builder, infer_reduction

    match e:
        case tree.Builder():
            return infer_builder(cx, e, expected)
        case tree.Reduction():
            return infer_reduction(cx, e, expected)
        case tree.Range(span):
            return cx.wrong(span, faults.MisplacedRange(span))


def _control(cx: Context, e: tree.If | tree.Match | tree.Block, expected: Type | None) -> typed.Expr:
    from .patterns import infer_match
    from .statements import infer_block, infer_if

    match e:
        case tree.If():
            return infer_if(cx, e, expected, discard=False)
        case tree.Match():
            return infer_match(cx, e, expected, discard=False)
        case tree.Block():
            return infer_block(cx.inner(), e, expected, discard=False)


def _open_part(cx: Context, e: tree.Hole | tree.Train, expected: Type | None) -> typed.Expr:
    """Holes and `train`, which rooms of their own check."""
    from .sketches import infer_hole, infer_train

    return infer_hole(cx, e, expected) if isinstance(e, tree.Hole) else infer_train(cx, e, expected)


# ---- names


def read(cx: Context, value: Value, span: Span) -> typed.Expr:
    """A variable's value."""
    symbol = value.symbol
    cx.unit.values.setdefault(symbol, value)
    if symbol.top:
        cx.body.globals.setdefault(symbol, span)
    if value.effects is not None:
        cx.repeat(value.effects, span)
    t = cx.solve(value.type)
    if isinstance(t, FnType):
        for region in cx.body.regions:
            region.params.add(symbol)
    return typed.Local(t, span, symbol)


def _name(cx: Context, e: tree.Name, expected: Type | None) -> typed.Expr:
    entity = lookup(cx, e.name, e.span)
    match entity:
        case None | Faulty() | Pending():
            return cx.wrong(e.span)
        case Value():
            return read(cx, entity, e.span)
        case SizeName(size=size):
            return typed.SizeValue(INT, e.span, cx.size(size))
        case Builtin(name=name) if name in CONSTANTS:
            return typed.Lit(FLOAT32 if expected == FLOAT32 else FLOAT, e.span, CONSTANTS[name])
        case VariantName(enum=enum, tag=tag) if not enum.decl.variants[tag].payload:
            return infer_call(cx, tree.Call(e.span, e, ()), expected)
        case FnName() | LetFn() | StructName() | VariantName() | Builtin():
            return function_value(cx, e, expected)
        case ModuleName() | TypeName() | EnumName():
            return cx.wrong(e.span, faults.NotAValue(e.span, e.name, _kind(entity)))
        case _:
            assert_never(entity)


def _kind(entity: ModuleName | TypeName | EnumName) -> str:
    return "a module" if isinstance(entity, ModuleName) else "a type"


def module_member(cx: Context, e: tree.Member) -> Entity | None:
    """What `m.x` means where `m` is a module or an enum (reported and Faulty if nothing), else None."""
    holder: object = None
    if isinstance(e.base, tree.Name):
        holder, _, _ = cx.scope.locate(e.base.name)
        if holder is None and e.base.name[:1].isupper():
            holder = beyond(cx, e.base.name)
    elif isinstance(e.base, tree.Member):
        holder = module_member(cx, e.base) if _is_path(cx, e.base) else None
    if isinstance(holder, ModuleName):
        return _of_module(cx, holder, e)
    if isinstance(holder, EnumName):
        for tag, v in enumerate(holder.decl.variants):
            if v.name == e.name.name:
                return VariantName(holder, tag, v.span)
        known = [v.name for v in holder.decl.variants]
        near = faults.near(e.name.name, known)
        where = holder.decl.span
        cx.report(faults.UnknownMember(e.name.span, e.name.name, f"`{holder.decl.name}`", near, where, tuple(known)))
        return Faulty(e.span)
    return None


def _is_path(cx: Context, e: tree.Member) -> bool:
    base: tree.Expr = e
    while isinstance(base, tree.Member):
        base = base.base
    return isinstance(base, tree.Name) and isinstance(cx.scope.find(base.name), ModuleName)


def _of_module(cx: Context, module: ModuleName, e: tree.Member) -> Entity:
    name = e.name.name
    found = module.names.get(name)
    if found is not None:
        return found
    near = faults.near(name, list(module.names))
    cx.report(faults.UnknownMember(e.name.span, name, f"the module `{e.base.span.text}`", near))
    return Faulty(e.span)


# ---- parts


def _member(cx: Context, e: tree.Member, expected: Type | None) -> typed.Expr:
    entity = module_member(cx, e)
    match entity:
        case Faulty():
            return cx.wrong(e.span)
        case Value():
            return read(cx, entity, e.span)
        case VariantName(enum=enum, tag=tag) if not enum.decl.variants[tag].payload:
            return infer_call(cx, tree.Call(e.span, e, ()), expected)
        case FnName() | LetFn() | StructName() | VariantName() | Builtin():
            return function_value(cx, e, expected)
        case ModuleName() | TypeName() | EnumName():
            return cx.wrong(e.span, faults.NotAValue(e.span, e.name.name, _kind(entity)))
        case _:
            pass
    return infer_member(cx, e, infer(cx, e.base), expected)


def infer_member(cx: Context, e: tree.Member, base: typed.Expr, expected: Type | None = None) -> typed.Expr:
    """A field of a struct, of the tangent of one, or of an array of either; a method as a value."""
    t = cx.solve(base.type)
    elem, dims = strip(t)
    name = e.name.name
    if isinstance(t, Wrong | Never):
        return cx.wrong(e.span)
    if isinstance(elem, Meta):
        return cx.wrong(e.span, faults.TypeNotKnown(base.span, f"what `.{name}` is read from"))
    if not isinstance(elem, Struct | TangentOf):
        function = isinstance(cx.scope.find(name) or beyond(cx, name), Builtin | FnName)
        return cx.wrong(e.span, faults.NoMembers(e.name.span, name, show(t), function))
    decl = elem.struct.decl if isinstance(elem, TangentOf) else elem.decl
    for i, f in enumerate(decl.fields):
        if f.name == name:
            field_type = fields(elem)[i]
            made = typed.GetField(array(field_type, dims), e.span, base, i)
            return named(cx, made, made.type, f"len({e.span.text})" if len(e.span.text) < 24 else "len(..)")
    info = decl.info
    known = [f.name for f in decl.fields]
    if isinstance(info, StructName) and isinstance(elem, Struct):
        if name in info.methods:
            return _method_value(cx, e, info.methods[name], base, expected)
        known += info.methods
    near = faults.near(name, known)
    return cx.wrong(e.span, faults.UnknownMember(e.name.span, name, f"`{show(t)}`", near, decl.span, tuple(known)))


def _method_value(cx: Context, e: tree.Member, method: FnName, base: typed.Expr, expected: Type | None) -> typed.Expr:
    """`w.f`: a method with its receiver."""
    if isinstance(cx.solve(expected) if expected is not None else None, FnType):
        return function_value(cx, e, expected)
    from .calls import Callee
    from .targets import fn_target
    from .unify import is_open

    target = fn_target(cx, method, e.name.span)
    if target is None:
        return cx.wrong(e.span)
    if isinstance(target, Callee) and cx.unit.solver.try_fits(base.type, target.types[0]):
        params = tuple(cx.solve(t) for t in target.types[1:])
        value = target.value(e.span)
        if not any(map(is_open, params)) and isinstance(value, typed.FnValue):
            return typed.FnValue(FnType(params, target.result()), e.span, value.ref, base)
    return cx.wrong(e.span, faults.FunctionWithoutType(e.span))


def text(cx: Context, e: tree.Text) -> typed.Expr:
    """A string; one that interpolates is formatted at run time."""
    parts: list[str | tuple[typed.Expr, str]] = []
    for part in e.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = infer(cx, part.value)
        t = cx.solve(value.type)
        if data_fault(t) is not None:
            cx.report(faults.NotPrintable(part.value.span, show(t)))
        elif part.spec and not spec_fits(part.spec, t):
            cx.report(faults.BadFormat(part.span, part.spec, show(t)))
        if not isinstance(t, Wrong):
            parts.append((value, part.spec))
    if all(isinstance(p, str) for p in parts):
        return typed.Lit(STRING, e.span, "".join(p for p in parts if isinstance(p, str)))
    return typed.Format(STRING, e.span, tuple(parts))


def spec_fits(spec: str, t: Type) -> bool:
    """Whether Python's `format` takes a specification for (the elements of) a value of type `t`."""
    elem = strip(t)[0]
    samples = {FLOAT: 1.0, FLOAT32: 1.0, INT: 1, BOOL: True, STRING: ""}
    if elem not in samples:
        return isinstance(elem, Meta | Wrong)
    try:
        format(samples[elem], spec)
    except (ValueError, OverflowError):
        return False
    return True


def _tuple(cx: Context, parts: tuple[tree.Expr, ...], span: Span, expected: Type | None) -> typed.Expr:
    wanted = cx.solve(expected) if expected is not None else None
    hints: list[Type | None] = [None] * len(parts)
    if isinstance(wanted, Tuple) and len(wanted.parts) == len(parts):
        hints = list(wanted.parts)
    made: list[typed.Expr] = []
    for part, hint in zip(parts, hints, strict=True):
        value = infer(cx, part, hint)
        if hint is not None and not isinstance(cx.solve(hint), Meta):
            value = coerce(cx, value, hint)
        made.append(value)
    if any(isinstance(cx.solve(v.type), Wrong) for v in made):
        return cx.wrong(span)
    return typed.Make(Tuple(tuple(cx.solve(v.type) for v in made)), span, tuple(made))


def _array(cx: Context, e: tree.ArrayExpr, expected: Type | None) -> typed.Expr:
    """`[a, b, c]`: all elements have one type."""
    wanted = cx.solve(expected) if expected is not None else None
    hint: Type | None = None
    if isinstance(wanted, Array):
        hint = drop(wanted, 1)
    elif wanted is not None and not isinstance(wanted, Meta | Wrong):
        hint = wanted
    if not e.parts:
        elem = hint if hint is not None else cx.meta(e.span, "the elements of `[]`")
        return typed.MakeArray(array(elem, (Size.of(0),)), e.span, ())
    for p in e.parts:
        if is_function_like(cx, p):
            return cx.wrong(e.span, faults.FunctionAsData(p.span, "function", "an array element"))
    values = _elements(cx, e.parts, hint)
    elem_type, made = join(cx, values, "element", "the elements before have the type `{}`")
    if elem_type is None or isinstance(elem_type, Wrong):
        return cx.wrong(e.span)
    if data_fault(elem_type) is not None:
        return cx.wrong(e.span, faults.FunctionAsData(e.span, show(elem_type), "an array element"))
    return typed.MakeArray(array(elem_type, (Size.of(len(made)),)), e.span, tuple(made))


def _elements(cx: Context, parts: tuple[tree.Expr, ...], hint: Type | None) -> list[typed.Expr]:
    """Elements inferred one after the other: literals take the type of the others."""
    from .constants import is_literal

    values: list[typed.Expr | None] = [None] * len(parts)
    literal = [is_literal(cx.scope, p) for p in parts]
    for i, p in enumerate(parts):
        if not literal[i]:
            values[i] = infer(cx, p, hint)
            elem = cx.solve(values[i].type)  # type: ignore[union-attr]
            if elem in (FLOAT, FLOAT32) and hint is None:
                hint = elem
    for i, p in enumerate(parts):
        if literal[i]:
            values[i] = infer(cx, p, hint)
    return [v for v in values if v is not None]


# ---- calls


def infer_call(cx: Context, e: tree.Call, expected: Type | None) -> typed.Expr:
    other = overload(cx, e.fn, len(e.args))
    target = resolve(cx, e.fn) if other is None else of_entity(cx, other, e.fn.span)
    match target:
        case None:
            for a in e.args:
                if not is_function_like(cx, a.value):
                    infer(cx, a.value)
            return cx.wrong(e.span)
        case Special(name=name):
            from .builtins import call_builtin

            return call_builtin(cx, name, e, expected)
        case Composed(expr=compose, cx=there):
            first = tree.Call(e.span, compose.first, e.args)
            if there is cx:
                return infer_call(cx, tree.Call(e.span, compose.second, (tree.Arg(e.span, None, first),)), expected)
            return _composed(cx, there, compose, e)
        case _:
            return apply(cx, target, e.args, e.span, expected)


def _composed(cx: Context, there: Context, compose: tree.Compose, e: tree.Call) -> typed.Expr:
    """`h(x)` where `let h = f >> g`: f and g are looked up where the `let` stands, x here."""
    from .functions import check_lambda

    types: list[Type] = []
    values: list[typed.Expr] = []
    for a in e.args:
        value = infer(cx, a.value)
        values.append(value)
        types.append(cx.solve(value.type))
    if any(isinstance(t, Wrong) for t in types):
        return cx.wrong(e.span)
    names = [f"%{i}" for i in range(len(types))]
    args = tuple(tree.Arg(e.span, a.name, tree.Name(e.span, n)) for a, n in zip(e.args, names, strict=True))
    call = tree.Call(e.span, compose.second, (tree.Arg(e.span, None, tree.Call(e.span, compose.first, args)),))
    params = tuple(tree.LambdaParam(e.span, tree.NamePattern(e.span, n), None) for n in names)
    fn = check_lambda(there, tree.Lambda(e.span, params, call), tuple(types), None)
    t = cx.solve(fn.type)
    if not isinstance(t, FnType):
        return cx.wrong(e.span)
    return named(cx, typed.Apply(t.result, e.span, fn, tuple(values)), t.result, "len(..)")


def piped(cx: Context, e: tree.Pipe) -> tree.Call:
    """`x |> f(2)` is `f(x, 2)`, `x |> f` is `f(x)`."""
    first = tree.Arg(e.value.span, None, e.value)
    fn = e.fn
    if isinstance(fn, tree.Call) and not _is_derivative(cx, fn):
        return tree.Call(e.span, fn.fn, (first, *fn.args))
    return tree.Call(e.span, fn, (first,))


def _is_derivative(cx: Context, e: tree.Call) -> bool:
    from .targets import DERIVATIVES

    return isinstance(e.fn, tree.Name) and e.fn.name in DERIVATIVES and is_builtin(cx, e.fn.name)


# ---- functions and casts


def _lambda(cx: Context, e: tree.Lambda, expected: Type | None) -> typed.Expr:
    from .functions import check_lambda

    wanted = cx.solve(expected) if expected is not None else None
    if isinstance(wanted, FnType):
        return check_lambda(cx, e, wanted.params, wanted.result)
    if wanted is not None and not isinstance(wanted, Meta | Wrong):
        return cx.wrong(e.span, faults.TypeMismatch(e.span, "a function", show(wanted), ()))
    if is_function_like(cx, e):
        return cx.wrong(e.span, faults.FunctionWithoutType(e.span))
    return check_lambda(cx, e, None, None)


def _cast(cx: Context, e: tree.Cast) -> typed.Expr:
    """`value as Float[?k, 3]`: sizes are checked at run time, `?k` is named."""
    resolver = Resolver(cx, bind=True)
    wanted = resolver.type(e.type)
    value = infer(cx, e.value, unnamed(wanted, resolver.fresh))
    actual = cx.solve(value.type)
    if isinstance(actual, Wrong) or isinstance(wanted, Wrong):
        return cx.wrong(e.span)
    target = can_widen(actual, wanted)
    if target is not None:
        value = widen_all(cx, value, target)
        actual = cx.solve(value.type)
    elem, dims = strip(actual)
    other, others = strip(wanted)
    if not cx.unit.solver.try_fits(elem, other) or len(dims) != len(others):
        return cx.wrong(e.span, faults.TypeMismatch(e.value.span, show(actual), show(wanted), ()))
    plain = array(other, tuple(d if is_unknown(w) else w for d, w in zip(dims, others, strict=True)))
    if not resolver.fresh and cx.unit.solver.try_fits(actual, plain):
        return value
    return typed.Cast(plain, e.span, value, tuple(resolver.fresh))
