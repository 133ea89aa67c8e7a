"""Faults of training and of sketches."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Note, diagnostic
from .source import Span


@diagnostic("E0501")
class NoObjective(Diagnostic):
    """A `train` does not say what to make small or large.

    Wrong:

    ```dp error=E0501
    let fit = train p = 1.0 { steps 10 }
    ```

    Right: one clause `minimize` or `maximize` with a Float that depends on the parameter.

    ```dp
    let fit = train p = 1.0 { minimize (p - 3)^2  steps 10 }
    print(fit.steps)
    ```
    """

    def sentence(self) -> str:
        return "this `train` has neither `minimize` nor `maximize`"

    def help(self) -> str:
        return "say what to learn, for instance: minimize mean((predicted - measured)^2)"


@diagnostic("E0502")
class NoEnd(Diagnostic):
    """A `train` does not say when to stop.

    Wrong:

    ```dp error=E0502
    let fit = train p = 1.0 { minimize (p - 3)^2 }
    ```

    Right: a number of steps, a condition on the parameter, `step` and `loss`, or both.

    ```dp
    let fit = train p = 1.0 { minimize (p - 3)^2  using sgd(rate = 0.1)  steps 1000  until loss < 1e-6 }
    print(fit.converged)
    ```
    """

    def sentence(self) -> str:
        return "this `train` would never stop: it has neither `steps` nor `until`"

    def help(self) -> str:
        return "add a clause such as `steps 1000` or `until loss < 1e-6`"


@diagnostic("E0503")
class ClauseTwice(Diagnostic):
    """A clause that a `train` can have once stands in it twice. `every` may stand there as often as one likes.

    Wrong:

    ```dp error=E0503
    let fit = train p = 1.0 { minimize (p - 3)^2  steps 10  steps 20 }
    ```

    Right:

    ```dp
    let fit = train p = 1.0 { minimize (p - 3)^2  steps 20 }
    print(fit.steps)
    ```

    `minimize` and `maximize` exclude each other.
    """

    word: str
    first: Span
    first_word: str

    def sentence(self) -> str:
        if self.word == self.first_word:
            return f"a `train` has one `{self.word}`"
        return f"`{self.word}` and `{self.first_word}` exclude each other"

    def notes(self) -> Iterable[Note]:
        yield Note(f"the first `{self.first_word}` is here", self.first)


@diagnostic("E0504")
class NothingToTrain(Diagnostic):
    """The parameter of a `train` holds no number that can be learned by descent.

    Descent moves Floats: a Float, arrays of them, structs and tuples with some in them, fields marked `fixed` left out.
    An Int, a Bool or a String has no gradient.

    Wrong:

    ```dp error=E0504
    let fit = train k = true { minimize 1.0  steps 10 }
    ```

    Right:

    ```dp
    let fit = train k = 3.0 { minimize (k - 2.5)^2  steps 10 }
    print(fit.steps)
    ```
    """

    type: str

    def sentence(self) -> str:
        return f"a value of type {self.type} holds nothing that can be trained"

    def help(self) -> str:
        return "write `0.0` for a Float" if self.type == "Int" else ""


@diagnostic("E0505")
class NotAnOptimiser(Diagnostic):
    """What stands behind `using` is no optimiser.

    An optimiser is a struct with the methods `start(self, x: Float[n])`, which gives its state, and `step(self, f, x, state)`,
    which gives the next point, the next state and f(x). Those of the library are `sgd`, `momentum` and `adam`.

    Wrong:

    ```dp error=E0505
    let fit = train p = 1.0 { minimize (p - 3)^2  using 0.1  steps 10 }
    ```

    Right:

    ```dp
    let fit = train p = 1.0 { minimize (p - 3)^2  using sgd(rate = 0.1)  steps 10 }
    print(fit.steps)
    ```
    """  # noqa: E501

    type: str
    missing: str

    def sentence(self) -> str:
        if self.missing:
            return f"{self.type} is no optimiser: it has no method `{self.missing}`"
        return f"a value of type {self.type} is no optimiser"

    def help(self) -> str:
        return "use `adam(rate = 0.01)`, or a struct with the methods `start` and `step`"


@diagnostic("E0506")
class Unfinished(Diagnostic):
    """A sketch has open parts, so it is no function yet: it can be called where it is trained, and in another sketch.

    Wrong:

    ```dp error=E0506
    sketch line(t: Float) -> Float = ?a * t + ?b
    print(line(2.0))
    ```

    Right: train it, and call what was found.

    ```dp
    sketch line(t: Float) -> Float = ?a * t + ?b
    let ts = [0.0, 1.0, 2.0]
    let fit = train line { minimize mean((line(ts) - 3 * ts)^2)  using adam(rate = 0.1)  steps 500 }
    let found = fit.value
    print("{found(2.0):.1f}")
    ```
    """

    name: str
    declared: Span
    holes: tuple[str, ...]

    def sentence(self) -> str:
        return f"the sketch `{self.name}` is not finished"

    def notes(self) -> Iterable[Note]:
        holes = ", ".join(f"`{h}`" for h in self.holes)
        yield Note(f"it has the holes {holes}", self.declared)

    def help(self) -> str:
        return f"train it first: let fit = train {self.name} {{ .. }}, then call fit.value"


@diagnostic("E0507")
class NotASketch(Diagnostic):
    """`train name { .. }` without a parameter trains a sketch, and this is none.

    A value is trained under a name of its own, which stands for the parameter in the clauses.

    Wrong:

    ```dp error=E0507
    let start = 1.0
    let fit = train start { minimize (start - 3)^2  steps 10 }
    ```

    Right:

    ```dp
    let start = 1.0
    let fit = train p = start { minimize (p - 3)^2  steps 10 }
    print(fit.steps)
    ```
    """

    text: str

    def sentence(self) -> str:
        return f"`{self.text}` is no sketch"

    def help(self) -> str:
        return f"give the parameter a name: train p = {self.text} {{ .. }}"


@diagnostic("E0508")
class HoleOutside(Diagnostic):
    """A hole stands outside every sketch. Only a sketch has open parts.

    Wrong:

    ```dp error=E0508
    fn line(t: Float) -> Float = ?a * t
    ```

    Right:

    ```dp
    sketch line(t: Float) -> Float = ?a * t
    ```
    """

    name: str

    def sentence(self) -> str:
        return f"the hole `{self.name}` stands in no sketch"

    def help(self) -> str:
        return "write `sketch` for `fn`, or make it a parameter"


@diagnostic("E0509")
class HoleTwice(Diagnostic):
    """One name is given to two holes of a sketch. `?a` may stand in it several times, for it is one hole; a `hole` statement, which
    says what the hole is, stands there once.

    Wrong:

    ```dp error=E0509
    sketch f(t: Float) -> Float {
      hole a: Float = 1.0
      hole a: Float = 2.0
      a * t
    }
    ```

    Right:

    ```dp
    sketch f(t: Float) -> Float {
      hole a: Float = 1.0
      hole b: Float = 2.0
      a * t + b
    }
    ```
    """  # noqa: E501

    name: str
    first: Span

    def sentence(self) -> str:
        return f"the sketch already has a hole `{self.name}`"

    def notes(self) -> Iterable[Note]:
        yield Note("the first one is here", self.first)


@diagnostic("E0510")
class StartOnBound(Diagnostic):
    """A training starts with a parameter that lies on its bound.

    A bounded number is moved in the space of its logarithm (or of its logit, between two bounds), which has no
    place for the bound itself: the training could never leave it. Start inside.

    Wrong:

    ```dp error=E0510
    struct Scale { s: Float >= 0 }
    let fit = train p = Scale(s = 0) { minimize (p.s - 2)^2  steps 10 }
    ```

    Right:

    ```dp
    struct Scale { s: Float >= 0 }
    let fit = train p = Scale(s = 1) { minimize (p.s - 2)^2  steps 10 }
    print(fit.steps)
    ```
    """

    field: str
    bound: float

    def sentence(self) -> str:
        return f"the training starts with `{self.field}` on its bound {self.bound:g}"

    def help(self) -> str:
        return "start with a value inside the bounds"


@diagnostic("E0511")
class HoleCycle(Diagnostic):
    """Two sketches call each other, so that the holes of each would be among the holes of the other.

    A sketch that calls itself is fine: it does so with its own holes.

    Wrong:

    ```dp error=E0511
    sketch even(t: Float) -> Float = if t < 1 { ?a } else { odd(t - 1) }
    sketch odd(t: Float) -> Float = if t < 1 { ?b } else { even(t - 1) }
    ```

    Right:

    ```dp
    sketch both(t: Float, odd: Bool) -> Float = if t < 1 { if odd { ?b } else { ?a } } else { both(t - 1, not odd) }
    let fit = train both { minimize (both(3.0, false) - 2)^2 + (both(2.0, false) - 1)^2  steps 10 }
    print(fit.steps)
    ```
    """

    name: str
    declared: Span

    def sentence(self) -> str:
        return f"the sketch `{self.name}` calls this sketch in turn"

    def notes(self) -> Iterable[Note]:
        yield Note(f"`{self.name}` is declared here", self.declared)

    def help(self) -> str:
        return "make one sketch of both"


@diagnostic("W0501")
class LossNotFinite(Diagnostic):
    """A training came to a point where the objective is infinite or not a number, and stopped there.

    The fit holds the last point at which the objective was finite, and `converged` is false. Mostly the steps are too
    long (lower the `rate`), or a parameter left the domain of a function such as `log` or `sqrt`: a field declared as
    `Float > 0` cannot do that.

    Wrong:

    ```dp
    let fit = train p = 1.0 { minimize log(p)  using sgd(rate = 0.3)  steps 50 }
    print(fit.converged)
    ```

    Right:

    ```dp
    struct Scale { s: Float > 0 }
    let fit = train p = Scale(1) { minimize (log(p.s) - 1)^2  using sgd(rate = 0.3)  steps 50 }
    print("{fit.value.s:.3f}")
    ```
    """

    step: int
    loss: float
    leaf: str
    before: float
    after: float

    def sentence(self) -> str:
        when = f"after step {self.step}" if self.step else "at the start"
        return f"the loss is {self.loss} {when}, so the training stops"

    def notes(self) -> Iterable[Note]:
        if not self.step:
            yield Note("there is no better point: the fit holds the start")
            return
        change = f"from {self.before:.6g} to {self.after:.6g}"
        if self.after - self.after != 0:
            yield Note(f"the parameter `{self.leaf}` went {change}")
        else:
            yield Note(f"the parameter that moved most is `{self.leaf}`: {change}")
        yield Note("the fit holds the last point with a finite loss")

    def help(self) -> str:
        if not self.step:
            return "start at a point where the objective is finite"
        return "take a smaller rate, or keep parameters in the domain by a constraint such as `Float > 0`"


@diagnostic("W0502")
class HoleLeft(Diagnostic):
    """`dp fill` found no value for a hole.

    It fills the holes of sketches whose fit, or whose fit's value, a `let` of the file holds:
    `let fit = train line { .. }` or `let f = (train line { .. }).value`.
    """

    name: str
    sketch: str

    def sentence(self) -> str:
        return f"the hole `{self.name}` stays: no `let` of the file holds a fit of `{self.sketch}`"

    def help(self) -> str:
        return f"write `let fit = train {self.sketch} {{ .. }}`"
