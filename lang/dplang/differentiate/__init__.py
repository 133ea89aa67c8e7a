"""Derivatives, from core to core: every derivative operator becomes ordinary code."""

from .removal import differentiate

__all__ = ["differentiate"]
