"""The parser: trees of right programs, messages of wrong ones, and bounds for hostile ones."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import SNAPSHOTS, Snapshot
from dplang.errors import CATALOGUE, Diagnostic, Fault, Source
from dplang.errors.render import render_text
from dplang.syntax import tree
from dplang.syntax.parse import LIMIT, parse, parse_expression
from dplang.syntax.tables import SHIPPED, generate, tables
from dplang.syntax.tokens import CLAUSE_WORDS
from trees import children, nodes, shown

SYNTAX = {code: cls for code, cls in sorted(CATALOGUE.items()) if code.startswith("E01") and code != "E0100"}
TEXTS = [
    case.split("\n=>\n")[0] for case in (SNAPSHOTS / "syntax/trees.txt").read_text(encoding="utf-8").split("\n---\n")
]


def outcome(text: str) -> str:
    try:
        module = parse(Source("t.dp", text))
    except Fault as fault:
        return render_text(fault.diagnostics)
    comments = [f"{comment.span.line}: {comment.text}" for comment in module.comments]
    return "\n".join([*map(shown, module.items), *comments])


def faults(text: str) -> tuple[Diagnostic, ...]:
    try:
        parse(Source("t.dp", text))
    except Fault as fault:
        return fault.diagnostics
    return ()


def parses(text: str) -> bool:
    return not faults(text)


def test_trees(snapshot: Snapshot) -> None:
    snapshot.run("syntax/trees.txt", outcome)


def test_messages(snapshot: Snapshot) -> None:
    snapshot.run("syntax/errors.txt", outcome)


def test_no_text_of_the_messages_is_a_program() -> None:
    cases = (SNAPSHOTS / "syntax/errors.txt").read_text(encoding="utf-8").removesuffix("\n---\n").split("\n---\n")
    assert [text for text in (case.split("\n=>\n")[0] for case in cases) if parses(text)] == []


# ---- the catalogue


def examples(cls: type[Diagnostic]) -> list[str]:
    """The programs in the story of a diagnostic: the wrong one and the right one."""
    blocks = re.findall(r"```dp\n(.*?)```", cls.__doc__ or "", re.S)
    return [re.sub(r"^    ", "", block, flags=re.M).rstrip() for block in blocks]


@pytest.mark.parametrize("code", SYNTAX)
def test_edits_mend_the_fault(code: str) -> None:
    for wrong in examples(SYNTAX[code])[:1]:
        for found in faults(wrong):
            for edit in found.fix():
                mended = wrong[: edit.span.start] + edit.text + wrong[edit.span.end :]
                assert parses(mended)


# ---- trees


def test_an_empty_text_is_an_empty_module() -> None:
    for text in ("", "\n", "  \n\t\r\n", "# nothing\n", "\ufeff", ";;\n;"):
        assert parse(Source("t.dp", text)).items == ()


def test_spans_are_exact() -> None:
    for text in filter(parses, TEXTS):
        for node in nodes(parse(Source("t.dp", text))):
            written = node.span.text
            assert written == written.strip() or isinstance(node, tree.Module)
            match node:
                case tree.Name(name=name) | tree.Ident(name=name) | tree.NamePattern(name=name):
                    assert written == name
                case tree.Number(value=value):
                    assert type(value)(written.replace("_", "")) == value
                case tree.Binary(op=op, op_span=span):
                    assert span.text == op
                case tree.Text():
                    assert written[0] == written[-1] == '"'
                case tree.Interpolation():
                    assert written[0] == "{" and written[-1] == "}"
                case tree.Block():
                    assert written[0] == "{" and written[-1] == "}"
            ends = [(child.span.start, child.span.end) for child in children(node)]
            assert all(node.span.start <= start <= end <= node.span.end for start, end in ends)


def test_parts_of_a_node_stand_in_order() -> None:
    for text in filter(parses, TEXTS):
        for node in nodes(parse(Source("t.dp", text))):
            if isinstance(node, tree.StructDef | tree.FnDef | tree.Module | tree.Reduction):
                continue  # fields before methods, comments after items
            starts = [child.span.start for child in children(node)]
            assert starts == sorted(starts) or isinstance(node, tree.Builder | tree.Cast)


def test_positions_count_from_one() -> None:
    (item,) = parse(Source("t.dp", "\n  let π = 3\n")).items
    assert (item.span.line, item.span.column, item.span.end_line, item.span.end_column) == (2, 3, 2, 12)


def test_documentation_belongs_to_the_definition_below_it() -> None:
    text = (
        "## One.\n##  Two.\nfn f() = 1\n## Lost.\n\nstruct S { }\nlet x = 1 ## no\nenum E { A }\n  ## In.\nfn g() = 1"
    )
    docs = [item.doc for item in parse(Source("t.dp", text)).items if not isinstance(item, tree.Let)]  # type: ignore[union-attr]
    assert docs == ["One.\n Two.", "", "", "In."]


def test_soft_words_are_names_elsewhere() -> None:
    for word in [*CLAUSE_WORDS, "train", "test", "sketch", "hole", "derivative", "fixed", "smooth", "parallel"]:
        assert parses(f"let {word} = 1\n{word} = {word} + f({word}, {word} = {word})\n{word}.{word}[{word}] |> {word}")
        assert parses(f"fn {word}({word}: {word}) -> {word} {{ {word} }}")


def test_words_of_the_language_are_member_names() -> None:
    assert parses("x.match + x.for + x.if.else(x.fn)")


def test_expressions_for_internal_use() -> None:
    assert shown(parse_expression(" 1 - r^2\n")) == shown(parse_expression("1-r^2"))
    for wrong in ("", "let x = 1", "a b", "(a", "a; b"):
        with pytest.raises(Fault):
            parse_expression(wrong)


# ---- bounds

DEEP = {
    "open round": "(" * 100_000,
    "open square": "[" * 100_000,
    "open braces": "{" * 100_000,
    "closed": "(" * 100_000 + ")" * 100_000,
    "interpolation": '"{' + "(" * 5_000 + "1" + ")" * 5_000 + '}"',
    "operators": "let x = " + "+".join("a" * 50_000),
    "signs": "let x = " + "-" * 50_000 + "1",
    "powers": "2" + "^2" * 50_000,
    "pipes": "x" + " |> f" * 50_000,
    "calls": "f" + "(x)" * 50_000,
    "members": "x" + ".f" * 50_000,
    "functions": "x -> " * 50_000 + "x",
    "else if": "if a { b }" + " else if a { b }" * 50_000,
    "types": "let x: " + "() -> " * 50_000 + "A = 1",
    "blocks": "if a {" * 50_000 + "}" * 50_000,
    "matches": "match x { A => " * 50_000 + "}" * 50_000,
    "comparisons": "a" + " < a" * 50_000,
    "else": "else " * 50_000,
    "closers": ")" * 50_000,
    "assignments": "x = " * 50_000,
    "digits": "9" * 100_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_hostile_texts_have_one_clear_fault(name: str) -> None:
    assert len(faults(DEEP[name])) == 1


def test_wide_texts_are_programs() -> None:
    for text in ("[" + "1, " * 20_000 + "1]", "x = 1\n" * 5_000, ";" * 20_000, '"' + "{x}" * 5_000 + '"'):
        assert parses(text)


def test_the_limit_of_nesting() -> None:
    assert parses("(" * (LIMIT - 1) + "1" + ")" * (LIMIT - 1))
    assert parses("+".join("a" * LIMIT))
    assert [d.code for d in faults("+".join("a" * (LIMIT + 1)))] == ["E0109"]


def test_mutilated_texts_end_in_faults() -> None:
    dice = random.Random(20)
    texts = [text for text in TEXTS if text] + ["\n".join(TEXTS[:40])]
    for turn in range(1500):
        text = dice.choice(texts)
        pieces = list(text) if turn % 3 == 0 else re.findall(r"\w+|\s+|[^\w\s]", text)
        for _ in range(dice.randint(1, 3)):
            i, j = dice.randrange(len(pieces) + 1), dice.randrange(len(pieces) + 1)
            match dice.randrange(4):
                case 0:
                    del pieces[i : i + 1]
                case 1:
                    pieces[i:i] = pieces[j : j + dice.randint(1, 4)]
                case 2 if i < len(pieces) and j < len(pieces):
                    pieces[i], pieces[j] = pieces[j], pieces[i]
                case _:
                    pieces[i:i] = dice.choice(["(", "}", '"', "\n", "{", "'", "=", "\x00", "\ud800", "é", ".5", "else"])
        found = faults("".join(pieces))
        assert render_text(found) != "" or not found


# ---- tables


def test_the_shipped_tables_belong_to_the_grammar() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == generate(), "run python -m dplang.syntax.tables"


def test_a_state_takes_a_clause_word_or_a_name_never_both() -> None:
    kinds = {tables().literals[word] for word in CLAUSE_WORDS}
    taken = [{kind for kind, code in row.items() if code > 0} for row in tables().actions]
    assert [shifts for shifts in taken if "NAME" in shifts and kinds & shifts] == []


def test_tables_are_read_without_lark() -> None:
    code = "import sys, dplang.syntax.parse as p; p.parse_expression('1'); print('lark' in sys.modules)"
    lang = Path(__file__).parent.parent / "lang"
    ran = subprocess.run([sys.executable, "-c", code], cwd=lang, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
