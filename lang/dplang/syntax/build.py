"""What each rule of the grammar makes of its children: the nodes of the surface tree, built bottom up.

The functions here are those that do more than put their children into a node; actions.py says which rule has which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, cast

from ..errors.diagnostic import Diagnostic
from ..errors.source import Source, Span
from ..errors.syntax import BadInterpolation, BadParameter, BadTarget, NotAType, StrayJump
from . import tree
from .text import read_text
from .tokens import Token

Jump: TypeAlias = tree.Return | tree.Break | tree.Continue

Action: TypeAlias = Callable[..., Any]
"""Makes a node. It takes what the parse shares, the span and the children."""


@dataclass(slots=True)
class Building:
    """What the actions of one parse share."""

    source: Source
    docs: dict[int, str]
    """Lines that hold nothing but a `##` comment, with its text."""
    inner: Callable[[int, int], tree.Expr | None]
    """Parses the expression between two offsets; None where that failed and was complained about."""
    faults: list[Diagnostic] = field(default_factory=list)
    jumps: list[Jump] = field(default_factory=list)
    """Jumps that have not met the loop or function that they leave, in the order of the text."""

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def ident(self, token: Token) -> tree.Ident:
        return tree.Ident(self.span(token), token.text)

    def maybe_ident(self, token: Token | None) -> tree.Ident | None:
        return None if token is None else self.ident(token)

    def doc(self, at: Span) -> str:
        """The `##` comments in the lines right before a definition."""
        line, found = at.line - 1, list[str]()
        while line in self.docs:
            found.append(self.docs[line])
            line -= 1
        return "\n".join(reversed(found))

    def loop_ends(self, at: Span) -> None:
        """The `break`s and `continue`s inside a loop have found it."""
        inside = self._jumps_in(at)
        self.jumps += [jump for jump in inside if isinstance(jump, tree.Return)]

    def function_ends(self, at: Span) -> None:
        """The `return`s inside a function have found it; no loop around it can be left from inside."""
        self.faults += [StrayJump(jump.span) for jump in self._jumps_in(at) if not isinstance(jump, tree.Return)]

    def _jumps_in(self, at: Span) -> list[Jump]:
        first = len(self.jumps)
        while first and self.jumps[first - 1].span.start >= at.start:
            first -= 1
        inside = self.jumps[first:]
        del self.jumps[first:]
        return inside


class Group(NamedTuple):
    """`( .. )` before it is known to be a bracketed expression, a tuple or the head of a function value."""

    items: list[Any]
    comma: bool


class TypedName(NamedTuple):
    """`x: Float` in round brackets."""

    name: tree.NamePattern
    type: tree.TypeExpr


def group_of(children: tuple[Any, ...]) -> Group:
    """Takes the optional last comma, which stands for itself, off the end."""
    return Group(list(children[:-1]), children[-1] is not None) if children else Group([], False)


# ---- definitions


def module(b: Building, at: Span, *items: tree.Item) -> tuple[tree.Item, ...]:
    b.faults += [StrayJump(jump.span) for jump in b.jumps]
    return items


def fn_def(
    b: Building,
    at: Span,
    mods: list[Token],
    name: Token,
    type_params: list[tree.TypeParam] | None,
    params: list[tree.Param] | None,
    result: tree.TypeExpr | None,
    body: tree.Expr,
) -> tree.FnDef:
    """A function after its modifiers, or a sketch after that word."""
    b.function_ends(at)
    sketch = any(mod.text == "sketch" for mod in mods)
    words = cast(Any, () if sketch else tuple(mod.text for mod in mods))
    generics, inputs = tuple(type_params or ()), tuple(params or ())
    return tree.FnDef(at, words, sketch, b.ident(name), generics, inputs, result, body, b.doc(at))


def param(b: Building, at: Span, name: Token, type: tree.FieldType | None, default: tree.Expr | None) -> tree.Param:
    return tree.Param(at, b.ident(name), type, default)


def type_param(b: Building, at: Span, name: Token, bound: Token | None) -> tree.TypeParam:
    return tree.TypeParam(at, b.ident(name), b.maybe_ident(bound))


def struct_def(
    b: Building, at: Span, name: Token, type_params: list[tree.TypeParam] | None, *members: tree.FieldDecl | tree.FnDef
) -> tree.StructDef:
    fields = tuple(m for m in members if isinstance(m, tree.FieldDecl))
    methods = tuple(m for m in members if isinstance(m, tree.FnDef))
    return tree.StructDef(at, b.ident(name), tuple(type_params or ()), fields, methods, b.doc(at))


def field_decl(
    b: Building, at: Span, fixed: Token | None, name: Token, type: tree.FieldType, default: tree.Expr | None
) -> tree.FieldDecl:
    return tree.FieldDecl(at, fixed is not None, b.ident(name), type, default)


def enum_def(
    b: Building, at: Span, name: Token, type_params: list[tree.TypeParam] | None, *variants: tree.VariantDecl
) -> tree.EnumDef:
    return tree.EnumDef(at, b.ident(name), tuple(type_params or ()), variants, b.doc(at))


def variant(b: Building, at: Span, name: Token, *payload: tree.TypeExpr) -> tree.VariantDecl:
    return tree.VariantDecl(at, b.ident(name), payload)


def import_module(b: Building, at: Span, name: Token | list[Token], alias: Token | None) -> tree.ImportModule:
    return tree.ImportModule(at, *_module(b, name), b.maybe_ident(alias))


def import_names(b: Building, at: Span, name: Token | list[Token], *names: Token) -> tree.ImportNames:
    return tree.ImportNames(at, *_module(b, name), tuple(map(b.ident, names)))


def _module(b: Building, name: Token | list[Token]) -> tuple[str, bool]:
    """A module's dotted name or path, and whether it is a path."""
    if isinstance(name, list):
        return ".".join(token.text for token in name), False
    text = read_text(b, name)
    if any(not isinstance(part, str) for part in text.parts):
        b.faults.append(BadInterpolation(text.span, "the path of a module is a plain string", "write the path out"))
    return "".join(part for part in text.parts if isinstance(part, str)), True


