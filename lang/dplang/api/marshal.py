"""Python values to values of dp and back. Arrays are copied on their way out, so that nothing is shared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.sizes import Size
from ..core.types import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    STRING,
    Array,
    Enum,
    FnType,
    Scalar,
    Struct,
    TangentOf,
    Tuple,
    Type,
    array,
    show,
)
from ..errors.python import IntTooLarge, NoCounterpart, OtherLoad, Ragged
from ..errors.source import NOWHERE
from ..lower.shape import Group
from ..values import Held, split
from .faults import Error

if TYPE_CHECKING:
    from .loaded import Loaded

_KINDS: dict[str, Scalar] = {"b": BOOL, "i": INT, "u": INT, "f": FLOAT}
_DTYPES = {BOOL: np.bool_, INT: np.int64, FLOAT: np.float64, FLOAT32: np.float32, KEY: np.uint64, STRING: object}


@dataclass(frozen=True, slots=True)
class Key:
    """A random key: made by `dp.key(seed)`, used by functions of dp that draw random numbers."""

    bits: int


# ---- into dp


def into(x: object, home: Loaded) -> Held:
    """The value of dp that a Python value is, by its own type."""
    from .records import Value

    match x:
        case Held():
            return x
        case Value():
            if x._dp_home is not home:
                raise Error(OtherLoad(NOWHERE, show(x._dp_held.type)))
            return x._dp_held
        case bool() | np.bool_():
            return _scalar(BOOL, bool(x), home)
        case int() | np.integer():
            return _scalar(INT, _int(int(x)), home)
        case np.generic() if x.dtype.kind == "f" and x.dtype.itemsize < 8:
            return _scalar(FLOAT32, np.float32(x), home)
        case float():
            return _scalar(FLOAT, float(x), home)
        case str():
            return _scalar(STRING, str(x), home)
        case Key(bits):
            return _scalar(KEY, bits, home)
        case tuple():
            return _tuple([into(p, home) for p in x])
        case list() | range():
            return _list(x, home)
    if isinstance(x, np.ndarray):
        return _array(x, home)
    if hasattr(x, "__array__") and not isinstance(x, type | np.generic):
        try:
            a = np.asarray(x)
        except Exception:  # whatever the value's own method may raise
            raise Error(NoCounterpart(NOWHERE, describe(x), "its conversion to an array fails")) from None
        return _array(a, home)
    raise Error(NoCounterpart(NOWHERE, describe(x), _hint(x)))


def _scalar(t: Type, value: object, home: Loaded) -> Held:
    return Held(t, home.outline(t), (value,))


def _int(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise Error(IntTooLarge(NOWHERE, value))
    return value


def _tuple(parts: list[Held]) -> Held:
    leaves = tuple(leaf for p in parts for leaf in p.leaves)
    return Held(Tuple(tuple(p.type for p in parts)), Group(tuple(p.shape for p in parts)), leaves)


def _array(a: np.ndarray[Any, Any], home: Loaded) -> Held:
    if isinstance(a, np.ma.MaskedArray):
        raise Error(NoCounterpart(NOWHERE, "a masked array", "fill what is masked: `x.filled(0.0)`"))
    if a.ndim == 0:
        return into(a.item() if a.dtype != np.float32 else a[()], home)
    kind, dtype = a.dtype.kind, a.dtype
    if kind in "UO":
        return into(a.tolist(), home)
    if kind == "f" and dtype.itemsize < 8:
        elem: Scalar | None = FLOAT32
    elif dtype == np.uint64:
        elem = KEY
    else:
        elem = _KINDS.get(kind)
    if elem is None or dtype.itemsize > 8:
        raise Error(NoCounterpart(NOWHERE, f"an array of {dtype}", "convert it: `x.astype(float)`"))
    t = array(elem, tuple(map(Size.of, a.shape)))
    made: np.ndarray[Any, Any] = np.ascontiguousarray(a, _DTYPES[elem])
    return Held(t, home.outline(t), (made,))


def _list(items: Sequence[Any], home: Loaded) -> Held:
    kinds = set(map(type, items))
    if kinds <= {int} or kinds <= {int, float} or kinds == {bool}:
        elem = BOOL if kinds == {bool} else INT if kinds <= {int} else FLOAT
        if elem == INT:
            for v in items:
                _int(v)
        t = Array(elem, (Size.of(len(items)),))
        return Held(t, home.outline(t), (np.array(items, _DTYPES[elem]),))
    return _stack([into(v, home) for v in items], home)


def _stack(items: list[Held], home: Loaded) -> Held:
    """An array of values of one type; Ints among Floats are widened."""
    first = max(items, key=lambda v: split(v.type)[0] == FLOAT)
    for i, v in enumerate(items):
        if v.type != first.type and _widened(v.type) != first.type:
            other = i or items.index(first)
            raise Error(Ragged(NOWHERE, show(items[0].type), show(items[other].type), other))
    if isinstance(split(first.type)[0], FnType):
        raise Error(NoCounterpart(NOWHERE, "a list of functions"))
    t = array(first.type, (Size.of(len(items)),))
    shape = home.outline(t)
    if isinstance(shape, Group) and shape.units:
        return Held(t, shape, (np.zeros([s.constant or 0 for s in split(t)[1]], np.int64),))
    leaves = tuple(_stack_leaf(leaf) for leaf in zip(*(v.leaves for v in items), strict=True))
    if split(first.type)[0] == FLOAT:
        leaves = tuple(np.asarray(leaf, np.float64) for leaf in leaves)
    return Held(t, shape, leaves)


def _widened(t: Type) -> Type:
    elem, dims = split(t)
    return array(FLOAT, dims) if elem == INT else t


def _stack_leaf(values: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    first = values[0]
    if isinstance(first, np.ndarray):
        return np.stack(values)
    if isinstance(first, tuple | str):
        made = np.empty(len(values), object)
        for i, v in enumerate(values):  # assigning all at once would take tuples apart
            made[i] = v
        return made
    return np.array(values, np.float32 if isinstance(first, np.float32) else None)


def describe(x: object) -> str:
    if x is None:
        return "None"
    if isinstance(x, type):
        return f"the class {x.__name__}"
    kind = type(x)
    name = kind.__name__ if kind.__module__ in ("builtins", "numpy") else f"{kind.__module__}.{kind.__name__}"
    return f"a Python value of type {name}"


def _hint(x: object) -> str:
    if callable(x) and not isinstance(x, type):
        return "functions given to dp must be functions of dp"
    if isinstance(x, complex | np.complexfloating):
        return "dp has real numbers only: pass the real and the imaginary part"
    if isinstance(x, set | frozenset | dict | Iterator):
        return "pass a list, a tuple or an array"
    return ""


# ---- out of dp


def out_of(value: Held, home: Loaded) -> Any:
    """The Python value that a value of dp is: a number, an array, a tuple, or an instance of a class of `home`."""
    elem, dims = split(value.type)
    match elem:
        case Scalar():
            return _leaf(elem, value.leaves[0])
        case Tuple(()) if not dims:
            return None
        case Tuple():
            return _rows(value, home, len(dims)) if dims else tuple(out_of(p, home) for p in value.parts())
        case Struct() | TangentOf():
            return home.record(value)
        case Enum():
            return _variants(value.leaves[0], elem, home) if dims else home.variant(value)
        case FnType():
            return home.function(value)
        case _:
            raise AssertionError(f"no value has the type {show(value.type)}")


def _leaf(elem: Scalar, leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return np.array(leaf, order="C")
    return Key(leaf) if elem == KEY else leaf


def _variants(values: np.ndarray[Any, Any], elem: Enum, home: Loaded) -> np.ndarray[Any, Any]:
    made = np.empty(values.shape, object)
    outline = home.outline(elem)
    for i, v in np.ndenumerate(values):
        made[i] = home.variant(Held(elem, outline, (v,)))
    return made


def _rows(value: Held, home: Loaded, rank: int) -> list[Any]:
    """An array of tuples as (nested) lists of tuples."""
    rows = [element(value, i, home) for i in range(len(value.leaves[0]))]
    return [_rows(r, home, rank - 1) if rank > 1 else out_of(r, home) for r in rows]


def element(value: Held, index: Any, home: Loaded) -> Held:
    """What stands at an index (or slice) of the first dimension of an array of structs or tuples."""
    elem, dims = split(value.type)
    leaves = tuple(_item(leaf, index) for leaf in value.leaves)
    rest = dims[1:] if isinstance(index, int) else (Size.of(len(leaves[0])), *dims[1:])
    t = array(elem, rest)
    units = isinstance(value.shape, Group) and value.shape.units
    return Held(t, home.outline(t), () if units and not rest else leaves)


def _item(leaf: np.ndarray[Any, Any], index: Any) -> Any:
    v = leaf[index]
    return v.item() if isinstance(v, np.generic) and not isinstance(v, np.float32) else v
