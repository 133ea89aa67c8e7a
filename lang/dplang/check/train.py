"""`train p = init { .. }` as ordinary statements: a loop over the flat point and the optimiser's state.

What the loop does, with `?` for what stands only where a clause asks for it:

    let init = ..                                    # the parameter where training starts, as the program gives it
    let objective = p -> ..                          # the clause `minimize` or `maximize`
    let f = x -> objective(unflatten(x, init))       # the same of a flat, unconstrained point, to be made small
    var x = flatten(init); var s = optimiser.start(x)
    while not done {
      let (next, state, value) = if step < steps? { optimiser.step(f, x, s) } else { (x, s, f(x)) }
      if isfinite(value) {
        best = x; loss = value
        if step > 0 { every?; done = until? }
        if step >= steps? { done = true }
        if not done { history << value; x = next; s = state; step += 1 }
      } else { wrong = value; failed = true; done = true }
    }
    if failed { x = best }

So in `every` and `until` the parameter is the point after `step` steps, and `loss` is its objective. No derivative goes
through a training: what it captures, and the fit, are behind a `stop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core.ir import BOOL, FLOAT, INT
from ..core.sizes import Size, SizeVar
from ..core.types import UNIT as NOTHING
from ..core.types import Array, Enum, FnType, Meta, Struct, Tuple, Type, TypeVar, Wrong, show
from ..errors import training as faults
from ..errors import types as type_faults
from ..errors.diagnostic import Fault, NotBuilt, Note
from ..errors.source import Span
from ..syntax import tree
from . import typed
from .context import Context, Frame, bind
from .free import free_names
from .functions import lambda_body
from .lift import coerce
from .names import Scope, StructName, Value, public
from .native import fit
from .sizing import forget
from .unify import data_fault
from .vectors import fields, has_tangent

POINT, STATE, OPTIMISER, FUNCTION = "%x", "%s", "%optimiser", "%f"
LATER = ("residuals", "epochs", "validate", "clip")


@dataclass(slots=True)
class Clauses:
    """The clauses of one `train`, each by itself."""

    objective: tree.Clause
    using: tree.Clause | None = None
    steps: tree.Clause | None = None
    until: tree.Clause | None = None
    every: list[tree.EveryClause] = field(default_factory=list)

    @property
    def maximize(self) -> bool:
        return self.objective.word == "maximize"


def sort_clauses(cx: Context, e: tree.Train) -> Clauses | None:
    """The clauses by what they say; reported (None) where one is missing, doubled or not built yet."""
    found: dict[str, tree.Clause] = {}
    every: list[tree.EveryClause] = []
    sound = True
    for clause in e.clauses:
        word = _later(clause)
        if word:
            cx.report(NotBuilt(clause.span, f"the clause `{word}` of `train`"))
            sound = False
        elif isinstance(clause, tree.EveryClause):
            every.append(clause)
        elif isinstance(clause, tree.Clause):
            key = "minimize" if clause.word == "maximize" else clause.word
            if key in found:
                first = found[key]
                cx.report(faults.ClauseTwice(_word(clause), clause.word, _word(first), first.word))
                sound = False
            found.setdefault(key, clause)
    if sound and "minimize" not in found:
        cx.report(faults.NoObjective(_head(e)))
        sound = False
    if sound and "steps" not in found and "until" not in found:
        cx.report(faults.NoEnd(_head(e)))
        sound = False
    if not sound:
        return None
    return Clauses(found["minimize"], found.get("using"), found.get("steps"), found.get("until"), every)


def _later(clause: tree.TrainClause) -> str:
    match clause:
        case tree.RestartsClause():
            return "restarts"
        case tree.BatchClause():
            return "batch"
        case tree.SaveClause():
            return "save"
        case tree.Clause(_, word) if word in LATER:
            return word
        case _:
            return ""


def _word(clause: tree.Clause) -> Span:
    return Span(clause.span.source, clause.span.start, clause.span.start + len(clause.word))


def _head(e: tree.Train) -> Span:
    """`train p = init`, without the clauses."""
    return Span(e.span.source, e.span.start, e.subject.span.end)


def infer_train(cx: Context, e: tree.Train, expected: Type | None) -> typed.Expr:
    """`train` as an expression of type `Fit[P]`."""
    clauses = sort_clauses(cx, e)
    inner = cx.inner()
    subject = _subject(inner, e)
    if clauses is None or subject is None:
        return cx.wrong(e.span)
    init, name = subject
    if e.name is None and isinstance(init.type, Struct) and not fields(init.type):
        return _finished(inner, e, clauses, init, name)
    return _Training(inner, e, clauses, init, name).build()


def _finished(cx: Context, e: tree.Train, clauses: Clauses, init: typed.Expr, name: str) -> typed.Expr:
    """The fit of a sketch without holes: there is nothing to learn, and what it says is its objective."""
    from .expressions import check

    variable = cx.variable(name, e.subject.span, init.type)
    loss = check(cx, clauses.objective.value, FLOAT)
    if isinstance(cx.solve(loss.type), Wrong):
        return cx.wrong(e.span)
    t = fit(init.type)
    history = typed.MakeArray(Array(FLOAT, (Size.of(0),)), e.span, ())
    rest = (typed.Lit(INT, e.span, 0), typed.Lit(BOOL, e.span, True))
    parameter = typed.Local(init.type, e.span, variable.symbol)
    made = typed.Make(t, e.span, (parameter, loss, history, *rest))
    return typed.Block(t, e.span, (bind(variable.symbol, init.type, init),), made)


def _subject(cx: Context, e: tree.Train) -> tuple[typed.Expr, str] | None:
    """Where training starts, and the name under which the clauses see the parameter."""
    from .expressions import infer
    from .sketches import parameter_name, start_of, trained

    if e.name is not None:
        init, name = infer(cx, e.subject), e.name.name
    else:
        sketch = trained(cx, e.subject)
        if sketch is None:
            return None
        start = start_of(cx, sketch, e.subject.span)
        if start is None:
            return None
        init, name = start, parameter_name(sketch)
    t = cx.solve(init.type)
    if isinstance(t, Wrong):
        return None
    if e.name is None and isinstance(t, Struct) and not fields(t):
        return init, name
    if not has_tangent(t):
        cx.report(faults.NothingToTrain(e.subject.span, show(t)))
        return None
    part = _untrainable(t)
    if part is not None:
        cx.report(NotBuilt(e.subject.span, f"training what holds a value of type {show(part)}"))
        return None
    return init, name


def _untrainable(t: Type, seen: frozenset[object] = frozenset()) -> Type | None:
    """A part with a tangent whose scalars cannot be told one by one: an enum's, or that of an open type variable."""
    match t:
        case Array(elem):
            return _untrainable(elem, seen)
        case Tuple(parts):
            return next((p for p in (_untrainable(q, seen) for q in parts) if p is not None), None)
        case Struct(decl) if decl not in seen:
            inner = seen | {decl}
            return next((p for p in (_untrainable(f, inner) for f in fields(t)) if p is not None), None)
        case Enum():
            return t if has_tangent(t) else None
        case TypeVar(bound=bound):
            return None if bound in ("Vector", "Number") else t
        case _:
            return None


