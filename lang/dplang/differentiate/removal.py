"""Derivatives, from core to core: every `Derive` becomes a call of an ordinary function that is made here.

Both modes read one table of partial derivatives. What they make is ordinary core, so derivatives of derivatives are
made by going over a program again, innermost operators first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..core.ir import Block, Call, Derive, Let, Program, Var
from ..core.rewrite import calls, lets_of, map_value
from ..errors import Fault, NotBuilt
from .context import Context
from .derive import derived


def differentiate(program: Program, between: Callable[[Program], Program] | None = None) -> Program:
    """The program without any `Derive`. `between` is applied after each order of derivatives: what derivative code has
    too much is better removed before it is differentiated again."""
    first = True
    while holders := [fn for fn in program.fns.values() if derivatives(fn.body)]:
        if between is not None and not first:
            program = between(program)
            holders = [fn for fn in program.fns.values() if derivatives(fn.body)]
        first = False
        ready = _ready(program)
        ctx = Context.of(program)
        made = 0
        for fn in holders:
            body, n = _Removal(ctx, ready).block(fn.body)
            made += n
            ctx.fns[fn.name] = replace(fn, body=body)
        if not made and holders:
            let = derivatives(holders[0].body)[0]
            raise Fault(NotBuilt(let.span, "a function that calls itself through its own derivative"))
        program = Program(ctx.fns, ctx.enums, program.entry)
    return program


def derivatives(block: Block) -> list[Let]:
    return [let for let in lets_of(block) if isinstance(let.value, Derive)]


def _ready(program: Program) -> set[str]:
    """The functions that can be differentiated: neither they nor what they call holds a `Derive`."""
    edges: dict[str, set[str]] = {}
    for name, fn in program.fns.items():
        edges[name] = calls(fn.body)
        if fn.rule is not None:
            edges[name] |= {r for r in (fn.rule.partials, fn.rule.jvp, fn.rule.vjp) if r is not None}
    ready = set(program.fns)
    spoilt = [name for name, fn in program.fns.items() if derivatives(fn.body)]
    callers: dict[str, list[str]] = {}
    for name, callees in edges.items():
        for callee in callees:
            callers.setdefault(callee, []).append(name)
    while spoilt:
        name = spoilt.pop()
        if name in ready:
            ready.discard(name)
            spoilt.extend(callers.get(name, ()))
    return ready


class _Removal:
    """Replaces the operators of one function whose functions are ready."""

    def __init__(self, ctx: Context, ready: set[str]) -> None:
        self.ctx = ctx
        self.ready = ready
        self.made = 0

    def block(self, block: Block) -> tuple[Block, int]:
        return self._block(block), self.made

    def _block(self, block: Block) -> Block:
        lets = []
        for let in block.lets:
            value = map_value(let.value, lambda o: o, self._inner)
            if isinstance(value, Derive) and (value.kind == "demand" or value.fn in self.ready):
                self.made += 1
                if value.kind == "demand":
                    continue
                self.ctx.span = let.span
                value = Call(derived(self.ctx, value), (*value.args, *value.seeds))
            lets.append(replace(let, value=value))
        return Block(tuple(lets), block.results)

    def _inner(self, params: tuple[Var, ...], block: Block) -> tuple[tuple[Var, ...], Block]:
        return params, self._block(block)
