"""Faults of effects: input and output where only pure code can stand."""

from __future__ import annotations

from collections.abc import Iterable

from .checking import CheckError
from .diagnostic import Note, diagnostic
from .source import Span


@diagnostic("E0410")
class EffectInPure(CheckError):
    """Input or output stands in code that must be pure: its turns have no order, or it is executed other than written.

    Array builders, reductions, `parallel for`, calls that are mapped over an array, and what derivative operators
    differentiate are pure.

    Wrong:

    ```dp error=E0410
    fn shown(x: Float) -> Float {
      print(x)
      x^2
    }
    let ys = [shown(x) for x in [1.0, 2.0]]
    ```

    Right:

    ```dp
    let ys = [x^2 for x in [1.0, 2.0]]
    for y in ys { print(y) }
    ```
    """

    what: str
    place: str
    place_span: Span
    path: tuple[Note, ...] = ()

    def sentence(self) -> str:
        return f"{self.what} reads or writes something outside, which {self.place} cannot do"

    def reasons(self) -> Iterable[Note]:
        yield Note(f"this is {self.place}", self.place_span)
        yield from self.path

    def help(self) -> str:
        return "use a `for` loop, or move the input and output out of it"
