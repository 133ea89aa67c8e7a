"""The catalogue of E01: texts that are no programs."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Edit, Note, diagnostic
from .source import Span


@diagnostic("E0101")
class Unexpected(Diagnostic):
    """Something stands where the language has no place for it.

    The message says what could stand there. Often the real slip is a little earlier: a missing comma, operator or
    bracket. Statements end at the end of a line or at `;`.

    Wrong:
    ```dp
    let x =
    let y = 2
    ```
    Right:
    ```dp
    let x = 1
    let y = 2
    ```
    """

    expected: str
    found: str
    reasons: tuple[Note, ...] = ()
    remedy: str = ""

    def sentence(self) -> str:
        return f"expected {self.expected}, found {self.found}"

    def label(self) -> str:
        return "not expected here"

    def notes(self) -> Iterable[Note]:
        return self.reasons

    def help(self) -> str:
        return self.remedy


@diagnostic("E0102")
class UnknownCharacter(Diagnostic):
    """A character that no part of the language uses.

    Letters of every script may stand in names; other signs only in strings and comments.

    Wrong:
    ```dp
    let price = 3 $ 4
    ```
    Right:
    ```dp
    let price = 3 * 4
    ```
    """

    character: str

    def sentence(self) -> str:
        code = f"U+{ord(self.character):04X}"
        shown = f"`{self.character}` ({code})" if self.character.isprintable() else code
        return f"the character {shown} has no meaning here"

    def help(self) -> str:
        if self.character in "“”„«»‘’`":
            return 'strings are written between straight quotes: "text"'
        if self.character in "&|":
            return "dp writes `and` and `or`; functions are piped with `|>`"
        return ""


@diagnostic("E0103")
class UnterminatedString(Diagnostic):
    """A string without its closing quote.

    A string ends in the line it begins in; a line break inside is written `\\n`.

    Wrong:
    ```dp
    print("hello)
    ```
    Right:
    ```dp
    print("hello")
    ```
    """

    def sentence(self) -> str:
        return 'this string has no closing `"`'

    def label(self) -> str:
        return "begins here, and the line ends"

    def help(self) -> str:
        return "strings end in the line they begin in; a line break inside is written \\n"


@diagnostic("E0104")
class BadNumber(Diagnostic):
    """Digits that do not make a number.

    A number is decimal: `12`, `1_000`, `0.5`, `2.5e-3`. There are digits on both sides of the point, and an Int has 64
    bits.

    Wrong:
    ```dp
    let half = .5
    ```
    Right:
    ```dp
    let half = 0.5
    ```
    """

    written: str

    def sentence(self) -> str:
        if self._too_large():
            return f"the number {self.written[:40]} is too large"
        return f"`{self.written[:40]}` is not a number"

    def _too_large(self) -> bool:
        try:
            float(self.written)
        except ValueError:
            return False
        return not self.written.startswith(".") and not self.written.endswith(".")

    def help(self) -> str:
        text = self.written
        if self._too_large():
            whole = text.replace("_", "").isdigit()
            return "an Int has 64 bits; a Float is written with a point or an exponent" if whole else "write `inf`"
        if text.startswith("."):
            return f"write `0{text}`"
        if text.endswith(".") and text[:-1].isdigit():
            return f"write `{text}0`"
        if text[:2].lower() in ("0x", "0b", "0o"):
            try:
                return f"numbers are decimal: write `{int(text, 0)}`"
            except ValueError:
                return "numbers are decimal"
        if text[:1].isdigit() and text[-1:].isalpha() and text[:-1].isdigit():
            return f"a product is written with a sign: `{text[:-1]} * {text[-1]}`"
        return "numbers are written like 12, 1_000, 0.5 or 2.5e-3"


@diagnostic("E0105")
class BadEscape(Diagnostic):
    """A backslash in a string with something after it that has no meaning.

    The escapes are `\\n`, `\\t`, `\\r`, `\\0`, `\\"`, `\\\\` and `\\u{1F600}`.

    Wrong:
    ```dp
    print("C:\\data")
    ```
    Right:
    ```dp
    print("C:\\\\data")
    ```
    """

    def sentence(self) -> str:
        return f"`{self.span.text}` means nothing in a string"

    def help(self) -> str:
        return 'the escapes are \\n \\t \\r \\0 \\" \\\\ and \\u{1F600}; a backslash itself is written \\\\'


@diagnostic("E0106")
class BadInterpolation(Diagnostic):
    """A `{..}` in a string that is not an expression with, perhaps, a format after a colon.

    Inside there is one expression in one line, without quotes of its own, then `:` and a format as in Python, as in
    `"{x:.3f}"`. A brace that means itself is doubled: `"{{"`.

    Wrong:
    ```dp
    print("a set {1, 2")
    ```
    Right:
    ```dp
    print("a set {{1, 2}}")
    ```
    """

    fault: str
    remedy: str = "a brace that means itself is doubled: {{ or }}"

    def sentence(self) -> str:
        return self.fault

    def help(self) -> str:
        return self.remedy


@diagnostic("E0107")
class UnclosedBracket(Diagnostic):
    """A bracket that was opened and is not closed.

    Wrong:
    ```dp
    fn f(x: Float) -> Float {
      x + 1
    ```
    Right:
    ```dp
    fn f(x: Float) -> Float {
      x + 1
    }
    ```
    """

    closer: str
    purpose: str
    where: Span

    def sentence(self) -> str:
        return f"a `{self.closer}` is missing to close {self.purpose}"

    def label(self) -> str:
        return "opened here"

    def notes(self) -> Iterable[Note]:
        yield Note("it is expected before here, at the latest", self.where)


@diagnostic("E0108")
class UnopenedBracket(Diagnostic):
    """A closing bracket that nothing opened.

    Wrong:
    ```dp
    let x = (1 + 2))
    ```
    Right:
    ```dp
    let x = (1 + 2)
    ```
    """

    def sentence(self) -> str:
        return f"this `{self.span.text}` closes nothing"

    def label(self) -> str:
        return "no bracket is open here"

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, ""),)


@diagnostic("E0109")
class NestedTooDeeply(Diagnostic):
    """The text is nested deeper than programs that people write.

    Long chains count too: each operator of `a + b + c + ..` is one level. The limit keeps every later step
    of the checker within bounds.
    """

    limit: int

    def sentence(self) -> str:
        return f"this is nested too deeply: the limit is {self.limit} levels"

    def help(self) -> str:
        return "name the parts with `let`, or put them into an array and reduce it with `sum`"


@diagnostic("E0110")
class AssignForEqual(Diagnostic):
    """`=` where a comparison is meant.

    `=` binds and assigns; `==` compares.

    Wrong:
    ```dp
    let x = 1
    if x = 1 { print("one") }
    ```
    Right:
    ```dp
    let x = 1
    if x == 1 { print("one") }
    ```
    """

    def sentence(self) -> str:
        return "`=` assigns and cannot stand inside an expression"

    def help(self) -> str:
        return "a comparison is written `==`"

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, "=="),)


@diagnostic("E0111")
class ChainedComparison(Diagnostic):
    """Two comparisons in a row.

    A comparison has two sides; `a < b < c` would compare a Bool with `c`.

    Wrong:
    ```dp
    let x = 1
    let inside = 0 < x < 2
    ```
    Right:
    ```dp
    let x = 1
    let inside = 0 < x and x < 2
    ```
    """

    first: Span
    middle: str

    def sentence(self) -> str:
        return "comparisons do not chain"

    def label(self) -> str:
        return "a second comparison"

    def notes(self) -> Iterable[Note]:
        yield Note("the first comparison is here", self.first)

    def help(self) -> str:
        return f"write `.. {self.first.text} {self.middle} and {self.middle} {self.span.text} ..`"


@diagnostic("E0112")
class OperatorBeginsLine(Diagnostic):
    """A line that begins with an operator.

    A statement ends at the end of its line, so the operator would stand alone; a line that begins with `-` could
    silently be a value of its own. Put the operator at the end of the line before, or put the whole expression
    into round brackets, within which line breaks do not count. After a loop, or an `if` without `else`, a line may
    begin with `-`: there is no value before it.

    Wrong:
    ```dp
    let a = 5
    let b = a
      - 1
    ```
    Right:
    ```dp
    let a = 5
    let b = a -
      1
    let c = (a
      - 1)
    ```
    """

    def sentence(self) -> str:
        return f"a line cannot begin with `{self.span.text}`: the expression before has ended with its line"

    def help(self) -> str:
        text = self.span.text
        if text == "-":
            return "put the `-` at the end of the line before, or write `(-..)` if the value is meant to be negative"
        return f"put the `{text}` at the end of the line before, or the whole expression into brackets `( )`"


@diagnostic("E0113")
class KeywordAsName(Diagnostic):
    """A word of the language where a name is expected.

    These words are never names: and as assert break checkpoint continue else enum false fn for from if import in
    let match not or return struct true var while. Those of `train` and of definitions (`steps`, `test`, `hole` ..)
    remain names.

    Wrong:
    ```dp
    let match = 3
    ```
    Right:
    ```dp
    let matched = 3
    ```
    """

    def sentence(self) -> str:
        return f"`{self.span.text}` is a word of the language and cannot be a name"

    def help(self) -> str:
        return f"choose another name, such as `{self.span.text}_`"

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, self.span.text + "_"),)


@diagnostic("E0114")
class ForeignSpelling(Diagnostic):
    """A spelling of another language.

    dp writes `and or not` for `&& || !`, `^` for a power, `fn` for a function, `else if`, `"` around strings, `#`
    before comments, and `x[0]` for the first part of a tuple.

    Wrong:
    ```dp
    let x = 2 ** 3
    ```
    Right:
    ```dp
    let x = 2 ^ 3
    ```
    """

    written: str
    instead: str

    def sentence(self) -> str:
        if self.instead == " ":
            return f"this space is the character U+{ord(self.written):04X}; dp takes only plain spaces and tabs"
        return f"dp writes `{self.instead}` for `{self.written}`"

    def help(self) -> str:
        return "strings end in the line they begin in" if self.written == '"""' else ""

    def fix(self) -> tuple[Edit, ...]:
        blank = " " if self.instead == "not" else ""
        return () if self.written in ('"""', "'") else (Edit(self.span, self.instead + blank),)


