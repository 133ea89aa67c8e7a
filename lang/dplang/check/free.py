"""Names in a piece of the surface tree: which are free in it, which it assigns, where it indexes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from ..errors.source import Span
from ..syntax import tree

_PLAN: dict[type, tuple[str, ...]] = {}


def children(node: object) -> Iterator[tree.Node]:
    """The nodes directly inside a node, in the order of the text."""
    kind = type(node)
    names = _PLAN.get(kind)
    if names is None:
        names = _PLAN[kind] = tuple(f.name for f in fields(node) if f.name not in ("span", "op_span"))  # type: ignore[arg-type]
    for name in names:
        yield from _nodes(getattr(node, name))


def _nodes(part: object) -> Iterator[tree.Node]:
    if isinstance(part, tree.Node):
        yield part
    elif isinstance(part, tuple):
        for p in part:
            yield from _nodes(p)


def pattern_names(p: tree.Pattern) -> Iterator[str]:
    """The names that a pattern binds."""
    match p:
        case tree.NamePattern(_, name):
            if not name[:1].isupper():
                yield name
        case tree.TuplePattern(_, parts):
            for part in parts:
                yield from pattern_names(part)
        case tree.ConstructorPattern(_, _, parts):
            for part in parts or ():
                yield from pattern_names(part)
        case _:
            return


def free_names(node: tree.Node) -> list[tuple[str, Span]]:
    """Every use of a name that is not bound inside, in the order of the text. Types count, for their sizes."""
    found: list[tuple[str, Span]] = []
    _free(node, frozenset(), found)
    return found


def _free(node: tree.Node, bound: frozenset[str], found: list[tuple[str, Span]]) -> None:
    match node:
        case tree.Name(span, name):
            if name not in bound:
                found.append((name, span))
        case tree.NamedType(_, path, brackets):
            if path[0].name not in bound:
                found.append((path[0].name, path[0].span))
            for group in brackets:
                for item in group:
                    _free(item, bound, found)
        case tree.Lambda(_, params, body):
            inner = bound.union(*(pattern_names(p.pattern) for p in params))
            for p in params:
                if p.type is not None:
                    _free(p.type, bound, found)
            _free(body, inner, found)
        case tree.Builder(_, element, binders):
            _comprehension(element, binders, bound, found)
        case tree.Reduction(_, fn, element, binders):
            _free(fn, bound, found)
            _comprehension(element, binders, bound, found)
        case tree.Block(_, items):
            _block(items, bound, found)
        case tree.For(_, _, pattern, iterable, body):
            _free(iterable, bound, found)
            _free(body, bound.union(pattern_names(pattern)), found)
        case tree.Arm(_, pattern, guard, body):
            inner = bound.union(pattern_names(pattern))
            if guard is not None:
                _free(guard, inner, found)
            _free(body, inner, found)
        case tree.Train(_, name, subject, clauses):
            _free(subject, bound, found)
            inner = bound if name is None else bound | {name.name}
            for clause in clauses:
                watching = isinstance(clause, tree.EveryClause) or (
                    isinstance(clause, tree.Clause) and clause.word == "until"
                )
                _free(clause, inner | {"step", "loss"} if watching else inner, found)
        case tree.FnDef():
            inner = bound.union(
                [node.name.name], (p.name.name for p in node.params), (p.name.name for p in node.type_params)
            )
            for part in children(node):
                _free(part, inner, found)
        case _:
            for part in children(node):
                if not isinstance(part, tree.Ident):
                    _free(part, bound, found)


def _comprehension(
    element: tree.Expr, binders: tuple[tree.Binder, ...], bound: frozenset[str], found: list[tuple[str, Span]]
) -> None:
    for b in binders:
        if b.iterable is not None:
            _free(b.iterable, bound, found)
        bound = bound.union(pattern_names(b.pattern))
    _free(element, bound, found)


def _block(items: tuple[tree.Item, ...], bound: frozenset[str], found: list[tuple[str, Span]]) -> None:
    bound = bound.union(i.name.name for i in items if isinstance(i, tree.FnDef))
    for item in items:
        _free(item, bound, found)
        if isinstance(item, tree.Let):
            bound = bound.union(pattern_names(item.pattern))
        elif isinstance(item, tree.VarDecl):
            bound = bound | {item.name.name}


def assigned_names(node: tree.Node) -> set[str]:
    """The names of variables that are assigned as a whole somewhere inside."""
    found: set[str] = set()
    waiting: list[tree.Node] = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, tree.Assign) and isinstance(here.target, tree.Name):
            found.add(here.target.name)
        waiting.extend(children(here))
    return found


def has_break(block: tree.Block) -> bool:
    """Whether a `break` inside leaves the loop that the block is the body of."""
    waiting: list[tree.Node] = list(block.items)
    while waiting:
        here = waiting.pop()
        if isinstance(here, tree.Break):
            return True
        if not isinstance(here, tree.For | tree.While | tree.Lambda):
            waiting.extend(children(here))
    return False
