"""Special functions that SciPy lacks or rounds too coarsely, as scalar code that Numba compiles too.

Kernels compile what `COMPILED` names, so these functions call only `math`, each other and `digamma` and `polygamma`,
for which kernels have their own. Arguments outside a function's domain give not a number.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

Table: TypeAlias = Any  # a matrix of Floats

# (-1)^k (zeta(k) - 1) / k for k from 2, behind 1 minus Euler's constant: the series of lgamma at 2
# (Abramowitz and Stegun, 1964, 6.1.33)
LGAMMA_SERIES = (
    0.42278433509846714, 0.32246703342411320, -0.067352301053198095, 0.020580808427784548,
    -0.0073855510286739853, 0.0028905103307415232, -0.0011927539117032610, 0.00050966952474304242,
    -0.00022315475845357938, 9.9457512781808534e-05, -4.4926236738133142e-05, 2.0507212775670692e-05,
    -9.4394882752683959e-06, 4.3748667899074878e-06, -2.0392157538013662e-06, 9.5514121304074199e-07,
    -4.4924691987645661e-07, 2.1207184805554665e-07, -1.0043224823968099e-07, 4.7698101693639806e-08,
    -2.2711094608943165e-08, 1.0838659214896955e-08, -5.1834750419700466e-09, 2.4836745438024783e-09,
    -1.1921401405860912e-09, 5.7313672416788620e-10, -2.7595228851242332e-10,
)  # fmt: skip

# Gauss and Legendre's rule of 16 points: the nodes above 0 and their weights
_NODES = (
    0.09501250983763744, 0.2816035507792589, 0.45801677765722737, 0.6178762444026438,
    0.755404408355003, 0.8656312023878318, 0.9445750230732326, 0.9894009349916499,
)  # fmt: skip
_WEIGHTS = (
    0.18945061045506864, 0.18260341504492364, 0.16915651939500265, 0.1495959888165767,
    0.12462897125553407, 0.0951585116824926, 0.062253523938647456, 0.027152459411754176,
)  # fmt: skip
HIGHEST = 40
"""The highest order of a derivative that these functions know."""
_LOWEST = -45.0
"""The logarithm below which an integrand no longer counts against its largest value."""


def digamma(x: float) -> float:
    from scipy import special

    return float(special.digamma(x))


def polygamma(n: int, x: float) -> float:
    from scipy import special

    return float(special.polygamma(n, x))


def lgamma_series(x: float) -> float:
    """lgamma from 0.5 to 2.5, exact near its zeros 1 and 2."""
    z = x - 1.0 if x < 1.5 else x - 2.0
    total = 0.0
    for k in range(26, -1, -1):
        total = total * z + LGAMMA_SERIES[k]
    return total * z - math.log1p(z) if x < 1.5 else total * z


def log_gamma(x: float) -> float:
    """lgamma of a positive number."""
    return lgamma_series(x) if 0.5 <= x <= 2.5 else math.lgamma(x)


def stirling(x: float) -> float:
    """What Stirling's formula leaves of lgamma, from 10 on."""
    t = 1.0 / (x * x)
    rest = 1.0 / 1188.0 + t * (-691.0 / 360360.0 + t / 156.0)
    return (1.0 / 12.0 + t * (-1.0 / 360.0 + t * (1.0 / 1260.0 + t * (-1.0 / 1680.0 + t * rest)))) / x


def log1p_less(x: float) -> float:
    """log(1 + x) - x, exact near 0."""
    if x <= -1.0:
        return -math.inf
    if x < -0.4 or x > 0.6:
        return math.log1p(x) - x
    r = x / (2.0 + x)
    t = r * r
    total, power = 0.0, r
    for k in range(3, 60, 2):
        power *= t
        total += power / k
        if abs(power) < 1e-17 * abs(total):
            break
    return 2.0 * total - x * r


