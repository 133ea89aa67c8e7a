"""Laws of derivatives, checked on functions of core: forward = reverse = finite difference, first and second order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dplang.core.ir import FLOAT, ArrayType, Program, Type
from dplang.core.verify import verify
from dplang.differentiate import differentiate
from dplang.interpret.evaluate import Interpreter
from writer import E, Module, W

STEP = 1e-5


def floats(t: Type) -> bool:
    return t == FLOAT or (isinstance(t, ArrayType) and t.elem == FLOAT)


def derived(module: Module) -> Program:
    """The program without derivative operators, verified before and after."""
    program = module.program()
    verify(program)
    made = differentiate(program)
    verify(made)
    return made


def run(module: Module, fn: str, *args: Any) -> tuple[Any, ...]:
    return Interpreter(derived(module)).call(fn, args)


def inner_product(w: W, a: E, b: E) -> E:
    """The sum of the products of the numbers of two values."""
    if a.type == FLOAT:
        return a * b
    assert isinstance(a.type, ArrayType)
    return w.sum(w.dim(a), lambda i: inner_product(w, a[i], b[i]))


def operators(module: Module, fn: str, wrt: tuple[int, ...]) -> None:
    """Adds functions for the derivatives of `fn`: both ways, and second order over reverse, both ways."""
    f = module.fns[fn]
    params = [p.var.type for p in f.params]
    types = [params[i] for i in wrt]
    n = len(params)

    def derivative(kind: str, *results: Type) -> Callable[..., Any]:
        return lambda w, *a: w.derive(kind, fn, a[:n], wrt, a[n:], *results)

    def along(w: W, *a: E) -> E:
        g = w.call("gradient", *a[:n])
        parts = [inner_product(w, x, v) for x, v in zip(g if isinstance(g, tuple) else (g,), a[n:], strict=True)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    module.fn("gradient", params, derivative("grad", *types))
    module.fn("value", params, derivative("value_and_grad", *f.result_types, *types))
    module.fn("tangent", params + types, derivative("jvp", *f.result_types, *f.result_types))
    module.fn("second", params + types, derivative("hvp", *types))
    module.fn("along", params + types, along)
    module.fn("second_back", params + types, lambda w, *a: w.derive("grad", "along", a, wrt, [], *types))


def laws(
    module: Module, fn: str, args: Sequence[Any], wrt: tuple[int, ...] | None = None, close: float = 1e-6
) -> Program:
    """Checks all laws of `fn` at `args`, along a random direction."""
    params = [p.var.type for p in module.fns[fn].params]
    wrt = tuple(i for i, t in enumerate(params) if floats(t)) if wrt is None else wrt
    operators(module, fn, wrt)
    program = derived(module)
    it = Interpreter(program)
    random = np.random.default_rng(1)
    v = [random.normal(size=np.shape(args[i])) if np.ndim(args[i]) else float(random.normal()) for i in wrt]

    def at(f: str, step: float) -> tuple[Any, ...]:
        moved = list(args)
        for i, d in zip(wrt, v, strict=True):
            moved[i] = args[i] + step * d
        return it.call(f, moved)

    value, *gradient = it.call("value", args)
    slope = sum(float(np.sum(np.asarray(g) * d)) for g, d in zip(gradient, v, strict=True))
    measured = (at(fn, STEP)[0] - at(fn, -STEP)[0]) / (2 * STEP)
    assert value == it.call(fn, args)[0]
    for g, h in zip(gradient, it.call("gradient", args), strict=True):
        assert np.array_equal(g, h)
    assert np.isclose(it.call("tangent", [*args, *v])[1], slope, rtol=1e-10, atol=1e-12), "forward = reverse"
    assert np.isclose(slope, measured, rtol=close, atol=close), "reverse = finite difference"
    second = it.call("second", [*args, *v])
    for h, b, up, down in zip(
        second, it.call("second_back", [*args, *v]), at("gradient", STEP), at("gradient", -STEP), strict=True
    ):
        assert np.allclose(h, (np.asarray(up) - np.asarray(down)) / (2 * STEP), rtol=1e-4, atol=1e-5), "second order"
        assert np.allclose(h, b, rtol=1e-8, atol=1e-10), "forward over reverse = reverse over reverse"
    return program
