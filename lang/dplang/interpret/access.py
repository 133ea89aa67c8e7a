"""Closures for `Get` and `Update`: elements, rows, slices and payloads.

Elements of arrays of one and two dimensions, the common case, have closures of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any, Literal, TypeAlias, assert_never

import numpy as np

from ..core.ir import FLOAT32, INT, ArrayType, At, EnumType, Part, Path, Scalar, Slice, Type
from ..errors import Fault, Span
from ..errors.runtime import IndexOutOfRange, ReversedRange, SizesDiffer, SliceOutOfRange
from ..primitives.runtime import wrap
from .rows import Code, Frame, Source, getter
from .values import ALONE, Array, claim

Kind: TypeAlias = Literal["set", "add"]
Position: TypeAlias = int | tuple[int, int]  # an index, or the ends of a slice
Reach: TypeAlias = Callable[[Frame], list[Position]]


def outside(span: Span, index: tuple[int, ...], shape: tuple[int, ...]) -> Fault:
    """The fault of the first of the indices that is outside its dimension."""
    for axis, (i, n) in enumerate(zip(index, shape, strict=False)):
        if not 0 <= i < n:
            return Fault(IndexOutOfRange(span, i, n, axis))
    raise AssertionError("no index is outside its dimension")


def element_type(t: Type, path: Path) -> Scalar | EnumType | None:
    """The type of the element at `path`, or None where the path is no full set of indices of an array."""
    if isinstance(t, ArrayType) and len(path) == len(t.dims) and all(isinstance(s, At) for s in path):
        return t.elem
    return None


# ---- Get


def get(x: Source, t: Type, path: Path, indices: list[Source], span: Span) -> Code:
    """A closure that reads `path` of x. `indices` are the operands of the path in order."""
    elem = element_type(t, path)
    # NumPy's own scalar is wanted only for Float32
    if elem is not None and elem != FLOAT32 and x.kind == "slot" and len(path) <= 2:
        if len(path) == 1:
            return _get_1(x.what, indices[0], span)
        return _get_2(x.what, indices[0], indices[1], span)
    if len(path) == 1 and isinstance(path[0], Part):
        read, field = getter(x), path[0].field + 1
        return lambda f: read(f)[field]
    return _get_any(getter(x), path, indices, span)


def _get_1(x: int, index: Source, span: Span) -> Code:
    if index.kind == "slot":
        k: int = index.what

        def at_slot(f: Frame) -> Any:
            i = f[k]
            if i >= 0:
                try:
                    return f[x].item(i)
                except IndexError:
                    pass
            raise outside(span, (i,), f[x].shape)

        return at_slot
    position = getter(index)

    def at_code(f: Frame) -> Any:
        i = position(f)
        if i >= 0:
            try:
                return f[x].item(i)
            except IndexError:
                pass
        raise outside(span, (i,), f[x].shape)

    return at_code


def _get_2(x: int, first: Source, second: Source, span: Span) -> Code:
    if first.kind == second.kind == "slot":
        k: int = first.what
        m: int = second.what

        def at_slots(f: Frame) -> Any:
            i, j = f[k], f[m]
            if i >= 0 and j >= 0:
                try:
                    return f[x].item(i, j)
                except IndexError:
                    pass
            raise outside(span, (i, j), f[x].shape)

        return at_slots
    row, column = getter(first), getter(second)

    def at_codes(f: Frame) -> Any:
        i, j = row(f), column(f)
        if i >= 0 and j >= 0:
            try:
                return f[x].item(i, j)
            except IndexError:
                pass
        raise outside(span, (i, j), f[x].shape)

    return at_codes


def _get_any(read: Code, path: Path, indices: list[Source], span: Span) -> Code:
    reach = reacher(path, indices)

    def any_path(f: Frame) -> Any:
        # positions may move what x lies in, so x is read first
        return read_path(read(f), path, reach(f), span)

    return any_path


def reacher(path: Path, indices: list[Source]) -> Reach:
    """A closure that evaluates the operands of a path to one position a step (0 for a Part)."""
    codes = iter([getter(i) for i in indices])
    steps: list[tuple[Code, Code | None] | None] = []
    for step in path:
        match step:
            case At():
                steps.append((next(codes), None))
            case Slice():
                steps.append((next(codes), next(codes)))
            case Part():
                steps.append(None)
            case _:
                assert_never(step)

    def positions(f: Frame) -> list[Position]:
        found: list[Position] = []
        for s in steps:
            if s is None:
                found.append(0)
            elif s[1] is None:
                found.append(s[0](f))
            else:
                found.append((s[0](f), s[1](f)))
        return found

    return positions


def read_path(value: Any, path: Path, positions: list[Position], span: Span) -> Any:
    """The part of `value` at `path`."""
    k = 0
    while k < len(path):
        step = path[k]
        if isinstance(step, Part):
            value = value[step.field + 1]
            k += 1
            continue
        end = k
        while end < len(path) and not isinstance(path[end], Part):
            end += 1
        value = value[selection(value, positions[k:end], span)]
        if not isinstance(value, np.ndarray | np.float32 | tuple | str):
            value = value.item()
        k = end
    return value


def selection(a: Array, positions: list[Position], span: Span) -> tuple[int | slice, ...]:
    """The positions as NumPy's index, checked."""
    index: list[int | slice] = []
    shape = a.shape
    for axis, p in enumerate(positions):
        n = shape[axis]
        if isinstance(p, tuple):
            low, high = p
            if not 0 <= low <= high <= n:
                if high < low:
                    raise Fault(ReversedRange(span, low, high))
                raise Fault(SliceOutOfRange(span, low, high, n, axis))
            index.append(slice(low, high))
        else:
            if not 0 <= p < n:
                raise Fault(IndexOutOfRange(span, p, n, axis))
            index.append(p)
    return tuple(index)


