"""Where names are read for the last time, as data: what makes updates in place possible.

Only names that hold memory count (arrays, enum values). A name dies at the `Let` that reads it last; a name that dies
inside one side of a branch is dropped on entering the other sides; nothing from outside dies inside a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.ir import ArrayType, Block, EnumType, Fn, Let, Loop, Operand, Type, Value, Var, While
from ..core.rewrite import blocks, free_names


@dataclass(slots=True)
class Deaths:
    """`after`: by identity of a Let, the names that nobody reads after it (read by it or bound by it).

    `entering`: by identity of a Block (a side of a branch), names to drop at its start.
    `moved`: by identity of a Block, the numbers of its results that are the only and last reading of their names.
    """

    after: dict[int, frozenset[str]] = field(default_factory=dict)
    entering: dict[int, tuple[str, ...]] = field(default_factory=dict)
    moved: dict[int, frozenset[int]] = field(default_factory=dict)


def holds_memory(t: Type) -> bool:
    return isinstance(t, ArrayType | EnumType)


def deaths(fn: Fn) -> Deaths:
    """The last uses in `fn`. Its parameters may die: a caller that keeps its arguments holds them itself."""
    found = Deaths()
    _block(fn.body, set(), found)
    return found


def _held(part: Block | Operand | Value) -> set[str]:
    return {name for name, v in free_names(part).items() if holds_memory(v.type)}


def _block(block: Block, live: set[str], found: Deaths) -> None:
    """Fills in `block`, after which `live` names are read."""
    results = [r.name if isinstance(r, Var) and holds_memory(r.type) else "" for r in block.results]
    found.moved[id(block)] = frozenset(
        i for i, name in enumerate(results) if name and name not in live and results.count(name) == 1
    )
    live = live.union(name for name in results if name)
    for let in reversed(block.lets):
        bound = {v.name for v in let.names if holds_memory(v.type)}
        read = _held(let.value)
        dying = read - live
        found.after[id(let)] = frozenset(dying | (bound - live))
        _nested(let, live - bound, dying, found)
        live = (live - bound) | read


def _nested(let: Let, live: set[str], dying: set[str], found: Deaths) -> None:
    inner: set[str] = set().union(*(_held(block) for _, block in blocks(let.value)))
    for params, block in blocks(let.value):
        if isinstance(let.value, Loop | While):
            # another turn follows; what a While's condition reads of its state the body reads after it
            state = {p.name for p in params} if isinstance(let.value, While) and block is let.value.cond else set()
            _block(block, live | _held(let.value) | state, found)
        else:
            found.entering[id(block)] = tuple(sorted((dying & inner) - _held(block)))
            _block(block, live, found)
