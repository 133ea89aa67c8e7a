"""Calls of kernels: Ctrl-C, threads, and what Python gives and gets."""

from __future__ import annotations

import io
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

import dplang as dp
from dplang.api.calls import Function
from dplang.api.direct import unknown
from dplang.interpret.evaluate import Interpreter
from dplang.kernels.outline import outline
from dplang.kernels.tiers import Tiers
from dplang.pipeline import compile
from dplang.train import progress
from running import entered

LONG = """
fn f(n: Int) -> Float {
  var s = 0.0
  for i in 0..n { s += sin(float(i)) }
  s
}
"""
REPL = """
import threading, time, os, signal
from dplang.repl import Repl
from dplang.session import Session
repl = Repl()
repl.session.jit = "always"
for line in open(0).read().split("---"):
    if "10^12" in line:
        threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        repl.enter(line)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""
EMBEDDED = """
import asyncio, os, signal, sys, threading
import dplang as dp
m = dp.source(sys.argv[1], jit="always")
m.f(10)
m.f(10)
def ask():
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    ask()
    m.f(10**12)
except KeyboardInterrupt:
    print("interrupted")
async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print("told", flush=True))
    os.kill(os.getpid(), signal.SIGUSR1)
    m.f(10)
    await asyncio.sleep(0.2)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(0.2)
