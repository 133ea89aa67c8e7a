"""Loops on whole arrays where the order of turns decides: they give what turns one by one give, bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from core_programs import INTS, MATRIX, ROW, Plain, Writer, function, program
from dplang.core.build import literal
from dplang.core.ir import BOOL, FLOAT, INT, Call, Check, Dim, Make, Operand, Var
from dplang.core.verify import verify
from dplang.errors import Fault
from dplang.interpret import plan
from dplang.interpret.evaluate import Interpreter

N = 20

# sums of such numbers depend on the order in which they are added
UNEVEN = np.resize([1e16, 1.0, -1e16, 3.0, 0.1, 1e-3, -7.0], N)
SQUARE = np.resize(UNEVEN[:7], (N, N))
PLACES = np.resize([3, 3, 5, 0, 3, 19], N)

Body = Callable[..., tuple[Operand, ...]]


def at(c: Writer, i: Operand, offset: int) -> Operand:
    return c.prim("+", INT, i, literal(offset)) if offset else i


def back(c: Writer, i: Operand, offset: int) -> Operand:
    return c.prim("-", INT, literal(N - 2 + offset), i)


def adds(*places: Callable[[Writer, Var], Operand]) -> Body:
    """Additions of elements of `a` to several places in each turn."""

    def body(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
        for k, place in enumerate(places):
            v = c.prim("*", FLOAT, c.get(Var("a", ROW), i), literal(1.0 + k))
            p = c.update("add", p, [place(c, i)], v)
        return (p,)

    return body


def write_from(kind: str, offset: int) -> Body:
    def body(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
        seen = c.get(p, at(c, i, offset))
        return (c.update(kind, p, [i], c.prim("+", FLOAT, seen, c.get(Var("a", ROW), i))),)

    return body


def write_twice(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
    p = c.update("set", p, [i], literal(2.0))
    return (c.update("add", p, [i], c.get(Var("a", ROW), i)),)


def write_and_read(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
    q = c.update("set", p, [i], c.get(Var("a", ROW), i))
    return (c.update("set", q, [i], c.prim("*", FLOAT, c.get(q, i), literal(2.0))),)


def columns(c: Writer, body: Callable[[Writer, Var, Var], Var], p: Var) -> Var:
    return c.loop(literal(0), literal(N), [p], lambda d, j, q: (body(d, j, q),), p.type)[0]


def two_inner(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
    """Two inner loops, and the turn itself between them, add to the same elements."""
    m, a = Var("m", MATRIX), Var("a", ROW)
    p = columns(c, lambda d, j, q: d.update("add", q, [j], d.get(m, i, j)), p)
    p = c.update("add", p, [literal(3)], c.get(a, i))
    p = columns(c, lambda d, j, q: d.update("add", q, [d.get(Var("k", INTS), j)], d.get(m, j, i)), p)
    return (c.update("add", p, [literal(3)], c.get(a, i)),)


def deep(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
    """Additions of an inner loop and of a loop inside it take turns."""

    def middle(d: Writer, j: Var, q: Var) -> Var:
        q = d.update("add", q, [literal(0)], d.get(Var("m", MATRIX), i, j))

        def inner(e: Writer, k: Var, r: Var) -> tuple[Operand, ...]:
            return (e.update("add", r, [literal(0)], e.get(Var("a", ROW), k)),)

        (q,) = d.loop(literal(0), literal(3), [q], inner, ROW)
        return q

    return (columns(c, middle, p),)


def numbers(c: Writer, i: Var, s: Var) -> tuple[Operand, ...]:
    """A number that the turn and an inner loop add to."""
    s = c.prim("-", FLOAT, s, c.get(Var("a", ROW), i))
    s = columns(c, lambda d, j, q: d.prim("+", FLOAT, q, d.get(Var("m", MATRIX), j, i)), s)
    return (c.prim("+", FLOAT, c.get(Var("a", ROW), i), s),)


def transposed(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
    m = Var("m", MATRIX)
    half = [literal(0), literal(N // 2)]

    def inner(d: Writer, j: Var, q: Var) -> tuple[Operand, ...]:
        v = d.prim("-", FLOAT, d.get(m, j, i), d.get(m, i, d.prim("+", INT, j, literal(1))))
        return (d.update("add", q, [j, i], v),)

    return c.loop(half[0], half[1], [p], inner, MATRIX)


def diagonal(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
    return (c.update("set", p, [i, i], c.get(Var("m", MATRIX), i, i)),)


def whole_rows(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
    row = c.get(Var("m", MATRIX), c.get(Var("k", INTS), i))
    return (c.update("add", p, [c.get(Var("k", INTS), i)], row),)


CARRIED: dict[str, tuple[str, Body, bool]] = {
    # account, body, whether it runs on whole arrays
    "next before this": ("p", adds(lambda c, i: at(c, i, 1), lambda c, i: i), True),
    "this before next": ("p", adds(lambda c, i: i, lambda c, i: at(c, i, 1), lambda c, i: at(c, i, -1)), True),
    "from the end": ("p", adds(lambda c, i: back(c, i, 0), lambda c, i: back(c, i, 1)), True),
    "from the end, the other first": ("p", adds(lambda c, i: back(c, i, 1), lambda c, i: back(c, i, 0)), True),
    "from both ends": ("p", adds(lambda c, i: i, lambda c, i: back(c, i, 0)), True),
    "histogram": ("p", adds(lambda c, i: c.get(Var("k", INTS), i), lambda c, i: i), True),
    "one element": ("p", adds(lambda c, i: literal(4)), True),
    "write of what is there": ("p", write_from("set", 0), True),
    "write of what was written": ("p", write_from("set", -1), False),
    "write of what will be written": ("p", write_from("set", 1), False),
    "addition of what was added": ("p", write_from("add", -1), False),
    "write, then addition": ("p", write_twice, False),
    "write, then read": ("p", write_and_read, False),
    "two inner loops": ("p", two_inner, True),
    "loops in loops": ("p", deep, False),
    "a number": ("s", numbers, True),
    "transposed": ("q", transposed, True),
    "diagonal": ("q", diagonal, False),
    "rows that meet": ("q", whole_rows, True),
}
PARAMS = (("a", ROW), ("m", MATRIX), ("k", INTS), ("p", ROW), ("q", MATRIX), ("s", FLOAT))


def arguments() -> list[Any]:
    return [UNEVEN, SQUARE, PLACES, UNEVEN[::-1].copy(), SQUARE.T.copy(), 0.25]


def check(write: Callable[..., tuple[Operand, ...]], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], bool]:
    """The results, and whether the outermost loop ran on whole arrays."""
    p = program(function("main", PARAMS, write))
    verify(p)
    ran: list[bool] = []
    run = plan.Plan.run

    def noted(self: plan.Plan, f: Any, low: int, n: int) -> Any:
        result = run(self, f, low, n)
        ran.append(result is not None)
        return result

    monkeypatch.setattr(plan.Plan, "run", noted)
    found = Interpreter(p).call("main", arguments())
    wanted = Plain(p, 10**6).call("main", arguments())
    for x, y in zip(found, wanted, strict=True):
        assert np.array_equal(x, y)
    return list(found), bool(ran and ran[0])


@pytest.mark.parametrize("name", CARRIED)
def test_carried_values(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    account, body, vector = CARRIED[name]

    def write(b: Writer, *params: Var) -> tuple[Operand, ...]:
        start = next(v for v in params if v.name == account)
        return b.loop(literal(1), literal(N - 1), [start], body, start.type)

    _, ran = check(write, monkeypatch)
    # loops inside one that does not may well run on whole arrays
    assert ran == vector or body is deep


def builder(body: Body, first: str = "build", t: Any = ROW) -> Callable[..., tuple[Operand, ...]]:
    return lambda b, *params: b.loop(literal(1), literal(N - 1), [first], body, t)


def guarded(c: Writer, i: Var) -> tuple[Operand, ...]:
    """An element before the first and a check that does not hold: not on the side that is meant."""
    a = Var("a", ROW)

    def then(d: Any) -> tuple[Operand, ...]:
        before = d.prim("-", INT, i, literal(5))
        d.effect(Check(d.prim("<=", BOOL, literal(0), before), "E0614", (before,)))
        return (d.get(a, before),)

    def orelse(d: Any) -> tuple[Operand, ...]:
        return (d.loop(literal(0), literal(3), ["+"], lambda e, j: (e.get(a, e.prim("+", INT, i, j)),), FLOAT)[0],)

    return c.branch(c.prim("<=", BOOL, literal(5), i), then, orelse, FLOAT)


def switched(c: Writer, i: Var) -> tuple[Operand, ...]:
    """A branch on what is the same in all turns."""
    m = Var("m", MATRIX)
    cond = c.prim("<", BOOL, Var("s", FLOAT), literal(1.0))
    row = c.branch(cond, lambda d: (d.get(m, i),), lambda d: (d.get(m, literal(0)),), ROW)[0]
    v = c.branch(cond, lambda d: (literal(1.0),), lambda d: (d.get(row, i),), FLOAT)[0]
    return (c.loop(literal(0), literal(N), ["+"], lambda d, j: (d.prim("*", FLOAT, v, d.get(row, j)),), FLOAT)[0],)


def local(c: Writer, i: Var) -> tuple[Operand, ...]:
    """Small arrays of each turn."""
    a = Var("a", ROW)
    pair = c.one(Make((c.get(a, i), literal(2.0), c.prim("float", FLOAT, i))), ROW)
    doubled = c.loop(literal(0), c.one(Dim(pair, 0), INT), ["build"], lambda d, j: (d.get(pair, j),), ROW)[0]
    return (c.get(doubled, c.prim("%", INT, i, literal(3))),)


def matrix(c: Writer, i: Var) -> tuple[Operand, ...]:
    m = Var("m", MATRIX)

    def element(d: Writer, j: Var) -> tuple[Operand, ...]:
        def term(e: Writer, k: Var) -> tuple[Operand, ...]:
            return (e.prim("*", FLOAT, e.get(m, i, k), e.get(m, k, j)),)

        return d.loop(literal(0), literal(N), ["+"], term, FLOAT)

    return c.loop(literal(0), literal(5), ["build"], element, ROW)


BUILT: dict[str, Callable[..., tuple[Operand, ...]]] = {
    "guarded": builder(guarded),
    "switched": builder(switched),
    "small arrays": builder(local),
    "matrix product": builder(matrix, "build", MATRIX),
    "an element itself": builder(lambda c, i: (c.get(Var("a", ROW), i),)),
    "nothing but the index": builder(lambda c, i: (c.prim("float", FLOAT, i),), "+", FLOAT),
    "nothing but a constant": builder(lambda c, i: (literal(0.1),), "+", FLOAT),
    "rows": builder(lambda c, i: (c.get(Var("m", MATRIX), c.get(Var("k", INTS), i)),), "build", MATRIX),
    "sums of rows": builder(
        lambda c, i: c.loop(literal(0), literal(N), ["+"], lambda d, j: (d.get(Var("m", MATRIX), j, i),), FLOAT),
    ),
}


@pytest.mark.parametrize("name", BUILT)
def test_builders_and_reductions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(BUILT[name], monkeypatch)[1]


def test_calls_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def square(b: Writer, x: Var) -> tuple[Operand, ...]:
        return (b.prim("*", FLOAT, x, x),)

    def main(b: Writer, a: Var) -> tuple[Operand, ...]:
        body: Body = lambda c, i: (c.one(Call("square", (c.get(a, i),)), FLOAT),)  # noqa: E731
        return b.loop(literal(0), literal(N), ["build"], body, ROW)

    p = program(function("square", [("x", FLOAT)], square), function("main", [("a", ROW)], main))
    fits: list[Any] = []
    monkeypatch.setattr(plan.Plan, "run", lambda self, f, low, n, run=plan.Plan.run: fits.append(run(self, f, low, n)))
    assert np.array_equal(Interpreter(p).call("main", [UNEVEN])[0], UNEVEN * UNEVEN)
    assert fits[0] is not None


def test_what_is_not_on_the_side_that_is_meant_still_faults_on_the_other() -> None:
    def body(c: Writer, i: Var) -> tuple[Operand, ...]:
        def then(d: Any) -> tuple[Operand, ...]:
            return (d.get(Var("a", ROW), d.prim("-", INT, i, literal(5))),)

        return c.branch(c.prim("<=", BOOL, literal(4), i), then, lambda d: (literal(0.0),), FLOAT)

    p = program(function("main", PARAMS, builder(body)))
    with pytest.raises(Fault) as caught:
        Interpreter(p).call("main", arguments())
    assert caught.value.diagnostics[0].index == -1  # type: ignore[attr-defined]


def test_a_check_on_the_side_that_is_meant_faults() -> None:
    def body(c: Writer, i: Var) -> tuple[Operand, ...]:
        def then(d: Any) -> tuple[Operand, ...]:
            d.effect(Check(d.prim("<", BOOL, i, literal(15)), "E0614", (i,)))
            return (d.get(Var("a", ROW), i),)

        return c.branch(c.prim("<=", BOOL, literal(4), i), then, lambda d: (literal(0.0),), FLOAT)

    p = program(function("main", PARAMS, builder(body)))
    with pytest.raises(Fault) as caught:
        Interpreter(p).call("main", arguments())
    assert caught.value.diagnostics[0].size == 15  # type: ignore[attr-defined]


def test_a_read_after_the_write_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def body(c: Writer, i: Var, p: Var) -> tuple[Operand, ...]:
        p = c.update("set", p, [i], c.prim("+", FLOAT, c.get(Var("a", ROW), i), literal(1.0)))
        return p, c.get(p, i)

    def write(b: Writer, *params: Var) -> tuple[Operand, ...]:
        return b.loop(literal(1), literal(N), [params[3], "build"], body, ROW, ROW)

    assert not check(write, monkeypatch)[1]


def test_results_are_nobody_elses() -> None:
    given: Sequence[Any] = arguments()
    p = program(function("main", PARAMS, BUILT["an element itself"]))
    (found,) = Interpreter(p).call("main", given)
    found[0] = 99.0
    assert not (given[0] == 99.0).any()
