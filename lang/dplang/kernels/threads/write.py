"""The text of a loop that threads may share: a function that does a chunk of its turns, one that does chunk number k
of a job, and the whole, which decides from sizes whether there are chunks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...core.ir import (
    INT,
    ArrayType,
    At,
    Block,
    Carry,
    Checkpoint,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Operand,
    Program,
    Stop,
    Type,
    Update,
    Var,
    While,
)
from ...core.rewrite import lets_of, rank
from ..emit import Function
from ..lanes.rows import WORDS as LANES
from ..lanes.words import WIDTH
from ..place import Placement
from ..text import dtype, fresh_name, type_text
from ..writer import room_text
from .sizes import outside
from .split import WORTH, Given, Split

FAST = 5
"""How much faster lanes are."""
MOST, MOST_PRIVATE = 64, 16
"""How many chunks a loop has at most, and one whose chunks have arrays of their own."""


class _Chunk(Function):
    """The function that does some of the turns of a loop. Rows of builders go to arrays that are given."""

    def __init__(self, split: Split, *given: Any) -> None:
        super().__init__(split.chunk, *given)
        self.rows_of = {
            v.name: g.array for v, g in zip(split.chunk.body.lets[0].names, split.given, strict=True) if g.array
        }
        self.outputs: set[str] = set()

    def reserve(self, made: str, v: Var, row: Type, turns: str) -> None:
        if v.name not in self.rows_of:
            super().reserve(made, v, row, turns)
            return
        array = self.rows_of[v.name]
        self.line(f"{made} = {self.name_of[array.name]}")
        self.outputs.add(made)

    def put_row(self, let: Let, made: str, number: str, o: Operand, turns: str) -> None:
        if made not in self.outputs or (isinstance(o, Var) and o.name in self.rows):
            super().put_row(let, made, number, o, turns)
            return
        for axis in range(rank(o.type)):
            n = self.size(o, axis)
            if not n.isdigit():
                self.equal(let.span, n, f"{made}.shape[{axis + 1}]")
        self.store(made, number, o)


class _Whole(Function):
    """The whole loop."""

    def __init__(self, split: Split, fns: dict[str, Fn], chunk: str, part: str, laned: bool, *given: Any) -> None:
        super().__init__(split.fn, *given)
        self.split = split
        self.fns = fns
        self.chunk = chunk
        self.of_job = part
        self.laned = laned
        [self.let_] = split.fn.body.lets

    def text(self) -> str:
        split = self.split
        loop = self.let_.value
        assert isinstance(loop, Loop)
        params = [self.bind(p.var) for p in self.fn.params]
        low, high = self.whole(loop.low), self.whole(loop.high)
        turns = self.fresh("turns")
        self.line(f"{turns} = max({high if low == '0' else f'{high} - {low}'}, 0)")
        sizes = outside(loop, [p.var for p in self.fn.params], self.whole, self.fns)
        made = [self.start(k, g, loop, turns, sizes.dims(loop.body.results[k])) for k, g in enumerate(split.given)]
        own = [a for a, g in zip(made, split.given, strict=True) if g.kind == "private"]
        size, limits = self.fresh("size"), self.limits(own)
        self.line(f"{size} = portion({turns}, {sizes.work(loop.body)}, {limits})")
        captured = [self.name_of[v.name] for v in split.captured]
        totals = [self.fresh(v.name) for v, g in zip(self.let_.names, split.given, strict=True) if g.kind == "total"]
        arrays = [a for a in made if a]
        with self.inside(f"if {size} >= {turns}:"):
            given = ", ".join(["ctl", low, high, *captured, *arrays])
            self.line(f"{_given(totals)}apart({self.chunk}, ({given}))")
        with self.inside("else:"):
            self.share_out(low, high, turns, size, captured, made, totals)
        self.results(loop, turns, made, totals)
        self.give()
        return self.headed(params)

    def start(self, k: int, given: Given, loop: Loop, turns: str, dims: list[str] | None) -> str:
        """The array that a result lies in; empty for a total."""
        if given.array is None:
            return ""
        made = self.fresh(given.array.name)
        r = loop.results[k]
        if isinstance(r, Carry):
            copied = ".copy()" if k in self.placement.copied[id(self.let_)] else ""
            self.line(f"{made} = {self.whole(r.init)}{copied}")
            return made
        assert dims is not None
        shape = [turns, *(n if n.isdigit() else f"({n} if {turns} > 0 else 0)" for n in dims)]
        self.line(room_text(shape))
        self.line(f"{made} = np.empty(({', '.join(shape)},), {dtype(given.array.type)})")
        return made

    def limits(self, own: Sequence[str]) -> str:
        """What chunks there may be: how much work each has at least, how many, what each has to itself, steps."""
        least = WORTH // 4 * (FAST if self.laned else 1)
        private = " + ".join(f"{a}.size" for a in own) or "0"
        return f"{least}, {MOST_PRIVATE if own else MOST}, {private}, {WIDTH if self.laned else 1}"

    def share_out(
        self,
        low: str,
        high: str,
        turns: str,
        size: str,
        captured: Sequence[str],
        made: Sequence[str],
        totals: Sequence[str],
    ) -> None:
        """The loop in chunks: each with its own `ctl`, private arrays, and a place for each of its totals."""
        names = ("chunks", "ctls", "function", "data", "n")
        chunks, ctls, function, data, n = (self.fresh(name) for name in names)
        self.line(f"{chunks} = -(-{turns} // {size})")
        self.line(f"{ctls} = np.empty(({chunks}, 32), np.int64)")
        self.line(f"begin(ctl, {ctls})")
        arrays, own = [], list[tuple[str, str]]()
        for a, g in zip(made, self.split.given, strict=True):
            if g.kind == "private" and g.array is not None:
                private = self.fresh(f"{a}_each")
                self.line(room_text([chunks, f"{a}.size"]))
                shape = ", ".join([chunks, *(f"{a}.shape[{i}]" for i in range(rank(g.array.type)))])
                self.line(f"{private} = np.zeros(({shape}), {dtype(g.array.type)})")
                own.append((a, private))
                arrays.append(private)
            elif a:
                arrays.append(a)
        parts = [self.fresh(f"{t}_each") for t in totals]
        for p, of in zip(parts, self.split.chunk.result_types, strict=True):
            self.line(f"{p} = np.empty({chunks}, {dtype(of)})")
        given = ", ".join([ctls, low, high, size, *captured, *arrays, *parts])
        self.line(f"{function}, {data} = job({self.of_job}, ({given},))")
        self.line(f"run(ctl[15], {function}, {data}, {chunks})")
        self.line(f"join(ctl, {ctls})")
        ops = [g.op for g in self.split.given if g.kind == "total"]
        for t, p, op in zip(totals, parts, ops, strict=True):
            self.line(f"{t} = {p}[0]")
            with self.inside(f"for {n} in range(1, {chunks}):"):
                self.line(f"{t} = {t} {WORDS.get(op, op)} {p}[{n}]")
        for a, private in own:
            self.line(f"add_up({a}, {private})")

    def results(self, loop: Loop, turns: str, made: Sequence[str], totals: Sequence[str]) -> None:
        """What the loop's results are in the end."""
        left = iter(totals)
        for v, r, a, g in zip(self.let_.names, loop.results, made, self.split.given, strict=True):
            if g.after is not None and g.array is not None:
                self.reduce(v, g, a, turns)
            elif g.kind != "total":
                self.share(v, a)
            elif isinstance(r, Carry):
                self.line(f"{self.bind(v)} = {self.whole(r.init)} {g.op} {next(left)}")
            else:
                self.share(v, next(left))

    def reduce(self, v: Var, given: Given, made: str, turns: str) -> None:
        """A reduction of the rows, in the order of the turns."""
        assert given.array is not None and given.after is not None and isinstance(given.array.type, ArrayType)
        i, end = Var(f"{v.name}.at", INT), Var(f"{v.name}.turns", INT)
        x = Var(f"{v.name}.row", given.array.type.elem)
        self.share(given.array, made)
        self.share(end, turns)
        read = Let((x,), Get(given.array, (At(i, proved=True),)), self.let_.span)
        loop = Loop(i, Lit(0, INT), end, (given.after,), Block((read,), (x,)))
        let = Let((v,), loop, self.let_.span)
        self.placement.copied[id(let)] = self.placement.next_copied[id(let)] = set()
        self.let(let)


