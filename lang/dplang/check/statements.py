"""Blocks and statements: bindings, assignments, loops, jumps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ..core.ir import INT, STRING
from ..core.sizes import Size, SizeVar
from ..core.types import NEVER, UNIT, FnType, Meta, Never, Type, Wrong, show
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .annotations import Resolver
from .context import Context
from .free import free_names
from .functions import let_function
from .lift import coerce, mismatch
from .lookup import unknown_name
from .names import Builtin, Faulty, FnName, LetFn, StructName, Value, VariantName
from .operators import condition
from .patterns import bind_pattern, finish_branches
from .sizing import forget, unnamed
from .targets import is_function_like
from .unify import data_fault, is_unknown, sizes_of

Out: TypeAlias = "list[typed.Stmt | list[typed.Stmt]]"


def flat(out: Out) -> tuple[typed.Stmt, ...]:
    """Statements in order; a list among them is a place that was filled later."""
    made: list[typed.Stmt] = []
    for s in out:
        if isinstance(s, list):
            made.extend(s)
        else:
            made.append(s)
    return tuple(made)


def infer_block(cx: Context, b: tree.Block, expected: Type | None, discard: bool) -> typed.Expr:
    """A block in the scope `cx`, which is its own; its value is its last line unless that is discarded."""
    from .expressions import infer

    out: Out = []
    result: typed.Expr | None = None
    over = False
    if any(isinstance(item, tree.FnDef) for item in b.items):
        from .local import declare_local

        declare_local(cx, b.items)
    for i, item in enumerate(b.items):
        if over:
            cx.report(faults.Unreachable(item.span))
        unused = len(cx.unit.unused)
        last = i == len(b.items) - 1
        if last and not discard and not over and isinstance(item, tree.Expr):
            result = infer(cx, item, expected)
        elif statement(cx, item, out):
            over = True
        if over:
            del cx.unit.unused[unused:]
    if over:
        return typed.Block(NEVER, b.span, flat(out), None)
    t = UNIT if result is None else cx.solve(result.type)
    return typed.Block(t, b.span, flat(out), result)


def infer_discarded(cx: Context, e: tree.Expr) -> typed.Expr:
    """An expression whose value nobody wants, as one of unit type (or one that never ends)."""
    match e:
        case tree.Block():
            return infer_block(cx.inner(), e, None, discard=True)
        case tree.If():
            return infer_if(cx, e, None, discard=True)
        case tree.Match():
            from .patterns import infer_match

            return infer_match(cx, e, None, discard=True)
        case _:
            out: Out = []
            over = statement(cx, e, out)
            return typed.Block(NEVER if over else UNIT, e.span, flat(out), None)


def infer_if(cx: Context, e: tree.If, expected: Type | None, discard: bool) -> typed.Expr:
    born = cx.mark()
    cond = condition(cx, e.condition, "`if`")
    if not discard and function_branch(cx, e, "if", (e.then, e.orelse)):
        return cx.wrong(e.span)
    adapted = len(cx.body.adapted)
    then = infer_block(cx.inner(), e.then, expected, discard)
    if e.orelse is None:
        same_types(cx, adapted)
        if not discard and then.type != UNIT and not isinstance(then.type, Never | Wrong):
            if expected is not None and cx.solve(expected) == UNIT:
                then = infer_block(cx.inner(), e.then, None, discard=True)
            else:
                return cx.wrong(e.span, faults.IfWithoutElse(e.span, show(then.type)))
        return typed.If(UNIT, e.span, cond, then, None)
    orelse = (
        infer_if(cx, e.orelse, expected, discard)
        if isinstance(e.orelse, tree.If)
        else infer_block(cx.inner(), e.orelse, expected, discard)
    )
    same_types(cx, adapted)
    return finish_branches(
        cx,
        [then, orelse],
        expected,
        discard,
        e.span,
        "if",
        born,
        lambda kind, sides: typed.If(kind, e.span, cond, sides[0], sides[1]),
    )


def function_branch(cx: Context, e: tree.Expr, what: str, branches: Sequence[tree.Node | None]) -> bool:
    """Reports a branch whose value is a function."""
    for b in branches:
        last = b.items[-1] if isinstance(b, tree.Block) and b.items else b
        if isinstance(last, tree.Expr) and not isinstance(last, tree.If) and is_function_like(cx, last):
            cx.report(faults.FunctionAsData(last.span, "function", f"the result of `{what}`"))
            return True
    return False


def same_types(cx: Context, since: int) -> None:
    """Variables that changed their type inside a branch or loop must have the old one again at its end."""
    for value, before, span in cx.body.adapted[since:]:
        now = cx.solve(value.type)
        if not cx.unit.solver.try_fits(now, before):
            why = Note(f"outside, `{value.symbol.name}` has the type `{show(before)}`", value.symbol.span)
            mismatch(cx, typed.Local(now, span, value.symbol), now, before, why)
            value.type = Wrong()
    del cx.body.adapted[since:]


# ---- statements


def statement(cx: Context, item: tree.Item, out: Out) -> bool:
    """Checks one line of a block; True if what follows is never reached."""
    match item:
        case tree.Let():
            _let(cx, item, out)
        case tree.VarDecl():
            _var(cx, item, out)
        case tree.Assign():
            from .assignment import assign

            assign(cx, item, out)
        case tree.For():
            from .loops import infer_for

            infer_for(cx, item, out)
        case tree.While():
            from .loops import infer_while

            return infer_while(cx, item, out)
        case tree.Assert():
            _assert(cx, item, out)
        case tree.Return():
            return _return(cx, item, out)
        case tree.Break() | tree.Continue():
            return _jump(cx, item, out)
        case tree.HoleDecl():
            from .sketches import declare_hole

            out.extend(declare_hole(cx, item))
        case tree.FnDef():
            from .local import local_function

            out.append(local_function(cx, item))
        case (
            tree.StructDef()
            | tree.EnumDef()
            | tree.ImportModule()
            | tree.ImportNames()
            | tree.TestDef()
            | tree.DerivativeDef()
        ):
            cx.report(faults.MisplacedDefinition(item.span))
            if isinstance(item, tree.StructDef | tree.EnumDef):
                cx.define(item.name.name, Faulty(item.span))
        case _:
            return _expression(cx, item, out)
    return False


def _expression(cx: Context, e: tree.Expr, out: Out) -> bool:
    """An expression on a line of its own."""
    if isinstance(e, tree.If | tree.Match | tree.Block):
        from .loops import refresh, resized_in

        refresh_after = resized_in(cx, e)
        value = infer_discarded(cx, e)
        out.append(typed.Do(value, e.span))
        refresh(cx, refresh_after, e.span, out)
        return isinstance(value.type, Never)
    from .expressions import infer

    with cx.region("", e.span) as region:
        value = infer(cx, e)
    t = cx.solve(value.type)
    if t != UNIT and not isinstance(t, Never | Wrong) and not cx.unit.quiet:
        cx.unit.unused.append((value, region))
    out.append(typed.Do(value, e.span))
    return isinstance(t, Never)


def _let(cx: Context, item: tree.Let, out: Out) -> None:
    if item.type is None and isinstance(item.pattern, tree.NamePattern):
        if _alias(cx, item.pattern.name, item.value):
            return
        if is_function_like(cx, item.value):
            _unknown_names(cx, item.value)
            made = let_function(cx, item.pattern.name, item.value, item.pattern.span)
            out.append(made.place)
            return
    with cx.region("", item.span) as region:
        value = _let_value(cx, item)
    value = spread(value, out)
    t = cx.solve(value.type)
    if isinstance(t, Never):
        t = Wrong()
    bound, more = bind_pattern(cx, item.pattern, t, None, value, item.value)
    fresh = _name_int(cx, item.pattern, t)
    if isinstance(item.pattern, tree.NamePattern):
        entity = cx.scope.names.get(item.pattern.name)
        if isinstance(entity, Value) and isinstance(t, FnType):
            entity.effects = region
    out.append(typed.Let(bound, value, fresh, item.span))
    out.append(more)
    if cx.scope.top and isinstance(item.value, tree.Train) and isinstance(bound, typed.BindPattern):
        from .sketches import note_fill

        note_fill(cx, item.value, bound.symbol)


def _let_value(cx: Context, item: tree.Let) -> typed.Expr:
    from .expressions import infer

    if item.type is None:
        return infer(cx, item.value)
    wanted = Resolver(cx, bind=True)
    t = wanted.type(item.type)
    value = infer(cx, item.value, unnamed(t, wanted.fresh))
    why = Note("the type is written here", item.type.span)
    if wanted.fresh and not isinstance(cx.solve(value.type), Wrong) and not isinstance(t, Wrong):
        from .lift import can_widen, widen_all

        target = can_widen(cx.solve(value.type), t)
        value = widen_all(cx, value, target) if target is not None else value
        return typed.Cast(t, value.span, value, tuple(wanted.fresh))
    return coerce(cx, value, t, why)


def spread(value: typed.Expr, out: Out) -> typed.Expr:
    """The value of a block whose statements are put in front, so that what it names is read from here on."""
    while isinstance(value, typed.Block) and value.result is not None:
        out.extend(value.stmts)
        value = value.result
    return value


def _name_int(cx: Context, pattern: tree.Pattern, t: Type) -> tuple[SizeVar, ...]:
    """An immutable Int that is no size of known ones is a size of its own."""
    if t != INT or not isinstance(pattern, tree.NamePattern):
        return ()
    entity = cx.scope.names.get(pattern.name)
    if not isinstance(entity, Value) or entity.size is not None:
        return ()
    var = cx.fresh_size(pattern.name, pattern.span, f"`{pattern.name}` is defined here")
    entity.size = Size.of(var)
    if entity.symbol.top:
        cx.unit.size_symbols[var] = entity.symbol
    return (var,)


def _alias(cx: Context, name: str, value: tree.Expr) -> bool:
    """`let g = f`: another name for a definition."""
    if not isinstance(value, tree.Name):
        return False
    entity = cx.scope.find(value.name)
    if entity is None:
        from .lookup import beyond

        entity = beyond(cx, value.name)
    plain = isinstance(entity, FnName | LetFn | StructName | Builtin) or (
        isinstance(entity, VariantName) and bool(entity.enum.decl.variants[entity.tag].payload)
    )
    if not plain or entity is None or value.name in ("pi", "inf", "nan"):
        return False
    if isinstance(entity, FnName):
        cx.uses(entity, value.span)
    cx.define(name, entity)
    return True


def _unknown_names(cx: Context, value: tree.Expr) -> None:
    """A function value that is never used still has its names looked up."""
    from .lookup import beyond

    for name, span in free_names(value):
        known = cx.scope.find(name) is not None or beyond(cx, name) is not None
        if not known and not name[:1].isupper() and not _is_size_in_type(value, span):
            unknown_name(cx, name, span)


def _is_size_in_type(value: tree.Expr, span: Span) -> bool:
    """Sizes in a lambda's written types may be new names."""
    if not isinstance(value, tree.Lambda):
        return False
    inside = [p.type.span for p in value.params if p.type is not None]
    if any(s.start <= span.start and span.end <= s.end for s in inside):
        return True
    return any(p.type is not None and span.text in p.type.span.text for p in value.params)


