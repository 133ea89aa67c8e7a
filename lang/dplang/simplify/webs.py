"""Which small arrays become scalars, and which loops are unrolled for it.

Names that hold one another's values (a carried value, what it starts from and what a turn gives; what branches give and
what they are joined to; an array and its update) form a web: a web is taken apart as a whole or stays. It stays
where a position is not known until the program runs, and where nothing ever looks at an element. A name whose value
comes as an array anyway (a parameter, a row of a larger array, what a call gives) belongs to no web: its elements
are read where it is bound, and the array is still there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from typing import TypeGuard

from ..core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Checkpoint,
    Derive,
    Fill,
    Fn,
    Get,
    If,
    Io,
    Let,
    Loop,
    Make,
    Match,
    Operand,
    Path,
    Prim,
    Reduce,
    Result,
    Scalar,
    Slice,
    Stop,
    Update,
    Var,
    While,
)
from ..core.rewrite import blocks
from .shapes import Shapes

SMALL = 16
"""Elements of an array, and turns of a loop, up to which they are taken apart."""
FEW = 4
"""Elements of a vector up to which a position that only the run knows is looked for among them."""
UNROLLED = 400
"""Lets that a loop may become."""
GROWTH = 1500
"""Lets that a function may grow by: compiling takes milliseconds for each."""
TINY = 24
"""Lets that a loop of a few turns may become though no array becomes scalar by it."""

EXPANDED = ("@", "dot", "norm", "transpose", "reverse", "concat", "reshape", "flatten", "cumsum", "cumprod")
"""Whole-array primitives that are written as scalar code."""

Deps = frozenset[int]


class Sets:
    """Disjoint sets of names."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        root = name
        while (up := self._parent.get(root, root)) != root:
            root = up
        while (up := self._parent.get(name, name)) != root:
            self._parent[name], name = root, up
        return root

    def join(self, a: str, b: str) -> None:
        self._parent[self.find(a)] = self.find(b)


@dataclass(slots=True)
class Signature:
    """Which parameters and results of a function are handed over as scalars."""

    params: list[bool]
    results: list[bool]


@dataclass(slots=True)
class Plan:
    """`split`: names of arrays to take apart; `unrolled`: loops, by the identity of their Lets."""

    split: set[str] = field(default_factory=set)
    unrolled: set[int] = field(default_factory=set)
    arrays: set[str] = field(default_factory=set)
    """Small arrays that could not be taken apart, or with no use."""


def is_small(dims: tuple[int | None, ...]) -> TypeGuard[tuple[int, ...]]:
    """Whether an array of these sizes may be taken apart."""
    return bool(dims) and all(n is not None for n in dims) and 1 <= prod(n or 0 for n in dims) <= SMALL


def is_searched(dims: tuple[int | None, ...], path: Path) -> bool:
    """Whether a position is looked for among the elements of a vector, one after the other."""
    return len(dims) == 1 and dims[0] is not None and dims[0] <= FEW and len(path) == 1 and isinstance(path[0], At)


def plan(fn: Fn, shapes: Shapes, signatures: dict[str, Signature]) -> Plan:
    """Decides for a function; `signatures` of those that take scalars for arrays."""
    refused: set[int] = set()
    while True:
        webs = _Webs(shapes, signatures, refused)
        found = webs.function(fn)
        grown = {loop: webs.growth[loop] for loop in found.unrolled}
        if sum(grown.values()) <= GROWTH:
            return found
        refused.add(max(grown, key=lambda loop: grown[loop]))


