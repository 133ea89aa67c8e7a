"""The cache of kernels: a folder of files, each sealed with a key that is kept elsewhere.

What is in it is machine code, so nothing is believed because of where it lies: a file whose seal is not ours for its
name is no file. Every fault of the folder, the key or a file is a miss. Files are written aside and renamed, so that
processes may share the folder; where it grows too large, those go that were not used for longest.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from .. import places

LARGEST = 256 << 20
"""Bytes that the cache may hold."""
SEAL, SECRET = 32, 32
SUFFIX = ".kernel"
USED = 3600.0
"""Seconds after which a use of a file is noted again, and after which one that nobody finished writing is dropped."""


class Cache:
    """The kernels of one user. Asked for nothing but bytes by name; anything may be missing at any time."""

    def __init__(self, folder: Path | None = None, secret: Path | None = None) -> None:
        cache, state = places.cache(), places.state()
        self.folder = folder or (None if cache is None else cache / "kernels")
        self.secret = secret or (None if state is None else state / "kernels.key")

    @cached_property
    def _key(self) -> bytes | None:
        return _secret_of(self.secret) if self.secret is not None else None

    def get(self, name: str) -> bytes | None:
        """What was kept under a name; None where nothing was that can be relied on."""
        if self.folder is None or self._key is None:
            return None
        path = self.folder / (name + SUFFIX)
        try:
            with open(path, "rb") as file:
                seal, data = file.read(SEAL), file.read()
        except OSError:
            return None
        if not hmac.compare_digest(seal, self._seal(name, data)):
            return None
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > USED:
                os.utime(path)
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keeps bytes under a name, if that can be done."""
        if self.folder is None or not _make_private(self.folder) or self._key is None:
            return
        try:
            _write(self.folder / (name + SUFFIX), self._seal(name, data) + data)
        except OSError:
            return
        self._shrink(name)

    def _seal(self, name: str, data: bytes) -> bytes:
        assert self._key is not None
        return hmac.digest(self._key, name.encode() + b"\0" + data, "sha256")

    def files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The files in the cache."""
        with suppress(OSError):
            if self.folder is not None:
                for path in self.folder.iterdir():
                    if path.suffix in (SUFFIX, ".tmp"):
                        with suppress(OSError):
                            yield path, path.stat()

    def clear(self) -> int:
        """Drops all; the number of files dropped."""
        count = 0
        for path, _ in self.files():
            with suppress(OSError):
                path.unlink()
                count += path.suffix == SUFFIX
        return count

    def _shrink(self, newest: str) -> None:
        found = sorted(self.files(), key=lambda f: f[1].st_mtime)
        total = sum(status.st_size for _, status in found)
        for path, status in found:
            unfinished = path.suffix != SUFFIX and time.time() - status.st_mtime > USED
            if unfinished or (total > LARGEST and path.suffix == SUFFIX and path.stem != newest):
                with suppress(OSError):
                    path.unlink()
                total -= status.st_size


def _write(path: Path, data: bytes) -> None:
    """Writes a file so that nobody ever sees a part of it."""
    handle, aside = tempfile.mkstemp(".tmp", path.stem, path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise


def _make_private(folder: Path) -> bool:
    """Whether a folder is there, ours, and closed to others; it is made so where it can be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if not _ours(status):
            return False
        if status.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError:
        return False
    return True


def _ours(status: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or status.st_uid == os.getuid()


def _secret_of(path: Path) -> bytes | None:
    """The key in a file that is ours alone; a new one where there is none such. None where none can be kept."""
    try:
        known = _read_secret(path)
        if known is None:
            _new_secret(path)
            known = _read_secret(path)
        return known
    except OSError:
        return None


def _read_secret(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        status, key = os.fstat(file.fileno()), file.read()
    closed = os.name == "nt" or not stat.S_IMODE(status.st_mode) & 0o077
    if stat.S_ISREG(status.st_mode) and _ours(status) and closed and len(key) == SECRET:
        return key
    path.unlink()  # whoever could read it could have sealed anything
    return None


def _new_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # made by `mkstemp` it is closed to others from the start; of several processes, the first to link it has made it
    handle, aside = tempfile.mkstemp(".tmp", path.name, path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET))
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        os.unlink(aside)
