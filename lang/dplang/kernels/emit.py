"""From core to Python text for Numba: one function of the core is one function of the text, one Let a line or a few.

Names that are one buffer in turn (an update in place, the state of a loop and what it is after the loop) share a name
in the text, so nothing is assigned that would only count references. A fault stores its site and values in `ctl` and
raises `Trap`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, assert_never

from ..analyse.sharing import Sharing
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    STRING,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Derive,
    Dim,
    EnumType,
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
    Part,
    Path,
    Prim,
    Program,
    Reduce,
    Result,
    Slice,
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..core.rewrite import blocks, calls
from ..errors import Span
from .place import Placement, place
from .refuse import reachable
from .rows import FAULTS, NUMPY, expression, whole_faults

Given: TypeAlias = tuple[Literal["constant", "int", "float", "bool"], object]
"""A value of a message: known already, or in the next slot of `ctl`."""

STACK = 4 << 20
"""Bytes of the machine's stack that a recursion may take in a kernel; deeper ones are interpreted."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place that can fault: the code of the diagnostic, where, and its fields."""

    fault: str
    span: Span
    values: tuple[Given, ...]


@dataclass(slots=True)
class Emitted:
    """The text of a kernel. `entry` is the function to call, `borrowed` its results that may lie in an argument."""

    text: str
    sites: list[Site]
    entry: str
    consumed: frozenset[int]
    borrowed: set[int]
    recursive: bool


SUM_PARTS = ("terms", "sizes", "at", "leaf")
"""What a sum that is kept as a tree is made of."""

HEADER = """\
import math

import numpy as np
from numba import njit, types

from dplang.kernels.support import (
    CACHED as OPTIONS, Trap, accumulate, accumulate1, accumulate2, argsort, bits, cbrt, cell, concat, cumprod, cumsum,
    exp2, fill, fits_int, floor_divide, grow, int_divide, int_mod, int_power, int_sign, integer, key, key_at, log2,
    logaddexp, logsumexp, matmul_mm, matmul_mv, matmul_vm, matmul_vv, maximum, minimum, mod, norm, normal, put, put1,
    put2, reverse, reverse_rows, room, sigmoid, sign, sort, split_left, split_right, sum_leaf, sum_start, transpose,
    transpose_rows, u, uniform, )
"""

TAKEN = {*re.findall(r"\w+", HEADER), *keyword.kwlist, "ctl", "deep", "range", "abs", "min", "max"}


def emit(program: Program, name: str, sharing: Sharing) -> Emitted:
    """The text of function `name` and all that it calls."""
    order = _callees_first(program, name)
    loops = {fn: _partners(program, fn) for fn in order if _is_recursive(program, fn)}
    texts: dict[str, str] = {}
    used = set(TAKEN)
    for fn in order:
        texts[fn] = _fresh(used, program.fns[fn].label)
    sites: list[Site] = []
    parts = [HEADER]
    borrowed: set[int] = set()
    for fn in order:
        function = _Function(program.fns[fn], texts, used, loops, sites, sharing)
        parts.append(function.text())
        borrowed = function.placement.borrowed
    entry = texts[name]
    if name in loops:
        entry = _fresh(used, f"{entry}_start")
        parts.append(_starter(program.fns[name], entry, texts[name]))
    return Emitted("\n\n".join(parts), sites, entry, sharing.summary(name).updated, borrowed, bool(loops))


def _starter(fn: Fn, name: str, recursive: str) -> str:
    """What calls a recursive function from outside, at depth 0."""
    params = "".join(f", x{i}" for i in range(len(fn.params)))
    return f"@njit({signature(fn, False)}, **OPTIONS)\ndef {name}(ctl{params}):\n    return {recursive}(ctl, 0{params})"


def _callees_first(program: Program, name: str) -> list[str]:
    order: list[str] = []
    pending = [(name, False)]
    seen: set[str] = set()
    while pending:
        fn, left = pending.pop()
        if left:
            order.append(fn)
        elif fn not in seen:
            seen.add(fn)
            pending.append((fn, True))
            pending.extend((c, False) for c in sorted(calls(program.fns[fn].body)))
    return order


