"""Cost laws: a gradient touches a small constant times the scalars of its primal, at every size.

The interpreter counts: a scalar operation is one, an array operation, fill or copy as many as it has elements.
"""

from __future__ import annotations

import pytest

from running import touched

LIMIT = 12.0
"""Scalars touched by value and gradient together, over those of the value alone. Linear programs in the
interpreter's count stay below it at every size; anything that copies an array a turn is thousands."""

PROGRAMS = {
    "element writes": """
fn f(x: Float[n]) -> Float {
  var y = x
  for i in 1..n { y[i] = y[i] + 0.5 * sin(y[i - 1]) }
  y[n - 1] + y[n // 2]
}
""",
    "writes in branches": """
fn f(x: Float[n]) -> Float {
  var y = x
  for i in 1..n {
    if i % 3 == 0 { y[i] = y[i - 1] * y[i] } else if y[i] > 0.5 { y[i // 2] += sin(y[i]) }
  }
  sum(y)
}
""",
    "nested loops": """
fn f(x: Float[n]) -> Float {
  var y = x
  for i in 1..n { for k in 0..3 { y[i] = tanh(y[i] * y[i - 1] + k) } }
  y[n - 1]
}
""",
    "triangular loop": """
fn f(x: Float[n]) -> Float {
  var s = 0.0
  for i in 0..n // 20 { for k in i - min(i, 5)..i { s = 0.9 * s + sin(s * x[k]) } }
  s
}
""",
    "recursive helper over slices": """
fn halve(a: Float[m]) -> Float = if m <= 1 { sin(a[0]) } else { halve(a[0..m // 2]) * 0.9 + halve(a[m // 2..m]) }
fn f(x: Float[n]) -> Float = halve(x)
""",
    "recursive helper with an index": """
fn walk(a: Float[m], lo: Int, hi: Int) -> Float =
  if hi - lo <= 1 { a[lo] * a[lo] } else { walk(a, lo, (lo + hi) // 2) + sin(walk(a, (lo + hi) // 2, hi)) }
fn f(x: Float[n]) -> Float = walk(x, 0, n)
""",
    "recursive helper in a writing loop": """
fn climb(a: Float[m], i: Int) -> Float = if i <= 0 { a[0] } else { sin(a[i]) + climb(a, i // 2) }
fn f(x: Float[n]) -> Float {
  var y = x
  for i in 1..n { y[i] = 0.5 * climb(y, i) }
  y[n - 1]
}
""",
    "recursive helper that writes": """
fn sweep(a: Float[m], lo: Int, hi: Int) -> Float[m] {
  var b = a
  if hi - lo <= 1 { b[lo] = sin(b[lo]) * b[lo // 2] }
  else {
    b = sweep(b, lo, (lo + hi) // 2)
    b = sweep(b, (lo + hi) // 2, hi)
  }
  b
}
fn f(x: Float[n]) -> Float = sum(sweep(x, 0, n))
""",
    "rows": """
fn at(row: Float[k], j: Int) -> Float = if j <= 0 { row[0] } else { row[j] * at(row, j - 2) }
fn f(x: Float[n]) -> Float {
  let m = reshape(x, n // 10, 10)
  var s = 0.0
  for i in 0..n // 10 { s = sin(s) + at(m[i], 3) }
  s
}
""",
    "struct of arrays": """
struct State[n] { pos: Float[n], vel: Float[n] }
fn f(x: Float[n]) -> Float {
  var s = State(pos = x, vel = zeros(n))
  for i in 1..n {
    s.vel[i] -= 0.1 * sin(s.pos[i - 1])
    s.pos[i] += s.vel[i]
  }
  sum(s.pos)
}
""",
    "array of structs": """
struct Cell { pos: Float, vel: Float }
fn f(x: Float[n]) -> Float {
  var c = [Cell(pos = x[i], vel = 0) for i in 0..n]
  for i in 1..n {
    c[i].vel -= 0.1 * sin(c[i - 1].pos)
    c[i].pos += c[i].vel
  }
  sum(c.pos)
}
""",
    "while": """
fn f(x: Float[n]) -> Float {
  var i = 0
  var s = 0.1
  while i < n and s < 100 { s = s + sin(s * x[i])
    i += 1 }
  s
}
""",
    "push": """
fn f(x: Float[n]) -> Float {
  var y: Float[?] = []
  for e in x { if e > 0.2 { y = concat(y, [sin(e)]) } }
  sum(e * e for e in y)
}
""",
    "maps and reductions": """
fn f(x: Float[n]) -> Float =
  logsumexp(sin(e) for e in x) + max(x) + mean((x - 0.5)^2) + prod(0.5 + tanh(e)^2 for e in x)
""",
    "old version of an array that is rarely replaced": """
fn f(x: Float[n]) -> Float {
  var y = x
  var s = 0.0
  for i in 0..n {
    let old = y
    y = if 4 * i % n < 4 { [0.9 * v for v in y] } else { y }
    s += y[i] * old[(i + 1) % n]
  }
  s
}
""",
    "arrays chosen by a branch": """
fn f(x: Float[n]) -> Float {
  let a = 2 * x
  let b = sin(x)
  var s = 0.0
  for i in 0..n {
    let w = if i % 2 == 0 { a } else { b }
    s += w[i] * w[0]
  }
  s
}
""",
}

