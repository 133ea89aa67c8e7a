"""Random well-typed dp programs that cross loops, branches, array writes, closures, structs, enums and recursion.

Each program defines `f(x: Float, v: Float[n], s: S) -> Float`, smooth in every argument but on thin sets, with
values kept near one so that finite differences mean something. `generate(seed)` always gives the same program.
"""

from __future__ import annotations

import random
from collections.abc import Callable

PRELUDE = """\
struct S { a: Float, b: Float, k: Int }
struct Cell { pos: Float, vel: Float }
enum T { L(Float), N(T, T), W(Float, Int) }

fn tree(x: Float, d: Int) -> T {
  if d <= 0 { return L(x) }
  if d == 2 { return W(sin(x), d) }
  N(tree(x * 0.7 + 0.1, d - 1), tree(cos(x), d - 2))
}

fn fold(t: T, c: Float) -> Float = match t {
  L(v) => v * c
  N(l, r) if c > 5.0 => fold(l, c)
  N(l, r) => sin(fold(l, c) + 0.5 * fold(r, 0.9 * c))
  W(v, k) => v + c * k
}

fn power(x: Float, n: Int) -> Float = if n == 0 { 1.0 } else { tanh(x * power(x, n - 1) + 0.3) }

fn pick(a: Float[m], i: Int) -> Float = a[i] * a[i] + 0.5 * a[(i + 1) % m]

fn swap_in(a: Float[m], i: Int, e: Float) -> Float[m] {
  var b = a
  b[i] = e * b[i]
  b
}

fn first_above(a: Float[m], c: Float) -> Float {
  for e in a { if e > c { return e * e } }
  c * 0.5
}

fn halve(a: Float[m]) -> Float = if m <= 1 { sum(sin(e) for e in a) } else {
  halve(a[0..m // 2]) + 0.7 * halve(a[m // 2..m])
}
"""


