"""What holds in every typed tree: types that agree, variables that are bound, nothing left to find."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from dplang.check import typed as t
from dplang.core.sizes import Size, SizeMeta, SizeVar
from dplang.core.types import (
    BOOL,
    INT,
    STRING,
    UNIT,
    Array,
    FnType,
    Meta,
    Never,
    Ranked,
    Scalar,
    Struct,
    TangentOf,
    Tuple,
    Type,
    TypeVar,
    Wrong,
    array,
    instantiate,
    show,
    substitute,
    transform,
)
from dplang.primitives import TABLE


class Broken(AssertionError):
    """A typed tree that lowering could not rely on."""


def verify(module: t.Module) -> None:
    """Raises Broken where a typed tree does not keep its rules."""
    top = _Verifier(dict(module.types), set())
    for s in module.stmts:
        top.stmt(s)
    for f in module.functions:
        function(f, dict(top.types))
    for _, block in module.tests:
        _Verifier(dict(top.types), set(top.sizes)).expr(block)


def function(f: t.Function, known: dict[t.Symbol, Type]) -> None:
    assert f.result is not None and f.body is not None, f.name
    v = _Verifier(known, {p for p in f.type_params if isinstance(p, SizeVar)} | {p for p, _ in f.size_params})
    v.any_size = True
    v.types.update(zip(f.params, f.param_types, strict=True))
    for kind in (*f.param_types, f.result):
        v.complete(kind, f.name)
    v.expr(f.body)
    if not isinstance(f.body.type, Never):
        v.agree(f.body.type, f.result, f"the body of {f.name}")
    if f.rule is not None:
        for r in (f.rule.partials, f.rule.jvp, f.rule.vjp):
            if r is not None:
                function(r, known)


def erased(kind: Type) -> Type:
    return transform(kind, lambda v: v, lambda s: Size.of(0))


class _Verifier:
    def __init__(self, types: dict[t.Symbol, Type], sizes: set[SizeVar]) -> None:
        self.types = types
        self.sizes = sizes
        self.any_size = False

    def fail(self, what: str, node: Any) -> None:
        span = getattr(node, "span", None)
        raise Broken(f"{what} at {span}: {span.text if span is not None else node}")

    def agree(self, a: Type, b: Type, what: str, node: Any = None) -> None:
        if isinstance(a, Never):
            return
        unknown = any(str(s).startswith("?") for s in _sizes(b))
        if a != b and not (unknown and erased(a) == erased(b)):
            self.fail(f"{what}: {show(a)} is not {show(b)}", node)

    def complete(self, kind: Type, node: Any) -> None:
        def leaf(v: TypeVar | Meta) -> Type:
            if isinstance(v, Meta):
                self.fail("a type that was not found", node)
            return v

        def size(s: Size) -> Size:
            if any(isinstance(a, SizeMeta) for a in s.atoms()):
                self.fail(f"a size that was not found in {show(kind)}", node)
            return s

        if isinstance(kind, Wrong | Ranked):
            self.fail("a wrong type", node)
        transform(kind, leaf, size)

    def read(self, s: Size, node: Any) -> None:
        for a in s.atoms():
            if isinstance(a, SizeVar) and a not in self.sizes and not self.any_size:
                self.fail(f"the size {a} is not known", node)

    # ---- statements

    def bind(self, p: t.Pattern, kind: Type, node: Any) -> None:
        match p:
            case t.BindPattern(symbol, mine):
                self.agree(kind, mine, "a binding", node)
                self.types[symbol] = mine
            case t.TuplePattern(parts):
                assert isinstance(kind, Tuple) and len(kind.parts) == len(parts)
                for q, k in zip(parts, kind.parts, strict=True):
                    self.bind(q, k, node)
            case t.VariantPattern(tag, parts):
                payload = kind.decl.variants[tag].payload  # type: ignore[union-attr]
                for q, k in zip(parts, payload, strict=True):
                    self.bind(q, instantiate(kind.decl, kind.args, k), node)  # type: ignore[union-attr]
            case _:
                pass

    def stmt(self, s: t.Stmt) -> None:
        match s:
            case t.Let(pattern, value, fresh):
                self.expr(value)
                self.sizes |= set(fresh)
                kind = value.type
                if fresh and isinstance(pattern, t.BindPattern):
                    if erased(kind) != erased(pattern.type):
                        self.fail("a binding of another shape", s)
                    kind = pattern.type
                self.bind(pattern, kind, s)
            case t.Var(symbol, value):
                self.expr(value)
                self.types[symbol] = value.type
            case t.Assign(symbol, steps, value):
                if symbol not in self.types and not symbol.top:
                    self.fail(f"{symbol.name} is not bound", s)
                for step in steps:
                    if isinstance(step, t.ItemStep):
                        self.items(step.items)
                self.expr(value)
                if not steps and not s.push:
                    self.types[symbol] = value.type
            case t.For(range, _, _, body):
                self.range(range)
                self.expr(body)
            case t.Unrolled(bodies):
                for b in bodies:
                    self.expr(b)
            case t.While(condition, body):
                self.expr(condition)
                self.agree(condition.type, BOOL, "a condition", s)
                self.expr(body)
            case t.Return(value) | t.Do(value):
                if value is not None:
                    self.expr(value)
            case t.Assert(condition, message):
                self.expr(condition)
                self.agree(condition.type, BOOL, "an assertion", s)
                if message is not None:
                    self.expr(message)
                    self.agree(message.type, STRING, "a message", s)
            case t.Break() | t.Continue():
                pass

    def range(self, r: t.Range) -> None:
        for e in (r.low, r.high):
            self.expr(e)
            self.agree(e.type, INT, "the end of a range", e)
        self.types[r.symbol] = INT

    def items(self, items: tuple[t.IndexItem, ...]) -> None:
        for i in items:
            for e in (i.index,) if isinstance(i, t.At) else (i.low, i.high):
                if e is not None:
                    self.expr(e)
                    self.agree(e.type, INT, "an index", e)

    # ---- expressions

    def all(self, es: tuple[t.Expr, ...]) -> None:
        for e in es:
            self.expr(e)

    def expr(self, e: t.Expr) -> None:
        self.complete(e.type, e)
        match e:
            case t.Lit():
                if not isinstance(e.type, Scalar | TypeVar):
                    self.fail("a literal that is no scalar", e)
            case t.Local(symbol=symbol):
                if symbol.top:
                    self.types.setdefault(symbol, e.type)
                if symbol not in self.types:
                    self.fail(f"{symbol.name} is not bound", e)
                if not symbol.mutable and not symbol.top:
                    self.agree(e.type, self.types[symbol], f"the variable {symbol.name}", e)
                elif erased(e.type) != erased(self.types[symbol]) and not symbol.top:
                    self.fail(f"{symbol.name} has the type {show(self.types[symbol])}, not {show(e.type)}", e)
            case t.SizeValue(size=size):
                self.read(size, e)
            case t.FnValue(ref=ref, bound=bound):
                params, result = self.ref(ref, e)
                if bound is not None:
                    self.expr(bound)
                    params = params[1:]
                self.agree(FnType(tuple(params), result), e.type, "a function value", e)
            case t.Lambda(params=params, param_types=kinds, body=body):
                self.types.update(zip(params, kinds, strict=True))
                self.expr(body)
                assert isinstance(e.type, FnType)
                self.agree(FnType(kinds, body.type), e.type, "a lambda", e)
            case t.Make(parts=parts):
                self.all(parts)
                kinds = self.parts(e.type)
                for p, k in zip(parts, kinds, strict=True):
                    self.agree(p.type, k, "a part", p)
            case t.MakeArray(parts=parts):
                self.all(parts)
                assert isinstance(e.type, Array) and e.type.dims[0].constant == len(parts)
                for p in parts:
                    self.agree(p.type, array(e.type.elem, e.type.dims[1:]), "an element", p)
            case t.MakeVariant(tag=tag, args=args):
                self.all(args)
                payload = e.type.decl.variants[tag].payload  # type: ignore[union-attr]
                for a, k in zip(args, payload, strict=True):
                    self.agree(a.type, instantiate(e.type.decl, e.type.args, k), "a payload", a)  # type: ignore[union-attr]
            case t.GetField(base=base, index=index):
                self.expr(base)
                elem, dims = (base.type.elem, base.type.dims) if isinstance(base.type, Array) else (base.type, ())
                self.agree(e.type, array(self.parts(elem)[index], dims), "a field", e)
            case t.GetItem(base=base, items=items):
                self.expr(base)
                self.items(items)
                assert isinstance(base.type, Array)
                left = len(base.type.dims) - sum(isinstance(i, t.At) for i in items)
                if len(e.type.dims if isinstance(e.type, Array) else ()) != left:
                    self.fail("an element of another rank", e)
            case t.Prim(op=op, args=args):
                self.all(args)
                row = TABLE.get(op)
                if op != "fill" and row is None:
                    self.fail(f"no row {op}", e)
                if row is not None and row.elementwise and any(isinstance(a.type, Array) for a in args):
                    self.fail(f"the elementwise row {op} on an array", e)
            case t.Call(ref=ref, args=args):
                self.all(args)
                params, result = self.ref(ref, e)
                for a, k in zip(args, params, strict=True):
                    self.agree(a.type, k, f"an argument of {ref.fn.name}", a)
                self.agree(e.type, result, "a call", e)
            case t.Apply(fn=fn, args=args):
                self.expr(fn)
                self.all(args)
                assert isinstance(fn.type, FnType)
                for a, k in zip(args, fn.type.params, strict=True):
                    self.agree(a.type, k, "an argument", a)
                self.agree(e.type, fn.type.result, "an application", e)
            case t.Lift(dims=dims, args=args, body=body):
                for symbol, value, depth in args:
                    self.expr(value)
                    mine = value.type.dims if isinstance(value.type, Array) else ()
                    if depth > len(dims) or mine[:depth] != dims[len(dims) - depth :]:
                        self.fail("dimensions that are not those mapped over", value)
                    elem = value.type.elem if isinstance(value.type, Array) else value.type
                    self.types[symbol] = array(elem, mine[depth:])
                self.expr(body)
                self.agree(e.type, array(body.type, dims), "a lift", e)
            case t.Vector(args=args):
                self.all(args)
            case t.Equal(left=left, right=right):
                self.all((left, right))
                self.agree(left.type, right.type, "an equality", e)
            case t.Builder(ranges=ranges, element=element):
                for r in ranges:
                    self.range(r)
                self.expr(element)
                elem = element.type
                inner = elem.dims if isinstance(elem, Array) else ()
                assert isinstance(e.type, Array)
                if len(e.type.dims) != len(ranges) + len(inner) or e.type.dims[len(ranges) :] != inner:
                    self.fail("a builder of another rank", e)
            case t.Reduce(op=op, ranges=ranges, element=element):
                for r in ranges:
                    self.range(r)
                self.expr(element)
                self.agree(e.type, INT if op in ("argmin", "argmax") else element.type, "a reduction", e)
            case t.If(condition=condition, then=then, orelse=orelse):
                self.expr(condition)
                self.agree(condition.type, BOOL, "a condition", e)
                for side in (then, orelse):
                    if side is not None:
                        self.expr(side)
                        self.branch(side, e)
            case t.Match(scrutinee=scrutinee, arms=arms):
                self.expr(scrutinee)
                for arm in arms:
                    self.bind(arm.pattern, scrutinee.type, e)
                    if arm.guard is not None:
                        self.expr(arm.guard)
                    self.expr(arm.body)
                    self.branch(arm.body, e)
            case t.Block(stmts=stmts, result=result):
                for s in stmts:
                    self.stmt(s)
                if result is not None:
                    self.expr(result)
                    self.agree(result.type, e.type, "a block", e)
                elif e.type != UNIT and not isinstance(e.type, Never):
                    self.fail("a block without its value", e)
            case t.Checkpoint(body=body):
                self.expr(body)
            case t.Stop(value=value):
                self.expr(value)
                self.agree(e.type, value.type, "a stop", e)
            case t.Cast(value=value, fresh=fresh):
                self.expr(value)
                self.sizes |= set(fresh)
                if erased(value.type) != erased(e.type):
                    self.fail("a cast to another shape", e)
            case t.Format(parts=parts):
                self.all(tuple(p[0] for p in parts if isinstance(p, tuple)))
            case t.Derive(fn=fn, args=args, seeds=seeds):
                self.expr(fn)
                self.all((*args, *seeds))
                assert isinstance(fn.type, FnType)
                for a, k in zip(args, fn.type.params, strict=True):
                    self.agree(a.type, k, "an argument", a)
            case t.Demand(fn=fn, arg=arg):
                self.all((fn, arg))
            case t.Flatten(value=value):
                self.expr(value)
            case t.Unflatten(flat=flat, like=like):
                self.all((flat, like))
            case t.Io(args=args):
                self.all(args)

    def branch(self, side: t.Expr, e: t.Expr) -> None:
        if not isinstance(side.type, Never) and erased(side.type) != erased(e.type):
            self.fail(f"a branch of type {show(side.type)} in one of {show(e.type)}", side)

    def parts(self, kind: Type) -> list[Type]:
        match kind:
            case Tuple(parts):
                return list(parts)
            case Struct(decl, args):
                return [instantiate(decl, args, f.type) for f in decl.fields]
            case TangentOf():
                from dplang.check.vectors import fields as tangent_fields

                return tangent_fields(kind)
            case Array(elem, dims):  # an array of structs is made of its columns
                return [array(k, dims) for k in self.parts(elem)]
            case _:
                raise Broken(f"{show(kind)} has no parts")

    def ref(self, ref: t.FnRef, e: t.Expr) -> tuple[list[Type], Type]:
        f = ref.fn
        if f.result is None or (f.body is None and f.user):
            self.fail(f"{f.name} is not finished", e)
        kinds: dict[Any, Type] = {}
        sizes: dict[Any, Size] = {}
        for p, a in zip(f.type_params, ref.args, strict=True):
            if isinstance(a, Size):
                sizes[p] = a
                self.read(a, e)
                self.complete(array(INT, (a,)), e)
            else:
                kinds[p] = a
                self.complete(a, e)
        assert f.result is not None
        return [substitute(k, kinds, sizes) for k in f.param_types], substitute(f.result, kinds, sizes)


def _sizes(kind: Type) -> list[Size]:
    found: list[Size] = []

    def size(s: Size) -> Size:
        found.append(s)
        return s

    transform(kind, lambda v: v, size)
    return found


def everything(node: Any) -> list[Any]:
    """All nodes inside."""
    found: list[Any] = []
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, tuple | list):
            waiting.extend(here)
        elif is_dataclass(here) and not isinstance(here, type):
            found.append(here)
            waiting.extend(getattr(here, f.name) for f in fields(here) if f.name not in ("span", "type", "symbol"))
    return found
