"""Summaries of functions: how each result leaf depends on each parameter leaf. Abstract interpretation of the core.

Made on demand, callees first; a cycle of calls is iterated to its least fixed point, and so is every loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from ..core.ir import (
    BOOL,
    ArrayType,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Derive,
    Dim,
    Fill,
    Fn,
    Get,
    If,
    Io,
    Let,
    Lit,
    Loop,
    Make,
    Match,
    Operand,
    Prim,
    Program,
    Reduce,
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    While,
)
from ..core.rewrite import calls, path_operands
from ..errors.source import Span
from ..primitives import TABLE
from .dependence import (
    DRAWS,
    EMPTY,
    INTENDED_BIT,
    NONE,
    NOTHING,
    SELF,
    SELF_BIT,
    Cuts,
    Dep,
    SiteKind,
    Sites,
    State,
    Trail,
    Types,
    bits,
    discrete_slot,
    join,
    join_all,
    join_cuts,
    same,
    tangent_slot,
)
from .graph import components

Summary = tuple[State, ...]
"""For each result of a function, its state over the slots of the parameters."""

COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}


class Summaries:
    """The summaries of a program's functions, made when asked for."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.sites = Sites()
        self.types = Types(program.enums)
        self._known: dict[str, Summary] = {}

    def of(self, name: str) -> Summary:
        """The summary of a function; that of its rule where it has one."""
        known = self._known.get(name)
        if known is None:
            for group in components([name], self._callees):
                self._solve(group)
            known = self._known[name]
        return known

    def derived(self, state: State) -> State:
        """The state of a derivative of what has `state`."""
        return {
            slot: Dep(d.live, self.sites.derived(d.marks) | INTENDED_BIT, d.cut, d.value) for slot, d in state.items()
        }

    def _callees(self, name: str) -> list[str]:
        return [c for c in sorted(calls(self.program.fns[name].body)) if c not in self._known]

    def _solve(self, group: Sequence[str]) -> None:
        fns = [self.program.fns[name] for name in group]
        flows = [Flow(self, fn) for fn in fns]
        for fn in fns:
            self._known[fn.name] = (EMPTY,) * len(fn.result_types)
        recursive = len(group) > 1 or group[0] in calls(fns[0].body)
        settled = False
        while not settled:
            settled = True
            for fn, flow in zip(fns, flows, strict=True):
                made = self._with_rule(fn, flow.summary())
                if recursive and not all(map(same, made, self._known[fn.name])):
                    settled = False
                self._known[fn.name] = made

    def _with_rule(self, fn: Fn, body: Summary) -> Summary:
        """A custom rule says how tangents flow; what discrete parameters do is still the body's."""
        if fn.rule is None:
            return body
        smooth = {
            tangent_slot(i): Dep(Trail("input", p.span or fn.span, p.label, None), 0, NONE, NONE)
            for i, p in enumerate(fn.params)
            if self.types.tangent(p.var.type)
        }
        made = []
        for state, t in zip(body, fn.result_types, strict=True):
            if self.types.tangent(t):
                state = {**{slot: d for slot, d in state.items() if slot % 2}, **smooth}
            made.append(state)
        return tuple(made)


