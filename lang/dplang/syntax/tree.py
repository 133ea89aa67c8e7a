"""The surface tree: what was written, with exact spans and before any meaning.

Nodes are frozen and closed in unions, so that a reader (`match` ending in `assert_never`) is told
by mypy when a node is added. Names carry their own spans where a diagnostic may point at them.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal, TypeAlias

from ..errors.source import Span
from ..nodes import node


@node(frozen=True, slots=True)
class Node:
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Ident(Node):
    """A name where it is written."""

    name: str


# ---- types and sizes


@node(frozen=True, slots=True)
class NamedType(Node):
    """`Float`, `nn.Dense[n, m][p]`, or a size name: `path` and the groups of brackets after it."""

    path: tuple[Ident, ...]
    brackets: tuple[tuple[BracketItem, ...], ...] = ()


@node(frozen=True, slots=True)
class TupleType(Node):
    parts: tuple[TypeExpr, ...]
    brackets: tuple[tuple[BracketItem, ...], ...] = ()


@node(frozen=True, slots=True)
class FnType(Node):
    params: tuple[TypeExpr, ...]
    result: TypeExpr


@node(frozen=True, slots=True)
class SizeNumber(Node):
    value: int


@node(frozen=True, slots=True)
class SizeBinary(Node):
    op: Literal["+", "-", "*", "//", "%", "/", "@"]
    left: BracketItem
    right: BracketItem


@node(frozen=True, slots=True)
class SizeCall(Node):
    """`min(n, m)` or `max(n, m)`; other names parse too and are refused by the checker."""

    name: Ident
    args: tuple[BracketItem, ...]


@node(frozen=True, slots=True)
class UnknownSize(Node):
    """`?` (name None) or `?k`."""

    name: str | None


@node(frozen=True, slots=True)
class AnyRank(Node):
    """`..` in brackets: an array of any rank."""


@node(frozen=True, slots=True)
class Constrained(Node):
    """`Float > 0`, `Float >= lo`, `Float <= hi`: a field's or hole's type with a bound."""

    base: TypeExpr
    op: Literal[">", ">=", "<="]
    bound: Expr


@node(frozen=True, slots=True)
class InInterval(Node):
    """`Float in (lo, hi)`."""

    base: TypeExpr
    low: Expr
    high: Expr


TypeExpr: TypeAlias = NamedType | TupleType | FnType
BracketItem: TypeAlias = TypeExpr | SizeNumber | SizeBinary | SizeCall | UnknownSize | AnyRank
FieldType: TypeAlias = TypeExpr | Constrained | InInterval


# ---- patterns


@node(frozen=True, slots=True)
class NamePattern(Node):
    """`x` binds; `_` drops; a capitalised name is a constructor without payload."""

    name: str


@node(frozen=True, slots=True)
class ConstructorPattern(Node):
    """`Leaf(v)`, `option.Some(v)`, `color.Red` (`parts` None where no brackets were written)."""

    path: tuple[Ident, ...]
    parts: tuple[Pattern, ...] | None


@node(frozen=True, slots=True)
class TuplePattern(Node):
    parts: tuple[Pattern, ...]


@node(frozen=True, slots=True)
class LiteralPattern(Node):
    """A literal; Float literals parse too and are refused by the checker."""

    value: int | float | str | bool


Pattern: TypeAlias = NamePattern | ConstructorPattern | TuplePattern | LiteralPattern


# ---- expressions


@node(frozen=True, slots=True)
class Number(Node):
    """`value` is an int exactly where the text has neither point nor exponent."""

    value: int | float


@node(frozen=True, slots=True)
class Bool(Node):
    value: bool


@node(frozen=True, slots=True)
class Interpolation(Node):
    """`{value:spec}` inside a string; `spec` is empty where none was written."""

    value: Expr
    spec: str


@node(frozen=True, slots=True)
class Text(Node):
    """A string: literal pieces (escapes resolved, `{{` is `{`) and interpolations in order."""

    parts: tuple[str | Interpolation, ...]


@node(frozen=True, slots=True)
class Name(Node):
    name: str


@node(frozen=True, slots=True)
class Hole(Node):
    """`?a`."""

    name: str


@node(frozen=True, slots=True)
class TupleExpr(Node):
    """`()`, `(a,)`, `(a, b)`; a bracketed single expression is that expression itself."""

    parts: tuple[Expr, ...]


@node(frozen=True, slots=True)
class ArrayExpr(Node):
    parts: tuple[Expr, ...]


@node(frozen=True, slots=True)
class Binder(Node):
    """`i in 0..n`, `x in xs`, `(a, b) in ps`, or plain `k` (iterable None)."""

    pattern: Pattern
    iterable: Expr | None


@node(frozen=True, slots=True)
class Builder(Node):
    """`[element for binders]`."""

    element: Expr
    binders: tuple[Binder, ...]


@node(frozen=True, slots=True)
class Reduction(Node):
    """`fn(element for binders)`: `sum(x^2 for x in xs)`."""

    fn: Expr
    element: Expr
    binders: tuple[Binder, ...]


@node(frozen=True, slots=True)
class Arg(Node):
    name: Ident | None
    value: Expr


@node(frozen=True, slots=True)
class Call(Node):
    fn: Expr
    args: tuple[Arg, ...]


@node(frozen=True, slots=True)
class SliceItem(Node):
    """`a..b`, `a..`, `..b` or `..` between index brackets."""

    low: Expr | None
    high: Expr | None


@node(frozen=True, slots=True)
class Index(Node):
    base: Expr
    items: tuple[Expr | SliceItem, ...]


@node(frozen=True, slots=True)
class Member(Node):
    base: Expr
    name: Ident


UnaryOp: TypeAlias = Literal["-", "not"]
BinaryOp: TypeAlias = Literal["+", "-", "*", "/", "//", "%", "^", "@", "==", "!=", "<", "<=", ">", ">=", "and", "or"]


@node(frozen=True, slots=True)
class Unary(Node):
    op: UnaryOp
    operand: Expr


@node(frozen=True, slots=True)
class Binary(Node):
    op: BinaryOp
    op_span: Span = field(repr=False, compare=False)
    left: Expr
    right: Expr


@node(frozen=True, slots=True)
class Range(Node):
    low: Expr
    high: Expr


@node(frozen=True, slots=True)
class Cast(Node):
    """`value as Float[?k, 3]`."""

    value: Expr
    type: TypeExpr


@node(frozen=True, slots=True)
class Pipe(Node):
    value: Expr
    fn: Expr


@node(frozen=True, slots=True)
class Compose(Node):
    first: Expr
    second: Expr


@node(frozen=True, slots=True)
class LambdaParam(Node):
    """A plain name or a tuple pattern, with a type where one is written."""

    pattern: Pattern
    type: TypeExpr | None


@node(frozen=True, slots=True)
class Lambda(Node):
    params: tuple[LambdaParam, ...]
    body: Expr


@node(frozen=True, slots=True)
class If(Node):
    condition: Expr
    then: Block
    orelse: Block | If | None


@node(frozen=True, slots=True)
class Arm(Node):
    """`pattern if guard => body`; the body may be a jump or an assignment."""

    pattern: Pattern
    guard: Expr | None
    body: Expr | Return | Break | Continue | Assign


@node(frozen=True, slots=True)
class Match(Node):
    scrutinee: Expr
    arms: tuple[Arm, ...]


@node(frozen=True, slots=True)
class Block(Node):
    """`{ .. }`: its value is its last item where that is an expression."""

    items: tuple[Item, ...]


@node(frozen=True, slots=True)
class Checkpoint(Node):
    body: Block


# ---- train

ClauseWord: TypeAlias = Literal[
    "minimize", "maximize", "residuals", "using", "steps", "epochs", "until", "validate", "clip"
]


@node(frozen=True, slots=True)
class Clause(Node):
    word: ClauseWord
    value: Expr


@node(frozen=True, slots=True)
class RestartsClause(Node):
    count: Expr
    key: Expr | None


@node(frozen=True, slots=True)
class BatchClause(Node):
    pattern: Pattern
    data: Expr
    size: Expr
    shuffle: Expr | None


@node(frozen=True, slots=True)
class EveryClause(Node):
    period: Expr
    body: Block


@node(frozen=True, slots=True)
class SaveClause(Node):
    path: Text
    period: Expr


TrainClause: TypeAlias = Clause | RestartsClause | BatchClause | EveryClause | SaveClause


@node(frozen=True, slots=True)
class Train(Node):
    """`train name = subject { clauses }`, or `train subject { clauses }` of a sketch (name None)."""

    name: Ident | None
    subject: Expr
    clauses: tuple[TrainClause, ...]


Expr: TypeAlias = (
    Number
    | Bool
    | Text
    | Name
    | Hole
    | TupleExpr
    | ArrayExpr
    | Builder
    | Reduction
    | Call
    | Index
    | Member
    | Unary
    | Binary
    | Range
    | Cast
    | Pipe
    | Compose
    | Lambda
    | If
    | Match
    | Block
    | Checkpoint
    | Train
)


# ---- statements


@node(frozen=True, slots=True)
class Let(Node):
    pattern: Pattern
    type: TypeExpr | None
    value: Expr


@node(frozen=True, slots=True)
class VarDecl(Node):
    name: Ident
    type: TypeExpr | None
    value: Expr


@node(frozen=True, slots=True)
class Assign(Node):
    """`target op value`; `op` is `=` or the operator of a compound assignment without its `=`."""

    target: Expr
    op: Literal["=", "+", "-", "*", "/", "^", "@"]
    value: Expr


@node(frozen=True, slots=True)
class For(Node):
    parallel: bool
    pattern: Pattern
    iterable: Expr
    body: Block


@node(frozen=True, slots=True)
class While(Node):
    condition: Expr
    body: Block


@node(frozen=True, slots=True)
class HoleDecl(Node):
    """`hole name: type = start`."""

    name: Ident
    type: FieldType
    start: Expr | None


@node(frozen=True, slots=True)
class Assert(Node):
    condition: Expr
    message: Expr | None


@node(frozen=True, slots=True)
class Return(Node):
    value: Expr | None


@node(frozen=True, slots=True)
class Break(Node):
    pass


@node(frozen=True, slots=True)
class Continue(Node):
    pass


Stmt: TypeAlias = Let | VarDecl | Assign | For | While | HoleDecl | Assert | Return | Break | Continue


# ---- definitions


@node(frozen=True, slots=True)
class TypeParam(Node):
    """`A`, `A: Vector`, or a size `n`."""

    name: Ident
    bound: Ident | None


@node(frozen=True, slots=True)
class Param(Node):
    name: Ident
    type: FieldType | None
    default: Expr | None


@node(frozen=True, slots=True)
class FnDef(Node):
    """A function, method or sketch. `doc` is the text of the `##` comments right before it."""

    mods: tuple[Literal["smooth", "lipschitz"], ...]
    sketch: bool
    name: Ident
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]
    result: TypeExpr | None
    body: Expr
    doc: str


@node(frozen=True, slots=True)
class FieldDecl(Node):
    fixed: bool
    name: Ident
    type: FieldType
    default: Expr | None


@node(frozen=True, slots=True)
class StructDef(Node):
    name: Ident
    type_params: tuple[TypeParam, ...]
    fields: tuple[FieldDecl, ...]
    methods: tuple[FnDef, ...]
    doc: str


@node(frozen=True, slots=True)
class VariantDecl(Node):
    name: Ident
    payload: tuple[TypeExpr, ...]


@node(frozen=True, slots=True)
class EnumDef(Node):
    name: Ident
    type_params: tuple[TypeParam, ...]
    variants: tuple[VariantDecl, ...]
    doc: str


@node(frozen=True, slots=True)
class ImportModule(Node):
    """`import a.b as c` or `import "./x.dp" as c`; `module` is the dotted name or the path."""

    module: str
    is_path: bool
    alias: Ident | None


@node(frozen=True, slots=True)
class ImportNames(Node):
    """`from m import a, b`."""

    module: str
    is_path: bool
    names: tuple[Ident, ...]


@node(frozen=True, slots=True)
class TestDef(Node):
    title: Text
    body: Block


@node(frozen=True, slots=True)
class RuleDef(Node):
    """`jvp(da, db) = ..` or `vjp(g) { .. }` inside a `derivative` definition."""

    name: Ident
    params: tuple[Param, ...]
    body: Expr


@node(frozen=True, slots=True)
class DerivativeDef(Node):
    """`derivative f(x, y) = partials` (`rules` empty) or with `jvp` and `vjp` rules (`partials` None)."""

    name: Ident
    params: tuple[Param, ...]
    partials: Expr | None
    rules: tuple[RuleDef, ...]


Definition: TypeAlias = FnDef | StructDef | EnumDef | ImportModule | ImportNames | TestDef | DerivativeDef
Item: TypeAlias = Definition | Stmt | Expr


@node(frozen=True, slots=True)
class Comment(Node):
    """A comment with its `#`, kept aside for the formatter."""

    text: str


@node(frozen=True, slots=True)
class Module(Node):
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
