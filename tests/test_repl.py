"""The interactive dp: entries over several lines, what is shown, what is remembered, and how it ends."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dplang.repl import Repl
from dplang.repl.entry import goes_on
from dplang.repl.terminal import from_lines, history_path


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("1", False),
        ("1 +", True),
        ("1 +\n", False),
        ("fn f() {", True),
        ("fn f() {\n\n", True),
        ("fn f() {\n1\n}", False),
        ("let x = # later", True),
        ("(1,\n2", True),
        ("[1,\n2]", False),
        ('"("', False),
        ('"unclosed (', False),
        ("# a remark (", False),
        ("## what follows", True),
        ("## what follows\nfn f() = 1", False),
        ("a)(", False),
        ("x |>", True),
        ("", False),
    ],
)
def test_whether_an_entry_goes_on(text: str, more: bool) -> None:
    assert goes_on(text) is more


def test_lines_become_entries() -> None:
    text = "1\nfn f() {\n  2\n}\n\nf() +\n3\n(4"
    assert list(from_lines(io.StringIO(text))) == ["1", "fn f() {\n  2\n}", "", "f() +\n3", "(4"]


class Told:
    """A REPL, and what it says to each entry."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.repl = Repl(self.out, self.err)

    def __call__(self, entry: str) -> str:
        """Standard output of an entry that must be fine."""
        out, err = self.both(entry)
        assert err == "", err
        return out

    def both(self, entry: str) -> tuple[str, str]:
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        self.repl.enter(entry)
        return self.out.getvalue().rstrip("\n"), self.err.getvalue()


@pytest.fixture
def tell() -> Told:
    return Told()


def test_values_and_types_are_shown(tell: Told) -> None:
    assert tell("1 + 1") == "2 : Int"
    assert tell("[1.0, 2, 3]") == "[1.0, 2.0, 3.0] : Float[3]"
    assert tell('"a" == "b"') == "false : Bool"
    assert tell("(1, 2.5)") == "(1, 2.5) : (Int, Float)"
    assert tell('print("hi")') == "hi"
    assert tell("let x = 3") == ""
    assert tell("") == ""
    assert tell("# nothing") == ""
    shown = tell("arange(5000)")
    assert len(shown) < 2000 and shown.startswith("[0, 1, 2") and shown.endswith("4999] : Int[5000]")


def test_names_stay_known(tell: Told) -> None:
    tell("let n = 3")
    tell("let xs = [1.0 * i for i in 0..n]")
    tell("fn double(x: Float) -> Float = 2 * x")
    assert tell("double(xs)") == "[0.0, 2.0, 4.0] : Float[3]"
    tell("struct Point { x: Float, y: Float }")
    assert tell("let p = Point(1, 2); p.x + p.y") == "3.0 : Float"
    assert tell("p") == "Point(x = 1.0, y = 2.0) : Point"
    tell("let f = x -> x * p.y")
    assert tell("f(4)") == "8.0 : Float"
    tell("import optim")
    assert tell("grad(double)(3.0)") == "2.0 : Float"
    tell("var v = 1")
    tell("v += 5")
    assert tell("v") == "6 : Int"
    tell("enum Light { Red, Green }")
    assert tell("let l = Red; match l { Red => 1, Green => 2 }") == "1 : Int"


def test_the_last_value_has_a_name(tell: Told) -> None:
    tell("20 + 1")
    assert tell("_ * 2") == "42 : Int"


def test_redefinition(tell: Told) -> None:
    tell("let x = 1")
    tell("fn f() -> Int = 10")
    tell("fn g() -> Int = f() + 1")
    tell('let x = "two"')
    assert tell("x") == '"two" : String' or tell("x") == "two : String"
    tell("fn f() -> Int = 20")
    assert tell("f()") == "20 : Int"
    tell("struct S { a: Int }")
    tell("struct S { b: Float }")
    assert tell("S(b = 1).b") == "1.0 : Float"


def test_faults_leave_everything_as_it_was(tell: Told) -> None:
    tell("let x = 1")
    out, err = tell.both("let x = nope")
    assert out == "" and "nope" in err and "E02" in err
    assert tell("x") == "1 : Int"
    _, err = tell.both("let y = [1.0][int(x / 1)]")
    assert "E06" in err
    _, err = tell.both("y")
    assert "E02" in err
    _, err = tell.both("let")
    assert "E01" in err
    assert tell("x + 1") == "2 : Int"


