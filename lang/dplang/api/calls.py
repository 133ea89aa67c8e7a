"""Functions of dp as Python functions, and the derivative operators.

A call is a small expression of the language, `f(x, k = y)`, with names for what it is made of. Derivatives, methods
and arithmetic are such expressions too, so that lifting, defaults, generics and derivatives are the language's own.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors.python import NotDerivable, OtherLoad, WrtNotNames
from ..errors.source import NOWHERE
from ..values import Held
from .direct import OTHER, Direct, prepare, unknown
from .faults import Error
from .marshal import describe, into

if TYPE_CHECKING:
    from .loaded import Call, Loaded


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in an expression for what has no text: a value, or what a name means. `hint` is what to call it."""

    hint: str
    thing: object


Template: TypeAlias = tuple[str | Slot, ...]


class Function:
    """A function of dp, or a value that can be called like one."""

    def __init__(
        self,
        home: Loaded,
        name: str,
        expression: Template,
        parameters: tuple[str, ...] = (),
        signature: str = "",
        doc: str = "",
    ) -> None:
        self.__name__ = name
        self.__doc__ = doc or None
        self._home = home
        self._expression = expression
        self._parameters = parameters
        self._signature = signature

        self._direct: Direct = unknown
        self._others: list[Direct] = []
        self._derived: dict[tuple[str, str], Function] = {}

    def __call__(self, *args: object, **named: object) -> Any:
        if not named:
            value = self._direct(args)
            if value is not OTHER:
                return value
            for direct in self._others:
                value = direct(args)
                if value is not OTHER:
                    return value
        given = _arguments(self._home, self._parameters, args, named)
        template = (*self._expression, "(", *(piece for part in given for piece in part), ")")
        value, call, values = self._home.called(template)
        if not named:
            self._prepare(args, given[::2], call, values)
        return value

    def _prepare(
        self, args: tuple[object, ...], given: Sequence[Template], call: Call, values: Mapping[str, Held]
    ) -> None:
        """Readies later calls with such arguments to go straight to the kernel, where there is one."""
        things = [part[0].thing for part in given if len(part) == 1 and isinstance(part[0], Slot)]
        leaves = [thing for thing in things if isinstance(thing, Held)]
        if len(leaves) == len(args) and (direct := prepare(self._home, call, values, args, leaves)) is not None:
            self._direct, self._others = direct, [self._direct, *self._others[: MOST - 1]]

    def __repr__(self) -> str:
        return f"<dp function {self._signature or self.__name__}>"


MOST = 4
"""How many direct calls of a function are known besides the latest."""


def _arguments(
    home: Loaded, parameters: tuple[str, ...], args: tuple[object, ...], named: dict[str, object]
) -> list[Template]:
    """The arguments as parts of an expression, and between them what separates them."""
    made: list[Template] = []
    for i, x in enumerate(args):
        hint = parameters[i] if i < len(parameters) else f"x{i}"
        made += [expression(home, x, hint), (", ",)]
    for name, x in named.items():
        made += [(f"{name} = ", *expression(home, x, name)), (", ",)]
    return made[:-1]


def expression(home: Loaded, x: object, hint: str) -> Template:
    """An argument as a part of an expression: functions and constructors by what they are, all else by value."""
    from .records import Variant

    if isinstance(x, Function):
        if x._home is not home:
            raise Error(OtherLoad(NOWHERE, f"function `{x.__name__}`"))
        return x._expression
    if isinstance(x, Variant) and x._dp_home is home and x._dp_constructor is not None:
        return (x._dp_constructor,)
    if isinstance(x, tuple | list) and _needs_text(x):
        inner: list[str | Slot] = []
        for i, p in enumerate(x):
            inner += [*expression(home, p, f"{hint}{i}"), ", "]
        return ("(", *inner, ")") if isinstance(x, tuple) else ("[", *inner, "]")
    return (Slot(hint, into(x, home)),)


