"""Primitives as kernel text: for each row of the table an expression over `{0}`, `{1}` ..; what has none is
interpreted."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, ArrayType, Lit, Prim, Scalar, Type
from .nodes import node_text

Kind: TypeAlias = Literal["int", "float", "bool"]
"""How a value of a message leaves a kernel."""

Refused: TypeAlias = tuple[str, str, tuple[tuple[Kind, str], ...]]

COMPARED = {op: f"({{0}} {op} {{1}})" for op in ("==", "!=", "<", "<=", ">", ">=")}

SAME = {
    "+": "({0} + {1})", "-": "({0} - {1})", "*": "({0} * {1})", "neg": "(-{0})", "abs": "abs({0})",
    "min": "minimum({0}, {1})", "max": "maximum({0}, {1})", "clip": "minimum(maximum({0}, {1}), {2})",
    "not": "(not {0})", **COMPARED,
}  # fmt: skip
"""Rows whose text is the same for Ints and Floats."""

INTEGER = {
    "//": "int_divide({0}, {1})", "%": "int_mod({0}, {1})", "^": "int_power({0}, {1})", "sign": "int_sign({0})",
    "float": "np.float64({0})", "float32": "np.float32({0})", "int": "np.int64({0})", "key": "key({0})",
    **{f: f"{f}({{0}}, np.float64({{1}}))" for f in ("polygamma", "bessel_jn", "sinc_slope")},
    **{f: f"{f}({{0}}, np.float64({{1}}), np.float64({{2}}))" for f in ("gamma_slope", "gammainc_slope")},
    **{
        f: f"{f}({{0}}, {{1}}, np.float64({{2}}), np.float64({{3}}), np.float64({{4}}))"
        for f in ("beta_slope", "betainc_slope")
    },
}  # fmt: skip

REAL = {
    "/": "({0} / {1})", "//": "floor_divide({0}, {1})", "%": "mod({0}, {1})", "^": "math.pow({0}, np.float64({1}))",
    "sign": "sign({0})", "relu": "maximum({0}, 0.0)",
    "isnan": "({0} != {0})", "isfinite": "math.isfinite({0})", "isinf": "math.isinf({0})",
    "float": "np.float64({0})", "float32": "np.float32({0})", "int": "np.int64({0})",
    "round": "np.rint({0})", "floor": "np.floor({0})", "ceil": "np.ceil({0})",
    "atan2": "math.atan2({0}, {1})", "hypot": "math.hypot({0}, {1})",
    "cbrt": "cbrt({0})", "exp2": "exp2({0})", "log2": "log2({0})",
    "sigmoid": "sigmoid({0})", "softplus": "logaddexp({0}, 0.0)", "logaddexp": "logaddexp({0}, {1})",
    "logit": "logit({0})", "xlogy": "xlogy({0}, {1})", "sinc": "sinc_slope(0, np.float64({0}))",
    "trigamma": "polygamma(1, np.float64({0}))",
    **{f: f"math.{f}({{0}})" for f in (
        "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
        "exp", "expm1", "log", "log1p", "log10", "sqrt", "erf", "erfc", "gamma",
    )},
    "lgamma": "(math.lgamma({0}) if {0} != -math.inf else -math.inf)",
    **{f: f"{f}(np.float64({{0}}))" for f in ("digamma", "erfinv", "bessel_j0", "bessel_j1", "gaussian")},
    **{f: f"{f}(np.float64({{0}}), np.float64({{1}}))" for f in ("beta", "lbeta", "gammainc")},
    "betainc": "betainc(np.float64({0}), np.float64({1}), np.float64({2}))",
}  # fmt: skip

KEYS = {
    "key_at": "key_at({0}, {1})", "split_left": "split_left({0})", "split_right": "split_right({0})",
    "random.uniform": "uniform({0})", "random.normal": "normal({0})", "random.integers": "integer({0}, {1})",
    **COMPARED,
}  # fmt: skip

WHOLE = {
    "sort": "sort({0})", "argsort": "argsort({0})", "cumsum": "cumsum({0})", "cumprod": "cumprod({0})",
    "norm": "norm({0})", "flatten": "{0}.copy().reshape({0}.size)",
    "linalg._lu": "lu({0})", "linalg._lu_solve": "lu_solve({0}, {1}, False)",
    "linalg._lu_solve_transposed": "lu_solve({0}, {1}, True)", "linalg._triangular": "triangular({0}, {1}, {2})",
    "linalg._cholesky": "cholesky({0})", "linalg._eigh": "eigh({0})", "linalg._qr": "qr({0})",
    "linalg._svd": "svd({0})",
    "linalg._independent": "{0}.copy()", "linalg._apart": "{1}.copy()",
}  # fmt: skip

FAULTS: dict[str, tuple[str, str, tuple[str | int, ...]]] = {
    "//": ("E0604", "{1} == 0", ("//",)),
    "%": ("E0604", "{1} == 0", ("%",)),
    "^": ("E0605", "{1} < 0", (1,)),
    "random.integers": ("E0616", "{1} <= 0", (1,)),
}
"""Where an Int row has no value: the fault, when it is met, and the values of its message (a number is an
operand's)."""

_SINGULAR: tuple[tuple[Kind, str], ...] = (("int", "{at}"), ("int", "{0}.shape[0]"))
_ROW, _COLUMN = "{at} // {0}.shape[0]", "{at} % {0}.shape[0]"
_UNEQUAL: tuple[tuple[Kind, str], ...] = (
    ("int", _ROW), ("int", _COLUMN),
    ("float", f"{{0}}[{_ROW}, {_COLUMN}]"), ("float", f"{{0}}[{_COLUMN}, {_ROW}]"),
)  # fmt: skip

REFUSED: dict[str, tuple[Refused, ...]] = {
    "linalg._lu_solve": (("E0640", "lost({0})", _SINGULAR),),
    "linalg._lu_solve_transposed": (("E0640", "lost({0})", _SINGULAR),),
    "linalg._triangular": (("E0640", "zero({0})", _SINGULAR),),
    "linalg._cholesky": (("E0642", "asymmetric({0})", _UNEQUAL), ("E0641", "indefinite({r})", _SINGULAR)),
    "linalg._eigh": (("E0642", "asymmetric({0})", _UNEQUAL),),
    "linalg._independent": (("E0644", "dependent({0})", (("int", "{at}"), ("bool", "{1}"))),),
    "linalg._apart": (("E0643", "together({0}, {1})", (("int", _ROW), ("int", _COLUMN), ("float", f"{{0}}[{_ROW}]"))),),
}
"""Where a row of whole arrays has no value: the fault, where in the operands (or, looking at `{r}`, in what was made)
it is met or -1, and the values of its message."""


def expression(value: Prim, result: Type) -> str | None:
    """The text of a primitive applied to operands of these types, or None."""
    op, types = value.op, [a.type for a in value.args]
    if op.startswith("node."):
        return node_text(value, f"np.{NUMPY[scalar_of(result)]}")
    text: str | None
    if any(isinstance(t, ArrayType) for t in types):
        return _whole(op, types)
    if not types or types[0] not in (FLOAT, FLOAT32, INT, BOOL, KEY):
        return None
    if op == "^" and types[0] != INT and isinstance(value.args[1], Lit):
        text = _power(value.args[1].value)
    elif types[0] in (INT, BOOL):
        text = INTEGER.get(op) or SAME.get(op)
    elif types[0] == KEY:
        text = KEYS.get(op)
    else:
        text = REAL.get(op) or SAME.get(op)
    if text is None or result != FLOAT32 or op == "float32":
        return text
    return f"np.float32({text})"


def _power(exponent: object) -> str:
    """A literal power of a Float: what a multiplication gives exactly needs no call."""
    if exponent == 1:
        return "{0}"
    return "({0} * {0})" if exponent == 2 else REAL["^"]


def _whole(op: str, types: list[Type]) -> str | None:
    ranks = [len(t.dims) if isinstance(t, ArrayType) else 0 for t in types]
    match op:
        case "@" | "dot":
            if ranks == [2, 2] and scalar_of(types[0]) == INT:
                return "product({0}, {1})"
            return f"matmul_{''.join('m' if r == 2 else 'v' for r in ranks)}({{0}}, {{1}})"
        case "reverse" | "transpose":
            least = 1 if op == "reverse" else 2
            return f"{op}({{0}})" if ranks[0] == least else f"{op}_rows({{0}})"
        case "concat":
            return "concat({0}, {1})"
        case "reshape":
            return f"{{0}}.copy().reshape(({', '.join(f'{{{k}}}' for k in range(1, len(types)))},))"
        case "norm" if scalar_of(types[0]) == FLOAT32:
            return "np.float32(norm({0}))"
        case _:
            return WHOLE.get(op)


def scalar_of(t: Type) -> Scalar:
    """The type of the elements of an array, or of a scalar."""
    elem = t.elem if isinstance(t, ArrayType) else t
    assert isinstance(elem, Scalar)
    return elem


def whole_faults(value: Prim) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Pairs of sizes, each by operand and axis, that a whole-array primitive needs to be equal."""
    if value.op not in ("@", "dot", "concat"):
        return []
    t = value.args[0].type
    assert isinstance(t, ArrayType)
    if value.op == "concat":
        return [((0, k), (1, k)) for k in range(1, len(t.dims))]
    return [((0, len(t.dims) - 1), (1, 0))]


NUMPY = {
    Scalar("Float"): "float64", Scalar("Float32"): "float32", Scalar("Int"): "int64",
    Scalar("Bool"): "bool_", Scalar("Key"): "uint64",
}  # fmt: skip
"""The NumPy name of each scalar type that kernels know."""
