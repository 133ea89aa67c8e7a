"""Calls of primitive rows: their schemes read from the table, chosen by the arguments' types, and lifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, STRING, Scalar
from ..core.sizes import Size
from ..core.types import Array, Enum, Meta, Never, Tuple, Type, TypeVar, Wrong, array, show
from ..errors import types as faults
from ..errors.source import Span
from ..primitives.table import Row
from ..syntax import tree
from . import typed
from .constants import is_literal, literal_is_float
from .context import Context
from .draws import keys_given, own_keys
from .lift import coerce, common_dims, mapped, mismatch, report_sizes, widen_all
from .sizing import with_stmts
from .unify import data_fault, drop, join_numbers, strip

SCALARS: dict[str, Scalar] = {s.name: s for s in (FLOAT, FLOAT32, INT, BOOL, STRING, KEY)}
NUMBER_CLASSES: dict[str, tuple[Type, ...]] = {"N": (INT, FLOAT, FLOAT32), "F": (FLOAT, FLOAT32)}
ORDERED = ("min", "max", "clip", "sort", "argsort")


@dataclass(frozen=True, slots=True)
class Shape:
    """A type in a scheme: a scalar, a class (N, F), any scalar or enum (T), any type (A), with dimensions."""

    name: str
    dims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scheme:
    params: tuple[Shape, ...]
    result: Shape | tuple[Shape, ...]


Argument: TypeAlias = "typed.Expr | tree.Expr"


@cache
def schemes(text: str) -> tuple[Scheme, ...]:
    """The alternatives of a scheme's text."""
    made = []
    for part in text.split("|"):
        params, _, result = part.partition("->")
        results = _shapes(result)
        made.append(Scheme(_shapes(params), results if result.strip().startswith("(") else results[0]))
    return tuple(made)


def _shapes(text: str) -> tuple[Shape, ...]:
    text = text.strip()
    if text.startswith("("):
        text = text[1:-1]
    parts: list[str] = []
    depth = 0
    for c in text:
        if c == "," and depth == 0:
            parts.append("")
            continue
        depth += (c == "[") - (c == "]")
        parts = parts or [""]
        parts[-1] += c
    return tuple(_shape(p.strip()) for p in parts if p.strip())


def _shape(text: str) -> Shape:
    name, _, dims = text.rstrip("]").partition("[")
    return Shape(name.strip(), tuple(d.strip() for d in dims.split(",")) if dims else ())


def _size(text: str, sizes: dict[str, Size]) -> Size:
    """A dimension of a result: sums and differences of names and numbers."""
    total = Size.of(0)
    for word in text.replace("-", "+-").split("+"):
        word = word.strip()
        if not word:
            continue
        negative = word.startswith("-")
        product = Size.of(-1 if negative else 1)
        for factor in word.lstrip("- ").split("*"):
            factor = factor.strip()
            product = product * (Size.of(int(factor)) if factor.isdigit() else sizes[factor])
        total = total + product
    return total


@dataclass(eq=False, slots=True)
class _Fit:
    """A scheme that fits: what its classes are, and how many dimensions of each argument are mapped over."""

    scheme: Scheme
    classes: dict[str, Type]
    depths: list[int]


def call_row(cx: Context, row: Row, args: Sequence[Argument], span: Span, expected: Type | None) -> typed.Expr:
    """A call of a row by its scheme."""
    found = schemes(row.scheme)
    label = row.name.rpartition(".")[2]
    arities = {len(s.params) for s in found}
    if len(args) not in arities:
        most = max(arities)
        if len(args) > most and found[0].params[:1] == (Shape("Key"),):
            return _drawn(cx, row, args, most, span)
        if len(args) > most:
            return cx.wrong(span, faults.TooManyArguments(args[most].span, label, most, len(args), None))
        names = tuple(f"number {i + 1}" for i in range(len(args), min(arities)))
        return cx.wrong(span, faults.MissingArgument(span, label, names, None))
    values = _infer_args(cx, args, expected)
    types = [cx.solve(v.type) if isinstance(v, typed.Node) else None for v in values]
    if any(isinstance(t, Wrong | Never) for t in types):
        return cx.wrong(span)
    if _find_elements(cx, types):
        types = [t if t is None else cx.solve(t) for t in types]
    for v, t in zip(values, types, strict=True):
        if t is not None and isinstance(strip(t)[0], Meta):
            return cx.wrong(span, faults.TypeNotKnown(v.span, f"an argument of `{label}`"))
    for scheme in found:
        if len(scheme.params) == len(args):
            fit = _fits(row, scheme, values, types, _scalar(expected))
            if fit is not None:
                return _apply(cx, row, fit, values, span)
    shown = ", ".join("a number" if t is None else show(t) for t in types)
    return cx.wrong(span, faults.RowTypes(span, label, shown, readable(row.scheme), row.doc))