asyncio.run(main())
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
ask()
print(m.f(10**8) < 10.0, seen)
"""

posix = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")


RECURSIVE = """
fn fib(n: Int) -> Int = if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
"""


@posix
@pytest.mark.parametrize(("function", "call"), [(LONG, "f(10^12)"), (RECURSIVE, "fib(60)")])
def test_interrupt_ends_a_run(tmp_path: Path, function: str, call: str) -> None:
    path = tmp_path / "long.dp"
    path.write_text(f'{function}print("go")\nprint({call})\n')
    command = [sys.executable, "-u", "-m", "dplang", "run", "--jit=always", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.communicate(timeout=20.0) == ("", "")
    assert process.returncode == 130
    assert time.monotonic() - began < 3.0


@posix
def test_a_session_goes_on_after_an_interrupt() -> None:
    text = LONG + "---print(f(10^12))\n---f(3)\n"
    ran = subprocess.run([sys.executable, "-c", REPL], input=text, capture_output=True, text=True, timeout=60.0)
    assert ran.stdout == "interrupted\n1.7507684116335782 : Float\n", ran.stderr


@posix
def test_python_is_interrupted_and_others_hear_their_signals() -> None:
    ran = subprocess.run([sys.executable, "-c", EMBEDDED, LONG], capture_output=True, text=True, timeout=60.0)
    assert ran.stdout == "interrupted\ntold\ntold\nTrue [1]\n", ran.stderr


PLAIN = """
struct Line { a: Float, b: Float
  fn at(self, x: Float[n]) -> Float[n] = self.a * x + self.b
}
struct Table[n, k] { rows: Float[n, k] }
let shift = [1.0, 2.0, 3.0]
fn square(x: Float) -> Float = x^2
fn total(x: Float[n]) -> Float = sum(x * x)
fn dot(x: Float[n], y: Float[n]) -> Float = sum([x[i] * y[i] for i in 0..n])
fn moved(x: Float[3]) -> Float[3] = x + shift
fn both(x: Float, n: Int) -> (Float, Int) = (x / float(n), 10 // n)
fn misses(line: Line, x: Float[n], y: Float[n]) -> Float = sum((line.at(x) - y)^2)
fn of(t: Table[n, k], p: Float[k]) -> Float[n] = t.rows @ p
fn swapped(p: (Float, Float)) -> (Float, Float) = (p[1], p[0])
fn bumped(x: Float[n]) -> Float[n] {
  var y = x
  y[0] += 1.0
  y
}
"""


@pytest.fixture(scope="module")
def m() -> Any:
    return dp.source(PLAIN, jit="always")


def direct(f: Function, *args: Any) -> Any:
    """The result of a call that is seen to go straight to the kernel, the same as that of the first call."""
    usual = f(*args)
    assert f._direct is not unknown
    found = f._direct(args)
    assert repr(found) == repr(usual) and type(found) is type(usual)
    return found


def test_calls_go_straight_to_kernels(m: Any) -> None:
    x, y = np.arange(4.0), np.ones(4)
    assert direct(m.square, 3.0) == 9.0
    assert direct(dp.grad(m.square), 3.0) == 6.0
    assert dp.grad(m.square) is dp.grad(m.square)
    assert direct(m.total, x) == 14.0
    assert direct(dp.grad(m.total), x).tolist() == [0.0, 2.0, 4.0, 6.0]
    assert direct(m.dot, x, y) == 6.0
    assert direct(m.moved, x[:3]).tolist() == [1.0, 3.0, 5.0]
    assert direct(m.both, 3.0, 2) == (1.5, 5)
    assert direct(m.swapped, (1.0, 2.0)) == (2.0, 1.0)
    assert direct(m.misses, m.Line(1.0, 2.0), x, y) == 30.0
    gradient = direct(dp.grad(m.misses), m.Line(1.0, 2.0), x, y)
    assert (gradient.a, gradient.b) == (40.0, 20.0)
    assert direct(m.Line(2.0, 1.0).at, x).tolist() == [1.0, 3.0, 5.0, 7.0]
    assert direct(m.of, m.Table(np.eye(2, 4)), x).tolist() == [0.0, 1.0]
    assert direct(m.total, [1.0, 2.0]) == 5.0


def test_one_kernel_serves_all_sizes(m: Any) -> None:
    m.dot(np.ones(5), np.ones(5))
    assert m.dot._direct((np.ones(50), np.ones(50))) == 50.0
    with pytest.raises(dp.Error, match="the sizes `6` and `5` differ"):
        m.dot(np.ones(5), np.ones(6))
    with pytest.raises(dp.Error, match=r"Float\[3\]"):
        m.moved(np.ones(4))


def test_arrays_of_other_kinds_are_converted(m: Any) -> None:
    x = np.arange(8.0)
    m.total(x)
    assert m.total(x[::2]) == 56.0
    assert m.total(x.astype(">f8")) == 140.0
    x.flags.writeable = False
    assert m.total(x) == 140.0
    assert m.total(np.arange(3)) == 5
    kept = np.ones(3)
    for _ in range(3):
        assert m.bumped(kept).tolist() == [2.0, 1.0, 1.0]
    assert kept.tolist() == [1.0, 1.0, 1.0]


def test_faults_of_direct_calls_are_errors(m: Any) -> None:
    m.both(1.0, 1)
    for _ in range(2):
        with pytest.raises(dp.Error) as caught:
            m.both(1.0, 0)
        assert [d.code for d in caught.value.diagnostics] == ["E0604"]
    with pytest.raises(dp.Error):
        m.both(1.0, 1 << 70)
    with pytest.raises(dp.Error):
        m.square("two")
    assert m.both(1.0, 2) == (0.5, 5)


def test_threads_run_kernels_at_once(m: Any) -> None:
    x = np.arange(1000.0)
    wanted = m.total(x)
    found: list[float] = []

    def work() -> None:
        found.extend(m.total(x) for _ in range(500))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [wanted] * 2000


FIT = """
let xs = [float(i) * 0.001 for i in 0..1000]
let fit = train p = (0.0, 0.0) {
  minimize mean([(p[0] * xs[i] + p[1] - 3.0 * xs[i])^2 for i in 0..1000])
  using sgd(rate = 0.0001)
  steps 800000
}
print(fit.steps)
"""


def test_a_training_is_one_kernel_that_tells_how_far_it_is() -> None:
    session, entry = entered(FIT)
    told: list[tuple[int, float]] = []
    program = outline(compile(session.lowering.program, entry.unit.entry, kernels=True))
    tiers = Tiers(program, "always", tell=lambda step, loss: told.append((step, loss)))
    out = io.StringIO()
    interpreter = Interpreter(program, out=out, compiled=tiers.compiled)
    interpreter.call(entry.unit.entry, ())
    assert out.getvalue() == "800000\n"
    assert told == sorted(told, key=lambda t: (t[0], -t[1]))
    assert 0 < told[0][0] < 800000 and 0.0 < told[0][1] < 1.0
    texts = [tiers.kernels.text(name).text for name in program.fns if tiers.compiled(name) is not None]
    assert sum("tell(ctl" in text for text in texts) == 1


def test_many_small_calls_become_a_kernel() -> None:
    small = dp.source("fn f(x: Float) -> Float = x * 0.5 + 1.0\n", jit="auto")
    f = small.f
    assert f(2.0) == 2.0 and f._direct is unknown
    calls = next(n for n in range(10_000) if f(2.0) != 2.0 or f._direct is not unknown)
    assert calls > 100
    assert f(2.0) == 2.0


def test_a_long_compilation_is_told_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(progress, "LONG", 0.05)
    terminal, file = Terminal(), io.StringIO()
    for stream, pause in ((terminal, 0.0), (terminal, 0.3), (file, 0.3)):
        with progress.Progress(stream).compiling("loss"):
            time.sleep(pause)
    assert terminal.getvalue() == "compiling `loss` ..\r\x1b[K"
    assert file.getvalue() == ""
