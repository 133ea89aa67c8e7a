"""What the first judgement says of generated programs holds when they run: without influence nothing changes."""

from __future__ import annotations

import pytest

from dplang.analyse.modes import Dependence, dependences
from dplang.stack import deep
from programs import generate
from running import entered, run_text

POINT = """
let s0 = S(a = 0.9, b = -0.5, k = 2)
let v0 = [0.4, -0.3, 0.8, 0.1]
let here = f(0.7, v0, s0)
let moved_x = f(0.7713, v0, s0)
let moved_v = f(0.7, [0.45, -0.37, 0.85, 0.17], s0)
let moved_a = f(0.7, v0, S(a = 0.97, b = -0.5, k = 2))
let moved_b = f(0.7, v0, S(a = 0.9, b = -0.57, k = 2))
let (slope_x, slope_v, slope) = grad(f, wrt = (x, v, s))(0.7, v0, s0)
let slope_a = slope.a
let slope_b = slope.b
"""
SEEDS = [*range(10), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(10, 200))]


def summary(text: str) -> dict[str, Dependence]:
    def go() -> dict[str, Dependence]:
        session, _ = entered(text)
        program = session.lowering.program
        name = next(name for name, fn in program.fns.items() if fn.label == "f")
        return {d.parameter: d for d in dependences(program, name)}

    return deep(go)


@pytest.mark.parametrize("seed", SEEDS)
def test_generated(seed: int) -> None:
    text = generate(seed)
    said, found = summary(text), run_text(text + POINT)
    for parameter, letter in (("x", "x"), ("v", "v"), ("s.a", "a"), ("s.b", "b")):
        moved, slope = found[f"moved_{letter}"], found[f"slope_{letter}"]
        steep = any(slope) if isinstance(slope, list) else bool(slope)
        if said[parameter].mode is None:
            assert moved == found["here"], (seed, parameter)
        if not said[parameter].live:
            assert not steep, (seed, parameter)
