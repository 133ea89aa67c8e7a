"""Derivative rules beside differences of values: at random points, along random directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..api.calls import Slot
from ..api.faults import Error
from ..api.loaded import Loaded
from ..api.marshal import into
from ..check.names import FnName, Scope
from ..check.typed import Function as Typed
from ..core.ir import BOOL, FLOAT, INT
from ..core.sizes import Atom, Size, SizeVar
from ..core.types import Array, Type, show
from ..errors.diagnostic import Fault
from ..errors.testing import RuleDiffers
from ..session import Session

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Numbers]

POINTS = 4
"""So many points are enough."""
ATTEMPTS = 12
"""Rounds over the kinds of points below, after which it is left."""
STEP = 1e-4
CLOSE = 1e-5
"""How far, relative to the derivative, a rule may be from differences that agree among themselves."""


def _positive_definite(rng: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return rng.uniform(0.5, 2.0, shape)
    a = rng.normal(size=shape)
    made: Numbers = a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])
    return made


def _symmetric(x: Numbers) -> Numbers:
    return x + np.swapaxes(x, -1, -2) if x.ndim >= 2 and x.shape[-1] == x.shape[-2] else x


KINDS: tuple[Draw, ...] = (
    lambda rng, shape: rng.normal(size=shape),
    lambda rng, shape: rng.uniform(0.05, 0.95, shape),
    lambda rng, shape: rng.uniform(1.0, 4.0, shape),
    _positive_definite,
    lambda rng, shape: np.sort(rng.uniform(size=shape)) if shape else rng.uniform(-1.0, 0.0, shape),
)
"""Functions have domains: all numbers, (0, 1), positive ones, positive definite matrices, ascending ones."""


def compare(session: Session, scope: Scope, fn: FnName, rules: Sequence[FnName]) -> str:
    """Compares a function's derivative, which comes from these rules, with its values; a Fault where they differ, else
    why it could not be tried."""
    typed = fn.fn
    sizes = {v: Size.of(n) for v, n in zip(_size_vars(typed), (3, 2, 4, 5), strict=False)}
    given = {symbol: sizes[v].constant for v, symbol in typed.size_params if v in sizes}
    rng = np.random.default_rng(0)
    derived = _Derived(Loaded(session, scope), fn, rules, rng)
    shapes: list[tuple[int, ...]] = []
    for symbol, t in zip(typed.params, typed.param_types, strict=True):
        shape = _shape(t, sizes)
        if shape is None:
            return f"not tried: nothing can be drawn for `{symbol.name}: {show(t)}`"
        shapes.append(shape)
    good = 0
    for attempt in range(ATTEMPTS * len(KINDS)):
        kind = KINDS[attempt % len(KINDS)]
        good += derived.at(
            [
                given[symbol] if symbol in given else _draw(rng, kind, _elem(t), shape)
                for symbol, t, shape in zip(typed.params, typed.param_types, shapes, strict=True)
            ],
            _symmetric if kind is _positive_definite else np.asarray,
        )
        if good == POINTS:
            return ""
    return "" if good else "not tried: no point was found where the function has a value and differences agree"


class _Derived:
    """A function whose derivative comes from rules. One of them may have no `jvp`, or no `vjp`."""

    def __init__(self, home: Loaded, fn: FnName, rules: Sequence[FnName], rng: np.random.Generator) -> None:
        self.home, self.fn, self.rules, self.rng = home, fn, rules, rng
        self.slot = Slot(fn.label, fn)
        given = [rule.fn.rule for rule in rules if rule.fn.rule is not None]
        self.forward = all(rule.partials is not None or rule.jvp is not None for rule in given)
        self.backward = all(rule.partials is not None or rule.vjp is not None for rule in given)
        self.moving = [i for i, t in enumerate(fn.fn.param_types) if _elem(t) == FLOAT]
        names = [fn.fn.params[i].name for i in self.moving]
        self.wrt = f"({', '.join(names)})" if len(names) > 1 else names[0]

    def call(self, arguments: Sequence[Any], operator: str = "", seed: tuple[Any, ...] = ()) -> Any:
        """A call as the language has it, Ints being literals as they may be sizes."""
        parts: list[str | Slot] = [self.slot] if not operator else [f"{operator}(", self.slot, f", wrt = {self.wrt})"]
        for i, x in enumerate((*arguments, *seed)):
            parts.append(", " if i else "(")
            parts.append(str(x) if type(x) is int else Slot(f"x{i}", into(x, self.home)))
        return self.home.evaluate((*parts, ")"))

    def at(self, arguments: list[Any], turn: Callable[[Numbers], Numbers]) -> bool:
        """Whether the rule could be compared at a point; a Fault where it differs there."""
        tangents = [turn(self.rng.normal(size=np.shape(arguments[i]))) for i in self.moving]

        def moved(h: float) -> Numbers | None:
            here = list(arguments)
            for i, t in zip(self.moving, tangents, strict=True):
                here[i] = _python(here[i] + h * t)
            try:
                return _flat(self.call(here))
            except Error:
                return None

        values = [v for h in (STEP, -STEP, STEP / 2, -STEP / 2) if (v := moved(h)) is not None]
        if len(values) < 4 or len({v.shape for v in values}) > 1 or not np.all(np.isfinite(values)):
            return False
        wide, narrow = (values[0] - values[1]) / (2 * STEP), (values[2] - values[3]) / STEP
        numeric: Numbers = (4 * narrow - wide) / 3
        unsure, scale = float(np.max(np.abs(narrow - wide))), max(1.0, float(np.max(np.abs(numeric))))
        if unsure > 1e-3 * scale:
            return False
        try:
            self.check(arguments, tangents, numeric, CLOSE * scale + 10 * unsure)
        except Error as error:
            raise Fault(*error.diagnostics) from None
        return True

    def check(self, arguments: list[Any], tangents: list[Numbers], numeric: Numbers, near: float) -> None:
        """Compares what rules give at a point with the derivative along the tangents."""
        along = tuple(map(_python, tangents))
        if self.forward:
            _, moved = self.call(arguments, "jvp", (along if len(along) > 1 else along[0],))
            if not _close(_flat(moved), numeric, near):
                raise self.differs("jvp", arguments, along, _flat(moved), numeric)
        if self.backward:
            weights = _like(self.call(arguments), self.rng)
            _, adjoints = self.call(arguments, "vjp", (weights,))
            by_rule = np.array([np.dot(_flat(adjoints), _flat(along))])
            wanted = np.array([np.dot(_flat(weights), numeric)])
            if not _close(by_rule, wanted, near * max(1.0, float(np.sum(np.abs(_flat(weights)))))):
                raise self.differs("vjp", arguments, along, by_rule, wanted)

    def differs(
        self, word: str, arguments: Sequence[Any], along: Sequence[Any], by_rule: Numbers, wanted: Numbers
    ) -> Fault:
        typed = self.fn.fn
        at = ", ".join(f"{s.name} = {_shown(x)}" for s, x in zip(typed.params, arguments, strict=True))
        found = RuleDiffers(
            self.fn.tree.name.span,
            self.fn.label,
            word,
            f"{at}, along {', '.join(map(_shown, along))}",
            _shown(by_rule),
            _shown(wanted),
            tuple((rule.label, rule.fn.rule.span) for rule in self.rules if rule.fn.rule is not None),
        )
        return Fault(found)


def _close(a: Numbers, b: Numbers, near: float) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= near))


# ---- values


def _size_vars(fn: Typed) -> list[SizeVar]:
    return [p for p in fn.type_params if isinstance(p, SizeVar)]


def _elem(t: Type) -> Type:
    return t.elem if isinstance(t, Array) else t


def _shape(t: Type, sizes: dict[SizeVar, Size]) -> tuple[int, ...] | None:
    """The shape of numbers of this type; None where they are something else."""
    if _elem(t) not in (FLOAT, INT, BOOL):
        return None
    dims = t.dims if isinstance(t, Array) else ()
    known: dict[Atom, Size] = dict(sizes.items())
    found = [d.replace(known).constant for d in dims]
    return None if None in found else tuple(n for n in found if n is not None)


def _draw(rng: np.random.Generator, kind: Draw, elem: Type, shape: tuple[int, ...]) -> Any:
    if elem == FLOAT:
        return _python(kind(rng, shape))
    if elem == INT:
        return _python(rng.integers(0, 3, shape))
    return _python(rng.integers(0, 2, shape) > 0)


def _python(x: Any) -> Any:
    """A number where there is only one, else the array."""
    return x if np.ndim(x) else np.asarray(x).item()


def _flat(value: Any) -> Numbers:
    """The numbers in a value one after the other."""
    if isinstance(value, tuple):
        return np.concatenate([_flat(v) for v in value]) if value else np.zeros(0)
    return np.ravel(np.asarray(value, dtype=np.float64))


def _like(value: Any, rng: np.random.Generator) -> Any:
    """A random cotangent of a value."""
    if isinstance(value, tuple):
        return tuple(_like(v, rng) for v in value)
    return _python(rng.normal(size=np.shape(value)))


def _shown(x: Sequence[float] | Numbers | float) -> str:
    if np.size(x) == 1:
        return f"{np.asarray(x).item():.6g}"
    text = np.array2string(np.asarray(x), precision=4, separator=", ", threshold=8).replace("\n", "")
    return " ".join(text.split())
