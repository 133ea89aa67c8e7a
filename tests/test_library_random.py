"""Draws: distributions against SciPy at fixed keys, derivatives against those of the distribution function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special, stats

import dplang as dp
from library import slope
from running import run

N = 4000

CONTINUOUS: tuple[tuple[str, Any], ...] = (
    ("uniform(k, n)", stats.uniform.cdf),
    ("normal(k, n)", stats.norm.cdf),
    ("exponential(k, n)", stats.expon.cdf),
    ("gumbel(k, n)", stats.gumbel_r.cdf),
    ("laplace(k, n)", stats.laplace.cdf),
    ("logistic(k, n)", stats.logistic.cdf),
    ("cauchy(k, n)", stats.cauchy.cdf),
    ("gamma(k, 0.05, n)", stats.gamma(0.05).cdf),
    ("gamma(k, 0.7, n)", stats.gamma(0.7).cdf),
    ("gamma(k, 1, n)", stats.gamma(1).cdf),
    ("gamma(k, 4.5, n)", stats.gamma(4.5).cdf),
    ("gamma(k, 1e6, n)", stats.gamma(1e6).cdf),
    ("beta(k, 0.3, 0.6, n)", stats.beta(0.3, 0.6).cdf),
    ("beta(k, 30, 2, n)", stats.beta(30, 2).cdf),
    ("student_t(k, 1.5, n)", stats.t(1.5).cdf),
    ("relaxed_bernoulli(k, 0.3, 0.5, n)", lambda x: special.expit(0.5 * special.logit(x) - special.logit(0.3))),
)


def draws(call: str, seed: int, n: int = N, **options: Any) -> Any:
    return dp.source(f"import random\nfn f(k: Key, n: Int) = random.{call}\n", **options).f(dp.key(seed), n)


@pytest.mark.parametrize(("call", "cdf"), CONTINUOUS, ids=[c for c, _ in CONTINUOUS])
def test_continuous_draws_have_their_distribution(call: str, cdf: Callable[[Any], Any]) -> None:
    x = draws(call, 11)
    assert stats.kstest(x, cdf).pvalue > 1e-3
    # and neighbours do not know of each other
    ranks = stats.rankdata(x)
    assert abs(np.corrcoef(ranks[1:], ranks[:-1])[0, 1]) < 4 / np.sqrt(N)


DISCRETE: tuple[tuple[str, Any], ...] = (
    ("poisson(k, 0.3, n)", stats.poisson(0.3).pmf),
    ("poisson(k, 9.9, n)", stats.poisson(9.9).pmf),
    ("poisson(k, 10, n)", stats.poisson(10).pmf),
    ("poisson(k, 80.5, n)", stats.poisson(80.5).pmf),
    ("integers(k, 7, n)", lambda i: np.where(i < 7, 1 / 7, 0)),
    ("categorical(k, [2.0, 0.0, 1.0, 5.0], n)", lambda i: np.array([0.25, 0, 0.125, 0.625, *[0] * 200])[i]),
    ("choice(k, [0, 1, 2], n)", lambda i: np.where(i < 3, 1 / 3, 0)),
)


@pytest.mark.parametrize(("call", "pmf"), DISCRETE, ids=[c for c, _ in DISCRETE])
def test_discrete_draws_have_their_distribution(call: str, pmf: Callable[[Any], Any]) -> None:
    x = np.asarray(draws(call, 5))
    wanted = N * np.asarray(pmf(np.arange(200)))
    assert wanted[x].min() > 0
    # cells with few expected draws are put together
    common = wanted >= 5
    found = np.bincount(x, minlength=200)
    cells = np.append(found[common], found[~common].sum()), np.append(wanted[common], wanted[~common].sum())
    statistic = np.sum((cells[0] - cells[1]) ** 2 / np.maximum(cells[1], 1e-9))
    assert stats.chi2(common.sum()).sf(statistic) > 1e-3


def test_draws_of_several_numbers() -> None:
    p = draws("dirichlet(k, [0.5, 2.0, 7.5], n)", 3)
    assert np.allclose(p.sum(1), 1)
    for i, a in enumerate((0.5, 2.0, 7.5)):
        assert stats.kstest(p[:, i], stats.beta(a, 10 - a).cdf).pvalue > 1e-3
    x = draws("multivariate_normal(k, [1.0, -2.0], [[2.0, 0.0], [1.0, 0.5]], n)", 3)
    np.testing.assert_allclose(x.mean(0), [1, -2], atol=0.15)
    np.testing.assert_allclose(np.cov(x.T), [[4, 2], [2, 1.25]], atol=0.3)
    orders = draws("permutation(k, 4, n)", 3)
    assert np.all(np.sort(orders) == np.arange(4))
    assert stats.chisquare(np.unique(orders, axis=0, return_counts=True)[1]).pvalue > 1e-3
    w = draws("relaxed_categorical(k, [2.0, 0.0, 6.0], 0.1, n)", 3)
    assert np.allclose(w.sum(1), 1)
    assert abs(np.mean(np.argmax(w, 1) == 2) - 0.75) < 0.03
    assert np.all(w[:, 1] == 0)


@pytest.mark.parametrize(
    "call", ["gamma(k, 2.5, n)", "poisson(k, 40, n)", "categorical(k, [1.0, 3.0], n)", "permutation(k, 3, n)"]
)
def test_kernels_draw_the_same(call: str) -> None:
    # but for the last digits of the logarithm
    np.testing.assert_allclose(draws(call, 2, 50, jit="always"), draws(call, 2, 50, jit="never"), rtol=1e-14)


# ---- derivatives


def implicit(x: float, a: float, cdf: Callable[[Any, Any], Any]) -> float:
    """How a number moves with a parameter while its distribution function stays."""
    with mpmath.workdps(40):
        x, a = mpmath.mpf(x), mpmath.mpf(a)
        h = mpmath.mpf(10) ** -12
        by_a = (cdf(x, a * (1 + h)) - cdf(x, a * (1 - h))) / (2 * a * h)
        by_x = (cdf(x * (1 + h), a) - cdf(x * (1 - h), a)) / (2 * x * h)
        return float(-by_a / by_x)


def gamma_cdf(x: Any, a: Any) -> Any:
    return mpmath.gammainc(a, 0, x, regularized=True)


@pytest.fixture(scope="module")
def gamma() -> Any:
    return dp.source(
        "import random\n"
        "fn draw(k: Key, a: Float) -> Float = random.gamma(k, a)\n"
        "fn first(k: Key, a: Float) -> Float = grad(draw, wrt = a)(k, a)\n"
        "fn forward(k: Key, a: Float) -> Float { let (x, t) = jvp(draw, wrt = a)(k, a, 1.0); t }\n"
        "fn second(k: Key, a: Float) -> Float = grad(first, wrt = a)(k, a)\n"
    )


@pytest.mark.parametrize("shape", [0.02, 0.4, 1.0, 1.5, 30.0, 2000.0])
def test_gamma_draws_move_with_their_shape(gamma: Any, shape: float) -> None:
    for seed in range(6):
        k = dp.key(seed)
        x, moved = gamma.draw(k, shape), gamma.first(k, shape)
        if x > 1e-200:
            assert moved == pytest.approx(implicit(x, shape, gamma_cdf), rel=1e-9)
        assert gamma.forward(k, shape) == pytest.approx(moved, rel=1e-12)


@pytest.mark.parametrize("shape", [0.4, 1.5, 30.0])
def test_gamma_draws_have_second_derivatives(gamma: Any, shape: float) -> None:
    for seed in range(3):
        k = dp.key(seed)
        share = special.gammainc(shape, gamma.draw(k, shape))
        wanted = slope(lambda h, share=share: _velocity(special.gammaincinv(shape + h, share), shape + h), 0.05)
        assert gamma.second(k, shape) == pytest.approx(wanted, rel=1e-5)


def _velocity(x: float, a: float) -> float:
    return implicit(x, a, gamma_cdf)


def test_means_move_as_they_should() -> None:
    m = dp.source(
        """
        import random
        fn gamma(a: Float) -> Float = mean(log(random.gamma(key(1), a, 4000)))
        fn beta(a: Float, b: Float) -> Float = mean(random.beta(key(2), a, b, 4000))
        fn student(n: Float) -> Float = mean(abs(random.student_t(key(3), n, 4000)))
        fn soft(p: Float) -> Float = mean([w[0] for w in random.relaxed_categorical(key(4), [p, 1 - p], 1.0, 4000)])
        fn gamma_slope(a: Float) -> Float = grad(gamma)(a)
        fn beta_slope(a: Float, b: Float) -> (Float, Float) = grad(beta, wrt = (a, b))(a, b)
        fn student_slope(n: Float) -> Float = grad(student)(n)
        fn soft_slope(p: Float) -> Float = grad(soft)(p)
        """.replace("\n        ", "\n")
    )
    assert m.gamma_slope(0.8) == pytest.approx(special.polygamma(1, 0.8), rel=0.1)
    a, b = 2.0, 3.0
    np.testing.assert_allclose(m.beta_slope(a, b), (b / (a + b) ** 2, -a / (a + b) ** 2), rtol=0.1)

    def size(n: float) -> float:
        return float(2 * np.sqrt(n / np.pi) * special.gamma((n + 1) / 2) / special.gamma(n / 2) / (n - 1))

    assert m.student_slope(4.0) == pytest.approx(slope(lambda h: size(4 + h)), rel=0.2)
    assert m.soft_slope(0.5) == pytest.approx((m.soft(0.51) - m.soft(0.49)) / 0.02, rel=1e-3)


# ---- edges


def test_edges() -> None:
    outcome = run(
        """import random