def test_def(b: Building, at: Span, word: Token, title: Token, body: tree.Block) -> tree.TestDef:
    return tree.TestDef(at, read_text(b, title), body)


def derivative_def(
    b: Building, at: Span, word: Token, name: Token, params: list[tree.Param] | None, partials: tree.Expr
) -> tree.DerivativeDef:
    return tree.DerivativeDef(at, b.ident(name), tuple(params or ()), partials, ())


def derivative_rules(
    b: Building, at: Span, word: Token, name: Token, params: list[tree.Param] | None, *rules: tree.RuleDef
) -> tree.DerivativeDef:
    return tree.DerivativeDef(at, b.ident(name), tuple(params or ()), None, rules)


def rule(b: Building, at: Span, name: Token, params: list[tree.Param] | None, body: tree.Expr) -> tree.RuleDef:
    b.function_ends(at)
    return tree.RuleDef(at, b.ident(name), tuple(params or ()), body)


# ---- types


def constrained(b: Building, at: Span, base: tree.TypeExpr, op: Token, bound: tree.Expr) -> tree.Constrained:
    return tree.Constrained(at, base, cast(Any, op.text), bound)


def named_type(b: Building, at: Span, path: list[Token], *brackets: tuple[tree.BracketItem, ...]) -> tree.NamedType:
    return tree.NamedType(at, tuple(map(b.ident, path)), brackets)


def tuple_type(b: Building, at: Span, group: Group, *brackets: tuple[tree.BracketItem, ...]) -> tree.BracketItem:
    """A tuple type, or one type or size in round brackets."""
    if len(group.items) == 1 and not group.comma and not brackets:
        return cast(tree.BracketItem, group.items[0])
    parts = _types(b, group.items)
    if len(parts) == 1 and not group.comma and isinstance(parts[0], tree.NamedType | tree.TupleType):
        one = parts[0]
        if isinstance(one, tree.NamedType):
            return tree.NamedType(at, one.path, one.brackets + brackets)
        return tree.TupleType(at, one.parts, one.brackets + brackets)
    return tree.TupleType(at, parts, brackets)


