"""Lowering: what typed programs become, and that what they become is valid core that means the same."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dplang import pipeline
from dplang.check.module import check
from dplang.core import ir
from dplang.core.ir import Program
from dplang.core.rewrite import blocks
from dplang.core.verify import verify
from dplang.errors.diagnostic import Fault
from dplang.errors.source import Source
from dplang.interpret.evaluate import Interpreter
from dplang.loading import Modules
from dplang.lower.shape import Shape, leaves
from dplang.lower.unit import Lowering, Unit
from dplang.syntax.parse import parse


@dataclass
class Lowered:
    """A program that has been lowered, with the units of the modules that it imports in front."""

    lowering: Lowering
    units: list[Unit]
    shapes: dict[Any, Shape]

    @property
    def program(self) -> Program:
        return self.lowering.program

    def fn(self, name: str) -> ir.Fn:
        return self.program.fns[name]

    def run(self, compiled: bool) -> str:
        """What the program prints, as lowered or after all passes."""
        out = io.StringIO()
        values: dict[Any, list[Any]] = {}
        for unit in self.units:
            program = pipeline.compile(self.program, unit.entry) if compiled else self.program
            args = [v for s in unit.inputs for v in values[s]]
            results = iter(Interpreter(program, out=out).call(unit.entry, args))
            for v in unit.outputs:
                values[v.symbol] = [next(results) for _ in leaves(v.shape)]
        return out.getvalue()


def lower(text: str) -> Lowered:
    modules = Modules(lambda d: None)
    checked = check(parse(Source("test.dp", text)), "test.dp", modules, None)
    errors = [d for d in checked.diagnostics if d.severity == "error"]
    assert not errors, [f"{d.span} {d.sentence()}" for d in errors]
    made = Lowered(Lowering(), [], {})
    for module in (*modules.checked, checked.module):
        unit = made.lowering.unit(module, made.shapes)
        made.units.append(unit)
        made.shapes.update((v.symbol, v.shape) for v in unit.outputs)
    verify(made.program)
    return made


def nodes(block: ir.Block) -> Iterator[Any]:
    for let in block.lets:
        yield let.value
        for _, inner in blocks(let.value):
            yield from nodes(inner)


def kinds(fn: ir.Fn, *kinds: type) -> list[Any]:
    return [n for n in nodes(fn.body) if isinstance(n, kinds)]


def prints(text: str, *wanted: str) -> None:
    """What a program prints, with all passes and, where nothing is differentiated, as it was lowered."""
    program = lower(text)
    expected = "".join(f"{w}\n" for w in wanted)
    assert program.run(compiled=True) == expected
    if not any(kinds(fn, ir.Derive) for fn in program.program.fns.values()):
        assert program.run(compiled=False) == expected


def faults(text: str, code: str) -> Any:
    with pytest.raises(Fault) as raised:
        lower(text).run(compiled=False)
    assert [d.code for d in raised.value.diagnostics] == [code]
    return raised.value.diagnostics[0]


# ---- arrays


def test_a_loss_is_one_loop_over_scalars() -> None:
    f = lower("fn f(x: Float[n], y: Float[n], a: Float) -> Float = mean((a * sin(x) - y)^2)").fn("f")
    [loop] = kinds(f, ir.Loop)
    assert loop.results == (ir.Reduce("+"),)
    assert all(s.proved for g in kinds(f, ir.Get) for s in g.path)


def test_an_array_that_is_read_twice_is_made_once() -> None:
    f = lower("fn f(x: Float[n]) -> Float { let y = sin(x); sum(y) + max(y) }").fn("f")
    assert len(kinds(f, ir.Loop)) == 3


def test_an_array_that_a_loop_reads_again_and_again_is_made_before() -> None:
    text = "fn f(x: Float[n]) -> Float { let y = sin(x); var s = 0.0; for _ in 0..9 { s += sum(y) }; s }"
    loops = kinds(lower(text).fn("f"), ir.Loop)
    assert [type(r) for loop in loops for r in loop.results] == [ir.Build, ir.Carry, ir.Reduce]


def test_what_is_delayed_sees_the_variables_of_its_place() -> None:
    prints(
        """
        fn f(x: Float[n]) -> Float {
          var k = 2.0
          let y = k * x
          k = 100.0
          sum(y)
        }
        print(f([1.0, 2.0]))
        """,
        "6.0",
    )


@pytest.mark.parametrize("use", ["if c { return sum(y) }; 0.0", "if c { return 0.0 }; sum(y)", "var s = 0.0; s"])
def test_what_elements_check_is_checked_whether_they_are_read_or_not(use: str) -> None:
    text = """
    fn sure(x: Float) -> Float { assert x > 0; x }
    fn f(x: Float[n], c: Bool) -> Float { let y = [sure(e) for e in x]; USE }
    print(f([-1.0], USED))
    """
    for used in ("true", "false"):
        faults(text.replace("USED", used).replace("USE", use), "E0608")


def test_an_element_of_what_is_not_made_is_computed_alone() -> None:
    f = lower("fn f(x: Float[n], i: Int) -> Float = (2 * x)[i]").fn("f")
    assert not kinds(f, ir.Loop)
    faults("fn f(x: Float[n], i: Int) -> Float = (2 * x)[i]\nprint(f([1.0], 1))", "E0601")


@pytest.mark.parametrize(
    ("index", "proved"),
    [("x[i]", True), ("x[i + 1]", False), ("x[n - 1 - i]", False), ("x[(i + 1) % n]", False)],
)
def test_indices_are_proved_by_the_ranges_that_they_run_over(index: str, proved: bool) -> None:
    f = lower(f"fn f(x: Float[n]) -> Float[n] = [{index} for i in 0..n]").fn("f")
    [get] = kinds(f, ir.Get)
    assert get.path[0].proved == proved


def test_stencils_are_proved() -> None:
    text = "fn f(x: Float[n]) -> Float = sum(x[i + 1] - x[i - 1] for i in 1..n - 1)"
    assert all(s.proved for g in kinds(lower(text).fn("f"), ir.Get) for s in g.path)


def test_parts_are_one_path_into_the_leaf_that_is_asked_for() -> None:
    text = """
    struct P { a: Float, b: Float[3] }
    fn f(ps: P[n], i: Int, j: Int) -> Float = ps[i].b[j]
    """
    f = lower(text).fn("f")
    [get] = kinds(f, ir.Get)
    assert get.x.name == "ps_b" and len(get.path) == 2


def test_sums_of_arrays_add_in_place() -> None:
    f = lower("fn f(x: Float[n, m]) -> Float[m] = sum(x[i] for i in 0..n)").fn("f")
    [update] = kinds(f, ir.Update)
    assert update.kind == "add" and update.path == ()


def test_extremes_over_ragged_ranges() -> None:
    prints("print(max(i - j for i in 0..4, j in 0..i), min(i * j for i in 0..4, j in 0..i))", "3 0")
    faults("fn f(n: Int) -> Int = max(i - j for i in 0..n, j in 0..i)\nprint(f(1))", "E0607")


def test_positions() -> None:
    prints("print(argmin(abs(x - 2) for x in [0, 5, 3]), argmax([i * j for i in 0..2, j in 0..3]))", "2 [0, 2]")
    prints("fn f(x: Float[n]) -> Int = argmin(x[i] for i in 1..n)\nprint(f([0.0, 5.0, 1.0, 9.0]))", "2")


def test_arrays_of_empty_tuples_keep_their_sizes() -> None:
    prints(
        """
        let u = [() for i in 0..3]
        print(u, len(concat(u, u[1..3])), reverse(u)[0], [(i, ()) for i in 0..2])
        """,
        "[(), (), ()] 5 () [(0, ()), (1, ())]",
    )


# ---- variables, loops, jumps


def test_a_return_puts_the_rest_into_the_other_branch() -> None:
    f = lower("fn f(x: Float) -> Float { if x < 0 { return -x }; let y = x * x; y + 1 }").fn("f")
    assert not kinds(f, ir.While) and len(kinds(f, ir.If)) == 1


def test_only_what_a_loop_assigns_is_carried() -> None:
    text = """
    struct S { a: Float, b: Float }
    fn f(n: Int) -> S { var s = S(1, 2); for i in 0..n { s.b += s.a }; s }
    """
    [loop] = kinds(lower(text).fn("f"), ir.Loop)
    assert len(loop.results) == 1


def test_a_loop_that_is_left_is_a_while() -> None:
    f = lower("fn f(x: Float[n]) -> Int { for i in 0..n { if x[i] > 1 { return i } }; -1 }").fn("f")
    [loop] = kinds(f, ir.While)
    assert len(loop.results) == 2  # whether, and what


def test_a_loop_with_continue_stays_a_loop() -> None:
    f = lower("fn f(n: Int) -> Int { var s = 0; for i in 0..n { if i % 2 == 0 { continue }; s += i }; s }").fn("f")
    assert len(kinds(f, ir.Loop)) == 1 and not kinds(f, ir.While)


def test_updates() -> None:
    text = """
    fn f(n: Int) -> (Float[n], Float[?]) {
      var x = zeros(n)
      var y: Float[?] = []
      for i in 0..n { x[i] = i; x[i] += 1; y = concat(y, [x[i]]) }
      (x, y)
    }
    print(f(3))
    """
    assert [u.kind for u in kinds(lower(text).fn("f"), ir.Update)] == ["set", "add", "push"]
    prints(text, "([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])")


JUMPS = """
enum Opt { No, Yes(Float) }
fn get(o: Opt) -> Float { let v = match o { No => return -1.0, Yes(x) => x }; v * 2 }
print(get(No), get(Yes(3.0)))
fn deep(a: Int) -> Int = {
  let x = 1 + (if a > 3 { return 100 } else { a }) * (if a == 2 { return 200 } else { 10 })
  x
}
print(deep(1), deep(2), deep(5))
fn multi(n: Int) -> Int {
  var c = 0
  for i in 0..n {
    for j in 0..n {
      if i * j == 6 { return i * 10 + j }
      if j > i { continue }
      c += 1
    }
    if c > 100 { break }
  }
  -c
}
print(multi(3), multi(4))
fn parts(k: Int) -> Int {
  var s = 0
  for x in (1, 2, 3, 4) {
    if x == k { continue }
    if x > 3 { break }
    if x == -k { return 50 }
    s += x
  }
  s
}
print(parts(2), parts(9), parts(-3))
fn test_first(n: Int) -> Int { var k = 0; while { k += 1; k < n } { }; k }
print(test_first(5))
fn branches(x: Float) -> Float {
  var y = x
  if y > 0 {
    if y > 10 { return 1.0 }
    y = y + 1
  } else {
    y = y - 1
    if y < -10 { return 2.0 }
  }
  y * 2
}
print(branches(20), branches(1), branches(-1), branches(-20))
fn arrays(xs: Float[n], c: Float) -> Float[n] { for x in xs { if x > c { return 2 * xs } }; xs }
print(arrays([1.0, 2.0], 1.5), arrays([1.0, 2.0], 5))
fn backwards(n: Int) -> Int { for i in reverse(2..n) { if i % 5 == 0 { return i } }; 0 }
print(backwards(9), backwards(4))
fn forever(x: Float) -> Float { var y = x; while true { y = y * 2; if y > 100 { return y } } }
print(forever(3.0))
fn both(x: Float) -> Float { var k = 0.0; while k < x { k += 1; if k > 5 { break } }; k }
print(both(3), both(10))
"""


def test_jumps() -> None:
    prints(
        JUMPS,
        "-1.0 6.0",
        "11 200 100",
        "-6 23",
        "4 6 50",
        "5",
        "1.0 4.0 -4.0 2.0",
        "[2.0, 4.0] [1.0, 2.0]",
        "5 0",
        "192.0",
        "3.0 6.0",
    )


def test_writes_into_parts() -> None:
    prints(
        """
        struct P { a: Float, b: Float[2], t: (Int, Float) }
        fn f() -> Float[6] {
          var x = zeros(6)
          x[1..4] = [1, 2, 3]
          x[2..6][0] = 10
          x[4..6] += 1.5
          x
        }
        fn g() -> P[3] {
          var ps = [P(a = i, b = [i, 2 * i], t = (i, i)) for i in 0..3]
          ps[2].a = 50
          ps[1].b[1] += 1
          ps[0].t[0] = 9
          ps
        }
        print(f(), g().a, g().b, [p.t[0] for p in g()])
        """,
        "[0.0, 1.0, 10.0, 3.0, 1.5, 1.5] [0.0, 1.0, 50.0] [[0.0, 0.0], [1.0, 3.0], [2.0, 4.0]] [9, 1, 2]",
    )


# ---- match


def test_match_tests_each_value_once() -> None:
    text = """
    enum T { L(Float), N(T, T) }
    fn f(a: T, b: T) -> Float = match (a, b) {
      (L(x), L(y)) => x * y
      (N(p, _), N(_, q)) => f(p, q)
      (N(p, q), L(_)) if f(p, p) > 3 => 100
      _ => -1
    }
    let low = N(L(1), L(1))
    let high = N(L(2), L(1))
    print(f(L(2), L(3)), f(high, N(L(9), L(5))), f(high, L(1)), f(low, L(1)), f(L(1), low))
    """
    assert len(kinds(lower(text).fn("f"), ir.Match)) == 3
    prints(text, "6.0 10.0 100.0 -1.0 -1.0")


def test_a_long_arm_is_written_once() -> None:
    text = """
    enum T { A(Float), B(T, T), C, D(Int) }
    fn g(x: T) -> Float = match x { A(a) => a, B(_, _) => 10, C => 3, D(n) => n }
    fn f(x: T, y: T, k: Float) -> Float = match (x, y) {
      (A(a), A(b)) => a * b
      (B(p, _), C) => g(p)
      (A(a), _) if a > 2 => { let u = a + k; let v = u * u; if v > 90 { return 1.0 }; v - u + k }
      (z, w) => {
        let u = cosh(k) + k
        var s = 0.0
        for i in 0..3 { s += u * i }
        if s > 100 { return -1.0 }
        s + g(z) * g(w)
      }
    }
    let xs = [A(1), A(3), B(A(2), A(5)), C, D(4)]
    print([f(x, y, 0.0) for x in xs, y in [A(2), C]])
    print(f(C, C, 50.0), f(A(3), C, 9.0))
    """
    f = lower(text).fn("f")
    assert [p.op for p in kinds(f, ir.Prim)].count("cosh") == 1
    prints(text, "[[2.0, 6.0], [6.0, 6.0], [23.0, 2.0], [9.0, 12.0], [11.0, 15.0]]", "-1.0 1.0")


def test_literals_in_patterns() -> None:
    prints(
        """
        fn f(s: String, k: Int, b: Bool) -> Int = match (s, k, b) {
          ("a", 1, _) => 1
          ("a", _, true) => 2
          (_, 2, false) => 3
          ("b", n, true) if n > 5 => n
          _ => 0
        }
        print(f("a", 1, false), f("a", 5, true), f("c", 2, false), f("b", 9, true), f("b", 2, true), f("a", 2, false))
        """,
        "1 2 3 9 0 3",
    )


# ---- functions


def test_instances_are_made_once_for_each_use_of_types_and_functions() -> None:
    text = """
    fn fold[A, B](f: (B, A) -> B, start: B, xs: A[n]) -> B { var s = start; for x in xs { s = f(s, x) }; s }
    fn add(a: Float, b: Float) -> Float = a + b
    print(fold(add, 0.0, [1.0, 2.0]), fold(add, 1.0, [1.0]), fold((s: Int, x: Float) -> s + 1, 0, [1.0, 5.0]))
    """
    program = lower(text)
    assert len([n for n in program.program.fns if n.startswith("fold")]) == 2
    prints(text, "3.0 2.0 2")


def test_captured_values_follow_the_arguments() -> None:
    text = """
    let k = 2.0
    fn f(x: Float) -> Float = k * x
    fn g(c: Float) -> Float { let h = (x: Float) -> c * f(x); h(3.0) }
    print(g(1.0))
    """
    program = lower(text)
    assert [p.label for p in program.fn("f").params] == ["x", "k"]
    assert [p.label for p in program.fn("g.lambda").params] == ["x", "c", "k"]
    assert program.fn("g.lambda").label == "h"
    prints(text, "6.0")


def test_parameters_tell_what_they_are_in_the_source() -> None:
    text = "struct W { a: Float, b: Float > 0, t: (Int, Float) }\nfn f(n: Int, w: W) -> (Float, W) = (w.a, w)"
    f = lower(text).fn("f")
    assert [(p.label, p.source, p.low, p.strict) for p in f.params] == [
        ("n", 0, None, False),
        ("w.a", 1, None, False),
        ("w.b", 1, 0.0, True),
        ("w.t.0", 1, None, False),
        ("w.t.1", 1, None, False),
    ]
    assert f.result_labels == ("0", "1.a", "1.b", "1.t.0", "1.t.1")
    assert all(p.span is not None for p in f.params)


def test_functions_as_results_and_fields() -> None:
    prints(
        """
        fn compose(f: (Float) -> Float, g: (Float) -> Float) -> (Float) -> Float = x -> g(f(x))
        struct F { f: (Float) -> Float, k: Float
          fn call(self, x: Float) -> Float = self.f(x) * self.k
          fn twice(self, x: Float) -> Float = self(self(x)) }
        let c = 2.0
        let h = compose(x -> x + 1, x -> x * c)
        let fs = F(f = x -> c * x^2, k = 3)
        fn use(x: Float) -> Float = h(x) + fs(x)
        fn ap(g: (Float) -> Float, x: Float) -> Float = g(x)
        print(h(2.0), fs.twice(1.0), use(1.0), ap(fs.twice, 1.0), grad(use)(1.0), grad(fs.call)(2.0))
        """,
        "6.0 216.0 10.0 216.0 14.0 24.0",
    )


def test_recursion_with_a_function() -> None:
    prints(
        """
        fn rec(n: Int, h: (Float) -> Float, x: Float) -> Float = if n == 0 { x } else { rec(n - 1, h, h(x)) }
        fn d(x: Float) -> Float = rec(2, y -> y^2, x)
        print(rec(3, x -> 2 * x, 1.0), grad(d)(2.0))
        """,
        "8.0 32.0",
    )


def test_functions_are_lowered_though_nobody_calls_them() -> None:
    text = "fn f(x: Float) -> Float = x\nfn g[T](x: T) -> T = x\nfn h(f: (Float) -> Float) -> Float = f(1.0)"
    program = lower(text).program
    assert "f" in program.fns and not any(n.startswith(("g", "h")) for n in program.fns)


def test_sizes_of_the_file_are_read_from_its_variables() -> None:
    prints(
        """
        let n = 3
        fn pick(xs: Float[k]) -> Float[?] { var r: Float[?] = []; for x in xs { if x > 0.0 { r = concat(r, [x]) } }; r }
        let ps = pick([1.0, -1.0, 2.0])
        fn f(x: Float) -> Float { let y: Float[2 * n] = full(2 * n, x); sum(y[i] * i for i in 0..2 * n) + len(ps) }
        print(f(1.0))
        """,
        "17.0",
    )


# ---- derivatives


DERIVATIVES = """
struct V { x: Float, n: Int, y: Float[2] }
let v = V(x = 1, n = 7, y = [2, 3])
fn loss(v: V) -> Float = v.x^2 * v.n + sum(v.y^2)
fn out(v: V) -> Float[2] = v.x * v.y
fn two(x: Float, y: Float[n]) -> Float = x * sum(y^2)
print(grad(loss)(v))
print(hvp(loss)(v, v))
print(jvp(loss)(v, v))
print(jacobian(out)(v))
print(vjp(out)(v, [1.0, 10.0]))
print(hessian(loss)(v))
print(grad(two, wrt = (y, x))(3.0, [1.0, 2.0]))
"""


def test_tangents_are_put_together_again() -> None:
    prints(
        DERIVATIVES,
        "V(x = 14.0, n = 7, y = [4.0, 6.0])",
        "V(x = 14.0, n = 7, y = [4.0, 6.0])",
        "(20.0, 40.0)",
        "[V(x = 2.0, n = 7, y = [1.0, 0.0]), V(x = 3.0, n = 7, y = [0.0, 1.0])]",
        "([2.0, 3.0], V(x = 32.0, n = 7, y = [1.0, 10.0]))",
        "[[14.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]",
        "([6.0, 12.0], 5.0)",
    )


def test_rules_take_and_give_leaves() -> None:
    prints(
        """
        let c = 2.0
        fn p(x: Float, a: Float) -> Float = a * x * c
        derivative p(x, a) = (100 * a, x * c)
        fn q(x: Float[n], p: (Float, Int)) -> Float[n] = p[0] * x
        derivative q(x, p) {
          jvp(dx, dp) = [7 * dx[i] + dp[0] * x[i] for i in 0..n]
          vjp(g) = (7 * g, (sum(g * x), p[1]))
        }
        print(grad(p)(3.0, 2.0), grad(p, wrt = a)(3.0, 2.0))
        print(jvp(q)([1.0, 2.0], (3.0, 4), [1.0, 1.0]))
        print(vjp(q, wrt = (x, p))([1.0, 2.0], (3.0, 4), [1.0, 2.0]))
        """,
        "200.0 6.0",
        "([3.0, 6.0], [7.0, 7.0])",
        "([3.0, 6.0], ([7.0, 14.0], (5.0, 4)))",
    )


def test_checkpoints_give_what_they_assign() -> None:
    prints(
        """
        fn f(x: Float) -> Float { var s = 0.0; let r = checkpoint { s += x; sin(x) * s }; r + s }
        print("{f(1.0):.4f} {grad(f)(1.0):.4f}")
        """,
        "1.8415 2.3818",
    )


TRAINED = """
struct In[n] { r: Simplex[n], q: Ordered[n] }
struct Mix[n] {
  p: Simplex[n], s: Float[n] > 0, b: Float in (0, 2), c: Float >= 1, d: Float <= 3
  fixed e: Float
  r: In[n][2]
}
let start = Mix(
  p = [0.2, 0.3, 0.5], s = [1, 2, 3], b = 1.5, c = 2, d = 1, e = 9,
  r = [In([0.2, 0.3, 0.5], [1, 2, 3]), In([0.1, 0.1, 0.8], [0, 1, 5])]
)
fn miss(w: Mix[n]) -> Float =
  sum((w.p - 1 / n)^2) + sum((w.s - 2)^2) + (w.b - 1)^2 + (w.c - 1.5)^2 + (w.d - 2)^2 +
  sum((w.r.r - 1 / n)^2) + sum((w.r.q[j, i] - i - 1)^2 for j, i)
