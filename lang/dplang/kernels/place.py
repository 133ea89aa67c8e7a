"""Which updates may be made in place, and what must be copied so that they may: data for the emitter.

Kernels count no references, so everything is decided from the text. A buffer has an *origin*: the Let, the parameter
or the loop state that it came from. Each name may lie in the buffers of a set of origins. An update is made in place
where the function owns all of them and nothing that is read later lies in any of them. State of a loop is always
owned: what enters a loop, or goes into its next turn, and is not the loop's own alone is copied there, once.

A parameter that a function may write to is *consumed*: its callers hand the buffer over, a copy where they still need
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..analyse.sharing import Sharing
from ..core.ir import (
    ArrayType,
    Block,
    Call,
    Carry,
    Checkpoint,
    Fn,
    Get,
    If,
    Let,
    Loop,
    Operand,
    Prim,
    Stop,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import blocks, free_names

Origins = frozenset[str]
NONE: Origins = frozenset()
ARENA: Origins = frozenset({"~"})
"""What lies in a node: nobody's to write to, and gone when the arena is."""


@dataclass(slots=True)
class Placement:
    """By identity of a Let: updates made in place, and which of its initial values, next values or arguments are
    copied.

    `results`: by number, the results of the function that lie in a buffer which is not theirs alone. `passing`: names
    of arrays made in a loop whose buffers nobody needs after the turn.
    """

    in_place: set[int] = field(default_factory=set)
    copied: dict[int, set[int]] = field(default_factory=dict)
    next_copied: dict[int, set[int]] = field(default_factory=dict)
    results: set[int] = field(default_factory=set)
    borrowed: set[int] = field(default_factory=set)
    passing: set[str] = field(default_factory=set)


def place(fn: Fn, sharing: Sharing) -> Placement:
    """The decisions for one function."""
    return _Places(fn, sharing).found


