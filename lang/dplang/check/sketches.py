"""Sketches: functions with open parts.

A sketch is a struct of its holes with a method `call`, whose body reads the holes from its first parameter. Its own
name is not a function yet: a call of it needs the holes' values, which a `train` of it has, and a sketch that
calls it, among whose holes they are. So the value of a fit is an ordinary value that can be called, and a sketch
whose holes are all filled is an ordinary function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from ..core.ir import FLOAT, FLOAT32, INT
from ..core.sizes import SizeMeta, SizeVar
from ..core.types import Constraint, Field, FnType, Struct, StructDecl, Type, Wrong, show
from ..errors import training as faults
from ..errors.diagnostic import NotBuilt
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .annotations import Resolver
from .calls import Target
from .context import Body, Context, Frame, Unit, bind
from .free import children, free_names
from .names import FieldSpec, FnName, ModuleName, Scope, StructName, Value
from .train import infer_train
from .unify import sizes_of, strip
from .vectors import has_tangent

HOLES, HOLES_TYPE = "%holes", "%Holes"
"""The first parameter of a sketch's `call`, and its type."""
START = 1.0
"""Where a hole without a bound begins: at 0 the gradient of a product, an amplitude or a frequency often vanishes."""


@dataclass(eq=False, slots=True)
class Open:
    """A sketch as the checker sees it: the struct of its holes, and where each begins (None: where its bounds say).

    `inner` are the sketches that it calls, by the field that holds their holes; `circular` those that call it in turn,
    which is reported.
    """

    fn: FnName
    struct: StructName
    call: FnName
    sketch: typed.Sketch
    starts: list[tree.Expr | None] = field(default_factory=list)
    inner: dict[int, Open] = field(default_factory=dict)
    circular: set[FnName] = field(default_factory=set)
    state: Literal["new", "open", "done"] = "new"


def check_sketch(fn: FnName) -> None:
    """Checks a sketch's body, as that of its method `call`."""
    from .declarations import check_fn

    check_fn(complete(fn).call)


def opened(fn: FnName) -> Open:
    """A sketch's struct of holes, at first without any, and its method `call`, a definition like any other."""
    if fn.sketch is not None:
        return fn.sketch
    span = fn.tree.name.span
    decl = StructDecl(fn.tree.name.name, span, doc=fn.tree.doc)
    struct = StructName(decl, None, fn.scope)
    decl.info = struct
    holes = tree.NamedType(span, (tree.Ident(span, HOLES_TYPE),))
    first = tree.Param(span, tree.Ident(span, HOLES), holes, None)
    definition = replace(fn.tree, sketch=False, params=(first, *fn.tree.params))
    call = FnName(definition, fn.unit, Scope(fn.scope, "", {HOLES_TYPE: struct}), replace(fn.fn))
    struct.methods["call"] = call
    fn.unit.fns.append(call)
    fn.sketch = call.sketch = Open(fn, struct, call, typed.Sketch(decl.name, Struct(decl, ())))
    return fn.sketch


# ---- which holes there are


def complete(fn: FnName) -> Open:
    """The sketch with all its holes known."""
    sketch = opened(fn)
    if sketch.state == "new":
        sketch.state = "open"
        with fn.unit.loud():
            _Collector(sketch).run()
        sketch.state = "done"
    return sketch


