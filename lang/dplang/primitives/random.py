# ruff: noqa: E501  (a row is a line)
"""Random keys and what is drawn from them: counter-based, so a draw depends on its key alone and on no order."""

from __future__ import annotations

from .table import Row, add

KEYS = (
    Row("key", "(Int) -> Key", "severed", "rt.key_of(x0)", "key_of({x})", scalar="rt.key_scalar(x0)", scalar_int="rt.key_scalar(x0)",
        doc="The random key of a seed."),
    Row("key_at", "(Key, Int) -> Key", "severed", "rt.key_at(x0, x1)", "key_at({x}, {y})", scalar="rt.key_at_scalar(x0, x1)",
        public=False),
    # `split(k)` is the pair of these two
    Row("split_left", "(Key) -> Key", "severed", "rt.split_left(x0)", "split_left({x})", scalar="rt.split_left_scalar(x0)",
        public=False),
    Row("split_right", "(Key) -> Key", "severed", "rt.split_right(x0)", "split_right({x})", scalar="rt.split_right_scalar(x0)",
        public=False),
)  # fmt: skip

# after the key these take sizes as well, and then draw an array: `random.normal(k, n)` is `[random.normal(k[i]) for i in 0..n]`
DRAWS = (
    Row("random.uniform", "(Key) -> Float", "severed", "rt.uniform(x0)", "uniform({x})", scalar="rt.uniform_scalar(x0)",
        doc="A number evenly drawn from 0 to 1, both ends left out."),
    Row("random.normal", "(Key) -> Float", "severed", "rt.normal(x0)", "normal({x})", scalar="rt.normal_scalar(x0)",
        doc="A number drawn from the normal distribution of mean 0 and deviation 1."),
    Row("random.integers", "(Key, Int) -> Int", "severed", "rt.integer(x0, x1)", "integer({x}, {y})",
        scalar="rt.integer_scalar(x0, x1)", doc="A whole number evenly drawn from 0 to below n."),
)  # fmt: skip

add(*KEYS, *DRAWS)
