"""Every diagnostic has a story with a wrong and a right program; both run, and the message is kept in a snapshot."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from conftest import Snapshot
from dplang.errors.catalogue import catalogue
from dplang.errors.render import render_text
from running import run

EXAMPLES = Path(__file__).parent.parent / "examples"
BLOCK = re.compile(r"^```dp[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
CATALOGUE = catalogue()
STORIES = {
    code: (blocks[0], blocks[1])
    for code, cls in sorted(CATALOGUE.items())
    if len(blocks := BLOCK.findall(inspect.getdoc(cls) or "")) >= 2
}
OUTSIDE = {code for code in CATALOGUE if code[1:3] == "07"} | {
    "E0001", "E0100", "E0109", "E0213", "E0214", "E0215", "E0612", "E0617", "E0618", "E0619", "W0501", "W0502",
}  # fmt: skip
"""What depends on files, on values from Python, on limits or on the run as a whole: other tests bring it about."""


def test_every_diagnostic_of_a_program_has_a_story() -> None:
    assert sorted(set(CATALOGUE) - set(STORIES) - OUTSIDE) == []


def test_wrong_programs_and_their_messages(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    cases = []
    for code, (wrong, _) in STORIES.items():
        outcome = run(wrong, "program.dp")
        assert code in {d.code for d in outcome.diagnostics}, (code, [d.code for d in outcome.diagnostics])
        message = render_text(outcome.diagnostics).replace(str(EXAMPLES), "examples")
        cases.append((f"# {code}\n{wrong.rstrip()}", message))
    snapshot.agree("catalogue/stories.txt", cases)


@pytest.mark.parametrize("code", STORIES)
def test_right_programs_are_right(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    outcome = run(STORIES[code][1], "program.dp")
    assert code not in {d.code for d in outcome.diagnostics}
    assert not outcome.errors, [f"{d.code} {d.sentence()}" for d in outcome.errors]
