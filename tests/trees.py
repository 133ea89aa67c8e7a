"""Surface trees as text, and walks through them, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from dplang.syntax import tree

PLAIN = (tree.Ident, tree.Name, tree.NamePattern)
SILENT = ("span", "op_span")


def shown(value: object, indent: str = "") -> str:
    """A node as its class and its fields in brackets; lists of nodes one below the other where they are long."""
    if isinstance(value, PLAIN):
        return value.name
    if isinstance(value, tree.Node):
        parts = [shown(getattr(value, f.name), indent + "  ") for f in fields(value) if f.name not in SILENT]
        return "(" + " ".join([type(value).__name__, *parts]) + ")"
    if isinstance(value, tuple):
        parts = [shown(part, indent + "  ") for part in value]
        if sum(map(len, parts)) + len(parts) <= 60 and not any("\n" in part for part in parts):
            return "[" + " ".join(parts) + "]"
        return "[" + "".join("\n" + indent + "  " + part for part in parts) + "]"
    return "-" if value is None else repr(value)


def children(node: tree.Node) -> Iterator[tree.Node]:
    """The nodes right below a node, in the order of its fields."""
    pending = [getattr(node, f.name) for f in fields(node)][::-1]
    while pending:
        value = pending.pop()
        if isinstance(value, tree.Node):
            yield value
        elif isinstance(value, tuple):
            pending += reversed(value)


def nodes(root: tree.Node) -> Iterator[tree.Node]:
    """A node and all nodes below it."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += children(node)
