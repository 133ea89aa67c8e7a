"""Structs and enum values of dp as Python objects: one class for each struct and enum of a loaded file."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.types import EnumDecl, StructDecl, TangentOf, show
from ..errors.python import EnumNeedsVariant, NoSuchName
from ..errors.source import NOWHERE
from ..interpret.values import equal
from ..lower.layout import erased
from ..values import Held, payload, split
from .calls import Function, Slot, expression
from .faults import Error, MissingName
from .marshal import element, out_of

if TYPE_CHECKING:
    from .loaded import Loaded


class Value:
    """What structs and enum values of dp have in common. They do not change: make new ones instead."""

    __slots__ = ("_dp_held", "_dp_home")
    __hash__ = None  # type: ignore[assignment]  # they hold arrays

    _dp_home: Loaded
    _dp_held: Held

    @classmethod
    def _dp_of(cls, home: Loaded, held: Held) -> Any:
        self = object.__new__(cls)
        object.__setattr__(self, "_dp_home", home)
        object.__setattr__(self, "_dp_held", held)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"values of dp do not change: make a new {type(self).__name__} instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"values of dp do not change: make a new {type(self).__name__} instead")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or self._dp_home is not other._dp_home or type(self) is not type(other):
            return NotImplemented
        mine, theirs = self._dp_held, other._dp_held
        if erased(mine.type) != erased(theirs.type):  # such as `Some(1)` and `Some(1.0)`; a bare `None` is of any type
            return isinstance(self, Variant) and not len(self)
        return all(map(equal, mine.leaves, theirs.leaves))

    def __bool__(self) -> bool:
        return True

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: object) -> Any:
        return self


class Record(Value):
    """A struct, or an array of structs, of dp. Fields and methods are attributes of the struct's own class."""

    __slots__ = ()

    _dp_decl: ClassVar[StructDecl]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        near = get_close_matches(name, [n for n in dir(type(self)) if not n.startswith("_")], 1)
        raise MissingName(NoSuchName(NOWHERE, f"`{self._dp_decl.name}`", name, near[0] if near else ""))

    def _dp_function(self) -> Function:
        return Function(self._dp_home, self._dp_decl.name, (Slot("self", self._dp_held),))

    def __call__(self, *args: object, **named: object) -> Any:
        return self._dp_function()(*args, **named)

    # ---- arrays of structs

    def _dp_dims(self) -> tuple[int, ...]:
        return tuple(d.constant or 0 for d in split(self._dp_held.type)[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The dimensions of an array of structs; `()` for a single struct."""
        return self._dp_dims()

    def __len__(self) -> int:
        dims = self._dp_dims()
        if not dims:
            raise TypeError(f"a single {self._dp_decl.name} has no length")
        return dims[0]

    def __getitem__(self, index: Any) -> Any:
        n = len(self)
        if not isinstance(index, slice):
            index = operator.index(index)
            if not -n <= index < n:
                raise IndexError(f"index {index} of an array of {n}")
        home = self._dp_home
        return out_of(element(self._dp_held, index, home), home)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # ---- the vector space

    def __add__(self, other: object) -> Any:
        return _operate(self, " + ", other)

    def __radd__(self, other: object) -> Any:
        return _operate(other, " + ", self)

    def __sub__(self, other: object) -> Any:
        return _operate(self, " - ", other)

    def __rsub__(self, other: object) -> Any:
        return _operate(other, " - ", self)

    def __mul__(self, other: object) -> Any:
        return _operate(other, " * ", self)

    def __rmul__(self, other: object) -> Any:
        return _operate(other, " * ", self)

    def __neg__(self) -> Any:
        return self._dp_home.evaluate(("-", Slot("value", self._dp_held)))

    def __repr__(self) -> str:
        elem, dims = split(self._dp_held.type)
        name = show(elem) if isinstance(elem, TangentOf) else self._dp_decl.name
        sizes = f"[{', '.join(map(str, self._dp_dims()))}]" if dims else ""
        shown = [f"{n}={show_python(getattr(self, n))}" for n in _field_names(self._dp_decl)]
        return f"{name}{sizes}({', '.join(shown)})"


def _operate(left: object, sign: str, right: object) -> Any:
    [home] = {x._dp_home for x in (left, right) if isinstance(x, Record)}
    return home.evaluate((*expression(home, left, "left"), sign, *expression(home, right, "right")))


class Variant(Value):
    """A value of an enum of dp; each variant is a subclass, whose values have its payload as their parts."""

    __slots__ = ("_dp_constructor",)

    _dp_decl: ClassVar[EnumDecl]
    _dp_tag: ClassVar[int]
    _dp_constructor: Slot | None
    """How to write this value where its own type says too little: `None` may be an Option of anything."""

    @classmethod
    def _dp_of(cls, home: Loaded, held: Held, constructor: Slot | None = None) -> Any:
        self = super()._dp_of(home, held)
        object.__setattr__(self, "_dp_constructor", constructor)
        return self

    def _dp_payload(self) -> list[Any]:
        if not len(self):
            return []
        return [out_of(part, self._dp_home) for _, part in payload(self._dp_held, self._dp_home.outline)]

    def __len__(self) -> int:
        return len(self._dp_decl.variants[self._dp_tag].payload)

    def __getitem__(self, index: int) -> Any:
        return self._dp_payload()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dp_payload())

    def __repr__(self) -> str:
        if not len(self):
            return type(self).__name__
        return f"{type(self).__name__}({', '.join(map(show_python, self._dp_payload()))})"


def show_python(x: Any) -> str:
    """A value as its constructor takes it."""
    return repr(x.tolist()) if isinstance(x, np.ndarray) else repr(x)


# ---- classes


def _field_names(decl: StructDecl) -> list[str]:
    return [f.name for f in decl.fields]


def record_class(home: Loaded, decl: StructDecl, constructor: object, methods: Mapping[str, str]) -> type[Record]:
    """The class of a struct. Calling it calls the constructor of dp, with its defaults, checks and lifting.

    `methods` are those of the struct with what is said about them.
    """
    call = Function(home, decl.name, (Slot(decl.name, constructor),), tuple(_field_names(decl)))

    def make(cls: type[Record], *args: object, **named: object) -> Any:
        return call(*args, **named)

    body: dict[str, object] = {"_dp_decl": decl, "__slots__": (), "__doc__": decl.doc or None, "__new__": make}
    for i, name in enumerate(_field_names(decl)):
        body[name] = property(_field(i))
    for name, doc in methods.items():
        body[name] = property(_method(name, doc), doc=doc)
    return type(decl.name, (Record,), body)


def _field(index: int) -> Callable[[Record], Any]:
    def read(self: Record) -> Any:
        part = next(islice(self._dp_held.parts(), index, None))
        value = out_of(part, self._dp_home)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False  # writing to it would change nothing but this copy
        return value

    return read


def _method(name: str, doc: str) -> Callable[[Record], Function]:
    def read(self: Record) -> Function:
        return Function(self._dp_home, name, (Slot("self", self._dp_held), f".{name}"), doc=doc)

    return read


def enum_class(decl: EnumDecl) -> type[Variant]:
    """The class of an enum. Its values are made by the classes of its variants."""

    def make(cls: type[Variant], *args: object, **named: object) -> Any:
        raise Error(EnumNeedsVariant(NOWHERE, decl.name, tuple(v.name for v in decl.variants)))

    body = {"_dp_decl": decl, "__slots__": (), "__doc__": decl.doc or None, "__new__": make}
    return type(decl.name, (Variant,), body)


def variant_class(home: Loaded, enum: type[Variant], tag: int, constructor: object) -> type[Variant]:
    """The class of one variant."""
    variant = enum._dp_decl.variants[tag]
    call = Function(home, variant.name, (Slot(variant.name, constructor),))

    def make(cls: type[Variant], *args: object, **named: object) -> Any:
        return call(*args, **named)

    parts = tuple(f"_{i}" for i in range(len(variant.payload)))
    body: dict[str, object] = {"_dp_tag": tag, "__slots__": (), "__new__": make, "__match_args__": parts}
    for i, name in enumerate(parts):
        body[name] = property(operator.itemgetter(i))
    return type(variant.name, (enum,), body)
