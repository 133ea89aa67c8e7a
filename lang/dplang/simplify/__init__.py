"""Core to core: the same program, smaller."""
