"""Faults of program files: reading them and finding the modules that they import."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Note, diagnostic
from .habits import INSTEAD, MODULES


@diagnostic("E0750")
class MissingFile(Diagnostic):
    """A file that was named does not exist.

    A path that is not absolute is taken from the directory in which `dp` was started; the path of an import
    is taken from the file that holds the import.

    Wrong, where no such file stands beside the program:

    ```dp error=E0750
    import "./no_such_model.dp" as model
    ```

    Right: import a file that is there, or a module of the standard library.

    ```dp
    import optim
    ```
    """

    path: str
    nearest: str = ""

    def sentence(self) -> str:
        return f"there is no file `{self.path}`"

    def help(self) -> str:
        return f"did you mean `{self.nearest}`?" if self.nearest else ""


@diagnostic("E0751")
class IsDirectory(Diagnostic):
    """A directory was named where a file is needed.

    Wrong:

    ```dp error=E0751
    import "./" as model
    ```

    Right: name a file in it, such as `"./model.dp"`.

    ```dp
    import optim
    ```
    """

    path: str

    def sentence(self) -> str:
        return f"`{self.path}` is a directory, not a file"

    def help(self) -> str:
        return "name a file in it"


@diagnostic("E0752")
class NotText(Diagnostic):
    """A program file must be text in UTF-8. This one holds a byte that cannot stand there in UTF-8.

    The place is that of the first such byte. Files in an older encoding such as Latin-1 have to be
    converted once (`iconv -f latin1 -t utf-8`); a file that is no text at all, such as an image, is no program.
    """

    byte: int

    def sentence(self) -> str:
        return f"the file is not text in UTF-8: it holds the byte 0x{self.byte:02x} here"

    def help(self) -> str:
        return "save the file as UTF-8"


@diagnostic("E0753")
class Unreadable(Diagnostic):
    """A file exists and the operating system does not let `dp` read it; the reason is the system's own."""

    path: str
    reason: str

    def sentence(self) -> str:
        return f"the file `{self.path}` cannot be read: {self.reason}"


@diagnostic("E0754")
class NoSuchModule(Diagnostic):
    """An import names a module that the standard library does not have.

    A plain name after `import` or `from` is a module of the standard library. A file of one's own is
    imported by its path in quotation marks.

    Wrong:

    ```dp error=E0754
    import optin
    ```

    Right:

    ```dp
    import optim
    ```
    """

    module: str
    nearest: str = ""
    beside: bool = False

    def sentence(self) -> str:
        return f"the standard library has no module `{self.module}`"

    def help(self) -> str:
        if self.beside:
            return f'a file is imported by its path: import "./{self.module}.dp" as {self.module}'
        if self.module.partition(".")[0] in MODULES:
            return INSTEAD
        return f"did you mean `{self.nearest}`?" if self.nearest else "`dp doc` lists the modules"


@diagnostic("E0755")
class ImportCycle(Diagnostic):
    """Files import each other in a circle, so that none of them can be checked first.

    Move what both need into a third file that imports neither. A file that imports itself is the
    smallest circle.

    Wrong, where two files import each other:

    ```dp a.dp
    import "./b.dp" as b
    fn f() -> Int = b.g()
    ```

    ```dp b.dp
    import "./a.dp" as a
    fn g() -> Int = 1
    ```

    ```dp
    import "./a.dp" as a
    print(a.f())
    ```

    Right:

    ```dp c.dp
    fn g() -> Int = 1
    ```

    ```dp
    import "./c.dp" as c
    print(c.g())
    ```
    """

    chain: tuple[str, ...]
    places: tuple[Note, ...] = ()

    def sentence(self) -> str:
        return "these files import each other in a circle: " + " → ".join(self.chain)

    def notes(self) -> Iterable[Note]:
        return self.places

    def help(self) -> str:
        return "move what both need into a file that imports neither"


@diagnostic("W0750")
class EmptyFile(Diagnostic):
    """The file holds no program: nothing but blanks and comments. It runs, and nothing happens.

    Wrong:

    ```dp
    # nothing but a comment
    ```

    Right:

    ```dp
    # a program
    print(1)
    ```
    """

    def sentence(self) -> str:
        return "the file is empty"
