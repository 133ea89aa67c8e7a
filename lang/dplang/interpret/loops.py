"""Loops, one turn after another, and the choice of running them on whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..core.ir import ArrayType, Block, Carry, Loop, Operand, Reduce, Result, Type, While
from ..core.rewrite import lets_of
from ..errors import Span
from . import access, reduce, values
from .closures import Statement, moves, sequence, valued
from .machine import SINK, Machine
from .plan import plan
from .rows import Code, Frame, Source, getter, take
from .shapes import Shapes

if TYPE_CHECKING:
    from .nodes import Node

Turns: TypeAlias = Callable[[Frame, int, int], None]
"""Makes the turns of a loop from one number to another."""

WHOLE = 16
"""How many times faster an operation on whole arrays is, for who watches the work."""


class Rows:
    """Arrays that the turns of a loop give, put into one: each is copied at once, so that nothing holds it."""

    __slots__ = ("charge", "count", "made", "span", "turns")

    def __init__(self, turns: int, span: Span, charge: Callable[[int], None] | None) -> None:
        self.turns = turns
        self.count = 0
        self.made: Any = None
        self.span = span
        self.charge = charge

    def append(self, v: Any) -> None:
        made = self.made
        if made is None:
            made = self.made = values.allocate((max(self.turns, 1), *v.shape), v.dtype, self.span)
        elif made.shape[1:] != v.shape:
            raise access.differing(self.span, v.shape, made.shape[1:])
        elif self.count == len(made):
            made = values.allocate((2 * self.count, *v.shape), v.dtype, self.span)
            made[: self.count] = self.made
            self.made = made
        made[self.count] = v
        self.count += 1
        if self.charge is not None:
            self.charge(v.size)

    def array(self, t: ArrayType, missing: Callable[[], Sequence[int]]) -> Any:
        """The array; `missing` gives the sizes of its rows where there are none."""
        if self.made is None:
            return np.empty((0, *missing()), values.dtype_of(t))
        return self.made if self.count == len(self.made) else self.made[: self.count].copy()


def loop(node: Node, value: Loop | While) -> Code:
    """The code of a loop, which stores its results itself."""
    return _While(node, value).code() if isinstance(value, While) else _Loop(node, value).code()


class _Turns:
    """What both kinds of loop share: what happens before, at the end of each turn, and after."""

    def __init__(self, node: Node, value: Loop | While) -> None:
        self.node = node
        self.value = value
        self.machine: Machine = node.owner.machine
        self.span = node.let.span
        self.start: list[Statement] = []
        self.before: list[Statement] = []
        self.after: list[Statement] = []
        self.turn: list[Statement] = []
        # how many turns there will be, where that is known
        self.count_slot = node.owner.spare_slot()

    def prepare(self, blocks: Sequence[Block]) -> None:
        """`blocks` are all the nested blocks, the body last. The operands of the loop must have been admitted."""
        results, body, slot = self.value.results, blocks[-1], self.node.slot
        gathered = [i for i, r in enumerate(results) if not isinstance(r, Carry)]
        carried = [i for i, r in enumerate(results) if isinstance(r, Carry)]
        starts = [self.node.last(r.init, blocks) for r in results if isinstance(r, Carry)]
        done = self.node.owner.block(body, 1 + len(gathered), [*gathered, *carried])
        self.turn = list(done.statements)
        for i in gathered:
            self.gather(results[i], body.results[i], done.results[i], i)
        params = [slot(r.param.name) for r in results if isinstance(r, Carry)]
        self.start += zip(params, map(getter, starts), strict=True)
        self.turn += moves(params, [done.results[i] for i in carried])
        for i, param in zip(carried, params, strict=True):
            self.after.append((slot(self.node.let.names[i].name), take(param)))

    def gather(self, r: Result, result: Operand, source: Source, i: int) -> None:
        """A `Build` or `Reduce`: a row under way in a slot of its own."""
        under_way = self.node.owner.spare_slot()
        self.before.append((under_way, self.begin(r, result)))
        put = getter(source)

        def append(f: Frame) -> None:
            f[under_way].append(put(f))

        self.turn.append((SINK, append))
        out, slot, t = take(under_way), self.node.slot(self.node.let.names[i].name), self.node.let.names[i].type
        if isinstance(result.type, ArrayType):
            assert isinstance(t, ArrayType)
            whole, sizes = t, Shapes(self.node.owner.slots, self.value.body).dims(result)
            self.after.append((slot, lambda f: out(f).array(whole, lambda: [max(n(f), 0) for n in sizes])))
            return
        finish = self.finish(r, result, t)
        self.after.append((slot, lambda f: finish(out(f))))

    def begin(self, r: Result, result: Operand) -> Code:
        if not isinstance(result.type, ArrayType):
            new = reduce.collector(result.type)
            return lambda f: new()
        span, meter, count = self.span, self.machine.meter, self.count_slot
        charge = None if meter is None else (lambda n: meter.add(n, span))
        return lambda f: Rows(f[count] or 0, span, charge)

    def finish(self, r: Result, result: Operand, t: Type) -> Callable[[Any], Any]:
        if isinstance(r, Reduce):
            return reduce.finish(r, result.type, t, self.span)
        dtype = values.dtype_of(t)
        return lambda row: values.from_list(row, dtype)


class _Loop(_Turns):
    def __init__(self, node: Node, value: Loop) -> None:
        super().__init__(node, value)
        self.loop = value

    def code(self) -> Code:
        value, node = self.loop, self.node
        node.admit_beside_moves([value.low, value.high, *(r.init for r in value.results if isinstance(r, Carry))])
        low, high = getter(node.source(value.low)), getter(node.source(value.high))
        self.prepare([value.body])
        start, turns = sequence(self.start), self.turns(node.slot(value.index.name))
        watch, cost = self.machine.watch, sum(1 for _ in lets_of(value.body)) + 1
        turns = self.watched(turns, cost)
        slots = node.owner.slots
        vectors = plan(self.machine, value, [v.type for v in node.let.names], slots, self.span)
        if vectors is None:

            def run(f: Frame) -> None:
                first, last = low(f), high(f)
                start(f)
                turns(f, first, last)

            return run
        dests = tuple(slots[v.name] for v in node.let.names)
        params = tuple(slots[r.param.name] for r in value.results if isinstance(r, Carry))

        def choose(f: Frame) -> None:
            first, last = low(f), high(f)
            start(f)
            if watch is not None:
                watch.spend(max(last - first, 0) * cost // WHOLE)
            results = vectors.run(f, first, last - first)
            if results is None:
                turns(f, first, last)
                return
            for slot in params:
                f[slot] = None
            while dests_left := len(results):
                # taken out of the list one by one, so that it holds none of them
                f[dests[dests_left - 1]] = results.pop()

        return choose

    def watched(self, turns: Turns, cost: int) -> Turns:
        """`turns`, with the work of each told to who watches."""
        watch = self.machine.watch
        if watch is None:
            return turns
        spend = watch.spend

        def run(f: Frame, first: int, last: int) -> None:
            spend(cost * max(last - first, 0))
            turns(f, first, last)

        return run

    def turns(self, index: int) -> Turns:
        """What makes all turns one by one."""
        turn, count = tuple(self.turn), self.count_slot
        before, after = sequence(self.before), sequence(self.after)
        if len(turn) == 1:
            slot, code = turn[0]

            def run_single(f: Frame, first: int, last: int) -> None:
                f[count] = last - first
                before(f)
                for i in range(first, last):
                    f[index] = i
                    f[slot] = code(f)
                after(f)

            return run_single
        if len(turn) <= 3:
            one = sequence(turn)

            def run_few(f: Frame, first: int, last: int) -> None:
                f[count] = last - first
                before(f)
                for i in range(first, last):
                    f[index] = i
                    one(f)
                after(f)

            return run_few

        def run_many(f: Frame, first: int, last: int) -> None:
            f[count] = last - first
            before(f)
            for i in range(first, last):
                f[index] = i
                for slot, code in turn:
                    f[slot] = code(f)
            after(f)

        return run_many


class _While(_Turns):
    def __init__(self, node: Node, value: While) -> None:
        super().__init__(node, value)
        self.loop = value

    def code(self) -> Code:
        value, node = self.loop, self.node
        node.admit_beside_moves([r.init for r in value.results if isinstance(r, Carry)])
        self.prepare([value.cond, value.body])
        test = node.owner.block(value.cond)
        condition = getter(valued(test.statements, test.results[0]))
        turn = sequence(self.turn)
        before, after = sequence([*self.start, *self.before]), sequence(self.after)
        index, trips = node.slot(value.index.name), node.slot(node.let.names[-1].name)
        if (watch := self.machine.watch) is not None:
            spend, cost, plain = watch.spend, sum(1 for _ in lets_of(value.body)) + 2, turn

            def turn(f: Frame) -> None:
                spend(cost)
                plain(f)

        def run(f: Frame) -> None:
            before(f)
            n = 0
            f[index] = 0
            while condition(f):
                turn(f)
                n += 1
                f[index] = n
            f[trips] = n
            after(f)

        return run