def test_commands(tell: Told, tmp_path: Path) -> None:
    assert ":type" in tell(":help")
    tell("fn f(x: Float) -> Float = x")
    assert tell(":type f(1)") == "Float"
    assert tell(":type f") == "(Float) -> Float"
    assert "io" in tell(':type print("x")')
    path = tmp_path / "lib.dp"
    path.write_text('fn three() -> Int = 3\nlet a = three()\nprint("loaded")\n')
    assert tell(f":load {path}") == "loaded"
    assert tell("a + three()") == "6 : Int"
    for entry in (":nonsense", ":type", ":load", ":type nope", ":load no/such.dp", ":load ."):
        out, err = tell.both(entry)
        assert out == "" and err and "Traceback" not in err, entry
    assert "did you mean" in tell.both(":hlep")[1]
    assert tell.repl.enter(":quit") is False
    assert tell.repl.enter("1") is True


def test_documentation(tell: Told) -> None:
    assert ":doc" in tell(":help")
    assert tell(":doc linspace").startswith("fn linspace(first: Float, last: Float, n: Int) -> Float[n]\n\n")
    tell("## Twice `x`.\nfn twice(x: Float) -> Float = 2 * x")
    assert tell(":doc twice") == "fn twice(x: Float) -> Float\n\nTwice `x`."
    tell("struct Pair { a: Float\n## The sum.\nfn sum(self) -> Float = self.a }")
    assert "The sum." in tell(":doc Pair.sum")
    assert "did you mean `linspace`" in tell.both(":doc linspce")[1]


def test_nothing_ends_in_a_traceback(tell: Told) -> None:
    for entry in (")", "\x00", "let let", '"', "é = 3", "fn", "1 / 0", "[[1], [1, 2]]", "x -> x", "(" * 5000, "sum"):
        _, err = tell.both(entry)
        assert "Traceback" not in err and "E0001" not in err, entry


def repl(text: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-m", "dplang"], input=text, capture_output=True, text=True, env=env, timeout=60
    )


def test_lines_from_a_pipe(tmp_path: Path) -> None:
    ran = repl("let x = 2\nfn f(a: Float) -> Float {\n  a * 3\n}\nf(x)\n", tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "6.0 : Float\n", "")
    ran = repl("nope\n1\n", tmp_path)
    assert ran.returncode == 1 and ran.stdout == "1 : Int\n" and "nope" in ran.stderr
    ran = repl("1\n:quit\n2\n", tmp_path)
    assert ran.stdout == "1 : Int\n"


def test_the_history_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert history_path() == tmp_path / "dp" / "history"


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_at_a_terminal(tmp_path: Path) -> None:
    """Typed at a terminal: several lines, Ctrl-C at the prompt and while something runs, history, Ctrl-D."""
    import pty

    ours, theirs = pty.openpty()
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "dumb", "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "dplang"], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
    )
    os.close(theirs)
    seen = ""

    def wait_for(text: str) -> None:
        nonlocal seen
        end = time.monotonic() + 30
        while text not in seen:
            ready, _, _ = select.select([ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, (text, seen)
            seen += os.read(ours, 4096).decode(errors="replace")
        seen = seen.split(text, 1)[1]

    def answer(entry: bytes, text: str) -> None:
        """Types an entry at the prompt, and waits for a text and the next prompt."""
        time.sleep(0.5)  # the prompt is seen a moment before the terminal hands on control characters
        os.write(ours, entry)
        wait_for(text)
        wait_for("dp> ")

    try:
        wait_for("dp> ")
        answer(b"let x = 1 +\r41\r", "41")
        answer(b"x\r", "42 : Int")
        answer(b"let dropped = \x03", "dropped")
        answer(b"x + 1\r", "43 : Int")
        answer(b"fn f() -> Int { var i = 0; while i >= 0 { i += 1 }; i }\r", "fn")
        os.write(ours, b"f()\r")
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        wait_for("interrupted")
        wait_for("dp> ")
        answer(b"x + 2\r", "44 : Int")
        time.sleep(0.5)
        os.write(ours, b"\x04")
        assert child.wait(timeout=20) == 0
    finally:
        child.kill()
        os.close(ours)
    assert "x + 2" in (tmp_path / "dp" / "history").read_text()