class _Webs:
    def __init__(self, shapes: Shapes, signatures: dict[str, Signature], refused: set[int]) -> None:
        self.shapes = shapes
        self.signatures = signatures
        self.refused = refused
        self.webs, self.families = Sets(), Sets()
        self.given: set[str] = set()
        """Names whose values come as arrays."""
        self.held: set[str] = set()
        self.stuck: set[str] = set()
        """Names with a position that only the run tells."""
        self.sought: set[str] = set()
        """The same, but found by comparing: cheap for an array that is made anew as often as it is looked at."""
        self.carried: set[str] = set()
        self.depth = 0
        self.depths: dict[str, int] = {}
        """How many loops are around a name."""
        self.used: set[str] = set()
        self.needs: list[tuple[str, Deps]] = []
        """Names that are scalars only if these loops are unrolled."""
        self.positions: dict[str, Deps] = {}
        """Ints that are known once these loops are unrolled."""
        self.growth: dict[int, int] = {}
        self.tiny: set[int] = set()

    def function(self, fn: Fn) -> Plan:
        self.measure(fn.body)
        signature = self.signatures.get(fn.name)
        for k, p in enumerate(fn.params):
            if signature is None or not signature.params[k]:
                self.give(p.var)
            elif self.small(p.var):
                self.held.add(p.var.name)
        self.block(fn.body)
        for k, r in enumerate(fn.body.results):
            if signature is not None and signature.results[k]:
                self.use(r, frozenset())
        carried = {self.webs.find(n) for n in self.carried}
        sought = {self.webs.find(n) for n in self.sought}
        stuck = {self.webs.find(n) for n in self.stuck} | carried & sought
        used = {self.families.find(n) for n in self.used}
        found = Plan(split=set(self.given))
        for name in self.held - self.given:
            if self.webs.find(name) in stuck or self.families.find(name) not in used:
                found.arrays.add(name)
            else:
                found.split.add(name)
        for name, loops in self.needs:
            if name in found.split and name not in self.given:
                found.unrolled |= loops
        found.unrolled |= self.tiny
        return found

    # ---- how large loops become

    def measure(self, block: Block) -> int:
        """The Lets of a block after unrolling; finds the loops that may be."""
        return sum(self.measure_let(let) for let in block.lets)

    def measure_let(self, let: Let) -> int:
        inside = [self.measure(b) for _, b in blocks(let.value)]
        loop = let.value
        if not isinstance(loop, Loop) or id(let) in self.refused:
            return 1 + sum(inside)
        trips = self.shapes.trips(loop)
        kinds = {r.op for r in loop.results if isinstance(r, Reduce)}
        size = inside[0] + len(kinds)
        if trips is None or not 1 <= trips <= SMALL or trips * size > UNROLLED:
            return 1 + size
        self.growth[id(let)] = (trips - 1) * size
        flat = not any(True for inner in loop.body.lets for _ in blocks(inner.value))
        if flat and trips <= 4 and trips * size <= TINY:
            self.tiny.add(id(let))
        return trips * size

    # ---- facts

    def small(self, o: Operand) -> TypeGuard[Var]:
        return isinstance(o, Var) and self.may_hold(o)

    def may_hold(self, v: Var) -> bool:
        return isinstance(v.type, ArrayType) and isinstance(v.type.elem, Scalar) and is_small(self.shapes.of(v))

    def give(self, *names: Var) -> None:
        self.given.update(v.name for v in names if self.small(v))

    def link(self, a: Operand, b: Operand) -> None:
        """One of the two may become the other."""
        if self.small(a) and self.small(b):
            self.families.join(a.name, b.name)
            if a.name not in self.given and b.name not in self.given:
                self.webs.join(a.name, b.name)

    def relate(self, a: Operand, b: Operand) -> None:
        """What is done with elements of one is done with those of the other."""
        if self.small(a) and self.small(b):
            self.families.join(a.name, b.name)

    def use(self, o: Operand, loops: Deps) -> None:
        if self.small(o):
            self.used.add(o.name)
            self.needs.append((o.name, loops))

    def known(self, operands: Iterable[Operand]) -> Deps | None:
        """The loops to unroll so that some Ints are known; None if they never are."""
        found: Deps = frozenset()
        for o in operands:
            if self.shapes.number(o) is None:
                if not isinstance(o, Var) or o.name not in self.positions:
                    return None
                found |= self.positions[o.name]
        return found

    def reach(self, path: Path) -> Deps | None:
        found: list[Operand] = []
        for step in path:
            match step:
                case At(index):
                    found.append(index)
                case Slice(low, high):
                    found += [low, high]
                case _:
                    return None
        return self.known(found)

    def block(self, block: Block) -> None:
        for let in block.lets:
            for v in let.names:
                if self.small(v):
                    self.held.add(v.name)
                    self.depths[v.name] = self.depth
            self.let(let)

    def let(self, let: Let) -> None:
        names, value = let.names, let.value
        match value:
            case Var() | Stop():
                x = value.x if isinstance(value, Stop) else value
                if isinstance(x, Var) and x.name in self.given:
                    self.give(names[0])
                self.link(names[0], x)
                self.position(names[0], [x])
            case Prim():
                self.primitive(names[0], value)
            case Make(parts):
                for p in parts:
                    self.relate(names[0], p)
            case Get(x, path):
                self.get(names[0], x, path)
            case Update():
                self.update(names[0], value)
            case If(_, then, orelse):
                self.join(names, then, orelse)
            case Match(_, arms):
                for a in arms:
                    self.give(*a.params)
                self.join(names, *(a.body for a in arms))
            case Checkpoint(body):
                self.join(names, body)
            case Loop() | While():
                self.loop(let, value)
            case Call(fn, args):
                self.call(names, fn, args)
            case Derive() | Io():
                self.give(*names)
            case Fill():
                pass
            case _:
                self.give(*names)

    def position(self, v: Var, args: Iterable[Operand]) -> None:
        if v.type == INT and (loops := self.known(args)) is not None:
            self.positions[v.name] = loops

    def primitive(self, name: Var, value: Prim) -> None:
        if name.type == INT and value.op in ("+", "-", "*", "neg"):
            self.position(name, value.args)
        if not expands(value, name, self.shapes):
            self.give(name)
            return
        for a in value.args:
            self.use(a, frozenset())

    def get(self, name: Var, x: Operand, path: Path) -> None:
        loops = self.reach(path)
        if not self.small(x):
            self.give(name)
        elif loops is None:
            if x.name not in self.given:
                self.seek(x, path)
            self.give(name)
        else:
            self.use(x, loops)
            if x.name in self.given:
                self.give(name)

    def seek(self, x: Var, path: Path) -> None:
        fresh = self.depths.get(x.name) == self.depth and is_searched(self.shapes.of(x), path)
        (self.sought if fresh else self.stuck).add(x.name)

    def update(self, name: Var, value: Update) -> None:
        loops = self.reach(value.path)
        if value.kind == "push":
            self.give(name)
        elif self.small(name):
            self.link(name, value.x)
            if loops is None:
                self.seek(name, value.path)
            else:
                self.use(name, loops)
                self.relate(name, value.v)

    def join(self, names: tuple[Var, ...], *sides: Block) -> None:
        for side in sides:
            self.block(side)
            for v, r in zip(names, side.results, strict=True):
                self.link(v, r)

    def loop(self, let: Let, loop: Loop | While) -> None:
        unrolls = id(let) in self.growth
        if unrolls:
            self.positions[loop.index.name] = frozenset((id(let),))
        for r in loop.results:
            if isinstance(r, Carry) and self.small(r.param):
                self.held.add(r.param.name)
                if not unrolls:
                    self.carried.add(r.param.name)
        self.depth += not unrolls
        if isinstance(loop, While):
            self.block(loop.cond)
        self.block(loop.body)
        self.depth -= not unrolls
        for v, result, o in zip(let.names, loop.results, loop.body.results, strict=False):
            self.result(v, result, o, frozenset((id(let),)) if unrolls else None)

    def result(self, v: Var, result: Result, o: Operand, loops: Deps | None) -> None:
        match result:
            case Carry(param, init):
                self.link(v, param)
                self.link(param, o)
                self.relate(param, init)
            case Build():
                if loops is None:
                    self.give(v)
                elif self.small(v):
                    self.relate(v, o)
                    self.needs.append((v.name, loops))
            case _:
                pass

    def call(self, names: tuple[Var, ...], fn: str, args: tuple[Operand, ...]) -> None:
        signature = self.signatures.get(fn)
        if signature is None:
            self.give(*names)
            return
        for a, apart in zip(args, signature.params, strict=True):
            if apart:
                self.use(a, frozenset())
        for v, apart in zip(names, signature.results, strict=True):
            if not apart:
                self.give(v)


def _of_enums(o: Operand) -> bool:
    return isinstance(o.type, ArrayType) and not isinstance(o.type.elem, Scalar)


def expands(value: Prim, name: Var, shapes: Shapes) -> bool:
    """Whether a primitive on small arrays is written as scalar code: its arrays are small and fit."""
    if value.op not in EXPANDED or any(_of_enums(o) for o in (*value.args, name)):
        return False
    found = [shapes.of(a) for a in value.args if isinstance(a.type, ArrayType)]
    made = shapes.of(name)
    if not all(map(is_small, found)) or (isinstance(name.type, ArrayType) and not is_small(made)):
        return False
    match value.op:
        case "@" | "dot":
            return found[0][-1] == found[1][0]
        case "concat":
            return found[0][1:] == found[1][1:]
        case "reshape":
            return prod(n or 0 for n in made) == prod(n or 0 for n in found[0])
        case _:
            return True
