"""Training: its loop, its progress, its warnings, sketches and what fills them."""

from __future__ import annotations

import io
import itertools
import os
import pty
from pathlib import Path

import numpy as np
import pytest

from conftest import Snapshot
from dplang.cli import main
from dplang.core.ir import FLOAT, INT, ArrayType, Group, Leaf
from dplang.errors import Diagnostic, Fault, Source, Span
from dplang.errors.render import render_text
from dplang.session import Session
from dplang.train.progress import Progress
from dplang.train.tell import moved_most
from running import run

CALL = Span(Source("program.dp", "\nlet fit = train p = 1.0 { .. }\n"), 11, 31)


# ---- progress


def test_plain_lines_come_every_few_seconds() -> None:
    stream = io.StringIO()
    clock = itertools.count(0.0, 0.75)
    progress = Progress(stream, lambda: next(clock))
    progress.begin(40, CALL)
    for step in range(1, 8):
        progress.step(step, 1 / step)
    progress.end()
    assert stream.getvalue().splitlines() == [
        "training at program.dp:2: step 3 of 40, loss 0.333333",
        "training at program.dp:2: step 6 of 40, loss 0.166667",
    ]


def test_a_quick_training_says_nothing() -> None:
    stream = io.StringIO()
    progress = Progress(stream, lambda: 0.0)
    progress.begin(0, CALL)
    progress.step(1, 0.5)
    progress.end()
    assert stream.getvalue() == ""


def test_only_the_outermost_training_is_shown() -> None:
    stream = io.StringIO()
    clock = itertools.count(0.0, 3.0)
    progress = Progress(stream, lambda: next(clock))
    progress.begin(0, CALL)
    progress.begin(10, CALL)
    progress.step(1, 7.0)
    progress.end()
    progress.step(1, 5.0)
    progress.end()
    assert stream.getvalue() == "training at program.dp:2: step 1, loss 5\n"


def test_a_bar_on_a_terminal_makes_way_for_text() -> None:
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as stream:
        clock = itertools.count(0.0, 0.2)
        progress = Progress(stream, lambda: next(clock))
        out = progress.over(stream)
        progress.begin(10, CALL)
        for step in range(1, 5):
            progress.step(step, 1 / step)
            if step == 2:
                out.write("hello\n")
        progress.end()
        out.flush()
        shown = os.read(reader, 1 << 16).decode()
    os.close(reader)
    assert "step 1 " in shown and "step 4 " in shown and "loss 0.25" in shown and "━" in shown
    # the bar is erased before the text
    assert shown.index("\x1b[2K", shown.index("step 2")) < shown.index("hello") < shown.index("step 3")


# ---- the leaf that a warning names


def test_the_scalar_that_moved_most_is_named() -> None:
    wave = Group("Wave", ("a", "b"), (Leaf(FLOAT), Leaf(ArrayType(FLOAT, (None,)))))
    before, after = [1.0, np.array([1.0, 2.0])], [1.1, np.array([1.0, -5.0])]
    assert moved_most(wave, before, after) == ("b[1]", 2.0, -5.0)
    assert moved_most(wave, before, [float("nan"), after[1]])[0] == "a"
    assert moved_most(Leaf(FLOAT), [1.0], [3.0], "p") == ("p", 1.0, 3.0)
    assert moved_most(wave, before, after, "w")[0] == "w.b[1]"
    assert moved_most(Group("", (), (Leaf(INT), Leaf(FLOAT))), [1, 2.0], [9, 2.5])[0] == "1"
    row = Group("Layer", ("w",), (Leaf(ArrayType(FLOAT, (None, None))),), 1)
    net = Group("Net", ("layers", "bias"), (row, Leaf(FLOAT)))
    old, new = np.ones((2, 3)), np.ones((2, 3))
    new[1, 2] = 7.0
    assert moved_most(net, [old, 1.0], [new, 1.0]) == ("layers[1].w[2]", 1.0, 7.0)


# ---- what the checker says


