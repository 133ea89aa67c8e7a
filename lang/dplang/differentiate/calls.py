"""Calls in reverse mode: a function that also gives what is kept of it, and one that goes back.

`f.fwd` gives the results of f and its residual. `f.bwd` takes the parameters that it reads, the residual, the adjoints
of the results, and the adjoints so far of array parameters, which it gives back changed: nothing of the size of a
whole array is made for one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.ir import (
    ArrayType,
    Block,
    Call,
    EnumDecl,
    EnumType,
    Fn,
    Get,
    Let,
    Operand,
    Part,
    Type,
    Var,
    Variant,
    VariantDecl,
)
from .additions import Swap
from .custom import reverse_rule
from .region import Spot
from .writing import function

if TYPE_CHECKING:
    from .context import Context
    from .region import Region


@dataclass(frozen=True, slots=True)
class Key:
    """What backward code depends on: the parameters that get adjoints, the results that have one, arrays that may be
    overwritten before it runs, arrays whose adjoint so far is passed in."""

    fn: str
    adjoints: tuple[int, ...]
    results: tuple[int, ...]
    unstable: frozenset[int]
    threaded: frozenset[int]


@dataclass(frozen=True, slots=True)
class Backward:
    """`needed`: numbers of the parameters that the backward function reads; `kept`: the residual."""

    forward: str
    backward: str
    needed: tuple[int, ...]
    kept: tuple[Type, ...]


def call(region: Region, let: Let, value: Call) -> None:
    ctx, writer = region.ctx, region.writer
    fn = ctx.fns[value.fn]
    seeds = {k: d for k, v in enumerate(let.names) if (d := region.take(v)) is not None}
    if fn.rule is not None:
        reverse_rule(region, let, value, fn, seeds)
        return
    depends = ctx.activity.depends(fn.name)
    sources = frozenset().union(*(depends[k] for k in seeds))
    adjoints = tuple(i for i in sorted(sources) if region.moves(value.args[i]))
    if not adjoints:
        return
    threads = _threads(region, value, adjoints)
    arrays = [(i, a) for i, a in enumerate(value.args) if isinstance(a, Var) and isinstance(a.type, ArrayType)]
    unstable = frozenset(i for i, a in arrays if not writer.stable(a))
    made = backward(ctx, Key(fn.name, adjoints, tuple(seeds), unstable, frozenset(threads)))
    kept = tuple(writer.names.fresh("kept", t) for t in made.kept)
    if made.forward != fn.name:
        writer.additions.swaps.setdefault(let.names[0].name, []).append(Swap(made.forward, kept))
    args: list[Operand] = [region.need(value.args[i]) for i in made.needed]
    args += [region.supply(v) for v in kept]
    args += seeds.values()
    args += [d for _, d in threads.values()]
    types = [ctx.tangents.of(fn.params[i].var.type) for i in adjoints]
    results = region.out.let(Call(made.backward, tuple(args)), *types, hint="a")
    for i, d in zip(adjoints, results, strict=True):
        if i in threads:
            region.set(threads[i][0], d)
        else:
            region.contribute(value.args[i], d)


def _threads(region: Region, value: Call, adjoints: tuple[int, ...]) -> dict[int, tuple[Var, Operand]]:
    """The arguments that are or hold arrays and whose adjoint so far goes through the call."""
    found: dict[int, tuple[Var, Operand]] = {}
    taken: set[str] = set()
    for i in adjoints:
        a = value.args[i]
        if isinstance(a, Var) and isinstance(a.type, EnumType) and a.name not in taken:
            d = region.lend(a)
            if d is not None:
                taken.add(a.name)
                found[i] = (a, d)
        if isinstance(a, Var) and isinstance(a.type, ArrayType):
            place = region.locate(a)
            if isinstance(place, Spot) and not place.path and place.root.name not in taken:
                d = region.current(place.root)
                if d is not None:
                    taken.add(place.root.name)
                    found[i] = (place.root, d)
    return found


# ---- the two functions


def backward(ctx: Context, key: Key) -> Backward:
    """Makes the two functions, once. A recursive function calls them before it is known what they read: that is
    assumed to be nothing, and where it is more they are written again."""
    if key in ctx.backwards:
        return ctx.backwards[key]
    if key in ctx.assumed:
        ctx.leaned.add(key)
        return ctx.assumed[key]
    fn = ctx.fns[key.fn]
    forward_name, backward_name, tape = _named(ctx, key)
    if not tape:
        made = _Callee(ctx, fn, key, forward_name, backward_name, "").write()
        ctx.backwards[key] = made
        return made
    needed: tuple[int, ...] = ()
    while True:
        before = set(ctx.backwards)
        ctx.assumed[key] = Backward(forward_name, backward_name, needed, (EnumType(tape),))
        made = _Callee(ctx, fn, key, forward_name, backward_name, tape).write()
        del ctx.assumed[key]
        if key not in ctx.leaned or set(made.needed) <= set(needed):
            break
        needed = tuple(sorted({*needed, *made.needed}))
        for later in set(ctx.backwards) - before:
            del ctx.backwards[later]  # it may have leaned on what was assumed too little
    ctx.leaned.discard(key)
    ctx.backwards[key] = made
    return made


def _named(ctx: Context, key: Key) -> tuple[str, str, str]:
    """The names of the two functions and, for a recursive one, of its residual's enum; the same for another attempt."""
    if key not in ctx.named:
        forward = ctx.unique(f"{key.fn}.fwd")
        backward = ctx.unique(f"{key.fn}.bwd")
        tape = ctx.unique(f"{key.fn}.tape") if ctx.recursive(key.fn) else ""
        if tape:
            ctx.enums[tape] = _tape(tape)
        ctx.named[key] = forward, backward, tape
    return ctx.named[key]


