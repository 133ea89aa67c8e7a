"""Faults of definitions: functions, structs, constraints, and of how control leaves a function."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError, an, declared
from .diagnostic import Note, diagnostic
from .source import Span


@diagnostic("E0273")
class MissingParameterType(CheckError):
    """The parameters of a function have written types (those of function values `x -> ..` need none).

    Wrong:

    ```dp error=E0273
    fn double(x) = 2 * x
    ```

    Right:

    ```dp
    fn double(x: Float) = 2 * x
    print(double(3))
    ```
    """

    name: str

    def sentence(self) -> str:
        return f"the parameter `{self.name}` has no type"

    def help(self) -> str:
        return f"write it, for instance `{self.name}: Float`"


@diagnostic("E0274")
class MethodWithoutSelf(CheckError):
    """A method's first parameter is `self`, the struct that it is called on.

    Wrong:

    ```dp error=E0274
    struct Square { side: Float, fn area(s: Float) = s^2 }
    ```

    Right:

    ```dp
    struct Square { side: Float, fn area(self) = self.side^2 }
    print(Square(2).area())
    ```
    """

    name: str

    def sentence(self) -> str:
        return f"the first parameter of the method `{self.name}` has to be `self`"


@diagnostic("E0275")
class InfiniteStruct(CheckError):
    """A struct holds itself, so a value of it would have no end.

    Wrong:

    ```dp error=E0275
    struct Chain { value: Float, rest: Chain }
    ```

    Right: an enum has a case without the recursion.

    ```dp
    enum Chain { End, Link(Float, Chain) }
    ```
    """

    struct: str
    name: str

    def sentence(self) -> str:
        return f"the field `{self.name}` of `{self.struct}` holds a `{self.struct}` again, without end"

    def help(self) -> str:
        return "make it an enum with a case that ends the recursion"


@diagnostic("E0276")
class BoundNotConstant(CheckError):
    """The bound of a constraint is a number that the text fixes: a literal, or a `let` of literals.

    Wrong:

    ```dp error=E0276
    struct Scale { s: Float > sin(1.0) }
    ```

    Right:

    ```dp
    let least = 1e-3
    struct Scale { s: Float > least }
    print(Scale(1))
    ```
    """

    def sentence(self) -> str:
        return "this bound is no constant"


@diagnostic("E0277")
class EmptyInterval(CheckError):
    """The interval of a constraint is empty.

    Wrong:

    ```dp error=E0277
    struct Share { p: Float in (1, 0) }
    ```

    Right:

    ```dp
    struct Share { p: Float in (0, 1) }
    print(Share(0.5))
    ```
    """

    low: float
    high: float

    def sentence(self) -> str:
        return f"nothing lies between {self.low:g} and {self.high:g}"


@diagnostic("E0278")
class ConstraintType(CheckError):
    """Constraints are for Floats and arrays of them.

    Wrong:

    ```dp error=E0278
    struct Count { n: Int > 0 }
    ```

    Right:

    ```dp
    struct Count { n: Float > 0 }
    print(Count(2))
    ```
    """

    found: str

    def sentence(self) -> str:
        return f"{an(self.found)} cannot have a constraint"


@diagnostic("E0279")
class ConstraintViolated(CheckError):
    """A struct is made with a value that its constraint excludes.

    Wrong:

    ```dp error=E0279
    struct Scale { s: Float > 0 }
    let a = Scale(-1)
    ```

    Right:

    ```dp
    struct Scale { s: Float > 0 }
    let a = Scale(1)
    ```
    """

    name: str
    value: float
    constraint: str
    declaration: Span

    def sentence(self) -> str:
        return f"`{self.name}` has to be {self.constraint}, and {self.value:g} is not"

    def reasons(self) -> Iterable[Note]:
        return declared("the constraint is declared here", self.declaration)


@diagnostic("E0280")
class MisplacedConstraint(CheckError):
    """Constraints are for fields of structs and for holes, not for parameters of functions.

    Wrong:

    ```dp error=E0280
    fn root(x: Float > 0) -> Float = sqrt(x)
    ```

    Right:

    ```dp
    fn root(x: Float) -> Float {
      assert x > 0
      sqrt(x)
    }
    print(root(4))
    ```
    """

    name: str

    def sentence(self) -> str:
        return f"the parameter `{self.name}` cannot have a constraint"

    def help(self) -> str:
        return f"write `assert {self.name} ..` in the function, or make it a field of a struct"


@diagnostic("E0281")
class MissingResult(CheckError):
    """A function promises a result and reaches its end without one.

    The value of a function is its last line, where that is an expression.

    Wrong:

    ```dp error=E0281
    fn first_above(xs: Float[n], c: Float) -> Float {
      for x in xs { if x > c { return x } }
    }
    ```

    Right:

    ```dp
    fn first_above(xs: Float[n], c: Float) -> Float {
      for x in xs { if x > c { return x } }
      nan
    }
    print(first_above([1.0, 2.0], 1))
    ```
    """

    function: str
    wanted: str
    declaration: Span | None

    def sentence(self) -> str:
        return f"the function ends here without its result, {an(self.wanted)}"

    def help(self) -> str:
        return "make the result the last line"


@diagnostic("E0282")
class MisplacedJump(CheckError):
    """`return`, `break` or `continue` stands where there is nothing to leave.

    A builder or reduction cannot be left in the middle, and neither can the statements of a file.

    Wrong:

    ```dp error=E0282
    fn f(xs: Float[n]) -> Float[n] = [if x < 0 { return xs } else { sqrt(x) } for x in xs]
    ```

    Right:

    ```dp
    fn f(xs: Float[n]) -> Float[n] {
      if any(xs < 0) { return xs }
      sqrt(xs)
    }
    print(f([4.0]))
    ```
    """

    word: str
    place: str

    def sentence(self) -> str:
        return f"`{self.word}` cannot leave {self.place}"


@diagnostic("E0283")
class GrowingRecursion(CheckError):
    """A generic function calls itself at an ever larger type, so it would need instances without end.

    Wrong:

    ```dp error=E0283
    struct Pair[T] { a: T, b: T }
    fn depth[T](x: T, n: Int) -> Int = if n == 0 { 0 } else { 1 + depth(Pair(x, x), n - 1) }
    print(depth(1.0, 3))
    ```

    Right: a recursive enum has one type for all depths.

    ```dp
    enum Tree { Leaf(Float), Node(Tree, Tree) }
    fn depth(t: Tree) -> Int = match t { Leaf(_) => 0, Node(l, r) => 1 + max(depth(l), depth(r)) }
    print(depth(Node(Leaf(1), Leaf(2))))
    ```
    """

    function: str
    argument: str

    def sentence(self) -> str:
        return f"`{self.function}` calls itself with the larger type `{self.argument}`"


@diagnostic("E0284")
class ClosureRecursion(CheckError):
    """A recursive function hands itself a new function value, so it would need instances without end.

    Wrong:

    ```dp error=E0284
    fn repeat(f: (Float) -> Float, n: Int, x: Float) -> Float =
      if n == 0 { x } else { repeat(y -> f(f(y)), n - 1, x) }
    print(repeat(sin, 2, 1.0))
    ```

    Right: hand on the function that it was given.

    ```dp
    fn repeat(f: (Float) -> Float, n: Int, x: Float) -> Float =
      if n == 0 { x } else { repeat(f, n - 1, f(x)) }
    print(repeat(sin, 2, 1.0))
    ```
    """

    function: str

    def sentence(self) -> str:
        return f"`{self.function}` calls itself with a new function value"

    def help(self) -> str:
        return "hand on a function that it was given, or make what differs data"


@diagnostic("W0201")
class UnusedValue(CheckError):
    """A value is computed and nobody uses it: it is not bound, and computing it does nothing else.

    Warned of:

    ```dp
    let x = [3.0, 1.0]
    sort(x)
    ```

    Right:

    ```dp
    let x = [3.0, 1.0]
    print(sort(x))
    ```
    """

    found: str

    def sentence(self) -> str:
        return f"nobody uses this `{self.found}`"

    def help(self) -> str:
        return "bind it with `let`, print it, or remove it"


@diagnostic("W0202")
class Unreachable(CheckError):
    """What stands after a `return`, `break` or `continue` is never executed.

    Warned of:

    ```dp
    fn f(x: Float) -> Float {
      return x
      print("done")
    }
    ```

    Right:

    ```dp
    fn f(x: Float) -> Float {
      print("done")
      x
    }
    ```
    """

    def sentence(self) -> str:
        return "this is never reached"

    def help(self) -> str:
        return "remove it, or the jump before it"
