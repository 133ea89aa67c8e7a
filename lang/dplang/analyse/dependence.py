"""How a value depends on a function's inputs: the lattice of the first judgement.

A `State` says, for each input that a value depends on, how: a `Dep`. Inputs are numbered by slots, two for
each parameter (what it carries that has a tangent, and what it carries that has none), and one for random draws.

What happens on the way is remembered by *sites*: the constructs of the program that are not smooth. Sites are
numbered, so the blemishes of all paths together are the bits of one Int.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from ..core.ir import ArrayType, EnumDecl, EnumType, Scalar, Type
from ..errors.source import NOWHERE, Span
from ..primitives.table import Mode

# ---- sites

SiteKind: TypeAlias = Literal["self", "intended", "row", "derivative", "equality", "draw"]


@dataclass(frozen=True, slots=True)
class Site:
    """A construct that is not smooth. `op` is the row's name; `mode` is what it does to a path across it."""

    number: int
    kind: SiteKind
    op: str
    span: Span
    mode: Mode


SELF, INTENDED = 0, 1
"""Two sites without a place: the discrete input itself, and a `stop` (whoever wrote it knows what is missing)."""

SELF_BIT, INTENDED_BIT = 1 << SELF, 1 << INTENDED


class Sites:
    """The sites of a program by number, and the bits of those of each mode."""

    def __init__(self) -> None:
        self.all = [Site(SELF, "self", "", NOWHERE, "jump"), Site(INTENDED, "intended", "", NOWHERE, "smooth")]
        self.C1 = self.kinks = 0
        self.jumps = SELF_BIT
        self.draws = 0
        self._numbers: dict[tuple[SiteKind, str, Span, Mode], int] = {}
        self._derivatives: dict[int, int] = {}

    def number(self, kind: SiteKind, op: str, span: Span, mode: Mode) -> int:
        key = (kind, op, span, mode)
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.all)
            self.all.append(Site(known, kind, op, span, mode))
            bit = 1 << known
            if kind == "draw":
                self.draws |= bit
            match mode:
                case "C1":
                    self.C1 |= bit
                case "kinked":
                    self.kinks |= bit
                case "jump" | "severed":
                    self.jumps |= bit
                case "smooth":
                    pass
        return known

    def mode(self, marks: int) -> Mode:
        """The worst mode among marked sites."""
        if marks & self.jumps:
            return "jump"
        if marks & self.kinks:
            return "kinked"
        return "C1" if marks & self.C1 else "smooth"

    def among(self, marks: int) -> Iterator[Site]:
        """The marked sites in order."""
        while marks:
            low = marks & -marks
            yield self.all[low.bit_length() - 1]
            marks ^= low

    def derived(self, marks: int) -> int:
        """The marks of a derivative of what has `marks`: C1 becomes kinked, and kinked may jump."""
        softer = marks & (self.C1 | self.kinks)
        if not softer:
            return marks
        made = marks & ~softer
        for site in self.among(softer):
            number = self._derivatives.get(site.number)
            if number is None:
                mode: Mode = "kinked" if site.mode == "C1" else "jump"
                kind: SiteKind = "derivative"
                number = self.number(kind, site.op, site.span, mode)
                self._derivatives[site.number] = number
            made |= 1 << number
        return made


# ---- trails


class Trail(NamedTuple):
    """The last step of a path from an input, and the steps before it. Texts are made when somebody reads them.

    kind `input` (the parameter `name`), `bind` (into an expression), `sever` (at site `site`), `call` (into function
    `name`, with the steps inside), `index`, `size`, `float` (uses of a discrete value where it influences a Float).
    """

    kind: Literal["input", "bind", "sever", "call", "index", "size", "float"]
    span: Span
    name: str
    before: Trail | None
    inner: Trail | None = None
    site: int = SELF


# ---- dependence

Cuts: TypeAlias = dict[int, Trail]
"""By site: where influence was cut off, and how it got there and on. Never changed once made."""

NONE: Cuts = {}


