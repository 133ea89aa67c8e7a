"""The blocks of the specification, the README and the documentation run.

A ```` ```dp ```` block runs; `# prints:` says what the line before it prints. `error=CODE` says that it is refused
with a diagnostic whose code begins so. A block that reads a data file runs beside the examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Snapshot
from dplang.document.entries import first_sentence
from dplang.errors.catalogue import families
from grammar import readable
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


# ---- what is generated


def diagnostics() -> str:
    """The index of all diagnostics, family by family."""
    made = []
    for name, codes in families():
        made.append(f"### {name[0].upper()}{name[1:]}\n\n| code | |\n|---|---|")
        said = [(code, first_sentence(text).replace("|", "\\|")) for code, text in codes]
        made[-1] += "".join(f"\n| {code} | {text} |" for code, text in said)
    return "\n\n".join(made) + "\n"


def grammar() -> str:
    text = (ROOT / "lang" / "dplang" / "syntax" / "grammar.lark").read_text(encoding="utf-8")
    return f"```ebnf\n{readable(text)}```\n"


@pytest.mark.parametrize(("page", "made"), [("11-grammar.md", grammar), ("12-diagnostics.md", diagnostics)])
def test_generated_pages(page: str, made: Callable[[], str], snapshot: Snapshot) -> None:
    """The rest of the page, behind the mark, is what the sources say now; `--update` writes it."""
    path = ROOT / "spec" / page
    head, mark, found = path.read_text(encoding="utf-8").partition("<!-- generated: pytest --update -->\n\n")
    assert mark
    if snapshot.update:
        path.write_text(head + mark + made(), encoding="utf-8")
    else:
        assert found == made()


def test_error_blocks_name_whole_codes() -> None:
    """A refused block of the specification says with which diagnostic."""
    vague = [place for place, fence, _ in BLOCKS if fence and not re.fullmatch(r"error=E\d{4}|jit=\w+", fence)]
    assert vague == []
