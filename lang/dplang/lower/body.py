"""What lowering one core function carries along: variables and sizes as they are, the block that is being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..check import typed
from ..core.build import Builder, Names, literal
from ..core.ir import BOOL, INT, ArrayType, Dim, Lit, Operand
from ..core.sizes import Opaque, Size, SizeVar
from ..core.types import Array, Struct, TangentOf, Tuple, Type, TypeVar, substitute
from ..errors.source import NOWHERE, Span
from .layout import fields
from .shape import Group, Leaf, Shape, leaves

if TYPE_CHECKING:
    from .instances import Instances

FALSE, TRUE = Lit(False, BOOL), Lit(True, BOOL)


@dataclass(eq=False, slots=True)
class Delayed:
    """An array that nobody has asked for yet: `element` gives what stands at the values of its `ranges`' indices.

    It is read in the loop that uses it, once for each index, so that the array itself is never made. `env` are the
    variables as they were where it was written.
    """

    ranges: tuple[tuple[str, Operand, Operand], ...]
    element: Callable[[tuple[Operand, ...]], Shape]
    env: dict[typed.Symbol, Shape | Delayed]

    @property
    def rank(self) -> int:
        return len(self.ranges)


class Body:
    """The lowering of one core function.

    `env` are the values of variables, `stop leave returned` those of the flags that jumps set: the rest of
    the block is skipped, the loop ends, the function ends. `result` is what was returned.
    """

    def __init__(self, program: Instances, name: str, types: dict[TypeVar, Type], span: Span = NOWHERE) -> None:
        self.program = program
        self.name = name
        self.types = types
        self.user = True
        self.names = Names()
        self.prologue = Builder(self.names, span)
        self.b = Builder(self.names, span)
        self.env: dict[typed.Symbol, Shape | Delayed] = {}
        self.sizes: dict[SizeVar, Operand] = {}
        self.natural: set[SizeVar] = set()
        self.known: dict[typed.Symbol, Size] = {}
        self.variables: dict[typed.Symbol, Type] = {}
        self.turns: dict[SizeVar, tuple[Size | None, Size | None]] = {}
        self.result_outline: Shape | None = None
        self.loops = 0
        self.missing: Callable[[typed.Symbol], Shape] | None = None
        self._entry: dict[SizeVar, Operand] = {}
        self._dims: dict[SizeVar, tuple[Operand, int]] = {}
        self._computed: dict[Size, Operand] = {}
        self.stop, self.leave, self.returned, self.result = (
            typed.Symbol(n, span) for n in ("stop", "done", "returned", "result")
        )
        self.slots: set[typed.Symbol] = {self.stop, self.leave, self.returned, self.result}
        self._flag(FALSE, self.stop, self.leave, self.returned)

    # ---- flags of jumps

    def _flag(self, value: Operand, *flags: typed.Symbol) -> None:
        for flag in flags:
            self.env[flag] = Leaf(value)

    def jump(self, *flags: typed.Symbol) -> None:
        """A jump is taken: what follows in the block is skipped, and `flags` tell the loops around it why."""
        self._flag(TRUE, self.stop, *(flags if self.loops else ()))

    def flag(self, symbol: typed.Symbol) -> Operand:
        value = self.env[symbol]
        assert isinstance(value, Leaf)
        return value.operand

    def set_flags(self, value: Operand) -> None:
        """After a loop: whatever ended it, only a return goes on."""
        self._flag(value, self.stop, self.leave)

    # ---- scopes

    @contextmanager
    def inner(self, env: dict[typed.Symbol, Shape | Delayed] | None = None) -> Iterator[Builder]:
        """A block of its own. Afterwards variables and sizes are what they were before."""
        outer, outer_env, sizes = self.b, self.env, self.sizes
        self.b, self.env, self.sizes = outer.nested(), dict(outer_env if env is None else env), dict(sizes)
        try:
            yield self.b
        finally:
            self.b, self.env, self.sizes = outer, outer_env, sizes

    @contextmanager
    def within(self, env: dict[typed.Symbol, Shape | Delayed]) -> Iterator[None]:
        """The same block with the variables of another place."""
        outer, sizes = self.env, self.sizes
        self.env, self.sizes = dict(env), dict(sizes)
        try:
            yield
        finally:
            self.env, self.sizes = outer, sizes

    @contextmanager
    def at(self, span: Span) -> Iterator[None]:
        """What is written inside comes from `span`."""
        b = self.b
        before = b.span
        if span is not NOWHERE:
            b.span = span
        try:
            yield
        finally:
            b.span = before

    # ---- variables

    def read(self, symbol: typed.Symbol) -> Shape:
        """The value of a variable."""
        value = self.env.get(symbol)
        if value is None:
            assert self.missing is not None, f"{self.name}: `{symbol.name}` has no value"
            return self.missing(symbol)
        if isinstance(value, Delayed):
            from .arrays import force

            value = self.env[symbol] = force(self, value, symbol.name)
        return value

    def type(self, t: Type) -> Type:
        """A type of the typed tree with the type arguments of this instance."""
        return substitute(t, self.types, {}) if self.types else t  # type: ignore[arg-type]

    def outline(self, t: Type) -> Shape:
        return self.program.layouts.outline(self.type(t))

    # ---- sizes

    def bind_size(self, var: SizeVar, value: Operand, natural: bool) -> None:
        """From here on `var` is `value`; `natural`: it cannot be negative."""
        self.sizes[var] = value
        if natural:
            self.natural.add(var)

    def parameter_size(self, var: SizeVar, value: Operand) -> None:
        """`var` is an Int parameter of this function."""
        self._entry.setdefault(var, value)

    def bind_sizes(self, t: Type, shape: Shape, parameter: bool = False) -> None:
        """Binds the sizes that stand alone in `t` and have no value yet to dimensions of a value of that type."""
        for var, operand, axis in standing(t, shape):
            if var in self._entry or var in self._dims or var in self.sizes:
                continue
            self.natural.add(var)
            if parameter:
                self._dims[var] = operand, axis
            else:
                self.sizes[var] = self.dim(operand, axis)

    def rebind_sizes(self, fresh: tuple[SizeVar, ...], t: Type, shape: Shape) -> None:
        """Binds `fresh` to dimensions of a value of type `t`, whatever they were before (in another turn of a loop)."""
        found = {var: (operand, axis) for var, operand, axis in reversed(list(standing(t, shape)))}
        for var in fresh:
            if var in found:
                self.bind_size(var, self.dim(*found[var]), natural=True)

    def dim(self, operand: Operand, axis: int, b: Builder | None = None) -> Operand:
        assert isinstance(operand.type, ArrayType)
        known = operand.type.dims[axis]
        return literal(known) if known is not None else (b or self.b).one(Dim(operand, axis), INT, "n")

    def has_size(self, var: SizeVar) -> bool:
        return var in self.sizes or var in self._entry or var in self._dims or var in self.program.top_sizes

    def _atom(self, var: SizeVar) -> Operand:
        if var in self.sizes:
            return self.sizes[var]
        if var not in self._entry and var in self._dims:
            operand, axis = self._dims[var]
            hint = var.name if var.name.isidentifier() else "n"
            known = operand.type.dims[axis] if isinstance(operand.type, ArrayType) else None
            value = literal(known) if known is not None else self.prologue.one(Dim(operand, axis), INT, hint)
            self._entry[var] = value
        if var in self._entry:
            return self._entry[var]
        assert var in self.program.top_sizes, f"{self.name}: the size `{var}` has no value"
        symbol, t = self.program.top_sizes[var]
        shape = self.read(symbol)
        if t == INT:
            return next(leaves(shape))
        operand, axis = next((o, a) for v, o, a in standing(t, shape) if v == var)
        self.natural.add(var)
        return self.dim(operand, axis)

    def size(self, s: Size) -> Operand:
        """The Int value of a size."""
        if s.constant is not None:
            return literal(s.constant)
        if s in self._computed:
            return self._computed[s]
        if not all(isinstance(a, SizeVar) and self._is_early(a) for a in s.atoms()):
            return self._polynomial(self.b, s)
        # it depends on nothing but parameters: computed once, before everything else
        value = self._computed[s] = self._polynomial(self.prologue, s)
        return value

    def _is_early(self, var: SizeVar) -> bool:
        """Whether a size is known from the parameters."""
        return (var in self._entry or var in self._dims) and var not in self.sizes

    def _polynomial(self, b: Builder, s: Size) -> Operand:
        total: Operand | None = None
        for monomial, k in s.terms:
            product: Operand | None = None if k in (1, -1) and monomial else literal(abs(k))
            for a in monomial:
                factor = self._opaque(a) if isinstance(a, Opaque) else self._atom(a) if isinstance(a, SizeVar) else None
                assert factor is not None, f"{self.name}: the size `{s}` is not known"
                product = factor if product is None else b.prim("*", INT, product, factor, hint="n")
            assert product is not None
            if total is None:
                total = product if k > 0 else b.prim("neg", INT, product, hint="n")
            else:
                total = b.prim("+" if k > 0 else "-", INT, total, product, hint="n")
        return literal(0) if total is None else total

    def _opaque(self, a: Opaque) -> Operand:
        args = [self.size(s) for s in a.args]
        return self.b.prim(a.op, INT, *args, hint="n")

    def is_natural(self, s: Size) -> bool:
        """Whether a size cannot be negative: a sum of products of sizes of arrays."""
        return all(k > 0 and all(a in self.natural for a in monomial) for monomial, k in s.terms)


def standing(t: Type, shape: Shape, axis: int = 0) -> Iterator[tuple[SizeVar, Operand, int]]:
    """The sizes that stand alone in a type: each with a leaf of a value of that type and its dimension."""
    match t:
        case Array(elem, dims):
            first = next(leaves(shape), None)
            for k, d in enumerate(dims):
                atom = d.atom
                if isinstance(atom, SizeVar) and first is not None:
                    yield atom, first, axis + k
            yield from standing(elem, shape, axis + len(dims))
        case Tuple(parts):
            yield from _parts(list(parts), shape, axis)
        case Struct() | TangentOf():
            yield from _parts([f for _, f in fields(t)], shape, axis)
        case _:
            return


def _parts(types: list[Type], shape: Shape, axis: int) -> Iterator[tuple[SizeVar, Operand, int]]:
    if isinstance(shape, Group) and not shape.units:
        for t, p in zip(types, shape.parts, strict=True):
            yield from standing(t, p, axis)


def hinted(symbol: typed.Symbol) -> str:
    """A name for the core from one of the source."""
    return symbol.name if symbol.name.isidentifier() else "t"
