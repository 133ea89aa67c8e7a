"""From types of the language to leaves of the core: structure, labels, constraints, and the enums of a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..core import ir
from ..core.ir import FLOAT, FLOAT32, INT, ArrayType, EnumType, Scalar, VariantDecl
from ..core.sizes import Size, SizeVar
from ..core.types import (
    Array,
    Constraint,
    Enum,
    EnumDecl,
    Field,
    FnType,
    Struct,
    TangentOf,
    Tuple,
    Type,
    instantiate,
    show,
    transform,
)
from .shape import Group, Leaf, Shape, Static, leaves

_ANY = Size.of(SizeVar("?"))


def erased(t: Type) -> Type:
    """`t` without its sizes: what tells one instance from another."""
    return transform(t, lambda v: v, lambda _: _ANY)


def fields(t: Struct | TangentOf) -> Iterator[tuple[Field, Type]]:
    """The fields of a struct (or of its tangent, which has the same) with their types here."""
    struct = t.struct if isinstance(t, TangentOf) else t
    for f in struct.decl.fields:
        yield f, instantiate(struct.decl, struct.args, f.type)


def split(t: Type) -> tuple[Type, tuple[Size, ...]]:
    """The element type and the dimensions (none for what is no array)."""
    return (t.elem, t.dims) if isinstance(t, Array) else (t, ())


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of one leaf from the type that it is part of; `constraint` is of the field that it is."""

    label: str
    constraint: Constraint | None
    fixed: bool


