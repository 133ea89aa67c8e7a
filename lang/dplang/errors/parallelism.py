"""Diagnostics of the second judgement: what may run in parallel."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostic import Diagnostic, Note, diagnostic


@diagnostic("E0401")
class NotParallel(Diagnostic):
    """A `parallel for` promises that its turns may run in any order, and they may not.

    The turns of a loop are independent where no turn writes what another one reads or writes. A variable that is
    written before it is read in each turn is that turn's own. Sums, products, minima and maxima over the turns (`s
    += e`, `s = max(s, e)`) are no conflict as long as nothing else reads `s`, and neither is adding to elements of
    an array (`h[k[i]] += e`). Input and output, `break` and `return` need the order of the turns. The message names
    two accesses and two turns that conflict.

    Wrong: each turn reads what the turn before has written.

    ```dp error=E0401
    fn running(x: Float[n]) -> Float[n] {
      var y = x
      parallel for i in 1..n { y[i] = y[i] + y[i - 1] }
      y
    }
    ```

    Right: read from an array that the loop does not write.

    ```dp
    fn smoothed(x: Float[n]) -> Float[n] {
      var y = x
      parallel for i in 1..n { y[i] = x[i] + x[i - 1] }
      y
    }
    ```

    A plain `for` may stay as it is: it is analysed all the same, and runs in order where that is needed. `dp loops
    FILE` shows every verdict.
    """

    reason: str
    conflict: tuple[Note, ...] = ()

    def sentence(self) -> str:
        return f"this loop cannot run in parallel: {self.reason}"

    def notes(self) -> Iterable[Note]:
        return self.conflict

    def help(self) -> str:
        return "leave `parallel` out, or let each turn write only what no other turn reads or writes"
