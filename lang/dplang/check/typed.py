"""The typed tree: what the checker hands to lowering.

Everything implicit in the surface is explicit here: names are resolved to symbols, arguments are positional with
defaults filled in, pipes and methods are calls, operators are primitives, Ints are widened, lifted
calls say what is mapped over what, comprehension binders are index ranges, sketches are functions of a
record of holes. Types may still hold type variables and size variables of generic definitions: lowering
makes an instance for each use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Literal, TypeAlias

from ..core.sizes import Size, SizeVar
from ..core.types import Constraint, Struct, Type, TypeVar
from ..errors.source import Span
from ..nodes import node

_ids = count(1)


@node(frozen=True, slots=True)
class Symbol:
    """A variable, told apart by `id`. `mutable` for `var`s. `top` for top-level lets and vars of a module."""

    name: str
    span: Span = field(repr=False, compare=False)
    mutable: bool = False
    top: bool = False
    id: int = field(default_factory=lambda: next(_ids))


@node(frozen=True, slots=True)
class Node:
    type: Type
    span: Span = field(repr=False, compare=False)


# ---- leaves


@node(frozen=True, slots=True)
class Lit(Node):
    """A constant of type Float, Float32, Int, Bool or String (the type is the final one: `1` may be a Float).

    Beside a value of a type variable bounded by Number, a whole number of that variable's type."""

    value: float | int | bool | str


@node(frozen=True, slots=True)
class Local(Node):
    """A variable, local or top-level (`symbol.top`)."""

    symbol: Symbol


@node(frozen=True, slots=True)
class SizeValue(Node):
    """The Int value of a size over the size variables in scope."""

    size: Size


@node(frozen=True, slots=True)
class FnRef:
    """A definition together with its type arguments: types and sizes for `fn.type_params` in order."""

    fn: Function
    args: tuple[Type | Size, ...]


@node(frozen=True, slots=True)
class FnValue(Node):
    """A definition as a function value. `bound` is the receiver of a method value `w.f`, else None."""

    ref: FnRef
    bound: Expr | None = None


@node(frozen=True, slots=True)
class Lambda(Node):
    """A closure. It captures the symbols that are free in `body` at the moment it is made."""

    params: tuple[Symbol, ...]
    param_types: tuple[Type, ...]
    body: Expr


# ---- making and taking apart


@node(frozen=True, slots=True)
class Make(Node):
    """A tuple or struct of its parts in order (defaults filled in); of an array type, an array of them, whose parts are
    arrays. `checks` names the constraints to check."""

    parts: tuple[Expr, ...]
    checks: tuple[Constraint | None, ...] = ()


@node(frozen=True, slots=True)
class MakeArray(Node):
    parts: tuple[Expr, ...]


@node(frozen=True, slots=True)
class MakeVariant(Node):
    tag: int
    args: tuple[Expr, ...]


@node(frozen=True, slots=True)
class GetField(Node):
    """Field or part number `index`. Of an array of structs: the array of that field."""

    base: Expr
    index: int


@node(frozen=True, slots=True)
class At:
    index: Expr


@node(frozen=True, slots=True)
class Slice:
    """`low..high` of one dimension; None is the start or the end."""

    low: Expr | None
    high: Expr | None


IndexItem: TypeAlias = At | Slice


@node(frozen=True, slots=True)
class GetItem(Node):
    base: Expr
    items: tuple[IndexItem, ...]


# ---- computing


@node(frozen=True, slots=True)
class Prim(Node):
    """A row of the primitive table on arguments of exactly its types (elementwise rows: scalars)."""

    op: str
    args: tuple[Expr, ...]


@node(frozen=True, slots=True)
class Call(Node):
    """A call of a definition with its arguments in parameter order."""

    ref: FnRef
    args: tuple[Expr, ...]


@node(frozen=True, slots=True)
class Apply(Node):
    """A call of a function value."""

    fn: Expr
    args: tuple[Expr, ...]


