"""Every diagnostic has a story with a wrong and a right program; both run, and the message is kept in a snapshot.

A block of a story whose fence has the name of a file is that file; the others are the wrong program and the right one.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import dplang
from conftest import Snapshot
from dplang.errors.catalogue import catalogue, story
from dplang.errors.diagnostic import Diagnostic
from dplang.errors.render import render_text
from running import run

EXAMPLES = Path(__file__).parent.parent / "examples"
BLOCK = re.compile(r"^```(\w*)(?: ([^\n]*))?\n(.*?)^```", re.DOTALL | re.MULTILINE)
CATALOGUE = catalogue()
OUTSIDE = {
    "E0001": "a fault of dp itself",
    "E0109": "the program would fill pages",
    "E0215": "only texts that are checked without any files",
    "E0612": "runs with a limit of work",
    "E0617": "the checker finds it first, as E0235; only core that comes from elsewhere leads here",
    "E0618": "the checker finds it first, as E0285; only core that comes from elsewhere leads here",
    "E0619": "runs with --trap-nan",
    "E0630": "found by dp test; its story is tried in test_doc.py",
    "E0631": "found by dp test; its story is tried in test_doc.py",
    "E0632": "found by dp test; its story is tried in test_doc.py",
    "E0703": "depends on permissions",
    "E0704": "depends on bytes that are no text",
    "E0720": "depends on what is installed",
    "E0724": "the checker finds it first, as E0255",
    "E0752": "depends on bytes that are no text",
    "E0753": "depends on permissions",
    "W0502": "found by dp fill",
}
"""What no program brings about by itself, and why not: other tests do."""


def blocks(code: str) -> list[tuple[str, str, str]]:
    """Language, what else the fence says (the name of a file, `error=CODE`, `warning=CODE`), and text."""
    return [(m[1], m[2] or "", m[3]) for m in BLOCK.finditer(story(code)) if m[1]]


def is_file(said: str) -> bool:
    return bool(said) and "=" not in said


def programs(code: str) -> list[tuple[str, str, str]]:
    return [block for block in blocks(code) if not is_file(block[1])]


STORIES = [code for code in sorted(CATALOGUE) if code not in OUTSIDE]
PLAIN = [code for code in STORIES if programs(code) and programs(code)[0][0] == "dp"]
PYTHON = [code for code in STORIES if code not in PLAIN]


def prepare(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with the story's files and the tables of the examples."""
    for table in EXAMPLES.glob("*.csv"):
        shutil.copy(table, folder)
    for _, said, text in blocks(code):
        if is_file(said):
            (folder / said).write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)


def faults(text: str) -> list[Diagnostic]:
    return run(text, "program.dp").diagnostics


def test_every_diagnostic_has_a_story() -> None:
    assert {code: len(programs(code)) for code in STORIES if len(programs(code)) < 2} == {}
    assert [code for code in OUTSIDE if code not in CATALOGUE] == []
    assert [code for code in CATALOGUE if len(story(code)) < 30] == []


def test_wrong_programs_and_their_messages(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong program leads to its diagnostic and to nothing else."""
    cases, other = [], {}
    for code in PLAIN:
        folder = tmp_path / code
        folder.mkdir()
        prepare(code, folder, monkeypatch)
        wrong = programs(code)[0][2]
        found = faults(wrong)
        if [d.code for d in found] != [code]:
            other[code] = [d.code for d in found]
        message = render_text(found).replace(str(folder.resolve()), ".").replace(str(folder), ".")
        cases.append((f"# {code}\n{wrong.rstrip()}", message))
    assert other == {}
    snapshot.agree("catalogue/stories.txt", cases)


@pytest.mark.parametrize("code", PLAIN)
def test_right_programs_are_right(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if code == "E0721":
        pytest.importorskip("matplotlib")
    prepare(code, tmp_path, monkeypatch)
    for _, said, right in programs(code)[1:]:
        assert [d.code for d in faults(right)] == ([said.removeprefix("warning=")] if said else [])


@pytest.mark.parametrize("code", PYTHON)
def test_stories_of_python(code: str) -> None:
    (_, _, wrong), (_, _, right) = programs(code)
    with pytest.raises(dplang.Error) as fault:
        exec(wrong, {})
    assert [d.code for d in fault.value.diagnostics] == [code]
    exec(right, {})