class _Collector:
    """Finds the holes in a sketch's body, in the order of the text, and then the sketches that it calls."""

    def __init__(self, sketch: Open) -> None:
        self.sketch = sketch
        unit = sketch.fn.unit
        self.cx = Context(unit, Body(unit, None, Frame(None)), sketch.fn.scope)
        self.fields: list[Field] = []
        self.infos: list[typed.HoleInfo] = []
        self.at: dict[str, int] = {}

    def run(self) -> None:
        sketch = self.sketch
        for node in _all(sketch.fn.tree.body):
            if isinstance(node, tree.Hole):
                self.hole(node)
            elif isinstance(node, tree.HoleDecl):
                self.declared(node)
        parts = [self.part(inner, span) for inner, span in _called(sketch.fn)]
        sketch.struct.decl.fields = tuple(self.fields)
        sketch.struct.defaults = (None,) * len(self.fields)
        sketch.sketch.infos = tuple(self.infos)
        sketch.sketch.parts = tuple(p for p in parts if p is not None)

    def hole(self, node: tree.Hole) -> None:
        known = self.at.get(node.name)
        if known is None:
            self.add(node.name, FieldSpec(FLOAT, None), None, node.span)
            self.infos.append(typed.HoleInfo(node.name, len(self.fields) - 1, (node.span,), None))
        else:
            info = self.infos[known]
            self.infos[known] = replace(info, uses=(*info.uses, node.span))

    def declared(self, node: tree.HoleDecl) -> None:
        name = node.name.name
        known = self.at.get(name)
        spec = self.spec(node)
        if known is None:
            self.add(name, spec, node.start, node.name.span)
            self.infos.append(typed.HoleInfo(name, len(self.fields) - 1, (), node.span))
            return
        info = self.infos[known]
        if info.declared is not None:
            self.cx.report(faults.HoleTwice(node.name.span, name, info.declared))
            return
        # `?a` stood before its `hole a: ..`
        self.infos[known] = replace(info, declared=node.span)
        self.fields[known] = Field(name, spec.type, spec.constraint, False, node.name.span)
        self.sketch.starts[known] = node.start

    def add(self, name: str, spec: FieldSpec, start: tree.Expr | None, span: Span) -> None:
        self.at[name] = len(self.fields)
        self.fields.append(Field(name, spec.type, spec.constraint, False, span))
        self.sketch.starts.append(start)

    def spec(self, node: tree.HoleDecl) -> FieldSpec:
        """The type of a declared hole; what cannot be a hole yet is refused."""
        spec = Resolver(self.cx).spec(node.type)
        elem = strip(spec.type)[0]
        if isinstance(spec.type, Wrong):
            return spec
        what = ""
        if isinstance(spec.type, FnType):
            what = "a hole that is a function"
        elif elem not in (FLOAT, FLOAT32) and not (isinstance(elem, Struct) and has_tangent(elem)):
            what = f"a hole of type {show(spec.type)}"
        elif isinstance(elem, Struct) and node.start is None:
            what = f"a hole of type {show(spec.type)} without a start"
        elif (
            any(isinstance(a, SizeVar | SizeMeta) for s in sizes_of(spec.type) for a in s.atoms())
            and node.start is None
        ):
            what = "a hole without a start whose size is no number"
        if what:
            self.cx.report(NotBuilt(node.type.span, what))
            return FieldSpec(Wrong(), None)
        return spec

    def part(self, inner: FnName, span: Span) -> tuple[int, typed.Sketch] | None:
        """A called sketch: its holes are one field. A sketch that calls itself does so with its own holes."""
        if inner is self.sketch.fn:
            return None
        sketch = complete(inner)
        if sketch.state == "open":
            self.cx.report(faults.HoleCycle(span, inner.tree.name.name, inner.tree.name.span))
            self.sketch.circular.add(inner)
            return None
        if not sketch.struct.decl.fields:
            return None
        name = inner.tree.name.name
        known = self.at.get(name)
        if known is not None:
            self.cx.report(faults.HoleTwice(span, name, self.fields[known].span))
            return None
        self.add(name, FieldSpec(sketch.sketch.holes, None), None, span)
        index = len(self.fields) - 1
        self.sketch.inner[index] = sketch
        return index, sketch.sketch


def _all(node: tree.Node) -> Iterator[tree.Node]:
    """A node and all nodes inside it, in the order of the text."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend(reversed(list(children(here))))


def _called(fn: FnName) -> Iterator[tuple[FnName, Span]]:
    """The sketches that a definition mentions, each once."""
    seen: set[FnName] = set()
    found = [(fn.scope.find(name), span) for name, span in free_names(fn.tree)]
    for node in _all(fn.tree.body):
        if isinstance(node, tree.Member) and isinstance(node.base, tree.Name):
            module = fn.scope.find(node.base.name)
            if isinstance(module, ModuleName):
                found.append((module.names.get(node.name.name), node.span))
    for entity, span in found:
        if isinstance(entity, FnName) and entity.tree.sketch and entity not in seen:
            seen.add(entity)
            yield entity, span


# ---- inside a sketch


def infer_hole(cx: Context, e: tree.Hole, expected: Type | None) -> typed.Expr:
    """`?a`: a field of the holes."""
    made = _field(cx, e.name, e.span)
    return cx.wrong(e.span, faults.HoleOutside(e.span, e.name)) if made is None else made


def declare_hole(cx: Context, e: tree.HoleDecl) -> list[typed.Stmt]:
    """`hole a: Float = 1.0`: `a` is that field from here on."""
    name = e.name.name
    value = _field(cx, name, e.name.span)
    if value is None:
        value = cx.wrong(e.span, faults.HoleOutside(e.name.span, name))
    variable = cx.variable(name, e.name.span, value.type)
    return [bind(variable.symbol, value.type, value)]


def _field(cx: Context, name: str, span: Span) -> typed.Expr | None:
    found = _holes(cx, span)
    if found is None:
        return None
    holes, sketch = found
    for i, f in enumerate(sketch.struct.decl.fields):
        if f.name == name:
            return typed.GetField(f.type, span, holes, i)
    return None


def _holes(cx: Context, span: Span) -> tuple[typed.Expr, Open] | None:
    """The holes of the sketch whose body this is."""
    from .expressions import read

    value = cx.scope.find(HOLES)
    if not isinstance(value, Value) or not isinstance(value.type, Struct):
        return None
    info = value.type.decl.info
    assert isinstance(info, StructName)
    sketch = complete(info.methods["call"])
    return read(cx, value, span), sketch


# ---- calls


def parameter_name(sketch: Open) -> str:
    """The name, which no program can write, of the holes of a sketch that is being trained."""
    return f"%holes of {id(sketch)}"


def sketch_target(cx: Context, fn: FnName, span: Span) -> Target | None:
    """A sketch that is called: its method `call` on the holes that it has here."""
    from .targets import bound, fn_target

    sketch = complete(fn)
    receiver = _receiver(cx, sketch, span)
    if receiver is None:
        holes = tuple(f.name for f in sketch.struct.decl.fields)
        around = _holes(cx, span)
        if around is not None and fn in around[1].circular:
            return None
        if holes:
            cx.report(faults.Unfinished(span, fn.tree.name.name, fn.tree.name.span, holes))
            return None
        receiver = typed.Make(sketch.sketch.holes, span, ())
    return bound(cx, fn_target(cx, sketch.call, span), receiver)


def _receiver(cx: Context, sketch: Open, span: Span) -> typed.Expr | None:
    """The values of a sketch's holes at this place: those of the training around it, or of the sketch that calls it."""
    from .expressions import read

    value = cx.scope.find(parameter_name(sketch))
    if isinstance(value, Value):
        return read(cx, value, span)
    around = _holes(cx, span)
    if around is None:
        return None
    holes, outer = around
    if outer is sketch:
        return holes
    for index, inner in outer.inner.items():
        if inner is sketch:
            return typed.GetField(inner.sketch.holes, span, holes, index)
    return None


