"""Laws of the elementary and special functions: values and derivatives against mpmath at points of all sizes.

A derivative is what the language makes of a function, not the text of a partial: the first by `grad`, the second by
`grad` of `grad`. The reference is mpmath's function differentiated by mpmath.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import dplang as dp
from library import Law, check

Reference = Callable[..., Any]


@dataclass(frozen=True)
class Accurate:
    """A function, what it is, its points, and how many units in the last place its value and derivatives may be off.

    `size` is what an error is measured by where values pass through zero: the error relative to it counts; `curve` is
    that of second derivatives.
    """

    name: str
    is_: Reference
    points: Sequence[tuple[float, ...]]
    ulps: tuple[float, float, float] = (4, 8, 40)
    size: float = 0.0
    curve: float = 0.0


def spread(low: float, high: float, n: int = 10) -> list[tuple[float, ...]]:
    """Numbers between two, evenly and in orders of magnitude, of both signs where the interval has them."""
    rng = np.random.default_rng(5)
    even = rng.uniform(low, high, n)
    top = max(abs(low), abs(high))
    scaled = top * 10.0 ** rng.uniform(-12, 0, n) * (np.sign(high) if low >= 0 else rng.choice([-1, 1], n))
    return [(float(x),) for x in (*even, *scaled) if low < x < high]


def pairs(low: float, high: float, n: int = 12) -> list[tuple[float, ...]]:
    rng = np.random.default_rng(6)
    return [(float(a), float(b)) for a, b in low * (high / low) ** rng.uniform(0, 1, (n, 2))]


def _sinc(x: Any) -> Any:
    return mp.sincpi(x)


def _lgamma(x: Any) -> Any:
    return mp.log(abs(mp.gamma(x)))


def _softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


NEAR_ONE = [(1 + d,) for d in (1e-12, -1e-9, 1e-6, -1e-3, 0.3)] + [(2 + d,) for d in (1e-12, -1e-9, 1e-6, -0.01, 0.4)]

FUNCTIONS = (
    Accurate("sin", mp.sin, spread(-30, 30), size=1.0),
    Accurate("cos", mp.cos, spread(-30, 30), size=1.0),
    Accurate("tan", mp.tan, spread(-1.5, 1.5)),
    Accurate("asin", mp.asin, spread(-1, 1), curve=0.1),
    Accurate("acos", mp.acos, spread(-1, 1), size=0.1),
    Accurate("atan", mp.atan, spread(-1e3, 1e3), (4, 8, 200)),
    Accurate("sinh", mp.sinh, spread(-30, 30)),
    Accurate("cosh", mp.cosh, spread(-30, 30)),
    Accurate("tanh", mp.tanh, spread(-20, 20)),
    Accurate("asinh", mp.asinh, spread(-1e3, 1e3)),
    Accurate("acosh", mp.acosh, spread(1, 1e3), size=0.01),
    Accurate("atanh", mp.atanh, spread(-1, 1), curve=0.1),
    Accurate("exp", mp.exp, spread(-700, 700)),
    Accurate("exp2", lambda x: mp.mpf(2) ** x, spread(-1000, 1000)),
    Accurate("expm1", mp.expm1, spread(-30, 30)),
    Accurate("log", mp.log, spread(0, 1e9), size=1e-3),
    Accurate("log1p", mp.log1p, [*spread(-1, 1), *spread(0, 1e9), (1e-12,)]),
    Accurate("log2", lambda x: mp.log(x, 2), spread(0, 1e9), size=1e-3),
    Accurate("log10", mp.log10, spread(0, 1e9), size=1e-3),
    Accurate("sqrt", mp.sqrt, spread(0, 1e9)),
    Accurate("cbrt", lambda x: mp.sign(x) * mp.cbrt(abs(x)), spread(-1e9, 1e9)),
    Accurate("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), [*spread(-40, 40), (-700.0,)], (4, 8, 40), curve=0.01),
    Accurate("softplus", _softplus, [*spread(-30, 30), (-40.0,), (-700.0,)], (4, 8, 40)),
    Accurate("logit", lambda x: mp.log(x / (1 - x)), [*spread(0, 1), (0.5 + 1e-10,), (0.4999,)], (6, 8, 40)),
    Accurate("erf", mp.erf, spread(-5, 5), (4, 60, 80)),
    Accurate("erfc", mp.erfc, [*spread(-5, 5), (10.0,), (20.0,), (26.0,)], (6, 8, 20)),
    Accurate("erfinv", mp.erfinv, spread(-1, 1), (8, 60, 80)),
    Accurate("gamma", mp.gamma, [*spread(0, 30), *spread(-5, 0)], (12, 60, 600), size=1e-9),
    Accurate("lgamma", _lgamma, [*spread(0, 1e3), *NEAR_ONE], (8, 8, 40), size=1e-13),
    Accurate("digamma", mp.digamma, [*spread(0, 1e3), *NEAR_ONE], (8, 20, 40)),
    Accurate("trigamma", lambda x: mp.polygamma(1, x), spread(0, 100), (20, 20, 40)),
    Accurate("sinc", _sinc, [*spread(-4, 4), (0.0,), (1e-4,), (0.5,)], (6, 20, 40), size=0.1),
    Accurate("bessel_j0", lambda x: mp.besselj(0, x), [*spread(-20, 20), (0.0,)], (12, 12, 24), size=0.3),
    Accurate("bessel_j1", lambda x: mp.besselj(1, x), [*spread(-20, 20), (0.0,)], (12, 24, 24), size=0.3),
)

OF_TWO = (
    Accurate("hypot", mp.hypot, [(3.0, 4.0), (1e300, 1e300), (1e-300, -1e-300), (-2.0, 1e-3)], curve=0.1),
    Accurate("atan2", mp.atan2, [(1.0, 2.0), (-1e-9, 3.0), (5.0, -1e-3)]),
    Accurate("logaddexp", lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), [(0.5, -30.0), (700.0, 701.0), (-800.0, -801.0)]),
    Accurate("xlogy", lambda x, y: x * mp.log(y), [(0.0, 2.0), (1.5, 1e-9), (-2.0, 0.3)]),
    Accurate("beta", mp.beta, pairs(0.1, 100), (60, 4000, 8000)),
    Accurate(
        "lbeta", lambda x, y: mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y),
        pairs(0.01, 1e3), (40, 400, 800), size=0.1,
    ),
    Accurate(
        "gammainc", lambda a, x: mp.gammainc(a, 0, x, regularized=True),
        [(0.3, 0.1), (0.3, 2.0), (2.5, 1.0), (2.5, 9.0), (40.0, 35.0), (40.0, 55.0)], (200, 2000, 4000),
    ),
)  # fmt: skip

OF_THREE = (
    Accurate(
        "betainc", lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
        [(2.0, 3.0, 0.4), (0.3, 0.6, 0.2), (15.0, 12.0, 0.7), (0.5, 8.0, 0.05)], (200, 8000, 20000),
    ),
)  # fmt: skip


def off(found: float, exact: Any, size: float) -> float:
    """How many units in the last place a value is off."""
    wanted = float(exact)
    if math.isinf(wanted) or wanted == 0.0 or (found == 0.0 and abs(wanted) < 1e-60):
        return 0.0 if found == wanted or abs(wanted) < 1e-60 else math.inf
    return float(abs(mp.mpf(found) - exact) / mp.mpf(math.ulp(max(abs(wanted), size))))


def _texts(n: int) -> tuple[str, str, str]:
    letters = "xyz"[:n]
    return (
        ", ".join(f"{v}: Float" for v in letters),
        ", ".join(letters),
        f"({', '.join(letters)})" if n > 1 else letters,
    )


@pytest.mark.parametrize("law", (*FUNCTIONS, *OF_TWO, *OF_THREE), ids=lambda law: law.name)
def test_values_and_derivatives_are_accurate(law: Accurate) -> None:
    n = len(law.points[0])
    parameters, names, _ = _texts(n)
    text = f"fn f({parameters}) -> Float = {law.name}({names})\n"
    for v in "xyz"[:n]:
        text += f"fn g_{v}({parameters}) -> Float = grad(f, wrt = {v})({names})\n"
        text += f"fn h_{v}({parameters}) -> Float = grad(g_{v}, wrt = {v})({names})\n"
    module: Any = dp.source(text)
    with mp.workdps(60):
        for point in law.points:
            exact = [mp.mpf(x) for x in point]
            assert off(module.f(*point), law.is_(*exact), law.size) <= law.ulps[0], point
            for i, v in enumerate("xyz"[:n]):

                def along(t: Any, i: int = i, exact: list[Any] = exact) -> Any:
                    return law.is_(*exact[:i], t, *exact[i + 1 :])

                for order, name in ((1, "g"), (2, "h")):
                    slope = mp.diff(along, exact[i], order, h=mp.mpf(10) ** -14 * (abs(exact[i]) or 1))
                    found = getattr(module, f"{name}_{v}")(*point)
                    size = max(law.size, law.curve if order == 2 else 0.0)
                    assert off(found, slope, size) <= law.ulps[order], (point, v, order, found, float(slope))


EDGES = (
    # expression in x, at x: value, derivative
    ("log1p(x)", 1e-12, 1e-12 - 0.5e-24, 1 - 1e-12),
    ("softplus(x)", -40.0, 4.248354255291589e-18, 4.248354255291589e-18),
    ("softplus(x)", 1e9, 1e9, 1.0),
    ("softplus(x)", -1e9, 0.0, 0.0),
    ("sigmoid(x)", -800.0, 0.0, 0.0),
    ("sigmoid(x)", 800.0, 1.0, 0.0),
    ("expm1(x)", 1e-15, 1e-15, 1 + 1e-15),
    ("hypot(x, 4e200)", 3e200, 5e200, 0.6),
    ("hypot(x, 0.0)", 0.0, 0.0, 0.0),
    ("norm([x, 0.0])", 0.0, 0.0, 0.0),
    ("sqrt(x)", 0.0, 0.0, math.inf),
    ("cbrt(x)", 0.0, 0.0, math.inf),
    ("abs(x)", 0.0, 0.0, 0.0),
    ("x^2", 0.0, 0.0, 0.0),
    ("x^1", 0.0, 0.0, 1.0),
    ("x^0", 0.0, 1.0, 0.0),
    ("x^1.0", 0.0, 0.0, 1.0),
    ("x^0.5", 0.0, 0.0, math.inf),
    ("2^x", -1100.0, 0.0, 0.0),
    ("0.0^x", 0.0, 1.0, 0.0),
    ("(-2.0)^3 * x", 1.0, -8.0, -8.0),
    ("logaddexp(x, -inf)", -math.inf, -math.inf, 0.0),
    ("logaddexp(x, 0.0)", math.inf, math.inf, 1.0),
    ("logsumexp([x, -inf])", -math.inf, -math.inf, 0.0),
    ("logsumexp([x, 0.0])", math.inf, math.inf, 1.0),
    ("logsumexp([x, inf])", 0.0, math.inf, 0.0),
    ("logsumexp([x, x])", 1.0, 1.6931471805599454, 1.0),
    ("xlogy(x, 0.0)", 0.0, 0.0, 0.0),
    ("xlogy(0.0, x)", 0.0, 0.0, 0.0),
    ("sinc(x)", 0.0, 1.0, 0.0),
    ("grad(sinc)(x)", 0.0, 0.0, -(math.pi**2) / 3),
    ("grad(grad(sinc))(x)", 0.0, -(math.pi**2) / 3, 0.0),
    ("bessel_j1(x)", 0.0, 0.0, 0.5),
    ("lgamma(x)", 1.0, 0.0, -0.5772156649015329),
    ("lgamma(x)", 2.0, 0.0, 0.42278433509846713),
    ("erfc(x)", 30.0, 0.0, 0.0),
    ("gammainc(1.0, x)", 0.0, 0.0, 1.0),
    ("betainc(1.0, 2.0, x)", 0.0, 0.0, 2.0),
    ("clip(x, 0.0, 1.0)", 2.0, 1.0, 0.0),
    ("relu(x)", 0.0, 0.0, 0.0),
    ("log(1 + exp(x))", -40.0, 0.0, 4.248354255291589e-18),
)


@pytest.mark.parametrize("jit", ["never", pytest.param("always", marks=pytest.mark.long)])
def test_edges(jit: Any) -> None:
    text = "".join(
        f"fn f{i}(x: Float) -> Float = {e}\nfn g{i}(x: Float) = grad(f{i})(x)\n" for i, (e, *_) in enumerate(EDGES)
    )
    module: Any = dp.source(text, jit=jit)
    for i, (e, x, value, slope) in enumerate(EDGES):
        found = getattr(module, f"f{i}")(x), getattr(module, f"g{i}")(x)
        for got, wanted in zip(found, (value, slope), strict=True):
            near = got == wanted or math.isclose(got, wanted, rel_tol=1e-15, abs_tol=1e-15)
            assert near, (e, x, found, (value, slope))


LAWS = (
    Law("trigamma(x)", {"x": 0.7}, lambda x: float(mp.polygamma(1, x))),
    Law("xlogy(x, y)", {"x": 1.5, "y": 0.4}, lambda x, y: x * math.log(y)),
    Law("sinc(x)", {"x": np.array([0.3, -1.2, 2.5])}, np.sinc),
    Law("bessel_jn(2, x)", {"x": np.array([0.4, 3.0])}, lambda x: [float(mp.besselj(2, t)) for t in x]),
    Law("gammainc(a, x)", {"a": 2.5, "x": np.array([0.5, 4.0])}, None),
    Law("betainc(a, b, x)", {"a": 2.5, "b": 0.8, "x": 0.3}, None),
    Law("lbeta(x, y)", {"x": 2.5, "y": np.array([0.4, 30.0])}, None),
    Law("beta(x, y)", {"x": 2.5, "y": 0.4}, None),
)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(law, jit="always")
