"""Loops that are judged free of order give the same backwards, in programs and in their derivatives."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dplang.analyse.access import Indices
from dplang.analyse.parallel import verdicts, with_io
from dplang.analyse.uses import Body, Uses
from dplang.core.build import Names
from dplang.core.ir import INT, Block, Carry, Fn, Let, Lit, Loop, Prim, Program
from dplang.core.rewrite import all_names, map_value, substitute
from dplang.interpret.evaluate import Interpreter
from dplang.stack import deep
from programs import generate
from running import entered

TEXTS = {
    "own elements": """
fn f(x: Float[n]) -> Float {
  var y = x
  for i in 0..n { y[i] = sin(y[i]) * x[n - 1 - i] }
  sum(y * x)
}""",
    "strided": """
fn f(x: Float[n]) -> Float {
  var y = x
  for i in 0..n // 2 { y[2 * i] = y[2 * i + 1] * x[i] }
  sum(y * y)
}""",
    "rows": """
fn f(x: Float[n]) -> Float {
  var y = [x[i] * j for i in 0..n, j in 0..3]
  for i in 0..n { for j in 1..3 { y[i, j] = y[i, j - 1] * x[i] + y[i, j] } }
  sum(y)
}""",
    "flattened": """
fn f(x: Float[n]) -> Float {
  var y = zeros(3 * n)
  for i in 0..n { for j in 0..3 { y[3 * i + j] = x[i] * j } }
  sum(y * y)
}""",
    "histogram": """
fn f(x: Float[n]) -> Float {
  var h = zeros(3)
  for i in 0..n { h[i * i % 3] += x[i] * x[i] }
  h[0] * h[1] + h[2]
}""",
    "reductions": """
fn f(x: Float[n]) -> Float {
  var s = 0.0
  var m = -inf
  for i in 0..n {
    if x[i] > 0 { s += x[i] * x[0] }
    m = max(m, x[i] * x[(i + 1) % n])
  }
  s * m
}""",
    "in order": """
fn f(x: Float[n]) -> Float {
  var y = x
  for i in 1..n { y[i] = y[i] * y[i - 1] }
  sum(y)
}""",
    "slices": """
fn f(x: Float[n]) -> Float {
  var y = concat(x, x)
  for i in 0..n { y[2 * i..2 * i + 2] = [x[i], y[2 * i] * x[i]] }
  sum(y * y)
}""",
}
POINT = "\nlet v = [0.4, -0.3, 0.8, 0.1, 1.3]\nlet value = f(v)\nlet slope = grad(f)(v)\n"


class Backwards:
    """A program in which loops whose order does not matter run from their last turn to their first."""

    def __init__(self, program: Program) -> None:
        self.turned = 0
        self.io = with_io(program)
        self.program = replace(program, fns={name: self.function(fn) for name, fn in program.fns.items()})

    def function(self, fn: Fn) -> Fn:
        self.indices = Indices(fn)
        self.names: Names = all_names(fn)
        self.free = {id(let.value) for let, verdict in verdicts(fn, self.io) if verdict.kind != "sequential"}
        return replace(fn, body=self.block(fn.body))

    def block(self, block: Block) -> Block:
        return Block(tuple(Let(let.names, self.value(let), let.span, let.role) for let in block.lets), block.results)

    def value(self, let: Let) -> Any:
        node = let.value
        free = isinstance(node, Loop) and id(node) in self.free and self.plain(node)
        made = map_value(node, lambda o: o, lambda params, inner: (params, self.block(inner)))
        if not free:
            return made
        assert isinstance(made, Loop)
        self.turned += 1
        back, end, last = (self.names.fresh(n, INT) for n in ("back", "end", "last"))
        turn = self.names.fresh("turn", INT)
        lets = (
            Let((end,), Prim("+", (made.low, made.high)), let.span),
            Let((last,), Prim("-", (end, back)), let.span),
            Let((turn,), Prim("+", (last, Lit(-1, INT))), let.span),
        )
        body = substitute(made.body, {made.index.name: turn})
        return replace(made, index=back, body=Block((*lets, *body.lets), body.results))

    def plain(self, node: Loop) -> bool:
        """Whether all it gives is carried, and nothing private (the last turn's stays) or counted on the way."""
        if not all(isinstance(r, Carry) for r in node.results):
            return False
        return not any(self.private(node, k) for k in range(len(node.results)))

    def private(self, node: Loop, k: int) -> bool:
        r = node.results[k]
        assert isinstance(r, Carry)
        return r.param.name in self.indices.forms or Uses(Body(node, self.indices), k).replaced


def results(program: Program, entry: str) -> tuple[Any, ...]:
    return Interpreter(program, out=io.StringIO()).call(entry, ())


def close(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and a.dtype == np.float64:
        return bool(np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True))
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
    return bool(np.all(a == b))


def turned(text: str) -> int:
    """Runs the program and its derivatives both ways; how many loops went backwards."""

    def go() -> int:
        session, entry = entered(text)
        program = session.derived(entry)
        backwards = Backwards(program)
        forth, back = results(program, entry.unit.entry), results(backwards.program, entry.unit.entry)
        assert all(map(close, forth, back)), text
        return backwards.turned

    return deep(go)


@pytest.mark.parametrize("name", TEXTS)
def test_backwards(name: str) -> None:
    assert (turned(TEXTS[name] + POINT) > 0) == (name != "in order")


SEEDS = [*range(12), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(12, 200))]


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_backwards(seed: int) -> None:
    point = "(0.7, [0.4, -0.3, 0.8, 0.1], S(a = 0.9, b = -0.5, k = 2))"
    turned(f"{generate(seed)}\nlet value = f{point}\nlet (gx, gv, gs) = grad(f, wrt = (x, v, s)){point}\n")
