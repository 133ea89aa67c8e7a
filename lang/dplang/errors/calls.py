"""Faults of calls: arguments that do not match parameters, things that cannot be called."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError, an, count, declared, listed, meant
from .diagnostic import Edit, Note, diagnostic
from .source import Span


@diagnostic("E0220")
class NotCallable(CheckError):
    """Something is called that is neither a function, a constructor, nor a struct with a method `call`.

    Wrong:

    ```dp error=E0220
    let rate = 0.5
    print(rate(2))
    ```

    Right:

    ```dp
    let rate = 0.5
    print(rate * 2)
    ```
    """

    name: str
    kind: str
    declaration: Span | None

    def sentence(self) -> str:
        return f"`{self.name}` cannot be called: it is {self.kind}"

    def reasons(self) -> Iterable[Note]:
        return declared("it is declared here", self.declaration)


@diagnostic("E0221")
class MissingArgument(CheckError):
    """A call leaves out a parameter that has no default.

    Wrong:

    ```dp error=E0221
    fn line(x: Float, slope: Float, offset: Float = 0) = slope * x + offset
    print(line(2))
    ```

    Right:

    ```dp
    fn line(x: Float, slope: Float, offset: Float = 0) = slope * x + offset
    print(line(2, slope = 3))
    ```
    """

    function: str
    missing: tuple[str, ...]
    declaration: Span | None

    def sentence(self) -> str:
        word = "argument" if len(self.missing) == 1 else "arguments"
        return f"the call of `{self.function}` lacks the {word} {listed(self.missing)}"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.function}` is declared here", self.declaration)


@diagnostic("E0222")
class TooManyArguments(CheckError):
    """A call has more arguments than the function has parameters.

    Wrong:

    ```dp error=E0222
    fn square(x: Float) = x^2
    print(square(2, 3))
    ```

    Right:

    ```dp
    fn square(x: Float) = x^2
    print(square(2))
    ```
    """

    function: str
    takes: int
    given: int
    declaration: Span | None

    def sentence(self) -> str:
        return f"`{self.function}` takes {count(self.takes, 'argument')}, but {self.given} are given"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.function}` is declared here", self.declaration)

    def help(self) -> str:
        if self.function in ("min", "max"):
            return f"of more than two values it takes an array: `{self.function}([a, b, c])`"
        return ""


@diagnostic("E0223")
class UnknownArgument(CheckError):
    """A named argument names no parameter.

    Wrong:

    ```dp error=E0223
    fn line(x: Float, slope: Float) = slope * x
    print(line(2, slop = 3))
    ```

    Right:

    ```dp
    fn line(x: Float, slope: Float) = slope * x
    print(line(2, slope = 3))
    ```
    """

    name: str
    function: str
    known: tuple[str, ...]
    nearest: str
    declaration: Span | None

    def sentence(self) -> str:
        return f"`{self.function}` has no parameter `{self.name}`"

    def reasons(self) -> Iterable[Note]:
        text = f"its parameters are {listed(self.known)}" if self.known else "it is declared here"
        return declared(text, self.declaration)

    def help(self) -> str:
        if self.name == "axis":
            return "rows one by one are `[sum(row) for row in x]`; columns are the rows of `transpose(x)`"
        return meant(self.nearest) or ("" if self.known else f"the arguments of `{self.function}` have no names")

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, self.nearest),) if self.nearest else ()


@diagnostic("E0224")
class DuplicateArgument(CheckError):
    """A parameter is given twice, by position and by name or by name twice.

    Wrong:

    ```dp error=E0224
    fn line(x: Float, slope: Float) = slope * x
    print(line(2, 3, slope = 4))
    ```

    Right:

    ```dp
    fn line(x: Float, slope: Float) = slope * x
    print(line(2, slope = 4))
    ```
    """

    name: str
    function: str
    first: Span

    def sentence(self) -> str:
        return f"the parameter `{self.name}` of `{self.function}` is given twice"

    def reasons(self) -> Iterable[Note]:
        return declared("it is given here already", self.first)


@diagnostic("E0225")
class NotLiftable(CheckError):
    """A call cannot be mapped over an array.

    Where an argument has more dimensions than its parameter, a call is mapped over them. That is refused for
    functions whose result has a size known only at run time, for an Int parameter that is a size of the result or
    of another parameter, and for functions with effects: the results would not fit into one array.

    Wrong:

    ```dp error=E0225
    fn count(n: Int) -> Float[n] = zeros(n)
    print(count([2, 3]))
    ```

    Right:

    ```dp
    fn count(n: Int) -> Float[n] = zeros(n)
    print(count(2), count(3))
    ```
    """

    function: str
    why: str
    argument: Span
    found: str

    def sentence(self) -> str:
        return f"`{self.function}` cannot be mapped over an array: {self.why}"

    def reasons(self) -> Iterable[Note]:
        yield Note(f"this has the type `{self.found}`", self.argument)


@diagnostic("E0226")
class LambdaArity(CheckError):
    """A function value has another number of parameters than the place where it stands asks for.

    Wrong:

    ```dp error=E0226
    fn twice(f: (Float) -> Float, x: Float) -> Float = f(f(x))
    print(twice((x, y) -> x + y, 1.0))
    ```

    Right:

    ```dp
    fn twice(f: (Float) -> Float, x: Float) -> Float = f(f(x))
    print(twice(x -> x + 1, 1.0))
    ```
    """

    has: int
    wanted: int

    def sentence(self) -> str:
        return f"this function has {count(self.has, 'parameter')}, and one with {self.wanted} is asked for"


@diagnostic("E0227")
class FunctionWithoutType(CheckError):
    """A function value stands where nothing tells the types of its parameters.

    A function without types takes them from the parameter that it is handed to, or, bound by `let`, from each call. So
    does one that works for several types or sizes, such as `sin` (of a Float or Float32) or a `fn` with sizes.

    Wrong:

    ```dp error=E0227
    let fs = (x -> x + 1, 2)
    ```

    Right: write the types, or bind it by `let`.

    ```dp
    let fs = ((x: Float) -> x + 1, 2)
    let g = x -> x + 1
    print(g(2))
    ```
    """

    several: bool = False

    def sentence(self) -> str:
        if self.several:
            return f"`{self.span.text}` works for several types or sizes, and nothing here tells for which"
        return "nothing here tells the types of this function's parameters"

    def help(self) -> str:
        if self.several:
            return f"write a function of one type: `(x: Float) -> {self.span.text}(x)`"
        return "write them, as in `(x: Float) -> ..`, or bind the function with `let` first"


@diagnostic("E0228")
class RecursionNeedsResult(CheckError):
    """A function that calls itself, directly or through others, needs a written result type.

    Wrong:

    ```dp error=E0228
    fn fact(n: Int) = if n <= 1 { 1 } else { n * fact(n - 1) }
    ```

    Right:

    ```dp
    fn fact(n: Int) -> Int = if n <= 1 { 1 } else { n * fact(n - 1) }
    print(fact(5))
    ```
    """

    function: str
    declaration: Span

    def sentence(self) -> str:
        return f"`{self.function}` is used inside itself, so its result type has to be written"

    def reasons(self) -> Iterable[Note]:
        return declared("write `-> T` behind these parameters", self.declaration)


@diagnostic("E0229")
class RecursiveLet(CheckError):
    """A function value calls itself. A function that does so has a name of its own: it is defined with `fn`.

    A local `fn` that uses variables of the function around it is such a value too.

    Wrong:

    ```dp error=E0229
    fn total(n: Int, step: Int) -> Int {
      fn down(k: Int) -> Int = if k <= 0 { 0 } else { k + down(k - step) }
      down(n)
    }
    ```

    Right: hand over what it uses.

    ```dp
    fn total(n: Int, step: Int) -> Int {
      fn down(k: Int, step: Int) -> Int = if k <= 0 { 0 } else { k + down(k - step, step) }
      down(n, step)
    }
    print(total(5, 1))
    ```
    """

    name: str
    declaration: Span

    def sentence(self) -> str:
        return f"`{self.name}` uses itself, and it captures variables"

    def reasons(self) -> Iterable[Note]:
        return declared("it is defined here", self.declaration)

    def help(self) -> str:
        return "make what it captures parameters, or define it at the top level with `fn`"


@diagnostic("E0230")
class RowTypes(CheckError):
    """A built-in function is given arguments of types that it does not take.

    Wrong:

    ```dp error=E0230
    print(sin("x"))
    ```

    Right:

    ```dp
    print(sin(0.5))
    ```
    """

    function: str
    found: str
    wanted: str
    doc: str

    def sentence(self) -> str:
        return f"`{self.function}` does not take ({self.found})"

    def reasons(self) -> Iterable[Note]:
        yield Note(f"it is {self.wanted}")


@diagnostic("E0231")
class NeedsArray(CheckError):
    """A built-in function that takes an array is given something else.

    Wrong:

    ```dp error=E0231
    print(sum(3.0))
    ```

    Right:

    ```dp
    print(sum([3.0, 4.0]))
    ```
    """

    function: str
    found: str

    def sentence(self) -> str:
        return f"`{self.function}` takes an array, not {an(self.found)}"


@diagnostic("E0232")
class NotAReduction(CheckError):
    """Only `sum prod mean min max any all argmin argmax logsumexp` can be taken over an index.

    Wrong:

    ```dp error=E0232
    fn spread(xs: Float[n]) -> Float = max(xs) - min(xs)
    print(spread(x^2 for x in [1.0, 2.0]))
    ```

    Right: make an array first.

    ```dp
    fn spread(xs: Float[n]) -> Float = max(xs) - min(xs)
    print(spread([x^2 for x in [1.0, 2.0]]))
    ```
    """

    name: str

    def sentence(self) -> str:
        return f"`{self.name}` is no reduction over an index"

    def help(self) -> str:
        return "put the elements into an array: `f([.. for ..])`"


@diagnostic("E0233")
class WrittenTypeArguments(CheckError):
    """Type arguments and sizes are not written in a call: they are found from the arguments and the expected type.

    Wrong:

    ```dp error=E0233
    struct Pair[T] { a: T, b: T }
    let p = Pair[Float](1, 2)
    ```

    Right:

    ```dp
    struct Pair[T] { a: T, b: T }
    let p: Pair[Float] = Pair(1, 2)
    print(p.a)
    ```
    """

    name: str

    def sentence(self) -> str:
        return f"`{self.name}` cannot be indexed: its type arguments are found, not written"

    def help(self) -> str:
        return "write the type at the binding: `let x: T[..] = ..`"


@diagnostic("E0234")
class NotPrintable(CheckError):
    """Functions, and values that hold functions, have no text.

    Wrong:

    ```dp error=E0234
    let f = (x: Float) -> x + 1
    print(f)
    ```

    Right:

    ```dp
    let f = (x: Float) -> x + 1
    print(f(1))
    ```
    """

    found: str

    def sentence(self) -> str:
        return f"{an(self.found)} cannot be printed"


@diagnostic("E0235")
class BadFormat(CheckError):
    """A format specification does not suit the type of the value.

    Wrong:

    ```dp error=E0235
    let name = "dp"
    print("{name:.3f}")
    ```

    Right:

    ```dp
    let share = 0.25
    print("{share:.3f}")
    ```
    """

    spec: str
    found: str

    def sentence(self) -> str:
        return f"the format `{self.spec}` does not suit {an(self.found)}"
