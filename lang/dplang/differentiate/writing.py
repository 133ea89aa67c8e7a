"""Small things to write core with, shared by both modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.build import ZERO, Builder, Names
from ..core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Dim,
    EnumType,
    Fn,
    Get,
    Lit,
    Loop,
    Operand,
    Param,
    Path,
    Reduce,
    Scalar,
    Slice,
    Type,
    Update,
    Var,
)
from ..core.rewrite import free_names, rank
from ..errors.source import Span


def stacked(t: Type, n: int | None = None) -> ArrayType:
    """The type of values of type `t` in a row."""
    return ArrayType(t.elem, (n, *t.dims)) if isinstance(t, ArrayType) else ArrayType(t, (n,))


def element(t: Type) -> Scalar | EnumType:
    return t.elem if isinstance(t, ArrayType) else t


def extent(b: Builder, x: Operand, axis: int) -> Operand:
    """The size of an array that is at hand."""
    assert isinstance(x.type, ArrayType)
    known = x.type.dims[axis]
    return Lit(known, INT) if known is not None else b.one(Dim(x, axis), INT, "n")


def extents(b: Builder, x: Operand) -> list[Operand]:
    return [extent(b, x, axis) for axis in range(rank(x.type))]


def plus(b: Builder, x: Operand, y: Operand) -> Operand:
    """The sum of two Ints, folded where both are known."""
    if isinstance(x, Lit) and isinstance(y, Lit):
        return Lit(int(x.value) + int(y.value), INT)
    if x == ZERO:
        return y
    return x if y == ZERO else b.prim("+", INT, x, y, hint="i")


def minus(b: Builder, x: Operand, y: Operand) -> Operand:
    if isinstance(x, Lit) and isinstance(y, Lit):
        return Lit(int(x.value) - int(y.value), INT)
    return x if y == ZERO else b.prim("-", INT, x, y, hint="i")


def loop(b: Builder, n: Operand, body: Callable[[Builder, Var], Operand], hint: str = "t") -> Var:
    """An array of `n` values that `body` writes for an index."""
    index = b.names.fresh("i", INT)
    inner = b.nested()
    made = body(inner, index)
    value = Loop(index, ZERO, n, (Build(),), inner.block(made))
    return b.one(value, stacked(made.type), hint)


def elementwise(
    b: Builder, arrays: Sequence[Operand], f: Callable[[Builder, list[Operand]], Operand], hint: str = "t"
) -> Var:
    """`f` mapped over the elements of arrays of one shape: a loop for each dimension."""
    dims = rank(arrays[0].type)

    def level(inner: Builder, done: tuple[At, ...]) -> Operand:
        if len(done) == dims:
            return f(inner, [inner.one(Get(a, done), element(a.type)) for a in arrays])
        n = extent(inner, arrays[0], len(done))
        return loop(inner, n, lambda deeper, i: level(deeper, (*done, At(i, True))), hint)

    made = level(b, ())
    assert isinstance(made, Var)
    return made


def total(b: Builder, x: Operand) -> Operand:
    """The sum of all numbers of an array."""
    dims, elem = extents(b, x), element(x.type)

    def level(inner: Builder, done: tuple[At, ...]) -> Operand:
        if len(done) == len(dims):
            return inner.one(Get(x, done), elem)
        index = inner.names.fresh("i", INT)
        deeper = inner.nested()
        made = level(deeper, (*done, At(index, True)))
        return inner.one(Loop(index, ZERO, dims[len(done)], (Reduce("+"),), deeper.block(made)), elem, "sum")

    return level(b, ())


def increase(b: Builder, x: Operand, y: Operand) -> Var:
    """The sum of two arrays of numbers, in the buffer of `x` where nobody else needs it."""
    whole = Slice(ZERO, extent(b, x, 0), True)
    return b.one(Update("add", x, (whole,), y), x.type, "a")


def offset(b: Builder, base: Path, path: Path) -> Path:
    """The path in the array of what `path` is in its part at `base` (Ats and Slices only)."""
    made: list[At | Slice] = []
    left = [s for s in path if isinstance(s, At | Slice)]
    for step in base:
        match step:
            case Slice(low) if left:
                inner = left.pop(0)
                if isinstance(inner, At):
                    made.append(At(plus(b, low, inner.index), True))
                else:
                    made.append(Slice(plus(b, low, inner.low), plus(b, low, inner.high), True))
            case At() | Slice():
                made.append(step)
            case _:
                raise AssertionError("a payload is no view")
    return (*made, *left)


def is_view(path: Path) -> bool:
    return all(isinstance(s, At | Slice) for s in path)


def from_outside(params: tuple[Var, ...], side: Block, k: int) -> tuple[Var, Path] | None:
    """The outer array, and the path in it, that result number `k` of a side is, if it is no more than that."""
    inner = {v.name: let for let in side.lets for v in let.names}
    own = {*inner, *(p.name for p in params)}
    o = side.results[k]
    if not isinstance(o, Var):
        return None
    if o.name not in own:
        return o, ()
    value = inner[o.name].value if o.name in inner else None
    if isinstance(value, Get) and isinstance(value.x, Var) and is_view(value.path):
        return None if own & set(free_names(value)) else (value.x, value.path)
    return None


def trusted(path: Path) -> Path:
    """`path` where its bounds have been checked before."""
    return tuple(
        At(s.index, True) if isinstance(s, At) else Slice(s.low, s.high, True) if isinstance(s, Slice) else s
        for s in path
    )


def function(name: str, params: Sequence[Var | Param], body: Block, types: Sequence[Type], span: Span) -> Fn:
    """A function that no text says."""
    labels = tuple("" for _ in types)
    return Fn(name, name, tuple(map(_param, params)), body, tuple(types), labels, span, user=False)


def _param(p: Var | Param) -> Param:
    return Param(p, p.name) if isinstance(p, Var) else p


def fresh_builder(span: Span) -> Builder:
    return Builder(Names(), span, "adjoint")
