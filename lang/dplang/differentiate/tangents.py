"""Tangents as core types and values: what they are, zero, sums, and the way between gradients and tangents of enums.

The tangent of an enum E is a value of a generated enum: `Zero`, or a variant for each of E with the tangents of its
payload. So a gradient that touches few nodes of a tree is as small as what it touches, and sums share the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..analyse.activity import Tangible
from ..core.build import Builder
from ..core.ir import (
    FLOAT,
    Arm,
    ArrayType,
    Call,
    EnumDecl,
    EnumType,
    Fill,
    Fn,
    Lit,
    Match,
    Operand,
    Scalar,
    Type,
    Var,
    Variant,
    VariantDecl,
)
from ..errors.source import NOWHERE
from .writing import elementwise, extents, fresh_builder, function, increase, total


class Tangents:
    """Tangent types and their arithmetic; makes the enums and functions that they need."""

    def __init__(self, enums: dict[str, EnumDecl], fns: dict[str, Fn]) -> None:
        self.enums = enums
        self.fns = fns
        self.carries = Tangible(enums)
        self._holds: dict[str, bool] = {}

    # ---- types

    def of(self, t: Type) -> Type:
        """The tangent type of a type that has one."""
        match t:
            case Scalar():
                return t
            case ArrayType(elem, dims):
                inner = self.of(elem)
                assert not isinstance(inner, ArrayType)
                return ArrayType(inner, dims)
            case EnumType(name):
                return EnumType(self._enum(name))

    def _enum(self, name: str) -> str:
        made = f"{name}'"
        if made not in self.enums:
            self.enums[made] = EnumDecl(made, ())  # known while its payloads are looked at
            variants = [VariantDecl("Zero", ())]
            for v in self.enums[name].variants:
                variants.append(VariantDecl(v.name, tuple(self.of(t) for t in v.fields if self.carries(t))))
            self.enums[made] = EnumDecl(made, tuple(variants))
        return made

    def holds_arrays(self, t: EnumType) -> bool:
        """Whether some payload, at any depth, has an array with a tangent."""
        if t.name not in self._holds:
            names = [t.name]
            fields: list[Type] = []
            for name in names:
                fields += (f for v in self.enums[name].variants for f in v.fields)
                inner = (f.name for f in fields if isinstance(f, EnumType))
                names += sorted(set(inner) - set(names))
            self._holds[t.name] = any(isinstance(f, ArrayType) and self.carries(f) for f in fields)
        return self._holds[t.name]

    def payload(self, t: EnumType, tag: int) -> list[int]:
        """The fields of a variant that have a tangent."""
        return [i for i, field in enumerate(self.enums[t.name].variants[tag].fields) if self.carries(field)]

    # ---- values

    def scalar_zero(self, b: Builder, t: Scalar | EnumType) -> Operand:
        """The zero of a scalar or enum tangent type."""
        if isinstance(t, EnumType):
            return b.one(Variant(t.name, 0, ()), t, "zero")
        return Lit(0.0, t)

    def zero(self, b: Builder, t: Type, dims: Sequence[Operand]) -> Operand:
        """The zero of a tangent type."""
        if isinstance(t, ArrayType):
            return b.one(Fill(tuple(dims), self.scalar_zero(b, t.elem)), t, "zeros")
        return self.scalar_zero(b, t)

    def zero_like(self, b: Builder, x: Operand) -> Operand:
        """The zero tangent of a value at hand."""
        return self.zero(b, self.of(x.type), extents(b, x))

    def part(self, b: Builder, t: EnumType, tag: int, values: Sequence[Operand]) -> Var:
        """The tangent of a value of enum `t` with the given tangents in its payload."""
        tangent = self.of(t)
        assert isinstance(tangent, EnumType)
        return b.one(Variant(tangent.name, tag + 1, tuple(values)), tangent, "d")

    def add(self, b: Builder, x: Operand, y: Operand) -> Operand:
        """The sum of two tangents of one type; arrays in the buffer of `x`."""
        t = x.type
        match t:
            case Scalar():
                return b.prim("+", t, x, y, hint="a")
            case EnumType(name):
                return b.one(Call(self._add(name), (x, y)), t, "a")
            case ArrayType(EnumType()):
                return elementwise(b, (x, y), lambda inner, ab: self.add(inner, *ab), "a")
            case ArrayType():
                return increase(b, x, y)

    def scale(self, b: Builder, factor: Operand, x: Operand) -> Operand:
        """A tangent times a number."""
        t = x.type
        match t:
            case Scalar():
                return b.prim("*", t, factor, x, hint="a")
            case EnumType(name):
                return b.one(Call(self._scale(name, factor.type), (factor, x)), t, "a")
            case ArrayType():
                return elementwise(b, (x,), lambda inner, e: self.scale(inner, factor, e[0]), "a")

    def dot(self, b: Builder, x: Operand, y: Operand) -> Operand:
        """The inner product of two tangents of one type."""
        t = x.type
        match t:
            case Scalar():
                return b.prim("*", t, x, y, hint="d")
            case EnumType(name):
                return b.one(Call(self._dot(name), (x, y)), FLOAT, "d")
            case ArrayType():
                return total(b, elementwise(b, (x, y), lambda inner, e: self.dot(inner, *e)))

    # ---- generated functions

    def _known(self, name: str, params: Sequence[Var], result: Type, write: Callable[[Builder], Operand]) -> str:
        if name not in self.fns:
            b = fresh_builder(NOWHERE)
            for p in params:
                b.names.reserve(p.name)
            # the name is known before the body is written: payloads may hold the enum itself
            self.fns[name] = function(name, params, b.block(), (), NOWHERE)
            made = write(b)
            self.fns[name] = function(name, params, b.block(made), (result,), NOWHERE)
        return name

    def _add(self, name: str) -> str:
        t = EnumType(name)
        x, y = Var("x", t), Var("y", t)

        def both(inner: Builder, tag: int, a: Sequence[Var]) -> Operand:
            def same(deeper: Builder, other: int, b: Sequence[Var]) -> Operand:
                if other == 0:
                    return x
                if other != tag:
                    return x  # tags are frozen: two tangents of one value have the same
                sums = tuple(self.add(deeper, p, q) for p, q in zip(a, b, strict=True))
                return deeper.one(Variant(name, tag, sums), t)

            return y if tag == 0 else self.match(inner, y, t, same)

        return self._known(f"add.{name}", (x, y), t, lambda b: self.match(b, x, t, both))

    def _scale(self, name: str, number: Type) -> str:
        t = EnumType(name)
        factor, x = Var("factor", number), Var("x", t)

        def scaled(inner: Builder, tag: int, a: Sequence[Var]) -> Operand:
            if tag == 0:
                return x
            return inner.one(Variant(name, tag, tuple(self.scale(inner, factor, p) for p in a)), t)

        return self._known(f"scale.{name}", (factor, x), t, lambda b: self.match(b, x, t, scaled))

    def _dot(self, name: str) -> str:
        t = EnumType(name)
        x, y = Var("x", t), Var("y", t)

        def both(inner: Builder, tag: int, a: Sequence[Var]) -> Operand:
            def same(deeper: Builder, other: int, b: Sequence[Var]) -> Operand:
                sum: Operand = Lit(0.0, FLOAT)
                for p, q in zip(a, b, strict=True) if tag == other else ():
                    product = self.dot(deeper, p, q)
                    if product.type != FLOAT:
                        product = deeper.prim("float", FLOAT, product)
                    sum = deeper.prim("+", FLOAT, sum, product)
                return sum

            return self.match(inner, y, FLOAT, same)

        return self._known(f"dot.{name}", (x, y), FLOAT, lambda b: self.match(b, x, FLOAT, both))

    def match(self, b: Builder, x: Operand, result: Type, arm: Callable[[Builder, int, Sequence[Var]], Operand]) -> Var:
        """A Match of one result, `arm` written for every variant."""
        assert isinstance(x.type, EnumType)
        arms = []
        for tag, variant in enumerate(self.enums[x.type.name].variants):
            params = tuple(b.names.fresh("p", t) for t in variant.fields)
            inner = b.nested()
            made = arm(inner, tag, params)
            arms.append(Arm(params, inner.block(made)))
        return b.one(Match(x, tuple(arms)), result)

    # ---- the gradient of an enum as a value of that enum, and back

    def to_tangent(self, b: Builder, x: Operand, t: Type) -> Operand:
        """The tangent that a gradient of type `t` stands for."""
        match t:
            case Scalar():
                return x
            case ArrayType(EnumType() as elem):
                return elementwise(b, (x,), lambda inner, e: self.to_tangent(inner, e[0], elem))
            case ArrayType():
                return x
            case EnumType(name):
                return b.one(Call(self._to(name), (x,)), self.of(t))

    def _to(self, name: str) -> str:
        t = EnumType(name)
        x = Var("x", t)

        def arm(inner: Builder, tag: int, fields: Sequence[Var]) -> Operand:
            kept = [self.to_tangent(inner, fields[i], fields[i].type) for i in self.payload(t, tag)]
            return self.part(inner, t, tag, kept)

        return self._known(f"tangent.{name}", (x,), self.of(t), lambda b: self.match(b, x, self.of(t), arm))

    def from_tangent(self, b: Builder, primal: Operand, d: Operand) -> Operand:
        """The gradient as a value of the primal's type: its tags, and what has no tangent, are the primal's."""
        t = primal.type
        match t:
            case Scalar():
                return d
            case ArrayType(EnumType()):
                return elementwise(b, (primal, d), lambda inner, e: self.from_tangent(inner, *e))
            case ArrayType():
                return d
            case EnumType(name):
                return b.one(Call(self._from(name), (primal, d)), t)

    def _from(self, name: str) -> str:
        t = EnumType(name)
        x, d = Var("x", t), Var("d", self.of(t))

        def arm(inner: Builder, tag: int, fields: Sequence[Var]) -> Operand:
            moving = self.payload(t, tag)

            def merged(deeper: Builder, other: int, parts: Sequence[Operand]) -> Operand:
                if other != tag + 1:
                    parts = [self.zero_like(deeper, fields[i]) for i in moving]
                whole: list[Operand] = list(fields)
                for i, part in zip(moving, parts, strict=True):
                    whole[i] = self.from_tangent(deeper, fields[i], part)
                return deeper.one(Variant(name, tag, tuple(whole)), t)

            return self.match(inner, d, t, merged) if moving else x

        return self._known(f"gradient.{name}", (x, d), t, lambda b: self.match(b, x, t, arm))
