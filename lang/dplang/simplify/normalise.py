"""Loops in the form that other passes know best: sums as reductions, counters as expressions of the turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..analyse.access import steps
from ..core.build import ZERO, Builder, Names
from ..core.ir import (
    FLOAT,
    FLOAT32,
    INT,
    At,
    Block,
    Carry,
    Fn,
    If,
    Let,
    Lit,
    Loop,
    Operand,
    Prim,
    Program,
    Reduce,
    Result,
    Update,
    Var,
)
from ..core.rewrite import all_names, free_names, lets_of, map_value, name_of

NUMBERS = (FLOAT, FLOAT32, INT)


def counters(program: Program) -> Program:
    """Carried Ints that each turn adds the same to become expressions of the turn: no turn waits for another one."""
    return _each(program, _Counters)


def sums(program: Program) -> Program:
    """`s = s + e`, where nothing else reads `s`, becomes a reduction, and so does `a[i] += e` in a loop in which `i`
    does not change. The order of additions is open then."""
    return _each(program, _Sums)


def _each(program: Program, kind: type[_Walk]) -> Program:
    fns = dict(program.fns)
    for name, fn in fns.items():
        if any(isinstance(let.value, Loop) for let in lets_of(fn.body)):
            fns[name] = kind(fn).function()
    return Program(fns, program.enums, program.entry)


class _Walk:
    """A pass that replaces loops, inner ones first, by other Lets."""

    def __init__(self, fn: Fn) -> None:
        self.fn = fn
        self.names: Names = all_names(fn)

    def function(self) -> Fn:
        return replace(self.fn, body=self.block(self.fn.body))

    def block(self, block: Block) -> Block:
        lets: list[Let] = []
        for let in block.lets:

            def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
                return params, self.block(inner)

            let = replace(let, value=map_value(let.value, lambda o: o, rebuild))
            lets.extend(self.loop(let, let.value) if isinstance(let.value, Loop) else [let])
        return Block(tuple(lets), block.results)

    def loop(self, let: Let, loop: Loop) -> list[Let]:
        raise NotImplementedError


class _Counters(_Walk):
    def loop(self, let: Let, loop: Loop) -> list[Let]:
        found = {param.name: (init, step) for param, init, step in steps(loop)}
        if not found:
            return [let]
        before = Builder(self.names, let.span, let.role)
        first, after = before.nested(), before.nested()
        turn: Operand = loop.index
        if loop.low != ZERO:
            turn = first.prim("-", INT, turn, loop.low, hint="turn")
        trips: Operand = loop.high if loop.low == ZERO else after.prim("-", INT, loop.high, loop.low, hint="turns")
        trips = after.prim("max", INT, trips, ZERO, hint="turns")
        kept: list[int] = []
        for k, r in enumerate(loop.results):
            if not isinstance(r, Carry) or r.param.name not in found:
                kept.append(k)
                continue
            init, step = found[r.param.name]
            for b, number, name in ((first, turn, r.param), (after, trips, let.names[k])):
                b.lets.append(Let((name,), Prim("+", (init, _times(b, number, step))), let.span, let.role))
        body = Block((*first.lets, *loop.body.lets), tuple(loop.body.results[k] for k in kept))
        made = replace(loop, results=tuple(loop.results[k] for k in kept), body=body)
        return [replace(let, names=tuple(let.names[k] for k in kept), value=made), *after.lets]


def _times(b: Builder, number: Operand, step: Operand) -> Operand:
    return number if step == Lit(1, INT) else b.prim("*", INT, number, step)


@dataclass(frozen=True, slots=True)
class _Term:
    """A block that gives, in place of the sum of a carried value and something, that something (None: nothing)."""

    lets: tuple[Let, ...]
    value: Operand | None


class _Sums(_Walk):
    def loop(self, let: Let, loop: Loop) -> list[Let]:
        later: list[Let] = []
        for k, r in enumerate(loop.results):
            if not isinstance(r, Carry):
                continue
            if r.param.type not in NUMBERS:
                added = _element(loop, k, r)
                if added is not None:
                    let, loop = self.gathered(let, loop, k, r, added, later)
                continue
            others = [o for j, o in enumerate(loop.body.results) if j != k]
            term = self.term(loop.body.lets, r.param, loop.body.results[k], others)
            if term is None or term.value is None:
                continue
            results: list[Result] = list(loop.results)
            results[k] = Reduce("+")
            given = list(loop.body.results)
            given[k] = term.value
            loop = replace(loop, results=tuple(results), body=Block(term.lets, tuple(given)))
            names = list(let.names)
            total = names[k]
            names[k] = self.names.fresh(total.name, total.type)
            let = replace(let, names=tuple(names), value=loop)
            none = isinstance(r.init, Lit) and r.init.value == 0
            value: Operand | Prim = names[k] if none else Prim("+", (r.init, names[k]))
            later.append(Let((total,), value, let.span, let.role))
        return [let, *later]

    def gathered(self, let: Let, loop: Loop, k: int, r: Carry, added: Let, later: list[Let]) -> tuple[Let, Loop]:
        """The loop with a reduction in place of an array of which each turn adds to the same element."""
        update = added.value
        assert isinstance(update, Update)
        results: list[Result] = list(loop.results)
        given, names = list(loop.body.results), list(let.names)
        results[k], given[k] = Reduce("+"), update.v
        total = names[k]
        sum_of = names[k] = self.names.fresh("sum", update.v.type)
        body = Block(tuple(inner for inner in loop.body.lets if inner is not added), tuple(given))
        loop = replace(loop, results=tuple(results), body=body)
        later.append(Let((total,), Update("add", r.init, update.path, sum_of), added.span, added.role))
        return replace(let, names=tuple(names), value=loop), loop

    def term(self, lets: Sequence[Let], start: Var, out: Operand, others: Sequence[Operand]) -> _Term | None:
        """What `lets` add to `start` to make `out` of it; None where they do anything else with it."""
        now: Var = start
        passed: set[str] = set()
        kept: list[Let] = []
        total: Operand | None = None
        for let in lets:
            read = free_names(let.value).keys()
            if read & passed:
                return None
            if now.name not in read:
                kept.append(let)
                continue
            found = self.added(let, now)
            if found is None:
                return None
            new, value, name = found
            kept.extend(new)
            passed.add(now.name)
            now = name
            if total is not None and value is not None:
                b = Builder(self.names, let.span, let.role)
                total = b.prim("+", start.type, total, value)
                kept.extend(b.lets)
            else:
                total = total if value is None else value
        gone = passed | {now.name}
        if out != now or any(isinstance(o, Var) and o.name in gone for o in others):
            return None
        return _Term(tuple(kept), total)

    def added(self, let: Let, now: Var) -> tuple[list[Let], Operand | None, Var] | None:
        """What one Let that reads `now` adds to it: Lets in its place, the term, the name of the sum."""
        match let.value:
            case Var():
                return [], None, let.names[0]
            case Prim("+", (a, b)) if a != b:
                return [], b if a == now else a, let.names[0]
            case Prim("-", (a, b)) if a == now != b:
                made = Builder(self.names, let.span, let.role)
                less = made.prim("neg", now.type, b)
                return made.lets, less, let.names[0]
            case If(cond, then, orelse) if cond != now:
                return self.branch(let, cond, then, orelse, now)
            case _:
                return None

    def branch(
        self, let: Let, cond: Operand, then: Block, orelse: Block, now: Var
    ) -> tuple[list[Let], Operand | None, Var] | None:
        sides = (then, orelse)
        for k, name in enumerate(let.names):
            if name.type != now.type or not any(now.name in free_names(Block(s.lets, (s.results[k],))) for s in sides):
                continue
            terms = [self.term(s.lets, now, s.results[k], s.results[:k] + s.results[k + 1 :]) for s in sides]
            if terms[0] is None or terms[1] is None:
                continue
            zero = Lit(0 if now.type == INT else 0.0, now.type)  # type: ignore[arg-type]
            made = [
                Block(t.lets, (*s.results[:k], zero if t.value is None else t.value, *s.results[k + 1 :]))
                for t, s in zip(terms, sides, strict=True)
                if t is not None
            ]
            new = self.names.fresh(name.name, name.type)
            names = (*let.names[:k], new, *let.names[k + 1 :])
            return [replace(let, names=names, value=If(cond, made[0], made[1]))], new, name
        return None


__all__ = ["counters", "sums"]


def _element(loop: Loop, k: int, r: Carry) -> Let | None:
    """The Let by which each turn adds a number to the same element of a carried array, where the array has no other
    use."""
    body = loop.body
    bound = {v.name for let in lets_of(body) for v in let.names} | {loop.index.name}
    bound |= {o.param.name for o in loop.results if isinstance(o, Carry)}
    [*found] = [let for let in body.lets if let.names == (body.results[k],)]
    if len(found) != 1 or not isinstance(found[0].value, Update):
        return None
    update = found[0].value
    same = all(isinstance(s, At) and s.proved and name_of(s.index) not in bound for s in update.path)
    if update.kind != "add" or update.x != r.param or update.v.type not in NUMBERS or not update.path or not same:
        return None
    rest = [let for let in body.lets if let is not found[0]]
    others = tuple(o for j, o in enumerate(body.results) if j != k)
    used = free_names(Block(tuple(rest), others))
    return None if r.param.name in used or found[0].names[0].name in used else found[0]
