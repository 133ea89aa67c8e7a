"""Functions of doubles and of vectors of them, within 2.5 units in the last place of the true value, over the whole
range and with the special values of libm.

They need no fused multiplication: products that must be exact have factors with few enough bits. Polynomials
are near minimax, from Chebyshev fits. Arguments for which a reduction has too few bits, and powers of what
is not positive and finite, go to libm lane by lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from .vector import (
    Num,
    bits,
    copysign,
    fabs,
    from_bits,
    mad,
    narrow,
    sel,
    shared,
    to_real,
    unless,
    widen,
)

Function: TypeAlias = Callable[..., Num]

INF, NAN = math.inf, math.nan
MAGIC, MAGIC_BITS = 6755399441055744.0, 0x4338000000000000
"""1.5 times 2 to the 52: what is added to it is rounded to a whole number, which stands in the low bits."""

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""The logarithm of 2 as a number of 32 bits, so that its products with exponents are exact, and the rest."""


def poly(x: Num, *coefficients: float) -> Num:
    """A polynomial, the highest power first: terms two by two, so that few steps depend on each other."""
    terms: list[Num | float] = list(reversed(coefficients))
    power = x
    while len(terms) > 1:
        pairs = [_pair(power, *terms[k : k + 2]) for k in range(0, len(terms), 2)]
        power, terms = power * power, pairs
    assert isinstance(terms[0], Num)
    return terms[0]


def _pair(x: Num, low: Num | float, high: Num | float | None = None) -> Num | float:
    if high is None:
        return low
    return mad(x, high, low)


def rounded(x: Num) -> tuple[Num, Num]:
    """The whole number next to x, as a double and as an Int; for less than 2 to the 51."""
    t = x + MAGIC
    return t - MAGIC, bits(t) - MAGIC_BITS


def power_of_2(k: Num) -> tuple[Num, Num]:
    """2 to the k as a product of two factors: k may lie outside the exponents of doubles."""
    half = k >> 1
    return from_bits((half + 1023) << 52), from_bits((k - half + 1023) << 52)


def high(x: Num) -> Num:
    """The first 21 bits of x."""
    return from_bits(bits(x) & -(1 << 32))


# ---- exponentials


def _exp_parts(x: Num) -> tuple[Num, Num, Num]:
    """r, e^r - 1 - r and k, where x = r + k log 2."""
    n, k = rounded(x * LOG2_E)
    r = mad(n, -LN2_LOW, mad(n, -LN2_HIGH, x))
    p = poly(
        r, 2.0914717341716378e-09, 2.5105259538448494e-08, 2.755727357010214e-07, 2.7557255297969643e-06,
        2.4801587325605324e-05, 0.0001984126987490126, 0.001388888888888373, 0.008333333333326112,
        0.04166666666666667, 0.1666666666666667, 0.5,
    )  # fmt: skip
    return r, p * r * r, k


def exp(x: Num) -> Num:
    r, p, k = _exp_parts(sel(x < -746.0, -746.0, sel(x > 710.0, 710.0, x)))
    a, b = power_of_2(k)
    return (p + r + 1.0) * a * b


def expm1(x: Num) -> Num:
    r, p, k = _exp_parts(sel(x < -40.0, -40.0, sel(x > 710.0, 710.0, x)))
    p = p + r
    a, b = power_of_2(k)
    y = mad(a * p, b, a * b - 1.0)
    y = sel(k > 1000, mad(p, a, a) * b, y)  # where 2 to the k alone is too large
    return sel(x == 0.0, x, sel(k == 0, p, y))


def exp2(x: Num) -> Num:
    c = sel(x < -1080.0, -1080.0, sel(x > 1030.0, 1030.0, x))
    n, k = rounded(c)
    return _exp2(c - n, None, k)


def _exp2(r: Num, rest: Num | None, k: Num) -> Num:
    """2 to the r + rest + k, |r| at most 1/2."""
    p = poly(
        r, 2.5729344553786755e-11, 4.455822025014915e-10, 7.054897292691627e-09, 1.0178057064573359e-07,
        1.3215486808727859e-06, 1.5252733841601815e-05, 0.00015403530393370715, 0.0013333558146406436,
        0.00961812910762848, 0.055504108664821625, 0.24022650695910072, 0.6931471805599453,
    )  # fmt: skip
    p = p * r if rest is None else mad(p, r, rest * 0.6931471805599453)
    a, b = power_of_2(k)
    return (p + 1.0) * a * b


def sigmoid(x: Num) -> Num:
    e = exp(-fabs(x))
    return sel(x >= 0.0, 1.0, e) / (e + 1.0)


def tanh(x: Num) -> Num:
    a = fabs(x)
    t = expm1(sel(a > 22.0, 44.0, a + a))
    return sel(x != x, x, copysign(t / (t + 2.0), x))


