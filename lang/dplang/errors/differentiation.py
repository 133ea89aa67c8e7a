"""Diagnostics of the first judgement: what can be differentiated, and what a derivative does not see."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Note, diagnostic
from .source import Span


def names(parameters: tuple[str, ...]) -> str:
    """`a`, `b` and `c`."""
    quoted = [f"`{p}`" for p in parameters]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


@diagnostic("E0301")
class SeveredPath(Diagnostic):
    """The influence of a parameter is cut off on its way to the result.

    A derivative flows through Floats. What is computed from a parameter into an Int, a Bool or a tag (`int`, a
    comparison, `argmax`), or is constant between jumps (`floor`, `round`, `//`), has no tangent. Where such a value
    becomes a Float again, an index or a size, the result does change with the parameter, but the derivative along
    this path is zero: a gradient would silently miss it. So `grad`, `train` and their relatives refuse it, and show
    the path from the parameter to the construct that severs it and on to the result.

    Wrong:

    ```dp error=E0301
    fn dose(x: Float) -> Float = x * round(x)
    print(grad(dose)(1.2))
    ```

    Right: `stop(e)` says that the derivative shall treat `e` as a constant. That the result jumps with it stays a
    warning.

    ```dp warning=W0301
    fn dose(x: Float) -> Float = x * stop(round(x))
    print(grad(dose)(1.2))
    ```

    Often a soft version is what is meant: `soft_step(x - c)` for `float(x > c)`, interpolation between two
    elements for an index computed from a parameter, a weighted sum by `softmax` for `argmax`.
    """

    parameters: tuple[str, ...]
    op: str
    construct: Span
    steps: tuple[Note, ...]
    remedies: tuple[str, ...] = ()

    @property
    def severing(self) -> str:
        """The construct as the sentence names it: a function by its name, an operator with its operands."""
        if self.op.isidentifier() or not self.construct.text or "\n" in self.construct.text:
            return self.op
        return self.construct.text

    @property
    def entrance(self) -> Span | None:
        """Where the path enters the library that the construct stands in, in the user's program."""
        if not self.construct.source.library:
            return None
        inside = next((i for i, s in enumerate(self.steps) if s.span is not None and s.span.source.library), 0)
        return next((s.span for s in reversed(self.steps[:inside]) if s.span is not None), self.span)

    def sentence(self) -> str:
        where = f" in `{_line(self.entrance)}`" if self.entrance is not None else ""
        return f"the gradient with respect to {names(self.parameters)} is cut off by `{self.severing}`{where}"

    def label(self) -> str:
        return "this derivative would miss that path"

    def notes(self) -> Iterable[Note]:
        yield from (s for s in self.steps if s.span is None or not s.span.source.library)
        yield Note(why(self.op))
        if self.entrance is not None:
            yield Note(f"`{self.op}` stands in the library, at {self.construct.place}")

    def help(self) -> str:
        own = self.entrance is None
        others = [f"`{r}`" if r.isidentifier() else r for r in self.remedies if r != "stop" and own]
        around = self.entrance or self.construct
        stop = f"`stop({around.text})`" if _short(around) else f"`stop(..)` around `{self.op}`"
        text = f"{stop} treats it as a constant, if that is meant"
        return f"{text}; otherwise use {' or '.join(others)}" if others else text


def _short(span: Span) -> bool:
    return 0 < len(span.text) <= 40 and "\n" not in span.text


def why(op: str) -> str:
    """Why a construct has no derivative."""
    match op:
        case "==" | "!=" | "<" | "<=" | ">" | ">=" | "isnan" | "isinf" | "isfinite":
            return f"`{op}` gives a Bool, and a Bool has no tangent"
        case "argmin" | "argmax" | "argsort" | "int":
            return f"`{op}` gives an Int, and an Int has no tangent"
        case "floor" | "ceil" | "round" | "//" | "sign":
            return f"`{op}` is constant between its jumps, so its derivative is zero wherever there is one"
        case _:
            return f"what `{op}` gives has no tangent"


@diagnostic("E0302")
class NoLivePath(Diagnostic):
    """The result cannot change smoothly with the parameter, so its gradient would be zero everywhere.

    Either the parameter does not influence the result at all, or it does so only through conditions: it decides
    which branch is taken or how often a loop turns, and no Float of the result is computed from it. Derivatives
    follow the branch that was taken, so such a gradient is identically zero, and nothing could be learned from it.

    Wrong:

    ```dp error=E0302
    fn step(x: Float) -> Float = if x > 1 { 2.0 } else { 3.0 }
    print(grad(step)(0.5))
    ```

    Right: a soft step, whose value does change with `x`.

    ```dp
    fn step(x: Float) -> Float = 3 - sigmoid(10 * (x - 1))
    print(grad(step)(0.5))
    ```
    """

    parameters: tuple[str, ...]
    conditions: tuple[Span, ...] = ()

    def sentence(self) -> str:
        how = "only conditions depend on" if self.conditions else "the result does not depend on"
        whom = names(self.parameters)
        return f"the gradient with respect to {whom} is zero everywhere: {how} {_it(self.parameters)}"

    def notes(self) -> Iterable[Note]:
        for span in self.conditions:
            yield Note(f"only decides `{_line(span)}` here", span)

    def help(self) -> str:
        if self.conditions:
            return "blend the two sides by a soft weight, such as `soft_step(x - c)`, or take it out with `stop`"
        return "use the parameter in the result, or differentiate with respect to another one by `wrt = ..`"


