"""From core to Python text for Numba: one function of the core is one function of the text, one Let a line or a few.

Names that are one buffer in turn (an update in place, the state of a loop and what it is after the loop) share a name
in the text, so nothing is assigned that would only count references. A fault stores its site and values in `ctl` and
raises `Trap`.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, assert_never

from ..analyse.sharing import Sharing
from ..core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    STRING,
    Block,
    Call,
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
    Prim,
    Program,
    Stop,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..core.rewrite import rank
from ..errors import Span
from ..simplify.inline import callees_first, recursive
from .lanes.rows import WORDS as LANES
from .listing import listing
from .loops import Loops
from .nest import is_select
from .options import Options
from .refuse import reachable
from .rows import FAULTS, REFUSED, Refused, expression, whole_faults
from .text import Site, bare, fresh_name, indent_of, signature

if TYPE_CHECKING:
    from .threads.split import Split

STACK = 4 << 20
"""Bytes of the machine's stack that a recursion may take in a kernel; deeper ones are interpreted."""


@dataclass(slots=True)
class Emitted:
    """The text of a kernel. `entry` is the function to call, `borrowed` its results that may lie in an argument."""

    text: str
    sites: list[Site]
    entry: str
    consumed: frozenset[int]
    borrowed: set[int]
    recursive: bool
    arena: bool


HEADER = """\
import math

import numpy as np
from numba import njit, types

from dplang.kernels.compiler import OPTIONS
"""

CONTRACT = """
OPTIONS = {**OPTIONS, "fastmath": {"contract"}}
"""

HELPERS = re.findall(
    r"\w+",
    """
    Trap accumulate accumulate1 accumulate2 argsort bits cbrt cell concat cumprod cumsum exp2 extend fill fits_int
    floor_divide int_divide int_mod int_power int_sign integer key key_at log2 logaddexp logit logsumexp matmul_mm
    matmul_mv matmul_vm matmul_vv maximum minimum mod norm normal plus poll product put put1 put2 reserve reverse
    reverse_rows room select sigmoid sign slots sort split_left split_right sum_leaf sum_start tell transpose
    transpose_rows u uniform xlogy
    """,
)
"""What texts use of `support`."""

ARENA = ("carray", "copy", "elements", "field", "mark", "release", "store", "take")
"""What they use of `arena`."""

LINALG = (
    "asymmetric", "cholesky", "dependent", "eigh", "indefinite", "lost", "lu", "lu_solve", "qr", "svd",
    "together", "triangular", "zero",
)  # fmt: skip
"""What they use of `linalg`."""

SPECIAL = (
    "bessel_j0", "bessel_j1", "bessel_jn", "beta", "beta_slope", "betainc", "betainc_slope", "digamma", "erfinv",
    "gamma_slope", "gammainc", "gammainc_slope", "gaussian", "lbeta", "polygamma", "sinc_slope",
)  # fmt: skip
"""What they use of `special`."""

THREADS = ("add_up", "apart", "begin", "job", "join", "portion", "run")
"""What they use of `threads.runtime`."""

ROOMS = (
    ("support", HELPERS),
    ("lanes.runtime", LANES),
    ("arena", ARENA),
    ("special", SPECIAL),
    ("linalg", LINALG),
    ("threads.runtime", THREADS),
)
"""What texts import, by where it is."""

WORDS = ("math", "np", "njit", "types", "OPTIONS", "ctl", "given", "deep", "range", "abs", "min", "max")

TAKEN = {*(n for _, names in ROOMS for n in names), *keyword.kwlist, *WORDS}


def _module(functions: list[str], options: Options) -> str:
    """The whole text: what it imports, and the functions."""
    body = "\n\n".join(functions)
    words = _words(body)
    imports = "".join(_import(room, names, words) for room, names in ROOMS)
    return HEADER + imports + ("" if options.exact else CONTRACT) + "\n" + body


def _import(room: str, names: Sequence[str], words: set[str]) -> str:
    """The line that imports those of `names` that are used."""
    used = ", ".join(n for n in names if n in words)
    text = f"from dplang.kernels.{room} import ({used})"
    return textwrap.fill(text, 116, subsequent_indent="    ") + "\n" if used else ""


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def emit(
    program: Program, name: str, sharing: Sharing, options: Options, splits: Mapping[str, Split] | None = None
) -> Emitted:
    """The text of function `name` and all that it calls; `splits` are functions that threads may share."""
    part = replace(program, fns={fn: program.fns[fn] for fn in reachable(program, name)})
    order = callees_first(part)
    loops = {fn: _partners(program, fn) for fn in recursive(part)}
    texts: dict[str, str] = {}
    used = set(TAKEN)
    for fn in order:
        texts[fn] = fresh_name(used, program.fns[fn].label)
    sites: list[Site] = []
    parts: list[str] = []
    borrowed: set[int] = set()
    for fn in order:
        given = (texts, used, loops, sites, sharing, options, "" if name in loops else name)
        shared = _shared(program, splits[fn], *given) if splits and fn in splits else None
        if shared is not None:
            parts += shared
            continue
        function = Function(program.fns[fn], *given)
        parts.append(function.text())
        borrowed = function.placement.borrowed
    entry = texts[name]
    if name in loops:
        entry = fresh_name(used, f"{entry}_start")
        parts.append(_starter(program.fns[name], entry, texts[name]))
    text, consumed = _module(parts, options), sharing.summary(name).updated
    arena = not _words(text).isdisjoint(ARENA)
    return Emitted(text, sites, entry, consumed, borrowed, bool(loops), arena)


