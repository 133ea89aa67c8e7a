"""Patterns: what they bind, and whether a `match` covers every case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, STRING
from ..core.sizes import SizeVar
from ..core.types import (
    NEVER,
    UNIT,
    Enum,
    Meta,
    Never,
    Tuple,
    Type,
    Wrong,
    instantiate,
    show,
)
from ..errors import types as faults
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .context import Context
from .lift import coerce, join
from .lookup import beyond
from .names import EnumName, Faulty, ModuleName, VariantName
from .operators import condition
from .sizing import escape, named_as, size_of, with_stmts
from .unify import data_fault, is_data, strip


def bind_pattern(
    cx: Context,
    p: tree.Pattern,
    t: Type,
    place: list[typed.Stmt] | None = None,
    value: typed.Expr | None = None,
    init: tree.Expr | None = None,
) -> tuple[typed.Pattern, list[typed.Stmt]]:
    """A pattern that must fit every value of `t`, its variables put into scope.

    `more` is what has to follow the binding: Lets that name Ints as sizes, as far as they are asked for (at `place`).
    """
    _distinct(cx, p)
    more: list[typed.Stmt] = [] if place is None else place
    bound = _pattern(cx, p, t, more, value, refutable=False, init=init)
    return bound, ([] if place is not None else more)


def _distinct(cx: Context, p: tree.Pattern) -> None:
    """A pattern binds each name once."""
    seen: dict[str, Span] = {}
    waiting = [p]
    while waiting:
        here = waiting.pop(0)
        if isinstance(here, tree.NamePattern) and here.name != "_" and not here.name[:1].isupper():
            if here.name in seen:
                cx.report(faults.NameTaken(here.span, here.name, seen[here.name]))
            seen[here.name] = here.span
        elif isinstance(here, tree.TuplePattern | tree.ConstructorPattern):
            waiting.extend(here.parts or ())


def _pattern(
    cx: Context,
    p: tree.Pattern,
    t: Type,
    place: list[typed.Stmt],
    value: typed.Expr | None,
    refutable: bool,
    init: tree.Expr | None = None,
) -> typed.Pattern:
    t = cx.solve(t)
    match p:
        case tree.NamePattern(span, name) if name[:1].isupper():
            return _constructor(cx, tree.ConstructorPattern(span, (tree.Ident(span, name),), None), t, place, refutable)
        case tree.NamePattern(span, name):
            return _name(cx, span, name, t, place, value, init)
        case tree.TuplePattern():
            return _tuple(cx, p, t, place, value, refutable)
        case tree.ConstructorPattern():
            return _constructor(cx, p, t, place, refutable)
        case tree.LiteralPattern(span, literal):
            if not refutable:
                cx.report(faults.RefutablePattern(span))
            elif isinstance(literal, float):
                cx.report(faults.FloatPattern(span))
            else:
                _literal(cx, span, literal, t)
            return typed.AnyPattern() if isinstance(literal, float) else typed.LiteralPattern(literal)
        case _:
            assert_never(p)


def _name(
    cx: Context,
    span: Span,
    name: str,
    t: Type,
    place: list[typed.Stmt],
    value: typed.Expr | None,
    init: tree.Expr | None,
) -> typed.Pattern:
    if name == "_":
        return typed.AnyPattern()
    opened, fresh = cx.open(t, f"len({name})", span)
    if fresh:
        symbol = typed.Symbol(name, span)
        made = cx.variable(name, span, opened)
        place.append(typed.Let(typed.BindPattern(symbol, opened), typed.Local(opened, span, made.symbol), fresh, span))
        return typed.BindPattern(made.symbol, opened)
    size = size_of(cx, value) if value is not None and t == INT else None
    made = cx.variable(name, span, t, size=size)
    made.place, made.init = place, init
    return typed.BindPattern(made.symbol, t)


def _tuple(
    cx: Context, p: tree.TuplePattern, t: Type, place: list[typed.Stmt], value: typed.Expr | None, refutable: bool
) -> typed.Pattern:
    if isinstance(t, Meta):
        found = Tuple(tuple(cx.meta(part.span, "a part of a tuple") for part in p.parts))
        cx.unit.solver.fits(t, found)
        t = found
    if not isinstance(t, Tuple) or len(t.parts) != len(p.parts):
        if not isinstance(t, Wrong):
            cx.report(faults.PatternType(p.span, f"a tuple of {len(p.parts)}", show(t)))
        for part in p.parts:
            _pattern(cx, part, Wrong(), place, None, refutable)
        return typed.AnyPattern()
    values = value.parts if isinstance(value, typed.Make) else (None,) * len(p.parts)
    return typed.TuplePattern(
        tuple(_pattern(cx, q, s, place, v, refutable) for q, s, v in zip(p.parts, t.parts, values, strict=True))
    )


def _constructor(
    cx: Context, p: tree.ConstructorPattern, t: Type, place: list[typed.Stmt], refutable: bool
) -> typed.Pattern:
    entity = _variant(cx, p)
    if entity is not None and isinstance(t, Meta):
        args = tuple(
            cx.size_meta(p.span, "a size") if isinstance(a, SizeVar) else cx.meta(p.span, a.name)
            for a in entity.enum.decl.params
        )
        cx.unit.solver.fits(t, Enum(entity.enum.decl, args))
        t = cx.solve(t)
    parts = p.parts or ()
    if entity is None or not isinstance(t, Enum) or t.decl is not entity.enum.decl:
        if entity is not None and not isinstance(t, Wrong):
            cx.report(faults.PatternType(p.span, f"a `{entity.enum.decl.name}`", show(t)))
        for part in parts:
            _pattern(cx, part, Wrong(), place, None, refutable)
        return typed.AnyPattern()
    shape = t.decl.variants[entity.tag]
    if not refutable and len(t.decl.variants) > 1:
        cx.report(faults.RefutablePattern(p.span))
    if len(parts) != len(shape.payload) or (p.parts is None and shape.payload):
        cx.report(faults.PatternArity(p.span, shape.name, len(shape.payload), len(parts), shape.span))
        for part in parts:
            _pattern(cx, part, Wrong(), place, None, refutable)
        return typed.AnyPattern()
    types = [instantiate(t.decl, t.args, s) for s in shape.payload]
    return typed.VariantPattern(
        entity.tag,
        tuple(_pattern(cx, q, s, place, None, refutable) for q, s in zip(parts, types, strict=True)),
    )


def _variant(cx: Context, p: tree.ConstructorPattern) -> VariantName | None:
    """What the constructor of a pattern means, reported if nothing."""
    first, *others = p.path
    entity: object = cx.scope.find(first.name) or beyond(cx, first.name)
    for ident in others:
        if isinstance(entity, ModuleName):
            entity = entity.names.get(ident.name)
        elif isinstance(entity, EnumName):
            tags = {v.name: i for i, v in enumerate(entity.decl.variants)}
            entity = VariantName(entity, tags[ident.name], ident.span) if ident.name in tags else None
        elif not isinstance(entity, Faulty):
            entity = None
    if isinstance(entity, VariantName):
        return entity
    if isinstance(entity, Faulty):
        return None
    name = ".".join(i.name for i in p.path)
    known = [n for n in cx.scope.visible() if isinstance(cx.scope.find(n), VariantName)] + ["Some", "None"]
    cx.report(faults.UnknownConstructor(p.span, name, faults.near(name, known)))
    return None


def _literal(cx: Context, span: Span, literal: int | str | bool, t: Type) -> None:
    mine = BOOL if isinstance(literal, bool) else INT if isinstance(literal, int) else STRING
    if not cx.unit.solver.try_fits(t, mine):
        if strip(t)[0] in (FLOAT, FLOAT32):
            cx.report(faults.FloatPattern(span))
        else:
            cx.report(faults.PatternType(span, f"a `{show(mine)}`", show(t)))


# ---- match


def infer_match(cx: Context, e: tree.Match, expected: Type | None, discard: bool) -> typed.Expr:
    from .expressions import infer

    scrutinee = infer(cx, e.scrutinee)
    t = cx.solve(scrutinee.type)
    if data_fault(t) is not None:
        cx.report(faults.FunctionAsData(e.scrutinee.span, show(t), "what `match` looks at"))
        t = Wrong()
    born = cx.mark()
    if not discard:
        from .statements import function_branch

        if function_branch(cx, e, "match", [a.body for a in e.arms]):
            return cx.wrong(e.span)
    arms: list[typed.Arm] = []
    sound = True
    for arm in e.arms:
        inner = cx.inner()
        place: list[typed.Stmt] = []
        seen = len(cx.unit.errors)
        _distinct(cx, arm.pattern)
        pattern = _pattern(inner, arm.pattern, t, place, None, refutable=True)
        sound = sound and len(cx.unit.errors) == seen
        guard = condition(inner, arm.guard, "a guard") if arm.guard is not None else None
        if guard is not None:
            guard = with_stmts(list(place), guard)
        body = with_stmts(place, arm_body(inner, arm.body, expected, discard))
        arms.append(typed.Arm(pattern, guard, body))
    t = cx.solve(t)
    if sound and not isinstance(t, Wrong | Never):
        _cover(cx, e, t, arms)
    return finish_branches(
        cx,
        [a.body for a in arms],
        expected,
        discard,
        e.span,
        "match",
        born,
        lambda kind, bodies: typed.Match(
            kind,
            e.span,
            scrutinee,
            tuple(typed.Arm(a.pattern, a.guard, b) for a, b in zip(arms, bodies, strict=True)),
        ),
    )


def arm_body(
    cx: Context,
    body: tree.Expr | tree.Return | tree.Break | tree.Continue | tree.Assign,
    expected: Type | None,
    discard: bool,
) -> typed.Expr:
    """An arm's body; a jump or an assignment is a block of one statement."""
    from .statements import infer_block, infer_discarded

    if isinstance(body, tree.Return | tree.Break | tree.Continue | tree.Assign):
        return infer_block(cx, tree.Block(body.span, (body,)), None, discard=True)
    if discard:
        return infer_discarded(cx, body)
    from .expressions import infer

    return infer(cx, body, expected)


