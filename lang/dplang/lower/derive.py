"""Derivative operators: the instance that is differentiated, and values put together again from tangents of leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..check import typed
from ..core.build import ZERO
from ..core.ir import ArrayType, Build, Derive, Fill, Let, Operand, Type
from ..core.rewrite import rank
from . import expressions
from .arrays import INDICES, nest
from .body import Body
from .instances import Instance
from .shape import Group, Leaf, Shape, Static, fill, leaves, operands


def derive(f: Body, e: typed.Derive) -> Shape:
    """The value of an operator."""
    callee, args, instance = _callee(f, e.fn, e.args)
    wrt = tuple(k for p in e.wrt for k in _numbers(f, args, p))
    seeds = tuple(o for s in e.seeds for o in leaves(expressions.value(f, s)) if f.program.layouts.tangible(o.type))
    given = (*operands(args), *operands(callee.captured))
    result = instance.result
    assert result is not None
    node = Derive(e.kind, instance.name, given, wrt, seeds)
    moved = [given[k].type for k in wrt]
    match e.kind:
        case "grad" | "hvp":
            return _moved(f, e, args, iter(_let(f, node, moved, "gradient")))
        case "value_and_grad" | "vjp":
            kinds = [o.type for o in leaves(result)]
            made = iter(_let(f, node, [*kinds, *moved], "gradient"))
            return Group((fill(result, made), _moved(f, e, args, made)))
        case "jvp":
            kinds = [o.type for o in leaves(result)]
            tangents = [t for t in kinds if f.program.layouts.tangible(t)]
            made = iter(_let(f, node, [*kinds, *tangents], "tangent"))
            primal = fill(result, made)
            return Group((primal, _replaced(f, primal, made)))
        case "jacobian":
            return _jacobian(f, e, node, args, next(leaves(result)).type, moved)
        case "hessian":
            kind = next(leaves(f.outline(e.type)))
            return Leaf(_let(f, node, [kind.type], "hessian")[0])


def demand(f: Body, e: typed.Demand) -> None:
    """What `train` asks the first judgement: whether every leaf that is not fixed moves the objective."""
    callee, args, instance = _callee(f, e.fn, (e.arg,))
    infos = f.program.layouts.infos(f.type(e.arg.type), args[0], "")
    free = [
        k
        for k, (o, info) in enumerate(zip(leaves(args[0]), infos, strict=True))
        if f.program.layouts.tangible(o.type) and not info.fixed
    ]
    given = (*operands(args), *operands(callee.captured))
    _let(f, Derive("demand", instance.name, given, tuple(free)), [], "demand")


def _callee(f: Body, fn: typed.Expr, args: Sequence[typed.Expr]) -> tuple[Static, list[Shape], Instance]:
    callee = expressions.value(f, fn)
    assert isinstance(callee, Static)
    values = [expressions.value(f, a) for a in args]
    return callee, values, f.program.instance(callee.code, values, callee.captured)


def _let(f: Body, node: Derive, types: Sequence[Type], hint: str) -> tuple[Operand, ...]:
    names = tuple(f.names.fresh(hint, t) for t in types)
    f.b.lets.append(Let(names, node, f.b.span, f.b.role))
    return names


def _numbers(f: Body, args: Sequence[Shape], p: int) -> Iterator[int]:
    """The numbers of the core parameters that are leaves of parameter `p` and have a tangent."""
    start = len(operands(args[:p]))
    for k, o in enumerate(leaves(args[p])):
        if f.program.layouts.tangible(o.type):
            yield start + k


def _replaced(f: Body, primal: Shape, tangents: Iterator[Operand]) -> Shape:
    """A value whose leaves with a tangent are replaced by it."""
    return fill(primal, iter([next(tangents) if f.program.layouts.tangible(o.type) else o for o in leaves(primal)]))


def _moved(f: Body, e: typed.Derive, args: Sequence[Shape], tangents: Iterator[Operand]) -> Shape:
    """The tangent with respect to what the operator names."""
    parts = tuple(_replaced(f, args[p], tangents) for p in e.wrt)
    return Group(parts) if e.tuple_wrt else parts[0]


def _jacobian(
    f: Body, e: typed.Derive, node: Derive, args: Sequence[Shape], result: Type, moved: Sequence[Type]
) -> Shape:
    """The tangent for each scalar of the result: arrays with its dimensions in front, of other leaves too."""
    front = result.dims if isinstance(result, ArrayType) else ()
    made = _let(f, node, [_stacked(front, t) for t in moved], "jacobian")
    dims = tuple(f.dim(made[0], k) for k in range(len(front))) if made else ()
    values = iter(made)

    def leaf(o: Operand) -> Operand:
        return next(values) if f.program.layouts.tangible(o.type) else _repeated(f, o, dims, front)

    parts = tuple(fill(args[p], iter([leaf(o) for o in leaves(args[p])])) for p in e.wrt)
    return Group(parts) if e.tuple_wrt else parts[0]


def _stacked(front: tuple[int | None, ...], t: Type) -> Type:
    if not front:
        return t
    return ArrayType(t.elem, front + t.dims) if isinstance(t, ArrayType) else ArrayType(t, front)


def _repeated(f: Body, o: Operand, dims: tuple[Operand, ...], front: tuple[int | None, ...]) -> Operand:
    """An array of one value."""
    if not dims:
        return o
    if not rank(o.type):
        kind = _stacked(front, o.type)
        return f.b.one(Fill(dims, o), kind, "t")
    ranges = [(INDICES[k % 3], ZERO, d) for k, d in enumerate(dims)]
    return nest(f, ranges, lambda n: (Build(),) * n, lambda _: (o,), "t")[0]
