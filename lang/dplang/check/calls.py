"""Calls: arguments matched with parameters, type arguments found, what is mapped over, defaults filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ..core.ir import FLOAT, INT, KEY
from ..core.sizes import Size, SizeMeta
from ..core.types import (
    Enum,
    FnType,
    Meta,
    Ranked,
    Struct,
    Type,
    TypeVar,
    Wrong,
    array,
    show,
)
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .annotations import satisfies
from .constants import is_literal, literal_is_float
from .context import Context, Handed, Region
from .draws import keys_given, own_keys
from .lift import can_widen, coerce, common_dims, conflict, mapped, mismatch, report_sizes
from .names import FnName, Scope
from .sizing import as_size, named, with_stmts
from .unify import data_fault, drop, is_scalar_variable, is_unknown, sizes_of, strip

Slot: TypeAlias = "tree.Expr | typed.Expr | None"


@dataclass(eq=False, slots=True)
class Callee:
    """Something that can be called, its types ready for one call.

    `closed` parameters take all dimensions of their argument (type variables of any data, `[..]`). `sizes` are Int
    parameters that are sizes in the other types. `seed` is the type of the last parameter where it depends on the
    others (tangents).
    `checked` are type arguments with the variables that they stand for. `effects` are those of one call of `fn`.
    """

    label: str
    declared: Span | None
    names: tuple[str, ...]
    types: tuple[Type, ...]
    result: Callable[[], Type]
    make: Callable[[tuple[typed.Expr, ...], Type, Span], typed.Expr]
    value: Callable[[Span], typed.Expr]
    spans: tuple[Span, ...] = ()
    closed: tuple[bool, ...] = ()
    defaults: tuple[tree.Expr | None, ...] = ()
    default_scope: Callable[[], Scope] | None = None
    sizes: tuple[tuple[int, Size], ...] = ()
    checked: tuple[tuple[TypeVar, Type], ...] = ()
    universals: tuple[tuple[str, Size], ...] = ()
    seed: Callable[[], Type] | None = None
    effects: Region | None = None
    receiver: typed.Expr | None = None
    fn: FnName | None = None


@dataclass(eq=False, slots=True)
class Late:
    """Something whose types depend on those of its arguments (a lambda without types): `first` are looked at before."""

    label: str
    declared: Span | None
    names: tuple[str, ...]
    make: Callable[[tuple[Type | None, ...], Span], Callee | None]
    first: tuple[bool, ...]
    defaults: tuple[tree.Expr | None, ...] = ()
    default_scope: Callable[[], Scope] | None = None
    seeded: bool = False
    floats: bool = False
    receiver: typed.Expr | None = None


Target: TypeAlias = Callee | Late


def apply(
    cx: Context,
    target: Target,
    args: Sequence[tree.Arg],
    span: Span,
    expected: Type | None,
) -> typed.Expr:
    """The call of `target`; the receiver of a method is its first argument."""
    matched = match_args(cx, target, args, span)
    if matched is None:
        for a in args:
            if not wants_type(cx, a.value):
                _infer(cx, a.value, None)
        return cx.wrong(span)
    slots, behind = matched
    declared = target.declared
    if isinstance(target, Late):
        known: list[Type | None] = []
        for i, slot in enumerate(slots):
            if slot is not None and target.first[i]:
                value = _infer(cx, slot, FLOAT if target.floats and _is_number(cx, slot) else None)
                slots[i] = value
                if isinstance(cx.solve(value.type), Wrong):
                    return cx.wrong(span)
                known.append(cx.solve(value.type))
            else:
                known.append(None)
        made = target.make(tuple(known), span)
        if made is None:
            return cx.wrong(span)
        target = made
    if not behind:
        return _call(cx, target, slots, span, expected)
    first = 0 if target.receiver is None else 1
    if cx.solve(target.types[first]) != KEY:
        cx.report(replace(_too_many(target, behind[0], len(args)), declaration=declared))
        return cx.wrong(span)
    before: list[typed.Stmt] = []
    key = slots[first]
    slots[first] = None if key is None else keys_given(cx, key, [a.value for a in behind], target.label, before)
    if slots[first] is None:
        return cx.wrong(span)
    return with_stmts(before, _call(cx, target, slots, span, expected))


def _too_many(target: Target, at: tree.Arg, given: int) -> faults.TooManyArguments:
    takes = len(target.names) - (0 if target.receiver is None else 1)
    return faults.TooManyArguments(at.span, target.label, takes, given, target.declared)


def _is_number(cx: Context, slot: Slot) -> bool:
    return slot is not None and not isinstance(slot, typed.Node) and is_literal(cx.scope, slot)


def _infer(cx: Context, slot: tree.Expr | typed.Expr, expected: Type | None) -> typed.Expr:
    from .expressions import infer

    return slot if isinstance(slot, typed.Node) else infer(cx, slot, expected)


# ---- arguments and parameters


def match_args(
    cx: Context, target: Target, args: Sequence[tree.Arg], span: Span
) -> tuple[list[Slot], list[tree.Arg]] | None:
    """Each parameter's argument (None where a default stands in), and the arguments behind the last parameter: sizes,
    if the first parameter is a key. Reported (None) where they do not match."""
    names = target.names
    slots: list[Slot] = [None] * len(names)
    behind: list[tree.Arg] = []
    offset = 0 if target.receiver is None else 1
    if target.receiver is not None:
        slots[0] = target.receiver
    position = offset
    last = len(names) - 1 if _is_seeded(target) else -1
    positional = [a for a in args if a.name is None]
    if last >= 0 and positional and positional[-1] is args[-1]:
        slots[last] = positional.pop().value
    for a in positional:
        if 0 <= last <= position or (position >= len(names) and not _may_draw(cx, target, offset)):
            cx.report(_too_many(target, a, len(args)))
            return None
        if position >= len(names):
            behind.append(a)
            continue
        slots[position] = a.value
        position += 1
    for a in args:
        if a.name is None:
            continue
        if a.name.name not in names[offset:]:
            known = [n for n in names[offset:] if n]
            near = faults.near(a.name.name, known)
            cx.report(
                faults.UnknownArgument(a.name.span, a.name.name, target.label, tuple(known), near, target.declared)
            )
            return None
        i = names.index(a.name.name, offset)
        earlier = slots[i]
        if earlier is not None:
            cx.report(faults.DuplicateArgument(a.name.span, a.name.name, target.label, earlier.span))
            return None
        slots[i] = a.value
    return (slots, behind) if _complete(cx, target, slots, span) else None


def _may_draw(cx: Context, target: Target, first: int) -> bool:
    """Whether sizes may stand behind the arguments, as far as is known before they are looked at."""
    return first < len(target.names) and (isinstance(target, Late) or cx.solve(target.types[first]) == KEY)


def _is_seeded(target: Target) -> bool:
    return target.seeded if isinstance(target, Late) else target.seed is not None


def _complete(cx: Context, target: Target, slots: list[Slot], span: Span) -> bool:
    missing = []
    for i, slot in enumerate(slots):
        has_default = i < len(target.defaults) and target.defaults[i] is not None
        if slot is None and not has_default:
            missing.append(target.names[i] or f"number {i + 1}")
    if missing:
        cx.report(faults.MissingArgument(span, target.label, tuple(missing), target.declared))
    return not missing


# ---- one call


@dataclass(eq=False, slots=True)
class _Call:
    """The state of one call: arguments checked so far, how many dimensions each is mapped over."""

    cx: Context
    callee: Callee
    span: Span
    values: list[typed.Expr | None]
    depths: list[int]
    before: list[typed.Stmt] = field(default_factory=list)
    sound: bool = True


def call_with(
    cx: Context, callee: Callee, values: Sequence[typed.Expr], span: Span, expected: Type | None
) -> typed.Expr:
    """The call of a function with values for all its parameters, in their order."""
    return _call(cx, callee, list(values), span, expected)


def _call(cx: Context, callee: Callee, slots: list[Slot], span: Span, expected: Type | None) -> typed.Expr:
    call = _Call(cx, callee, span, [None] * len(slots), [0] * len(slots))
    if expected is not None:
        _expect(cx, callee, expected)
    for i in _order(cx, callee, slots):
        _argument(call, i, slots[i])
    if not call.sound:
        return cx.wrong(span)
    if not _found(cx, callee, span):
        return cx.wrong(span)
    return _finish(call)


def _order(cx: Context, callee: Callee, slots: list[Slot]) -> list[int]:
    """Other arguments before literals, those before function values without types, defaults and seeds last."""

    def rank(i: int) -> int:
        slot = slots[i]
        if callee.seed is not None and i == len(slots) - 1:
            return 6
        if slot is None:
            return 5
        if isinstance(slot, typed.Node):
            return 0
        if wants_type(cx, slot):
            return 4
        if is_literal(cx.scope, slot):
            return 2 if literal_is_float(slot) else 3
        return 1

    return sorted(range(len(slots)), key=rank)


def _expect(cx: Context, callee: Callee, expected: Type) -> None:
    """A struct or enum that is expected tells type arguments before the arguments are looked at."""
    wanted = strip(cx.solve(expected))[0]
    if isinstance(wanted, Struct | Enum):
        result = callee.result()
        if isinstance(result, Struct | Enum) and result.decl is wanted.decl and result.args:
            cx.unit.solver.try_fits(result, wanted)


def _argument(call: _Call, i: int, slot: Slot) -> None:
    cx, callee = call.cx, call.callee
    wanted = cx.solve(callee.seed() if callee.seed is not None and i == len(call.values) - 1 else callee.types[i])
    if slot is None:
        default = callee.defaults[i]
        assert default is not None and callee.default_scope is not None
        value = _infer(cx.at(callee.default_scope()), default, wanted)
    elif callee.fn is not None and isinstance(wanted, FnType):
        with cx.region("", call.span) as effects:
            value = _infer(cx, slot, wanted)
        if not cx.unit.quiet:
            cx.unit.handed.append(Handed(callee.fn, i, value, effects, cx.body.owner))
    else:
        value = _infer(cx, slot, wanted)
    t = cx.solve(value.type)
    if isinstance(t, Wrong):
        call.sound = False
        return
    size = next((s for j, s in callee.sizes if j == i), None)
    if size is not None and t == INT:
        known, value = as_size(cx, value, call.before)
        cx.unit.solver.now = value.span
        if not cx.unit.solver.same_size(known, size):
            why = (Note(f"`{callee.names[i]}` is a size of other arguments", callee.declared),)
            report_sizes(cx, value.span, t, t, (known, cx.size(size)), why=why)
            call.sound = False
    call.values[i] = value
    extra = _extra_dims(callee, i, t, wanted)
    call.depths[i] = extra
    if not _accept(call, i, drop(t, extra), wanted):
        call.sound = False


def _extra_dims(callee: Callee, i: int, t: Type, wanted: Type) -> int:
    """How many leading dimensions of an argument are mapped over."""
    if callee.closed and callee.closed[i]:
        return 0
    if isinstance(wanted, Meta) and not any(arg == wanted and is_scalar_variable(v) for v, arg in callee.checked):
        return 0
    if isinstance(wanted, Ranked | FnType | Wrong):
        return 0
    mine, theirs = len(strip(t)[1]), len(strip(wanted)[1])
    return max(mine - theirs, 0)


def _accept(call: _Call, i: int, t: Type, wanted: Type) -> bool:
    """Whether an element of the argument is what the parameter asks for, an Int for a Float included."""
    cx, callee = call.cx, call.callee
    value = call.values[i]
    assert value is not None
    solver = cx.unit.solver
    solver.now = value.span
    if can_widen(t, wanted) is not None:
        t = array(strip(wanted)[0], strip(t)[1])
    if solver.try_fits(t, wanted):
        return True
    name = callee.names[i] or f"number {i + 1}"
    where = callee.spans[i] if i < len(callee.spans) else callee.declared
    why = [Note(f"the parameter `{name}` of `{callee.label}` takes `{show(cx.solve(wanted))}`", where)]
    why += _causes(cx, callee, wanted)
    if call.depths[i] and conflict(cx, t, wanted) is None:
        t = cx.solve(value.type)
    mismatch(cx, replace(value, type=t), t, cx.solve(wanted), *why)
    return False


def _causes(cx: Context, callee: Callee, wanted: Type) -> list[Note]:
    """Where the sizes of a call were found."""
    notes = []
    for name, size in callee.universals:
        atom = size.atom
        if isinstance(atom, SizeMeta) and atom in cx.unit.solver.where:
            found = cx.size(size)
            notes.append(Note(f"`{name}` is `{found}` because of this argument", cx.unit.solver.where[atom]))
    return notes


def _found(cx: Context, callee: Callee, span: Span) -> bool:
    """Whether the type arguments found are data types that meet their bounds."""
    for var, arg in callee.checked:
        t = cx.solve(arg)
        if data_fault(t) is not None:
            cx.report(faults.FunctionAsData(span, show(t), f"the type variable `{var.name}` of `{callee.label}`"))
            return False
        if not isinstance(t, Meta) and not satisfies(t, var):
            cx.report(faults.BoundNotMet(span, show(t), var.name, var.bound))
            return False
    return True


def _finish(call: _Call) -> typed.Expr:
    cx, callee, span = call.cx, call.callee, call.span
    values = [v for v in call.values if v is not None]
    extras = [(strip(cx.solve(v.type))[1][:d], v) for v, d in zip(values, call.depths, strict=True) if d]
    result = cx.solve(callee.result())
    if callee.effects is not None:
        cx.repeat(callee.effects, span)
    if not extras:
        args = tuple(coerce(cx, v, t) for v, t in zip(values, _param_types(call), strict=True))
        made = callee.make(args, result, span)
        return with_stmts(call.before, named(cx, made, result, f"len({callee.label}(..))"))
    why = _unliftable(call, result)
    if why:
        return cx.wrong(span, faults.NotLiftable(span, callee.label, why, extras[0][1].span, show(extras[0][1].type)))
    dims = common_dims(cx, span, extras)
    if dims is None:
        return cx.wrong(span)
    if callee.effects is not None and not cx.unit.quiet:
        lifted = Region(
            "a call that is mapped over an array", span, list(callee.effects.ios), list(callee.effects.uses)
        )
        cx.unit.regions.append(lifted)
    types = _param_types(call)

    def make(inner: list[typed.Expr]) -> typed.Expr:
        args = tuple(coerce(cx, v, t) for v, t in zip(inner, types, strict=True))
        return callee.make(args, result, span)

    solved = [replace(v, type=cx.solve(v.type)) for v in values]
    given = own_keys(cx, list(zip(solved, call.depths, strict=True)), dims, call.before)
    return with_stmts(call.before, mapped(span, dims, given, make))


def _param_types(call: _Call) -> list[Type]:
    types = [call.cx.solve(t) for t in call.callee.types]
    if call.callee.seed is not None:
        types[-1] = call.cx.solve(call.callee.seed())
    return types


def _unliftable(call: _Call, result: Type) -> str:
    """Why a call cannot be mapped over an array, or an empty text."""
    if any(is_unknown(s) for s in sizes_of(result)):
        return "the size of its result is known only at run time"
    for i, _ in call.callee.sizes:
        if call.depths[i]:
            return f"its parameter `{call.callee.names[i]}` is a size"
    if data_fault(result) is not None:
        return "its result is a function"
    return ""


# ---- function values as arguments


def wants_type(cx: Context, e: tree.Expr) -> bool:
    """Whether `e` is a function value that is checked against the type that its place asks for."""
    from .targets import is_function_like

    return is_function_like(cx, e)


def fn_callee(cx: Context, fn_type: FnType, value: typed.Expr, label: str, effects: Region | None) -> Callee:
    """A function value as something to call."""

    def make(args: tuple[typed.Expr, ...], result: Type, span: Span) -> typed.Expr:
        return typed.Apply(result, span, value, args)

    return Callee(
        label,
        None,
        ("",) * len(fn_type.params),
        fn_type.params,
        lambda: cx.solve(fn_type.result),
        make,
        lambda span: value,
        closed=tuple(isinstance(strip(p)[0], TypeVar) for p in fn_type.params),
        effects=effects,
    )


def effects_of(fn: FnName, span: Span) -> Region:
    return Region("", span, [], [(fn, span)])
