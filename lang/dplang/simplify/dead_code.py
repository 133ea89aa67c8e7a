"""Dead code: what nothing reads and has no effect goes, loop results included."""

from __future__ import annotations

from dataclasses import replace

from ..core.ir import (
    Arm,
    Block,
    Call,
    Carry,
    Check,
    Checkpoint,
    Derive,
    Fn,
    If,
    Io,
    Let,
    Loop,
    Match,
    Operand,
    Program,
    Value,
    Var,
    While,
)
from ..core.rewrite import blocks, calls, free_names


class DeadCode:
    """The pass over one program. A call is kept where its callee has an effect that is no mere fault of dead values."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._effects: dict[str, bool] = {}

    def program_without(self) -> Program:
        fns = {name: self.function(fn) for name, fn in self.program.fns.items()}
        return Program(fns, self.program.enums, self.program.entry)

    def function(self, fn: Fn) -> Fn:
        return replace(fn, body=self.block(fn.body))

    def block(self, block: Block) -> Block:
        live = {r.name for r in block.results if isinstance(r, Var)}
        kept: list[Let] = []
        for let in reversed(block.lets):
            if not self.must_run(let) and not any(v.name in live for v in let.names):
                continue
            let = self.narrow(let, live)
            live.update(free_names(let.value))
            kept.append(let)
        return Block(tuple(reversed(kept)), block.results)

    def narrow(self, let: Let, live: set[str]) -> Let:
        """`let` without the results that nobody reads, its nested blocks without dead code."""
        value = let.value
        match value:
            case If(cond, then, orelse):
                keep = [i for i, v in enumerate(let.names) if v.name in live]
                sides = (self.block(_only(b, keep)) for b in (then, orelse))
                return replace(let, names=_pick(let.names, keep), value=If(cond, *sides))
            case Match(x, arms):
                keep = [i for i, v in enumerate(let.names) if v.name in live]
                new = tuple(Arm(a.params, self.block(_only(a.body, keep))) for a in arms)
                return replace(let, names=_pick(let.names, keep), value=Match(x, new))
            case Checkpoint(body):
                keep = [i for i, v in enumerate(let.names) if v.name in live]
                body = self.block(_only(body, keep))
                return replace(let, names=_pick(let.names, keep), value=Checkpoint(body))
            case Loop() | While():
                return self.narrow_loop(let, value, live)
            case _:
                return let

    def narrow_loop(self, let: Let, loop: Loop | While, live: set[str]) -> Let:
        """A result stays if it is read after the loop or, carried, by what another kept result is made of."""
        keep = {i for i, v in enumerate(let.names[: len(loop.results)]) if v.name in live}
        params = {r.param.name: i for i, r in enumerate(loop.results) if isinstance(r, Carry)}
        while True:
            body = self.block(_only(loop.body, sorted(keep)))
            read = set(free_names(body))
            if isinstance(loop, While):
                read |= set(free_names(loop.cond))
            more = {i for name, i in params.items() if name in read} - keep
            if not more:
                break
            keep |= more
        kept = sorted(keep)
        names = _pick(let.names, kept)
        if isinstance(loop, While):
            results = tuple(loop.results[i] for i in kept)
            narrowed: Value = replace(loop, results=results, cond=self.block(loop.cond), body=body)
            names += let.names[-1:]
        else:
            narrowed = replace(loop, results=tuple(loop.results[i] for i in kept), body=body)
        return replace(let, names=names, value=narrowed)

    def has_effect(self, value: Operand | Value) -> bool:
        """Whether `value` must run though nobody reads it: a Check, input or output, inside or in a callee."""
        match value:
            case Check() | Io():
                return True
            case Derive(kind="demand"):
                return True
            case Call(fn):
                return self.function_has_effect(fn)
            case _:
                return any(self.block_has_effect(b) for _, b in blocks(value))

    def block_has_effect(self, block: Block) -> bool:
        return any(self.must_run(let) for let in block.lets)

    def must_run(self, let: Let) -> bool:
        """Whether the author's text makes `let` run: a `while` that may not end is part of what a
        program does, one that derivative code executes again is not."""
        return self.has_effect(let.value) or (isinstance(let.value, While) and let.role == "primal")

    def function_has_effect(self, name: str) -> bool:
        if name not in self._effects:
            self._effects[name] = False  # the least fixed point: recursion alone is no effect
            self._effects[name] = self.block_has_effect(self.program.fns[name].body)
        return self._effects[name]


def dead_code(program: Program) -> Program:
    """Drops every binding that nothing reads and that has no effect."""
    return DeadCode(program).program_without()


def reachable(program: Program) -> Program:
    """The functions that the entry names, directly or through others."""
    found: dict[str, Fn] = {}
    left = [program.entry]
    while left:
        name = left.pop()
        if name in found:
            continue
        fn = found[name] = program.fns[name]
        left.extend(calls(fn.body))
        if fn.rule is not None:
            rules = (fn.rule.partials, fn.rule.jvp, fn.rule.vjp)
            left.extend(r for r in rules if r is not None)
    return Program(found, program.enums, program.entry)


def _only(block: Block, keep: list[int]) -> Block:
    return Block(block.lets, tuple(block.results[i] for i in keep))


def _pick(names: tuple[Var, ...], keep: list[int]) -> tuple[Var, ...]:
    return tuple(names[i] for i in keep)
