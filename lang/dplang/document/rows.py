"""What the primitive table itself says of a built-in name: how it is called and how it can be derived."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..primitives import TABLE, Row
from ..primitives.table import ARGUMENTS

if TYPE_CHECKING:
    from ..check.rows import Shape

CLASSES = {
    "N": "N is Int, Float or Float32",
    "F": "F is Float or Float32",
    "T": "T is a scalar or an enum",
    "A": "A is any data type",
}
MODES = {
    "smooth": "smooth",
    "C1": "continuously differentiable",
    "kinked": "continuous, with kinks",
    "jump": "may jump",
    "severed": "none: a gradient does not pass",
}


def signatures(name: str) -> list[str]:
    """A line for each way to call a row; none where its type is no scheme."""
    from ..check.rows import schemes

    row = TABLE.get(name)
    if row is None or not row.scheme or not row.public:
        return []
    return [_call(row, scheme.params, scheme.result) for scheme in schemes(row.scheme)]


def classes(name: str) -> list[str]:
    """What the capitals in a row's signatures stand for."""
    letters = set(re.findall(r"\b[A-Z]\b", " ".join(signatures(name))))
    return [said for letter, said in CLASSES.items() if letter in letters]


def derivative(name: str) -> str:
    """How results depend on arguments, at edges too; empty where nothing could be derived."""
    row = TABLE.get(name)
    if row is None or not row.public or row.effect or not re.search("[FN]", row.scheme):
        return ""
    said = MODES[row.mode]
    if row.edge:
        said += f"; {row.edge}"
    if row.remedy:
        said += f"; instead: {', '.join(row.remedy)}"
    return said


def _call(row: Row, params: tuple[Shape, ...], result: Shape | tuple[Shape, ...]) -> str:
    given = ", ".join(f"{letter}: {_shape(p)}" for letter, p in zip(ARGUMENTS, params, strict=False))
    made = f"({', '.join(map(_shape, result))})" if isinstance(result, tuple) else _shape(result)
    return f"{row.name}({given}) -> {made}"


def _shape(shape: Shape) -> str:
    return shape.name + (f"[{', '.join(shape.dims)}]" if shape.dims else "")
