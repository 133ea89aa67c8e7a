"""How Numba compiles kernel text: with the passes that such text needs, and types of arithmetic found once.

Most of what Numba does for a function is Python: passes for closures, literals and array expressions that kernel text
does not have, and for every `+` a search through all that `+` may mean, in each round of its inference and again when
it writes the code. What scalars give does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import typed_passes, types, untyped_passes
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.types.functions import BaseFunction
from numba.cpython import numbers

PASSES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.GenericRewrites,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.NoPythonSupportedFeatureValidation,
    typed_passes.IRLegalization,
    typed_passes.AnnotateTypes,
    typed_passes.NativeLowering,
    typed_passes.NoPythonBackend,
)


class Compiler(CompilerBase):
    """Numba's compiler with the passes that kernel text needs: each name in it has one type."""

    def define_pipelines(self) -> list[Any]:
        """The one way there is."""
        make: Any = PassManager
        manager = make("kernel")
        for step in PASSES:
            manager.add_pass(step, step.__name__)
        manager.finalize()
        return [manager]


OPTIONS = {"error_model": "numpy", "nogil": True, "pipeline_class": Compiler}
"""What kernels are compiled with."""


@contextmanager
def adapted() -> Iterator[None]:
    """While it lasts, what an operator gives for scalars of certain types is looked up once, and Ints wrap: Numba
    promises LLVM that they do not, which then leaves checks of indices out."""
    find: Callable[..., Any] = BaseFunction.get_call_type
    known: dict[Any, Any] = {}

    def remembered(self: Any, context: Any, args: Any, kws: Any) -> Any:
        if kws or not all(isinstance(a, types.Number | types.Boolean) for a in args):
            return find(self, context, args, kws)
        key = (id(self), tuple(args))
        if key not in known:
            known[key] = (self, find(self, context, args, kws))  # kept, so that no other gets its identity
        return known[key][1]

    flags = numbers._int_arith_flags
    numbers._int_arith_flags = lambda t: []
    BaseFunction.get_call_type = remembered  # type: ignore[method-assign]
    try:
        yield
    finally:
        numbers._int_arith_flags = flags
        BaseFunction.get_call_type = find  # type: ignore[method-assign]