WORDS = {"any": "or", "all": "and"}


def write(program: Program, split: Split, texts: dict[str, str], used: set[str], *given: Any) -> list[str] | None:
    """The functions that stand for a loop; None where its chunks cannot do without copies."""
    texts[split.chunk.name] = chunk = fresh_name(used, split.chunk.label)
    writer = _Chunk(split, texts, used, *given)
    if not _stays(split, writer.placement):
        return None
    first = writer.text()
    part = fresh_name(used, f"{chunk}_of_job")
    laned = not set(re.findall(r"\w+", first)).isdisjoint(LANES)
    whole = _Whole(split, program.fns, chunk, part, laned, texts, used, *given)
    return [first, _part(split, chunk, part), whole.text()]


def _part(split: Split, chunk: str, name: str) -> str:
    """The function that does one chunk of a job."""
    captured = [f"x{i}" for i in range(len(split.captured))]
    arrays = [(f"a{i}", g) for i, g in enumerate(split.given) if g.array is not None]
    totals = [f"t{i}" for i in range(len(split.chunk.result_types))]
    types = ["types.int64", "types.int64[:, ::1]", *["types.int64"] * 3, *(type_text(v.type) for v in split.captured)]
    types += [type_text(_deeper(g.array.type) if g.kind == "private" else g.array.type) for _, g in arrays if g.array]
    types += [type_text(ArrayType(_scalar(t), (None,))) for t in split.chunk.result_types]
    place = {"rows": "[first - low : last - low]", "shared": "", "private": "[k]"}
    given = ", ".join(["ctl", "first", "last", *captured, *(f"{a}{place[g.kind]}" for a, g in arrays)])
    params = ", ".join(["k", "ctls", "low", "high", "size", *captured, *(a for a, _ in arrays), *totals])
    call = f"{_given([f'{t}[k]' for t in totals])}apart({chunk}, ({given}))"
    return "\n    ".join(
        [
            f"@njit(types.void({', '.join(types)}), **OPTIONS)\ndef {name}({params}):",
            "ctl = slots(ctls[k])",
            "first = low + k * size",
            "last = min(first + size, high)",
            call,
            "ctl[0] = 0",
        ]
    )


