"""Random core programs, and a plain evaluator of the core that shares nothing with the interpreter.

The programs cross loops, branches, calls, array reads and writes at every kind of index, growing arrays and enums.
Their operations are arithmetic, which NumPy and Python round alike, so that results can be compared bit by bit.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dplang.core.build import Builder, Names, literal
from dplang.core.ir import (
    BOOL,
    FLOAT,
    INT,
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
    Param,
    Part,
    Prim,
    Program,
    Reduce,
    Slice,
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    VariantDecl,
    While,
)
from dplang.errors import Source, Span

ROW, INTS, MATRIX = ArrayType(FLOAT, (None,)), ArrayType(INT, (None,)), ArrayType(FLOAT, (None, None))
TREE = EnumType("Tree")
TREES = EnumDecl(
    "Tree", (VariantDecl("Leaf", (FLOAT,)), VariantDecl("Node", (TREE, TREE, INT)), VariantDecl("Bag", (ROW,)))
)
TEXT = Source("<generated>", " " * 100_000)

Write = Callable[..., tuple[Operand, ...]]


class Writer(Builder):
    """A builder whose Lets all have a span of their own, so that faults can be told apart."""

    count = 0

    def nested(self) -> Writer:
        return Writer(self.names, self.span, self.role)

    def let(self, value: Operand | Value, *types: Type, hint: str = "t") -> tuple[Var, ...]:
        self.mark()
        return super().let(value, *types, hint=hint)

    def effect(self, value: Value) -> None:
        self.mark()
        super().effect(value)

    def mark(self) -> None:
        Writer.count += 1
        self.span = Span(TEXT, Writer.count % 90_000, Writer.count % 90_000 + 1)

    def loop(
        self, low: Operand, high: Operand, results: Sequence[Operand | str], body: Write, *types: Type, hint: str = "r"
    ) -> tuple[Var, ...]:
        """A Loop; of its results an operand is carried, `build` and operators of reductions are themselves."""
        inner, index = self.nested(), self.names.fresh("i", INT)
        kinds: list[Any] = []
        params: list[Var] = []
        for r in results:
            if isinstance(r, str):
                kinds.append(Build() if r == "build" else Reduce(r))  # type: ignore[arg-type]
            else:
                params.append(self.names.fresh("p", r.type))
                kinds.append(Carry(params[-1], r))
        made = body(inner, index, *params)
        return self.let(Loop(index, low, high, tuple(kinds), inner.block(*made)), *types, hint=hint)

    def get(self, x: Operand, *indices: Operand) -> Var:
        t = x.type
        assert isinstance(t, ArrayType)
        rest = t.dims[len(indices) :]
        return self.one(Get(x, tuple(map(At, indices))), ArrayType(t.elem, rest) if rest else t.elem)

    def update(self, kind: Any, x: Operand, indices: Sequence[Operand], v: Operand) -> Var:
        return self.one(Update(kind, x, tuple(map(At, indices)), v), x.type)


def function(name: str, params: Sequence[tuple[str, Type]], write: Write) -> Fn:
    names = Names()
    b = Writer(names)
    given = [names.fresh(n, t) for n, t in params]
    results = write(b, *given)
    b.mark()
    body = b.block(*results)
    types = tuple(r.type for r in results)
    return Fn(name, name, tuple(Param(v, v.name) for v in given), body, types, ("",) * len(types), b.span)


def program(*fns: Fn) -> Program:
    return Program({fn.name: fn for fn in fns}, {"Tree": TREES}, fns[-1].name)


# ---- random programs

PARAMS: tuple[tuple[str, Type], ...] = (("x", FLOAT), ("k", INT), ("a", ROW), ("b", ROW), ("j", INTS), ("m", MATRIX))


def arguments(seed: int) -> list[Any]:
    r = np.random.default_rng(seed)
    n = int(r.choice([0, 1, 3, 3, 5, 17, 17, 40, 40, 40]))
    a, b = r.integers(-3, 4, n).astype(float), r.normal(size=n)
    if n and seed % 5 == 0:
        a[r.integers(n)] = np.nan
    if n and seed % 7 == 0:
        b[r.integers(n)] = -0.0
    return [float(r.normal()), int(r.integers(0, 5)), a, b, r.integers(0, max(n, 1), n), r.normal(size=(n, 3))]


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fns: list[Fn] = []

    def program(self) -> Program:
        for i in range(self.random.randint(0, 2)):
            self.fns.append(self.function(f"f{i}", 4))
        self.fns.append(self.function("main", self.random.randint(4, 9)))
        return program(*self.fns)

    def function(self, name: str, size: int) -> Fn:
        def write(b: Writer, *params: Var) -> tuple[Operand, ...]:
            scope = list(params)
            self.lets(b, scope, size, 3)
            return tuple(self.pick(scope, t) for t in (FLOAT, ROW, MATRIX, TREE if self.has(scope, TREE) else INT))

        if name == "main":
            return function(name, PARAMS, write)
        return function(name, PARAMS, lambda b, *p: write(b, *p)[:2])

    # ---- choices

    def has(self, scope: Sequence[Var], t: Type) -> bool:
        return any(v.type == t for v in scope)

    def pick(self, scope: Sequence[Var], t: Type) -> Operand:
        found = [v for v in scope if v.type == t]
        if t == FLOAT and (not found or self.random.random() < 0.15):
            return literal(self.random.choice([0.0, 1.0, -0.5, 2.0]))
        if t == INT and (not found or self.random.random() < 0.3):
            return literal(self.random.choice([0, 1, 2, 3, -1]))
        if t == BOOL and not found:
            return literal(self.random.random() < 0.5)
        # late names more often, so that arrays die and are updated
        return found[-1] if self.random.random() < 0.5 else self.random.choice(found)

    def lets(self, b: Writer, scope: list[Var], size: int, depth: int) -> None:
        for _ in range(size):
            options: list[Callable[..., Any]] = [self.arithmetic, self.arithmetic, self.integer, self.read, self.read]
            options += [self.compare, self.write, self.write, self.array, self.view, self.tree]
            if depth > 0:
                options += [self.branch, self.loop, self.loop, self.loop, self.call]
                options += [self.match, self.turns, self.map, self.map]
            if depth == 3:
                options.append(self.check)
            self.random.choice(options)(b, scope, depth)

    def arithmetic(self, b: Writer, scope: list[Var], depth: int) -> None:
        op = self.random.choice(["+", "-", "*", "/", "min", "max", "neg", "abs", "+", "*"])
        args = [self.pick(scope, FLOAT) for _ in range(1 if op in ("neg", "abs") else 2)]
        scope.append(b.prim(op, FLOAT, *args))

    def integer(self, b: Writer, scope: list[Var], depth: int) -> None:
        op = self.random.choice(["+", "-", "+", "-", "*", "//", "%", "float"])
        if op == "float":
            scope.append(b.prim("float", FLOAT, self.pick(scope, INT)))
        else:
            fixed = op in ("//", "%", "*") and self.random.random() < 0.97
            right = literal(self.random.choice([2, 3])) if fixed else self.pick(scope, INT)
            scope.append(b.prim(op, INT, self.pick(scope, INT), right))

    def compare(self, b: Writer, scope: list[Var], depth: int) -> None:
        t = self.random.choice([FLOAT, INT])
        scope.append(b.prim(self.random.choice(["<", "<=", "=="]), BOOL, self.pick(scope, t), self.pick(scope, t)))

    def read(self, b: Writer, scope: list[Var], depth: int) -> None:
        x = self.pick(scope, self.random.choice([ROW, ROW, MATRIX, INTS]))
        t = x.type
        assert isinstance(t, ArrayType)
        scope.append(b.get(x, *(self.index(b, x, k, scope) for k in range(len(t.dims)))))

    def index(self, b: Writer, x: Operand, axis: int, scope: list[Var]) -> Operand:
        """Mostly inside: an index of a loop, or anything reduced by the size."""
        loops = [v for v in scope if v.name.startswith("i")]
        choice = self.random.random()
        if loops and choice < 0.3:
            return self.random.choice(loops)
        i = self.pick(scope, INT)
        return i if choice > 0.99 else b.prim("%", INT, i, b.one(Dim(x, axis), INT))

    def view(self, b: Writer, scope: list[Var], depth: int) -> None:
        if self.random.random() < 0.5:
            x = self.pick(scope, MATRIX)
            scope.append(b.get(x, self.index(b, x, 0, scope)))
        else:
            x = self.pick(scope, ROW)
            n = b.one(Dim(x, 0), INT)
            low = b.prim("//", INT, n, literal(3))
            scope.append(b.one(Get(x, (Slice(low, self.random.choice([n, n, n, n, low])),)), ROW))

    def write(self, b: Writer, scope: list[Var], depth: int) -> None:
        kind = self.random.choice(["set", "add", "push"])
        x = self.pick(scope, self.random.choice([ROW, ROW, MATRIX]))
        if x.type == MATRIX:
            i = self.index(b, x, 0, scope)
            if self.random.random() < 0.3:
                v: Operand = b.get(self.pick(scope, MATRIX), self.index(b, x, 0, scope))
                scope.append(b.update("add" if kind == "push" else kind, x, [i], v))
                return
            j = self.index(b, x, 1, scope)
            scope.append(b.update("add" if kind == "push" else kind, x, [i, j], self.pick(scope, FLOAT)))
        elif kind == "push":
            scope.append(b.one(Update("push", x, (), self.pick(scope, FLOAT)), ROW))
        else:
            scope.append(b.update(kind, x, [self.index(b, x, 0, scope)], self.pick(scope, FLOAT)))

    def array(self, b: Writer, scope: list[Var], depth: int) -> None:
        if self.random.random() < 0.5:
            parts = tuple(self.pick(scope, FLOAT) for _ in range(self.random.randint(1, 3)))
            scope.append(b.one(Make(parts), ROW))
        else:
            size = literal(self.random.choice([0, 3, 17, 20, 40, 50]))
            scope.append(b.one(Fill((size,), self.pick(scope, FLOAT)), ROW))

    def tree(self, b: Writer, scope: list[Var], depth: int) -> None:
        tag = self.random.choice([0, 1, 2]) if self.has(scope, TREE) else 0
        args = [self.pick(scope, t) for t in TREES.variants[tag].fields]
        scope.append(b.one(Variant("Tree", tag, tuple(args)), TREE))

    def check(self, b: Writer, scope: list[Var], depth: int) -> None:
        below = b.prim("<", BOOL, self.pick(scope, INT), literal(30))
        b.effect(Check(below, "E0614", (self.pick(scope, INT),)))

    # ---- blocks

    def inner(self, b: Writer, scope: Sequence[Var], depth: int, wanted: Sequence[Type]) -> tuple[Operand, ...]:
        own = list(scope)
        self.lets(b, own, self.random.randint(1, 4), depth - 1)
        return tuple(self.pick(own, t) for t in wanted)

    def branch(self, b: Writer, scope: list[Var], depth: int) -> None:
        wanted = self.random.choice([(FLOAT,), (ROW,), (FLOAT, ROW), (ROW, ROW), (INT,)])
        cond = self.pick(scope, BOOL)
        then, orelse = b.nested(), b.nested()
        x = self.inner(then, scope, depth, wanted)
        y = self.inner(orelse, scope, depth, wanted)
        scope += b.let(If(cond, then.block(*x), orelse.block(*y)), *wanted)

    def match(self, b: Writer, scope: list[Var], depth: int) -> None:
        if not self.has(scope, TREE):
            self.tree(b, scope, depth)
        wanted = self.random.choice([(FLOAT,), (ROW,), (FLOAT, TREE)])
        arms = []
        for variant in TREES.variants:
            inner = b.nested()
            params = tuple(b.names.fresh("q", t) for t in variant.fields)
            arms.append(Arm(params, inner.block(*self.inner(inner, [*scope, *params], depth, wanted))))
        scope += b.let(Match(self.pick(scope, TREE), tuple(arms)), *wanted)

    def call(self, b: Writer, scope: list[Var], depth: int) -> None:
        if self.fns:
            fn = self.random.choice(self.fns)
            args = [self.pick(scope, p.var.type) for p in fn.params]
            args[0] = self.beside(b, scope, args[2])
            scope += b.let(Call(fn.name, tuple(args)), *fn.result_types)

    def beside(self, b: Writer, scope: list[Var], x: Operand) -> Operand:
        """A number to be given beside an array: an element of it, mostly, that nobody else reads."""
        return b.get(x, self.index(b, x, 0, scope)) if self.random.random() < 0.7 else self.pick(scope, FLOAT)

    def bounds(self, b: Writer, scope: list[Var]) -> tuple[Operand, Operand]:
        x = self.pick(scope, self.random.choice([ROW, MATRIX]))
        n = b.one(Dim(x, 0), INT)
        low = literal(self.random.choice([0, 0, 0, 1]))
        if self.random.random() < 0.3:
            return low, b.prim("min", INT, n, literal(self.random.choice([3, 15])))
        return low, n

    def loop(self, b: Writer, scope: list[Var], depth: int) -> None:
        """Anything may happen in the body."""
        low, high = self.bounds(b, scope)
        results: list[Operand | str] = []
        wanted: list[Type] = []
        types: list[Type] = []
        for _ in range(self.random.randint(1, 3)):
            kind = self.random.choice(["carry", "carry", "build", "+", "*", "min", "argmax", "any", "row"])
            if kind == "carry":
                start = self.pick(scope, self.random.choice([FLOAT, ROW, MATRIX, INT]))
                if start.type == FLOAT and results and isinstance(results[-1], Var) and results[-1].type == ROW:
                    start = self.beside(b, scope, results[-1])
                results.append(start)
                wanted.append(start.type)
                types.append(start.type)
            elif kind == "row":
                results.append("build")
                wanted.append(ROW)
                types.append(MATRIX)
            else:
                results.append(kind)
                wanted.append(BOOL if kind == "any" else FLOAT)
                types.append({"build": ROW, "argmax": INT, "any": BOOL}.get(kind, FLOAT))
        if types.count(MATRIX):
            # rows of one size only
            wanted = [FLOAT if t == ROW and u == MATRIX else t for t, u in zip(wanted, types, strict=True)]
            types = [ROW if t == MATRIX and w == FLOAT else t for t, w in zip(types, wanted, strict=True)]

        def body(inner: Writer, index: Var, *params: Var) -> tuple[Operand, ...]:
            return self.inner(inner, [*scope, index, *params], depth, wanted)

        scope += b.loop(low, high, results, body, *types)

    def map(self, b: Writer, scope: list[Var], depth: int) -> None:
        """Mostly what can run on whole arrays: reads, arithmetic, additions to accounts, inner loops."""
        low, high = self.bounds(b, scope)
        account = self.pick(scope, self.random.choice([ROW, MATRIX, FLOAT]))
        results: list[Operand | str] = [self.random.choice(["build", "+", "min", "argmin", "*"])]
        if self.random.random() < 0.6:
            results.append(account)
        kind = self.random.choice(["add", "add", "set"])
        read = self.random.random() < 0.3

        def body(inner: Writer, index: Var, *params: Var) -> tuple[Operand, ...]:
            own = [v for v in scope if v.type != TREE] + [index]
            for _ in range(self.random.randint(1, 5)):
                options: list[Callable[..., Any]] = [self.arithmetic, self.read, self.read, self.integer]
                options += [self.compare, self.choice, self.view]
                if depth > 1:
                    options += [lambda b, s, d: self.map(b, s, d - 1)]
                self.random.choice(options)(inner, own, depth - 1)
            value = self.pick(own, FLOAT)
            if not params:
                return (value,)
            p: Var = params[0]
            if depth > 1 and self.random.random() < 0.4:
                # the account goes through a loop of its own

                def turn(c: Writer, i: Var, q: Var) -> tuple[Operand, ...]:
                    deeper = [*own, i]
                    self.read(c, deeper, 0)
                    self.arithmetic(c, deeper, 0)
                    return (self.entry(c, deeper, q, kind, read),)

                m = self.pick(scope, MATRIX)
                (p,) = inner.loop(literal(0), inner.one(Dim(m, 1), INT), [p], turn, p.type)
                if self.random.random() < 0.8:
                    return value, p
            for _ in range(self.random.choice([0, 1, 1, 1, 2])):
                p = self.entry(inner, own, p, kind, read)
            return value, p

        first = {"build": ROW, "argmin": INT}.get(str(results[0]), FLOAT)
        scope += b.loop(low, high, results, body, first, *([account.type] if len(results) > 1 else []))

    def entry(self, b: Writer, scope: list[Var], p: Var, kind: str, read: bool) -> Var:
        v = self.pick(scope, FLOAT)
        if p.type == FLOAT:
            return b.prim(self.random.choice(["+", "-"]), FLOAT, p, v)
        indices = [self.index(b, p, k, scope) for k in range(2 if p.type == MATRIX else 1)]
        if read:
            v = b.prim("+", FLOAT, v, b.get(p, *indices))
        return b.update(kind, p, indices, v)

    def choice(self, b: Writer, scope: list[Var], depth: int) -> None:
        cond = self.pick(scope, BOOL)
        then, orelse = b.nested(), b.nested()
        sides = []
        for side in (then, orelse):
            own = list(scope)
            for _ in range(self.random.randint(0, 3)):
                self.random.choice([self.arithmetic, self.read])(side, own, 0)
            sides.append(side.block(self.pick(own, FLOAT)))
        scope += b.let(If(cond, *sides), FLOAT)

    def turns(self, b: Writer, scope: list[Var], depth: int) -> None:
        """A While that counts its turns."""
        start = self.pick(scope, self.random.choice([FLOAT, ROW]))
        index, count, state = (b.names.fresh(n, t) for n, t in (("i", INT), ("c", INT), ("p", start.type)))
        cond, body = b.nested(), b.nested()
        below = cond.prim("<", BOOL, count, literal(self.random.choice([0, 3, 9])))
        own = [*scope, index, state]
        (new, kept) = self.inner(body, own, depth, (start.type, FLOAT))
        more = body.prim("+", INT, count, literal(1))
        results = (Carry(count, literal(0)), Carry(state, start), Build())
        value = While(index, results, cond.block(below), body.block(more, new, kept))
        scope += b.let(value, INT, start.type, ROW, INT)


class LaneGenerator(Generator):
    """Programs of loops that mostly fit whole arrays, with indices that mostly stay inside: reads and writes at affine
    positions, guarded reads and checks, accounts that several loops add to, positions that meet."""

    def function(self, name: str, size: int) -> Fn:
        def write(b: Writer, *params: Var) -> tuple[Operand, ...]:
            scope = list(params)
            for _ in range(self.random.randint(1, 3)):
                self.outer(b, scope)
            return tuple(self.pick(scope, t) for t in (FLOAT, ROW, MATRIX, INT))

        return function(name, PARAMS, write)

    def outer(self, b: Writer, scope: list[Var]) -> None:
        a = self.pick(scope, ROW) if self.random.random() < 0.3 else scope[2]
        n = b.one(Dim(scope[2], 0), INT)
        accounts = [v for v in (self.pick(scope, MATRIX), a, self.pick(scope, FLOAT)) if self.random.random() < 0.5]
        first = self.random.choice(["build", "+", "min", "argmax"])
        last = b.prim("-", INT, n, literal(1))
        twice = b.prim("//", INT, n, literal(2))
        self.step = self.random.choice([1, 1, 1, -1, 2])
        self.kind = self.random.choice(["add", "add", "set"])
        self.reads = self.kind == "set" or self.random.random() < 0.05
        self.last = last

        def body(c: Writer, i: Var, *params: Var) -> tuple[Operand, ...]:
            own: list[Operand] = [v for v in scope if v.type in (FLOAT, BOOL)]
            for _ in range(self.random.randint(2, 6)):
                kinds = [self.element, self.element, self.sum, self.condition, self.guarded, self.rows]
                self.random.choice(kinds)(c, own, [i])
            value = self.float(own)
            states = [self.account(c, own, p, [i]) for p in params]
            return (value, *states)

        types = {"build": ROW, "argmax": INT}
        high = twice if self.step == 2 else last
        results: list[Operand | str] = [first, *accounts]
        made = b.loop(literal(1), high, results, body, types.get(first, FLOAT), *(v.type for v in accounts))
        scope += made

    def float(self, own: Sequence[Operand]) -> Operand:
        found = [v for v in own if v.type == FLOAT]
        return self.random.choice(found[-4:]) if found else literal(2.0)

    def place(self, c: Writer, loops: Sequence[Var], sizes: int = 2) -> Operand:
        """A position in 0..n, affine in the outermost loop, with a preference for one step."""
        i: Operand = loops[0]
        step = self.step if self.random.random() < 0.9 else 1
        if step == -1:
            return c.prim("-", INT, self.last, i)
        if step == 2:
            i = c.prim("*", INT, i, literal(2))
        offset = self.random.choice([0, 0, 1, -1])
        return c.prim("+", INT, i, literal(offset)) if offset else i

    def element(self, c: Writer, own: list[Operand], loops: Sequence[Var]) -> None:
        choice = self.random.random()
        if choice < 0.4:
            own.append(c.get(Var(self.random.choice("ab"), ROW), self.place(c, loops)))
        elif choice < 0.5:
            own.append(c.get(Var("a", ROW), c.get(Var("j", INTS), self.place(c, loops))))
        elif choice < 0.8:
            column = loops[-1] if len(loops) > 1 else literal(self.random.randint(0, 2))
            own.append(c.get(Var("m", MATRIX), self.place(c, loops), column))
        else:
            own.append(c.prim("float", FLOAT, self.place(c, loops)))
        own.append(c.prim(self.random.choice(["+", "*", "-", "max"]), FLOAT, self.float(own), self.float(own)))

    def condition(self, c: Writer, own: list[Operand], loops: Sequence[Var]) -> None:
        if self.random.random() < 0.5:
            own.append(c.prim("<", BOOL, self.float(own), self.float(own)))
        else:
            own.append(c.prim("<", BOOL, literal(self.random.choice([1, 4])), loops[-1]))

    def guarded(self, c: Writer, own: list[Operand], loops: Sequence[Var]) -> None:
        """A read or a check that holds only where the condition does; sometimes it is another condition."""
        low = self.random.choice([1, 3])
        known = [v for v in own if v.type == BOOL]
        if known and self.random.random() < 0.3:
            cond: Operand = self.random.choice(known)
        elif self.random.random() < 0.2:
            cond = c.prim("<", BOOL, Var("k", INT), literal(3))
        else:
            cond = c.prim("<=", BOOL, literal(low), loops[0])

        def then(d: Any) -> tuple[Operand, ...]:
            before = d.prim("-", INT, loops[0], literal(low))
            if self.random.random() < 0.3:
                d.effect(Check(d.prim("<=", BOOL, literal(0), before), "E0614", (before,)))
            inner = list(own)
            if len(loops) == 1 and self.random.random() < 0.3:
                self.sum(d, inner, loops)
            return (d.prim("+", FLOAT, d.get(Var("a", ROW), before), self.float(inner)),)

        own.append(c.branch(cond, then, lambda d: (self.float(own),), FLOAT)[0])

    def sum(self, c: Writer, own: list[Operand], loops: Sequence[Var]) -> None:
        """An inner loop over the columns."""
        if len(loops) > 1:
            return

        def body(d: Writer, j: Var) -> tuple[Operand, ...]:
            inner = list(own)
            for _ in range(self.random.randint(1, 3)):
                self.random.choice([self.element, self.element, self.condition, self.guarded])(d, inner, [*loops, j])
            return (self.float(inner),)

        own.append(c.loop(literal(0), literal(3), [self.random.choice(["+", "min", "*"])], body, FLOAT)[0])

    def rows(self, c: Writer, own: list[Operand], loops: Sequence[Var]) -> None:
        """A row that an inner loop reads."""
        if len(loops) > 1:
            return
        row = c.get(Var("m", MATRIX), self.place(c, loops))

        def body(d: Writer, j: Var) -> tuple[Operand, ...]:
            return (d.prim("*", FLOAT, d.get(row, j), self.float(own)),)

        (scaled,) = c.loop(literal(0), literal(3), ["build"], body, ROW)
        own.append(c.get(scaled, literal(self.random.randint(0, 2))))

    def account(self, c: Writer, own: list[Operand], p: Var, loops: Sequence[Var]) -> Var:
        for _ in range(1 if self.kind == "set" and p.type != FLOAT else self.random.choice([1, 1, 2, 3])):
            if len(loops) == 1 and self.random.random() < 0.4:

                def turn(d: Writer, j: Var, q: Var) -> tuple[Operand, ...]:
                    inner = list(own)
                    self.element(d, inner, [*loops, j])
                    return (self.addition(d, inner, q, [*loops, j]),)

                (p,) = c.loop(literal(0), literal(3), [p], turn, p.type)
            else:
                p = self.addition(c, own, p, loops)
        return p

    def addition(self, c: Writer, own: list[Operand], p: Var, loops: Sequence[Var]) -> Var:
        v = self.float(own)
        if p.type == FLOAT:
            return c.prim(self.random.choice(["+", "-"]), FLOAT, p, v)
        row = self.place(c, loops)
        if p.type == ROW:
            if self.kind == "add" and self.random.random() < 0.2:
                row = c.get(Var("j", INTS), row)
            places = [row]
        else:
            places = [row, loops[-1] if len(loops) > 1 else literal(self.random.randint(0, 2))]
        if self.reads and self.random.random() < 0.7:
            seen = [self.place(c, loops), *places[1:]] if self.random.random() < 0.1 else places
            v = c.prim("+", FLOAT, v, c.get(p, *seen))
        return c.update(self.kind, p, places, v)


# ---- a plain evaluator


class Failure(Exception):
    """Where evaluation fails, and with which code."""


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: float(np.float64(x) / np.float64(y)),
    "min": lambda x, y: x if x <= y or x != x else y,
    "max": lambda x, y: x if x >= y or x != x else y,
    "neg": lambda x: -x,
    "abs": abs,
    "//": lambda x, y: x // y,
    "%": lambda x, y: x % y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    "==": lambda x, y: x == y,
    "float": float,
    "not": lambda x: not x,
    "sin": math.sin,
}


class Plain:
    """Evaluates by the definition of each node, and copies at every step. `work` bounds its Lets."""

    def __init__(self, program: Program, work: int = 60_000) -> None:
        self.program = program
        self.work = work

    def call(self, name: str, args: Sequence[Any]) -> tuple[Any, ...]:
        fn = self.program.fns[name]
        return self.block(fn.body, {p.var.name: a for p, a in zip(fn.params, args, strict=True)})

    def block(self, block: Block, outer: dict[str, Any]) -> tuple[Any, ...]:
        env = dict(outer)
        for let in block.lets:
            self.work -= 1
            if self.work < 0:
                raise TimeoutError
            results = self.value(let, env)
            for v, r in zip(let.names, results, strict=True):
                env[v.name] = r
        return tuple(self.operand(r, env) for r in block.results)

    def operand(self, o: Operand, env: dict[str, Any]) -> Any:
        return o.value if isinstance(o, Lit) else env[o.name]

    def value(self, let: Let, env: dict[str, Any]) -> Sequence[Any]:
        def read(o: Operand) -> Any:
            return self.operand(o, env)

        def fail(code: str) -> Failure:
            return Failure(code, let.span.start)

        match let.value:
            case Var() | Lit():
                return [read(let.value)]
            case Stop(x):
                return [read(x)]
            case Prim(op, args):
                xs = [read(a) for a in args]
                if op in ("//", "%") and xs[1] == 0:
                    raise fail("E0604")
                value = OPERATIONS[op](*xs)
                if let.names[0].type == INT:
                    value = (value + 2**63) % 2**64 - 2**63
                return [value]
            case Make(parts):
                return [stack([read(p) for p in parts], let.names[0].type)]
            case Get(x, path):
                return [self.get(read(x), [self.step(s, env) for s in path], fail)]
            case Update("push", x, _, v):
                return [stack([*read(x), read(v)], let.names[0].type)]
            case Update(kind, x, path, v):
                whole = read(x).copy()
                place = [self.step(s, env) for s in path]
                self.get(whole, place, fail)
                if kind == "set":
                    whole[tuple(place)] = read(v)
                else:
                    whole[tuple(place)] += read(v)
                return [whole]
            case Fill(shape, v):
                sizes = [read(s) for s in shape]
                if min(sizes) < 0:
                    raise fail("E0614")
                return [np.full(sizes, read(v))]
            case Dim(x, axis):
                return [read(x).shape[axis]]
            case Variant(_, tag, args):
                return [(tag, *(read(a) for a in args))]
            case Match(x, arms):
                tag, *fields = read(x)
                bound = {p.name: v for p, v in zip(arms[tag].params, fields, strict=True)}
                return self.block(arms[tag].body, env | bound)
            case If(cond, then, orelse):
                return self.block(then if read(cond) else orelse, env)
            case Checkpoint(body):
                return self.block(body, env)
            case Call(fn, args):
                return self.call(fn, [read(a) for a in args])
            case Check(cond, code, _):
                if not read(cond):
                    raise fail(code)
                return []
            case Loop() | While():
                return self.loop(let, let.value, env, fail)
            case _:
                raise NotImplementedError

    def step(self, s: Any, env: dict[str, Any]) -> Any:
        if isinstance(s, Part):
            return s
        if isinstance(s, At):
            return self.operand(s.index, env)
        return slice(self.operand(s.low, env), self.operand(s.high, env))

    def get(self, x: Any, place: list[Any], fail: Callable[[str], Failure]) -> Any:
        for k, (p, n) in enumerate(zip(place, x.shape, strict=False)):
            if isinstance(p, slice):
                if p.stop < p.start:
                    raise fail("E0603")
                if p.start < 0 or p.stop > n:
                    raise fail("E0602")
            elif not 0 <= p < n:
                raise fail("E0601")
            del k
        part = x[tuple(place)]
        return part.copy() if isinstance(part, np.ndarray) else part.item()

    def loop(self, let: Let, loop: Loop | While, env: dict[str, Any], fail: Callable[[str], Failure]) -> list[Any]:
        state = [self.operand(r.init, env) if isinstance(r, Carry) else [] for r in loop.results]
        turn = 0

        def bound(index: int) -> dict[str, Any]:
            params = {r.param.name: s for r, s in zip(loop.results, state, strict=True) if isinstance(r, Carry)}
            return env | {loop.index.name: index} | params

        if isinstance(loop, While):
            indices: Any = iter(int, 1)
        else:
            indices = range(self.operand(loop.low, env), self.operand(loop.high, env))
        for i in indices:
            now = bound(turn if isinstance(loop, While) else i)
            if isinstance(loop, While) and not self.block(loop.cond, now)[0]:
                break
            for k, value in enumerate(self.block(loop.body, now)):
                if isinstance(loop.results[k], Carry):
                    state[k] = value
                else:
                    state[k].append(value)
            turn += 1
        results = []
        for r, s, v in zip(loop.results, state, let.names, strict=False):
            if isinstance(r, Build):
                s = stack(s, v.type)
            elif isinstance(r, Reduce):
                s = reduced(r.op, s, fail)
            results.append(s)
        return [*results, turn] if isinstance(loop, While) else results


def stack(items: list[Any], t: Type) -> Any:
    if not items:
        assert isinstance(t, ArrayType)
        return np.empty([d or 0 for d in t.dims])
    if len({np.shape(v) for v in items}) > 1:
        raise Failure("E0606", -1)
    return np.array(items, float)


def reduced(op: str, terms: list[Any], fail: Callable[[str], Failure]) -> Any:
    if op in ("any", "all"):
        return any(terms) if op == "any" else all(terms)
    if not terms:
        if op in ("+", "*"):
            return 0.0 if op == "+" else 1.0
        raise fail("E0607")
    if op in ("+", "*"):
        return float(np.sum(np.array(terms)) if op == "+" else np.prod(np.array(terms)))
    best = 0
    for k, v in enumerate(terms):
        if v < terms[best] if "min" in op else v > terms[best]:
            best = k
    return best if op.startswith("arg") else terms[best]
