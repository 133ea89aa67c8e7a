"""The tree-walking interpreter over the core."""
