"""Loops: what their bodies assign is carried, leaf by leaf; jumps out of them make them a `While` with a flag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..check import typed
from ..core.build import ONE, ZERO, Builder
from ..core.ir import BOOL, INT, Block, Carry, If, Let, Loop, Operand, Type, Var, While
from ..core.rewrite import sizeless, substitute
from ..core.sizes import Size, SizeVar
from . import expressions
from .body import FALSE, Body, Delayed, hinted
from .shape import Leaf, Shape, fill, leaves
from .ssa import guard, joined, nothing, same
from .walk import Jumps, assignments


def run_loop(f: Body, s: typed.For | typed.While | typed.Unrolled) -> None:
    """A loop statement; afterwards the flags say whether a `return` inside was taken."""
    match s:
        case typed.For():
            _for(f, s)
        case typed.While():
            _while(f, s)
        case typed.Unrolled():
            _unrolled(f, s)


# ---- what is carried


@dataclass(frozen=True, slots=True)
class _Carried:
    """The variables that a loop carries, with their values before it and the parameters that stand for them inside."""

    symbols: tuple[typed.Symbol, ...]
    inits: tuple[Operand, ...]
    shapes: tuple[Shape, ...]
    params: tuple[Var, ...]


def _carried(f: Body, loop: typed.For | typed.While, early: Jumps) -> _Carried:
    """What the loop assigns of what exists before it, and the flags and the result where it may be left early."""
    symbols: dict[typed.Symbol, Shape] = {}
    for a in assignments(loop):
        value = f.env.get(a.symbol)
        if value is not None and not isinstance(value, Delayed):
            symbols[a.symbol] = value
    if early.breaks:
        symbols[f.leave] = Leaf(FALSE)
    if early.returns:
        symbols[f.returned] = Leaf(FALSE)
        assert f.result_outline is not None
        unset = [nothing(f, f.b, o.type) for o in leaves(f.result_outline)]
        symbols[f.result] = fill(f.result_outline, iter(unset))
    inits = tuple(o for shape in symbols.values() for o in leaves(shape))
    params: list[Var] = []
    shapes: list[Shape] = []
    for symbol, shape in symbols.items():
        types = _types(f, symbol, shape, loop)
        made = [f.names.fresh(hinted(symbol), t) for t in types]
        params += made
        shapes.append(fill(shape, iter(made)))
    return _Carried(tuple(symbols), inits, tuple(shapes), tuple(params))


def _types(f: Body, symbol: typed.Symbol, shape: Shape, loop: typed.For | typed.While) -> list[Type]:
    """The types of a carried variable's leaves: sizes that an assignment in the loop may change are not known."""
    types = [o.type for o in leaves(shape)]
    if symbol == f.result:
        return [sizeless(t) for t in types]
    for a in assignments(loop):
        if a.symbol != symbol or any(isinstance(s, typed.ItemStep) for s in a.steps):
            continue
        if a.push or a.steps:
            types = [sizeless(t) for t in types]
        else:
            new = [o.type for o in leaves(f.outline(a.value.type))]
            types = [joined(t, n) for t, n in zip(types, new, strict=True)]
    return types


def _enter(f: Body, carried: _Carried) -> None:
    """Inside the loop the variables are the parameters; no jump has been taken in this turn."""
    for symbol, shape in zip(carried.symbols, carried.shapes, strict=True):
        f.env[symbol] = shape
    f.set_flags(FALSE)
    f.env[f.returned] = Leaf(FALSE)


def _ends(f: Body, carried: _Carried) -> list[Operand]:
    """The carried leaves at the end of a turn."""
    found: list[Operand] = []
    for symbol in carried.symbols:
        value = f.env[symbol]
        assert not isinstance(value, Delayed)
        found += leaves(value)
    return found


def _finish(
    f: Body,
    carried: _Carried,
    ends: list[Operand],
    emit: Callable[[tuple[Carry, ...], dict[str, Operand], list[Operand]], Loop | While],
) -> None:
    """Writes the loop. A leaf that every turn leaves as it was is not carried: it is its value before the loop."""
    kept, unchanged = _changed(carried, ends)
    carries = tuple(Carry(carried.params[i], carried.inits[i]) for i in kept)
    node = emit(carries, unchanged, [ends[i] for i in kept])
    hints = [hinted(s) for s, shape in zip(carried.symbols, carried.shapes, strict=True) for _ in leaves(shape)]
    fresh = [f.names.fresh(hints[i], carried.params[i].type) for i in kept]
    names = [*fresh, f.names.fresh("turns", INT)] if isinstance(node, While) else fresh
    f.b.lets.append(Let(tuple(names), node, f.b.span, f.b.role))
    after = dict(zip(kept, fresh, strict=True))
    values = iter([after.get(i, init) for i, init in enumerate(carried.inits)])
    for symbol, shape in zip(carried.symbols, carried.shapes, strict=True):
        f.env[symbol] = fill(shape, values)
    returned = f.flag(f.returned) if f.returned in carried.symbols else FALSE
    f.set_flags(returned)


def _changed(carried: _Carried, ends: list[Operand]) -> tuple[list[int], dict[str, Operand]]:
    """The numbers of the leaves that turns change, and what the parameters of the others are."""
    kept: list[int] = []
    unchanged: dict[str, Operand] = {}
    for i, (param, end) in enumerate(zip(carried.params, ends, strict=True)):
        if same(end, param) or same(end, carried.inits[i]):
            unchanged[param.name] = carried.inits[i]
        else:
            kept.append(i)
    return kept, unchanged


