"""Laws of the arrays that are always in scope: values against NumPy and SciPy, derivatives against numeric ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import dplang as dp
from library import Law, check

X = np.array([0.3, -1.2, 2.0, 0.7, -0.4])
Y = np.array([1.5, -0.8, 0.6])
M = np.array([[1.0, -2.0, 0.5], [0.3, 4.0, -1.0]])
S = np.array([[2.0, -1.0, 0.4], [0.7, 1.5, -0.3], [0.1, 0.6, 3.0]])
XS = np.array([-1.0, 0.0, 0.5, 2.0])
YS = np.array([3.0, -1.0, 0.5, 4.0])
K = np.array([5, 3, 5, 1, 3, 9])


def soft_floor(x: float, width: float) -> float:
    """`floor` blurred by Cauchy's distribution of that width, summed over its steps."""
    n = np.arange(1, 200_000)
    up, down = np.arctan((x - n) / width), np.arctan((x + n - 1) / width)
    # far steps in pairs, whose sums converge; what is left beyond is x / N
    return float(np.sum(up + down) / np.pi + (2 * x - 1) * width / np.pi / n[-1])


LAWS = (
    Law("linspace(a, b, 5)", {"a": -1.0, "b": 2.5}, lambda a, b: np.linspace(a, b, 5)),
    Law("linspace(a, b, 1)", {"a": -1.0, "b": 2.5}, [-1.0]),
    Law("arange(n)", {"n": 4}, np.arange, ()),
    Law("arange(2, n)", {"n": 6}, lambda n: np.arange(2, n), ()),
    Law("arange(0, 10, 3)", {}, np.arange(0, 10, 3), ()),
    Law("arange(10, 1, -3)", {}, np.arange(10, 1, -3), ()),
    Law("eye(2, n)", {"n": 3}, lambda n: np.eye(2, n), ()),
    Law("full(2, 3, a)", {"a": 0.5}, lambda a: np.full((2, 3), a)),
    Law("zeros(shape(m)) + ones(2, 3)", {"m": M}, np.ones((2, 3)), ()),
    Law("stack(x, x^2)", {"x": X}, lambda x: np.stack([x, x**2])),
    Law("concat(x, y)", {"x": X, "y": Y}, lambda x, y: np.concatenate([x, y])),
    Law("concat(m)", {"m": M}, lambda m: m.reshape(-1)),
    Law("chunks(x, 2)", {"x": X}, lambda x: x[:4].reshape(2, 2)),
    Law("tile(x, 3)", {"x": Y}, lambda x: np.tile(x, 3)),
    Law("tile(x, 0)", {"x": Y}, []),
    Law("repeat(x, 3)", {"x": Y}, lambda x: np.repeat(x, 3)),
    Law("repeat(m, 2)", {"m": M}, lambda m: np.repeat(m, 2, axis=0)),
    Law("reverse(x)", {"x": X}, lambda x: x[::-1]),
    Law("diff(x)", {"x": X}, np.diff),
    Law("diff(m)", {"m": M}, np.diff),
    Law("diff(k)", {"k": K}, np.diff),
    Law("sort(x)", {"x": X}, np.sort),
    Law("argsort(x)", {"x": X}, np.argsort, ()),
    Law("cumsum(m)", {"m": M}, lambda m: np.cumsum(m, axis=1)),
    Law("cumprod(x)", {"x": X}, np.cumprod),
    Law("where(x > y, x, 2 * y)", {"x": Y, "y": Y[::-1] + 0.1}, lambda x, y: np.where(x > y, x, 2 * y)),
    Law("clip(x, a, b)", {"x": X, "a": -0.5, "b": 1.0}, np.clip),
    Law("clip(k, 2, 6)", {"k": K}, lambda k: np.clip(k, 2, 6)),
    Law("searchsorted(xs, x)", {"xs": XS, "x": X}, np.searchsorted, ()),
    Law("searchsorted(xs, xs, right = true)", {"xs": XS}, lambda xs: np.searchsorted(xs, xs, "right"), ()),
    Law("searchsorted(xs, nan)", {"xs": XS}, 4, ()),
    Law("interp(t, xs, ys)", {"t": X - 0.1, "xs": XS, "ys": YS}, np.interp),
    Law("interp(t, xs, ys)", {"t": 9.0, "xs": XS, "ys": YS}, np.interp, name="interp beyond"),
    Law("interp(ys, t)", {"ys": YS, "t": 1.3}, lambda ys, t: np.interp(t, np.arange(4), ys)),
    Law("interp(ys, t)", {"ys": YS, "t": -0.3}, 3.0, name="interp before"),
    Law("interp(ys, t)", {"ys": np.array([2.0]), "t": 0.4}, 2.0, name="interp of one"),
    Law("norm(m)", {"m": M}, np.linalg.norm),
    Law("dot(x, x^3)", {"x": X}, lambda x: np.dot(x, x**3)),
    Law("outer(x, y)", {"x": X, "y": Y}, np.outer),
    Law("trace(a)", {"a": S}, np.trace),
    Law("diag(x)", {"x": Y}, np.diag),
    Law("diagonal(m)", {"m": M}, np.diag),
    Law("diagonal(transpose(m))", {"m": M}, np.diag),
    Law("tril(m)", {"m": M}, np.tril),
    Law("tril(a, -1)", {"a": S}, lambda a: np.tril(a, -1)),
    Law("triu(m)", {"m": M}, np.triu),
    Law("triu(a, 1)", {"a": S}, lambda a: np.triu(a, 1)),
    Law("unique(k)", {"k": K}, np.unique, ()),
    Law("sum(unique(x)^3)", {"x": X}, lambda x: np.sum(x**3)),
    Law("unique([nan, 1.0, nan])", {}, [1.0, np.nan], ()),
    Law("histogram(x, xs)", {"x": X, "xs": XS}, lambda x, xs: np.histogram(x, xs)[0], ()),
    Law("histogram([0.0, 1.0, 1.0, 2.0, nan, -1.0], [0.0, 1.0, 2.0])", {}, [1, 3], ()),
    Law("variance(x)", {"x": X}, np.var),
    Law("variance(m)", {"m": M}, np.var),
    Law("variance(x, ddof = 1)", {"x": X}, lambda x: np.var(x, ddof=1)),
    Law("std(x)", {"x": X}, np.std),
    Law("std(m, 1)", {"m": M}, lambda m: np.std(m, ddof=1)),
    Law("median(x)", {"x": X}, np.median),
    Law("median(m)", {"m": M}, np.median),
    Law("median([1.0, inf, 2.0])", {}, 2.0, ()),
    Law("median([1.0, nan, 2.0])", {}, np.nan, ()),
    Law("quantile(x, q)", {"x": X, "q": np.array([0.1, 0.6, 0.85])}, np.quantile),
    Law("quantile(m, q)", {"m": M, "q": 0.3}, np.quantile),
    Law("quantile(k, [0.0, 0.5, 1.0])", {"k": K}, lambda k: np.quantile(k, [0, 0.5, 1])),
    Law("quantile([3.0], 0.7)", {}, 3.0, ()),
    Law("softmax(m)", {"m": M}, lambda m: special.softmax(m, axis=1)),
    Law("logsumexp(m)", {"m": M}, special.logsumexp),
    Law("[min(m), max(m), mean(m), prod(m)]", {"m": M}, lambda m: [m.min(), m.max(), m.mean(), m.prod()]),
    Law("argmax(m)", {"m": M}, lambda m: np.argmax(m, axis=1), ()),
    Law("argmin([2.0, 1.0, 1.0])", {}, 1, ()),
    Law("[any(x > 1), all(x > 1)]", {"x": X}, [True, False], ()),
    Law("convolve(x, y)", {"x": X, "y": Y}, np.convolve),
    Law("convolve(y, x)", {"x": X, "y": Y}, np.convolve),
    Law("convolve_same(x, y)", {"x": X, "y": Y}, lambda x, y: np.convolve(x, y, "same")),
    Law("convolve_valid(x, y)", {"x": X, "y": Y}, lambda x, y: np.convolve(x, y, "valid")),
    Law("convolve(k, [1, -1])", {"k": K}, lambda k: np.convolve(k, [1, -1])),
    Law("soft_step(x, 0.4)", {"x": X}, lambda x: special.expit(x / 0.4)),
    Law("soft_floor(x, 0.2)", {"x": 1.3}, lambda x: soft_floor(x, 0.2), close=(1e-9, 1e-7, 1e-6)),
    Law("soft_floor(x, t)", {"x": X, "t": 0.3}),
    Law("soft_argmax(x, t)", {"x": X, "t": 0.5}, lambda x, t: np.arange(5) @ special.softmax(x / t)),
)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(law, jit="always")


def test_control_of_derivatives() -> None:
    m: Any = dp.source(
        """
fn hard(x: Float[n]) -> Float[n] = straight_through(round(x), x^2)
fn slope(x: Float[n]) -> Float[n] = grad(x -> sum(hard(x)))(x)
fn held(x: Float) -> Float = grad(x -> x * stop(x))(x)
fn equal(x: Float[n]) -> Float[n] = grad(std)(x)
"""
    )
    x = np.array([1.4, -2.6])
    assert np.array_equal(m.hard(x), [1.0, -3.0]) and np.allclose(m.slope(x), 2 * x, rtol=1e-15)
    assert m.held(3.0) == 3.0
    assert np.array_equal(m.equal(np.full(3, 2.0)), np.zeros(3))
