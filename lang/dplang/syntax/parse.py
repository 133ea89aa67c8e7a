"""Tokens to tree: the loop that drives the tables."""

from __future__ import annotations

from typing import Any, cast

from ..errors.diagnostic import Diagnostic, Fault
from ..errors.source import Source, Span
from ..errors.syntax import NestedTooDeeply, Unexpected
from . import tree
from .build import ACTIONS, Building
from .newlines import significant
from .tables import ACCEPT, tables
from .tokens import Lexed, Token, lex

LIMIT = 800
"""The deepest tree that is built."""


def parse(source: Source) -> tree.Module:
    """The surface tree of a text; a Fault with all its syntax errors where it has any."""
    lexed = lex(source)
    parser = Parser(source, lexed)
    items = parser.run(significant(lexed.tokens), "module")
    faults = lexed.faults + parser.building.faults
    if faults:
        raise Fault(*sorted(faults, key=lambda fault: (fault.span.start, fault.code)))
    whole = Span(source, 0, len(source.text))
    return tree.Module(whole, cast(tuple[tree.Item, ...], items or ()), tuple(lexed.comments))


def parse_expression(text: str) -> tree.Expr:
    """The tree of one expression, for the compiler's own use."""
    source = Source("<expression>", text)
    lexed = lex(source)
    parser = Parser(source, lexed)
    value = parser.run(significant(lexed.tokens), "expression")
    faults = lexed.faults + parser.building.faults
    if faults:
        raise Fault(*faults)
    return cast(tree.Expr, value)


class Parser:
    def __init__(self, source: Source, lexed: Lexed) -> None:
        self.source = source
        self.building = Building(source, {}, self.inner)
        self.tables = tables()

    def inner(self, start: int, end: int) -> tree.Expr | None:
        lexed = lex(self.source, start, end)
        self.building.faults += lexed.faults
        return self.run(significant(lexed.tokens), "expression", 200)

    def run(self, tokens: list[Token], start: str, limit: int = LIMIT) -> Any:
        actions, gotos, rules = self.tables.actions, self.tables.gotos, self.tables.rules
        source, building = self.source, self.building
        states = [self.tables.starts[start]]
        values: list[Any] = [None]
        starts, ends, depths = [0], [0], [0]
        position, token = 0, tokens[0]
        while True:
            row = actions[states[-1]]
            kind = token.kind
            if token.soft is not None and token.soft in row and self.takes(states, token.soft):
                kind = token.soft
            code = row.get(kind)
            if code is None:
                building.faults.append(Unexpected(building.span(token), "x " + str(list(row)), kind))
                return None
            if code > 0:
                states.append(code - 1)
                values.append(token)
                starts.append(token.start)
                ends.append(token.end)
                depths.append(0)
                position += 1
                token = tokens[position]
            elif code < 0:
                rule = rules[-code - 1]
                size = rule.length
                if rule.action is None:
                    states[-1:] = [gotos[states[-2]][rule.origin]]
                    continue
                children: list[Any] = []
                if size:
                    begin, finish, depth = starts[-size], ends[-1], max(depths[-size:])
                    parts = values[-size:]
                    for step in rule.steps:
                        if step is None:
                            children.append(None)
                        elif step >= 0:
                            children.append(parts[step])
                        elif children:
                            children += parts[~step]
                        else:
                            children = parts[~step]
                    del states[-size:], values[-size:], starts[-size:], ends[-size:], depths[-size:]
                else:
                    begin = finish = ends[-1]
                    depth = 0
                if rule.action:
                    value = ACTIONS[rule.action](building, Span(source, begin, finish), *children)
                    if isinstance(value, tree.Node):
                        depth += 1
                        if depth > limit:
                            building.faults.append(NestedTooDeeply(value.span, limit))
                            return None
                else:
                    value = children
                states.append(gotos[states[-1]][rule.origin])
                values.append(value)
                starts.append(begin)
                ends.append(finish)
                depths.append(depth)
            else:
                return values[-1]

    def takes(self, states: list[int], kind: str) -> bool:
        """Whether the parser would take a token of this kind, after the reductions that it brings about."""
        actions, gotos, rules = self.tables.actions, self.tables.gotos, self.tables.rules
        depth, over = len(states), list[int]()
        top = states[-1]
        while (code := actions[top].get(kind)) is not None:
            if code >= ACCEPT:
                return True
            rule = rules[-code - 1]
            size = rule.length
            if size:
                kept = max(len(over) - size, 0)
                depth -= size - (len(over) - kept)
                del over[kept:]
            top = gotos[over[-1] if over else states[depth - 1]][rule.origin]
            over.append(top)
        return False
