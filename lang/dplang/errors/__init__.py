"""Faults as data: sources and spans, the catalogue of diagnostics, and their rendering."""

from .diagnostic import CATALOGUE, Diagnostic, Edit, Fault, NotBuilt, Note, diagnostic
from .source import NOWHERE, Source, Span

__all__ = [
    "CATALOGUE",
    "NOWHERE",
    "Diagnostic",
    "Edit",
    "Fault",
    "NotBuilt",
    "Note",
    "Source",
    "Span",
    "diagnostic",
]
