"""What checking carries along: the file, the body that is being checked, and the place in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from ..core.ir import INT
from ..core.sizes import Size, SizeMeta, SizeVar
from ..core.types import WRONG, Meta, Type
from ..errors.diagnostic import Diagnostic, Note
from ..errors.source import Source, Span
from ..errors.types import CheckError
from ..syntax import tree
from . import typed
from .names import Barrier, Entity, FnName, ModuleName, Scope, Value
from .unify import Solver, is_unknown, of_values


class Loader(Protocol):
    """Finds, parses and checks the module that an import names; raises Fault if it is missing or imports itself."""

    def load(self, module: str, is_path: bool, importer: Source, span: Span) -> typed.Module: ...

    def library(self) -> Sequence[str]:
        """The names of the modules of the library."""


@dataclass(eq=False, slots=True)
class Region:
    """A part of the program whose effects are asked for: what it prints or reads, and which functions it uses.

    `why` names the construct that admits none; an empty text only collects. `params` are the function parameters that
    it mentions.
    """

    why: str
    span: Span
    ios: list[tuple[str, Span]] = field(default_factory=list)
    uses: list[tuple[FnName, Span]] = field(default_factory=list)
    params: set[typed.Symbol] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Handed:
    """A function value that is handed to parameter number `index` of a definition: what it does when it is called."""

    fn: FnName
    index: int
    value: typed.Expr
    effects: Region
    owner: FnName | None


@dataclass(eq=False, slots=True)
class Unit:
    """One file (or REPL entry) that is being checked, and all that is found in it."""

    name: str
    loader: Loader | None
    scope: Scope
    repl: bool = False
    solver: Solver = field(default_factory=Solver)
    errors: list[Diagnostic] = field(default_factory=list)
    reported: set[tuple[str, Span]] = field(default_factory=set)
    fns: list[FnName] = field(default_factory=list)
    functions: list[typed.Function] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    unused: list[tuple[typed.Expr, Region]] = field(default_factory=list)
    finish: list[Callable[[], None]] = field(default_factory=list)
    fills: list[tuple[typed.Sketch, typed.Symbol]] = field(default_factory=list)
    origins: dict[SizeVar, Note] = field(default_factory=dict)
    size_symbols: dict[SizeVar, typed.Symbol] = field(default_factory=dict)
    values: dict[typed.Symbol, Value] = field(default_factory=dict)
    trail: tuple[Note, ...] = ()
    quiet: int = 0
    prelude: ModuleName | None = None
    rules: dict[FnName, tree.DerivativeDef] = field(default_factory=dict)
    lazy: bool = False
    demanded: dict[FnName, None] = field(default_factory=dict)
    """`lazy`: bodies of this file are checked as others use them. `demanded` are functions of other files in use."""

    @contextmanager
    def loud(self) -> Iterator[None]:
        """Definitions that are checked on the way of a trial are checked in earnest."""
        before, trail = self.quiet, self.trail
        self.quiet = 0
        try:
            yield
        finally:
            self.quiet, self.trail = before, trail

    def report(self, fault: Diagnostic) -> None:
        """Keeps a fault, once for each place."""
        if self.quiet:
            self.quiet += 1
            return
        key = (fault.code, fault.span)
        if key in self.reported:
            return
        self.reported.add(key)
        if self.trail and isinstance(fault, CheckError):
            object.__setattr__(fault, "trail", self.trail)
        self.errors.append(fault)


@dataclass(eq=False, slots=True)
class Frame:
    """A function or lambda that `return` leaves: its result type if that is known, and what was returned.

    `closed` names what no jump may leave (a builder, the statements of a file). `unrolled` is the scope of the body of
    an unrolled loop.
    """

    result: Type | None
    returns: list[tuple[Type, Span]] = field(default_factory=list)
    loops: int = 0
    closed: str = ""
    unrolled: Scope | None = None


@dataclass(eq=False, slots=True)
class Body:
    """A function's body, or the statements of a file: types are found within one."""

    unit: Unit
    owner: FnName | None
    frame: Frame
    what: str = ""
    regions: list[Region] = field(default_factory=list)
    globals: dict[typed.Symbol, Span] = field(default_factory=dict)
    metas: list[tuple[Meta | SizeMeta, Span, str]] = field(default_factory=list)
    born: dict[SizeVar, int] = field(default_factory=dict)
    clock: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    resizing: list[Value] = field(default_factory=list)
    adapted: list[tuple[Value, Type, Span]] = field(default_factory=list)


