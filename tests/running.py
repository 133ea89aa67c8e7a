"""Runs texts of dp for tests: what they print, what their names hold, what they cost, what is wrong with them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from dplang.errors.diagnostic import Diagnostic, Fault
from dplang.errors.source import Source
from dplang.interpret.evaluate import Interpreter
from dplang.lower.shape import leaves
from dplang.pipeline import compile
from dplang.session import Entry, Session
from dplang.stack import deep


@dataclass
class Outcome:
    """What running a text came to."""

    printed: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "error"]


def run(text: str, name: str = "test.dp") -> Outcome:
    """Runs a program as `dp run` does; faults are part of the outcome."""
    outcome = Outcome()
    out = io.StringIO()

    def go() -> None:
        session = Session(outcome.diagnostics.extend, out=out)
        session.run(session.text(Source(name, text)))

    try:
        deep(go)
    except Fault as fault:
        outcome.diagnostics.extend(fault.diagnostics)
    outcome.printed = out.getvalue().splitlines()
    return outcome


def entered(text: str) -> tuple[Session, Entry]:
    session = Session(lambda warnings: None, out=io.StringIO())
    return session, session.text(Source("test.dp", text))


def run_text(text: str, **options: Any) -> dict[str, Any]:
    """The top-level scalars and arrays of scalars of a program by name, run with options of the interpreter."""

    def go() -> dict[str, Any]:
        session, entry = entered(text)
        program = compile(session.lowering.program, entry.unit.entry)
        results = iter(Interpreter(program, out=io.StringIO(), **options).call(entry.unit.entry, ()))
        found = {}
        for value in entry.unit.outputs:
            parts = [next(results) for _ in leaves(value.shape)]
            if len(parts) == 1:
                found[value.symbol.name] = parts[0].tolist() if hasattr(parts[0], "tolist") else parts[0]
        return found

    return deep(go)


def touched(text: str) -> int:
    """How many scalars a program touches when it runs."""

    def go() -> int:
        session, entry = entered(text)
        interpreter = Interpreter(compile(session.lowering.program, entry.unit.entry), count=True, out=io.StringIO())
        interpreter.call(entry.unit.entry, ())
        return interpreter.touched

    return deep(go)
