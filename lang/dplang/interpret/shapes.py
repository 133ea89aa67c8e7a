"""The sizes that rows of a loop would have had, for a loop that made no turn: `[[0.0 for j in 0..3] for i in 0..0]` has
three columns and no row. They are computed without running the body, from what does not depend on the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..core.ir import (
    ArrayType,
    At,
    Block,
    Build,
    Carry,
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
    Prim,
    Slice,
    Stop,
    Update,
    Value,
    Var,
)
from .rows import Frame

Size: TypeAlias = Callable[[Frame], int]


class Shapes:
    """The sizes of what a loop's body computes. What nobody can tell without running it is 0."""

    def __init__(self, slots: Mapping[str, int], body: Block) -> None:
        self.slots = slots
        self.bound: dict[str, tuple[Let | Operand, int]] = {}
        self.bind(body)

    def bind(self, block: Block) -> None:
        for let in block.lets:
            for k, v in enumerate(let.names):
                self.bound[v.name] = (let, k)

    def dims(self, o: Operand) -> list[Size]:
        t = o.type
        if not isinstance(t, ArrayType):
            return []
        assert isinstance(o, Var)
        found = self.found(o, len(t.dims))
        return [_fixed(d) if d is not None else s for d, s in zip(t.dims, found, strict=True)]

    def found(self, o: Var, rank: int) -> list[Size]:
        if o.name not in self.bound:
            slot = self.slots[o.name]
            return [_of_slot(slot, k) for k in range(rank)]
        let, k = self.bound[o.name]
        found = self.value(let.value, k) if isinstance(let, Let) else self.dims(let)
        return found if len(found) == rank else [_fixed(0)] * rank

    def value(self, value: Operand | Value, k: int) -> list[Size]:
        """The sizes of result number k of a value."""
        match value:
            case (Var() as x) | Stop(Var() as x) | Update("set" | "add", Var() as x):
                return self.dims(x)
            case Fill(shape):
                return [self.number(s) for s in shape]
            case Make(parts) if parts:
                return [_fixed(len(parts)), *self.dims(parts[0])]
            case Get(x, path):
                left = self.dims(x)
                kept: list[Size] = []
                for step, _ in zip(path, left, strict=False):
                    if isinstance(step, Slice):
                        kept.append(_difference(self.number(step.low), self.number(step.high)))
                    elif not isinstance(step, At):
                        return []
                return kept + left[len(path) :]
            case If(_, then, _):
                return self.result(then, k)
            case Checkpoint(body):
                return self.result(body, k)
            case Loop(_, low, high, results, body):
                result = results[k]
                if isinstance(result, Build):
                    return [_difference(self.number(low), self.number(high)), *self.result(body, k)]
                return self.dims(result.init) if isinstance(result, Carry) else []
            case _:
                return []

    def result(self, block: Block, k: int) -> list[Size]:
        self.bind(block)
        return self.dims(block.results[k])

    def number(self, o: Operand) -> Size:
        """An Int of the body."""
        if isinstance(o, Lit):
            return _fixed(int(o.value))
        if o.name not in self.bound:
            slot = self.slots[o.name]
            return lambda f: f[slot] if isinstance(f[slot], int) else 0
        let, _ = self.bound[o.name]
        match let.value if isinstance(let, Let) else let:
            case Dim(x, axis):
                found = self.dims(x)
                return found[axis] if axis < len(found) else _fixed(0)
            case Prim("+" | "-" | "*" as op, (a, b)):
                return _computed(op, self.number(a), self.number(b))
            case Var() | Lit() as other:
                return self.number(other)
            case _:
                return _fixed(0)


def _fixed(n: int) -> Size:
    return lambda f: n


def _computed(op: str, x: Size, y: Size) -> Size:
    if op == "-":
        return lambda f: x(f) - y(f)
    return (lambda f: x(f) + y(f)) if op == "+" else (lambda f: x(f) * y(f))


def _difference(low: Size, high: Size) -> Size:
    return lambda f: max(high(f) - low(f), 0)


def _of_slot(slot: int, axis: int) -> Size:
    return lambda f: 0 if f[slot] is None else int(f[slot].shape[axis])
