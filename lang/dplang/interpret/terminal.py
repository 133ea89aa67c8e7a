"""Figures as text: curves of braille dots, two by four in a character, bars of blocks, matrices of shades.

On a terminal a figure is as wide as that and in colours, elsewhere 80 characters wide and without.
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np

from ..errors import pictures as faults
from ..errors.diagnostic import Fault
from ..errors.source import Span
from .colors import rgb
from .plot import Array, Mark, Panel

WIDTH, HEIGHT = 80, 16
SHADES = " .:-=+*#%@"
EIGHTHS = " ▁▂▃▄▅▆▇█"
_SCALE = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""The colours of a heatmap, from the least to the greatest (viridis, by Smith and van der Walt, 2015)."""
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character's dots, by row and column."""


def show(panels: Sequence[Panel], options: dict[str, Any], out: TextIO, span: Span) -> None:
    """Writes a figure: its panels one below the other."""
    terminal = out.isatty()
    width, height = int(options.get("width", _columns(out) if terminal else WIDTH)), int(options.get("height", HEIGHT))
    if not (20 <= width <= 1000 and 4 <= height <= 1000):
        what = "a figure of text is from 20 to 1000 characters wide and from 4 to 1000 high"
        raise Fault(faults.BadDrawing(span, what))
    colored = terminal and "NO_COLOR" not in os.environ
    heads = [options["title"]] if len(panels) > 1 and options.get("title") else []
    blocks = [heads] if heads else []
    with np.errstate(all="ignore"):  # what is not finite has no place, and that is all
        blocks += [list(_panel(p, width, height, colored)) for p in panels]
    out.write("\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks) + "\n")


def _columns(out: TextIO) -> int:
    try:
        return min(max(os.get_terminal_size(out.fileno()).columns, 20), 1000)
    except (OSError, ValueError):
        return WIDTH


def _painted(text: str, color: str, colored: bool, back: str = "") -> str:
    """A text in one of the 256 colours that terminals know."""
    if not colored or not (color or back):
        return text
    codes = [f"38;5;{_code(color)}"] if color else []
    codes += [f"48;5;{_code(back)}"] if back else []
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"


def _code(color: str) -> int:
    r, g, b = (round(part / 51) for part in rgb(color))
    return 16 + 36 * r + 6 * g + b


def _wide(text: str) -> int:
    """How many columns a text takes."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


# ---- one panel


def _panel(panel: Panel, width: int, height: int, colored: bool) -> Iterator[str]:
    options = panel.options
    if options.get("title"):
        yield options["title"]
    matrix = next((m for m in reversed(panel.marks) if m.values is not None), None)
    if matrix is not None:
        yield from _matrix(matrix, width, height, colored)
        return
    labels = [(_sign(m), m) for m in panel.marks if m.label]
    if labels:
        yield "   ".join(_painted(sign, m.color, colored) + " " + m.label for sign, m in labels)
    if all(m.names for m in panel.marks):
        for m in panel.marks:
            yield from _named_bars(m, width, colored)
        return
    yield from _axes(panel, width, height, colored)


def _sign(m: Mark) -> str:
    return {"line": "──", "scatter": "∙∙", "errors": "┼ ", "band": "░░", "bars": "██"}.get(m.kind, "  ")


def _named_bars(m: Mark, width: int, colored: bool) -> Iterator[str]:
    """A line for each bar: its name, the bar, its value."""
    values = [f"{v:g}" for v in m.y[0].tolist()]
    heights = np.where(np.isfinite(m.y[0]), m.y[0], 0.0)
    left, right = max(map(_wide, m.names)), max(map(len, values))
    room = max(width - left - right - 2, 1)
    least, most = min(float(heights.min()), 0.0), max(float(heights.max()), 0.0)
    scale = room / (most - least) if most > least else 0.0
    for name, value, height in zip(m.names, values, heights.tolist(), strict=True):
        low, high = sorted((round((0.0 - least) * scale), round((height - least) * scale)))
        bar = " " * low + _painted("█" * (high - low), m.color, colored) + " " * (room - high)
        yield f"{name}{' ' * (left - _wide(name))} {bar} {value:>{right}}"


@dataclass(slots=True)
class _Axis:
    """From numbers to positions: `size` dots between `low` and `high`, which are logarithms on a logarithmic scale."""

    low: float
    high: float
    size: int
    log: bool

    def place(self, x: Array) -> Array:
        """Positions, NaN where a number has none."""
        t = np.log10(np.where(x > 0, x, np.nan)) if self.log else x
        return (t - self.low) / (self.high - self.low) * (self.size - 1)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Round numbers on the axis, as positions and texts: at most about `most`."""
        step = _step(self.high - self.low, most)
        if self.log:  # whole powers of ten, of which there are few
            step = max(1.0, math.floor(_step(self.high - self.low, 2 * most)))
        first = math.ceil(self.low / step - 1e-9)
        found = []
        for i in range(first, math.floor(self.high / step + 1e-9) + 1):
            t = i * step
            text = f"1e{round(t)}" if self.log else f"{float(f'{t:.12g}'):g}"
            found.append(((t - self.low) / (self.high - self.low) * (self.size - 1), text))
        return found


def _step(length: float, most: int) -> float:
    """1, 2 or 5 times a power of ten: the least of which at most `most` make up a length."""
    raw = length / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))


