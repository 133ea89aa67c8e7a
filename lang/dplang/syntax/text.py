"""Strings: their escapes and interpolations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors.source import Source, Span
from ..errors.syntax import BadEscape, BadInterpolation
from . import tree
from .tokens import Token

if TYPE_CHECKING:
    from .build import Building

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", '"': '"', "\\": "\\"}
_PIECE = re.compile(r"\\u\{[^}\"]*\}?|\\.|\{\{|\}\}|\{|\}|[^\\{}]+")
_FORMAT = re.compile(
    r"(?:.?[<>=^])?[-+ ]?z?#?0?(?:[1-9]\d{0,3})?[_,]?(?:\.\d{1,3})?[bcdeEfFgGnosxX%]?",
)
"""Python's format specifications, with widths that fit on a page."""


def read_text(b: Building, token: Token) -> tree.Text:
    """The parts of a string token."""
    source = b.source
    position, end = token.start + 1, token.end - 1
    parts: list[str | tree.Interpolation] = []
    plain: list[str] = []
    while position < end:
        found = _PIECE.match(source.text, position, end)
        assert found is not None
        piece, start, position = found[0], position, found.end()
        if piece == "{":
            position, part = _interpolation(b, start, end)
            if part is not None:
                parts += ["".join(plain), part] if plain else [part]
                plain = []
        else:
            plain.append(_plain(b, piece, Span(source, start, position)))
    if plain:
        parts.append("".join(plain))
    return tree.Text(b.span(token), tuple(parts))


def _plain(b: Building, piece: str, at: Span) -> str:
    if piece in ("{{", "}}"):
        return piece[0]
    if piece == "}":
        b.faults.append(BadInterpolation(at, "this `}` in a string closes nothing"))
        return piece
    if not piece.startswith("\\"):
        return piece
    if piece[1:] in _ESCAPES:
        return _ESCAPES[piece[1:]]
    code = re.fullmatch(r"\\u\{([0-9a-fA-F]{1,6})\}", piece)
    if code is not None and int(code[1], 16) < 0x110000 and not 0xD800 <= int(code[1], 16) < 0xE000:
        return chr(int(code[1], 16))
    b.faults.append(BadEscape(at))
    return ""


def _interpolation(b: Building, start: int, end: int) -> tuple[int, tree.Interpolation | None]:
    """Reads `{expression:format}` at `start`; gives where it ends, and None where it is faulty."""
    source = b.source
    colon, close = _extent(source.text, start, end)
    if close is None:
        b.faults.append(_no_brace(source, start, end))
        return end, None
    stop = close if colon is None else colon
    spec = source.text[stop + 1 : close]
    if not source.text[start + 1 : stop].strip():
        nothing = Span(source, start, close + 1)
        b.faults.append(BadInterpolation(nothing, "there is no expression between `{` and `}`"))
    elif not _FORMAT.fullmatch(spec):
        formats = "formats are Python's: `.3f`, `.2e`, `>10`, `+.1f`, `,d`, `.1%`"
        b.faults.append(BadInterpolation(Span(source, stop + 1, close), f"`{spec}` is no format", formats))
    elif (value := b.inner(start + 1, stop)) is not None:
        return close + 1, tree.Interpolation(Span(source, start, close + 1), value, spec)
    return close + 1, None


def _extent(text: str, start: int, end: int) -> tuple[int | None, int | None]:
    """Where the colon of the format and the closing brace are, for the brace at `start`."""
    braces, others, colon = 0, 0, None
    for position in range(start, end):
        sign = text[position]
        if sign == "{":
            braces += 1
        elif sign == "}":
            braces -= 1
            if braces == 0:
                return colon, position
        elif sign in "([":
            others += 1
        elif sign in ")]":
            others -= 1
        elif sign == ":" and braces == 1 and others == 0 and colon is None:
            colon = position
    return None, None


def _no_brace(source: Source, start: int, end: int) -> BadInterpolation:
    remedy = "a brace that means itself is doubled: {{ or }}"
    if source.text[end + 1 : end + 2].strip(" ,)\r\n;"):
        remedy = "a quote inside `{..}` ends the string: bind that part with `let` first; a lone brace is written {{"
    return BadInterpolation(Span(source, start, start + 1), "this `{` in a string has no `}`", remedy)


def open_interpolation(source: Source, token: Token) -> BadInterpolation | None:
    """The fault of a string that a quote inside an interpolation has ended too early."""
    position, end = token.start + 1, token.end - 1
    while position < end:
        found = _PIECE.match(source.text, position, end)
        assert found is not None
        position = found.end()
        if found[0] == "{":
            close = _extent(source.text, found.start(), end)[1]
            if close is None:
                return _no_brace(source, found.start(), end)
            position = close + 1
    return None
