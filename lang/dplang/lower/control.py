"""Blocks, statements and jumps.

What holds no jump is lowered to a value (`expressions.value`). Around a jump lowering goes on by continuation: `run`
writes an expression and hands its value to `use`, which writes what follows, in the branch that gets there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, assert_never

from ..check import typed
from ..core.ir import BOOL, INT, STRING, Check, If, Lit
from ..core.sizes import Size, SizeVar
from ..core.types import UNIT as NOTHING
from ..core.types import FnType, Type
from . import expressions
from .access import assign
from .arrays import delayed, force
from .body import FALSE, Body
from .loops import run_loop
from .patterns import bind, match
from .shape import UNIT, Leaf, Shape, Static
from .ssa import Side, Use, fork, guard
from .walk import binds


def run(f: Body, e: typed.Expr, use: Use) -> None:
    """Writes `e` and what follows it."""
    control = f.program.control
    if not control.jumps(e):
        use(expressions.value(f, e))
        return
    match e:
        case typed.Block(stmts=stmts, result=result):
            last = (lambda: use(UNIT)) if result is None else (lambda: run(f, result, use))
            statements(f, stmts, last)
        case typed.If(condition=condition, then=then, orelse=orelse):
            other = typed.Block(NOTHING, e.span, (), None) if orelse is None else orelse
            sides = [_side(f, then), _side(f, other)]

            def branch(c: Shape) -> None:
                with f.at(e.span):
                    fork(f, "if", sides, lambda blocks: If(operand(c), *blocks), use)

            run(f, condition, branch)
        case typed.Match(scrutinee=scrutinee, arms=arms):
            run(f, scrutinee, lambda x: match(f, x, arms, e.span, use))
        case _:
            _in_order(f, e, use)


def evaluate(f: Body, e: typed.If | typed.Match | typed.Block) -> Shape:
    """The value of an expression that holds no jump but has parts that are written one after the other."""
    match e:
        case typed.Block(stmts=stmts, result=result):
            for s in stmts:
                statement(f, s)
            return UNIT if result is None else expressions.value(f, result)
        case typed.If(condition=condition, then=then, orelse=orelse):
            known = operand(expressions.value(f, condition))
            other = typed.Block(NOTHING, e.span, (), None) if orelse is None else orelse
            sides = [_plain_side(f, then), _plain_side(f, other)]
            return _only(lambda use: fork(f, "if", sides, lambda blocks: If(known, *blocks), use))
        case typed.Match(scrutinee=scrutinee, arms=arms):
            x = expressions.value(f, scrutinee)
            return _only(lambda use: match(f, x, arms, e.span, use))


def _plain_side(f: Body, e: typed.Expr) -> Side:
    return Side(lambda use: use(expressions.value(f, e)), True)


def _only(write: Callable[[Use], None]) -> Shape:
    """The value that `write` hands on."""
    found: list[Shape] = []
    write(found.append)
    return found[0]


def operand(shape: Shape) -> Any:
    assert isinstance(shape, Leaf)
    return shape.operand


def _side(f: Body, e: typed.Expr) -> Side:
    return Side(lambda use: run(f, e, use), f.program.control.falls(e))


def _in_order(f: Body, e: typed.Expr, use: Use) -> None:
    """An expression with a jump inside an operand: the operands are evaluated one by one before it."""
    found = _operands(e)
    bound: dict[int, typed.Expr] = {}

    def step(i: int) -> None:
        if i == len(found):
            use(expressions.value(f, _rebuilt(e, bound)))
            return
        symbol = typed.Symbol("operand", found[i].span)

        def keep(value: Shape) -> None:
            f.env[symbol] = value
            bound[id(found[i])] = typed.Local(found[i].type, found[i].span, symbol)
            step(i + 1)

        run(f, found[i], keep)

    step(0)


def _operands(e: object) -> list[typed.Expr]:
    """The operand expressions of a node, those in its indices included, in order."""
    found: list[typed.Expr] = []

    def visit(part: object) -> None:
        if isinstance(part, typed.Node):
            found.append(part)  # type: ignore[arg-type]
        elif isinstance(part, tuple):
            for p in part:
                visit(p)
        elif isinstance(part, typed.At | typed.Slice):
            for f in fields(part):
                visit(getattr(part, f.name))

    assert is_dataclass(e)
    for f in fields(e):
        # the body of a lift is no operand: it is evaluated for each element, and holds no jump
        if f.name not in ("type", "span", "body", "ranges", "element"):
            visit(getattr(e, f.name))
    return found


def _rebuilt(e: typed.Expr, bound: dict[int, typed.Expr]) -> typed.Expr:
    def rebuild(part: Any) -> Any:
        if id(part) in bound:
            return bound[id(part)]
        if isinstance(part, tuple):
            return tuple(map(rebuild, part))
        if isinstance(part, typed.At | typed.Slice):
            return replace(part, **{f.name: rebuild(getattr(part, f.name)) for f in fields(part)})
        return part

    names = [f.name for f in fields(e) if f.name not in ("type", "span", "body", "ranges", "element")]
    return replace(e, **{n: rebuild(getattr(e, n)) for n in names})


# ---- statements


def statements(f: Body, stmts: tuple[typed.Stmt, ...], last: Callable[[], None]) -> None:
    """Writes statements and then `last`, as far as they are reached."""
    for i, s in enumerate(stmts):
        if f.program.control.jumps(s):
            rest = stmts[i + 1 :]
            _jumping(f, s, lambda rest=rest: statements(f, rest, last))  # type: ignore[misc]
            return
        statement(f, s)
    last()


def _jumping(f: Body, s: typed.Stmt, rest: Callable[[], None]) -> None:
    """A statement that may jump, and what follows it."""
    match s:
        case typed.Return(value=value):

            def leave(shape: Shape) -> None:
                f.env[f.result] = shape
                f.jump(f.leave, f.returned)

            if value is None:
                leave(UNIT)
            else:
                run(f, value, leave)
        case typed.Break():
            f.jump(f.leave)
        case typed.Continue():
            f.jump()
        case typed.Let(value=value) | typed.Var(value=value) | typed.Assign(value=value) | typed.Do(value=value):

            def take(shape: Shape) -> None:
                with f.at(s.span):
                    _take(f, s, shape)
                rest()

            run(f, value, take)
        case typed.Assert(condition=condition):

            def judge(shape: Shape) -> None:
                _assert(f, s, shape)
                rest()

            run(f, condition, judge)
        case typed.For() | typed.While() | typed.Unrolled():
            with f.at(s.span):
                run_loop(f, s)
            if f.program.control.falls(s):
                guard(f, rest)
            else:
                f.jump(f.leave, f.returned)
        case _:
            assert_never(s)


def statement(f: Body, s: typed.Stmt) -> None:
    """A statement that does not jump."""
    with f.at(s.span):
        match s:
            case typed.Let(pattern=typed.BindPattern(symbol=symbol), value=value, fresh=()) if (
                not symbol.top and f.program.uses.once_in_turn(symbol)
            ):
                found = delayed(f, value)
                if found is not None and found.rank == f.program.uses.once_in_turn(symbol):
                    f.env[symbol] = found
                else:
                    f.env[symbol] = force(f, found, symbol.name) if found is not None else expressions.value(f, value)
            case typed.Let(value=value) | typed.Var(value=value) | typed.Assign(value=value) | typed.Do(value=value):
                _take(f, s, expressions.value(f, value))
            case typed.Assert(condition=condition):
                _assert(f, s, expressions.value(f, condition))
            case typed.For() | typed.While() | typed.Unrolled():
                run_loop(f, s)
            case typed.Return() | typed.Break() | typed.Continue():
                raise AssertionError("a jump")
            case _:
                assert_never(s)


def _take(f: Body, s: typed.Let | typed.Var | typed.Assign | typed.Do, shape: Shape) -> None:
    """What a statement does with its value."""
    match s:
        case typed.Let(pattern=pattern, value=value, fresh=fresh):
            bind(f, pattern, shape)
            for symbol, t in binds(pattern):
                _bound(f, symbol, t, shape if isinstance(pattern, typed.BindPattern) else f.read(symbol), fresh)
                if t == INT and not fresh:
                    size = expressions.known_size(f, value) if isinstance(pattern, typed.BindPattern) else None
                    if size is not None:
                        f.known[symbol] = size
        case typed.Var(symbol=symbol, value=value, fresh=fresh):
            f.env[symbol] = shape
            f.rebind_sizes(fresh, f.type(value.type), shape)
            if not (isinstance(value, typed.Cast) and value.fresh):
                # a variable that changes its size begins with one that was forgotten
                f.variables[symbol] = f.type(value.type)
        case typed.Assign(symbol=symbol, value=value, fresh=fresh):
            assign(f, s, shape)
            f.rebind_sizes(fresh, f.type(value.type), shape)
        case typed.Do():
            pass
        case _:
            assert_never(s)


def _bound(f: Body, symbol: typed.Symbol, t: Type, shape: Shape, fresh: tuple[SizeVar, ...]) -> None:
    """Names that a binding gives: of sizes, and of a function value."""
    if isinstance(t, FnType) and isinstance(shape, Static) and shape.code.label == expressions.LAMBDA:
        shape.code.label = symbol.name
    if fresh and t == INT:
        f.bind_size(fresh[0], operand(shape), natural=False)
        f.known[symbol] = Size.of(fresh[0])
    elif fresh:
        f.rebind_sizes(fresh, f.type(t), shape)


def _assert(f: Body, s: typed.Assert, condition: Shape) -> None:
    """The message is made only where it is needed."""
    cond = operand(condition)
    with f.at(s.span):
        if s.message is None or isinstance(s.message, typed.Lit):
            text = "" if s.message is None else str(s.message.value)
            f.b.effect(Check(cond, "E0608", (Lit(text, STRING),)))
            return
        failed = f.b.prim("not", BOOL, cond, hint="failed")
        with f.inner() as b:
            message = operand(expressions.value(f, s.message))
            b.effect(Check(FALSE, "E0608", (message,)))
        f.b.effect(If(failed, b.block(), f.b.nested().block()))
