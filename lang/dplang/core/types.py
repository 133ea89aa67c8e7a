"""The types of the language, as the checker sees them and as users read them.

Scalars are shared with the core (`ir.Scalar`). Everything else here is richer than a core type:
polynomial sizes, structs, tuples, functions, type variables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, TypeAlias

from ..errors.source import Span
from ..nodes import node
from .ir import BOOL, FLOAT, FLOAT32, INT, KEY, STRING, Scalar
from .sizes import Size, SizeVar

_ids = count(1)

Bound: TypeAlias = Literal["", "Vector", "Number", "Ordered", "Tuple"]


@node(frozen=True, slots=True)
class Array:
    """`elem` is never itself an Array: `T[m][n]` is `T[n, m]`."""

    elem: Type
    dims: tuple[Size, ...]


@node(frozen=True, slots=True)
class Ranked:
    """`T[..]`: an array of any rank; `shape` tells one parameter's shape from another's."""

    elem: Type
    shape: int = field(default_factory=lambda: next(_ids))


@node(frozen=True, slots=True)
class Tuple:
    parts: tuple[Type, ...]


UNIT = Tuple(())


@node(frozen=True, slots=True)
class Constraint:
    """What a field or hole of type Float (or array) must satisfy. Bounds are typed expressions' values.

    kind `above` is `> low`, `at_least` is `>= low`, `at_most` is `<= high`, `between` is the open interval.
    """

    kind: Literal["above", "at_least", "at_most", "between", "simplex", "ordered"]
    low: float | None = None
    high: float | None = None


@node(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    constraint: Constraint | None
    fixed: bool
    span: Span = field(repr=False, compare=False)


@dataclass(eq=False, slots=True)
class StructDecl:
    """A declared struct; `fields` have the type parameters of the declaration in them.

    `params` are its type variables and size variables in order. Filled in after creation, because structs mention
    each other. Methods are found by name in the checker's scope tables.
    """

    name: str
    span: Span
    params: tuple[TypeVar | SizeVar, ...] = ()
    fields: tuple[Field, ...] = ()
    doc: str = ""
    info: object = field(default=None, repr=False)
    """What only the checker knows: methods and defaults."""


@node(frozen=True, slots=True)
class Struct:
    decl: StructDecl
    args: tuple[Type | Size, ...]


@node(frozen=True, slots=True)
class TangentOf:
    """`Tangent[P]` of a constrained struct P."""

    struct: Struct


@node(frozen=True, slots=True)
class VariantOf:
    name: str
    payload: tuple[Type, ...]
    span: Span = field(repr=False, compare=False)


@dataclass(eq=False, slots=True)
class EnumDecl:
    name: str
    span: Span
    params: tuple[TypeVar | SizeVar, ...] = ()
    variants: tuple[VariantOf, ...] = ()
    doc: str = ""


@node(frozen=True, slots=True)
class Enum:
    decl: EnumDecl
    args: tuple[Type | Size, ...]


@node(frozen=True, slots=True)
class FnType:
    """The type of a function value."""

    params: tuple[Type, ...]
    result: Type


@node(frozen=True, slots=True)
class TypeVar:
    """A rigid type variable of a generic definition."""

    name: str
    bound: Bound = ""
    id: int = field(default_factory=lambda: next(_ids))


@node(frozen=True, slots=True)
class Meta:
    """A type that inference has still to find."""

    id: int = field(default_factory=lambda: next(_ids))


@node(frozen=True, slots=True)
class Never:
    """The type of an expression that never gives a value: `return`, a block that ends in a jump."""


@node(frozen=True, slots=True)
class Wrong:
    """The type of a wrong expression: it goes with everything, so that one mistake makes one error."""


Type: TypeAlias = Scalar | Array | Ranked | Tuple | Struct | TangentOf | Enum | FnType | TypeVar | Meta | Never | Wrong

NEVER, WRONG = Never(), Wrong()
NUMBERS = (INT, FLOAT, FLOAT32)


def array(elem: Type, dims: tuple[Size, ...]) -> Type:
    """The array type with `dims` in front of the dimensions of `elem`; `elem` itself where there are none."""
    if not dims:
        return elem
    if isinstance(elem, Array):
        return Array(elem.elem, dims + elem.dims)
    return Array(elem, dims)


def substitute(t: Type, types: dict[TypeVar | Meta, Type], sizes: dict[object, Size]) -> Type:
    """`t` with type variables and size atoms replaced."""

    def size(s: Size) -> Size:
        return s.replace(sizes)  # type: ignore[arg-type]

    return transform(t, lambda v: types.get(v, v), size)


def transform(t: Type, leaf: Callable[[TypeVar | Meta], Type], size: Callable[[Size], Size]) -> Type:
    """`t` rebuilt with `leaf` applied to its variables and `size` to its sizes."""
    match t:
        case TypeVar() | Meta():
            return leaf(t)
        case Array(elem, dims):
            return array(transform(elem, leaf, size), tuple(map(size, dims)))
        case Ranked(elem, shape):
            return Ranked(transform(elem, leaf, size), shape)
        case Tuple(parts):
            return Tuple(tuple(transform(p, leaf, size) for p in parts))
        case Struct(decl, args):
            return Struct(decl, _args(args, leaf, size))
        case TangentOf(Struct(decl, args)):
            return TangentOf(Struct(decl, _args(args, leaf, size)))
        case Enum(decl, args):
            return Enum(decl, _args(args, leaf, size))
        case FnType(params, result):
            return FnType(tuple(transform(p, leaf, size) for p in params), transform(result, leaf, size))
        case _:
            return t


def _args(
    args: tuple[Type | Size, ...],
    leaf: Callable[[TypeVar | Meta], Type],
    size: Callable[[Size], Size],
) -> tuple[Type | Size, ...]:
    return tuple(size(a) if isinstance(a, Size) else transform(a, leaf, size) for a in args)


def instantiate(decl: StructDecl | EnumDecl, args: tuple[Type | Size, ...], t: Type) -> Type:
    """A type written inside `decl` (a field's, a payload's) with the declaration's parameters replaced by `args`."""
    types: dict[TypeVar | Meta, Type] = {}
    sizes: dict[object, Size] = {}
    for p, a in zip(decl.params, args, strict=True):
        if isinstance(p, SizeVar):
            assert isinstance(a, Size)
            sizes[p] = a
        else:
            assert not isinstance(a, Size)
            types[p] = a
    return substitute(t, types, sizes)


