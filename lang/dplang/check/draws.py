"""Keys of calls that make arrays: each element draws from a key of its own."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.ir import INT, KEY
from ..core.sizes import Size
from ..core.types import Wrong, array
from ..syntax import tree
from . import typed
from .arguments import sizes_given, value_of
from .context import Context, hold, int_lit
from .lift import coerce


def own_keys(
    cx: Context, args: Sequence[tuple[typed.Expr, int]], dims: tuple[Size, ...], before: list[typed.Stmt]
) -> list[tuple[typed.Expr, int]]:
    """The arguments of a call that is mapped over `dims`, with how many of these each is mapped over. A key that would
    be held is `k[i][j]` for the element at i, j: the same key everywhere would draw the same number everywhere."""
    made = []
    for value, depth in args:
        if depth == 0 and cx.solve(value.type) == KEY:
            made.append((_keys(cx, value, dims, before), len(dims)))
        else:
            made.append((value, depth))
    return made


def keys_given(
    cx: Context, key: tree.Expr | typed.Expr, sizes: Sequence[tree.Expr], label: str, before: list[typed.Stmt]
) -> typed.Expr | None:
    """The array of keys that a call maps over which has `sizes` behind its arguments. None where one is wrong."""
    value = key if isinstance(key, typed.Node) else value_of(cx, key, KEY)
    if value is None:
        return None
    value = coerce(cx, value, KEY)
    given = sizes_given(cx, list(sizes), label, before)
    if given is None or isinstance(value.type, Wrong):
        return None
    return _keys(cx, value, tuple(size for size, _ in given), before)


def _keys(cx: Context, key: typed.Expr, dims: tuple[Size, ...], before: list[typed.Stmt]) -> typed.Expr:
    span = key.span
    element = hold(key, before)
    ranges = []
    for size in dims:
        symbol = typed.Symbol("i", span)
        ranges.append(typed.Range(symbol, int_lit(0, span), typed.SizeValue(INT, span, cx.size(size))))
        element = typed.Prim(KEY, span, "key_at", (element, typed.Local(INT, span, symbol)))
    return typed.Builder(array(KEY, dims), span, tuple(ranges), element)
