"""Faults of types, and the whole catalogue of the checker under one name."""

from __future__ import annotations

from collections.abc import Iterable

from .calls import (
    BadFormat,
    DuplicateArgument,
    FunctionWithoutType,
    LambdaArity,
    MissingArgument,
    NeedsArray,
    NotAReduction,
    NotCallable,
    NotLiftable,
    NotPrintable,
    RecursionNeedsResult,
    RecursiveLet,
    RowTypes,
    TooManyArguments,
    UnknownArgument,
    WrittenTypeArguments,
)
from .checking import CheckError, an, declared, meant, near
from .definitions import (
    BoundNotConstant,
    ClosureRecursion,
    ConstraintType,
    ConstraintViolated,
    EmptyInterval,
    GrowingRecursion,
    InfiniteStruct,
    MethodWithoutSelf,
    MisplacedConstraint,
    MisplacedJump,
    MissingParameterType,
    MissingResult,
    Unreachable,
    UnusedValue,
)
from .diagnostic import Edit, Note, diagnostic
from .effects import EffectInPure
from .names import (
    AssignCaptured,
    AssignImmutable,
    GlobalVar,
    ImportedStatement,
    ImportNeedsName,
    MisplacedDefinition,
    NameTaken,
    NoMembers,
    NoModules,
    NotAType,
    NotAValue,
    UnknownConstructor,
    UnknownMember,
    UnknownName,
    UnknownType,
    UsedBefore,
)
from .operators import (
    BadRule,
    DerivativeArguments,
    DerivativeResult,
    FunctionTangent,
    NoParameter,
    NoTangent,
    RuleWithoutFunction,
    WrtForm,
    WrtName,
)
from .patterns import FloatPattern, NotExhaustive, PatternArity, PatternType, RedundantArm, RefutablePattern
from .sizes import (
    BackwardSlice,
    IndexOutOfRange,
    IndexType,
    MisplacedRange,
    MisplacedRank,
    NegativeIndex,
    NegativeSize,
    NoRange,
    NotASize,
    NotIterable,
    ReshapeSize,
    SizeArgument,
    SizeInBuilder,
    SizeMismatch,
    SizeNotAlone,
    TooManyIndices,
    TupleIndex,
    UnknownResult,
    UnknownSize,
)
from .source import Span


@diagnostic("E0236")
class TypeMismatch(CheckError):
    """A value has another type than its place asks for.

    Nothing converts by itself but Int to Float: `int(x)` makes an Int, `float(x)` a Float, `"{x}"` a String.

    Wrong:

    ```dp error=E0236
    fn half(x: Float) -> Float = x / 2
    print(half("4"))
    ```

    Right:

    ```dp
    fn half(x: Float) -> Float = x / 2
    print(half(4))
    ```
    """

    found: str
    wanted: str
    why: tuple[Note, ...] = ()

    def sentence(self) -> str:
        return f"this has the type `{self.found}`, but `{self.wanted}` is asked for"

    def label(self) -> str:
        return f"{an(self.found)}"

    def reasons(self) -> Iterable[Note]:
        return self.why

    def help(self) -> str:
        scalar = {"Float": "Int", "Bool": "Float"}
        if (self.found, self.wanted) == ("Float", "Int"):
            return "`int(x)` drops the fraction; `floor`, `ceil` and `round` give Floats"
        if self.found == "Bool" and self.wanted in ("Float", "Int"):
            return f"`{self.wanted.lower()}(x)` is 1 for true and 0 for false"
        if self.wanted == "String":
            return 'a text of any value is "{x}"'
        if scalar.get(self.found) == "Int" and self.wanted == "Float32":
            return "`float32(x)` gives the nearest Float32"
        return ""


@diagnostic("E0237")
class OperandTypes(CheckError):
    """An operator stands between values of types that it is not defined for.

    Wrong:

    ```dp error=E0237
    print("n = " + 3)
    ```

    Right:

    ```dp
    print("n = {3}")
    ```
    """

    op: str
    left: str
    right: str
    op_span: Span

    def sentence(self) -> str:
        return f"`{self.op}` is not defined between `{self.left}` and `{self.right}`"

    def help(self) -> str:
        if "String" in (self.left, self.right) and self.op == "+":
            return 'texts are put together by interpolation: "{a}{b}"'
        if "Float32" in (self.left + self.right) and "Float" in self.left.replace("Float32", "") + self.right.replace(
            "Float32", ""
        ):
            return "`float(x)` makes a Float of a Float32, `float32(x)` the reverse"
        if "Bool" in (self.left, self.right) and self.op in "+-*/":
            return "`float(b)` is 1 for true and 0 for false"
        return ""


