"""What can be tried in a file: its tests, the examples in its documentation, and its derivative rules."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..check.module import new_scope
from ..check.names import FnName, Scope
from ..errors.diagnostic import Diagnostic, Fault
from ..errors.source import Source, Span
from ..errors.testing import NotRefused, OtherOutput
from ..loading import in_library, module_name
from ..session import Entry, Session
from ..syntax import parse as syntax
from . import entries
from .examples import Example
from .find import PRELUDE


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to try. `run` raises a Fault where it fails; it gives what there is to say of it otherwise."""

    title: str
    run: Callable[[], str]


@dataclass
class Bench:
    """A session in which things are tried, and what was printed meanwhile."""

    out: io.StringIO = field(default_factory=io.StringIO)
    warnings: list[Diagnostic] = field(default_factory=list)
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = Session(self.warnings.extend, self.out)

    def clear(self) -> None:
        """Forgets what was printed and warned of so far."""
        self.out.seek(0)
        self.out.truncate()
        self.warnings.clear()

    def example(self, example: Example, name: str, scope: Scope) -> str:
        """Runs an example as if it went on after what made the scope, and compares what becomes of it."""
        self.clear()
        source = example.source(name)
        found: Sequence[Diagnostic] = ()
        try:
            self.session.run(self.session.entry(syntax.parse(source), "example", scope))
        except Fault as fault:
            found = fault.diagnostics
        wrong = _other_faults(example, source, [*found, *self.warnings])
        if not wrong and not found:
            wrong = _other_output(example, source, self.out.getvalue().splitlines())
        if wrong:
            raise Fault(*wrong)
        return ""


def _other_faults(example: Example, source: Source, found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What was found and is not announced, and what is announced and was not found.

    Warnings need no announcement. A fault inside a function is taken as that of the line that calls it.
    """
    promised = list(example.refused)
    wrong = []
    for d in found:
        inside = d.span.source is not source
        said = next((p for p in promised if (inside or d.span.line == p[1]) and d.code.startswith(p[0])), None)
        if said is not None:
            promised.remove(said)
        elif d.severity == "error":
            wrong.append(d)
    return wrong or [NotRefused(_line(source, number), code) for code, number in promised]


def _other_output(example: Example, source: Source, printed: Sequence[str]) -> list[Diagnostic]:
    """The first line that was printed otherwise than the example says."""
    promised = example.printed
    for line, (said, number) in zip(printed, promised, strict=False):
        if line.rstrip() != said.rstrip():
            return [OtherOutput(_line(source, number), line, said)]
    if len(printed) > len(promised):
        return [OtherOutput(_line(source, example.lines[-1].number), printed[len(promised)], None)]
    if len(printed) < len(promised):
        said, number = promised[len(printed)]
        return [OtherOutput(_line(source, number), None, said)]
    return []


def _line(source: Source, number: int) -> Span:
    start, text = source.starts[number - 1], source.line(number)
    return Span(source, start + len(text) - len(text.lstrip()), start + len(text))


class File:
    """A dp file whose trials are looked for; `run` comes before the first of them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.page = entries.page(path)
        self.library = in_library(path)

    def trials(self) -> Iterator[Trial]:
        """All trials of the file. Finding them checks it: a Fault where it is faulty."""
        for i, (title, _) in enumerate(self.entry.unit.tests):
            yield Trial(title, lambda i=i: self.test(i))  # type: ignore[misc]
        for entry in self.page.walk():
            for i, example in enumerate(entry.examples):
                yield Trial(example_title(entry.name, i), lambda e=example: self.example(e))  # type: ignore[misc]
        for fn, rules in self.derived():
            yield Trial(f"derivative of {fn.label}", lambda f=fn, r=rules: self.rule(f, r))  # type: ignore[misc]

    def derived(self) -> Iterator[tuple[FnName, list[FnName]]]:
        """The functions whose derivatives come from rules, with the functions that have these rules.

        A private function may rely on arguments that fit together, as a matrix and its factors, so its rule is tried
        through the public functions that use it; by itself if there are none.
        """
        names = self.entry.checked.scope.names.values()
        own = [fn for fn in names if isinstance(fn, FnName) and fn.unit.name == self.entry.checked.module.name]
        public = [(fn, _rules(fn)) for fn in own if not fn.label.startswith("_")]
        reached = set[FnName]().union(*(_reached(fn) for fn, _ in public))
        yield from ((fn, rules) for fn, rules in public if rules)
        yield from (
            (fn, [fn]) for fn in own if fn.label.startswith("_") and fn.fn.rule is not None and fn not in reached
        )

    @cached_property
    def bench(self) -> Bench:
        return Bench()

    @cached_property
    def entry(self) -> Entry:
        return self.bench.session.file(self.path)

    def run(self) -> None:
        """Runs the statements of the file: tests and examples may use what they define."""
        self.bench.session.keep(self.bench.session.run(self.entry))

    def test(self, i: int) -> str:
        _, function = self.entry.unit.tests[i]
        self.bench.clear()
        self.bench.session.test(function)
        return ""

    def example(self, example: Example) -> str:
        if self.library:
            bench, scope = self.user
            return bench.example(example, self.path, scope)
        return self.bench.example(example, self.path, self.entry.checked.scope)

    @cached_property
    def user(self) -> tuple[Bench, Scope]:
        """A program that has imported this module of the library, which is how examples there are meant."""
        return importing(module_name(self.path))

    def rule(self, fn: FnName, rules: list[FnName]) -> str:
        from .numeric import compare

        return compare(self.bench.session, self.entry.checked.scope, fn, rules)


def _rules(fn: FnName) -> list[FnName]:
    """The functions with rules from which a function's derivative comes: itself, or private ones that it uses."""
    if fn.fn.rule is not None:
        return [fn]
    return [f for f in _reached(fn, lambda f: f.label.startswith("_") and f.fn.rule is None) if f.fn.rule is not None]


def _reached(fn: FnName, through: Callable[[FnName], bool] = lambda fn: True) -> list[FnName]:
    """The functions that a function uses, and those that these use where they let it go on."""
    found = [fn]
    for here in found:
        if here is fn or through(here):
            found += [used for used in here.uses if used not in found]
    return found[1:]


def importing(module: str) -> tuple[Bench, Scope]:
    """A session whose program has imported a module; the prelude needs no import."""
    bench = Bench()
    if module in ("", PRELUDE):
        return bench, new_scope()
    entry = bench.session.entry(syntax.parse(Source("example", f"import {module}\n")), "example", new_scope())
    return bench, entry.checked.scope


def manual_trials() -> Iterator[Trial]:
    """The examples in the documentation of what is built in."""
    page = entries.manual()
    for entry in page.entries:
        for i, example in enumerate(entry.examples):
            yield Trial(example_title(entry.name, i), lambda e=entry, x=example: _in_manual(e, x))  # type: ignore[misc]


def _in_manual(entry: entries.Entry, example: Example) -> str:
    bench, scope = importing(entry.name.rpartition(".")[0])
    return bench.example(example, entry.source.name, scope)


def example_title(name: str, i: int) -> str:
    return f"example of {name}" + (f" ({i + 1})" if i else "")
