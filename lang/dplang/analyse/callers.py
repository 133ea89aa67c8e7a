"""Which calls of the user's lead into the library: there diagnostics of the judgements point, as those of a run do."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.ir import Call, Derive, Program
from ..core.rewrite import lets_of
from ..errors.diagnostic import Diagnostic
from ..errors.source import Span


def seen_by_user(program: Program, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics, those inside the library moved to the first call of the user's that leads there."""
    found = list(found)
    if not any(d.span.source.library for d in found):
        return found
    ways = _ways_in(program)
    return [d.seen_from(way) if (way := _way(program, ways, d.span)) is not None else d for d in found]


def _way(program: Program, ways: dict[str, Span], span: Span) -> Span | None:
    """The user's call behind what stands at `span` in the library, if there is one."""
    if not span.source.library:
        return None
    around = (
        way
        for name, way in ways.items()
        if (own := program.fns[name].span).source is span.source and own.start <= span.start and span.end <= own.end
    )
    return next(around, None)


def _ways_in(program: Program) -> dict[str, Span]:
    """For each function of the library that the program reaches, the first call of the user's that leads to it."""
    ways: dict[str, Span] = {}
    left: list[tuple[str, Span]] = []

    def into(name: str, way: Span) -> None:
        fn = program.fns.get(name)
        if fn is not None and fn.span.source.library and name not in ways:
            ways[name] = way
            left.append((name, way))

    for fn in program.fns.values():
        for let in lets_of(fn.body):
            if isinstance(let.value, Call | Derive) and not let.span.source.library:
                into(let.value.fn, let.span)
    while left:
        name, way = left.pop(0)
        for let in lets_of(program.fns[name].body):
            if isinstance(let.value, Call | Derive):
                into(let.value.fn, way)
    return ways
