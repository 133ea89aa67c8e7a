"""Damaged programs: whatever is dropped, doubled or swapped, checking gives diagnostics and nothing else."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dplang.errors.diagnostic import Fault
from dplang.errors.render import render_json, render_text
from dplang.stack import deep
from programs import generate
from running import entered

ROOT = Path(__file__).parent.parent
TOKEN = re.compile(r"\s+|\w+|\"[^\"\n]*\"|[^\w\s]")
LONGEST = 10.0
"""Seconds that checking one damaged program may take on a slow and busy machine."""


def texts() -> list[str]:
    paths = [*sorted((ROOT / "examples").glob("*.dp")), *sorted((ROOT / "tests/cases").rglob("*.dp"))]
    return [p.read_text() for p in paths] + [generate(seed) for seed in range(5)]


def damaged(text: str, chance: random.Random) -> str:
    """`text` after one to three mutations of tokens or characters."""
    for _ in range(chance.randint(1, 3)):
        parts = TOKEN.findall(text) if chance.random() < 0.7 else list(text)
        if len(parts) < 2:
            return text
        i, j = chance.randrange(len(parts)), chance.randrange(len(parts))
        match chance.choice(["drop", "double", "swap", "copy", "cut"]):
            case "drop":
                del parts[i]
            case "double":
                parts.insert(i, parts[i])
            case "swap":
                parts[i], parts[j] = parts[j], parts[i]
            case "copy":
                parts[i] = parts[j]
            case "cut":
                del parts[i : i + chance.randint(2, 30)]
        text = "".join(parts)
    return text


def mutants(seed: int, count: int) -> Iterator[str]:
    chance = random.Random(seed)
    originals = texts()
    for _ in range(count):
        yield damaged(chance.choice(originals), chance)


def check(text: str) -> None:
    began = time.perf_counter()
    try:
        deep(lambda: entered(text))
    except Fault as fault:
        assert render_text(fault.diagnostics)
        assert render_json(fault.diagnostics)
    assert time.perf_counter() - began < LONGEST, text


def test_only_diagnostics_come_out_of_damaged_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    for text in mutants(0, 150):
        check(text)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 101))
def test_only_diagnostics_come_out_of_many_damaged_programs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    for text in mutants(seed, 300):
        check(text)
