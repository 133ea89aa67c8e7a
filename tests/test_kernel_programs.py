"""The programs of the benchmarks, small, come to the same as kernels and in the interpreter: values and gradients."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

import cliffs
from common import Text, off
from works import WORKS, Work

ARGUMENTS = cliffs.arguments(small=True)
QUICK = {"total.by_push", "vectors.by_rows", "steps.by_history", "kinds.by_match", "prefix.by_place", "rod.by_slices"}
"""Ways that cover much between them; the others are run with `-m long`."""


def agree(program: Text, function: str, args: list[Any]) -> None:
    kernel, interpreted = program.kernel(function), program.interpreted(function)
    wanted = interpreted(*args)
    assert off(kernel(*args), wanted) < 1e-10
    assert off(kernel(*args), wanted) < 1e-10, "a second call differs: an argument was written to"


def every_way() -> Iterator[Any]:
    for name in sorted(ARGUMENTS):
        for way in cliffs.ways_of(name):
            marks = () if f"{name}.{way}" in QUICK else pytest.mark.long
            yield pytest.param(name, way, id=f"{name}.{way}", marks=marks)


def every_work() -> Iterator[Any]:
    for work in WORKS:
        for function in ("primal", "gradient"):
            slow = work.name == "mixture" or (work.name, function) == ("bundle", "primal")
            yield pytest.param(work, function, id=f"{work.name}-{function}", marks=pytest.mark.long if slow else ())


@pytest.mark.parametrize(("work", "function"), [*every_work()])
def test_works(work: Work, function: str) -> None:
    agree(work.text(), function, list(work.arguments(True)))


@pytest.mark.parametrize(("name", "way"), [*every_way()])
def test_ways(name: str, way: str) -> None:
    program, parameters = cliffs.ways(name)
    args = cliffs.leaves(ARGUMENTS[name], parameters[way])
    agree(program, way, args)
    agree(program, f"{way}_gradient", args)