def fn_type(b: Building, at: Span, group: Group, result: tree.TypeExpr) -> tree.FnType:
    return tree.FnType(at, _types(b, group.items), result)


def _types(b: Building, items: list[tree.BracketItem]) -> tuple[tree.TypeExpr, ...]:
    types: list[tree.TypeExpr] = []
    for item in items:
        if isinstance(item, tree.NamedType | tree.TupleType | tree.FnType):
            types.append(item)
        else:
            b.faults.append(NotAType(item.span))
    return tuple(types)


def size_binary(b: Building, at: Span, left: tree.BracketItem, op: Token, right: tree.BracketItem) -> tree.SizeBinary:
    return tree.SizeBinary(at, cast(Any, op.text), left, right)


def size_call(b: Building, at: Span, name: Token, *args: tree.BracketItem | None) -> tree.SizeCall:
    return tree.SizeCall(at, b.ident(name), tuple(a for a in args if a is not None))


def size_number(b: Building, at: Span, token: Token) -> tree.SizeNumber:
    value = number_value(token)
    if isinstance(value, float):
        b.faults.append(NotAType(at))
        value = 1
    return tree.SizeNumber(at, value)


# ---- statements


def var(b: Building, at: Span, name: Token, type: tree.TypeExpr | None, value: tree.Expr) -> tree.VarDecl:
    return tree.VarDecl(at, b.ident(name), type, value)


def assign(b: Building, at: Span, target: tree.Expr, op: Token, value: tree.Expr) -> tree.Assign:
    root = target
    while isinstance(root, tree.Index | tree.Member):
        root = root.base
    if not isinstance(root, tree.Name):
        b.faults.append(BadTarget(target.span))
    return tree.Assign(at, target, cast(Any, op.text[:-1] or "="), value)


def for_(
    b: Building, at: Span, parallel: Token | None, pattern: tree.Pattern, iterable: tree.Expr, body: tree.Block
) -> tree.For:
    b.loop_ends(at)
    return tree.For(at, parallel is not None, pattern, iterable, body)


def while_(b: Building, at: Span, condition: tree.Expr, body: tree.Block) -> tree.While:
    b.loop_ends(at)
    return tree.While(at, condition, body)


def hole_def(
    b: Building, at: Span, word: Token, name: Token, type: tree.FieldType, start: tree.Expr | None
) -> tree.HoleDecl:
    return tree.HoleDecl(at, b.ident(name), type, start)


def jump(cls: Callable[..., Jump]) -> Action:
    def made(b: Building, at: Span, *value: tree.Expr | None) -> Jump:
        node = cls(at, *value)
        b.jumps.append(node)
        return node

    return made


# ---- patterns


def name_pattern(b: Building, at: Span, name: Token) -> tree.NamePattern:
    return tree.NamePattern(at, name.text)


def qualified_pattern(
    b: Building, at: Span, first: Token, rest: list[Token], parts: list[tree.Pattern | None] | None
) -> tree.ConstructorPattern:
    path = tuple(map(b.ident, [first, *rest]))
    return tree.ConstructorPattern(at, path, None if parts is None else tuple(p for p in parts if p is not None))


def constructor_pattern(
    b: Building, at: Span, name: Token, parts: list[tree.Pattern | None]
) -> tree.ConstructorPattern:
    return tree.ConstructorPattern(at, (b.ident(name),), tuple(p for p in parts if p is not None))


def tuple_pattern(b: Building, at: Span, *children: Any) -> tree.Pattern:
    items, comma = group_of(children)
    return cast(tree.Pattern, items[0]) if len(items) == 1 and not comma else tree.TuplePattern(at, tuple(items))


def number_pattern(b: Building, at: Span, token: Token) -> tree.LiteralPattern:
    return tree.LiteralPattern(at, number_value(token))


def negative_pattern(b: Building, at: Span, token: Token) -> tree.LiteralPattern:
    return tree.LiteralPattern(at, -number_value(token))


