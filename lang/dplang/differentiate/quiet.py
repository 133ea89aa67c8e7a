"""Code to be executed again: some results of a block, with what they need and without effects or checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..core.ir import (
    Arm,
    Block,
    Carry,
    Checkpoint,
    Get,
    If,
    Let,
    Loop,
    Match,
    Operand,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import free_names
from .writing import trusted


def quiet(block: Block, keep: Iterable[int] | None = None) -> Block:
    """The results of `block` numbered in `keep` (all without it)."""
    results = block.results if keep is None else tuple(block.results[i] for i in keep)
    live = {r.name for r in results if isinstance(r, Var)}
    lets: list[Let] = []
    for let in reversed(block.lets):
        wanted = [i for i, v in enumerate(let.names) if v.name in live]
        if wanted:
            lets.append(narrowed(let, wanted))
            live.update(free_names(lets[-1].value))
    return Block(tuple(reversed(lets)), results)


def narrowed(let: Let, wanted: Sequence[int]) -> Let:
    """`let` with the names numbered in `wanted` only, where its value can do with fewer."""
    value = let.value
    made: Operand | Value
    match value:
        case Get(x, path):
            return replace(let, value=Get(x, trusted(path)), role="adjoint")
        case Update(kind, x, path, v):
            return replace(let, value=Update(kind, x, trusted(path), v), role="adjoint")
        case If(cond, then, orelse):
            made = If(cond, quiet(then, wanted), quiet(orelse, wanted))
        case Match(x, arms):
            made = Match(x, tuple(Arm(a.params, quiet(a.body, wanted)) for a in arms))
        case Checkpoint(body):
            made = Checkpoint(quiet(body, wanted))
        case Loop() | While():
            return _loop(let, value, set(wanted))
        case _:
            return replace(let, role="adjoint")
    return replace(let, names=tuple(let.names[i] for i in wanted), value=made, role="adjoint")


def _loop(let: Let, loop: Loop | While, keep: set[int]) -> Let:
    """A carried value is kept as well where something kept is made of it."""
    carries = {r.param.name: k for k, r in enumerate(loop.results) if isinstance(r, Carry)}
    keep = {k for k in keep if k < len(loop.results)}
    while True:
        kept = sorted(keep)
        body = quiet(loop.body, kept)
        read = set(free_names(body))
        if isinstance(loop, While):
            read |= set(free_names(loop.cond))
        more = {carries[name] for name in read if name in carries} - keep
        if not more:
            break
        keep |= more
    names = tuple(let.names[k] for k in kept)
    if isinstance(loop, While):
        turns = tuple(loop.results[k] for k in kept)
        made: Value = replace(loop, results=turns, cond=quiet(loop.cond), body=body)
        return replace(let, names=(*names, let.names[-1]), value=made, role="adjoint")
    made = replace(loop, results=tuple(loop.results[k] for k in kept), body=body)
    return replace(let, names=names, value=made, role="adjoint")
