"""The second judgement: which loops may run in parallel, and the reason where one may not.

Primal and derivative code are judged by the same rules: P1 no element is touched by two turns, one of them writing;
P2 what is written before it is read is private; P3 reductions and histograms; P4 nothing else needs the order of turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Literal, TypeAlias

from ..core.ir import Block, Carry, Fn, Io, Let, Lit, Loop, Operand, Program, Reduce, Var, While
from ..core.rewrite import calls, lets_of
from ..errors.diagnostic import Diagnostic, Note
from ..errors.parallelism import NotParallel
from ..errors.source import Source, Span
from .access import Access, Indices, Meeting, Turns
from .uses import Body, Uses

Kind: TypeAlias = Literal["parallel", "reduction", "histogram", "sequential"]
Role: TypeAlias = Literal["primal", "adjoint"]

Said: TypeAlias = tuple[Kind, str, tuple[Note, ...]]
"""A verdict with its reason and the places that show it."""

ORDER: tuple[Kind, ...] = ("parallel", "reduction", "histogram", "sequential")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one loop of the source. `asserted`: it is a `parallel for`."""

    span: Span
    role: Role
    kind: Kind
    reason: str
    notes: tuple[Note, ...] = ()
    asserted: bool = False


def both(primal: Program, derived: Program) -> list[Verdict]:
    """The verdicts for the loops of a program as lowered, and for those that its derivatives add."""
    found = [*judge(primal), *(v for v in judge(derived) if v.role == "adjoint")]
    return sorted(found, key=_in_source)


def judge(program: Program, fns: Iterable[str] | None = None, asserted: bool = False) -> list[Verdict]:
    """A verdict for every loop of `fns` (all functions), in the order of the source. `asserted`: `parallel for`s only.

    Of several instances the least favourable one counts.
    """
    io = with_io(program)
    found: dict[tuple[Span, Role], Verdict] = {}
    for name in program.fns if fns is None else fns:
        for _, verdict in verdicts(program.fns[name], io, asserted):
            key = (verdict.span, verdict.role)
            known = found.get(key)
            if known is None or ORDER.index(verdict.kind) > ORDER.index(known.kind):
                found[key] = verdict
    return sorted(found.values(), key=_in_source)


def _in_source(v: Verdict) -> tuple[str, int, int, bool]:
    return v.span.source.name, v.span.start, -v.span.end, v.role == "adjoint"


def refusals(verdicts: Iterable[Verdict]) -> list[Diagnostic]:
    """The `parallel for`s that are not."""
    return [
        NotParallel(_head(v.span), v.reason, v.notes)
        for v in verdicts
        if v.asserted and v.role == "primal" and v.kind == "sequential"
    ]


def _head(loop: Span) -> Span:
    """The part of a loop before its body."""
    text = re.split(r"[{\n]", loop.text)[0].rstrip()
    return Span(loop.source, loop.start, loop.start + len(text))


def report(verdicts: Iterable[Verdict], source: Source) -> str:
    """The loops of a source, each with the verdicts for it and for its derivative: what `dp loops` prints."""
    loops: dict[tuple[int, int], list[Verdict]] = {}
    for v in verdicts:
        if v.span.source is source:
            loops.setdefault((v.span.start, v.span.end), []).append(v)
    lines = []
    for own in loops.values():
        span = own[0].span
        if not _is_loop(span.text) and all(v.kind != "reduction" or v.role == "adjoint" for v in own):
            continue
        width = len(str(len(source.starts)))
        lines.append(f"{span.line:>{width}}  {_line(span.text)}")
        for v in own:
            lines.append(f"{'':>{width}}    {v.role:7} {v.kind}" + (f": {v.reason}" if v.reason else ""))
    return "\n".join(lines)


def _line(text: str) -> str:
    """The first line of a text, with dots where it goes on."""
    first, _, more = text.partition("\n")
    return first.rstrip() + (" .." if more and not first.rstrip().endswith("{") else "")


def _is_loop(text: str) -> bool:
    """Whether the source itself says that something is repeated; lifted calls are loops of the core only, and
    parallel by construction, so the report leaves them out."""
    return re.match(r"(parallel\s+for|for|while)\b|[\w.]*\s*[\[(].*\sfor\s", text, re.S) is not None


