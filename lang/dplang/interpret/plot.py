"""Drawing: what is drawn is collected in panels, and a figure is made of them when it is saved or shown.

`picture.py` makes files of a figure, with matplotlib, which nothing else needs; `terminal.py` makes text of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

import numpy as np

from ..errors import pictures as faults
from ..errors.diagnostic import Fault
from ..errors.source import Span
from .colors import NAMES, SERIES, color
from .io import IoContext

FORMATS = (".png", ".svg", ".pdf")
STYLES = ("solid", "dashed", "dotted")

Array = np.ndarray[Any, Any]
Kind: TypeAlias = Literal["line", "scatter", "errors", "band", "bars", "image", "heatmap"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing drawn.

    x        positions; the left ends of bars; of an image none
    y        curves of a line, values of points and their deviations, low and high of a band, heights and right ends of
             bars, positions of the rows of a heatmap
    values   of an image or heatmap
    names    of bars
    """

    kind: Kind
    span: Span
    x: Array
    y: tuple[Array, ...]
    label: str = ""
    color: str = ""
    style: str = "solid"
    names: tuple[str, ...] = ()
    values: Array | None = None


@dataclass(slots=True)
class Panel:
    """What is drawn in one pair of axes; `options` are title, labels and scales."""

    marks: list[Mark] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Figure:
    """What was drawn since the last save."""

    panels: list[Panel] = field(default_factory=list)

    def finished(self, options: dict[str, Any], span: Span) -> list[Panel]:
        """The panels, for a save or show that adds labels to those that have none."""
        panels = [p for p in self.panels if p.marks]
        if not panels:
            raise Fault(faults.NothingDrawn(span))
        names = ("x", "y", "log_x", "log_y", *(("title",) if len(panels) == 1 else ()))
        for p in panels:
            p.options = {**{n: options[n] for n in names if n in options}, **p.options}
        return panels


Meta = tuple[Any, ...]


def _sorted_out(args: Sequence[Any], meta: Meta) -> tuple[list[Any], dict[str, Any]]:
    """Arguments by position, and options by name."""
    pairs = list(zip(args, meta[1], strict=True))
    return [a for a, name in pairs if name is None], {name: a for a, name in pairs if name is not None}


def _figure(context: IoContext) -> Figure:
    found: Figure = context.state.setdefault("figure", Figure())
    return found


def _add(context: IoContext, kind: Kind, x: Array, y: Sequence[Array], options: dict[str, Any], **more: Any) -> Meta:
    """Puts a mark into the last panel. Arrays are copied: a program may write to them before the figure is made."""
    panels = _figure(context).panels
    if not panels:
        panels.append(Panel())
    marks = panels[-1].marks
    given = options.get("color", "")
    if given:
        chosen = color(given)
    elif kind == "band" and marks:  # a band belongs to the curve before it, or to the one behind
        chosen = marks[-1].color
    else:
        chosen = SERIES[sum(m.kind not in ("image", "heatmap", "band") for m in marks) % len(SERIES)]
    if chosen is None:
        near = get_close_matches(given.lower(), NAMES, 1)
        raise Fault(faults.NoColor(context.span, given, near[0] if near else ""))
    style = options.get("style", "solid")
    if style not in STYLES:
        raise Fault(faults.BadDrawing(context.span, f"there is no style `{style}`: it is {', '.join(STYLES)}"))
    copies = tuple(np.array(a, dtype=np.float64) for a in y)
    made = Mark(kind, context.span, np.array(x), copies, options.get("label", ""), chosen, style, **more)
    marks.append(made)
    return ()


def _over(args: list[Any], count: int) -> tuple[Array, list[Array]]:
    """Positions, which may be left out, and the `count` arrays behind them."""
    y = [np.asarray(a, dtype=np.float64) for a in args[-count:]]
    size = y[0].shape[-1]
    x = np.asarray(args[0], dtype=np.float64) if len(args) > count else np.arange(size, dtype=np.float64)
    return x, y


def _equal(span: Span, x: Array, *y: Array) -> None:
    for a in y:
        if a.shape[-1] != len(x):
            raise Fault(faults.UnequalSeries(span, len(x), a.shape[-1]))


# ---- what is drawn


