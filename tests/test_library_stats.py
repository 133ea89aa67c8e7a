"""Laws of the module `stats`: values against SciPy and mpmath, derivatives by every parameter against numeric ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special, stats

import dplang as dp
from library import Law, check
from running import run


def exact(f: Callable[..., Any]) -> Callable[..., float]:
    """`f` in fifty digits."""

    def value(*args: Any) -> float:
        with mpmath.workdps(50):
            return float(f(*(mpmath.mpf(a) for a in args)))

    return value


def mp_student(x: Any, n: Any, m: Any, s: Any) -> Any:
    z = (x - m) / s
    h = n / 2
    top = mpmath.loggamma(h + 0.5) - mpmath.loggamma(h) - mpmath.log(n * mpmath.pi) / 2
    return top - (h + 0.5) * mpmath.log1p(z**2 / n) - mpmath.log(s)


def mp_gamma(x: Any, a: Any, s: Any) -> Any:
    return (a - 1) * mpmath.log(x / s) - x / s - mpmath.loggamma(a) - mpmath.log(s)


def mp_beta(x: Any, a: Any, b: Any) -> Any:
    whole = mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)
    return (a - 1) * mpmath.log(x) + (b - 1) * mpmath.log1p(-x) - whole


def mp_binomial(n: Any, m: Any, p: Any) -> Any:
    ways = mpmath.loggamma(m + 1) - mpmath.loggamma(n + 1) - mpmath.loggamma(m - n + 1)
    return ways + n * mpmath.log(p) + (m - n) * mpmath.log1p(-p)


def mp_negative(n: Any, r: Any, p: Any) -> Any:
    ways = mpmath.loggamma(n + r) - mpmath.loggamma(r) - mpmath.loggamma(n + 1)
    return ways + r * mpmath.log(p) + n * mpmath.log1p(-p)


XMS = {"x": 1.7, "m": 0.4, "s": 2.3}
FAR = {"x": -31.0, "m": 0.4, "s": 0.7}


def at(**values: Any) -> dict[str, Any]:
    return values


LAWS = (
    *(Law("stats.normal_logpdf(x, m, s)", p, stats.norm.logpdf) for p in (XMS, FAR)),
    Law("stats.normal_logpdf(x)", at(x=40.0), stats.norm.logpdf),
    *(Law("stats.normal_cdf(x, m, s)", p, stats.norm.cdf) for p in (XMS, at(x=-9.0, m=0.4, s=0.7))),
    *(
        Law("stats.normal_logcdf(x)", at(x=x), exact(lambda x: mpmath.log(mpmath.ncdf(x))))
        for x in (-40.0, -10.5, -10.0, -9.5, -1.0, 0.0, 0.5, 9.0)
    ),
    Law("stats.normal_logcdf(x, m, s)", XMS, stats.norm.logcdf),
    *(
        Law("stats.normal_quantile(p, m, s)", at(p=p, m=0.4, s=2.0), stats.norm.ppf)
        for p in (0.02, 0.3, 0.5, 0.97)
    ),
    *(
        Law("stats.normal_quantile(p)", at(p=p), stats.norm.ppf, order=0)
        for p in (0.0, 1e-300, 1e-20, 1e-5, 0.025, 0.975, 1.0)
    ),
    Law(
        "stats.normal_kl(m, s, n, t)",
        at(m=0.3, s=1.2, n=-0.4, t=0.7),
        lambda m, s, n, t: np.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5,
    ),
    *(
        Law("stats.student_t_logpdf(x, n, m, s)", at(x=1.7, n=n, m=0.4, s=0.8), exact(mp_student))
        for n in (0.05, 1.0, 4.5, 25.0, 3000.0)
    ),
    Law("stats.student_t_logpdf(x, n)", at(x=2.0, n=1e12), stats.norm.logpdf(2.0), order=0, close=(1e-11, 0, 0)),
    *(
        Law("stats.student_t_cdf(x, n, m, s)", at(x=x, n=4.5, m=0.4, s=0.8), stats.t.cdf, close=(1e-12, 1e-7, 1e-6))
        for x in (-3.0, 0.4, 1.7)
    ),
    Law("stats.cauchy_logpdf(x, m, s)", XMS, stats.cauchy.logpdf),
    Law("stats.cauchy_cdf(x, m, s)", XMS, stats.cauchy.cdf),
    Law("stats.cauchy_cdf(x)", at(x=-1e30), 1e-30 / np.pi, order=0, close=(1e-15, 0, 0)),
    Law("stats.laplace_logpdf(x, m, s)", XMS, stats.laplace.logpdf),
    *(Law("stats.laplace_cdf(x, m, s)", p, stats.laplace.cdf) for p in (XMS, FAR)),
    *(Law("stats.logistic_logpdf(x, m, s)", p, stats.logistic.logpdf) for p in (XMS, FAR)),
    *(Law("stats.logistic_cdf(x, m, s)", p, stats.logistic.cdf) for p in (XMS, FAR)),
    Law("stats.gumbel_logpdf(x, m, s)", XMS, stats.gumbel_r.logpdf),
    Law("stats.gumbel_cdf(x, m, s)", XMS, stats.gumbel_r.cdf),
    Law("stats.exponential_logpdf(x, s)", at(x=1.7, s=2.3), lambda x, s: stats.expon.logpdf(x, scale=s)),
    Law("stats.exponential_cdf(x, s)", at(x=1.7, s=2.3), lambda x, s: stats.expon.cdf(x, scale=s)),
    *(
        Law("stats.gamma_logpdf(x, a, s)", at(x=x, a=a, s=s), exact(mp_gamma))
        for x, a, s in ((1.7, 0.3, 2.3), (1.7, 2.5, 0.4), (55.0, 9.9, 5.0), (50.0, 10.1, 5.0), (3.0, 500.0, 1.0))
    ),
    Law("stats.gamma_logpdf(x, a)", at(x=1e-200, a=0.3), exact(lambda x, a: mp_gamma(x, a, 1)), order=0),
    Law("stats.gamma_logpdf(x, a)",
        at(x=1.0005e6, a=1e6), exact(lambda x, a: mp_gamma(x, a, 1)), order=1, close=(1e-12, 1e-5, 0)),
    Law("stats.gamma_cdf(x, a, s)", at(x=1.7, a=2.5, s=0.4), lambda x, a, s: stats.gamma.cdf(x, a, scale=s)),
    Law("stats.inverse_gamma_logpdf(x, a, s)", at(x=0.6, a=2.5, s=1.4),
        lambda x, a, s: stats.invgamma.logpdf(x, a, scale=s)),
    Law("stats.lognormal_logpdf(x, m, s)", XMS, lambda x, m, s: stats.lognorm.logpdf(x, s, scale=np.exp(m))),
    Law("stats.lognormal_cdf(x, m, s)", XMS, lambda x, m, s: stats.lognorm.cdf(x, s, scale=np.exp(m))),
    Law("stats.half_normal_logpdf(x, s)", at(x=1.7, s=2.3), lambda x, s: stats.halfnorm.logpdf(x, scale=s)),
    Law("stats.half_normal_cdf(x, s)", at(x=1.7, s=2.3), lambda x, s: stats.halfnorm.cdf(x, scale=s)),
    *(
        Law("stats.weibull_logpdf(x, a, s)",
            at(x=1.7, a=a, s=2.3), lambda x, a, s: stats.weibull_min.logpdf(x, a, scale=s))
        for a in (0.5, 3.2)
    ),
    Law("stats.weibull_cdf(x, a, s)", at(x=1.7, a=3.2, s=2.3), lambda x, a, s: stats.weibull_min.cdf(x, a, scale=s)),
    Law("stats.pareto_logpdf(x, a, s)", at(x=1.7, a=3.2, s=1.3), lambda x, a, s: stats.pareto.logpdf(x, a, scale=s)),
    Law("stats.pareto_cdf(x, a, s)", at(x=1.7, a=3.2, s=1.3), lambda x, a, s: stats.pareto.cdf(x, a, scale=s)),
    Law("stats.uniform_logpdf(x, a, b)", at(x=1.7, a=1.2, b=2.9), lambda x, a, b: stats.uniform.logpdf(x, a, b - a)),
    Law("stats.uniform_cdf(x, a, b)", at(x=1.7, a=1.2, b=2.9), lambda x, a, b: stats.uniform.cdf(x, a, b - a)),
    *(
        Law("stats.beta_logpdf(x, a, b)", at(x=x, a=a, b=b), exact(mp_beta))
        for x, a, b in ((0.3, 0.4, 0.7), (0.3, 2.5, 1.5), (0.3, 3.5, 4.5), (0.99, 40.0, 2.1), (0.5, 300.0, 280.0))
    ),
    Law("stats.beta_logpdf(x, a, b)", at(x=0.3001, a=3e5, b=7e5), exact(mp_beta), order=0, close=(1e-10, 0, 0)),
    Law("stats.beta_cdf(x, a, b)", at(x=0.3, a=2.5, b=1.5), stats.beta.cdf),
    Law("stats.poisson_cdf(n, r)", at(n=3, r=2.5), stats.poisson.cdf),
    Law("stats.binomial_cdf(n, m, p)", at(n=3, m=7, p=0.3), stats.binom.cdf),
    Law("stats.geometric_cdf(n, p)", at(n=3, p=0.3), stats.geom.cdf),
    *(
        Law(f"stats.bernoulli_logpmf({x}, p)",
            at(p=0.3), v) for x, v in (("true", np.log(0.3)), ("false", np.log1p(-0.3)))
    ),
    *(
        Law(f"stats.bernoulli_logit_logpmf({x}, t)", at(t=t), np.log(special.expit(t if x == "true" else -t)))
        for x in ("true", "false")
        for t in (-2.0, 0.0, 2.0)
    ),
    Law("stats.categorical_logpmf(1, w)", at(w=np.array([0.5, 1.5, 3.0])), lambda w: np.log(w[1] / w.sum())),
    Law("stats.categorical_logit_logpmf(2, w)", at(w=np.array([0.5, 1.5, 3.0])), lambda w: special.log_softmax(w)[2]),
    *(Law("stats.poisson_logpmf(n, r)",
        at(n=n, r=r), stats.poisson.logpmf) for n, r in ((0, 2.5), (3, 2.5), (9, 30.0), (40, 30.0))),
    Law("stats.poisson_logpmf(n, r)",
        at(n=10**6, r=1e6), exact(lambda n, r: n * mpmath.log(r) - r - mpmath.loggamma(n + 1)), order=0),
    *(
        Law("stats.binomial_logpmf(n, m, p)", at(n=n, m=m, p=0.3), exact(mp_binomial))
        for n, m in ((0, 7), (3, 7), (7, 7), (20, 50), (0, 0))
    ),
    Law("stats.binomial_logpmf(n, m, p)",
        at(n=300100, m=10**6, p=0.3), exact(mp_binomial), order=0, close=(1e-12, 0, 0)),
    *(Law("stats.geometric_logpmf(n, p)", at(n=n, p=0.3), stats.geom.logpmf) for n in (1, 5)),
    *(
        Law("stats.negative_binomial_logpmf(n, r, p)", at(n=n, r=r, p=0.3), exact(mp_negative))
        for n, r in ((0, 2.5), (4, 0.3), (4, 2.5), (60, 25.0))
    ),
    Law(
        "stats.multivariate_normal_logpdf(x, m, l)",
        at(x=np.array([1.0, -0.5, 0.2]), m=np.array([0.3, 0.1, -0.4]),
           l=np.array([[1.2, 0, 0], [0.4, 0.8, 0], [-0.3, 0.5, 1.5]])),
        lambda x, m, l: stats.multivariate_normal.logpdf(x, m, l @ l.T),
        close=(1e-13, 1e-7, 1e-6),
    ),
    Law("stats.dirichlet_logpdf([0.2, 0.3, 0.5], a)",
        at(a=np.array([0.4, 1.5, 12.0])), lambda a: stats.dirichlet.logpdf([0.2, 0.3, 0.5], a)),
    Law(
        "stats.covariance(x, y)", at(x=np.array([0.3, 1.2, -0.7]), y=np.array([1.0, 0.2, 0.5])),
        lambda x, y: np.cov(x, y, ddof=0)[0, 1],
    ),
    Law(
        "stats.correlation(x, y)", at(x=np.array([0.3, 1.2, -0.7]), y=np.array([1.0, 0.2, 0.5])),
        lambda x, y: np.corrcoef(x, y)[0, 1],
    ),
)  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(law, jit="always")


OUTSIDE = (
    "exponential_logpdf(x, 2)", "gamma_logpdf(x, 2, 3)", "gamma_logpdf(x, 20, 3)", "inverse_gamma_logpdf(x, 2, 3)",
    "lognormal_logpdf(x, 1, 2)", "half_normal_logpdf(x, 2)", "weibull_logpdf(x, 2, 3)", "pareto_logpdf(x, 2, 3)",
    "uniform_logpdf(x, 0, 2)", "beta_logpdf(x, 0.5, 0.5)", "beta_logpdf(x, 3, 3)",
)  # fmt: skip


@pytest.mark.parametrize("call", OUTSIDE)
def test_outside_the_support_the_density_is_0_and_so_is_its_derivative(call: str) -> None:
    m = dp.source(f"import stats\nfn f(x: Float) -> Float = stats.{call}\nfn g(x: Float) -> Float = grad(f)(x)\n")
    assert m.f(-1.5) == -np.inf
    assert m.g(-1.5) == 0.0


EDGES = (
    ("gamma_logpdf(0, 1, 2)", -np.log(2)),
    ("gamma_logpdf(0, 0.5)", np.inf),
    ("gamma_logpdf(0, 20)", -np.inf),
    ("weibull_logpdf(0, 1, 2)", -np.log(2)),
    ("beta_logpdf(0, 1, 1)", 0.0),
    ("beta_logpdf(1, 1, 2)", -np.inf),
    ("beta_logpdf(1, 3, 3)", -np.inf),
    ("beta_logpdf(1, 2, 1)", np.log(2)),
    ("poisson_logpmf(0, 0)", 0.0),
    ("poisson_logpmf(1, 0)", -np.inf),
    ("poisson_logpmf(20, 0)", -np.inf),
    ("poisson_logpmf(-1, 2)", -np.inf),
    ("binomial_logpmf(0, 3, 0)", 0.0),
    ("binomial_logpmf(1, 3, 0)", -np.inf),
    ("binomial_logpmf(2, 3, 1)", -np.inf),
    ("binomial_logpmf(3, 3, 1)", 0.0),
    ("binomial_logpmf(4, 3, 0.5)", -np.inf),
    ("geometric_logpmf(1, 1)", 0.0),
    ("geometric_logpmf(0, 0.5)", -np.inf),
    ("negative_binomial_logpmf(-1, 2.0, 0.5)", -np.inf),
    ("bernoulli_logpmf(true, 0)", -np.inf),
    ("categorical_logpmf(2, [1.0, 3.0])", -np.inf),
    ("dirichlet_logpdf([0.5, 0.6], [1.0, 1.0])", -np.inf),
    ("normal_logpdf(1, 0, nan)", np.nan),
    ("normal_logpdf(inf)", -np.inf),
    ("normal_cdf(-inf)", 0.0),
    ("normal_logcdf(-1e200)", -np.inf),
)


def test_edges() -> None:
    outcome = run("import stats\n" + "".join(f"print(stats.{call})\n" for call, _ in EDGES))
    assert not outcome.diagnostics
    for line, (call, wanted) in zip(outcome.printed, EDGES, strict=True):
        assert float(line) == pytest.approx(wanted, rel=1e-15, nan_ok=True), call


FAULTS = (
    "normal_logpdf(1, 0, -2)", "normal_cdf(1, 0, 0)", "normal_logcdf(1, 0, -2)", "normal_quantile(0.5, 0, -2)",
    "normal_quantile(1.5)", "normal_kl(0, 1, 0, -1)", "student_t_logpdf(1, 0)", "student_t_logpdf(1, 2, 0, -1)",
    "cauchy_logpdf(1, 0, -2)", "cauchy_cdf(1, 0, -2)", "laplace_logpdf(1, 0, -2)", "laplace_cdf(1, 0, -2)",
    "logistic_logpdf(1, 0, -2)", "logistic_cdf(1, 0, -2)", "gumbel_logpdf(1, 0, -2)", "gumbel_cdf(1, 0, -2)",
    "exponential_logpdf(-1, -2)", "exponential_cdf(1, -2)", "gamma_logpdf(1, -2)", "gamma_logpdf(1, 2, -2)",
    "inverse_gamma_logpdf(1, 2, 0)", "lognormal_logpdf(1, 0, -1)", "lognormal_cdf(1, 0, -1)",
    "half_normal_logpdf(1, -1)", "half_normal_cdf(1, -1)", "weibull_logpdf(1, 0)", "weibull_cdf(1, 1, -1)",
    "pareto_logpdf(1, -1)", "pareto_cdf(1, 1, -1)", "uniform_logpdf(1, 2, 2)", "uniform_cdf(1, 2, 1)",
    "beta_logpdf(0.5, 0, 1)", "beta_logpdf(0.5, 1, -1)", "bernoulli_logpmf(true, 1.5)",
    "categorical_logpmf(0, [1.0, -1.0, 2.0])", "categorical_logpmf(0, [0.0])", "poisson_logpmf(1, -1)",
    "binomial_logpmf(1, -1, 0.5)", "binomial_logpmf(1, 2, -0.5)", "geometric_logpmf(1, 2)",
    "negative_binomial_logpmf(1, 0.0, 0.5)", "negative_binomial_logpmf(1, 1.0, 1.5)",
    "multivariate_normal_logpdf([1.0], [0.0], [[0.0]])", "dirichlet_logpdf([0.5, 0.5], [1.0, 0.0])",
)  # fmt: skip


@pytest.mark.parametrize("call", FAULTS)
def test_bad_parameters_are_faults_at_the_call(call: str) -> None:
    (fault,) = run(f"import stats\nprint(stats.{call})\n").errors
    assert fault.code == "E0608"
    assert fault.span.text == f"stats.{call}"


def test_edges_of_a_support_that_are_parameters_warn() -> None:
    for call in ("uniform_logpdf(0.5, p, 2)", "pareto_logpdf(0.5, 2, p)"):
        outcome = run(f"import stats\nfn f(p: Float) -> Float = stats.{call}\nprint(grad(f)(0.2))\n")
        assert [d.code for d in outcome.diagnostics] == ["W0301"], call


def test_every_family_maps_over_arrays() -> None:
    m = dp.source("import stats\nfn f(x: Float[n], s: Float[n]) = stats.gamma_logpdf(x, 2.5, s)\n")
    x, s = np.array([0.5, 1.5, 20.0]), np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(m.f(x, s), stats.gamma.logpdf(x, 2.5, scale=s), rtol=1e-14)
