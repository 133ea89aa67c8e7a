"""Where entries come from: a person at a terminal, or lines of a file or pipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .. import places
from .entry import goes_on

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

PROMPT, GOES_ON = "dp> ", "... "


def from_lines(stream: TextIO) -> Iterator[str]:
    """Entries of a text that nobody types: as many lines as each entry takes."""
    entry: list[str] = []
    for line in stream:
        entry.append(line.rstrip("\n"))
        if not goes_on("\n".join(entry)):
            yield "\n".join(entry)
            entry.clear()
    if entry:
        yield "\n".join(entry)


def from_person(input: Input | None = None, output: Output | None = None) -> Iterator[str]:
    """Entries typed at the terminal, until Ctrl-D. Ctrl-C drops what was typed so far."""
    session = prompt(input, output)
    while True:
        try:
            yield session.prompt(PROMPT)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def prompt(input: Input | None = None, output: Output | None = None) -> PromptSession[str]:
    """A prompt over several lines with history: Enter ends an entry that is whole, else it begins a new line."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        at_end = not buffer.document.text_after_cursor.strip()
        if at_end and not goes_on(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline()

    @keys.add("escape", "enter")
    def newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return PromptSession(
        multiline=True,
        key_bindings=keys,
        prompt_continuation=GOES_ON,
        history=_history(),
        input=input,
        output=output,
    )


def _history() -> History:
    """The history file in the user's state directory; where that cannot be written, what is remembered is forgotten."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history_path()
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def history_path() -> Path | None:
    """`dp/history` in the directory where this system's users keep state of their programs."""
    folder = places.state()
    return None if folder is None else folder / "history"
