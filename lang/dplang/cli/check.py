"""`dp check FILE..`: everything that can be said of programs without running them."""

from __future__ import annotations

import argparse

from ..errors.diagnostic import Diagnostic, Fault
from ..session import Session
from .report import Warn, json_argument, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="the programs")
    json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Each file is checked by itself; what is wrong with all of them is told together."""

    def work(warn: Warn) -> int:
        faults: list[Diagnostic] = []
        for path in args.files:
            try:
                Session(warn).file(path)
            except Fault as fault:
                faults += fault.diagnostics
        if faults:
            raise Fault(*faults)
        return 0

    return reported(args.json, work)
