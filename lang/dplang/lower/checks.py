"""Run-time checks: constraints of fields, sizes that must agree, ranges that must not run backwards."""

from __future__ import annotations

from ..core.build import ONE, ZERO, Builder
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    STRING,
    ArrayType,
    At,
    Check,
    Get,
    If,
    Lit,
    Loop,
    Operand,
    Reduce,
    Scalar,
)
from ..core.sizes import Size
from ..core.types import Constraint
from .body import FALSE, Body

SUM_TOLERANCE = 1e-6
"""By how much the sum of a Simplex may miss 1: rounding in a softmax of many elements stays far below."""


def show_constraint(c: Constraint) -> str:
    """A constraint as its field is written."""
    match c.kind:
        case "above":
            return f"> {c.low:g}"
        case "at_least":
            return f">= {c.low:g}"
        case "at_most":
            return f"<= {c.high:g}"
        case "between":
            return f"in ({c.low:g}, {c.high:g})"
        case "simplex":
            return "Simplex"
        case "ordered":
            return "Ordered"


def check_constraint(f: Body, c: Constraint, name: str, x: Operand) -> None:
    """Faults where `x`, the value of the field `name`, does not satisfy its constraint."""
    _each(f, f.b, c, name, x)


def _each(f: Body, b: Builder, c: Constraint, name: str, x: Operand) -> None:
    rank = len(x.type.dims) if isinstance(x.type, ArrayType) else 0
    whole = 1 if c.kind in ("simplex", "ordered") else 0
    if rank > whole:
        index = f.names.fresh("i", INT)
        high = f.dim(x, 0, b)
        inner = b.nested()
        _each(f, inner, c, name, _at(inner, x, index))
        b.effect(Loop(index, ZERO, high, (), inner.block()))
        return
    match c.kind:
        case "simplex":
            _simplex(f, b, c, name, x)
        case "ordered":
            _ordered(f, b, c, name, x)
        case _:
            _fault(b, c, name, _holds(b, c, x), x)


def _at(b: Builder, x: Operand, index: Operand) -> Operand:
    from .access import part_type

    path = (At(index, proved=True),)
    return b.one(Get(x, path), part_type(x.type, path), "x")


def _holds(b: Builder, c: Constraint, x: Operand) -> Operand:
    assert isinstance(x.type, Scalar)
    low = None if c.low is None else Lit(c.low, x.type)
    high = None if c.high is None else Lit(c.high, x.type)
    match c.kind:
        case "above":
            assert low is not None
            return b.prim(">", BOOL, x, low, hint="holds")
        case "at_least":
            assert low is not None
            return b.prim(">=", BOOL, x, low, hint="holds")
        case "at_most":
            assert high is not None
            return b.prim("<=", BOOL, x, high, hint="holds")
        case _:
            assert low is not None and high is not None
            above = b.prim(">", BOOL, x, low, hint="holds")
            inner = b.nested()
            below = inner.prim("<", BOOL, x, high, hint="holds")
            return b.one(If(above, inner.block(below), b.nested().block(FALSE)), BOOL, "holds")


def _fault(b: Builder, c: Constraint, name: str, holds: Operand, x: Operand) -> None:
    value = b.prim("float", FLOAT, x, hint="value") if x.type == FLOAT32 else x
    b.effect(Check(holds, "E0613", (Lit(name, STRING), Lit(show_constraint(c), STRING), value)))


def _simplex(f: Body, b: Builder, c: Constraint, name: str, x: Operand) -> None:
    assert isinstance(x.type, ArrayType) and isinstance(x.type.elem, Scalar)
    elem = x.type.elem
    index = f.names.fresh("i", INT)
    inner = b.nested()
    v = _at(inner, x, index)
    _fault(inner, c, name, inner.prim(">=", BOOL, v, Lit(0.0, elem), hint="holds"), v)
    total = b.one(Loop(index, ZERO, f.dim(x, 0, b), (Reduce("+"),), inner.block(v)), elem, "total")
    off = b.prim("abs", elem, b.prim("-", elem, total, Lit(1.0, elem), hint="off"), hint="off")
    _fault(b, c, name, b.prim("<=", BOOL, off, Lit(SUM_TOLERANCE, elem), hint="holds"), total)


def _ordered(f: Body, b: Builder, c: Constraint, name: str, x: Operand) -> None:
    index = f.names.fresh("i", INT)
    inner = b.nested()
    before = inner.prim("-", INT, index, ONE, hint="before")
    v, last = _at(inner, x, index), _at(inner, x, before)
    _fault(inner, c, name, inner.prim(">", BOOL, v, last, hint="holds"), v)
    b.effect(Loop(index, ONE, f.dim(x, 0, b), (), inner.block()))


# ---- sizes


def check_sizes(f: Body, found: Operand, wanted: Operand) -> None:
    """Two sizes must agree."""
    if found == wanted:
        return
    if isinstance(found, Lit) and isinstance(wanted, Lit):
        same: Operand = Lit(found.value == wanted.value, BOOL)
    else:
        same = f.b.prim("==", BOOL, found, wanted, hint="same")
    f.b.effect(Check(same, "E0606", (found, wanted)))


def check_range(f: Body, low: Operand, high: Operand, sizes: tuple[Size | None, Size | None]) -> None:
    """The range of a builder must not run backwards."""
    first, last = sizes
    if first is not None and last is not None and f.is_natural(last - first):
        return
    if isinstance(low, Lit) and isinstance(high, Lit):
        forward: Operand = Lit(int(low.value) <= int(high.value), BOOL)
    else:
        forward = f.b.prim("<=", BOOL, low, high, hint="forward")
    f.b.effect(Check(forward, "E0603", (low, high)))
