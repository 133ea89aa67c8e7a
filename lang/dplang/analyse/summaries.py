"""Summaries of functions: how each result leaf depends on each parameter leaf. Abstract interpretation of the core.

Made on demand, callees first; a cycle of calls is iterated to its least fixed point, and so is every loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
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
    EnumType,
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
from ..primitives.table import Mode
from .conditions import SMOOTH_WHERE
from .continuity import Definitions, Joined, meeting
from .dependence import (
    DRAWS,
    EMPTY,
    INTENDED_BIT,
    NONE,
    SELF,
    Dep,
    SiteKind,
    Sites,
    State,
    Trail,
    Types,
    discrete_slot,
    join,
    join_all,
    same,
    tangent_slot,
)
from .domains import Domains
from .graph import components
from .transfer import (
    Use,
    bound,
    control,
    counted,
    marked,
    part,
    severed,
    stopped,
    through,
    through_discrete,
    used,
)

Summary = tuple[State, ...]
"""For each result of a function, its state over the slots of the parameters."""

COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
GUARDS = {"isnan", "isinf", "isfinite"}


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
                made = self._promised(fn, self._with_rule(fn, flow.summary()))
                if recursive and not all(map(same, made, self._known[fn.name])):
                    settled = False
                self._known[fn.name] = made

    def _promised(self, fn: Fn, summary: Summary) -> Summary:
        """Contracts of the library are believed (its tests hold them), where no proof of ours reaches."""
        if not fn.contract or not fn.span.source.library:
            return summary
        site = 1 << self.sites.number("row", fn.label, fn.span, "C1" if fn.contract == "smooth" else "kinked")
        worse = self.sites.jumps | (self.sites.kinks if fn.contract == "smooth" else 0)
        return tuple(
            {slot: d._replace(marks=d.marks & ~worse | site) if d.marks & worse else d for slot, d in state.items()}
            for state in summary
        )

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
        self._meeting: dict[tuple[int, int, int], Joined | None] = {}
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
                self.env[var.name] = bound(state, let.span) if state else state
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
                return (join(part(self.state(x), t, self.types), self.used(path_operands(path), t, "index", let.span)),)
            case Update(_, x, path, v):
                used = self.used(path_operands(path), let.names[0].type, "index", let.span)
                return (join(join(self.state(x), self.state(v)), used),)
            case Make(args) | Variant(_, _, args):
                return (join_all(map(self.state, args)),)
            case Fill(shape, v):
                return (join(self.state(v), self.used(shape, let.names[0].type, "size", let.span)),)
            case Dim(x, axis):
                fixed = isinstance(x, Var) and isinstance(x.type, ArrayType) and x.type.dims[axis] is not None
                return (EMPTY if fixed else control(self.state(x), self.sites),)
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
                return (stopped(self.state(x), self.sites),)
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
                    state = severed(state, self.sites.number("row", op, let.span, "severed"), let.span)
                elif mode != "smooth" and not (mode == "jump" and self.keeps_off(op, let.span)):
                    state = marked(state, 1 << self.sites.number("row", op, let.span, mode))
                made = join(made, state)
            return made
        site = -1
        for a in args:
            state = self.state(a)
            if state and self.types.tangent(a.type):
                if site < 0:
                    # a guard against what is no number is no boundary between numbers
                    boundary: Mode = "smooth" if op in GUARDS else "severed"
                    site = self.sites.number(self._kind(op, args), op, let.span, boundary)
                state = counted(state, site, let.span)
            made = join(made, state)
        return made

    def keeps_off(self, op: str, span: Span) -> bool:
        """Whether a primitive that jumps provably does not, where it stands."""
        return op in SMOOTH_WHERE and self.domains.smooth((op, span))

    @cached_property
    def domains(self) -> Domains:
        return Domains(self.summaries.program, self.fn)

    def _kind(self, op: str, args: Sequence[Operand]) -> SiteKind:
        """Which sort of boundary a comparison is."""
        if op in ("==", "!="):
            return "equality"
        if (op in COMPARISONS or op == "int") and any(DRAWS in self.state(a) for a in args):
            return "draw"
        return "row"

    def used(self, args: Iterable[Operand], t: Type, how: Use, span: Span) -> State:
        """What discrete operands do to a value of type `t` that they select, shape or become."""
        made = EMPTY
        for a in args:
            state = self.state(a)
            if state:
                made = join(made, used(state, t, how, span, self.types))
        return made

    # ---- control

    def branch(self, node: If, let: Let) -> list[State]:
        cond = self.state(node.cond)
        choice = control(cond, self.sites)
        then, orelse = self.block(node.then), self.block(node.orelse)
        made = []
        for var, a, b, x, y in zip(let.names, then, orelse, node.then.results, node.orelse.results, strict=True):
            if x == y:
                made.append(join(a, b))
            elif var.type == BOOL and (isinstance(x, Lit) or isinstance(y, Lit)):
                made.append(join(join(a, b), cond))  # `and`, `or`: computed from the condition, not chosen by it
            else:
                made.append(join(join(a, b), self.crossed(node, len(made), var.type, choice)))
        return made

    def crossed(self, node: If, k: int, t: Type, choice: State) -> State:
        """What the condition does to result `k`: less where both sides are proved to meet at the boundary."""
        if not choice or not self.types.tangent(t) or isinstance(t, EnumType):
            return choice
        proved = {}
        for let in self.definitions.comparisons(node.cond):
            key = id(node), k, id(let)
            if key not in self._meeting:
                self._meeting[key] = meeting(self.definitions, node, k, let)
            how, value = self._meeting[key], let.value
            if how is not None and isinstance(value, Prim) and self._kind(value.op, value.args) == "row":
                site = self.sites.number("row", value.op, let.span, "severed")
                proved[site] = self.sites.number("row", value.op, let.span, how)
        return control(self.state(node.cond), self.sites, proved) if proved else choice

    @cached_property
    def definitions(self) -> Definitions:
        return Definitions(self.summaries.program, self.fn)

    def match(self, node: Match) -> list[State]:
        state = self.state(node.x)
        choice = control(state, self.sites) if len(node.arms) > 1 else EMPTY
        sides = []
        for arm in node.arms:
            for p in arm.params:
                self.env[p.name] = part(state, p.type, self.types)
            sides.append(self.block(arm.body))
        made = []
        for k, states in enumerate(zip(*sides, strict=True)):
            differ = any(arm.body.results[k] != node.arms[0].body.results[k] for arm in node.arms)
            made.append(join(join_all(states), choice if differ else EMPTY))
        return made

    # ---- loops

    def loop(self, node: Loop, let: Let) -> list[State]:
        low, high = self.state(node.low), self.state(node.high)
        self.env[node.index.name] = low
        trips = join(low, high)
        turns = control(trips, self.sites)
        states, outs = self.settle(node, node.results, node.body)
        made = []
        for k, (r, var) in enumerate(zip(node.results, let.names, strict=True)):
            match r:
                case Carry(param):
                    kept = node.body.results[k] == param
                    made.append(states[k] if kept else join(states[k], turns))
                case Build():
                    made.append(join(outs[k], used(trips, var.type, "size", let.span, self.types)))
                case Reduce(op):
                    made.append(join(self.reduced(op, outs[k], node.body.results[k], let.span), turns))
                case _:
                    assert_never(r)
        return made

    def repeat(self, node: While) -> list[State]:
        self.env[node.index.name] = EMPTY
        states, outs = self.settle(node, node.results, node.body, node.cond)
        turns = control(self.state(node.cond.results[0]), self.sites)
        made = []
        for k, r in enumerate(node.results):
            if isinstance(r, Carry):
                made.append(states[k] if node.body.results[k] == r.param else join(states[k], turns))
            else:
                made.append(join(outs[k], turns))
        return [*made, turns]

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
            return marked(state, 1 << self.sites.number("row", op, span, "kinked"))
        if op in ("argmin", "argmax"):
            return counted(state, self.sites.number("row", op, span, "severed"), span)
        return state

    # ---- calls and derivatives

    def called(self, effect: State, fn: str, args: Sequence[Operand], let: Let) -> State:
        """One result of a call: the callee's state over its parameters, with the arguments' states for them."""
        made: State = {DRAWS: effect[DRAWS]} if DRAWS in effect else EMPTY
        label = self.summaries.program.fns[fn].label
        for slot, e in effect.items():
            state = self.state(args[slot // 2]) if slot >= 0 else EMPTY
            if state:
                if slot % 2:
                    passed = through_discrete(state, e, let.span, label, self.sites)
                else:
                    passed = through(state, e, let.span, label)
                made = join(made, passed)
        return made

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
        return [*made, *(part(state, v.type, self.types) for v in let.names[primal:])]