@diagnostic("E0115")
class ColonBlock(Diagnostic):
    """A block that begins with a colon.

    Blocks stand in braces, and indentation has no meaning.

    Wrong:
    ```dp
    let x = 1
    if x > 0:
      print("positive")
    ```
    Right:
    ```dp
    let x = 1
    if x > 0 {
      print("positive")
    }
    ```
    """

    def sentence(self) -> str:
        return "a block stands in braces `{ .. }`, not after a colon"

    def help(self) -> str:
        return "write `{` for the `:` and a `}` after the last line of the block"


@diagnostic("E0116")
class BadTarget(Diagnostic):
    """The left side of an assignment is nothing that can be assigned to.

    A target is a variable, an element `x[i]` or a field `p.a`, or one inside the other.

    Wrong:
    ```dp
    var x = 1
    x + 1 = 2
    ```
    Right:
    ```dp
    var x = 1
    x = 2 - 1
    ```
    """

    def sentence(self) -> str:
        return "this cannot be assigned to"

    def help(self) -> str:
        return "a target is a variable, an element `x[i]` or a field `p.a`; a comparison is written `==`"


@diagnostic("E0117")
class BadParameter(Diagnostic):
    """Something before `->` that is no parameter of a function value, or a type outside one.

    Parameters are names, with a type if wanted, or tuples of names: `x -> e`, `(x: Float, (a, b)) -> e`.

    Wrong:
    ```dp
    let f = (x + 1) -> x
    ```
    Right:
    ```dp
    let f = x -> x + 1
    ```
    """

    typed: bool = False

    def sentence(self) -> str:
        if self.typed:
            return "a type may be written here only in the parameters of a function value `(x: T) -> e`"
        return "this is no parameter: a function value is written `x -> e` or `(x, y) -> e`"


