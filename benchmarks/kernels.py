"""Gradients by kernels beside C++ by hand, JAX and PyTorch: what they cost, and what compiling them costs.

    python benchmarks/kernels.py [--rivals] [--brief] [NAME..]

The programs are in works/, a .dp and a .cpp each. Every gradient is compared with the others. Times are the best of
many runs, which alternate, on one thread. `--rivals` adds JAX and PyTorch where they can be imported, `--brief` takes
fewer runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import native
from common import Run, alternate, off, seconds, short, table
from works import WORKS, Work

CLOSE = 1e-8
RIVALS = ("JAX", "PyTorch")


def rivals(name: str, args: tuple[Any, ...]) -> dict[str, tuple[Run, Run]]:
    """What other systems make of a work; none where they cannot be imported."""
    from rivals import jax_works, torch_works

    found = {}
    for rival, make in zip(RIVALS, (jax_works, torch_works), strict=True):
        try:
            found[rival] = make(name, args)
        except ImportError:
            print(f"({rival} is not installed)", file=sys.stderr)
    return found


def once(name: str) -> None:
    """One gradient in this process, and how long that took from the text on."""
    work = next(w for w in WORKS if w.name == name)
    args = work.arguments(False)
    began = time.perf_counter()
    work.text().kernel("gradient")(*args)
    print(time.perf_counter() - began)


def processes(work: Work) -> tuple[str, str, str]:
    """Seconds of a first gradient with an empty cache, the same with it filled, and of that whole process."""
    command = [sys.executable, __file__, "--once", work.name]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "DP_CACHE_DIR": folder}
        run = lambda: subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout  # noqa: E731
        cold = float(run())
        warm, whole = float("inf"), float("inf")
        for _ in range(3):
            began = time.perf_counter()
            warm = min(warm, float(run()))
            whole = min(whole, time.perf_counter() - began)
    return short(cold), short(warm), short(whole)


def measure(work: Work, with_rivals: bool, budget: float) -> tuple[list[str], list[str]]:
    args = work.arguments(False)
    program = work.text()
    kernels = {kind: program.kernel(kind) for kind in ("primal", "gradient")}
    runs: dict[str, Run] = {f"dp {kind}": lambda k=k: k(*args) for kind, k in kernels.items()}  # type: ignore[misc]
    wanted = {kind: k(*args) for kind, k in kernels.items()}
    first: dict[str, float] = {}
    if native.available():
        for flags in native.FLAGS:
            for kind in kernels:
                run = native.bound(work.name, flags, kind, work.native(*args), wanted[kind])
                runs[f"C++ {flags} {kind}"] = run
    others = rivals(work.name, args) if with_rivals else {}
    for rival, (primal, gradient) in others.items():
        runs |= {f"{rival} primal": primal, f"{rival} gradient": gradient}
        first[rival] = seconds(gradient)
    for label, run in runs.items():
        apart = off(run(), wanted[label.split()[-1]])
        assert apart < CLOSE, f"{work.name}: {label} and dp differ by {apart}"
    times = alternate(runs, budget)
    dp, primal = times["dp gradient"], times["dp primal"]
    best = {
        kind: min((times[f"C++ {f} {kind}"] for f in native.FLAGS if f"C++ {f} {kind}" in times), default=None)
        for kind in kernels
    }
    row = [work.title, short(primal), short(dp), f"{dp / primal:.2f}"]
    row += [f"{short(best['primal'])}", f"{short(best['gradient'])}"]
    row += [f"{(times[f'dp {kind}'] / b):.2f}" if (b := best[kind]) else "-" for kind in kernels]
    row += [short(times.get(f"{rival} gradient")) for rival in ("JAX", "PyTorch")] if with_rivals else []
    compiling = [
        work.title,
        *processes(work),
        *([short(first.get(r)) for r in ("JAX", "PyTorch")] if with_rivals else []),
    ]
    return row, compiling


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        once(options.once)
        return
    rows, compiling = [], []
    for work in WORKS:
        if not options.names or work.name in options.names:
            row, times = measure(work, options.rivals, 0.2 if options.brief else 1.0)
            rows.append(row)
            compiling.append(times)
    named = RIVALS if options.rivals else ()
    titles = ["", "primal", "gradient", "grad ÷ primal", "C++ primal", "C++ gradient", "dp ÷ C++, primal", "gradient"]
    print(table([*titles, *named], rows), "\n")
    print(table(["first gradient", "compiled", "from cache", "whole process from cache", *named], compiling))


if __name__ == "__main__":
    main()
