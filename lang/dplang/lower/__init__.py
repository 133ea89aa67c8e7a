"""Typed tree to core."""
