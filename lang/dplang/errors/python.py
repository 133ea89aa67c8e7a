"""Faults of values that a Python program hands to dp."""

from __future__ import annotations

from .diagnostic import Diagnostic, diagnostic


@diagnostic("E0760")
class NoCounterpart(Diagnostic):
    """A Python value was given to a function of dp, and no type of dp has values like it.

    What goes in: `bool`, `int`, `float`, `str`, NumPy arrays and scalars of these, tuples, lists whose
    elements have one type and one shape, keys made by `dp.key`, structs and enum values made by the classes of the
    same loaded file, and functions of that file.

    Wrong:

    ```python
    import dplang as dp

    m = dp.source("fn f(x: Float) -> Float = 2 * x")
    m.f({"x": 1.0})
    ```

    Right:

    ```python
    import dplang as dp

    m = dp.source("fn f(x: Float) -> Float = 2 * x")
    m.f(1.0)
    ```
    """

    what: str
    hint: str = ""

    def sentence(self) -> str:
        return f"no value of dp corresponds to {self.what}"

    def help(self) -> str:
        return self.hint


@diagnostic("E0761")
class Ragged(Diagnostic):
    """The elements of a list have different shapes or types, and all elements of an array have the same.

    `[[1.0, 2.0], [3.0]]` has rows of sizes 2 and 1. Pad them to one size, or pass each row by itself.

    Wrong:

    ```python
    import dplang as dp

    m = dp.source("fn f(x: Float[n, m]) -> Float = sum(x)")
    m.f([[1.0, 2.0], [3.0]])
    ```

    Right:

    ```python
    import dplang as dp

    m = dp.source("fn f(x: Float[n, m]) -> Float = sum(x)")
    m.f([[1.0, 2.0], [3.0, 0.0]])
    ```
    """

    first: str
    other: str
    index: int

    def sentence(self) -> str:
        return f"element 0 of the list is a {self.first} and element {self.index} is a {self.other}"

    def help(self) -> str:
        return "all elements of an array have one type and one shape"


@diagnostic("E0762")
class OtherLoad(Diagnostic):
    """A struct, enum value or function of one loaded file was given to a function of another.

    Each `dp.load` and `dp.source` makes types of its own, even of the same file. Load the file once and
    use its classes, or import one file into the other.

    Wrong:

    ```python
    import dplang as dp

    text = "struct P { x: Float }; fn f(p: P) -> Float = p.x"
    m, other = dp.source(text), dp.source(text)
    m.f(other.P(1.0))
    ```

    Right:

    ```python
    import dplang as dp

    text = "struct P { x: Float }; fn f(p: P) -> Float = p.x"
    m = dp.source(text)
    m.f(m.P(1.0))
    ```
    """

    what: str

    def sentence(self) -> str:
        return f"this {self.what} belongs to another load of a dp file"

    def help(self) -> str:
        return "load the file once and take functions and classes from that one load"


@diagnostic("E0763")
class NoSuchName(Diagnostic):
    """A name was asked of a loaded file or of a struct that it does not have.

    Wrong:

    ```python
    import dplang as dp

    m = dp.source("fn wave(x: Float) -> Float = sin(x)")
    m.wav(1.0)
    ```

    Right:

    ```python
    import dplang as dp

    m = dp.source("fn wave(x: Float) -> Float = sin(x)")
    m.wave(1.0)
    ```
    """

    owner: str
    name: str
    nearest: str = ""

    def sentence(self) -> str:
        return f"{self.owner} has no `{self.name}`"

    def help(self) -> str:
        return f"did you mean `{self.nearest}`?" if self.nearest else ""


@diagnostic("E0764")
class IntTooLarge(Diagnostic):
    """An Int has 64 bits: it lies between -2^63 and 2^63 - 1. Python's own integers may be larger.

    Wrong:

    ```python
    import dplang as dp

    m = dp.source("fn f(n: Int) -> Int = n + 1")
    m.f(2**63)
    ```

    Right:

    ```python
    import dplang as dp

    m = dp.source("fn f(n: Int) -> Int = n + 1")
    m.f(2**62)
    ```
    """

    value: int

    def sentence(self) -> str:
        return f"{self.value} does not fit into an Int of 64 bits"

    def help(self) -> str:
        return "pass a float if only the magnitude matters"


@diagnostic("E0765")
class EnumNeedsVariant(Diagnostic):
    """An enum was called to make a value of it. Values of an enum are made by its variants: `m.Leaf(1.0)`, or
    just `m.Red` where a variant has no payload.

    Wrong:

    ```python
    import dplang as dp

    m = dp.source("enum Shape { Circle(Float), Dot }")
    m.Shape(1.0)
    ```

    Right:

    ```python
    import dplang as dp

    m = dp.source("enum Shape { Circle(Float), Dot }")
    m.Circle(1.0)
    ```
    """

    enum: str
    variants: tuple[str, ...]

    def sentence(self) -> str:
        return f"`{self.enum}` is an enum, and it is its variants that make values"

    def help(self) -> str:
        return "its variants are " + ", ".join(f"`{v}`" for v in self.variants)


@diagnostic("E0766")
class NotDerivable(Diagnostic):
    """Something was given to a derivative operator that is no function of dp.

    `dp.grad` and its relatives take functions of a loaded file, methods of its structs, and what derivative operators
    give. Functions of Python cannot be derived: write them in dp.

    Wrong:

    ```python
    import math

    import dplang as dp

    dp.grad(math.sin)
    ```

    Right:

    ```python
    import dplang as dp

    m = dp.source("fn f(x: Float) -> Float = sin(x)")
    dp.grad(m.f)(0.0)
    ```
    """

    operator: str
    what: str

    def sentence(self) -> str:
        return f"`{self.operator}` derives functions of dp, and it was given {self.what}"

    def help(self) -> str:
        return f"dp.{self.operator}(m.f), where m is a loaded file and f a function in it"


@diagnostic("E0767")
class WrtNotNames(Diagnostic):
    """`wrt` tells by which parameter to derive: its name, such as `wrt="x"`, or a tuple of names, `wrt=("x", "y")`.

    Wrong:

    ```python
    import dplang as dp

    m = dp.source("fn f(x: Float, k: Float) -> Float = k * x")
    dp.grad(m.f, wrt=1)(1.0, 2.0)
    ```

    Right:

    ```python
    import dplang as dp

    m = dp.source("fn f(x: Float, k: Float) -> Float = k * x")
    dp.grad(m.f, wrt="k")(1.0, 2.0)
    ```
    """

    what: str

    def sentence(self) -> str:
        return f"`wrt` is the name of a parameter or a tuple of names, not {self.what}"


@diagnostic("E0768")
class NotAText(Diagnostic):
    """A text was expected: of a program in `dp.source` and `dp.check`, of a path in `dp.load`.

    Wrong:

    ```python
    import dplang as dp

    dp.source(3)
    ```

    Right:

    ```python
    import dplang as dp

    dp.source("let x = 3")
    ```
    """

    where: str
    what: str

    def sentence(self) -> str:
        return f"`{self.where}` takes a text, not {self.what}"
