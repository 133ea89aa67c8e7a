"""Intervals hold every value that they should: sampled against Python's own arithmetic."""

from __future__ import annotations

import math
import random

import pytest

from dplang.analyse.conditions import domain, holds
from dplang.analyse.intervals import ALL, INF, POSITIVE, Interval, hull, image, meet, widened
from dplang.core.ir import FLOAT, INT
from dplang.primitives import TABLE

FUNCTIONS = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "neg": lambda x: -x,
    "abs": abs,
    "min": min,
    "max": max,
    "relu": lambda x: max(x, 0.0),
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
    "tanh": math.tanh,
    "atan": math.atan,
    "sin": math.sin,
    "cosh": math.cosh,
    "hypot": math.hypot,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
}


def inside(x: float, a: Interval) -> bool:
    low = x > a.low if a.open_low else x >= a.low - 1e-12 * abs(x)
    high = x < a.high if a.open_high else x <= a.high + 1e-12 * abs(x)
    return low and high


def some(rng: random.Random) -> tuple[Interval, list[float]]:
    """An interval with numbers in it."""
    ends = sorted(rng.choice([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0]) for _ in range(2))
    if ends[0] == ends[1]:
        return Interval(ends[0], ends[0]), [ends[0]]
    a = Interval(ends[0], ends[1], rng.random() < 0.5, rng.random() < 0.5)
    points = [rng.uniform(*ends) for _ in range(5)]
    points += [] if a.open_low else [ends[0]]
    points += [] if a.open_high else [ends[1]]
    return a, points


@pytest.mark.parametrize("op", sorted(FUNCTIONS))
def test_image_holds_all_values(op: str) -> None:
    rng = random.Random(op)
    f = FUNCTIONS[op]
    arity = f.__code__.co_argcount if hasattr(f, "__code__") else 2 if op in ("min", "max", "hypot") else 1
    for _ in range(300):
        args = [some(rng) for _ in range(arity)]
        made = image(op, [a for a, _ in args])
        for _ in range(10):
            values = [rng.choice(points) for _, points in args]
            try:
                value = f(*values)
            except (ValueError, ZeroDivisionError):
                continue  # outside the function's domain
            assert inside(value, made), (op, args, values, value, made)


def test_powers() -> None:
    rng = random.Random(1)
    for _ in range(300):
        a, points = some(rng)
        k = rng.choice([-2, -1, 0, 1, 2, 3])
        made = image("^", [a, Interval(k, k)])
        assert all(inside(x**k, made) for x in points if x != 0 or k >= 0), (a, k, made)


def test_joining_and_meeting() -> None:
    rng = random.Random(2)
    for _ in range(300):
        (a, some_a), (b, some_b) = some(rng), some(rng)
        assert all(inside(x, hull(a, b)) for x in some_a + some_b)
        both = meet(a, b)
        for x in some_a:
            if inside(x, b):
                assert both is not None and inside(x, both)
        wide = widened(a, hull(a, b))
        assert all(inside(x, wide) for x in some_a + some_b)


@pytest.mark.parametrize(
    ("condition", "args", "answer"),
    [
        ("x > 0.0", [POSITIVE], True),
        ("x > 0.0", [Interval(0.0, 1.0)], None),
        ("x > 0.0", [Interval(-2.0, 0.0)], False),
        ("y != 0.0", [ALL, Interval(1.0, INF)], True),
        ("abs(x) < 1.0", [Interval(-1.0, 1.0, True, True)], True),
        ("if x > 0.0 { x < 1.0 } else { false }", [Interval(0.0, 1.0, True, True)], True),
        ("if x > 0.0 { true } else { x != floor(x) }", [ALL], None),
    ],
)
def test_conditions(condition: str, args: list[Interval], answer: bool | None) -> None:
    assert holds(condition, args) is answer


def test_every_domain_of_the_table_can_be_decided() -> None:
    for row in TABLE.values():
        for text in filter(None, (d.strip() for d in row.domain.split("|"))):
            holds(text, [ALL, ALL, ALL])
    power = TABLE["^"]
    assert domain(power, [FLOAT, FLOAT]) == "x > 0.0"
    assert holds(domain(power, [FLOAT, INT]), [ALL, Interval(2.0, 2.0)]) is True
