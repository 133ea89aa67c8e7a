"""What can influence what through values that have tangents: which derivatives there are to compute at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias, assert_never

from ..core.ir import (
    FLOAT,
    FLOAT32,
    ArrayType,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Derive,
    Dim,
    EnumDecl,
    EnumType,
    Fill,
    Fn,
    Get,
    If,
    Io,
    Let,
    Lit,
    Loop,
    Make,
    Match,
    Operand,
    Prim,
    Reduce,
    Scalar,
    Stop,
    Type,
    Update,
    Var,
    Variant,
    While,
)
from ..core.rewrite import calls
from ..primitives.table import TABLE

Sources: TypeAlias = frozenset[int]
NOTHING: Sources = frozenset()


class Tangible:
    """Which types have a tangent: floating-point numbers, arrays of them, enums with one in some payload."""

    def __init__(self, enums: Mapping[str, EnumDecl]) -> None:
        self._enums = enums
        self._known: dict[str, bool] = {}

    def __call__(self, t: Type) -> bool:
        match t:
            case Scalar():
                return t in (FLOAT, FLOAT32)
            case ArrayType(elem):
                return self(elem)
            case EnumType(name):
                if name not in self._known:
                    self._known[name] = self._reaches_float(name)
                return self._known[name]
            case _:
                assert_never(t)

    def _reaches_float(self, name: str) -> bool:
        seen = {name}
        left = [name]
        while left:
            for variant in self._enums[left.pop()].variants:
                for t in variant.fields:
                    elem = t.elem if isinstance(t, ArrayType) else t
                    if elem in (FLOAT, FLOAT32):
                        return True
                    if isinstance(elem, EnumType) and elem.name not in seen:
                        seen.add(elem.name)
                        left.append(elem.name)
        return False


class Activity:
    """Follows influence through functions. `sources` of a name are the numbers of what it depends on."""

    def __init__(self, fns: Mapping[str, Fn], tangible: Tangible) -> None:
        self._fns = fns
        self._tangible = tangible
        self._depends: dict[str, tuple[Sources, ...]] = {}

    def depends(self, name: str) -> tuple[Sources, ...]:
        """For each result of a function, the numbers of the leaf parameters that it depends on."""
        if name not in self._depends:
            self._settle(self._unsettled(name))
        return self._depends[name]

    def _unsettled(self, name: str) -> list[str]:
        found = {name: None}
        left = [name]
        while left:
            for callee in sorted(calls(self._fns[left.pop()].body)):
                if callee not in found and callee not in self._depends:
                    found[callee] = None
                    left.append(callee)
        return list(reversed(found))

    def _settle(self, names: list[str]) -> None:
        """The least fixed point over functions that may call each other."""
        for name in names:
            self._depends[name] = tuple(NOTHING for _ in self._fns[name].result_types)
        changed = True
        while changed:
            changed = False
            for name in names:
                now = self._of_function(self._fns[name])
                changed = changed or now != self._depends[name]
                self._depends[name] = now

    def _of_function(self, fn: Fn) -> tuple[Sources, ...]:
        if fn.rule is not None:
            every = frozenset(i for i, p in enumerate(fn.params) if self._tangible(p.var.type))
            return tuple(every if self._tangible(t) else NOTHING for t in fn.result_types)
        env: dict[str, Sources] = {}
        for i, p in enumerate(fn.params):
            env[p.var.name] = frozenset((i,)) if self._tangible(p.var.type) else NOTHING
        return self.flow(fn.body, env)

    def varied(self, fn: Fn, params: Iterable[int]) -> set[str]:
        """All names in `fn` that depend on the given parameters."""
        env = {fn.params[i].var.name: frozenset((0,)) for i in params}
        self.flow(fn.body, env)
        return {name for name, sources in env.items() if sources}

    def useful_carries(self, loop: Loop | While, seeded: Iterable[int]) -> set[int]:
        """Which carried values influence the results numbered in `seeded`, in this turn or a later one."""
        carries = {k: r for k, r in enumerate(loop.results) if isinstance(r, Carry)}
        env = {r.param.name: frozenset((k,)) for k, r in carries.items()}
        per_result = self.flow(loop.body, env)
        useful: set[int] = set()
        left = list(seeded)
        for k in left:
            if k in carries:
                useful.add(k)
        while left:
            for source in per_result[left.pop()] - useful:
                useful.add(source)
                left.append(source)
        return useful

    # ---- one block

    def flow(self, block: Block, env: dict[str, Sources]) -> tuple[Sources, ...]:
        """Fills `env` with the sources of all names bound in `block`; gives those of its results."""
        for let in block.lets:
            found = self._let(let, env)
            for v, sources in zip(let.names, found, strict=False):
                env[v.name] = sources if sources and self._tangible(v.type) else NOTHING
        return tuple(_of(r, env) for r in block.results)

    def _let(self, let: Let, env: dict[str, Sources]) -> tuple[Sources, ...]:
        value = let.value
        match value:
            case Var() | Lit():
                return (_of(value, env),)
            case Prim(op, args):
                row = TABLE.get(op)
                severed = row is None or row.mode == "severed"
                return (NOTHING if severed else _union(args, env),)
            case Make(args) | Variant(_, _, args):
                return (_union(args, env),)
            case Get(x) | Fill(_, x):
                return (_of(x, env),)
            case Update(_, x, _, v):
                return (_of(x, env) | _of(v, env),)
            case Dim() | Stop() | Io() | Check() | Derive():
                return tuple(NOTHING for _ in let.names)
            case Match(x, arms):
                payload = _of(x, env)
                for arm in arms:
                    for p in arm.params:
                        env[p.name] = payload if self._tangible(p.type) else NOTHING
                return _joined([self.flow(arm.body, env) for arm in arms])
            case If(_, then, orelse):
                return _joined([self.flow(then, env), self.flow(orelse, env)])
            case Checkpoint(body):
                return self.flow(body, env)
            case Loop() | While():
                return self._loop(value, env)
            case Call(fn, args):
                return tuple(_union([args[i] for i in sources], env) for sources in self.depends(fn))
            case _:
                assert_never(value)

    def _loop(self, loop: Loop | While, env: dict[str, Sources]) -> tuple[Sources, ...]:
        for r in loop.results:
            if isinstance(r, Carry):
                env[r.param.name] = _of(r.init, env) if self._tangible(r.param.type) else NOTHING
        while True:
            found = self.flow(loop.body, env)
            changed = False
            for r, sources in zip(loop.results, found, strict=True):
                if isinstance(r, Carry) and not sources <= env[r.param.name] and self._tangible(r.param.type):
                    env[r.param.name] |= sources
                    changed = True
            if not changed:
                break
        made: list[Sources] = []
        for r, sources in zip(loop.results, found, strict=True):
            match r:
                case Carry(param):
                    made.append(env[param.name])
                case Build() | Reduce():
                    made.append(sources)
                case _:
                    assert_never(r)
        return tuple(made)


def _of(o: Operand, env: Mapping[str, Sources]) -> Sources:
    return env.get(o.name, NOTHING) if isinstance(o, Var) else NOTHING


def _union(operands: Iterable[Operand], env: Mapping[str, Sources]) -> Sources:
    found = NOTHING
    for o in operands:
        found |= _of(o, env)
    return found


def _joined(sides: list[tuple[Sources, ...]]) -> tuple[Sources, ...]:
    return tuple(frozenset().union(*column) for column in zip(*sides, strict=True))
