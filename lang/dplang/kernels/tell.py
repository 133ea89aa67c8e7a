"""What a kernel tells while it runs: how far a training is. It writes that to its `ctl`, and a thread of ours looks
there now and then, which costs the kernel nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

Tell: TypeAlias = Callable[[int, float], None]
"""Takes the steps that a training has made and the loss there."""

STEP, LOSS = 20, 21
"""Slots of `ctl`."""
OFTEN = 0.1
"""Seconds between two looks."""


class _Looking:
    """The thread, and the kernels that it looks at."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.any = threading.Event()
        self.running: dict[int, tuple[Any, Tell]] = {}
        threading.Thread(target=self.look, name="dp progress", daemon=True).start()

    def look(self) -> None:
        pause = threading.Event()
        while self.any.wait():
            pause.wait(OFTEN)
            with self.lock:
                for ctl, tell in self.running.values():
                    if ctl[STEP]:
                        tell(int(ctl[STEP]), float(ctl[LOSS : LOSS + 1].view(np.float64)[0]))

    def add(self, ctl: Any, tell: Tell) -> None:
        with self.lock:
            self.running[id(ctl)] = (ctl, tell)
            self.any.set()

    def drop(self, ctl: Any) -> None:
        with self.lock:
            del self.running[id(ctl)]
            if not self.running:
                self.any.clear()


_looking: _Looking | None = None


@contextmanager
def heard(ctl: Any, tell: Tell) -> Iterator[None]:
    """While a kernel runs with this `ctl`, what it tells is handed on."""
    global _looking
    if _looking is None:
        _looking = _Looking()
    looking = _looking
    looking.add(ctl, tell)
    try:
        yield
    finally:
        looking.drop(ctl)
