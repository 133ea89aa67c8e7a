"""Reading and writing parts: fields, elements, rows and slices, each as one path into the leaf that is asked for."""

from __future__ import annotations

from ..check import typed
from ..core.build import ZERO, literal
from ..core.ir import INT, ArrayType, At, Check, Get, If, Lit, Operand, Path, Prim, Slice, Step, Type, Update, Var
from ..core.sizes import Size, SizeVar
from ..core.types import Array, Constraint, Struct, TangentOf, Tuple, array
from ..core.types import Type as LanguageType
from . import expressions
from .body import FALSE, Body, Delayed
from .checks import check_constraint
from .layout import fields, split
from .shape import UNIT, Group, Leaf, Shape, fill, leaves, transform

# ---- reading


def read(f: Body, e: typed.GetField | typed.GetItem) -> Shape:
    """A part of a value: only the leaves that it has are read."""
    shape, path = _place(f, e)
    return get(f, shape, path)


def _place(f: Body, e: typed.Expr) -> tuple[Shape, Path]:
    """A value and the way to a part of it that has still to be gone."""
    match e:
        case typed.GetField(base=base, index=index):
            shape, path = _place(f, base)
            if isinstance(shape, Group) and not shape.units:
                return shape.parts[index], path
            return shape, path
        case typed.GetItem(base=base, items=items):
            known = _element(f, base, items)
            if known is not None:
                return known
            shape, path = _place(f, base)
            if any(isinstance(s, Slice) for s in path):
                shape, path = get(f, shape, path), ()
            return shape, (*path, *steps(f, items, base.type, shape, len(path)))
        case _:
            return expressions.value(f, e), ()


def _element(f: Body, base: typed.Expr, items: tuple[typed.IndexItem, ...]) -> tuple[Shape, Path] | None:
    """An element of an array that is not there yet is computed by itself."""
    from .arrays import delayed

    found: Delayed | None = None
    if isinstance(base, typed.Local):
        held = f.env.get(base.symbol)
        found = held if isinstance(held, Delayed) else None
    elif isinstance(base, typed.Lift | typed.Builder):
        rank = len(base.dims) if isinstance(base, typed.Lift) else len(base.ranges)
        if len(items) >= rank and all(isinstance(i, typed.At) for i in items[:rank]):
            found = delayed(f, base)
            if found is None or any(low != ZERO for _, low, _ in found.ranges):
                # positions count from 0, the ranges do not
                return None
    if found is None or len(items) < found.rank:
        return None
    positions = steps(f, items[: found.rank], base.type, None, 0)
    if isinstance(base, typed.Lift | typed.Builder):
        _check_bounds(f, found, positions)
    with f.within(found.env):
        element = found.element(tuple(s.index for s in positions if isinstance(s, At)))
    rest = items[found.rank :]
    return element, steps(f, rest, _drop(f.type(base.type), found.rank), element, 0)


def _check_bounds(f: Body, found: Delayed, positions: Path) -> None:
    """An element that is computed by itself lies in the array all the same."""
    for axis, (s, (_, _, high)) in enumerate(zip(positions, found.ranges, strict=True)):
        assert isinstance(s, At)
        if s.proved:
            continue
        above = f.b.prim("<=", _BOOL, ZERO, s.index, hint="inside")
        inner = f.b.nested()
        below = inner.prim("<", _BOOL, s.index, high, hint="inside")
        sound = f.b.one(If(above, inner.block(below), f.b.nested().block(FALSE)), _BOOL, "inside")
        f.b.effect(Check(sound, "E0601", (s.index, high, literal(axis))))


_BOOL = FALSE.type


def _drop(t: LanguageType, n: int) -> LanguageType:
    assert isinstance(t, Array)
    return array(t.elem, t.dims[n:])


def steps(f: Body, items: tuple[typed.IndexItem, ...], base: LanguageType, shape: Shape | None, skipped: int) -> Path:
    """The items between brackets as steps of a path; `shape` has `skipped` more dimensions in front than `base`."""
    dims = split(f.type(base))[1]
    found: list[Step] = []
    for axis, item in enumerate(items):
        match item:
            case typed.At(index=index):
                value = expressions.operand(f, index)
                found.append(At(value, within(f, index, dims[axis])))
            case typed.Slice(low=low, high=high):
                start = ZERO if low is None else expressions.operand(f, low)
                if high is not None:
                    end = expressions.operand(f, high)
                else:
                    assert shape is not None
                    end = f.dim(next(leaves(shape)), skipped + axis)
                found.append(Slice(start, end, low is None and high is None))
    return tuple(found)


