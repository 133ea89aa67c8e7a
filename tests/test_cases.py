"""Programs whose expectations stand beside the line.

`# expect: text` is what the program prints there (all of them in order are all that it prints); `# error CODE` (or the
beginning of a code) is a diagnostic reported at that line, and no other error may be.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from running import run

HERE = Path(__file__).parent / "cases"
CASES = sorted(HERE.rglob("*.dp"))
EXPECT = re.compile(r"# expect: (.*)$")
ERROR = re.compile(r"# error (E\d+)")


@pytest.mark.parametrize("path", CASES, ids=lambda p: str(p.relative_to(HERE)))
def test_case(path: Path) -> None:
    check(path)


def check(path: Path) -> None:
    text = path.read_text()
    outcome = run(text, str(path))
    wanted = [m[1] for line in text.splitlines() if (m := EXPECT.search(line))]
    faults = [(n, m[1]) for n, line in enumerate(text.splitlines(), 1) if (m := ERROR.search(line))]
    found = sorted((d.span.line, d.code) for d in outcome.errors)
    shown = [(line, code) for line, code in found]
    assert len(found) == len(faults) and all(
        line == at and code.startswith(want) for (line, code), (at, want) in zip(found, faults, strict=True)
    ), (shown, [d.sentence() for d in outcome.errors])
    assert outcome.printed == wanted
