"""`dp explain CODE`: the whole story of a diagnostic, which is the docstring of its class."""

from __future__ import annotations

import argparse
import difflib
import sys

from ..document.show import codes, story, write
from ..errors.catalogue import catalogue


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", help="a code such as E0301; without one, all codes are listed", nargs="?")


def main(args: argparse.Namespace) -> int:
    """Prints the docstring of the class with that code."""
    if args.code is None:
        write(codes(), sys.stdout)
        return 0
    known = catalogue()
    code = args.code.upper()
    if code in known:
        write(story(code), sys.stdout)
        return 0
    near = difflib.get_close_matches(code, sorted(known), 1)
    hint = f"did you mean {near[0]}?" if near else "`dp explain` lists them all"
    print(f"dp: no diagnostic has the code `{args.code}`; {hint}", file=sys.stderr)
    return 2
