"""What all tests share: snapshots, which hold the text and what became of it together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

SNAPSHOTS = Path(__file__).parent / "snapshots"
BECOMES = "\n=>\n"
NEXT = "\n---\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write the snapshots anew from what the tests see")


@dataclass
class Snapshot:
    """Files below tests/snapshots. A case is a text, a line `=>` and what became of the text; a line `---` ends it."""

    update: bool

    def run(self, name: str, what: Callable[[str], str]) -> None:
        """Runs `what` on each text of a file and compares with what the file says; add a text, then `--update`."""
        cases = (SNAPSHOTS / name).read_text(encoding="utf-8").removesuffix(NEXT).split(NEXT)
        texts = [case.split(BECOMES)[0].removesuffix("\n=>") for case in cases]
        self.agree(name, ((text, what(text)) for text in texts))

    def agree(self, name: str, cases: Iterable[tuple[str, str]]) -> None:
        """Compares texts, and what became of them, with a file."""
        path = SNAPSHOTS / name
        found = "".join(text + BECOMES + outcome.rstrip("\n") + NEXT for text, outcome in cases)
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found, encoding="utf-8")
        assert path.exists(), f"no snapshot {name}: run pytest --update"
        assert found.split(NEXT) == path.read_text(encoding="utf-8").split(NEXT)


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    return Snapshot(request.config.getoption("--update"))


@pytest.fixture(autouse=True)
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier runs after every pass over the core in all tests."""
    monkeypatch.setattr("dplang.pipeline.VERIFY", True)
    monkeypatch.setattr("dplang.kernels.options.STRICT", True)