def _is_recursive(program: Program, name: str) -> bool:
    """Whether a function may call itself, directly or not."""
    return any(name in reachable(program, c) for c in calls(program.fns[name].body))


def _partners(program: Program, name: str) -> set[str]:
    """The other functions that a recursion of `name` may pass through."""
    return {c for c in reachable(program, name) if c != name and name in reachable(program, c)}


def _fresh(used: set[str], hint: str) -> str:
    base = re.sub(r"\W", "_", hint, flags=re.ASCII).strip("_") or "t"
    if base[0].isdigit() or base[0] == "_":
        base = f"f{base}"
    name, n = base, 0
    while name in used:
        n += 1
        name = f"{base}_{n}"
    used.add(name)
    return name


def signature(fn: Fn, recursive: bool) -> str:
    """The types of a function in the text."""
    params = ["types.int64[::1]", *(["types.int64"] if recursive else []), *(type_text(p.var.type) for p in fn.params)]
    results = [type_text(t) for t in fn.result_types]
    match results:
        case []:
            result = "types.int64"
        case [one]:
            result = one
        case _:
            result = f"types.Tuple(({', '.join(results)}))"
    return f"{result}({', '.join(params)})"


def type_text(t: Type) -> str:
    elem = t.elem if isinstance(t, ArrayType) else t
    assert not isinstance(elem, EnumType)
    text = "types." + {"bool_": "boolean"}.get(NUMPY[elem], NUMPY[elem])
    return f"{text}[{', '.join([*[':'] * (len(t.dims) - 1), '::1'])}]" if isinstance(t, ArrayType) else text


def rank(t: Type) -> int:
    return len(t.dims) if isinstance(t, ArrayType) else 0


def dtype(t: Type) -> str:
    elem = t.elem if isinstance(t, ArrayType) else t
    assert not isinstance(elem, EnumType)
    return f"np.{NUMPY[elem]}"


@dataclass(slots=True)
class _Growing:
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
                        if isinstance(result, Carry) and {result.param.name, *_names(turn)} & self.names:
                            self.names |= {v.name, result.param.name}
                case _:
                    pass

    def _together(self, v: Var, x: Operand) -> None:
        self.names |= {v.name, *_names(x)} if isinstance(x, Var) and x.name in self.names else {v.name}

    def _follow(self, v: Var, *sources: Operand) -> None:
        if any(n in self.names for o in sources for n in _names(o)):
            self.names.add(v.name)


def _names(o: Operand) -> tuple[str, ...]:
    return (o.name,) if isinstance(o, Var) else ()


