"""Array builders, reductions, indexing and slicing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, STRING
from ..core.sizes import Size
from ..core.types import Array, Meta, Never, Struct, Tuple, Type, TypeVar, Wrong, array, show
from ..errors import types as faults
from ..errors.diagnostic import NotBuilt
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .context import Context, Frame, hold, int_lit
from .free import free_names, pattern_names
from .iteration import Parts, Turns, constant_size, indexed_range, turns
from .lift import coerce, widen_all
from .names import EnumName, FnName, LetFn, StructName, TypeName, VariantName
from .operators import binary
from .sizing import as_size, with_stmts
from .targets import is_builtin
from .unify import data_fault, drop, is_number, strip
from .vectors import is_constrained, is_vector

REDUCTIONS = ("sum", "prod", "mean", "min", "max", "any", "all", "argmin", "argmax", "logsumexp")
Join: TypeAlias = Callable[[tuple[typed.Range, ...], typed.Expr], typed.Expr]


@dataclass(eq=False, slots=True)
class _Level:
    """Ranges that make one Builder or Reduce, and the statements at the start of its body."""

    ranges: list[typed.Range] = field(default_factory=list)
    stmts: list[typed.Stmt] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def comprehend(
    cx: Context,
    binders: Sequence[tree.Binder],
    element: tree.Expr,
    body: Callable[[Context], typed.Expr],
    join: Join,
    sizes: list[Size] | None,
) -> typed.Expr | None:
    """`body` for all turns of the binders, joined. Binders that depend on earlier ones make a level of their own.

    `sizes` collects the number of turns of each binder where they are sizes (a builder), else it is None.
    """
    inner = cx.inner("builder")
    before: list[typed.Stmt] = []
    made = _level(inner, list(binders), element, body, join, sizes, before)
    return None if made is None else with_stmts(before, made)


def _level(
    cx: Context,
    binders: list[tree.Binder],
    element: tree.Expr,
    body: Callable[[Context], typed.Expr],
    join: Join,
    sizes: list[Size] | None,
    before: list[typed.Stmt],
) -> typed.Expr | None:
    level = _Level()
    for b in binders:
        if b.iterable is None:
            _index_name(cx, b, level)
    while binders:
        b = binders[0]
        if b.iterable is not None and level.ranges and any(n in level.names for n, _ in free_names(b.iterable)):
            inner_before: list[typed.Stmt] = []
            inner = _level(cx, binders, element, body, join, sizes, inner_before)
            if inner is None:
                return None
            value = with_stmts([*level.stmts, *inner_before], inner)
            return join(tuple(level.ranges), value)
        binders = binders[1:]
        found = (
            turns(cx, b.iterable, before, sized=sizes is not None)
            if b.iterable is not None
            else indexed_range(cx, _name_of(b), element, b.span)
        )
        if isinstance(found, Parts):
            cx.report(faults.NotIterable(b.span, "a tuple", "a builder"))
        if not isinstance(found, Turns):
            return None
        if sizes is not None:
            assert found.size is not None
            sizes.append(found.size)
        _enter(cx, b, found, level)
    value = body(cx)
    return join(tuple(level.ranges), with_stmts(level.stmts, value))


def _name_of(b: tree.Binder) -> str:
    return b.pattern.name if isinstance(b.pattern, tree.NamePattern) else "_"


def _index_name(cx: Context, b: tree.Binder, level: _Level) -> None:
    """A plain binder is an Int from the start: other binders' arrays may be found through it."""
    value = cx.variable(_name_of(b), b.pattern.span, INT)
    value.place = level.stmts


def _enter(cx: Context, b: tree.Binder, found: Turns, level: _Level) -> None:
    """Puts the variables of a binder into scope."""
    from .patterns import bind_pattern

    level.names |= set(pattern_names(b.pattern))
    if found.element is None and not found.reverse and isinstance(b.pattern, tree.NamePattern):
        value = cx.variable(b.pattern.name, b.pattern.span, INT)
        value.place = level.stmts
        level.ranges.append(typed.Range(value.symbol, found.low, found.high))
        return
    symbol = typed.Symbol("index", b.span)
    zero = int_lit(0, b.span)
    size = typed.Prim(INT, b.span, "-", (found.high, found.low)) if found.element is None else found.high
    level.ranges.append(typed.Range(symbol, zero, size))
    value_of = found.at(typed.Local(INT, b.span, symbol))
    bound, more = bind_pattern(cx, b.pattern, found.type, level.stmts, value_of)
    level.stmts.append(typed.Let(bound, value_of, (), b.span))
    level.stmts.extend(more)