def _drawn(cx: Context, row: Row, args: Sequence[Argument], count: int, span: Span) -> typed.Expr:
    """`random.normal(k, n, m)`: sizes behind the arguments of a row that draws."""
    before: list[typed.Stmt] = []
    sizes = [a for a in args[count:] if not isinstance(a, typed.Node)]
    keys = keys_given(cx, args[0], sizes, row.name.rpartition(".")[2], before)
    if keys is None:
        return cx.wrong(span)
    return with_stmts(before, call_row(cx, row, [keys, *args[1:count]], span, None))


def _find_elements(cx: Context, types: Sequence[Type | None]) -> bool:
    """An array whose elements are not known yet (`[]`) takes them from the array beside it."""
    open_ones = [t for t in types if isinstance(t, Array) and isinstance(t.elem, Meta)]
    known = [t for t in types if isinstance(t, Array) and not isinstance(t.elem, Meta)]
    return bool(open_ones and known) and all(cx.unit.solver.try_fits(t.elem, drop(known[0], 1)) for t in open_ones)


def readable(scheme: str) -> str:
    """A scheme as users read types."""
    return scheme.replace("F", "Float").replace("Floatloat", "Float").replace("N", "Float").replace(" | ", " or ")


def _scalar(expected: Type | None) -> Type | None:
    return strip(expected)[0] if expected is not None else None


def _infer_args(cx: Context, args: Sequence[Argument], expected: Type | None) -> list[Argument]:
    """Arguments with their types; number literals wait for the scheme."""
    from .expressions import infer

    values: list[Argument] = []
    for a in args:
        if isinstance(a, typed.Node) or is_literal(cx.scope, a):
            values.append(a)
        else:
            values.append(infer(cx, a))
    return values


def _fits(
    row: Row, scheme: Scheme, values: Sequence[Argument], types: Sequence[Type | None], expected: Type | None
) -> _Fit | None:
    """Whether a scheme takes these arguments, an Int for a Float included."""
    classes: dict[str, Type] = {}
    depths: list[int] = []
    literals: dict[str, bool] = {}
    for shape, value, t in zip(scheme.params, values, types, strict=True):
        if t is None:
            if shape.dims and shape.dims != ("..",):
                return None
            if not _literal_fits(shape, value, literals):
                return None
            depths.append(0)
            continue
        depth = _depth(shape, t)
        if depth is None or not _class_fits(row, shape, drop(t, depth), classes):
            return None
        depths.append(depth)
    for name, is_float in literals.items():
        known = classes.get(name)
        if known is None:
            wanted = expected if expected in NUMBER_CLASSES.get(name, ()) else None
            classes[name] = wanted or (FLOAT if is_float or name == "F" else INT)
        elif is_float and known == INT:
            classes[name] = FLOAT
    for name, t in classes.items():
        allowed = NUMBER_CLASSES.get(name)
        if allowed is not None and t not in allowed and not _bounded(row, name, t):
            if t != INT:
                return None
            classes[name] = FLOAT
    return _Fit(scheme, classes, depths)


def _bounded(row: Row, name: str, t: Type) -> bool:
    """Whether a type variable is known to be a number (or, for what only compares, ordered)."""
    if not isinstance(t, TypeVar) or name != "N":
        return False
    return t.bound == "Number" or (t.bound == "Ordered" and row.name in ORDERED)


def _literal_fits(shape: Shape, value: Argument, literals: dict[str, bool]) -> bool:
    assert isinstance(value, tree.Node)
    is_float = literal_is_float(value)
    if shape.name in NUMBER_CLASSES or shape.name in ("T", "A"):
        literals[shape.name] = literals.get(shape.name, False) or is_float
        return True
    return shape.name in ("Float", "Float32") or (shape.name == "Int" and not is_float)


def _depth(shape: Shape, t: Type) -> int | None:
    """How many leading dimensions are mapped over; None where there are too few."""
    if shape.dims == ("..",):
        return 0
    extra = len(strip(t)[1]) - len(shape.dims)
    if shape.name == "A":
        return 0 if extra >= 0 else None
    return extra if extra >= 0 else None


def _class_fits(row: Row, shape: Shape, t: Type, classes: dict[str, Type]) -> bool:
    elem = strip(t)[0]
    if shape.name in SCALARS:
        wanted = SCALARS[shape.name]
        return elem == wanted or (elem == INT and wanted in (FLOAT, FLOAT32))
    if shape.name == "A":
        elem = drop(t, len(shape.dims)) if shape.dims != ("..",) else elem
        if data_fault(elem) is not None:
            return False
        known = classes.setdefault("A", elem)
        joined = join_numbers(strip(known)[0], strip(elem)[0])
        if joined is None:
            return _shape_of(known) == _shape_of(elem)
        classes["A"] = array(joined, strip(known)[1])
        return len(strip(known)[1]) == len(strip(elem)[1])
    if shape.name == "T":
        if not isinstance(elem, Scalar | Enum):
            return False
    elif elem not in (INT, FLOAT, FLOAT32) and not _bounded(row, shape.name, elem):
        return False
    if shape.name not in classes:
        classes[shape.name] = elem
        return True
    joined = join_numbers(classes[shape.name], elem)
    if joined is None:
        return False
    classes[shape.name] = joined
    return True


