"""Machine code of Numba as bytes and back: what knows Numba's private interfaces for that is here.

Numba's own cache unpickles files that anybody may have written, does not see that a helper has changed, and keeps
nothing of functions that call each other.
"""

from __future__ import annotations

import ctypes
import hashlib
import pickle
import platform
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import serialize
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.environment import Environment
from numba.core.registry import cpu_target
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]

from .cache import Cache

LATE = ".numba.unresolved$"
"""Before the name of a function that was called before it was compiled: there lies its address."""

FILES = Cache()


@cache
def surroundings() -> bytes:
    """What else, besides its text, decides what a kernel does."""
    here = Path(__file__).parent
    # whatever works with Numba may be a part of a kernel
    sources = [text for f in sorted(here.rglob("*.py")) if b"numba" in (text := f.read_bytes())]
    sources.append((here.parent / "primitives" / "special.py").read_bytes())
    target = cpu_target.target_context.codegen().magic_tuple()
    versions = (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version())
    parts = [repr((versions, target, platform.python_implementation())).encode(), *sources]
    return hashlib.sha256(b"\0".join(parts)).digest()


def name_of(text: str) -> str:
    """The name of a text in the cache. Comments do not count: a function that has moved in its file is the same."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return hashlib.sha256(surroundings() + "\n".join(lines).encode()).hexdigest()[:32]


def _bytes(value: object) -> bytes:
    dumps: Callable[[object], bytes] = serialize.dumps
    return dumps(value)


# ---- a kernel: called from Python only, so that its object code is all there is to keep


def pack(result: Any, others: Iterable[Any]) -> bytes | None:
    """A compiled function as bytes, with those of `others` that it reaches by late addresses; None where it cannot
    outlive the process."""
    results, late, defined, needed = [result], set(), set(), set()
    for r in results:
        library = r.library
        if library.has_dynamic_globals or r.reload_init:
            return None
        module = library._final_module
        mine = {v.name[len(LATE) :] for v in module.global_variables if v.name.startswith(LATE)}
        defined |= {f.name for f in module.functions if not f.is_declaration}
        needed |= {f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")}
        results += [o for o in others if o.fndesc.mangled_name in mine - defined and o not in results]
        late |= mine
    if not late <= defined:
        return None
    descriptor = result.fndesc
    environments = [(e.env_name, list(e.consts)) for e in (result.environment, *result._find_referenced_environments())]
    codes = [r.library.serialize_using_object_code()[2][0] for r in results]
    name = (descriptor.llvm_cpython_wrapper_name, descriptor.qualname)
    return _bytes((name, environments, sorted(needed - defined), sorted(late), codes))


def unpack(data: bytes) -> Callable[..., Any]:
    """The compiled function that `pack` has made bytes of."""
    (wrapper, label), environments, needed, late, codes = pickle.loads(data)
    with global_compiler_lock:
        codegen = cpu_target.target_context.codegen()
        _find(needed)
        cells = {name: ctypes.c_void_p(0) for name in late}
        for name, cell in cells.items():
            llvm.add_symbol(LATE + name, ctypes.addressof(cell))
        libraries = [_library(codegen, f"{wrapper}.{i}", code) for i, code in enumerate(codes)]
        for name, cell in cells.items():
            cell.value = codegen._engine.get_function_address(name)
        known = [_environment(codegen, name, constants) for name, constants in environments]
        address = codegen._engine.get_function_address(wrapper)
    module = numba.core.utils._dynamic_module
    keep = (libraries, cells, known)
    made: Callable[..., Any] = _dynfunc.make_function(module, label, "", address, known[0], keep)
    return made


def _library(codegen: Any, name: str, code: bytes) -> Any:
    """Object code, loaded; what Numba would need to compile calls of it is left out."""
    empty = llvm.parse_assembly(str(codegen._create_empty_module(name))).as_bitcode()
    return codegen.unserialize_library((name, "object", (code, empty)))


def _find(names: list[str]) -> None:
    """Sees that all symbols have addresses: LLVM ends the process where one has none."""
    for learn in (_runtime, _helpers, _special, _linalg):
        if any(llvm.address_of_symbol(name) is None for name in names):
            learn()
    for name in names:
        if llvm.address_of_symbol(name) is None:
            raise LookupError(name)


def _runtime() -> None:
    """Makes known what Numba's own run-time offers; to have Numba do it would compile a part of it as well."""
    for name, address in _nrt_python.c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


def _helpers() -> None:
    """Makes known the symbols that helpers use."""
    from . import support  # noqa: F401


def _special() -> None:
    """Makes known the symbols of special functions."""
    from . import special  # noqa: F401


def _linalg() -> None:
    """Makes known the symbols of BLAS and LAPACK."""
    from . import linalg  # noqa: F401


def _environment(codegen: Any, name: str, constants: list[Any]) -> Any:
    made = Environment({})
    made.env_name = name
    made.consts.extend(constants)
    codegen.set_env(name, made)
    return made


# ---- a helper: called by kernels, so that its types and its text for the linker are kept as well


class _Kept(_Cache):
    """What Numba asks for the compiled forms of a function, in our files."""

    def __init__(self, function: Any) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"

    def _entry(self, signature: Any) -> str:
        return hashlib.sha256(surroundings() + f"{self.name}{signature}".encode()).hexdigest()[:32]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        rebuild: Any = CompileResult._rebuild
        data = FILES.get(self._entry(sig))
        try:
            return None if data is None else rebuild(target_context, *pickle.loads(data))
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if not data.lifted and not data.library.has_dynamic_globals:
            FILES.put(self._entry(sig), _bytes(data._reduce()))

    @property
    def cache_path(self) -> str:
        return str(FILES.folder)

    def enable(self) -> None:
        """It always is."""

    def disable(self) -> None:
        """It always is enabled."""

    def flush(self) -> None:
        """Entries of other versions go when they were not used for long."""


def kept(dispatcher: Any) -> Any:
    """A helper whose compiled forms are kept in the cache."""
    dispatcher._cache = _Kept(dispatcher.py_func)
    return dispatcher