class Generator:
    """Writes one program; `scope` holds what may be read, by kind of value."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.counter = 0
        self.depth = 0

    def fresh(self, hint: str) -> str:
        self.counter += 1
        return f"{hint}{self.counter}"

    def choose(self, options: list[str]) -> str:
        return self.random.choice(options)

    def constant(self) -> str:
        return f"{self.random.uniform(0.2, 1.5):.3f}"

    # ---- expressions

    def scalar(self, scope: Scope, depth: int = 3) -> str:
        """A Float expression of moderate size and value."""
        if depth == 0 or self.random.random() < 0.15:
            return self.leaf(scope)
        shapes: list[Callable[[], str]] = [
            lambda: f"sin({self.scalar(scope, depth - 1)})",
            lambda: f"cos({self.scalar(scope, depth - 1)})",
            lambda: f"tanh({self.scalar(scope, depth - 1)})",
            lambda: f"sigmoid({self.scalar(scope, depth - 1)})",
            lambda: f"({self.scalar(scope, depth - 1)} + {self.scalar(scope, depth - 1)})",
            lambda: f"({self.scalar(scope, depth - 1)} - {self.scalar(scope, depth - 1)})",
            lambda: f"{self.scalar(scope, depth - 1)} * {self.scalar(scope, depth - 1)}",
            lambda: f"{self.scalar(scope, depth - 1)} / (1.5 + tanh({self.scalar(scope, depth - 1)}))",
            lambda: f"tanh({self.scalar(scope, depth - 1)})^2",
            lambda: f"exp(-({self.scalar(scope, depth - 1)})^2)",
            lambda: f"sqrt(1.0 + ({self.scalar(scope, depth - 1)})^2)",
            lambda: f"log(2.0 + sin({self.scalar(scope, depth - 1)}))",
            lambda: (
                f"if {self.condition(scope)} {{ {self.scalar(scope, depth - 1)} }} "
                f"else {{ {self.scalar(scope, depth - 1)} }}"
            ),
            lambda: f"power({self.scalar(scope, depth - 1)}, {self.random.randint(0, 4)})",
            lambda: f"fold(tree({self.scalar(scope, depth - 1)}, {self.random.randint(0, 4)}), {self.leaf(scope)})",
            lambda: self.reduction(scope, depth - 1),
            lambda: self.inner_gradient(scope),
            lambda: f"halve({self.array(scope)})",
            lambda: f"pick({self.array(scope)}, {self.index(scope)})",
            lambda: f"first_above({self.array(scope)}, {self.leaf(scope)})",
            lambda: f"max({self.leaf(scope)}, {self.leaf(scope)})",
            lambda: f"({self.scalar(scope, depth - 1)} |> (t -> t * {self.leaf(scope)}))",
        ]
        if self.depth > 2:
            shapes = shapes[:12]
        return self.random.choice(shapes)()

    def leaf(self, scope: Scope) -> str:
        options = [*scope.floats]
        options += [f"{a}[{self.index(scope)}]" for a in scope.arrays]
        options += [f"{g}({self.choose(scope.floats)})" for g in scope.closures]
        options += [f"{c}[{self.index(scope)}].{self.choose(['pos', 'vel'])}" for c in scope.cells]
        options += [f"0.1 * {i}" for i in scope.ints]
        if self.random.random() < 0.15:
            return self.constant()
        return self.choose(options)

    def index(self, scope: Scope) -> str:
        return self.choose(["0", "1", "2", *(f"({i} % 3)" for i in scope.ints)])

    def array(self, scope: Scope) -> str:
        return self.choose([*scope.arrays, *(f"{a}[0..3]" for a in scope.arrays)])

    def condition(self, scope: Scope) -> str:
        options = [f"{self.leaf(scope)} > {self.constant()}"]
        options += [f"{i} % 2 == 0" for i in scope.ints]
        options += [f"s.k > {self.random.randint(0, 3)}"]
        options += [f"{self.leaf(scope)} < {self.leaf(scope)} and s.k != 7"]
        return self.choose(options)

    def reduction(self, scope: Scope, depth: int) -> str:
        i = self.fresh("i")
        a = self.choose(scope.arrays)
        inner = scope.with_(floats=[f"{a}[{i}]"], ints=[i])
        self.depth += 1
        body = self.scalar(inner, min(depth, 2))
        self.depth -= 1
        kind = self.choose(["sum", "sum", "mean", "max", "min", "logsumexp", "prod"])
        if kind == "prod":
            body = f"(1.2 + 0.3 * sin({body}))"
        return f"0.3 * {kind}({body} for {i} in 0..len({a}))"

    def inner_gradient(self, scope: Scope) -> str:
        t = self.fresh("t")
        self.depth += 2
        body = self.scalar(scope.with_(floats=[t]), 2)
        self.depth -= 2
        operator = self.choose(["grad(g)(P)", "value_and_grad(g)(P)[0]", "jvp(g)(P, 0.5)[1]"])
        at = self.leaf(scope)
        g = f"({t}: Float) -> sin({t}) * {t} + {body}"
        return f"{{ let g = {g}\n{operator.replace('P', at)} }}"

    # ---- statements

    def statements(self, scope: Scope, n: int, indent: str) -> str:
        lines = []
        for _ in range(n):
            lines.append(self.statement(scope, indent))
        return "\n".join(lines)

    def statement(self, scope: Scope, indent: str) -> str:
        kinds: list[Callable[[Scope, str], str]] = [
            self.let, self.let, self.var, self.assign, self.assign, self.branch, self.loop, self.loop,
            self.write_loop, self.while_loop, self.write, self.closure, self.builder, self.slice,
            self.field_write, self.cells, self.push, self.whole, self.matrix, self.checkpoint,
            self.breaking, self.match, self.tuple, self.literal, self.literal, self.checkpoint,
        ]  # fmt: skip
        if self.depth >= 2:
            kinds = [self.let, self.assign, self.assign, self.write, self.field_write]
        return self.random.choice(kinds)(scope, indent)

    def let(self, scope: Scope, indent: str) -> str:
        e, name = self.scalar(scope), self.fresh("u")
        scope.floats.append(name)
        return f"{indent}let {name} = {e}"

    def var(self, scope: Scope, indent: str) -> str:
        e, name = self.scalar(scope, 1), self.fresh("h")
        scope.floats.append(name)
        scope.variables.append(name)
        return f"{indent}var {name} = {e}"

    def assign(self, scope: Scope, indent: str) -> str:
        h = self.choose(scope.variables)
        e = self.scalar(scope, 2)
        return f"{indent}" + self.choose([f"{h} = tanh({e})", f"{h} += 0.3 * sin({e})", f"{h} = 0.5 * {h} + cos({e})"])

    def write(self, scope: Scope, indent: str) -> str:
        a, i = self.choose(scope.mutable_arrays), self.index(scope)
        e = self.scalar(scope, 2)
        return f"{indent}" + self.choose(
            [f"{a}[{i}] = tanh({e})", f"{a}[{i}] += 0.2 * sin({e})", f"{a}[{i}] -= 0.1 * cos({e})"]
        )

    def field_write(self, scope: Scope, indent: str) -> str:
        e = self.scalar(scope, 2)
        return f"{indent}" + self.choose(
            [f"p.a = sin({e})", f"p.b += 0.4 * tanh({e})", f"p.a -= 0.1 * {self.leaf(scope)}"]
        )

    def branch(self, scope: Scope, indent: str) -> str:
        self.depth += 1
        then = self.statements(scope.copy(), 2, indent + "  ")
        orelse = self.statements(scope.copy(), 1, indent + "  ")
        self.depth -= 1
        return f"{indent}if {self.condition(scope)} {{\n{then}\n{indent}}} else {{\n{orelse}\n{indent}}}"

    def loop(self, scope: Scope, indent: str) -> str:
        i = self.fresh("i")
        high = self.choose([str(self.random.randint(0, 4)), "len(v)", "3", *(f"{j} % 3" for j in scope.ints)])
        over = self.choose(
            [f"0..{high}", f"0..{high}", f"reverse(0..{high})", f"1..{high}" if high == "len(v)" else f"0..{high}"]
        )
        self.depth += 1
        body = self.statements(scope.with_(ints=[i]), 2, indent + "  ")
        self.depth -= 1
        return f"{indent}for {i} in {over} {{\n{body}\n{indent}}}"

    def write_loop(self, scope: Scope, indent: str) -> str:
        i, a = self.fresh("i"), self.choose(scope.mutable_arrays)
        self.depth += 2
        e = self.scalar(scope.with_(ints=[i], floats=[f"{a}[{i} - 1]"]), 2)
        self.depth -= 2
        form = self.choose([f"{a}[{i}] = tanh({e})", f"{a}[{i}] += 0.3 * sin({e})",
                            f"{a} = swap_in({a}, {i}, cos({e}))"])  # fmt: skip
        return f"{indent}for {i} in 1..len({a}) {{ {form} }}"

    def while_loop(self, scope: Scope, indent: str) -> str:
        c, h = self.fresh("c"), self.choose(scope.variables)
        self.depth += 1
        body = self.statements(scope.with_(ints=[c]), 1, indent + "  ")
        self.depth -= 1
        test = self.choose([f"{c} < 3", f"{c} < 6 and {h} < 1.7"])
        return f"{indent}var {c} = 0\n{indent}while {test} {{\n{body}\n{indent}  {c} += 1\n{indent}}}"

    def breaking(self, scope: Scope, indent: str) -> str:
        i, h = self.fresh("i"), self.choose(scope.variables)
        self.depth += 1
        body = self.statements(scope.with_(ints=[i]), 1, indent + "  ")
        self.depth -= 1
        jump = self.choose(["break", "continue"])
        return (
            f"{indent}for {i} in 0..5 {{\n{indent}  if {h} > 0.9 {{ {jump} }}\n{body}\n"
            f"{indent}  {h} += 0.25\n{indent}}}"
        )

    def closure(self, scope: Scope, indent: str) -> str:
        g, t = self.fresh("g"), self.fresh("t")
        self.depth += 2
        e = self.scalar(scope.with_(floats=[t]), 2)
        self.depth -= 2
        scope.closures.append(g)
        return f"{indent}let {g} = ({t}: Float) -> sin({t}) + {e}"

    def builder(self, scope: Scope, indent: str) -> str:
        i, name = self.fresh("i"), self.fresh("w")
        self.depth += 1
        e = self.scalar(scope.with_(ints=[i]), 2)
        self.depth -= 1
        scope.arrays.append(name)
        word = self.choose(["let", "var"])
        if word == "var":
            scope.mutable_arrays.append(name)
        return f"{indent}{word} {name} = [{e} for {i} in 0..{self.random.randint(3, 5)}]"

    def slice(self, scope: Scope, indent: str) -> str:
        a, name = self.choose(scope.arrays), self.fresh("w")
        scope.arrays.append(name)
        return f"{indent}let {name} = " + self.choose(
            [f"concat({a}[0..2], {a}[1..3])", f"{a}[0..3]", f"sin({a})", f"2.0 * {a} - 0.1"]
        )

    def literal(self, scope: Scope, indent: str) -> str:
        name, a, b = self.fresh("w"), self.leaf(scope), self.leaf(scope)
        e = self.choose([f"[{a}, {b}, {self.scalar(scope, 1)}]", f"full(4, sin({a}))", f"full(3, {a} * {b})"])
        scope.arrays.append(name)
        scope.mutable_arrays.append(name)
        use = f"h = tanh(0.5 * h + {name}[0] * {name}[2])"
        return f"{indent}var {name} = {e}\n{indent}{use}"

    def cells(self, scope: Scope, indent: str) -> str:
        c, i = self.fresh("c"), self.fresh("i")
        self.depth += 2
        e = self.scalar(scope, 1)
        self.depth -= 2
        scope.cells.append(c)
        return (
            f"{indent}var {c} = [Cell(pos = {e}, vel = 0.1 * {i}) for {i} in 0..3]\n"
            f"{indent}for {i} in 0..3 {{ {c}[{i}].vel -= 0.5 * sin({c}[{i}].pos)\n"
            f"{indent}  {c}[{i}].pos += 0.3 * {c}[{i}].vel }}"
        )

    def push(self, scope: Scope, indent: str) -> str:
        y, i, h = self.fresh("y"), self.fresh("i"), self.choose(scope.floats)
        name = self.fresh("u")
        scope.floats.append(name)
        return (
            f"{indent}var {y}: Float[?] = []\n"
            f"{indent}for {i} in 0..4 {{ {y} = concat({y}, [sin({h} + {i})]) }}\n"
            f"{indent}let {name} = sum(e * e for e in {y})"
        )

    def whole(self, scope: Scope, indent: str) -> str:
        a, name = self.choose(scope.arrays), self.fresh("w")
        e = self.choose([f"sort({a})", f"cumsum({a})", f"reverse({a})", f"[sin(e) for e in {a}]"])
        scope.arrays.append(name)
        return f"{indent}let {name} = {e}"

    def matrix(self, scope: Scope, indent: str) -> str:
        m, name, a = self.fresh("m"), self.fresh("w"), self.choose(scope.floats)
        scope.arrays.append(name)
        use = self.choose(
            [f"{m} @ v[0..3]", f"{m}[1]", f"{m}[.., 2]", f"[sum({m}[i, k] * v[k] for k in 0..3) for i in 0..4]"]
        )
        return f"{indent}let {m} = [sin({a} * i + j) for i in 0..4, j in 0..3]\n{indent}let {name} = {use}"

    def checkpoint(self, scope: Scope, indent: str) -> str:
        name, e = self.fresh("u"), self.scalar(scope, 2)
        scope.floats.append(name)
        return f"{indent}let {name} = checkpoint {{ let q = {e}\n{indent}  q * sin(q) }}"

    def match(self, scope: Scope, indent: str) -> str:
        h, e = self.choose(scope.variables), self.scalar(scope, 1)
        return (
            f"{indent}match tree({e}, {self.random.randint(0, 3)}) {{\n"
            f"{indent}  L(q) => {h} = sin(q)\n{indent}  W(q, k) => {h} = q * k\n"
            f"{indent}  N(l, r) => {h} = fold(l, 0.5) + {h} * 0.2\n{indent}}}"
        )

    def tuple(self, scope: Scope, indent: str) -> str:
        a, b = self.fresh("u"), self.fresh("u")
        text = f"{indent}let ({a}, {b}) = ({self.scalar(scope, 1)}, {self.scalar(scope, 1)})"
        scope.floats += [a, b]
        return text

    def program(self) -> str:
        scope = Scope(["x", "s.a", "s.b", "p.a", "p.b", "h"], ["v", "z"], ["z"], ["h"], ["s.k"], [], [])
        body = self.statements(scope, self.random.randint(2, 6), "  ")
        result = self.scalar(scope, 2)
        return (
            f"{PRELUDE}\nfn f(x: Float, v: Float[n], s: S) -> Float {{\n"
            f"  var p = s\n  var z = v\n  var h = 0.5 * x\n{body}\n"
            f"  {result} + 0.3 * h + 0.2 * sum(z) + 0.1 * p.a * p.b\n}}\n"
        )


WIDE = """\