def finish_branches(
    cx: Context,
    bodies: list[typed.Expr],
    expected: Type | None,
    discard: bool,
    span: Span,
    what: str,
    born: int,
    make: Callable[[Type, list[typed.Expr]], typed.Expr],
) -> typed.Expr:
    """An `if` or `match` from its branches, all made to be of one type."""
    if discard:
        never = bool(bodies) and all(isinstance(b.type, Never) for b in bodies)
        return make(NEVER if never else UNIT, bodies)
    wanted = cx.solve(expected) if expected is not None else None
    if any(isinstance(cx.solve(b.type), Wrong) for b in bodies):
        return cx.wrong(span)
    if wanted is not None and not isinstance(wanted, Meta | Wrong) and _suits(cx, bodies, wanted):
        bodies = [b if isinstance(b.type, Never) else coerce(cx, b, wanted) for b in bodies]
        kind: Type | None = wanted if any(not isinstance(b.type, Never) for b in bodies) else NEVER
    else:
        kind, bodies = join(cx, bodies, what, "another branch has the type `{}`")
        kind = NEVER if kind is None else kind
    if isinstance(kind, Wrong) or any(isinstance(b.type, Wrong) for b in bodies):
        return cx.wrong(span)
    assert kind is not None
    kind = cx.solve(kind)
    if not is_data(kind):
        return cx.wrong(span, faults.FunctionAsData(span, show(kind), f"the result of `{what}`"))
    outer = escape(cx, kind, born)
    opened, fresh = cx.open(outer, f"len({what} ..)", span)
    return named_as(make(opened, bodies), opened, fresh)


