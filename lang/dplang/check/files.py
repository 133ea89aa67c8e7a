"""Calls that read and write files of data. What is read has the type that its place asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, STRING
from ..core.sizes import Size, SizeMeta, SizeVar
from ..core.types import UNIT, Enum, Meta, Never, Struct, Tuple, Type, TypeVar, Wrong, array, instantiate, show
from ..errors import data as faults
from ..errors.source import Span
from ..errors.types import DuplicateArgument, MissingArgument, TooManyArguments
from ..primitives.table import Row
from ..syntax import tree
from . import typed
from .arguments import positional
from .context import Context, bind, int_lit
from .lift import report_sizes
from .native import OPTION, option
from .sizing import with_stmts
from .unify import of_values, strip

CELLS = (FLOAT, FLOAT32, INT, BOOL, STRING)
ELEMENTS = (FLOAT, FLOAT32, INT, BOOL)


# ---- reading


def call_csv(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`data.csv(path, column ..)`: an array for each column, all of one size; `data.csv(path)`: an array of structs."""
    args = _texts(cx, row, e, 1)
    if args is None:
        return cx.wrong(e.span)
    wanted = cx.solve(expected) if expected is not None else None
    if len(args) == 1:
        return _records(cx, row, e, args[0], wanted)
    parts: Sequence[Type | None] = wanted.parts if isinstance(wanted, Tuple) else (wanted,) * (len(args) - 1)
    if len(parts) != len(args) - 1:
        parts = (None,) * (len(args) - 1)
    kinds = []
    for part, name in zip(parts, e.args[1:], strict=True):
        kind = strip(part)[0] if part is not None else FLOAT
        kind = FLOAT if isinstance(kind, Meta | TypeVar | Tuple) else kind
        if not _is_cell(kind):
            return cx.wrong(e.span, faults.NoColumnType(name.span, show(kind), ""))
        kinds.append(kind)
    columns, before = _columns(cx, row, e, args[0], args[1:], kinds, next((p for p in parts if p is not None), None))
    return with_stmts(before, columns if len(kinds) > 1 else next(_parts(columns)))


def _records(cx: Context, row: Row, e: tree.Call, path: typed.Expr, wanted: Type | None) -> typed.Expr:
    """The rows of a file as structs: names and types of the fields are those of the columns."""
    elem, dims = strip(wanted) if wanted is not None else (None, ())
    if not isinstance(elem, Struct) or len(dims) != 1 or not elem.decl.fields:
        asked = "" if wanted is None or isinstance(elem, Meta) else show(wanted)
        return cx.wrong(e.span, faults.NoRecords(e.span, asked))
    kinds = [instantiate(elem.decl, elem.args, f.type) for f in elem.decl.fields]
    for kind, f in zip(kinds, elem.decl.fields, strict=True):
        if not _is_cell(kind):
            field = f"the field `{f.name}` of `{elem.decl.name}`"
            return cx.wrong(e.span, faults.NoColumnType(e.span, show(kind), field, f.span))
    names = [typed.Lit(STRING, e.span, f.name) for f in elem.decl.fields]
    columns, before = _columns(cx, row, e, path, names, kinds, wanted)
    parts = tuple(_parts(columns))
    return with_stmts(before, _made(elem, strip(parts[0].type)[1], iter(parts), e))


def _is_cell(t: Type) -> bool:
    return t in CELLS or (isinstance(t, Enum) and t.decl is OPTION and t.args[0] in CELLS)


def _columns(
    cx: Context,
    row: Row,
    e: tree.Call,
    path: typed.Expr,
    names: Sequence[typed.Expr],
    kinds: Sequence[Type],
    wanted: Type | None,
) -> tuple[typed.Expr, list[typed.Stmt]]:
    """The columns of a file as a tuple, and the statement that reads them. They have one size: that which is asked for,
    or a new one."""
    dims = strip(wanted)[1] if wanted is not None else ()
    t, fresh = _opened(cx, array(FLOAT, dims if len(dims) == 1 else (Size.of(SizeVar("?")),)), "rows", e)
    (rows,) = strip(t)[1]
    columns = Tuple(tuple(array(kind, (rows,)) for kind in kinds))
    code = _code(rows, fresh, e)
    assert code is not None
    return _read(row, e, columns, fresh, (path, code, *names))


