"""Laws of lists and options: what goes through them is learned from; lists may be long."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

import dplang as dp
from library import Law, check

X = np.array([0.3, -1.2, 2.0])
Y = np.array([0.5, 0.25])

LAWS = (
    Law("list.to_array(list.from_array(x)) as Float[3]", {"x": X}, lambda x: x),
    Law("list.fold(list.from_array(x), 1.0, (p, v) -> p * sin(v))", {"x": X}, lambda x: np.prod(np.sin(x))),
    Law("(list.from_array(x) |> list.map(v -> v^3) |> list.to_array) as Float[3]", {"x": X}, lambda x: x**3),
    Law("(list.from_array(x) |> list.filter(v -> v > 0) |> list.map(exp) |> list.to_array) as Float[2]", {"x": X},
        lambda x: np.exp(x[x > 0])),
    Law("list.to_array(list.reverse(list.from_array(x^2))) as Float[3]", {"x": X}, lambda x: x[::-1] ** 2),
    Law("list.to_array(list.append(list.from_array(x), list.from_array(x * y[0]))) as Float[6]", {"x": X, "y": Y},
        lambda x, y: np.concatenate([x, x * y[0]])),
    Law("(list.zip(list.from_array(x), list.from_array(y)) |> list.map(p -> p[0] * p[1]) |> list.to_array) as Float[2]",
        {"x": X, "y": Y},
        lambda x, y: x[:2] * y, name="zip"),
    Law("option.unwrap_or(list.nth(list.from_array(x^2), 1), 7.0)", {"x": X}, lambda x: x[1] ** 2),
    Law("option.unwrap_or(list.nth(list.from_array(x^2), 3), y[0]^2)", {"x": X, "y": Y}, lambda x, y: y[0] ** 2),
    Law("first(list.pop(list.push(list.from_array(x), y[0]^2)))", {"x": X, "y": Y}, lambda x, y: y[0] ** 2,
        before="fn first(p: Option[(Float, list.List[Float])]) -> Float = "
        "match p { Some((v, rest)) => v * float(list.length(rest)) / 3, None => 0 }"),
    Law("option.map(Some(a), v -> v^2) |> option.and_then(v -> Some(sin(v))) |> option.unwrap_or(0.0)", {"a": 0.7},
        lambda a: np.sin(a**2)),
    Law("option.or_else(option.filter(Some(a), v -> v > 1), Some(a^3)) |> option.unwrap_or(0.0)", {"a": 0.7},
        lambda a: a**3),
    Law("option.unwrap_or([Some(x[0]^2), None, Some(x[2])], y[1]^2)", {"x": X, "y": Y},
        lambda x, y: np.array([x[0] ** 2, y[1] ** 2, x[2]])),
    Law("option.present([Some(x[0]^2), None, Some(sin(x[2]))]) as Float[2]", {"x": X},
        lambda x: np.array([x[0] ** 2, np.sin(x[2])])),
    Law("product(option.zip(Some(x[0]), Some(x[1]^2)))", {"x": X}, lambda x: x[0] * x[1] ** 2,
        before="fn product(p: Option[(Float, Float)]) -> Float = match p { Some((a, b)) => a * b, None => 0 }"),
)  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(law, jit="always")


@pytest.mark.parametrize("jit", ["never", pytest.param("always", marks=pytest.mark.long)])
def test_long_lists(jit: Literal["never", "always"]) -> None:
    """No function runs out of stack, whatever the length, and gradients go through all of it."""
    module = dp.source(
        "import list\n"
        "fn all(x: Float[n]) -> Float {\n"
        "  let xs = list.from_array(x) |> list.map(v -> 2 * v) |> list.filter(v -> v > 0.5)\n"
        "  let twice = list.append(list.reverse(xs), xs)\n"
        "  let pairs = list.zip(twice, twice) |> list.map(p -> p[0] * p[1])\n"
        "  list.fold(pairs, 0.0, (s, v) -> s + v) + sum(list.to_array(twice)) + float(list.length(twice))\n"
        "}\n"
        "fn slope(x: Float[n]) -> Float[n] = grad(all)(x)\n"
        "fn last(x: Float[n]) -> Option[Float] = list.nth(list.from_array(x), n - 1)\n",
        jit=jit,
    )
    x = np.linspace(0, 1, 100_000)
    kept = 2 * x[2 * x > 0.5]
    assert np.isclose(module.all(x), 2 * np.sum(kept**2) + 2 * np.sum(kept) + 2 * len(kept))
    assert np.allclose(module.slope(x), np.where(2 * x > 0.5, 16 * x + 4, 0))
    assert module.last(x) is not None
