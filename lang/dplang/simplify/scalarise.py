"""Small arrays of literal size become scalars, and the loops over them are unrolled.

An array costs a kernel an allocation and memory traffic, its elements as scalars live in registers. `webs` decides what
is taken apart; here it is rewritten, in one walk: a name stands for an operand or for the parts of an array. Where a
whole array is asked for (to be returned, stored as a row, given to a call) it is made of its parts at that place,
outside the loops around it that do not change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from ..core.build import literal
from ..core.ir import (
    BOOL,
    INT,
    Arm,
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Dim,
    Fill,
    Fn,
    Get,
    If,
    Let,
    Lit,
    Loop,
    Make,
    Match,
    Operand,
    Param,
    Path,
    Prim,
    Program,
    Reduce,
    Result,
    Scalar,
    Stop,
    Type,
    Update,
    Value,
    Var,
    While,
)
from ..core.rewrite import all_names, calls, map_path, map_value
from ..errors import Span
from .faults import keep_faults
from .parts import Dims, Parts, choice, plus, positions, primitive, reached, reduction, replaced, searched, steps
from .shapes import Shapes, arithmetic
from .webs import Plan, Signature, expands, is_searched, is_small, plan


def scalarise(program: Program) -> Program:
    """Takes small arrays apart inside every function; what functions take and give stays."""
    return _rewrite(program, {name: Shapes() for name in program.fns}, {})


def scalarise_calls(program: Program) -> Program:
    """The same, and what functions hand to each other is taken apart, too. No `Derive` is left by now."""
    shapes = _sizes(program)
    return _rewrite(program, shapes, _signatures(program, shapes))


def _rewrite(program: Program, shapes: dict[str, Shapes], signatures: dict[str, Signature]) -> Program:
    fns: dict[str, Fn] = {}
    copies: dict[str, list[tuple[str, ...]]] = {}
    for name, fn in program.fns.items():
        if not shapes[name].dims:
            shapes[name].function(fn)
        found = plan(fn, shapes[name], signatures)
        if found.split or found.unrolled or any(c in signatures for c in (name, *calls(fn.body))):
            rewriting = _Scalarise(fn, shapes[name], found, signatures)
            fn = rewriting.function()
            copies[name] = rewriting.copies
        fns[name] = fn
    made = Program(fns, program.enums, program.entry)
    changed = {name: keep_faults(fns[name], made, known) for name, known in copies.items()}
    return replace(made, fns={**fns, **changed})


def _sizes(program: Program) -> dict[str, Shapes]:
    """What is known of sizes when the calls of a function, and what it gives, are looked at.

    Only the entry is called from elsewhere. Each round starts from what holds for sure.
    """
    results = {name: tuple(_dims(t) for t in fn.result_types) for name, fn in program.fns.items()}
    params = {name: tuple(_dims(p.var.type) for p in fn.params) for name, fn in program.fns.items()}
    while True:
        found: dict[str, Shapes] = {}
        given: dict[str, list[tuple[tuple[int | None, ...], ...]]] = {}
        made = dict(results)
        for name, fn in program.fns.items():
            found[name] = Shapes(results)
            made[name] = tuple(
                tuple(a if b is None else b for a, b in zip(old, new, strict=True))
                for old, new in zip(results[name], found[name].function(fn, params[name]), strict=True)
            )
            found[name].calls_in(fn.body, given)
        taken = dict(params)
        for name, rows in given.items():
            if name != program.entry:
                taken[name] = tuple(
                    tuple(a if a is not None else b for a, b in zip(old, found[name].meet(*column), strict=True))
                    for old, column in zip(params[name], zip(*rows, strict=True), strict=True)
                )
        if made == results and taken == params:
            return found
        results, params = made, taken


def _dims(t: Type) -> tuple[int | None, ...]:
    return t.dims if isinstance(t, ArrayType) else ()


def _signatures(program: Program, shapes: dict[str, Shapes]) -> dict[str, Signature]:
    """Which parameters and results go over as scalars: at first all small ones of functions that are called only
    here, then those of them that are taken apart on both sides of the call."""

    def small(v: Operand, name: str) -> bool:
        return isinstance(v.type, ArrayType) and isinstance(v.type.elem, Scalar) and is_small(shapes[name].of(v))

    found: dict[str, Signature] = {}
    for name, fn in program.fns.items():
        if name != program.entry and fn.rule is None:
            flat = Signature([small(p.var, name) for p in fn.params], [small(r, name) for r in fn.body.results])
            if any(flat.params) or any(flat.results):
                found[name] = flat
    changed = bool(found)
    while changed:
        changed = False
        for name in found:
            fn, mine = program.fns[name], found[name]
            split = plan(fn, shapes[name], found).split
            kept = Signature(
                [flat and p.var.name in split for flat, p in zip(mine.params, fn.params, strict=True)],
                [
                    flat and isinstance(r, Var) and r.name in split
                    for flat, r in zip(mine.results, fn.body.results, strict=True)
                ],
            )
            if kept != mine:
                found[name] = kept
                changed = True
    return found


@dataclass(slots=True)
class _Scope:
    """A block that is being written; `loop`: it may run many times for once of the block around it."""

    around: _Scope | None = None
    loop: bool = False
    lets: list[Let] = field(default_factory=list)
    wholes: dict[int, Var] = field(default_factory=dict)

    def block(self, results: Sequence[Operand]) -> Block:
        return Block(tuple(self.lets), tuple(results))


class _Scalarise:
    """Rewrites one function."""

    def __init__(self, fn: Fn, shapes: Shapes, found: Plan, signatures: dict[str, Signature]) -> None:
        self.fn = fn
        self.shapes = shapes
        self.plan = found
        self.signatures = signatures
        self.names = all_names(fn)
        self.taken: set[str] = set()
        self.known: dict[str, Operand | Parts] = {}
        self.kept: list[Parts] = []
        """Keeps parts alive, since they are told apart by identity."""
        self.copies: list[tuple[str, ...]] = []
        """Names of which each is read with the same checks: a row and its elements."""
        self.scope = _Scope()
        self.span: Span = fn.span
        self.role: Literal["primal", "adjoint"] = "primal"

    def function(self) -> Fn:
        fn = self.fn
        signature = self.signatures.get(fn.name) or Signature([False] * len(fn.params), [False] * len(fn.result_types))
        params: list[Param] = []
        for p, apart in zip(fn.params, signature.params, strict=True):
            if apart:
                made = self.apart(p.var)
                self.known[p.var.name] = made
                params += (
                    replace(p, var=e, label=f"{p.label}[{k}]") for k, e in enumerate(made.elems) if isinstance(e, Var)
                )
            else:
                params.append(replace(p, var=self.bind(p.var)))
                self.open(p.var)
        self.run(fn.body)
        results: list[Operand] = []
        types: list[Type] = []
        labels: list[str] = []
        for r, t, label, apart in zip(
            fn.body.results, fn.result_types, fn.result_labels, signature.results, strict=True
        ):
            if apart:
                elems = self.parts(r).elems
                results += elems
                types += (e.type for e in elems)
                labels += (f"{label}[{k}]" for k in range(len(elems)))
            else:
                results.append(self.operand(r))
                types.append(t)
                labels.append(label)
        return replace(
            fn,
            params=tuple(params),
            body=self.scope.block(results),
            result_types=tuple(types),
            result_labels=tuple(labels),
        )

    # ---- names and values

    def bind(self, v: Var) -> Var:
        """A name for `v`: its own the first time, another for each further turn of an unrolled loop."""
        t = self.shapes.typed(v)
        made = Var(v.name, t) if v.name not in self.taken else self.names.fresh(v.name, t)
        self.taken.add(v.name)
        self.known[v.name] = made
        return made

    def dims(self, v: Var) -> Dims:
        found = self.shapes.of(v)
        assert is_small(found)
        return found

    def apart(self, v: Var) -> Parts:
        """Names for the elements of `v`."""
        dims, elem = self.dims(v), _elem(v)
        return self.group(dims, [self.names.fresh(v.name, elem) for _ in positions(dims)], elem)

    def group(self, dims: Dims, elems: Sequence[Operand], elem: Scalar, whole: Var | None = None) -> Parts:
        made = Parts(dims, tuple(elems), elem, self.scope, whole)
        self.kept.append(made)
        return made

    def open(self, v: Var) -> None:
        """Reads the elements of a name that has just been bound to an array, where they are wanted."""
        if v.name in self.plan.split:
            whole = self.known[v.name]
            if isinstance(whole, Var):
                self.known[v.name] = self.read(whole, self.dims(v))

    def read(self, whole: Var, dims: Dims) -> Parts:
        elem = _elem(whole)
        elems = [self.write(Get(whole, steps(at)), elem, hint=whole.name) for at in positions(dims)]
        return self.group(dims, elems, elem, whole)

    def find(self, o: Operand) -> Operand | Parts:
        return self.known[o.name] if isinstance(o, Var) else o

    def operand(self, o: Operand) -> Operand:
        """`o` as it is read; an array that was taken apart as an array again."""
        found = self.find(o)
        return self.whole(found) if isinstance(found, Parts) else found

    def parts(self, o: Operand, becomes: Var | None = None) -> Parts:
        """The elements of a small array; its size may be known only of the name that it `becomes`."""
        found = self.find(o)
        if isinstance(found, Parts):
            return found
        assert isinstance(found, Var) and isinstance(o, Var)
        known = is_small(self.shapes.of(o)) or becomes is None
        return self.read(found, self.dims(o if known or becomes is None else becomes))

    def whole(self, x: Parts) -> Var:
        if x.whole is not None:
            return x.whole
        scopes = [self.scope]
        while scopes[-1] is not x.home and scopes[-1].around is not None:
            scopes.append(scopes[-1].around)
        for scope in scopes:
            if id(x) in scope.wholes:
                return scope.wholes[id(x)]
        outside = [s.around for s in scopes[:-1] if s.loop and s.around is not None]
        here, self.scope = self.scope, outside[-1] if outside else self.scope
        made = self.scope.wholes[id(x)] = self.make(x.dims, x.elems, x.type)
        self.scope = here
        return made

    def make(self, dims: Dims, elems: Sequence[Operand], elem: Scalar) -> Var:
        if len(dims) > 1:
            size = len(elems) // dims[0]
            elems = [self.make(dims[1:], elems[k : k + size], elem) for k in range(0, len(elems), size)]
        return self.write(Make(tuple(elems)), ArrayType(elem, dims))

    def write(self, value: Operand | Value, t: Type, hint: str = "t") -> Var:
        made = self.names.fresh(hint, t)
        self.emit((made,), value)
        return made

    def emit(self, names: tuple[Var, ...], value: Operand | Value) -> None:
        self.scope.lets.append(Let(names, value, self.span, self.role))

    # ---- blocks

    def run(self, block: Block) -> None:
        """Writes the Lets of a block into the current scope."""
        for let in block.lets:
            self.span, self.role = let.span, let.role
            self.let(let)

    def inside(self, block: Block, loop: bool = False) -> _Scope:
        """A scope with the Lets of a block; the caller adds results there and closes it."""
        self.scope = _Scope(self.scope, loop)
        self.run(block)
        return self.scope

    def close(self, let: Let) -> None:
        assert self.scope.around is not None
        self.scope = self.scope.around
        self.span, self.role = let.span, let.role

    def spread(self, names: Sequence[Var], results: Sequence[Operand]) -> list[Operand]:
        """Results of a block for names of which some are taken apart."""
        found: list[Operand] = []
        for v, r in zip(names, results, strict=True):
            found += self.parts(r, v).elems if v.name in self.plan.split else (self.operand(r),)
        return found

    def bind_spread(self, names: Sequence[Var]) -> list[Var]:
        found: list[Var] = []
        for v in names:
            if v.name in self.plan.split:
                made = self.known[v.name] = self.apart(v)
                found += (e for e in made.elems if isinstance(e, Var))
            else:
                found.append(self.bind(v))
        return found

    def path(self, path: Path) -> Path:
        return map_path(path, self.operand)

    # ---- Lets

    def let(self, let: Let) -> None:
        names, value = let.names, let.value
        match value:
            case Var() | Lit():
                self.known[names[0].name] = self.find(value)
            case Stop(x) if isinstance(found := self.find(x), Parts):
                stopped = [self.write(Stop(e), found.type) for e in found.elems]
                self.known[names[0].name] = self.group(found.dims, stopped, found.type)
            case Prim():
                self.primitive(names[0], value)
            case Make(parts) if names[0].name in self.plan.split:
                self.known[names[0].name] = self.group(
                    self.dims(names[0]),
                    [e for p in parts for e in (self.parts(p).elems if _is_array(p) else (self.operand(p),))],
                    _elem(names[0]),
                )
            case Get(x, path):
                self.get(names[0], x, self.path(path), value)
            case Update() if value.kind != "push":
                self.update(names[0], value)
            case Fill(_, v) if names[0].name in self.plan.split:
                dims = self.dims(names[0])
                filled = [self.operand(v) for _ in positions(dims)]
                self.known[names[0].name] = self.group(dims, filled, _elem(names[0]))
            case Dim(x, axis):
                n = self.shapes.of(x)[axis]
                if n is None:
                    self.plain(let)
                else:
                    self.known[names[0].name] = literal(n)
            case If(cond):
                self.branch(let, value, self.operand(cond))
            case Match(x, arms):
                self.match(let, x, arms)
            case Checkpoint(body):
                self.inside(body)
                block = self.scope.block(self.spread(names, body.results))
                self.close(let)
                self.emit(tuple(self.bind_spread(names)), Checkpoint(block))
            case Loop():
                self.loop(let, value)
            case While():
                self.turns(let, value)
            case Call(fn, args):
                self.call(let, fn, args)
            case _:
                self.plain(let)

    def plain(self, let: Let) -> None:
        """A value whose arrays stay arrays."""
        value = map_value(let.value, self.operand, lambda params, block: (params, block))
        self.emit(tuple(self.bind(v) for v in let.names), value)
        for v in let.names:
            self.open(v)

    def primitive(self, name: Var, value: Prim) -> None:
        if expands(value, name, self.shapes):
            args = [self.parts(a) for a in value.args if _is_array(a)]
            made = self.shapes.of(name)
            dims = made if is_small(made) else ()
            elems = primitive(value.op, args, dims, self.write)
            self.known[name.name] = self.settle(name, elems)
            return
        args_ = tuple(map(self.operand, value.args))
        if name.type == INT:
            number = arithmetic(value.op, list(map(_int, args_)))
            if number is not None:
                self.known[name.name] = literal(number)
                return
        self.emit((self.bind(name),), Prim(value.op, args_, value.meta))
        self.open(name)

    def settle(self, name: Var, elems: Sequence[Operand]) -> Operand | Parts:
        """What a name stands for that has these elements: its parts, or an array or scalar."""
        if not _is_array(name):
            return elems[0]
        made = self.group(self.dims(name), elems, _elem(name))
        return made if name.name in self.plan.split else self.whole(made)

    def get(self, name: Var, x: Operand, path: Path, value: Get) -> None:
        found = self.find(x)
        if isinstance(found, Parts):
            numbers = reached(found.dims, path)
            if numbers is not None:
                elems = [found.elems[k] for k in numbers]
                if not elems or (_is_array(name) and not is_small(self.shapes.of(name))):
                    self.emit((self.bind(name),), Get(self.whole(found), path))
                else:
                    self.known[name.name] = self.settle(name, elems)
                return
            step = path[0]
            if isinstance(step, At) and found.whole is None and self.is_searched(found, path):
                self.inside_bounds(step, found.dims[0])
                self.known[name.name] = searched(found, step.index, self.write)
                return
        whole = self.operand(x)
        made = self.bind(name)
        self.emit((made,), Get(whole, path))
        if name.name in self.plan.split and all(isinstance(s, At) for s in path):
            # elements are read where they lie; the row is dropped if nothing asks for it
            dims = self.dims(name)
            elems = [self.write(Get(whole, (*path, *steps(at))), _elem(name), hint=name.name) for at in positions(dims)]
            self.known[name.name] = self.group(dims, elems, _elem(name), made)
            self.copies.append((made.name, *(e.name for e in elems if isinstance(e, Var))))
        else:
            self.open(name)

    def update(self, name: Var, value: Update) -> None:
        path = self.path(value.path)
        if name.name in self.plan.split:
            x = self.parts(value.x)
            numbers = reached(x.dims, path)
            new = self.find(value.v)
            if numbers is not None and (not _is_array(value.v) or self.fits(value.v, x.dims, path, numbers)):
                added = (self.operand(value.v),) if not _is_array(value.v) else self.parts(value.v).elems
                elems = list(x.elems)
                for k, v in zip(numbers, added, strict=True):
                    elems[k] = v if value.kind == "set" else plus(elems[k], v, x.type, self.write)
                self.known[name.name] = self.group(x.dims, elems, x.type)
                return
            step = path[0] if path else None
            if isinstance(step, At) and self.is_searched(x, path):
                self.inside_bounds(step, x.dims[0])
                elems = replaced(x, step.index, self.operand(value.v), value.kind, self.write)
                self.known[name.name] = self.group(x.dims, elems, x.type)
                return
        else:
            new = self.find(value.v)
            if isinstance(new, Parts) and new.whole is None and self.has_rows(value.x, path, new.dims):
                self.update_elements(name, value, path, new)
                return
        self.emit((self.bind(name),), Update(value.kind, self.operand(value.x), path, self.operand(value.v)))
        self.open(name)

    def is_searched(self, x: Parts, path: Path) -> bool:
        """Whether the place of an element is found by comparing; a literal one that is outside faults as it did."""
        return is_searched(x.dims, path) and not any(isinstance(s, At) and isinstance(s.index, Lit) for s in path)

    def inside_bounds(self, step: At, n: int) -> None:
        """The check that an index has of its own in an array."""
        if not step.proved:
            low = self.write(Prim(">=", (step.index, literal(0))), BOOL)
            high = self.write(Prim("<", (step.index, literal(n))), BOOL)
            both = choice(low, high, literal(False), BOOL, self.write)
            self.emit((), Check(both, "E0601", (step.index, literal(n), literal(0))))

    def fits(self, v: Operand, dims: Dims, path: Path, numbers: list[int]) -> bool:
        """Whether an array has the shape of the part of a small array that it goes to."""
        found = self.shapes.of(v)
        kept = [n for k, n in enumerate(dims) if not (k < len(path) and isinstance(path[k], At))]
        if not is_small(found) or len(found) != len(kept):
            return False
        ends = [k for k, n in enumerate(found) if n != kept[k]]
        size = 1
        for n in found:
            size *= n
        return size == len(numbers) and all(k < len(path) for k in ends)

    def has_rows(self, x: Operand, path: Path, dims: Dims) -> bool:
        """Whether the path, all of single positions, leads to parts of an array that are known to have these sizes."""
        return all(isinstance(s, At) for s in path) and self.shapes.of(x)[len(path) :] == dims

    def update_elements(self, name: Var, value: Update, path: Path, new: Parts) -> None:
        made = self.operand(value.x)
        *before, last = zip(positions(new.dims), new.elems, strict=True)
        for at, e in before:
            made = self.write(Update(value.kind, made, (*path, *steps(at)), e), made.type, hint=name.name)
        self.emit((self.bind(name),), Update(value.kind, made, (*path, *steps(last[0])), last[1]))

    # ---- control

    def branch(self, let: Let, value: If, cond: Operand) -> None:
        if isinstance(cond, Lit):
            side = value.then if cond.value else value.orelse
            self.run(side)
            for v, r in zip(let.names, side.results, strict=True):
                self.known[v.name] = self.parts(r, v) if v.name in self.plan.split else self.find(r)
            return
        sides = []
        for side in (value.then, value.orelse):
            self.inside(side)
            sides.append(self.scope.block(self.spread(let.names, side.results)))
            self.close(let)
        self.emit(tuple(self.bind_spread(let.names)), If(cond, *sides))

    def match(self, let: Let, x: Operand, arms: tuple[Arm, ...]) -> None:
        scrutinee = self.operand(x)
        made = []
        for arm in arms:
            self.scope = _Scope(self.scope)
            params = tuple(self.bind(p) for p in arm.params)
            for p in arm.params:
                self.open(p)
            self.run(arm.body)
            made.append(Arm(params, self.scope.block(self.spread(let.names, arm.body.results))))
            self.close(let)
        self.emit(tuple(self.bind_spread(let.names)), Match(scrutinee, tuple(made)))

    def loop(self, let: Let, loop: Loop) -> None:
        if id(let) in self.plan.unrolled:
            self.unroll(let, loop)
            return
        low, high = self.operand(loop.low), self.operand(loop.high)
        inits = self.inits(loop.results)
        index = self.bind(loop.index)
        self.scope = _Scope(self.scope, True)
        results = self.results(loop.results, inits)
        self.run(loop.body)
        body = self.scope.block(self.nexts(loop))
        self.close(let)
        self.emit(self.loop_names(let, loop), Loop(index, low, high, results, body, loop.parallel))
        self.open_built(let, loop)

    def turns(self, let: Let, loop: While) -> None:
        inits = self.inits(loop.results)
        index = self.bind(loop.index)
        self.scope = _Scope(self.scope, True)
        results = self.results(loop.results, inits)
        self.run(loop.cond)
        cond = self.scope.block(tuple(map(self.operand, loop.cond.results)))
        self.close(let)
        self.scope = _Scope(self.scope, True)
        for r in loop.results:  # the parts are those of the condition, known in this block, too
            if isinstance(r, Carry) and isinstance(found := self.known[r.param.name], Parts):
                self.known[r.param.name] = self.group(found.dims, found.elems, found.type)
        self.run(loop.body)
        body = self.scope.block(self.nexts(loop))
        self.close(let)
        kept = tuple(r for r in results if not isinstance(r, Reduce))
        self.emit((*self.loop_names(let, loop), self.bind(let.names[-1])), While(index, kept, cond, body))
        self.open_built(let, loop)

    def inits(self, results: tuple[Result, ...]) -> list[tuple[Operand, ...]]:
        found: list[tuple[Operand, ...]] = []
        for r in results:
            if isinstance(r, Carry):
                apart = r.param.name in self.plan.split
                found.append(self.parts(r.init, r.param).elems if apart else (self.operand(r.init),))
            else:
                found.append(())
        return found

    def results(self, results: tuple[Result, ...], inits: list[tuple[Operand, ...]]) -> tuple[Result, ...]:
        made: list[Result] = []
        for r, init in zip(results, inits, strict=True):
            if isinstance(r, Carry):
                made += map(Carry, self.bind_spread([r.param]), init)
            else:
                made.append(r)
        return tuple(made)

    def nexts(self, loop: Loop | While) -> list[Operand]:
        found: list[Operand] = []
        for r, o in zip(loop.results, loop.body.results, strict=True):
            param = r.param if isinstance(r, Carry) and r.param.name in self.plan.split else None
            found += (self.operand(o),) if param is None else self.parts(o, param).elems
        return found

    def loop_names(self, let: Let, loop: Loop | While) -> tuple[Var, ...]:
        found: list[Var] = []
        for v, r in zip(let.names, loop.results, strict=False):
            if isinstance(r, Carry) and r.param.name in self.plan.split:
                made = self.known[v.name] = self.apart(v)
                found += (e for e in made.elems if isinstance(e, Var))
            else:
                found.append(self.bind(v))
        return tuple(found)

    def open_built(self, let: Let, loop: Loop | While) -> None:
        for v, r in zip(let.names, loop.results, strict=False):
            if isinstance(r, Build):
                self.open(v)

    def unroll(self, let: Let, loop: Loop) -> None:
        low, trips = self.shapes.number(loop.low), self.shapes.trips(loop)
        assert low is not None and trips
        state = {r.param.name: self.find(r.init) for r in loop.results if isinstance(r, Carry)}
        rows: list[list[Operand | Parts]] = [[] for _ in loop.results]
        for turn in range(trips):
            self.known.update(state)
            self.known[loop.index.name] = literal(low + turn)
            self.run(loop.body)
            for r, o, found in zip(loop.results, loop.body.results, rows, strict=True):
                if isinstance(r, Carry):
                    state[r.param.name] = self.find(o)
                else:
                    found.append(self.find(o))
        self.span, self.role = let.span, let.role
        for v, r, o, found in zip(let.names, loop.results, loop.body.results, rows, strict=True):
            self.known[v.name] = self.unrolled(v, r, o, found, state)

    def unrolled(
        self, v: Var, r: Result, o: Operand, found: list[Operand | Parts], state: dict[str, Operand | Parts]
    ) -> Operand | Parts:
        """What a result of an unrolled loop stands for."""
        match r:
            case Carry(param):
                last = state[param.name]
                if v.name in self.plan.split and isinstance(last, Var):
                    return self.read(last, self.dims(v))
                return last
            case Build() if v.name in self.plan.split:
                elems: list[Operand] = []
                for row in found:
                    if not isinstance(row, Parts) and _is_array(o):
                        assert isinstance(row, Var) and isinstance(o, Var)
                        row = self.read(row, self.dims(o))
                    elems += row.elems if isinstance(row, Parts) else (row,)
                return self.group(self.dims(v), elems, _elem(v))
            case Build():
                wholes = [self.whole(row) if isinstance(row, Parts) else row for row in found]
                made = self.bind(v)
                self.emit((made,), Make(tuple(wholes)))
                return made
            case Reduce(op):
                terms = [row for row in found if not isinstance(row, Parts)]
                assert isinstance(o.type, Scalar)
                return reduction(op, terms, o.type, self.write)
            case _:
                assert_never(r)

    def call(self, let: Let, fn: str, args: tuple[Operand, ...]) -> None:
        signature = self.signatures.get(fn) or Signature([False] * len(args), [False] * len(let.names))
        given: list[Operand] = []
        for a, apart in zip(args, signature.params, strict=True):
            given += self.parts(a).elems if apart else (self.operand(a),)
        names: list[Var] = []
        joined: list[Var] = []
        for v, apart in zip(let.names, signature.results, strict=True):
            if apart:
                made = self.known[v.name] = self.apart(v)
                names += (e for e in made.elems if isinstance(e, Var))
                if v.name not in self.plan.split:
                    joined.append(v)
            else:
                names.append(self.bind(v))
        self.emit(tuple(names), Call(fn, tuple(given)))
        for v in joined:
            self.known[v.name] = self.operand(v)
        for v in let.names:
            self.open(v)


def _is_array(o: Operand) -> bool:
    return isinstance(o.type, ArrayType)


def _int(o: Operand) -> int | None:
    return int(o.value) if isinstance(o, Lit) and o.type == INT else None


def _elem(v: Var) -> Scalar:
    assert isinstance(v.type, ArrayType) and isinstance(v.type.elem, Scalar)
    return v.type.elem
