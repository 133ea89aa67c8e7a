"""The typed core: what a program is after the surface is gone. The whole of it fits on a screen or two.

A program is a set of functions of blocks of `Let`s in A-normal form. It is monomorphic, first
order and flat: lowering resolves type parameters and function values, and takes structs and tuples
apart to their leaves, so that a core value is a scalar, an array of scalars or of enum values, or an
enum value. Arrays are values: no node mutates. `var`s have become SSA and loop state.

The interpreter, the kernel emitter, the printer and the verifier read this same tree;
`differentiate` removes `Derive` and emits ordinary core.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal, TypeAlias

from ..errors.source import Span
from ..nodes import node

# ---- types


@node(frozen=True, slots=True)
class Scalar:
    name: Literal["Float", "Float32", "Int", "Bool", "String", "Key"]


@node(frozen=True, slots=True)
class EnumType:
    """A reference to a declaration in `Program.enums` (recursive types need a name)."""

    name: str


@node(frozen=True, slots=True)
class ArrayType:
    """A dense row-major array; a dim is a number where the program's text fixes it, else None."""

    elem: Scalar | EnumType
    dims: tuple[int | None, ...]


Type: TypeAlias = Scalar | EnumType | ArrayType

FLOAT, FLOAT32, INT = Scalar("Float"), Scalar("Float32"), Scalar("Int")
BOOL, STRING, KEY = Scalar("Bool"), Scalar("String"), Scalar("Key")


# ---- layouts: how leaves make up a value of the language, for printing and for callers from Python


@node(frozen=True, slots=True)
class Leaf:
    type: Type


@node(frozen=True, slots=True)
class Group:
    """A tuple (no `name`, no `fields`) or struct; with `rank` > 0 an array of them: each leaf below has
    `rank` more dimensions in front (its type says so). An array of empty tuples or structs has one leaf all the
    same, so that its sizes are kept: an Int array of zeros, as its only part, named `_`."""

    name: str
    fields: tuple[str, ...]
    parts: tuple[Layout, ...]
    rank: int = 0


@node(frozen=True, slots=True)
class Code:
    """A function value: its leaves are what it captures."""

    captured: tuple[Layout, ...]


Layout: TypeAlias = Leaf | Group | Code


@node(frozen=True, slots=True)
class VariantDecl:
    """`fields` are the leaves of the payload in order; `layouts` how they make up the payload as written."""

    name: str
    fields: tuple[Type, ...]
    layouts: tuple[Layout, ...] = ()


@node(frozen=True, slots=True)
class EnumDecl:
    name: str
    variants: tuple[VariantDecl, ...]


# ---- operands


@node(frozen=True, slots=True)
class Var:
    """A name bound once in its function, with its type."""

    name: str
    type: Type = field(compare=False)


@node(frozen=True, slots=True)
class Lit:
    """A scalar constant; `type` tells Float 1.0 from Float32 1.0."""

    value: float | int | bool | str
    type: Scalar


Operand: TypeAlias = Var | Lit

# ---- paths: how `Get` and `Update` reach into a value


@node(frozen=True, slots=True)
class At:
    """One position of the next dimension. Bounds are checked unless `proved`."""

    index: Operand
    proved: bool = False


@node(frozen=True, slots=True)
class Slice:
    """Positions low .. high of the next dimension, which stays."""

    low: Operand
    high: Operand
    proved: bool = False


@node(frozen=True, slots=True)
class Part:
    """Field `field` of variant number `tag` of an enum value that is known to be that variant."""

    tag: int
    field: int


Step: TypeAlias = At | Slice | Part
Path: TypeAlias = tuple[Step, ...]

# ---- nodes


@node(frozen=True, slots=True)
class Prim:
    """A row of the primitive table applied to operands of exactly its types.

    Elementwise rows take scalars here (an elementwise operation on arrays is a `Loop`); whole-array
    rows (sort, cumsum, @) take arrays. One result. `meta` holds what is fixed by the text and is no operand:
    for `format`, a tuple of pieces, each a str or (Layout, specification), whose leaves are the args in order.
    """

    op: str
    args: tuple[Operand, ...]
    meta: tuple[object, ...] = ()


@node(frozen=True, slots=True)
class Make:
    """An array of the given elements (scalars, enum values, or equal-shaped arrays: one more dim)."""

    parts: tuple[Operand, ...]


@node(frozen=True, slots=True)
class Get:
    """The part of `x` at `path`; fewer steps than dimensions leave a row, a `Slice` leaves its dim."""

    x: Operand
    path: Path


@node(frozen=True, slots=True)
class Update:
    """`x` with the part at `path` set to `v`, with `v` added to it, or (`push`, empty path) with `v` appended."""

    kind: Literal["set", "add", "push"]
    x: Operand
    path: Path
    v: Operand


@node(frozen=True, slots=True)
class Fill:
    """An array of the given shape, every element `v` (a scalar or enum value)."""

    shape: tuple[Operand, ...]
    v: Operand


@node(frozen=True, slots=True)
class Dim:
    x: Operand
    axis: int


@node(frozen=True, slots=True)
class Variant:
    enum: str
    tag: int
    args: tuple[Operand, ...]


@node(frozen=True, slots=True)
class Arm:
    """Binds the payload of one variant."""

    params: tuple[Var, ...]
    body: Block


@node(frozen=True, slots=True)
class Match:
    """One arm for each variant of the enum, in the order of the declaration."""

    x: Operand
    arms: tuple[Arm, ...]


@node(frozen=True, slots=True)
class If:
    cond: Operand
    then: Block
    orelse: Block


@node(frozen=True, slots=True)
class Carry:
    """Loop state: `param` is `init` at first, then the body's result of the turn before."""

    param: Var
    init: Operand


