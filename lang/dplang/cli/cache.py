"""`dp cache info|clear`: the compiled kernels that are kept on disk."""

from __future__ import annotations

import argparse

from ..kernels.cache import LARGEST, SUFFIX, Cache


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("info", "clear"), help="tell where kernels are and how many, or drop them all")


def main(args: argparse.Namespace) -> int:
    """Nothing but time is lost by clearing: kernels are made again when they are needed."""
    cache = Cache()
    if cache.folder is None:
        print("there is no cache: this user has no home directory")
    elif args.what == "clear":
        print(f"dropped {_entries(cache.clear())} from {cache.folder}")
    else:
        sizes = [status.st_size for path, status in cache.files() if path.suffix == SUFFIX]
        print(f"{cache.folder}: {_entries(len(sizes))}, {_size(sum(sizes))} of at most {_size(LARGEST)}")
    return 0


def _entries(n: int) -> str:
    return "1 entry" if n == 1 else f"{n} entries"


def _size(n: int) -> str:
    return f"{n / 2**20:.1f} MiB" if n >= 2**20 else f"{n / 2**10:.1f} KiB"
