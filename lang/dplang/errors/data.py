"""Faults of the data that a program reads and of the pictures that it writes."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Note, diagnostic
from .source import Span


class _InData(Diagnostic):
    """A fault at a place of a data file; `call` is where the program reads it."""

    call: Span

    def notes(self) -> Iterable[Note]:
        yield Note("the file is read here", self.call)


@diagnostic("E0701")
class NoDataFile(Diagnostic):
    """A program reads a file that does not exist.

    A relative path is taken from the directory in which `dp` was started; where no such file stands there, it is
    taken from the directory of the program's own file.

    Wrong, where there is no such file:

    ```dp error=E0701
    import data
    let (t, y) = data.csv("no_such_file.csv", "t", "y")
    ```

    Right: name a file that is there. Programs that make their data need none:

    ```dp
    let t = linspace(0, 1, 50)
    let y = sin(t)
    print(len(y))
    ```
    """

    path: str
    tried: tuple[str, ...]
    nearest: str = ""

    def sentence(self) -> str:
        return f"there is no file `{self.path}`"

    def notes(self) -> Iterable[Note]:
        yield Note("looked in " + " and in ".join(self.tried))

    def help(self) -> str:
        return f"did you mean `{self.nearest}`?" if self.nearest else ""


@diagnostic("E0702")
class DataIsDirectory(Diagnostic):
    """A program reads data from a path that is a directory. Name one of the files in it.

    Wrong:

    ```dp error=E0702
    import data
    let t = data.csv(".", "t")
    ```

    Right: `data.csv("samples/first.csv", "t")`.
    """

    path: str

    def sentence(self) -> str:
        return f"`{self.path}` is a directory, not a file"

    def help(self) -> str:
        return "name a file in it"


@diagnostic("E0703")
class DataUnreadable(Diagnostic):
    """A data file exists and cannot be read. The reason is the operating system's own: mostly a missing permission.

    Devices and sockets are no data files either.
    """

    path: str
    reason: str

    def sentence(self) -> str:
        return f"the file `{self.path}` cannot be read: {self.reason}"


@diagnostic("E0704")
class DataNotText(Diagnostic):
    """A data file is not text in UTF-8: line and column are those of the first byte that cannot stand there.

    Tables saved by older programs are often in Latin-1 or UTF-16; convert them once, for instance with
    `iconv -f latin1 -t utf-8 old.csv > new.csv`. A spreadsheet in its own format (`.xlsx`) has to be exported as CSV.
    """

    path: str
    line: int
    column: int
    byte: int

    def sentence(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}"
        return f"the file is not text in UTF-8: {place} holds the byte 0x{self.byte:02x}"

    def help(self) -> str:
        return "save the file as UTF-8"


@diagnostic("E0705")
class EmptyData(Diagnostic):
    """A CSV file holds nothing, or nothing below the line with the names of its columns.

    The first line of a CSV file names its columns, every further line is a row:

    ```
    t,y
    0.0,1.5
    0.5,1.8
    ```
    """

    path: str
    header: bool

    def sentence(self) -> str:
        if self.header:
            return f"the file `{self.path}` has no rows below the names of its columns"
        return f"the file `{self.path}` is empty"

    def help(self) -> str:
        return "the first line of a CSV file names the columns, every further line is a row"


@diagnostic("E0706")
class NoSuchColumn(Diagnostic):
    """A program asks a CSV file for a column that it does not have.

    Names are those of the file's first line, capitals and blanks inside them included.
    """

    path: str
    column: str
    columns: tuple[str, ...]
    nearest: str = ""

    def sentence(self) -> str:
        return f"`{self.path}` has no column `{self.column}`"

    def notes(self) -> Iterable[Note]:
        shown = ", ".join(f"`{c}`" for c in self.columns[:20])
        more = f" and {len(self.columns) - 20} more" if len(self.columns) > 20 else ""
        yield Note(f"its columns are {shown}{more}")
        if all(_numeric(c) for c in self.columns):
            yield Note("the first line holds only numbers: a line that names the columns is missing above it")

    def help(self) -> str:
        return f"did you mean `{self.nearest}`?" if self.nearest else ""


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@diagnostic("E0707")
class TwoColumns(_InData):
    """A program asks for a column whose name stands twice in the file's first line. Rename one of them in the file."""

    call: Span
    column: str

    def sentence(self) -> str:
        return f"the file has two columns `{self.column}`"


_ABSENT = ("", "-", "?", "na", "n/a", "none", "null", "missing")


