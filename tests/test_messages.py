"""What people who know Python, NumPy and others write at first, and what they are told.

One mistake makes one error, and each error says what to write instead.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import BECOMES, NEXT, SNAPSHOTS, Snapshot
from dplang.errors.render import render_text
from running import run

HABITS = "habits/programs.txt"


def told(text: str) -> str:
    outcome = run(text, "program.dp")
    return render_text(outcome.diagnostics) or "\n".join(outcome.printed)


def test_habits(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    snapshot.run(HABITS, told)


def test_nearly_all_messages_say_what_to_write() -> None:
    """Those of the file above, but where the names that are near say it all."""
    cases = (SNAPSHOTS / HABITS).read_text(encoding="utf-8").removesuffix(NEXT).split(NEXT)
    mute = []
    for case in cases:
        text, message = case.split(BECOMES)
        for block in message.split("\n\n"):
            says = "= help" in block or "= fix" in block or "| " in block.partition("^ ")[2]
            if block.startswith("error") and not says:
                mute.append(f"{block.splitlines()[0]}: {text}")
    assert len(mute) <= MUTE, mute


MUTE = 8
"""So many have nothing to add: a wrong number of arguments, an unknown name that is near to none."""
