"""What is known when all bodies are checked: effects, top-level names in use, recursion that has no end."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.sizes import Size
from ..core.types import FnType, TypeVar, show
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from . import typed
from .context import Region, Unit
from .finish import walk
from .names import FnName
from .unify import atoms_of


def settle(unit: Unit) -> None:
    """Effects and top-level names of all functions, then what they forbid."""
    _spread_io(unit)
    _spread_globals(unit)
    for region in unit.regions:
        if region.why:
            _demand_pure(unit, region)
    _demand_pure_arguments(unit)
    for value, region in unit.unused:
        if not region.ios and not any(fn.fn.io for fn, _ in region.uses):
            unit.report(faults.UnusedValue(value.span, show(unit.solver.type(value.type))))
    _recursion(unit)


def _users(fns: Iterable[FnName]) -> dict[FnName, list[FnName]]:
    users: dict[FnName, list[FnName]] = {}
    for fn in fns:
        for used in fn.uses:
            users.setdefault(used, []).append(fn)
    return users


def _spread_io(unit: Unit) -> None:
    """A function that uses one with effects has them."""
    users = _users(unit.fns)
    waiting = [fn for fn in [*unit.fns, *users] if fn.fn.io]
    while waiting:
        for user in users.get(waiting.pop(), ()):
            if not user.fn.io:
                user.fn.io = True
                waiting.append(user)


def _spread_globals(unit: Unit) -> None:
    """A function uses the top-level names that its functions use."""
    users = _users(unit.fns)
    found: dict[FnName, dict[typed.Symbol, None]] = {fn: dict.fromkeys(fn.reads) for fn in unit.fns}
    for used in users:
        found.setdefault(used, dict.fromkeys(used.fn.globals))
    waiting = list(found)
    while waiting:
        fn = waiting.pop()
        for user in users.get(fn, ()):
            before = len(found[user])
            found[user].update(found[fn])
            if len(found[user]) > before:
                waiting.append(user)
    for fn in unit.fns:
        fn.fn.globals = tuple(sorted(found[fn], key=lambda s: s.id))


def _demand_pure(unit: Unit, region: Region) -> None:
    for what, span in region.ios:
        unit.report(faults.EffectInPure(span, what, region.why, region.span, ()))
        return
    for fn, span in region.uses:
        if fn.fn.io:
            unit.report(faults.EffectInPure(span, f"`{fn.label}`", region.why, region.span, _path(fn)))
            return


def _demand_pure_arguments(unit: Unit) -> None:
    """Function values that are handed to a parameter which is called where no effect can be."""
    _pure_params(unit)
    for h in unit.handed:
        region = h.fn.pure.get(h.index)
        if region is None:
            continue
        user = next((fn for fn, _ in h.effects.uses if fn.fn.io), None)
        what = h.effects.ios[0][0] if h.effects.ios else f"`{user.label}`" if user is not None else ""
        if what:
            unit.report(faults.EffectInPure(h.value.span, what, region.why, region.span, ()))


def _pure_params(unit: Unit) -> None:
    """Finds the function parameters that are mentioned where no effect can be, there or by handing them on."""
    places = {s: (fn, i) for fn in unit.fns for i, s in enumerate(fn.fn.params)}
    for region in unit.regions:
        for symbol in region.params:
            if region.why and symbol in places:
                fn, i = places[symbol]
                fn.pure.setdefault(i, region)
    changed = True
    while changed:
        changed = False
        for h in unit.handed:
            place = places.get(h.value.symbol) if isinstance(h.value, typed.Local) else None
            handed_on = h.fn.pure.get(h.index)
            if place is not None and handed_on is not None and place[1] not in place[0].pure:
                place[0].pure[place[1]] = handed_on
                changed = True


def _path(fn: FnName) -> tuple[Note, ...]:
    """From a function to the one whose text has the effect."""
    notes: list[Note] = []
    seen = {fn}
    while True:
        following = next(((g, s) for g, s in fn.uses.items() if g.fn.io and g not in seen), None)
        if following is None:
            notes.append(Note(f"`{fn.label}` reads or writes something outside", fn.tree.name.span))
            return tuple(notes)
        fn, span = following
        seen.add(fn)
        notes.append(Note(f"`{fn.label}` is used here", span))


# ---- recursion


def _recursion(unit: Unit) -> None:
    groups = _cycles(unit.fns)
    by_function = {id(fn.fn): fn for fn in unit.fns}
    for fn in unit.fns:
        group = groups.get(fn)
        if group is None:
            continue
        _check_calls(unit, fn, group, by_function)


def _check_calls(unit: Unit, fn: FnName, group: set[FnName], by_function: dict[int, FnName]) -> None:
    """Calls inside a cycle must not need ever new instances."""
    closures: set[typed.Symbol] = set()
    for node in walk(fn.fn.body):
        if isinstance(node, typed.Let) and isinstance(node.pattern, typed.BindPattern) and _captures(node.value):
            closures.add(node.pattern.symbol)
        if not isinstance(node, typed.Call) or by_function.get(id(node.ref.fn)) not in group:
            continue
        for a in node.ref.args:
            if (
                not isinstance(a, Size)
                and not isinstance(a, TypeVar)
                and any(isinstance(v, TypeVar) for v in atoms_of(a))
            ):
                unit.report(faults.GrowingRecursion(node.span, fn.label, show(a)))
        for arg in node.args:
            is_closure = isinstance(arg, typed.Local) and arg.symbol in closures
            if isinstance(arg.type, FnType) and (is_closure or _captures(arg)):
                unit.report(faults.ClosureRecursion(arg.span, fn.label))


def _captures(e: typed.Expr) -> bool:
    """Whether `e` is a closure over variables."""
    if isinstance(e, typed.FnValue):
        return e.bound is not None
    if not isinstance(e, typed.Lambda):
        return False
    inside = set(e.params)
    used: set[typed.Symbol] = set()
    for node in walk(e.body):
        match node:
            case typed.BindPattern(symbol) | typed.Var(symbol) | typed.Range(symbol):
                inside.add(symbol)
            case typed.Lambda(params=params):
                inside.update(params)
            case typed.Lift(args=args):
                inside.update(s for s, _, _ in args)
            case typed.Local(symbol=symbol) if not symbol.top:
                used.add(symbol)
            case _:
                pass
    return bool(used - inside)


def _cycles(fns: list[FnName]) -> dict[FnName, set[FnName]]:
    """For each function that can call itself, the functions of its cycle (Tarjan's algorithm, without recursion)."""
    index: dict[FnName, int] = {}
    low: dict[FnName, int] = {}
    stack: list[FnName] = []
    held: set[FnName] = set()
    groups: dict[FnName, set[FnName]] = {}
    for root in fns:
        if root in index:
            continue
        work = [(root, iter(root.uses))]
        index[root] = low[root] = len(index)
        stack.append(root)
        held.add(root)
        while work:
            fn, following = work[-1]
            advanced = False
            for used in following:
                if used not in index:
                    index[used] = low[used] = len(index)
                    stack.append(used)
                    held.add(used)
                    work.append((used, iter(used.uses)))
                    advanced = True
                    break
                if used in held:
                    low[fn] = min(low[fn], index[used])
            if advanced:
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[fn])
            if low[fn] == index[fn]:
                _close_group(fn, stack, held, groups)
    return groups


def _close_group(fn: FnName, stack: list[FnName], held: set[FnName], groups: dict[FnName, set[FnName]]) -> None:
    group: set[FnName] = set()
    while True:
        member = stack.pop()
        held.discard(member)
        group.add(member)
        if member is fn:
            break
    if len(group) > 1 or fn in fn.uses:
        for member in group:
            groups[member] = group


def first_waiting(fn: FnName) -> tuple[FnName, str, Span] | None:
    """A function, used by `fn` or itself, that needs a top-level name which has no value yet."""
    seen: set[FnName] = set()
    waiting = [fn]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        if here.waiting is not None:
            return here, *here.waiting
        waiting.extend(here.uses)
    return None
