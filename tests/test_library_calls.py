"""Faults inside the library point at the user's call, whoever meets them: a judgement, the interpreter or a kernel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dplang import loading
from dplang.errors import Source
from dplang.errors.diagnostic import Diagnostic, Fault
from dplang.errors.render import render_text
from dplang.session import Session
from dplang.stack import deep

MODULE = """
fn last(x: Float[n]) -> Float = x[n - 1]
fn ends(x: Float[n]) -> Float = x[0] + last(x)
fn far(x: Float[n], k: Int) -> Float {
  if k > 2 { return far(x, k - 1) * 0.5 + far(x, k - 2) }
  x[n - k]
}
fn apply(f: (Float) -> Float, x: Float) -> Float = f(x)
fn cut(x: Float) -> Float = round(x) + x
fn twice(x: Float) -> Float = cut(x) * 2
fn bent(x: Float) -> Float = if x > 1 { x } else { 2 * x }
fn slope(x: Float) -> Float = grad(cut)(x)
fn slope_of(f: (Float) -> Float, x: Float) -> Float = grad(f)(x)
"""


@pytest.fixture(autouse=True)
def with_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library with one more module, `mod`."""
    shutil.copytree(loading.library(), tmp_path / "stdlib")
    (tmp_path / "stdlib" / "mod.dp").write_text(MODULE)
    monkeypatch.setattr(loading, "library", lambda: tmp_path / "stdlib")


def told(text: str, jit: str) -> list[Diagnostic]:
    found: list[Diagnostic] = []

    def go() -> None:
        session = Session(found.extend, jit=jit)  # type: ignore[arg-type]
        session.run(session.text(Source("user.dp", text)))

    try:
        deep(go)
    except Fault as fault:
        found.extend(fault.diagnostics)
    return found


RUNS = {
    "small": ("let e: Float[0] = []\nprint(mod.last(e))", "mod.last(e)", "mod.dp:2"),
    "through another": ("let e: Float[0] = []\nprint(1 + mod.ends(e))", "mod.ends(e)", "mod.dp:3"),
    "recursive": ("fn f(x: Float[n]) -> Float = 2 * mod.far(x, 8)\nprint(f([1.0]))", "mod.far(x, 8)", "mod.dp:6"),
    "in a loop": (
        "fn f(x: Float[n]) -> Float = sum(mod.last(x[0..i]) for i in 0..n)\nprint(f([1.0, 2.0]))",
        "mod.last(x[0..i])",
        "mod.dp:2",
    ),
    "a derivative": (
        "fn f(x: Float[n]) -> Float = mod.last(x[0..n - 1])^2\nprint(grad(f)([1.0]))",
        "mod.last(x[0..n - 1])",
        "mod.dp:2",
    ),
}


@pytest.mark.parametrize("jit", ["never", "always"])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_points_at_the_call(name: str, jit: str) -> None:
    text, call, origin = RUNS[name]
    (found,) = told(f"import mod\n{text}\n", jit)
    assert (found.code, found.span.source.name, found.span.text) == ("E0601", "user.dp", call)
    assert f"met in the library, at {origin}" in render_text([found])


@pytest.mark.parametrize("jit", ["never", "always"])
def test_what_the_user_hands_in_is_the_users(jit: str) -> None:
    (found,) = told("import mod\nlet e: Float[0] = []\nprint(mod.apply(x -> x * e[int(x)], 2.0))\n", jit)
    assert found.span.text == "e[int(x)]" and not found.origin()


JUDGED = {
    "cut off inside": ("print(grad(x -> mod.twice(x))(1.0))", "E0301", "grad(x -> mod.twice(x))(1.0)"),
    "jumps inside": ("print(grad(x -> 3 * mod.bent(x))(1.0))", "W0301", "mod.bent(x)"),
    "derived inside": ("print(mod.slope(1.0))", "E0301", "mod.slope(1.0)"),
    "derived of the argument": (
        "print(mod.slope_of(x -> floor(x) * x, 1.0))",
        "E0301",
        "mod.slope_of(x -> floor(x) * x, 1.0)",
    ),
}


@pytest.mark.parametrize("name", JUDGED)
def test_a_judgement_points_at_the_call(name: str) -> None:
    text, code, place = JUDGED[name]
    (found,) = told(f"import mod\n{text}\n", "never")
    assert (found.code, found.span.text) == (code, place)
    assert "mod.dp" not in " ".join(n.span.source.name for n in found.notes() if n.span is not None)


def test_the_remedy_is_for_the_users_text() -> None:
    (found,) = told("import mod\nprint(grad(x -> mod.twice(x))(1.0))\n", "never")
    assert "in `mod.twice(x)`" in found.sentence() and "stop(mod.twice(x))" in found.help()
    assert "`round` stands in the library, at mod.dp:9" in render_text([found])


def test_what_is_checked_for_each_call_points_at_it() -> None:
    text = (
        "import nn\nlet net = nn.Sequence((nn.dense(key(1), 2, 8), nn.dense(key(2), 7, 1)))\nprint(net([1.0, 2.0]))\n"
    )
    (found,) = told(text, "never")
    assert (found.code, found.span.text) == ("E0255", "net([1.0, 2.0])")
    assert "met in the library, at nn.dp" in render_text([found])