# ---- for


def _for(f: Body, s: typed.For) -> None:
    low = _int(f, s.range.low)
    high = _int(f, s.range.high)
    early = _early(f, s.body)
    carried = _carried(f, s, early)
    plain = not s.reverse and not (early and low != ZERO)
    index = f.names.fresh(hinted(s.range.symbol) if plain else "turn", INT)
    limit = high
    if early and low != ZERO:
        limit = f.b.prim("-", INT, high, low, hint="limit")
    with f.inner() as b:
        _enter(f, carried)
        position: Operand = index
        if early and low != ZERO and not s.reverse:
            position = b.prim("+", INT, low, index, hint=hinted(s.range.symbol))
        if s.reverse:
            # a While counts from 0, a Loop from `low`
            last = b.prim("-", INT, high, ONE, hint="last")
            if low != ZERO and not early:
                last = b.prim("+", INT, last, low, hint="last")
            position = b.prim("-", INT, last, index, hint=hinted(s.range.symbol))
        f.env[s.range.symbol] = Leaf(position)
        note_range(f, s.range)
        _turn(f, s.body)
        ends = _ends(f, carried)

    def emit(carries: tuple[Carry, ...], unchanged: dict[str, Operand], results: list[Operand]) -> Loop | While:
        body = substitute(b.block(*results), unchanged)
        if not early:
            return Loop(index, low, high, carries, body, s.parallel)
        cond = f.b.nested()
        more = cond.prim("<", BOOL, index, limit, hint="more")
        done = _param(f, carried, early)
        return While(index, carries, substitute(_both(f, cond, more, done), unchanged), body)

    _finish(f, carried, ends, emit)


def _early(f: Body, body: typed.Block) -> Jumps:
    """The jumps in a loop's body that end the loop."""
    found = f.program.control.jumps(body)
    return Jumps(returns=found.returns, breaks=found.breaks)


def _int(f: Body, e: typed.Expr) -> Operand:
    return next(leaves(expressions.value(f, e)))


def _param(f: Body, carried: _Carried, early: Jumps) -> Operand:
    """What tells whether the loop has been left: a `return` leaves it like a `break`."""
    symbol = f.leave if early.breaks else f.returned
    shape = carried.shapes[carried.symbols.index(symbol)]
    return next(leaves(shape))


def _both(f: Body, cond: Builder, more: Operand, done: Operand) -> Block:
    """Whether the loop goes on: there is more to do and no jump has ended it."""
    then = cond.nested()
    going = then.prim("not", BOOL, done, hint="going")
    both = cond.one(If(more, then.block(going), Block((), (FALSE,))), BOOL, "going")
    return cond.block(both)


def _turn(f: Body, body: typed.Block) -> None:
    from .control import run

    f.loops += 1
    run(f, body, lambda _: None)
    f.loops -= 1


def note_range(f: Body, r: typed.Range) -> None:
    """Remembers between which sizes an index runs, to prove that it lies inside an array."""
    low, high = expressions.known_size(f, r.low), expressions.known_size(f, r.high)
    var = SizeVar(r.symbol.name)
    f.known[r.symbol] = Size.of(var)
    f.turns[var] = (low, high)


# ---- while


def _while(f: Body, s: typed.While) -> None:
    if f.program.control.jumps(s.condition) or any(True for _ in assignments(s.condition)):
        _while(f, _tested_inside(s))
        return
    early = _early(f, s.body)
    carried = _carried(f, s, early)
    index = f.names.fresh("turn", INT)
    with f.inner() as cond_b:
        _enter(f, carried)
        going = next(leaves(expressions.value(f, s.condition)))
    with f.inner() as b:
        _enter(f, carried)
        _turn(f, s.body)
        ends = _ends(f, carried)

    def emit(carries: tuple[Carry, ...], unchanged: dict[str, Operand], results: list[Operand]) -> Loop | While:
        cond = cond_b.block(going)
        if early:
            # the condition is not asked again after a jump: it need not have a value then
            done = _param(f, carried, early)
            outer = f.b.nested()
            both = outer.one(If(done, Block((), (FALSE,)), cond), BOOL, "going")
            cond = outer.block(both)
        return While(index, carries, substitute(cond, unchanged), substitute(b.block(*results), unchanged))

    _finish(f, carried, ends, emit)


def _tested_inside(s: typed.While) -> typed.While:
    """`while true { if not condition { break }; body }`: for a condition that assigns variables or jumps."""
    span = s.condition.span
    stop = typed.Block(s.body.type, span, (typed.Break(span),), None)
    going = typed.Block(s.body.type, span, (), None)
    test = typed.Do(typed.If(s.body.type, span, s.condition, going, stop), span)
    body = replace(s.body, stmts=(test, *s.body.stmts))
    return typed.While(typed.Lit(BOOL, span, True), body, s.span)


# ---- unrolled


def _unrolled(f: Body, s: typed.Unrolled) -> None:
    def body(i: int) -> None:
        if i == len(s.bodies):
            return
        _turn(f, s.bodies[i])
        # a `continue` ends a body, a `break` or `return` all of them
        f.env[f.stop] = Leaf(f.flag(f.leave))
        guard(f, lambda: body(i + 1))

    body(0)
    f.set_flags(f.flag(f.returned))
