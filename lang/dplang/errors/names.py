"""Faults of names: unknown, taken, used too early, or of the wrong kind."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError, an, declared, meant
from .diagnostic import Edit, Note, diagnostic
from .habits import INSTEAD, MEMBERS, MODULES, NAMES
from .source import Span


@diagnostic("E0201")
class UnknownName(CheckError):
    """A name is used that nothing in scope has.

    Names are defined by `let`, `var`, `fn`, parameters, patterns and imports.

    Wrong:

    ```dp error=E0201
    let rate = 0.1
    print(rat * 2)
    ```

    Right:

    ```dp
    let rate = 0.1
    print(rate * 2)
    ```
    """

    name: str
    nearest: str = ""
    module: bool = False
    assigned: bool = False

    def sentence(self) -> str:
        return f"there is no `{self.name}` in scope"

    def help(self) -> str:
        if self.module:
            return f"`{self.nearest}` is a module of the library: write `import {self.nearest}` first"
        if self.name in NAMES:
            return NAMES[self.name]
        if self.name in MODULES:
            return INSTEAD
        if self.assigned and not self.nearest:
            return f"a new name begins with `let {self.name} = ..`, or with `var` if it is to change"
        return meant(self.nearest)

    def fix(self) -> tuple[Edit, ...]:
        if self.name in NAMES or self.name in MODULES or not self.nearest:
            return ()
        edits = () if self.nearest == self.name else (Edit(self.span, self.nearest),)
        return edits if not self.module else (*edits, Edit(Span(self.span.source, 0, 0), f"import {self.nearest}\n"))


@diagnostic("E0202")
class UnknownType(CheckError):
    """A type is named that is neither built in nor declared. Type names begin with a capital.

    Wrong:

    ```dp error=E0202
    fn double(x: Flaot) = 2 * x
    ```

    Right:

    ```dp
    fn double(x: Float) = 2 * x
    ```
    """

    name: str
    nearest: str = ""

    def sentence(self) -> str:
        return f"there is no type `{self.name}`"

    def help(self) -> str:
        return meant(self.nearest)

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, self.nearest),) if self.nearest else ()


@diagnostic("E0203")
class UnknownMember(CheckError):
    """A field, method or module member is asked for that is not there.

    What a file defines under a name that begins with `_` is its own: files that import it do not see that name.

    Wrong:

    ```dp error=E0203
    struct Wave { a: Float, b: Float }
    let w = Wave(1, 2)
    print(w.c)
    ```

    Right:

    ```dp
    struct Wave { a: Float, b: Float }
    let w = Wave(1, 2)
    print(w.b)
    ```
    """

    name: str
    holder: str
    nearest: str = ""
    declaration: Span | None = None
    known: tuple[str, ...] = ()

    def sentence(self) -> str:
        return f"{self.holder} has no `{self.name}`"

    def reasons(self) -> Iterable[Note]:
        text = f"it has {', '.join(self.known)}" if self.known else "it is declared here"
        return declared(text, self.declaration)

    def help(self) -> str:
        if self.name.startswith("_") and self.holder.startswith("the module"):
            return "names that begin with `_` are known only in their own file"
        return meant(self.nearest)

    def fix(self) -> tuple[Edit, ...]:
        return (Edit(self.span, self.nearest),) if self.nearest else ()


@diagnostic("E0204")
class NameTaken(CheckError):
    """A name is given two meanings where it may have one: at the top level of a file, among parameters or fields.

    In a block, a `let` may take a name again; at the top level it may not, because functions see these names.

    Wrong:

    ```dp error=E0204
    let x = 1
    let x = 2
    ```

    Right:

    ```dp
    let x = 1
    let y = 2
    print(x + y)
    ```
    """

    name: str
    first: Span

    def sentence(self) -> str:
        return f"the name `{self.name}` is taken"

    def reasons(self) -> Iterable[Note]:
        return declared("it has its meaning from here", self.first)

    def help(self) -> str:
        return "choose another name for one of them"


@diagnostic("E0205")
class UsedBefore(CheckError):
    """A top-level name is needed before the statement that gives it its value.

    Statements run from top to bottom. A function may use a top-level `let` that stands below it, but then a
    statement that mentions the function, directly or through others, has to come after that `let`.

    Wrong:

    ```dp error=E0205
    fn scaled(x: Float) = factor * x
    print(scaled(2))
    let factor = 3.0
    ```

    Right:

    ```dp
    fn scaled(x: Float) = factor * x
    let factor = 3.0
    print(scaled(2))
    ```
    """

    name: str
    where: Span
    function: str = ""
    function_span: Span | None = None

    @property
    def of_itself(self) -> bool:
        """Whether the value of the name is made of the name."""
        return not self.function and self.where.source is self.span.source and self.where.start < self.span.start

    def sentence(self) -> str:
        if self.function:
            return f"`{self.function}` needs `{self.name}`, which has no value yet"
        return f"`{self.name}` is used in its own value" if self.of_itself else f"`{self.name}` has no value yet"

    def reasons(self) -> Iterable[Note]:
        yield Note(f"`{self.name}` gets its value here", self.where)
        if self.function_span is not None:
            yield Note(f"`{self.function}` is defined here", self.function_span)

    def help(self) -> str:
        if self.of_itself:
            return "a value that is missing behind `=` is looked for in the next line"
        return f"move this statement below `{self.name}`"


@diagnostic("E0206")
class GlobalVar(CheckError):
    """A function uses a `var` of the top level. Functions depend on their arguments and on what never changes.

    Wrong:

    ```dp error=E0206
    var total = 0.0
    fn add(x: Float) = total + x
    ```

    Right: hand it over as an argument, or make it a `let`.

    ```dp
    fn add(total: Float, x: Float) = total + x
    var total = 0.0
    total = add(total, 2)
    print(total)
    ```
    """

    name: str
    where: Span

    def sentence(self) -> str:
        return f"a function cannot use the top-level `var {self.name}`"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.name}` is declared here", self.where)

    def help(self) -> str:
        return "make it a parameter, or declare it with `let` if it never changes"


@diagnostic("E0207")
class AssignImmutable(CheckError):
    """Something is assigned that was not declared with `var`: a `let`, a parameter, a loop's variable, a definition.

    Wrong:

    ```dp error=E0207
    let x = 1
    x = 2
    ```

    Right:

    ```dp
    var x = 1
    x = 2
    print(x)
    ```
    """

    name: str
    where: Span | None
    word: str = ""

    def sentence(self) -> str:
        return f"`{self.name}` cannot be assigned: it is no `var`"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.name}` is defined here", self.where)

    def help(self) -> str:
        if self.word:
            return f"declare it with `var {self.name} = ..`"
        return f"copy it first: `var {self.name}_now = {self.name}`" if self.where is not None else ""


@diagnostic("E0208")
class AssignCaptured(CheckError):
    """A closure, or the element of an array builder or reduction, assigns a variable from outside.

    A closure takes the values of variables when it is made, so an assignment could not be seen outside. The turns of
    a builder or reduction happen in no order.

    Wrong:

    ```dp error=E0208
    fn count(xs: Float[n]) -> Int {
      var seen = 0
      let squares = [{ seen += 1
        x^2 } for x in xs]
      seen + len(squares)
    }
    ```

    Right:

    ```dp
    fn count(xs: Float[n]) -> Int {
      var seen = 0
      for x in xs { seen += 1 }
      seen
    }
    print(count([1.0, 2.0]))
    ```
    """

    name: str
    where: Span
    barrier: str

    def sentence(self) -> str:
        place = "an array builder or reduction" if self.barrier == "builder" else "a closure"
        return f"{place} cannot assign `{self.name}`, which is declared outside"

    def reasons(self) -> Iterable[Note]:
        return declared(f"`{self.name}` is declared here", self.where)

    def help(self) -> str:
        return "use a `for` loop, or return the new value"


@diagnostic("E0210")
class NotAValue(CheckError):
    """The name of a type or module stands where a value is needed.

    Wrong:

    ```dp error=E0210
    enum Shape { Circle(Float), Square(Float) }
    let s = Shape
    ```

    Right:

    ```dp
    enum Shape { Circle(Float), Square(Float) }
    let s = Circle(2)
    ```
    """

    name: str
    kind: str

    def sentence(self) -> str:
        return f"`{self.name}` is {self.kind}, not a value"


@diagnostic("E0211")
class NotAType(CheckError):
    """Something that is no type stands where a type is needed.

    Wrong:

    ```dp error=E0211
    let size = 3
    fn f(x: size) = x
    ```

    Right: sizes stand in brackets behind the type of the elements.

    ```dp
    fn f(x: Float[size]) = x
    print(f([1, 2]))
    ```
    """

    text: str

    def sentence(self) -> str:
        return f"`{self.text}` is not a type"


@diagnostic("E0212")
class UnknownConstructor(CheckError):
    """A capitalised name in a pattern is a constructor of an enum, and none has this name.

    Wrong:

    ```dp error=E0212
    enum Shape { Circle(Float), Square(Float) }
    fn area(s: Shape) -> Float = match s { Circle(r) => pi * r^2, Sqare(a) => a^2 }
    ```

    Right:

    ```dp
    enum Shape { Circle(Float), Square(Float) }
    fn area(s: Shape) -> Float = match s { Circle(r) => pi * r^2, Square(a) => a^2 }
    print(area(Square(2)))
    ```
    """

    name: str
    nearest: str = ""

    def sentence(self) -> str:
        return f"there is no constructor `{self.name}`"

    def help(self) -> str:
        if not self.name[:1].isupper() and "(" in self.span.text:
            return f"a function is defined by `fn {self.name}(x: Float) = ..`"
        return meant(self.nearest) or "a pattern that binds a name begins with a small letter"

    def fix(self) -> tuple[Edit, ...]:
        return (
            (Edit(self.span, self.nearest),)
            if self.nearest and "." not in self.name and "(" not in self.span.text
            else ()
        )


@diagnostic("E0213")
class ImportedStatement(CheckError):
    """An imported file may hold only definitions and pure constants: importing it must do nothing.

    Statements that print, loops, assignments and variables belong in the file that is run. Where a file is both
    run and imported, put what it should do when run into another file that imports it.

    Wrong, where `steps.dp` is this file:

    ```dp steps.dp
    fn twice(x: Float) -> Float = 2 * x
    print(twice(1))
    ```

    ```dp
    import "./steps.dp" as steps
    print(steps.twice(2))
    ```

    Right:

    ```dp twice.dp
    fn twice(x: Float) -> Float = 2 * x
    ```

    ```dp
    import "./twice.dp" as steps
    print(steps.twice(2))
    ```
    """

    module: str
    statement: Span

    def sentence(self) -> str:
        return f"`{self.module}` cannot be imported: it does something when it runs"

    def reasons(self) -> Iterable[Note]:
        return declared("an imported file holds only definitions and pure constants; this is neither", self.statement)


@diagnostic("E0214")
class ImportNeedsName(CheckError):
    """The name of an imported file is no name of the language, so it needs one after `as`.

    Wrong, beside a file `my-model.dp`:

    ```dp my-model.dp
    fn f() -> Int = 1
    ```

    ```dp
    import "./my-model.dp"
    ```

    Right:

    ```dp
    import "./my-model.dp" as model
    print(model.f())
    ```
    """

    module: str

    def sentence(self) -> str:
        return f"the file name in `{self.module}` cannot serve as a name"

    def help(self) -> str:
        return f'give it one: import "{self.module}" as model'


@diagnostic("E0215")
class NoModules(CheckError):
    """A module was imported where none can be loaded: a text that is checked by itself has no place to look in."""

    module: str

    def sentence(self) -> str:
        return f"`{self.module}` cannot be imported here"


@diagnostic("E0216")
class MisplacedDefinition(CheckError):
    """Structs, enums, imports, tests and derivative rules stand at the top level of a file, not in a block.

    Wrong:

    ```dp error=E0216
    fn f() -> Float {
      struct Pair { a: Float, b: Float }
      Pair(1, 2).a
    }
    ```

    Right:

    ```dp
    struct Pair { a: Float, b: Float }
    fn f() -> Float = Pair(1, 2).a
    print(f())
    ```
    """

    def sentence(self) -> str:
        return "this definition can stand only at the top level of a file"


@diagnostic("E0217")
class NoMembers(CheckError):
    """Fields and methods are read with `.` from structs (and from arrays of structs); this is something else.

    Wrong:

    ```dp error=E0217
    let x = 3.0
    print(x.size)
    ```

    Right:

    ```dp
    let x = [3.0, 4.0]
    print(len(x))
    ```
    """

    name: str
    found: str
    is_function: bool = False

    def sentence(self) -> str:
        return f"{an(self.found)} has no `.{self.name}`"

    def help(self) -> str:
        if self.is_function:
            return f"`{self.name}` is a function: `{self.name}(x)`, or `x |> {self.name}`"
        return MEMBERS.get(self.name, "")
