"""Faults of sizes, indices and ranges."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError, an, meant
from .diagnostic import Edit, Note, diagnostic


@diagnostic("E0255")
class SizeMismatch(CheckError):
    """Two sizes have to be equal and are not known to be. Sizes are part of types, and are compared as polynomials.

    Wrong:

    ```dp error=E0255
    fn dot_product(a: Float[n], b: Float[n]) -> Float = sum(a * b)
    print(dot_product([1.0, 2.0], [1.0, 2.0, 3.0]))
    ```

    Right:

    ```dp
    fn dot_product(a: Float[n], b: Float[n]) -> Float = sum(a * b)
    print(dot_product([1.0, 2.0], [3.0, 4.0]))
    ```

    Where two sizes are equal and the checker cannot know it, `x as Float[n]` checks it when the program runs.
    """

    found: str
    wanted: str
    left: str
    right: str
    why: tuple[Note, ...] = ()

    def sentence(self) -> str:
        return (
            f"the sizes `{self.left}` and `{self.right}` differ: this has the type `{self.found}`, not `{self.wanted}`"
        )

    def label(self) -> str:
        return f"`{self.left}` is not `{self.right}`"

    def reasons(self) -> Iterable[Note]:
        return self.why

    def help(self) -> str:
        if self.left.isdigit() and self.right.isdigit():
            return ""
        return "if they are equal when the program runs, write `x as T[..]` with the size that is needed"


@diagnostic("E0256")
class UnknownSize(CheckError):
    """A size is named that is not in scope. New size names can be introduced only in the parameters of a function.

    Wrong:

    ```dp error=E0256
    fn ones_like(x: Float[n]) -> Float[m] = ones(n)
    ```

    Right:

    ```dp
    fn ones_like(x: Float[n]) -> Float[n] = ones(n)
    print(ones_like([2.0, 3.0]))
    ```
    """

    name: str
    nearest: str = ""

    def sentence(self) -> str:
        return f"there is no size `{self.name}` in scope"

    def help(self) -> str:
        return meant(self.nearest) or "a size known only at run time is written `?`"


@diagnostic("E0257")
class NotASize(CheckError):
    """Something that is no size stands in the brackets of an array type. Sizes are whole numbers that do not change.

    Wrong:

    ```dp error=E0257
    let n = 2.0
    let x: Float[n] = [1, 2]
    ```

    Right:

    ```dp
    let n = 2
    let x: Float[n] = [1, 2]
    print(x)
    ```
    """

    text: str
    why: str = ""

    def sentence(self) -> str:
        return f"`{self.text}` is no size" + (f": {self.why}" if self.why else "")


@diagnostic("E0258")
class SizeNotAlone(CheckError):
    """A size cannot be read from the arguments: it stands alone in no parameter's type (or field's).

    Wrong:

    ```dp error=E0258
    fn half(x: Float[2*n]) -> Float[n] = x[..n]
    ```

    Right: make it an Int parameter, or let it stand alone somewhere.

    ```dp
    fn half(n: Int, x: Float[2*n]) -> Float[n] = x[..n]
    print(half(1, [1.0, 2.0]))
    ```
    """

    name: str
    holder: str
    kind: str

    def sentence(self) -> str:
        return f"the size `{self.name}` of {self.holder} stands alone in no {self.kind}"

    def help(self) -> str:
        if self.kind == "field":
            return f"let some field's type have `{self.name}` as a dimension of its own"
        return f"make it a parameter: `{self.name}: Int`"


@diagnostic("E0259")
class SizeInBuilder(CheckError):
    """The size of an array builder's element depends on the index: the result would not be rectangular.

    Wrong:

    ```dp error=E0259
    let rows = [zeros(i) for i in 0..3]
    ```

    Right:

    ```dp
    let rows = [[if j < i { 1.0 } else { 0.0 } for j in 0..3] for i in 0..3]
    print(rows)
    ```
    """

    size: str

    def sentence(self) -> str:
        return f"the size `{self.size}` of the elements may differ from turn to turn"

    def help(self) -> str:
        return "arrays are rectangular: give all elements one size"


@diagnostic("E0296")
class UnknownResult(CheckError):
    """A function value gives an array of a size known only at run time, where a type variable stands for its result.

    Results of one type have one size: an array of them would not be rectangular.

    Wrong:

    ```dp error=E0296
    fn each[A, B](f: (A) -> B, xs: A[n]) -> B[n] = [f(x) for x in xs]
    print(each(n -> zeros(n), [1, 2]))
    ```

    Right:

    ```dp
    fn each[A, B](f: (A) -> B, xs: A[n]) -> B[n] = [f(x) for x in xs]
    print(each(n -> sum(zeros(n)), [1, 2]))
    ```
    """

    found: str

    def sentence(self) -> str:
        return f"the result of this function, {an(self.found)}, has no fixed size"

    def help(self) -> str:
        return "a type variable stands for one type, sizes included"


@diagnostic("E0260")
class SizeArgument(CheckError):
    """A size is given by something that is no Int.

    Wrong:

    ```dp error=E0260
    print(zeros(2.5))
    ```

    Right:

    ```dp
    print(zeros(2))
    ```
    """

    function: str
    found: str

    def sentence(self) -> str:
        return f"`{self.function}` takes sizes as Ints, not as `{self.found}`"

    def help(self) -> str:
        return "`int(t)` drops the fraction; `//` divides Ints to an Int" if self.found == "Float" else ""


@diagnostic("E0261")
class NegativeSize(CheckError):
    """A size is a negative number.

    Wrong:

    ```dp error=E0261
    print(zeros(-1))
    ```

    Right:

    ```dp
    print(zeros(1))
    ```
    """

    size: int

    def sentence(self) -> str:
        return f"an array cannot have the size {self.size}"


@diagnostic("E0262")
class ReshapeSize(CheckError):
    """`reshape` keeps all elements, so the sizes before and after have one product.

    Wrong:

    ```dp error=E0262
    print(reshape([1.0, 2.0, 3.0], 2, 2))
    ```

    Right:

    ```dp
    print(reshape([1.0, 2.0, 3.0, 4.0], 2, 2))
    ```
    """

    found: str
    old: str
    new: str

    def sentence(self) -> str:
        return f"{an(self.found)} has {self.old} elements, and the new shape {self.new}"


@diagnostic("E0263")
class MisplacedRank(CheckError):
    """`T[..]`, an array of any rank, can be the type of a parameter, and of the result where one parameter has it.

    Wrong:

    ```dp error=E0263
    let x: Float[..] = [1, 2]
    ```

    Right:

    ```dp
    fn relu2(x: Float[..]) -> Float[..] = max(x, 0.0)^2
    print(relu2([1.0, -2.0]))
    ```
    """

    def sentence(self) -> str:
        return "`[..]` can stand only in the type of a parameter, or of a result that has its shape from one parameter"


@diagnostic("E0264")
class NegativeIndex(CheckError):
    """Indices count from 0, and there are no negative ones: `x[-1]` would hide mistakes in index arithmetic.

    Wrong:

    ```dp error=E0264
    let x = [1.0, 2.0, 3.0]
    print(x[-1])
    ```

    Right:

    ```dp
    let x = [1.0, 2.0, 3.0]
    print(x[len(x) - 1])
    ```
    """

    index: int
    size: str

    def sentence(self) -> str:
        return f"the index {self.index} is negative"

    def help(self) -> str:
        return f"from the end, write `{self.size} - {-self.index}`"

    def fix(self) -> tuple[Edit, ...]:
        size = self.size
        if not size.isdigit():
            return ()
        return (Edit(self.span, str(int(size) + self.index)),)


@diagnostic("E0265")
class IndexOutOfRange(CheckError):
    """An index is known to lie outside. Indices count from 0 to one below the size.

    Wrong:

    ```dp error=E0265
    let x = [1.0, 2.0, 3.0]
    print(x[3])
    ```

    Right:

    ```dp
    let x = [1.0, 2.0, 3.0]
    print(x[2])
    ```
    """

    index: int
    size: int

    def sentence(self) -> str:
        return f"the index {self.index} is out of range: there are {self.size}"

    def help(self) -> str:
        return f"the last index is {self.size - 1}" if self.size else ""


@diagnostic("E0266")
class IndexType(CheckError):
    """An index is no Int.

    Wrong:

    ```dp error=E0266
    let x = [1.0, 2.0, 3.0]
    print(x[1.5])
    ```

    Right:

    ```dp
    let x = [1.0, 2.0, 3.0]
    print(x[int(1.5)], interp(x, 1.5))
    ```
    """

    found: str

    def sentence(self) -> str:
        return f"an index is an Int, not {an(self.found)}"

    def help(self) -> str:
        if self.found.startswith("Int["):
            return "several elements at once are picked by a builder: `[x[i] for i in indices]`"
        if self.found in ("Float", "Float32"):
            if "/" in self.span.text.replace("//", ""):
                return "`/` gives a Float; `//` divides Ints to an Int"
            return "`int(t)` drops the fraction; `interp(x, t)` goes between the elements"
        if self.found.startswith("Bool["):
            return "`where(mask, x, y)` chooses elementwise"
        return ""


@diagnostic("E0267")
class TooManyIndices(CheckError):
    """More indices are given than there are dimensions.

    Wrong:

    ```dp error=E0267
    let x = [1.0, 2.0, 3.0]
    print(x[0, 1])
    ```

    Right:

    ```dp
    let x = [[1.0, 2.0], [3.0, 4.0]]
    print(x[0, 1])
    ```
    """

    found: str
    has: int
    given: int

    def sentence(self) -> str:
        if not self.has:
            return f"{an(self.found)} cannot be indexed"
        return f"{an(self.found)} takes {self.has} {'index' if self.has == 1 else 'indices'}, not {self.given}"


@diagnostic("E0268")
class BackwardSlice(CheckError):
    """A slice ends before it begins.

    Wrong:

    ```dp error=E0268
    let x = [1.0, 2.0, 3.0]
    print(x[2..1])
    ```

    Right:

    ```dp
    let x = [1.0, 2.0, 3.0]
    print(x[1..2])
    ```
    """

    low: str
    high: str

    def sentence(self) -> str:
        return f"this slice ends at {self.high}, before it begins at {self.low}"


@diagnostic("E0269")
class TupleIndex(CheckError):
    """The parts of a tuple have types of their own, so which is meant has to stand in the text: `t[0]`.

    Wrong:

    ```dp error=E0269
    let t = (1, "a")
    for i in 0..2 { print(t[i]) }
    ```

    Right:

    ```dp
    let t = (1, "a")
    for part in t { print(part) }
    ```
    """

    found: str

    def sentence(self) -> str:
        return f"a part of {an(self.found)} is chosen by a number in the text"

    def help(self) -> str:
        return "a `for` over the tuple itself goes through all parts"


@diagnostic("E0270")
class NoRange(CheckError):
    """An index without `in` takes its range from the arrays that it indexes, and it indexes none.

    Wrong:

    ```dp error=E0270
    print(sum(k^2 for k))
    ```

    Right:

    ```dp
    let x = [1.0, 2.0]
    print(sum(x[k]^2 for k), sum(k^2 for k in 0..3))
    ```
    """

    name: str

    def sentence(self) -> str:
        return f"nothing tells the range of `{self.name}`"

    def help(self) -> str:
        return f"write `{self.name} in 0..n`, or index an array with plain `{self.name}`"


@diagnostic("E0271")
class NotIterable(CheckError):
    """A loop runs over ranges, arrays and tuples (a builder over ranges and arrays); this is something else.

    Wrong:

    ```dp error=E0271
    for i in 3 { print(i) }
    ```

    Right:

    ```dp
    for i in 0..3 { print(i) }
    ```
    """

    found: str
    place: str = ""

    def sentence(self) -> str:
        return f"{self.place or 'a loop'} cannot run over {self.found}"

    def help(self) -> str:
        return "write a range: `0..n`" if self.found == "`Int`" else ""


@diagnostic("E0272")
class MisplacedRange(CheckError):
    """A range `a..b` stands where a value is needed. Ranges are for loops, builders and slices.

    Wrong:

    ```dp error=E0272
    let r = 0..3
    ```

    Right:

    ```dp
    let r = [i for i in 0..3]
    print(r)
    ```
    """

    def sentence(self) -> str:
        return "a range is no value"

    def help(self) -> str:
        return f"the array of its numbers is `[i for i in {self.span.text}]`"

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, f"[i for i in {self.span.text}]"),)


__all__ = [
    "BackwardSlice", "IndexOutOfRange", "IndexType", "MisplacedRange", "MisplacedRank", "NegativeIndex", "NegativeSize",
    "NoRange", "NotASize", "NotIterable", "ReshapeSize", "SizeArgument", "SizeInBuilder", "SizeMismatch",
    "SizeNotAlone", "TooManyIndices", "TupleIndex", "UnknownResult", "UnknownSize",
]  # fmt: skip
