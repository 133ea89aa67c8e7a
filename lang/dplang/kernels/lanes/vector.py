"""Numbers of LLVM, one or a vector of them, that Python expressions are written over: what `mathematics` is written in.

An expression over `Num`s appends instructions where it is evaluated, while Numba lowers a call. One text serves
a double and vectors of any width, and no part of it is compiled by Numba from Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from llvmlite import ir
from numba.core import cgutils as untyped
from numba.core import types

cgutils: Any = untyped

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
FLOAT32, DOUBLE = ir.FloatType(), ir.DoubleType()

Given: TypeAlias = "Num | float | int"


class Trace:
    """Where instructions go: Numba's context of the target, and the builder at its place."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context = context
        self.builder = builder

    def num(self, value: Any) -> Num:
        return Num(self, value)


class Num:
    """A value of LLVM: a double, an Int, a truth value, or a vector of them."""

    __slots__ = ("trace", "value")

    def __init__(self, trace: Trace, value: Any) -> None:
        self.trace = trace
        self.value = value

    # ---- what it is

    @property
    def type(self) -> Any:
        return self.value.type

    @property
    def width(self) -> int:
        """How many lanes; 0 for a single number."""
        return int(self.type.count) if isinstance(self.type, ir.VectorType) else 0

    @property
    def element(self) -> Any:
        return self.type.element if self.width else self.type

    @property
    def real(self) -> bool:
        return self.element in (DOUBLE, FLOAT32)

    def typed(self, element: Any) -> Any:
        """The type of as many numbers of another kind."""
        return ir.VectorType(element, self.width) if self.width else element

    def same(self, value: Any) -> Num:
        return Num(self.trace, value)

    def lift(self, other: Given, element: Any = None) -> Num:
        """`other` as a value of this width; a constant becomes one of the same type (or of `element`s)."""
        if isinstance(other, Num):
            return splat(other, self.width) if self.width and not other.width else other
        kind = element or self.element
        constant = float(other) if kind in (DOUBLE, FLOAT32) else int(other)
        return self.same(ir.Constant(self.typed(kind), [constant] * self.width if self.width else constant))

    # ---- operators

    def _binary(self, other: Given, real: str, whole: str) -> Num:
        b = self.trace.builder
        y = self.lift(other)
        x = y.lift(self)
        return self.same(getattr(b, real if self.real else whole)(x.value, y.value))

    def _compare(self, sign: str, other: Given) -> Num:
        b = self.trace.builder
        y = self.lift(other)
        x = y.lift(self)
        if not self.real:
            return self.same(b.icmp_signed(sign, x.value, y.value))
        ordered = b.fcmp_unordered if sign == "!=" else b.fcmp_ordered
        return self.same(ordered(sign, x.value, y.value))

    def __add__(self, other: Given) -> Num:
        return self._binary(other, "fadd", "add")

    def __sub__(self, other: Given) -> Num:
        return self._binary(other, "fsub", "sub")

    def __mul__(self, other: Given) -> Num:
        return self._binary(other, "fmul", "mul")

    def __truediv__(self, other: Given) -> Num:
        return self._binary(other, "fdiv", "sdiv")

    def __and__(self, other: Given) -> Num:
        return self._binary(other, "", "and_")

    def __or__(self, other: Given) -> Num:
        return self._binary(other, "", "or_")

    def __xor__(self, other: Given) -> Num:
        return self._binary(other, "", "xor")

    def __lshift__(self, other: Given) -> Num:
        return self._binary(other, "", "shl")

    def __rshift__(self, other: Given) -> Num:
        return self._binary(other, "", "ashr")

    def __radd__(self, other: Given) -> Num:
        return self.lift(other) + self

    def __rsub__(self, other: Given) -> Num:
        return self.lift(other) - self

    def __rmul__(self, other: Given) -> Num:
        return self.lift(other) * self

    def __rtruediv__(self, other: Given) -> Num:
        return self.lift(other) / self

    def __neg__(self) -> Num:
        return self.same(self.trace.builder.fneg(self.value)) if self.real else self.lift(0) - self

    def __invert__(self) -> Num:
        return self.same(self.trace.builder.not_(self.value))

    def __lt__(self, other: Given) -> Num:
        return self._compare("<", other)

    def __le__(self, other: Given) -> Num:
        return self._compare("<=", other)

    def __gt__(self, other: Given) -> Num:
        return self._compare(">", other)

    def __ge__(self, other: Given) -> Num:
        return self._compare(">=", other)

    def __eq__(self, other: Given) -> Num:  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: Given) -> Num:  # type: ignore[override]
        return self._compare("!=", other)

    __hash__ = None  # type: ignore[assignment]


