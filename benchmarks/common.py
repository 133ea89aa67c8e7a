"""What all benchmarks share: programs as kernels and in the interpreter, and times taken side by side."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dplang.errors.source import Source
from dplang.interpret.evaluate import Interpreter
from dplang.kernels.call import Kernel, Kernels
from dplang.kernels.outline import outline
from dplang.pipeline import compile
from dplang.session import Session
from dplang.stack import deep

HERE = Path(__file__).parent

Run = Callable[[], Any]


@dataclass
class Text:
    """A dp program, whose functions are called by their names with the leaves of their arguments."""

    text: str
    name: str = "benchmark.dp"
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = Session(lambda warnings: None, out=io.StringIO())
        deep(lambda: self.session.text(Source(self.name, self.text)))

    def core(self, function: str) -> str:
        """The name of the core function for a function of the program."""
        return next(fn.name for fn in self.session.lowering.program.fns.values() if fn.label == function)

    def kernels(self, function: str) -> Kernels:
        program = deep(lambda: compile(self.session.lowering.program, self.core(function), kernels=True, exact=False))
        return Kernels(outline(program))

    def kernel(self, function: str) -> Kernel:
        return self.ready(function, self.kernels(function))

    def ready(self, function: str, kernels: Kernels) -> Kernel:
        name = self.core(function)
        kernel = deep(lambda: kernels.kernel(name))
        assert kernel is not None, f"{self.name}: no kernel of {function}: {kernels.reasons}"
        return kernel

    def emitted(self, function: str) -> str:
        """The text that Numba is given."""
        return deep(lambda: self.kernels(function).text(self.core(function)).text)

    def interpreted(self, function: str) -> Callable[..., Any]:
        name = self.core(function)
        interpreter = Interpreter(compile(self.session.lowering.program, name))

        def call(*args: Any) -> Any:
            results = deep(lambda: interpreter.call(name, args))
            return results if len(results) != 1 else results[0]

        return call


def seconds(run: Run) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def alternate(runs: Mapping[str, Run], budget: float = 1.0, least: int = 3) -> dict[str, float]:
    """The best time of each run. They take turns, so that noise meets all of them; short ones run several times a
    turn. `budget` seconds are for one of them on average, `least` turns are taken in any case."""
    first = {name: seconds(run) for name, run in runs.items()}
    found = {name: min(first[name], seconds(run)) for name, run in runs.items()}
    repeats = {name: max(1, int(2e-3 / t)) for name, t in found.items()}
    ends, turns = time.perf_counter() + budget * len(runs), 0
    while turns < least or time.perf_counter() < ends:
        for name, run in runs.items():
            for _ in range(repeats[name]):
                began = time.perf_counter()
                run()
                took = time.perf_counter() - began
                if took < found[name]:
                    found[name] = took
        turns += 1
    return found


def flat(value: Any) -> np.ndarray[Any, Any]:
    """All numbers of a result in a row."""
    if isinstance(value, (tuple, list)):
        return np.concatenate([flat(v) for v in value]) if value else np.empty(0)
    return np.asarray(value, np.float64).ravel()


def off(found: Any, wanted: Any) -> float:
    """The largest difference of two results, as a share of the largest number (the shapes must agree)."""
    a, b = flat(found), flat(wanted)
    assert a.shape == b.shape, (a.shape, b.shape)
    scale = float(np.max(np.abs(b), initial=1e-300))
    return float(np.max(np.abs(a - b), initial=0.0)) / scale


def short(t: float | None) -> str:
    """Seconds for a person, in five columns and a unit."""
    if t is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if t >= size:
            return f"{t / size:.3g} {unit}"
    return f"{t * 1e6:.3g} µs"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(r[k]) for r in [titles, *rows]) for k in range(len(titles))]
    lines = [
        " | ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(r, widths, strict=True)))
        for r in [titles, *rows]
    ]
    return "\n".join([lines[0], "-|-".join("-" * w for w in widths), *lines[1:]])