def within(f: Body, index: typed.Expr, dim: Size) -> bool:
    """Whether an index is known to lie in 0 .. dim: the sizes between which it runs say so."""
    position = expressions.known_size(f, index)
    if position is None:
        return False
    low, high = position, position + Size.of(1)
    for atom in position.atoms():
        if isinstance(atom, SizeVar) and atom in f.turns:
            first, last = f.turns[atom]
            rest = position - Size.of(atom)
            # one index at most: two that move together are beyond this
            if first is None or last is None or any(a in f.turns for a in rest.atoms()):
                return False
            low, high = rest + first, rest + last
    return f.is_natural(low) and f.is_natural(dim - high)


def get(f: Body, shape: Shape, path: Path) -> Shape:
    """The part of every leaf at `path`."""
    if not path:
        return shape
    if isinstance(shape, Group) and shape.units:
        inner = get(f, shape.parts[0], path)
        assert isinstance(inner, Leaf)
        return Group((inner,), units=True) if isinstance(inner.operand.type, ArrayType) else UNIT
    if isinstance(shape, Group):
        return Group(tuple(get(f, p, path) for p in shape.parts))
    return transform(shape, lambda o: get_leaf(f, o, path))


def get_leaf(f: Body, o: Operand, path: Path) -> Operand:
    hint = o.name if isinstance(o, Var) else "t"
    return f.b.one(Get(o, path), part_type(o.type, path), hint)


def part_type(t: Type, path: Path) -> Type:
    """The type of the part of an array at a path of indices and slices."""
    assert isinstance(t, ArrayType)
    kept = tuple(_extent(s) for s in path if isinstance(s, Slice))
    dims = kept + t.dims[len(path) :]
    return ArrayType(t.elem, dims) if dims else t.elem


def _extent(s: Slice) -> int | None:
    if isinstance(s.low, Lit) and isinstance(s.high, Lit):
        return int(s.high.value) - int(s.low.value)
    return None


# ---- writing


def assign(f: Body, s: typed.Assign, value: Shape) -> None:
    """A variable, or a part of it, gets a new value."""
    held = f.env[s.symbol]
    assert not isinstance(held, Delayed)
    f.env[s.symbol] = _write(f, held, s, s.steps, (), value, f.variables.get(s.symbol))


def _write(
    f: Body,
    shape: Shape,
    s: typed.Assign,
    rest: tuple[typed.FieldStep | typed.ItemStep, ...],
    path: Path,
    value: Shape,
    t: LanguageType | None,
) -> Shape:
    """`shape`, of type `t` where that is known, with the part that `path` and then `rest` lead to replaced."""
    if not rest:
        return _store(f, shape, s, path, value)
    match rest[0]:
        case typed.FieldStep(index=index, constraint=constraint):
            assert isinstance(shape, Group)
            if constraint is not None and len(rest) == 1:
                _check(f, s, constraint, value)
            new = _write(f, shape.parts[index], s, rest[1:], path, value, _field_type(t, index))
            parts = (*shape.parts[:index], new, *shape.parts[index + 1 :])
            new_shape: Shape = Group(parts, shape.units)
            if constraint is not None and len(rest) > 1:
                _check(f, s, constraint, get(f, new, path))
            return new_shape
        case typed.ItemStep(items=items):
            made = _item_steps(f, items, shape, path, t)
            return _write(f, shape, s, rest[1:], _inside(f, path, made), value, None)


def _field_type(t: LanguageType | None, index: int) -> LanguageType | None:
    match t:
        case Tuple(parts):
            return parts[index]
        case Struct() | TangentOf():
            return [field for _, field in fields(t)][index]
        case _:
            return None


