"""`dp loops FILE`: beside each loop, whether it and its derivative can run in parallel, and why not."""

from __future__ import annotations

import argparse

from ..analyse.parallel import both, report
from ..session import Session
from .report import Warn, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the program")


def main(args: argparse.Namespace) -> int:
    """The verdicts read the program with its derivatives, before anything is simplified away."""

    def work(warn: Warn) -> int:
        session = Session(warn)
        entry = session.file(args.file)
        told = report(both(session.lowering.program, session.derived(entry)), entry.source)
        print(told or "the program has no loops")
        return 0

    return reported(False, work)
