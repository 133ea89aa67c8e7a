"""`dp test PATH..`: runs the tests of programs, the examples in their comments, and compares their derivative rules."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors.diagnostic import Fault
from ..errors.tell import faults_of, show
from .report import Warn, reported

if TYPE_CHECKING:
    from ..document.trials import Trial


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="programs, or directories of programs")
    parser.add_argument(
        "-k", metavar="WORDS", default="", help="only what has all these words in its title or in the name of its file"
    )


def main(args: argparse.Namespace) -> int:
    """A file that cannot be tried counts as one failure. Files of which nothing is selected do not run."""
    return reported(False, lambda warn: _main(args, warn))


def _main(args: argparse.Namespace, warn: Warn) -> int:
    passed = failed = 0
    words = args.k.lower().split()
    files = [file for path in args.paths for file in _files(path)]
    for path in files:
        if len(files) > 1:
            print(path)
        good, bad = _file(path, words, warn)
        passed += good
        failed += bad
    print(f"{passed} passed, {failed} failed" if failed else f"{passed} passed")
    return 1 if failed else 0


def _files(path: str) -> Iterator[str]:
    """The file, or all programs below a directory; with the library, the manual of what is built in."""
    from ..document.entries import MANUAL

    if not Path(path).is_dir() or path.endswith(".dp"):
        yield path
        return
    yield from map(str, sorted(p for p in Path(path).rglob("*") if p.suffix == ".dp" or p.name == MANUAL))


def _file(path: str, words: list[str], warn: Warn) -> tuple[int, int]:
    """How many trials of a file passed, and how many failed."""
    from ..document.entries import MANUAL
    from ..document.trials import File, manual_trials

    passed = failed = 0
    bench = None
    try:
        if Path(path).name == MANUAL:
            trials = _selected(path, words, manual_trials())
        else:
            file = File(path)
            bench = file.bench
            trials = _selected(path, words, file.trials())
            warn(bench.warnings)
            if trials:
                file.run()
    except Fault as fault:
        show(fault.diagnostics)
        return 0, 1
    for trial in trials:
        try:
            said = trial.run()
        except Exception as failure:
            failed += 1
            print(f"failed  {trial.title}")
            printed = bench.out.getvalue() if bench is not None else ""
            if printed:
                print("printed before:\n" + printed.rstrip("\n"))
            show(faults_of(failure))
        else:
            passed += 1
            print(f"passed  {trial.title}" + (f" ({said})" if said else ""))
    return passed, failed


def _selected(path: str, words: list[str], trials: Iterator[Trial]) -> list[Trial]:
    return [trial for trial in trials if all(word in f"{path} {trial.title}".lower() for word in words)]
