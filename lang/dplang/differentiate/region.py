"""A block whose backward code is being written: the primal values that it may read, and the adjoints so far.

Backward code asks for primal values by `need`. In a *live* region they are there, because the forward sweep stands
in the same scope. Any other region is executed again, and only what is asked for: at its end `finish` decides for each
value whether the code that made it is repeated, or whether it was kept in the forward sweep (`tape`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from ..core.build import Builder
from ..core.ir import (
    INT,
    ArrayType,
    Block,
    Dim,
    EnumType,
    Fill,
    Get,
    If,
    Let,
    Lit,
    Match,
    Operand,
    Path,
    Update,
    Var,
)
from ..core.rewrite import blocks, copy_block, free_names, map_path
from .measure import Extent, measure
from .quiet import narrowed
from .writing import element, from_outside, is_view, offset, trusted

if TYPE_CHECKING:
    from .context import Context
    from .reverse import Reverse
    from .tangents import Tangents


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an array lives: it is the part of `root` at `path`."""

    root: Var
    path: Path


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several places, as a branch of the primal code has it."""

    branch: If | Match
    places: tuple[Place, ...]


Place: TypeAlias = Spot | Choice


class Region:
    """`turn` tells a loop body: what it adds to outer scalars is summed by the loop, and outer arrays are carried."""

    def __init__(
        self,
        writer: Reverse,
        block: Block,
        params: Sequence[Var],
        parent: Region | None,
        out: Builder,
        *,
        live: bool = False,
        turn: bool = False,
    ) -> None:
        self.writer = writer
        self.block = block
        self.params = {p.name: p for p in params}
        self.parent = parent
        self.out = out
        self.lead = out.nested()
        self.live = live
        self.turn = turn
        self.defs: dict[str, Let] = {v.name: let for let in block.lets for v in let.names}
        self.bound: set[str] = {*self.params, *self.defs}
        self.copies: dict[str, Operand] = {}
        """What stands here for primal values that were asked for, or given from the start."""
        self.given: set[str] = set()
        self.forms: dict[str, Callable[[], Operand]] = {}
        """Parameters that can be computed again from outside."""
        self.extra: dict[str, Var] = {}
        """Further results of the forward sweep's nodes in this block."""
        self.sizes: dict[str, tuple[Var, int]] = {}
        self.tape: list[tuple[Var, Var]] = []
        """Values that the forward sweep must keep, and their names here."""
        self.prelude: list[Let] = []
        self.adjoint: dict[str, Operand] = {}
        self.late: dict[str, list[tuple[Path, Operand]]] = {}
        """What parts of arrays are owed while the whole has no adjoint yet: a whole one may still come for nothing."""
        self.roots: dict[str, Var] = {}
        """Outer values whose adjoints this region has changed."""
        self.accumulators: dict[str, Var] = {}
        """In a turn: the adjoint of an outer array as the turn finds it."""

    @property
    def ctx(self) -> Context:
        return self.writer.ctx

    @property
    def tangents(self) -> Tangents:
        return self.writer.ctx.tangents

    def inside(self, block: Block, params: Sequence[Var] = (), *, live: bool = False, turn: bool = False) -> Region:
        """A region for a nested block."""
        return Region(self.writer, block, params, self, self.out.nested(), live=live, turn=turn)

    # ---- primal values

    def knows(self, name: str) -> bool:
        """Whether `name` is one of the primal code (and not of the backward code around)."""
        return name in self.bound or (self.parent is not None and self.parent.knows(name))

    def definition(self, v: Var) -> Let | None:
        """What binds a primal value, unless it is a parameter or bound further inside."""
        return self.owner(v.name).defs.get(v.name) if self.knows(v.name) else None

    def owner(self, name: str) -> Region:
        region = self
        while name not in region.bound:
            assert region.parent is not None, f"{name} is bound nowhere"
            region = region.parent
        return region

    def need(self, o: Operand) -> Operand:
        """A primal value, here."""
        return o if isinstance(o, Lit) else self.owner(o.name).value(o)

    def value(self, v: Var) -> Operand:
        """A value of this very region."""
        if self.live:
            return v
        if v.name not in self.copies:
            self.copies[v.name] = self.writer.names.fresh(v.name, v.type)
        return self.copies[v.name]

    def give(self, v: Var, o: Operand) -> None:
        """Says what a parameter of the region is here."""
        self.copies[v.name] = o
        self.given.add(v.name)

    def supply(self, extra: Var) -> Operand:
        """A further result of a forward node of this block."""
        self.bound.add(extra.name)
        self.extra[extra.name] = extra
        return self.value(extra)

    def finish(self) -> None:
        """Settles how each value that was asked for comes about."""
        if self.live:
            return
        chosen: list[Let] = []
        for let in reversed(self.block.lets):
            wanted = [k for k, v in enumerate(let.names) if v.name in self.copies]
            if wanted and self.writer.repeatable(let):
                chosen.append(narrowed(let, wanted))
                for v in free_names(chosen[-1].value).values():
                    self.need(v)
            else:
                self._keep(let.names[k] for k in wanted)
        for name, (root, axis) in self.sizes.items():
            if name in self.copies:
                self._size(name, root, axis)
        for name, p in self.params.items():
            if name in self.copies and name not in self.given:
                if name in self.forms:
                    self.lead.lets.append(self._bind(self.copies[name], self.forms[name]()))
                else:
                    self._keep((p,))
        self._keep(v for v in self.extra.values() if v.name in self.copies)
        self.prelude = [self._again(let) for let in reversed(chosen)] + self.prelude

    def _keep(self, values: Iterable[Var]) -> None:
        for v in values:
            copy = self.copies[v.name]
            assert isinstance(copy, Var)
            self.tape.append((v, copy))

    def _bind(self, v: Operand, value: Operand | Dim) -> Let:
        assert isinstance(v, Var)
        return Let((v,), value, self.out.span, "adjoint")

    def _again(self, let: Let) -> Let:
        mapping = {v.name: self.need(v) for v in free_names(let.value).values()}
        copies = [self.copies[v.name] for v in let.names]
        names = tuple(v for v in copies if isinstance(v, Var))
        (made,) = copy_block(Block((let,), ()), self.writer.names, mapping).lets
        return replace(made, names=names, role="adjoint")

    def _size(self, name: str, root: Var, axis: int) -> None:
        copy = self.copies[name]
        if root.name in self.copies or (self.parent is None and root.name in self.params and self.writer.stable(root)):
            self.prelude.append(self._bind(copy, Dim(self.value(root), axis)))
        else:
            self.writer.additions.size(root, axis)
            self._keep((Var(name, copy.type),))

    def closed(self, *results: Operand) -> Block:
        """The whole backward block."""
        return Block((*self.lead.lets, *self.prelude, *self.out.lets), results)

    # ---- sizes and zeros

    def dims(self, v: Var) -> list[Operand]:
        assert isinstance(v.type, ArrayType)
        return [self.size(v, axis) for axis in range(len(v.type.dims))]

    def size(self, v: Var, axis: int) -> Operand:
        """A size of a primal array, which need not be there itself."""
        assert isinstance(v.type, ArrayType)
        known = v.type.dims[axis]
        if known is not None:
            return Lit(known, INT)
        owner = self.owner(v.name)
        let = owner.defs.get(v.name)
        match let.value if let else None:
            case Fill(shape):
                return owner.need(shape[axis])
            case Update("set" | "add", x) if isinstance(x, Var):
                return owner.size(x, axis)
            case _:
                found = measure(self, v, axis)
        if isinstance(found, Extent) and found.root != v:
            return self.size(found.root, found.axis)
        size = self.writer.additions.size_name(v, axis)
        owner.bound.add(size.name)
        owner.sizes[size.name] = (v, axis)
        if owner.live:
            self.writer.additions.size(v, axis)
        return owner.value(size)

    def zeros(self, v: Var) -> Operand:
        """The zero adjoint of a primal value."""
        dims = self.dims(v) if isinstance(v.type, ArrayType) else ()
        return self.tangents.zero(self.out, self.tangents.of(v.type), dims)

    # ---- adjoints

    def moves(self, o: Operand) -> bool:
        """Whether an operand has an adjoint at all."""
        return isinstance(o, Var) and o.name in self.writer.varied

    def take(self, v: Var) -> Operand | None:
        """The adjoint of a value bound here, none if nothing was added to it."""
        d = self.adjoint.pop(v.name, None)
        for path, part in self.late.pop(v.name, ()):
            d = self._into(self.zeros(v) if d is None else d, path, part)
        return d

    def touched(self, v: Var) -> bool:
        """Whether anything was added to the adjoint of a value bound here."""
        return v.name in self.adjoint or v.name in self.late

    def current(self, root: Var) -> Operand | None:
        """The adjoint of a value as it stands at this point."""
        if root.name in self.adjoint:
            return self.adjoint[root.name]
        if root.name in self.bound or self.parent is None:
            return None
        if not self.turn:
            found = self.parent.current(root)
        elif isinstance(root.type, ArrayType | EnumType):
            found = self.writer.names.fresh("a", self.tangents.of(root.type))
            self.accumulators[root.name] = found
        else:
            return None
        if found is not None:
            self.adjoint[root.name] = found
        return found

    def set(self, root: Var, d: Operand) -> None:
        self.adjoint[root.name] = d
        if root.name not in self.bound:
            self.roots[root.name] = root

    def contribute(self, o: Operand, d: Operand, path: Path = ()) -> None:
        """Adds `d` to the adjoint of a value, or of the part of an array at a path of Ats and Slices."""
        if not isinstance(o, Var) or not self.moves(o):
            return
        if isinstance(o.type, ArrayType):
            self.deposit(self.beneath(self.locate(o), path), d)
        else:
            before = self.current(o)
            self.set(o, d if before is None else self.tangents.add(self.out, before, d))

    def locate(self, v: Var) -> Place:
        """Which part of which array `v` is."""
        let = self.definition(v)
        match let.value if let else None:
            case Get(x, path) if isinstance(x, Var) and is_view(path):
                return self.within(x, path)
            case If() | Match() as branch if let is not None:
                parts = [from_outside(params, side, let.names.index(v)) for params, side in blocks(branch)]
                places = tuple(self.within(*part) for part in parts if part is not None)
                return Choice(branch, places) if len(places) == len(parts) else Spot(v, ())
            case _:
                return Spot(v, ())

    def within(self, x: Var, path: Path) -> Place:
        return self.beneath(self.locate(x), map_path(path, self.need))

    def beneath(self, place: Place, path: Path) -> Place:
        if not path:
            return place
        match place:
            case Spot(root, base):
                return Spot(root, trusted(offset(self.out, base, path)))
            case Choice(branch, places):
                return Choice(branch, tuple(self.beneath(p, path) for p in places))

    def deposit(self, place: Place, d: Operand) -> None:
        match place:
            case Choice(branch, places):
                self.writer.choose(self, branch, places, d)
            case Spot(root, ()):
                before = self.current(root)
                self.set(root, d if before is None else self.tangents.add(self.out, before, d))
            case Spot(root, path):
                whole = self.current(root)
                if whole is None and root.name in self.bound and not isinstance(element(root.type), EnumType):
                    self.late.setdefault(root.name, []).append((path, d))
                    return
                self.set(root, self._into(self.zeros(root) if whole is None else whole, path, d))

    def lend(self, x: Operand) -> Operand | None:
        """The adjoint so far of an enum value with arrays inside, to be given back changed by `set`: what is added to
        those arrays is then added in their place. None where there is no adjoint yet."""
        if not isinstance(x, Var) or not isinstance(x.type, EnumType) or not self.tangents.holds_arrays(x.type):
            return None
        found = self.current(x)
        let = self.definition(x)
        if found is None and let is not None and x.name in self.bound:
            match let.value:
                case Get(Var() as array, path) if is_view(path):
                    place = self.within(array, path)
                    if isinstance(place, Spot) and (whole := self.current(place.root)) is not None:
                        found = self.out.one(Get(whole, place.path), self.tangents.of(x.type), "d")
                        nothing = self.tangents.scalar_zero(self.out, element(found.type))
                        self.set(place.root, self.out.one(Update("set", whole, place.path, nothing), whole.type, "a"))
        return found

    def _into(self, whole: Operand, path: Path, d: Operand) -> Operand:
        """An adjoint array with `d` added to a part of it."""
        if isinstance(element(d.type), EnumType):
            before = self.out.one(Get(whole, path), d.type)
            return self.out.one(Update("set", whole, path, self.tangents.add(self.out, before, d)), whole.type, "a")
        return self.out.one(Update("add", whole, path, d), whole.type, "a")


__all__ = ["Choice", "Place", "Region", "Spot"]
