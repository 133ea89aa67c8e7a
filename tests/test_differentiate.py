"""Derivatives from core to core: every construct in both modes, to second order, against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deriving import laws, run
from dplang.core.ir import FLOAT, FLOAT32, INT, ArrayType, Derive, EnumType, Let, Rule, Type
from dplang.errors import Fault
from dplang.errors.source import NOWHERE
from random_core import arguments, random_module
from writer import MATRIX, VECTOR, E, Module, W

random = np.random.default_rng(0)


def vector(*shape: int) -> Any:
    return random.uniform(0.3, 1.3, size=shape)


CASES: dict[str, tuple[list[Type], Callable[..., Any], list[Any]]] = {}


def case(params: list[Type], *args: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A function of core and the point at which its derivatives are checked."""

    def keep(write: Callable[..., Any]) -> Callable[..., Any]:
        CASES[write.__name__] = (params, write, list(args))
        return write

    return keep


# ---- straight lines and branches


@case([FLOAT, FLOAT], 0.7, 1.3)
def straight_line(w: W, x: E, y: E) -> E:
    return w.f("sin", x * y) + x / y


@case([FLOAT, FLOAT], 0.7, 1.3)
def branch(w: W, x: E, y: E) -> E:
    return w.iff(x < y, lambda: w.f("sin", x) * y, lambda: x * x / y)


@case([FLOAT, FLOAT], 0.7, 1.3)
def branches_of_two_results(w: W, x: E, y: E) -> E:
    a, b = w.iff(x < y, lambda: w.iff(y < 2.0, lambda: (x * y, x), lambda: (x, y)), lambda: (y, w.e(1.0)))
    return a * b * w.f("exp", x)


# ---- maps and reductions