def _axis(parts: Sequence[Array], size: int, log: bool, span: Span) -> _Axis:
    values = np.concatenate([p.ravel() for p in parts]) if parts else np.empty(0)
    values = np.log10(values[values > 0]) if log else values
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if high - low < 1e-300:
        half = 0.5 * abs(low) if abs(low) > 1e-300 else 0.5
        low, high = low - half, high + half
    if not math.isfinite(high - low):
        raise Fault(faults.BadDrawing(span, "the numbers are too far apart for an axis"))
    return _Axis(low, high, size, log)


@dataclass(slots=True)
class _Canvas:
    """Characters with dots in them; the last colour drawn into a character is its colour."""

    width: int
    height: int
    bits: Array = field(init=False)
    colors: list[list[str]] = field(init=False)
    signs: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.bits = np.zeros((self.height, self.width), np.int64)
        self.colors = [[""] * self.width for _ in range(self.height)]
        self.signs = [[" "] * self.width for _ in range(self.height)]

    def dot(self, x: int, y: int, color: str) -> None:
        """A dot; y counts upwards."""
        row, column = self.height - 1 - y // 4, x // 2
        if 0 <= row < self.height and 0 <= column < self.width:
            self.bits[row, column] |= _DOTS[3 - y % 4][x % 2]
            self.colors[row][column] = color

    def sign(self, column: int, row: int, sign: str, color: str) -> None:
        """A whole character, seen where there are no dots; rows count upwards."""
        if 0 <= row < self.height and 0 <= column < self.width:
            self.signs[self.height - 1 - row][column] = sign
            self.colors[self.height - 1 - row][column] = color

    def rows(self, colored: bool) -> Iterator[str]:
        for bits, signs, colors in zip(self.bits.tolist(), self.signs, self.colors, strict=True):
            cells = [chr(0x2800 + b) if b else s for b, s in zip(bits, signs, strict=True)]
            yield "".join(_painted(c, k, colored) if c != " " else c for c, k in zip(cells, colors, strict=True))


