"""Sizes of arrays and trips of loops, as far as a function's text tells them, to see that two loops have equal ranges.

Sizes are polynomials (`analyse.access`). Two are equal where their normal forms are, or where a Check has compared
them before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..analyse.access import Indices, atom
from ..core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Check,
    Dim,
    Fill,
    Fn,
    Get,
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
)
from ..core.rewrite import lets_of, map_value
from ..core.sizes import Atom, Opaque, Size, apply
from .total import Totality

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

    def _shapes(self, let: Let) -> None:
        if isinstance(let.value, Loop):
            trips = self.form(let.value.high) - self.form(let.value.low)
            for name, r in zip(let.names, let.value.results, strict=True):
                if isinstance(r, Build):
                    self._dims[name.name, 0] = trips if self.natural_size(trips) else apply("max", NOTHING, trips)
        elif isinstance(let.value, Get) and isinstance(let.value.x, Var) and isinstance(let.names[0].type, ArrayType):
            if all(isinstance(s, At) for s in let.value.path):
                for axis in range(len(let.names[0].type.dims)):
                    self._dims[let.names[0].name, axis] = self._dim(let.value.x, axis + len(let.value.path))
        else:
            super()._shapes(let)

    def fact(self, let: Let) -> list[Fact]:
        """What is known once `let` has not faulted."""
        if not isinstance(let.value, Check) or not isinstance(let.value.cond, Var):
            return []
        made = self.compared.get(let.value.cond.name)
        if made is None:
            return []
        a, b = (self.form(o) for o in made.args)
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


# ---- sizes that are known by other names


def sizes(program: Program) -> Program:
    """Every `Dim` is asked of the array that others were made from, or is what the text says."""
    totality = Totality(program)
    fns = dict(program.fns)
    for name, fn in fns.items():
        if any(isinstance(let.value, Dim) for let in lets_of(fn.body)):
            fns[name] = replace(fn, body=_Sizes(fn, totality).block(fn.body))
    return Program(fns, program.enums, program.entry)


class _Sizes:
    """What may fault keeps its readers: without them it would be dead code."""

    def __init__(self, fn: Fn, totality: Totality) -> None:
        self.ranges = Ranges(fn)
        self.made = {
            v.name: (let.value, k) for let in lets_of(fn.body) if totality.let(let) for k, v in enumerate(let.names)
        }

    def block(self, block: Block) -> Block:
        lets = []
        for let in block.lets:
            value = map_value(let.value, lambda o: o, lambda params, inner: (params, self.block(inner)))
            if isinstance(value, Dim) and isinstance(value.x, Var):
                value = self.size(value.x, value.axis)
            lets.append(replace(let, value=value))
        return Block(tuple(lets), block.results)

    def size(self, x: Var, axis: int) -> Operand | Value:
        assert isinstance(x.type, ArrayType)
        known = x.type.dims[axis]
        if known is not None:
            return Lit(known, INT)
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
