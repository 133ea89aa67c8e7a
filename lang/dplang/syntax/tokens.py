"""Text to tokens: one compiled expression made of the grammar's terminals, and what other languages write instead.

A fault in a token is noted and the token that was meant is put in its place, so that the parser goes on as if
nothing had happened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from ..errors.diagnostic import Diagnostic
from ..errors.source import Source, Span
from ..errors.syntax import BadNumber, ForeignSpelling, UnknownCharacter, UnterminatedString
from .tables import END, tables
from .tree import Comment


def kinds(names: str) -> frozenset[str]:
    """A set of names of terminals, or of words, written as one text."""
    return frozenset(names.split())


NEWLINE = "_NL"
ERROR = "$ERROR"
"""The kind of a token that has been complained about already: the parser gives up its item in silence."""


@dataclass(slots=True)
class Token:
    """A piece of text. `soft` is the keyword that a NAME is where the parser's state can take that keyword."""

    kind: str
    text: str
    start: int
    end: int
    soft: str | None = None


@dataclass(slots=True)
class Lexed:
    """Tokens without spaces and comments, ending in an END token; what was set aside; what was wrong."""

    tokens: list[Token]
    comments: list[Comment]
    faults: list[Diagnostic]


CLAUSE_WORDS = kinds(
    "minimize maximize residuals using steps epochs until validate clip restarts batch by shuffle every save"
)
"""Keywords only where a clause of `train` may stand or go on."""

SOFT_STARTS = kinds("MOD PARALLEL FIXED TEST TRAIN SKETCH HOLE DERIVATIVE")
"""Keywords only before what their patterns look ahead to."""

VALUE_ENDS = kinds("NAME NUMBER STRING HOLE_Q RPAR RSQB RBRACE TRUE FALSE")
"""The kinds of tokens that an expression may end in."""

FOREIGN = {
    "&&": "and", "||": "or", "!": "not", "**": "^", ":=": "=", "===": "==", "!==": "!=", "<>": "!=", "...": "..",
    "≤": "<=", "≥": ">=", "≠": "!=", "→": "->", "⇒": "=>", "−": "-", "–": "-", "×": "*", "·": "*", "÷": "/",
    "∧": "and", "∨": "or", "¬": "not", "…": "..",
}  # fmt: skip
"""Signs of other languages and keyboards, and the dp for them."""

FOREIGN_SPACES = "\u00a0\u2007\u2009\u202f\u3000"

FOREIGN_STARTS = {
    "def": "fn", "func": "fn", "function": "fn", "fun": "fn", "class": "struct",
    "const": "let", "val": "let", "elif": "else if", "elsif": "else if", "elseif": "else if",
}  # fmt: skip
"""Words that begin a statement elsewhere. They are names in dp, so they count only where no name can be meant."""

_NAME_NEXT = re.compile(r"[ \t]+(?!(?:and|or|in|as|for|if|else)\b)[^\W\d]")
_BAD_TAIL = re.compile(r"\w[\w.]*|\.(?!\.|[^\W\d])[\w.]*")
"""What makes a number a bad one when it stands right after it."""


@cache
def _scanner() -> re.Pattern[str]:
    """One expression that tells every kind of token from the others by the name of its group."""
    grammar = tables()
    literals = [re.escape(t) for t in sorted(grammar.literals, key=len, reverse=True) if not t.isalpha()]
    foreign = [re.escape(t) + ("(?!=)" if t == "!" else "") for t in sorted(FOREIGN, key=len, reverse=True)]
    alternatives = [
        ("SPACE", r"[ \t\r\f]+"),
        ("COMMENT", r"\#[^\n]*"),
        (NEWLINE, r"\n"),
        ("POINT", r"\.[0-9][\w.]*"),
        ("TRIPLE", r'"""[\s\S]*?(?:"""|\Z)'),
        ("FOREIGN", "|".join(foreign)),
        *((name, pattern) for name, pattern in grammar.patterns if name != NEWLINE),
        ("LITERAL", "|".join(literals)),
        ("OPEN", r'"[^\n]*'),
        ("SINGLE", r"'(?:[^'\\\n]|\\.)*'|“[^”\n]*”|‘[^’\n]*’|«[^»\n]*»"),
        ("UNKNOWN", r"[\s\S]"),
    ]
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in alternatives))


def lex(source: Source, start: int = 0, end: int | None = None) -> Lexed:
    """The tokens of a source, or of the part of it between two offsets."""
    lexer = _Lexer(source)
    lexer.run(start, len(source.text) if end is None else end)
    return Lexed(lexer.tokens, lexer.comments, lexer.faults)


