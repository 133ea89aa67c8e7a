"""Tables: what inner loops compute again in every turn of an outer loop is computed for all their turns before it.

In `for x in xs { for i in 0..n { .. exp(w[i]) .. } }` the exponentials do not depend on x: an array of them is made
before the loop over xs, and read in their place. An expression gets a table before the outermost loop in which it
does not change, with a dimension for each loop between whose turn it depends on. That is worth it where the expression
has a costly function and is computed in every turn: then the table takes no longer than one turn of the outer loop,
and no more memory than that turn has time to touch.

The table is filled even where the outer loop has no turn, or would have faulted before. So only total code moves, and
a read whose place is not known to exist is made where it does; the element for another is never read. In the loop,
what may fault stays, though nothing may read it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ..core.build import ZERO, Builder
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    ArrayType,
    At,
    Block,
    Build,
    Dim,
    Fn,
    Get,
    Let,
    Lit,
    Loop,
    Operand,
    Part,
    Prim,
    Program,
    Step,
    Type,
    Var,
    While,
)
from ..core.rewrite import all_names, blocks, carried, lets_of, map_value, operands
from ..core.verify import stacked
from ..errors.source import NOWHERE
from .faults import keep_faults_of
from .ranges import Ranges
from .total import is_heavy, total_prim

FEW = 4
"""An outer loop that surely has fewer turns gets no tables."""

NOTHING: dict[Type, Lit] = {
    FLOAT: Lit(0.0, FLOAT),
    FLOAT32: Lit(0.0, FLOAT32),
    INT: Lit(0, INT),
    BOOL: Lit(False, BOOL),
    KEY: Lit(0, KEY),
}
"""What stands in a table for what nothing reads."""


def tables(program: Program) -> Program:
    """Makes tables before the loops of every function, outer loops first."""
    fns = dict(program.fns)
    for name, fn in fns.items():
        made = _Tables(fn).function()
        if made is not fn:
            fns[name] = keep_faults_of(fn, made, program)
    return Program(fns, program.enums, program.entry)


@dataclass(slots=True)
class _Nest:
    """What an outer loop does in every turn, as far as it is the same in each.

    `same` are the Lets, in order, whose values depend on nothing but what is known before the outer loop and on the
    turns of `loops`; `depends` says on which of them. The bounds of `loops` are always the same.
    """

    inside: set[str]
    loops: dict[str, Loop] = field(default_factory=dict)
    same: dict[str, Let] = field(default_factory=dict)
    depends: dict[str, frozenset[str]] = field(default_factory=dict)

    def gather(self, body: Block) -> None:
        for let in body.lets:
            value = let.value
            if isinstance(value, Loop):
                if self.turns((value.low, value.high)) == frozenset():
                    self.loops[value.index.name] = value
                    self.depends[value.index.name] = frozenset([value.index.name])
                self.gather(value.body)
            elif self.is_plain(let):
                turns = self.turns(tuple(operands(value)))
                if turns is not None:
                    self.same[let.names[0].name] = let
                    self.depends[let.names[0].name] = turns

    def turns(self, these: Sequence[Operand]) -> frozenset[str] | None:
        """The loops whose turns operands depend on, or None where these change for another reason."""
        found: frozenset[str] = frozenset()
        for o in these:
            if isinstance(o, Var) and o.name in self.inside:
                turns = self.depends.get(o.name)
                if turns is None:
                    return None
                found |= turns
        return found

    def is_plain(self, let: Let) -> bool:
        """Whether a Let makes a scalar and cannot fault but by a read, or is a part of an array."""
        match let.value:
            case Var() | Lit():
                return True
            case Prim(op, args):
                return total_prim(op, args) and all(o.type in NOTHING for o in (*let.names, *args))
            case Get(Var(type=ArrayType(elem)), path):
                return elem in NOTHING and not any(isinstance(s, Part) for s in path)
            case Dim(Var(name)):
                return name not in self.inside
            case _:
                return False

    def needs(self, o: Operand) -> list[Let]:
        """The Lets of the nest that an operand is made by, in order."""
        found: set[str] = set()
        left = [o]
        while left:
            o = left.pop()
            if isinstance(o, Var) and o.name in self.same and o.name not in found:
                found.add(o.name)
                left += operands(self.same[o.name].value)
        return [let for name, let in self.same.items() if name in found]

    def roots(self, loop: Loop | While) -> list[Let]:
        """The costly Lets to be read from tables: those whose readers are not all computed for tables themselves."""
        readers: dict[str, list[str]] = {}
        for let in lets_of(Block((Let((), loop, NOWHERE),), ())):
            reader = let.names[0].name if len(let.names) == 1 else ""
            for o in operands(let.value):
                if isinstance(o, Var):
                    readers.setdefault(o.name, []).append(reader)
            for _, inner in blocks(let.value):
                for o in inner.results:
                    if isinstance(o, Var):
                        readers.setdefault(o.name, []).append("")
        made: dict[str, Let] = {}
        wanted: set[str] = set()
        for name, let in reversed(self.same.items()):
            if any(r in wanted or r not in self.same for r in readers.get(name, [])):
                if _is_costly(let) and self.depends[name]:
                    made[name] = let
                else:
                    wanted.add(name)
        return list(made.values())[::-1]


class _Tables:
    def __init__(self, fn: Fn) -> None:
        self.fn = fn

    def function(self) -> Fn:
        if not any(map(_is_costly, lets_of(self.fn.body))):
            return self.fn
        self.names = all_names(self.fn)
        self.ranges = Ranges(self.fn)
        self.known = self.ranges.solved()
        self.made: set[str] = set()
        body = self.block(self.fn.body)
        return replace(self.fn, body=body) if self.made else self.fn

    def block(self, block: Block) -> Block:
        lets: list[Let] = []
        for let in block.lets:
            value = let.value
            if isinstance(value, Loop | While) and not _is_short(value):
                made, value = self.outer(value)
                lets += made
            value = map_value(value, lambda o: o, lambda params, inner: (params, self.block(inner)))
            lets.append(replace(let, value=value))
        return Block(tuple(lets), block.results)

    def outer(self, loop: Loop | While) -> tuple[list[Let], Loop | While]:
        """The tables before a loop, and the loop with reads of them."""
        nest = _Nest(_bound(loop))
        nest.gather(loop.body)
        writer = _Writer(self, nest)
        reads = {let.names[0].name: writer.read(let) for let in nest.roots(loop)}
        return writer.lets, replace(loop, body=_put(loop.body, reads)) if reads else loop

    def within(self, x: Var, axis: int, index: Operand | Loop) -> tuple[bool, bool]:
        """Whether an index (of a loop: in each of its turns) is surely not below an axis of an array, nor above."""
        if x.name in self.made:
            return True, True
        size = self.ranges.dim(x, axis).replace(self.known)
        match index:
            case Lit(int() as value):
                return value >= 0, _at_most(value + 1, size.constant)
            case Loop(low=low, high=high):
                first, end = (self.ranges.form(o).replace(self.known) for o in (low, high))
                below = self.ranges.natural_size(first) and (first.constant is not None or first.atom is not None)
                return below, end == size or _at_most(end.constant, size.constant)
            case _:
                return False, False


class _Writer:
    """Writes the tables of one outer loop, equal ones once."""

    def __init__(self, owner: _Tables, nest: _Nest) -> None:
        self.owner = owner
        self.nest = nest
        self.lets: list[Let] = []
        self.numbers: dict[object, int] = {}
        self.made: dict[object, Var] = {}
        self.indices: dict[str, Loop] = {}

    def read(self, let: Let) -> list[Let]:
        """What stands in the place of a Let: a read of its table, which is written if there is none yet."""
        depends = self.nest.depends[let.names[0].name]
        turns = [loop for name, loop in self.nest.loops.items() if name in depends]
        self.turns = {loop.index.name: k for k, loop in enumerate(turns)}
        key = (self.key(let.names[0]), *((self.key(loop.low), self.key(loop.high)) for loop in turns))
        if key not in self.made:
            builder = Builder(self.owner.names, let.span, let.role)
            table = self.table(builder, let.names[0], turns, {})
            self.made[key] = table
            self.owner.made.add(table.name)
            self.lets += builder.lets
        builder = Builder(self.owner.names, let.span, let.role)
        path = []
        for loop in turns:
            index = loop.index if loop.low == ZERO else builder.prim("-", INT, loop.index, loop.low)
            path.append(At(index, proved=True))
        return [*builder.lets, replace(let, value=Get(self.made[key], tuple(path)))]

    def key(self, o: Operand) -> int:
        """A number for what an operand is: the same for equal expressions."""
        made = self.nest.same.get(o.name) if isinstance(o, Var) else None
        what: object
        match o if made is None else made.value:
            case Lit(value, type):
                what = ("literal", repr(value), type)
            case Var(name) as v:
                what = self.turns.get(name, name) if made is None else ("copy", self.key(v))
            case Get(x, path):
                what = ("get", self.key(x), *map(self.step, path))
            case Dim(x, axis):
                what = ("dim", self.key(x), axis)
            case Prim(op, args, meta):
                what = (op, meta, *map(self.key, args))
            case other:
                raise AssertionError(other)
        return self.numbers.setdefault(what, len(self.numbers))

    def step(self, step: Step) -> object:
        assert not isinstance(step, Part)
        return self.key(step.index) if isinstance(step, At) else (self.key(step.low), self.key(step.high))

    # ---- writing

    def table(self, builder: Builder, v: Var, turns: Sequence[Loop], names: Mapping[str, Operand]) -> Var:
        """Loops over `turns` that build the values of `v`. `names`: what the indices around are called here."""
        if not turns:
            value = self.copy(builder, self.nest.needs(v), v, names)
            assert isinstance(value, Var)
            return value
        loop = turns[0]
        low, high = (self.copy(builder, self.nest.needs(o), o, {}) for o in (loop.low, loop.high))
        index = self.owner.names.fresh(loop.index.name, INT)
        self.indices[index.name] = loop
        body = builder.nested()
        row = self.table(body, v, turns[1:], {**names, loop.index.name: index})
        size = max(0, int(high.value) - int(low.value)) if isinstance(low, Lit) and isinstance(high, Lit) else None
        made = Loop(index, low, high, (Build(),), body.block(row))
        return builder.one(made, stacked(row.type, size), hint=v.name)

    def copy(self, builder: Builder, lets: Sequence[Let], o: Operand, names: Mapping[str, Operand]) -> Operand:
        """An operand of the nest, and the Lets that make it, before the nest."""
        names = dict(names)

        def f(o: Operand) -> Operand:
            return names.get(o.name, o) if isinstance(o, Var) else o

        for k, let in enumerate(lets):
            v, value = let.names[0], let.value
            if isinstance(v.type, ArrayType):
                # what is read of a part is read of the whole
                continue
            if not isinstance(value, Get):
                names[v.name] = builder.one(
                    map_value(value, f, lambda params, inner: (params, inner)), v.type, hint=v.name
                )
                continue
            x, places = self.place(builder, value, f)
            read = Get(x, tuple(At(place, proved=True) for place in places))
            conditions = self.conditions(builder, x, places)
            if conditions:
                then = partial(self.behind, Let((v,), read, let.span), lets[k + 1 :], o, names)
                return _where(builder, conditions, then, o.type)
            names[v.name] = builder.one(read, v.type, hint=v.name)
        return f(o)

    def behind(
        self, let: Let, lets: Sequence[Let], o: Operand, names: Mapping[str, Operand], builder: Builder
    ) -> Operand:
        """`let` as it is, and a copy of the rest."""
        v = let.names[0]
        return self.copy(builder, lets, o, {**names, v.name: builder.one(let.value, v.type, hint=v.name)})

    def place(self, builder: Builder, value: Get, f: Callable[[Operand], Operand]) -> tuple[Var, list[Operand]]:
        """What array before the nest a read is of, and where."""
        paths = [value.path]
        x = value.x
        while isinstance(x, Var) and x.name in self.nest.same:
            part = self.nest.same[x.name].value
            if isinstance(part, Get):
                paths.append(part.path)
                x = part.x
            else:
                assert isinstance(part, Var)
                x = part
        assert isinstance(x, Var) and isinstance(x.type, ArrayType)
        places: list[Operand] = [ZERO] * len(x.type.dims)
        axes = [*range(len(places))]
        for path in reversed(paths):
            for axis, step in zip([*axes], path, strict=False):
                assert not isinstance(step, Part)
                by = f(step.index if isinstance(step, At) else step.low)
                at = places[axis]
                places[axis] = by if at == ZERO else at if by == ZERO else builder.prim("+", INT, at, by)
                if isinstance(step, At):
                    axes.remove(axis)
        return x, places

    def conditions(self, builder: Builder, x: Var, places: Sequence[Operand]) -> list[Prim]:
        """What is to be asked before a read of these places."""
        asked = []
        for axis, place in enumerate(places):
            index = self.indices.get(place.name, place) if isinstance(place, Var) else place
            below, above = self.owner.within(x, axis, index)
            if not below:
                asked.append(Prim(">=", (place, ZERO)))
            if not above:
                asked.append(Prim("<", (place, builder.one(Dim(x, axis), INT))))
        return asked


def _where(builder: Builder, conditions: Sequence[Prim], then: Callable[[Builder], Operand], type: Type) -> Operand:
    """What `then` gives where all conditions hold."""
    if not conditions:
        return then(builder)
    cond = builder.one(conditions[0], BOOL)
    return builder.branch(
        cond, lambda side: (_where(side, conditions[1:], then, type),), lambda side: (NOTHING[type],), type
    )[0]


def _is_costly(let: Let) -> bool:
    return (
        isinstance(let.value, Prim)
        and len(let.names) == 1
        and let.names[0].type in (FLOAT, FLOAT32)
        and is_heavy(Block((let,), ()))
    )


def _is_short(loop: Loop | While) -> bool:
    if not isinstance(loop, Loop) or not isinstance(loop.low, Lit) or not isinstance(loop.high, Lit):
        return False
    return int(loop.high.value) - int(loop.low.value) < FEW


def _at_most(a: int | None, b: int | None) -> bool:
    return a is not None and b is not None and a <= b


def _bound(loop: Loop | While) -> set[str]:
    """All names that a loop binds."""
    found = {loop.index.name, *(v.name for v in carried(loop.results))}
    for _, body in blocks(loop):
        for let in lets_of(body):
            found.update(v.name for v in let.names)
            found.update(v.name for params, _ in blocks(let.value) for v in params)
    return found


def _put(block: Block, reads: Mapping[str, Sequence[Let]]) -> Block:
    """A block with Lets replaced, by the names that they bind."""
    lets: list[Let] = []
    for let in block.lets:
        if let.names and let.names[0].name in reads:
            lets += reads[let.names[0].name]
        else:
            value = map_value(let.value, lambda o: o, lambda params, inner: (params, _put(inner, reads)))
            lets.append(replace(let, value=value))
    return Block(tuple(lets), block.results)


__all__ = ["tables"]
