"""The derivative operators, each as a function: parameters of the differentiated function, then seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..core.build import ZERO, Builder
from ..core.ir import (
    BOOL,
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Derive,
    EnumType,
    Fill,
    Fn,
    Get,
    Lit,
    Loop,
    Make,
    Operand,
    Param,
    Scalar,
    Type,
    Update,
    Var,
)
from ..core.rewrite import calls, lets_of
from .context import Context
from .forward import dual
from .region import Region
from .reverse import Reverse
from .writing import element, extents, fresh_builder, function, loop, rank, stacked

ONE = 1.0


def derived(ctx: Context, d: Derive) -> str:
    """The function that computes a derivative of a function free of derivatives."""
    key = ("derived", d.kind, d.fn, d.wrt)
    if key not in ctx.memory:
        ctx.memory[key] = _Operator(ctx, ctx.fns[d.fn], d.wrt).make(d.kind)
    made = ctx.memory[key]
    assert isinstance(made, str)
    return made


class _Operator:
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
                return self.hessian()
            case "jacobian":
                return self.jacobian()
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

    def hessian(self) -> str:
        b, params = self.wrapper()
        if len(self.wrt) == 1 and isinstance(self.types[0], Scalar):
            made = self.along(b, params, [Lit(ONE, self.types[0])])
            return self.finish("hessian", b, params, made, self.types)
        t = element(self.types[0])
        at = [params[i] for i in self.wrt]
        parts = []
        for number, x in enumerate(at):

            def row(inner: Builder, hot: Operand, number: int = number) -> Operand:
                seeds = [hot if k == number else self.ctx.tangents.zero_like(inner, p) for k, p in enumerate(at)]
                return joined(inner, [flat(inner, d) for d in self.along(inner, params, seeds)])

            rows = one_hot(b, x, row)
            parts.append(self.as_matrix(b, rows, t))
        whole = joined(b, parts)
        return self.finish("hessian", b, params, [whole], [ArrayType(t, (None, None))])

    def as_matrix(self, b: Builder, rows: Operand, t: Scalar | EnumType) -> Operand:
        """Rows under any number of dimensions as rows of a matrix."""
        r = rank(rows.type)
        matrix = ArrayType(t, (None, None))
        if r == 1:
            return b.one(Make((rows,)), ArrayType(t, (1, None)))
        if r == 2:
            return rows
        *dims, k = extents(b, rows)
        n: Operand = dims[0]
        for d in dims[1:]:
            n = b.prim("*", INT, n, d)
        return b.prim("reshape", matrix, rows, n, k)

    # ---- Jacobians

    def jacobian(self) -> str:
        (result,) = self.fn.result_types
        if not isinstance(result, ArrayType):
            return self.make("grad")
        numbers = all(not isinstance(element(t), EnumType) for t in self.types)
        if not numbers or not self.has_rules("jvp"):
            return self.jacobian_backwards(result)
        if not self.has_rules("vjp"):
            return self.jacobian_forwards(result)
        inputs, outputs = _count(self.types), _count([result])
        if inputs is not None and outputs is not None:
            return self.jacobian_forwards(result) if inputs < outputs else self.jacobian_backwards(result)
        b, params = self.wrapper()
        one_way, other = self.jacobian_forwards(result), self.jacobian_backwards(result)
        n: Operand = ZERO
        for i in self.wrt:
            n = b.prim("+", INT, n, size(b, params[i]))
        m = size(b, b.one(Call(self.fn.name, tuple(params)), result))
        types = [_under(result, t) for t in self.types]
        made = b.branch(
            b.prim("<", BOOL, n, m),
            lambda inner: inner.let(Call(one_way, tuple(params)), *types),
            lambda inner: inner.let(Call(other, tuple(params)), *types),
            *types,
        )
        return self.finish("jacobian", b, params, made, types)

    def jacobian_forwards(self, result: ArrayType) -> str:
        """Columns by tangents of one number each, brought into rows."""
        b, params = self.wrapper()
        at = [params[i] for i in self.wrt]
        ends = []
        for number, x in enumerate(at):

            def column(inner: Builder, hot: Operand, number: int = number) -> Operand:
                seeds = [hot if k == number else self.ctx.tangents.zero_like(inner, p) for k, p in enumerate(at)]
                r, d = self.tangents(inner, self.fn.name, params, seeds)
                assert r is not None
                return self.filled(inner, r, d)

            ends.append(turned(b, one_hot(b, x, column), rank(x.type)))
        return self.finish("jacobian", b, params, ends, [_under(result, t) for t in self.types])

    def jacobian_backwards(self, result: ArrayType) -> str:
        """One forward sweep, then a backward sweep for each number of the result."""
        writer = Reverse(self.ctx, self.fn, frozenset(self.wrt))
        top = writer.top(live=True)
        before = top.out
        end = top.block.results[0]

        def row(inner: Builder, hot: Operand) -> tuple[Operand, ...]:
            top.out, top.adjoint = inner, {}
            top.contribute(end, hot)
            writer.sweep(top)
            made = tuple(self.gradients(top))
            top.out = before
            return made

        rows = _hot_rows(before, end, row, self.types)
        body = self.body(top)
        params = self.fn.params
        types = [_under(result, t) for t in self.types]
        name = self.name("jacobian")
        return self.ctx.add(function(name, params, Block(body.lets, tuple(rows)), types, self.fn.span))


# ---- directions of one number


def one_hot(b: Builder, x: Operand, f: Callable[[Builder, Operand], Operand]) -> Operand:
    """`f` of every direction of `x` in which one number is one and all others zero, under the dims of `x`."""
    t = x.type
    if isinstance(t, Scalar):
        return f(b, Lit(ONE, t))
    dims = extents(b, x)

    def level(inner: Builder, done: tuple[At, ...]) -> Operand:
        if len(done) == len(dims):
            return f(inner, _hot(inner, t, dims, done))
        return loop(inner, dims[len(done)], lambda deeper, i: level(deeper, (*done, At(i, True))))

    return level(b, ())


def _hot(b: Builder, t: Type, dims: Sequence[Operand], at: tuple[At, ...]) -> Operand:
    assert isinstance(t, ArrayType)
    assert isinstance(t.elem, Scalar)
    zeros = b.one(Fill(tuple(dims), Lit(0.0, t.elem)), t)
    return b.one(Update("set", zeros, at, Lit(ONE, t.elem)), t, "direction")


def _hot_rows(
    b: Builder, x: Operand, f: Callable[[Builder, Operand], tuple[Operand, ...]], types: Sequence[Type]
) -> list[Operand]:
    """The same for several results at once."""
    dims = extents(b, x)

    def level(inner: Builder, done: tuple[At, ...]) -> tuple[tuple[Operand, ...], list[Type]]:
        if len(done) == len(dims):
            return f(inner, _hot(inner, x.type, dims, done)), list(types)
        index = inner.names.fresh("i", INT)
        deeper = inner.nested()
        made, below = level(deeper, (*done, At(index, True)))
        here: list[Type] = [stacked(t) for t in below]
        value = Loop(index, ZERO, dims[len(done)], tuple(Build() for _ in made), deeper.block(*made))
        return inner.let(value, *here, hint="rows"), here

    return list(level(b, ())[0])


def turned(b: Builder, x: Operand, first: int) -> Operand:
    """The array with its first dimensions behind the others."""
    if first == 0:
        return x
    t = element(x.type)
    dims = extents(b, x)
    order = [*range(first, len(dims)), *range(first)]

    def level(inner: Builder, done: tuple[At, ...]) -> Operand:
        if len(done) == len(dims):
            path = (*done[len(dims) - first :], *done[: len(dims) - first])
            return inner.one(Get(x, path), t)
        return loop(inner, dims[order[len(done)]], lambda deeper, i: level(deeper, (*done, At(i, True))))

    return level(b, ())


def flat(b: Builder, x: Operand) -> Operand:
    """All numbers of a value in one row."""
    t = element(x.type)
    match rank(x.type):
        case 0:
            return b.one(Make((x,)), ArrayType(t, (1,)))
        case 1:
            return x
        case _:
            return b.prim("flatten", ArrayType(t, (None,)), x)


def joined(b: Builder, parts: Sequence[Operand]) -> Operand:
    whole = parts[0]
    for part in parts[1:]:
        assert isinstance(whole.type, ArrayType)
        whole = b.prim("concat", ArrayType(whole.type.elem, (None, *whole.type.dims[1:])), whole, part)
    return whole


def size(b: Builder, x: Operand) -> Operand:
    n: Operand = Lit(1, INT)
    for d in extents(b, x):
        n = b.prim("*", INT, n, d)
    return n


def _count(types: Sequence[Type]) -> int | None:
    """How many numbers values of the types hold, where the text tells."""
    total = 0
    for t in types:
        n = 1
        for d in t.dims if isinstance(t, ArrayType) else ():
            if d is None:
                return None
            n *= d
        total += n
    return total


def _under(result: ArrayType, t: Type) -> Type:
    """The type of a `t` for each number of the result."""
    if isinstance(t, ArrayType):
        return ArrayType(t.elem, (*result.dims, *t.dims))
    return ArrayType(t, result.dims)
