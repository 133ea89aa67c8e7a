"""Fusion: loops over the same range become one, and arrays that only they share disappear.

Two loops of one block are merged where the second reads what the first builds at its own turn only (*vertical*: the
array is a value of the turn), or nothing of it but what the first reads, too (*horizontal*). What stands between them
is moved before or after. An array that several loops read at different times goes where computing its elements is about
as cheap as reading them: each reader computes its own.

Nothing moves before something that may fault, so that a program faults where it would have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..analyse.access import atom
from ..core.build import ZERO, Builder, Names
from ..core.ir import (
    BOOL,
    INT,
    ArrayType,
    At,
    Block,
    Build,
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
    Result,
    Update,
    Var,
    While,
)
from ..core.rewrite import all_names, blocks, carried, copy_block, free_names, lets_of, map_value, operands, substitute
from ..core.sizes import Size
from .neighbours import AROUND, Neighbours, origins, source
from .ranges import Fact, Known, Ranges
from .total import Totality, cost, is_heavy, proved

COPIED = 12
"""Operations, in all copies together, up to which elements are computed where they are read."""


def fuse(program: Program) -> Program:
    """Merges the loops of every function, outer ones first."""
    totality = Totality(program)
    fns = {name: _Fuse(fn, totality).function() for name, fn in program.fns.items()}
    return Program(fns, program.enums, program.entry)


class _Fuse:
    def __init__(self, fn: Fn, totality: Totality) -> None:
        self.fn = fn
        self.totality = totality

    def function(self) -> Fn:
        if not any(isinstance(let.value, Loop) for let in lets_of(self.fn.body)):
            return self.fn
        self.ranges = Ranges(self.fn)
        self.names = all_names(self.fn)
        self.origin = origins(self.fn.body)
        self.neighbours = Neighbours(self.totality, self.ranges)
        return replace(self.fn, body=self.block(self.fn.body, []))

    def block(self, block: Block, facts: list[Fact]) -> Block:
        lets = self.merged(list(block.lets), facts)
        lets = Elsewhere(self.ranges, self.names, self.totality).lets(lets, block.results)
        lets = self.merged(lets, facts)
        made: list[Let] = []
        known = list(facts)
        for let in lets:

            def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
                return params, self.block(inner, known)  # noqa: B023

            made.append(replace(let, value=map_value(let.value, lambda o: o, rebuild)))
            known = [*known, *self.ranges.fact(let)]
        return Block(tuple(made), block.results)

    def merged(self, lets: list[Let], facts: list[Fact]) -> list[Let]:
        k = 0
        while k < len(lets):
            for a in reversed(range(max(0, k - AROUND), k) if isinstance(lets[k].value, Loop) else ()):
                if not isinstance(lets[a].value, Loop):
                    continue
                new = self.neighbours.join(lets, a, k, facts, self.together)
                if new is not None:
                    lets, k = new, a - 1
                    break
            k += 1
        return lets

    def together(self, first: Let, second: Let, known: Known) -> Let | None:
        """The two loops as one, where their ranges are equal, it is sound, and worth it."""
        p, q = first.value, second.value
        assert isinstance(p, Loop) and isinstance(q, Loop)
        if self.ranges.trips(p, known) != self.ranges.trips(q, known):
            return None
        made = {v.name: (r, o) for v, r, o in zip(first.names, p.results, p.body.results, strict=True)}
        starts = {o.name for o in operands(q) if isinstance(o, Var)}
        if starts & made.keys():
            return None
        read = Counter[str]()
        if not self.own_turn(q.body, q, made, read, known):
            return None
        if not self.worth(p, q, read, known) or self.copies(p, q) or self.copies(q, p):
            return None
        return self.one(first, p, second, q, made, known)

    def own_turn(
        self,
        block: Block,
        loop: Loop,
        made: Mapping[str, tuple[Result, Operand]],
        read: Counter[str],
        known: Known,
    ) -> bool:
        """Whether `block`, in `loop`, reads of `made` only arrays and of those only the element of the turn."""
        for let in block.lets:
            for o in operands(let.value):
                if not isinstance(o, Var) or o.name not in made:
                    continue
                value = let.value
                if not isinstance(made[o.name][0], Build) or not isinstance(value, Get) or not value.path:
                    return False
                step = value.path[0]
                if not isinstance(step, At) or not self.ranges.at_turn(step.index, loop, known):
                    return False
                if not proved(value.path[1:]) and not (len(value.path) == 2 and isinstance(value.path[1], At)):
                    return False
                read[o.name] += 1
            if not all(self.own_turn(inner, loop, made, read, known) for _, inner in blocks(let.value)):
                return False
        return not any(isinstance(r, Var) and r.name in made for r in block.results)

    def worth(self, p: Loop, q: Loop, read: Counter[str], known: Known) -> bool:
        """Whether one loop is less work than two. A loop whose turns are free is not bound to one whose turns must
        follow each other, where that could use lanes."""
        one, other = _ordered(p), _ordered(q)
        if one != other and is_heavy(q.body if one else p.body):
            return False
        if read:
            return True
        return one == other and bool(self.touched(p, known) & self.touched(q, known))

    def touched(self, loop: Loop, known: Known) -> set[str]:
        """The arrays that a loop reads at the place of the turn."""
        return {
            let.value.x.name
            for let in lets_of(loop.body)
            if isinstance(let.value, Get)
            and isinstance(let.value.x, Var)
            and let.value.path
            and isinstance(let.value.path[0], At)
            and self.ranges.at_turn(let.value.path[0].index, loop, known)
        }

    def copies(self, p: Loop, q: Loop) -> bool:
        """Whether an array that `p` changes step by step would have to be copied since `q` reads it."""
        mine = {
            source(self.origin, r.init)
            for r in p.results
            if isinstance(r, Carry) and isinstance(r.init.type, ArrayType)
        }
        if not mine:
            return False
        own = {source(self.origin, v) for v in free_names(p.body).values()}
        return any(source(self.origin, v) in mine - own for v in free_names(q.body).values())

    # ---- writing

    def one(
        self, first: Let, p: Loop, second: Let, q: Loop, made: Mapping[str, tuple[Result, Operand]], known: Known
    ) -> Let:
        kept, gone = (p, q) if isinstance(p.high, Lit) and isinstance(p.low, Lit) else (q, p)
        self.ranges.aliases.append((atom(gone.index.name), Size.of(atom(kept.index.name))))
        b = Builder(self.names, first.span, first.role)
        index: Operand = kept.index
        if self.ranges.form(p.low).replace(known) != self.ranges.form(q.low).replace(known):
            index = self.shifted(b, kept, gone)
        body = substitute(
            Block((*p.body.lets, *self.reading(q.body, made).lets), (*p.body.results, *q.body.results)),
            {gone.index.name: index},
        )
        body = Block((*b.lets, *body.lets), body.results)
        loop = Loop(kept.index, kept.low, kept.high, (*p.results, *q.results), body, p.parallel and q.parallel)
        role = first.role if first.role == second.role else "adjoint"
        span = second.span if self.totality.let(first) else first.span
        return Let((*first.names, *second.names), loop, span, role)

    def shifted(self, b: Builder, kept: Loop, gone: Loop) -> Operand:
        """The index that `gone` had, from that of `kept`."""
        offset = kept.index if kept.low == ZERO else b.prim("-", INT, kept.index, kept.low, hint="i")
        made = offset if gone.low == ZERO else b.prim("+", INT, offset, gone.low, hint="i")
        for let in b.lets:
            form = self.ranges.form(let.value.args[0]) if isinstance(let.value, Prim) else None
            if form is not None and isinstance(let.value, Prim):
                step = self.ranges.form(let.value.args[1])
                self.ranges.forms[let.names[0].name] = form - step if let.value.op == "-" else form + step
        return made

    def reading(self, block: Block, made: Mapping[str, tuple[Result, Operand]]) -> Block:
        """`block` with the elements that the turn has just made in place of reads."""
        lets: list[Let] = []
        for let in block.lets:
            value = let.value
            if isinstance(value, Get) and isinstance(value.x, Var) and value.x.name in made:
                lets.extend(self.element(let, value, made[value.x.name][1]))
                continue

            def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
                return params, self.reading(inner, made)

            lets.append(replace(let, value=map_value(value, lambda o: o, rebuild)))
        return Block(tuple(lets), block.results)

    def element(self, let: Let, value: Get, row: Operand) -> Iterator[Let]:
        """What `let` reads, `row` being the element of the turn."""
        rest = value.path[1:]
        if not rest:
            yield replace(let, value=row)
            return
        if not proved(rest):  # the fault tells the dimension as the program counts it
            (step,) = rest
            assert isinstance(step, At)
            b = Builder(self.names, let.span, let.role)
            check_index(b, step.index, b.one(Dim(row, 0), INT, "n"), 1)
            yield from b.lets
            rest = (At(step.index, True),)
        yield replace(let, value=Get(row, rest))


def check_index(b: Builder, index: Operand, size: Operand, axis: int) -> None:
    """The check of a read, as an effect of its own."""
    above = b.prim("<=", BOOL, ZERO, index, hint="inside")
    inner = b.nested()
    below = inner.prim("<", BOOL, index, size, hint="inside")
    sound = b.one(If(above, inner.block(below), b.nested().block(Lit(False, BOOL))), BOOL, "inside")
    b.effect(Check(sound, "E0601", (index, size, Lit(axis, INT))))


def _ordered(loop: Loop) -> bool:
    """Whether turns must follow each other: state that is more than added to."""
    for r, o in zip(loop.results, loop.body.results, strict=True):
        if isinstance(r, Carry) and not _gathered(r.param, o, loop.body):
            return True
    return False


def _gathered(param: Var, out: Operand, body: Block) -> bool:
    """Whether a carried value is only ever added to: an accumulator of an adjoint, a histogram, a sum."""
    made = {v.name: (let, k) for let in lets_of(body) for k, v in enumerate(let.names)}
    chain = {param.name}

    def back(o: Operand) -> bool:
        while isinstance(o, Var) and o.name not in chain:
            let, k = made.get(o.name, (None, 0))
            if let is None:
                return False
            value = let.value
            chain.add(o.name)
            match value:
                case Update("add", x, _, _):
                    o = x
                case Prim("+" | "-", (Var() as x, _)) if x.type == o.type:
                    o = x
                case Loop(results=results) if isinstance(results[k], Carry):
                    r = results[k]
                    assert isinstance(r, Carry)
                    chain.add(r.param.name)
                    if not back(value.body.results[k]):
                        return False
                    o = r.init
                case If(_, then, orelse):
                    return back(then.results[k]) and back(orelse.results[k])
                case Var():
                    o = value
                case _:
                    return False
        return isinstance(o, Var)

    if not back(out):
        return False
    return not any(_reads_other(let, chain) for let in lets_of(body))


def _reads_other(let: Let, chain: set[str]) -> bool:
    """Whether `let` reads what is only added to."""
    value = let.value
    if not any(isinstance(o, Var) and o.name in chain for o in operands(value)):
        return False
    return not any(v.name in chain for v in let.names)


class Elsewhere:
    """Elements that are computed where they are read."""

    def __init__(self, ranges: Ranges, names: Names, totality: Totality) -> None:
        self.ranges = ranges
        self.names = names
        self.totality = totality

    def lets(self, lets: list[Let], results: tuple[Operand, ...]) -> list[Let]:
        """The Lets of a block with no reader left for the arrays that all their readers can do without."""
        returned = {r.name for r in results if isinstance(r, Var)}
        done: list[Let] = []
        left = lets
        while left:
            let, left = left[0], left[1:]
            done.append(let)
            if isinstance(let.value, Loop):
                for name, r, o in zip(let.names, let.value.results, let.value.body.results, strict=True):
                    if isinstance(r, Build) and name.name not in returned:
                        left = self.without(left, let.value, name, o)
        return done

    def without(self, later: list[Let], loop: Loop, x: Var, out: Operand) -> list[Let]:
        """`later`, not reading what `loop` builds as `x`, where that is possible and cheap."""
        same = self.copied(loop, x, out)
        if same is not None:
            return list(substitute(Block(tuple(later), ()), {x.name: same}).lets)
        if isinstance(out.type, ArrayType):
            return later
        own = Block(tuple(_slice(loop.body, out)), (out,))
        price = cost(own.lets)
        if price is None or not self.totality.block(own):
            return later
        if free_names(own).keys() & {v.name for v in carried(loop.results)}:
            return later
        counted = loop.low == ZERO and self.ranges.natural_size(self.ranges.form(loop.high))
        sites = _sites(later, x.name, 0, counted)
        if not sites or price * len(sites) > COPIED or any(d is None or (price and d > 1) for d in sites):
            return later
        return list(self.written(Block(tuple(later), ()), x, loop, own).lets)

    def copied(self, loop: Loop, x: Var, out: Operand) -> Var | None:
        """The array that a builder copies, if it copies one."""
        made = {v.name: let.value for let in loop.body.lets for v in let.names}
        state = {v.name for v in carried(loop.results)}
        value = made.get(out.name) if isinstance(out, Var) else None
        match value:
            case Get(Var() as y, (At(index),)) if y.name not in state | made.keys() and isinstance(y.type, ArrayType):
                known = self.ranges.solved()
                size = self.ranges.dim(y, 0).replace(known)
                if loop.low == ZERO and index == loop.index and size == self.ranges.trips(loop, known):
                    return y if x.type.elem == y.type.elem else None  # type: ignore[union-attr]
        return None

    def written(self, block: Block, x: Var, loop: Loop, own: Block) -> Block:
        """`block` with the code of an element in place of every read of `x`."""
        lets: list[Let] = []
        for let in block.lets:
            value = let.value
            if x.name not in free_names(value):
                lets.append(let)
                continue
            if isinstance(value, Get) and value.x == x:
                (step,) = value.path
                assert isinstance(step, At)
                lets.extend(self.element(let, step, loop, own, x))
                continue

            def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
                return params, self.written(inner, x, loop, own)

            lets.append(replace(let, value=map_value(value, lambda o: o, rebuild)))
        return Block(tuple(lets), block.results)

    def element(self, let: Let, step: At, loop: Loop, own: Block, x: Var) -> list[Let]:
        b = Builder(self.names, let.span, let.role)
        if not step.proved:
            check_index(b, step.index, loop.high, 0)
        index = step.index if loop.low == ZERO else b.prim("+", INT, step.index, loop.low, hint="i")
        body = copy_block(own, self.names, {loop.index.name: index})
        inner = [replace(one, role=let.role) for one in body.lets]
        return [*b.lets, *inner, replace(let, value=body.results[0])]


def _slice(body: Block, out: Operand) -> list[Let]:
    """The Lets of a body that `out` is made by."""
    wanted = {out.name} if isinstance(out, Var) else set()
    found: list[Let] = []
    for let in reversed(body.lets):
        if any(v.name in wanted for v in let.names):
            found.append(let)
            wanted |= set(free_names(let.value))
    return found[::-1]


def _sites(lets: Sequence[Let], name: str, depth: int, counted: bool) -> list[int | None]:
    """Where an array is read element by element: in how many loops; None where it is used in another way. `counted`:
    its size is at hand for the check of an index."""
    found: list[int | None] = []
    for let in lets:
        if name not in free_names(let.value):
            continue
        value = let.value
        if any(isinstance(o, Var) and o.name == name for o in operands(value)):
            single = isinstance(value, Get) and len(value.path) == 1 and isinstance(value.path[0], At)
            found.append(depth if single and (counted or proved(value.path)) else None)  # type: ignore[union-attr]
        deeper = depth + isinstance(value, Loop | While)
        for _, inner in blocks(value):
            found.extend(_sites(inner.lets, name, deeper, counted))
            if any(isinstance(r, Var) and r.name == name for r in inner.results):
                found.append(None)
    return found