def infer_builder(cx: Context, e: tree.Builder, expected: Type | None) -> typed.Expr:
    """`[element for binders]`."""
    wanted = cx.solve(expected) if expected is not None else None
    n = len(e.binders)
    hint = drop(wanted, n) if isinstance(wanted, Array) and len(wanted.dims) >= n else None
    sizes: list[Size] = []
    born = cx.mark()

    def body(inner: Context) -> typed.Expr:
        from .expressions import infer

        value = infer(inner, e.element, hint)
        t = cx.solve(value.type)
        return coerce(cx, value, hint) if hint is not None and is_number(strip(hint)[0]) and t == INT else value

    def join(ranges: tuple[typed.Range, ...], value: typed.Expr) -> typed.Expr:
        dims = tuple(_range_size(cx, r) for r in ranges)
        return typed.Builder(array(value.type, dims), e.span, ranges, value)

    made = _closed(cx, e.span, "an array builder", lambda: comprehend(cx, e.binders, e.element, body, join, sizes))
    if made is None:
        return cx.wrong(e.span)
    t = cx.solve(made.type)
    elem, dims = strip(t)
    if isinstance(elem, Wrong | Never):
        return cx.wrong(e.span)
    if data_fault(elem) is not None:
        return cx.wrong(e.span, faults.FunctionAsData(e.element.span, show(elem), "an array element"))
    inside = cx.born_since(born) - _before_names(made)
    for d in dims:
        if cx.size(d).atoms() & inside:
            return cx.wrong(e.span, faults.SizeInBuilder(e.element.span, str(d)))
    return made


def _before_names(e: typed.Expr) -> set[object]:
    """The sizes that are named before a builder starts."""
    if not isinstance(e, typed.Block):
        return set()
    return {v for s in e.stmts if isinstance(s, typed.Let) for v in s.fresh}


def _range_size(cx: Context, r: typed.Range) -> Size:
    before: list[typed.Stmt] = []
    low, _ = as_size(cx, r.low, before)
    high, _ = as_size(cx, r.high, before)
    return high - low


def _closed(cx: Context, span: Span, what: str, run: Callable[[], typed.Expr | None]) -> typed.Expr | None:
    """Runs a check of what no jump may leave and no effect may stand in."""
    outer = cx.body.frame
    cx.body.frame = Frame(None, closed=what)
    try:
        with cx.region(what, span):
            return run()
    finally:
        cx.body.frame = outer


# ---- reductions


def infer_reduction(cx: Context, e: tree.Reduction, expected: Type | None) -> typed.Expr:
    """`sum(element for binders)` and its relatives."""
    name = e.fn.name if isinstance(e.fn, tree.Name) else ""
    if name not in REDUCTIONS or not is_builtin(cx, name):
        return cx.wrong(e.span, faults.NotAReduction(e.fn.span, e.fn.span.text))
    hint = FLOAT if expected == FLOAT and name in ("mean", "logsumexp") else None
    kinds: list[Type] = []

    def body(inner: Context) -> typed.Expr:
        from .expressions import infer

        value = prepare(cx, name, infer(inner, e.element, hint))
        kinds.append(cx.solve(value.type))
        return value

    def join(ranges: tuple[typed.Range, ...], value: typed.Expr) -> typed.Expr:
        return typed.Reduce(result_type(name, value.type), e.span, op_of(name), ranges, value)

    def run() -> typed.Expr | None:
        return comprehend(cx, e.binders, e.element, body, join, None)

    born = cx.mark()
    made = _closed(cx, e.span, "a reduction", run)
    if made is None or isinstance(cx.solve(made.type), Wrong):
        return cx.wrong(e.span)
    if name in ("argmin", "argmax") and isinstance(_innermost(made), typed.Reduce):
        return cx.wrong(e.span, NotBuilt(e.span, f"`{name}` over binders that depend on each other"))
    for d in strip(cx.solve(made.type))[1]:
        if cx.size(d).atoms() & cx.born_since(born) - _before_names(made):
            return cx.wrong(e.span, faults.SizeInBuilder(e.element.span, str(d)))
    if name != "mean":
        return made
    count = _closed(cx, e.span, "a reduction", lambda: comprehend(cx, e.binders, e.element, _one(e.span), join, None))
    return made if count is None else average(cx, made, count, e.span)


def _innermost(e: typed.Expr) -> typed.Expr | None:
    while isinstance(e, typed.Block) and e.result is not None:
        e = e.result
    if not isinstance(e, typed.Reduce):
        return None
    inner = e.element
    while isinstance(inner, typed.Block) and inner.result is not None:
        inner = inner.result
    return inner if isinstance(inner, typed.Reduce) and inner.span == e.span else None


