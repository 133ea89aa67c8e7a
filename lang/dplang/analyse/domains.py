"""Which primitives of a function provably stay inside their domains, by intervals. The contracts `smooth fn` and
`lipschitz fn` rest on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from ..core.ir import (
    INT,
    ArrayType,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Derive,
    Dim,
    Fill,
    Fn,
    Get,
    If,
    Io,
    Let,
    Lit,
    Loop,
    Make,
    Match,
    Operand,
    Param,
    Prim,
    Program,
    Reduce,
    Stop,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..errors.source import Span
from ..primitives import TABLE
from .conditions import SMOOTH_WHERE, domain, holds
from .intervals import (
    ALL,
    INF,
    NONNEGATIVE,
    POSITIVE,
    Interval,
    add,
    hull,
    image,
    meet,
    mul,
    point,
    power,
    widened,
)

Place = tuple[str, Span]


@dataclass(frozen=True, slots=True)
class Gap:
    """A primitive whose arguments may leave its domain, as far as is known: they lie in `args`."""

    op: str
    span: Span
    need: str
    args: tuple[Interval, ...]


class Domains:
    """A function and all that it calls, under interval analysis from the bounds of its parameters.

    `gaps` are the places that may leave a domain; `kinks` those of kinked primitives that may meet the kink.
    """

    def __init__(self, program: Program, fn: Fn) -> None:
        self.program = program
        self.gaps: dict[Place, Gap] = {}
        self.kinks: set[Place] = set()
        self.met: set[Place] = set()
        self.trusted = 0  # calls under way of functions with a rule of their own, which answers for what is inside
        self._under_way: list[str] = []
        self._images: dict[tuple[str, tuple[Interval, ...], bool], tuple[Interval, ...]] = {}
        self.call(fn.name, tuple(bounds(p) for p in fn.params))

    def smooth(self, place: Place) -> bool:
        """Whether a kinked primitive provably stays off its kink."""
        return place in self.met and place not in self.kinks

    def call(self, name: str, args: tuple[Interval, ...]) -> tuple[Interval, ...]:
        """The intervals of a function's results."""
        fn = self.program.fns[name]
        key = (name, args, self.trusted > 0)
        known = self._images.get(key)
        if known is not None:
            return known
        if name in self._under_way and any(a != ALL for a in args):
            # recursion, perhaps at ever new arguments: once with all that may come
            return self.call(name, (ALL,) * len(args))
        self._images[key] = (ALL,) * len(fn.result_types)
        self._under_way.append(name)
        self.trusted += fn.rule is not None
        made = self._images[key] = tuple(_Walk(self, fn, args).block(fn.body))
        self.trusted -= fn.rule is not None
        self._under_way.pop()
        return made

    def check(self, op: str, args: Sequence[Operand], known: Sequence[Interval], span: Span) -> None:
        """Notes whether a primitive at `known` is inside its domain and off its kinks."""
        row = TABLE.get(op)
        if self.trusted or row is None:  # what makes a text has no row
            return
        place = (op, span)
        if row.domain:
            need = domain(row, [a.type for a in args])
            if need and holds(need, known) is not True:
                self.gaps.setdefault(place, Gap(op, span, need, tuple(known)))
        if op in SMOOTH_WHERE:
            self.met.add(place)
            if holds(SMOOTH_WHERE[op], known) is not True:
                self.kinks.add(place)


def bounds(p: Param) -> Interval:
    """What the constraint of a parameter says."""
    low = -INF if p.low is None else p.low
    high = INF if p.high is None else p.high
    return Interval(low, high, p.strict and p.low is not None, p.strict and p.high is not None)


