"""What stands behind a loaded file: its session, its classes, and the calls that were compiled so far."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from threading import RLock
from typing import Any, assert_never

import numpy as np

from ..check import typed
from ..check.names import (
    Builtin,
    Entity,
    EnumName,
    Faulty,
    FnName,
    LetFn,
    ModuleName,
    Pending,
    Scope,
    SizeName,
    StructName,
    TypeName,
    Value,
    VariantName,
)
from ..core.sizes import Size, SizeVar
from ..core.types import (
    UNIT,
    Enum,
    EnumDecl,
    FnType,
    Scalar,
    Struct,
    StructDecl,
    TangentOf,
    Tuple,
    Type,
    show,
    transform,
)
from ..errors.diagnostic import Diagnostic, Fault
from ..errors.python import NoSuchName
from ..errors.render import render_text
from ..errors.source import NOWHERE, Source
from ..lower.layout import fields
from ..lower.shape import UNIT as NOTHING
from ..lower.shape import Shape, functions, outline
from ..session import Entry, Session
from ..stack import deep
from ..syntax import parse as syntax
from ..values import Held, measured, sizes_of, split
from .calls import Function, Slot, Template, held, spelled
from .faults import MissingName, as_errors
from .marshal import out_of
from .records import Record, Variant, enum_class, record_class, variant_class

CALL = "<call from Python>"


def tell(warnings: Sequence[Diagnostic]) -> None:
    """Warnings go where `dp run` puts them."""
    sys.stdout.flush()
    print(render_text(warnings), file=sys.stderr)


class Module:
    """A loaded dp file. Its functions, values, structs and enums are attributes."""

    def __init__(self, home: Loaded, name: str, names: Mapping[str, Entity]) -> None:
        self.__dict__.update(__name__=name, __dp_home__=home, __dp_names__=names)

    def __getattr__(self, name: str) -> Any:
        names: Mapping[str, Entity] = self.__dict__["__dp_names__"]
        if name in names:
            with as_errors():
                found = self.__dict__["__dp_home__"].attribute(name, names[name])
            if isinstance(found, Function | Module):
                self.__dict__[name] = found  # it knows the calls that were made
            return found
        if name.startswith("__"):
            raise AttributeError(name)
        near = get_close_matches(name, dir(self), 1)
        raise MissingName(NoSuchName(NOWHERE, f"`{self.__dict__['__name__']}`", name, near[0] if near else ""))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("the names of a loaded file do not change")

    def __dir__(self) -> list[str]:
        return sorted(n for n in self.__dict__["__dp_names__"] if n != "_")

    def __repr__(self) -> str:
        return f"<dp module {self.__dict__['__name__']}>"


@dataclass(eq=False, slots=True)
class Call:
    """An expression that was compiled: `symbols` stand for its values, `names` are what its text names. `fixed` are the
    sizes that it was compiled for (None: all)."""

    entry: Entry
    symbols: dict[str, typed.Symbol]
    names: dict[str, object]
    result: Type
    fixed: frozenset[int] | None


class Loaded:
    """The home of a loaded file's values and functions: here its expressions are evaluated."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self.session = session
        self.scope = scope
        self._classes: dict[StructDecl | EnumDecl, type[Any]] = {}
        self._variants: dict[tuple[EnumDecl, int], type[Variant]] = {}
        self._calls: dict[object, Call | None] = {}
        self._one = RLock()

    def outline(self, t: Type) -> Shape:
        """The structure of values of a data type."""
        return self.session.lowering.instances.layouts.outline(t)

    # ---- evaluating

    def evaluate(self, template: Template) -> Any:
        """The value of an expression, as a Python value."""
        return self.called(template)[0]

    def called(self, template: Template) -> tuple[Any, Call, dict[str, Held]]:
        """The value of an expression, how it was found, and the values that the expression names."""
        text, names = spelled(template)
        given = dict(held(names))
        with as_errors(), self._one:
            value, call = deep(lambda: self._evaluate(text, names, given))
            return out_of(value, self), call, given

    def _evaluate(self, text: str, names: dict[str, object], given: dict[str, Held]) -> tuple[Held, Call]:
        call = self._call(text, names)
        own = _own if _lasting(call.result) else lambda value: value
        results = self.session.run(call.entry, {call.symbols[name]: own(value) for name, value in given.items()})
        result = next((v for s, v in results.items() if s.name == "_"), None)
        return Held(UNIT, NOTHING, ()) if result is None else measured(result, self.outline), call

    def _call(self, text: str, names: dict[str, object]) -> Call:
        """The compiled call. Sizes that the program does not name are left open, so that one serves for all of them;
        where that does not fit, for a fault to name them if for nothing else, all are as they are."""
        fixed = frozenset(n for thing in names.values() for n in _named_sizes(thing))
        opened = self._known(text, names, fixed)
        if opened is None:
            opened = self._known(text, names, None)
        assert opened is not None
        return opened

    def _known(self, text: str, names: dict[str, object], fixed: frozenset[int] | None) -> Call | None:
        types = _opened(names, fixed, fresh=False)
        key = (text, tuple((name, types.get(name) or id(thing), _code(thing)) for name, thing in names.items()))
        if key not in self._calls:
            concrete = fixed is None or types == _opened(names, None, fresh=False)
            try:
                self._calls[key] = self._compile(text, names, None if concrete else fixed)
            except Fault:
                if concrete:
                    raise
                self._calls[key] = None
        return self._calls[key]

    def _compile(self, text: str, names: dict[str, object], fixed: frozenset[int] | None) -> Call:
        module = syntax.parse(Source(CALL, text))
        scope = Scope(self.scope, top=True)
        symbols: dict[str, typed.Symbol] = {}
        prior: dict[typed.Symbol, Shape] = {}
        types = _opened(names, fixed, fresh=True)
        for name, thing in names.items():
            if isinstance(thing, Held):
                symbols[name] = typed.Symbol(name, NOWHERE, False, True)
                prior[symbols[name]] = outline(thing.shape) if functions(thing.shape) else self.outline(types[name])
                scope.names[name] = Value(symbols[name], types[name])
            else:
                scope.names[name] = thing  # type: ignore[assignment]
        self.session.lowering.instances.note_types((symbols[name], types[name]) for name in symbols)
        # the names are kept, so that no other thing gets the identity of one of them
        entry = self.session.entry(module, CALL, scope, prior)
        result = next((t for s, t in entry.checked.module.types.items() if s.name == "_"), UNIT)
        return Call(entry, symbols, names, result, fixed)

    # ---- what names mean

    def attribute(self, name: str, entity: Entity) -> Any:
        """What a name of the file is in Python."""
        match entity:
            case Value(symbol=symbol):
                value = self.session.values[symbol]
                if isinstance(value.type, FnType):
                    return Function(self, name, (Slot(name, entity),), signature=f"{name}: {show(value.type)}")
                return out_of(measured(value, self.outline), self)
            case FnName():
                return self._function(name, entity)
            case LetFn() | Builtin():
                return Function(self, name, (Slot(name, entity),))
            case StructName(decl=decl):
                return self._record(decl)
            case EnumName(decl=decl):
                return self._enum(decl)
            case VariantName(enum=enum, tag=tag):
                return self._variant(enum.decl, tag, entity)
            case ModuleName(names=names):
                return Module(self, name, names)
            case SizeName() | TypeName() | Pending() | Faulty():
                raise AssertionError(f"`{name}` is not left after a file has run")
            case _:
                assert_never(entity)

    def _function(self, name: str, entity: FnName) -> Function:
        fn = entity.fn
        parameters = tuple(s.name for s in fn.params)
        shown = [f"{s.name}: {show(t)}" for s, t in zip(fn.params, fn.param_types, strict=True)]
        for i, p in enumerate(entity.tree.params[-len(shown) :] if shown else ()):
            if p.default is not None:
                shown[i] += f" = {p.default.span.text}"
        result = f" -> {show(fn.result)}" if fn.result is not None else ""
        return Function(
            self, name, (Slot(name, entity),), parameters, f"{name}({', '.join(shown)}){result}", entity.tree.doc
        )

    # ---- values as Python objects

    def function(self, value: Held) -> Function:
        """A function value."""
        return Function(self, "function", (Slot("f", value),), signature=show(value.type))

    def record(self, value: Held) -> Record:
        """A struct or an array of structs."""
        elem, _ = split(value.type)
        assert isinstance(elem, Struct | TangentOf)
        cls = self._record(elem.decl if isinstance(elem, Struct) else elem.struct.decl)
        made: Record = cls._dp_of(self, value)
        return made

    def variant(self, value: Held) -> Variant:
        """An enum value."""
        assert isinstance(value.type, Enum)
        return self._variant_class(value.type.decl, value.leaves[0][0])._dp_of(self, value)  # type: ignore[no-any-return]

    def _record(self, decl: StructDecl) -> type[Record]:
        if decl not in self._classes:
            info = decl.info
            constructor: object = info if info is not None else StructName(decl, None, Scope(None))
            methods = {n: m.tree.doc for n, m in info.methods.items()} if isinstance(info, StructName) else {}
            self._classes[decl] = record_class(self, decl, constructor, methods)
        return self._classes[decl]

    def _enum(self, decl: EnumDecl) -> type[Variant]:
        if decl not in self._classes:
            self._classes[decl] = enum_class(decl)
        return self._classes[decl]

    def _variant_class(self, decl: EnumDecl, tag: int) -> type[Variant]:
        if (decl, tag) not in self._variants:
            entity = VariantName(EnumName(decl, None), tag, NOWHERE)
            self._variants[decl, tag] = variant_class(self, self._enum(decl), tag, entity)
        return self._variants[decl, tag]

    def _variant(self, decl: EnumDecl, tag: int, entity: VariantName) -> Any:
        """The class of a variant; of one without payload its value."""
        cls = self._variant_class(decl, tag)
        if decl.variants[tag].payload:
            return cls
        if not decl.params:
            t = Enum(decl, ())
            return cls._dp_of(self, Held(t, self.outline(t), ((tag,),)))
        value = Held(Enum(decl, decl.params), NOTHING, ((tag,),))  # type: ignore[arg-type]
        return cls._dp_of(self, value, Slot(decl.variants[tag].name, entity))


