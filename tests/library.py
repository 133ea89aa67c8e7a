"""Laws of functions of the library: values against a reference, derivatives both ways against numeric ones, twice.

A law is a call of the library at one point. `check` writes a small module around it, so that a function is tested as a
program uses it: through the checker, the derivatives and the interpreter (and kernels, with `jit`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import dplang as dp
from dplang.loading import library_modules

MODULES = library_modules()


@dataclass(frozen=True)
class Law:
    """A call at a point.

    code       an expression of dp over the names of `at`; its value is a number or an array of numbers
    at         the point: Floats, Ints, Float arrays, Int arrays; a `str` is an expression of dp (`key(3)`), held fixed
    value      the reference: a function of the values in `at`, in their order, or the value itself. None: values are
               tested elsewhere
    wrt        the names to differentiate by: all Floats unless told; () for none
    order      up to which order derivatives are tested
    close      allowed relative distance of the value, of the first and of the second derivative from the numeric one
    before     definitions that the expression needs
    """

    code: str
    at: dict[str, Any]
    value: Callable[..., Any] | float | Sequence[Any] | np.ndarray[Any, Any] | None = None
    wrt: tuple[str, ...] | None = None
    order: int = 2
    close: tuple[float, float, float] = (1e-13, 1e-7, 1e-6)
    before: str = ""
    name: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.name or self.code


def _type(x: Any) -> str:
    if isinstance(x, bool | np.bool_):
        return "Bool"
    if isinstance(x, int):
        return "Int"
    if isinstance(x, float):
        return "Float"
    a = np.asarray(x)
    scalar = {"b": "Bool", "i": "Int", "f": "Float"}[a.dtype.kind]
    return f"{scalar}[{', '.join(map(str, a.shape))}]"


def slope(f: Callable[[float], float], step: float = 0.02) -> float:
    """The derivative of f at 0 by central differences, extrapolated to step 0 (Ridders, 1982)."""
    with np.errstate(all="ignore"):
        rows: list[list[float]] = []
        best, error = float("nan"), float("inf")
        for i in range(10):
            h = step / 1.6**i
            row = [(f(h) - f(-h)) / (2 * h)]
            for j in range(1, i + 1):
                factor = 1.6 ** (2 * j)
                row.append((factor * row[j - 1] - rows[i - 1][j - 1]) / (factor - 1))
                guess = max(abs(row[j] - row[j - 1]), abs(row[j] - rows[i - 1][j - 1]))
                if guess <= error:
                    best, error = row[j], guess
            rows.append(row)
    return best


def check(law: Law, jit: Any = "never") -> None:
    """Checks a law; an AssertionError tells what does not hold."""
    fixed = {n: x for n, x in law.at.items() if isinstance(x, str)}
    names = [n for n in law.at if n not in fixed]
    values = [law.at[n] for n in names]
    parameters = ", ".join(f"{n}: {_type(law.at[n])}" for n in names)
    imports = [m for m in MODULES if re.search(rf"\b{m}\.", law.code + law.before)]
    text = "".join(f"import {m}\n" for m in imports) + law.before
    text += "".join(f"\nlet {n} = {x}" for n, x in fixed.items())
    text += f"\nfn law({parameters}) = {law.code}\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = np.asarray(dp.source(text, jit=jit).law(*values), float)
        if law.value is not None:
            wanted = law.value(*(law.at[n] for n in law.at)) if callable(law.value) else law.value
            wanted = np.asarray(wanted, float)
            assert value.shape == wanted.shape, f"{law.code} has shape {value.shape}, the reference {wanted.shape}"
            scale = law.close[0] * max(1.0, float(np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted))))
            assert np.allclose(value, wanted, rtol=law.close[0], atol=scale * 1e-2, equal_nan=True), (
                f"{law.code} is {value}, the reference {wanted}"
            )
        wrt = law.wrt if law.wrt is not None else tuple(n for n in names if _type(law.at[n]).startswith("Float"))
        if wrt and law.order:
            _derivatives(law, text, parameters, names, wrt, value, jit)


def _derivatives(
    law: Law, text: str, parameters: str, names: list[str], wrt: tuple[str, ...], value: Any, jit: Any
) -> None:
    """Reverse = numeric, forward = reverse; the same for the derivative along a direction, both ways."""
    random = np.random.default_rng(7)
    weight = random.uniform(0.5, 1.5, value.shape) if value.shape else float(random.uniform(0.5, 1.5))
    along = {n: np.asarray(random.uniform(-1, 1, np.shape(law.at[n]))) for n in wrt}
    total = "weight * law" if not value.shape else "sum(weight * law"
    arguments = ", ".join(names)
    tangent = {n: f"t_{n}: {_type(law.at[n])}" for n in wrt}
    tangents = f"({', '.join(f't_{n}' for n in wrt)})" if len(wrt) > 1 else f"t_{wrt[0]}"
    which = f"({', '.join(wrt)})" if len(wrt) > 1 else wrt[0]
    end = ")" if value.shape else ""
    text += f"fn law_sum({parameters}, weight: {_type(weight)}) -> Float = {total}({arguments}){end}\n"
    text += f"fn law_grad({parameters}, weight: {_type(weight)}) = grad(law_sum, wrt = {which})({arguments}, weight)\n"
    text += (
        f"fn law_slope({parameters}, weight: {_type(weight)}, {', '.join(tangent.values())}) -> Float "
        f"{{ let (value, slope) = jvp(law_sum, wrt = {which})({arguments}, weight, {tangents}); slope }}\n"
    )
    if law.order >= 2:
        text += (
            f"fn law_second({parameters}, weight: {_type(weight)}, {', '.join(tangent.values())}) = "
            f"grad(law_slope, wrt = {which})({arguments}, weight, {', '.join(f't_{n}' for n in wrt)})\n"
            f"fn law_turn({parameters}, weight: {_type(weight)}, {', '.join(tangent.values())}) = "
            f"hvp(law_sum, wrt = {which})({arguments}, weight, {tangents})\n"
        )
    m = dp.source(text, jit=jit)
    point = [law.at[n] for n in names]

    def moved(h: float) -> list[Any]:
        return [
            (law.at[n] + h * along[n] if np.ndim(law.at[n]) else float(law.at[n] + h * along[n]))
            if n in wrt
            else law.at[n]
            for n in names
        ]

    steps = [along[n] if np.ndim(law.at[n]) else float(along[n]) for n in wrt]

    def directional(gradient: Any) -> float:
        parts = gradient if isinstance(gradient, tuple) else (gradient,)
        return float(sum(np.sum(np.asarray(p) * along[n]) for p, n in zip(parts, wrt, strict=True)))

    back = directional(m.law_grad(*point, weight))
    forth = m.law_slope(*point, weight, *steps)
    numeric = slope(lambda h: m.law_sum(*moved(h), weight))
    size = max(1.0, abs(numeric))
    assert abs(back - forth) <= 1e-9 * size, f"{law.code}: reverse {back}, forward {forth}"
    assert abs(back - numeric) <= law.close[1] * size, f"{law.code}: derivative {back}, numeric {numeric}"
    if law.order < 2:
        return
    one, other = directional(m.law_second(*point, weight, *steps)), directional(m.law_turn(*point, weight, *steps))
    numeric = slope(lambda h: directional(m.law_grad(*moved(h), weight)))
    size = max(1.0, abs(numeric))
    assert abs(one - other) <= 1e-8 * size, f"{law.code}: reverse of forward {one}, forward of reverse {other}"
    assert abs(one - numeric) <= law.close[2] * size, f"{law.code}: second derivative {one}, numeric {numeric}"