class Flow:
    """One function under abstract interpretation. `env` holds the state of every variable met so far.

    A variable whose type has no tangent never has a live or cut path; one that is all Float never has a discrete one.
    """

    def __init__(self, summaries: Summaries, fn: Fn) -> None:
        self.summaries = summaries
        self.sites = summaries.sites
        self.types = summaries.types
        self.fn = fn
        self.env: dict[str, State] = {}
        # where a loop's carried states ended when it was last reached: they only grow, so there is where to go on
        self._reached: dict[int, list[State]] = {}
        for i, p in enumerate(fn.params):
            self.env[p.var.name] = self._input(i, p.var.type, Trail("input", p.span or fn.span, p.label, None))

    def _input(self, i: int, t: Type, trail: Trail) -> State:
        state: State = {}
        if self.types.tangent(t):
            state[tangent_slot(i)] = Dep(trail, 0, NONE, NONE)
        if self.types.discrete(t):
            state[discrete_slot(i)] = Dep(None, 0, NONE, {SELF: trail})
        return state

    def summary(self) -> Summary:
        return tuple(self.block(self.fn.body))

    # ---- blocks

    def block(self, block: Block) -> list[State]:
        for let in block.lets:
            states = self.value(let)
            for var, state in zip(let.names, states, strict=True):
                self.env[var.name] = _bound(state, let.span, var) if state else state
        return [self.state(r) for r in block.results]

    def state(self, operand: Operand) -> State:
        return self.env.get(operand.name, EMPTY) if isinstance(operand, Var) else EMPTY

    def value(self, let: Let) -> Sequence[State]:
        """The states of the results of a Let."""
        value: Operand | Value = let.value
        match value:
            case Var() | Lit():
                return (self.state(value),)
            case Prim(op, args):
                return (self.prim(op, args, let),)
            case Get(x, path):
                t = let.names[0].type
                return (join(self.part(self.state(x), t), self.used(path_operands(path), t, "index", let.span)),)
            case Update(_, x, path, v):
                used = self.used(path_operands(path), let.names[0].type, "index", let.span)
                return (join(join(self.state(x), self.state(v)), used),)
            case Make(args) | Variant(_, _, args):
                return (join_all(map(self.state, args)),)
            case Fill(shape, v):
                return (join(self.state(v), self.used(shape, let.names[0].type, "size", let.span)),)
            case Dim(x, axis):
                fixed = isinstance(x, Var) and isinstance(x.type, ArrayType) and x.type.dims[axis] is not None
                return (EMPTY if fixed else self.control(self.state(x)),)
            case If():
                return self.branch(value, let)
            case Match():
                return self.match(value)
            case Loop():
                return self.loop(value, let)
            case While():
                return self.repeat(value)
            case Call(fn, args):
                summary = self.summaries.of(fn)
                return [self.called(s, fn, args, let) for s in summary]
            case Derive():
                return self.derive(value, let)
            case Stop(x):
                return (self.stopped(self.state(x)),)
            case Checkpoint(body):
                return self.block(body)
            case Check() | Io():
                return (EMPTY,) * len(let.names)
            case _:
                assert_never(value)

    # ---- primitives

    def prim(self, op: str, args: Sequence[Operand], let: Let) -> State:
        t = let.names[0].type
        if op.startswith("random."):
            made: State = {DRAWS: Dep(Trail("input", let.span, op, None), 0, NONE, NONE)}
        else:
            made = EMPTY
        if self.types.tangent(t):
            mode = TABLE[op].mode
            for a in args:
                state = self.state(a)
                if not state:
                    continue
                if self.types.discrete(a.type):
                    state = self.used((a,), t, "float", let.span)
                elif mode == "severed":
                    state = self.severed(state, self.sites.number("row", op, let.span, "severed"), let.span)
                elif mode != "smooth":
                    state = _marked(state, 1 << self.sites.number("row", op, let.span, mode))
                made = join(made, state)
            return made
        site = -1
        for a in args:
            state = self.state(a)
            if state and self.types.tangent(a.type):
                if site < 0:
                    site = self.sites.number(self._kind(op, args), op, let.span, "severed")
                state = self.counted(state, site, let.span)
            made = join(made, state)
        return made

    def _kind(self, op: str, args: Sequence[Operand]) -> SiteKind:
        """Which sort of boundary a comparison is."""
        if op in ("==", "!="):
            return "equality"
        if op in COMPARISONS:
            draws = [s[DRAWS] for s in map(self.state, args) if DRAWS in s]
            if any(d.live for d in draws):
                return "draw"
        return "row"

    def severed(self, state: State, site: int, span: Span) -> State:
        """A Float that hides its argument from derivatives: `floor`."""
        made = {}
        for slot, d in state.items():
            cut = d.cut
            if d.live:
                cut = {site: Trail("sever", span, "", d.live, None, site), **cut}
            made[slot] = Dep(None, d.marks, cut, NONE)
        return made

    def counted(self, state: State, site: int, span: Span) -> State:
        """A discrete value computed from one that has a tangent: a comparison, `int`, `argmax`."""
        made = {}
        for slot, d in state.items():
            value = join_cuts(d.value, d.cut)
            if d.live:
                value = {site: Trail("sever", span, "", d.live, None, site), **value}
            made[slot] = Dep(None, d.marks, NONE, value)
        return made

    def used(self, args: Iterable[Operand], t: Type, how: str, span: Span) -> State:
        """What discrete operands do to a value of type `t` that they select, shape or become."""
        made = EMPTY
        for a in args:
            state = self.state(a)
            if state:
                made = join(made, self._used(state, t, how, span))
        return made

    def _used(self, state: State, t: Type, how: str, span: Span) -> State:
        made = {}
        tangent, discrete = self.types.tangent(t), self.types.discrete(t)
        kind = {"index": "index", "size": "size"}.get(how, "float")
        for slot, d in state.items():
            if not d.value:
                made[slot] = d
                continue
            cut = {s: Trail(kind, span, "", trail) for s, trail in d.value.items()}  # type: ignore[arg-type]
            made[slot] = Dep(None, d.marks, cut if tangent else NONE, cut if discrete else NONE)
        return made

    def part(self, state: State, t: Type) -> State:
        """What a part of type `t` has of the state of the whole (an enum's payload)."""
        tangent, discrete = self.types.tangent(t), self.types.discrete(t)
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

    def stopped(self, state: State) -> State:
        """`stop(e)`: what was cut off stays a boundary where the value jumps, and is acknowledged."""
        return {
            slot: Dep(None, d.marks | bits(d.cut) | bits(d.value) | INTENDED_BIT, NONE, NONE)
            for slot, d in state.items()
        }

    # ---- control

    def control(self, state: State) -> State:
        """What a condition, tag or trip count with this state does to results that differ because of it.

        Here is where a proof that a boundary is crossed continuously would give a lesser mark than the site's own.
        """
        made = {}
        for slot, d in state.items():
            marks = d.marks & (self.sites.jumps | INTENDED_BIT) | bits(d.value)
            if marks:
                made[slot] = Dep(None, marks, NONE, NONE)
        return made

    def branch(self, node: If, let: Let) -> list[State]:
        cond = self.state(node.cond)
        control = self.control(cond)
        then, orelse = self.block(node.then), self.block(node.orelse)
        made = []
        for var, a, b, x, y in zip(let.names, then, orelse, node.then.results, node.orelse.results, strict=True):
            if x == y:
                made.append(join(a, b))
            elif var.type == BOOL and (isinstance(x, Lit) or isinstance(y, Lit)):
                made.append(join(join(a, b), cond))  # `and`, `or`: computed from the condition, not chosen by it
            else:
                made.append(join(join(a, b), control))
        return made

    def match(self, node: Match) -> list[State]:
        state = self.state(node.x)
        control = self.control(state) if len(node.arms) > 1 else EMPTY
        sides = []
        for arm in node.arms:
            for p in arm.params:
                self.env[p.name] = self.part(state, p.type)
            sides.append(self.block(arm.body))
        made = []
        for k, states in enumerate(zip(*sides, strict=True)):
            differ = any(arm.body.results[k] != node.arms[0].body.results[k] for arm in node.arms)
            made.append(join(join_all(states), control if differ else EMPTY))
        return made

    # ---- loops

    def loop(self, node: Loop, let: Let) -> list[State]:
        low, high = self.state(node.low), self.state(node.high)
        self.env[node.index.name] = low
        trips = join(low, high)
        control = self.control(trips)
        states, outs = self.settle(node, node.results, node.body)
        made = []
        for k, (r, var) in enumerate(zip(node.results, let.names, strict=True)):
            match r:
                case Carry(param):
                    kept = node.body.results[k] == param
                    made.append(states[k] if kept else join(states[k], control))
                case Build():
                    made.append(join(outs[k], self._used(trips, var.type, "size", let.span) if trips else EMPTY))
                case Reduce(op):
                    made.append(join(self.reduced(op, outs[k], node.body.results[k], let.span), control))
                case _:
                    assert_never(r)
        return made

    def repeat(self, node: While) -> list[State]:
        self.env[node.index.name] = EMPTY
        states, outs = self.settle(node, node.results, node.body, node.cond)
        control = self.control(self.state(node.cond.results[0]))
        made = []
        for k, r in enumerate(node.results):
            if isinstance(r, Carry):
                made.append(states[k] if node.body.results[k] == r.param else join(states[k], control))
            else:
                made.append(join(outs[k], control))
        return [*made, control]

    def settle(
        self, node: Loop | While, results: Sequence[Carry | Build | Reduce], body: Block, cond: Block | None = None
    ) -> tuple[list[State], list[State]]:
        """The least states of carried results that a turn of `body` does not change, and the body's results then."""
        states = [self.state(r.init) if isinstance(r, Carry) else EMPTY for r in results]
        if id(node) in self._reached:
            states = list(map(join, self._reached[id(node)], states))
        while True:
            for r, state in zip(results, states, strict=True):
                if isinstance(r, Carry):
                    self.env[r.param.name] = state
            if cond is not None:
                self.block(cond)
            outs = self.block(body)
            grown = [
                join(state, out) if isinstance(r, Carry) else state
                for r, state, out in zip(results, states, outs, strict=True)
            ]
            settled = all(map(same, grown, states))
            states = grown
            if settled:
                self._reached[id(node)] = states
                return states, outs

    def reduced(self, op: str, state: State, element: Operand, span: Span) -> State:
        if not state or not self.types.tangent(element.type):
            return state
        if op in ("min", "max"):
            return _marked(state, 1 << self.sites.number("row", op, span, "kinked"))
        if op in ("argmin", "argmax"):
            return self.counted(state, self.sites.number("row", op, span, "severed"), span)
        return state

    # ---- calls and derivatives

    def called(self, effect: State, fn: str, args: Sequence[Operand], let: Let) -> State:
        """One result of a call: the callee's state over its parameters, with the arguments' states for them."""
        made: State = {DRAWS: effect[DRAWS]} if DRAWS in effect else EMPTY
        label = self.summaries.program.fns[fn].label
        for slot, e in effect.items():
            state = self.state(args[slot // 2]) if slot >= 0 else EMPTY
            if state:
                through = self._through_discrete if slot % 2 else self._through
                made = join(made, through(state, e, let.span, label))
        return made

    def _through(self, state: State, e: Dep, span: Span, label: str) -> State:
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

    def _through_discrete(self, state: State, e: Dep, span: Span, label: str) -> State:
        made = {}
        for slot, d in state.items():
            marks = d.marks & (self.sites.jumps | INTENDED_BIT)
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

    def derive(self, node: Derive, let: Let) -> list[State]:
        """A derivative depends on what the function depends on, one degree less smoothly."""
        fn = self.summaries.program.fns[node.fn]
        summary = self.summaries.of(node.fn)
        primal = len(summary) if node.kind in ("value_and_grad", "jvp", "vjp") else 0
        made = [self.called(s, node.fn, node.args, let) for s in summary[:primal]]
        active = [s for s, t in zip(summary, fn.result_types, strict=True) if self.types.tangent(t)]
        tangent = self.summaries.derived(join_all(active))
        if node.kind in ("hvp", "hessian"):
            tangent = self.summaries.derived(tangent)
        state = join(self.called(tangent, node.fn, node.args, let), join_all(map(self.state, node.seeds)))
        return [*made, *(self.part(state, v.type) for v in let.names[primal:])]


def _marked(state: State, bit: int) -> State:
    return {slot: Dep(d.live, d.marks | bit, d.cut, d.value) if d.live else d for slot, d in state.items()}


def _into(cuts: Cuts, before: Trail, span: Span, label: str) -> Cuts:
    """Cuts inside a callee, reached by the path `before`."""
    return {site: Trail("call", span, label, before, inner) for site, inner in cuts.items()} if cuts else NONE


def _past(cuts: Cuts, inner: Trail, span: Span, label: str) -> Cuts:
    """Cuts before a call, carried on by the path `inner` through the callee."""
    return {site: Trail("call", span, label, before, inner) for site, before in cuts.items()}


def _bound(state: State, span: Span, var: Var) -> State:
    """`state` with a step to the variable in its paths, where it is one that the source names."""
    if var.name == "t" or var.name.startswith("t."):
        return state
    name = var.name.split(".")[0]
    made = {}
    for slot, d in state.items():
        live = Trail("bind", span, name, d.live) if d.live else None
        cut = {s: Trail("bind", span, name, t) for s, t in d.cut.items()} if d.cut else NONE
        value = {s: Trail("bind", span, name, t) for s, t in d.value.items()} if d.value else NONE
        made[slot] = Dep(live, d.marks, cut, value)
    return made


