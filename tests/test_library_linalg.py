"""Laws of `linalg`: values against NumPy, SciPy and mpmath, derivatives against numeric ones; and what faults."""
# ruff: noqa: E501  (a law is a line or two)

from __future__ import annotations

import functools
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.linalg

import dplang as dp
from library import Law, check
from test_kernel_enums import refused
from test_kernels import agree

Array = Any

RANDOM = np.random.default_rng(20)
ONE = np.array([[2.5]])
A = np.array([[2.0, -1.0, 0.5], [0.3, 1.5, -0.7], [-0.4, 0.9, 3.0]])
B = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, -3.0], [2.0, -1.0, 0.0]])  # needs exchanges, and its determinant is negative
TALL = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.3], [-0.7, 1.1]])
WIDE = np.ascontiguousarray(TALL.T)
SINGULAR = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
VECTOR = np.array([1.0, -2.0, 0.5])
COLUMNS = np.array([[1.0, 0.3], [-2.0, 0.7], [0.5, -1.1]])
SPREAD = A * np.array([1e-6, 1.0, 1e5])
LARGE = RANDOM.normal(size=(30, 30))  # beyond the loops of kernels
BATCH = np.stack((A, B))

MEAN = "fn mean_of(x: Float[n, n]) -> Float[n, n] = 0.5 * (x + transpose(x))\n"
POSITIVE = "fn positive(x: Float[n, n]) -> Float[n, n] = x @ transpose(x) + eye(n)\n"


def mean_of(x: Array) -> Array:
    return (x + x.T) / 2


def positive(x: Array) -> Array:
    return x @ x.T + np.eye(len(x))


def turned(vectors: Array) -> Array:
    """Columns with the signs that `linalg` gives them."""
    signs = []
    for v in vectors.T:
        first = next(x for x in v if abs(x) >= 0.1 * np.max(np.abs(v)))
        signs.append(-1.0 if first < 0 else 1.0)
    return np.array(signs)


def eigenvectors(x: Array) -> Array:
    v = np.linalg.eigh(mean_of(x))[1]
    return v * turned(v)


def qr(x: Array) -> tuple[Array, Array]:
    q, r = np.linalg.qr(x)
    signs = np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return q * signs, r * signs[:, None]


def svd(x: Array) -> tuple[Array, Array, Array]:
    u, s, v = np.linalg.svd(x, full_matrices=False)
    signs = turned(u) if len(x) >= len(x.T) else turned(v.T)
    return u * signs, s, v * signs[:, None]


def law(code: str, at: dict[str, Any], value: Any, name: str = "", **more: Any) -> Law:
    return Law(code, at, value, name=name, **{"close": (1e-12, 1e-7, 1e-6), **more})


