"""What every diagnostic is, and the registry that `dp explain` reads.

A diagnostic is one class in one catalogue file. Its fields are facts (names, types, spans); its
sentences are made late, by the methods below, when somebody renders it. Its docstring is the whole
story that `dp explain CODE` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeVar, dataclass_transform

from .source import Span


@dataclass(frozen=True, slots=True)
class Note:
    """A further place (or, without a span, a further fact) that explains a diagnostic."""

    text: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement that mends the fault as it stands."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """The base of all catalogue entries: a code, a place, a sentence, reasons and a remedy."""

    code: ClassVar[str] = ""
    span: Span

    def __new__(cls, *args: object, **named: object) -> Self:
        for base in reversed(cls.__mro__):
            if base in _UNFINISHED:
                _UNFINISHED.discard(base)
                dataclass(frozen=True)(base)
        return super().__new__(cls)

    @property
    def severity(self) -> str:
        """`error`, or `warning` where the code begins with W."""
        return "warning" if self.code.startswith("W") else "error"

    def sentence(self) -> str:
        """The fault in one sentence without a full stop."""
        raise NotImplementedError(type(self).__name__)

    def label(self) -> str:
        """A few words beside the underlined span."""
        return ""

    def notes(self) -> Iterable[Note]:
        """Reasons, each with the span that causes it where there is one."""
        return ()

    def origin(self) -> tuple[Note, ...]:
        """Where in the library it happened, if it did: the diagnostic itself points at the user's call."""
        inner = self.span.inside
        if inner is None:
            return ()
        return (Note(f"met in the library, at {inner.place}"),)

    def seen_from(self, call: Span) -> Diagnostic:
        """This diagnostic of something that `call` does."""
        return replace(self, span=call.calling(self.span))

    def help(self) -> str:
        """What to write instead; empty where nothing general can be said."""
        return ""

    def fix(self) -> tuple[Edit, ...]:
        """Edits that mend the fault when applied as they stand."""
        return ()


CATALOGUE: dict[str, type[Diagnostic]] = {}
"""All diagnostics by code, filled by importing the catalogue files."""

D = TypeVar("D", bound=Diagnostic)


_UNFINISHED: set[type[Diagnostic]] = set()


@dataclass_transform(frozen_default=True)
def diagnostic(code: str) -> Callable[[type[D]], type[D]]:
    """Registers a catalogue class under its code and makes it a frozen dataclass.

    That takes place when the class is first used: most runs report little, and making all of them takes longer than
    checking a small file.
    """

    def register(cls: type[D]) -> type[D]:
        if code in CATALOGUE:
            raise ValueError(f"two diagnostics have the code {code}")
        cls.code = code
        CATALOGUE[code] = cls
        _UNFINISHED.add(cls)
        return cls

    return register


class Fault(Exception):
    """Carries diagnostics out of a phase that cannot go on (run time, parsing, files)."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(f"{d.code} {d.sentence()}" for d in diagnostics))
        self.diagnostics: tuple[Diagnostic, ...] = diagnostics

    def seen_from(self, call: Span) -> Fault:
        """This fault of something that `call` does."""
        return Fault(*(d.seen_from(call) for d in self.diagnostics))


@diagnostic("E0100")
class NotBuilt(Diagnostic):
    """The program uses a part of the language that parses but that this version cannot run.

    It is refused when the program is checked, so that it never half works.

    Wrong:

    ```dp
    let fit = train p = 1.0 { residuals [p - 1, p - 2]  steps 5 }
    ```

    Right:

    ```dp
    let fit = train p = 1.0 { minimize (p - 1)^2 + (p - 2)^2  steps 5 }
    ```
    """

    what: str

    def sentence(self) -> str:
        return f"{self.what} is not built yet"

    def help(self) -> str:
        return "this version of dp refuses it rather than run it wrongly"
