"""Derivative rules of one's own, with the signature that the core asks for: leaves in, leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from ..check import typed
from ..core.ir import ArrayType, Block, Fill, Fn, Lit, Operand, Param, Rule, Scalar, Type
from ..core.sizes import Size, SizeVar
from .body import Body
from .shape import Shape, fill, leaves

if TYPE_CHECKING:
    from .instances import Instance, Instances

Kind = Literal["partials", "jvp", "vjp"]


def rule_of(program: Instances, instance: Instance, params: Sequence[Param]) -> Rule:
    """The rule of an instance, its bodies wrapped into functions of leaves."""
    fn = instance.code.fn
    assert fn is not None and fn.rule is not None
    rule = fn.rule

    def wrapped(kind: Kind, body: typed.Function | None) -> str | None:
        return None if body is None else _Wrapper(program, instance, params, kind, body).write()

    return Rule(wrapped("partials", rule.partials), wrapped("jvp", rule.jvp), wrapped("vjp", rule.vjp))


class _Wrapper:
    """A core function that takes the leaves of an instance (and its results and tangents) and calls a body of its rule.

    The body knows the source's parameters only: what the instance captures has derivative zero here.
    """

    def __init__(
        self, program: Instances, instance: Instance, params: Sequence[Param], kind: Kind, body: typed.Function
    ) -> None:
        self.program = program
        self.instance = instance
        self.kind = kind
        self.body = body
        assert instance.result is not None
        self.result = instance.result
        code = instance.code
        self.f = Body(program, program.name(f"{instance.name}'{kind}"), code.types, body.span)
        self.f.user = code.user
        self.params: list[Param] = []
        self.leaves = [self.parameter(p.var.name, p.var.type, p.label) for p in params]

    def parameter(self, hint: str, t: Type, label: str) -> Operand:
        var = self.f.names.fresh(hint, t)
        self.params.append(Param(var, label, span=self.body.span))
        return var

    def tangible(self, o: Operand) -> bool:
        return self.program.layouts.tangible(o.type)

    def write(self) -> str:
        f, code = self.f, self.instance.code
        results = [self.parameter("result", o.type, "result") for o in leaves(self.result)]
        given = iter(self.leaves)
        # a method's receiver is captured, and yet the first parameter of its rule
        args = [fill(s, given) for s in self.instance.args]
        held = [fill(s, given) for s in self.instance.captured]
        sources = [*held[: code.bound], *args]
        for symbol, shape in zip(code.symbols, held, strict=False):
            f.env[symbol] = shape
        for var, size in zip(code.sizes, held[len(code.symbols) :], strict=True):
            f.parameter_size(var, next(leaves(size)))
        assert code.fn is not None
        for t, shape in zip(code.fn.param_types, sources, strict=True):
            f.bind_sizes(f.type(t), shape, parameter=True)
        for (var, _), k in zip(code.fn.size_params, self.positions(), strict=True):
            f.parameter_size(var, next(leaves(sources[k])))
        more = self.more(held, args, fill(self.result, iter(results)))
        value = self.call([*sources, fill(self.result, iter(results)), *more])
        moved = [o for o in leaves(value) if self.tangible(o)]
        if self.kind != "jvp":
            moved = self.in_order(moved, held, args)
        block = Block((*f.prologue.lets, *f.b.lets), tuple(moved))
        self.program.fns[f.name] = Fn(
            f.name, code.label, tuple(self.params), block, tuple(o.type for o in moved), ("",) * len(moved),
            self.body.span, user=code.user,
        )  # fmt: skip
        return f.name

    def positions(self) -> Iterator[int]:
        fn = self.instance.code.fn
        assert fn is not None
        return (fn.params.index(s) for _, s in fn.size_params)

    def more(self, held: Sequence[Shape], args: Sequence[Shape], result: Shape) -> list[Shape]:
        """The tangents or the cotangent that the body takes, as values of its parameters' types."""
        bound = self.instance.code.bound
        match self.kind:
            case "partials":
                return []
            case "vjp":
                return [self.moved(result, "adjoint")]
            case "jvp":
                # in the order of the core parameters; the rule knows nothing of the tangents of what is captured
                given = [self.moved(s, "tangent") for s in args if self.moves(s)]
                receiver = [self.moved(s, "tangent") for s in held[:bound] if self.moves(s)]
                for s in held[bound:]:
                    self.moved(s, "tangent")
                return [*receiver, *given]

    def moves(self, shape: Shape) -> bool:
        return any(self.tangible(o) for o in leaves(shape))

    def moved(self, primal: Shape, hint: str) -> Shape:
        """A tangent of `primal` from parameters of its own; leaves without a tangent are the primal's."""
        return fill(
            primal,
            iter([self.parameter(hint, o.type, hint) if self.tangible(o) else o for o in leaves(primal)]),
        )

    def call(self, args: Sequence[Shape]) -> Shape:
        f = self.f
        fn_args = tuple(
            Size.of(p) if isinstance(p, SizeVar) else self.instance.code.types[p] for p in self.body.type_params
        )
        callee = self.program.definition(f, typed.FnRef(self.body, fn_args), None)
        return self.program.call(f, callee, args)

    def in_order(self, moved: Sequence[Operand], held: Sequence[Shape], args: Sequence[Shape]) -> list[Operand]:
        """Adjoints in the order of the core parameters: the receiver's behind the arguments', zeros for the others."""
        bound = [o for s in held[: self.instance.code.bound] for o in leaves(s) if self.tangible(o)]
        first, rest = list(moved[: len(bound)]), list(moved[len(bound) :])
        others = [o for s in held[self.instance.code.bound :] for o in leaves(s) if self.tangible(o)]
        return [*rest, *first, *(self.zero(o) for o in others)]

    def zero(self, o: Operand) -> Operand:
        f = self.f
        elem = o.type.elem if isinstance(o.type, ArrayType) else o.type
        if not isinstance(elem, Scalar):
            from .ssa import nothing

            return nothing(f, f.b, o.type)
        if not isinstance(o.type, ArrayType):
            return Lit(0.0, elem)
        dims = tuple(f.dim(o, k) for k in range(len(o.type.dims)))
        return f.b.one(Fill(dims, Lit(0.0, elem)), o.type, "zero")
