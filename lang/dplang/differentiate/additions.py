"""The forward sweep: the primal code, extended by what the backward sweep keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..core.build import Names
from ..core.ir import (
    INT,
    Arm,
    ArrayType,
    Block,
    Build,
    Call,
    Checkpoint,
    Dim,
    EnumDecl,
    EnumType,
    If,
    Let,
    Lit,
    Loop,
    Match,
    Operand,
    Reduce,
    Scalar,
    Type,
    Var,
    Variant,
    VariantDecl,
    While,
)
from ..core.rewrite import carried
from ..errors.source import NOWHERE
from .context import Context
from .writing import stacked


@dataclass(frozen=True, slots=True)
class Stack:
    """A further result of a loop: `inner` of every turn, each in a box where sizes may change from turn to turn."""

    outer: Var
    result: Build | Reduce
    inner: Operand
    box: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """A further result of a branch: for each side a value or, in an enum, several."""

    outer: Var
    inner: tuple[tuple[Operand, ...], ...]
    enum: str = ""


@dataclass(frozen=True, slots=True)
class Swap:
    """A call that also gives what its backward code keeps."""

    fn: str
    outer: tuple[Var, ...]


@dataclass
class Additions:
    """What is added to each node, by the first name that it binds."""

    ctx: Context
    names: Names
    label: str
    stacks: dict[str, list[Stack]] = field(default_factory=dict)
    slots: dict[str, list[Slot]] = field(default_factory=dict)
    swaps: dict[str, list[Swap]] = field(default_factory=dict)
    sizes: dict[str, dict[int, Var]] = field(default_factory=dict)
    written: set[tuple[str, int]] = field(default_factory=set)

    # ---- asking for more

    def size_name(self, v: Var, axis: int) -> Var:
        """The name of a size of `v`; the forward sweep computes it if `size` is called."""
        return self.sizes.setdefault(v.name, {}).setdefault(axis, self.names.fresh("n", INT))

    def size(self, v: Var, axis: int) -> None:
        self.written.add((v.name, axis))

    def stack(self, let: Let, v: Var, boxed: bool) -> tuple[Var, bool]:
        """Keeps `v` of every turn of a loop."""
        box = ""
        t: ArrayType = stacked(v.type)
        if boxed:
            box = self.enum([(v.type,)])
            t = ArrayType(EnumType(box), (None,))
        outer = self.names.fresh(v.name, t)
        self.stacks.setdefault(let.names[0].name, []).append(Stack(outer, Build(), v, box))
        return outer, boxed

    def place(self, let: Let, op: str, inner: Operand) -> Var:
        """The turn of a loop in which a minimum or maximum was found."""
        outer = self.names.fresh("place", INT)
        result = Reduce("argmin" if op == "min" else "argmax")
        self.stacks.setdefault(let.names[0].name, []).append(Stack(outer, result, inner))
        return outer

    def slot(self, let: Let, sides: Sequence[Var | None], t: Scalar) -> Var:
        """One scalar of each side of a branch."""
        outer = self.names.fresh("kept", t)
        inner = tuple((v if v is not None else _nothing(t),) for v in sides)
        self.slots.setdefault(let.names[0].name, []).append(Slot(outer, inner))
        return outer

    def sides(self, let: Let, sides: Sequence[Sequence[Var]]) -> Var:
        """Several values of each side of a branch, as one enum value."""
        enum = self.enum([tuple(v.type for v in side) for side in sides])
        outer = self.names.fresh("kept", EnumType(enum))
        self.slots.setdefault(let.names[0].name, []).append(Slot(outer, tuple(map(tuple, sides)), enum))
        return outer

    def enum(self, variants: Sequence[tuple[Type, ...]], name: str = "") -> str:
        """A new enum for residuals."""
        made = name or self.ctx.unique(f"{self.label}.tape")
        decls = tuple(VariantDecl(f"Side{k}", types) for k, types in enumerate(variants))
        self.ctx.enums[made] = EnumDecl(made, decls)
        return made

    # ---- the extended code

    def extend(self, block: Block, params: Sequence[Var] = ()) -> Block:
        lets: list[Let] = []
        for p in params:
            lets += self._sizes(p, None)
        for let in block.lets:
            lets += self._let(let)
            for v in let.names:
                lets += self._sizes(v, let)
        return Block(tuple(lets), block.results)

    def _sizes(self, v: Var, let: Let | None) -> list[Let]:
        span = let.span if let else NOWHERE
        found = self.sizes.get(v.name, {})
        return [Let((n,), Dim(v, axis), span) for axis, n in found.items() if (v.name, axis) in self.written]

    def _let(self, let: Let) -> list[Let]:
        value = let.value
        key = let.names[0].name if let.names else ""
        match value:
            case If(cond, then, orelse):
                blocks, outer = self._branch(let, key, [self.extend(then), self.extend(orelse)])
                return [replace(let, names=(*let.names, *outer), value=If(cond, *blocks))]
            case Match(x, arms):
                blocks, outer = self._branch(let, key, [self.extend(a.body, a.params) for a in arms])
                new = tuple(Arm(a.params, body) for a, body in zip(arms, blocks, strict=True))
                return [replace(let, names=(*let.names, *outer), value=Match(x, new))]
            case Checkpoint(body):
                return [replace(let, value=Checkpoint(self.extend(body)))]
            case Loop() | While():
                return [self._loop(let, key, value)]
            case Call(_, args) if key in self.swaps:
                first, *others = self.swaps[key]
                lets = [replace(let, names=(*let.names, *first.outer), value=Call(first.fn, args))]
                for swap in others:
                    again = tuple(self.names.fresh(v.name, v.type) for v in let.names)
                    lets.append(replace(let, names=(*again, *swap.outer), value=Call(swap.fn, args)))
                return lets
            case _:
                return [let]

    def _branch(self, let: Let, key: str, blocks: list[Block]) -> tuple[list[Block], list[Var]]:
        slots = self.slots.get(key, [])
        made = []
        for k, block in enumerate(blocks):
            lets = list(block.lets)
            more: list[Operand] = []
            for slot in slots:
                if slot.enum:
                    v = self.names.fresh("kept", slot.outer.type)
                    lets.append(Let((v,), Variant(slot.enum, k, slot.inner[k]), let.span))
                    more.append(v)
                else:
                    more += slot.inner[k]
            made.append(Block(tuple(lets), (*block.results, *more)))
        return made, [slot.outer for slot in slots]

    def _loop(self, let: Let, key: str, loop: Loop | While) -> Let:
        stacks = self.stacks.get(key, [])
        body = self.extend(loop.body, (loop.index, *carried(loop.results)))
        lets = list(body.lets)
        more: list[Operand] = []
        for stack in stacks:
            inner = stack.inner
            if stack.box:
                inner = self.names.fresh("box", EnumType(stack.box))
                lets.append(Let((inner,), Variant(stack.box, 0, (stack.inner,)), let.span))
            more.append(inner)
        body = Block(tuple(lets), (*body.results, *more))
        outer = tuple(stack.outer for stack in stacks)
        if isinstance(loop, While):
            builds = tuple(s.result for s in stacks if isinstance(s.result, Build))
            value: Loop | While = replace(loop, results=(*loop.results, *builds), body=body)
            return replace(let, names=(*let.names[:-1], *outer, let.names[-1]), value=value)
        value = replace(loop, results=(*loop.results, *(s.result for s in stacks)), body=body)
        return replace(let, names=(*let.names, *outer), value=value)


def _nothing(t: Scalar) -> Lit:
    """A value for the side of a branch that keeps none."""
    values: dict[str, float | int | bool | str] = {"Int": 0, "Bool": False, "String": "", "Key": 0}
    return Lit(values.get(t.name, 0.0), t)
