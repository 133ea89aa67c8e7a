"""Laws of what is always in scope: values against SciPy and mpmath, derivatives against numeric ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from library import Law, check

X = np.array([0.3, -1.2, 2.0])

LAWS = (
    Law("softmax(x)", {"x": X}, special.softmax),
    Law("variance(x)", {"x": X}, np.var),
    Law("outer(x, y)", {"x": X, "y": np.array([1.0, -2.0])}, np.outer),
    Law("lgamma(x)", {"x": 2.5}, special.gammaln),
)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law(law: Law) -> None:
    check(law)


@pytest.mark.long
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_law_in_kernels(law: Law) -> None:
    check(law, jit="always")
