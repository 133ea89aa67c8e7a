"""`==` on values of an enum, as a function of the core: the same variant, and equal payload."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.build import FALSE, TRUE, ZERO, Builder, Names
from ..core.ir import (
    BOOL,
    INT,
    Arm,
    ArrayType,
    At,
    Call,
    Dim,
    EnumDecl,
    EnumType,
    Fn,
    Get,
    Loop,
    Match,
    Operand,
    Param,
    Part,
    Prim,
    Reduce,
)
from ..errors.source import NOWHERE


def equality_name(enum: str) -> str:
    return f"{enum}.=="


def equality(enum: EnumDecl) -> Fn:
    """The function that compares two values of an enum. `tag` is a primitive that is for `flatten` alone."""
    names = Names()
    b = Builder(names, NOWHERE)
    t = EnumType(enum.name)
    x, y = names.fresh("x", t), names.fresh("y", t)
    alike = b.prim("==", BOOL, b.one(Prim("tag", (x,)), INT), b.one(Prim("tag", (y,)), INT))

    def payload(b: Builder) -> tuple[Operand, ...]:
        arms = []
        for tag, variant in enumerate(enum.variants):
            inner = b.nested()
            params = tuple(names.fresh("p", f) for f in variant.fields)
            pairs = [(p, inner.one(Get(y, (Part(tag, k),)), p.type)) for k, p in enumerate(params)]
            equal = _all(inner, pairs)
            arms.append(Arm(params, inner.block(equal)))
        return b.let(Match(x, tuple(arms)), BOOL)

    (result,) = b.branch(alike, payload, lambda b: (FALSE,), BOOL)
    name = equality_name(enum.name)
    params = (Param(x, "x"), Param(y, "y"))
    return Fn(name, f"equal_{enum.name}", params, b.block(result), (BOOL,), ("",), NOWHERE, user=False)


def _all(b: Builder, pairs: Sequence[tuple[Operand, Operand]]) -> Operand:
    """Whether all pairs are equal; the first that is not ends the search."""
    if not pairs:
        return TRUE
    (x, y), *rest = pairs
    first = _equal(b, x, y)
    if not rest:
        return first
    return b.branch(first, lambda b: (_all(b, rest),), lambda b: (FALSE,), BOOL)[0]


def _equal(b: Builder, x: Operand, y: Operand) -> Operand:
    if isinstance(x.type, EnumType):
        return b.one(Call(equality_name(x.type.name), (x, y)), BOOL)
    if not isinstance(x.type, ArrayType):
        return b.prim("==", BOOL, x, y)
    rank = len(x.type.dims)
    sizes = [(b.one(Dim(x, k), INT), b.one(Dim(y, k), INT)) for k in range(rank)]

    return b.branch(
        _all(b, sizes), lambda b: (_elements(b, x, y, [n for n, _ in sizes], ()),), lambda b: (FALSE,), BOOL
    )[0]


def _elements(b: Builder, x: Operand, y: Operand, sizes: list[Operand], steps: tuple[At, ...]) -> Operand:
    if not sizes:
        assert isinstance(x.type, ArrayType)
        elem = x.type.elem
        return _equal(b, b.one(Get(x, steps), elem), b.one(Get(y, steps), elem))
    index = b.names.fresh("i", INT)
    inner = b.nested()
    equal = _elements(inner, x, y, sizes[1:], (*steps, At(index, True)))
    return b.one(Loop(index, ZERO, sizes[0], (Reduce("all"),), inner.block(equal)), BOOL)
