"""Laws of `nn`: layers and losses against references in NumPy, derivatives against numeric ones, and what trains."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import special

import dplang as dp
from library import Law, check
from running import run

Array = np.ndarray[Any, Any]

R = np.random.default_rng(5)


def draw(*shape: int) -> Array:
    return R.normal(size=shape)


def sigmoid(x: Array) -> Array:
    return np.asarray(special.expit(x))


# ---- references


def conv2d(w: Array, b: Array, x: Array, stride: int, padding: int) -> Array:
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    outputs, _, rows, columns = w.shape
    height, width = (x.shape[1] - rows) // stride + 1, (x.shape[2] - columns) // stride + 1
    y = np.empty((outputs, height, width))
    for f in range(outputs):
        for i in range(height):
            for j in range(width):
                patch = x[:, stride * i : stride * i + rows, stride * j : stride * j + columns]
                y[f, i, j] = b[f] + np.sum(w[f] * patch)
    return y


def conv1d(w: Array, b: Array, x: Array, stride: int, padding: int) -> Array:
    x = np.pad(x, ((0, 0), (padding, padding)))
    times = range(0, x.shape[1] - w.shape[2] + 1, stride)
    return np.array([[np.sum(w[f] * x[:, t : t + w.shape[2]]) + b[f] for t in times] for f in range(len(w))])


def rnn(w: Array, u: Array, b: Array, xs: Array) -> Array:
    state, states = np.zeros(len(u)), []
    for x in xs:
        state = np.tanh(w @ x + u @ state + b)
        states.append(state)
    return np.array(states)


def gru(w: Array, u: Array, b: Array, c: Array, xs: Array) -> Array:
    state, states = np.zeros(len(c)), []
    for x in xs:
        reset, update, new = np.split(w @ x + b, 3)
        r, z, n = np.split(u @ state, 3)
        gate = sigmoid(update + z)
        state = (1 - gate) * np.tanh(new + sigmoid(reset + r) * (n + c)) + gate * state
        states.append(state)
    return np.array(states)


def lstm(w: Array, u: Array, b: Array, xs: Array) -> Array:
    output, memory, outputs = np.zeros(u.shape[1]), np.zeros(u.shape[1]), []
    for x in xs:
        i, f, g, o = np.split(w @ x + u @ output + b, 4)
        memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
        output = sigmoid(o) * np.tanh(memory)
        outputs.append(output)
    return np.array(outputs)


def attention(q: Array, k: Array, v: Array, causal: bool = False) -> Array:
    fit = q @ k.T / np.sqrt(q.shape[1])
    if causal:
        fit = np.where(np.tril(np.ones_like(fit)) > 0, fit, -np.inf)
    return np.asarray(special.softmax(fit, axis=1) @ v)


def heads(q: Array, k: Array, v: Array, o: Array, x: Array, causal: bool) -> Array:
    seen = [attention(x @ a.T, x @ b.T, x @ c.T, causal) for a, b, c in zip(q, k, v, strict=True)]
    return np.concatenate(seen, axis=1) @ o.T


def layer_norm(g: Array, b: Array, x: Array) -> Array:
    return g * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) + b


def cross_entropy(z: Array, labels: Any) -> Any:
    return -np.take_along_axis(special.log_softmax(z, axis=-1), np.asarray(labels)[..., None], -1)[..., 0]


def huber(p: Array, y: Array, delta: float = 1.0) -> Any:
    return np.mean(special.huber(delta, p - y), axis=-1)


def pool(x: Array, w: int) -> Array:
    c, n, m = x.shape[0], x.shape[1] // w, x.shape[2] // w
    return x[:, : n * w, : m * w].reshape(c, n, w, m, w).max(axis=(2, 4))


PAIR = draw(2, 3)
W2, B2, IMAGE = draw(2, 3, 2, 3), draw(2), draw(3, 4, 5)
W1, SERIES = draw(2, 3, 3), draw(3, 7)
CELL = {"w": draw(3, 2), "u": draw(3, 3), "b": draw(3), "xs": draw(4, 2)}
GRU = {"w": draw(6, 3), "u": draw(6, 2), "b": draw(6), "c": draw(2), "xs": draw(4, 3)}
LSTM = {"w": draw(8, 3), "u": draw(8, 2), "b": draw(8), "xs": draw(4, 3)}
HEADS = {"q": draw(2, 2, 4), "k": draw(2, 2, 4), "v": draw(2, 2, 4), "o": draw(4, 4), "x": draw(3, 4)}
QKV = {"q": draw(3, 2), "k": draw(3, 2), "v": draw(3, 4)}
FAR = np.array([800.0, 0.0, -800.0])


def each(f: Callable[[Array], Array]) -> Callable[..., Array]:
    """f of each element of the last argument."""
    return lambda *a: np.array([f(*a[:-1], x) for x in a[-1]])


LAWS = (
    Law("nn.leaky_relu(x)", {"x": 1.5}, 1.5),
    Law("nn.leaky_relu(x, 0.2)", {"x": np.array([-2.0, 3.0])}, [-0.4, 3.0]),
    Law("nn.elu(x)", {"x": np.array([-2.0, 0.5])}, lambda x: np.where(x > 0, x, np.expm1(x))),
    Law("nn.elu(x, a)", {"x": -1e-12, "a": 2.0}, -2e-12 + 1e-24, order=0),
    Law("nn.gelu(x)", {"x": np.array([-2.0, 0.0, 1.5])}, lambda x: x * special.ndtr(x)),
    Law("nn.gelu(x)", {"x": -20.0}, -20 * special.ndtr(-20.0), name="gelu far below"),
    Law("nn.silu(x)", {"x": np.array([-2.0, 0.0, 1.5])}, lambda x: x * sigmoid(x)),
    Law("nn.silu(x)", {"x": np.array([-800.0, 800.0])}, [0.0, 800.0], order=1, name="silu far out"),
    Law("nn.Relu()(x)", {"x": np.array([[-1.0, 2.0]])}, [[0.0, 2.0]]),
    Law("nn.Tanh()(x)", {"x": 0.3}, np.tanh),
    Law("nn.Sigmoid()(x)", {"x": 0.3}, sigmoid),
    Law("nn.Gelu()(x)", {"x": 0.3}, lambda x: x * special.ndtr(x)),
    Law("nn.Silu()(x)", {"x": 0.3}, lambda x: x * sigmoid(x)),
    Law("nn.Dense(w, b)(x)", {"w": PAIR, "b": B2, "x": draw(3)}, lambda w, b, x: w @ x + b),
    Law("nn.Dense(w, b)(x)", {"w": PAIR, "b": B2, "x": draw(4, 3)}, lambda w, b, x: x @ w.T + b,
        name="dense of a batch"),
    Law(
        "nn.Sequence((nn.Dense(w, b), nn.Tanh(), nn.Dense(v, c)))(x)",
        {"w": PAIR, "b": B2, "v": draw(1, 2), "c": draw(1), "x": draw(4, 3)},
        lambda w, b, v, c, x: np.tanh(x @ w.T + b) @ v.T + c,
    ),
    Law(
        "(nn.Dense(w, b) >> nn.Tanh() >> sum)(x)",
        {"w": PAIR, "b": B2, "x": draw(3)},
        lambda w, b, x: np.sum(np.tanh(w @ x + b)),
    ),
    Law("nn.Conv1d(w, b)(x)", {"w": W1, "b": B2, "x": SERIES}, lambda w, b, x: conv1d(w, b, x, 1, 0)),
    Law(
        "nn.Conv1d(w, b, [(), ()], [()])(x)", {"w": W1, "b": B2, "x": SERIES}, lambda w, b, x: conv1d(w, b, x, 2, 1)
    ),
    Law("nn.Conv1d(w, b)(x)", {"w": W1, "b": B2, "x": draw(2, 3, 4)},
        lambda w, b, x: np.array([conv1d(w, b, s, 1, 0) for s in x]), name="conv1d of a batch"),
    Law("nn.Conv2d(w, b)(x)", {"w": W2, "b": B2, "x": IMAGE}, lambda w, b, x: conv2d(w, b, x, 1, 0)),
    Law(
        "nn.Conv2d(w, b, [(), ()], [(), ()])(x)", {"w": W2, "b": B2, "x": IMAGE}, lambda w, b, x: conv2d(w, b, x, 2, 2)
    ),
    Law("nn.Conv2d(w, b)(x)", {"w": W2, "b": B2, "x": draw(2, 3, 2, 3)},
        lambda w, b, x: np.array([conv2d(w, b, i, 1, 0) for i in x]), name="conv2d of a batch"),
    Law("nn.max_pool1d(2)(x)", {"x": draw(2, 5)}, lambda x: x[:, :4].reshape(2, 2, 2).max(axis=2)),
    Law("nn.max_pool2d(2)(x)", {"x": draw(2, 4, 5)}, lambda x: pool(x, 2)),
    Law("nn.max_pool2d(3)(x)", {"x": draw(2, 2, 2)}, np.zeros((2, 0, 0)), order=0,
        name="a window larger than the image"),
    Law("nn.Flatten1d()(x)", {"x": draw(2, 3)}, lambda x: x.reshape(-1)),
    Law("nn.Flatten2d()(x)", {"x": draw(2, 2, 3, 2)}, lambda x: x.reshape(2, -1)),
    Law("nn.LayerNorm(g, b)(x)", {"g": draw(3), "b": draw(3), "x": draw(2, 3)}, layer_norm),
    Law("nn.LayerNorm(g, b)(x)", {"g": draw(3), "b": draw(3), "x": np.full(3, 7.0)}, layer_norm,
        name="layer_norm of a constant", close=(1e-13, 1e-6, 1e-4)),
    Law("nn.Embedding(e)(i)", {"e": draw(4, 2), "i": np.array([3, 0, 3])}, lambda e, i: e[i]),
    Law("nn.RNN(w, u, b)(xs)", CELL, rnn),
    Law("nn.RNN(w, u, b)(xs)", {**CELL, "xs": draw(2, 3, 2)}, each(rnn), name="rnn of a batch"),
    Law("nn.RNN(w, u, b)(xs)", {**CELL, "xs": np.zeros((0, 2))}, np.zeros((0, 3)), order=0, name="rnn of nothing"),
    Law("nn.GRU(w, u, b, c)(xs)", GRU, gru),
    Law("nn.GRU(w, u, b, c)(xs)", {**GRU, "xs": draw(2, 2, 3)}, each(gru), name="gru of a batch"),
    Law("nn.LSTM(w, u, b)(xs)", LSTM, lstm),
    Law("nn.LSTM(w, u, b)(xs)", {**LSTM, "xs": draw(2, 2, 3)}, each(lstm), name="lstm of a batch"),
    Law("nn.attention(q, k, v)", QKV, attention),
    Law("nn.attention(q, k, v)", {"q": draw(2, 3), "k": draw(4, 3), "v": draw(4, 1)}, attention,
        name="attention to others"),
    Law("nn.attention(q, k, v, causal = true)", QKV, lambda q, k, v: attention(q, k, v, True)),
    Law("nn.SelfAttention(q, k, v, o)(x)", HEADS, lambda q, k, v, o, x: heads(q, k, v, o, x, False)),
    Law("nn.SelfAttention(q, k, v, o, causal = true)(x)", HEADS, lambda q, k, v, o, x: heads(q, k, v, o, x, True)),
    Law("nn.cross_entropy(z, i)", {"z": draw(4), "i": 2}, cross_entropy),
    Law("nn.cross_entropy(z, i)", {"z": draw(3, 4), "i": np.array([0, 3, 1])}, cross_entropy,
        name="cross_entropy of a batch"),
    Law("nn.cross_entropy(z, i)", {"z": FAR, "i": 0}, 0.0, order=1, name="cross_entropy far out, right"),
    Law("nn.cross_entropy(z, i)", {"z": FAR, "i": 2}, 1600.0, order=1, name="cross_entropy far out, wrong"),
    Law("nn.cross_entropy(z, i)", {"z": np.array([0.5, -np.inf]), "i": 0}, 0.0, order=0, name="cross_entropy of -inf"),
    Law("nn.binary_cross_entropy(z, y)", {"z": draw(4), "y": np.array([0.0, 1.0, 0.3, 1.0])},
        lambda z, y: -y * special.log_expit(z) - (1 - y) * special.log_expit(-z)),
    Law("nn.binary_cross_entropy(z, 1)", {"z": np.array([-800.0, 40.0, 800.0])}, [800.0, np.exp(-40.0), 0.0], order=1),
    Law("nn.mse(p, y)", {"p": PAIR, "y": draw(2, 3)}, lambda p, y: np.mean((p - y) ** 2, axis=-1)),
    Law("nn.huber(p, y)", {"p": np.array([0.1, 5.0, -3.0]), "y": np.zeros(3)}, huber),
    Law("nn.huber(p, y, delta = 0.3)", {"p": PAIR, "y": PAIR + 1.0}, lambda p, y: huber(p, y, 0.3)),
    Law("nn.accuracy(z, i)", {"z": np.eye(3), "i": np.array([0, 1, 1])}, 2 / 3, order=0),
)  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(replace(law, order=min(law.order, 1)), jit="always")


# ---- where learning starts

MAKERS = """
import nn
fn dense(seed: Int) = nn.dense(key(seed), 300, 100).weights
fn he(seed: Int) = nn.he(key(seed), 100, 300)
fn conv1d(seed: Int) = nn.conv1d(key(seed), 30, 100, 5).weights
fn conv2d(seed: Int) = nn.conv2d(key(seed), 30, 100, 3).weights
fn embedding(seed: Int) = nn.embedding(key(seed), 200, 50).table
fn heads(seed: Int) = nn.self_attention(key(seed), 60, 3).query
fn inner(seed: Int) = nn.gru(key(seed), 10, 60).recurrent
fn drop(seed: Int, rate: Float) = nn.dropout(rate).drop(key(seed), ones(200, 100))
"""

SPREADS = {
    "dense": 2 / 400,
    "he": 2 / 300,
    "conv1d": 2 / 150,
    "conv2d": 2 / 270,
    "embedding": 1.0,
    "heads": 2 / 120,
    "inner": 2 / 240,
}


@pytest.mark.parametrize("maker", SPREADS)
def test_weights_begin_with_the_variance_of_their_rule(maker: str) -> None:
    make = getattr(dp.source(MAKERS), maker)
    w = make(1)
    assert abs(np.mean(w)) < 4 * np.sqrt(SPREADS[maker] / w.size)
    assert np.var(w) == pytest.approx(SPREADS[maker], rel=0.05)
    assert np.array_equal(w, make(1)) and not np.array_equal(w, make(2))


def test_uniform_weights_stay_inside_their_bound() -> None:
    w = dp.source(MAKERS).dense(3)
    assert 0.99 * np.sqrt(6 / 400) < np.max(np.abs(w)) <= np.sqrt(6 / 400)


def test_dropout_keeps_the_mean_and_leaves_out_its_part() -> None:
    x = dp.source(MAKERS).drop(1, 0.3)
    assert np.mean(x == 0) == pytest.approx(0.3, abs=0.015)
    assert np.allclose(x[x != 0], 1 / 0.7)
    assert np.array_equal(dp.source(MAKERS).drop(1, 0.0), np.ones((200, 100)))


def test_causal_attention_sees_nothing_later() -> None:
    m = dp.source("""