def _suits(cx: Context, bodies: list[typed.Expr], wanted: Type) -> bool:
    """Whether the expected type is of the branches' own shape (a hint for literals may be no type of theirs)."""
    for b in bodies:
        t = cx.solve(b.type)
        if not isinstance(t, Never | Meta):
            return len(strip(t)[1]) == len(strip(wanted)[1])
    return True


# ---- exhaustiveness, after Maranget: rows of patterns, split by constructor


@dataclass(frozen=True, slots=True)
class _Con:
    """One way to be a value: a variant, the tuple, a literal."""

    key: object
    arity: int


Row: TypeAlias = tuple[typed.Pattern, ...]
_WILD = typed.AnyPattern()


def _cover(cx: Context, e: tree.Match, t: Type, arms: list[typed.Arm]) -> None:
    """Reports a case that no arm takes, and arms that take none."""
    rows: list[Row] = []
    for arm, written in zip(arms, e.arms, strict=True):
        if _missing(cx, rows, (arm.pattern,), (t,)) is None:
            cx.report(faults.RedundantArm(written.pattern.span))
        if arm.guard is None:
            rows.append((arm.pattern,))
    missing = _missing(cx, rows, (_WILD,), (t,))
    if missing is not None:
        cx.report(faults.NotExhaustive(e.span, missing[0], e.scrutinee.span, any(a.guard is not None for a in arms)))


