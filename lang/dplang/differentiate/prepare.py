"""Normal forms that both modes start from.

* No copies of names.
* Products, and minima, maxima and log-sum-exps beside a carried value, become carried values themselves.
* A call that is given a row or slice of an array takes the whole array and the indices instead, so that its adjoint
  can be added where it belongs (reverse mode).
"""

from __future__ import annotations

import math
from dataclasses import replace

from ..core.build import Builder, Names
from ..core.ir import (
    BOOL,
    INT,
    STRING,
    Arm,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Match,
    Operand,
    Param,
    Path,
    Prim,
    Reduce,
    Result,
    Scalar,
    Slice,
    Type,
    Value,
    Var,
)
from ..core.rewrite import all_names, blocks, map_value, rank
from .context import Context
from .writing import element, extent, from_outside, is_view, offset

STEPS = {"*": ("*", 1.0), "min": ("min", math.inf), "max": ("max", -math.inf), "logsumexp": ("logaddexp", -math.inf)}
"""How a reduction is done turn by turn: the primitive, and what it starts from."""

View = tuple[Var, Path]
Spec = tuple[tuple[int, str] | None, ...]
"""For each parameter of a function None, or the number of a whole array and the steps (A, S) to its part."""


def prepared(ctx: Context, name: str, varied: frozenset[int], views: bool) -> Fn:
    """The function in normal form for derivatives with respect to its parameters `varied`."""
    key = ("prepared", name, varied, views)
    if key not in ctx.memory:
        fn = ctx.fns[name]
        ctx.memory[key] = _Prepare(ctx, fn, varied, views).function()
    made = ctx.memory[key]
    assert isinstance(made, Fn)
    return made


