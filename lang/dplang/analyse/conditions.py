"""Conditions over intervals: what the table's domains, written in dp, say where only bounds are known.

The answer is True or False where it is so for all numbers within the bounds, else None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from ..core.ir import FLOAT, FLOAT32, INT, Type
from ..primitives.table import ARGUMENTS, Row
from ..syntax import tree
from ..syntax.parse import parse_expression
from .intervals import ALL, Interval, image, point

Answer = bool | None

SMOOTH_WHERE = {
    "abs": "x != 0.0",
    "relu": "x != 0.0",
    "min": "x != y",
    "max": "x != y",
    "hypot": "hypot(x, y) > 0.0",
    "atan2": "y > 0.0",
    "clip": "if x != y { x != z } else { false }",
}
"""For rows that have kinks or jump, where they are smooth."""


def domain(row: Row, types: Sequence[Type]) -> str:
    """The domain of the row's scheme that `types` fit."""
    domains = [d.strip() for d in row.domain.split("|")]
    if len(domains) == 1:
        return domains[0]
    for text, scheme in zip(domains, row.scheme.split("|"), strict=True):
        params = scheme.strip().removeprefix("(").partition(")")[0].split(",")
        if all(_fits(t, p.strip()) for t, p in zip(types, params, strict=True)):
            return text
    return ""


def _fits(t: Type, written: str) -> bool:
    match written:
        case "F":
            return t in (FLOAT, FLOAT32)
        case "N":
            return t in (INT, FLOAT, FLOAT32)
        case _:
            return str(getattr(t, "name", "")) == written


def holds(condition: str, args: Sequence[Interval]) -> Answer:
    """Whether a condition over x, y, z holds for all arguments in the intervals."""
    return _answer(_parsed(condition), dict(zip(ARGUMENTS, args, strict=False)))


_parsed = cache(parse_expression)


def _answer(e: tree.Expr | tree.Block | None, known: Mapping[str, Interval]) -> Answer:
    match e:
        case tree.Bool(value=value):
            return value
        case tree.If(condition=condition, then=then, orelse=orelse):
            side = _answer(condition, known)
            if side is not None:
                return _answer(then if side else orelse, known)
            a, b = _answer(then, known), _answer(orelse, known)
            return a if a == b else None
        case tree.Block(items=items):
            last = items[-1]
            return _answer(last, known) if isinstance(last, tree.Bool | tree.If | tree.Binary) else None
        case tree.Binary(op=op, left=left, right=right):
            return compare(op, _term(left, known), _term(right, known))
        case _:
            return None


def _term(e: tree.Expr, known: Mapping[str, Interval]) -> Interval:
    match e:
        case tree.Number(value=value):
            return point(float(value))
        case tree.Name(name=name):
            return known.get(name, ALL)
        case tree.Call(fn=tree.Name(name=name), args=args):
            return image(name, [_term(a.value, known) for a in args])
        case _:
            return ALL


def compare(op: str, a: Interval, b: Interval) -> Answer:
    """What a comparison says of all pairs of numbers in the two."""
    match op:
        case "<":
            return True if _below(a, b) else False if _not_above(b, a) else None
        case "<=":
            return True if _not_above(a, b) else False if _below(b, a) else None
        case ">":
            return compare("<", b, a)
        case ">=":
            return compare("<=", b, a)
        case "!=":
            if _below(a, b) or _below(b, a):
                return True
            return False if a == b and a.low == a.high else None
        case "==":
            unequal = compare("!=", a, b)
            return None if unequal is None else not unequal
        case _:
            return None


def _below(a: Interval, b: Interval) -> bool:
    return a.high < b.low or (a.high == b.low and (a.open_high or b.open_low))


def _not_above(a: Interval, b: Interval) -> bool:
    return a.high <= b.low
