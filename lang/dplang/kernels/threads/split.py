"""Loops that threads may share become functions of their own, each with a function for a chunk of its turns.

The outermost loops whose turns need no order are taken out. A chunk gives what its turns give in parts: rows of
builders go to the rows of an array that all chunks share; a reduction or a sum that turns carry gives the sum of the
chunk; an array that turns write to at different places is the one array, and one that they add to is private to the
chunk, zeros at first. Reductions that have no such parts (the least of numbers, of which some may be none; sums whose
order is fixed) read what the turns gave from an array afterwards.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ...analyse.parallel import Part, parts, with_io
from ...core.ir import (
    FLOAT,
    FLOAT32,
    INT,
    ArrayType,
    Block,
    Build,
    Call,
    Carry,
    EnumType,
    Fn,
    Io,
    Let,
    Lit,
    Loop,
    Operand,
    Param,
    Prim,
    Program,
    Reduce,
    Result,
    Scalar,
    Var,
)
from ...core.rewrite import Rebuild, calls, free_names, lets_of, map_value
from ..options import Options
from ..refuse import reachable
from .sizes import Sizes, outside

Kind: TypeAlias = Literal["rows", "total", "shared", "private"]


WORTH = 250_000
"""Additions that a loop must be worth to be shared: about 100 µs."""

UNITS = {"+": 0, "*": 1}


@dataclass(frozen=True, slots=True)
class Given:
    """What becomes of one result of a loop in chunks. `rows`, `shared`, `private`: `array` is the parameter of the
    chunk for it. `total`: the chunk's result, combined by `op`. `after`: a reduction reads the rows in the end."""

    kind: Kind
    array: Var | None = None
    op: str = ""
    after: Reduce | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """A loop that threads may share: `fn` is all of it, a function whose body is the loop; `chunk` does the turns
    from its first parameter to its second, is given `captured` next, and then the arrays of the results."""

    fn: Fn
    chunk: Fn
    captured: tuple[Var, ...]
    given: tuple[Given, ...]


def split(program: Program, fit: Container[str], options: Options) -> tuple[Program, dict[str, Split]]:
    """`program` with such loops of its functions in `fit` as functions, and what they are by name."""
    fns = dict(program.fns)
    found: dict[str, Split] = {}
    unfit = _unfit(program)
    for fn in (program.fns[name] for name in program.fns if name in fit):
        fns[fn.name] = replace(fn, body=_Splitting(fn, program.fns, unfit, options, found).block(fn.body))
    for made in found.values():
        fns[made.fn.name], fns[made.chunk.name] = made.fn, made.chunk
    return replace(program, fns=fns), found


def _unfit(program: Program) -> set[str]:
    """The functions that no chunk may call: recursive ones need the whole stack, nodes an arena, others speak."""
    found = with_io(program)
    for name, fn in program.fns.items():
        if any(name in reachable(program, c) for c in calls(fn.body)) or _speaks(fn.body):
            found.add(name)
    return {name for name in program.fns if not found.isdisjoint(reachable(program, name))}


def _speaks(block: Block) -> bool:
    """Whether a block has nodes or output, calls left aside."""
    return any(
        isinstance(let.value, Io) or (isinstance(let.value, Prim) and let.value.op.startswith("node."))
        for let in lets_of(block)
    )


