"""dp from Python: loading files, calling their functions, deriving them. `import dplang as dp` offers these names."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import SupportsIndex, get_args

from ..errors.diagnostic import Diagnostic
from ..errors.python import NoCounterpart, NotAText
from ..errors.source import NOWHERE, Source
from ..primitives.runtime import key_scalar
from ..session import DEFAULT_JIT, Jit, Session
from ..stack import deep
from .calls import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .faults import Error, as_errors
from .loaded import Loaded, Module, tell
from .marshal import Key, describe

__all__ = [
    "Error", "Key", "check", "grad", "hessian", "hvp", "jacobian", "jvp", "key", "load", "source",
    "value_and_grad", "vjp",
]  # fmt: skip


def load(path: str | os.PathLike[str], jit: Jit = DEFAULT_JIT, threads: int = 0) -> Module:
    """Runs a dp file, as `dp run` does, and gives its top-level names as attributes.

    `jit` says what is compiled: nothing ("never"), what is heavy ("auto"), or all that can be ("always").
    `threads` share loops that are long enough, where it is not 0; results do not depend on how many they are.
    """
    if not isinstance(path, str | os.PathLike):
        raise Error(NotAText(NOWHERE, "dp.load", describe(path)))
    name = os.fsdecode(path)
    with as_errors():
        return deep(lambda: _run(name, None, jit, threads))


def source(text: str, name: str = "<source>", jit: Jit = DEFAULT_JIT, threads: int = 0) -> Module:
    """The same for the text of a program. `name` is what diagnostics call it."""
    if not isinstance(text, str):
        raise Error(NotAText(NOWHERE, "dp.source", describe(text)))
    with as_errors():
        return deep(lambda: _run(name, text, jit, threads))


def _run(name: str, text: str | None, jit: Jit, threads: int) -> Module:
    if jit not in get_args(Jit):
        raise ValueError(f'`jit` is "auto", "always" or "never", not {jit!r}')
    if not isinstance(threads, int) or threads < 0:
        raise ValueError(f"`threads` is a number of threads, not {threads!r}")
    session = Session(tell, jit=jit, threads=threads)
    entry = session.file(name) if text is None else session.text(Source(name, text))
    session.keep(session.run(entry))
    home = Loaded(session, entry.checked.scope)
    return Module(home, name, entry.checked.scope.names)


def check(text: str, name: str = "<source>") -> tuple[Diagnostic, ...]:
    """Checks the text of a program without running it and gives the warnings; raises Error where it is faulty."""
    if not isinstance(text, str):
        raise Error(NotAText(NOWHERE, "dp.check", describe(text)))
    warnings: list[Diagnostic] = []

    def note(found: Sequence[Diagnostic]) -> None:
        warnings.extend(found)

    with as_errors():
        deep(lambda: Session(note).text(Source(name, text)))
    return tuple(warnings)


def key(seed: SupportsIndex) -> Key:
    """The random key of a seed, the same as `key(seed)` in dp."""
    if not hasattr(seed, "__index__") or isinstance(seed, bool):
        raise Error(NoCounterpart(NOWHERE, describe(seed), "the seed of a key is an int"))
    return Key(key_scalar(operator.index(seed)))
