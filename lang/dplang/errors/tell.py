"""Diagnostics for whoever is reading a stream: in colours on a terminal, plain elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from .diagnostic import Diagnostic, Fault
from .internal import InternalFault
from .render import render_text
from .source import NOWHERE


def coloured(stream: TextIO) -> bool:
    """Whether colours are welcome: on terminals, unless the user said no (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(diagnostics: Sequence[Diagnostic], stream: TextIO | None = None) -> None:
    """Diagnostics as text, on standard error unless told; what the program printed before comes first."""
    if diagnostics:
        sys.stdout.flush()
        stream = sys.stderr if stream is None else stream
        stream.write(render_text(diagnostics, coloured(stream)))
        stream.flush()


def faults_of(failure: Exception) -> Sequence[Diagnostic]:
    """The diagnostics of a failure. One of dp itself becomes a sentence; `DP_DEBUG=1` shows where it arose."""
    if isinstance(failure, Fault):
        return failure.diagnostics
    if isinstance(failure, BrokenPipeError) or os.environ.get("DP_DEBUG"):
        raise failure
    return [InternalFault(NOWHERE, InternalFault.summary(failure))]
