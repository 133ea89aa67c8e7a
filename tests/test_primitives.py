"""Laws of the primitive table: scalars agree with arrays, partials with differences, and nothing raises."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable

import numpy as np
import pytest

from dplang.core.ir import FLOAT, FLOAT32, INT, Type
from dplang.errors import Source
from dplang.primitives import TABLE, Row
from dplang.primitives import runtime as rt
from dplang.primitives.table import ARGUMENTS
from dplang.syntax import tree
from dplang.syntax.parse import parse
from running import run_text

SPECIAL = (0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 1e-320, 0.5, -0.5, 2.5, 709.9, -745.2)
INTS = (0, 1, -1, 2, -3, 7, 2**31, 2**63 - 1, -(2**63), -(2**63) + 1)
ELEMENTWISE = [row for row in TABLE.values() if row.elementwise and not row.effect]


def schemes(row: Row) -> list[list[str]]:
    """The parameter types of each scheme."""
    found = []
    for scheme in row.scheme.split("|"):
        inside = scheme.split("->")[0].strip()[1:-1]
        found.append([p.strip() for p in inside.split(",")])
    return found


def arity(row: Row) -> int:
    return len(schemes(row)[0])


def on_floats(row: Row) -> bool:
    """Whether the row takes Floats in every place (by its last scheme that can)."""
    return any(all(p in ("F", "N", "T") for p in scheme) for scheme in schemes(row))


FLOAT_ROWS = [row for row in ELEMENTWISE if on_floats(row)]
INT_ROWS = [r for r in ELEMENTWISE if any(set(s) <= {"N", "T", "Int"} for s in schemes(r)) and r.name != "polygamma"]


def run(row: Row, types: tuple[Type, ...], values: tuple[object, ...], whole: bool = False) -> object:
    names = {f"x{i}": v for i, v in enumerate(values)}
    with np.errstate(all="ignore"):
        return eval(row.expression(types, whole), {"np": np, "math": math, "rt": rt, "xs": values, **names})


def identical(a: object, b: object) -> bool:
    """Equal with the sign of zero, or both not a number."""
    if a != a and b != b:
        return True
    return a == b and (a != 0 or math.copysign(1, float(a)) == math.copysign(1, float(b)))  # type: ignore[arg-type]


def ulps(a: float, b: float) -> float:
    if identical(a, b):
        return 0.0
    if not (math.isfinite(a) and math.isfinite(b)) or a == b:
        return math.inf
    return abs(a - b) / math.ulp(max(abs(a), abs(b)))


def points(n: int, seed: int, extra: int = 60) -> list[tuple[float, ...]]:
    """All combinations of special values, and random ones of all sizes."""
    rng = np.random.default_rng(seed)
    made = list(itertools.product(SPECIAL, repeat=n))
    made += [tuple(row) for row in (rng.normal(size=(extra, n)) * 10.0 ** rng.integers(-3, 3, (extra, n))).tolist()]
    return made


# ---- scalars and arrays


@pytest.mark.parametrize("row", FLOAT_ROWS, ids=lambda r: r.name)
def test_scalars_agree_with_arrays(row: Row) -> None:
    n = arity(row)
    cases = points(n, 1)
    # the largest distance allowed: NumPy has elementary functions of its own
    allowed = 0.0 if not row.d or row.name in ("+", "-", "*", "/", "abs", "min", "max", "sqrt", "%") else 2.0
    for case in cases:
        try:
            value = run(row, (FLOAT,) * n, case)
        except rt.Trap:
            assert row.name == "int"
            continue
        whole = run(row, (FLOAT,) * n, tuple(np.array([x]) for x in case), whole=True)
        assert isinstance(whole, np.ndarray) and whole.shape == (1,)
        if row.name == "float32":
            assert identical(value, whole[0])
        elif row.scheme.endswith("Bool") or row.name == "int":
            assert isinstance(value, bool | int) and value == whole[0]
        else:
            assert type(value) is float
            assert ulps(value, float(whole[0])) <= allowed, (row.name, case, value, whole[0])


@pytest.mark.parametrize("row", FLOAT_ROWS, ids=lambda r: r.name)
def test_float32_stays_float32(row: Row) -> None:
    if row.name == "float32":
        return
    n = arity(row)
    rng = np.random.default_rng(2)
    for case in rng.uniform(0.1, 0.9, (5, n)).astype(np.float32):
        scalar = run(row, (FLOAT32,) * n, tuple(case))
        whole = run(row, (FLOAT32,) * n, tuple(np.array([x]) for x in case), whole=True)
        assert isinstance(whole, np.ndarray)
        if row.scheme.endswith("-> F") or row.scheme.endswith("-> N"):
            assert isinstance(scalar, np.float32) and whole.dtype == np.float32
            assert identical(scalar, whole[0])


@pytest.mark.parametrize("row", INT_ROWS, ids=lambda r: r.name)
def test_ints_wrap_alike(row: Row) -> None:
    n = arity(row)
    for case in itertools.product(INTS, repeat=n):
        arrays = tuple(np.array([x]) for x in case)
        try:
            value = run(row, (INT,) * n, case)
        except rt.Trap as trap:
            with pytest.raises(rt.Trap) as other:
                run(row, (INT,) * n, arrays, whole=True)
            assert (other.value.fault, other.value.values) == (trap.fault, trap.values)
            continue
        whole = run(row, (INT,) * n, arrays, whole=True)
        assert isinstance(whole, np.ndarray)
        assert value == whole[0], (row.name, case)
        if isinstance(value, int) and row.name != "key":
            assert -(2**63) <= value < 2**63


def test_known_values() -> None:
    assert rt.int_divide(-7, 2) == -4 and rt.int_mod(-7, 3) == 2 and rt.int_divide(-(2**63), -1) == -(2**63)
    assert rt.int_power(3, 4) == 81 and rt.int_power(2, 64) == 0
    assert rt.to_int(-2.9) == -2
    for x in (math.nan, math.inf, 2.0**63):
        with pytest.raises(rt.Trap):
            rt.to_int(x)
    assert rt.divide(-1.0, 0.0) == -math.inf and math.isnan(rt.divide(0.0, 0.0))
    assert rt.power_scalar(-8.0, 2) == 64.0 and math.isnan(rt.power_scalar(-8.0, 1 / 3))
    assert rt.power_scalar(0.0, -1) == math.inf and rt.power_scalar(10.0, 400) == math.inf


# ---- keys


def test_keys_draw_alike_one_by_one_and_at_once() -> None:
    seeds = np.arange(-50, 450)
    with np.errstate(all="ignore"):
        keys = rt.key_of(seeds)
        derived = rt.key_at(keys, seeds)
        left, right = rt.split_left(keys), rt.split_right(keys)
        uniform, normal = rt.uniform(keys), rt.normal(keys)
        whole = rt.integer(keys, np.full(500, 10))
    for i, seed in enumerate(seeds.tolist()):
        k = rt.key_scalar(seed)
        assert k == int(keys[i]) and rt.key_at_scalar(k, seed) == int(derived[i])
        assert rt.split_left_scalar(k) == int(left[i]) and rt.split_right_scalar(k) == int(right[i])
        assert rt.uniform_scalar(k) == uniform[i] and rt.normal_scalar(k) == normal[i]
        assert rt.integer_scalar(k, 10) == whole[i]
    assert len({*keys.tolist(), *derived.tolist(), *left.tolist(), *right.tolist()}) == 2000


def test_draws_have_their_distributions() -> None:
    with np.errstate(all="ignore"):
        keys = rt.key_at(rt.key_of(np.int64(7)), np.arange(200_000))
        u, z = rt.uniform(keys), rt.normal(keys)
        neighbours = rt.uniform(rt.key_at(rt.key_of(np.arange(200_000)), np.int64(0)))
    for sample in (u, neighbours):
        assert sample.min() > 0 and sample.max() < 1
        assert abs(sample.mean() - 0.5) < 0.003 and abs(sample.var() - 1 / 12) < 0.002
        assert abs(np.corrcoef(sample[:-1], sample[1:])[0, 1]) < 0.01
    assert abs(z.mean()) < 0.01 and abs(z.std() - 1) < 0.01 and abs((z**4).mean() - 3) < 0.1
    from scipy.special import ndtri

    assert np.allclose(z, ndtri(u), rtol=1e-13, atol=1e-15)


# ---- partial derivatives


def evaluate(e: tree.Node, scope: dict[str, object]) -> object:
    """The value of a partial: an expression of dp over numbers, by the table itself."""
    match e:
        case tree.Number(_, value) | tree.Bool(_, value):
            return value
        case tree.Name(_, name):
            return scope[name] if name in scope else {"inf": math.inf, "nan": math.nan}[name]
        case tree.Unary(_, "-", operand):
            return -evaluate(operand, scope)  # type: ignore[operator]
        case tree.Binary(_, op, _, left, right):
            return apply(op, evaluate(left, scope), evaluate(right, scope))
        case tree.Call(_, tree.Name(_, name), args):
            return apply(name, *(evaluate(a.value, scope) for a in args))
        case tree.If(_, condition, then, orelse):
            assert orelse is not None
            return evaluate(then if evaluate(condition, scope) else orelse, scope)
        case tree.Block(_, (item,)):
            return evaluate(item, scope)
        case _:
            raise AssertionError(f"a partial with {type(e).__name__}")


def apply(op: str, *args: object) -> object:
    row = TABLE[op]
    whole = {i for i, p in enumerate(schemes(row)[0]) if p == "Int"}
    widen = any(isinstance(a, float) for a in args)
    values = tuple(float(a) if widen and i not in whole else a for i, a in enumerate(args))  # type: ignore[arg-type]
    return run(row, tuple(FLOAT if isinstance(v, float) else INT for v in values), values)


def expression(text: str) -> tree.Node:
    (item,) = parse(Source("partial", text)).items
    return item


def in_domain(row: Row, scope: dict[str, object], scheme: int) -> bool:
    domains = row.domain.split("|")
    text = (domains[scheme] if len(domains) > 1 else row.domain).strip()
    return not text or bool(evaluate(expression(text), scope))


def difference(row: Row, types: tuple[Type, ...], at: list[object], i: int, near: float) -> float:
    """The derivative in argument i by extrapolated central differences: of several widths, what is closest to `near`.

    A wrong partial is close to none of them; a right one meets wide steps where the value is rounded and
    narrow ones beside a singularity.
    """
    x = float(at[i])  # type: ignore[arg-type]

    def slope(h: float) -> float:
        high = run(row, types, (*at[:i], x + h, *at[i + 1 :]))
        low = run(row, types, (*at[:i], x - h, *at[i + 1 :]))
        return (high - low) / (2 * h)  # type: ignore[operator, no-any-return]

    widths = (max(1e-3, abs(x)) * h for h in (1e-3, 1e-4, 1e-5, 1e-6))
    found = [(4 * slope(h) - slope(2 * h)) / 3 for h in widths]
    return min(found, key=lambda d: abs(d - near) if d == d else math.inf)


SMOOTH = [row for row in ELEMENTWISE if row.d]
SAMPLES: dict[str, list[tuple[object, ...]]] = {
    "polygamma": [(1, 0.3), (0, 2.5), (2, 7.0), (3, 1.1)],
    "bessel_jn": [(0, 0.3), (1, 2.5), (2, 7.0), (3, -1.1)],
    "sinc_slope": [(0, 0.3), (1, 2.5), (2, 0.0), (5, -1.1)],
    "gamma_slope": [(0, 0.5, 1.2), (1, 2.5, 1.0), (2, 12.0, 14.0), (3, 1.1, 0.2)],
    "gammainc_slope": [(1, 0.5, 1.2), (1, 2.5, 1.0), (2, 12.0, 14.0), (3, 1.1, 0.2)],
    "beta_slope": [(0, 0, 2.0, 3.0, 0.4), (0, 1, 0.5, 0.7, 0.8), (1, 1, 12.0, 15.0, 0.6), (2, 0, 1.5, 2.5, 0.2)],
    "betainc_slope": [(1, 0, 2.0, 3.0, 0.4), (0, 1, 0.5, 0.7, 0.8), (1, 1, 12.0, 15.0, 0.6), (2, 0, 1.5, 2.5, 0.2)],
    "betainc": [(2.0, 3.0, 0.4), (0.5, 0.7, 0.8), (12.0, 15.0, 0.6), (1.5, 2.5, 0.2)],
}


def samples(row: Row, scheme: list[str], seed: int) -> list[tuple[object, ...]]:
    if row.name in SAMPLES:
        return list(SAMPLES[row.name])
    rng = np.random.default_rng(seed)
    made: list[tuple[object, ...]] = []
    for scale in (0.3, 1.0, 4.0):
        for _ in range(40):
            draw = (rng.normal() * scale for _ in scheme)
            made.append(tuple(int(rng.integers(-3, 5)) if p == "Int" else d for p, d in zip(scheme, draw, strict=True)))
    return made


@pytest.mark.parametrize("row", SMOOTH, ids=lambda r: r.name)
def test_partials_agree_with_differences(row: Row) -> None:
    tried = 0
    for number, scheme in enumerate(schemes(row)):
        if "F" not in scheme and "N" not in scheme:
            continue
        types = tuple(INT if p == "Int" else FLOAT for p in scheme)
        for at in samples(row, scheme, 3):
            scope: dict[str, object] = dict(zip(ARGUMENTS, at, strict=False))
            if not in_domain(row, scope, number):
                continue
            scope["r"] = run(row, types, at)
            for i, (p, d) in enumerate(zip(scheme, row.d, strict=True)):
                if p == "Int":
                    continue
                exact = evaluate(expression(d), scope)
                assert isinstance(exact, float)
                numeric = difference(row, types, list(at), i, exact)
                close = abs(exact - numeric) <= 1e-6 * max(1.0, abs(exact), abs(numeric))
                near_kink = row.mode in ("kinked", "jump") and not math.isclose(
                    exact, numeric, rel_tol=1e-3, abs_tol=1e-3
                )
                assert close or near_kink, (row.name, at, i, exact, numeric)
                tried += close
    assert tried >= (4 if row.name in SAMPLES else 20), f"only {tried} points in the domain of {row.name}"


EDGES: list[tuple[str, tuple[object, ...], tuple[float, ...]]] = [
    ("abs", (0.0,), (0.0,)),
    ("min", (1.0, 1.0), (1.0, 0.0)),
    ("max", (1.0, 1.0), (1.0, 0.0)),
    ("relu", (0.0,), (0.0,)),
    ("hypot", (0.0, 0.0), (0.0, 0.0)),
    ("clip", (1.0, 1.0, 2.0), (1.0, 0.0, 0.0)),
    ("clip", (2.0, 1.0, 2.0), (1.0, 0.0, 0.0)),
    ("^", (0.0, 2), (0.0,)),
    ("^", (0.0, 1), (1.0,)),
    ("^", (0.0, 0), (0.0,)),
    ("^", (-2.0, 3), (12.0,)),
    ("^", (0.0, 2.0), (0.0, 0.0)),
    ("^", (0.0, 0.0), (0.0, 0.0)),
    ("sigmoid", (800.0,), (0.0,)),
    ("tanh", (-800.0,), (0.0,)),
    ("expm1", (-800.0,), (0.0,)),
    ("softplus", (-800.0,), (0.0,)),
    ("sqrt", (0.0,), (math.inf,)),
    ("log", (0.0,), (math.inf,)),
    ("atan", (1e200,), (0.0,)),
    ("hypot", (1e200, 0.0), (1.0, 0.0)),
    ("logaddexp", (800.0, 0.0), (1.0, 0.0)),
    ("logaddexp", (-math.inf, -math.inf), (0.0, 0.0)),
    ("logaddexp", (math.inf, 0.0), (1.0, 0.0)),
    ("cbrt", (0.0,), (math.inf,)),
    ("xlogy", (0.0, 0.0), (0.0, 0.0)),
    ("xlogy", (0.0, 1.0), (0.0, 0.0)),
    ("sinc", (0.0,), (0.0,)),
    ("erfc", (30.0,), (-0.0,)),
    ("gammainc", (1.0, 0.0), (0.0, 1.0)),
    ("gammainc", (2.0, 0.0), (0.0, 0.0)),
    ("betainc", (1.0, 2.0, 0.0), (0.0, 0.0, 2.0)),
]


@pytest.mark.parametrize("name, at, wanted", EDGES, ids=lambda v: str(v))
def test_edges(name: str, at: tuple[object, ...], wanted: tuple[float, ...]) -> None:
    row = TABLE[name]
    scope: dict[str, object] = dict(zip(ARGUMENTS, at, strict=False))
    scope["r"] = run(row, tuple(INT if isinstance(x, int) else FLOAT for x in at), at)
    for d, w in zip(row.d, wanted, strict=False):
        assert evaluate(expression(d), scope) == w


# ---- the table itself


def test_rows_are_whole() -> None:
    for row in TABLE.values():
        if row.effect or row.typing == "ranked":  # the latter stands for one function of dp or another
            assert row.typing
            continue
        assert row.numpy and (row.scheme or row.typing), row.name
        if row.mode != "severed" and row.public:  # where private rows stand, a rule in dp stands around them
            assert row.d or row.rule, f"{row.name} has no derivative"
        if row.d:
            assert len(row.d) == arity(row) and row.elementwise
        assert row.mode != "severed" or not row.d


def test_check_imports_no_numpy() -> None:
    import subprocess
    import sys

    code = "import dplang.primitives, sys; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- derivatives through the language: reverse, forward, second order

FORMS: dict[str, list[str]] = {
    "neg": ["-x"],
    "^": ["x^3", "x^(-2)", "x^1", "x^0", "x^y"],
    "polygamma": ["polygamma(1, x)", "polygamma(2, x)"],
    "bessel_jn": ["bessel_jn(0, x)", "bessel_jn(3, x)"],
    **{op: [f"x {op} y"] for op in ("+", "-", "*", "/", "%")},
}


def forms(row: Row) -> list[str]:
    """The row as expressions over x, y, z."""
    return FORMS.get(row.name) or [f"{row.name}({', '.join(ARGUMENTS[: arity(row)])})"]


def variables(form: str) -> list[str]:
    return sorted(set(re.findall(r"\b[xyz]\b", form)))


def at_points(row: Row, form: str, n: int) -> list[tuple[float, ...]]:
    """A few points inside the domain, away from kinks."""
    scheme = ["F"] * n
    found: list[tuple[float, ...]] = []
    known = [p for p in SAMPLES.get(row.name, []) if len(p) == n] or [(0.3,), (2.5,), (7.0,)]
    for point in samples(row, scheme, 11) if row.name not in SAMPLES else known:
        values = tuple(float(v) for v in point)  # type: ignore[arg-type]
        scope: dict[str, object] = dict(zip(ARGUMENTS, values, strict=False))
        good = row.name in SAMPLES or form in ("x^3", "x^1", "x^0", "x^(-2)")
        if good or in_domain(row, scope, len(schemes(row)) - 1):
            found.append(values)
    return found[:: max(len(found) // 8, 1)][:8]


def derivative_program(name: str, form: str, points: list[tuple[float, ...]]) -> str:
    """Values, first derivatives by both modes and second ones in three ways, at the points, for each argument."""
    n = len(points[0])
    names = ARGUMENTS[:n]
    params = ", ".join(f"{v}: Float" for v in names)
    lines = [f"fn f({params}) -> Float = {form}"]
    for v in names:
        lines += [
            f"fn g_{v}({params}) -> Float = grad(f, wrt = {v})({', '.join(names)})",
            f"fn j_{v}({params}) -> Float {{ let (r, d) = jvp(f, wrt = {v})({', '.join(names)}, 1.0)\n d }}",
            f"fn s_{v}({params}) -> Float = grad(g_{v}, wrt = {v})({', '.join(names)})",
            f"fn t_{v}({params}) -> Float = grad(j_{v}, wrt = {v})({', '.join(names)})",
            f"fn h_{v}({params}) -> Float = hvp(f, wrt = {v})({', '.join(names)}, 1.0)",
        ]
    for k, v in enumerate(names):
        for kind in "gjsth":
            calls = ", ".join(f"{kind}_{v}({', '.join(map(repr, p))})" for p in points)
            lines.append(f"let {kind}{k} = [{calls}]")
    return "\n".join(lines)


CASES = [(row, form) for row in SMOOTH if row.public or row.name in FORMS for form in forms(row)]


@pytest.mark.parametrize("row, form", CASES, ids=[form for _, form in CASES])
def test_derivatives_through_the_language(row: Row, form: str) -> None:
    n = len(variables(form))
    points = at_points(row, form, n)
    assert len(points) >= 3
    found = run_text(derivative_program(row.name, form, points))
    tree_of = expression(form)

    def value(p: list[float]) -> float:
        got = evaluate(tree_of, dict(zip(ARGUMENTS, p, strict=False)))
        assert isinstance(got, float)
        return got

    for k in range(n):
        for i, p in enumerate(points):
            reverse, forward = found[f"g{k}"][i], found[f"j{k}"][i]
            second = [found[f"{kind}{k}"][i] for kind in "sth"]
            assert math.isclose(reverse, forward, rel_tol=1e-12, abs_tol=1e-15), (form, p)
            assert all(math.isclose(second[0], s, rel_tol=1e-9, abs_tol=1e-12) for s in second), (form, p, second)
            first = slope(value, list(p), k, reverse)
            assert abs(first - reverse) <= 1e-6 * max(1, abs(reverse)), (form, p, k, reverse, first)
            if row.mode == "smooth":
                twice = slope(lambda q: slope(value, q, k, None), list(p), k, second[0], wide=True)  # noqa: B023
                assert abs(twice - second[0]) <= 2e-3 * max(1, abs(second[0])), (form, p, k, second[0], twice)


def slope(f: Callable[[list[float]], float], p: list[float], k: int, near: float | None, wide: bool = False) -> float:
    """The derivative of f in argument k by extrapolated differences: of several widths, what is nearest to `near`."""

    def at(h: float) -> float:
        return (f([*p[:k], p[k] + h, *p[k + 1 :]]) - f([*p[:k], p[k] - h, *p[k + 1 :]])) / (2 * h)

    size = max(1e-2 if wide else 1e-3, abs(p[k]))
    if near is None:
        return (4 * at(1e-3 * size) - at(2e-3 * size)) / 3
    found = [(4 * at(h * size) - at(2 * h * size)) / 3 for h in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)]
    return min(found, key=lambda d: abs(d - near) if d == d else math.inf)


def test_edges_through_the_language() -> None:
    """At ties and kinks both modes give what the row says."""
    lines, wanted = [], []
    for number, (name, at, partials) in enumerate(EDGES):
        row = TABLE[name]
        literal = [repr(v) for v in at]
        form = forms(row)[-1] if name != "^" else (f"x^{at[1]}" if isinstance(at[1], int) else "x^y")
        names = variables(form)
        params = ", ".join(f"{v}: Float" for v in names)
        lines.append(f"fn f{number}({params}) -> Float = {form}")
        for k, v in enumerate(names):
            args = ", ".join(literal[: len(names)])
            lines.append(f"let r{number}_{k} = grad(f{number}, wrt = {v})({args})")
            lines.append(f"let d{number}_{k} = {{ let (y, d) = jvp(f{number}, wrt = {v})({args}, 1.0)\n d }}")
            wanted.append((f"{number}_{k}", name, partials[k]))
    found = run_text("\n".join(lines))
    for key, name, partial in wanted:
        assert found[f"r{key}"] == partial and found[f"d{key}"] == partial, name


ARRAYS = [
    "sum(w * sort(v))",
    "sum(w * cumsum(v^2))",
    "sum(w * cumprod(v))",
    "sum(w * reverse(v^3))",
    "sum(concat(w, v)^2 * concat(v, w))",
    "sum(transpose(reshape(v^2, 2, 3))[0] * w[0..2]) + sum(reshape(w * v, 3, 2)[1])",
    "sum(flatten(reshape(v, 2, 3) * reshape(w, 2, 3)) * v)",
    "sum(reshape(v, 2, 3) @ reshape(v * w, 3, 2))",
    "sum((reshape(v, 2, 3) @ w[0..3]) * v[0..2])",
    "sum(v[0..2] @ reshape(sin(v), 2, 3))",
    "(v @ sin(v)) * dot(v, w)",
    "norm(v) * v[0] + norm(reshape(v * w, 2, 3))",
    "float(float32(1.0) * float32(2.0)) * sum(v^2)",
    "logsumexp(v * w) + mean(v^2) + max(v) * min(v) + prod(v)",
    "outer(v, w)[1, 2] * trace(diag(v^2)) + variance(v) + interp(v, 2.3) + sum(softmax(v) * w)",
]


@pytest.mark.parametrize("form", ARRAYS)
def test_derivatives_of_whole_array_rows(form: str) -> None:
    v = [0.7, -1.3, 2.1, 0.4, -0.6, 1.1]
    w = [0.5, 1.5, -0.8, 0.9, 0.3, -1.2]
    d = [0.3, -0.2, 0.5, 0.1, 0.7, -0.4]
    h = 1e-4
    shifted = {f"p{k}": [a + k * h * b for a, b in zip(v, d, strict=True)] for k in (-2, -1, 1, 2)}
    values = "\n".join(
        f"let {n.replace('-', 'm')} = f({p})\nlet g{n.replace('-', 'm')} = grad(f)({p})" for n, p in shifted.items()
    )
    found = run_text(f"""
let w = {w}
fn f(v: Float[6]) -> Float = {form}
let g = grad(f)({v})
let j = {{ let (r, t) = jvp(f)({v}, {d})
  t }}
let h = hvp(f)({v}, {d})
let m = hessian(f)({v})
{values}
""")
    g, hv = np.array(found["g"]), np.array(found["h"])
    assert math.isclose(float(g @ d), found["j"], rel_tol=1e-12, abs_tol=1e-13)
    numeric = (8 * (found["p1"] - found["pm1"]) - (found["p2"] - found["pm2"])) / (12 * h)
    assert math.isclose(found["j"], numeric, rel_tol=1e-8, abs_tol=1e-8)
    slopes = {k: np.array(found[f"gp{k}"]) for k in ("1", "m1", "2", "m2")}
    second = (8 * (slopes["1"] - slopes["m1"]) - (slopes["2"] - slopes["m2"])) / (12 * h)
    assert np.allclose(hv, second, rtol=1e-7, atol=1e-7)
    assert np.allclose(np.array(found["m"]) @ d, hv, rtol=1e-11, atol=1e-11)
