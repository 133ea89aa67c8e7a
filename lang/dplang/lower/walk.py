"""What stands in a piece of the typed tree: names, sizes, assignments, jumps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from ..check import typed
from ..core.sizes import Size, SizeVar
from ..core.types import Type, transform

Part: TypeAlias = object

_PLAN: dict[type, tuple[str, ...]] = {}
_OUTSIDE = (typed.Symbol, typed.FnRef, typed.Function)
_SKIPPED = ("span", "type", "symbol", "fresh")


def children(node: Part) -> Iterator[Part]:
    """The nodes directly inside a node, in order."""
    kind = type(node)
    names = _PLAN.get(kind)
    if names is None:
        names = _PLAN[kind] = tuple(f.name for f in fields(node) if f.name not in _SKIPPED)  # type: ignore[arg-type]
    for name in names:
        yield from _nodes(getattr(node, name))


def _nodes(part: object) -> Iterator[Part]:
    if isinstance(part, tuple):
        for p in part:
            yield from _nodes(p)
    elif type(part).__module__ == typed.__name__ and not isinstance(part, _OUTSIDE):
        yield part


def inside(node: Part) -> Iterator[Part]:
    """A node and all nodes inside it, in order."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend(reversed(list(children(here))))


# ---- names


@dataclass(eq=False, slots=True)
class Free:
    """What a piece reads from outside it, and the definitions that it mentions (dicts keep the order)."""

    symbols: dict[typed.Symbol, None] = field(default_factory=dict)
    sizes: dict[SizeVar, None] = field(default_factory=dict)
    fns: dict[typed.Function, None] = field(default_factory=dict)
    bound: set[object] = field(default_factory=set)


def free(node: Part) -> Free:
    """The symbols and sizes that are read in `node` and bound outside."""
    found = Free()
    for n in inside(node):
        _note(n, found)
    found.symbols = {s: None for s in found.symbols if s not in found.bound}
    found.sizes = {s: None for s in found.sizes if s not in found.bound}
    return found


def _note(n: Part, found: Free) -> None:
    match n:
        case typed.Local(symbol=symbol):
            found.symbols.setdefault(symbol)
        case typed.SizeValue(size=size):
            _sizes((size,), found)
        case typed.Call(ref=ref) | typed.FnValue(ref=ref):
            found.fns.setdefault(ref.fn)
            for arg in ref.args:
                _sizes((arg,) if isinstance(arg, Size) else sizes_of(arg), found)
        case typed.Lift(dims=dims, args=args):
            _sizes(dims, found)
            found.bound.update(s for s, _, _ in args)
        case typed.Cast(type=t, fresh=fresh):
            _sizes(sizes_of(t), found)
            found.bound.update(fresh)
        case typed.Vector(op="zero", type=t):
            _sizes(sizes_of(t), found)
        case typed.Lambda(params=params):
            found.bound.update(params)
        case typed.BindPattern(symbol=symbol) | typed.Range(symbol=symbol):
            found.bound.add(symbol)
        case typed.Let(fresh=fresh):
            found.bound.update(fresh)
        case typed.Var(symbol=symbol, fresh=fresh):
            found.bound.update((symbol, *fresh))
        case typed.Assign(symbol=symbol, fresh=fresh):
            found.symbols.setdefault(symbol)
            found.bound.update(fresh)
        case _:
            pass


def _sizes(sizes: tuple[Size, ...] | list[Size], found: Free) -> None:
    for s in sizes:
        for atom in s.atoms():
            if isinstance(atom, SizeVar):
                found.sizes.setdefault(atom)


def sizes_of(t: Type) -> list[Size]:
    """All sizes in a type, in order of writing."""
    found: list[Size] = []

    def size(s: Size) -> Size:
        found.append(s)
        return s

    transform(t, lambda v: v, size)
    return found


def binds(p: typed.Pattern) -> Iterator[tuple[typed.Symbol, Type]]:
    """The variables that a pattern binds."""
    for n in inside(p):
        if isinstance(n, typed.BindPattern):
            yield n.symbol, n.type


def assignments(node: Part) -> Iterator[typed.Assign]:
    """All assignments inside."""
    for n in inside(node):
        if isinstance(n, typed.Assign):
            yield n


# ---- jumps


@dataclass(frozen=True, slots=True)
class Jumps:
    """Which jumps leave a piece; `endless`: a loop in it may never end, which is like a jump to nowhere."""

    returns: bool = False
    breaks: bool = False
    continues: bool = False
    endless: bool = False

    def __or__(self, other: Jumps) -> Jumps:
        return Jumps(
            self.returns or other.returns,
            self.breaks or other.breaks,
            self.continues or other.continues,
            self.endless or other.endless,
        )

    def __bool__(self) -> bool:
        return self.returns or self.breaks or self.continues or self.endless


NO_JUMPS = Jumps()


def _is_true(e: typed.Expr) -> bool:
    return isinstance(e, typed.Lit) and e.value is True


class Control:
    """Jumps and their consequences, remembered for each node (trees are walked again and again otherwise)."""

    def __init__(self) -> None:
        self._jumps: dict[int, tuple[Part, Jumps]] = {}

    def jumps(self, node: Part) -> Jumps:
        known = self._jumps.get(id(node))
        if known is None:
            # the node is kept, so that its id stays its own
            known = self._jumps[id(node)] = (node, self._find(node))
        return known[1]

    def _find(self, node: Part) -> Jumps:
        match node:
            case typed.Return(value=value):
                return Jumps(returns=True) | (NO_JUMPS if value is None else self.jumps(value))
            case typed.Break():
                return Jumps(breaks=True)
            case typed.Continue():
                return Jumps(continues=True)
            case typed.Lambda():
                return NO_JUMPS
            case _:
                pass
        found = NO_JUMPS
        for c in children(node):
            found = found | self.jumps(c)
        if isinstance(node, typed.For | typed.While | typed.Unrolled):
            return Jumps(returns=found.returns, endless=found.endless or self._endless(node))
        return found

    def _endless(self, node: typed.For | typed.While | typed.Unrolled) -> bool:
        """Whether only a `return` can end a loop."""
        return isinstance(node, typed.While) and _is_true(node.condition) and not self.jumps(node.body).breaks

    def falls(self, node: Part) -> bool:
        """Whether what stands after `node` may be reached."""
        match node:
            case typed.Return() | typed.Break() | typed.Continue():
                return False
            case typed.If(condition=condition, then=then, orelse=orelse):
                return self.falls(condition) and (orelse is None or self.falls(then) or self.falls(orelse))
            case typed.Match(scrutinee=scrutinee, arms=arms):
                return self.falls(scrutinee) and any(self.falls(a.body) for a in arms)
            case typed.For() | typed.While() | typed.Unrolled():
                return not self._endless(node)
            case typed.Lambda():
                return True
            case _:
                return not self.jumps(node) or all(map(self.falls, children(node)))
