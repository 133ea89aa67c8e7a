"""The whole catalogue of diagnostics at once, for `dp explain` and for tests."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .diagnostic import CATALOGUE, Diagnostic


def catalogue() -> dict[str, type[Diagnostic]]:
    """All diagnostics by code. Phases register theirs when they are imported; this imports every catalogue file."""
    package = __package__ or ""
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return CATALOGUE