def checked(text: str) -> str:
    """What checking a program says, without running it."""
    found: list[Diagnostic] = []
    try:
        Session(found.extend).text(Source("program.dp", text))
    except Fault as fault:
        found.extend(fault.diagnostics)
    return render_text(found) or "fine"


def test_programs_and_what_is_wrong_with_them(snapshot: Snapshot) -> None:
    snapshot.run("training/errors.txt", checked)


# ---- running


def printed(text: str, *warnings: str) -> list[str]:
    """What a program prints; it has these warnings and no error."""
    outcome = run(text)
    assert [d.code for d in outcome.diagnostics] == list(warnings), [d.sentence() for d in outcome.diagnostics]
    return outcome.printed


SHOW = 'print("{fit.value:.4f} {fit.loss:.2e}", fit.steps, len(fit.history), fit.converged)\n'


@pytest.mark.parametrize(
    "clauses, shown",
    [
        ("minimize (p - 3)^2  using sgd(rate = 0.1)  steps 60", "3.0000 9.39e-12 60 60 false"),
        ("minimize (p - 3)^2  using momentum(rate = 0.02)  steps 300", "3.0000 7.35e-14 300 300 false"),
        ("minimize (p - 3)^2  using adam(rate = 0.1)  steps 300", "3.0000 2.93e-14 300 300 false"),
        ("minimize (p - 3)^2  steps 10", "1.0998 3.61e+00 10 10 false"),
        ("minimize (p - 3)^2  steps 0", "1.0000 4.00e+00 0 0 false"),
        ("minimize (p - 3)^2  using sgd(rate = 0.1)  until loss < 1e-4", "2.9906 8.92e-05 24 24 true"),
        ("minimize (p - 3)^2  using sgd(rate = 0.1)  until step == 7", "2.5806 1.76e-01 7 7 true"),
        ("minimize (p - 3)^2  using sgd(rate = 0.1)  until p > 2  steps 50", "2.1808 6.71e-01 4 4 true"),
        ("maximize 1 - (p - 3)^2  using sgd(rate = 0.1)  until loss > 0.9", "2.7316 9.28e-01 9 9 true"),
    ],
)
def test_what_a_fit_holds(clauses: str, shown: str) -> None:
    assert printed(f"let fit = train p = 1.0 {{ {clauses} }}\n{SHOW}") == [shown]


def test_history_is_the_loss_before_each_step() -> None:
    text = """
let fit = train p = 1.0 { minimize (p - 3)^2  using sgd(rate = 0.25)  steps 3 }
print(fit.history, fit.loss, fit.value)
let up = train p = 1.0 { maximize -(p - 3)^2  using sgd(rate = 0.25)  steps 3 }
print(up.history, up.loss, up.value)
"""
    assert printed(text) == ["[4.0, 1.0, 0.25] 0.0625 2.75", "[-4.0, -1.0, -0.25] -0.0625 2.75"]


def test_every_sees_the_point_after_so_many_steps() -> None:
    text = """
var calls = 0
let fit = train p = 1.0 {
  minimize (p - 3)^2
  using sgd(rate = 0.25)
  steps 5
  every 2 { print(step, p, loss) }
  every 1 { calls += 1 }
}
print(calls)
"""
    assert printed(text) == ["2 2.5 0.25", "4 2.875 0.015625", "5"]


def test_a_loss_that_is_not_finite_keeps_the_last_good_point() -> None:
    text = """
struct P { a: Float, b: Float[2] }
let fit = train p = P(a = 1, b = [0.0, 1.0]) {
  minimize log(p.a) + sum(p.b^2)
  using sgd(rate = 0.3)
  steps 50
}
print("{fit.value.a:.4f} {fit.loss:.4f}", fit.steps, len(fit.history), fit.converged)
"""
    outcome = run(text)
    assert outcome.printed == ["0.2714 -1.2785 3 3 false"]
    (warning,) = outcome.diagnostics
    assert warning.sentence() == "the loss is nan after step 3, so the training stops"
    assert next(iter(warning.notes())).text == "the parameter that moved most is `p.a`: from 0.271429 to -0.833835"
    first = printed("let fit = train p = 0.0 { minimize log(p)  steps 5 }\nprint(fit.value, fit.loss)", "W0501")
    assert first == ["0.0 -inf"]


