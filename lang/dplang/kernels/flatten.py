"""Enum values taken apart: a tag and one slot for each payload that a variant may hold at once; core without enums.

Reverse mode keeps which branch was taken, and what it needs, as values of enums that it makes; arrays of them become an
array of tags and one array a slot. Slots are shared between variants, by type. Recursive enums stay what they are, and
with them the functions that hold them.
"""

from __future__ import annotations

from dataclasses import replace

from ..core.build import literal
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    Arm,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Dim,
    EnumDecl,
    EnumType,
    Fill,
    Fn,
    Get,
    If,
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

DEFAULTS = {
    FLOAT: Lit(0.0, FLOAT),
    FLOAT32: Lit(0.0, FLOAT32),
    INT: Lit(0, INT),
    BOOL: Lit(False, BOOL),
    KEY: Lit(0, KEY),
}
"""What stands in a slot that the variant does not use."""

Slots = tuple[Type, ...]


class Layouts:
    """How the values of each enum are taken apart."""

    def __init__(self, enums: dict[str, EnumDecl]) -> None:
        self.enums = enums
        self._slots: dict[str, Slots | None] = {}
        self._places: dict[tuple[str, int, int], tuple[int, ...]] = {}

    def slots(self, t: Type) -> Slots | None:
        """The types of the parts of a value of type `t`; None where it cannot be taken apart."""
        if isinstance(t, Scalar):
            return (t,) if t in DEFAULTS else None
        if isinstance(t, EnumType):
            return self._of_enum(t.name)
        parts = self.slots(t.elem)
        if parts is None:
            return None
        return tuple(made for p in parts for made in _spread(p, t.dims))

    def groups(self, t: ArrayType) -> tuple[tuple[int, ...], ...]:
        """For each part of an element, the numbers of the parts of the array that hold it."""
        parts = self.slots(t.elem)
        assert parts is not None
        made: list[tuple[int, ...]] = []
        for p in parts:
            first = made[-1][-1] + 1 if made else 0
            made.append(tuple(range(first, first + len(_spread(p, t.dims)))))
        return tuple(made)

    def is_boxed(self, t: Type) -> bool:
        """Whether elements of an array hold arrays."""
        if not isinstance(t, ArrayType) or isinstance(t.elem, Scalar):
            return False
        return any(isinstance(p, ArrayType) for p in self.slots(t.elem) or ())

    def place(self, enum: str, tag: int, field: int) -> tuple[int, ...]:
        """The numbers of the parts that hold a field of a variant."""
        return self._places[enum, tag, field]

    def _of_enum(self, name: str) -> Slots | None:
        if name in self._slots:
            return self._slots[name]
        self._slots[name] = None  # what a recursive enum finds of itself
        made: list[Type] = [INT]
        for tag, variant in enumerate(self.enums[name].variants):
            free = list(range(1, len(made)))
            for field, t in enumerate(variant.fields):
                parts = self.slots(t)
                if parts is None:
                    return None
                places = []
                for part in map(_loose, parts):
                    k = next((k for k in free if made[k] == part), len(made))
                    if k == len(made):
                        made.append(part)
                    else:
                        free.remove(k)
                    places.append(k)
                self._places[name, tag, field] = tuple(places)
        self._slots[name] = tuple(made)
        return self._slots[name]


def _spread(part: Type, dims: tuple[int | None, ...]) -> Slots:
    """What an array of such parts is: for arrays, which may differ in size, a pool of all their elements, where each
    begins, and its sizes."""
    if isinstance(part, ArrayType):
        numbers = ArrayType(INT, dims)
        return (ArrayType(part.elem, (None,)), numbers, *(numbers for _ in part.dims))
    assert isinstance(part, Scalar)
    return (ArrayType(part, dims),)


def _loose(t: Type) -> Type:
    """Variants that share a slot need not agree in sizes."""
    return ArrayType(t.elem, (None,) * len(t.dims)) if isinstance(t, ArrayType) else t


