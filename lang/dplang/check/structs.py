"""Structs and enums: their parameters, fields, constraints and defaults."""

from __future__ import annotations

from ..core.sizes import Size, SizeVar
from ..core.types import (
    WRONG,
    Array,
    Bound,
    Constraint,
    EnumDecl,
    Field,
    Meta,
    Struct,
    StructDecl,
    Tuple,
    Type,
    TypeVar,
    VariantOf,
    show,
    substitute,
)
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import NOWHERE, Span
from ..syntax import tree
from . import typed
from .annotations import Resolver
from .context import Context, Unit, context
from .names import EnumName, FnName, Scope, SizeName, StructName, TypeName, VariantName, is_type_name
from .unify import data_fault

BOUNDS: tuple[Bound, ...] = ("Vector", "Number", "Ordered", "Tuple")


def declare_struct(unit: Unit, scope: Scope, t: tree.StructDef) -> StructName:
    decl = StructDecl(t.name.name, t.name.span, doc=t.doc)
    decl.params = type_params(unit, t.type_params)
    made = StructName(decl, t, scope)
    decl.info = made
    for m in t.methods:
        if m.name.name in made.methods:
            unit.report(faults.NameTaken(m.name.span, m.name.name, made.methods[m.name.name].tree.name.span))
            continue
        method = FnName(m, unit, scope, new_function(unit, m, f"{decl.name}.{m.name.name}"), owner=made)
        made.methods[m.name.name] = method
        unit.fns.append(method)
    return made


def declare_enum(unit: Unit, t: tree.EnumDef) -> EnumName:
    decl = EnumDecl(t.name.name, t.name.span, doc=t.doc)
    decl.params = type_params(unit, t.type_params)
    return EnumName(decl, t)


def type_params(unit: Unit, written: tuple[tree.TypeParam, ...]) -> tuple[TypeVar | SizeVar, ...]:
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
            value = check_default(holder, struct.scope, decl.params, default, f.type, why)
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


def check_default(
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


def new_function(unit: Unit, f: tree.FnDef, name: str) -> typed.Function:
    contract: typed.Contract = "smooth" if "smooth" in f.mods else "lipschitz" if f.mods else ""
    return typed.Function(name, f.span, contract=contract, module=unit.name, doc=f.doc, user=not unit.lazy)
