"""Small arrays as scalars: the same values, gradients and faults, and kernels without the arrays."""

from __future__ import annotations

import pytest

from dplang.core.ir import ArrayType, Build, Fill, Let, Loop, Make, Program, Scalar, Update, Var
from dplang.core.rewrite import blocks, lets_of
from dplang.core.verify import verify
from dplang.kernels.call import Kernels
from dplang.pipeline import compile
from dplang.stack import deep
from running import entered
from test_kernels import agree

BODIES = """
fn energy(pos: Float[n, 3], vel: Float[n, 3], m: Float[n]) -> Float {
  var e = 0.0
  for i in 0..len(m) {
    e += 0.5 * m[i] * dot(vel[i], vel[i])
    for j in 0..i {
      let d = pos[i] - pos[j]
      e -= m[i] * m[j] / norm(d)
    }
  }
  e
}
fn moved(pos: Float[n, 3], vel: Float[n, 3], m: Float[n], k: Int) -> Float {
  var x = pos
  var v = vel
  for t in 0..k {
    for i in 0..len(m) {
      var a = zeros(3)
      for j in 0..len(m) {
        if i != j {
          let d = x[j] - x[i]
          let r2 = dot(d, d) + 0.01
          a += m[j] / (r2 * sqrt(r2)) * d
        }
      }
      v[i] += 0.01 * a
    }
    x += 0.01 * v
  }
  energy(x, v, m)
}
let p = [[1.0, 0.0, 0.0], [0.0, 1.5, 0.2], [-1.0, 0.3, 0.1], [0.4, 0.4, 2.0]]
let v = [[0.0, 0.3, 0.0], [0.1, 0.5, 0.2], [-0.2, 0.3, 0.1], [0.4, 0.0, 0.1]]
let e = moved(p, v, [1.0, 0.5, 2.0, 0.7], 5)
let g = grad(moved, wrt = (pos, vel, m))(p, v, [1.0, 0.5, 2.0, 0.7], 5)
"""

MATRICES = """
fn mul(a: Float[3, 3], b: Float[3, 3]) -> Float[3, 3] =
  [[sum([a[i, k] * b[k, j] for k in 0..3]) for j in 0..3] for i in 0..3]
fn power(a: Float[3, 3], n: Int) -> Float[3, 3] {
  var r = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
  for k in 0..n { r = mul(r, a) }
  r
}
fn f(a: Float[3, 3], x: Float[3]) -> Float = dot(x, power(a, 3) @ x) + norm(transpose(a) @ x) + sum(a @ a)
let a = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [-0.7, 0.8, 0.9]]
let b = power(a, 5)
let c = f(a, [1.0, 2.0, 3.0])
let d = grad(f, wrt = (a, x))(a, [1.0, 2.0, 3.0])
"""

ACCUMULATORS = """
fn powers(x: Float[n]) -> Float[4] {
  var acc = zeros(4)
  for i in 0..len(x) {
    for k in 0..4 { acc[k] += x[i]^k }
  }
  acc
}
fn strides(x: Float[n]) -> Float[4] {
  var acc = zeros(4)
  for i in 0..len(x) { acc[i % 4] += x[i] }
  acc[0] *= 2.0
  acc
}
fn loss(x: Float[n]) -> Float = sum(powers(x) * strides(x))
let x = [0.1, 0.5, 0.7, 0.3, 0.2]
let a = powers(x)
let b = strides(x)
let c = grad(loss)(x)
"""

RECURSION = """
enum Tree { Leaf(Float), Node(Tree, Tree) }
fn grow(n: Int) -> Tree = if n == 0 { Leaf(1.5) } else { Node(grow(n - 1), grow(n - 1)) }
fn moments(t: Tree, w: Float[2]) -> Float[3] = match t {
  Leaf(x) => [x * w[0], x * x, w[1]],
  Node(a, b) => moments(a, 0.5 * w) + moments(b, w)
}
fn fib(n: Int, s: Float[2]) -> Float[2] = if n == 0 { s } else { fib(n - 1, [s[1], s[0] + s[1]]) }
fn g(w: Float[2]) -> Float = sum(moments(grow(3), w)) + fib(10, w)[1]
let a = moments(grow(3), [1.0, 2.0])
let b = grad(g)([1.0, 2.0])
let c = fib(20, [0.0, 1.0])
"""

