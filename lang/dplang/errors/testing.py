"""What `dp test` finds: examples in documentation and derivative rules that say what is not so."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Note, diagnostic
from .source import Span


@diagnostic("E0630")
class OtherOutput(Diagnostic):
    """An example in a `##` comment prints something other than its `# prints:` lines say.

    Examples are read as promises, so `dp test` runs them: what they print is compared line by line. An example that
    prints says what, and one that says so prints.

    Wrong, as the sum is 6:

    ```dp
    ## The sum of the elements.
    ##
    ##     print(total([1, 2, 3]))
    ##     # prints: 7
    fn total(x: Int[n]) -> Int = sum(x)
    ```

    Right:

    ```dp
    ## The sum of the elements.
    ##
    ##     print(total([1, 2, 3]))
    ##     # prints: 6
    fn total(x: Int[n]) -> Int = sum(x)
    ```
    """

    printed: str | None
    promised: str | None

    def sentence(self) -> str:
        if self.promised is None:
            return f"the example prints more than it says: {_shown(self.printed)}"
        if self.printed is None:
            return f"the example does not print {_shown(self.promised)}"
        return f"the example prints {_shown(self.printed)} and says {_shown(self.promised)}"

    def help(self) -> str:
        if self.promised is None:
            return f"write `# prints: {self.printed}` below, if that is right"
        return f"write `# prints: {self.printed}`, if that is right" if self.printed is not None else ""


@diagnostic("E0631")
class NotRefused(Diagnostic):
    """An example in a `##` comment says `# error CODE` of a line that is in order.

    Such a line shows a mistake, and `dp test` sees to it that it is one: exactly this diagnostic, in this line.

    Wrong, as the root of a negative number is `nan`, and no fault:

    ```dp
    ## The square root of `x`.
    ##
    ##     print(root(-1.0))  # error E0608
    fn root(x: Float) -> Float = sqrt(x)
    ```

    Right:

    ```dp
    ## The square root of `x`, which is not negative.
    ##
    ##     print(root(-1.0))  # error E0608
    fn root(x: Float) -> Float {
      assert x >= 0
      sqrt(x)
    }
    ```
    """

    promised: str

    def sentence(self) -> str:
        return f"the example says that this line leads to {self.promised}, and nothing is wrong with it"


@diagnostic("E0632")
class RuleDiffers(Diagnostic):
    """A `derivative` rule differs from what the function does near a point.

    `dp test` tries each rule of a file at random points: the derivative along a random direction is compared with
    differences of the function's values, and `vjp` with `jvp`. Rules of private functions (`_f`) are tried through the
    public functions that use them. A rule replaces what the language would derive by
    itself, so an error in it would make every gradient through the function silently wrong.

    Wrong, as the derivative of `x^3` is `3 * x^2`:

    ```dp
    fn cube(x: Float) -> Float = x^3
    derivative cube(x) = 2 * x^2
    ```

    Right:

    ```dp
    fn cube(x: Float) -> Float = x^3
    derivative cube(x) = 3 * x^2
    ```
    """

    function: str
    word: str
    place: str
    by_rule: str
    numeric: str
    rules: tuple[tuple[str, Span], ...]

    def sentence(self) -> str:
        return f"the derivative of `{self.function}` disagrees with its values"

    def notes(self) -> Iterable[Note]:
        for name, span in self.rules:
            yield Note("it comes from this rule" if name == self.function else f"it uses the rule of `{name}`", span)
        yield Note(f"at {self.place}: `{self.word}` gives {self.by_rule}, differences of values {self.numeric}")

    def help(self) -> str:
        return (
            "see that signs, factors and the order of the parameters are right;\n"
            "a derivative that is meant to be another is written with `stop` or `straight_through`"
        )


def _shown(text: str | None) -> str:
    return f"`{text}`" if text else "an empty line"
