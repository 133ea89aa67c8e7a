"""Kernels on values of enums: trees and lists, recursion on them and its gradients, payloads of every type, Strings."""

from __future__ import annotations

import io

import pytest

from dplang.interpret.evaluate import Interpreter
from dplang.kernels import call
from dplang.kernels.outline import outline
from dplang.kernels.tiers import Tiers
from dplang.pipeline import compile
from dplang.stack import deep
from programs import generate_wide
from running import entered
from test_generated import POINT
from test_kernels import Outcome, agree


def refused(text: str) -> dict[str, str]:
    """The functions of a program that are no kernels, but for those that print."""

    def go() -> dict[str, str]:
        session, entry = entered(text)
        program = outline(compile(session.lowering.program, entry.unit.entry, kernels=True))
        kernels = call.Kernels(program)
        reasons = {name: kernels.reason(name) for name in program.fns}
        return {name: why for name, why in reasons.items() if why and "input or output" not in why}

    return deep(go)


def compiled(text: str, tolerance: float = 0.0) -> Outcome:
    """The same as interpreted, and all of it in kernels."""
    assert not refused(text)
    return agree(text, tolerance)


TREES = """
enum T { L(Float), N(T, T), W(Float, Int) }
fn tree(x: Float, d: Int) -> T = if d <= 0 { L(x) } else if d == 2 { W(x * 0.5, d) } else {
  N(tree(x * 0.7 + 0.1, d - 1), tree(1.0 - x, d - 2))
}
fn fold(t: T, c: Float) -> Float = match t {
  L(v) => v * c
  N(l, r) => fold(l, c) * 0.5 + fold(r, 0.9 * c) * fold(l, 0.1)
  W(v, k) => v + c * k
}
fn f(x: Float, d: Int) -> Float = fold(tree(x, d), 0.5)
fn along(x: Float) -> Float = f(x, 6)
let t = tree(0.3, 7)
print(fold(t, 0.5), f(0.3, 8), t == tree(0.3, 7), t == tree(0.3, 6), t != tree(0.30001, 7), t)
print(grad(along)(0.3), jvp(along)(0.3, 1.0), grad(grad(along))(0.3))
"""


def test_trees_and_their_gradients() -> None:
    compiled(TREES)


LISTS = """
enum List { Nil, Cons(Float[k], List) }
fn listed(x: Float[n]) -> List {
  var l = Nil
  for i in 0..n { l = Cons([x[i] * float(j) for j in 0..i], l) }
  l
}
fn total(l: List) -> Float {
  var rest = l
  var s = 0.0
  var go = true
  while go {
    match rest {
      Nil => go = false
      Cons(v, tail) => { s = 0.5 * s + sum(v)
        rest = tail }
    }
  }
  s
}
fn scaled(l: List, c: Float) -> List = match l {
  Nil => Nil
  Cons(v, tail) => {
    var w = v
    for i in 0..len(w) { w[i] *= c }
    Cons(w, scaled(tail, c))
  }
}
fn loss(x: Float[n]) -> Float = total(scaled(listed(x), 1.5))
let l = listed([1.0, 2.0, 3.0, 4.0])
let m = scaled(l, 2.0)
print(l, m, total(l), total(m), l == m)
print(grad(loss)([1.0, 2.0, 3.0, 4.0]))
"""


def test_lists_with_arrays_in_them() -> None:
    compiled(LISTS.replace("Float[k]", "Float[?]"))


PAYLOADS = """
enum Side { Left, Right }
enum Text {
  Plain(String), Pair(Text, Text), Num(Int, Bool, Float32, Float), Keyed(Key, Side), Rows(Float[?, ?], Int[?])
}
enum Maybe { None, Some(Text, Int[?]) }
fn swap(t: Text) -> Text = match t {
  Plain(s) => if s == "a" { Plain("b") } else { Plain(s) }
  Pair(x, y) => Pair(swap(y), swap(x))
  Num(i, b, f, g) => Num(-i, not b, f + float32(1.0), g * 2.0)
  Keyed(k, side) => if side == Left { Keyed(k[3], Right) } else { Keyed(k, Left) }
  Rows(m, n) => Rows(m, reverse(n))
}
fn some(t: Text, n: Int) -> Maybe = if n == 0 { None } else { Some(swap(t), [i for i in 0..n]) }
fn all(ts: Text[n]) -> Text[n] = [swap(t) for t in ts]
fn first(m: Maybe) -> Int = match m { None => -1, Some(_, n) => n[len(n) - 1] }
let small = Pair(Plain("a"), Pair(Plain("zoë"), Num(3, true, float32(0.1), 0.5)))
let t = Pair(small, Pair(Keyed(key(3), Left), Pair(Rows([[1.0, 2.0], [3.0, 4.0]], [1, 2, 3]), small)))
print(swap(t), swap(swap(t)) == t, swap(small) == small)
print(some(t, 0), some(t, 3), first(some(t, 5)), first(None))
print(all([t, small, Plain("a")]))
"""


def test_payloads_of_every_type_go_in_and_out() -> None:
    compiled(PAYLOADS)


