"""The first judgement through the language: which programs may be differentiated, and what is said of the others."""

from __future__ import annotations

import pytest

from conftest import Snapshot
from judging import codes, first, outcome

ACCEPTED = {
    "smooth": "fn f(x: Float) -> Float = sin(x) * x^2\nprint(grad(f)(1.0))",
    "kinked": "fn f(x: Float) -> Float = abs(x) + max(x, 2.0)\nprint(grad(f)(1.0))",
    "severed but unused": "fn f(x: Float) -> Float { let k = int(x); x * x }\nprint(grad(f)(1.0))",
    "severed by another parameter": "fn f(x: Float, y: Float) -> Float = x * floor(y)\nprint(grad(f)(1.0, 2.0))",
    "acknowledged and of no consequence": "fn f(x: Float) -> Float = x * stop(x)\nprint(grad(f)(1.2))",
    "index by another parameter": """
fn f(x: Float[n], t: Float) -> Float = x[int(t)]
print(grad(f)([1.0, 2.0], 1.0))""",
    "index of a write": """
fn f(x: Float, t: Float) -> Float {
  var y = zeros(3)
  y[int(t)] = x * x
  sum(y)
}
print(grad(f)(1.0, 1.0))""",
    "an Int that only counts": """
fn f(x: Float) -> Float {
  var s = 0.0
  for i in 0..5 { s += x * i }
  s
}
print(grad(f)(1.0))""",
    "severed inside a rule of one's own": """
fn hard(x: Float) -> Float = round(x)
derivative hard(x) = 1.0
print(grad((x: Float) -> x * hard(x))(1.2))""",
    "payload of an enum": """
enum Tree { Leaf(Float), Node(Tree, Tree) }
fn value(t: Tree) -> Float = match t { Leaf(v) => v * v, Node(l, r) => value(l) * value(r) }
print(grad(value)(Node(Leaf(2.0), Leaf(3.0))))""",
    "an Int beside a Float in an enum": """
enum E { P(Int, Float) }
fn f(x: Float) -> Float { let e = P(int(stop(x)), x); match e { P(k, v) => v * v } }
print(grad(f)(1.5))""",
    "a guard against what is no number": "print(grad((x: Float) -> if isnan(x) { 0.0 } else { x * 2 })(2.0))",
    "recursion": """
fn pow(x: Float, n: Int) -> Float = if n == 0 { 1.0 } else { x * pow(x, n - 1) }
print(grad(pow)(2.0, 5))""",
    "nested operators": """
fn f(x: Float) -> Float = grad(y -> y^3 * x)(x)
print(grad(f)(1.0))""",
    "a derivative that does not depend": """
fn f(x: Float) -> Float = grad(y -> y + x)(1.0)
print(grad(f)(1.0))""",
}

SEVERED = {
    "floor": "fn f(x: Float) -> Float = x * floor(x)\nprint(grad(f)(1.5))",
    "division": "fn f(x: Float) -> Float = x + x // 2\nprint(grad(f)(1.5))",
    "int": "fn f(x: Float) -> Float = x * int(x)\nprint(grad(f)(1.5))",
    "comparison": "fn f(x: Float) -> Float = x * float(x > 1)\nprint(grad(f)(1.5))",
    "and": "fn f(x: Float) -> Float = x * float(x > 1 and x < 2)\nprint(grad(f)(1.5))",
    "argmax": "fn f(x: Float[n]) -> Float = x[argmax(x)]\nprint(grad(f)([1.5, 2.0]))",
    "index": "fn f(x: Float, a: Float[n]) -> Float = x * a[int(x)]\nprint(grad(f)(1.5, [1.0, 2.0]))",
    "size": "fn f(x: Float) -> Float = x * sum(ones(int(x)))\nprint(grad(f)(1.5))",
    "power": "fn f(x: Float) -> Float = x * 2.0^int(x)\nprint(grad(f)(1.5))",
    "through a call": """
fn bin(t: Float) -> Float = floor(t / 2)
fn f(x: Float) -> Float { let y = x * x; y + bin(y) }
print(grad(f)(1.5))""",
    "an Int through a call": """
fn pick(a: Float[n], k: Int) -> Float = a[k]
fn f(x: Float, a: Float[n]) -> Float = x * pick(a, int(x))
print(grad(f)(1.5, [1.0, 2.0]))""",
    "a field": """
struct P { a: Float, b: Float }
fn f(p: P) -> Float = p.a * round(p.b) + p.b
print(grad(f)(P(1, 2)))""",
    "in a loop": """
fn f(x: Float) -> Float {
  var s = x
  for i in 0..3 { s = s + floor(s) }
  s
}
print(grad(f)(1.5))""",
    "captured": """
fn f(x: Float) -> Float { let g = (y: Float) -> y * floor(x); g(x) }
print(grad(f)(1.5))""",
    "an enum": """
enum E { P(Int, Float) }
fn f(x: Float) -> Float { let e = P(int(x), x); match e { P(k, v) => k * v } }
print(grad(f)(1.5))""",
    "jvp": "print(jvp((x: Float) -> x * floor(x))(1.5, 1.0))",
    "hessian": "print(hessian((v: Float[2]) -> sum(v * v) + floor(v[0]))([1.5, 1.0]))",
}

