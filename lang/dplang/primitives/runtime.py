"""What the expressions of the table call as `rt`: IEEE arithmetic without Python's exceptions, wrapping Ints, keys.

Floats never fault: where `math` raises, the value is NumPy's (an infinity or not a number). Functions named
`.._scalar` take Python scalars and agree with their namesakes on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from . import special as own

Array: TypeAlias = Any  # ndarray or NumPy scalar of the dtype that the row's scheme says


class Trap(Exception):
    """A primitive without a value: `fault` is the code of a diagnostic, `values` its fields after the span."""

    def __init__(self, fault: str, *values: object) -> None:
        super().__init__(fault, *values)
        self.fault = fault
        self.values = values


# ---- Int: signed 64 bits

_TOP = 1 << 63
_ALL = (1 << 64) - 1


def wrap(x: int) -> int:
    """`x` as a signed number of 64 bits."""
    if -_TOP <= x < _TOP:
        return x
    return ((x + _TOP) & _ALL) - _TOP


def int_divide(x: int, y: int) -> int:
    if y == 0:
        raise Trap("E0604", "//")
    return wrap(x // y)


def int_mod(x: int, y: int) -> int:
    if y == 0:
        raise Trap("E0604", "%")
    return x % y


def int_divide_arrays(x: Array, y: Array) -> Array:
    if np.any(np.equal(y, 0)):
        raise Trap("E0604", "//")
    # NumPy gives the smallest Int for itself divided by -1, as wrapping does
    return np.floor_divide(x, y)


def int_mod_arrays(x: Array, y: Array) -> Array:
    if np.any(np.equal(y, 0)):
        raise Trap("E0604", "%")
    return np.mod(x, y)


def int_power(x: int, y: int) -> int:
    if y < 0:
        raise Trap("E0605", y)
    return wrap(pow(x, y, 1 << 64))


def int_power_arrays(x: Array, y: Array) -> Array:
    if np.any(np.less(y, 0)):
        raise Trap("E0605", int(np.min(y)))
    return np.power(x, y)


def to_int(x: float) -> int:
    """Towards zero; a number that no Int can be is a fault."""
    if -9.223372036854775808e18 <= x < 9.223372036854775808e18:
        return int(x)
    raise Trap("E0609", float(x))


def to_int_array(x: Array) -> Array:
    fits = np.logical_and(np.greater_equal(x, -9.223372036854775808e18), np.less(x, 9.223372036854775808e18))
    if x.dtype.kind == "f" and not np.all(fits):
        raise Trap("E0609", float(np.asarray(x)[~np.asarray(fits)].flat[0]))
    return _plain(x.astype(np.int64))


# ---- Float


def _plain(x: Array) -> Array:
    """A NumPy scalar of a type that Python has becomes Python's; Float32 scalars and arrays stay."""
    if isinstance(x, np.ndarray | np.float32):
        return x
    return x.item()


def _select(condition: Array, x: Array, y: Array) -> Array:
    """`np.where` that leaves NumPy scalars scalars."""
    value: Array = np.where(condition, x, y)
    return value[()]


def _or_numpy(f: Callable[[float], float], numpy: Any) -> Callable[[float], float]:
    """`f` of `math`, and NumPy's value where that raises."""

    def total(x: float) -> float:
        try:
            return f(x)
        except (ValueError, OverflowError):
            with np.errstate(all="ignore"):
                return float(numpy(x))

    return total


sin = _or_numpy(math.sin, np.sin)
cos = _or_numpy(math.cos, np.cos)
tan = _or_numpy(math.tan, np.tan)
asin = _or_numpy(math.asin, np.arcsin)
acos = _or_numpy(math.acos, np.arccos)
sinh = _or_numpy(math.sinh, np.sinh)
cosh = _or_numpy(math.cosh, np.cosh)
acosh = _or_numpy(math.acosh, np.arccosh)
atanh = _or_numpy(math.atanh, np.arctanh)
exp = _or_numpy(math.exp, np.exp)
exp2 = _or_numpy(math.exp2, np.exp2)
expm1 = _or_numpy(math.expm1, np.expm1)
log = _or_numpy(math.log, np.log)
log1p = _or_numpy(math.log1p, np.log1p)
log2 = _or_numpy(math.log2, np.log2)
log10 = _or_numpy(math.log10, np.log10)


def divide(x: float, y: float) -> float:
    """x / y for a y that is zero."""
    if x != x or x == 0.0:
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)