class _Prepare:
    def __init__(self, ctx: Context, fn: Fn, varied: frozenset[int], views: bool) -> None:
        self.ctx = ctx
        self.fn = fn
        self.views = views
        self.names: Names = all_names(fn)
        self.varied = ctx.activity.varied(fn, varied)
        self.known: dict[str, Operand] = {}
        self.parts: dict[str, View] = {}
        self.choices: dict[str, tuple[If | Match, list[View]]] = {}

    def function(self) -> Fn:
        return replace(self.fn, body=self.block(self.fn.body))

    def read(self, o: Operand) -> Operand:
        return self.known.get(o.name, o) if isinstance(o, Var) else o

    def block(self, block: Block) -> Block:
        lets: list[Let] = []
        for let in block.lets:
            value = map_value(let.value, self.read, lambda params, inner: (params, self.block(inner)))
            if isinstance(value, Var | Lit):
                self.known[let.names[0].name] = value
                continue
            b = Builder(self.names, let.span, let.role)
            value = self.value(b, let, value)
            lets += b.lets
            if isinstance(value, Var):
                self.known[let.names[0].name] = value
            else:
                lets.append(replace(let, value=value))
        return Block(tuple(lets), tuple(map(self.read, block.results)))

    def value(self, b: Builder, let: Let, value: Operand | Value) -> Operand | Value:
        match value:
            case Loop():
                return self.loop(b, let, value)
            case Prim("cumprod", (x,)) if let.names[0].name in self.varied:
                return self.running_product(b, let, x)
            case Get(Var() as x, path) if self.views and isinstance(let.names[0].type, ArrayType) and is_view(path):
                self.parts[let.names[0].name] = self.view(b, x, path)
                return value
            case If() | Match() if self.views:
                self.choice(let, value)
                return value
            case Call() if self.views and self.ctx.fns[value.fn].rule is None:
                return self.call(let, value)
            case _:
                return value

    # ---- reductions turn by turn

    def loop(self, b: Builder, let: Let, loop: Loop) -> Loop:
        beside = any(isinstance(r, Carry) for r in loop.results)
        chosen = [
            k
            for k, (r, v) in enumerate(zip(loop.results, let.names, strict=True))
            if isinstance(r, Reduce) and r.op in STEPS and v.name in self.varied and (beside or r.op == "*")
        ]
        if not chosen:
            return loop
        body = Builder(self.names, let.span, let.role)
        results: list[Result] = list(loop.results)
        turn = list(loop.body.results)
        for k in chosen:
            r = loop.results[k]
            assert isinstance(r, Reduce)
            op, start = STEPS[r.op]
            t = let.names[k].type
            assert isinstance(t, Scalar)
            if r.op in ("min", "max"):
                some = b.prim("<", BOOL, loop.low, loop.high)
                b.effect(Check(some, "E0607", (Lit(r.op, STRING),)))
            param = self.names.fresh("so_far", t)
            self.varied.add(param.name)
            results[k] = Carry(param, Lit(start, t))
            turn[k] = body.prim(op, t, param, turn[k])
        lets = (*loop.body.lets, *body.lets)
        return replace(loop, results=tuple(results), body=Block(lets, tuple(turn)))

    def running_product(self, b: Builder, let: Let, x: Operand) -> Var:
        t = element(x.type)
        assert isinstance(t, Scalar)
        n = extent(b, x, 0)
        index, param = self.names.fresh("i", INT), self.names.fresh("so_far", t)
        body = b.nested()
        made = body.prim("*", t, param, body.one(Get(x, (At(index, True),)), t))
        value = Loop(index, Lit(0, INT), n, (Carry(param, Lit(1.0, t)), Build()), body.block(made, made))
        whole = b.let(value, t, let.names[0].type)[1]
        self.varied.add(whole.name)
        return whole

    # ---- calls that take parts of arrays

    def view(self, b: Builder, x: Var, path: Path) -> View:
        root, base = self.parts.get(x.name, (x, ()))
        return root, offset(b, base, path)

    def choice(self, let: Let, value: If | Match) -> None:
        """Notes the arrays that a branch only chooses."""
        for k, v in enumerate(let.names):
            if isinstance(v.type, ArrayType) and v.name in self.varied:
                found = [from_outside(params, side, k) for params, side in blocks(value)]
                places = [place for place in found if place is not None]
                if len(places) == len(found):
                    self.choices[v.name] = value, places

    def call(self, let: Let, call: Call) -> Value:
        for i, a in enumerate(call.args):
            if isinstance(a, Var) and a.name in self.choices:
                return self.divided(let, call, i, *self.choices[a.name])
        return self.whole(call)

    def divided(self, let: Let, call: Call, i: int, branch: If | Match, places: list[View]) -> Value:
        """A call that is given a choice of arrays, as a choice of calls."""
        sides = []
        for x, path in places:
            b = Builder(self.names, let.span, let.role)
            array = b.one(Get(x, path), call.args[i].type) if path else x
            self.varied.add(array.name)
            if path:
                self.parts[array.name] = self.view(b, x, path)
            value = self.call(let, Call(call.fn, (*call.args[:i], array, *call.args[i + 1 :])))
            made = b.let(value, *(v.type for v in let.names))
            sides.append(b.block(*made))
        if isinstance(branch, If):
            return If(branch.cond, sides[0], sides[1])
        arms = []
        for arm, side in zip(branch.arms, sides, strict=True):
            arms.append(Arm(tuple(self.names.fresh(p.name, p.type) for p in arm.params), side))
        return Match(branch.x, tuple(arms))

    def whole(self, call: Call) -> Call:
        fn = self.ctx.fns[call.fn]
        places: dict[int, View] = {}
        for i, a in enumerate(call.args):
            if isinstance(a, Var) and isinstance(a.type, ArrayType) and a.name in self.varied:
                places[i] = self.parts.get(a.name, (a, ()))
        roots: list[Var] = list(dict.fromkeys(root for root, _ in places.values()))
        if len(roots) == len(places) and not any(path for _, path in places.values()):
            return call
        spec: list[tuple[int, str] | None] = []
        plain: list[Operand] = []
        indices: list[Operand] = []
        for i, a in enumerate(call.args):
            if i not in places:
                spec.append(None)
                plain.append(a)
                continue
            root, path = places[i]
            spec.append((roots.index(root), "".join("A" if isinstance(s, At) else "S" for s in path)))
            for s in path:
                match s:
                    case At(index):
                        indices.append(index)
                    case Slice(low, high):
                        indices += [low, high]
                    case _:
                        raise AssertionError("a payload is no view")
        types = tuple(_open(root.type) for root in roots)
        return Call(on_parts(self.ctx, fn, tuple(spec), types), (*roots, *indices, *plain))


def _open(t: Type) -> ArrayType:
    return ArrayType(element(t), (None,) * rank(t))


def on_parts(ctx: Context, fn: Fn, spec: Spec, types: tuple[ArrayType, ...]) -> str:
    """`fn` with parameters taken from parts of whole arrays: arrays, indices, then the parameters left."""
    key = ("on parts", fn.name, spec, types)
    if key not in ctx.memory:
        names = all_names(fn)
        b = Builder(names, fn.span)
        wholes = [names.fresh("whole", t) for t in types]
        indices: list[Var] = []

        def index() -> Var:
            indices.append(names.fresh("at", INT))
            return indices[-1]

        for p, place in zip(fn.params, spec, strict=True):
            if place is not None:
                root, steps = place
                path = tuple(At(index(), True) if s == "A" else Slice(index(), index(), True) for s in steps)
                b.lets.append(Let((p.var,), Get(wholes[root], path) if path else wholes[root], fn.span))
        plain = [p for p, place in zip(fn.params, spec, strict=True) if place is None]
        params = (*(Param(v, v.name) for v in (*wholes, *indices)), *plain)
        body = Block((*b.lets, *fn.body.lets), fn.body.results)
        name = ctx.unique(f"{fn.name}.on_parts")
        ctx.origins[name] = ctx.origins.get(fn.name, fn.name)
        ctx.fns[name] = replace(fn, name=name, params=params, body=body, user=False)
        ctx.memory[key] = name
    made = ctx.memory[key]
    assert isinstance(made, str)
    return made
