"""The second judgement through the language: the verdict for each loop, of the program and of its derivative."""

from __future__ import annotations

import pytest

from conftest import Snapshot
from judging import codes, first, loops, loops_report, outcome


def fn(body: str, params: str = "x: Float[n]", result: str = "Float[n]") -> str:
    return f"fn f({params}) -> {result} {{\n  var y = x\n{body}\n  y\n}}\n"


PRIMAL = {
    "own elements": (fn("  for i in 0..n { y[i] = 2 * x[i] }"), "parallel"),
    "own element read": (fn("  for i in 0..n { y[i] = y[i] * y[i] + 1 }"), "parallel"),
    "neighbour of another array": (fn("  for i in 1..n { y[i] = x[i] - x[i - 1] }"), "parallel"),
    "neighbour": (fn("  for i in 1..n { y[i] = y[i] + y[i - 1] }"), "sequential"),
    "even and odd": (fn("  for i in 0..n // 2 { y[2 * i] = y[2 * i + 1] }"), "parallel"),
    "reversed": (fn("  for i in 0..n { y[n - 1 - i] = x[i] }"), "parallel"),
    "mirrored": (fn("  for i in 0..n { y[n - 1 - i] = y[i] }"), "sequential"),
    "halves": (fn("  for i in 0..n { y[i] = y[i + n] }", "x: Float[2*n], k: Float[n]", "Float[2*n]"), "parallel"),
    "flattened rows": (
        fn("  for i in 0..n { for j in 0..m { y[i * m + j] = i + j } }", "x: Float[n*m], k: Float[n, m]", "Float[n*m]"),
        "parallel",
    ),
    "rows": (fn("  for i in 0..n { y[i] = 2 * x[i] }", "x: Float[n, m]", "Float[n, m]"), "parallel"),
    "one row": (fn("  for i in 0..n { y[0] = x[i] }", "x: Float[n, m]", "Float[n, m]"), "sequential"),
    "triangle": (
        fn("  for i in 0..n { for j in 0..i { y[i, j] = y[i, j] + x[j, i] } }", "x: Float[n, n]", "Float[n, n]"),
        "parallel",
    ),
    "columns of other rows": (
        fn("  for i in 1..n { for j in 0..n { y[i, j] = y[i - 1, j] } }", "x: Float[n, n]", "Float[n, n]"),
        "sequential",
    ),
    "through an index": (fn("  for i in 0..n { y[k[i]] = x[i] }", "x: Float[n], k: Int[n]"), "sequential"),
    "histogram": (fn("  for i in 0..n { y[k[i]] += x[i] }", "x: Float[n], k: Int[n]"), "histogram"),
    "histogram by maximum": (
        fn("  for i in 0..n { y[k[i]] = max(y[k[i]], x[i]) }", "x: Float[n], k: Int[n]"),
        "histogram",
    ),
    "turned round": (fn("  for i in 0..n { y[(i + 1) % n] += x[i] }"), "parallel"),
    "in a branch": (fn("  for i in 0..n { if x[i] > 0 { y[i] = 1.0 } }"), "parallel"),
    "with continue": (fn("  for i in 0..n { if x[i] > 0 { continue }\n y[i] = 1.0 }"), "parallel"),
    "with break": (fn("  for i in 0..n { if x[i] > 0 { break }\n y[i] = 1.0 }"), "sequential"),
    "one element": (fn("  for i in 0..n { y[0] += x[i] }"), "reduction"),
    "shifted slices": (fn("  for i in 0..n // 2 { y[2 * i..2 * i + 2] = x[i..i + 2] }"), "parallel"),
    "overlapping slices": (fn("  for i in 0..n // 2 { y[i..i + 2] = x[i..i + 2] }"), "sequential"),
    "counting index": (fn("  var k = 0\n  for i in 0..n { y[k] = 1.0; k += 1 }"), "parallel"),
    "own scratch": (fn("  for i in 0..n { var t = zeros(3); t[1] = x[i]; y[i] = t[1] }"), "parallel"),
    "printing": (fn("  for i in 0..n { print(i) }"), "sequential"),
}


def scalar(body: str) -> str:
    return f"fn f(x: Float[n]) -> Float {{\n  var s = 0.0\n  var t = 1.0\n{body}\n  s + t\n}}\n"


