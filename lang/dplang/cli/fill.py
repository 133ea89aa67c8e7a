"""`dp fill FILE`: runs a program and prints its text with every hole replaced by what was learned."""

from __future__ import annotations

import argparse
import sys

from ..session import Session
from .report import Warn, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the program")


def main(args: argparse.Namespace) -> int:
    """What the program prints goes to standard error: standard output is the filled text."""

    def work(warn: Warn) -> int:
        from ..train.fill import filled, fit_edits, unfilled

        session = Session(warn, sys.stderr)
        entry = session.file(args.file)
        values = session.run(entry)
        layouts = {v.symbol: v.layout for v in entry.unit.outputs}
        enums = session.lowering.program.enums
        edits = [
            edit
            for sketch, symbol in entry.checked.module.fills
            for edit in fit_edits(sketch, layouts[symbol], values[symbol].leaves, enums)
        ]
        warn(unfilled(entry.checked.module.sketches, edits))
        print(filled(entry.source, edits), end="")
        return 0

    return reported(False, work)
