# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""Special functions in kernels: SciPy's own, by symbols that importing this module makes known to LLVM.

It imports `scipy.special`, so texts import it only where they call one of these.
"""

from __future__ import annotations

import math
from types import FunctionType

import llvmlite.binding as llvm
import numpy as np
from numba import types
from numba.extending import get_cython_function_address

from ..primitives import special as own
from .support import inline


def _function(name, cython_name, arguments=1):
    """One of SciPy's functions of numbers. Its C form takes an int besides that means nothing here."""
    symbol = f"dplang.special.{name}"
    llvm.add_symbol(symbol, get_cython_function_address("scipy.special.cython_special", cython_name))
    return types.ExternalFunction(symbol, types.float64(*(types.float64,) * arguments, types.int32))


_digamma = _function("digamma", "__pyx_fuse_1psi")
_erfinv = _function("erfinv", "__pyx_fuse_0erfinv")
_gamma = _function("gamma", "__pyx_fuse_1gamma")
_gammainc = _function("gammainc", "gammainc", 2)
_betainc = _function("betainc", "__pyx_fuse_0betainc", 3)
_j0, _j1, _jv = _function("j0", "j0"), _function("j1", "j1"), _function("jv", "__pyx_fuse_1jv", 2)


@inline
def digamma(x):
    return _digamma(x, np.int32(0))


@inline
def gammainc(a, x):
    return _gammainc(a, x, np.int32(0))


@inline
def betainc(a, b, x):
    return _betainc(a, b, x, np.int32(0))


@inline
def bessel_j0(x):
    return _j0(x, np.int32(0))


@inline
def bessel_j1(x):
    return _j1(x, np.int32(0))


@inline
def bessel_jn(n, x):
    return _jv(np.float64(n), x, np.int32(0))


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


# ---- the scalar code of `primitives.special`, compiled as it stands: its functions find one another here

_scope = {**vars(own), "digamma": digamma, "polygamma": polygamma, "__name__": __name__}
for _f in own.COMPILED:
    _scope[_f.__name__] = inline(FunctionType(_f.__code__, _scope, _f.__name__))

beta, lbeta, sinc_slope, gaussian = (_scope[n] for n in ("beta", "lbeta", "sinc_slope", "gaussian"))
gamma_slope, gammainc_slope = _scope["gamma_slope"], _scope["gammainc_slope"]
beta_slope, betainc_slope = _scope["beta_slope"], _scope["betainc_slope"]
