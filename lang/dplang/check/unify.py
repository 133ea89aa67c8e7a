"""Finding types and sizes: variables that inference has still to find, and what makes two types agree."""

from __future__ import annotations

from collections.abc import Callable

from ..core.sizes import Atom, Size, SizeMeta, SizeVar
from ..core.types import (
    INT,
    NUMBERS,
    Array,
    Enum,
    FnType,
    Meta,
    Never,
    Ranked,
    Scalar,
    Struct,
    TangentOf,
    Tuple,
    Type,
    TypeVar,
    Wrong,
    array,
    transform,
)
from ..errors.source import Span


def is_unknown(size: Size) -> bool:
    """Whether a size is written `?` or `?k`: known only at run time, and not named yet."""
    atom = size.atom
    return isinstance(atom, SizeVar) and atom.name.startswith("?")


class Solver:
    """What is known so far about the type and size variables of one file.

    `now` is the place that is being looked at: `where` remembers it for each size that is found there.
    """

    def __init__(self) -> None:
        self.types: dict[Meta, Type] = {}
        self.sizes: dict[SizeMeta, Size] = {}
        self.where: dict[SizeMeta, Span] = {}
        self.now: Span | None = None
        self._marks: dict[SizeVar, Size] = {}

    # ---- what is known

    def type(self, t: Type) -> Type:
        """`t` with everything filled in that has been found."""
        if isinstance(t, Scalar) or not (self.types or self.sizes):
            return t
        return transform(t, self._leaf, self.size)

    def _leaf(self, v: TypeVar | Meta) -> Type:
        if isinstance(v, Meta) and v in self.types:
            return self.type(self.types[v])
        return v

    def size(self, s: Size) -> Size:
        while self.sizes:
            found: dict[Atom, Size] = {
                a: self.sizes[a] for a in s.atoms() if isinstance(a, SizeMeta) and a in self.sizes
            }
            if not found:
                return s
            s = s.replace(found)
        return s

    def head(self, t: Type) -> Type:
        """`t` filled in at the top."""
        while isinstance(t, Meta) and t in self.types:
            t = self.types[t]
        if isinstance(t, Array) and isinstance(t.elem, Meta) and t.elem in self.types:
            return array(self.head(t.elem), t.dims)
        return t

    # ---- agreement

    def fits(self, actual: Type, expected: Type) -> bool:
        """Makes the two types the same, finding variables; `?` of `expected` takes any size. False if it cannot be."""
        self._marks = {}
        return self._fits(actual, expected)

    def try_fits(self, actual: Type, expected: Type) -> bool:
        """Like `fits`, but nothing is found when it fails."""
        types, sizes, where = dict(self.types), dict(self.sizes), dict(self.where)
        if self.fits(actual, expected):
            return True
        self.types, self.sizes, self.where = types, sizes, where
        return False

    def _fits(self, actual: Type, expected: Type) -> bool:
        a, b = self.head(actual), self.head(expected)
        if a == b or isinstance(a, Wrong | Never) or isinstance(b, Wrong):
            return True
        match a, b:
            case Meta(), _:
                return self._bind(a, b)
            case _, Meta():
                return self._bind(b, a)
            case Array(), Array():
                return self._arrays(a, b)
            case Ranked(elem, shape), Ranked(other, other_shape):
                return shape == other_shape and self._fits(elem, other)
            case Tuple(parts), Tuple(others):
                return len(parts) == len(others) and all(map(self._fits, parts, others))
            case (Struct(decl, args), Struct(other_decl, other_args)) | (
                TangentOf(Struct(decl, args)),
                TangentOf(Struct(other_decl, other_args)),
            ):
                return decl is other_decl and self._args(args, other_args)
            case Enum(enum, args), Enum(other_enum, other_args):
                return enum is other_enum and self._args(args, other_args)
            case FnType(params, result), FnType(other_params, other_result):
                return (
                    len(params) == len(other_params)
                    and all(map(self._fits, other_params, params))
                    and self._fits(result, other_result)
                )
            case _:
                return False

    def _args(self, args: tuple[Type | Size, ...], others: tuple[Type | Size, ...]) -> bool:
        for a, b in zip(args, others, strict=True):
            if isinstance(a, Size):
                if not isinstance(b, Size) or not self.same_size(a, b):
                    return False
            elif isinstance(b, Size) or not self._fits(a, b):
                return False
        return True

    def _arrays(self, a: Array, b: Array) -> bool:
        """Leading dimensions agree; an element type still to be found takes the dimensions that are over."""
        n = min(len(a.dims), len(b.dims))
        a_elem, b_elem = self.head(a.elem), self.head(b.elem)
        if not all(map(self.same_size, a.dims[:n], b.dims[:n])):
            return False
        if len(a.dims) > n and not isinstance(b_elem, Meta):
            return False
        if len(b.dims) > n and not isinstance(a_elem, Meta):
            return False
        return self._fits(array(a_elem, a.dims[n:]), array(b_elem, b.dims[n:]))

    def _bind(self, meta: Meta, t: Type) -> bool:
        t = self.type(t)
        if t == meta:
            return True
        if isinstance(t, Never):
            return True
        if occurs(meta, t) or any(map(is_unknown, sizes_of(t))):
            return False
        self.types[meta] = t
        return True

    def same_size(self, actual: Size, expected: Size) -> bool:
        """Makes two sizes equal, where a variable in them allows it."""
        a, b = self.size(actual), self.size(expected)
        if a == b:
            return True
        if is_unknown(a) and not is_unknown(b):
            return False
        if is_unknown(b):
            mark = b.atom
            assert isinstance(mark, SizeVar)
            return mark.name == "?" or self._marks.setdefault(mark, a) == a
        return self._solve(a - b)

    def _solve(self, zero: Size) -> bool:
        """Finds the size variable that makes the polynomial 0."""
        for monomial, k in zero.terms:
            if len(monomial) != 1 or not isinstance(monomial[0], SizeMeta):
                continue
            meta = monomial[0]
            rest = Size(tuple(t for t in zero.terms if t[0] != monomial))
            if meta in rest.atoms() or any(c % k for _, c in rest.terms):
                continue
            self.sizes[meta] = Size(tuple((m, -c // k) for m, c in rest.terms))
            if self.now is not None:
                self.where[meta] = self.now
            return True
        return False


def occurs(meta: Meta, t: Type) -> bool:
    found = False

    def leaf(v: TypeVar | Meta) -> Type:
        nonlocal found
        found = found or v == meta
        return v

    transform(t, leaf, lambda s: s)
    return found


def atoms_of(t: Type) -> set[object]:
    """All size atoms, type variables and type metas in a type."""
    found: set[object] = set()

    def leaf(v: TypeVar | Meta) -> Type:
        found.add(v)
        return v

    def size(s: Size) -> Size:
        found.update(s.atoms())
        return s

    transform(t, leaf, size)
    return found


def sizes_of(t: Type) -> list[Size]:
    """All sizes in a type, in order of writing."""
    found: list[Size] = []

    def size(s: Size) -> Size:
        found.append(s)
        return s

    transform(t, lambda v: v, size)
    return found


def of_values(t: Type, size: Callable[[Size], Size]) -> Type:
    """`t` with `size` applied to the sizes of its values; those in function types are sizes of other values."""
    match t:
        case Array(elem, dims):
            return array(of_values(elem, size), tuple(map(size, dims)))
        case Tuple(parts):
            return Tuple(tuple(of_values(p, size) for p in parts))
        case FnType():
            return t
        case _:
            return transform(t, lambda v: v, size)


def is_open(t: Type) -> bool:
    return any(isinstance(a, Meta | SizeMeta) for a in atoms_of(t))


def strip(t: Type) -> tuple[Type, tuple[Size, ...]]:
    """The element type and the dimensions (none for what is no array)."""
    if isinstance(t, Array):
        return t.elem, t.dims
    return t, ()


def drop(t: Type, n: int) -> Type:
    """The type of an element at `n` leading indices."""
    if n == 0:
        return t
    assert isinstance(t, Array)
    return array(t.elem, t.dims[n:])


def is_scalar_variable(t: Type) -> bool:
    """Whether a type variable stands for a scalar only: a call is then mapped over the dimensions before it."""
    return isinstance(t, TypeVar) and t.bound in ("Number", "Ordered")


def is_number(t: Type) -> bool:
    return t in NUMBERS or (isinstance(t, TypeVar) and t.bound == "Number")


def is_data(t: Type) -> bool:
    """Whether a type contains no function type at any depth."""
    return data_fault(t) is None


def data_fault(t: Type, seen: frozenset[object] = frozenset()) -> FnType | None:
    """A function type inside `t`, if there is one."""
    match t:
        case FnType():
            return t
        case Array(elem) | Ranked(elem):
            return data_fault(elem, seen)
        case Tuple(parts):
            return next((f for p in parts if (f := data_fault(p, seen))), None)
        case Struct(decl, args):
            if decl in seen:
                return None
            inner = seen | {decl}
            of_args = (data_fault(a, inner) for a in args if not isinstance(a, Size))
            of_fields = (data_fault(f.type, inner) for f in decl.fields)
            return next((f for f in (*of_args, *of_fields) if f), None)
        case Enum(_, args):
            return next((f for a in args if not isinstance(a, Size) and (f := data_fault(a, seen))), None)
        case _:
            return None


def join_numbers(a: Type, b: Type) -> Type | None:
    """The scalar type that two numbers widen to, or None."""
    if a == b:
        return a
    if a == INT and b in NUMBERS:
        return b
    if b == INT and a in NUMBERS:
        return a
    return None
