"""Numbers that the text itself fixes: bounds of constraints, literal indices, provable arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..syntax import tree
from .names import Builtin, Pending, Scope, Value

if TYPE_CHECKING:
    from .context import Context

NAMED = {"pi": math.pi, "inf": math.inf, "nan": math.nan}


def constant(cx: Context, e: tree.Expr) -> float | None:
    """The number that `e` is, from literals and immutable names of literals."""
    return _value(cx.scope, e, 0)


def _value(scope: Scope, e: tree.Expr, depth: int) -> float | None:
    if depth > 40:
        return None
    match e:
        case tree.Number(_, value):
            return value
        case tree.Unary(_, "-", operand):
            inner = _value(scope, operand, depth + 1)
            return None if inner is None else -inner
        case tree.Binary(_, op, _, left, right):
            a, b = _value(scope, left, depth + 1), _value(scope, right, depth + 1)
            return None if a is None or b is None else _apply(op, a, b)
        case tree.Name(_, name):
            entity = scope.find(name)
            if entity is None or isinstance(entity, Builtin):
                return NAMED.get(name)
            if isinstance(entity, Pending) and not entity.mutable:
                return _value(scope, entity.value, depth + 1)
            if isinstance(entity, Value) and not entity.symbol.mutable and entity.init is not None:
                return _value(scope, entity.init, depth + 1)
            return None
        case _:
            return None


def _apply(op: str, a: float, b: float) -> float | None:
    try:
        match op:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a / b
            case "^":
                power = a**b
                return power if isinstance(power, int | float) else None
            case _:
                return None
    except (ZeroDivisionError, OverflowError):
        return None


def is_literal(scope: Scope, e: tree.Expr) -> bool:
    """Whether `e` is a number that takes the type of what stands beside it."""
    match e:
        case tree.Number():
            return True
        case tree.Unary(_, "-", operand):
            return is_literal(scope, operand)
        case tree.Binary(_, op, _, left, right):
            return op in ("+", "-", "*", "/", "^") and is_literal(scope, right) and is_literal(scope, left)
        case tree.Name(_, name):
            return name in NAMED and scope.find(name) is None
        case _:
            return False


def literal_is_float(e: tree.Expr) -> bool:
    """Whether a literal has a point, an exponent or a division in it."""
    match e:
        case tree.Number(_, value):
            return isinstance(value, float)
        case tree.Unary(_, _, operand):
            return literal_is_float(operand)
        case tree.Binary(_, op, _, left, right):
            return op == "/" or literal_is_float(left) or literal_is_float(right)
        case _:
            return True
