"""The works in JAX and PyTorch, each as its users would write it, on the CPU in double precision.

`jax_works(name, args)` and `torch_works(name, args)` give (primal, gradient), calls without arguments that return when
the numbers are there; compiling is left to the first call.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

Pair = tuple[Callable[[], Any], Callable[[], Any]]


def jax_works(name: str, args: tuple[Any, ...]) -> Pair:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax import lax

    def lotka(p: Any, steps: int) -> Any:
        a, b, c, d = p
        h = 0.01

        def change(s: Any) -> Any:
            x, y = s
            return jnp.array([a * x - b * x * y, d * x * y - c * y])

        def step(s: Any, _: Any) -> Any:
            k1 = change(s)
            k2 = change(s + h / 2 * k1)
            k3 = change(s + h / 2 * k2)
            k4 = change(s + h * k3)
            return s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

        return jnp.sum(lax.scan(step, jnp.ones(2), None, length=steps)[0] ** 2)

    def particles(v: Any, steps: int) -> Any:
        def force(x: Any) -> Any:
            return jnp.where(x > 1, -4 * (x - 1), jnp.where(x < -1, -4 * (x + 1), 0.3 * x * (1 - x**2)))

        def step(s: Any, _: Any) -> Any:
            x, u = s
            u = u + 0.01 * (force(x) - 0.1 * u)
            return (x + 0.01 * u, u), None

        return jnp.sum(lax.scan(step, (0.1 * jnp.arange(v.size), v), None, length=steps)[0][0] ** 2)

    def rosenbrock(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    def mixture(open_: Any, xs: Any, gamma: float, m: int) -> Any:
        alphas, means, factors = open_
        return _mixture(jnp, jax.scipy.special.logsumexp, alphas, means, factors, xs, gamma, m)

    def residual(z: Any, seen: Any) -> Any:
        return z[14] * (_project(jnp, z[:11], z[11:14]) - seen)

    def ready(f: Callable[..., Any], *given: Any) -> Callable[[], Any]:
        compiled = jax.jit(f)
        return lambda: jax.tree.map(np.asarray, jax.block_until_ready(compiled(*given)))

    if name == "square":
        return ready(lambda x: x**2, args[0]), ready(jax.grad(lambda x: x**2), args[0])
    if name == "lotka":
        loss = lambda p: lotka(p, args[4])  # noqa: E731
        return ready(loss, jnp.array(args[:4])), ready(jax.grad(loss), jnp.array(args[:4]))
    if name == "particles":
        loss = lambda v: particles(v, args[1])  # noqa: E731
        return ready(loss, jnp.array(args[0])), ready(jax.grad(loss), jnp.array(args[0]))
    if name == "rosenbrock":
        return ready(rosenbrock, jnp.array(args[0])), ready(jax.grad(rosenbrock), jnp.array(args[0]))
    if name == "mixture":
        given, xs = tuple(map(jnp.array, args[:3])), jnp.array(args[3])
        loss = lambda g, xs: mixture(g, xs, *args[4:])  # noqa: E731
        return ready(loss, given, xs), ready(jax.grad(loss), given, xs)
    cameras, points, w, seen, camera, point = map(jnp.array, args)
    stack = lambda *a: jnp.concatenate([a[0][a[4]], a[1][a[5]], a[2][:, None]], axis=1)  # noqa: E731
    return (
        ready(lambda *a: (jax.vmap(residual)(stack(*a), a[3]), 1 - a[2] ** 2), cameras, points, w, seen, camera, point),
        ready(
            lambda *a: (jax.vmap(jax.jacrev(residual))(stack(*a), a[3]), -2 * a[2]),
            cameras,
            points,
            w,
            seen,
            camera,
            point,
        ),
    )


def torch_works(name: str, args: tuple[Any, ...]) -> Pair:
    import torch

    torch.set_num_threads(1)
    tensors = [torch.tensor(a, dtype=torch.float64) if isinstance(a, float) else torch.as_tensor(a) for a in args]

    def lotka(a: Any, b: Any, c: Any, d: Any, steps: int) -> Any:
        def change(s: Any) -> Any:
            x, y = s
            return torch.stack([a * x - b * x * y, d * x * y - c * y])

        s, h = torch.ones(2, dtype=torch.float64), 0.01
        for _ in range(steps):
            k1 = change(s)
            k2 = change(s + h / 2 * k1)
            k3 = change(s + h / 2 * k2)
            k4 = change(s + h * k3)
            s = s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return (s**2).sum()

    def particles(v: Any, steps: int) -> Any:
        x, u = 0.1 * torch.arange(len(v), dtype=torch.float64), v
        for _ in range(steps):
            force = torch.where(x > 1, -4 * (x - 1), torch.where(x < -1, -4 * (x + 1), 0.3 * x * (1 - x**2)))
            u = u + 0.01 * (force - 0.1 * u)
            x = x + 0.01 * u
        return (x**2).sum()

    def rosenbrock(x: Any) -> Any:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def mixture(alphas: Any, means: Any, factors: Any, xs: Any, gamma: float, m: int) -> Any:
        return _mixture(torch, torch.logsumexp, alphas, means, factors, xs, gamma, m)

    def residual(z: Any, seen: Any) -> Any:
        return z[14] * (_project(torch, z[:11], z[11:14]) - seen)

    def pair(f: Callable[..., Any], given: list[Any], rest: tuple[Any, ...]) -> Pair:
        def gradient() -> Any:
            for g in given:
                g.grad = None
            f(*given, *rest).backward()
            return [g.grad.numpy() for g in given]

        for g in given:
            g.requires_grad_()
        return lambda: f(*given, *rest).detach().numpy(), gradient

    simple = {"square": (lambda x: x**2, 1), "lotka": (lotka, 4), "particles": (particles, 1)}
    simple |= {"rosenbrock": (rosenbrock, 1), "mixture": (mixture, 3)}
    if name in simple:
        f, count = simple[name]
        rest = (tensors[3], *args[4:]) if name == "mixture" else args[count:]
        return pair(f, tensors[:count], rest)
    cameras, points, w, seen, camera, point = tensors
    stack = lambda: torch.cat([cameras[camera], points[point], w[:, None]], 1)  # noqa: E731
    blocks = torch.func.vmap(torch.func.jacrev(residual))
    return (
        lambda: [torch.func.vmap(residual)(stack(), seen).numpy(), (1 - w**2).numpy()],
        lambda: [blocks(stack(), seen).numpy(), (-2 * w).numpy()],
    )


def _mixture(np_: Any, logsumexp: Any, alphas: Any, means: Any, factors: Any, xs: Any, gamma: float, m: int) -> Any:
    """In the array operations that both have."""
    k, d = means.shape
    n = xs.shape[0]
    columns, rows = np.triu_indices(d, 1)  # by columns of the lower triangle
    diagonal, low = np_.exp(factors[:, :d]), factors[:, d:]
    logs = factors[:, :d].sum(1)
    place = np.zeros((low.shape[1], d, d))
    place[np.arange(low.shape[1]), rows, columns] = 1
    place = np_.asarray(place)
    lower = np_.einsum("kt,tij->kij", low, place)
    centred = xs[:, None, :] - means[None]
    y = diagonal[None] * centred + np_.einsum("kij,nkj->nki", lower, centred)
    each = alphas + logs - 0.5 * (y**2).sum(2)
    w = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi) + sum(
        math.lgamma(0.5 * w + 0.5 * (1 - j)) for j in range(1, d + 1)
    )
    constant = w * d * (math.log(gamma) - 0.5 * math.log(2)) - log_gamma
    prior = 0.5 * gamma**2 * ((diagonal**2).sum() + (low**2).sum()) - m * logs.sum() - k * constant
    return logsumexp(each, 1).sum() - 0.5 * n * d * math.log(2 * math.pi) - n * logsumexp(alphas, 0) + prior


def _project(np_: Any, camera: Any, point: Any) -> Any:
    cross = np_.linalg.cross if hasattr(np_, "no_grad") else np_.cross
    r, x = camera[:3], point - camera[3:6]
    angle = np_.sqrt((r * r).sum())
    w = r / angle
    x = x * np_.cos(angle) + cross(w, x) * np_.sin(angle) + w * ((w * x).sum() * (1 - np_.cos(angle)))
    p = x[:2] / x[2]
    square = (p * p).sum()
    return p * (1 + camera[9] * square + camera[10] * square**2) * camera[6] + camera[7:9]