@diagnostic("E0118")
class StrayElse(Diagnostic):
    """An `else` that belongs to no `if`.

    It follows the closing brace of its `if`, in the same line or at the start of a later one, with nothing between.

    Wrong:
    ```dp
    let x = 1
    if x > 0 { print("a") }; else { print("b") }
    ```
    Right:
    ```dp
    let x = 1
    if x > 0 { print("a") } else { print("b") }
    ```
    """

    def sentence(self) -> str:
        return "this `else` belongs to no `if`"

    def help(self) -> str:
        return "`else` follows the `}` of its `if` with nothing between, not even `;`"


@diagnostic("E0119")
class StrayJump(Diagnostic):
    """A `return` outside functions, or a `break` or `continue` outside loops.

    A file's statements run one after the other and return nothing; the value of a block is its last line.

    Wrong:
    ```dp
    let x = 1
    return x
    ```
    Right:
    ```dp
    fn f() -> Int { return 1 }
    let x = f()
    ```
    """

    def sentence(self) -> str:
        word = self.span.text.split()[0]
        return f"`{word}` outside a {'function' if word == 'return' else 'loop'}"

    def help(self) -> str:
        if self.span.text.startswith("return"):
            return "the value of a block is its last line; a program shows values with `print`"
        return ""


@diagnostic("E0120")
class NotAType(Diagnostic):
    """A size where a type is expected, or a size that is no whole number.

    Sizes stand between square brackets after a type: `Float[2 * n]`.

    Wrong:
    ```dp
    fn f(x: (Float, 3)) = x
    ```
    Right:
    ```dp
    fn f(x: (Float, Float[3])) = x
    ```
    """

    def sentence(self) -> str:
        if self.span.text[:1].isdigit() and not self.span.text.isdigit():
            return f"a size is a whole number, and `{self.span.text}` is none"
        return f"`{self.span.text}` is a size, and a type is expected here"
