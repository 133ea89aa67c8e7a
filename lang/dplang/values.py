"""Values of a program outside of it: their type, their structure, and the leaves that make them up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from .core.sizes import Size, SizeVar
from .core.types import (
    Array,
    Enum,
    Struct,
    TangentOf,
    Tuple,
    Type,
    TypeVar,
    array,
    instantiate,
    transform,
)
from .lower.layout import fields
from .lower.shape import Group, Shape
from .lower.shape import leaves as leaves_of

Leaves: TypeAlias = tuple[Any, ...]
Outline: TypeAlias = Callable[[Type], Shape]
"""The structure of values of a data type."""
Found: TypeAlias = dict[SizeVar | TypeVar, Size | Type]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A value of the language outside a running program.

    `shape` tells how leaves make it up, and which code its function values run; of its operands only the types count.
    """

    type: Type
    shape: Shape
    leaves: Leaves

    def parts(self) -> Iterator[Held]:
        """The parts of a tuple or the fields of a struct; of an array of them, the array of each part."""
        elem, dims = split(self.type)
        types = [t for _, t in fields(elem)] if isinstance(elem, Struct | TangentOf) else list(_parts(elem))
        assert isinstance(self.shape, Group) and not self.shape.units
        k = 0
        for t, shape in zip(types, self.shape.parts, strict=True):
            n = count(shape)
            yield Held(array(t, dims), shape, self.leaves[k : k + n])
            k += n


def split(t: Type) -> tuple[Type, tuple[Size, ...]]:
    """The element type and the dimensions; no dimensions for what is no array."""
    return (t.elem, t.dims) if isinstance(t, Array) else (t, ())


def count(shape: Shape) -> int:
    """How many leaves make up a value of this structure."""
    return sum(1 for _ in leaves_of(shape))


def _parts(t: Type) -> tuple[Type, ...]:
    assert isinstance(t, Tuple), "only tuples and structs have parts"
    return t.parts


def payload(value: Held, outline: Outline) -> Iterator[tuple[Type, Held]]:
    """The payload of an enum value: each part with its type as declared."""
    t = value.type
    assert isinstance(t, Enum)
    tag, *leaves = value.leaves[0]
    k = 0
    for declared in t.decl.variants[tag].payload:
        own = instantiate(t.decl, t.args, declared)
        shape = outline(own)
        n = count(shape)
        yield declared, Held(own, shape, tuple(leaves[k : k + n]))
        k += n


# ---- sizes as they turned out


def measured(value: Held, outline: Outline) -> Held:
    """The same value with its sizes as numbers, where its type names sizes that were found at run time."""
    if not any(s.constant is None for s in sizes_of(value.type)):
        return value
    return Held(_concrete(value.type, value, 0, outline), value.shape, value.leaves)


def sizes_of(t: Type) -> list[Size]:
    """All sizes in a type."""
    found: list[Size] = []

    def size(s: Size) -> Size:
        found.append(s)
        return s

    transform(t, lambda v: v, size)
    return found


def _concrete(t: Type, value: Held, rank: int, outline: Outline) -> Type:
    """`t` with the sizes that `value` has, which is of this type or an array of it with `rank` dimensions in front."""
    match t:
        case Array(elem, dims):
            sizes = _dims_of(value)[rank : rank + len(dims)]
            return array(_concrete(elem, value, rank + len(dims), outline), tuple(map(Size.of, sizes)) or dims)
        case Tuple(parts):
            inside = zip(parts, _inside(value), strict=False)
            return Tuple(tuple(_concrete(p, v, rank, outline) for p, v in inside))
        case Struct():
            return _concrete_struct(t, value, rank, outline)
        case TangentOf(struct):
            return TangentOf(_concrete_struct(struct, value, rank, outline))
        case Enum():
            return _concrete_enum(t, value, outline)
        case _:
            return t


def _concrete_struct(t: Struct, value: Held, rank: int, outline: Outline) -> Struct:
    found: Found = {}
    for (f, own), v in zip(fields(t), _inside(value), strict=False):
        _solve(f.type, _concrete(own, v, rank, outline), found)
    return Struct(t.decl, _arguments(t, found))


def _concrete_enum(t: Enum, value: Held, outline: Outline) -> Enum:
    """Sizes inside an enum value are found by looking for payloads that have them."""
    found: Found = {}
    leaf = value.leaves[0]
    waiting = [leaf] if isinstance(leaf, tuple) else list(leaf.flat)
    while waiting and len(found) < len(t.decl.params):
        for declared, part in payload(Held(t, value.shape, (waiting.pop(),)), outline):
            if part.type == t:
                waiting.append(part.leaves[0])
            else:
                _solve(declared, _concrete(part.type, part, 0, outline), found)
    return Enum(t.decl, _arguments(t, found))


def _arguments(t: Struct | Enum, found: Found) -> tuple[Type | Size, ...]:
    return tuple(found.get(p, a) for p, a in zip(t.decl.params, t.args, strict=True))


def _solve(t: Type, actual: Type, found: Found) -> None:
    """Finds the variables of `t` by comparing it with the type `actual`, which has none."""
    match t, actual:
        case TypeVar(), _:
            found.setdefault(t, actual)
        case Array(elem, dims), Array(other, sizes) if len(dims) <= len(sizes):
            for d, s in zip(dims, sizes, strict=False):
                _solve_size(d, s, found)
            _solve(elem, array(other, sizes[len(dims) :]), found)
        case Tuple(parts), Tuple(others):
            for a, b in zip(parts, others, strict=True):
                _solve(a, b, found)
        case (Struct(_, args), Struct(_, others)) | (Enum(_, args), Enum(_, others)):
            for x, y in zip(args, others, strict=True):
                if isinstance(x, Size) and isinstance(y, Size):
                    _solve_size(x, y, found)
                elif not isinstance(x, Size) and not isinstance(y, Size):
                    _solve(x, y, found)
        case _:
            pass


def _solve_size(size: Size, actual: Size, found: Found) -> None:
    if isinstance(size.atom, SizeVar) and actual.constant is not None:
        found.setdefault(size.atom, actual)


def _inside(value: Held) -> Iterator[Held]:
    """The parts of a value; of an array of empty ones there are none."""
    if isinstance(value.shape, Group) and not value.shape.units:
        yield from value.parts()


def _dims_of(value: Held) -> tuple[int, ...]:
    return tuple(value.leaves[0].shape) if value.leaves else ()
