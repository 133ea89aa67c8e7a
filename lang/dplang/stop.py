"""Asking kernels to stop, so that Python can look what it has to raise.

A kernel runs no Python: while it does, Ctrl-C is only noted. Between strips of its loops it looks at a flag of its
thread, and stops where that is set; the caller takes the flag back and runs the kernel again, unless Python raises
something by then. On a thread of our own the flag is set by who interrupts the thread. On the main thread a watcher
sets it: the system's signal handler writes a byte to a socket that the watcher reads.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from array import array

OFTEN = 0.1
"""Seconds for which we trust that signals still come to our socket: other libraries have sockets of their own."""

_flags: dict[int, array[int]] = {}
_here = threading.local()


def flag() -> array[int]:
    """The flag of this thread, which stays where it is in memory."""
    found: array[int] | None = getattr(_here, "flag", None)
    if found is None:
        found = _here.flag = _flags[threading.get_ident()] = array("q", [0])
    return found


def ask(thread: int) -> None:
    """Sets the flag of a thread, if it ever had one."""
    found = _flags.get(thread)
    if found is not None:
        found[0] = 1


class _Watch:
    """The socket that signals are written to, and who reads it."""

    def __init__(self) -> None:
        self.reader, self.writer = socket.socketpair()
        self.writer.setblocking(False)
        self.main = threading.get_ident()
        self.before: tuple[int, int, int] | None = None
        threading.Thread(target=self.read, name="dp signals", daemon=True).start()

    def install(self) -> None:
        """Has signals come here; who had them before is told of them."""
        try:
            before = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
            if before >= 0 and before != self.writer.fileno():
                status = os.fstat(before)
                self.before = (before, status.st_dev, status.st_ino)
        except (ValueError, OSError):  # not the main thread of the main interpreter, or a socket that was closed
            return

    def read(self) -> None:
        while data := self.reader.recv(64):
            if signal.SIGINT in data or signal.SIGTERM in data:
                ask(self.main)
            self.hand_on(data)

    def hand_on(self, data: bytes) -> None:
        if self.before is None:
            return
        number, device, inode = self.before
        try:
            status = os.fstat(number)
            if (status.st_dev, status.st_ino) == (device, inode):  # else its owner has closed it
                os.write(number, data)
        except OSError:
            self.before = None


_watch: _Watch | None = None
_next = 0.0


def on_main() -> bool:
    """Whether this is the main thread, the only one that Python runs signal handlers on."""
    return threading.current_thread() is threading.main_thread()


def listen() -> None:
    """Called on the main thread before a kernel that may take long: sees that signals come to us."""
    global _watch, _next
    now = time.monotonic()
    if now < _next:
        return
    _next = now + OFTEN
    if _watch is None:
        _watch = _Watch()
    _watch.install()


def _forget() -> None:
    """The child of a fork has no watcher yet."""
    global _watch, _next
    _watch, _next = None, 0.0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
