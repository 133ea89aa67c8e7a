"""The tests of array accesses against brute force: what they prove apart must be apart."""

from __future__ import annotations

import random
from itertools import product

import pytest

from dplang.analyse.access import Access, Indices, Turns, regions
from dplang.analyse.uses import Body
from dplang.core.build import Builder, Names, literal
from dplang.core.ir import FLOAT, INT, ArrayType, At, Block, Build, Fn, Get, Let, Lit, Loop, Operand, Param, Var
from dplang.errors.source import NOWHERE

MATRIX = ArrayType(FLOAT, (None, None))


class Nest:
    """`for i in 0..T { for j in 0..w { .. } }` with two reads of a matrix in it, as the first function of a program."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names = Names()
        self.n = self.names.fresh("n", INT)
        self.x = self.names.fresh("x", MATRIX)
        self.symbolic = rng.random() < 0.5
        self.trips: Operand = self.n if self.symbolic else Lit(rng.randint(1, 4), INT)
        self.width: Operand = rng.choice([self.n, Lit(rng.randint(1, 3), INT)])
        self.i, self.j = self.names.fresh("i", INT), self.names.fresh("j", INT)
        if rng.random() < 0.2:
            self.width = self.i
        inner = Builder(self.names)
        self.index = [[self.affine(inner) for _ in range(2)] for _ in range(2)]
        for a, b in self.index:
            inner.one(Get(self.x, (At(a), At(b))), FLOAT)
        outer = Builder(self.names)
        body = inner.block(literal(0.0))
        low = Lit(0, INT)
        outer.one(Loop(self.j, low, self.width, (Build(),), body), ArrayType(FLOAT, (None,)))
        self.loop = Loop(self.i, low, self.trips, (Build(),), outer.block(literal(0.0)))
        result = self.names.fresh("r", ArrayType(FLOAT, (None,)))
        let = Let((result,), self.loop, NOWHERE)
        params = (Param(self.n, "n"), Param(self.x, "x"))
        self.fn = Fn("f", "f", params, Block((let,), (result,)), (result.type,), ("",), NOWHERE)
        self.gets = [let.value for let in inner.lets if isinstance(let.value, Get)]
        self.inner = inner

    def affine(self, b: Builder) -> Operand:
        """A small index expression of i, j and n."""
        total: Operand = Lit(self.rng.randint(-2, 2), INT)
        for v in (self.i, self.j):
            k = self.rng.choice([0, 0, 1, 1, -1, 2])
            factor: Operand = self.n if self.rng.random() < 0.15 else Lit(k, INT)
            total = b.prim("+", INT, total, b.prim("*", INT, factor, v))
        if self.rng.random() < 0.3:
            total = b.prim("+", INT, total, self.n)
        if self.rng.random() < 0.1:
            total = b.prim("%", INT, total, self.n)
        return total

    def value(self, o: Operand, env: dict[str, int]) -> int:
        if isinstance(o, Lit):
            return int(o.value)
        if o.name in env:
            return env[o.name]
        let = next(let for let in self.inner.lets if let.names == (o,))
        a, b = (self.value(x, env) for x in let.value.args)  # type: ignore[union-attr]
        op = let.value.op  # type: ignore[union-attr]
        return a + b if op == "+" else a * b if op == "*" else a % b

    def touched(self, get: Get, n: int) -> set[tuple[int, tuple[int, int]]]:
        """Pairs of a turn of i and an element that `get` touches in it."""
        found = set()
        for i in range(self.value(self.trips, {"n": n})):
            for j in range(self.value(self.width, {"n": n, "i": i})):
                env = {"n": n, "i": i, "j": j}
                a, b = (self.value(s.index, env) for s in get.path if isinstance(s, At))
                found.add((i, (a, b)))
        return found


def meets(nest: Nest, a: Get, b: Get) -> set[int]:
    """The distances between different turns that touch the same element, over some sizes."""
    found = set()
    for n in range(1, 5):
        for (i, x), (k, y) in product(nest.touched(a, n), nest.touched(b, n)):
            if i != k and x == y:
                found.add(k - i)
    return found


@pytest.mark.parametrize("seed", range(400))
def test_what_is_proved_apart_is_apart(seed: int) -> None:
    nest = Nest(random.Random(seed))
    indices = Indices(nest.fn)
    # the size of an array is never negative, which the analysis knows of sizes only
    indices.natural.add(next(iter(indices.form(Var("n", INT)).atoms())))
    tests = Turns(indices, nest.loop, Body(nest.loop, indices).names)
    for a, b in product(nest.gets, nest.gets):
        first = Access("write", regions(a.path, indices), NOWHERE)
        second = Access("read", regions(b.path, indices), NOWHERE)
        answer, truth = tests.meet(first, second), meets(nest, a, b)
        if answer is None:
            assert not truth
        elif isinstance(answer, int):
            assert truth <= {answer}
