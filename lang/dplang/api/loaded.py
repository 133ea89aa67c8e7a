"""What stands behind a loaded file: its session, its classes, and the calls that were compiled so far."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
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
from ..core.types import UNIT, Enum, EnumDecl, FnType, Scalar, Struct, StructDecl, TangentOf, Tuple, Type, show
from ..errors.diagnostic import Diagnostic
from ..errors.python import NoSuchName
from ..errors.render import render_text
from ..errors.source import NOWHERE, Source
from ..lower.shape import UNIT as NOTHING
from ..lower.shape import Shape, functions, outline
from ..session import Entry, Session
from ..stack import deep
from ..syntax import parse as syntax
from ..values import Held, measured, split
from .calls import Function, Slot, Template, spelled
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
                return self.__dict__["__dp_home__"].attribute(name, names[name])
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


class Loaded:
    """The home of a loaded file's values and functions: here its expressions are evaluated."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self.session = session
        self.scope = scope
        self._classes: dict[StructDecl | EnumDecl, type[Any]] = {}
        self._variants: dict[tuple[EnumDecl, int], type[Variant]] = {}
        self._calls: dict[object, tuple[Entry, dict[str, typed.Symbol], dict[str, object]]] = {}

    def outline(self, t: Type) -> Shape:
        """The structure of values of a data type."""
        return self.session.lowering.instances.layouts.outline(t)

    # ---- evaluating

    def evaluate(self, template: Template) -> Any:
        """The value of an expression, as a Python value."""
        text, names = spelled(template)
        with as_errors():
            return out_of(deep(lambda: self._evaluate(text, names)), self)

    def _evaluate(self, text: str, names: dict[str, object]) -> Held:
        key = (text, tuple((name, _kind(thing)) for name, thing in names.items()))
        known = self._calls.get(key)
        if known is None:
            known = self._calls[key] = self._compile(text, names)
        entry, symbols, _ = known
        given = {symbol: thing for name, symbol in symbols.items() if isinstance(thing := names[name], Held)}
        if any(_lasting(t) for s, t in entry.checked.module.types.items() if s.name == "_"):
            given = {symbol: _own(value) for symbol, value in given.items()}
        results = self.session.run(entry, given)
        result = next((v for s, v in results.items() if s.name == "_"), None)
        return Held(UNIT, NOTHING, ()) if result is None else measured(result, self.outline)

    def _compile(self, text: str, names: dict[str, object]) -> tuple[Entry, dict[str, typed.Symbol], dict[str, object]]:
        module = syntax.parse(Source(CALL, text))
        scope = Scope(self.scope, top=True)
        symbols: dict[str, typed.Symbol] = {}
        prior: dict[typed.Symbol, Shape] = {}
        for name, thing in names.items():
            if isinstance(thing, Held):
                symbols[name] = typed.Symbol(name, NOWHERE, False, True)
                prior[symbols[name]] = outline(thing.shape)
                scope.names[name] = Value(symbols[name], thing.type)
            else:
                scope.names[name] = thing  # type: ignore[assignment]
        # the names are kept, so that no other thing gets the identity of one of them
        return self.session.entry(module, CALL, scope, prior), symbols, names

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


def _kind(thing: object) -> object:
    """What tells one compiled call from another: of values the types and the functions in them."""
    if isinstance(thing, Held):
        return thing.type, outline(thing.shape) if functions(thing.shape) else None
    return id(thing)


def _lasting(t: Type) -> bool:
    """Whether a value of this type keeps its leaves in Python, rather than being copied out."""
    elem, _ = split(t)
    return any(map(_lasting, elem.parts)) if isinstance(elem, Tuple) else not isinstance(elem, Scalar)


def _own(value: Held) -> Held:
    """The value without arrays that Python may write to: those that did not come from a value of dp."""
    if not isinstance(split(value.type)[0], Scalar | Tuple):
        return value
    return Held(value.type, value.shape, tuple(x.copy() if isinstance(x, np.ndarray) else x for x in value.leaves))
