"""The end of a body: everything found is filled in, what stayed open is reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from ..core.sizes import Size, SizeMeta, SizeVar
from ..core.types import (
    Array,
    Enum,
    FnType,
    Meta,
    Never,
    Ranked,
    Scalar,
    Struct,
    TangentOf,
    Tuple,
    Wrong,
)
from ..core.types import TypeVar as RigidVar
from ..errors import types as faults
from ..errors.source import Span
from . import typed
from .context import Body, Unit
from .unify import Solver, is_open

N = TypeVar("N")
_TYPES = (Array, Enum, FnType, Meta, Never, Ranked, Scalar, Struct, TangentOf, Tuple, Wrong, RigidVar)
_ATOMS = (str, int, float, bool, Span, typed.Symbol, typed.Function, SizeVar, type(None))
_FIELDS: dict[type, tuple[str, ...]] = {}


def close(unit: Unit, body: Body, node: N, errors_before: int) -> N:
    """The typed tree of a finished body without anything left to find."""
    if not body.metas:
        return node
    if len(unit.errors) == errors_before:
        _report_open(unit, body)
    return filled(unit.solver, node)


def _report_open(unit: Unit, body: Body) -> None:
    for meta, span, what in body.metas:
        known = unit.solver.size(Size.of(meta)) if isinstance(meta, SizeMeta) else unit.solver.type(meta)
        still = any(isinstance(a, SizeMeta) for a in known.atoms()) if isinstance(known, Size) else is_open(known)
        if still:
            unit.report(faults.TypeOpen(span, what))
            return


def filled(solver: Solver, node: N) -> N:
    """`node` with its types and sizes filled in; the same object where nothing changes."""
    return _fill(solver, node)  # type: ignore[no-any-return]


def _fill(solver: Solver, part: Any) -> Any:
    if isinstance(part, _ATOMS):
        return part
    if isinstance(part, tuple):
        made = tuple(_fill(solver, p) for p in part)
        return part if all(a is b for a, b in zip(made, part, strict=True)) else made
    if isinstance(part, _TYPES):
        return solver.type(part)
    if isinstance(part, Size):
        return solver.size(part)
    if not is_dataclass(part):
        return part
    names = _FIELDS.get(type(part))
    if names is None:
        names = _FIELDS[type(part)] = tuple(f.name for f in fields(part) if f.name != "span")
    changed = {}
    for name in names:
        old = getattr(part, name)
        new = _fill(solver, old)
        if new is not old:
            changed[name] = new
    return replace(part, **changed) if changed else part  # type: ignore[type-var]


def walk(part: Any) -> Iterator[Any]:
    """Every typed node and statement inside, the outer ones first."""
    waiting = [part]
    while waiting:
        here = waiting.pop()
        if isinstance(here, tuple | list):
            waiting.extend(reversed(here))
            continue
        if isinstance(here, (*_ATOMS, *_TYPES, Size)) or not is_dataclass(here):
            continue
        yield here
        waiting.extend(getattr(here, f.name) for f in reversed(fields(here)) if f.name not in ("span", "type"))


def sizes_read(part: Any) -> set[SizeVar]:
    """The size variables whose value is needed: read as Ints, or given to a function."""
    found: set[SizeVar] = set()
    for node in walk(part):
        if isinstance(node, typed.SizeValue):
            sizes: list[Size] = [node.size]
        elif isinstance(node, typed.Lift):
            sizes = list(node.dims)
        elif isinstance(node, typed.FnRef):
            sizes = [a for a in node.args if isinstance(a, Size)]
        else:
            continue
        for s in sizes:
            found |= {a for a in s.atoms() if isinstance(a, SizeVar)}
    return found
