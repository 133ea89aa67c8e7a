"""dp from Python: values in and out, calls, derivatives, classes, and faults as dp.Error."""

from __future__ import annotations

import copy
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dplang as dp


def source(text: str) -> Any:
    return dp.source(textwrap.dedent(text))


@pytest.fixture(scope="module")
def m() -> Any:
    return source(
        """
        import random
        struct Wave { a: Float, b: Float > 0, c: Float
          ## The value at a time.
          fn at(self, t: Float) -> Float = self.a * sin(self.b * t + self.c)
        }
        struct Point { x: Float, y: Float = 2 }
        struct Scale { k: Float, fn call(self, x: Float) -> Float = self.k * x }
        struct Net[n] { w: Float[n], bias: Float = 0.5 }
        enum Tree { Leaf(Float), Fork(Tree, Tree) }
        enum Colour { Red, Green }

        let top = [1.0, 2.0, 3.0]
        let one = Point(1, 2)
        let count = 3
        let name = "dp"
        let pair = (1, true)
        let twice = (x: Float) -> 2 * x
        let rows = [Point(i, 2 * i) for i in 0..3]

        ## The wave at `t`.
        fn wave(w: Wave, t: Float) -> Float = w.a * sin(w.b * t + w.c)
        fn power(x: Float, k: Int = 2) -> Float = x^k
        fn dotted(x: Float[n], y: Float[n]) -> Float = sum(x * y)
        fn three(x: Float[3]) -> Float = sum(x)
        fn same[T](x: T) -> T = x
        fn first(x: Float[n]) -> Float[n] { var y = x; y[0] = 100; y }
        fn total(t: Tree) -> Float = match t { Leaf(v) => v * v, Fork(l, r) => total(l) + total(r) }
        fn shout(s: String) -> String = "{s}!"
        fn negate(b: Bool) -> Bool = not b
        fn apply(f: (Float) -> Float, x: Float) -> Float = f(x)
        fn length(p: Point) -> Float = sqrt(p.x^2 + p.y^2)
        fn swap(p: (Float, Int)) -> (Int, Float) = (p[1], p[0])
        fn draw(k: Key) -> Float = random.uniform(k)
        fn matrix(x: Float[n, m]) -> Float[m] = [sum(x[i, j] for i) for j in 0..m]
        fn nothing(x: Float) { }
        fn at(x: Float[n], i: Int) -> Float = x[i]
        fn flip(c: Colour) -> Colour = match c { Red => Green, Green => Red }
        fn half(x: Float32) -> Float32 = x / 2
        fn near(x: Float[n], y: Float[n]) -> Bool[n] = [x[i] == y[i] for i in 0..n]
        fn pair_of(f: (Float) -> Float, x: Float) -> ((Float) -> Float, Float) = (f, x)
        fn scaled(s: Scale, x: Float) -> Float = s(x)
        """
    )


# ---- calls


def test_numbers_go_in_and_out(m: Any) -> None:
    assert m.power(3.0) == 9.0
    assert m.power(3, k=3) == 27.0
    assert m.power(x=2, k=5) == 32.0
    assert isinstance(m.power(3), float)
    assert m.negate(True) is False
    assert m.negate(np.bool_(False)) is True
    assert m.shout("hi") == "hi!"
    assert m.at([1, 2, 3], np.int32(1)) == 2.0
    assert m.nothing(1.0) is None
    assert m.swap((1.5, 2)) == (2, 1.5)


def test_arrays_go_in_and_out(m: Any) -> None:
    assert m.dotted([1, 2], [3.0, 4.0]) == 11.0
    assert m.dotted(np.arange(3), np.ones(3)) == 3.0
    assert m.dotted([], []) == 0.0
    out = m.matrix(np.arange(6.0).reshape(2, 3).T)
    assert out.dtype == np.float64
    assert out.tolist() == [3.0, 12.0]
    assert m.near([1.0, 2.0], [1.0, 3.0]).tolist() == [True, False]


def test_float32_is_a_type_of_its_own(m: Any) -> None:
    out = m.half(np.arange(3, dtype=np.float32))
    assert out.dtype == np.float32
    assert out.tolist() == [0.0, 0.5, 1.0]
    assert type(m.half(np.float32(3))) is np.float32
    with pytest.raises(dp.Error, match="Float32"):
        m.power(np.float32(3))