def _var(cx: Context, item: tree.VarDecl, out: Out) -> None:
    from .expressions import infer

    name = item.name
    if is_function_like(cx, item.value):
        value = cx.wrong(item.span, faults.FunctionAsData(item.span, "function", "a `var`"))
        declared: Type = Wrong()
    elif item.type is None:
        value = infer(cx, item.value)
        declared = cx.solve(value.type)
    else:
        declared = Resolver(cx).type(item.type)
        value = coerce(cx, infer(cx, item.value, declared), declared, Note("the type is written here", item.type.span))
    value = spread(value, out)
    if isinstance(value.type, Wrong | Never):
        declared = Wrong()
    fault = data_fault(cx.solve(declared))
    if fault is not None:
        cx.report(faults.FunctionAsData(item.span, show(declared), "a `var`"))
        declared = Wrong()
    resizes = any(is_unknown(s) for s in sizes_of(declared))
    if resizes:
        value = forget(cx, value, f"len({name.name})")
    entity = cx.variable(name.name, name.span, value.type if resizes else declared, mutable=True)
    entity.init, entity.adapts = item.value, item.type is None
    if resizes:
        entity.resizes = declared
        cx.body.resizing.append(entity)
    out.append(typed.Var(entity.symbol, value, (), item.span))


def _assert(cx: Context, item: tree.Assert, out: Out) -> None:
    from .expressions import infer

    cond = condition(cx, item.condition, "`assert`")
    message = None if item.message is None else coerce(cx, infer(cx, item.message, STRING), STRING)
    out.append(typed.Assert(cond, message, item.span))


