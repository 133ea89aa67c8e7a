"""Diagnostics as text for people and as JSON for tools."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .diagnostic import Diagnostic, Edit
from .source import NOWHERE, Span

MOST = 30
"""So many diagnostics are shown; of the others only the number is told."""
WIDTH = 110
"""Columns of a source line that are shown; longer lines are clipped around the span."""
TAB = 4
MARGIN = 20
"""Columns before a span that stay in sight when a line is clipped."""

_BOLD, _RED, _YELLOW, _BLUE, _CYAN = "1", "1;31", "1;33", "1;34", "1;36"
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def render_text(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """All diagnostics in the order of the text, each with its source lines; empty where there is none."""
    ordered = in_order(diagnostics)
    first = sorted(ordered, key=lambda d: d.severity != "error")[:MOST]
    shown = [d for d in ordered if d in first] if len(ordered) > MOST else ordered
    painter = _Painter(color)
    blocks = [_one(d, painter) for d in shown]
    if len(ordered) > MOST:
        blocks.append(painter(_BOLD, f"and {len(ordered) - MOST} more"))
    return "".join(block + "\n\n" for block in blocks).removesuffix("\n")


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """One JSON list of all diagnostics; lines and columns count from 1, and ends are just past the last character."""
    return json.dumps([_as_data(d) for d in in_order(diagnostics)], indent=2)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file, place and code, equal ones once. Files come in the order in which the diagnostics first name them."""
    files: dict[str, int] = {}
    once: dict[tuple[int, int, int, str, str], Diagnostic] = {}
    for d in diagnostics:
        file = files.setdefault(d.span.source.name, len(files))
        once.setdefault((file, d.span.start, d.span.end, d.code, d.sentence()), d)
    return [once[key] for key in sorted(once)]


def _as_data(d: Diagnostic) -> dict[str, Any]:
    return {
        "code": d.code,
        "severity": d.severity,
        "message": d.sentence(),
        **_place(d.span),
        "notes": [{"message": note.text, **_place(note.span)} for note in (*d.notes(), *d.origin())],
        "help": d.help(),
    }


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


