"""What the two judgements say of a program text."""

from __future__ import annotations

from collections.abc import Sequence

from dplang.analyse import parallel
from dplang.analyse.parallel import Verdict
from dplang.errors.diagnostic import Diagnostic, Fault
from dplang.errors.render import render_text
from dplang.errors.source import Source
from dplang.session import Session
from dplang.stack import deep


def diagnostics(text: str) -> list[Diagnostic]:
    """Everything that checking a program reports, errors and warnings."""
    found: list[Diagnostic] = []

    def check() -> None:
        try:
            Session(lambda more: found.extend(more)).text(Source("test.dp", text))
        except Fault as fault:
            found.extend(fault.diagnostics)

    deep(check)
    return found


def codes(text: str) -> list[str]:
    return [d.code for d in diagnostics(text)]


def first(text: str, code: str) -> Diagnostic:
    """The first diagnostic with a code."""
    return next(d for d in diagnostics(text) if d.code == code)


def outcome(text: str) -> str:
    """What a user sees of checking a program."""
    return render_text(diagnostics(text)) or "fine\n"


def _loops(source: Source) -> list[Verdict]:
    def judge() -> list[Verdict]:
        session = Session(_ignore)
        entry = session.text(source)
        return parallel.both(session.lowering.program, session.derived(entry))

    return deep(judge)


def _ignore(_: Sequence[Diagnostic]) -> None:
    """Warnings are no matter here."""


def loops(text: str) -> list[Verdict]:
    """The verdicts for a program's loops and, where the program derives anything, its derivative's."""
    return _loops(Source("test.dp", text))


def loops_report(text: str) -> str:
    source = Source("test.dp", text)
    return parallel.report(_loops(source), source)
