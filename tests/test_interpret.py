"""The interpreter against a plain evaluator, and what it promises about copies, depth, limits and faults."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from core_programs import (
    INTS,
    MATRIX,
    ROW,
    TREE,
    TREES,
    Failure,
    Generator,
    LaneGenerator,
    Plain,
    Writer,
    arguments,
    function,
    program,
)
from dplang.core.build import literal
from dplang.core.ir import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    KEY,
    STRING,
    Arm,
    ArrayType,
    At,
    Call,
    Carry,
    Dim,
    EnumDecl,
    EnumType,
    Fill,
    Get,
    Group,
    Io,
    Leaf,
    Lit,
    Make,
    Match,
    Operand,
    Part,
    Prim,
    Program,
    Slice,
    Update,
    Var,
    Variant,
    VariantDecl,
    While,
)
from dplang.core.verify import verify
from dplang.errors import Fault
from dplang.interpret import plan
from dplang.interpret.evaluate import Interpreter, Limit
from dplang.interpret.format import text
from dplang.interpret.values import equal

# ---- random programs

WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "turn by turn": {"vectorise": False},
    "copying": {"copy_always": True},
    "counting": {"count": True},
    "limited": {"limit": Limit(work=10**12)},
}


def outcome(run: Callable[[], Any]) -> tuple[Any, ...]:
    """The value, or the code and place of the fault."""
    try:
        return ("value", *run())
    except Fault as fault:
        found = fault.diagnostics[0]
        return (found.code, found.span.start if found.code != "E0606" else -1)
    except Failure as failure:
        return failure.args


def same(a: Any, b: Any) -> bool:
    """Equal bit by bit, but for what kind of NaN it is."""
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        alike = a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        return alike and np.array_equal(np.signbit(a) & (a == a), np.signbit(b) & (b == b))
    if isinstance(a, float):
        return isinstance(b, float) and ((a != a and b != b) or (a == b and np.signbit(a) == np.signbit(b)))
    return type(a) is type(b) and a == b


def compare(seed: int, kind: type[Generator] = Generator) -> None:
    generated = kind(seed).program()
    verify(generated)
    args = arguments(seed)
    kept = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        with np.errstate(all="ignore"):
            wanted = outcome(lambda: Plain(generated).call("main", args))
    except TimeoutError:
        return
    for name, options in WAYS.items():
        found = outcome(lambda options=options: Interpreter(generated, **options).call("main", args))  # type: ignore[misc]
        assert same(found, wanted), f"seed {seed}, {name}: {found} where {wanted} is meant"
        assert same(tuple(args), tuple(kept)), f"seed {seed}, {name}: an argument was written to"


@pytest.mark.parametrize("block", range(4))
def test_random_programs(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        compare(seed)


@pytest.mark.parametrize("block", range(4))
def test_random_programs_on_whole_arrays_at_every_size(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SHORTEST", 4)
    for seed in range(100 + 10 * block, 110 + 10 * block):
        compare(seed)


@pytest.mark.parametrize("block", range(4))
def test_random_loops_on_whole_arrays(block: int) -> None:
    for seed in range(50 * block, 50 * block + 50):
        compare(seed, LaneGenerator)


def test_random_programs_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "PIECE", 7)
    monkeypatch.setattr("dplang.interpret.lanes.LARGEST", 100)
    for seed in range(200, 215):
        compare(seed)
        compare(seed, LaneGenerator)


@pytest.mark.long
@pytest.mark.parametrize("block", range(40))
def test_many_random_programs(block: int) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        compare(seed)
        compare(seed, LaneGenerator)


# ---- helpers


def run(p: Program, *args: Any, **options: Any) -> Any:
    verify(p)
    results = Interpreter(p, **options).call(p.entry, args)
    return results[0] if len(results) == 1 else results


def touched(p: Program, *args: Any) -> int:
    interpreter = Interpreter(p, count=True)
    interpreter.call(p.entry, args)
    return interpreter.touched


def fault(p: Program, *args: Any, **options: Any) -> Any:
    with pytest.raises(Fault) as caught:
        run(p, *args, **options)
    return caught.value.diagnostics[0]


def one(write: Callable[..., Operand], *params: Any) -> Program:
    types = [(f"x{i}", t) for i, t in enumerate(params)]
    return program(function("main", types, lambda b, *xs: (write(b, *xs),)))


# ---- ownership


def sweep(b: Writer, x: Operand, n: Operand) -> Var:
    """Halves each element and adds the one before: a recurrence, so it runs turn by turn."""

    def body(c: Writer, i: Var, y: Var) -> tuple[Operand, ...]:
        before = c.get(y, c.prim("-", INT, i, literal(1)))
        value = c.prim("+", FLOAT, c.prim("*", FLOAT, before, literal(0.5)), c.get(y, i))
        return (c.update("set", y, [i], value),)

    return b.loop(literal(1), n, [x], body, ROW)[0]


def test_writing_elements_copies_nothing() -> None:
    p = one(lambda b, n: sweep(b, b.one(Fill((n,), literal(1.0)), ROW), n), INT)
    small, large = touched(p, 100), touched(p, 1000)
    assert large < 11 * small


def test_arguments_are_copied_once() -> None:
    p = one(lambda b, x, n: sweep(b, x, n), ROW, INT)
    given = np.ones(1000)
    assert touched(p, given, 1000) < 12_000
    assert (given == 1.0).all()


def test_a_view_keeps_what_it_saw() -> None:
    def write(b: Writer, n: Var) -> Operand:
        m = b.one(Fill((n, n), literal(1.0)), MATRIX)
        row = b.get(m, literal(0))
        changed = b.update("set", m, [literal(0), literal(1)], literal(5.0))
        return b.prim("+", FLOAT, b.get(row, literal(1)), b.get(changed, literal(0), literal(1)))

    assert run(one(write, INT), 3) == 6.0


def test_a_view_that_is_gone_costs_nothing() -> None:
    """A row is read and dropped in each turn before its matrix is written to."""

    def write(b: Writer, n: Var) -> Operand:
        def body(c: Writer, i: Var, m: Var) -> tuple[Operand, ...]:
            row = c.get(m, i)
            value = c.prim("+", FLOAT, c.get(row, literal(0)), c.get(row, literal(1)))
            return (c.update("set", m, [i, literal(0)], c.prim("*", FLOAT, value, value)),)

        m = b.one(Fill((n, n), literal(1.0)), MATRIX)
        return b.loop(literal(0), n, [m], body, MATRIX)[0]

    p = one(write, INT)
    assert touched(p, 100) < 12_000
    assert run(p, 3).tolist() == [[4.0, 1.0, 1.0]] * 3


def test_a_row_read_on_one_side_of_a_branch_is_dropped_on_the_other() -> None:
    def write(b: Writer, n: Var) -> Operand:
        def body(c: Writer, i: Var, m: Var) -> tuple[Operand, ...]:
            row = c.get(m, i)
            first = c.prim("<", BOOL, i, literal(1))
            (v,) = c.branch(first, lambda d: (d.get(row, literal(0)),), lambda d: (literal(2.0),), FLOAT)  # type: ignore[attr-defined]
            return (c.update("set", m, [i, i], v),)

        m = b.one(Fill((n, n), literal(1.0)), MATRIX)
        return b.loop(literal(0), n, [m], body, MATRIX)[0]

    assert touched(one(write, INT), 100) < 12_000


def test_calls_and_branches_hand_arrays_on() -> None:
    """A recursive function that writes to its parameter in one branch copies nothing."""

    def fill(b: Writer, x: Var, i: Var) -> tuple[Operand, ...]:
        def more(c: Any) -> tuple[Operand, ...]:
            y = c.update("set", x, [i], literal(2.0))
            return (c.one(Call("fill", (y, c.prim("-", INT, i, literal(1)))), ROW),)

        return b.branch(b.prim("<", BOOL, i, literal(0)), lambda c: (x,), more, ROW)

    def main(b: Writer, n: Var) -> tuple[Operand, ...]:
        x = b.one(Fill((n,), literal(1.0)), ROW)
        return (b.one(Call("fill", (x, b.prim("-", INT, n, literal(1)))), ROW),)

    p = program(function("fill", [("x", ROW), ("i", INT)], fill), function("main", [("n", INT)], main))
    assert run(p, 50).tolist() == [2.0] * 50
    assert touched(p, 1000) < 8000


def test_payloads_are_written_in_place() -> None:
    def write(b: Writer, n: Var) -> Operand:
        def body(c: Writer, i: Var, t: Var) -> tuple[Operand, ...]:
            place = (Part(2, 0), At(i))
            return (c.one(Update("add", t, place, literal(1.0)), TREE),)

        bag = b.one(Variant("Tree", 2, (b.one(Fill((n,), literal(1.0)), ROW),)), TREE)
        (t,) = b.loop(literal(0), n, [bag], body, TREE)
        return b.one(Get(t, (Part(2, 0),)), ROW)

    p = one(write, INT)
    assert run(p, 3).tolist() == [2.0] * 3
    assert touched(p, 1000) < 8000


def test_an_arm_owns_what_the_value_held() -> None:
    def write(b: Writer, n: Var) -> Operand:
        def body(c: Writer, i: Var, t: Var) -> tuple[Operand, ...]:
            arms = []
            for variant in TREES.variants:
                inner = c.nested()
                params = tuple(b.names.fresh("q", f) for f in variant.fields)
                if variant.name == "Bag":
                    changed = inner.update("add", params[0], [i], literal(1.0))
                    result = inner.one(Variant("Tree", 2, (changed,)), TREE)
                else:
                    result = inner.one(Variant("Tree", 0, (literal(0.0),)), TREE)
                arms.append(Arm(params, inner.block(result)))
            return (c.one(Match(t, tuple(arms)), TREE),)

        bag = b.one(Variant("Tree", 2, (b.one(Fill((n,), literal(1.0)), ROW),)), TREE)
        (t,) = b.loop(literal(0), n, [bag], body, TREE)
        return b.one(Get(t, (Part(2, 0),)), ROW)

    p = one(write, INT)
    assert run(p, 3).tolist() == [2.0] * 3
    assert touched(p, 1000) < 12_000


def test_push_is_cheap_and_shares_nothing() -> None:
    def write(b: Writer, n: Var) -> tuple[Operand, ...]:
        def body(c: Writer, i: Var, x: Var) -> tuple[Operand, ...]:
            return (c.one(Update("push", x, (), c.prim("float", FLOAT, i)), ROW),)

        (x,) = b.loop(literal(0), n, [b.one(Fill((literal(0),), literal(0.0)), ROW)], body, ROW)
        left = b.one(Update("push", x, (), literal(-1.0)), ROW)
        right = b.one(Update("push", x, (), literal(-2.0)), ROW)
        part = b.one(Update("push", b.one(Get(x, (Slice(literal(1), literal(3)),)), ROW), (), literal(-3.0)), ROW)
        return x, left, right, part

    p = program(function("main", [("n", INT)], write))
    x, left, right, part = run(p, 5)
    assert [a.tolist() for a in (x, left, right, part)] == [
        [0.0, 1.0, 2.0, 3.0, 4.0],
        [0.0, 1.0, 2.0, 3.0, 4.0, -1.0],
        [0.0, 1.0, 2.0, 3.0, 4.0, -2.0],
        [1.0, 2.0, -3.0],
    ]
    assert touched(p, 10_000) < 100_000


def test_results_do_not_change_when_they_are_given_back() -> None:
    p = one(lambda b, x: b.update("set", x, [literal(0)], literal(9.0)), ROW)
    interpreter = Interpreter(p)
    first = interpreter.call("main", [np.zeros(2)])[0]
    second = interpreter.call("main", [first])[0]
    assert first is not second
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    assert interpreter.call("main", [frozen])[0].tolist() == [9.0, 0.0]
    assert interpreter.call("main", [np.frombuffer(bytearray(16))])[0].tolist() == [9.0, 0.0]


# ---- depth and limits


def test_recursion_is_deep() -> None:
    def down(b: Writer, n: Var) -> tuple[Operand, ...]:
        def more(c: Any) -> tuple[Operand, ...]:
            rest = c.one(Call("down", (c.prim("-", INT, n, literal(1)),)), INT)
            return (c.prim("+", INT, rest, literal(1)),)

        return b.branch(b.prim("<", BOOL, n, literal(1)), lambda c: (n,), more, INT)

    p = program(function("down", [("n", INT)], down))
    assert run(p, 50_000) == 50_000
    deep = fault(p, 10**7)
    assert (deep.code, deep.function) == ("E0610", "down")


def test_deep_enum_values_are_compared_and_written() -> None:
    chain: tuple[Any, ...] = (0, 1.0)
    other: tuple[Any, ...] = (0, 1.0)
    for k in range(20_000):
        chain, other = (1, chain, (0, 2.0), k), (1, other, (0, 2.0), k)
    compared = one(lambda b, x, y: b.prim("==", BOOL, x, y), TREE, TREE)
    assert run(compared, chain, other) is True
    assert run(compared, chain, other[1]) is False
    assert equal((2, np.ones(2)), (2, np.ones(2)))
    assert not equal((2, np.ones(2)), (2, np.ones(3)))


def endless(b: Writer) -> Operand:
    index, count = b.names.fresh("i", INT), b.names.fresh("c", INT)
    cond, body = b.nested(), b.nested()
    always = cond.prim("<=", BOOL, literal(0), count)
    more = body.prim("%", INT, body.prim("+", INT, count, literal(1)), literal(7))
    return b.let(While(index, (Carry(count, literal(0)),), cond.block(always), body.block(more)), INT, INT)[0]


def test_a_limit_of_work_ends_an_endless_loop() -> None:
    found = fault(one(endless), limit=Limit(work=10_000))
    assert (found.code, found.limit) == ("E0612", 10_000)


def test_an_endless_loop_without_a_scalar_ends_too() -> None:
    def write(b: Writer) -> Operand:
        index = b.names.fresh("i", INT)
        return b.let(While(index, (), b.nested().block(Lit(True, BOOL)), b.nested().block()), INT)[0]

    assert fault(one(write), limit=Limit(work=10_000)).code == "E0612"


def test_impossible_arrays_are_faults() -> None:
    p = one(lambda b, n: b.one(Fill((n, n), literal(0.0)), MATRIX), INT)
    assert fault(p, 10**6).code == "E0611"
    assert fault(p, 10**12).code == "E0611"
    assert fault(p, -1).code == "E0614"
    assert fault(p, 1000, limit=Limit(memory=10**6)).code == "E0611"
    assert run(p, 10, limit=Limit(memory=10**6)).shape == (10, 10)


# ---- faults


def test_faults_tell_what_happened() -> None:
    row = one(lambda b, x, i: b.get(x, i), ROW, INT)
    assert (fault(row, np.zeros(3), 3).index, fault(row, np.zeros(3), 3).size) == (3, 3)
    assert fault(row, np.zeros(3), -1).index == -1
    matrix = one(lambda b, x, i: b.get(x, literal(0), i), MATRIX, INT)
    assert fault(matrix, np.zeros((1, 2)), 2).axis == 1
    part = one(lambda b, x, i, j: b.one(Get(x, (Slice(i, j),)), ROW), ROW, INT, INT)
    assert fault(part, np.zeros(3), 2, 4).code == "E0602"
    assert fault(part, np.zeros(3), 2, 1).code == "E0603"
    assert fault(one(lambda b, x: b.prim("//", INT, x, literal(0)), INT), 1).operator == "//"
    assert fault(one(lambda b, x: b.prim("^", INT, literal(2), x), INT), -1).exponent == -1
    assert fault(one(lambda b, x: b.prim("int", INT, x), FLOAT), float("nan")).code == "E0609"


def test_the_first_fault_counts() -> None:
    """Operands are nested into what reads them, but fault in the order in which they are written."""

    def write(b: Writer, x: Var, i: Var) -> Operand:
        late = b.get(x, i)
        early = b.prim("//", INT, literal(1), i)
        return b.prim("+", FLOAT, b.prim("float", FLOAT, early), late)

    assert fault(one(write, ROW, INT), np.zeros(0), 0).code == "E0601"


def test_whole_arrays_fault_as_turns_do() -> None:
    def write(b: Writer, x: Var, j: Var) -> Operand:
        def body(c: Writer, i: Var) -> tuple[Operand, ...]:
            v = c.get(x, c.get(j, i))
            return (c.prim("*", FLOAT, v, v),)

        return b.loop(literal(0), literal(40), ["build"], body, ROW)[0]

    j = np.arange(40)
    j[7] = 50
    assert fault(one(write, ROW, INTS), np.zeros(40), j).index == 50


# ---- values


def test_ints_wrap() -> None:
    p = one(lambda b, x: b.prim("*", INT, b.prim("+", INT, x, literal(1)), literal(3)), INT)
    assert run(p, 2**63 - 1) == -(2**63) * 3 % 2**64 - 2**64 * (-(2**63) * 3 % 2**64 >= 2**63)


def test_rows_of_enums_and_strings() -> None:
    trees = ArrayType(TREE, (None,))

    def write(b: Writer) -> tuple[Operand, ...]:
        leaf = b.one(Variant("Tree", 0, (literal(2.0),)), TREE)
        row = b.one(Make((leaf, leaf)), trees)
        (built,) = b.loop(literal(0), literal(3), ["build"], lambda c, i: (leaf,), trees)
        words = b.one(Fill((literal(2),), literal("ab")), ArrayType(STRING, (None,)))
        return b.update("set", row, [literal(1)], b.get(built, literal(0))), built, words

    row, built, words = run(program(function("main", [], write)))
    assert row.tolist() == [(0, 2.0)] * 2
    assert built.tolist() == [(0, 2.0)] * 3
    assert words.tolist() == ["ab", "ab"]


def test_rows_of_no_turns_have_sizes() -> None:
    def write(b: Writer, x: Var, n: Var) -> tuple[Operand, ...]:
        def fresh(c: Writer, i: Var) -> tuple[Operand, ...]:
            size = c.prim("+", INT, n, literal(2))
            return (c.loop(literal(1), size, ["build"], lambda d, j: (d.get(x, j),), ROW)[0],)

        def rows(c: Writer, i: Var) -> tuple[Operand, ...]:
            return (c.update("set", x, [i], literal(1.0)),)

        (first,) = b.loop(literal(0), literal(0), ["build"], fresh, MATRIX)
        (second,) = b.loop(literal(0), literal(0), ["build"], rows, MATRIX)
        return b.one(Dim(first, 1), INT), b.one(Dim(second, 1), INT)

    p = program(function("main", [("x", ROW), ("n", INT)], write))
    assert run(p, np.zeros(5), 3) == (4, 5)


def test_match_binds_payloads() -> None:
    def total(b: Writer, t: Var) -> tuple[Operand, ...]:
        arms = []
        for k, variant in enumerate(TREES.variants):
            inner = b.nested()
            params = tuple(b.names.fresh("q", f) for f in variant.fields)
            if k == 0:
                result: Operand = params[0]
            elif k == 1:
                left, right = (inner.one(Call("total", (p,)), FLOAT) for p in params[:2])
                result = inner.prim("+", FLOAT, left, right)
            else:
                result = inner.get(params[0], literal(0))
            arms.append(Arm(params, inner.block(result)))
        return (b.one(Match(t, tuple(arms)), FLOAT),)

    p = program(function("total", [("t", TREE)], total))
    assert run(p, (1, (0, 1.0), (1, (0, 2.0), (2, np.array([4.0])), 5), 6)) == 7.0


REDUCTIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "+": lambda t: float(np.sum(np.array(t))),
    "min": min,
    "max": max,
    "argmin": lambda t: t.index(min(t)),
    "argmax": lambda t: t.index(max(t)),
    "logsumexp": lambda t: float(np.log(np.sum(np.exp(np.array(t) - max(t)))) + max(t)),
}


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("vectorise", [False, True])
def test_reductions(op: str, vectorise: bool) -> None:
    result = INT if op.startswith("arg") else FLOAT

    def write(b: Writer, x: Var) -> Operand:
        return b.loop(literal(0), literal(20), [op], lambda c, i: (c.get(x, i),), result)[0]

    p = one(write, ROW)
    x = np.round(np.random.default_rng(1).normal(size=20), 1)
    assert run(p, x, vectorise=vectorise) == REDUCTIONS[op](x.tolist())
    nan, inf = np.nan, np.inf
    first = run(p, np.array([nan, *x[1:]]), vectorise=vectorise)
    later = run(p, np.array([*x[:-1], nan]), vectorise=vectorise)
    if op in ("min", "max"):
        assert first != first and later == REDUCTIONS[op](x.tolist()[:-1])
    elif op in ("argmin", "argmax"):
        assert first == 0 and later == REDUCTIONS[op](x.tolist()[:-1])
        worst = inf if op == "argmin" else -inf
        assert run(p, np.array([worst, nan, *[worst] * 18]), vectorise=vectorise) == 0
    elif op == "logsumexp":
        assert run(p, np.full(20, -inf), vectorise=vectorise) == -inf
        assert run(p, np.array([inf, *x[1:]]), vectorise=vectorise) == inf
        assert run(p, np.full(20, 1e300), vectorise=vectorise) == 1e300


@pytest.mark.parametrize("op", ["min", "argmax", "+", "*", "any", "all", "logsumexp"])
def test_reductions_of_nothing(op: str) -> None:
    t = BOOL if op in ("any", "all") else FLOAT
    result = INT if op.startswith("arg") else t
    value = literal(True) if t == BOOL else literal(1.0)
    p = one(lambda b: b.loop(literal(0), literal(0), [op], lambda c, i: (value,), result)[0])
    if op in ("min", "argmax"):
        assert fault(p).operation == op
    else:
        assert run(p) == {"+": 0.0, "*": 1.0, "any": False, "all": True, "logsumexp": -np.inf}[op]


def test_float32_stays_float32() -> None:
    def write(b: Writer, x: Var) -> tuple[Operand, ...]:
        e = b.get(x, literal(0))
        y = b.prim("+", FLOAT32, e, Lit(1.0, FLOAT32))
        return y, b.prim("exp", FLOAT32, y), b.prim("<", BOOL, y, e), b.update("add", x, [literal(1)], y)

    p = program(function("main", [("x", ArrayType(FLOAT32, (None,)))], write))
    y, z, below, x = run(p, np.array([0.1, 0.2], np.float32))
    assert type(y) is np.float32 and type(z) is np.float32 and below is False
    assert x.dtype == np.float32 and x[1] == np.float32(0.2) + y


# ---- text


@pytest.mark.parametrize(
    ("layout", "leaves", "specification", "wanted"),
    [
        (Leaf(FLOAT), [3.0], "", "3.0"),
        (Leaf(FLOAT), [1e20], "", "1e+20"),
        (Leaf(FLOAT), [0.1], ".3f", "0.100"),
        (Leaf(FLOAT32), [np.float32(0.1)], "", "0.1"),
        (Leaf(BOOL), [True], "", "true"),
        (Leaf(STRING), ["a"], "", "a"),
        (Leaf(STRING), ["a"], ">3", "  a"),
        (Leaf(KEY), [7], "", "Key(7)"),
        (Leaf(ROW), [np.array([1.0, 2.0])], "", "[1.0, 2.0]"),
        (Leaf(ROW), [np.array([1.0, 2.0])], ".2f", "[1.00, 2.00]"),
        (Leaf(MATRIX), [np.eye(2)], "", "[[1.0, 0.0], [0.0, 1.0]]"),
        (Group("", (), (Leaf(INT), Leaf(STRING))), [1, "b"], "", '(1, "b")'),
        (Group("", (), (Leaf(INT),)), [1], "", "(1,)"),
        (Group("Wave", ("a", "b"), (Leaf(FLOAT), Leaf(INT))), [1.0, 2], "", "Wave(a = 1.0, b = 2)"),
        (Group("P", ("x",), (Leaf(ROW),), 1), [np.array([1.0, 2.0])], "", "[P(x = 1.0), P(x = 2.0)]"),
        (Group("", ("_",), (Leaf(ArrayType(INT, (2,))),), 1), [np.array([0, 0])], "", "[(), ()]"),
        (Leaf(TREE), [(1, (0, 3.0), (2, np.ones(1)), 4)], "", "Node(Leaf(3.0), Bag([1.0]), 4)"),
    ],
)
def test_text_of_values(layout: Any, leaves: list[Any], specification: str, wanted: str) -> None:
    assert text({"Tree": TREES}, layout, leaves, specification) == wanted


def test_text_of_payloads_that_are_tuples() -> None:
    pair = Group("", (), (Leaf(FLOAT), Leaf(INT)))
    enum = EnumDecl("E", (VariantDecl("A", (FLOAT, INT), (pair,)), VariantDecl("B", ())))
    assert text({"E": enum}, Leaf(EnumType("E")), [(0, 1.0, 2)]) == "A((1.0, 2))"
    assert text({"E": enum}, Leaf(EnumType("E")), [(1,)]) == "B"


def test_print_and_format() -> None:
    def write(b: Writer, x: Var) -> tuple[Operand, ...]:
        word = b.one(Prim("format", (x,), ("x is ", (Leaf(FLOAT), ".1f"))), STRING)
        b.effect(Io("print", (word, x), ((Leaf(STRING), Leaf(FLOAT)), (None, None), Group("", (), ()))))
        return (x,)

    out = io.StringIO()
    run(program(function("main", [("x", FLOAT)], write)), 2.0, out=out)
    assert out.getvalue() == "x is 2.0 2.0\n"


def test_a_format_that_does_not_fit_is_a_fault() -> None:
    p = one(lambda b, x: b.one(Prim("format", (x,), ((Leaf(FLOAT), "d"),)), STRING), FLOAT)
    assert fault(p, 2.0).code == "E0617"
