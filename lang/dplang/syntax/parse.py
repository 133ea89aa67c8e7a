"""Tokens to tree: the loop that drives the tables, and how it goes on after an error."""

from __future__ import annotations

from itertools import islice
from typing import Any, cast

from ..errors.diagnostic import Diagnostic, Fault
from ..errors.source import Source, Span
from ..errors.syntax import BadInterpolation, ColonBlock, NestedTooDeeply, OperatorBeginsLine, UnknownCharacter
from . import tree
from .actions import ACTIONS
from .brackets import Nesting, divide
from .build import Building
from .explain import Place, explain
from .newlines import significant
from .tables import ACCEPT, END, Rule, Tables, tables, takes
from .tokens import ERROR, NEWLINE, Token, lex

LIMIT = 800
"""How deep a tree and its brackets may be nested: what reads trees may recur that often."""
INNER_LIMIT = 100
"""The same for an expression inside a string, on top of the above."""
SEPARATORS = frozenset((NEWLINE, "SEMICOLON", "COMMA"))
WITHOUT_VALUE = (tree.If, tree.For, tree.While, tree.Break, tree.Continue, tree.FnDef, tree.StructDef, tree.EnumDef)
ENOUGH = 50
"""So many faults, and the rest of the text is not looked at."""


def parse(source: Source) -> tree.Module:
    """The surface tree of a text; a Fault with all its syntax errors where it has any."""
    lexed = lex(source)
    division = divide(source, lexed.tokens, LIMIT)
    building = _building(source, _docs(source, lexed.comments))
    building.faults += lexed.faults + division.faults
    items: tuple[tree.Item, ...] = ()
    for part in division.parts:
        made = _Run(building, significant(part), LIMIT).run("module")
        items = cast(tuple[tree.Item, ...], made or ())
    _raise(building.faults)
    return tree.Module(Span(source, 0, len(source.text)), items, tuple(lexed.comments))


def parse_expression(text: str, name: str = "<expression>") -> tree.Expr:
    """The tree of one expression, for the compiler's own use."""
    source = Source(name, text)
    building = _building(source, {})
    value = _expression(building, 0, len(text), LIMIT)
    _raise(building.faults)
    return cast(tree.Expr, value)


def _building(source: Source, docs: dict[int, str]) -> Building:
    building = Building(source, docs, lambda start, end: _expression(building, start, end, INNER_LIMIT))
    return building


def _expression(building: Building, start: int, end: int, limit: int) -> tree.Expr | None:
    """The expression between two offsets; None where it is faulty."""
    source, before = building.source, len(building.faults)
    lexed = lex(source, start, end)
    division = divide(source, lexed.tokens, limit)
    building.faults += lexed.faults + division.faults
    if lexed.comments:
        building.faults.append(BadInterpolation(lexed.comments[0].span, "a comment cannot stand inside an expression"))
    value = None
    for part in division.parts:
        value = _Run(building, significant(part), limit).run("expression")
    return value if len(building.faults) == before else None


def _docs(source: Source, comments: list[tree.Comment]) -> dict[int, str]:
    """The lines that hold nothing but a `##` comment, with its text."""
    docs = {}
    for comment in comments:
        if comment.text.startswith("##"):
            line, column = source.position(comment.span.start)
            if not source.line(line)[: column - 1].strip():
                docs[line] = comment.text[2:].removeprefix(" ")
    return docs


def _raise(faults: list[Diagnostic]) -> None:
    """Raises the faults in the order of the text. A strange character after another fault of its line tells nothing
    new: the line is prose, or some other language."""
    once = {(fault.span.start, fault.span.end, fault.code): fault for fault in reversed(faults)}
    kept: list[Diagnostic] = []
    for key in sorted(once):
        fault = once[key]
        if not (isinstance(fault, UnknownCharacter) and kept and kept[-1].span.end_line == fault.span.line):
            kept.append(fault)
    if kept:
        raise Fault(*kept)


def has_value(item: object) -> bool:
    """Whether an item ends in an expression that an operator could follow: a loop does not, nor `if` without `else`."""
    while isinstance(item, tree.If) and item.orelse is not None:
        if isinstance(item.orelse, tree.Block):
            return True
        item = item.orelse
    return not isinstance(item, WITHOUT_VALUE)


