"""Plainly written array code costs one loop and no temporaries, and means what it meant."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from core_programs import Generator, arguments
from dplang.core.ir import Build, Fill, Fn, Loop
from dplang.core.rewrite import lets_of
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

    def go() -> Fn:
        session, _ = entered(text)
        program = compile(session.lowering.program, name, kernels=True)
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


def results(text: str) -> tuple[list[Any], list[int]]:
    """What a program comes to without and with the passes for kernels, and the work of both."""

    def go() -> tuple[list[Any], list[int]]:
        session, entry = entered(text)
        found: list[Any] = []
        work: list[int] = []
        for kernels in (False, True):
            program = compile(session.lowering.program, entry.unit.entry, kernels=kernels)
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
    (plain, fused), (before, after) = results(VECTORS + FUSED[name][0])
    assert same(plain, fused)
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
    (plain, fused), _ = results("let k = [i + 1 for i in 0..6]\n" + FAULTS[name])
    assert isinstance(plain, str)
    assert fused == plain


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
    (plain, fused), (before, after) = results(VECTORS + text)
    assert same(plain, fused)
    assert after <= before


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_random_core_means_the_same(first: int) -> None:
    for seed in range(first, first + 10):
        program = Generator(seed).program()
        plain, fused = compile(program, "main"), compile(program, "main", kernels=True)
        verify(fused)
        wanted = outcome(partial(Interpreter(plain).call, "main", arguments(seed)))
        assert same(outcome(partial(Interpreter(fused).call, "main", arguments(seed))), wanted), seed


def generated(seed: int) -> None:
    try:
        (plain, fused), (before, after) = results(generate(seed) + POINT)
    except Fault as fault:  # the judgement may find an inner gradient that is zero everywhere, nothing else
        assert {d.code for d in fault.diagnostics if d.severity == "error"} == {"E0302"}, fault
        return
    # the derivative of the fused program may add the same terms in another order
    assert not isinstance(plain, str) and len(plain) == len(fused)
    for a, b in zip(plain, fused, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
    assert after <= before * 1.001


@pytest.mark.parametrize("seed", range(3))
def test_generated_programs_mean_the_same(seed: int) -> None:
    generated(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 200))
def test_many_generated_programs(seed: int) -> None:
    generated(seed)