import nn
let layer = nn.self_attention(key(1), 4, 2, causal = true)
fn at(x: Float[t, 4], i: Int) -> Float = sum(layer(x)[i])
fn slope(x: Float[t, 4], i: Int) = grad(at)(x, i)
""")
    g = m.slope(R.normal(size=(5, 4)), 2)
    assert np.all(g[3:] == 0) and np.all(np.any(g[:3] != 0, axis=1))


# ---- training

NETS = {
    "a tuple": "nn.Sequence((nn.dense(key(1), 2, 8), nn.Tanh(), nn.dense(key(2), 8, 2)))",
    "a composition": "nn.dense(key(1), 2, 8) >> nn.Tanh() >> nn.dense(key(2), 8, 2)",
    "dropout and norm": (
        "nn.dense(key(1), 2, 8) >> nn.layer_norm(8) >> nn.dropout(0.2) >> nn.Silu() >> nn.dense(key(2), 8, 2)"
    ),
}


@pytest.mark.parametrize("net", NETS.values(), ids=NETS.keys())
def test_networks_learn_what_no_line_separates(net: str) -> None:
    outcome = run(f"""
import nn
let xs = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
let labels = [0, 1, 1, 0]
let fit = train net = {net} {{
  minimize mean(nn.cross_entropy(net(xs), labels))
  using adam(rate = 0.05)
  steps 200
}}
print(nn.accuracy(fit.value(xs), labels), fit.loss < 0.05)
""")
    assert not outcome.errors, [d.sentence() for d in outcome.errors]
    assert outcome.printed == ["1.0 true"]


def test_a_step_of_descent_is_arithmetic_on_layers() -> None:
    outcome = run("""
