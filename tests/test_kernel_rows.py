"""Every pure row of the primitive table in kernels: what the table's own expression gives, on edge values as well."""

from __future__ import annotations

import itertools
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dplang.core.build import ZERO, Builder, Names
from dplang.core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    ArrayType,
    At,
    Build,
    Dim,
    Fn,
    Get,
    Loop,
    Param,
    Prim,
    Program,
    Scalar,
)
from dplang.core.verify import verify
from dplang.errors.source import NOWHERE
from dplang.interpret.values import dtype_of
from dplang.kernels.call import Kernels
from dplang.kernels.options import Options
from dplang.kernels.rows import FAULTS
from dplang.primitives import TABLE, Row
from dplang.primitives import runtime as rt
from test_primitives import INTS, SPECIAL, run

TYPES = {"Float": FLOAT, "Float32": FLOAT32, "Int": INT, "Bool": BOOL, "Key": KEY}
CHOICES = {"N": (INT, FLOAT, FLOAT32), "F": (FLOAT, FLOAT32), "T": (INT, FLOAT, FLOAT32, BOOL, KEY)}
VALUES: dict[Scalar, tuple[Any, ...]] = {
    FLOAT: (*SPECIAL, 0.1, 3.7, -2.25, 30.5, 1.0 + 2**-52),
    FLOAT32: tuple(np.float32(x) for x in (0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, 0.3, 7.7, 3e38)),
    INT: INTS,
    BOOL: (False, True),
    KEY: (0, 1, 12345, 2**63 + 7, 2**64 - 1),
}

Signature = tuple[tuple[Scalar, ...], Scalar]


def signatures(row: Row) -> list[Signature]:
    """The scalar types that a row takes and gives."""
    found: list[Signature] = []
    for scheme in row.scheme.split("|"):
        left, result = (side.strip() for side in scheme.split("->"))
        params = left[1:-1].split(", ")
        letters = {p for p in params if p in CHOICES}
        assert len(letters) <= 1
        for chosen in CHOICES[letters.pop()] if letters else (FLOAT,):
            types = [TYPES.get(p, chosen) for p in (*params, result)]
            made = (tuple(types[:-1]), types[-1])
            if made not in found and not any(types[:-1] == [*f[0]] for f in found):
                found.append(made)
    return found


ROWS: dict[tuple[Scalar, ...], list[tuple[Row, Scalar]]] = defaultdict(list)
"""The elementwise rows by the types that they take; Strings stay with the interpreter."""
for _row in TABLE.values():
    if _row.elementwise and not _row.effect and "String" not in _row.scheme:
        for _types, _result in signatures(_row):
            ROWS[_types].append((_row, _result))

EXACT = {"+", "-", "*", "/", "//", "%", "neg", "abs", "min", "max", "relu", "clip", "sign", "sqrt", "not"}
EXACT |= {"==", "!=", "<", "<=", ">", ">=", "isnan", "isfinite", "isinf", "float", "float32", "int"}
EXACT |= {"round", "floor", "ceil", "key", "key_at", "split_left", "split_right"}
EXACT |= {"random.uniform", "random.normal", "random.integers"}


def faulty(row: Row, types: Sequence[Scalar]) -> bool:
    return (row.name in FAULTS and types[0] in (INT, KEY)) or (row.name == "int" and types[0] in (FLOAT, FLOAT32))


def kernel(rows: list[tuple[Row, Scalar]], types: Sequence[Scalar]) -> Any:
    """Rows on the elements of arrays, each an array of results."""
    names = Names()
    b = Builder(names, NOWHERE)
    params = [names.fresh("x", ArrayType(t, (None,))) for t in types]
    n = b.one(Dim(params[0], 0), INT)
    index = names.fresh("i", INT)
    inner = b.nested()
    elems = tuple(inner.one(Get(p, (At(index, True),)), t) for p, t in zip(params, types, strict=True))
    made = [inner.one(Prim(row.name, elems), result) for row, result in rows]
    kinds = tuple(ArrayType(result, (None,)) for _, result in rows)
    results = b.let(Loop(index, ZERO, n, (Build(),) * len(rows), inner.block(*made)), *kinds)
    fn = Fn(
        "rows", "rows", tuple(Param(p, p.name) for p in params), b.block(*results), kinds, ("",) * len(kinds), NOWHERE
    )
    program = Program({"rows": fn}, {}, "rows")
    verify(program)
    kernels = Kernels(program, Options(exact=True))
    made_kernel = kernels.kernel("rows")
    assert made_kernel is not None, kernels.reasons
    return made_kernel


