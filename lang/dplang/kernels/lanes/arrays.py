"""Arrays in lanes: those that all turns see, and those of each turn's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ...core.ir import At, Let, Lit, Operand, Path, Slice, Update, Var
from ...core.rewrite import rank
from ..text import bare, dtype
from .words import WIDTH, Index, Span, Unfit, View, Wide, Words, position, times


class Arrays(Words):
    """Writes what makes, reads and updates arrays."""

    def dims(self, x: Operand) -> tuple[str, ...]:
        assert isinstance(x, Var)
        if x.name in self.given:
            return (str(len(self.given[x.name])),)
        if x.name in self.wides:
            return self.wides[x.name].dims
        if x.name in self.views:
            view = self.views[x.name]
            spans = [i.size for i in view.at if isinstance(i, Span)]
            return (*spans, *(self.host.size(view.x, a) for a in range(len(view.at), rank(view.x.type))))
        return tuple(self.host.size(x, a) for a in range(rank(x.type)))

    def index(self, o: Operand) -> Index:
        text = self.host.whole(o)
        if not self.varies(o):
            return Index(text)
        assert isinstance(o, Var)
        base, step = self.runs.get(o.name, ("", 1))
        return Index(text, True, base, step)

    def reach(self, x: Operand, path: Path) -> list[Index | Span]:
        """The positions of a path, after the checks that they need."""
        found: list[Index | Span] = []
        for step, n in zip(path, self.dims(x), strict=False):
            match step:
                case At():
                    found.append(self.checked(step, n))
                case Slice():
                    found.append(self.span(step, n))
                case _:
                    raise Unfit
        return found

    def span(self, step: Slice, n: str) -> Span:
        """A part of an axis of size `n`."""
        if self.varies(step.low, step.high):
            raise Unfit
        low, high = (self.named(self.host.whole(o), "end") for o in (step.low, step.high))
        if not step.proved:
            with self.host.inside(f"if not 0 <= {low} <= {high} <= {n}:"):
                self.host.apart()
        return Span(low, high if low == "0" else f"({high} - {low})")

    def checked(self, step: At, n: str) -> Index:
        i = self.index(step.index)
        if step.proved:
            return i
        i = replace(i, text=self.named(i.text, "i"))
        if (i.text, n) in self.sure:
            return i
        self.sure.add((i.text, n))
        if i.varies:
            self.stop_if(f"(({i.text} < 0) | ({i.text} >= {n}))")
        else:
            with self.host.inside(f"if not 0 <= {i.text} < {n}:"):
                self.host.apart()
        return i

    def get(self, let: Let, x: Operand, path: Path) -> None:
        v = let.names[0]
        assert isinstance(x, Var)
        if not path:
            self.alias(v, x)
            return
        self.may(x, "read")
        at = self.reach(x, path)
        if not rank(v.type):
            self.host.value(v, self.read(x, [i for i in at if isinstance(i, Index)]))
        elif x.name in self.wides:
            self.wides[v.name] = self.part(self.wides[x.name], at)
            self.host.share(v, self.wides[v.name].buffer)
        else:
            view = self.views.get(x.name, View(x, ()))
            self.views[v.name] = View(view.x, _within(view.at, at))

    def part(self, wide: Wide, at: Sequence[Index | Span]) -> Wide:
        """A part of a buffer of lanes: rows of it, one after another."""
        firsts = [i.text if isinstance(i, Index) else i.low for i in at]
        spans = [i.size for i in at if isinstance(i, Span)]
        if any(isinstance(i, Index) and i.varies for i in at) or any(isinstance(i, Span) for i in at[:-1]):
            raise Unfit
        left = wide.dims[len(at) :]
        start = times(position(firsts, wide.dims[: len(at)]), left)
        start = self.named(f"({wide.start} + {start})" if wide.start else start, "start")
        return Wide(wide.buffer, (*spans, *left), start)

    def may(self, x: Operand, how: str) -> None:
        """Of an array that turns only add to, nothing else is done in lanes."""
        if isinstance(x, Var) and self.facts.is_shared(x) and how != "add" and self.host.whole(x) in self.adding:
            raise Unfit

    def read(self, x: Operand, at: Sequence[Index]) -> str:
        """One element, a lane unless all turns see the same one."""
        assert isinstance(x, Var)
        if x.name in self.views:
            view = self.views[x.name]
            return self.read(view.x, [i for i in _within(view.at, at) if isinstance(i, Index)])
        if x.name in self.wides:
            wide = self.wides[x.name]
            where = position([i.text for i in at], wide.dims)
            where = f"{wide.start} + {where}" if wide.start else where
            if any(i.varies for i in at):
                return f"gather({wide.buffer}, own({self.safe(where)}))"
            return f"ld_wide({WIDTH}, {wide.buffer}, {bare(where)})"
        text, dims = self.host.whole(x), self.dims(x)
        if not any(i.varies for i in at):
            return self.host.part(x, ", ".join(f"u({i.text})" for i in at))
        if x.name in self.turned and at[0].text == self.each and not any(i.varies for i in at[1:]):
            return f"ld_wide({WIDTH}, {self.turned[x.name]}, {bare(position([i.text for i in at[1:]], dims[1:]))})"
        base, step = self.straight(at, dims)
        if base and self.mask and step == "1":
            return self.masked(text, bare(base))
        if not base or self.mask:
            return f"gather({text}, {self.safe(position([i.text for i in at], dims))})"
        if step == "1":
            return f"ld({WIDTH}, {text}, {bare(base)}, {self.count})"
        return f"lds({WIDTH}, {text}, {bare(base)}, {bare(step)}, {self.count})"

    def masked(self, text: str, base: str) -> str:
        """Elements one after another in the lanes that are here."""
        return f"ldm({WIDTH}, {text}, {base}, {self.mask}, {self.count})"

    def turn_rows(self, x: Var, first: str) -> None:
        """Copies the rows of the turns of a step to a buffer, element by element of all turns together."""
        name, k = self.host.fresh(f"{x.name}_rows"), self.host.changing("k")
        sizes = [self.sized(n) for n in self.dims(x)[1:]]
        self.host.allocate(name, [*sizes, str(WIDTH)], dtype(x.type), lasts=False)
        size = self.sized(" * ".join(sizes))
        with self.host.inside(f"for {k} in range({size}):"):
            source = f"lds({WIDTH}, {self.host.whole(x)}, {first} * {size} + {k}, {size}, {self.count})"
            self.line(f"st_wide({name}, {k}, {source})")
        self.turned[x.name] = name

    def safe(self, where: str) -> str:
        """Positions, those of lanes that are not here made harmless."""
        return bare(self.kept(where, "0"))

    def straight(self, at: Sequence[Index], dims: Sequence[str]) -> tuple[str, str]:
        """First position and step where the lanes are equally far apart; else nothing."""
        varying = [k for k, i in enumerate(at) if i.varies]
        if len(varying) != 1 or not at[varying[0]].base:
            return "", ""
        k = varying[0]
        step = times(str(at[k].step), dims[k + 1 :])
        return position([i.base if i.varies else i.text for i in at], dims), step

    def update(self, let: Let, value: Update) -> None:
        v, x = let.names[0], value.x
        assert isinstance(x, Var)
        if value.kind == "push" or (not value.path and value.kind == "set") or x.name in self.views:
            raise Unfit
        in_place = id(let) in self.host.placement.in_place
        if self.facts.is_shared(x):
            if not in_place:
                raise Unfit
        elif not in_place or x.name not in self.wides:
            self.copy(v, x)
        if in_place and v.name not in self.wides:
            self.alias(v, x)
        self.may(v, value.kind)
        self.put(value.kind, v, self.dims(x), value.path, value.v, (), ())

    def put(
        self,
        kind: str,
        x: Var,
        dims: Sequence[str],
        path: Path,
        v: Operand,
        at: tuple[Index, ...],
        of: tuple[Index, ...],
    ) -> None:
        """Sets or adds to the elements at `at` and the rest of `path`; `of` are the positions in `v`."""
        axis = len(at)
        if axis == len(dims):
            self.write(kind, x, at, v, of)
            return
        step = path[axis] if axis < len(path) else None
        if isinstance(step, At):
            i = self.checked(step, dims[axis])
            self.put(kind, x, dims, path, v, (*at, i), of)
            return
        span = self.span(step, dims[axis]) if isinstance(step, Slice) else Span("0", dims[axis])
        n = self.dims(v)[len(of)]
        if n != span.size:
            with self.host.inside(f"if {n} != {span.size}:"):
                self.host.apart()
        for (k,) in self.places(v, [n]):
            self.put(kind, x, dims, path, v, (*at, _shifted(k, span.low)), (*of, k))

    def write(self, kind: str, x: Var, at: Sequence[Index], v: Operand, of: tuple[Index, ...]) -> None:
        made = self.element(v, of) if rank(v.type) else self.lane(v)
        if x.name in self.wides:
            self.write_wide(kind, self.wides[x.name], at, made)
            return
        text, dims = self.host.whole(x), self.dims(x)
        if not any(i.varies for i in at):
            if kind == "set":
                raise Unfit
            self.line(
                f"add_lanes({text}, {bare(position([i.text for i in at], dims))}, {bare(made)}, {bare(self.counted)})"
            )
            return
        base, step = self.straight(at, dims)
        if base and self.mask and step == "1":
            base = self.named(base, "at")
            made = f"{self.masked(text, base)} + {made}" if kind == "add" else made
            self.line(f"stm({text}, {base}, {bare(made)}, {bare(self.counted)})")
        elif not base or self.mask:
            where = self.safe(position([i.text for i in at], dims))
            act = "scatter" if kind == "set" else "add_at"
            self.line(f"{act}({text}, {where}, {bare(made)}, {bare(self.counted)})")
        elif step != "1":
            act = "sts" if kind == "set" else "adds"
            self.line(f"{act}({text}, {bare(base)}, {bare(step)}, {bare(made)}, {self.count})")
        else:
            base = self.named(base, "at") if kind == "add" else base
            made = f"ld({WIDTH}, {text}, {base}, {self.count}) + {made}" if kind == "add" else made
            self.line(f"st({text}, {bare(base)}, {bare(made)}, {self.count})")

    def is_lane(self, x: Operand, at: Sequence[Index]) -> bool:
        """Whether reading an array gives a lane."""
        return isinstance(x, Var) and (x.name in self.wides or x.name in self.views or any(i.varies for i in at))

    def write_wide(self, kind: str, wide: Wide, at: Sequence[Index], made: str) -> None:
        where = position([i.text for i in at], wide.dims)
        where = f"{wide.start} + {where}" if wide.start else where
        if any(i.varies for i in at):
            act = "scatter" if kind == "set" else "add_at"
            mask = self.mask or f"turns_of({WIDTH}, {WIDTH})"
            self.line(f"{act}({wide.buffer}, own({self.safe(where)}), {bare(made)}, {mask})")
            return
        if kind == "add" or self.mask:
            where = self.named(where, "at")
            old = f"ld_wide({WIDTH}, {wide.buffer}, {where})"
            made = self.kept(f"{old} + {made}" if kind == "add" else made, old)
        self.line(f"st_wide({wide.buffer}, {bare(where)}, {bare(made)})")

    def room(self, v: Var, dims: Sequence[str]) -> Wide:
        """A buffer for an array of lanes."""
        name = self.host.fresh(v.name)
        self.host.allocate(name, [*dims, str(WIDTH)], dtype(v.type), self.host.lasts(v))
        self.wides[v.name] = made = Wide(name, tuple(dims))
        self.host.share(v, name)
        return made

    def copy(self, v: Var, x: Operand) -> None:
        """`v` is an array of lanes with the elements of `x`."""
        made = self.room(v, [self.sized(n) for n in self.dims(x)])
        with self.over(made.dims) as at:
            self.line(
                f"st_wide({made.buffer}, {bare(position([i.text for i in at], made.dims))}, {self.element(x, at)})"
            )

    def sized(self, n: str) -> str:
        """A size that may stand more than once."""
        return n if n.isidentifier() or n.isdigit() else self.host.same("n", n)

    def element(self, x: Operand, at: Sequence[Index]) -> str:
        """One element as a lane."""
        if isinstance(x, Var) and x.name in self.given:
            return self.lane(self.given[x.name][int(at[0].text)])
        text = self.read(x, at)
        return text if self.is_lane(x, at) else f"spl({WIDTH}, {text})"

    def places(self, x: Operand, dims: Sequence[str]) -> Iterator[tuple[Index, ...]]:
        """The positions of an array, for what is to be written for each: in loops, or one after the other."""
        if isinstance(x, Var) and x.name in self.given:
            for k in range(len(self.given[x.name])):
                yield (Index(str(k)),)
            return
        with self.over(dims) as at:
            yield at

    @contextmanager
    def over(self, dims: Sequence[str]) -> Iterator[tuple[Index, ...]]:
        """Loops over all positions of an array."""
        names = [self.host.changing("k") for _ in dims]
        for k, n in zip(names, dims, strict=True):
            self.line(f"for {k} in range({n}):")
            self.host.depth += 1
        yield tuple(map(Index, names))
        self.host.depth -= len(names)

    def make(self, v: Var, parts: Sequence[Operand]) -> None:
        if any(rank(p.type) for p in parts):
            raise Unfit
        if v.name in self.host.nested.rows:  # it only goes to places in other arrays
            self.given[v.name] = self.host.given[v.name] = tuple(parts)
            return
        made = self.room(v, [str(len(parts))])
        for k, p in enumerate(parts):
            self.line(f"st_wide({made.buffer}, {k}, {bare(self.lane(p))})")

    def fill(self, let: Let, shape: Sequence[Operand], v: Operand) -> None:
        if self.varies(*shape) or not shape:
            raise Unfit
        for s in shape:
            if not isinstance(s, Lit) or int(s.value) < 0:
                with self.host.inside(f"if {self.host.whole(s)} < 0:"):
                    self.host.apart()
        sizes = [self.host.whole(s) for s in shape]
        made = self.room(let.names[0], [s if s.isdigit() else self.host.same("n", f"max({s}, 0)") for s in sizes])
        with self.over(made.dims) as at:
            where = bare(position([i.text for i in at], made.dims))
            self.line(f"st_wide({made.buffer}, {where}, {bare(self.lane(v))})")


def _within(at: Sequence[Index | Span], more: Sequence[Index | Span]) -> tuple[Index | Span, ...]:
    """Positions in a part of an array, as positions in the whole of it."""
    left = list(more)
    found: list[Index | Span] = []
    for i in at:
        if isinstance(i, Index) or not left:
            found.append(i)
            continue
        inner = left.pop(0)
        found.append(_shifted(inner, i.low) if isinstance(inner, Index) else Span(_sum(i.low, inner.low), inner.size))
    return (*found, *left)


def _shifted(i: Index, low: str) -> Index:
    return i if low == "0" else replace(i, text=_sum(low, i.text), base=_sum(low, i.base) if i.base else "")


def _sum(a: str, b: str) -> str:
    return b if a == "0" else a if b == "0" else f"({a} + {b})"
