"""Functions that are checked for each instance: those of any rank, and those over the parts of tuples."""

from __future__ import annotations

from ..core.sizes import Size, SizeVar
from ..core.types import Array, Enum, Struct, Tuple, Type, TypeVar, show, transform
from ..errors import types as faults
from ..errors.diagnostic import Note
from ..errors.source import Span
from ..syntax import tree
from .context import Context
from .free import children
from .names import FnName
from .structs import new_function
from .unify import strip


def is_template(fn: FnName) -> bool:
    return any(template_first(fn))


def template_first(fn: FnName) -> tuple[bool, ...]:
    """The parameters whose types make a function be checked for each instance: those of any rank, or, where one is a
    tuple, all but functions (so that its parts fit together)."""
    params = fn.tree.params
    if takes_tuple(fn):
        return tuple(not isinstance(p.type, tree.FnType) for p in params)
    return tuple(p.type is not None and mentions(p.type, set()) for p in params)


def takes_tuple(fn: FnName) -> bool:
    """Whether a function, or the struct that it is a method of, has a type variable that stands for a tuple."""
    of_self = fn.owner is not None and any(isinstance(p, TypeVar) and p.bound == "Tuple" for p in fn.owner.decl.params)
    return of_self or any(p.bound is not None and p.bound.name == "Tuple" for p in fn.tree.type_params)


def mentions(t: tree.Node, tuples: set[str]) -> bool:
    if isinstance(t, tree.AnyRank) or (isinstance(t, tree.NamedType) and t.path[0].name in tuples):
        return True
    parts = [i for g in t.brackets for i in g] if isinstance(t, tree.NamedType | tree.TupleType) else []
    return any(mentions(p, tuples) for p in (*parts, *children(t)))


def match_sizes(pattern: object, actual: object, names: set[SizeVar], found: dict[SizeVar, Size]) -> None:
    """What the sizes that stand alone in a parameter's type are, by the type of its argument."""
    match pattern, actual:
        case Array(), Array():
            extra = max(len(actual.dims) - len(pattern.dims), 0)
            for d, s in zip(pattern.dims, actual.dims[extra:], strict=False):
                match_sizes(d, s, names, found)
            match_sizes(pattern.elem, actual.elem, names, found)
        case Tuple(parts), Tuple(others):
            for p, q in zip(parts, others, strict=False):
                match_sizes(p, q, names, found)
        case Struct(decl, args), Struct(other, other_args) if decl is other:
            for a, b in zip(args, other_args, strict=True):
                match_sizes(a, b, names, found)
        case Size(), Size():
            if isinstance(pattern.atom, SizeVar) and pattern.atom in names:
                found.setdefault(pattern.atom, actual)
        case _:
            pass


def template_instance(cx: Context, fn: FnName, types: tuple[Type | None, ...], span: Span) -> FnName | None:
    """The function for arguments of these ranks and tuples."""
    extra: list[SizeVar] = []
    known_sizes: dict[Size, Size] = {}
    given: dict[str, Type] = {}
    shapes: dict[int, tuple[Size, ...]] = {}
    tuples = {p.name.name for p in fn.tree.type_params if p.bound is not None and p.bound.name == "Tuple"}
    numbers = takes_tuple(fn)
    # what goes through the parts of a tuple is of a known type as well
    names = tuples | {p.name.name for p in fn.tree.type_params if numbers and p.bound is None}
    actual = tuple(None if t is None else _general(cx.solve(t), extra, known_sizes, numbers) for t in types)
    for i, p in enumerate(fn.tree.params):
        t = actual[i]
        if t is None:
            continue
        if p.type is None:
            _give_self(fn, t, given)
        elif mentions(p.type, set()):
            shapes[i] = strip(t)[1]
        else:
            _give_types(p.type, t, names, given)
    for name in sorted(tuples):
        t = given.get(name)
        if not isinstance(t, Tuple):
            cx.report(faults.BoundNotMet(span, "nothing" if t is None else show(t), name, "Tuple"))
            return None
    key = (id(cx.unit), _canonical(actual, extra))
    known = fn.instances.get(key)
    if known is not None:
        return known
    made = FnName(fn.tree, cx.unit, fn.scope, new_function(cx.unit, fn.tree, fn.fn.name), owner=fn.owner)
    made.given, made.extra, made.shapes, made.actual = given, tuple(extra), shapes, actual
    made.fn.module, made.fn.user = fn.fn.module, fn.fn.user
    fn.instances[key] = made
    cx.unit.fns.append(made)
    shown = ", ".join(show(t) for t in types if t is not None)
    from .declarations import check_fn

    with cx.noting(Note(f"`{fn.label}` is checked for this call, with ({shown})", span)):
        check_fn(made)
    return made


def _general(t: Type, extra: list[SizeVar], known: dict[Size, Size], numbers: bool) -> Type:
    """A type with its sizes replaced by universals, equal ones by the same; `numbers` stay as they are."""

    def size(s: Size) -> Size:
        if numbers and s.constant is not None:
            return s
        if s not in known:
            var = SizeVar(str(s) if s.atom is not None else f"n{len(extra)}")
            extra.append(var)
            known[s] = Size.of(var)
        return known[s]

    return transform(t, lambda v: v, size)


def _give_types(written: tree.Node, t: Type | Size, names: set[str], given: dict[str, Type]) -> None:
    """What the type variables in a written type stand for, by the type of the argument."""
    if isinstance(t, Size) or not isinstance(written, tree.NamedType | tree.TupleType):
        return
    if isinstance(written, tree.TupleType):
        elem = strip(t)[0]
        if isinstance(elem, Tuple):
            for w, p in zip(written.parts, elem.parts, strict=False):
                _give_types(w, p, names, given)
    elif written.path[0].name in names:
        given.setdefault(written.path[0].name, t)
    else:
        elem = strip(t)[0]
        if isinstance(elem, Struct | Enum) and written.brackets:
            for item, a in zip(written.brackets[0], elem.args, strict=False):
                _give_types(item, a, names, given)


def _give_self(fn: FnName, t: Type, given: dict[str, Type]) -> None:
    """The tuple type arguments of a method's struct."""
    struct = strip(t)[0]
    assert fn.owner is not None
    if isinstance(struct, Struct):
        for p, a in zip(struct.decl.params, struct.args, strict=True):
            if isinstance(p, TypeVar) and p.bound == "Tuple" and not isinstance(a, Size):
                given[p.name] = a


def _canonical(actual: tuple[Type | None, ...], extra: list[SizeVar]) -> tuple[Type | None, ...]:
    """The types of an instance's arguments under standard names of their sizes."""
    order = {Size.of(v): Size.of(SizeVar(f"#{i}", -i - 1)) for i, v in enumerate(extra)}
    return tuple(None if t is None else transform(t, lambda v: v, lambda s: order.get(s, s)) for t in actual)