def _it(parameters: tuple[str, ...]) -> str:
    return "it" if len(parameters) == 1 else "them"


def _line(span: Span) -> str:
    text = span.text.split("\n")[0]
    return text if text == span.text else f"{text} .."


@diagnostic("E0303")
class BrokenContract(Diagnostic):
    """A `smooth fn` or `lipschitz fn` cannot be shown to be what it says.

    `smooth` demands a result that is continuously differentiable in every Float parameter, `lipschitz` one that
    changes at most in proportion (kinks are allowed, jumps are not). Both demand that the arguments of `sqrt`,
    `log`, `/`, `^` and their like provably stay where these are defined and have a derivative. The proof uses
    literals, the ranges of functions (`exp(x)` is positive, a square is not negative), conditions and assertions
    that hold where the argument is computed, and the constraints of struct fields. What is not proved is refused.

    Wrong:

    ```dp error=E0303
    smooth fn length(x: Float, y: Float) -> Float = sqrt(x^2 + y^2)
    ```

    Right:

    ```dp
    smooth fn length(x: Float, y: Float) -> Float = sqrt(x^2 + y^2 + 1e-6)
    ```
    """

    function: str
    contract: str
    reasons: tuple[Note, ...]

    def sentence(self) -> str:
        return f"`{self.function}` is declared `{self.contract}`, which cannot be shown"

    def notes(self) -> Iterable[Note]:
        return self.reasons

    def help(self) -> str:
        return f"mend what is named above, or take the word `{self.contract}` away"


@diagnostic("E0304")
class NotLearnable(Diagnostic):
    """`train` is asked to learn a parameter that cannot influence the objective.

    Every leaf of what is trained must have a path to the objective along which derivatives flow. One that has none
    would keep its start for ever.

    Wrong:

    ```dp error=E0304
    struct Line { a: Float, b: Float }
    let fit = train w = Line(a = 1, b = 0) { minimize (w.a - 3)^2  steps 10 }
    ```

    Right: use it in the objective, or mark the field `fixed`, which takes it out of the training.

    ```dp
    struct Line { a: Float, fixed b: Float }
    let fit = train w = Line(a = 1, b = 0) { minimize (w.a - 3)^2  steps 10 }
    ```
    """

    parameters: tuple[str, ...]
    conditions: tuple[Span, ...] = ()

    def sentence(self) -> str:
        how = "only conditions depend on" if self.conditions else "the objective does not depend on"
        return f"{names(self.parameters)} cannot be learned: {how} {_it(self.parameters)}"

    def notes(self) -> Iterable[Note]:
        for span in self.conditions:
            yield Note(f"only decides `{_line(span)}` here", span)

    def help(self) -> str:
        return "let the objective use it, or mark its field `fixed`"


@diagnostic("E0305")
class DerivativeCycle(Diagnostic):
    """A function calls itself through a derivative operator.

    To derive it the derivative of its own derivative would be needed first, and so on without end. Loops and recursion
    may hold derivative operators, and operators nest; only a cycle of calls that passes through one is refused.

    Wrong:

    ```dp error=E0305
    fn f(x: Float, n: Int) -> Float = if n == 0 { x * x } else { grad((y: Float) -> f(y, n - 1))(x) }
    print(f(1.0, 3))
    ```

    Right: write the operators out, as deep as they are needed.

    ```dp
    fn f(x: Float) -> Float = x^4
    print(grad(grad(f))(1.0))
    ```
    """

    function: str

    def sentence(self) -> str:
        return f"`{self.function}` needs its own derivative to be derived"

    def help(self) -> str:
        return "nest the operators as deep as they are needed, outside the recursion"


