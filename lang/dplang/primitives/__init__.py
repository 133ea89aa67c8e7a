"""The primitive table: importing this package fills it."""

from . import array, io, random, scalar
from .table import TABLE, Row

__all__ = ["TABLE", "Row", "array", "io", "random", "scalar"]