@node(frozen=True, slots=True)
class Build:
    """An array of the body's results, one a turn (in a While: of size trips). An array result adds its dims behind."""


@node(frozen=True, slots=True)
class Reduce:
    """The body's scalar results combined. `min max argmin argmax` of no turns fault; ties go to the first;
    `argmin argmax` give the turn's number from 0. Others of no turns give their unit."""

    op: Literal["+", "*", "min", "max", "any", "all", "argmin", "argmax", "logsumexp"]


Result: TypeAlias = Carry | Build | Reduce


@node(frozen=True, slots=True)
class Loop:
    """For `index` from `low` to `high` (no turn where high <= low): `body` gives one result for each of `results`.

    `parallel` is the author's assertion (`parallel for`), kept for the second judgement.
    """

    index: Var
    low: Operand
    high: Operand
    results: tuple[Result, ...]
    body: Block
    parallel: bool = False


@node(frozen=True, slots=True)
class While:
    """While `cond` (a block that sees `index` and the carry parameters) holds, another turn of `body`.

    `index` counts turns from 0. Results are `Carry` or `Build`; the Let has one name more than
    results, the last: the number of turns made, an Int.
    """

    index: Var
    results: tuple[Carry | Build, ...]
    cond: Block
    body: Block


@node(frozen=True, slots=True)
class Call:
    fn: str
    args: tuple[Operand, ...]


@node(frozen=True, slots=True)
class Derive:
    """A derivative of function `fn` at `args`, with respect to the leaf parameters numbered in `wrt`.

    Only leaves that have a tangent stand in `wrt`. `seeds` are tangents (one for each of `wrt`) or
    cotangents (one for each result of `fn` that has a tangent). Results of the Let, in order:

    grad            tangents of wrt                         (one Float result of fn; seed 1)
    value_and_grad  results of fn, tangents of wrt
    jvp             results of fn, tangents of its results that have one
    vjp             results of fn, tangents of wrt
    hvp             tangents of wrt (of the gradient along `seeds`)
    jacobian        for each of wrt: dims of fn's result, then dims of that leaf
    hessian         Float[k, k] over all scalars of wrt in order (a Float where wrt is one Float)
    demand          nothing: `train` asks the first judgement, then it is dropped

    The tangent of an enum value is a value of the same enum with the gradient in its payload.
    """

    kind: Literal["grad", "value_and_grad", "jvp", "vjp", "hvp", "jacobian", "hessian", "demand"]
    fn: str
    args: tuple[Operand, ...]
    wrt: tuple[int, ...]
    seeds: tuple[Operand, ...] = ()


@node(frozen=True, slots=True)
class Stop:
    """The identity whose derivative is zero at every order."""

    x: Operand


@node(frozen=True, slots=True)
class Checkpoint:
    """The block's results; reverse mode keeps only what it reads and executes it again."""

    body: Block


@node(frozen=True, slots=True)
class Check:
    """An effect: faults with runtime diagnostic `fault` (a code such as E0602) where `cond` is false.

    `args` are values for its message in the order of the diagnostic's fields after the span. No result.
    """

    cond: Operand
    fault: str
    args: tuple[Operand, ...] = ()


@node(frozen=True, slots=True)
class Io:
    """Input or output: a row of the primitive table with the effect io or progress. Any number of results.

    `meta` is (layouts of the arguments, their names or None, layout of the result).
    """

    op: str
    args: tuple[Operand, ...]
    meta: tuple[object, ...] = ()


Value: TypeAlias = (
    Prim
    | Make
    | Get
    | Update
    | Fill
    | Dim
    | Variant
    | Match
    | If
    | Loop
    | While
    | Call
    | Derive
    | Stop
    | Checkpoint
    | Check
    | Io
)


@node(frozen=True, slots=True)
class Let:
    """Binds the results of `value` in order (none for a Check)."""

    names: tuple[Var, ...]
    value: Operand | Value
    span: Span = field(repr=False, compare=False)
    role: Literal["primal", "adjoint"] = "primal"


@node(frozen=True, slots=True)
class Block:
    lets: tuple[Let, ...]
    results: tuple[Operand, ...]


@node(frozen=True, slots=True)
class Param:
    """What a function's leaf parameter is called in the source: `w.a`, and which source parameter it is part of.

    `low` and `high` are the bounds that a constraint of its type keeps its elements in; `strict`: never on them.
    """

    var: Var
    label: str
    source: int = -1
    span: Span | None = field(default=None, repr=False, compare=False)
    low: float | None = None
    high: float | None = None
    strict: bool = False


@node(frozen=True, slots=True)
class Rule:
    """A derivative of one's own for a function, as names of core functions.

    `partials` takes the parameters and the result and gives, for each leaf parameter with a tangent,
    the derivative of the one scalar result (of the leaf's type). `jvp` takes the parameters, the
    results, and tangents of the parameters that have one; it gives tangents of the results. `vjp` takes the
    parameters, the results and cotangents of the results that have one; it gives adjoints of the
    parameters that have one.
    """

    partials: str | None = None
    jvp: str | None = None
    vjp: str | None = None


@node(frozen=True, slots=True)
class Fn:
    """`name` is unique in the program, `label` what the source calls it, `contract` the author's (`smooth fn`)."""

    name: str
    label: str
    params: tuple[Param, ...]
    body: Block
    result_types: tuple[Type, ...]
    result_labels: tuple[str, ...]
    span: Span = field(repr=False, compare=False)
    rule: Rule | None = None
    contract: Literal["", "smooth", "lipschitz"] = ""
    user: bool = True


@node(frozen=True, slots=True)
class Program:
    """All functions and enums by name. `entry` runs a file's top-level statements."""

    fns: dict[str, Fn]
    enums: dict[str, EnumDecl]
    entry: str