def _item_steps(f: Body, items: tuple[typed.IndexItem, ...], shape: Shape, path: Path, t: LanguageType | None) -> Path:
    found: list[Step] = []
    kept = any(isinstance(p, Slice) for p in path)
    dims = split(t)[1] if t is not None else ()
    for axis, item in enumerate(items):
        match item:
            case typed.At(index=index):
                proved = axis < len(dims) and within(f, index, dims[axis])
                found.append(At(expressions.operand(f, index), proved))
            case typed.Slice(low=low, high=high):
                start = ZERO if low is None else expressions.operand(f, low)
                end = expressions.operand(f, high) if high is not None else _end(f, shape, path, axis)
                found.append(Slice(start, end, low is None and high is None and not kept))
    return tuple(found)


def _end(f: Body, shape: Shape, path: Path, axis: int) -> Operand:
    """The size of dimension `axis` of the part at `path`."""
    slices = [p for p in path if isinstance(p, Slice)]
    if axis < len(slices):
        return f.b.prim("-", INT, slices[axis].high, slices[axis].low, hint="n")
    return f.dim(next(leaves(shape)), len(path) + axis - len(slices))


def _inside(f: Body, path: Path, more: Path) -> Path:
    """`more` steps into the part at `path`: those into a slice count from where it starts."""
    rest = list(more)
    made: list[Step] = []
    for p in path:
        if not isinstance(p, Slice) or not rest:
            made.append(p)
            continue
        step = rest.pop(0)
        size = f.b.prim("-", INT, p.high, p.low, hint="n")
        if isinstance(step, At):
            _check_index(f, step.index, size)
            made.append(At(f.b.prim("+", INT, p.low, step.index, hint="index")))
        elif isinstance(step, Slice):
            if not step.proved:
                end = f.b.prim("<=", _BOOL, step.high, size, hint="inside")
                f.b.effect(Check(end, "E0602", (step.low, step.high, size)))
            low = f.b.prim("+", INT, p.low, step.low, hint="low")
            made.append(Slice(low, f.b.prim("+", INT, p.low, step.high, hint="high")))
    return (*made, *rest)


def _check_index(f: Body, index: Operand, size: Operand) -> None:
    above = f.b.prim("<=", _BOOL, ZERO, index, hint="inside")
    inner = f.b.nested()
    below = inner.prim("<", _BOOL, index, size, hint="inside")
    sound = f.b.one(If(above, inner.block(below), f.b.nested().block(FALSE)), _BOOL, "inside")
    f.b.effect(Check(sound, "E0601", (index, size)))


def _store(f: Body, shape: Shape, s: typed.Assign, path: Path, value: Shape) -> Shape:
    if s.push:
        return _updated(f, shape, "push", path, boxed(value))
    if s.accumulate:
        return _accumulated(f, shape, path, value)
    if not path:
        return value
    return _updated(f, shape, "set", path, boxed(value))


def boxed(value: Shape) -> Shape:
    """A value as an element of an array: of an empty tuple something is kept, for the array's size."""
    match value:
        case Group((), False):
            return Group((Leaf(literal(0)),), units=True)
        case Group(parts, units):
            return Group(tuple(map(boxed, parts)), units)
        case _:
            return value


def _updated(f: Body, shape: Shape, kind: str, path: Path, value: Shape) -> Shape:
    made: list[Operand] = []
    for x, v in zip(leaves(shape), leaves(value), strict=True):
        hint = x.name if isinstance(x, Var) else "t"
        t = _pushed(x.type) if kind == "push" else x.type
        made.append(f.b.one(Update("push" if kind == "push" else "set", x, path, v), t, hint))
    return fill(shape, iter(made))


def _pushed(t: Type) -> Type:
    assert isinstance(t, ArrayType)
    return ArrayType(t.elem, (None, *t.dims[1:]))


def _accumulated(f: Body, shape: Shape, path: Path, value: Shape) -> Shape:
    made: list[Operand] = []
    for x, v in zip(leaves(shape), leaves(value), strict=True):
        hint = x.name if isinstance(x, Var) else "t"
        node = Update("add", x, path, v) if isinstance(x.type, ArrayType) else Prim("+", (x, v))
        made.append(f.b.one(node, x.type, hint))
    return fill(shape, iter(made))


def _check(f: Body, s: typed.Assign, constraint: Constraint, value: Shape) -> None:
    """The field that is written keeps its constraint."""
    name = s.span.text.split("=")[0].strip(" +-*/%^") or s.symbol.name
    check_constraint(f, constraint, name, next(leaves(value)))
