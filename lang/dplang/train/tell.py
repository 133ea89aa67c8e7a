"""The rows `progress.*` of the primitive table: what a running training tells.

The state of the interpreter's input and output holds both: `progress`, and `warn`, which takes a diagnostic.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.ir import Code, Group, Layout, Leaf
from ..errors.render import render_text
from ..errors.training import LossNotFinite
from ..interpret.format import count_leaves
from ..interpret.io import IO, IoContext
from .progress import Progress

Meta = tuple[Any, ...]


def progress_of(context: IoContext) -> Progress:
    found: Progress = context.state.setdefault("progress", Progress())
    return found


def _begin(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[()]:
    progress_of(context).begin(int(args[0]), context.span)
    return ()


def _step(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[()]:
    progress_of(context).step(int(args[0]), float(args[1]))
    return ()


def _end(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[()]:
    progress_of(context).end()
    return ()


def _failed(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[()]:
    """Arguments: the step, the loss there, the parameter there, and the parameter at the last finite loss."""
    step, loss, *values = args
    layouts, names, _ = meta
    n = count_leaves(layouts[2])
    leaf, before, after = moved_most(layouts[2], values[n:], values[:n], names[2] or "")
    warning = LossNotFinite(context.span, int(step), float(loss), leaf if step else "", before, after)
    warn = context.state.get("warn")
    if warn is not None:
        warn(warning)
    else:
        progress_of(context).clear()
        print(render_text([warning]), file=sys.stderr)
    return ()


IO.update({"progress.begin": _begin, "progress.step": _step, "progress.end": _end, "progress.failed": _failed})


# ---- which part of a parameter moved


def moved_most(layout: Layout, before: Sequence[Any], after: Sequence[Any], name: str = "") -> tuple[str, float, float]:
    """The scalar that is no longer finite, else the one that moved most: its name and both its values.

    `name` is that of the whole parameter.
    """
    best, found = -1.0, (name, 0.0, 0.0)
    for label, ranks, x, y in _floats(layout, before, after):
        old, new = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if not old.size:
            continue
        with np.errstate(all="ignore"):
            change = np.abs(new - old) / (1e-300 + np.abs(old) + np.abs(new))
        change = np.where(np.isfinite(new), change, np.inf)
        at = np.unravel_index(int(np.argmax(change)), old.shape)
        if change[at] > best:
            best = float(change[at])
            found = (_named(name, label, ranks, [int(i) for i in at]), float(old[at]), float(new[at]))
    return found


def _floats(
    layout: Layout, before: Sequence[Any], after: Sequence[Any]
) -> Iterator[tuple[tuple[str, ...], tuple[int, ...], Any, Any]]:
    """The Float leaves: the names on the way, how many indices stand behind each, and both values."""
    leaves = iter(zip(before, after, strict=True))

    def walk(part: Layout, names: tuple[str, ...], ranks: tuple[int, ...]) -> Iterator[Any]:
        match part:
            case Leaf():
                x, y = next(leaves)
                if isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
                    yield names, ranks, x, y
            case Group(_, fields, parts, rank):
                for i, inner in enumerate(parts):
                    name = fields[i] if fields else str(i)
                    yield from walk(inner, (*names, name), (*ranks, rank))
            case Code(captured):
                for i, inner in enumerate(captured):
                    yield from walk(inner, (*names, f"captured {i}"), (*ranks, 0))

    yield from walk(layout, (), ())


def _named(text: str, names: tuple[str, ...], ranks: tuple[int, ...], at: list[int]) -> str:
    """`p.layers[2].w[0, 1]`: indices of an array of structs stand behind what holds the struct."""
    for name, rank in zip(names, ranks, strict=True):
        here, at = at[:rank], at[rank:]
        text += (f"[{', '.join(map(str, here))}]" if here else "") + ("." if text or here else "") + name
    return text + (f"[{', '.join(map(str, at))}]" if at else "")