class _Walk:
    """One function at one choice of intervals."""

    def __init__(self, domains: Domains, fn: Fn, args: Sequence[Interval]) -> None:
        self.domains = domains
        self.env: dict[str, Interval] = {p.var.name: a for p, a in zip(fn.params, args, strict=True)}
        self.made: dict[str, Operand | Value] = {}

    def block(self, block: Block) -> list[Interval]:
        for let in block.lets:
            for v, known in zip(let.names, self.value(let), strict=True):
                self.env[v.name] = known
                self.made[v.name] = let.value
        return [self.at(r) for r in block.results]

    def side(self, block: Block, suppose: Callable[[], None]) -> list[Interval]:
        """A block that may not run: what it finds out holds only inside."""
        before = dict(self.env)
        suppose()
        results = self.block(block)
        self.env = before
        return results

    def at(self, o: Operand) -> Interval:
        if isinstance(o, Var):
            return self.env.get(o.name, ALL)
        if isinstance(o.value, str):
            return ALL
        return point(float(o.value))

    def value(self, let: Let) -> Sequence[Interval]:
        value = let.value
        unknown = (ALL,) * len(let.names)
        match value:
            case Var() | Lit():
                return (self.at(value),)
            case Prim(op, args):
                return (self.prim(op, args, let.span),)
            case Make(parts):
                return (self._hull([self.at(p) for p in parts]),)
            case Get(x) | Stop(x):
                return (self.at(x),)
            case Update(kind, x, _, v):
                a, b = self.at(x), self.at(v)
                return (hull(a, add(a, b) if kind == "add" else b),)
            case Fill(_, v):
                return (self.at(v),)
            case Dim(x, axis):
                size = x.type.dims[axis] if isinstance(x.type, ArrayType) else None
                return (NONNEGATIVE if size is None else point(float(size)),)
            case Variant() | Io():
                return unknown
            case If(cond, then, orelse):
                holding = self.side(then, lambda: self.suppose(cond, True))
                failing = self.side(orelse, lambda: self.suppose(cond, False))
                return list(map(hull, holding, failing))
            case Match(_, arms):
                sides = [self.side(arm.body, lambda: None) for arm in arms]
                return [self._hull(list(s)) for s in zip(*sides, strict=True)]
            case Loop():
                return self.loop(value)
            case While():
                return self.repeat(value)
            case Call(fn, args):
                return self.domains.call(fn, tuple(map(self.at, args)))
            case Derive(_, fn, args):
                self.domains.call(fn, tuple(map(self.at, args)))
                return unknown
            case Checkpoint(body):
                return self.block(body)
            case Check(cond):
                self.suppose(cond, True)
                return ()
            case _:
                assert_never(value)

    def _hull(self, parts: list[Interval]) -> Interval:
        made = parts[0] if parts else ALL
        for p in parts[1:]:
            made = hull(made, p)
        return made

    def prim(self, op: str, args: Sequence[Operand], span: Span) -> Interval:
        known = [self.at(a) for a in args]
        self.domains.check(op, args, known, span)
        if op == "*" and args[0] == args[1] and isinstance(args[0], Var):
            return power(known[0], point(2.0))
        return image(op, known)

    # ---- loops

    def loop(self, node: Loop) -> list[Interval]:
        low, high = self.at(node.low), self.at(node.high)
        self.env[node.index.name] = Interval(low.low, max(high.high - 1, low.low), low.open_low, high.open_high)
        states, outs = self.settle(node, node.body, lambda: None)
        trips = Interval(max(0.0, high.low - low.high), max(0.0, high.high - low.low))
        made = []
        for r, state, out in zip(node.results, states, outs, strict=True):
            match r:
                case Carry():
                    made.append(state)
                case Build():
                    made.append(out)
                case Reduce(op):
                    made.append(_reduced(op, out, trips))
                case _:
                    assert_never(r)
        return made

    def repeat(self, node: While) -> list[Interval]:
        self.env[node.index.name] = NONNEGATIVE

        def enter() -> None:
            self.block(node.cond)
            self.suppose(node.cond.results[0], True)

        states, outs = self.settle(node, node.body, enter)
        made = [s if isinstance(r, Carry) else out for r, s, out in zip(node.results, states, outs, strict=True)]
        return [*made, NONNEGATIVE]

    def settle(
        self, node: Loop | While, body: Block, enter: Callable[[], None]
    ) -> tuple[list[Interval], list[Interval]]:
        states = [self.at(r.init) if isinstance(r, Carry) else ALL for r in node.results]
        turn = 0
        while True:
            for r, state in zip(node.results, states, strict=True):
                if isinstance(r, Carry):
                    self.env[r.param.name] = state
            outs = self.side(body, enter)
            grown = [
                hull(state, out) if isinstance(r, Carry) else state
                for r, state, out in zip(node.results, states, outs, strict=True)
            ]
            if turn > 1:
                grown = list(map(widened, states, grown))
            if turn > 4:
                grown = [g if g == s else ALL for g, s in zip(grown, states, strict=True)]
            if grown == states:
                return states, outs
            states = grown
            turn += 1

    # ---- conditions

    def suppose(self, cond: Operand, truth: bool) -> None:
        """Narrows what is known of variables by a condition that holds or does not hold here."""
        made = self.made.get(cond.name) if isinstance(cond, Var) else None
        match made:
            case Prim("not", (inner,)):
                self.suppose(inner, not truth)
            case Prim(op, (a, b)) if op in _WHERE:
                self._narrow(op if truth else _OPPOSITE[op], a, b)
            case If(first, Block(_, (second,)), Block(_, (Lit(False),))) if truth:
                self.suppose(first, True)
                self.suppose(second, True)
            case If(first, Block(_, (Lit(True),)), Block(_, (second,))) if not truth:
                self.suppose(first, False)
                self.suppose(second, False)
            case _:
                pass

    def _narrow(self, op: str, a: Operand, b: Operand) -> None:
        x, y = self.at(a), self.at(b)
        for operand, known, other, how in ((a, x, y, op), (b, y, x, _MIRROR[op])):
            if isinstance(operand, Var) and operand.type != INT and not isinstance(operand.type, ArrayType):
                self._set(operand, known, _WHERE[how](known, other))
            elif isinstance(operand, Var) and operand.type == INT:
                self._set(operand, known, _whole(_WHERE[how](known, other)))

    def _set(self, v: Var, known: Interval, where: Interval) -> None:
        self.env[v.name] = meet(known, where) or known


def _off(x: Interval, y: Interval) -> Interval:
    """Where x can be, if it is not equal to y."""
    if y.low != y.high:
        return ALL
    return Interval(x.low, x.high, x.open_low or x.low == y.low, x.open_high or x.high == y.high)


def _whole(x: Interval) -> Interval:
    """Bounds of whole numbers, closed."""
    return Interval(x.low + 1 if x.open_low else x.low, x.high - 1 if x.open_high else x.high)


_WHERE: dict[str, Callable[[Interval, Interval], Interval]] = {
    "<": lambda x, y: Interval(-INF, y.high, False, True),
    "<=": lambda x, y: Interval(-INF, y.high, False, y.open_high),
    ">": lambda x, y: Interval(y.low, INF, True, False),
    ">=": lambda x, y: Interval(y.low, INF, y.open_low, False),
    "==": lambda x, y: y,
    "!=": _off,
}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _reduced(op: str, e: Interval, trips: Interval) -> Interval:
    match op:
        case "+":
            return mul(e, trips)
        case "*" if e.low >= 0:
            return POSITIVE if e.positive else NONNEGATIVE
        case "min" | "max":
            return e
        case _:
            return ALL
