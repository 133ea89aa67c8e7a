"""Patterns: bindings that always fit, and `match` as a tree of decisions, each made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from ..check import typed
from ..core import ir
from ..core.ir import BOOL, INT, STRING, Block, Check, EnumType, Get, If, Lit, Operand, Part, Value, Var
from ..errors.source import Span
from .body import FALSE, Body
from .shape import Group, Leaf, Shape, leaves
from .ssa import Side, Use, fork


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


def match(f: Body, x: Shape, arms: Sequence[typed.Arm], span: Span, use: Use) -> None:
    """Writes the first arm that fits, and hands its value on."""
    rows = [_Row(((x, a.pattern),), (), a) for a in arms]
    with f.at(span):
        _decide(f, rows, span, use)


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


def _decide(f: Body, rows: Sequence[_Row], span: Span, use: Use) -> None:
    rows = [_settled(r) for r in rows]
    if not rows:
        f.b.effect(Check(FALSE, "E0618"))
        return
    first = rows[0]
    if not first.tests:
        _arm(f, first, rows[1:], span, use)
        return
    value, p = first.tests[0]
    assert isinstance(value, Leaf)
    if isinstance(p, typed.VariantPattern):
        _by_variant(f, value.operand, rows, span, use)
    else:
        assert isinstance(p, typed.LiteralPattern)
        _by_literal(f, value.operand, p, rows, span, use)


def _arm(f: Body, row: _Row, others: Sequence[_Row], span: Span, use: Use) -> None:
    """The arm of a row that fits, if its guard holds."""
    from .control import run

    for symbol, value in row.bound:
        f.env[symbol] = value
    guard = row.arm.guard
    if guard is None:
        run(f, row.arm.body, use)
        return
    falls = f.program.control.falls

    def branch(holds: Shape) -> None:
        body = Side(lambda use: run(f, row.arm.body, use), falls(row.arm.body))
        rest = _side(f, others, span)
        cond = next(leaves(holds))
        fork(f, "match", [body, rest], lambda blocks: If(cond, *blocks), use)

    run(f, guard, branch)


def _by_literal(
    f: Body, x: Operand, p: typed.LiteralPattern, rows: Sequence[_Row], span: Span, use: Use
) -> None:
    if isinstance(p.value, bool):
        cond = x if p.value else f.b.prim("not", BOOL, x, hint="fits")
    else:
        t = STRING if isinstance(p.value, str) else INT
        cond = f.b.prim("==", BOOL, x, Lit(p.value, t), hint="fits")
    fits = [made for r in rows if (made := _given(r, x, p.value, True)) is not None]
    others = [made for r in rows if (made := _given(r, x, p.value, False)) is not None]
    sides = [_side(f, fits, span), _side(f, others, span)]
    fork(f, "match", sides, lambda blocks: If(cond, *blocks), use)


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


def _side(f: Body, rows: Sequence[_Row], span: Span) -> Side:
    falls = not rows or any(f.program.control.falls(r.arm.body) for r in rows)
    return Side(lambda use: _decide(f, rows, span, use), falls)


def _by_variant(f: Body, x: Operand, rows: Sequence[_Row], span: Span, use: Use) -> None:
    assert isinstance(x.type, EnumType)
    decl = f.program.layouts.enums[x.type.name]
    params: list[tuple[Var, ...]] = []
    sides: list[Side] = []
    for tag, variant in enumerate(decl.variants):
        hints = _hints(rows, x, tag, variant)
        names = tuple(f.names.fresh(h, t) for h, t in zip(hints, variant.fields, strict=True))
        parts = _payload_shapes(variant, names)
        params.append(names)
        fitting = [made for r in rows if (made := _opened(r, x, tag, parts)) is not None]
        sides.append(_side(f, fitting, span))

    def emit(blocks: tuple[Block, ...]) -> Value:
        return ir.Match(x, tuple(ir.Arm(p, b) for p, b in zip(params, blocks, strict=True)))

    fork(f, "match", sides, emit, use)


def _payload_shapes(variant: ir.VariantDecl, names: Sequence[Var]) -> list[Shape]:
    values: Iterator[Operand] = iter(names)
    return [_shape(layout, values) for layout in variant.layouts]


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