def agree(row: Row, result: Scalar, case: Sequence[Any], found: Any, wanted: Any) -> bool:
    if result in (BOOL, INT, KEY):
        return bool(found == wanted)
    if found != found or wanted != wanted:
        return bool(found != found and wanted != wanted)
    if found == wanted:
        return bool(wanted != 0 or math.copysign(1, found) == math.copysign(1, wanted) or row.name not in EXACT)
    if row.name == "lgamma" and abs(case[0]) < sys.float_info.min:
        return True  # SciPy has no value for the smallest numbers
    if row.name in ("lgamma", "lbeta") and abs(found - wanted) < 1e-15:
        return True  # beside a zero
    if row.name in EXACT or math.isinf(found) or math.isinf(wanted):
        return False
    ulp = float(np.spacing(np.float32(abs(wanted)))) if result == FLOAT32 else math.ulp(wanted)
    return abs(float(found) - float(wanted)) <= 8 * ulp


def check(rows: list[tuple[Row, Scalar]], types: tuple[Scalar, ...], cases: list[tuple[Any, ...]]) -> None:
    arrays = [np.array([c[k] for c in cases], dtype_of(t)) for k, t in enumerate(types)]
    found = kernel(rows, types)(*arrays)
    for (row, result), values in zip(rows, found if len(rows) > 1 else [found], strict=True):
        for case, value in zip(cases, values, strict=True):
            wanted = run(row, types, case)
            assert agree(row, result, case, value, wanted), (row.name, case, value, wanted)


def cases_of(types: tuple[Scalar, ...]) -> list[tuple[Any, ...]]:
    most = 20 if len(types) < 3 else 9
    return list(itertools.product(*(VALUES[t][:most] for t in types)))


def has_value(row: Row, types: tuple[Scalar, ...], case: tuple[Any, ...]) -> bool:
    try:
        run(row, types, case)
    except rt.Trap:
        return False
    return True


@pytest.mark.parametrize("types", ROWS, ids=lambda t: "-".join(s.name for s in t))
def test_rows_of_the_table(types: tuple[Scalar, ...]) -> None:
    cases = cases_of(types)
    if types[0] == INT and types[-1] != INT:  # an order and a number
        cases = [c for c in cases if 0 <= c[0] < 8 and not c[1] < -10]
    total = [(row, result) for row, result in ROWS[types] if not faulty(row, types)]
    if total:
        check(total, types, cases)
    for row, result in ROWS[types]:
        if faulty(row, types):
            check([(row, result)], types, [c for c in cases if has_value(row, types, c)])


WHOLE = [
    row
    for row in TABLE.values()
    if not row.elementwise and not row.effect and row.typing != "ranked" and "String" not in row.scheme
]


def test_rows_on_whole_arrays_have_kernel_text() -> None:
    """Their values are compared where programs use them."""
    from dplang.core.ir import Var
    from dplang.kernels.rows import expression

    for row in WHOLE:
        for scheme in row.scheme.split("|") if row.scheme else ["(A[n]) -> A[n]"]:
            left = scheme.split("->")[0].strip()[1:-1].replace("[n, k]", "[,]").replace("[k, m]", "[,]")
            ranks = [2 if "," in p or "n, m" in p else 1 for p in left.split("], ")]
            for elem in (FLOAT, FLOAT32, INT):
                if elem == INT and "F" in left:
                    continue
                args = tuple(Var(f"x{k}", ArrayType(elem, (None,) * r)) for k, r in enumerate(ranks))
                assert expression(Prim(row.name, args), ArrayType(elem, (None,))) is not None, (row.name, elem)
