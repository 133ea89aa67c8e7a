"""Every example runs from the command line as a user would run it, and prints what its `# expect:` lines say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("name", sorted(p.name for p in EXAMPLES.glob("*.dp")))
def test_example(name: str, tmp_path: Path) -> None:
    path = EXAMPLES / name
    wanted = re.findall(r"^# expect: (.*)$", path.read_text(), re.MULTILINE)
    assert wanted, f"{name} expects nothing"
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-m", "dplang", "run", str(path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == wanted, done.stderr
    assert "stop(" not in path.read_text(), "no example needs `stop`"


def test_the_gallery_shows_what_examples_draw() -> None:
    """Every picture that an example saves is kept in `docs/` and stands in the README, beside its program."""
    readme = (EXAMPLES.parent / "README.md").read_text()
    for path in EXAMPLES.glob("*.dp"):
        for picture in re.findall(r'plot\.save\("(\w+\.png)"', path.read_text()):
            assert (EXAMPLES.parent / "docs" / picture).exists(), f"{path.name} draws {picture}"
            assert f"docs/{picture}" in readme and f"examples/{path.name}" in readme
