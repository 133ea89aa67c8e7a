"""The package as users get it: a wheel in a fresh environment and an editable checkout, used from another directory."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import dplang

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "import optim\nfn f(x: Float) -> Float = x^2\nprint(grad(f)(3.0), optim.sgd(rate = 0.5).rate)\n"


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == dplang.__version__
    assert project["scripts"]["dp"] == "dplang.cli:main"


def test_the_commands_of_the_table_are_the_files() -> None:
    from dplang.cli import COMMANDS

    files = {p.stem for p in (ROOT / "lang" / "dplang" / "cli").glob("*.py")} - {"__init__", "report"}
    assert files == {c.name for c in COMMANDS}


def run(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def wheel(into: Path) -> Path:
    """A wheel built from this checkout, without asking the network for anything."""
    pytest.importorskip("hatchling")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", into, cwd=ROOT)
    [made] = into.glob("*.whl")
    return made


def fresh(into: Path) -> Path:
    """A new environment that sees this one's packages, but not this checkout; its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", into, cwd=ROOT)
    python = into / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    theirs = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=into).strip())
    ours = run(sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=into).strip()
    (theirs / "dependencies.pth").write_text(ours + "\n", encoding="utf-8")
    return python


@pytest.mark.long
def test_a_wheel_in_a_fresh_environment(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    made = wheel(tmp_path / "dist")
    names = zipfile.ZipFile(made).namelist()
    assert "dplang/stdlib/prelude.dp" in names
    assert "dplang/syntax/tables.json" in names
    assert not [n for n in names if re.search(r"(^|/)(tests|lang|__pycache__)/", n)]
    python = fresh(tmp_path / "env")
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", made,
        cwd=tmp_path,
    )  # fmt: skip
    use(python, tmp_path / "elsewhere")


@pytest.mark.long
def test_an_editable_checkout(tmp_path: Path) -> None:
    python = fresh(tmp_path / "env")
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet",
        "--no-build-isolation", "-e", ROOT,
        cwd=tmp_path,
    )  # fmt: skip
    use(python, tmp_path / "elsewhere")


def use(python: Path, elsewhere: Path) -> None:
    """Runs a program by the command, by the module and from Python, in a directory that is not the checkout."""
    elsewhere.mkdir()
    (elsewhere / "x.dp").write_text(PROGRAM, encoding="utf-8")
    assert run(python.parent / "dp", "run", "x.dp", cwd=elsewhere) == "6.0 0.5\n"
    assert run(python, "-m", "dplang", "version", cwd=elsewhere) == f"dp {dplang.__version__}\n"
    script = "import dplang as dp; print(dp.grad(dp.load('x.dp').f)(4.0), dp.__file__)"
    out = run(python, "-c", script, cwd=elsewhere)
    assert out.startswith("6.0 0.5\n8.0 ")