import nn
let net = (nn.conv2d(key(1), 1, 2, 3, padding = 1), nn.Relu(), nn.max_pool2d(2), nn.Flatten2d(), nn.dense(key(2), 8, 2))
fn loss[N: Tuple](net: N, x: Float[b, 1, 4, 4], labels: Int[b]) -> Float =
  mean(nn.cross_entropy(nn.Sequence(net)(x), labels))
# stripes that stand and that lie, light or dark
fn stripe(i: Int, j: Int, k: Int) -> Float = if (if i % 2 == 0 { j } else { k }) % 2 == 0 { 1.0 + i } else { -0.5 }
let x = [[[[stripe(i, j, k) for j in 0..4] for k in 0..4]] for i in 0..6]
let labels = [i % 2 for i in 0..6]
var here = net
for _ in 0..100 { here = here - 0.1 * grad(loss)(here, x, labels) }
print(loss(net, x, labels) > 0.3, loss(here, x, labels) < 0.05)
""")
    assert not outcome.errors, [d.sentence() for d in outcome.errors]
    assert outcome.printed == ["true true"]


def test_every_part_of_the_module_has_an_example() -> None:
    from dplang.loading import library

    text = (library() / "nn.dp").read_text()
    for comment, definition in re.findall(r"^((?:##.*\n)+)(.*)$", text, re.MULTILINE):
        assert "##     # prints: " in comment, definition
    bare = re.findall(r"(?<!\n)\n(?:\n|#[^#].*\n)(fn [a-z]\w*|struct \w+)", text)
    assert not bare, bare