def string_pattern(b: Building, at: Span, token: Token) -> tree.LiteralPattern:
    text = read_text(b, token)
    if any(not isinstance(part, str) for part in text.parts):
        b.faults.append(BadInterpolation(at, "a pattern is a plain string", "compare in a guard: `s if s == ..`"))
    return tree.LiteralPattern(at, "".join(part for part in text.parts if isinstance(part, str)))


# ---- expressions


def number_value(token: Token) -> int | float:
    text = token.text.replace("_", "")
    return int(text) if text.isdigit() else float(text)


def binary(b: Building, at: Span, left: tree.Expr, op: Token, right: tree.Expr) -> tree.Binary:
    return tree.Binary(at, cast(Any, op.text), b.span(op), left, right)


def name_lambda(b: Building, at: Span, name: Token, body: tree.Expr) -> tree.Lambda:
    b.function_ends(at)
    pattern = tree.NamePattern(b.span(name), name.text)
    return tree.Lambda(at, (tree.LambdaParam(pattern.span, pattern, None),), body)


def group_lambda(b: Building, at: Span, head: Group, body: tree.Expr) -> tree.Lambda:
    b.function_ends(at)
    params = []
    for item in head.items:
        if isinstance(item, TypedName):
            params.append(tree.LambdaParam(item.name.span.to(item.type.span), item.name, item.type))
        else:
            pattern = _as_pattern(b, item)
            params.append(tree.LambdaParam(pattern.span, pattern, None))
    return tree.Lambda(at, tuple(params), body)


def _as_pattern(b: Building, item: tree.Expr) -> tree.Pattern:
    """What was read as an expression and turns out to stand before `->`; nested as deep as the tree at most."""
    match item:
        case tree.Name(span, name):
            return tree.NamePattern(span, name)
        case tree.TupleExpr(span, parts) if parts:
            return tree.TuplePattern(span, tuple(_as_pattern(b, part) for part in parts))
        case _:
            b.faults.append(BadParameter(item.span))
            return tree.NamePattern(item.span, "_")


def typed_name(b: Building, at: Span, name: Token, type: tree.TypeExpr) -> TypedName:
    return TypedName(tree.NamePattern(b.span(name), name.text), type)


def grouped(b: Building, at: Span, group: Group) -> tree.Expr:
    items: list[tree.Expr] = []
    for item in group.items:
        if isinstance(item, TypedName):
            b.faults.append(BadParameter(item.type.span, typed=True))
        else:
            items.append(item)
    return items[0] if len(items) == 1 and not group.comma else tree.TupleExpr(at, tuple(items))


def cast_(b: Building, at: Span, value: tree.Expr, path: list[Token], *brackets: Any) -> tree.Cast:
    start = b.span(path[0])
    return tree.Cast(at, value, named_type(b, Span(b.source, start.start, at.end), path, *brackets))


def named_arg(b: Building, at: Span, name: Token, value: tree.Expr) -> tree.Arg:
    return tree.Arg(at, b.ident(name), value)


def reduction(b: Building, at: Span, fn: tree.Expr, element: tree.Expr, binders: list[tree.Binder]) -> tree.Reduction:
    return tree.Reduction(at, fn, element, tuple(binders))


def index(b: Building, at: Span, base: tree.Expr, *items: tree.Expr | tree.SliceItem) -> tree.Index:
    slices = (tree.SliceItem(i.span, i.low, i.high) if isinstance(i, tree.Range) else i for i in items)
    return tree.Index(at, base, tuple(slices))


def member(b: Building, at: Span, base: tree.Expr, name: Token) -> tree.Member:
    return tree.Member(at, base, b.ident(name))


def train_point(
    b: Building, at: Span, word: Token, name: Token, subject: tree.Expr, *clauses: tree.TrainClause
) -> tree.Train:
    return tree.Train(at, b.ident(name), subject, clauses)


def simple_clause(b: Building, at: Span, word: Token, value: tree.Expr) -> tree.Clause:
    return tree.Clause(at, cast(Any, word.text), value)