class _Splitting:
    """Takes the loops out of one function."""

    def __init__(self, fn: Fn, fns: dict[str, Fn], unfit: set[str], options: Options, found: dict[str, Split]) -> None:
        self.fn = fn
        self.fns = fns
        self.unfit = unfit
        self.options = options
        self.found = found
        self.parts = parts(fn)
        self.count = 0

    def block(self, block: Block) -> Block:
        return Block(tuple(map(self.let, block.lets)), block.results)

    def let(self, let: Let) -> Let:
        if isinstance(let.value, Loop) and id(let) in self.parts:
            made = self.split(let, let.value, self.parts[id(let)])
            if made is not None:
                self.found[made.fn.name] = made
                return replace(let, value=Call(made.fn.name, tuple(p.var for p in made.fn.params)))
        rebuild: Rebuild = lambda params, inner: (params, self.block(inner))  # noqa: E731
        return replace(let, value=map_value(let.value, lambda o: o, rebuild))

    def split(self, let: Let, loop: Loop, of: Sequence[Part]) -> Split | None:
        """A loop by itself and its chunks; None where it has none, or is never worth them."""
        body = loop.body
        if not self.unfit.isdisjoint(calls(body)) or _speaks(body) or not let.names:
            return None
        free = tuple(free_names(loop).values())
        sizes = outside(loop, free, str, self.fns)
        turns, work = sizes.trips(loop), sizes.work(body)
        if turns is not None and turns.isdigit() and work.isdigit() and int(turns) * int(work) < WORTH:
            return None
        given = []
        for v, r, o, part in zip(let.names, loop.results, body.results, of, strict=True):
            one = self.given(v, r, o, part, sizes)
            if one is None:
                return None
            given.append(one)
        self.count += 1
        name = f"{self.fn.name}.loop.{self.count}"
        whole = _function(name, f"{self.fn.label}_loop", free, Block((let,), let.names), let)
        return Split(whole, *_chunk(whole, let, loop, given), tuple(given))

    def given(self, v: Var, r: Result, o: Operand, part: Part, sizes: Sizes) -> Given | None:
        """What becomes of a result; None where it has no parts."""
        ordered = self.options.exact and o.type in (FLOAT, FLOAT32)
        match r:
            case Build():
                return None if sizes.dims(o) is None else Given("rows", Var(f"{v.name}.rows", v.type))
            case Reduce(op):
                if op in ("+", "*", "any", "all") and not ordered:
                    return Given("total", op=op)
                assert not isinstance(o.type, ArrayType | EnumType)
                return Given("rows", Var(f"{v.name}.rows", ArrayType(o.type, (None,))), after=r)
            case Carry(Var(name, ArrayType(elem)) as param):
                if part.kind == "parallel" and part.how != "read":
                    return Given("shared", Var(f"{name}.all", param.type))
                ordered = self.options.exact and elem in (FLOAT, FLOAT32)
                return Given("private", Var(f"{name}.own", param.type)) if part.how == "+" and not ordered else None
            case Carry():
                return Given("total", op=part.how) if part.how in ("+", "*") and not ordered else None


def _chunk(whole: Fn, let: Let, loop: Loop, given: Sequence[Given]) -> tuple[Fn, tuple[Var, ...]]:
    """The function that does a chunk, and what it reads of what is around the loop."""
    low, high = Var(f"{loop.index.name}.low", INT), Var(f"{loop.index.name}.high", INT)
    results = tuple(map(_in_chunk, loop.results, given))
    turns = replace(loop, low=low, high=high, results=results)
    arrays = tuple(g.array for g in given if g.array is not None)
    own = {low.name, high.name, *(a.name for a in arrays)}
    captured = tuple(v for v in free_names(turns).values() if v.name not in own)
    names = tuple(
        replace(v, type=g.array.type) if g.kind == "rows" and g.array is not None else v
        for v, g in zip(let.names, given, strict=True)
    )
    totals = tuple(v for v, g in zip(names, given, strict=True) if g.kind == "total")
    body = Block((replace(let, names=names, value=turns),), totals)
    params = (low, high, *captured, *arrays)
    return _function(f"{whole.name}.chunk", f"{whole.label.removesuffix('_loop')}_chunk", params, body, let), captured


def _in_chunk(r: Result, given: Given) -> Result:
    if given.kind == "rows":
        return Build()
    if not isinstance(r, Carry):
        return r
    t = r.param.type
    if isinstance(t, Scalar):
        unit = UNITS[given.op]
        return replace(r, init=Lit(float(unit) if t in (FLOAT, FLOAT32) else unit, t))
    assert given.array is not None
    return replace(r, init=given.array)


def _function(name: str, label: str, params: Sequence[Var], body: Block, let: Let) -> Fn:
    results = tuple(v for v in body.results if isinstance(v, Var))
    types, labels = tuple(v.type for v in results), tuple(v.name for v in results)
    return Fn(name, label, tuple(Param(v, v.name) for v in params), body, types, labels, let.span, user=False)