def _axes(panel: Panel, width: int, height: int, colored: bool) -> Iterator[str]:
    """Everything that has axes."""
    options, marks, span = panel.options, panel.marks, panel.marks[0].span
    ys: list[Array] = []
    for m in marks:
        heights = [m.y[0], np.zeros(1)] if m.kind == "bars" else [*m.y]
        ys += [m.y[0] - np.abs(m.y[1]), m.y[0] + np.abs(m.y[1])] if m.kind == "errors" else heights
    y = _axis(ys, 4 * height, bool(options.get("log_y")), span)
    marked = {min(max(round(at) // 4, 0), height - 1): text for at, text in y.ticks(max(height // 4, 2))}
    margin = max([len(text) for text in marked.values()], default=0) + 1
    across = max(width - margin - 1, 4)
    xs = [a for m in marks for a in ((m.x, m.y[1]) if m.kind == "bars" else (m.x,))]
    x = _axis(xs, 2 * across, bool(options.get("log_x")), span)
    canvas = _Canvas(across, height)
    for m in sorted(marks, key=lambda m: {"band": 0, "bars": 1}.get(m.kind, 2)):
        _draw(canvas, m, x, y)
    if options.get("y"):
        yield options["y"]
    for row, cells in zip(reversed(range(height)), canvas.rows(colored), strict=True):
        text = marked.get(row)
        yield f"{text or '':>{margin - 1}} {'┤' if text else '│'}{cells}"
    rule, below = ["─"] * across, [" "] * (margin + across + 8)
    end = -1
    for at, text in x.ticks(max(across // 10, 2)):
        column = min(max(round(at) // 2, 0), across - 1)
        start = max(margin + 1 + column - len(text) // 2, 0)
        if start > end:
            rule[column] = "┬"
            below[start : start + len(text)] = text
            end = start + len(text)
    yield " " * margin + "└" + "".join(rule)
    yield "".join(below)
    if options.get("x"):
        yield " " * max(margin + 1 + (across - _wide(options["x"])) // 2, 0) + options["x"]


def _draw(canvas: _Canvas, m: Mark, x: _Axis, y: _Axis) -> None:
    match m.kind:
        case "line":
            dashes = {"solid": (1, 1), "dashed": (5, 8), "dotted": (1, 4)}[m.style]
            for curve in m.y:
                _curve(canvas, x.place(m.x), y.place(curve), m.color, dashes)
        case "scatter":
            _points(canvas, x.place(m.x), y.place(m.y[0]), m.color)
        case "errors":
            at, low, high = x.place(m.x), y.place(m.y[0] - np.abs(m.y[1])), y.place(m.y[0] + np.abs(m.y[1]))
            for a, b, c in zip(at.tolist(), low.tolist(), high.tolist(), strict=True):
                if math.isfinite(a) and math.isfinite(b) and math.isfinite(c):
                    for k in range(round(b), round(c) + 1):
                        canvas.dot(round(a), k, m.color)
        case "band":
            at, low, high = x.place(m.x), y.place(m.y[0]), y.place(m.y[1])
            fine = np.isfinite(at) & np.isfinite(low) & np.isfinite(high)
            order = np.argsort(at[fine], kind="stable")
            at, low, high = (a[fine][order] for a in (at, low, high))
            if at.size:
                columns = np.arange(math.ceil(at[0] / 2), math.floor(at[-1] / 2) + 1)
                lows, highs = np.interp(2.0 * columns, at, low), np.interp(2.0 * columns, at, high)
                for column, b, c in zip(columns.tolist(), lows.tolist(), highs.tolist(), strict=True):
                    for row in range(round(min(b, c) / 4), round(max(b, c) / 4) + 1):
                        canvas.sign(column, row, "░", m.color)
        case "bars":
            _bars(canvas, m, x, y)
        case _:
            pass


def _curve(canvas: _Canvas, xs: Array, ys: Array, color: str, dashes: tuple[int, int]) -> None:
    """Straight lines from point to point; none to a point that is missing."""
    on, period = dashes
    k = 0
    fine = np.isfinite(xs) & np.isfinite(ys)
    places = np.stack((np.where(fine, xs, 0.0), np.where(fine, ys, 0.0)), axis=1).tolist()
    for i, ((a, b), ok) in enumerate(zip(places, fine.tolist(), strict=True)):
        if not ok:
            continue
        c, d = places[i - 1] if i and fine[i - 1] else (a, b)
        steps = max(round(abs(a - c)), round(abs(b - d)), 1)
        for s in range(steps):
            if k % period < on:
                canvas.dot(round(c + (a - c) * s / steps), round(d + (b - d) * s / steps), color)
            k += 1
        canvas.dot(round(a), round(b), color)


def _points(canvas: _Canvas, xs: Array, ys: Array, color: str) -> None:
    fine = np.isfinite(xs) & np.isfinite(ys)
    for a, b in set(zip(np.round(xs[fine]).astype(int).tolist(), np.round(ys[fine]).astype(int).tolist(), strict=True)):
        canvas.dot(a, b, color)


def _bars(canvas: _Canvas, m: Mark, x: _Axis, y: _Axis) -> None:
    """Columns of blocks, in eighths of a character."""
    lefts, rights = x.place(m.x) / 2, x.place(m.y[1]) / 2
    base = float(np.nan_to_num(y.place(np.zeros(1)))[0]) * 2
    for left, right, top in zip(lefts.tolist(), rights.tolist(), (y.place(m.y[0]) * 2).tolist(), strict=True):
        if not (math.isfinite(left) and math.isfinite(right) and math.isfinite(top)):
            continue
        low, high = sorted((round(base), round(top)))
        for column in range(round(left), max(round(right), round(left) + 1)):
            for row in range(low // 8, -(-high // 8)):
                part = min(max(high - 8 * row, 0), 8)
                canvas.sign(column, row, EIGHTHS[part], m.color)


# ---- matrices


def _matrix(m: Mark, width: int, height: int, colored: bool) -> Iterator[str]:
    """An image or heatmap: with colours two elements above each other in a character, else shades."""
    assert m.values is not None
    values = m.values[::-1] if m.y and m.y[0].size > 1 and m.y[0][0] < m.y[0][1] else m.values
    tall, wide = values.shape[:2]
    columns, lines = min(width, wide * (2 if m.kind == "heatmap" else 1)), height
    if m.kind == "image":
        scale = min(width / wide, 2 * height / tall, 1.0)
        columns, lines = max(round(wide * scale), 1), max(math.ceil(tall * scale / 2), 1)
    rows = 2 * lines if colored else lines
    picked = values[np.arange(rows) * tall // rows][:, np.arange(columns) * wide // columns]
    grey = picked.mean(axis=2) if picked.ndim == 3 else picked
    fine = values[np.isfinite(values)]
    low, high = (float(fine.min()), float(fine.max())) if fine.size else (0.0, 0.0)
    part = (grey - low) / (high - low) if high > low else np.zeros(grey.shape)
    if picked.ndim == 3:
        part = np.clip(grey, 0.0, 1.0)
    if not colored:
        for line in part.tolist():
            yield "".join("?" if v != v else SHADES[min(int(v * len(SHADES)), len(SHADES) - 1)] for v in line)
    else:
        rows_of = zip(picked.tolist(), part.tolist(), strict=True)
        paint = [[_hue(m, v, p) for v, p in zip(vs, ps, strict=True)] for vs, ps in rows_of]
        for upper, lower in zip(paint[::2], paint[1::2], strict=True):
            yield "".join(_painted("▀", a, True, b) for a, b in zip(upper, lower, strict=True))
    if m.kind == "heatmap":
        signs = "".join(_painted("█", _between(i / 9), True) for i in range(10)) if colored else SHADES
        yield f"{low:g} {signs} {high:g}" + (f"  {m.label}" if m.label else "")


def _hue(m: Mark, value: Any, part: float) -> str:
    if part != part:
        return "#808080"
    if m.kind == "heatmap":
        return _between(part)
    parts = value if isinstance(value, list) else [part] * 3
    return "#" + "".join(f"{round(255 * min(max(p, 0.0), 1.0)):02x}" if p == p else "80" for p in parts)


def _between(part: float) -> str:
    """The colour of a heatmap at a part of its scale."""
    at = min(max(part, 0.0), 1.0) * (len(_SCALE) - 1)
    i = min(int(at), len(_SCALE) - 2)
    mixed = (round(a + (b - a) * (at - i)) for a, b in zip(_SCALE[i], _SCALE[i + 1], strict=True))
    return "#" + "".join(f"{c:02x}" for c in mixed)