def _one(span: Span) -> Callable[[Context], typed.Expr]:
    return lambda _: int_lit(1, span)


def op_of(name: str) -> typed.ReduceOp:
    match name:
        case "sum" | "mean":
            return "+"
        case "prod":
            return "*"
        case _:
            return name  # type: ignore[return-value]


def result_type(name: str, elem: Type) -> Type:
    return INT if name in ("argmin", "argmax") else elem


def prepare(cx: Context, name: str, value: typed.Expr) -> typed.Expr:
    """An element as the reduction takes it, or a fault."""
    t = cx.solve(value.type)
    elem, dims = strip(t)
    if isinstance(t, Wrong | Never):
        return cx.wrong(value.span)
    if isinstance(elem, Meta):
        return cx.wrong(value.span, faults.TypeNotKnown(value.span, f"what `{name}` takes"))
    match name:
        case "any" | "all":
            sound = t == BOOL
        case "sum" | "mean":
            vector = is_vector(elem) and not (isinstance(elem, Struct) and is_constrained(elem))
            sound = is_number(elem) or vector
            if sound and name == "mean" and elem == INT:
                return widen_all(cx, value, FLOAT)
        case "min" | "max" | "argmin" | "argmax":
            sound = not dims and (is_number(elem) or (isinstance(elem, TypeVar) and elem.bound == "Ordered"))
        case "logsumexp":
            sound = not dims and elem in (FLOAT, FLOAT32, INT)
            if sound and elem == INT:
                return widen_all(cx, value, FLOAT)
        case _:
            sound = not dims and is_number(elem)
    if sound:
        return value
    return cx.wrong(value.span, faults.ReductionType(value.span, name, show(t)))


def average(cx: Context, total: typed.Expr, count: typed.Expr, span: Span) -> typed.Expr:
    """`total / count`; the mean of nothing is a fault at run time."""
    before: list[typed.Stmt] = []
    held = hold(count, before) if not isinstance(count, typed.Lit | typed.SizeValue) else count
    known = constant_size(cx, held)
    if known is None or known <= 0:
        some = typed.Prim(BOOL, span, ">", (held, int_lit(0, span)))
        message = typed.Lit(STRING, span, "the mean of no elements")
        before.append(typed.Assert(some, message, span))
    elem = strip(cx.solve(total.type))[0]
    target = elem if elem in (FLOAT, FLOAT32) else FLOAT
    divisor = widen_all(cx, held, target)
    if is_number(elem):
        return with_stmts(before, binary(cx, "/", total, divisor, span, span))
    one = typed.Lit(FLOAT, span, 1.0)
    factor = typed.Prim(FLOAT, span, "/", (one, divisor))
    return with_stmts(before, binary(cx, "*", factor, total, span, span))


def reduce_array(cx: Context, name: str, x: typed.Expr, span: Span, rank: int | None = None) -> typed.Expr:
    """`sum(x)` of an array: over the first `rank` dimensions, all where `rank` is None."""
    before: list[typed.Stmt] = []
    held = hold(x, before)
    t = cx.solve(held.type)
    dims = strip(t)[1][:rank]
    ranges = tuple(
        typed.Range(typed.Symbol("index", span), int_lit(0, span), typed.SizeValue(INT, span, cx.size(d))) for d in dims
    )
    items = tuple(typed.At(typed.Local(INT, span, r.symbol)) for r in ranges)
    element = prepare(cx, name, typed.GetItem(drop(t, len(dims)), x.span, held, items))
    if isinstance(element.type, Wrong):
        return cx.wrong(span)
    total: typed.Expr = typed.Reduce(result_type(name, element.type), span, op_of(name), ranges, element)
    if name == "mean":
        size = Size.of(1)
        for d in dims:
            size = size * cx.size(d)
        total = average(cx, total, typed.SizeValue(INT, span, size), span)
    return with_stmts(before, total)


# ---- indexing


def infer_index(cx: Context, e: tree.Index) -> typed.Expr:
    from .expressions import infer

    if isinstance(e.base, tree.Name):
        entity = cx.scope.find(e.base.name)
        if isinstance(entity, StructName | EnumName | TypeName | FnName | VariantName | LetFn):
            return cx.wrong(e.span, faults.WrittenTypeArguments(e.span, e.base.name))
    base = infer(cx, e.base)
    t = cx.solve(base.type)
    if isinstance(t, Wrong | Never):
        return cx.wrong(e.span)
    if t == KEY:
        return _derived_key(cx, e, base)
    if isinstance(t, Tuple):
        return _part(cx, e, base, t)
    dims = strip(t)[1]
    if isinstance(strip(t)[0], Meta) and not dims:
        return cx.wrong(e.span, faults.TypeNotKnown(e.base.span, "what is indexed"))
    before: list[typed.Stmt] = []
    found = index_items(cx, e.items, t, e.span, before)
    if found is None:
        return cx.wrong(e.span)
    return with_stmts(before, typed.GetItem(found[1], e.span, base, found[0]))


