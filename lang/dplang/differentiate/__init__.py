"""Core to core: forward and reverse derivatives."""
