"""Forward mode: every name with its tangent beside it, in one pass.

A name without a tangent here has the tangent zero. Loops, branches and calls carry tangents as further results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from ..core.build import Builder, Names
from ..core.ir import (
    BOOL,
    INT,
    Arm,
    ArrayType,
    At,
    Block,
    Call,
    Carry,
    Check,
    Checkpoint,
    Derive,
    Dim,
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
    Param,
    Part,
    Path,
    Prim,
    Reduce,
    Result,
    Scalar,
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..core.rewrite import all_names, carried, copy_block
from ..primitives.table import ARGUMENTS, TABLE
from .context import Context
from .custom import forward_rule
from .partials import times_partial
from .prepare import prepared
from .quiet import quiet
from .rules import FORWARD
from .writing import function, plus, stacked


@dataclass(frozen=True, slots=True)
class Dual:
    """A function of values and tangents: parameters, then tangents of those varied; results, then tangents of the
    results numbered in `results`."""

    name: str
    results: tuple[int, ...]


def dual(ctx: Context, name: str, varied: frozenset[int]) -> Dual:
    """The forward derivative of a function with respect to its parameters `varied`."""
    key = ("dual", name, varied)
    if key not in ctx.memory:
        fn = ctx.fns[name]
        made = Dual(ctx.unique(f"{name}.jvp"), tuple(ctx.reached(fn, varied)))
        ctx.memory[key] = made  # known before its body is written, for recursion
        ctx.fns[made.name] = _write(ctx, fn, varied, made)
    found = ctx.memory[key]
    assert isinstance(found, Dual)
    return found


def _write(ctx: Context, fn: Fn, varied: frozenset[int], made: Dual) -> Fn:
    if fn.rule is None:
        fn = prepared(ctx, fn.name, varied, views=False)
        forward = Forward(ctx, all_names(fn), ctx.activity.varied(fn, varied))
        body = fn.body
    else:
        names = all_names(fn)
        forward = Forward(ctx, names, ctx.activity.varied(fn, varied))
        results = tuple(names.fresh("r", t) for t in fn.result_types)
        forward.varied.update(r.name for r in results)
        call = Call(fn.name, tuple(p.var for p in fn.params))
        body = Block((Let(results, call, fn.span),), results)
    tangents = []
    for i in sorted(varied):
        p = fn.params[i].var
        tangents.append(forward.names.fresh(f"d{p.name}", ctx.tangents.of(p.type)))
        forward.d[p.name] = tangents[-1]
    b = Builder(forward.names, fn.span)
    forward.at_home(b, (p.var for p in fn.params))
    forward.block(b, body)
    ends = [forward.tangent(b, body.results[k]) for k in made.results]
    types = (*fn.result_types, *(ctx.tangents.of(fn.result_types[k]) for k in made.results))
    params: list[Var | Param] = [*fn.params, *tangents]
    return function(made.name, params, b.block(*body.results, *ends), types, fn.span)


class Forward:
    """Writes one function with tangents."""

    def __init__(self, ctx: Context, names: Names, varied: set[str]) -> None:
        self.ctx = ctx
        self.names = names
        self.tangents = ctx.tangents
        self.varied = varied
        self.d: dict[str, Operand] = {}
        self.home: dict[str, Builder] = {}
        """Where each primal array is bound: its zero tangent is made there, once, and not where it is needed."""
        self.zeros: dict[str, Operand] = {}

    def of(self, o: Operand) -> Operand | None:
        """The tangent of an operand, None where it is zero."""
        return self.d.get(o.name) if isinstance(o, Var) else None

    def tangent(self, b: Builder, o: Operand) -> Operand:
        """The tangent of an operand, written out where it is zero."""
        found = self.of(o)
        return self.zero(b, o) if found is None else found

    def zero(self, b: Builder, o: Operand) -> Operand:
        if not isinstance(o, Var) or not isinstance(o.type, ArrayType) or o.name not in self.home:
            return self.tangents.zero_like(b, o)
        if o.name not in self.zeros:
            home = self.home[o.name]
            there = Builder(self.names, home.span, "adjoint")
            self.zeros[o.name] = self.tangents.zero_like(there, o)
            home.lets += there.lets
        return self.zeros[o.name]

    def at_home(self, b: Builder, names: Iterable[Var]) -> None:
        self.home.update((v.name, b) for v in names)

    def moves(self, v: Var) -> bool:
        return v.name in self.varied

    def copy(self, block: Block, mapping: dict[str, Operand]) -> Block:
        """A fresh copy of a block, its names known to vary where the originals do."""
        made = copy_block(block, self.names, mapping)
        for name, o in list(mapping.items()):
            if name in self.varied and isinstance(o, Var):
                self.varied.add(o.name)
        return made

    def block(self, b: Builder, block: Block) -> None:
        for let in block.lets:
            inner = Builder(b.names, let.span, let.role)
            self.let(inner, let)
            b.lets += inner.lets
            self.at_home(b, let.names)

    def give(self, let: Let, d: Operand | None, k: int = 0) -> None:
        if d is not None:
            self.d[let.names[k].name] = d

    def keep(self, b: Builder, let: Let) -> None:
        """The primal code as it is; what follows is derivative code."""
        b.lets.append(let)
        b.role = "adjoint"

    # ---- one binding

    def let(self, b: Builder, let: Let) -> None:
        value = let.value
        match value:
            case Prim():
                self.keep(b, let)
                if self.moves(let.names[0]):
                    self.give(let, self.prim(b, let, value))
            case Var() | Lit():
                self.keep(b, let)
                self.give(let, self.of(value))
            case Make() | Get() | Update() | Fill() | Variant():
                self.keep(b, let)
                if self.moves(let.names[0]):
                    self.give(let, self.structure(b, let, value))
            case Match() | If() | Checkpoint():
                self.branch(b, let, value)
            case Loop():
                self.loop(b, let, value)
            case While():
                self.while_(b, let, value)
            case Call():
                self.call(b, let, value)
            case Dim() | Stop() | Check() | Io():
                self.keep(b, let)
            case Derive():
                raise AssertionError("inner derivatives are written first")
            case _:
                assert_never(value)

    def prim(self, b: Builder, let: Let, value: Prim) -> Operand | None:
        row = TABLE[value.op]
        if row.rule:
            return FORWARD[row.rule](self, b, value, let.names[0])
        result = let.names[0]

        def read(name: str) -> Operand:
            return result if name == "r" else value.args[ARGUMENTS.index(name)]

        total: Operand | None = None
        for j, a in enumerate(value.args):
            d = self.of(a)
            term = None if d is None else times_partial(b, value.op, j, read, d)
            if term is not None:
                total = term if total is None else self.tangents.add(b, total, term)
        return total

    def structure(self, b: Builder, let: Let, value: Make | Get | Update | Fill | Variant) -> Operand | None:
        t = self.tangents.of(let.names[0].type)
        match value:
            case Make(parts):
                if all(self.of(p) is None for p in parts):
                    return None
                return b.one(Make(tuple(self.tangent(b, p) for p in parts)), t, "d")
            case Fill(shape, v):
                d = self.of(v)
                return None if d is None else b.one(Fill(shape, d), t, "d")
            case Get(x, path):
                d = self.of(x)
                return None if d is None else self.project(b, x, d, path)
            case Update():
                return self.update(b, value, t)
            case Variant(enum, tag, args):
                moving = self.tangents.payload(EnumType(enum), tag)
                if all(self.of(args[i]) is None for i in moving):
                    return None
                return self.tangents.part(b, EnumType(enum), tag, [self.tangent(b, args[i]) for i in moving])
            case _:
                assert_never(value)

    def update(self, b: Builder, value: Update, t: Type) -> Operand | None:
        dx, dv = self.of(value.x), self.of(value.v)
        if dx is None and dv is None:
            return None
        if value.kind == "add" and dv is None:
            return dx
        if dx is None:
            dx = self.zero(b, value.x)
        if dv is None:
            dv = self.zero(b, value.v)
        return b.one(Update(value.kind, dx, value.path, dv), t, "d")

    def project(self, b: Builder, x: Operand, d: Operand, path: Path) -> Operand:
        """The part of tangent `d` of `x` at a path, which may lead through payloads."""
        for k, step in enumerate(path):
            if isinstance(step, Part):
                if k:
                    outer = b.one(Get(x, path[:k]), EnumType(_enum(x.type)))
                    return self.project(b, outer, b.one(Get(d, path[:k]), self.tangents.of(outer.type)), path[k:])
                field = self.payload(b, x, d, step)
                if not path[1:]:
                    return field
                assert isinstance(x.type, EnumType)
                inner = b.one(Get(x, (step,)), self.ctx.enums[x.type.name].variants[step.tag].fields[step.field])
                return self.project(b, inner, field, path[1:])
        return b.one(Get(d, path), _part(d.type, path), "d")

    def payload(self, b: Builder, x: Operand, d: Operand, step: Part) -> Operand:
        """The tangent of one field of a value known to be of variant `step.tag`."""
        assert isinstance(x.type, EnumType)
        t = self.ctx.enums[x.type.name].variants[step.tag].fields[step.field]
        place = self.tangents.payload(x.type, step.tag).index(step.field)

        def arm(inner: Builder, tag: int, fields: Sequence[Var]) -> Operand:
            if tag == step.tag + 1:
                return fields[place]
            return self.tangents.zero_like(inner, inner.one(Get(x, (step,)), t))

        return self.tangents.match(b, d, self.tangents.of(t), arm)

    # ---- branches

    def branch(self, b: Builder, let: Let, value: Match | If | Checkpoint) -> None:
        moving = [k for k, v in enumerate(let.names) if self.moves(v)]
        match value:
            case Match(x, arms):
                new = []
                for tag, arm in enumerate(arms):
                    inner = b.nested()
                    self.at_home(inner, arm.params)
                    self.opened(inner, x, tag, arm.params)
                    new.append(Arm(arm.params, self.side(inner, arm.body, moving)))
                made: Value = Match(x, tuple(new))
            case If(cond, then, orelse):
                made = If(cond, self.side(b.nested(), then, moving), self.side(b.nested(), orelse, moving))
            case Checkpoint(body):
                made = Checkpoint(self.side(b.nested(), body, moving))
            case _:
                assert_never(value)
        self.joint(b, let, made, moving)

    def opened(self, b: Builder, x: Operand, tag: int, params: tuple[Var, ...]) -> None:
        """Gives the names of a payload their tangents."""
        d = self.of(x)
        if d is None:
            return
        assert isinstance(x.type, EnumType)
        b.role = "adjoint"
        for field in self.tangents.payload(x.type, tag):
            self.d[params[field].name] = self.payload(b, x, d, Part(tag, field))
        b.role = "primal"

    def side(self, b: Builder, block: Block, moving: Sequence[int]) -> Block:
        self.block(b, block)
        b.role = "adjoint"
        return b.block(*block.results, *(self.tangent(b, block.results[k]) for k in moving))

    def joint(self, b: Builder, let: Let, value: Value, moving: Sequence[int], last: tuple[Var, ...] = ()) -> None:
        """Binds a node whose results are doubled; `last` names come after all others."""
        primal = let.names[: len(let.names) - len(last)]
        more = tuple(self.names.fresh(f"d{primal[k].name}", self.tangents.of(primal[k].type)) for k in moving)
        b.lets.append(replace(let, names=(*primal, *more, *last), value=value))
        for k, d in zip(moving, more, strict=True):
            self.give(let, d, k)

    # ---- loops

    def loop(self, b: Builder, let: Let, loop: Loop) -> None:
        late = [k for k, r in enumerate(loop.results) if self.moves(let.names[k]) and _is_late(r)]
        results, moving, body = self.turns(b, let, loop, late)
        places = {}
        for k in late:
            r = loop.results[k]
            assert isinstance(r, Reduce)
            if r.op in ("min", "max"):
                places[k] = self.names.fresh("place", INT)
                results += (Reduce("argmin" if r.op == "min" else "argmax"),)
                body = replace(body, results=(*body.results, loop.body.results[k]))
        value = replace(loop, results=results, body=body)
        self.joint(b, let, value, moving, ())
        b.lets[-1] = replace(b.lets[-1], names=(*b.lets[-1].names, *places.values()))
        b.role = "adjoint"
        for k in late:
            if k in places:
                self.give(let, self.one_turn(b, loop, k, places[k]), k)
            else:
                self.give(let, self.weighted(b, loop, k, let.names[k]), k)

    def turns(
        self, b: Builder, let: Let, loop: Loop | While, late: Sequence[int] = ()
    ) -> tuple[tuple[Result, ...], list[int], Block]:
        """The results of the loop with tangents, which of them have one, and the body with tangents."""
        moving = [k for k in range(len(loop.results)) if self.moves(let.names[k]) and k not in late]
        more: list[Result] = []
        for k in moving:
            r = loop.results[k]
            if isinstance(r, Carry):
                param = self.names.fresh(f"d{r.param.name}", self.tangents.of(r.param.type))
                more.append(Carry(param, self.tangent(b, r.init)))
                self.d[r.param.name] = param
            else:
                more.append(r)
        inner = b.nested()
        self.at_home(inner, carried(loop.results))
        return (*loop.results, *more), moving, self.side(inner, loop.body, moving)

    def while_(self, b: Builder, let: Let, loop: While) -> None:
        results, moving, body = self.turns(b, let, loop)
        kept = tuple(r for r in results if not isinstance(r, Reduce))
        self.joint(b, let, replace(loop, results=kept, body=body), moving, let.names[-1:])

    def again(self, b: Builder, loop: Loop, k: int, index: Operand) -> tuple[Operand, Operand | None]:
        """The value and tangent of result number `k` in the turn of `index`, executed again."""
        copy = self.copy(quiet(loop.body, [k]), {loop.index.name: index})
        self.block(b, copy)
        return copy.results[0], self.of(copy.results[0])

    def one_turn(self, b: Builder, loop: Loop, k: int, place: Var) -> Operand | None:
        return self.again(b, loop, k, plus(b, loop.low, place))[1]

    def weighted(self, b: Builder, loop: Loop, k: int, r: Var) -> Operand | None:
        """The tangent of a log-sum-exp: the mean of the turns' tangents with weights exp(e - r)."""
        t = r.type
        assert isinstance(t, Scalar)
        index = self.names.fresh(loop.index.name, INT)
        inner = b.nested()
        e, d = self.again(inner, loop, k, index)
        if d is None:
            return None
        term = inner.prim("*", t, weight(inner, e, r), d)
        return b.one(Loop(index, loop.low, loop.high, (Reduce("+"),), inner.block(term)), t, "d")

    # ---- calls

    def call(self, b: Builder, let: Let, call: Call) -> None:
        varied = frozenset(i for i, a in enumerate(call.args) if self.of(a) is not None)
        fn = self.ctx.fns[call.fn]
        moving = self.ctx.reached(fn, varied)
        if not moving:
            self.keep(b, let)
            return
        if fn.rule is not None:
            self.keep(b, let)
            for k, d in forward_rule(self, b, let, call, fn).items():
                self.give(let, d, k)
            return
        made = dual(self.ctx, call.fn, varied)
        args = (*call.args, *(self.tangent(b, call.args[i]) for i in sorted(varied)))
        self.joint(b, let, Call(made.name, args), made.results)


