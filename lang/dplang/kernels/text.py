"""The words of kernel text: names, types, constants, and the places that can fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..core.ir import BOOL, FLOAT, FLOAT32, KEY, ArrayType, EnumType, Fn, Lit, Operand, Type, Var
from ..errors import Span
from .rows import NUMPY

Given: TypeAlias = tuple[Literal["constant", "int", "float", "bool"], object]
"""A value of a message: known already, or in the next slot of `ctl`."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place that can fault: the code of the diagnostic, where, and its fields."""

    fault: str
    span: Span
    values: tuple[Given, ...]


def fresh_name(used: set[str], hint: str) -> str:
    base = re.sub(r"\W", "_", hint, flags=re.ASCII).strip("_") or "t"
    if base[0].isdigit() or base[0] == "_":
        base = f"f{base}"
    name, n = base, 0
    while name in used:
        n += 1
        name = f"{base}_{n}"
    used.add(name)
    return name


def signature(fn: Fn, recursive: bool, entry: bool) -> str:
    """The types of a function in the text. Only the entry gets `ctl` as an array: a pointer is cheaper to hand on."""
    ctl = "types.int64[::1]" if entry else "types.CPointer(types.int64)"
    params = [ctl, *(["types.int64"] if recursive else []), *(type_text(p.var.type) for p in fn.params)]
    results = [type_text(t) for t in fn.result_types]
    match results:
        case []:
            result = "types.int64"
        case [one]:
            result = one
        case _:
            result = f"types.Tuple(({', '.join(results)}))"
    return f"{result}({', '.join(params)})"


def type_text(t: Type) -> str:
    elem = t.elem if isinstance(t, ArrayType) else t
    assert not isinstance(elem, EnumType)
    text = "types." + {"bool_": "boolean"}.get(NUMPY[elem], NUMPY[elem])
    return f"{text}[{', '.join([*[':'] * (len(t.dims) - 1), '::1'])}]" if isinstance(t, ArrayType) else text


def dtype(t: Type) -> str:
    elem = t.elem if isinstance(t, ArrayType) else t
    assert not isinstance(elem, EnumType)
    return f"np.{NUMPY[elem]}"


def put_text(of_rank: int, what: str = "put") -> str:
    return f"{what}{of_rank}" if of_rank <= 2 else what


def bare(text: str) -> str:
    """An expression without the brackets around the whole of it."""
    if not text.startswith("(") or not text.endswith(")"):
        return text
    depth = 0
    for c in text[:-1]:
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return text
    return text[1:-1]


def indent_of(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def names_of(o: Operand) -> tuple[str, ...]:
    return (o.name,) if isinstance(o, Var) else ()


def literal(o: Lit) -> str:
    """A constant of the text."""
    if o.type == BOOL:
        return str(bool(o.value))
    if o.type in (FLOAT, FLOAT32):
        x = float(o.value)
        text = repr(x) if x - x == 0.0 else "math.nan" if x != x else "math.inf" if x > 0 else "(-math.inf)"
        text = f"({text})" if text.startswith("-") else text
        return f"np.float32({text})" if o.type == FLOAT32 else text
    if o.type == KEY:
        return f"np.uint64({o.value})"
    return str(o.value) if int(o.value) >= 0 else f"({o.value})"
