# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""What generated kernels call: arithmetic as the table defines it, arrays, keys. Numba compiles it
when a kernel first calls it.

`ctl` is the one channel out of a kernel apart from its results: which site has faulted and the values of its message.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from ..primitives import runtime as rt
from .code import kept
from .tell import LOSS, STEP
from .trap import Trap

STATUS, ROOM, FIRST, FLAG = 0, 1, 2, 14
"""Slots of `ctl`: the site that has faulted; how many bytes an array may take; the values of the message; the address
of the flag that asks a kernel to stop."""

LEFT, STOPPED = -1, -2
"""What stands for a site where a call is left to the interpreter, and where a kernel was asked to stop."""

OPTIONS = {"error_model": "numpy", "nogil": True, "fastmath": False}
"""Said in full: a helper is compiled once, and takes what is left open from the kernel that calls it first."""


def inline(function: Any) -> Any:
    """A helper of kernels."""
    return kept(njit(**OPTIONS)(function))


@intrinsic
def u(context: Any, x: Any) -> Any:
    """An index that is known not to be negative: NumPy's counting from the end is then not compiled."""
    return types.uint64(types.int64), lambda cx, builder, sig, args: args[0]


@intrinsic
def bits(context: Any, x: Any) -> Any:
    """The bits of a Float as an Int, to go through `ctl`."""
    return types.int64(types.float64), lambda cx, builder, sig, args: builder.bitcast(args[0], ir.IntType(64))


@intrinsic
def slots(context: Any, given: Any) -> Any:
    """`ctl` as a pointer, from the array that it lies in."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return cx.make_array(sig.args[0])(cx, builder, args[0]).data

    return types.CPointer(types.int64)(given), lower


@intrinsic
def asked(context: Any, ctl: Any) -> Any:
    """Whether the flag is set that asks the kernel to stop. The load is atomic, or it would leave the loop."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = ir.IntType(64)
        address = builder.load(builder.gep(args[0], [ir.Constant(word, FLAG)]))
        flag = builder.load_atomic(builder.inttoptr(address, word.as_pointer()), "monotonic", 8)
        return builder.icmp_signed("!=", flag, ir.Constant(word, 0))

    return types.boolean(ctl), lower


@intrinsic
def tell(context: Any, ctl: Any, step: Any, loss: Any) -> Any:
    """Says how far a training is, to who looks at `ctl` meanwhile."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = ir.IntType(64)
        for slot, value in ((LOSS, builder.bitcast(args[2], word)), (STEP, args[1])):
            builder.store_atomic(value, builder.gep(args[0], [ir.Constant(word, slot)]), "monotonic", 8)
        return cx.get_dummy_value()

    return types.none(ctl, types.int64, types.float64), lower


@intrinsic
def plus(context: Any, x: Any, y: Any) -> Any:
    """x + y in a sum whose order is open."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.add(*args) if x == types.int64 else builder.fadd(*args, flags=("reassoc", "contract"))

    return x(x, x), lower


@intrinsic
def select(context: Any, c: Any, x: Any, y: Any) -> Any:
    """x or y, both there already: no branch."""
    t = context.unify_types(x, y)

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(*args)

    return t(types.boolean, t, t), lower


# ---- sums: pairwise in NumPy's order, term by term as a loop gives them
#
# Terms are kept until a leaf of the tree of sums is full. `sizes` holds how many branches are open, and for each
# the size of its right side, negative while that is under way; `terms` holds a leaf, the sums of left sides, and
# the total.

LEAF, SUMS, TOTAL, CELLS = 128, 128, 191, 192


