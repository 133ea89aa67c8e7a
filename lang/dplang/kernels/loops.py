"""Loops in kernel text: state, builders and reductions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from ..core.ir import (
    FLOAT,
    FLOAT32,
    STRING,
    ArrayType,
    Block,
    Build,
    Call,
    Carry,
    If,
    Let,
    Lit,
    Loop,
    Operand,
    Reduce,
    Result,
    Type,
    Update,
    Var,
    While,
)
from ..core.rewrite import blocks, free_names, name_of, rank
from .access import Access
from .lanes.outer import write as write_lanes
from .text import dtype
from .writer import Opening, Row, room_text

SIMPLE = ("+", "*", "any", "all")
"""Reductions that begin with their unit."""

SUM_PARTS = ("terms", "sizes", "at", "leaf")
"""What a sum that is kept as a tree is made of."""


class Loops(Access):
    """Writes loops."""

    def loop(self, let: Let, value: Loop) -> None:
        if write_lanes(self, let, value):
            return
        low, high = self.whole(value.low), self.whole(value.high)
        turns = high if low == "0" else f"{high} - {low}"
        counted = any(map(self.needs_turns, value.results))
        if counted and not turns.isdigit() and turns not in self.sizes:
            turns = self.same("turns", f"max({turns}, 0)")
        collectors = self.begin(let, value.results, value.body, turns)
        index = self.bind(value.index)
        self.level[index] = len(self.open) + 1

        pushed = self.pushed(let, value)

        def turn(low: str, high: str) -> None:
            for made, count, times in pushed:
                more = f"{high} - {low}" if times == 1 else f"{times} * ({high} - {low})"
                self.line(f"{made} = reserve(ctl, {made}, {count}, {more})")
            with self.inside(f"for {index} in range({low}, {high}):"):
                self.block(value.body)
                self.gather(let, value, collectors, number, turns)
                self.next(let, value.results, value.body)

        number = index if low == "0" else f"({index} - {low})"
        for r, o, made in zip(value.results, value.body.results, collectors, strict=True):
            if isinstance(r, Build) and isinstance(o, Var) and o.name in self.nested.built:
                self.rows[o.name] = Row(made, number, turns, let.span, len(self.open), self.first.get(made))
        with self.turn():
            self.in_strips(low, high, value, turn)
        self.ready.difference_update(made for made, _, _ in pushed)
        self.finish(let, value.results, value.body, collectors, turns)

    def pushed(self, let: Let, loop: Loop | While) -> list[tuple[str, str, int]]:
        """The buffers that a turn pushes to at most so many times, and nothing inside it else: there is room made for
        many turns at once."""
        found = list[tuple[str, str, int]]()
        copied = self.placement.next_copied
        for k, (r, o) in enumerate(zip(loop.results, loop.body.results, strict=True)):
            if isinstance(r, Carry) and r.param.name in self.growing.names and k not in copied[id(let)]:
                names = {r.param.name}
                times = pushes(loop.body, names, self.placement.in_place)
                made = self.name_of[r.param.name]
                if times and name_of(o) in names and made not in self.ready:
                    found.append((made, self.count(r.param), times))
                    self.ready.add(made)
        return found

    def needs_turns(self, r: Result) -> bool:
        """Whether something must know beforehand how many turns there will be."""
        return isinstance(r, Build) or (isinstance(r, Reduce) and (self.options.exact or r.op not in SIMPLE))

    def in_strips(self, low: str, high: str, loop: Loop, turns: Callable[[str, str], None], lanes: int = 1) -> None:
        """The turns of a loop in strips that take about the time a kernel may be deaf for."""
        self.strips(low, high, strip(loop) * lanes, turns)

    def strips(self, low: str, high: str, size: int, turns: Callable[[str, str], None]) -> None:
        """The turns from low to high in strips of `size`, between which the kernel may be asked to stop; size 0: all
        at once."""
        if not size:
            turns(low, high)
            return
        start, end = self.fresh("start"), self.fresh("end")
        self.line(f"{start} = {low}")
        with self.inside("while True:"):
            self.line(f"{end} = min({start} + {size}, {high})")
            turns(start, end)
            with self.inside(f"if {end} == {high}:"):
                self.line("break")
            self.line("poll(ctl)")
            self.line(f"{start} = {end}")

    def turns(self, let: Let, value: While) -> None:
        index = self.bind(value.index)
        self.level[index] = len(self.open) + 1
        self.line(f"{index} = 0")
        collectors = self.begin(let, value.results, value.body, "")
        builders = [c for c, r in zip(collectors, value.results, strict=True) if isinstance(r, Build)]
        pushed, limit = self.pushed(let, value), self.changing("limit")
        self.line(f"{limit} = {FEW}")
        for made, count, times in pushed:
            self.line(f"{made} = reserve(ctl, {made}, {count}, {FEW * times})")
        with self.turn(), self.inside("while True:"):
            with self.inside(f"while {index} < {limit}:"):
                self.block(value.cond)
                with self.inside(f"if not {self.whole(value.cond.results[0])}:"):
                    self.line("break")
                self.block(value.body)
                self.gather(let, value, collectors, index, str(FEW))
                self.next(let, value.results, value.body)
                self.line(f"{index} += 1")
            with self.inside("else:"):
                self.line("poll(ctl)")
                self.line(f"{limit} += min({limit}, {strip(value)})")
                for made in builders:
                    self.line(f"{made} = reserve(ctl, {made}, {index}, {limit} - {index})")
                for made, count, times in pushed:
                    self.line(f"{made} = reserve(ctl, {made}, {count}, {times} * ({limit} - {index}))")
                self.line("continue")
            self.line("break")
        self.ready.difference_update(made for made, _, _ in pushed)
        self.finish(let, value.results, value.body, collectors, index)
        self.share(let.names[-1], index)

    def poll_every(self, index: str, loop: While) -> None:
        """Lets the kernel be asked to stop after every so many turns."""
        with self.inside(f"if not {index} & {strip(loop) - 1}:"):
            self.line("poll(ctl)")

    def begin(self, let: Let, results: Sequence[Result], body: Block, turns: str) -> list[str]:
        """What happens before the turns; `turns` is how many there will be, where that is known."""
        copied = self.placement.copied[id(let)]
        collectors: list[str] = []
        starts: list[tuple[Var, Operand, bool]] = []
        for k, (r, o) in enumerate(zip(results, body.results, strict=True)):
            match r:
                case Carry(param, init):
                    self.level[self.bind(param)] = len(self.open) + 1
                    starts.append((param, init, k in copied))
                    collectors.append("")
                case Build():
                    collectors.append(self.fresh(let.names[k].name))
                    self.reserve(collectors[-1], let.names[k], o.type, turns)
                case Reduce(op):
                    collectors.append(self.fresh(let.names[k].name))
                    self.unit(op, collectors[-1], let, o.type, turns)
                case _:
                    assert_never(r)
        self.assign(starts)
        return collectors

    def reserve(self, made: str, v: Var, row: Type, turns: str) -> None:
        """The array that a Build fills."""
        t = v.type
        assert isinstance(t, ArrayType)
        sizes = [str(d) for d in row.dims if d is not None] if isinstance(row, ArrayType) else []
        turns = turns or str(FEW)
        if v.name in self.rows:
            self.row(made, self.rows[v.name], turns, dtype(t))
        elif turns and len(sizes) == rank(row):
            self.allocate(made, [turns, *sizes], dtype(t), self.lasts(v))
        else:  # the first turn tells the shape
            shape = ", ".join(str(d or 0) for d in (0, *t.dims[1:]))
            text = f"{made} = np.empty(({shape},), {dtype(t)})"
            self.first[made] = Opening(self.depth, ["    " * self.depth + text])
            self.lines.append(self.first[made])

    def row(self, made: str, row: Row, turns: str, of: str) -> None:
        """`made`, an array of `turns` scalars, is a row of another array: that one is made as soon as `turns` is
        known."""
        opening = self.open[row.level]
        known = self.level_of(turns) <= row.level
        if row.first is None:
            self.equal(row.span, turns, f"{row.made}.shape[1]")
        elif known:
            indent = "    " * opening.depth
            size = turns if turns.isdigit() else f"({turns} if {row.turns} > 0 else 0)"
            row.first.lines.clear()
            opening.lines += [
                f"{indent}{room_text([row.turns, turns])}",
                f"{indent}{row.made} = np.empty(({row.turns}, {size}), {of})",
            ]
        else:
            with self.inside(f"if {row.number} == 0:"):
                self.room([row.turns, turns])
                self.line(f"{row.made} = np.empty(({row.turns}, {turns}), {of})")
            self.equal(row.span, turns, f"{row.made}.shape[1]")
        self.line(f"{made} = {row.made}[u({row.number})]")

    def unit(self, op: str, made: str, let: Let, term: Type, turns: str) -> None:
        real = term in (FLOAT, FLOAT32)
        match op:
            case "+" if self.pairwise(term, turns):
                self.frame += 8 * 400
                zero = f"{dtype(term)}(0)"
                terms, sizes, at, leaf = self.parts[made] = [self.fresh(f"{made}_{p}") for p in SUM_PARTS]
                self.line(f"{terms}, {sizes}, {at} = cell({zero}), cell(np.int64(0)), 0")
                self.line(f"{leaf} = sum_start({terms}, {sizes}, {turns}, {zero})")
            case "+" | "*":
                start = "0" if op == "+" else "1"
                self.line(f"{made} = {dtype(term)}({start})" if real else f"{made} = {start}")
            case "any" | "all":
                self.line(f"{made} = {op == 'all'}")
            case "logsumexp":
                self.room([turns])
                self.line(f"{made} = np.empty({turns}, {dtype(term)})")
            case _:
                if not (turns.isdigit() and int(turns) > 0):
                    with self.inside(f"if {turns} <= 0:"):
                        self.fault("E0607", let.span, Lit(op, STRING))
                self.line(f"{made} = {dtype(term)}(0)" if real else f"{made} = 0")
                if op.startswith("arg"):
                    self.parts[made] = [self.fresh(f"{made}_at")]
                    self.line(f"{self.parts[made][0]} = 0")

    def gather(self, let: Let, value: Loop | While, made: Sequence[str], number: str, turns: str) -> None:
        """What a turn gives goes to builders and reductions; there is room for `turns` of them at first."""
        for r, o, name in zip(value.results, value.body.results, made, strict=True):
            if isinstance(r, Build):
                self.put_row(let, name, number, o, turns)
            elif isinstance(r, Reduce):
                self.combine(r.op, name, o, number, turns)

    def put_row(self, let: Let, made: str, number: str, o: Operand, turns: str) -> None:
        if isinstance(o, Var) and o.name in self.rows:
            return
        if made in self.first:
            sizes = [self.size(o, a) for a in range(rank(o.type))]
            with self.inside(f"if {number} == 0:"):
                self.room([turns, *sizes])
                self.line(f"{made} = np.empty(({', '.join([turns, *sizes])}), {dtype(o.type)})")
            for axis, n in enumerate(sizes):
                if not n.isdigit():
                    self.equal(let.span, n, f"{made}.shape[{axis + 1}]")
        self.store(made, number, o)

    def pairwise(self, term: Type, turns: str) -> bool:
        """Whether a sum is kept as a tree; the first terms are added in order anyway."""
        return self.options.exact and term in (FLOAT, FLOAT32) and not (turns.isdigit() and int(turns) < 8)

    def combine(self, op: str, made: str, term: Operand, number: str, turns: str) -> None:
        v = self.whole(term)
        match op:
            case "+" if self.pairwise(term.type, turns):
                terms, sizes, at, leaf = self.parts[made]
                self.line(f"{terms}[{at}] = {v}")
                self.line(f"{at} += 1")
                with self.inside(f"if {at} == {leaf}:"):
                    self.line(f"{leaf} = sum_leaf({terms}, {sizes}, {at}, {dtype(term.type)}(0))")
                    self.line(f"{at} = 0")
            case "+" if term.type in (FLOAT, FLOAT32) and not self.options.exact:
                self.line(f"{made} = plus({made}, {v})")
            case "+" | "*":
                self.line(f"{made} {op}= {v}")
            case "any" | "all":
                self.line(f"{made} = {made} {'or' if op == 'any' else 'and'} {v}")
            case "logsumexp":
                self.line(f"{made}[u({number})] = {v}")
            case _:
                sign = "<" if op.endswith("min") else ">"
                with self.inside(f"if {number} == 0 or {v} {sign} {made}:"):
                    self.line(f"{made} = {v}")
                    if op.startswith("arg"):
                        self.line(f"{self.parts[made][0]} = {number}")

    def next(self, let: Let, results: Sequence[Result], body: Block) -> None:
        copied = self.placement.next_copied[id(let)]
        self.assign(
            [
                (r.param, o, k in copied)
                for k, (r, o) in enumerate(zip(results, body.results, strict=True))
                if isinstance(r, Carry)
            ]
        )

    def finish(self, let: Let, results: Sequence[Result], body: Block, made: Sequence[str], turns: str) -> None:
        for v, r, o, name in zip(let.names, results, body.results, made, strict=False):
            match r:
                case Carry(param):
                    if param.name not in self.growing.names:
                        self.level[self.name_of[param.name]] = len(self.open)
                    self.alias(v, param)
                case Build():
                    made = name
                    if isinstance(let.value, While):
                        made = self.fresh(f"{name}_used")
                        self.line(f"{made} = {name}[:{turns}]")
                    self.define(v, made)
                case Reduce(op):
                    if op == "logsumexp":
                        text = f"logsumexp({name})"
                        self.line(f"{self.bind(v)} = {f'np.float32({text})' if o.type == FLOAT32 else text}")
                    elif op == "+" and self.pairwise(o.type, turns):
                        self.line(f"{self.bind(v)} = {name}_terms[191]")
                    else:
                        self.share(v, self.parts[name][0] if op.startswith("arg") else name)
                case _:
                    assert_never(r)


FEW = 8
"""Turns of a `while` that there is room for at first."""

SHORT = 1 << 18
"""Operations that a kernel may be deaf for in a loop that holds no other loop; nested loops poll more often, so that
all together take no longer than about 20 ms."""


def strip(loop: Loop | While) -> int:
    """How many turns of a loop, a power of two, go by between two polls; 0: all."""
    work, levels = _work(loop.body)
    if isinstance(loop, While):
        more, _ = _work(loop.cond)
        work += more
    trips = _trips(loop)
    if trips is not None and levels == 0 and trips * work <= SHORT:
        return 0
    most = SHORT >> (0, 12, 16)[min(levels, 2)]
    return 1 << max(most // work, 1).bit_length() - 1


def _work(block: Block) -> tuple[int, int]:
    """About how many operations a block is, and how deep the loops of unknown length are nested in it."""
    work, levels = 1, 0
    for let in block.lets:
        work += 1
        if isinstance(let.value, Call):
            levels = max(levels, 1)
        for _, inner in blocks(let.value):
            more, deeper = _work(inner)
            trips = _trips(let.value) if isinstance(let.value, Loop) else None
            if trips is not None and deeper == 0 and trips * more <= SHORT:
                more *= trips
            elif isinstance(let.value, Loop | While):
                deeper += 1
            work, levels = work + more, max(levels, deeper)
    return work, levels


def _trips(loop: Loop | While) -> int | None:
    """The number of turns where the text says it."""
    if isinstance(loop, Loop) and isinstance(loop.low, Lit) and isinstance(loop.high, Lit):
        return max(int(loop.high.value) - int(loop.low.value), 0)
    return None


def pushes(block: Block, names: set[str], in_place: set[int]) -> int | None:
    """How often a block pushes to an array at most, in place; None where that is not known. `names`: what the array is
    called, which grows by what it is called later."""
    count = 0
    for let in block.lets:
        match let.value:
            case Update("push", Var(name=x)) if x in names:
                if id(let) not in in_place:
                    return None
                names.add(let.names[0].name)
                count += 1
            case If(_, then, orelse):
                sides = [(set(names), side) for side in (then, orelse)]
                counts = [pushes(side, inner, in_place) for inner, side in sides]
                if None in counts:
                    return None
                count += max(c or 0 for c in counts)
                for k, v in enumerate(let.names):
                    same = [name_of(side.results[k]) in inner for inner, side in sides]
                    if all(same):
                        names.add(v.name)
                    elif any(same):
                        return None
            case Var(name=x) if x in names:
                names.add(let.names[0].name)
            case Loop() | While() | Call() if names & set(free_names(let.value)):
                return None
            case _:
                pass
    return count
