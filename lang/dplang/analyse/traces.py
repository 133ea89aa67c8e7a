"""Paths of influence as people read them: from the parameter to the construct that severs, and on to the result."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors.diagnostic import Note
from ..errors.source import Span
from .dependence import Site, Trail


def steps(trail: Trail, sites: list[Site]) -> tuple[Note, ...]:
    """All steps of a path in order. Of expressions that stand in each other only the outermost is told."""
    told: list[Note] = []
    for note in _steps(trail, sites, True):
        if told and told[-1].text.startswith(THROUGH) and _covers(note.span, told[-1].span):
            told.pop()
        if not (told and note.text.startswith(ON) and note.span == told[-1].span):
            told.append(note)
    return tuple(told)


ON = "goes"
THROUGH = "goes into"


def _covers(outer: Span | None, inner: Span | None) -> bool:
    if outer is None or inner is None or outer.source is not inner.source:
        return False
    return outer.start <= inner.start and inner.end <= outer.end


def _steps(trail: Trail, sites: list[Site], outermost: bool) -> Iterator[Note]:
    """`outermost`: in the function that is derived, not in one that it calls."""
    if trail.before is not None:
        yield from _steps(trail.before, sites, outermost)
    text = trail.span.text.split("\n")[0]
    match trail.kind:
        case "input":
            if outermost:
                yield Note(f"starts at the parameter `{trail.name}`", trail.span)
        case "bind":
            yield Note(f"{THROUGH} `{text}`", trail.span)
        case "sever":
            yield Note(f"is cut off by `{sites[trail.site].op}`", trail.span)
        case "call":
            yield Note(f"is passed to `{trail.name}`", trail.span)
            if trail.inner is not None:
                yield from _steps(trail.inner, sites, False)
        case "index":
            yield Note(f"goes on as an index in `{text}`", trail.span)
        case "size":
            yield Note(f"goes on as a size in `{text}`", trail.span)
        case "float":
            yield Note(f"goes on as a number in `{text}`", trail.span)