@diagnostic("E0238")
class OperandType(CheckError):
    """An operator stands before a value of a type that it is not defined for.

    Wrong:

    ```dp error=E0238
    print(not 3)
    ```

    Right:

    ```dp
    print(not (3 > 2))
    ```
    """

    op: str
    found: str

    def sentence(self) -> str:
        return f"`{self.op}` is not defined for {an(self.found)}"


@diagnostic("E0239")
class ConditionArray(CheckError):
    """A condition is an array of Bools. Comparisons of arrays are elementwise; a condition is one Bool.

    Wrong:

    ```dp error=E0239
    let x = [1.0, 2.0]
    if x > 0 { print("all positive") }
    ```

    Right:

    ```dp
    let x = [1.0, 2.0]
    if all(x > 0) { print("all positive") }
    ```
    """

    where: str
    found: str

    def sentence(self) -> str:
        return f"{self.where} needs one Bool, and this is {an(self.found)}"

    def help(self) -> str:
        return f"write `all({_short(self.span)})` or `any({_short(self.span)})`"

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, f"all({self.span.text})"),)


def _short(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 30 else ".."


@diagnostic("E0240")
class ConditionType(CheckError):
    """A condition is no Bool. Numbers are not conditions.

    Wrong:

    ```dp error=E0240
    let n = 3
    if n { print("some") }
    ```

    Right:

    ```dp
    let n = 3
    if n != 0 { print("some") }
    ```
    """

    where: str
    found: str

    def sentence(self) -> str:
        return f"{self.where} needs a Bool, and this is {an(self.found)}"

    def help(self) -> str:
        return "compare it, as in `x != 0`" if self.found in ("Int", "Float", "Float32") else ""


@diagnostic("E0241")
class TypeNotKnown(CheckError):
    """The type of something has to be known at this place, and nothing before it tells.

    Types are found in the order of the text: an empty array, or a parameter of a function value, that is used before
    anything tells its type, needs a written one.

    Wrong:

    ```dp error=E0241
    let xs = []
    for x in xs { print(x + 1) }
    ```

    Right:

    ```dp
    let xs: Float[0] = []
    for x in xs { print(x + 1) }
    ```
    """

    what: str

    def sentence(self) -> str:
        return f"the type of {self.what} is not known here"

    def help(self) -> str:
        return "write it where the value is bound: `let x: T = ..`, `(x: T) -> ..`"


@diagnostic("E0242")
class TypeOpen(CheckError):
    """A type or size was never found: nothing in the same function, or at the top level of the file, tells what it is.

    Wrong:

    ```dp error=E0242
    let nothing = None
    ```

    Right:

    ```dp
    let nothing: Option[Float] = None
    ```
    """

    what: str

    def sentence(self) -> str:
        return f"nothing tells {self.what}"

    def help(self) -> str:
        return "write the type, as in `let x: Float[3] = ..` or `let x: Option[Float] = None`"


@diagnostic("E0243")
class FunctionAsData(CheckError):
    """A function stands where only data can: in a `var`, an array, an enum, a type argument, or as a branch's result.

    Which function is called has to be known when a program is compiled. Functions can be arguments, `let`s, fields of
    structs, parts of tuples, and results.

    Wrong:

    ```dp error=E0243
    fn choose(c: Bool) -> Float {
      let f = if c { sin } else { cos }
      f(1.0)
    }
    ```

    Right: branch where the function is called.

    ```dp
    fn choose(c: Bool) -> Float = if c { sin(1.0) } else { cos(1.0) }
    print(choose(true))
    ```
    """

    found: str
    place: str

    def sentence(self) -> str:
        return f"{self.place} cannot be a function or hold one"

    def label(self) -> str:
        return f"{an(self.found)}"

    def help(self) -> str:
        if self.place.startswith("the result of `if`") or self.place.startswith("the result of `match`"):
            return "call the functions inside the branches, or make the choice an enum"
        if self.place == "a `var`":
            return "bind it with `let`"
        if "array" in self.place:
            return "put functions into a tuple: a `for` over a tuple is unrolled"
        if "return" in self.place:
            return "return what the function gives instead, or return it once at the end"
        return "keep it as an argument, a `let`, a field of a struct or a part of a tuple"


@diagnostic("E0244")
class BoundNotMet(CheckError):
    """A type argument lacks what its variable's bound asks for.

    Wrong:

    ```dp error=E0244
    fn twice[A: Number](x: A) -> A = x + x
    print(twice("a"))
    ```

    Right:

    ```dp
    fn twice[A: Number](x: A) -> A = x + x
    print(twice(2))
    ```
    """

    found: str
    variable: str
    bound: str

    def sentence(self) -> str:
        return f"`{self.found}` cannot stand for `{self.variable}`, which is bounded by `{self.bound}`"


@diagnostic("E0245")
class MissingBound(CheckError):
    """An operation is used on a type variable that is not bounded so: of itself, a type variable is opaque.

    Wrong:

    ```dp error=E0245
    fn twice[A](x: A) -> A = x + x
    ```

    Right:

    ```dp
    fn twice[A: Number](x: A) -> A = x + x
    print(twice(2))
    ```
    """

    variable: str
    bound: str
    operation: str
    needed: str

    def sentence(self) -> str:
        return f"{self.operation} is not known for the type variable `{self.variable}`"

    def help(self) -> str:
        return f"bound it where it is declared: [{self.variable}: {self.needed}]"


@diagnostic("E0246")
class UnknownBound(CheckError):
    """The bounds of type variables are `Vector`, `Number`, `Ordered` and `Tuple`.

    Wrong:

    ```dp error=E0246
    fn twice[A: Numeric](x: A) -> A = x + x
    ```

    Right:

    ```dp
    fn twice[A: Number](x: A) -> A = x + x
    print(twice(2))
    ```
    """

    name: str
    nearest: str = ""

    def sentence(self) -> str:
        return f"`{self.name}` is no bound"

    def help(self) -> str:
        return meant(self.nearest) or "the bounds are Vector, Number, Ordered and Tuple"


@diagnostic("E0247")
class IntBecomesFloat(CheckError):
    """A variable that began as an Int is assigned a Float. A variable keeps the type that it began with.

    Wrong:

    ```dp error=E0247
    var s = 0
    s += 0.5
    ```

    Right:

    ```dp
    var s = 0.0
    s += 0.5
    print(s)
    ```
    """

    name: str
    where: Span
    edits: tuple[Edit, ...] = ()

    def sentence(self) -> str:
        return f"`{self.name}` is an Int, and this makes it a Float"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.name}` gets its type here", self.where)

    def help(self) -> str:
        if self.edits:
            return f"begin with a Float: `{self.edits[0].text}`"
        return f"declare it as a Float: `var {self.name}: Float = ..`"

    def fix(self) -> tuple[Edit, ...]:
        return self.edits


@diagnostic("E0248")
class IntTooLarge(CheckError):
    """A whole number in the text is beyond the 64 bits of an Int.

    Wrong:

    ```dp error=E0248
    let n = 9223372036854775808
    ```

    Right:

    ```dp
    let x = 9223372036854775808.0
    print(x)
    ```
    """

    def sentence(self) -> str:
        return "this number is too large for an Int"

    def help(self) -> str:
        return "an Int lies between -2^63 and 2^63 - 1; write a Float with a point or exponent"


@diagnostic("E0249")
class IfWithoutElse(CheckError):
    """An `if` without `else` stands where a value is needed.

    Wrong:

    ```dp error=E0249
    let x = if 1 > 2 { 3 }
    ```

    Right:

    ```dp
    let x = if 1 > 2 { 3 } else { 4 }
    print(x)
    ```
    """

    found: str

    def sentence(self) -> str:
        return f"this `if` gives {an(self.found)} only if its condition holds"

    def help(self) -> str:
        return "add an `else`"


@diagnostic("E0250")
class NoVectorSpace(CheckError):
    """`+`, `-` and `*` on structs and tuples act on their Floats; this type has none, or holds an enum or a function.

    Wrong:

    ```dp error=E0250
    struct Label { text: String }
    print(Label("a") + Label("b"))
    ```

    Right:

    ```dp
    struct Point { x: Float, y: Float }
    print(Point(1, 2) + Point(3, 4))
    ```
    """

    found: str
    op: str

    def sentence(self) -> str:
        return f"`{self.op}` is not defined for `{self.found}`: it is no vector space"


@diagnostic("E0251")
class ScaleOnLeft(CheckError):
    """A struct or tuple is scaled by a Float on its left: `rate * g`.

    Wrong:

    ```dp error=E0251
    struct Point { x: Float, y: Float }
    print(Point(1, 2) * 0.5)
    ```

    Right:

    ```dp
    struct Point { x: Float, y: Float }
    print(0.5 * Point(1, 2))
    ```
    """

    op: str
    left: str
    right: str
    left_span: Span
    right_span: Span

    def sentence(self) -> str:
        return f"`{self.op}` is not defined between `{self.left}` and `{self.right}`"

    def help(self) -> str:
        if self.op == "*" and self.right in ("Float", "Int"):
            return "the number stands on the left"
        if self.op == "/":
            return "multiply by the inverse, on the left: `(1 / s) * x`"
        return "structs and tuples have `+`, `-`, and `*` by a Float on the left"

    def fix(self) -> tuple[Edit, ...]:
        if self.op != "*" or self.right not in ("Float", "Int"):
            return ()
        return (Edit(self.left_span, self.right_span.text), Edit(self.right_span, self.left_span.text))


@diagnostic("E0252")
class ConstrainedArithmetic(CheckError):
    """Two values of a struct with constraints are added or scaled: the result need not satisfy them.

    The difference of two such values is a direction, `Tangent[P]`, which has no constraints; a value plus or minus a
    direction is a value, and is checked.

    Wrong:

    ```dp error=E0252
    struct Scale { s: Float > 0 }
    print(Scale(1) + Scale(2))
    ```

    Right:

    ```dp
    struct Scale { s: Float > 0 }
    print(Scale(1) + 0.5 * (Scale(2) - Scale(1)))
    ```
    """

    op: str
    left: str
    right: str
    struct: str

    def sentence(self) -> str:
        return (
            f"`{self.op}` between `{self.left}` and `{self.right}` need not satisfy the constraints of `{self.struct}`"
        )

    def help(self) -> str:
        return f"move a `{self.struct}` by a `Tangent[{self.struct}]`, such as a gradient or a difference"


@diagnostic("E0253")
class ReductionType(CheckError):
    """A reduction is taken of elements that it is not defined for.

    Wrong:

    ```dp error=E0253
    print(sum([1.0, 2.0] > 1))
    ```

    Right:

    ```dp
    print(sum(int([1.0, 2.0] > 1)))
    ```
    """

    function: str
    found: str

    def sentence(self) -> str:
        return f"`{self.function}` is not defined for elements of type `{self.found}`"

    def help(self) -> str:
        if self.found == "Bool":
            return "`int(b)` is 1 for true and 0 for false"
        if self.function in ("any", "all"):
            return "compare first: `any(x > 0)`"
        return ""


@diagnostic("E0254")
class WrongBrackets(CheckError):
    """A type is given other type arguments and sizes than it has parameters.

    Wrong:

    ```dp error=E0254
    struct Dense[n, m] { w: Float[n, m], b: Float[n] }
    fn bias(d: Dense[n]) -> Float[n] = d.b
    ```

    Right:

    ```dp
    struct Dense[n, m] { w: Float[n, m], b: Float[n] }
    fn bias(d: Dense[n, m]) -> Float[n] = d.b
    ```
    """

    name: str
    wanted: str
    given: str
    declaration: Span | None

    def sentence(self) -> str:
        verb = "is" if self.given in ("none", "1") else "are"
        return f"`{self.name}` takes {self.wanted}, and {self.given} {verb} given"

    def reasons(self) -> Iterable[Note]:
        return declared("it is declared here", self.declaration)


__all__ = [
    "AssignCaptured", "AssignImmutable", "BackwardSlice", "BadFormat", "BadRule", "BoundNotConstant", "BoundNotMet",
    "CheckError", "ClosureRecursion", "ConditionArray", "ConditionType", "ConstrainedArithmetic", "ConstraintType",
    "ConstraintViolated", "DerivativeArguments", "DerivativeResult", "DuplicateArgument",
    "EffectInPure", "EmptyInterval", "FloatPattern", "FunctionAsData", "FunctionTangent", "FunctionWithoutType",
    "GlobalVar", "GrowingRecursion", "IfWithoutElse", "ImportNeedsName", "ImportedStatement", "IndexOutOfRange",
    "IndexType", "InfiniteStruct", "IntBecomesFloat", "IntTooLarge", "LambdaArity", "MethodWithoutSelf",
    "MisplacedConstraint", "MisplacedDefinition", "MisplacedJump", "MisplacedRange", "MisplacedRank", "MissingArgument",
    "MissingBound", "MissingParameterType", "MissingResult", "NameTaken", "NeedsArray", "NegativeIndex", "NegativeSize",
    "NoMembers", "NoModules", "NoParameter", "NoRange", "NoTangent", "NoVectorSpace", "NotAReduction", "NotASize",
    "NotAType", "NotAValue", "NotCallable", "NotExhaustive", "NotIterable", "NotLiftable",
    "NotPrintable", "OperandType", "OperandTypes", "PatternArity", "PatternType", "RecursionNeedsResult",
    "RecursiveLet", "ReductionType", "RedundantArm", "RefutablePattern", "ReshapeSize", "RowTypes",
    "RuleWithoutFunction", "ScaleOnLeft", "SizeArgument", "SizeInBuilder", "SizeMismatch", "SizeNotAlone",
    "TooManyArguments", "TooManyIndices", "TupleIndex", "TypeMismatch", "TypeNotKnown", "TypeOpen", "UnknownArgument",
    "UnknownBound", "UnknownConstructor", "UnknownMember", "UnknownName", "UnknownResult", "UnknownSize", "UnknownType",
    "Unreachable",
    "UnusedValue", "UsedBefore", "WrittenTypeArguments", "WrongBrackets", "WrtForm", "WrtName", "near",
]  # fmt: skip
