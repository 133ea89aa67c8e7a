"""How kernels hold values of enums and Strings: what their parts are, and where each payload lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    STRING,
    ArrayType,
    EnumType,
    Lit,
    Program,
    Scalar,
    Type,
)
from ..core.rewrite import lets_of, sizeless
from .nodes import NODE, width

DEFAULTS = {
    FLOAT: Lit(0.0, FLOAT),
    FLOAT32: Lit(0.0, FLOAT32),
    INT: Lit(0, INT),
    BOOL: Lit(False, BOOL),
    KEY: Lit(0, KEY),
}
"""What stands in a slot that the variant does not use."""

Slots = tuple[Type, ...]


class Layouts:
    """How the values of each enum are taken apart.

    In each cycle of enums that hold each other one is a node, and so are elements of arrays that hold arrays.
    """

    def __init__(self, program: Program) -> None:
        self.enums = program.enums
        self.strings: dict[int, str] = {}
        self._nodes: set[str] = set()
        for name in self.enums:
            if any(name in self._reached(held) for held in self._held(name)):
                self._nodes.add(name)
        for name in _elements(program):
            if name not in self._nodes and any(map(self._has_arrays, self._reached(name))):
                self._nodes.add(name)
        self._hold: dict[str, bool] = {}
        self._slots: dict[str, Slots] = {}
        self._places: dict[tuple[str, int, int], tuple[int, ...]] = {}

    def is_node(self, t: Type) -> bool:
        """Whether values of type `t` are nodes of the arena."""
        return isinstance(t, EnumType) and t.name in self._nodes

    def holds_nodes(self, t: Type) -> bool:
        """Whether values of type `t` are nodes or hold some."""
        elem = t.elem if isinstance(t, ArrayType) else t
        if not isinstance(elem, EnumType):
            return False
        if elem.name not in self._hold:
            names = self._reached(elem.name)
            self._hold[elem.name] = any(n in self._nodes for n in names)
        return self._hold[elem.name]

    def _held(self, name: str) -> Iterator[str]:
        for variant in self.enums[name].variants:
            for t in variant.fields:
                elem = t.elem if isinstance(t, ArrayType) else t
                if isinstance(elem, EnumType):
                    yield elem.name

    def _reached(self, name: str) -> list[str]:
        """`name` and what it holds, directly or not; what nodes hold is not theirs."""
        found = [name]
        for n in found:
            if n not in self._nodes:
                found.extend(held for held in dict.fromkeys(self._held(n)) if held not in found)
        return found

    def _has_arrays(self, name: str) -> bool:
        return name not in self._nodes and any(
            isinstance(t, ArrayType) for variant in self.enums[name].variants for t in variant.fields
        )

    # ---- parts

    def slots(self, t: Type) -> Slots:
        """The types of the parts of a value of type `t`."""
        if isinstance(t, Scalar):
            return (INT,) if t == STRING else (t,)
        if isinstance(t, EnumType):
            return (NODE,) if t.name in self._nodes else self._of_enum(t.name)
        return tuple(ArrayType(p, t.dims) for p in self.slots(t.elem) if isinstance(p, Scalar))

    def place(self, enum: str, tag: int, field: int) -> tuple[int, ...]:
        """The numbers of the parts that hold a field of a variant; of a node, those of its words where they begin."""
        if enum not in self._slots:
            self._of_enum(enum)
        return self._places[enum, tag, field]

    def words(self, enum: str, tag: int) -> int:
        """How many words a node is."""
        fields = self.enums[enum].variants[tag].fields
        return 1 + sum(width(p) for t in fields for p in self.slots(t))

    def _of_enum(self, name: str) -> Slots:
        if name not in self._slots:
            lay = self._in_words if name in self._nodes else self._in_slots
            self._slots[name] = lay(name)
        return self._slots[name]

    def _in_slots(self, name: str) -> Slots:
        made: list[Type] = [INT]
        for tag, variant in enumerate(self.enums[name].variants):
            free = list(range(1, len(made)))
            for field, t in enumerate(variant.fields):
                places = []
                for part in map(sizeless, self.slots(t)):
                    k = next((k for k in free if made[k] == part), len(made))
                    if k == len(made):
                        made.append(part)
                    else:
                        free.remove(k)
                    places.append(k)
                self._places[name, tag, field] = tuple(places)
        return tuple(made)

    def _in_words(self, name: str) -> Slots:
        for tag, variant in enumerate(self.enums[name].variants):
            at = 1
            for field, t in enumerate(variant.fields):
                places = []
                for part in self.slots(t):
                    places.append(at)
                    at += width(part)
                self._places[name, tag, field] = tuple(places)
        return (NODE,)

    # ---- strings

    def number(self, text: str) -> int:
        """What stands for a String that the program writes down."""
        n = string_number(text)
        self.strings[n] = text
        return n


def is_plain(t: Type) -> bool:
    """Whether a kernel has values of this type as they are."""
    return (t.elem if isinstance(t, ArrayType) else t) in DEFAULTS


def string_number(text: str) -> int:
    """The Int that stands for a String: the same in every process, so that kernels may be kept."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little", signed=True
    )


def _elements(program: Program) -> list[str]:
    """The enums of which there are arrays."""
    types = [t for enum in program.enums.values() for variant in enum.variants for t in variant.fields]
    for fn in program.fns.values():
        types += [p.var.type for p in fn.params]
        types += [v.type for let in lets_of(fn.body) for v in let.names]
    elems = (t.elem for t in types if isinstance(t, ArrayType))
    return list(dict.fromkeys(e.name for e in elems if isinstance(e, EnumType)))
