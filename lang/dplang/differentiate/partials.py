"""Partial derivatives of primitives: expressions of dp in the table's rows, written as core where they are needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from ..core.build import Builder
from ..core.ir import BOOL, FLOAT32, INT, If, Lit, Operand, Prim, Scalar
from ..primitives.table import TABLE
from ..syntax import tree
from ..syntax.parse import parse_expression

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}


@cache
def partial(op: str, argument: int) -> tree.Expr | None:
    """The tree of a row's partial derivative in one argument; None where that is zero."""
    row = TABLE[op]
    if argument >= len(row.d) or not row.d[argument]:
        return None
    found = parse_expression(row.d[argument], f"derivative of {op}")
    return None if isinstance(found, tree.Number) and found.value == 0 else found


def times_partial(
    b: Builder, op: str, argument: int, read: Callable[[str], Operand], factor: Operand
) -> Operand | None:
    """`factor` times the partial, `read` giving the operands x, y, z (arguments) and r (result) that occur in it."""
    found = partial(op, argument)
    if found is None:
        return None
    t = factor.type
    assert isinstance(t, Scalar)
    return _times(b, found, _Writer(read, t), factor, t)


def _times(b: Builder, e: tree.Expr, writer: _Writer, factor: Operand, t: Scalar) -> Operand:
    """The product; a partial that is a branch becomes a branch, so that no side not taken is multiplied by."""
    if isinstance(e, tree.Number) and e.value == 0:
        return Lit(0.0, t)
    sign = _sign(e)
    if sign == 1:
        return factor
    if sign == -1:
        return b.prim("neg", t, factor, hint="d")
    if isinstance(e, tree.If):
        then, orelse = _value(e.then), _value(e.orelse)
        condition = writer.write(b, e.condition, BOOL)
        if isinstance(condition, Lit):
            return _times(b, then if condition.value else orelse, writer, factor, t)
        return b.branch(
            condition,
            lambda inner: (_times(inner, then, writer, factor, t),),
            lambda inner: (_times(inner, orelse, writer, factor, t),),
            t,
            hint="d",
        )[0]
    return product(b, factor, writer.write(b, e, t))


def product(b: Builder, x: Operand, y: Operand) -> Operand:
    """The product of two numbers, of which one may be the literal one."""
    if isinstance(x, Lit) and x.value == 1.0:
        return y
    if isinstance(y, Lit) and y.value == 1.0:
        return x
    return b.prim("*", x.type, x, y, hint="d")


def _sign(e: tree.Expr) -> int:
    match e:
        case tree.Number(value=1 | 1.0):
            return 1
        case tree.Unary(op="-", operand=tree.Number(value=1 | 1.0)):
            return -1
        case _:
            return 0


