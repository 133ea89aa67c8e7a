"""The type checker: types that it finds, messages, sound typed trees, modules and entries of the REPL."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from conftest import SNAPSHOTS, Snapshot
from dplang.check import typed
from dplang.check.module import Checked, check, new_scope
from dplang.core.types import show
from dplang.errors import Fault, Source
from dplang.errors.render import render_text
from dplang.loading import Modules
from dplang.stack import deep
from dplang.syntax.parse import parse
from typed_rules import verify

ROOT = Path(__file__).parent.parent


def checked(text: str, name: str = "t.dp") -> Checked:
    """A program, checked. Faults of syntax are the test's own mistake."""
    return deep(lambda: check(parse(Source(name, text)), name, Modules(lambda warning: None), None))


def codes(text: str) -> list[str]:
    return [d.code for d in checked(text).diagnostics]


def types(text: str) -> dict[str, str]:
    """The types of a sound program's top-level names."""
    result = checked(text)
    assert result.sound, render_text(result.diagnostics)
    verify(result.module)
    found: dict[str, str] = {}
    for name, entity in result.module.names.items():
        if isinstance(entity, typed.Symbol):
            found[name] = show(result.module.types[entity])
        elif isinstance(entity, typed.Function) and entity.result is not None:
            params = ", ".join(map(show, entity.param_types))
            found[name] = f"({params}) -> {show(entity.result)}{' io' if entity.io else ''}"
    return dict(sorted(found.items()))


def test_faulty(snapshot: Snapshot) -> None:
    """Programs with several mistakes: one message for each."""
    snapshot.run("check/faulty.txt", lambda text: render_text(checked(text).diagnostics))


def test_types(snapshot: Snapshot) -> None:
    snapshot.run("check/types.txt", lambda text: "\n".join(f"{n}: {t}" for n, t in types(text).items()))


def programs() -> list[tuple[str, str]]:
    files = [*ROOT.glob("tests/cases/*/*.dp"), *ROOT.glob("examples/*.dp"), *ROOT.glob("stdlib/*.dp")]
    found = [(f.stem if f.parent.name == "stdlib" else str(f), f.read_text(encoding="utf-8")) for f in sorted(files)]
    for name in ("types", "faulty"):
        cases = (SNAPSHOTS / f"check/{name}.txt").read_text(encoding="utf-8").split("\n---\n")
        found += [("t.dp", case.split("\n=>\n")[0]) for case in cases]
    return found


def test_typed_trees() -> None:
    """What lowering relies on holds in every sound program, and in the modules that it imports."""
    for name, text in programs():
        modules = Modules(lambda warning: None)
        try:
            result = check(parse(Source(name, text)), name, modules, None)
        except Fault:
            continue
        if result.sound:
            for module in (*modules.checked, result.module):
                verify(module)


@pytest.mark.parametrize("seed", range(3))
def test_spoiled_programs(seed: int) -> None:
    """Any program that parses is checked without a failure of the checker itself."""
    _spoil(seed, 60)


@pytest.mark.long
def test_many_spoiled_programs() -> None:
    _spoil(100, 4000)


def _spoil(seed: int, rounds: int) -> None:
    random_ = random.Random(seed)
    token = re.compile(r'"[^"\n]*"|\w+|\s+|[^\w\s]')
    texts = [text for _, text in programs()]
    words = [w for text in texts for w in token.findall(text) if w.strip()]
    modules = Modules(lambda warning: None)
    for _ in range(rounds):
        tokens = token.findall(random_.choice(texts)) or [" "]
        for _ in range(random_.randint(1, 3)):
            i = random_.randrange(len(tokens))
            tokens[i : i + random_.randint(0, 1)] = random_.choice(([], [random_.choice(words)]))
            tokens = tokens or [" "]
        try:
            tree = parse(Source("t.dp", "".join(tokens)))
        except Fault:
            continue
        result = check(tree, "t.dp", modules, None)
        render_text(result.diagnostics)
        if result.sound:
            verify(result.module)


# ---- modules and the REPL


