"""The last resort: a fault of dp itself, told without a traceback."""

from __future__ import annotations

from .diagnostic import Diagnostic, diagnostic


@diagnostic("E0001")
class InternalFault(Diagnostic):
    """dp itself failed. This is not a mistake in the program: whatever the program is, dp should run it or say why not.

    Please report it together with the program. With the environment variable `DP_DEBUG=1` dp shows where in its own
    code the fault arose.
    """

    what: str

    @staticmethod
    def summary(fault: BaseException) -> str:
        """An exception in a line."""
        return " ".join(f"{type(fault).__name__}: {fault}".split())[:200]

    def sentence(self) -> str:
        return f"dp itself failed ({self.what})"

    def help(self) -> str:
        return "this is not a mistake in your program: please report it"