def _shape_of(t: Type) -> tuple[object, int]:
    elem, dims = strip(t)
    return (type(elem), getattr(elem, "decl", None)), len(dims)


def _apply(cx: Context, row: Row, fit: _Fit, args: Sequence[Argument], span: Span) -> typed.Expr:
    from .expressions import infer

    values: list[typed.Expr] = []
    for shape, a in zip(fit.scheme.params, args, strict=True):
        if isinstance(a, typed.Node):
            values.append(a)
        else:
            values.append(infer(cx, a, fit.classes.get(shape.name) or SCALARS.get(shape.name)))
    sizes: dict[str, Size] = {}
    params: list[Type] = []
    rest: tuple[Size, ...] = ()
    for shape, v, depth in zip(fit.scheme.params, values, fit.depths, strict=True):
        dims = strip(cx.solve(v.type))[1][depth:]
        if shape.dims == ("..",):
            rest = dims
            params.append(array(_elem(fit, shape), dims))
            continue
        for name, d in zip(shape.dims, dims, strict=False):
            known = sizes.setdefault(name, d)
            if not cx.unit.solver.same_size(d, known):
                first = next(w for w, s in zip(values, fit.scheme.params, strict=True) if name in s.dims)
                report_sizes(
                    cx, span, cx.solve(v.type), cx.solve(first.type), (cx.size(d), cx.size(known)), v.span, first.span
                )
                return cx.wrong(span)
        params.append(array(_elem(fit, shape), dims[: len(shape.dims)]))
        if shape.name == "A" and not _same_elements(cx, drop(cx.solve(v.type), len(shape.dims)), fit.classes["A"]):
            return mismatch(cx, v, cx.solve(v.type), array(fit.classes["A"], strip(cx.solve(v.type))[1][:1]))
    result = _result(fit, sizes, rest)
    return _lifted(cx, row, values, params, fit.depths, result, span)


def _same_elements(cx: Context, t: Type, elem: Type) -> bool:
    """Whether elements are of the type that all arrays of a call share, Ints among Floats included."""
    mine, dims = strip(t)
    wanted, others = strip(elem)
    if mine == INT and wanted in (FLOAT, FLOAT32) and len(dims) == len(others):
        return all(cx.unit.solver.same_size(a, b) for a, b in zip(dims, others, strict=True))
    return cx.unit.solver.try_fits(t, elem)


def _elem(fit: _Fit, shape: Shape) -> Type:
    return fit.classes.get(shape.name) or SCALARS[shape.name]


def _result(fit: _Fit, sizes: dict[str, Size], rest: tuple[Size, ...]) -> Type:
    def one(shape: Shape) -> Type:
        dims = rest if shape.dims == ("..",) else tuple(_size(d, sizes) for d in shape.dims)
        return array(_elem(fit, shape), dims)

    result = fit.scheme.result
    return Tuple(tuple(one(s) for s in result)) if isinstance(result, tuple) else one(result)


def _lifted(
    cx: Context, row: Row, values: list[typed.Expr], params: list[Type], depths: list[int], result: Type, span: Span
) -> typed.Expr:
    extras = [(strip(cx.solve(v.type))[1][:d], v) for v, d in zip(values, depths, strict=True) if d]
    dims = common_dims(cx, span, extras) if extras else ()
    if dims is None:
        return cx.wrong(span)

    def make(inner: list[typed.Expr]) -> typed.Expr:
        args = tuple(_as(cx, v, t) for v, t in zip(inner, params, strict=True))
        if row.effect:
            cx.does(f"`{row.name}`", span)
            return typed.Io(result, span, row.name, args)
        return typed.Prim(result, span, row.name, args)

    before: list[typed.Stmt] = []
    given = list(zip(values, depths, strict=True))
    if dims:
        given = own_keys(cx, given, dims, before)
    return with_stmts(before, mapped(span, dims, given, make))


def _as(cx: Context, value: typed.Expr, t: Type) -> typed.Expr:
    """An argument as the row takes it: Ints, also those of an array, become Floats."""
    elem, dims = strip(t)
    mine, others = strip(cx.solve(value.type))
    if mine == INT and elem in (FLOAT, FLOAT32) and len(dims) == len(others):
        return widen_all(cx, value, elem)
    return value if isinstance(t, Array) and mine == elem else coerce(cx, value, t)
