"""Faults of patterns and of `match`."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError, an, count, declared
from .diagnostic import Note, diagnostic
from .source import Span


@diagnostic("E0285")
class NotExhaustive(CheckError):
    """A `match` has no arm for some value.

    Wrong:

    ```dp error=E0285
    enum Shape { Circle(Float), Square(Float) }
    fn area(s: Shape) -> Float = match s { Circle(r) => pi * r^2 }
    ```

    Right:

    ```dp
    enum Shape { Circle(Float), Square(Float) }
    fn area(s: Shape) -> Float = match s { Circle(r) => pi * r^2, Square(a) => a^2 }
    print(area(Square(2)))
    ```
    """

    missing: str
    scrutinee: Span
    guarded: bool = False

    def sentence(self) -> str:
        return f"no arm of this `match` takes `{self.missing}`"

    def reasons(self) -> Iterable[Note]:
        if self.guarded:
            yield Note("arms with a guard are not counted, because the guard may fail")

    def help(self) -> str:
        return f"add an arm `{self.missing} => ..`" + ("" if self.missing == "_" else ", or `_ => ..` for all others")


@diagnostic("E0286")
class PatternType(CheckError):
    """A pattern cannot fit the value that it is matched with.

    Wrong:

    ```dp error=E0286
    let (a, b) = 3
    ```

    Right:

    ```dp
    let (a, b) = (3, 4)
    print(a + b)
    ```
    """

    wanted: str
    found: str

    def sentence(self) -> str:
        return f"this pattern takes {self.wanted}, and the value is {an(self.found)}"


@diagnostic("E0287")
class PatternArity(CheckError):
    """A constructor's pattern has another number of parts than the constructor.

    Wrong:

    ```dp error=E0287
    enum Tree { Leaf(Float), Node(Tree, Tree) }
    fn first(t: Tree) -> Float = match t { Leaf(v) => v, Node(l) => first(l) }
    ```

    Right:

    ```dp
    enum Tree { Leaf(Float), Node(Tree, Tree) }
    fn first(t: Tree) -> Float = match t { Leaf(v) => v, Node(l, _) => first(l) }
    print(first(Leaf(2)))
    ```
    """

    name: str
    wanted: int
    given: int
    declaration: Span

    def sentence(self) -> str:
        return f"`{self.name}` has {count(self.wanted, 'part')}, and the pattern {self.given or 'none'}"

    def reasons(self) -> Iterable[Note]:
        return declared("it is declared here", self.declaration)

    def help(self) -> str:
        return (
            f"write `{self.name}({', '.join('_' * self.wanted)})` to match any"
            if self.wanted
            else f"write `{self.name}`"
        )


@diagnostic("E0288")
class RefutablePattern(CheckError):
    """A pattern that may fail stands where it has to fit every value: in `let`, `for`, builders and parameters.

    Wrong:

    ```dp error=E0288
    fn get(o: Option[Float]) -> Float {
      let Some(x) = o
      x
    }
    ```

    Right:

    ```dp
    fn get(o: Option[Float]) -> Float = match o { Some(x) => x, None => 0.0 }
    print(get(Some(2)))
    ```
    """

    def sentence(self) -> str:
        return "this pattern does not fit every value"

    def help(self) -> str:
        return "use `match`, which has an arm for each case"


@diagnostic("E0289")
class FloatPattern(CheckError):
    """A Float stands in a pattern, or a number in a pattern for a Float. Equality of Floats is rarely what is meant.

    Wrong:

    ```dp error=E0289
    fn sinc(x: Float) -> Float = match x { 0.0 => 1.0, _ => sin(x) / x }
    ```

    Right:

    ```dp
    fn sinc(x: Float) -> Float = if abs(x) < 1e-9 { 1.0 } else { sin(x) / x }
    print(sinc(0))
    ```
    """

    def sentence(self) -> str:
        return "a Float cannot be matched with a literal"

    def help(self) -> str:
        return "compare in an `if`, or in a guard: `x if x > 0 => ..`"


@diagnostic("W0203")
class RedundantArm(CheckError):
    """An arm of a `match` is never taken: the arms before it take all values that it would.

    Warned of:

    ```dp
    fn sign(n: Int) -> Int = match n { 0 => 0, _ => 1, 2 => 2 }
    ```

    Right:

    ```dp
    fn sign(n: Int) -> Int = match n { 0 => 0, 2 => 2, _ => 1 }
    ```
    """

    def sentence(self) -> str:
        return "this arm is never taken"

    def help(self) -> str:
        return "remove it, or move it up"
