"""What the diagnostics of the checker share: how a place was reached, and names that may have been meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .diagnostic import Diagnostic, Note
from .source import Span


@dataclass(frozen=True)
class CheckError(Diagnostic):
    """A diagnostic of the checker; `trail` tells how its place was reached, where the use of a definition led there."""

    trail: tuple[Note, ...] = field(default=(), kw_only=True)

    def reasons(self) -> Iterable[Note]:
        """The diagnostic's own notes."""
        return ()

    def notes(self) -> Iterable[Note]:
        for note in (*self.reasons(), *self.trail):
            inside = self.span.inside is not None and note.span is not None and note.span.source.library
            yield Note(note.text) if inside else note

    def at_use(self) -> Diagnostic:
        """This diagnostic, moved to the use that led there if the place itself is in the library."""
        uses = (n.span for n in self.trail if n.span is not None and not n.span.source.library)
        use = next(uses, None) if self.span.source.library else None
        return self if use is None else self.seen_from(use)


def near(name: str, known: list[str]) -> str:
    """The known name that a user may have meant, or an empty text."""
    from difflib import get_close_matches

    folded = {k.lower(): k for k in reversed(known)}
    if name.lower() in folded:
        return folded[name.lower()]
    close = get_close_matches(name, known, 1, 0.7)
    return close[0] if close else ""


def meant(nearest: str) -> str:
    return f"did you mean `{nearest}`?" if nearest else ""


def declared(what: str, span: Span | None) -> tuple[Note, ...]:
    """A note at a declaration, where there is one in the text."""
    return (Note(what, span),) if span is not None and span.end > span.start else ()


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def an(name: str) -> str:
    """A quoted name with its article."""
    return f"an `{name}`" if name[:1] in "AEIOUaeiou" else f"a `{name}`"


def count(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
