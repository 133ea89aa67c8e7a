"""From kernel text to a compiled function, through a cache of files.

A cached kernel is a module named by what it was made from: its text, the helpers it calls, the versions of Numba and
NumPy. The machine code beside it is Numba's business, which knows the processor. A cache that cannot be used is none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import os
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from .emit import Emitted


class NoKernel(Exception):
    """Numba does not compile the text; says why in a line."""


def build(emitted: Emitted) -> Callable[..., Any]:
    """The compiled function of a text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            names = _from_cache(emitted)
        except Exception:  # whatever is wrong with a cache or what it holds, the text itself is there
            names = None
        if names is None:
            try:
                names = _here(emitted)
            except Exception as failure:  # Numba's own faults are of many kinds, and no user should see any
                why = str(failure).strip()
                raise NoKernel(why.splitlines()[0] if why else type(failure).__name__) from None
    function: Callable[..., Any] = names[emitted.entry]
    return function


def _here(emitted: Emitted) -> dict[str, Any]:
    text = emitted.text.replace("CACHED as OPTIONS", "OPTIONS")
    name = f"<kernel {emitted.entry} {_key(text)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    # Numba resolves recursive calls only in functions of a module that exists
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile(text, name, "exec"), namespace)
    return namespace


def _from_cache(emitted: Emitted) -> dict[str, Any] | None:
    """The names of the cached module, made now if it is not there; None where there can be none."""
    folder = cache_folder()
    if folder is None or emitted.recursive:  # Numba's cache does not know functions that call each other
        return None
    name = f"kernel_{_key(emitted.text)}"
    if name in sys.modules:
        return vars(sys.modules[name])
    path = folder / f"{name}.py"
    text = emitted.text.encode()
    if not path.exists() or path.read_bytes() != text:
        aside = folder / f"{name}.{os.getpid()}.tmp"
        aside.write_bytes(text)
        aside.replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return vars(module)


def _key(text: str) -> str:
    import numba
    import numpy

    helpers = Path(__file__).with_name("support.py").read_bytes()
    parts = (text.encode(), helpers, numba.__version__.encode(), numpy.__version__.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def cache_folder() -> Path | None:
    """Where kernels are kept: ours alone, since what is there is run. None where no such folder can be had."""
    root = os.environ.get("DP_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(root) / "dplang" / "kernels"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    ours = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    if not ours or stat.S_IMODE(status.st_mode) & 0o022 or not os.access(folder, os.W_OK):
        return None
    return folder
