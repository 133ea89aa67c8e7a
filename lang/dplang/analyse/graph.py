"""Call graphs: groups of functions that call each other, callees first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


def components(roots: Iterable[str], callees: Callable[[str], Iterable[str]]) -> Iterator[list[str]]:
    """The strongly connected groups that `roots` reach, each after all groups that it calls (Tarjan's algorithm)."""
    numbers: dict[str, int] = {}
    lows: dict[str, int] = {}
    stack: list[str] = []
    waiting: set[str] = set()

    def visit(name: str) -> Iterator[list[str]]:
        numbers[name] = lows[name] = len(numbers)
        stack.append(name)
        waiting.add(name)
        for callee in callees(name):
            if callee not in numbers:
                yield from visit(callee)
                lows[name] = min(lows[name], lows[callee])
            elif callee in waiting:
                lows[name] = min(lows[name], numbers[callee])
        if lows[name] == numbers[name]:
            group: list[str] = []
            while not group or group[-1] != name:
                group.append(stack.pop())
                waiting.discard(group[-1])
            yield group

    for root in roots:
        if root not in numbers:
            yield from visit(root)
