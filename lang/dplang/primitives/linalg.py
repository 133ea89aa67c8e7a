# ruff: noqa: E501  (a row is a line)
"""Rows of linear algebra. All but those at the end are private to `stdlib/linalg.dp`, which gives them checks, names and derivatives.

What LAPACK gives in parts is packed into one matrix. Nothing is differentiated through these rows: the rules stand in
dp, beside the functions.
"""

from __future__ import annotations

from .table import Row, add

FACTORS = (
    Row("linalg._lu", "(Float[n, n]) -> Float[n, n + 2]", "smooth", "la.lu(x0)", elementwise=False, public=False,
        doc="Triangular factors with pivoting; then where each pivot was; then which part of each is not rounding."),
    Row("linalg._lu_solve", "(Float[n, k], Float[n, m]) -> Float[n, m]", "smooth", "la.lu_solve(x0, x1, False)", elementwise=False,
        public=False, doc="The solution of a x = b, given the factors of a."),
    Row("linalg._lu_solve_transposed", "(Float[n, k], Float[n, m]) -> Float[n, m]", "smooth", "la.lu_solve(x0, x1, True)",
        elementwise=False, public=False, doc="The solution of transpose(a) x = b, given the factors of a."),
    Row("linalg._triangular", "(Float[n, n], Float[n, m], Bool) -> Float[n, m]", "smooth", "la.triangular(x0, x1, x2)",
        elementwise=False, public=False, doc="The solution of a x = b for the lower or the upper triangle of a."),
    Row("linalg._cholesky", "(Float[n, n]) -> Float[n, n]", "smooth", "la.cholesky(x0)", elementwise=False, public=False,
        doc="The lower factor of a positive definite matrix."),
    Row("linalg._qr", "(Float[n, m]) -> Float[n + m, m]", "smooth", "la.qr(x0)", elementwise=False, public=False,
        doc="Of a matrix that is no wider than high: q, and below it r."),
    Row("linalg._independent", "(Float[n, n], Bool) -> Float[n, n]", "smooth", "la.independent(x0, x1)", elementwise=False, public=False,
        doc="An upper factor of full rank as it is."),
    Row("linalg._eigh", "(Float[n, n]) -> Float[n + 1, n]", "smooth", "la.eigh(x0)", elementwise=False, public=False,
        doc="Eigenvalues, and below them the vectors in columns."),
    Row("linalg._svd", "(Float[n, m]) -> Float[n + m + 1, m]", "smooth", "la.svd(x0)", elementwise=False, public=False,
        doc="Of a matrix that is no wider than high: u, below it the transpose of v, below that the values."),
    Row("linalg._apart", "(Float[n], Float[n, n]) -> Float[n, n]", "smooth", "la.apart(x0, x1)", elementwise=False, public=False,
        doc="A matrix as it is, if nothing stands in it between equal values."),
)  # fmt: skip

RANKED = (
    Row("linalg.solve", "(Float[n, n], Float[n, m]) -> Float[n, m] | (Float[n, n], Float[n]) -> Float[n]", "smooth", typing="ranked",
        elementwise=False, doc="The solution x of a x = b; b is a vector, or a matrix of columns."),
    Row("linalg.solve_lower", "(Float[n, n], Float[n, m]) -> Float[n, m] | (Float[n, n], Float[n]) -> Float[n]", "smooth",
        typing="ranked", elementwise=False, doc="The solution x of a x = b, of a only the lower triangle being read."),
    Row("linalg.solve_upper", "(Float[n, n], Float[n, m]) -> Float[n, m] | (Float[n, n], Float[n]) -> Float[n]", "smooth",
        typing="ranked", elementwise=False, doc="The solution x of a x = b, of a only the upper triangle being read."),
    Row("linalg.lstsq", "(Float[n, m], Float[n, k]) -> Float[m, k] | (Float[n, m], Float[n]) -> Float[m]", "smooth", typing="ranked",
        elementwise=False, doc="The x for which a x is closest to b; b is a vector, or a matrix of columns."),
)  # fmt: skip
"""Each is two functions of the module: `solve` is `_solve_vector` and `_solve_matrix`, by the rank of b."""

add(*FACTORS, *RANKED)
