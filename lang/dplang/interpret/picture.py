"""Figures as files, drawn by matplotlib. A picture depends on the data alone: no clock, no screen, no settings of the
user's."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from ..errors import pictures as faults
from ..errors.diagnostic import Fault
from ..errors.source import Span
from .files import writing
from .plot import Mark, Panel

INK, PALE = "#3a3f47", "#e6e8eb"
SETTINGS: dict[str, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.labelcolor": INK,
    "axes.titlesize": 12.5,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "text.color": INK,
    "font.size": 10.5,
    "figure.titlesize": 14,
    "svg.hashsalt": "dp",
    "svg.fonttype": "path",
}
NO_TRACES: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""What would otherwise tell when and by which version a file was made."""


def save(panels: Sequence[Panel], path: str, options: dict[str, Any], span: Span) -> None:
    """Draws a figure and writes it."""
    try:
        import matplotlib
    except ImportError:
        raise Fault(faults.NoMatplotlib(span)) from None
    columns = int(options.get("columns", len(panels) if len(panels) <= 3 else math.ceil(math.sqrt(len(panels)))))
    if not 1 <= columns <= 100:
        raise Fault(faults.BadDrawing(span, f"a figure has from 1 to 100 columns of panels, not {columns}"))
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    size = (8.0, 4.5) if len(panels) == 1 else (min(4.6 * columns, 100.0), min(3.6 * rows, 100.0))
    width, height = float(options.get("width", size[0])), float(options.get("height", size[1]))
    if not (0.5 <= width <= 100.0 and 0.5 <= height <= 100.0):
        raise Fault(faults.BadDrawing(span, "a picture is from 0.5 to 100 inches wide and high"))
    kind = os.path.splitext(path)[1].lower()
    content = BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)  # type: ignore[arg-type]
        try:
            canvas = _canvas(panels, rows, columns, (width, height))
            if len(panels) > 1 and options.get("title"):
                canvas.suptitle(_plain(options["title"]), x=0.01, ha="left")
            canvas.savefig(content, format=kind[1:], metadata=NO_TRACES[kind])
        except (ValueError, ArithmeticError, MemoryError) as error:
            # numbers too far apart for axes, a picture too large
            raise Fault(faults.BadDrawing(span, f"the picture cannot be drawn: {error}")) from None
    with writing(path, span) as file:
        file.write(content.getbuffer())


def _canvas(panels: Sequence[Panel], rows: int, columns: int, size: tuple[float, float]) -> Any:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=size, dpi=150, layout="constrained")
    grid = canvas.subplots(rows, columns, squeeze=False).flat
    for axes, panel in zip(grid, panels, strict=False):
        _panel(canvas, axes, panel)
    for axes in list(grid)[len(panels) :]:
        axes.remove()
    return canvas


def _panel(canvas: Any, axes: Any, panel: Panel) -> None:
    options = panel.options
    if options.get("log_x"):
        axes.set_xscale("log", nonpositive="mask")
    if options.get("log_y"):
        axes.set_yscale("log", nonpositive="mask")
    for mark in panel.marks:
        _mark(canvas, axes, mark)
    axes.set_title(_plain(options.get("title", "")))
    axes.set_xlabel(_plain(options.get("x", "")))
    axes.set_ylabel(_plain(options.get("y", "")))
    if any(m.label and m.kind not in ("image", "heatmap") for m in panel.marks):
        axes.legend()


def _mark(canvas: Any, axes: Any, m: Mark) -> None:
    label = _plain(m.label) or "_nolegend_"
    match m.kind:
        case "line":
            dashes = {"solid": "-", "dashed": (0, (5, 2)), "dotted": (0, (1, 1.6))}[m.style]
            many = len(m.y) > 1
            for i, y in enumerate(m.y):
                axes.plot(
                    m.x, y, color=m.color, label=label if i == 0 else "_nolegend_", linestyle=dashes,
                    linewidth=1.0 if many else 1.8, alpha=0.7 if many else 1.0, solid_joinstyle="round",
                )  # fmt: skip
        case "scatter":
            axes.scatter(m.x, m.y[0], color=m.color, label=label, s=16, alpha=0.75, linewidths=0)
        case "errors":
            axes.errorbar(
                m.x,
                m.y[0],
                np.abs(m.y[1]),
                color=m.color,
                label=label,
                fmt="o",
                markersize=4,
                elinewidth=1.2,
                capsize=2,
            )
        case "band":
            axes.fill_between(m.x, m.y[0], m.y[1], color=m.color, label=label, alpha=0.2, linewidth=0)
        case "bars":
            axes.bar(m.x, m.y[0], m.y[1] - m.x, align="edge", color=m.color, label=label, alpha=0.85,
                     edgecolor="white", linewidth=0.4)  # fmt: skip
            if m.names:
                axes.set_xticks(range(len(m.names)), [_plain(n) for n in m.names])
            axes.grid(False, axis="x")
        case "image":
            values = np.clip(m.values, 0.0, 1.0) if m.values is not None and m.values.ndim == 3 else m.values
            axes.imshow(values, cmap="gray", interpolation="nearest")
            axes.set_axis_off()
        case "heatmap":
            assert m.values is not None
            if m.y:
                drawn = axes.pcolormesh(m.x, m.y[0], m.values, cmap="viridis", shading="nearest", rasterized=True)
            else:
                drawn = axes.imshow(m.values, cmap="viridis", interpolation="nearest", aspect="auto")
                for axis in (axes.xaxis, axes.yaxis):
                    axis.get_major_locator().set_params(integer=True)
            axes.grid(False)
            canvas.colorbar(drawn, ax=axes, label=_plain(m.label))


def _plain(text: str) -> str:
    """A text without mathematical notation: one that is not well formed must not fault, so dollars are dollars."""
    return text.replace("$", r"\$")
