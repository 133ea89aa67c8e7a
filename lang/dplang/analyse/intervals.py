"""Intervals of real numbers, for proofs that an argument stays inside a domain. Rounding and overflow are left aside.

A bound may be open: `exp(x)` lies in (0, inf), `x^2` in [0, inf).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

INF = math.inf


class Interval(NamedTuple):
    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    @property
    def positive(self) -> bool:
        return self.low > 0 or (self.low == 0 and self.open_low)

    @property
    def negative(self) -> bool:
        return self.high < 0 or (self.high == 0 and self.open_high)

    def __str__(self) -> str:
        left = "(" if self.open_low or self.low == -INF else "["
        right = ")" if self.open_high or self.high == INF else "]"
        return f"{left}{self.low:.6g}, {self.high:.6g}{right}"


ALL = Interval(-INF, INF)
NONNEGATIVE = Interval(0.0, INF)
POSITIVE = Interval(0.0, INF, True)


def point(value: float) -> Interval:
    return ALL if math.isnan(value) else Interval(value, value)


def hull(a: Interval, b: Interval) -> Interval:
    """The least interval that holds both."""
    if a == b:
        return a
    low, open_low = min((a.low, a.open_low), (b.low, b.open_low))
    high, closed_high = max((a.high, not a.open_high), (b.high, not b.open_high))
    return Interval(low, high, open_low, not closed_high)


def meet(a: Interval, b: Interval) -> Interval | None:
    """What lies in both, or None."""
    low, open_low = max((a.low, a.open_low), (b.low, b.open_low))
    high, closed_high = min((a.high, not a.open_high), (b.high, not b.open_high))
    if low > high or (low == high and (open_low or not closed_high)):
        return None
    return Interval(low, high, open_low, not closed_high)


def widened(old: Interval, new: Interval) -> Interval:
    """`new` with the bounds that still move given up, so that iteration ends."""
    low, open_low = new.low, new.open_low
    high, open_high = new.high, new.open_high
    if (low, open_low) != (old.low, old.open_low):
        low, open_low = -INF, False
    if (high, open_high) != (old.high, old.open_high):
        high, open_high = INF, False
    # a bound of 0 is what most proofs are about: it is tried before giving up
    if low == -INF and new.low >= 0 and old.low >= 0:
        low, open_low = 0.0, new.positive and old.positive
    if high == INF and new.high <= 0 and old.high <= 0:
        high, open_high = 0.0, new.negative and old.negative
    return Interval(low, high, open_low, open_high)


# ---- arithmetic


def add(a: Interval, b: Interval) -> Interval:
    low, high = a.low + b.low, a.high + b.high
    if math.isnan(low) or math.isnan(high):
        return ALL
    return Interval(low, high, a.open_low or b.open_low, a.open_high or b.open_high)


def neg(a: Interval) -> Interval:
    return Interval(-a.high, -a.low, a.open_high, a.open_low)


def sub(a: Interval, b: Interval) -> Interval:
    return add(a, neg(b))


def mul(a: Interval, b: Interval) -> Interval:
    ends = [
        (_times(x, y), (open_x and y != 0) or (open_y and x != 0) or (open_x and open_y))
        for x, open_x in ((a.low, a.open_low), (a.high, a.open_high))
        for y, open_y in ((b.low, b.open_low), (b.high, b.open_high))
    ]
    low = min(v for v, _ in ends)
    high = max(v for v, _ in ends)
    # a bound is open only if every way to reach it is
    open_low = all(o for v, o in ends if v == low)
    open_high = all(o for v, o in ends if v == high)
    if (a.positive and b.positive) or (a.negative and b.negative):
        open_low = open_low or low == 0
    if (a.positive and b.negative) or (a.negative and b.positive):
        open_high = open_high or high == 0
    return Interval(low, high, open_low, open_high)


def _times(x: float, y: float) -> float:
    return 0.0 if x == 0 or y == 0 else x * y


def div(a: Interval, b: Interval) -> Interval:
    return mul(a, inverse(b))


def inverse(b: Interval) -> Interval:
    if b.positive:
        return Interval(_over(b.high), _over(b.low), b.open_high or b.high == INF, b.open_low)
    if b.negative:
        return neg(inverse(neg(b)))
    return ALL


def _over(x: float) -> float:
    return INF if x == 0 else 0.0 if math.isinf(x) else 1.0 / x


def absolute(a: Interval) -> Interval:
    if a.low >= 0:
        return a
    if a.high <= 0:
        return neg(a)
    high, closed = max((a.high, not a.open_high), (-a.low, not a.open_low))
    return Interval(0.0, high, False, not closed)


def minimum(a: Interval, b: Interval) -> Interval:
    return neg(maximum(neg(a), neg(b)))


def maximum(a: Interval, b: Interval) -> Interval:
    low, open_low = max((a.low, a.open_low), (b.low, b.open_low))
    high, closed = max((a.high, not a.open_high), (b.high, not b.open_high))
    return Interval(low, high, open_low, not closed)


def power(a: Interval, b: Interval) -> Interval:
    if not (b.low == b.high and math.isfinite(b.low)):
        return POSITIVE if a.positive else ALL
    k = b.low
    if k == 0:
        return point(1.0)
    if a.positive:
        return monotone(lambda x: _power(x, k), a, falling=k < 0)
    if k > 0 and k == int(k):
        return monotone(lambda x: _power(x, int(k)), absolute(a) if k % 2 == 0 else a)
    return ALL


def _power(x: float, k: float) -> float:
    try:
        return float(x**k)
    except (OverflowError, ZeroDivisionError):
        return INF if x > 0 or k % 2 == 0 or x == 0 else -INF


def monotone(f: Callable[[float], float], a: Interval, falling: bool = False) -> Interval:
    """The image under a strictly monotone function."""
    low, high = f(a.low), f(a.high)
    if math.isnan(low) or math.isnan(high):
        return ALL
    if falling:
        return Interval(high, low, a.open_high or a.high == INF, a.open_low)
    open_low = a.open_low or (a.low == -INF and math.isfinite(low))
    open_high = a.open_high or (a.high == INF and math.isfinite(high))
    return Interval(low, high, open_low, open_high)


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else INF


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -INF


def _exponential(a: Interval) -> Interval:
    made = monotone(_exp, a)
    return made if made.low > 0 else made._replace(open_low=True)


def _sign_of(a: Interval) -> Interval:
    """All numbers of the signs that `a` has."""
    low = (0.0, a.positive) if a.low >= 0 else (-INF, False)
    high = (0.0, a.negative) if a.high <= 0 else (INF, False)
    return Interval(low[0], high[0], low[1], high[1])


def _within(low: float, high: float) -> Callable[[Interval], Interval]:
    return lambda _: Interval(low, high)


ROWS: dict[str, Callable[..., Interval]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": div,
    "^": power,
    "neg": neg,
    "abs": absolute,
    "min": minimum,
    "max": maximum,
    "relu": lambda a: maximum(a, point(0.0)),
    "clip": lambda a, low, high: minimum(maximum(a, low), high),
    "float": lambda a: a,
    "float32": lambda a: a,
    "exp": _exponential,
    "sqrt": lambda a: monotone(math.sqrt, a) if a.low >= 0 else NONNEGATIVE,
    "log": lambda a: monotone(_log, a) if a.low >= 0 else ALL,
    "log1p": lambda a: monotone(_log, add(a, point(1.0))) if a.low >= -1 else ALL,
    "sin": _within(-1.0, 1.0),
    "cos": _within(-1.0, 1.0),
    "tanh": lambda a: meet(Interval(-1.0, 1.0, True, True), _sign_of(a)) or point(0.0),
    "atan": lambda a: monotone(math.atan, a),
    "cosh": _within(1.0, INF),
    "sigmoid": lambda a: Interval(0.0, 1.0, True, True),
    "softplus": lambda a: POSITIVE,
    "hypot": lambda a, b: maximum(absolute(a), absolute(b))._replace(high=INF),
    "sort": lambda a: a,
    "reverse": lambda a: a,
    "transpose": lambda a: a,
    "flatten": lambda a: a,
    "concat": hull,
}
"""The image of a row's arguments, of arrays by element. A row that is not here may give anything."""


def image(op: str, args: Sequence[Interval]) -> Interval:
    rule = ROWS.get(op)
    return rule(*args) if rule else ALL
