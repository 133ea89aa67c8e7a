"""The LALR tables of grammar.lark: made once by Lark, shipped as JSON, read without Lark.

`python -m dplang.syntax.tables` writes tables.json anew; a test holds the two files together. Reading the tables is
a matter of milliseconds, and a run of dp never imports Lark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

GRAMMAR = Path(__file__).with_name("grammar.lark")
SHIPPED = Path(__file__).with_name("tables.json")
STARTS = ("module", "expression")
END = "$END"
ACCEPT = 0
"""In an action row: a positive number n shifts to state n - 1, a negative one -n reduces by rule n - 1."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a reduction makes its value.

    `steps` says what the children are, in order: a position among the symbols, `~position` for one whose list is
    spliced in, None for an optional part that was left out. `action` names what is made of the children; it is empty
    where the value is the list of children (`_rules`) and None where it is the only child itself.
    """

    origin: str
    length: int
    action: str | None
    steps: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    rules: tuple[Rule, ...]
    actions: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    symbols: tuple[str, ...]
    """For each state, the symbol that leads into it."""
    starts: dict[str, int]
    patterns: tuple[tuple[str, str], ...]
    """Terminals that are regular expressions, in the order in which they are tried."""
    literals: dict[str, str]
    """Terminals that are fixed texts: text to name."""


@cache
def tables() -> Tables:
    """The shipped tables."""
    return decode(json.loads(SHIPPED.read_text(encoding="utf-8")))


def decode(data: dict[str, Any]) -> Tables:
    names: list[str] = data["names"]

    def rows(flat: list[list[int]], which: list[int]) -> tuple[dict[str, int], ...]:
        unique = [{names[row[i]]: row[i + 1] for i in range(0, len(row), 2)} for row in flat]
        return tuple(unique[w] for w in which)

    return Tables(
        tuple(Rule(o, n, a, tuple(s)) for o, n, a, s in data["rules"]),
        rows(data["action_rows"], data["actions"]),
        rows(data["goto_rows"], data["gotos"]),
        tuple(names[s] for s in data["symbols"]),
        data["starts"],
        tuple((name, pattern) for name, pattern in data["patterns"]),
        data["literals"],
    )


def takes(tables: Tables, states: list[int], kind: str) -> bool:
    """Whether a parser with this stack would take a token of a kind, after the reductions that it brings about."""
    depth, over = len(states), list[int]()
    top = states[-1]
    while (code := tables.actions[top].get(kind)) is not None:
        if code >= ACCEPT:
            return True
        rule = tables.rules[-code - 1]
        kept = max(len(over) - rule.length, 0)
        depth -= rule.length - (len(over) - kept)
        del over[kept:]
        top = tables.gotos[over[-1] if over else states[depth - 1]][rule.origin]
        over.append(top)
    return False


# ---- making them: everything below needs Lark


def generate() -> str:
    """The text of tables.json for the grammar as it stands; a conflict in the grammar raises."""
    from lark import Lark
    from lark.common import ParserConf
    from lark.parsers.lalr_analysis import LALR_Analyzer

    grammar: Any = Lark(
        GRAMMAR.read_text(encoding="utf-8"),
        parser="lalr",
        lexer="basic",
        start=list(STARTS),
        maybe_placeholders=True,
    )
    analysis: Any = LALR_Analyzer(ParserConf(grammar.rules, {}, list(STARTS)), strict=True)
    analysis.compute_lalr()
    data = {
        "rules": [_encode_rule(rule) for rule in grammar.rules],
        **_encode_states(analysis.parse_table, grammar.rules),
        **_encode_terminals(grammar.terminals, set(grammar.ignore_tokens)),
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(data[key], separators=(',', ':'))}" for key in data)
    return "{\n" + lines + "\n}\n"


def _encode_rule(rule: Any) -> list[Any]:
    """[origin, length, action, steps]; see `Rule`."""
    optional = iter(rule.options.empty_indices or (False,) * len(rule.expansion))
    steps: list[int | None] = []

    def left_out() -> Iterator[None]:
        for absent in optional:
            if not absent:
                return
            yield None

    for i, symbol in enumerate(rule.expansion):
        steps += left_out()
        if symbol.is_term:
            steps += [] if symbol.filter_out else [i]
        else:
            steps.append(~i if symbol.name.startswith("_") else i)
    steps += left_out()
    origin = str(rule.origin.name)
    action: str | None = str(rule.alias or origin)
    if origin.startswith("_"):
        action = ""
    elif rule.options.expand1 and not rule.alias and len(steps) == 1:
        action = None
    return [origin, len(rule.expansion), action, steps]


def _encode_states(table: Any, rules: list[Any]) -> dict[str, Any]:
    """States numbered in the order of a walk from the start states, so that the file is reproducible."""
    from lark.parsers.lalr_analysis import Shift

    ends = set(table.end_states.values())
    order = [table.start_states[start] for start in STARTS]
    number = {state: i for i, state in enumerate(order)}
    symbols = dict.fromkeys(number, END)
    for state in order:
        for symbol, (action, target) in sorted(table.states[state].items()):
            if action is Shift and target not in number:
                number[target] = len(order)
                symbols[target] = symbol
                order.append(target)
    rule_number = {rule: i for i, rule in enumerate(rules)}
    nonterminals = {str(rule.origin.name) for rule in rules}
    names = sorted({END}.union(*table.states.values()))
    name_number = {name: i for i, name in enumerate(names)}
    rows: dict[bool, dict[tuple[int, ...], int]] = {False: {}, True: {}}
    which: dict[bool, list[int]] = {False: [], True: []}
    for state in order:
        flat: dict[bool, list[int]] = {False: [], True: []}
        for symbol, (action, target) in sorted(table.states[state].items()):
            is_goto = symbol in nonterminals
            if is_goto:
                code = number[target]
            elif action is Shift:
                code = number[target] + 1
            else:
                code = -rule_number[target] - 1
            flat[is_goto] += [name_number[symbol], code]
        if state in ends:
            flat[False] += [name_number[END], ACCEPT]
        for is_goto, row in flat.items():
            which[is_goto].append(rows[is_goto].setdefault(tuple(row), len(rows[is_goto])))
    return {
        "names": names,
        "symbols": [name_number[symbols[state]] for state in order],
        "starts": {start: number[table.start_states[start]] for start in STARTS},
        "action_rows": [list(row) for row in rows[False]],
        "actions": which[False],
        "goto_rows": [list(row) for row in rows[True]],
        "gotos": which[True],
    }


def _encode_terminals(terminals: list[Any], ignored: set[str]) -> dict[str, Any]:
    literals = {t.pattern.value: str(t.name) for t in terminals if t.pattern.type == "str"}
    patterns = [t for t in terminals if t.pattern.type == "re" and t.name not in ignored]
    patterns.sort(key=lambda t: (-t.priority, -t.pattern.min_width, t.name))
    return {
        "patterns": [[str(t.name), t.pattern.to_regexp()] for t in patterns],
        "literals": dict(sorted(literals.items())),
    }


if __name__ == "__main__":
    SHIPPED.write_text(generate(), encoding="utf-8")
