"""Enum values taken apart: a tag and one slot for each payload that a variant may hold at once; core without enums.

Reverse mode keeps which branch was taken, and what it needs, as values of enums that it makes; arrays of them become an
array of tags and one array a slot. Slots are shared between variants, by type. A value of a recursive enum is a node in
an arena (`nodes`), and an Int elsewhere; so is a String, which is only passed on and compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from ..core.build import literal
from ..core.ir import (
    BOOL,
    INT,
    STRING,
    Arm,
    ArrayType,
    Block,
    Call,
    Carry,
    Check,
    Checkpoint,
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
    Program,
    Reduce,
    Result,
    Scalar,
    Slice,
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..core.rewrite import blocks, calls, free_names, lets_of
from . import nodes
from .equality import equality, equality_name
from .layouts import DEFAULTS, Layouts, Slots

Kind: TypeAlias = Literal["set", "add", "push"]

SHAPES = ("reverse", "concat", "transpose", "reshape", "flatten")
"""Primitives that only move elements: each part of them goes its way."""

MADE_STRINGS = ("format",)
"""Primitives that make a String. In a kernel they are met only where a message is put together."""


def flatten(program: Program, layouts: Layouts, names: set[str]) -> Program:
    """`program` with the functions `names`, which can be, without enums. Calls between them and others do not fit."""
    fns = dict(program.fns)
    fresh = _allocating(program, layouts)
    compared: list[str] = []
    for name in sorted(names):
        fns[name] = _Flatten(layouts, fresh, compared).function(fns[name])
    for enum in compared:  # grows: payloads are compared, too
        made = equality(program.enums[enum])
        fns[made.name] = _Flatten(layouts, fresh, compared).function(made)
    return replace(program, fns=fns)


def _allocating(program: Program, layouts: Layouts) -> set[str]:
    """The functions that may put something into the arena."""
    found = {name for name, fn in program.fns.items() if _allocates(fn.body, layouts, set())}
    before = -1
    while before != len(found):
        before = len(found)
        found |= {name for name, fn in program.fns.items() if calls(fn.body) & found}
    return found


def _allocates(block: Block, layouts: Layouts, fresh: set[str]) -> bool:
    for let in lets_of(block):
        match let.value:
            case Variant(enum) if layouts.is_node(EnumType(enum)):
                return True
            case Update(_, x, path) if layouts.holds_nodes(x.type) and any(isinstance(s, Part) for s in path):
                return True
            case Call(fn) if fn in fresh:
                return True
            case _:
                pass
    return False


class _Flatten:
    def __init__(self, layouts: Layouts, fresh: set[str], compared: list[str]) -> None:
        self.layouts = layouts
        self.fresh_nodes = fresh
        self.compared = compared
        self.count = 0

    def function(self, fn: Fn) -> Fn:
        params = tuple(replace(p, var=v) for p in fn.params for v in self.vars(p.var))
        types = tuple(part for t in fn.result_types for part in self.slots(t))
        return replace(fn, params=params, body=self.block(fn.body), result_types=types)

    # ---- names

    def slots(self, t: Type) -> Slots:
        return self.layouts.slots(t)

    def vars(self, v: Var) -> tuple[Var, ...]:
        if not _of_parts(v.type):
            return (v,)
        return tuple(Var(f"{v.name}~{k}", t) for k, t in enumerate(self.slots(v.type)))

    def parts(self, o: Operand) -> tuple[Operand, ...]:
        if isinstance(o, Var):
            return self.vars(o)
        return (literal(self.layouts.number(str(o.value))),) if o.type == STRING else (o,)

    def all(self, ops: tuple[Operand, ...]) -> tuple[Operand, ...]:
        return tuple(p for o in ops for p in self.parts(o))

    # ---- blocks

    def block(self, block: Block) -> Block:
        lets = tuple(made for let in block.lets for made in self.let(let))
        return Block(lets, self.all(block.results))

    def let(self, let: Let) -> list[Let]:
        names = tuple(part for v in let.names for part in self.vars(v))
        value = let.value

        def each(values: list[Operand | Value]) -> list[Let]:
            return [replace(let, names=(n,), value=v) for n, v in zip(names, values, strict=True)]

        def one(v: Operand | Value) -> list[Let]:
            return [replace(let, names=names, value=v)]

        match value:
            case Var() | Lit():
                return each([*self.parts(value)])
            case Stop(x):
                return each([Stop(p) for p in self.parts(x)])
            case Variant():
                before: list[Let] = []
                values = self.variant(let, value, before)
                return [*before, *each(values)]
            case Match():
                return [*self.match(let, value, names)]
            case Get(x, path):
                before = []
                found = self.get(let, self.parts(x), x.type, path, before)
                return [*before, *each([*found])]
            case Update():
                return self.update(let, value, names)
            case Fill(shape, v):
                return each([Fill(shape, p) for p in self.parts(v)])
            case Make(parts):
                if not _of_parts(let.names[0].type):
                    return one(value)
                return each([Make(tuple(self.parts(p)[k] for p in parts)) for k in range(len(names))])
            case Dim(x, axis):
                return one(Dim(self.parts(x)[0], axis))
            case If(cond, then, orelse):
                return one(If(cond, self.block(then), self.block(orelse)))
            case Loop():
                before, results, body = self.turns(let, value)
                return [*before, *one(replace(value, results=results, body=body))]
            case While():
                before, results, body = self.turns(let, value)
                kept = tuple(r for r in results if not isinstance(r, Reduce))
                return [*before, *one(While(value.index, kept, self.block(value.cond), body))]
            case Call(fn, args):
                return one(Call(fn, self.all(args)))
            case Checkpoint(body):
                return one(Checkpoint(self.block(body)))
            case Prim("==" | "!=") if isinstance(value.args[0].type, EnumType):
                return self.compare(let, value, names[0])
            case Prim("tag", (x,)):
                return each([self.tag(let, x)])
            case Prim(op) if op in MADE_STRINGS:
                return each([literal(0)])
            case Prim(op, args) if op in SHAPES and _of_parts(let.names[0].type):
                columns = zip(*(self.parts(a) if _of_parts(a.type) else [a] * len(names) for a in args), strict=True)
                return each([Prim(op, column) for column in columns])
            case Prim(_, args):
                return one(replace(value, args=self.all(args)))
            case Check(cond, _, args):
                told = not any(isinstance(a, Var) and _of_parts(a.type) for a in args)
                return one(value if told else Check(cond, ""))
            case Io():
                return one(value)
            case _:
                raise AssertionError("no kernel is made of these")

    def turns(self, let: Let, value: Loop | While) -> tuple[list[Let], tuple[Result, ...], Block]:
        """What stands before a loop, its results, and its body."""
        before: list[Let] = []
        made: list[Result] = []
        body = self.block(value.body)
        for r, o in zip(value.results, value.body.results, strict=True):
            if isinstance(r, Carry):
                made += [Carry(p, i) for p, i in zip(self.vars(r.param), self.parts(r.init), strict=True)]
            else:
                made += [r] * len(self.parts(o))
        return before, tuple(made), Block((*self.freed(let, value, before), *body.lets), body.results)

    def freed(self, let: Let, value: Loop | While, before: list[Let]) -> list[Let]:
        """Where no node of a turn lives on: a turn frees what the one before it has put into the arena."""
        if any(self.layouts.holds_nodes(o.type) for o in value.body.results):
            return []
        if not any(_allocates(b, self.layouts, self.fresh_nodes) for _, b in blocks(value)):
            return []
        start = self.bind(let, nodes.mark(), INT, before)
        lets: list[Let] = []
        self.bind(let, nodes.release(start), INT, lets)
        return lets

    def fresh(self, stem: str, t: Type) -> Var:
        self.count += 1
        return Var(f"{stem}~~{self.count}", t)

    def bind(self, let: Let, value: Operand | Value, t: Type, lets: list[Let]) -> Var:
        made = self.fresh("t", t)
        lets.append(replace(let, names=(made,), value=value))
        return made

    # ---- enums

    def variant(self, let: Let, value: Variant, lets: list[Let]) -> list[Operand | Value]:
        if self.layouts.is_node(EnumType(value.enum)):
            return [nodes.make(value.tag, tuple(w for p in self.all(value.args) for w in self.stored(let, p, lets)))]
        types = self.slots(EnumType(value.enum))
        made: list[Operand | Value] = [_default(t) for t in types]
        made[0] = literal(value.tag)
        for field, arg in enumerate(value.args):
            for k, part in zip(self.layouts.place(value.enum, value.tag, field), self.parts(arg), strict=True):
                made[k] = part
        return made

    def stored(self, let: Let, part: Operand, lets: list[Let]) -> list[Operand]:
        """The words of a node that hold a part."""
        if not isinstance(part.type, ArrayType):
            return [part]
        sizes = [self.bind(let, Dim(part, k), INT, lets) for k in range(len(part.type.dims))]
        return [self.bind(let, nodes.keep(part), INT, lets), *sizes]

    def loaded(self, let: Let, node: Operand, at: int, t: Type, lets: list[Let]) -> Operand:
        """A part of a node, from the word on where it begins."""
        if not isinstance(t, ArrayType):
            return self.bind(let, nodes.word(node, at), t, lets)
        start, *sizes = [self.bind(let, nodes.word(node, at + k), INT, lets) for k in range(nodes.width(t))]
        return self.bind(let, nodes.view(start, tuple(sizes)), t, lets)

    def tag(self, let: Let, x: Operand) -> Operand | Value:
        parts = self.parts(x)
        return nodes.tag_of(parts[0]) if self.layouts.is_node(x.type) else parts[0]

    def compare(self, let: Let, value: Prim, name: Var) -> list[Let]:
        """`==` and `!=` on enums."""
        t = value.args[0].type
        assert isinstance(t, EnumType)
        call = self.let(replace(let, value=Call(equality_name(t.name), value.args)))
        if t.name not in self.compared:
            self.compared.append(t.name)
        if value.op == "==":
            return call
        equal = self.fresh("equal", BOOL)
        return [replace(call[0], names=(equal,)), replace(let, names=(name,), value=Prim("not", (equal,)))]

    def match(self, let: Let, value: Match, names: tuple[Var, ...]) -> list[Let]:
        """Branches on the tag, each of which halves the arms that are left."""
        t = value.x.type
        assert isinstance(t, EnumType)
        parts = self.parts(value.x)
        before: list[Let] = []
        tag = self.tag(let, value.x)
        if not isinstance(tag, Var | Lit):
            tag = self.bind(let, tag, INT, before)
        arms = [self.arm(let, t, k, arm, parts) for k, arm in enumerate(value.arms)]

        def among(low: int, high: int) -> Block:
            if high - low == 1:
                return arms[low]
            middle = (low + high) // 2
            lets: list[Let] = []
            asked = self.bind(let, Prim("<", (tag, literal(middle))), BOOL, lets)
            inner = tuple(self.fresh(n.name, n.type) for n in names)
            branch = replace(let, names=inner, value=If(asked, among(low, middle), among(middle, high)))
            return Block((*lets, branch), inner)

        made = among(0, len(arms))
        if len(arms) > 1:
            return [*before, *made.lets[:-1], replace(made.lets[-1], names=names)]
        given = (replace(let, names=(n,), value=r) for n, r in zip(names, made.results, strict=True))
        return [*before, *made.lets, *given]

    def arm(self, let: Let, t: EnumType, tag: int, arm: Arm, parts: tuple[Operand, ...]) -> Block:
        lets: list[Let] = []
        read = free_names(arm.body)
        for field, p in enumerate(arm.params):
            if p.name not in read:
                continue
            found = self.payload(let, t, parts, Part(tag, field), lets)
            lets += [replace(let, names=(v,), value=o) for v, o in zip(self.vars(p), found, strict=True)]
        body = self.block(arm.body)
        return Block((*lets, *body.lets), body.results)

    def payload(
        self, let: Let, t: EnumType, parts: tuple[Operand, ...], step: Part, lets: list[Let]
    ) -> tuple[Operand, ...]:
        """The parts of a field."""
        places = self.layouts.place(t.name, step.tag, step.field)
        if not self.layouts.is_node(t):
            return tuple(parts[k] for k in places)
        types = self.slots(self.field(t, step))
        return tuple(self.loaded(let, parts[0], at, p, lets) for at, p in zip(places, types, strict=True))

    def field(self, t: EnumType, step: Part) -> Type:
        return self.layouts.enums[t.name].variants[step.tag].fields[step.field]

    def get(self, let: Let, parts: tuple[Operand, ...], t: Type, path: Path, lets: list[Let]) -> tuple[Operand, ...]:
        """The parts of what a path leads to; what is to be read on the way is put into `lets`."""
        if not path:
            return parts
        if isinstance(path[0], Part):
            assert isinstance(t, EnumType)
            found = self.payload(let, t, parts, path[0], lets)
            return self.get(let, found, self.field(t, path[0]), path[1:], lets)
        assert isinstance(t, ArrayType)
        n = next((k for k, s in enumerate(path) if isinstance(s, Part)), len(path))
        steps, rest = path[:n], path[n:]
        left = kept(t, steps)
        if isinstance(left, ArrayType):
            return tuple(self.bind(let, Get(p, steps), _retyped(p, left), lets) for p in parts)
        types = self.slots(left)
        wanted = {*range(len(types))}
        if rest and isinstance(left, EnumType) and isinstance(rest[0], Part) and not self.layouts.is_node(left):
            wanted = {*self.layouts.place(left.name, rest[0].tag, rest[0].field)}
        element = tuple(
            self.bind(let, Get(p, steps), s, lets) if k in wanted else _default_of(s)
            for k, (p, s) in enumerate(zip(parts, types, strict=True))
        )
        return self.get(let, element, left, rest, lets)

    def update(self, let: Let, value: Update, names: tuple[Var, ...]) -> list[Let]:
        before: list[Let] = []
        made = self.changed(let, self.parts(value.x), value.x.type, value.path, value.kind, self.parts(value.v), before)
        return [*before, *(replace(let, names=(n,), value=v) for n, v in zip(names, made, strict=True))]

    def changed(
        self,
        let: Let,
        parts: tuple[Operand, ...],
        t: Type,
        path: Path,
        kind: Kind,
        v: tuple[Operand, ...],
        lets: list[Let],
    ) -> list[Operand | Value]:
        """What the parts of a value are after an update."""
        taken, here = tuple(range(len(parts))), t
        steps: Path = ()
        for k, step in enumerate(path):
            if not isinstance(step, Part):
                steps = (*steps, step)
                continue
            here = here.elem if steps and isinstance(here, ArrayType) else here
            assert isinstance(here, EnumType)
            if self.layouts.is_node(here):
                (node,) = self.get(let, parts, t, path[:k], lets)
                new = self.renewed(let, node, here, step, path[k + 1 :], kind, v, lets)
                return self.changed(let, parts, t, path[:k], "set", (new,), lets) if k else [new]
            taken = tuple(taken[j] for j in self.layouts.place(here.name, step.tag, step.field))
            here = self.field(here, step)
        made: list[Operand | Value] = [*parts]
        for k, new_part in zip(taken, v, strict=True):
            if steps or kind == "push" or isinstance(parts[k].type, ArrayType):
                made[k] = Update(kind, parts[k], steps, new_part)
            else:
                made[k] = new_part if kind == "set" else Prim("+", (parts[k], new_part))
        return made

    def renewed(
        self,
        let: Let,
        node: Operand,
        t: EnumType,
        step: Part,
        path: Path,
        kind: Kind,
        v: tuple[Operand, ...],
        lets: list[Let],
    ) -> Operand:
        """A node with a field changed; its other words are the same."""
        old, field = self.payload(let, t, (node,), step, lets), self.field(t, step)
        values = self.changed(let, old, field, path, kind, v, lets)
        words: list[Operand] = []
        for number, f in enumerate(self.layouts.enums[t.name].variants[step.tag].fields):
            for k, (at, part) in enumerate(
                zip(self.layouts.place(t.name, step.tag, number), self.slots(f), strict=True)
            ):
                if number == step.field:
                    new = self.bind(let, values[k], part, lets)
                    words += self.stored(let, new, lets)
                else:
                    kinds = (INT,) * nodes.width(part) if isinstance(part, ArrayType) else (part,)
                    words += [
                        self.bind(let, nodes.word(node, at + j), kind_of, lets) for j, kind_of in enumerate(kinds)
                    ]
        return self.bind(let, nodes.make(step.tag, tuple(words)), INT, lets)


def kept(t: ArrayType, steps: Path) -> Type:
    """The type of what indices and slices leave."""
    dims = [None for s in steps if isinstance(s, Slice)] + [*t.dims[len(steps) :]]
    return ArrayType(t.elem, tuple(dims)) if dims else t.elem


def _retyped(part: Operand, whole: ArrayType) -> Type:
    assert isinstance(part.type, ArrayType)
    return ArrayType(part.type.elem, whole.dims)


def _of_parts(t: Type) -> bool:
    """Whether a value of this type is another, or several, in a kernel."""
    elem = t.elem if isinstance(t, ArrayType) else t
    return isinstance(elem, EnumType) or elem == STRING


def _default(t: Type) -> Operand | Value:
    if isinstance(t, ArrayType):
        return Fill(tuple(literal(0) for _ in t.dims), _default_of(t))
    return _default_of(t)


def _default_of(t: Type) -> Operand:
    """What stands for a scalar, or an element, that nobody reads."""
    elem = t.elem if isinstance(t, ArrayType) else t
    assert isinstance(elem, Scalar)
    return DEFAULTS[elem]
