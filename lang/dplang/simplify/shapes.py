"""What is known of sizes and of Ints when a function is compiled: its types say a part, its code often says more.

Derivative code, and builders in general, have types whose sizes are open though their loops have literal trips.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ..core.ir import (
    INT,
    ArrayType,
    Block,
    Build,
    Call,
    Carry,
    Checkpoint,
    Dim,
    Fill,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Make,
    Match,
    Operand,
    Path,
    Prim,
    Slice,
    Stop,
    Type,
    Update,
    Var,
    While,
)
from ..core.rewrite import lets_of

Dims: TypeAlias = tuple[int | None, ...]


@dataclass(slots=True)
class Shapes:
    """Sizes of the arrays of one function, and its Ints that are constants."""

    results: dict[str, tuple[Dims, ...]] = field(default_factory=dict)
    """What other functions are known to give."""
    dims: dict[str, Dims] = field(default_factory=dict)
    ints: dict[str, int] = field(default_factory=dict)

    def of(self, o: Operand) -> Dims:
        """The sizes of an operand, none for a scalar."""
        if isinstance(o, Lit) or not isinstance(o.type, ArrayType):
            return ()
        return self.dims.get(o.name, o.type.dims)

    def number(self, o: Operand) -> int | None:
        """The value of an Int, where it is a constant."""
        if isinstance(o, Lit):
            return int(o.value) if o.type == INT else None
        return self.ints.get(o.name)

    def typed(self, v: Var) -> Type:
        """The type of a name, with all that is known of its sizes."""
        return ArrayType(v.type.elem, self.of(v)) if isinstance(v.type, ArrayType) else v.type

    def function(self, fn: Fn, params: tuple[Dims, ...] = ()) -> tuple[Dims, ...]:
        """Learns the sizes in `fn`, whose parameters have the sizes given; the sizes of its results."""
        for p, dims in zip(fn.params, params or [self.of(p.var) for p in fn.params], strict=True):
            self.bind(p.var, dims)
        self.block(fn.body)
        return tuple(map(self.of, fn.body.results))

    def bind(self, v: Var, dims: Dims) -> None:
        if not isinstance(v.type, ArrayType):
            return
        if len(dims) != len(v.type.dims):
            dims = v.type.dims
        self.dims[v.name] = tuple(a if a is not None else b for a, b in zip(v.type.dims, dims, strict=True))

    def block(self, block: Block) -> None:
        for let in block.lets:
            self.let(let)

    def let(self, let: Let) -> None:
        names, value = let.names, let.value
        match value:
            case Prim() if names[0].type == INT:
                self.constant(names[0], arithmetic(value.op, [self.number(a) for a in value.args]))
            case Dim(x, axis):
                self.constant(names[0], self.of(x)[axis])
            case Var() | Lit():
                self.constant(names[0], self.number(value))
                self.bind(names[0], self.of(value))
            case Stop(x):
                self.bind(names[0], self.of(x))
            case Prim():
                self.bind(names[0], self.primitive(value))
            case Make(parts):
                self.bind(names[0], (len(parts), *(self.meet(*map(self.of, parts)) if parts else ())))
            case Get(x, path):
                self.bind(names[0], self.part(self.of(x), path))
            case Update("push", x):
                n, *rest = self.of(x)
                self.bind(names[0], (None if n is None else n + 1, *rest))
            case Update(_, x):
                self.bind(names[0], self.of(x))
            case Fill(shape):
                self.bind(names[0], tuple(map(self.number, shape)))
            case If(_, then, orelse):
                self.join(names, then, orelse)
            case Match(_, arms):
                self.join(names, *(a.body for a in arms))
            case Checkpoint(body):
                self.join(names, body)
            case Loop() | While():
                self.loop(names, value)
            case Call(fn):
                for v, dims in zip(names, self.results.get(fn, [self.of(v) for v in names]), strict=True):
                    self.bind(v, dims)
            case _:
                pass

    def calls_in(self, block: Block, found: dict[str, list[tuple[Dims, ...]]]) -> None:
        """Adds the shapes of the arguments of every call in a block."""
        for let in lets_of(block):
            if isinstance(let.value, Call):
                found.setdefault(let.value.fn, []).append(tuple(map(self.of, let.value.args)))

    def constant(self, v: Var, number: int | None) -> None:
        if v.type != INT or number is None:
            self.ints.pop(v.name, None)
        else:
            self.ints[v.name] = number

    def join(self, names: tuple[Var, ...], *sides: Block) -> None:
        for side in sides:
            self.block(side)
        for k, v in enumerate(names):
            self.bind(v, self.meet(*(self.of(side.results[k]) for side in sides)))

    def meet(self, *found: Dims) -> Dims:
        """What is true of all of some shapes."""
        return tuple(axis[0] if all(n == axis[0] for n in axis) else None for axis in zip(*found, strict=True))

    def loop(self, names: tuple[Var, ...], loop: Loop | While) -> None:
        carried = [(r, o) for r, o in zip(loop.results, loop.body.results, strict=True) if isinstance(r, Carry)]
        for r, _ in carried:
            self.bind(r.param, self.of(r.init))
        while True:  # what holds before the first turn is believed until a turn says otherwise
            self.block(loop.body)
            before = [self.of(r.param) for r, _ in carried]
            for r, o in carried:
                self.bind(r.param, self.meet(self.of(r.param), self.of(o)))
            if before == [self.of(r.param) for r, _ in carried]:
                break
        if isinstance(loop, While):
            self.block(loop.cond)
        for v, result, o in zip(names, loop.results, loop.body.results, strict=False):
            if isinstance(result, Carry):
                self.bind(v, self.of(result.param))
            elif isinstance(result, Build):
                self.bind(v, (self.trips(loop), *self.of(o)))

    def trips(self, loop: Loop | While) -> int | None:
        """How many turns a loop makes, where that is a constant."""
        if isinstance(loop, While):
            return None
        low, high = self.number(loop.low), self.number(loop.high)
        return None if low is None or high is None else max(high - low, 0)

    def part(self, dims: Dims, path: Path) -> Dims:
        kept: list[int | None] = []
        for k, step in enumerate(path):
            if k >= len(dims):  # a part of an enum value: its type says what is known
                return ()
            if isinstance(step, Slice):
                low, high = self.number(step.low), self.number(step.high)
                kept.append(None if low is None or high is None else high - low)
        return (*kept, *dims[len(path) :])

    def primitive(self, value: Prim) -> Dims:
        shapes = [self.of(a) for a in value.args]
        match value.op:
            case "reverse" | "sort" | "argsort" | "cumsum" | "cumprod":
                return shapes[0]
            case "transpose":
                n, m, *rest = shapes[0]
                return (m, n, *rest)
            case "@":
                return (*shapes[0][:-1], *shapes[1][1:])
            case "concat":
                (n, *rest), (m, *_) = shapes
                return (None if n is None or m is None else n + m, *rest)
            case "reshape":
                return tuple(map(self.number, value.args[1:]))
            case "flatten":
                total = 1
                for n in shapes[0]:
                    if n is None:
                        return (None,)
                    total *= n
                return (total,)
            case _:
                return ()


def arithmetic(op: str, args: list[int | None]) -> int | None:
    """The value of an Int primitive of constants, where it is small and has no fault."""
    match op, args:
        case "+", [int(a), int(b)]:
            found = a + b
        case "-", [int(a), int(b)]:
            found = a - b
        case "*", [int(a), int(b)]:
            found = a * b
        case "//", [int(a), int(b)] if b > 0:
            found = a // b
        case "%", [int(a), int(b)] if b > 0:
            found = a % b
        case "neg", [int(a)]:
            found = -a
        case "min", [int(a), int(b)]:
            found = min(a, b)
        case "max", [int(a), int(b)]:
            found = max(a, b)
        case _:
            return None
    return found if abs(found) < 2**62 else None
