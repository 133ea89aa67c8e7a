"""Documentation: every public name of the library has some, its examples run, and `dp doc` shows it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from dplang.cli import main
from dplang.document import entries, rows
from dplang.document.examples import Example, Line, Prose, parts
from dplang.document.find import Contents, Found, Library, Unknown, find
from dplang.document.show import page, plain, write
from dplang.document.trials import File, Trial, manual_trials
from dplang.errors.catalogue import story
from dplang.errors.diagnostic import Fault
from dplang.loading import library
from dplang.stack import deep

MODULES = sorted(library().glob("*.dp"))


@cache
def file(path: Path) -> File:
    made = File(str(path))
    deep(made.run)
    return made


def trials() -> Iterator[tuple[str, Path | None, int, Example]]:
    """The examples of the library: where they stand, and what runs them."""
    for path in MODULES:
        for entry in entries.page(str(path)).walk():
            for i, example in enumerate(entry.examples):
                yield f"{path.stem}.{entry.name}" + (f"-{i + 1}" if i else ""), path, i, example
    for entry in entries.manual().entries:
        for i, example in enumerate(entry.examples):
            yield f"{entry.name}" + (f"-{i + 1}" if i else ""), None, i, example


EXAMPLES = list(trials())
MANUAL = {trial.title: trial for trial in manual_trials()}


@pytest.mark.parametrize(("name", "path", "i", "example"), EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_example(
    name: str, path: Path | None, i: int, example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if path is not None:
        deep(lambda: file(path).example(example))
    else:
        title = name.rpartition("-")[0] if i else name
        deep(MANUAL[f"example of {title}" + (f" ({i + 1})" if i else "")].run)


# a draw moves as its distribution does, not as the number that its key gives: `test_library_random.py`
RULES = [p for p in MODULES if "\nderivative " in p.read_text() and p.stem != "random"]


@pytest.mark.parametrize("path", RULES, ids=lambda p: p.stem)
def test_derivative_rules_of_the_library(path: Path) -> None:
    said = {t.title: deep(t.run) for t in file(path).trials() if t.title.startswith("derivative of ")}
    assert said and set(said.values()) == {""}, said


# ---- laws


def test_every_public_name_is_documented() -> None:
    without = []
    for path in MODULES:
        for entry in entries.page(str(path)).entries:
            if entry.public and not (entry.first and (entry.examples or not entry.signature.startswith("fn"))):
                without.append(f"{path.stem}.{entry.name}")
    assert without == []


def test_every_built_in_name_is_documented_once() -> None:
    from dplang.check.lookup import builtin_names
    from dplang.check.native import NATIVE
    from dplang.primitives import TABLE

    rows = {r.name for r in TABLE.values() if r.public and r.name.replace(".", "").isidentifier()}
    wanted = (set(builtin_names()) | rows | set(NATIVE)) - {"Some", "None", "not"}
    documented = [e.name for e in entries.manual().entries]
    assert sorted(wanted - set(documented)) == []
    assert sorted(set(documented) - wanted) == []
    assert len(documented) == len(set(documented))
    assert [e.name for e in entries.manual().entries if not (e.first and e.examples)] == []


def test_no_name_is_documented_in_two_places() -> None:
    prelude = {e.name for e in entries.page(str(library() / "prelude.dp")).entries}
    assert prelude & {e.name for e in entries.manual().entries} == set()


# ---- reading documentation


def lines(text: str) -> list[Line]:
    return [Line(line, n) for n, line in enumerate(text.split("\n"), 1)]


def test_prose_and_examples() -> None:
    found = parts(lines("One\ntwo.\n\n    a\n\n    b  # error E01\n\nthree\n    c\n- d\n- e"))
    texts = [part.text for part in found]
    assert texts == ["One two.", "a\n\nb  # error E01", "three", "c", "- d", "- e"]
    assert [type(part) for part in found] == [Prose, Example, Prose, Example, Prose, Prose]
    first = found[1]
    assert isinstance(first, Example)
    assert first.refused == [("E01", 6)]
    assert first.source("x").text == "\n\n\n    a\n\n    b  # error E01\n"


def test_entries_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shapes.dp"
    path.write_text(
        "# shapes.dp: round things.\n\n"
        "## A circle. It is round.\nstruct Circle[n] {\n  r: Float > 0  # radius\n  c: Float[n]\n"
        "  ## Its area.\n  fn area(self) -> Float = pi * self.r^2\n}\n"
        "# no documentation\nfn one(\n  x: Float,  # first\n  y: Float = 2,\n) -> Float {\n  x\n}\n"
        "## Colours.\nenum Colour { Red, Other(Int) }\n## A number.\nlet k: Int = 3\nlet j = 4\nfn _own() = 1\n",
        encoding="utf-8",
    )
    made = entries.page(str(path))
    assert [line.text for line in made.lines] == ["round things."]
    assert [(e.name, e.signature, e.first) for e in made.walk()] == [
        ("Circle", "struct Circle[n] { r: Float > 0, c: Float[n] }", "A circle."),
        ("Circle.area", "fn area(self) -> Float", "Its area."),
        ("one", "fn one(x: Float, y: Float = 2) -> Float", ""),
        ("Colour", "enum Colour { Red, Other(Int) }", "Colours."),
        ("k", "let k: Int", "A number."),
        ("_own", "fn _own()", ""),
    ]
    assert [e.public for e in made.walk()] == [True] * 5 + [False]
    found = Library().find("arange")
    assert isinstance(found, Found) and len(found.signatures) == 1 and found.signatures[0].count("\n") == 2
    contents = find(str(path))
    assert isinstance(contents, Contents)
    assert "_own" not in plain(list(page(contents)))
    method = find(f"{path}:Circle.area")
    assert isinstance(method, Found) and method.entry.first == "Its area."
    unknown = find(f"{path}:Cicle")
    assert isinstance(unknown, Unknown) and unknown.near == ("Circle",)


def test_every_name_has_a_page() -> None:
    known = Library()
    for name in [*known.always, *known.modules]:
        out = io.StringIO()
        found = known.find(name)
        assert not isinstance(found, Unknown)
        write(page(found), out)
        assert out.getvalue().strip()


def test_names_that_come_close() -> None:
    unknown = find("shufle")
    assert isinstance(unknown, Unknown) and "random.shuffle" in unknown.near
    assert "did you mean `random.shuffle`" in str(unknown)
    unknown = find("random.shufle")
    assert isinstance(unknown, Unknown) and unknown.near == ("random.shuffle",)


def test_what_the_table_says() -> None:
    assert rows.signatures("hypot") == ["hypot(x: F, y: F) -> F"]
    assert rows.classes("hypot") == ["F is Float or Float32"]
    assert rows.derivative("hypot") == "continuous, with kinks; 0 at the origin"
    assert "instead: stop" in rows.derivative("floor")
    assert rows.derivative("print") == rows.derivative("key") == ""


# ---- dp doc


def test_dp_doc(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doc", "linspace"]) == 0
    assert capsys.readouterr().out.startswith("fn linspace(first: Float, last: Float, n: Int) -> Float[n]\n\n")
    assert main(["doc"]) == 0
    out = capsys.readouterr().out
    assert "linspace" in out and "random" in out
    assert main(["doc", "optim.Adam.step"]) == 0
    assert "fn step(self, " in capsys.readouterr().out
    assert main(["doc", "linspce"]) == 2
    assert "did you mean `linspace`" in capsys.readouterr().err
    assert main(["doc", "no_such_file.dp"]) == 1
    assert "E0750" in capsys.readouterr().err


# ---- dp test


PROGRAM = """\
## Twice `x`.
##
##     print(twice(1.5), k)
##     # prints: 3.0 3
##
## With an array:
##
##     print(twice([1.0, 2.0]))
##     # prints: [2.0, 5.0]
fn twice(x: Float) -> Float = 2 * x
let k = 3
print("never seen")

