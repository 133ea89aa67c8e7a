"""Files of data: where paths lead, opening them, and writing them whole or not at all."""

from __future__ import annotations

import difflib
import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import data as faults
from ..errors.diagnostic import Fault
from ..errors.source import Span


def directories(call: Span) -> list[Path]:
    """Where relative paths are looked for: the working directory, then that of the program's file."""
    beside = Path(call.source.name).parent if os.path.isfile(call.source.name) else Path()
    return [Path()] if beside.resolve() == Path().resolve() else [Path(), beside]


def find(path: str, call: Span) -> Path:
    """The existing file that `path` names."""
    places = directories(call)
    for place in places:
        candidate = place / path
        if os.path.exists(candidate):
            return candidate
    folder, name = os.path.split(path)
    known = {f.name: os.path.join(folder, f.name) for p in places for f in _files(p / folder)}
    near = difflib.get_close_matches(name, known, 1)
    tried = tuple(dict.fromkeys(str((p / folder).resolve()) for p in places)) if "\0" not in path else ()
    raise Fault(faults.NoDataFile(call, path, tried, known[near[0]] if near else ""))


def _files(folder: Path) -> list[Path]:
    try:
        return [f for f in folder.iterdir() if f.is_file()]
    except (OSError, ValueError):
        return []


@contextmanager
def reading(path: str, call: Span) -> Iterator[tuple[str, BinaryIO]]:
    """The file that `path` names, open for reading from any place in it, and its own name. What the system refuses is a
    fault."""
    found = find(path, call)
    name = str(found)
    try:
        mode = found.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Fault(faults.DataIsDirectory(call, name))
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise Fault(faults.DataUnreadable(call, name, "it is no regular file"))
        with open(found, "rb") as file:
            yield name, file if file.seekable() else io.BytesIO(file.read())
    except OSError as error:
        raise Fault(faults.DataUnreadable(call, name, error.strerror or str(error))) from None


@contextmanager
def writing(path: str, call: Span) -> Iterator[BinaryIO]:
    """A file to be written. It takes the place of the one that `path` names when all of it is written, and not before:
    whatever goes wrong, the old file stays as it was."""
    try:
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            if os.path.isdir(target):
                raise Fault(faults.CannotWrite(call, path, "it is a directory"))
            with open(target, "wb") as device:  # a pipe or a device holds nothing that could be lost
                yield device
            return
        aside = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:200]}.{secrets.token_hex(4)}.tmp")
        file = open(aside, "xb")  # noqa: SIM115  (it is closed below, where what goes wrong is told apart)
    except (OSError, ValueError) as error:
        raise Fault(faults.CannotWrite(call, path, getattr(error, "strerror", None) or str(error))) from None
    try:
        with file:
            yield file
        if os.path.exists(target):
            os.chmod(aside, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(aside, target)
    except OSError as error:
        raise Fault(faults.CannotWrite(call, path, error.strerror or str(error))) from None
    finally:
        with suppress(OSError):
            os.remove(aside)
