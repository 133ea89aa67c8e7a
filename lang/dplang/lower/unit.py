"""Lowering a file, an entry of the REPL, a test or a call from outside, on top of what was lowered before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..check import typed
from ..check.unify import data_fault
from ..core import ir
from ..core.ir import Block, Fn, Operand, Param, Program
from ..core.sizes import Size, SizeVar
from ..core.types import UNIT as NOTHING
from ..core.types import Array, Meta, Ranked, Type, transform
from ..errors.source import NOWHERE
from .body import Body
from .control import statement
from .instances import Instances
from .layout import plain
from .shape import Code, Shape, fill, leaves, outline


@dataclass(frozen=True, slots=True)
class Value:
    """A top-level variable as the session keeps it: the structure of its leaves (with the bodies of function values),
    and how they make up a value for printing and for Python."""

    symbol: typed.Symbol
    shape: Shape
    layout: ir.Layout


@dataclass(frozen=True, slots=True)
class Entry:
    """A core function to be called from outside.

    Its arguments are the leaves of what `params` describe, then those of the variables `inputs`, in order.
    """

    fn: str
    params: tuple[ir.Layout, ...]
    inputs: tuple[typed.Symbol, ...]
    shape: Shape
    layout: ir.Layout


@dataclass(frozen=True, slots=True)
class Unit:
    """A lowered file: `entry` takes the leaves of `inputs` and gives those of `outputs`. `tests` are its tests."""

    entry: str
    inputs: tuple[typed.Symbol, ...]
    outputs: tuple[Value, ...]
    tests: tuple[tuple[str, Entry], ...]


class Lowering:
    """All that a session has lowered. Variables of earlier units come as a mapping to the shapes of their `Value`s."""

    def __init__(self) -> None:
        self.instances = Instances()

    @property
    def program(self) -> Program:
        return self.instances.program("")

    def unit(self, module: typed.Module, prior: Mapping[typed.Symbol, Shape]) -> Unit:
        """The statements of a file as a function, and all its functions that need no type arguments."""
        program = self.instances
        span = module.stmts[0].span if module.stmts else NOWHERE
        block = typed.Block(NOTHING, span, module.stmts, None)
        program.uses.note(block)
        program.note_sizes(module.stmts)
        f = Body(program, program.name(module.name or "entry"), {}, span)
        inputs = tuple(s for s in self._read(block) if s in prior)
        params = _inputs(f, inputs, prior)
        before = dict(f.env)
        for s in module.stmts:
            statement(f, s)
        outputs = [self._value(f, s, module) for s in f.env if s.top and f.env[s] is not before.get(s)]
        results = tuple(o for v in outputs for o in leaves(v.shape))
        self._keep(f, params, results)
        known = {**prior, **{v.symbol: v.shape for v in outputs}}
        self._functions(module, known)
        tests = tuple((title, self._test(title, body, known)) for title, body in module.tests)
        plain = tuple(Value(v.symbol, outline(v.shape), v.layout) for v in outputs)
        return Unit(f.name, inputs, plain, tests)

    def _read(self, node: object) -> tuple[typed.Symbol, ...]:
        """The top-level variables that a piece reads, by itself or through functions."""
        inside = self.instances.free(node)
        found = dict.fromkeys(s for s in inside.symbols if s.top)
        for fn in inside.fns:
            found.update(dict.fromkeys(self.instances.needs(fn)))
        sizes = self.instances.top_sizes
        found.update(dict.fromkeys(sizes[v][0] for v in inside.sizes if v in sizes))
        return tuple(found)

    def _value(self, f: Body, symbol: typed.Symbol, module: typed.Module) -> Value:
        shape = f.read(symbol)
        t = module.types.get(symbol)
        layout = _layout(self.instances, t, shape)
        return Value(symbol, shape, layout)

    def _keep(self, f: Body, params: Sequence[Param], results: Sequence[Operand]) -> None:
        block = Block((*f.prologue.lets, *f.b.lets), tuple(results))
        types = tuple(o.type for o in results)
        self.instances.fns[f.name] = Fn(
            f.name, f.name, tuple(params), block, types, ("",) * len(types), f.b.span, user=True
        )

    def _functions(self, module: typed.Module, known: Mapping[typed.Symbol, Shape]) -> None:
        """Functions that take data of known types are lowered whether they are called or not: they are judged."""
        for fn in module.functions:
            if fn.user and _plain(fn):
                args = tuple(Size.of(p) for p in fn.type_params if isinstance(p, SizeVar))
                code, _ = self.instances.code(fn, args)
                if not code.sizes and all(s in known for s in code.symbols):
                    self._instance(code, known)

    def _instance(self, code: Code, known: Mapping[typed.Symbol, Shape]) -> Entry:
        """The core function of a body that captures nothing but top-level variables."""
        layouts = self.instances.layouts
        args = [layouts.outline(t) for t in code.param_types]
        captured = [outline(known[s]) for s in code.symbols]
        made = self.instances.instance(code, args, captured)
        assert made.result is not None
        params = tuple(layouts.layout(t, a) for t, a in zip(code.param_types, made.args, strict=True))
        return Entry(made.name, params, code.symbols, made.result, layouts.layout(code.result, made.result))

    def _test(self, title: str, body: typed.Block, known: Mapping[typed.Symbol, Shape]) -> Entry:
        name = f"test {title}"
        return self.expression(name, (), (), body, known)

    def expression(
        self,
        name: str,
        params: tuple[typed.Symbol, ...],
        types: tuple[Type, ...],
        body: typed.Expr,
        prior: Mapping[typed.Symbol, Shape],
        likes: tuple[Shape | None, ...] = (),
    ) -> Entry:
        """A checked expression over `params` and top-level variables as a function: a call from Python, a test.

        `likes` are the shapes of the parameters that are or hold function values.
        """
        symbols = tuple(s for s in self._read(body) if s not in params)
        code = Code(name, name, params, types, body.type, body, {}, symbols, ())
        layouts = self.instances.layouts
        likes = likes or (None,) * len(params)
        args = [layouts.outline(t, like) for t, like in zip(types, likes, strict=True)]
        captured = [outline(prior[s]) for s in symbols]
        made = self.instances.instance(code, args, captured)
        assert made.result is not None
        given = tuple(layouts.layout(t, a) for t, a in zip(types, made.args, strict=True))
        return Entry(made.name, given, symbols, made.result, layouts.layout(body.type, made.result))


def _inputs(f: Body, inputs: Sequence[typed.Symbol], prior: Mapping[typed.Symbol, Shape]) -> list[Param]:
    """Parameters for the leaves of earlier variables."""
    params: list[Param] = []
    for symbol in inputs:
        made: list[Operand] = []
        for o in leaves(prior[symbol]):
            var = f.names.fresh(symbol.name, o.type)
            made.append(var)
            params.append(Param(var, symbol.name, -1, symbol.span))
        f.env[symbol] = fill(prior[symbol], iter(made))
    return params


def _layout(program: Instances, t: Type | None, shape: Shape) -> ir.Layout:
    return plain(shape) if t is None else program.layouts.layout(t, shape)


def _plain(fn: typed.Function) -> bool:
    """Whether a function takes data of known types only, so that it is its own instance."""
    if fn.body is None or fn.result is None or not all(isinstance(p, SizeVar) for p in fn.type_params):
        return False
    types = (*fn.param_types, fn.result)
    return not any(data_fault(t) is not None or _open(t) for t in types)


def _open(t: Type) -> bool:
    found = isinstance(t, Ranked) or (isinstance(t, Array) and isinstance(t.elem, Ranked))

    def leaf(v: object) -> object:
        nonlocal found
        found = found or isinstance(v, Meta)
        return v

    transform(t, leaf, lambda s: s)  # type: ignore[arg-type]
    return found
