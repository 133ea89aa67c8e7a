"""Breaks one rule of differentiation and says how many generated programs it takes until somebody notices.

`python tests/mutants.py FILE NUMBER PROGRAMS` runs with mutant NUMBER of a file of `differentiate`: a statement gone,
a sum made a difference, the sides of a condition swapped, a constant negated. Exit status 0: noticed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

ROOM = Path(__file__).parent.parent / "lang/dplang/differentiate"


class Mutation(ast.NodeTransformer):
    """Applies mutation number `wanted`, in the order of the text; counts all of them in `count`."""

    def __init__(self, wanted: int = -1) -> None:
        self.wanted = wanted
        self.count = 0
        self.what = ""

    def hit(self, what: str, node: ast.AST) -> bool:
        self.count += 1
        if self.count - 1 != self.wanted:
            return False
        self.what = f"line {getattr(node, 'lineno', 0)}: {what}"
        return True

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Call) and self.hit("a statement is dropped", node):
            return ast.copy_location(ast.Pass(), node)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if node.orelse and self.hit("sides are swapped", node):
            node.body, node.orelse = node.orelse, node.body
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if node.value == "+" and self.hit("a sum is a difference", node):
            return ast.copy_location(ast.Constant("-"), node)
        if node.value == "add" and self.hit("an addition is a write", node):
            return ast.copy_location(ast.Constant("set"), node)
        if isinstance(node.value, float) and node.value and self.hit("a constant is negated", node):
            return ast.copy_location(ast.Constant(-node.value), node)
        return node


def mutated(file: str, number: int) -> tuple[ast.Module, Mutation]:
    tree = ast.parse((ROOM / file).read_text())
    mutation = Mutation(number)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            mutation.visit(node)
    return ast.fix_missing_locations(tree), mutation


def numbers(file: str) -> range:
    """The mutants of a file."""
    return range(mutated(file, -1)[1].count)


class Loader(SourceFileLoader):
    """Loads a module from a tree instead of its text."""

    tree: ast.Module

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        return compile(self.tree, self.path, "exec")


def install(file: str, number: int) -> Mutation:
    """Makes the next import of the file's module import the mutant."""
    name = f"dplang.differentiate.{file.removesuffix('.py')}"
    tree, mutation = mutated(file, number)

    class Finder:
        @staticmethod
        def find_spec(fullname: str, path: object = None, target: object = None) -> object:
            if fullname != name:
                return None
            sys.meta_path.remove(Finder)  # type: ignore[arg-type]
            spec = find_spec(fullname)
            assert spec is not None
            loader = Loader(fullname, str(ROOM / file))
            loader.tree = tree
            spec.loader = loader
            return spec

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    return mutation


def noticed(programs: Iterator[int]) -> int | None:
    """The number of programs until one fails."""
    from test_generated import check

    for n, seed in enumerate(programs, 1):
        try:
            check(seed, second=seed % 3 == 0)
        except BaseException:  # a wrong derivative, a wrong program or a crash: whatever it is, it is noticed
            return n
    return None


if __name__ == "__main__":
    mutation = install(sys.argv[1], int(sys.argv[2]))
    found = noticed(iter(range(int(sys.argv[3]))))
    print(f"{sys.argv[1]} {mutation.what}: {'not noticed' if found is None else f'noticed by program {found}'}")
    sys.exit(found is None)
