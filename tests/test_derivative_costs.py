"""Cost laws on core programs: what a gradient touches is a small constant times what its function touches.

The shapes here are those where a careless derivative copies or makes something large in every turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deriving import derived
from dplang.core.ir import FLOAT, INT, EnumType, Type
from dplang.interpret.evaluate import Interpreter
from writer import MATRIX, VECTOR, E, Module, W

LIMIT = 6.0
SIZES = (500, 4000)

Maker = Callable[[Module], None]
CASES: dict[str, tuple[Type, Callable[..., Any], Maker | None]] = {}


def case(param: Type, helpers: Maker | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def keep(write: Callable[..., Any]) -> Callable[..., Any]:
        CASES[write.__name__] = (param, write, helpers)
        return write

    return keep


def total(w: W, x: E) -> E:
    return w.sum(w.dim(x), lambda i: x[i])


# ---- arrays that are written


@case(VECTOR)
def element_writes(w: W, x: E) -> E:
    n = w.dim(x)
    y = w.loop(1, n, [x], lambda i, y: y.set(i, y[i] + 0.5 * w.f("sin", y[i - 1])))
    return y[n - 1] + y[n // 2]


@case(VECTOR)
def elements_that_change_places(w: W, x: E) -> E:
    n = w.dim(x)

    def turn(i: E, y: E) -> E:
        j = (i * 7) % n
        a, b = y[i], y[j]
        return y.set(i, b * 0.9).set(j, a)

    y = w.loop(0, n, [x], turn)
    return w.sum(n, lambda i: y[i] * y[i])


@case(MATRIX)
def writes_in_a_nest(w: W, x: E) -> E:
    n, m = w.dim(x), w.dim(x, 1)
    y = w.loop(1, n, [x], lambda i, y: w.loop(
        1, m, [y], lambda j, y: y.set((i, j), 0.5 * y[i - 1, j] + w.f("sin", y[i, j - 1]))))  # fmt: skip
    return y[n - 1, m - 1]


@case(MATRIX)
def rows_written(w: W, x: E) -> E:
    n, m = w.dim(x), w.dim(x, 1)
    y = w.loop(1, n, [x], lambda i, y: y.set(i, w.map(m, lambda k: w.f("sin", y[i - 1, k] + y[i, k]))))
    return w.sum(m, lambda k: y[n - 1, k])


@case(VECTOR)
def slices_written(w: W, x: E) -> E:
    def turn(i: E, y: E) -> E:
        s = y[i : i + 3]
        return w.update("set", y, slice(i + 1, i + 4), w.map(3, lambda k: w.f("sin", s[k])))

    return total(w, w.loop(0, w.dim(x) - 4, [x], turn))


@case(VECTOR)
def pushes(w: W, x: E) -> E:
    def turn(i: E, y: E) -> E:
        return w.iff(x[i] > 0.5, lambda: w.push(y, w.f("sin", x[i])), lambda: y)

    y = w.loop(0, w.dim(x), [w.fill(0.0, 0)], turn)
    return w.sum(w.dim(y), lambda i: y[i] * y[i])


@case(MATRIX)
def vectors_carried(w: W, x: E) -> E:
    m = w.dim(x, 1)
    return total(w, w.loop(0, w.dim(x), [w.fill(0.0, m)], lambda i, s: w.map(
        m, lambda k: 0.9 * s[k] + w.f("sin", s[k] * x[i, k]))))  # fmt: skip


@case(VECTOR)
def whiles(w: W, x: E) -> E:
    n = w.dim(x)
    _, y, s, _ = w.while_(
        [0, x, 0.1],
        lambda t, k, y, s: k < n,
        lambda t, k, y, s: (k + 1, y.set(k, s * y[k]), 0.9 * s + w.f("sin", y[k])),
    )
    return s + y[0]


# ---- arrays that are chosen


@case(VECTOR)
def arrays_chosen_by_a_branch(w: W, x: E) -> E:
    n = w.dim(x)
    p, q = w.map(n, lambda i: x[i] * 2.0), w.map(n, lambda i: w.f("sin", x[i]))

    def turn(i: E, s: E) -> E:
        c = w.iff((i % 2).eq(0), lambda: p, lambda: q)
        return s * 0.9 + c[i] * c[0]

    return w.loop(0, n, [0.1], turn)


def kinds(module: Module) -> None:
    module.enum("Kind", (), ())
    module.fn("pick", [VECTOR, INT], lambda w, a, i: a[i] * a[i])


@case(VECTOR, kinds)
def arrays_chosen_by_a_match_for_a_call(w: W, x: E) -> E:
    n = w.dim(x)
    p, q = w.map(n, lambda i: x[i] * 2.0), w.map(n, lambda i: w.f("sin", x[i]))
    ks = w.map(n, lambda i: w.iff((i % 2).eq(0), lambda: w.variant("Kind", 0), lambda: w.variant("Kind", 1)))

    def turn(i: E, s: E) -> E:
        c = w.match(ks[i], lambda: p, lambda: q)
        return s * 0.9 + w.call("pick", c, i)

    return w.loop(0, n, [0.1], turn)


# ---- functions out of line


def helpers(module: Module) -> None:
    for name in ("climb", "halve", "shrink", "even", "odd", "row"):
        module.types[name] = (FLOAT,)
    module.types["sweep"] = (VECTOR,)
    module.fn("swap", [VECTOR, INT, INT], lambda w, y, i, j: (y.set(i, y[j]).set(j, y[i]), y[i] * y[j]))
    module.fn("climb", [VECTOR, INT], lambda w, a, i: w.iff(
        i <= 0, lambda: a[0], lambda: w.f("sin", a[i]) + w.call("climb", a, i // 2)))  # fmt: skip
    module.fn("sweep", [VECTOR, INT, INT], lambda w, a, l, h: w.iff(
        h - l <= 1, lambda: a.set(l, w.f("sin", a[l]) * a[l // 2]),
        lambda: w.call("sweep", w.call("sweep", a, l, (l + h) // 2), (l + h) // 2, h)))  # fmt: skip

    def halve(w: W, a: E) -> E:
        n = w.dim(a)
        both = lambda: w.call("halve", a[0 : n // 2]) * 0.9 + w.call("halve", a[n // 2 : n])  # noqa: E731
        return w.iff(n <= 1, lambda: w.f("sin", a[0]), both)

    module.fn("halve", [VECTOR], halve)
    module.fn("shrink", [VECTOR], lambda w, a: w.iff(
        w.dim(a) <= 2, lambda: a[0], lambda: w.f("sin", a[0]) + w.call("shrink", a[1 : w.dim(a)])))  # fmt: skip
    module.fn("even", [VECTOR, INT], lambda w, a, i: w.iff(
        i <= 0, lambda: a[0], lambda: w.f("sin", a[i]) * w.call("odd", a, i - 1)))  # fmt: skip
    module.fn("odd", [VECTOR, INT], lambda w, a, i: w.iff(
        i <= 0, lambda: a[0], lambda: w.f("cos", a[i]) + w.call("even", a, i - 1)))  # fmt: skip
    module.fn("row", [VECTOR, INT], lambda w, r, j: w.iff(
        j <= 0, lambda: r[0] * r[0], lambda: r[j] * w.call("row", r, j - 1)))  # fmt: skip


@case(VECTOR, helpers)
def recursion_in_a_writing_loop(w: W, x: E) -> E:
    n = w.dim(x)
    return w.loop(1, n, [x], lambda i, y: y.set(i, 0.5 * w.call("climb", y, i)))[n - 1]


@case(VECTOR, helpers)
def recursion_that_writes(w: W, x: E) -> E:
    return total(w, w.call("sweep", x, w.e(0, INT), w.dim(x)))


@case(VECTOR, helpers)
def recursion_over_slices(w: W, x: E) -> E:
    return w.call("halve", x) + w.call("shrink", x)


@case(VECTOR, helpers)
def recursion_of_two_functions(w: W, x: E) -> E:
    return w.call("even", x, w.dim(x) - 1)


@case(MATRIX, helpers)
def rows_to_calls(w: W, x: E) -> E:
    def turn(i: E, y: E, s: E) -> tuple[E, E]:
        t = w.call("row", y[i], 2)
        return y.set(i, w.map(w.dim(x, 1), lambda k: y[i, k] * t)), s + t

    y, s = w.loop(0, w.dim(x), [x, w.e(0.0)], turn)
    return s + y[0, 0]


# ---- enums


def trees(module: Module) -> None:
    t = module.enum("Tree", (FLOAT,), (EnumType("Tree"), EnumType("Tree")))
    module.types["grow"], module.types["query"] = (t,), (FLOAT,)
    module.fn("grow", [VECTOR, INT, INT], lambda w, x, l, h: w.iff(
        h - l <= 1, lambda: w.variant("Tree", 0, x[l]),
        lambda: w.variant("Tree", 1, w.call("grow", x, l, (l + h) // 2), w.call("grow", x, (l + h) // 2, h)),
    ))  # fmt: skip
    module.fn("query", [t, INT], lambda w, t, k: w.match(t, lambda v: w.f("sin", v), lambda l, r: w.iff(
        (k % 2).eq(0), lambda: w.call("query", l, k // 2), lambda: w.call("query", r, k // 2) * 0.9)))  # fmt: skip


@case(VECTOR, trees)
def queries_of_a_tree(w: W, x: E) -> E:
    t = w.call("grow", x, w.e(0, INT), w.dim(x))
    return w.loop(0, w.dim(x), [0.1], lambda i, s: 0.9 * s + w.call("query", t, i * 7919))


def lists(module: Module) -> None:
    t = module.enum("List", (FLOAT,), (VECTOR, EnumType("List")))
    module.types["read"] = (FLOAT,)
    module.fn("read", [t, INT], lambda w, o, i: w.match(
        o, lambda v: v, lambda a, rest: w.f("sin", a[i]) * w.call("read", rest, i)))  # fmt: skip


@case(VECTOR, lists)
def arrays_inside_enum_values(w: W, x: E) -> E:
    n = w.dim(x)
    last = w.variant("List", 0, x[0])
    o = w.variant("List", 1, x, w.variant("List", 1, w.map(n, lambda i: x[i] * 2.0), last))
    s = w.loop(0, n, [0.1], lambda i, s: s * 0.9 + w.call("read", o, i))
    os = w.map(2, lambda k: w.variant("List", 1, w.map(n, lambda i: x[i] * 3.0), last))
    return w.loop(0, n, [s], lambda i, s: w.match(os[i % 2], lambda v: s, lambda a, _: s * 0.9 + w.f("sin", a[i])))


# ---- the law


def costs(name: str) -> list[float]:
    param, write, make = CASES[name]
    module = Module()
    if make is not None:
        make(module)
    module.fn("f", [param], write)
    module.fn("g", [param], lambda w, x: w.derive("value_and_grad", "f", [x], [0], [], FLOAT, param))
    program = derived(module)
    found = []
    for n in SIZES:
        x = np.random.default_rng(n).uniform(0.3, 1.3, size=n if param == VECTOR else (n // 10, 10))
        counts = []
        for fn in ("f", "g"):
            it = Interpreter(program, count=True)
            it.call(fn, [x])
            counts.append(it.touched)
        found.append(counts[1] / counts[0])
    return found


@pytest.mark.parametrize("name", CASES)
def test_gradient_costs_a_constant_times_its_function(name: str) -> None:
    small, large = costs(name)
    assert large < LIMIT
    assert large < 1.2 * small, "grows with the size"


def test_forward_mode_makes_zeros_once() -> None:
    def f(w: W, x: E, a: E) -> E:
        n = w.dim(x)
        p = w.map(n, lambda i: x[i] * a)

        def turn(i: E, s: E) -> E:
            c = w.iff((i % 2).eq(0), lambda: x, lambda: p)
            return s * 0.9 + c[i] * c[0]

        return w.loop(0, n, [a], turn)

    module = Module()
    module.fn("f", [VECTOR, FLOAT], f)
    module.fn("g", [VECTOR, FLOAT, FLOAT], lambda w, x, a, d: w.derive("jvp", "f", [x, a], [1], [d], FLOAT, FLOAT))
    program = derived(module)
    x = np.random.default_rng(0).uniform(0.3, 1.3, size=2000)
    counts = []
    for fn, args in (("f", [x, 0.5]), ("g", [x, 0.5, 1.0])):
        it = Interpreter(program, count=True)
        it.call(fn, args)
        counts.append(it.touched)
    assert counts[1] < LIMIT * counts[0]


def test_second_derivatives_cost_a_constant_times_the_function() -> None:
    module = Module()
    module.fn("f", [VECTOR], element_writes)
    module.fn("g", [VECTOR, VECTOR], lambda w, x, v: w.derive("hvp", "f", [x], [0], [v], VECTOR))
    program = derived(module)
    x = np.random.default_rng(0).uniform(0.3, 1.3, size=2000)
    counts = []
    for fn, args in (("f", [x]), ("g", [x, x])):
        it = Interpreter(program, count=True)
        it.call(fn, args)
        counts.append(it.touched)
    assert counts[1] < 2 * LIMIT * counts[0]
