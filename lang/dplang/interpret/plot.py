"""Drawing: lines and points are collected, and a save draws them with matplotlib, which nothing else needs.

A picture depends on the data alone: no clock, no screen, no settings of the user's.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from ..errors import data as faults
from ..errors.diagnostic import Fault
from ..errors.source import Span
from .io import IoContext

FORMATS = (".png", ".svg", ".pdf")
COLORS = ("#2a6f97", "#d1495b", "#66a182", "#edae49", "#5f4b8b", "#8d6e63", "#3d405b", "#81b29a")


Kind: TypeAlias = Literal["line", "scatter"]


@dataclass(frozen=True, slots=True)
class Series:
    kind: Kind
    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    label: str
    color: str
    span: Span


@dataclass(slots=True)
class Figure:
    """What was drawn since the last save."""

    series: list[Series] = field(default_factory=list)


def line(context: IoContext, args: Sequence[Any], meta: tuple[Any, ...]) -> tuple[Any, ...]:
    """`plot.line(x, y, label = .., color = ..)`, or `plot.line(y)` over the positions."""
    return _add("line", args, meta[1], context.span, context.state)


def scatter(context: IoContext, args: Sequence[Any], meta: tuple[Any, ...]) -> tuple[Any, ...]:
    """`plot.scatter(x, y, label = .., color = ..)`."""
    return _add("scatter", args, meta[1], context.span, context.state)


def save(context: IoContext, args: Sequence[Any], meta: tuple[Any, ...]) -> tuple[Any, ...]:
    """`plot.save(path, title = .., x = .., y = .., width = .., height = ..)`: sizes are in inches."""
    span = context.span
    figure = context.state.setdefault("figure", Figure())
    (path,), options = _sorted_out(args, meta[1])
    if os.path.splitext(path)[1].lower() not in FORMATS:
        raise Fault(faults.UnknownPicture(span, path))
    if not figure.series:
        raise Fault(faults.NothingDrawn(span))
    _draw(figure.series, path, options, span)
    figure.series.clear()
    return ()


def _sorted_out(args: Sequence[Any], names: Sequence[str | None]) -> tuple[list[Any], dict[str, Any]]:
    pairs = list(zip(args, names, strict=True))
    return [a for a, name in pairs if name is None], {name: a for a, name in pairs if name is not None}


def _add(
    kind: Kind,
    args: Sequence[Any],
    names: Sequence[str | None],
    span: Span,
    state: dict[str, Any],
) -> tuple[Any, ...]:
    arrays, options = _sorted_out(args, names)
    y = np.array(arrays[-1], dtype=np.float64)
    x = np.array(arrays[0], dtype=np.float64) if len(arrays) == 2 else np.arange(len(y), dtype=np.float64)
    if len(x) != len(y):
        raise Fault(faults.UnequalSeries(span, len(x), len(y)))
    figure = state.setdefault("figure", Figure())
    figure.series.append(Series(kind, x, y, options.get("label", ""), options.get("color", ""), span))
    return ()


SETTINGS: dict[str, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.labelcolor": "#333333",
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "legend.frameon": False,
    "font.size": 10,
    "svg.hashsalt": "dp",
    "svg.fonttype": "path",
}


def _draw(series: Sequence[Series], path: str, options: dict[str, Any], span: Span) -> None:
    try:
        import matplotlib
    except ImportError:
        raise Fault(faults.NoMatplotlib(span)) from None
    width, height = float(options.get("width", 8.0)), float(options.get("height", 4.5))
    if not (0.5 <= width <= 100.0 and 0.5 <= height <= 100.0):
        raise Fault(faults.BadDrawing(span, "a picture is from 0.5 to 100 inches wide and high"))
    for s in series:
        if s.color and not matplotlib.colors.is_color_like(s.color):
            raise Fault(faults.BadDrawing(s.span, f"there is no colour `{s.color}`"))
    with matplotlib.rc_context(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)  # type: ignore[arg-type]
        try:
            canvas = _canvas(series, options, (width, height))
            canvas.savefig(path, metadata={"Date": None} if path.lower().endswith(".svg") else {})
        except OSError as error:
            raise Fault(faults.CannotWrite(span, path, error.strerror or str(error))) from None
        except (ValueError, ArithmeticError, MemoryError) as error:
            # a path with a zero byte, numbers too far apart for axes, a picture too large
            raise Fault(faults.BadDrawing(span, f"the picture cannot be drawn: {error}")) from None


def _canvas(series: Sequence[Series], options: dict[str, Any], size: tuple[float, float]) -> Any:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=size, dpi=150, layout="constrained")
    axes = canvas.subplots()
    for i, s in enumerate(series):
        _one(axes, s, s.color or COLORS[i % len(COLORS)])
    # a text in mathematical notation that is not well formed must not fault: dollars are dollars
    axes.set_title(_plain(options.get("title", "")))
    axes.set_xlabel(_plain(options.get("x", "")))
    axes.set_ylabel(_plain(options.get("y", "")))
    if any(s.label for s in series):
        axes.legend()
    return canvas


def _one(axes: Any, s: Series, color: str) -> None:
    label = _plain(s.label) or "_nolegend_"
    if s.kind == "line":
        axes.plot(s.x, s.y, color=color, label=label, linewidth=1.6, solid_joinstyle="round")
    else:
        axes.scatter(s.x, s.y, color=color, label=label, s=14, alpha=0.75, linewidths=0)


def _plain(text: str) -> str:
    return text.replace("$", r"\$")
