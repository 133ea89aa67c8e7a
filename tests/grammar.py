"""The grammar of the parser as people read it: the same rules, without what the parser alone needs."""

from __future__ import annotations

import re

RULE = re.compile(r"^[?!_]*(?P<name>\w+)(\.\d+)?:(?P<body>.*)$")


def readable(text: str) -> str:
    """Rules in the order of the file under its headings. Names of signs are replaced by the signs, and what only says
    how the tree is built (`-> name`, `?`, `_`, priorities) is left out."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("%")]
    signs = dict(filter(None, map(_sign, lines)))
    made: list[str] = []
    for line in lines:
        if line.startswith("//"):
            if line.startswith("// ----"):
                made.append(f"\n# {line.removeprefix('// ----').strip()}")
            continue
        rule = RULE.match(line)
        if rule is not None and rule["name"] in signs:
            continue
        if rule is not None:
            name = rule["name"]
            body = _body(rule["body"], signs)
            if body != name:
                made.append(f"{name:14} = {body}")
        else:
            made.append(f"{'':14} {_body(line, signs)}")
    return "\n".join(line.rstrip() for line in made).strip("\n") + "\n"


def _sign(line: str) -> tuple[str, str] | None:
    """A terminal that is one string, or one of several, and what to write for it."""
    rule = re.fullmatch(r'([A-Z_]+): ((?:"[^"]+"(?: \| )?)+)', line)
    if rule is None:
        return None
    return rule[1], f"({rule[2]})" if "|" in rule[2] else rule[2]


def _body(text: str, signs: dict[str, str]) -> str:
    """The right side of a rule; strings and regular expressions stay as they are."""
    text = re.sub(r"\s+-> \w+$", "", text.rstrip())
    pieces = re.split(r'("[^"]*"|/(?:\\.|[^/\\])+/)', text)
    for i in range(0, len(pieces), 2):
        words = re.sub(r"\b_(\w)", r"\1", pieces[i])
        words = re.sub(r"\b[A-Z_]+\b", lambda m: signs.get(m[0], m[0]), words)
        pieces[i] = re.sub(r"\s+", " ", words)
    return "".join(pieces).strip()