class _Painter:
    """Paints a text where colours are wanted."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text else text


def _one(d: Diagnostic, paint: _Painter) -> str:
    notes = [(note, _trimmed(note.span) if note.span else None) for note in (*d.notes(), *d.origin())]
    span, edits = _trimmed(d.span), _one_line(d.fix())
    places = [span, *(s for _, s in notes if s), *(edit.span for edit in edits)]
    gutter = max(len(str(s.end_line)) for s in places)
    tone = _RED if d.severity == "error" else _YELLOW
    bar = paint(_BLUE, " " * gutter + " |")
    lines = [paint(tone, f"{d.severity}[{d.code}]") + paint(_BOLD, ": " + _clean(d.sentence()))]
    if span.source is not NOWHERE.source:
        lines.append(" " * gutter + paint(_BLUE, "--> ") + f"{_clean(span.source.name)}:{span.line}:{span.column}")
        if span.source.text:
            lines.append(bar)
            lines += _snippet(span, _clean(d.label()), "^", tone, gutter, paint)
    moved = False
    for note, where in notes:
        if where is not None and where.source is span.source and not moved and _beside(where, span):
            lines.append(list(_snippet(where, _clean(note.text), "-", _BLUE, gutter, paint))[-1])
            continue
        moved = True
        lines.append(_remark("note", note.text, gutter, paint))
        if where is not None and where.source is not NOWHERE.source:
            if where.source is not span.source:
                arrow = " " * gutter + paint(_BLUE, "--> ")
                lines.append(arrow + f"{_clean(where.source.name)}:{where.line}:{where.column}")
            lines += _snippet(where, "", "-", _BLUE, gutter, paint)
    if d.help():
        lines.append(_remark("help", d.help(), gutter, paint))
    if edits:
        lines.append(_remark("fix", "write", gutter, paint))
        lines += _mended(edits, gutter, paint)
    return "\n".join(line.rstrip() for line in lines)


def _remark(word: str, text: str, gutter: int, paint: _Painter) -> str:
    indent = "\n" + " " * (gutter + len(word) + 5)
    return paint(_BLUE, " " * gutter + " = ") + paint(_CYAN, word) + ": " + indent.join(_clean(text).split("\n"))


# ---- source lines


@dataclass(frozen=True, slots=True)
class _Marked:
    """A source line as it is shown, and which columns of it are marked."""

    text: str
    start: int
    end: int


def _snippet(span: Span, label: str, mark: str, tone: str, gutter: int, paint: _Painter) -> Iterator[str]:
    """The lines of a span, what belongs to it underlined, the label at the last of them."""
    first, last = span.line, span.end_line
    for number in _shown(first, last):
        if number is None:
            yield paint(_BLUE, " " * gutter + " :")
            continue
        text = span.source.line(number)
        begin = span.column - 1 if number == first else len(text) - len(text.lstrip())
        end = span.end_column - 1 if number == last else len(text)
        marked = _layout(text, begin, max(begin, end))
        yield paint(_BLUE, f"{number:>{gutter}} | ") + marked.text
        under = mark * max(1, marked.end - marked.start)
        tail = " " + label if label and number == last else ""
        yield paint(_BLUE, " " * gutter + " | ") + " " * marked.start + paint(tone, under + tail)


def _beside(where: Span, span: Span) -> bool:
    """Whether a note can share the source line that its diagnostic ends on."""
    same = where.source is span.source is not NOWHERE.source and where.line == where.end_line == span.end_line
    return same and sum(TAB if sign == "\t" else _width(sign) for sign in span.source.line(span.end_line)) <= WIDTH


def _shown(first: int, last: int) -> Sequence[int | None]:
    """The numbers of the lines that are shown of a span; None stands for those left out."""
    if last - first < 5:
        return range(first, last + 1)
    return [first, first + 1, None, last]


def _mended(edits: tuple[Edit, ...], gutter: int, paint: _Painter) -> Iterator[str]:
    """The line that edits of one line lead to, with what they put in marked."""
    span = edits[0].span
    start = span.source.starts[span.line - 1]
    text, shift = span.source.line(span.line), 0
    marks: list[tuple[int, int]] = []
    for edit in sorted(edits, key=lambda e: e.span.start):
        at, until = edit.span.start - start + shift, edit.span.end - start + shift
        text = text[:at] + edit.text + text[until:]
        shift += len(edit.text) - (until - at)
        marks.append((at, at + len(edit.text)))
    marked = _layout(text, marks[0][0], marks[0][1])
    yield paint(_BLUE, f"{span.line:>{gutter}} | ") + marked.text
    if marked.end > marked.start and len(marks) == 1:
        yield paint(_BLUE, " " * gutter + " | ") + " " * marked.start + paint(_CYAN, "~" * (marked.end - marked.start))


def _one_line(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits, where they all lie in one line and can be shown there."""
    lines = {(id(e.span.source), line) for e in edits for line in (e.span.line, e.span.end_line)}
    fits = len(lines) == 1 and not any("\n" in e.text for e in edits)
    return edits if fits else ()


def _layout(text: str, start: int, end: int) -> _Marked:
    """A line in columns of the terminal: tabs spread, wide signs counted twice, and clipped around the mark."""
    shown: list[str] = []
    columns = [0]
    for sign in text:
        piece = " " * (TAB - columns[-1] % TAB) if sign == "\t" else _visible(sign)
        shown.append(piece)
        columns.append(columns[-1] + (len(piece) if sign == "\t" else _width(piece)))
    start, end = min(start, len(text)), min(end, len(text))
    if columns[-1] <= WIDTH:
        return _Marked("".join(shown), columns[start], columns[end])
    low = _at_column(columns, min(columns[start] - MARGIN, columns[-1] - WIDTH))
    high = _at_column(columns, columns[low] + WIDTH)
    before, after = "…" if low else "", "…" if high < len(text) else ""
    offset = len(before) - columns[low]
    until = columns[min(end, high)] + offset
    return _Marked(before + "".join(shown[low:high]) + after, columns[start] + offset, until)


def _at_column(columns: list[int], column: int) -> int:
    """The first character that begins at or after a column."""
    return next((i for i, at in enumerate(columns) if at >= column), len(columns) - 1)


def _width(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _visible(sign: str) -> str:
    """The sign, or a placeholder for one that would disturb the terminal."""
    if unicodedata.category(sign) in ("Cc", "Cs") or sign in _DIRECTION_MARKS:
        return "�"
    return sign


def _clean(text: str) -> str:
    return "".join(sign if sign == "\n" else _visible(sign) for sign in text)


def _trimmed(span: Span) -> Span:
    """The span without the white space at its end, and inside its text."""
    text: str = span.source.text
    start = min(span.start, len(text))
    end = max(start, min(span.end, len(text)))
    if "\n" in text[start:end]:
        end = start + len(text[start:end].rstrip())
    return Span(span.source, start, max(start, end))


__all__ = ["in_order", "render_json", "render_text"]
