"""The first judgement: what can be differentiated, and by what.

Reads the core right after lowering, never derivative code. Every derivative operator makes demands on the summary of
the function that it derives; `smooth fn` and `lipschitz fn` make theirs on their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..core.ir import Derive, Fn, Program
from ..core.rewrite import calls, lets_of
from ..errors.diagnostic import Diagnostic
from ..errors.differentiation import (
    DerivativeCycle,
    EqualityBoundary,
    MayJump,
    NoInfluence,
    NoLivePath,
    NotLearnable,
    RandomBoundary,
    SeveredPath,
)
from ..errors.source import Span
from ..primitives import TABLE
from ..primitives.table import Mode
from .contracts import contract
from .dependence import INTENDED_BIT, NOTHING, Dep, Site, join_all, tangent_slot
from .graph import components
from .summaries import Summaries
from .traces import steps


def judge(program: Program, fns: Iterable[str] | None = None) -> list[Diagnostic]:
    """All that is wrong or doubtful about the derivatives taken in `fns` (all functions), and broken contracts."""
    judgement = _Judgement(program)
    chosen = [program.fns[name] for name in (program.fns if fns is None else fns)]
    rules = {r for fn in program.fns.values() if fn.rule for r in (fn.rule.partials, fn.rule.jvp, fn.rule.vjp)}
    sites = [
        _Site(node, let.span, fn)
        for fn in chosen
        if fn.name not in rules
        for let in lets_of(fn.body)
        if isinstance(node := let.value, Derive)
    ]
    sites = list(judgement.acyclic(sites))
    # a library's operator comes last: it tells only what the program's own have not told
    for site in sorted(sites, key=lambda s: (not s.inside.user, s.node.kind != "demand")):
        judgement.demands(site)
    for fn in chosen:
        if fn.contract and not fn.span.source.library:
            judgement.found += contract(program, judgement.summaries, fn)
    return judgement.found


@dataclass(frozen=True, slots=True)
class Dependence:
    """How one result leaf depends on one parameter leaf. `live`: derivatives flow along some path."""

    parameter: str
    result: str
    mode: Mode | None
    live: bool


def dependences(program: Program, name: str) -> list[Dependence]:
    """The summary of a function for people: every pair of leaves that have tangents; mode None: no dependence."""
    summaries = Summaries(program)
    fn = program.fns[name]
    made = []
    for label, t, state in zip(fn.result_labels, fn.result_types, summaries.of(name), strict=True):
        for i, p in enumerate(fn.params):
            if summaries.types.tangent(p.var.type) and summaries.types.tangent(t):
                d = state.get(tangent_slot(i), NOTHING)
                mode: Mode | None = "severed" if d.cut else summaries.sites.mode(d.marks)
                made.append(Dependence(p.label, label, mode if d != NOTHING else None, d.live is not None))
    return made


@dataclass(frozen=True, slots=True)
class _Site:
    """A derivative operator in the program."""

    node: Derive
    span: Span
    inside: Fn


class _Judgement:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.summaries = Summaries(program)
        self.found: list[Diagnostic] = []
        self.derived = {n.fn for fn in program.fns.values() for n in _derives(fn)}
        self.nested = _reached(program, self.derived)
        self._told: set[tuple[object, ...]] = set()
        self._jumps_seen: set[Span] = set()

    def acyclic(self, sites: list[_Site]) -> Iterator[_Site]:
        """The operators that no function needs in order to derive itself; the others are refused."""
        groups: dict[str, int] = {}
        reached = sorted({s.inside.name for s in sites})
        for n, group in enumerate(components(reached, lambda f: sorted(calls(self.program.fns[f].body)))):
            groups.update(dict.fromkeys(group, n))
        for site in sites:
            if groups[site.inside.name] == groups[site.node.fn]:
                self.tell(DerivativeCycle(site.span, site.inside.label), "cycle", site.span)
            else:
                yield site

    def tell(self, diagnostic: Diagnostic, *key: object) -> None:
        """Reports once: another instance or operator may find the same."""
        if key not in self._told:
            self._told.add(key)
            self.found.append(diagnostic)

    def demands(self, site: _Site) -> None:
        """What the operator demands of the function's summary, for each leaf that it derives by."""
        fn = self.program.fns[site.node.fn]
        types = self.summaries.types
        summary = self.summaries.of(fn.name)
        state = join_all(s for s, t in zip(summary, fn.result_types, strict=True) if types.tangent(t))
        wrt = [(fn.params[i].label, state.get(tangent_slot(i), NOTHING)) for i in site.node.wrt]
        self.severed(site, wrt)
        self.idle(site, wrt)
        if site.node.kind in ("hvp", "hessian") and site.inside.user:
            state = self.summaries.derived(state)
            wrt = [(fn.params[i].label, state.get(tangent_slot(i), NOTHING)) for i in site.node.wrt]
        self.boundaries(site, wrt)

    def severed(self, site: _Site, wrt: list[tuple[str, Dep]]) -> None:
        cut: dict[int, list[str]] = {}
        for label, d in wrt:
            for number in d.cut:
                cut.setdefault(number, []).append(label)
        for number, labels in cut.items():
            at = self.summaries.sites.all[number]
            new = [p for p in labels if ("severed", at.span, p) not in self._told]
            if not site.inside.user and any(key[:2] == ("severed", at.span) for key in self._told):
                continue
            self._told.update(("severed", at.span, p) for p in labels)
            if new:
                trail = next(d.cut[number] for label, d in wrt if label == new[0])
                path = steps(trail, self.summaries.sites.all)
                remedies = TABLE[at.op].remedy if at.op in TABLE else ("soft_argmax", "a sum weighted by `softmax`")
                self.found.append(SeveredPath(site.span, tuple(new), at.op, at.span, path, remedies))

    def idle(self, site: _Site, wrt: list[tuple[str, Dep]]) -> None:
        """Leaves without a live path. Those with a severed one have been reported already."""
        lifeless = [(label, d) for label, d in wrt if not d.live and not d.cut]
        acting = tuple(label for label, d in lifeless if d.marks and not d.marks & INTENDED_BIT)
        without = tuple(label for label, d in lifeless if not d.marks)
        conditions = tuple(
            dict.fromkeys(s.span for _, d in lifeless if not d.marks & INTENDED_BIT for s in self._jumps(d))
        )
        if not lifeless or (not site.inside.user and self.found):
            return
        if site.node.kind == "demand":
            labels = tuple(label for label, _ in lifeless)
            self.tell(NotLearnable(site.span, labels, conditions if acting else ()), "idle", site.span, labels)
            return
        if acting:
            self.tell(NoLivePath(site.span, acting, conditions), "idle", site.span, acting)
        constant = len(lifeless) == len(wrt) and not acting
        if constant and without and site.inside.name not in self.nested:
            self.tell(NoLivePath(site.span, without), "idle", site.span, without)
        elif without or constant:
            labels = without or tuple(label for label, _ in lifeless)
            self.tell(NoInfluence(site.span, labels), "zero", site.span, labels)

    def boundaries(self, site: _Site, wrt: list[tuple[str, Dep]]) -> None:
        """Warnings of jumps that the derivative does not see."""
        jumps: dict[int, list[str]] = {}
        for label, d in wrt:
            if d.live:
                for at in self._jumps(d):
                    jumps.setdefault(at.number, []).append(label)
        # the same comparison may be known as more than one kind of boundary: the most telling one is told
        order = {"draw": 0, "equality": 1}
        for number in sorted(jumps, key=lambda n: (order.get(self.summaries.sites.all[n].kind, 2), n)):
            at, labels = self.summaries.sites.all[number], tuple(jumps[number])
            if at.span in self._jumps_seen:
                continue
            self._jumps_seen.add(at.span)
            match at.kind:
                case "draw":
                    self.found.append(RandomBoundary(at.span, labels, site.span))
                case "equality":
                    self.found.append(EqualityBoundary(at.span, labels, site.span))
                case _:
                    self.found.append(MayJump(at.span, labels, site.span, at.kind == "derivative"))

    def _jumps(self, d: Dep) -> list[Site]:
        sites = self.summaries.sites
        return [s for s in sites.among(d.marks & sites.jumps) if s.kind != "self"]


def _derives(fn: Fn) -> Iterator[Derive]:
    for let in lets_of(fn.body):
        if isinstance(let.value, Derive):
            yield let.value


def _reached(program: Program, roots: Iterable[str]) -> set[str]:
    """All functions that `roots` call, themselves included."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += calls(program.fns[name].body)
    return seen
