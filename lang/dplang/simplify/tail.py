"""Recursion as loops: a function whose calls of itself are its last act, or are followed by work on their result.

    f(p) = if base(p) { b(p) } else { f(next(p)) }              a While, then b
    f(p) = if base(p) { b(p) } else { g(p, f(next(p))) }        a While that keeps what g reads, b, a Loop back

What decides is done once to know whether the recursion goes on, and once more for what follows, so it must be cheap.
Everything is done in the order of the recursion: the first fault stays the first, and a recursion that is too deep
stays one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..core.build import FALSE, ONE, TRUE, ZERO, Builder
from ..core.ir import (
    BOOL,
    INT,
    STRING,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Dim,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Operand,
    Prim,
    Program,
    Scalar,
    Stop,
    Var,
    While,
)
from ..core.rewrite import all_names, calls, copy_block, free_names, lets_of
from ..errors.runtime import DEEPEST


def tail(program: Program) -> Program:
    """Replaces the recursion of functions that call themselves once at most on every way through them."""
    fns = {name: _looped(fn) for name, fn in program.fns.items()}
    return Program(fns, program.enums, program.entry)


@dataclass(frozen=True, slots=True)
class _Base:
    """A way that ends the recursion."""

    block: Block


@dataclass(frozen=True, slots=True)
class _Again:
    """A way that calls the function again: Lets before the call and after it."""

    before: tuple[Let, ...]
    let: Let
    call: Call
    after: Block


@dataclass(frozen=True, slots=True)
class _Fork:
    """Where ways part."""

    before: tuple[Let, ...]
    let: Let
    cond: Operand
    then: _Way
    orelse: _Way


_Way: TypeAlias = _Base | _Again | _Fork


def _looped(fn: Fn) -> Fn:
    if fn.rule is not None or fn.name not in calls(fn.body):
        return fn
    way = _way(fn.body, fn.name)
    if way is None or not _ends(way):
        return fn
    again = list(_calls(way))
    linear = any(a.after.lets or a.after.results != a.let.names for a in again)
    changing = [k for k, p in enumerate(fn.params) if any(a.call.args[k] != p.var for a in again)]
    state = [fn.params[k].var for k in changing]
    known = {v.name: v for v in state} | {v.name: v for a in _before(way) for let in lets_of(a) for v in let.names}
    kept = [known[n] for a in again for n in free_names(a.after) if n in known] if linear else []
    carried = [*state, *kept, *(again[0].let.names if linear else ())]
    if (linear and len(again) > 1) or any(not isinstance(v.type, Scalar) or v.type == STRING for v in carried):
        return fn
    return replace(fn, body=_loops(fn, way, changing, kept, again[0] if linear else None))


def _way(block: Block, name: str) -> _Way | None:
    """How the recursion goes on in a block; None where it does so in another form than those."""
    if name not in calls(block):
        return _Base(block)
    for k, let in enumerate(block.lets):
        before, rest = block.lets[:k], Block(block.lets[k + 1 :], block.results)
        match let.value:
            case Call(fn, _) as call if fn == name:
                return None if name in calls(rest) else _Again(before, let, call, rest)
            case If(cond, then, orelse) if name in calls(Block((let,), ())):
                ways = _way(then, name), _way(orelse, name)
                if rest.lets or rest.results != let.names or not all(map(_cheap, before)):
                    return None
                return None if ways[0] is None or ways[1] is None else _Fork(before, let, cond, ways[0], ways[1])
            case _ if name in calls(Block((let,), ())):
                return None
    return None


def _cheap(let: Let) -> bool:
    return all(
        isinstance(inner.value, Prim | Get | Dim | Stop | If | Check | Var | Lit)
        and all(isinstance(v.type, Scalar) for v in inner.names)
        for inner in lets_of(Block((let,), ()))
    )


def _ends(way: _Way) -> bool:
    """Whether a way ends the recursion."""
    return isinstance(way, _Base) or (isinstance(way, _Fork) and (_ends(way.then) or _ends(way.orelse)))


def _calls(way: _Way) -> Iterator[_Again]:
    match way:
        case _Again():
            yield way
        case _Fork():
            yield from _calls(way.then)
            yield from _calls(way.orelse)
        case _:
            pass


def _before(way: _Way) -> Iterator[Block]:
    """What is done before calls."""
    match way:
        case _Again():
            yield Block(way.before, ())
        case _Fork():
            yield Block(way.before, ())
            yield from _before(way.then)
            yield from _before(way.orelse)
        case _:
            pass


def _loops(fn: Fn, way: _Way, changing: list[int], kept: list[Var], linear: _Again | None) -> Block:
    names = all_names(fn)
    b = Builder(names, fn.span)
    state = [fn.params[k].var for k in changing]
    index = names.fresh("turn", INT)
    params = [names.fresh(v.name, v.type) for v in state]

    def copied(block: Block, now: list[Var]) -> Block:
        return copy_block(block, names, {v.name: p for v, p in zip(state, now, strict=True)})

    cond = copied(_goes_on(way, b), params)
    following = copied(_next(way, fn.label, index, changing, kept, b), params)
    results: tuple[Carry | Build, ...] = (
        *(Carry(p, v) for p, v in zip(params, state, strict=True)),
        *(Build() for _ in kept),
    )
    last = [names.fresh(v.name, v.type) for v in state]
    rows = [names.fresh(v.name, ArrayType(v.type, (None,))) for v in kept if isinstance(v.type, Scalar)]
    turns = names.fresh("turns", INT)
    b.lets.append(Let((*last, *rows, turns), While(index, results, cond, following), fn.span))
    end = copied(_end(way, b), last)
    b.lets.extend(end.lets)
    if linear is None:
        return b.block(*end.results)
    found = [names.fresh(v.name, v.type) for v in linear.let.names]
    back, body = names.fresh("turn", INT), b.nested()
    at = body.prim("-", INT, body.prim("-", INT, turns, back), ONE, hint="at")
    own = [body.one(Get(r, (At(at, proved=True),)), v.type, v.name) for r, v in zip(rows, kept, strict=True)]
    mapping: dict[str, Operand] = {v.name: o for v, o in zip(kept, own, strict=True)}
    mapping |= {v.name: f for v, f in zip(linear.let.names, found, strict=True)}
    after = copy_block(linear.after, names, mapping)
    carries = tuple(Carry(f, r) for f, r in zip(found, end.results, strict=True))
    whole = Block((*body.lets, *after.lets), after.results)
    loop = Loop(back, ZERO, turns, carries, whole)
    return b.block(*b.let(loop, *(v.type for v in found), hint=fn.label))


def _goes_on(way: _Way, b: Builder) -> Block:
    """Whether the function calls itself."""
    if not isinstance(way, _Fork):
        return Block((), (TRUE if isinstance(way, _Again) else FALSE,))
    sides = _goes_on(way.then, b), _goes_on(way.orelse, b)
    if sides[0] == sides[1] == Block((), (TRUE,)):
        return sides[0]
    if sides == (Block((), (TRUE,)), Block((), (FALSE,))):
        return Block(way.before, (way.cond,))
    goes = b.names.fresh("goes", BOOL)
    value = Prim("not", (way.cond,)) if sides == (Block((), (FALSE,)), Block((), (TRUE,))) else If(way.cond, *sides)
    return Block((*way.before, replace(way.let, names=(goes,), value=value)), (goes,))


def _next(way: _Way, label: str, index: Var, changing: list[int], kept: list[Var], b: Builder) -> Block:
    """What the function calls itself with, and what is kept until the call is over."""
    assert not isinstance(way, _Base)
    if isinstance(way, _Again):
        room = b.names.fresh("room", BOOL)
        # the interpreter's first call is one deep
        few = replace(way.let, names=(room,), value=Prim("<", (index, Lit(DEEPEST - 1, INT))))
        deep = replace(way.let, names=(), value=Check(room, "E0610", (Lit(label, STRING), Lit(DEEPEST, INT))))
        return Block((*way.before, few, deep), (*(way.call.args[k] for k in changing), *kept))
    sides = [_next(w, label, index, changing, kept, b) for w in (way.then, way.orelse) if any(_calls(w))]
    return _joined(way, sides, b)


def _end(way: _Way, b: Builder) -> Block:
    """What the function gives where it does not call itself."""
    if isinstance(way, _Base):
        return way.block
    assert isinstance(way, _Fork)
    return _joined(way, [_end(w, b) for w in (way.then, way.orelse) if _ends(w)], b)


def _joined(way: _Fork, sides: list[Block], b: Builder) -> Block:
    """The sides of a fork that are left: one, which is known to be taken, or both."""
    if len(sides) == 1:
        return Block((*way.before, *sides[0].lets), sides[0].results)
    then, orelse = sides
    names = tuple(b.names.fresh("next", o.type) for o in then.results)
    return Block((*way.before, replace(way.let, names=names, value=If(way.cond, then, orelse))), names)
