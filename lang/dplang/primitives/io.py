# ruff: noqa: E501  (a row is a line)
"""Rows with an effect. Their `numpy` names the function of `interpret` that does the work."""

from __future__ import annotations

from .table import Row, add

add(
    Row("print", "", "severed", "printing.write", effect="io", typing="print", elementwise=False,
        doc="Writes values, separated by blanks, and ends the line."),
    # what `train` tells while it runs: steps at most (0: unknown); step, loss; the step, loss and points of a failure
    Row("progress.begin", "", "severed", "progress.begin", effect="progress", typing="none", elementwise=False, public=False),
    Row("progress.step", "", "severed", "progress.step", effect="progress", typing="none", elementwise=False, public=False),
    Row("progress.failed", "", "severed", "progress.failed", effect="progress", typing="none", elementwise=False, public=False),
    Row("progress.end", "", "severed", "progress.end", effect="progress", typing="none", elementwise=False, public=False),
    Row("data.csv", "", "severed", "csv.read", effect="io", typing="csv", elementwise=False,
        doc='The named columns of a CSV file: `data.csv("mood.csv", "t", "y")` is a tuple of two arrays.'),
    Row("plot.line", "", "severed", "plot.line", effect="io", typing="plot", elementwise=False,
        doc='Draws y over x as a line: `plot.line(x, y, label = "fit")`; with one array, over its positions.'),
    Row("plot.scatter", "", "severed", "plot.scatter", effect="io", typing="plot", elementwise=False,
        doc='Draws y over x as points: `plot.scatter(x, y, label = "data")`.'),
    Row("plot.save", "", "severed", "plot.save", effect="io", typing="plot", elementwise=False,
        doc='Writes the figure to a file and begins a new one: `plot.save("fit.png", title = "..", x = "..", y = "..")`.'),
)  # fmt: skip