def test_shared_subtrees_stay_shared() -> None:
    text = """
    enum T { L(Float), N(T, T) }
    fn doubled(t: T, n: Int) -> T {
      var made = t
      for i in 0..n { made = N(made, made) }
      made
    }
    fn left(t: T) -> T = match t { L(_) => t, N(l, _) => left(l) }
    fn keep(t: T) -> T = t
    fn work() {
      let t = keep(doubled(L(1.0), 40))
      print("made")
      let u = keep(N(t, t))
      print(left(u))
    }
    work()
    """
    compiled(text)


def test_long_lists_need_no_stack_on_their_way_in_and_out() -> None:
    text = """
    enum List { Nil, Cons(Int, List) }
    fn build(n: Int) -> List {
      var l = Nil
      for i in 0..n { l = Cons(i, l) }
      l
    }
    fn longer(l: List) -> List = Cons(-1, l)
    fn total(l: List) -> Int = match l { Nil => 0, Cons(i, rest) => i + total(rest) }
    let l = longer(build(30000))
    print(total(l), l == l)
    """
    compiled(text)


def test_what_a_turn_leaves_in_the_arena_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
    enum T { L(Float), N(T, T) }
    fn tree(x: Float, d: Int) -> T = if d == 0 { L(x) } else { N(tree(x, d - 1), tree(x + 1.0, d - 1)) }
    fn total(t: T) -> Float = match t { L(x) => x, N(l, r) => total(l) + total(r) }
    fn f(n: Int) -> Float {
      var s = 0.0
      for i in 0..n { s += total(tree(float(i), 10)) }
      s
    }
    print(f(20))
    """
    monkeypatch.setattr(call, "LARGE", 1 << 17)
    monkeypatch.setattr(call, "free_memory", lambda: None)

    def go() -> None:
        session, entry = entered(text)
        program = outline(compile(session.lowering.program, entry.unit.entry, kernels=True))
        kernel = call.Kernels(program).kernel("test.dp.run.1")
        assert kernel is not None and kernel() == sum(1024 * (i + 5.0) for i in range(20))

    deep(go)


BOXES = """
enum Shape { Dot, Poly(Float[?]), Grid(Float[?, ?], Int) }
fn area(s: Shape) -> Float = match s { Dot => 0.0, Poly(x) => sum(x), Grid(m, k) => sum(m) * float(k) }
fn shapes(n: Int) -> Shape[n] {
  var all = [Dot for i in 0..n]
  for i in 0..n {
    if i % 3 == 1 { all[i] = Poly([float(j) for j in 0..i]) }
    if i % 3 == 2 { all[i] = Grid([[1.0, 2.0] for j in 0..i], i) }
  }
  all
}
fn total(n: Int) -> Float {
  var all = shapes(n)
  all[0] = all[n - 1]
  let table = [all for k in 0..2]
  let turned = concat(reverse(all), shapes(2))
  sum([area(s) for s in turned]) + sum([area(table[1][i]) for i in 0..n])
}
for n in [7, 4] { print(total(n), shapes(n), shapes(n) == shapes(n)) }
"""


def test_arrays_of_values_that_hold_arrays() -> None:
    compiled(BOXES)


def test_a_match_of_many_arms() -> None:
    names = ", ".join(f"A{i}(Float)" if i % 2 else f"A{i}" for i in range(150))
    arms = "\n".join(f"A{i}(x) => x * {i}.0" if i % 2 else f"A{i} => {i}.0" for i in range(150))
    body = ", ".join(f"A{i}({i}.5)" if i % 2 else f"A{i}" for i in range(150))
    text = f"enum E {{ {names} }}\nfn f(e: E) -> Float = match e {{\n{arms}\n}}\n"
    compiled(f"{text}print(sum([f(e) for e in [{body}]]))\n")


MESSAGE = """
fn f(x: Float[n], who: String) -> Float {
  var s = 0.0
  for i in 0..n {
    assert x[i] < 3.0, "{who}: {x[i]} at {i} is too large"
    s += x[i]
  }
  assert s != 1.0, who
  s
}
print(f([1.0, 2.0], "first"))
"""


@pytest.mark.parametrize("last", ['f([1.0, 5.0], "second")', 'f([1.0], "third")'])
def test_messages_are_put_together_where_they_are_needed(last: str) -> None:
    found = compiled(f"{MESSAGE}print({last})\n")
    assert found.fault.startswith("E0608") and last.split('"')[1] in found.fault


def test_an_interpreted_caller_hands_trees_to_kernels() -> None:
    """The kernel is made while the interpreter runs, and gets what the interpreter has made by then."""
    text = TREES + "for i in 0..5 { print(fold(tree(float(i), 9), 0.1)) }\n"

    def go() -> str:
        session, entry = entered(text)
        program = outline(compile(session.lowering.program, entry.unit.entry, kernels=True))
        tiers = Tiers(program, "auto")
        out = io.StringIO()
        Interpreter(program, out=out, compiled=tiers.compiled, watch=tiers.watch).call(entry.unit.entry, ())
        return out.getvalue()

    assert deep(go) == Outcome(text, None).printed


def wide(seed: int) -> None:
    agree(generate_wide(seed) + POINT.split("let numeric")[0], 1e-11)


@pytest.mark.parametrize("seed", [1, 3])
def test_generated_programs(seed: int) -> None:
    wide(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4, 100))
def test_many_generated_programs(seed: int) -> None:
    wide(seed)
