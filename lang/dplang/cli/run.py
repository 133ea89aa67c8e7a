"""`dp run FILE`: runs a program."""

from __future__ import annotations

import argparse
import sys

from ..session import DEFAULT_JIT, Session
from .report import Warn, json_argument, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the program")
    parser.add_argument(
        "--limit",
        type=positive,
        metavar="WORK",
        help="stop with a diagnostic after so much work (scalars touched), and at eight bytes of memory for each",
    )
    jit_argument(parser)
    parser.add_argument(
        "--threads",
        type=positive,
        default=0,
        metavar="N",
        help="share long loops among so many threads; results do not depend on how many (default: loops stay whole)",
    )
    parser.add_argument(
        "--trap-nan",
        action="store_true",
        help="stop at the first value that is infinite or not a number, in a function or its derivative (interpreted)",
    )
    json_argument(parser)


def jit_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jit",
        choices=("auto", "always", "never"),
        default=DEFAULT_JIT,
        help=f"compile numeric code: where it is heavy, wherever possible, or not at all (default: {DEFAULT_JIT})",
    )


def positive(text: str) -> int:
    """A positive whole number, for argparse."""
    value = int(float(text)) if "e" in text.lower() else int(text)
    if value <= 0:
        raise ValueError(text)
    return value


def main(args: argparse.Namespace) -> int:
    """With --json, what the program prints goes to standard error: standard output is one JSON list."""

    def work(warn: Warn) -> int:
        from ..interpret.evaluate import Limit

        limit = None if args.limit is None else Limit(args.limit, max(8 * args.limit, LEAST_MEMORY))
        session = Session(warn, sys.stderr if args.json else None, limit, args.jit, args.trap_nan, args.threads)
        session.run(session.file(args.file))
        return 0

    return reported(args.json, work)


LEAST_MEMORY = 1 << 26
"""Bytes that a limited program may take in any case: Python's own objects are larger than the scalars in them."""
