"""The same work written in the ways that users would: what each way costs, as a ratio to the fastest.

    python benchmarks/cliffs.py [NAME..]

A file of cliffs/ is a work; each of its functions `by_..` is a way to write it. Values and gradients of all ways are
compared; a ratio above the bar is marked. Parameters have the same meaning wherever they have the same name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
from common import HERE, Text, alternate, flat, short, table

BAR = 1.5
VARIED = {
    "chain": ("a", "b"),
    "filter": ("q", "r"),
    "vectors": ("p", "v", "x", "y", "z"),
    "layers": ("net", "w", "b", "out"),
}
"""What a work is differentiated by, where it is more than the first parameter."""
FUNCTION = re.compile(r"^fn (by_\w+)\((.*?)\) -> Float\b", re.MULTILINE)


def arguments(small: bool) -> dict[str, dict[str, Any]]:
    """By work: the leaves of each parameter by its name."""
    r = np.random.default_rng(5)

    def size(n: int) -> int:
        return max(4, n // 60) if small else n

    n = size(4000)
    points = r.normal(size=(n, 3)) * 0.3
    columns = [np.ascontiguousarray(points[:, j]) for j in range(3)]
    line = dict(zip("xyz", columns, strict=True))
    times = np.linspace(0.0, 3.0, size(1000))
    wave = (1.2, 0.4, 3.0, 0.1)
    kinds = r.integers(0, 3, n)
    links = r.integers(0, n, n), r.normal(size=n)
    net = {"w": r.normal(size=(16, 8)), "b": r.normal(size=16), "out": r.normal(size=16)}
    side = size(300) if small else 60
    return {
        "total": {"x": columns[0]},
        "vectors": {"p": points, "v": tuple(columns), **line},
        "product": {"a": r.normal(size=(side, side)), "b": r.normal(size=(side, side))},
        "fit": {"p": wave, "q": np.array(wave), "ts": times, "ys": np.sin(times)},
        "steps": {"k": 1.3, "n": size(5000)},
        "rod": {"u": r.normal(size=size(400)), "steps": size(100)},
        "grid": {"m": r.normal(size=(side, 2 * side))},
        "kinds": {"x": columns[0], "kind": kinds, "a": columns[1], "b": columns[2]},
        "prefix": {"x": columns[0]},
        "clusters": {"c": r.normal(size=(6, 3)), "p": points},
        "polynomial": {"c": r.normal(size=12), "xs": columns[0]},
        "layers": {**net, "net": tuple(net.values()), "xs": r.normal(size=(size(300), 8))},
        "gather": {"v": columns[0], "at": links[0], "weight": links[1], "links": links},
        "bodies": {"p": points[:24] * 5, "v": points[24:48], "m": np.abs(columns[1][:24]), "steps": size(20)},
        "chain": {"a": r.normal(size=(6, 6)), "b": r.normal(size=(6, 4)), "seen": r.integers(0, 4, size(300))},
        "filter": {"q": 0.1, "r": 0.5, "ys": columns[2]},
        "softmax": {"z": r.normal(size=(size(400), 10)), "label": r.integers(0, 10, size(400))},
    }


def ways_of(name: str) -> list[str]:
    return [way for way, _ in FUNCTION.findall(_text(name))]


def ways(name: str) -> tuple[Text, dict[str, list[str]]]:
    """The program of a work, a gradient added to each way, and the parameters of the ways by name."""
    text = _text(name)
    found: dict[str, list[str]] = {}
    gradients = []
    for way, parameters in FUNCTION.findall(text):
        names = found[way] = re.findall(r"(\w+):", parameters)
        varied = ", ".join(n for n in names if n in VARIED.get(name, names[:1]))
        gradients.append(f"fn {way}_gradient({parameters}) = grad({way}, wrt = ({varied}))({', '.join(names)})\n")
    return Text(text + "\n" + "".join(gradients), f"{name}.dp"), found


def _text(name: str) -> str:
    return (HERE / "cliffs" / f"{name}.dp").read_text(encoding="utf-8")


def leaves(given: Mapping[str, Any], parameters: list[str]) -> list[Any]:
    parts = [given[p] for p in parameters]
    return [leaf for part in parts for leaf in (part if isinstance(part, tuple) else (part,))]


def order_free(value: Any) -> Any:
    """The numbers of a gradient: ways differ in how their arguments are laid out."""
    return np.sort(flat(value))


def measure(name: str, given: Mapping[str, Any]) -> list[str]:
    """Prints a table; returns what is above the bar, or wrong."""
    program, found = ways(name)
    cells: dict[str, list[str]] = {way: [way] for way in found}
    faults = []
    for suffix, kind in (("", "value"), ("_gradient", "gradient")):
        runs, compiling = {}, {}
        wanted: Any = None
        for way, parameters in found.items():
            args = leaves(given, parameters)
            began = perf_counter()
            try:
                kernel = program.kernel(way + suffix)
            except AssertionError as fault:
                faults.append(str(fault))
                continue
            compiling[way] = perf_counter() - began
            value = order_free(kernel(*args))
            wanted = value if wanted is None else wanted
            if not np.allclose(value, wanted, rtol=1e-8, atol=1e-10 * np.max(np.abs(wanted))):
                faults.append(f"{name}.{way}, {kind}: differs from the first")
            runs[way] = lambda kernel=kernel, args=args: kernel(*args)  # type: ignore[misc]
        times = alternate(runs, 0.15)
        best = min(times.values())
        for way, row in cells.items():
            if way in times:
                ratio = times[way] / best
                row += [short(times[way]), f"{ratio:.2f}" + (" !" if ratio > BAR else "  "), short(compiling[way])]
                if ratio > BAR:
                    faults.append(f"{name}.{way}, {kind}: {ratio:.1f}")
            else:
                row += ["-"] * 3
    titles = [name, "value", "÷ best", "compiling", "gradient", "÷ best", "compiling"]
    print(table(titles, list(cells.values())), "\n", flush=True)
    return faults


def main() -> None:
    works = arguments(small=False)
    faults = [line for name in sys.argv[1:] or works for line in measure(name, works[name])]
    print(f"above {BAR}, or wrong:", *faults, sep="\n  ")


if __name__ == "__main__":
    main()