def _code(thing: object) -> object:
    """Of values with functions in them, which code these run."""
    return outline(thing.shape) if isinstance(thing, Held) and functions(thing.shape) else None


def _named_sizes(thing: object) -> Iterator[int]:
    """The sizes that a function's own parameters have by number."""
    if isinstance(thing, FnName):
        for t in thing.fn.param_types:
            yield from (s.constant for s in sizes_of(t) if s.constant is not None)


def _opened(names: Mapping[str, object], fixed: frozenset[int] | None, fresh: bool) -> dict[str, Type]:
    """The types of values, with a variable for each size that can be read from them and is not fixed. Variables are
    the same each time unless they are to be fresh."""
    variables: dict[int, SizeVar] = {}

    def opened(s: Size) -> Size:
        n = s.constant
        if n is None or fixed is None or n in fixed:
            return s
        if n not in variables:
            name = f"n{len(variables) + 1}"
            variables[n] = SizeVar(name) if fresh else SizeVar(name, -len(variables))
        return Size.of(variables[n])

    types = {name: thing.type for name, thing in names.items() if isinstance(thing, Held)}
    return {name: t if _closed(t) else transform(t, lambda v: v, opened) for name, t in types.items()}


def _closed(t: Type) -> bool:
    """Whether sizes in a type may be such as cannot be read from the value: there are enums or functions in it."""
    elem, _ = split(t)
    match elem:
        case Enum() | FnType():
            return True
        case Tuple(parts):
            return any(map(_closed, parts))
        case Struct() | TangentOf():
            return any(_closed(own) for _, own in fields(elem))
        case _:
            return False


def _lasting(t: Type) -> bool:
    """Whether a value of this type keeps its leaves in Python, rather than being copied out."""
    elem, _ = split(t)
    return any(map(_lasting, elem.parts)) if isinstance(elem, Tuple) else not isinstance(elem, Scalar)


def _own(value: Held) -> Held:
    """The value without arrays that Python may write to: those that did not come from a value of dp."""
    if not isinstance(split(value.type)[0], Scalar | Tuple):
        return value
    return Held(value.type, value.shape, tuple(x.copy() if isinstance(x, np.ndarray) else x for x in value.leaves))
