"""How faults of dp reach a Python program: as `dp.Error`, and as nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors.diagnostic import Diagnostic, Fault
from ..errors.internal import InternalFault
from ..errors.render import render_text
from ..errors.source import NOWHERE


class Error(Exception):
    """A fault of a dp program or of a value given to it. `diagnostics` are the facts; `str` tells them readably."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(*(f"{d.code}: {d.sentence()}" for d in diagnostics))
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return render_text(self.diagnostics)


class MissingName(Error, AttributeError):
    """A name was asked of something that does not have it: for Python it is an AttributeError as well."""


@contextmanager
def as_errors() -> Iterator[None]:
    """Inside, every fault becomes an Error. A fault of dp itself keeps its traceback as the cause."""
    try:
        yield
    except Fault as fault:
        raise Error(*fault.diagnostics) from None
    except Error:
        raise
    except Exception as failure:
        if os.environ.get("DP_DEBUG"):
            raise
        raise Error(InternalFault(NOWHERE, InternalFault.summary(failure))) from failure
