"""Values of enums and Strings on their way into a kernel and out of it.

The interpreter has tuples of a tag and payload; a kernel has parts and nodes (`layouts`, `arena`). Trees may be deep
and share subtrees, so they are walked without recursion and each node once; what went in comes out as it was.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, STRING, ArrayType, EnumType, Fn, Scalar, Type
from ..interpret.values import dtype_of
from .layouts import DEFAULTS, Layouts, is_plain, string_number
from .nodes import CHUNK, PLAIN, TAGS

CODES = {FLOAT: "d", FLOAT32: "f4x", INT: "q", BOOL: "?7x", KEY: "Q"}
"""How `struct` writes a word of each type."""

number_of = lru_cache(1 << 12)(string_number)


@cache
def _tags() -> tuple[Any, int]:
    words = np.arange(PLAIN, dtype=np.int64)
    return words, words.ctypes.data


def begin(ctl: Any) -> None:
    """Makes an arena ready that has nothing in it."""
    ctl[TAGS] = _tags()[1]


def end(ctl: Any) -> None:
    """Frees an arena."""
    chunk = int(ctl[CHUNK])
    while chunk:
        before = ctypes.c_int64.from_address(chunk).value
        ctypes.pythonapi.PyMem_RawFree(ctypes.c_void_p(chunk))
        chunk = before
    ctl[CHUNK] = 0


class Boundary:
    """What the values of a function are in a kernel and back. Each call has its own `Crossing`."""

    def __init__(self, fn: Fn, layouts: Layouts) -> None:
        self.params = [p.var.type for p in fn.params]
        self.results = fn.result_types
        self.layouts = layouts
        self._words: dict[tuple[str, int], struct.Struct] = {}
        self._plain: dict[tuple[str, int], tuple[str, ...] | None] = {}

    @property
    def needed(self) -> bool:
        """Whether a value is another in a kernel."""
        return not all(map(is_plain, (*self.params, *self.results)))

    def words(self, enum: str, tag: int) -> struct.Struct:
        """The words of a node behind its tag."""
        if (enum, tag) not in self._words:
            parts = [p for t in self.layouts.enums[enum].variants[tag].fields for p in self.layouts.slots(t)]
            codes = (("q" * (1 + len(p.dims))) if isinstance(p, ArrayType) else CODES[_scalar(p)] for p in parts)
            self._words[enum, tag] = struct.Struct("=" + "".join(codes))
        return self._words[enum, tag]

    def plain(self, enum: str, tag: int) -> tuple[str, ...] | None:
        """For a node whose every field is one word: the enum of each field that is a node, empty for a number. None
        for others."""
        if (enum, tag) not in self._plain:
            fields = self.layouts.enums[enum].variants[tag].fields
            fits = all((t in CODES and t != FLOAT32) or self.layouts.is_node(t) for t in fields)
            names = tuple(t.name if isinstance(t, EnumType) else "" for t in fields)
            self._plain[enum, tag] = names if fits else None
        return self._plain[enum, tag]


class Crossing:
    """One call: the values that go in, as parts, and those that come out."""

    def __init__(self, boundary: Boundary) -> None:
        self.boundary = boundary
        self.layouts = boundary.layouts
        self.strings = dict(self.layouts.strings)
        self.nodes: dict[int, int] = {}
        self.values: dict[int, Any] = {}
        self.kept: list[Any] = []
        self.missing: list[tuple[Any, str]] = []
        self.free, self.room, self.at, self.base = 0, 0, memoryview(b""), 0

    # ---- in

    def parts(self, given: Sequence[Any]) -> tuple[Any, ...]:
        """The parts of the arguments."""
        return tuple(p for t, v in zip(self.boundary.params, given, strict=True) for p in self.whole(t, v))

    def whole(self, t: Type, v: Any) -> list[Any]:
        parts = self.split(t, v)
        if not self.missing:
            return parts
        pending, self.missing = self.missing, []
        while pending:
            value, enum = pending[-1]
            if id(value) not in self.nodes and (address := self.write(value, enum)) is not None:
                self.nodes[id(value)] = address
                self.values[address] = value
            if self.missing:
                pending += self.missing
                self.missing = []
            else:
                pending.pop()
        return self.split(t, v)

    def split(self, t: Type, v: Any) -> list[Any]:
        """The parts of a value; nodes that are not there yet are noted as missing."""
        if isinstance(t, ArrayType):
            if is_plain(t):
                return [v]
            rows = [self.split(t.elem, e) for e in v.flat]
            slots = self.layouts.slots(t.elem)
            return [np.array([r[k] for r in rows], dtype_of(s)).reshape(v.shape) for k, s in enumerate(slots)]
        if isinstance(t, Scalar):
            return [self.string(v)] if t == STRING else [v]
        if self.layouts.is_node(t):
            return [self.node(t.name, v)]
        tag = v[0]
        made = [_nothing(s) for s in self.layouts.slots(t)]
        made[0] = tag
        for k, f in enumerate(self.layouts.enums[t.name].variants[tag].fields):
            for place, part in zip(self.layouts.place(t.name, tag, k), self.split(f, v[1 + k]), strict=True):
                made[place] = part
        return made

    def node(self, enum: str, v: Any) -> int:
        if len(v) == 1 and v[0] < PLAIN:
            return _tags()[1] + 8 * int(v[0])
        if id(v) not in self.nodes:
            self.missing.append((v, enum))
        return self.nodes.get(id(v), 0)

    def string(self, v: str) -> int:
        n = number_of(v)
        if self.strings.setdefault(n, v) != v:
            raise ValueError("two Strings have one number")
        return n

    def write(self, v: Any, enum: str) -> int | None:
        """Puts a node into memory; None where a part is missing."""
        tag = v[0]
        words: list[Any] = []
        plain = self.boundary.plain(enum, tag)
        if plain is not None:
            words = [self.node(e, f) if e else f for e, f in zip(plain, v[1:], strict=True)]
        for t, f in () if plain is not None else zip(self.layouts.enums[enum].variants[tag].fields, v[1:], strict=True):
            if t in CODES:
                words.append(f)
                continue
            for part in self.split(t, f):
                if isinstance(part, np.ndarray):
                    part = np.ascontiguousarray(part)
                    self.kept.append(part)
                    words += (part.ctypes.data, *part.shape)
                else:
                    words.append(part)
        if self.missing:
            return None
        form = self.boundary.words(enum, tag)
        size = 8 + form.size
        if self.free + size > self.room:
            self.more(size)
        _WORD.pack_into(self.at, self.free, tag)
        form.pack_into(self.at, self.free + 8, *words)
        self.free += size
        return self.base + self.free - size

    def more(self, size: int) -> None:
        self.room = max(2 * self.room, size, 1 << 12)
        chunk = np.empty(self.room, np.uint8)
        self.kept.append(chunk)
        self.free, self.at, self.base = 0, chunk.data, chunk.ctypes.data

    # ---- out

    def results(self, given: Any) -> Any:
        """The result, or the tuple of results, whose parts a kernel has given."""
        types = self.boundary.results
        rest = iter(given if isinstance(given, tuple) else (given,))
        made = [self.full(t, [next(rest) for _ in self.layouts.slots(t)]) for t in types]
        return made[0] if len(types) == 1 else tuple(made)

    def full(self, t: Type, parts: list[Any]) -> Any:
        value = self.join(t, iter(parts))
        if not self.missing:
            return value
        pending, self.missing = self.missing, []
        while pending:
            address, enum = pending[-1]
            if address not in self.values:
                made = self.read(address, enum)
                if not self.missing:
                    self.values[address] = made
            if self.missing:
                pending += self.missing
                self.missing = []
            else:
                pending.pop()
        return self.join(t, iter(parts))

    def join(self, t: Type, parts: Iterator[Any]) -> Any:
        """A value from its parts; nodes that were not read yet are noted as missing."""
        if isinstance(t, ArrayType):
            if is_plain(t):
                return next(parts)
            columns = [next(parts) for _ in self.layouts.slots(t.elem)]
            made = np.empty(columns[0].shape, object)
            for at in np.ndindex(made.shape):
                made[at] = self.join(t.elem, iter([c[at].item() for c in columns]))
            return made
        if isinstance(t, Scalar):
            return self.strings[next(parts)] if t == STRING else _value(t, next(parts))
        if self.layouts.is_node(t):
            return self.value(next(parts), t.name)
        given = [next(parts) for _ in self.layouts.slots(t)]
        tag = int(given[0])
        fields = self.layouts.enums[t.name].variants[tag].fields
        places = (self.layouts.place(t.name, tag, k) for k in range(len(fields)))
        return (tag, *(self.join(f, iter([given[j] for j in p])) for f, p in zip(fields, places, strict=True)))

    def value(self, address: int, enum: str) -> Any:
        first = _tags()[1]
        if first <= address < first + 8 * PLAIN:
            return ((address - first) // 8,)
        if address not in self.values:
            self.missing.append((address, enum))
        return self.values.get(address)

    def read(self, address: int, enum: str) -> Any:
        """The value of a node."""
        tag = ctypes.c_int64.from_address(address).value
        form = self.boundary.words(enum, tag)
        found = form.unpack(ctypes.string_at(address + 8, form.size))
        plain = self.boundary.plain(enum, tag)
        if plain is not None:
            return (tag, *[self.value(w, e) if e else w for e, w in zip(plain, found, strict=True)])
        words = iter(found)
        made: list[Any] = [tag]
        for t in self.layouts.enums[enum].variants[tag].fields:
            if t in CODES:
                made.append(_value(t, next(words)))
                continue
            parts = [
                _array(next(words), [next(words) for _ in s.dims], s) if isinstance(s, ArrayType) else next(words)
                for s in self.layouts.slots(t)
            ]
            made.append(self.join(t, iter(parts)))
        return tuple(made)


_WORD = struct.Struct("=q")


def _scalar(t: Type) -> Scalar:
    assert isinstance(t, Scalar)
    return t


def _nothing(t: Type) -> Any:
    """What stands in a slot that a variant does not use."""
    if isinstance(t, ArrayType):
        return np.zeros((0,) * len(t.dims), dtype_of(t))
    return DEFAULTS[_scalar(t)].value


def _value(t: Type, x: Any) -> Any:
    return np.float32(x) if t == FLOAT32 else x


def _array(address: int, sizes: list[int], t: ArrayType) -> Any:
    kind = dtype_of(t)
    count = int(np.prod(sizes, dtype=np.int64))
    return np.frombuffer(ctypes.string_at(address, count * kind.itemsize), kind).reshape(sizes).copy()
