"""Parallel loops as text in which every step does as many turns as a vector has lanes.

What is the same in all turns is written as it would be without lanes. The last step repeats its last turn in the
lanes that are left over, and leaves them out where it stores, adds and combines. A branch that turns take differently
is both sides and a choice, or two regions, each with a mask of the lanes that are in it. Where something
faults, the kernel leaves the whole call to code that does one turn after the other, which finds the first fault.
"""

from __future__ import annotations

from typing import Any

from ...core.ir import (
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    Block,
    Check,
    Checkpoint,
    Dim,
    Fill,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Make,
    Operand,
    Prim,
    Stop,
    Update,
    Var,
    While,
)
from ...core.rewrite import rank
from ..rows import FAULTS, scalar_of
from ..text import bare
from .facts import costs
from .inner import Inner
from .rows import expression
from .words import SIDES, WIDTH, ZEROS, Index, Unfit


class Lanes(Inner):
    """Writes the body of one parallel loop."""

    def block(self, block: Block) -> None:
        for let in block.lets:
            if self.facts.is_uniform(let) and not (let.names and let.names[0].name in self.host.nested.rows):
                self.host.block(Block((let,), ()))
            else:
                self.let(let)

    def let(self, let: Let) -> None:
        value = let.value
        match value:
            case Var():
                self.alias(let.names[0], value)
            case Stop(x):
                self.alias(let.names[0], x)
            case Prim():
                self.prim(let, value)
            case Get(x, path):
                self.get(let, x, path)
            case Update():
                self.update(let, value)
            case Make(parts):
                self.make(let.names[0], parts)
            case Fill(shape, v):
                self.fill(let, shape, v)
            case Dim(x, axis):
                self.host.value(let.names[0], self.dims(x)[axis])
            case If():
                self.branch(let, value)
            case Loop():
                self.loop(let, value)
            case While():
                self.turns(let, value)
            case Checkpoint(body):
                self.block(body)
                for v, r in zip(let.names, body.results, strict=True):
                    self.alias(v, r)
            case Check(cond):
                self.stop_if(f"(~{self.lane(cond)})")
            case _:
                raise Unfit

    def alias(self, v: Var, o: Operand) -> None:
        if isinstance(o, Var):
            tables: tuple[dict[str, Any], ...] = (self.wides, self.views, self.runs)
            for table in tables:
                if o.name in table:
                    table[v.name] = table[o.name]
        if not rank(v.type) and v.name in self.facts.varying:
            self.host.share(v, self.lane(o))
        elif not isinstance(o, Var) or o.name not in self.views:
            self.host.alias(v, o)

    def prim(self, let: Let, value: Prim) -> None:
        v = let.names[0]
        if any(rank(a.type) for a in value.args):
            self.whole_array(v, value)
            return
        text = expression(value)
        if text is None:
            raise Unfit
        args = [self.host.whole(a) for a in value.args]
        if value.op in FAULTS and value.args[0].type in (INT, KEY):
            _, test, _ = FAULTS[value.op]
            args[1] = self.named(args[1])
            if self.varies(value.args[1]):
                self.stop_if(f"({test.format(*args)})")
                args[1] = self.kept(args[1], "1")
            elif not isinstance(value.args[1], Lit) or int(value.args[1].value) <= 0:
                with self.host.inside(f"if {test.format(*args)}:"):
                    self.host.apart()
        if value.op == "int" and value.args[0].type in (FLOAT, FLOAT32):
            args[0] = self.named(args[0])
            self.stop_if(f"(~(({args[0]} >= -9.223372036854775808e18) & ({args[0]} < 9.223372036854775808e18)))")
        self.follow_run(v, value)
        self.host.value(v, text.format(*args))

    def follow_run(self, v: Var, value: Prim) -> None:
        """Indices that go up or down by one from lane to lane."""
        if value.op not in ("+", "-") or v.type != INT:
            return
        a, b = value.args
        x, y = (self.host.whole(o) for o in value.args)
        if isinstance(a, Var) and a.name in self.runs and not self.varies(b):
            base, step = self.runs[a.name]
            self.runs[v.name] = f"({base} {value.op} {y})", step
        elif isinstance(b, Var) and b.name in self.runs and not self.varies(a):
            base, step = self.runs[b.name]
            self.runs[v.name] = f"({x} {value.op} {base})", step if value.op == "+" else -step

    def whole_array(self, v: Var, value: Prim) -> None:
        """A product of two vectors; other operations on whole arrays are not for lanes."""
        if value.op not in ("dot", "@") or any(rank(a.type) != 1 for a in value.args):
            raise Unfit
        x, y = value.args
        n, m = self.dims(x)[0], self.dims(y)[0]
        if n != m:
            with self.host.inside(f"if {n} != {m}:"):
                self.host.apart()
        total, k = self.host.bind(v), self.host.changing("k")
        self.line(f"{total} = spl({WIDTH}, {ZEROS[scalar_of(v.type)]})")
        with self.host.inside(f"for {k} in range({n}):"):
            self.line(f"{total} = {total} + {self.read(x, (Index(k),))} * {self.read(y, (Index(k),))}")

    def branch(self, let: Let, value: If) -> None:
        cond = self.named(self.host.whole(value.cond), "c")
        if not self.varies(value.cond):
            self.same_way(let, value, cond)
            return
        cheap = [costs(side) for side in (value.then, value.orelse)]
        if sum(cheap) <= SIDES:
            self.block(value.then)
            self.block(value.orelse)
            sides = [[self.host.whole(r) for r in side.results] for side in (value.then, value.orelse)]
        else:
            sides = [self.side(let, value.then, cond), self.side(let, value.orelse, f"(~{cond})")]
        for k, v in enumerate(let.names):
            if rank(v.type):
                self.one_buffer(v, value.then.results[k], value.orelse.results[k])
            else:
                then, orelse = (bare(side[k]) for side in sides)
                self.host.value(v, f"sel({cond}, {then}, {orelse})")

    def side(self, let: Let, side: Block, cond: str) -> list[str]:
        """One side under a mask: what its results are called."""
        mask = self.named(self.within(cond), "here")
        names = [self.host.fresh(v.name) for v in let.names]
        for v, name in zip(let.names, names, strict=True):
            if not rank(v.type):
                self.line(f"{name} = spl({WIDTH}, {ZEROS[scalar_of(v.type)]})")
        with self.host.inside(f"if any_lane({mask}):"), self.region(mask):
            self.block(side)
            for v, name, r in zip(let.names, names, side.results, strict=True):
                if not rank(v.type):
                    self.line(f"{name} = {bare(self.lane(r))}")
        return names

    def same_way(self, let: Let, value: If, cond: str) -> None:
        """A branch that all turns take alike."""
        for v in let.names:
            if not rank(v.type):
                self.host.bind(v)
        for head, side in ((f"if {cond}:", value.then), ("else:", value.orelse)):
            with self.host.inside(head), self.inner_scope():
                self.block(side)
                for v, r in zip(let.names, side.results, strict=True):
                    if not rank(v.type):
                        varies = v.name in self.facts.varying
                        source = self.lane(r) if varies else self.host.whole(r)
                        self.line(f"{self.host.name_of[v.name]} = {bare(source)}")
        for v, a, b in zip(let.names, value.then.results, value.orelse.results, strict=True):
            if rank(v.type):
                self.one_buffer(v, a, b)

    def one_buffer(self, v: Var, a: Operand, b: Operand) -> None:
        """An array that both sides leave in the same buffer."""
        assert isinstance(a, Var) and isinstance(b, Var)
        if a.name in self.views or b.name in self.views or self.host.name_of[a.name] != self.host.name_of[b.name]:
            raise Unfit
        if self.wides.get(a.name) != self.wides.get(b.name):
            raise Unfit
        self.alias(v, a)
