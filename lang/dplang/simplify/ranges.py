"""Sizes of arrays and trips of loops, as far as a function's text tells them, to see that two loops have equal ranges.

Sizes are polynomials (`analyse.access`). Two are equal where their normal forms are, or where a Check has compared
them before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..analyse.access import Indices, atom
from ..core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Carry,
    Check,
    Dim,
    Fill,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Make,
    Operand,
    Prim,
    Program,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import blocks, lets_of, map_value, operands
from ..core.sizes import Atom, Opaque, Size, apply

Fact = tuple[Atom, Size]
"""An atom and the size that it is equal to."""

Known = dict[Atom, Size]

NOTHING = Size.of(0)


class Ranges(Indices):
    """The sizes of one function. `aliases` are facts that hold everywhere: indices of loops that have been merged."""

    def __init__(self, fn: Fn) -> None:
        super().__init__(fn)
        self.aliases: list[Fact] = []
        self.compared = {
            let.names[0].name: let.value
            for let in lets_of(fn.body)
            if isinstance(let.value, Prim) and let.value.op == "==" and let.value.args[0].type == INT
        }

    def _enter(self, let: Let) -> None:
        super()._enter(let)
        if isinstance(let.value, Loop | While):
            for r in let.value.results:
                if isinstance(r, Carry):
                    self.like(r.param, r.init)

    def like(self, v: Var, x: Operand) -> None:
        """Notes that `v` has the dimensions of `x`."""
        if isinstance(v.type, ArrayType) and isinstance(x, Var):
            for axis in range(len(v.type.dims)):
                self._dims[v.name, axis] = self._dim(x, axis)

    def _alike(self, a: Operand, b: Operand) -> bool:
        """Whether two arrays surely have the same dimensions."""
        if not isinstance(a, Var) or not isinstance(b, Var) or not isinstance(a.type, ArrayType):
            return False
        return all(self._dim(a, axis) == self._dim(b, axis) for axis in range(len(a.type.dims)))

    def _shapes(self, let: Let) -> None:
        value = let.value
        match value:
            case Var():
                self.like(let.names[0], value)
            case Get(Var() as x, path) if all(isinstance(s, At) for s in path):
                v = let.names[0]
                for axis in range(len(v.type.dims) if isinstance(v.type, ArrayType) else 0):
                    self._dims[v.name, axis] = self._dim(x, axis + len(path))
            case Update("set", _, (), v):
                self.like(let.names[0], v)
            case Prim(op, (Var() as x, *rest)) if isinstance(x.type, ArrayType):
                for axis, size in enumerate(self._made_by(op, x, rest)):
                    self._dims[let.names[0].name, axis] = size
            case If(_, then, orelse):
                for name, a, b in zip(let.names, then.results, orelse.results, strict=True):
                    if self._alike(a, b):
                        self.like(name, a)
            case Loop() | While():
                self._loop(let, value)
            case _:
                super()._shapes(let)

    def _made_by(self, op: str, x: Var, rest: Sequence[Operand]) -> list[Size]:
        """The dimensions of what a whole-array row makes of `x`, as far as they are known, from the first on."""
        dims = [self._dim(x, axis) for axis in range(len(x.type.dims) if isinstance(x.type, ArrayType) else 0)]
        match op:
            case "sort" | "argsort" | "reverse" | "cumsum" | "cumprod":
                return dims
            case "transpose":
                return [dims[1], dims[0], *dims[2:]]
            case "flatten":
                total = Size.of(1)
                for size in dims:
                    total = total * size
                return [total]
            case "reshape":
                return [self.form(o) for o in rest]
            case "concat" if isinstance(rest[0], Var):
                return [dims[0] + self._dim(rest[0], 0), *dims[1:]]
            case _:
                return []

    def _loop(self, let: Let, loop: Loop | While) -> None:
        """State keeps its dimensions if each turn does, supposing that those before did."""
        state = list(zip(loop.results, loop.body.results, let.names, strict=False))
        wrong = [r.param for r, o, _ in state if isinstance(r, Carry) and not self._kept(r, o)]
        while wrong:
            self._forget(loop.body)
            for v in wrong:
                for axis in range(len(v.type.dims) if isinstance(v.type, ArrayType) else 0):
                    self._dims[v.name, axis] = Size.of(atom(f"{v.name}#{axis}"))
            self._block(loop.body)
            wrong = [r.param for r, o, _ in state if isinstance(r, Carry) and not self._kept(r, o)]
        for r, o, v in state:
            if isinstance(r, Carry):
                if self._alike(r.param, r.init) or r.init == o:
                    self.like(v, r.init)
            elif isinstance(r, Build) and isinstance(loop, Loop):
                trips = self.form(loop.high) - self.form(loop.low)
                self._dims[v.name, 0] = trips if self.natural_size(trips) else apply("max", NOTHING, trips)

    def _forget(self, block: Block) -> None:
        """What was found out of a block on a false supposition."""
        bound = {v.name for let in lets_of(block) for v in let.names}
        bound.update(v.name for let in lets_of(block) for params, _ in blocks(let.value) for v in params)
        self._dims = {key: size for key, size in self._dims.items() if key[0] not in bound}

    def _kept(self, r: Carry, out: Operand) -> bool:
        return not isinstance(r.param.type, ArrayType) or not self._alike(r.param, r.init) or self._alike(out, r.init)

    def fact(self, let: Let) -> list[Fact]:
        """What is known once `let` has not faulted."""
        if isinstance(let.value, Prim) and let.value.op == "@":
            a, b = let.value.args
            if isinstance(a, Var) and isinstance(b, Var) and isinstance(a.type, ArrayType):
                return self._equal(self._dim(a, len(a.type.dims) - 1), self._dim(b, 0))
        if not isinstance(let.value, Check) or not isinstance(let.value.cond, Var):
            return []
        made = self.compared.get(let.value.cond.name)
        if made is None:
            return []
        return self._equal(self.form(made.args[0]), self.form(made.args[1]))

    def _equal(self, a: Size, b: Size) -> list[Fact]:
        for x, y in ((a, b), (b, a)):
            if x.atom is not None and x.atom not in y.atoms():
                return [(x.atom, y)]
        return []

    def facts(self, lets: Iterable[Let]) -> list[Fact]:
        return [fact for let in lets for fact in self.fact(let)]

    def solved(self, facts: Iterable[Fact] = ()) -> Known:
        """What each atom is to be replaced by, so that sizes that `facts` make equal have one form."""
        known: Known = {}
        for a, to in (*self.aliases, *facts):
            left, right = Size.of(a).replace(known), to.replace(known)
            for x, y in ((left, right), (right, left)):
                if x.atom is not None and x.atom not in y.atoms():
                    known = {k: v.replace({x.atom: y}) for k, v in known.items()}
                    known[x.atom] = y
                    break
        return known

    def trips(self, loop: Loop, known: Known) -> Size:
        """How many turns a loop has, where that is not less than none."""
        trips = (self.form(loop.high) - self.form(loop.low)).replace(known)
        inner = trips.atom
        if isinstance(inner, Opaque) and inner.op == "max" and inner.args[0] == NOTHING:
            return inner.args[1]
        return trips

    def at_turn(self, index: Operand, loop: Loop, known: Known) -> bool:
        """Whether an index is the number of the turn of `loop`."""
        offset = (self.form(index) - self.form(loop.low)).replace(known)
        return offset == Size.of(atom(loop.index.name)).replace(known)

    def dim(self, x: Var, axis: int) -> Size:
        """The size of a dimension."""
        return self._dim(x, axis)


def _all(block: Block) -> Iterator[Block]:
    yield block
    for let in block.lets:
        for _, inner in blocks(let.value):
            yield from _all(inner)


# ---- sizes that are known by other names


def sizes(program: Program) -> Program:
    """Every `Dim` is asked of the array that others were made from, or is what the text says."""
    fns = dict(program.fns)
    for name, fn in fns.items():
        if any(isinstance(let.value, Dim) for let in lets_of(fn.body)):
            fns[name] = replace(fn, body=_Sizes(fn).block(fn.body))
    return Program(fns, program.enums, program.entry)


class _Sizes:
    """An array that is read for its size alone stays so: without readers it would be dead code, and so would what it
    is made of, which may fault."""

    def __init__(self, fn: Fn) -> None:
        self.ranges = Ranges(fn)
        self.made: dict[str, tuple[Operand | Value, int]] = {}
        self.state: dict[str, tuple[Operand, str]] = {}
        self.read = {o.name for block in _all(fn.body) for o in block.results if isinstance(o, Var)}
        for let in lets_of(fn.body):
            value = let.value
            if not isinstance(value, Dim):
                self.read.update(o.name for o in operands(value) if isinstance(o, Var))
            self.made.update((v.name, (value, k)) for k, v in enumerate(let.names))
            if isinstance(value, Loop | While):
                for r, v in zip(value.results, let.names, strict=False):
                    if isinstance(r, Carry):
                        self.state[v.name] = self.state[r.param.name] = (r.init, v.name)

    def block(self, block: Block) -> Block:
        lets = []
        for let in block.lets:
            value = map_value(let.value, lambda o: o, lambda params, inner: (params, self.block(inner)))
            if isinstance(value, Dim) and isinstance(value.x, Var) and self.is_read(value.x):
                value = self.size(value.x, value.axis)
            lets.append(replace(let, value=value))
        return Block(tuple(lets), block.results)

    def is_read(self, x: Var) -> bool:
        """Whether something reads the elements of `x`, or of the last of its successors where it is state."""
        _, name = self.state.get(x.name, (None, x.name))
        return name in self.read or name not in self.made

    def size(self, x: Var, axis: int) -> Operand | Value:
        assert isinstance(x.type, ArrayType)
        known = x.type.dims[axis]
        if known is not None:
            return Lit(known, INT)
        start, _ = self.state.get(x.name, (None, ""))
        if isinstance(start, Var) and self.ranges.dim(x, axis) == self.ranges.dim(start, axis):
            return self.size(start, axis)
        made, k = self.made.get(x.name, (None, 0))
        match made:
            case Var():
                return self.size(made, axis)
            case Get(Var() as whole, path) if all(isinstance(s, At) for s in path):
                return self.size(whole, axis + len(path))
            case Update("set", _, (), Var() as v):
                return self.size(v, axis)
            case Update("set" | "add", Var() as whole, _, _):
                return self.size(whole, axis)
            case Fill(shape, _):
                return shape[axis]
            case Make(parts) if axis == 0:
                return Lit(len(parts), INT)
            case Loop(_, Lit(0), high, results, _) if axis == 0 and isinstance(results[k], Build):
                if self.ranges.natural_size(self.ranges.form(high)):
                    return high
            case Prim("@", (Var() as a, Var() as b)):
                matrix = isinstance(a.type, ArrayType) and len(a.type.dims) == 2
                return self.size(a, 0) if matrix and axis == 0 else self.size(b, 1)
        return Dim(x, axis)
