"""Products of matrices that are written as sums: nests of loops that are `@` become it.

A sum over l of a[i, l] * b[l, j] for all i and j, the sums kept as a matrix by builders or added to one in place by
loops in any order; `dot` of rows and columns; and products of rows with a matrix, row by row. Only where the matrix
is kept anyway: elsewhere it would take memory that the loops do not. The order of additions changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..core.build import Builder
from ..core.ir import (
    FLOAT,
    FLOAT32,
    INT,
    ArrayType,
    At,
    Block,
    Build,
    Carry,
    Dim,
    Fn,
    Get,
    Let,
    Lit,
    Loop,
    Operand,
    Path,
    Prim,
    Program,
    Reduce,
    Slice,
    Update,
    Var,
)
from ..core.rewrite import all_names, lets_of, map_value
from .ranges import Ranges

ZERO = Lit(0, INT)

ALONG, ACROSS = "*", "+"
"""What stands for the index along which rows and columns are multiplied whole, and for that of a row that is made
whole."""


def products(program: Program) -> Program:
    """Puts `@` where loops multiply matrices."""
    fns = dict(program.fns)
    for name, fn in fns.items():
        if any(isinstance(let.value, Loop) for let in lets_of(fn.body)):
            fns[name] = replace(fn, body=_Products(fn).block(fn.body))
    return Program(fns, program.enums, program.entry)


@dataclass(frozen=True, slots=True)
class Factor:
    """A matrix that is read at two indices, by their names."""

    matrix: Var
    indices: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops from 0 on, each alone in the one around it: where each index ends, the innermost body, and what the state
    of the loops is called."""

    ends: dict[str, Operand]
    body: Block
    state: set[str]


class _Products:
    def __init__(self, fn: Fn) -> None:
        self.ranges = Ranges(fn)
        self.names = all_names(fn)

    def block(self, block: Block) -> Block:
        lets: list[Let] = []
        for let in block.lets:
            made = self.product(let)
            if not made:
                inside = map_value(let.value, lambda o: o, lambda params, inner: (params, self.block(inner)))
                made = [replace(let, value=inside)]
            lets += made
        return Block(tuple(lets), block.results)

    def product(self, let: Let) -> list[Let]:
        """What a nest of loops becomes; nothing where it is no product."""
        loop = let.value
        if not isinstance(loop, Loop) or len(loop.results) != 1 or not _is_matrix(let.names[0]):
            return []
        b = Builder(self.names, let.span, let.role)
        [result] = loop.results
        if isinstance(result, Build):
            found = self.built(loop, b)
            return [*b.lets, replace(let, value=found)] if found is not None else []
        if isinstance(result, Carry):
            found = self.added(loop, b)
            if found is not None:
                total = b.one(found, let.names[0].type, "product")
                return [*b.lets, replace(let, value=Update("add", result.init, (), total))]
        return []

    def built(self, loop: Loop, b: Builder) -> Prim | None:
        """A builder of rows as a product: of sums, of dots, or of rows with a matrix."""
        outer = _nest(loop, Build, 2)
        if outer is None:
            return None
        if len(outer.ends) == 1:
            return self.rows(outer, b)
        row, column = outer.ends
        *reads, last = outer.body.lets
        if not _is(last, outer.body.results):
            return None
        match last.value:
            case Prim("dot", (Var() as x, Var() as y)) if len(reads) <= 3:  # two reads, and perhaps a size
                lines = [_line(reads, v, self.ranges) for v in (x, y)]
                return self.multiplied(lines, (row, ALONG, column), outer.ends, b)
            case Loop() as inner if not reads and _is_sum(inner):
                sums = _nest(inner, Reduce, 1)
                if sums is not None:
                    [along] = sums.ends
                    return self.multiplied(_factors(sums.body), (row, along, column), outer.ends | sums.ends, b)
        return None

    def rows(self, nest: Nest, b: Builder) -> Prim | None:
        """Rows of a matrix, each multiplied by another matrix."""
        [row] = nest.ends
        match [let.value for let in nest.body.lets]:
            case [Get(Var() as x, (At(Var(name=i)),)), Prim("@", (y, Var() as z))]:
                read, last = nest.body.lets
                if i == row and (y,) == read.names and _is(last, nest.body.results) and _is_matrix(z):
                    factors: list[Factor | None] = [Factor(x, (row, ALONG)), Factor(z, (ALONG, ACROSS))]
                    return self.multiplied(factors, (row, ALONG, ACROSS), nest.ends, b)
        return None

    def added(self, loop: Loop, b: Builder) -> Prim | None:
        """Loops in any order that add products to the elements of a matrix."""
        nest = _nest(loop, Carry, 3)
        if nest is None or len(nest.ends) != 3 or not isinstance(nest.body.lets[-1].value, Update):
            return None
        *reads, last = nest.body.lets
        update = last.value
        if not isinstance(update, Update) or update.kind != "add" or not _is(last, nest.body.results):
            return None
        target, factors = _indices(update.path), _factors(Block(tuple(reads), (update.v,)))
        if target is None or any(f is not None and f.matrix.name in nest.state for f in factors):
            return None
        inner = [i for i in nest.ends if i not in target]
        return self.multiplied(factors, (target[0], inner[0], target[1]), nest.ends, b) if len(inner) == 1 else None

    def multiplied(
        self, factors: list[Factor | None], order: tuple[str, str, str], ends: dict[str, Operand], b: Builder
    ) -> Prim | None:
        """The product of two factors: rows by the first index of `order`, columns by the last."""
        row, inner, column = order
        for left, right in (factors, factors[::-1]) if len(factors) == 2 else ():
            if left is None or right is None or len({*order}) < 3:
                return None
            if {*left.indices} == {row, inner} and {*right.indices} == {inner, column}:
                x = self.factor(left, (row, inner), ends, b)
                return Prim("@", (x, self.factor(right, (inner, column), ends, b)))
        return None

    def factor(self, f: Factor, order: tuple[str, str], ends: dict[str, Operand], b: Builder) -> Operand:
        """A matrix as far as the loops go through it, its indices in an order."""
        x, t = f.matrix, _open(f.matrix)
        used = [ends.get(i) for i in f.indices]
        parts = [end is not None and self.ranges.dim(x, k) != self.ranges.form(end) for k, end in enumerate(used)]
        if any(parts):  # a part of the rows alone is no copy
            highs = [b.one(Dim(x, k), INT, "n") if end is None else end for k, end in enumerate(used[: 1 + parts[1]])]
            x = b.one(Get(x, tuple(Slice(ZERO, high, True) for high in highs)), t, x.name)
        return x if f.indices == order else b.prim("transpose", t, x)


