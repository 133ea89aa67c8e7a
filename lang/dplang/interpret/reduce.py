"""Reductions of the terms of a loop.

What a reduction is worth is defined on the array of its terms, so that it does not matter how they came about: `+` adds
pairwise as NumPy does, `min` and `max` keep what a scan with `<` from the first term on would keep, logsumexp takes out
the largest term. Each function takes an array whose last dimension holds the terms, contiguous, at least one of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.ir import FLOAT, INT, Reduce, Type
from ..errors import Fault, Span
from ..errors.runtime import EmptyReduction
from .values import Array, dtype_of, scalar_of

UNITS = {"+": 0, "*": 1, "any": False, "all": True, "logsumexp": -np.inf}


def _position(terms: Array, find: Callable[..., Any]) -> Array:
    found = np.asarray(find(terms, axis=-1))
    if terms.dtype.kind == "f":
        best = np.take_along_axis(terms, found[..., None], -1)[..., 0]
        if np.isnan(best).any():
            return _scanned(terms, find)
    return found


def _scanned(terms: Array, find: Callable[..., Any]) -> Array:
    """The position where some terms are not a number: a first one stays, since nothing compares, others are passed."""
    worst = np.inf if find is np.argmin else -np.inf
    nan = np.isnan(terms)
    found = np.asarray(find(np.where(nan, worst, terms), axis=-1))
    # among terms that are all the worst, the first that is a number
    chosen_nan = np.take_along_axis(nan, found[..., None], -1)[..., 0]
    found = np.where(chosen_nan, np.argmin(nan, axis=-1), found)
    return np.where(nan[..., 0], 0, found)


def _extreme(find: Callable[..., Any]) -> Callable[[Array], Array]:
    def reduce(terms: Array) -> Array:
        return np.take_along_axis(terms, np.asarray(_position(terms, find))[..., None], -1)[..., 0]

    return reduce


def _logsumexp(terms: Array) -> Array:
    top = np.max(terms, axis=-1)
    finite = np.where(np.isfinite(top), top, terms.dtype.type(0))
    return np.log(np.add.reduce(np.exp(terms - finite[..., None]), axis=-1)) + finite


REDUCTIONS: dict[str, Callable[[Array], Array]] = {
    "+": lambda terms: np.add.reduce(terms, axis=-1),
    "*": lambda terms: np.multiply.reduce(terms, axis=-1),
    "any": lambda terms: np.logical_or.reduce(terms, axis=-1),
    "all": lambda terms: np.logical_and.reduce(terms, axis=-1),
    "min": _extreme(np.argmin),
    "max": _extreme(np.argmax),
    "argmin": lambda terms: _position(terms, np.argmin),
    "argmax": lambda terms: _position(terms, np.argmax),
    "logsumexp": _logsumexp,
}


def collector(t: Type) -> Callable[[], Any]:
    """What makes an empty row of terms of type `t`, compact where Python has such a thing."""
    if t == FLOAT:
        return lambda: array("d")
    return (lambda: array("q")) if t == INT else list


def finish(op: Reduce, t: Type, result: Type, span: Span) -> Callable[[Any], Any]:
    """What takes a row of terms of type `t` to the reduction's value."""
    reduce, convert, dtype = REDUCTIONS[op.op], scalar_of(result), dtype_of(t)
    unit = UNITS.get(op.op)

    def value(terms: Any) -> Any:
        if not terms:
            if unit is None:
                raise Fault(EmptyReduction(span, op.op))
            return convert(unit)
        return convert(reduce(np.asarray(terms, dtype)))

    return value