def _half_exp(x: Num) -> tuple[Num, Num]:
    """e^x / 2 and e^x - 1 for x from 0 on; the latter is right below 22."""
    r, p, k = _exp_parts(sel(x > 711.0, 711.0, x))
    p = p + r
    a, b = power_of_2(k - 1)
    c, d = power_of_2(k)
    return (p + 1.0) * a * b, mad(c * p, d, c * d - 1.0)


def cosh(x: Num) -> Num:
    half, _ = _half_exp(fabs(x))
    return half + 0.25 / half


def sinh(x: Num) -> Num:
    a = fabs(x)
    half, t = _half_exp(a)
    y = sel(a < 22.0, (t + t / (t + 1.0)) * 0.5, half)
    return sel(x != x, x, copysign(y, x))


# ---- logarithms


def _log_parts(x: Num) -> tuple[Num, Num]:
    """f and k, where x = (1 + f) 2^k for positive x; 1 + f between the roots of 1/2 and 2."""
    small = x < 2.2250738585072014e-308
    i = bits(sel(small, x * 18014398509481984.0, x))
    k = (i - 0x3FE6A09E667F3BCD) >> 52
    return from_bits(i - (k << 52)) - 1.0, k - sel(small, 54, 0)


def _log_rest(f: Num) -> tuple[Num, Num]:
    """h = f^2 / 2 and s (h + R), so that log(1 + f) = f - (h - s (h + R))."""
    s = f / (f + 2.0)
    z = s * s
    r = poly(
        z, 0.14617807492803847, 0.15331611694570085, 0.18182892433364564, 0.22222211089368124, 0.2857142862625391,
        0.3999999999989889, 0.666666666666667,
    )  # fmt: skip
    h = f * 0.5 * f
    return h, s * mad(r, z, h)


def _log_ends(x: Num, y: Num) -> Num:
    """The logarithm of a number that may be zero, infinite or none, given that of others."""
    return sel(x > 0.0, sel(x == INF, INF, y), sel(x == 0.0, -INF, NAN))


def _log(x: Num, extra: Num | None) -> Num:
    """log x + extra, extra far less."""
    f, k = _log_parts(x)
    h, rest = _log_rest(f)
    n = to_real(k)
    rest = mad(n, LN2_LOW, rest)
    if extra is not None:
        rest = rest + extra
    return mad(n, LN2_HIGH, f - (h - rest))


def log(x: Num) -> Num:
    return _log_ends(x, _log(x, None))


def log1p(x: Num) -> Num:
    u = x + 1.0
    lost = sel(x > 1.0, 1.0 - (u - x), x - (u - 1.0)) / u
    return sel(u == 1.0, x, _log_ends(u, _log(u, lost)))


def log2(x: Num) -> Num:
    f, k = _log_parts(x)
    h, rest = _log_rest(f)
    a = high(f - h)
    b = f - a - h + rest
    n = to_real(k)
    # 1 / log 2, its first part short, so that its product with another short number is exact
    c, d = 1.44269504072144627571e00, 1.67517131648865118353e-10
    y = a * c
    w = n + y
    return _log_ends(x, w + (n - w + y + mad(a + b, d, b * c)))


def logit(x: Num) -> Num:
    middle = (x > 0.3) & (x < 0.7)  # around its zero, where the logarithms would cancel
    return sel(middle, log1p(2.0 * x - 1.0), log(x)) - log1p(sel(middle, 1.0 - 2.0 * x, -x))


def softplus(x: Num) -> Num:
    return sel(x > 0.0, x, sel(x != x, x, 0.0)) + log1p(exp(-fabs(x)))


def logaddexp(x: Num, y: Num) -> Num:
    top = sel(x > y, x, y) + log1p(exp(-fabs(x - y)))
    return sel((x != x) | (y != y), NAN, sel(x == y, x + 0.6931471805599453, top))


# ---- trigonometric functions

PI_2 = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624871116645580e-21, 8.47842766036889956997e-32)
"""Half of pi: three parts of 33 bits, whose products with quotients are exact, and the rest."""

FAR = 1.6e6
"""Quotients up to this have 20 bits."""


def _quarter(x: Num) -> tuple[Num, Num, Num]:
    """r, what it lacks, and the quarter turn q, where x = r + lack + q pi/2."""
    n, q = rounded(x * 0.6366197723675814)
    a, b, c, d = PI_2
    w = x - n * a
    r = w - n * b
    lost = (w - r) - n * b
    v = r - n * c
    lost = ((r - v) - n * c) + lost - n * d
    r = v + lost
    return r, v - r + lost, q


def _sin(r: Num, lost: Num) -> Num:
    z = r * r
    p = poly(
        z, 1.5917988944318716e-10, -2.5051129895962807e-08, 2.7557316093196066e-06, -0.00019841269836740527,
        0.008333333333330936, -0.16666666666666666,
    )  # fmt: skip
    return mad(p * z, r, lost) + r


def _cos(r: Num, lost: Num) -> Num:
    z = r * r
    p = poly(
        z, -1.1382544623404291e-11, 2.087614504910828e-09, -2.7557317265876615e-07, 2.48015872987544e-05,
        -0.0013888888888887389, 0.041666666666666664,
    )  # fmt: skip
    half = z * 0.5
    w = 1.0 - half
    return w + (mad(z * z, p, 1.0 - w - half) - r * lost)