def lbeta(x: float, y: float) -> float:
    """log(beta(x, y)) for positive numbers (Fullerton's albeta, 1977)."""
    if not (x > 0.0 and y > 0.0):
        return math.nan
    p, q = min(x, y), max(x, y)
    if p + q == math.inf:
        return -math.inf
    if p >= 10.0:
        rest = 0.9189385332046727 + stirling(p) + (stirling(q) - stirling(p + q))
        return rest - 0.5 * math.log(q) + (p - 0.5) * math.log(p / (p + q)) + q * math.log1p(-p / (p + q))
    if q >= 10.0:
        rest = stirling(q) - stirling(p + q)
        return log_gamma(p) + rest + p - p * math.log(p + q) + (q - 0.5) * math.log1p(-p / (p + q))
    if p < 1e-300:
        return -math.log(p)
    return math.log(math.gamma(p) * (math.gamma(q) / math.gamma(p + q)))


def beta(x: float, y: float) -> float:
    """gamma(x) gamma(y) / gamma(x + y) for positive numbers."""
    if not (x > 0.0 and y > 0.0):
        return math.nan
    p = min(x, y)
    if p < 1e-300:
        return math.inf if p == 0.0 or 1.0 / p == math.inf else 1.0 / p
    q = max(x, y)
    if q < 25.0:
        return math.gamma(p) * (math.gamma(q) / math.gamma(p + q))
    if p >= 10.0 or p + q == math.inf:
        return math.exp(lbeta(p, q))
    rest = stirling(q) - stirling(p + q)
    return math.gamma(p) * math.exp(rest + p - p * math.log(p + q) + (q - 0.5) * math.log1p(-p / (p + q)))


# ---- the derivatives of sin(pi x) / (pi x)


def sinc_slope(n: int, x: float) -> float:
    """The derivative of order n of sinc at x.

    With u = pi x and s the derivatives of sin(u) / u: u s[n] + n s[n - 1] = sin(u + n pi / 2). That is stable upwards
    where u > n and downwards elsewhere.
    """
    if x != x or n < 0 or n > HIGHEST:
        return math.nan
    t = abs(x)
    if t == math.inf:
        return 0.0
    u = math.pi * t
    # the sine and cosine of u, exact where x is a multiple of a half
    turn = t % 2.0
    whole = math.floor(turn + 0.5)
    rest = turn - whole
    sign = -1.0 if whole == 1 else 1.0
    sine = sign * math.sin(math.pi * rest) + 0.0
    cosine = sign * math.sin(math.pi * (0.5 - abs(rest)))
    value = 0.0
    if u > n and u > 0.0:
        value = sine / u
        for m in range(1, n + 1):
            turned = sine if m % 2 == 0 else cosine
            value = ((turned if m % 4 < 2 else -turned) - m * value) / u
    else:
        for m in range(n + 40 + int(u), n, -1):
            turned = sine if m % 2 == 0 else cosine
            value = ((turned if m % 4 < 2 else -turned) - u * value) / m
    value *= math.pi**n
    return -value if x < 0.0 and n % 2 == 1 else value


# ---- incomplete gamma and beta integrals: derivatives in their parameters
#
# The density of the integral is a mass times exp(..); each derivative in a parameter multiplies it by a polynomial in
# logarithms (Leibniz's rule), and the integral from the nearer end is done by quadrature in the logarithm of the
# variable, where the integrand falls off from its largest value.


def gamma_mass(a: float, x: float) -> float:
    """x^a exp(-x) / gamma(a): x times the density of the gamma distribution (Loader, 2000)."""
    if a < 10.0:
        if x > 600.0 or a < 1e-300:
            return math.exp(a * math.log(x) - x - log_gamma(a))
        return math.pow(x, a) * math.exp(-x) / math.gamma(a)
    return math.sqrt(a / (2.0 * math.pi)) * math.exp(a * log1p_less((x - a) / a) - stirling(a))