class _Lexer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens: list[Token] = []
        self.comments: list[Comment] = []
        self.faults: list[Diagnostic] = []

    def run(self, position: int, end: int) -> None:
        text, add = self.source.text, self.tokens.append
        literals, match = tables().literals, _scanner().match
        if position == 0 and text.startswith("\ufeff"):
            position = 1
        while position < end:
            found = match(text, position, end)
            assert found is not None and found.lastgroup is not None
            kind, start, position = found.lastgroup, position, found.end()
            if kind == "SPACE":
                pass
            elif kind == "NAME":
                self.word(found[0], start, position)
            elif kind == "LITERAL":
                add(Token(literals[found[0]], found[0], start, position))
            elif kind == "NUMBER":
                position = self.number(start, position, end)
            elif kind in SOFT_STARTS:
                add(Token("NAME", found[0], start, position, kind))
            elif kind in ODD:
                ODD[kind](self, found[0], start, position)
            else:
                add(Token(kind, found[0], start, position))
        add(Token(END, "", end, end))

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def word(self, text: str, start: int, end: int) -> None:
        kind = tables().literals.get(text)
        after_dot = bool(self.tokens) and self.tokens[-1].kind == "DOT"
        if kind is not None and text in CLAUSE_WORDS:
            self.tokens.append(Token("NAME", text, start, end, kind))
        elif kind is not None and not after_dot:
            self.tokens.append(Token(kind, text, start, end))
        elif text in FOREIGN_STARTS and self.begins_statement(text, end):
            self.replace(text, FOREIGN_STARTS[text], start, end)
        else:
            self.tokens.append(Token("NAME", text, start, end))

    def begins_statement(self, text: str, end: int) -> bool:
        """Whether a word of another language stands where it would begin a statement there."""
        before = self.tokens[-1].kind if self.tokens else NEWLINE
        if before == "RBRACE":
            return FOREIGN_STARTS[text] == "else if"
        return before in (NEWLINE, "SEMICOLON", "LBRACE") and _NAME_NEXT.match(self.source.text, end) is not None

    def replace(self, written: str, meant: str, start: int, end: int) -> None:
        """Complains about a foreign spelling and goes on with what was meant."""
        self.faults.append(ForeignSpelling(self.span(start, end), written, meant))
        kinds = tables().literals
        for word in meant.split():
            kind = kinds.get(word) or next(name for name, pattern in tables().patterns if re.fullmatch(pattern, word))
            self.tokens.append(Token(kind, word, start, end))

    def number(self, start: int, end: int, limit: int) -> int:
        """A number, together with whatever sticks to it."""
        text = self.source.text
        tail = _BAD_TAIL.match(text, end, limit)
        written = text[start : tail.end() if tail else end]
        value = written if tail is None else "0"
        plain = value.replace("_", "")
        if tail is not None:
            self.faults.append(BadNumber(self.span(start, tail.end()), written))
            end = tail.end()
        elif (plain.isdigit() and (len(plain) > 19 or int(plain) > 2**63)) or float(plain[:400]) == float("inf"):
            self.faults.append(BadNumber(self.span(start, end), written))
            value = "0"
        self.tokens.append(Token("NUMBER", value, start, end))
        return end

    def comment(self, text: str, start: int, end: int) -> None:
        text = text.rstrip("\r")
        self.comments.append(Comment(self.span(start, start + len(text)), text))

    def point(self, text: str, start: int, end: int) -> None:
        """`.5` is half a number, `t.0` another language's way into a tuple."""
        if self.tokens and self.tokens[-1].kind in VALUE_ENDS and self.tokens[-1].end == start:
            self.faults.append(ForeignSpelling(self.span(start, end), text, f"[{text[1:]}]"))
        else:
            self.faults.append(BadNumber(self.span(start, end), text))
            self.tokens.append(Token("NUMBER", "0", start, end))

    def foreign(self, text: str, start: int, end: int) -> None:
        self.replace(text, FOREIGN[text], start, end)

    def triple(self, text: str, start: int, end: int) -> None:
        self.faults.append(ForeignSpelling(self.span(start, start + 3), '"""', '"'))
        self.tokens.append(Token("STRING", '""', start, end))

    def single(self, text: str, start: int, end: int) -> None:
        if '"' in text:
            self.faults.append(ForeignSpelling(self.span(start, start + 1), "'", '"'))
        else:
            self.faults.append(ForeignSpelling(self.span(start, end), text, f'"{text[1:-1]}"'))
        self.tokens.append(Token("STRING", '""', start, end))

    def open(self, text: str, start: int, end: int) -> None:
        end = start + len(text.rstrip())
        self.faults.append(UnterminatedString(self.span(start, end)))
        self.tokens.append(Token(ERROR, text, start, end))

    def unknown(self, text: str, start: int, end: int) -> None:
        last = self.tokens[-1] if self.tokens else None
        if text in FOREIGN_SPACES:
            self.faults.append(ForeignSpelling(self.span(start, end), text, " "))
        elif last is not None and last.kind == ERROR and last.end == start and last.text in ("", text):
            last.end = end  # a run of strange characters is one fault
        else:
            self.faults.append(UnknownCharacter(self.span(start, end), text))
            self.tokens.append(Token(ERROR, "" if text.isprintable() else text, start, end))


ODD = {
    "COMMENT": _Lexer.comment,
    "POINT": _Lexer.point,
    "TRIPLE": _Lexer.triple,
    "FOREIGN": _Lexer.foreign,
    "OPEN": _Lexer.open,
    "SINGLE": _Lexer.single,
    "UNKNOWN": _Lexer.unknown,
}
"""Groups of the scanner that are no tokens of the grammar."""
