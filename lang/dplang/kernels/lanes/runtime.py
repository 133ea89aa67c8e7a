# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""What kernels with lanes call. A `Lane` is a type of Numba: as many numbers as a vector has room for, one for each of
so many turns of a loop. Its operators lower straight to instructions on vectors; a scalar beside a lane is
the same in every turn.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from . import mathematics, vector
from .vector import DOUBLE, FLOAT32, I1, I64, Num, Trace

ELEMENTS = {
    types.float64: DOUBLE,
    types.float32: FLOAT32,
    types.int64: I64,
    types.uint64: I64,
    types.boolean: I1,
}


class Lane(types.Type):
    """So many numbers of a scalar type."""

    def __init__(self, width: int, scalar: Any) -> None:
        self.width = width
        self.scalar = scalar
        super().__init__(f"lane{width}[{scalar}]")

    @property
    def key(self) -> tuple[int, Any]:
        return self.width, self.scalar

    @property
    def llvm(self) -> Any:
        return ir.VectorType(ELEMENTS[self.scalar], self.width)


@register_model(Lane)
class LaneModel(models.PrimitiveModel):
    def __init__(self, manager: Any, t: Lane) -> None:
        super().__init__(manager, t, t.llvm)


# ---- operands


def lane_of(given: Any) -> Lane | None:
    """The first lane among types."""
    return next((t for t in given if isinstance(t, Lane)), None)


def scalar(t: Any) -> Any:
    return t.scalar if isinstance(t, Lane) else t


def of_kind(t: Any, kind: Any) -> Any:
    """An operand's type where numbers of a scalar type `kind` are wanted."""
    return Lane(t.width, kind) if isinstance(t, Lane) else kind


def nums(cx: Any, builder: Any, sig: Any, args: Any) -> list[Num]:
    """The operands, scalars beside lanes as lanes."""
    trace, lane = Trace(cx, builder), lane_of(sig.args)
    found = []
    for v, t in zip(args, sig.args, strict=True):
        x = trace.num(v)
        if not isinstance(t, Lane) and t == types.boolean:  # Numba's booleans as arguments are of one bit, too
            x = trace.num(cx.cast(builder, v, t, types.boolean))
        found.append(vector.splat(x, lane.width) if lane and not isinstance(t, Lane) else x)
    return found


# ---- operators

ARITHMETIC = ("add", "sub", "mul", "truediv", "and_", "or_", "xor", "lshift", "rshift")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
FEWER = {types.boolean: 0, types.int64: 1, types.uint64: 1, types.float32: 2, types.float64: 3}


def number(t: Any) -> Any:
    """The scalar type of an operand, literals' types made plain; None for what is no number."""
    t = scalar(t)
    if isinstance(t, types.Literal):
        t = t.literal_type
    if isinstance(t, types.Boolean):
        return types.boolean
    if isinstance(t, types.Integer):
        return types.uint64 if t == types.uint64 else types.int64
    return t if isinstance(t, types.Float) else None


def typed(op: str, args: Any) -> Any:
    """The signature of an operator on lanes and scalars."""
    lane = lane_of(args)
    kinds = [number(t) for t in args]
    if (
        lane is None
        or any(k is None for k in kinds)
        or any(isinstance(t, Lane) and t.width != lane.width for t in args)
    ):
        return None
    kind = max(kinds, key=FEWER.__getitem__)
    if any(isinstance(t, Lane) and t.scalar != kind for t in args):
        return None  # a lane is never converted unasked
    result = types.boolean if op in COMPARISONS else kind
    return signature(Lane(lane.width, result), *(of_kind(t, kind) for t in args))


def register(op: str) -> None:
    function = getattr(operator, op)

    @infer_global(function)
    class Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            return typed(op, args) if not kws else None

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return function(*nums(cx, builder, sig, args)).value

    if len(op) == 3 and op in ("neg",):
        lower_builtin(function, Lane)(lower)
        return
    for pair in ((Lane, Lane), (Lane, types.Any), (types.Any, Lane)):
        lower_builtin(function, *pair)(lower)


for name in (*ARITHMETIC, *COMPARISONS, "neg"):
    register(name)


# ---- functions


def function(name: str) -> Any:
    """A function of `mathematics` on lanes or scalars."""

    def typing(*args: Any) -> Any:
        lane = lane_of(args)
        kind = max((number(t) for t in args), key=FEWER.__getitem__)
        kind = kind if kind == types.float32 else types.float64
        result = Lane(lane.width, kind) if lane else kind

        def lower(cx: Any, builder: Any, sig: Any, given: Any) -> Any:
            return mathematics.apply(name, *nums(cx, builder, sig, given)).value

        return result(*(of_kind(t, kind) for t in args)), lower

    if name in ("pow", "logaddexp"):

        def binary(context, x, y):
            return typing(x, y)

        chosen = binary
    else:

        def unary(context, x):
            return typing(x)

        chosen = unary
    chosen.__name__ = name
    return intrinsic(chosen)


exp, exp2, expm1, log, log1p, log2 = map(function, ("exp", "exp2", "expm1", "log", "log1p", "log2"))
sin, cos, tan, tanh, sigmoid, erf = map(function, ("sin", "cos", "tan", "tanh", "sigmoid", "erf"))
softplus, logaddexp, pow = map(function, ("softplus", "logaddexp", "pow"))


# ---- memory: no counting from the end and no bounds, which are proved or checked before


def pointer(cx: Any, builder: Any, t: Any, a: Any, i: Any, to: Any) -> Any:
    return builder.bitcast(builder.gep(cx.make_array(t)(cx, builder, a).data, [i]), ir.PointerType(to))


def align(t: Any) -> int:
    return t.dtype.bitwidth // 8 if t.dtype != types.boolean else 1


@intrinsic(prefer_literal=True)
def ld(context, w, a, i):
    """Elements i, i + 1, .. of an array."""
    lane = Lane(w.literal_value, a.dtype)

    def lower(cx, builder, sig, args):
        _, t, _ = sig.args
        v = builder.load(pointer(cx, builder, t, args[1], args[2], lane.llvm))
        v.align = align(t)
        return v

    return lane(w, a, types.int64), lower


@intrinsic
def st(context, a, i, v):
    def lower(cx, builder, sig, args):
        t = sig.args[0]
        builder.store(args[2], pointer(cx, builder, t, args[0], args[1], v.llvm)).align = align(t)
        return cx.get_dummy_value()

    return types.void(a, types.int64, v), lower