def splat(x: Num, width: int) -> Num:
    """A vector that holds one number in every lane."""
    b = x.trace.builder
    nothing = ir.Constant(ir.VectorType(x.type, width), ir.Undefined)
    one = b.insert_element(nothing, x.value, I32(0))
    return x.same(b.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, width), None)))


# ---- instructions without an operator


def suffix(type: Any) -> str:
    """The name of a type in the name of an intrinsic."""
    if isinstance(type, ir.VectorType):
        return f"v{type.count}{suffix(type.element)}"
    return {"double": "f64", "float": "f32"}.get(str(type), str(type))


def call(name: str, result: Any, *args: Num) -> Num:
    """A call of a function of LLVM."""
    b = args[0].trace.builder
    kind = ir.FunctionType(result, [a.type for a in args])
    return args[0].same(b.call(cgutils.get_or_insert_function(b.module, kind, name), [a.value for a in args]))


def unary(name: str) -> Callable[[Num], Num]:
    return lambda x: call(f"llvm.{name}.{suffix(x.type)}", x.type, x)


sqrt, fabs, floor, ceil, rint = map(unary, ("sqrt", "fabs", "floor", "ceil", "rint"))


def copysign(x: Num, y: Num) -> Num:
    return call(f"llvm.copysign.{suffix(x.type)}", x.type, x, y)


def mad(x: Num, y: Given, z: Given) -> Num:
    """x y + z: one instruction, rounded once, where the processor has it; else two."""
    return call(f"llvm.fmuladd.{suffix(x.type)}", x.type, x, x.lift(y), x.lift(z))


def sel(cond: Num, x: Given, y: Given) -> Num:
    """`x` where `cond` holds, else `y`. Both are computed."""
    like = x if isinstance(x, Num) else y if isinstance(y, Num) else None
    element = like.element if like is not None else DOUBLE if isinstance(x, float) else I64
    a, b = cond.lift(x, element), cond.lift(y, element)
    return cond.same(cond.trace.builder.select(cond.value, a.value, b.value))


def bits(x: Num) -> Num:
    """The bits of doubles as Ints."""
    return x.same(x.trace.builder.bitcast(x.value, x.typed(I64)))


def from_bits(x: Num) -> Num:
    return x.same(x.trace.builder.bitcast(x.value, x.typed(DOUBLE)))


def to_real(x: Num) -> Num:
    """Ints as doubles."""
    return x.same(x.trace.builder.sitofp(x.value, x.typed(DOUBLE)))


def to_int(x: Num) -> Num:
    return x.same(x.trace.builder.fptosi(x.value, x.typed(I64)))


def widen(x: Num) -> Num:
    return x.same(x.trace.builder.fpext(x.value, x.typed(DOUBLE)))


def narrow(x: Num) -> Num:
    return x.same(x.trace.builder.fptrunc(x.value, x.typed(FLOAT32)))


def minimum(x: Num, y: Given) -> Num:
    """The less of two as the language defines it: the first where they are equal or it is no number."""
    return sel((x <= y) | (x != x), x, y) if x.real else sel(x <= y, x, y)


def maximum(x: Num, y: Given) -> Num:
    return sel((x >= y) | (x != x), x, y) if x.real else sel(x >= y, x, y)


def any_of(x: Num) -> Num:
    return call(f"llvm.vector.reduce.or.{suffix(x.type)}", I1, x) if x.width else x