class _Training:
    """The statements of one training, as they are written."""

    def __init__(self, cx: Context, e: tree.Train, clauses: Clauses, init: typed.Expr, name: str) -> None:
        self.cx = cx
        self.e = e
        self.clauses = clauses
        self.name = name
        self.span = _head(e)
        self.parameter = cx.solve(init.type)
        self.sound = True
        self.stmts: list[typed.Stmt] = []
        seen = [clauses.objective, clauses.using, clauses.until, *clauses.every]
        self.capture(cx, [c for c in seen if c is not None], mutable=False)
        self.init = self.let("init", typed.Stop(init.type, init.span, init))
        var = cx.fresh_size("parameters", self.span, "the number of trained scalars is known only at run time")
        self.flat = Array(FLOAT, (Size.of(var),))
        start = typed.Flatten(self.flat, self.span, self.init)
        self.start = self.let("start", start, (var,))

    def capture(self, cx: Context, clauses: Sequence[tree.Node], mutable: bool) -> None:
        """Puts the variables around that the clauses read, and that have a tangent, behind a `stop`.

        A `var` is what it is when training starts, in the objective only: `every` may assign it.
        """
        for name, span in dict(n for c in clauses for n in free_names(c)).items():
            value = cx.scope.find(name)
            if not isinstance(value, Value) or value.symbol.top or value.symbol.mutable != mutable:
                continue
            t = self.cx.solve(value.type)
            if not isinstance(t, Meta | Wrong) and has_tangent(t):
                stopped = self.let(name, typed.Stop(t, span, typed.Local(t, span, value.symbol)))
                assert isinstance(stopped, typed.Local)
                cx.define(name, Value(stopped.symbol, t, effects=value.effects))

    # ---- writing

    def let(self, hint: str, value: typed.Expr, fresh: tuple[SizeVar, ...] = ()) -> typed.Expr:
        """Binds a value for good."""
        symbol = typed.Symbol(hint, self.span)
        self.stmts.append(bind(symbol, value.type, value, fresh))
        return typed.Local(value.type, self.span, symbol)

    def var(self, name: str, t: Type, value: typed.Expr) -> typed.Local:
        symbol = typed.Symbol(name, self.span, mutable=True)
        self.stmts.append(typed.Var(symbol, value, (), self.span))
        return typed.Local(t, self.span, symbol)

    def set(self, target: typed.Local, value: typed.Expr, push: bool = False) -> typed.Stmt:
        return typed.Assign(target.symbol, (), value, False, push, (), self.span)

    def prim(self, op: str, t: Type, *args: typed.Expr) -> typed.Expr:
        return typed.Prim(t, self.span, op, args)

    def when(self, condition: typed.Expr, *then: typed.Stmt, orelse: tuple[typed.Stmt, ...] = ()) -> typed.Stmt:
        other = self.block(*orelse) if orelse else None
        return typed.Do(typed.If(NOTHING, self.span, condition, self.block(*then), other), self.span)

    def block(self, *stmts: typed.Stmt) -> typed.Block:
        return typed.Block(NOTHING, self.span, stmts, None)

    def int(self, value: int) -> typed.Expr:
        return typed.Lit(INT, self.span, value)

    def bool(self, value: bool) -> typed.Expr:
        return typed.Lit(BOOL, self.span, value)

    def tell(self, row: str, *args: typed.Expr, names: tuple[str | None, ...] = ()) -> typed.Stmt:
        """A row of progress: it makes no function io."""
        return typed.Do(typed.Io(NOTHING, self.span, row, args, names or (None,) * len(args)), self.span)

    def point(self, flat: typed.Expr) -> typed.Expr:
        """The parameter at a flat point."""
        return typed.Unflatten(self.parameter, self.span, flat, self.init)

    # ---- parts

    def build(self) -> typed.Expr:
        limit = self.number(self.clauses.steps.value) if self.clauses.steps is not None else None
        periods = [self.number(c.period) for c in self.clauses.every]
        self.functions()
        state = self.optimiser()
        if state is None or not self.sound:
            self.observers(periods, None)
            return self.cx.wrong(self.e.span)
        made = self.loop(state, limit, periods)
        return made if self.sound else self.cx.wrong(self.e.span)

    def number(self, e: tree.Expr) -> typed.Expr:
        """An Int that is evaluated once, before the loop."""
        from .expressions import check

        return self.let("count", self.good(check(self.cx, e, INT)))

    def good(self, e: typed.Expr) -> typed.Expr:
        self.sound = self.sound and not isinstance(self.cx.solve(e.type), Wrong)
        return e

    def functions(self) -> None:
        """The objective of the parameter, that of a flat point, and the demand that every leaf matters."""
        cx, e = self.cx, self.clauses.objective.value
        inner = cx.inner("lambda")
        self.capture(inner, [e], mutable=True)
        parameter = self.bind_parameter(inner)
        outer = cx.body.frame
        cx.body.frame = Frame(FLOAT, closed="the objective of a `train`")
        try:
            value = self.good(coerce(inner, lambda_body(inner, e, FLOAT), FLOAT))
        finally:
            cx.body.frame = outer
        kind = FnType((self.parameter,), FLOAT)
        objective = self.let("objective", typed.Lambda(kind, e.span, (parameter.symbol,), (self.parameter,), value))
        self.stmts.append(typed.Do(typed.Demand(NOTHING, e.span, objective, self.init), e.span))
        x = typed.Symbol("x", e.span)
        here = typed.Local(self.flat, e.span, x)
        loss: typed.Expr = typed.Apply(FLOAT, e.span, objective, (self.point(here),))
        if self.clauses.maximize:
            loss = typed.Prim(FLOAT, e.span, "neg", (loss,))
        f = FnType((self.flat,), FLOAT)
        self.f = self.let("f", typed.Lambda(f, e.span, (x,), (self.flat,), loss))

    def bind_parameter(self, cx: Context) -> Value:
        """The parameter in the scope of `cx`: a sketch's has a hidden name there, and its sketch's in messages."""
        name = self.e.name
        symbol = typed.Symbol(self.e.subject.span.text if name is None else name.name, (name or self.e.subject).span)
        value = Value(symbol, self.parameter)
        cx.define(self.name, value)
        return value

    def optimiser(self) -> Type | None:
        """Binds the optimiser and its first state; gives the type of the state, or None where there is no optimiser."""
        from .expressions import infer

        cx = self.cx
        using = self.clauses.using
        span = using.value.span if using is not None else self.span
        default = tree.Call(span, tree.Name(span, "adam"), ())
        value = infer(cx.at(_with_library(cx, span)), using.value if using is not None else default)
        t = cx.solve(value.type)
        if isinstance(t, Wrong):
            return None
        methods = t.decl.info.methods if isinstance(t, Struct) and isinstance(t.decl.info, StructName) else None
        if methods is None or not {"start", "step"} <= methods.keys():
            missing = "" if methods is None else "step" if "start" in methods else "start"
            cx.report(faults.NotAnOptimiser(span, show(t), missing))
            return None
        self.hidden(OPTIMISER, self.let("optimiser", value))
        self.hidden(POINT, self.start)
        self.hidden(FUNCTION, self.f)
        state = self.let("state", infer(cx, _method(span, "start", POINT)))
        kind = cx.solve(state.type)
        if isinstance(kind, Wrong):
            return None
        inner = data_fault(kind)
        if inner is not None:
            cx.report(type_faults.FunctionAsData(span, show(inner), "the state of an optimiser"))
            return None
        self.first_state = state
        self.using = span
        return kind

    def hidden(self, name: str, value: typed.Expr) -> None:
        """Makes a value known to the checker under a name that no program can write."""
        assert isinstance(value, typed.Local)
        self.cx.define(name, Value(value.symbol, value.type))

    def loop(self, state_type: Type, limit: typed.Expr | None, periods: list[typed.Expr]) -> typed.Expr:
        """The loop and what it leaves."""
        x, s = self.var("x", self.flat, self.start), self.var("s", state_type, self.first_state)
        best = self.var("best", self.flat, self.start)
        loss_unknown = typed.Lit(FLOAT, self.span, float("nan"))
        loss = self.var("loss", FLOAT, loss_unknown)
        step, done = self.var("step", INT, self.int(0)), self.var("done", BOOL, self.bool(False))
        converged = self.var("converged", BOOL, self.bool(False))
        failed, wrong = self.var("failed", BOOL, self.bool(False)), self.var("wrong", FLOAT, loss_unknown)
        empty = typed.MakeArray(Array(FLOAT, (Size.of(0),)), self.span, ())
        losses = Array(FLOAT, (Size.of(SizeVar("?")),))
        history = self.var("history", losses, forget(self.cx, empty, "len(history)"))
        self.stmts.append(self.tell("progress.begin", limit if limit is not None else self.int(0)))

        lets, (following, state, value) = self.turn(x, s, state_type, step, limit)
        seen = self.observers(periods, _Moment(x, step, loss))
        until, watch = seen
        after = [self.tell("progress.step", step, loss), *watch]
        if until is not None:
            after += [self.set(converged, until), self.set(done, converged)]
        body = [self.set(best, x), self.set(loss, value), self.when(self.prim(">", BOOL, step, self.int(0)), *after)]
        if limit is not None:
            body.append(self.when(self.prim(">=", BOOL, step, limit), self.set(done, self.bool(True))))
        go_on = (
            self.set(history, value, push=True),
            self.set(x, following),
            self.set(s, state),
            self.set(step, self.prim("+", INT, step, self.int(1))),
        )
        body.append(self.when(self.prim("not", BOOL, done), *go_on))
        # the loop itself tells nothing but how far it is, so that it may run as a kernel
        first = self.prim("==", BOOL, step, self.int(0))
        stop = (
            self.when(first, self.set(loss, value)),
            self.set(wrong, value),
            self.set(failed, self.bool(True)),
            self.set(done, self.bool(True)),
        )
        turn = self.block(*lets, self.when(self.prim("isfinite", BOOL, value), *body, orelse=stop))
        self.stmts.append(typed.While(self.prim("not", BOOL, done), turn, self.span))
        name = self.e.name.name if self.e.name is not None else None
        points = (self.point(x), self.point(best))
        told = self.tell("progress.failed", step, wrong, *points, names=(None, None, name, name))
        self.stmts.append(self.when(failed, told, self.set(x, best)))
        self.stmts.append(self.tell("progress.end"))
        parts = (self.point(x), loss, history, step, converged)
        result = typed.Stop(fit(self.parameter), self.span, typed.Make(fit(self.parameter), self.span, parts))
        return typed.Block(result.type, self.e.span, tuple(self.stmts), result)

    def turn(
        self, x: typed.Local, s: typed.Local, state_type: Type, step: typed.Local, limit: typed.Expr | None
    ) -> tuple[list[typed.Stmt], tuple[typed.Expr, typed.Expr, typed.Expr]]:
        """One step of the optimiser, or after the last step only the objective: next point, next state, objective."""
        from .expressions import infer

        triple = Tuple((self.flat, state_type, FLOAT))
        self.cx.define(POINT, Value(x.symbol, self.flat))
        self.cx.define(STATE, Value(s.symbol, state_type))
        step_taken = infer(self.cx, _method(self.using, "step", FUNCTION, POINT, STATE))
        why = Note("the `step` of an optimiser gives the next point, the next state and the objective")
        moved = self.good(coerce(self.cx, step_taken, triple, why))
        if limit is not None:
            last = typed.Make(triple, self.span, (x, s, typed.Apply(FLOAT, self.span, self.f, (x,))))
            moved = typed.If(triple, self.span, self.prim("<", BOOL, step, limit), moved, last)
        names = ("next", "state", "value")
        symbols = [typed.Symbol(n, self.span) for n in names]
        pattern = typed.TuplePattern(tuple(map(typed.BindPattern, symbols, triple.parts)))
        lets: list[typed.Stmt] = [typed.Let(pattern, moved, (), self.span)]
        following, state, value = (typed.Local(t, self.span, y) for t, y in zip(triple.parts, symbols, strict=True))
        if self.clauses.maximize:
            objective = typed.Symbol("value", self.span)
            lets.append(bind(objective, FLOAT, self.prim("neg", FLOAT, value)))
            value = typed.Local(FLOAT, self.span, objective)
        return lets, (following, state, value)

    def observers(
        self, periods: list[typed.Expr], moment: _Moment | None
    ) -> tuple[typed.Expr | None, list[typed.Stmt]]:
        """The condition of `until` and the statements of `every`, in a scope with the parameter, `step` and `loss`.

        Without a moment there is no loop to put them into, and they are only checked.
        """
        from .expressions import check
        from .statements import infer_block

        cx = self.cx.inner()
        parameter = self.bind_parameter(cx)
        step = cx.variable("step", self.span, INT)
        loss = cx.variable("loss", self.span, FLOAT)
        stmts: list[typed.Stmt] = []
        if moment is not None and (self.clauses.every or self.clauses.until is not None):
            stmts.append(bind(parameter.symbol, self.parameter, self.point(moment.x)))
            stmts.append(bind(step.symbol, INT, moment.step))
            stmts.append(bind(loss.symbol, FLOAT, moment.loss))
        frame = cx.body.frame
        outside, frame.loops, frame.closed = (frame.loops, frame.closed), 0, "the clause `every`"
        for clause, period in zip(self.clauses.every, periods, strict=True):
            body = self.good(infer_block(cx.inner(), clause.body, None, discard=True))
            turn = typed.Prim(INT, clause.period.span, "%", (typed.Local(INT, self.span, step.symbol), period))
            now = typed.Prim(BOOL, clause.period.span, "==", (turn, self.int(0)))
            stmts.append(self.when(now, typed.Do(body, clause.span)))
        frame.loops, frame.closed = outside
        until = self.clauses.until
        return (None if until is None else self.good(check(cx, until.value, BOOL))), stmts


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the clauses that watch a training may look at."""

    x: typed.Local
    step: typed.Local
    loss: typed.Local


def _method(span: Span, name: str, *args: str) -> tree.Call:
    """A call of a method of the optimiser."""
    fn = tree.Member(span, tree.Name(span, OPTIMISER), tree.Ident(span, name))
    return tree.Call(span, fn, tuple(tree.Arg(span, None, tree.Name(span, a)) for a in args))


def _with_library(cx: Context, span: Span) -> Scope:
    """The scope here, and behind it the names of the library's optimisers."""
    if cx.unit.loader is None:
        return cx.scope
    try:
        module = cx.unit.loader.load("optim", False, span.source, span)
    except Fault as fault:
        for d in fault.diagnostics:
            cx.report(d)
        return cx.scope
    known = {n: entity for n, entity in public(module).items() if cx.scope.find(n) is None}
    return Scope(cx.scope, "", known)


__all__ = ["Clauses", "infer_train", "sort_clauses"]
