"""Primitives on lanes as kernel text: for each row of the table an expression over `{0}`, `{1}` .., every operand once.

What `mathematics` has no function for is applied lane by lane, by `each1` and `each2`.
"""

from __future__ import annotations

from ...core.ir import BOOL, FLOAT, FLOAT32, INT, KEY, ArrayType, Lit, Prim

COMPARED = {op: f"({{0}} {op} {{1}})" for op in ("==", "!=", "<", "<=", ">", ">=")}

SAME = {
    "+": "({0} + {1})", "-": "({0} - {1})", "*": "({0} * {1})", "neg": "(-{0})", "abs": "vabs({0})",
    "min": "vmin({0}, {1})", "max": "vmax({0}, {1})", "clip": "vmin(vmax({0}, {1}), {2})", "not": "(~{0})",
    "float": "vfloat({0})", "float32": "vfloat32({0})", "int": "vint({0})", **COMPARED,
}  # fmt: skip

OWN = (
    "exp", "expm1", "exp2", "sigmoid", "tanh", "sinh", "cosh", "log", "log1p", "log2", "softplus", "logaddexp", "logit",
    "sin", "cos", "tan", "erf", "sqrt", "floor", "ceil", "sign", "isnan", "isfinite", "isinf",
)  # fmt: skip
"""Rows that have a function of their own, called `v` and the name."""

LIBM = ("asin", "acos", "atan", "asinh", "acosh", "atanh", "log10", "erfc", "gamma", "lgamma")

REAL = {
    "/": "({0} / {1})", "//": "each2(floor_divide, {0}, {1})", "%": "each2(mod, {0}, {1})", "^": "vpow({0}, {1})",
    "relu": "vmax({0}, 0.0)", "round": "vrint({0})", "atan2": "each2(math.atan2, {0}, {1})",
    "hypot": "each2(math.hypot, {0}, {1})", "cbrt": "each1(cbrt, {0})",
    **{f: f"v{f}({{0}}, {{1}})" if f == "logaddexp" else f"v{f}({{0}})" for f in OWN},
    **{f: f"each1(math.{f}, {{0}})" for f in LIBM},
}  # fmt: skip

INTEGER = {
    "//": "each2(int_divide, {0}, {1})", "%": "each2(int_mod, {0}, {1})", "^": "each2(int_power, {0}, {1})",
    "sign": "each1(int_sign, {0})", "key": "each1(key, {0})",
}  # fmt: skip

KEYS = {
    "key_at": "each2(key_at, {0}, {1})", "split_left": "each1(split_left, {0})",
    "split_right": "each1(split_right, {0})", "random.uniform": "each1(uniform, {0})",
    "random.normal": "each1(normal, {0})", "random.integers": "each2(integer, {0}, {1})",
}  # fmt: skip

COSTLY = {"^", "atan2", "hypot", "cbrt", "log10", *OWN, *LIBM} - {
    "sqrt", "floor", "ceil", "sign", "isnan", "isfinite", "isinf",
}  # fmt: skip
"""What lanes are worth it for: LLVM does not do it for several turns at once by itself."""

WORDS = (
    "add_at", "add_lanes", "adds", "all_lanes", "any_lane", "each1", "each2", "gather", "lane_at", "lanes", "ld",
    "ld_wide", "ldm", "lds", "least_lane", "most_lane", "own", "power", "product_lanes", "scatter", "sel", "spl", "st",
    "st_rows", "st_wide", "stm", "sts", "sum_lanes", "turns_of",
    "vabs", "vfloat", "vfloat32", "vint", "vmax", "vmin", "vpow", "vrint",
    *(f"v{f}" for f in OWN),
)  # fmt: skip
"""What texts use of `runtime`."""


def expression(value: Prim) -> str | None:
    """The text of an elementwise primitive where an operand is a lane, or None."""
    op, types = value.op, [a.type for a in value.args]
    if not types or any(isinstance(t, ArrayType) for t in types):
        return None
    if types[0] in (FLOAT, FLOAT32):
        if op == "^" and isinstance(value.args[1], Lit):
            return _power(float(value.args[1].value), types[0] == FLOAT)
        return REAL.get(op) or SAME.get(op)
    if types[0] in (INT, BOOL):
        return INTEGER.get(op) or SAME.get(op)
    return KEYS.get(op) if types[0] == KEY else None


def is_costly(value: Prim) -> bool:
    """Whether an operation is worth lanes, and not worth being done in vain."""
    if value.op != "^":
        return value.op in COSTLY
    return value.args[0].type in (FLOAT, FLOAT32) and "vpow" in (expression(value) or "")


def _power(exponent: float, double: bool) -> str:
    """A literal power: small whole ones are products."""
    if exponent == 1.0:
        return "{0}"
    if exponent.is_integer() and 0 < abs(exponent) <= 4:
        return f"power({{0}}, {int(exponent)})"
    return f"vpow({{0}}, {exponent!r})" if double else f"vpow({{0}}, np.float32({exponent!r}))"
