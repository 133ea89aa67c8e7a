"""Sums that are products of matrices become `@`, and mean what they meant."""

from __future__ import annotations

import pytest

from dplang.core.ir import Block, Loop, Prim, Reduce, Update
from dplang.core.rewrite import lets_of
from dplang.pipeline import compile
from dplang.stack import deep
from running import entered
from test_kernels import agree

BODIES = {
    "sums": "[sum(a[i, l] * b[l, j] for l in 0..m) for i in 0..n, j in 0..k]",
    "factors the other way": "[sum(b[l, j] * a[i, l] for l in 0..m) for i in 0..n, j in 0..k]",
    "transposed": "[sum(a[i, l] * b[l, j] for l in 0..m) for j in 0..k, i in 0..n]",
    "rows with rows": "[sum(a[i, l] * a[j, l] for l in 0..m) for i in 0..n, j in 0..n]",
    "columns with columns": "[sum(a[l, i] * a[l, j] for l in 0..n) for i in 0..m, j in 0..m]",
    "parts": """{
  let (h, w) = (min(m, 2), min(n, 3))
  [sum(a[i, l] * a[j, l] for l in 0..h) for i in 0..n, j in 0..w]
}""",
    "dots": "[dot(a[i], b[.., j]) for i in 0..n, j in 0..k]",
    "rows": "[row @ b for row in a]",
}
LOOPS = """
fn f(a: Float[n, m], b: Float[m, k]) -> Float[n, k] {
  var c = ones(n, k)
  for %s { for %s { for %s { c[i, j] += a[i, l] * b[l, j] } } }
  c
}
"""
RANGES = {"i": "i in 0..n", "j": "j in 0..k", "l": "l in 0..m"}
CALLS = """
fn loss(a: Float[n, m], b: Float[m, k]) -> Float = sum(sin(f(a, b)))
let a = [[sin(float(3 * i + j)) for j in 0..%s] for i in 0..4]
let b = [[cos(float(i - 2 * j)) for j in 0..5] for i in 0..%s]
print(f(a, b), loss(a, b))
let g = grad(loss, wrt = (a, b))(a, b)
print(g[0], g[1])
"""


def products(text: str) -> int:
    """How many products of matrices `f` is made of on the way to kernels."""

    def count() -> int:
        session, _ = entered(text)
        name = next(fn.name for fn in session.lowering.program.fns.values() if fn.label == "f")
        fn = compile(session.lowering.program, name, "products", kernels=True, exact=False).fns[name]
        return sum(isinstance(let.value, Prim) and let.value.op == "@" for let in lets_of(fn.body))

    return deep(count)


def builder(body: str) -> str:
    return f"fn f(a: Float[n, m], b: Float[m, k]) -> Float[?, ?] = {body}\n"


TEXTS = {
    **{name: builder(body) for name, body in BODIES.items()},
    **{f"loops {order}": LOOPS % tuple(RANGES[i] for i in order) for order in ("ijl", "lij", "jli")},
}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_sums_are_products(name: str) -> None:
    assert products(TEXTS[name]) == 1


@pytest.mark.parametrize("name", ["columns with columns", "loops lij", "parts"])
def test_products_mean_the_sums(name: str) -> None:
    agree(TEXTS[name] + CALLS % (6, 6), 1e-12, exact=False)


EMPTY = """
let none: Float[2, 0] = zeros(2, 0)
let empty: Float[0, 3] = zeros(0, 3)
print(f(none, empty))
"""


def test_nothing_to_add_up() -> None:
    agree(TEXTS["sums"] + EMPTY, 0.0, exact=False)


@pytest.mark.parametrize(
    "body",
    [
        "[sum(a[i, l] * b[l, j] for l in 0..i) for i in 0..min(n, m), j in 0..k]",
        "[sum(a[i, l] * b[l, l] for l in 0..min(m, k)) for i in 0..n, j in 0..k]",
        "[sum(a[i, l] + b[l, j] for l in 0..m) for i in 0..n, j in 0..k]",
        "[sum(a[i, l] * a[i, l] for l in 0..m) for i in 0..n, j in 0..k]",
    ],
)
def test_other_sums_are_not(body: str) -> None:
    assert products(builder(body)) == 0


INTO_ONE = """
fn f(a: Float[n, m], x: Float[m]) -> Float[n] {
  var y = ones(n)
  for i in 0..n { for j in 0..m { y[i] += a[i, j] * x[j] } }
  y
}
fn loss(a: Float[n, m], x: Float[m]) -> Float = sum(f(a, x)^3)
let a = [[sin(float(3 * i + j)) for j in 0..7] for i in 0..4]
let x = [cos(float(j)) for j in 0..7]
let none: Float[2, 0] = zeros(2, 0)
print(f(a, x), f(none, []), grad(loss)(a, x), grad(loss, wrt = x)(a, x))
"""
OTHERS = """
fn f(x: Float[n]) -> Float[n] {
  var y = x
  for i in 0..n { for j in 0..n { y[i] += 0.1 * y[j] } }
  for i in 0..n { for j in 0..n { y[j] += 0.1 * x[i] } }
  y
}
fn loss(x: Float[n]) -> Float = sum(f(x)^2)
print(f([1.0, 2.0, 3.0]), grad(loss)([1.0, 2.0, 3.0]))
"""


def test_an_element_that_a_loop_adds_to_is_written_once() -> None:
    session, _ = entered(INTO_ONE)
    name = next(fn.name for fn in session.lowering.program.fns.values() if fn.label == "f")
    fn = deep(lambda: compile(session.lowering.program, name, "sums", kernels=True, exact=False)).fns[name]
    [inner] = [let for let in lets_of(fn.body) if isinstance(let.value, Loop) and let.value.results == (Reduce("+"),)]
    assert not any(isinstance(let.value, Update) for let in lets_of(Block((inner,), ())))
    agree(INTO_ONE, 1e-12, exact=False)


def test_elements_that_are_read_or_change_are_not() -> None:
    agree(OTHERS, 1e-12, exact=False)
