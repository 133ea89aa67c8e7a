"""Constructors of structs and enums as things to call."""

from __future__ import annotations

from ..core.sizes import Size, SizeVar
from ..core.types import Enum, FnType, Meta, Struct, Type, TypeVar, substitute
from ..errors.source import Span
from . import typed
from .calls import Callee
from .context import Context
from .names import Scope, SizeName, StructName, TypeName, VariantName
from .structs import check_constants
from .unify import strip


def constructor(cx: Context, struct: StructName, span: Span) -> Callee:
    """A struct's name as a function of its fields."""
    decl = struct.decl
    types: dict[TypeVar | Meta, Type] = {}
    sizes: dict[object, Size] = {}
    args: list[Type | Size] = []
    for p in decl.params:
        if isinstance(p, SizeVar):
            sizes[p] = size = cx.size_meta(span, f"the size `{p.name}` of `{decl.name}`")
            args.append(size)
        else:
            types[p] = t = cx.meta(span, f"the type `{p.name}` of `{decl.name}`")
            args.append(t)
    result = Struct(decl, tuple(args))
    params = tuple(substitute(f.type, types, sizes) for f in decl.fields)
    checks = tuple(f.constraint for f in decl.fields)

    def make(values: tuple[typed.Expr, ...], t: Type, at: Span) -> typed.Expr:
        check_constants(cx, decl, values)
        return typed.Make(t, at, values, checks if any(checks) else ())

    def value(at: Span) -> typed.Expr:
        symbols = tuple(typed.Symbol(f.name, at) for f in decl.fields)
        locals_ = tuple(typed.Local(t, at, s) for t, s in zip(params, symbols, strict=True))
        body = typed.Make(result, at, locals_, checks if any(checks) else ())
        return typed.Lambda(FnType(params, result), at, symbols, params, body)

    def default_scope() -> Scope:
        scope = Scope(struct.scope)
        for v, t in types.items():
            assert isinstance(v, TypeVar)
            scope.names[v.name] = TypeName(cx.solve(t), decl.span)
        for s, size in sizes.items():
            scope.names[str(s)] = SizeName(cx.size(size), decl.span)
        return scope

    return Callee(
        decl.name,
        decl.span,
        tuple(f.name for f in decl.fields),
        params,
        lambda: cx.solve(result),
        make,
        value,
        tuple(f.span for f in decl.fields),
        tuple(isinstance(strip(f.type)[0], TypeVar) for f in decl.fields),
        struct.defaults,
        default_scope,
        (),
        tuple((p, types[p]) for p in decl.params if isinstance(p, TypeVar)),
        tuple((str(p), sizes[p]) for p in decl.params if isinstance(p, SizeVar)),
    )


def variant(cx: Context, entity: VariantName, span: Span) -> Callee:
    """A constructor of an enum as a function of its payload."""
    decl = entity.enum.decl
    types: dict[TypeVar | Meta, Type] = {}
    sizes: dict[object, Size] = {}
    args: list[Type | Size] = []
    for p in decl.params:
        if isinstance(p, SizeVar):
            sizes[p] = size = cx.size_meta(span, f"the size `{p.name}` of `{decl.name}`")
            args.append(size)
        else:
            types[p] = t = cx.meta(span, f"the type `{p.name}` of `{decl.name}`")
            args.append(t)
    shape = decl.variants[entity.tag]
    result = Enum(decl, tuple(args))
    params = tuple(substitute(t, types, sizes) for t in shape.payload)

    def make(values: tuple[typed.Expr, ...], t: Type, at: Span) -> typed.Expr:
        return typed.MakeVariant(t, at, entity.tag, values)

    def value(at: Span) -> typed.Expr:
        symbols = tuple(typed.Symbol(f"x{i}", at) for i in range(len(params)))
        locals_ = tuple(typed.Local(t, at, s) for t, s in zip(params, symbols, strict=True))
        return typed.Lambda(
            FnType(params, result), at, symbols, params, typed.MakeVariant(result, at, entity.tag, locals_)
        )

    return Callee(
        shape.name,
        entity.span,
        ("",) * len(params),
        params,
        lambda: cx.solve(result),
        make,
        value,
        (),
        tuple(isinstance(strip(t)[0], TypeVar) for t in shape.payload),
        checked=tuple((p, types[p]) for p in decl.params if isinstance(p, TypeVar)),
    )
