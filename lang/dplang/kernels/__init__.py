"""Kernels: core functions as readable Python text that Numba compiles. The interpreter is their oracle."""
