"""How diagnostics look: text for people, JSON for tools."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from conftest import Snapshot
from dplang.errors import NOWHERE, Diagnostic, Edit, NotBuilt, Note, Source, Span
from dplang.errors.render import MOST, render_json, render_text


@dataclass(frozen=True)
class Sample(Diagnostic):
    """A diagnostic with everything in it."""

    code = "E9999"
    text: str = "something is wrong"
    tag: str = ""
    reasons: tuple[Note, ...] = ()
    remedy: str = ""
    edits: tuple[Edit, ...] = ()

    def sentence(self) -> str:
        return self.text

    def label(self) -> str:
        return self.tag

    def notes(self) -> Iterable[Note]:
        return self.reasons

    def help(self) -> str:
        return self.remedy

    def fix(self) -> tuple[Edit, ...]:
        return self.edits


class Warned(Sample):
    code = "W9999"


def marked(text: str) -> Span:
    """The span between `[[` and `]]` in a text."""
    start, end = text.index("[["), text.index("]]") - 2
    return Span(Source("a.dp", text.replace("[[", "").replace("]]", "")), start, end)


SPANS = [
    "let x = [[y]] + 1",
    "first\n  [[second line\n  and a third]] one\n",
    "f(\n[[  a,\n  b,\n  c,\n  d,\n  e,\n  f]])\n",
    "\tlet\t[[x\ty]]\t= 1",
    "let 变量 = [[变量]] + é",
    "e\u0301e\u0301 + [[e\u0301]]e\u0301",
    "let x =[[]]",
    "let x =\n[[]]",
    "[[]]",
    "x = 1\r\n[[y]] = 2\r\n",
    "[[whole line\n]]next",
    'let s = "\x1b[31m\u202e" + [[\x07]]',
    "a" * 200 + " + [[bbb]] + " + "c" * 200,
    "[[" + "long " * 60 + "]]",
    "变" * 90 + "[[x]]" + "变" * 90,
    "\n" * 998 + "one\n[[two\nthree]]",
]


def test_spans(snapshot: Snapshot) -> None:
    spans = [(text, marked(text)) for text in SPANS]
    snapshot.agree("render/spans.txt", ((repr(t)[:300], render_text([Sample(s, tag="here")])) for t, s in spans))


def test_notes_help_and_fix(snapshot: Snapshot) -> None:
    text = "fn f(x: Float) {\n  let k = round(x)\n  xs[k] * stop(k)\n}\n"
    source, other = Source("f.dp", text), Source("lib/g.dp", "let g = f\n")
    span = Span(source, text.index("xs"), text.index(" *"))
    reasons = (
        Note("beside it", Span(source, text.index("stop"), text.index("\n}"))),
        Note("the parameter enters here", Span(source, 5, 6)),
        Note("`round` takes its tangent away", Span(source, text.index("round"), text.index("\n  xs"))),
        Note("on the same line, later", Span(source, text.index("stop"), text.index("\n}"))),
        Note("asked for here", Span(other, 8, 9)),
        Note("and a fact without a place"),
        Note("nowhere", NOWHERE),
    )
    edits = (Edit(Span(source, span.start, span.start + 2), "ys"), Edit(Span(source, span.end, span.end), " + 1"))
    cases = {
        "everything": Sample(span, "a path is cut off", "cut off here", reasons, "write\nthis or that", edits),
        "a warning": Warned(span, "beware", edits=edits[:1]),
        "no place": Sample(NOWHERE, "not in any file", remedy="look elsewhere"),
        "a note without a place": Sample(NOWHERE, "fault", reasons=reasons[-3:]),
        "an edit of two lines is not shown": Sample(span, edits=(Edit(Span(source, 0, 20), "a"),)),
    }
    snapshot.agree("render/parts.txt", ((name, render_text([sample])) for name, sample in cases.items()))


def test_colour_adds_nothing_but_escapes() -> None:
    samples = [Sample(marked(text), tag="here", remedy="so", reasons=(Note("why"),)) for text in SPANS]
    plain, painted = render_text(samples), render_text(samples, color=True)
    assert painted != plain
    strip = re.compile(r"\x1b\[[0-9;]*m")
    assert [line.rstrip() for line in strip.sub("", painted).split("\n")] == plain.split("\n")


def test_order_does_not_depend_on_the_input() -> None:
    source = Source("a.dp", "abc def")
    samples = [NotBuilt(Span(source, i % 5, 6), f"part {i}") for i in range(20)]
    assert render_text(samples) == render_text(samples[::-1])
    assert render_text(samples + samples) == render_text(samples)
    assert render_json(samples) == render_json(samples[::-1])


def test_only_so_many_are_shown_and_errors_first() -> None:
    source = Source("a.dp", "x\n" * 100)
    warnings = [Warned(Span(source, 2 * i, 2 * i + 1), "beware") for i in range(50)]
    error = Sample(Span(source, 150, 151), "wrong")
    text = render_text([*warnings, error])
    assert text.count("warning[W9999]") == MOST - 1
    assert "error[E9999]: wrong" in text
    assert text.endswith(f"and {51 - MOST} more\n")


def test_nothing_is_an_empty_text() -> None:
    assert render_text([]) == ""
    assert json.loads(render_json([])) == []


def test_json() -> None:
    source = Source("a.dp", "one\ntwo π\nthree")
    span = Span(source, 4, 11)
    sample = Sample(span, "wrong", reasons=(Note("why", Span(source, 0, 3)), Note("a fact")), remedy="mend it")
    (data,) = json.loads(render_json([sample]))
    assert data == {
        "code": "E9999",
        "severity": "error",
        "message": "wrong",
        "file": "a.dp",
        "line": 2,
        "column": 1,
        "end_line": 3,
        "end_column": 2,
        "notes": [
            {"message": "why", "file": "a.dp", "line": 1, "column": 1, "end_line": 1, "end_column": 4},
            {"message": "a fact", "file": None, "line": None, "column": None, "end_line": None, "end_column": None},
        ],
        "help": "mend it",
    }
    assert json.loads(render_json([Warned(span)]))[0]["severity"] == "warning"


def test_json_survives_what_is_no_unicode() -> None:
    assert json.loads(render_json([Sample(NOWHERE, "\ud800")]))[0]["message"] == "\ud800"
    render_text([Sample(NOWHERE, "\ud800")]).encode("utf-8")
