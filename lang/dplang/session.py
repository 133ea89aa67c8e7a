"""The only state: the modules that were read, what lowering has made of them, and the values of top-level names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

from .analyse import modes, parallel
from .analyse.callers import seen_by_user
from .check import typed
from .check.module import Checked, check
from .check.names import Scope
from .core.ir import Program
from .core.types import Type
from .errors.diagnostic import Diagnostic, Fault
from .errors.files import EmptyFile
from .errors.source import Source, Span
from .loading import Modules, module_name, read
from .lower.shape import Shape
from .lower.unit import Entry as Function
from .lower.unit import Lowering, Unit
from .syntax import parse as syntax
from .syntax import tree
from .values import Held, count

if TYPE_CHECKING:
    from .interpret.evaluate import Interpreter, Limit
    from .kernels.call import Kernel
    from .kernels.tiers import Mode, Tiers
    from .train.progress import Progress


Jit: TypeAlias = Literal["auto", "always", "never"]

DEFAULT_JIT: Jit = "auto"
"""What runs as kernels where nobody says it."""


@dataclass(eq=False, slots=True)
class Entry:
    """A file, an entry of the REPL or a call from Python, checked and lowered; with an interpreter once it has run."""

    source: Source
    checked: Checked
    unit: Unit
    interpreter: Interpreter | None = None
    tiers: Tiers | None = None


class Session:
    """What one run of a program, one REPL or one load from Python knows.

    `warn` is handed warnings as they are found; `out` is where programs print; `limit` bounds their work and memory.
    `jit` says what runs as kernels: all that can, nothing, or what is heavy; under a limit everything is interpreted.
    `trap_nan`: the first value that is not finite is a fault; then everything is interpreted, too.
    `threads`: among how many threads kernels share long loops; 0: these stay whole. Results are the same for all
    numbers but 0, where sums may be added in another order.
    """

    def __init__(
        self,
        warn: Callable[[Sequence[Diagnostic]], None],
        out: TextIO | None = None,
        limit: Limit | None = None,
        jit: Jit = DEFAULT_JIT,
        trap_nan: bool = False,
        threads: int = 0,
    ) -> None:
        self.warn = warn
        self.out = out
        self.limit = limit
        self.jit = jit
        self.trap_nan = trap_nan
        self.threads = threads
        self.modules = Modules(lambda d: warn([d]))
        self.lowering = Lowering()
        self.values: dict[typed.Symbol, Held] = {}
        self._shapes: dict[typed.Symbol, Shape] = {}
        self._constants: dict[int, Unit] = {}
        self._computed: set[int] = set()
        self._judged: set[str] = set()
        self._io: dict[str, Any] = {}

    # ---- from text to core

    def file(self, path: str) -> Entry:
        """A program file, checked, lowered and judged. A Fault where it is faulty."""
        source = read(path)
        with self.modules.opened(path):
            return self.text(source, module_name(path))

    def text(self, source: Source, name: str = "") -> Entry:
        """The same for a text; `name` is the module's, that of the source unless told."""
        module = syntax.parse(source)
        if not module.items:
            self.warn([EmptyFile(Span(source, 0, 0))])
        return self.entry(module, name or source.name)

    def entry(
        self,
        module: tree.Module,
        name: str,
        scope: Scope | None = None,
        prior: Mapping[typed.Symbol, Shape] | None = None,
    ) -> Entry:
        """A surface tree, in the scope that earlier entries left. `prior` are variables that the caller will give."""
        checked = check(module, name, self.modules, scope)
        _refuse(checked.diagnostics)
        for imported in self.modules.checked:
            if id(imported) not in self._constants:
                constants = self.lowering.unit(imported, self._shapes)
                self._constants[id(imported)] = constants
                self._note(constants)
        unit = self.lowering.unit(checked.module, {**self._shapes, **(prior or {})})
        found = [*checked.diagnostics, *self._judge()]
        _refuse(found)
        self._judged.update(self.lowering.instances.fns)
        if found:
            self.warn(found)
        return Entry(module.span.source, checked, unit)

    def _judge(self) -> list[Diagnostic]:
        """The judgements on all functions that are new: those that were refused are judged again."""
        program = self.lowering.program
        new = [name for name in program.fns if name not in self._judged]
        found = modes.judge(program, new)
        found += parallel.refusals(parallel.judge(program, new, asserted=True))
        return seen_by_user(program, found)

    def _note(self, unit: Unit) -> None:
        self._shapes.update((v.symbol, v.shape) for v in unit.outputs)

    def compiled(self, entry: Entry, after: str = "", kernels: bool = False) -> Program:
        """The core of an entry, through all passes or those up to the one named; `kernels`: with those for kernels."""
        from .pipeline import compile

        return compile(self.lowering.program, entry.unit.entry, after, kernels, exact=False)

    def derived(self, entry: Entry) -> Program:
        """The core of an entry with its derivatives as code, and nothing simplified: what `dp loops` judges."""
        from .differentiate import differentiate
        from .simplify.dead_code import reachable

        return differentiate(reachable(replace(self.lowering.program, entry=entry.unit.entry)))

    # ---- running

    def run(self, entry: Entry, given: Mapping[typed.Symbol, Held] | None = None) -> dict[typed.Symbol, Held]:
        """Runs an entry; `given` are the values of variables that no entry before has bound. Its own are returned."""
        for module in self.modules.checked:
            unit = self._constants.get(id(module))
            if unit is not None and id(module) not in self._computed:
                self._computed.add(id(module))
                if unit.outputs:
                    self.values.update(self._call(self._interpreter(unit.entry), unit, module, {}))
        if entry.interpreter is None:
            entry.interpreter, entry.tiers = self._prepared(entry.unit.entry)
        values = self._call(entry.interpreter, entry.unit, entry.checked.module, given or {})
        if entry.tiers is not None:
            entry.tiers.from_outside(entry.unit.entry)
        return values

    def keep(self, values: Mapping[typed.Symbol, Held]) -> None:
        """Makes what an entry has bound known to later ones."""
        self.values.update(values)
        self._shapes.update((s, v.shape) for s, v in values.items())

    def test(self, function: Function) -> None:
        """Runs a test; a Fault where it fails."""
        self._interpreter(function.fn).call(function.fn, self._leaves(function.inputs, {}))

    def kernel(self, entry: Entry) -> Kernel | None:
        """The kernel that an entry runs as, where it has run and is one by now."""
        return None if entry.tiers is None else entry.tiers.ready(entry.unit.entry)

    def _interpreter(self, name: str) -> Interpreter:
        return self._prepared(name)[0]

    def _prepared(self, name: str) -> tuple[Interpreter, Tiers | None]:
        from .interpret.evaluate import Interpreter
        from .pipeline import compile
        from .train import tell  # noqa: F401  (its rows join the interpreter's)
        from .train.progress import Progress

        if not self._io:
            self._io["progress"] = Progress()
            self._io["warn"] = self._warn_of_training
        progress: Progress = self._io["progress"]
        out = progress.over(sys.stdout if self.out is None else self.out)
        if self.jit != "never" and self.limit is None and not self.trap_nan:
            program, tiers = self._compiled_forms(name, self.jit, progress)
            if tiers is not None:
                made = Interpreter(program, out=out, state=self._io, compiled=tiers.compiled, watch=tiers.watch)
                return made, tiers
        program = compile(self.lowering.program, name)
        if self.trap_nan:
            from .simplify.trap import trap

            program = trap(program)
        return Interpreter(program, limit=self.limit, out=out, state=self._io), None

    def _compiled_forms(self, name: str, jit: Mode, progress: Progress) -> tuple[Program, Tiers | None]:
        """The core on the way to kernels, and the kernels; none where a mistake of ours is in the way."""
        from .kernels import options
        from .kernels.outline import outline
        from .kernels.tiers import Tiers
        from .pipeline import compile

        try:
            program = outline(compile(self.lowering.program, name, kernels=True, exact=False))
            chosen = options.Options(threads=self.threads)
            return program, Tiers(program, jit, chosen, tell=progress.step, busy=progress.compiling)
        except Exception:
            if options.STRICT:
                raise
            return self.lowering.program, None

    def _warn_of_training(self, warning: Diagnostic) -> None:
        self._io["progress"].clear()
        self.warn([warning])

    def _call(
        self, interpreter: Interpreter, unit: Unit, module: typed.Module, given: Mapping[typed.Symbol, Held]
    ) -> dict[typed.Symbol, Held]:
        try:
            leaves = interpreter.call(unit.entry, self._leaves(unit.inputs, given))
        finally:
            self._io["progress"].reset()  # a fault or an interrupt leaves no bar behind
        types = _types(module)
        made: dict[typed.Symbol, Held] = {}
        k = 0
        for value in unit.outputs:
            n = count(value.shape)
            t = types[value.symbol] if value.symbol in types else self.values[value.symbol].type
            made[value.symbol] = Held(t, value.shape, tuple(leaves[k : k + n]))
            k += n
        return made

    def _leaves(self, symbols: Iterable[typed.Symbol], given: Mapping[typed.Symbol, Held]) -> list[Any]:
        return [leaf for s in symbols for leaf in (given[s] if s in given else self.values[s]).leaves]


def _refuse(diagnostics: Iterable[Diagnostic]) -> None:
    """A Fault with everything that was found, where some of it is an error."""
    found = tuple(diagnostics)
    if any(d.severity == "error" for d in found):
        raise Fault(*found)


def _types(module: typed.Module) -> dict[typed.Symbol, Type]:
    """The types of all top-level variables, those included that stand for a `let` without a type of its own."""
    bound = {
        s.pattern.symbol: s.pattern.type
        for s in module.stmts
        if isinstance(s, typed.Let) and isinstance(s.pattern, typed.BindPattern)
    }
    return {**bound, **module.types}
