"""Loops in the body of a loop that has lanes: each keeps its state in lanes, and all lanes make its turns together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...core.ir import (
    FLOAT,
    FLOAT32,
    ArrayType,
    Block,
    Build,
    Carry,
    Let,
    Loop,
    Operand,
    Reduce,
    Result,
    Type,
    Var,
    While,
)
from ...core.rewrite import rank
from ..rows import scalar_of
from ..text import bare, dtype
from .arrays import Arrays
from .words import WIDTH, Unfit, Wide, mentions, position


class Inner(Arrays):
    """Writes inner loops."""

    def loop(self, let: Let, value: Loop) -> None:
        if self.varies(value.low):
            raise Unfit
        low = self.named(self.host.whole(value.low), "low")
        ragged = self.varies(value.high)
        high = self.named(self.host.whole(value.high), "high")
        last = self.named(f"most_lane({bare(self.kept(high, low))}, {high})[0]", "last") if ragged else high
        trips = self.trips(low, last)
        made = self.begin(let, value.results, value.body, trips)
        index = self.host.bind(value.index)
        self.host.level[index] = len(self.host.open) + 1

        def turn(start: str, end: str) -> None:
            with self.host.inside(f"for {index} in range({start}, {end}):"):
                number = index if low == "0" else f"({index} - {low})"
                if not ragged:
                    self.inner(let, value, made, number, trips, "")
                    return
                here = self.named(self.within(f"({index} < {high})"), "here")
                with self.region(here):
                    self.inner(let, value, made, number, trips, here)

        with self.host.turn(), self.inner_scope():
            self.host.in_strips(low, last, value, turn)
        self.finish(let, value.results, value.body, made, trips)

    def trips(self, low: str, high: str) -> str:
        """How many turns a loop makes."""
        turns = high if low == "0" else f"{high} - {low}"
        return turns if turns.isdigit() or turns in self.host.sizes else self.host.same("turns", f"max({turns}, 0)")

    def inner(self, let: Let, value: Loop | While, made: Sequence[str], number: str, trips: str, here: str) -> None:
        """The body of an inner loop, and what becomes of its results; `here`: the lanes that make this turn."""
        self.block(value.body)
        for v, r, o, name in zip(let.names, value.results, value.body.results, made, strict=False):
            same = v.name not in self.facts.varying
            match r:
                case Build() if same:
                    self.host.put_row(let, name, number, o, trips)
                case Build():
                    self.put_row(v, name, o, number, trips)
                case Reduce(op) if same:
                    self.host.combine(op, name, o, number, trips)
                case Reduce(op):
                    self.combine(op, name, o, number, here)
                case _:
                    pass
        self.next(let, value.results, value.body, here)

    def begin(self, let: Let, results: Sequence[Result], body: Block, trips: str) -> list[str]:
        copied = self.host.placement.copied[id(let)]
        made: list[str] = []
        starts: list[tuple[str, str]] = []
        for k, (r, o) in enumerate(zip(results, body.results, strict=True)):
            name, v = "", let.names[k]
            same = v.name not in self.facts.varying
            match r:
                case Build() | Reduce() if same:
                    name = self.host.fresh(v.name)
                    if isinstance(r, Build):
                        self.host.reserve(name, v, o.type, trips)
                    else:
                        self.host.unit(r.op, name, let, o.type, trips)
                case Carry(param, init) if rank(param.type):
                    self.carry_array(param, init, k in copied)
                case Carry(param, init):
                    text = self.lane(init) if param.name in self.facts.varying else self.host.whole(init)
                    starts.append((self.host.bind(param), bare(text)))
                    self.host.level[starts[-1][0]] = len(self.host.open) + 1
                case Build():
                    name = self.builder(v, o.type, trips)
                case Reduce(op):
                    name = self.unit(op, v, o, trips)
            made.append(name)
        self.assign(starts)
        return made

    def builder(self, v: Var, row: Type, trips: str) -> str:
        """The buffer of what an inner loop builds; the first turn tells the size of a row."""
        dims = [str(d) if d is not None else self.zero() for d in row.dims] if isinstance(row, ArrayType) else []
        if all(n.isdigit() for n in dims):
            return self.room(v, [trips, *dims]).buffer
        name = self.host.fresh(v.name)
        self.line(f"{name} = np.empty(({', '.join('0' for _ in dims)}, 0, {WIDTH}), {dtype(row)})")
        self.wides[v.name] = Wide(name, (trips, *dims))
        self.host.share(v, name)
        return name

    def zero(self) -> str:
        """A size that the first turn tells."""
        name = self.host.changing("n")
        self.line(f"{name} = 0")
        return name

    def carry_array(self, param: Var, init: Operand, copied: bool) -> None:
        assert isinstance(init, Var)
        if self.facts.is_shared(param):
            if copied or not self.facts.is_shared(init):
                raise Unfit
            self.alias(param, init)
        elif param.name in self.facts.varying:
            if copied or init.name not in self.wides:
                self.copy(param, init)
            else:
                self.alias(param, init)
        else:
            self.host.bind(param)
            self.host.assign([(param, init, copied)])

    def unit(self, op: str, v: Var, o: Operand, trips: str) -> str:
        """What a reduction starts with."""
        t = scalar_of(o.type)
        name = self.host.fresh(v.name)
        if op == "logsumexp":
            self.host.allocate(name, [trips, str(WIDTH)], dtype(t), lasts=False)
            return name
        start = {"+": "0", "*": "1", "any": "False", "all": "True"}.get(op, "0")
        text = f"{dtype(t)}({start})" if t in (FLOAT, FLOAT32) else start
        self.line(f"{name} = spl({WIDTH}, {text})")
        if op.startswith("arg"):
            self.host.parts[name] = [self.host.fresh(f"{name}_at")]
            self.line(f"{self.host.parts[name][0]} = spl({WIDTH}, 0)")
        if op not in ("+", "*", "any", "all") and not (trips.isdigit() and int(trips) > 0):
            with self.host.inside(f"if {trips} <= 0:"):
                self.host.apart()
        return name

    def combine(self, op: str, name: str, term: Operand, number: str, here: str) -> None:
        v = self.lane(term)
        signs = {"+": "+", "*": "*", "any": "|", "all": "&"}
        if op in signs:
            new = f"{name} {signs[op]} {v}"
            self.line(f"{name} = {f'sel({here}, {new}, {name})' if here else new}")
        elif op == "logsumexp":
            if here:
                raise Unfit
            self.line(f"st_wide({name}, {number}, {bare(v)})")
        else:
            v = self.named(v)
            sign = "<" if op.endswith("min") else ">"
            better = f"({v} {sign} {name}) | ({number} == 0)"
            if here:
                raise Unfit
            if op.startswith("arg"):
                better = self.named(f"({better})", "better")
                at = self.host.parts[name][0]
                self.line(f"{at} = sel({better}, {number}, {at})")
            self.line(f"{name} = sel({better}, {v}, {name})")

    def put_row(self, v: Var, made: str, o: Operand, number: str, trips: str) -> None:
        """What a turn of an inner loop builds."""
        if not rank(o.type):
            self.line(f"st_wide({made}, {number}, {bare(self.lane(o))})")
            return
        wide, dims = self.wides[v.name], self.dims(o)
        if not all(n.isdigit() for n in wide.dims[1:]):
            with self.host.inside(f"if {number} == 0:"):
                self.host.room([trips, *dims, str(WIDTH)])
                self.line(f"{made} = np.empty(({', '.join([trips, *dims, str(WIDTH)])}), {dtype(o.type)})")
                self.assign([(n, d) for n, d in zip(wide.dims[1:], dims, strict=True) if not n.isdigit()])
        for n, d in zip(wide.dims[1:], dims, strict=True):
            if n != d:
                with self.host.inside(f"if {n} != {d}:"):
                    self.host.apart()
        for at in self.places(o, dims):
            where = position([number, *(i.text for i in at)], wide.dims)
            self.line(f"st_wide({made}, {bare(where)}, {self.element(o, at)})")

    def next(self, let: Let, results: Sequence[Result], body: Block, here: str) -> None:
        copied = self.host.placement.next_copied[id(let)]
        moves: list[tuple[str, str]] = []
        for k, (r, o) in enumerate(zip(results, body.results, strict=True)):
            if not isinstance(r, Carry):
                continue
            name = self.host.name_of[r.param.name]
            if rank(r.param.type):
                if k in copied or not self.is_buffer(o, name):
                    raise Unfit
            elif r.param.name in self.facts.varying:
                new = bare(self.lane(o))
                moves.append((name, f"sel({here}, {new}, {name})" if here and new != name else new))
            else:
                moves.append((name, bare(self.host.whole(o))))
        self.assign(moves)

    def assign(self, moves: Sequence[tuple[str, str]]) -> None:
        """Gives names their values at once."""
        left = [(to, text) for to, text in moves if to != text]
        if any(mentions(text, to) for k, (to, _) in enumerate(left) for _, text in left[k + 1 :]):
            self.line(f"{', '.join(to for to, _ in left)} = {', '.join(text for _, text in left)}")
        else:
            for to, text in left:
                self.line(f"{to} = {text}")

    def finish(self, let: Let, results: Sequence[Result], body: Block, made: Sequence[str], trips: str) -> None:
        for v, r, o, name in zip(let.names, results, body.results, made, strict=False):
            match r:
                case Carry(param):
                    self.alias(v, param)
                case Build() | Reduce() if v.name not in self.facts.varying:
                    left = replace(let, names=(v,))
                    self.host.finish(left, [r], Block((), (o,)), [name], trips)
                case Build():
                    pass
                case Reduce("logsumexp"):
                    self.log_sum(v, name, scalar_of(o.type))
                case Reduce(op):
                    self.host.share(v, self.host.parts[name][0] if op.startswith("arg") else name)

    def log_sum(self, v: Var, terms: str, t: Type) -> None:
        """The logarithm of a sum of exponentials of a buffer of lanes."""
        if t != FLOAT:
            raise Unfit
        top, k, total = self.host.fresh("top"), self.host.changing("k"), self.host.bind(v)
        n = f"{terms}.shape[0]"
        term = f"ld_wide({WIDTH}, {terms}, {k})"
        self.line(f"{top} = spl({WIDTH}, -math.inf)")
        with self.host.inside(f"for {k} in range({n}):"):
            self.line(f"{top} = sel(~({term} <= {top}), {term}, {top})")
        self.line(f"{total} = spl({WIDTH}, 0.0)")
        base = self.named(f"sel(visfinite({top}), {top}, 0.0)", "base")
        with self.host.inside(f"for {k} in range({n}):"):
            self.line(f"{total} = {total} + vexp({term} - {base})")
        self.line(f"{total} = vlog({total}) + {base}")

    def turns(self, let: Let, value: While) -> None:
        """A loop that runs while any lane wants another turn."""
        if any(isinstance(r, Build) for r in value.results):
            raise Unfit
        ragged = let.names[-1].name in self.facts.varying
        index = self.host.bind(value.index)
        made = self.begin(let, value.results, value.body, "")
        self.host.level[index] = len(self.host.open) + 1
        self.line(f"{index} = 0")
        if ragged:
            here, count = self.host.fresh("here"), self.host.bind(let.names[-1])
            self.line(f"{here} = {self.mask or f'turns_of({WIDTH}, {WIDTH})'}")
            self.line(f"{count} = spl({WIDTH}, 0)")
        with self.host.turn(), self.inner_scope(), self.host.inside("while True:"):
            if not ragged:
                self.block(value.cond)
                with self.host.inside(f"if not {self.host.whole(value.cond.results[0])}:"):
                    self.line("break")
                self.inner(let, value, made, index, "", "")
            else:
                with self.region(here):
                    self.block(value.cond)
                    self.line(f"{here} = {here} & {self.lane(value.cond.results[0])}")
                    with self.host.inside(f"if not any_lane({here}):"):
                        self.line("break")
                    self.inner(let, value, made, index, "", here)
                self.line(f"{count} = sel({here}, {count} + 1, {count})")
            self.line(f"{index} += 1")
            self.host.poll_every(index, value)
        self.finish(let, value.results, value.body, made, index)
        if not ragged:
            self.host.share(let.names[-1], index)
