"""The works of the table: a program in works/, its arguments at two sizes, and how its C++ is called.

Programs have `primal` and `gradient` of the same arguments; so has the C++ of the same name, which is given the same
numbers and pointers and, last, a pointer for each result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import HERE, Text


@dataclass(frozen=True, slots=True)
class Work:
    name: str
    title: str
    arguments: Callable[[bool], tuple[Any, ...]]
    """The leaves of the arguments; small ones are for tests."""
    native: Callable[..., tuple[Any, ...]] = lambda *args: args
    """What C++ is given for them: with sizes."""

    def text(self) -> Text:
        path = HERE / "works" / f"{self.name}.dp"
        return Text(path.read_text(encoding="utf-8"), path.name)


def square(small: bool) -> tuple[Any, ...]:
    return (1.5,)


def rosenbrock(small: bool) -> tuple[Any, ...]:
    return (np.linspace(-1.0, 1.0, 10 if small else 1000),)


def lotka(small: bool) -> tuple[Any, ...]:
    return 1.5, 1.0, 3.0, 1.0, 20 if small else 1000


def particles(small: bool) -> tuple[Any, ...]:
    return (np.linspace(-2.0, 2.0, 5), 40) if small else (np.linspace(-2.0, 2.0, 64), 500)


def mixture(small: bool) -> tuple[Any, ...]:
    r = np.random.default_rng(1)
    n, k, d = (7, 3, 4) if small else (1000, 25, 10)
    factors = np.hstack([r.normal(size=(k, d)) * 0.2, r.normal(size=(k, d * (d - 1) // 2)) * 0.3])
    return r.normal(size=k), r.normal(size=(k, d)), factors, r.normal(size=(n, d)), 1.0, 0


def bundle(small: bool) -> tuple[Any, ...]:
    r = np.random.default_rng(2)
    cameras, points, seen = (3, 5, 9) if small else (49, 7776, 31843)
    camera = np.column_stack(
        [
            r.normal(size=(cameras, 3)) * 0.3,
            r.normal(size=(cameras, 3)) * 0.5,
            500 + 50 * r.normal(size=cameras),
            10 * r.normal(size=(cameras, 2)),
            0.1 * r.normal(size=(cameras, 2)),
        ]
    )
    point = r.normal(size=(points, 3)) + np.array([0.0, 0.0, 8.0])
    return (
        camera,
        point,
        r.uniform(0.5, 1.5, seen),
        100 * r.normal(size=(seen, 2)),
        r.integers(0, cameras, seen),
        r.integers(0, points, seen),
    )


WORKS = (
    Work("square", "x squared: a call from Python", square),
    Work("lotka", "Lotka-Volterra, RK4, 1000 steps", lotka),
    Work(
        "mixture",
        "Gaussian mixture, d 10, k 25, n 1000",
        mixture,
        lambda alphas, means, *rest: (alphas, len(alphas), means, means.shape[1], *rest[:2], len(rest[1]), *rest[2:]),
    ),
    Work(
        "bundle",
        "bundle adjustment Jacobian, BA1",
        bundle,
        lambda cameras, points, weights, *seen: (
            *(cameras, len(cameras), points, len(points), weights, len(weights)),
            *seen,
        ),
    ),
    Work("particles", "particles with branches, 64 x 500", particles, lambda v, steps: (v, len(v), steps)),
    Work("rosenbrock", "Rosenbrock, n = 1000", rosenbrock, lambda x: (x, len(x))),
)
