"""Running a loop on whole arrays: the pieces it is run in, and what its results are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ..core.ir import ArrayType, Build, Carry, Loop, Reduce
from ..errors import Fault, Span
from ..primitives.runtime import Trap
from . import lanes, reduce, values
from .known import LOW, NUMERIC, TRIPS, Account, Entry, Known, Root, Turn, Unfit
from .lanes import Bail, Op, TooMany
from .machine import Machine
from .rows import Code, Frame, Source
from .values import Array, dtype_of, scalar_of
from .vectorise import Compiler

SHORTEST = 12
"""Turns from which whole arrays pay for a plain body, and a quarter of that where there is a loop in the body."""

PIECE = 1 << 16
"""Turns that run at once."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A `Build` or `Reduce`: the slot of its lane, and what makes the result of all turns' values."""

    slot: int
    dtype: np.dtype[Any]
    finish: Callable[[Array], Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """Additions that one loop makes in each of its turns: lanes, and whether they are subtracted. `trips` are the slots
    of the numbers of turns around them."""

    trips: tuple[int, ...]
    lanes: tuple[tuple[int, bool], ...]

    def values(self, e: Frame, dtype: np.dtype[Any]) -> Array:
        """A row for each turn of the outermost loop, in the order of the additions."""
        turns = [e[s] for s in self.trips]
        made = np.empty((*turns, len(self.lanes)), dtype)
        for k, (slot, negative) in enumerate(self.lanes):
            made[..., k] = -e[slot] if negative else e[slot]
        return made.reshape(turns[0], -1)


@dataclass(frozen=True, slots=True)
class Sum:
    """A carried number that is only added to."""

    param: int
    dtype: np.dtype[Any]
    terms: tuple[Terms, ...]
    convert: Callable[[Any], Any]

    def values(self, e: Frame) -> Array:
        return _joined([t.values(e, self.dtype) for t in self.terms])


@dataclass(frozen=True, slots=True)
class Target:
    """A carried array that is only added to or written; `apply` does it once the places are known to be there."""

    param: int
    start: int | None
    prepare: Callable[[Frame, tuple[int, ...]], Callable[[Array], None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A loop ready to run on whole arrays. `run` gives its results in order, or None: then it must run turn by turn."""

    size: int
    ops: tuple[Op, ...]
    captured: tuple[tuple[int, int], ...]  # slot of the run, slot of the frame
    outputs: tuple[Gathered | Sum | Target, ...]
    shortest: int
    machine: Machine
    span: Span

    def run(self, f: Frame, low: int, n: int) -> list[Any] | None:
        if n < self.shortest:
            return None
        try:
            if n <= PIECE:
                try:
                    return self.at_once(f, low, n)
                except TooMany as too:
                    if any(isinstance(o, Target) for o in self.outputs):
                        return None
                    return self.in_pieces(f, low, n, n * lanes.LARGEST // too.elements)
            if any(isinstance(o, Target) for o in self.outputs):
                return self.at_once(f, low, n) if n <= lanes.LARGEST else None
            return self.in_pieces(f, low, n, PIECE)
        except (Bail, TooMany, Trap, Fault, IndexError, MemoryError):
            # whatever it is, running turn by turn says it of the right turn
            return None

    def piece(self, f: Frame, low: int, n: int) -> Frame:
        e: Frame = [None] * self.size
        e[TRIPS] = n
        e[LOW] = low
        for slot, outer in self.captured:
            e[slot] = f[outer]
        for op in self.ops:
            e[op.slot] = op.code(e)
            for slot in op.dead:
                e[slot] = None
        meter = self.machine.meter
        if meter is not None:
            meter.add(n * len(self.ops), self.span)
        return e

    def at_once(self, f: Frame, low: int, n: int) -> list[Any]:
        e = self.piece(f, low, n)
        results: list[Any] = []
        applied: list[tuple[int, int, Callable[[Array], None]]] = []
        for o in self.outputs:
            if isinstance(o, Gathered):
                results.append(o.finish(_complete(e[o.slot], n, o.dtype)))
            elif isinstance(o, Sum):
                results.append(_total(o, f[o.param], [o.values(e)]))
            else:
                applied.append((len(results), o.param, o.prepare(e, f[o.param].shape)))
                if o.start is not None:
                    e[o.start] = None
                results.append(None)
        del e
        # nothing can go wrong from here on
        for k, param, apply in applied:
            a = f[param]
            f[param] = None
            a = a.copy() if self.machine.copy_always else values.claim(a)
            apply(a)
            results[k] = a
        return results

    def in_pieces(self, f: Frame, low: int, n: int, piece: int) -> list[Any] | None:
        if piece < 4:
            return None
        gathered: list[Any] = [[] if isinstance(o, Sum) else None for o in self.outputs]
        for start in range(0, n, piece):
            count = min(piece, n - start)
            e = self.piece(f, low + start, count)
            for k, o in enumerate(self.outputs):
                if isinstance(o, Gathered):
                    part = lanes.full(e[o.slot], 0, count)
                    if gathered[k] is None:
                        gathered[k] = self.room((n, *part.shape[1:]), o.dtype)
                    gathered[k][start : start + count] = part
                elif isinstance(o, Sum):
                    gathered[k].append(o.values(e))
        results: list[Any] = []
        for o, parts in zip(self.outputs, gathered, strict=True):
            if isinstance(o, Gathered):
                results.append(o.finish(parts))
            elif isinstance(o, Sum):
                results.append(_total(o, f[o.param], parts))
        return results

    def room(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        return values.allocate(shape, dtype, self.span, self.machine.memory)


def _complete(lane: Array, n: int, dtype: np.dtype[Any]) -> Array:
    """All turns' values as an array that belongs to nobody else."""
    made = lanes.full(lane, 0, n)
    if made.base is not None or made.dtype != dtype or not made.flags.c_contiguous:
        made = np.array(made, dtype, order="C")
    return made


def _joined(rows: Sequence[Array]) -> Array:
    """Rows for the turns of the outermost loop, put beside each other: the additions of a turn in their order."""
    if not rows:
        return np.empty(0)
    whole = rows[0] if len(rows) == 1 else np.concatenate(rows, 1)
    return whole.reshape(-1, *whole.shape[2:])


def _total(o: Sum, start: Any, parts: Sequence[Array]) -> Any:
    total = start
    for part in parts:
        total = o.dtype.type(np.add.accumulate(np.concatenate(([o.dtype.type(total)], part)))[-1])
    return o.convert(total)


# ---- making plans


def plan(machine: Machine, loop: Loop, result_types: Sequence[Any], slots: dict[str, int], span: Span) -> Plan | None:
    """A plan for the loop, or None where it runs turn by turn."""
    if not machine.vectorise or not loop.results:
        return None
    compiler = Compiler(machine, slots)
    try:
        return _plan(compiler, loop, result_types, slots, span)
    except Unfit:
        return None


def _plan(compiler: Compiler, loop: Loop, result_types: Sequence[Any], slots: dict[str, int], span: Span) -> Plan:
    env: dict[str, Known] = {loop.index.name: Turn(1, 1, Source("literal", 0))}
    params: list[str] = []
    for r in loop.results:
        if isinstance(r, Carry):
            t = r.param.type
            if (t.elem if isinstance(t, ArrayType) else t) not in NUMERIC:
                raise Unfit
            env[r.param.name] = Account(len(compiler.roots), 0)
            params.append(r.param.name)
            compiler.roots.append(Root(t))
    found = compiler.block(loop.body, env)
    outputs: list[Gathered | Sum | Target] = []
    keep: set[int] = set()
    for r, k, o, t in zip(loop.results, found, loop.body.results, result_types, strict=True):
        if isinstance(r, Carry):
            if not isinstance(k, Account) or r.param.name != params[k.root]:
                raise Unfit
            root = compiler.roots[k.root]
            if k.version != root.version:
                raise Unfit
            outputs.append(_carried(root, slots[r.param.name], keep))
        else:
            slot = compiler.lane(k, o.type)
            keep.add(slot)
            outputs.append(_gathered(r, slot, o.type, t))
    captured = [(slot, slots[name]) for name, slot in compiler.captured.items()]
    for root, name in zip(compiler.roots, params, strict=True):
        if root.start is not None:
            captured.append((root.start, slots[name]))
    nested = any(isinstance(let.value, Loop) for let in loop.body.lets) or compiler.deepest > 1
    return Plan(
        compiler.size,
        compiler.steps.finished(keep),
        tuple(captured),
        tuple(outputs),
        SHORTEST // 4 if nested else SHORTEST,
        compiler.machine,
        span,
    )


def _gathered(r: Build | Reduce, slot: int, t: Any, result: Any) -> Gathered:
    if isinstance(r, Build):
        return Gathered(slot, dtype_of(t), lambda terms: terms)
    operation, convert = reduce.REDUCTIONS[r.op], scalar_of(result)
    return Gathered(slot, dtype_of(t), lambda terms: convert(operation(terms)))


def _carried(root: Root, param: int, keep: set[int]) -> Sum | Target:
    groups = _groups(root.entries)
    for e in root.entries:
        keep.update((e.lane, *e.trips, *e.reads))
    if not isinstance(root.type, ArrayType):
        terms = tuple(Terms(g[0].trips, tuple((e.lane, e.negative) for e in g)) for g in groups)
        return Sum(param, dtype_of(root.type), terms, scalar_of(root.type))
    placed = [[Placed(e) for e in g] for g in groups]
    if len(groups) == 1 and all(e.own for e in groups[0]) and len({p.pattern for p in placed[0]}) == 1:
        writes = root.writes
        return Target(param, root.start, lambda e, shape: _straight(placed[0], writes, e, shape))
    return Target(param, root.start, lambda e, shape: _scattered(placed, e, shape))


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries by the loops that make them. In a turn of the outermost loop one group comes after another."""
    groups = [list(g) for _, g in groupby(entries, lambda e: e.trips)]
    inner = [g[0].trips[1] for g in groups if len(g[0].trips) > 1]
    if len(set(inner)) < len(inner):
        raise Unfit
    return groups


class Placed:
    """An entry with the code of its positions."""

    def __init__(self, entry: Entry) -> None:
        level = len(entry.trips)
        self.lane = entry.lane
        self.trips = entry.trips
        self.indices = entry.places
        self.arrays: list[Code] = []
        self.turns: list[tuple[int, int]] = []  # level and dimension of affine positions
        scales = []
        for axis, i in enumerate(entry.places):
            if isinstance(i, lanes.Affine):
                self.arrays.append(lanes.spread(i, level))
                self.turns.append((i.level, axis))
                scales.append(i.scale)
            else:
                self.arrays.append(i)
        self.pattern = (tuple(self.turns), tuple(scales))

    def order(self, e: Frame) -> tuple[int, ...]:
        """Of entries with one pattern, the one with the smaller order meets a position in an earlier turn."""
        found = []
        for _, axis in sorted(self.turns):
            affine = self.indices[axis]
            assert isinstance(affine, lanes.Affine)
            found.append(-affine.offset(e) if affine.scale > 0 else affine.offset(e))
        return tuple(found)


def _straight(placed: Sequence[Placed], writes: bool, e: Frame, shape: tuple[int, ...]) -> Callable[[Array], None]:
    """Every turn has a position of its own: whole slices are written, the one first that meets a position first."""
    parts = []
    for p in sorted(placed, key=lambda p: p.order(e)) if len(placed) > 1 else placed:
        place = lanes.place(p.indices, e, shape)
        levels = [level for level, _ in p.turns]
        order = None if levels == sorted(levels) else tuple(np.argsort(levels).tolist())
        parts.append((place, order, e[p.lane]))

    def apply(a: Array) -> None:
        for place, order, v in parts:
            target = a[place]
            if order is not None:
                target = target.transpose(*order, *range(len(order), target.ndim))
            if writes:
                target[...] = v
            else:
                target += v

    return apply


def _scattered(groups: Sequence[Sequence[Placed]], e: Frame, shape: tuple[int, ...]) -> Callable[[Array], None]:
    """Turns may meet: additions one after another, in the order of the turns and within a turn as written."""
    rank = len(groups[0][0].indices) if groups else 0
    own = shape[rank:]
    positions: list[list[Array]] = [[] for _ in range(rank)]
    parts = []
    for group in groups:
        turns = [e[s] for s in group[0].trips]
        for axis in range(rank):
            made = np.empty((*turns, len(group)), np.int64)
            for k, p in enumerate(group):
                made[..., k] = lanes.inside(p.arrays[axis](e), shape[axis], None)
            positions[axis].append(made.reshape(turns[0], -1))
        found = [np.broadcast_to(e[p.lane], (*turns, *own)) for p in group]
        parts.append(np.stack(found, len(turns)).reshape(turns[0], -1, *own))
    terms = _joined(parts)
    flat = [_joined(rows) for rows in positions]

    def apply(a: Array) -> None:
        if not flat:
            return
        if rank > 1 and not own and a.flags.c_contiguous:
            np.add.at(a.reshape(-1), np.ravel_multi_index(flat, shape), terms)
        else:
            np.add.at(a, tuple(flat), terms)

    return apply
