"""What valid core is, as a check that runs after every pass in tests.

A violation is a fault of the compiler, never of a user's program.
"""

from __future__ import annotations

from typing import assert_never

from .ir import (
    BOOL,
    INT,
    ArrayType,
    At,
    Block,
    Build,
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
from .rewrite import operands


class Invalid(Exception):
    """The core breaks one of its rules; says where and which."""


def same(a: Type, b: Type) -> bool:
    """Whether values of type `a` may stand for `b`: equal but for what is known of sizes."""
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        return (
            a.elem == b.elem
            and len(a.dims) == len(b.dims)
            and all(x is None or y is None or x == y for x, y in zip(a.dims, b.dims, strict=True))
        )
    return a == b


def verify(program: Program) -> None:
    """Raises `Invalid` where a function of `program` is not well formed."""
    for name, fn in program.fns.items():
        if fn.name != name:
            raise Invalid(f"{name}: is called {fn.name}")
        _Function(program, fn).check()


class _Function:
    def __init__(self, program: Program, fn: Fn) -> None:
        self.program = program
        self.fn = fn
        self.bound: set[str] = set()

    def check(self) -> None:
        scope: dict[str, Type] = {}
        for p in self.fn.params:
            self.bind(p.var, scope)
        results = self.block(self.fn.body, scope)
        self.types("results", results, self.fn.result_types)

    def fail(self, what: str) -> Invalid:
        return Invalid(f"{self.fn.name}: {what}")

    def bind(self, v: Var, scope: dict[str, Type]) -> None:
        if v.name in self.bound:
            raise self.fail(f"{v.name} is bound twice")
        self.bound.add(v.name)
        scope[v.name] = v.type

    def type_of(self, o: Operand, scope: dict[str, Type]) -> Type:
        if isinstance(o, Lit):
            return o.type
        if o.name not in scope:
            raise self.fail(f"{o.name} is not in scope")
        if not same(o.type, scope[o.name]):
            raise self.fail(f"{o.name} is used as {o.type}, bound as {scope[o.name]}")
        return o.type

    def types(self, what: str, found: tuple[Type, ...], wanted: tuple[Type, ...]) -> None:
        if len(found) != len(wanted):
            raise self.fail(f"{what}: {len(found)} where {len(wanted)} are wanted")
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            if not same(a, b):
                raise self.fail(f"{what} number {i}: {a} where {b} is wanted")

    def block(self, block: Block, outer: dict[str, Type]) -> tuple[Type, ...]:
        scope = dict(outer)
        for let in block.lets:
            found = self.value(let, scope)
            if found is not None:
                what = f"{type(let.value).__name__} for {[v.name for v in let.names]}"
                self.types(what, found, tuple(v.type for v in let.names))
            for v in let.names:
                self.bind(v, scope)
        return tuple(self.type_of(r, scope) for r in block.results)

    def value(self, let: Let, scope: dict[str, Type]) -> tuple[Type, ...] | None:
        """The types of the results, or None where the names' own types are taken as they stand."""
        value: Operand | Value = let.value
        types = [self.type_of(o, scope) for o in operands(value)]
        match value:
            case Var() | Lit():
                return (types[0],)
            case Prim():
                if len(let.names) != 1:
                    raise self.fail(f"{value.op} binds {len(let.names)} names")
                return None
            case Io():
                return None
            case Make(parts):
                if not parts:
                    return None
                for t in types[1:]:
                    if not same(t, types[0]):
                        raise self.fail(f"an array of {types[0]} and {t}")
                return (stacked(types[0], len(parts)),)
            case Get(x, path):
                return (self.part(self.type_of(x, scope), path, scope),)
            case Update(kind, x, path, v):
                whole, new = self.type_of(x, scope), self.type_of(v, scope)
                if kind == "push":
                    if not isinstance(whole, ArrayType):
                        raise self.fail("push onto no array")
                    part = row(whole)
                else:
                    part = self.part(whole, path, scope)
                self.types(f"Update({kind})", (new,), (part,))
                return None if kind == "push" else (whole,)
            case Fill(shape, v):
                elem = self.type_of(v, scope)
                self.types("shape", tuple(types[:-1]), (INT,) * len(shape))
                if isinstance(elem, ArrayType):
                    raise self.fail("Fill with an array")
                dims = tuple(_number(s) for s in shape)
                return (ArrayType(elem, dims),) if dims else (elem,)
            case Dim(x, axis):
                t = self.type_of(x, scope)
                if not isinstance(t, ArrayType) or axis >= len(t.dims):
                    raise self.fail(f"dimension {axis} of {t}")
                return (INT,)
            case Variant(enum, tag, _):
                self.types("payload", tuple(types), self.program.enums[enum].variants[tag].fields)
                return (EnumType(enum),)
            case Match():
                return self.match(value, types[0], let, scope)
            case If(_, then, orelse):
                self.types("condition", (types[0],), (BOOL,))
                wanted = tuple(v.type for v in let.names)
                for side in (then, orelse):
                    self.types("result of If", self.block(side, scope), wanted)
                return wanted
            case Loop() | While():
                return self.loop(value, let, scope)
            case Call(name, _):
                fn = self.callee(name)
                self.types(f"argument of {name}", tuple(types), tuple(p.var.type for p in fn.params))
                return fn.result_types
            case Derive(kind, name, args, wrt, _):
                fn = self.callee(name)
                given = tuple(types[: len(args)])
                self.types(f"argument of {name}", given, tuple(p.var.type for p in fn.params))
                if any(i >= len(args) for i in wrt):
                    raise self.fail(f"{kind} with respect to a parameter that {name} has not")
                return None
            case Stop():
                return (types[0],)
            case Checkpoint(body):
                return self.block(body, scope)
            case Check():
                self.types("condition", (types[0],), (BOOL,))
                return ()
            case _:
                assert_never(value)

    def callee(self, name: str) -> Fn:
        if name not in self.program.fns:
            raise self.fail(f"calls {name}, which is not there")
        return self.program.fns[name]

    def part(self, t: Type, path: Path, scope: dict[str, Type]) -> Type:
        kept: list[int | None] = []
        for step in path:
            match step:
                case Part(tag, field):
                    if not isinstance(t, EnumType) or kept:
                        raise self.fail(f"a payload of {t}")
                    t = self.program.enums[t.name].variants[tag].fields[field]
                case At() | Slice():
                    if not isinstance(t, ArrayType):
                        raise self.fail(f"an index into {t}")
                    if isinstance(step, Slice):
                        kept.append(_extent(step))
                    t = row(t)
                case _:
                    assert_never(step)
        for dim in reversed(kept):
            t = stacked(t, dim)
        return t

    def match(self, value: Match, t: Type, let: Let, scope: dict[str, Type]) -> tuple[Type, ...]:
        if not isinstance(t, EnumType):
            raise self.fail(f"Match on {t}")
        variants = self.program.enums[t.name].variants
        if len(variants) != len(value.arms):
            raise self.fail(f"Match on {t.name} with {len(value.arms)} arms")
        wanted = tuple(v.type for v in let.names)
        for variant, arm in zip(variants, value.arms, strict=True):
            self.types("payload", tuple(p.type for p in arm.params), variant.fields)
            inner = dict(scope)
            for p in arm.params:
                self.bind(p, inner)
            self.types("result of Match", self.block(arm.body, inner), wanted)
        return wanted

    def loop(self, value: Loop | While, let: Let, scope: dict[str, Type]) -> tuple[Type, ...]:
        inner = dict(scope)
        self.bind(value.index, inner)
        for r in value.results:
            if isinstance(r, Carry):
                init = self.type_of(r.init, scope)
                self.types("start of a carried value", (init,), (r.param.type,))
                self.bind(r.param, inner)
        if isinstance(value, While):
            self.types("condition", self.block(value.cond, inner), (BOOL,))
        turn = self.block(value.body, inner)
        if len(turn) != len(value.results):
            raise self.fail(f"a loop with {len(value.results)} results whose body gives {len(turn)}")
        found = [self.result(r, t) for r, t in zip(value.results, turn, strict=True)]
        if isinstance(value, While):
            found.append(INT)
        return tuple(found)

    def result(self, r: Result, t: Type) -> Type:
        match r:
            case Carry(param):
                self.types("next carried value", (t,), (param.type,))
                return param.type
            case Reduce(op):
                if op in ("any", "all"):
                    self.types("reduced value", (t,), (BOOL,))
                return INT if op in ("argmin", "argmax") else t
            case Build():
                return stacked(t, None)
            case _:
                assert_never(r)


def row(t: ArrayType) -> Type:
    """The type of one position of the first dimension."""
    return ArrayType(t.elem, t.dims[1:]) if len(t.dims) > 1 else t.elem


def stacked(t: Type, n: int | None) -> ArrayType:
    """The type of `n` values of type `t` in a row."""
    if isinstance(t, ArrayType):
        return ArrayType(t.elem, (n, *t.dims))
    assert isinstance(t, Scalar | EnumType)
    return ArrayType(t, (n,))


def _number(o: Operand) -> int | None:
    return int(o.value) if isinstance(o, Lit) else None


def _extent(step: Slice) -> int | None:
    low, high = _number(step.low), _number(step.high)
    return None if low is None or high is None else high - low
