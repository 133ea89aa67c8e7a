"""Which values of a function need no name in its text: each is written where it is read, once.

A scalar that is read once, in its own block or in a branch of it, and whose reading may wait: arithmetic always may, an
element of an array only where nothing between could write to the array. And small arrays of given elements that go
straight to a place in another array.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..core.ir import (
    INT,
    KEY,
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
    Loop,
    Make,
    Operand,
    Prim,
    Reduce,
    Result,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import blocks, lets_of, operands
from .rows import FAULTS, expression

CHEAP = {op: 4 if op == "/" else 1 for op in ("+", "-", "*", "/", "neg", "abs", "min", "max", "clip", "relu", "sign")}
CHEAP |= dict.fromkeys(("not", "==", "!=", "<", "<=", ">", ">=", "float"), 1)
"""Total rows that are as well done in vain, and what they cost."""

MOST = 8
"""What both sides of a branch may cost together, for both to be computed rather than one jumped to."""


@dataclass(slots=True)
class Nested:
    """Names without a line of their own: scalars written where they are read, and arrays written where they go.

    `built`: builders of scalars that are rows of another. `fixed`: scalars whose text reads an array, so that it may
    not stand behind what writes.
    """

    scalars: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)
    built: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)


def nested(fn: Fn) -> Nested:
    """The names of a function that need no line."""
    uses: Counter[str] = Counter()
    for let in lets_of(fn.body):
        uses.update(o.name for o in operands(let.value) if isinstance(o, Var))
        for _, b in blocks(let.value):
            uses.update(r.name for r in b.results if isinstance(r, Var))
    uses.update(r.name for r in fn.body.results if isinstance(r, Var))
    once = {v for v, n in uses.items() if n == 1}
    found = Nested()
    ends = (None,) * len(fn.body.results)
    _rows(fn.body, ends, once, found)
    _scalars(fn.body, ends, once, found)
    return found


def is_select(value: If) -> bool:
    """Whether a branch is as well computed on both sides."""
    costs = [_cost(let) for side in (value.then, value.orelse) for let in side.lets]
    arrays = any(isinstance(r.type, ArrayType) for side in (value.then, value.orelse) for r in side.results)
    return not arrays and sum(costs) <= MOST


def _cost(let: Let) -> int:
    """What it costs to compute a value in vain; more than any where that may fault or write."""
    match let.value:
        case If() as inner if is_select(inner):
            return 2
        case Prim(op, args) if op in CHEAP and not any(isinstance(o.type, ArrayType) for o in (*args, *let.names)):
            return MOST + 1 if op == "/" and let.names[0].type == INT else CHEAP[op]
        case _:
            return MOST + 1


def _rows(block: Block, ends: tuple[Result | None, ...], once: set[str], found: Nested) -> None:
    """`ends`: what the results of the block become."""
    for k, let in enumerate(block.lets):
        for results, inner in _inner(let.value):
            _rows(inner, results, once, found)
        if isinstance(let.value, Loop):
            found.built |= {v.name for v in _built(let, let.value) if v.name in once and _is_row(v.name, block, ends)}
        name = let.names[0].name if len(let.names) == 1 else ""
        if isinstance(let.value, Make) and let.value.parts and name in once and _goes_to_a_place(name, block, k, ends):
            found.rows.add(name)


def _scalars(block: Block, ends: tuple[Result | None, ...], once: set[str], found: Nested) -> None:
    for k, let in enumerate(block.lets):
        for results, inner in _inner(let.value):
            _scalars(inner, results, once, found)
        if len(let.names) != 1 or let.names[0].name not in once or not _is_expression(let):
            continue
        name = let.names[0].name
        sides = [r for _, b in blocks(let.value) for r in b.results]
        fixed = isinstance(let.value, Get) or not found.fixed.isdisjoint(
            o.name for o in (*operands(let.value), *sides) if isinstance(o, Var)
        )
        if _read_once(name, block, k, ends, found, waits=not fixed):
            found.scalars.add(name)
            if fixed:
                found.fixed.add(name)


def _inner(value: Operand | Value) -> Iterator[tuple[tuple[Result | None, ...], Block]]:
    """The blocks of a value, each with what its results become."""
    if isinstance(value, Loop):
        yield value.results, value.body
    elif isinstance(value, While):
        yield (None,), value.cond
        yield value.results, value.body
    else:
        for _, b in blocks(value):
            yield (None,) * len(b.results), b


def _is_expression(let: Let) -> bool:
    match let.value:
        case Prim(op, args):
            faulty = (op in FAULTS and args[0].type in (INT, KEY)) or op in ("int", "random.integers")
            arrays = any(isinstance(o.type, ArrayType) for o in (*args, *let.names))
            return bool(args) and not faulty and not arrays
        case Get(_, path):
            return bool(path) and not isinstance(let.names[0].type, ArrayType) and all(isinstance(s, At) for s in path)
        case Dim():
            return True
        case If() as branch:
            return is_select(branch)
        case _:
            return False


def _read_once(name: str, block: Block, k: int, ends: tuple[Result | None, ...], found: Nested, waits: bool) -> bool:
    """Whether `name` is read where an expression may stand, after Let number `k` of the block. `waits`: its value is
    the same later on."""
    for let in block.lets[k + 1 :]:
        if any(isinstance(o, Var) and o.name == name for o in operands(let.value)):
            return _may_stand(name, let, found)
        if isinstance(let.value, If) and waits:
            for side in (let.value.then, let.value.orelse):
                if _reads(name, side):
                    return _read_once(name, side, -1, (None,) * len(side.results), found, waits)
        if not waits and not isinstance(let.value, Prim | Get | Dim | Make | Check):
            return False
    for end, o in zip(ends, block.results, strict=True):
        if isinstance(o, Var) and o.name == name:
            return end is None or isinstance(end, Carry | Build) or (isinstance(end, Reduce) and end.op in "+*")
    return False


def _reads(name: str, block: Block) -> bool:
    """Whether a block reads a name, in itself or in a branch."""
    if any(isinstance(o, Var) and o.name == name for o in block.results):
        return True
    for let in block.lets:
        if any(isinstance(o, Var) and o.name == name for o in operands(let.value)):
            return True
        if isinstance(let.value, If) and any(_reads(name, side) for side in (let.value.then, let.value.orelse)):
            return True
    return False


def _may_stand(name: str, let: Let, found: Nested) -> bool:
    """Whether the text of `let` has its operand `name` once."""

    def here(o: Operand) -> bool:
        return isinstance(o, Var) and o.name == name

    match let.value:
        case Prim(args=args) as prim:
            text = expression(prim, let.names[0].type) or ""
            place = next(i for i, a in enumerate(args) if here(a))
            return _is_expression(let) and text.count(f"{{{place}}}") == 1
        case If(cond=cond) as branch:
            return here(cond) and (len(let.names) == 1 or not is_select(branch))
        case Get(_, path):  # the indices of a row stand wherever it is read
            return not isinstance(let.names[0].type, ArrayType) and _index_once(name, path)
        case Update(kind, _, path, v):
            return here(v) if kind == "push" or not _index_once(name, path) else True
        case Make():
            return let.names[0].name not in found.rows
        case Call():
            return True
        case Loop(results=results) | While(results=results):
            return any(isinstance(r, Carry) and here(r.init) for r in results)
        case Check(cond=cond):
            return here(cond)
        case _:
            return False


def _built(let: Let, loop: Loop) -> Iterator[Var]:
    """The results of a loop that are builders of scalars."""
    for v, r, o in zip(let.names, loop.results, loop.body.results, strict=True):
        if isinstance(r, Build) and not isinstance(o.type, ArrayType):
            yield v


def _is_row(name: str, block: Block, ends: tuple[Result | None, ...]) -> bool:
    return any(
        isinstance(end, Build) and isinstance(o, Var) and o.name == name
        for end, o in zip(ends, block.results, strict=True)
    )


def _index_once(name: str, path: tuple[object, ...]) -> bool:
    return any(isinstance(s, At) and s.proved and isinstance(s.index, Var) and s.index.name == name for s in path)


def _goes_to_a_place(name: str, block: Block, k: int, ends: tuple[Result | None, ...]) -> bool:
    """Whether an array of given elements is only put into another: a row of a builder, or of an update."""
    for let in block.lets[k + 1 :]:
        if any(isinstance(o, Var) and o.name == name for o in operands(let.value)):
            value = let.value
            if not isinstance(value, Update) or not isinstance(value.v, Var) or value.v.name != name:
                return False
            return all(isinstance(s, At) for s in value.path) and (bool(value.path) or value.kind != "set")
    return _is_row(name, block, ends)