@node(frozen=True, slots=True)
class Lift(Node):
    """`body` mapped over the leading dimensions `dims`.

    Each of `args` is evaluated once; inside `body` its symbol stands for the element at the last `depth`
    of the current indices (depth 0: the whole argument, held). `type` is the type of body with `dims` in front.
    Elementwise arithmetic on arrays is a Lift whose body is a Prim on scalars.
    """

    dims: tuple[Size, ...]
    args: tuple[tuple[Symbol, Expr, int], ...]
    body: Expr


@node(frozen=True, slots=True)
class Vector(Node):
    """Vector space arithmetic on structs and tuples: `+`, `-` of two, `*` of a Float scalar (left) and one, `neg` of
    one, `dot` of two, `zero` (of one, whose shape it has). Of a type variable bounded by Vector it is that of what the
    variable stands for.

    Acts on the leaves that have a tangent; other leaves are the left operand's (of `*`, the right one's).
    Where the result's type has constraints, they are checked.
    """

    op: Literal["+", "-", "*", "neg", "dot", "zero"]
    args: tuple[Expr, ...]


@node(frozen=True, slots=True)
class Equal(Node):
    """Structural equality of two values of one data type that is no scalar (scalars use the primitive `==`)."""

    left: Expr
    right: Expr


@node(frozen=True, slots=True)
class Range:
    """A bound variable that runs from `low` to `high`."""

    symbol: Symbol
    low: Expr
    high: Expr


@node(frozen=True, slots=True)
class Builder(Node):
    """One dimension for each range, in order; then those of the element.

    `for x in xs` is a range over the index and a Let of the element around the body.
    """

    ranges: tuple[Range, ...]
    element: Expr


ReduceOp: TypeAlias = Literal["+", "*", "min", "max", "any", "all", "argmin", "argmax", "logsumexp"]


@node(frozen=True, slots=True)
class Reduce(Node):
    """The elements over all ranges combined. `+` of arrays, structs and tuples adds leaf by leaf.

    `mean` is `+` divided by the number of turns, made so by the checker.
    """

    op: ReduceOp
    ranges: tuple[Range, ...]
    element: Expr


@node(frozen=True, slots=True)
class If(Node):
    """Without `else` the type is the unit tuple. `and` and `or` of scalars are Ifs (they short-circuit)."""

    condition: Expr
    then: Expr
    orelse: Expr | None


@node(frozen=True, slots=True)
class BindPattern:
    symbol: Symbol
    type: Type


@node(frozen=True, slots=True)
class AnyPattern:
    pass


@node(frozen=True, slots=True)
class VariantPattern:
    tag: int
    parts: tuple[Pattern, ...]


@node(frozen=True, slots=True)
class TuplePattern:
    """Of a tuple (structs have no patterns)."""

    parts: tuple[Pattern, ...]


@node(frozen=True, slots=True)
class LiteralPattern:
    """An Int, Bool or String."""

    value: int | bool | str


Pattern: TypeAlias = BindPattern | AnyPattern | VariantPattern | TuplePattern | LiteralPattern


@node(frozen=True, slots=True)
class Arm:
    pattern: Pattern
    guard: Expr | None
    body: Expr


@node(frozen=True, slots=True)
class Match(Node):
    """Known to be exhaustive. The first arm that fits is taken."""

    scrutinee: Expr
    arms: tuple[Arm, ...]


@node(frozen=True, slots=True)
class Block(Node):
    """Statements, then the value (None: unit, or never reached)."""

    stmts: tuple[Stmt, ...]
    result: Expr | None


@node(frozen=True, slots=True)
class Checkpoint(Node):
    body: Expr


@node(frozen=True, slots=True)
class Stop(Node):
    value: Expr


@node(frozen=True, slots=True)
class Cast(Node):
    """`value as type`: each dimension of `type` is checked against the value's at run time; those that are one of
    `fresh` alone are bound instead. Without need of a check (sizes equal as types) the checker leaves it out."""

    value: Expr
    fresh: tuple[SizeVar, ...]


