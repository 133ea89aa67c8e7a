"""dp, a typed differentiable programming language, used from Python.

    import dplang as dp

    m = dp.load("model.dp")            # runs the file once, as `dp run` does
    m.loss(w, xs)                      # its functions are called with numbers, arrays, structs
    dp.grad(m.loss, wrt="w")(w, xs)    # and differentiated

Every fault of a program or of a value is a `dp.Error`. What this module offers is imported when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
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
    "Error", "Key", "check", "grad", "hessian", "hvp", "jacobian", "jvp", "key", "load", "source",
    "value_and_grad", "vjp",
]  # fmt: skip


class _Package(ModuleType):
    """This module: what it offers is imported when it is first asked for.

    `check` is a function of dp for Python and a room of the compiler as well; as an attribute it is the function,
    even when the room is imported and Python would set the attribute to it.
    """

    def __getattr__(self, name: str) -> object:
        if name in __all__:
            value: object = getattr(import_module(".api", __name__), name)
            self.__dict__[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted([*self.__dict__, *__all__])


sys.modules[__name__].__class__ = _Package