JOINS = """
fn f(x: Float[3], c: Bool) -> Float[3] {
  let y = if c { x * 2.0 } else { [x[2], x[1], x[0]] }
  var z = y
  while dot(z, z) > 0.5 { z = if z[0] > 1.0 { z * 0.5 } else { z - 0.1 * y } }
  z
}
fn g(x: Float[3]) -> Float = sum(f(x, true)) + norm(f(x, false))
let a = f([1.0, 2.0, 3.0], true)
let b = f([1.0, 2.0, 3.0], false)
let c = grad(g)([1.0, 2.0, 3.0])
"""

REDUCTIONS = """
fn s(x: Float[16]) -> (Float, Float, Float, Int, Int) {
  let y = [0.1 * x[i] * x[i] + 1.0 for i in 0..16]
  (sum(y), sum([y[i] * x[i] for i in 0..11]), prod([y[k] for k in 0..5]), argmin(y), argmax([y[k] for k in 3..9]))
}
fn m(x: Float[5]) -> (Float, Float, Bool, Bool, Int) {
  let y = [x[4 - k] + 1.0 for k in 0..5]
  (min(y), max(y), any([v > 3.0 for v in y]), all([v > 0.0 for v in y]), sum([if v > 2.0 { 1 } else { 0 } for v in y]))
}
let a = s([0.3 * float(i) - 1.1 for i in 0..16])
let b = m([1.0, 5.0, -3.0, 2.0, 0.25])
let c = sum([0.1 * x for x in [1.0, -2.0, 3.0]])
"""

STRUCTS = """
struct Body { pos: Float[3], vel: Float[3] }
fn step(b: Body, h: Float) -> Body = Body(b.pos + h * b.vel, b.vel - h * b.pos / norm(b.pos)^3)
fn run(b: Body, n: Int) -> Body {
  var c = b
  for t in 0..n { c = step(c, 0.01) }
  c
}
fn e(b: Body) -> Float {
  let r = run(b, 20)
  dot(r.pos, r.vel) + r.pos[2]
}
let b = Body([1.0, 0.2, 0.1], [0.0, 1.0, 0.3])
let c = run(b, 50)
let d = grad(e)(b)
"""

QUATERNIONS = """
fn mul(a: Float[4], b: Float[4]) -> Float[4] = [
  a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
  a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
  a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
  a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0]]
fn spin(q: Float[4], n: Int) -> Float[4] {
  var r = [1.0, 0.0, 0.0, 0.0]
  for i in 0..n {
    r = mul(r, q)
    r = r / norm(r)
  }
  r
}
fn l(q: Float[4]) -> Float = spin(q, 7)[2]
let a = spin([0.9, 0.1, 0.2, -0.3], 5)
let b = grad(l)([0.9, 0.1, 0.2, -0.3])
let c = hessian(l)([0.9, 0.1, 0.2, -0.3])
"""

ROWS = """
fn filled(n: Int) -> Float[n, 2] {
  var m = zeros(n, 2)
  for i in 0..n {
    m[i] = [float(i), 2.0]
    m[i] += [0.5, float(i * i)]
  }
  m
}
fn table(n: Int) -> Float[n, 3] = [[float(i), float(i) * 0.5, 1.0] for i in 0..n]
fn best(x: Float[n, 3]) -> Float = sum([max(x[i]) * x[i][1] + x[i, 2] for i in 0..len(x)])
fn turned(r: Float[n, 3]) -> Float[n, 4] = [concat(reverse(cumsum(r[k])), [float(k)]) for k in 0..len(r)]
let a = filled(4)
let b = grad(best)(table(4))
let c = turned(table(3))
let d = table(3)[1..3]
"""

ORBIT = """
fn field(s: Float[4]) -> Float[4] {
  let r3 = (s[0]^2 + s[1]^2)^1.5
  [s[2], s[3], -s[0] / r3, -s[1] / r3]
}
fn rk4(s: Float[4], h: Float) -> Float[4] {
  let k1 = field(s)
  let k2 = field(s + h / 2.0 * k1)
  let k3 = field(s + h / 2.0 * k2)
  let k4 = field(s + h * k3)
  s + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
}
fn orbit(start: Float[4], n: Int) -> Float {
  var s = start
  for i in 0..n { s = rk4(s, 0.01) }
  s[0]^2 + s[1]
}
let a = orbit([1.0, 0.0, 0.0, 1.1], 30)
let b = grad(orbit, wrt = start)([1.0, 0.0, 0.0, 1.1], 30)
"""

