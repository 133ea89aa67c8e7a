"""`ode`: solutions against closed forms and SciPy, orders, derivatives through the steps, and what fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate, linalg

import dplang as dp
from library import Law, check

TIMES = np.array([0.0, 0.4, 1.0, 2.5])
STATE = np.array([1.2, -0.3])

PENDULUM = """
fn swing(t: Float, y: Float[2], k: Float) -> Float[2] = [y[1], -k * sin(y[0]) - 0.1 * y[1] + 0.2 * cos(t)]
"""


def pendulum(t: float, y: Any, k: float) -> Any:
    return [y[1], -k * np.sin(y[0]) - 0.1 * y[1] + 0.2 * np.cos(t)]


def reference(y: Any, k: float, times: Any) -> np.ndarray[Any, Any]:
    span = (times[0], times[-1])
    return np.asarray(integrate.solve_ivp(pendulum, span, y, "DOP853", times, args=(k,), rtol=1e-13, atol=1e-13).y.T)


EXACT = "ode.dopri5((t, y) -> swing(t, y, k), y, times, rtol = 1e-12, atol = 1e-12)"
POINT: dict[str, Any] = {"y": STATE, "k": 2.0, "times": TIMES}

LAWS = (
    Law(EXACT, POINT, reference, close=(1e-10, 1e-7, 1e-5), before=PENDULUM),
    Law("ode.rk4((t, y) -> swing(t, y, k), y, times, steps = 40)", POINT, reference, close=(1e-6, 1e-7, 1e-6),
        before=PENDULUM),
    Law(EXACT, {**POINT, "times": TIMES[::-1].copy()}, reference, close=(1e-10, 1e-7, 1e-5), before=PENDULUM,
        name="times that fall"),
    Law("ode.dopri5((t, y) -> -k * y, y, times, rtol = 1e-12, atol = 1e-12)", {"y": 1.5, "k": 0.7, "times": TIMES},
        lambda y, k, t: y * np.exp(-k * t), close=(1e-10, 1e-7, 1e-5), name="a number as state"),
    Law("ode.dopri5((t, y) -> a @ y, y, times, rtol = 1e-12, atol = 1e-12)",
        {"a": np.array([[0.0, 1.0], [-2.0, -0.3]]), "y": STATE, "times": TIMES[:3]},
        lambda a, y, t: np.array([linalg.expm(s * a) @ y for s in t]), close=(1e-10, 1e-7, 1e-5)),
    Law("ode.rk4((t, y) -> k * y, y, times)", {"y": STATE, "k": 2.0, "times": TIMES[:1]}, [STATE], name="one time"),
    Law("ode.dopri5((t, y) -> k * y, y, times)", {"y": STATE, "k": 2.0, "times": TIMES[:1]}, [STATE],
        name="one time only"),
    Law("ode.dopri5((t, y) -> k * y, y, times)", {"y": STATE, "k": 2.0, "times": np.zeros(3)}, [STATE] * 3, order=0,
        name="equal times"),
    Law("ode.dopri5((t, y) -> 0 * y, y, times)", {"y": np.zeros(2), "times": TIMES}, np.zeros((4, 2)), order=0,
        name="nothing moves"),
)  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS[:2], ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(law, jit="always")


# ---- errors and orders

RUNS = f"""
import ode
{PENDULUM}
fn fixed(y: Float[2], end: Float, n: Int) -> Float[2] = ode.rk4((t, y) -> swing(t, y, 2.0), y, [0.0, end], steps = n)[1]
fn free(y: Float[2], end: Float, rtol: Float) -> Float[2] =
  ode.dopri5((t, y) -> swing(t, y, 2.0), y, [0.0, end], rtol = rtol, atol = rtol)[1]
"""


def test_the_classical_method_has_order_4() -> None:
    m = dp.source(RUNS)
    exact = reference(STATE, 2.0, [0.0, 3.0])[-1]
    errors = [np.linalg.norm(m.fixed(STATE, 3.0, n) - exact) for n in (20, 40, 80)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 4) < 0.25), orders


def test_one_step_of_dormand_and_prince_has_the_weights_of_order_5() -> None:
    # a step from 0 to h of y' = t^p is exact up to p = 4; a tolerance of 1 takes it whole
    m = dp.source("""
import ode
fn moment(p: Int) -> Float = ode.dopri5((t, y) -> (p + 1) * t^p, 0.0, [0.0, 1e-3, 1.0], rtol = 0, atol = 10)[2]
""")
    for p in range(5):
        assert m.moment(p) == pytest.approx(1.0, abs=1e-13)
    assert abs(m.moment(5) - 1) > 1e-6


def test_the_error_follows_the_tolerance() -> None:
    m = dp.source(RUNS)
    exact = reference(STATE, 2.0, [0.0, 20.0])[-1]
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        assert np.linalg.norm(m.free(STATE, 20.0, rtol) - exact) < 30 * rtol


def test_it_takes_about_as_many_steps_as_scipy() -> None:
    m = dp.source("""
