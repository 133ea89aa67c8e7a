"""The contracts `smooth fn` and `lipschitz fn`: proved from the summary and the intervals of arguments, or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.ir import Fn, Program
from ..errors.diagnostic import Diagnostic, Note
from ..errors.differentiation import BrokenContract, why
from ..errors.source import Span
from ..primitives.table import ARGUMENTS
from .dependence import Dep, Site, tangent_slot
from .domains import Domains, Gap
from .summaries import Summaries


def contract(program: Program, summaries: Summaries, fn: Fn) -> list[Diagnostic]:
    """What speaks against the contract that a function makes."""
    domains = Domains(program, fn)
    reasons = list(dict.fromkeys([*_rough(summaries, fn, domains), *map(_leaves, domains.gaps.values())]))
    if not reasons:
        return []
    text = fn.span.text
    head = Span(fn.span.source, fn.span.start, fn.span.start + len(re.split(r"[(\[{\n]", text)[0]))
    return [BrokenContract(head, fn.label, fn.contract, tuple(reasons))]


def _rough(summaries: Summaries, fn: Fn, domains: Domains) -> Iterator[Note]:
    """The sites that are less than the contract promises."""
    found = list(_dependences(summaries, fn))  # meets the sites
    sites = summaries.sites
    bad = sites.jumps | (sites.kinks if fn.contract == "smooth" else 0)
    for label, d in found:
        for number in d.cut:
            at = sites.all[number]
            yield Note(f"`{label}` is cut off: {why(at.op)}", at.span)
        for at in sites.among(d.marks & bad):
            if at.kind == "row" and domains.smooth((at.op, at.span)):
                continue
            yield Note(_roughness(at, label), at.span)


def _dependences(summaries: Summaries, fn: Fn) -> Iterator[tuple[str, Dep]]:
    for state, t in zip(summaries.of(fn.name), fn.result_types, strict=True):
        if summaries.types.tangent(t):
            for i, p in enumerate(fn.params):
                if tangent_slot(i) in state:
                    yield p.label, state[tangent_slot(i)]


def _roughness(at: Site, label: str) -> str:
    if at.kind == "derivative":
        return f"the derivative of `{at.op}` is not as smooth in `{label}`"
    if at.mode == "kinked":
        return f"`{at.op}` has a kink, and nothing shows that `{label}` keeps off it"
    return f"the result may jump in `{label}` here"


def _leaves(gap: Gap) -> Note:
    known = ", ".join(f"{name} in {a}" for name, a in zip(ARGUMENTS, gap.args, strict=False))
    text = gap.span.text.split("\n")[0]
    return Note(f"`{text}` has a derivative only where {gap.need}; all that is known is {known}", gap.span)
