"""Where control comes together again: variables that branches set become results of the `If` or `Match`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..check import typed
from ..core.build import Builder, literal
from ..core.ir import (
    BOOL,
    ArrayType,
    Block,
    EnumType,
    Fill,
    If,
    Let,
    Lit,
    Operand,
    Scalar,
    Type,
    Value,
    Variant,
)
from .body import FALSE, TRUE, Body, Delayed
from .shape import Leaf, Shape, fill, leaves

Use: TypeAlias = Callable[[Shape], None]
"""What is done with a value: the rest of the block, written where the value is known."""


@dataclass(frozen=True, slots=True)
class Side:
    """One branch. `run` writes it and hands its value on; `falls` is false where it always jumps away."""

    run: Callable[[Use], None]
    falls: bool


@dataclass(frozen=True, slots=True)
class End:
    """A branch that has been written: its block and the variables at its end."""

    b: Builder
    env: dict[typed.Symbol, Shape | Delayed]


def fork(f: Body, hint: str, sides: Sequence[Side], emit: Callable[[tuple[Block, ...]], Value], use: Use) -> None:
    """Writes branches, joins them, and goes on with the value by `use`.

    If only one side falls through, what follows goes into it; otherwise it comes behind, skipped after a jump.
    """
    inside = len(sides) > 1 and sum(s.falls for s in sides) == 1
    slot = typed.Symbol(hint, f.b.span)

    def keep(value: Shape) -> None:
        f.env[slot] = value

    ends: list[End] = []
    f.slots.add(slot)
    for side in sides:
        with f.inner() as b:
            side.run(use if inside else keep)
            ends.append(End(b, f.env))
    join(f, ends, emit)
    f.slots.discard(slot)
    value = f.env.pop(slot, None)
    if inside or value is None:
        return
    assert not isinstance(value, Delayed)
    joined = value
    guard(f, lambda: use(joined))


def guard(f: Body, rest: Callable[[], None]) -> None:
    """The rest of a block, left out where a jump has been taken."""
    stop = f.flag(f.stop)
    if stop == TRUE:
        return
    if stop == FALSE:
        rest()
        return
    ends: list[End] = []
    with f.inner() as b:
        ends.append(End(b, f.env))
    with f.inner() as b:
        # no jump has been taken here
        f.set_flags(FALSE)
        f.env[f.returned] = Leaf(FALSE)
        rest()
        ends.append(End(b, f.env))
    join(f, ends, lambda blocks: If(stop, *blocks))


# ---- joining


def join(f: Body, ends: Sequence[End], emit: Callable[[tuple[Block, ...]], Value]) -> None:
    """Writes the node that holds the branches; variables that differ at their ends become its results."""
    before = f.env
    held = [(s, value) for s, value in before.items() if not isinstance(value, Delayed)]
    changed = [s for s, value in held if any(e.env.get(s) is not value for e in ends)]
    made = {s: None for e in ends for s in e.env if s in f.slots and s not in before}
    symbols = [*changed, *made]
    values = [[e.env.get(s) for e in ends] for s in symbols]
    outlines = [_first(row) for row in values]
    columns = [_column(f, e, [row[i] for row in values], outlines) for i, e in enumerate(ends)]
    merged, results = _merge(columns, [o for s in outlines for o in leaves(s)])
    node = emit(tuple(e.b.block(*(c[j] for j in results)) for e, c in zip(ends, columns, strict=True)))
    condition = node.cond if isinstance(node, If) else None
    if condition is not None and len(ends) == 2:
        results = [j for j in results if not _as_condition(columns, j, condition, merged)]
        node = emit(tuple(e.b.block(*(c[j] for j in results)) for e, c in zip(ends, columns, strict=True)))
    names = _names(symbols, outlines)
    types = [_joined([c[j].type for c in columns]) for j in results]
    fresh = tuple(f.names.fresh(names[j], t) for j, t in zip(results, types, strict=True))
    f.b.lets.append(Let(fresh, node, f.b.span, f.b.role))
    for j, v in zip(results, fresh, strict=True):
        merged[j] = v
    rest = iter([m for m in merged if m is not None])
    for symbol, shape in zip(symbols, outlines, strict=True):
        before[symbol] = fill(shape, rest)


def _first(row: Sequence[Shape | Delayed | None]) -> Shape:
    """The structure of a variable, from a branch in which it has a value."""
    found = next(s for s in row if s is not None)
    assert not isinstance(found, Delayed)
    return found


def _column(f: Body, end: End, values: Sequence[Shape | Delayed | None], outlines: Sequence[Shape]) -> list[Operand]:
    """The leaves of the variables at the end of one branch; where one has no value nobody reads it, so any will do."""
    column: list[Operand] = []
    for value, shape in zip(values, outlines, strict=True):
        assert not isinstance(value, Delayed)
        if value is None:
            column += [nothing(f, end.b, o.type) for o in leaves(shape)]
        else:
            column += leaves(value)
    return column


def _merge(columns: Sequence[list[Operand]], firsts: Sequence[Operand]) -> tuple[list[Operand | None], list[int]]:
    """For each leaf the operand that all branches agree on, or None and its number among those that differ."""
    merged: list[Operand | None] = []
    results: list[int] = []
    for j in range(len(firsts)):
        column = [c[j] for c in columns]
        # what a node with one branch binds is not in scope behind it
        if all(same(o, column[0]) for o in column) and (len(columns) > 1 or isinstance(column[0], Lit)):
            merged.append(column[0])
        else:
            merged.append(None)
            results.append(j)
    return merged, results


def same(a: Operand, b: Operand) -> bool:
    """Whether two operands are one: 0.0 and -0.0 are not."""
    if isinstance(a, Lit) and isinstance(b, Lit):
        return a.type == b.type and repr(a.value) == repr(b.value)
    return a == b


def _as_condition(columns: Sequence[list[Operand]], j: int, condition: Operand, merged: list[Operand | None]) -> bool:
    """A Bool that is true on one side and false on the other is the condition itself."""
    if columns[0][j] == TRUE and columns[1][j] == FALSE:
        merged[j] = condition
        return True
    return False


def _names(symbols: Sequence[typed.Symbol], outlines: Sequence[Shape]) -> list[str]:
    return [s.name if s.name.isidentifier() else "t" for s, o in zip(symbols, outlines, strict=True) for _ in leaves(o)]


def _joined(types: Sequence[Type]) -> Type:
    """The type of values of several: what they do not agree on of sizes is not known."""
    first = types[0]
    for t in types[1:]:
        first = joined(first, t)
    return first


def joined(a: Type, b: Type) -> Type:
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        dims = tuple(m if m == n else None for m, n in zip(a.dims, b.dims, strict=True))
        return ArrayType(a.elem, dims)
    return a


# ---- values that are never read


def nothing(f: Body, b: Builder, t: Type) -> Operand:
    """Some value of a type, the cheapest."""
    match t:
        case ArrayType(elem, dims):
            v = nothing(f, b, elem)
            return b.one(Fill(tuple(literal(d or 0) for d in dims), v), ArrayType(elem, tuple(d or 0 for d in dims)))
        case EnumType(name):
            tag, fields = _finite(f, name, frozenset()) or (0, ())
            return b.one(Variant(name, tag, tuple(nothing(f, b, s) for s in fields)), t)
        case Scalar("Float" | "Float32"):
            return Lit(0.0, t)
        case Scalar("Bool"):
            return Lit(False, BOOL)
        case Scalar("String"):
            return Lit("", t)
        case Scalar():
            return Lit(0, t)


def _finite(f: Body, name: str, open_: frozenset[str]) -> tuple[int, tuple[Type, ...]] | None:
    """A variant whose payload needs no value of an enum that is being made."""
    inner = open_ | {name}
    for tag, v in enumerate(f.program.layouts.enums[name].variants):
        enums = [t.name for t in v.fields if isinstance(t, EnumType)]
        if all(e not in inner and _finite(f, e, inner) is not None for e in enums):
            return tag, v.fields
    return None
