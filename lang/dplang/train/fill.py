"""`dp fill`: the text of a program with every hole replaced by what was learned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..check.typed import HoleInfo, Sketch
from ..core.ir import EnumDecl, Group, Layout
from ..core.types import show
from ..errors.diagnostic import Diagnostic, Edit
from ..errors.source import Source
from ..errors.training import HoleLeft
from ..interpret.format import count_leaves, text


def fit_edits(sketch: Sketch, layout: Layout, leaves: Sequence[Any], enums: Mapping[str, EnumDecl]) -> list[Edit]:
    """The replacements that a fit of a sketch makes: `layout` and `leaves` are those of the `Fit`, or of its value."""
    assert isinstance(layout, Group)
    holes = layout if layout.name == sketch.name else layout.parts[0]
    return list(_edits(sketch, holes, list(leaves)[: count_leaves(holes)], enums))


def _edits(sketch: Sketch, layout: Layout, leaves: Sequence[Any], enums: Mapping[str, EnumDecl]) -> Iterator[Edit]:
    assert isinstance(layout, Group)
    inner = dict(sketch.parts)
    infos = {info.field: info for info in sketch.infos}
    k = 0
    for i, part in enumerate(layout.parts):
        mine = leaves[k : k + count_leaves(part)]
        k += len(mine)
        if i in inner:
            yield from _edits(inner[i], part, mine, enums)
        elif i in infos:
            yield from _hole(infos[i], show(sketch.holes.decl.fields[i].type), text(enums, part, mine))


def _hole(info: HoleInfo, type: str, value: str) -> Iterator[Edit]:
    for use in info.uses:
        yield Edit(use, f"({value})" if value.startswith("-") else value)
    if info.declared is not None:
        yield Edit(info.declared, f"let {info.name}: {type} = {value}")


def unfilled(sketches: Iterable[Sketch], edits: Sequence[Edit]) -> list[Diagnostic]:
    """A warning for each hole that none of the edits fills."""
    places = {(e.span.start, e.span.end) for e in edits}
    left: list[Diagnostic] = []
    for sketch in sketches:
        for info in sketch.infos:
            at = info.declared if info.declared is not None else info.uses[0]
            if (at.start, at.end) not in places:
                left.append(HoleLeft(at, info.name, sketch.name))
    return left


def filled(source: Source, edits: Iterable[Edit]) -> str:
    """The text of `source` with the edits that belong to it; of two at one place the last one counts."""
    by_place = {(e.span.start, e.span.end): e.text for e in edits if e.span.source is source}
    made, at = [], 0
    for (start, end), new in sorted(by_place.items()):
        made += [source.text[at:start], new]
        at = end
    return "".join([*made, source.text[at:]])
