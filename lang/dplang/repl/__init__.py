"""The interactive dp."""

from .loop import Repl, main

__all__ = ["Repl", "main"]
