"""Loops: over ranges and arrays, unrolled over tuples, and `while`; variables whose size changes in them."""

from __future__ import annotations

from collections.abc import Callable

from ..core.ir import INT
from ..core.types import Wrong
from ..errors import types as faults
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .context import Context
from .free import assigned_names, has_break
from .iteration import Parts, Turns, turns
from .names import Value
from .operators import condition
from .patterns import bind_pattern
from .sizing import with_stmts
from .statements import Out, flat, infer_block, same_types


def resized_in(cx: Context, node: tree.Node) -> list[Value]:
    """The variables `var y: Float[?]` that are assigned inside."""
    if not cx.body.resizing:
        return []
    names = assigned_names(node)
    found = [cx.scope.find(n) for n in sorted(names)]
    return [v for v in found if isinstance(v, Value) and v.resizes is not None]


def refresh(cx: Context, values: list[Value], span: Span, out: Out) -> None:
    """The sizes of variables that may have changed get new names, read here."""
    for v in values:
        assert v.resizes is not None
        v.type, fresh = cx.open(v.resizes, f"len({v.symbol.name})", span)
        symbol = typed.Symbol(v.symbol.name, span)
        now = typed.Local(v.type, span, v.symbol)
        out.append(typed.Let(typed.BindPattern(symbol, v.type), now, fresh, span))


def infer_for(cx: Context, item: tree.For, out: Out) -> None:
    before: list[typed.Stmt] = []
    found = turns(cx, item.iterable, before, sized=False)
    out.extend(before)
    if found is None:
        found = Turns(
            typed.Lit(INT, item.span, 0), typed.Lit(INT, item.span, 0), None, Wrong(), lambda i: cx.wrong(i.span)
        )
    if isinstance(found, Parts):
        _unrolled(cx, item, found, out)
        return
    changed = resized_in(cx, item.body)

    def enter(inner: Context, start: Out) -> typed.Symbol:
        place: list[typed.Stmt] = []
        start.append(place)
        if found.element is None and isinstance(item.pattern, tree.NamePattern):
            value = inner.variable(item.pattern.name, item.pattern.span, INT)
            value.place = place
            return value.symbol
        symbol = typed.Symbol("index", item.pattern.span)
        index = typed.Local(INT, item.pattern.span, symbol)
        value_of = index if found.element is None else found.element(index)
        bound, more = bind_pattern(inner, item.pattern, found.type, None, value_of)
        place.append(typed.Let(bound, value_of, (), item.pattern.span))
        start.append(more)
        return symbol

    region = "a `parallel for`" if item.parallel else ""
    with cx.region(region, item.span):
        symbol, body = _loop_body(cx, item.body, enter, changed)
    ranged = typed.Range(symbol, found.low, found.high)
    out.append(typed.For(ranged, found.reverse, item.parallel, body, item.span))
    refresh(cx, changed, item.span, out)


def _loop_body(
    cx: Context, body: tree.Block, enter: Callable[[Context, Out], typed.Symbol], changed: list[Value]
) -> tuple[typed.Symbol, typed.Block]:
    """The body of a loop; `enter` binds what a turn stands for."""
    inner = cx.inner()
    start: Out = []
    symbol = enter(inner, start)
    refresh(inner, changed, body.span, start)
    frame = cx.body.frame
    unrolled, frame.unrolled = frame.unrolled, None
    adapted = len(cx.body.adapted)
    frame.loops += 1
    made = infer_block(inner.inner(), body, None, discard=True)
    frame.loops -= 1
    frame.unrolled = unrolled
    same_types(cx, adapted)
    assert isinstance(made, typed.Block)
    return symbol, typed.Block(made.type, made.span, (*flat(start), *made.stmts), made.result)


def _unrolled(cx: Context, item: tree.For, found: Parts, out: Out) -> None:
    """A loop over a tuple: one body a part, each with the types of its part."""
    if item.parallel:
        cx.report(faults.NotIterable(item.iterable.span, "a tuple", "`parallel for`"))
    bodies: list[typed.Block] = []
    frame = cx.body.frame
    for i, t in enumerate(found.types):
        inner = cx.inner()
        part = typed.GetField(t, item.pattern.span, found.value, i)
        bound, more = bind_pattern(inner, item.pattern, t, None, part)
        start: Out = [typed.Let(bound, part, (), item.pattern.span), more]
        before, frame.unrolled = frame.unrolled, inner.scope
        frame.loops += 1
        body = infer_block(inner, item.body, None, discard=True)
        frame.loops -= 1
        frame.unrolled = before
        assert isinstance(body, typed.Block)
        bodies.append(typed.Block(body.type, body.span, (*flat(start), *body.stmts), body.result))
    out.append(typed.Unrolled(tuple(bodies), item.span))
    refresh(cx, resized_in(cx, item.body), item.span, out)


def infer_while(cx: Context, item: tree.While, out: Out) -> bool:
    changed = resized_in(cx, item)
    start: Out = []
    refresh(cx, changed, item.condition.span, start)
    cond = with_stmts(list(flat(start)), condition(cx, item.condition, "`while`"))
    _, body = _loop_body(cx, item.body, lambda inner, begin: typed.Symbol("turn", item.span), changed)
    out.append(typed.While(cond, body, item.span))
    refresh(cx, changed, item.span, out)
    return isinstance(item.condition, tree.Bool) and item.condition.value and not has_break(item.body)