SOLVE = (
    law("linalg.solve(a, b)", {"a": A, "b": VECTOR}, np.linalg.solve, "solve a vector"),
    law("linalg.solve(a, b)", {"a": B, "b": COLUMNS}, np.linalg.solve, "solve columns with exchanges"),
    law("linalg.solve(a, b)", {"a": ONE, "b": np.array([3.0])}, np.linalg.solve, "solve one equation"),
    law("linalg.solve(a, b)", {"a": SPREAD, "b": VECTOR}, np.linalg.solve, "solve with columns of many sizes", order=0),
    law("linalg.solve(a, b)", {"a": LARGE, "b": RANDOM.normal(size=30)}, np.linalg.solve, "solve many", order=1),
    law("linalg.solve(a, b)", {"a": np.zeros((0, 0)), "b": np.zeros(0)}, np.zeros(0), "solve nothing"),
    law("linalg.solve(a, b)", {"a": A, "b": np.zeros((3, 0))}, np.zeros((3, 0)), "solve no columns"),
    law("linalg.solve(a, b)", {"a": BATCH, "b": VECTOR}, lambda a, b: np.stack([np.linalg.solve(x, b) for x in a]),
        "solve matrices for one vector"),
    law("linalg.solve(a, b)", {"a": BATCH, "b": np.stack((VECTOR, VECTOR * 2))},
        lambda a, b: np.stack([np.linalg.solve(x, y) for x, y in zip(a, b, strict=True)]), "solve matrices for vectors"),
    law("linalg.solve(a, b)", {"a": BATCH, "b": np.stack((COLUMNS, -COLUMNS))},
        lambda a, b: np.stack([np.linalg.solve(x, y) for x, y in zip(a, b, strict=True)]), "solve matrices for matrices",
        order=1),
    law("linalg.solve(a, linalg.solve(transpose(a), b))", {"a": A, "b": VECTOR},
        lambda a, b: np.linalg.solve(a, np.linalg.solve(a.T, b)), "solve twice"),
    law("linalg.solve_lower(a, b)", {"a": A, "b": VECTOR}, lambda a, b: scipy.linalg.solve_triangular(a, b, lower=True)),
    law("linalg.solve_lower(a, b)", {"a": A, "b": COLUMNS}, lambda a, b: scipy.linalg.solve_triangular(a, b, lower=True),
        "solve_lower columns"),
    law("linalg.solve_upper(a, b)", {"a": A, "b": VECTOR}, scipy.linalg.solve_triangular),
    law("linalg.solve_upper(a, b)", {"a": LARGE + 9 * np.eye(30), "b": np.ones((30, 2))}, scipy.linalg.solve_triangular,
        "solve_upper many", order=1),
    law("linalg.solve_lower(a, b)", {"a": LARGE + 9 * np.eye(30), "b": np.ones(30)},
        lambda a, b: scipy.linalg.solve_triangular(a, b, lower=True), "solve_lower many", order=1),
    law("linalg.lstsq(a, b)", {"a": TALL, "b": np.arange(4.0)}, lambda a, b: np.linalg.lstsq(a, b)[0], "lstsq tall"),
    law("linalg.lstsq(a, b)", {"a": WIDE, "b": np.array([1.0, -0.5])}, lambda a, b: np.linalg.lstsq(a, b)[0], "lstsq wide"),
    law("linalg.lstsq(a, b)", {"a": TALL, "b": RANDOM.normal(size=(4, 2))}, lambda a, b: np.linalg.lstsq(a, b)[0],
        "lstsq columns", order=1),
    law("linalg.inv(a)", {"a": A}, np.linalg.inv),
    law("linalg.inv(a)", {"a": B}, np.linalg.inv, "inv with exchanges"),
    law("linalg.inv(a)", {"a": BATCH}, np.linalg.inv, "inv of several", order=1),
    law("linalg.pinv(a)", {"a": TALL}, np.linalg.pinv, "pinv tall"),
    law("linalg.pinv(a)", {"a": WIDE}, np.linalg.pinv, "pinv wide"),
    law("linalg.pinv(a)", {"a": A}, np.linalg.pinv, "pinv square"),
    law("linalg.pinv(a)", {"a": SINGULAR}, lambda a: np.linalg.pinv(a, rcond=1e-13), "pinv singular", order=0),
    # along changes that keep the rank it has a derivative at matrices without full rank, too
    law("linalg.pinv(outer(x, y))", {"x": VECTOR, "y": np.array([0.4, 1.2])},
        lambda x, y: np.outer(y, x) / (x @ x) / (y @ y), "pinv of rank one"),
    law("linalg.pinv(a)", {"a": np.zeros((2, 0))}, np.zeros((0, 2)), "pinv of nothing"),
)  # fmt: skip

DETERMINANTS = (
    law("linalg.det(a)", {"a": A}, np.linalg.det),
    law("linalg.det(a)", {"a": B}, np.linalg.det, "det with exchanges"),
    law("linalg.det(a)", {"a": LARGE}, np.linalg.det, "det of many rows", order=1),
    law("linalg.det(a)", {"a": SINGULAR}, 0.0, "det of a singular matrix", order=1),
    law("linalg.det(a)", {"a": np.zeros((2, 2))}, 0.0, "det of zeros", order=1),
    law("linalg.det(a)", {"a": np.outer(VECTOR, VECTOR)}, 0.0, "det of rank one", order=1),
    law("linalg.det(a)", {"a": np.zeros((0, 0))}, 1.0, "det of nothing"),
    law("linalg.logdet(a)", {"a": A}, lambda a: np.linalg.slogdet(a)[1]),
    law("linalg.logdet(a)", {"a": B}, lambda a: np.linalg.slogdet(a)[1], "logdet of a negative determinant"),
    law("linalg.logdet(a)", {"a": 1e200 * A}, lambda a: np.linalg.slogdet(a)[1], "logdet beyond Floats", order=0),
    law("linalg.logdet(a)", {"a": np.zeros((2, 2))}, -np.inf, "logdet of zeros", order=0),
    law("linalg.logdet(positive(a))", {"a": A}, lambda a: np.linalg.slogdet(positive(a))[1], before=POSITIVE),
    law("both(a)", {"a": B}, lambda a: np.linalg.slogdet(a), before="fn both(a: Float[n, n]) -> Float[2] "
        "{ let (s, l) = linalg.slogdet(a); [s, l] }\n"),
)  # fmt: skip