##     let y = twice(
fn other(x: Float) -> Float = x

##     print([1.0][k])
fn third(x: Float) -> Float = x

##     print([1.0][k])  # error E02
##     print([1.0][0])
fn fourth(x: Float) -> Float = x

test "right" { assert twice(1) == 2.0 }
test "wrong" {
  print("told")
  assert twice(1) == 3.0
}
"""


def tried(tmp_path: Path, text: str) -> dict[str, str]:
    """What becomes of the trials of a program: the codes and lines of what is wrong, or what is said."""
    path = tmp_path / "program.dp"
    path.write_text(text, encoding="utf-8")
    made = File(str(path))
    deep(made.run)
    return {trial.title: outcome(trial) for trial in made.trials()}


def outcome(trial: Trial) -> str:
    try:
        return deep(trial.run)
    except Fault as fault:
        return " ".join(f"{d.code}:{d.span.line}" for d in fault.diagnostics)


def test_trials_of_a_program(tmp_path: Path) -> None:
    assert tried(tmp_path, PROGRAM) == {
        "right": "",
        "wrong": "E0608:27",
        "example of twice": "",
        "example of twice (2)": "E0630:9",
        "example of other": "E0107:14",
        "example of third": "E0265:17",
        "example of fourth": "",
    }


def test_dp_test(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.dp").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "b.dp").write_text('test "fine" { assert true }\n', encoding="utf-8")
    assert main(["test", str(tmp_path)]) == 1
    ran = capsys.readouterr()
    assert "never seen" not in ran.out and "told" in ran.out
    assert ran.out.endswith("4 passed, 4 failed\n")
    assert f"{tmp_path / 'sub' / 'a.dp'}:9:8" in ran.err
    assert main(["test", str(tmp_path), "-k", "twice EXAMPLE"]) == 1
    assert capsys.readouterr().out.endswith("1 passed, 1 failed\n")
    assert main(["test", str(tmp_path), "-k", "fine"]) == 0
    assert capsys.readouterr().out.endswith("1 passed\n")
    (tmp_path / "b.dp").write_text("let x = nope\n", encoding="utf-8")
    assert main(["test", str(tmp_path / "b.dp")]) == 1
    ran = capsys.readouterr()
    assert "E0201" in ran.err and ran.out == "0 passed, 1 failed\n"


def test_more_and_less_output_than_an_example_says(tmp_path: Path) -> None:
    more = "##     print(1)\nfn f() = 1\n\n##     print(1)\n##     # prints: 1\n##     # prints: 2\nfn g() = 1\n"
    assert tried(tmp_path, more) == {"example of f": "E0630:1", "example of g": "E0630:6"}


@pytest.mark.parametrize("code", ["E0630", "E0631", "E0632"])
def test_the_stories_of_what_dp_test_finds(tmp_path: Path, code: str) -> None:
    wrong, right = re.findall(r"^```dp\n(.*?)^```", story(code), re.DOTALL | re.MULTILINE)
    assert [o.partition(":")[0] for o in tried(tmp_path, wrong).values()] == [code]
    assert list(tried(tmp_path, right).values()) == [""]


# ---- derivative rules


def test_rules_beside_differences(tmp_path: Path) -> None:
    text = """
