"""Room for deep recursion: programs may nest and recurse further than Python's own stack allows.

Checking, lowering and interpreting walk trees by recursion. All of it runs on a thread whose stack is large
enough that the language's own limits, which end in a diagnostic, are always reached first.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from . import stop

T = TypeVar("T")

FRAMES = 1_000_000
STACKS = (1 << 29, 1 << 28, 1 << 26)
"""Sizes to try in bytes, best first: a system may refuse to reserve much address space."""

_here = threading.local()
_raised = threading.Lock()
_depth = 0
_usual = 0


class _Work(Generic[T]):
    """A call on its way through another thread."""

    def __init__(self, function: Callable[[], T]) -> None:
        self.function = function
        self.values: list[T] = []
        self.failure: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        _here.deep = True
        try:
            self.values.append(self.function())
        except BaseException as failure:  # handed over to the caller, who raises it
            self.failure = failure
        self.done.set()

    def outcome(self) -> T:
        if self.failure is not None:
            raise self.failure
        return self.values[0]


def deep(function: Callable[[], T]) -> T:
    """What `function()` gives or raises, run on a deep stack. Ctrl-C ends it as it would have ended a plain call."""
    if getattr(_here, "deep", False):
        return function()
    work = _Work(function)
    _raise_limit()
    try:
        thread = _start(work.run)
        _wait(thread, work.done)
    finally:
        _restore_limit()
    return work.outcome()


def _start(run: Callable[[], None]) -> threading.Thread:
    for size in STACKS:
        before = threading.stack_size(size)
        thread = threading.Thread(target=run, name="dp", daemon=True)
        try:
            thread.start()
            return thread
        except RuntimeError:
            if size == STACKS[-1]:
                raise
        finally:
            threading.stack_size(before)
    raise AssertionError("the last size either starts or raises")


def _wait(thread: threading.Thread, done: threading.Event) -> None:
    """The first Ctrl-C asks the thread to end; a second one does not wait until it does."""
    # not `join`: in Python 3.11 a thread whose `join` was interrupted counts as ended
    try:
        done.wait()
    except KeyboardInterrupt:
        interrupt(thread)
        done.wait()


def interrupt(thread: threading.Thread) -> None:
    """Raises KeyboardInterrupt in `thread` at its next step of Python code, which a kernel there makes now."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt))
        stop.ask(thread.ident)


def _raise_limit() -> None:
    # the limit is the whole process's, so it is raised only while some call is under way
    global _depth, _usual
    with _raised:
        if _depth == 0:
            _usual = sys.getrecursionlimit()
            sys.setrecursionlimit(max(FRAMES, _usual))
        _depth += 1


def _restore_limit() -> None:
    global _depth
    with _raised:
        _depth -= 1
        if _depth == 0:
            sys.setrecursionlimit(_usual)