let fit = train w = start { minimize miss(w)  using adam(rate = 0.1)  steps 300 }
let v = fit.value
print("{v.p:.1f} {v.s:.1f} {v.b:.1f} {v.c:.1f} {v.d:.1f} {v.e:.1f} {v.r.r:.1f} {v.r.q:.1f}")
"""


def test_training_moves_in_unconstrained_space() -> None:
    third = "[0.3, 0.3, 0.3]"
    prints(TRAINED, f"{third} [2.0, 2.0, 2.0] 1.0 1.5 2.0 9.0 [{third}, {third}] [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]")


# ---- checks


CHECKED = """
struct S { x: Float > 0, y: Float[2] in (0, 1), z: Simplex[2], o: Ordered[2] }
fn s(k: Float) -> S = S(x = k, y = [0.5, 1 - k], z = [k, 1 - k], o = [0, k])
"""


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("print(s(-1))", "x"),
        ("print(s(1))", "y"),
        ("fn f() -> S { var a = s(0.5); a.x -= 1; a }\nprint(f())", "a.x"),
        ("fn f(k: Float) -> S { var a = s(0.5); a.z = [k, k]; a }\nprint(f(0.4))", "a.z"),
        ("fn f() -> S { var a = s(0.5); a.y[1] = 3; a }\nprint(f())", "a.y[1]"),
        ("fn f() -> S { var a = s(0.5); a.o[0] = 3; a }\nprint(f())", "a.o[0]"),
    ],
)
def test_constraints_are_checked_where_values_are_made(text: str, field: str) -> None:
    assert faults(CHECKED + text, "E0613").field == field


def test_sizes_and_ranges_are_checked() -> None:
    pick = "fn pick(k: Int) -> Float[?] { var r: Float[?] = []; for i in 0..k { r = concat(r, [i]) }; r }\n"
    prints(pick + "let a = pick(2) as Float[2]\nlet b = pick(3) as Float[?q]\nprint(a, q)", "[0.0, 1.0] 3")
    faults(pick + "let a = pick(2) as Float[3]\nprint(a)", "E0606")
    faults("fn f(k: Int) -> Float[k] = [1.0 for i in 0..k]\nprint(f(-2))", "E0603")
    faults('fn f(x: Float) -> Float { assert x > 1, "{x} is small"; x }\nprint(f(0.5))', "E0608")


def test_ranges_of_sizes_need_no_check() -> None:
    f = lower("fn f(x: Float[n], y: Float[m]) -> Float[n, m] = [x[i] * y[j] for i in 0..n, j in 0..m]").fn("f")
    assert not kinds(f, ir.Check)


# ---- units


def test_units_build_on_each_other() -> None:
    program = lower("let k = 2.0\nlet h = (x: Float) -> k * x\nvar s = [1.0]\ns[0] = h(s[0])")
    [unit] = program.units[-1:]
    assert [v.symbol.name for v in unit.outputs] == ["k", "h", "s"]
    assert unit.inputs == ()
    assert len(program.fn(unit.entry).result_types) == 3


def test_tests_are_functions_of_what_they_read() -> None:
    text = """
    let k = 2.0
    fn f(x: Float) -> Float = k * x
    test "twice" { assert f(1.0) == 2.0 }
    test "no" { assert f(1.0) > 5 }
    """
    program = lower(text)
    (_, first), (_, second) = program.units[-1].tests
    assert [s.name for s in first.inputs] == ["k"]
    assert Interpreter(program.program).call(first.fn, [2.0]) == ()
    with pytest.raises(Fault):
        Interpreter(program.program).call(second.fn, [2.0])


def test_a_function_cannot_give_itself() -> None:
    with pytest.raises(Fault) as raised:
        lower("fn f(n: Int) -> (Float) -> Float = f(n)\nprint(f(1)(2.0))")
    assert [d.code for d in raised.value.diagnostics] == ["E0100"]
