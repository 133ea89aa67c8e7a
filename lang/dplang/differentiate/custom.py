"""Calls of functions with a derivative rule of their own: the rule replaces the derivative of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.build import Builder
from ..core.ir import Call, Fn, Let, Operand, Var
from ..errors import Fault
from ..errors.differentiation import RuleMissing

if TYPE_CHECKING:
    from .context import Context
    from .forward import Forward
    from .region import Region


def _missing(ctx: Context, fn: Fn, half: str) -> Fault:
    return Fault(RuleMissing(ctx.span, fn.label, half, fn.span))


def forward_rule(forward: Forward, b: Builder, let: Let, call: Call, fn: Fn) -> dict[int, Operand]:
    """The tangents of the results, by number."""
    ctx = forward.ctx
    assert fn.rule is not None
    params, results = ctx.tangible_params(fn), ctx.tangible_results(fn)
    if fn.rule.jvp is not None:
        given = [ctx.tangents.from_tangent(b, a, forward.tangent(b, a)) for a in (call.args[i] for i in params)]
        types = [let.names[k].type for k in results]
        made = b.let(Call(fn.rule.jvp, (*call.args, *let.names, *given)), *types, hint="d")
        return {k: ctx.tangents.to_tangent(b, v, let.names[k].type) for k, v in zip(results, made, strict=True)}
    if fn.rule.partials is None:
        raise _missing(ctx, fn, "jvp")
    partials = _partials(b, let, call, fn, params)
    total: Operand | None = None
    for i, p in zip(params, partials, strict=True):
        d = forward.of(call.args[i])
        if d is not None:
            term = ctx.tangents.dot(b, ctx.tangents.to_tangent(b, p, p.type), d)
            total = term if total is None else ctx.tangents.add(b, total, term)
    return {} if total is None else {0: total}


def _partials(b: Builder, let: Let, call: Call, fn: Fn, params: list[int]) -> tuple[Var, ...]:
    assert fn.rule is not None
    assert fn.rule.partials is not None
    types = [call.args[i].type for i in params]
    return b.let(Call(fn.rule.partials, (*call.args, *let.names)), *types, hint="partial")


def reverse_rule(region: Region, let: Let, call: Call, fn: Fn, seeds: dict[int, Operand]) -> None:
    """Adds to the adjoints of the arguments."""
    ctx, b = region.ctx, region.out
    assert fn.rule is not None
    params, results = ctx.tangible_params(fn), ctx.tangible_results(fn)
    args = tuple(region.need(a) for a in call.args)
    again = tuple(region.need(v) for v in let.names)
    if fn.rule.partials is not None:
        types = [call.args[i].type for i in params]
        made = b.let(Call(fn.rule.partials, (*args, *again)), *types, hint="partial")
        for i, p in zip(params, made, strict=True):
            if region.moves(call.args[i]):
                d = ctx.tangents.to_tangent(b, p, p.type)
                region.contribute(call.args[i], ctx.tangents.scale(b, seeds[0], d))
        return
    if fn.rule.vjp is None:
        raise _missing(ctx, fn, "vjp")
    given = []
    for k in results:
        seed = seeds[k] if k in seeds else region.zeros(let.names[k])
        given.append(ctx.tangents.from_tangent(b, again[k], seed))
    types = [call.args[i].type for i in params]
    made = b.let(Call(fn.rule.vjp, (*args, *again, *given)), *types, hint="d")
    for i, v in zip(params, made, strict=True):
        if region.moves(call.args[i]):
            region.contribute(call.args[i], ctx.tangents.to_tangent(b, v, v.type))
