"""Data files and pictures: what is read, where faults are found, what is drawn."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Snapshot
from dplang.core.ir import FLOAT
from dplang.errors import Fault, Source, Span
from dplang.errors.render import render_text
from dplang.interpret import csv, plot
from dplang.interpret.io import IoContext
from running import run

CALL = Span(Source("program.dp", 'let (t, y) = data.csv("table.csv", "t", "y")\n'), 13, 44)

WRONG_AND_RIGHT: list[tuple[bytes, tuple[str, ...]]] = [
    (b"", ("t",)),
    (b"\n\r\n", ("t",)),
    (b"t,y\n", ("t",)),
    (b"t\n1\n", ("t",)),
    (b"t,y\n1,2\n3,x4\n", ("t", "y")),
    (b"t,y\n1,2\n3,4\n", ("t", "y")),
    (b"t,y\n1,2\n3,\n", ("t", "y")),
    (b"t,y\n1,2\n3,NA\n", ("t", "y")),
    (b"t,note\n1,NA\n3,\n", ("t",)),
    (b"t;y\n1,5;2\n", ("t",)),
    (b"t;y\n1.5;2\n", ("t",)),
    (b"t\ty\n1.5\t2\n", ("y", "t")),
    (b"t,y\n1_000,2\n", ("t",)),
    (b"t,y\n1e3,-2.5E-1\n", ("t", "y")),
    (b"t,y\n1,2\n3\n", ("t", "y")),
    (b"t,y\n1,2\n3,4,5\n", ("t", "y")),
    (b"t,y\n1,nan\n", ("t", "y")),
    (b"t,y\n1,1e999\n", ("t", "y")),
    (b"t,y\n1,-inf\n", ("t",)),
    (b"Time,Temp\n1,2\n", ("temp",)),
    (b"Time,Temp\n1,2\n", ("Temp",)),
    (b"1,2\n3,4\n", ("t",)),
    (b"t,t\n1,2\n", ("t",)),
    (b'"t","y, scaled"\n"1","2"\n', ("t", "y, scaled")),
    (b't,note\n1,"a ""quoted"" word"\n2,"two\nlines"\n', ("t",)),
    (b't,y\n"1,2\n', ("t",)),
    (b't,y\n"1"2,2\n', ("t",)),
    (b't,y\n1"2,2\n', ("t",)),
    (b"t,y\n1,2\n3,\xff\n", ("t",)),
    (b"\xef\xbb\xbft,y\r\n1,2\r\n\r\n 3 , 4 \r\n", ("t", "y")),
    (b"t,y\r1,2\r3,4", ("t", "y")),
    (b"\xff\xfet\x00,\x00", ("t",)),
]


def outcome(path: str, columns: tuple[str, ...], call: Span = CALL) -> str:
    try:
        return str([list(map(float, column)) for column in csv.columns_of(path, [(c, FLOAT) for c in columns], call)])
    except Fault as fault:
        return render_text(fault.diagnostics)


def test_faults_and_values(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases = []
    for content, columns in WRONG_AND_RIGHT:
        Path("table.csv").write_bytes(content)
        cases.append((f"{content!r} {', '.join(columns)}", outcome("table.csv", columns)))
    snapshot.agree("data/csv.txt", cases)


def test_places_that_hold_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("t\n1\n")
    Path("sub").mkdir()
    for path, code, hint in [
        ("tabel.csv", "E0701", "did you mean `table.csv`?"),
        ("sub/table.csv", "E0701", ""),
        ("none/table.csv", "E0701", ""),
        ("sub", "E0702", ""),
        (".", "E0702", ""),
        ("", "E0702", ""),
        ("a\0b", "E0701", ""),
        ("x" * 5000, "E0701", ""),
        ("/dev/null", "E0703", ""),
    ]:
        with pytest.raises(Fault) as fault:
            csv.columns_of(path, [("t", FLOAT)], CALL)
        (found,) = fault.value.diagnostics
        assert found.code == code and hint in found.help(), path
        render_text([found])


def test_paths_are_looked_for_here_and_beside_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    beside.mkdir()
    here.mkdir()
    (beside / "program.dp").write_text("")
    (beside / "table.csv").write_text("t\n1\n")
    monkeypatch.chdir(here)
    call = Span(Source(str(beside / "program.dp"), ""), 0, 0)
    assert outcome("table.csv", ("t",), call) == "[[1.0]]"
    (here / "table.csv").write_text("t\n2\n")
    assert outcome("table.csv", ("t",), call) == "[[2.0]]"
    assert outcome(str(beside / "table.csv"), ("t",), call) == "[[1.0]]"


def test_a_long_table_is_read_in_time(tmp_path: Path) -> None:
    n = 20_000
    rng = np.random.default_rng(0)
    t, y = np.arange(n) * 0.1, rng.normal(size=n)
    path = tmp_path / "long.csv"
    path.write_text("t,y\n" + "".join(f"{a},{b}\n" for a, b in zip(t.tolist(), y.tolist(), strict=True)))
    first, second = csv.columns_of(str(path), [("t", FLOAT), ("y", FLOAT)], CALL)
    assert np.array_equal(first, t) and np.array_equal(second, y)


# ---- pictures


def draw(row: Any, *args: Any, state: dict[str, Any], **options: Any) -> None:
    """Calls a row that draws, as a program does."""
    row(
        IoContext(io.StringIO(), CALL, {}, state),
        (*args, *options.values()),
        ((), (None,) * len(args) + (*options,), None),
    )


def drawn(path: str, *, state: dict[str, Any] | None = None, **options: Any) -> bytes:
    state = {} if state is None else state
    x = np.linspace(0, 1, 20)
    draw(plot.scatter, x, np.sin(x), label="data $5", state=state)
    draw(plot.line, np.cos(x), state=state)
    draw(plot.save, path, state=state, **options)
    return Path(path).read_bytes()


@pytest.mark.parametrize("kind, head", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures(kind: str, head: bytes, tmp_path: Path) -> None:
    first = drawn(str(tmp_path / f"a.{kind}"), title="$ and ünïcode", x="t", y="y")
    assert first.startswith(head) and len(first) > 2000
    if kind != "pdf":
        # the same data give the same bytes, whatever the time and the settings of the user
        assert first == drawn(str(tmp_path / f"b.{kind}"), title="$ and ünïcode", x="t", y="y")


def test_a_save_begins_a_new_figure(tmp_path: Path) -> None:
    state: dict[str, Any] = {}
    drawn(str(tmp_path / "a.png"), state=state)
    with pytest.raises(Fault, match="E0723"):
        draw(plot.save, str(tmp_path / "b.png"), state=state)


def test_what_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(3.0)

    def save(path: str, *args: Any, **options: Any) -> None:
        state: dict[str, Any] = {}
        draw(plot.line, *(args or (x, x)), state=state)
        draw(plot.save, path, state=state, **options)

    for code, path, options in [
        ("E0721", "a.bmp", {}),
        ("E0721", "a", {}),
        ("E0722", str(tmp_path / "none" / "a.png"), {}),
        ("E0722", "x\0.png", {}),
        ("E0725", str(tmp_path / "a.png"), {"width": -1.0}),
        ("E0725", str(tmp_path / "a.png"), {"height": float("nan")}),
    ]:
        with pytest.raises(Fault, match=code):
            save(path, **options)
    with pytest.raises(Fault, match="E0724"):
        draw(plot.line, x, x[:2], state={})
    huge = np.array([-1.7e308, 0.0, 1.7e308, np.nan, np.inf])
    with pytest.raises(Fault, match="E0725"):
        save(str(tmp_path / "a.png"), huge, huge)
    with pytest.raises(Fault, match="E0727"):
        draw(plot.scatter, x, x, color="no such colour", state={})
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Fault, match=r"E0720.*not installed"):
        save(str(tmp_path / "a.png"))


# ---- as programs


def test_programs(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("t,y\n0,1\n1,3\n2,5\n")
    Path("bad.csv").write_text("t,y\n0,1\none,3\n")
    Path("sub").mkdir()

    def outcome(text: str) -> str:
        ran = run(text, "program.dp")
        return "\n".join([*ran.printed, render_text(ran.diagnostics)]).replace(str(tmp_path.resolve()), "HERE")

    snapshot.run("data/programs.txt", outcome)