def test_bounds_are_kept_and_fixed_fields_stay() -> None:
    text = """
struct B { s: Float > 0, t: Float in (0, 1), u: Float >= 2, fixed c: Float, w: Simplex[3], o: Ordered[3], k: Int }
let fit = train b = B(s = 1, t = 0.5, u = 3, c = 7, w = [0.2, 0.3, 0.5], o = [0.0, 1.0, 2.0], k = 4) {
  minimize (b.s - 2)^2 + (b.t - 0.25)^2 + (b.u - 2.5)^2 + sum((b.w - [0.5, 0.25, 0.25])^2) +
    sum((b.o - [1.0, 1.5, 4.0])^2) + (b.c - 5)^2
  using adam(rate = 0.05)
  steps 1000
}
let v = fit.value
print("{v.s:.3f} {v.t:.3f} {v.u:.3f} {v.c} {v.w:.3f} {v.o:.3f}", v.k)
let edge = train b = B(s = 1, t = 0.5, u = 3, c = 7, w = [0.2, 0.3, 0.5], o = [0.0, 1.0, 2.0], k = 4) {
  minimize b.s + (b.t - 2)^2 + b.u + sum(b.w) + sum(b.o^2) + b.c
  using sgd(rate = 5.0)
  steps 50
  until b.s <= 0 or b.t >= 1 or b.u < 2
}
print(edge.converged)
"""
    assert printed(text) == ["2.000 0.250 2.500 7.0 [0.500, 0.250, 0.250] [1.000, 1.500, 4.000] 4", "false"]


def test_no_derivative_goes_through_a_training() -> None:
    text = """
fn best(a: Float) -> Float {
  let fit = train p = 1.0 { minimize (p - a)^2  using sgd(rate = 0.25)  steps 40 }
  fit.value
}
print("{best(2.0):.4f}", "{[best(x) for x in [1.0, 4.0]]:.2f}")
print(grad(x -> best(x) + 3 * x)(2.0))
"""
    assert printed(text) == ["2.0000 [1.00, 4.00]", "3.0"]


def test_a_training_of_trainings() -> None:
    text = """
fn inner(a: Float) -> Float {
  var x = 0.0
  for _ in 0..30 { x -= 0.2 * grad(t -> (t - a)^2)(x) }
  x
}
let fit = train a = 1.0 { minimize (inner(a) - 5)^2  using sgd(rate = 0.2)  steps 60 }
print("{fit.value:.4f}")
let outer = train p = 1.0 {
  minimize (p - (train q = 0.0 { minimize (q - 2)^2  using sgd(rate = 0.25)  steps 30 }).value)^2
  using sgd(rate = 0.25)
  steps 30
}
print("{outer.value:.4f}")
"""
    assert printed(text) == ["5.0000", "2.0000"]


def test_functions_and_tuples_are_trained() -> None:
    text = """
fn f(w: Float) -> Float {
  let fit = train g = (x: Float) -> w * x { minimize (g(2.0) - 5)^2  using sgd(rate = 0.05)  steps 100 }
  let found = fit.value
  found(4.0)
}
print("{f(1.0):.4f}")
let pair = train p = (1.0, [2.0, 3.0]) { minimize (p[0] - 1)^2 + sum(p[1]^2)  using sgd(rate = 0.1)  steps 90 }
print("{pair.value[0]:.3f} {pair.value[1]:.3f}")
"""
    assert printed(text) == ["10.0000", "1.000 [0.000, 0.000]"]


def test_an_optimiser_of_ones_own() -> None:
    text = """
struct Signs {
  rate: Float
  fn start(self, x: Float[n]) -> Float = self.rate
  fn step(self, f: (Float[n]) -> Float, x: Float[n], size: Float) -> (Float[n], Float, Float) {
    let (loss, g) = value_and_grad(f)(x)
    (x - size * sign(g), 0.9 * size, loss)
  }
}
let fit = train w = [0.0, 5.0] { minimize sum((w - [1.0, 2.0])^2)  using Signs(0.5)  steps 80 }
print("{fit.value:.2f}")
"""
    assert printed(text) == ["[1.00, 2.00]"]


