"""Takes what can be a kernel out of functions that cannot: runs of Lets around a `print`, say, become functions of
their own.

Only runs that hold a loop or a call are worth it. Each reads what it needs as parameters and gives what is read after
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..core.ir import Block, Call, Fn, If, Let, Loop, Match, Operand, Param, Prim, Program, Value, While
from ..core.rewrite import Rebuild, blocks, calls, free_names, map_value
from ..primitives import TABLE
from .refuse import Refusals


def outline(program: Program) -> Program:
    """`program` with its kernels-to-be as functions."""
    refusals = Refusals(program)
    fns = dict(program.fns)
    for name, fn in program.fns.items():
        if refusals.reason(name):
            fns[name] = replace(fn, body=_Outline(fn, refusals, fns).block(fn.body))
    return replace(program, fns=fns)


class _Outline:
    def __init__(self, fn: Fn, refusals: Refusals, fns: dict[str, Fn]) -> None:
        self.fn = fn
        self.refusals = refusals
        self.fns = fns
        self.count = 0

    def block(self, block: Block) -> Block:
        made: list[Let] = []
        run: list[Let] = []
        lets = block.lets
        for k, let in enumerate(lets):
            if self.fits(let):
                run.append(let)
                continue
            made += self.cut(run, _read([*lets[k:]], block.results))
            run = []
            made.append(replace(let, value=self.nested(let.value)))
        made += self.cut(run, _read([], block.results))
        return Block(tuple(made), block.results)

    def nested(self, value: Operand | Value) -> Operand | Value:
        rebuild: Rebuild = lambda params, inner: (params, self.block(inner))  # noqa: E731
        return map_value(value, lambda o: o, rebuild)

    def fits(self, let: Let) -> bool:
        """Whether a Let, with all inside it and all that it calls, may be in a kernel."""
        inner = [b for _, b in blocks(let.value)]
        return (
            not self.refusals.of_let(let)
            and not any(map(self.refusals.of_block, inner))
            and not any(map(self.refusals.reason, calls(Block((let,), ()))))
        )

    def cut(self, run: list[Let], later: set[str]) -> list[Let]:
        """A run as a call of a new function, light Lets at its ends left where they are."""
        heavy = [k for k, let in enumerate(run) if _is_heavy(let)]
        if not heavy:
            return run
        first, last = heavy[0], heavy[-1] + 1
        before, inside, after = run[:first], run[first:last], run[last:]
        later = later | _read(after, ())
        given = tuple(v for let in inside for v in let.names if v.name in later)
        body = Block(tuple(inside), given)
        taken = tuple(free_names(body).values())
        self.count += 1
        name = f"{self.fn.name}.run.{self.count}"
        params = tuple(Param(v, v.name) for v in taken)
        types = tuple(v.type for v in given)
        span = inside[0].span
        labels = tuple(v.name for v in given)
        self.fns[name] = Fn(name, self.fn.label, params, body, types, labels, span, user=False)
        return [*before, Let(given, Call(name, taken), span, inside[0].role), *after]


def _read(lets: list[Let], results: Iterable[Operand]) -> set[str]:
    return set(free_names(Block(tuple(lets), tuple(results))))


def _is_heavy(let: Let) -> bool:
    match let.value:
        case Loop() | While() | Call():
            return True
        case Prim(op):
            return op in TABLE and not TABLE[op].elementwise
        case If() | Match():
            return any(_is_heavy(inner) for _, b in blocks(let.value) for inner in b.lets)
        case _:
            return False
