"""Expressions without jumps: what each kind becomes."""

from __future__ import annotations

from typing import assert_never

from ..check import typed
from ..core.ir import FLOAT, FLOAT32, INT, STRING, ArrayType, Checkpoint, Io, Lit, Operand, Prim, Scalar, Stop, Variant
from ..core.sizes import Size, apply
from ..core.types import Array, Enum, Struct
from ..primitives.table import TABLE
from .body import Body
from .checks import check_constraint, check_sizes
from .shape import UNIT, Group, Leaf, Shape, Static, fill, leaves, operands, transform

LAMBDA = "lambda"
"""What a closure is called in messages until a `let` gives it a name."""


def value(f: Body, e: typed.Expr) -> Shape:
    """The value of an expression that holds no jump."""
    with f.at(e.span):
        return _value(f, e)


def operand(f: Body, e: typed.Expr) -> Operand:
    """The value of a scalar expression."""
    shape = value(f, e)
    assert isinstance(shape, Leaf)
    return shape.operand


def _value(f: Body, e: typed.Expr) -> Shape:
    match e:
        case typed.Lit():
            return _literal(f, e)
        case typed.Local(symbol=symbol):
            return f.read(symbol)
        case typed.SizeValue(size=size):
            return Leaf(f.size(size))
        case typed.FnValue() | typed.Lambda() | typed.Call() | typed.Apply():
            return _function(f, e)
        case typed.Make() | typed.MakeArray() | typed.MakeVariant() | typed.GetField() | typed.GetItem():
            return _data(f, e)
        case typed.Prim():
            return _primitive(f, e)
        case typed.Lift() | typed.Builder() | typed.Reduce() | typed.Vector() | typed.Equal():
            return _arrays(f, e)
        case typed.If() | typed.Match() | typed.Block():
            return _control(f, e)
        case typed.Checkpoint(body=body):
            return _checkpoint(f, body)
        case typed.Stop(value=inner):
            # parts without a tangent, too: a path that is severed there is meant to be
            return transform(value(f, inner), lambda o: f.b.one(Stop(o), o.type, "stop"))
        case typed.Cast():
            return _cast(f, e)
        case typed.Format():
            return _format(f, e)
        case typed.Derive() | typed.Demand() | typed.Flatten() | typed.Unflatten():
            return _derivative(f, e)
        case typed.Io():
            return _io(f, e)
        case _:
            assert_never(e)


# ---- leaves


def _literal(f: Body, e: typed.Lit) -> Shape:
    t = f.type(e.type)
    assert isinstance(t, Scalar), "a literal of a wrong type"
    return Leaf(number(e.value, t))


def number(v: float | int | bool | str, t: Scalar) -> Lit:
    """A constant of type `t` (an Int literal may stand where a type variable turned out to be Float)."""
    return Lit(float(v), t) if t in (FLOAT, FLOAT32) and not isinstance(v, str) else Lit(v, t)


def known_size(f: Body, e: typed.Expr) -> Size | None:
    """The size that an Int expression is, as far as the text says; loop indices stand in it as variables."""
    match e:
        case typed.Lit(value=int(v)) if e.type == INT:
            return Size.of(v)
        case typed.SizeValue(size=size):
            return size
        case typed.Local(symbol=symbol):
            return f.known.get(symbol)
        case typed.Prim(op="neg", args=(x,)):
            a = known_size(f, x)
            return None if a is None else -a
        case typed.Prim(op=op, args=(x, y)) if op in ("+", "-", "*", "//", "%", "min", "max"):
            a, b = known_size(f, x), known_size(f, y)
            if a is None or b is None or (op in ("//", "%") and b.constant == 0):
                return None
            match op:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case _:
                    return apply(op, a, b)
        case _:
            return None


# ---- functions


def _function(f: Body, e: typed.FnValue | typed.Lambda | typed.Call | typed.Apply) -> Shape:
    program = f.program
    match e:
        case typed.Lambda():
            return program.closure(f, e)
        case typed.FnValue(ref=ref, bound=bound):
            receiver = None if bound is None else value(f, bound)
            return program.definition(f, ref, receiver)
        case typed.Call(ref=ref, args=args):
            given = [value(f, a) for a in args]
            return program.call(f, program.definition(f, ref, None), given)
        case typed.Apply(fn=fn, args=args):
            callee = value(f, fn)
            assert isinstance(callee, Static)
            return program.call(f, callee, [value(f, a) for a in args])


# ---- data


def _data(f: Body, e: typed.Make | typed.MakeArray | typed.MakeVariant | typed.GetField | typed.GetItem) -> Shape:
    match e:
        case typed.Make(parts=parts, checks=checks):
            shapes = [value(f, p) for p in parts]
            for i, c in enumerate(checks):
                if c is not None:
                    with f.at(parts[i].span):
                        check_constraint(f, c, _field_name(f, e, i), next(leaves(shapes[i])))
            return Group(tuple(shapes))
        case typed.MakeArray():
            from .arrays import make_array

            return make_array(f, e)
        case typed.MakeVariant(tag=tag, args=args):
            t = f.type(e.type)
            assert isinstance(t, Enum)
            kind = f.program.layouts.enum(t)
            payload = operands([value(f, a) for a in args])
            return Leaf(f.b.one(Variant(kind.name, tag, payload), kind, "node"))
        case typed.GetField() | typed.GetItem():
            from .access import read

            return read(f, e)


