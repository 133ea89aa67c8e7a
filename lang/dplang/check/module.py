"""A whole file: declarations first, statements in order, then every function; and what it exports."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.sizes import SizeVar
from ..core.types import UNIT, Never, Type, Wrong
from ..errors import types as faults
from ..errors.checking import CheckError
from ..errors.diagnostic import Diagnostic, Fault
from ..errors.source import Span
from ..primitives.table import TABLE
from ..syntax import tree
from . import typed
from .context import Body, Context, Frame, Loader, Region, Unit, bind, context
from .declarations import check_fn, declare_fn
from .effects import first_waiting, settle
from .finish import close, filled, walk
from .free import pattern_names
from .lookup import beyond, overload_name
from .names import (
    Builtin,
    Entity,
    EnumName,
    Faulty,
    FnName,
    ModuleName,
    Pending,
    Scope,
    StructName,
    Value,
    public,
)
from .rules import check_rule, check_rules, declare_rule
from .sketches import declared_sketches, note_fill
from .statements import Out, flat, spread, statement
from .structs import check_struct, complete_enum, complete_struct, declare_enum, declare_struct, variants


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking gives: the typed file (only to be used where no diagnostic is an error), all diagnostics, and the
    scope that a later REPL entry continues."""

    module: typed.Module
    diagnostics: tuple[Diagnostic, ...]
    scope: Scope

    @property
    def sound(self) -> bool:
        return all(d.severity != "error" for d in self.diagnostics)


def new_scope() -> Scope:
    """The scope that the first entry of a REPL continues."""
    return Scope(None, top=True)


def check(
    module: tree.Module, name: str, loader: Loader | None, scope: Scope | None = None, lazy: bool = False
) -> Checked:
    """Checks a file, or (with the scope that earlier entries left) an entry of the REPL. Faults are data.

    `lazy`: the bodies of its functions wait until another file uses them.
    """
    unit = Unit(name, loader, Scope(scope, top=True), repl=scope is not None, lazy=lazy)
    unit.size_symbols.update(_sizes_before(scope))
    return _Checker(unit, module).run()


def _sizes_before(scope: Scope | None) -> dict[SizeVar, typed.Symbol]:
    """The sizes of the file's level that earlier entries named."""
    found: dict[SizeVar, typed.Symbol] = {}
    while scope is not None:
        found = {**scope.sizes, **found}
        scope = scope.parent
    return found