# ---- training


def trained(cx: Context, e: tree.Expr) -> Open | None:
    """The sketch that `train e { .. }` trains, reported (None) where `e` is none."""
    from .expressions import module_member
    from .lookup import lookup

    entity: object = None
    if isinstance(e, tree.Name):
        entity = lookup(cx, e.name, e.span)
        if entity is None:
            return None
    elif isinstance(e, tree.Member):
        entity = module_member(cx, e)
    if isinstance(entity, FnName) and entity.tree.sketch:
        return complete(entity)
    cx.report(faults.NotASketch(e.span, " ".join(e.span.text.split())))
    return None


def note_fill(cx: Context, value: tree.Expr, symbol: typed.Symbol) -> None:
    """Remembers for `dp fill` that a top-level name holds the fit of a sketch, or the value of that fit."""
    if isinstance(value, tree.Member) and value.name.name == "value":
        value = value.base
    if isinstance(value, tree.Train) and value.name is None and symbol.top and not cx.unit.errors:
        sketch = trained(cx, value.subject)
        if sketch is not None:
            cx.unit.fills.append((sketch.sketch, symbol))


def declared_sketches(unit: Unit) -> tuple[typed.Sketch, ...]:
    """All sketches of a file."""
    return tuple(complete(fn).sketch for fn in unit.fns if fn.tree.sketch)


def start_of(cx: Context, sketch: Open, span: Span) -> typed.Expr | None:
    """Where the training of a sketch starts: its holes with the values that they begin with."""
    from .expressions import check
    from .structs import check_constants

    parts: list[typed.Expr] = []
    fields = sketch.struct.decl.fields
    there = cx.at(sketch.fn.scope)
    for i, (f, start) in enumerate(zip(fields, sketch.starts, strict=True)):
        if isinstance(f.type, Wrong):
            return None
        made: typed.Expr | None
        if i in sketch.inner:
            made = start_of(cx, sketch.inner[i], span)
        elif start is None:
            made = default_start(f, span)
            if made is None:
                cx.report(NotBuilt(f.span, "a constrained array as a hole without a start"))
        else:
            made = check(there, start, f.type)
        if made is None or isinstance(cx.solve(made.type), Wrong):
            return None
        parts.append(made)
    check_constants(cx, sketch.struct.decl, tuple(parts))
    checks = tuple(f.constraint for f in fields)
    return typed.Make(sketch.sketch.holes, span, tuple(parts), checks if any(checks) else ())


def default_start(f: Field, span: Span) -> typed.Expr | None:
    """A value in the middle of what a hole may be, or None where there is no natural one."""
    elem, dims = strip(f.type)
    value = middle(f.constraint)
    if value is None:
        return None
    number = typed.Lit(elem, span, value)
    if not dims:
        return number
    ranges = tuple(
        typed.Range(typed.Symbol("i", span), typed.Lit(INT, span, 0), typed.SizeValue(INT, span, size)) for size in dims
    )
    return typed.Builder(f.type, span, ranges, number)


def middle(constraint: Constraint | None) -> float | None:
    if constraint is None:
        return START
    low, high = constraint.low, constraint.high
    match constraint.kind:
        case "above" | "at_least":
            return None if low is None else low + 1.0
        case "at_most":
            return None if high is None else high - 1.0
        case "between":
            return None if low is None or high is None else (low + high) / 2.0
        case _:
            return None


__all__ = [
    "Open", "check_sketch", "complete", "declare_hole", "declared_sketches", "infer_hole", "infer_train",
    "note_fill", "parameter_name", "sketch_target", "start_of", "trained",
]  # fmt: skip
