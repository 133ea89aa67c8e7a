"""Reverse mode: the backward code of a block, one binding after the other, last to first.

`Reverse` is one function being differentiated. Straight-line rules stand here; branches, loops and calls in
`branches`, `loops` and `calls`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import assert_never

from ..core.build import ONE, Builder, Names
from ..core.ir import (
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
    Part,
    Path,
    Prim,
    Scalar,
    Slice,
    Stop,
    Type,
    Update,
    Var,
    Variant,
    While,
)
from ..core.rewrite import all_names, blocks, copy_block, free_names, map_path, operands, substitute
from ..primitives.table import ARGUMENTS, TABLE
from . import branches, calls, loops
from .additions import Additions
from .context import Context
from .measure import Measure
from .partials import times_partial
from .prepare import prepared
from .quiet import quiet
from .region import Place, Region
from .rules import REVERSE
from .writing import elementwise, extents, minus, total, trusted


class Reverse:
    """One function in reverse mode. `names` serves both its forward and its backward code."""

    def __init__(self, ctx: Context, fn: Fn, varied: frozenset[int], unstable: Iterable[int] = ()) -> None:
        self.ctx = ctx
        self.fn = fn if fn.rule is not None else prepared(ctx, fn.name, varied, views=True)
        self.names: Names = all_names(self.fn)
        if fn.rule is not None:
            self.fn = self._wrapped(fn)
        self.varied = ctx.activity.varied(self.fn, varied)
        self.unstable = ctx.sharing.unstable(self.fn, unstable) if fn.rule is None else set()
        self.additions = Additions(ctx, self.names, fn.name)
        self.measures: dict[str, Measure] = {}
        """Ends of loops in backward code: the size that each one is."""
        self._repeatable: dict[str, bool] = {}

    def _wrapped(self, fn: Fn) -> Fn:
        """A function that calls `fn`, so that its rule applies."""
        results = tuple(self.names.fresh("r", t) for t in fn.result_types)
        call = Call(fn.name, tuple(p.var for p in fn.params))
        return replace(fn, body=Block((Let(results, call, fn.span),), results), rule=None)

    def top(self, live: bool) -> Region:
        """The region of the whole body."""
        out = Builder(self.names, self.fn.span, "adjoint")
        return Region(self, self.fn.body, [p.var for p in self.fn.params], None, out, live=live)

    # ---- what is known of the primal code

    def stable(self, v: Var) -> bool:
        """Whether the buffer of an array still holds it when backward code runs."""
        return v.name not in self.unstable

    def repeatable(self, let: Let) -> bool:
        """Whether executing `let` again costs no more than once more what it cost."""
        key = let.names[0].name if let.names else ""
        if key not in self._repeatable:
            self._repeatable[key] = self._is_repeatable(let)
        return self._repeatable[key]

    def _is_repeatable(self, let: Let) -> bool:
        value = let.value
        if isinstance(value, Call | While | Io | Derive) or any(v.name in self.unstable for v in let.names):
            return False
        if isinstance(value, Loop) and any(isinstance(r, Carry) for r in value.results):
            return False
        if any(isinstance(o, Var) and o.name in self.unstable for o in operands(value)):
            return False
        return all(self.plain(inner) for _, inner in blocks(value))

    def plain(self, block: Block) -> bool:
        """Whether a block holds nothing that is too dear to execute again."""
        return all(self.repeatable(let) for let in block.lets if let.names) and not any(
            isinstance(r, Var) and r.name in self.unstable for r in block.results
        )

    def copy(self, block: Block, mapping: dict[str, Operand]) -> Block:
        """A fresh copy of primal code, of whose names is known what is known of the originals'."""
        made = copy_block(quiet(block), self.names, mapping)
        for name, o in list(mapping.items()):
            if isinstance(o, Var):
                if name in self.varied:
                    self.varied.add(o.name)
                if name in self.unstable:
                    self.unstable.add(o.name)
        return made

    # ---- backward code

    def sweep(self, region: Region) -> None:
        """The backward code of a region whose results have got their adjoints."""
        for let in reversed(region.block.lets):
            if any(map(region.touched, let.names)):
                region.out.span = let.span
                self.step(region, let)

    def choose(self, region: Region, value: If | Match, places: Sequence[Place], d: Operand) -> None:
        branches.choose(region, value, places, d)

    def step(self, region: Region, let: Let) -> None:
        value = let.value
        match value:
            case If() | Match():
                branches.branch(region, let, value)
            case Loop() | While():
                loops.loop(region, let, value)
            case Call():
                calls.call(region, let, value)
            case Checkpoint(body):
                self.checkpoint(region, let, body)
            case _:
                d = region.take(let.names[0])
                assert d is not None
                self.simple(region, let.names[0], value, d)

    def simple(
        self,
        region: Region,
        v: Var,
        value: Operand | Prim | Make | Get | Update | Fill | Variant | Dim | Stop | Check | Io | Derive,
        d: Operand,
    ) -> None:
        """A binding of one name whose adjoint is `d`."""
        match value:
            case Prim():
                self.prim(region, v, value, d)
            case Var() | Lit():
                region.contribute(value, d)
            case Get(x, path):
                self.get(region, x, path, d)
            case Update():
                self.update(region, value, d)
            case Make(parts):
                for k, part in enumerate(parts):
                    if region.moves(part):
                        at = At(Lit(k, INT), True)
                        region.contribute(part, region.out.one(Get(d, (at,)), region.tangents.of(part.type), "d"))
            case Fill(_, x):
                if region.moves(x):
                    region.contribute(x, self.sum(region, d, x.type))
            case Variant(enum, tag, args):
                self.variant(region, EnumType(enum), tag, args, d)
            case Dim() | Stop() | Check() | Io() | Derive():
                pass
            case _:
                assert_never(value)

    def prim(self, region: Region, v: Var, value: Prim, d: Operand) -> None:
        row = TABLE[value.op]
        if row.rule:
            REVERSE[row.rule](region, value, v, d)
            return

        def read(name: str) -> Operand:
            return region.need(v if name == "r" else value.args[ARGUMENTS.index(name)])

        for j, a in enumerate(value.args):
            if region.moves(a):
                term = times_partial(region.out, value.op, j, read, d)
                if term is not None:
                    region.contribute(a, term)

    def sum(self, region: Region, d: Operand, t: Type) -> Operand:
        """The sum of all elements of an adjoint array."""
        b = region.out
        if isinstance(t, Scalar):
            return total(b, d)
        assert isinstance(d.type, ArrayType)
        elem = d.type.elem
        assert isinstance(elem, EnumType)
        dims = extents(b, d)
        start = region.tangents.scalar_zero(b, elem)

        def level(inner: Builder, done: tuple[At, ...], so_far: Operand) -> Operand:
            if len(done) == len(dims):
                return region.tangents.add(inner, so_far, inner.one(Get(d, done), elem))
            index, param = inner.names.fresh("i", INT), inner.names.fresh("a", elem)
            deeper = inner.nested()
            made = level(deeper, (*done, At(index, True)), param)
            value = Loop(index, Lit(0, INT), dims[len(done)], (Carry(param, so_far),), deeper.block(made))
            return inner.one(value, elem, "sum")

        return level(b, (), start)

    # ---- parts

    def get(self, region: Region, x: Operand, path: Path, d: Operand) -> None:
        for k, step in enumerate(path):
            if isinstance(step, Part):
                self.get_payload(region, x, path, k, d)
                return
        region.contribute(x, d, map_path(path, region.need))

    def get_payload(self, region: Region, x: Operand, path: Path, k: int, d: Operand) -> None:
        """`path[k]` enters a payload: the adjoint of the enum value there holds `d` and zeros."""
        if not region.moves(x):
            return
        b = region.out
        here = trusted(map_path(path, region.need))
        step = path[k]
        assert isinstance(step, Part)
        primal = region.need(x)
        outer = b.one(Get(primal, here[:k]), _enum_at(x.type)) if k else primal
        assert isinstance(outer.type, EnumType)
        fields = self.ctx.enums[outer.type.name].variants[step.tag].fields
        parts = []
        for i in region.tangents.payload(outer.type, step.tag):
            if i == step.field and len(path) == k + 1:
                parts.append(d)
                continue
            field = b.one(Get(outer, (Part(step.tag, i),)), fields[i])
            zero = region.tangents.zero_like(b, field)
            if i == step.field:
                zero = b.one(Update("add", zero, here[k + 1 :], d), zero.type)
            parts.append(zero)
        whole = region.tangents.part(b, outer.type, step.tag, parts)
        region.contribute(x, whole, here[:k])

    def update(self, region: Region, value: Update, d: Operand) -> None:
        b = region.out
        x, v = value.x, value.v
        if value.kind == "push":
            self.push(region, x, v, d)
            return
        path = trusted(map_path(value.path, region.need))
        if region.moves(v):
            region.contribute(v, self.read(b, d, path, region.tangents.of(v.type)))
        if value.kind == "set" and region.moves(x):
            d = b.one(Update("set", d, path, self.blank(region, d, path, v)), d.type, "a")
        region.contribute(x, d)

    def push(self, region: Region, x: Operand, v: Operand, d: Operand) -> None:
        b = region.out
        assert isinstance(d.type, ArrayType)
        last = minus(b, b.one(Dim(d, 0), INT, "n"), ONE)
        if region.moves(v):
            region.contribute(v, self.read(b, d, (At(last, True),), region.tangents.of(v.type)))
        if region.moves(x):
            region.contribute(x, b.one(Get(d, (Slice(Lit(0, INT), last, True),)), d.type, "a"))

    def read(self, b: Builder, d: Operand, path: Path, t: Type) -> Operand:
        """The part of an adjoint at a path, apart from its buffer, which is about to change."""
        part = b.one(Get(d, path), t, "d")
        return elementwise(b, (part,), lambda _, e: e[0], "d") if isinstance(t, ArrayType) else part

    def blank(self, region: Region, d: Operand, path: Path, v: Operand) -> Operand:
        """Zeros for the part of an adjoint at a path, which a value like `v` has overwritten."""
        b = region.out
        t = region.tangents.of(v.type)
        if not isinstance(t, ArrayType):
            return region.tangents.scalar_zero(b, t)
        return region.tangents.zero(b, t, extents(b, b.one(Get(d, path), t)))

    def variant(self, region: Region, t: EnumType, tag: int, args: Sequence[Operand], d: Operand) -> None:
        """The adjoints of a payload lie in the variant of the same tag; `Zero` holds none."""
        b, tangents = region.out, region.tangents
        moving = [(j, i) for j, i in enumerate(tangents.payload(t, tag)) if region.moves(args[i])]
        if not moving:
            return
        assert isinstance(d.type, EnumType)
        arms = []
        for other, decl in enumerate(self.ctx.enums[d.type.name].variants):
            params = tuple(self.names.fresh("p", f) for f in decl.fields)
            side = region.inside(Block((), ()))
            made: list[Operand] = []
            for j, i in moving:
                arg = args[i]
                assert isinstance(arg, Var)
                made.append(params[j] if other == tag + 1 else side.zeros(arg))
            arms.append(Arm(params, side.closed(*made)))
        types = [tangents.of(args[i].type) for _, i in moving]
        for (_, i), part in zip(moving, b.let(Match(d, tuple(arms)), *types, hint="d"), strict=True):
            region.contribute(args[i], part)

    # ---- code that is executed again as a whole

    def checkpoint(self, region: Region, let: Let, body: Block) -> None:
        seeds = [region.take(v) for v in let.names]
        self.inline(region, self.copy(body, {}), seeds)

    def inline(self, region: Region, block: Block, seeds: Sequence[Operand | None]) -> None:
        """Forward and backward code of a copied block, right here."""
        inner = region.inside(block, live=True)
        for r, d in zip(block.results, seeds, strict=True):
            if d is not None:
                inner.contribute(r, d)
        self.sweep(inner)
        region.out.lets += [*self.forward(inner).lets, *inner.out.lets]
        self.pass_on(region, inner)

    def forward(self, region: Region) -> Block:
        """The forward sweep of a live region inside another one, reading outer values as they are there."""
        block = self.additions.extend(region.block, tuple(region.params.values()))
        assert region.parent is not None
        outer = [v for v in free_names(block).values() if region.parent.knows(v.name)]
        return substitute(block, {v.name: region.parent.need(v) for v in outer})

    def pass_on(self, region: Region, inner: Region) -> None:
        """Takes over the adjoints that code written into the same block has changed."""
        for root in inner.roots.values():
            region.set(root, inner.adjoint[root.name])


def _enum_at(t: Type) -> EnumType:
    elem = t.elem if isinstance(t, ArrayType) else t
    assert isinstance(elem, EnumType)
    return elem