def flatten(program: Program, layouts: Layouts, names: set[str]) -> Program:
    """`program` with the functions `names`, which can be, without enums. Calls between them and others do not fit."""
    fns = dict(program.fns)
    for name in names:
        fns[name] = _Flatten(layouts).function(fns[name])
    return replace(program, fns=fns)


class _Flatten:
    def __init__(self, layouts: Layouts) -> None:
        self.layouts = layouts
        self.count = 0

    def function(self, fn: Fn) -> Fn:
        params = tuple(replace(p, var=v) for p in fn.params for v in self.vars(p.var))
        types = tuple(part for t in fn.result_types for part in self.slots(t))
        return replace(fn, params=params, body=self.block(fn.body), result_types=types)

    # ---- names

    def slots(self, t: Type) -> Slots:
        found = self.layouts.slots(t)
        assert found is not None
        return found

    def vars(self, v: Var) -> tuple[Var, ...]:
        if not _of_enums(v.type):
            return (v,)
        return tuple(Var(f"{v.name}~{k}", t) for k, t in enumerate(self.slots(v.type)))

    def parts(self, o: Operand) -> tuple[Operand, ...]:
        return self.vars(o) if isinstance(o, Var) else (o,)

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
                return each(self.variant(value))
            case Match():
                return [*self.match(let, value, names)]
            case Get(x, path):
                made: list[Let] = []
                found = self.get(let, self.parts(x), x.type, path, made)
                return [*made, *each([*found])]
            case Update():
                return self.update(let, value, names)
            case Fill(shape, v):
                return each([Fill(shape, p) for p in self.parts(v)])
            case Make(parts):
                if not _of_enums(let.names[0].type):
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
            case Prim() | Check():
                return one(value)
            case _:
                raise AssertionError("no kernel is made of these")

    def turns(self, let: Let, value: Loop | While) -> tuple[list[Let], tuple[Result, ...], Block]:
        """What stands before a loop, its results, and its body. Arrays in built elements go to pools."""
        before: list[Let] = []
        made: list[Result] = []
        body = self.block(value.body)
        lets = [*body.lets]
        given: list[Operand] = []
        for r, o in zip(value.results, value.body.results, strict=True):
            if isinstance(r, Carry):
                made += [Carry(p, i) for p, i in zip(self.vars(r.param), self.parts(r.init), strict=True)]
                given += self.parts(o)
                continue
            for part in self.parts(o):
                if not isinstance(r, Build) or not _of_enums(o.type) or not isinstance(part.type, ArrayType):
                    made.append(r)
                    given.append(part)
                    continue
                pool = self.fresh("pool", ArrayType(part.type.elem, (None,)))
                start = self.fresh("pool", pool.type)
                assert isinstance(part.type.elem, Scalar)
                before.append(replace(let, names=(start,), value=Fill((literal(0),), DEFAULTS[part.type.elem])))
                made += [Carry(pool, start), *(Build() for _ in range(1 + len(part.type.dims)))]
                given += self.append(let, pool, part, lets)
        return before, tuple(made), Block(tuple(lets), tuple(given))

    def append(self, let: Let, pool: Var, part: Operand, lets: list[Let]) -> list[Operand]:
        """Puts the elements of an array into a pool; the pool, where they begin, and the sizes of the array."""
        t, whole = part.type, pool.type
        assert isinstance(t, ArrayType) and isinstance(t.elem, Scalar)
        start = self.bind(let, Dim(pool, 0), INT, lets)
        sizes = [self.bind(let, Dim(part, axis), INT, lets) for axis in range(len(t.dims))]
        flat = part if len(t.dims) == 1 else self.bind(let, Prim("flatten", (part,)), whole, lets)
        n = self.bind(let, Dim(flat, 0), INT, lets)
        index, state = self.fresh("index", INT), self.fresh("pool", whole)
        inner: list[Let] = []
        v = self.bind(let, Get(flat, (At(index, True),)), t.elem, inner)
        longer = self.bind(let, Update("push", state, (), v), whole, inner)
        turn = Loop(index, literal(0), n, (Carry(state, pool),), Block(tuple(inner), (longer,)))
        return [self.bind(let, turn, whole, lets), start, *sizes]

    def fresh(self, stem: str, t: Type) -> Var:
        self.count += 1
        return Var(f"{stem}~~{self.count}", t)

    def bind(self, let: Let, value: Value, t: Type, lets: list[Let]) -> Var:
        made = self.fresh("t", t)
        lets.append(replace(let, names=(made,), value=value))
        return made

    # ---- enums

    def variant(self, value: Variant) -> list[Operand | Value]:
        types = self.slots(EnumType(value.enum))
        made: list[Operand | Value] = [_default(t) for t in types]
        made[0] = literal(value.tag)
        for field, arg in enumerate(value.args):
            for k, part in zip(self.layouts.place(value.enum, value.tag, field), self.parts(arg), strict=True):
                made[k] = part
        return made

    def match(self, let: Let, value: Match, names: tuple[Var, ...]) -> list[Let]:
        """A chain of branches on the tag; the last arm needs no question."""
        t = value.x.type
        assert isinstance(t, EnumType)
        parts = self.parts(value.x)
        made = self.arm(let, t.name, len(value.arms) - 1, value.arms[-1], parts)
        stem = names[0].name if names else parts[0].name if isinstance(parts[0], Var) else "tag"
        for tag in range(len(value.arms) - 2, -1, -1):
            asked = Var(f"{stem}~is{tag}", BOOL)
            question = replace(let, names=(asked,), value=Prim("==", (parts[0], literal(tag))))
            inner = tuple(Var(f"{n.name}~if{tag}", n.type) for n in names)
            then = self.arm(let, t.name, tag, value.arms[tag], parts)
            branch = replace(let, names=inner if tag else names, value=If(asked, then, made))
            made = Block((question, branch), inner)
        if len(value.arms) == 1:
            return [*made.lets, *(replace(let, names=(n,), value=r) for n, r in zip(names, made.results, strict=True))]
        return [*made.lets]

    def arm(self, let: Let, enum: str, tag: int, arm: Arm, parts: tuple[Operand, ...]) -> Block:
        lets: list[Let] = []
        for field, p in enumerate(arm.params):
            places = self.layouts.place(enum, tag, field)
            lets += [replace(let, names=(v,), value=parts[k]) for v, k in zip(self.vars(p), places, strict=True)]
        body = self.block(arm.body)
        return Block((*lets, *body.lets), body.results)

    def get(self, let: Let, parts: tuple[Operand, ...], t: Type, path: Path, lets: list[Let]) -> tuple[Operand, ...]:
        """The parts of what a path leads to; what is to be read on the way is put into `lets`."""
        if not path:
            return parts
        if isinstance(path[0], Part):
            assert isinstance(t, EnumType)
            taken, field = self.field(t, path[0])
            return self.get(let, tuple(parts[k] for k in taken), field, path[1:], lets)
        assert isinstance(t, ArrayType)
        n = next((k for k, s in enumerate(path) if isinstance(s, Part)), len(path))
        steps, rest = path[:n], path[n:]
        left = kept(t, steps)
        if isinstance(left, ArrayType):
            loose = {g[0] for g in self.layouts.groups(t) if len(g) > 1}
            return tuple(
                p if k in loose else self.bind(let, Get(p, steps), _retyped(p, left), lets) for k, p in enumerate(parts)
            )
        groups = self.layouts.groups(t)
        if not rest:
            return tuple(
                self.element(let, [parts[k] for k in g], s, steps, lets)
                for g, s in zip(groups, self.slots(left), strict=True)
            )
        assert isinstance(left, EnumType) and isinstance(rest[0], Part)
        taken, field = self.field(left, rest[0])
        types = self.slots(left)
        found = tuple(self.element(let, [parts[j] for j in groups[k]], types[k], steps, lets) for k in taken)
        return self.get(let, found, field, rest[1:], lets)

    def field(self, t: EnumType, part: Part) -> tuple[tuple[int, ...], Type]:
        """The numbers of the parts of a field, and its type."""
        return (
            self.layouts.place(t.name, part.tag, part.field),
            self.layouts.enums[t.name].variants[part.tag].fields[part.field],
        )

    def element(self, let: Let, group: list[Operand], t: Type, steps: Path, lets: list[Let]) -> Operand:
        """One part of an element of an array."""
        if not isinstance(t, ArrayType):
            return self.bind(let, Get(group[0], steps), t, lets)
        pool, *numbers = group
        start, *sizes = [self.bind(let, Get(o, steps), INT, lets) for o in numbers]
        n = sizes[0]
        for size in sizes[1:]:
            n = self.bind(let, Prim("*", (n, size)), INT, lets)
        end = self.bind(let, Prim("+", (start, n)), INT, lets)
        flat = self.bind(let, Get(pool, (Slice(start, end, True),)), pool.type, lets)
        return flat if len(sizes) == 1 else self.bind(let, Prim("reshape", (flat, *sizes)), t, lets)

    def update(self, let: Let, value: Update, names: tuple[Var, ...]) -> list[Let]:
        if self.layouts.is_boxed(value.x.type):
            return self.push(let, value, names)
        parts = self.parts(value.x)
        taken, t = tuple(range(len(parts))), value.x.type
        steps: Path = ()
        for step in value.path:
            if isinstance(step, Part):
                enum = t.elem if isinstance(t, ArrayType) else t
                assert isinstance(enum, EnumType)
                places, t = self.field(enum, step)
                taken = tuple(taken[k] for k in places)
            else:
                steps = (*steps, step)
        made: list[Operand | Value] = [*parts]
        for k, v in zip(taken, self.parts(value.v), strict=True):
            if steps or value.kind == "push" or isinstance(parts[k].type, ArrayType):
                made[k] = Update(value.kind, parts[k], steps, v)
            else:
                made[k] = v if value.kind == "set" else Prim("+", (parts[k], v))
        return [replace(let, names=(n,), value=v) for n, v in zip(names, made, strict=True)]

    def push(self, let: Let, value: Update, names: tuple[Var, ...]) -> list[Let]:
        """An element that holds arrays, behind the others."""
        assert isinstance(value.x.type, ArrayType)
        parts, lets = self.parts(value.x), list[Let]()
        made: list[Operand | Value] = []
        for group, v in zip(self.layouts.groups(value.x.type), self.parts(value.v), strict=True):
            if len(group) == 1:
                made.append(Update("push", parts[group[0]], (), v))
                continue
            pool, *numbers = (parts[k] for k in group)
            assert isinstance(pool, Var)
            longer, *given = self.append(let, pool, v, lets)
            made += [longer, *(Update("push", o, (), g) for o, g in zip(numbers, given, strict=True))]
        return [*lets, *(replace(let, names=(n,), value=v) for n, v in zip(names, made, strict=True))]


def kept(t: ArrayType, steps: Path) -> Type:
    """The type of what indices and slices leave."""
    dims = [None for s in steps if isinstance(s, Slice)] + [*t.dims[len(steps) :]]
    return ArrayType(t.elem, tuple(dims)) if dims else t.elem


def _retyped(part: Operand, whole: ArrayType) -> Type:
    assert isinstance(part.type, ArrayType)
    return ArrayType(part.type.elem, whole.dims)


def _of_enums(t: Type) -> bool:
    return isinstance(t.elem if isinstance(t, ArrayType) else t, EnumType)


def _default(t: Type) -> Operand | Value:
    if isinstance(t, ArrayType):
        assert isinstance(t.elem, Scalar)
        return Fill(tuple(literal(0) for _ in t.dims), DEFAULTS[t.elem])
    assert isinstance(t, Scalar)
    return DEFAULTS[t]