# ---- sketches


def test_a_sketch_is_trained_and_called() -> None:
    text = """
let ts = linspace(0, 4, 30)
sketch line(t: Float, k: Float = 1) -> Float = ?a * t + k * ?b
let fit = train line { minimize mean((line(ts) - 2 * ts - 0.5)^2)  using adam(rate = 0.05)  steps 1500 }
let f = fit.value
print("{f(1.0):.3f} {f(2.0, k = 0):.3f} {f([0.0, 3.0]):.3f} {f.a:.3f}")
print("{map(fit.value, [1.0]):.3f} {(ts |> fit.value)[0]:.3f}")
"""
    assert printed(text) == ["2.500 4.000 [0.500, 6.500] 2.000", "[2.500] 0.500"]


def test_sketches_call_sketches_and_themselves() -> None:
    text = """
sketch outer(t: Float) -> Float = ?a * inner(t) + twice(inner(t))
sketch inner(t: Float) -> Float { hole b: Float > 0 = 0.5
  b * t }
fn twice(x: Float) -> Float = 2 * x
let fit = train outer { minimize (outer(2.0) - 12)^2 + (fit_of(outer(1.0)) - 6)^2  using adam(rate = 0.05)  steps 900 }
fn fit_of(x: Float) -> Float = x
print("{fit.value(3.0):.3f}", fit.value.inner.b > 0)
sketch power(t: Float) -> Float = if t > 0 { ?a * power(t - 1) } else { ?b }
let more = train power { minimize (power(2.5) - 8)^2 + (power(0.5) - 2)^2  using adam(rate = 0.05)  steps 1500 }
print("{more.value(1.5):.3f}")
"""
    assert printed(text) == ["18.000 true", "4.000"]


def test_a_hole_begins_inside_its_bounds() -> None:
    text = """
sketch f(t: Float) -> Float {
  hole a: Float
  hole b: Float > 2
  hole c: Float in (0, 4)
  hole d: Float <= 1
  hole e: Float[2]
  hole g: Float[2] = [5.0, 6.0]
  a + b + c + d + sum(e) + sum(g) + t + ?h
}
let fit = train f { minimize f(0.0)^2  steps 0 }
print(fit.value)
"""
    assert printed(text) == ["f(a = 1.0, b = 3.0, c = 2.0, d = 0.0, e = [1.0, 1.0], g = [5.0, 6.0], h = 1.0)"]


FILLED = """
sketch wave(t: Float) -> Float = ?a * sin(?b * t) + level(t) + ?a
sketch level(t: Float) -> Float {
  # a comment stays
  hole d: Float > 0 = 0.5
  hole w: Float[2] = [-0.1, 0.2]
  d + w[0] * t + w[1] - ?e
}
let ts = linspace(0, 5, 20)
let fit = train wave { minimize mean((wave(ts) - 2 * sin(1.5 * ts))^2)  using adam(rate = 0.02)  steps 100 }
print("{fit.loss:.6f} {fit.value(1.0):.6f}")
let other = (train level { minimize (level(1.0) - 2)^2  steps 5 }).loss
print(other > 0)
"""


def test_fill_prints_a_program_that_does_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wave.dp"
    path.write_text(FILLED)
    assert main(["fill", str(path)]) == 0
    text = capsys.readouterr().out
    assert "?" not in text and "hole" not in text and "# a comment stays" in text and "let w: Float[2] = [" in text
    before, after = printed(FILLED), printed(text)
    assert after[0] == before[0]
    path.write_text(text)
    assert main(["fill", str(path)]) == 0
    assert capsys.readouterr().out == text
    path.write_text("sketch a(t: Float) -> Float = ?a * t\n")
    assert main(["fill", str(path)]) == 0
    told = capsys.readouterr()
    assert told.out == "sketch a(t: Float) -> Float = ?a * t\n" and "W0502" in told.err
