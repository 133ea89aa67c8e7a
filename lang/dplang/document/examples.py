"""Documentation text as prose and examples, and examples as programs that know where they stand.

An example is what is indented by four spaces more than the text around it. Text between two of them makes two programs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors.source import Source

INDENT = "    "
PRINTS = re.compile(r"^\s*# prints: ?(.*)$")
REFUSED = re.compile(r"# error ([EW]\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of documentation: its text without the comment sign, where it stands, and in which column it begins."""

    text: str
    number: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class Example:
    """A program in documentation."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def printed(self) -> list[tuple[str, int]]:
        """What it says that it prints, each with the number of the line that says so."""
        return [(m[1], line.number) for line in self.lines if (m := PRINTS.match(line.text))]

    @property
    def refused(self) -> list[tuple[str, int]]:
        """The diagnostics that it says it leads to: codes, or beginnings of codes, and lines."""
        return [(m[1], line.number) for line in self.lines if (m := REFUSED.search(line.text))]

    def source(self, name: str) -> Source:
        """The example alone, each of its characters in the line and column where the file of that name has it."""
        at = {line.number: " " * (line.column - 1) + line.text for line in self.lines}
        return Source(name, "\n".join(at.get(n, "") for n in range(1, self.lines[-1].number + 1)) + "\n")


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: str


def parts(lines: Sequence[Line]) -> list[Prose | Example]:
    """Documentation in the order of the text; empty lines end paragraphs, but no examples."""
    made: list[Prose | Example] = []
    code: list[Line] = []
    words: list[str] = []

    def end_of_prose() -> None:
        if words:
            made.append(Prose(" ".join(words)))
            words.clear()

    def end_of_code() -> None:
        while code and not code[-1].text:
            code.pop()
        if code:
            made.append(Example(tuple(code)))
            code.clear()

    for line in lines:
        if line.text.startswith(INDENT):
            end_of_prose()
            code.append(Line(line.text[len(INDENT) :], line.number, line.column + len(INDENT)))
        elif not line.text.strip():
            end_of_prose()
            if code:
                code.append(Line("", line.number))
        else:
            end_of_code()
            if line.text.startswith("- "):
                end_of_prose()
            words.append(line.text.strip())
    end_of_prose()
    end_of_code()
    return made
