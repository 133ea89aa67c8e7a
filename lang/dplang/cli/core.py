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
    parser.add_argument("--kernels", action="store_true", help="with the passes that only kernels are made by")


def main(args: argparse.Namespace) -> int:
    """Shows what the interpreter would run, or what an earlier pass leaves."""

    def work(warn: Warn) -> int:
        session = Session(warn)
        kernels = args.kernels or any(p.name == args.after and p.kernels for p in PASSES)
        print(show(session.compiled(session.file(args.file), args.after or "", kernels)))
        return 0

    return reported(False, work)
