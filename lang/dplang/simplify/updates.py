"""Arrays that are built only to be put into another one, or to be added to it, are written there at once.

`acc = acc + build(..)` is how derivative code adds to an accumulator, and a plain program fills a row. The loop carries
the array that is written to instead, and no temporary is made.
"""

from __future__ import annotations

from dataclasses import replace

from ..core.build import ZERO, Builder
from ..core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Carry,
    Fill,
    Fn,
    Let,
    Lit,
    Loop,
    Operand,
    Path,
    Program,
    Result,
    Slice,
    Type,
    Update,
    Var,
)
from ..core.rewrite import all_names, free_names, lets_of, map_value
from ..core.sizes import Size
from ..core.verify import row
from .neighbours import AROUND, Neighbours, origins, source
from .ranges import Fact, Known, Ranges
from .total import Totality


def updates(program: Program) -> Program:
    """Lets loops write where what they build would go, outer loops first."""
    totality = Totality(program)
    fns = {name: _Updates(fn, totality).function() for name, fn in program.fns.items()}
    return Program(fns, program.enums, program.entry)


class _Updates:
    def __init__(self, fn: Fn, totality: Totality) -> None:
        self.fn = fn
        self.totality = totality

    def function(self) -> Fn:
        if not any(_takes(let) for let in lets_of(self.fn.body)):
            return self.fn
        self.ranges = Ranges(self.fn)
        self.names = all_names(self.fn)
        self.origin = origins(self.fn.body)
        self.made = {v.name: let for let in lets_of(self.fn.body) for v in let.names}
        self.neighbours = Neighbours(self.totality, self.ranges)
        return replace(self.fn, body=self.block(self.fn.body, []))

    def block(self, block: Block, facts: list[Fact]) -> Block:
        lets = list(block.lets)
        k = 0
        while k < len(lets):
            lets, k = self.at(lets, k, block.results, facts), k + 1
        made: list[Let] = []
        known = list(facts)
        for let in lets:

            def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
                return params, self.block(inner, known)  # noqa: B023

            made.append(replace(let, value=map_value(let.value, lambda o: o, rebuild)))
            known = [*known, *self.ranges.fact(let)]
        return Block(tuple(made), block.results)

    def at(self, lets: list[Let], k: int, results: tuple[Operand, ...], facts: list[Fact]) -> list[Let]:
        """The Lets, number `k` done at once by the loop that makes its value, if that is so."""
        update = lets[k].value
        if not isinstance(update, Update) or not _takes(lets[k]):
            return lets
        alone = self.instead(lets[k], update, self.ranges.solved([*facts, *self.ranges.facts(lets[:k])]))
        if alone is not None:
            return [*lets[:k], replace(lets[k], value=alone), *lets[k + 1 :]]
        for a in range(max(0, k - AROUND), k):
            if isinstance(lets[a].value, Loop) and update.v in lets[a].names:
                others = [let for let in lets if let is not lets[k]]
                if update.v in results or any(update.v.name in self.neighbours.reads(let) for let in others):
                    return lets
                return self.neighbours.join(lets, a, k, facts, self.written) or lets
        return lets

    def instead(self, let: Let, update: Update, known: Known) -> Operand | None:
        """What is added to an array of zeros is the sum, in derivative code (where -0.0 may be 0.0)."""
        made = self.made.get(update.x.name) if isinstance(update.x, Var) else None
        if let.role != "adjoint" or update.kind != "add" or made is None or not isinstance(made.value, Fill):
            return None
        zero, v = made.value.v, update.v
        if not isinstance(zero, Lit) or zero.value != 0 or not isinstance(v, Var) or not isinstance(v.type, ArrayType):
            return None
        wanted = [self.ranges.form(o).replace(known) for o in made.value.shape]
        if len(v.type.dims) != len(wanted) or not self.whole(update.path, wanted, known):
            return None
        found = [self.ranges.dim(v, axis).replace(known) for axis in range(len(wanted))]
        return v if found == wanted else None

    def whole(self, path: Path, dims: list[Size], known: Known) -> bool:
        """Whether a path leads to all of an array."""
        for step, size in zip(path, dims, strict=False):
            if not isinstance(step, Slice) or self.ranges.form(step.low) != Size.of(0):
                return False
            if self.ranges.form(step.high).replace(known) != size:
                return False
        return True

    def written(self, first: Let, second: Let, known: Known) -> Let | None:
        """The loop `first`, doing what the update `second` does with its array; None where sizes may differ or the
        array that is written to would have to be copied."""
        loop, update = first.value, second.value
        assert isinstance(loop, Loop) and isinstance(update, Update) and isinstance(update.x, Var)
        k = next(i for i, v in enumerate(first.names) if v == update.v)
        if not isinstance(loop.results[k], Build) or self.neighbours.reads(second) & {
            v.name for i, v in enumerate(first.names) if i != k
        }:
            return None
        mine = source(self.origin, update.x)
        held = [*free_names(loop.body).values(), *(r.init for r in loop.results if isinstance(r, Carry))]
        if any(isinstance(o, Var) and source(self.origin, o) == mine for o in held):
            return None
        width = self.width(update, known)
        trips = self.ranges.trips(loop, known)
        if width is None or width.replace(known) != trips:
            return None
        return self.loop(first, loop, second, update, k)

    def width(self, update: Update, known: Known) -> Size | None:
        """How many places the first dimension has that is written to."""
        assert isinstance(update.x, Var)
        for step in update.path:
            if isinstance(step, Slice):
                if not step.proved:
                    return None
                return (self.ranges.form(step.high) - self.ranges.form(step.low)).replace(known)
        return self.ranges.dim(update.x, len(update.path)).replace(known)

    def loop(self, first: Let, loop: Loop, second: Let, update: Update, k: int) -> Let:
        x, out = update.x, loop.body.results[k]
        assert isinstance(x, Var)
        b = Builder(self.names, second.span, second.role)
        turn: Operand = loop.index
        if loop.low != ZERO:
            turn = b.prim("-", INT, turn, loop.low, hint="i")
        param = self.names.fresh(x.name, x.type)
        path = self.place(b, update.path, turn)
        after = b.one(Update(update.kind, param, path, out), x.type, x.name)
        for v in (param, after, second.names[0]):
            self.ranges.like(v, x)
        self.origin[param.name] = x.name
        self.origin[after.name] = param.name
        results: list[Result] = list(loop.results)
        results[k] = Carry(param, x)
        given = list(loop.body.results)
        given[k] = after
        names = list(first.names)
        names[k] = second.names[0]
        body = Block((*loop.body.lets, *b.lets), tuple(given))
        made = replace(loop, results=tuple(results), body=body)
        span = second.span if self.totality.let(first) else first.span
        return Let(tuple(names), made, span, first.role)

    def place(self, b: Builder, path: Path, turn: Operand) -> Path:
        """The path to the part that one turn writes."""
        for s, step in enumerate(path):
            if isinstance(step, Slice):
                at = turn if step.low == ZERO else b.prim("+", INT, step.low, turn, hint="i")
                return (*path[:s], At(at, True), *path[s + 1 :])
        return (*path, At(turn, True))


def _takes(let: Let) -> bool:
    """Whether a Let puts an array into another one."""
    value = let.value
    return (
        isinstance(value, Update)
        and value.kind != "push"
        and isinstance(value.v, Var)
        and isinstance(value.x, Var)
        and isinstance(value.v.type, ArrayType)
        and bool(value.path or value.kind == "add")
        and _reaches_array(value.x.type, value.path)
    )


def _reaches_array(t: Type, path: Path) -> bool:
    """Whether a path stays within the dimensions of an array."""
    for step in path:
        if not isinstance(t, ArrayType) or not isinstance(step, At | Slice):
            return False
        t = row(t)
    return True
