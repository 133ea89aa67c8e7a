"""dp, a typed differentiable programming language, used from Python.

    import dplang as dp

    m = dp.load("model.dp")            # runs the file once, as `dp run` does
    m.loss(w, xs)                      # its functions are called with numbers, arrays, structs
    dp.grad(m.loss, wrt="w")(w, xs)    # and differentiated

Every fault of a program or of a value is a `dp.Error`. What this module offers is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import (
        Error,
        Key,
        check,
        grad,
        hessian,
        hvp,
        jacobian,
        jvp,
        key,
        load,
        source,
        value_and_grad,
        vjp,
    )

__version__ = "0.1.0"

__all__ = [
    "Error", "Key", "check", "grad", "hessian", "hvp", "jacobian", "jvp", "key", "load", "source", "value_and_grad", "vjp",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name in __all__:
        value: object = getattr(import_module(".api", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