def index_items(
    cx: Context, items: tuple[tree.Expr | tree.SliceItem, ...], t: Type, span: Span, before: list[typed.Stmt]
) -> tuple[tuple[typed.IndexItem, ...], Type] | None:
    """The items between brackets on a value of type `t`, and the type of what they pick."""
    dims = strip(t)[1]
    if len(items) > len(dims):
        cx.report(faults.TooManyIndices(span, show(t), len(dims), len(items)))
        return None
    found = [_item(cx, item, cx.size(dims[i]), before) for i, item in enumerate(items)]
    sound = [f for f in found if f is not None]
    if len(sound) < len(found):
        return None
    kept = tuple(size for _, size in sound if size is not None)
    return tuple(i for i, _ in sound), array(drop(t, len(items)), kept)


def _item(
    cx: Context, item: tree.Expr | tree.SliceItem, dim: Size, before: list[typed.Stmt]
) -> tuple[typed.IndexItem, Size | None] | None:
    """One index (no dimension left) or slice (and its size)."""
    from .expressions import infer

    if isinstance(item, tree.SliceItem | tree.Range):
        return _slice(cx, item, dim, before)
    value = infer(cx, item)
    t = cx.solve(value.type)
    if isinstance(t, Wrong | Never):
        return None
    if t != INT:
        cx.report(faults.IndexType(item.span, show(t)))
        return None
    if not _inside(cx, value, dim, item.span, closed=False):
        return None
    return typed.At(value), None


def _inside(cx: Context, value: typed.Expr, dim: Size, span: Span, closed: bool) -> bool:
    """False where an index is known to be out of range."""
    known = constant_size(cx, value)
    if known is None:
        return True
    if known < 0:
        cx.report(faults.NegativeIndex(span, known, str(dim)))
        return False
    size = dim.constant
    if size is not None and (known > size or (known == size and not closed)):
        cx.report(faults.IndexOutOfRange(span, known, size))
        return False
    return True


def _slice(
    cx: Context, item: tree.SliceItem | tree.Range, dim: Size, before: list[typed.Stmt]
) -> tuple[typed.IndexItem, Size | None] | None:
    from .expressions import infer

    ends: list[typed.Expr | None] = []
    sizes = [Size.of(0), dim]
    for i, part in enumerate((item.low, item.high)):
        if part is None:
            ends.append(None)
            continue
        value = coerce(cx, infer(cx, part), INT)
        if isinstance(cx.solve(value.type), Wrong) or not _inside(cx, value, dim, part.span, closed=True):
            return None
        sizes[i], value = as_size(cx, value, before)
        ends.append(value)
    size = sizes[1] - sizes[0]
    if size.constant is not None and size.constant < 0:
        cx.report(faults.BackwardSlice(item.span, str(sizes[0]), str(sizes[1])))
        return None
    return typed.Slice(ends[0], ends[1]), size


def _derived_key(cx: Context, e: tree.Index, base: typed.Expr) -> typed.Expr:
    """`key[i]`: a key of its own for each i."""
    from .expressions import infer

    for item in e.items:
        if isinstance(item, tree.SliceItem | tree.Range):
            return cx.wrong(e.span, faults.IndexType(item.span, "a range"))
        base = typed.Prim(KEY, e.span, "key_at", (base, coerce(cx, infer(cx, item), INT)))
    return base


def _part(cx: Context, e: tree.Index, base: typed.Expr, t: Tuple) -> typed.Expr:
    """`t[0]` of a tuple: the number is fixed by the text."""
    from .expressions import infer

    if len(e.items) != 1 or isinstance(e.items[0], tree.SliceItem | tree.Range):
        return cx.wrong(e.span, faults.TooManyIndices(e.span, show(t), 1, len(e.items)))
    value = infer(cx, e.items[0])
    known = constant_size(cx, value) if cx.solve(value.type) == INT else None
    if isinstance(cx.solve(value.type), Wrong):
        return cx.wrong(e.span)
    if known is None:
        return cx.wrong(e.span, faults.TupleIndex(e.items[0].span, show(t)))
    if not 0 <= known < len(t.parts):
        return cx.wrong(e.span, faults.IndexOutOfRange(e.items[0].span, known, len(t.parts)))
    return typed.GetField(t.parts[known], e.span, base, known)
