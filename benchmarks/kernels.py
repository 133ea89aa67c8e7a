"""Kernels beside the interpreter and the same work written by hand for Numba: time of a gradient, and of compiling it.

    python benchmarks/kernels.py

Every gradient is compared with the others. Times are the best of several runs, one thread.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from dplang.errors.source import Source
from dplang.interpret.evaluate import Interpreter
from dplang.kernels.call import Kernels
from dplang.pipeline import compile
from dplang.session import Session
from dplang.stack import deep

ROSENBROCK = """
fn rosen(x: Float[n]) -> Float {
  var s = 0.0
  for i in 0..len(x) - 1 {
    s += 100.0 * (x[i + 1] - x[i]^2)^2 + (1.0 - x[i])^2
  }
  s
}
fn work(x: Float[n]) -> Float[n] = grad(rosen)(x)
"""

LOTKA = """
fn rate(a: Float, b: Float, c: Float, d: Float, x: Float, y: Float) -> (Float, Float) =
  (a * x - b * x * y, d * x * y - c * y)
fn loss(a: Float, b: Float, c: Float, d: Float) -> Float {
  var x = 1.0
  var y = 1.0
  let h = 0.01
  for t in 0..1000 {
    let (k1x, k1y) = rate(a, b, c, d, x, y)
    let (k2x, k2y) = rate(a, b, c, d, x + 0.5 * h * k1x, y + 0.5 * h * k1y)
    let (k3x, k3y) = rate(a, b, c, d, x + 0.5 * h * k2x, y + 0.5 * h * k2y)
    let (k4x, k4y) = rate(a, b, c, d, x + h * k3x, y + h * k3y)
    x += h / 6.0 * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)
    y += h / 6.0 * (k1y + 2.0 * k2y + 2.0 * k3y + k4y)
  }
  x * x + y * y
}
fn work(p: Float[4]) -> Float[4] {
  let (a, b, c, d) = grad(loss, wrt = (a, b, c, d))(p[0], p[1], p[2], p[3])
  [a, b, c, d]
}
"""

LOTKA_ARRAYS = """
fn rate(p: Float[4], z: Float[2]) -> Float[2] =
  [p[0] * z[0] - p[1] * z[0] * z[1], p[3] * z[0] * z[1] - p[2] * z[1]]
