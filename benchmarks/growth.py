"""How gradients grow: time over three decades of trips or sizes, with the exponent that fits, and memory for each trip.

    python benchmarks/growth.py [NAME..]

Time should grow with the exponent 1 (a fit above 1.15 is marked). Memory is the rise of the process's peak, results
included, between the two largest runs (Linux only); what the core's rules promise stands beside it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cliffs import leaves, ways
from common import HERE, Run, Text, alternate, short, table

STEEP = 1.15


@dataclass(frozen=True, slots=True)
class Growth:
    """A gradient whose work grows with n: from works/ or one way of cliffs/, and the bytes that a trip should keep."""

    program: str
    function: str
    what: str
    arguments: Callable[[int], dict[str, Any]]
    smallest: int
    bytes: int

    def kernel(self) -> tuple[Callable[..., Any], list[str]]:
        if self.function:
            text, found = ways(self.program)
            return text.kernel(f"{self.function}_gradient"), found[self.function]
        path = HERE / "works" / f"{self.program}.dp"
        return Text(path.read_text(encoding="utf-8"), path.name).kernel("gradient"), list(self.arguments(10))


def row(n: int) -> Any:
    return np.linspace(-0.9, 0.9, n)


def rows(n: int) -> Any:
    return row(2 * n).reshape(n, 2)


def pair(n: int) -> dict[str, Any]:
    return {"a": row(n), "b": row(n)}


def mixture(n: int) -> dict[str, Any]:
    r = np.random.default_rng(3)
    return {
        "alphas": r.normal(size=3),
        "means": r.normal(size=(3, 2)),
        "factors": r.normal(size=(3, 3)),
        "xs": r.normal(size=(n, 2)),
        "prior": (1.0, 0),
    }


GROWTHS = (
    Growth("rosenbrock", "", "size", lambda n: {"x": row(n)}, 1000, 8),
    Growth("lotka", "", "steps", lambda n: {"rates": (1.5, 1.0, 3.0, 1.0), "steps": n}, 100, 16),
    Growth("particles", "", "particles", lambda n: {"v": row(n), "steps": 50}, 10, 8),
    Growth("particles", "", "steps", lambda n: {"v": row(3), "steps": n}, 300, 8),
    Growth("mixture", "", "points", mixture, 30, 0),
    Growth("total", "by_sum_of_generator", "size", lambda n: {"x": row(n)}, 1000, 8),
    Growth("total", "by_push", "size", lambda n: {"x": row(n)}, 1000, 24),
    Growth("steps", "by_struct", "steps", lambda n: {"k": 1.3, "n": n}, 300, 16),
    Growth("steps", "by_while", "steps", lambda n: {"k": 1.3, "n": n}, 300, 16),
    Growth("steps", "by_row", "steps", lambda n: {"k": 1.3, "n": n}, 300, 16),
    Growth("steps", "by_trajectory", "steps", lambda n: {"k": 1.3, "n": n}, 300, 32),
    Growth("steps", "by_history", "steps", lambda n: {"k": 1.3, "n": n}, 300, 32),
    Growth("rod", "by_slices", "steps", lambda n: {"u": row(20), "steps": n}, 30, 0),
    Growth("rod", "by_history", "steps", lambda n: {"u": row(20), "steps": n}, 30, 320),
    Growth("rod", "by_index_loop", "size", lambda n: {"u": row(n), "steps": 20}, 30, 24),
    Growth("prefix", "by_index", "size", lambda n: {"x": row(n)}, 1000, 24),
    Growth("prefix", "by_place", "size", lambda n: {"x": row(n)}, 1000, 16),
    Growth(
        "kinds",
        "by_match",
        "size",
        lambda n: {"x": row(n), "kind": np.arange(n) % 3, "a": row(n), "b": row(n)},
        1000,
        8,
    ),
    Growth("polynomial", "by_horner", "points", lambda n: {"c": row(8), "xs": row(n)}, 100, 0),
    Growth("polynomial", "by_horner", "degree", lambda n: {"c": row(n), "xs": row(3)}, 100, 16),
    Growth("polynomial", "by_while", "points", lambda n: {"c": row(8), "xs": row(n)}, 100, 0),
    Growth(
        "clusters", "by_loops", "points", lambda n: {"c": row(6).reshape(3, 2), "p": row(2 * n).reshape(n, 2)}, 100, 0
    ),
)


def peak(run: Run) -> int:
    """Bytes by which the process's peak rises while `run` runs, with no free memory kept from before."""
    status = Path("/proc/self/status")
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _field(status, "VmHWM")
    run()
    return _field(status, "VmHWM") - before


def _field(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def exponent(sizes: list[int], times: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def measure(g: Growth) -> list[str]:
    kernel, parameters = g.kernel()
    sizes = [round(g.smallest * 10**k) for k in (0, 1, 2, 3)]
    runs = {n: (lambda args=leaves(g.arguments(n), parameters): kernel(*args)) for n in sizes}  # type: ignore[misc]
    # the shortest tell of the call more than of the work
    times = alternate({str(n): run for n, run in runs.items()}, 0.1, least=2)
    steep = exponent(sizes[1:], [times[str(n)] for n in sizes[1:]])
    memory = "-"
    if Path("/proc/self/clear_refs").exists():
        large = 10 * sizes[-1] if times[str(sizes[-1])] < 0.1 else sizes[-1]
        first, second = (
            peak(lambda args=leaves(g.arguments(n), parameters): kernel(*args)) for n in (large // 2, large)
        )
        memory = f"{(second - first) / (large - large // 2):.1f}"
    name = f"{g.program} {g.function}".strip()
    return [
        name,
        g.what,
        *(short(times[str(n)]) for n in sizes),
        f"{steep:.2f}" + (" !" if steep > STEEP else "  "),
        f"{times[str(sizes[-1])] / sizes[-1] * 1e9:.1f} ns",
        memory,
        str(g.bytes),
    ]


def main() -> None:
    rows = []
    for g in GROWTHS:
        if not sys.argv[1:] or g.program in sys.argv[1:]:
            rows.append(measure(g))
    titles = ["gradient of", "in", "n", "10 n", "100 n", "1000 n", "exponent", "a trip", "bytes a trip", "promised"]
    print(table(titles, rows))


if __name__ == "__main__":
    main()
