"""The table of primitives: one row each."""
