"""Lanes: several turns of a parallel loop at once, with functions of their own for `exp` and the like."""
