"""Indices that loops, branches and checks keep within their arrays are not checked again; all others are."""

from __future__ import annotations

from time import process_time

import pytest

from dplang.core.ir import At, Get, Slice, Update
from dplang.core.rewrite import lets_of
from dplang.pipeline import compile
from dplang.stack import deep
from running import entered, run
from test_kernels import agree

PROVED = {
    "ends left out": "[if i == 0 or i == n - 1 { x[i] } else { x[i - 1] + x[i + 1] } for i in 0..n]",
    "a strict bound": "[if i > 0 and i + 1 < n { x[i - 1] * x[i + 1] } else { 0.0 } for i in 0..n]",
    "a row of a flat array": "[sum([flatten(m)[i * k + j] for j in 0..k]) for i in 0..l]",
    "backwards": "[x[n - 1 - i] for i in 0..n]",
    "a triangle": "[sum([x[i - j] for j in 0..i + 1]) for i in 0..n]",
    "a slice": "[sum(x[i..n]) for i in 0..n]",
}

CHECKED = {
    "one too far": "[if i > 0 { x[i + 1] } else { 0.0 } for i in 0..n]",
    "the wrong end": "[if i != n - 1 { x[i - 1] } else { 0.0 } for i in 0..n]",
    "another size": "[x[i] for i in 0..k]",
    "a sum that may wrap": "[if a + b < n { x[a + b] } else { 0.0 } for i in 0..n]",
}


def program(body: str) -> str:
    return f"fn f(x: Float[n], m: Float[l, k], a: Int, b: Int) -> Float[?] = {body}\n"


def unproved(body: str) -> int:
    """How many indices of `x` and `m` are still checked."""

    def count() -> int:
        session, _ = entered(program(body))
        name = next(fn.name for fn in session.lowering.program.fns.values() if fn.label == "f")
        fns = compile(session.lowering.program, name, "bounds", kernels=True).fns
        accesses = [let.value for let in lets_of(fns[name].body) if isinstance(let.value, Get | Update)]
        return sum(isinstance(s, At | Slice) and not s.proved for access in accesses for s in access.path)

    return deep(count)


@pytest.mark.parametrize("name", sorted(PROVED))
def test_proved(name: str) -> None:
    assert unproved(PROVED[name]) == 0


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_checked(name: str) -> None:
    assert unproved(CHECKED[name]) > 0


def test_a_second_access_needs_no_check() -> None:
    assert unproved("[x[a] + x[a] * x[a] for i in 0..n]") == 1


def test_many_facts_are_not_combined_for_long() -> None:
    terms = [f"x[(i + {k}) % n] * x[min(i + {k}, n - 1)] * m[(i * 2 + {k}) % l, max(i - {k}, 0)]" for k in range(12)]
    start = process_time()
    assert unproved(f"[{' + '.join(terms)} for i in 0..n]") > 0
    assert process_time() - start < 5.0


def test_what_was_proved_is_right() -> None:
    calls = "".join(
        program(body).replace("fn f(", f"fn f{i}(") + f"print(f{i}([1.0, 2.0, 4.0], [[1.0, 2.0]; 3], 1, 1))\n"
        for i, body in enumerate(PROVED.values())
    ).replace("[[1.0, 2.0]; 3]", "[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]")
    agree(calls, 0.0)


def test_a_sum_that_wraps_faults() -> None:
    text = program(CHECKED["a sum that may wrap"]) + "print(f([1.0], [[1.0]], 2^62, 2^62))\n"
    assert [d.code for d in run(text).errors] == ["E0601"]
    assert agree(text).fault.startswith("E0601")
