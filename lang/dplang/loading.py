"""Program files and modules: reading them, finding those that an import names, and checking each once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from .check import typed
from .check.module import check
from .errors.diagnostic import Diagnostic, Fault, Note
from .errors.files import ImportCycle, IsDirectory, MissingFile, NoSuchModule, NotText, Unreadable
from .errors.source import NOWHERE, Source, Span
from .syntax import parse as syntax
from .syntax import tree


def read(path: str, span: Span | None = None) -> Source:
    """The text of a program file; `span` is where the program names it, if one does."""
    place = span if span is not None else Span(Source(path, ""), 0, 0)
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise Fault(MissingFile(place, path, _nearest_file(path))) from None
    except IsADirectoryError:
        raise Fault(IsDirectory(place, path)) from None
    except (OSError, ValueError) as failure:
        if os.path.isdir(path):  # systems differ in what they say of a directory
            raise Fault(IsDirectory(place, path)) from None
        reason = getattr(failure, "strerror", None) or str(failure)
        raise Fault(Unreadable(place, path, reason)) from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as failure:
        before = data[: failure.start].decode("utf-8")
        source = Source(path, data.decode("utf-8", errors="replace"))
        here = Span(source, len(before), len(before) + 1)
        raise Fault(NotText(here, data[failure.start])) from None
    return Source(path, text.removeprefix("\ufeff"), in_library(path))


def _nearest_file(path: str) -> str:
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except (OSError, ValueError):
        return ""
    near = get_close_matches(name, [n for n in names if n.endswith(".dp")], 1)
    return os.path.join(folder, near[0]) if near else ""


def library() -> Path:
    """Where the standard library is: inside the package in a wheel, at the top of a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "stdlib"
    return installed if installed.is_dir() else here.parent.parent / "stdlib"


def library_modules() -> list[str]:
    """The names of the modules of the library."""
    return sorted(p.stem for p in library().glob("*.dp") if p.stem != "prelude")


def module_name(path: str) -> str:
    """What a file is called as a module: its path, but those of the standard library have names."""
    return Path(path).stem if in_library(path) else path


def in_library(path: str) -> bool:
    """Whether a file belongs to the standard library."""
    return Path(path).resolve().parent == library()


@dataclass(frozen=True, slots=True)
class _Open:
    """A file that is being checked, and the import that asked for it."""

    key: str
    name: str
    span: Span


class Modules:
    """All modules that a session has met, each parsed and checked once. It is the checker's loader."""

    def __init__(self, warn: Callable[[Diagnostic], None]) -> None:
        self.warn = warn
        self.checked: list[typed.Module] = []
        """In the order of checking: a module comes after those that it imports."""
        self._known: dict[str, typed.Module | Fault] = {}
        self._open: list[_Open] = []

    def load(self, module: str, is_path: bool, importer: Source, span: Span) -> typed.Module:
        """The module that an import names; a Fault where it is missing, faulty or imports itself."""
        path = _beside(module, importer) if is_path else str(library() / f"{module}.dp")
        key = os.path.realpath(path)
        self._refuse_cycle(key, path, span)
        known = self._known.get(key)
        if isinstance(known, Fault):
            raise known
        if known is not None:
            return known
        if not is_path and not os.path.isfile(path):
            raise Fault(_no_module(module, importer, span))
        with self.opened(path, span):
            try:
                made = self._check(path, path if is_path else module, span, library=not is_path)
            except Fault as fault:
                self._known[key] = fault
                raise
        self._known[key] = made
        return made

    def library(self) -> list[str]:
        """The names of the modules of the library."""
        return library_modules()

    @contextmanager
    def opened(self, path: str, span: Span = NOWHERE) -> Iterator[None]:
        """Marks a file as being checked: importing it meanwhile is a circle."""
        self._open.append(_Open(os.path.realpath(path), path, span))
        try:
            yield
        finally:
            self._open.pop()

    def _check(self, path: str, name: str, span: Span, library: bool) -> typed.Module:
        parsed = _library_tree(path, os.stat(path).st_mtime_ns) if library else syntax.parse(read(path, span))
        result = check(parsed, name, self, None, lazy=library)
        errors = [d for d in result.diagnostics if d.severity == "error"]
        if errors:
            raise Fault(*errors)
        if not library:
            for warning in result.diagnostics:
                self.warn(warning)
        self.checked.append(result.module)
        return result.module

    def _refuse_cycle(self, key: str, path: str, span: Span) -> None:
        start = next((i for i, f in enumerate(self._open) if f.key == key), None)
        if start is None:
            return
        circle = [*self._open[start:], _Open(key, path, span)]
        names = tuple(os.path.basename(f.name) for f in circle)
        links = zip(names, names[1:], circle[1:], strict=False)
        notes = tuple(Note(f"`{a}` imports `{b}` here", f.span) for a, b, f in links)
        raise Fault(ImportCycle(span, names, notes))


@cache
def _library_tree(path: str, changed: int) -> tree.Module:
    """A module of the library, parsed; every session of a process reads the same one."""
    return syntax.parse(read(path))


def _beside(path: str, importer: Source) -> str:
    """A path as written in a file, from where `dp` was started."""
    return os.path.normpath(os.path.join(os.path.dirname(importer.name), path))


def _no_module(module: str, importer: Source, span: Span) -> NoSuchModule:
    names = library_modules()
    near = get_close_matches(module, names, 1)
    beside = os.path.isfile(_beside(f"{module}.dp", importer))
    return NoSuchModule(span, module, near[0] if near else "", beside)