def test_imports(tmp_path: Path) -> None:
    model = "let scale = 2.0\nstruct Wave { a: Float > 0, fn call(self, t: Float) = scale * self.a * t }\n"
    (tmp_path / "model.dp").write_text(
        model + "enum Color { Red, Mix(Float) }\nlet half = x -> x / scale\n", encoding="utf-8"
    )
    main = """
import "./model.dp" as model
from "./model.dp" import Wave, Mix
let w: model.Wave = Wave(1)
let y = w([1.0, 2.0]) + model.half(model.scale)
let z = match model.Color.Red { model.Red => 1.0, Mix(x) => x }
"""
    name = str(tmp_path / "main.dp")
    result = check(parse(Source(name, main)), name, Modules(lambda warning: None), None)
    assert result.sound, render_text(result.diagnostics)
    verify(result.module)


def test_import_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "script.dp").write_text("print(1)\n", encoding="utf-8")
    name = str(tmp_path / "main.dp")
    result = check(parse(Source(name, 'import "./script.dp"\n')), name, Modules(lambda warning: None), None)
    assert [d.code for d in result.diagnostics] == ["E0213"]


def test_repl() -> None:
    """Each entry sees the names of those before, which may be taken again."""
    scope = new_scope()
    modules = Modules(lambda warning: None)
    shown: list[str] = []
    entries = [
        "let x = 3", "x + 1", "fn f(y: Float) = x * y", "let x = [1.0]", "f(2)", "let s = y -> sum(x) * y", "s(3)",
        "let n = int(f(3))", "zeros(n) + ones(n)", "var h = 1", "h += 1", "_",
    ]  # fmt: skip
    for entry in entries:
        result = check(parse(Source("repl", entry)), "repl", modules, scope)
        assert result.sound, render_text(result.diagnostics)
        verify(result.module)
        scope = result.scope
        symbol = result.module.names.get("_")
        if isinstance(symbol, typed.Symbol):
            shown.append(show(result.module.types[symbol]))
    assert shown == ["Int", "Float", "Float", "Float[n]", "Float[n]"]


# ---- single rules


def test_effects() -> None:
    found = types("fn a(x: Float) { print(x) }\nfn b(x: Float) = a(x)\nfn c(x: Float) = x")
    assert found == {"a": "(Float) -> () io", "b": "(Float) -> () io", "c": "(Float) -> Float"}


def test_globals() -> None:
    """A function uses the top-level names that the functions which it calls use."""
    result = checked("let k = 2.0\nfn f(x: Float) = k * x\nfn g(x: Float) = f(x)")
    g = result.module.names["g"]
    assert isinstance(g, typed.Function)
    assert [s.name for s in g.globals] == ["k"]


def test_a_function_is_shared_by_its_uses() -> None:
    """A function value bound by `let` is made once for each kind of arguments, not once for each use."""
    lets = "let f0 = x -> x + 1\n" + "\n".join(f"let f{i} = x -> f{i - 1}(f{i - 1}(x))" for i in range(1, 30))
    result = checked(lets + "\nprint(f29(1.0))")
    assert result.sound
    assert len(result.module.stmts) == 31


def test_order() -> None:
    assert codes("fn f(x: Float) = g(x)\nfn g(x: Float) = c * x\nprint(f(1))\nlet c = 2.0") == ["E0205"]
    assert codes("fn f(x: Float) = g(x)\nfn g(x: Float) = c * x\nlet c = 2.0\nprint(f(1))") == []


def test_builtin_names_are_shadowed_from_their_line_on() -> None:
    assert types("let a = pi\nlet pi = 3\nlet b = pi\nlet c = sqrt(2)\nfn sqrt(x: Int) = x\nlet d = sqrt(2)") == {
        "a": "Float", "b": "Int", "c": "Float", "d": "Int", "pi": "Int", "sqrt": "(Int) -> Int",
    }  # fmt: skip


def test_deep_programs() -> None:
    for text in (
        "let y = 1.0\nlet x = " + "+".join(["y"] * 700),
        "fn id[A](x: A) -> A = x\nlet y = " + "id(" * 250 + "1" + ")" * 250,
        "\n".join(f"fn f{i}(x: Float) = f{i + 1}(x) + 1" for i in range(1000))
        + "\nfn f1000(x: Float) = x\nprint(f0(1))",
    ):
        assert codes(text) == []
