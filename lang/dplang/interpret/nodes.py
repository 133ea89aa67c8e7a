"""Each kind of node as a closure: what its operands are, what it moves, and how it is written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_never

from ..analyse.ownership import holds_memory
from ..core.ir import (
    ArrayType,
    Block,
    Call,
    Check,
    Checkpoint,
    Derive,
    Dim,
    Fill,
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
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..core.rewrite import blocks, free_names, operands
from ..errors import CATALOGUE, Fault, Span, linalg, runtime  # noqa: F401  (faults of rows are named by code)
from ..primitives.runtime import Trap
from . import access, values
from .closures import moves, sequence, tupled, valued
from .format import formatter
from .io import IoContext, provider
from .loops import loop
from .nesting import Nesting
from .rows import (
    Code,
    Frame,
    Source,
    called,
    can_fault,
    choice,
    getter,
    is_elementwise,
    scalar_code,
    whole_code,
)

if TYPE_CHECKING:
    from .prepare import Preparation


class Node:
    """Prepares one Let.

    `writes`: the code stores its results itself. `may_wait`: the value may be nested into its reader.
    `taken`: the dying names that the code moves out of their slots.
    """

    def __init__(self, owner: Preparation, let: Let, nesting: Nesting) -> None:
        self.owner = owner
        self.let = let
        self.nesting = nesting
        self.dying = owner.deaths.after[id(let)]
        self.taken: set[str] = set()
        # what dies inside the sides of a branch is dropped there
        turning = isinstance(let.value, Loop | While)
        self.inner = set() if turning else {n for _, b in blocks(let.value) for n in free_names(b)}
        self.writes = False
        self.may_wait = True

    @property
    def span(self) -> Span:
        return self.let.span

    @property
    def type(self) -> Type:
        return self.let.names[0].type

    def slot(self, name: str) -> int:
        return self.owner.slots[name]

    def admit(self, ops: Sequence[Operand], pure: bool = False) -> None:
        """Lets operands be nested. A reader that is no scalar operation needs its arrays let go before it runs."""
        if pure:
            self.nesting.admit(ops, lambda w: w.anywhere, barrier=False)
        else:
            self.nesting.admit(ops, lambda w: w.anywhere and not w.kills, barrier=False)

    def admit_beside_moves(self, ops: Sequence[Operand]) -> None:
        """The same for a reader that moves its operands one by one: beside one that is moved nothing is nested that
        may read it."""
        moving = any(isinstance(o, Var) and o.name in self.dying and holds_memory(o.type) for o in ops)
        self.nesting.admit(ops, lambda w: w.anywhere and not w.kills and not moving, barrier=False)

    def source(self, o: Operand) -> Source:
        return self.owner.source(o, self.nesting)

    def sources(self, ops: Sequence[Operand]) -> list[Source]:
        return [self.source(o) for o in ops]

    def last(self, o: Operand, blocks: Sequence[Block] = ()) -> Source:
        """An operand that is moved if this Let is the only and last one to read it."""
        if isinstance(o, Var) and o.name in self.dying and holds_memory(o.type):
            once = sum(o == other for other in operands(self.let.value)) == 1
            if once and not any(o.name in free_names(b) for b in blocks):
                self.taken.add(o.name)
                return self.owner.source(o, self.nesting, moved=True)
        return self.source(o)

    def prepare(self) -> tuple[Code, bool, bool]:
        """The code; whether it is pure, total and of scalars; whether any reader may hold it."""
        value: Operand | Value = self.let.value
        match value:
            case Var() | Lit():
                return self.alias(value)
            case Stop(x):
                return self.alias(x)
            case Prim():
                return self.prim(value)
            case Get():
                return self.get(value)
            case Dim(x, axis):
                self.admit([x])
                read = getter(self.source(x))
                return (lambda f: read(f).shape[axis]), False, True
            case Update():
                return self.update(value), False, False
            case Make(parts):
                return self.make(parts), False, False
            case Fill(shape, v):
                return self.fill(shape, v), False, False
            case Variant(_, tag, args):
                self.admit_beside_moves(args)
                operands_ = [Source("literal", tag), *(self.last(a) for a in args)]
                return tupled([], operands_), False, False
            case If():
                return self.branch(value)
            case Match():
                return self.match(value)
            case Loop() | While():
                self.writes = True
                return loop(self, value), False, False
            case Call(fn, args):
                self.admit_beside_moves(args)
                return self.results(self.owner.call(fn, [self.last(a) for a in args], self.span)), False, True
            case Checkpoint(body):
                self.admit([])
                return self.run_block(body), False, False
            case Check():
                return self.check(value), False, False
            case Io():
                return self.io(value), False, False
            case Derive():
                raise AssertionError("a derivative operator reached the interpreter")
            case _:
                assert_never(value)

    # ---- nodes

    def alias(self, x: Operand) -> tuple[Code, bool, bool]:
        scalar = not holds_memory(x.type)
        self.admit([x], pure=scalar)
        return getter(self.last(x)), scalar, scalar

    def prim(self, value: Prim) -> tuple[Code, bool, bool]:
        if value.op == "format":
            self.admit(value.args)
            write = formatter(self.owner.machine.program.enums, value.meta)
            return self.trapping(called(write, self.sources(value.args))), False, False
        if not is_elementwise(value.op):
            self.admit(value.args)
            code = whole_code(value.op, value.args, self.sources(value.args), self.type)
            return self.owner.charged(self.trapping(code), self.span), False, False
        scalars = not any(holds_memory(a.type) for a in value.args)
        self.admit(value.args, pure=scalars)
        code = scalar_code(value.op, value.args, self.sources(value.args), self.type)
        if can_fault(value.op, value.args):
            return self.trapping(code), False, True
        return code, scalars, True

    def trapping(self, code: Code) -> Code:
        """`code` whose faults become diagnostics here."""
        span = self.span

        def run(f: Frame) -> Any:
            try:
                return code(f)
            except Trap as trap:
                raise Fault(CATALOGUE[trap.fault](span, *trap.values)) from None

        return run

    def get(self, value: Get) -> tuple[Code, bool, bool]:
        ops = list(operands(value))
        self.admit(ops, pure=not holds_memory(self.type))
        x, *indices = self.sources(ops)
        return access.get(x, value.x.type, value.path, indices, self.span), False, not holds_memory(self.type)

    def update(self, value: Update) -> Code:
        x, *indices, v = operands(value)
        self.admit([*indices, v, x])
        new = self.last(v)
        if isinstance(v.type, ArrayType):
            new = Source("code", self.owner.charged(getter(new), self.span))
        whole = self.last(x)
        own = self.owner.own(self.span)
        if value.kind != "push":
            positions = self.sources(indices)
            return access.update(value.kind, whole, x.type, value.path, positions, new, self.span, own)
        take_whole, take_new, copies = getter(whole), getter(new), self.owner.machine.copy_always

        def push(f: Frame) -> Any:
            v = take_new(f)
            a = take_whole(f)
            mine = not copies and values.owned(a)
            if own is not None and not mine:
                a = own(a)
            return values.push(a, v, mine)

        return push

    def make(self, parts: Sequence[Operand]) -> Code:
        self.admit(parts)
        t = self.type
        assert isinstance(t, ArrayType)
        collect = tupled([], self.sources(parts))
        made: Code
        if len(t.dims) == 1:
            dtype = values.dtype_of(t)
            made = lambda f: values.from_list(list(collect(f)), dtype)  # noqa: E731
        else:
            span = self.span
            made = lambda f: _stack(list(collect(f)), t, span)  # noqa: E731
        return self.owner.charged(made, self.span)

    def fill(self, shape: Sequence[Operand], v: Operand) -> Code:
        self.admit([*shape, v])
        sizes, value = tupled([], self.sources(shape)), getter(self.source(v))
        if not shape:
            return value
        span, limit, dtype = self.span, self.owner.machine.memory, values.dtype_of(v.type)
        meter = self.owner.machine.meter
        if meter is None:
            return lambda f: values.fill(sizes(f), value(f), dtype, span)

        def metered(f: Frame) -> Any:
            made = values.allocate(sizes(f), dtype, span, limit)
            meter.add(made.size, span)
            made.fill(value(f))
            return made

        return metered

    def results(self, code: Code) -> Code:
        """`code` of a call; where it gives several results they go to their slots."""
        slots = [self.slot(v.name) for v in self.let.names]
        if len(slots) == 1:
            return code
        self.writes = True
        match slots:
            case [d, e]:

                def two(f: Frame) -> None:
                    f[d], f[e] = code(f)

                return two
            case [d, e, g]:

                def three(f: Frame) -> None:
                    f[d], f[e], f[g] = code(f)

                return three
            case _:

                def many(f: Frame) -> None:
                    for slot, value in zip(slots, code(f)):  # noqa: B905 (hot; verified core)
                        f[slot] = value

                return many

    def branch(self, value: If) -> tuple[Code, bool, bool]:
        self.admit([value.cond])
        condition = self.source(value.cond)
        then, orelse = (self.side(b) for b in (value.then, value.orelse))
        if len(self.let.names) == 1:
            small = not value.then.lets and not value.orelse.lets
            scalar = not holds_memory(self.type)
            return choice(condition, then, orelse), small and scalar, scalar
        self.writes = True
        return choice(condition, then, orelse), False, False

    def side(self, block: Block) -> Source:
        """A side of a branch: its value, or code that stores its results."""
        done = self.owner.block(block)
        if len(self.let.names) == 1:
            return valued(done.statements, done.results[0])
        stores = moves([self.slot(v.name) for v in self.let.names], done.results)
        return Source("code", sequence([*done.statements, *stores]))

    def run_block(self, block: Block) -> Code:
        code = getter(self.side(block))
        self.writes = len(self.let.names) != 1
        return code

    def match(self, value: Match) -> tuple[Code, bool, bool]:
        self.admit([value.x])
        bodies = [arm.body for arm in value.arms]
        read = getter(self.last(value.x, bodies))
        codes = tuple(getter(self.side(b)) for b in bodies)
        used = self.owner.uses
        stores = tuple(
            tuple((self.slot(p.name), k) for k, p in enumerate(arm.params, 1) if used[p.name]) for arm in value.arms
        )
        self.writes = len(self.let.names) != 1

        def run(f: Frame) -> Any:
            x = read(f)
            tag = x[0]
            for slot, k in stores[tag]:
                f[slot] = x[k]
            x = None  # an arm may own what the value held
            return codes[tag](f)

        return run, False, not self.writes and not holds_memory(self.type)

    def check(self, value: Check) -> Code:
        self.nesting.admit([value.cond], lambda w: w.anywhere and not w.kills, barrier=False)
        condition = getter(self.source(value.cond))
        inside = self.nesting.inside
        # operands of the message are computed only for it, where nothing speaks against it
        self.nesting.admit(value.args, lambda w: w.anywhere and not w.ordered, barrier=False)
        args = [getter(s) for s in self.sources(value.args)]
        self.nesting.inside = inside
        fault, span = CATALOGUE[value.fault], self.span

        def run(f: Frame) -> None:
            if not condition(f):
                raise Fault(fault(span, *[a(f) for a in args]))

        return run

    def io(self, value: Io) -> Code:
        self.admit(value.args)
        args = tupled([], self.sources(value.args))
        machine, meta = self.owner.machine, value.meta
        context = IoContext(machine.out, self.span, machine.program.enums, machine.io_state)
        slots = [self.slot(v.name) for v in self.let.names]
        self.writes = True
        perform = provider(value.op)

        def run(f: Frame) -> None:
            results = perform(context, args(f), meta)
            for slot, result in zip(slots, results, strict=True):
                f[slot] = result

        return run


def _stack(items: list[Any], t: ArrayType, span: Span) -> values.Array:
    for v in items:
        if v.shape != items[0].shape:
            raise access.differing(span, v.shape, items[0].shape)
    return values.stack(items, t)
