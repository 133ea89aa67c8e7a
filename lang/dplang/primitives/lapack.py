"""What the rows of linear algebra call as `la`: LAPACK by SciPy, with the checks that LAPACK leaves to its callers.

What is not finite never faults: it makes the whole result not a number, as it would in arithmetic. The same functions
for kernels are in `kernels/linalg.py`; they pack their results in the same way and fault at the same matrices.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .runtime import Array, Trap

EPSILON = 2.220446049250313e-16
"""The distance from 1 to the next Float."""

ROUNDING, SLIGHT, NOISE = 1e-8, 1e-13, 16.0
"""By how much elements of a symmetric matrix may differ: in proportion to themselves, or to the largest element. And
how many times the unavoidable error of a sum still counts as 0 where a number has to be told from it."""

VISIBLE = 0.1
"""What part of a vector's largest element another one must be to decide the sign of the vector."""


@cache
def _lapack() -> Any:
    """`scipy.linalg.lapack`, imported when first asked for."""
    from scipy.linalg import lapack

    return lapack


def _unknown(*shape: int) -> Array:
    return np.full(shape, np.nan)


# ---- elimination


def lu(a: Array) -> Array:
    """Factors of the transpose of a: that is how LAPACK, which counts columns first, reads the rows of a.

    Column n: with which row each was exchanged. Column n + 1: which part of the terms that add up to a pivot is left of
    them; where that is no more than their rounding errors, the pivot cannot be told from 0 (Higham, 2002, theorem 9.3).
    """
    n = len(a)
    made = np.empty((n, n + 2))
    if n:
        factors, made[:, n], _ = _lapack().dgetrf(a.T)
        made[:, :n] = factors.T
        sizes = np.abs(made[:, :n])
        pivots = np.diagonal(sizes)
        terms = pivots + np.sum(np.tril(sizes * sizes.T, -1), axis=1)
        made[:, n + 1] = np.where(terms == 0.0, 0.0, pivots / terms)
    return made


def lu_solve(f: Array, b: Array, transposed: bool) -> Array:
    n = len(f)
    lost = f[:, n + 1] <= n * EPSILON
    if lost.any():
        raise Trap("E0640", int(np.argmax(lost)), n)
    if not b.size:
        return np.zeros(b.shape)
    x, _ = _lapack().dgetrs(f[:, :n].T, f[:, n].astype(np.int32), b, trans=0 if transposed else 1)
    return np.ascontiguousarray(x)


def triangular(a: Array, b: Array, lower: bool) -> Array:
    lost = np.diagonal(a) == 0.0
    if lost.any():
        raise Trap("E0640", int(np.argmax(lost)), len(a))
    if not b.size:
        return np.zeros(b.shape)
    x, _ = _lapack().dtrtrs(a.T, b, lower=not lower, trans=1)
    return np.ascontiguousarray(x)


# ---- symmetric matrices


def _symmetric(a: Array) -> Array:
    """The mean of a and its transpose, which differ by no more than rounding."""
    other = a.T
    size = np.abs(a)
    limit = ROUNDING * (size + size.T) + SLIGHT * np.max(size, initial=0.0)
    apart = np.triu(np.abs(a - other) > limit)
    if apart.any():
        i, j = (int(k) for k in np.unravel_index(np.argmax(apart), apart.shape))
        raise Trap("E0642", i, j, float(a[i, j]), float(a[j, i]))
    return (a + other) / 2.0


def cholesky(a: Array) -> Array:
    s = _symmetric(a)
    if not np.isfinite(s).all():
        return _unknown(*a.shape)
    if not s.size:
        return s
    made, failed = _lapack().dpotrf(s, lower=0, clean=1)
    if failed > 0:
        raise Trap("E0641", failed - 1, len(a))
    return np.ascontiguousarray(made.T)


def eigh(a: Array) -> Array:
    n = len(a)
    s = _symmetric(a)
    if not n:
        return np.zeros((1, 0))
    if not np.isfinite(s).all():
        return _unknown(n + 1, n)
    values, vectors, failed = _lapack().dsyevd(s)
    if failed:
        return _unknown(n + 1, n)
    return np.vstack((values, vectors * _signs(vectors)))


def _signs(vectors: Array) -> Array:
    """By which signs the first element of each column that is not small becomes positive."""
    size = np.abs(vectors)
    first = np.argmax(size >= VISIBLE * np.max(size, axis=0), axis=0)
    return np.where(np.take_along_axis(vectors, first[None, :], 0)[0] < 0.0, -1.0, 1.0)


# ---- rectangular matrices, no wider than high


def qr(a: Array) -> Array:
    n, m = a.shape
    if not np.isfinite(a).all():
        return _unknown(n + m, m)
    if not m:
        return np.zeros((n, 0))
    reflected, tau, _, _ = _lapack().dgeqrf(a, lwork=64 * m)
    r = np.triu(reflected[:m])
    q, _, _ = _lapack().dorgqr(reflected, tau, lwork=64 * m)
    signs = np.where(np.diagonal(r) < 0.0, -1.0, 1.0)
    return np.vstack((q * signs, r * signs[:, None] + 0.0))


def independent(r: Array, wide: bool) -> Array:
    n = len(r)
    lost = np.abs(np.diagonal(r)) <= NOISE * n * EPSILON * np.sqrt(np.sum(r * r, axis=0))
    if lost.any():
        raise Trap("E0644", int(np.argmax(lost)), bool(wide))
    return r


def svd(a: Array) -> Array:
    n, m = a.shape
    if not np.isfinite(a).all():
        return _unknown(n + m + 1, m)
    if not m:
        return np.zeros((n + 1, 0))
    # of the transpose, which is what LAPACK sees in the rows of a: u and v are exchanged
    v, values, u, failed = _lapack().dgesdd(a.T, full_matrices=0)
    if failed:
        return _unknown(n + m + 1, m)
    u, v = u.T, v.T
    signs = _signs(u)
    return np.vstack((u * signs, v * signs[:, None], values))


# ---- derivatives


def apart(w: Array, p: Array) -> Array:
    """`p`, in which nothing that is not rounding may stand between equal values, nor on the diagonal beside a 0."""
    n = len(w)
    if n:
        scale = n * EPSILON
        equal = np.abs(w[:, None] - w) <= scale * np.max(np.abs(w))
        equal &= ~np.eye(n, dtype=bool) | (np.abs(w) <= scale * np.max(np.abs(w)))[:, None]
        size = np.maximum(np.abs(p), np.abs(p.T))
        wrong = np.triu(equal & (size > NOISE * scale * np.max(size)))
        if wrong.any():
            i, j = (int(k) for k in np.unravel_index(np.argmax(wrong), wrong.shape))
            raise Trap("E0643", i, j, float(w[i]))
    return p
