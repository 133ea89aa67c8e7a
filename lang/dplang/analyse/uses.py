"""What the body of a loop does with one carried value: all its accesses, or that it is combined, replaced, kept.

A carried value has *versions*: the parameter, what `Update` makes of it, what branches and inner loops
hand on. In place of all of them stands one memory, and every use is an access to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core.ir import (
    Block,
    Build,
    Carry,
    Checkpoint,
    Dim,
    Get,
    If,
    Let,
    Loop,
    Match,
    Operand,
    Path,
    Prim,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import blocks, lets_of, operands
from ..errors.source import Span
from .access import Access, Indices, Region, regions

COMBINES = {"+", "*", "min", "max"}


@dataclass(slots=True)
class Body:
    """What all carried values of a loop share: the definitions inside, how often each is read, the indices."""

    node: Loop
    indices: Indices
    lets: dict[str, Let] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)
    reader: dict[str, Let] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._count(self.node.body)

    def _count(self, block: Block) -> None:
        for let in block.lets:
            self.lets.update((v.name, let) for v in let.names)
            for o in operands(let.value):
                if isinstance(o, Var):
                    self.reads[o.name] += 1
                    self.reader[o.name] = let
            for _, inner in blocks(let.value):
                self._count(inner)
        self.reads.update(o.name for o in block.results if isinstance(o, Var))

    def made(self, o: Operand) -> Operand | Value | None:
        """The node inside the loop that makes a variable."""
        let = self.lets.get(o.name) if isinstance(o, Var) else None
        return let.value if let else None

    def only_reader(self, name: str) -> Let | None:
        """The Let that reads a variable, if nothing else does."""
        return self.reader.get(name) if self.reads[name] == 1 else None

    @property
    def names(self) -> set[str]:
        """All names that the body binds, loop indices and parameters of inner nodes included."""
        found = set(self.lets)
        for let in lets_of(self.node.body):
            for params, _ in blocks(let.value):
                found.update(p.name for p in params)
        found.update(r.param.name for r in self.node.results if isinstance(r, Carry))
        return found


class Uses:
    """All accesses to the value that is carried as result number `k`."""

    def __init__(self, body: Body, k: int) -> None:
        carry = body.node.results[k]
        assert isinstance(carry, Carry)
        self.body = body
        self.accesses: list[Access] = []
        self.versions = {carry.param.name}
        self._combining: dict[str, str] = {}
        results = body.node.body.results
        self.block(body.node.body)
        for j, r in enumerate(results):
            if j != k and self.is_version(r):
                self.touch("read", (), self.span_of(r))
        self.kept = results[k] == carry.param
        self.replaced = not self.is_version(results[k])
        self.end = self.span_of(results[k])

    def is_version(self, o: Operand) -> bool:
        return isinstance(o, Var) and o.name in self.versions

    def span_of(self, o: Operand) -> Span | None:
        let = self.body.lets.get(o.name) if isinstance(o, Var) else None
        return let.span if let else None

    def touch(self, how: str, places: tuple[Region, ...], span: Span | None) -> None:
        if span is None:
            lets = self.body.node.body.lets
            span = lets[-1].span if lets else None
        if span is not None:
            self.accesses.append(Access(how, places, span))

    def becomes(self, v: Var) -> None:
        self.versions.add(v.name)

    def block(self, block: Block) -> None:
        for let in block.lets:
            self.let(let)

    def let(self, let: Let) -> None:
        value = let.value
        match value:
            case Var() if self.is_version(value):
                self.becomes(let.names[0])
            case Get(x, path) if self.is_version(x):
                got = let.names[0]
                if got.name not in self._combining and not self.combined_read(got, x, path):
                    self.touch("read", regions(path, self.body.indices), let.span)
                self.scan(value, x, let)
            case Update(kind, x, path, v) if self.is_version(x):
                how = "+" if kind == "add" else "write"
                if kind == "set":
                    how = self._combining.get(v.name, how) if isinstance(v, Var) else how
                self.touch(how, regions(path, self.body.indices), let.span)
                self.becomes(let.names[0])
                self.scan(value, x, let)
            case Prim(op, args) if any(map(self.is_version, args)):
                self.prim(op, args, let)
            case Dim():
                pass
            case If() | Match() | Checkpoint():
                self.scan(value, None, let)
                inner = [b for _, b in blocks(value)]
                for b in inner:
                    self.block(b)
                for k, name in enumerate(let.names):
                    self.merge([b.results[k] for b in inner], name, let.span)
            case Loop() | While():
                self.loop(value, let)
            case _:
                self.scan(value, None, let)

    def scan(self, value: Operand | Value, known: Operand | None, let: Let) -> None:
        """Operands other than `known` that are versions are read as a whole."""
        left = list(operands(value))
        if known is not None:
            left.remove(known)
        if any(map(self.is_version, left)):
            self.touch("read", (), let.span)

    def merge(self, results: Sequence[Operand], name: Var, span: Span) -> None:
        """The result of branches: a version if all sides are; where only some are, the value is replaced there."""
        if any(map(self.is_version, results)):
            if not all(map(self.is_version, results)):
                self.touch("write", (), span)
            self.becomes(name)

    def prim(self, op: str, args: Sequence[Operand], let: Let) -> None:
        """`s = s + e` and the like; anything else reads the value."""
        mine = [a for a in args if self.is_version(a)]
        how = combination(Prim(op, tuple(args)), mine[0]) if len(mine) == 1 else None
        self.touch(how or "read", (), let.span)
        if how:
            self.becomes(let.names[0])

    def combined_read(self, got: Var, x: Operand, path: Path) -> bool:
        """Whether `got = x[p]` is read only for `x[p] = got + e`."""
        let = self.body.only_reader(got.name)
        made = let.value if let else None
        if let is None or not isinstance(made, Prim):
            return False
        name, how = let.names[0].name, combination(made, got)
        if how and self._written(self.body.only_reader(name), x, path):
            self._combining[name] = how
            return True
        return False

    def _written(self, let: Let | None, x: Operand, path: Path) -> bool:
        update = let.value if let else None
        if not isinstance(update, Update) or update.kind != "set" or update.x != x or len(update.path) != len(path):
            return False
        return regions(update.path, self.body.indices) == regions(path, self.body.indices)

    def loop(self, node: Loop | While, let: Let) -> None:
        carries = [r for r in node.results if isinstance(r, Carry)]
        left = list(operands(node))
        for r in carries:
            if self.is_version(r.init):
                left.remove(r.init)
                self.becomes(r.param)
        if any(map(self.is_version, left)):
            self.touch("read", (), let.span)
        whole = {k for k in range(len(node.results)) if self.elementwise(node, k)}
        for _, inner in blocks(node):
            self.block(inner)
        for k, result in enumerate(node.results):
            out, name = node.body.results[k], let.names[k]
            if isinstance(result, Carry) and result.param.name in self.versions:
                if not self.is_version(out):
                    self.touch("write", (), let.span)
                self.becomes(name)
            elif k in whole and isinstance(out, Var):
                self.touch(self._combining[out.name], (), let.span)
                self.becomes(name)
            elif self.is_version(out):
                self.touch("read", (), let.span)

    def elementwise(self, node: Loop | While, k: int) -> bool:
        """Whether result `k` is the whole array combined element by element: `s = s + e` of arrays."""
        if not isinstance(node, Loop) or not isinstance(node.results[k], Build):
            return False
        out = node.body.results[k]
        made = self.body.made(out)
        if not isinstance(out, Var) or not isinstance(made, Prim):
            return False
        for a in made.args:
            got = self.body.made(a)
            if isinstance(a, Var) and isinstance(got, Get) and self.is_version(got.x) and self.body.reads[a.name] == 1:
                how = combination(made, a)
                places = regions(got.path, self.body.indices)
                if how and len(places) == 1 and places[0].low == self.body.indices.form(node.index):
                    self._combining[out.name] = how
                    self._combining[a.name] = how
                    return True
        return False


def combination(made: Prim, old: Operand) -> str | None:
    """The operation by which `made` combines `old` with something else: `old + e`, `e * old`, `old - e`."""
    if len(made.args) != 2 or made.args[0] == made.args[1]:
        return None
    if made.op == "-":
        return "+" if made.args[0] == old else None
    return made.op if made.op in COMBINES else None
