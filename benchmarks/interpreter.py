"""The interpreter beside plain Python on the same programs: how many times slower it is.

python benchmarks/interpreter.py
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "lang"), str(ROOT / "tests")]

from core_programs import MATRIX, ROW, Writer, function, program  # noqa: E402
from dplang.core.build import literal as lit  # noqa: E402
from dplang.core.ir import BOOL, FLOAT, INT, Call, Carry, Dim, Fill, Operand, Var, While  # noqa: E402
from dplang.interpret.evaluate import Interpreter  # noqa: E402

Case = tuple[str, Any, Callable[..., Any], Sequence[Any]]


def best(run: Callable[[], Any], times: int = 5) -> float:
    found = math.inf
    for _ in range(times):
        start = time.perf_counter()
        run()
        found = min(found, time.perf_counter() - start)
    return found


# ---- the programs, in core and in Python


def recurrence(b: Writer, n: Var, x: Var) -> tuple[Operand, ...]:
    def body(c: Writer, i: Var, x: Var) -> tuple[Operand, ...]:
        return (c.prim("*", FLOAT, c.prim("*", FLOAT, lit(3.7), x), c.prim("-", FLOAT, lit(1.0), x)),)

    return b.loop(lit(0), n, [x], body, FLOAT)


def recurrence_python(n: int, x: float) -> float:
    for _ in range(n):
        x = 3.7 * x * (1.0 - x)
    return x


def pendulum(b: Writer, n: Var, x: Var) -> tuple[Operand, ...]:
    def body(c: Writer, i: Var, x: Var, v: Var) -> tuple[Operand, ...]:
        force = c.prim("*", FLOAT, lit(0.01), c.prim("sin", FLOAT, x))
        v = c.prim("-", FLOAT, v, force)
        return c.prim("+", FLOAT, x, c.prim("*", FLOAT, lit(0.01), v)), v

    return b.loop(lit(0), n, [x, lit(0.0)], body, FLOAT, FLOAT)[:1]


def pendulum_python(n: int, x: float) -> float:
    v = 0.0
    for _ in range(n):
        v = v - 0.01 * math.sin(x)
        x = x + 0.01 * v
    return x


def writes(b: Writer, n: Var) -> tuple[Operand, ...]:
    def body(c: Writer, i: Var, y: Var) -> tuple[Operand, ...]:
        before = c.get(y, c.prim("-", INT, i, lit(1)))
        return (c.update("set", y, [i], c.prim("+", FLOAT, c.prim("*", FLOAT, before, lit(0.5)), c.get(y, i))),)

    return b.loop(lit(1), n, [b.one(Fill((n,), lit(1.0)), ROW)], body, ROW)


def writes_python(n: int) -> list[float]:
    y = [1.0] * n
    for i in range(1, n):
        y[i] = y[i - 1] * 0.5 + y[i]
    return y


def branches(b: Writer, n: Var) -> tuple[Operand, ...]:
    def body(c: Writer, i: Var, x: Var) -> tuple[Operand, ...]:
        def small(d: Any) -> tuple[Operand, ...]:
            return d.branch(  # type: ignore[no-any-return]
                d.prim("<", BOOL, d.prim("%", INT, i, lit(3)), lit(1)),
                lambda e: (e.prim("+", FLOAT, x, lit(0.25)),),
                lambda e: (e.prim("*", FLOAT, x, lit(1.5)),),
                FLOAT,
            )

        low = c.prim("<", BOOL, x, lit(1.0))
        return c.branch(low, small, lambda d: (d.prim("-", FLOAT, x, lit(0.9)),), FLOAT)

    return b.loop(lit(0), n, [lit(0.1)], body, FLOAT)


def branches_python(n: int) -> float:
    x = 0.1
    for i in range(n):
        if x < 1.0:
            x = x + 0.25 if i % 3 < 1 else x * 1.5
        else:
            x = x - 0.9
    return x


def fib(b: Writer, n: Var) -> tuple[Operand, ...]:
    def more(c: Any) -> tuple[Operand, ...]:
        first, second = (c.one(Call("fib", (c.prim("-", INT, n, lit(k)),)), INT) for k in (1, 2))
        return (c.prim("+", INT, first, second),)

    return b.branch(b.prim("<", BOOL, n, lit(2)), lambda c: (n,), more, INT)


def fib_python(n: int) -> int:
    return n if n < 2 else fib_python(n - 1) + fib_python(n - 2)


def collatz(b: Writer, n: Var) -> tuple[Operand, ...]:
    index, state = b.names.fresh("i", INT), b.names.fresh("p", INT)
    cond, body = b.nested(), b.nested()
    going = cond.prim("!=", BOOL, state, lit(1))
    even = body.prim("==", BOOL, body.prim("%", INT, state, lit(2)), lit(0))
    (new,) = body.branch(
        even,
        lambda c: (c.prim("//", INT, state, lit(2)),),
        lambda c: (c.prim("+", INT, c.prim("*", INT, state, lit(3)), lit(1)),),
        INT,
    )
    return b.let(While(index, (Carry(state, n),), cond.block(going), body.block(new)), INT, INT)[1:]


def collatz_python(n: int) -> int:
    trips = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else n * 3 + 1
        trips += 1
    return trips


def residuals(b: Writer, w: Var, x: Var) -> tuple[Operand, ...]:
    def body(c: Writer, i: Var) -> tuple[Operand, ...]:
        t = c.get(x, i)
        d = c.prim("-", FLOAT, c.prim("sin", FLOAT, c.prim("*", FLOAT, w, t)), t)
        return (c.prim("*", FLOAT, d, d),)

    return b.loop(lit(0), b.one(Dim(x, 0), INT), ["+"], body, FLOAT)


def residuals_python(w: float, x: Any) -> float:
    total = 0.0
    for t in x.tolist():
        d = math.sin(w * t) - t
        total += d * d
    return total


def product(b: Writer, x: Var, y: Var) -> tuple[Operand, ...]:
    """[sum(x[i, k] * y[k, j] for k) for i, j]"""

    def row(c: Writer, i: Var) -> tuple[Operand, ...]:
        def element(d: Writer, j: Var) -> tuple[Operand, ...]:
            def term(e: Writer, k: Var) -> tuple[Operand, ...]:
                return (e.prim("*", FLOAT, e.get(x, i, k), e.get(y, k, j)),)

            return d.loop(lit(0), d.one(Dim(x, 1), INT), ["+"], term, FLOAT)

        return c.loop(lit(0), c.one(Dim(y, 1), INT), ["build"], element, ROW)

    return b.loop(lit(0), b.one(Dim(x, 0), INT), ["build"], row, MATRIX)


def product_python(x: Any, y: Any) -> Any:
    a, b = x.tolist(), y.tolist()
    columns = list(zip(*b, strict=True))
    return [[sum(p * q for p, q in zip(row, column, strict=True)) for column in columns] for row in a]


def histogram(b: Writer, x: Var) -> tuple[Operand, ...]:
    def body(c: Writer, i: Var, h: Var) -> tuple[Operand, ...]:
        place = c.prim("int", INT, c.prim("*", FLOAT, c.get(x, i), lit(10.0)))
        return (c.update("add", h, [place], lit(1.0)),)

    return b.loop(lit(0), b.one(Dim(x, 0), INT), [b.one(Fill((lit(10),), lit(0.0)), ROW)], body, ROW)


def histogram_python(x: Any) -> list[float]:
    h = [0.0] * 10
    for v in x.tolist():
        h[int(v * 10.0)] += 1.0
    return h


def cases() -> list[Case]:
    r = np.random.default_rng(0)
    row, square = r.random(20_000), r.random((40, 40))
    return [
        ("scalar recurrence", function("f", [("n", INT), ("x", FLOAT)], recurrence), recurrence_python, (50_000, 0.3)),
        ("two states and sin", function("f", [("n", INT), ("x", FLOAT)], pendulum), pendulum_python, (50_000, 0.3)),
        ("element writes", function("f", [("n", INT)], writes), writes_python, (20_000,)),
        ("nested branches", function("f", [("n", INT)], branches), branches_python, (50_000,)),
        ("calls: fib(18)", function("fib", [("n", INT)], fib), fib_python, (18,)),
        ("while: collatz", function("f", [("n", INT)], collatz), collatz_python, (77_031,)),
        ("sum of squares", function("f", [("w", FLOAT), ("x", ROW)], residuals), residuals_python, (1.5, row)),
        ("matrix product", function("f", [("x", MATRIX), ("y", MATRIX)], product), product_python, (square, square)),
        ("histogram", function("f", [("x", ROW)], histogram), histogram_python, (row,)),
    ]


def main() -> None:
    print(f"{'':20}{'Python ms':>12}{'dp ÷ Python':>14}{'turn by turn':>14}")
    for name, fn, python, args in cases():
        p = program(fn)
        plain = best(lambda python=python, args=args: python(*args))  # type: ignore[misc]
        ratios = []
        for vectorise in (True, False):
            interpreter = Interpreter(p, vectorise=vectorise)
            run = lambda i=interpreter, f=fn.name, a=args: i.call(f, a)  # type: ignore[misc]  # noqa: E731
            assert np.allclose(run()[0], python(*args))
            ratios.append(best(run) / plain)
        print(f"{name:20}{plain * 1e3:12.2f}{ratios[0]:14.2f}{ratios[1]:14.2f}")


if __name__ == "__main__":
    main()
