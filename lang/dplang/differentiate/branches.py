"""Branches in reverse mode: the side that was taken is executed again and gives the adjoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..core.build import Builder
from ..core.ir import Arm, Block, EnumType, Get, If, Let, Match, Operand, Part, Scalar, Value, Var
from ..core.rewrite import blocks

if TYPE_CHECKING:
    from .region import Place, Region


def branch(region: Region, let: Let, value: If | Match) -> None:
    seeds = [region.take(v) for v in let.names]
    lent = region.lend(value.x) if isinstance(value, Match) and region.moves(value.x) else None
    sides = []
    for tag, (params, block) in enumerate(blocks(value)):
        side = _side(region, params, block)
        if lent is not None:
            _open(side, lent, tag, params)
        for r, d in zip(block.results, seeds, strict=True):
            if d is not None:
                side.contribute(r, d)
        region.writer.sweep(side)
        sides.append(side)
    make = _remake(region, value, sides)
    if isinstance(value, Match) and region.moves(value.x):
        assert isinstance(value.x, Var)
        payload = _payload(value, sides, lent)
        d = join(region, sides, make, let, payload)
        if d is not None and lent is not None:
            region.set(value.x, d)
        elif d is not None:
            region.contribute(value.x, d)
    else:
        join(region, sides, make, let)


def _open(side: Region, whole: Operand, tag: int, params: tuple[Var, ...]) -> None:
    """The payload of one variant starts with the adjoints that lie in the adjoint of the whole."""
    fields = [p for p in params if side.tangents.carries(p.type)]
    if not fields or not isinstance(whole.type, EnumType):
        return
    arms = []
    for other, decl in enumerate(side.ctx.enums[whole.type.name].variants):
        given = tuple(side.writer.names.fresh("p", t) for t in decl.fields)
        inner = side.inside(Block((), ()))
        parts = given if other == tag + 1 else [inner.zeros(p) for p in fields]
        arms.append(Arm(given, inner.closed(*parts)))
    types = [side.tangents.of(p.type) for p in fields]
    for p, d in zip(fields, side.out.let(Match(whole, tuple(arms)), *types, hint="d"), strict=True):
        side.adjoint[p.name] = d


def choose(region: Region, value: If | Match, places: Sequence[Place], d: Operand) -> None:
    """A branch as the primal code has it, which adds to one place on each side."""
    sides = [_side(region, params, Block((), ())) for params, _ in blocks(value)]
    for side, place in zip(sides, places, strict=True):
        side.deposit(place, d)
    join(region, sides, _remake(region, value, sides))


def _side(region: Region, params: tuple[Var, ...], block: Block) -> Region:
    side = region.inside(block, params)
    for p in params:
        side.give(p, region.writer.names.fresh(p.name, p.type))
    return side


def _remake(region: Region, value: If | Match, sides: Sequence[Region]) -> Callable[[list[Block]], Value]:
    """What makes the branch anew of other blocks."""
    if isinstance(value, If):
        cond = region.need(value.cond)
        return lambda made: If(cond, *made)
    scrutinee = region.need(value.x)
    return lambda made: Match(scrutinee, tuple(Arm(_given(s), b) for s, b in zip(sides, made, strict=True)))


def _given(side: Region) -> tuple[Var, ...]:
    found = [side.copies[name] for name in side.params]
    return tuple(v for v in found if isinstance(v, Var))


def _payload(value: Match, sides: Sequence[Region], lent: Operand | None) -> list[Operand] | None:
    """The adjoint of the matched value as each arm has it, None where no arm has any."""
    t = value.x.type
    assert isinstance(t, EnumType)
    found: list[list[Operand | None]] = []
    for tag, (arm, side) in enumerate(zip(value.arms, sides, strict=True)):
        found.append([side.take(arm.params[i]) for i in side.tangents.payload(t, tag)])
    if not any(d is not None for parts in found for d in parts):
        return None
    made: list[Operand] = []
    for tag, (arm, side, parts) in enumerate(zip(value.arms, sides, found, strict=True)):
        if all(d is None for d in parts):
            zero = side.tangents.of(t)
            assert isinstance(zero, EnumType)
            made.append(side.tangents.scalar_zero(side.out, zero) if lent is None else lent)
            continue
        fields = side.tangents.payload(t, tag)
        whole = [side.zeros(arm.params[i]) if d is None else d for i, d in zip(fields, parts, strict=True)]
        made.append(side.tangents.part(side.out, t, tag, whole))
    return made


def join(
    region: Region,
    sides: Sequence[Region],
    make: Callable[[list[Block]], Value],
    let: Let | None = None,
    more: Sequence[Operand] | None = None,
) -> Var | None:
    """Writes a branch that gives the adjoints which its sides have changed. With `more`, a further result of each
    side, gives the name of that."""
    roots: dict[str, Var] = {}
    for side in sides:
        roots.update(side.roots)
    results: list[list[Operand]] = [[] for _ in sides]
    for root in list(roots.values()):
        ends = [side.adjoint[root.name] if root.name in side.roots else region.current(root) for side in sides]
        if len(sides) > 1 and ends[0] is not None and all(d == ends[0] for d in ends):
            region.set(root, ends[0])  # handed on as it came by every side
            del roots[root.name]
            continue
        for side, mine, d in zip(sides, results, ends, strict=True):
            mine.append(side.zeros(root) if d is None else d)
    types = [region.tangents.of(root.type) for root in roots.values()]
    if more is not None:
        types.append(more[0].type)
        for mine, d in zip(results, more, strict=True):
            mine.append(d)
    for side in sides:
        side.finish()
    if let is not None:
        _keep(region, let, sides)
    if not types:
        return None
    value = make([side.closed(*mine) for side, mine in zip(sides, results, strict=True)])
    made = region.out.let(value, *types, hint="a")
    for root, v in zip(roots.values(), made, strict=False):
        region.set(root, v)
    return made[-1] if more is not None else None


def _keep(region: Region, let: Let, sides: Sequence[Region]) -> None:
    """Has the forward branch keep what its sides need: scalars share slots, all else goes into an enum."""
    additions = region.writer.additions
    scalars: list[dict[Scalar, list[tuple[Var, Var]]]] = []
    for side in sides:
        by_type: dict[Scalar, list[tuple[Var, Var]]] = {}
        for v, copy in side.tape:
            if isinstance(v.type, Scalar):
                by_type.setdefault(v.type, []).append((v, copy))
        scalars.append(by_type)
    for t in dict.fromkeys(t for by_type in scalars for t in by_type):
        columns = [by_type.get(t, []) for by_type in scalars]
        for k in range(max(map(len, columns))):
            row = [column[k] if k < len(column) else None for column in columns]
            outer = region.supply(additions.slot(let, [pair and pair[0] for pair in row], t))
            for side, pair in zip(sides, row, strict=True):
                if pair:
                    _read(side.lead, pair[1], outer)
    others = [[(v, copy) for v, copy in side.tape if not isinstance(v.type, Scalar)] for side in sides]
    if any(others):
        outer = region.supply(additions.sides(let, [[v for v, _ in pairs] for pairs in others]))
        for tag, (side, pairs) in enumerate(zip(sides, others, strict=True)):
            for field, (_, copy) in enumerate(pairs):
                _read(side.lead, copy, Get(outer, (Part(tag, field),)))


def _read(lead: Builder, copy: Var, value: Operand | Get) -> None:
    lead.lets.append(Let((copy,), value, lead.span, "adjoint"))
