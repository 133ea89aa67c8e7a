"""Training: its loop, its progress, its warnings, sketches and what fills them."""

from __future__ import annotations

import io
import itertools
import os
import pty

import numpy as np

from conftest import Snapshot
from dplang.check.module import check
from dplang.core.ir import FLOAT, INT, ArrayType, Group, Leaf
from dplang.errors import Diagnostic, Fault, Source, Span
from dplang.errors.render import render_text
from dplang.loading import Modules
from dplang.syntax.parse import parse
from dplang.train.progress import Progress
from dplang.train.tell import moved_most

CALL = Span(Source("program.dp", "\nlet fit = train p = 1.0 { .. }\n"), 11, 31)


# ---- progress


def test_plain_lines_come_every_few_seconds() -> None:
    stream = io.StringIO()
    clock = itertools.count(0.0, 0.75)
    progress = Progress(stream, lambda: next(clock))
    progress.begin(40, CALL)
    for step in range(1, 8):
        progress.step(step, 1 / step)
    progress.end()
    assert stream.getvalue().splitlines() == [
        "training at program.dp:2: step 3 of 40, loss 0.333333",
        "training at program.dp:2: step 6 of 40, loss 0.166667",
    ]


def test_a_quick_training_says_nothing() -> None:
    stream = io.StringIO()
    progress = Progress(stream, lambda: 0.0)
    progress.begin(0, CALL)
    progress.step(1, 0.5)
    progress.end()
    assert stream.getvalue() == ""


def test_only_the_outermost_training_is_shown() -> None:
    stream = io.StringIO()
    clock = itertools.count(0.0, 3.0)
    progress = Progress(stream, lambda: next(clock))
    progress.begin(0, CALL)
    progress.begin(10, CALL)
    progress.step(1, 7.0)
    progress.end()
    progress.step(1, 5.0)
    progress.end()
    assert stream.getvalue() == "training at program.dp:2: step 1, loss 5\n"


def test_a_bar_on_a_terminal_makes_way_for_text() -> None:
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as stream:
        clock = itertools.count(0.0, 0.2)
        progress = Progress(stream, lambda: next(clock))
        out = progress.over(stream)
        progress.begin(10, CALL)
        for step in range(1, 5):
            progress.step(step, 1 / step)
            if step == 2:
                out.write("hello\n")
        progress.end()
        out.flush()
        shown = os.read(reader, 1 << 16).decode()
    os.close(reader)
    assert "step 1 " in shown and "step 4 " in shown and "loss 0.25" in shown and "━" in shown
    # the bar is erased before the text
    assert shown.index("\x1b[2K", shown.index("step 2")) < shown.index("hello") < shown.index("step 3")


# ---- the leaf that a warning names


def test_the_scalar_that_moved_most_is_named() -> None:
    wave = Group("Wave", ("a", "b"), (Leaf(FLOAT), Leaf(ArrayType(FLOAT, (None,)))))
    before, after = [1.0, np.array([1.0, 2.0])], [1.1, np.array([1.0, -5.0])]
    assert moved_most(wave, before, after) == ("b[1]", 2.0, -5.0)
    assert moved_most(wave, before, [float("nan"), after[1]])[0] == "a"
    assert moved_most(Leaf(FLOAT), [1.0], [3.0], "p") == ("p", 1.0, 3.0)
    assert moved_most(wave, before, after, "w")[0] == "w.b[1]"
    assert moved_most(Group("", (), (Leaf(INT), Leaf(FLOAT))), [1, 2.0], [9, 2.5])[0] == "1"
    row = Group("Layer", ("w",), (Leaf(ArrayType(FLOAT, (None, None))),), 1)
    net = Group("Net", ("layers", "bias"), (row, Leaf(FLOAT)))
    old, new = np.ones((2, 3)), np.ones((2, 3))
    new[1, 2] = 7.0
    assert moved_most(net, [old, 1.0], [new, 1.0]) == ("layers[1].w[2]", 1.0, 7.0)


# ---- what the checker says


def checked(text: str) -> str:
    """What checking a program says, without running it."""
    found: list[Diagnostic] = []
    try:
        result = check(parse(Source("program.dp", text)), "main", Modules(found.append))
    except Fault as fault:
        return render_text(fault.diagnostics)
    return render_text([*found, *result.diagnostics]) or "fine"


def test_programs_and_what_is_wrong_with_them(snapshot: Snapshot) -> None:
    snapshot.run("training/errors.txt", checked)
