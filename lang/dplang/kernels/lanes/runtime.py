# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""What kernels with lanes call. A `Lane` is a type of Numba: as many numbers as a vector has room for, one for each of
so many turns of a loop. Its operators lower straight to instructions on vectors; a scalar beside a lane is
the same in every turn.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from . import mathematics, vector
from .vector import DOUBLE, FLOAT32, I1, I32, I64, Num, Trace

ELEMENTS = {
    types.float64: DOUBLE,
    types.float32: FLOAT32,
    types.int64: I64,
    types.uint64: I64,
    types.boolean: I1,
}


class Lane(types.Type):
    """So many numbers of a scalar type."""

    def __init__(self, width: int, scalar: Any) -> None:
        self.width = width
        self.scalar = scalar
        super().__init__(f"lane{width}[{scalar}]")

    @property
    def key(self) -> tuple[int, Any]:
        return self.width, self.scalar

    @property
    def llvm(self) -> Any:
        return ir.VectorType(ELEMENTS[self.scalar], self.width)


@register_model(Lane)
class LaneModel(models.PrimitiveModel):
    def __init__(self, manager: Any, t: Lane) -> None:
        super().__init__(manager, t, t.llvm)


# ---- operands


def lane_of(given: Any) -> Lane | None:
    """The first lane among types."""
    return next((t for t in given if isinstance(t, Lane)), None)


def scalar(t: Any) -> Any:
    return t.scalar if isinstance(t, Lane) else t


def of_kind(t: Any, kind: Any) -> Any:
    """An operand's type where numbers of a scalar type `kind` are wanted."""
    return Lane(t.width, kind) if isinstance(t, Lane) else kind


def nums(cx: Any, builder: Any, sig: Any, args: Any) -> list[Num]:
    """The operands, scalars beside lanes as lanes."""
    trace, lane = Trace(cx, builder), lane_of(sig.args)
    found = []
    for v, t in zip(args, sig.args, strict=True):
        x = trace.num(v)
        if not isinstance(t, Lane) and t == types.boolean:  # Numba's booleans as arguments are of one bit, too
            x = trace.num(cx.cast(builder, v, t, types.boolean))
        found.append(vector.splat(x, lane.width) if lane and not isinstance(t, Lane) else x)
    return found


# ---- operators

ARITHMETIC = ("add", "sub", "mul", "truediv", "and_", "or_", "xor", "lshift", "rshift")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
UNARY = ("neg", "invert")
FEWER = {types.boolean: 0, types.int64: 1, types.uint64: 1, types.float32: 2, types.float64: 3}


def number(t: Any) -> Any:
    """The scalar type of an operand, literals' types made plain; None for what is no number."""
    t = scalar(t)
    if isinstance(t, types.Literal):
        t = t.literal_type
    if isinstance(t, types.Boolean):
        return types.boolean
    if isinstance(t, types.Integer):
        return types.uint64 if t == types.uint64 else types.int64
    return t if isinstance(t, types.Float) else None


def typed(op: str, args: Any) -> Any:
    """The signature of an operator on lanes and scalars."""
    lane = lane_of(args)
    kinds = [number(t) for t in args]
    if (
        lane is None
        or any(k is None for k in kinds)
        or any(isinstance(t, Lane) and t.width != lane.width for t in args)
    ):
        return None
    kind = max(kinds, key=FEWER.__getitem__)
    if any(isinstance(t, Lane) and t.scalar != kind for t in args):
        return None  # a lane is never converted unasked
    result = types.boolean if op in COMPARISONS else kind
    return signature(Lane(lane.width, result), *(of_kind(t, kind) for t in args))


def register(op: str) -> None:
    function = getattr(operator, op)

    @infer_global(function)
    class Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            return typed(op, args) if not kws else None

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return function(*nums(cx, builder, sig, args)).value

    if op in UNARY:
        lower_builtin(function, Lane)(lower)
        return
    for pair in ((Lane, Lane), (Lane, types.Any), (types.Any, Lane)):
        lower_builtin(function, *pair)(lower)


for name in (*ARITHMETIC, *COMPARISONS, *UNARY):
    register(name)


# ---- functions


