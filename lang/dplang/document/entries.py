"""What has documentation: definitions in files, with the `##` comments before them, and sections of the manual of
built-in names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors.source import Source
from ..loading import library, read
from ..syntax import parse as syntax
from ..syntax import tree
from .examples import Example, Line, Prose, parts

MANUAL = "builtins.md"
_SECTION = re.compile(r"# (?P<name>[^\s(\[]+)(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented thing. A method's name is `Adam.step`, and `members` are a struct's methods. An empty signature is
    to be found in the primitive table."""

    name: str
    signature: str
    lines: tuple[Line, ...]
    source: Source
    line: int
    members: tuple[Entry, ...] = ()
    is_method: bool = False

    @property
    def public(self) -> bool:
        return not any(part.startswith("_") for part in self.name.split("."))

    @property
    def parts(self) -> list[Prose | Example]:
        return parts(self.lines)

    @property
    def examples(self) -> list[Example]:
        return [part for part in self.parts if isinstance(part, Example)]

    @property
    def first(self) -> str:
        """The first sentence."""
        prose = next((part.text for part in self.parts if isinstance(part, Prose)), "")
        return first_sentence(prose)


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[^.][.!?]) (?=[^a-z])", text, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Page:
    """A file's documentation: what its first comment says, and its definitions."""

    name: str
    lines: tuple[Line, ...]
    entries: tuple[Entry, ...]

    def walk(self) -> Iterator[Entry]:
        """All entries, methods after their structs."""
        for entry in self.entries:
            yield entry
            yield from entry.members


def page(path: str) -> Page:
    """The documentation of a dp file; a Fault where it cannot be read as one."""
    return page_of(read(path))


def page_of(source: Source) -> Page:
    """The documentation in a text."""
    module = syntax.parse(source)
    comments = _comments(source, module.comments)
    entries = _merged(entry for item in module.items if (entry := _entry(source, comments, item)) is not None)
    first = next((i for i, line in enumerate(source.text.split("\n"), 1) if line.strip()), 1)
    taken = {line.number for entry in entries for line in entry.lines}
    head: list[Line] = []
    while first in comments and first not in taken:
        head.append(comments[first])
        first += 1
    if head:  # `# nn.dp: layers`
        head[0] = Line(re.sub(r"^[\w.-]+\.dp: ", "", head[0].text), head[0].number)
    return Page(source.name, tuple(head), tuple(entries))


def _merged(entries: Iterable[Entry]) -> list[Entry]:
    """Functions of one name for several numbers of arguments as one entry."""
    found: dict[str, Entry] = {}
    for entry in entries:
        before = found.get(entry.name)
        if before is not None:
            lines = (*before.lines, Line("", entry.line), *entry.lines) if entry.lines else before.lines
            entry = replace(before, signature=f"{before.signature}\n{entry.signature}", lines=lines)
        found[entry.name] = entry
    return list(found.values())


def manual() -> Page:
    """The documentation of what is built in: in the manual, a section a name."""
    path = library() / MANUAL
    source = Source(str(path), path.read_text(encoding="utf-8") if path.is_file() else "")
    lines = [Line(text.rstrip(), number) for number, text in enumerate(source.text.split("\n"), 1)]
    heads = [(i, m) for i, line in enumerate(lines) if (m := _SECTION.fullmatch(line.text))]
    ends = [*(i for i, _ in heads[1:]), len(lines)][: len(heads)]
    entries = tuple(
        Entry(m["name"], m["name"] + m["rest"] if m["rest"] else "", tuple(lines[i + 1 : end]), source, i + 1)
        for (i, m), end in zip(heads, ends, strict=True)
    )
    return Page(source.name, tuple(lines[: heads[0][0] if heads else 0]), entries)


# ---- definitions


def _comments(source: Source, comments: Sequence[tree.Comment]) -> dict[int, Line]:
    """The lines that hold nothing but a comment, by number."""
    found = {}
    for comment in comments:
        number, column = source.position(comment.span.start)
        if not source.line(number)[: column - 1].strip():
            signs = "##" if comment.text.startswith("##") else "#"
            text = comment.text.removeprefix(signs)
            blank = text.startswith(" ")
            found[number] = Line(text[blank:].rstrip(), number, column + len(signs) + blank)
    return found


def _above(source: Source, comments: Mapping[int, Line], number: int) -> tuple[Line, ...]:
    """The `##` comments in the lines right before a definition."""
    found: list[Line] = []
    while (line := comments.get(number - 1)) is not None and source.line(line.number).lstrip().startswith("##"):
        found.append(line)
        number -= 1
    return tuple(reversed(found))


def _entry(source: Source, comments: Mapping[int, Line], item: tree.Item) -> Entry | None:
    lines = _above(source, comments, item.span.line)
    match item:
        case tree.FnDef(name=name):
            return Entry(name.name, head(item), lines, source, item.span.line)
        case tree.StructDef(name=name):
            methods = tuple(
                Entry(
                    f"{name.name}.{method.name.name}",
                    head(method),
                    _above(source, comments, method.span.line),
                    source,
                    method.span.line,
                    is_method=True,
                )
                for method in item.methods
            )
            return Entry(name.name, _struct(item), lines, source, item.span.line, methods)
        case tree.EnumDef(name=name):
            return Entry(name.name, _enum(item), lines, source, item.span.line)
        case tree.Let(pattern=tree.NamePattern(name=str(name)), type=annotation) if name != "_" and lines:
            shown = f": {annotation.span.text}" if annotation is not None else ""
            return Entry(name, f"let {name}{shown}", lines, source, item.span.line)
        case _:
            return None


def head(fn: tree.FnDef) -> str:
    """A function's definition without its body, in one line."""
    text = fn.span.source.text[fn.span.start : fn.body.span.start]
    return _one_line(text.rstrip().removesuffix("=").rstrip())


def _struct(item: tree.StructDef) -> str:
    fields = ", ".join(_one_line(field.span.text) for field in item.fields)
    return f"struct {item.name.name}{_type_params(item.type_params)} {{ {fields} }}"


def _enum(item: tree.EnumDef) -> str:
    variants = ", ".join(_one_line(variant.span.text) for variant in item.variants)
    return f"enum {item.name.name}{_type_params(item.type_params)} {{ {variants} }}"


def _type_params(params: Sequence[tree.TypeParam]) -> str:
    return f"[{', '.join(p.span.text for p in params)}]" if params else ""


def _one_line(text: str) -> str:
    """Text of a definition with the comments and line breaks taken out."""
    words = " ".join(re.sub(r"(^|\s)#[^\n]*", " ", text).split())
    return re.sub(r",? ?([)\]])", r"\1", re.sub(r"([(\[]) ", r"\1", words))
