"""The expressions of the primitive table as closures over a frame.

A row's expression is instantiated once for each combination of operand kinds: `x0 + x1` for two slots is
`lambda x0, x1: lambda f: f[x0] + f[x1]`, where f is the frame. So an operator costs one call wherever its operands are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np

from ..core.ir import BOOL, FLOAT32, INT, STRING, ArrayType, EnumType, Lit, Operand, Type
from ..primitives import TABLE, lapack
from ..primitives import runtime as rt
from .values import equal, scalar_of

Frame: TypeAlias = list[Any]
Code: TypeAlias = Callable[[Frame], Any]
Kind: TypeAlias = Literal["slot", "literal", "code", "moved"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a closure finds an operand: a slot of the frame, a slot that is emptied by reading it, a literal, or code
    that computes it."""

    kind: Kind
    what: Any


_NAMES = {"np": np, "math": math, "rt": rt, "la": lapack, "equal": equal}
_PLACE = re.compile(r"\bx(\d)\b")
_WRAP = re.compile(r"rt\.wrap\((.*)\)", re.DOTALL)


@cache
def function(expression: str, arity: int) -> Callable[..., Any]:
    """The expression as a function of its operands."""
    names = ", ".join(f"x{i}" for i in range(arity))
    if "xs" in expression:
        names = "*xs"
    made: Callable[..., Any] = eval(f"lambda {names}: {expression}", _NAMES)
    return made


@cache
def in_order(expression: str) -> bool:
    """Whether the expression evaluates each operand once, from left to right."""
    places = _PLACE.findall(expression)
    lazy = re.search(r"\b(if|and|or|lambda|for)\b", expression)
    return not lazy and places == sorted(set(places))


@cache
def _template(expression: str, kinds: tuple[Kind, ...]) -> Callable[..., Code]:
    forms = {"slot": "f[{}]", "literal": "{}", "code": "{}(f)"}
    text = _PLACE.sub(lambda m: forms[kinds[int(m[1])]].format(m[0]), expression)
    if wrapped := _WRAP.fullmatch(text):
        # the common case of the run-time's function without a call
        limit = "9223372036854775808"
        text = f"w if -{limit} <= (w := {wrapped[1]}) < {limit} else rt.wrap(w)"
    names = ", ".join(f"x{i}" for i in range(len(kinds)))
    made: Callable[..., Code] = eval(f"lambda {names}: lambda f: {text}", _NAMES)
    return made


def instantiate(expression: str, operands: Sequence[Source]) -> Code:
    """A closure that computes the expression of the operands."""
    operands = [Source("code", take(o.what)) if o.kind == "moved" else o for o in operands]
    if any(o.kind == "code" for o in operands) and not in_order(expression):
        apply = function(expression, len(operands))
        return called(apply, operands)
    return _template(expression, tuple(o.kind for o in operands))(*(o.what for o in operands))


def choice(condition: Source, then: Source, orelse: Source) -> Code:
    """The closure of a conditional: only one side runs."""
    operands = [Source("code", take(o.what)) if o.kind == "moved" else o for o in (condition, then, orelse)]
    return _template("x1 if x0 else x2", tuple(o.kind for o in operands))(*(o.what for o in operands))


def called(apply: Callable[..., Any], operands: Sequence[Source]) -> Code:
    """A closure that calls `apply` with the operands, evaluated from left to right."""
    match [getter(o) for o in operands]:
        case [a]:
            return lambda f: apply(a(f))
        case [a, b]:
            return lambda f: apply(a(f), b(f))
        case [a, b, c]:
            return lambda f: apply(a(f), b(f), c(f))
        case many:
            return lambda f: apply(*[g(f) for g in many])


def take(slot: int) -> Code:
    """Code that moves a value out of its slot."""

    def run(f: Frame) -> Any:
        value = f[slot]
        f[slot] = None
        return value

    return run


def getter(o: Source) -> Code:
    """A closure that gives the operand."""
    what = o.what
    match o.kind:
        case "slot":
            return lambda f: f[what]
        case "moved":
            return take(what)
        case "literal":
            return lambda f: what
        case "code":
            code: Code = what
            return code


def literal(o: Lit) -> Any:
    """The run-time value of a literal."""
    return np.float32(o.value) if o.type == FLOAT32 else scalar_of(o.type)(o.value)


# ---- rows


@cache
def _traps(expression: str) -> bool:
    """Whether the expression calls a function of the run-time that raises `Trap`."""
    for name in re.findall(r"rt\.(\w+)", expression):
        code = getattr(getattr(rt, name), "__code__", None)
        if code is not None and "Trap" in code.co_names:
            return True
    return False


def expression_of(op: str, args: Sequence[Operand]) -> str:
    """The expression of a scalar or whole-array primitive for operands of these types."""
    types = [a.type for a in args]
    if op in ("==", "!=") and isinstance(types[0], EnumType):
        return "equal(x0, x1)" if op == "==" else "not equal(x0, x1)"
    simple = simplified(op, args)
    return simple or TABLE[op].expression(types)


def simplified(op: str, args: Sequence[Operand]) -> str:
    """A simpler expression, for scalars as for arrays, that a literal allows: the square of a Float is a product,
    and an Int divided by a literal needs no care."""
    if len(args) == 2 and isinstance(right := args[1], Lit) and not isinstance(right.value, str):
        integer = args[0].type == INT
        if op == "^" and not integer and right.value == 2:
            return "x0 * x0"
        if op in ("//", "%") and integer and right.value > 0:
            return f"x0 {op} x1"
    return ""


def can_fault(op: str, args: Sequence[Operand]) -> bool:
    """Whether the primitive has no value for some operands."""
    return _traps(expression_of(op, args))


def is_elementwise(op: str) -> bool:
    row = TABLE.get(op)
    return row is not None and row.elementwise and not row.effect


def scalar_code(op: str, args: Sequence[Operand], operands: Sequence[Source], result: Type) -> Code:
    """The closure of an elementwise primitive on scalars."""
    expression = expression_of(op, args)
    if result == BOOL and any(a.type == FLOAT32 for a in args):
        expression = f"bool({expression})"
    return instantiate(expression, operands)


def whole_code(op: str, args: Sequence[Operand], operands: Sequence[Source], result: Type) -> Code:
    """The closure of a primitive on whole arrays."""
    apply = function(expression_of(op, args), len(args))
    if isinstance(result, ArrayType):
        return called(apply, operands)
    convert = scalar_of(result)
    return called(lambda *xs: convert(apply(*xs)), operands)


def vector_expression(op: str, args: Sequence[Operand]) -> str:
    """The expression of a scalar primitive on arrays of its operands; empty where the table has none."""
    types = [a.type for a in args]
    if any(isinstance(t, EnumType | ArrayType) or t == STRING for t in types):
        return ""
    return simplified(op, args) or TABLE[op].expression(types, whole=True)
