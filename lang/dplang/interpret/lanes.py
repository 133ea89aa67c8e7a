"""What runs of whole-array loops are made of: values for all turns at once, called lanes.

A lane at level L has L leading axes, one for each of the L nested loops around it, of the number of turns or of size
1 where it does not depend on that loop; behind them stand the dimensions of the value itself. Whatever sequential
execution would have to say about a turn (a fault, an index outside) makes the run give up (`Bail`), and the turns are
made one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .rows import Code, Frame
from .values import Array

LARGEST = 1 << 20
"""Elements of one lane, at most; longer loops run in pieces."""


class Bail(Exception):
    """The loop has to run turn by turn."""


class TooMany(Exception):
    """One lane would have this many elements."""

    def __init__(self, elements: int) -> None:
        super().__init__(elements)
        self.elements = elements


@dataclass(frozen=True, slots=True)
class Affine:
    """scale * index + offset, for the index of the loop at a level; `offset` is code."""

    level: int
    scale: int
    offset: Code
    low: Code
    trips: int  # the slot that holds the number of turns

    def ends(self, e: Frame) -> tuple[int, int]:
        """The values in the first and the last turn."""
        first = self.scale * self.low(e) + self.offset(e)
        return first, first + self.scale * (e[self.trips] - 1)

    def span(self, e: Frame, size: int) -> slice:
        """The positions in a dimension of this size."""
        first, last = self.ends(e)
        if not (0 <= first < size and 0 <= last < size):
            raise Bail
        if self.scale > 0:
            return slice(first, last + 1, self.scale)
        return slice(first, last - 1 if last > 0 else None, self.scale)

    def values(self, e: Frame) -> Array:
        first, last = self.ends(e)
        if not -(1 << 63) <= min(first, last) <= max(first, last) < 1 << 63:
            raise Bail
        step = self.scale
        return np.arange(first, last + (1 if step > 0 else -1), step)


Index: TypeAlias = Affine | Code


def expansion(levels: Sequence[int], level: int) -> tuple[Any, ...] | None:
    """NumPy's index that puts axes of size 1 where a value with axes for `levels` has none; None if it has all."""
    if len(levels) == level:
        return None
    return (*(slice(None) if k in levels else None for k in range(1, level + 1)), Ellipsis)


def sliced(x: Code, indices: Sequence[Index], level: int) -> Code:
    """Elements or rows of an array at affine positions of different levels and at fixed ones: a view."""
    levels = [i.level for i in indices if isinstance(i, Affine)]
    expand = expansion(levels, level)
    order = None if levels == sorted(levels) else np.argsort(levels).tolist()
    if len(indices) == 1 and isinstance(indices[0], Affine) and expand is None:
        only = indices[0]

        def row(e: Frame) -> Array:
            a = x(e)
            return a[only.span(e, len(a))]

        return row

    def view(e: Frame) -> Array:
        a = x(e)
        v = a[place(indices, e, a.shape)]
        if order is not None:
            v = v.transpose(*order, *range(len(order), v.ndim))
        return v if expand is None else v[expand]

    return view


def place(indices: Sequence[Index], e: Frame, shape: Sequence[int]) -> tuple[Any, ...]:
    """NumPy's index for affine and fixed positions."""
    found: list[Any] = []
    for i, size in zip(indices, shape, strict=False):
        found.append(i.span(e, size) if isinstance(i, Affine) else fixed(i(e), size))
    return tuple(found)


def spread(affine: Affine, level: int) -> Code:
    """Affine positions as a lane."""
    expand = expansion([affine.level], level)
    return affine.values if expand is None else (lambda e: affine.values(e)[expand])


def fixed(i: int, size: int) -> int:
    if not 0 <= i < size:
        raise Bail
    return i


def gathered(x: Code, indices: Sequence[Code], mask: Code | None, lead: int = 0) -> Code:
    """Elements or rows at positions that are lanes or fixed. Where the mask is false a position does not matter.

    With `lead` axes, x is itself a lane: each turn reads its own array.
    """

    def pick(e: Frame) -> Array:
        a = x(e)
        place: list[Any] = []
        for axis in range(lead):
            size = a.shape[axis]
            shape = [1] * lead
            shape[axis] = size
            place.append(np.arange(size).reshape(shape) if size > 1 else 0)
        for k, code in enumerate(indices):
            place.append(inside(code(e), a.shape[lead + k], None if mask is None else mask(e)))
        return a[tuple(place)]

    return pick