LIFELESS = {
    "nothing": "print(grad((x: Float) -> 3.0)(1.0))",
    "condition": "fn f(x: Float) -> Float = if x > 1 { 2.0 } else { 3.0 }\nprint(grad(f)(0.5))",
    "count of turns": """
fn f(x: Float) -> Float {
  var s = 1.0
  var t = 0
  while float(t) < stop(x) + 0.0 { t += 1; s = s * 2.0 }
  s
}
fn g(x: Float) -> Float {
  var s = 1.0
  for i in 0..int(x) { s = s * 2.0 }
  s
}
print(grad(g)(2.5))""",
    "beside another": """
fn f(x: Float, c: Float) -> Float = if x > c { x } else { 2 * x }
print(grad(f, wrt = (x, c))(0.5, 1.0))""",
}

WARNED = {
    "branch": ("fn f(x: Float) -> Float = if x > 1 { x } else { x * x + 1 }\nprint(grad(f)(0.5))", "W0301"),
    "remainder": ("fn f(x: Float) -> Float = x % 1\nprint(grad(f)(0.5))", "W0301"),
    "stopped floor": ("fn f(x: Float) -> Float = x - stop(floor(x))\nprint(grad(f)(0.5))", "W0301"),
    "trip count": (
        """
fn f(x: Float) -> Float {
  var y = x
  while y > 1 { y = y / 2 }
  y
}
print(grad(f)(5.0))""",
        "W0301",
    ),
    "counter in branches": (
        """
fn f(x: Float) -> Float {
  var k = 1
  if x > 1 { k = 2 }
  x * k
}
print(grad(f)(5.0))""",
        "W0301",
    ),
    "second derivative of a kink": ("print(grad(grad((x: Float) -> relu(x) * x))(0.5))", "W0301"),
    "unused leaf": (
        "struct P { a: Float, b: Float }\nfn f(p: P) -> Float = p.a^2\nprint(grad(f)(P(1, 2)))",
        "W0302",
    ),
    "nested constant": (
        "fn f(x: Float) -> Float = x * x + grad((y: Float) -> 3.0)(x)\nprint(grad(f)(1.0))",
        "W0302",
    ),
    "equality": ("fn f(x: Float) -> Float = if x == 0 { 1.0 } else { sin(x) / x }\nprint(grad(f)(0.5))", "W0303"),
    "draw": (
        """
import random
fn f(p: Float) -> Float = if random.uniform(key(1)) < p { 2 * p } else { p }
print(grad(f)(0.5))""",
        "W0304",
    ),
}

KEPT = {
    "polynomial": "smooth fn f(x: Float) -> Float = x^3 - 2 * x",
    "square plus positive": "smooth fn f(x: Float, y: Float) -> Float = sqrt(x^2 + y * y + 0.01)",
    "exponential": "smooth fn f(x: Float) -> Float = log(1 + exp(x)) + 1 / (1 + exp(-x))",
    "condition": "lipschitz fn f(x: Float) -> Float = x + abs(x)",
    "constraint": "struct P { a: Float > 0 }\nsmooth fn f(p: P) -> Float = log(p.a)",
    "kink kept off": "smooth fn f(x: Float) -> Float = abs(x^2 + 1)",
    "assertion": "smooth fn f(x: Float) -> Float { assert x > 0.5; log(x) }",
    "through a call": "fn g(y: Float) -> Float = log(y)\nsmooth fn f(x: Float) -> Float = g(exp(x))",
    "sum": "smooth fn f(x: Float[n]) -> Float = sqrt(1 + sum(e^2 for e in x))",
}

