"""Types and sizes as they are written: names looked up, brackets told apart into type arguments and dimensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, STRING
from ..core.sizes import Size, SizeVar
from ..core.types import (
    WRONG,
    Array,
    Constraint,
    Enum,
    FnType,
    Struct,
    StructDecl,
    TangentOf,
    Tuple,
    Type,
    TypeVar,
    Wrong,
    array,
    show,
)
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from ..syntax import tree
from .constants import constant
from .context import Context
from .lookup import builtin_type, force, unknown_name
from .names import (
    EnumName,
    Faulty,
    FieldSpec,
    ModuleName,
    Pending,
    SizeName,
    StructName,
    TypeName,
    Value,
    is_type_name,
)
from .sizing import SIZE_OPERATIONS, combine
from .unify import data_fault, is_unknown

SCALARS: dict[str, Type] = {
    "Float": FLOAT,
    "Float32": FLOAT32,
    "Int": INT,
    "Bool": BOOL,
    "String": STRING,
    "Key": KEY,
}


@dataclass(eq=False, slots=True)
class Resolver:
    """Reads written types. `universals` (in a parameter list) collects names that become fresh sizes;
    `bind` (in `as` and in a `let`) makes `?k` a name in scope; `free` (in a lambda) leaves sizes to be found;
    `ranked` stands for `[..]` in an instance of a function of any rank; `marking` is set in the result of a function
    type, where `?` is not the size of an argument."""

    cx: Context
    universals: dict[str, SizeVar] | None = None
    bind: bool = False
    free: bool = False
    ranked: tuple[Size, ...] | None = None
    marking: bool = False
    named: dict[str, SizeVar] = field(default_factory=dict)
    fresh: list[SizeVar] = field(default_factory=list)

    def type(self, t: tree.BracketItem) -> Type:
        match t:
            case tree.NamedType():
                return self._named(t)
            case tree.TupleType(span, parts, brackets):
                return self._dims(Tuple(tuple(map(self.type, parts))), brackets, span)
            case tree.FnType(_, params, result):
                taken = tuple(map(self.type, params))
                outer, self.marking = self.marking, True
                given = self.type(result)
                self.marking = outer
                return FnType(taken, given)
            case tree.SizeNumber() | tree.SizeBinary() | tree.SizeCall() | tree.UnknownSize() | tree.AnyRank():
                return self._wrong(faults.NotAType(t.span, t.span.text))
            case _:
                assert_never(t)

    def _wrong(self, fault: faults.CheckError | None) -> Type:
        if fault is not None:
            self.cx.report(fault)
        return WRONG

    def _named(self, t: tree.NamedType) -> Type:
        name = t.path[-1]
        if len(t.path) == 1 and name.name in SCALARS and not isinstance(self.cx.scope.find(name.name), TypeName):
            return self._dims(SCALARS[name.name], t.brackets, t.span)
        if len(t.path) == 1 and name.name == "Tangent":
            return self._tangent(t)
        entity = self._path(t)
        match entity:
            case None | Faulty():
                return WRONG
            case TypeName():
                return self._dims(entity.type, t.brackets, t.span)
            case StructName() | EnumName():
                decl = entity.decl
                args: tuple[Type | Size, ...] = ()
                rest = t.brackets
                if decl.params:
                    given = t.brackets[0] if t.brackets else ()
                    found = self._args(decl.name, decl.params, given, t.span, decl.span)
                    if found is None:
                        return WRONG
                    args, rest = found, t.brackets[1:]
                made: Type = Struct(decl, args) if isinstance(decl, StructDecl) else Enum(decl, args)
                return self._dims(made, rest, t.span)
            case _:
                return self._wrong(faults.NotAType(t.span, ".".join(i.name for i in t.path)))

    def _path(self, t: tree.NamedType) -> object:
        """What a dotted name means, reported if nothing."""
        first, *others = t.path
        entity: object = self.cx.scope.find(first.name)
        if entity is None:
            entity = builtin_type(self.cx, first.name)
        if entity is None:
            known = [n for n in self.cx.scope.visible() if is_type_name(n)] + [*SCALARS, "Option", "Tangent", "Fit"]
            self.cx.report(faults.UnknownType(first.span, first.name, faults.near(first.name, known)))
            return None
        for ident in others:
            if not isinstance(entity, ModuleName):
                self.cx.report(faults.NotAType(t.span, ".".join(i.name for i in t.path)))
                return None
            found = entity.names.get(ident.name)
            if found is None:
                near = faults.near(ident.name, list(entity.names))
                self.cx.report(faults.UnknownType(ident.span, ident.name, near))
                return None
            entity = found
        return entity

    def _tangent(self, t: tree.NamedType) -> Type:
        if not t.brackets or len(t.brackets[0]) != 1:
            return self._wrong(faults.WrongBrackets(t.span, "Tangent", "1 type argument", "none", None))
        inner = self.type(t.brackets[0][0])
        if isinstance(inner, Wrong):
            return WRONG
        if not isinstance(inner, Struct):
            return self._wrong(faults.NotAType(t.span, f"Tangent[{show(inner)}]"))
        from .vectors import tangent

        made = tangent(inner)
        return self._dims(TangentOf(inner) if made == inner else made, t.brackets[1:], t.span)

    def _args(
        self,
        name: str,
        params: tuple[TypeVar | SizeVar, ...],
        given: tuple[tree.BracketItem, ...],
        span: Span,
        declared: Span,
    ) -> tuple[Type | Size, ...] | None:
        """The type arguments and sizes in the first brackets after a struct's or enum's name."""
        if len(given) != len(params):
            if not given and self.free:
                return tuple(
                    self.cx.size_meta(span, str(p)) if isinstance(p, SizeVar) else self.cx.meta(span, p.name)
                    for p in params
                )
            for item in given:
                if isinstance(item, tree.NamedType) and not is_type_name(item.path[0].name):
                    self.size(item)
            wanted = ", ".join(p.name for p in params)
            self.cx.report(faults.WrongBrackets(span, name, f"[{wanted}]", str(len(given) or "none"), declared))
            return None
        args: list[Type | Size] = []
        for p, item in zip(params, given, strict=True):
            if isinstance(p, SizeVar):
                args.append(self.size(item))
                continue
            t = self.type(item)
            inner = data_fault(t)
            if inner is not None:
                self.cx.report(faults.FunctionAsData(item.span, show(t), "a type argument"))
                t = WRONG
            if not satisfies(t, p):
                self.cx.report(faults.BoundNotMet(item.span, show(t), p.name, p.bound))
                t = WRONG
            args.append(t)
        return tuple(args)

    def _dims(self, elem: Type, groups: tuple[tuple[tree.BracketItem, ...], ...], span: Span) -> Type:
        """An array type; further brackets make an array of what stands before them: their dimensions come first."""
        items = [item for group in reversed(groups) for item in group]
        if not items:
            return elem
        if len(items) == 1 and isinstance(items[0], tree.AnyRank):
            if self.ranked is None:
                return self._wrong(faults.MisplacedRank(span))
            return array(elem, self.ranked)
        if isinstance(elem, FnType):
            return self._wrong(faults.FunctionAsData(span, show(elem), "an array element"))
        inner = data_fault(elem)
        if inner is not None:
            return self._wrong(faults.FunctionAsData(span, show(elem), "an array element"))
        dims = tuple(self.size(i) for i in items)
        return WRONG if isinstance(elem, Wrong) else array(elem, dims)

    # ---- sizes

    def size(self, item: tree.BracketItem) -> Size:
        match item:
            case tree.SizeNumber(_, value):
                return Size.of(value)
            case tree.SizeBinary(span, op, left, right):
                return self._combined(op, (self.size(left), self.size(right)), span)
            case tree.SizeCall(span, name, args):
                return self._combined(name.name, tuple(map(self.size, args)), span)
            case tree.UnknownSize(span, name):
                return self._unknown(name, span)
            case tree.NamedType(span, (ident,), ()):
                return self._size_name(ident, span)
            case tree.AnyRank():
                self.cx.report(faults.MisplacedRank(item.span))
            case tree.NamedType() | tree.TupleType() | tree.FnType():
                self.cx.report(faults.NotASize(item.span, item.span.text))
            case _:
                assert_never(item)
        return self.cx.any_size(item.span)

    def _combined(self, op: str, args: tuple[Size, ...], span: Span) -> Size:
        """A size computed from others."""
        if op in ("min", "max") and len(args) < 2:
            self.cx.report(faults.NotASize(span, span.text, f"`{op}` takes at least 2 sizes"))
        elif any(is_unknown(a) for a in args):
            self.cx.report(faults.NotASize(span, span.text, "a size that is not known is not computed with"))
        elif op in SIZE_OPERATIONS:
            made: Size | None = args[0]
            for a in args[1:]:
                made = None if made is None else combine(op, made, a)
            if made is not None:
                return made
            self.cx.report(faults.NotASize(span, span.text, "it divides by 0"))
        else:
            known = ", ".join(f"`{o}`" for o in SIZE_OPERATIONS)
            self.cx.report(faults.NotASize(span, span.text, f"sizes are computed with {known}"))
        return self.cx.any_size(span)

    def _unknown(self, name: str | None, span: Span) -> Size:
        if self.universals is not None and not self.marking:
            var = SizeVar(name or "_")
            self.universals[f"?{var.id}"] = var
            return Size.of(var)
        if name is None:
            return Size.of(SizeVar("?"))
        if self.bind:
            var = self.cx.fresh_size(name, span, f"`{name}` is named here")
            self.cx.define(name, SizeName(Size.of(var), span))
            self.fresh.append(var)
            return Size.of(var)
        if name not in self.named:
            self.named[name] = SizeVar(f"?{name}")
        return Size.of(self.named[name])

    def _size_name(self, ident: tree.Ident, span: Span) -> Size:
        name = ident.name
        if self.universals is not None and name in self.universals:
            return Size.of(self.universals[name])
        entity, _, top = self.cx.scope.locate(name)
        if self.universals is not None and (entity is None or top) and not is_type_name(name):
            var = SizeVar(name)
            self.universals[name] = var
            self.cx.unit.origins[var] = Note(f"`{name}` is a size named here", span)
            return Size.of(var)
        match entity:
            case SizeName():
                return entity.size
            case Value() if not entity.symbol.mutable:
                size = force(self.cx, entity, span)
                if size is not None:
                    return size
                if not isinstance(self.cx.solve(entity.type), Wrong):
                    self.cx.report(faults.NotASize(span, name))
            case Value():
                self.cx.report(faults.NotASize(span, name, "a `var` may change, so it names no size"))
            case Pending():
                unknown_name(self.cx, name, span)
            case Faulty():
                pass
            case None if self.free:
                size = self.cx.size_meta(span, name)
                self.cx.define(name, SizeName(size, span))
                return size
            case None:
                known = [n for n in self.cx.scope.visible() if isinstance(self.cx.scope.find(n), SizeName)]
                self.cx.report(faults.UnknownSize(span, name, faults.near(name, known)))
                self.cx.define(name, SizeName(self.cx.any_size(span), span))
            case _:
                self.cx.report(faults.NotASize(span, name))
        return self.cx.any_size(span)

    # ---- fields

    def spec(self, t: tree.FieldType) -> FieldSpec:
        """A field's or hole's type with its constraint."""
        match t:
            case tree.Constrained(span, base, op, bound):
                inner = self._constrainable(base)
                value = constant(self.cx, bound)
                if value is None:
                    self.cx.report(faults.BoundNotConstant(bound.span))
                    return FieldSpec(inner, None)
                kinds = {
                    ">": Constraint("above", low=value),
                    ">=": Constraint("at_least", low=value),
                    "<=": Constraint("at_most", high=value),
                }
                return FieldSpec(inner, kinds[op])
            case tree.InInterval(span, base, low, high):
                inner = self._constrainable(base)
                a, b = constant(self.cx, low), constant(self.cx, high)
                if a is None or b is None:
                    self.cx.report(faults.BoundNotConstant((low if a is None else high).span))
                    return FieldSpec(inner, None)
                if not a < b:
                    self.cx.report(faults.EmptyInterval(span, a, b))
                    return FieldSpec(inner, None)
                return FieldSpec(inner, Constraint("between", a, b))
            case tree.NamedType(span, (ident,), (dims, *more)) if ident.name in ("Simplex", "Ordered") and not (
                self.cx.scope.find(ident.name)
            ):
                if more or len(dims) != 1:
                    self.cx.report(faults.WrongBrackets(span, ident.name, "[n]", "more", None))
                    return FieldSpec(WRONG, None)
                kind = Constraint("simplex") if ident.name == "Simplex" else Constraint("ordered")
                return FieldSpec(array(FLOAT, (self.size(dims[0]),)), kind)
            case tree.NamedType() | tree.TupleType() | tree.FnType():
                return FieldSpec(self.type(t), None)
            case _:
                assert_never(t)

    def _constrainable(self, base: tree.TypeExpr) -> Type:
        t = self.type(base)
        elem = t.elem if isinstance(t, Array) else t
        if elem not in (FLOAT, FLOAT32) and not isinstance(elem, Wrong):
            self.cx.report(faults.ConstraintType(base.span, show(t)))
            return WRONG
        return t


def satisfies(t: Type, p: TypeVar) -> bool:
    """Whether a type argument has what its parameter's bound asks for."""
    from .vectors import is_vector

    bound = p.bound
    if isinstance(t, Wrong) or not bound:
        return True
    if isinstance(t, TypeVar):
        return t.bound == bound or (bound == "Ordered" and t.bound == "Number")
    match bound:
        case "Number":
            return t in (INT, FLOAT, FLOAT32)
        case "Ordered":
            return t in (INT, FLOAT, FLOAT32)
        case "Tuple":
            return isinstance(t, Tuple)
        case _:
            return is_vector(t)