@case([VECTOR, FLOAT], vector(5), 0.7)
def map_and_sum(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    y = w.map(n, lambda i: w.f("sin", x[i] * a))
    return w.sum(n, lambda i: y[i] * y[i] * x[i]) / a


@case([MATRIX, MATRIX], vector(2, 3), vector(3, 4))
def matrix_product_by_loops(w: W, x: E, y: E) -> E:
    n, k, m = w.dim(x), w.dim(x, 1), w.dim(y, 1)
    z = w.map(n, lambda i: w.map(m, lambda j: w.sum(k, lambda q: x[i, q] * y[q, j])))
    return w.sum(n, lambda i: w.sum(m, lambda j: z[i, j] * z[i, j]))


@case([VECTOR, FLOAT], vector(5), 0.7)
def reductions(w: W, x: E, a: E) -> E:
    made = [w.sum(w.dim(x), lambda i: w.f("sin", x[i] * a), op) for op in ("min", "max", "logsumexp", "*", "+")]
    return made[0] * made[1] * made[2] * made[3] * made[4]


@case([VECTOR, FLOAT], vector(5), 0.7)
def reductions_in_reductions(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    return w.sum(n, lambda i: w.sum(n, lambda j: w.f("sin", x[i] * a + x[j]), "max") * x[i], "logsumexp")


@case([VECTOR, FLOAT], vector(5), 0.7)
def reductions_beside_a_carried_value(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    kinds = ["min", "+", "logsumexp", a]
    low, s, l, c = w.loop(0, n, kinds, lambda i, c: (w.f("sin", x[i] * c), x[i] * c, x[i] * x[i], c * 0.9 + x[i]))

    def both(i: E) -> tuple[E, E]:
        v = w.f("sin", x[i] * s)
        return v, v * v

    high, t = w.loop(0, n, ["max", "+"], both)
    return low * s * l * c + high * t


@case([VECTOR, FLOAT], vector(5), 0.7)
def minimum_over_carried_loops(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    m = w.sum(n, lambda i: w.loop(0, 3, [x[i]], lambda k, s: w.f("sin", s * a) + x[i]), "max")

    def turn(i: E, s: E) -> E:
        return s * 0.5 + w.sum(n, lambda j: w.loop(0, 2, [x[j]], lambda k, t: w.f("sin", t * s)), "min")

    return m * w.loop(0, 3, [a], turn)


# ---- carried values


@case([VECTOR, FLOAT], vector(5), 0.7)
def carried_scalars(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    s, t, u = w.loop(1, n, [a, w.e(1.0), "build"], lambda i, s, t: (w.f("sin", s * x[i]) + t, t * s, s * t))
    return s * t + w.sum(n - 1, lambda i: u[i] * x[i])


@case([VECTOR, FLOAT], vector(5), 0.7)
def carried_through_branches(w: W, x: E, a: E) -> E:
    def turn(i: E, s: E) -> E:
        return w.iff((i % 2).eq(0), lambda: w.f("sin", s * x[i]) + s, lambda: s * s * 0.5)

    s = w.loop(0, w.dim(x), [a], turn)
    return s * s


@case([VECTOR, FLOAT], vector(5), 0.7)
def carried_in_carried(w: W, x: E, a: E) -> E:
    def turn(i: E, s: E) -> E:
        t = w.loop(0, i + 1, [s], lambda j, t: w.f("sin", t * x[j]) + 0.3 * t)
        return t * s + x[i]

    return w.loop(0, w.dim(x), [a], turn)


@case([VECTOR, FLOAT], vector(5), 0.7)
def carried_in_map(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    y = w.map(n, lambda i: w.loop(0, 3, [x[i]], lambda j, t: w.f("sin", t * a) + 0.3 * t * t))
    return w.sum(n, lambda i: y[i] * y[i])


@case([VECTOR, FLOAT], vector(4), 0.7)
def map_in_carried(w: W, x: E, a: E) -> E:
    n = w.dim(x)

    def turn(i: E, s: E) -> E:
        y = w.map(n, lambda k: w.f("sin", x[k] * s))
        return w.sum(n, lambda k: y[k] * y[k] * x[k])

    return w.loop(0, 3, [a], turn)


@case([VECTOR, FLOAT], vector(4), 0.7)
def sizes_that_change_from_turn_to_turn(w: W, x: E, a: E) -> E:
    def turn(i: E, s: E) -> E:
        y = w.map(i + 1, lambda k: w.f("sin", x[k] * s))
        z = w.loop(0, i + 1, [y], lambda k, y: y.set(k, y[k] * y[(k + 1) % (i + 1)]))
        t = w.loop(0, i + 1, [s], lambda k, t: w.f("sin", t + z[k]))
        q = w.loop(0, 2, [y], lambda k, y: w.map(w.dim(y), lambda j: y[j] * y[j] * t))
        return t * w.sum(w.dim(q), lambda k: q[k])

    return w.loop(0, w.dim(x), [a], turn)


@case([VECTOR, FLOAT], vector(8), 0.7)
def while_with_early_end(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    _, s, _ = w.while_(
        [0, a],
        lambda t, k, s: w.iff(k < n, lambda: s < 2.0, lambda: False),
        lambda t, k, s: (k + 1, s + w.f("sin", s * x[k])),
    )
    return s * s


@case([VECTOR, FLOAT], vector(4), 0.7)
def while_in_carried(w: W, x: E, a: E) -> E:
    def turn(i: E, s: E) -> E:
        _, t, _ = w.while_([0, s], lambda t, k, s: k < i, lambda t, k, s: (k + 1, s * 0.9 + 0.1 * w.f("sin", s * x[k])))
        return t * s

    return w.loop(0, w.dim(x), [a], turn)


# ---- arrays that are written


@case([VECTOR, FLOAT], vector(5), 0.7)
def element_writes(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    y = w.loop(1, n, [x], lambda i, y: y.set(i, w.f("sin", y[i] * y[i - 1] * a)))
    return w.sum(n, lambda i: y[i] * y[i])


@case([VECTOR, FLOAT], vector(7), 0.7)
def writes_in_branches(w: W, x: E, a: E) -> E:
    n = w.dim(x)

    def turn(i: E, y: E) -> E:
        return w.iff(
            (i % 2).eq(0),
            lambda: y.set(i, y[i] * y[i - 1]),
            lambda: w.iff(y[i] < 0.9, lambda: y.add(i // 2, w.f("sin", y[i] * a)), lambda: y),
        )

    y = w.loop(1, n, [x], turn)
    return w.sum(n, lambda i: y[i] * y[i])


@case([VECTOR, FLOAT], vector(4), 0.7)
def arrays_made_anew_in_every_turn(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    y = w.loop(0, 3, [x], lambda i, y: w.map(n, lambda k: w.f("sin", y[k] * y[(k + 1) % n]) + a))
    return w.sum(n, lambda i: y[i] * y[i])


@case([VECTOR, FLOAT], vector(4), 0.7)
def buffers_that_change_places(w: W, x: E, a: E) -> E:
    n = w.dim(x)

    def turn(i: E, p: E, q: E) -> tuple[E, E]:
        return w.loop(0, n, [q], lambda k, q: q.set(k, p[k] * p[(k + 1) % n] * a)), p

    p, q = w.loop(0, 3, [x, w.map(n, lambda i: x[i] * 2.0)], turn)
    return w.sum(n, lambda i: p[i] * q[i])


@case([VECTOR, FLOAT], vector(5), 0.7)
def histogram(w: W, x: E, a: E) -> E:
    h = w.loop(0, w.dim(x), [w.fill(0.0, 3)], lambda i, h: h.add(i % 3, w.f("sin", x[i] * a)))
    return w.sum(3, lambda i: h[i] * h[i])


@case([MATRIX, FLOAT], vector(4, 3), 0.7)
def rows_read_and_written(w: W, x: E, a: E) -> E:
    n, m = w.dim(x), w.dim(x, 1)

    def turn(i: E, y: E) -> E:
        r = y[i - 1]
        return y.set(i, w.map(m, lambda k: w.f("sin", r[k] * a + y[i, k])))

    y = w.loop(1, n, [x], turn)
    return w.sum(n, lambda i: w.sum(m, lambda k: y[i, k] * y[i, k]))


@case([VECTOR, FLOAT], vector(5), 0.7)
def slices_of_slices(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    s = x[1:n]
    t = s[0:2]
    whole = w.sum(w.dim(t), lambda i: w.f("exp", t[i]))
    return w.sum(n - 1, lambda i: s[i] * s[i] * a) + t[1] * t[0] + whole


@case([VECTOR], vector(9))
def slices_written(w: W, x: E) -> E:
    def turn(i: E, y: E) -> E:
        s = y[i : i + 3]
        return w.update("set", y, slice(i + 1, i + 4), w.map(3, lambda k: w.f("sin", s[k])))

    y = w.loop(0, w.dim(x) - 4, [x], turn)
    return w.sum(w.dim(x), lambda k: y[k])


@case([VECTOR, FLOAT], vector(8), 0.7)
def pushes(w: W, x: E, a: E) -> E:
    def turn(i: E, y: E) -> E:
        return w.iff(x[i] > 0.5, lambda: w.push(y, w.f("sin", x[i] * a)), lambda: y)

    y = w.loop(0, w.dim(x), [w.fill(0.0, 0)], turn)
    return w.sum(w.dim(y), lambda i: y[i] * y[i])


@case([VECTOR, FLOAT], vector(5), 0.7)
def arrays_chosen_by_a_branch(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    p, q = w.map(n, lambda i: x[i] * 2.0), w.map(n, lambda i: w.f("sin", x[i]))

    def turn(i: E, s: E) -> E:
        c = w.iff((i % 2).eq(0), lambda: p, lambda: q)
        return s * 0.9 + c[i] * c[0] * s

    return w.loop(0, n, [a], turn)


@case([VECTOR, FLOAT], vector(6), 0.7)
def arrays_in_a_while(w: W, x: E, a: E) -> E:
    n = w.dim(x)

    def turn(t: E, k: E, y: E, s: E) -> tuple[E, E, E]:
        z = w.iff((k % 2).eq(0), lambda: y.set(k, y[k] * s), lambda: w.map(n, lambda i: y[i] * 0.9))
        return k + 1, z, s + w.f("sin", y[k])

    _, y, s, _ = w.while_([0, x, a], lambda t, k, y, s: w.iff(k < n, lambda: s < 5.0, lambda: False), turn)
    return s * w.sum(n, lambda i: y[i] * y[i])


# ---- whole arrays


@case([VECTOR, FLOAT], vector(5), 0.7)
def rows_of_the_table(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    s, c, p = (w.prim(op, VECTOR, x) for op in ("sort", "cumsum", "cumprod"))
    r = w.prim("reverse", VECTOR, p)
    q = w.prim("concat", VECTOR, r, s)
    weighted = w.sum(w.dim(q), lambda i: q[i] * q[i] * 0.3 * w.prim("float", FLOAT, i))
    return w.sum(n, lambda i: s[i] * c[i] * r[i] * a) + weighted


@case([MATRIX, MATRIX, VECTOR], vector(2, 3), vector(3, 4), vector(4))
def products_of_matrices(w: W, x: E, y: E, v: E) -> E:
    z = w.prim("@", MATRIX, x, y)
    u = w.prim("@", VECTOR, z, v)
    t = w.prim("transpose", MATRIX, x)
    flat = w.prim("flatten", VECTOR, w.prim("@", MATRIX, t, x))
    return w.prim("dot", FLOAT, w.prim("@", VECTOR, u, z), v) + w.prim(
        "dot", FLOAT, w.prim("@", VECTOR, t, u), flat[0:3]
    )


@case([VECTOR, FLOAT], vector(5), 0.7)
def checkpoints(w: W, x: E, a: E) -> E:
    def turn(i: E, s: E) -> E:
        return w.checkpoint(lambda: w.loop(0, w.dim(x), [s], lambda j, t: w.f("sin", t * x[j]) + 0.3 * t))

    return w.loop(0, 3, [a], turn) * w.checkpoint(lambda: w.f("sin", x[0] * a))


@pytest.mark.parametrize("name", CASES)
def test_laws(name: str) -> None:
    params, write, args = CASES[name]
    module = Module()
    module.fn("f", params, write)
    laws(module, "f", args)


UNARY = {"sin": 0.5, "tan": 0.5, "asin": 0.3, "acosh": 1.7, "log1p": 0.4, "erf": 0.4, "gamma": 1.4, "lgamma": 2.2,
         "sigmoid": 0.3, "softplus": 0.3, "sqrt": 0.4, "cbrt": 0.7, "abs": 0.3, "relu": 0.4,
         "digamma": 1.3}  # fmt: skip


@pytest.mark.parametrize("op", [*UNARY, "^", "atan2", "hypot", "logaddexp", "min", "max", "%", "int power"])
def test_partials(op: str) -> None:
    module = Module()
    if op in UNARY:
        module.fn("f", [FLOAT, FLOAT], lambda w, x, a: w.f(op, x) * a)
    elif op == "int power":
        module.fn("f", [FLOAT, FLOAT], lambda w, x, a: w.prim("^", FLOAT, x, w.e(3, INT)) * a)
    else:
        module.fn("f", [FLOAT, FLOAT], lambda w, x, a: w.f(op, x, a) * a)
    laws(module, "f", [UNARY.get(op, 1.3), 0.7])


# ---- functions out of line


def helpers() -> Module:
    module = Module()
    module.fn("pick", [VECTOR, INT], lambda w, x, i: x[i] * x[i] + w.f("sin", x[(i + 1) % w.dim(x)]))
    module.fn("swap", [VECTOR, INT, FLOAT], lambda w, x, i, e: x.set(i, e * x[i]))
    module.fn("norm", [VECTOR, FLOAT], lambda w, x, a: w.sum(w.dim(x), lambda k: x[k] * x[k]) * a)
    module.fn("dot", [VECTOR, VECTOR], lambda w, x, y: w.sum(w.dim(x), lambda k: x[k] * y[k]))
    for name in ("power", "halve", "climb", "chain"):
        module.types[name] = (FLOAT,)
    module.fn("power", [FLOAT, INT], lambda w, x, n: w.iff(
        n.eq(0), lambda: w.e(1.0), lambda: w.f("tanh", x * w.call("power", x, n - 1) + 0.3)))  # fmt: skip

    def halve(w: W, a: E) -> E:
        n = w.dim(a)
        first = lambda: w.call("halve", a[0 : n // 2])  # noqa: E731
        return w.iff(n <= 1, lambda: w.f("sin", a[0]), lambda: first() * 0.9 + w.call("halve", a[n // 2 : n]) * first())

    module.fn("halve", [VECTOR], halve)
    module.fn("climb", [VECTOR, INT], lambda w, a, i: w.iff(
        i <= 0, lambda: a[0], lambda: w.f("sin", a[i]) + w.call("climb", a, i // 2)))  # fmt: skip
    module.fn("chain", [MATRIX, INT], lambda w, x, i: w.iff(
        i <= 0, lambda: w.call("dot", x[0], x[0]),
        lambda: w.call("dot", x[i], x[i - 1]) * w.call("chain", x[0:i], i - 1)))  # fmt: skip
    return module


def calls_in_loops(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    y = w.loop(1, n, [x], lambda i, y: w.call("swap", y, i, w.call("pick", y, i - 1) * a))
    return w.sum(n, lambda i: w.call("pick", y, i))


def recursion_on_what_is_written(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    y = w.loop(1, n, [x], lambda i, y: y.set(i, 0.5 * w.call("climb", y, i) * a))
    return y[n - 1] + w.call("halve", y) * w.call("power", a, 3)


def crossings_in_branches(w: W, x: E, a: E) -> E:
    def turn(i: E, s: E) -> E:
        return w.iff(
            (i % 2).eq(0),
            lambda: w.loop(0, i, [s], lambda k, t: w.f("sin", t * x[k])) * s,
            lambda: w.iff(s < 10.0, lambda: w.call("power", s * x[i], 2), lambda: s),
        )

    return w.loop(0, w.dim(x), [a], turn)


def rows_to_calls(w: W, x: E, a: E) -> E:
    n = w.dim(x)
    y = w.loop(0, n, [x], lambda i, y: y.set(i, w.map(w.dim(y, 1), lambda k: y[i, k] * w.call("norm", y[i], a))))
    s = w.loop(1, n, [a], lambda i, s: w.f("sin", s) + w.call("dot", y[i], y[i - 1]))
    return w.call("chain", y, n - 1) * s


@pytest.mark.parametrize(
    ("write", "args"),
    [
        (calls_in_loops, [vector(5), 0.7]),
        (recursion_on_what_is_written, [vector(5), 0.8]),
        (crossings_in_branches, [vector(5), 0.8]),
        (rows_to_calls, [vector(3, 3), 0.8]),
    ],
)
def test_laws_of_calls(write: Callable[..., E], args: list[Any]) -> None:
    module = helpers()
    module.fn("f", [VECTOR if np.ndim(args[0]) == 1 else MATRIX, FLOAT], write)
    laws(module, "f", args, close=1e-5)


# ---- enums


def trees() -> tuple[Module, EnumType]:
    module = Module()
    t = module.enum("T", (FLOAT,), (EnumType("T"), EnumType("T")), (FLOAT, INT), (VECTOR,))
    module.types["grow"], module.types["fold"] = (t,), (FLOAT,)
    module.fn("grow", [FLOAT, INT], lambda w, x, d: w.iff(d <= 0, lambda: w.variant("T", 0, x), lambda: w.iff(
        d.eq(2), lambda: w.variant("T", 2, w.f("sin", x), d),
        lambda: w.variant("T", 1, w.call("grow", x * 0.7 + 0.1, d - 1), w.call("grow", w.f("cos", x), d - 2)),
    )))  # fmt: skip
    module.fn("fold", [t, FLOAT], lambda w, t, c: w.match(
        t, lambda v: v * v * c,
        lambda l, r: w.f("sin", w.call("fold", l, c) + 0.5 * w.call("fold", r, 0.9 * c)),
        lambda v, k: v * v + c * w.prim("float", FLOAT, k),
        lambda a: w.sum(w.dim(a), lambda i: a[i] * a[i]) * c))  # fmt: skip
    return module, t


def test_laws_of_trees() -> None:
    module, _ = trees()
    module.fn("f", [FLOAT, FLOAT], lambda w, x, a: w.call("fold", w.call("grow", x, 5), a))
    laws(module, "f", [0.7, 0.8])


def test_laws_of_arrays_of_enums() -> None:
    module = Module()
    module.enum("T", (FLOAT, VECTOR), ())

    def f(w: W, x: E, a: E) -> E:
        n = w.dim(x)
        es = w.map(n, lambda i: w.variant("T", 0, x[i] * a, w.map(2, lambda j: x[j] * x[i])))

        def moved(i: E, es: E) -> E:
            e = w.match(es[i - 1], lambda v, u: w.variant("T", 0, v * x[i], u), lambda: w.variant("T", 1))
            return w.update("set", es, i, e)

        es = w.loop(1, n, [es], moved)

        def turn(i: E, s: E) -> E:
            return w.match(es[i], lambda v, u: w.f("sin", v * s) + w.sum(2, lambda k: u[k] * u[k]), lambda: s)

        e = w.variant("T", 0, x[0] * a, x)
        g = w.part(e, 0, 1)
        return w.loop(0, n, [a], turn) + w.part(e, 0, 0) * g[1]

    module.fn("f", [VECTOR, FLOAT], f)
    laws(module, "f", [vector(4), 0.8])


def along(a: Any, b: Any, step: float) -> Any:
    """The tree `a` moved along the tangent `b`."""
    if a[0] == 1:
        return (1, along(a[1], b[1], step), along(a[2], b[2], step))
    return (a[0], a[1] + step * b[1], *a[2:])


def inner(a: Any, b: Any) -> float:
    return inner(a[1], b[1]) + inner(a[2], b[2]) if a[0] == 1 else float(np.sum(a[1] * b[1]))


def tree() -> Any:
    def leaf() -> Any:
        return (0, float(vector()))

    return (1, (1, leaf(), (2, float(vector()), 3)), (1, (3, vector(2)), leaf()))


def test_gradient_with_respect_to_a_tree_is_a_tree() -> None:
    module, t = trees()
    module.fn("G", [t, FLOAT], lambda w, x, c: w.derive("grad", "fold", [x, c], [0, 1], [], t, FLOAT))
    module.fn("J", [t, FLOAT] * 2, lambda w, x, c, s, d: w.derive("jvp", "fold", [x, c], [0, 1], [s, d], FLOAT, FLOAT))
    module.fn("H", [t, FLOAT] * 2, lambda w, x, c, s, d: w.derive("hvp", "fold", [x, c], [0, 1], [s, d], t, FLOAT))
    x, s, r, c, d, e = tree(), tree(), tree(), 0.7, 0.3, 1e-6

    def at(fn: str, step: float) -> tuple[Any, ...]:
        return run(module, fn, along(x, s, step), c + step * d)

    g, gc = run(module, "G", x, c)
    slope = inner(g, s) + gc * d
    assert g[1][2][2] == 3, "what has no tangent is the primal's"
    assert run(module, "J", x, c, s, d)[1] == pytest.approx(slope, rel=1e-12)
    assert (at("fold", e)[0] - at("fold", -e)[0]) / (2 * e) == pytest.approx(slope, rel=1e-7)
    change = along(at("G", e)[0], at("G", -e)[0], -1.0)
    assert inner(change, r) / (2 * e) == pytest.approx(inner(run(module, "H", x, c, s, d)[0], r), rel=1e-6)


# ---- operators


def numeric_jacobian(f: Callable[..., Any], args: list[Any], i: int) -> Any:
    """Derivatives of an array in one argument, the argument's dimensions behind."""
    columns = []
    x = np.asarray(args[i], float)
    for place in np.ndindex(x.shape):
        hot = np.zeros_like(x)
        hot[place] = 1e-6
        up, down = (f(*args[:i], y if x.shape else float(y), *args[i + 1 :]) for y in (x + hot, x - hot))
        columns.append((np.asarray(up) - np.asarray(down)) / 2e-6)
    whole = np.array(columns).reshape(x.shape + columns[0].shape)
    return np.moveaxis(whole, range(x.ndim), range(-x.ndim, 0)) if x.ndim else columns[0]


@pytest.mark.parametrize("n", [2, 5])
def test_jacobian_goes_either_way_by_the_sizes(n: int) -> None:
    module = Module()
    module.fn("f", [VECTOR, FLOAT], lambda w, x, a: w.map(3, lambda i: w.f("sin", x[i % w.dim(x)] * a) + x[0]))
    module.fn("J", [VECTOR, FLOAT], lambda w, x, a: w.derive("jacobian", "f", [x, a], [0, 1], [], MATRIX, VECTOR))
    args = [vector(n), 0.7]
    for i, found in enumerate(run(module, "J", *args)):
        assert np.allclose(found, numeric_jacobian(lambda *a: run(module, "f", *a)[0], args, i), atol=1e-7)


def test_jacobian_of_a_matrix_in_a_matrix() -> None:
    module = Module()
    module.fn("f", [MATRIX], lambda w, x: w.prim("@", MATRIX, x, w.prim("transpose", MATRIX, x)))
    four = ArrayType(FLOAT, (None,) * 4)
    module.fn("J", [MATRIX], lambda w, x: w.derive("jacobian", "f", [x], [0], [], four))
    args = [vector(2, 3)]
    wanted = numeric_jacobian(lambda x: run(module, "f", x)[0], args, 0)
    assert np.allclose(run(module, "J", *args)[0], wanted, atol=1e-7)


def test_hessian_over_several_leaves() -> None:
    module = Module()
    params = [VECTOR, FLOAT, MATRIX]
    module.fn("f", params, lambda w, x, a, y: w.sum(w.dim(x), lambda i: w.f("sin", x[i] * a)) * y[0, 1] * x[0]
              + y[1, 0] * y[1, 0] * y[0, 0])  # fmt: skip
    module.fn("G", params, lambda w, *a: w.derive("grad", "f", a, [0, 1, 2], [], *params))
    module.fn("H", params, lambda w, *a: w.derive("hessian", "f", a, [0, 1, 2], [], MATRIX))
    args = [vector(3), 0.7, vector(2, 2)]

    def gradient(*a: Any) -> Any:
        return np.concatenate([np.ravel(g) for g in run(module, "G", *a)])

    wanted = np.concatenate([numeric_jacobian(gradient, args, i).reshape(8, -1) for i in range(3)], axis=1)
    assert np.allclose(run(module, "H", *args)[0], wanted, atol=1e-6)


def test_hessian_of_one_number_is_a_number() -> None:
    module = Module()
    module.fn("f", [FLOAT], lambda w, x: w.f("sin", x) * x)
    module.fn("H", [FLOAT], lambda w, x: w.derive("hessian", "f", [x], [0], [], FLOAT))
    assert run(module, "H", 0.7)[0] == pytest.approx(2 * np.cos(0.7) - 0.7 * np.sin(0.7), rel=1e-14)


def test_vjp_and_results_without_tangent() -> None:
    module = Module()
    module.fn("f", [VECTOR, FLOAT], lambda w, x, a: (
        w.map(w.dim(x), lambda i: w.f("sin", x[i] * a)), x[0] * a, w.dim(x)))  # fmt: skip
    types = (VECTOR, FLOAT, INT, FLOAT, VECTOR)
    module.fn("V", [VECTOR, FLOAT] * 2, lambda w, x, a, c, d: w.derive("vjp", "f", [x, a], [1, 0], [c, d], *types))
    x, a, c, d = vector(3), 0.7, vector(3), 0.3
    _, _, n, da, dx = run(module, "V", x, a, c, d)
    assert n == 3
    assert da == pytest.approx(np.sum(c * x * np.cos(x * a)) + d * x[0])
    assert np.allclose(dx, c * a * np.cos(x * a) + np.array([d * a, 0, 0]))


def test_derivatives_nest_to_any_order() -> None:
    module = Module()
    module.fn("f0", [FLOAT, FLOAT], lambda w, x, a: w.f("sin", x * a) * x)
    for k in range(4):
        module.fn(f"f{k + 1}", [FLOAT, FLOAT], lambda w, x, a, k=k: w.derive("grad", f"f{k}", [x, a], [0], [], FLOAT))
    module.fn("h", [FLOAT, VECTOR], lambda w, x, v: x * w.sum(w.dim(v), lambda i: w.call("f2", v[i], x)))
    for k in range(4):
        up, down = (run(module, f"f{k}", x, 0.8)[0] for x in (0.7 + 1e-5, 0.7 - 1e-5))
        assert run(module, f"f{k + 1}", 0.7, 0.8)[0] == pytest.approx((up - down) / 2e-5, rel=1e-6)
    laws(module, "h", [0.7, vector(4)])


def test_float32_stays_float32() -> None:
    module = Module()
    single = ArrayType(FLOAT32, (None,))
    module.fn("f", [single, FLOAT32], lambda w, x, a: w.sum(w.dim(x), lambda i: w.prim("sin", FLOAT32, x[i] * a)))
    module.fn("g", [single, FLOAT32], lambda w, x, a: w.prim("float", FLOAT, w.call("f", x, a)) * 2.0)
    for name, of in (("F", "f"), ("G", "g")):
        module.fn(
            name, [single, FLOAT32], lambda w, x, a, of=of: w.derive("grad", of, [x, a], [0, 1], [], single, FLOAT32)
        )
    module.fn(
        "J", [single, FLOAT32] * 2, lambda w, x, a, y, b: w.derive("jvp", "g", [x, a], [0, 1], [y, b], FLOAT, FLOAT)
    )
    x, a = vector(4).astype(np.float32), np.float32(0.7)
    (dx, da), (ex, ea) = run(module, "F", x, a), run(module, "G", x, a)
    assert dx.dtype == np.float32
    assert isinstance(da, np.float32)
    assert np.allclose(2 * dx, ex)
    assert np.allclose(2 * da, ea)
    slope = run(module, "J", x, a, x, a)[1]
    assert isinstance(slope, float)
    assert slope == pytest.approx(float(np.sum(ex * x) + ea * a), rel=1e-5)


def test_stop_and_demand() -> None:
    module = Module()
    module.fn("f", [FLOAT, FLOAT], lambda w, x, a: w.stop(x) * x * a)

    def g(w: W, x: E, a: E) -> Any:
        w.b.lets.append(Let((), Derive("demand", "f", (x.o, a.o), (0,)), NOWHERE))
        return w.derive("grad", "f", [x, a], [0, 1], [], FLOAT, FLOAT)

    module.fn("g", [FLOAT, FLOAT], g)
    assert run(module, "g", 0.5, 2.0) == (1.0, 0.25)


# ---- rules of one's own


def ruled() -> Module:
    module = Module()
    scaled = lambda w, x, a: w.map(w.dim(x), lambda i: x[i] * a)  # noqa: E731
    module.fn("square", [FLOAT, FLOAT], lambda w, x, y: x * x * y, Rule(partials="square.d"))
    module.fn("square.d", [FLOAT] * 3, lambda w, x, y, r: (2.0 * x * y, x * x))
    module.fn(
        "norm", [VECTOR], lambda w, x: w.f("sqrt", w.sum(w.dim(x), lambda i: x[i] * x[i])), Rule(partials="norm.d")
    )
    module.fn("norm.d", [VECTOR, FLOAT], lambda w, x, r: w.map(w.dim(x), lambda i: x[i] / r))
    module.fn("scale", [VECTOR, FLOAT], scaled, Rule(jvp="scale.j", vjp="scale.v"))
    module.fn("scale.j", [VECTOR, FLOAT, VECTOR, VECTOR, FLOAT], lambda w, x, a, r, dx, da: w.map(
        w.dim(x), lambda i: dx[i] * a + x[i] * da))  # fmt: skip
    module.fn("scale.v", [VECTOR, FLOAT, VECTOR, VECTOR], lambda w, x, a, r, g: (
        scaled(w, g, a), w.sum(w.dim(x), lambda i: g[i] * x[i])))  # fmt: skip
    return module


def test_rules_replace_derivatives() -> None:
    module = ruled()

    def f(w: W, x: E, a: E) -> E:
        y = w.call("scale", x, w.call("square", a, x[0]))
        s = w.loop(0, w.dim(x), [a], lambda i, s: w.f("sin", w.call("square", s, x[i])))
        return w.call("norm", y) * w.call("square", y[1], a) * s

    module.fn("f", [VECTOR, FLOAT], f)
    laws(module, "f", [vector(4), 0.8])


def test_rule_of_the_function_itself() -> None:
    laws(ruled(), "square", [0.7, 0.8])


@pytest.mark.parametrize(("rule", "kind"), [(Rule(jvp="d"), "grad"), (Rule(vjp="d"), "jvp")])
def test_missing_half_of_a_rule(rule: Rule, kind: str) -> None:
    module = Module()
    module.fn("f", [FLOAT], lambda w, x: x * x, rule)
    module.fn("d", [FLOAT] * 3, lambda w, x, r, d: 2.0 * x * d)
    seeds = [1.0] if kind == "jvp" else []
    module.fn("g", [FLOAT], lambda w, x: w.derive(kind, "f", [x], [0], seeds, *([FLOAT] * (1 + len(seeds)))))
    with pytest.raises(Fault, match="E0350"):
        run(module, "g", 1.0)


# ---- random programs


@pytest.mark.parametrize("seed", range(12))
def test_laws_of_random_programs(seed: int) -> None:
    laws(random_module(seed), "f", arguments(seed), close=3e-5)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12, 150))
def test_laws_of_many_random_programs(seed: int) -> None:
    laws(random_module(seed), "f", arguments(seed), close=3e-5)
