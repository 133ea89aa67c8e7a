"""Core programs written as Python functions, for tests of passes that start from core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dplang.core.build import Builder, Names
from dplang.core.ir import (
    BOOL,
    FLOAT,
    INT,
    Arm,
    ArrayType,
    At,
    Build,
    Call,
    Carry,
    Checkpoint,
    Derive,
    Dim,
    EnumDecl,
    EnumType,
    Fill,
    Fn,
    Get,
    If,
    Lit,
    Loop,
    Make,
    Match,
    Param,
    Part,
    Prim,
    Program,
    Reduce,
    Rule,
    Scalar,
    Slice,
    Stop,
    Type,
    Update,
    Var,
    Variant,
    VariantDecl,
    While,
)
from dplang.errors.source import NOWHERE

VECTOR = ArrayType(FLOAT, (None,))
MATRIX = ArrayType(FLOAT, (None, None))


class E:
    """An operand that knows where it is written."""

    def __init__(self, w: W, o: Any) -> None:
        self.w, self.o = w, o

    @property
    def type(self) -> Type:
        return self.o.type

    def _op(self, op: str, other: Any, flip: bool = False, type: Type | None = None) -> E:
        a, b = self, self.w.e(other, self.type)
        if flip:
            a, b = b, a
        return self.w.prim(op, type or self.type, a, b)

    def __add__(self, x: Any) -> E:
        return self._op("+", x)

    def __radd__(self, x: Any) -> E:
        return self._op("+", x, True)

    def __sub__(self, x: Any) -> E:
        return self._op("-", x)

    def __rsub__(self, x: Any) -> E:
        return self._op("-", x, True)

    def __mul__(self, x: Any) -> E:
        return self._op("*", x)

    def __rmul__(self, x: Any) -> E:
        return self._op("*", x, True)

    def __truediv__(self, x: Any) -> E:
        return self._op("/", x)

    def __floordiv__(self, x: Any) -> E:
        return self._op("//", x)

    def __mod__(self, x: Any) -> E:
        return self._op("%", x)

    def __lt__(self, x: Any) -> E:
        return self._op("<", x, type=BOOL)

    def __gt__(self, x: Any) -> E:
        return self._op(">", x, type=BOOL)

    def __le__(self, x: Any) -> E:
        return self._op("<=", x, type=BOOL)

    def eq(self, x: Any) -> E:
        return self._op("==", x, type=BOOL)

    def __getitem__(self, items: Any) -> E:
        return self.w.get(self, items)

    def set(self, items: Any, v: Any) -> E:
        return self.w.update("set", self, items, v)

    def add(self, items: Any, v: Any) -> E:
        return self.w.update("add", self, items, v)


class W:
    """Writes one function; the current block is on top of a stack."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.names = Names()
        self.stack = [Builder(self.names)]

    @property
    def b(self) -> Builder:
        return self.stack[-1]

    def e(self, x: Any, like: Type = FLOAT) -> E:
        if isinstance(x, E):
            return x
        if isinstance(x, bool):
            return E(self, Lit(x, BOOL))
        if isinstance(x, str):
            return E(self, Lit(x, Scalar("String")))
        assert isinstance(like, Scalar)
        return E(self, Lit(x, INT) if like == INT else Lit(float(x), like))

    def prim(self, op: str, type: Type, *args: E) -> E:
        return E(self, self.b.prim(op, type, *(a.o for a in args)))

    def f(self, op: str, *args: Any) -> E:
        made = [self.e(a) for a in args]
        return self.prim(op, made[0].type, *made)

    def block(self, write: Callable[[], Any]) -> tuple[Any, list[E]]:
        self.stack.append(self.b.nested())
        made = write()
        results = [self.e(r) for r in (made if isinstance(made, tuple) else (made,))]
        return self.stack.pop().block(*(r.o for r in results)), results

    def bind(self, value: Any, *types: Type) -> Any:
        made = [E(self, v) for v in self.b.let(value, *types)]
        return made[0] if len(made) == 1 else tuple(made)

    def path(self, items: Any) -> tuple[tuple[Any, ...], int, int]:
        steps: list[Any] = []
        kept = 0
        for item in items if isinstance(items, tuple) else (items,):
            if isinstance(item, slice):
                steps.append(Slice(self.e(item.start, INT).o, self.e(item.stop, INT).o))
                kept += 1
            else:
                steps.append(At(self.e(item, INT).o))
        return tuple(steps), kept, len(steps)

    def get(self, x: E, items: Any) -> E:
        path, kept, used = self.path(items)
        assert isinstance(x.type, ArrayType)
        dims = (None,) * kept + x.type.dims[used:]
        return self.bind(Get(x.o, path), ArrayType(x.type.elem, dims) if dims else x.type.elem)

    def update(self, kind: Any, x: E, items: Any, v: Any) -> E:
        path = () if kind == "push" else self.path(items)[0]
        assert isinstance(x.type, ArrayType)
        elem = x.type.elem
        return self.bind(Update(kind, x.o, path, self.e(v, elem).o), x.type)

    def push(self, x: E, v: Any) -> E:
        return self.update("push", x, (), v)

    def dim(self, x: E, axis: int = 0) -> E:
        return self.bind(Dim(x.o, axis), INT)

    def fill(self, v: Any, *shape: Any) -> E:
        made = self.e(v)
        assert isinstance(made.type, Scalar | EnumType)
        sizes = tuple(self.e(s, INT).o for s in shape)
        return self.bind(Fill(sizes, made.o), ArrayType(made.type, (None,) * len(shape)))

    def make(self, *parts: Any) -> E:
        made = [self.e(p) for p in parts]
        t = made[0].type
        dims = (len(parts), *(t.dims if isinstance(t, ArrayType) else ()))
        elem = t.elem if isinstance(t, ArrayType) else t
        return self.bind(Make(tuple(m.o for m in made)), ArrayType(elem, dims))

    def stop(self, x: E) -> E:
        return self.bind(Stop(x.o), x.type)

    def iff(self, cond: E, then: Callable[[], Any], orelse: Callable[[], Any]) -> Any:
        a, results = self.block(then)
        b, _ = self.block(orelse)
        return self.bind(If(cond.o, a, b), *(r.type for r in results))

    def checkpoint(self, body: Callable[[], Any]) -> Any:
        block, results = self.block(body)
        return self.bind(Checkpoint(block), *(r.type for r in results))

    def variant(self, enum: str, tag: int, *args: Any) -> E:
        return self.bind(Variant(enum, tag, tuple(self.e(a).o for a in args)), EnumType(enum))

    def match(self, x: E, *arms: Callable[..., Any]) -> Any:
        assert isinstance(x.type, EnumType)
        made = []
        for variant, arm in zip(self.module.enums[x.type.name].variants, arms, strict=True):
            params = tuple(self.names.fresh("p", t) for t in variant.fields)
            block, results = self.block(lambda arm=arm, params=params: arm(*(E(self, p) for p in params)))
            made.append(Arm(params, block))
        return self.bind(Match(x.o, tuple(made)), *(r.type for r in results))

    def part(self, x: E, tag: int, field: int) -> E:
        assert isinstance(x.type, EnumType)
        t = self.module.enums[x.type.name].variants[tag].fields[field]
        return self.bind(Get(x.o, (Part(tag, field),)), t)

    def loop(self, low: Any, high: Any, kinds: Sequence[Any], body: Callable[..., Any]) -> Any:
        """`kinds`: "build", a reduction's name, or the start of a carried value; `body(i, *carried)`."""
        index = self.names.fresh("i", INT)
        results: list[Any] = []
        params = []
        for kind in kinds:
            if isinstance(kind, str):
                results.append(Build() if kind == "build" else Reduce(kind))  # type: ignore[arg-type]
            else:
                start = self.e(kind)
                params.append(self.names.fresh("c", start.type))
                results.append(Carry(params[-1], start.o))
        block, made = self.block(lambda: body(E(self, index), *(E(self, p) for p in params)))
        types = []
        for r, m in zip(results, made, strict=True):
            if isinstance(r, Build):
                elem = m.type.elem if isinstance(m.type, ArrayType) else m.type
                types.append(ArrayType(elem, (None, *(m.type.dims if isinstance(m.type, ArrayType) else ()))))
            else:
                types.append(INT if isinstance(r, Reduce) and r.op.startswith("arg") else m.type)
        return self.bind(Loop(index, self.e(low, INT).o, self.e(high, INT).o, tuple(results), block), *types)

    def sum(self, high: Any, body: Callable[[E], Any], op: str = "+") -> E:
        return self.loop(0, high, [op], body)

    def map(self, high: Any, body: Callable[[E], Any]) -> E:
        return self.loop(0, high, ["build"], body)

    def while_(self, starts: Sequence[Any], cond: Callable[..., Any], body: Callable[..., Any]) -> Any:
        index = self.names.fresh("i", INT)
        made = [self.e(s, INT if isinstance(s, int) else FLOAT) for s in starts]
        params = [self.names.fresh("w", m.type) for m in made]
        given = [E(self, index), *(E(self, p) for p in params)]
        c, _ = self.block(lambda: cond(*given))
        t, _ = self.block(lambda: body(*given))
        results = tuple(Carry(p, m.o) for p, m in zip(params, made, strict=True))
        return self.bind(While(index, results, c, t), *(m.type for m in made), INT)

    def call(self, fn: str, *args: Any) -> Any:
        return self.bind(
            Call(fn, tuple(self.e(a, INT if isinstance(a, int) else FLOAT).o for a in args)), *self.module.types[fn]
        )

    def derive(
        self, kind: Any, fn: str, args: Sequence[Any], wrt: Sequence[int], seeds: Sequence[Any], *types: Type
    ) -> Any:
        given = tuple(self.e(a).o for a in args)
        return self.bind(Derive(kind, fn, given, tuple(wrt), tuple(self.e(s).o for s in seeds)), *types)