BROKEN = {
    "root": "smooth fn f(x: Float) -> Float = sqrt(x)",
    "quotient": "lipschitz fn f(x: Float) -> Float = 1 / x",
    "logarithm": "lipschitz fn f(x: Float) -> Float = log(x^2)",
    "kink": "smooth fn f(x: Float) -> Float = abs(x)",
    "branch": "lipschitz fn f(x: Float) -> Float = if x > 0 { x } else { 1 - x }",
    "severed": "lipschitz fn f(x: Float) -> Float = x * stop(floor(x))",
    "through a call": "fn g(y: Float) -> Float = log(y)\nsmooth fn f(x: Float) -> Float = g(x)",
    "power": "smooth fn f(x: Float, y: Float) -> Float = x^y",
    "in recursion": """
smooth fn f(x: Float, n: Int) -> Float = if n == 0 { log(x) } else { f(x - 1, n - 1) }""",
}


def differentiation(text: str) -> list[str]:
    return [c for c in codes(text) if c[1:3] == "03"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert differentiation(ACCEPTED[name]) == []


@pytest.mark.parametrize("name", SEVERED)
def test_severed(name: str) -> None:
    assert "E0301" in differentiation(SEVERED[name])


@pytest.mark.parametrize("name", LIFELESS)
def test_no_live_path(name: str) -> None:
    assert [c for c in differentiation(LIFELESS[name]) if c[0] == "E"] == ["E0302"]


@pytest.mark.parametrize("name", WARNED)
def test_warned(name: str) -> None:
    text, code = WARNED[name]
    assert differentiation(text) == [code]


@pytest.mark.parametrize("name", KEPT)
def test_contract_kept(name: str) -> None:
    assert differentiation(KEPT[name]) == []


@pytest.mark.parametrize("name", BROKEN)
def test_contract_broken(name: str) -> None:
    assert differentiation(BROKEN[name]) == ["E0303"]


def test_training_demands_every_leaf() -> None:
    text = """
struct Line { a: Float, b: Float }
let fit = train w = Line(a = 1, b = 0) { minimize (w.a - 3)^2  steps 10 }
"""
    found = first(text, "E0304")
    assert found.sentence() == "`w.b` cannot be learned: the objective does not depend on it"


def test_one_mistake_is_told_once() -> None:
    text = """
fn f(x: Float) -> Float = x * floor(x)
print(grad(f)(1.5), grad(f)(2.5), value_and_grad(f)(1.0))
"""
    assert differentiation(text) == ["E0301"]


def test_instances_of_a_generic_function_tell_once() -> None:
    text = """
fn f[T](x: Float, t: T) -> Float = x * floor(x)
print(grad((x: Float) -> f(x, 1))(1.5), grad((x: Float) -> f(x, true))(1.5))
"""
    assert differentiation(text) == ["E0301"]


def test_the_path_is_told() -> None:
    text = """
fn bin(t: Float) -> Float = floor(t / 2)
fn f(x: Float) -> Float {
  let y = x * x
  let k = bin(y)
  y + k
}
print(grad(f)(1.5))
"""
    found = first(text, "E0301")
    told = [(n.text, n.span.text if n.span else "") for n in found.notes()]
    assert found.span.text == "grad(f)(1.5)"
    assert told[0] == ("starts at the parameter `x`", "x")
    assert told[1:] == [
        ("goes into `x * x`", "x * x"),
        ("is passed to `bin`", "bin(y)"),
        ("is cut off by `floor`", "floor(t / 2)"),
        ("goes into `y + k`", "y + k"),
        ("`floor` is constant between its jumps, so its derivative is zero wherever there is one", ""),
    ]


def test_cycle_through_an_operator() -> None:
    text = """
fn f(x: Float, n: Int) -> Float = if n == 0 { x * x } else { grad((y: Float) -> f(y, n - 1))(x) }
print(f(1.0, 3))
"""
    assert differentiation(text) == ["E0305"]


def test_snapshots_of_errors(snapshot: Snapshot) -> None:
    snapshot.run("differentiation/errors.txt", outcome)
