"""Reading named columns of numbers from CSV files, with the place of whatever is wrong in them.

The first line names the columns. Cells are separated by commas, semicolons or tabs, whichever the first line
uses; cells may stand in quotation marks; lines end in any of the usual ways; blank lines count for nothing.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import data as faults
from ..errors.diagnostic import Fault
from ..errors.source import Source, Span


def read(args: Sequence[Any], names: Sequence[str | None], span: Span, state: dict[str, Any]) -> tuple[Any, ...]:
    """`data.csv(path, column ..)`: one Float array for each column."""
    path, *columns = args
    return columns_of(path, columns, span)


def columns_of(path: str, columns: Sequence[str], call: Span) -> tuple[np.ndarray[Any, Any], ...]:
    """The named columns of the file at `path`; `call` is where the program asks for them."""
    found = find(path, call)
    return _Table(str(found), load(found, call), call).columns(columns)


# ---- files


def directories(call: Span) -> list[Path]:
    """Where relative paths are looked for: the working directory, then that of the program's file."""
    beside = Path(call.source.name).parent if os.path.isfile(call.source.name) else Path()
    return [Path()] if beside.resolve() == Path().resolve() else [Path(), beside]


def find(path: str, call: Span) -> Path:
    """The existing file that `path` names."""
    places = directories(call)
    for place in places:
        candidate = place / path
        if os.path.exists(candidate):
            return candidate
    folder, name = os.path.split(path)
    known = {f.name: os.path.join(folder, f.name) for p in places for f in _files(p / folder)}
    near = difflib.get_close_matches(name, known, 1)
    tried = tuple(dict.fromkeys(str((p / folder).resolve()) for p in places)) if "\0" not in path else ()
    raise Fault(faults.NoDataFile(call, path, tried, known[near[0]] if near else ""))


def _files(folder: Path) -> list[Path]:
    try:
        return [f for f in folder.iterdir() if f.is_file()]
    except (OSError, ValueError):
        return []


def load(path: Path, call: Span) -> str:
    """The text of a file, without a byte order mark."""
    name = str(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Fault(faults.DataIsDirectory(call, name))
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise Fault(faults.DataUnreadable(call, name, "it is no regular file"))
        content = path.read_bytes()
    except OSError as error:
        raise Fault(faults.DataUnreadable(call, name, error.strerror or str(error))) from None
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8")) + 1
        raise Fault(faults.DataNotText(call, name, line, column, content[error.start])) from None


# ---- tables


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text without quotation marks and blanks around it, and where it stands."""

    text: str
    start: int
    end: int


class _Table:
    def __init__(self, path: str, text: str, call: Span) -> None:
        self.path = path
        self.text = text
        self.call = call
        first = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0])
        self.separator = max(",;\t", key=first.count)

    def span(self, start: int, end: int) -> Span:
        return Span(Source(self.path, self.text), start, end)

    def columns(self, wanted: Sequence[str]) -> tuple[np.ndarray[Any, Any], ...]:
        rows = self.rows()
        header = next(rows, None)
        if header is None:
            raise Fault(faults.EmptyData(self.call, self.path, header=False))
        places = [self.place(name, header) for name in wanted]
        values: list[list[float]] = [[] for _ in wanted]
        for row in rows:
            if len(row) != len(header):
                where = self.span(row[0].start, row[-1].end)
                raise Fault(faults.RaggedRow(where, self.call, len(row), len(header)))
            for place, column, name in zip(places, values, wanted, strict=True):
                column.append(self.number(row[place], name))
        if values and not values[0]:
            raise Fault(faults.EmptyData(self.call, self.path, header=True))
        return tuple(np.array(column, dtype=np.float64) for column in values)

    def place(self, name: str, header: list[Cell]) -> int:
        found = [i for i, cell in enumerate(header) if cell.text == name]
        if len(found) > 1:
            second = header[found[1]]
            raise Fault(faults.TwoColumns(self.span(second.start, second.end), self.call, name))
        if found:
            return found[0]
        known = {cell.text.casefold(): cell.text for cell in header}
        near = difflib.get_close_matches(name.casefold(), known, 1)
        names = tuple(cell.text for cell in header)
        raise Fault(faults.NoSuchColumn(self.call, self.path, name, names, known[near[0]] if near else ""))

    def number(self, cell: Cell, column: str) -> float:
        value: float | None = None
        with suppress(ValueError):
            value = float(cell.text)
        where = cell.start, max(cell.end, cell.start + 1)
        if value is None or "_" in cell.text:
            raise Fault(faults.NotANumber(self.span(*where), self.call, column, cell.text))
        if not math.isfinite(value):
            raise Fault(faults.NotFinite(self.span(*where), self.call, column, cell.text))
        return value

    def rows(self) -> Iterator[list[Cell]]:
        """The rows that are not blank."""
        sep = re.escape(self.separator)
        blank = r"[^\S\r\n\t]*" if self.separator == "\t" else r"[^\S\r\n]*"
        cell = rf'{blank}(?:"(?P<quoted>(?:[^"]|"")*)"{blank}|(?P<plain>[^"{sep}\r\n]*))'
        pattern = re.compile(rf"{cell}(?P<end>{sep}|\r\n|\n|\r|\Z)")
        row: list[Cell] = []
        at = 0
        while at < len(self.text) or row:
            match = pattern.match(self.text, at)
            if match is None:
                raise Fault(self.bad_quote(at))
            quoted = match["quoted"]
            if quoted is not None:
                row.append(Cell(quoted.replace('""', '"'), *match.span("quoted")))
            else:
                start, end = match.span("plain")
                row.append(Cell(match["plain"].rstrip(), start, end))
            at = match.end()
            if match["end"] != self.separator:
                if len(row) > 1 or row[0].text or quoted is not None:
                    yield row
                row = []

    def bad_quote(self, at: int) -> faults.BadQuote:
        """The fault of the cell that begins at `at` and has a quotation mark where none can stand."""
        quote = self.text.index('"', at)
        if self.text[at:quote].strip():
            return faults.BadQuote(self.span(quote, quote + 1), self.call, "a quotation mark stands inside a cell")
        closing = re.compile(r'"(?:[^"]|"")*"').match(self.text, quote)
        if closing is None:
            return faults.BadQuote(self.span(quote, quote + 1), self.call, "this quotation mark is never closed")
        after = closing.end()
        return faults.BadQuote(self.span(after, after + 1), self.call, "something follows a closing quotation mark")