def call_arrays(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`data.npy(path)`, `data.npz(path, name)`, `data.safetensors(path, name)`: an array of the type that is asked for.
    `data.safetensors(path)`: a struct, each array in it under its own name."""
    named = row.name != "data.npy"
    least = 2 if row.name == "data.npz" else 1
    args = _texts(cx, row, e, least, 2 if named else 1)
    if args is None:
        return cx.wrong(e.span)
    wanted = cx.solve(expected) if expected is not None else None
    if wanted is None or isinstance(strip(wanted)[0], Meta | TypeVar):
        return cx.wrong(e.span, faults.UntypedArray(e.span, row.name))
    whole = named and len(args) == 1
    t, fresh = _opened(cx, wanted, "size", e)
    codes: list[typed.Expr] = []
    types: list[Type] = []
    for name, dims, elem in _leaves(t, (), "") if whole else [("", strip(t)[1], strip(t)[0])]:
        sizes = [code for d in dims if (code := _code(d, fresh, e)) is not None]
        if elem not in ELEMENTS or (whole and not name) or len(sizes) < len(dims):
            return cx.wrong(e.span, faults.NoArrayType(e.span, row.name, show(wanted), name, show(array(elem, dims))))
        codes += (typed.Lit(STRING, e.span, name) if len(args) == 1 else args[1], *sizes)
        types.append(array(elem, dims))
    values, before = _read(row, e, Tuple(tuple(types)), fresh, (args[0], *codes))
    return with_stmts(before, _made(t, (), _parts(values), e) if whole else next(_parts(values)))


def call_metadata(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`data.metadata(path, key)`: a text, if the file has one under that key."""
    args = _texts(cx, row, e, 2, 2)
    return cx.wrong(e.span) if args is None else typed.Io(option(STRING), e.span, row.name, tuple(args))


def _leaves(t: Type, dims: tuple[Size, ...], name: str) -> Iterator[tuple[str, tuple[Size, ...], Type]]:
    """The arrays of scalars in a value, each with its name, its sizes and the type of its elements."""
    elem, inner = strip(t)
    match elem:
        case Struct(decl, args) if decl.fields:
            for f in decl.fields:
                yield from _leaves(instantiate(decl, args, f.type), dims + inner, f"{name}.{f.name}".lstrip("."))
        case Tuple(parts) if parts:
            for i, p in enumerate(parts):
                yield from _leaves(p, dims + inner, f"{name}.{i}".lstrip("."))
        case _:
            yield name, dims + inner, elem


# ---- writing


def call_write(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`data.write_csv(path, rows)`, `data.write_npz(path, a = x, b = y)`: a value by itself, or several by name."""
    from .expressions import check, infer

    label = row.name.rpartition(".")[2]
    cx.does(f"`{row.name}`", e.span)
    unnamed = [a for a in e.args if a.name is None]
    if len(unnamed) > 2:
        return cx.wrong(e.span, TooManyArguments(unnamed[2].span, label, 2, len(unnamed), None))
    if not unnamed or len(e.args) < 2:
        missing = "number 2" if unnamed else "number 1"
        return cx.wrong(e.span, MissingArgument(e.span, label, (missing,), None))
    seen: dict[str, tree.Arg] = {}
    args = sorted(e.args, key=lambda a: a.name is not None)
    values = [check(cx, args[0].value, STRING)]
    for a in args[1:]:
        if a.name is not None and a.name.name in seen:
            return cx.wrong(e.span, DuplicateArgument(a.name.span, a.name.name, label, seen[a.name.name].span))
        if a.name is not None:
            seen[a.name.name] = a
        values.append(infer(cx, a.value))
    if any(isinstance(cx.solve(v.type), Wrong | Never) for v in values):
        return cx.wrong(e.span)
    names = tuple(None if a.name is None else a.name.name for a in args)
    alone = names[1] is None
    for v, name in zip(values[1:], names[1:], strict=True):
        t = cx.solve(v.type)
        if not _writable(row.name.partition("write_")[2], t, name is None, alone):
            return cx.wrong(e.span, faults.NotWritable(v.span, row.name, show(t), name or ""))
    if row.name == "data.write_csv" and not same_sizes(cx, e.span, values[1:]):
        return cx.wrong(e.span)
    return typed.Io(UNIT, e.span, row.name, tuple(values), names)


def _writable(format: str, t: Type, by_itself: bool, beside: bool) -> bool:
    """Whether a file of a format holds a value; `beside`: a value without a name stands in the same call."""
    elem, dims = strip(t)
    match format:
        case "csv" if by_itself:
            if not isinstance(elem, Struct) or len(dims) != 1:
                return False
            kinds = [instantiate(elem.decl, elem.args, f.type) for f in elem.decl.fields]
            return bool(kinds) and all(map(_is_cell, kinds))
        case "csv":
            return len(dims) == 1 and _is_cell(elem) and not beside
        case "npy" | "npz":
            return elem in ELEMENTS and by_itself == (format == "npy")
        case _ if by_itself:
            return isinstance(t, Struct) and all(kind in ELEMENTS for _, _, kind in _leaves(t, (), ""))
        case _:
            return t == STRING or (elem in ELEMENTS and not beside)


def same_sizes(cx: Context, span: Span, values: Sequence[typed.Expr]) -> bool:
    """Whether arrays have one size. Reported if not."""
    first = values[0]
    for other in values[1:]:
        n, m = strip(cx.solve(first.type))[1][0], strip(cx.solve(other.type))[1][0]
        cx.unit.solver.now = other.span
        if not cx.unit.solver.same_size(m, n):
            sizes = (cx.size(m), cx.size(n))
            report_sizes(cx, span, cx.solve(other.type), cx.solve(first.type), sizes, other.span, first.span)
            return False
    return True


# ---- values and their sizes


def _opened(cx: Context, t: Type, name: str, e: tree.Call) -> tuple[Type, tuple[SizeVar, ...]]:
    """`t` with new names for the sizes in it that only the file knows, and those names."""
    marks: dict[Size, Size] = {}

    def size(s: Size) -> Size:
        s = cx.size(s)
        if any(isinstance(a, SizeMeta) for a in s.atoms()):
            return marks.setdefault(s, Size.of(SizeVar("?")))
        return s

    return cx.open(of_values(t, size), name, e.span)


def _code(size: Size, fresh: tuple[SizeVar, ...], e: tree.Call) -> typed.Expr | None:
    """What tells a reader the size that it must find: the size itself, or one number below 0 for each that is new. None
    for a size that is computed from new ones: a reader could not check it."""
    if size.atom in fresh:
        return int_lit(-1 - fresh.index(size.atom), e.span)
    return None if size.atoms() & set(fresh) else typed.SizeValue(INT, e.span, size)


def _read(
    row: Row, e: tree.Call, t: Tuple, fresh: tuple[SizeVar, ...], args: tuple[typed.Expr, ...]
) -> tuple[typed.Expr, list[typed.Stmt]]:
    """What a row reads, a tuple, under a name, and the statement that reads it."""
    symbol = typed.Symbol("read", e.span)
    return typed.Local(t, e.span, symbol), [bind(symbol, t, typed.Io(t, e.span, row.name, args), fresh)]


def _parts(value: typed.Expr) -> Iterator[typed.Expr]:
    assert isinstance(value.type, Tuple)
    for i, t in enumerate(value.type.parts):
        yield typed.GetField(t, value.span, value, i)


def _made(t: Type, dims: tuple[Size, ...], leaves: Iterator[typed.Expr], e: tree.Call) -> typed.Expr:
    """A value of type `t`, or an array of them, of the arrays in it. Constraints of fields are checked."""
    elem, inner = strip(t)
    dims += inner
    match elem:
        case Struct(decl, args):
            checks = tuple(f.constraint for f in decl.fields)
            parts = tuple(_made(instantiate(decl, args, f.type), dims, leaves, e) for f in decl.fields)
            return typed.Make(array(elem, dims), e.span, parts, checks if any(checks) else ())
        case Tuple(kinds):
            return typed.Make(array(elem, dims), e.span, tuple(_made(k, dims, leaves, e) for k in kinds))
        case _:
            return next(leaves)


# ---- arguments


def _texts(cx: Context, row: Row, e: tree.Call, least: int, most: int | None = None) -> list[typed.Expr] | None:
    """Paths and names."""
    from .expressions import check

    args = positional(cx, e, row.name.rpartition(".")[2], least, most)
    cx.does(f"`{row.name}`", e.span)
    if args is None:
        return None
    values = [check(cx, a, STRING) for a in args]
    return None if any(isinstance(v.type, Wrong) for v in values) else values
