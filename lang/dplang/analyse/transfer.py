"""What single constructs do to the states of their operands: the steps of the first judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ..core.ir import Type
from ..errors.source import Span
from .dependence import (
    INTENDED_BIT,
    NONE,
    NOTHING,
    SELF,
    SELF_BIT,
    Cuts,
    Dep,
    Sites,
    State,
    Trail,
    Types,
    bits,
    join_cuts,
)

NOT_PROVED: Mapping[int, int] = {}


def marked(state: State, bit: int) -> State:
    """A Float computed from another by a construct that is not smooth: `abs`."""
    return {slot: Dep(d.live, d.marks | bit, d.cut, d.value) if d.live else d for slot, d in state.items()}


def severed(state: State, site: int, span: Span) -> State:
    """A Float that hides its argument from derivatives: `floor`."""
    made = {}
    for slot, d in state.items():
        cut = d.cut
        if d.live:
            cut = {site: Trail("sever", span, "", d.live, None, site), **cut}
        made[slot] = Dep(None, d.marks, cut, NONE)
    return made


def counted(state: State, site: int, span: Span) -> State:
    """A discrete value computed from one that has a tangent: a comparison, `int`, `argmax`."""
    made = {}
    for slot, d in state.items():
        value = join_cuts(d.value, d.cut)
        if d.live:
            value = {site: Trail("sever", span, "", d.live, None, site), **value}
        made[slot] = Dep(None, d.marks, NONE, value)
    return made


Use = Literal["index", "size", "float"]


def used(state: State, t: Type, how: Use, span: Span, types: Types) -> State:
    """What a discrete operand does to a value of type `t` that it selects, shapes or becomes."""
    made = {}
    tangent, discrete = types.tangent(t), types.discrete(t)
    for slot, d in state.items():
        if not d.value:
            made[slot] = d
            continue
        cut = {s: Trail(how, span, "", trail) for s, trail in d.value.items()}
        made[slot] = Dep(None, d.marks, cut if tangent else NONE, cut if discrete else NONE)
    return made


def part(state: State, t: Type, types: Types) -> State:
    """What a part of type `t` has of the state of the whole (an enum's payload)."""
    tangent, discrete = types.tangent(t), types.discrete(t)
    if tangent and discrete:
        return state
    made = {}
    for slot, d in state.items():
        if tangent and d.value:
            d = Dep(d.live, d.marks, d.cut, NONE)
        elif discrete and (d.live or d.cut):
            d = Dep(None, d.marks, NONE, d.value)
        if d != NOTHING:
            made[slot] = d
    return made


def stopped(state: State, sites: Sites) -> State:
    """`stop(e)`: what was cut off stays a boundary where the value jumps, and is acknowledged.

    What a draw decides has no boundary at all, only a probability, and who stops it accounts for that otherwise.
    """
    return {
        slot: Dep(None, (d.marks | bits(d.cut) | bits(d.value)) & ~sites.draws | INTENDED_BIT, NONE, NONE)
        for slot, d in state.items()
    }


def control(state: State, sites: Sites, proved: Mapping[int, int] = NOT_PROVED) -> State:
    """What a condition, tag or trip count with this state does to results that differ because of it.

    `proved`: for sites whose boundaries are crossed continuously, the sites that stand for them then.
    """
    made = {}
    for slot, d in state.items():
        met = bits(d.value)
        for site, instead in proved.items():
            if site in d.value:
                met = met & ~(1 << site) | 1 << instead
        marks = d.marks & (sites.jumps | INTENDED_BIT) | met
        if marks:
            made[slot] = Dep(None, marks, NONE, NONE)
    return made


def through(state: State, e: Dep, span: Span, label: str) -> State:
    """The tangent part of an argument through a callee that does `e` to it."""
    made = {}
    for slot, d in state.items():
        live, marks, cut, value = None, d.marks, NONE, NONE
        if d.live:
            live = Trail("call", span, label, d.live, e.live) if e.live else None
            marks |= e.marks
            cut = _into(e.cut, d.live, span, label)
            value = _into(e.value, d.live, span, label)
        if d.cut:
            marks |= e.marks
            inner = e.live or next(iter(e.cut.values()), None)
            if inner:
                cut = join_cuts(cut, _past(d.cut, inner, span, label))
            if e.value:
                value = join_cuts(value, _past(d.cut, next(iter(e.value.values())), span, label))
        made[slot] = Dep(live, marks, cut, value)
    return {slot: d for slot, d in made.items() if d != NOTHING}


def through_discrete(state: State, e: Dep, span: Span, label: str, sites: Sites) -> State:
    """The discrete part of an argument through a callee that does `e` to it."""
    made = {}
    for slot, d in state.items():
        marks = d.marks & (sites.jumps | INTENDED_BIT)
        cut, value = NONE, NONE
        if d.value:
            marks |= e.marks & ~SELF_BIT
            if e.marks & SELF_BIT:
                marks |= bits(d.value)
            if SELF in e.cut:
                cut = _past(d.value, e.cut[SELF], span, label)
            if SELF in e.value:
                value = _past(d.value, e.value[SELF], span, label)
        made[slot] = Dep(None, marks, cut, value)
    return {slot: d for slot, d in made.items() if d != NOTHING}


def _into(cuts: Cuts, before: Trail, span: Span, label: str) -> Cuts:
    """Cuts inside a callee, reached by the path `before`."""
    return {site: Trail("call", span, label, before, inner) for site, inner in cuts.items()} if cuts else NONE


def _past(cuts: Cuts, inner: Trail, span: Span, label: str) -> Cuts:
    """Cuts before a call, carried on by the path `inner` through the callee."""
    return {site: Trail("call", span, label, before, inner) for site, before in cuts.items()}


def bound(state: State, span: Span) -> State:
    """`state` with a step through the expression at `span` in its paths."""
    made = {}
    for slot, d in state.items():
        live = _step(d.live, span) if d.live else None
        cut = {s: _step(t, span) for s, t in d.cut.items()} if d.cut else NONE
        value = {s: _step(t, span) for s, t in d.value.items()} if d.value else NONE
        made[slot] = Dep(live, d.marks, cut, value)
    return made


def _step(trail: Trail, span: Span) -> Trail:
    return trail if trail.span is span else Trail("bind", span, "", trail)