def _turned(x: Num, start: int) -> Num:
    """The sine `start` quarter turns ahead."""
    r, lost, q = _quarter(x)
    q = q + start
    y = sel((q & 1) == 0, _sin(r, lost), _cos(r, lost))
    return from_bits(bits(y) ^ ((q & 2) << 62))


def _far(x: Num) -> Num:
    return ~(fabs(x) <= FAR)


def sin(x: Num) -> Num:
    return unless(_far(x), sel(x == 0.0, x, _turned(x, 0)), math.sin, x)


def cos(x: Num) -> Num:
    return unless(_far(x), _turned(x, 1), math.cos, x)


def tan(x: Num) -> Num:
    r, lost, q = _quarter(x)
    s, c = _sin(r, lost), _cos(r, lost)
    odd = (q & 1) != 0
    return unless(_far(x), sel(x == 0.0, x, sel(odd, -c, s) / sel(odd, s, c)), math.tan, x)


# ---- the error function


def erf(x: Num) -> Num:
    a = fabs(x)
    z = a * a
    inner = sel(z > 1.0, 1.0, z)
    series = poly(
        inner, 5.957176147748911e-11, -1.1372848856791674e-09, 1.4659775274047436e-08,
        -1.6350312701054695e-07, 1.6461000484121368e-06, -1.4925595266831182e-05, 0.0001205533111164271,
        -0.000854832698083379, 0.0052239776248180145, -0.026866170645076792, 0.11283791670954879, -0.3761263890318375,
    )  # fmt: skip
    near = mad(mad(series, inner, 0.12837916709551256), a, a)
    t = 3.0 / (a + 3.0)
    p = poly(
        t, -0.00011080024529446188, 0.02173013560677321, -0.16569712608897857, 0.5561644357489371,
        -1.0588530224370087, 1.2871572921223842, -1.1404859715055813, 0.7814085855006287, -0.32253763814025715,
        0.23853160948431334, 0.08409193153151949, 0.1662328955965366, 0.17608254502247533, 0.18823319588814605,
        0.18805157979136622, 3.6860690286802047e-07,
    )  # fmt: skip
    far = sel(a > 6.0, 1.0, 1.0 - exp(-z) * p)
    return sel(x != x, x, copysign(sel(a < 1.0, near, far), x))


# ---- powers


def _log2_of(x: Num) -> tuple[Num, Num]:
    """The logarithm to base 2 of a positive normal number with some 65 bits: the first 21, and the rest."""
    f, k = _log_parts(x)
    d = f + 1.0 + 1.0
    s = f / d
    s_high, d_high = high(s), high(d)
    s_low = (f - s_high * d_high - s_high * (f - (d_high - 1.0 - 1.0))) / d
    z = s * s
    # log(1 + f) is 2/3 s times 3 + s^2 + r
    r = z * z * poly(
        z, 0.21640341426104667, 0.2302166726863894, 0.2727357788439992, 0.33333327435680604, 0.42857142872066945,
        0.5999999999999389,
    )  # fmt: skip
    r = r + s_low * (s_high + s)
    z = s_high * s_high
    t = high(z + 3.0 + r)
    t_low = r - (t - 3.0 - z)
    u = s_high * t
    v = s_low * t + t_low * s
    p = high(u + v)
    p_low = v - (p - u)
    c, c_high, c_low = 9.61796693925975554329e-01, 9.61796700954437255859e-01, -7.02846165095275826516e-09
    y = p * c_high
    y_low = p * c_low + p_low * c
    n = to_real(k)
    top = high(y + y_low + n)
    return top, y_low - (top - n - y)


def pow(x: Num, y: Num) -> Num:
    a, a_low = _log2_of(x)
    y_high = high(y)
    p = y_high * a
    p_low = (y - y_high) * a + y * a_low
    z = p + p_low
    inside = sel(z < -1080.0, -1080.0, sel(z > 1030.0, 1030.0, z))
    n, k = rounded(inside)
    r = sel(inside == z, p - n, 0.0)
    lost = sel(inside == z, p_low, 0.0)
    m = r + lost
    made = _exp2(m, r - m + lost, k)
    plain = (x >= 2.2250738585072014e-308) & (x < INF) & (fabs(y) < 1e12)
    return unless(~plain, made, math.pow, x, y)


FUNCTIONS: dict[str, Function] = {
    f.__name__: f
    for f in (
        exp, expm1, exp2, sigmoid, tanh, sinh, cosh, log, log1p, log2, softplus, logaddexp, logit, sin, cos, tan,
        erf, pow,
    )
}  # fmt: skip


def apply(name: str, *args: Num) -> Num:
    """A function by name, written once for a module. Of single precision: computed in double precision."""
    if str(args[0].element) == "float":
        return narrow(apply(name, *map(widen, args)))
    return shared(name, FUNCTIONS[name], *args)
