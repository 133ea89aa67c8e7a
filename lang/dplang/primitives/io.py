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
        doc='The named columns of a CSV file, `data.csv("mood.csv", "t", "y")`, or its rows as structs, `let rows: Mood[?] = data.csv("mood.csv")`.'),
    Row("data.npy", "", "severed", "arrays.read_npy", effect="io", typing="arrays", elementwise=False,
        doc='The array of a NumPy file: `let w: Float[?, ?] = data.npy("w.npy")`.'),
    Row("data.npz", "", "severed", "arrays.read_npz", effect="io", typing="arrays", elementwise=False,
        doc='An array of a NumPy archive: `let w: Float[?, ?] = data.npz("net.npz", "w")`.'),
    Row("data.safetensors", "", "severed", "arrays.read_safetensors", effect="io", typing="arrays", elementwise=False,
        doc='An array of a safetensors file, `let w: Float[?, ?] = data.safetensors("net.safetensors", "w")`, or all of a struct.'),
    Row("data.metadata", "", "severed", "arrays.metadata", effect="io", typing="metadata", elementwise=False,
        doc='A text that a safetensors file carries: `data.metadata("net.safetensors", "note")`, an Option.'),
    Row("data.write_csv", "", "severed", "csv.write", effect="io", typing="write", elementwise=False,
        doc='Writes a CSV file of columns, `data.write_csv("fit.csv", t = t, y = y)`, or of an array of structs.'),
    Row("data.write_npy", "", "severed", "arrays.write_npy", effect="io", typing="write", elementwise=False,
        doc='Writes an array as a NumPy file: `data.write_npy("w.npy", w)`.'),
    Row("data.write_npz", "", "severed", "arrays.write_npz", effect="io", typing="write", elementwise=False,
        doc='Writes named arrays as a NumPy archive: `data.write_npz("net.npz", w = w, b = b)`.'),
    Row("data.write_safetensors", "", "severed", "arrays.write_safetensors", effect="io", typing="write", elementwise=False,
        doc='Writes named arrays and texts, or a struct, as a safetensors file: `data.write_safetensors("net.safetensors", net)`.'),
    Row("plot.line", "", "severed", "plot.line", effect="io", typing="plot", elementwise=False,
        doc='Draws y over x as a line: `plot.line(x, y, label = "fit")`; with one array, over its positions.'),
    Row("plot.scatter", "", "severed", "plot.scatter", effect="io", typing="plot", elementwise=False,
        doc='Draws y over x as points: `plot.scatter(x, y, label = "data")`.'),
    Row("plot.save", "", "severed", "plot.save", effect="io", typing="plot", elementwise=False,
        doc='Writes the figure to a file and begins a new one: `plot.save("fit.png", title = "..", x = "..", y = "..")`.'),
)  # fmt: skip