@diagnostic("W0301")
class MayJump(Diagnostic):
    """The result may jump where a condition changes, and the derivative does not see that.

    A derivative follows the branch that was taken. Away from the boundary that is exactly right; what happens when
    the boundary itself is crossed, it cannot tell. If the two sides meet there, nothing is wrong; if they do not, a
    method that goes downhill may be led astray.

    With a warning:

    ```dp warning=W0301
    fn fare(x: Float) -> Float = if x > 10 { 5 + 0.1 * x } else { 2 * x }
    print(grad(fare)(3.0))
    ```

    Without: `max`, `min`, `abs` and `clip` have kinks but never jump.

    ```dp
    fn fare(x: Float) -> Float = min(2 * x, 5 + 0.1 * x)
    print(grad(fare)(3.0))
    ```
    """

    parameters: tuple[str, ...]
    derivative: Span
    second: bool = False  # it is a derivative taken on the way that may jump

    def sentence(self) -> str:
        what = "a derivative taken on the way" if self.second else "the result"
        whom = names(self.parameters)
        return f"{what} may jump at `{_line(self.span)}`; the derivative with respect to {whom} does not see it"

    def notes(self) -> Iterable[Note]:
        yield Note("derived here", self.derivative)

    def label(self) -> str:
        return "a boundary"


@diagnostic("W0302")
class NoInfluence(Diagnostic):
    """A derivative is taken with respect to something that cannot change the result, so that part of it is zero.

    With a warning:

    ```dp warning=W0302
    struct Line { a: Float, b: Float }
    fn value(w: Line) -> Float = w.a * 2
    print(grad(value)(Line(1, 2)))
    ```

    Without:

    ```dp
    struct Line { a: Float, b: Float }
    fn value(w: Line) -> Float = w.a * 2 + w.b
    print(grad(value)(Line(1, 2)))
    ```
    """

    parameters: tuple[str, ...]

    def sentence(self) -> str:
        verb = "does" if len(self.parameters) == 1 else "do"
        return f"{names(self.parameters)} {verb} not influence the result: that part of the derivative is zero"


@diagnostic("W0303")
class EqualityBoundary(Diagnostic):
    """A condition asks whether a Float that is differentiated is equal to something.

    That holds on a thin set only: for almost every value it is false, so the branch is hardly ever taken, and
    derivatives never come from it as limits.

    With a warning:

    ```dp warning=W0303
    fn f(x: Float) -> Float = if x == 0 { 1.0 } else { sin(x) / x }
    print(grad(f)(0.5))
    ```

    Without: ask for a neighbourhood, and give the value that holds all over it.

    ```dp warning=W0301
    fn f(x: Float) -> Float = if abs(x) < 1e-4 { 1 - x^2 / 6 } else { sin(x) / x }
    print(grad(f)(0.5))
    ```
    """

    parameters: tuple[str, ...]
    derivative: Span

    def sentence(self) -> str:
        return f"`{_line(self.span)}` asks for equality with a value that depends on {names(self.parameters)}"

    def notes(self) -> Iterable[Note]:
        yield Note("derived here", self.derivative)

    def help(self) -> str:
        return "compare with a tolerance: almost no value meets an equality"


@diagnostic("W0304")
class RandomBoundary(Diagnostic):
    """A condition compares a random draw with a value that is differentiated.

    The parameter then changes how probable each branch is. The derivative follows the branch that this draw took,
    so that change is missing from it: on average it is not the derivative of the average.

    With a warning:

    ```dp warning=W0304
    import random
    fn cost(p: Float) -> Float = if random.uniform(key(1)) < p { 2 * p } else { p }
    print(grad(cost)(0.5))
    ```

    Without: weigh the branches by their probabilities.

    ```dp
    fn cost(p: Float) -> Float = p * (2 * p) + (1 - p) * p
    print(grad(cost)(0.5))
    ```
    """

    parameters: tuple[str, ...]
    derivative: Span

    def sentence(self) -> str:
        whom = names(self.parameters)
        return f"`{_line(self.span)}` compares a random draw with {whom}: the change of its probability is missed"

    def notes(self) -> Iterable[Note]:
        yield Note("derived here", self.derivative)

    def help(self) -> str:
        return "weigh the branches by their probabilities, or move the draw by the parameter (`mean + scale * draw`)"


@diagnostic("E0350")
class RuleMissing(Diagnostic):
    """A function has a derivative rule of its own, but not the half that this operator needs.

    `grad`, `vjp` and `train` go backwards: they need the `vjp` of the rule. `jvp`, `hvp` and `hessian` go forwards:
    they need its `jvp`. A rule given as partial derivatives, `derivative f(x) = ..`, serves both.

    Wrong:

    ```dp error=E0350
    fn cube(x: Float) -> Float = x * x * x
    derivative cube(x) { jvp(dx) = 3.0 * x * x * dx }
    print(grad(cube)(2.0))
    ```

    Right:

    ```dp
    fn cube(x: Float) -> Float = x * x * x
    derivative cube(x) = 3.0 * x * x
    print(grad(cube)(2.0))
    ```
    """

    function: str
    half: str
    rule: Span

    def sentence(self) -> str:
        return f"the derivative rule of `{self.function}` has no `{self.half}`, which is needed here"

    def notes(self) -> Iterable[Note]:
        yield Note(f"`{self.function}` is defined here, and its rule replaces its derivative", self.rule)

    def help(self) -> str:
        return f"add `{self.half}(..) = ..` to the rule, or give it as partial derivatives"