SIZES = (1000, 4000)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradient_costs_a_constant_times_its_primal(name: str) -> None:
    check(name, SIZES)


@pytest.mark.long
@pytest.mark.parametrize("name", PROGRAMS)
def test_gradient_costs_a_constant_times_its_primal_at_large_sizes(name: str) -> None:
    check(name, (1000, 10_000, 100_000))


def check(name: str, sizes: tuple[int, ...]) -> None:
    ratios = []
    for n in sizes:
        text = PROGRAMS[name] + f"let x = [0.1 + 0.5 * sin(float(i)) for i in 0..{n}]\n"
        setup = touched(text)
        primal = touched(text + "let r = f(x)\n") - setup
        both = touched(text + "let r = value_and_grad(f)(x)\n") - setup
        assert primal > 0
        ratios.append(both / primal)
    assert max(ratios) < LIMIT, ratios
    assert ratios[-1] < 1.3 * ratios[0], f"grows with the size: {ratios}"


def test_a_loop_that_breaks_costs_the_turns_it_makes() -> None:
    text = """
fn f(x: Float) -> Float {
  var s = x
  for i in 0..1000000000 {
    if i == 10 { break }
    s = sin(s) + x
  }
  s
}
"""
    assert touched(text + "let r = grad(f)(0.5)\n") < 1500


def test_queries_of_a_tree_cost_their_depth() -> None:
    text = """
enum Tree { Leaf(Float), Node(Tree, Tree) }
fn build(levels: Int, low: Float) -> Tree =
  if levels == 0 { Leaf(low) } else { Node(build(levels - 1, 0.9 * low), build(levels - 1, low + 0.01)) }
fn query(t: Tree, path: Int) -> Float = match t {
  Leaf(v) => sin(v)
  Node(l, r) => if path % 2 == 0 { query(l, path // 2) } else { query(r, path // 2) }
}
fn f(t: Tree) -> Float {
  var s = 0.0
  for q in 0..QUERIES { s += query(t, 37 * q) }
  s
}
let tree = build(LEVELS, 0.3)
"""

    def cost(levels: int, queries: int) -> int:
        program = text.replace("LEVELS", str(levels)).replace("QUERIES", str(queries))
        return touched(program + "let r = grad(f)(tree)\n") - touched(program)

    leaves = cost(13, 1)
    assert cost(13, 1000) - leaves < 1000 * 13 * 40
    assert leaves < 2**14 * 20
