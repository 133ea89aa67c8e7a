"""Random core programs for derivatives: loops, branches, writes, calls, recursion and enums, nested in each other.

Each defines `f(x: Float, v: Float[4], y: Float) -> Float`, smooth but on thin sets. A seed always gives the same
program.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dplang.core.ir import FLOAT, INT, EnumType
from writer import VECTOR, E, Module, W


@dataclass
class Scope:
    """What may be read: numbers, arrays, matrices, Ints. All but the Ints may be replaced, too."""

    floats: list[E]
    arrays: list[E]
    matrices: list[E] = field(default_factory=list)
    ints: list[E] = field(default_factory=list)

    def copy(self, floats: Sequence[E] = (), ints: Sequence[E] = ()) -> Scope:
        return Scope([*self.floats, *floats], [*self.arrays], [*self.matrices], [*self.ints, *ints])

    def state(self, like: Scope | None = None) -> tuple[E, ...]:
        """All that can be replaced, as far as `like` has it."""
        like = like or self
        f, a, m = len(like.floats), len(like.arrays), len(like.matrices)
        return (*self.floats[:f], *self.arrays[:a], *self.matrices[:m])

    def restore(self, values: Sequence[E]) -> Scope:
        f, a = len(self.floats), len(self.floats) + len(self.arrays)
        return Scope(list(values[:f]), list(values[f:a]), list(values[a:]), [*self.ints])


class Generator:
    def __init__(self, w: W, seed: int) -> None:
        self.w = w
        self.random = random.Random(seed)
        self.depth = 0

    def pick(self, options: Sequence[Any]) -> Any:
        return self.random.choice(options)

    def one_of(self, *options: Callable[[], E]) -> E:
        made: E = self.pick(options)()
        return made

    # ---- expressions

    def index(self, s: Scope, a: E) -> E:
        n = self.w.dim(a)
        return self.one_of(lambda: self.w.e(self.random.randint(0, 2), INT), *(lambda i=i: i % n for i in s.ints))

    def leaf(self, s: Scope) -> E:
        if self.random.random() < 0.12:
            return self.w.e(round(self.random.uniform(0.2, 1.5), 3))
        return self.one_of(
            *(lambda v=v: v for v in s.floats),
            *(lambda a=a: a[self.index(s, a)] for a in s.arrays),
            *(lambda m=m: m[self.index(s, m), 0] for m in s.matrices),
        )

    def condition(self, s: Scope) -> E:
        return self.one_of(
            lambda: self.leaf(s) < round(self.random.uniform(0.2, 1.5), 3), *(lambda i=i: (i % 2).eq(0) for i in s.ints)
        )

    def array(self, s: Scope) -> E:
        a = self.pick(s.arrays)
        rows = [lambda: self.pick(s.matrices)[self.index(s, a)]] if s.matrices else []
        return self.one_of(lambda: a, lambda: a, lambda: a[0:3], *rows)

    def scalar(self, s: Scope, depth: int = 2) -> E:
        w = self.w
        if depth == 0:
            return self.leaf(s)

        def e() -> E:
            return self.scalar(s, depth - 1)

        options = [
            lambda: w.f(self.pick(["sin", "cos", "tanh", "sigmoid"]), e()),
            lambda: e() * e(),
            lambda: e() + e(),
            lambda: e() / (1.5 + w.f("tanh", e())),
            lambda: w.iff(self.condition(s), e, e),
            lambda: w.call("pick", self.pick(s.arrays), self.index(s, s.arrays[0])),
            lambda: w.call("power", e(), w.e(self.random.randint(0, 3), INT)),
            lambda: w.call("halve", self.array(s)),
            lambda: w.call("fold", w.call("grow", e(), w.e(self.random.randint(0, 3), INT)), self.leaf(s)),
        ]
        if self.depth <= 2:
            options.append(lambda: self.reduction(s, depth))
        return self.one_of(*options[:3], *options)

    def reduction(self, s: Scope, depth: int) -> E:
        w, a, op = self.w, self.pick(s.arrays), self.pick(["+", "+", "max", "min", "logsumexp", "*"])
        self.depth += 1

        def turn(i: E) -> E:
            v = self.scalar(s.copy([a[i]], [i]), depth - 1)
            return 1.2 + 0.3 * w.f("sin", v) if op == "*" else v

        made = 0.3 * w.sum(w.dim(a), turn, op)
        self.depth -= 1
        return made

    # ---- statements

    def statements(self, s: Scope, n: int) -> None:
        for _ in range(n):
            shallow = [self.let, self.assign, self.write, self.write]
            deep = [self.branch, self.loop, self.loop, self.while_, self.builder, self.whole, self.matrix, self.row,
                    self.checkpoint, self.match, self.boxes, self.slice, self.choice]  # fmt: skip
            self.pick(shallow if self.depth >= 2 else [*shallow, *deep])(s)

    def let(self, s: Scope) -> None:
        s.floats.append(self.scalar(s))

    def assign(self, s: Scope) -> None:
        k = self.random.randrange(len(s.floats))
        s.floats[k] = self.one_of(
            lambda: self.w.f("tanh", self.scalar(s)), lambda: 0.5 * s.floats[k] + self.w.f("cos", self.scalar(s))
        )

    def write(self, s: Scope) -> None:
        w, k = self.w, self.random.randrange(len(s.arrays))
        a = s.arrays[k]
        i = self.index(s, a)
        s.arrays[k] = self.one_of(
            lambda: a.set(i, w.f("tanh", self.scalar(s))),
            lambda: a.add(i, 0.2 * w.f("sin", self.scalar(s))),
            lambda: w.call("swap", a, i, w.f("cos", self.scalar(s))),
            lambda: a.set(i, a[i] * 0.5 + self.leaf(s)),
        )

    def builder(self, s: Scope) -> None:
        self.depth += 1
        s.arrays.append(self.w.map(self.random.randint(3, 5), lambda i: self.scalar(s.copy(ints=[i]))))
        self.depth -= 1

    def whole(self, s: Scope) -> None:
        a = self.pick(s.arrays)
        s.arrays.append(
            self.one_of(lambda: self.array(s), lambda: self.w.prim(self.pick(["sort", "cumsum", "reverse"]), VECTOR, a))
        )

    def matrix(self, s: Scope) -> None:
        w, f = self.w, self.pick(s.floats)
        row = lambda i: w.map(3, lambda j: w.f("sin", f * w.prim("float", FLOAT, i) + w.prim("float", FLOAT, j)))  # noqa: E731
        s.matrices.append(w.map(4, row))

    def row(self, s: Scope) -> None:
        if s.matrices:
            k = self.random.randrange(len(s.matrices))
            m = s.matrices[k]
            s.matrices[k] = m.set(self.index(s, m), self.w.map(3, lambda j: self.scalar(s.copy(ints=[j]), 1)))

    def checkpoint(self, s: Scope) -> None:
        inner = s.copy()

        def body() -> E:
            self.statements(inner, 1)
            return self.scalar(inner)

        s.floats.append(self.w.checkpoint(body))

    def match(self, s: Scope) -> None:
        w, h = self.w, self.leaf(s)
        t = w.call("grow", self.scalar(s, 1), w.e(self.random.randint(0, 3), INT))
        s.floats.append(
            w.match(
                t,
                lambda v: w.f("sin", v * h),
                lambda l, r: w.call("fold", l, h) + h,
                lambda v, k: v * h + w.prim("float", FLOAT, k),
            )
        )

    def boxes(self, s: Scope) -> None:
        """Arrays inside enum values, read in a loop."""
        w, a, h = self.w, self.pick(s.arrays), self.pick(s.floats)
        none = lambda: w.variant("Box", 0, h)  # noqa: E731
        many = w.map(3, lambda i: w.iff(self.condition(s.copy(ints=[i])), none, lambda: w.variant("Box", 1, h, a)))

        def turn(i: E, t: E) -> E:
            inner = s.copy([t], [i])
            read = lambda v, b: v * b[self.index(inner, b)] + self.leaf(inner)  # noqa: E731
            return w.match(many[i % 3], lambda v: w.f("sin", v * t), read)

        s.floats.append(w.f("tanh", w.loop(0, 4, [h], turn)))

    def slice(self, s: Scope) -> None:
        k = self.random.randrange(len(s.arrays))
        low = self.random.randint(0, 1)
        part = s.arrays[k][low : low + 2]
        value = self.w.map(2, lambda i: self.w.f("sin", part[i] + self.leaf(s)))
        s.arrays[k] = self.w.update("set", s.arrays[k], slice(low, low + 2), value)

    def choice(self, s: Scope) -> None:
        """An array that is one of two, read and given to a call."""
        w, a, b = self.w, self.pick(s.arrays), self.pick(s.arrays)
        c = w.iff(self.condition(s), lambda: a, lambda: b[0:3])
        s.floats.append(c[self.index(s, c)] * w.call("pick", c, self.index(s, c)))
        s.arrays.append(c)

    def settle(self, s: Scope, values: Any) -> None:
        new = s.restore(values if isinstance(values, tuple) else (values,))
        s.floats, s.arrays, s.matrices = new.floats, new.arrays, new.matrices

    def body(self, s: Scope, n: int) -> tuple[E, ...]:
        like = s.copy()
        self.statements(s, n)
        return s.state(like)

    def branch(self, s: Scope) -> None:
        self.depth += 1
        c = self.condition(s)
        made = self.w.iff(c, lambda: self.body(s.copy(), 2), lambda: self.body(s.copy(), 1))
        self.depth -= 1
        self.settle(s, made)

    def loop(self, s: Scope) -> None:
        w = self.w
        self.depth += 1
        high = self.one_of(lambda: w.e(self.random.randint(0, 3), INT), lambda: w.dim(s.arrays[0]))

        def turn(i: E, *state: E) -> tuple[E, ...]:
            inner = s.restore(state)
            inner.ints.append(i)
            return self.body(inner, 2)

        made = w.loop(0, high, s.state(), turn)
        self.depth -= 1
        self.settle(s, made)

    def while_(self, s: Scope) -> None:
        w, limit = self.w, self.random.uniform(1, 2)
        self.depth += 1

        def turn(_: E, k: E, *state: E) -> tuple[E, ...]:
            inner = s.restore(state)
            inner.ints.append(k)
            return (k + 1, *self.body(inner, 1))

        def goes_on(_: E, k: E, *state: E) -> E:
            return w.iff(k < 4, lambda: state[0] < limit, lambda: False)

        made = w.while_([w.e(0, INT), *s.state()], goes_on, turn)
        self.depth -= 1
        self.settle(s, made[1:-1])


def random_module(seed: int) -> Module:
    module = Module()
    t = module.enum("T", (FLOAT,), (EnumType("T"), EnumType("T")), (FLOAT, INT))
    module.enum("Box", (FLOAT,), (FLOAT, VECTOR))
    module.types.update(grow=(t,), fold=(FLOAT,), power=(FLOAT,), halve=(FLOAT,))
    module.fn("grow", [FLOAT, INT], lambda w, x, d: w.iff(d <= 0, lambda: w.variant("T", 0, x), lambda: w.iff(
        d.eq(2), lambda: w.variant("T", 2, w.f("sin", x), d),
        lambda: w.variant("T", 1, w.call("grow", x * 0.7 + 0.1, d - 1), w.call("grow", w.f("cos", x), d - 2)),
    )))  # fmt: skip
    module.fn("fold", [t, FLOAT], lambda w, t, c: w.match(
        t, lambda v: v * c, lambda l, r: w.f("sin", w.call("fold", l, c) + 0.5 * w.call("fold", r, 0.9 * c)),
        lambda v, k: v + c * w.prim("float", FLOAT, k)))  # fmt: skip
    module.fn("power", [FLOAT, INT], lambda w, x, n: w.iff(
        n.eq(0), lambda: w.e(1.0), lambda: w.f("tanh", x * w.call("power", x, n - 1) + 0.3)))  # fmt: skip
    module.fn("pick", [VECTOR, INT], lambda w, x, i: x[i % w.dim(x)] * x[0] + w.f("sin", x[(i + 1) % w.dim(x)]))
    module.fn("swap", [VECTOR, INT, FLOAT], lambda w, x, i, e: x.set(i, e * x[i]))

    def halve(w: W, a: E) -> E:
        n = w.dim(a)
        both = lambda: w.call("halve", a[0 : n // 2]) * 0.9 + w.call("halve", a[n // 2 : n])  # noqa: E731
        return w.iff(n <= 1, lambda: w.f("sin", a[0]), both)

    module.fn("halve", [VECTOR], halve)

    def f(w: W, x: E, v: E, y: E) -> E:
        g = Generator(w, seed)
        s = Scope([x, y], [v, w.map(w.dim(v), lambda i: v[i] * x)])
        g.statements(s, g.random.randint(2, 5))
        a = s.arrays[0]
        return g.scalar(s) + 0.3 * s.floats[0] + 0.2 * w.sum(w.dim(a), lambda i: a[i])

    module.fn("f", [FLOAT, VECTOR, FLOAT], f)
    return module


def arguments(seed: int) -> list[Any]:
    values = np.random.default_rng(seed)
    return [float(values.uniform(0.3, 1.2)), values.uniform(0.3, 1.2, size=4), float(values.uniform(0.3, 1.2))]