class Context:
    """A place in a body: its unit, its body, and the names in scope there."""

    __slots__ = ("unit", "body", "scope")

    def __init__(self, unit: Unit, body: Body, scope: Scope) -> None:
        self.unit = unit
        self.body = body
        self.scope = scope

    def inner(self, barrier: Barrier = "") -> Context:
        return Context(self.unit, self.body, Scope(self.scope, barrier))

    def at(self, scope: Scope) -> Context:
        """The same body with other names in scope (a default is checked where it was written)."""
        return Context(self.unit, self.body, scope)

    # ---- faults

    def report(self, fault: Diagnostic) -> None:
        self.unit.report(fault)

    def wrong(self, span: Span, fault: Diagnostic | None = None) -> typed.Expr:
        """The expression that stands for a wrong one."""
        if fault is not None:
            self.unit.report(fault)
        return typed.Lit(WRONG, span, 0)

    @contextmanager
    def trial(self) -> Iterator[Callable[[], bool]]:
        """Checks without reporting; the function given tells whether anything was wrong so far."""
        unit = self.unit
        before = unit.quiet
        unit.quiet = max(before, 1)
        start = unit.quiet
        try:
            yield lambda: unit.quiet > start
        finally:
            unit.quiet = before

    @contextmanager
    def noting(self, *notes: Note) -> Iterator[None]:
        """Faults found inside tell how this place was reached."""
        before = self.unit.trail
        self.unit.trail = (*before, *notes)[-4:]
        try:
            yield
        finally:
            self.unit.trail = before

    # ---- types and sizes

    def solve(self, t: Type) -> Type:
        return self.unit.solver.type(t)

    def size(self, s: Size) -> Size:
        return self.unit.solver.size(s)

    def meta(self, span: Span, what: str) -> Meta:
        """A type to be found in this body."""
        made = Meta()
        if not self.unit.quiet:
            self.body.metas.append((made, span, what))
        return made

    def size_meta(self, span: Span, what: str) -> Size:
        made = SizeMeta()
        if not self.unit.quiet:
            self.body.metas.append((made, span, what))
        return Size.of(made)

    def any_size(self, span: Span) -> Size:
        """The size that stands for a wrong one: it equals every other."""
        return Size.of(SizeMeta())

    def fresh_size(self, name: str, span: Span, origin: str) -> SizeVar:
        """A size known only at run time, from here on called `name` (or, in messages, `name.2` ..)."""
        known = self.body.labels.get(name, 0) + 1
        self.body.labels[name] = known
        var = SizeVar(name if known == 1 else f"{name}.{known}")
        self.unit.origins[var] = Note(origin.replace(f"`{name}`", f"`{var}`"), span)
        self.body.born[var] = self.mark()
        return var

    def mark(self) -> int:
        """A moment of the checking of this body."""
        self.body.clock += 1
        return self.body.clock

    def born_since(self, moment: int) -> set[SizeVar]:
        """The sizes that were named after a moment."""
        return {var for var, made in self.body.born.items() if made > moment}

    def open(self, t: Type, name: str, span: Span) -> tuple[Type, tuple[SizeVar, ...]]:
        """`t` with a fresh name for each size that is `?`, and those names."""
        named: dict[SizeVar, SizeVar] = {}

        def size(s: Size) -> Size:
            if not is_unknown(s):
                return s
            mark = s.atom
            assert isinstance(mark, SizeVar)
            if mark not in named:
                label = name if not named else f"{name}'{len(named)}" if "(" not in name else f"{name}.{len(named)}"
                named[mark] = self.fresh_size(label, span, f"`{label}` is a size known only at run time, from here")
            return Size.of(named[mark])

        opened = of_values(t, size)
        return opened, tuple(named.values())

    # ---- variables and effects

    def define(self, name: str, entity: Entity) -> None:
        if name != "_":
            self.scope.names[name] = entity

    def variable(self, name: str, span: Span, t: Type, *, mutable: bool = False, size: Size | None = None) -> Value:
        """A new variable, put into scope."""
        value = Value(typed.Symbol(name, span, mutable, self.scope.top), t, size, made=self.mark())
        self.unit.values[value.symbol] = value
        self.define(name, value)
        return value

    def uses(self, fn: FnName, span: Span) -> None:
        """This body mentions a function."""
        if self.unit.quiet:
            return
        if fn.unit is not self.unit:
            self.unit.demanded[fn] = None
        owner = self.body.owner
        if owner is not None:
            owner.uses.setdefault(fn, span)
        for region in self.body.regions:
            region.uses.append((fn, span))

    def does(self, what: str, span: Span) -> None:
        """This body reads or writes something outside."""
        if self.unit.quiet:
            return
        owner = self.body.owner
        if owner is not None:
            owner.fn.io = True
        for region in self.body.regions:
            region.ios.append((what, span))

    def repeat(self, region: Region, span: Span) -> None:
        """Does again what a function value does whose making was watched by `region`."""
        for fn, _ in region.uses:
            self.uses(fn, span)
        for what, _ in region.ios:
            self.does(what, span)

    @contextmanager
    def region(self, why: str, span: Span) -> Iterator[Region]:
        """Watches the effects of what is checked inside; `why` tells the construct that admits none."""
        made = Region(why, span)
        self.body.regions.append(made)
        try:
            yield made
        finally:
            self.body.regions.pop()
            if why and not self.unit.quiet:
                self.unit.regions.append(made)


def local(value: Value, span: Span) -> typed.Expr:
    return typed.Local(value.type, span, value.symbol)


def bare(value: typed.Expr, before: list[typed.Stmt]) -> typed.Expr:
    """The value of a block that only binds, its bindings put into `before`: the sizes that they name are read there."""
    while isinstance(value, typed.Block) and isinstance(value.result, typed.Local) and not value.result.symbol.mutable:
        if not all(isinstance(s, typed.Let) for s in value.stmts):
            break
        before.extend(value.stmts)
        value = value.result
    return value


def int_lit(value: int, span: Span) -> typed.Expr:
    return typed.Lit(INT, span, value)


def bind(symbol: typed.Symbol, t: Type, value: typed.Expr, fresh: tuple[SizeVar, ...] = ()) -> typed.Let:
    """A Let of one variable."""
    return typed.Let(typed.BindPattern(symbol, t), value, fresh, value.span)


def context(unit: Unit, scope: Scope, owner: FnName | None, result: Type | None = None) -> Context:
    """A fresh body."""
    return Context(unit, Body(unit, owner, Frame(result)), scope)


def hold(value: typed.Expr, before: list[typed.Stmt]) -> typed.Expr:
    """`value`, evaluated once: a variable that cannot change, or a Let in `before`."""
    value = bare(value, before)
    if isinstance(value, typed.Local) and not value.symbol.mutable:
        return value
    symbol = typed.Symbol("held", value.span)
    before.append(bind(symbol, value.type, value))
    return typed.Local(value.type, value.span, symbol)
