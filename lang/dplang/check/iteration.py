"""What binders and loops run over: ranges, arrays, and `zip`, `enumerate` and `reverse` of them, without copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..core.ir import INT
from ..core.sizes import Size
from ..core.types import Meta, Never, Tuple, Type, Wrong, show
from ..errors import types as faults
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .context import Context, hold, int_lit
from .free import children, pattern_names
from .lift import coerce, report_sizes
from .sizing import as_size, size_of
from .targets import is_builtin
from .unify import drop, strip


@dataclass(frozen=True, slots=True)
class Turns:
    """The turns of a binder: an index from `low` to `high` and what an index stands for (None: for itself)."""

    low: typed.Expr
    high: typed.Expr
    size: Size | None
    type: Type
    element: Callable[[typed.Expr], typed.Expr] | None
    reverse: bool = False

    def at(self, offset: typed.Expr) -> typed.Expr:
        """What turn number `offset` gives."""
        span = offset.span
        index = offset
        if self.reverse:
            last = typed.Prim(INT, span, "-", (self.high, int_lit(1, span)))
            index = typed.Prim(INT, span, "-", (last, offset))
        elif not is_zero(self.low):
            index = typed.Prim(INT, span, "+", (self.low, offset))
        return index if self.element is None else self.element(index)


@dataclass(frozen=True, slots=True)
class Parts:
    """A tuple to run over: the loop is unrolled."""

    value: typed.Expr
    types: tuple[Type, ...]


def is_zero(e: typed.Expr) -> bool:
    return isinstance(e, typed.Lit) and e.value == 0


def turns(cx: Context, e: tree.Expr, before: list[typed.Stmt], *, sized: bool) -> Turns | Parts | None:
    """What `e` gives, turn by turn; it is evaluated once, in `before`. `sized`: the number of turns is a size."""
    match e:
        case tree.Range():
            return _range(cx, e, before, sized)
        case tree.Call(span, tree.Name(_, name), args) if (
            name in ("zip", "enumerate", "reverse")
            and is_builtin(cx, name)
            and all(a.name is None for a in args)
            and args
        ):
            found = [turns(cx, a.value, before, sized=True) for a in args]
            inner = [t for t in found if isinstance(t, Turns)]
            if len(inner) < len(found):
                if None not in found:
                    cx.report(faults.NotIterable(span, "a tuple", f"`{name}`"))
                return None
            if name == "zip":
                return _zip(cx, inner, args, span)
            if len(inner) != 1:
                cx.report(faults.TooManyArguments(args[1].span, name, 1, len(args), None))
                return None
            return _enumerate(inner[0], span) if name == "enumerate" else _reverse(inner[0])
        case _:
            return _value(cx, e, before)


def _range(cx: Context, e: tree.Range, before: list[typed.Stmt], sized: bool) -> Turns | None:
    from .expressions import infer

    ends: list[typed.Expr] = []
    for part in (e.low, e.high):
        value = coerce(cx, infer(cx, part), INT)
        if isinstance(cx.solve(value.type), Wrong):
            return None
        ends.append(value)
    low, high = ends
    size: Size | None = None
    if sized:
        a, low = as_size(cx, low, before)
        b, high = as_size(cx, high, before)
        size = b - a
    return Turns(low, high, size, INT, None)


def _value(cx: Context, e: tree.Expr, before: list[typed.Stmt]) -> Turns | Parts | None:
    from .expressions import infer

    value = infer(cx, e)
    t = cx.solve(value.type)
    if isinstance(t, Wrong | Never):
        return None
    if isinstance(t, Meta) or (isinstance(strip(t)[0], Meta) and not strip(t)[1]):
        cx.report(faults.TypeNotKnown(e.span, "what the loop runs over"))
        return None
    held = hold(value, before)
    if isinstance(t, Tuple):
        return Parts(held, t.parts)
    dims = strip(t)[1]
    if not dims:
        cx.report(faults.NotIterable(e.span, f"`{show(t)}`", ""))
        return None
    elem = drop(t, 1)

    def element(index: typed.Expr) -> typed.Expr:
        return typed.GetItem(elem, e.span, held, (typed.At(index),))

    size = cx.size(dims[0])
    return Turns(int_lit(0, e.span), typed.SizeValue(INT, e.span, size), size, elem, element)


def _zip(cx: Context, inner: list[Turns], args: tuple[tree.Arg, ...], span: Span) -> Turns | None:
    first = inner[0]
    for t, a in zip(inner[1:], args[1:], strict=True):
        assert t.size is not None and first.size is not None
        if not cx.unit.solver.same_size(t.size, first.size):
            sizes = (cx.size(t.size), cx.size(first.size))
            report_sizes(cx, span, Tuple((t.type,)), Tuple((first.type,)), sizes, a.span, args[0].span)
            return None
    kind = Tuple(tuple(t.type for t in inner))
    assert first.size is not None

    def element(offset: typed.Expr) -> typed.Expr:
        return typed.Make(kind, span, tuple(t.at(offset) for t in inner))

    return Turns(int_lit(0, span), typed.SizeValue(INT, span, cx.size(first.size)), first.size, kind, element)


def _enumerate(inner: Turns, span: Span) -> Turns:
    kind = Tuple((INT, inner.type))
    assert inner.size is not None

    def element(offset: typed.Expr) -> typed.Expr:
        return typed.Make(kind, span, (offset, inner.at(offset)))

    return Turns(int_lit(0, span), typed.SizeValue(INT, span, inner.size), inner.size, kind, element)


def _reverse(inner: Turns) -> Turns:
    return Turns(inner.low, inner.high, inner.size, inner.type, inner.element, not inner.reverse)


# ---- plain `k`: the range comes from what it indexes


def indexed_range(cx: Context, name: str, element: tree.Expr, span: Span) -> Turns | None:
    """The range of a binder without `in`: the size of the dimensions that plain `x[.., k, ..]` index."""
    found: list[tuple[Size, typed.Expr]] = []
    for base, position in _indexings(element, name):
        born = cx.mark()
        with cx.trial() as failed:
            from .expressions import infer

            value = infer(cx, base)
            sound = not failed()
        t = cx.solve(value.type)
        dims = strip(t)[1]
        if not sound or position >= len(dims):
            continue
        size = cx.size(dims[position])
        if not size.atoms() & cx.born_since(born):
            found.append((size, value))
    if not found:
        cx.report(faults.NoRange(span, name))
        return None
    first, holder = found[0]
    for size, value in found[1:]:
        if not cx.unit.solver.same_size(size, first):
            sizes = (cx.size(size), cx.size(first))
            report_sizes(cx, span, cx.solve(value.type), cx.solve(holder.type), sizes, value.span, holder.span)
            return None
    return Turns(int_lit(0, span), typed.SizeValue(INT, span, first), first, INT, None)


def _indexings(node: tree.Node, name: str) -> list[tuple[tree.Expr, int]]:
    """Each array that the plain name indexes, and at which dimension."""
    found: list[tuple[tree.Expr, int]] = []
    waiting: list[tree.Node] = [node]
    while waiting:
        here = waiting.pop(0)
        match here:
            case tree.Index():
                base, items = _flat(here)
                for i, item in enumerate(items):
                    if isinstance(item, tree.Name) and item.name == name:
                        found.append((base, i))
            case tree.Builder(binders=binders) | tree.Reduction(binders=binders):
                if any(name in pattern_names(b.pattern) for b in binders):
                    continue
            case tree.Lambda(params=params):
                if any(name in pattern_names(p.pattern) for p in params):
                    continue
            case _:
                pass
        waiting.extend(children(here))
    return found


def _flat(e: tree.Index) -> tuple[tree.Expr, tuple[tree.Expr | tree.SliceItem, ...]]:
    """`x[i][k]` as x and its items, where no slice is between."""
    if isinstance(e.base, tree.Index) and not any(isinstance(i, tree.SliceItem | tree.Range) for i in e.base.items):
        base, items = _flat(e.base)
        return base, items + e.items
    return e.base, e.items


def constant_size(cx: Context, e: typed.Expr) -> int | None:
    size = size_of(cx, e)
    return None if size is None else size.constant
