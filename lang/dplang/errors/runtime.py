"""Faults of a running program. A core `Check` names one by its code and gives its fields after the span in order."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Note, diagnostic

DEEPEST = 200_000
"""How many calls of functions may be open at once."""


def _axis(axis: int) -> str:
    return "" if axis == 0 else f" in dimension {axis + 1}"


@diagnostic("E0601")
class IndexOutOfRange(Diagnostic):
    """An index lies outside its array. Indices count from 0, so an array of n elements has the indices 0 to n - 1;
    negative ones do not count from the end.

    Wrong:

    ```dp error=E0601
    let xs = [1.0, 2.0, 3.0]
    var k = 2
    k += 1
    print(xs[k])
    ```

    Right: the last element is at `len(xs) - 1`.

    ```dp
    let xs = [1.0, 2.0, 3.0]
    print(xs[len(xs) - 1])
    ```
    """

    index: int
    size: int
    axis: int = 0

    def sentence(self) -> str:
        if self.size == 0:
            return f"index {self.index} into an empty array" + _axis(self.axis)
        return f"index {self.index} is outside 0..{self.size}" + _axis(self.axis)

    def label(self) -> str:
        return f"the size here is {self.size}"

    def help(self) -> str:
        if self.index < 0:
            return "indices count from 0; the last element of `x` is `x[len(x) - 1]`"
        return ""


@diagnostic("E0602")
class SliceOutOfRange(Diagnostic):
    """A slice reaches outside its array: in `x[a..b]` both ends lie between 0 and the size. b is the first position
    that is left out.

    Wrong:

    ```dp error=E0602
    let xs = [1.0, 2.0, 3.0]
    var k = 3
    k += 1
    print(xs[1..k])
    ```

    Right:

    ```dp
    let xs = [1.0, 2.0, 3.0]
    var k = 2
    k += 1
    print(xs[1..k])
    ```
    """

    low: int
    high: int
    size: int
    axis: int = 0

    def sentence(self) -> str:
        return f"the slice {self.low}..{self.high} reaches outside 0..{self.size}" + _axis(self.axis)


@diagnostic("E0603")
class ReversedRange(Diagnostic):
    """A slice or an array builder runs from a larger to a smaller number, so that its size would be negative.
    A `for` statement over such a range makes no turn; an array of negative size there is none.

    Wrong:

    ```dp error=E0603
    var k = 2
    k -= 3
    print([1.0 for i in 0..k])
    ```

    Right:

    ```dp
    var k = 2
    k -= 3
    print([1.0 for i in 0..max(k, 0)])
    ```
    """

    low: int
    high: int

    def sentence(self) -> str:
        return f"the range {self.low}..{self.high} runs backwards, its size would be {self.high - self.low}"

    def help(self) -> str:
        return "write `reverse(..)` to go through a range from its end"


@diagnostic("E0604")
class DivisionByZero(Diagnostic):
    """An Int is divided by zero with `//` or `%`. Floats follow IEEE there and never fault.

    Wrong:

    ```dp error=E0604
    var k = 1
    k -= 1
    print(7 // k)
    ```

    Right:

    ```dp
    var k = 1
    k -= 1
    print(if k == 0 { 0 } else { 7 // k })
    ```
    """

    operator: str = "//"

    def sentence(self) -> str:
        return f"an Int is divided by zero with `{self.operator}`"


@diagnostic("E0605")
class NegativeExponent(Diagnostic):
    """`Int ^ Int` is an Int, and an Int has no negative powers but those of 1.

    Wrong:

    ```dp error=E0605
    var k = 1
    k -= 2
    print(2 ^ k)
    ```

    Right: take the power of a Float.

    ```dp
    var k = 1
    k -= 2
    print(2.0 ^ k)
    ```
    """

    exponent: int

    def sentence(self) -> str:
        return f"an Int is raised to the negative power {self.exponent}"

    def help(self) -> str:
        return "convert the base with `float(..)`"


@diagnostic("E0606")
class SizesDiffer(Diagnostic):
    """Two sizes that must be equal differ when the program runs: at `as`, at a lifted call over arrays of sizes that
    are known only at run time, or where a value of unknown size goes to a place of a known one.

    Wrong:

    ```dp error=E0606
    fn pick(xs: Float[n]) -> Float[?] {
      var r: Float[?] = []
      for x in xs { if x > 0.0 { r = concat(r, [x]) } }
      r
    }
    let pair = pick([1.0, -2.0, 3.0]) as Float[3]
    print(pair)
    ```

    Right:

    ```dp
    fn pick(xs: Float[n]) -> Float[?] {
      var r: Float[?] = []
      for x in xs { if x > 0.0 { r = concat(r, [x]) } }
      r
    }
    let pair = pick([1.0, -2.0, 3.0]) as Float[2]
    print(pair)
    ```
    """

    found: int
    wanted: int

    def sentence(self) -> str:
        return f"a size is {self.found} where it must be {self.wanted}"


@diagnostic("E0607")
class EmptyReduction(Diagnostic):
    """`min`, `max`, `mean`, `argmin` and `argmax` of nothing have no value. `sum` of nothing is 0, `prod` is 1.

    Wrong:

    ```dp error=E0607
    let xs: Float[0] = []
    print(max(xs))
    ```

    Right:

    ```dp
    let xs: Float[0] = []
    print(if len(xs) == 0 { 0.0 } else { max(xs) })
    ```
    """

    operation: str

    def sentence(self) -> str:
        return f"`{self.operation}` of nothing has no value"


@diagnostic("E0608")
class AssertionFailed(Diagnostic):
    """An `assert` was false.

    Wrong:

    ```dp error=E0608
    let x = 2.0
    assert x > 3.0, "x is too small"
    ```

    Right:

    ```dp
    let x = 4.0
    assert x > 3.0, "x is too small"
    ```
    """

    message: str = ""

    def sentence(self) -> str:
        if self.message and (self.span.inside is not None or self.span.source.library):
            return self.message  # a demand of the library is no assertion of the user's
        return f"the assertion is false: {self.message}" if self.message else "the assertion is false"


@diagnostic("E0609")
class NoInt(Diagnostic):
    """`int(x)` leaves the fraction out. What is not a number, infinite or beyond 64 bits is no Int.

    Wrong:

    ```dp error=E0609
    print(int(1.0 / 0.0))
    ```

    Right:

    ```dp
    print(int(7.9))
    ```
    """

    value: float

    def sentence(self) -> str:
        return f"{self.value!r} cannot be an Int"


@diagnostic("E0610")
class RecursionTooDeep(Diagnostic):
    """A function has called itself more often than there is room for. Mostly a case that ends the recursion is missing.

    Wrong:

    ```dp error=E0610
    fn count(n: Int) -> Int = 1 + count(n + 1)
    print(count(0))
    ```

    Right:

    ```dp
    fn count(n: Int) -> Int = if n >= 1000 { 0 } else { 1 + count(n + 1) }
    print(count(0))
    ```
    """

    function: str
    depth: int

    def sentence(self) -> str:
        return f"`{self.function}` is {self.depth} calls deep"

    def help(self) -> str:
        return "does every path through the recursion end? A loop needs no room for its turns"


@diagnostic("E0611")
class OutOfMemory(Diagnostic):
    """An array does not fit into memory, or into the limit that was set for the program.

    In a gradient the memory is mostly the tape of a long loop: `checkpoint { .. }` keeps only what the block reads and
    computes the rest again.

    Wrong:

    ```dp error=E0611
    let n = 10^15
    print(sum(zeros(n)))
    ```

    Right: a reduction needs no array.

    ```dp
    let n = 1000
    print(sum(0.0 for i in 0..n))
    ```
    """

    size: int

    def sentence(self) -> str:
        return f"there is no memory for {_bytes(self.size)}"

    def notes(self) -> Iterable[Note]:
        yield Note("in a gradient, `checkpoint { .. }` computes a block again instead of keeping what happens in it")


def _bytes(size: int) -> str:
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.4g} TB" if amount < 1e6 else "an array of that size"


@diagnostic("E0612")
class WorkLimit(Diagnostic):
    """The program was run with a limit of work and has used it up: mostly by a loop that does not end."""

    limit: int

    def sentence(self) -> str:
        return f"the program has done {self.limit} operations, the limit that was set for it"


@diagnostic("E0613")
class ConstraintViolated(Diagnostic):
    """A value does not satisfy the constraint of the field or hole that it is for.

    Wrong:

    ```dp error=E0613
    struct Wave { a: Float, b: Float > 0 }
    var b = 1.0
    b -= 2.0
    print(Wave(a = 1.0, b = b))
    ```

    Right:

    ```dp
    struct Wave { a: Float, b: Float > 0 }
    print(Wave(a = 1.0, b = 2.0))
    ```
    """

    field: str
    constraint: str
    value: float | str

    def sentence(self) -> str:
        return f"`{self.field}` must satisfy `{self.constraint}`, its value is {self.value}"


@diagnostic("E0614")
class NegativeSize(Diagnostic):
    """The size of an array is negative.

    Wrong:

    ```dp error=E0614
    var k = 1
    k -= 2
    print(zeros(k))
    ```

    Right:

    ```dp
    var k = 1
    k -= 2
    print(zeros(max(k, 0)))
    ```
    """

    size: int

    def sentence(self) -> str:
        return f"the size of an array cannot be {self.size}"


@diagnostic("E0615")
class WrongCount(Diagnostic):
    """`reshape` gives the same elements other sizes, so their product must be the number of elements.

    Wrong:

    ```dp error=E0615
    var k = 3
    k += 1
    print(reshape([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, k))
    ```

    Right:

    ```dp
    print(reshape([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3))
    ```
    """

    count: int
    sizes: tuple[int, ...]

    def sentence(self) -> str:
        return f"{self.count} elements do not fill the sizes {' × '.join(map(str, self.sizes))}"


@diagnostic("E0616")
class NothingToDraw(Diagnostic):
    """`random.integers(k, n)` draws a whole number from 0 to below n, so n is at least 1.

    Wrong:

    ```dp error=E0616
    import random
    print(random.integers(key(1), 0))
    ```

    Right:

    ```dp
    import random
    print(random.integers(key(1), 6))
    ```
    """

    n: int

    def sentence(self) -> str:
        return f"there is no whole number from 0 to below {self.n}"


@diagnostic("E0617")
class BadFormat(Diagnostic):
    """A value does not take the format that stands behind the colon. `d` and `x` are for Ints, `.3f` and `e` for
    numbers; the specifications are Python's.

    Wrong:

    ```dp
    let places = "{2.5:d}"
    ```

    Right:

    ```dp
    print("{2.5:.3f} {25:d}")
    ```
    """

    specification: str
    reason: str

    def sentence(self) -> str:
        return f"the format `{self.specification}` does not fit: {self.reason}"


@diagnostic("E0618")
class NoCase(Diagnostic):
    """No case of a `match` fits the value. Matches are checked for this; it can only happen to a number that is not
    one (`nan`).
    """

    def sentence(self) -> str:
        return "no case of this `match` fits the value"


@diagnostic("E0619")
class NotFinite(Diagnostic):
    """Under `dp run --trap-nan`, the first value that is infinite or not a number although what it was computed from
    was not. It may arise in the derivative of a line alone, as that of `sqrt(x)` does at 0.

    ```dp
    let x = 0.0
    print(sqrt(x))
    ```

    Without `--trap-nan` such values are values: they spread through what is computed from them.
    """

    op: str
    value: float
    derivative: bool

    def sentence(self) -> str:
        where = " in the derivative of this line" if self.derivative else ""
        return f"here `{self.op}` gives a value that is not finite{where}: {self.value}"

    def help(self) -> str:
        return (
            "keep the operands in the domain of the operation, by a condition around it or a type such as `Float > 0`"
        )
