"""What a row of the primitive table is, and the table that holds them all.

Adding a primitive is adding a row. Checker, judgements, differentiation, interpreter and kernels read the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..core.ir import FLOAT32, INT, ArrayType, Type

Mode: TypeAlias = Literal["smooth", "C1", "kinked", "jump", "severed"]
Effect: TypeAlias = Literal["", "io", "progress"]


@dataclass(frozen=True, slots=True)
class Row:
    """One primitive.

    name     unique; qualified where a module owns it (`data.csv`), an operator's symbol for operators
    scheme   its type: `(F) -> F`, `(F, F) -> F`, `(N[n]) -> N[n]`. N is one of Int, Float, Float32 and F one of Float,
             Float32, the same at every occurrence; `T` any scalar or enum type; `A` any data type (the row then
             works on the first dimensions, and lowering applies it to each leaf); other capitals are scalar types;
             lower-case names are sizes, `..` any shape. Several schemes are separated by `|`: the first that
             fits counts. Empty where `typing` names a typing function of the checker instead.
    mode     how a Float result depends on Float arguments; severed: through a type without tangents or constant
    numpy    Python expression over `x0, x1, ..`, `xs` being all of them (NumPy as `np`, `primitives.runtime` as
             `rt`, `primitives.lapack` as `la`), evaluated late, inside `np.errstate(all="ignore")`; for arrays and
             for Float32 scalars. For rows with an effect it is the name of a function of `interpret`, `csv.read`
    scalar   the same for Python scalars (`math` and `rt` in scope); empty: `numpy` serves
    scalar_int, numpy_int   the same for Int operands, where Int needs its own (wrapping, division by zero)
    kernel   template for the kernel emitter
    d        partial derivatives by argument: expressions of dp over x, y, z, u, v (arguments), r (result).
             Empty for whole-array rows, whose rules are named by `rule`
    rule     name of a derivative rule in `differentiate` (sort, cumsum, matmul …)
    domain   condition (over x, y) outside which the derivative does not exist or the value is not finite; one
             for each scheme, separated by `|`, or one for all
    edge     what the derivative is at ties and kinks, in words
    remedy   what to use instead where the row severs
    elementwise  maps scalars to a scalar and so lifts
    """

    name: str
    scheme: str
    mode: Mode
    numpy: str = ""
    kernel: str = ""
    d: tuple[str, ...] = ()
    scalar: str = ""
    scalar_int: str = ""
    numpy_int: str = ""
    rule: str = ""
    domain: str = ""
    edge: str = ""
    remedy: tuple[str, ...] = ()
    effect: Effect = ""
    typing: str = ""
    elementwise: bool = True
    public: bool = True
    doc: str = ""

    def expression(self, types: Sequence[Type], whole: bool = False) -> str:
        """The Python expression that computes this row on operands of `types`; `whole`: on arrays of them."""
        elems = [t.elem if isinstance(t, ArrayType) else t for t in types]
        integer = bool(elems) and elems[0] == INT
        if whole or not self.elementwise or FLOAT32 in elems:
            return self.numpy_int if integer and self.numpy_int else self.numpy
        if integer and self.scalar_int:
            return self.scalar_int
        return self.scalar or self.numpy


ARGUMENTS = "xyzuv"
"""What the expressions of a row call its arguments."""

TABLE: dict[str, Row] = {}


def add(*rows: Row) -> None:
    """Puts rows into the table; a name may stand there once."""
    for row in rows:
        if row.name in TABLE:
            raise ValueError(f"two primitives are called {row.name}")
        TABLE[row.name] = row
