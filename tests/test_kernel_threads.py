"""Loops that threads share: the same bits from any number of threads, and the same faults; they stop when they are
asked to, and every way of calling them at once is safe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core_programs import Generator, arguments
from dplang.interpret.evaluate import Interpreter
from dplang.kernels.call import Kernel, Kernels
from dplang.kernels.options import Options
from dplang.kernels.outline import outline
from dplang.kernels.threads import split, write
from dplang.kernels.tiers import Tiers
from dplang.pipeline import compile
from dplang.stack import deep
from running import entered
from test_interpret import outcome, same
from test_lane_kernels import close

posix = pytest.mark.skipif(os.name != "posix", reason="threads share loops where there are pipes")

MAPS = """
fn f(x: Float[n], k: Int) -> (Float[n], Float[n, k], Int[n]) {
  let y = [sum(exp(-x[i] * float(j)) for j in 0..k) for i in 0..n]
  (y, [[x[i] * float(j) + 1.0 for j in 0..k] for i in 0..n], [int(x[i] * 10.0) for i in 0..n])
}
"""
SUMS = """
fn f(x: Float[n], k: Int) -> (Float, Float, Float, Bool, Int, Float) {
  let y = [sum(sin(x[i] * float(j)) for j in 0..k) for i in 0..n]
  var odd = 0
  for i in 0..n { odd += int(y[i] * 100.0) % 2 }
  (sum(y), max(y), min(y), any([v > 3.0 for v in y]), odd, logsumexp(y))
}
"""
HISTOGRAM = """
fn g(x: Float[n], k: Int) -> Float {
  var bins = zeros(8)
  for i in 0..n {
    var s = 0.0
    for j in 0..k { s += tanh(x[i] * float(j)) }
    bins[i % 8] += s
  }
  sum(bins^2)
}
fn f(x: Float[n], k: Int) -> Float[n] = grad(g, wrt = x)(x, k)
"""
SCATTER = """
fn g(x: Float[n], k: Int) -> Float = sum(sum(x[(i * 7 + j) % n] * exp(x[i]) for j in 0..k) for i in 0..n)
fn f(x: Float[n], k: Int) -> Float[n] = grad(g, wrt = x)(x, k)
"""
PARTICLES = """
fn force(x: Float) -> Float = if x > 1.0 { -4.0 * (x - 1.0) } else if x < -1.0 { -4.0 * (x + 1.0) } else { x - x^3 }
fn g(v: Float[n], steps: Int) -> Float {
  var total = 0.0
  for i in 0..n {
    var x = 0.1 * float(i % 10)
    var u = v[i]
    for t in 0..steps {
      u += 0.01 * (force(x) - 0.1 * u)
      x += 0.01 * u
    }
    total += x^2
  }
  total
}
fn f(v: Float[n], steps: Int) -> Float[n] = grad(g, wrt = v)(v, steps)
"""
MIXTURE = """
fn g(means: Float[k, d], x: Float[n, d]) -> Float =
  sum([logsumexp([-0.5 * sum((x[i] - means[c])^2) for c in 0..k]) for i in 0..n])
fn f(x: Float[n], k: Int) -> Float[3, 2] {
  let means = [[float(a) + 0.1 * float(b) for b in 0..2] for a in 0..3]
  grad(g, wrt = means)(means, [[x[i], x[i] * float(k)] for i in 0..n])
}
"""
STEPS = """
fn f(x: Float[n], k: Int) -> Float[n] {
  var y = x
  for t in 0..3 {
    let mean = sum(y) / float(n)
    for i in 0..n {
      var s = y[i]
      for j in 0..k { s = s + 0.01 * (mean - s) }
      y[i] = s
    }
  }
  y
}
"""
PROGRAMS = {
    name.lower(): globals()[name] for name in ("MAPS", "SUMS", "HISTOGRAM", "SCATTER", "PARTICLES", "MIXTURE", "STEPS")
}


def kernels_of(text: str, threads: int) -> tuple[Kernels, str]:
    """The kernels of a text for so many threads, and the name of its function `f`."""
    session, _ = entered(text)
    name = next(fn.name for fn in session.lowering.program.fns.values() if fn.label == "f")
    program = outline(compile(session.lowering.program, name, kernels=True, exact=False))
    return Kernels(program, Options(threads=threads)), name


def made(text: str, threads: int) -> Kernel:
    """The kernel of function `f`, which has loops to share."""
    kernels, name = kernels_of(text, threads)
    assert ("job(" in kernels.text(name).text) == (threads > 0)
    kernel = kernels.kernel(name)
    assert kernel is not None, kernels.reasons
    return kernel


def data(n: int) -> np.ndarray:
    return np.sin(12.9898 * (np.arange(n) ** 2 + 1.0))


def bits(value: Any) -> list[bytes]:
    return [np.asarray(v).tobytes() for v in (value if isinstance(value, tuple) else (value,))]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops that are worth next to nothing are shared."""
    monkeypatch.setattr(split, "WORTH", 8)
    monkeypatch.setattr(write, "WORTH", 8)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.long] * (n in ("maps", "mixture"))) for n in sorted(PROGRAMS)]
)
def test_results_do_not_depend_on_the_number_of_threads(name: str) -> None:
    text = PROGRAMS[name]
    whole, *others = deep(lambda: [made(text, n) for n in (0, 1, 2, 3)])
    for n in (0, 1, 3, 40, 700, 3000):
        one, two, three = (ends(kernel, data(n), 40) for kernel in others)
        assert bits(one) == bits(two) == bits(three)
        close(one, ends(whole, data(n), 40), 1e-11)