def _tape(name: str, fields: tuple[Type, ...] = ()) -> EnumDecl:
    return EnumDecl(name, (VariantDecl("Kept", fields),))


class _Callee:
    def __init__(self, ctx: Context, fn: Fn, key: Key, forward: str, backward: str, tape: str) -> None:
        from .reverse import Reverse

        self.ctx = ctx
        self.fn = fn
        self.key = key
        self.forward = forward
        self.backward = backward
        self.tape = tape
        self.writer = Reverse(ctx, fn, frozenset(key.adjoints), key.unstable)
        self.top = self.writer.top(live=False)

    def write(self) -> Backward:
        ctx, top, fresh = self.ctx, self.top, self.writer.names.fresh
        params = [p.var for p in self.writer.fn.params]
        seeds, threads = [], []
        for i in sorted(self.key.threaded):
            threads.append(fresh("a", ctx.tangents.of(params[i].type)))
            top.adjoint[params[i].name] = threads[-1]
        for k in self.key.results:
            seeds.append(fresh("d", ctx.tangents.of(self.fn.result_types[k])))
            top.contribute(self.writer.fn.body.results[k], seeds[-1])
        self.writer.sweep(top)
        ends = []
        for i in self.key.adjoints:
            d = top.take(params[i])
            ends.append(top.zeros(params[i]) if d is None else d)
        top.finish()
        numbers = {p.name: i for i, p in enumerate(params)}
        read = {numbers[v.name]: c for v, c in top.tape if v.name in numbers and self.writer.stable(v)}
        assumed = self.ctx.assumed.get(self.key)
        for i in assumed.needed if assumed else ():
            read.setdefault(i, fresh(params[i].name, params[i].type))
        needed = tuple(sorted(read))
        kept = [(v, c) for v, c in top.tape if v.name not in numbers or not self.writer.stable(v)]
        given = self.residual(kept)
        types = [ctx.tangents.of(params[i].type) for i in self.key.adjoints]
        inputs = [*(read[i] for i in needed), *given, *seeds, *threads]
        ctx.fns[self.backward] = function(self.backward, inputs, top.closed(*ends), types, self.fn.span)
        if not kept and not self.tape:
            return Backward(self.fn.name, self.backward, needed, ())
        return Backward(self.forward, self.backward, needed, tuple(v.type for v in given))

    def residual(self, kept: list[tuple[Var, Var]]) -> list[Var]:
        """Writes the forward function; gives the residual's names in the backward one."""
        ctx, fn = self.ctx, self.writer.fn
        body = self.writer.additions.extend(fn.body, [p.var for p in fn.params])
        lets, results = list(body.lets), [*body.results, *(v for v, _ in kept)]
        given = [copy for _, copy in kept]
        if self.tape:
            t = EnumType(self.tape)
            ctx.enums[self.tape] = _tape(self.tape, tuple(v.type for v, _ in kept))
            whole = self.writer.names.fresh("kept", t)
            lets.append(Let((whole,), Variant(self.tape, 0, tuple(v for v, _ in kept)), fn.span))
            results = [*body.results, whole]
            given = [self.writer.names.fresh("kept", t)]
            for k, (_, copy) in enumerate(kept):
                read = Get(given[0], (Part(0, k),))
                self.top.lead.lets.append(Let((copy,), read, fn.span, "adjoint"))
        params = [p.var for p in fn.params]
        types = (*fn.result_types, *(v.type for v in given))
        ctx.fns[self.forward] = function(self.forward, params, Block(tuple(lets), tuple(results)), types, fn.span)
        return given
