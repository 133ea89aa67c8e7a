"""Generated programs: forward mode, reverse mode and finite differences agree, and so do copies and in-place writes."""

from __future__ import annotations

import math

import pytest

from dplang.errors.diagnostic import Fault
from programs import generate
from running import run_text

POINT = """
let x0 = 0.7
let v0 = [0.4, -0.3, 0.8, 0.1]
let s0 = S(a = 0.9, b = -0.5, k = 2)
let dx = 0.6
let dv = [0.5, -0.8, 0.3, 0.9]
let ds = S(a = -0.4, b = 0.7, k = 2)
fn along(h: Float) -> Float =
  f(x0 + h * dx, v0 + h * dv, S(a = s0.a + h * ds.a, b = s0.b + h * ds.b, k = s0.k))
let (gx, gv, gs) = grad(f, wrt = (x, v, s))(x0, v0, s0)
let reverse = gx * dx + dot(gv, dv) + gs.a * ds.a + gs.b * ds.b
let forward = jvp(f, wrt = (x, v, s))(x0, v0, s0, (dx, dv, ds))[1]
let numeric = (along(1e-5) - along(-1e-5)) / 2e-5
let wider = (along(3e-5) - along(-3e-5)) / 6e-5
"""

SECOND = """
let curved = grad(grad(along))(0.0)
let bent = jvp(grad(along))(0.0, 1.0)[1]
let slope = (grad(along)(1e-5) - grad(along)(-1e-5)) / 2e-5
let slope_wider = (grad(along)(3e-5) - grad(along)(-3e-5)) / 6e-5
"""


def close(a: float, b: float, tolerance: float) -> bool:
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


def check(seed: int, second: bool) -> bool:
    """Whether the derivatives of program `seed` were compared: near a jump finite differences mean nothing."""
    text = generate(seed) + POINT + (SECOND if second else "")
    try:
        m = run_text(text)
    except Fault as fault:  # the judgement may find an inner gradient that is zero everywhere, nothing else
        assert {d.code for d in fault.diagnostics if d.severity == "error"} == {"E0302"}, fault
        return False
    assert close(m["forward"], m["reverse"], 1e-9), (seed, m["forward"], m["reverse"])
    smooth = close(m["numeric"], m["wider"], 1e-5)
    if smooth:
        assert close(m["numeric"], m["reverse"], 1e-4), (seed, m["numeric"], m["reverse"])
    if second:
        assert close(m["curved"], m["bent"], 1e-8), (seed, m["curved"], m["bent"])
        if smooth and close(m["slope"], m["slope_wider"], 1e-4):
            assert close(m["slope"], m["curved"], 1e-3), (seed, m["slope"], m["curved"])
    return smooth


@pytest.mark.parametrize("first", range(0, 240, 20))
def test_derivatives_of_generated_programs_agree(first: int) -> None:
    compared = sum(check(seed, second=seed % 5 == 0) for seed in range(first, first + 20))
    assert compared >= 14


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 4000, 100))
def test_derivatives_of_many_generated_programs_agree(first: int) -> None:
    compared = sum(check(seed, second=seed % 3 == 0) for seed in range(first, first + 100))
    assert compared >= 70


@pytest.mark.parametrize("seed", range(5000, 5020))
def test_in_place_writes_are_never_seen(seed: int) -> None:
    text = generate(seed) + POINT
    assert run_text(text) == run_text(text, copy_always=True)
