"""Sizes of primal arrays as far as the code tells: to know that a loop runs over all of an array, and to name a size
without the array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ..core.build import ZERO
from ..core.ir import INT, ArrayType, Build, Dim, Fill, Let, Lit, Loop, Operand, Update, Var

if TYPE_CHECKING:
    from .region import Region


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of an array of which nothing else is known."""

    root: Var
    axis: int


Measure: TypeAlias = Operand | Extent


def measure(region: Region, v: Var, axis: int, inner: Mapping[str, Let] | None = None) -> Measure:
    """A size of an array: a constant, a name, or that of another array. `inner` are bindings of a block not entered."""
    assert isinstance(v.type, ArrayType)
    known = v.type.dims[axis]
    if known is not None:
        return Lit(known, INT)
    let = (inner or {}).get(v.name) or region.definition(v)
    match let.value if let else None:
        case Fill(shape):
            return named(region, shape[axis])
        case Update("set" | "add", Var() as x):
            return measure(region, x, axis, inner)
        case Loop() as loop if let is not None:
            return _built(region, let, loop, v, axis)
        case _:
            return Extent(v, axis)


def named(region: Region, o: Operand) -> Measure:
    """An Int as the size that it is, if it is one."""
    let = region.definition(o) if isinstance(o, Var) else None
    if let is not None and isinstance(let.value, Dim) and isinstance(let.value.x, Var):
        return measure(region, let.value.x, let.value.axis)
    return o


def _built(region: Region, let: Let, loop: Loop, v: Var, axis: int) -> Measure:
    k = let.names.index(v)
    if not isinstance(loop.results[k], Build) or loop.low != ZERO:
        return Extent(v, axis)
    if axis == 0:
        return named(region, loop.high)
    end = loop.body.results[k]
    if isinstance(end, Var):
        inside = {w.name: x for x in loop.body.lets for w in x.names}
        found = measure(region, end, axis - 1, inside)
        root = found.root if isinstance(found, Extent) else found
        if isinstance(root, Lit) or region.knows(root.name):
            return found
    return Extent(v, axis)


def is_size(m: Measure) -> bool:
    """Whether it is certainly no negative number."""
    return isinstance(m, Extent) or (isinstance(m, Lit) and int(m.value) >= 0)
