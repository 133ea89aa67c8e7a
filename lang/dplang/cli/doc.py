"""`dp doc NAME`: the documentation of a function, struct, module or file."""

from __future__ import annotations

import argparse
import sys

from ..document.find import Unknown, find
from ..document.show import overview, page, write
from .report import Warn, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        help="such as `sin`, `linalg`, `linalg.solve`, `file.dp` or `file.dp:name`; without one, modules are listed",
    )


def main(args: argparse.Namespace) -> int:
    """Prints the documentation, or the names that come close."""
    return reported(False, lambda warn: _main(args.name, warn))


def _main(name: str | None, warn: Warn) -> int:
    if name is None:
        write(overview(), sys.stdout)
        return 0
    thing = find(name)
    if isinstance(thing, Unknown):
        print(f"dp: {thing}", file=sys.stderr)
        return 2
    write(page(thing), sys.stdout)
    return 0