@node(frozen=True, slots=True)
class Format(Node):
    """An interpolated string: literal pieces, and values with Python format specifications (elementwise for arrays)."""

    parts: tuple[str | tuple[Expr, str], ...]


DeriveKind: TypeAlias = Literal["grad", "value_and_grad", "jvp", "vjp", "hvp", "jacobian", "hessian"]
DERIVE_KINDS: tuple[DeriveKind, ...] = ("grad", "value_and_grad", "jvp", "vjp", "hvp", "jacobian", "hessian")


@node(frozen=True, slots=True)
class Derive(Node):
    """A derivative operator applied: `kind(fn, wrt = ..)(args)`; unapplied, the checker makes a Lambda around it.

    `wrt` are parameter numbers of `fn`. `seeds` are the tangents (jvp, hvp: one value of type T(wrt))
    or the cotangent (vjp). `tuple_wrt` tells whether T(wrt) is a tuple (`wrt = (p, q)`).
    """

    kind: DeriveKind
    fn: Expr
    args: tuple[Expr, ...]
    wrt: tuple[int, ...]
    tuple_wrt: bool
    seeds: tuple[Expr, ...]


@node(frozen=True, slots=True)
class Demand(Node):
    """Of unit type: `train` demands that the Float result of `fn` (one parameter) can be learned from all of `arg`.
    Leaves of fields marked `fixed` are left out."""

    fn: Expr
    arg: Expr


@node(frozen=True, slots=True)
class Flatten(Node):
    """The trainable Float scalars of `value` (leaves with a tangent, `fixed` fields left out) as one Float[n],
    mapped to the unconstrained space by the constraints of its fields."""

    value: Expr


@node(frozen=True, slots=True)
class Unflatten(Node):
    """A value of `like`'s type: its trainable scalars are `flat` mapped back by the constraints, other leaves are those
    of `like`."""

    flat: Expr
    like: Expr


@node(frozen=True, slots=True)
class Io(Node):
    """Input or output: `print`, `plot.line`, `data.csv`, training progress … A row of the table with an effect.

    `names` are the names of named arguments (None for positional ones), in the order of `args`.
    """

    op: str
    args: tuple[Expr, ...]
    names: tuple[str | None, ...] = ()


Expr: TypeAlias = (
    Lit
    | Local
    | SizeValue
    | FnValue
    | Lambda
    | Make
    | MakeArray
    | MakeVariant
    | GetField
    | GetItem
    | Prim
    | Call
    | Apply
    | Lift
    | Vector
    | Equal
    | Builder
    | Reduce
    | If
    | Match
    | Block
    | Checkpoint
    | Stop
    | Cast
    | Format
    | Derive
    | Demand
    | Flatten
    | Unflatten
    | Io
)


# ---- statements


@node(frozen=True, slots=True)
class Let:
    """`fresh` are size variables that this binding names: lowering reads each from the dimensions of the
    value where it first stands alone in the pattern's type, or, for an Int symbol, from the Int itself.
    They are known from here to the end of the enclosing body, branch or lambda, also behind the Block around the Let.
    Names of the file's level that a function uses are read from its `globals`."""

    pattern: Pattern
    value: Expr
    fresh: tuple[SizeVar, ...]
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Var:
    symbol: Symbol
    value: Expr
    fresh: tuple[SizeVar, ...]
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class FieldStep:
    index: int
    constraint: Constraint | None = None


@node(frozen=True, slots=True)
class ItemStep:
    items: tuple[IndexItem, ...]


