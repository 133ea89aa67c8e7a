"""What would have faulted still does, after the array that asked for it is gone.

An array that is read anywhere keeps all that its elements are made of. Taken apart, an element that nothing reads goes
with all that it is made of, faults included. Here such an element gets a reader: a check that never fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..core.build import TRUE, ZERO, Builder
from ..core.ir import BOOL, INT, ArrayType, Block, Check, Dim, EnumType, Fn, If, Let, Operand, Program, Var
from ..core.rewrite import all_names, lets_of, map_value
from .dead_code import DeadCode
from .total import Totality

READ = "E0601"
"""The fault of a check that never fails: of an index, as most faults of elements are."""


def keep_faults(fn: Fn, program: Program, copies: Iterable[tuple[str, ...]]) -> Fn:
    """`fn` with a reader for what nothing reads, though it may fault. Of the names in one of `copies` one is enough."""
    live = _live(fn, program)
    served = {name for group in copies for name in (group if live.intersection(group) else group[1:])}
    return _Readers(fn, live | served, Totality(program)).function()


def keep_faults_of(before: Fn, after: Fn, program: Program) -> Fn:
    """`after`, which `before` has become, with a reader for what is read no longer, though it may fault."""
    bound = {v.name for let in lets_of(after.body) for v in let.names}
    return _Readers(after, _live(after, program) | (bound - _live(before, program)), Totality(program)).function()


def _live(fn: Fn, program: Program) -> set[str]:
    return {v.name for let in lets_of(DeadCode(program).function(fn).body) for v in let.names}


class _Readers:
    def __init__(self, fn: Fn, live: set[str], totality: Totality) -> None:
        self.fn = fn
        self.live = live
        self.totality = totality
        self.names = all_names(fn)

    def function(self) -> Fn:
        return replace(self.fn, body=self.block(self.fn.body))

    def block(self, block: Block) -> Block:
        lets: list[Let] = []
        for let in block.lets:
            if not let.names or any(v.name in self.live for v in let.names):
                lets.append(replace(let, value=map_value(let.value, _same, self.inside)))
            else:
                lets.append(let)
                if not self.totality.let(let):
                    lets += self.reader(let)
        return Block(tuple(lets), block.results)

    def inside(self, params: tuple[Var, ...], block: Block) -> tuple[tuple[Var, ...], Block]:
        return params, self.block(block)

    def reader(self, let: Let) -> list[Let]:
        v = let.names[0]
        if isinstance(v.type, EnumType):
            return []
        out = Builder(self.names, let.span, let.role)
        seen = out.one(Dim(v, 0), INT) if isinstance(v.type, ArrayType) else v
        same = seen if seen.type == BOOL else out.prim("==", BOOL, seen, seen)
        always = out.one(If(same, Block((), (TRUE,)), Block((), (TRUE,))), BOOL)
        out.effect(Check(always, READ, (ZERO, ZERO, ZERO)))
        return out.lets


def _same(o: Operand) -> Operand:
    return o


__all__ = ["keep_faults", "keep_faults_of"]