class Module:
    """Collects functions. Result types of a function that calls itself are declared first."""

    def __init__(self) -> None:
        self.fns: dict[str, Fn] = {}
        self.enums: dict[str, EnumDecl] = {}
        self.types: dict[str, tuple[Type, ...]] = {}

    def enum(self, name: str, *variants: tuple[Type, ...]) -> EnumType:
        self.enums[name] = EnumDecl(name, tuple(VariantDecl(f"V{k}", fields) for k, fields in enumerate(variants)))
        return EnumType(name)

    def fn(self, name: str, params: Sequence[Type], write: Callable[..., Any], rule: Rule | None = None) -> str:
        w = W(self)
        given = [w.names.fresh(f"x{k}", t) for k, t in enumerate(params)]
        made = write(w, *(E(w, p) for p in given))
        results = [w.e(r) for r in (made if isinstance(made, tuple) else (made,))]
        types = tuple(r.type for r in results)
        self.types[name] = types
        self.fns[name] = Fn(
            name,
            name,
            tuple(Param(p, p.name) for p in given),
            w.b.block(*(r.o for r in results)),
            types,
            tuple("" for _ in types),
            NOWHERE,
            rule,
        )
        return name

    def program(self) -> Program:
        return Program(dict(self.fns), dict(self.enums), next(iter(self.fns)))


__all__ = ["BOOL", "FLOAT", "INT", "MATRIX", "VECTOR", "E", "Module", "Prim", "Var", "W"]
