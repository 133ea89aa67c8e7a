# ruff: noqa: E501  (a row is a line)
"""Rows on whole arrays: what is not elementwise and what NumPy does better than a loop.

What dp itself can say in a line (linspace, eye, outer) stands in `stdlib/prelude.dp` instead.
"""

from __future__ import annotations

from .table import Row, add

ORDER = (
    Row("sort", "(N[n]) -> N[n]", "kinked", "np.sort(x0, kind='stable')", rule="sort", elementwise=False,
        edge="ties keep their order", doc="The elements in ascending order, NaN last."),
    Row("argsort", "(N[n]) -> Int[n]", "severed", "np.argsort(x0, kind='stable')", elementwise=False,
        remedy=("sort", "stop"), doc="The positions of the elements in ascending order."),
)  # fmt: skip

RUNNING = (
    Row("cumsum", "(N[n]) -> N[n]", "smooth", "np.cumsum(x0)", rule="cumsum", elementwise=False, doc="The sums of x[0..i + 1]."),
    Row("cumprod", "(N[n]) -> N[n]", "smooth", "np.cumprod(x0)", rule="cumprod", elementwise=False,
        doc="The products of x[0..i + 1]."),
)  # fmt: skip

SHAPE = (
    Row("reverse", "(A[n]) -> A[n]", "smooth", "x0[::-1]", rule="reverse", elementwise=False, doc="The elements from last to first."),
    Row("concat", "(A[n], A[m]) -> A[n + m]", "smooth", "rt.concat(x0, x1)", rule="concat", elementwise=False,
        doc="The elements of x, then those of y."),
    Row("transpose", "(A[n, m]) -> A[m, n]", "smooth", "x0.swapaxes(0, 1)", rule="transpose", elementwise=False,
        doc="Rows become columns."),
    Row("reshape", "", "smooth", "rt.reshape(*xs)", rule="reshape", elementwise=False, typing="reshape",
        doc="The elements in order under other sizes: `reshape(x, 2, 3)`."),
    Row("flatten", "", "smooth", "x0.reshape(-1)", rule="flatten", elementwise=False, typing="flatten",
        doc="The elements of an array of any rank in one row."),
)  # fmt: skip

PRODUCTS = (
    Row("@", "(N[n, k], N[k, m]) -> N[n, m] | (N[n, k], N[k]) -> N[n] | (N[k], N[k, m]) -> N[m] | (N[k], N[k]) -> N",
        "smooth", "rt.matmul(x0, x1)", rule="matmul", elementwise=False),
    Row("dot", "(N[n], N[n]) -> N", "smooth", "rt.matmul(x0, x1)", rule="matmul", elementwise=False,
        doc="The sum of the products of the elements."),
    Row("norm", "(F[..]) -> F", "kinked", "rt.norm(x0)", rule="norm", elementwise=False, edge="0 at the origin",
        doc="The square root of the sum of the squares of the elements."),
)  # fmt: skip

add(*ORDER, *RUNNING, *SHAPE, *PRODUCTS)