fn loss(p: Float[4]) -> Float {
  var z = [1.0, 1.0]
  let h = 0.01
  for t in 0..1000 {
    let k1 = rate(p, z)
    let k2 = rate(p, z + 0.5 * h * k1)
    let k3 = rate(p, z + 0.5 * h * k2)
    let k4 = rate(p, z + h * k3)
    z += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
  }
  dot(z, z)
}
fn work(p: Float[4]) -> Float[4] = grad(loss)(p)
"""

PARTICLES = """
fn loss(v: Float[n]) -> Float {
  var total = 0.0
  for i in 0..len(v) {
    var x = 0.1 * float(i)
    var u = v[i]
    for t in 0..500 {
      let force = if x > 1.0 { -4.0 * (x - 1.0) } else if x < -1.0 { -4.0 * (x + 1.0) } else { 0.3 * x * (1.0 - x * x) }
      u += 0.01 * (force - 0.1 * u)
      x += 0.01 * u
    }
    total += x * x
  }
  total
}
fn work(v: Float[n]) -> Float[n] = grad(loss)(v)
"""


@dataclass(frozen=True, slots=True)
class Work:
    """A dp program with a function `work` of one array, and the same by hand."""

    name: str
    text: str
    argument: Any
    by_hand: Callable[[Any], Any]


@njit(error_model="numpy")
def rosenbrock_by_hand(x: Any) -> Any:
    g = np.zeros(x.size)
    for i in range(x.size - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        g[i] -= 400.0 * a * x[i] + 2.0 * b
        g[i + 1] += 200.0 * a
    return g


@njit(error_model="numpy")
def _rate(a: float, b: float, c: float, d: float, x: float, y: float) -> tuple[float, float]:
    return a * x - b * x * y, d * x * y - c * y


@njit(error_model="numpy")
def _back(p: Any, g: Any, x: float, y: float, u: float, v: float) -> tuple[float, float]:
    """The adjoint of `_rate` for the cotangent (u, v): adds to g, gives those of x and y."""
    a, b, c, d = p[0], p[1], p[2], p[3]
    g[0] += u * x
    g[1] -= u * x * y
    g[2] -= v * y
    g[3] += v * x * y
    return u * (a - b * y) + v * d * y, v * (d * x - c) - u * b * x


@njit(error_model="numpy")
def lotka_by_hand(p: Any) -> Any:
    a, b, c, d = p[0], p[1], p[2], p[3]
    h, n = 0.01, 1000
    xs, ys = np.empty(n), np.empty(n)
    x = y = 1.0
    for t in range(n):
        xs[t], ys[t] = x, y
        k1, l1 = _rate(a, b, c, d, x, y)
        k2, l2 = _rate(a, b, c, d, x + 0.5 * h * k1, y + 0.5 * h * l1)
        k3, l3 = _rate(a, b, c, d, x + 0.5 * h * k2, y + 0.5 * h * l2)
        k4, l4 = _rate(a, b, c, d, x + h * k3, y + h * l3)
        x += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        y += h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    g = np.zeros(4)
    u, v = 2.0 * x, 2.0 * y
    for t in range(n - 1, -1, -1):
        x, y = xs[t], ys[t]
        k1, l1 = _rate(a, b, c, d, x, y)
        x2, y2 = x + 0.5 * h * k1, y + 0.5 * h * l1
        k2, l2 = _rate(a, b, c, d, x2, y2)
        x3, y3 = x + 0.5 * h * k2, y + 0.5 * h * l2
        k3, l3 = _rate(a, b, c, d, x3, y3)
        x4, y4 = x + h * k3, y + h * l3
        e, f = h / 6.0 * u, h / 6.0 * v
        s4, t4 = _back(p, g, x4, y4, e, f)
        s3, t3 = _back(p, g, x3, y3, 2.0 * e + h * s4, 2.0 * f + h * t4)
        s2, t2 = _back(p, g, x2, y2, 2.0 * e + 0.5 * h * s3, 2.0 * f + 0.5 * h * t3)
        s1, t1 = _back(p, g, x, y, e + 0.5 * h * s2, f + 0.5 * h * t2)
        u += s1 + s2 + s3 + s4
        v += t1 + t2 + t3 + t4
    return g


@njit(error_model="numpy")
def particles_by_hand(v: Any) -> Any:
    g = np.empty(v.size)
    steps = 500
    xs = np.empty(steps)
    for i in range(v.size):
        x, u = 0.1 * i, v[i]
        for t in range(steps):
            xs[t] = x
            if x > 1.0:
                force = -4.0 * (x - 1.0)
            elif x < -1.0:
                force = -4.0 * (x + 1.0)
            else:
                force = 0.3 * x * (1.0 - x * x)
            u += 0.01 * (force - 0.1 * u)
            x += 0.01 * u
        dx, du = 2.0 * x, 0.0
        for t in range(steps - 1, -1, -1):
            du += 0.01 * dx
            x = xs[t]
            slope = -4.0 if x > 1.0 or x < -1.0 else 0.3 - 0.9 * x * x
            dx += 0.01 * du * slope
            du *= 0.999
        g[i] = du
    return g


WORKS = (
    Work("Rosenbrock, n = 1000", ROSENBROCK, np.linspace(-1.0, 1.0, 1000), rosenbrock_by_hand),
    Work("Lotka-Volterra, RK4, 1000 steps", LOTKA, np.array([1.5, 1.0, 3.0, 1.0]), lotka_by_hand),
    Work("the same on Float[2]", LOTKA_ARRAYS, np.array([1.5, 1.0, 3.0, 1.0]), lotka_by_hand),
    Work("particles with branches, 64 x 500", PARTICLES, np.linspace(-2.0, 2.0, 64), particles_by_hand),
)


def best(run: Callable[[], Any], least: float = 0.3) -> float:
    """Seconds of one run: the best of as many as fit into `least` seconds, two at least."""
    found, spent, runs = float("inf"), 0.0, 0
    while spent < least or runs < 2:
        began = time.perf_counter()
        run()
        took = time.perf_counter() - began
        found, spent, runs = min(found, took), spent + took, runs + 1
    return found


def measure(work: Work) -> str:
    session = Session(lambda warnings: None, out=io.StringIO())
    session.text(Source("benchmark.dp", work.text))
    name = next(fn.name for fn in session.lowering.program.fns.values() if fn.label == "work")
    program = compile(session.lowering.program, name)
    kernels = Kernels(program)
    began = time.perf_counter()
    kernel = kernels.kernel(name)
    compiled = time.perf_counter() - began
    assert kernel is not None, kernels.reasons
    x = work.argument
    interpreter = Interpreter(program)
    wanted = work.by_hand(x)
    np.testing.assert_allclose(kernel(x), wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(interpreter.call(name, [x])[0], wanted, rtol=1e-9, atol=1e-12)
    ours, hand = best(lambda: kernel(x)), best(lambda: work.by_hand(x))
    plain = best(lambda: interpreter.call(name, [x]))
    return (
        f"{work.name:34} {1e6 * plain:11,.1f} {1e6 * ours:9,.1f} {1e6 * hand:9,.1f} {ours / hand:6.2f}"
        f" {plain / ours:8,.0f} {compiled:8.2f}"
    )


def main() -> None:
    print(
        f"{'gradient of':34} {'interpreter':>11} {'kernel':>9} {'by hand':>9} {'ratio':>6} {'gain':>8} {'compile':>8}"
    )
    print(f"{'':34} {'µs':>11} {'µs':>9} {'µs':>9} {'':>6} {'':>8} {'s':>8}")
    for work in WORKS:
        print(deep(lambda work=work: measure(work)))  # type: ignore[misc]


if __name__ == "__main__":
    main()
