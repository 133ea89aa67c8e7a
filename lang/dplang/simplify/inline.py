"""Inlining: a call of a small function, or the only call of one, becomes its body.

What stays out of line: recursion, functions with a derivative rule of their own (the rule belongs to
the call), and functions that a `Derive` names (they are differentiated as they stand).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..core.build import Names
from ..core.ir import Block, Call, Derive, Fn, Let, Operand, Program, Value, Var
from ..core.rewrite import all_names, calls, copy_block, lets_of, map_value, respan

SMALL = 40
"""Lets up to which a body is copied to every call."""
LARGEST = 2000
"""Lets up to which a function grows by inlining: beyond it, code costs more than calls."""


def inline(program: Program) -> Program:
    """Replaces calls by bodies, callees first, so that what was inlined is inlined along."""
    return _Inline(program).run()


class _Inline:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.done: dict[str, Fn] = {}
        self.sizes: dict[str, int] = {}
        self.recursive = recursive(program)
        self.uses = Counter(
            let.value.fn
            for fn in program.fns.values()
            for let in lets_of(fn.body)
            if isinstance(let.value, Call | Derive)
        )

    def run(self) -> Program:
        for name in callees_first(self.program):
            self.function(name)
        fns = {name: self.done[name] for name in self.program.fns}
        return Program(fns, self.program.enums, self.program.entry)

    def function(self, name: str) -> None:
        fn = self.program.fns[name]
        self.sizes[name] = sum(1 for _ in lets_of(fn.body))
        if self.inlinable_calls(fn.body):
            self.names = all_names(fn)
            self.room = LARGEST - self.sizes[name]
            fn = replace(fn, body=self.block(fn.body, self.names))
            self.sizes[name] = sum(1 for _ in lets_of(fn.body))
        self.done[name] = fn

    def inlinable_calls(self, body: Block) -> bool:
        return any(isinstance(let.value, Call) and self.wanted(let.value.fn) for let in lets_of(body))

    def wanted(self, name: str) -> bool:
        fn = self.done.get(name)
        if fn is None or name in self.recursive or fn.rule is not None:
            return False
        return self.sizes[name] <= SMALL or self.uses[name] == 1

    def block(self, block: Block, names: Names) -> Block:
        lets: list[Let] = []
        for let in block.lets:
            value = let.value
            if isinstance(value, Call) and self.wanted(value.fn) and self.sizes[value.fn] <= self.room:
                lets.extend(self.body_of(let, value, names))
                continue
            lets.append(replace(let, value=self.inside(value, names)))
        return Block(tuple(lets), block.results)

    def inside(self, value: Operand | Value, names: Names) -> Operand | Value:
        def rebuild(params: tuple[Var, ...], inner: Block) -> tuple[tuple[Var, ...], Block]:
            return params, self.block(inner, names)

        return map_value(value, lambda o: o, rebuild)

    def body_of(self, let: Let, call: Call, names: Names) -> list[Let]:
        fn = self.done[call.fn]
        self.room -= self.sizes[call.fn]
        mapping: dict[str, Operand] = {p.var.name: a for p, a in zip(fn.params, call.args, strict=True)}
        body = copy_block(fn.body, names, mapping)
        if fn.span.source.library and not let.span.source.library:
            body = respan(body, let.span.calling)
        lets = [replace(inner, role=let.role) if let.role == "adjoint" else inner for inner in body.lets]
        for v, result in zip(let.names, body.results, strict=True):
            lets.append(Let((v,), result, let.span, let.role))
        return lets


def callees_first(program: Program) -> list[str]:
    """The functions in an order in which callees stand before their callers (cycles broken anywhere)."""
    order: list[str] = []
    seen: set[str] = set()
    graph = {name: sorted(calls(fn.body)) for name, fn in program.fns.items()}
    for root in program.fns:
        stack = [(root, iter(graph[root]))] if root not in seen else []
        seen.add(root)
        while stack:
            name, left = stack[-1]
            for callee in left:
                if callee not in seen and callee in graph:
                    seen.add(callee)
                    stack.append((callee, iter(graph[callee])))
                    break
            else:
                stack.pop()
                order.append(name)
    return order


def recursive(program: Program) -> set[str]:
    """The functions that can call themselves, directly or through others."""
    graph = {name: calls(fn.body) & set(program.fns) for name, fn in program.fns.items()}
    found = set()
    for name in graph:
        reached: set[str] = set()
        left = list(graph[name])
        while left:
            callee = left.pop()
            if callee not in reached:
                reached.add(callee)
                left.extend(graph[callee])
        if name in reached:
            found.add(name)
    return found
