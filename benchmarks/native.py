"""The C++ of the works, built with g++ where there is one and called through ctypes."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE

FLAGS = {"-O3": ("-O3",), "-Ofast": ("-Ofast", "-fopenmp-simd")}


def available() -> bool:
    return shutil.which("g++") is not None


def library(name: str, flags: str) -> ctypes.CDLL:
    """The shared object of works/NAME.cpp; objects are kept by their text and the options."""
    source = HERE / "works" / f"{name}.cpp"
    options = (*FLAGS[flags], "-march=native", "-std=c++17", "-shared", "-fPIC")
    key = hashlib.sha256(source.read_bytes() + repr(options).encode()).hexdigest()[:16]
    made = Path(tempfile.gettempdir()) / f"dp-benchmark-{key}.so"
    if not made.exists():
        aside = made.with_suffix(".tmp")
        subprocess.run(["g++", *options, "-o", str(aside), str(source)], check=True)
        aside.replace(made)
    return ctypes.CDLL(str(made))


def bound(name: str, flags: str, function: str, args: Sequence[Any], like: Any) -> Callable[[], Any]:
    """A call of C++ with arguments converted beforehand, arrays as pointers; its results have the shapes of `like`."""
    call = getattr(library(name, flags), function)
    call.restype = None
    out = [np.zeros(np.shape(r)) for r in (like if isinstance(like, tuple) else (like,))]
    if function == "gradient" and all(r.shape == () for r in out):
        out = [np.zeros(len(out))]
    given = tuple(_converted(a) for a in (*args, *out))

    def run(keep: Any = args) -> Any:
        call(*given)
        return out

    return run


def _converted(a: Any) -> Any:
    if isinstance(a, np.ndarray):
        assert a.flags.c_contiguous
        return ctypes.c_void_p(a.ctypes.data)
    return ctypes.c_double(a) if isinstance(a, float) else ctypes.c_long(a)
