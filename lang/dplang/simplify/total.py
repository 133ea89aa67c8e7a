"""What may be moved and what may be done twice: which core cannot fault, and which costs next to nothing.

Core is pure but for its faults, its input and output, and a `while` that may not end. What can do none of these is
*total*: it may be computed earlier, later or never.
"""

from __future__ import annotations

from typing import assert_never

from ..core.ir import (
    BOOL,
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Check,
    Checkpoint,
    Derive,
    Dim,
    Fill,
    Get,
    If,
    Io,
    Let,
    Lit,
    Loop,
    Make,
    Match,
    Operand,
    Part,
    Path,
    Prim,
    Program,
    Reduce,
    Slice,
    Stop,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..core.rewrite import blocks, lets_of
from ..primitives import TABLE

UNITLESS = {"min", "max", "argmin", "argmax"}
"""Reductions that fault where there is no turn."""
WHOLE = {"sort", "argsort", "cumsum", "cumprod", "reverse", "concat", "transpose", "flatten", "norm", "@", "dot"}
WHOLE |= {"linalg._lu", "linalg._qr", "linalg._svd"}
"""Primitives of whole arrays that have a value for every operand of their type."""
CHEAP = {
    *("+", "-", "*", "/", "neg", "abs", "sign", "min", "max", "relu", "clip", "float", "float32", "floor", "ceil"),
    *("<", "<=", ">", ">=", "==", "!=", "not", "isnan", "isfinite", "isinf", "sqrt"),
}
"""Primitives that cost about as much as a read of an array."""


def total_prim(op: str, args: tuple[Operand, ...]) -> bool:
    """Whether a primitive has a value for all operands of these types."""
    row = TABLE.get(op)
    if row is None or row.effect:
        return False
    if not row.elementwise:
        return op in WHOLE
    match op:
        case "//" | "%" if args[0].type == INT:
            return isinstance(args[1], Lit) and args[1].value != 0
        case "^" if args[0].type == INT:
            return isinstance(args[1], Lit) and not isinstance(args[1].value, str) and args[1].value >= 0
        case "int":
            return args[0].type in (INT, BOOL)
        case "random.integers" | "format":
            return False
        case _:
            return True


def proved(path: Path) -> bool:
    """Whether no step of a path can miss."""
    return all(isinstance(s, Part) or s.proved for s in path)


class Totality:
    """Answers for the values of one program. Recursive functions are taken for ones that may fault."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._functions: dict[str, bool] = {}
        self._values: dict[int, tuple[Operand | Value, bool]] = {}

    def block(self, block: Block) -> bool:
        return all(self.let(let) for let in block.lets)

    def let(self, let: Let) -> bool:
        """Whether `let` is total where it stands. What derivative code executes again has not faulted the first time,
        and what it adds to has the size of what it adds."""
        if let.role == "adjoint" and not isinstance(let.value, Check | Io | Derive) and not _of_a_rule(let.value):
            return all(self.block(inner) for _, inner in blocks(let.value))
        return self.value(let.value)

    def value(self, value: Operand | Value) -> bool:
        """Whether `value` cannot fault, does nothing else that can be seen, and ends."""
        known = self._values.get(id(value))
        if known is None:
            known = self._values[id(value)] = (value, self._total(value))
        return known[1]

    def _total(self, value: Operand | Value) -> bool:
        match value:
            case Var() | Lit() | Dim() | Stop() | Variant():
                return True
            case Prim(op, args):
                return total_prim(op, args)
            case Make(parts):
                return all(_fixed(p) for p in parts)
            case Get(_, path):
                return proved(path)
            case Update(kind, _, path, v):
                return kind != "push" and proved(path) and not isinstance(v.type, ArrayType)
            case Fill(shape, _):
                return all(isinstance(s, Lit) and int(s.value) >= 0 for s in shape)
            case Match(_, arms):
                return all(self.block(arm.body) for arm in arms)
            case If(_, then, orelse):
                return self.block(then) and self.block(orelse)
            case Checkpoint(body):
                return self.block(body)
            case Loop():
                return self._loop(value)
            case Call(fn):
                return self._function(fn)
            case While() | Derive() | Check() | Io():
                return False
            case _:
                assert_never(value)

    def _loop(self, loop: Loop) -> bool:
        for r, o in zip(loop.results, loop.body.results, strict=True):
            if isinstance(r, Reduce) and r.op in UNITLESS and not some(loop):
                return False
            if isinstance(r, Build) and not (_fixed(o) or self.level(o, loop)):
                return False
        return self.block(loop.body)

    def level(self, row: Operand, loop: Loop) -> bool:
        """Whether the arrays that a builder puts in a row are all of one size: their sizes come from outside."""
        inside = {v.name for let in lets_of(loop.body) for v in let.names} | {loop.index.name}
        made = {v.name: (let, k) for let in loop.body.lets for k, v in enumerate(let.names)}
        while isinstance(row, Var) and row.name in made:
            let, k = made[row.name]
            match let.value:
                case Loop(_, low, high, results, body) if isinstance(results[k], Build):
                    if any(isinstance(o, Var) and o.name in inside for o in (low, high)):
                        return False
                    inner = body.results[k]
                    return not isinstance(inner.type, ArrayType) or _fixed(inner) or self.level(inner, loop)
                case Get(Var() as x, path) if x.name not in inside:
                    return all(isinstance(s, At) for s in path)
                case Var() as x:
                    row = x
                case _:
                    return False
        return isinstance(row, Var) and row.name not in inside

    def _function(self, name: str) -> bool:
        if name not in self._functions:
            self._functions[name] = False
            fn = self._program.fns.get(name)
            self._functions[name] = fn is not None and self.block(fn.body)
        return self._functions[name]


def _of_a_rule(value: Operand | Value) -> bool:
    """Whether a primitive is in derivative code because a rule in dp says so: it is met there for the first time."""
    row = TABLE.get(value.op) if isinstance(value, Prim) else None
    return row is not None and not row.elementwise and not row.rule and not row.typing


def some(loop: Loop) -> bool:
    """Whether a loop surely has a turn."""
    return isinstance(loop.low, Lit) and isinstance(loop.high, Lit) and loop.low.value < loop.high.value  # type: ignore[operator]


def _fixed(o: Operand) -> bool:
    """Whether the sizes of a value are fixed by its type."""
    return not isinstance(o.type, ArrayType) or all(d is not None for d in o.type.dims)


def cost(lets: tuple[Let, ...] | list[Let]) -> int | None:
    """About how many operations straight code is; None where it has loops, calls or costly primitives."""
    total = 0
    for let in lets:
        match let.value:
            case Var() | Lit() | Dim():
                pass
            case Get(_, path):
                if any(isinstance(s, Slice) for s in path):
                    return None
            case Prim(op, args) if op in CHEAP or (op == "^" and _small_power(args)):
                total += 1
            case _:
                return None
    return total


def _small_power(args: tuple[Operand, ...]) -> bool:
    return isinstance(args[1], Lit) and args[1].type == INT and args[1].value in (0, 1, 2, 3)


def is_heavy(block: Block) -> bool:
    """Whether a turn of a loop is worth lanes or threads: it has loops, calls or costly primitives."""
    for let in lets_of(block):
        match let.value:
            case Loop() | While() | Call():
                return True
            case Prim(op, args) if op not in CHEAP and not (op == "^" and _small_power(args)):
                return True
            case _:
                pass
    return False
