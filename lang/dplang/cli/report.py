"""How every subcommand tells what is wrong: text on standard error, or one JSON list on standard output."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..errors.diagnostic import Diagnostic
from ..errors.render import render_json
from ..errors.tell import faults_of, show

Warn: TypeAlias = Callable[[Sequence[Diagnostic]], None]


def json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print diagnostics as one JSON list on standard output")


def reported(as_json: bool, work: Callable[[Warn], int]) -> int:
    """The exit status of `work`, 1 where it ends in a fault. What is wrong is told; `work` hands on its warnings."""
    found: list[Diagnostic] = []
    try:
        status = work(found.extend if as_json else show)
    except Exception as failure:
        found += faults_of(failure)
        status = 1
    if as_json:
        print(render_json(found))
    else:
        show(found)
    return status
