"""Faults of the pictures that a program draws."""

from __future__ import annotations

from .checking import meant
from .diagnostic import Diagnostic, diagnostic


@diagnostic("E0720")
class NoMatplotlib(Diagnostic):
    """A program saves a picture, and matplotlib, which draws it, is not installed.

    Everything but `plot.save` works without it; `plot.show()` draws in the terminal. It comes with the extra `plot`:
    `pip install "dplang[plot]"`, or `pip install matplotlib` by itself.
    """

    def sentence(self) -> str:
        return "drawing needs matplotlib, which is not installed"

    def help(self) -> str:
        return 'install it with: pip install "dplang[plot]"; plot.show() draws in the terminal without it'


@diagnostic("E0721")
class UnknownPicture(Diagnostic):
    """The name of a picture tells its format by its ending, which must be `.png`, `.svg` or `.pdf`.

    Wrong:

    ```dp
    import plot
    plot.line([0.0, 1.0], [1.0, 3.0])
    plot.save("line.jpq")
    ```

    Right:

    ```dp
    import plot
    plot.line([0.0, 1.0], [1.0, 3.0])
    plot.save("line.png")
    ```
    """

    path: str

    def sentence(self) -> str:
        return f"`{self.path}` ends in no format that can be drawn"

    def help(self) -> str:
        return "end it in .png, .svg or .pdf"


@diagnostic("E0723")
class NothingDrawn(Diagnostic):
    """`plot.save` and `plot.show` make a figure of what was drawn since the last one, and nothing was.

    Wrong:

    ```dp error=E0723
    import plot
    plot.save("nothing.png")
    ```

    Right: draw first.

    ```dp
    import plot
    plot.line([1.0, 3.0, 2.0])
    plot.show()
    ```
    """

    def sentence(self) -> str:
        return "there is nothing to show: nothing was drawn since the last figure"

    def help(self) -> str:
        return "draw first, for instance with plot.line(x, y)"


@diagnostic("E0724")
class UnequalSeries(Diagnostic):
    """The arrays of a line, of points, of bars or of a band must have the same size: one x for each y."""

    x: int
    y: int

    def sentence(self) -> str:
        return f"{self.x} values of x cannot be drawn against {self.y} values of y"


@diagnostic("E0725")
class BadDrawing(Diagnostic):
    """A figure cannot be drawn as it is told: a size that is not positive, numbers too far apart for axes, a coloured
    image that has no three colours, an unknown style of lines.

    Wrong:

    ```dp error=E0725
    import plot
    plot.line([1.0, 3.0, 2.0], style = "dash")
    ```

    Right:

    ```dp
    import plot
    plot.line([1.0, 3.0, 2.0], style = "dashed")
    plot.show()
    ```
    """

    what: str

    def sentence(self) -> str:
        return self.what


@diagnostic("E0727")
class NoColor(Diagnostic):
    """A colour is named that there is not.

    Colours have the names of CSS, such as `"black"`, `"tomato"`, `"steelblue"`, or are six hexadecimal digits for red,
    green and blue: `"#336699"`.

    Wrong:

    ```dp error=E0727
    import plot
    plot.line([1.0, 3.0, 2.0], color = "tomatoe")
    ```

    Right:

    ```dp
    import plot
    plot.line([1.0, 3.0, 2.0], color = "tomato")
    plot.show()
    ```
    """

    color: str
    nearest: str = ""

    def sentence(self) -> str:
        return f"there is no colour `{self.color}`"

    def help(self) -> str:
        return meant(self.nearest) or 'write the name of a colour in CSS, or six hexadecimal digits: "#336699"'