def beta_mass(a: float, b: float, x: float) -> float:
    """x^a (1 - x)^b / beta(a, b)."""
    if a < 10.0 or b < 10.0:
        if a + b < 100.0 and x > 1e-3:
            return math.pow(x, a) * math.pow(1.0 - x, b) / beta(a, b)
        return math.exp(a * math.log(x) + b * math.log1p(-x) - lbeta(a, b))
    n = a + b
    far = a * log1p_less((x * n - a) / a) + b * log1p_less(((1.0 - x) * n - b) / b)
    return math.sqrt(a / (2.0 * math.pi) * (b / n)) * math.exp(far + stirling(n) - stirling(a) - stirling(b))


def leibniz(n: int, m: int, first: float, second: float, terms: Table, q: Table) -> float:
    """The derivative of order n and m in two parameters of exp(h), divided by exp(h).

    terms[i, j] is that of h, without `first` in [1, 0] and `second` in [0, 1]; q is room for all lower ones.
    """
    q[0, 0] = 1.0
    for i in range(n + 1):
        for j in range(m + 1):
            if i + j == 0:
                continue
            # one step in the first parameter, or in the second where there is none in the first
            rows, columns = (i - 1, j) if i > 0 else (0, j - 1)
            total, choose = 0.0, 1.0
            for k in range(rows + 1):
                other = 1.0
                for h in range(columns + 1):
                    step = terms[i - k, j - h]
                    if i - k == 1 and j == h:
                        step += first
                    if i == k and j - h == 1:
                        step += second
                    total += choose * other * q[k, h] * step
                    other = other * (columns - h) / (h + 1)
                choose = choose * (rows - k) / (k + 1)
            q[i, j] = total
    return float(q[n, m])


def gamma_terms(n: int, a: float) -> Table:
    terms = np.zeros((n + 1, 1))
    for k in range(1, n + 1):
        terms[k, 0] = -digamma(a) if k == 1 else -polygamma(k - 1, a)
    return terms


def beta_terms(n: int, m: int, a: float, b: float) -> Table:
    terms = np.zeros((n + 1, m + 1))
    for i in range(n + 1):
        for j in range(m + 1):
            if i + j > 0:
                both = digamma(a + b) if i + j == 1 else polygamma(i + j - 1, a + b)
                if j == 0:
                    both -= digamma(a) if i == 1 else polygamma(i - 1, a)
                if i == 0:
                    both -= digamma(b) if j == 1 else polygamma(j - 1, b)
                terms[i, j] = both
    return terms


def gamma_slope(n: int, a: float, x: float) -> float:
    """The derivative of order n in a of x^(a - 1) exp(-x) / gamma(a)."""
    if not (a > 0.0 and x >= 0.0) or a == math.inf or n < 0 or n > HIGHEST:
        return math.nan
    if x == math.inf:
        return 0.0
    if x == 0.0:
        if a > 1.0:
            return 0.0
        if a == 1.0 and n == 0:
            return 1.0
        return -math.inf if n % 2 == 1 else math.inf
    q = np.empty((n + 1, 1))
    return gamma_mass(a, x) / x * leibniz(n, 0, math.log(x), 0.0, gamma_terms(n, a), q)


