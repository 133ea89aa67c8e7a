"""What a kernel raises. It stands alone, so that kernels from the cache need nothing else of this package."""


class Trap(Exception):
    """A kernel has stopped; `ctl` says where and why."""
