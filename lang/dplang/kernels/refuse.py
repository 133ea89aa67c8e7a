"""Which functions can be kernels, and why others cannot."""

from __future__ import annotations

from ..core.build import FALSE
from ..core.ir import Block, Check, Derive, Io, Let, Make, Prim, Program, Update
from ..core.rewrite import blocks, calls
from .flatten import MADE_STRINGS, SHAPES
from .layouts import Layouts, is_plain
from .rows import expression


class Refusals:
    """The reasons why functions of a program are no kernels, each found once."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.layouts = Layouts(program)
        self._own: dict[str, str] = {}

    def reason(self, name: str) -> str:
        """Why function `name`, with all that it calls, cannot be a kernel; empty where it can."""
        for reached in reachable(self._program, name):
            if reached not in self._own:
                self._own[reached] = self.of_block(self._program.fns[reached].body)
            if self._own[reached]:
                return self._own[reached]
        return ""

    def of_block(self, block: Block) -> str:
        """Why a block, callees left aside, cannot be in a kernel; empty where it can."""
        failing = any(isinstance(let.value, Check) and let.value.cond == FALSE for let in block.lets)
        for let in block.lets:
            if failing and isinstance(let.value, Prim) and let.value.op in MADE_STRINGS:
                continue  # a message: where it is needed, the interpreter does the call again
            if why := self.of_let(let) or next((w for _, b in blocks(let.value) if (w := self.of_block(b))), ""):
                return why
        return ""

    def of_let(self, let: Let) -> str:
        """The same for one Let, its nested blocks left aside."""
        value = let.value
        match value:
            case Io("progress.step"):
                return ""
            case Io(op):
                return f"`{op}` is input or output"
            case Derive():
                return "it holds a derivative that is not code yet"
            case Prim("==" | "!="):
                return ""
            case Prim(op) if op in SHAPES and not is_plain(let.names[0].type):
                return ""
            case Prim(op, args) if op in MADE_STRINGS or any(not is_plain(a.type) for a in args):
                return f"`{op}` works on Strings" if op in MADE_STRINGS else f"`{op}` works on values of enums"
            case Prim() if expression(value, let.names[0].type) is None:
                return f"`{value.op}` has no kernel text"
            case Update("add", v=added) if not is_plain(added.type):
                return "it adds values of enums"
            case Make(parts) if len(parts) > LONGEST:
                return f"it writes down an array of {len(parts)} elements"
            case _:
                return ""


LONGEST = 256
"""How many elements a written array may have: each is a line to compile, and they are written once anyway."""


def reachable(program: Program, name: str) -> list[str]:
    """`name` and the functions it calls, directly or not; callees come after their first caller."""
    found = [name]
    for fn in found:
        found.extend(sorted(c for c in calls(program.fns[fn].body) if c not in found))
    return found
