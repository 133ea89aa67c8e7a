"""Copies, constants and common subexpressions in one walk.

A binding of an operand is replaced by the operand; a total arithmetic primitive of numbers by its
value; a branch on a constant by its side; a pure expression computed before in an enclosing block by
the name it has. Float identities are applied only where they are exact (x * 1, x / 1, x - 0, x ^ 1).
"""

from __future__ import annotations

from dataclasses import replace
from math import copysign, isfinite

from ..core.ir import (
    BOOL,
    FLOAT,
    INT,
    Block,
    Dim,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Operand,
    Prim,
    Program,
    Slice,
    Stop,
    Value,
    Var,
)
from ..core.rewrite import map_value
from ..primitives.table import TABLE

IDENTITIES: dict[tuple[str, object], bool] = {("*", 1): True, ("/", 1): False, ("-", 0): False, ("^", 1): False}
"""(operator, right operand) that leave the left operand as it is; whether the operator commutes."""


def fold(program: Program) -> Program:
    """Applies the walk to every function."""
    fns = {name: fold_function(fn) for name, fn in program.fns.items()}
    return Program(fns, program.enums, program.entry)


def fold_function(fn: Fn) -> Fn:
    return replace(fn, body=_Fold().block(fn.body, {}, {}))


class _Fold:
    def block(self, block: Block, known: dict[str, Operand], seen: dict[Value, tuple[Var, ...]]) -> Block:
        """`known`: what names stand for; `seen`: pure values already bound in this or an enclosing block."""
        seen = dict(seen)
        lets: list[Let] = []

        def f(o: Operand) -> Operand:
            return known.get(o.name, o) if isinstance(o, Var) else o

        def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
            return params, self.block(inner, known, seen)

        for let in block.lets:
            value = simplify(map_value(let.value, f, rebuild))
            if let.role == "adjoint":
                value = added(value)
            if isinstance(value, If) and isinstance(value.cond, Lit):
                side = value.then if value.cond.value else value.orelse
                lets.extend(side.lets)
                for v, result in zip(let.names, side.results, strict=True):
                    known[v.name] = result
                continue
            if isinstance(value, Var | Lit):
                known[let.names[0].name] = value
                continue
            if is_pure(value):
                before = seen.get(value)
                if before is not None:
                    for v, w in zip(let.names, before, strict=True):
                        known[v.name] = w
                    continue
                seen[value] = let.names
            lets.append(replace(let, value=value))
        return Block(tuple(lets), tuple(map(f, block.results)))


def is_pure(value: Operand | Value) -> bool:
    """Whether computing `value` once serves wherever it stands again. Arrays made anew stay apart: sharing
    one buffer between two names would turn later in-place writes into copies."""
    match value:
        case Prim(op):
            row = TABLE.get(op)
            return row is not None and row.elementwise and not row.effect
        case Get(_, path):
            return not any(isinstance(step, Slice) for step in path)
        case Dim():
            return True
        case _:
            return False


def added(value: Operand | Value) -> Operand | Value:
    """In derivative code a sum with 0.0 is the other term: an adjoint of -0.0 may be 0.0."""
    match value:
        case Prim("+", (Lit(0.0) as zero, Var() as d)) | Prim("+", (Var() as d, Lit(0.0) as zero)):
            return d if zero.type == d.type else value
        case _:
            return value


def simplify(value: Operand | Value) -> Operand | Value:
    """`value` as a constant or operand where it is one."""
    match value:
        case Prim(op, args):
            return _prim(value, op, args)
        case Stop(Lit() as x):
            return x
        case _:
            return value


def _prim(value: Prim, op: str, args: tuple[Operand, ...]) -> Operand | Value:
    if len(args) == 2:
        a, b = args
        if isinstance(b, Lit) and (op, b.value) in IDENTITIES and a.type == b.type:
            return a
        if isinstance(a, Lit) and IDENTITIES.get((op, a.value)) and a.type == b.type:
            return b
        if isinstance(a, Lit) and isinstance(b, Lit) and a.type == b.type == INT:
            return _ints(value, op, int(a.value), int(b.value))
        if isinstance(a, Lit) and isinstance(b, Lit) and a.type == b.type == FLOAT:
            return _floats(value, op, float(a.value), float(b.value))
    if op == "float" and isinstance(args[0], Lit) and args[0].type == INT:
        return Lit(float(args[0].value), FLOAT)
    if op == "float" and args[0].type == FLOAT:
        return args[0]
    if op == "neg" and isinstance(args[0], Lit) and args[0].type == FLOAT:
        return _float(value, -float(args[0].value))
    if op == "not" and isinstance(args[0], Lit):
        return Lit(not args[0].value, BOOL)
    return value


def _ints(value: Prim, op: str, a: int, b: int) -> Operand | Value:
    # small results only: wrapping at 64 bits is the interpreter's and the kernels' business
    results: dict[str, int] = {"+": a + b, "-": a - b, "*": a * b}
    comparisons = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}
    if op in results and abs(results[op]) < 2**62:
        return Lit(results[op], INT)
    if op in comparisons:
        return Lit(comparisons[op], BOOL)
    return value


def _floats(value: Prim, op: str, a: float, b: float) -> Operand | Value:
    comparisons = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}
    if op in comparisons:
        return Lit(comparisons[op], BOOL)
    match op:
        case "+":
            return _float(value, a + b)
        case "-":
            return _float(value, a - b)
        case "*":
            return _float(value, a * b)
        case "/" if b:
            return _float(value, a / b)
    return value


def _float(value: Prim, result: float) -> Operand | Value:
    """A literal, but for what literals cannot tell apart (-0.0 is equal to 0.0) or write (infinities)."""
    plain = isfinite(result) and (result != 0.0 or copysign(1.0, result) > 0.0)
    return Lit(result, FLOAT) if plain else value


__all__ = ["fold", "fold_function", "is_pure", "simplify"]
