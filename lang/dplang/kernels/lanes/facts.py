"""What of the body of a parallel loop differs from turn to turn, and whether lanes are worth it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.ir import (
    INT,
    KEY,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Checkpoint,
    Dim,
    Fill,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Make,
    Operand,
    Path,
    Prim,
    Reduce,
    Result,
    Stop,
    Update,
    Value,
    Var,
    While,
)
from ...core.rewrite import blocks, lets_of, operands, path_operands
from ..rows import FAULTS
from .rows import is_costly


@dataclass(slots=True)
class Facts:
    """Names by what they are in the body of a loop.

    varying   differ between turns: a scalar is a lane, an array one of lanes
    shared    versions of the arrays that the loop carries: one for all turns
    ragged    arrays whose first size differs between turns
    inside    bound in the body
    rows      arrays from outside whose row of the turn's number is read again and again by inner loops
    """

    varying: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    ragged: set[str] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)
    rows: dict[str, Var] = field(default_factory=dict)

    def varies(self, *given: Operand) -> bool:
        return any(isinstance(o, Var) and o.name in self.varying for o in given)

    def is_shared(self, o: Operand) -> bool:
        return isinstance(o, Var) and o.name in self.shared

    def own(self, x: Operand) -> None:
        """An array that is updated differently in each turn is of lanes from the start, where the body makes it."""
        if isinstance(x, Var) and x.name in self.inside:
            self.varying.add(x.name)

    def is_uniform(self, let: Let) -> bool:
        """Whether a Let does the same in every turn, and needs to be done but once for all."""
        return not any(
            (inner.names and any(v.name in self.varying or v.name in self.shared for v in inner.names))
            or self.varies(*operands(inner.value))
            for inner in (let, *(i for _, b in blocks(let.value) for i in lets_of(b)))
        )  # fmt: skip


def facts(loop: Loop) -> Facts:
    """The facts of the body of a loop whose turns become lanes."""
    found = Facts()
    found.varying.add(loop.index.name)
    found.inside = {v.name for let in lets_of(loop.body) for v in let.names}
    for r, o in zip(loop.results, loop.body.results, strict=True):
        if isinstance(r, Carry):
            if isinstance(r.param.type, ArrayType):
                found.shared.add(r.param.name)
            elif o != r.param:
                found.varying.add(r.param.name)
    before = (-1, -1, -1)
    while before != (now := (len(found.varying), len(found.shared), len(found.ragged))):
        before = now
        _block(loop.body, found)
    reads = _Reads(loop.index, found)
    reads.block(loop.body, 0)
    found.rows = {name: x for name, x in reads.arrays.items() if reads.count[name] > 1}
    return found


class _Reads:
    """Reads of elements of rows of the turn's number, a read in a loop within a loop for two."""

    def __init__(self, index: Var, found: Facts) -> None:
        self.index = index
        self.found = found
        self.arrays: dict[str, Var] = {}
        self.row_of: dict[str, Var] = {}
        self.count: Counter[str] = Counter()

    def block(self, block: Block, depth: int) -> None:
        for let in block.lets:
            match let.value:
                case Get(Var() as x, path):
                    self.get(let.names[0], x, path, depth)
                case Prim(args=args):
                    for a in args:
                        if isinstance(a, Var) and a.name in self.row_of:
                            self.read(self.row_of[a.name], depth + 1)
                case Loop(body=body):
                    self.block(body, depth + 1)
                case Checkpoint(body):
                    self.block(body, depth)
                case _:
                    pass  # what a branch reads may not be there for all turns

    def get(self, v: Var, x: Var, path: Path, depth: int) -> None:
        rest = path
        if x.name not in self.row_of:
            outside = x.name not in self.found.inside and not self.found.is_shared(x)
            if not (outside and path and isinstance(path[0], At) and path[0].proved and path[0].index == self.index):
                return
            rest = path[1:]
        row = self.row_of.get(x.name, x)
        if self.found.varies(*path_operands(rest)):
            return
        if isinstance(v.type, ArrayType):
            self.row_of[v.name] = row
        elif any(isinstance(s, At) and isinstance(s.index, Var) for s in rest):
            self.read(row, depth)

    def read(self, x: Var, depth: int) -> None:
        self.arrays[x.name] = x
        self.count[x.name] += min(depth, 2)


def _block(block: Block, found: Facts) -> None:
    for let in block.lets:
        _let(let, found)