class Dep(NamedTuple):
    """How a value depends on one input.

    live    a path along which derivatives flow, if there is one
    marks   bits of the sites that make the dependence less than smooth. Marks without a live path mean that the value
            differs only because a condition did (or because of what `stop` acknowledges)
    cut     severed paths into the part of the value that has a tangent
    value   paths into the part that has none (an Int, a Bool, a tag): computed from the input's value
    """

    live: Trail | None
    marks: int
    cut: Cuts
    value: Cuts


State: TypeAlias = dict[int, Dep]
"""By slot; inputs without influence are left out. Never changed once made."""

NOTHING = Dep(None, 0, NONE, NONE)
EMPTY: State = {}

DRAWS = -1
"""The slot of random draws."""


def tangent_slot(param: int) -> int:
    return 2 * param


def discrete_slot(param: int) -> int:
    return 2 * param + 1


def join_cuts(a: Cuts, b: Cuts) -> Cuts:
    if not b or a is b:
        return a
    return {**b, **a} if a else b


def join_deps(a: Dep, b: Dep) -> Dep:
    if not (b.marks & ~a.marks or b.cut or b.value) and (a.live or not b.live):
        return a
    return Dep(a.live or b.live, a.marks | b.marks, join_cuts(a.cut, b.cut), join_cuts(a.value, b.value))


def join(a: State, b: State) -> State:
    """The least state above both. The first one's trails are kept, so that fixed points settle."""
    if not b or a is b:
        return a
    if not a:
        return b
    made: State | None = None
    for slot, dep in b.items():
        known = a.get(slot)
        joined = dep if known is None or known is dep else join_deps(known, dep)
        if joined is not known:
            if made is None:
                made = dict(a)
            made[slot] = joined
    return a if made is None else made


def join_all(states: Iterable[State]) -> State:
    made = EMPTY
    for s in states:
        made = join(made, s)
    return made


def same(a: State, b: State) -> bool:
    """Equal but for the trails."""
    if a is b:
        return True
    if a.keys() != b.keys():
        return False
    for slot, x in a.items():
        y = b[slot]
        if x is y:
            continue
        if (x.live is None) != (y.live is None) or x.marks != y.marks:
            return False
        if x.cut.keys() != y.cut.keys() or x.value.keys() != y.value.keys():
            return False
    return True


def bits(cuts: Cuts) -> int:
    made = 0
    for site in cuts:
        made |= 1 << site
    return made


# ---- types


class Types:
    """What types carry: something with a tangent, something without, or (an enum) both."""

    def __init__(self, enums: dict[str, EnumDecl]) -> None:
        self.enums = enums
        self._enums: dict[str, bool] = {}

    def tangent(self, t: Type) -> bool:
        """Whether a value of this type carries a Float."""
        match t:
            case Scalar(name):
                return name in ("Float", "Float32")
            case ArrayType(elem):
                return self.tangent(elem)
            case EnumType(name):
                return self._enum(name)

    def discrete(self, t: Type) -> bool:
        """Whether a value of this type carries something without a tangent: an Int, a tag."""
        elem = t.elem if isinstance(t, ArrayType) else t
        return not (isinstance(elem, Scalar) and elem.name in ("Float", "Float32"))

    def _enum(self, name: str) -> bool:
        known = self._enums.get(name)
        if known is None:
            known = self._enums[name] = any(map(self._plain_tangent, self._fields(name, set())))
        return known

    def _plain_tangent(self, t: Type) -> bool:
        elem = t.elem if isinstance(t, ArrayType) else t
        return isinstance(elem, Scalar) and elem.name in ("Float", "Float32")

    def _fields(self, name: str, seen: set[str]) -> Iterator[Type]:
        """Types of all payload fields, those of enums inside it included."""
        seen.add(name)
        for variant in self.enums[name].variants:
            for t in variant.fields:
                yield t
                elem = t.elem if isinstance(t, ArrayType) else t
                if isinstance(elem, EnumType) and elem.name not in seen:
                    yield from self._fields(elem.name, seen)
