"""`optim`: every optimiser finds what SciPy finds, and makes the steps that its source says."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import optimize, special

import dplang as dp

# how each is used on the problems below: settings, and how far from the optimum it may stay
FIRST_ORDER = {
    "sgd(rate = 0.1)": 1e-6,
    "momentum(rate = 0.05)": 1e-6,
    "momentum(rate = 0.05, nesterov = true)": 1e-6,
    "rmsprop(rate = 0.002)": 1e-2,
    "adagrad(rate = 1)": 1e-6,
    "adam(rate = 0.05)": 1e-6,
    "adamw(rate = 0.05, decay = 0)": 1e-6,
    "lion(rate = 0.001)": 3e-2,
}
WITH_CURVATURE = {"lbfgs()": 1e-8, "lbfgs(memory = 3)": 1e-8, "newton_cg()": 1e-8}

PROBLEMS = """
fn quadratic(p: Float[3]) -> Float = 0.5 * ((p[0] - 1)^2 + 4 * (p[1] + 2)^2 + 0.5 * (p[2] - 0.5)^2) + 0.3 * p[0] * p[1]

fn rosenbrock(p: Float[n]) -> Float = sum(100 * (p[i + 1] - p[i]^2)^2 + (1 - p[i])^2 for i in 0..n - 1)

fn logistic(p: Float[3], x: Float[m, 2], y: Float[m]) -> Float {
  let z = x @ p[0..2] + p[2]
  mean(softplus(z) - y * z) + 0.01 * sum(p^2)
}
"""

R = np.random.default_rng(3)
X = R.normal(size=(40, 2))
Y = (X @ np.array([1.0, -2.0]) + 0.5 + R.normal(size=40) > 0).astype(float)


def logistic(p: np.ndarray[Any, Any]) -> float:
    z = X @ p[:2] + p[2]
    return float(np.mean(-Y * special.log_expit(z) - (1 - Y) * special.log_expit(-z)) + 0.01 * np.sum(p**2))


OPTIMUM = optimize.minimize(logistic, np.zeros(3), tol=1e-14, options={"gtol": 1e-10}).x
HESSIAN = np.array([[1.0, 0.3, 0.0], [0.3, 4.0, 0.0], [0.0, 0.0, 0.5]])
LOWEST = np.linalg.solve(HESSIAN, np.array([1.0, -8.0, 0.25]))


@cache
def program(using: str, steps: int) -> Any:
    return dp.source(f"""
{PROBLEMS}
fn quadratic_fit() = (train p = zeros(3) {{ minimize quadratic(p)  using {using}  steps {steps} }}).value
fn logistic_fit(x: Float[m, 2], y: Float[m]) =
  (train p = zeros(3) {{ minimize logistic(p, x, y)  using {using}  steps {steps} }}).value
fn rosenbrock_fit(start: Float[n]) {{
  let fit = train p = start {{ minimize rosenbrock(p)  using {using}  steps {steps}  until loss < 1e-20 }}
  (fit.value, fit.steps)
}}
""")


@pytest.mark.parametrize("using", [*FIRST_ORDER, *WITH_CURVATURE])
def test_finds_the_optimum_of_a_quadratic_and_of_a_regression(using: str) -> None:
    m = program(using, 2500 if using in FIRST_ORDER else 25)
    close = {**FIRST_ORDER, **WITH_CURVATURE}[using]
    assert np.allclose(m.quadratic_fit(), LOWEST, atol=close)
    assert np.allclose(m.logistic_fit(X, Y), OPTIMUM, atol=max(close, 1e-5))


@pytest.mark.parametrize("using", WITH_CURVATURE)
def test_follows_the_valley_of_rosenbrock(using: str) -> None:
    m = program(using, 200)
    for start in (np.array([-1.2, 1.0]), np.full(10, -0.5)):
        value, steps = m.rosenbrock_fit(start)
        assert np.allclose(value, 1.0, atol=1e-8), value
        assert steps < 180


@pytest.mark.parametrize("using", ["lbfgs()", "newton_cg()"])
def test_nothing_moves_at_the_optimum_or_without_descent(using: str) -> None:
    m = dp.source(f"""
fn still() = (train p = [0.0, 0.0] {{ minimize sum(p^2)  using {using}  steps 3 }}).value
fn cut(x: Float) -> Float = if x > 5 {{ inf }} else {{ -x^2 }}
fn edge() = (train p = [1.0, 2.0] {{ minimize sum(cut(p))  using {using}  steps 30 }}).loss
""")
    assert np.array_equal(m.still(), [0.0, 0.0])
    loss = m.edge()
    assert np.isfinite(loss) and loss < -25


def test_a_memory_of_nothing_is_refused() -> None:
    with pytest.raises(dp.Error) as caught:
        dp.source("let fit = train p = 0.0 { minimize p^2  using lbfgs(memory = 0)  steps 3 }")
    assert "at least 1 move, not 0" in str(caught.value)


# ---- the steps themselves, as their sources write them

GRADIENT = 2 * np.array([1.0, -3.0])


def steps_of(rule: str) -> list[np.ndarray[Any, Any]]:
    """Three points of a descent of the sum of squares from (1, -3)."""
    m = dp.source(f"fn at(k: Int) = (train p = [1.0, -3.0] {{ minimize sum(p^2)  using {rule}  steps k }}).value")
    return [np.asarray(m.at(k)) for k in (1, 2, 3)]


def by_hand(step: Any) -> list[np.ndarray[Any, Any]]:
    x, state, points = np.array([1.0, -3.0]), None, []
    for k in (1, 2, 3):
        x, state = step(k, x, 2 * x, state)
        points.append(x)
    return points


def nesterov(k: int, x: Any, g: Any, v: Any) -> Any:
    v = g if v is None else 0.9 * v + g
    return x - 0.01 * (g + 0.9 * v), v


def rmsprop(k: int, x: Any, g: Any, s: Any) -> Any:
    s = 0.01 * g**2 if s is None else 0.99 * s + 0.01 * g**2
    return x - 0.01 * g / (np.sqrt(s) + 1e-8), s


def adagrad(k: int, x: Any, g: Any, s: Any) -> Any:
    s = g**2 if s is None else s + g**2
    return x - 0.1 * g / (np.sqrt(s) + 1e-10), s


def adamw(k: int, x: Any, g: Any, s: Any) -> Any:
    m, v = s if s is not None else (0 * g, 0 * g)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    move = m / (1 - 0.9**k) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
    return x - 0.01 * move - 0.01 * 0.1 * x, (m, v)


def lion(k: int, x: Any, g: Any, m: Any) -> Any:
    m = 0 * g if m is None else m
    return x - 0.001 * (np.sign(0.9 * m + 0.1 * g) + 0.1 * x), 0.99 * m + 0.01 * g


@pytest.mark.parametrize(
    ("rule", "reference"),
    [
        ("momentum(nesterov = true)", nesterov),
        ("rmsprop()", rmsprop),
        ("adagrad()", adagrad),
        ("adamw(decay = 0.1)", adamw),
        ("lion(decay = 0.1)", lion),
    ],
)
def test_the_steps_are_those_of_the_source(rule: str, reference: Any) -> None:
    for mine, wanted in zip(steps_of(rule), by_hand(reference), strict=True):
        assert np.allclose(mine, wanted, rtol=1e-14)
