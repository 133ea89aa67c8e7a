"""Whether what was typed so far is a whole entry, or goes on in the next line.

The rule is the language's own for where statements end, told from the tokens alone: brackets are open,
or the last line ends where something must follow.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
      (?P<string>"(?:[^"\\\n]|\\.)*"?)
    | (?P<comment>\#[^\n]*)
    | (?P<space>\s+)
    | (?P<word>[^\W\d]\w*)
    | (?P<symbol>->|=>|\|>|>>|\.\.|//|[=!<>+\-*/^@]=|[^\s\w])
    | (?P<other>\w+)
    """,
    re.VERBOSE,
)

_GOES_ON = {
    "+", "-", "*", "/", "//", "%", "^", "@", "==", "!=", "<", "<=", ">", ">=", "and", "or", "not",
    "=", "+=", "-=", "*=", "/=", "^=", "@=", "->", "=>", ",", "|>", ">>", ".", "else",
}  # fmt: skip
"""Tokens after which a newline does not end a statement."""


def goes_on(text: str) -> bool:
    """Whether the entry `text` cannot be whole yet.

    An empty last line ends an entry that waits for an operand, but none with open brackets, and not
    one that is only a documentation comment so far.
    """
    depth = 0
    last = ""
    documented = False
    for token in _TOKEN.finditer(text):
        kind, piece = token.lastgroup, token.group()
        if kind == "comment":
            documented = documented or piece.startswith("##")
        elif kind != "space":
            last = piece if kind in ("word", "symbol") else ""
            documented = False
            depth += (piece in ("(", "[", "{")) - (piece in (")", "]", "}"))
    if depth > 0:
        return True
    blank = text.rpartition("\n")[2].strip() == ""
    return not blank and (documented or last in _GOES_ON)
