"""Where text came from: files and the spans of characters in them."""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One text of a program: a file, a REPL entry or a string given to the API.

    Two sources are the same only if they are the same object: a text may be loaded twice. `library`: it belongs to the
    standard library.
    """

    name: str
    text: str
    library: bool = False
    starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = [0]
        starts += (i + 1 for i, c in enumerate(self.text) if c == "\n")
        object.__setattr__(self, "starts", tuple(starts))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character offset."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1) without its newline."""
        start = self.starts[number - 1]
        end = self.starts[number] - 1 if number < len(self.starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters of one source.

    `inside`: this is a call of the library, and what is meant happens there. A user sees the call.
    """

    source: Source
    start: int
    end: int
    inside: Span | None = None

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def end_line(self) -> int:
        return self.source.position(self.end)[0]

    @property
    def end_column(self) -> int:
        return self.source.position(self.end)[1]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))

    def calling(self, inner: Span) -> Span:
        """Where something at `inner` happens, seen from this call: the call, if it is one of the library."""
        if self.source.library or not inner.source.library:
            return inner
        return Span(self.source, self.start, self.end, inner)

    @property
    def place(self) -> str:
        """File and line for a sentence; folders are left out."""
        return f"{os.path.basename(self.source.name)}:{self.line}"

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


NOWHERE = Span(Source("<built in>", ""), 0, 0)
