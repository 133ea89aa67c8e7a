"""What the interactive dp does with each entry: run it, show its value and type, or do what a command says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TextIO

from ..check import typed
from ..check.finish import walk
from ..check.module import new_scope
from ..core.types import UNIT, show
from ..errors.source import Source
from ..errors.tell import faults_of
from ..errors.tell import show as tell
from ..loading import read
from ..primitives.table import TABLE
from ..session import Entry, Session
from ..stack import deep
from ..syntax import parse as syntax
from ..syntax import tree
from ..values import measured
from .terminal import from_lines, from_person


@dataclass(frozen=True, slots=True)
class Command:
    """A word behind a colon."""

    name: str
    argument: str
    help: str


LONGEST = 1600
"""Characters of a value that are shown in full."""

COMMANDS = (
    Command("help", "", "this list"),
    Command("type", "EXPRESSION", "the type of an expression, which is not run, and whether it reads or writes (io)"),
    Command("doc", "NAME", "what is written about a function, struct or module, such as `sin` or `linalg.solve`"),
    Command("load", "FILE", "runs a file; its names are known from then on"),
    Command("quit", "", "leaves, as Ctrl-D does"),
)


class Repl:
    """What was entered so far, and where answers go."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.out = sys.stdout if out is None else out
        self.err = sys.stderr if err is None else err
        self.session = Session(lambda warnings: tell(warnings, self.err), self.out)
        self.scope = new_scope()
        self.entries = 0
        self.faulty = False

    def enter(self, text: str) -> bool:
        """Does what an entry says; False where it says to leave. A fault is told, and everything is as it was."""
        line = text.strip()
        if line == ":quit":
            return False
        try:
            if line.startswith(":"):
                self._command(*line[1:].partition(" ")[::2])
            else:
                self._run(self._parsed(text), shown=True)
        except Exception as failure:
            self.faulty = True
            tell(faults_of(failure), self.err)
        return True

    def say(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()

    # ---- running

    def _parsed(self, text: str) -> tree.Module:
        self.entries += 1
        return deep(lambda: syntax.parse(Source(f"entry {self.entries}", text)))

    def _entry(self, module: tree.Module) -> Entry:
        return deep(lambda: self.session.entry(module, module.span.source.name, self.scope))

    def _run(self, module: tree.Module, shown: bool) -> None:
        if not module.items:
            return
        entry = self._entry(module)
        values = deep(lambda: self.session.run(entry))
        self.session.keep(values)
        self.scope = entry.checked.scope
        if shown:
            self._show(entry)

    def _show(self, entry: Entry) -> None:
        """The value of an entry's last expression, with its type."""
        from ..interpret.format import text

        for output in entry.unit.outputs:
            if output.symbol.name == "_":
                value = self.session.values[output.symbol]
                instances = self.session.lowering.instances
                written = shortened(text(instances.layouts.enums, output.layout, value.leaves))
                self.say(f"{written} : {show(measured(value, instances.layouts.outline).type)}")

    # ---- commands

    def _command(self, name: str, argument: str) -> None:
        argument = argument.strip()
        known: dict[str, Callable[[], None]] = {
            "help": self._help,
            "type": lambda: self._type(argument),
            "doc": lambda: self._doc(argument),
            "load": lambda: self._load(argument),
        }
        command = next((c for c in COMMANDS if c.name == name), None)
        if command is None:
            near = get_close_matches(name, [c.name for c in COMMANDS], 1)
            hint = f"did you mean `:{near[0]}`?" if near else "`:help` lists the commands"
            self._refuse(f"there is no command `:{name}`; {hint}")
        elif bool(command.argument) != bool(argument):
            self._refuse(f"write `:{command.name}{' ' if command.argument else ''}{command.argument}`")
        else:
            known[name]()

    def _refuse(self, text: str) -> None:
        self.faulty = True
        self.err.write(text + "\n")

    def _help(self) -> None:
        width = max(len(c.name) + len(c.argument) for c in COMMANDS) + 2
        for c in COMMANDS:
            left = f":{c.name} {c.argument}"
            self.say(f"{left:{width}}  {c.help}")
        self.say("The last value is called `_`. An entry with open brackets goes on in the next line.")

    def _type(self, text: str) -> None:
        module = self._entry(self._parsed(text)).checked.module
        t = next((t for s, t in module.types.items() if s.name == "_"), UNIT)
        self.say(show(t) + (", io" if any(map(_does_io, walk(module.stmts))) else ""))

    def _doc(self, name: str) -> None:
        from ..document.find import Unknown, defined, find
        from ..document.show import page, write

        tree = getattr(self.scope.find(name.partition(".")[0]), "tree", None)
        thing = find(name) if tree is None else defined(tree.span.source, name)
        if isinstance(thing, Unknown):
            self._refuse(str(thing))
        else:
            write(page(thing), self.out)

    def _load(self, path: str) -> None:
        source = read(path)
        with self.session.modules.opened(path):
            self._run(deep(lambda: syntax.parse(source)), shown=False)


def shortened(text: str) -> str:
    """A text that fits on a screen: the middle of a long one is left out."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} .. {text[-LONGEST // 4 :]}"


def _does_io(node: object) -> bool:
    match node:
        case typed.Io(op=op):
            return TABLE[op].effect == "io"
        case typed.Call(ref=ref) | typed.FnValue(ref=ref):
            return ref.fn.io
        case _:
            return False


def main(args: argparse.Namespace) -> int:
    """Reads entries until there are no more. From a file or pipe, the exit status tells whether one was faulty."""
    repl = Repl()
    if not sys.stdin.isatty():
        for entry in from_lines(sys.stdin):
            if not repl.enter(entry):
                break
        return 1 if repl.faulty else 0
    from .. import __version__

    repl.say(f"dp {__version__}. `:help` tells what can be done here, Ctrl-D leaves.")
    for entry in from_person():
        try:
            if not repl.enter(entry):
                break
        except KeyboardInterrupt:
            repl.say("interrupted")
    return 0
