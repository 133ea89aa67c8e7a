"""Documentation as people read it: in colours on a terminal, plain elsewhere."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

from ..errors import catalogue
from ..errors.tell import coloured
from . import rows
from .entries import first_sentence
from .examples import Example, Prose, parts
from .find import Contents, Found, Library

if TYPE_CHECKING:
    from pygments.lexer import RegexLexer
    from rich.text import Text

Kind: TypeAlias = Literal["title", "code", "prose", "item", "row"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page. An item is a definition and what is said of it; a row is the same in a table."""

    kind: Kind
    text: str
    said: str = ""


SOFT = ("train", "sketch", "hole", "derivative", "test", "smooth", "lipschitz", "parallel", "fixed")
"""Words whose meaning hangs on what follows; the grammar has patterns for them."""
WIDEST = 100
INDENT = "    "
COLUMN = 10
"""Where the second column of a table begins."""


def page(thing: Found | Contents) -> Iterator[Block]:
    """What there is to read of something."""
    return _found(thing) if isinstance(thing, Found) else _contents(thing)


def _found(thing: Found) -> Iterator[Block]:
    signatures = thing.signatures
    yield Block("title", "\n".join(signatures) if signatures else thing.name)
    yield from body(thing.entry.parts)
    facts = rows.classes(thing.name)
    derivative = rows.derivative(thing.name)
    if derivative:
        facts.append(f"Derivative: {derivative}")
    if facts:
        yield Block("prose", ". ".join(facts) + ".")
    for method in thing.entry.members:
        if method.public:
            yield Block("item", method.signature, method.first)


def _contents(module: Contents) -> Iterator[Block]:
    """What a module is about, and a line for each of its names."""
    yield Block("title", module.name)
    yield from body(parts(module.page.lines))
    for member in module.members:
        if not member.entry.is_method:
            yield Block("item", "\n".join(member.signatures) or member.name, member.entry.first)


def overview() -> Iterator[Block]:
    """What there is documentation of."""
    known = Library()
    yield Block("prose", "Modules; `dp doc NAME` tells more, also of a name in one, such as `linalg.solve`:")
    for module in known.modules:
        text = next((part.text for part in parts(known.page(module).lines) if isinstance(part, Prose)), "")
        yield Block("row", module, first_sentence(text))
    yield Block("prose", "Always in scope:")
    yield Block("prose", " ".join(sorted(n for n, f in known.always.items() if not f.entry.is_method)))


def body(pieces: Iterable[Prose | Example]) -> Iterator[Block]:
    for part in pieces:
        yield Block("prose", part.text) if isinstance(part, Prose) else Block("code", part.text)


def story(code: str) -> Iterator[Block]:
    """What happened, why the rule exists, a wrong and a right program."""
    yield Block("title", code)
    for i, piece in enumerate(re.split(r"^```.*$", catalogue.story(code), flags=re.MULTILINE)):
        if i % 2:
            yield Block("code", piece.strip("\n"))
        else:
            yield from (Block("prose", " ".join(p.split())) for p in piece.strip().split("\n\n") if p)


def codes() -> Iterator[Block]:
    """All diagnostics."""
    for name, members in catalogue.families():
        yield Block("prose", f"{name[0].upper()}{name[1:]}")
        for code, said in members:
            yield Block("row", code, first_sentence(said))


def write(blocks: Iterable[Block], out: TextIO) -> None:
    """Writes a page to a stream."""
    width = min(shutil.get_terminal_size().columns, WIDEST) if out.isatty() else WIDEST
    listed = list(blocks)
    if coloured(out):
        _write_coloured(listed, out, width)
    else:
        out.write(plain(listed, width))


def plain(blocks: Sequence[Block], width: int = WIDEST) -> str:
    """A page as text."""
    lines: list[str] = []
    for i, block in enumerate(blocks):
        if i and not _close(blocks[i - 1], block):
            lines.append("")
        match block.kind:
            case "title":
                lines += block.text.split("\n")
            case "code":
                lines += [(INDENT + line).rstrip() for line in block.text.split("\n")]
            case "prose":
                lines += _wrapped(block.text, width, "")
            case "item":
                lines += block.text.split("\n")
                lines += _wrapped(block.said, width, INDENT) if block.said else []
            case "row":
                lines += _wrapped(f"{block.text:{COLUMN}}{block.said}", width, "", " " * COLUMN)
    return "\n".join(lines) + "\n"


def _close(before: Block, block: Block) -> bool:
    """Whether no empty line stands between two pieces."""
    if before.kind != block.kind:
        return False
    return block.kind == "row" or (block.kind == "item" and not (before.said or block.said))


def _wrapped(text: str, width: int, first: str, others: str | None = None) -> list[str]:
    others = first if others is None else others
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _write_coloured(blocks: Sequence[Block], out: TextIO, width: int) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.syntax import Syntax
    from rich.table import Table

    console = Console(file=out, width=width, highlight=False)
    lexer = _lexer()

    def code(text: str) -> Syntax:
        return Syntax(text, lexer, theme="ansi_dark", background_color="default", word_wrap=True)

    for i, block in enumerate(blocks):
        if i and not _close(blocks[i - 1], block):
            console.print()
        match block.kind:
            case "title":
                console.print(_prose(block.text, "bold"))
            case "code":
                console.print(Padding(code(block.text), (0, 0, 0, len(INDENT))))
            case "prose":
                console.print(_prose(block.text))
            case "item":
                console.print(_prose(block.text, "bold"))
                if block.said:
                    console.print(Padding(_prose(block.said), (0, 0, 0, len(INDENT))))
            case "row":
                table = Table.grid(padding=(0, 1))
                table.add_column(width=COLUMN - 1)
                table.add_row(_prose(block.text, "bold"), _prose(block.said))
                console.print(table)


def _prose(text: str, style: str = "") -> Text:
    """A paragraph, what stands between backquotes in another colour."""
    from rich.text import Text

    made = Text(style=style)
    for i, piece in enumerate(re.split(r"`([^`]+)`", text)):
        made.append(piece, "cyan" if i % 2 else "")
    return made


def _lexer() -> RegexLexer:
    """The words and signs of dp for the highlighter."""
    from pygments import token
    from pygments.lexer import RegexLexer, words

    from ..syntax.tables import tables

    keywords = [*SOFT, *(w for w in tables().literals if w.isalpha())]

    class Dp(RegexLexer):  # type: ignore[misc, unused-ignore]
        name = "dp"
        tokens = {  # noqa: RUF012
            "root": [
                (r"#[^\n]*", token.Comment),
                (r'"(\\.|[^"\\\n])*"', token.String),
                (words(keywords, prefix=r"\b", suffix=r"\b"), token.Keyword),
                (r"\d[\d_]*(\.\d[\d_]*)?([eE][+-]?\d+)?", token.Number),
                (r"[A-Z]\w*", token.Name.Class),
                (r"[^\W\d]\w*", token.Name),
                (r"[-+*/%^@=<>!|.?]+", token.Operator),
                (r"\s+", token.Whitespace),
                (r".", token.Punctuation),
            ]
        }

    return Dp()
