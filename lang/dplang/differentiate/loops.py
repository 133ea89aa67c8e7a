"""Loops in reverse mode.

The backward code of a body is written first; what it needs of a turn decides what the forward loop keeps. A loop
without carried values goes in any order and keeps nothing, or, where its body holds what must not be executed a third
time, either keeps that of every turn or (in a live region) does its forward and backward code turn by turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..core.build import ONE, ZERO
from ..core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Carry,
    EnumType,
    Get,
    Let,
    Lit,
    Loop,
    Operand,
    Part,
    Path,
    Prim,
    Reduce,
    Result,
    Scalar,
    Slice,
    Update,
    Var,
    While,
)
from ..core.rewrite import free_names, substitute
from .forward import weight
from .measure import is_size, measure, named
from .region import Region
from .writing import element, minus, plus, stacked

if TYPE_CHECKING:
    from collections.abc import Mapping


def loop(region: Region, let: Let, value: Loop | While) -> None:
    seeds = {k: d for k, v in enumerate(let.names) if (d := region.take(v)) is not None}
    single = {k: d for k, d in seeds.items() if isinstance(r := _result(value, k), Reduce) and r.op in ("min", "max")}
    others = {k: d for k, d in seeds.items() if k not in single}
    if others:
        _Turns(region, let, value, others).write()
    for k, d in single.items():
        assert isinstance(value, Loop)
        one_turn(region, let, value, k, d)


def _result(value: Loop | While, k: int) -> Result | None:
    return value.results[k] if k < len(value.results) else None


def one_turn(region: Region, let: Let, loop: Loop, k: int, d: Operand) -> None:
    """A minimum or maximum depends on the one turn in which it was found."""
    r = loop.results[k]
    assert isinstance(r, Reduce)
    writer = region.writer
    turn = region.supply(writer.additions.place(let, r.op, loop.body.results[k]))
    if region.live and not writer.plain(loop.body):
        index = plus(region.out, region.need(loop.low), turn)
        copy = writer.copy(replace(loop.body, results=(loop.body.results[k],)), {loop.index.name: index})
        writer.inline(region, copy, [d])
        return
    inner = region.inside(loop.body, (loop.index,))
    inner.give(loop.index, plus(inner.lead, region.need(loop.low), turn))
    inner.contribute(loop.body.results[k], d)
    writer.sweep(inner)
    inner.finish()
    read_tape(region, let, loop, inner, turn)
    region.out.lets += inner.closed().lets
    writer.pass_on(region, inner)


def read_tape(region: Region, let: Let, loop: Loop | While, inner: Region, turn: Operand) -> None:
    """Has the forward loop keep what backward code of a turn needs, and reads it there."""
    for v, copy in inner.tape:
        outer, boxed = region.writer.additions.stack(let, v, boxed=not _even(loop, v))
        path: Path = (At(turn, True), Part(0, 0)) if boxed else (At(turn, True),)
        inner.lead.lets.append(Let((copy,), Get(region.supply(outer), path), inner.out.span, "adjoint"))


def _even(loop: Loop | While, v: Var) -> bool:
    """Whether `v` certainly has the same size in every turn."""
    return not isinstance(v.type, ArrayType) or all(d is not None for d in v.type.dims)


@dataclass(frozen=True, slots=True)
class Thread:
    """The adjoint of an outer array or enum: before the loop, if there is one yet, and after a turn."""

    root: Var
    start: Operand | None
    end: Operand


class _Turns:
    """The adjoint loop of a loop, for results with the given adjoints."""

    def __init__(self, region: Region, let: Let, loop: Loop | While, seeds: Mapping[int, Operand]) -> None:
        self.region = region
        self.writer = region.writer
        self.let = let
        self.loop = loop
        self.seeds = seeds
        names = self.writer.names
        self.index = names.fresh(loop.index.name, INT)
        """The index of the primal turn, here."""
        self.turn: Operand = self.index
        """The number of the primal turn, here."""
        carries = any(isinstance(r, Carry) for r in loop.results)
        self.live = region.live and not carries and isinstance(loop, Loop) and not self.writer.plain(loop.body)
        body = loop.body
        params = [loop.index, *(r.param for r in loop.results if isinstance(r, Carry))]
        if self.live:
            body = self.writer.copy(body, {loop.index.name: self.index})
            params = [self.index]
        self.inner = region.inside(body, params, live=self.live, turn=True)
        self.low: Operand = ZERO
        if isinstance(loop, Loop):
            self.low, self.high = region.need(loop.low), region.need(loop.high)
        else:
            self.high = region.need(let.names[-1])
        if self.low != ZERO:
            self.turn = names.fresh("turn", INT)

    def write(self) -> None:
        carried = self.start()
        self.writer.sweep(self.inner)
        nexts = {k: self.next(k, param) for k, param in carried.items()}
        constant = {k for k, d in nexts.items() if d == carried[k]}
        moving = {k: d for k, d in nexts.items() if k not in constant}
        starts = {k: self.seed(k) for k in carried}
        sums, threads = self.outer()
        end = self.end()
        self.inner.finish()
        read_tape(self.region, self.let, self.loop, self.inner, self.turn)
        index = self.order(backwards=bool(moving))
        results: list[Result] = [Carry(carried[k], starts[k]) for k in moving]
        turn: list[Operand] = list(moving.values())
        whole = dict(self.gathered(threads, end)) if index is self.index else {}
        for name, thread in threads.items():
            if name in whole:
                results.append(Build())
                turn.append(whole[name][1])
            else:
                results.append(Carry(self.inner.accumulators[name], self.before(thread)))
                turn.append(thread.end)
        results += [Reduce("+") for _ in sums]
        turn += list(sums.values())
        body = self.body(turn)
        body = substitute(body, {carried[k].name: starts[k] for k in constant})
        types = [stacked(o.type) if isinstance(r, Build) else o.type for r, o in zip(results, turn, strict=True)]
        made: tuple[Var, ...] = ()
        if results:
            made = self.region.out.let(Loop(index, self.low, self.high, tuple(results), body), *types, hint="a")
        self.settle(carried, moving, starts, threads, whole, sums, made)

    # ---- the parts of it

    def start(self) -> dict[int, Var]:
        """Gives the results of the body their adjoints; gives the carried adjoints by result."""
        region, inner, loop = self.region, self.inner, self.loop
        if not self.live:
            inner.give(loop.index, self.index)
        carried: dict[int, Var] = {}
        useful = self.region.ctx.activity.useful_carries(loop, self.seeds)
        for k, (r, end) in enumerate(zip(loop.results, inner.block.results, strict=True)):
            if isinstance(r, Carry):
                self.form(r, end)
                if k in useful and r.param.name in self.writer.varied:
                    t = region.tangents.of(r.param.type)
                    carried[k] = self.writer.names.fresh("a", t)
                    inner.contribute(end, carried[k])
            elif k in self.seeds:
                inner.contribute(end, self.share(k, r, end))
        return carried

    def share(self, k: int, r: Build | Reduce, end: Operand) -> Operand:
        """The adjoint of one turn's result."""
        d = self.seeds[k]
        if isinstance(r, Build):
            return self.inner.out.one(Get(d, (At(self.turn, True),)), _row(d), "d")
        if r.op != "logsumexp":
            return d
        t = d.type
        assert isinstance(t, Scalar)
        w = weight(self.inner.out, self.inner.need(end), self.region.need(self.let.names[k]))
        return self.inner.out.prim("*", t, d, w, hint="d")

    def form(self, r: Carry, end: Operand) -> None:
        """A carried Int that grows by the same in every turn, or never changes, is computed again."""
        if end == r.param:
            self.inner.forms[r.param.name] = lambda: self.region.need(r.init)
            return
        let = self.inner.defs.get(end.name) if isinstance(end, Var) else None
        if let is None or r.param.type != INT or not isinstance(let.value, Prim) or let.value.op != "+":
            return
        steps = [a for a in let.value.args if a != r.param]
        step = steps[0] if len(steps) == 1 else None
        if step is None or (isinstance(step, Var) and step.name in self.inner.bound):
            return

        def grown() -> Operand:
            b = self.inner.lead
            by = self.turn if step == ONE else b.prim("*", INT, self.region.need(step), self.turn, hint="i")
            return plus(b, self.region.need(r.init), by)

        self.inner.forms[r.param.name] = grown

    def next(self, k: int, param: Var) -> Operand:
        """The adjoint that the turn before finds."""
        r = self.loop.results[k]
        assert isinstance(r, Carry)
        d = self.inner.take(r.param)
        return self.inner.zeros(r.param) if d is None else d

    def seed(self, k: int) -> Operand:
        d = self.seeds.get(k)
        return self.region.zeros(self.let.names[k]) if d is None else d

    def outer(self) -> tuple[dict[str, Operand], dict[str, Thread]]:
        """What a turn adds to outer scalars; the outer arrays and enums whose adjoints it changes."""
        sums: dict[str, Operand] = {}
        threads: dict[str, Thread] = {}
        for name, root in self.inner.roots.items():
            end = self.inner.adjoint[name]
            if isinstance(root.type, ArrayType | EnumType):
                threads[name] = Thread(root, self.region.current(root), end)
            else:
                sums[name] = end
        return sums, threads

    def order(self, backwards: bool) -> Var:
        """Sets the index of the primal turn; gives the index of the adjoint loop."""
        b = self.inner.lead
        first = b.nested()
        index = self.index
        if backwards:
            index = self.writer.names.fresh("back", INT)
            last = plus(self.region.out, self.low, minus(self.region.out, self.high, ONE))
            first.lets.append(self.bind(self.index, Prim("-", (last, index))))
        if self.turn is not self.index:
            assert isinstance(self.turn, Var)
            first.lets.append(self.bind(self.turn, Prim("-", (self.index, self.low))))
        b.lets[:0] = first.lets
        return index

    def bind(self, v: Var, value: Prim) -> Let:
        return Let((v,), value, self.let.span, "adjoint")

    def body(self, results: list[Operand]) -> Block:
        if not self.live:
            return self.inner.closed(*results)
        lets = self.writer.forward(self.inner).lets
        return Block((*self.inner.lead.lets, *lets, *self.inner.out.lets), tuple(results))

    def before(self, thread: Thread) -> Operand:
        return self.region.zeros(thread.root) if thread.start is None else thread.start

    def gathered(self, threads: Mapping[str, Thread], high: Operand) -> list[tuple[str, tuple[Path, Operand]]]:
        """Outer arrays to which each turn only adds at its own index: they are given the sum of a whole array
        instead of being carried, which makes the adjoint loop a map. With the path of the sum and a turn's share."""
        found = []
        for name, thread in threads.items():
            param = self.inner.accumulators[name]
            chain = self.additions_to(param, thread.end)
            updates = [let.value for let in chain if isinstance(let.value, Update)]
            path = self.own_part(updates[0].path, high) if updates else ()
            others = [x for x in self.inner.out.lets if x not in chain]
            read = free_names(Block(tuple(others), ()))
            elsewhere = param.name in read or any(v.name in read for x in chain for v in x.names)
            if path and not elsewhere and all(u.path == updates[0].path for u in updates):
                self.inner.out.lets = others
                found.append((name, (path, self.added([u.v for u in reversed(updates)]))))
        return found

    def additions_to(self, start: Var, end: Operand) -> list[Let]:
        """The bindings that lead from one adjoint to another by nothing but adding to parts of it, last first."""
        made = {v.name: let for let in self.inner.out.lets for v in let.names}
        chain: list[Let] = []
        while end != start:
            let = made.get(end.name) if isinstance(end, Var) else None
            if let is None or not isinstance(let.value, Update) or let.value.kind != "add":
                return []
            chain.append(let)
            end = let.value.x
        return chain

    def added(self, parts: list[Operand]) -> Operand:
        sum = parts[0]
        for part in parts[1:]:
            sum = self.region.tangents.add(self.inner.out, sum, part)
        return sum

    def own_part(self, path: Path, high: Operand) -> Path:
        """The path of all turns together, if each has a place of its own in it; else empty."""
        made: list[At | Slice] = []
        mine = 0
        for step in path:
            if isinstance(step, At) and step.index == self.index:
                mine += 1
                made.append(Slice(self.low, high, True))
            elif isinstance(step, Part) or any(o.name in self.here() for o in _indices(step)):
                return ()
            elif isinstance(step, Slice) and not mine:
                return ()  # its dimension would stand before that of the turns
            else:
                made.append(step)
        return tuple(made) if mine == 1 else ()

    def end(self) -> Operand:
        """Where the turns end; a loop may run backwards, which is to make no turn."""
        found = named(self.region, self.loop.high if isinstance(self.loop, Loop) else self.let.names[-1])
        end = self.high
        if not (self.low == ZERO and (is_size(found) or isinstance(self.loop, While))):
            end = self.region.out.prim("max", INT, self.low, self.high)
        if isinstance(end, Var):
            self.writer.measures[end.name] = found
        return end

    def covers(self, root: Var, path: Path) -> bool:
        """Whether the path leads over all of an array."""
        for axis, step in enumerate(path):
            if not isinstance(step, Slice) or step.low != ZERO:
                return False
            end = step.high if isinstance(step.high, Lit) else self.writer.measures.get(step.high.name)
            if end is None or end != measure(self.region, root, axis):
                return False
        return True

    def here(self) -> set[str]:
        """Names that only exist inside a turn."""
        found = {self.index.name}
        for lets in (self.inner.lead.lets, self.inner.prelude, self.inner.out.lets):
            found.update(v.name for x in lets for v in x.names)
        if self.live:
            found |= self.inner.bound
        return found

    def settle(
        self,
        carried: Mapping[int, Var],
        moving: Mapping[int, Operand],
        starts: Mapping[int, Operand],
        threads: Mapping[str, Thread],
        whole: Mapping[str, tuple[Path, Operand]],
        sums: Mapping[str, Operand],
        made: tuple[Var, ...],
    ) -> None:
        """Hands the results of the adjoint loop on."""
        region = self.region
        left = iter(made)
        firsts = {k: next(left) if k in moving else starts[k] for k in carried}
        for name, thread in threads.items():
            v = next(left)
            if name in whole and not (thread.start is None and self.covers(thread.root, whole[name][0])):
                start = self.before(thread)
                v = region.out.one(Update("add", start, whole[name][0], v), start.type, "a")
            region.set(thread.root, v)
        for name in sums:
            region.contribute(self.inner.roots[name], next(left))
        for k, d in firsts.items():
            r = self.loop.results[k]
            assert isinstance(r, Carry)
            region.contribute(r.init, d)


def _row(d: Operand) -> ArrayType | Scalar | EnumType:
    assert isinstance(d.type, ArrayType)
    return ArrayType(d.type.elem, d.type.dims[1:]) if len(d.type.dims) > 1 else element(d.type)


def _indices(step: At | Slice) -> list[Var]:
    operands = [step.index] if isinstance(step, At) else [step.low, step.high]
    return [o for o in operands if isinstance(o, Var)]
