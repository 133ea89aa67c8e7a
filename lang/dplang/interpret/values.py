"""Values of a running program: how arrays are made, owned, grown and compared.

Arrays are values. An array that nobody else holds is updated in place, and who holds it is what Python counts anyway:
every name, view, payload and caller holds a reference. A view holds the array it looks into (`base`), so the owner of a
view is alone only if the array behind it is held by that view alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any, TypeAlias

import numpy as np

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, ArrayType, Scalar, Type
from ..errors import Fault, Span
from ..errors.runtime import NegativeSize, OutOfMemory

Array: TypeAlias = Any  # an ndarray; its static type would only get in the way of `item`

_DTYPES = {FLOAT: np.float64, FLOAT32: np.float32, INT: np.int64, BOOL: np.bool_, KEY: np.uint64}


def dtype_of(t: Type) -> np.dtype[Any]:
    """The dtype of arrays of `t`, or of its elements."""
    elem = t.elem if isinstance(t, ArrayType) else t
    return np.dtype(_DTYPES.get(elem, object) if isinstance(elem, Scalar) else object)


def scalar_of(t: Type) -> Callable[[Any], Any]:
    """What makes a NumPy scalar (or 0-dimensional result) a value of scalar type `t`."""
    kinds: dict[Type, Callable[[Any], Any]] = {FLOAT: float, FLOAT32: np.float32, INT: int, BOOL: bool, KEY: int}
    return kinds.get(t, lambda v: v)


# ---- memory

LARGE = 1 << 28
"""Allocations above this many bytes are compared with the memory that is free: systems promise more than they have."""


def free_memory() -> int | None:
    """Bytes that could be had now, where the system tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def used_memory() -> int | None:
    """Bytes that this process has now, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as text:
            return int(text.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def allocate(shape: Sequence[int], dtype: np.dtype[Any], span: Span, limit: int | None = None) -> Array:
    """An array with arbitrary contents; a diagnostic where there is no room for it or a size is negative."""
    size = dtype.itemsize
    for n in shape:
        if n < 0:
            raise Fault(NegativeSize(span, n))
        size *= n
    if size > LARGE or limit is not None:
        room = free_memory() if size > LARGE else None
        if (room is not None and size > room) or (limit is not None and size > limit):
            raise Fault(OutOfMemory(span, size))
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError, OverflowError):
        raise Fault(OutOfMemory(span, size)) from None


def fill(shape: Sequence[int], v: Any, dtype: np.dtype[Any], span: Span, limit: int | None = None) -> Array:
    made = allocate(shape, dtype, span, limit)
    made.fill(v)
    return made


def from_list(items: list[Any], dtype: np.dtype[Any]) -> Array:
    """A row of scalars or enum values."""
    if dtype.hasobject:
        made = np.empty(len(items), dtype)
        for i, v in enumerate(items):  # assigning the list would take tuples apart
            made[i] = v
        return made
    return np.array(items, dtype)


def stack(items: list[Any], t: ArrayType) -> Array:
    """Values of one shape, one more dimension in front. Of no values, unknown dimensions behind are 0."""
    dtype = dtype_of(t)
    if len(t.dims) == 1:
        return from_list(items, dtype)
    if not items:
        return np.empty((0, *(d or 0 for d in t.dims[1:])), dtype)
    made = np.empty((len(items), *items[0].shape), dtype)
    for i, v in enumerate(items):
        made[i] = v
    return made


# ---- ownership


def _counts() -> tuple[int, int, int]:
    """The counts of references that Python shows for a value that only a local variable holds: in the function that
    asks, in one that it was passed to, and in one more. Versions of Python differ."""

    def asked(value: object) -> int:
        return getrefcount(value)

    def through(value: object) -> int:
        return asked(value)

    value = object()
    return getrefcount(value), asked(value), through(value)


ALONE, PASSED, PASSED_ON = _counts()


class Growing(np.ndarray[Any, Any]):
    """The buffer behind an array that is pushed to; `used` says how many of its positions that array has.

    The array itself is a plain view. As one of the array's own views can have `used` elements only if it is all of it,
    comparing sizes tells whether an array ends where the buffer goes on.
    """

    used: int


def owned(a: Array, count: int = PASSED) -> bool:
    """Whether the caller, in one local variable, is the only one to hold `a` and what it looks into."""
    if getrefcount(a) != count or not a.flags.writeable:
        return False
    base = a.base
    if base is None:
        return bool(a.flags.owndata)
    # one reference more than a local variable: that of the view
    return isinstance(base, np.ndarray) and base.base is None and getrefcount(base) == ALONE + 1 and base.flags.owndata


def claim(a: Array) -> Array:
    """`a` itself if its caller is the only one to hold it, else a copy."""
    return a if owned(a, PASSED_ON) else a.copy()


def push(a: Array, v: Any, mine: bool) -> Array:
    """`a` with `v` behind its last element. `mine`: nobody else holds it, so it may move on in its buffer."""
    n = len(a)
    base = a.base
    if not (mine and type(base) is Growing and base.used == n and base.shape[1:] == a.shape[1:] and n < len(base)):
        base = np.ndarray.__new__(Growing, (max(8, n + n // 2), *a.shape[1:]), a.dtype)
        base[:n] = a
    base[n] = v
    base.used = n + 1
    return np.ndarray((n + 1, *a.shape[1:]), a.dtype, base)


# ---- comparison


def equal(x: Any, y: Any) -> bool:
    """Whether two values of one type are equal. Iterative: enum values may be deep."""
    pending = [(x, y)]
    while pending:
        a, b = pending.pop()
        if isinstance(a, tuple):
            if a[0] != b[0]:
                return False
            pending.extend(zip(a[1:], b[1:], strict=True))
        elif isinstance(a, np.ndarray):
            if a.shape != b.shape:
                return False
            if a.dtype.hasobject:
                pending.extend(zip(a.flat, b.flat, strict=True))
            elif not (a == b).all():
                return False
        elif a != b:
            return False
    return True
