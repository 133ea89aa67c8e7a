"""Tables as CSV files: reading named columns, with the place of whatever is wrong in them, and writing them.

The first line names the columns. Cells are separated by commas, semicolons or tabs, whichever the first line uses;
cells may stand in quotation marks; lines end in any of the usual ways; blank lines count for nothing. A file is read
and written in batches of rows, so that little more than the columns themselves is held in memory.
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from itertools import chain, islice
from operator import itemgetter
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from ..core.ir import FLOAT, ArrayType, EnumDecl, EnumType, Group, Layout, Leaf, Scalar
from ..errors import data as faults
from ..errors.diagnostic import Diagnostic, Fault
from ..errors.source import Source, Span
from .files import reading, writing
from .io import IoContext
from .values import dtype_of, from_list

BATCH = 512
"""So many rows are held as text at a time: few enough to stay in the caches of a processor."""

Kind: TypeAlias = Scalar | EnumType


def read(context: IoContext, args: Sequence[Any], meta: tuple[Any, ...]) -> tuple[Any, ...]:
    """`data.csv(path, rows, column ..)`: an array for each column, all of `rows` rows unless that is negative."""
    path, rows, *names = args
    kinds = [t.elem for t in _types(meta[2]) if isinstance(t, ArrayType)]
    return columns_of(path, [*zip(names, kinds, strict=True)], context.span, context.enums, rows)


def columns_of(
    path: str,
    columns: Sequence[tuple[str, Kind]],
    call: Span,
    enums: Mapping[str, EnumDecl] | None = None,
    rows: int = -1,
) -> tuple[np.ndarray[Any, Any], ...]:
    """The named columns of the file at `path`; `call` is where the program asks for them."""
    with reading(path, call) as (name, file):
        found = _Table(name, file, call).columns(columns, enums or {})
    if rows >= 0 and len(found[0]) != rows:
        raise Fault(faults.WrongRows(call, name, len(found[0]), rows))
    return found


def _types(layout: Layout) -> Iterator[Any]:
    match layout:
        case Leaf(t):
            yield t
        case Group(parts=parts):
            for p in parts:
                yield from _types(p)
        case _:
            raise AssertionError(layout)


# ---- cells

ABSENT = frozenset(("", "-", "?", "na", "n/a", "nan", "none", "null", "missing"))
"""What a cell holds where nothing was measured, small letters or capitals."""
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def _float(text: str) -> float:
    value = float(text)
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    if not math.isfinite(value):
        raise OverflowError(text)
    return value


def _float32(text: str) -> Any:
    with np.errstate(over="ignore"):
        value = np.float32(_float(text))
    if not math.isfinite(value):
        raise OverflowError(text)
    return value


def _int(text: str) -> int:
    value = int(text)
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError(text)
    return value


def _bool(text: str) -> bool:
    value = _TRUTH.get(text.strip().lower())
    if value is None:
        raise ValueError(text)
    return value


_CELLS: dict[str, Callable[[str], Any]] = {
    "Float": _float,
    "Float32": _float32,
    "Int": _int,
    "Bool": _bool,
    "String": lambda text: text,
}
"""How the text of a cell becomes a value: a ValueError where it is none, an OverflowError where it has no room."""


def _floats(texts: list[str]) -> np.ndarray[Any, Any]:
    """Like `_float` for each, at several times the speed."""
    values = np.fromiter(map(float, texts), np.float64, len(texts))
    together = "".join(texts)
    if not together.isascii() or "_" in together or not np.isfinite(values).all():
        raise ValueError
    return values


def _cell(kind: Kind, enums: Mapping[str, EnumDecl]) -> tuple[Callable[[str], Any], str]:
    """What reads a cell as a value of a type, and the name of the scalar type in it."""
    if isinstance(kind, Scalar):
        return _CELLS[kind.name], kind.name
    inner = enums[kind.name].variants[0].fields[0]
    assert isinstance(inner, Scalar)
    one, none = _CELLS[inner.name], (1,)
    if inner.name == "String":
        return (lambda text: (0, text) if text else none), inner.name

    def option(text: str) -> tuple[Any, ...]:
        try:
            return (0, one(text))
        except (ValueError, OverflowError):
            if text.strip().lower() in ABSENT:
                return none
            raise

    return option, inner.name


# ---- reading


class _Table:
    """A file that is being read. Rows are taken in batches, as fast as may be; where one of them is wrong, a second
    reading goes row by row and tells the first fault and its place."""

    def __init__(self, path: str, file: BinaryIO, call: Span) -> None:
        self.path = path
        self.file = file
        self.call = call
        self.separator = ","
        self.above = 0
        """Lines before the one with the names of the columns."""

    def columns(
        self, wanted: Sequence[tuple[str, Kind]], enums: Mapping[str, EnumDecl]
    ) -> tuple[np.ndarray[Any, Any], ...]:
        try:
            return self.read(wanted, enums)
        except (ValueError, OverflowError, csv.Error):
            raise Fault(self.explained(wanted, enums)) from None

    def read(
        self, wanted: Sequence[tuple[str, Kind]], enums: Mapping[str, EnumDecl]
    ) -> tuple[np.ndarray[Any, Any], ...]:
        reader = self.reader()
        header = [name.strip() for name in next(reader)]
        places = [self.place(name, header) for name, _ in wanted]
        cells = [_cell(kind, enums)[0] for _, kind in wanted]
        parts: list[list[np.ndarray[Any, Any]]] = [[] for _ in wanted]
        while rows := list(islice(reader, BATCH)):
            if set(map(len, rows)) != {len(header)}:
                rows = [row for row in rows if _counts(row, len(header))]
                if any(len(row) != len(header) for row in rows):
                    raise ValueError
            for (_, kind), place, cell, part in zip(wanted, places, cells, parts, strict=True):
                texts = list(map(itemgetter(place), rows))
                part.append(_floats(texts) if kind == FLOAT else from_list(list(map(cell, texts)), dtype_of(kind)))
        columns = tuple(np.concatenate(part) if part else np.empty(0) for part in parts)
        if not len(columns[0]):
            raise Fault(faults.EmptyData(self.call, self.path, header=True))
        return columns

    def lines(self) -> Iterator[str]:
        """The lines of the file from its beginning, each with its end."""
        self.file.seek(0)
        text = TextIOWrapper(self.file, "utf-8-sig", newline="")
        try:
            yield from text
        except UnicodeDecodeError:
            raise Fault(self.no_text()) from None
        finally:
            with suppress(ValueError):
                text.detach()  # or the file, if it is not closed already, would be closed with `text`

    def reader(self) -> Any:
        """A reader of the rows from the one with the names of the columns on."""
        self.above = 0
        lines = self.lines()
        for line in lines:
            if line.strip():
                break
            self.above += 1
        else:
            raise Fault(faults.EmptyData(self.call, self.path, header=False))
        self.separator = max(",;\t", key=re.sub(r'"[^"]*"', "", line).count)
        return csv.reader(chain((line,), lines), delimiter=self.separator, skipinitialspace=True, strict=True)

    def place(self, name: str, header: list[str]) -> int:
        found = [i for i, title in enumerate(header) if title == name]
        if len(found) > 1:
            raise Fault(faults.TwoColumns(self.span(0, 1, found[1]), self.call, name))
        if found:
            return found[0]
        known = {title.casefold(): title for title in header}
        near = difflib.get_close_matches(name.casefold(), known, 1)
        raise Fault(faults.NoSuchColumn(self.call, self.path, name, tuple(header), known[near[0]] if near else ""))

    # ---- faults

    def explained(self, wanted: Sequence[tuple[str, Kind]], enums: Mapping[str, EnumDecl]) -> Diagnostic:
        """The first fault in the file, of which it is known that it has one."""
        reader = self.reader()
        places: list[int] = []
        width = 0
        while True:
            start = reader.line_num
            try:
                row = next(reader, None)
            except csv.Error as error:
                return self.bad_quote(start, str(error))
            assert row is not None, "a table that was refused holds no fault"
            if not width:
                header = [name.strip() for name in row]
                places, width = [self.place(name, header) for name, _ in wanted], len(row)
                continue
            if not _counts(row, width):
                continue
            if len(row) != width:
                text = self.record(start, reader.line_num)
                where = self.within(start, text, 0, len(text.rstrip("\n")))
                return faults.RaggedRow(where, self.call, len(row), width)
            for place, (name, kind) in zip(places, wanted, strict=True):
                cell, of = _cell(kind, enums)
                try:
                    cell(row[place])
                except (ValueError, OverflowError) as error:
                    fault = faults.NotFinite if isinstance(error, OverflowError) else faults.NotANumber
                    return fault(self.span(start, reader.line_num, place), self.call, name, row[place], of)

    def record(self, start: int, end: int | None) -> str:
        """The text of lines, counted from the one with the names of the columns."""
        stop = None if end is None else self.above + end
        return "".join(islice(self.lines(), self.above + start, stop)).replace("\r\n", "\n").replace("\r", "\n")

    def within(self, start: int, text: str, low: int, high: int) -> Span:
        """A place in `text`, which begins at line `start`. The lines before it are left out: blank ones stand for them,
        so that the numbers are right."""
        above = self.above + start
        return Span(Source(self.path, "\n" * above + text), above + low, above + max(high, low + 1))

    def span(self, start: int, end: int, place: int) -> Span:
        """Where cell number `place` of a row stands; quotation marks around it are left out."""
        text = self.record(start, end)
        cell = re.compile(rf' *(?:"((?:[^"]|"")*)"|([^{self.separator}\n]*))')
        found = cell.match(text)
        for _ in range(place):
            assert found is not None
            found = cell.match(text, text.index(self.separator, found.end()) + 1)
        assert found is not None and found.lastindex is not None
        low = found.start(found.lastindex)
        return self.within(start, text, low, low + len(found[found.lastindex].rstrip()))

    def bad_quote(self, start: int, what: str) -> Diagnostic:
        """The fault of a row in which a quotation mark stands where none can."""
        text = self.record(start, None)
        quoted = re.compile(r'"(?:[^"]|"")*"')
        cell = re.compile(rf' *(?:{quoted.pattern}|(?!")[^{self.separator}\n]*)[{self.separator}\n]')
        at = 0
        while found := cell.match(text, at):
            if "field limit" in what and found.end() - at > csv.field_size_limit():
                many = f"a cell has more than {csv.field_size_limit()} characters"
                return faults.BadQuote(self.within(start, text, at, at), self.call, many)
            at = found.end()
        quote = text.index('"', at)
        closed = quoted.match(text, quote)
        if closed is None:
            where = self.within(start, text, quote, quote)
            return faults.BadQuote(where, self.call, "this quotation mark is never closed")
        where = self.within(start, text, closed.end(), closed.end())
        return faults.BadQuote(where, self.call, "something follows a closing quotation mark")

    def no_text(self) -> Diagnostic:
        """The first byte that cannot stand where it does in UTF-8."""
        self.file.seek(0)
        for number, raw in enumerate(self.file, 1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                column = len(raw[: error.start].decode("utf-8")) + 1
                wide = number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff")
                guess = "utf-16" if wide else "windows-1252"
                return faults.DataNotText(self.call, self.path, number, column, raw[error.start], guess)
        raise AssertionError("a file that is no text is one")


def _counts(row: list[str], width: int) -> bool:
    """Whether a row is none of the blank ones. In a single column, quotation marks with nothing in them count."""
    return len(row) > 1 or (bool(row) and (width == 1 or bool(row[0].strip())))


# ---- writing

_SPECIAL = re.compile(r'[",;\t\r\n]|^\s|\s$')


def write(context: IoContext, args: Sequence[Any], meta: tuple[Any, ...]) -> tuple[Any, ...]:
    """`data.write_csv(path, rows)`, of an array of structs, or `data.write_csv(path, t = t, y = y)`."""
    (_, *layouts), (_, *names), _ = meta
    path, *leaves = args
    if isinstance(layouts[0], Group):
        names, layouts = layouts[0].fields, layouts[0].parts
    kinds = [t.elem for layout in layouts for t in _types(layout)]
    texts = [_text(kind, context.enums, len(names) == 1) for kind in kinds]
    with writing(path, context.span) as file:
        file.write((",".join(map(_quoted, names)) + "\n").encode("utf-8"))
        for start in range(0, len(leaves[0]), BATCH):
            columns = [map(t, a[start : start + BATCH].tolist()) for t, a in zip(texts, leaves, strict=True)]
            file.write("".join([",".join(row) + "\n" for row in zip(*columns, strict=True)]).encode("utf-8"))
    return ()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _text(kind: Kind, enums: Mapping[str, EnumDecl], alone: bool) -> Callable[[Any], str]:
    """What writes a cell. In a column that stands alone an empty cell would be a blank line, so it gets quotation
    marks."""
    empty = '""' if alone else ""
    if isinstance(kind, EnumType):
        inner = enums[kind.name].variants[0].fields[0]
        assert isinstance(inner, Scalar)
        some = _text(inner, enums, alone)
        return lambda value: some(value[1]) if len(value) > 1 else empty
    if kind.name == "String":
        return lambda value: _quoted(value) or empty
    return _WRITTEN[kind.name]


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "Float": repr,
    "Float32": lambda value: str(np.float32(value)),
    "Int": str,
    "Bool": lambda value: "true" if value else "false",
}