SOFTMAX = """
fn nll(w: Float[3, 2], x: Float[n, 2], y: Int[n]) -> Float {
  var s = 0.0
  for i in 0..len(y) {
    let z = w @ x[i]
    s += logsumexp(z) - z[y[i]]
  }
  s
}
let w = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]
let x = [[1.0, 2.0], [0.5, -1.0], [2.0, 1.0]]
let a = nll(w, x, [0, 2, 1])
let g = grad(nll)(w, x, [0, 2, 1])
let b = [logsumexp([v, -v, 2.0 * v]) for v in [1.0, -1.0 / 0.0, 0.0 / 0.0, 1.0 / 0.0]]
"""

ROTATED = """
fn f(x: Float[n]) -> Float {
  var t = [0.5, 1.0, 1.5]
  for i in 0..len(x) {
    t[i % 3] += x[i] * t[(i + 1) % 3]
    t[(i + 2) % 3] = t[0] - 0.5
  }
  t[0] + t[1] * t[2]
}
let a = f([1.0, 2.0, 3.0, 4.0, 5.0])
let g = grad(f)([1.0, 2.0, 3.0, 4.0, 5.0])
"""

PROGRAMS = {
    "bodies": BODIES,
    "matrices": MATRICES,
    "accumulators": ACCUMULATORS,
    "recursion": RECURSION,
    "joins": JOINS,
    "reductions": REDUCTIONS,
    "structs": STRUCTS,
    "quaternions": QUATERNIONS,
    "rows": ROWS,
    "orbit": ORBIT,
    "softmax": SOFTMAX,
    "rotated": ROTATED,
}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_values_and_gradients(name: str) -> None:
    found = agree(PROGRAMS[name])
    assert found.values and not found.fault


