"""The generated programs reach every rule of both modes: a rule that none of them reaches is tested by none."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import dplang.differentiate
from dplang.core import ir
from dplang.errors.diagnostic import Fault
from dplang.pipeline import compile
from dplang.stack import deep
from running import entered
from test_generated import POINT, SECOND, generate

ROOM = Path(dplang.differentiate.__file__).parent
MODES = {"forward": ("forward.py",), "reverse": ("reverse.py",)}
NODES = {n.__name__ for n in ir.Value.__args__}
WITHOUT = {"Io", "Derive", "Check", "Dim", "Stop"}
"""What has no derivative: effects, sizes, what is stopped; a Derive is gone before what holds it is derived."""


def rules(file: str) -> dict[int, set[str]]:
    """The first line of each case on core nodes in a file of `differentiate`, with the nodes that it takes."""
    found: dict[int, set[str]] = {}
    for node in ast.walk(ast.parse((ROOM / file).read_text())):
        if isinstance(node, ast.match_case):
            classes = [p.cls for p in ast.walk(node.pattern) if isinstance(p, ast.MatchClass)]
            names = {c.id for c in classes if isinstance(c, ast.Name)} & NODES
            if names:
                found[node.body[0].lineno] = names
    return found


class Lines:
    """Counts how often lines of some files are executed."""

    def __init__(self, paths: set[str]) -> None:
        self.paths = paths
        self.counts: Counter[tuple[str, int]] = Counter()

    def call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self.line if frame.f_code.co_filename in self.paths else None

    def line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self.counts[frame.f_code.co_filename, frame.f_lineno] += 1
        return self.line


def hits(seeds: range) -> Counter[tuple[str, str]]:
    """How often each node met each mode's rule for it."""
    files = {str(ROOM / f) for names in MODES.values() for f in names}
    lines = Lines(files)

    def go() -> None:
        sys.settrace(lines.call)
        try:
            for seed in seeds:
                try:
                    session, entry = entered(generate(seed) + POINT + SECOND)
                    compile(session.lowering.program, entry.unit.entry)
                except Fault:
                    continue
        finally:
            sys.settrace(None)

    deep(go)
    found: Counter[tuple[str, str]] = Counter()
    for mode, names in MODES.items():
        for file in names:
            for line, nodes in rules(file).items():
                for node in nodes:
                    found[node, mode] += lines.counts[str(ROOM / file), line]
    return found


def check(seeds: range) -> None:
    found = hits(seeds)
    print(f"{'node':12}{'forward':>10}{'reverse':>10}")
    for node in sorted(NODES - WITHOUT):
        print(f"{node:12}{found[node, 'forward']:>10}{found[node, 'reverse']:>10}")
    missed = sorted((n, m) for n in NODES - WITHOUT for m in MODES if not found[n, m])
    assert not missed, missed


def test_generated_programs_reach_every_rule() -> None:
    check(range(60))


@pytest.mark.long
def test_many_generated_programs_reach_every_rule() -> None:
    check(range(300))
