"""Checks behind all arithmetic on Floats that what it gives is finite, for `dp run --trap-nan`.

A value is at fault that is not finite although its operands are, or that is not a number although they are: so the
first one is found, in a function or in its derivative, and infinities that a program writes down are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..core.build import FALSE, TRUE, Builder, literal
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    STRING,
    ArrayType,
    At,
    Block,
    Check,
    Dim,
    Fn,
    Get,
    Let,
    Lit,
    Loop,
    Operand,
    Prim,
    Program,
    Reduce,
    Type,
    Var,
)
from ..core.rewrite import all_names, map_value

FAULT = "E0619"


def trap(program: Program) -> Program:
    """`program` with such checks in all its functions."""
    return replace(program, fns={name: _function(fn) for name, fn in program.fns.items()})


def _function(fn: Fn) -> Fn:
    b = Builder(all_names(fn))
    return replace(fn, body=_block(fn.body, b))


def _block(block: Block, outer: Builder) -> Block:
    b = outer.nested()
    for let in block.lets:
        b.span, b.role = let.span, let.role
        b.lets.append(replace(let, value=map_value(let.value, lambda o: o, partial(_inner, b))))
        if isinstance(let.value, Prim) and _is_float(let.names[0].type):
            _check(b, let, let.value, let.names[0])
    return b.block(*block.results)


def _inner(outer: Builder, params: tuple[Var, ...], block: Block) -> tuple[tuple[Var, ...], Block]:
    return params, _block(block, outer)


def _is_float(t: Type) -> bool:
    return (t.elem if isinstance(t, ArrayType) else t) in (FLOAT, FLOAT32)


def _check(b: Builder, let: Let, value: Prim, result: Var) -> None:
    given = [a for a in value.args if _is_float(a.type)]

    def excused(b: Builder) -> tuple[Operand, ...]:
        """Whether an operand was to blame."""
        others = _some_not(b, given, _finite)
        if isinstance(result.type, ArrayType):
            return (others,)
        number = b.prim("==", BOOL, result, result)
        return b.branch(number, lambda b: (others,), lambda b: (_some_not(b, given, _number),), BOOL)

    [sound] = b.branch(_finite(b, result), lambda b: (TRUE,), excused, BOOL)
    shown = Lit(float("nan"), FLOAT) if isinstance(result.type, ArrayType) else result
    if shown.type == FLOAT32:
        shown = b.prim("float", FLOAT, shown)
    b.effect(Check(sound, FAULT, (Lit(value.op, STRING), shown, Lit(let.role == "adjoint", BOOL))))


def _some_not(b: Builder, values: list[Operand], holds: Callable[[Builder, Operand], Operand]) -> Operand:
    """Whether something does not hold of some of the values."""
    if not values:
        return FALSE
    first, *rest = values
    [found] = b.branch(holds(b, first), lambda b: (_some_not(b, rest, holds),), lambda b: (TRUE,), BOOL)
    return found


def _number(b: Builder, x: Operand) -> Operand:
    return b.prim("==", BOOL, x, x) if not isinstance(x.type, ArrayType) else TRUE


def _finite(b: Builder, x: Operand) -> Operand:
    """Whether a number, or all elements of an array, are finite."""
    if not isinstance(x.type, ArrayType):
        return b.prim("isfinite", BOOL, x)
    rest = x.type.dims[1:]
    row = ArrayType(x.type.elem, rest) if rest else x.type.elem
    inner = b.nested()
    index = b.names.fresh("i", INT)
    element = inner.one(Get(x, (At(index, True),)), row)
    body = inner.block(_finite(inner, element))
    size = literal(x.type.dims[0]) if x.type.dims[0] is not None else b.one(Dim(x, 0), INT, "n")
    return b.one(Loop(index, literal(0), size, (Reduce("all"),), body), BOOL)