let k = key(1)
print(random.poisson(k, 0), random.poisson(k, 1e-300), random.bernoulli(k, [0.0, 1.0]))
print(all(random.gamma(k, 1e-3, 100) >= 0), all(random.gamma(k, 1e-300, 100) == 0))
print(all(isfinite(random.beta(k, 1e-3, 1e-3, 100))), all(isfinite(random.dirichlet(k, [1e-3, 1e-3]))))
print("{[v / 1e6 for v in random.gamma(k, 1e6, 2)]:.1f} {random.poisson(k, 1e15) / 1e15:.6f}")
print(random.categorical(k, [0.0, 1e-300, 0.0], 3), random.permutation(k, 0), random.shuffle(k, [true]))
print(shape(random.gamma(k, 1, 0)), shape(random.dirichlet(k, [1.0, 2.0], 3, 4)))
print(random.poisson(k, [3.0, 3.0, 3.0]) == [random.poisson(k[i], 3) for i in 0..3])
"""
    )
    assert not outcome.diagnostics
    assert outcome.printed == [
        "0 0 [false, true]",
        "true true",
        "true true",
        "[1.0, 1.0] 1.000000",
        "[1, 1, 1] [] [true]",
        "(0,) (3, 4, 2)",
        "[true, true, true]",
    ]


FAULTS = (
    "gamma(k, 0)", "gamma(k, nan)", "gamma(k, inf)", "beta(k, -1, 1)", "beta(k, 1, 0)", "dirichlet(k, [1.0, 0.0])",
    "student_t(k, -2)", "bernoulli(k, 1.1)", "bernoulli(k, nan)", "relaxed_bernoulli(k, -1, 1)",
    "relaxed_bernoulli(k, 0.5, 0)", "relaxed_categorical(k, [1.0], 0)", "poisson(k, -1)", "poisson(k, 1e16)",
    "poisson(k, [1.0, -1.0])", "categorical(k, [1.0, -0.5])", "categorical(k, [0.0, 0.0])",
    "categorical(k, [inf, 1.0])",
)  # fmt: skip


@pytest.mark.parametrize("call", FAULTS)
def test_bad_parameters_are_faults_at_the_call(call: str) -> None:
    (fault,) = run(f"import random\nlet k = key(1)\nprint(random.{call})\n").errors
    assert (fault.code, fault.span.text) == ("E0608", f"random.{call}")


def test_nothing_to_choose_from() -> None:
    (fault,) = run("import random\nlet none: Int[0] = []\nprint(random.choice(key(1), none))\n").errors
    assert fault.code == "E0616"
