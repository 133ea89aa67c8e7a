"""Arrays in kernel text: made, read and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never

from ..core.ir import ArrayType, At, Let, Lit, Operand, Part, Path, Slice, Update, Var
from ..core.rewrite import rank
from ..errors import Span
from .text import dtype, put_text
from .writer import Writer

ACTS: dict[str, Literal["=", "+="]] = {"set": "=", "add": "+="}


class Access(Writer):
    """Writes what makes, reads and updates arrays."""

    def reach(self, x: Operand, path: Path, span: Span) -> str:
        """The text of an index, after the checks that it needs. Empty for an empty path."""
        steps: list[str] = []
        for axis, step in enumerate(path):
            n = self.size(x, axis)
            match step:
                case At(index, proved):
                    i = self.whole(index)
                    if not proved:
                        with self.inside(f"if not 0 <= {i} < {n}:"):
                            self.fault("E0601", span, _int(index, i), n, axis)
                    steps.append(i if i.isdigit() else f"u({i})")
                case Slice(low, high, proved):
                    lo, hi = self.whole(low), self.whole(high)
                    if not proved:
                        with self.inside(f"if not 0 <= {lo} <= {hi} <= {n}:"):
                            with self.inside(f"if {hi} < {lo}:"):
                                self.fault("E0603", span, _int(low, lo), _int(high, hi))
                            self.fault("E0602", span, _int(low, lo), _int(high, hi), n, axis)
                    steps.append(f"{lo}:{hi}")
                case Part():
                    raise AssertionError("no kernel is made of enums")
                case _:
                    assert_never(step)
        return ", ".join(steps)

    def get(self, let: Let, x: Operand, path: Path) -> None:
        assert isinstance(x, Var)
        name = let.names[0]
        steps = self.reach(x, path, let.span)
        if not steps:
            self.alias(name, x)
            return
        if self.is_view(name, x, path):
            self.views[name.name] = self.within(x, steps)
            self.share(name, self.part(x, steps))
            return
        # a part stays contiguous where nothing but whole dimensions stands behind its first slice
        ends = [k for k, s in enumerate(path) if isinstance(s, Slice)]
        part = self.part(x, steps)
        if ends and ends[0] != len(path) - 1:
            part = f"{part}.copy()"
        self.value(name, part)
        if name.name in self.growing.names:
            self.line(f"{self.count(name)} = {self.name_of[name.name]}.shape[0]")

    def is_view(self, name: Var, x: Var, path: Path) -> bool:
        """Whether a row is written as the indices that lead to it. `place` sees to it that nothing is written to the
        array as long as the row is read."""
        grown = self.grows(x) or name.name in self.growing.names
        return bool(rank(name.type)) and not grown and all(isinstance(s, At) for s in path)

    def within(self, x: Var, steps: str) -> tuple[Var, str]:
        """The array that `x` is a row of, and the indices from there."""
        if x.name in self.views:
            base, first = self.views[x.name]
            return base, f"{first}, {steps}"
        return x, steps

    def part(self, x: Var, steps: str) -> str:
        base, steps = self.within(x, steps)
        return f"{self.name_of[base.name]}[{steps}]"

    def update(self, let: Let, value: Update) -> None:
        name, x = let.names[0], value.x
        assert isinstance(x, Var)
        if value.kind == "push":
            self.push(let, value)
            return
        steps = self.reach(x, value.path, let.span)
        if not value.path and value.kind == "set":
            self.alias(name, value.v)
            return
        if isinstance(value.v.type, ArrayType):
            self.fitting(let, x, value, steps)
        if id(let) in self.placement.in_place:
            self.alias(name, x)
        elif self.grows(x):
            self.bind(name)
            self.assign([(name, x, True)])
        else:
            made = self.fresh(name.name)
            self.line(f"{made} = {self.whole(x)}.copy()")
            self.define(name, made)
        if steps:
            base, steps = self.within(name, steps)
        self.put(self.name_of[base.name] if steps else self.whole(name), steps, value.v, ACTS[value.kind])

    def fitting(self, let: Let, x: Var, value: Update, steps: str) -> None:
        """The checks that an array has the shape of the part that it goes to."""
        wanted: list[str] = []
        for axis in range(rank(x.type)):
            step = value.path[axis] if axis < len(value.path) else None
            if isinstance(step, Slice):
                low, high = self.whole(step.low), self.whole(step.high)
                wanted.append(high if low == "0" else f"({high} - {low})")
            elif step is None:
                wanted.append(self.size(x, axis))
        for axis, n in enumerate(wanted):
            self.equal(let.span, self.size(value.v, axis), n)

    def equal(self, span: Span, found: str, wanted: str) -> None:
        """The check that two sizes are the same."""
        if found != wanted:
            with self.inside(f"if {found} != {wanted}:"):
                self.fault("E0606", span, found, wanted)

    def push(self, let: Let, value: Update) -> None:
        """One more row; or, where what is pushed has as many dimensions as the array, its rows."""
        name, x = let.names[0], value.x
        assert isinstance(x, Var)
        buffer, count = self.raw(x)
        if id(let) in self.placement.in_place and self.grows(x):
            self.share(name, buffer, count)
        else:
            self.bind(name)
            self.assign([(name, x, id(let) not in self.placement.in_place)])
        made, n = self.name_of[name.name], self.count(name)
        if rank(value.v.type) == rank(x.type):
            self.line(f"{made}, {n} = extend(ctl, {made}, {n}, {self.whole(value.v)})")
            return
        for axis in range(rank(value.v.type)):
            with self.inside(f"if {self.size(value.v, axis)} != {made}.shape[{axis + 1}]:"):
                self.leave()
        if made not in self.ready:
            with self.inside(f"if {n} == {made}.shape[0]:"):
                self.line(f"{made} = reserve(ctl, {made}, {n}, 1)")
        self.store(made, n, value.v)
        self.line(f"{n} += 1")

    def make(self, let: Let, parts: Sequence[Operand]) -> None:
        name = let.names[0]
        t = name.type
        assert isinstance(t, ArrayType)
        if name.name in self.nested.rows:
            self.given[name.name] = tuple(parts)
            return
        made = self.fresh(name.name)
        if rank(t) == 1 or not parts:
            sizes = [str(d or 0) for d in (len(parts), *t.dims[1:])]
            self.allocate(made, sizes, dtype(t), self.lasts(name))
            for k, p in enumerate(parts):
                self.line(f"{made}[{k}] = {self.whole(p)}")
        else:
            first = parts[0]
            for p in parts[1:]:
                for axis in range(rank(p.type)):
                    self.equal(let.span, self.size(p, axis), self.size(first, axis))
            shape = [self.size(first, a) for a in range(rank(t) - 1)]
            self.allocate(made, [str(len(parts)), *shape], dtype(t), self.lasts(name))
            for k, p in enumerate(parts):
                self.line(f"{put_text(rank(p.type))}({made}[{k}], {self.whole(p)})")
        self.define(name, made)

    def fill(self, let: Let, shape: Sequence[Operand], v: Operand) -> None:
        name = let.names[0]
        if not shape:
            self.alias(name, v)
            return
        for s in shape:
            if not (isinstance(s, Lit) and int(s.value) >= 0) and self.whole(s) not in self.sizes:
                with self.inside(f"if {self.whole(s)} < 0:"):
                    self.fault("E0614", let.span, s)
        sizes = [self.whole(s) for s in shape]
        made = self.fresh(name.name)
        zero = isinstance(v, Lit) and repr(float(v.value)) == "0.0"
        if zero and (self.lasts(name) or not self.open):
            self.room(sizes)
            self.line(f"{made} = np.zeros(({', '.join(sizes)},), {dtype(name.type)})")
        else:
            self.allocate(
                made, [s if s.isdigit() else f"max({s}, 0)" for s in sizes], dtype(name.type), self.lasts(name)
            )
            self.line(f"fill({made}, {self.whole(v)})")
        self.define(name, made)


def _int(o: Operand, text: str) -> str | Lit:
    return o if isinstance(o, Lit) else text
