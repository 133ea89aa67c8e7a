"""Patterns: bindings that always fit, and `match` as a tree of decisions, each made once.

A long arm to which several ways lead is written once: the tree gives its number and what it binds, and it stands
behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from ..check import typed
from ..core import ir
from ..core.build import ZERO
from ..core.ir import BOOL, INT, STRING, Block, Check, EnumType, Get, If, Lit, Operand, Part, Value, Var
from ..errors.source import Span
from .body import FALSE, Body, Delayed
from .shape import Group, Leaf, Shape, leaves
from .ssa import Side, Use, fork, guard
from .walk import binds, inside


def bind(f: Body, p: typed.Pattern, value: Shape) -> None:
    """Binds the variables of a pattern that fits every value."""
    match p:
        case typed.BindPattern(symbol=symbol):
            f.env[symbol] = value
        case typed.AnyPattern() | typed.LiteralPattern():
            pass
        case typed.TuplePattern(parts=parts):
            assert isinstance(value, Group)
            for q, v in zip(parts, value.parts, strict=True):
                bind(f, q, v)
        case typed.VariantPattern(tag=tag, parts=parts):
            # the only variant of its enum
            for q, v in zip(parts, payload(f, value, tag, parts), strict=True):
                bind(f, q, v)
        case _:
            assert_never(p)


def payload(f: Body, value: Shape, tag: int, parts: Sequence[typed.Pattern]) -> list[Shape]:
    """The payload of a value that is known to be variant `tag`, read from it."""
    assert isinstance(value, Leaf) and isinstance(value.operand.type, EnumType)
    x = value.operand
    decl = f.program.layouts.enums[value.operand.type.name].variants[tag]
    fields: Iterator[Operand] = iter([f.b.one(Get(x, (Part(tag, k),)), t, "field") for k, t in enumerate(decl.fields)])
    return [_shape(layout, fields) for layout in decl.layouts]


def _shape(layout: ir.Layout, values: Iterator[Operand]) -> Shape:
    """The value that `layout` describes, of its leaves."""
    match layout:
        case ir.Leaf():
            return Leaf(next(values))
        case ir.Group(fields=names, parts=parts):
            return Group(tuple(_shape(p, values) for p in parts), units=names == ("_",) and layout.rank > 0)
        case ir.Code():
            raise AssertionError("a function value in an enum")


# ---- decisions


@dataclass(frozen=True, slots=True)
class _Row:
    """What is left to find out for one arm: values and the patterns they must fit; `bound` fit already."""

    tests: tuple[tuple[Shape, typed.Pattern], ...]
    bound: tuple[tuple[typed.Symbol, Shape], ...]
    arm: typed.Arm


@dataclass(eq=False, slots=True)
class _Tree:
    """A `match` that is being written. `shared` are the arms that stand behind the tree, `choice` holds the number
    (from 1) of the one that was found."""

    span: Span
    shared: list[typed.Arm]
    choice: typed.Symbol


LONG = 12
"""An arm of fewer nodes is written wherever it is needed."""


def match(f: Body, x: Shape, arms: Sequence[typed.Arm], span: Span, use: Use) -> None:
    """Writes the first arm that fits, and hands its value on."""
    rows = [_Row(((x, a.pattern),), (), a) for a in arms]
    tree = _Tree(span, [], typed.Symbol("arm", span))
    with f.at(span):
        tree.shared = _shared(f, rows, arms)
        if tree.shared:
            _in_two_steps(f, x, rows, tree, use)
        else:
            _decide(f, rows, tree, use)


def _in_two_steps(f: Body, x: Shape, rows: Sequence[_Row], tree: _Tree, use: Use) -> None:
    """The tree, and behind it the arms that are shared."""
    for a in tree.shared:
        _bind_whole(f, a.pattern, x)
    kept = typed.Symbol("match", tree.span)
    slots = {kept, tree.choice, *(s for a in tree.shared for s, _ in binds(a.pattern))}
    f.slots |= slots
    f.env[tree.choice] = Leaf(ZERO)

    def keep(value: Shape) -> None:
        f.env[kept] = value

    def behind() -> None:
        choice = next(leaves(f.read(tree.choice)))
        value = f.env.pop(kept, None)
        assert not isinstance(value, Delayed)
        f.slots -= slots
        _choose(f, tree, choice, 0, value, use)

    _decide(f, rows, tree, keep)
    guard(f, behind)


def _bind_whole(f: Body, p: typed.Pattern, value: Shape) -> None:
    """Binds what stands for parts of the value itself, which need not come out of the tree."""
    match p, value:
        case typed.BindPattern(symbol=symbol), _:
            f.env[symbol] = value
        case typed.TuplePattern(parts=parts), Group(parts=values):
            for q, v in zip(parts, values, strict=True):
                _bind_whole(f, q, v)
        case _:
            pass


def _choose(f: Body, tree: _Tree, choice: Operand, k: int, value: Shape | None, use: Use) -> None:
    """The shared arms from number `k` on, or the value that the tree gave."""
    from .control import run

    if k == len(tree.shared):
        if value is not None:
            use(value)
        return
    body = tree.shared[k].body
    if value is None and k + 1 == len(tree.shared):
        run(f, body, use)
        return
    falls = f.program.control.falls
    mine = Side(lambda use: run(f, body, use), falls(body))
    others = value is not None or any(falls(a.body) for a in tree.shared[k + 1 :])
    rest = Side(lambda use: _choose(f, tree, choice, k + 1, value, use), others)
    cond = f.b.prim("==", BOOL, choice, Lit(k + 1, INT), hint="chosen")
    fork(f, "match", [mine, rest], lambda blocks: If(cond, *blocks), use)


def _shared(f: Body, rows: Sequence[_Row], arms: Sequence[typed.Arm]) -> list[typed.Arm]:
    """The arms that are long and would be written more than once."""
    long = [a for a in arms if sum(1 for _ in inside(a.body)) >= LONG]
    if not long or len(arms) < 2:
        return []
    counts: dict[int, int] = {}
    _count(f, rows, counts)
    return [a for a in long if counts.get(id(a), 0) > 1]


def _count(f: Body, rows: Sequence[_Row], counts: dict[int, int]) -> None:
    """How often the tree for `rows` comes to each arm."""
    rows = [_settled(r) for r in rows]
    if not rows:
        return
    first = rows[0]
    if not first.tests:
        counts[id(first.arm)] = counts.get(id(first.arm), 0) + 1
        if first.arm.guard is not None:
            _count(f, rows[1:], counts)
        return
    value, p = first.tests[0]
    assert isinstance(value, Leaf)
    if isinstance(p, typed.LiteralPattern):
        for holds in (True, False):
            _count(f, _all_given(rows, value.operand, p.value, holds), counts)
        return
    assert isinstance(value.operand.type, EnumType)
    for tag, variant in enumerate(f.program.layouts.enums[value.operand.type.name].variants):
        names = [Var(f"{_name(value.operand)}.{tag}.{k}", t) for k, t in enumerate(variant.fields)]
        _count(f, _all_opened(rows, value.operand, tag, _payload_shapes(variant, names)), counts)


def _name(o: Operand) -> str:
    return o.name if isinstance(o, Var) else "literal"


def _settled(row: _Row) -> _Row:
    """A row without the tests that need no decision: variables are bound, tuples taken apart."""
    waiting = list(row.tests)
    tests: list[tuple[Shape, typed.Pattern]] = []
    bound = list(row.bound)
    while waiting:
        value, p = waiting.pop(0)
        match p:
            case typed.BindPattern(symbol=symbol):
                bound.append((symbol, value))
            case typed.AnyPattern():
                pass
            case typed.TuplePattern(parts=parts):
                assert isinstance(value, Group)
                waiting = [*zip(value.parts, parts, strict=True), *waiting]
            case typed.VariantPattern() | typed.LiteralPattern():
                tests.append((value, p))
            case _:
                assert_never(p)
    return _Row(tuple(tests), tuple(bound), row.arm)


def _decide(f: Body, rows: Sequence[_Row], tree: _Tree, use: Use) -> None:
    rows = [_settled(r) for r in rows]
    if not rows:
        f.b.effect(Check(FALSE, "E0618"))
        return
    first = rows[0]
    if not first.tests:
        _arm(f, first, rows[1:], tree, use)
        return
    value, p = first.tests[0]
    assert isinstance(value, Leaf)
    if isinstance(p, typed.VariantPattern):
        _by_variant(f, value.operand, rows, tree, use)
    else:
        assert isinstance(p, typed.LiteralPattern)
        _by_literal(f, value.operand, p, rows, tree, use)


def _arm(f: Body, row: _Row, others: Sequence[_Row], tree: _Tree, use: Use) -> None:
    """The arm of a row that fits, if its guard holds."""
    from .control import run

    for symbol, value in row.bound:
        f.env[symbol] = value
    shared = row.arm in tree.shared

    def take(use: Use) -> None:
        if shared:
            f.env[tree.choice] = Leaf(Lit(tree.shared.index(row.arm) + 1, INT))
        else:
            run(f, row.arm.body, use)

    if row.arm.guard is None:
        take(use)
        return

    def branch(holds: Shape) -> None:
        body = Side(take, shared or f.program.control.falls(row.arm.body))
        cond = next(leaves(holds))
        fork(f, "match", [body, _side(f, others, tree)], lambda blocks: If(cond, *blocks), use)

    run(f, row.arm.guard, branch)


def _by_literal(f: Body, x: Operand, p: typed.LiteralPattern, rows: Sequence[_Row], tree: _Tree, use: Use) -> None:
    if isinstance(p.value, bool):
        cond = x if p.value else f.b.prim("not", BOOL, x, hint="fits")
    else:
        t = STRING if isinstance(p.value, str) else INT
        cond = f.b.prim("==", BOOL, x, Lit(p.value, t), hint="fits")
    sides = [_side(f, _all_given(rows, x, p.value, holds), tree) for holds in (True, False)]
    fork(f, "match", sides, lambda blocks: If(cond, *blocks), use)


def _all_given(rows: Sequence[_Row], x: Operand, known: object, holds: bool) -> list[_Row]:
    return [made for r in rows if (made := _given(r, x, known, holds)) is not None]


def _given(row: _Row, x: Operand, known: object, holds: bool) -> _Row | None:
    """A row where it is known whether x is the literal `known`; None where it cannot fit any more."""
    tests: list[tuple[Shape, typed.Pattern]] = []
    for value, p in row.tests:
        if isinstance(p, typed.LiteralPattern) and isinstance(value, Leaf) and value.operand == x:
            if holds != (p.value == known):
                return None
            # what is not one Bool is the other; of other types no more is known
            if holds or isinstance(known, bool):
                continue
        tests.append((value, p))
    return _Row(tuple(tests), row.bound, row.arm)


def _side(f: Body, rows: Sequence[_Row], tree: _Tree) -> Side:
    falls = not rows or any(r.arm in tree.shared or f.program.control.falls(r.arm.body) for r in rows)
    return Side(lambda use: _decide(f, rows, tree, use), falls)


def _by_variant(f: Body, x: Operand, rows: Sequence[_Row], tree: _Tree, use: Use) -> None:
    assert isinstance(x.type, EnumType)
    decl = f.program.layouts.enums[x.type.name]
    params: list[tuple[Var, ...]] = []
    sides: list[Side] = []
    for tag, variant in enumerate(decl.variants):
        hints = _hints(rows, x, tag, variant)
        names = tuple(f.names.fresh(h, t) for h, t in zip(hints, variant.fields, strict=True))
        parts = _payload_shapes(variant, names)
        params.append(names)
        sides.append(_side(f, _all_opened(rows, x, tag, parts), tree))

    def emit(blocks: tuple[Block, ...]) -> Value:
        return ir.Match(x, tuple(ir.Arm(p, b) for p, b in zip(params, blocks, strict=True)))

    fork(f, "match", sides, emit, use)


def _payload_shapes(variant: ir.VariantDecl, names: Sequence[Var]) -> list[Shape]:
    values: Iterator[Operand] = iter(names)
    return [_shape(layout, values) for layout in variant.layouts]


def _all_opened(rows: Sequence[_Row], x: Operand, tag: int, parts: Sequence[Shape]) -> list[_Row]:
    return [made for r in rows if (made := _opened(r, x, tag, parts)) is not None]


def _opened(row: _Row, x: Operand, tag: int, parts: Sequence[Shape]) -> _Row | None:
    """A row where x is known to be variant `tag`; None where it cannot fit any more."""
    tests: list[tuple[Shape, typed.Pattern]] = []
    for value, p in row.tests:
        if isinstance(p, typed.VariantPattern) and isinstance(value, Leaf) and value.operand == x:
            if p.tag != tag:
                return None
            tests += zip(parts, p.parts, strict=True)
        else:
            tests.append((value, p))
    return _Row(tuple(tests), row.bound, row.arm)


def _hints(rows: Sequence[_Row], x: Operand, tag: int, variant: ir.VariantDecl) -> list[str]:
    """Names for the payload: those of the first pattern that binds it."""
    hints = ["field"] * len(variant.fields)
    for row in rows:
        for value, p in row.tests:
            if isinstance(p, typed.VariantPattern) and p.tag == tag and isinstance(value, Leaf) and value.operand == x:
                counts = [len(list(_leaf_count(layout))) for layout in variant.layouts]
                k = 0
                for q, n in zip(p.parts, counts, strict=True):
                    if isinstance(q, typed.BindPattern) and q.symbol.name.isidentifier():
                        hints[k : k + n] = [q.symbol.name] * n
                    k += n
                return hints
    return hints


def _leaf_count(layout: ir.Layout) -> list[None]:
    if isinstance(layout, ir.Leaf):
        return [None]
    parts = layout.parts if isinstance(layout, ir.Group) else layout.captured
    return [None for p in parts for _ in _leaf_count(p)]
