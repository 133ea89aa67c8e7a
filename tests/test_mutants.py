"""Breaking any rule of differentiation is noticed by the generated programs."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from mutants import numbers

FILES = ("forward.py", "reverse.py", "loops.py", "branches.py", "calls.py", "rules.py", "partials.py")
PROGRAMS = 300
SAMPLE = [
    (file, n) for file in FILES for n in sorted(random.Random(1).sample(numbers(file), min(8, len(numbers(file)))))
]


@pytest.mark.long
@pytest.mark.parametrize(("file", "number"), SAMPLE)
def test_a_broken_rule_is_noticed(file: str, number: int) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "mutants.py"), file, str(number), str(PROGRAMS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
