"""Calls of the drawing rows: arrays and a path by position, options by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.ir import BOOL, FLOAT, INT, STRING
from ..core.sizes import Size
from ..core.types import UNIT, Meta, Type, Wrong, array, show
from ..errors import types as faults
from ..primitives.table import Row
from ..syntax import tree
from . import typed
from .context import Context
from .lift import coerce, report_sizes
from .unify import strip

_LOOK: Mapping[str, Type] = {"label": STRING, "color": STRING}
_AXES: Mapping[str, Type] = {"title": STRING, "x": STRING, "y": STRING, "log_x": BOOL, "log_y": BOOL}
_PICTURE: Mapping[str, Type] = {**_AXES, "width": FLOAT, "height": FLOAT}


@dataclass(frozen=True, slots=True)
class _Call:
    """What a row takes. `forms` are its positional arguments, by their number: the names of their sizes for an array of
    Floats, `"text"` for a String, `"names"` for an array of Strings or Floats."""

    forms: tuple[tuple[str, ...], ...]
    options: Mapping[str, Type]


CALLS: Mapping[str, _Call] = {
    "plot.line": _Call((("n",), ("n", "n"), ("n", "k n")), {**_LOOK, "style": STRING}),
    "plot.scatter": _Call((("n",), ("n", "n")), _LOOK),
    "plot.errors": _Call((("n", "n"), ("n", "n", "n")), _LOOK),
    "plot.band": _Call((("n", "n"), ("n", "n", "n")), _LOOK),
    "plot.hist": _Call((("n",),), {**_LOOK, "bins": INT}),
    "plot.bars": _Call((("n",), ("names", "n")), _LOOK),
    "plot.image": _Call((("h w",), ("h w c",)), {}),
    "plot.heatmap": _Call((("h w",), ("w", "h", "h w")), {"label": STRING}),
    "plot.panel": _Call(((),), _AXES),
    "plot.save": _Call((("text",),), {**_PICTURE, "columns": INT}),
    "plot.show": _Call(((),), {**_AXES, "width": INT, "height": INT}),
}


def call_plot(cx: Context, row: Row, e: tree.Call, expected: Type | None) -> typed.Expr:
    """`plot.line(x, y, label = ..)`, `plot.heatmap(m)`, `plot.save(path, title = ..)`."""
    cx.does(f"`{row.name}`", e.span)
    call = CALLS[row.name]
    label = row.name.rpartition(".")[2]
    given = [a for a in e.args if a.name is None]
    counts = {len(form) for form in call.forms}
    if len(given) > max(counts):
        most = max(counts)
        return cx.wrong(e.span, faults.TooManyArguments(given[most].span, label, most, len(given), None))
    if len(given) not in counts:
        missing = tuple(f"number {i + 1}" for i in range(len(given), min(c for c in counts if c > len(given))))
        return cx.wrong(e.span, faults.MissingArgument(e.span, label, missing, None))
    seen: dict[str, tree.Arg] = {}
    for a in e.args:
        if a.name is None:
            continue
        name = a.name.name
        if name not in call.options:
            near = faults.near(name, list(call.options))
            return cx.wrong(e.span, faults.UnknownArgument(a.name.span, name, label, tuple(call.options), near, None))
        if name in seen:
            return cx.wrong(e.span, faults.DuplicateArgument(a.name.span, name, label, seen[name].span))
        seen[name] = a
    positional = _positional(cx, e, given, [form for form in call.forms if len(form) == len(given)])
    if positional is None:
        return cx.wrong(e.span)
    values = [*positional, *(_option(cx, a, call.options[name]) for name, a in seen.items())]
    if any(isinstance(cx.solve(v.type), Wrong) for v in values):
        return cx.wrong(e.span)
    return typed.Io(UNIT, e.span, row.name, tuple(values), (*(None,) * len(positional), *seen))


def _option(cx: Context, a: tree.Arg, t: Type) -> typed.Expr:
    from .expressions import check

    return check(cx, a.value, t)


def _positional(
    cx: Context, e: tree.Call, given: Sequence[tree.Arg], forms: Sequence[tuple[str, ...]]
) -> list[typed.Expr] | None:
    """The arguments by position in the first form whose ranks are theirs. Reported (None) if they are of none."""
    from .expressions import check, infer

    if forms[0] == ("text",):
        return [check(cx, given[0].value, STRING)]
    values = [infer(cx, a.value) for a in given]
    types = [cx.solve(v.type) for v in values]
    if any(isinstance(t, Wrong) for t in types):
        return None
    for form in forms:
        if all(len(strip(t)[1]) == _rank(part) for t, part in zip(types, form, strict=True)):
            break
    else:
        fitting = [any(len(strip(t)[1]) == _rank(f[i]) for f in forms) for i, t in enumerate(types)]
        i = fitting.index(False) if False in fitting else len(types) - 1
        wanted = " or ".join(dict.fromkeys(_shown(f[i]) for f in forms))
        cx.report(faults.TypeMismatch(given[i].span, show(types[i]), wanted, ()))
        return None
    sizes: dict[str, tuple[Size, typed.Expr]] = {}
    made: list[typed.Expr] = []
    for v, t, part in zip(values, types, form, strict=True):
        elem, dims = strip(t)
        for name, size in zip(("n",) if part == "names" else part.split(), dims, strict=True):
            known, first = sizes.setdefault(name, (size, v))
            cx.unit.solver.now = v.span
            if not cx.unit.solver.same_size(size, known):
                pair = (cx.size(size), cx.size(known))
                report_sizes(cx, e.span, t, cx.solve(first.type), pair, v.span, first.span)
                return None
        if part == "names" and elem == STRING:
            made.append(v)
            continue
        if isinstance(elem, Meta):
            cx.unit.solver.try_fits(elem, FLOAT)
        made.append(coerce(cx, v, array(FLOAT, dims)))
    return made


def _rank(part: str) -> int:
    return len(part.split())


def _shown(part: str) -> str:
    return "String[n] or Float[n]" if part == "names" else f"Float[{', '.join(part.split())}]"