def with_io(program: Program) -> set[str]:
    """The functions that do input or output, or call one that does."""
    callers: dict[str, set[str]] = {}
    found: list[str] = []
    for fn in program.fns.values():
        for callee in calls(fn.body):
            callers.setdefault(callee, set()).add(fn.name)
        if any(isinstance(let.value, Io) for let in lets_of(fn.body)):
            found.append(fn.name)
    seen: set[str] = set()
    while found:
        name = found.pop()
        if name not in seen:
            seen.add(name)
            found += callers.get(name, ())
    return seen


def verdicts(fn: Fn, io: set[str], asserted: bool = False) -> Iterator[tuple[Let, Verdict]]:
    """A function's loops, each with its verdict; `io` are the functions with input or output."""
    loops = [let for let in lets_of(fn.body) if isinstance(let.value, Loop | While)]
    if asserted:
        loops = [let for let in loops if _asserted(let)]
    indices = Indices(fn) if loops else None
    for let in loops:
        if isinstance(let.value, Loop) and indices:
            yield let, _Loop(let, let.value, indices, io).verdict()
        else:
            yield let, _while(let)


@dataclass(frozen=True, slots=True)
class Part:
    """What one result of a loop is to its turns. `how`: a carried value is only combined by `+` or `*`, or only read,
    or anything else (empty)."""

    kind: Kind
    how: str = ""


def parts(fn: Fn) -> dict[int, tuple[Part, ...]]:
    """By identity of a Loop's Let, what is known of its results; loops that need the order of their turns are left
    out."""
    loops = [let for let in lets_of(fn.body) if isinstance(let.value, Loop)]
    indices = Indices(fn)
    found: dict[int, tuple[Part, ...]] = {}
    for let in loops:
        assert isinstance(let.value, Loop)
        loop = _Loop(let, let.value, indices, set())
        of = tuple(loop.part(k) for k in range(len(let.value.results)))
        if all(part.kind != "sequential" for part in of):
            found[id(let)] = of
    return found


def _asserted(let: Let) -> bool:
    """Whether the author wrote `parallel for`. A loop that `break` made a While has only its text to say so."""
    if isinstance(let.value, Loop):
        return let.value.parallel
    return let.span.text.startswith("parallel")


def _while(let: Let) -> Verdict:
    text = let.span.text
    if text.startswith(("for", "parallel")):
        reason = "`break` or `return` may end it in any turn"
        word = re.search(r"\b(break|return)\b", text)
        at = let.span
        if word:
            at = Span(at.source, at.start + word.start(), at.start + word.end())
        return Verdict(let.span, let.role, "sequential", reason, (Note("ends the loop here", at),), _asserted(let))
    return Verdict(let.span, let.role, "sequential", "each turn decides whether another one follows")


