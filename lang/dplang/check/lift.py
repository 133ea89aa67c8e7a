"""Mapping over leading dimensions, and the one conversion that happens by itself: Int to Float."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.ir import FLOAT, FLOAT32, INT, Scalar
from ..core.sizes import Size, SizeVar
from ..core.types import Array, Enum, FnType, Meta, Never, Struct, TangentOf, Tuple, Type, Wrong, array, show
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from . import typed
from .context import Context, bare
from .unify import drop, join_numbers, strip


def widen(e: typed.Expr, target: Type) -> typed.Expr:
    """A scalar `e` as a `target`: an Int becomes a Float or Float32, anything else already is one."""
    if e.type == target or e.type != INT or target not in (FLOAT, FLOAT32):
        return e
    if isinstance(e, typed.Lit):
        return typed.Lit(target, e.span, float(e.value))
    return typed.Prim(target, e.span, "float" if target == FLOAT else "float32", (e,))


def mapped(
    span: Span,
    dims: tuple[Size, ...],
    args: Sequence[tuple[typed.Expr, int]],
    make: Callable[[list[typed.Expr]], typed.Expr],
) -> typed.Expr:
    """`make` on the elements of the arguments at their last `depth` indices, over all of `dims`."""
    if not dims:
        return make([a for a, _ in args])
    before: list[typed.Stmt] = []
    bound: list[tuple[typed.Symbol, typed.Expr, int]] = []
    inner: list[typed.Expr] = []
    for given, depth in args:
        value = bare(given, before)
        if depth == 0 and isinstance(value, typed.Lit | typed.Local | typed.SizeValue | typed.FnValue | typed.Lambda):
            inner.append(value)
            continue
        symbol = typed.Symbol("item", value.span)
        bound.append((symbol, value, depth))
        inner.append(typed.Local(drop(value.type, depth), value.span, symbol))
    body = make(inner)
    made = typed.Lift(array(body.type, dims), span, dims, tuple(bound), body)
    return typed.Block(made.type, span, tuple(before), made) if before else made


def common_dims(
    cx: Context, span: Span, extras: Sequence[tuple[tuple[Size, ...], typed.Expr]]
) -> tuple[Size, ...] | None:
    """The dimensions to map over: all are equal or a suffix of the longest. Reported (None) if not."""
    longest: tuple[Size, ...] = ()
    holder: typed.Expr | None = None
    for dims, e in extras:
        if len(dims) > len(longest) or holder is None:
            longest, holder = dims, e
    assert holder is not None
    for dims, e in extras:
        if e is holder or not dims:
            continue
        tail = longest[len(longest) - len(dims) :]
        for mine, other in zip(dims, tail, strict=True):
            cx.unit.solver.now = e.span
            if not cx.unit.solver.same_size(mine, other):
                sizes = (cx.size(mine), cx.size(other))
                report_sizes(cx, span, cx.solve(e.type), cx.solve(holder.type), sizes, e.span, holder.span)
                return None
    return longest


def report_sizes(
    cx: Context,
    span: Span,
    found: Type,
    wanted: Type,
    sizes: tuple[Size, Size],
    found_at: Span | None = None,
    wanted_at: Span | None = None,
    why: tuple[Note, ...] = (),
) -> None:
    """Two sizes disagree: shows both and where each comes from."""
    notes: list[Note] = []
    if found_at is not None and wanted_at is not None:
        notes.append(Note(f"this has the type `{show(found)}`", found_at))
        notes.append(Note(f"this has the type `{show(wanted)}`", wanted_at))
    notes.extend(why)
    for size in sizes:
        for atom in sorted(size.atoms(), key=str):
            note = cx.unit.origins.get(atom) if isinstance(atom, SizeVar) else None
            if note is not None and note not in notes:
                notes.append(note)
    cx.report(faults.SizeMismatch(span, show(found), show(wanted), str(sizes[0]), str(sizes[1]), tuple(notes)))


def conflict(cx: Context, a: Type, b: Type) -> tuple[Size, Size] | None:
    """The first two sizes in which types of one shape differ; None where more than sizes differs."""
    found: list[tuple[Size, Size]] = []

    def walk(x: object, y: object) -> bool:
        if isinstance(x, Size) and isinstance(y, Size):
            x, y = cx.size(x), cx.size(y)
            if x != y and not cx.unit.solver.same_size(x, y):
                found.append((x, y))
            return True
        if isinstance(x, Array) and isinstance(y, Array):
            return len(x.dims) == len(y.dims) and walk(x.elem, y.elem) and all(map(walk, x.dims, y.dims))
        if isinstance(x, tuple) and isinstance(y, tuple):
            return len(x) == len(y) and all(map(walk, x, y))
        if type(x) is not type(y):
            return False
        match x:
            case Struct() | Enum():
                return x.decl is y.decl and walk(x.args, y.args)  # type: ignore[attr-defined]
            case TangentOf():
                return walk(x.struct, y.struct)  # type: ignore[attr-defined]
            case Tuple():
                return walk(x.parts, y.parts)  # type: ignore[attr-defined]
            case FnType():
                return walk(x.params, y.params) and walk(x.result, y.result)  # type: ignore[attr-defined]
            case _:
                return x == y

    return found[0] if walk(cx.solve(a), cx.solve(b)) and found else None


def can_widen(actual: Type, expected: Type) -> Scalar | None:
    """The Float type to which an Int, or an array of them, widens where `expected` is asked for."""
    a, dims = strip(actual)
    b, others = strip(expected)
    if a == INT and isinstance(b, Scalar) and b in (FLOAT, FLOAT32) and len(dims) == len(others):
        return b
    return None


def widen_all(cx: Context, e: typed.Expr, target: Type) -> typed.Expr:
    """`e`, an Int or array of Ints, as Floats."""
    dims = strip(cx.solve(e.type))[1]
    return mapped(e.span, dims, [(e, len(dims))], lambda xs: widen(xs[0], target))


def coerce(cx: Context, e: typed.Expr, expected: Type, *why: Note) -> typed.Expr:
    """`e` where a value of type `expected` is asked for: as it is, widened, or reported."""
    solver = cx.unit.solver
    actual, wanted = cx.solve(e.type), cx.solve(expected)
    if actual == wanted:
        return e
    solver.now = e.span
    target = can_widen(actual, wanted)
    if target is not None:
        e = widen_all(cx, e, target)
        actual = cx.solve(e.type)
    if solver.try_fits(actual, wanted):
        return e
    return mismatch(cx, e, actual, wanted, *why)


def mismatch(cx: Context, e: typed.Expr, actual: Type, wanted: Type, *why: Note) -> typed.Expr:
    """Reports that `e` is not of the type that is asked for."""
    sizes = conflict(cx, actual, wanted)
    if sizes is not None:
        report_sizes(cx, e.span, actual, wanted, sizes, why=why)
    else:
        cx.report(faults.TypeMismatch(e.span, show(actual), show(wanted), tuple(why)))
    return cx.wrong(e.span)


def join(cx: Context, branches: Sequence[typed.Expr], what: str, why: str) -> tuple[Type | None, list[typed.Expr]]:
    """The one type of several values (branches, elements, results), each made to have it. None: no value at all."""
    solver = cx.unit.solver
    wanted: Type | None = None
    first: typed.Expr | None = None
    for e in branches:
        t = cx.solve(e.type)
        if isinstance(t, Never | Wrong):
            continue
        if wanted is None:
            wanted, first = t, e
        elif not solver.try_fits(t, wanted):
            joined = _joined(cx, wanted, t)
            if joined is None:
                assert first is not None
                mismatch(cx, e, t, wanted, Note(why.format(show(wanted)), first.span))
                return Wrong(), list(branches)
            wanted = joined
    if wanted is None:
        wrong = any(isinstance(e.type, Wrong) for e in branches)
        return (Wrong() if wrong else None), list(branches)
    made = [e if isinstance(cx.solve(e.type), Never) else coerce(cx, e, wanted) for e in branches]
    return cx.solve(wanted), made


def _joined(cx: Context, a: Type, b: Type) -> Type | None:
    """The type to which two number types (or arrays of them) of one shape widen."""
    x, dims = strip(a)
    y, others = strip(b)
    if isinstance(x, Meta) or isinstance(y, Meta) or len(dims) != len(others):
        return None
    elem = join_numbers(x, y)
    if elem is None or not all(cx.unit.solver.same_size(m, n) for m, n in zip(dims, others, strict=True)):
        return None
    return array(elem, dims)
