"""The derivative operators, each as a function: parameters of the differentiated function, then seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core.build import Builder
from ..core.ir import (
    Block,
    Call,
    Derive,
    Fn,
    Lit,
    Operand,
    Param,
    Scalar,
    Type,
    Var,
)
from ..core.rewrite import calls, lets_of
from .context import Context
from .forward import dual
from .matrices import Matrices
from .region import Region
from .reverse import Reverse
from .writing import fresh_builder, function

ONE = 1.0


def derived(ctx: Context, d: Derive) -> str:
    """The function that computes a derivative of a function free of derivatives."""
    key = ("derived", d.kind, d.fn, d.wrt)
    if key not in ctx.memory:
        ctx.memory[key] = Operator(ctx, ctx.fns[d.fn], d.wrt).make(d.kind)
    made = ctx.memory[key]
    assert isinstance(made, str)
    return made


class Operator:
    """A derivative operator applied to a function: writes the function that it stands for."""

    def __init__(self, ctx: Context, fn: Fn, wrt: tuple[int, ...]) -> None:
        self.ctx = ctx
        self.fn = fn
        self.wrt = wrt
        self.types = [fn.params[i].var.type for i in wrt]
        self.results = ctx.tangible_results(fn)

    def make(self, kind: str) -> str:
        match kind:
            case "grad" if self.goes_forward():
                return self.slope()
            case "grad":
                return self.backwards("grad", value=False, seeded=False)
            case "value_and_grad":
                return self.backwards("value_and_grad", value=True, seeded=False)
            case "vjp":
                return self.backwards("vjp", value=True, seeded=True)
            case "jvp":
                return self.jvp()
            case "hvp":
                return self.hvp()
            case "hessian":
                return Matrices(self).hessian()
            case "jacobian":
                return Matrices(self).jacobian()
            case _:
                raise AssertionError(f"{kind} is no derivative")

    # ---- what the function is like

    def goes_forward(self) -> bool:
        """Reverse once, outer derivatives forward: for one number in and code that goes back already."""
        if len(self.wrt) != 1 or not isinstance(self.types[0], Scalar):
            return False
        reached = self.reached()
        adjoint = any(let.role == "adjoint" for fn in reached for let in lets_of(fn.body))
        return adjoint and self.has_rules("jvp")

    def reached(self) -> list[Fn]:
        found = {self.fn.name: self.fn}
        left = [self.fn]
        while left:
            for callee in calls(left.pop().body):
                if callee not in found:
                    found[callee] = self.ctx.fns[callee]
                    left.append(found[callee])
        return list(found.values())

    def has_rules(self, half: str) -> bool:
        rules = [fn.rule for fn in self.reached() if fn.rule is not None]
        return all(rule.partials is not None or getattr(rule, half) is not None for rule in rules)

    def name(self, kind: str) -> str:
        labels = ", ".join(self.fn.params[i].label for i in self.wrt)
        return self.ctx.unique(f"{self.fn.name}.{kind}[{labels}]")

    # ---- reverse

    def backwards(self, kind: str, value: bool, seeded: bool) -> str:
        """Forward and backward sweep in one function."""
        writer = Reverse(self.ctx, self.fn, frozenset(self.wrt))
        top = writer.top(live=True)
        seeds = self.seed(top, seeded)
        writer.sweep(top)
        ends = self.gradients(top)
        body = self.body(top)
        results = (*(body.results if value else ()), *ends)
        types = (*(self.fn.result_types if value else ()), *self.types)
        params: list[Var | Param] = [*self.fn.params, *seeds]
        name = self.name(kind)
        return self.ctx.add(function(name, params, Block(body.lets, results), types, self.fn.span))

    def seed(self, top: Region, seeded: bool) -> list[Var]:
        """Starts the backward sweep from given cotangents, or from one; gives the parameters for them."""
        ends = top.block.results
        if not seeded:
            t = self.fn.result_types[0]
            assert isinstance(t, Scalar)
            top.contribute(ends[0], Lit(ONE, t))
            return []
        params = []
        for k in self.results:
            t = self.fn.result_types[k]
            params.append(top.writer.names.fresh("seed", t))
            top.contribute(ends[k], self.ctx.tangents.to_tangent(top.out, params[-1], t))
        return params

    def gradients(self, top: Region) -> list[Operand]:
        made = []
        for i in self.wrt:
            p = self.fn.params[i].var
            d = top.take(p)
            d = top.zeros(p) if d is None else d
            made.append(self.ctx.tangents.from_tangent(top.out, p, d))
        return made

    def body(self, top: Region) -> Block:
        """The forward sweep, then what has been written behind it."""
        fn = top.writer.fn
        forward = top.writer.additions.extend(fn.body, [p.var for p in fn.params])
        return Block((*forward.lets, *top.out.lets), forward.results)

    # ---- forward

    def tangents(
        self, b: Builder, name: str, args: Sequence[Operand], seeds: Sequence[Operand]
    ) -> list[Operand | None]:
        """All results of function `name`, then for each that has a tangent that tangent or None where it is zero."""
        fn = self.ctx.fns[name]
        made = dual(self.ctx, name, frozenset(self.wrt))
        given = {
            i: self.ctx.tangents.to_tangent(b, seed, fn.params[i].var.type)
            for i, seed in zip(self.wrt, seeds, strict=True)
        }
        types = (*fn.result_types, *(self.ctx.tangents.of(fn.result_types[k]) for k in made.results))
        found = b.let(Call(made.name, (*args, *(given[i] for i in sorted(given)))), *types, hint="r")
        n = len(fn.result_types)
        ds = dict(zip(made.results, found[n:], strict=True))
        return [*found[:n], *(ds.get(k) for k in self.ctx.tangible_results(fn))]

    def wrapper(self) -> tuple[Builder, list[Var]]:
        """A builder for a function with the parameters of the differentiated one."""
        b = fresh_builder(self.fn.span)
        return b, [b.names.fresh(p.var.name, p.var.type) for p in self.fn.params]

    def finish(
        self, kind: str, b: Builder, params: Sequence[Var], results: Sequence[Operand], types: Sequence[Type]
    ) -> str:
        n = len(self.fn.params)
        named = [replace(p, var=v) for p, v in zip(self.fn.params, params, strict=False)]
        return self.ctx.add(function(self.name(kind), [*named, *params[n:]], b.block(*results), types, self.fn.span))

    def filled(self, b: Builder, primal: Operand, d: Operand | None) -> Operand:
        d = self.ctx.tangents.zero_like(b, primal) if d is None else d
        return self.ctx.tangents.from_tangent(b, primal, d)

    def jvp(self) -> str:
        b, params = self.wrapper()
        seeds = [b.names.fresh("seed", t) for t in self.types]
        found = self.tangents(b, self.fn.name, params, seeds)
        n = len(self.fn.result_types)
        values = [v for v in found[:n] if v is not None]
        ds = [self.filled(b, values[k], d) for k, d in zip(self.results, found[n:], strict=True)]
        types = (*self.fn.result_types, *(self.fn.result_types[k] for k in self.results))
        return self.finish("jvp", b, [*params, *seeds], [*values, *ds], types)

    def slope(self) -> str:
        """The derivative in one number, forwards."""
        b, params = self.wrapper()
        t = self.types[0]
        assert isinstance(t, Scalar)
        d = self.tangents(b, self.fn.name, params, [Lit(ONE, t)])[-1]
        if d is not None and d.type != t:
            d = b.prim("float32" if t.name == "Float32" else "float", t, d)
        return self.finish("grad", b, params, [Lit(0.0, t) if d is None else d], self.types)

    # ---- second order: forward over reverse

    def along(self, b: Builder, params: Sequence[Operand], seeds: Sequence[Operand]) -> list[Operand]:
        """The derivative of the gradient along a direction."""
        gradient = derived(self.ctx, Derive("grad", self.fn.name, (), self.wrt))
        found = self.tangents(b, gradient, params, seeds)
        n = len(self.wrt)
        return [self.filled(b, g, d) for g, d in zip(found[:n], found[n:], strict=True) if g is not None]

    def hvp(self) -> str:
        b, params = self.wrapper()
        seeds = [b.names.fresh("seed", t) for t in self.types]
        return self.finish("hvp", b, [*params, *seeds], self.along(b, params, seeds), self.types)
