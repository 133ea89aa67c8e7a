"""How every subcommand tells what is wrong: text on standard error, or one JSON list on standard output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO, TypeAlias

from ..errors.diagnostic import Diagnostic, Fault
from ..errors.internal import InternalFault
from ..errors.render import render_json, render_text
from ..errors.source import NOWHERE

Warn: TypeAlias = Callable[[Sequence[Diagnostic]], None]


def json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print diagnostics as one JSON list on standard output")


def coloured(stream: TextIO) -> bool:
    """Whether colours are welcome: on terminals, unless the user said no (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(diagnostics: Sequence[Diagnostic], stream: TextIO | None = None) -> None:
    """Diagnostics as text; what the program printed before comes first."""
    if diagnostics:
        sys.stdout.flush()
        stream = sys.stderr if stream is None else stream
        stream.write(render_text(diagnostics, coloured(stream)))
        stream.flush()


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


def faults_of(failure: Exception) -> Sequence[Diagnostic]:
    """The diagnostics of a failure. One of dp itself becomes a sentence; `DP_DEBUG=1` shows where it arose."""
    if isinstance(failure, Fault):
        return failure.diagnostics
    if isinstance(failure, BrokenPipeError) or os.environ.get("DP_DEBUG"):
        raise failure
    return [InternalFault(NOWHERE, InternalFault.summary(failure))]