class _Function:
    """Writes one function."""

    def __init__(
        self,
        fn: Fn,
        texts: dict[str, str],
        used: set[str],
        recursive: dict[str, set[str]],
        sites: list[Site],
        sharing: Sharing,
    ) -> None:
        self.fn = fn
        self.texts = texts
        self.used = set(used)
        self.recursive = recursive
        self.sites = sites
        self.placement: Placement = place(fn, sharing)
        self.growing = _Growing()
        self.growing.learn(fn.body)
        self.name_of: dict[str, str] = {}
        self.parts: dict[str, list[str]] = {}
        self.lines: list[str] = []
        self.depth = 1
        self.frame = 256

    def text(self) -> str:
        fn, deep = self.fn, self.fn.name in self.recursive
        params = ["ctl", *(["deep"] if deep else []), *(self.bind(p.var) for p in fn.params)]
        for p in fn.params:
            if p.var.name in self.growing.names:
                self.line(f"{self.count(p.var)} = {self.name_of[p.var.name]}.shape[0]")
        start = len(self.lines)
        self.block(fn.body)
        results = [self.whole(r) for r in fn.body.results]
        for k in sorted(self.placement.results):
            results[k] = f"{results[k]}.copy()"
        self.line(f"return {', '.join(results)}" if results else "return 0")
        if deep:
            guard = [f"    if deep >= {STACK // self.frame}:", "        ctl[0] = -1", "        raise Trap"]
            self.lines[start:start] = guard
        # functions that call each other get their types when they are first called: none can come first
        types = "" if self.recursive.get(fn.name) else f"{signature(fn, deep)}, "
        head = [f"@njit({types}**OPTIONS)", f"def {self.texts[fn.name]}({', '.join(params)}):"]
        if fn.span.source.text:
            head.append(f"    # {fn.label}, {fn.span.source.name}:{fn.span.line}")
        return "\n".join([*head, *self.lines])

    # ---- text

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def inside(self, head: str) -> Iterator[None]:
        self.line(head)
        self.depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.line("pass")
        self.depth -= 1

    def fresh(self, hint: str) -> str:
        self.frame += 16
        return _fresh(self.used, hint)

    def bind(self, v: Var) -> str:
        """A name of its own in the text."""
        name = self.name_of[v.name] = self.fresh(v.name)
        self.frame += 64 * bool(rank(v.type))
        if v.name in self.growing.names:
            self.name_of[f"{v.name}#"] = self.fresh(f"{v.name}_count")
        return name

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

    def size(self, o: Operand, axis: int) -> str:
        if axis == 0 and isinstance(o, Var) and self.grows(o):
            return self.count(o)
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

    # ---- faults

    def fault(self, code: str, span: Span, *values: str | Operand | int) -> None:
        """Stores what the diagnostic says and stops. Texts are Ints."""
        given: list[Given] = []
        slot = 2
        for v in values:
            kind: Literal["int", "float", "bool"] = "int"
            if isinstance(v, int):
                given.append(("constant", v))
                continue
            if isinstance(v, Lit):
                given.append(("constant", v.value))
                continue
            if isinstance(v, Var):
                kind = "float" if v.type in (FLOAT, FLOAT32) else "bool" if v.type == BOOL else "int"
                text = self.whole(v)
                text = f"bits(np.float64({text}))" if kind == "float" else f"np.int64({text})"
            else:
                text = v
            self.line(f"ctl[{slot}] = {text}")
            given.append((kind, None))
            slot += 1
        self.sites.append(Site(code, span, tuple(given)))
        self.line(f"ctl[0] = {len(self.sites)}")
        self.line("raise Trap")

    # ---- blocks

    def block(self, block: Block) -> None:
        for let in block.lets:
            self.let(let)

    def let(self, let: Let) -> None:
        value: Operand | Value = let.value
        match value:
            case Var() | Lit():
                self.alias(let.names[0], value)
            case Stop(x):
                self.alias(let.names[0], x)
            case Prim():
                self.prim(let, value)
            case Make(parts):
                self.make(let, parts)
            case Get(x, path):
                self.get(let, x, path)
            case Update():
                self.update(let, value)
            case Fill(shape, v):
                self.fill(let, shape, v)
            case Dim(x, axis):
                self.line(f"{self.bind(let.names[0])} = {self.size(x, axis)}")
            case If():
                self.branch(let, value)
            case Loop():
                self.loop(let, value)
            case While():
                self.turns(let, value)
            case Call(fn, args):
                self.call(let, fn, args)
            case Checkpoint(body):
                self.block(body)
                for v, r in zip(let.names, body.results, strict=True):
                    self.alias(v, r)
            case Check(cond, code, args):
                with self.inside(f"if not {self.whole(cond)}:"):
                    self.fault(code, let.span, *args)
            case Variant() | Match() | Io() | Derive():
                raise AssertionError("no kernel is made of these")
            case _:
                assert_never(value)

    def alias(self, v: Var, o: Operand) -> None:
        if v.name in self.growing.names and not self.grows(o):
            self.bind(v)
            self.assign([(v, o, False)])
        elif isinstance(o, Var):
            self.share(v, self.name_of[o.name], self.count(o) if self.grows(o) else "")
        else:
            self.share(v, literal(o))

    def prim(self, let: Let, value: Prim) -> None:
        name = let.names[0]
        text = expression(value, name.type)
        assert text is not None
        args = [self.whole(a) for a in value.args]
        if value.op in FAULTS and value.args[0].type in (INT, KEY):
            code, test, fields = FAULTS[value.op]
            with self.inside(f"if {test.format(*args)}:"):
                self.fault(code, let.span, *(value.args[f] if isinstance(f, int) else Lit(f, STRING) for f in fields))
        if value.op == "int" and value.args[0].type in (FLOAT, FLOAT32):
            with self.inside(f"if not fits_int({args[0]}):"):
                self.fault("E0609", let.span, value.args[0])
        if value.op == "reshape":
            sizes = args[1:]
            with self.inside(f"if {' * '.join(sizes)} != {args[0]}.size or min({', '.join([*sizes, '0'])}) < 0:"):
                self.leave()
        for found, wanted in whole_faults(value):
            found, wanted = found.format(*args), wanted.format(*args)
            with self.inside(f"if {found} != {wanted}:"):
                self.fault("E0606", let.span, found, wanted)
        self.line(f"{self.bind(name)} = {text.format(*args)}")

    def make(self, let: Let, parts: Sequence[Operand]) -> None:
        name = let.names[0]
        t = name.type
        assert isinstance(t, ArrayType)
        made = self.fresh(name.name)
        if rank(t) == 1 or not parts:
            sizes = ", ".join(str(d or 0) for d in (len(parts), *t.dims[1:]))
            self.line(f"{made} = np.empty(({sizes},), {dtype(t)})")
            for k, p in enumerate(parts):
                self.line(f"{made}[{k}] = {self.whole(p)}")
        else:
            first = parts[0]
            for p in parts[1:]:
                for axis in range(rank(p.type)):
                    with self.inside(f"if {self.size(p, axis)} != {self.size(first, axis)}:"):
                        self.fault("E0606", let.span, self.size(p, axis), self.size(first, axis))
            shape = ", ".join(self.size(first, a) for a in range(rank(t) - 1))
            self.line(f"{made} = np.empty(({len(parts)}, {shape}), {dtype(t)})")
            for k, p in enumerate(parts):
                self.line(f"{_put(rank(p.type))}({made}[{k}], {self.whole(p)})")
        self.define(name, made)

    def define(self, v: Var, text: str) -> None:
        """`v` is the array in `text`, a name that is its own."""
        self.share(v, text)
        if v.name in self.growing.names:
            count = self.fresh(f"{v.name}_count")
            self.line(f"{count} = {text}.shape[0]")
            self.share(v, text, count)

    def fill(self, let: Let, shape: Sequence[Operand], v: Operand) -> None:
        name = let.names[0]
        if not shape:
            self.alias(name, v)
            return
        for s in shape:
            if not (isinstance(s, Lit) and int(s.value) >= 0):
                with self.inside(f"if {self.whole(s)} < 0:"):
                    self.fault("E0614", let.span, s)
        sizes = [self.whole(s) for s in shape]
        self.room(sizes)
        made = self.fresh(name.name)
        maker = "zeros" if isinstance(v, Lit) and repr(float(v.value)) == "0.0" else "empty"
        self.line(f"{made} = np.{maker}(({', '.join(sizes)},), {dtype(name.type)})")
        if maker == "empty":
            self.line(f"fill({made}, {self.whole(v)})")
        self.define(name, made)

    def room(self, sizes: Sequence[str]) -> None:
        if not all(s.isdigit() for s in sizes):
            self.line(f"room(ctl, {' * '.join(f'np.float64({s})' for s in sizes)})")

    # ---- paths

    def reach(self, x: Operand, path: Path, span: Span) -> str:
        """The text of an index, after the checks that it needs. Empty for an empty path."""
        steps: list[str] = []
        for axis, step in enumerate(path):
            n = self.size(x, axis)
            match step:
                case At(index, proved):
                    i = self.whole(index)
                    if not proved:
                        with self.inside(f"if not 0 <= {i} < {n}:"):
                            self.fault("E0601", span, _int(index, i), n, axis)
                    steps.append(i if i.isdigit() else f"u({i})")
                case Slice(low, high, proved):
                    lo, hi = self.whole(low), self.whole(high)
                    if not proved:
                        with self.inside(f"if not 0 <= {lo} <= {hi} <= {n}:"):
                            with self.inside(f"if {hi} < {lo}:"):
                                self.fault("E0603", span, _int(low, lo), _int(high, hi))
                            self.fault("E0602", span, _int(low, lo), _int(high, hi), n, axis)
                    steps.append(f"{lo}:{hi}")
                case Part():
                    raise AssertionError("no kernel is made of enums")
                case _:
                    assert_never(step)
        return ", ".join(steps)

    def get(self, let: Let, x: Operand, path: Path) -> None:
        assert isinstance(x, Var)
        name = let.names[0]
        steps = self.reach(x, path, let.span)
        if not steps:
            self.alias(name, x)
            return
        # a part stays contiguous where nothing but whole dimensions stands behind its first slice
        ends = [k for k, s in enumerate(path) if isinstance(s, Slice)]
        part = f"{self.name_of[x.name]}[{steps}]"
        if ends and ends[0] != len(path) - 1:
            part = f"{part}.copy()"
        self.line(f"{self.bind(name)} = {part}")
        if name.name in self.growing.names:
            self.line(f"{self.count(name)} = {self.name_of[name.name]}.shape[0]")

    def update(self, let: Let, value: Update) -> None:
        name, x = let.names[0], value.x
        assert isinstance(x, Var)
        if value.kind == "push":
            self.push(let, value)
            return
        steps = self.reach(x, value.path, let.span)
        if not value.path and value.kind == "set":
            self.alias(name, value.v)
            return
        if isinstance(value.v.type, ArrayType):
            self.fitting(let, x, value, steps)
        if id(let) in self.placement.in_place:
            self.alias(name, x)
        elif self.grows(x):
            self.bind(name)
            self.assign([(name, x, True)])
        else:
            made = self.fresh(name.name)
            self.line(f"{made} = {self.whole(x)}.copy()")
            self.define(name, made)
        target = f"{self.name_of[name.name]}[{steps}]" if steps else self.whole(name)
        if isinstance(value.v.type, ArrayType):
            act = _put(rank(value.v.type), "put" if value.kind == "set" else "accumulate")
            self.line(f"{act}({target}, {self.whole(value.v)})")
        else:
            self.line(f"{target} {'=' if value.kind == 'set' else '+='} {self.whole(value.v)}")

    def fitting(self, let: Let, x: Var, value: Update, steps: str) -> None:
        """The checks that an array has the shape of the part that it goes to."""
        wanted: list[str] = []
        for axis in range(rank(x.type)):
            step = value.path[axis] if axis < len(value.path) else None
            if isinstance(step, Slice):
                low, high = self.whole(step.low), self.whole(step.high)
                wanted.append(high if low == "0" else f"({high} - {low})")
            elif step is None:
                wanted.append(self.size(x, axis))
        for axis, n in enumerate(wanted):
            found = self.size(value.v, axis)
            if found != n:
                with self.inside(f"if {found} != {n}:"):
                    self.fault("E0606", let.span, found, n)

    def push(self, let: Let, value: Update) -> None:
        name, x = let.names[0], value.x
        assert isinstance(x, Var)
        buffer, count = self.raw(x)
        if id(let) in self.placement.in_place and self.grows(x):
            self.share(name, buffer, count)
        else:
            self.bind(name)
            self.assign([(name, x, id(let) not in self.placement.in_place)])
        made, n = self.name_of[name.name], self.count(name)
        for axis in range(rank(value.v.type)):
            with self.inside(f"if {self.size(value.v, axis)} != {made}.shape[{axis + 1}]:"):
                self.leave()
        with self.inside(f"if {n} == {made}.shape[0]:"):
            self.line(f"{made} = grow(ctl, {made}, {n})")
        self.store(made, n, value.v)
        self.line(f"{n} += 1")

    def leave(self) -> None:
        """Leaves the work to the interpreter."""
        self.line("ctl[0] = -1")
        self.line("raise Trap")

    def store(self, made: str, at: str, v: Operand) -> None:
        """Position `at` of an array becomes v."""
        if rank(v.type):
            self.line(f"{_put(rank(v.type))}({made}[u({at})], {self.whole(v)})")
        else:
            self.line(f"{made}[u({at})] = {self.whole(v)}")

    # ---- branches and calls

    def branch(self, let: Let, value: If) -> None:
        cond = self.whole(value.cond)
        names = let.names
        for v in names:
            self.bind(v)
        if len(names) == 1 and not rank(names[0].type) and not value.then.lets and not value.orelse.lets:
            then, orelse = (self.whole(side.results[0]) for side in (value.then, value.orelse))
            self.line(f"{self.name_of[names[0].name]} = {then} if {cond} else {orelse}")
            return
        start = len(self.lines)
        with self.inside(f"if {cond}:"):
            self.side(names, value.then)
        with self.inside("else:"):
            self.side(names, value.orelse)
        if self.lines[-1].strip() == "pass" and self.lines[-2].strip() == "else:":
            del self.lines[-2:]
        self.unite(let, value, start)

    def side(self, names: tuple[Var, ...], side: Block) -> None:
        self.block(side)
        self.assign([(v, r, False) for v, r in zip(names, side.results, strict=True)])

    def unite(self, let: Let, value: If, start: int) -> None:
        """Results that both sides leave in one buffer of the text are that buffer."""
        for v, a, b in zip(let.names, value.then.results, value.orelse.results, strict=True):
            if not rank(v.type) or self.raw_name(a) != self.raw_name(b) or not self.raw_name(a):
                continue
            own = self.name_of[v.name]
            moves = {f"{own} = {self.raw_name(a)}"}
            if self.grows(v):
                if not (self.grows(a) and self.grows(b)) or self.raw(a)[1] != self.raw(b)[1]:
                    continue
                moves.add(f"{self.count(v)} = {self.raw(a)[1]}")
            written = self.lines[start:]
            self.lines[start:] = [f"{_indent(t)}pass" if t.strip() in moves else t for t in written]
            self.share(v, self.raw(a)[0], self.raw(a)[1] if self.grows(v) else "")

    def raw_name(self, o: Operand) -> str:
        return self.name_of[o.name] if isinstance(o, Var) else ""

    def call(self, let: Let, fn: str, args: Sequence[Operand]) -> None:
        copied = self.placement.copied[id(let)]
        texts = [f"{self.whole(a)}.copy()" if i in copied else self.whole(a) for i, a in enumerate(args)]
        if fn in self.recursive:
            texts.insert(0, "deep + 1" if self.fn.name in self.recursive else "0")
        call = f"{self.texts[fn]}({', '.join(['ctl', *texts])})"
        names = [self.fresh(v.name) for v in let.names]
        self.line(f"{', '.join(names)} = {call}" if names else call)
        for v, name in zip(let.names, names, strict=True):
            self.define(v, name)

    # ---- loops

    def loop(self, let: Let, value: Loop) -> None:
        low, high = self.whole(value.low), self.whole(value.high)
        turns = high if low == "0" else f"{high} - {low}"
        if not all(isinstance(r, Carry) for r in value.results) and not turns.isdigit():
            n = self.fresh("turns")
            self.line(f"{n} = max({turns}, 0)")
            turns = n
        collectors = self.begin(let, value.results, value.body, turns)
        index = self.bind(value.index)
        with self.inside(f"for {index} in range({low}, {high}):"):
            self.block(value.body)
            number = index if low == "0" else f"({index} - {low})"
            self.gather(let, value, collectors, number, turns)
            self.next(let, value.results, value.body)
        self.finish(let, value.results, value.body, collectors, turns)

    def turns(self, let: Let, value: While) -> None:
        index = self.bind(value.index)
        self.line(f"{index} = 0")
        collectors = self.begin(let, value.results, value.body, "")
        with self.inside("while True:"):
            self.block(value.cond)
            with self.inside(f"if not {self.whole(value.cond.results[0])}:"):
                self.line("break")
            self.block(value.body)
            self.gather(let, value, collectors, index, "8")
            self.next(let, value.results, value.body)
            self.line(f"{index} += 1")
        self.finish(let, value.results, value.body, collectors, index)
        self.share(let.names[-1], index)

    def begin(self, let: Let, results: Sequence[Result], body: Block, turns: str) -> list[str]:
        """What happens before the turns; `turns` is how many there will be, where that is known."""
        copied = self.placement.copied[id(let)]
        collectors: list[str] = []
        starts: list[tuple[Var, Operand, bool]] = []
        for k, (r, o) in enumerate(zip(results, body.results, strict=True)):
            match r:
                case Carry(param, init):
                    self.bind(param)
                    starts.append((param, init, k in copied))
                    collectors.append("")
                case Build():
                    collectors.append(self.fresh(let.names[k].name))
                    self.reserve(collectors[-1], let.names[k].type, o.type, turns)
                case Reduce(op):
                    collectors.append(self.fresh(let.names[k].name))
                    self.unit(op, collectors[-1], let, o.type, turns)
                case _:
                    assert_never(r)
        self.assign(starts)
        return collectors

    def reserve(self, made: str, t: Type, row: Type, turns: str) -> None:
        """The array that a Build fills."""
        assert isinstance(t, ArrayType)
        if not rank(row) and turns:
            self.room([turns])
            self.line(f"{made} = np.empty({turns}, {dtype(t)})")
        else:  # the first turn tells the shape
            self.line(f"{made} = np.empty(({', '.join(str(d or 0) for d in (0, *t.dims[1:]))},), {dtype(t)})")

    def unit(self, op: str, made: str, let: Let, term: Type, turns: str) -> None:
        real = term in (FLOAT, FLOAT32)
        match op:
            case "+" if self.pairwise(term, turns):
                self.frame += 8 * 400
                zero = f"{dtype(term)}(0)"
                terms, sizes, at, leaf = self.parts[made] = [self.fresh(f"{made}_{p}") for p in SUM_PARTS]
                self.line(f"{terms}, {sizes}, {at} = cell({zero}), cell(np.int64(0)), 0")
                self.line(f"{leaf} = sum_start({terms}, {sizes}, {turns}, {zero})")
            case "+" | "*":
                start = "0" if op == "+" else "1"
                self.line(f"{made} = {dtype(term)}({start})" if real else f"{made} = {start}")
            case "any" | "all":
                self.line(f"{made} = {op == 'all'}")
            case "logsumexp":
                self.room([turns])
                self.line(f"{made} = np.empty({turns}, {dtype(term)})")
            case _:
                if not (turns.isdigit() and int(turns) > 0):
                    with self.inside(f"if {turns} <= 0:"):
                        self.fault("E0607", let.span, Lit(op, STRING))
                self.line(f"{made} = {dtype(term)}(0)" if real else f"{made} = 0")
                if op.startswith("arg"):
                    self.parts[made] = [self.fresh(f"{made}_at")]
                    self.line(f"{self.parts[made][0]} = 0")

    def gather(self, let: Let, value: Loop | While, made: Sequence[str], number: str, turns: str) -> None:
        """What a turn gives goes to builders and reductions; there is room for `turns` of them at first."""
        for r, o, name in zip(value.results, value.body.results, made, strict=True):
            if isinstance(r, Build):
                self.put_row(let, name, number, o, turns)
            elif isinstance(r, Reduce):
                self.combine(r.op, name, o, number, turns)

    def put_row(self, let: Let, made: str, number: str, o: Operand, turns: str) -> None:
        if isinstance(o.type, ArrayType):
            sizes = [self.size(o, a) for a in range(rank(o.type))]
            with self.inside(f"if {number} == 0:"):
                self.room([turns, *sizes])
                self.line(f"{made} = np.empty(({', '.join([turns, *sizes])}), {dtype(o.type)})")
            for axis, n in enumerate(sizes):
                if o.type.dims[axis] is None:
                    with self.inside(f"if {n} != {made}.shape[{axis + 1}]:"):
                        self.fault("E0606", let.span, n, f"{made}.shape[{axis + 1}]")
        if isinstance(let.value, While):
            with self.inside(f"if {number} == {made}.shape[0]:"):
                self.line(f"{made} = grow(ctl, {made}, {number})")
        self.store(made, number, o)

    @staticmethod
    def pairwise(term: Type, turns: str) -> bool:
        """Whether a sum is kept as a tree; the first terms are added in order anyway."""
        return term in (FLOAT, FLOAT32) and not (turns.isdigit() and int(turns) < 8)

    def combine(self, op: str, made: str, term: Operand, number: str, turns: str) -> None:
        v = self.whole(term)
        match op:
            case "+" if self.pairwise(term.type, turns):
                terms, sizes, at, leaf = self.parts[made]
                self.line(f"{terms}[{at}] = {v}")
                self.line(f"{at} += 1")
                with self.inside(f"if {at} == {leaf}:"):
                    self.line(f"{leaf} = sum_leaf({terms}, {sizes}, {at}, {dtype(term.type)}(0))")
                    self.line(f"{at} = 0")
            case "+" | "*":
                self.line(f"{made} {op}= {v}")
            case "any" | "all":
                self.line(f"{made} = {made} {'or' if op == 'any' else 'and'} {v}")
            case "logsumexp":
                self.line(f"{made}[u({number})] = {v}")
            case _:
                sign = "<" if op.endswith("min") else ">"
                with self.inside(f"if {number} == 0 or {v} {sign} {made}:"):
                    self.line(f"{made} = {v}")
                    if op.startswith("arg"):
                        self.line(f"{self.parts[made][0]} = {number}")

    def next(self, let: Let, results: Sequence[Result], body: Block) -> None:
        copied = self.placement.next_copied[id(let)]
        self.assign(
            [
                (r.param, o, k in copied)
                for k, (r, o) in enumerate(zip(results, body.results, strict=True))
                if isinstance(r, Carry)
            ]
        )

    def finish(self, let: Let, results: Sequence[Result], body: Block, made: Sequence[str], turns: str) -> None:
        for v, r, o, name in zip(let.names, results, body.results, made, strict=False):
            match r:
                case Carry(param):
                    self.alias(v, param)
                case Build():
                    if isinstance(let.value, While):
                        self.line(f"{name} = {name}[:{turns}]")
                    self.define(v, name)
                case Reduce(op):
                    if op == "logsumexp":
                        text = f"logsumexp({name})"
                        self.line(f"{self.bind(v)} = {f'np.float32({text})' if o.type == FLOAT32 else text}")
                    elif op == "+" and self.pairwise(o.type, turns):
                        self.line(f"{self.bind(v)} = {name}_terms[191]")
                    else:
                        self.share(v, self.parts[name][0] if op.startswith("arg") else name)
                case _:
                    assert_never(r)


def _put(of_rank: int, what: str = "put") -> str:
    return f"{what}{of_rank}" if of_rank <= 2 else what


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _int(o: Operand, text: str) -> str | Lit:
    return o if isinstance(o, Lit) else text


def literal(o: Lit) -> str:
    """A constant of the text."""
    if o.type == BOOL:
        return str(bool(o.value))
    if o.type in (FLOAT, FLOAT32):
        x = float(o.value)
        text = repr(x) if x - x == 0.0 else "math.nan" if x != x else "math.inf" if x > 0 else "(-math.inf)"
        text = f"({text})" if text.startswith("-") else text
        return f"np.float32({text})" if o.type == FLOAT32 else text
    if o.type == KEY:
        return f"np.uint64({o.value})"
    return str(o.value) if int(o.value) >= 0 else f"({o.value})"