def _field_name(f: Body, e: typed.Make, i: int) -> str:
    t = f.type(e.type)
    struct = t.elem if isinstance(t, Array) else t
    return struct.decl.fields[i].name if isinstance(struct, Struct) else str(i)


def _primitive(f: Body, e: typed.Prim) -> Shape:
    if e.op == "fill":
        from .arrays import fill_array

        return fill_array(f, e)
    args = [value(f, a) for a in e.args]
    outline = f.outline(e.type)
    row = TABLE.get(e.op)
    if (row is not None and "A[" in row.scheme) or e.op in ("reshape", "flatten"):
        # a row on arrays of anything works leaf by leaf; sizes behind (`reshape`) are the same for each
        return _leafwise(f, e.op, args, outline)
    types = [o.type for o in leaves(outline)]
    assert len(types) == 1, e.op
    return Leaf(f.b.one(Prim(e.op, operands(args)), types[0], _hint(e.op)))


def _hint(op: str) -> str:
    return op if op.isidentifier() and len(op) <= 8 else "t"


def _leafwise(f: Body, op: str, args: list[Shape], outline: Shape) -> Shape:
    columns = [list(leaves(a)) for a in args]
    made: list[Operand] = []
    for j, kind in enumerate(leaves(outline)):
        parts = tuple(c[j] if isinstance(c[0].type, ArrayType) else c[0] for c in columns)
        made.append(f.b.one(Prim(op, parts), kind.type, _hint(op)))
    return fill(outline, iter(made))


def _arrays(f: Body, e: typed.Lift | typed.Builder | typed.Reduce | typed.Vector | typed.Equal) -> Shape:
    from .arrays import delayed, force

    match e:
        case typed.Lift() | typed.Builder():
            d = delayed(f, e)
            assert d is not None
            return force(f, d, "t")
        case typed.Reduce():
            from .reductions import reduce

            return reduce(f, e)
        case typed.Vector():
            from .vectors import vector

            return vector(f, e)
        case typed.Equal(left=left, right=right):
            from .vectors import equal

            return Leaf(equal(f, value(f, left), value(f, right)))


# ---- control


def _control(f: Body, e: typed.If | typed.Match | typed.Block) -> Shape:
    from .control import evaluate

    return evaluate(f, e)


def _checkpoint(f: Body, body: typed.Expr) -> Shape:
    from .ssa import End, join

    slot = typed.Symbol("kept", body.span)
    f.slots.add(slot)
    with f.inner() as b:
        f.env[slot] = value(f, body)
        end = End(b, f.env)
    join(f, [end], lambda blocks: Checkpoint(blocks[0]))
    f.slots.discard(slot)
    kept = f.env.pop(slot)
    assert isinstance(kept, Leaf | Group | Static)
    return kept


def _cast(f: Body, e: typed.Cast) -> Shape:
    """Sizes that the type names anew are bound, all others are checked."""
    from .layout import split

    shape = value(f, e.value)
    t = f.type(e.type)
    first = next(leaves(shape))
    bound: set[object] = set()
    for axis, d in enumerate(split(t)[1]):
        found = f.dim(first, axis)
        if d.atom in e.fresh and d.atom not in bound:
            bound.add(d.atom)
            f.bind_size(d.atom, found, natural=True)
        else:
            check_sizes(f, found, f.size(d))
    return shape


# ---- text, effects, derivatives


def _format(f: Body, e: typed.Format) -> Shape:
    pieces: list[object] = []
    args: list[Operand] = []
    for part in e.parts:
        if isinstance(part, str):
            pieces.append(part)
            continue
        inner, spec = part
        shape = value(f, inner)
        pieces.append((f.program.layouts.layout(f.type(inner.type), shape), spec))
        args += leaves(shape)
    return Leaf(f.b.one(Prim("format", tuple(args), tuple(pieces)), STRING, "text"))


def _io(f: Body, e: typed.Io) -> Shape:
    shapes = [value(f, a) for a in e.args]
    layouts = tuple(f.program.layouts.layout(f.type(a.type), s) for a, s in zip(e.args, shapes, strict=True))
    t = f.type(e.type)
    result = f.outline(t)
    names = e.names or (None,) * len(e.args)
    meta = (layouts, names, f.program.layouts.layout(t, result))
    types = [o.type for o in leaves(result)]
    return fill(result, iter(f.b.let(Io(e.op, operands(shapes), meta), *types, hint="read")))


def _derivative(f: Body, e: typed.Derive | typed.Demand | typed.Flatten | typed.Unflatten) -> Shape:
    from . import derive, flatten

    match e:
        case typed.Derive():
            return derive.derive(f, e)
        case typed.Demand():
            derive.demand(f, e)
            return UNIT
        case typed.Flatten(value=inner):
            return Leaf(flatten.flatten(f, f.type(inner.type), value(f, inner)))
        case typed.Unflatten(flat=flat, like=like):
            return flatten.unflatten(f, f.type(like.type), operand(f, flat), value(f, like))
