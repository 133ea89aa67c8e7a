"""Faults of the data that a program reads and writes."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError, an, meant, near
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

    ```dp
    import data
    let t = data.csv(".", "t")
    ```

    Right, where `right.csv` is a table:

    ```csv right.csv
    t
    1.0
    ```

    ```dp
    import data
    let t = data.csv("right.csv", "t")
    print(t)
    ```
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

    Tables saved by older programs are often in Windows-1252 or UTF-16; convert them once, for instance with
    `iconv -f windows-1252 -t utf-8 old.csv > new.csv`. A spreadsheet in its own format (`.xlsx`) has to be exported as
    CSV.
    """

    path: str
    line: int
    column: int
    byte: int
    guess: str = "windows-1252"

    def sentence(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}"
        return f"the file is not text in UTF-8: {place} holds the byte 0x{self.byte:02x}"

    def help(self) -> str:
        return f"save it as UTF-8, for instance with: iconv -f {self.guess} -t utf-8 {self.path} > new.csv"


@diagnostic("E0705")
class EmptyData(Diagnostic):
    """A CSV file holds nothing, or nothing below the line with the names of its columns.

    The first line of a CSV file names its columns, every further line is a row:

    ```
    t,y
    0.0,1.5
    0.5,1.8
    ```

    Wrong, where `wrong.csv` is this file:

    ```csv wrong.csv
    t,y
    ```

    ```dp
    import data
    let (t, y) = data.csv("wrong.csv", "t", "y")
    print(sum(y))
    ```

    Right:

    ```csv right.csv
    t,y
    0.0,1.5
    0.5,1.8
    ```

    ```dp
    import data
    let (t, y) = data.csv("right.csv", "t", "y")
    print(sum(y))
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

    Wrong, where `wrong.csv` is this file:

    ```csv wrong.csv
    t,Y (mm)
    0.0,1.5
    ```

    ```dp
    import data
    let (t, y) = data.csv("wrong.csv", "t", "y")
    print(sum(y))
    ```

    Right, from the same file:

    ```dp
    import data
    let y = data.csv("wrong.csv", "Y (mm)")
    print(y)
    ```
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
    """A program asks for a column whose name stands twice in the file's first line. Rename one of them in the file.

    Wrong, where `wrong.csv` is this file:

    ```csv wrong.csv
    t,y,y
    0.0,1.5,1.6
    ```

    ```dp
    import data
    let (t, y) = data.csv("wrong.csv", "t", "y")
    print(sum(y))
    ```

    Right:

    ```csv right.csv
    t,y,y again
    0.0,1.5,1.6
    ```

    ```dp
    import data
    let (t, y) = data.csv("right.csv", "t", "y")
    print(sum(y))
    ```
    """

    call: Span
    column: str

    def sentence(self) -> str:
        return f"the file has two columns `{self.column}`"


_ABSENT = ("", "-", "?", "na", "n/a", "none", "null", "missing")
_WANTED = {
    "Float": "number",
    "Float32": "number",
    "Int": "whole number",
    "Bool": "truth value",
}


@diagnostic("E0708")
class NotANumber(_InData):
    """A cell of a column is not what the column is read as: a number, a whole number (Int) or a truth value (Bool).

    Numbers are written with a decimal point, and an exponent if need be: `12`, `-0.5`, `1.5e-3`. Thousands are not
    separated, and nothing stands behind the number: no unit, no per cent sign. A whole number has neither point nor
    exponent. Truth values are `true`, `false`, `1` and `0`. Where cells are missing, read the column as
    `Option[Float]`: empty cells, `NA`, `nan`, `-` and the like are then `None`.

    Wrong, where `wrong.csv` is this file:

    ```csv wrong.csv
    t,y
    0.0,1.5 mm
    ```

    ```dp
    import data
    let (t, y) = data.csv("wrong.csv", "t", "y")
    print(sum(y))
    ```

    Right:

    ```csv right.csv
    t,y
    0.0,1.5
    0.5,1.8
    ```

    ```dp
    import data
    let (t, y) = data.csv("right.csv", "t", "y")
    print(sum(y))
    ```
    """

    call: Span
    column: str
    text: str
    kind: str = "Float"

    def sentence(self) -> str:
        if not self.text.strip():
            return f"a cell of column `{self.column}` is empty"
        return f"`{self.text}` in column `{self.column}` is no {_WANTED[self.kind]}"

    def help(self) -> str:
        text = self.text.strip()
        if text.casefold() in _ABSENT:
            return f"read the column as Option[{self.kind}], fill the cell, or remove its row from the file"
        if self.kind == "Bool":
            return "truth values are true, false, 1 and 0"
        if self.kind == "Int" and _numeric(text):
            return "read the column as Float"
        if "," in text and _numeric(text.replace(",", ".", 1)):
            return "numbers are written with a decimal point"
        if _numeric("".join(c for c in text if c not in ",'’_" and not c.isspace())):
            return "numbers are written without anything between thousands"
        return ""


@diagnostic("E0709")
class NotFinite(_InData):
    """A cell of a data file holds no number that has room in its type: `nan`, `inf`, a Float beyond 1.8e308, a Float32
    beyond 3.4e38, an Int beyond 64 bits.

    A missing value cannot be learned from, and it would make every sum that it enters not a number. Read the column as
    `Option[Float]` (`nan` is then `None`), or remove the row. Whole numbers that are too large can be read as Float.

    Wrong, where `wrong.csv` is this file:

    ```csv wrong.csv
    t,y
    0.0,nan
    ```

    ```dp
    import data
    let (t, y) = data.csv("wrong.csv", "t", "y")
    print(sum(y))
    ```

    Right:

    ```csv right.csv
    t,y
    0.0,1.5
    0.5,1.8
    ```

    ```dp
    import data
    let (t, y) = data.csv("right.csv", "t", "y")
    print(sum(y))
    ```
    """

    call: Span
    column: str
    text: str
    kind: str = "Float"

    def sentence(self) -> str:
        if self.kind == "Int":
            return f"`{self.text}` in column `{self.column}` is too large for an Int"
        return f"`{self.text}` in column `{self.column}` is no finite number"

    def help(self) -> str:
        if self.kind == "Int":
            return "read the column as Float"
        if self.text.strip().casefold() in ("nan", "+nan", "-nan"):
            return f"read the column as Option[{self.kind}], or remove the row from the file"
        return "remove the row from the file, or put in what was measured"


@diagnostic("E0710")
class RaggedRow(_InData):
    """A row of a CSV file has more or fewer cells than the first line has names.

    Mostly a decimal comma, or a text with a comma in it that does not stand in quotation marks.

    Wrong, where `wrong.csv` is this file:

    ```csv wrong.csv
    t,y
    0.0,1,5
    ```

    ```dp
    import data
    let (t, y) = data.csv("wrong.csv", "t", "y")
    print(sum(y))
    ```

    Right:

    ```csv right.csv
    t,y
    0.0,1.5
    0.5,1.8
    ```

    ```dp
    import data
    let (t, y) = data.csv("right.csv", "t", "y")
    print(sum(y))
    ```
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

    Wrong, where `wrong.csv` is this file:

    ```csv wrong.csv
    t,y,note
    0.0,1.5,"a"b"
    ```

    ```dp
    import data
    let (t, y) = data.csv("wrong.csv", "t", "y")
    print(sum(y))
    ```

    Right:

    ```csv right.csv
    t,y,note
    0.0,1.5,"a""b"
    ```

    ```dp
    import data
    let (t, y) = data.csv("right.csv", "t", "y")
    print(sum(y))
    ```
    """

    call: Span
    what: str

    def sentence(self) -> str:
        return self.what

    def help(self) -> str:
        return 'put the whole cell in quotation marks, and double those inside it: "a ""quoted"" word"'


@diagnostic("E0712")
class WrongRows(Diagnostic):
    """A program asks for columns of a certain size, and the file has more rows or fewer.

    Wrong, of a file with 240 rows:

    ```dp error=E0712
    import data
    let year: Float[12] = data.csv("nottingham_temperature.csv", "year")
    ```

    Right: take what the file has, or a part of it.

    ```dp
    import data
    let year: Float[?] = data.csv("nottingham_temperature.csv", "year")
    print(year[0..12])
    ```
    """

    path: str
    found: int
    wanted: int

    def sentence(self) -> str:
        rows = "1 row" if self.found == 1 else f"{self.found} rows"
        return f"the file `{self.path}` has {rows}, and {self.wanted} are asked for"

    def help(self) -> str:
        return "write `[?]` for a size that only the file knows"


@diagnostic("E0713")
class NoRecords(CheckError):
    """A whole CSV file is read as an array of structs, and the place asks for none.

    `data.csv(path)` takes names and types of the columns from the struct that its place asks for. With names of
    columns behind the path it gives those columns as arrays.

    Wrong:

    ```dp error=E0713
    import data
    let table = data.csv("nottingham_temperature.csv")
    ```

    Right: write the type, or name the columns.

    ```dp
    import data
    struct Month { year: Float, fahrenheit: Float }
    let months: Month[?] = data.csv("nottingham_temperature.csv")
    let years = data.csv("nottingham_temperature.csv", "year")
    print(len(months) == len(years))
    ```
    """

    asked: str = ""

    def sentence(self) -> str:
        if not self.asked:
            return "the type of the rows is not known here"
        return f"`data.csv` of a path alone gives an array of structs, not `{self.asked}`"

    def help(self) -> str:
        return 'write the type, `let rows: Month[?] = data.csv(path)`, or name the columns, `data.csv(path, "t")`'


@diagnostic("E0714")
class NoColumnType(CheckError):
    """A column of a table is asked for as something that a cell cannot hold.

    A cell is a Float, Float32, Int, Bool or String, or an Option of these where it may be empty.

    Wrong:

    ```dp error=E0714
    import data
    struct Month { year: Float, fahrenheit: Float[2] }
    let months: Month[?] = data.csv("nottingham_temperature.csv")
    ```

    Right:

    ```dp
    import data
    struct Month { year: Float, fahrenheit: Option[Float] }
    let months: Month[?] = data.csv("nottingham_temperature.csv")
    print(months[0].fahrenheit)
    ```
    """

    kind: str
    field: str = ""
    declared: Span | None = None

    def sentence(self) -> str:
        of = f" of {self.field}" if self.field else ""
        return f"a cell of a table cannot hold the type `{self.kind}`{of}"

    def reasons(self) -> Iterable[Note]:
        if self.declared is not None:
            yield Note("the field is declared here", self.declared)

    def help(self) -> str:
        return "a cell holds a Float, Float32, Int, Bool or String, or an Option of these"


@diagnostic("E0715")
class UntypedArray(CheckError):
    """An array is read from a file, and neither its rank nor the type of its elements is known.

    Both are part of a type, so they are written; `?` is a size that only the file knows.

    Wrong:

    ```dp error=E0715
    import data
    let w = data.npy("weights.npy")
    ```

    Right:

    ```dp
    import data
    fn weights(path: String) -> Float[?, ?] = data.npy(path)
    ```
    """

    row: str

    def sentence(self) -> str:
        return f"the type of what `{self.row}` reads is not known here"

    def help(self) -> str:
        return f"write it: let x: Float[?, ?] = {self.row}(..)"


@diagnostic("E0716")
class NoArrayType(CheckError):
    """Something is to be read from a file of arrays that such a file does not hold.

    Files of arrays hold Float, Float32, Int and Bool, alone or in arrays. `data.safetensors(path)` without a name reads
    a struct of these, field by field. A size that is computed (`2 * n`) must be known before the file is read.

    Wrong:

    ```dp error=E0716
    import data
    let names: String[?] = data.npy("names.npy")
    ```

    Right: text is read from a table.

    ```dp
    import data
    fn names(path: String) -> String[?] = data.csv(path, "name")
    ```
    """

    row: str
    asked: str
    part: str
    kind: str

    def sentence(self) -> str:
        inside = f": `{self.part}` is `{self.kind}`" if self.part else ""
        return f"`{self.row}` cannot read {an(self.asked)}{inside}"

    def help(self) -> str:
        if self.row == "data.safetensors":
            return "name the array, data.safetensors(path, name), or read a struct of arrays of Float, Int or Bool"
        return "it reads arrays of Float, Float32, Int or Bool"


@diagnostic("E0717")
class WrongArray(Diagnostic):
    """An array in a file is not what the program asks for: other elements, another rank, other sizes.

    A file's numbers are taken as they are or in a type that holds all of their values: float16 and float32 as Float32
    or Float, float64 as Float; whole numbers as Int or Float. What would lose digits is refused. The same size in
    two places must be the same in the file.

    Wrong:

    ```dp
    import data
    data.write_npy("right.npy", [1.0, 2.0])
    let a: Float[?, ?] = data.npy("right.npy")
    ```

    Right:

    ```dp
    import data
    data.write_npy("right.npy", [1.0, 2.0])
    let a: Float[?] = data.npy("right.npy")
    print(a)
    ```
    """

    path: str
    name: str
    found: str
    wanted: str
    narrow: bool = False

    def sentence(self) -> str:
        what = f"`{self.name}` in `{self.path}`" if self.name else f"the array in `{self.path}`"
        return f"{what} is {self.found}, and {self.wanted} is asked for"

    def help(self) -> str:
        return "read it as Float and convert it with `float32(x)`, which rounds" if self.narrow else ""


@diagnostic("E0718")
class BadArrayFile(Diagnostic):
    """A file of arrays is damaged, cut off, or of another format. Every length and offset in it is checked before it is used.

    Wrong, where `wrong.npy` is this text:

    ```text wrong.npy
    1.0, 2.0
    ```

    ```dp
    import data
    let x: Float[?] = data.npy("wrong.npy")
    ```

    Right:

    ```dp
    import data
    data.write_npy("right.npy", [1.0, 2.0])
    let x: Float[?] = data.npy("right.npy")
    print(x)
    ```
    """  # noqa: E501

    path: str
    format: str
    reason: str

    def sentence(self) -> str:
        return f"`{self.path}` is no {self.format} file that can be read: {self.reason}"


@diagnostic("E0719")
class NoSuchArray(Diagnostic):
    """A program asks a file of named arrays for a name that it does not hold.

    Wrong:

    ```dp
    import data
    data.write_npz("right.npz", a = [1.0, 2.0])
    let b: Float[?] = data.npz("right.npz", "b")
    ```

    Right:

    ```dp
    import data
    data.write_npz("right.npz", a = [1.0, 2.0])
    let a: Float[?] = data.npz("right.npz", "a")
    print(a)
    ```
    """

    path: str
    name: str
    names: tuple[str, ...]

    def sentence(self) -> str:
        return f"`{self.path}` holds no array `{self.name}`"

    def notes(self) -> Iterable[Note]:
        if self.names:
            more = f" and {len(self.names) - 20} more" if len(self.names) > 20 else ""
            yield Note("it holds " + ", ".join(f"`{n}`" for n in self.names[:20]) + more)
        else:
            yield Note("it holds no arrays at all")

    def help(self) -> str:
        return meant(near(self.name, list(self.names)))


@diagnostic("E0726")
class NotWritable(CheckError):
    """A value is to be written into a file of a format that does not hold it.

    * `data.write_csv(path, rows)`: an array of structs whose fields are cells, or arrays by name, of one size.
    * `data.write_npy(path, x)`: one Float, Float32, Int or Bool, or an array of them, without a name.
    * `data.write_npz(path, a = x, b = y)`: several, each with a name.
    * `data.write_safetensors(path, a = x, note = "..")`: the same, and texts; or a struct of such arrays and texts.

    Wrong:

    ```dp error=E0726
    import data
    fn keep(x: Float[n, m]) = data.write_csv("x.csv", x = x)
    ```

    Right:

    ```dp
    import data
    fn keep(x: Float[n, m]) = data.write_npy("x.npy", x)
    ```
    """

    row: str
    kind: str
    name: str = ""

    def sentence(self) -> str:
        by = f" by the name `{self.name}`" if self.name else " without a name"
        return f"`{self.row}` does not write {an(self.kind)}{by}"

    def help(self) -> str:
        return {
            "data.write_csv": "it writes an array of structs whose fields are cells, or arrays of rank 1 by name",
            "data.write_npy": "it writes one array of Float, Float32, Int or Bool, without a name",
            "data.write_npz": "it writes arrays of Float, Float32, Int or Bool, each with a name: a = x",
            "data.write_safetensors": "it writes arrays and texts with names, or a struct and texts with names",
        }[self.row]


@diagnostic("E0722")
class CannotWrite(Diagnostic):
    """A file cannot be written. The reason is the operating system's own: a directory that does not exist, a missing permission, a full disk.

    A relative path is taken from the directory in which `dp` was started.

    Wrong:

    ```dp
    import data
    data.write_npy("no_such_folder/x.npy", [1.0, 2.0])
    ```

    Right:

    ```dp
    import data
    data.write_npy("x.npy", [1.0, 2.0])
    ```
    """  # noqa: E501

    path: str
    reason: str

    def sentence(self) -> str:
        return f"the file `{self.path}` cannot be written: {self.reason}"
