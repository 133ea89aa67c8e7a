"""`dp kernels FILE [FUNCTION]`: the code that functions are compiled from, beside the lines of the program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from difflib import get_close_matches

from ..core.ir import Program
from ..core.rewrite import calls
from ..session import Session
from .report import Warn, reported


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the program")
    parser.add_argument("function", nargs="?", help="show this function by itself (default: what the program runs)")


def main(args: argparse.Namespace) -> int:
    """Nothing is compiled: this is what Numba would be given under `dp run --jit=always`."""

    def work(warn: Warn) -> int:
        from ..pipeline import compile

        session = Session(warn)
        entry = session.file(args.file)
        program = session.lowering.program
        if args.function is None:
            roots = [entry.unit.entry]
        else:
            roots = [name for name, fn in program.fns.items() if fn.label == args.function]
        for root in roots:
            print("\n\n".join(_shown(compile(program, root, kernels=True, exact=False), root)))
        if not roots:
            return _unknown(args.function, {fn.label for fn in program.fns.values() if fn.user})
        return 0

    return reported(False, work)


def _shown(program: Program, root: str) -> Iterator[str]:
    """The texts of the kernels that running `root` calls, and why what is around them is interpreted."""
    from ..kernels.call import Kernels
    from ..kernels.options import Options
    from ..kernels.outline import outline

    program = outline(program)
    kernels = Kernels(program, Options(sources=True))
    names = [root]
    for name in names:
        why = kernels.reason(name)
        if why:
            yield f"# {program.fns[name].label} is interpreted: {why}"
            names += sorted(c for c in calls(program.fns[name].body) if c not in names)
        else:
            yield kernels.text(name).text


def _unknown(name: str, known: set[str]) -> int:
    near = get_close_matches(name, known, 1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    print(f"dp: the program has no function `{name}`{hint}", file=sys.stderr)
    return 2
