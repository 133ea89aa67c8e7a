"""`dp run --trap-nan` names the line where the first value arises that is not finite."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dplang.cli import main
from dplang.core.verify import verify
from dplang.errors.diagnostic import Fault
from dplang.errors.source import Source
from dplang.pipeline import compile
from dplang.session import Session
from dplang.simplify.trap import trap
from programs import generate
from running import entered

TRAPPED = {
    "let x = 0.0\nlet y = x + 1.0\nprint(y / x)": (3, "`/` gives a value that is not finite: inf"),
    "let xs = [1.0, 0.0]\nprint(sum(log(xs)))": (2, "`log` gives a value that is not finite: -inf"),
    "var s = 1.0\nfor i in 0..2000 {\n s *= 2.0\n}\nprint(s)": (3, "`*` gives a value that is not finite: inf"),
    "let a = inf\nlet b = a - a\nprint(b)": (2, "`-` gives a value that is not finite: nan"),
    "fn f(x: Float) -> Float {\n sqrt(x)\n}\nprint(f(0.0))\nprint(grad(f)(0.0))": (2, "in the derivative of this line"),
}
LEFT_ALONE = [
    "let best = inf\nprint(min(best, 3.0), best > 2.0, best + 1.0)",
    "fn f(x: Float) -> Float = if x > 0.0 { sqrt(x) } else { 0.0 }\nprint(f(0.0), grad(f)(0.0))",
    "let a = [1.0, nan]\nprint([x * 2.0 for x in a])",
]


def run(text: str) -> str:
    out = io.StringIO()
    session = Session(lambda warnings: None, out, trap_nan=True)
    session.run(session.text(Source("program.dp", text)))
    return out.getvalue()


@pytest.mark.parametrize("text", TRAPPED)
def test_the_first_line_is_named(text: str) -> None:
    line, words = TRAPPED[text]
    with pytest.raises(Fault) as caught:
        run(text)
    [found] = caught.value.diagnostics
    assert (found.code, found.span.line) == ("E0619", line)
    assert words in found.sentence()


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_infinities_that_are_written_down_are_left_alone(text: str) -> None:
    assert run(text)


@pytest.mark.parametrize("seed", range(3))
def test_checks_are_valid_core(seed: int) -> None:
    session, entry = entered(generate(seed))
    verify(trap(compile(session.lowering.program, entry.unit.entry)))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.dp"
    path.write_text("let x = 0.0\nprint(1.0 / x)\n")
    assert main(["run", "--jit=always", "--trap-nan", str(path)]) == 1
    assert "E0619" in capsys.readouterr().err
    assert main(["run", str(path)]) == 0