def _let(let: Let, found: Facts) -> None:
    value: Operand | Value = let.value
    names = let.names
    match value:
        case Var() | Stop(Var()):
            x = value if isinstance(value, Var) else value.x
            _follow(names[0], [x], found)
        case Prim(args=args) | Make(args) | Call(_, args):
            if found.varies(*args):
                found.varying.update(v.name for v in names)
        case Fill(_, v):
            if found.varies(v):
                found.varying.add(names[0].name)
        case Get(x, path):
            if found.varies(x, *path_operands(path)):
                found.varying.add(names[0].name)
        case Update(_, x, path, v):
            if found.is_shared(x):
                found.shared.add(names[0].name)
            elif found.varies(x, v, *path_operands(path)) or names[0].name in found.varying:
                found.varying.add(names[0].name)
                found.own(x)
                _follow(names[0], [x], found)
        case Dim(x, axis):
            if axis == 0 and isinstance(x, Var) and x.name in found.ragged:
                found.varying.add(names[0].name)
        case If(cond, then, orelse):
            _block(then, found)
            _block(orelse, found)
            for v, a, b in zip(names, then.results, orelse.results, strict=True):
                if found.varies(cond) and not found.is_shared(a):
                    found.varying.add(v.name)
                _follow(v, [a, b], found)
        case Checkpoint(body):
            _block(body, found)
            for v, r in zip(names, body.results, strict=True):
                _follow(v, [r], found)
        case Loop(_, low, high, results, body):
            _turns(names, results, body, found.varies(low, high), found)
        case While(_, results, cond, body):
            _block(cond, found)
            ends = found.varies(cond.results[0])
            if ends:
                found.varying.add(names[-1].name)
            _turns(names, results, body, ends, found)
            if ends:
                _block(cond, found)
        case _:
            pass


def _turns(names: Sequence[Var], results: Sequence[Result], body: Block, ragged: bool, found: Facts) -> None:
    """An inner loop; `ragged`: lanes leave it after different numbers of turns."""
    _block(body, found)
    for v, r, o in zip(names, results, body.results, strict=False):
        match r:
            case Carry(param, init):
                _follow(param, [init, o], found)
                if ragged and param.name not in found.shared:
                    found.varying.add(param.name)
                if param.name in found.varying and isinstance(param.type, ArrayType):
                    found.own(init)
                _follow(v, [param], found)
            case Build() | Reduce():
                if ragged and isinstance(r, Build):
                    found.ragged.add(v.name)
                if ragged or found.varies(o):
                    found.varying.add(v.name)


def _follow(v: Var, sources: list[Operand], found: Facts) -> None:
    """`v` is one of its sources."""
    for o in sources:
        if isinstance(o, Var):
            for kind in (found.varying, found.shared, found.ragged):
                if o.name in kind:
                    kind.add(v.name)
    if v.name in found.shared:
        found.varying.discard(v.name)


def is_worth(loop: Loop, found: Facts) -> bool:
    """Whether lanes gain anything: where functions are computed, where a state that an inner loop hands on from turn to
    turn keeps a processor waiting, or where it adds up what does not lie together. LLVM sees to the rest."""
    if isinstance(loop.low, Lit) and isinstance(loop.high, Lit) and int(loop.high.value) - int(loop.low.value) < 3:
        return False
    if any(isinstance(r, Reduce) and r.op == "logsumexp" for r in loop.results):
        return True
    for let in lets_of(loop.body):
        match let.value:
            case Prim(args=args) as prim if found.varies(*args) and is_costly(prim):
                return True
            case Loop() | While() as inner:
                for r, v in zip(inner.results, let.names, strict=False):
                    if v.name in found.varying and _waits(inner, r):
                        return True
            case _:
                pass
    return False


def _waits(inner: Loop | While, r: Result) -> bool:
    """Whether the turns of an inner loop wait for each other, as long as it has no lanes."""
    if isinstance(r, Reduce):
        return r.op != "+" or not _together(inner)
    return isinstance(r, Carry)


def _together(inner: Loop | While) -> bool:
    """Whether a loop reads elements that lie side by side."""
    return not any(
        isinstance(s, At) and s.index == inner.index
        for let in inner.body.lets
        if isinstance(let.value, Get)
        for s in let.value.path[:-1]
    )


def costs(block: Block) -> int:
    """About what a block of scalars costs; more than any where it may not be done in vain."""
    total = 0
    for let in block.lets:
        match let.value:
            case Prim(op, args) as prim if not any(isinstance(o.type, ArrayType) for o in (*args, *let.names)):
                total += NEVER if _faults(op, args) else 8 if is_costly(prim) else 1
            case If(_, then, orelse) if not any(isinstance(v.type, ArrayType) for v in let.names):
                total += 1 + costs(then) + costs(orelse)
            case Var() | Lit() | Dim() | Stop():
                pass
            case _:
                total += NEVER
    return total


NEVER = 1000


def _faults(op: str, args: tuple[Operand, ...]) -> bool:
    return op in ("int", "random.integers") or (op in FAULTS and args[0].type in (INT, KEY))