def test_no_array_is_shared(m: Any) -> None:
    x = np.array([1.0, 2.0])
    y = m.first(x)
    assert x.tolist() == [1.0, 2.0]
    assert y.tolist() == [100.0, 2.0]
    kept = m.same(x)
    kept[0] = 7.0
    assert x[0] == 1.0
    top = m.top
    top[0] = 50.0
    assert m.top[0] == 1.0
    w = m.Net(w=x)
    x[0] = 9.0
    assert w.w[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        w.w[0] = 3.0
    frozen = np.array([1.0, 2.0])
    frozen.flags.writeable = False
    assert m.first(frozen).tolist() == [100.0, 2.0]


def test_layouts_of_arrays_do_not_matter(m: Any) -> None:
    x = np.arange(12.0)
    assert m.dotted(x[::2], x[::-2]) == float(np.dot(x[::2], x[::-2]))
    assert m.dotted(x.astype(">f8"), x) == float(x @ x)
    assert m.dotted(x.astype("u1"), x.astype("i2")) == float(x @ x)
    assert m.three(range(3)) == 3.0


def test_calls_lift_over_leading_dimensions(m: Any) -> None:
    assert m.power(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 4.0, 9.0]
    assert m.dotted(np.ones((4, 3)), [1, 2, 3]).tolist() == [6.0] * 4
    w = m.Wave(a=2, b=1, c=0)
    ts = np.linspace(0, 1, 5)
    assert np.allclose(m.wave(w, ts), 2 * np.sin(ts))
    assert np.allclose(m.wave(w, t=ts.reshape(5, 1)), 2 * np.sin(ts).reshape(5, 1))


def test_generic_functions_take_the_types_of_their_values(m: Any) -> None:
    assert m.same(3) == 3 and isinstance(m.same(3), int)
    assert m.same(3.0) == 3.0 and isinstance(m.same(3.0), float)
    assert m.same("x") == "x"
    assert m.same((1, (2.5, "a"))) == (1, (2.5, "a"))
    assert m.same(np.array([[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]
    assert m.same(["a", "b"]).tolist() == ["a", "b"]
    assert m.same([(1, 2.0), (3, 4.0)]) == [(1, 2.0), (3, 4.0)]
    assert m.same(m.one) == m.one
    assert m.same(True) is True


def test_functions_go_in(m: Any) -> None:
    assert m.apply(m.twice, 4) == 8.0
    assert m.apply(m.power, 4) == 16.0
    assert m.twice(3) == 6.0
    assert m.apply(dp.grad(m.power), 4) == 8.0
    assert m.apply(m.Scale(k=3).call, 2) == 6.0
    assert m.apply(m.pair_of(m.twice, 3)[0], 2) == 4.0


def test_keys(m: Any) -> None:
    k = dp.key(0)
    assert m.draw(k) == m.draw(dp.key(0)) != m.draw(dp.key(1))
    assert m.same(k) == k
    assert "Key" in repr(k)


def test_names_are_attributes(m: Any) -> None:
    assert m.top.tolist() == [1.0, 2.0, 3.0]
    assert (m.count, m.name, m.pair) == (3, "dp", (1, True))
    assert "wave" in dir(m) and "Wave" in dir(m)
    assert m.wave.__name__ == "wave"
    assert m.wave.__doc__ == "The wave at `t`."
    assert "Wave" in repr(m.wave) and "Float" in repr(m.wave)
    assert not hasattr(m, "no_such_name")
    with pytest.raises(dp.Error, match="did you mean `wave`"):
        _ = m.wav


def test_the_same_call_again_is_quick(m: Any) -> None:
    import time

    m.power(1.0)
    start = time.perf_counter()
    for i in range(100):
        m.power(float(i))
    assert time.perf_counter() - start < 1.0


# ---- structs and enums


def test_structs_are_classes(m: Any) -> None:
    w = m.Wave(a=1.0, b=2, c=0)
    assert isinstance(w, m.Wave)
    assert (w.a, w.b, w.c) == (1.0, 2.0, 0.0)
    assert repr(w) == "Wave(a=1.0, b=2.0, c=0.0)"
    assert w == m.Wave(1, 2, 0) and w != m.Wave(1, 3, 0) and w != 3
    assert m.Point(1).y == 2.0
    assert isinstance(m.one, m.Point) and m.one == m.Point(1, 2)
    assert m.length(m.Point(3, 4)) == 5.0
    assert w.at(0.5) == m.wave(w, 0.5)
    assert np.allclose(w.at([0.5, 1.0]), m.wave(w, [0.5, 1.0]))
    assert m.Scale(k=2)(4) == 8.0
    with pytest.raises(AttributeError):
        w.a = 3.0
    with pytest.raises(dp.Error, match="did you mean"):
        _ = w.aa
    assert copy.copy(w) == w and copy.deepcopy(w) == w


def test_structs_have_sizes(m: Any) -> None:
    net = m.Net([1, 2, 3])
    assert net.w.tolist() == [1.0, 2.0, 3.0]
    assert net.bias == 0.5
    assert repr(net) == "Net(w=[1.0, 2.0, 3.0], bias=0.5)"
    assert net == m.Net(np.array([1.0, 2.0, 3.0])) and net != m.Net([1, 2])


def test_constructors_lift(m: Any) -> None:
    ps = m.Point(np.arange(3.0), y=1)
    assert len(ps) == 3 and ps.shape == (3,)
    assert ps.x.tolist() == [0.0, 1.0, 2.0]
    assert ps[1] == m.Point(1, 1)
    assert isinstance(ps, m.Point) and isinstance(ps[1], m.Point)
    assert ps[1:].x.tolist() == [1.0, 2.0]
    assert [p.x for p in ps] == [0.0, 1.0, 2.0]
    assert m.length(ps).tolist() == [np.hypot(i, 1.0) for i in range(3)]
    assert m.rows[2] == m.Point(2, 4)
    assert m.length([m.Point(3, 4), m.Point(0, 1)]).tolist() == [5.0, 1.0]
    assert "Point[3]" in repr(ps)
    with pytest.raises(IndexError):
        _ = ps[3]
    with pytest.raises(TypeError):
        len(ps[0])


def test_vector_space(m: Any) -> None:
    p = m.Point(1, 2)
    assert p + m.Point(1, 1) == m.Point(2, 3)
    assert p - 0.5 * p == m.Point(0.5, 1)
    assert -p == m.Point(-1, -2)
    w = m.Wave(a=1, b=2, c=0)
    g = dp.grad(m.wave)(w, 0.5)
    assert (w - 0.1 * g).a == w.a - 0.1 * g.a


def test_enums_are_classes(m: Any) -> None:
    t = m.Fork(m.Leaf(1), m.Fork(m.Leaf(2.0), m.Leaf(3)))
    assert isinstance(t, m.Tree) and isinstance(t, m.Fork) and not isinstance(t, m.Leaf)
    assert m.total(t) == 14.0
    assert repr(t) == "Fork(Leaf(1.0), Fork(Leaf(2.0), Leaf(3.0)))"
    assert t == copy.copy(t) and t != m.Leaf(1)
    match t:
        case m.Fork(m.Leaf(v), right):
            assert v == 1.0 and right == m.Fork(m.Leaf(2), m.Leaf(3))
        case _:
            raise AssertionError
    assert m.flip(m.Red) == m.Green != m.Red
    assert repr(m.flip(m.Green)) == "Red"
    assert isinstance(m.Red, m.Colour)
    assert m.same([m.Red, m.Green])[1] == m.Green
    assert m.flip([m.Red, m.Green]).tolist() == [m.Green, m.Red]


def test_values_are_compared_as_wholes(m: Any) -> None:
    assert m.one != m.rows and m.rows == m.same(m.rows) and m.rows != m.rows[1:]
    loaded = source(
        """
        fn root(x: Float) -> Option[Float] = if x < 0 { None } else { Some(sqrt(x)) }
        fn value(o: Option[Float]) -> Float = match o { Some(v) => v, None => -1.0 }
        fn values(o: Option[Float][n]) -> Float[n] = [value(p) for p in o]
        fn some[T](x: T) -> Option[T] = Some(x)
        let none = root(-1.0)
        """
    )
    none = loaded.none
    assert loaded.root(-4.0) == none != loaded.root(4.0)
    assert loaded.root(4.0)[0] == 2.0
    assert loaded.some(1) != loaded.some(1.0) and loaded.some(1) != loaded.some([1])
    assert loaded.value(none) == -1.0
    assert loaded.values([none, loaded.root(9.0)]).tolist() == [-1.0, 3.0]


def test_variants_that_fit_several_types() -> None:
    loaded = source(
        """
        enum Maybe[T] { Just(T), Nothing }
        fn value(o: Maybe[Float]) -> Float = match o { Just(v) => v, Nothing => -1.0 }
        fn text(o: Maybe[String]) -> String = match o { Just(v) => v, Nothing => "nothing" }
        fn both(o: (Maybe[Float], Float)) -> Float = value(o[0]) + o[1]
        fn values(o: Maybe[Float][n]) -> Float[n] = [value(p) for p in o]
        """
    )
    assert loaded.value(loaded.Nothing) == -1.0
    assert loaded.text(loaded.Nothing) == "nothing"
    assert loaded.both((loaded.Nothing, 3.0)) == 2.0
    assert loaded.values([loaded.Nothing, loaded.Just(2.0)]).tolist() == [-1.0, 2.0]
    assert isinstance(loaded.Nothing, loaded.Maybe) and repr(loaded.Nothing) == "Nothing"


def test_lifting_what_gives_nothing(m: Any) -> None:
    assert m.nothing([1.0, 2.0]) == [None, None]


def test_gradients_come_back_as_the_same_classes(m: Any) -> None:
    p = dp.grad(m.length)(m.Point(3, 4))
    assert isinstance(p, m.Point) and np.allclose([p.x, p.y], [0.6, 0.8])
    w = m.Wave(a=1, b=2, c=0)
    g = dp.grad(m.wave)(w, 0.5)
    assert isinstance(g, m.Wave)
    assert np.isclose(g.a, np.sin(1.0)) and np.isclose(g.c, np.cos(1.0))
    g = dp.grad(m.total)(m.Fork(m.Leaf(1), m.Leaf(3)))
    assert isinstance(g, m.Fork) and [leaf[0] for leaf in g] == [2.0, 6.0]


# ---- derivatives


def test_derivative_operators(m: Any) -> None:
    assert dp.grad(m.power)(3.0) == 6.0
    assert dp.grad(m.power, wrt="x")(3.0, k=3) == 27.0
    assert dp.value_and_grad(m.power)(3.0) == (9.0, 6.0)
    assert dp.jvp(m.power)(3.0, 2, 10.0) == (9.0, 60.0)
    assert dp.vjp(m.power)(3.0, 2, 10.0) == (9.0, 60.0)
    assert dp.hvp(m.power)(3.0, 3, 1.0) == 18.0
    assert dp.hessian(m.power)(3.0, 3) == 18.0
    assert dp.jacobian(m.first)([1.0, 2.0]).tolist() == [[0.0, 0.0], [0.0, 1.0]]
    assert dp.grad(dp.grad(dp.grad(m.power)))(3.0, 4) == 72.0
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    gx, gy = dp.grad(m.dotted, wrt=("x", "y"))(x, y)
    assert gx.tolist() == y.tolist() and gy.tolist() == x.tolist()
    assert dp.grad(m.dotted, wrt="y")(x, y).tolist() == [1.0, 2.0]
    assert dp.grad(m.power)(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    w = m.Wave(1, 2, 0)
    assert np.isclose(dp.grad(w.at)(0.5), 2 * np.cos(1.0))


def test_descent_in_python(m: Any) -> None:
    target = np.array([1.0, -2.0])
    q = source("fn loss(x: Float[n], y: Float[n]) -> Float = sum((x - y)^2)")
    step = dp.value_and_grad(q.loss)
    x = np.zeros(2)
    for _ in range(50):
        loss, g = step(x, target)
        x -= 0.2 * g
    assert loss < 1e-9 and np.allclose(x, target, atol=1e-4)


# ---- files


def test_load_runs_the_file_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib.dp").write_text("fn double(x: Float) -> Float = 2 * x\n")
    path = tmp_path / "main.dp"
    path.write_text('import "./lib.dp" as lib\nprint("ran")\nlet y = lib.double(4)\n')
    loaded = dp.load(path)
    assert capsys.readouterr().out == "ran\n"
    assert loaded.y == 8.0
    assert loaded.lib.double(1) == 2.0
    assert capsys.readouterr().out == ""


def test_sizes_found_at_run_time() -> None:
    loaded = source(
        """
        struct Net[n] { w: Float[n] }
        enum Layer[n] { Plain(Float[n]), Skip }
        fn evens(n: Int) -> Float[?] {
          var y: Float[?] = zeros(0)
          for i in 0..n { if i % 2 == 0 { y = concat(y, [1.0 * i]) } }
          y
        }
        fn net(n: Int) -> Net[?] = Net(evens(n))
        fn apply(net: Net[n], x: Float[n]) -> Float = sum(net.w * x)
        fn layer(l: Layer[n], x: Float[n]) -> Float = match l { Plain(w) => sum(w * x), Skip => sum(x) }
        let xs = evens(7)
        let k = len(xs)
        fn scaled(x: Float) -> Float = x * k + sum(xs)
        """
    )
    assert loaded.xs.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert loaded.evens(4).tolist() == [0.0, 2.0]
    assert loaded.apply(loaded.net(4), [1, 2]) == 4.0
    assert loaded.apply(loaded.Net(loaded.evens(4)), [1, 2]) == 4.0
    assert loaded.layer(loaded.Plain(loaded.xs), loaded.xs) == 56.0
    assert loaded.layer(loaded.Skip, loaded.xs) == 12.0
    assert loaded.scaled(1.0) == 16.0
    with pytest.raises(dp.Error, match="3"):
        loaded.apply(loaded.net(4), [1, 2, 3])


def test_training(m: Any) -> None:
    loaded = source(
        """
        struct Line { a: Float, b: Float }
        let xs = [0.0, 1.0, 2.0]
        let ys = [1.0, 3.0, 5.0]
        let fit = train p = Line(0, 0) {
          minimize mean((p.a * xs + p.b - ys)^2)
          using adam(rate = 0.1)
          steps 500
        }
        sketch line(x: Float) -> Float = ?a * x + ?b
        let found = train line { minimize mean((line(xs) - ys)^2)  using adam(rate = 0.1)  steps 500 }
        """
    )
    assert isinstance(loaded.fit.value, loaded.Line)
    assert np.isclose(loaded.fit.value.a, 2.0, atol=1e-2)
    assert loaded.fit.history.shape == (500,)
    assert isinstance(loaded.fit.converged, bool)
    assert np.isclose(loaded.found.value(10), 21.0, atol=0.1)


# ---- faults


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.power(),
        lambda m: m.power(1.0, 2, 3),
        lambda m: m.power(1.0, q=2),
        lambda m: m.power(1.0, x=2),
        lambda m: m.power("x"),
        lambda m: m.power(None),
        lambda m: m.power(1.0, k=2.5),
        lambda m: m.power(1j),
        lambda m: m.power({}),
        lambda m: m.power(object()),
        lambda m: m.power(lambda x: x),
        lambda m: m.power(2**70),
        lambda m: m.power(np.array([1 + 2j])),
        lambda m: m.power(np.array(["2020-01-01"], dtype="datetime64[D]")),
        lambda m: m.power(np.array([object()])),
        lambda m: m.three([1.0, 2.0]),
        lambda m: m.three(1.0),
        lambda m: m.dotted([1.0], [1.0, 2.0]),
        lambda m: m.dotted([[1.0], [1.0, 2.0]], [1.0]),
        lambda m: m.matrix([[1, 2], "ab"]),
        lambda m: m.at([1.0], 5),
        lambda m: m.Wave(a=1.0),
        lambda m: m.Wave(a=1.0, b=-1.0, c=0.0),
        lambda m: m.Wave(a=1.0, b=1.0, c="x"),
        lambda m: m.Wave(a=1.0, b=1.0, c=0.0, d=0.0),
        lambda m: m.Leaf(),
        lambda m: m.Leaf("x"),
        lambda m: m.Tree(),
        lambda m: m.length(m.Wave(1, 2, 3)),
        lambda m: m.length(source("struct Point { x: Float, y: Float }").Point(1, 2)),
        lambda m: m.apply(source("fn f(x: Float) -> Float = x").f, 2),
        lambda m: m.apply(3, 2),
        lambda m: m.one + 1,
        lambda m: m.one + "x",
        lambda m: dp.grad(m.power, wrt="k")(3.0),
        lambda m: dp.grad(m.power, wrt="nope")(3.0),
        lambda m: dp.grad(m.power, wrt=3)(3.0),
        lambda m: dp.grad(m.power)("x"),
        lambda m: dp.grad(m.first)([1.0]),
        lambda m: dp.grad(m.shout)("x"),
        lambda m: dp.grad(3),
        lambda m: dp.grad(len),
        lambda m: dp.jvp(m.power)(3.0),
        lambda m: dp.vjp(m.first)([1.0, 2.0], [1.0]),
        lambda m: dp.load("no/such/file.dp"),
        lambda m: dp.load("/"),
        lambda m: dp.load(3),
        lambda m: dp.source("let x ="),
        lambda m: dp.source("let x = [1, 2][5]"),
        lambda m: dp.source(3),
        lambda m: dp.check("let x: Int = 2.5"),
        lambda m: dp.check(None),
        lambda m: dp.key("x"),
    ],
)
def test_only_errors_of_dp_escape(m: Any, call: Any) -> None:
    with pytest.raises(dp.Error) as caught:
        call(m)
    assert caught.value.diagnostics
    text = str(caught.value)
    assert text and "Traceback" not in text
    assert all(d.code.startswith("E0") and d.code != "E0001" for d in caught.value.diagnostics)


class Broken:
    def __array__(self, *args: object, **named: object) -> object:
        raise ZeroDivisionError


def strange_values(m: Any) -> list[Any]:
    """Values of all kinds that a Python program may hand over."""
    return [
        0, -1, 2.5, float("nan"), True, None, "", "a", b"x", 1j, [], [[]], [[], []], (), ((),), (1,), [True, 1],
        ["a", 1],
        [[1, 2], [3]], [[1.0, 2], [3, 4]], [(1, 2), (3, 4.0)], {}, {1}, range(3), iter([1]), object(), int, len, 2**63,
        np.float32(1), np.float16(2), np.int8(3), np.uint64(4), np.longdouble(1), np.complex64(1), np.array(5.0),
        np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0)), np.ones((2, 3)), np.array("s"), np.array(["a", "bb"]),
        np.array([1, None], object), np.ones(3, bool), np.ones(3, np.uint64), np.ones(3, np.float16),
        np.ones(3, np.longdouble), np.ones(3, complex), np.ones(3, "M8[s]"), np.ones(3, [("a", "f8")]),
        np.ma.masked_array([1.0, 2.0], [0, 1]), np.ones(4)[::-2], np.asfortranarray(np.ones((2, 3))), Broken(),
        dp.key(1), [dp.key(1)], m, m.one, m.rows, [m.one, m.one], m.Leaf(1), [m.Leaf(1), m.Red], [m.Red],
        (m.one, m.Red),
        m.power, [m.power], (m.power, 1), m.Point, m.Tree, dp.grad, dp.grad(m.power), m.Wave(1, 2, 3), m.Net([1, 2]),
    ]  # fmt: skip


def test_any_value_may_be_given_to_any_function(m: Any) -> None:
    functions = [m.power, m.dotted, m.same, m.total, m.apply, m.length, m.swap, m.draw, m.matrix, m.nothing, m.flip]
    functions += [m.Point, m.Net, m.Leaf, m.Scale(k=1), dp.grad(m.power), dp.jacobian(m.first), m.one.__add__]
    for f in functions:
        for x in strange_values(m):
            try:
                repr(f(x))
            except dp.Error as error:
                assert "E0001" not in str(error), (f, x)


def test_errors_say_what_and_where(m: Any) -> None:
    with pytest.raises(dp.Error) as caught:
        m.three([1.0, 2.0])
    assert "3" in str(caught.value) and "2" in str(caught.value)
    with pytest.raises(dp.Error) as caught:
        dp.check("fn f(x: Float) -> Float = floor(x)\nlet y = grad(f)(1.5)\n")
    [d] = caught.value.diagnostics
    assert d.code == "E0301" and d.severity == "error" and d.span.line == 2


def test_check_returns_warnings() -> None:
    assert list(dp.check("let x = 1\n")) == []
    warnings = dp.check("fn f(x: Float) -> Float = if x > 0 { x } else { 2.0 }\nlet y = grad(f)(1.5)\n")
    assert [w.code[0] for w in warnings] == ["W"]


def test_deep_recursion_is_a_diagnostic() -> None:
    loaded = source("fn f(n: Int) -> Int = if n == 0 { 0 } else { 1 + f(n - 1) }")
    assert loaded.f(10_000) == 10_000
    with pytest.raises(dp.Error):
        loaded.f(100_000_000)


def test_deep_values(m: Any) -> None:
    t = m.Leaf(1)
    for _ in range(300):
        t = m.Fork(t, m.Leaf(1))
    assert m.total(t) == 301.0


def test_importing_is_quick_and_imports_little() -> None:
    code = "import sys, dplang; print([n for n in ('numpy', 'numba', 'lark', 'rich') if n in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_what_the_module_offers() -> None:
    for name in dp.__all__:
        assert getattr(dp, name) is not None
    assert set(dp.__all__) <= set(dir(dp))
    with pytest.raises(AttributeError):
        _ = dp.nothing_like_it  # type: ignore[attr-defined]