def ends(kernel: Kernel, *given: Any) -> Any:
    """The results of a call, or its fault."""

    def results() -> tuple[Any, ...]:
        value = kernel(*given)
        return value if isinstance(value, tuple) else (value,)

    return deep(lambda: outcome(results))


def test_small_loops_are_whole() -> None:
    """Below the grain, threads change no bit of a sum."""
    whole, shared = deep(lambda: [made(SUMS, n) for n in (0, 2)])
    assert bits(whole(data(100), 5)) == bits(shared(data(100), 5))
    kernels, name = deep(lambda: kernels_of("fn f(x: Float[4]) -> Float = sum(x^2)\n", 2))
    assert "job(" not in kernels.text(name).text


FAULTS = {
    "E0601": "[exp(x[i + (if x[i] > 0.99 { n } else { 0 })]) for i in 0..n]",
    "E0604": "[exp(x[i]) + float(7 // (i - 2000)) for i in 0..n]",
    "E0608": '[{ assert x[i] < 0.99, "too large"\n exp(x[i]) } for i in 0..n]',
    "E0609": "[float(int(exp(900.0 * x[i]))) for i in 0..n]",
    "E0614": "[x[i] + sum(zeros(2000 - i)) for i in 0..n]",
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("code", sorted(FAULTS))
def test_the_first_fault_counts(code: str) -> None:
    text = f"fn f(x: Float[n]) -> Float[n] = {FAULTS[code]}\n"
    session, _ = entered(text)
    name = next(fn.name for fn in session.lowering.program.fns.values() if fn.label == "f")
    plain = Interpreter(compile(session.lowering.program, name))
    wanted = deep(lambda: outcome(lambda: plain.call(name, [data(3000)])))
    assert wanted[0] == code
    kernel = deep(lambda: made(text, 2))
    for _ in range(5):
        assert ends(kernel, data(3000)) == wanted


def random_core(seed: int) -> None:
    """A random program, all its loops shared that can be."""
    program, args = Generator(seed).program(), arguments(seed)
    wanted = deep(lambda: outcome(lambda: Interpreter(program).call("main", args)))
    cut = outline(program)
    tiers = Tiers(cut, "always", Options(exact=True, threads=2))
    found = deep(lambda: outcome(lambda: Interpreter(cut, compiled=tiers.compiled).call("main", args)))
    assert not tiers.kernels.reasons
    assert same(found, wanted)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", [2, 5])
def test_random_core(seed: int) -> None:
    random_core(seed)


@pytest.mark.long
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(8, 120))
def test_more_random_core(seed: int) -> None:
    random_core(seed)


def test_python_threads_call_at_once() -> None:
    """One of them has the workers, the others work alone; the results are the same."""
    kernel = deep(lambda: made(PARTICLES, 2))
    x = data(2000)
    wanted, wrong = bits(kernel(x, 50)), []

    def call() -> None:
        wrong.extend(1 for _ in range(20) if bits(kernel(x, 50)) != wanted)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for t in callers:
        t.start()
    for t in callers:
        t.join()
    assert not wrong


@posix
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_works_alone() -> None:
    kernel = deep(lambda: made(PARTICLES, 2))
    x = data(2000)
    wanted = bits(kernel(x, 50))
    child = os.fork()
    if not child:
        os._exit(0 if bits(kernel(x, 50)) == wanted else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert bits(kernel(x, 50)) == wanted


LONG = """
fn f(n: Int) -> Float = sum(sum(sin(float(i) + float(j)) for j in 0..1000) for i in 0..n)
print("go")
print(f({}))
"""


@posix
def test_interrupts_reach_all_threads(tmp_path: Path) -> None:
    path = tmp_path / "long.dp"
    path.write_text(LONG.format("10^10"))
    command = [sys.executable, "-u", "-m", "dplang", "run", "--jit=always", "--threads=2", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.communicate(timeout=20.0) == ("", "")
    assert process.returncode == 130
    assert time.monotonic() - began < 3.0


def test_shared_kernels_come_from_the_cache(tmp_path: Path) -> None:
    """A second process compiles nothing, and prints the same with another number of threads."""
    path = tmp_path / "short.dp"
    path.write_text(LONG.format(3000).replace("1000", str(1000 + time.time_ns() % 1000)))  # never seen before
    count = "from dplang.kernels import build\nreal = build._compiled\n"
    count += "build._compiled = lambda *given: (print('compiled'), real(*given))[1]\n"
    code = count + "from dplang.cli import main\nimport sys\nsys.exit(main(sys.argv[1:]))"

    def run(threads: int) -> list[str]:
        command = [sys.executable, "-c", code, "run", "--jit=always", f"--threads={threads}", str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120.0)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    first, second, third = run(2), run(2), run(3)
    assert "compiled" in first and "compiled" not in second
    assert second == third == [line for line in first if line != "compiled"]