fn scale(x: Float, n: Int) -> Float = log(x) * n
derivative scale(x, n) = n / x
fn apply(a: Float[n, n], b: Float[n]) -> Float[n] = a @ b
derivative apply(a, b) {
  jvp(da, db) = da @ b + a @ db
  vjp(g) = (outer(g, b), transpose(a) @ g)
}
fn turned(a: Float[n, m], b: Float[m]) -> Float[n] = a @ b
derivative turned(a, b) { vjp(g) = (outer(g, b), -(transpose(a) @ g)) }
fn both(x: Float, y: Float) -> (Float, Float) = (x * y, x + y)
derivative both(x, y) { jvp(dx, dy) = (x * dy - y * dx, dx + dy) }
fn _part(x: Float, twice: Float) -> Float = x * twice
derivative _part(x, twice) = (2 * twice, 0)
fn square(x: Float) -> Float = 0.5 * _part(x, 2 * x)
fn tripled(x: Float) -> Float = _part(x, 3.0)
fn _alone(x: Float) -> Float = x^2
derivative _alone(x) = x
fn spread(x: Float, n: Int) -> Float[n] = x * ones(n)
derivative spread(x, n) {
  jvp(dx) = dx * ones(n)
  vjp(g) = sum(g)
}
enum Kind { Plain }
fn of_kind(x: Float, k: Kind) -> Float = x
derivative of_kind(x, k) = 1.0
fn never(x: Float) -> Float = log(-1 - x^2)
derivative never(x) = 1.0
"""
    found = tried(tmp_path, text)
    assert {k.removeprefix("derivative of "): v for k, v in found.items()} == {
        "scale": "",
        "apply": "",
        "turned": "E0632:9",
        "both": "E0632:11",
        "square": "",
        "tripled": "E0632:16",
        "_alone": "E0632:17",
        "spread": "",
        "of_kind": "not tried: nothing can be drawn for `k: Kind`",
        "never": "not tried: no point was found where the function has a value and differences agree",
    }
