"""What people who know Python, NumPy and others write at first, and what they are told.

One mistake makes one error, and each error says what to write instead.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import BECOMES, NEXT, SNAPSHOTS, Snapshot
from dplang.errors.render import render_text
from dplang.loading import library
from running import run

HABITS = "habits/programs.txt"


def told(text: str) -> str:
    outcome = run(text, "program.dp")
    told = render_text(outcome.diagnostics) or "\n".join(outcome.printed)
    return told.replace(str(library()), "stdlib")


def test_habits(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    snapshot.run(HABITS, told)


SAID = {
    "E0201": "no known name is near",
    "E0220": "the place says what was called",
    "E0221": "it names the arguments that are missing",
    "E0222": "it counts the arguments",
    "E0203": "a note lists what there is",
    "E0236": "it says what is asked for, and a note why",
    "E0237": "the operands have nothing in common",
    "E0250": "the operand is no vector",
    "E0255": "notes show where both sizes come from",
    "E0262": "it counts the elements",
    "E0267": "it counts the indices",
    "E0291": "a note lists the parameters",
    "E0750": "no file is near",
}
"""Messages that need no remedy beside what they say."""


def test_messages_say_what_to_write() -> None:
    cases = (SNAPSHOTS / HABITS).read_text(encoding="utf-8").removesuffix(NEXT).split(NEXT)
    messages = [block for case in cases for block in case.split(BECOMES)[1].split("\n\n")]
    errors = [block for block in messages if block.startswith("error[")]
    mute = {block[6:11]: block for block in errors if "= help" not in block and "= fix" not in block}
    assert {code: block for code, block in mute.items() if code not in SAID} == {}
    assert len(errors) > 80
