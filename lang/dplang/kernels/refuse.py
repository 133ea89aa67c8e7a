"""Which functions can be kernels, and why others cannot."""

from __future__ import annotations

from ..core.ir import (
    ArrayType,
    Block,
    Build,
    Check,
    Derive,
    EnumType,
    Fill,
    Fn,
    Io,
    Let,
    Loop,
    Make,
    Operand,
    Prim,
    Program,
    Type,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import blocks, calls, lets_of, operands
from .flatten import Layouts
from .rows import NUMPY, expression


class Refusals:
    """The reasons why functions of a program are no kernels, each found once."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.layouts = Layouts(program.enums)
        self._own: dict[str, str] = {}

    def reason(self, name: str) -> str:
        """Why function `name`, with all that it calls, cannot be a kernel; empty where it can."""
        fn = self._program.fns[name]
        types = (*(p.var.type for p in fn.params), *fn.result_types)
        strange = next((t for t in types if not is_plain(t)), None)
        return f"{fn.label} has a value of type {_show(strange)}" if strange else self.inner_reason(name)

    def inner_reason(self, name: str) -> str:
        """Why function `name`, with all that it calls, cannot be called in a kernel; empty where it can."""
        for reached in reachable(self._program, name):
            if reached not in self._own:
                self._own[reached] = self._of_function(self._program.fns[reached])
            if self._own[reached]:
                return self._own[reached]
        return ""

    def _of_function(self, fn: Fn) -> str:
        for t in (*(p.var.type for p in fn.params), *fn.result_types):
            if self.layouts.slots(t) is None:
                return f"{fn.label} has a value of type {_show(t)}"
        return self.of_block(fn.body)

    def of_block(self, block: Block) -> str:
        """Why a block, callees left aside, cannot be in a kernel; empty where it can."""
        return next((why for let in lets_of(block) if (why := self.of_let(let))), "")

    def of_let(self, let: Let) -> str:
        """The same for one Let, its nested blocks left aside."""
        value = let.value
        for v in (*let.names, *_bound(value)):
            if self.layouts.slots(v.type) is None:
                return f"{v.name} has the type {_show(v.type)}"
        match value:
            case Io(op):
                return f"`{op}` is input or output"
            case Derive():
                return "it holds a derivative that is not code yet"
            case Prim() if any(not is_plain(a.type) for a in value.args):
                return f"`{value.op}` works on values of enums"
            case Prim() if expression(value, let.names[0].type) is None:
                return f"`{value.op}` has no kernel text"
            case Update() | Fill() | Make() if self._boxes(let):
                return "it makes or changes an array of values that hold arrays"
            case Loop() | While() if self._rows_of_boxes(value):
                return "it builds a table of values that hold arrays"
            case Update("add", v=added) if not is_plain(added.type):
                return "it adds values of enums"
            case Make(parts) if len(parts) > LONGEST:
                return f"it writes down an array of {len(parts)} elements"
            case Check(cond, _, args):
                if any(isinstance(a, Var) and not is_plain(a.type) for a in (cond, *args)):
                    return "a message is put together where it runs"
                return ""
            case _:
                strange = next((o.type for o in operands(value) if self.layouts.slots(o.type) is None), None)
                return f"it works on a {_show(strange)}" if strange else ""

    def _boxes(self, let: Let) -> bool:
        value = let.value
        if (isinstance(value, Update) and value.kind == "push") or (isinstance(value, Make) and not value.parts):
            return False
        return any(self.layouts.is_boxed(v.type) for v in let.names)

    def _rows_of_boxes(self, value: Loop | While) -> bool:
        rows = (o for r, o in zip(value.results, value.body.results, strict=True) if isinstance(r, Build))
        return any(self.layouts.is_boxed(o.type) for o in rows)


LONGEST = 256
"""How many elements a written array may have: each is a line to compile, and they are written once anyway."""


def reachable(program: Program, name: str) -> list[str]:
    """`name` and the functions it calls, directly or not; callees come after their first caller."""
    found = [name]
    for fn in found:
        found.extend(sorted(c for c in calls(program.fns[fn].body) if c not in found))
    return found


def _bound(value: Operand | Value) -> list[Var]:
    return [p for params, _ in blocks(value) for p in params]


def is_plain(t: Type) -> bool:
    """Whether a kernel knows values of this type as they are."""
    return not isinstance(t, EnumType) and (t.elem if isinstance(t, ArrayType) else t) in NUMPY


def _show(t: Type) -> str:
    elem = t.elem if isinstance(t, ArrayType) else t
    return elem.name + ("[..]" if isinstance(t, ArrayType) else "")
