"""The primitive table: importing this package fills it."""

from . import array, io, linalg, random, scalar, text
from .table import TABLE, Row

__all__ = ["TABLE", "Row", "array", "io", "linalg", "random", "scalar", "text"]