class _Run:
    """One pass over the tokens of a text, or part of one, whose brackets fit together."""

    def __init__(self, building: Building, tokens: list[Token], limit: int) -> None:
        self.building, self.tokens, self.limit = building, tokens, limit
        self.tables: Tables = tables()
        self.position = 0
        self.states: list[int] = []
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.depths: list[int] = []
        self.trail: list[list[int]] = []
        """The states that each reduction since the last shift has taken away: an error undoes them."""
        self.heights: dict[int, int] = {}
        """How many states there were after each brace."""
        self.resumed = -1
        """Where the last recovery went on."""
        self.failures = 0
        self.nesting: Nesting | None = None
        self.indented_past: int | None = None
        """After a colon in place of a block: lines indented further than this belong to the same mistake."""

    def run(self, start: str) -> Any:
        """The value of the start rule, or None where an error left none."""
        actions, gotos, rules = self.tables.actions, self.tables.gotos, self.tables.rules
        states, tokens = self.states, self.tokens
        states.append(self.tables.starts[start])
        for stack in (self.values, self.starts, self.ends, self.depths):
            stack.append(0)
        while True:
            token, row = tokens[self.position], actions[states[-1]]
            kind = token.kind
            if token.soft is not None and token.soft in row and takes(self.tables, states, token.soft):
                kind = token.soft
            code = row.get(kind)
            while code is not None and code < 0:
                rule = rules[-code - 1]
                if rule.action is None:
                    self.trail.append(states[-1:])
                    states[-1] = gotos[states[-2]][rule.origin]
                elif not self.reduce(rule, token):
                    return None
                code = actions[states[-1]].get(kind)
            if code is None:
                if not self.recover(start == "module"):
                    return None
            elif code == ACCEPT:
                return self.values[-1]
            else:
                self.shift(code - 1, token)

    def shift(self, state: int, token: Token) -> None:
        if token.kind == "MINUS" and "LPAR" in self.tables.actions[state] and self.goes_on_from_line_before():
            self.building.faults.append(OperatorBeginsLine(self.building.span(token)))
        self.trail.clear()
        self.states.append(state)
        self.values.append(token)
        self.starts.append(token.start)
        self.ends.append(token.end)
        self.depths.append(0)
        if token.kind == "LBRACE":
            self.heights[self.position] = len(self.states)
        self.position += 1

    def goes_on_from_line_before(self) -> bool:
        """Whether the token begins a line after an expression that it could be meant to go on with."""
        previous = [token.kind for token in self.tokens[max(self.position - 2, 0) : self.position]]
        if len(previous) < 2 or previous[0] == "SEMICOLON" or previous[1] != NEWLINE:
            return False
        before = self.values[-2]  # the item before the separators, or the list that it ends
        return has_value(before[-1] if isinstance(before, list) else before)

    def reduce(self, rule: Rule, token: Token) -> bool:
        """Replaces what a rule stands for by its value; False where that would be nested too deeply."""
        size, states, values = rule.length, self.states, self.values
        children: list[Any] = []
        begin, end, depth = token.start, token.start, 0
        if size:
            begin, end, depth = self.starts[-size], self.ends[-1], max(self.depths[-size:])
            parts = values[-size:]
            for step in rule.steps:
                if step is None:
                    children.append(None)
                elif step >= 0:
                    children.append(parts[step])
                elif children:
                    children += parts[~step]
                else:
                    children = parts[~step]  # a growing list stays one list
            self.trail.append(states[-size:])
            del states[-size:], values[-size:], self.starts[-size:], self.ends[-size:], self.depths[-size:]
        else:
            self.trail.append([])
        value: Any = children
        if rule.action:
            span = Span(self.building.source, begin, end)
            value = ACTIONS[rule.action](self.building, span, *children)
            if isinstance(value, tree.Node):
                depth += 1
                if depth > self.limit:
                    self.building.faults.append(NestedTooDeeply(span, self.limit))
                    return False
        states.append(self.tables.gotos[states[-1]][rule.origin])
        values.append(value)
        self.starts.append(begin)
        self.ends.append(end)
        self.depths.append(depth)
        return True

    # ---- errors

    def recover(self, can_go_on: bool) -> bool:
        """Complains about the token and moves on to the next item of the braces around it, if there is one."""
        nesting = self.nesting = self.nesting or Nesting.of(self.tokens)
        brace = nesting.brace(self.tokens, self.position)
        if self.nothing_since_recovery():
            # What was left out was needed (a `match` without arms): the braces around it are lost too.
            if brace < 0:
                return False
            self.position = nesting.partner[brace] + 1
            brace = nesting.brace(self.tokens, brace)
        else:
            self.failures += 1
            if self.tokens[self.position].kind != ERROR:
                self.complain(nesting)
        if not can_go_on or self.failures >= ENOUGH:
            return False
        self.skip(nesting, brace)
        height = self.heights[brace] if brace >= 0 else 1
        for stack in (self.states, self.values, self.starts, self.ends, self.depths):
            del stack[height:]
        self.trail.clear()
        self.building.jumps.clear()
        self.resumed = self.position
        return True

    def nothing_since_recovery(self) -> bool:
        if self.resumed < 0:
            return False
        return all(t.kind in SEPARATORS for t in islice(self.tokens, self.resumed, self.position))

    def skip(self, nesting: Nesting, brace: int) -> None:
        """Moves to the end of the item among those of a brace: a newline, a semicolon or the closing brace."""
        i = self.position
        while True:
            kind = self.tokens[i].kind
            ends_item = kind in (NEWLINE, "SEMICOLON") and nesting.around[i] == brace and not self.goes_on(i + 1)
            if ends_item or kind == END or i == nesting.partner.get(brace):
                break
            i = nesting.partner.get(i, i) + 1
        self.position = i
        self.indented_past = None

    def goes_on(self, i: int) -> bool:
        """Whether a token belongs to the lines that were meant as a block."""
        return self.indented_past is not None and self.indent(self.tokens[i]) > self.indented_past

    def indent(self, token: Token) -> int:
        line = self.building.source.line(self.building.source.position(token.start)[0])
        return len(line) - len(line.lstrip())

    def complain(self, nesting: Nesting) -> None:
        before = self.states[:]
        for taken in reversed(self.trail):
            before[-1:] = taken
        place = Place(self.building.source, self.tables, before, self.tokens, self.position, nesting)
        fault = explain(place)
        if isinstance(fault, ColonBlock):
            self.indented_past = self.indent(self.tokens[self.position])
        self.building.faults.append(fault)
