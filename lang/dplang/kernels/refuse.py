"""Which functions can be kernels, and why others cannot."""

from __future__ import annotations

from ..core.ir import (
    ArrayType,
    Block,
    Check,
    Derive,
    EnumType,
    Fn,
    Io,
    Let,
    Match,
    Operand,
    Prim,
    Program,
    Type,
    Value,
    Var,
    Variant,
)
from ..core.rewrite import blocks, calls, lets_of, operands
from .rows import NUMPY, expression


class Refusals:
    """The reasons why functions of a program are no kernels, each found once."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._own: dict[str, str] = {}

    def reason(self, name: str) -> str:
        """Why function `name`, with all that it calls, cannot be a kernel; empty where it can."""
        for reached in reachable(self._program, name):
            if reached not in self._own:
                self._own[reached] = _of_function(self._program.fns[reached])
            if self._own[reached]:
                return self._own[reached]
        return ""


def reachable(program: Program, name: str) -> list[str]:
    """`name` and the functions it calls, directly or not; callees come after their first caller."""
    found = [name]
    for fn in found:
        found.extend(sorted(c for c in calls(program.fns[fn].body) if c not in found))
    return found


def _of_function(fn: Fn) -> str:
    types = [p.var.type for p in fn.params] + list(fn.result_types)
    return next(
        (f"{fn.label} has a value of type {_show(t)}" for t in types if not has_kernel_type(t)), ""
    ) or of_block(fn.body)


def of_block(block: Block) -> str:
    """Why a block, callees left aside, cannot be in a kernel; empty where it can."""
    return next((why for let in lets_of(block) if (why := of_let(let))), "")


def of_let(let: Let) -> str:
    """The same for one Let, its nested blocks left aside."""
    value = let.value
    for v in (*let.names, *_bound(value)):
        if not has_kernel_type(v.type):
            return f"{v.name} has the type {_show(v.type)}"
    match value:
        case Io(op):
            return f"`{op}` is input or output"
        case Match() | Variant():
            return "it works on values of enums"
        case Derive():
            return "it holds a derivative that is not code yet"
        case Prim() if expression(value, let.names[0].type) is None:
            return f"`{value.op}` has no kernel text"
        case Check(cond, _, args):
            if any(isinstance(a, Var) and not has_kernel_type(a.type) for a in (cond, *args)):
                return "a message is put together where it runs"
            return ""
        case _:
            texts = [o for o in operands(value) if not has_kernel_type(o.type)]
            return f"it works on a {_show(texts[0].type)}" if texts else ""


def _bound(value: Operand | Value) -> list[Var]:
    return [p for params, _ in blocks(value) for p in params]


def has_kernel_type(t: Type) -> bool:
    return not isinstance(t, EnumType) and (t.elem if isinstance(t, ArrayType) else t) in NUMPY


def _show(t: Type) -> str:
    elem = t.elem if isinstance(t, ArrayType) else t
    return elem.name + ("[..]" if isinstance(t, ArrayType) else "")
