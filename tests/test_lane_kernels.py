"""Loops on lanes do what the interpreter does: any number of turns, any branch, any fault, to a few units in the last
place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core_programs import Generator, arguments
from dplang.interpret.evaluate import Interpreter
from dplang.kernels.call import Kernels
from dplang.kernels.lanes import outer
from dplang.kernels.options import Options
from dplang.kernels.outline import outline
from dplang.kernels.tiers import Tiers
from dplang.pipeline import compile
from dplang.stack import deep
from running import entered
from test_interpret import outcome

SIZES = (0, 1, 2, 7, 8, 9, 100)


def data(n: int) -> np.ndarray:
    """Numbers of both signs, and a zero."""
    x = 3.0 * np.sin(12.9898 * (np.arange(n) ** 2 + 1.0))
    x[3:4] = 0.0
    return x


def odd(n: int) -> np.ndarray:
    """Some are no finite numbers."""
    x = data(n)
    x[-1:], x[5:6], x[2:3] = np.inf, np.nan, -np.inf
    return x


def values(text: str, given: list[np.ndarray]) -> tuple[list[Any], list[Any]]:
    """What the interpreter and a kernel on lanes make of arrays by the function `f` of a text: values or faults."""
    session, _ = entered(text)
    name = next(fn.name for fn in session.lowering.program.fns.values() if fn.label == "f")
    plain = Interpreter(compile(session.lowering.program, name))
    kernels = Kernels(compile(session.lowering.program, name, kernels=True), Options())
    assert "lanes.runtime" in kernels.text(name).text
    kernel = kernels.kernel(name)
    assert kernel is not None, kernels.reasons
    wanted = [outcome(lambda x=x: plain.call(name, [x])) for x in given]  # type: ignore[misc]
    found = [outcome(lambda x=x: _tuple(kernel(x))) for x in given]  # type: ignore[misc]
    return wanted, found


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def close(found: Any, wanted: Any, tolerance: float) -> None:
    """Equal up to rounding, and of the same type and shape."""
    if isinstance(wanted, tuple):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            close(a, b, tolerance)
    elif isinstance(wanted, float) or (isinstance(wanted, np.ndarray) and wanted.dtype.kind == "f"):
        finite = np.abs(wanted)[np.isfinite(wanted)] if isinstance(wanted, np.ndarray) else np.zeros(0)
        np.testing.assert_allclose(found, wanted, tolerance, tolerance * np.max(finite, initial=1.0))
    else:
        assert np.array_equal(found, wanted)


def check(text: str, *given: np.ndarray, tolerance: float = 1e-12) -> None:
    for found, wanted in zip(*deep(lambda: values(text, list(given))), strict=True):
        close(found, wanted, tolerance)


MAPS = {
    "functions": "fn f(x: Float[n]) -> Float[n] = [exp(v) * tanh(v) + log(abs(v) + 0.1) / (1.0 + v^2) for v in x]",
    "single": """
fn f(x: Float[n]) -> Float[n] =
  [float(float32(v) * float32(0.3) + sin(float32(v)) / (float32(2.0) + abs(float32(v)))) for v in x]
""",
    "several": """
