"""`dp test FILE`: runs the tests that a program holds."""

from __future__ import annotations

import argparse

from ..errors.diagnostic import Fault
from ..errors.tell import show
from ..session import Session
from .report import Warn, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the program")


def main(args: argparse.Namespace) -> int:
    """Runs the statements of the file first, as its tests may use what they define."""

    def work(warn: Warn) -> int:
        session = Session(warn)
        entry = session.file(args.file)
        session.keep(session.run(entry))
        failed = 0
        for title, test in entry.unit.tests:
            try:
                session.test(test)
            except Fault as fault:
                failed += 1
                print(f"failed  {title}")
                show(fault.diagnostics)
            else:
                print(f"passed  {title}")
        passed = len(entry.unit.tests) - failed
        print(f"{passed} passed, {failed} failed" if failed else f"{passed} passed")
        return 1 if failed else 0

    return reported(False, work)