def of_real(name: str, body: Any, arity: int = 1) -> Any:
    """An intrinsic on lanes or scalars of floating point."""

    def typing(*given: Any) -> Any:
        kinds = [number(t) for t in given]
        kind = types.float32 if types.float32 in kinds else types.float64
        lane = lane_of(given)

        def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
            return body(*nums(cx, builder, sig, args)).value

        made = [of_kind(t, kind) for t in given]
        return (Lane(lane.width, kind) if lane else kind)(*made), lower

    return intrinsic_of(name, typing, arity)


def intrinsic_of(name: str, typing: Any, arity: int) -> Any:
    """What Numba takes for an intrinsic of so many operands: it looks at the names of the parameters."""
    if arity == 1:

        def one(context, x):
            return typing(x)

        chosen = one
    elif arity == 2:

        def two(context, x, y):
            return typing(x, y)

        chosen = two
    else:

        def three(context, x, y, z):
            return typing(x, y, z)

        chosen = three
    chosen.__name__ = name
    return intrinsic(chosen)


def function(name: str) -> Any:
    """A function of `mathematics`."""
    arity = 2 if name in ("pow", "logaddexp") else 1
    return of_real(f"v{name}", lambda *args: mathematics.apply(name, *args), arity)


vexp, vexp2, vexpm1, vlog, vlog1p, vlog2 = map(function, ("exp", "exp2", "expm1", "log", "log1p", "log2"))
vsin, vcos, vtan, vtanh, vsinh, vcosh = map(function, ("sin", "cos", "tan", "tanh", "sinh", "cosh"))
vsigmoid, verf, vsoftplus, vlogaddexp, vlogit = map(function, ("sigmoid", "erf", "softplus", "logaddexp", "logit"))
vpow = function("pow")
vsqrt, vfloor = of_real("vsqrt", vector.sqrt), of_real("vfloor", vector.floor)
vceil, vrint = of_real("vceil", vector.ceil), of_real("vrint", vector.rint)


def sign_of(x: Num) -> Num:
    return vector.sel(x > 0.0, x.lift(1.0), vector.sel(x < 0.0, x.lift(-1.0), vector.sel(x == 0.0, x.lift(0.0), x)))


vsign = of_real("vsign", sign_of)


def same_kind(name: str, body: Any, arity: int, result: Any = None) -> Any:
    """An intrinsic on lanes or scalars of any one kind; `result`: the kind of what it gives."""

    def typing(*given: Any) -> Any:
        lane = lane_of(given)
        kind = max((number(t) for t in given), key=FEWER.__getitem__)
        gives = result or kind

        def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
            return body(*nums(cx, builder, sig, args)).value

        return (Lane(lane.width, gives) if lane else gives)(*(of_kind(t, kind) for t in given)), lower

    return intrinsic_of(name, typing, arity)


def absolute(x: Num) -> Num:
    return vector.fabs(x) if x.real else vector.sel(x < 0, -x, x)


vabs = same_kind("vabs", absolute, 1)
vmin, vmax = same_kind("vmin", vector.minimum, 2), same_kind("vmax", vector.maximum, 2)
visnan = same_kind("visnan", lambda x: x != x, 1, types.boolean)
visfinite = same_kind("visfinite", lambda x: x - x == 0.0, 1, types.boolean)
visinf = same_kind("visinf", lambda x: vector.fabs(x) == math.inf, 1, types.boolean)


def converted(x: Num, to: Any) -> Num:
    """A number of another kind, as the language converts it."""
    b, wanted = x.trace.builder, x.typed(ELEMENTS[to])
    if x.type == wanted:
        return x
    if x.real and to == types.int64:
        return x.same(b.fptosi(x.value, wanted))
    if x.real:
        return x.same((b.fpext if to == types.float64 else b.fptrunc)(x.value, wanted))
    if to == types.int64:
        return x.same(b.zext(x.value, wanted))
    return x.same((b.uitofp if x.element == I1 else b.sitofp)(x.value, wanted))


def conversion(name: str, to: Any) -> Any:
    return same_kind(name, lambda x: converted(x, to), 1, to)


vfloat, vfloat32 = conversion("vfloat", types.float64), conversion("vfloat32", types.float32)
vint = conversion("vint", types.int64)