FAULTS = {
    "an index that only the run knows": (
        "E0601",
        "fn f(x: Float[3], k: Int) -> Float {\n var y = [x[0], x[1], x[2]]\n y[k] += 1.0\n y[0]\n}\n"
        "let a = f([1.0, 2.0, 3.0], 1)\nlet b = f([1.0, 2.0, 3.0], 3)",
    ),
    "a literal index": (
        "E0601",
        "fn f(x: Float) -> Float {\n let y = [x, 2.0 * x]\n var s = 0.0\n for k in 0..3 { s += y[k] }\n s\n}\n"
        "let a = f(1.0)",
    ),
    "a row": (
        "E0601",
        "fn f(x: Float[n, 3], k: Int) -> Float {\n let r = x[k] * 2.0\n r[0] + r[2]\n}\n"
        "let a = f([[1.0, 2.0, 3.0]], 0)\nlet b = f([[1.0, 2.0, 3.0]], 1)",
    ),
    "sizes": (
        "E0606",
        "fn f(x: Float[n]) -> Float {\n let y = 2.0 * (x as Float[3])\n y[0] + dot(y, y)\n}\n"
        "let a = f([1.0, 2.0, 3.0])\nlet b = f([1.0, 2.0])",
    ),
    "division": (
        "E0604",
        "fn f(n: Int) -> Int {\n let q = [7 // (n - k) for k in 0..3]\n q[0] + q[1] + q[2]\n}\n"
        "let a = f(5)\nlet b = f(2)",
    ),
    "an element that nothing reads": (
        "E0604",
        "fn f(n: Int) -> Int {\n let q = [7 // (n - k) for k in 0..3]\n q[0]\n}\nlet a = f(5)\nlet b = f(2)",
    ),
    "an index of an element that nothing reads": (
        "E0601",
        "fn f(n: Int, x: Float[m]) -> Float {\n let q = [x[n], x[n + 1]]\n q[0]\n}\n"
        "let a = f(0, [1.0, 2.0, 3.0])\nlet b = f(2, [1.0, 2.0, 3.0])",
    ),
    "an assertion": (
        "E0608",
        'fn f(x: Float[3]) -> Float {\n for k in 0..3 { assert x[k] > 0.0, "negative" }\n sum(x)\n}\n'
        "let a = f([1.0, 2.0, 3.0])\nlet b = f([1.0, -2.0, 3.0])",
    ),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_faults_stay(name: str) -> None:
    code, text = FAULTS[name]
    assert agree(text).fault.startswith(code)


# ---- what is left of the arrays


def compiled(text: str, kernels: bool, function: str = "") -> Program:
    def go() -> Program:
        session, entry = entered(text)
        known = session.lowering.program
        name = next((fn.name for fn in known.fns.values() if fn.label == function), entry.unit.entry)
        program = compile(known, name, kernels=kernels)
        verify(program)
        return program

    return deep(go)


def arrays_in_loops(program: Program, inside: bool = False) -> list[str]:
    """Small arrays of numbers that loops make or change."""

    def visit(lets: tuple[Let, ...], inside: bool) -> None:
        for let in lets:
            builds = isinstance(let.value, Loop) and any(isinstance(r, Build) for r in let.value.results)
            if inside and (isinstance(let.value, Make | Fill | Update) or builds):
                found.extend(v.name for v in let.names if small(v))
            for _, block in blocks(let.value):
                visit(block.lets, inside or isinstance(let.value, Loop))

    found: list[str] = []
    for fn in program.fns.values():
        visit(fn.body.lets, inside)
    return found


def small(v: Var) -> bool:
    if not isinstance(v.type, ArrayType) or not isinstance(v.type.elem, Scalar):
        return False
    total = 1
    for n in v.type.dims:
        if n is None:
            return False
        total *= n
    return total <= 16


@pytest.mark.parametrize("text", [MATRICES, ORBIT, STRUCTS, QUATERNIONS.replace("let c = hessian", "# ")])
def test_no_loop_makes_a_small_array(text: str) -> None:
    assert arrays_in_loops(compiled(text, False))
    left = arrays_in_loops(compiled(text, True))
    rows = [let for fn in compiled(text, True).fns.values() for let in lets_of(fn.body) if isinstance(let.value, Loop)]
    # a row that goes onto a tape is made where the turn ends
    taped = sum(isinstance(r, Build) for let in rows for r in let.value.results)  # type: ignore[union-attr]
    assert len(left) <= taped, left


LOOKED_UP = """
fn f(x: Float[n], table: Float[6]) -> Float {
  var t = [0.5 * v for v in table]
  for i in 0..len(x) { t[i % 6] = x[i] + t[(i + 1) % 6] }
  t[0]
}
fn work(n: Int) -> Float = f([float(i) for i in 0..n], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
let a = work(7)
"""


def test_an_array_with_positions_of_the_run_stays_in_place() -> None:
    program = compiled(LOOKED_UP, True, "work")
    made = [let for fn in program.fns.values() for let in lets_of(fn.body) if isinstance(let.value, Update)]
    assert len(made) == 1
    assert arrays_in_loops(program) == [made[0].names[0].name]
    agree(LOOKED_UP, 0.0)


POINTLESS = """
fn f(p: Float[16], q: Float[16]) -> Float[16] = [p[i] * q[i] + 1.0 for i in 0..16]
"""


def test_loops_that_lead_to_no_scalars_stay() -> None:
    program = compiled(POINTLESS, True, "f")
    assert any(isinstance(let.value, Loop) for fn in program.fns.values() for let in lets_of(fn.body))


def allocations(text: str) -> int:
    """How many places of the kernels' text make an array."""

    program = compiled(text, True, "work")
    emitted = deep(lambda: Kernels(program).text(program.entry)).text
    return emitted.count("np.empty(") + emitted.count("np.zeros(") + emitted.count(".copy()")


RATE = """
fn rate(z: Float[2]) -> Float[2] = [1.5 * z[0] - z[0] * z[1], z[0] * z[1] - 3.0 * z[1]]
fn work(a: Float, b: Float) -> Float {
  var z = [a, b]
  for t in 0..100 { z += 0.01 * (rate(z) + rate(z + 0.01 * rate(z))) }
  dot(z, z)
}
"""


def test_a_state_of_two_numbers_takes_no_memory() -> None:
    assert allocations(RATE) == 0