enum Bag { Empty, Some(Float[?]), Both(Bag, Bag) }

fn bag(a: Float[m], d: Int) -> Bag = if d <= 0 { Empty } else if d == 1 { Some(sin(a)) } else {
  Both(bag(a, d - 1), Some(0.5 * a))
}

fn weigh(b: Bag, c: Float) -> Float = match b {
  Empty => c
  Some(a) => c * sum(a)
  Both(l, r) => sin(weigh(l, c) + 0.3 * weigh(r, 0.5 * c))
}
"""


class Wide(Generator):
    """Programs that also choose arrays by a branch, pass payload arrays on, keep small arrays as state, work on rows of
    a table, transpose, and check with messages."""

    def statement(self, scope: Scope, indent: str) -> str:
        kinds = [self.chosen, self.payload, self.state, self.rows, self.transposed, self.checked]
        if self.depth < 2 and self.random.random() < 0.5:
            return self.random.choice(kinds)(scope, indent)
        return super().statement(scope, indent)

    def chosen(self, scope: Scope, indent: str) -> str:
        name, a, b = self.fresh("w"), self.choose(scope.arrays), self.choose(scope.arrays)
        text = f"{indent}var {name} = if {self.condition(scope)} {{ {a}[0..3] }} else {{ {b}[0..3] }}\n"
        use = f"{indent}{name}[1] += 0.2 * sin({self.leaf(scope)})"
        scope.arrays.append(name)
        scope.mutable_arrays.append(name)
        return text + use

    def payload(self, scope: Scope, indent: str) -> str:
        name, a = self.fresh("u"), self.choose(scope.arrays)
        text = f"{indent}let {name} = weigh(bag({a}, {self.random.randint(0, 3)}), {self.leaf(scope)})"
        scope.floats.append(name)
        return text

    def state(self, scope: Scope, indent: str) -> str:
        n, name, i = self.random.randint(2, 4), self.fresh("y"), self.fresh("i")
        start = ", ".join(self.leaf(scope) for _ in range(n))
        step = self.choose([f"tanh({name} + 0.1)", f"0.9 * {name} + 0.1 * reverse({name})", f"sin({name})"])
        held = f"{indent}var {name} = [{start}]\n{indent}for {i} in 0..3 {{ {name} = {step} }}\n"
        h = self.choose(scope.variables)
        return f"{held}{indent}{h} = tanh(0.5 * {h} + sum({name}))"

    def rows(self, scope: Scope, indent: str) -> str:
        m, name, a = self.fresh("m"), self.fresh("w"), self.choose(scope.floats)
        table = f"{indent}var {m} = [[sin({a} + i), cos({a} * i), 0.1 * i] for i in 0..4]\n"
        write = f"{indent}{m}[2] = {m}[1] * 0.5\n{indent}{m}[3][0] += {self.leaf(scope)}\n"
        scope.arrays.append(name)
        return f"{table}{write}{indent}let {name} = [dot({m}[i], {m}[i]) for i in 0..4]"

    def transposed(self, scope: Scope, indent: str) -> str:
        m, name, a = self.fresh("m"), self.fresh("w"), self.choose(scope.floats)
        scope.arrays.append(name)
        use = self.choose([f"transpose({m})[1]", f"transpose({m}) @ v[0..4]", f"(transpose({m}) @ {m})[0]"])
        return f"{indent}let {m} = [sin({a} * i + j) for i in 0..4, j in 0..3]\n{indent}let {name} = {use}"

    def checked(self, scope: Scope, indent: str) -> str:
        a = self.leaf(scope)
        return f'{indent}assert abs({a}) < 1000.0, "{{{a}}} is too large"'

    def program(self) -> str:
        return super().program().replace(PRELUDE, PRELUDE + WIDE, 1)


class Scope:
    """What may be read and written at a point of a program, by kind."""

    def __init__(
        self, floats: list[str], arrays: list[str], mutable_arrays: list[str], variables: list[str],
        ints: list[str], closures: list[str], cells: list[str],
    ) -> None:  # fmt: skip
        self.floats, self.arrays, self.mutable_arrays = floats, arrays, mutable_arrays
        self.variables, self.ints, self.closures, self.cells = variables, ints, closures, cells

    def copy(self) -> Scope:
        return self.with_()

    def with_(self, floats: list[str] | None = None, ints: list[str] | None = None) -> Scope:
        """A copy with more to read; what is defined in it does not reach this one."""
        return Scope(
            [*self.floats, *(floats or [])], [*self.arrays], [*self.mutable_arrays], [*self.variables],
            [*self.ints, *(ints or [])], [*self.closures], [*self.cells],
        )  # fmt: skip


def generate(seed: int) -> str:
    """The program of a seed."""
    return Generator(seed).program()


def generate_wide(seed: int) -> str:
    """The same with all that `Wide` adds."""
    return Wide(seed).program()


if __name__ == "__main__":
    import sys

    print((generate_wide if sys.argv[2:] else generate)(int(sys.argv[1])))
