"""Recursion as loops on the way to kernels: the values, the gradients and the first faults of the recursion."""

from __future__ import annotations

import pytest

from dplang.core.ir import Fn
from dplang.core.rewrite import calls
from dplang.pipeline import compile
from running import entered
from test_kernels import agree

TAIL = """
fn descend(x: Float, v: Float, k: Float, n: Int) -> Float =
  if n == 0 { x } else { descend(x + 0.01 * v, v - 0.01 * k * x, k, n - 1) }
fn two(n: Int, s: Float, w: Float[k]) -> Float {
  if n <= 0 { return s + w[0] }
  let r = if n % 2 == 0 { 3 } else { 1 }
  if s > 20.0 { return two(n - r, s * 0.5 + w[n % k], w) }
  two(n - 1, s + float(n) * w[1], w)
}
let a = descend(1.0, 0.0, 1.3, 50)
let b = grad(descend, wrt = (x, k))(1.0, 0.2, 1.3, 20)
let c = [two(n, 0.5, [1.0, 2.0, 0.5]) for n in -1..20]
let d = grad(two, wrt = w)(17, 0.5, [1.0, 2.0, 0.5])
"""

LINEAR = """
fn horner(c: Float[k], x: Float, i: Int) -> Float = if i == k { 0.0 } else { c[i] + x * horner(c, x, i + 1) }
fn total(c: Float[k], xs: Float[n]) -> Float = sum(horner(c, x, 0) for x in xs)
fn pair(n: Int, x: Float) -> (Float, Int) {
  if n == 0 { return (x, 0) }
  let y = x * 0.5 + 1.0
  let (z, count) = pair(n - 1, y)
  if z > x { (z * y, count + 1) } else { (z - y, count) }
}
fn power(x: Float, n: Int) -> Float = if n == 0 { 1.0 } else { x * power(x, n - 1) }
let a = total([1.0, 2.0, -0.5, 0.25], [0.5, 1.5, -2.0])
let b = grad(total, wrt = (c, xs))([1.0, 2.0, -0.5, 0.25], [0.5, 1.5, -2.0])
let c = pair(7, 0.3)
let d = [power(1.1, n) for n in 0..6]
let e = grad(power, wrt = x)(1.1, 5)
let f = grad(grad(power, wrt = x), wrt = x)(1.1, 5)
"""

OTHER = """
fn fib(n: Int) -> Int = if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
fn over(x: Float[n]) -> Float = if n == 0 { 0.0 } else { x[0] + over(x[1..n]) }
fn even(n: Int) -> Bool = if n == 0 { true } else { odd(n - 1) }
fn odd(n: Int) -> Bool = if n == 0 { false } else { even(n - 1) }
fn inner(n: Int) -> Float = if n == 0 { 1.0 } else { sum([inner(n - 1) for i in 0..2]) }
let a = (fib(12), over([1.0, 2.0, 3.0]), even(9), inner(4))
"""


@pytest.mark.parametrize("text", [TAIL, LINEAR, OTHER], ids=["tail", "linear", "other"])
def test_loops_give_what_recursion_gives(text: str) -> None:
    assert not agree(text, 1e-14).fault


FAULTS = {
    "too deep": ("E0610", "fn f(n: Int) -> Int = if n == 0 { 0 } else { f(n + 1) }", "f(1)"),
    "too deep, then work": ("E0610", "fn f(n: Int) -> Int = if n == 0 { 0 } else { 1 + f(n + 1) }", "f(1)"),
    "before a call": (
        "E0601",
        "fn f(x: Float[k], i: Int) -> Float = if i == 5 { 0.0 } else { x[i] * f(x, i + 1) }",
        "f([1.0, 2.0], 0)",
    ),
    "on the way there": (
        "E0601",
        "fn f(x: Float[k], i: Int) -> Float = if i == 5 { 0.0 } else { x[i] * f(x, i + 1) / float(1 // i) }",
        "f([1.0, 2.0], 0)",
    ),
    "on the way back": (
        "E0604",
        "fn f(i: Int) -> Int { if i == 5 { return 1 }\n let r = f(i + 1)\n r + 7 // (i - 2) + 7 // i }",
        "f(0)",
    ),
}


@pytest.mark.parametrize("case", sorted(FAULTS))
def test_the_first_fault_stays_the_first(case: str) -> None:
    code, function, call = FAULTS[case]
    assert agree(f"{function}\nprint({call})\n").fault.startswith(code)


def loops(text: str, label: str) -> bool:
    """Whether a function no longer calls itself."""
    session, entry = entered(text)
    program = compile(session.lowering.program, entry.unit.entry, after="tail", kernels=True)
    found: list[Fn] = [fn for fn in program.fns.values() if fn.label == label]
    return bool(found) and all(fn.name not in calls(fn.body) for fn in found)


def test_what_becomes_a_loop() -> None:
    assert all(loops(TAIL, name) for name in ("descend", "two"))
    assert all(loops(LINEAR, name) for name in ("horner", "pair", "power"))
    assert not any(loops(OTHER, name) for name in ("fib", "over", "inner"))


def test_a_deep_tail_recursion_is_no_deeper_than_the_interpreter_allows() -> None:
    text = "fn f(n: Int, s: Int) -> Int = if n == 0 { s } else { f(n - 1, s + n) }\n"
    assert agree(f"{text}let a = f(199999, 0)\n").values == [199999 * 200000 // 2]
    assert agree(f"{text}let a = f(200000, 0)\n").fault.startswith("E0610")
