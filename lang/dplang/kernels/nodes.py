"""Operations on nodes of recursive enums, as primitives that only kernels know.

`Layouts` say what the words of a node are, `flatten` emits these primitives, `arena` is what their text calls.
"""

from __future__ import annotations

from ..core.build import literal
from ..core.ir import INT, ArrayType, Operand, Prim, Type

TAGS, NEXT, END, CHUNK, TOTAL, SLOTS = 24, 25, 26, 27, 28, 32
"""Slots of `ctl`: where the nodes of variants without payload stand, one a tag; the next free word and the end of the
newest chunk; that chunk; the bytes of all chunks. Last, how many slots there are."""

PLAIN = 1 << 10
"""How many variants an enum may have where one without payload is no node of its own."""

MAKE, KEEP = "node.make", "node.keep"


def make(tag: int, parts: tuple[Operand, ...]) -> Prim:
    """A new node."""
    return Prim(MAKE, (literal(tag), *parts)) if parts or tag >= PLAIN else Prim("node.plain", (literal(tag),))


def tag_of(node: Operand) -> Prim:
    return Prim("node.tag", (node,))


def word(node: Operand, k: int) -> Prim:
    """A word of a node; the type of the result says what it is."""
    return Prim("node.word", (node, literal(k)))


def keep(array: Operand) -> Prim:
    """The address of a copy of an array's elements in the arena."""
    return Prim(KEEP, (array,))


def view(at: Operand, sizes: tuple[Operand, ...]) -> Prim:
    """The array of such an address."""
    return Prim("node.view", (at, *sizes))


def mark() -> Prim:
    return Prim("node.mark", ())


def release(at: Operand) -> Prim:
    """Frees what came into the arena since it was marked."""
    return Prim("node.release", (at,))


def width(part: Type) -> int:
    """How many words of a node a part takes."""
    return 1 + len(part.dims) if isinstance(part, ArrayType) else 1


def node_text(value: Prim, dtype: str) -> str | None:
    """The text of one of these primitives, `dtype` being what NumPy calls the scalars of its result; None for
    others."""
    several = "".join(f"{{{k}}}, " for k in range(len(value.args)))
    match value.op:
        case "node.make":
            return f"store(take(ctl, {len(value.args)}), ({several}))"
        case "node.plain":
            return f"(ctl[{TAGS}] + 8 * {{0}})"
        case "node.tag":
            return "field({0}, 0, np.int64)"
        case "node.word":
            return f"field({{0}}, {{1}}, {dtype})"
        case "node.keep":
            return "copy(take(ctl, ({0}.nbytes + 7) >> 3), {0})"
        case "node.view":
            sizes = "".join(f"{{{k}}}, " for k in range(1, len(value.args)))
            return f"carray(elements({{0}}, {dtype}), ({sizes}))"
        case "node.mark":
            return "mark(ctl)"
        case "node.release":
            return "release(ctl, {0})"
        case _:
            return None


NODE = INT
"""What stands for a node."""