class _Checker:
    """The order of work on one file."""

    def __init__(self, unit: Unit, module: tree.Module) -> None:
        self.unit = unit
        self.module = module
        self.body = Body(unit, None, Frame(None, closed="the statements of a file"))
        self.cx = Context(unit, self.body, unit.scope)
        self.own: dict[str, Entity] = {}
        self.structs: list[StructName] = []
        self.enums: list[EnumName] = []
        self.places: dict[str, Span] = {}
        self.late: dict[int, FnName] = {}
        self.stmts: Out = []
        self.types: dict[typed.Symbol, Type] = {}

    def run(self) -> Checked:
        unit = self.unit
        for item in self.module.items:
            if isinstance(item, tree.ImportModule | tree.ImportNames):
                self.load(item)
        self.declare()
        for struct in self.structs:
            complete_struct(unit, struct)
        for enum in self.enums:
            complete_enum(unit, enum, unit.scope)
        for struct in self.structs:
            check_struct(unit, struct)
        for i, item in enumerate(self.module.items):
            if isinstance(item, tree.DerivativeDef):
                declare_rule(unit, item, self.module.items[:i])
        before = len(unit.errors)
        self.statements()
        stmts = close(unit, self.body, flat(self.stmts), before)
        if not unit.lazy:
            i = 0
            while i < len(unit.fns):
                check_fn(unit.fns[i])
                i += 1
            check_rules(unit)
        tests = self.tests()
        _complete(unit)
        settle(unit)
        return self.result(stmts, tests)

    # ---- names

    def define(self, name: str, span: Span, entity: Entity) -> None:
        """Gives a top-level name its meaning; a file may do so once."""
        taken = self.places.get(name)
        if taken is not None and not self.unit.repl:
            self.unit.report(faults.NameTaken(span, name, taken))
            if type(self.unit.scope.names.get(name)) is not type(entity):
                self.unit.scope.names[name] = Faulty(span)  # either may be meant where the name is used
            return
        self.places[name] = span
        self.unit.scope.names[name] = entity
        self.own[name] = entity

    def declare(self) -> None:
        """All definitions, and the names that statements will bind."""
        unit, scope = self.unit, self.unit.scope
        for item in self.module.items:
            match item:
                case tree.StructDef(name=ident):
                    struct = declare_struct(unit, scope, item)
                    self.structs.append(struct)
                    self.define(ident.name, ident.span, struct)
                case tree.EnumDef(name=ident):
                    enum = declare_enum(unit, item)
                    self.enums.append(enum)
                    self.define(ident.name, ident.span, enum)
                    for name, v in variants(enum):
                        self.define(name, v.span, v)
                case tree.FnDef(name=ident):
                    self.declare_function(item)
                case tree.Let(pattern=pattern, value=value):
                    for name in pattern_names(pattern):
                        self.pend(name, pattern.span, False, value)
                case tree.VarDecl(name=ident, value=value):
                    self.pend(ident.name, ident.span, True, value)
                case _:
                    pass

    def declare_function(self, item: tree.FnDef) -> None:
        """A function is known everywhere in the file, but a built-in keeps its meaning above a function of its name.

        The prelude may define a name again for another number of arguments, as the rows of the table do.
        """
        fn = declare_fn(self.unit, self.unit.scope, item)
        name = item.name.name
        if self.unit.name == "prelude" and name in self.places:
            name = overload_name(name, len(item.params))
        if name not in self.places and beyond(self.cx, name) is not None and self.mentioned_above(name, item.span):
            self.late[item.span.start] = fn
            self.places[name] = item.name.span
            self.own[name] = fn
            return
        self.define(name, item.name.span, fn)

    def mentioned_above(self, name: str, span: Span) -> bool:
        """Whether a statement before `span` may mean the built-in `name`."""
        return name in span.source.text[: span.start]

    def pend(self, name: str, span: Span, mutable: bool, value: tree.Expr) -> None:
        if name == "_":
            return
        taken = self.places.get(name)
        if taken is not None and not self.unit.repl:
            self.unit.report(faults.NameTaken(span, name, taken))
            return
        self.places[name] = span
        scope = self.unit.scope
        shadows = scope.find(name) is not None if self.unit.repl else beyond(self.cx, name) is not None
        if not shadows:
            scope.names[name] = Pending(name, span, mutable, value)

    # ---- imports

    def load(self, item: tree.ImportModule | tree.ImportNames) -> None:
        unit = self.unit
        owned = [row.name for row in TABLE.values() if row.public and row.name.startswith(f"{item.module}.")]
        rows = {name.partition(".")[2]: Builtin(name) for name in owned}
        module = self.loaded(item, bool(rows))
        names: dict[str, Entity] = {} if item.is_path else {**rows}
        if module is not None:
            names.update(public(module))
        found = ModuleName(module, item.module, names, item.span)
        if module is None and not names:
            self.missing(item)
            return
        if isinstance(item, tree.ImportModule):
            alias = item.alias.name if item.alias is not None else _module_name(item)
            if not alias.isidentifier():
                unit.report(faults.ImportNeedsName(item.span, item.module))
                return
            self.places[alias] = item.span
            unit.scope.names[alias] = found
            return
        for ident in item.names:
            entity = names.get(ident.name)
            if entity is None:
                near = faults.near(ident.name, list(names))
                unit.report(faults.UnknownMember(ident.span, ident.name, f"the module `{item.module}`", near))
                entity = Faulty(ident.span)
            if ident.name in self.places and not unit.repl:
                unit.report(faults.NameTaken(ident.span, ident.name, self.places[ident.name]))
            self.places[ident.name] = ident.span
            unit.scope.names[ident.name] = entity

    def loaded(self, item: tree.ImportModule | tree.ImportNames, has_rows: bool) -> typed.Module | None:
        """The module of an import, reported (None) where it is missing or faulty."""
        unit = self.unit
        if unit.loader is None:
            return None
        try:
            module = unit.loader.load(item.module, item.is_path, item.span.source, item.span)
        except Fault as fault:
            if not (has_rows and all(d.span == item.span for d in fault.diagnostics)):
                for d in fault.diagnostics:
                    unit.report(d)
            return None
        unit.size_symbols.update(_module_sizes(module))
        for s in module.stmts:
            if not isinstance(s, typed.Let) or any(isinstance(n, typed.Io) for n in walk(s.value)):
                unit.report(faults.ImportedStatement(item.span, item.module, s.span))
                break
        return module

    def missing(self, item: tree.ImportModule | tree.ImportNames) -> None:
        """The names of a module that could not be loaded are not reported again."""
        if self.unit.loader is None:
            self.unit.report(faults.NoModules(item.span, item.module))
        scope = self.unit.scope
        if isinstance(item, tree.ImportNames):
            for ident in item.names:
                scope.names[ident.name] = Faulty(ident.span)
        else:
            scope.names[item.alias.name if item.alias is not None else _module_name(item)] = Faulty(item.span)

    # ---- statements

    def statements(self) -> None:
        items = self.module.items
        for i, item in enumerate(items):
            if isinstance(item, tree.FnDef) and item.span.start in self.late:
                self.unit.scope.names[item.name.name] = self.late[item.span.start]
            if isinstance(item, tree.Definition):
                continue
            with self.cx.region("", item.span) as region:
                if self.unit.repl and i == len(items) - 1 and isinstance(item, tree.Expr):
                    self.shown(item)
                else:
                    statement(self.cx, item, self.stmts)
            self.ordered(region)

    def shown(self, item: tree.Expr) -> None:
        """The last expression of a REPL entry: its value is called `_`."""
        from .expressions import infer

        value = spread(infer(self.cx, item), self.stmts)
        t = self.unit.solver.type(value.type)
        if t == UNIT or isinstance(t, Never | Wrong):
            self.stmts.append(typed.Do(value, item.span))
            return
        entity = Value(typed.Symbol("_", item.span, False, True), t)
        self.unit.scope.names["_"] = entity
        self.own["_"] = entity
        self.stmts.append(bind(entity.symbol, t, value))

    def ordered(self, region: Region) -> None:
        """A statement comes after every top-level `let` that the functions it mentions use."""
        for fn, span in region.uses:
            if fn.unit is not self.unit:
                continue
            self.force(fn)
            found = first_waiting(fn)
            if found is not None:
                holder, name, where = found
                holder.waiting = None
                self.unit.report(faults.UsedBefore(span, name, where, holder.label, holder.tree.name.span))

    def force(self, fn: FnName) -> None:
        """Checks a function and all that it uses."""
        seen: set[FnName] = set()
        waiting = [fn]
        while waiting:
            here = waiting.pop()
            if here in seen or here.unit is not self.unit:
                continue
            seen.add(here)
            check_fn(here)
            waiting.extend(here.uses)

    # ---- tests and the result

    def tests(self) -> tuple[tuple[str, typed.Block], ...]:
        from .statements import infer_block

        made: list[tuple[str, typed.Block]] = []
        for item in self.module.items:
            if not isinstance(item, tree.TestDef):
                continue
            owner = declare_fn(self.unit, self.unit.scope, _test_function(item))
            self.unit.fns.remove(owner)
            cx = context(self.unit, Scope(self.unit.scope, "function"), owner)
            cx.body.frame.closed = "a test"
            before = len(self.unit.errors)
            block = infer_block(cx, item.body, None, discard=True)
            assert isinstance(block, typed.Block)
            title = "".join(p for p in item.title.parts if isinstance(p, str))
            made.append((title, close(self.unit, cx.body, block, before)))
        return tuple(made)

    def result(self, stmts: tuple[typed.Stmt, ...], tests: tuple[tuple[str, typed.Block], ...]) -> Checked:
        unit = self.unit
        solver = unit.solver
        functions = [fn.fn for fn in unit.fns if not fn.template and fn.fn.body is not None]
        if self.body.metas:
            for f in functions:
                f.body = filled(solver, f.body)
        names: dict[str, object] = {}
        scope = unit.scope
        for name in self.places.keys() | self.own.keys():
            entity = scope.names.get(name)
            match entity:
                case Value(symbol=symbol):
                    entity.type = solver.type(entity.type)
                    names[name] = symbol
                    self.types[symbol] = entity.type
                    self.own[name] = entity
                case FnName():
                    names[name] = entity.fn
                case StructName() | EnumName():
                    names[name] = entity.decl
                case ModuleName():
                    if entity.module is not None:
                        names[name] = entity.module
                case None | Faulty() | Pending():
                    pass
                case _:
                    self.own.setdefault(name, entity)
        scope.sizes = dict(unit.size_symbols)
        self.note_fills()
        exported = {n: e for n, e in self.own.items() if not isinstance(e, Pending | Faulty | ModuleName)}
        module = typed.Module(
            unit.name, functions, stmts, names, self.types, tests, tuple(unit.fills), declared_sketches(unit), exported
        )
        found = [e.at_use() if isinstance(e, CheckError) else e for e in unit.errors]
        errors = sorted(found, key=lambda d: (d.span.source.name, d.span.start))
        return Checked(module, tuple(errors), scope)

    def note_fills(self) -> None:
        """What `dp fill` needs: which top-level names hold the fits of sketches."""
        for item in self.module.items:
            if isinstance(item, tree.Let) and isinstance(item.pattern, tree.NamePattern):
                entity = self.unit.scope.names.get(item.pattern.name)
                if isinstance(entity, Value):
                    note_fill(self.cx, item.value, entity.symbol)


