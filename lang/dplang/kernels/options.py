"""How kernels are made."""

from __future__ import annotations

from dataclasses import dataclass

STRICT = False
"""Whether mistakes of the compiler are shown, and not interpreted around. Tests set it."""


@dataclass(frozen=True, slots=True)
class Options:
    """`exact`: bit for bit what the interpreter gives where no function of libm is called. Otherwise products and sums
    may be contracted to one rounding, and sums whose order the language leaves open are added in another order, which
    depends on sizes only. `lanes`: parallel loops run on vectors. `sources`: the text holds
    the lines of the program as comments. `threads`: loops that are worth it are done in chunks, by so many threads; 0:
    none is. Results do not depend on how many there are.
    """

    exact: bool = False
    lanes: bool = True
    sources: bool = False
    threads: int = 0