def floor_divide(x: float, y: float) -> float:
    try:
        return x // y
    except ZeroDivisionError:
        return divide(x, y)


def mod(x: float, y: float) -> float:
    try:
        return x % y
    except ZeroDivisionError:
        return math.nan


def power_scalar(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except (ValueError, OverflowError):
        with np.errstate(all="ignore"):
            return float(np.power(x, float(y)))


def power(x: Array, y: Array) -> Array:
    """x^y in the type of x, for a y of that type or Int."""
    if isinstance(y, int):
        y = np.int64(y)
    if y.dtype.kind == "i":
        y = y.astype(x.dtype)
    return np.power(x, y)


def minimum(x: Array, y: Array) -> Array:
    """The smaller one; the first of a tie, and whichever is not a number."""
    return _select((x <= y) | (x != x), x, y)


def maximum(x: Array, y: Array) -> Array:
    """The larger one; the first of a tie, and whichever is not a number."""
    return _select((x >= y) | (x != x), x, y)


def clamp(x: float, low: float, high: float) -> float:
    above = x if x >= low or x != x else low
    return above if above <= high or above != above else high


def sign(x: float) -> float:
    if x != x:
        return x
    return float((x > 0.0) - (x < 0.0))


def rint(x: float) -> float:
    return math.copysign(float(round(x)), x) if math.isfinite(x) else x


def floor(x: float) -> float:
    return math.copysign(float(math.floor(x)), x) if math.isfinite(x) else x


def ceil(x: float) -> float:
    return math.copysign(float(math.ceil(x)), x) if math.isfinite(x) else x


def to_float(x: Array) -> Array:
    return _plain(x.astype(np.float64))


def to_float32(x: Any) -> Array:
    if isinstance(x, np.ndarray):
        return x.astype(np.float32)
    with np.errstate(over="ignore"):
        return np.float32(x)


def sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return _select(x >= 0, 1 / (1 + e), e / (1 + e))


def sigmoid_scalar(x: float) -> float:
    e = exp(-abs(x))
    return 1.0 / (1.0 + e) if x >= 0.0 else e / (1.0 + e)


def logaddexp(x: float, y: float) -> float:
    if x == y:
        return x + 0.6931471805599453
    top = max(x, y)
    return top + math.log1p(exp(-abs(x - y))) if x == x and y == y else math.nan


def logit_scalar(x: float) -> float:
    if 0.3 < x < 0.7:
        return math.log1p(2.0 * x - 1.0) - math.log1p(1.0 - 2.0 * x)
    return log(x / (1.0 - x)) if x != 1.0 else math.inf


def logit(x: Array) -> Array:
    """log(x / (1 - x)), exact near a half."""
    middle = (x > 0.3) & (x < 0.7)
    return _select(middle, np.log1p(2.0 * x - 1.0) - np.log1p(1.0 - 2.0 * x), np.log(x / (1.0 - x)))


def softplus(x: float) -> float:
    return logaddexp(x, 0.0)


def special() -> Any:
    """`scipy.special`, imported when first asked for."""
    from scipy import special

    return special


def _own(f: Callable[..., float]) -> Callable[..., float]:
    """A function of `special` whose value is IEEE's where `math` raises."""

    def total(*xs: float) -> float:
        try:
            return f(*xs)
        except OverflowError:
            return math.inf
        except (ValueError, ZeroDivisionError):
            return math.nan

    return total


def _each(f: Callable[..., float], arguments: int) -> Callable[..., Array]:
    """`f` of scalars on arrays, in the type of the last one."""
    apply = np.frompyfunc(f, arguments, 1)

    def over(*xs: Array) -> Array:
        return np.asarray(apply(*xs), dtype=np.asarray(xs[-1]).dtype)[()]

    return over


beta_scalar, lbeta_scalar, sinc_slope_scalar = _own(own.beta), _own(own.lbeta), _own(own.sinc_slope)
gamma_slope_scalar, gammainc_slope_scalar = _own(own.gamma_slope), _own(own.gammainc_slope)
beta_slope_scalar, betainc_slope_scalar = _own(own.beta_slope), _own(own.betainc_slope)
beta, lbeta, sinc_slope = _each(beta_scalar, 2), _each(lbeta_scalar, 2), _each(sinc_slope_scalar, 2)
gamma_slope, gammainc_slope = _each(gamma_slope_scalar, 3), _each(gammainc_slope_scalar, 3)
beta_slope, betainc_slope = _each(beta_slope_scalar, 5), _each(betainc_slope_scalar, 5)
gaussian_scalar = own.gaussian


def gaussian(x: Array) -> Array:
    """exp(-x^2), as `special` does it."""
    near = np.floor(16.0 * x + 0.5) / 16.0
    return _select(np.abs(x) > 40.0, np.zeros_like(x), np.exp(-near * near) * np.exp(-(x - near) * (x + near)))


def erfc_scalar(x: float) -> float:
    return float(special().erfcx(x)) * own.gaussian(x) if x > 1.0 and x < math.inf else math.erfc(x)


def erfc(x: Array) -> Array:
    """SciPy loses digits far out, where this is the scaled function times exp(-x^2)."""
    far = (x > 1.0) & (x < math.inf)
    return _select(far, special().erfcx(x) * gaussian(x), special().erfc(x))


def lgamma_scalar(x: float) -> float:
    return own.lgamma_series(x) if 0.5 <= x <= 2.5 else float(special().gammaln(x))


def lgamma(x: Array) -> Array:
    """SciPy loses all digits near the zeros 1 and 2, where this is a series."""
    wide = np.asarray(x, dtype=np.float64)
    low = wide < 1.5
    z = np.where(low, wide - 1.0, wide - 2.0)
    total = np.zeros_like(z)
    for c in reversed(own.LGAMMA_SERIES):
        total = total * z + c
    near = np.where(low, total * z - np.log1p(z), total * z)
    value = np.where(np.abs(wide - 1.5) <= 1.0, near, special().gammaln(wide))
    return value.astype(np.asarray(x).dtype)[()]


def xlogy(x: Array, y: Array) -> Array:
    return _select((x == 0.0) & (y == y), np.zeros_like(x), x * np.log(y))


def xlogy_scalar(x: float, y: float) -> float:
    return 0.0 if x == 0.0 and y == y else x * log(y)


def sinc_scalar(x: float) -> float:
    return own.sinc_slope(0, x)


def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), the sine exact at whole numbers."""
    t = np.abs(x)
    turn = np.fmod(t, 2.0)
    whole = np.floor(turn + 0.5)
    sine = _select(whole == 1.0, -np.sin(math.pi * (turn - whole)), np.sin(math.pi * (turn - whole))) + 0.0
    value = _select(np.isinf(t), np.zeros_like(t), sine / (math.pi * t))
    return _select(t == 0.0, np.ones_like(t), value)


def bessel_jn(n: Array, x: Array) -> Array:
    value = special().jv(np.asarray(n, dtype=np.float64), x)
    return np.asarray(value, dtype=np.asarray(x).dtype)[()]


def polygamma(n: Array, x: Array) -> Array:
    # scipy computes in float64 and takes floating orders only
    value = special().polygamma(np.asarray(n, dtype=np.float64), x)
    return np.asarray(value, dtype=np.asarray(x).dtype)[()]


# ---- strings


def text_slice(s: str, low: int, high: int) -> str:
    if not 0 <= low <= high <= len(s):
        raise Trap("E0602", low, high, len(s))
    return s[low:high]


def text_float(s: str) -> float | None:
    """The number that a text says, if it says one: as Python reads it, in plain digits that stand together."""
    try:
        return float(s) if s.isascii() and "_" not in s else None
    except ValueError:
        return None


def text_int(s: str) -> int | None:
    try:
        value = int(s) if s.isascii() and "_" not in s else _TOP
    except ValueError:
        return None
    return value if -_TOP <= value < _TOP else None


# ---- whole arrays


def concat(x: Array, y: Array) -> Array:
    return np.concatenate((x, y))


def reshape(x: Array, *sizes: int) -> Array:
    if math.prod(sizes) != x.size or any(n < 0 for n in sizes):
        raise Trap("E0615", x.size, tuple(sizes))
    return x.reshape(sizes)


def matmul(x: Array, y: Array) -> Array:
    return _plain(np.matmul(x, y))


def norm(x: Array) -> Array:
    return _plain(np.sqrt(np.sum(x * x)))


# ---- keys: unsigned 64 bits, mixed by the finaliser of SplitMix64

_GOLDEN = 0x9E3779B97F4A7C15
_SEED = 0x632BE59BD9B4E019
_LEFT, _RIGHT, _DRAW = 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7, 0xAEF17502108EF2D9


def mix(z: int) -> int:
    """A one-to-one scrambling of 64 bits in which every bit of `z` reaches every bit of the result."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _ALL
    return z ^ (z >> 31)


