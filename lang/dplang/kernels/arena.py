# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""Values of recursive enums while a kernel runs: nodes of 8-byte words in an arena that is freed as a whole.

A node is its tag and the parts of its payload, a word each; a part that is an array is the address of its elements and
its sizes. What stands for a node elsewhere is its address, an Int. Nodes never change and never move, so sharing them
costs nothing. Chunks of the arena form a list, the newest first: the first two words of a chunk are the address of the
one before and its own end.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from .nodes import CHUNK, END, NEXT, TOTAL
from .support import ROOM, STATUS, Trap, inline

__all__ = ["carray", "copy", "elements", "field", "mark", "release", "store", "take"]

_allocate = types.ExternalFunction("PyMem_RawMalloc", types.int64(types.int64))
_free = types.ExternalFunction("PyMem_RawFree", types.void(types.int64))


def _pointer(builder: Any, at: Any, kind: Any) -> Any:
    return builder.inttoptr(at, kind.as_pointer())


@intrinsic
def field(context: Any, node: Any, word: Any, kind: Any) -> Any:
    """A word of a node as a scalar of a NumPy type."""
    t = kind.instance_type

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        model = cx.data_model_manager[t]
        at = builder.add(args[0], builder.mul(args[1], ir.Constant(ir.IntType(64), 8)))
        return model.from_data(builder, builder.load(_pointer(builder, at, model.get_data_type())))

    return t(types.int64, types.int64, kind), lower


@intrinsic
def store(context: Any, at: Any, values: Any) -> Any:
    """The address `at`, after scalars were put into the words there."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        for k, t in enumerate(sig.args[1].types):
            model = cx.data_model_manager[t]
            word = builder.add(args[0], ir.Constant(ir.IntType(64), 8 * k))
            data = model.as_data(builder, builder.extract_value(args[1], k))
            builder.store(data, _pointer(builder, word, data.type))
        return args[0]

    return types.int64(types.int64, values), lower


@intrinsic
def copy(context: Any, at: Any, a: Any) -> Any:
    """The address `at`, after the elements of a contiguous array were put there."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = cx.make_array(sig.args[1])(cx, builder, args[1])
        to = builder.inttoptr(args[0], array.data.type)
        cgutils.raw_memcpy(builder, to, array.data, array.nitems, array.itemsize)
        return args[0]

    return types.int64(types.int64, a), lower


@intrinsic
def elements(context: Any, at: Any, kind: Any) -> Any:
    """An address as a pointer to elements of a NumPy type. They are there as long as the arena is, and nobody may write
    to them."""
    pointer = types.CPointer(kind.instance_type)

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cx.get_value_type(pointer))

    return pointer(types.int64, kind), lower


@inline
def more(ctl, words):
    """Another chunk, with room for so many words at least; where its words begin."""
    size = 16 + 8 * max(words, min(max(1 << 10, ctl[TOTAL] >> 3), 1 << 20))
    at = 0 if ctl[TOTAL] + size > ctl[ROOM] else _allocate(size)
    if at == 0:
        ctl[STATUS] = -1
        raise Trap
    store(at, (ctl[CHUNK], at + size))
    ctl[TOTAL] += size
    ctl[CHUNK] = at
    ctl[END] = at + size
    return at + 16


@inline
def take(ctl, words):
    """Room for so many words."""
    at = ctl[NEXT]
    if at + 8 * words > ctl[END]:
        at = more(ctl, words)
    ctl[NEXT] = at + 8 * words
    return at


@inline
def mark(ctl):
    """Where the arena ends now."""
    if ctl[CHUNK] == 0:
        ctl[NEXT] = more(ctl, 0)
    return ctl[NEXT]


@inline
def release(ctl, at):
    """Frees all that came into the arena after a mark."""
    while not ctl[CHUNK] <= at <= ctl[END]:
        old = ctl[CHUNK]
        ctl[TOTAL] -= ctl[END] - old
        before = field(old, 0, types.int64)
        _free(old)
        ctl[CHUNK] = before
        ctl[END] = field(before, 1, types.int64)
    ctl[NEXT] = at
    return 0