SYMMETRIC = (
    law("linalg.cholesky(positive(a))", {"a": A}, lambda a: np.linalg.cholesky(positive(a)), before=POSITIVE),
    law("linalg.cholesky(positive(a))", {"a": LARGE}, lambda a: np.linalg.cholesky(positive(a)), "cholesky of many rows",
        before=POSITIVE, order=1),
    law("linalg.cholesky(a)", {"a": ONE}, np.sqrt, "cholesky of one"),
    law("linalg.cholesky(a)", {"a": np.zeros((0, 0))}, np.zeros((0, 0)), "cholesky of nothing"),
    law("linalg.eigvalsh(mean_of(a))", {"a": A}, lambda a: np.linalg.eigvalsh(mean_of(a)), before=MEAN),
    law("sum(linalg.eigvalsh(mean_of(a)))", {"a": 2 * np.eye(3)}, np.trace, "sum of equal eigenvalues", before=MEAN, order=1),
    law("sum(exp(linalg.eigvalsh(mean_of(a))))", {"a": np.diag([1.0, 2.0, 2.0])},
        lambda a: np.sum(np.exp(np.diagonal(a))), "a symmetric function of equal eigenvalues", before=MEAN, order=1),
    law("linalg.eigvalsh(mean_of(a))", {"a": np.zeros((0, 0))}, np.zeros(0), "eigvalsh of nothing", before=MEAN),
    law("linalg.eigvalsh(mean_of(a))", {"a": LARGE}, lambda a: np.linalg.eigvalsh(mean_of(a)), "eigvalsh of many rows",
        before=MEAN, order=1),
    law("vectors(a)", {"a": A}, eigenvectors, "eigenvectors",
        before=MEAN + "fn vectors(a: Float[n, n]) -> Float[n, n] { let (w, v) = linalg.eigh(mean_of(a)); v }\n"),
    # the largest value is single, the others are equal: its vector has a derivative
    law("first(a)", {"a": np.diag([1.0, 1.0, 3.0])}, [0.0, 0.0, 1.0], "a vector beside equal values", before=MEAN +
        "fn first(a: Float[n, n]) -> Float[n] { let (w, v) = linalg.eigh(mean_of(a)); "
        "let x = v[.., n - 1]; stop(if x[n - 1] < 0 { -1.0 } else { 1.0 }) * x }\n", order=0),
)  # fmt: skip


def rectangular(x: Array, order: int = 2) -> list[Law]:
    """QR and SVD of a matrix, all results in one row."""
    n, m = x.shape
    made = []
    for name, names, parts in (("qr", "q, r", qr(x)), ("svd", "u, s, v", svd(x))):
        row = functools.reduce(lambda a, b: f"concat({a}, {b})", (f"flatten({w})" for w in names.split(", ")))
        before = f"fn parts(x: Float[n, m]) = {{ let ({names}) = linalg.{name}(x); {row} }}\n"
        value = np.concatenate([np.ravel(p) for p in parts])
        made.append(law("parts(x)", {"x": x}, value, f"{name} of {n} by {m}", before=before, order=order))
    return made


RECTANGULAR = (
    *rectangular(A), *rectangular(TALL), *rectangular(WIDE), *rectangular(ONE), *rectangular(LARGE[:, :26], 0),
    law("linalg.svdvals(a)", {"a": B}, lambda a: np.linalg.svdvals(a)),
    law("sum(linalg.svdvals(a)^2)", {"a": np.eye(3)}, lambda a: np.sum(a * a), "sum of equal squares", order=1),
    law("linalg.svdvals(a)", {"a": np.zeros((3, 0))}, np.zeros(0), "svdvals of nothing"),
)  # fmt: skip

