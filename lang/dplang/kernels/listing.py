"""Kernel text beside the lines of the source that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import Span
from .text import indent_of


class Line(str):
    """A line of kernel text that knows where in the source it comes from."""

    __slots__ = ("span",)
    span: Span


def line(text: str, span: Span) -> Line:
    """A line of text and what it was made from."""
    made = Line(text)
    made.span = span
    return made


def listing(lines: Iterable[str]) -> Iterator[str]:
    """Lines with the source as comments, where it changes."""
    last = None
    for text in lines:
        if isinstance(text, Line) and text.span.source.text:
            span = text.span.inside or text.span
            place = (span.source.name, span.line)
            if place != last and text.strip() != "else:":
                last = place
                source = span.source.text.splitlines()[span.line - 1].strip()
                yield f"{indent_of(text)}# {span.source.name}:{span.line}: {source}"
        yield text