def fold(x: Num, step: Callable[[Num, Num], Num]) -> Num:
    """The lanes combined, halves with halves: the same tree on every machine."""
    b, w = x.trace.builder, x.width
    while w > 1:
        w //= 2
        low, high = (
            x.same(b.shuffle_vector(x.value, x.value, ir.Constant(ir.VectorType(I32, w), list(range(o, o + w)))))
            for o in (0, w)
        )
        x = step(low, high)
    return x.same(b.extract_element(x.value, I32(0)))


# ---- functions


def shared(name: str, body: Callable[..., Num], *args: Num) -> Num:
    """A call of a function that is written once for a module and a type, by applying `body` to its parameters."""
    trace = args[0].trace
    module = trace.builder.module
    name = f"dp.{name}.{suffix(args[0].type)}"
    function = module.globals.get(name)
    if function is None:
        result = args[-1].type
        function = ir.Function(module, ir.FunctionType(result, [a.type for a in args]), name)
        function.linkage = "internal"
        inner = Trace(trace.context, ir.IRBuilder(function.append_basic_block()))
        inner.builder.ret(body(*map(inner.num, function.args)).value)
    return trace.num(trace.builder.call(function, [a.value for a in args]))


def each(python: Any, *args: Num, only: Num | None = None, other: Num | None = None, kinds: Sequence[Any] = ()) -> Num:
    """Numba's scalar function `python` of every lane, or of those in `only` (the rest are as in `other`).

    `kinds`: the scalar types of the operands, where they are not all doubles.
    """
    trace, b = args[0].trace, args[0].trace.builder
    like = other if other is not None else args[0]
    typing = trace.context.typing_context
    named = python if isinstance(python, types.Type) else typing.resolve_value_type(python)
    signature = typing.resolve_function_type(named, tuple(kinds or [types.float64] * len(args)), {})
    function = trace.context.get_function(named, signature)
    made_of = trace.context.get_value_type(signature.return_type)
    if not like.width:
        return like.same(function(b, [a.value for a in args]))
    rooms = []
    for a in args:
        room = cgutils.alloca_once(b, a.element, size=like.width)
        b.store(a.value, b.bitcast(room, ir.PointerType(a.type))).align = 8
        rooms.append(room)
    result = ir.VectorType(made_of, like.width)
    made = cgutils.alloca_once(b, made_of, size=like.width)
    if other is not None:
        b.store(other.value, b.bitcast(made, ir.PointerType(result))).align = 8
    chosen = None
    if only is not None:
        chosen = cgutils.alloca_once(b, I64, size=like.width)
        wide = b.sext(only.value, only.typed(I64))
        b.store(wide, b.bitcast(chosen, ir.PointerType(wide.type))).align = 8
    with cgutils.for_range(b, I64(like.width)) as loop:
        at = [loop.index]
        take = b.icmp_signed("!=", b.load(b.gep(chosen, at)), I64(0)) if chosen is not None else I1(1)
        with b.if_then(take):
            value = function(b, [b.load(b.gep(room, at)) for room in rooms])
            b.store(value, b.gep(made, at))
    loaded = b.load(b.bitcast(made, ir.PointerType(result)))
    loaded.align = 8
    return like.same(loaded)


def unless(rare: Num, y: Num, python: Any, *args: Num) -> Num:
    """`y`, but in the lanes of `rare` the scalar function of `args`."""
    b = y.trace.builder
    room = cgutils.alloca_once(b, y.type)
    b.store(y.value, room)
    with b.if_then(any_of(rare).value, likely=False):
        b.store(_rarely(python, rare, y, args).value, room)
    return y.same(b.load(room))


def _rarely(python: Any, rare: Num, y: Num, args: tuple[Num, ...]) -> Num:
    """The same, out of line."""

    def body(*given: Num) -> Num:
        return each(python, *given[1:-1], only=given[0], other=given[-1])

    if not y.width:
        return each(python, *args)
    return shared(f"rare.{python.__name__}", body, rare, *args, y)
