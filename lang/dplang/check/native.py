"""Types that the language itself knows: `Option[T]` and the `Fit[P]` that `train` gives."""

from __future__ import annotations

from ..core.ir import BOOL, FLOAT, INT
from ..core.sizes import Size, SizeVar
from ..core.types import Array, Enum, EnumDecl, Field, Struct, StructDecl, Type, TypeVar, VariantOf
from ..errors.source import NOWHERE
from .names import Entity, EnumName, Scope, StructName, VariantName

_T = TypeVar("T")
OPTION = EnumDecl(
    "Option",
    NOWHERE,
    (_T,),
    (VariantOf("Some", (_T,), NOWHERE), VariantOf("None", (), NOWHERE)),
    "A value that may be absent.",
)
_OPTION = EnumName(OPTION, None)

_P = TypeVar("P")
FIT = StructDecl(
    "Fit",
    NOWHERE,
    (_P,),
    (
        Field("value", _P, None, False, NOWHERE),
        Field("loss", FLOAT, None, False, NOWHERE),
        Field("history", Array(FLOAT, (Size.of(SizeVar("?")),)), None, False, NOWHERE),
        Field("steps", INT, None, False, NOWHERE),
        Field("converged", BOOL, None, False, NOWHERE),
    ),
    "What `train` gives.",
)
FIT_NAME = StructName(FIT, None, Scope(None), defaults=(None,) * 5)

NATIVE: dict[str, Entity] = {
    "Option": _OPTION,
    "Some": VariantName(_OPTION, 0, NOWHERE),
    "None": VariantName(_OPTION, 1, NOWHERE),
    "Fit": FIT_NAME,
}


def option(t: Type) -> Type:
    return Enum(OPTION, (t,))


def fit(t: Type) -> Type:
    """`Fit[t]`."""
    return Struct(FIT, (t,))


FIT.info = FIT_NAME