@intrinsic(prefer_literal=True)
def power(context, x, k):
    """x to a literal whole power, by multiplication."""
    exponent = k.literal_value

    def lower(cx, builder, sig, args):
        one = Trace(cx, builder).num(args[0])
        made, factor, n = None, one, abs(exponent)
        while n:
            if n & 1:
                made = factor if made is None else made * factor
            factor, n = (factor * factor if n > 1 else factor), n >> 1
        return (made if exponent > 0 else 1.0 / made).value

    return x(x, k), lower


def applied(name: str, arity: int) -> Any:
    """A function of Numba on every lane in turn."""

    def typing(context: Any, f: Any, *given: Any) -> Any:
        lane = lane_of(given)
        kinds = tuple(number(t) for t in given)
        result = context.resolve_function_type(f, kinds, {}).return_type

        def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
            x = nums(cx, builder, types.void(*sig.args[1:]), args[1:])
            return vector.each(f, *x, kinds=kinds).value

        return Lane(lane.width, result)(f, *(of_kind(t, k) for t, k in zip(given, kinds, strict=True))), lower

    if arity == 1:

        def one(context, f, x):
            return typing(context, f, x)

        chosen = one
    else:

        def two(context, f, x, y):
            return typing(context, f, x, y)

        chosen = two
    chosen.__name__ = name
    return intrinsic(chosen)


each1, each2 = applied("each1", 1), applied("each2", 2)


# ---- lanes and scalars


@intrinsic(prefer_literal=True)
def spl(context, w, x):
    """The same number in every lane."""
    lane = x if isinstance(x, Lane) else Lane(w.literal_value, number(x))

    def lower(cx, builder, sig, args):
        return args[1] if isinstance(x, Lane) else vector.splat(Trace(cx, builder).num(args[1]), lane.width).value

    return lane(w, x if isinstance(x, Lane) else lane.scalar), lower


def counting(w: int) -> Any:
    return ir.Constant(ir.VectorType(I64, w), list(range(w)))


@intrinsic(prefer_literal=True)
def lanes(context, w, i, m):
    """The turns i, i + 1, .., m of them; further lanes repeat the last."""
    lane = Lane(w.literal_value, types.int64)

    def lower(cx, builder, sig, args):
        trace = Trace(cx, builder)
        k, last = trace.num(counting(lane.width)), trace.num(args[2]) - 1
        return (vector.minimum(k, vector.splat(last, lane.width)) + trace.num(args[1])).value

    return lane(w, types.int64, types.int64), lower


@intrinsic(prefer_literal=True)
def turns_of(context, w, m):
    """Which lanes are turns of their own, where there are m turns."""
    lane = Lane(w.literal_value, types.boolean)

    def lower(cx, builder, sig, args):
        trace = Trace(cx, builder)
        return (trace.num(counting(lane.width)) < trace.num(args[1])).value

    return lane(w, types.int64), lower


@intrinsic
def sel(context, c, x, y):
    """x in the lanes where c holds, else y."""
    lane = lane_of((c, x, y))
    kind = max((number(x), number(y)), key=FEWER.__getitem__)

    def lower(cx, builder, sig, args):
        cond, a, b = nums(cx, builder, sig, args)
        return vector.sel(cond, a, b).value

    return Lane(lane.width, kind)(of_kind(c, types.boolean), of_kind(x, kind), of_kind(y, kind)), lower


@intrinsic
def any_lane(context, x):
    def lower(cx, builder, sig, args):
        return vector.any_of(Trace(cx, builder).num(args[0])).value

    return types.boolean(x), lower


def folded(name: str, step: Any) -> Any:
    """The lanes combined in one number, by a tree."""

    def typing(x: Any) -> Any:
        def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
            return vector.fold(Trace(cx, builder).num(args[0]), step).value

        return x.scalar(x), lower

    return intrinsic_of(name, typing, 1)


sum_lanes = folded("sum_lanes", lambda x, y: x + y)
product_lanes = folded("product_lanes", lambda x, y: x * y)
all_lanes = folded("all_lanes", lambda x, y: x & y)


@intrinsic(prefer_literal=True)
def lane_at(context, x, k):
    """The number of one lane."""
    return x.scalar(x, types.int64), lambda cx, builder, sig, args: builder.extract_element(args[0], args[1])


