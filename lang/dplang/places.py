"""Where this system's users keep what programs remember and what they can make again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state() -> Path | None:
    """The folder for what is worth keeping; None where nobody knows the user's home."""
    return _folder("XDG_STATE_HOME", "LOCALAPPDATA", "Library/Application Support", ".local/state", "AppData/Local")


def cache() -> Path | None:
    """The folder for what can be made again. `DP_CACHE_DIR` names another one."""
    given = os.environ.get("DP_CACHE_DIR")
    if given:
        return Path(given)
    return _folder("XDG_CACHE_HOME", "LOCALAPPDATA", "Library/Caches", ".cache", "AppData/Local")


def _folder(variable: str, windows: str, mac: str, other: str, windows_default: str) -> Path | None:
    variable = windows if sys.platform == "win32" else variable
    given = os.environ.get(variable, "") if sys.platform != "darwin" else ""
    if given and os.path.isabs(given):
        return Path(given) / "dp"
    default = {"win32": windows_default, "darwin": mac}.get(sys.platform, other)
    try:
        return Path.home() / default / "dp"
    except RuntimeError:  # no home
        return None
