"""The cache of kernels: what is sealed is used, all else is a miss and never an error."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dplang.kernels import build, cache, code
from dplang.kernels.cache import Cache
from dplang.kernels.call import Kernels
from dplang.kernels.emit import Emitted
from dplang.pipeline import compile
from running import entered

SQUARES = "fn f(n: Int) -> Float {\n var s = 0.0\n for i in 0..n { s += float(i)^2 }\n s\n}\n"
PARITY = """
fn even(n: Int) -> Bool = if n == 0 { true } else { odd(n - 1) }
fn odd(n: Int) -> Bool = if n == 0 { false } else { even(n - 1) }
"""


class Shop:
    """Builds kernels with a cache of its own, and counts the compilations."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "kernels"
        self.files = Cache(self.folder, folder / "state" / "kernels.key")
        self.compiled = 0
        real = build._compiled

        def counted(name: str, emitted: Emitted) -> Callable[..., Any]:
            self.compiled += 1
            return real(name, emitted)

        monkeypatch.setattr(build, "_compiled", counted)
        monkeypatch.setattr(code, "FILES", self.files)

    def run(self, text: str = SQUARES, call: str = "f", *args: Any) -> Any:
        """The result of a function, from a kernel that this process does not know yet."""
        session, entry = entered(text)
        program = compile(session.lowering.program, entry.unit.entry)
        build._made.clear()
        kernel = Kernels(session.lowering.program if call not in program.fns else program).kernel(call)
        assert kernel is not None
        return kernel(*(args or (4,)))

    def again(self) -> bool:
        """Whether a second run takes its kernel from the cache; its result is right in any case."""
        before = self.compiled
        assert self.run() == 14.0
        return self.compiled == before

    @property
    def entry(self) -> Path:
        """The file of the kernel; helpers have others."""
        return max(self.folder.glob("*.kernel"), key=lambda p: p.stat().st_mtime_ns)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, monkeypatch)


def test_a_kernel_is_made_once(shop: Shop) -> None:
    assert not shop.again()
    assert shop.again()
    if os.name != "nt":
        assert shop.folder.stat().st_mode & 0o777 == 0o700
        assert shop.files.secret is not None and shop.files.secret.stat().st_mode & 0o777 == 0o600


def test_functions_that_call_each_other_are_kept(shop: Shop) -> None:
    assert [shop.run(PARITY, "even", 1001), shop.compiled] == [False, 1]
    assert [shop.run(PARITY, "even", 1001), shop.compiled] == [False, 1]


def test_comments_do_not_count(shop: Shop) -> None:
    assert shop.run() == 14.0
    assert shop.run("\n# moved\n\n" + SQUARES) == 14.0
    assert shop.compiled == 1


def damages(entry: Path) -> dict[str, Callable[[], object]]:
    data = entry.read_bytes()
    middle = len(data) // 2
    return {
        "truncated": lambda: entry.write_bytes(data[:middle]),
        "empty": lambda: entry.write_bytes(b""),
        "tampered": lambda: entry.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]),
        "unsealed": lambda: entry.write_bytes(bytes(cache.SEAL) + data[cache.SEAL :]),
        "deleted": entry.unlink,
    }


def test_damaged_files_are_misses(shop: Shop) -> None:
    shop.again()
    for name, damage in damages(shop.entry).items():
        damage()
        assert not shop.again(), name
        assert shop.again(), name


def test_a_seal_is_for_one_name_and_one_key(shop: Shop, tmp_path: Path) -> None:
    files = shop.files
    files.put("a", b"code")
    assert files.get("a") == b"code"
    (shop.folder / "b.kernel").write_bytes((shop.folder / "a.kernel").read_bytes())
    assert files.get("b") is None
    assert Cache(shop.folder, tmp_path / "other.key").get("a") is None


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_a_key_that_others_could_read_is_replaced(shop: Shop) -> None:
    shop.files.put("a", b"code")
    assert shop.files.secret is not None
    shop.files.secret.chmod(0o644)
    fresh = Cache(shop.folder, shop.files.secret)
    assert fresh.get("a") is None
    assert shop.files.secret.stat().st_mode & 0o777 == 0o600
    fresh.put("a", b"code")
    assert Cache(shop.folder, shop.files.secret).get("a") == b"code"


def test_without_a_folder_or_a_key_kernels_are_made(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for folder, secret in [(blocked / "kernels", tmp_path / "key"), (tmp_path / "kernels", blocked / "key")]:
        monkeypatch.setattr(code, "FILES", Cache(folder, secret))
        assert not shop.again()
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "LOCALAPPDATA", "DP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    homeless = Cache()
    homeless.put("a", b"code")
    assert homeless.get("a") is None and homeless.clear() == 0


def test_a_full_disk_is_no_cache(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    shop.files.put("a", b"code")
    assert shop.files.get("a") is None
    assert list(shop.folder.iterdir()) == []


def test_another_version_has_other_names(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.again()
    monkeypatch.setattr(code, "surroundings", lambda: b"another")
    assert not shop.again()


def test_the_oldest_go_where_there_are_too_many(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST", 1000)
    for i, name in enumerate("abcd"):
        shop.files.put(name, bytes(300))
        os.utime(shop.folder / f"{name}.kernel", (i, i))
    shop.files.put("e", bytes(300))
    assert sorted(p.stem for p, _ in shop.files.files()) == ["c", "d", "e"]


def test_processes_may_start_together(tmp_path: Path) -> None:
    path = tmp_path / "f.dp"
    path.write_text(SQUARES + "print(f(1000))\n")
    homes = {"DP_CACHE_DIR": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "dplang", "run", "--jit=always", str(path)]

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env={**os.environ, **homes}, stdout=pipe, stderr=pipe, text=True)

    assert [p.communicate() for p in [start() for _ in range(3)]] == [("332833500.0\n", "")] * 3
    files = Cache(tmp_path / "cache" / "kernels", tmp_path / "state" / "dp" / "kernels.key")
    names = [p.stem for p, _ in files.files()]
    assert names and all(files.get(name) is not None for name in names)
