"""What a row of the primitive table is, and the table that holds them all.

Adding a primitive is adding a row. Checker, judgements, differentiation, interpreter and kernels read the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["smooth", "C1", "kinked", "jump", "severed"]
Effect: TypeAlias = Literal["", "io", "progress"]


@dataclass(frozen=True, slots=True)
class Row:
    """One primitive.

    name     unique; qualified where a module owns it (`data.csv`), an operator's symbol for operators
    scheme   its type: `(F) -> F`, `(F, F) -> F`, `(N[n]) -> N[n]`; N is one of Int, Float, Float32 and F one of
             Float, Float32, the same at every occurrence; `T` any scalar or enum type; other capitals are scalar types;
             lower-case names are sizes, `..` any shape. Several schemes are separated by `|`: the first that fits counts.
             Empty where `typing` names a typing function of the checker instead.
    mode     how a Float result depends on Float arguments; severed: through a type without tangents or constant
    numpy    Python expression over `x0, x1, ..` (NumPy as `np`, the run-time module as `rt`), evaluated late
    scalar   the same for Python scalars (`math` and `rt` in scope); empty: `numpy` serves
    kernel   template for the kernel emitter
    d        partial derivatives by argument: expressions of dp over x, y, z (arguments), r (result).
             Empty for whole-array rows, whose rules are named by `rule`
    rule     name of a derivative rule in `differentiate` (sort, cumsum, matmul …)
    domain   condition (over x, y) outside which the derivative does not exist or the value is not finite
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
    rule: str = ""
    domain: str = ""
    edge: str = ""
    remedy: tuple[str, ...] = ()
    effect: Effect = ""
    typing: str = ""
    elementwise: bool = True
    public: bool = True
    doc: str = ""


TABLE: dict[str, Row] = {}


def add(*rows: Row) -> None:
    """Puts rows into the table; a name may stand there once."""
    for row in rows:
        if row.name in TABLE:
            raise ValueError(f"two primitives are called {row.name}")
        TABLE[row.name] = row