def best(name: str, sign: str) -> Any:
    """The least or greatest lane and its turn; of equal ones the earliest turn."""

    def typing(x: Any, turn: Any) -> Any:
        def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
            trace = Trace(cx, builder)
            lane = [[trace.num(builder.extract_element(a, I32(k))) for a in args] for k in range(x.width)]
            value, at = lane[0]
            for v, t in lane[1:]:
                better = (v < value if sign == "<" else v > value) | ((v == value) & (t < at))
                value, at = vector.sel(better, v, value), vector.sel(better, t, at)
            return cx.make_tuple(builder, sig.return_type, [value.value, at.value])

        return types.Tuple((x.scalar, types.int64))(x, turn), lower

    return intrinsic_of(name, typing, 2)


least_lane, most_lane = best("least_lane", "<"), best("most_lane", ">")


# ---- memory: no counting from the end and no bounds, which are proved or checked before. Positions are those of the
# elements one after another. `m`: how many lanes are turns of their own.


class Memory:
    """The elements of an array of Numba."""

    def __init__(self, cx: Any, builder: Any, t: Any, a: Any) -> None:
        self.builder = builder
        self.trace = Trace(cx, builder)
        self.data = cx.make_array(t)(cx, builder, a).data
        self.align = t.dtype.bitwidth // 8 if t.dtype != types.boolean else 1
        self.truth = t.dtype == types.boolean

    def at(self, i: Any) -> Any:
        return self.builder.gep(self.data, [i])

    def load(self, i: Any) -> Any:
        """One element, as it lies in a lane."""
        return self.plain(self.builder.load(self.at(i)))

    def plain(self, v: Any) -> Any:
        if not self.truth:
            return v
        zero = ir.Constant(v.type, [0] * v.type.count if isinstance(v.type, ir.VectorType) else 0)
        return self.builder.icmp_signed("!=", v, zero)

    def stored(self, v: Any) -> Any:
        byte = ir.IntType(8)
        wide = isinstance(v.type, ir.VectorType)
        return self.builder.zext(v, ir.VectorType(byte, v.type.count) if wide else byte) if self.truth else v

    def vector(self, i: Any, width: int) -> Any:
        element = ir.IntType(8) if self.truth else self.data.type.pointee
        p = self.builder.bitcast(self.at(i), ir.PointerType(ir.VectorType(element, width)))
        v = self.builder.load(p)
        v.align = self.align
        return self.plain(v)

    def put_vector(self, i: Any, v: Any) -> None:
        v = self.stored(v)
        self.builder.store(v, self.builder.bitcast(self.at(i), ir.PointerType(v.type))).align = self.align

    def put(self, i: Any, v: Any) -> None:
        self.builder.store(self.stored(v), self.at(i))

    def add(self, i: Any, v: Any) -> None:
        trace = self.trace
        self.put(i, (trace.num(self.load(i)) + trace.num(v)).value)


def whole_or_part(builder: Any, m: Any, width: int, whole: Any, part: Any, result: Any = None) -> Any:
    """`whole()` where all lanes are turns of their own, else `part(k)` for as many as are, one by one."""
    room = cgutils.alloca_once(builder, result) if result is not None else None
    with builder.if_else(builder.icmp_signed(">=", m, I64(width)), likely=True) as (full, tail):
        with full:
            made = whole()
            if room is not None:
                builder.store(made, room)
        with tail:
            part(room)
    return builder.load(room) if room is not None else None


def elements(builder: Any, room: Any, element: Any) -> Any:
    return builder.bitcast(room, ir.PointerType(element))


@intrinsic(prefer_literal=True)
def ld(context, w, a, i, m):
    """Elements i, i + 1, .. of an array; further lanes than m repeat the last."""
    return loading(w.literal_value, a, (w, a, types.int64, types.int64), None)


@intrinsic(prefer_literal=True)
def lds(context, w, a, i, step, m):
    """Elements i, i + step, .."""
    return loading(w.literal_value, a, (w, a, types.int64, types.int64, types.int64), 3)


