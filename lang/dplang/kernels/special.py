# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""Special functions in kernels: SciPy's own, by symbols that importing this module makes known to LLVM.

It imports `scipy.special`, so texts import it only where they call one of these.
"""

from __future__ import annotations

import math

import llvmlite.binding as llvm
import numpy as np
from numba import types
from numba.extending import get_cython_function_address

from .support import inline


def _function(name, cython_name):
    """One of SciPy's functions of a number. Its C form takes an int besides that means nothing here."""
    symbol = f"dplang.special.{name}"
    llvm.add_symbol(symbol, get_cython_function_address("scipy.special.cython_special", cython_name))
    return types.ExternalFunction(symbol, types.float64(types.float64, types.int32))


_digamma = _function("digamma", "__pyx_fuse_1psi")
_erfinv = _function("erfinv", "__pyx_fuse_0erfinv")
_gamma = _function("gamma", "__pyx_fuse_1gamma")


@inline
def digamma(x):
    return _digamma(x, np.int32(0))


@inline
def erfinv(x):
    return _erfinv(x, np.int32(0))


# Bernoulli numbers: (2 k)! / B(2 k), for the end of the sum below
_BERNOULLI = (
    12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1.8924375803183791606e9, 7.47242496e10,
    -2.950130727918164224e12, 1.1646782814350067249e14, -4.5979787224074726105e15, 1.8152105401943546773e17,
    -7.1661652561756670113e18,
)  # fmt: skip


@inline
def zeta(s, q):
    """The sum of (q + k)^-s over all k from 0, for whole s from 2: its first terms, and Euler and Maclaurin's rest."""
    if q != q:
        return q
    if q <= 0.0 and q == math.floor(q):
        return math.inf
    if q > 1e8:
        return (1.0 / (s - 1.0) + 1.0 / (2.0 * q)) * math.pow(q, 1.0 - s)
    total = math.pow(q, -s)
    a, b, k = q, 0.0, 0
    while k < 9 or a <= 9.0:
        k += 1
        a += 1.0
        b = math.pow(a, -s)
        total += b
        if abs(b) < 1.1102230246251565e-16 * abs(total):
            return total
    total += b * a / (s - 1.0) - 0.5 * b
    factor, k = 1.0, 0
    for i in range(12):
        factor *= s + k
        b /= a
        t = factor * b / _BERNOULLI[i]
        total += t
        if abs(t) < 1.1102230246251565e-16 * abs(total):
            return total
        k += 1
        factor *= s + k
        b /= a
        k += 1
    return total


@inline
def polygamma(n, x):
    if n == 0:
        return digamma(x)
    if n < 0:
        return math.nan
    size = _gamma(n + 1.0, np.int32(0)) * zeta(n + 1.0, x)
    return size if n & 1 else -size
