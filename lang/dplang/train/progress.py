"""Progress on standard error: of training, a bar on a terminal and a plain line now and then elsewhere; of a long
compilation, a line on a terminal while it lasts.

The functions here are the rows `progress.begin`, `progress.step`, `progress.end` and `progress.failed` of the primitive
table. Of trainings inside each other the outermost one is shown.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from ..errors.source import Span

PATIENCE = 2.0
"""Seconds between plain lines, and before the first: a quick training says nothing."""
REFRESH = 0.1
"""Seconds between drawings of the bar, and before the first."""
LONG = 1.0
"""Seconds of a compilation before it is told."""
WIPE = "\r\x1b[K"
"""What takes a line of a terminal away."""


class Progress:
    """What is shown of the trainings of one session."""

    def __init__(self, stream: TextIO | None = None, clock: Any = time.monotonic) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.clock = clock
        self.depth = 0
        self.total = 0
        self.place = ""
        self.started = self.shown = 0.0
        self.bar: _Bar | None = None

    def begin(self, total: int, span: Span) -> None:
        """A training of at most `total` steps (0: nobody knows) begins."""
        self.depth += 1
        if self.depth == 1:
            self.total = total
            self.place = f"{span.source.name}:{span.line}"
            self.started = self.shown = self.clock()

    def step(self, step: int, loss: float) -> None:
        """`step` steps have been made, and the loss there is `loss`."""
        if self.depth != 1:
            return
        now = self.clock()
        terminal = self.stream.isatty()
        if now - self.shown < (REFRESH if terminal else PATIENCE):
            return
        self.shown = now
        if terminal:
            if self.bar is None:
                self.bar = _Bar(self.stream, self.total)
            self.bar.show(step, loss, step / (now - self.started))
        else:
            of = f" of {self.total}" if self.total else ""
            print(f"training at {self.place}: step {step}{of}, loss {loss:.6g}", file=self.stream, flush=True)

    def end(self) -> None:
        """The innermost training is over."""
        self.depth = max(self.depth - 1, 0)
        if self.depth == 0:
            self.clear()

    def clear(self) -> None:
        """Takes the bar away, for text to be written where it stands; the next step draws it again."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    @contextmanager
    def compiling(self, name: str) -> Iterator[None]:
        """Says on a terminal that a function is being compiled, where that takes long."""
        if not self.stream.isatty():
            yield
            return
        shown = threading.Event()

        def show() -> None:
            self.clear()
            self.stream.write(f"compiling `{name}` ..")
            self.stream.flush()
            shown.set()

        timer = threading.Timer(LONG, show)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            if shown.is_set():
                self.stream.write(WIPE)
                self.stream.flush()

    def reset(self) -> None:
        """Forgets trainings that a fault or an interrupt has left."""
        self.depth = 0
        self.clear()

    def over(self, out: TextIO) -> TextIO:
        """`out`, made to take the bar away before it writes: both may be the same terminal."""
        return _Above(out, self) if self.stream.isatty() and out.isatty() else out  # type: ignore[return-value]


class _Bar:
    """A bar with the loss, the rate and the time left."""

    def __init__(self, stream: TextIO, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("step {task.completed}"),
            TextColumn("loss {task.fields[loss]:.6g}"),
            TextColumn("{task.fields[rate]:.0f}/s"),
            TimeRemainingColumn(),
            console=Console(file=stream),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.task = self.progress.add_task("training", total=total or None, loss=0.0, rate=0.0)
        self.started = False

    def show(self, step: int, loss: float, rate: float) -> None:
        self.progress.update(self.task, completed=step, loss=loss, rate=rate)
        if self.started:
            self.progress.refresh()
        else:
            self.progress.start()
            self.started = True

    def close(self) -> None:
        self.progress.stop()


class _Above:
    """A text stream in front of a terminal on which a bar may stand."""

    def __init__(self, out: TextIO, progress: Progress) -> None:
        self._out = out
        self._progress = progress

    def write(self, text: str) -> int:
        self._progress.clear()
        return self._out.write(text)

    def writelines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)
