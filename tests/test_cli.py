"""The command `dp` as a user meets it: exit status, what goes where, and that nothing ends in a traceback."""

from __future__ import annotations

import functools
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dplang
from dplang.cli import COMMANDS, main


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def dp(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs `dp` in this process, in a directory of its own; a text ending in a newline becomes a file there."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **files: str) -> Ran:
        for name, text in files.items():
            (tmp_path / f"{name}.dp").write_text(text, encoding="utf-8")
        status = main(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err + captured.out
        return Ran(status, captured.out, captured.err)

    return run


def process(*arguments: str, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dplang", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        **more,  # type: ignore[call-overload]
    )


# ---- usage


def test_version_and_help(dp):
    assert dp("version").out == f"dp {dplang.__version__}\n"
    assert dp("--version").out == f"dp {dplang.__version__}\n"
    for word in ("--help", "-h", "help"):
        ran = dp(word)
        assert ran.status == 0
        assert all(c.name in ran.out for c in COMMANDS)
    for c in COMMANDS:
        ran = dp(c.name, "--help")
        assert ran.status == 0 and c.name in ran.out


def test_wrong_usage_is_status_2(dp):
    ran = dp("chek", "x.dp")
    assert ran.status == 2 and "did you mean `dp check`" in ran.err and not ran.out
    assert "dp run prog.dp" in dp("prog.dp").err
    assert dp("nonsense").status == 2
    assert dp("--nonsense").status == 2
    assert dp("run").status == 2
    assert dp("run", "--nonsense", "x.dp").status == 2
    assert dp("run", "--limit", "many", "x.dp", x="").status == 2
    assert dp("run", "--limit", "-1", "x.dp", x="").status == 2
    assert dp("core", "x.dp", "--after", "nothing", x="").status == 2
    assert dp("explain", "E9999").status == 2


def test_explain(dp):
    ran = dp("explain", "e0750")
    assert ran.status == 0 and "E0750" in ran.out and "import" in ran.out
    assert "E0750" in dp("explain").out
    assert "did you mean" in dp("explain", "E075").err


def test_stories_on_a_terminal(monkeypatch):
    """Names and programs in colours, the text the same."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    from dplang.document.show import codes, plain, story, write

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for page in (story("E0301"), codes()):
        blocks = list(page)
        out = Terminal()
        write(blocks, out)
        assert "\x1b[" in out.getvalue()
        shown = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
        assert "".join(shown.split()) == "".join(plain(blocks).replace("`", "").split())


# ---- running


def test_run(dp):
    ran = dp("run", "x.dp", x='print("hello", 1 + 1)\n')
    assert (ran.status, ran.out, ran.err) == (0, "hello 2\n", "")


def test_a_faulty_program_is_status_1(dp):
    ran = dp("run", "x.dp", x='print("before")\nlet x = [1.0, 2.0]\nprint(x[0], x[int(x[1])])\n')
    assert ran.status == 1
    assert ran.out == "before\n"
    assert "x.dp:3" in ran.err and "E06" in ran.err
    ran = dp("run", "x.dp", x='print("before")\nlet y = nope\n')
    assert ran.status == 1 and ran.out == "" and "nope" in ran.err


def test_warnings_do_not_change_the_status(dp):
    text = "fn f(x: Float) -> Float = if x > 0 { x } else { 2.0 }\nprint(grad(f)(1.5))\n"
    ran = dp("run", "x.dp", x=text)
    assert ran.status == 0 and ran.out == "1.0\n" and "W0" in ran.err


def test_check(dp):
    assert dp("check", "x.dp", x="let x = 1\n").status == 0
    ran = dp("check", "x.dp", x="let x: Int = 2.5\nlet y: Bool = 3\n")
    assert ran.status == 1
    assert ran.err.count("error") >= 2 and not ran.out
    ran = dp("check", "a.dp", "b.dp", a="let x = 1\n", b="let y =\n")
    assert ran.status == 1 and "b.dp" in ran.err
    ran = dp("check", "x.dp", x="fn f(x: Float) -> Float = floor(x)\nlet g = grad(f)(1.5)\n")
    assert ran.status == 1 and "E0301" in ran.err


def test_check_does_not_run(dp):
    ran = dp("check", "x.dp", x='print("ran")\nlet x = [1.0][zero()]\nfn zero() -> Int = 0\n')
    assert ran.out == ""


def test_json(dp):
    ran = dp("check", "--json", "x.dp", x="let x = 1\nlet y = nope + 1\n")
    assert ran.status == 1
    [d] = json.loads(ran.out)
    keys = "code severity message file line column end_line end_column notes help"
    assert set(keys.split()) <= set(d)
    assert (d["severity"], d["line"], d["column"], d["end_column"]) == ("error", 2, 9, 13)
    assert d["file"].endswith("x.dp")
    assert json.loads(dp("check", "--json", "x.dp", x="let x = 1\n").out) == []
    ran = dp("run", "--json", "x.dp", x='print("hi")\nlet z = [1.0]\nprint(z[int(z[0])])\n')
    assert [d["severity"] for d in json.loads(ran.out)] == ["error"]
    assert "hi" in ran.err


@pytest.mark.parametrize("command", ["run", "check", "core", "loops", "fill", "test"])
def test_bad_files(dp, tmp_path, command):
    (tmp_path / "latin.dp").write_bytes(b'let ok = 1\nlet s = "caf\xe9"\n')
    (tmp_path / "binary.dp").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "folder.dp").mkdir()
    (tmp_path / "model.dp").write_text("let a = 1\n")
    for name, code in [("nofile.dp", "E0750"), ("latin.dp", "E0752"), ("folder.dp", "E0751"), ("binary.dp", "E0752")]:
        ran = dp(command, name)
        assert ran.status == 1 and code in ran.err and name in ran.err, name
    assert "latin.dp:2:13" in dp(command, "latin.dp").err
    assert "did you mean `model.dp`" in dp(command, "modle.dp").err


def test_an_empty_file_is_a_warning(dp):
    for text in ("", "\n\n", "# nothing\n"):
        ran = dp("run", "x.dp", x=text)
        assert ran.status == 0 and "W0750" in ran.err and ran.out == ""


def test_a_byte_order_mark_is_no_part_of_the_program(dp, tmp_path):
    (tmp_path / "x.dp").write_bytes(b"\xef\xbb\xbfprint(1)\r\nprint(2)\r\n")
    assert dp("run", "x.dp").out == "1\n2\n"


def test_imports(dp, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.dp").write_text('import "./b.dp" as b\nfn f() -> Int = b.g() + 1\n')
    (tmp_path / "sub" / "b.dp").write_text("fn g() -> Int = 1\n")
    assert dp("run", "x.dp", x='import "./sub/a.dp" as a\nprint(a.f())\n').out == "2\n"
    ran = dp("run", "x.dp", x='import "./sub/c.dp" as c\n')
    assert ran.status == 1 and "E0750" in ran.err
    ran = dp("run", "x.dp", x="import optm\n")
    assert ran.status == 1 and "did you mean `optim`" in ran.err
    ran = dp("run", "x.dp", x="import y\n", y="let z = 1\n")
    assert ran.status == 1 and 'import "./y.dp"' in ran.err
    ran = dp("run", "x.dp", x='import "./y.dp" as y\n', y='import "./x.dp" as x\n')
    assert ran.status == 1 and "E0755" in ran.err and ran.err.count("x.dp → ") == 1
    ran = dp("check", "x.dp", x='import "./x.dp" as me\n')
    assert ran.status == 1 and "E0755" in ran.err
    ran = dp("run", "x.dp", x='import "./y.dp" as y\nprint(1)\n', y="fn f( = 3\n")
    assert ran.status == 1 and "y.dp:1" in ran.err


def test_private_names_stay_in_their_file(dp):
    hidden = "fn _part(x: Int) -> Int = x\nfn whole(x: Int) -> Int = _part(x) + 1\n"
    assert dp("run", "x.dp", x='import "./y.dp" as y\nprint(y.whole(1))\n', y=hidden).out == "2\n"
    ran = dp("run", "x.dp", x='import "./y.dp" as y\nprint(y._part(1))\n')
    assert ran.status == 1 and "E0203" in ran.err and "only in their own file" in ran.err
    ran = dp("run", "x.dp", x='from "./y.dp" import _part\n')
    assert ran.status == 1 and "E0203" in ran.err and "only in their own file" in ran.err


def test_the_standard_library_checks_like_any_file(dp):
    from dplang.loading import library

    files = sorted(map(str, library().glob("*.dp")))
    ran = dp("check", *files)
    assert files and ran.status == 0 and "error" not in ran.err


def test_limit(dp):
    endless = "fn f() -> Int {\n  var i = 0\n  while true { i += 1 }\n  i\n}\nprint(f())\n"
    ran = dp("run", "--limit", "100000", "x.dp", x=endless)
    assert ran.status == 1 and "E06" in ran.err
    ran = dp("run", "--limit", "100000", "x.dp", x="print(sum(zeros(10^12)))\n")
    assert ran.status == 1 and "E06" in ran.err
    assert dp("run", "--limit", "100000", "x.dp", x="print(1)\n").out == "1\n"


def test_core(dp):
    text = "fn f(x: Float) -> Float = x * x\nprint(grad(f)(3.0))\n"
    assert "f" in dp("core", "x.dp", x=text).out
    ran = dp("core", "x.dp", "--after", "lower", x=text)
    assert ran.status == 0 and "grad" in ran.out
    assert dp("core", "x.dp", x="let x = nope\n").status == 1


def test_loops(dp):
    text = "fn f(x: Float[n]) -> Float {\n  var s = 0.0\n  for i in 0..n { s += x[i] }\n  s\n}\n"
    text += "print(grad(f)([1.0, 2.0]))\n"
    ran = dp("loops", "x.dp", x=text)
    assert ran.status == 0 and "reduction" in ran.out and "3  for i in 0..n" in ran.out


def test_fill(dp, tmp_path):
    text = (
        "let ts = linspace(0, 1, 10)\n"
        "sketch line(t: Float) -> Float = ?a * t + ?b  # a line\n"
        "let fit = train line { minimize mean((line(ts) - (3 * ts - 2))^2)  using adam(rate = 0.1)  steps 400 }\n"
        "print(fit.value(1.0))\n"
    )
    ran = dp("fill", "x.dp", x=text)
    assert ran.status == 0, ran.err
    assert "?" not in ran.out and "# a line" in ran.out
    (tmp_path / "filled.dp").write_text(ran.out)
    again = dp("run", "filled.dp")
    assert again.status == 0, again.err
    assert abs(float(again.out.split()[-1]) - 1.0) < 0.05


def test_tests_of_a_program(dp):
    text = 'fn f(x: Float) -> Float = 2 * x\ntest "good" { assert f(1) == 2.0 }\ntest "bad" { assert f(1) == 3.0 }\n'
    ran = dp("test", "x.dp", x=text)
    assert ran.status == 1 and "good" in ran.out and "bad" in ran.out and "x.dp:3" in ran.err
    ran = dp("test", "x.dp", x=text.replace("3.0 }", "2.0 }"))
    assert ran.status == 0 and "2 passed" in ran.out


def test_faults_of_dp_itself_are_a_sentence(dp, monkeypatch):
    import dplang.syntax.parse as parse

    def broken(source: object) -> object:
        raise AssertionError("something impossible\nhappened")

    monkeypatch.setattr(parse, "parse", broken)
    ran = dp("check", "x.dp", x="let x = 1\n")
    assert ran.status == 1 and "E0001" in ran.err and "report" in ran.err and ran.out == ""
    monkeypatch.setenv("DP_DEBUG", "1")
    with pytest.raises(AssertionError):
        main(["check", "x.dp"])


# ---- as a process


def test_deep_nesting_never_kills_the_process(tmp_path):
    path = tmp_path / "deep.dp"
    for text in (
        "let x = " + "(" * 100_000 + "1" + ")" * 100_000 + "\n",
        "print(" + "1 + " * 50_000 + "1)\n",
        "let x = " + "-" * 50_000 + "1\n",
        "fn f(n: Int) -> Int = if n == 0 { 0 } else { 1 + f(n - 1) }\nprint(f(10000))\n",
        "fn f(n: Int) -> Int = 1 + f(n + 1)\nprint(f(0))\n",
    ):
        path.write_text(text)
        with process("run", str(path)) as child:
            _, err = child.communicate(timeout=120)
        assert child.returncode in (0, 1), (text[:60], child.returncode, err[-300:])
        assert "Traceback" not in err and "E0001" not in err


def test_check_imports_no_numpy(tmp_path):
    path = tmp_path / "x.dp"
    path.write_text("import optim\nfn f(x: Float[n]) -> Float = sum(x^2)\nlet g = grad(f)([1.0, 2.0])\n")
    code = (
        "import sys; from dplang.cli import main; status = main(['check', sys.argv[1]]);"
        "unwanted = ('numpy', 'numba', 'scipy', 'rich', 'prompt_toolkit', 'matplotlib');"
        "print(status, [n for n in unwanted if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "0 []", out.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_quietly(tmp_path):
    path = tmp_path / "x.dp"
    path.write_text('print("started")\nfn f() -> Int {\n  var i = 0\n  while i >= 0 { i += 1 }\n  i\n}\nprint(f())\n')
    usual = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
    with process("run", str(path), env={**os.environ, "PYTHONUNBUFFERED": "1"}, preexec_fn=usual) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "started\n"
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in err and "E0" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_broken_pipe_ends_quietly(tmp_path):
    path = tmp_path / "x.dp"
    path.write_text('for i in 0..100000 { print("line", i) }\n')
    with process("run", str(path)) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""
        child.wait(timeout=60)
    assert child.returncode == 0


def test_no_colour_without_a_terminal(tmp_path):
    path = tmp_path / "x.dp"
    path.write_text("let x = nope\n")
    with process("run", str(path)) as child:
        _, err = child.communicate(timeout=60)
    assert child.returncode == 1 and "\x1b[" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_colour_on_a_terminal_unless_told(tmp_path):
    import pty

    path = tmp_path / "x.dp"
    path.write_text("let x = nope\n")

    def seen(**env: str) -> str:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "dplang", "run", str(path)]
        clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        with subprocess.Popen(command, stderr=theirs, env={**clean, "TERM": "xterm", **env}):
            os.close(theirs)
            text = b""
            while True:
                try:
                    piece = os.read(ours, 4096)
                except OSError:
                    break
                if not piece:
                    break
                text += piece
        os.close(ours)
        return text.decode()

    assert "\x1b[" in seen()
    assert "\x1b[" not in seen(NO_COLOR="1")