import ode
fn swung(most: Int) -> Float =
  ode.dopri5((t, y) -> [y[1], -sin(y[0])], [2.0, 0.0], [0.0, 20.0], rtol = 1e-8, atol = 1e-8, max_steps = most)[1, 0]
""")
    other = integrate.solve_ivp(lambda t, y: [y[1], -np.sin(y[0])], (0, 20), [2.0, 0.0], "RK45", rtol=1e-8, atol=1e-8)
    # refused steps count, and a tolerance of the length of a vector is a little stricter
    assert m.swung(int(1.3 * len(other.t))) == pytest.approx(other.y[0, -1], abs=1e-5)


# ---- derivatives


def test_the_derivative_solves_the_variational_equations() -> None:
    m = dp.source(f"""
import ode
{PENDULUM}
fn last(y: Float[2], k: Float) -> Float[2] =
  ode.dopri5((t, y) -> swing(t, y, k), y, [0.0, 4.0], rtol = 1e-10, atol = 1e-10)[1]
fn by_state(y: Float[2], k: Float) = jacobian(last)(y, k)
fn by_rate(y: Float[2], k: Float) = jacobian(last, wrt = k)(y, k)
""")

    def with_tangents(t: float, z: Any, k: float) -> Any:
        y, s = z[:2], z[2:].reshape(2, 3)
        jac = np.array([[0.0, 1.0], [-k * np.cos(y[0]), -0.1]])
        forced = np.array([0.0, -np.sin(y[0])])
        return np.concatenate([pendulum(t, y, k), (jac @ s + np.column_stack([np.zeros((2, 2)), forced])).ravel()])

    start = np.concatenate([STATE, np.column_stack([np.eye(2), np.zeros(2)]).ravel()])
    z = integrate.solve_ivp(with_tangents, (0, 4), start, "DOP853", args=(2.0,), rtol=1e-12, atol=1e-12).y[2:, -1]
    assert np.allclose(m.by_state(STATE, 2.0), z.reshape(2, 3)[:, :2], atol=1e-7)
    assert np.allclose(m.by_rate(STATE, 2.0), z.reshape(2, 3)[:, 2], atol=1e-7)


def test_the_derivative_to_the_last_time_is_the_slope_there() -> None:
    m = dp.source(f"""
import ode
{PENDULUM}
fn at(end: Float, y: Float[2]) = ode.dopri5((t, y) -> swing(t, y, 2.0), y, [0.0, 1.0, end], rtol = 1e-10)[2]
fn speed(end: Float, y: Float[2]) = jacobian(at)(end, y)
""")
    assert np.allclose(m.speed(3.0, STATE), pendulum(3.0, m.at(3.0, STATE), 2.0), atol=1e-8)


def test_the_control_of_steps_warns_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    dp.source(f"""
import ode
{PENDULUM}
fn last(y: Float[2], k: Float) -> Float = sum(ode.dopri5((t, y) -> swing(t, y, k), y, [0.0, 4.0])[1])
fn slopes(y: Float[2], k: Float) = grad(last, wrt = (y, k))(y, k)
fn turn(y: Float[2], k: Float) = hessian(last)(y, k)
""")
    assert "warning" not in capsys.readouterr().err


def test_a_struct_is_a_state() -> None:
    m = dp.source("""
import ode
struct Body { place: Float[2], speed: Float[2] }
fn orbit(t: Float, b: Body) -> Body {
  let r = norm(b.place)
  Body(place = b.speed, speed = -1 / r^3 * b.place)
}
fn turns(n: Int) = ode.dopri5(orbit, Body([1.0, 0.0], [0.0, 1.0]), 2 * pi * arange(n), rtol = 1e-9)
fn places(n: Int) = [b.place for b in turns(n)]
""")
    assert np.allclose(m.places(4), [[1.0, 0.0]] * 4, atol=1e-6)


# ---- what fails


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("ode.dopri5((t, y) -> y^2, 1.0, [0.0, 2.0])", "the step at t = 1 is too short"),
        ("ode.dopri5((t, y) -> sqrt(y - 2), 1.0, [0.0, 2.0])", "the step at t = 0 is too short"),
        ("ode.dopri5((t, y) -> -1e6 * (y - cos(t)), 0.0, [0.0, 1.0], max_steps = 500)", "500 steps did not lead"),
        ("ode.dopri5((t, y) -> y, 1.0, [0.0, 1.0], rtol = 0, atol = 0)", "not both 0"),
        ("ode.dopri5((t, y) -> y, 1.0, [0.0, 1.0], rtol = -1e-3)", "not negative"),
        ("ode.rk4((t, y) -> y, 1.0, [0.0, 1.0], steps = 0)", "at least 1 step"),
    ],
)
def test_what_cannot_be_solved_is_told(call: str, told: str) -> None:
    with pytest.raises(dp.Error) as caught:
        dp.source(f"import ode\nlet ys = {call}\n")
    assert told in str(caught.value)
