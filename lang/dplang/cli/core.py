"""`dp core FILE`: the typed core of a program, for people who write passes."""

from __future__ import annotations

import argparse

from ..core.show import show
from ..pipeline import PASSES
from ..session import Session
from .report import Warn, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the program")
    names = [p.name for p in PASSES]
    passes = "; ".join(f"{p.name}: {p.description}" for p in PASSES)
    parser.add_argument("--after", metavar="PASS", choices=names, help=f"stop after this pass ({passes})")


def main(args: argparse.Namespace) -> int:
    """Shows what the interpreter would run, or what an earlier pass leaves."""

    def work(warn: Warn) -> int:
        session = Session(warn)
        print(show(session.compiled(session.file(args.file), args.after or "")))
        return 0

    return reported(False, work)
