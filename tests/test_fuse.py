"""Plainly written array code costs one loop and no temporaries, and means what it meant."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from core_programs import Generator, arguments
from dplang.core.ir import Block, Build, Carry, Fill, Fn, Loop, Prim, While
from dplang.core.rewrite import blocks, lets_of
from dplang.core.verify import verify
from dplang.errors.diagnostic import Fault
from dplang.interpret.evaluate import Interpreter
from dplang.pipeline import compile
from dplang.stack import deep
from programs import generate
from running import entered
from test_generated import POINT
from test_interpret import outcome, same


def optimised(text: str, name: str) -> Fn:
    """A function of a program on the way to kernels."""
    return compiled(text, name, True)


def plain(text: str, name: str) -> Fn:
    """A function of a program as it is interpreted."""
    return compiled(text, name, False)


def compiled(text: str, name: str, kernels: bool, exact: bool = True) -> Fn:
    def go() -> Fn:
        session, _ = entered(text)
        program = compile(session.lowering.program, name, kernels=kernels, exact=exact)
        verify(program)
        return program.fns[name]

    return deep(go)


@dataclass
class Shape:
    """What a function is made of: its loops, and the arrays that are allocated."""

    loops: int
    arrays: int


def shape(fn: Fn) -> Shape:
    lets = list(lets_of(fn.body))
    loops = [let.value for let in lets if isinstance(let.value, Loop)]
    built = sum(isinstance(r, Build) for loop in loops for r in loop.results)
    return Shape(len(loops), built + sum(isinstance(let.value, Fill) for let in lets))


VECTORS = "let ts = [0.1 * float(i) for i in 0..40]\nlet ys = [0.3 * t + 1.0 for t in ts]\n"

FUSED = {
    "temporaries of a sum": (
        "fn f(a: Float, x: Float[n]) -> Float {\n let t = a * x + 1.0\n sum(exp(t))\n}\nprint(f(0.5, ts))\n",
        1, 0,
    ),
    "a loss in steps": (
        "fn line(w: Float[2], t: Float[n]) -> Float[n] = w[0] * t + w[1]\n"
        "fn f(w: Float[2]) -> Float {\n let p = line(w, ts)\n let r = p - ys\n mean(r^2)\n}\nprint(f([1.0, 2.0]))\n",
        1, 0,
    ),
    "two sums": (
        "fn f(x: Float[n]) -> Float {\n let a = sum(x)\n let b = sum(x^2)\n a / b\n}\nprint(f(ts))\n",
        1, 0,
    ),
    "cheap elements, read twice": (
        "fn f(x: Float[n]) -> Float {\n let d = x - 1.0\n let m = mean(d)\n sum((d - m)^2)\n}\nprint(f(ts))\n",
        2, 0,
    ),
    "costly elements, read twice": (
        "fn f(x: Float[n]) -> Float[n] {\n let e = exp(x - max(x))\n e / sum(e)\n}\nprint(f(ts))\n",
        3, 2,
    ),
    "a stencil of a temporary": (
        "fn f(x: Float[n]) -> Float {\n let y = 2.0 * x\n var s = 0.0\n"
        " for i in 0..n - 1 { s += y[i + 1] - y[i] }\n s\n}\n"
        "print(f(ts))\n",
        1, 0,
    ),
    "rows": (
        "fn f(a: Float[n, m]) -> Float {\n let e = [[exp(x) for x in r] for r in a]\n sum([sum(r) for r in e])\n}\n"
        "print(f([[1.0, 2.0], [3.0, 4.0]]))\n",
        2, 0,
    ),
    "sizes compared while it runs": (
        "fn f(x: Float[n], y: Float[m]) -> Float {\n let e = exp(x)\n let z = y as Float[n]\n sum(e * z)\n}\n"
        "print(f(ts, ys))\n",
        1, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FUSED))
def test_one_loop_and_no_temporaries(name: str) -> None:
    text, loops, arrays = FUSED[name]
    assert shape(optimised(VECTORS + text, "f")) == Shape(loops, arrays)


def results(text: str, exact: bool = True) -> tuple[list[Any], list[int]]:
    """What a program comes to without and with the passes for kernels, and the work of both."""

    def go() -> tuple[list[Any], list[int]]:
        session, entry = entered(text)
        found: list[Any] = []
        work: list[int] = []
        for kernels in (False, True):
            program = compile(session.lowering.program, entry.unit.entry, kernels=kernels, exact=exact)
            verify(program)
            interpreter = Interpreter(program, count=True, out=io.StringIO())
            try:
                found.append(interpreter.call(entry.unit.entry, ()))
            except Fault as fault:
                found.append("\n".join(f"{d.code} {d.span.line} {d.sentence()}" for d in fault.diagnostics))
            work.append(interpreter.touched)
        return found, work

    return deep(go)


@pytest.mark.parametrize("name", sorted(FUSED))
def test_values_are_the_same(name: str) -> None:
    (wanted, fused), (before, after) = results(VECTORS + FUSED[name][0])
    assert same(wanted, fused)
    assert after <= before


FAULTS = {
    "of the producer": "let a = [1 // (x - 3) for x in k]\nlet b = [float(x) for x in a]\nprint(sum(b))\n",
    "of the consumer": "let a = [x * 2 for x in k]\nlet b = [1 // (x - 6) for x in a]\nprint(sum(b))\n",
    "of both, the producer first": (
        "let a = [1 // (x - 5) for x in k]\nlet b = [if x >= 0 { 1 // x } else { 0 } for x in a]\nprint(sum(b))\n"
    ),
    "between": (
        "let a = [x * 2 for x in k]\nassert k[0] > 5, \"small\"\nlet b = [1 // (x - 6) for x in a]\nprint(sum(b))\n"
    ),
    "of an index": "let a = [x * 2 for x in k]\nlet b = [a[x] for x in k]\nprint(sum(b))\n",
    "of an index into a row": (
        "let a = [[exp(float(x + y)) for y in k] for x in k]\nlet b = [a[i, k[i]] for i in 0..len(k)]\nprint(sum(b))\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_faults_are_the_same(name: str) -> None:
    (wanted, fused), _ = results("let k = [i + 1 for i in 0..6]\n" + FAULTS[name])
    assert isinstance(wanted, str)
    assert fused == wanted


DERIVED = {
    "a loss": (
        "fn f(w: Float[d], x: Float[n, d], y: Float[n]) -> Float {\n let p = sigmoid(x @ w)\n let q = log(p)\n"
        " sum(y * q)\n}\nfn g(w: Float[d], x: Float[n, d], y: Float[n]) -> Float[d] = grad(f)(w, x, y)\n"
        "print(g([0.1, 0.2], [[t, 1.0] for t in ts], ys))\n",
        1, 1,
    ),
    "an accumulator of rows": (
        "fn f(c: Float[k, d], x: Float[n, d]) -> Float = sum([min([sum((p - q)^2) for q in c]) for p in x])\n"
        "fn g(c: Float[k, d], x: Float[n, d]) -> Float[k, d] = grad(f)(c, x)\n"
        "print(g([[t, 1.0, t * t] for t in ts], [[t, 2.0, t] for t in ys]))\n",
        5, 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_gradients_make_no_temporaries(name: str) -> None:
    text, loops, arrays = DERIVED[name]
    assert shape(optimised(VECTORS + text, "g")) == Shape(loops, arrays)
    (wanted, fused), (before, after) = results(VECTORS + text)
    assert same(wanted, fused)
    assert after <= before


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_random_core_means_the_same(first: int) -> None:
    for seed in range(first, first + 10):
        program = Generator(seed).program()
        before, fused = compile(program, "main"), compile(program, "main", kernels=True)
        verify(fused)
        wanted = outcome(partial(Interpreter(before).call, "main", arguments(seed)))
        assert same(outcome(partial(Interpreter(fused).call, "main", arguments(seed))), wanted), seed


def generated(seed: int) -> None:
    try:
        (wanted, fused), (before, after) = results(generate(seed) + POINT)
    except Fault as fault:  # the judgement may find an inner gradient that is zero everywhere, nothing else
        assert {d.code for d in fault.diagnostics if d.severity == "error"} == {"E0302"}, fault
        return
    # the derivative of the fused program may add the same terms in another order
    assert not isinstance(wanted, str) and len(wanted) == len(fused)
    for a, b in zip(wanted, fused, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
    assert after <= before * 1.001


@pytest.mark.parametrize("seed", range(3))
def test_generated_programs_mean_the_same(seed: int) -> None:
    generated(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 200))
def test_many_generated_programs(seed: int) -> None:
    generated(seed)


INVARIANT = {
    "a costly function": (
        "fn f(a: Float, x: Float[n]) -> Float {\n var s = 0.0\n for i in 0..n { s = s * x[i] + exp(a * 2.0) }\n s\n}\n"
        "print(f(0.5, ts))\n",
        "exp",
    ),
    "a costly function of an outer turn": (
        "fn f(x: Float[n], y: Float[m]) -> Float {\n var s = 0.0\n"
        " for i in 0..n { for j in 0..m { s = s * 0.5 + exp(x[i]) * y[j] } }\n s\n}\nprint(f(ts, ys))\n",
        "exp",
    ),
    "an array of rows": (
        "fn f(w: Float[k, d], x: Float[n]) -> Float {\n var s = 0.0\n for t in 0..k {\n"
        "  let e = [[exp(v) for v in r] for r in w]\n  for i in 0..n { s = s * 0.5 + sum(e[t] * x[i]) }\n }\n s\n}\n"
        "print(f([[t, 1.0] for t in ts], ys))\n",
        "exp",
    ),
    "what a while computes again": (
        "fn f(x: Float, n: Int) -> Float {\n var s = x\n"
        " while s < 10.0 { s = s * 1.1 + sum([exp(x * float(k)) for k in 0..n]) }\n s\n}\nprint(f(-1.0, 5))\n",
        "exp",
    ),
}


@pytest.mark.parametrize("name", sorted(INVARIANT))
def test_invariants_leave_their_loops(name: str) -> None:
    text, op = INVARIANT[name]
    fn = optimised(VECTORS + text, "f")
    assert depth(fn.body, op) < depth(plain(VECTORS + text, "f").body, op)
    (wanted, found), (before, after) = results(VECTORS + text)
    assert same(wanted, found)
    assert after < before


TABLES = {
    "of two inner loops": (
        "fn f(w: Float[k, d], x: Float[n, d]) -> Float {\n var s = 0.0\n"
        " for p in 0..n { for c in 0..k { for i in 0..d { s = s * 0.5 + exp(w[c, i]) * x[p, i] } } }\n s\n}\n"
        "let w = [[t, 1.0 - t] for t in ts]\nlet r = f(w, w)\nlet g = grad(f)(w, w)\n",
        2,
    ),
    "once for equal expressions": (
        "fn f(w: Float[k], x: Float[n]) -> Float {\n var s = 0.0\n for p in x {\n"
        "  for i in 0..k { s = s * 0.5 + exp(2.0 * w[i]) * p }\n"
        "  for i in 0..k { s = s * p + exp(2.0 * w[i]) }\n }\n s\n}\nlet r = f(ts, ys)\n",
        1,
    ),
    "in a loop that may have no turn": (
        "fn f(w: Float[k], x: Float) -> Float {\n var s = x\n"
        " while s < 3.0 { for i in 2..k { s = s + 0.002 + 1e-3 * sin(w[i - 2] + w[i]) } }\n s\n}\n"
        "let r = (f(ts, 0.0), f(ts, 9.0))\n",
        1,
    ),
    "of places read from an array": (
        "fn f(w: Float[k], at: Int[n], x: Float[m]) -> Float {\n var s = 0.0\n"
        " for p in x { for i in 0..n { s = s * 0.5 + exp(w[at[i]]) * p } }\n s\n}\n"
        "let r = f(ts, [3, 1, 2], ys)\n",
        1,
    ),
    "in one of another outer loop": (
        "fn f(w: Float[k], x: Float[n]) -> Float {\n var s = 0.0\n"
        " for p in x { for q in 0..n { for i in 0..k { s = s * 0.5 + log(1.0 + p^2 + exp(w[i])) } } }\n s\n}\n"
        "let r = f(ts, ys)\nlet g = grad(f)(ts, ys)\n",
        1,
    ),
    "of turns that do not begin at none": (
        "fn f(w: Float[k], x: Float[n]) -> Float {\n var s = 0.0\n"
        " for p in x { for i in -3..k - 3 { s = s * 0.5 + exp(w[i + 3] * float(i)) * p } }\n s\n}\n"
        "let r = f(ts, ys)\nlet g = grad(f)(ts, ys)\n",
        1,
    ),
    "with rows and slices": (
        "fn f(w: Float[k, d], x: Float[n], m: Int) -> Float {\n var s = 0.0\n for p in x { for row in w {\n"
        "  let part = row[1..m]\n  for i in 0..m - 1 { s = s * 0.5 + exp(part[i]) * p }\n } }\n s\n}\n"
        "let w = [[t, 1.0 - t, 2.0] for t in ts]\nlet r = f(w, ys, 3)\n",
        2,
    ),
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_tables_of_what_an_outer_loop_computes_again(name: str) -> None:
    text, below = TABLES[name]
    op = "sin" if "sin(" in text else "exp"
    made = optimised(VECTORS + text, "f")
    assert depth(made.body, op) == below < depth(plain(VECTORS + text, "f").body, op)
    assert sum(isinstance(let.value, Prim) and let.value.op == op for let in lets_of(made.body)) == 1
    (wanted, found), (before, after) = results(VECTORS + text)
    assert same(wanted, found)
    assert after < before


NO_TABLES = {
    "in a branch": "for p in x { for i in 0..n { if p > 0.5 { s = s * 0.5 + exp(x[i]) } } }",
    "of what changes": "for p in x { for i in 0..n { s = s * p + exp(x[i] * s) } }",
    "of the outer turn": "for p in x { for i in 0..n { s = s * p + exp(x[i] * p) } }",
    "of few turns": "for p in 0..2 { for i in 0..n { s = s * 0.5 + exp(x[i]) } }",
    "of a range that changes": "for p in 0..n { for i in p..n { s = s * 0.5 + exp(x[i]) } }",
    "of what is cheap": "for p in x { for i in 0..n { s = s * p + 2.0 * x[i] } }",
}


@pytest.mark.parametrize("name", sorted(NO_TABLES))
def test_no_tables(name: str) -> None:
    text = f"fn f(x: Float[n]) -> Float {{\n var s = 0.0\n {NO_TABLES[name]}\n s\n}}\nprint(f(ts))\n"
    assert shape(optimised(VECTORS + text, "f")).arrays == 0


FAULTY = {
    "an index too large": ("of places read from an array", "f(ts, [0, 41, 2], ys)", True),
    "an index too small": ("of places read from an array", "f(ts, [-1], ys)", True),
    "an index in no turn": ("of places read from an array", "f(ts, [0, 41], [])", False),
    "a slice too long": ("with rows and slices", "f([[1.0, 2.0]], ys, 3)", True),
    "a slice too long in no turn": ("with rows and slices", "f([[1.0, 2.0]], [], 3)", False),
}


@pytest.mark.parametrize("name", sorted(FAULTY))
def test_what_tables_read_faults_in_its_turn(name: str) -> None:
    program, call, faults = FAULTY[name]
    function, _, _ = TABLES[program][0].partition("}\nlet")
    (wanted, found), _ = results(f"{VECTORS}{function}}}\nlet r = {call}\n")
    assert isinstance(wanted, str) == faults
    assert wanted == found if faults else same(wanted, found)


def depth(block: Block, op: str) -> int:
    """In how many loops, one in another, a primitive stands."""
    found = -1
    for let in block.lets:
        if isinstance(let.value, Prim) and let.value.op == op:
            found = max(found, 0)
        for _, inner in blocks(let.value):
            below = depth(inner, op)
            if below >= 0:
                found = max(found, below + isinstance(let.value, Loop | While))
    return found


def test_what_a_loop_without_turns_would_read_is_not_read() -> None:
    text = "fn f(x: Float[n], k: Int) -> Float {\n var s = 0.0\n for i in 0..k { s += exp(x[k + 5]) }\n s\n}\n"
    (wanted, found), _ = results(text + "print(f([1.0], 0))\nlet r = f([1.0], 0)\n")
    assert wanted == found == (0.0,)


def test_arithmetic_of_numbers_is_done_beforehand() -> None:
    body = "x * (2.0 * 3.0 + 1.0 / 4.0 - float(2)) + (if 1.0 < 2.0 { x } else { 0.0 })"
    fn = optimised(f"fn f(x: Float) -> Float = {body}\nprint(f(1.0))\n", "f")
    assert len(fn.body.lets) == 2
    (wanted, found), _ = results(f"fn f(x: Float) -> Float = {body}\nlet r = f(1.5)\n")
    assert wanted == found == (1.5 * 4.25 + 1.5,)


SUMS = """
fn f(x: Float[n], y: Float[n]) -> Float {
  var s = 0.0
  var total = 1.0
  var c = 3
  for i in 0..n {
    for j in 0..n { s += x[i] * float(c) }
    c += 2
    if x[i] > 0.0 {
      total -= y[i]
      s += 1.0
    }
  }
  s / total + float(c)
}
let p = [0.25, -1.5, 2.0, 0.5, 1.0]
let r = f(p, p)
let g = grad(f)(p, p)
"""


def test_sums_of_open_order_are_reductions_and_counters_expressions() -> None:
    def kinds(exact: bool) -> list[str]:
        fn = compiled(SUMS, "f", True, exact)
        loops = [let.value for let in lets_of(fn.body) if isinstance(let.value, Loop)]
        return [type(r).__name__ for loop in loops for r in loop.results]

    assert kinds(exact=False) == ["Reduce"] * 3
    assert kinds(exact=True) == ["Carry"] * 3
    (wanted, found), _ = results(SUMS, exact=False)
    assert wanted[1] == pytest.approx(found[1], rel=1e-14)
    np.testing.assert_allclose(found[2], wanted[2], rtol=1e-14)


def test_a_sum_that_is_read_stays_in_order() -> None:
    start = "var s = 0.0\n var c = 0.0\n"
    text = start + " for i in 0..n {\n  let y = x[i] - c\n  let t = s + y\n  c = (t - s) - y\n  s = t\n }\n s\n"
    fn = compiled(f"fn f(x: Float[n]) -> Float {{\n {text}}}\nprint(f([1.0, 2.0]))\n", "f", True, False)
    (loop,) = [let.value for let in lets_of(fn.body) if isinstance(let.value, Loop)]
    assert all(isinstance(r, Carry) for r in loop.results)
