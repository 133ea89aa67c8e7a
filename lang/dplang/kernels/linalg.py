# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""Linear algebra in kernels: loops where matrices are small, BLAS and LAPACK of SciPy beyond, by symbols that importing
this module makes known to LLVM.

It imports `scipy.linalg`, so texts import it only where they call one of these. Results are packed, and matrices are
refused, as in `primitives/lapack.py`; functions named for a fault say where it is, or -1.
"""

from __future__ import annotations

import math

import llvmlite.binding as llvm
import numpy as np
from numba import types
from numba.extending import get_cython_function_address

from ..primitives.lapack import EPSILON, NOISE, ROUNDING, SLIGHT, VISIBLE
from .support import inline, transpose

SMALL = 24
"""Rows up to which loops are faster than calls."""

LOWER, UPPER, NORMAL, TURNED, UNIT, OTHER, RIGHT, YES, SOME = (np.uint8(ord(c)) for c in "LUNTUNRVS")


def _function(module, name, count):
    """A function of BLAS or LAPACK: it takes addresses only."""
    symbol = f"dplang.linalg.{name}"
    llvm.add_symbol(symbol, get_cython_function_address(f"scipy.linalg.cython_{module}", name))
    return types.ExternalFunction(symbol, types.void(*[types.intp] * count))


_dtrsm = _function("blas", "dtrsm", 11)
_dgetrf = _function("lapack", "dgetrf", 6)
_dpotrf = _function("lapack", "dpotrf", 5)
_dgeqrf = _function("lapack", "dgeqrf", 8)
_dorgqr = _function("lapack", "dorgqr", 9)
_dsyevd = _function("lapack", "dsyevd", 11)
_dgesdd = _function("lapack", "dgesdd", 14)


@inline
def _numbers(a, b, c, d):
    """Sizes as BLAS and LAPACK read them: four numbers of 32 bits, one behind the other."""
    made = np.empty(4, np.int32)
    made[0], made[1], made[2], made[3] = a, b, c, d
    return made


@inline
def _letters(a, b, c, d):
    """Choices as BLAS and LAPACK read them."""
    made = np.empty(4, np.uint8)
    made[0], made[1], made[2], made[3] = a, b, c, d
    return made


@inline
def _kept(x):
    """Keeps an array until here, whose address has been handed on."""
    return x.size


@inline
def _finite(a):
    for x in a.flat:  # noqa: SIM110 (Numba knows no `all`)
        if not math.isfinite(x):
            return False
    return True


# ---- elimination


@inline
def lu(a):
    n = a.shape[0]
    f = np.empty((n, n + 2))
    for i in range(n):
        for j in range(n):
            f[i, j] = a[i, j]
    if n <= SMALL:
        _eliminate(f, n)
    else:
        _eliminate_large(f, n)
    for k in range(n):
        pivot = abs(f[k, k])
        terms = pivot
        for j in range(k):
            terms += abs(f[k, j] * f[j, k])
        f[k, n + 1] = 0.0 if terms == 0.0 else pivot / terms
    return f


@inline
def _eliminate(f, n):
    for k in range(n):
        best = k
        for j in range(k + 1, n):
            if abs(f[k, j]) > abs(f[k, best]):
                best = j
        f[k, n] = best
        if best != k:
            for i in range(n):
                f[i, k], f[i, best] = f[i, best], f[i, k]
        pivot = f[k, k]
        if pivot != 0.0:
            for j in range(k + 1, n):
                f[k, j] /= pivot
        for i in range(k + 1, n):
            factor = f[i, k]
            for j in range(k + 1, n):
                f[i, j] -= factor * f[k, j]


@inline
def _eliminate_large(f, n):
    pivots, ints = np.empty(n, np.int32), _numbers(n, n + 2, 0, 0)
    size = ints.ctypes.data
    _dgetrf(size, size, f.ctypes.data, size + 4, pivots.ctypes.data, size + 8)
    for k in range(n):
        f[k, n] = pivots[k] - 1
    _kept(f), _kept(pivots), _kept(ints)


@inline
def lost(f):
    """The first pivot that cannot be told from 0."""
    n = f.shape[0]
    for k in range(n):
        if f[k, n + 1] <= n * EPSILON:
            return k
    return -1


@inline
def lu_solve(f, b, turned):
    n = f.shape[0]
    x = b.copy()
    if turned:
        for k in range(n):
            _exchange(x, k, int(f[k, n]))
    for step in range(2):
        lower = (step == 0) != turned
        _divide(f, x, lower, not lower, turned)
    if not turned:
        for k in range(n - 1, -1, -1):
            _exchange(x, k, int(f[k, n]))
    return x


@inline
def _exchange(x, i, j):
    if i != j:
        for c in range(x.shape[1]):
            x[i, c], x[j, c] = x[j, c], x[i, c]


@inline
def _divide(a, x, lower, unit, turned):
    """Solves by a triangle of `a`, or by its transpose, in place."""
    n, m = x.shape
    if n > SMALL:
        _divide_large(a, x, lower, unit, turned)
        return
    forth = lower != turned
    for t in range(n):
        i = t if forth else n - 1 - t
        for s in range(t):
            j = s if forth else n - 1 - s
            factor = a[j, i] if turned else a[i, j]
            for c in range(m):
                x[i, c] -= factor * x[j, c]
        if not unit:
            for c in range(m):
                x[i, c] /= a[i, i]


@inline
def _divide_large(a, x, lower, unit, turned):
    # the rows of x are columns to BLAS, so that it divides from the right by what it takes for the transpose
    ints = _numbers(x.shape[1], x.shape[0], a.shape[1], 0)
    words = _letters(RIGHT, UPPER if lower else LOWER, TURNED if turned else NORMAL, UNIT if unit else OTHER)
    one = np.ones(1)
    size, word = ints.ctypes.data, words.ctypes.data
    if x.size:
        at, to = a.ctypes.data, x.ctypes.data
        _dtrsm(word, word + 1, word + 2, word + 3, size, size + 4, one.ctypes.data, at, size + 8, to, size)
    _kept(ints), _kept(words), _kept(one), _kept(a), _kept(x)


@inline
def zero(a):
    """The first 0 on the diagonal."""
    for k in range(a.shape[0]):
        if a[k, k] == 0.0:
            return k
    return -1


@inline
def triangular(a, b, lower):
    x = b.copy()
    _divide(a, x, lower, False, False)
    return x


# ---- symmetric matrices


@inline
def asymmetric(a):
    """The first element, by its place in one row, that differs from the one across the diagonal."""
    n = a.shape[0]
    largest = 0.0
    for x in a.flat:
        largest = max(largest, abs(x))
    for i in range(n):
        for j in range(i + 1, n):
            x, y = a[i, j], a[j, i]
            if abs(x - y) > ROUNDING * (abs(x) + abs(y)) + SLIGHT * largest:
                return i * n + j
    return -1


@inline
def _symmetric(a):
    n = a.shape[0]
    s = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            s[i, j] = (a[i, j] + a[j, i]) / 2.0
    return s


@inline
def cholesky(a):
    n = a.shape[0]
    s = _symmetric(a)
    if not _finite(s):
        return np.full((n, n), np.nan)
    if n <= SMALL:
        _factor(s, n)
    else:
        ints, words = _numbers(n, 0, 0, 0), _letters(UPPER, 0, 0, 0)
        size = ints.ctypes.data
        _dpotrf(words.ctypes.data, size, s.ctypes.data, size, size + 4)
        if ints[1] > 0:
            s[ints[1] - 1, ints[1] - 1] = -1.0
        _kept(s), _kept(ints), _kept(words)
    for i in range(n):
        for j in range(i + 1, n):
            s[i, j] = 0.0
    return s


@inline
def _factor(s, n):
    for k in range(n):
        pivot = s[k, k]
        for j in range(k):
            pivot -= s[k, j] * s[k, j]
        if not pivot > 0.0:
            s[k, k] = -1.0
            return
        root = math.sqrt(pivot)
        s[k, k] = root
        for i in range(k + 1, n):
            total = s[i, k]
            for j in range(k):
                total -= s[i, j] * s[k, j]
            s[i, k] = total / root


@inline
def indefinite(l):
    """The first diagonal element where a factor could not go on."""
    for k in range(l.shape[0]):
        if l[k, k] < 0.0:
            return k
    return -1


@inline
def eigh(a):
    n = a.shape[0]
    s = _symmetric(a)
    made = np.full((n + 1, n), np.nan)
    if n == 0 or not _finite(s):
        return made
    room, rooms = 1 + 6 * n + 2 * n * n, 3 + 5 * n
    ints, words = _numbers(n, room, rooms, 0), _letters(YES, LOWER, 0, 0)
    values, work, more = np.empty(n), np.empty(room), np.empty(rooms, np.int32)
    size, word = ints.ctypes.data, words.ctypes.data
    to, left = s.ctypes.data, work.ctypes.data
    _dsyevd(word, word + 1, size, to, size, values.ctypes.data, left, size + 4, more.ctypes.data, size + 8, size + 12)
    if ints[3] == 0:
        for k in range(n):
            made[0, k] = values[k]
            sign = _sign(s[k])
            for i in range(n):
                made[1 + i, k] = sign * s[k, i]
    _kept(s), _kept(ints), _kept(words), _kept(values), _kept(work), _kept(more)
    return made


@inline
def _sign(v):
    """The sign by which the first element that is not small becomes positive."""
    largest = 0.0
    for x in v:
        largest = max(largest, abs(x))
    for x in v:
        if abs(x) >= VISIBLE * largest:
            return -1.0 if x < 0.0 else 1.0
    return 1.0


# ---- rectangular matrices, no wider than high


@inline
def qr(a):
    n, m = a.shape
    made = np.zeros((n + m, m))
    if m == 0:
        return made
    if not _finite(a):
        return np.full((n + m, m), np.nan)
    t = transpose(a)
    ints = _numbers(n, m, 64 * m, 0)
    tau, work = np.empty(m), np.empty(64 * m)
    size, to = ints.ctypes.data, t.ctypes.data
    _dgeqrf(size, size + 4, to, size, tau.ctypes.data, work.ctypes.data, size + 8, size + 12)
    signs = np.ones(m)
    for i in range(m):
        if t[i, i] < 0.0:
            signs[i] = -1.0
        for j in range(i, m):
            made[n + i, j] = signs[i] * t[j, i]
    _dorgqr(size, size + 4, size + 4, to, size, tau.ctypes.data, work.ctypes.data, size + 8, size + 12)
    for i in range(n):
        for j in range(m):
            made[i, j] = signs[j] * t[j, i]
    _kept(t), _kept(ints), _kept(tau), _kept(work)
    return made


@inline
def dependent(r):
    """The first column of an upper factor that is made of those before it."""
    n = r.shape[0]
    for k in range(n):
        total = 0.0
        for i in range(k + 1):
            total += r[i, k] * r[i, k]
        if abs(r[k, k]) <= NOISE * n * EPSILON * math.sqrt(total):
            return k
    return -1


@inline
def svd(a):
    n, m = a.shape
    made = np.full((n + m + 1, m), np.nan)
    if m == 0 or not _finite(a):
        return made
    s, values = a.copy(), made[n + m]
    u, v = np.empty((n, m)), np.empty((m, m))
    room = 4 * m * m + 7 * m + 64 * (n + m)
    ints, words = _numbers(m, n, room, 0), _letters(SOME, 0, 0, 0)
    work, more = np.empty(room), np.empty(8 * m, np.int32)
    size, left = ints.ctypes.data, work.ctypes.data
    # LAPACK sees the transpose, and so exchanges u and v
    _dgesdd(
        words.ctypes.data, size, size + 4, s.ctypes.data, size, values.ctypes.data, v.ctypes.data, size,
        u.ctypes.data, size, left, size + 8, more.ctypes.data, size + 12,
    )  # fmt: skip
    if ints[3] == 0:
        for k in range(m):
            sign = _sign(u[:, k])
            for i in range(n):
                made[i, k] = sign * u[i, k]
            for i in range(m):
                made[n + k, i] = sign * v[k, i]
    _kept(s), _kept(u), _kept(v), _kept(ints), _kept(words), _kept(work), _kept(more)
    return made


# ---- derivatives


@inline
def together(w, p):
    """The first pair of equal values, by its place in one row, between which something stands in `p`."""
    n = w.shape[0]
    largest, most = 0.0, 0.0
    for x in w:
        largest = max(largest, abs(x))
    for x in p.flat:
        most = max(most, abs(x))
    scale = n * EPSILON
    for i in range(n):
        for j in range(i, n):
            equal = abs(w[i] if i == j else w[i] - w[j]) <= scale * largest
            if equal and max(abs(p[i, j]), abs(p[j, i])) > NOISE * scale * most:
                return i * n + j
    return -1
