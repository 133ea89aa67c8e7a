"""Strings: their escapes and interpolations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors.source import Span
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
    text = b.source.text
    depth, colon, position = 0, end, start
    while position < end:
        sign = text[position]
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                break
        elif sign == ":" and depth == 1 and colon == end:
            colon = position
        position += 1
    if position == end:
        quoted = "; a string inside it would end this one: bind it with `let` first" if text[end + 1 : end + 2] else ""
        b.faults.append(
            BadInterpolation(
                Span(b.source, start, start + 1),
                "this `{` in a string has no `}`",
                "a brace that means itself is doubled: {{ or }}" + quoted,
            )
        )
        return end, None
    stop = min(colon, position)
    spec = text[stop + 1 : position]
    if not text[start + 1 : stop].strip():
        b.faults.append(BadInterpolation(Span(b.source, start, position + 1), "there is no expression between `{` and `}`"))
        return position + 1, None
    if not _FORMAT.fullmatch(spec):
        b.faults.append(
            BadInterpolation(
                Span(b.source, stop + 1, position),
                f"`{spec}` is no format",
                "formats are Python's: `.3f`, `.2e`, `>10`, `+.1f`, `,d`, `.1%`",
            )
        )
        return position + 1, None
    value = b.inner(start + 1, stop)
    if value is None:
        return position + 1, None
    return position + 1, tree.Interpolation(Span(b.source, start, position + 1), value, spec)