# ---- Update


def update(
    kind: Kind,
    x: Source,
    t: Type,
    path: Path,
    indices: list[Source],
    v: Source,
    span: Span,
    own: Callable[[Array], Array] | None = None,
) -> Code:
    """A closure that gives x with `path` set to v, or v added there.

    The positions and v are evaluated before x, which is then the only thing to be held. `own` makes an array fit to be
    written to where that is not simply to claim it.
    """
    elem = element_type(t, path)
    value = getter(v)
    if elem is not None and elem != FLOAT32 and len(path) <= 2 and x.kind == "moved" and own is None:
        integer = elem == INT
        if len(path) == 2:
            return _write_2(x.what, kind, getter(indices[0]), getter(indices[1]), value, integer, span)
        if kind == "set":
            return _set_1(x.what, indices[0], value, span)
        return _add_1(x.what, getter(indices[0]), value, integer, span)
    take, reach = getter(x), reacher(path, indices)

    def any_path(f: Frame) -> Any:
        positions = reach(f)
        new = value(f)
        return write_path([take(f)], kind, path, positions, new, span, own)

    return any_path


def _set_1(x: int, index: Source, value: Code, span: Span) -> Code:
    if index.kind == "slot":
        k: int = index.what

        def at_slot(f: Frame) -> Array:
            i = f[k]
            v = value(f)
            a = f[x]
            f[x] = None
            if getrefcount(a) != ALONE or a.base is not None:
                a = claim(a)
            if i >= 0:
                try:
                    a[i] = v
                    return a
                except IndexError:
                    pass
            raise outside(span, (i,), a.shape)

        return at_slot
    position = getter(index)

    def at_code(f: Frame) -> Array:
        i = position(f)
        v = value(f)
        a = f[x]
        f[x] = None
        if getrefcount(a) != ALONE or a.base is not None:
            a = claim(a)
        if i >= 0:
            try:
                a[i] = v
                return a
            except IndexError:
                pass
        raise outside(span, (i,), a.shape)

    return at_code


def _add_1(x: int, index: Code, value: Code, integer: bool, span: Span) -> Code:
    def add(f: Frame) -> Array:
        i = index(f)
        v = value(f)
        a = f[x]
        f[x] = None
        if getrefcount(a) != ALONE or a.base is not None:
            a = claim(a)
        if i >= 0:
            try:
                v = a.item(i) + v
                a[i] = wrap(v) if integer else v
                return a
            except IndexError:
                pass
        raise outside(span, (i,), a.shape)

    return add


def _write_2(x: int, kind: Kind, row: Code, column: Code, value: Code, integer: bool, span: Span) -> Code:
    add = kind == "add"

    def write(f: Frame) -> Array:
        i, j = row(f), column(f)
        v = value(f)
        a = f[x]
        f[x] = None
        if getrefcount(a) != ALONE or a.base is not None:
            a = claim(a)
        if i >= 0 and j >= 0:
            try:
                if add:
                    v = a.item(i, j) + v
                    a[i, j] = wrap(v) if integer else v
                else:
                    a[i, j] = v
                return a
            except IndexError:
                pass
        raise outside(span, (i, j), a.shape)

    return write


def write_path(
    whole: list[Any],
    kind: Kind,
    path: Path,
    positions: list[Position],
    v: Any,
    span: Span,
    own: Callable[[Array], Array] | None,
) -> Any:
    """The only value in `whole`, with its part at `path` written to. `whole` is emptied, so that we own the value."""
    value = whole.pop()
    if not path:
        return _sum(value, v) if kind == "add" else v
    step = path[0]
    if isinstance(step, Part):
        parts = list(value)
        del value
        k = step.field + 1
        inner = [parts[k]]
        parts[k] = None
        parts[k] = write_path(inner, kind, path[1:], positions[1:], v, span, own)
        return tuple(parts)
    end = next((k for k, s in enumerate(path) if isinstance(s, Part)), len(path))
    if own is not None:
        value = own(value)
    elif getrefcount(value) != ALONE or value.base is not None:
        value = claim(value)
    where = selection(value, positions[:end], span)
    if end < len(path):
        inner = [value[where]]
        value[where] = None
        value[where] = write_path(inner, kind, path[end:], positions[end:], v, span, own)
    elif isinstance(v, np.ndarray):
        target = value[where]
        if target.shape != v.shape:
            raise differing(span, v.shape, target.shape)
        if kind == "add":
            target += v
        else:
            target[...] = v
    else:
        value[where] = _sum(value[where], v) if kind == "add" else v
    return value


def _sum(x: Any, v: Any) -> Any:
    total = x + v
    return wrap(total) if isinstance(total, int) and not isinstance(total, bool) else total


def differing(span: Span, found: tuple[int, ...], wanted: tuple[int, ...]) -> Fault:
    """The fault of two shapes that must be equal."""
    for n, m in zip(found, wanted, strict=False):
        if n != m:
            return Fault(SizesDiffer(span, n, m))
    return Fault(SizesDiffer(span, len(found), len(wanted)))
