"""`dp version`."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """`dp version` takes none."""


def main(args: argparse.Namespace) -> int:
    """Prints the version of the language and its tools."""
    from .. import __version__

    print(f"dp {__version__}")
    return 0