def mix_arrays(z: Array) -> Array:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _unsigned(x: Array) -> Array:
    return np.asarray(x).astype(np.uint64)


def key_scalar(seed: int) -> int:
    return mix((seed * _GOLDEN + _SEED) & _ALL)


def key_of(seed: Array) -> Array:
    return mix_arrays(_unsigned(seed) * np.uint64(_GOLDEN) + np.uint64(_SEED))


def key_at_scalar(key: int, i: int) -> int:
    # scrambled twice, since neighbouring keys at neighbouring positions must not meet
    return mix((mix(key) + (i + 1) * _GOLDEN) & _ALL)


def key_at(key: Array, i: Array) -> Array:
    return mix_arrays(mix_arrays(_unsigned(key)) + (_unsigned(i) + np.uint64(1)) * np.uint64(_GOLDEN))


def split_left_scalar(key: int) -> int:
    return mix(mix(key ^ _LEFT))


def split_left(key: Array) -> Array:
    return mix_arrays(mix_arrays(_unsigned(key) ^ np.uint64(_LEFT)))


def split_right_scalar(key: int) -> int:
    return mix(mix(key ^ _RIGHT))


def split_right(key: Array) -> Array:
    return mix_arrays(mix_arrays(_unsigned(key) ^ np.uint64(_RIGHT)))