SCALAR = {
    "sum": (scalar("  for i in 0..n { s += x[i] }"), "reduction"),
    "difference": (scalar("  for i in 0..n { s -= x[i] }"), "reduction"),
    "product": (scalar("  for i in 0..n { s = x[i] * s }"), "reduction"),
    "maximum": (scalar("  for i in 0..n { s = max(s, x[i]) }"), "reduction"),
    "sum in a branch": (scalar("  for i in 0..n { if x[i] > 0 { s += x[i] } }"), "reduction"),
    "sum over a nest": (scalar("  for i in 0..n { for j in 0..3 { s += x[i] * j } }"), "reduction"),
    "sum that is read": (scalar("  for i in 0..n { s += x[i]; t = t + s }"), "sequential"),
    "mixed": (scalar("  for i in 0..n { s = s * 2 + x[i] }"), "sequential"),
    "private": (scalar("  for i in 0..n { t = x[i]; s += t * t }"), "reduction"),
    "last that fits": (scalar("  for i in 0..n { if x[i] > 0 { t = x[i] } }"), "sequential"),
    "while": (scalar("  var i = 0\n  while i < n { s += x[i]; i += 1 }"), "sequential"),
}


@pytest.mark.parametrize("name", [*PRIMAL, *SCALAR])
def test_primal(name: str) -> None:
    text, kind = {**PRIMAL, **SCALAR}[name]
    outer = min((v for v in loops(text) if v.role == "primal" and v.span.text.startswith(("for", "while"))),
                key=lambda v: v.span.start)  # fmt: skip
    assert outer.kind == kind, outer.reason


def gradient(body: str, params: str = "x: Float[n]") -> str:
    arrays = "x" if params == "x: Float[n]" else "x, k"
    given = "[1.0, 2.0]" if arrays == "x" else "[1.0, 2.0], [0, 1]"
    return f"fn f({params}) -> Float {{\n  var y = zeros(n)\n{body}\n  sum(y)\n}}\nprint(grad(f)({given}))\n"


ADJOINT = {
    "own elements": (gradient("  for i in 0..n { y[i] = sin(x[i]) }"), "parallel"),
    "a constant element": (gradient("  for i in 0..n { y[i] = x[0] * i }"), "reduction"),
    "through an index": (gradient("  for i in 0..n { y[i] = sin(x[k[i]]) }", "x: Float[n], k: Int[n]"), "histogram"),
    "neighbours": (gradient("  for i in 1..n { y[i] = x[i] * x[i - 1] }"), "histogram"),
    "running": (gradient("  for i in 1..n { y[i] = x[i] * y[i - 1] }"), "sequential"),
}


@pytest.mark.parametrize("name", ADJOINT)
def test_adjoint(name: str) -> None:
    text, kind = ADJOINT[name]
    found = [v for v in loops(text) if v.role == "adjoint" and v.span.text.startswith("for")]
    assert [v.kind for v in found] == [kind], [v.reason for v in found]


def test_refused() -> None:
    text = fn("  parallel for i in 1..n { y[i] = y[i] + y[i - 1] }")
    found = first(text, "E0401")
    assert found.sentence() == (
        "this loop cannot run in parallel: turn `i = 1` changes `y[i]`, and turn `i = 2` reads it as `y[i - 1]`"
    )
    assert [n.span.text for n in found.notes() if n.span] == ["y[i] = y[i] + y[i - 1]", "y[i - 1]"]


@pytest.mark.parametrize("name", ["own elements", "histogram", "one element", "triangle"])
def test_asserted(name: str) -> None:
    text, _ = PRIMAL[name]
    assert "E0401" not in codes(text.replace("  for", "  parallel for", 1))


def test_break_in_a_parallel_loop() -> None:
    text = fn("  parallel for i in 0..n { if x[i] > 0 { break }\n y[i] = 1.0 }")
    assert "E0401" in codes(text)


def test_report() -> None:
    text = gradient("  for i in 0..n { y[i] = sin(x[k[i]]) }", "x: Float[n], k: Int[n]")
    lines = loops_report(text).splitlines()
    assert lines[0].split() == ["3", "for", "i", "in", "0..n", "{", "y[i]", "=", "sin(x[k[i]])", "}"]
    assert lines[1].split()[:2] == ["primal", "parallel"]
    assert lines[2].split()[:2] == ["adjoint", "histogram:"]


def test_snapshots_of_errors(snapshot: Snapshot) -> None:
    snapshot.run("parallelism/errors.txt", outcome)


def test_snapshots_of_reports(snapshot: Snapshot) -> None:
    texts = [text for text, _ in [*PRIMAL.values(), *SCALAR.values(), *ADJOINT.values()]]
    snapshot.agree("parallelism/reports.txt", ((text, loops_report(text)) for text in texts))
