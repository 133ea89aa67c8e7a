"""Writing core: a builder that collects `Let`s and makes fresh names."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Literal

from ..errors.source import NOWHERE, Span
from .ir import (
    BOOL,
    FLOAT,
    INT,
    STRING,
    Block,
    If,
    Let,
    Lit,
    Operand,
    Prim,
    Scalar,
    Type,
    Value,
    Var,
)


class Names:
    """Fresh names for one function: `x`, then `x.1`, `x.2` …"""

    def __init__(self) -> None:
        self._next: dict[str, count[int]] = {}

    def fresh(self, hint: str, type: Type) -> Var:
        base = hint.split(".")[0] or "t"
        n = next(self._next.setdefault(base, count()))
        return Var(f"{base}.{n}" if n else base, type)

    def reserve(self, name: str) -> None:
        """Keeps fresh names clear of `name`, which another pass made."""
        base, _, n = name.partition(".")
        taken = int(n) + 1 if n.isdigit() else 1
        known = self._next.get(base)
        current = next(known) if known else 0
        self._next[base] = count(max(current, taken))


class Builder:
    """Collects the `Let`s of one block. Nested blocks are made by `nested` and share the names."""

    def __init__(self, names: Names, span: Span = NOWHERE, role: Literal["primal", "adjoint"] = "primal") -> None:
        self.names = names
        self.span = span
        self.role = role
        self.lets: list[Let] = []

    def nested(self) -> Builder:
        return Builder(self.names, self.span, self.role)

    def let(self, value: Operand | Value, *types: Type, hint: str = "t") -> tuple[Var, ...]:
        """Binds the results of `value`, of the given types."""
        bound = tuple(self.names.fresh(hint, t) for t in types)
        self.lets.append(Let(bound, value, self.span, self.role))
        return bound

    def one(self, value: Operand | Value, type: Type, hint: str = "t") -> Var:
        """Binds the single result of `value`."""
        return self.let(value, type, hint=hint)[0]

    def prim(self, op: str, type: Type, *args: Operand, hint: str = "t") -> Var:
        return self.one(Prim(op, args), type, hint)

    def effect(self, value: Value) -> None:
        """A node without results (a Check)."""
        self.lets.append(Let((), value, self.span, self.role))

    def block(self, *results: Operand) -> Block:
        return Block(tuple(self.lets), results)

    def branch(
        self,
        cond: Operand,
        then: Callable[[Builder], tuple[Operand, ...]],
        orelse: Callable[[Builder], tuple[Operand, ...]],
        *types: Type,
        hint: str = "t",
    ) -> tuple[Var, ...]:
        """An If whose sides are written by the two functions."""
        a, b = self.nested(), self.nested()
        then_results = then(a)
        else_results = orelse(b)
        return self.let(If(cond, a.block(*then_results), b.block(*else_results)), *types, hint=hint)


def literal(value: float | int | bool | str, type: Scalar | None = None) -> Lit:
    """A literal of the natural type of a Python value, or of `type`."""
    if type is None:
        if isinstance(value, bool):
            type = BOOL
        elif isinstance(value, int):
            type = INT
        elif isinstance(value, str):
            type = STRING
        else:
            type = FLOAT
    return Lit(value, type)


ZERO, ONE = Lit(0, INT), Lit(1, INT)
TRUE, FALSE = Lit(True, BOOL), Lit(False, BOOL)
