"""Loop invariants: what is the same in every turn of a loop is computed before it.

Only total code moves, since a loop may have no turn; only what costs something (arrays, loops, costly functions, and
what these are made of), since compilers do the rest. Sides of branches keep what they have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..analyse.access import atom
from ..core.ir import (
    ArrayType,
    At,
    Block,
    Call,
    Carry,
    Fill,
    Fn,
    Get,
    Let,
    Lit,
    Loop,
    Make,
    Operand,
    Program,
    Stop,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import blocks, carried, free_names, lets_of, map_value, operands
from ..core.sizes import Atom, Size, SizeVar
from ..errors.source import NOWHERE
from .ranges import Ranges
from .total import Totality, is_heavy


def invariants(program: Program) -> Program:
    """Moves invariants out of the loops of every function, inner loops first."""
    totality = Totality(program)
    fns = {name: _Invariants(fn, totality).function() for name, fn in program.fns.items()}
    return Program(fns, program.enums, program.entry)


class _Invariants:
    def __init__(self, fn: Fn, totality: Totality) -> None:
        self.fn = fn
        self.totality = totality

    def function(self) -> Fn:
        if not any(isinstance(let.value, Loop | While) for let in lets_of(self.fn.body)):
            return self.fn
        self.ranges = Ranges(self.fn)
        self.known = self.ranges.solved()
        return replace(self.fn, body=self.block(self.fn.body))

    def block(self, block: Block) -> Block:
        lets: list[Let] = []
        for let in block.lets:

            def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
                return params, self.block(inner)

            value = map_value(let.value, lambda o: o, rebuild)
            if isinstance(value, Loop | While):
                bound = {value.index.name, *(v.name for v in carried(value.results))}
                moved = self.moved(value.body, bound)
                gone = set(map(id, moved))
                body = Block(tuple(one for one in value.body.lets if id(one) not in gone), value.body.results)
                lets.extend(moved)
                value = replace(value, body=body)
            lets.append(replace(let, value=value))
        return Block(tuple(lets), block.results)

    def moved(self, body: Block, bound: set[str]) -> list[Let]:
        """The Lets of a body that go before its loop. `bound`: the names that change from turn to turn."""
        changing = set(bound)
        free: list[Let] = []
        written = _written(body)
        for let in body.lets:
            if not free_names(let.value).keys() & changing and self.movable(let, written):
                free.append(let)
            else:
                changing.update(v.name for v in let.names)
        wanted: set[str] = set()
        kept: list[Let] = []
        for let in reversed(free):
            if _is_costly(let.value) or any(v.name in wanted for v in let.names):
                kept.append(let)
                wanted.update(free_names(let.value))
        return kept[::-1]

    def movable(self, let: Let, written: set[str]) -> bool:
        """Whether a Let may be computed though there is no turn. An array that a turn writes to is made in it: there
        is one for each turn."""
        if any(v.name in written for v in let.names):
            return False
        return self.safe(let.value)

    def safe(self, value: Operand | Value) -> bool:
        """Whether a value is total wherever its operands are known. That a read was proved may be due to the turn."""
        if isinstance(value, Get) and not self.inside(value):
            return False
        if isinstance(value, Update | Call | While) or not self.totality.value(value):
            return False
        return all(self.safe(let.value) for _, inner in blocks(value) for let in inner.lets)

    def inside(self, value: Get) -> bool:
        """Whether a read is of a place that exists since its indices are what they are: numbers, or indices of loops
        over no more than the dimension."""
        x = value.x
        if not isinstance(x, Var) or not isinstance(x.type, ArrayType):
            return False
        for axis, step in enumerate(value.path):
            if not isinstance(step, At):
                return False
            size = x.type.dims[axis]
            if isinstance(step.index, Lit):
                if size is None or not 0 <= int(step.index.value) < size:
                    return False
                continue
            place = self.ranges.form(step.index).replace(self.known)
            turn: Atom | None = place.atom
            width = self.ranges.widths.get(turn) if isinstance(turn, SizeVar) else None
            whole = self.ranges.dim(x, axis) if size is None else Size.of(size)
            if width is None or turn != atom(step.index.name) or width.replace(self.known) != whole.replace(self.known):
                return False
        return True


def _is_costly(value: Operand | Value) -> bool:
    """Whether a value is worth a place before a loop."""
    match value:
        case Loop() | While() | Call():
            return True
        case Fill() | Make():
            return True
        case Var() | Lit() | Get() | Stop():
            return False
        case _:
            return is_heavy(Block((Let((), value, NOWHERE),), ()))


def _written(body: Block) -> set[str]:
    """The arrays of a body that something may be written to: they start the state of a loop, are updated, given away
    or handed to a function. So are those that they are parts of."""
    found = set(_names(body.results))
    parts: dict[str, str] = {}
    for let in lets_of(body):
        value = let.value
        match value:
            case Update(_, x, _, _):
                found.update(_names([x]))
            case Loop(results=results) | While(results=results):
                found.update(_names([r.init for r in results if isinstance(r, Carry)]))
            case Call():
                found.update(_names(operands(value)))
            case Get(Var(name)) | Stop(Var(name)) | Var(name):
                parts.update((v.name, name) for v in let.names if isinstance(v.type, ArrayType))
            case _:
                pass
        for _, inner in blocks(value):
            found.update(_names(inner.results))
    for name in list(found):
        while name in parts:
            name = parts[name]
            found.add(name)
    return found


def _names(these: Iterable[Operand]) -> list[str]:
    return [o.name for o in these if isinstance(o, Var) and isinstance(o.type, ArrayType)]


__all__ = ["invariants"]