def gammainc_slope(n: int, a: float, x: float) -> float:
    """The derivative of order n from 1 in a of gammainc(a, x)."""
    if not (a > 0.0 and x >= 0.0) or a == math.inf or n < 1 or n > HIGHEST:
        return math.nan
    if x == 0.0 or x == math.inf:
        return 0.0
    # t = x exp(-s) below x, x exp(s) above: from where the integrand has no peak in between
    side = -1.0 if x <= a else 1.0
    width = 1.0
    while (side < 0.0 or width < 512.0) and a * side * width - x * math.expm1(side * width) > _LOWEST:
        width *= 2.0
    while a * side * width / 2.0 - x * math.expm1(side * width / 2.0) < _LOWEST:
        width /= 2.0
    terms, q = gamma_terms(n, a), np.empty((n + 1, 1))
    at, total, edge, half = math.log(x), 0.0, 0.0, min(width / 20.0, 0.5)
    while edge < width:
        for i in range(16):
            node = _NODES[i // 2] if i % 2 == 0 else -_NODES[i // 2]
            s = side * (edge + half * (1.0 + node))
            size = half * _WEIGHTS[i // 2] * math.exp(a * s - x * math.expm1(s))
            total += size * leibniz(n, 0, at + s, 0.0, terms, q)
        edge += 2.0 * half
        if side < 0.0:
            half *= 1.5
    return -side * gamma_mass(a, x) * total


def beta_slope(n: int, m: int, a: float, b: float, x: float) -> float:
    """The derivative of order n in a and m in b of x^(a - 1) (1 - x)^(b - 1) / beta(a, b)."""
    if not (a > 0.0 and b > 0.0 and 0.0 <= x <= 1.0) or a + b == math.inf or min(n, m) < 0 or max(n, m) > HIGHEST:
        return math.nan
    if x == 0.0 or x == 1.0:
        near, far, order = (a, b, n) if x == 0.0 else (b, a, m)
        if near > 1.0:
            return 0.0
        if near == 1.0 and n + m == 0:
            return far
        return -math.inf if order % 2 == 1 else math.inf
    q = np.empty((n + 1, m + 1))
    factor = leibniz(n, m, math.log(x), math.log1p(-x), beta_terms(n, m, a, b), q)
    return beta_mass(a, b, x) / x / (1.0 - x) * factor


def betainc_slope(n: int, m: int, a: float, b: float, x: float) -> float:
    """The derivative of order n in a and m in b, together at least 1, of betainc(a, b, x)."""
    if not (a > 0.0 and b > 0.0 and 0.0 <= x <= 1.0) or a + b == math.inf or min(n, m) < 0 or max(n, m) > HIGHEST:
        return math.nan
    if x == 0.0 or x == 1.0:
        return 0.0
    sign = 1.0
    if x * (a + b) > a:
        # from the other end, where a and b change places
        sign, a, b, n, m, x = -1.0, b, a, m, n, 1.0 - x
    odds = x / (1.0 - x)
    width = 1.0
    while (b - 1.0) * math.log1p(-odds * math.expm1(-width)) - a * width > _LOWEST:
        width *= 2.0
    while (b - 1.0) * math.log1p(-odds * math.expm1(-width / 2.0)) - a * width / 2.0 < _LOWEST:
        width /= 2.0
    terms, q = beta_terms(n, m, a, b), np.empty((n + 1, m + 1))
    at, rest, total, edge, half = math.log(x), math.log1p(-x), 0.0, 0.0, min(width / 20.0, 0.5)
    while edge < width:
        for i in range(16):
            node = _NODES[i // 2] if i % 2 == 0 else -_NODES[i // 2]
            s = edge + half * (1.0 + node)
            above = math.log1p(-odds * math.expm1(-s))
            size = half * _WEIGHTS[i // 2] * math.exp((b - 1.0) * above - a * s)
            total += size * leibniz(n, m, at - s, rest + above, terms, q)
        edge += 2.0 * half
        half *= 1.5
    return sign * beta_mass(a, b, x) / (1.0 - x) * total


def gaussian(x: float) -> float:
    """exp(-x^2), the square taken exactly enough for the result to be right to the last digits."""
    if x != x or abs(x) > 40.0:
        return x if x != x else 0.0
    near = math.floor(16.0 * x + 0.5) / 16.0
    return math.exp(-near * near) * math.exp(-(x - near) * (x + near))


COMPILED = (
    lgamma_series, log_gamma, stirling, log1p_less, lbeta, beta, sinc_slope, gamma_mass, beta_mass, leibniz,
    gamma_terms, beta_terms, gamma_slope, gammainc_slope, beta_slope, betainc_slope, gaussian,
)  # fmt: skip
"""What kernels compile, callees first."""
