"""What is known of sizes in the body of a loop before its first turn, as text: of arrays exactly, of work about.

A bound of an inner loop that differs between turns is taken as it is in the middle turn; what is not known at all
counts as a few turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from ...core.ir import (
    INT,
    ArrayType,
    At,
    Block,
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
    Part,
    Path,
    Prim,
    Stop,
    Update,
    Var,
    While,
)
from ...core.rewrite import blocks, lets_of
from ..lanes.rows import COSTLY

Text: TypeAlias = str | None
Dims: TypeAlias = list[str] | None

FEW = 8
"""Turns of a loop of which nothing is known."""
LONG = 400
"""No text is longer than this: what is made of it is not known."""
FUNCTION, DIVISION = 10, 3
"""What a function of mathematics costs, and a division or root, in additions."""


@dataclass(slots=True)
class Sizes:
    """`ints` and `shapes`: texts of what is known outside. `fns`: the functions that may be called."""

    ints: dict[str, Text]
    shapes: dict[str, Dims]
    fns: dict[str, Fn] = field(default_factory=dict)
    defs: dict[str, tuple[Let, int]] = field(default_factory=dict)
    inits: dict[str, Operand] = field(default_factory=dict)
    ranges: dict[str, tuple[Operand, Operand]] = field(default_factory=dict)

    def learn(self, block: Block) -> None:
        """Notes where the names in a block come from."""
        for let in lets_of(block):
            self.defs.update((v.name, (let, k)) for k, v in enumerate(let.names))
            if isinstance(let.value, Loop | While):
                self.inits.update((r.param.name, r.init) for r in let.value.results if isinstance(r, Carry))
            if isinstance(let.value, Loop):
                self.ranges[let.value.index.name] = let.value.low, let.value.high

    # ---- Ints

    def number(self, o: Operand, about: bool = False) -> Text:
        """An Int, or what it is in the middle turn; None where that is not known."""
        if isinstance(o, Lit):
            return str(o.value) if int(o.value) >= 0 else f"({o.value})"
        if o.name in self.ints:
            return self.ints[o.name]
        if o.name in self.ranges and about:
            low, high = (self.number(end, True) for end in self.ranges[o.name])
            return _short(low and high and ("(" + high + ") // 2" if low == "0" else f"({low} + {high}) // 2"))
        if o.name not in self.defs:
            return None
        let, _ = self.defs[o.name]
        match let.value:
            case Var() | Lit() as x:
                return self.number(x, about)
            case Stop(x):
                return self.number(x, about)
            case Prim("+" | "-" | "*" as op, (a, b)):
                left, right = self.number(a, about), self.number(b, about)
                return _short(left and right and f"({left} {op} {right})")
            case Prim("min" | "max" as op, (a, b)):
                left, right = self.number(a, about), self.number(b, about)
                return _short(left and right and f"{op}({left}, {right})")
            case Dim(x, axis):
                dims = self.dims(x)
                return None if dims is None else dims[axis]
            case _:
                return None

    def trips(self, loop: Loop, about: bool = False) -> Text:
        """How many turns a loop makes."""
        low, high = self.number(loop.low, about), self.number(loop.high, about)
        if low == "0" and high is not None:
            return high if high.isdigit() or high.endswith("]") else _short(f"max({high}, 0)")
        return _short(low and high and f"max({high} - {low}, 0)")

    # ---- arrays

    def dims(self, o: Operand) -> Dims:
        """The sizes of an array, none for a scalar; None where they are not known."""
        if isinstance(o, Lit) or not isinstance(o.type, ArrayType):
            return []
        found = self.shapes[o.name] if o.name in self.shapes else self._dims(o)
        if found is None and None not in o.type.dims:
            found = list(map(str, o.type.dims))
        return found

    def _dims(self, o: Var) -> Dims:
        if o.name in self.inits:
            return self.dims(self.inits[o.name])  # state keeps its sizes, or the loop is left
        if o.name not in self.defs:
            return None
        let, k = self.defs[o.name]
        match let.value:
            case Var() as x:
                return self.dims(x)
            case Stop(x):
                return self.dims(x)
            case Get(x, path):
                return self.part(self.dims(x), path)
            case Update("push"):
                return None
            case Update("set", _, (), v):
                return self.dims(v)
            case Update(_, x):
                return self.dims(x)
            case Fill(shape):
                return _all(map(self.number, shape))
            case Make(parts):
                inner = self.dims(parts[0]) if parts else None
                return None if inner is None else [str(len(parts)), *inner]
            case If(_, then, orelse):
                one, other = self.dims(then.results[k]), self.dims(orelse.results[k])
                return one if one == other else None
            case Checkpoint(body):
                return self.dims(body.results[k])
            case Loop() as loop:
                result = loop.results[k]
                if isinstance(result, Carry):
                    return self.dims(result.init)
                inner = self.dims(loop.body.results[k])
                turns = self.trips(loop)
                return None if inner is None or turns is None else [turns, *inner]
            case Prim("reverse" | "sort" | "argsort" | "cumsum" | "cumprod", (x,)):
                return self.dims(x)
            case Prim("transpose", (x,)):
                found = self.dims(x)
                return None if found is None else [found[1], found[0], *found[2:]]
            case Prim("@", (x, y)):
                a, b = self.dims(x), self.dims(y)
                return None if a is None or b is None else [*a[:-1], *b[1:]]
            case _:
                return None

    def part(self, dims: Dims, path: Path) -> Dims:
        if dims is None:
            return None
        kept: list[Text] = []
        for step in path:
            if isinstance(step, At):
                continue
            if isinstance(step, Part):
                return None
            low, high = self.number(step.low), self.number(step.high)
            kept.append(_short(low and high and f"({high} - {low})"))
        return _all([*kept, *dims[len(path) :]])

    # ---- work

    def work(self, block: Block) -> str:
        """About how many additions a block is."""
        fixed, terms = 0, list[str]()
        for let in block.lets:
            cost = self.cost(let)
            if cost.isdigit():
                fixed += int(cost)
            else:
                terms.append(cost)
        text = " + ".join([str(fixed), *terms])
        return text if len(text) <= 4 * LONG else str(fixed + FEW * len(terms))

    def cost(self, let: Let) -> str:
        value = let.value
        match value:
            case Var() | Lit() | Dim() | Stop() | Get():
                return "0" if not isinstance(value, Get) else "1"
            case Prim(op, args) if any(isinstance(a.type, ArrayType) for a in args):
                sizes = [n for a in args for n in (self.dims(a) or [])]
                return _product(sizes if op in ("@", "dot") and len(sizes) > 2 else sizes[:2], "1")
            case Prim(op):
                return str(DIVISION if op in ("/", "sqrt") else FUNCTION if op in COSTLY else 1)
            case Make(parts):
                return str(len(parts))
            case Fill():
                return _product(self.dims(let.names[0]), "1")
            case Update(v=v):
                return _product(self.dims(v), "1")
            case Loop(body=body) as loop:
                return _product([self.trips(loop, about=True) or str(FEW)], self.work(body))
            case While(cond=cond, body=body):
                return _product([str(FEW)], f"{self.work(cond)} + {self.work(body)}")
            case Call(name, args) if name in self.fns:
                return self.called(self.fns[name], args)
            case Match() | If() | Checkpoint():
                return _sum(self.work(b) for _, b in blocks(value))
            case _:
                return "1"

    def called(self, fn: Fn, args: Iterable[Operand]) -> str:
        """The work of a call: `fn` does not come back to itself."""
        inner = Sizes({}, {}, self.fns)
        for p, a in zip(fn.params, args, strict=True):
            if p.var.type == INT:
                inner.ints[p.var.name] = self.number(a, about=True)
            elif isinstance(p.var.type, ArrayType):
                inner.shapes[p.var.name] = self.dims(a)
        inner.learn(fn.body)
        return _sum([inner.work(fn.body)])


def outside(loop: Loop, free: Iterable[Var], text: Callable[[Operand], str], fns: dict[str, Fn]) -> Sizes:
    """What is known before a loop that reads `free` from around it."""
    ints: dict[str, Text] = {}
    shapes: dict[str, Dims] = {}
    for v in free:
        if isinstance(v.type, ArrayType):
            shapes[v.name] = [f"{text(v)}.shape[{axis}]" for axis in range(len(v.type.dims))]
        elif v.type == INT:
            ints[v.name] = text(v)
    found = Sizes(ints, shapes, fns)
    found.ranges[loop.index.name] = loop.low, loop.high
    found.inits.update((r.param.name, r.init) for r in loop.results if isinstance(r, Carry))
    found.learn(loop.body)
    return found


def _short(text: Text) -> Text:
    return text if text and len(text) <= LONG else None


def _all(texts: Iterable[Text]) -> Dims:
    found = list(texts)
    return None if None in found else [t for t in found if t is not None]


def _sum(texts: Iterable[str]) -> str:
    found = [t for t in texts if t != "0"]
    if all(t.isdigit() for t in found):
        return str(sum(map(int, found)))
    return f"({' + '.join(found)})"


def _product(sizes: Dims, work: str) -> str:
    """`work` for each of so many elements or turns."""
    known, terms = 1, list[str]()
    for n in [str(FEW)] if sizes is None else sizes:
        if n.isdigit():
            known *= int(n)
        else:
            terms.append(f"np.float64({n})")
    if not terms and work.isdigit():
        return str(known * int(work))
    factors = [*([str(float(known))] if known != 1 else []), *terms, *([f"({work})"] if work != "1" else [])]
    return " * ".join(factors) or "1"