fn f(x: Float[n]) -> (Float[n], Int[n], Bool[n], Float[n]) =
  ([atan2(v, 2.0) + cbrt(v) for v in x], [int(floor(5.0 * sin(v))) // 3 % 4 for v in x],
   [exp(v) > 1.0 and not (v > 2.0) for v in x], [max(min(exp(v), 2.0), v) + sign(v) + round(v) for v in x])
""",
    "draws": "import random\nfn f(x: Float[n]) -> Float[n] = [random.normal(key(i)) * exp(x[i]) for i in 0..n]",
}


@pytest.mark.parametrize("name", sorted(MAPS))
def test_maps(name: str) -> None:
    check(MAPS[name], *map(data, SIZES), tolerance=1e-6 if name == "single" else 1e-12)


def test_numbers_that_are_none() -> None:
    check(
        "fn f(x: Float[n]) -> Float[n] = [if v > 1.0 { log(v) } else if isnan(v) { 7.0 } else { exp(v) } for v in x]",
        *map(odd, SIZES),
    )


REDUCTIONS = """
fn f(x: Float[n]) -> (Float, Float, Bool, Bool, Float) {
  let y = [exp(0.1 * v) for v in x]
  var total = 10.0
  for v in x { total += tanh(v) }
  (sum(y), prod(y), any(y > 1.3), all(y > 0.7), total)
}
"""
CHOICES = """
fn f(x: Float[n]) -> (Float, Float, Int, Int, Float) {
  let y = [sin(v) for v in x]
  (min(y), max(y), argmin(y), argmax(y), logsumexp(y))
}
"""


@pytest.mark.parametrize("text", [REDUCTIONS, CHOICES], ids=["sums", "choices"])
def test_reductions(text: str) -> None:
    check(text, *map(data, SIZES), *map(odd, SIZES))


BRANCHES = """
fn f(x: Float[n]) -> (Float[n], Int[n], Float[n]) {
  let y = [if x[i] > 0.0 { sqrt(x[i]) / x[i] } else { exp(x[i]) } for i in 0..n]
  let k = [if i % 3 != 0 { 100 // (i % 3) } else { int(tanh(x[i]) * 10.0) } for i in 0..n]
  let near = [if i > 0 and i < n - 1 { exp(x[i - 1]) - x[i + 1] } else { x[i] } for i in 0..n]
  (y, k, near)
}
"""
LOOPS = """
fn f(x: Float[n]) -> (Float[n], Int[n], Float[n]) {
  let slow = [{
    var y = v
    for t in 0..20 { y = y + 0.1 * (if y > 1.0 { -y } else { y * y - 0.5 }) }
    y
  } for v in x]
  let halvings = [{
    var y = abs(v)
    var k = 0
    while y > 0.3 { y = y * 0.5
      k += 1 }
    k
  } for v in x]
  let ragged = [{
    var y = 0.0
    for j in 0..i % 5 { y = exp(-y) + x[j] }
    y
  } for i in 0..n]
  (slow, halvings, ragged)
}
"""
ARRAYS = """
fn f(x: Float[n]) -> (Float[n], Float[6], Float[n, 3], Float[n]) {
  var bins = zeros(6)
  for i in 0..n { bins[i * i % 6] += exp(x[i]) }
  let local = [{
    var a = zeros(4)
    for j in 0..4 { a[j] = exp(x[i] * float(j)) }
    for j in 0..3 { a[j + 1] += a[j] }
    a[i % 4] + sum(a) + logsumexp(a)
  } for i in 0..n]
  let rows = [[tanh(x[i]), exp(x[i]), x[n - 1 - i]] for i in 0..n]
  let m = [[x[i], 1.0, x[n - 1 - i], 2.0] for i in 0..n]
  let parts = [logsumexp(m[i, 1..4]) + dot(m[i][0..3], m[i, 1..4][0..3]) for i in 0..n]
  (local, bins, rows, parts)
}
"""


@pytest.mark.parametrize("text", [BRANCHES, LOOPS, ARRAYS], ids=["branches", "loops", "arrays"])
def test_bodies(text: str) -> None:
    check(text, *map(data, SIZES))


PARTICLES = """
fn loss(v: Float[n]) -> Float {
  var total = 0.0
  for i in 0..len(v) {
    var x = 0.1 * float(i)
    var u = v[i]
    for t in 0..50 {
      let force = if x > 1.0 { -4.0 * (x - 1.0) } else if x < -1.0 { -4.0 * (x + 1.0) } else { 0.3 * x * (1.0 - x * x) }
      u += 0.01 * (force - 0.1 * u)
      x += 0.01 * u
    }
    total += x * x
  }
  total
}
fn f(v: Float[n]) -> (Float, Float[n]) = (loss(v), grad(loss)(v))
"""
MIXTURE = """
fn loss(mu: Float[k, d], s: Float[k, d], x: Float[n, d]) -> Float {
  var total = 0.0
  for i in 0..n {
    total += logsumexp([sum(s[c]) - 0.5 * sum([((x[i, j] - mu[c, j]) * exp(s[c, j]))^2 for j in 0..d]) for c in 0..k])
  }
  total
}
fn f(v: Float[n]) -> (Float, Float[3, 2], Float[3, 2]) {
  let mu = [[0.1 * float(c), 0.2 * float(c * c)] for c in 0..3]
  let x = [[v[i], v[n - 1 - i]] for i in 0..n]
  let (a, b) = grad(loss, wrt = (mu, s))(mu, 0.1 * mu, x)
  (loss(mu, 0.1 * mu, x), a, b)
}
"""
LOGISTIC = """
fn loss(w: Float[d], x: Float[n, d], y: Float[n]) -> Float =
  sum([softplus(dot(x[i], w)) - y[i] * dot(x[i], w) for i in 0..n])
fn f(v: Float[n]) -> Float[3] =
  grad(loss, wrt = w)([0.1, 0.2, 0.3], [[1.0, a, a * a] for a in v], [sigmoid(a) for a in v])
"""


@pytest.mark.parametrize("text", [PARTICLES, MIXTURE, LOGISTIC], ids=["particles", "mixture", "logistic"])
def test_gradients(text: str) -> None:
    check(text, *map(data, SIZES), tolerance=1e-11)


FAULTS = {
    "E0601": "[exp(x[i + (if x[i] > 2.5 { n } else { 0 })]) for i in 0..n]",
    "E0604": "[exp(x[i]) + float(7 // (i - 20)) for i in 0..n]",
    "E0608": '[{ assert x[i] < 2.8, "too large"\n exp(x[i]) } for i in 0..n]',
    "E0609": "[float(int(exp(300.0 * x[i]))) for i in 0..n]",
}


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_faults_are_those_of_the_interpreter(code: str) -> None:
    text = f"fn f(x: Float[n]) -> Float[n] = {FAULTS[code]}\n"
    (wanted,), (found,) = deep(lambda: values(text, [data(30)]))
    assert wanted[0] == code
    assert found == wanted


def random_core(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A random program with lanes wherever they are possible."""
    monkeypatch.setattr(outer, "is_worth", lambda loop, found: True)
    program, args = Generator(seed).program(), arguments(seed)
    wanted = deep(lambda: outcome(lambda: Interpreter(program).call("main", args)))
    cut = outline(program)
    tiers = Tiers(cut, "always", Options())
    found = deep(lambda: outcome(lambda: Interpreter(cut, compiled=tiers.compiled).call("main", args)))
    assert not tiers.kernels.reasons
    close(found, wanted, 1e-7)


@pytest.mark.parametrize("seed", [4, 7])
def test_random_core(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random_core(seed, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8, 200))
def test_more_random_core(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random_core(seed, monkeypatch)
