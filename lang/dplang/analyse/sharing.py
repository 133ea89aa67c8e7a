"""Which arrays may live in one buffer, and which of those buffers may be overwritten: what reverse mode
must read while it is there. Only costs depend on it: core values never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..core.ir import (
    ArrayType,
    Block,
    Build,
    Call,
    Carry,
    Checkpoint,
    Fn,
    Get,
    If,
    Let,
    Loop,
    Match,
    Operand,
    Part,
    Reduce,
    Stop,
    Update,
    Var,
    While,
)
from ..core.rewrite import blocks, calls


@dataclass(frozen=True, slots=True)
class Summary:
    """`shared`: for each result, the parameters whose buffer it may be; `updated`: parameters that may be written."""

    shared: tuple[frozenset[int], ...]
    updated: frozenset[int]


class Sharing:
    """The summaries of functions, and the unstable names of one."""

    def __init__(self, fns: Mapping[str, Fn]) -> None:
        self._fns = fns
        self._summaries: dict[str, Summary] = {}

    def summary(self, name: str) -> Summary:
        if name not in self._summaries:
            self._settle(name)
        return self._summaries[name]

    def unstable(self, fn: Fn, params: Iterable[int]) -> set[str]:
        """The arrays of `fn` in buffers that may be overwritten: by it or, its parameters `params`, by its callers."""
        classes = _Classes(self, fn)
        for i in params:
            classes.written(fn.params[i].var)
        return classes.unstable()

    def _settle(self, name: str) -> None:
        names = [name]
        for known in names:
            names.extend(sorted(c for c in calls(self._fns[known].body) if c not in names and c not in self._summaries))
        for known in names:
            none: frozenset[int] = frozenset()
            self._summaries[known] = Summary(tuple(none for _ in self._fns[known].result_types), none)
        changed = True
        while changed:
            changed = False
            for known in reversed(names):
                now = _Classes(self, self._fns[known]).summary()
                changed = changed or now != self._summaries[known]
                self._summaries[known] = now


class _Classes:
    """Union-find over the arrays of one function."""

    def __init__(self, sharing: Sharing, fn: Fn) -> None:
        self.sharing = sharing
        self.fn = fn
        self.parent: dict[str, str] = {}
        self.touched: set[str] = set()
        self.defs: dict[str, tuple[Let, int]] = {}
        for p in fn.params:
            self.find(p.var.name)
        self.define(fn.body)
        self.block(fn.body)

    def define(self, block: Block) -> None:
        for let in block.lets:
            for k, v in enumerate(let.names):
                self.defs[v.name] = (let, k)
            for _, inner in blocks(let.value):
                self.define(inner)

    def summary(self) -> Summary:
        params = [p.var for p in self.fn.params]
        written = {self.find(name) for name in self.touched}
        shared = []
        for r in self.fn.body.results:
            same = isinstance(r, Var) and isinstance(r.type, ArrayType)
            shared.append(
                frozenset(i for i, p in enumerate(params) if isinstance(p.type, ArrayType) and self.together(p, r))
                if same
                else frozenset()
            )
        updated = frozenset(
            i for i, p in enumerate(params) if isinstance(p.type, ArrayType) and self.find(p.name) in written
        )
        return Summary(tuple(shared), updated)

    def unstable(self) -> set[str]:
        written = {self.find(name) for name in self.touched}
        return {name for name in self.parent if self.find(name) in written}

    def find(self, name: str) -> str:
        parent = self.parent.setdefault(name, name)
        while parent != name:
            self.parent[name] = self.parent.setdefault(parent, parent)
            name, parent = parent, self.parent[parent]
        return name

    def together(self, a: Operand, b: Operand) -> bool:
        return isinstance(a, Var) and isinstance(b, Var) and self.find(a.name) == self.find(b.name)

    def union(self, a: Operand, b: Operand) -> None:
        if isinstance(a, Var) and isinstance(b, Var) and isinstance(a.type, ArrayType):
            self.parent[self.find(a.name)] = self.find(b.name)

    def written(self, v: Operand) -> None:
        if isinstance(v, Var) and isinstance(v.type, ArrayType):
            self.find(v.name)
            self.touched.add(v.name)

    def block(self, block: Block) -> None:
        for let in block.lets:
            self.let(let)
            for _, inner in blocks(let.value):
                self.block(inner)

    def let(self, let: Let) -> None:
        names, value = let.names, let.value
        match value:
            case Var() | Stop():
                self.union(names[0], value if isinstance(value, Var) else value.x)
            case Get(x, path) if not any(isinstance(s, Part) for s in path):
                self.union(names[0], x)
            case Update(_, x):
                self.union(names[0], x)
                self.written(x)
            case If(_, then, orelse):
                self.joined(names, (then, orelse))
            case Match(_, arms):
                self.joined(names, [arm.body for arm in arms])
            case Checkpoint(body):
                self.joined(names, (body,))
            case Loop() | While():
                self.loop(names, value)
            case Call(fn, args):
                summary = self.sharing.summary(fn)
                for v, params in zip(names, summary.shared, strict=True):
                    for i in params:
                        self.union(v, args[i])
                for i in summary.updated:
                    self.written(args[i])
            case _:
                pass

    def joined(self, names: tuple[Var, ...], sides: Iterable[Block]) -> None:
        for side in sides:
            for v, r in zip(names, side.results, strict=True):
                self.union(v, r)

    def loop(self, names: tuple[Var, ...], loop: Loop | While) -> None:
        for v, r, turn in zip(names, loop.results, loop.body.results, strict=False):
            if isinstance(r, Carry):
                for o in (r.init, turn, v):
                    self.union(r.param, o)
                if not self.fresh(turn):
                    self.written(r.param)

    def fresh(self, o: Operand) -> bool:
        """Whether making `o` costs as much as copying it: then keeping a copy of it in every turn costs no more."""
        if not isinstance(o, Var) or not isinstance(o.type, ArrayType):
            return True
        if o.name not in self.defs:
            return False
        let, k = self.defs[o.name]
        value = let.value
        match value:
            case Var():
                return self.fresh(value)
            case Get() | Update() | Stop():
                return False
            case If(_, then, orelse):
                return self.fresh(then.results[k]) and self.fresh(orelse.results[k])
            case Match(_, arms):
                return all(self.fresh(arm.body.results[k]) for arm in arms)
            case Checkpoint(body):
                return self.fresh(body.results[k])
            case Loop() | While():
                r = value.results[k]
                return isinstance(r, Build | Reduce) or (self.fresh(r.init) and self.fresh(value.body.results[k]))
            case Call(fn):
                return not self.sharing.summary(fn).shared[k]
            case _:
                return True
