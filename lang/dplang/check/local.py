"""Functions inside functions: hoisted where they use no variable around them, else closures."""

from __future__ import annotations

from ..syntax import tree
from . import typed
from .context import Context
from .declarations import declare_fn
from .free import free_names, pattern_names
from .functions import let_function
from .names import FnName, LetFn, SizeName, TypeName, Value


def declare_local(cx: Context, items: tuple[tree.Item, ...]) -> None:
    """Functions of a block that use none of its variables may be used before their line, and call each other."""
    fns = [i for i in items if isinstance(i, tree.FnDef)]
    if not fns or cx.scope.top:
        return
    bound = {n for i in items if isinstance(i, tree.Let | tree.VarDecl) for n in _bound_by(i)}
    names = {f.name.name for f in fns}
    capturing = {f.name.name for f in fns if _captures(cx, f, bound, names)}
    while True:
        more = {
            f.name.name for f in fns if f.name.name not in capturing and any(n in capturing for n, _ in free_names(f))
        }
        if not more:
            break
        capturing |= more
    for f in fns:
        if f.name.name not in capturing:
            cx.define(f.name.name, declare_fn(cx.unit, cx.scope, f, cx.body.owner))


def _bound_by(item: tree.Let | tree.VarDecl) -> list[str]:
    return [item.name.name] if isinstance(item, tree.VarDecl) else list(pattern_names(item.pattern))


def _captures(cx: Context, f: tree.FnDef, bound: set[str], siblings: set[str]) -> bool:
    for name, _ in free_names(f):
        if name in siblings:
            continue
        if name in bound:
            return True
        entity, _, top = cx.scope.locate(name)
        if not top and isinstance(entity, Value | LetFn | SizeName | TypeName):
            return True
    return False


def local_function(cx: Context, item: tree.FnDef) -> list[typed.Stmt]:
    """A function that captures variables: a closure, checked at each use."""
    name = item.name.name
    if isinstance(cx.scope.names.get(name), FnName):
        return []
    params = tuple(
        tree.LambdaParam(p.span, tree.NamePattern(p.name.span, p.name.name), _plain(p.type)) for p in item.params
    )
    lam = tree.Lambda(item.span, params, item.body)
    made = let_function(cx, name, lam, item.name.span, item)
    made.scope.names[name] = made
    return made.place


def _plain(t: tree.FieldType | None) -> tree.TypeExpr | None:
    return t.base if isinstance(t, tree.Constrained | tree.InInterval) else t
