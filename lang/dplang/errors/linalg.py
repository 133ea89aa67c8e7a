"""Faults of linear algebra while a program runs: matrices for which a result, or its derivative, does not exist."""

from __future__ import annotations

from .diagnostic import Diagnostic, diagnostic


@diagnostic("E0640")
class SingularMatrix(Diagnostic):
    """A matrix that must have an inverse has none: one of its rows is a sum of multiples of the others.

    What counts is elimination in Floats. A pivot that is no larger than the rounding errors in it cannot be told from
    0, and what would be divided by it means nothing. `det` of such a matrix has a value, and so has `pinv`.

    Wrong: the second row is twice the first.

    ```dp error=E0640
    import linalg
    print(linalg.solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]))
    ```

    Right: the pseudoinverse gives the shortest of all solutions.

    ```dp
    import linalg
    print(shape(linalg.pinv([[1.0, 2.0], [2.0, 4.0]]) @ [1.0, 2.0]))
    ```
    """

    pivot: int
    size: int

    def sentence(self) -> str:
        return f"this matrix of {self.size} rows is singular: it has no inverse"

    def label(self) -> str:
        return f"pivot {self.pivot + 1} of {self.size} is 0, or all rounding error"

    def help(self) -> str:
        return "`linalg.pinv(a) @ b` is the shortest x for which `a @ x` is closest to b"


@diagnostic("E0641")
class NotPositiveDefinite(Diagnostic):
    """Only a positive definite matrix has a Cholesky factor: x·(a x) > 0 for every x but 0. The message tells the
    smallest leading part of the matrix that is not positive definite.

    Matrices that are so in theory, covariances above all, may lose it to rounding where two points are nearly the same;
    a small number on the diagonal brings it back.

    Wrong:

    ```dp error=E0641
    import linalg
    print(linalg.cholesky([[1.0, 2.0], [2.0, 1.0]]))
    ```

    Right:

    ```dp
    import linalg
    print(linalg.cholesky([[4.0, 2.0], [2.0, 2.0]]))
    ```
    """

    minor: int
    size: int

    def sentence(self) -> str:
        return f"this matrix of {self.size} rows is not positive definite"

    def label(self) -> str:
        rows = "element [0, 0] is" if self.minor == 0 else f"its first {self.minor + 1} rows and columns are"
        return f"{rows} not"

    def help(self) -> str:
        return "if it should be, rounding may have spoilt it: add a small number to its diagonal, `a + 1e-9 * eye(n)`"


@diagnostic("E0642")
class NotSymmetric(Diagnostic):
    """`cholesky`, `eigh` and `eigvalsh` are for symmetric matrices: `a[i, j]` is `a[j, i]`. What rounding leaves of a
    difference is let through, and half of it goes to each of the two elements.

    Wrong:

    ```dp error=E0642
    import linalg
    print(linalg.eigvalsh([[2.0, 1.0], [0.0, 2.0]]))
    ```

    Right:

    ```dp
    import linalg
    let a = [[2.0, 1.0], [0.0, 2.0]]
    print(linalg.eigvalsh((a + transpose(a)) / 2))
    ```
    """

    row: int
    column: int
    above: float
    below: float

    def sentence(self) -> str:
        return f"this matrix is not symmetric: [{self.row}, {self.column}] and [{self.column}, {self.row}] differ"

    def label(self) -> str:
        return f"they are {self.above} and {self.below}"

    def help(self) -> str:
        return "if they should be equal, take `(a + transpose(a)) / 2`"


@diagnostic("E0643")
class RepeatedValue(Diagnostic):
    """Where two eigenvalues (or singular values) are equal, their vectors are no functions of the matrix: any rotation
    among them serves as well, and the smallest change of the matrix may turn them by any angle. So what depends on such
    vectors one by one has no derivative there. For singular vectors the same is true where the value is 0.

    Eigenvalues have derivatives along every change that does not split them; sums over equal ones always do, and so has
    what uses only vectors of other values. The functions `inv`, `solve`, `logdet`, `expm`, `pinv` and `cholesky` know
    nothing of eigenvalues and have derivatives at such matrices, too.

    Wrong: the gradient of one component of an eigenvector of the identity.

    ```dp error=E0643
    import linalg
    fn first(a: Float[2, 2]) -> Float {
      let (w, v) = linalg.eigh(a)
      v[0, 0] * v[1, 0]
    }
    print(grad(first)([[1.0, 0.0], [0.0, 1.0]]))
    ```

    Right: the sum of the eigenvalues.

    ```dp
    import linalg
    fn total(a: Float[2, 2]) -> Float = sum(linalg.eigvalsh(a))
    print(grad(total)([[1.0, 0.0], [0.0, 1.0]]))
    ```
    """

    first: int
    second: int
    value: float

    def sentence(self) -> str:
        if self.first == self.second:
            return f"value {self.first} is 0, and its vector has no derivative"
        return f"values {self.first} and {self.second} are both {self.value:.6g}, and their vectors have no derivatives"

    def help(self) -> str:
        return "use the values alone, or vectors of other values; or write what you need by `inv`, `solve`, `expm`"


@diagnostic("E0644")
class RankDeficient(Diagnostic):
    """`lstsq` finds the one best x. Where columns of a tall matrix (or rows of a wide one) are sums of multiples of the
    others, many x are equally good, and the shortest of them jumps when the matrix changes a little.

    Wrong: the second column is twice the first.

    ```dp error=E0644
    import linalg
    print(linalg.lstsq([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [1.0, 2.0, 3.5]))
    ```

    Right: leave the column out, or ask for the shortest x.

    ```dp
    import linalg
    print(shape(linalg.pinv([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]) @ [1.0, 2.0, 3.5]))
    ```
    """

    number: int
    wide: bool

    def sentence(self) -> str:
        what = "row" if self.wide else "column"
        return f"{what} {self.number} of this matrix is a sum of multiples of those before it"

    def help(self) -> str:
        return "`linalg.pinv(a) @ b` is the shortest x of those for which `a @ x` is closest to b"