class _Loop:
    """One loop under judgement."""

    def __init__(self, let: Let, node: Loop, indices: Indices, io: set[str]) -> None:
        self.let = let
        self.node = node
        self.io = io
        self.span = let.span
        self.body = Body(node, indices)
        self.turns = Turns(indices, node, self.body.names)
        self.index = node.index.name.split(".")[0]

    def verdict(self) -> Verdict:
        """The least favourable of what its results and effects say."""
        said = [self.effects(), *(self.result(k) for k in range(len(self.node.results)))]
        kind: Kind = max((kind for kind, _, _ in said), key=ORDER.index)
        told = [(reason, notes) for k, reason, notes in said if k == kind and reason]
        reason, notes = told[0] if told else ("", ())
        if kind in ("reduction", "histogram"):
            reason = ", ".join(dict.fromkeys(r for r, _ in told))
        return Verdict(self.span, self.let.role, kind, reason, notes, self.node.parallel)

    def effects(self) -> Said:
        for let in lets_of(self.node.body):
            if isinstance(let.value, Io) or (calls(Block((let,), ())) & self.io):
                text = let.span.text.split("\n")[0]
                return "sequential", f"`{text}` is input or output", (Note("must happen in order", let.span),)
        return "parallel", "", ()

    def result(self, k: int) -> Said:
        match self.node.results[k]:
            case Carry(param):
                return self.carried(k, param)
            case Reduce(op):
                return "reduction", f"combines its turns by `{op}`", ()
            case _:
                return "parallel", "", ()

    def part(self, k: int) -> Part:
        kind, how = self.result(k)[0], ""
        if isinstance(self.node.results[k], Carry) and kind != "sequential":
            uses = Uses(self.body, k)
            ways = {a.how for a in uses.accesses}
            how = "read" if uses.kept and ways <= {"read"} else ways.pop() if len(ways) == 1 else ""
            how = "" if uses.replaced else how
        return Part(kind, how)

    def carried(self, k: int, param: Var) -> Said:
        uses = Uses(self.body, k)
        name = param.name.split(".")[0]
        if uses.kept or param.name in self.body.indices.forms:
            return "parallel", "", ()  # it stays as it is, or is an expression of the turn's number
        accesses = uses.accesses
        if uses.replaced:
            if not accesses:
                return "parallel", "", ()  # private: the last turn's value stays
            accesses = [*accesses, Access("write", (), uses.end or self.span)]
        worst: tuple[Kind, Access, Access, Meeting] | None = None
        for a, b in combinations_with_replacement(accesses, 2):
            meeting = None if a.how == b.how == "read" else self.turns.meet(a, b)
            if meeting is None:
                continue
            kind = self.pair(a, b)
            if worst is None or ORDER.index(kind) > ORDER.index(worst[0]):
                worst = kind, a, b, meeting
                if kind == "sequential":
                    break
        return self.told(worst, name) if worst else ("parallel", "", ())

    def pair(self, a: Access, b: Access) -> Kind:
        """What two accesses that meet in two turns make of the loop."""
        if a.how != b.how or a.how == "write":
            return "sequential"
        return "histogram" if any(self.turns.varies(r.low) for r in (*a.places, *b.places)) else "reduction"

    # ---- words

    def told(self, worst: tuple[Kind, Access, Access, Meeting], name: str) -> Said:
        kind, a, b, meeting = worst
        if kind != "sequential":
            what = "elements such as " if kind == "histogram" else ""
            return kind, f"turns combine in {what}{self.place(a, name)} by `{a.how}`", ()
        (first, one), (second, other) = self.in_order(a, b, meeting)
        x, y = self.place(first, name), self.place(second, name)
        notes = (Note(f"{one} {_does(first)}s {x}", first.span), Note(f"{other} {_does(second)}s {y}", second.span))
        how = f"{_does(second)}s it" + (f" as {y}" if x != y else " too" if first.how == second.how else "")
        if _does(first) == _does(second) == "change" and first.how != second.how:
            x, how = f"{x} by `{first.how}`", f"{how} by `{second.how}`"
        return kind, f"{one} {_does(first)}s {x}, and {other} {how}", tuple(dict.fromkeys(notes))

    def in_order(self, a: Access, b: Access, meeting: Meeting) -> tuple[tuple[Access, str], tuple[Access, str]]:
        """The two accesses in the order of two turns that conflict, each with its turn."""
        distance = meeting if isinstance(meeting, int) and meeting else 1
        if distance < 0:
            a, b, distance = b, a, -distance
        elif not isinstance(meeting, int) and a.how == "read" and b.how != "read":
            a, b = b, a
        if meeting == "perhaps":
            return (a, "one turn"), (b, "another perhaps")
        return (a, self.turn(0)), (b, self.turn(distance))

    def turn(self, ahead: int) -> str:
        if self.let.role == "adjoint":
            return "a turn" if not ahead else "the next turn" if ahead == 1 else f"the turn {ahead} later"
        low: Operand = self.node.low
        if isinstance(low, Lit) and isinstance(low.value, int):
            return f"turn `{self.index} = {low.value + ahead}`"
        return f"turn `{self.index} + {ahead}`" if ahead else f"turn `{self.index}`"

    def place(self, access: Access, name: str) -> str:
        """What is touched, as the source writes it."""
        text = access.span.text
        target = re.match(r"\s*([^=\n]+?)\s*(?:[-+*/^@]?=)(?!=)", text)
        if self.let.role == "adjoint":
            return f"the adjoint of `{target.group(1) if target else _line(text) or name}`"
        if not access.places:
            return f"`{name}`"
        if access.how != "read" and target:
            return f"`{target.group(1)}`"
        return f"`{text}`" if re.fullmatch(r"[\w.]+\[[^\n]*\]", text) else f"`{name}`"


def _does(access: Access) -> str:
    return {"read": "read", "write": "write"}.get(access.how, "change")
