"""Jacobians and Hessians: derivatives along every direction of one number, put in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..core.build import ZERO, Builder
from ..core.ir import (
    BOOL,
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    EnumType,
    Fill,
    Get,
    Lit,
    Loop,
    Make,
    Operand,
    Scalar,
    Type,
    Update,
)
from ..core.rewrite import rank
from .reverse import Reverse
from .writing import element, extents, function, loop, stacked

if TYPE_CHECKING:
    from .derive import Operator

ONE = 1.0


class Matrices:
    """The derivative operators that give matrices, of one function."""

    def __init__(self, of: Operator) -> None:
        self.of = of

    def hessian(self) -> str:
        b, params = self.of.wrapper()
        if len(self.of.wrt) == 1 and isinstance(self.of.types[0], Scalar):
            made = self.of.along(b, params, [Lit(ONE, self.of.types[0])])
            return self.of.finish("hessian", b, params, made, self.of.types)
        t = element(self.of.types[0])
        at = [params[i] for i in self.of.wrt]
        parts = []
        for number, x in enumerate(at):

            def row(inner: Builder, hot: Operand, number: int = number) -> Operand:
                seeds = [hot if k == number else self.of.ctx.tangents.zero_like(inner, p) for k, p in enumerate(at)]
                return joined(inner, [flat(inner, d) for d in self.of.along(inner, params, seeds)])

            rows = one_hot(b, x, row)
            parts.append(self.as_matrix(b, rows, t))
        whole = joined(b, parts)
        return self.of.finish("hessian", b, params, [whole], [ArrayType(t, (None, None))])

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

    def jacobian(self) -> str:
        (result,) = self.of.fn.result_types
        if not isinstance(result, ArrayType):
            return self.of.make("grad")
        numbers = all(not isinstance(element(t), EnumType) for t in self.of.types)
        if not numbers or not self.of.has_rules("jvp"):
            return self.backwards(result)
        if not self.of.has_rules("vjp"):
            return self.forwards(result)
        inputs, outputs = _count(self.of.types), _count([result])
        if inputs is not None and outputs is not None:
            return self.forwards(result) if inputs < outputs else self.backwards(result)
        b, params = self.of.wrapper()
        one_way, other = self.forwards(result), self.backwards(result)
        n: Operand = ZERO
        for i in self.of.wrt:
            n = b.prim("+", INT, n, size(b, params[i]))
        m = size(b, b.one(Call(self.of.fn.name, tuple(params)), result))
        types = [_under(result, t) for t in self.of.types]
        made = b.branch(
            b.prim("<", BOOL, n, m),
            lambda inner: inner.let(Call(one_way, tuple(params)), *types),
            lambda inner: inner.let(Call(other, tuple(params)), *types),
            *types,
        )
        return self.of.finish("jacobian", b, params, made, types)

    def forwards(self, result: ArrayType) -> str:
        """Columns by tangents of one number each, brought into rows."""
        b, params = self.of.wrapper()
        at = [params[i] for i in self.of.wrt]
        ends = []
        for number, x in enumerate(at):

            def column(inner: Builder, hot: Operand, number: int = number) -> Operand:
                seeds = [hot if k == number else self.of.ctx.tangents.zero_like(inner, p) for k, p in enumerate(at)]
                r, d = self.of.tangents(inner, self.of.fn.name, params, seeds)
                assert r is not None
                return self.of.filled(inner, r, d)

            ends.append(turned(b, one_hot(b, x, column), rank(x.type)))
        return self.of.finish("jacobian", b, params, ends, [_under(result, t) for t in self.of.types])

    def backwards(self, result: ArrayType) -> str:
        """One forward sweep, then a backward sweep for each number of the result."""
        writer = Reverse(self.of.ctx, self.of.fn, frozenset(self.of.wrt))
        top = writer.top(live=True)
        before = top.out
        end = top.block.results[0]

        def row(inner: Builder, hot: Operand) -> tuple[Operand, ...]:
            top.out, top.adjoint, top.late = inner, {}, {}
            top.contribute(end, hot)
            writer.sweep(top)
            made = tuple(self.of.gradients(top))
            top.out = before
            return made

        rows = _hot_rows(before, end, row, self.of.types)
        body = self.of.body(top)
        params = self.of.fn.params
        types = [_under(result, t) for t in self.of.types]
        name = self.of.name("jacobian")
        return self.of.ctx.add(function(name, params, Block(body.lets, tuple(rows)), types, self.of.fn.span))


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
