"""Which loops run on whole arrays, and how: from the body of a loop to steps over lanes.

Fit are loops whose results are builds, reductions, and carried values that are only added to (or arrays that are only
written at positions of their own), and whose body is scalar operations, reads, small arrays, branches, calls of such
functions, and such loops with bounds that do not depend on the turn. Everything else runs turn by turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.ir import (
    BOOL,
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Dim,
    Fill,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Make,
    Operand,
    Path,
    Prim,
    Reduce,
    Stop,
    Type,
    Update,
    Value,
    Var,
)
from ..core.rewrite import operands
from . import access, lanes, reduce
from .known import (
    FREE,
    LARGEST_BODY,
    LOW,
    NUMERIC,
    TRIPS,
    Account,
    Entry,
    Known,
    Lane,
    Root,
    Same,
    Steps,
    Turn,
    Unfit,
    of_slot,
    slots_of,
    source_of,
    where,
)
from .lanes import Affine
from .machine import Machine
from .rows import (
    Code,
    Frame,
    Source,
    getter,
    instantiate,
    is_elementwise,
    literal,
    scalar_code,
    vector_expression,
    whole_code,
)
from .values import dtype_of


class Compiler:
    """Compiles the body of one outermost loop."""

    def __init__(self, machine: Machine, slots: dict[str, int]) -> None:
        self.machine = machine
        self.frame_slots = slots
        self.size = FREE
        self.captured: dict[str, int] = {}
        self.steps = Steps()
        self.trips: list[int] = [TRIPS]
        self.lows: list[Source] = [Source("slot", LOW)]
        self.mask: int | None = None
        self.roots: list[Root] = []
        self.memo: dict[object, int] = {}
        self.calls: list[str] = []
        self.count = 0
        self.deepest = 1

    # ---- slots and steps

    def slot(self) -> int:
        self.size += 1
        return self.size - 1

    def emit(self, code: Code, reads: Sequence[int], into: int | None = None) -> int:
        self.count += 1
        if self.count > LARGEST_BODY:
            raise Unfit
        slot = self.slot() if into is None else into
        reads = [*reads, self.mask] if self.mask is not None else reads
        self.steps.ops.append((slot, code, tuple(reads)))
        return slot

    def emit_same(self, code: Code, sources: Sequence[Source]) -> Same:
        return Same(Source("slot", self.emit(code, slots_of(sources))))

    @property
    def level(self) -> int:
        return len(self.trips)

    def known(self, o: Operand, env: dict[str, Known]) -> Known:
        if isinstance(o, Lit):
            return Same(Source("literal", literal(o)))
        found = env.get(o.name)
        if found is None:
            # names of callees are all bound in their own environment
            if self.calls or o.name not in self.frame_slots:
                raise Unfit
            if o.name not in self.captured:
                self.captured[o.name] = self.slot()
            found = env[o.name] = Same(Source("slot", self.captured[o.name]))
        return found

    def plain(self, o: Operand, env: dict[str, Known]) -> Same | Lane | Turn:
        found = self.known(o, env)
        if isinstance(found, Account):
            raise Unfit
        return found

    def same(self, o: Operand, env: dict[str, Known]) -> Source:
        found = self.known(o, env)
        if not isinstance(found, Same):
            raise Unfit
        return found.source

    def affine(self, t: Turn) -> Affine:
        low = self.lows[t.level - 1]
        return Affine(t.level, t.scale, getter(t.offset), getter(low), self.trips[t.level - 1])

    def turn_reads(self, t: Turn) -> list[int]:
        return [*slots_of([t.offset, self.lows[t.level - 1]]), self.trips[t.level - 1]]

    def lane(self, k: Known, t: Type) -> int:
        """The slot of the value as a lane at the present level."""
        level = self.level
        key = (k, level, t)
        if key in self.memo:
            return self.memo[key]
        match k:
            case Lane(slot, native, _):
                made = slot if native == level else self.emit(lanes.lifted(of_slot(slot), native, level), [slot])
            case Turn():
                made = self.emit(lanes.spread(self.affine(k), level), self.turn_reads(k))
            case Same(source):
                read, dtype, shape = getter(source), dtype_of(t), (1,) * level
                if dtype.hasobject:
                    raise Unfit

                def one(e: Frame) -> Any:
                    v = np.asarray(read(e), dtype)
                    return v.reshape(shape + v.shape)

                made = self.emit(one, slots_of([source]))
            case _:
                raise Unfit
        self.memo[key] = made
        return made

    # ---- blocks

    def block(self, block: Block, env: dict[str, Known]) -> list[Known]:
        for let in block.lets:
            for v, k in zip(let.names, self.value(let, env), strict=True):
                env[v.name] = k
        return [self.known(r, env) for r in block.results]

    def value(self, let: Let, env: dict[str, Known]) -> list[Known]:
        value: Operand | Value = let.value
        for name in let.names:
            elem = name.type.elem if isinstance(name.type, ArrayType) else name.type
            if elem not in NUMERIC:
                raise Unfit
        match value:
            case Var() | Lit():
                return [self.known(value, env)]
            case Stop(x):
                return [self.plain(x, env)]
            case Prim():
                return [self.prim(value, let, env)]
            case Get():
                return [self.get(value, let, env)]
            case Update():
                return [self.update(value, env)]
            case Dim(x, axis):
                return [self.dim(self.plain(x, env), axis)]
            case Make(parts):
                return [self.make(parts, let.names[0].type, env)]
            case Fill(shape, v):
                return [self.fill(shape, v, env)]
            case Loop():
                return self.loop(value, env)
            case If():
                return self.branch(value, let, env)
            case Checkpoint(body):
                return self.block(body, env)
            case Call(fn, args):
                return self.call(fn, [self.known(a, env) for a in args])
            case Check(cond, _, _):
                self.check(self.plain(cond, env))
                return []
            case _:
                raise Unfit

    def call(self, name: str, args: list[Known]) -> list[Known]:
        if name in self.calls or len(self.calls) > 6:
            raise Unfit
        fn = self.machine.program.fns[name]
        self.calls.append(name)
        results = self.block(fn.body, {p.var.name: a for p, a in zip(fn.params, args, strict=True)})
        self.calls.pop()
        return results

    # ---- scalars

    def prim(self, value: Prim, let: Let, env: dict[str, Known]) -> Known:
        op, args = value.op, value.args
        if op == "format" or not (is_elementwise(op) or all(isinstance(self.known(a, env), Same) for a in args)):
            raise Unfit
        found = [self.known(a, env) for a in args]
        if any(isinstance(k, Account) for k in found):
            return self.add_scalar(op, args, found, let.names[0].type)
        if all(isinstance(k, Same) for k in found):
            sources = [k.source for k in found if isinstance(k, Same)]
            make = scalar_code if is_elementwise(op) else whole_code
            return self.emit_same(make(op, args, sources, let.names[0].type), sources)
        turn = self.affine_prim(op, found) if let.names[0].type == INT else None
        if turn is not None:
            return turn
        expression = vector_expression(op, args)
        if not expression:
            raise Unfit
        numpy_only = "rt." in expression
        sources = []
        for k, a in zip(found, args, strict=True):
            if not isinstance(k, Same):
                sources.append(Source("slot", self.lane(k, a.type)))
            elif numpy_only:
                sources.append(self.numpy_scalar(k.source, a.type))
            else:
                sources.append(k.source)
        slot = self.emit(instantiate(expression, sources), slots_of(sources))
        return Lane(slot, self.level, 0)

    def numpy_scalar(self, source: Source, t: Type) -> Source:
        convert = dtype_of(t).type
        if source.kind == "literal":
            return Source("literal", convert(source.what))
        slot = source.what
        return Source("slot", self.emit(lambda e: convert(e[slot]), [slot]))

    def affine_prim(self, op: str, found: Sequence[Known]) -> Turn | None:
        match op, found:
            case "+", [Turn() as t, Same(s)] | [Same(s), Turn() as t]:
                return replace(t, offset=self.offset("x0 + x1", t.offset, s))
            case "-", [Turn() as t, Same(s)]:
                return replace(t, offset=self.offset("x0 - x1", t.offset, s))
            case "-", [Same(s), Turn() as t]:
                return replace(t, scale=-t.scale, offset=self.offset("x0 - x1", s, t.offset))
            case "*", [Turn() as t, Same(Source("literal", n))] | [Same(Source("literal", n)), Turn() as t] if (
                0 < abs(n) < 1 << 31 and abs(t.scale) < 1 << 31
            ):
                return replace(t, scale=t.scale * n, offset=self.offset("x0 * x1", t.offset, Source("literal", n)))
            case _:
                return None

    def offset(self, expression: str, x: Source, y: Source) -> Source:
        """Offsets do not wrap: an index that would is outside every array, a value that would makes the run give up."""
        if x.kind == y.kind == "literal":
            return Source("literal", instantiate(expression, (x, y))([]))
        if y == Source("literal", 0) and expression != "x0 * x1":
            return x
        key = (expression, x, y)
        if key not in self.memo:
            self.memo[key] = self.emit(instantiate(expression, (x, y)), slots_of([x, y]))
        return Source("slot", self.memo[key])

    def check(self, cond: Same | Lane | Turn) -> None:
        if isinstance(cond, Same):
            code, reads = getter(cond.source), slots_of([cond.source])
        else:
            slot = self.lane(cond, BOOL)
            code, reads = of_slot(slot), [slot]
        self.emit(lanes.demand(code, self.mask_code()), reads)

    def mask_code(self) -> Code | None:
        return None if self.mask is None else of_slot(self.mask)

    # ---- arrays

    def get(self, value: Get, let: Let, env: dict[str, Known]) -> Known:
        path = value.path
        whole = self.known(value.x, env)
        if isinstance(whole, Same) and all(isinstance(self.known(o, env), Same) for o in operands(value)):
            sources = [self.same(o, env) for o in operands(value)]
            t = value.x.type
            return self.emit_same(access.get(sources[0], t, path, sources[1:], let.span), sources)
        indices = [self.plain(o, env) for o in _positions(path)]
        if isinstance(whole, Account):
            whole = self.read_account(whole, indices)
        t = value.x.type
        assert isinstance(t, ArrayType)
        if isinstance(whole, Same):
            return self.get_same(whole.source, indices, len(t.dims) - len(path))
        if not isinstance(whole, Lane):
            raise Unfit
        for index in indices:
            whole = self.get_lane(whole, index, t)
        return whole

    def get_same(self, x: Source, indices: Sequence[Same | Lane | Turn], own: int) -> Lane:
        read = getter(x)
        levels = [i.level for i in indices if isinstance(i, Turn)]
        straight = not any(isinstance(i, Lane) for i in indices) and len(set(levels)) == len(levels)
        if straight and self.mask is None:
            places = [self.affine(i) if isinstance(i, Turn) else getter(source_of(i)) for i in indices]
            reads = [r for i in indices for r in self.index_reads(i)]
            return Lane(self.emit(lanes.sliced(read, places, self.level), [*slots_of([x]), *reads]), self.level, own)
        sources = [i.source if isinstance(i, Same) else Source("slot", self.lane(i, INT)) for i in indices]
        code = lanes.gathered(read, [getter(s) for s in sources], self.mask_code())
        return Lane(self.emit(code, slots_of([x, *sources])), self.level, own)

    def index_reads(self, i: Same | Lane | Turn) -> list[int]:
        return self.turn_reads(i) if isinstance(i, Turn) else slots_of([where(i)])

    def get_lane(self, x: Lane, index: Same | Lane | Turn, t: Type) -> Lane:
        """One position of each turn's own array."""
        if isinstance(index, Turn) and index.level > x.level and self.mask is None:
            code = lanes.along(of_slot(x.slot), x.level, self.affine(index), self.level)
            return Lane(self.emit(code, [x.slot, *self.turn_reads(index)]), self.level, x.own - 1)
        if isinstance(index, Same) and self.mask is None:
            code = lanes.at_fixed(of_slot(x.slot), x.level, getter(index.source))
            return Lane(self.emit(code, [x.slot, *slots_of([index.source])]), x.level, x.own - 1)
        slot, place = self.lane(x, t), self.lane(index, INT)
        code = lanes.gathered(of_slot(slot), [of_slot(place)], self.mask_code(), self.level)
        return Lane(self.emit(code, [slot, place]), self.level, x.own - 1)

    def dim(self, x: Known, axis: int) -> Known:
        match x:
            case Same(source):
                read = getter(source)
                return self.emit_same(lambda e: read(e).shape[axis], [source])
            case Lane(slot, level, _):
                return self.emit_same(lambda e: e[slot].shape[level + axis], [Source("slot", slot)])
            case _:
                raise Unfit

    def make(self, parts: Sequence[Operand], t: Type, env: dict[str, Known]) -> Known:
        if not parts or any(isinstance(p.type, ArrayType) for p in parts):
            raise Unfit
        sources = []
        for p in parts:
            k = self.plain(p, env)
            sources.append(k.source if isinstance(k, Same) else Source("slot", self.lane(k, p.type)))
        code = lanes.stacked([getter(s) for s in sources], self.level, dtype_of(t))
        return Lane(self.emit(code, slots_of(sources)), self.level, 1)

    def fill(self, shape: Sequence[Operand], v: Operand, env: dict[str, Known]) -> Known:
        if not shape:
            return self.known(v, env)
        sizes = [self.same(s, env) for s in shape]
        lane = self.lane(self.plain(v, env), v.type)
        code = lanes.filled([getter(s) for s in sizes], of_slot(lane), dtype_of(v.type))
        return Lane(self.emit(code, [lane, *slots_of(sizes)]), self.level, len(shape))

    # ---- branches and loops

    def branch(self, value: If, let: Let, env: dict[str, Known]) -> list[Known]:
        cond = self.plain(value.cond, env)
        version = [r.version for r in self.roots]
        if isinstance(cond, Same):
            results = self.switch(cond.source, value, let, env)
        else:
            results = self.select(self.lane(cond, BOOL), value, let, env)
        if version != [r.version for r in self.roots]:
            raise Unfit
        return results

    def select(self, cond: int, value: If, let: Let, env: dict[str, Known]) -> list[Known]:
        """Both sides, then of each turn the one that is meant."""
        outer, level = self.mask, self.level
        results = []
        for side, expression in ((value.then, "x0"), (value.orelse, "np.logical_not(x0)")):
            own = Source("slot", cond)
            if outer is None:
                self.mask = self.emit(instantiate(expression, [own]), [cond])
            else:
                both = f"np.logical_and({expression}, x1)"
                self.mask = self.emit(instantiate(both, [own, Source("slot", outer)]), [cond, outer])
            memo = dict(self.memo)
            results.append(self.block(side, dict(env)))
            self.memo = memo
            self.mask = outer
        made: list[Known] = []
        for v, a, b in zip(let.names, *results, strict=True):
            if isinstance(a, Account) or isinstance(b, Account):
                if a != b:
                    raise Unfit
                made.append(a)
                continue
            dims = len(v.type.dims) if isinstance(v.type, ArrayType) else 0
            x, y = self.lane(a, v.type), self.lane(b, v.type)
            slot = self.emit(lanes.selected(of_slot(cond), of_slot(x), of_slot(y), dims), [cond, x, y])
            made.append(Lane(slot, level, dims))
        return made

    def switch(self, cond: Source, value: If, let: Let, env: dict[str, Known]) -> list[Known]:
        """One side, the same in all turns."""
        outer = self.steps
        sides: list[tuple[Steps, list[Known], dict[object, int]]] = []
        for side in (value.then, value.orelse):
            self.steps, memo = Steps(), dict(self.memo)
            results = self.block(side, dict(env))
            sides.append((self.steps, results, self.memo))
            self.memo = memo
        memo, (_, first, _), (_, second, _) = self.memo, *sides
        made: list[Known] = []
        slots: list[int] = []
        for v, a, b in zip(let.names, first, second, strict=True):
            if isinstance(a, Account) or isinstance(b, Account):
                if a != b:
                    raise Unfit
                made.append(a)
                continue
            alike = isinstance(a, Same) and isinstance(b, Same)
            slot = self.slot()
            slots.append(slot)
            for (self.steps, _, self.memo), k in zip(sides, (a, b), strict=True):
                source = source_of(k) if alike else Source("slot", self.lane(k, v.type))
                self.emit(getter(source), slots_of([source]), slot)
            own = len(v.type.dims) if isinstance(v.type, ArrayType) else 0
            made.append(Same(Source("slot", slot)) if alike else Lane(slot, self.level, own))
        self.steps, self.memo = outer, memo
        reads = {r for steps, _, _ in sides for _, _, rs in steps.ops for r in rs}
        then, orelse = (steps.finished(set(slots)) for steps, _, _ in sides)
        self.emit(lanes.choose(getter(cond), then, orelse), [*slots_of([cond]), *sorted(reads)])
        for slot in slots:
            # where the slot is filled, for the outer row of steps
            self.emit(of_slot(slot), [slot], slot)
        return made

    def loop(self, value: Loop, env: dict[str, Known]) -> list[Known]:
        low, high = self.same(value.low, env), self.same(value.high, env)
        first, last, outer = getter(low), getter(high), list(self.trips)

        def turns(e: Frame) -> int:
            n: int = last(e) - first(e)
            if n <= 0:
                raise lanes.Bail
            total = n
            for slot in outer:
                total *= e[slot]
            if total > lanes.LARGEST:
                raise lanes.TooMany(total)
            return n

        trips = self.emit(turns, [*slots_of([low, high]), *outer])
        inner = dict(env)
        for r in value.results:
            if isinstance(r, Carry):
                start = self.known(r.init, env)
                if not isinstance(start, Account):
                    raise Unfit
                inner[r.param.name] = start
        memo = dict(self.memo)
        self.trips.append(trips)
        self.lows.append(low)
        self.deepest = max(self.deepest, self.level)
        mask = self.mask
        if mask is not None:
            self.mask = self.emit(lanes.lifted(of_slot(mask), self.level - 1, self.level), [mask])
        inner[value.index.name] = Turn(self.level, 1, Source("literal", 0), id(value))
        results = self.block(value.body, inner)
        values = [
            k if isinstance(r, Carry) else self.lane(k, o.type)
            for r, k, o in zip(value.results, results, value.body.results, strict=True)
        ]
        self.trips.pop()
        self.lows.pop()
        self.mask = mask
        self.memo = memo
        return [self.result(r, v, o, trips) for r, v, o in zip(value.results, values, value.body.results, strict=True)]

    def result(self, r: object, v: Known | int, o: Operand, trips: int) -> Known:
        """The result of an inner loop, from a lane of one level more."""
        if isinstance(r, Carry):
            if not isinstance(v, Account) or v.version != self.roots[v.root].version:
                raise Unfit
            return v
        assert isinstance(v, int)
        axis = self.level
        if isinstance(r, Build):
            own = len(o.type.dims) if isinstance(o.type, ArrayType) else 0
            slot = self.emit(lambda e: lanes.full(e[v], axis, e[trips]), [v, trips])
            return Lane(slot, axis, own + 1)
        assert isinstance(r, Reduce)
        operation = reduce.REDUCTIONS[r.op]
        code: Code = lambda e: operation(np.ascontiguousarray(lanes.full(e[v], axis, e[trips])))  # noqa: E731
        return Lane(self.emit(code, [v, trips]), axis, 0)

    # ---- carried values

    def current(self, k: Known) -> Root:
        if not isinstance(k, Account) or self.mask is not None or k.version != self.roots[k.root].version:
            raise Unfit
        return self.roots[k.root]

    def enter(self, k: Account, entry: Entry) -> Account:
        root = self.roots[k.root]
        root.entries.append(entry)
        root.version += 1
        return Account(k.root, root.version)

    def add_scalar(self, op: str, args: Sequence[Operand], found: Sequence[Known], t: Type) -> Account:
        match op, found:
            case "+", [Account() as k, (Same() | Lane() | Turn()) as v]:
                o = args[1]
            case "+", [(Same() | Lane() | Turn()) as v, Account() as k]:
                o = args[0]
            case "-", [Account() as k, (Same() | Lane() | Turn()) as v]:
                o = args[1]
            case _:
                raise Unfit
        self.current(k)
        return self.enter(k, Entry((), self.lane(v, o.type), tuple(self.trips), negative=op == "-"))

    def update(self, value: Update, env: dict[str, Known]) -> Known:
        whole = self.known(value.x, env)
        root = self.current(whole)
        assert isinstance(whole, Account)
        if value.kind == "push" or not all(isinstance(s, At) for s in value.path):
            raise Unfit
        indices = tuple(self.position(self.plain(o, env)) for o in _positions(value.path))
        lane = self.lane(self.plain(value.v, env), value.v.type)
        places = tuple(self.affine(i) if isinstance(i, Turn) else getter(where(i)) for i in indices)
        reads = tuple(
            r for i in indices for r in (slots_of([where(i)]) if isinstance(i, Lane) else self.index_reads(i))
        )
        entry = Entry(indices, lane, tuple(self.trips), places, reads)
        if value.kind == "set":
            if root.entries or not entry.own or any(r != indices for r in root.reads):
                raise Unfit
            root.writes = True
        elif root.writes or root.reads:
            raise Unfit
        return self.enter(whole, entry)

    def position(self, k: Same | Lane | Turn) -> Same | Lane | Turn:
        return Lane(self.lane(k, INT), self.level, 0) if isinstance(k, Lane) else k

    def read_account(self, k: Account, indices: Sequence[Same | Lane | Turn]) -> Same:
        """A read of an array that is written at the same position later in the turn: what was there before the loop."""
        root = self.current(k)
        if root.version:
            raise Unfit
        root.reads.append(tuple(indices))
        if root.start is None:
            root.start = self.slot()
        return Same(Source("slot", root.start))


def _positions(path: Path) -> list[Operand]:
    if not all(isinstance(s, At) for s in path):
        raise Unfit
    return [s.index for s in path if isinstance(s, At)]
