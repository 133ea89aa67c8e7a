"""Assignments to variables and to parts of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.ir import FLOAT, FLOAT32, INT
from ..core.sizes import Size
from ..core.types import Array, Constraint, Meta, Never, Struct, TangentOf, Tuple, Type, Wrong, array, show
from ..errors import types as faults
from ..errors.diagnostic import Edit, Note
from ..errors.source import Span
from ..errors.syntax import BadTarget
from ..syntax import tree
from . import typed
from .arrays import index_items
from .constants import is_literal
from .context import Context
from .lift import can_widen, coerce
from .lookup import unknown_name
from .names import Faulty, Value
from .operators import binary
from .sizing import forget
from .statements import Out, spread
from .targets import is_builtin
from .unify import drop, is_number, strip
from .vectors import fields


@dataclass(eq=False, slots=True)
class _Place:
    """What is assigned: a variable, the way to the part of it, the part's type and a read of it."""

    value: Value
    steps: list[typed.FieldStep | typed.ItemStep]
    type: Type
    read: typed.Expr
    before: list[typed.Stmt] = field(default_factory=list)


def assign(cx: Context, item: tree.Assign, out: Out) -> None:
    from .expressions import infer

    place = _place(cx, item.target)
    if place is None:
        infer(cx, item.value)
        return
    out.extend(place.before)
    if not place.steps and item.op == "=" and place.value.resizes is not None:
        _resize(cx, item, place, out)
        return
    value = _new_value(cx, item, place)
    value = spread(value, out)
    t = cx.solve(value.type)
    if isinstance(t, Wrong | Never):
        return
    if not place.steps and place.value.resizes is not None:
        value = coerce(cx, value, place.type)
    elif not place.steps and _adapts(cx, place.value, t):
        cx.body.adapted.append((place.value, cx.solve(place.value.type), item.span))
        place.value.type = t
    elif not _fits(cx, item, place, value):
        return
    else:
        value = coerce(cx, value, place.type)
    accumulate = item.op in ("+", "-") and _accumulates(place, value)
    if accumulate:
        value = _addend(cx, item, place)
    out.append(typed.Assign(place.value.symbol, tuple(place.steps), value, accumulate, False, (), item.span))


def _new_value(cx: Context, item: tree.Assign, place: _Place) -> typed.Expr:
    """The value of the part after the assignment."""
    from .expressions import infer

    if item.op == "=":
        return infer(cx, item.value, place.type)
    hint = strip(place.type)[0] if is_number(strip(place.type)[0]) else None
    literal = is_literal(cx.scope, item.value)
    power = item.op == "^" and literal
    change = infer(cx, item.value, hint if literal and not power else None)
    return binary(cx, item.op, place.read, change, item.span, item.target.span.to(item.value.span))


def _fits(cx: Context, item: tree.Assign, place: _Place, value: typed.Expr) -> bool:
    """Reports a value that the part cannot take, offering the usual remedies."""
    t, wanted = cx.solve(value.type), cx.solve(place.type)
    name = place.value.symbol.name
    if not place.steps and strip(wanted)[0] == INT and strip(t)[0] in (FLOAT, FLOAT32):
        init = place.value.init
        edits: tuple[Edit, ...] = ()
        if isinstance(init, tree.Number) and isinstance(init.value, int):
            edits = (Edit(init.span, f"{init.span.text}.0"),)
        cx.report(faults.IntBecomesFloat(item.span, name, place.value.symbol.span, edits))
        return False
    if can_widen(t, wanted) is not None or cx.unit.solver.try_fits(t, wanted):
        return True
    coerce(cx, value, wanted, Note(f"`{name}` gets its type here", place.value.symbol.span))
    return False


def _adapts(cx: Context, value: Value, t: Type) -> bool:
    """Whether a variable without annotation takes a new type: only on a line of an unrolled loop's own body."""
    if not value.adapts or cx.body.frame.unrolled is not cx.scope or value.symbol.name in cx.scope.names:
        return False
    old = cx.solve(value.type)
    return old != t and can_widen(t, old) is None and not cx.unit.solver.try_fits(t, old)


def _accumulates(place: _Place, value: typed.Expr) -> bool:
    """Whether `part += e` adds to a part of an array in place."""
    steps = place.steps
    return any(isinstance(s, typed.ItemStep) for s in steps) and is_number(strip(place.type)[0])


def _addend(cx: Context, item: tree.Assign, place: _Place) -> typed.Expr:
    """What is added to the part: of its type, negated for `-=`."""
    from .expressions import infer
    from .operators import unary

    elem, dims = strip(cx.solve(place.type))
    change = infer(cx, item.value, elem if is_literal(cx.scope, item.value) else None)
    if item.op == "-":
        change = unary(cx, "-", change, item.value.span)
    mine = strip(cx.solve(change.type))[1]
    if len(mine) < len(dims):
        zero = typed.Lit(elem, item.span, 0 if elem == INT else 0.0)
        shape = tuple(typed.SizeValue(INT, item.span, cx.size(d)) for d in dims)
        held = typed.Prim(array(elem, dims), item.span, "fill", (*shape, zero))
        change = binary(cx, "+", held, change, item.span, item.span)
    return coerce(cx, change, place.type)


# ---- a variable whose size changes


