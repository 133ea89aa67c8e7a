"""What all derivatives of one program share: its functions as they grow, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..analyse.activity import Activity
from ..analyse.sharing import Sharing
from ..core.ir import EnumDecl, Fn, Program
from ..core.rewrite import calls
from ..errors.source import NOWHERE, Span
from .tangents import Tangents

if TYPE_CHECKING:
    from .calls import Backward, Key


@dataclass
class Context:
    """`fns` and `enums` grow by what derivatives need. Memories of other rooms are kept by their own keys."""

    fns: dict[str, Fn]
    enums: dict[str, EnumDecl]
    tangents: Tangents = field(init=False)
    activity: Activity = field(init=False)
    sharing: Sharing = field(init=False)
    origins: dict[str, str] = field(default_factory=dict)
    """Functions specialised to access paths, by name: what they were made of."""
    memory: dict[object, object] = field(default_factory=dict)
    backwards: dict[Key, Backward] = field(default_factory=dict)
    assumed: dict[Key, Backward] = field(default_factory=dict)
    """Of recursive functions that are being written, what they are taken to read."""
    leaned: set[Key] = field(default_factory=set)
    named: dict[Key, tuple[str, str, str]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    span: Span = NOWHERE
    """The derivative operator that is being removed."""

    def __post_init__(self) -> None:
        self.tangents = Tangents(self.enums, self.fns)
        self.activity = Activity(self.fns, self.tangents.carries)
        self.sharing = Sharing(self.fns)

    @staticmethod
    def of(program: Program) -> Context:
        return Context(dict(program.fns), dict(program.enums))

    def unique(self, name: str) -> str:
        """A name for a function or an enum that is not taken, and is from now on."""
        made, n = name, 1
        while made in self.taken or made in self.fns or made in self.enums:
            n += 1
            made = f"{name}.{n}"
        self.taken.add(made)
        return made

    def recursive(self, name: str) -> bool:
        """Whether a function can call itself, directly or through others."""
        start = self.origins.get(name, name)
        reached: set[str] = set()
        left = [start]
        while left:
            for callee in calls(self.fns[left.pop()].body):
                callee = self.origins.get(callee, callee)
                if callee not in reached:
                    reached.add(callee)
                    left.append(callee)
        return start in reached

    def tangible_params(self, fn: Fn) -> list[int]:
        return [i for i, p in enumerate(fn.params) if self.tangents.carries(p.var.type)]

    def tangible_results(self, fn: Fn) -> list[int]:
        return [k for k, t in enumerate(fn.result_types) if self.tangents.carries(t)]

    def reached(self, fn: Fn, params: Iterable[int]) -> list[int]:
        """The results of `fn` that depend on one of the parameters."""
        chosen = frozenset(params)
        return [k for k, sources in enumerate(self.activity.depends(fn.name)) if sources & chosen]

    def add(self, fn: Fn) -> str:
        self.fns[fn.name] = fn
        return fn.name
