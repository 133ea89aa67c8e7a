"""Tools that every pass over the core shares: walk, map, free names, fresh copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias, assert_never

from ..errors.source import Span
from .build import Names
from .ir import (
    Arm,
    ArrayType,
    At,
    Block,
    Call,
    Carry,
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
    Part,
    Path,
    Prim,
    Reduce,
    Result,
    Slice,
    Step,
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    While,
)

Rename: TypeAlias = Callable[[Operand], Operand]
Rebuild: TypeAlias = Callable[[tuple[Var, ...], Block], tuple[tuple[Var, ...], Block]]


def rank(t: Type) -> int:
    """How many dimensions values of a type have."""
    return len(t.dims) if isinstance(t, ArrayType) else 0


def sizeless(t: Type) -> Type:
    """A type that says nothing of sizes."""
    return ArrayType(t.elem, (None,) * len(t.dims)) if isinstance(t, ArrayType) else t


def name_of(o: Operand) -> str:
    """The name of an operand; empty for a constant."""
    return o.name if isinstance(o, Var) else ""


def path_operands(path: Path) -> Iterator[Operand]:
    for step in path:
        match step:
            case At(index):
                yield index
            case Slice(low, high):
                yield low
                yield high
            case Part():
                pass
            case _:
                assert_never(step)


def operands(value: Operand | Value) -> Iterator[Operand]:
    """The operands that `value` itself reads, those of its nested blocks not included."""
    match value:
        case Var() | Lit():
            yield value
        case Prim(_, args) | Make(args) | Variant(_, _, args) | Call(_, args) | Io(_, args):
            yield from args
        case Get(x, path):
            yield x
            yield from path_operands(path)
        case Update(_, x, path, v):
            yield x
            yield from path_operands(path)
            yield v
        case Fill(shape, v):
            yield from shape
            yield v
        case Dim(x) | Stop(x) | Match(x):
            yield x
        case If(cond):
            yield cond
        case Loop(_, low, high, results):
            yield low
            yield high
            yield from (r.init for r in results if isinstance(r, Carry))
        case While(_, results):
            yield from (r.init for r in results if isinstance(r, Carry))
        case Derive(_, _, args, _, seeds):
            yield from args
            yield from seeds
        case Check(cond, _, args):
            yield cond
            yield from args
        case Checkpoint():
            pass
        case _:
            assert_never(value)


def carried(results: tuple[Result, ...]) -> tuple[Var, ...]:
    """The parameters of the carried results."""
    return tuple(r.param for r in results if isinstance(r, Carry))


def blocks(value: Operand | Value) -> Iterator[tuple[tuple[Var, ...], Block]]:
    """The nested blocks of `value`, each with the names that the node binds for it."""
    match value:
        case If(_, then, orelse):
            yield (), then
            yield (), orelse
        case Match(_, arms):
            for arm in arms:
                yield arm.params, arm.body
        case Loop(index, _, _, results, body):
            yield (index, *carried(results)), body
        case While(index, results, cond, body):
            params = (index, *carried(results))
            yield params, cond
            yield params, body
        case Checkpoint(body):
            yield (), body
        case _:
            pass


def free_names(part: Block | Operand | Value) -> dict[str, Var]:
    """The variables read in `part` that it does not bind, in order of first reading."""
    found: dict[str, Var] = {}
    _free(part, set(), found)
    return found


def _free(part: Block | Operand | Value, bound: set[str], found: dict[str, Var]) -> None:
    # names are unique in a function, so names bound anywhere inside never stand for something outside
    def read(o: Operand) -> None:
        if isinstance(o, Var) and o.name not in bound:
            found.setdefault(o.name, o)

    if isinstance(part, Block):
        for let in part.lets:
            _free(let.value, bound, found)
            bound.update(v.name for v in let.names)
        for result in part.results:
            read(result)
        return
    for o in operands(part):
        read(o)
    for params, block in blocks(part):
        bound.update(p.name for p in params)
        _free(block, bound, found)


def map_path(path: Path, f: Rename) -> Path:
    def step(s: Step) -> Step:
        match s:
            case At(index, proved):
                return At(f(index), proved)
            case Slice(low, high, proved):
                return Slice(f(low), f(high), proved)
            case Part():
                return s
            case _:
                assert_never(s)

    return tuple(step(s) for s in path)


def map_value(value: Operand | Value, f: Rename, rebuild: Rebuild) -> Operand | Value:
    """`value` with `f` applied to the operands it reads itself and `rebuild` to its nested blocks.

    `rebuild` takes the names that the node binds for a block, and the block. A While's two blocks share their names:
    it is called with the condition, then with the body, and must answer both calls with the same names.
    """
    match value:
        case Var() | Lit():
            return f(value)
        case Prim(op, args, meta):
            return Prim(op, tuple(map(f, args)), meta)
        case Make(parts):
            return Make(tuple(map(f, parts)))
        case Get(x, path):
            return Get(f(x), map_path(path, f))
        case Update(kind, x, path, v):
            return Update(kind, f(x), map_path(path, f), f(v))
        case Fill(shape, v):
            return Fill(tuple(map(f, shape)), f(v))
        case Dim(x, axis):
            return Dim(f(x), axis)
        case Variant(enum, tag, args):
            return Variant(enum, tag, tuple(map(f, args)))
        case Match(x, arms):
            scrutinee = f(x)
            return Match(scrutinee, tuple(Arm(*rebuild(a.params, a.body)) for a in arms))
        case If(cond, then, orelse):
            return If(f(cond), rebuild((), then)[1], rebuild((), orelse)[1])
        case Loop(index, low, high, results, body, parallel):
            low, high = f(low), f(high)
            inits = [f(r.init) if isinstance(r, Carry) else None for r in results]
            params, body = rebuild((index, *carried(results)), body)
            return Loop(params[0], low, high, _results(results, inits, params[1:]), body, parallel)
        case While(index, results, cond, body):
            inits = [f(r.init) if isinstance(r, Carry) else None for r in results]
            params = (index, *carried(results))
            _, cond = rebuild(params, cond)
            params, body = rebuild(params, body)
            made = _results(results, inits, params[1:])
            return While(params[0], tuple(r for r in made if not isinstance(r, Reduce)), cond, body)
        case Call(fn, args):
            return Call(fn, tuple(map(f, args)))
        case Derive(kind, fn, args, wrt, seeds):
            return Derive(kind, fn, tuple(map(f, args)), wrt, tuple(map(f, seeds)))
        case Stop(x):
            return Stop(f(x))
        case Checkpoint(body):
            return Checkpoint(rebuild((), body)[1])
        case Check(cond, fault, args):
            return Check(f(cond), fault, tuple(map(f, args)))
        case Io(op, args, meta):
            return Io(op, tuple(map(f, args)), meta)
        case _:
            assert_never(value)


def _results(results: tuple[Result, ...], inits: list[Operand | None], params: tuple[Var, ...]) -> tuple[Result, ...]:
    left = iter(params)
    made: list[Result] = []
    for r, init in zip(results, inits, strict=True):
        if isinstance(r, Carry):
            assert init is not None
            made.append(Carry(next(left), init))
        else:
            made.append(r)
    return tuple(made)


def substitute(block: Block, mapping: Mapping[str, Operand]) -> Block:
    """`block` with free variables replaced; names that it binds stay."""

    def f(o: Operand) -> Operand:
        return mapping.get(o.name, o) if isinstance(o, Var) else o

    def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
        return params, substitute(inner, mapping)

    lets = tuple(replace(let, value=map_value(let.value, f, rebuild)) for let in block.lets)
    return Block(lets, tuple(map(f, block.results)))


def copy_block(block: Block, names: Names, mapping: dict[str, Operand]) -> Block:
    """A copy of `block` in which every bound name is fresh.

    `mapping` says what free variables become, and learns the fresh names of the block.
    """

    def f(o: Operand) -> Operand:
        return mapping.get(o.name, o) if isinstance(o, Var) else o

    def fresh(v: Var) -> Var:
        known = mapping.get(v.name)
        if isinstance(known, Var) and v.name in shared:
            return known
        made = names.fresh(v.name, v.type)
        mapping[v.name] = made
        return made

    shared: set[str] = set()

    def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
        made = tuple(fresh(p) for p in params)
        shared.update(p.name for p in params)
        return made, copy_block(inner, names, mapping)

    lets = []
    for let in block.lets:
        value = map_value(let.value, f, rebuild)
        lets.append(replace(let, names=tuple(fresh(v) for v in let.names), value=value))
    return Block(tuple(lets), tuple(map(f, block.results)))


def respan(block: Block, f: Callable[[Span], Span]) -> Block:
    """The block with `f` of each of its spans."""

    def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
        return params, respan(inner, f)

    lets = [replace(let, span=f(let.span), value=map_value(let.value, lambda o: o, rebuild)) for let in block.lets]
    return Block(tuple(lets), block.results)


def all_names(fn: Fn) -> Names:
    """Fresh names for `fn` that keep clear of all that it has."""
    names = Names()

    def visit(block: Block) -> None:
        for let in block.lets:
            for v in let.names:
                names.reserve(v.name)
            for params, inner in blocks(let.value):
                for p in params:
                    names.reserve(p.name)
                visit(inner)

    for p in fn.params:
        names.reserve(p.var.name)
    visit(fn.body)
    return names


def lets_of(block: Block) -> Iterator[Let]:
    """All Lets of a block, nested ones after the Let that holds them."""
    for let in block.lets:
        yield let
        for _, inner in blocks(let.value):
            yield from lets_of(inner)


def calls(block: Block) -> set[str]:
    """The functions that a block names, by Call or Derive."""
    return {let.value.fn for let in lets_of(block) if isinstance(let.value, Call | Derive)}