def show(t: Type) -> str:
    """The type as a user writes it."""
    match t:
        case Scalar(name):
            return name
        case Array(elem, dims):
            inner = show(elem)
            if isinstance(elem, FnType):
                inner = f"({inner})"
            return f"{inner}[{', '.join(map(str, dims))}]"
        case Ranked(elem):
            return f"{show(elem)}[..]"
        case Tuple((part,)):
            return f"({show(part)},)"
        case Tuple(parts):
            return f"({', '.join(map(show, parts))})"
        case Struct(decl, args) | Enum(decl, args):
            if not args:
                return decl.name
            return f"{decl.name}[{', '.join(str(a) if isinstance(a, Size) else show(a) for a in args)}]"
        case TangentOf(struct):
            return f"Tangent[{show(struct)}]"
        case FnType(params, result):
            return f"({', '.join(map(show, params))}) -> {show(result)}"
        case TypeVar(name):
            return name
        case Never():
            return "no value"
        case _:
            return "_"


__all__ = [
    "BOOL", "FLOAT", "FLOAT32", "INT", "KEY", "STRING", "NEVER", "NUMBERS", "UNIT", "WRONG",
    "Array", "Bound", "Constraint", "Enum", "EnumDecl", "Field", "FnType", "Meta", "Never", "Ranked",
    "Scalar", "Struct", "StructDecl", "TangentOf", "Tuple", "Type", "TypeVar", "VariantOf", "Wrong",
    "array", "instantiate", "show", "substitute", "transform",
]  # fmt: skip
