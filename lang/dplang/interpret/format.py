"""Values as text: what `print` writes and what strings interpolate.

Floats print as the shortest text that reads back (`3.0`), arrays as `[1.0, 2.0]`, structs as `Wave(a = 1.0, b = 2.0)`,
enum values as `Leaf(3.0)`. A format specification is Python's and applies to each number or string of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, assert_never

import numpy as np

from ..core.ir import ArrayType, Code, EnumDecl, EnumType, Group, Layout, Leaf, Scalar, Type
from ..primitives.runtime import Trap


def text(enums: Mapping[str, EnumDecl], layout: Layout, leaves: Sequence[Any], specification: str = "") -> str:
    """A value of the language, made up of `leaves`, as text."""
    if isinstance(layout, Leaf) and layout.type == Scalar("String") and not specification:
        return str(leaves[0])
    return _Writer(enums, specification).value(layout, iter(leaves))


def formatter(enums: Mapping[str, EnumDecl], pieces: tuple[object, ...]) -> Callable[..., str]:
    """The function of a `format` primitive: it takes the leaves of all interpolated values."""
    plan: list[tuple[str, Layout | None, int]] = []
    for piece in pieces:
        if isinstance(piece, str):
            plan.append((piece, None, 0))
        else:
            assert isinstance(piece, tuple)
            plan.append((piece[1], piece[0], count_leaves(piece[0])))

    def run(*leaves: Any) -> str:
        parts, k = [], 0
        for string, layout, n in plan:
            parts.append(string if layout is None else text(enums, layout, leaves[k : k + n], string))
            k += n
        return "".join(parts)

    return run


def count_leaves(layout: Layout) -> int:
    """How many core values make up a value of this layout."""
    match layout:
        case Leaf():
            return 1
        case Group(parts=parts) | Code(parts):
            return sum(count_leaves(p) for p in parts)
        case _:
            assert_never(layout)


class _Writer:
    """Writes values with one specification. Recursion is by plain calls: enum values may be deep."""

    def __init__(self, enums: Mapping[str, EnumDecl], specification: str) -> None:
        self.enums = enums
        self.specification = specification

    def value(self, layout: Layout, leaves: Iterator[Any]) -> str:
        match layout:
            case Leaf(t):
                return self.leaf(t, next(leaves))
            case Group(rank=0):
                return self.group(layout, [self.value(p, leaves) for p in layout.parts])
            case Group():
                arrays = [next(leaves) for _ in range(count_leaves(layout))]
                return self.groups(layout, arrays, layout.rank)
            case Code(captured):
                for _ in range(sum(map(count_leaves, captured))):
                    next(leaves)
                return "a function"
            case _:
                assert_never(layout)

    def group(self, layout: Group, parts: list[str]) -> str:
        if layout.fields == ("_",):
            # in an array; the leaf only keeps its sizes
            return f"{layout.name}()"
        if layout.fields:
            return f"{layout.name}({', '.join([f'{n} = {p}' for n, p in zip(layout.fields, parts, strict=False)])})"
        if layout.name:
            return f"{layout.name}()"
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"

    def groups(self, layout: Group, arrays: list[Any], rank: int) -> str:
        """An array of structs or tuples, whose leaves have `rank` more dimensions in front."""
        if rank == 0:
            return self.value(_behind(layout), iter(arrays))
        items = []
        for i in range(len(arrays[0])):
            items.append(self.groups(layout, [_element(a, i) for a in arrays], rank - 1))
        return f"[{', '.join(items)}]"

    def leaf(self, t: Type, value: Any) -> str:
        match t:
            case ArrayType(elem, dims):
                return self.array(elem, value, len(dims))
            case Scalar():
                return self.scalar(t, value)
            case EnumType(name):
                return self.variant(self.enums[name], value)
            case _:
                assert_never(t)

    def array(self, elem: Scalar | EnumType, value: Any, rank: int) -> str:
        items = []
        for v in value if rank > 1 or elem == Scalar("Float32") else value.tolist():
            items.append(self.array(elem, v, rank - 1) if rank > 1 else self.leaf(elem, v))
        return f"[{', '.join(items)}]"

    def variant(self, enum: EnumDecl, value: Any) -> str:
        variant = enum.variants[value[0]]
        layouts = variant.layouts or tuple(map(Leaf, variant.fields))
        leaves = iter(value[1:])
        parts = [self.value(p, leaves) for p in layouts]
        return f"{variant.name}({', '.join(parts)})" if parts else variant.name

    def scalar(self, t: Scalar, value: Any) -> str:
        if self.specification and t.name != "Key":
            try:
                return format(value.item() if isinstance(value, np.generic) else value, self.specification)
            except (ValueError, TypeError, OverflowError) as error:
                raise Trap("E0617", self.specification, str(error)) from None
        match t.name:
            case "Bool":
                return "true" if value else "false"
            case "String":
                return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
            case "Float":
                return repr(value)
            case "Float32" | "Int":
                return str(value)
            case "Key":
                return f"Key({value})"
            case _:
                assert_never(t.name)


def _element(a: Any, i: int) -> Any:
    v = a[i]
    return v.item() if isinstance(v, np.generic) and not isinstance(v, np.float32) else v


def _behind(layout: Group) -> Group:
    """The layout of one element: each leaf below has `rank` dimensions fewer."""
    return Group(layout.name, layout.fields, tuple([_strip(p, layout.rank) for p in layout.parts]))


def _strip(layout: Layout, rank: int) -> Layout:
    match layout:
        case Leaf(ArrayType(elem, dims)):
            return Leaf(ArrayType(elem, dims[rank:]) if len(dims) > rank else elem)
        case Leaf():
            return layout
        case Group(name, fields, parts, own):
            return Group(name, fields, tuple([_strip(p, rank) for p in parts]), own)
        case Code(captured):
            return Code(tuple([_strip(p, rank) for p in captured]))
        case _:
            assert_never(layout)