@diagnostic("E0708")
class NotANumber(_InData):
    """A cell of a column that is read as numbers holds something else.

    Numbers are written with a decimal point, and an exponent if need be: `12`, `-0.5`, `1.5e-3`. Thousands are not
    separated, and nothing stands behind the number: no unit, no per cent sign.
    """

    call: Span
    column: str
    text: str

    def sentence(self) -> str:
        if not self.text:
            return f"a cell of column `{self.column}` is empty"
        return f"`{self.text}` in column `{self.column}` is no number"

    def help(self) -> str:
        if self.text.casefold() in _ABSENT:
            return "fill the cell, or remove its row from the file"
        if "," in self.text and _numeric(self.text.replace(",", ".", 1)):
            return "numbers are written with a decimal point"
        return ""


@diagnostic("E0709")
class NotFinite(_InData):
    """A cell of a data file holds no finite number, but `nan`, `inf` or a number beyond 1.8e308.

    A missing value cannot be learned from, and it would make every sum that it enters not a number. Remove the row.
    """

    call: Span
    column: str
    text: str

    def sentence(self) -> str:
        return f"`{self.text}` in column `{self.column}` is no finite number"

    def help(self) -> str:
        return "remove the row from the file, or put in what was measured"


@diagnostic("E0710")
class RaggedRow(_InData):
    """A row of a CSV file has more or fewer cells than the first line has names.

    Mostly a decimal comma, or a text with a comma in it that does not stand in quotation marks.
    """

    call: Span
    found: int
    wanted: int

    def sentence(self) -> str:
        cells = "1 cell" if self.found == 1 else f"{self.found} cells"
        return f"this row has {cells}, and the first line names {self.wanted} columns"


@diagnostic("E0711")
class BadQuote(_InData):
    """A quotation mark in a CSV file stands where none can.

    A cell that begins with a quotation mark goes on to the next single one, and then a separator or the end of the
    line must follow. A quotation mark inside such a cell is written twice: `"a ""quoted"" word"`.
    """

    call: Span
    what: str

    def sentence(self) -> str:
        return self.what

    def help(self) -> str:
        return 'put the whole cell in quotation marks, and double those inside it: "a ""quoted"" word"'


@diagnostic("E0720")
class NoMatplotlib(Diagnostic):
    """A program saves a picture, and matplotlib, which draws it, is not installed.

    Everything but `plot.save` works without it. It comes with the extra `plot`: `pip install "dplang[plot]"`, or
    `pip install matplotlib` by itself.
    """

    def sentence(self) -> str:
        return "drawing needs matplotlib, which is not installed"

    def help(self) -> str:
        return 'install it with: pip install "dplang[plot]"'


@diagnostic("E0721")
class UnknownPicture(Diagnostic):
    """The name of a picture tells its format by its ending, which must be `.png`, `.svg` or `.pdf`.

    Wrong:

    ```dp error=E0721
    import plot
    plot.line([0.0, 1.0], [1.0, 3.0])
    plot.save("line.jpq")
    ```

    Right: `plot.save("line.png")`.
    """

    path: str

    def sentence(self) -> str:
        return f"`{self.path}` ends in no format that can be drawn"

    def help(self) -> str:
        return "end it in .png, .svg or .pdf"


@diagnostic("E0722")
class CannotWrite(Diagnostic):
    """A file cannot be written. The reason is the operating system's own: a directory that does not exist, a missing permission, a full disk.

    A relative path is taken from the directory in which `dp` was started.
    """  # noqa: E501

    path: str
    reason: str

    def sentence(self) -> str:
        return f"the file `{self.path}` cannot be written: {self.reason}"


@diagnostic("E0723")
class NothingDrawn(Diagnostic):
    """`plot.save` writes what was drawn since the last save, and nothing was.

    Wrong:

    ```dp error=E0723
    import plot
    plot.save("nothing.png")
    ```

    Right: draw first, with `plot.line` or `plot.scatter`.
    """

    def sentence(self) -> str:
        return "there is nothing to save: no line and no points were drawn"

    def help(self) -> str:
        return "call plot.line(x, y) or plot.scatter(x, y) first"


@diagnostic("E0724")
class UnequalSeries(Diagnostic):
    """The two arrays of a line or of points must have the same size: one x for each y."""

    x: int
    y: int

    def sentence(self) -> str:
        return f"{self.x} values of x cannot be drawn against {self.y} values of y"


@diagnostic("E0725")
class BadDrawing(Diagnostic):
    """matplotlib refuses what a picture was told: a colour that it does not know, a size that is not positive, numbers
    too large for its axes.

    Colours are names such as `"black"`, `"tomato"`, `"tab:blue"`, or six hexadecimal digits: `"#336699"`.
    """

    what: str

    def sentence(self) -> str:
        return self.what
