"""The whole catalogue of diagnostics at once, for `dp explain` and for tests."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from pkgutil import iter_modules

from .diagnostic import CATALOGUE, Diagnostic

FAMILIES = {
    "00": "dp itself",
    "01": "syntax",
    "02": "names, types and sizes",
    "03": "differentiation",
    "04": "parallelism and effects",
    "05": "training and holes",
    "06": "run time and tests",
    "07": "files, data and Python",
}
"""What the digits after the letter say: E for an error, W for a warning."""


def catalogue() -> dict[str, type[Diagnostic]]:
    """All diagnostics by code. Phases register theirs when they are imported; this imports every catalogue file."""
    package = __package__ or ""
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return CATALOGUE


def story(code: str) -> str:
    """What `dp explain` tells of a code."""
    return cleandoc(catalogue()[code].__doc__ or "")


def families() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The families with their codes in order, errors first, each code with the first paragraph of its story."""
    known = sorted(catalogue(), key=lambda code: (code[1:3], code))
    for digits, name in FAMILIES.items():
        codes = [code for code in known if code[1:3] == digits]
        yield name, [(code, " ".join(story(code).split("\n\n")[0].split())) for code in codes]
