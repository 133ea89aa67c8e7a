"""The passes that take lowered core to what the interpreter and the kernels run, as a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .core.ir import Program
from .core.verify import verify
from .differentiate import differentiate
from .simplify.bounds import bounds
from .simplify.dead_code import dead_code, reachable
from .simplify.fold import fold
from .simplify.fuse import fuse
from .simplify.inline import inline
from .simplify.invariants import invariants
from .simplify.normalise import counters, sums
from .simplify.products import products
from .simplify.ranges import sizes
from .simplify.scalarise import scalarise, scalarise_calls
from .simplify.tables import tables
from .simplify.tail import tail
from .simplify.updates import updates


@dataclass(frozen=True, slots=True)
class Pass:
    """One step from core to core: `dp core FILE --after NAME` shows what it leaves.

    `kernels`: it is made only on the way to kernels. The interpreter, their oracle, runs the program without it.
    `exact`: numbers stay what they were bit for bit; otherwise sums may be added in another order.
    """

    name: str
    description: str
    function: Callable[[Program], Program]
    kernels: bool = False
    exact: bool = True


PASSES: tuple[Pass, ...] = (
    Pass("lower", "the program as lowered: flat, first order, in SSA", lambda program: program),
    Pass("reach", "functions that the entry does not reach are left out", reachable),
    Pass("inline", "calls of small functions become their bodies", inline),
    Pass("fold", "copies, constants and common subexpressions", fold),
    Pass("dead", "what nothing reads goes", dead_code),
    # before derivatives: what they keep lies in arrays
    Pass("tail", "functions that call themselves once at most on every way become loops", tail, kernels=True),
    Pass("inline-tail", "small functions that are no recursion any more are inlined", inline, kernels=True),
    Pass("fold-tail", "what turns of such loops have in common", fold, kernels=True),
    Pass("dead-tail", "what nothing reads of it goes", dead_code, kernels=True),
    # before derivatives: they see scalars
    Pass("scalarise", "small arrays of literal size become scalars, their loops are unrolled", scalarise, kernels=True),
    Pass("fold-scalars", "what unrolled turns have in common", fold, kernels=True),
    Pass("dead-scalars", "elements that nothing reads go", dead_code, kernels=True),
    # before derivatives: an array that goes takes its adjoint with it
    Pass("counters", "carried counters become expressions of the turn", counters, kernels=True),
    Pass("bounds", "indices that are surely within their arrays are marked", bounds, kernels=True),
    Pass("products", "sums that are products of matrices become such", products, kernels=True, exact=False),
    Pass("sums", "sums that nothing reads on the way become reductions", sums, kernels=True, exact=False),
    Pass("sizes", "sizes are asked of the arrays that others were made from", sizes, kernels=True),
    Pass("fuse", "loops over one range become one, without the arrays between them", fuse, kernels=True),
    Pass("fold-fused", "what fused loops have in common", fold, kernels=True),
    Pass("dead-fused", "arrays that only fused loops shared go", dead_code, kernels=True),
    Pass("differentiate", "derivative operators become ordinary functions", differentiate),
    Pass("reach-again", "functions that only derivatives needed as their source go", reachable),
    Pass("inline-again", "small functions that derivatives made are inlined", inline),
    Pass("fold-again", "copies, constants and common subexpressions of derivative code", fold),
    Pass("dead-again", "derivative code that nothing reads goes", dead_code),
    # again: small arrays of derivative code, and what its functions hand to each other
    Pass("scalarise-again", "the same for derivative code and between functions", scalarise_calls, kernels=True),
    Pass("fold-scalars-again", "what unrolled turns of derivative code have in common", fold, kernels=True),
    Pass("dead-scalars-again", "elements of derivative code that nothing reads go", dead_code, kernels=True),
    # again: loops of derivatives with each other and with those of their primal
    Pass("counters-again", "the same for derivative code", counters, kernels=True),
    Pass("sums-again", "the same for sums of derivative code", sums, kernels=True, exact=False),
    Pass("sizes-again", "the same for arrays of derivative code", sizes, kernels=True),
    Pass("fuse-again", "loops of derivative code, and those of its primal, become one", fuse, kernels=True),
    Pass("updates", "arrays that are only put into others, or added to them, are written there", updates, kernels=True),
    Pass("invariants", "what is the same in every turn of a loop goes before it", invariants, kernels=True),
    Pass(
        "tables", "what inner loops compute again in every turn of an outer one is computed once", tables, kernels=True
    ),
    Pass("fold-last", "what the loops have in common", fold, kernels=True),
    Pass("dead-last", "what nothing reads any more goes", dead_code, kernels=True),
)

VERIFY = False
"""Whether the verifier runs after every pass. Tests set it; it costs as much as a pass."""


def compile(program: Program, entry: str, after: str = "", kernels: bool = False, exact: bool = True) -> Program:
    """`program` from `entry` on, through all passes or those up to the one called `after`; with those for kernels, or
    without; with those that are not `exact`, or without."""
    program = replace(program, entry=entry)
    for step in PASSES:
        if (step.kernels and not kernels) or (exact and not step.exact):
            continue
        program = step.function(program)
        if VERIFY:
            verify(program)
        if step.name == after:
            break
    return program