def _shared(program: Program, split: Split, *given: Any) -> list[str] | None:
    from .threads.write import write

    return write(program, split, *given)


def _starter(fn: Fn, name: str, recursive: str) -> str:
    """What calls a recursive function from outside, at depth 0."""
    params = "".join(f", x{i}" for i in range(len(fn.params)))
    head = f"@njit({signature(fn, False, True)}, **OPTIONS)\ndef {name}(given{params}):"
    return f"{head}\n    return {recursive}(slots(given), 0{params})"


def _partners(program: Program, name: str) -> set[str]:
    """The other functions that a recursion of `name` may pass through."""
    return {c for c in reachable(program, name) if c != name and name in reachable(program, c)}


class Function(Loops):
    """Writes one function."""

    def text(self) -> str:
        fn, deep = self.fn, self.fn.name in self.recursive
        params = [*(["deep"] if deep else []), *(self.bind(p.var) for p in fn.params)]
        for p in fn.params:
            if p.var.name in self.growing.names:
                self.line(f"{self.count(p.var)} = {self.name_of[p.var.name]}.shape[0]")
        start = len(self.lines)
        self.block(fn.body)
        self.give()
        if deep:
            guard = [f"if deep >= {STACK // self.frame}:", "    ctl[0] = -1", "    raise Trap"]
            poll = ["if not deep & 7:", "    poll(ctl)"]
            self.lines[start:start] = [f"    {text}" for text in (*guard, *poll)]
        return self.headed(params)

    def give(self) -> None:
        """Returns the results."""
        results = [self.whole(r) for r in self.fn.body.results]
        for k in sorted(self.placement.results):
            results[k] = f"{results[k]}.copy()"
        self.line(f"return {', '.join(results)}" if results else "return 0")

    def headed(self, params: Sequence[str]) -> str:
        """The function, all its lines being written."""
        fn, deep = self.fn, self.fn.name in self.recursive
        # functions that call each other get their types when they are first called: none can come first
        types = "" if self.recursive.get(fn.name) else f"{signature(fn, deep, self.entry)}, "
        given = ", ".join(["given" if self.entry else "ctl", *params])
        head = [f"@njit({types}**OPTIONS)", f"def {self.texts[fn.name]}({given}):"]
        if fn.span.source.text:
            head.append(f"    # {fn.label}, {fn.span.source.name}:{fn.span.line}")
        if self.entry:
            head.append("    ctl = slots(given)")
        lines = self.text_lines()
        return "\n".join([*head, *(listing(lines) if self.options.sources else lines)])

    def block(self, block: Block) -> None:
        for let in block.lets:
            self.here = let.span
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
                if self.grows(x):
                    self.line(f"{self.bind(let.names[0])} = {self.size(x, axis)}")
                else:
                    self.size_of(let.names[0], self.size(x, axis))
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
                    if code:
                        self.fault(code, let.span, *args)
                    else:  # a message that only the interpreter can put together
                        self.leave()
            case Io("progress.step", (step, loss)):
                self.line(f"tell(ctl, {self.whole(step)}, {self.whole(loss)})")
            case Variant() | Match() | Io() | Derive():
                raise AssertionError("no kernel is made of these")
            case _:
                assert_never(value)

    def size_of(self, v: Var, text: str) -> None:
        if v.name in self.nested.scalars:
            self.share(v, text)
        else:
            self.share(v, self.same(v.name, text))
        self.sizes.add(self.name_of[v.name])

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
        for (i, j), (k, m) in whole_faults(value):
            self.equal(let.span, self.size(value.args[i], j), self.size(value.args[k], m))
        refused = REFUSED.get(value.op, ())
        self.refuse(let.span, [r for r in refused if "{r}" not in r[1]], args, "")
        self.value(name, text.format(*args))
        self.refuse(let.span, [r for r in refused if "{r}" in r[1]], args, self.whole(name))

    def refuse(self, span: Span, refused: Sequence[Refused], args: Sequence[str], made: str) -> None:
        """The faults of a row of whole arrays."""
        for code, where, fields in refused:
            at = self.fresh("at")
            self.line(f"{at} = {where.format(*args, r=made)}")
            with self.inside(f"if {at} >= 0:"):
                self.fault(code, span, *((kind, text.format(*args, at=at)) for kind, text in fields))

    def branch(self, let: Let, value: If) -> None:
        cond = self.whole(value.cond)
        names = let.names
        if is_select(value):
            self.block(value.then)
            self.block(value.orelse)
            for v, then, orelse in zip(names, value.then.results, value.orelse.results, strict=True):
                self.value(v, _select(cond, then, orelse, self.whole(then), self.whole(orelse)))
            return
        for v in names:
            self.bind(v)
        start = len(self.lines)
        with self.inside(f"if {cond}:"):
            self.side(names, value.then)
        with self.inside("else:"):
            self.side(names, value.orelse)
        if [str(t).strip() for t in self.lines[-2:]] == ["else:", "pass"]:
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
            self.lines[start:] = [
                f"{indent_of(t)}pass" if isinstance(t, str) and t.strip() in moves else t for t in written
            ]
            self.share(v, self.raw(a)[0], self.raw(a)[1] if self.grows(v) else "")

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


def _select(cond: str, then: Operand, orelse: Operand, x: str, y: str) -> str:
    """One of two values that are both there: of Bools what `and` and `or` are."""
    if then.type == BOOL and isinstance(then, Lit) and then.value:
        return f"({cond} | {y})"
    if then.type == BOOL and isinstance(orelse, Lit) and not orelse.value:
        return f"({cond} & {x})"
    return f"select({bare(cond)}, {bare(x)}, {bare(y)})"