def _needs_text(x: object) -> bool:
    """Whether something is, or holds, what has no value by itself: a function, or `None` that may be any Option."""
    from .records import Variant

    if isinstance(x, tuple | list):
        plain = set(map(type, x)) <= {bool, int, float, str}
        return not plain and any(map(_needs_text, x))
    return isinstance(x, Function) or (isinstance(x, Variant) and x._dp_constructor is not None)


# ---- derivatives


def grad(f: Any, wrt: str | tuple[str, ...] | None = None) -> Function:
    """The gradient of a function with one Float result, by its first parameter or by those that `wrt` names."""
    return _derived("grad", f, wrt)


def value_and_grad(f: Any, wrt: str | tuple[str, ...] | None = None) -> Function:
    """The pair of result and gradient."""
    return _derived("value_and_grad", f, wrt)


def jvp(f: Any, wrt: str | tuple[str, ...] | None = None) -> Function:
    """Takes f's arguments and a tangent; gives f's result and its derivative along the tangent."""
    return _derived("jvp", f, wrt)


def vjp(f: Any, wrt: str | tuple[str, ...] | None = None) -> Function:
    """Takes f's arguments and a cotangent of its result; gives f's result and the cotangent pulled back."""
    return _derived("vjp", f, wrt)


def hvp(f: Any, wrt: str | tuple[str, ...] | None = None) -> Function:
    """Takes f's arguments and a direction; gives the derivative of the gradient along it."""
    return _derived("hvp", f, wrt)


def jacobian(f: Any, wrt: str | tuple[str, ...] | None = None, sparse: bool = False) -> Function:
    """All partial derivatives of a function with an array result."""
    return _derived("jacobian", f, wrt, ", sparse = true" if sparse else "")


def hessian(f: Any, wrt: str | tuple[str, ...] | None = None) -> Function:
    """All second partial derivatives of a function with one Float result."""
    return _derived("hessian", f, wrt)


_SEEDS = {"jvp": ("t",), "vjp": ("c",), "hvp": ("v",)}


def _derived(operator: str, f: Any, wrt: object, more: str = "") -> Function:
    from .records import Record

    if isinstance(f, Record):
        f = f._dp_function()
    if not isinstance(f, Function):
        raise Error(NotDerivable(NOWHERE, operator, describe(f)))
    option = ("" if wrt is None else f", wrt = {_names(wrt)}") + more
    made = f._derived.get((operator, option))
    if made is None:
        made = f._derived[operator, option] = Function(
            f._home,
            f"{operator}({f.__name__})",
            (f"{operator}(", *f._expression, f"{option})"),
            f._parameters + _SEEDS.get(operator, ()),
            doc=f"The {operator} of `{f.__name__}`.",
        )
    return made


def _names(wrt: object) -> str:
    names = wrt if isinstance(wrt, tuple | list) else (wrt,)
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise Error(WrtNotNames(NOWHERE, repr(name) if isinstance(name, str) else describe(name)))
    return f"({', '.join(names)})" if isinstance(wrt, tuple | list) else str(wrt)


# ---- expressions as text


RESERVED = frozenset(("grad", "value_and_grad", "jvp", "vjp", "hvp", "jacobian", "hessian"))
"""Names that an expression may use itself."""


def spelled(template: Template) -> tuple[str, dict[str, object]]:
    """The text of an expression, and what its names mean."""
    names: dict[str, object] = {}
    pieces: list[str] = []
    for piece in template:
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        name, n = piece.hint, 1
        while name in RESERVED or names.get(name, piece.thing) is not piece.thing:
            n += 1
            name = f"{piece.hint}{n}"
        names[name] = piece.thing
        pieces.append(name)
    return "".join(pieces), names


def held(names: dict[str, object]) -> Iterator[tuple[str, Held]]:
    """Those names that are values."""
    for name, thing in names.items():
        if isinstance(thing, Held):
            yield name, thing
