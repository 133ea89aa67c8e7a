"""From a name to what is documented under it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from ..errors.source import Source
from ..loading import library, library_modules
from . import rows
from .entries import Entry, Page, manual, page, page_of

PRELUDE = "prelude"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing under its full name (`linalg.solve`), with what the primitive table says of it."""

    name: str
    entry: Entry

    @property
    def signatures(self) -> list[str]:
        return [self.entry.signature] if self.entry.signature else rows.signatures(self.name)


@dataclass(frozen=True, slots=True)
class Contents:
    """A module or file: its name, what its first comment says, and its public things."""

    name: str
    page: Page
    members: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing has that name; these come close."""

    name: str
    near: tuple[str, ...]

    def __str__(self) -> str:
        hint = " or ".join(f"`{n}`" for n in self.near)
        return f"nothing is documented as `{self.name}`; " + (f"did you mean {hint}?" if hint else "`dp doc` lists all")


@dataclass
class Library:
    """The documentation of the library, each file read when it is asked for."""

    _pages: dict[str, Page] = field(default_factory=dict)

    @cached_property
    def modules(self) -> tuple[str, ...]:
        return tuple(library_modules())

    @cached_property
    def manual(self) -> Page:
        return manual()

    def page(self, module: str) -> Page:
        if module not in self._pages:
            self._pages[module] = page(str(library() / f"{module}.dp"))
        return self._pages[module]

    def contents(self, module: str) -> Contents:
        """A module with the built-in names that it owns."""
        own = [Found(e.name, e) for e in self.manual.entries if e.name.startswith(f"{module}.")]
        return _contents(module, self.page(module), f"{module}.", own)

    @cached_property
    def always(self) -> dict[str, Found]:
        """What is in scope without an import."""
        found = {e.name: Found(e.name, e) for e in self.manual.entries if "." not in e.name}
        found.update((e.name, Found(e.name, e)) for e in self.page(PRELUDE).walk() if e.public)
        return found

    def find(self, name: str) -> Found | Contents | Unknown:
        """What a name means in a program that has imported everything; a module before a function of its name."""
        if name in self.modules:
            return self.contents(name)
        if name in self.always:
            return self.always[name]
        module, _, rest = name.partition(".")
        if rest and module in self.modules:
            return _member(self.contents(module), rest)
        return Unknown(name, self._near(name))

    def _near(self, name: str) -> tuple[str, ...]:
        """Names that may be meant: the same in a module, or spelled much like it."""
        members = [m.name for module in self.modules for m in self.contents(module).members]
        full: dict[str, list[str]] = {}
        for known in [*self.always, *self.modules, *members]:
            for key in {known.lower(), known.rpartition(".")[2].lower()}:
                full.setdefault(key, []).append(known)
        keys = get_close_matches(name.lower(), full, 3, 0.7) or get_close_matches(
            name.rpartition(".")[2].lower(), full, 3, 0.7
        )
        return tuple(dict.fromkeys(n for key in keys for n in full[key]))[:3]


def find(name: str) -> Found | Contents | Unknown:
    """What `dp doc` was asked for: `sin`, `linalg`, `linalg.solve`, `file.dp` or `file.dp:name`."""
    path, colon, member = name.rpartition(":")
    if colon and path.endswith(".dp"):
        contents = _contents(os.path.basename(path), page(path), "", [])
        return _member(contents, member)
    if name.endswith(".dp"):
        return _contents(os.path.basename(name), page(name), "", [])
    return Library().find(name)


def defined(source: Source, name: str) -> Found | Unknown:
    """What a text defines under a name."""
    return _member(_contents(source.name, page_of(source), "", []), name)


def _contents(name: str, of: Page, prefix: str, more: list[Found]) -> Contents:
    own = [Found(prefix + entry.name, entry) for entry in of.walk() if entry.public]
    return Contents(name, of, (*more, *own))


def _member(contents: Contents, name: str) -> Found | Unknown:
    names = {m.entry.name.removeprefix(f"{contents.name}."): m for m in contents.members}
    if name in names:
        return names[name]
    near = get_close_matches(name, names, 1, 0.6)
    return Unknown(
        f"{contents.name}{':' if contents.name.endswith('.dp') else '.'}{name}", tuple(names[n].name for n in near)
    )
