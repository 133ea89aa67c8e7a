"""Input and output: which function performs a row of the primitive table with an effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TextIO, TypeAlias

from ..core.ir import EnumDecl
from ..errors import Span
from ..primitives import TABLE
from .format import count_leaves, text


@dataclass(slots=True)
class IoContext:
    """What input and output need to know: where text goes, the place in the program, the enums that values are of, and
    whatever the functions keep from call to call (figures that are not saved yet)."""

    out: TextIO
    span: Span
    enums: Mapping[str, EnumDecl]
    state: dict[str, Any]


Perform: TypeAlias = Callable[[IoContext, Sequence[Any], tuple[Any, ...]], tuple[Any, ...]]

IO: dict[str, Perform] = {}
"""Functions by the name of their row where layers above have them; of others the row tells the place. They take the
context, leaves of the arguments, and the `Io`'s meta: layouts of the arguments, their names, layout of the result; they
give the leaves of the result."""


def provider(op: str) -> Perform:
    """The function that performs `op`. Progress that nobody shows is none."""
    known = IO.get(op)
    if known is not None:
        return known
    row = TABLE[op]
    if row.effect == "progress":
        return lambda context, args, meta: IO[op](context, args, meta) if op in IO else ()
    room, _, name = row.numpy.partition(".")
    perform: Perform = getattr(import_module(f"{__package__}.{room}"), name)
    return perform


def _print(context: IoContext, args: Sequence[Any], meta: tuple[Any, ...]) -> tuple[Any, ...]:
    """`print(a, b)`: values separated by blanks."""
    parts, k = [], 0
    for layout in meta[0]:
        n = count_leaves(layout)
        parts.append(text(context.enums, layout, args[k : k + n]))
        k += n
    context.out.write(" ".join(parts) + "\n")
    return ()


IO["print"] = _print