def _resize(cx: Context, item: tree.Assign, place: _Place, out: Out) -> None:
    """`y = e` of a `var y: Float[?]`; `y = concat(y, [e])` appends."""
    from .expressions import infer

    value = place.value
    assert value.resizes is not None
    pushed = _pushed(cx, item, value)
    name = f"len({value.symbol.name})"
    if pushed is not None:
        t = cx.solve(value.type)
        element = coerce(cx, infer(cx, pushed, drop(t, 1)), drop(t, 1))
        if isinstance(element.type, Wrong):
            return
        assert isinstance(t, Array)
        longer = t.dims[0] + Size.of(1)
        value.type = array(t.elem, (longer, *t.dims[1:]))
        out.append(typed.Assign(value.symbol, (), element, False, True, (), item.span))
        return
    made = spread(coerce(cx, infer(cx, item.value, value.resizes), value.resizes), out)
    if isinstance(made.type, Wrong):
        return
    made = forget(cx, made, name)
    value.type = made.type
    out.append(typed.Assign(value.symbol, (), made, False, False, (), item.span))


def _pushed(cx: Context, item: tree.Assign, value: Value) -> tree.Expr | None:
    """e of `y = concat(y, [e])`."""
    match item.value:
        case tree.Call(
            fn=tree.Name(name="concat"),
            args=(
                tree.Arg(name=None, value=tree.Name(name=mine)),
                tree.Arg(name=None, value=tree.ArrayExpr(parts=(e,))),
            ),
        ) if mine == value.symbol.name and is_builtin(cx, "concat"):
            return e
        case _:
            return None


# ---- places


def _place(cx: Context, target: tree.Expr) -> _Place | None:
    """The variable and the part that a target names; reported (None) if it cannot be assigned."""
    match target:
        case tree.Name():
            return _variable(cx, target)
        case tree.Member(span, base, name):
            place = _place(cx, base)
            return None if place is None else _field(cx, place, name, span)
        case tree.Index(span, base, items):
            place = _place(cx, base)
            return None if place is None else _items(cx, place, items, span)
        case _:
            cx.report(BadTarget(target.span))
            return None


def _variable(cx: Context, target: tree.Name) -> _Place | None:
    entity, barrier, top = cx.scope.locate(target.name)
    if entity is None:
        unknown_name(cx, target.name, target.span, assigned=True)
        cx.scope.names[target.name] = Faulty(target.span)  # what is read of it later is the same mistake
        return None
    if not isinstance(entity, Value):
        cx.report(faults.AssignImmutable(target.span, target.name, None, ""))
        return None
    if isinstance(cx.solve(entity.type), Wrong):
        return None
    if entity.captured:
        cx.report(faults.AssignCaptured(target.span, target.name, entity.symbol.span, "lambda"))
        return None
    if not entity.symbol.mutable:
        word = "let" if entity.init is not None else ""
        cx.report(faults.AssignImmutable(target.span, target.name, entity.symbol.span, word))
        return None
    if top and cx.body.owner is not None:
        cx.report(faults.GlobalVar(target.span, target.name, entity.symbol.span))
        return None
    if barrier:
        cx.report(faults.AssignCaptured(target.span, target.name, entity.symbol.span, barrier))
        return None
    t = cx.solve(entity.type)
    return _Place(entity, [], t, typed.Local(t, target.span, entity.symbol))


def _field(cx: Context, place: _Place, name: tree.Ident, span: Span) -> _Place | None:
    t = cx.solve(place.type)
    elem, dims = strip(t)
    if isinstance(elem, Struct | TangentOf):
        decl = elem.struct.decl if isinstance(elem, TangentOf) else elem.decl
        for i, f in enumerate(decl.fields):
            if f.name == name.name:
                constraint: Constraint | None = f.constraint if isinstance(elem, Struct) else None
                place.steps.append(typed.FieldStep(i, constraint))
                place.type = array(fields(elem)[i], dims)
                place.read = typed.GetField(place.type, span, place.read, i)
                return place
        near = faults.near(name.name, [f.name for f in decl.fields])
        cx.report(faults.UnknownMember(name.span, name.name, f"`{show(t)}`", near, decl.span))
        return None
    if not isinstance(elem, Wrong | Meta):
        cx.report(faults.NoMembers(name.span, name.name, show(t)))
    return None


def _items(cx: Context, place: _Place, items: tuple[tree.Expr | tree.SliceItem, ...], span: Span) -> _Place | None:
    t = cx.solve(place.type)
    if isinstance(t, Tuple):
        return _tuple_part(cx, place, items, t, span)
    if not isinstance(t, Array):
        if not isinstance(t, Wrong | Meta):
            cx.report(faults.TooManyIndices(span, show(t), 0, len(items)))
        return None
    found = index_items(cx, items, t, span, place.before)
    if found is None:
        return None
    place.steps.append(typed.ItemStep(found[0]))
    place.type = found[1]
    place.read = typed.GetItem(found[1], span, place.read, found[0])
    return place


def _tuple_part(
    cx: Context, place: _Place, items: tuple[tree.Expr | tree.SliceItem, ...], t: Tuple, span: Span
) -> _Place | None:
    index = items[0] if len(items) == 1 else None
    if not isinstance(index, tree.Number) or not isinstance(index.value, int) or not index.value < len(t.parts):
        cx.report(faults.TupleIndex(span, show(t)))
        return None
    place.steps.append(typed.FieldStep(index.value))
    place.type = t.parts[index.value]
    place.read = typed.GetField(place.type, span, place.read, index.value)
    return place