class Layouts:
    """Structures of types, and the enums of the program, made as they are met."""

    def __init__(self) -> None:
        self.enums: dict[str, ir.EnumDecl] = {}
        self._names: dict[tuple[EnumDecl, Type], str] = {}
        self._tangible: dict[str, bool] = {}

    # ---- structure

    def leaf(self, elem: Type, dims: tuple[Size, ...]) -> ir.Type:
        kind = self.enum(elem) if isinstance(elem, Enum) else elem
        assert isinstance(kind, Scalar | EnumType), f"no leaf: {show(elem)}"
        return ArrayType(kind, tuple(d.constant for d in dims)) if dims else kind

    def outline(self, t: Type, like: Shape | None = None, dims: tuple[Size, ...] = ()) -> Shape:
        """The structure of values of type `t`, with `dims` in front; function values are taken from `like`."""
        match t:
            case Array(elem, inner):
                return self.outline(elem, like, dims + inner)
            case Tuple(()):
                return Group((self._leaf(INT, dims),), units=True) if dims else Group(())
            case Tuple(parts):
                return Group(tuple(self.outline(p, _part(like, i), dims) for i, p in enumerate(parts)))
            case Struct() | TangentOf():
                inside = tuple(self.outline(f, _part(like, i), dims) for i, (_, f) in enumerate(fields(t)))
                return Group(inside) if inside or not dims else Group((self._leaf(INT, dims),), units=True)
            case FnType():
                assert isinstance(like, Static), "a function value whose body is not known"
                return like
            case _:
                return self._leaf(t, dims)

    def _leaf(self, elem: Type, dims: tuple[Size, ...]) -> Leaf:
        return Leaf(ir.Var("", self.leaf(elem, dims)))

    def layout(self, t: Type, shape: Shape, rank: int = 0) -> ir.Layout:
        """How the leaves of `shape` make up a value of type `t`, for printing and for Python."""
        match t, shape:
            case Array(elem, dims), _:
                return self.layout(elem, shape, rank + len(dims))
            case Struct() | TangentOf(), Group(parts, units):
                name = t.decl.name if isinstance(t, Struct) else show(t)
                if units:
                    return ir.Group(name, ("_",), (plain(parts[0]),), rank)
                inner = [(f.name, self.layout(s, p)) for (f, s), p in zip(fields(t), parts, strict=True)]
                return ir.Group(name, tuple(n for n, _ in inner), tuple(i for _, i in inner), rank)
            case Tuple(types), Group(parts, units):
                if units:
                    return ir.Group("", ("_",), (plain(parts[0]),), rank)
                return ir.Group("", (), tuple(self.layout(s, p) for s, p in zip(types, parts, strict=True)), rank)
            case _:
                return plain(shape)

    def infos(
        self, t: Type, shape: Shape, label: str, constraint: Constraint | None = None, fixed: bool = False
    ) -> Iterator[Info]:
        """What is known of each leaf of `shape`, in order."""
        match t, shape:
            case Array(elem), _:
                yield from self.infos(elem, shape, label, constraint, fixed)
            case Struct() | TangentOf(), Group(parts, units):
                if units:
                    yield Info(f"{label}._", None, fixed)
                    return
                tangent = isinstance(t, TangentOf)
                for (f, s), p in zip(fields(t), parts, strict=True):
                    bound = None if tangent else f.constraint
                    yield from self.infos(s, p, f"{label}.{f.name}", bound, fixed or f.fixed)
            case Tuple(types), Group(parts, units):
                if units:
                    yield Info(f"{label}._", None, fixed)
                    return
                for i, (s, p) in enumerate(zip(types, parts, strict=True)):
                    yield from self.infos(s, p, f"{label}.{i}", None, fixed)
            case _, Static():
                yield from self.captured_infos(shape, label, fixed)
            case _:
                yield Info(label, constraint, fixed)

    def captured_infos(self, shape: Shape, label: str, fixed: bool) -> Iterator[Info]:
        """The leaves of a captured value; where its type is not known, its structure is. Training moves what a function
        value has captured, not the top-level variables that it reads."""
        match shape:
            case Leaf():
                yield Info(label, None, fixed)
            case Group(parts):
                for i, p in enumerate(parts):
                    yield from self.captured_infos(p, f"{label}.{i}", fixed)
            case Static(code, captured):
                names = [(s.name, s.top, code.captured.get(s)) for s in code.symbols]
                names += [(s.name, True, None) for s in code.sizes]
                for (name, top, t), p in zip(names, captured, strict=True):
                    if t is None:
                        yield from self.captured_infos(p, f"{label}.{name}", fixed or top)
                    else:
                        yield from self.infos(t, p, f"{label}.{name}", None, fixed or top)

    # ---- enums

    def enum(self, t: Enum) -> EnumType:
        """The declaration of an enum at its type arguments, made when it is first met."""
        plain = erased(t)
        known = self._names.get((t.decl, plain))
        if known is not None:
            return EnumType(known)
        assert isinstance(plain, Enum)
        types = [a for a in plain.args if not isinstance(a, Size)]
        base = f"{t.decl.name}[{', '.join(map(show, types))}]" if types else t.decl.name
        name, n = base, 1
        while name in self.enums:
            n += 1
            name = f"{base}.{n}"
        self._names[t.decl, plain] = name
        self.enums[name] = ir.EnumDecl(name, ())  # recursive payloads mention it by name
        variants = []
        for v in t.decl.variants:
            payload = [instantiate(t.decl, plain.args, p) for p in v.payload]
            shapes = [self.outline(p) for p in payload]
            kinds = tuple(o.type for s in shapes for o in leaves(s))
            layouts = tuple(self.layout(p, s) for p, s in zip(payload, shapes, strict=True))
            variants.append(VariantDecl(v.name, kinds, layouts))
        self.enums[name] = ir.EnumDecl(name, tuple(variants))
        return EnumType(name)

    def tangible(self, t: ir.Type) -> bool:
        """Whether values of a core type have a tangent."""
        elem = t.elem if isinstance(t, ArrayType) else t
        if not isinstance(elem, EnumType):
            return elem in (FLOAT, FLOAT32)
        if elem.name not in self._tangible:
            reached = self._reached(elem.name)
            for name in reached:
                # of enums that mention each other the answer may differ, so each is asked by itself
                kinds = [_elem(f) for n in self._reached(name) for v in self.enums[n].variants for f in v.fields]
                self._tangible[name] = FLOAT in kinds or FLOAT32 in kinds
        return self._tangible[elem.name]

    def _reached(self, name: str) -> set[str]:
        found, waiting = {name}, [name]
        while waiting:
            for v in self.enums[waiting.pop()].variants:
                inner = {e.name for f in v.fields if isinstance(e := _elem(f), EnumType)} - found
                found |= inner
                waiting.extend(inner)
        return found


def _elem(t: ir.Type) -> Scalar | EnumType:
    return t.elem if isinstance(t, ArrayType) else t


def _part(like: Shape | None, i: int) -> Shape | None:
    return like.parts[i] if isinstance(like, Group) and not like.units else None


def plain(shape: Shape) -> ir.Layout:
    """The layout of a shape of which the type is not known or says no more."""
    match shape:
        case Leaf(operand):
            return ir.Leaf(operand.type)
        case Group(parts):
            return ir.Group("", (), tuple(map(plain, parts)))
        case Static(_, captured):
            return ir.Code(tuple(map(plain, captured)))
