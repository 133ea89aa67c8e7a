"""Functions of dp as Python functions, and the derivative operators.

A call is a small expression of the language, `f(x, k = y)`, with names for what it is made of. Derivatives, methods
and arithmetic are such expressions too, so that lifting, defaults, generics and derivatives are the language's own.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors.python import NotDerivable, OtherLoad, WrtNotNames
from ..errors.source import NOWHERE
from ..values import Held
from .faults import Error
from .marshal import describe, into

if TYPE_CHECKING:
    from .loaded import Loaded


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

    def __call__(self, *args: object, **named: object) -> Any:
        given = _arguments(self._home, self._parameters, args, named)
        return self._home.evaluate((*self._expression, "(", *given, ")"))

    def __repr__(self) -> str:
        return f"<dp function {self._signature or self.__name__}>"


def _arguments(
    home: Loaded, parameters: tuple[str, ...], args: tuple[object, ...], named: dict[str, object]
) -> Iterator[str | Slot]:
    for i, x in enumerate(args):
        hint = parameters[i] if i < len(parameters) else f"x{i}"
        yield from ((", ",) if i else ())
        yield from expression(home, x, hint)
    for i, (name, x) in enumerate(named.items()):
        yield f"{', ' if args or i else ''}{name} = "
        yield from expression(home, x, name)


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
    option = "" if wrt is None else f", wrt = {_names(wrt)}"
    return Function(
        f._home,
        f"{operator}({f.__name__})",
        (f"{operator}(", *f._expression, f"{option}{more})"),
        f._parameters + _SEEDS.get(operator, ()),
        doc=f"The {operator} of `{f.__name__}`.",
    )


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