def _missing(cx: Context, rows: list[Row], row: Row, types: tuple[Type, ...]) -> tuple[str, ...] | None:
    """A value that `row` takes and none of `rows` does, as text for each column; None if there is none."""
    if not row:
        return None if rows else ()
    head = row[0]
    t = cx.solve(types[0])
    con = _con(head)
    if con is not None:
        return _missing_in(cx, rows, row, types, t, con)
    seen = {c.key: c for c in map(_con, (r[0] for r in rows)) if c is not None}
    everything = _all_cons(t)
    if everything is not None and all(c.key in seen for c in everything):
        for c in everything:
            found = _missing_in(cx, rows, (_wilds(c, row)), types, t, c, opened=True)
            if found is not None:
                return found
        return None
    rest = _missing(cx, [r[1:] for r in rows if _con(r[0]) is None], row[1:], types[1:])
    if rest is None:
        return None
    return (_example(t, seen, everything), *rest)


def _wilds(c: _Con, row: Row) -> Row:
    return (_WILD,) * c.arity + row[1:]


def _missing_in(
    cx: Context, rows: list[Row], row: Row, types: tuple[Type, ...], t: Type, c: _Con, opened: bool = False
) -> tuple[str, ...] | None:
    """The same for values made by `c` alone."""
    inner = _part_types(t, c)
    taken = [s for r in rows if (s := _split(r, c)) is not None]
    mine = row if opened else _split(row, c)
    assert mine is not None
    found = _missing(cx, taken, mine, (*inner, *types[1:]))
    if found is None:
        return None
    return (_shown(t, c, found[: c.arity]), *found[c.arity :])


def _con(p: typed.Pattern) -> _Con | None:
    match p:
        case typed.VariantPattern(tag, parts):
            return _Con(("variant", tag), len(parts))
        case typed.TuplePattern(parts):
            return _Con(("tuple",), len(parts))
        case typed.LiteralPattern(value):
            return _Con((type(value).__name__, value), 0)
        case _:
            return None


def _split(row: Row, c: _Con) -> Row | None:
    """The parts of a row's first pattern where it can be `c`, then its other columns."""
    head = row[0]
    mine = _con(head)
    if mine is None:
        return (_WILD,) * c.arity + row[1:]
    if mine.key != c.key:
        return None
    parts = head.parts if isinstance(head, typed.VariantPattern | typed.TuplePattern) else ()
    return (*parts, *row[1:])


def _all_cons(t: Type) -> list[_Con] | None:
    """Every constructor of a type, or None where they are too many."""
    match t:
        case Enum(decl):
            return [_Con(("variant", i), len(v.payload)) for i, v in enumerate(decl.variants)]
        case Tuple(parts):
            return [_Con(("tuple",), len(parts))]
        case _:
            return [_Con(("bool", True), 0), _Con(("bool", False), 0)] if t == BOOL else None


def _part_types(t: Type, c: _Con) -> tuple[Type, ...]:
    match t:
        case Enum(decl, args):
            assert isinstance(c.key, tuple)
            return tuple(instantiate(decl, args, p) for p in decl.variants[c.key[1]].payload)
        case Tuple(parts):
            return parts
        case _:
            return ()


def _example(t: Type, seen: dict[object, _Con], everything: list[_Con] | None) -> str:
    """A value that none of the constructors seen makes."""
    if everything is None:
        if not seen:
            return "_"
        if t == INT:
            n = 0
            while ("int", n) in seen:
                n += 1
            return str(n)
        return '".."' if t == STRING else "_"
    for c in everything:
        if c.key not in seen:
            return _shown(t, c, ("_",) * c.arity)
    return "_"


def _shown(t: Type, c: _Con, parts: tuple[str, ...]) -> str:
    assert isinstance(c.key, tuple)
    inner = ", ".join(parts)
    match t:
        case Enum(decl):
            name = decl.variants[c.key[1]].name
            return f"{name}({inner})" if parts else name
        case Tuple():
            return f"({inner},)" if len(parts) == 1 else f"({inner})"
        case _:
            return str(c.key[1]).lower() if isinstance(c.key[1], bool) else repr(c.key[1])