def loading(width: int, a: Any, given: Any, step: int | None) -> Any:
    lane = Lane(width, a.dtype)

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        memory, i, m = Memory(cx, builder, sig.args[1], args[1]), args[2], args[-1]
        by = args[step] if step else None

        def place(k: Any) -> Any:
            return builder.add(i, builder.mul(k, by) if by is not None else k)

        def whole() -> Any:
            if by is None:
                return memory.vector(i, width)
            v, at = ir.Constant(lane.llvm, ir.Undefined), i
            for k in range(width):
                v = builder.insert_element(v, memory.load(at), I32(k))
                at = builder.add(at, by)
            return v

        def part(room: Any) -> None:
            last, v = builder.sub(m, I64(1)), ir.Constant(lane.llvm, ir.Undefined)
            slot = cgutils.alloca_once_value(builder, v)
            with cgutils.for_range(builder, I64(width)) as loop:
                k = builder.select(builder.icmp_signed("<", loop.index, last), loop.index, last)
                builder.store(builder.insert_element(builder.load(slot), memory.load(place(k)), loop.index), slot)
            builder.store(builder.load(slot), room)

        return whole_or_part(builder, m, width, whole, part, lane.llvm)

    return lane(*given), lower


@intrinsic(prefer_literal=True)
def ldm(context, w, a, i, mask, m):
    """The same in the lanes of a mask, nothing in others."""
    lane = Lane(w.literal_value, a.dtype)

    def lower(cx, builder, sig, args):
        memory, i, m = Memory(cx, builder, sig.args[1], args[1]), args[2], args[4]
        kind = ir.VectorType(ir.IntType(8) if memory.truth else memory.data.type.pointee, lane.width)
        zero = ir.Constant(kind, [0] * lane.width)

        def whole() -> Any:
            where = builder.bitcast(memory.at(i), ir.PointerType(kind))
            return memory.plain(masked(builder, "load", kind, kind, where, I32(memory.align), args[3], zero))

        def part(room: Any) -> None:
            last = builder.sub(m, I64(1))
            slot = cgutils.alloca_once_value(builder, memory.plain(zero))
            with cgutils.for_range(builder, I64(lane.width)) as loop:
                k = builder.select(builder.icmp_signed("<", loop.index, last), loop.index, last)
                with builder.if_then(builder.extract_element(args[3], loop.index)):
                    v = memory.load(builder.add(i, k))
                    builder.store(builder.insert_element(builder.load(slot), v, loop.index), slot)
            builder.store(builder.load(slot), room)

        return whole_or_part(builder, m, lane.width, whole, part, lane.llvm)

    return lane(w, a, types.int64, mask, types.int64), lower


@intrinsic
def stm(context, a, i, v, mask):
    """Elements i, i + 1, .. become those of the lanes of a mask."""

    def lower(cx, builder, sig, args):
        memory = Memory(cx, builder, sig.args[0], args[0])
        value = memory.stored(args[2])
        where = builder.bitcast(memory.at(args[1]), ir.PointerType(value.type))
        masked(builder, "store", value.type, ir.VoidType(), value, where, I32(memory.align), args[3])
        return cx.get_dummy_value()

    return types.void(a, types.int64, v, mask), lower


def masked(builder: Any, name: str, kind: Any, result: Any, *args: Any) -> Any:
    """A call of LLVM's `masked.load` or `masked.store`."""
    function = ir.FunctionType(result, [a.type for a in args])
    name = f"llvm.masked.{name}.{vector.suffix(kind)}.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)


@intrinsic
def st(context, a, i, v, m):
    """Elements i, i + 1, .. become those of the lanes."""

    def lower(cx, builder, sig, args):
        memory, lane = Memory(cx, builder, sig.args[0], args[0]), args[2]

        def part(room: Any) -> None:
            with cgutils.for_range(builder, args[3]) as loop:
                memory.put(builder.add(args[1], loop.index), builder.extract_element(lane, loop.index))

        whole_or_part(builder, args[3], v.width, lambda: memory.put_vector(args[1], lane), part)
        return cx.get_dummy_value()

    return types.void(a, types.int64, v, types.int64), lower


