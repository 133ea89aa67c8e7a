"""The trainable scalars of a value as one array in unconstrained space, and back.

A bound becomes an `exp`, an interval a logistic, a Simplex a softmax whose last logit is 0 (and is left out), an
Ordered array a running sum of `exp`s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..core.build import ONE, ZERO, literal
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    STRING,
    ArrayType,
    At,
    Build,
    Check,
    Get,
    If,
    Lit,
    Loop,
    Make,
    Operand,
    Prim,
    Reduce,
    Slice,
    Var,
)
from ..core.rewrite import rank
from ..core.types import Constraint
from ..core.types import Type as LanguageType
from .access import part_type
from .arrays import INDICES, at, elementwise, nest
from .body import Body
from .layout import Info
from .shape import Shape, fill, leaves

VECTOR = ArrayType(FLOAT, (None,))
Row = Callable[[Operand], Operand]


def flatten(f: Body, t: LanguageType, value: Shape) -> Operand:
    """All trainable scalars of `value`, in order."""
    pieces: list[Operand] = []
    scalars: list[Operand] = []
    for o, info in _trained(f, t, value):
        free = _free(f, o, info)
        if rank(free.type) == 0:
            scalars.append(free)
            continue
        if scalars:
            pieces.append(_made(f, scalars))
            scalars = []
        pieces.append(free if rank(free.type) == 1 else f.b.prim("flatten", VECTOR, free, hint="flat"))
    if scalars or not pieces:
        pieces.append(_made(f, scalars))
    flat = pieces[0]
    for p in pieces[1:]:
        flat = f.b.prim("concat", VECTOR, flat, p, hint="flat")
    return flat


def _trained(f: Body, t: LanguageType, value: Shape) -> Iterator[tuple[Operand, Info]]:
    infos = f.program.layouts.infos(t, value, "")
    for o, info in zip(leaves(value), infos, strict=True):
        if f.program.layouts.tangible(o.type) and not info.fixed:
            yield o, info


def _made(f: Body, scalars: list[Operand]) -> Operand:
    return f.b.one(Make(tuple(scalars)), ArrayType(FLOAT, (len(scalars),)), "flat")


def unflatten(f: Body, t: LanguageType, flat: Operand, like: Shape) -> Shape:
    """A value like `like` with its trainable scalars taken from `flat`."""
    position: Operand = ZERO
    made: list[Operand] = []
    for o, info in zip(leaves(like), f.program.layouts.infos(t, like, ""), strict=True):
        if not f.program.layouts.tangible(o.type) or info.fixed:
            made.append(o)
            continue
        value, position = _bound(f, flat, position, o, info)
        made.append(value)
    return fill(like, iter(made))


def _plus(f: Body, a: Operand, b: Operand) -> Operand:
    if isinstance(a, Lit) and isinstance(b, Lit):
        return literal(int(a.value) + int(b.value))
    return b if a == ZERO else f.b.prim("+", INT, a, b, hint="position")


def _bound(f: Body, flat: Operand, position: Operand, like: Operand, info: Info) -> tuple[Operand, Operand]:
    """A leaf like `like` from `flat` at `position`, and the position after it."""
    hint = like.name if isinstance(like, Var) else "t"
    if not isinstance(like.type, ArrayType):
        scalar = f.b.one(Get(flat, (At(position, proved=True),)), FLOAT, hint)
        return _narrow(f, _into(f, scalar, info.constraint), like), _plus(f, position, ONE)
    dims = [f.dim(like, k) for k in range(len(like.type.dims))]
    if info.constraint is not None and info.constraint.kind == "simplex":
        dims[-1] = f.b.prim("-", INT, dims[-1], ONE, hint="n")
    count = dims[0]
    for d in dims[1:]:
        count = f.b.prim("*", INT, count, d, hint="n")
    end = _plus(f, position, count)
    u: Operand = f.b.one(Get(flat, (Slice(position, end, proved=True),)), VECTOR, hint)
    if len(dims) > 1:
        u = f.b.one(Prim("reshape", (u, *dims)), ArrayType(FLOAT, (None,) * len(dims)), hint)
    c = info.constraint
    if c is not None and c.kind == "simplex":
        u = _rows(f, u, lambda row: _softmax(f, row))
    elif c is not None and c.kind == "ordered":
        u = _rows(f, u, lambda row: _ascending(f, row))
    elif c is not None:
        whole = u
        u = elementwise(f, whole, lambda i: _into(f, at(f, whole, i), c), hint)
    return _narrow(f, u, like), end


def _narrow(f: Body, u: Operand, like: Operand) -> Operand:
    """A Float, or array of them, as what the leaf is made of."""
    elem = like.type.elem if isinstance(like.type, ArrayType) else like.type
    if elem != FLOAT32:
        return u
    return elementwise(f, u, lambda i: f.b.prim("float32", FLOAT32, at(f, u, i)))


def _wide(f: Body, x: Operand) -> Operand:
    elem = x.type.elem if isinstance(x.type, ArrayType) else x.type
    if elem != FLOAT32:
        return x
    return elementwise(f, x, lambda i: f.b.prim("float", FLOAT, at(f, x, i)))


# ---- scalars


def _into(f: Body, u: Operand, c: Constraint | None) -> Operand:
    """An unconstrained number as one that satisfies a bound."""
    if c is None:
        return u
    match c.kind:
        case "above" | "at_least":
            grown = f.b.prim("exp", FLOAT, u, hint="exp")
            return grown if c.low == 0 else f.b.prim("+", FLOAT, _number(c.low), grown)
        case "at_most":
            return f.b.prim("-", FLOAT, _number(c.high), f.b.prim("exp", FLOAT, u, hint="exp"))
        case "between":
            part = f.b.prim("sigmoid", FLOAT, u, hint="part")
            assert c.low is not None and c.high is not None
            scaled = f.b.prim("*", FLOAT, _number(c.high - c.low), part, hint="part")
            return f.b.prim("+", FLOAT, _number(c.low), scaled)
        case _:
            return u


def _number(v: float | None) -> Lit:
    assert v is not None
    return Lit(float(v), FLOAT)


def _out(f: Body, x: Operand, info: Info) -> Operand:
    """The unconstrained number of one that satisfies a bound; on the bound there is none."""
    c = info.constraint
    if c is None:
        return x
    match c.kind:
        case "above" | "at_least":
            room = x if c.low == 0 else f.b.prim("-", FLOAT, x, _number(c.low), hint="room")
            _inside(f, room, info, c.low)
            return f.b.prim("log", FLOAT, room, hint="free")
        case "at_most":
            room = f.b.prim("-", FLOAT, _number(c.high), x, hint="room")
            _inside(f, room, info, c.high)
            return f.b.prim("log", FLOAT, room, hint="free")
        case "between":
            assert c.low is not None and c.high is not None
            room = f.b.prim("-", FLOAT, x, _number(c.low), hint="room")
            part = f.b.prim("/", FLOAT, room, _number(c.high - c.low), hint="part")
            return f.b.prim("logit", FLOAT, part, hint="free")
        case _:
            return x


def _inside(f: Body, room: Operand, info: Info, bound: float | None) -> None:
    sound = f.b.prim(">", BOOL, room, Lit(0.0, FLOAT), hint="inside")
    label = Lit(info.label.lstrip("."), STRING)
    f.b.effect(Check(sound, "E0510", (label, Lit(float(bound or 0.0), FLOAT))))


# ---- arrays


def _free(f: Body, o: Operand, info: Info) -> Operand:
    """A leaf in unconstrained space."""
    x = _wide(f, o)
    c = info.constraint
    if c is None:
        return x
    if c.kind == "simplex":
        return _rows(f, x, lambda row: _logits(f, row, info))
    if c.kind == "ordered":
        return _rows(f, x, lambda row: _gaps(f, row))
    return elementwise(f, x, lambda i: _out(f, at(f, x, i), info), "free")


def _rows(f: Body, x: Operand, row: Row) -> Operand:
    """`row` of every row along the last dimension."""
    n = rank(x.type) - 1
    if not n:
        return row(x)
    ranges = [(INDICES[k % 3], ZERO, f.dim(x, k)) for k in range(n)]

    def body(indices: tuple[Operand, ...]) -> tuple[Operand, ...]:
        path = tuple(At(i, proved=True) for i in indices)
        return (row(f.b.one(Get(x, path), part_type(x.type, path), "row")),)

    return nest(f, ranges, lambda n: (Build(),) * n, body, "rows")[0]


def _along(f: Body, high: Operand, element: Callable[[Operand], Operand], hint: str) -> Operand:
    return nest(f, [("i", ZERO, high)], lambda n: (Build(),) * n, lambda i: (element(i[0]),), hint)[0]


def _choice(f: Body, cond: Operand, then: Callable[[], Operand], orelse: Callable[[], Operand]) -> Operand:
    with f.inner() as a:
        first = a.block(then())
    with f.inner() as b:
        second = b.block(orelse())
    return f.b.one(If(cond, first, second), FLOAT, "t")


def _logits(f: Body, row: Operand, info: Info) -> Operand:
    """log(x / last) of all but the last."""
    count = f.b.prim("-", INT, f.dim(row, 0), ONE, hint="n")
    last = at(f, row, (count,))
    _inside(f, last, info, 0.0)

    def element(i: Operand) -> Operand:
        x = at(f, row, (i,))
        _inside(f, x, info, 0.0)
        return f.b.prim("log", FLOAT, f.b.prim("/", FLOAT, x, last), hint="logit")

    return _along(f, count, element, "logits")


def _softmax(f: Body, row: Operand) -> Operand:
    count = f.dim(row, 0)
    index = f.names.fresh("i", INT)
    with f.inner() as b:
        body = b.block(at(f, row, (index,)))
    total = f.b.one(Loop(index, ZERO, count, (Reduce("logsumexp"),), body), FLOAT, "total")
    total = f.b.prim("logaddexp", FLOAT, total, Lit(0.0, FLOAT), hint="total")

    def element(i: Operand) -> Operand:
        inside = f.b.prim("<", BOOL, i, count, hint="inside")
        free = _choice(f, inside, lambda: at(f, row, (i,)), lambda: Lit(0.0, FLOAT))
        return f.b.prim("exp", FLOAT, f.b.prim("-", FLOAT, free, total), hint="weight")

    return _along(f, f.b.prim("+", INT, count, ONE, hint="n"), element, "weights")


def _gaps(f: Body, row: Operand) -> Operand:
    """The first element, then the logarithms of the distances."""

    def element(i: Operand) -> Operand:
        first = f.b.prim("==", BOOL, i, ZERO, hint="first")
        x = at(f, row, (i,))

        def gap() -> Operand:
            before = at(f, row, (f.b.prim("-", INT, i, ONE, hint="before"),))
            return f.b.prim("log", FLOAT, f.b.prim("-", FLOAT, x, before, hint="gap"), hint="gap")

        return _choice(f, first, lambda: x, gap)

    return _along(f, f.dim(row, 0), element, "gaps")


def _ascending(f: Body, row: Operand) -> Operand:
    def element(i: Operand) -> Operand:
        first = f.b.prim("==", BOOL, i, ZERO, hint="first")
        u = at(f, row, (i,))
        return _choice(f, first, lambda: u, lambda: f.b.prim("exp", FLOAT, u, hint="gap"))

    gaps = _along(f, f.dim(row, 0), element, "gaps")
    return f.b.prim("cumsum", VECTOR, gaps, hint="ordered")