def _nest(loop: Loop, kind: type[Build] | type[Carry] | type[Reduce], most: int) -> Nest | None:
    """Loops from 0 with one result of a kind each, of which all but the innermost hold nothing but the next."""
    ends: dict[str, Operand] = {}
    state: set[str] = set()
    while True:
        if loop.low != ZERO or len(loop.results) != 1 or not isinstance(loop.results[0], kind):
            return None
        ends[loop.index.name] = loop.high
        state |= {r.param.name for r in loop.results if isinstance(r, Carry)}
        match loop.body:
            case Block((Let(value=Loop(results=(inner,)) as next_loop) as only,), results) if len(ends) < most:
                if not isinstance(inner, kind):
                    return Nest(ends, loop.body, state)
                handed = not isinstance(inner, Carry) or inner.init == _param(loop)
                varies = isinstance(next_loop.high, Var) and next_loop.high.name in ends
                if not _is(only, results) or not handed or varies:
                    return None
                loop = next_loop
            case _:
                return Nest(ends, loop.body, state)


def _param(loop: Loop) -> Var | None:
    [result] = loop.results
    return result.param if isinstance(result, Carry) else None


def _is_sum(loop: Loop) -> bool:
    return loop.results == (Reduce("+"),)


def _is(let: Let, results: tuple[Operand, ...]) -> bool:
    """Whether the one result of a block is what `let` binds."""
    return let.names == results


def _factors(body: Block) -> list[Factor | None]:
    """The factors of a body that is the product of two elements of matrices, read at two indices each."""
    match body:
        case Block(
            (Let((x,), Get(Var() as a, p)), Let((y,), Get(Var() as b, q)), Let(value=Prim("*", args)) as last), results
        ):
            if _is(last, results) and args in ((x, y), (y, x)):
                return [_element(a, p), _element(b, q)]
    return []


def _element(x: Var, path: Path) -> Factor | None:
    indices = _indices(path)
    return Factor(x, indices) if indices is not None and _is_matrix(x) else None


def _indices(path: Path) -> tuple[str, str] | None:
    """The names of the two indices of a path that is proved."""
    match path:
        case (At(Var(name=i), True), At(Var(name=j), True)):
            return i, j
    return None


def _line(reads: list[Let], v: Var, ranges: Ranges) -> Factor | None:
    """The row or column of a matrix that is read whole as `v`."""
    for let in reads:
        match let:
            case Let((name,), Get(Var() as x, (At(Var(name=i), True),))) if name == v and _is_matrix(x):
                return Factor(x, (i, ALONG))
            case Let((name,), Get(Var() as x, (Slice(low, high), At(Var(name=j), True)))) if name == v:
                if low == ZERO and ranges.form(high) == ranges.dim(x, 0) and _is_matrix(x):
                    return Factor(x, (ALONG, j))
    return None


def _is_matrix(v: Var) -> bool:
    return isinstance(v.type, ArrayType) and len(v.type.dims) == 2 and v.type.elem in (FLOAT, FLOAT32)


def _open(v: Var) -> ArrayType:
    """The type of a part or a transposition of a matrix."""
    assert isinstance(v.type, ArrayType)
    return ArrayType(v.type.elem, (None, None))