def _complete(unit: Unit) -> None:
    """Checks what a file uses of the library, and what that uses in turn."""
    waiting = [fn for fn in unit.demanded if fn.unit.lazy]
    seen = set(waiting)
    found: dict[Unit, int] = {}
    while waiting:
        fn = waiting.pop()
        found.setdefault(fn.unit, len(fn.unit.errors))
        check_fn(fn)
        if fn.fn.rule is None:
            check_rule(fn)
        more = [used for used in fn.uses if used not in seen and used.unit.lazy]
        seen.update(more)
        waiting += more
    for other, before in found.items():
        settle(other)
        for fault in other.errors[before:]:
            unit.report(fault)


def _module_sizes(module: typed.Module) -> dict[SizeVar, typed.Symbol]:
    """The sizes that the constants of a module name."""
    found: dict[SizeVar, typed.Symbol] = {}
    for s in module.stmts:
        if isinstance(s, typed.Let) and isinstance(s.pattern, typed.BindPattern):
            found.update(dict.fromkeys(s.fresh, s.pattern.symbol))
    return found


def _module_name(item: tree.ImportModule) -> str:
    """The name under which a module is known: the last part of its own, a file's name without its ending."""
    if item.is_path:
        return item.module.replace("\\", "/").rpartition("/")[2].removesuffix(".dp")
    return item.module.rpartition(".")[2]


def _test_function(item: tree.TestDef) -> tree.FnDef:
    """A test as a function without parameters: what it may use is the same."""
    return tree.FnDef(item.span, (), False, tree.Ident(item.title.span, "test"), (), (), None, item.body, "")