class _Places:
    def __init__(self, fn: Fn, sharing: Sharing) -> None:
        self.sharing = sharing
        self.found = Placement()
        self.at: dict[str, Origins] = {}
        self.owned: set[str] = set()
        self.handed: dict[str, set[str]] = {}
        self.lasting: set[str] = set()
        consumed = sharing.summary(fn.name).updated
        params = set()
        for i, p in enumerate(fn.params):
            if isinstance(p.var.type, ArrayType):
                self.at[p.var.name] = frozenset({p.var.name})
                params.add(p.var.name)
                if i in consumed:
                    self.owned.add(p.var.name)
        self.borrowed = params - self.owned
        self.block(fn.body, frozenset())
        self.returned(fn)

    def returned(self, fn: Fn) -> None:
        """Results that share a buffer with another result are copied; those that may lie in a parameter are noted."""
        seen: set[str] = set()
        for k, r in enumerate(fn.body.results):
            here = self.of(r)
            if here & (seen | ARENA):
                self.found.results.add(k)
            elif here & self.borrowed:
                self.found.borrowed.add(k)
            seen |= here

    # ---- what lies where

    def of(self, o: Operand) -> Origins:
        # a scalar that was read from a buffer does not lie in it
        return self.at.get(o.name, NONE) if isinstance(o, Var) and isinstance(o.type, ArrayType) else NONE

    def lies(self, names: Iterable[str]) -> set[str]:
        return {origin for n in names for origin in self.at.get(n, NONE)}

    def fresh(self, v: Var) -> None:
        if isinstance(v.type, ArrayType):
            self.at[v.name] = frozenset({v.name})
            self.owned.add(v.name)

    def hand(self, origin: str, to: Origins) -> None:
        """Notes that two origins may be one buffer in turn: a loop or a call has taken it over."""
        for other in to:
            self.handed.setdefault(origin, set()).add(other)
            self.handed.setdefault(other, set()).add(origin)

    def alone(self, o: Operand, others: set[str]) -> bool:
        """Whether the buffers of `o` are ours and none of the origins in `others`."""
        here = self.of(o)
        return here <= self.owned and not here & others

    # ---- the walk

    def block(self, block: Block, live: frozenset[str]) -> None:
        """`live`: names that are read after the block."""
        after: list[frozenset[str]] = []
        live = live | _arrays(block.results)
        for let in reversed(block.lets):
            after.append(live)
            live = (live - {v.name for v in let.names}) | _read(let.value)
        for let in block.lets:
            self.let(let, after.pop())

    def let(self, let: Let, live: frozenset[str]) -> None:
        value = let.value
        live = live - {v.name for v in let.names}
        match value:
            case Var():
                self.at[let.names[0].name] = self.of(value)
            case Stop(x) | Get(x):
                self.at[let.names[0].name] = self.of(x)
            case Prim("node.view"):
                self.at[let.names[0].name] = ARENA
            case Update():
                self.update(let, value, live)
            case If(_, then, orelse):
                for side in (then, orelse):
                    self.block(side, live)
                self.join(let, (then, orelse))
            case Checkpoint(body):
                self.block(body, live)
                self.join(let, (body,))
            case Loop() | While():
                self.loop(let, value, live)
            case Call():
                self.call(let, value, live)
            case _:
                for v in let.names:
                    self.fresh(v)

    def join(self, let: Let, sides: tuple[Block, ...]) -> None:
        for k, v in enumerate(let.names):
            if isinstance(v.type, ArrayType):
                self.at[v.name] = frozenset().union(*(self.of(side.results[k]) for side in sides))

    def update(self, let: Let, value: Update, live: frozenset[str]) -> None:
        name = let.names[0]
        if not value.path and value.kind == "set":
            self.at[name.name] = self.of(value.v)
            return
        if self.alone(value.x, self.lies(live) | self.of(value.v)):
            self.found.in_place.add(id(let))
            self.at[name.name] = self.of(value.x)
        else:
            self.fresh(name)

    def call(self, let: Let, value: Call, live: frozenset[str]) -> None:
        summary = self.sharing.summary(value.fn)
        copied: set[int] = set()
        for i in sorted(summary.updated):
            others = {n for o in (*value.args[:i], *value.args[i + 1 :]) for n in self.of(o)}
            if not self.alone(value.args[i], self.lies(live) | others):
                copied.add(i)
        self.found.copied[id(let)] = copied
        for v, shared in zip(let.names, summary.shared, strict=True):
            self.fresh(v)
            if isinstance(v.type, ArrayType):
                kept = (self.of(value.args[i]) for i in shared if i not in summary.updated)
                self.at[v.name] = self.at[v.name].union(*kept)
                for i in summary.updated - copied:
                    self.hand(v.name, self.of(value.args[i]))

    def loop(self, let: Let, value: Loop | While, live: frozenset[str]) -> None:
        inside = frozenset(n for _, b in blocks(value) for n in _arrays(free_names(b).values()))
        params = frozenset(r.param.name for r in value.results if isinstance(r, Carry))
        taken = self.lies((live | inside) - params)
        copied: set[int] = set()
        for k, r in enumerate(value.results):
            if isinstance(r, Carry) and isinstance(r.param.type, ArrayType):
                if not self.alone(r.init, taken):
                    copied.add(k)
                taken |= self.of(r.init)
        self.found.copied[id(let)] = copied
        before = set(self.owned)
        for k, r in enumerate(value.results):
            if isinstance(r, Carry):
                self.fresh(r.param)
                if k not in copied:
                    self.hand(r.param.name, self.of(r.init))
        # another turn follows: what it reads from outside stays live
        around = live | (inside - params)
        if isinstance(value, While):
            self.block(value.cond, around | params)
        self.block(value.body, around)
        own = self.owned - before
        self.turn(let, value, own)
        self.pass_by(let, value, own)
        for k, v in enumerate(let.names):
            self.fresh(v)
            if k < len(value.results) and isinstance(r := value.results[k], Carry):
                self.hand(v.name, self.of(r.param))

    def turn(self, let: Let, value: Loop | While, own: set[str]) -> None:
        """The next values of the state: each in a buffer of the loop's own, no two in one."""
        copied: set[int] = set()
        taken: set[str] = set()
        for k, (r, o) in enumerate(zip(value.results, value.body.results, strict=True)):
            if isinstance(r, Carry) and isinstance(r.param.type, ArrayType):
                here = self.of(o)
                if not here <= own or here & taken:
                    copied.add(k)
                else:
                    taken |= here
        self.found.next_copied[id(let)] = copied

    def pass_by(self, let: Let, value: Loop | While, own: set[str]) -> None:
        """What was made in the turn and does not go into the next one, not even under another name. What goes into the
        next turn of a loop within does not pass in loops around it either: that turn makes its own beside it."""
        kept: set[str] = set()
        copied = self.found.next_copied[id(let)]
        for k, (r, o) in enumerate(zip(value.results, value.body.results, strict=True)):
            if isinstance(r, Carry):
                kept |= {r.param.name} | (self.of(o) if k not in copied else NONE)
                self.hand(r.param.name, self.of(o) if k not in copied else NONE)
        waiting = list(kept)
        while waiting:
            for other in self.handed.get(waiting.pop(), ()):
                if other not in kept:
                    kept.add(other)
                    waiting.append(other)
        self.lasting |= own & kept
        self.found.passing |= own - self.lasting


def _arrays(these: Iterable[Operand]) -> frozenset[str]:
    return frozenset(o.name for o in these if isinstance(o, Var) and isinstance(o.type, ArrayType))


def _read(value: Operand | Value) -> frozenset[str]:
    return _arrays(free_names(value).values())
