"""Which types carry tangents, what their tangents are, and the vector space of structs and tuples."""

from __future__ import annotations

from ..core.ir import FLOAT, FLOAT32
from ..core.sizes import Size
from ..core.types import (
    Array,
    Enum,
    FnType,
    Meta,
    Ranked,
    Struct,
    TangentOf,
    Tuple,
    Type,
    TypeVar,
    array,
    instantiate,
)


def fields(t: Struct | TangentOf) -> list[Type]:
    """The types of the fields of a struct, or of its tangent."""
    struct = t.struct if isinstance(t, TangentOf) else t
    plain = [instantiate(struct.decl, struct.args, f.type) for f in struct.decl.fields]
    return [tangent(f) for f in plain] if isinstance(t, TangentOf) else plain


def has_tangent(t: Type, seen: frozenset[object] = frozenset()) -> bool:
    """Whether a value of type `t` has a part that a derivative can move."""
    match t:
        case Array(elem) | Ranked(elem):
            return has_tangent(elem, seen)
        case Tuple(parts):
            return any(has_tangent(p, seen) for p in parts)
        case Struct(decl):
            return decl not in seen and any(has_tangent(f, seen | {decl}) for f in fields(t))
        case TangentOf():
            return True
        case Enum(decl, args):
            payload = [p for v in decl.variants for p in v.payload]
            return decl not in seen and any(has_tangent(instantiate(decl, args, p), seen | {decl}) for p in payload)
        case TypeVar(bound=bound):
            return bound in ("Vector", "Number", "")
        case FnType() | Meta():
            return True
        case _:
            return t in (FLOAT, FLOAT32)


def is_constrained(t: Type, seen: frozenset[object] = frozenset()) -> bool:
    """Whether some field in `t` has a constraint."""
    match t:
        case Array(elem) | Ranked(elem):
            return is_constrained(elem, seen)
        case Tuple(parts):
            return any(is_constrained(p, seen) for p in parts)
        case Struct(decl):
            if decl in seen:
                return False
            inner = seen | {decl}
            return any(f.constraint is not None for f in decl.fields) or any(
                is_constrained(f, inner) for f in fields(t)
            )
        case _:
            return False


def tangent(t: Type) -> Type:
    """T(t) as derivative operators give it: the same type, whose parts without a tangent are the primal's."""
    match t:
        case Struct():
            return TangentOf(t) if is_constrained(t) else t
        case Array(elem, dims):
            return array(tangent(elem), dims)
        case Tuple(parts):
            return Tuple(tuple(map(tangent, parts)))
        case _:
            return t


def is_vector(t: Type) -> bool:
    """Whether `+`, `-` and scalar `*` exist: parts with a tangent, none of them in an enum or a function."""
    return has_tangent(t) and not _holds(t, frozenset())


def _holds(t: Type, seen: frozenset[object]) -> bool:
    """Whether an enum that carries tangents, or a function, is in `t`."""
    match t:
        case Array(elem) | Ranked(elem):
            return _holds(elem, seen)
        case Tuple(parts):
            return any(_holds(p, seen) for p in parts)
        case Struct(decl):
            return decl not in seen and any(_holds(f, seen | {decl}) for f in fields(t))
        case TangentOf(struct):
            return _holds(struct, seen)
        case Enum():
            return has_tangent(t)
        case FnType():
            return True
        case TypeVar(bound=bound):
            return bound not in ("Vector", "Number")
        case _:
            return False


def scalar_count(t: Type) -> Size | None:
    """How many Float scalars a value of type `t` has, or None where only run time knows."""
    match t:
        case Array(elem, dims):
            inner = scalar_count(elem)
            if inner is None:
                return None
            for d in dims:
                inner = inner * d
            return inner
        case Tuple(parts):
            return _total([scalar_count(p) for p in parts])
        case Struct() | TangentOf():
            return _total([scalar_count(f) for f in fields(t)])
        case Enum() | TypeVar() | Meta():
            return None if has_tangent(t) else Size.of(0)
        case _:
            return Size.of(1 if t in (FLOAT, FLOAT32) else 0)


def _total(counts: list[Size | None]) -> Size | None:
    total = Size.of(0)
    for c in counts:
        if c is None:
            return None
        total = total + c
    return total
