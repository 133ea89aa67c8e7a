"""The command `dp`: a table of subcommands, each in a file of its own that is imported only when it is asked for."""

from __future__ import annotations

import argparse
import difflib
import gc
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand: it lives in the file of its name here, which offers `arguments` and `main`."""

    name: str
    help: str


COMMANDS = (
    Command("run", "run a program"),
    Command("check", "check programs without running them"),
    Command("core", "show the typed core of a program"),
    Command("loops", "show which loops of a program can run in parallel, and why"),
    Command("fill", "print a program with its holes filled by what was learned"),
    Command("test", "run the tests and the examples in comments of programs"),
    Command("kernels", "show the code that a program's functions are compiled from"),
    Command("cache", "tell about compiled code that is kept, or drop it"),
    Command("doc", "print what is written about a function, struct, module or file"),
    Command("explain", "tell the whole story behind the code of a diagnostic"),
    Command("version", "print the version"),
)


class Room(Protocol):
    """What the file of a subcommand offers."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares the subcommand's own arguments."""

    def main(self, args: argparse.Namespace) -> int:
        """Does the work; the result is the exit status: 0 fine, 1 the program is faulty, 2 wrong usage."""


def main(argv: list[str] | None = None) -> int:
    """Runs `dp` with the given arguments (those of the process unless told) and returns its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    # trees are many small objects that live on: looking through them for cycles every 700 costs a tenth of a check
    gc.set_threshold(100_000)
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
        return status
    except SystemExit as end:  # argparse has said what it had to say
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _forget_output()
        return 0
    except Exception as failure:
        from ..errors.tell import faults_of, show

        show(faults_of(failure))
        return 1


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        return _room("..repl").main(argparse.Namespace())
    word = arguments[0]
    command = next((c for c in COMMANDS if c.name == word), None)
    if command is None:
        return _overview(arguments)
    room = _room(f".{command.name}")
    parser = argparse.ArgumentParser(
        prog=f"dp {command.name}", description=f"{command.help[0].upper()}{command.help[1:]}."
    )
    room.arguments(parser)
    parsed = parser.parse_args(arguments[1:])
    if command.name in ("version", "explain", "cache"):
        return room.main(parsed)
    from ..stack import deep

    return deep(lambda: room.main(parsed))


def _room(name: str) -> Room:
    room: Room = import_module(name, __package__)
    return room


def _overview(arguments: list[str]) -> int:
    """`dp --help`, and words that name no subcommand."""
    width = max(len(c.name) for c in COMMANDS)
    listing = "\n".join(f"  {c.name:{width}}  {c.help}" for c in COMMANDS)
    word = arguments[0]
    if word in ("-h", "--help", "help"):
        print(f"usage: dp COMMAND ..\n\n{listing}\n")
        print("Without a command `dp` is interactive. `dp COMMAND --help` tells more.")
        return 0
    if word in ("-V", "--version"):
        return _dispatch(["version"])
    near = difflib.get_close_matches(word, [c.name for c in COMMANDS], 1)
    if near:
        hint = f"did you mean `dp {near[0]}`?"
    elif word.endswith(".dp"):
        hint = f"`dp run {word}` runs a program"
    else:
        hint = "`dp --help` lists the commands"
    print(f"dp: there is no command `{word}`; {hint}", file=sys.stderr)
    return 2


def _forget_output() -> None:
    """The reader has gone: what is left in the buffer must not be written when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
