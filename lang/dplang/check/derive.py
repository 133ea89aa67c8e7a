"""Types of the derivative operators: `grad`, `value_and_grad`, `jvp`, `vjp`, `hvp`, `jacobian`, `hessian`."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.ir import FLOAT, FLOAT32
from ..core.sizes import Size, SizeVar
from ..core.types import FnType, Meta, Tuple, Type, Wrong, array, show
from ..errors import types as faults
from ..errors.diagnostic import NotBuilt
from ..errors.source import Span
from ..primitives.table import TABLE
from ..syntax import tree
from . import typed
from .calls import Callee, Late, Target
from .context import Context
from .targets import Composed, Special, glance, lambda_target, resolve
from .unify import data_fault, strip
from .vectors import has_tangent, scalar_count, tangent


@dataclass(frozen=True, slots=True)
class _Wrt:
    """What is differentiated with respect to: names as written, or the first parameter."""

    names: tuple[tree.Name, ...]
    is_tuple: bool


@dataclass(frozen=True, slots=True)
class _Operator:
    kind: typed.DeriveKind
    wrt: _Wrt
    span: Span


def derivative(cx: Context, kind: str, e: tree.Call) -> Target | None:
    """`grad(f, wrt = ..)` as something to call."""
    operator, fn = _read(cx, kind, e)
    if operator is None or fn is None:
        return None
    with cx.region(f"what `{kind}` differentiates", e.span):
        target = _function(cx, fn)
    if target is None:
        return None
    if isinstance(target, Callee):
        return _derived(cx, operator, target)
    return _late(cx, operator, target)


def _read(cx: Context, kind: str, e: tree.Call) -> tuple[_Operator | None, tree.Expr | None]:
    """The operator, its `wrt` and the function that it is applied to."""
    fn: tree.Expr | None = None
    wrt = _Wrt((), False)
    kinds: dict[str, typed.DeriveKind] = {k: k for k in typed.DERIVE_KINDS}
    for a in e.args:
        if a.name is None and fn is None:
            fn = a.value
        elif a.name is not None and a.name.name == "wrt":
            found = _wrt(cx, a.value)
            if found is None:
                return None, None
            wrt = found
        elif a.name is not None and a.name.name == "sparse" and kind == "jacobian":
            cx.report(NotBuilt(a.span, "`sparse` of `jacobian`"))
            return None, None
        elif a.name is not None:
            cx.report(faults.UnknownArgument(a.name.span, a.name.name, kind, ("wrt",), "", None))
            return None, None
        else:
            cx.report(faults.DerivativeArguments(a.span, kind))
            return None, None
    if fn is None:
        cx.report(faults.MissingArgument(e.span, kind, ("f",), None))
        return None, None
    return _Operator(kinds[kind], wrt, e.span), fn


def _wrt(cx: Context, e: tree.Expr) -> _Wrt | None:
    if isinstance(e, tree.Name):
        return _Wrt((e,), False)
    if isinstance(e, tree.TupleExpr) and e.parts and all(isinstance(p, tree.Name) for p in e.parts):
        return _Wrt(tuple(p for p in e.parts if isinstance(p, tree.Name)), True)
    cx.report(faults.WrtForm(e.span))
    return None


def _function(cx: Context, fn: tree.Expr) -> Target | None:
    """What is differentiated; built-in functions and compositions by a lambda around them."""
    target = resolve(cx, fn)
    if isinstance(target, Special):
        return lambda_target(cx, _around(fn, _parameter_names(target.name)), target.name)
    if isinstance(target, Composed):
        there, before = target.cx, target.expr.first

        def look() -> Target | None:
            return _function(there, before)

        first = glance(there, look)
        if first is None:
            return None
        names = first.names[0 if first.receiver is None else 1 :]
        return lambda_target(target.cx, _around(target.expr, names), "this composition")
    return target


def _parameter_names(name: str) -> tuple[str, ...]:
    from .rows import schemes

    row = TABLE.get(name)
    if row is None or not row.scheme or name in ("min", "max"):
        return ("x", "y") if name == "dot" else ("x",)
    return ("x", "y", "z")[: len(schemes(row.scheme)[0].params)]


def _around(fn: tree.Expr, names: tuple[str, ...]) -> tree.Lambda:
    span = fn.span
    plain = tuple(n or f"%{i}" for i, n in enumerate(names))
    params = tuple(tree.LambdaParam(span, tree.NamePattern(span, n), None) for n in plain)
    args = tuple(tree.Arg(span, None, tree.Name(span, n)) for n in plain)
    return tree.Lambda(span, params, tree.Call(span, fn, args))


def _seeded(kind: str) -> bool:
    return kind in ("jvp", "vjp", "hvp")


def _late(cx: Context, op: _Operator, target: Late) -> Late:
    """The operator on a function that is only known with its arguments."""
    seeded = _seeded(op.kind)
    extra = ("",) if seeded else ()

    def make(types: tuple[Type | None, ...], span: Span) -> Callee | None:
        inner = target.make(types[: len(target.names)], span)
        return None if inner is None else _derived(cx, op, inner)

    return Late(
        f"{op.kind}({target.label})",
        target.declared,
        target.names + extra,
        make,
        target.first + ((False,) if seeded else ()),
        (*target.defaults, *((None,) * (len(target.names) - len(target.defaults))), *((None,) if seeded else ())),
        target.default_scope,
        seeded,
        True,
        target.receiver,
    )


def _derived(cx: Context, op: _Operator, c: Callee) -> Callee | None:
    """The derivative of something whose types are known, up to variables, as something to call."""
    offset = 0 if c.receiver is None else 1
    numbers = _numbers(cx, op, c, offset)
    if numbers is None:
        return None
    seeded = _seeded(op.kind)

    def wanted() -> Type:
        parts = [tangent(cx.solve(c.types[i])) for i in numbers]
        return Tuple(tuple(parts)) if op.wrt.is_tuple else parts[0]

    def seed() -> Type:
        return tangent(cx.solve(c.result())) if op.kind == "vjp" else wanted()

    def result() -> Type:
        return _result(cx, op, cx.solve(c.result()), wanted(), [cx.solve(c.types[i]) for i in numbers])

    def make(values: tuple[typed.Expr, ...], t: Type, at: Span) -> typed.Expr:
        if not _sound(cx, op, c, numbers, at):
            return cx.wrong(at)
        args, seeds = (values[:-1], values[-1:]) if seeded else (values, ())
        return typed.Derive(t, at, op.kind, c.value(op.span), args, numbers, op.wrt.is_tuple, seeds)

    types = (*c.types, Meta()) if seeded else c.types

    def value(at: Span) -> typed.Expr:
        known = tuple(cx.solve(t) for t in c.types) + ((cx.solve(seed()),) if seeded else ())
        symbols = tuple(typed.Symbol(n or "x", at) for n in names)
        locals_ = tuple(typed.Local(t, at, s) for t, s in zip(known, symbols, strict=True))
        body = make(locals_, cx.solve(result()), at)
        return typed.Lambda(FnType(known, cx.solve(result())), at, symbols, known, body)

    names = (*c.names, "") if seeded else c.names
    return Callee(
        f"{op.kind}({c.label})",
        c.declared,
        names,
        types,
        result,
        make,
        value,
        c.spans,
        (*c.closed, *((False,) * (len(types) - len(c.closed)))),
        (*c.defaults, *((None,) * (len(types) - len(c.defaults)))),
        c.default_scope,
        c.sizes,
        c.checked,
        c.universals,
        seed if seeded else None,
        c.effects,
        c.receiver,
    )


def _numbers(cx: Context, op: _Operator, c: Callee, offset: int) -> tuple[int, ...] | None:
    """The numbers of the parameters that `wrt` names."""
    if not op.wrt.names:
        if len(c.names) <= offset:
            cx.report(faults.NoParameter(op.span, op.kind, c.label))
            return None
        return (offset,)
    found: list[int] = []
    for name in op.wrt.names:
        if name.name not in c.names[offset:]:
            known = tuple(n for n in c.names[offset:] if n)
            cx.report(
                faults.WrtName(name.span, name.name, c.label, known, faults.near(name.name, list(known)), c.declared)
            )
            return None
        found.append(c.names.index(name.name, offset))
    return tuple(found)


def _result(cx: Context, op: _Operator, r: Type, wanted: Type, wrt: list[Type]) -> Type:
    if isinstance(r, Wrong):
        return r
    match op.kind:
        case "grad" | "hvp":
            return wanted
        case "value_and_grad" | "vjp":
            return Tuple((r, wanted))
        case "jvp":
            return Tuple((r, tangent(r)))
        case "jacobian":
            dims = strip(r)[1]
            parts = tuple(array(tangent(t), dims) for t in wrt)
            return Tuple(parts) if op.wrt.is_tuple else parts[0]
        case "hessian":
            return _hessian(cx, wrt)


def _hessian(cx: Context, wrt: list[Type]) -> Type:
    if len(wrt) == 1 and wrt[0] in (FLOAT, FLOAT32):
        return wrt[0]
    total = Size.of(0)
    for t in wrt:
        count = scalar_count(t)
        if count is None:
            unknown = Size.of(SizeVar("?k"))
            return array(FLOAT, (unknown, unknown))
        total = total + cx.size(count)
    return array(FLOAT, (total, total))


def _sound(cx: Context, op: _Operator, c: Callee, numbers: tuple[int, ...], span: Span) -> bool:
    """Whether the parameters have tangents and the result is one that the operator takes."""
    for i in numbers:
        t = cx.solve(c.types[i])
        name = c.names[i] or f"number {i + 1}"
        if data_fault(t) is not None:
            cx.report(faults.FunctionTangent(op.span, name, show(t), op.kind))
            return False
        if not has_tangent(t):
            cx.report(faults.NoTangent(op.span, name, show(t), op.kind, c.spans[i] if i < len(c.spans) else None))
            return False
    r = cx.solve(c.result())
    elem = strip(r)[0]
    if isinstance(r, Wrong):
        return False
    if op.kind in ("grad", "value_and_grad", "hvp", "hessian"):
        sound = r in (FLOAT, FLOAT32)
    elif op.kind == "jacobian":
        sound = elem in (FLOAT, FLOAT32)
    else:
        sound = has_tangent(r) and data_fault(r) is None
    if not sound:
        cx.report(faults.DerivativeResult(op.span, op.kind, c.label, show(r), c.declared))
    return sound
