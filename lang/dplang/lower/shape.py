"""Values while lowering: how operands of the core make up a value of the language.

Structs, tuples and function values exist only here. A struct of an array of structs is not told apart: each leaf
has the dimensions in its own type. A function value is a known body and what it captures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from ..check import typed
from ..core.ir import Operand, Var
from ..core.sizes import SizeVar
from ..core.types import Type as LanguageType
from ..core.types import TypeVar


@dataclass(frozen=True, slots=True)
class Leaf:
    operand: Operand


@dataclass(frozen=True, slots=True)
class Group:
    """A tuple or struct, or an array of them. `units`: an array of empty ones, which keeps its sizes in an Int leaf."""

    parts: tuple[Shape, ...]
    units: bool = False


@dataclass(frozen=True, slots=True)
class Static:
    """A function value: `captured` are the values of `code.symbols`, then the sizes `code.sizes`."""

    code: Code
    captured: tuple[Shape, ...]


Shape: TypeAlias = Leaf | Group | Static

UNIT = Group(())


@dataclass(eq=False, slots=True)
class Code:
    """A body that can be called: a definition or a closure, with its type arguments. Equal only if the same object.

    `symbols` and `sizes` are what it reads from outside; for a method value, the receiver's symbol is the first.
    `instance_of` is the definition, or None for a closure.
    """

    name: str
    label: str
    params: tuple[typed.Symbol, ...]
    param_types: tuple[LanguageType, ...]
    result: LanguageType
    body: typed.Expr
    types: dict[TypeVar, LanguageType]
    symbols: tuple[typed.Symbol, ...]
    sizes: tuple[SizeVar, ...]
    fn: typed.Function | None = None
    bound: int = 0
    """How many of the first parameters are captured (1 for a method value)."""
    user: bool = True
    captured: dict[typed.Symbol, LanguageType] = field(default_factory=dict)
    """The types of the symbols, where the body tells them."""
    counts: dict[str, int] = field(default_factory=dict)


def leaves(shape: Shape) -> Iterator[Operand]:
    """The operands of a value, in order."""
    match shape:
        case Leaf(operand):
            yield operand
        case Group(parts) | Static(_, parts):
            for p in parts:
                yield from leaves(p)
        case _:
            assert_never(shape)


def operands(shapes: Sequence[Shape]) -> tuple[Operand, ...]:
    return tuple(o for s in shapes for o in leaves(s))


def fill(shape: Shape, values: Iterator[Operand]) -> Shape:
    """A value of the same structure with other operands."""
    match shape:
        case Leaf():
            return Leaf(next(values))
        case Group(parts, units):
            return Group(tuple(fill(p, values) for p in parts), units)
        case Static(code, captured):
            return Static(code, tuple(fill(p, values) for p in captured))
        case _:
            assert_never(shape)


def transform(shape: Shape, f: Callable[[Operand], Operand]) -> Shape:
    """A value of the same structure, each operand replaced."""
    return fill(shape, iter([f(o) for o in leaves(shape)]))


def zipped(first: Shape, second: Shape, f: Callable[[Operand, Operand], Operand]) -> Shape:
    """A value of the structure of `first`, made of the operands of two values of the same type."""
    return fill(first, iter([f(a, b) for a, b in zip(leaves(first), leaves(second), strict=True)]))


def outline(shape: Shape) -> Shape:
    """The structure alone: equal for values that the same code can take. Leaves are told apart by type."""
    return transform(shape, lambda o: Var(repr(o.type), o.type))


def functions(shape: Shape) -> bool:
    """Whether a function value is in it."""
    match shape:
        case Leaf():
            return False
        case Group(parts):
            return any(map(functions, parts))
        case Static():
            return True
        case _:
            assert_never(shape)
