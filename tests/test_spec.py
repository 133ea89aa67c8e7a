"""The blocks of the specification, the README and the documentation run.

A ```` ```dp ```` block runs; `# prints:` says what the line before it prints. `error=CODE` says that it is refused
with a diagnostic whose code begins so. A block that reads a data file runs beside the examples.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from running import run

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```dp([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [*sorted((ROOT / "spec").glob("*.md")), ROOT / "README.md"]
BLOCKS = [
    (f"{page.name}:{page.read_text()[: m.start()].count(chr(10)) + 1}", m[1].strip(), m[2])
    for page in PAGES
    for m in BLOCK.finditer(page.read_text())
]


@pytest.mark.parametrize(("place", "fence", "text"), BLOCKS, ids=[b[0] for b in BLOCKS])
def test_block(place: str, fence: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    outcome = run(text, place)
    if fence.startswith("error="):
        wanted = fence.removeprefix("error=")
        assert len(outcome.errors) == 1, [d.sentence() for d in outcome.errors]
        assert outcome.errors[0].code.startswith(wanted), outcome.errors[0].sentence()
        return
    assert not outcome.errors, [f"{d.span}: {d.sentence()}" for d in outcome.errors]
    printed = re.findall(r"^# prints: (.*)$", text, re.MULTILINE)
    assert outcome.printed == printed or not printed