def line(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.line(x, y, label = .., color = .., style = ..)`, `plot.line(y)`; of y[k, n] k curves."""
    given, options = _sorted_out(args, meta)
    x, (y,) = _over(given, 1)
    _equal(context.span, x, y)
    return _add(context, "line", x, list(y) if y.ndim == 2 else [y], options)


def scatter(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.scatter(x, y, label = .., color = ..)`."""
    given, options = _sorted_out(args, meta)
    x, y = _over(given, 1)
    _equal(context.span, x, *y)
    return _add(context, "scatter", x, y, options)


def errors(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.errors(x, y, deviation)`."""
    given, options = _sorted_out(args, meta)
    x, y = _over(given, 2)
    _equal(context.span, x, *y)
    return _add(context, "errors", x, y, options)


def band(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.band(x, low, high)`."""
    given, options = _sorted_out(args, meta)
    x, y = _over(given, 2)
    _equal(context.span, x, *y)
    return _add(context, "band", x, y, options)


def hist(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.hist(x, bins = 30)`: how many of the finite values fall into each interval."""
    (given,), options = _sorted_out(args, meta)
    bins = int(options.get("bins", 30))
    if not 1 <= bins <= 10_000:
        raise Fault(faults.BadDrawing(context.span, f"a histogram has from 1 to 10000 intervals, not {bins}"))
    x = np.asarray(given, dtype=np.float64)
    x = x[np.isfinite(x)]
    try:
        with np.errstate(all="ignore"):
            heights, edges = np.histogram(x, bins)
    except ValueError:
        what = f"the values cannot be parted into {bins} intervals: they are too far apart, or too near each other"
        raise Fault(faults.BadDrawing(context.span, what)) from None
    return _add(context, "bars", edges[:-1], [heights, edges[1:]], options)


def bars(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.bars(heights)`, `plot.bars(names, heights)`, `plot.bars(x, heights)`."""
    given, options = _sorted_out(args, meta)
    heights = np.asarray(given[-1], dtype=np.float64)
    names = given[0].tolist() if len(given) == 2 and given[0].dtype == object else ()
    x = np.asarray(given[0], dtype=np.float64) if len(given) == 2 and not names else np.arange(float(len(heights)))
    gaps = np.diff(np.unique(x[np.isfinite(x)]))
    half = 0.4 * float(gaps.min()) if gaps.size else 0.4
    return _add(context, "bars", x - half, [heights, x + half], options, names=tuple(names))


def image(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.image(m)`."""
    (given,), options = _sorted_out(args, meta)
    values = _matrix(context, given)
    if values.ndim == 3 and values.shape[2] != 3:
        raise Fault(faults.BadDrawing(context.span, f"a coloured image is [h, w, 3], not {list(values.shape)}"))
    return _add(context, "image", np.empty(0), [], options, values=values)


def heatmap(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.heatmap(m)`: rows from top to bottom; `plot.heatmap(x, y, m)`: `m[i, j]` at x[j] and y[i], y upwards."""
    given, options = _sorted_out(args, meta)
    values = _matrix(context, given[-1])
    x, y = (given[0], [given[1]]) if len(given) == 3 else (np.empty(0), [])
    for a in (x, *y):
        steps = np.diff(a)
        if not (np.isfinite(a).all() and ((steps > 0).all() or (steps < 0).all())):
            raise Fault(faults.BadDrawing(context.span, "the positions of a heatmap must rise or fall throughout"))
    return _add(context, "heatmap", x, y, options, values=values)


def _matrix(context: IoContext, given: Any) -> Array:
    values = np.array(given, dtype=np.float64)
    if not values.size:
        raise Fault(faults.BadDrawing(context.span, "there is nothing to draw in a matrix without elements"))
    return values


# ---- figures


def panel(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.panel(title = .., x = .., y = .., log_x = .., log_y = ..)`."""
    _figure(context).panels.append(Panel(options=_sorted_out(args, meta)[1]))
    return ()


def save(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.save(path, title = .., x = .., y = .., width = .., height = ..)`: sizes are in inches."""
    from . import picture

    (path,), options = _sorted_out(args, meta)
    if os.path.splitext(path)[1].lower() not in FORMATS:
        raise Fault(faults.UnknownPicture(context.span, path))
    figure = _figure(context)
    picture.save(figure.finished(options, context.span), path, options, context.span)
    figure.panels.clear()
    return ()


def show(context: IoContext, args: Sequence[Any], meta: Meta) -> Meta:
    """`plot.show(title = .., width = .., height = ..)`: sizes are in characters."""
    from . import terminal

    _, options = _sorted_out(args, meta)
    figure = _figure(context)
    terminal.show(figure.finished(options, context.span), options, context.out, context.span)
    figure.panels.clear()
    return ()
