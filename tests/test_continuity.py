"""Branches whose sides meet at their boundary: what is proved of them, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

import dplang as dp
from dplang.analyse.modes import dependences
from dplang.stack import deep
from running import entered

JOINED = {
    "Huber": ("if abs(x) < 1 { 0.5 * x^2 } else { abs(x) - 0.5 }", "kinked"),
    "Huber's width": ("if abs(y) <= x { 0.5 * y^2 } else { x * (abs(y) - 0.5 * x) }", "C1"),
    "C1": ("if x < 1 { 0.5 * x^2 } else { x - 0.5 }", "C1"),
    "leaky": ("if not (x > 0) { 0.1 * x } else { x }", "kinked"),
    "chain": ("if x <= 0 { 0.0 } else if x >= 1 { 1.0 } else { x^2 * (3 - 2 * x) }", "C1"),
    "chain that jumps": ("if x <= 0 { 0.0 } else if x >= 1 { 1.5 } else { x^2 * (3 - 2 * x) }", "jump"),
    "returns": ("{ if x < 0 { return 0.0 }; if x < 1 { return x^2 / 2 }; x - 0.5 }", "C1"),
    "two variables": ("if 2 * x + 3 * y < 6 { x * y } else { x * (6 - 2 * x) / 3 }", "kinked"),
    "a product as a whole": ("{ let m = y * x; if m >= 1 { 0.0 } else { (1 - m)^2 } }", "C1"),
    "function of the boundary": ("if x > y { exp(x) } else { exp(y) }", "kinked"),
    "function with a domain": ("if x > 0 { x * log(x) } else { 0.0 }", "jump"),
    "hidden domain": ("if x > 0 { 0 * log(x) } else { 0.0 }", "jump"),
    "max": ("if x < 1 { x } else { max(2 - x, 0.0) }", "kinked"),
    "jump": ("if x > 1 { x } else { x * x + 1 }", "jump"),
    "other boundary": ("if x > 1 { x - 2 } else { 0.0 }", "jump"),
    "never met": ("if x - x > 1 { x } else { 3 * x }", "C1"),
    "nonlinear boundary": ("if x * x > 1 { x^2 } else { x^4 }", "jump"),
    "element set": ("{ var a = [x, y]; if a[0] < y { a[0] = y }; a[0] }", "kinked"),
    "element set amiss": ("{ var a = [x, y]; if a[0] < y { a[0] = y + 1 }; a[0] }", "jump"),
    "other element set": ("{ var a = [x, y]; if a[0] < y { a[1] = y }; a[0] + a[1] }", "C1"),
    "and": ("if x > 0 and x < 1 { x * (1 - x) } else { 0.0 }", "kinked"),
    "and, one side amiss": ("if x > 0 and x < 2 { x * (1 - x) } else { 0.0 }", "jump"),
    "or": ("if x < 0 or x > 1 { 0.0 } else { x^2 * (1 - x)^2 }", "C1"),
    "one after another": (
        "{ var s = 0.0; " + "".join(f"if x > {i} {{ s += x - {i} }}; s = s + s; " for i in range(40)) + "s }",
        "kinked",
    ),
    "cut off by a constant": ("if x > 2.5 { 0.0 } else { 1 / x^6 - 1 / 2.5^6 }", "kinked"),
    "cut off, not shifted": ("if x > 2.5 { 0.0 } else { 1 / x^6 }", "jump"),
    "cut off where it may be none": ("if x > y { 0.0 } else { 1 / x^6 - 1 / y^6 }", "jump"),
    "a call inside": ("if x > 2.5 { 0.0 } else { pair(x) - pair(2.5) }", "kinked"),
    "a call inside amiss": ("if x > 2.5 { 0.0 } else { pair(x) - pair(2.4) }", "jump"),
    "a call before": ("{ let c = hinge(y); if x > y { c } else { hinge(x) } }", "kinked"),
    "calls of calls": ("if x < 1 { both(x) } else { 2 * both(1.0) - both(2 - x) }", "C1"),
    "a call of itself": ("again(x)", "jump"),
    "angle": ("atan2(x, y)", "jump"),
    "angle, right half": ("atan2(x, y^2 + 1)", "smooth"),
    "table": ("interp([1.0, 4.0, 9.0], x)", "kinked"),
    "table of a table": ("interp([1.0, 4.0, 9.0], interp([0.0, 2.0], x))", "kinked"),
    "accumulated": ("{ var s = 0.0; for i in 0..3 { if x > i { s += (x - i)^2 } }; s }", "C1"),
}

CALLED = """
fn pair(r: Float) -> Float { let s = 1 / r^6; 4 * (s * s - s) }
fn hinge(x: Float) -> Float = max(x, 0)
fn square(x: Float) -> Float = x * x
fn both(x: Float) -> Float = square(x) - 2 * x
fn again(x: Float) -> Float = if x > 1 { again(x - 1) } else { x }
"""


@pytest.mark.parametrize("name", JOINED)
def test_meeting(name: str) -> None:
    body, mode = JOINED[name]
    text = f"{CALLED}fn f(x: Float, y: Float) -> Float = {body}\nprint(f(0.5, 1.0))"

    def go() -> object:
        session, _ = entered(text)
        return next(d.mode for d in dependences(session.lowering.program, "f") if d.parameter == "x")

    assert deep(go) == mode


def test_the_library_keeps_its_contract() -> None:
    """`interp` is declared `lipschitz`, which no proof of ours reaches: it is so at every position of the table."""
    m = dp.source("fn f(x: Float[n], t: Float) -> Float = interp(x, t)\n")
    table = np.array([1.0, 4.0, -9.0, 2.0])
    for k in range(-1, 5):
        left, here, right = (m.f(table, t) for t in (np.nextafter(k, -9), float(k), np.nextafter(k, 9)))
        assert abs(left - here) < 1e-13 and abs(right - here) < 1e-13