@intrinsic
def cell(context: Any, zero: Any) -> Any:
    """Room on the stack for a sum of numbers of the type of `zero`."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return cgutils.alloca_once(builder, cx.get_value_type(sig.args[0]), size=CELLS)

    return types.CPointer(zero)(zero), lower


@inline
def descend(sizes, n):
    while n > 128:
        left = n // 2
        left -= left % 8
        sizes[0] += 1
        sizes[sizes[0]] = n - left
        n = left
    return n


@inline
def sum_start(terms, sizes, n, zero):
    """The size of the first leaf of a sum of n terms."""
    sizes[0] = 0
    terms[191] = zero
    return descend(sizes, n)


@inline
def sum_leaf(terms, sizes, n, zero):
    """Adds up a leaf of n terms and what it completes; the size of the next leaf."""
    if n < 8:
        total = zero
        for i in range(n):
            total += terms[i]
    else:
        a, b, c, d = terms[0], terms[1], terms[2], terms[3]
        e, f, g, h = terms[4], terms[5], terms[6], terms[7]
        whole = n - n % 8
        for i in range(8, whole, 8):
            a += terms[i]
            b += terms[i + 1]
            c += terms[i + 2]
            d += terms[i + 3]
            e += terms[i + 4]
            f += terms[i + 5]
            g += terms[i + 6]
            h += terms[i + 7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
        for i in range(whole, n):
            total += terms[i]
    while sizes[0] > 0:
        top = sizes[0]
        right = sizes[top]
        if right > 0:
            sizes[top] = -1
            terms[128 + top] = total
            return descend(sizes, right)
        total = terms[128 + top] + total
        sizes[0] = top - 1
    terms[191] = zero + total
    return 0


@inline
def sum_of(x):
    """The sum of the elements of a contiguous array in the same order."""
    zero = x.dtype.type(0)
    terms, sizes = cell(zero), cell(np.int64(0))
    flat = x.reshape(x.size)
    leaf = sum_start(terms, sizes, x.size, zero)
    at = 0
    for i in range(x.size):
        terms[at] = flat[i]
        at += 1
        if at == leaf:
            leaf = sum_leaf(terms, sizes, leaf, zero)
            at = 0
    return terms[191]


# ---- arithmetic


@inline
def floor_divide(x, y):
    if y == 0.0:
        if x != x or x == 0.0:
            return x * math.nan
        return x / y
    return x // y


@inline
def mod(x, y):
    return x * math.nan if y == 0.0 else x % y


@inline
def int_divide(x, y):
    return -x if y == -1 else x // y


@inline
def int_mod(x, y):
    return 0 if y == -1 else x % y


@inline
def int_power(x, y):
    total = 1
    while y > 0:
        if y & 1:
            total *= x
        x *= x
        y >>= 1
    return total


@inline
def int_sign(x):
    return 1 if x > 0 else (-1 if x < 0 else 0)


@inline
def sign(x):
    if x > 0.0:
        return 1.0
    if x < 0.0:
        return -1.0
    return 0.0 if x == 0.0 else math.nan


@inline
def minimum(x, y):
    return x if x <= y or x != x else y


@inline
def maximum(x, y):
    return x if x >= y or x != x else y


@inline
def fits_int(x):
    return x >= -9.223372036854775808e18 and x < 9.223372036854775808e18


@inline
def sigmoid(x):
    e = math.exp(-abs(x))
    return 1.0 / (1.0 + e) if x >= 0.0 else e / (1.0 + e)


@inline
def logaddexp(x, y):
    if x == y:
        return x + 0.6931471805599453
    if x != x or y != y:
        return math.nan
    return max(x, y) + math.log1p(math.exp(-abs(x - y)))


@inline
def logit(x):
    if x > 0.3 and x < 0.7:
        return math.log1p(2.0 * x - 1.0) - math.log1p(1.0 - 2.0 * x)
    return math.log(x / (1.0 - x))


@inline
def xlogy(x, y):
    return 0.0 if x == 0.0 and y == y else x * math.log(y)


@inline
def cbrt(x):
    return np.cbrt(x)


@inline
def exp2(x):
    return np.exp2(x)


@inline
def log2(x):
    return np.log2(x)


# ---- keys

_30, _27, _31, _12, _ONE = (np.uint64(n) for n in (30, 27, 31, 12, 1))
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_GOLDEN, _SEED = np.uint64(rt._GOLDEN), np.uint64(rt._SEED)
_LEFT, _RIGHT, _DRAW = np.uint64(rt._LEFT), np.uint64(rt._RIGHT), np.uint64(rt._DRAW)
_MIDDLE, _NEAR, _FAR = rt._MIDDLE, rt._NEAR, rt._FAR


@inline
def _mix(z):
    z = (z ^ (z >> _30)) * _A
    z = (z ^ (z >> _27)) * _B
    return z ^ (z >> _31)


@inline
def key(seed):
    return _mix(np.uint64(seed) * _GOLDEN + _SEED)


@inline
def key_at(k, i):
    return _mix(_mix(k) + (np.uint64(i) + _ONE) * _GOLDEN)


@inline
def split_left(k):
    return _mix(_mix(k ^ _LEFT))


@inline
def split_right(k):
    return _mix(_mix(k ^ _RIGHT))


@inline
def uniform(k):
    return (np.float64(np.int64(_mix(k ^ _DRAW) >> _12)) + 0.5) * 2.0**-52


@inline
def integer(k, n):
    return np.int64(_mix(k ^ _DRAW) % np.uint64(n))


@inline
def _ratio(of, t):
    a = t * 0.0 + of[0][7]
    b = t * 0.0 + of[1][7]
    for i in range(6, -1, -1):
        a = a * t + of[0][i]
        b = b * t + of[1][i]
    return a / b


@inline
def _log(m, e):
    s = (m - 0.75) / (m + 0.75)
    square = s * s
    total = square * 0.0
    for k in range(33, 1, -2):
        total = (total + 1.0 / k) * square
    return (total + 1.0) * s * 2.0 - 0.2876820724517809 + e * 0.6931471805599453


@inline
def normal(k):
    p = uniform(k)
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_MIDDLE, 0.180625 - q * q)
    m, e = math.frexp(min(p, 1.0 - p))
    r = math.sqrt(-_log(m, e))
    size = _ratio(_NEAR, r - 1.6) if r <= 5.0 else _ratio(_FAR, r - 5.0)
    return size if q > 0.0 else -size


# ---- arrays


@inline
def poll(ctl):
    """Stops where the flag is set."""
    if asked(ctl):
        ctl[0] = -2
        raise Trap


@inline
def room(ctl, count):
    """Leaves the work to the interpreter where an array of `count` (a Float: it cannot wrap) elements is too large."""
    if count * 8.0 > np.float64(ctl[1]):
        ctl[0] = -1
        raise Trap


@inline
def reserve(ctl, a, n, more):
    """`a`, of which n rows are used, with room for so many more."""
    if n + more <= a.shape[0]:
        return a
    wide = max(8, n + n // 2, n + more)
    room(ctl, np.float64(wide) * (a.size / max(a.shape[0], 1)))
    made = np.empty((wide,) + a.shape[1:], a.dtype)  # noqa: RUF005 (Numba knows this form)
    put(made[:n], a[:n])
    return made


@inline
def extend(ctl, a, n, v):
    """`a`, of which n elements are used, with those of `v` behind them; and how many that makes."""
    more = n + v.shape[0]
    if more > a.shape[0]:
        wide = max(more + more // 2, 8)
        room(ctl, np.float64(wide))
        made = np.empty(wide, a.dtype)
        put1(made[:n], a[:n])
    else:
        made = a
    put1(made[n:more], v)
    return made, more


@inline
def put(to, v):
    for at in np.ndindex(v.shape):
        to[at] = v[at]


@inline
def put1(to, v):
    for i in range(v.shape[0]):
        to[i] = v[i]


@inline
def put2(to, v):
    for i in range(v.shape[0]):
        for j in range(v.shape[1]):
            to[i, j] = v[i, j]


@inline
def accumulate(to, v):
    for at in np.ndindex(v.shape):
        to[at] += v[at]


@inline
def accumulate1(to, v):
    for i in range(v.shape[0]):
        to[i] += v[i]


@inline
def accumulate2(to, v):
    for i in range(v.shape[0]):
        for j in range(v.shape[1]):
            to[i, j] += v[i, j]


@inline
def fill(a, v):
    for i in range(a.size):
        a.flat[i] = v


@inline
def logsumexp(terms):
    n = terms.shape[0]
    if n == 0:
        return -math.inf
    top = terms[0]
    for i in range(1, n):
        if terms[i] > top or terms[i] != terms[i]:
            top = terms[i]
    base = top if math.isfinite(top) else 0.0
    for i in range(n):
        terms[i] = math.exp(terms[i] - base)
    return math.log(sum_of(terms)) + base


@inline
def argsort(x):
    return np.argsort(x, kind="mergesort")


@inline
def sort(x):
    return x[np.argsort(x, kind="mergesort")]


@inline
def cumsum(x):
    made = np.empty_like(x)
    total = x.dtype.type(0)
    for i in range(x.shape[0]):
        total += x[i]
        made[i] = total
    return made


@inline
def cumprod(x):
    made = np.empty_like(x)
    total = x.dtype.type(1)
    for i in range(x.shape[0]):
        total *= x[i]
        made[i] = total
    return made


@inline
def reverse(x):
    made = np.empty_like(x)
    n = x.shape[0]
    for i in range(n):
        made[i] = x[n - 1 - i]
    return made


@inline
def reverse_rows(x):
    made = np.empty_like(x)
    n = x.shape[0]
    for i in range(n):
        put(made[i], x[n - 1 - i])
    return made


@inline
def concat(x, y):
    n = x.shape[0]
    made = np.empty((n + y.shape[0],) + x.shape[1:], x.dtype)  # noqa: RUF005
    put(made[:n], x)
    put(made[n:], y)
    return made


@inline
def transpose(x):
    made = np.empty((x.shape[1], x.shape[0]), x.dtype)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            made[j, i] = x[i, j]
    return made


@inline
def transpose_rows(x):
    made = np.empty((x.shape[1], x.shape[0]) + x.shape[2:], x.dtype)  # noqa: RUF005
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            put(made[j, i], x[i, j])
    return made


BLAS = 4096
"""Products from which on a call of BLAS pays."""


@inline
def matmul_mm(x, y):
    if x.shape[0] * x.shape[1] * y.shape[1] < BLAS:
        return product(x, y)
    made = np.empty((x.shape[0], y.shape[1]), x.dtype)
    np.dot(x, y, made)
    return made


@inline
def product(x, y):
    made = np.zeros((x.shape[0], y.shape[1]), x.dtype)
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            a = x[i, k]
            for j in range(y.shape[1]):
                made[i, j] += a * y[k, j]
    return made


@inline
def matmul_mv(x, y):
    made = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        made[i] = matmul_vv(x[i], y)
    return made


@inline
def matmul_vm(x, y):
    made = np.zeros(y.shape[1], x.dtype)
    for k in range(x.shape[0]):
        a = x[k]
        for j in range(y.shape[1]):
            made[j] += a * y[k, j]
    return made


@inline
def matmul_vv(x, y):
    total = x.dtype.type(0)
    for k in range(x.shape[0]):
        total = plus(total, x[k] * y[k])
    return total


@inline
def norm(x):
    return math.sqrt(sum_of(x * x))
