"""One core function for each definition or closure at type arguments and function-valued arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from ..check import typed
from ..core.ir import INT, Block, Call, EnumDecl, Fn, Operand, Param, Program
from ..core.sizes import Size, SizeVar
from ..core.types import Array, Constraint, Struct, TangentOf, Tuple, TypeVar, show, substitute
from ..core.types import Type as LanguageType
from ..core.types import transform as rebuilt
from ..errors.diagnostic import Fault, NotBuilt
from ..errors.source import Span
from .body import Body, Delayed
from .expressions import LAMBDA
from .layout import Info, Layouts, erased, fields
from .shape import Code, Leaf, Shape, Static, fill, functions, leaves, operands, outline, transform
from .ssa import nothing
from .uses import Uses
from .walk import Control, Free, binds, free, inside


@dataclass(eq=False, slots=True)
class Instance:
    """A core function: its name, and the structures of its arguments, of what it captures and of its result.

    The function's parameters are the leaves of `args`, then those of `captured`: `code.symbols`, then `code.sizes`.
    """

    name: str
    code: Code
    args: tuple[Shape, ...]
    captured: tuple[Shape, ...]
    result: Shape | None


@dataclass(eq=False, slots=True)
class Instances:
    """All functions of a session that have been lowered so far."""

    fns: dict[str, Fn] = field(default_factory=dict)
    layouts: Layouts = field(default_factory=Layouts)
    control: Control = field(default_factory=Control)
    top_sizes: dict[SizeVar, tuple[typed.Symbol, LanguageType]] = field(default_factory=dict)
    uses: Uses = field(init=False)
    _instances: dict[object, Instance] = field(default_factory=dict)
    _codes: dict[object, Code] = field(default_factory=dict)
    _free: dict[int, tuple[object, Free]] = field(default_factory=dict)
    _needs: dict[typed.Function, tuple[typed.Symbol, ...]] = field(default_factory=dict)
    _canonical: list[SizeVar] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.uses = Uses(self.control)

    def program(self, entry: str) -> Program:
        enums: dict[str, EnumDecl] = dict(self.layouts.enums)
        return Program(dict(self.fns), enums, entry)

    def name(self, base: str) -> str:
        """A name that no function has yet."""
        made = base
        for n in count(2):
            if made not in self._names:
                break
            made = f"{base}.{n}"
        self._names.add(made)
        return made

    # ---- what a body reads from outside

    def note_sizes(self, stmts: Sequence[typed.Stmt]) -> None:
        """Remembers from which top-level variables functions read the sizes that these statements name."""
        for s in (s for s in stmts if isinstance(s, typed.Let)):
            for symbol, t in binds(s.pattern):
                if symbol.top:
                    for var in s.fresh if t == INT else _readable(t):
                        self.top_sizes.setdefault(var, (symbol, t))

    def note_types(self, types: Iterable[tuple[typed.Symbol, LanguageType]]) -> None:
        """The same for variables that are given from outside."""
        for symbol, t in types:
            for var in _readable(t):
                self.top_sizes.setdefault(var, (symbol, t))

    def free(self, node: object) -> Free:
        known = self._free.get(id(node))
        if known is None:
            known = self._free[id(node)] = (node, free(node))
        return known[1]

    def needs(self, fn: typed.Function) -> tuple[typed.Symbol, ...]:
        """The top-level variables that a definition uses, directly or through others."""
        known = self._needs.get(fn)
        if known is None:
            found: dict[typed.Symbol, None] = {}
            for f in self._reached(fn):
                assert f.body is not None, f"`{f.name}` has no body"
                read = self.free(f.body)
                found.update((s, None) for s in read.symbols if s not in f.params)
                found.update((self.top_sizes[v][0], None) for v in read.sizes if v in self.top_sizes)
            known = self._needs[fn] = tuple(found)
        return known

    def _reached(self, fn: typed.Function) -> Iterator[typed.Function]:
        seen, waiting = {fn: None}, [fn]
        while waiting:
            f = waiting.pop()
            yield f
            assert f.body is not None, f"`{f.name}` has no body"
            named = dict.fromkeys([*self.free(f.body).fns, *_rules(f)])
            waiting += [g for g in named if g not in seen]
            seen.update(named)

    # ---- function values

    def closure(self, f: Body, e: typed.Lambda) -> Static:
        """A lambda where it stands, with what it captures."""
        key = (id(e), tuple((v, t) for v, t in f.types.items()))
        code = self._codes.get(key)
        if code is None:
            code = self._codes[key] = self._lambda(f, e)
        sizes = tuple(Leaf(f.size(Size.of(v))) for v in code.sizes)
        return Static(code, (*(f.read(s) for s in code.symbols), *sizes))

    def _lambda(self, f: Body, e: typed.Lambda) -> Code:
        read = self.free(e)
        symbols = dict(read.symbols)
        for fn in read.fns:
            symbols.update(dict.fromkeys(self.needs(fn)))
        symbols.update((self.top_sizes[v][0], None) for v in read.sizes if v in self.top_sizes)
        types = tuple(f.type(t) for t in e.param_types)
        readable = {v for t in types for v in _readable(t)}
        sizes = tuple(v for v in read.sizes if v not in readable and v not in self.top_sizes and f.has_size(v))
        result = f.type(e.body.type)
        name = f"{f.name}.{LAMBDA}"
        captured = {n.symbol: f.type(n.type) for n in inside(e.body) if isinstance(n, typed.Local)}
        return Code(
            name, LAMBDA, e.params, types, result, e.body, dict(f.types), tuple(symbols), sizes, user=f.user,
            captured={s: t for s, t in captured.items() if s in symbols},
        )  # fmt: skip

    def definition(self, f: Body, ref: typed.FnRef, receiver: Shape | None) -> Static:
        """A definition as a function value; with a receiver, that is its first parameter."""
        args = tuple(f.type(a) if not isinstance(a, Size) else a for a in ref.args)
        code, pairs = self.code(ref.fn, args, 0 if receiver is None else 1)
        bound = (receiver,) if receiver is not None else ()
        symbols = tuple(f.read(s) for s in code.symbols[len(bound) :])
        sizes = tuple(Leaf(f.size(pairs[v])) for v in code.sizes)
        return Static(code, (*bound, *symbols, *sizes))

    def code(
        self, fn: typed.Function, args: tuple[LanguageType | Size, ...], bound: int = 0
    ) -> tuple[Code, dict[SizeVar, Size]]:
        """The body of a definition at type arguments, and what its sizes are for whoever names it so."""
        pairs: dict[SizeVar, Size] = {}
        types: dict[TypeVar, LanguageType] = {}
        numbers = count()

        def canonical(s: Size) -> Size:
            var = self._canonical_size(next(numbers))
            pairs[var] = s
            return Size.of(var)

        for p, a in zip(fn.type_params, args, strict=True):
            if isinstance(p, SizeVar):
                assert isinstance(a, Size)
                pairs[p] = a
            else:
                assert not isinstance(a, Size)
                types[p] = rebuilt(a, lambda v: v, canonical)
        key = (fn, tuple(types.items()), bound)
        if key not in self._codes:
            self._codes[key] = self._definition(fn, types, bound, tuple(pairs))
        return self._codes[key], pairs

    def _canonical_size(self, n: int) -> SizeVar:
        while len(self._canonical) <= n:
            self._canonical.append(SizeVar("n"))
        return self._canonical[n]

    def _definition(
        self, fn: typed.Function, types: dict[TypeVar, LanguageType], bound: int, sizes: tuple[SizeVar, ...]
    ) -> Code:
        params = tuple(substitute(t, types, {}) for t in fn.param_types)  # type: ignore[arg-type]
        assert fn.result is not None and fn.body is not None
        result = substitute(fn.result, types, {})  # type: ignore[arg-type]
        readable = {v for t in params for v in _readable(t)} | {v for v, _ in fn.size_params}
        used = self.free(fn.body).sizes
        asked = any(map(_asks, inside(fn.body)))
        passed = tuple(v for v in sizes if v not in readable and (v in used or (asked and v not in fn.type_params)))
        name = f"{fn.name}[{', '.join(show(erased(t)) for t in types.values())}]" if types else fn.name
        return Code(
            name, fn.name, fn.params[bound:], params[bound:], result, fn.body, types,
            (*fn.params[:bound], *self.needs(fn)), passed, fn, bound, fn.user,
            captured=dict(zip(fn.params[:bound], params[:bound], strict=True)),
        )  # fmt: skip

    # ---- calls

    def call(self, f: Body, callee: Static, args: Sequence[Shape]) -> Shape:
        """The value of a call."""
        instance = self.instance(callee.code, args, callee.captured)
        assert instance.result is not None
        given = (*operands(args), *operands(callee.captured))
        types = [o.type for o in leaves(instance.result)]
        hint = callee.code.label.rpartition(".")[2]
        made = f.b.let(Call(instance.name, given), *types, hint=hint if hint.isidentifier() else "t")
        return fill(instance.result, iter(made))

    def instance(self, code: Code, args: Sequence[Shape], captured: Sequence[Shape]) -> Instance:
        """The core function of a body for arguments and captured values of the given structures."""
        kinds = tuple(self.layouts.outline(t, a) for t, a in zip(code.param_types, args, strict=True))
        held = tuple(map(outline, captured))
        key = (code, tuple(map(_functions, args)), held)
        known = self._instances.get(key)
        if known is not None:
            if known.result is None:
                what = f"`{code.label}`, which gives a function and calls itself,"
                raise Fault(NotBuilt(_span(code), what))
            return known
        result = None if _is_function(code.result) else self.layouts.outline(code.result)
        made = self._instances[key] = Instance(self.name(code.name), code, kinds, tuple(captured), result)
        self._lower(made)
        return made

    def _lower(self, instance: Instance) -> None:
        """The body of an instance, as a core function."""
        code = instance.code
        self.uses.note(code.body)
        f = Body(self, instance.name, code.types, code.body.span)
        f.user = code.user
        f.result_outline = instance.result
        params = self._parameters(f, instance)
        for t, p in zip(code.param_types, code.params, strict=True):
            f.bind_sizes(t, f.read(p), parameter=True)
        from .control import run

        def finish(shape: Shape) -> None:
            f.env[f.result] = shape

        run(f, code.body, finish)
        final = f.env.get(f.result)
        if final is None:
            # it never ends, so what it gives does not matter
            assert instance.result is not None
            final = transform(instance.result, lambda o: nothing(f, f.b, o.type))
        assert not isinstance(final, Delayed)
        if instance.result is None:
            instance.result = outline(final)
        results = tuple(leaves(final))
        body = Block((*f.prologue.lets, *f.b.lets), results)
        infos = list(self.layouts.infos(code.result, final, ""))
        labels = tuple(i.label.lstrip(".") for i in infos)
        types = tuple(o.type for o in leaves(instance.result))
        rule = None
        contract: typed.Contract = code.fn.contract if code.fn is not None else ""
        if code.fn is not None and code.fn.rule is not None:
            from .rules import rule_of

            rule = rule_of(self, instance, params)
        self.fns[instance.name] = Fn(
            instance.name, code.label, params, body, types, labels, _span(code), rule, contract, code.user
        )

    def _parameters(self, f: Body, instance: Instance) -> tuple[Param, ...]:
        code = instance.code
        params: list[Param] = []
        for i, (symbol, t, kind) in enumerate(zip(code.params, code.param_types, instance.args, strict=True)):
            source = i + code.bound
            infos = self.layouts.infos(t, kind, symbol.name)
            f.env[symbol] = self._declare(f, kind, infos, source, symbol.span, params)
        fn_types = code.fn.param_types[: code.bound] if code.fn is not None else ()
        for k, (symbol, kind) in enumerate(zip(code.symbols, instance.captured, strict=False)):
            if k < code.bound:
                t = f.type(fn_types[k])
                infos = self.layouts.infos(t, kind, symbol.name)
                f.env[symbol] = self._declare(f, kind, infos, k, symbol.span, params)
                f.bind_sizes(t, f.read(symbol), parameter=True)
            else:
                infos = self.layouts.captured_infos(kind, symbol.name, False)
                f.env[symbol] = self._declare(f, kind, infos, -1, symbol.span, params)
        for var, kind in zip(code.sizes, instance.captured[len(code.symbols) :], strict=True):
            infos = iter([Info(var.name, None, False)])
            shape = self._declare(f, kind, infos, -1, _span(code), params)
            f.parameter_size(var, next(leaves(shape)))
        for var, symbol in code.fn.size_params if code.fn is not None else ():
            f.parameter_size(var, next(leaves(f.read(symbol))))
            f.known[symbol] = Size.of(var)
        return tuple(params)

    def _declare(
        self, f: Body, kind: Shape, infos: Iterator[Info], source: int, span: Span, params: list[Param]
    ) -> Shape:
        """Fresh parameters for the leaves of a value."""
        made: list[Operand] = []
        for o, info in zip(leaves(kind), infos, strict=True):
            var = f.names.fresh(info.label.replace(".", "_"), o.type)
            made.append(var)
            low, high, strict = bounds(info.constraint)
            params.append(Param(var, info.label, source, span, low, high, strict))
        return fill(kind, iter(made))


def bounds(c: Constraint | None) -> tuple[float | None, float | None, bool]:
    """Between which numbers a constraint keeps the scalars of a field, and whether strictly."""
    if c is None or c.kind == "ordered":
        return None, None, False
    if c.kind == "simplex":
        return 0.0, 1.0, False
    return c.low, c.high, c.kind in ("above", "between")


def _rules(fn: typed.Function) -> list[typed.Function]:
    rule = fn.rule
    return [] if rule is None else [r for r in (rule.partials, rule.jvp, rule.vjp) if r is not None]


def _functions(shape: Shape) -> Shape | None:
    """What of an argument tells instances apart: the function values in it."""
    return outline(shape) if functions(shape) else None


def _is_function(t: LanguageType) -> bool:
    from ..check.unify import data_fault

    return data_fault(t) is not None


def _asks(n: object) -> bool:
    """Whether a node asks for the sizes in type arguments: the zero of a type, the array of no elements, a cast."""
    match n:
        case typed.Vector(op="zero") | typed.MakeArray(parts=()) | typed.Cast():
            return True
        case _:
            return False


def _readable(t: LanguageType) -> Iterator[SizeVar]:
    """The sizes that can be read from the dimensions of a value of type `t`."""
    return (v for v, _ in _standing(t))


def _standing(t: LanguageType) -> Iterator[tuple[SizeVar, int]]:
    match t:
        case Array(elem, dims):
            yield from ((d.atom, k) for k, d in enumerate(dims) if isinstance(d.atom, SizeVar))
            yield from _standing(elem)
        case Tuple(parts):
            for p in parts:
                yield from _standing(p)
        case Struct() | TangentOf():
            for _, s in fields(t):
                yield from _standing(s)
        case _:
            return


def _span(code: Code) -> Span:
    return code.fn.span if code.fn is not None else code.body.span
