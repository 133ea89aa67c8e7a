"""Why a token does not fit: what could stand in its place, in the reader's words, and which habit may be behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from ..errors.diagnostic import Diagnostic, Note
from ..errors.source import Source, Span
from ..errors.syntax import (
    AssignForEqual,
    ChainedComparison,
    ColonBlock,
    ForeignSpelling,
    KeywordAsName,
    OperatorBeginsLine,
    StrayElse,
    Unexpected,
)
from .brackets import SIGNS, Nesting, purpose
from .newlines import OPENERS
from .tables import END, Tables, tables, takes
from .text import open_interpolation
from .tokens import CLAUSE_WORDS, NEWLINE, VALUE_ENDS, Token, kinds

COMPARISONS = kinds("LESS GREATER BOUND EQUALITY")
STATEMENTS = kinds("LET VAR FN STRUCT ENUM IMPORT FROM FOR WHILE ASSERT RETURN BREAK CONTINUE RBRACE")
OPERATORS = COMPARISONS | kinds("PLUS STAR MULOP CARET AND OR")


@dataclass
class Place:
    """Where the parser stands: its states before the token that does not fit, and that token."""

    source: Source
    tables: Tables
    states: list[int]
    tokens: list[Token]
    position: int
    nesting: Nesting

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    @property
    def kind(self) -> str:
        return self.token.kind

    def back(self, n: int = 1) -> Token | None:
        return self.tokens[self.position - n] if self.position >= n else None

    def back_kind(self, n: int = 1) -> str:
        token = self.back(n)
        return token.kind if token else END

    @property
    def next(self) -> Token:
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    @property
    def here(self) -> Span:
        """The token, or the end of the text before it where the token cannot be seen."""
        previous = self.back()
        if previous is not None and (self.kind in (NEWLINE, END) or self.broken_off):
            return Span(self.source, previous.end, previous.end)
        return self.span(self.token)

    @property
    def broken_off(self) -> bool:
        """Whether an expression is missing at the end of a line, and the token begins another statement."""
        previous = self.back()
        if previous is None or not self.wants_expression or self.kind not in STATEMENTS:
            return False
        return "\n" in self.source.text[previous.end : self.token.start]

    @cached_property
    def expected(self) -> frozenset[str]:
        """The kinds of tokens that would have been taken."""
        row = self.tables.actions[self.states[-1]]
        return frozenset(kind for kind in row if takes(self.tables, self.states, kind))

    @property
    def wants_expression(self) -> bool:
        return {"NUMBER", "LPAR", "IF"} <= self.expected

    @property
    def after_value(self) -> bool:
        """Whether a whole expression stands before the token."""
        return "PLUS" in self.expected and "CARET" in self.expected

    @property
    def adjacent(self) -> bool:
        previous = self.back()
        return previous is not None and previous.end == self.token.start

    @cached_property
    def symbols(self) -> list[str]:
        """What the parser has read of the innermost bracket: the symbols since it was opened."""
        found: list[str] = []
        for state in reversed(self.states[1:]):
            symbol = self.tables.symbols[state]
            if symbol in OPENERS:
                break
            found.append(symbol)
        return found[::-1]


def explain(place: Place) -> Diagnostic:
    """The diagnostic for a token that does not fit."""
    for habit in HABITS:
        found = habit(place)
        if found is not None:
            return found
    return _unexpected(place)


# ---- what could stand here


def _unexpected(place: Place, remedy: str = "") -> Unexpected:
    opener = place.nesting.around[place.position]
    reasons: tuple[Note, ...] = ()
    if opener >= 0 and place.expected & SIGNS.keys():
        span = place.span(place.tokens[opener])
        if span.line != place.here.line:
            reasons = (Note(f"{purpose(place.tokens, opener)} begins here", span),)
    return Unexpected(place.here, _wanted(place), _found(place), reasons, remedy or _remedy(place))


def _found(place: Place) -> str:
    token = place.token
    if token.kind == END:
        inner = token.start < len(place.source.text)
        return "the end of the interpolation" if inner else "the end of the text"
    if token.kind == NEWLINE or place.broken_off:
        return "the end of the line"
    if token.kind == "STRING":
        return "a string"
    if token.kind != "NAME" and token.text.isalpha():
        return f"the word `{token.text}`"
    return f"`{token.text}`" if len(token.text) <= 30 else f"`{token.text[:27]}...`"


def _wanted(place: Place) -> str:
    """What could have stood here, in a few words, and after what."""
    expected, previous = place.expected, place.back()
    words = _beginnings(place)
    after = previous is not None and previous.kind not in (NEWLINE, "SEMICOLON", "LBRACE") and len(previous.text) <= 30
    if not words:
        words = _continuations(place)
        opener = place.nesting.around[place.position]
        closers = [kind for kind in SIGNS if kind in expected and opener >= 0]
        if closers and not (words and closers == ["RBRACE"]):
            words.append(f"`{SIGNS[closers[0]]}` to close {purpose(place.tokens, opener)}")
            after = False
    if not words:
        words = ["an operator"] if "PLUS" in expected else ["the end of the text"]
    listed = " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
    return f"{listed} after `{previous.text}`" if after and previous is not None else listed


def _beginnings(place: Place) -> list[str]:
    """What could begin here, where something must or may begin."""
    expected = place.expected
    if place.wants_expression:
        return ["a statement" if "LET" in expected and place.back_kind() != "GIVES" else "an expression"]
    if place.after_value:
        return []
    if "MINIMIZE" in expected:
        return ["a clause of `train` (minimize, using, steps, ..)"]
    if {"NUMBER", "NAME", "TRUE"} <= expected:
        return ["a pattern"]
    if {"NAME", "QMARK"} <= expected:
        return ["a size or a type"]
    if {"NAME", "LPAR"} <= expected:
        return ["a type"]
    if "FIXED" in expected:
        return ["a field or a method"]
    return ["a name"] if "NAME" in expected else []


def _continuations(place: Place) -> list[str]:
    """How what was begun could go on, the obvious left out."""
    expected = place.expected
    idle = set[str]()
    if place.after_value:
        idle |= {"COLON", "FOR", "ARROW", "LPAR"}
    if "MINIMIZE" in expected:
        idle.add("EVERY")
    if "BOUND" in expected:
        idle |= {"IN", "LPAR"}
    if "ASSIGN" in expected:
        idle.add("EQUAL")
    if expected & {"EQUAL", "IN", "GIVES"}:
        idle.add("LPAR")
    if "COMMA" in expected:
        idle |= {"EQUAL", "LBRACE", "LPAR"}
    words = ["the end of the line"] if NEWLINE in expected else []
    return words + [text for kind, text in SIGN_WORDS if kind in expected and kind not in idle]


SIGN_WORDS = (
    ("STRING", "a string"),
    ("LPAR", "`(`"),
    ("FN", "`fn`"),
    ("FOR", "`for`"),
    ("IN", "`in`"),
    ("COLON", "`:` and a type"),
    ("ARROW", "`->`"),
    ("GIVES", "`=>`"),
    ("EQUAL", "`=`"),
    ("LBRACE", "`{`"),
    ("IMPORT", "`import`"),
    ("BY", "`by`"),
    ("EVERY", "`every`"),
    ("COMMA", "`,`"),
)
"""Signs that show what a construct still needs; operators and other ways to go on are not worth a word."""


# ---- habits: each looks at one place and may know better


def _assignment_in_expression(p: Place) -> Diagnostic | None:
    if p.kind != "EQUAL":
        return None
    previous = p.back()
    if previous is not None and previous.kind in RESERVED and previous.kind not in ("LET", "VAR"):
        return KeywordAsName(p.span(previous))
    return AssignForEqual(p.span(p.token)) if p.after_value else None


def _chained_comparison(p: Place) -> Diagnostic | None:
    if p.kind not in COMPARISONS or not p.after_value:
        return None
    around = p.nesting.around[p.position]
    for i in range(p.position - 1, around, -1):
        if p.nesting.around[i] == around and p.tokens[i].kind in COMPARISONS:
            first = p.span(p.tokens[i])
            middle = " ".join(p.source.text[first.end : p.token.start].split())
            return ChainedComparison(p.span(p.token), first, middle if len(middle) < 30 else "..")
    return None


def _line_begins_with_operator(p: Place) -> Diagnostic | None:
    if p.back_kind() not in (NEWLINE, END) and p.position > 0:
        return None
    comment = p.source.text[p.token.start : p.token.start + 2]
    if comment in ("//", "/*", "--"):
        return ForeignSpelling(Span(p.source, p.token.start, p.token.start + 2), comment, "#")
    return OperatorBeginsLine(p.span(p.token)) if p.kind in OPERATORS and p.position > 0 else None


def _stray_else(p: Place) -> Diagnostic | None:
    in_expression = p.wants_expression and "LET" not in p.expected
    return StrayElse(p.span(p.token)) if p.kind == "ELSE" and not in_expression else None


def _keyword_as_name(p: Place) -> Diagnostic | None:
    if p.kind in RESERVED and "NAME" in p.expected and "IF" not in p.expected and "FIXED" not in p.expected:
        return KeywordAsName(p.span(p.token))
    return None


def _colon(p: Place) -> Diagnostic | None:
    if p.kind != "COLON":
        return None
    opener = p.nesting.around[p.position]
    if opener >= 0 and p.tokens[opener].kind == "LSQB":
        return ForeignSpelling(p.span(p.token), ":", "..")
    if p.back_kind() in ("STRING", "NUMBER") and p.back_kind(2) == "LBRACE" and "GIVES" not in p.expected:
        return _unexpected(p, "values under names are a struct: `struct Name { a: Float }`, made by `Name(a = 1)`")
    if p.next.kind in (NEWLINE, END) and ({"LBRACE"} & p.expected or p.back_kind() == "ELSE"):
        return ColonBlock(p.span(p.token))
    if "ASSIGN" in p.expected and p.back_kind() == "NAME":
        if p.back_kind(2) == "LBRACE":
            return _unexpected(p, "a record is a struct and is made by a call: `Name(a = 1, b = 2)`")
        return _unexpected(p, "a variable is made with `let name: Type = ..` or `var name: Type = ..`")
    if "ARROW" in p.expected and "EQUAL" in p.expected:
        return _unexpected(p, "the type of a result is written after `->`")
    if "LBRACE" in p.expected:
        return ColonBlock(p.span(p.token))
    return None


def _counting(p: Place) -> Diagnostic | None:
    """`i++` and `i--`, of which the second sign is where the first surprise is."""
    if p.kind == "PLUS" and p.back_kind() == "PLUS":
        previous = p.back()
        assert previous is not None
        if previous.end == p.token.start and p.next.kind not in (NEWLINE, END, "SEMICOLON", "RBRACE"):
            return _unexpected(p, "`x += 1` is a statement of its own")
        if previous.end == p.token.start and not _alone(p):
            return _unexpected(p, "`x += 1` is a statement of its own")
        if previous.end == p.token.start:
            return ForeignSpelling(Span(p.source, previous.start, p.token.end), "++", "+= 1")
    if p.kind in ("PLUS", "STAR") and p.wants_expression:
        return _unexpected(p, "a positive number has no sign" if p.kind == "PLUS" else "")
    return None


def _alone(p: Place) -> bool:
    """Whether a name and the two signs before this token are the whole statement."""
    return p.back_kind(2) == "NAME" and p.back_kind(3) in (NEWLINE, END, "SEMICOLON", "LBRACE")


def _quote_in_interpolation(p: Place) -> Diagnostic | None:
    previous = p.back()
    if previous is None or previous.kind != "STRING" or not p.adjacent:
        return None
    return open_interpolation(p.source, previous)


HABITS: tuple[Callable[[Place], Diagnostic | None], ...] = (
    _quote_in_interpolation,
    _assignment_in_expression,
    _chained_comparison,
    _line_begins_with_operator,
    _stray_else,
    _keyword_as_name,
    _colon,
    _counting,
)

CLAUSES = sorted(text for text in tables().literals if text in CLAUSE_WORDS)
"""The words of clauses."""

RESERVED = frozenset(kind for text, kind in tables().literals.items() if text.isalpha() and text not in CLAUSE_WORDS)
"""The kinds of words that are never names."""


# ---- remedies


def _kinds_inside(p: Place) -> set[str]:
    """The kinds of tokens before this one in its bracket, those in inner brackets left out."""
    opener = p.nesting.around[p.position]
    inside = range(opener + 1, p.position) if opener >= 0 else range(0)
    return {p.tokens[i].kind for i in inside if p.nesting.around[i] == opener}


def _remedy(p: Place) -> str:
    """A sentence of help for slips that have a known shape."""
    previous, token = p.back(), p.token
    before = previous.text if previous is not None else ""
    if token.kind == "FN" and p.wants_expression:
        return "a function value is written `x -> e` or `(x, y) -> e`"
    if token.kind == "RETURN" and p.wants_expression:
        return "the value of `= e` is e itself; a body with `return` stands in braces: `{ return e }`"
    if p.back_kind(2) == "LPAR" and p.back_kind(3) == "FOR":
        return "a loop is written `for i in 0..n { .. }`"
    if "MINIMIZE" in p.expected and (near := get_close_matches(token.text, CLAUSES, 1)):
        return f"did you mean `{near[0]}`?"
    if token.text == "if" and "FOR" in _kinds_inside(p):
        return "a builder has no condition: a loop with `concat` picks elements, `if c { a } else { b }` changes some"
    if token.text in AFTER_VALUE and (p.after_value or "IN" in p.expected):
        return AFTER_VALUE[token.text]
    if p.after_value:
        if before in WORD_REMEDIES and previous is not None and previous.kind == "NAME":
            return WORD_REMEDIES[before]
        if token.kind in ("HOLE_Q", "QMARK"):
            return "a choice is written `if c { a } else { b }`"
        if token.kind == "STRING" and before in ("f", "r", "b") and p.adjacent:
            return f"every string interpolates: leave out the `{before}`"
        applied = token.kind in ("NUMBER", "STRING") and previous is not None and previous.kind == "NAME"
        if applied or (token.kind == "NAME" and before in ("print", "plot", "assert", "return")):
            return f"arguments stand in round brackets: `{before}(..)`"
        if token.kind == "LBRACE" and previous is not None and previous.kind == "NAME":
            return f"a struct is made by a call: `{before}(a = 1, b = 2)`"
        if token.kind in VALUE_ENDS and p.nesting.around[p.position] >= 0 and "COMMA" in p.expected:
            return "parts are separated by commas"
        if {"LBRACE"} == p.expected & {"LBRACE", "COMMA", NEWLINE} and token.kind != "LBRACE":
            return "what follows a condition, a range or a subject stands in braces: `{ .. }`"
    if token.kind == "GIVES":
        if "ARROW" in p.expected and "LBRACE" in p.expected:
            return "the body of a function is written `= e` or `{ .. }`"
        return "a function value is written `x -> e`"
    if token.kind == "ARROW" and p.after_value:
        return "a function value is written `x -> e` or `(x, y) -> e`, in brackets within a larger expression"
    if token.kind == "NOT" and p.wants_expression:
        return "put it into brackets: `(not ..)`"
    if token.kind == "ARROW" and "GIVES" in p.expected:
        return "an arm of `match` is written `pattern => value`"
    if token.kind == "COLON" and "GIVES" in p.expected:
        return "an arm of `match` is written `pattern => value`"
    if token.kind == "COMMA" and p.back_kind(2) in ("LET", "VAR"):
        return f"several names are bound in brackets: `let ({before}, ..) = (.., ..)`"
    if token.kind == "LESS" and "BOUND" in p.expected:
        return "a bound is written `> e`, `>= e`, `<= e` or `in (lo, hi)`"
    if token.kind == "NAME" and before in WORD_REMEDIES:
        return WORD_REMEDIES[before]
    return ""


WORD_REMEDIES = {
    "lambda": "a function value is written `x -> e` or `(x, y) -> e`",
    "mut": "a variable that changes is made with `var name = ..`",
    "mutable": "a variable that changes is made with `var name = ..`",
    "new": "a struct is made by a call: `Name(a = 1)`",
    "until": "a loop is written `while not c { .. }`",
    "loop": "a loop is written `while true { .. }`",
    "unless": "write `if not c { .. }`",
    "switch": "a choice between cases is written `match e { pattern => value }`",
    "case": "a choice between cases is written `match e { pattern => value }`",
    "raise": 'a program stops with `assert condition, "message"`',
    "throw": 'a program stops with `assert condition, "message"`',
    "int": "a variable is made with `let name: Int = ..`",
    "float": "a variable is made with `let name: Float = ..`",
    "global": "a function cannot assign what is outside: it gives back a new value",
    "nonlocal": "a function cannot assign what is outside: it gives back a new value",
    "try": "a fault ends the program; what may be missing is an `Option`",
    "catch": "a fault ends the program; what may be missing is an `Option`",
    "del": "a name ends with the block that it stands in",
    "foreach": "a loop is written `for x in xs { .. }`",
    "static": "a variable is made with `let name = ..`",
    "async": "",
}
"""Words of other languages that read as names, so that the next name is the surprise."""

AFTER_VALUE = {
    "is": "values are compared with `==`",
    "if": "a choice is written `if c { a } else { b }`",
    "in": "whether a value occurs in an array is written `any(x == e for x in xs)`",
    "not": "write `not` before the whole comparison",
    "of": "a loop is written `for x in xs { .. }`",
    "then": "a choice is written `if c { a } else { b }`",
    "do": "a loop is written `while c { .. }`",
    "to": "a range is written `a..b`",
    "for": "an array is made with `[e for x in xs]`",
}
"""Words that surprise right after a value."""