def striding(name: str, act: Any) -> Any:
    """Elements i, i + step, .. by the first m lanes."""

    def stride(context, a, i, step, v, m):
        def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
            memory, at = Memory(cx, builder, sig.args[0], args[0]), args[1]

            def whole() -> None:
                here = at
                for k in range(v.width):
                    act(memory, here, builder.extract_element(args[3], I32(k)))
                    here = builder.add(here, args[2])

            def part(room: Any) -> None:
                with cgutils.for_range(builder, args[4]) as loop:
                    here = builder.add(at, builder.mul(loop.index, args[2]))
                    act(memory, here, builder.extract_element(args[3], loop.index))

            whole_or_part(builder, args[4], v.width, whole, part)
            return cx.get_dummy_value()

        return types.void(a, types.int64, types.int64, v, types.int64), lower

    stride.__name__ = name
    return intrinsic(stride)


sts, adds = striding("sts", Memory.put), striding("adds", Memory.add)


def scattering(name: str, act: Any) -> Any:
    """Elements by the lanes of an index, in the order of the turns, where `mask` holds."""

    def scatter(context, a, at, v, mask):
        def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
            memory = Memory(cx, builder, sig.args[0], args[0])
            for k in range(at.width):
                index, value, take = (builder.extract_element(x, I32(k)) for x in args[1:])
                with builder.if_then(take):
                    act(memory, index, value)
            return cx.get_dummy_value()

        return types.void(a, at, v, mask), lower

    scatter.__name__ = name
    return intrinsic(scatter)


scatter, add_at = scattering("scatter", Memory.put), scattering("add_at", Memory.add)


@intrinsic
def gather(context, a, at):
    """Elements by the lanes of an index."""
    lane = Lane(at.width, a.dtype)

    def lower(cx, builder, sig, args):
        memory, v = Memory(cx, builder, sig.args[0], args[0]), ir.Constant(lane.llvm, ir.Undefined)
        for k in range(at.width):
            v = builder.insert_element(v, memory.load(builder.extract_element(args[1], I32(k))), I32(k))
        return v

    return lane(a, at), lower


@intrinsic
def add_lanes(context, a, i, v, mask):
    """Adds the sum of the lanes in `mask` to one element."""

    def lower(cx, builder, sig, args):
        trace = Trace(cx, builder)
        v, mask = trace.num(args[2]), trace.num(args[3])
        total = vector.fold(vector.sel(mask, v, v.lift(0)), lambda x, y: x + y)
        Memory(cx, builder, sig.args[0], args[0]).add(args[1], total.value)
        return cx.get_dummy_value()

    return types.void(a, types.int64, v, mask), lower


# ---- arrays of lanes: an array of each turn's own is a buffer, the elements of all lanes for one position together


@intrinsic(prefer_literal=True)
def ld_wide(context, w, a, i):
    lane = Lane(w.literal_value, a.dtype)

    def lower(cx, builder, sig, args):
        at = builder.mul(args[2], I64(lane.width))
        return Memory(cx, builder, sig.args[1], args[1]).vector(at, lane.width)

    return lane(w, a, types.int64), lower


@intrinsic
def st_wide(context, a, i, v):
    def lower(cx, builder, sig, args):
        at = builder.mul(args[1], I64(v.width))
        Memory(cx, builder, sig.args[0], args[0]).put_vector(at, args[2])
        return cx.get_dummy_value()

    return types.void(a, types.int64, v), lower


@intrinsic(prefer_literal=True)
def st_rows(context, w, a, i, size, wide, start, m):
    """Rows of `size` elements from position i on, one after another, become those of the first m lanes of a buffer
    from its position `start` on."""
    width = w.literal_value

    def lower(cx, builder, sig, args):
        args = args[1:]
        to, of = Memory(cx, builder, sig.args[1], args[0]), Memory(cx, builder, sig.args[4], args[3])
        with cgutils.for_range(builder, args[5]) as lane:
            row = builder.add(args[1], builder.mul(lane.index, args[2]))
            with cgutils.for_range(builder, args[2]) as k:
                at = builder.add(builder.mul(builder.add(args[4], k.index), I64(width)), lane.index)
                to.put(builder.add(row, k.index), of.load(at))
        return cx.get_dummy_value()

    return types.void(w, a, types.int64, types.int64, wide, types.int64, types.int64), lower


@intrinsic
def own(context, at):
    """Positions in such a buffer: each lane its own of index `at`."""

    def lower(cx, builder, sig, args):
        trace = Trace(cx, builder)
        return ((trace.num(args[0]) * at.width) + trace.num(counting(at.width))).value

    return at(at), lower