class _Writer:
    """Writes an expression as core. Literals take the type that is wanted, Ints are widened to it."""

    def __init__(self, read: Callable[[str], Operand], number: Scalar) -> None:
        self.read = read
        self.number = number

    def type_of(self, e: tree.Expr) -> Scalar | None:
        """The type of an expression; None of a literal, which takes any."""
        match e:
            case tree.Number():
                return None
            case tree.Name(name=name) if name in CONSTANTS:
                return None
            case tree.Name(name=name):
                t = self.read(name).type
                assert isinstance(t, Scalar)
                return t
            case tree.Unary(operand=operand):
                return self.type_of(operand)
            case tree.Binary(op=op, left=left, right=right):
                if op in COMPARISONS:
                    return BOOL
                return self.type_of(left) if op == "^" else self.joined(left, right)
            case tree.If(then=then, orelse=orelse):
                return self.joined(_value(then), _value(orelse))
            case _:
                return self.number

    def joined(self, *parts: tree.Expr) -> Scalar | None:
        types = [t for t in map(self.type_of, parts) if t is not None]
        return next((t for t in types if t != INT), types[0] if types else None)

    def write(self, b: Builder, e: tree.Expr, wanted: Scalar) -> Operand:
        """The value of `e` as one of type `wanted`."""
        made = self._write(b, e, wanted)
        if made.type == INT and wanted != INT:
            if isinstance(made, Lit):
                return Lit(float(made.value), wanted)
            return b.prim("float32" if wanted == FLOAT32 else "float", wanted, made)
        return made

    def _write(self, b: Builder, e: tree.Expr, wanted: Scalar) -> Operand:
        match e:
            case tree.Number(value=value):
                return Lit(int(value) if wanted == INT else float(value), wanted)
            case tree.Bool(value=truth):
                return Lit(truth, BOOL)
            case tree.Name(name=name) if name in CONSTANTS:
                return Lit(CONSTANTS[name], wanted)
            case tree.Name(name=name):
                return self.read(name)
            case tree.Unary(op="-", operand=tree.Number(value=value)):
                return Lit(-value if wanted == INT else -float(value), wanted)
            case tree.Unary(op="-", operand=operand):
                t = self.type_of(operand) or wanted
                return b.prim("neg", t, self.write(b, operand, t))
            case tree.Binary(op=op, left=left, right=right):
                return self._binary(b, op, left, right, wanted)
            case tree.If(condition=condition, then=then, orelse=orelse):
                return self._if(b, condition, _value(then), _value(orelse), wanted)
            case tree.Call(fn=tree.Name(name=name), args=args):
                # a function of floating-point numbers; an Int stands where the row's scheme says so
                params = TABLE[name].scheme.partition("->")[0].strip(" ()").split(",")
                types = [INT if p.strip() == "Int" else self.number for p in params]
                made = tuple(self.write(b, a.value, t) for a, t in zip(args, types, strict=True))
                return b.one(Prim(name, made), self.number)
            case _:
                raise AssertionError(f"no partial derivative is written with {type(e).__name__}")

    def _binary(self, b: Builder, op: str, left: tree.Expr, right: tree.Expr, wanted: Scalar) -> Operand:
        if op in COMPARISONS:
            t = self.joined(left, right) or self.number
            return _folded(b, op, BOOL, self.write(b, left, t), self.write(b, right, t))
        if op == "^":
            base = self.type_of(left) or self.number
            exponent = self.type_of(right) or base
            return _folded(b, op, base, self.write(b, left, base), self.write(b, right, exponent))
        t = self.joined(left, right) or wanted
        return _folded(b, op, t, self.write(b, left, t), self.write(b, right, t))

    def _if(self, b: Builder, condition: tree.Expr, then: tree.Expr, orelse: tree.Expr, wanted: Scalar) -> Operand:
        cond = self.write(b, condition, BOOL)
        if isinstance(cond, Lit):
            return self.write(b, then if cond.value else orelse, wanted)
        sides = b.nested(), b.nested()
        made = self.write(sides[0], then, wanted), self.write(sides[1], orelse, wanted)
        return b.one(If(cond, sides[0].block(made[0]), sides[1].block(made[1])), wanted)


def _folded(b: Builder, op: str, t: Scalar, x: Operand, y: Operand) -> Operand:
    """A binary operation; done at once on literal Ints, as the exponent of a power often is."""
    if isinstance(y, Lit) and y.type == INT:
        if op == "^" and y.value == 1:
            return x
        if isinstance(x, Lit) and x.type == INT and op in ("-", "=="):
            n, m = int(x.value), int(y.value)
            return Lit(n - m, INT) if op == "-" else Lit(n == m, BOOL)
    return b.prim(op, t, x, y)


def _value(e: tree.Block | tree.If | None) -> tree.Expr:
    """The expression that a side of an `if` is."""
    if isinstance(e, tree.Block):
        (item,) = e.items
        assert not isinstance(item, tree.Let | tree.FnDef)
        return item  # type: ignore[return-value]
    assert e is not None
    return e
