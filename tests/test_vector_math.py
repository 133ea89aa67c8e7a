"""The functions of kernels are near the true values over the whole range, for lanes as for single numbers, on this
processor and on one without fused multiplication."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from numba import njit, types

from dplang.kernels.lanes import runtime
from dplang.kernels.lanes.mathematics import FUNCTIONS

mp = mpmath.MPContext()
mp.prec = 160
INF, NAN, TINY, LEAST, MOST = math.inf, math.nan, 2.2250738585072014e-308, 5e-324, sys.float_info.max
WIDTH = 8
OPTIONS = {"error_model": "numpy", "fastmath": {"contract"}}

TRUE: dict[str, Callable[..., Any]] = {
    "exp": mp.exp, "exp2": lambda x: mp.mpf(2) ** x, "expm1": mp.expm1, "log": mp.log, "log1p": mp.log1p,
    "log2": lambda x: mp.log(x, 2), "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "tanh": mp.tanh, "sinh": mp.sinh,
    "cosh": mp.cosh, "erf": mp.erf, "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "logit": lambda x: mp.log(x / (1 - x)), "pow": lambda x, y: x**y,
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
}  # fmt: skip

DENSE = {
    "exp": (-746, 710), "exp2": (-1076, 1025), "expm1": (-40, 710), "log": (0, 4), "log1p": (-1, 3), "log2": (0, 4),
    "sin": (-2e6, 2e6), "cos": (-2e6, 2e6), "tan": (-2e6, 2e6), "tanh": (-23, 23), "sinh": (-711, 711),
    "cosh": (-711, 711), "erf": (-6.5, 6.5),
    "sigmoid": (-746, 40), "softplus": (-746, 710),
}  # fmt: skip
"""Where a function has values of its own."""

SPECIAL: dict[str, tuple[tuple[float, float], ...]] = {
    "exp": ((INF, INF), (-INF, 0.0), (709.79, INF), (-745.2, 0.0), (0.0, 1.0)),
    "exp2": ((INF, INF), (-INF, 0.0), (1024.0, INF), (-1075.5, 0.0), (3.0, 8.0), (-1074.0, LEAST)),
    "expm1": ((INF, INF), (-INF, -1.0), (710.0, INF), (-0.0, -0.0), (0.0, 0.0)),
    "log": ((INF, INF), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (-INF, NAN), (1.0, 0.0)),
    "log1p": ((INF, INF), (-1.0, -INF), (-1.5, NAN), (-0.0, -0.0), (0.0, 0.0)),
    "log2": ((INF, INF), (0.0, -INF), (-1.0, NAN), (8.0, 3.0), (LEAST, -1074.0), (1.0, 0.0)),
    "sin": ((INF, NAN), (-INF, NAN), (-0.0, -0.0), (0.0, 0.0)),
    "cos": ((INF, NAN), (-INF, NAN), (0.0, 1.0)),
    "tan": ((INF, NAN), (-0.0, -0.0), (0.0, 0.0)),
    "tanh": ((INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (0.0, 0.0), (40.0, 1.0)),
    "sinh": ((INF, INF), (-INF, -INF), (-0.0, -0.0), (0.0, 0.0), (711.0, INF)),
    "cosh": ((INF, INF), (-INF, INF), (0.0, 1.0), (711.0, INF)),
    "erf": ((INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (0.0, 0.0), (6.1, 1.0)),
    "sigmoid": ((INF, 1.0), (-INF, 0.0), (0.0, 0.5)),
    "softplus": ((INF, INF), (-INF, 0.0)),
}

ENDS = (INF, -INF, NAN, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -3.0, 1e300, -1e300, MOST, TINY, LEAST, 1e-300)


def kernel(name: str, width: int, kind: Any = types.float64) -> Callable[..., None]:
    """Applies a function to arrays: `width` elements at once, or one by one."""
    f, a = getattr(runtime, f"v{name}"), kind[::1]
    ld, st = runtime.ld, runtime.st
    step = max(width, 1)
    if name in ("pow", "logaddexp"):

        def binary(x: Any, y: Any, out: Any) -> None:
            for i in range(0, x.size, step):
                if width > 0:
                    st(out, i, f(ld(width, x, i, width), ld(width, y, i, width)), width)
                else:
                    out[i] = f(x[i], y[i])

        return njit(types.void(a, a, a), **OPTIONS)(binary)

    def unary(x: Any, out: Any) -> None:
        for i in range(0, x.size, step):
            if width > 0:
                st(out, i, f(ld(width, x, i, width)), width)
            else:
                out[i] = f(x[i])

    return njit(types.void(a, a), **OPTIONS)(unary)


def values(run: Callable[..., None], *given: np.ndarray) -> np.ndarray:
    """The results for arrays of any length: the last vector is filled with ones."""
    n = given[0].size
    wide = [np.concatenate([x, np.ones(-n % WIDTH, x.dtype)]) for x in given]
    out = np.empty_like(wide[0])
    run(*wide, out)
    return out[:n]


def points(name: str, n: int, seed: int) -> np.ndarray:
    """Random numbers in the range that matters, near zero and near one, near multiples of pi/2, and of any bits."""
    rng = np.random.default_rng(seed)
    some = rng.uniform(-1.0, 1.0, n) * 10.0 ** rng.uniform(-9.0, 1.0, n)
    turns = np.round(rng.uniform(-1.0, 1.0, n) * 10.0 ** rng.uniform(0.0, 6.1, n)) * (math.pi / 2)
    any_bits = rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64)
    x = np.concatenate([rng.uniform(*DENSE[name], n), some, 1.0 + some, turns, any_bits, [TINY, LEAST, MOST, -MOST]])
    return x[np.isfinite(x)]


def ulps(found: float, true: Any) -> float:
    """How far off a result is in units of the last place of the true value."""
    t = float(true)
    if math.isinf(t):  # rounds to infinity, or nearly
        return 0.0 if found in (t, math.copysign(MOST, t)) else INF
    return float(abs((mp.mpf(found) - true) / math.ulp(t))) if math.isfinite(found) else INF


def check(name: str, n: int, seed: int) -> None:
    x = points(name, n, seed)
    if name.startswith("log"):
        x = np.abs(x) if name != "log1p" else x[x > -1.0]
    lanes, single = values(kernel(name, WIDTH), x), values(kernel(name, 0), x)
    assert np.array_equal(lanes, single)
    off = [ulps(y, TRUE[name](mp.mpf(v))) for v, y in zip(x.tolist(), lanes.tolist(), strict=True)]
    worst = int(np.argmax(off))
    assert off[worst] <= 2.5, (name, x[worst], off[worst])


@pytest.mark.parametrize("name", sorted(SPECIAL))
def test_near_the_true_value(name: str) -> None:
    check(name, 100, 0)
    x, wanted = np.array([*SPECIAL[name], (NAN, NAN)]).T
    for width in (WIDTH, 0):
        same_values(values(kernel(name, width), np.ascontiguousarray(x)), wanted)


def same_values(found: np.ndarray, wanted: np.ndarray) -> None:
    """Equal to the last bit or nearly, zeros with their signs."""
    np.testing.assert_allclose(found, wanted, rtol=5e-16)
    there = ~np.isnan(wanted)
    assert np.array_equal(np.signbit(found[there]), np.signbit(wanted[there]))


def check_pow(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    near = 1.0 + rng.uniform(-1.0, 1.0, n) * 10.0 ** rng.uniform(-8.0, -1.0, n)
    x = np.concatenate([
        rng.uniform(0, 4, n), 10.0 ** rng.uniform(-300, 300, n), near, rng.uniform(0, 9, n), rng.uniform(-5, 5, n),
    ])  # fmt: skip
    y = np.concatenate([
        rng.uniform(-20, 20, n), rng.uniform(-1, 1, n), 1e3 * rng.uniform(-1, 1, n) * 2.0 ** rng.uniform(0, 20, n),
        rng.integers(-20, 20, n) * 0.5, rng.integers(-9, 9, n),
    ])  # fmt: skip
    found = values(kernel("pow", WIDTH), x, y)
    off = [ulps(z, mp.mpf(a) ** mp.mpf(b)) for a, b, z in zip(x.tolist(), y.tolist(), found.tolist(), strict=True)]
    assert max(off) <= 2.5, (x[np.argmax(off)], y[np.argmax(off)])


def test_powers() -> None:
    check_pow(100, 0)
    x, y = (np.array(v) for v in zip(*((a, b) for a in ENDS for b in ENDS), strict=True))
    with np.errstate(all="ignore"):
        wanted = np.power(x, y)
    for width in (WIDTH, 0):
        same_values(values(kernel("pow", width), x, y), wanted)


def test_sums_of_exponentials() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 800, 300), rng.uniform(0, 800, 300)
    y[:150] = x[:150] + rng.uniform(-3, 3, 150)
    found = values(kernel("logaddexp", WIDTH), x, y)
    off = [ulps(z, TRUE["logaddexp"](mp.mpf(a), mp.mpf(b))) for a, b, z in zip(x, y, found, strict=True)]
    assert max(off) <= 2.5
    x, y = (np.array(v) for v in zip(*((a, b) for a in ENDS for b in ENDS), strict=True))
    for width in (WIDTH, 0):
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(values(kernel("logaddexp", width), x, y), np.logaddexp(x, y), rtol=5e-16)


def test_single_precision() -> None:
    x = np.random.default_rng(0).uniform(-80, 80, 400).astype(np.float32)
    for name in ("exp", "tanh", "sin", "log1p"):
        given = np.abs(x) if name == "log1p" else x
        for width in (WIDTH, 0):
            found = values(kernel(name, width, types.float32), given)
            assert found.dtype == np.float32
            for v, y in zip(given, found, strict=True):
                true = TRUE[name](mp.mpf(float(v)))
                assert abs(mp.mpf(float(y)) - true) <= 0.51 * float(np.spacing(np.float32(abs(float(true)))))


def test_all_functions_are_tested() -> None:
    assert set(TRUE) == set(FUNCTIONS)


def test_logits() -> None:
    draw = np.random.default_rng(0)
    x = np.concatenate([draw.uniform(0.0, 1.0, 200), 0.5 + 10.0 ** draw.uniform(-12, -2, 50), [0.5]])
    off = [ulps(y, TRUE["logit"](mp.mpf(v))) for v, y in zip(x, values(kernel("logit", WIDTH), x), strict=True)]
    assert max(off) <= 2.5


def without_fused(chosen: str, *options: str) -> None:
    """Runs tests of this file for a processor that has none."""
    plain = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", chosen, *options, __file__]
    run = subprocess.run(command, env=plain, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_without_fused_multiplication() -> None:
    without_fused("value and (exp2 or sin or log2) or test_powers")


@pytest.mark.long
def test_more_without_fused_multiplication() -> None:
    without_fused("many_points and 1 or many_powers and 1", "-m", "long")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("name", sorted(SPECIAL))
def test_near_the_true_value_at_many_points(name: str, seed: int) -> None:
    check(name, 5000, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_powers(seed: int) -> None:
    check_pow(5000, seed)
