"""Paths of influence as people read them: from the parameter to the construct that severs, and on to the result."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors.diagnostic import Note
from .dependence import Site, Trail


def steps(trail: Trail, sites: list[Site]) -> tuple[Note, ...]:
    """All steps of a path in order. Of several at one place only the first is told."""
    told: list[Note] = []
    for note in _steps(trail, sites, None):
        if not told or (told[-1].text, told[-1].span) != (note.text, note.span):
            told.append(note)
    return tuple(told)


def _steps(trail: Trail, sites: list[Site], entered: str | None) -> Iterator[Note]:
    """`entered` is the call that brought the path into the function, where it is not the one that is derived."""
    if trail.before is not None:
        yield from _steps(trail.before, sites, entered)
    text = trail.span.text.split("\n")[0]
    match trail.kind:
        case "input":
            if entered is None:
                yield Note(f"starts at the parameter `{trail.name}`", trail.span)
        case "bind":
            yield Note(f"goes into `{trail.name}`", trail.span)
        case "sever":
            yield Note(f"is cut off by `{sites[trail.site].op}`", trail.span)
        case "call":
            yield Note(f"is passed to `{trail.name}`", trail.span)
            if trail.inner is not None:
                yield from _steps(trail.inner, sites, trail.name)
        case "index":
            yield Note(f"goes on as an index in `{text}`", trail.span)
        case "size":
            yield Note(f"goes on as a size in `{text}`", trail.span)
        case "float":
            yield Note(f"goes on as a number in `{text}`", trail.span)
