"""Calls that go straight from Python to a kernel: arguments of types that were seen before, taken apart to leaves.

`prepare` looks at a call that was evaluated in the usual way. Where it ran as a kernel, it writes a function for later
calls with arguments of the same exact types, and of sizes that are equal where they were: these need neither names nor
an interpreter. What is unusual (another element type, a number out of range) takes the usual way each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..core.ir import Var
from ..core.sizes import Size, SizeVar
from ..core.types import BOOL, FLOAT, FLOAT32, INT, KEY, Array, Enum, Tuple, Type, transform
from ..errors.diagnostic import Fault
from ..lower.body import standing
from ..lower.shape import fill
from ..lower.shape import leaves as leaves_of
from ..values import Held, measured, split
from ..values import count as count_leaves
from .faults import Error, as_errors
from .marshal import Key, out_of

if TYPE_CHECKING:
    from ..kernels.call import Kernel
    from .loaded import Call, Loaded

Direct: TypeAlias = Callable[[tuple[Any, ...]], Any]
"""Takes the arguments of a call; `OTHER` is its answer where they are not such as it knows."""

OTHER = object()
NUMBERS = {FLOAT: np.dtype(np.float64), FLOAT32: np.dtype(np.float32), INT: np.dtype(np.int64), BOOL: np.dtype(bool)}


def unknown(args: tuple[Any, ...]) -> Any:
    """The direct call of a function that has none."""
    return OTHER


def prepare(
    home: Loaded, call: Call, given: Mapping[str, Held], args: Sequence[object], things: Sequence[Held]
) -> Direct | None:
    """The direct form of a call that was made with these arguments, whose values are `things`, under the names in
    `given`; None where there is none, or none yet."""
    kernel = home.session.kernel(call.entry)
    at = {id(thing): i for i, thing in enumerate(things)}
    where = {call.symbols[name]: at[id(thing)] for name, thing in given.items() if id(thing) in at}
    if kernel is None or len(call.entry.unit.outputs) != 1 or not len(where) == len(at) == len(things):
        return None
    text = _Text()
    found = [text.reads(f"x{i}", x, thing) for i, (x, thing) in enumerate(zip(args, things, strict=True))]
    leaves = [own for own in found if own is not None]
    if len(leaves) != len(things):
        return None
    # what the function itself holds, such as the value that a method belongs to
    bound = [(call.symbols[name], thing) for name, thing in given.items() if id(thing) not in at]
    own = {symbol: [text.name(leaf) for leaf in thing.leaves] for symbol, thing in bound}
    own |= {symbol: leaves[i] for symbol, i in where.items()}
    every = [*leaves, *(own[symbol] for symbol, _ in bound)]
    text.sizes([leaf for part in every for leaf in part], [*things, *(thing for _, thing in bound)], call.fixed)
    order: list[str] = []
    for symbol in call.entry.unit.inputs:
        order += own[symbol] if symbol in own else [text.name(x) for x in home.session.values[symbol].leaves]
    return text.function(len(args), order, kernel, _writer(home, call))


@dataclass(slots=True)
class _Text:
    """A function of the arguments that is being written. `known` are the values that it names."""

    lines: list[str] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=lambda: {"OTHER": OTHER, "array": np.array})
    numbers: Any = field(default_factory=count)

    def name(self, value: object) -> str:
        """A name for a value."""
        name = f"k{next(self.numbers)}"
        self.known[name] = value
        return name

    def line(self, text: str) -> None:
        self.lines.append(text)

    def unless(self, condition: str) -> None:
        """What does not fit takes the usual way."""
        self.line(f"if not ({condition}): return OTHER")

    def reads(self, text: str, x: object, thing: Held) -> list[str] | None:
        """The leaves of an argument that is like `x`, which was found to be `thing`; None where that is not known."""
        from .records import Value

        kind = type(x)
        self.unless(f"type({text}) is {self.name(kind)}")
        if kind in (float, bool, np.float32):
            return [text]
        if kind is int:
            self.unless(f"{-(1 << 63)} <= {text} < {1 << 63}")
            return [text]
        if kind in (np.float64, np.int64):
            return [f"{text}.item()"]
        if kind is Key:
            return [f"{text}.bits"]
        if isinstance(x, Value):
            return self.leaves(text, thing)
        if isinstance(x, np.ndarray) and kind is np.ndarray:
            return self.array(text, x)
        if isinstance(x, list) and set(map(type, x)) == {float}:
            self.unless(f"set(map(type, {text})) == {self.name({float})}")
            return [self.local(f"array({text}, {self.name(np.float64)})")]
        if isinstance(x, tuple) and kind is tuple and x:
            return self.parts(text, x, thing)
        return None

    def local(self, text: str) -> str:
        name = f"v{next(self.numbers)}"
        self.line(f"{name} = {text}")
        return name

    def array(self, text: str, x: np.ndarray[Any, Any]) -> list[str] | None:
        if x.dtype not in NUMBERS.values() or not x.ndim:
            return None
        self.unless(f"{text}.dtype is {self.name(np.dtype(x.dtype.type))} and {text}.ndim == {x.ndim}")
        return [text]

    def parts(self, text: str, x: tuple[Any, ...], thing: Held) -> list[str] | None:
        self.unless(f"len({text}) == {len(x)}")
        names = [self.local(f"{text}[{i}]") for i in range(len(x))]
        found = [self.reads(n, p, own) for n, p, own in zip(names, x, thing.parts(), strict=True)]
        return None if None in found else [leaf for own in found if own is not None for leaf in own]

    def leaves(self, text: str, like: Held) -> list[str]:
        """Those of structs and enum values: of the same type, but for sizes that can be read from the leaves."""
        seen: dict[int, tuple[Type, bool]] = {}
        wanted = _sizeless(like.type)

        def fits(t: Type) -> bool:
            known = seen.get(id(t))
            if known is None:
                if len(seen) > 1000:
                    seen.clear()
                known = seen[id(t)] = (t, _sizeless(t) == wanted)
            return known[1]

        value = self.local(f"{text}._dp_held")
        self.unless(f"{self.name(fits)}({value}.type)")
        return [f"{value}.leaves[{i}]" for i in range(len(like.leaves))]

    def sizes(self, leaves: Sequence[str], things: Sequence[Held], fixed: frozenset[int] | None) -> None:
        """Sees that sizes are such as the call was compiled for: those in `fixed` (None: all) as they are, others
        equal where they were equal."""
        names: dict[int, SizeVar] = {}
        places: dict[int, list[str]] = {}
        for thing in things:
            t = transform(thing.type, lambda v: v, lambda s: _named(s, names))
            operands = [Var(leaf, o.type) for leaf, o in zip(leaves, leaves_of(thing.shape), strict=False)]
            leaves = leaves[len(operands) :]
            values = {var.id: n for n, var in names.items()}
            for var, operand, axis in standing(t, fill(thing.shape, iter(operands))):
                assert isinstance(operand, Var)
                places.setdefault(values[var.id], []).append(f"{operand.name}.shape[{axis}]")
        known = frozenset(places) if fixed is None else fixed
        for n, found in places.items():
            if n in known:
                self.unless(" == ".join([*found, str(n)]))
            elif len(found) > 1:
                self.unless(" == ".join(found))
            if n not in known and known:
                self.unless(f"{found[0]} not in {self.name(known)}")

    def function(self, arity: int, leaves: Sequence[str], kernel: Kernel, out: Callable[[Any], Any] | None) -> Direct:
        """The whole: leaves in the order of the kernel's parameters."""
        head = [f"if len(args) != {arity}: return OTHER"]
        if arity:
            head.append(f"{''.join(f'x{i}, ' for i in range(arity))} = args")
        given = "".join(f", {kernel.leaf(i, leaf)}" for i, leaf in enumerate(leaves))
        listen = ["if here.main: listen()"] if kernel.long else []
        body = [
            *head,
            *self.lines,
            "seats = here.seats or seat(here)",
            *listen,
            "ctl = seats.pop()",
            "try:",
            f"    value = compiled(ctl{given})",
            "except Exception as failure:",
            f"    value = failed(ctl, failure{''.join(f', {leaf}' for leaf in leaves)})",
            "    if value is OTHER: return OTHER",
            "else:",
            "    seats.append(ctl)",
            *(["    value = finish(value)"] if kernel.finish is not None else []),
            "return value" if out is None else "return out(value)",
        ]
        names = {**self.known, **kernel.names, "failed": _failed(kernel), "finish": kernel.finish, "out": out}
        exec("def direct(args):\n    " + "\n    ".join(body), names)
        made: Direct = names["direct"]
        return made


