"""The threads that kernels share their loops with. They sit in compiled code and hold no lock of Python's."""

from __future__ import annotations

import atexit
import os
import threading
from typing import Any

import numpy as np


class Pool:
    """Some threads, which wait for jobs in memory that kernels know the address of."""

    def __init__(self, workers: int) -> None:
        from numba import types

        from . import runtime

        self.runtime = runtime
        room = np.zeros(runtime.WORDS + 16, np.int64)
        start = -room.ctypes.data % 64 // 8  # on a line of the cache
        self.words = room[start:]
        self.address = self.words.ctypes.data
        self.words[runtime.READ], self.words[runtime.WRITE] = os.pipe()
        work: Any = runtime.work
        work.compile((types.int64,))
        self.threads = [
            threading.Thread(target=work, args=(self.address,), name=f"dp worker {k + 1}", daemon=True)
            for k in range(workers)
        ]
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        """Ends the threads, for which no job may come any more."""
        self.words[self.runtime.BUSY] = self.words[self.runtime.STOP] = 1
        os.write(int(self.words[self.runtime.WRITE]), b"." * len(self.threads))
        for thread in self.threads:
            thread.join(1.0)


_pools: dict[int, Pool] = {}
_starting = threading.Lock()


def address(threads: int) -> int:
    """Where a pool lies that makes so many threads together with who calls it; 0 where it takes none, or where there
    can be none."""
    if threads < 2 or os.name != "posix":
        return 0
    with _starting:
        if threads not in _pools:
            _pools[threads] = Pool(threads - 1)
        return _pools[threads].address


@atexit.register
def _close() -> None:
    for pool in _pools.values():
        pool.close()


def _forget() -> None:
    """The child of a fork has none of the threads: its kernels run alone."""
    global _starting
    _starting = threading.Lock()
    for pool in _pools.values():
        pool.words[pool.runtime.BUSY] = 1
        pool.threads.clear()
    atexit.unregister(_close)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
