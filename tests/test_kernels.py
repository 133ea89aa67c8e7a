"""Kernels do what the interpreter does: values bit for bit where only arithmetic is done, faults in the same words."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core_programs import Generator, arguments
from dplang.core.verify import verify
from dplang.errors.diagnostic import Fault
from dplang.interpret.evaluate import Interpreter
from dplang.kernels.options import Options
from dplang.kernels.outline import outline
from dplang.kernels.tiers import Mode, Tiers
from dplang.pipeline import compile
from dplang.stack import deep
from programs import generate
from running import entered
from test_cases import CASES
from test_generated import POINT
from test_interpret import outcome, same

ROOT = Path(__file__).parent.parent


def flat(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        return flat(tuple(value.ravel().tolist()))
    return [x for part in value for x in flat(part)] if isinstance(value, tuple) else [value]


class Outcome:
    """What a text comes to: its top-level values, what it prints, or its fault; and the kernels that it used."""

    def __init__(self, text: str, mode: Mode | None, exact: bool = True) -> None:
        self.values: list[Any] = []
        self.fault = ""
        self.reasons: dict[str, str] = {}
        out = io.StringIO()
        deep(lambda: self.run(text, mode, Options(exact=exact), out))
        self.printed = out.getvalue()

    def run(self, text: str, mode: Mode | None, options: Options, out: io.StringIO) -> None:
        session, entry = entered(text)
        program = compile(session.lowering.program, entry.unit.entry, kernels=mode is not None)
        interpreter = Interpreter(program, out=out)
        if mode is not None:
            program = outline(program)
            verify(program)
            tiers = Tiers(program, mode, options)
            self.reasons = tiers.kernels.reasons
            interpreter = Interpreter(program, out=out, compiled=tiers.compiled, watch=tiers.watch)
        try:
            self.values = flat(interpreter.call(entry.unit.entry, ()))
        except Fault as fault:
            self.fault = "\n".join(f"{d.code} {d.span.line} {d.sentence()}" for d in fault.diagnostics)


def agree(text: str, tolerance: float = 1e-12, mode: Mode = "always", exact: bool = True) -> Outcome:
    wanted, found = Outcome(text, None), Outcome(text, mode, exact)
    assert found.fault == wanted.fault
    assert not found.reasons
    assert len(found.values) == len(wanted.values)
    for a, b in zip(found.values, wanted.values, strict=True):
        if isinstance(a, float):
            equal = math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) or (a != a and b != b)
        else:
            equal = bool(a == b)
        assert equal and type(a) is type(b), (a, b)
    if tolerance == 0.0:
        assert found.printed == wanted.printed
    return found


ROWS = """
fn known(x: Float[n]) -> Float[n, 20] = [[x[i] * float(j) for j in 0..20] for i in 0..n]
fn open(x: Float[n], m: Int) -> Float[n, m] = [[x[i] + float(j) for j in 0..m] for i in 0..n]
fn ragged(x: Float[n]) -> Float = sum([sum([x[j] for j in 0..i]) for i in 0..n])
fn deep(x: Float[n]) -> Float[n, n, 18] = [[[x[i] * x[j] + float(k) for k in 0..18] for j in 0..n] for i in 0..n]
fn beside(x: Float[n]) -> (Float[n, 3], Float[n]) {
  let rows = [[x[i], x[i]^2, 1.0] for i in 0..n]
  (rows, [sum(rows[i]) for i in 0..n])
}
let x = [1.0, 2.5, -3.0]
let none: Float[?] = []
print(known(x)[2], open(x, 4), ragged(x), deep(x)[1, 2], beside(x))
print(known(none), open(none, 4), ragged(none), deep(none), beside(none))
"""


def test_rows_are_built_in_their_array() -> None:
    agree(ROWS, 0.0)


FAULTS = {
    "E0601": "for i in 0..n { s += x[i] }",
    "E0602": "for i in 0..n { s += sum(x[i..n]) }",
    "E0603": "for i in 0..2 { s += sum(x[2 - i..i]) }",
    "E0604": "for i in 0..n { s += float(7 // (3 - i)) }",
    "E0605": "for i in 0..n { s += float(2 ^ (3 - i)) }",
    "E0607": "for i in 0..2 { s += max([x[j] for j in 0..1 - i]) }",
    "E0608": 'for i in 0..n { assert s < 3.0, "too large"\n s += 2.0 }',
    "E0609": "for i in 0..n { s += float(int(1.0 / float(3 - i))) }",
    "E0611": "for i in 0..n { s += sum(zeros(n * 10^14)) }",
    "E0614": "for i in 0..n { s += sum(zeros(3 - i)) }",
}


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_faults_are_those_of_the_interpreter(code: str) -> None:
    function = f"fn f(x: Float[k], n: Int) -> Float {{\n var s = 0.0\n {FAULTS[code]}\n s\n}}\n"
    text = f"{function}print(f([1.0, 2.0, 3.0], 6))\n"
    assert agree(text).fault.startswith(code)


def test_recursion_deeper_than_the_stack_is_interpreted() -> None:
    text = "fn f(n: Int) -> Int = if n == 0 { 0 } else { 1 + f(n - 1) }\nlet a = f(100000)\n"
    assert agree(text).values == [100000]


SHARED = """
fn swap(n: Int) -> Float {
  var a = [1.0, 2.0, 3.0]
  var b = [4.0, 5.0, 6.0]
  for i in 0..n {
    let old = a
    a = b
    b = old
    a[i % 3] += 10.0
    let c = a
    b[0] += c[1]
    a = c
  }
  a[0] * 100.0 + b[0] + sum(a) * 3.0 + sum(b)
}
fn alias(n: Int) -> Float {
  var a = [1.0, 2.0, 3.0]
  let keep = a
  for i in 0..n {
    let before = a
    a[0] += before[2]
    a[2] += before[0] + keep[0]
  }
  sum(a) + sum(keep)
}
fn rows(n: Int) -> Float {
  var m = [[1.0, 2.0], [3.0, 4.0]]
  for i in 0..n {
    let r = m[0]
    m[0] = m[1]
    m[1] = r
    m[0][1] += 0.5
    m[1] += r
  }
  sum(m) + m[0][1] * 7.0
}
fn bump(x: Float[n], k: Int) -> Float[n] {
  var y = x
  y[k] += 1.0
  y
}
fn lent(n: Int) -> Float {
  let a = [1.0, 2.0, 3.0]
  var b = bump(a, 0)
  for i in 0..n { b = bump(b, i % 3) }
  sum(a) * 10.0 + b[0] + b[1] * 2.0
}
fn turned(x: Float[n], m: Int, k: Int) -> Float {
  var s = 0.0
  for i in 0..m {
    var a = x + i
    for j in 0..k { a = [0.5 * a[(l + 1) % n] + a[(l + 2) % n] for l in 0..n] }
    s += a[0]
  }
  s
}
print(swap(7), alias(5), rows(5), lent(8), turned([1.0, 2.0, 3.0, 4.0, 5.0], 3, 4))
"""


def test_arrays_that_share_a_buffer_are_told_apart() -> None:
    agree(SHARED, 0.0)


SUMS = """
fn total(n: Int) -> Float = sum([1.0 / (1.0 + float(i)) for i in 0..n])
for n in [0, 1, 7, 8, 9, 127, 128, 129, 1000, 4097] { print(total(n)) }
"""


def test_sums_have_the_interpreters_order() -> None:
    agree(SUMS, 0.0)


TAPES = """
fn loss(v: Float[n]) -> Float {
  var total = 0.0
  for i in 0..len(v) {
    var x = v[i]
    for t in 0..i + 2 { x = if x > 0.5 { x * 0.5 + v[0] } else if x < -0.5 { x * x } else { sin(x) + 0.7 } }
    total += x * x
  }
  total
}
print(grad(loss)([0.3, -0.8, 0.9, 2.0]))
"""


def test_gradients_keep_branches_and_ragged_tapes_in_kernels() -> None:
    found = agree(TAPES)
    assert not found.fault


def test_heavy_work_becomes_a_kernel_while_it_runs() -> None:
    loop = "var s = 0.0\n var i = 0\n while i < n { s += 1.0 / float(i + 1)\n i += 1 }"
    text = f"fn f(n: Int) -> Float {{\n {loop}\n s\n}}\n"
    agree(text + "print(f(10))\nprint(f(2000000))\n", 0.0, "auto")


@pytest.mark.parametrize("first", [0, 4])
def test_random_core_is_bit_equal(first: int) -> None:
    for seed in range(first, first + 4):
        program = Generator(seed).program()
        args = arguments(seed)
        kept = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        plain = Interpreter(program)
        wanted = outcome(lambda run=plain, args=args: run.call("main", args))  # type: ignore[misc]
        cut = outline(program)
        verify(cut)
        interpreter = Interpreter(cut, compiled=Tiers(cut, "always", Options(exact=True)).compiled)
        assert same(outcome(lambda run=interpreter, args=args: run.call("main", args)), wanted), seed  # type: ignore[misc]
        assert same(tuple(args), tuple(kept)), f"seed {seed}: an argument was written to"


def generated(seed: int) -> None:
    """`exact` kernels give what the interpreter gives; others round otherwise, which numeric derivatives enlarge."""
    try:
        agree(generate(seed) + POINT.split("let numeric")[0])
        agree(generate(seed) + POINT, 1e-6, exact=False)
    except Fault as fault:  # the judgement may find an inner gradient that is zero everywhere, nothing else
        assert {d.code for d in fault.diagnostics if d.severity == "error"} == {"E0302"}, fault


@pytest.mark.parametrize("seed", range(2))
def test_generated_programs(seed: int) -> None:
    generated(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 200))
def test_many_generated_programs(seed: int) -> None:
    generated(seed)


@pytest.mark.long
@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_cases(path: Path) -> None:
    with suppress(Fault):  # a case of what is refused before it runs
        agree(path.read_text())


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "examples").glob("*.dp")))
def test_examples(name: str, tmp_path: Path) -> None:
    def printed(mode: str) -> str:
        command = [sys.executable, "-m", "dplang", "run", f"--jit={mode}", str(ROOT / "examples" / name)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert printed("always") == printed("never") == printed("auto")


def test_numba_is_not_imported_where_nothing_is_compiled(tmp_path: Path) -> None:
    path = tmp_path / "small.dp"
    path.write_text("print(sum([float(i) for i in 0..10]))\n")
    text = f"import sys\nfrom dplang.cli import main\nmain(['run', {str(path)!r}])\nassert 'numba' not in sys.modules\n"
    assert subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout == "45.0\n"
