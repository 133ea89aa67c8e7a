"""The rule for newlines: which of them end a statement.

A newline does not, inside round or square brackets, after a token that cannot end a statement, nor before
`else`, `|>`, `>>` or `.name`.
"""

from __future__ import annotations

from .tables import END
from .tokens import NEWLINE, Token, kinds

CONTINUES = kinds(
    "PLUS MINUS STAR MULOP CARET LESS GREATER BOUND EQUALITY EQUAL ASSIGN COMMA LBRACE "
    "PIPE COMPOSE ARROW GIVES DOT DOTS AND OR NOT IN ELSE"
)
"""After these a statement goes on in the next line."""

JOINS = kinds("ELSE PIPE COMPOSE DOT")
"""A line that begins with one of these goes on with the statement of the line before."""

OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS = frozenset(OPENERS.values())


def significant(tokens: list[Token]) -> list[Token]:
    """The tokens without the newlines that end nothing; of several newlines in a row one is left."""
    kept: list[Token] = []
    brackets: list[str] = []
    pending: Token | None = None
    for token in tokens:
        kind = token.kind
        if kind == NEWLINE:
            inside = brackets and brackets[-1] != "LBRACE"
            if pending is None and not inside and kept and kept[-1].kind not in CONTINUES:
                pending = token
            continue
        if pending is not None:
            if kind not in JOINS and kind != END:
                kept.append(pending)
            pending = None
        if kind in OPENERS:
            brackets.append(kind)
        elif kind in CLOSERS and brackets:
            brackets.pop()
        kept.append(token)
    return kept
