"""From core to closures: each node becomes a closure over the frame of its function, once.

A frame is a list: how deep the call is, a slot for what nobody reads, the parameters, every other name. A closure is
specialised on where its operands are. Names that hold memory are moved out of their slots by what reads them last, so
that the count of references says whether an array may be updated in place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..analyse.ownership import deaths
from ..core.ir import (
    Block,
    Call,
    Fn,
    Get,
    Let,
    Lit,
    Loop,
    Operand,
    Prim,
    Update,
    Var,
    Variant,
    While,
)
from ..core.rewrite import blocks, operands
from ..errors import Fault, Span
from ..errors import runtime as faults
from ..errors.runtime import DEEPEST
from . import values
from .closures import Statement, nothing, tupled, valued
from .machine import DEPTH, FIRST, SINK, Function, Machine, Tiered
from .nesting import Nesting, Waiting
from .nodes import Node
from .rows import (
    Code,
    Frame,
    Source,
    getter,
    is_elementwise,
    literal,
)


def _as_it_is(code: Code) -> Code:
    return code


def _seen_from(call: Span) -> Callable[[Code], Code]:
    """What makes faults of the library those of the call of it."""

    def calling(code: Code) -> Code:
        def run(f: Frame) -> Any:
            try:
                return code(f)
            except Fault as fault:
                raise fault.seen_from(call) from None

        return run

    return calling


def function(machine: Machine, name: str) -> Function:
    """The function called `name`, to be prepared when it is first called."""
    known = machine.functions.get(name)
    if known is None:
        fn = machine.program.fns[name]
        slots = _slots(fn)
        known = Function(fn, FIRST + len(slots) + _loops(fn.body), lambda: Preparation(machine, fn, slots).body())
        machine.functions[name] = known
    return known


def _slots(fn: Fn) -> dict[str, int]:
    names = [p.var.name for p in fn.params]

    def visit(block: Block) -> None:
        for let in block.lets:
            names.extend(v.name for v in let.names)
            for params, inner in blocks(let.value):
                names.extend(p.name for p in params)
                visit(inner)

    visit(fn.body)
    return {name: FIRST + i for i, name in enumerate(dict.fromkeys(names))}


def _loops(block: Block) -> int:
    """How many slots the loops of a block need for results under way."""
    total = 0
    for let in block.lets:
        if isinstance(let.value, Loop | While):
            total += len(let.value.results) + 1
        total += sum(_loops(inner) for _, inner in blocks(let.value))
    return total


def _count_uses(block: Block, found: Counter[str]) -> None:
    for let in block.lets:
        found.update(o.name for o in operands(let.value) if isinstance(o, Var))
        for _, inner in blocks(let.value):
            _count_uses(inner, found)
    found.update(r.name for r in block.results if isinstance(r, Var))


def cost(let: Let) -> int:
    """The scalars that a Let touches by itself, apart from whole arrays, which are counted as they are made."""
    match let.value:
        case Prim(op):
            return int(is_elementwise(op))
        case Get() | Update() | Variant() | Call():
            return 1
        case _:
            return 0


@dataclass(frozen=True, slots=True)
class Compiled:
    """A block as statements and where its results are found after them."""

    statements: list[Statement]
    results: list[Source]


class Preparation:
    """Prepares one function."""

    def __init__(self, machine: Machine, fn: Fn, slots: dict[str, int]) -> None:
        self.machine = machine
        self.fn = fn
        self.slots = slots
        self.deaths = deaths(fn)
        self.uses: Counter[str] = Counter()
        _count_uses(fn.body, self.uses)
        self.spare = FIRST + len(slots)

    def body(self) -> Code:
        """The code of the function: one result is a value, several are a tuple."""
        done = self.block(self.fn.body)
        if len(done.results) == 1:
            return getter(valued(done.statements, done.results[0]))
        return tupled(done.statements, done.results)

    def spare_slot(self) -> int:
        self.spare += 1
        return self.spare - 1

    # ---- blocks

    def block(self, block: Block, extra: int = 0, order: Sequence[int] | None = None) -> Compiled:
        """`extra` is what entering the block costs; `order` that in which the reader evaluates the results."""
        nesting = Nesting([(self.slots[n], nothing) for n in self.deaths.entering.get(id(block), ())])
        if (meter := self.machine.meter) is not None and (block.lets or extra):
            n, span = extra + sum(map(cost, block.lets)), block.lets[0].span if block.lets else self.fn.span
            nesting.statements.append((SINK, lambda f: meter.add(n, span)))
        direct: Counter[str] = Counter()
        for let in block.lets:
            direct.update(o.name for o in operands(let.value) if isinstance(o, Var))
        direct.update(r.name for r in block.results if isinstance(r, Var))
        for let in block.lets:
            self.let(let, nesting, direct)
        order = range(len(block.results)) if order is None else order
        moved = self.deaths.moved[id(block)]
        # beside a result that is moved out of its slot nothing waits that may read that slot
        nesting.admit([block.results[i] for i in order], lambda w: not w.kills and not moved, barrier=True)
        results = [self.source(r, nesting, i in moved) for i, r in enumerate(block.results)]
        return Compiled(nesting.statements, results)

    def source(self, o: Operand, nesting: Nesting, moved: bool = False) -> Source:
        """Where an operand is found; `moved`: its slot is emptied by reading it."""
        if isinstance(o, Lit):
            return Source("literal", literal(o))
        inside = nesting.inside.get(o.name)
        if inside is not None:
            return inside.source
        slot = self.slots[o.name]
        return Source("moved" if moved else "slot", slot)

    def let(self, let: Let, nesting: Nesting, direct: Counter[str]) -> None:
        node = Node(self, let, nesting)
        code, pure, anywhere = node.prepare()
        kills = tuple(self.slots[n] for n in node.dying if n not in node.taken and n not in node.inner)
        if len(let.names) != 1 or node.writes:
            if not pure or nesting.ordered_inside:
                nesting.flush()
            nesting.statements.append((SINK, code))
            nesting.statements.extend((slot, nothing) for slot in kills)
            return
        name, slot = let.names[0].name, self.slots[let.names[0].name]
        ordered = not pure or nesting.ordered_inside
        kills += nesting.kills_inside
        size = 1 + nesting.size_inside
        waiting = Waiting(Source("code", code), slot, ordered, size, anywhere, kills)
        if self.uses[name] == 1 and direct[name] == 1 and node.may_wait:
            nesting.waiting[name] = waiting
            return
        if ordered:
            nesting.flush()
        nesting.emit(waiting)

    def call(self, name: str, args: list[Source], span: Span) -> Code:
        """Code that calls a function and gives its value or tuple."""
        fn = function(self.machine, name)
        label = fn.fn.label
        compiled = self.machine.compiled(name)
        calling = _seen_from(span) if fn.fn.span.source.library and not span.source.library else _as_it_is

        def too_deep() -> int:
            raise Fault(faults.RecursionTooDeep(span, label, DEEPEST))

        if compiled is not None:
            return calling(_compiled_call(compiled, fn, [getter(a) for a in args], too_deep))
        match [getter(a) for a in args]:
            case [a]:

                def call_1(f: Frame) -> Any:
                    depth = f[DEPTH] + 1 if f[DEPTH] < DEEPEST else too_deep()
                    return fn.body([depth, None, a(f), *fn.pad])

                return calling(call_1)
            case [a, b]:

                def call_2(f: Frame) -> Any:
                    depth = f[DEPTH] + 1 if f[DEPTH] < DEEPEST else too_deep()
                    return fn.body([depth, None, a(f), b(f), *fn.pad])

                return calling(call_2)
            case [a, b, c]:

                def call_3(f: Frame) -> Any:
                    depth = f[DEPTH] + 1 if f[DEPTH] < DEEPEST else too_deep()
                    return fn.body([depth, None, a(f), b(f), c(f), *fn.pad])

                return calling(call_3)
            case many:

                def call_many(f: Frame) -> Any:
                    depth = f[DEPTH] + 1 if f[DEPTH] < DEEPEST else too_deep()
                    frame = [depth, None]
                    for g in many:
                        frame.append(g(f))
                    frame.extend(fn.pad)
                    return fn.body(frame)

                return calling(call_many)

    def own(self, span: Span) -> Callable[[values.Array], values.Array] | None:
        """What makes an array fit to be written to, where that is not simply to claim it."""
        meter = self.machine.meter
        if self.machine.copy_always:

            def copy(a: values.Array) -> values.Array:
                if meter is not None:
                    meter.add(a.size, span)
                return a.copy()

            return copy
        if meter is None:
            return None

        def own(a: values.Array) -> values.Array:
            if values.owned(a, values.PASSED_ON):
                return a
            meter.add(a.size, span)
            return a.copy()

        return own

    def charged(self, code: Code, span: Span) -> Code:
        """`code` whose result, an array, is counted by its elements."""
        meter = self.machine.meter
        if meter is None:
            return code

        def charge(f: Frame) -> Any:
            value = code(f)
            meter.add(value.size if isinstance(value, np.ndarray) else 1, span)
            return value

        return charge


def _compiled_call(compiled: Tiered, fn: Function, args: list[Code], too_deep: Callable[[], int]) -> Code:
    """Code that calls a function which has a compiled form."""

    def call(f: Frame) -> Any:
        depth = f[DEPTH] + 1 if f[DEPTH] < DEEPEST else too_deep()
        given = [a(f) for a in args]
        return compiled(given, lambda: fn.body([depth, None, *given, *fn.pad]))

    return call