def inside(index: Any, size: int, mask: Any) -> Any:
    low, high = (index.min(), index.max()) if isinstance(index, np.ndarray) else (index, index)
    if low >= 0 and high < size:
        return index
    bad = (index < 0) | (index >= size)
    if size == 0 or mask is None or np.logical_and(bad, mask).any():
        raise Bail
    return np.where(bad, 0, index)


def along(x: Code, native: int, index: Affine, level: int) -> Code:
    """The elements of lanes of arrays at affine positions of a deeper level: their first dimension becomes its axis."""
    gap = (None,) * (index.level - native - 1)
    behind = (None,) * (level - index.level)

    def view(e: Frame) -> Array:
        a = x(e)
        place = index.span(e, a.shape[native])
        return a[(slice(None),) * native + gap + (place, *behind, Ellipsis)]

    return view


def at_fixed(x: Code, native: int, index: Code) -> Code:
    """The elements of lanes of arrays at one fixed position."""

    def view(e: Frame) -> Array:
        a = x(e)
        return a[(slice(None),) * native + (fixed(index(e), a.shape[native]),)]

    return view


def lifted(x: Code, native: int, level: int) -> Code:
    """A lane at a deeper level."""
    place = (slice(None),) * native + (None,) * (level - native) + (Ellipsis,)
    return lambda e: x(e)[place]


def full(v: Array, axis: int, n: int) -> Array:
    """`v` with `n` turns on an axis, where it did not depend on that loop."""
    if v.shape[axis] == n:
        return v
    return np.broadcast_to(v, (*v.shape[:axis], n, *v.shape[axis + 1 :]))


def selected(condition: Code, then: Code, orelse: Code, own: int) -> Code:
    """np.where; the condition gets the dimensions of the values."""
    place = (Ellipsis, *(None,) * own)

    def select(e: Frame) -> Array:
        c = condition(e)
        return np.where(c[place] if own else c, then(e), orelse(e))

    return select


def stacked(parts: Sequence[Code], level: int, dtype: np.dtype[Any]) -> Code:
    """Lanes of short arrays, given by lanes of their elements."""

    def make(e: Frame) -> Array:
        values = [p(e) for p in parts]
        shape = np.broadcast_shapes((1,) * level, *(np.shape(v) for v in values))
        made = np.empty((*shape, len(values)), dtype)
        for k, v in enumerate(values):
            made[..., k] = v
        return made

    return make


def filled(shape: Sequence[Code], v: Code, dtype: np.dtype[Any]) -> Code:
    """Lanes of arrays whose elements are all the same."""

    def make(e: Frame) -> Array:
        lane = v(e)
        sizes = [s(e) for s in shape]
        if any(s < 0 for s in sizes):
            raise Bail
        limited(lane.size, sizes)
        made = np.empty((*lane.shape, *sizes), dtype)
        made[...] = lane[(Ellipsis, *(None,) * len(sizes))]
        return made

    return make


def limited(n: int, sizes: Sequence[int]) -> None:
    for s in sizes:
        n *= s
    if n > LARGEST:
        raise TooMany(n)


def demand(condition: Code, mask: Code | None) -> Code:
    """Gives up where a condition does not hold in some turn."""

    def check(e: Frame) -> None:
        c = condition(e)
        holds = c if mask is None else np.logical_or(c, np.logical_not(mask(e)))
        if not np.all(holds):
            raise Bail

    return check


@dataclass(frozen=True, slots=True)
class Op:
    """One step of a run: where its value goes, its code, and slots that nobody reads after it."""

    slot: int
    code: Code
    dead: tuple[int, ...]


def run(ops: Sequence[Op], e: Frame) -> None:
    for op in ops:
        e[op.slot] = op.code(e)
        for slot in op.dead:
            e[slot] = None


def choose(condition: Code, then: Sequence[Op], orelse: Sequence[Op]) -> Callable[[Frame], None]:
    """One of two runs, by a condition that is the same in all turns."""
    return lambda e: run(then if condition(e) else orelse, e)
