"""Faults in the use of derivative operators and in `derivative` definitions, as far as types tell."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError, an, declared, listed, meant
from .diagnostic import Edit, Note, diagnostic
from .source import Span


@diagnostic("E0290")
class WrtForm(CheckError):
    """`wrt` names a parameter of the function, or several in brackets.

    Wrong:

    ```dp error=E0290
    fn f(a: Float, b: Float) = a * b
    print(grad(f, wrt = "b")(2, 3))
    ```

    Right:

    ```dp
    fn f(a: Float, b: Float) = a * b
    print(grad(f, wrt = b)(2, 3))
    ```
    """

    def sentence(self) -> str:
        return "`wrt` takes the name of a parameter, or names in brackets"

    def help(self) -> str:
        return "write `wrt = x` or `wrt = (x, y)`"


@diagnostic("E0291")
class WrtName(CheckError):
    """`wrt` names something that is no parameter of the function.

    Wrong:

    ```dp error=E0291
    fn f(a: Float, b: Float) = a * b
    print(grad(f, wrt = c)(2, 3))
    ```

    Right:

    ```dp
    fn f(a: Float, b: Float) = a * b
    print(grad(f, wrt = b)(2, 3))
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
        return declared(f"its parameters are {listed(self.known)}", self.declaration)

    def help(self) -> str:
        return meant(self.nearest)

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, self.nearest),) if self.nearest else ()


@diagnostic("E0292")
class NoParameter(CheckError):
    """A function without parameters has no derivative.

    Wrong:

    ```dp error=E0292
    fn f() -> Float = 1.0
    print(grad(f)())
    ```

    Right:

    ```dp
    fn f(x: Float) -> Float = x
    print(grad(f)(2))
    ```
    """

    kind: str
    function: str

    def sentence(self) -> str:
        return f"`{self.kind}` needs a function with a parameter, and `{self.function}` has none"


@diagnostic("E0293")
class NoTangent(CheckError):
    """A derivative is asked for with respect to something that cannot move: an Int, Bool, String or Key.

    Wrong:

    ```dp error=E0293
    fn power(n: Int, x: Float) = x^n
    print(grad(power)(2, 3.0))
    ```

    Right:

    ```dp
    fn power(n: Int, x: Float) = x^n
    print(grad(power, wrt = x)(2, 3.0))
    ```
    """

    name: str
    found: str
    kind: str
    declaration: Span | None

    def sentence(self) -> str:
        return f"`{self.kind}` cannot be taken with respect to `{self.name}`: {an(self.found)} has no tangent"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.name}` is declared here", self.declaration)

    def help(self) -> str:
        if self.found == "Int":
            return f"declare `{self.name}` as a Float, or name another parameter by `wrt = ..`"
        return "name another parameter by `wrt = ..`"


@diagnostic("E0294")
class FunctionTangent(CheckError):
    """A derivative is asked for with respect to a value that holds functions.

    Wrong:

    ```dp error=E0294
    fn twice(f: (Float) -> Float, x: Float) = f(f(x))
    print(grad(twice)(y -> 3 * y, 2.0))
    ```

    Right: put what the function depends on into a struct.

    ```dp
    struct Line { slope: Float, fn call(self, x: Float) = self.slope * x }
    fn twice(l: Line, x: Float) = l(l(x))
    print(grad(twice)(Line(3), 2.0))
    ```
    """

    name: str
    found: str
    kind: str

    def sentence(self) -> str:
        return f"`{self.kind}` cannot be taken with respect to `{self.name}`, which is or holds a function"

    def help(self) -> str:
        return "make it a struct with a method `call`, whose fields are what the function depends on"


@diagnostic("E0295")
class DerivativeResult(CheckError):
    """A derivative operator is applied to a function whose result does not suit it.

    `grad`, `value_and_grad`, `hvp` and `hessian` take functions with one Float as result, `jacobian` those with an
    array of Floats, `jvp` and `vjp` those whose result has a part that can move.

    Wrong:

    ```dp error=E0295
    fn f(x: Float[n]) -> Float[n] = x^2
    print(grad(f)([1.0, 2.0]))
    ```

    Right:

    ```dp
    fn f(x: Float[n]) -> Float[n] = x^2
    print(jacobian(f)([1.0, 2.0]))
    ```
    """

    kind: str
    function: str
    found: str
    declaration: Span | None

    def sentence(self) -> str:
        function = self.function if self.declaration is None else f"`{self.function}`"
        return f"`{self.kind}` cannot be taken of {function}, whose result is {an(self.found)}"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.function}` is defined here", self.declaration)

    def help(self) -> str:
        if self.kind in ("grad", "value_and_grad") and "Float[" in self.found:
            return "`jacobian` takes arrays; or make one Float of the result, for instance by `sum`"
        return ""


@diagnostic("E0297")
class RuleWithoutFunction(CheckError):
    """A `derivative` definition stands after its function, in the same file.

    Wrong:

    ```dp error=E0297
    derivative double(x) = 2.0
    fn double(x: Float) -> Float = 2 * x
    ```

    Right:

    ```dp
    fn double(x: Float) -> Float = 2 * x
    derivative double(x) = 2.0
    ```
    """

    name: str
    below: bool

    def sentence(self) -> str:
        if self.below:
            return f"the derivative of `{self.name}` has to stand after its function, in the same file"
        return f"there is no function `{self.name}` above in this file"


@diagnostic("E0298")
class BadRule(CheckError):
    """A `derivative` definition does not suit its function.

    It names the function's parameters in order. Partials are for a Float result: one, or a tuple with one for each
    parameter that can move. `jvp` takes one tangent for each such parameter and gives the tangent of the result;
    `vjp` takes one value, the adjoint of the result, and gives one adjoint for each such parameter.

    Wrong:

    ```dp error=E0298
    fn product(x: Float, y: Float) -> Float = x * y
    derivative product(x) = x
    ```

    Right:

    ```dp
    fn product(x: Float, y: Float) -> Float = x * y
    derivative product(x, y) = (y, x)
    ```
    """

    what: str
    function: str
    declaration: Span | None

    def sentence(self) -> str:
        return self.what

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.function}` is defined here", self.declaration)


@diagnostic("E0299")
class DerivativeArguments(CheckError):
    """A derivative operator takes a function and gives one; the point stands in brackets of its own.

    Wrong:

    ```dp error=E0299
    fn f(x: Float) = x^2
    print(grad(f, 3.0))
    ```

    Right:

    ```dp
    fn f(x: Float) = x^2
    print(grad(f)(3.0))
    ```
    """

    kind: str

    def sentence(self) -> str:
        return f"`{self.kind}` takes one function, and the point in brackets of its own"

    def help(self) -> str:
        return f"write `{self.kind}(f)(x)`"


__all__ = [
    "BadRule", "DerivativeArguments", "DerivativeResult", "FunctionTangent", "NoParameter",
    "NoTangent", "Note", "RuleWithoutFunction", "WrtForm", "WrtName",
]  # fmt: skip