def _return(cx: Context, item: tree.Return, out: Out) -> bool:
    from .expressions import infer

    frame = cx.body.frame
    if frame.closed:
        cx.report(faults.MisplacedJump(item.span, "return", frame.closed))
        return True
    wanted = frame.result
    if item.value is None:
        value = None
        if wanted is not None and cx.solve(wanted) != UNIT and not isinstance(cx.solve(wanted), Meta | Wrong):
            cx.report(faults.MissingResult(item.span, "", show(cx.solve(wanted)), None))
        frame.returns.append((UNIT, item.span))
    else:
        value = infer(cx, item.value, wanted)
        if wanted is not None and not isinstance(cx.solve(wanted), Meta):
            value = coerce(cx, value, wanted)
        if not isinstance(cx.solve(value.type), Wrong | Never):
            frame.returns.append((cx.solve(value.type), item.span))
    out.append(typed.Return(value, item.span))
    return True


def _jump(cx: Context, item: tree.Break | tree.Continue, out: Out) -> bool:
    word = "break" if isinstance(item, tree.Break) else "continue"
    if cx.body.frame.loops == 0:
        cx.report(faults.MisplacedJump(item.span, word, cx.body.frame.closed or "what is no loop"))
        return True
    out.append(typed.Break(item.span) if word == "break" else typed.Continue(item.span))
    return True
