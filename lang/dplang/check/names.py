"""What names mean: the kinds of thing that a name can stand for, and the scopes that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..core.sizes import Size, SizeVar
from ..core.types import Constraint, EnumDecl, StructDecl, Type
from ..errors.source import Span
from ..syntax import tree as surface
from . import typed

if TYPE_CHECKING:
    from .context import Body, Region, Unit
    from .sketches import Open

Barrier: TypeAlias = Literal["", "lambda", "builder", "function"]


@dataclass(eq=False, slots=True)
class Value:
    """A variable.

    `size` is what an immutable Int is as a size; where it is None so far, naming it puts a Let at `place`.
    `init` is what it began with, as written. `resizes` is the declared type of a `var y: Float[?]`, whose size
    changes at each assignment; `adapts` marks a `var` that may change its type inside an unrolled loop.
    `captured` marks what a function value took of a `var`; `effects` are those of a function value; `made` tells
    when it was defined.
    """

    symbol: typed.Symbol
    type: Type
    size: Size | None = None
    place: list[typed.Stmt] | None = None
    init: surface.Expr | None = None
    resizes: Type | None = None
    adapts: bool = False
    captured: bool = False
    made: int = 0
    effects: Region | None = None


@dataclass(eq=False, slots=True)
class SizeName:
    """A universal size, or one bound by `as Float[?k]`: an Int in expressions."""

    size: Size
    span: Span


@dataclass(eq=False, slots=True)
class TypeName:
    """A type variable, or the type that it stands for in an instance."""

    type: Type
    span: Span


@dataclass(eq=False, slots=True)
class FnName:
    """A function, method or sketch definition and how far its checking has come.

    `template`s (of any rank, or over tuples) are checked for each instance: `given` are its tuple types, `shapes`
    the dimensions of its `[..]` parameters, `actual` all its arguments' types, `extra` the sizes in them. `uses` are
    the functions that it mentions, `reads` the top-level names; `waiting` is one that had no value yet when the
    function was needed. `pure` are the function parameters that are called where no effect can be.
    """

    tree: surface.FnDef
    unit: Unit
    scope: Scope
    fn: typed.Function
    owner: StructName | None = None
    state: Literal["new", "signed", "open", "done"] = "new"
    declared: bool = False
    template: bool = False
    sizes: tuple[tuple[int, SizeVar], ...] = ()
    inner: Scope | None = None
    instances: dict[object, FnName] = field(default_factory=dict)
    uses: dict[FnName, Span] = field(default_factory=dict)
    waiting: tuple[str, Span] | None = None
    reads: dict[typed.Symbol, Span] = field(default_factory=dict)
    given: dict[str, Type] = field(default_factory=dict)
    extra: tuple[SizeVar, ...] = ()
    shapes: dict[int, tuple[Size, ...]] | None = None
    actual: tuple[Type | None, ...] = ()
    pure: dict[int, Region] = field(default_factory=dict)
    sketch: Open | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.owner.decl.name}.{self.tree.name.name}" if self.owner else self.tree.name.name


@dataclass(eq=False, slots=True)
class LetFn:
    """A function value without a type of its own (`x -> x + 1`, `f >> g`, `grad(f)`), bound by `let`.

    It is checked at each use, with the argument types found there. Each instance is a Let at `place`, so that it
    captures what the `let` captured; uses at the same types share it.
    """

    name: str
    value: surface.Expr
    scope: Scope
    body: Body
    span: Span
    place: list[typed.Stmt]
    top: bool
    instances: dict[Type, Value] = field(default_factory=dict)
    open: bool = False
    definition: surface.FnDef | None = None


@dataclass(eq=False, slots=True)
class StructName:
    """A struct: its declaration, and what checking needs beyond it."""

    decl: StructDecl
    tree: surface.StructDef | None
    scope: Scope
    methods: dict[str, FnName] = field(default_factory=dict)
    defaults: tuple[surface.Expr | None, ...] = ()

    @property
    def call(self) -> FnName | None:
        return self.methods.get("call")


@dataclass(eq=False, slots=True)
class EnumName:
    decl: EnumDecl
    tree: surface.EnumDef | None


@dataclass(eq=False, slots=True)
class VariantName:
    enum: EnumName
    tag: int
    span: Span


@dataclass(eq=False, slots=True)
class ModuleName:
    """An imported module: names of its own, and rows of the primitive table that it owns (`prefix`)."""

    module: typed.Module | None
    prefix: str
    names: dict[str, Entity]
    span: Span


@dataclass(eq=False, slots=True)
class Builtin:
    """A name that is always in scope: something that the checker expands, or a row of the primitive table."""

    name: str


@dataclass(eq=False, slots=True)
class Pending:
    """A top-level `let` or `var` that stands further down than what is being checked."""

    name: str
    span: Span
    mutable: bool
    value: surface.Expr


@dataclass(eq=False, slots=True)
class Faulty:
    """A name whose declaration was wrong; whatever uses it is not reported again."""

    span: Span


Entity: TypeAlias = (
    Value
    | SizeName
    | TypeName
    | FnName
    | LetFn
    | StructName
    | EnumName
    | VariantName
    | ModuleName
    | Builtin
    | Pending
    | Faulty
)


class Scope:
    """One region of names. `barrier` tells what is crossed on the way out of it: a lambda, a builder, a function."""

    __slots__ = ("barrier", "names", "parent", "sizes", "top")

    def __init__(
        self,
        parent: Scope | None,
        barrier: Barrier = "",
        names: dict[str, Entity] | None = None,
        top: bool = False,
    ) -> None:
        self.names: dict[str, Entity] = {} if names is None else names
        self.parent = parent
        self.barrier = barrier
        self.top = top
        self.sizes: dict[SizeVar, typed.Symbol] = {}

    def find(self, name: str) -> Entity | None:
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def locate(self, name: str) -> tuple[Entity | None, Barrier, bool]:
        """What a name means, the innermost barrier between here and it, and whether it is of the file's top level."""
        scope: Scope | None = self
        barrier: Barrier = ""
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found, barrier, scope.top
            barrier = barrier or scope.barrier
            scope = scope.parent
        return None, barrier, False

    def frozen(self) -> Scope:
        """This scope as it is now: later names in the same block are not seen."""
        return self if self.top else Scope(self.parent, self.barrier, dict(self.names))

    def visible(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent


def public(module: typed.Module) -> dict[str, Entity]:
    """What those who import a module see of it: all but the names that begin with `_`."""
    names = module.scope if isinstance(module.scope, dict) else {}
    return {name: entity for name, entity in names.items() if not name.startswith("_")}


def nearest(name: str, candidates: list[str]) -> str:
    """The candidate that a user may have meant, or an empty text."""
    from difflib import get_close_matches

    folded = {c.lower(): c for c in candidates}
    if name.lower() in folded:
        return folded[name.lower()]
    close = get_close_matches(name, candidates, 1, 0.72)
    return close[0] if close else ""


def is_type_name(name: str) -> bool:
    """Capitals are types, all else (letters without case too) are sizes and values."""
    return name[:1].isupper()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field's or hole's declared type: what `> 0` or `Simplex[n]` adds to it."""

    type: Type
    constraint: Constraint | None
