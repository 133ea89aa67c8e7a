"""Brackets: which closes which, and, where they do not fit together, which parts of the text are still sound."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors.diagnostic import Diagnostic
from ..errors.source import Source, Span
from ..errors.syntax import NestedTooDeeply, UnclosedBracket, UnopenedBracket
from .newlines import CLOSERS, OPENERS
from .tables import END
from .tokens import ERROR, NEWLINE, VALUE_ENDS, Token, kinds

SIGNS = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}

_BEGINS_DEFINITION = kinds("FN STRUCT ENUM IMPORT FROM LET VAR TEST SKETCH DERIVATIVE MOD")
_HEADS = {
    "STRUCT": "the struct", "ENUM": "the enum", "FN": "the function", "SKETCH": "the sketch",
    "DERIVATIVE": "the derivative", "IF": "the `if`", "ELSE": "the `else`", "FOR": "the loop", "WHILE": "the loop",
    "MATCH": "the `match`", "TRAIN": "the `train`", "TEST": "the test", "CHECKPOINT": "the checkpoint",
}  # fmt: skip


@dataclass(slots=True)
class Division:
    """The parts of a text that can be parsed, each a list of tokens with an END, and the faults of its brackets."""

    parts: list[list[Token]] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)


def divide(source: Source, tokens: list[Token], limit: int) -> Division:
    """One part where all brackets fit together. Else a part ends where a definition begins at the left margin, and
    the parts with a bracket that does not fit are left out: what they say can only be guessed."""
    strict = _match(source, tokens, limit)
    if strict is None:
        return Division([tokens])
    if isinstance(strict, NestedTooDeeply):
        return Division([], [strict])
    division = Division()
    lost = False
    for part in _at_margin(source, tokens):
        fault = _match(source, part, limit)
        if fault is None:
            division.parts.append(part)
        elif not any(token.kind == ERROR and token.text[:1] == '"' for token in part) and not (
            lost and isinstance(fault, UnopenedBracket)
        ):
            division.faults.append(fault)
        lost = lost or fault is not None
    return division


def _at_margin(source: Source, tokens: list[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        at_margin = token.start == 0 or source.text[token.start - 1] == "\n"
        if at_margin and (token.soft or token.kind) in _BEGINS_DEFINITION and parts[-1]:
            parts[-1].append(Token(END, "", token.start, token.start))
            parts.append([])
        parts[-1].append(token)
    return parts


def _match(source: Source, tokens: list[Token], limit: int) -> Diagnostic | None:
    """The first bracket that does not fit, if there is one."""
    open_: list[int] = []
    suspect: tuple[int, Token] | None = None
    for i, token in enumerate(tokens):
        kind = token.kind
        if kind in OPENERS:
            open_.append(i)
            if len(open_) > limit:
                return NestedTooDeeply(Span(source, token.start, token.end), limit)
        elif kind in CLOSERS:
            if not open_:
                return UnopenedBracket(Span(source, token.start, token.end))
            if OPENERS[tokens[open_[-1]].kind] != kind:
                return _unclosed(source, tokens, open_[-1], token)
            opener = open_.pop()
            if suspect is None and _outdented(source, tokens[opener], token):
                suspect = opener, token
    if not open_:
        return None
    if suspect is not None and suspect[0] > open_[-1]:
        return _unclosed(source, tokens, suspect[0], suspect[1])
    return _unclosed(source, tokens, open_[-1], tokens[-1])


def _outdented(source: Source, opener: Token, closer: Token) -> bool:
    """Whether a closing bracket begins a line that stands further to the left than the line of its opener."""
    first, last = source.position(opener.start)[0], source.position(closer.start)[0]
    if first == last or source.line(last)[: source.position(closer.start)[1] - 1].strip():
        return False
    return _indent(source.line(last)) < _indent(source.line(first))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _unclosed(source: Source, tokens: list[Token], opener: int, where: Token) -> UnclosedBracket:
    span = Span(source, tokens[opener].start, tokens[opener].end)
    end = where.start
    if where.kind == END:
        end = len(source.text[: where.start].rstrip())
    at = Span(source, end, max(end, where.end) if where.kind != END else end)
    return UnclosedBracket(span, SIGNS[OPENERS[tokens[opener].kind]], purpose(tokens, opener), at)


def purpose(tokens: list[Token], opener: int) -> str:
    """What a bracket is for, in the reader's words: `the function `f``, `the call of `g``, `the array`."""
    kind, before = tokens[opener].kind, tokens[:opener][-2:]
    previous = before[-1] if before else None
    ends_value = previous is not None and previous.kind in VALUE_ENDS and previous.end == tokens[opener].start
    if kind == "LBRACE":
        return _head(tokens, opener)
    if kind == "LSQB":
        return f"the brackets after `{previous.text}`" if ends_value and previous is not None else "the array"
    if previous is None or not ends_value:
        return "the round bracket"
    if len(before) == 2 and (before[0].soft or before[0].kind) in ("FN", "SKETCH", "DERIVATIVE"):
        return f"the parameters of `{previous.text}`"
    return f"the call of `{previous.text}`" if previous.kind == "NAME" else "the call"


def _head(tokens: list[Token], opener: int) -> str:
    """What the words before a brace say that it is."""
    for i in range(opener - 1, -1, -1):
        kind = tokens[i].soft or tokens[i].kind
        if kind in _HEADS:
            name = tokens[i + 1]
            named = kind in ("STRUCT", "ENUM", "FN", "SKETCH", "DERIVATIVE") and name.kind == "NAME"
            return f"{_HEADS[kind]} `{name.text}`" if named else _HEADS[kind]
        if kind in (NEWLINE, "SEMICOLON", "LBRACE", "RBRACE"):
            break
    return "the block"


@dataclass(slots=True)
class Nesting:
    """For each token of a sound part the innermost bracket around it (a bracket is around itself when it closes), and
    for each opening bracket the one that closes it."""

    around: list[int]
    partner: dict[int, int]

    @staticmethod
    def of(tokens: list[Token]) -> Nesting:
        around, partner, open_ = [], dict[int, int](), [-1]
        for i, token in enumerate(tokens):
            around.append(open_[-1])
            if token.kind in OPENERS:
                open_.append(i)
            elif token.kind in CLOSERS:
                partner[open_.pop()] = i
        return Nesting(around, partner)

    def brace(self, tokens: list[Token], i: int) -> int:
        """The innermost brace around a token; -1 at the top."""
        o = self.around[i]
        while o >= 0 and tokens[o].kind != "LBRACE":
            o = self.around[o]
        return o
