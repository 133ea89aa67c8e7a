"""How the classes of trees are made: `@node(frozen=True, slots=True)`.

To the type checker this is `dataclasses.dataclass`, so it refuses assignments to fields. At run time it is a
slotted dataclass whose comparison, hash and text are functions shared by all nodes, and nothing guards against an
assignment a second time. `dataclass` itself would compile six functions for a class; there are hundreds of
classes, made at every start of a command that is to answer at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as node
else:
    from dataclasses import dataclass, fields
    from operator import attrgetter

    def node(*, frozen, slots):
        """Makes a class a node; its instances are equal where their class and compared fields are."""
        assert frozen and slots, "nodes are immutable and have slots"

        def make(cls):
            made = dataclass(repr=False, eq=False, slots=True)(cls)
            compared = [f.name for f in fields(made) if f.compare]
            made._compared = attrgetter(*compared) if compared else type
            made.__eq__, made.__hash__, made.__repr__ = _equal, _hash, _text
            return made

        return make

    def _equal(self, other):
        if self is other:
            return True
        if self.__class__ is not other.__class__:
            return NotImplemented
        return self._compared(self) == self._compared(other)

    def _hash(self):
        return hash((self.__class__, self._compared(self)))

    def _text(self):
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
        return f"{self.__class__.__qualname__}({shown})"


__all__ = ["node"]
