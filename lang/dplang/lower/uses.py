"""Which `let`s of arrays are read once, element by element, by one loop: such an array is never made.

The loop must run whenever the `let` does, and not more often: what its elements check is checked, and once.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..check import typed
from .walk import Control, Part, children


@dataclass(slots=True)
class _Use:
    """Where a variable is bound (the loops, branches and jumps before it) and whether every use so far suits."""

    around: tuple[int, ...]
    count: int = 0
    suits: bool = True
    indices: int = 0


class Uses:
    """The uses of immutable variables in the bodies that have been looked at."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._seen: dict[int, Part] = {}
        self._uses: dict[typed.Symbol, _Use] = {}

    def note(self, body: Part) -> None:
        """Looks at the body of a function or file."""
        if id(body) not in self._seen:
            self._seen[id(body)] = body
            self._visit(body, (), None)

    def once_in_turn(self, symbol: typed.Symbol) -> int:
        """For a `let` that is read only at `x[i, ..]` for all indices of one builder or reduction, which no loop
        repeats: how many indices that are. Else 0."""
        use = self._uses.get(symbol)
        return use.indices if use is not None and use.count == 1 and use.suits else 0

    def _visit(self, n: Part, around: tuple[int, ...], loop: typed.Builder | typed.Reduce | None) -> None:
        match n:
            case typed.Let(pattern=typed.BindPattern(symbol=symbol), value=value):
                self._uses[symbol] = _Use(around)
                self._visit(value, around, loop)
            case typed.GetItem(base=typed.Local(symbol=symbol), items=items) if _all_of(items, loop):
                self._use(symbol, around[:-1], len(items))
            case typed.Local(symbol=symbol):
                self._use(symbol, around, 0)
            case typed.Builder(ranges=ranges, element=element) | typed.Reduce(ranges=ranges, element=element):
                for r in ranges:
                    self._visit(r, around, loop)
                self._visit(element, (*around, id(n)), n)
            case typed.Lift(args=args, body=body):
                for _, a, _ in args:
                    self._visit(a, around, loop)
                self._visit(body, (*around, id(n)), None)
            case typed.For() | typed.While() | typed.Lambda():
                for c in children(n):
                    self._visit(c, (*around, id(n)), None)
            case typed.If(condition=condition, then=then, orelse=orelse):
                self._visit(condition, around, loop)
                for side in (then, orelse) if orelse is not None else (then,):
                    self._visit(side, (*around, id(side)), None)
            case typed.Arm():
                for c in children(n):
                    self._visit(c, (*around, id(n)), None)
            case typed.Block(stmts=stmts, result=result):
                for s in stmts:
                    self._visit(s, around, loop)
                    if self._control.jumps(s):
                        around, loop = (*around, id(s)), None
                if result is not None:
                    self._visit(result, around, loop)
            case _:
                for c in children(n):
                    self._visit(c, around, loop)

    def _use(self, symbol: typed.Symbol, around: tuple[int, ...], indices: int) -> None:
        use = self._uses.get(symbol)
        if use is not None:
            use.count += 1
            use.indices = indices
            use.suits = use.suits and indices > 0 and around == use.around


def _all_of(items: tuple[typed.IndexItem, ...], loop: typed.Builder | typed.Reduce | None) -> bool:
    """Whether the indices are those of the loop, each once and in order."""
    if loop is None or len(items) != len(loop.ranges):
        return False
    return all(
        isinstance(item, typed.At) and isinstance(item.index, typed.Local) and item.index.symbol == r.symbol
        for item, r in zip(items, loop.ranges, strict=True)
    )