FUNCTIONS = (
    law("linalg.expm(a)", {"a": A}, scipy.linalg.expm),
    law("linalg.expm(a)", {"a": 0.01 * B}, scipy.linalg.expm, "expm of a small matrix"),
    law("linalg.expm(a)", {"a": 6 * B}, scipy.linalg.expm, "expm of a large matrix", close=(1e-11, 1e-6, 1e-5)),
    law("linalg.expm(a)", {"a": np.array([[2.0, 1.0], [0.0, 2.0]])}, scipy.linalg.expm, "expm of a Jordan block"),
    law("linalg.expm(a)", {"a": np.zeros((3, 3))}, np.eye(3), "expm of zeros"),
    law("linalg.expm(a)", {"a": np.zeros((0, 0))}, np.zeros((0, 0)), "expm of nothing"),
    law("linalg.expm(a)", {"a": np.array([[np.inf, 0.0], [0.0, 1.0]])}, np.full((2, 2), np.nan), "expm of infinity", order=0),
    law("linalg.kron(a, b)", {"a": TALL, "b": WIDE}, np.kron),
)  # fmt: skip

LAWS = (*SOLVE, *DETERMINANTS, *SYMMETRIC, *RECTANGULAR, *FUNCTIONS)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(law, jit="always")


# ---- accuracy

MODULE = """
import linalg
fn solved(a: Float[n, n], b: Float[n]) -> Float[n] = linalg.solve(a, b)
fn inverse(a: Float[n, n]) -> Float[n, n] = linalg.inv(a)
fn factor(a: Float[n, n]) -> Float[n, n] = linalg.cholesky(a)
fn logdet(a: Float[n, n]) -> Float = linalg.logdet(a)
fn values(a: Float[n, n]) -> Float[n] = linalg.eigvalsh(a)
fn best(a: Float[n, m], b: Float[n]) -> Float[m] = linalg.lstsq(a, b)
fn first(a: Float[n, n]) -> Float { let (w, v) = linalg.eigh(a); v[0, 0] * v[1, 0] }
fn left(a: Float[n, m]) -> Float { let (u, s, v) = linalg.svd(a); u[0, 0] * u[1, 0] }
fn slope(a: Float[n, n]) -> Float[n, n] = grad(first)(a)
fn slope_left(a: Float[n, m]) -> Float[n, m] = grad(left)(a)
fn along(a: Float[n, n], d: Float[n, n]) -> Float { let (value, slope) = jvp(first)(a, d); slope }
fn upper(a: Float[n, n], b: Float[n]) -> Float[n] = linalg.solve_upper(a, b)
fn curvature(a: Float[n, n]) -> Float[n, n] = hvp(linalg.det)(a, eye(n))
"""


@pytest.fixture(scope="module", params=["never", pytest.param("always", marks=pytest.mark.long)])
def program(request: pytest.FixtureRequest) -> Any:
    return dp.source(MODULE, jit=request.param)


@pytest.mark.parametrize("n", [3, 6, 9])
def test_hilbert_matrices(program: Any, n: int) -> None:
    """Errors stay below what the condition of the matrix allows; the reference has 60 digits."""
    with mpmath.workdps(60):
        exact = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                exact[i, j] = mpmath.mpf(1.0 / (i + j + 1))
        ones = mpmath.matrix([1] * n)
        x = np.array([float(v) for v in mpmath.lu_solve(exact, ones)])
        logdet = float(mpmath.log(mpmath.det(exact)))
        lower = np.array((mpmath.cholesky(exact)).tolist(), float)
        values = np.array(sorted(float(v) for v in mpmath.eigsy(exact, eigvals_only=True)))
    a = np.array([[1.0 / (i + j + 1) for j in range(n)] for i in range(n)])
    allowed = 2.0**-52 * n * np.linalg.cond(a)
    assert np.max(np.abs(program.solved(a, np.ones(n)) - x)) <= allowed * np.max(np.abs(x))
    assert abs(program.logdet(a) - logdet) <= allowed
    assert np.max(np.abs(program.factor(a) - lower)) <= allowed
    assert np.max(np.abs(program.values(a) - values)) <= 4 * n * 2.0**-52


def test_symmetric_arguments_have_symmetric_gradients(program: Any) -> None:
    a = np.array([[1.0, 0.2, 0.1], [0.2, 2.0, 0.3], [0.1, 0.3, 4.0]])
    g = program.slope(a)
    assert np.array_equal(g, g.T)