def _given(names: Sequence[str]) -> str:
    return f"{', '.join(names)} = " if names else ""


def _deeper(t: Type) -> Type:
    assert isinstance(t, ArrayType)
    return ArrayType(t.elem, (None, *t.dims))


def _scalar(t: Type) -> Any:
    assert not isinstance(t, ArrayType)
    return t


def _stays(split: Split, placement: Placement) -> bool:
    """Whether the arrays that turns write to stay in the buffers that a chunk is given."""
    [let] = split.chunk.body.lets
    loop = let.value
    assert isinstance(loop, Loop)
    defs = {v.name: (inner, k) for inner in lets_of(loop.body) for k, v in enumerate(inner.names)}

    def same(o: Operand, home: Var) -> bool:
        if not isinstance(o, Var):
            return False
        if o.name == home.name:
            return True
        if o.name not in defs:
            return False
        made, k = defs[o.name]
        match made.value:
            case Var() as x:
                return same(x, home)
            case Stop(x):
                return same(x, home)
            case Update(kind, x, path):
                written = kind == "add" or (kind == "set" and bool(path))
                return written and id(made) in placement.in_place and same(x, home)
            case If(_, then, orelse):
                return same(then.results[k], home) and same(orelse.results[k], home)
            case Checkpoint(body):
                return same(body.results[k], home)
            case Loop() | While() as inner:
                return state(made, inner, k, home)
            case _:
                return False

    def state(of: Let, inner: Loop | While, k: int, home: Var) -> bool:
        r = inner.results[k] if k < len(inner.results) else None
        copied = k in placement.copied[id(of)] or k in placement.next_copied[id(of)]
        return isinstance(r, Carry) and not copied and same(r.init, home) and same(inner.body.results[k], r.param)

    return all(
        k not in placement.copied[id(let)]
        and k not in placement.next_copied[id(let)]
        and same(loop.body.results[k], r.param)
        for k, r in enumerate(loop.results)
        if isinstance(r, Carry) and isinstance(r.param.type, ArrayType)
    )
