"""Lines of kernel text, and what the names of the core are called in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Literal

from ..analyse.parallel import Part, parts
from ..analyse.sharing import Sharing
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    Block,
    Carry,
    Checkpoint,
    Fn,
    If,
    Lit,
    Loop,
    Operand,
    Stop,
    Update,
    Var,
    While,
)
from ..core.rewrite import blocks, rank
from ..errors import Span
from .listing import line
from .nest import nested
from .options import Options
from .place import Placement, place
from .rows import Kind
from .text import Given, Site, bare, fresh_name, indent_of, literal, names_of, put_text

DEEP = 1 << 30

WIDE = 88
"""How long a text may be that is written where it is read."""


@dataclass(slots=True)
class Growing:
    """Names that are pushed to: each is a buffer in the text, and a count of what is used of it."""

    names: set[str] = field(default_factory=set)

    def learn(self, block: Block) -> None:
        before = -1
        while before != len(self.names):
            before = len(self.names)
            self._block(block)

    def _block(self, block: Block) -> None:
        for let in block.lets:
            for _, inner in blocks(let.value):
                self._block(inner)
            match let.value:
                case Update("push", x):
                    self._together(let.names[0], x)
                case Var() as x:
                    self._follow(let.names[0], x)
                case Stop(x):
                    self._follow(let.names[0], x)
                case If(_, then, orelse):
                    for k, v in enumerate(let.names):
                        self._follow(v, then.results[k], orelse.results[k])
                case Checkpoint(body):
                    for v, r in zip(let.names, body.results, strict=True):
                        self._follow(v, r)
                case Loop(results=results, body=body) | While(results=results, body=body):
                    for v, result, turn in zip(let.names, results, body.results, strict=False):
                        if isinstance(result, Carry) and {result.param.name, *names_of(turn)} & self.names:
                            self.names |= {v.name, result.param.name}
                case _:
                    pass

    def _together(self, v: Var, x: Operand) -> None:
        self.names |= {v.name, *names_of(x)} if isinstance(x, Var) and x.name in self.names else {v.name}

    def _follow(self, v: Var, *sources: Operand) -> None:
        if any(n in self.names for o in sources for n in names_of(o)):
            self.names.add(v.name)


@dataclass(slots=True)
class Opening:
    """The place before a loop, for what is the same in all its turns."""

    depth: int
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """Where a builder's array goes that is a row of another: the array, its row's number, how many rows there are, the
    loops around theirs, and what stands for the array until the size of a row is known (None: it is there)."""

    made: str
    number: str
    turns: str
    span: Span
    level: int
    first: Opening | None


class Writer:
    """What every part of the writing of a function does."""

    def __init__(
        self,
        fn: Fn,
        texts: dict[str, str],
        used: set[str],
        recursive: dict[str, set[str]],
        sites: list[Site],
        sharing: Sharing,
        options: Options,
        entry: str,
    ) -> None:
        self.fn = fn
        self.entry = fn.name == entry
        self.texts = texts
        self.used = set(used)
        self.recursive = recursive
        self.sites = sites
        self.options = options
        self.placement: Placement = place(fn, sharing)
        self.growing = Growing()
        self.growing.learn(fn.body)
        self.nested = nested(fn)
        self.name_of: dict[str, str] = {}
        self.given: dict[str, tuple[Operand, ...]] = {}
        self.views: dict[str, tuple[Var, str]] = {}
        self.sizes: set[str] = set()
        self.ready: set[str] = set()
        self.first: dict[str, Opening] = {}
        self.rows: dict[str, Row] = {}
        self.open: list[Opening] = []
        self.level: dict[str, int] = {}
        self.parts: dict[str, list[str]] = {}
        self.lines: list[str | Opening] = []
        self.here = fn.span
        self.depth = 1
        self.frame = 256
        self.laning = False
        self.leaving = False
        self._parallel: dict[int, tuple[Part, ...]] | None = None

    def block(self, block: Block) -> None:
        """Writes the Lets of a block."""
        raise NotImplementedError

    def parallel(self) -> dict[int, tuple[Part, ...]]:
        """The loops of the function whose turns may be done in any order, by identity of their Lets."""
        if self._parallel is None:
            self._parallel = parts(self.fn)
        return self._parallel

    def snapshot(self) -> tuple[Any, ...]:
        """What has been written, to go back to."""
        tables = (self.used, self.name_of, self.given, self.views, self.sizes, self.first, self.rows, self.level)
        openings = [p for p in (*self.lines, *self.first.values(), *self.open) if isinstance(p, Opening)]
        lines = [(p, copy(p.lines)) for p in openings]
        return (
            *map(copy, (*tables, self.parts, self.lines, self.open)),
            lines,
            len(self.sites),
            self.depth,
            self.frame,
        )

    def restore(self, before: tuple[Any, ...]) -> None:
        """Forgets what was written after a snapshot."""
        self.used, self.name_of, self.given, self.views, self.sizes, self.first, self.rows, self.level = before[:8]
        self.parts, self.lines, self.open, lines, sites, self.depth, self.frame = before[8:]
        for opening, text in lines:
            opening.lines = text
        del self.sites[sites:]

    def later(self) -> Opening:
        """A place for lines of which is not known yet whether they are needed."""
        self.lines.append(opening := Opening(self.depth))
        return opening

    def mentioned(self, name: str, begin: int) -> bool:
        """Whether a name stands in what was written from line number `begin` on."""
        parts = self.lines[begin:]
        texts = [t for part in parts for t in ([part] if isinstance(part, str) else part.lines)]
        return any(re.search(rf"\b{name}\b", t) for t in texts)

    def line(self, text: str) -> None:
        whole = "    " * self.depth + text
        self.lines.append(line(whole, self.here) if self.options.sources else whole)

    @contextmanager
    def inside(self, head: str) -> Iterator[None]:
        self.line(head)
        self.depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.line("pass")
        self.depth -= 1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The inside of a loop: what is named there differs from turn to turn."""
        self.open.append(opening := Opening(self.depth))
        self.lines.append(opening)
        yield
        self.open.pop()

    def level_of(self, text: str) -> int:
        """How many loops stand around the innermost name of a text."""
        return max((self.level.get(w, 0) for w in re.findall(r"[^\W\d]\w*", text)), default=0)

    def before(self, words: str, text: str) -> None:
        """A line, as far out of the loops around as the names in `words` are known."""
        level = self.level_of(words)
        if level < len(self.open):
            opening = self.open[level]
            opening.lines.append("    " * opening.depth + text)
        else:
            self.line(text)

    def text_lines(self) -> list[str]:
        """All lines in order, without what does nothing."""
        lines = [t for part in self.lines for t in ([part] if isinstance(part, str) else part.lines)]
        kept: list[str] = []
        for k, text in enumerate(lines):
            if text.strip() == "pass":
                beside = [*lines[k + 1 : k + 2], *kept[-1:]]
                if any(indent_of(t) == indent_of(text) for t in beside) or kept[-1].strip() == "pass":
                    continue
            kept.append(text)
        return kept

    def fresh(self, hint: str) -> str:
        self.frame += 16
        name = fresh_name(self.used, hint)
        self.level[name] = len(self.open)
        return name

    def bind(self, v: Var) -> str:
        """A name of its own in the text."""
        name = self.name_of[v.name] = self.fresh(v.name)
        self.frame += 64 * bool(rank(v.type))
        if v.name in self.growing.names:
            self.name_of[f"{v.name}#"] = self.changing(f"{v.name}_count")
        return name

    def changing(self, hint: str) -> str:
        """A name that is assigned to more than once: nothing made from it leaves a loop."""
        name = self.fresh(hint)
        self.level[name] = DEEP
        return name

    def value(self, v: Var, text: str) -> None:
        """A scalar: on a line of its own, or where it is read."""
        if v.name in self.nested.scalars and len(text) <= WIDE:
            self.share(v, text)
        else:
            self.line(f"{self.bind(v)} = {bare(text)}")

    def share(self, v: Var, text: str, count: str = "") -> None:
        """`v` is what `text` is, without an assignment."""
        self.name_of[v.name] = text
        if count:
            self.name_of[f"{v.name}#"] = count

    def count(self, v: Var) -> str:
        return self.name_of[f"{v.name}#"]

    def grows(self, o: Operand) -> bool:
        return isinstance(o, Var) and f"{o.name}#" in self.name_of

    def whole(self, o: Operand) -> str:
        """The text of an operand; of one that is pushed to, the used part of its buffer."""
        if isinstance(o, Lit):
            return literal(o)
        name = self.name_of[o.name]
        return f"{name}[:{self.count(o)}]" if self.grows(o) else name

    def raw(self, o: Operand) -> tuple[str, str]:
        """Buffer and count of an operand for a name that is pushed to."""
        if isinstance(o, Var) and self.grows(o):
            return self.name_of[o.name], self.count(o)
        return self.whole(o), f"{self.whole(o)}.shape[0]"

    def raw_name(self, o: Operand) -> str:
        return self.name_of[o.name] if isinstance(o, Var) else ""

    def size(self, o: Operand, axis: int) -> str:
        if isinstance(o, Var) and o.name in self.given:
            parts = self.given[o.name]
            return self.size(parts[0], axis - 1) if axis else str(len(parts))
        if axis == 0 and isinstance(o, Var) and self.grows(o):
            return self.count(o)
        if isinstance(o, Var) and o.name in self.views:
            x, steps = self.views[o.name]
            return self.size(x, axis + steps.count(",") + 1)
        return f"{self.name_of[o.name] if isinstance(o, Var) else literal(o)}.shape[{axis}]"

    def assign(self, pairs: Sequence[tuple[Var, Operand, bool]]) -> None:
        """Gives names their values at once; True: a copy."""
        targets: list[str] = []
        sources: list[str] = []
        for v, o, copied in pairs:
            if v.name in self.growing.names:
                buffer, count = self.raw(o)
                targets += [self.name_of[v.name], self.count(v)]
                sources += [f"{buffer}.copy()" if copied else buffer, count]
            else:
                targets.append(self.name_of[v.name])
                sources.append(f"{self.whole(o)}.copy()" if copied else self.whole(o))
        moves = [(t, s) for t, s in zip(targets, sources, strict=True) if t != s]
        read_late = any(
            re.search(rf"\b{re.escape(t)}\b", s) for i, (t, _) in enumerate(moves) for _, s in moves[i + 1 :]
        )
        if read_late:
            self.line(f"{', '.join(t for t, _ in moves)} = {', '.join(s for _, s in moves)}")
        else:
            for t, s in moves:
                self.line(f"{t} = {s}")

    def alias(self, v: Var, o: Operand) -> None:
        if v.name in self.growing.names and not self.grows(o):
            self.bind(v)
            self.assign([(v, o, False)])
        elif isinstance(o, Var):
            self.share(v, self.name_of[o.name], self.count(o) if self.grows(o) else "")
            if o.name in self.views:
                self.views[v.name] = self.views[o.name]
        else:
            self.share(v, literal(o))

    def define(self, v: Var, text: str) -> None:
        """`v` is the array in `text`, a name that is its own."""
        self.share(v, text)
        if v.name in self.growing.names:
            count = self.changing(f"{v.name}_count")
            self.line(f"{count} = {text}.shape[0]")
            self.share(v, text, count)

    def fault(self, code: str, span: Span, *values: str | tuple[Kind, str] | Operand | int) -> None:
        """Stores what the diagnostic says and stops. Texts without a kind are Ints."""
        if self.leaving:
            self.apart()
            return
        given: list[Given] = []
        slot = 2
        for v in values:
            kind: Kind = "int"
            if isinstance(v, int):
                given.append(("constant", v))
                continue
            if isinstance(v, Lit):
                given.append(("constant", v.value))
                continue
            if isinstance(v, Var | tuple):
                if isinstance(v, Var):
                    kind = "float" if v.type in (FLOAT, FLOAT32) else "bool" if v.type == BOOL else "int"
                    text = self.whole(v)
                else:
                    kind, text = v
                text = f"bits(np.float64({text}))" if kind == "float" else f"np.int64({text})"
            else:
                text = v
            self.line(f"ctl[{slot}] = {text}")
            given.append((kind, None))
            slot += 1
        self.sites.append(Site(code, span, tuple(given)))
        self.line(f"ctl[0] = {len(self.sites)}")
        self.line("raise Trap")

    def leave(self) -> None:
        """Leaves the work to the interpreter."""
        self.line("ctl[0] = -1")
        self.line("raise Trap")

    def apart(self) -> None:
        """Leaves the work to a kernel without lanes."""
        self.line("ctl[0] = -3")
        self.line("raise Trap")

    def store(self, made: str, at: str, v: Operand) -> None:
        """Position `at` of an array becomes v."""
        self.put(made, f"u({at})", v)

    def put(self, made: str, steps: str, v: Operand, act: Literal["=", "+="] = "=") -> None:
        """The part of an array at some steps becomes `v`, or `v` is added to it."""
        if isinstance(v, Var) and v.name in self.given:
            for k, p in enumerate(self.given[v.name]):
                self.put(made, f"{steps}, {k}" if steps else str(k), p, act)
        elif rank(v.type):
            target = f"{made}[{steps}]" if steps else made
            self.line(f"{put_text(rank(v.type), 'put' if act == '=' else 'accumulate')}({target}, {self.whole(v)})")
        else:
            self.line(f"{made}[{steps}] {act} {bare(self.whole(v))}")

    def room(self, sizes: Sequence[str]) -> None:
        if not all(s.isdigit() for s in sizes):
            self.line(room_text(sizes))

    def allocate(self, made: str, sizes: Sequence[str], of: str, lasts: bool) -> None:
        """Room for an array, its elements open. `lasts`: it is needed after the turn in which it is made; otherwise
        one serves all turns of the loops around in which its size is the same."""
        shape = sizes[0] if len(sizes) == 1 else f"({', '.join(sizes)})"
        text = f"{made} = np.empty({shape}, {of})"
        if lasts:
            self.room(sizes)
            self.line(text)
            return
        words = " ".join(sizes)
        if not all(s.isdigit() for s in sizes):
            self.before(words, room_text(sizes))
        self.before(words, text)

    def lasts(self, v: Var) -> bool:
        return v.name not in self.placement.passing

    def same(self, hint: str, text: str) -> str:
        """A name for a value, computed as far out of the loops around as what it is made of is known."""
        name = self.fresh(hint)
        self.level[name] = min(self.level_of(text), len(self.open))
        self.before(text, f"{name} = {text}")
        return name


def room_text(sizes: Sequence[str]) -> str:
    """The check that there is room for an array of these sizes."""
    return f"room(ctl, {' * '.join(f'np.float64({s})' for s in sizes)})"