# ---- matrices without a result


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda m: m.solved(SINGULAR, VECTOR), "E0640"),
        (lambda m: m.inverse(np.zeros((2, 2))), "E0640"),
        (lambda m: m.solved(np.outer(np.ones(30), np.ones(30)), np.ones(30)), "E0640"),
        (lambda m: m.upper(np.triu(np.ones((3, 3))) - np.diag([0, 0, 1.0]), VECTOR), "E0640"),
        (lambda m: m.curvature(np.outer(VECTOR, VECTOR)), "E0640"),
        (lambda m: m.factor(np.array([[1.0, 2.0], [2.0, 1.0]])), "E0641"),
        (lambda m: m.factor(np.eye(40) - 2 * np.diag(np.arange(40.0) == 33)), "E0641"),
        (lambda m: m.factor(np.array([[2.0, 1.0], [0.0, 2.0]])), "E0642"),
        (lambda m: m.values(np.array([[2.0, 1.0], [0.0, 2.0]])), "E0642"),
        (lambda m: m.slope(np.eye(2)), "E0643"),
        (lambda m: m.along(np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])), "E0643"),
        (lambda m: m.slope_left(np.eye(3)[:, :2]), "E0643"),
        (lambda m: m.slope_left(np.outer(VECTOR, [1.0, 2.0])[:, :1] * 0), "E0643"),
        (lambda m: m.best(np.outer(VECTOR, [1.0, 2.0]), VECTOR), "E0644"),
        (lambda m: m.best(np.outer([1.0, 2.0], VECTOR), np.ones(2)), "E0644"),
    ],
)
def test_fault(program: Any, call: Any, code: str) -> None:
    with pytest.raises(dp.Error) as caught:
        call(program)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_which_part_is_not_positive_definite(program: Any) -> None:
    for n, k in ((5, 0), (5, 3), (40, 33)):
        with pytest.raises(dp.Error) as caught:
            program.factor(np.eye(n) - 2 * np.diag(np.arange(n) == k))
        assert caught.value.diagnostics[0].minor == k


def test_what_is_nearly_singular_is_solved(program: Any) -> None:
    """Only pivots that are all rounding count as 0: scales and weak dependence do not."""
    assert np.array_equal(program.solved(np.diag([1e-200, 1.0, 1e200]), np.ones(3)), [1e200, 1.0, 1e-200])
    a = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-14]])
    assert np.allclose(program.solved(a, np.array([2.0, 2.0 + 1e-14])), 1.0, atol=0.1)


def test_what_is_not_a_number_spreads(program: Any) -> None:
    a = np.array([[2.0, np.nan], [np.nan, 3.0]])
    assert np.isnan(program.solved(a, np.ones(2))).all()
    assert np.isnan(program.factor(a)).all()
    assert np.isnan(program.values(a)).all()
    assert np.isnan(program.best(a, np.ones(2))).all()
    assert np.isnan(program.logdet(a))


def test_a_direction_that_splits_nothing_has_a_derivative(program: Any) -> None:
    assert program.along(np.eye(2), np.array([[1.0, 0.0], [0.0, 2.0]])) == 0.0


# ---- kernels

ALL = """
import linalg
fn neglog(s: Float, y: Float[n]) -> Float {
  let k = [exp(-s * (i - j)^2) for i in 0..n, j in 0..n] + 0.1 * eye(n)
  0.5 * dot(y, linalg.solve(k, y)) + 0.5 * linalg.logdet(k)
}
fn others(a: Float[n, n], b: Float[n]) -> Float {
  let (u, s, v) = linalg.svd(a)
  let (q, r) = linalg.qr(a)
  let (w, x) = linalg.eigh(a @ transpose(a))
  let (sign, size) = linalg.slogdet(a)
  let l = linalg.cholesky(a @ transpose(a))
  sum(u @ v) + sum(q @ r) + sum(x * w) + sign * size + sum(linalg.solve_upper(transpose(l), linalg.solve_lower(l, b))) +
    sum(linalg.lstsq(a, b)) + sum(linalg.pinv(a)) + sum(linalg.expm(a)) + linalg.det(a) + sum(linalg.svdvals(a)) +
    sum(linalg.eigvalsh(linalg.kron(a @ transpose(a), eye(2)))) + sum(linalg.inv(a))
}
let fit = train s = 0.5 { minimize neglog(s, [1.0, 0.8, 0.1])  using adam(rate = 0.1)  steps 3 }
let a = [[2.0, -1.0, 0.5], [0.3, 1.5, -0.7], [-0.4, 0.9, 3.0]]
let g = grad(others)(a, [1.0, 2.0, 3.0])
"""


@pytest.mark.long
def test_everything_can_be_in_kernels() -> None:
    """A training by `logdet` and `solve` is one kernel, and no derivative of any function is left to the interpreter."""
    assert not refused(ALL)


@pytest.mark.long
def test_kernels_agree_with_the_interpreter() -> None:
    agree(ALL, 1e-9)