def uniform_scalar(key: int) -> float:
    # 53 bits and a half: never 0, never 1, and symmetric about 0.5
    return ((mix(key ^ _DRAW) >> 12) + 0.5) * 2.0**-52


def uniform(key: Array) -> Array:
    return ((mix_arrays(_unsigned(key) ^ np.uint64(_DRAW)) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def integer_scalar(key: int, n: int) -> int:
    if n <= 0:
        raise Trap("E0616", n)
    return mix(key ^ _DRAW) % n


def integer(key: Array, n: Array) -> Array:
    if np.any(np.less_equal(n, 0)):
        raise Trap("E0616", int(np.min(n)))
    return (mix_arrays(_unsigned(key) ^ np.uint64(_DRAW)) % _unsigned(n)).astype(np.int64)


# ---- the normal distribution by the inverse of its integral (Wichura's algorithm AS 241)
#
# The logarithm in the tails is computed here, by operations that IEEE rounds exactly: a draw is then the same on
# every machine, for a scalar as for an array.

_MIDDLE = (
    (
        3.3871328727963666080e0, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
        45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
    ),
    (
        1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
        21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610,
    ),
)  # fmt: skip
_NEAR = (
    (
        1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
        1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4,
    ),
    (
        1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
        0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
    ),
)  # fmt: skip
_FAR = (
    (
        6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
        0.0265321895265761230930, 0.00124266094738807843860, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ),
    (
        1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
    ),
)  # fmt: skip


def _ratio(of: tuple[tuple[float, ...], tuple[float, ...]], t: Any) -> Any:
    """The quotient of two polynomials in t."""
    values = []
    for coefficients in of:
        total = t * 0.0 + coefficients[-1]
        for c in reversed(coefficients[:-1]):
            total = total * t + c
        values.append(total)
    return values[0] / values[1]


def _log(m: Any, e: Any) -> Any:
    """log(m * 2^e) for m from 0.5 to 1, by the series of the inverse hyperbolic tangent."""
    s = (m - 0.75) / (m + 0.75)
    square = s * s
    total = square * 0.0
    for k in range(33, 1, -2):
        total = (total + 1.0 / k) * square
    return (total + 1.0) * s * 2.0 - 0.2876820724517809 + e * 0.6931471805599453


def normal_scalar(key: int) -> float:
    p = uniform_scalar(key)
    q = p - 0.5
    if abs(q) <= 0.425:
        return float(q * _ratio(_MIDDLE, 0.180625 - q * q))
    m, e = math.frexp(min(p, 1.0 - p))
    r = math.sqrt(-_log(m, e))
    size = _ratio(_NEAR, r - 1.6) if r <= 5.0 else _ratio(_FAR, r - 5.0)
    return float(size if q > 0.0 else -size)


def normal(key: Array) -> Array:
    p = np.asarray(uniform(key))
    q = p - 0.5
    m, e = np.frexp(np.minimum(p, 1.0 - p))
    r = np.sqrt(-_log(m, e))
    size = np.where(r <= 5.0, _ratio(_NEAR, r - 1.6), _ratio(_FAR, r - 5.0))
    return np.where(np.abs(q) <= 0.425, q * _ratio(_MIDDLE, 0.180625 - q * q), np.where(q > 0.0, size, -size))