def weight(b: Builder, e: Operand, r: Operand) -> Operand:
    """exp(e - r), the share of a turn in a log-sum-exp; of no share at all that is 0, of what is infinite 1."""
    t = e.type
    assert isinstance(t, Scalar)

    def part(b: Builder) -> tuple[Operand, ...]:
        return (b.prim("exp", t, b.prim("-", t, e, r)),)

    def share(b: Builder) -> tuple[Operand, ...]:
        infinite = b.prim("==", BOOL, e, Lit(float("inf"), t))
        return tuple(b.branch(infinite, lambda _: (Lit(1.0, t),), part, t, hint="w"))

    nothing = b.prim("==", BOOL, r, Lit(float("-inf"), t))
    return b.branch(nothing, lambda _: (Lit(0.0, t),), share, t, hint="w")[0]


def _is_late(r: Result) -> bool:
    """Whether the tangent needs the reduction's value first."""
    return isinstance(r, Reduce) and r.op in ("min", "max", "logsumexp")


def _enum(t: Type) -> str:
    elem = t.elem if isinstance(t, ArrayType) else t
    assert isinstance(elem, EnumType)
    return elem.name


def _part(t: Type, path: Path) -> Type:
    """The type of a part by Ats and Slices."""
    kept = 0
    for step in path:
        assert isinstance(t, ArrayType)
        kept += not isinstance(step, At)
        t = ArrayType(t.elem, t.dims[1:]) if len(t.dims) > 1 else t.elem
    for _ in range(kept):
        t = stacked(t)
    return t