@node(frozen=True, slots=True)
class Assign:
    """`symbol` with the part at `steps` replaced by `value` (no steps: all of it).

    For a compound assignment `op`, `value` already is `old op new` (a read of the same part), except that `accumulate`
    tells lowering that the value is `part + value` (or minus, negated) so that it emits one Update(add).
    `push` is `y = concat(y, [e])`: `value` is then e.
    """

    symbol: Symbol
    steps: tuple[FieldStep | ItemStep, ...]
    value: Expr
    accumulate: bool
    push: bool
    fresh: tuple[SizeVar, ...]
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class For:
    """Over Ints from low to high. Loops over arrays are loops over the index with a Let; `reverse` counts down."""

    range: Range
    reverse: bool
    parallel: bool
    body: Block
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Unrolled:
    """A `for` over a tuple: one body a part. `break` and `continue` in them mean this loop.

    An Assign without steps right in a body may give its variable another type, which it has from there on."""

    bodies: tuple[Block, ...]
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class While:
    condition: Expr
    body: Block
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Return:
    value: Expr | None
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Break:
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Continue:
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Assert:
    condition: Expr
    message: Expr | None
    span: Span = field(repr=False, compare=False)


@node(frozen=True, slots=True)
class Do:
    """An expression evaluated for its effect."""

    value: Expr
    span: Span = field(repr=False, compare=False)


Stmt: TypeAlias = Let | Var | Assign | For | Unrolled | While | Return | Break | Continue | Assert | Do


# ---- definitions


Contract: TypeAlias = Literal["", "smooth", "lipschitz"]


@dataclass(eq=False, slots=True)
class CustomRule:
    """A `derivative` definition: its bodies as functions over (params.., result[, tangents or cotangent])."""

    span: Span
    partials: Function | None = None
    jvp: Function | None = None
    vjp: Function | None = None


@dataclass(eq=False, slots=True)
class Function:
    """A function, method (self first) or finished sketch (holes first). Filled in as checking goes on.

    `type_params` are the universals: type variables and size variables, in order of appearance. A size
    variable is read from the parameter where it stands alone, or from the Int parameter of its name (`size_params`).
    `globals` are the top-level symbols it uses, directly or through functions that it calls.
    """

    name: str
    span: Span
    type_params: tuple[TypeVar | SizeVar, ...] = ()
    params: tuple[Symbol, ...] = ()
    param_types: tuple[Type, ...] = ()
    size_params: tuple[tuple[SizeVar, Symbol], ...] = ()
    result: Type | None = None
    body: Expr | None = None
    globals: tuple[Symbol, ...] = ()
    io: bool = False
    contract: Contract = ""
    rule: CustomRule | None = None
    module: str = ""
    doc: str = ""
    user: bool = True


@node(frozen=True, slots=True)
class HoleInfo:
    """One hole of a sketch: its field in the struct of holes, and what `dp fill` replaces.

    `uses` are the places of `?a`, `declared` that of `hole a: .. = ..`.
    """

    name: str
    field: int
    uses: tuple[Span, ...]
    declared: Span | None


@dataclass(eq=False, slots=True)
class Sketch:
    """A sketch, for `dp fill`: to all else it is a struct of its holes with a method `call`.

    `parts` are the sketches that it calls, whose holes are one field each.
    """

    name: str
    holes: Struct
    infos: tuple[HoleInfo, ...] = ()
    parts: tuple[tuple[int, Sketch], ...] = ()


@dataclass(eq=False, slots=True)
class Module:
    """A checked file: its functions, its top-level statements in order, and what it exports by name.

    `names` maps each top-level name to its Symbol (a value), Function, StructDecl, EnumDecl or Module.
    """

    name: str
    functions: list[Function]
    stmts: tuple[Stmt, ...]
    names: dict[str, object]
    types: dict[Symbol, Type]
    tests: tuple[tuple[str, Block], ...] = ()
    fills: tuple[tuple[Sketch, Symbol], ...] = ()
    """Sketches with the top-level variables that hold a fit of them, or its value."""
    sketches: tuple[Sketch, ...] = ()
    scope: object = None
    """What the checker keeps about `names` for whoever imports them."""
