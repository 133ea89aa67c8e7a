"""The loop whose turns become lanes: where it is chosen, its steps, and what its results are in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...analyse.parallel import Part
from ...core.ir import FLOAT, Block, Build, Carry, Let, Loop, Operand, Reduce, Var
from ...core.rewrite import rank
from ..text import bare, dtype
from .facts import Facts, facts, is_worth
from .words import WIDTH, Unfit
from .write import Lanes

if TYPE_CHECKING:
    from ..loops import Loops

FOLDS = {"+": "sum_lanes", "*": "product_lanes", "any": "any_lane", "all": "all_lanes"}


def write(host: Loops, let: Let, loop: Loop) -> bool:
    """Writes a loop with lanes, where that is possible and worth it; whether it did."""
    if host.laning or host.options.exact or not host.options.lanes:
        return False
    found = facts(loop)
    if not is_worth(loop, found):
        return False
    parts = host.parallel().get(id(let))
    if parts is None:
        return False
    before = host.snapshot()
    host.laning = True
    try:
        Outer(host, found).write(let, loop, parts)
    except Unfit:
        host.restore(before)
        return False
    finally:
        host.laning = False
    return True


class Outer:
    """One parallel loop."""

    def __init__(self, host: Loops, found: Facts) -> None:
        self.host = host
        self.lanes = Lanes(host, found)
        self.totals: dict[int, tuple[str, str]] = {}
        self.ops: dict[int, str] = {}
        self.tops: dict[int, str] = {}

    def write(self, let: Let, loop: Loop, parts: Sequence[Part]) -> None:
        host, lanes = self.host, self.lanes
        low = lanes.named(host.whole(loop.low), "low")
        high = lanes.named(host.whole(loop.high), "high")
        turns = lanes.trips(low, high)
        made = host.begin(let, loop.results, loop.body, turns)
        for k, part in enumerate(parts):
            self.start(k, let, loop, part, made[k])
        with host.turn():
            first = host.fresh(loop.index.name)
            each, lanes.live, lanes.count = host.fresh(f"{first}_lanes"), host.fresh("live"), host.fresh("m")
            host.share(loop.index, each)
            lanes.each = each
            lanes.runs[loop.index.name] = first, 1

            def step(start: str, end: str) -> None:
                with host.inside(f"for {first} in range({start}, {end}, {WIDTH}):"):
                    host.line(f"{lanes.count} = min({end} - {first}, {WIDTH})")
                    opening, begin = host.later(), len(host.lines)
                    for x in lanes.facts.rows.values():
                        lanes.turn_rows(x, first)
                    lanes.block(loop.body)
                    self.results(made, loop, low, first, turns)
                    for name, text in ((each, f"lanes({WIDTH}, {first}"), (lanes.live, f"turns_of({WIDTH}")):
                        if host.mentioned(name, begin):
                            opening.lines.append(f"{'    ' * opening.depth}{name} = {text}, {lanes.count})")

            host.in_strips(low, high, loop, step, WIDTH)
        self.end(loop, made)
        for k, top in self.tops.items():
            self.log_sum(let.names[k], made[k], top, turns)
        rest = [k for k in range(len(made)) if k not in self.tops]
        body = Block((), tuple(loop.body.results[k] for k in rest))
        left = replace(let, names=tuple(let.names[k] for k in rest))
        host.finish(left, [loop.results[k] for k in rest], body, [made[k] for k in rest], turns)

    def start(self, k: int, let: Let, loop: Loop, part: Part, made: str) -> None:
        """What a result is before the first step."""
        host, r = self.host, loop.results[k]
        if self.is_log_sum(loop, k):
            self.tops[k] = host.fresh("top")
            host.line(f"{self.tops[k]} = spl({WIDTH}, -math.inf)")
        elif isinstance(r, Reduce) and r.op != "logsumexp":
            self.totals[k] = self.lanes.unit(r.op, let.names[k], loop.body.results[k], "1"), made
        if not isinstance(r, Carry):
            return
        name = host.name_of[r.param.name]
        if rank(r.param.type):
            if k in host.placement.next_copied[id(let)]:
                raise Unfit
            if part.kind != "parallel":
                if part.how != "+":
                    raise Unfit
                self.lanes.adding.add(name)
        elif r.param.name in self.lanes.facts.varying:
            if part.how not in ("+", "*"):
                raise Unfit
            lanes = host.fresh(f"{name}_lanes")
            host.line(f"{lanes} = spl({WIDTH}, {dtype(r.param.type)}({'01'[part.how == '*']}))")
            host.name_of[r.param.name] = lanes
            self.totals[k], self.ops[k] = (lanes, name), part.how

    def results(self, made: Sequence[str], loop: Loop, low: str, first: str, turns: str) -> None:
        """What becomes of the results of a step."""
        host, lanes = self.host, self.lanes
        number = first if low == "0" else f"({first} - {low})"
        moves: list[tuple[str, str]] = []
        for k, (r, o) in enumerate(zip(loop.results, loop.body.results, strict=True)):
            match r:
                case Build() if rank(o.type):
                    self.row(made[k], o, number, turns)
                case Build() | Reduce("logsumexp"):
                    v = lanes.lane(o)
                    if k in self.tops:
                        v = lanes.named(v)
                        host.line(f"{self.tops[k]} = sel(~({v} <= {self.tops[k]}), {v}, {self.tops[k]})")
                    host.line(f"st({made[k]}, {bare(number)}, {bare(v)}, {lanes.count})")
                case Reduce(op):
                    self.combine(op, self.totals[k][0], lanes.lane(o), loop, low, first)
                case Carry(param) if k in self.totals:
                    total = self.totals[k][0]
                    moves.append((total, f"sel({lanes.live}, {bare(lanes.lane(o))}, {total})"))
                case Carry(param):
                    if not lanes.is_buffer(o, host.name_of[param.name]):
                        raise Unfit
        lanes.assign(moves)

    def row(self, made: str, o: Operand, number: str, turns: str) -> None:
        """A row for each turn, from an array of lanes."""
        host, lanes = self.host, self.lanes
        dims = lanes.dims(o)
        if made in host.first:
            with host.inside(f"if {number} == 0:"):
                host.room([turns, *dims])
                host.line(f"{made} = np.empty(({', '.join([turns, *dims])}), {dtype(o.type)})")
        for axis, n in enumerate(dims):
            if not n.isdigit():
                with host.inside(f"if {n} != {made}.shape[{axis + 1}]:"):
                    host.apart()
        size = " * ".join(dims)
        wide = lanes.wides.get(o.name) if isinstance(o, Var) else None
        if wide is not None:
            begin = wide.start or "0"
            host.line(f"st_rows({WIDTH}, {made}, {number} * {size}, {size}, {wide.buffer}, {begin}, {lanes.count})")
            return
        for at in lanes.places(o, dims):
            place = "0"
            for i, n in zip(at, dims, strict=True):
                place = i.text if place == "0" else f"({place} * {n} + {i.text})"
            text = lanes.element(o, at)
            host.line(f"sts({made}, {number} * {size} + {place}, {size}, {text}, {lanes.count})")

    def combine(self, op: str, total: str, v: str, loop: Loop, low: str, first: str) -> None:
        host, lanes = self.host, self.lanes
        if op in ("any", "all"):
            host.line(f"{total} = {total} {'|' if op == 'any' else '&'} {v}")
        elif op in ("+", "*"):
            host.line(f"{total} = sel({lanes.live}, {total} {op} {v}, {total})")
        else:  # all lanes begin with the first turn: one that is no number stays
            v = lanes.named(v)
            with host.inside(f"if {first} == {low}:"):
                host.line(f"{total} = spl({WIDTH}, lane_at({v}, 0))")
            better = lanes.named(f"({v} {'<' if op.endswith('min') else '>'} {total})", "better")
            if op.startswith("arg"):
                at = host.parts[total][0]
                each = host.name_of[loop.index.name]
                host.line(f"{at} = sel({better}, {each if low == '0' else f'{each} - {low}'}, {at})")
            host.line(f"{total} = sel({better}, {v}, {total})")

    def end(self, loop: Loop, made: Sequence[str]) -> None:
        """The lanes of each total become one number."""
        host = self.host
        for k, (lanes, total) in self.totals.items():
            match loop.results[k]:
                case Carry(param):
                    op = self.ops[k]
                    host.line(f"{total} = {total} {op} {FOLDS[op]}({lanes})")
                    host.name_of[param.name] = total
                case Reduce(op) if op in FOLDS:
                    host.line(f"{total} = {FOLDS[op]}({lanes})")
                case Reduce(op):
                    fold = "least_lane" if op.endswith("min") else "most_lane"
                    if op.startswith("arg"):
                        host.line(f"{host.parts[total][0]} = {fold}({lanes}, {host.parts[lanes][0]})[1]")
                    else:
                        host.line(f"{total} = {fold}({lanes}, spl({WIDTH}, 0))[0]")
                case _:
                    pass

    @staticmethod
    def is_log_sum(loop: Loop, k: int) -> bool:
        r = loop.results[k]
        return isinstance(r, Reduce) and r.op == "logsumexp" and loop.body.results[k].type == FLOAT

    def log_sum(self, v: Var, terms: str, top: str, turns: str) -> None:
        """The logarithm of the sum of exponentials of an array, of which `top` has the greatest in each lane."""
        host = self.host
        best, base, total = host.fresh("best"), host.fresh("base"), host.fresh("total")
        k, m = host.changing("k"), host.changing("m")
        host.line(f"{best} = most_lane({top}, spl({WIDTH}, 0))[0]")
        host.line(f"{base} = {best} if math.isfinite({best}) else 0.0")
        host.line(f"{total} = spl({WIDTH}, 0.0)")
        with host.inside(f"for {k} in range(0, {turns}, {WIDTH}):"):
            host.line(f"{m} = min({turns} - {k}, {WIDTH})")
            term = f"vexp(ld({WIDTH}, {terms}, {k}, {m}) - {base})"
            host.line(f"{total} = sel(turns_of({WIDTH}, {m}), {total} + {term}, {total})")
        host.line(f"{host.bind(v)} = math.log(sum_lanes({total})) + {base}")
