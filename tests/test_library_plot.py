"""Figures: every kind of mark as text and as a file, mistakes in calls, axes and colours."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Snapshot
from dplang.errors import Fault, Source, Span
from dplang.errors.render import render_text
from dplang.interpret import plot, terminal
from dplang.interpret.colors import NAMES, color, rgb
from dplang.interpret.io import IoContext
from running import run

CALL = Span(Source("program.dp", "plot.line(x, y)\n"), 0, 15)

MARKS = """
let x = linspace(0, 6, 40)
plot.panel(title = "curves $ and ünïcode", x = "t", y = "value")
plot.line(x, sin(x), label = "sin")
plot.band(x, sin(x) - 0.2, sin(x) + 0.2)
plot.line(x, [cos(x[i] + k) for k in 0..3, i in 0..40], label = "many", style = "dotted")
plot.panel(title = "points", log_y = true, log_x = true)
plot.scatter(x, exp(x), label = "grows", color = "tomato")
plot.errors(x, exp(x), 0.3 * exp(x), color = "#369")
plot.panel()
plot.hist(sin(x), bins = 8)
plot.panel()
plot.bars(["ash", "oak", "béch"], [1.0, nan, -2.0])
plot.panel()
plot.bars([2.0, 4.0, 8.0], [1.0, 3.0, 2.0])
plot.panel()
plot.heatmap([x[i] * x[j] for i in 0..10, j in 0..12], label = "product")
plot.panel()
plot.heatmap([0.0, 1.0, 3.0], [5.0, 6.0], [[1.0, 2.0, nan], [3.0, 4.0, 5.0]])
plot.panel()
plot.image([float((i + j) % 2) for i in 0..8, j in 0..16])
plot.panel()
plot.image([[1.0, 0.5 * i / 4, j / 4] for i in 0..4, j in 0..4])
"""


def test_programs(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def outcome(text: str) -> str:
        ran = run("import plot\n" + text, "program.dp")
        return "\n".join([*ran.printed, render_text(ran.diagnostics)])

    snapshot.run("data/plot.txt", outcome)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_files(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All marks are drawn, and the same figure is the same file, in which no time and no version stand."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        assert not run(f'import plot\n{MARKS}plot.save("{name}.{kind}", title = "All", columns = 3)').errors
    first = Path(f"a.{kind}").read_bytes()
    assert first == Path(f"b.{kind}").read_bytes()
    assert len(first) > 20_000 and b"atplotlib v" not in first


def test_text_needs_no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not run(f"import plot\n{MARKS}plot.show()").errors
    (fault,) = run('import plot\nplot.line([1.0, 2.0])\nplot.save("a.png")').errors
    assert fault.code == "E0720"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO, draw: Any, *args: Any, **options: Any) -> str:
    """What a row draws, shown with options of `plot.show` that begin with `show_`."""
    own = {n: v for n, v in options.items() if not n.startswith("show_")}
    rest = {n.removeprefix("show_"): v for n, v in options.items() if n.startswith("show_")}
    context = IoContext(out, CALL, {}, {})
    draw(context, (*args, *own.values()), ((), (*(None,) * len(args), *own), None))
    plot.show(context, tuple(rest.values()), ((), tuple(rest), None))
    return out.getvalue()


def test_colors_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.array([0.0, 1.0])
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[38;5;" in shown(Terminal(), plot.line, y, color="tomato")
    assert "\x1b" not in shown(io.StringIO(), plot.line, y)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown(Terminal(), plot.line, y)
    monkeypatch.delenv("NO_COLOR")
    image = shown(Terminal(), plot.image, np.eye(4)[:, :, None] * np.array([1.0, 0.0, 0.0]))
    assert image.count("▀") == 8 and f"38;5;{16 + 36 * 5}" in image and "38;5;16" in image


@pytest.mark.parametrize("width", [20, 33, 80, 200])
def test_text_is_as_wide_as_it_may_be(width: int) -> None:
    x = np.linspace(-1e5, 1e5, 300)
    for draw, args in [
        (plot.line, (x, np.sin(x / 1e4))),
        (plot.scatter, (x, 1e-9 * x)),
        (plot.hist, (x,)),
        (plot.bars, (x[:4],)),
        (plot.bars, (np.array(["a", "long name"], object), x[:2])),
        (plot.heatmap, (x.reshape(10, 30),)),
        (plot.image, (x.reshape(100, 3),)),
    ]:
        for line in shown(io.StringIO(), draw, *args, show_width=width).splitlines():
            assert len(line) <= width + 8, line  # the last number of an axis may stand out


@pytest.mark.parametrize(
    "y",
    [
        [],
        [1.0],
        [2.0, 2.0],
        [np.nan, np.nan],
        [np.nan, 1.0, np.inf, -np.inf, 2.0],
        [0.0, 1e-320],
        [1e300, -1e300],
        [5e15, 5e15 + 100],
    ],
)
def test_strange_numbers_are_drawn(y: list[float]) -> None:
    values = np.array(y)
    for draw in (plot.line, plot.scatter, plot.bars, plot.hist):
        for log in (False, True):
            assert shown(io.StringIO(), draw, values, show_log_y=log)
    assert shown(io.StringIO(), plot.band, values, values + 1)
    assert shown(io.StringIO(), plot.errors, values, values)


def test_numbers_too_far_apart_are_told() -> None:
    far = np.array([-1.7e308, 1.7e308])
    for draw, y in [(plot.line, far), (plot.hist, far), (plot.hist, np.array([5e15, 5e15 + 1]))]:
        with pytest.raises(Fault, match="E0725"):
            shown(io.StringIO(), draw, y)


def test_ticks_are_round_numbers_inside() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        low = float(random.normal() * 10 ** random.uniform(-5, 5))
        axis = terminal._Axis(low, low + float(10 ** random.uniform(-4, 4)), 160, False)
        most = int(random.integers(2, 9))
        ticks = axis.ticks(most)
        assert 1 <= len(ticks) <= most + 1 and all(-1 < at < 160 for at, _ in ticks)
        for at, text in ticks:
            value = axis.low + at / 159 * (axis.high - axis.low)
            assert abs(float(text) - value) <= 1e-5 * abs(value) + 1e-9 * (axis.high - axis.low)


def test_the_names_of_colors_are_those_of_css() -> None:
    from matplotlib.colors import CSS4_COLORS, to_rgb

    assert {n: str(c).lower() for n, c in CSS4_COLORS.items()} == NAMES
    assert color("#abc") == "#aabbcc" and color("Dark Blue") == "#00008b"
    assert color("") is None and color("#12345") is None
    assert all(np.allclose(np.array(rgb(c)) / 255, to_rgb(c)) for c in NAMES.values())
