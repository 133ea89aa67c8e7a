"""From kernel text to a compiled function, through the cache."""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Callable
from threading import Lock
from types import ModuleType
from typing import Any

from .emit import Emitted


class NoKernel(Exception):
    """Numba does not compile the text; says why in a line."""


_made: dict[str, Callable[..., Any]] = {}
_making = Lock()


def build(emitted: Emitted) -> Callable[..., Any]:
    """The compiled function of a text: made before, kept in the cache, or made now."""
    from .code import name_of

    name = name_of(emitted.text)
    with _making:
        if name not in _made:
            _made[name] = _kept(name) or _compiled(name, emitted)
        return _made[name]


def _kept(name: str) -> Callable[..., Any] | None:
    from .code import FILES, unpack

    data = FILES.get(name)
    try:
        return None if data is None else unpack(data)
    except Exception:  # whatever does not fit in what was kept, the text itself is there
        return None


def _compiled(name: str, emitted: Emitted) -> Callable[..., Any]:
    from .code import FILES, pack
    from .compiler import adapted

    with warnings.catch_warnings(), adapted():
        warnings.simplefilter("ignore")
        try:
            names = _names(name, emitted.text)
        except Exception as failure:  # Numba's own faults are of many kinds, and no user should see any
            why = str(failure).strip()
            raise NoKernel(why.splitlines()[0] if why else type(failure).__name__) from None
        [result] = names[emitted.entry].overloads.values()
        others = [r for d in names.values() if hasattr(d, "overloads") for r in d.overloads.values()]
        data = pack(result, others)
    if data is not None:
        FILES.put(name, data)
    made: Callable[..., Any] = result.entry_point
    return made


def _names(name: str, text: str) -> dict[str, Any]:
    """What the text defines. The module's name is in the names of symbols, which must differ from kernel to kernel."""
    file = f"<kernel {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    # Numba resolves recursive calls only in functions of a module that exists
    module = ModuleType(f"dplang.kernels.kernel_{name}")
    sys.modules[module.__name__] = module
    exec(compile(text, file, "exec"), vars(module))
    return vars(module)