def _named(size: Size, names: dict[int, SizeVar]) -> Size:
    n = size.constant
    return size if n is None else Size.of(names.setdefault(n, SizeVar(str(n))))


def _sizeless(t: Type) -> Type:
    return t if isinstance(split(t)[0], Enum) else transform(t, lambda v: v, lambda s: Size.of(0))


def _failed(kernel: Kernel) -> Callable[..., Any]:
    """What goes on where a kernel has not ended well."""
    from ..kernels.call import Left

    def failed(ctl: Any, failure: Exception, *leaves: Any) -> Any:
        try:
            return kernel.again(leaves, ctl, failure)
        except Left:
            return OTHER
        except Fault as fault:
            raise Error(*fault.diagnostics) from None
        except Exception as other:
            with as_errors():
                raise other

    return failed


# ---- results


def _writer(home: Loaded, call: Call) -> Callable[[Any], Any] | None:
    """What makes a kernel's result one for Python; None where it is."""
    [output] = call.entry.unit.outputs
    t, shape = call.result, output.shape
    several = count_leaves(shape) != 1
    make = _maker(t)
    if make is None:

        def write(leaves: Sequence[Any]) -> Any:
            with as_errors():
                return out_of(measured(Held(t, shape, tuple(leaves)), home.outline), home)

        make = write
    elif all(p in NUMBERS or isinstance(p, Array) for p in (t.parts if isinstance(t, Tuple) and several else (t,))):
        return None
    return make if several else lambda value: make((value,))


def _maker(t: Type) -> Callable[[Sequence[Any]], Any] | None:
    """What makes a value from its leaves: a number, an array of numbers, or a tuple of such; None for others."""
    elem, dims = split(t)
    if elem == KEY and not dims:
        return lambda leaves: Key(leaves[0])
    if elem in NUMBERS:
        return lambda leaves: leaves[0]
    if not isinstance(elem, Tuple) or dims or not elem.parts:
        return None
    parts = [(part, make) for part in elem.parts if (make := _maker(part)) is not None]
    if len(parts) != len(elem.parts):
        return None
    ends = list(accumulate((_leaves(part) for part, _ in parts), initial=0))
    slices = [(make, slice(a, b)) for (_, make), (a, b) in zip(parts, pairwise(ends), strict=True)]
    return lambda leaves: tuple([make(leaves[own]) for make, own in slices])


def _leaves(t: Type) -> int:
    return sum(map(_leaves, t.parts)) if isinstance(t, Tuple) else 1
