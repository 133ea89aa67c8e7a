"""Putting closures together: statements in a row, blocks with a value, assignments at once.

A statement is a slot and the code of its value. The short cases are written out because a loop over statements costs as
much as a scalar operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from .rows import Code, Frame, Source, getter, instantiate

Statement: TypeAlias = tuple[int, Code]


def nothing(f: Frame) -> None:
    """The code of a slot that is emptied."""


def sequence(statements: Sequence[Statement]) -> Code:
    """Code that runs the statements and gives nothing."""
    match statements:
        case []:
            return nothing
        case [(d, a)]:

            def one(f: Frame) -> None:
                f[d] = a(f)

            return one
        case [(d, a), (e, b)]:

            def two(f: Frame) -> None:
                f[d] = a(f)
                f[e] = b(f)

            return two
        case [(d, a), (e, b), (g, c)]:

            def three(f: Frame) -> None:
                f[d] = a(f)
                f[e] = b(f)
                f[g] = c(f)

            return three
        case _:
            fixed = tuple(statements)

            def many(f: Frame) -> None:
                for slot, code in fixed:
                    f[slot] = code(f)

            return many


def valued(statements: Sequence[Statement], result: Source) -> Source:
    """A block with one result as a source: code that runs the statements and gives the result."""
    if not statements:
        return result
    value = getter(result)
    match statements:
        case [(d, a)]:

            def one(f: Frame) -> Any:
                f[d] = a(f)
                return value(f)

            return Source("code", one)
        case [(d, a), (e, b)]:

            def two(f: Frame) -> Any:
                f[d] = a(f)
                f[e] = b(f)
                return value(f)

            return Source("code", two)
        case _:
            fixed = tuple(statements)

            def many(f: Frame) -> Any:
                for slot, code in fixed:
                    f[slot] = code(f)
                return value(f)

            return Source("code", many)


def tupled(statements: Sequence[Statement], results: Sequence[Source]) -> Code:
    """Code that runs the statements and gives the tuple of results."""
    places = ", ".join(f"x{i}" for i in range(len(results)))
    if len(results) <= 6:
        return getter(valued(statements, Source("code", instantiate(f"({places},)" if places else "()", results))))
    codes = [getter(r) for r in results]
    return getter(valued(statements, Source("code", lambda f: tuple([c(f) for c in codes]))))


def moves(slots: Sequence[int], sources: Sequence[Source]) -> list[Statement]:
    """Statements that assign all sources at once: none sees a slot that another one fills."""
    pairs = [(d, s) for d, s in zip(slots, sources, strict=True) if not (s.kind == "slot" and s.what == d)]
    sink = 1
    match [(d, getter(s)) for d, s in pairs]:
        case []:
            return []
        case [(d, a)]:
            return [(d, a)]
        case [(d, a), (e, b)]:

            def two(f: Frame) -> None:
                f[d], f[e] = a(f), b(f)

            return [(sink, two)]
        case [(d, a), (e, b), (g, c)]:

            def three(f: Frame) -> None:
                f[d], f[e], f[g] = a(f), b(f), c(f)

            return [(sink, three)]
        case [(d, a), (e, b), (g, c), (h, k)]:

            def four(f: Frame) -> None:
                f[d], f[e], f[g], f[h] = a(f), b(f), c(f), k(f)

            return [(sink, four)]
        case many:
            targets = [d for d, _ in many]
            codes = [c for _, c in many]

            def all_of(f: Frame) -> None:
                values = [c(f) for c in codes]
                for slot, value in zip(targets, values):  # noqa: B905 (hot; equal by construction)
                    f[slot] = value

            return [(sink, all_of)]
