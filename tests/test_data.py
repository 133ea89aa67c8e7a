"""Data files and pictures: what is read, where faults are found, what is drawn."""

from __future__ import annotations

import io
import json
import struct
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Snapshot
from dplang.core.ir import FLOAT, STRING
from dplang.errors import Fault, Source, Span
from dplang.errors.render import render_text
from dplang.interpret import csv, files, plot
from dplang.interpret.io import IoContext
from running import run

CALL = Span(Source("program.dp", 'let (t, y) = data.csv("table.csv", "t", "y")\n'), 13, 44)

WRONG_AND_RIGHT: list[tuple[bytes, tuple[str, ...]]] = [
    (b"", ("t",)),
    (b"\n\r\n", ("t",)),
    (b"t,y\n", ("t",)),
    (b"t\n1\n", ("t",)),
    (b"t,y\n1,2\n3,x4\n", ("t", "y")),
    (b"t,y\n1,2\n3,4\n", ("t", "y")),
    (b"t,y\n1,2\n3,\n", ("t", "y")),
    (b"t,y\n1,2\n3,NA\n", ("t", "y")),
    (b"t,note\n1,NA\n3,\n", ("t",)),
    (b"t;y\n1,5;2\n", ("t",)),
    (b"t;y\n1.5;2\n", ("t",)),
    (b"t\ty\n1.5\t2\n", ("y", "t")),
    (b"t,y\n1_000,2\n", ("t",)),
    (b"t,y\n1e3,-2.5E-1\n", ("t", "y")),
    (b"t,y\n1,2\n3\n", ("t", "y")),
    (b"t,y\n1,2\n3,4,5\n", ("t", "y")),
    (b"t,y\n1,nan\n", ("t", "y")),
    (b"t,y\n1,1e999\n", ("t", "y")),
    (b"t,y\n1,-inf\n", ("t",)),
    (b"Time,Temp\n1,2\n", ("temp",)),
    (b"Time,Temp\n1,2\n", ("Temp",)),
    (b"1,2\n3,4\n", ("t",)),
    (b"t,t\n1,2\n", ("t",)),
    (b'"t","y, scaled"\n"1","2"\n', ("t", "y, scaled")),
    (b't,note\n1,"a ""quoted"" word"\n2,"two\nlines"\n', ("t",)),
    (b't,y\n"1,2\n', ("t",)),
    (b't,y\n"1"2,2\n', ("t",)),
    (b't,y\n1"2,2\n', ("t",)),
    (b"t,y\n1,2\n3,\xff\n", ("t",)),
    (b"\xef\xbb\xbft,y\r\n1,2\r\n\r\n 3 , 4 \r\n", ("t", "y")),
    (b"t,y\r1,2\r3,4", ("t", "y")),
    (b"\xff\xfet\x00,\x00", ("t",)),
]


def outcome(path: str, columns: tuple[str, ...], call: Span = CALL) -> str:
    try:
        return str([list(map(float, column)) for column in csv.columns_of(path, [(c, FLOAT) for c in columns], call)])
    except Fault as fault:
        return render_text(fault.diagnostics)


def test_faults_and_values(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases = []
    for content, columns in WRONG_AND_RIGHT:
        Path("table.csv").write_bytes(content)
        cases.append((f"{content!r} {', '.join(columns)}", outcome("table.csv", columns)))
    snapshot.agree("data/csv.txt", cases)


def test_places_that_hold_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("t\n1\n")
    Path("sub").mkdir()
    for path, code, hint in [
        ("tabel.csv", "E0701", "did you mean `table.csv`?"),
        ("sub/table.csv", "E0701", ""),
        ("none/table.csv", "E0701", ""),
        ("sub", "E0702", ""),
        (".", "E0702", ""),
        ("", "E0702", ""),
        ("a\0b", "E0701", ""),
        ("x" * 5000, "E0701", ""),
        ("/dev/null", "E0703", ""),
    ]:
        with pytest.raises(Fault) as fault:
            csv.columns_of(path, [("t", FLOAT)], CALL)
        (found,) = fault.value.diagnostics
        assert found.code == code and hint in found.help(), path
        render_text([found])


def test_paths_are_looked_for_here_and_beside_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    beside.mkdir()
    here.mkdir()
    (beside / "program.dp").write_text("")
    (beside / "table.csv").write_text("t\n1\n")
    monkeypatch.chdir(here)
    call = Span(Source(str(beside / "program.dp"), ""), 0, 0)
    assert outcome("table.csv", ("t",), call) == "[[1.0]]"
    (here / "table.csv").write_text("t\n2\n")
    assert outcome("table.csv", ("t",), call) == "[[2.0]]"
    assert outcome(str(beside / "table.csv"), ("t",), call) == "[[1.0]]"


def test_a_long_table_is_read_in_time(tmp_path: Path) -> None:
    n = 20_000
    rng = np.random.default_rng(0)
    t, y = np.arange(n) * 0.1, rng.normal(size=n)
    path = tmp_path / "long.csv"
    path.write_text("t,y\n" + "".join(f"{a},{b}\n" for a, b in zip(t.tolist(), y.tolist(), strict=True)))
    first, second = csv.columns_of(str(path), [("t", FLOAT), ("y", FLOAT)], CALL)
    assert np.array_equal(first, t) and np.array_equal(second, y)


# ---- pictures


def draw(row: Any, *args: Any, state: dict[str, Any], **options: Any) -> None:
    """Calls a row that draws, as a program does."""
    row(
        IoContext(io.StringIO(), CALL, {}, state),
        (*args, *options.values()),
        ((), (None,) * len(args) + (*options,), None),
    )


def drawn(path: str, *, state: dict[str, Any] | None = None, **options: Any) -> bytes:
    state = {} if state is None else state
    x = np.linspace(0, 1, 20)
    draw(plot.scatter, x, np.sin(x), label="data $5", state=state)
    draw(plot.line, np.cos(x), state=state)
    draw(plot.save, path, state=state, **options)
    return Path(path).read_bytes()


@pytest.mark.parametrize("kind, head", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures(kind: str, head: bytes, tmp_path: Path) -> None:
    first = drawn(str(tmp_path / f"a.{kind}"), title="$ and ünïcode", x="t", y="y")
    assert first.startswith(head) and len(first) > 2000
    if kind != "pdf":
        # the same data give the same bytes, whatever the time and the settings of the user
        assert first == drawn(str(tmp_path / f"b.{kind}"), title="$ and ünïcode", x="t", y="y")


def test_a_save_begins_a_new_figure(tmp_path: Path) -> None:
    state: dict[str, Any] = {}
    drawn(str(tmp_path / "a.png"), state=state)
    with pytest.raises(Fault, match="E0723"):
        draw(plot.save, str(tmp_path / "b.png"), state=state)


def test_what_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(3.0)

    def save(path: str, *args: Any, **options: Any) -> None:
        state: dict[str, Any] = {}
        draw(plot.line, *(args or (x, x)), state=state)
        draw(plot.save, path, state=state, **options)

    for code, path, options in [
        ("E0721", "a.bmp", {}),
        ("E0721", "a", {}),
        ("E0722", str(tmp_path / "none" / "a.png"), {}),
        ("E0722", "x\0.png", {}),
        ("E0725", str(tmp_path / "a.png"), {"width": -1.0}),
        ("E0725", str(tmp_path / "a.png"), {"height": float("nan")}),
    ]:
        with pytest.raises(Fault, match=code):
            save(path, **options)
    with pytest.raises(Fault, match="E0724"):
        draw(plot.line, x, x[:2], state={})
    huge = np.array([-1.7e308, 0.0, 1.7e308, np.nan, np.inf])
    with pytest.raises(Fault, match="E0725"):
        save(str(tmp_path / "a.png"), huge, huge)
    with pytest.raises(Fault, match="E0727"):
        draw(plot.scatter, x, x, color="no such colour", state={})
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Fault, match=r"E0720.*not installed"):
        save(str(tmp_path / "a.png"))


# ---- as programs


def test_programs(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("t,y\n0,1\n1,3\n2,5\n")
    Path("bad.csv").write_text("t,y\n0,1\none,3\n")
    Path("sub").mkdir()

    def outcome(text: str) -> str:
        ran = run(text, "program.dp")
        return "\n".join([*ran.printed, render_text(ran.diagnostics)]).replace(str(tmp_path.resolve()), "HERE")

    snapshot.run("data/programs.txt", outcome)


# ---- arrays in files


def outcome_of(text: str) -> str:
    ran = run(text, "program.dp")
    return "\n".join([*ran.printed, *(f"{d.code} {d.sentence()}" for d in ran.errors)])


def reads(kind: str, path: str, name: str = "") -> str:
    """What a program gets that reads an array as `kind`."""
    row = "npy" if path.endswith("npy") else path.partition(".")[2]
    argument = f', "{name}"' if name else ""
    return outcome_of(f'import data\nlet x: {kind} = data.{row}("{path}"{argument})\nprint(x)')


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


NUMBERS = [
    ("float64", "Float[?]", "[1.0, 2.0]"),
    ("float32", "Float[?]", "[1.0, 2.0]"),
    ("float16", "Float[?]", "[1.0, 2.0]"),
    (">f8", "Float[?]", "[1.0, 2.0]"),
    ("int64", "Float[?]", "[1.0, 2.0]"),
    ("float32", "Float32[?]", "[1.0, 2.0]"),
    ("float64", "Float32[?]", "E0717 the array in `x.npy` is float64[2], and Float32[?] is asked for"),
    ("int8", "Int[?]", "[1, 2]"),
    ("uint32", "Int[?]", "[1, 2]"),
    ("uint64", "Int[?]", "E0717 the array in `x.npy` is uint64[2], and Int[?] is asked for"),
    ("float64", "Int[?]", "E0717 the array in `x.npy` is float64[2], and Int[?] is asked for"),
    ("bool", "Bool[?]", "[true, true]"),
    ("bool", "Int[?]", "E0717 the array in `x.npy` is bool[2], and Int[?] is asked for"),
    ("complex128", "Float[?]", "E0717 the array in `x.npy` is complex128[2], and Float[?] is asked for"),
    ("U3", "Float[?]", "E0717 the array in `x.npy` is str96[2], and Float[?] is asked for"),
    ("float64", "Float[2]", "[1.0, 2.0]"),
    ("float64", "Float[3]", "E0717 the array in `x.npy` is float64[2], and Float[3] is asked for"),
    ("float64", "Float[?, ?]", "E0717 the array in `x.npy` is float64[2], and Float[?, ?] is asked for"),
    ("float64", "Float", "E0717 the array in `x.npy` is float64[2], and Float is asked for"),
]


@pytest.mark.parametrize(("dtype", "kind", "wanted"), NUMBERS)
def test_npy(dtype: str, kind: str, wanted: str, here: Path) -> None:
    np.save("x.npy", np.array([1, 2]).astype(dtype))
    assert reads(kind, "x.npy") == wanted


def test_npy_of_other_orders_and_ranks(here: Path) -> None:
    np.save("x.npy", np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert reads("Float[?, 3]", "x.npy") == "[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]"
    np.save("x.npy", np.float64(2.5))
    assert reads("Float", "x.npy") == "2.5"
    np.save("x.npy", np.zeros((0, 4)))
    assert outcome_of('import data\nlet x: Float[?, ?] = data.npy("x.npy")\nprint(shape(x))') == "(0, 4)"
    np.savez("x.npz", a=np.arange(3), b=np.eye(2))
    assert reads("Float[?, ?]", "x.npz", "b") == "[[1.0, 0.0], [0.0, 1.0]]"
    assert reads("Int[?]", "x.npz", "c") == "E0719 `x.npz` holds no array `c`"
    np.savez_compressed("x.npz", a=np.arange(3))
    assert reads("Int[?]", "x.npz", "a") == "[0, 1, 2]"


def test_one_size_in_two_places_is_one(here: Path) -> None:
    np.save("x.npy", np.zeros((2, 3)))
    text = 'import data\nfn square(path: String) -> Float[?n, ?n] = data.npy(path)\nprint(square("x.npy"))'
    assert outcome_of(text) == "E0717 the array in `x.npy` is float64[2, 3], and Float[2, 2] is asked for"
    np.save("x.npy", np.eye(2))
    assert outcome_of(text) == "[[1.0, 0.0], [0.0, 1.0]]"


def broken_npys() -> dict[str, bytes]:
    whole = io.BytesIO()
    np.save(whole, np.arange(4.0))
    good = whole.getvalue()
    objects = io.BytesIO()
    np.save(objects, np.array([{}], object), allow_pickle=True)
    huge = good.replace(b"(4,), }", b"(999999,), }").replace(b"     \n", b"\n", 1)
    return {
        "empty": b"",
        "another format": b"\x89PNG\r\n" + good,
        "version 9": good[:6] + b"\x09" + good[7:],
        "cut in the header": good[:40],
        "cut in the data": good[:-1],
        "no header": good[:10] + b"\0" * (len(good) - 10),
        "a call in the header": good.replace(b"'<f8'", b"f('')"),
        "Python objects": objects.getvalue(),
        "more promised than there is": huge,
        "a negative size": good.replace(b"(4,), }", b"(-4,),}"),
        "a number that is no size": good.replace(b"(4,), }", b"(4.,),}"),
    }


@pytest.mark.parametrize("what", broken_npys())
def test_damaged_npy(what: str, here: Path) -> None:
    Path("x.npy").write_bytes(broken_npys()[what])
    assert reads("Float[?]", "x.npy").startswith("E0718 `x.npy` is no npy file that can be read: ")
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("x.npy", broken_npys()[what])
    assert reads("Float[?]", "x.npz", "x").startswith("E0718 `x.npz` is no npz file that can be read: ")


def test_damaged_npz(here: Path) -> None:
    np.savez_compressed("good.npz", x=np.arange(100.0))
    good = Path("good.npz").read_bytes()
    for content in (b"", b"no archive", good[:50], good[: len(good) // 2], good[:60] + b"\xff" * 20 + good[80:]):
        Path("x.npz").write_bytes(content)
        assert reads("Float[?]", "x.npz", "x").startswith("E0718"), content


def tensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def test_safetensors_of_others(here: Path) -> None:
    a, b = np.arange(6, dtype="<f4").reshape(2, 3), np.array([True, False])
    half = (np.array([1.5, -2.0], "<f4").view("<u4") >> 16).astype("<u2")
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "BOOL", "shape": [2], "data_offsets": [24, 26]},
        "h": {"dtype": "BF16", "shape": [2], "data_offsets": [26, 30]},
    }
    Path("x.safetensors").write_bytes(tensors(header, a.tobytes() + b.tobytes() + half.tobytes()))
    assert reads("Float[?, ?]", "x.safetensors", "a") == "[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]"
    assert reads("Bool[?]", "x.safetensors", "b") == "[true, false]"
    assert reads("Float[?]", "x.safetensors", "h") == "[1.5, -2.0]"
    assert reads("Float[?]", "x.safetensors", "c") == "E0719 `x.safetensors` holds no array `c`"
    assert outcome_of('import data\nprint(data.metadata("x.safetensors", "format"))') == 'Some("pt")'


ONE = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
BROKEN = {
    "empty": b"",
    "no length": b"\1\0\0",
    "a header longer than the file": tensors({}, length=1 << 62),
    "a header that is cut": tensors({"x": ONE}, length=30)[:20],
    "no JSON": tensors(b"{x: 1}"),
    "no text": tensors(b'{"\xff": 1}'),
    "no object": tensors([]),
    "deep": tensors(b"[" * 100_000),
    "a name twice": tensors(b'{"x": 1, "x": 2}'),
    "no entry": tensors({"x": 1}),
    "an unknown type": tensors({"x": {**ONE, "dtype": "F8_E4M3"}}, b"\0" * 8),
    "a type that is none": tensors({"x": {**ONE, "dtype": ["F64"]}}, b"\0" * 8),
    "a negative size": tensors({"x": {**ONE, "shape": [-1]}}, b"\0" * 8),
    "a size that is a truth value": tensors({"x": {**ONE, "shape": [True]}}, b"\0" * 8),
    "a size that is too large": tensors({"x": {**ONE, "shape": [1 << 61, 1 << 61]}}, b"\0" * 8),
    "a digit too many": tensors(b'{"x": {"dtype": "F64", "shape": [' + b"9" * 5000 + b"]}}"),
    "offsets that run backwards": tensors({"x": {**ONE, "data_offsets": [8, 0]}}, b"\0" * 8),
    "offsets beyond the end": tensors({"x": {**ONE, "data_offsets": [8, 16]}}, b"\0" * 8),
    "one offset": tensors({"x": {**ONE, "data_offsets": [0]}}, b"\0" * 8),
    "too little data for the shape": tensors({"x": {**ONE, "shape": [2]}}, b"\0" * 8),
    "data that are cut": tensors({"x": ONE}, b"\0" * 7),
    "data left over": tensors({"x": ONE}, b"\0" * 9),
    "overlapping arrays": tensors({"x": ONE, "y": ONE}, b"\0" * 8),
    "metadata that are no texts": tensors({"x": ONE, "__metadata__": {"a": 1}}, b"\0" * 8),
    "truth values that are none": tensors({"x": {"dtype": "BOOL", "shape": [1], "data_offsets": [0, 1]}}, b"\2"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_damaged_safetensors(what: str, here: Path) -> None:
    Path("x.safetensors").write_bytes(BROKEN[what])
    kind = "Bool[?]" if "truth values" in what else "Float[?]"
    assert reads(kind, "x.safetensors", "x").startswith("E0718"), what


def test_others_read_what_is_written(here: Path) -> None:
    text = (
        "import data\nstruct Net { w: Float[2, 2], layers: (Float32, Int[2]), on: Bool }\n"
        "let net = Net([[1.0, 2.0], [3.0, 4.0]], (0.5, [7, 8]), true)\n"
        'data.write_safetensors("n.safetensors", net, by = "me", with = "täx")\n'
        'let again: Net = data.safetensors("n.safetensors")\nprint(again == net)\n'
        'data.write_npz("n.npz", w = net.w, n = 3)\ndata.write_npy("n.npy", [true, false])\n'
    )
    assert outcome_of(text) == "true"
    content = Path("n.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__") == {"by": "me", "with": "täx"} and length % 8 == 0
    assert {n: (e["dtype"], e["shape"]) for n, e in header.items()} == {
        "w": ("F64", [2, 2]), "layers.0": ("F32", []), "layers.1": ("I64", [2]), "on": ("BOOL", []),
    }  # fmt: skip
    low, high = header["w"]["data_offsets"]
    assert np.frombuffer(content[8 + length :][low:high]).tolist() == [1.0, 2.0, 3.0, 4.0]
    with np.load("n.npz") as archive:
        assert archive["w"].tolist() == [[1.0, 2.0], [3.0, 4.0]] and archive["n"] == 3
    assert np.load("n.npy").tolist() == [True, False]
    first = Path("n.npz").read_bytes()
    outcome_of(text)
    assert Path("n.npz").read_bytes() == first


# ---- tables of other types


def test_a_column_has_the_type_that_is_asked_for(snapshot: Snapshot, here: Path) -> None:
    Path("t.csv").write_text('n,x,ok,name,gap\n1,0.5,true,"a, b",\n-2,1e3,0, c ,NA\n3,2,FALSE,,1.5\n')

    def outcome(text: str) -> str:
        ran = run(text, "program.dp")
        return "\n".join([*ran.printed, render_text(ran.diagnostics)])

    snapshot.run("data/columns.txt", outcome)


def test_what_is_written_is_read_again(here: Path) -> None:
    text = (
        "import data\nstruct Row { x: Float, y: Float32, n: Int, ok: Bool, name: String, gap: Option[Float] }\n"
        'let rows = [Row(0.1, 0.1, -5, true, "a \\"b\\", c", Some(1e-300)), Row(1e22, 3, 7, false, " x\\ny ", None)]\n'
        'data.write_csv("r.csv", rows)\nlet again: Row[?] = data.csv("r.csv")\n'
        "print(all([again[i] == rows[i] for i in 0..2]))\n"
        'data.write_csv("one.csv", gap = rows.gap)\nlet gaps: Option[Float][?] = data.csv("one.csv", "gap")\n'
        "print(gaps)\n"
    )
    assert outcome_of(text) == "true\n[Some(1e-300), None]"


def test_a_file_is_written_whole_or_not_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("r.csv").write_text("old")
    Path("r.csv").chmod(0o640)
    Path("link.csv").symlink_to("r.csv")
    with pytest.raises(RuntimeError), files.writing("r.csv", CALL) as file:
        file.write(b"new")
        raise RuntimeError
    assert Path("r.csv").read_text() == "old" and sorted(p.name for p in here.iterdir()) == ["link.csv", "r.csv"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(Fault, match=r"E0722.*No space left"), files.writing("r.csv", CALL) as file:
            file.write(b"new")
    assert Path("r.csv").read_text() == "old" and len(list(here.iterdir())) == 2
    with files.writing("link.csv", CALL) as file:
        file.write(b"new")
    assert Path("r.csv").read_text() == "new" and Path("link.csv").is_symlink()
    assert Path("r.csv").stat().st_mode & 0o777 == 0o640
    for path in ("none/x.csv", ".", "x\0", "y" * 5000):
        with pytest.raises(Fault, match="E0722"), files.writing(path, CALL):
            pass


def test_a_fault_far_down_is_told_with_its_line(here: Path) -> None:
    lines = [f"{i},{i / 7}" for i in range(3000)]
    lines[1000] = '"1000","two\nlines"'
    lines[2900] = "2900,x"
    Path("t.csv").write_text("t,y\r\n\r\n" + "\r\n".join(lines))
    with pytest.raises(Fault) as fault:
        csv.columns_of("t.csv", [("t", FLOAT)], CALL)
        csv.columns_of("t.csv", [("y", FLOAT)], CALL)
    (found,) = fault.value.diagnostics
    # the name of the columns, a blank line, and one cell of two lines stand before
    assert (found.code, found.span.line, found.span.column) == ("E0708", 1003, 9)
    lines[1000] = "1000,0"
    Path("t.csv").write_text("t,y\r\n\r\n" + "\r\n".join(lines))
    with pytest.raises(Fault) as fault:
        csv.columns_of("t.csv", [("y", FLOAT)], CALL)
    (found,) = fault.value.diagnostics
    assert (found.code, found.span.line, found.span.column, found.span.text) == ("E0708", 2903, 6, "x")


@pytest.mark.long
def test_a_million_rows(here: Path) -> None:
    n = 1_000_000
    with open("long.csv", "w") as file:
        file.write("t,y,name\n")
        file.writelines(f'{i * 0.1},{i % 77 / 7},"site, {i % 5}"\n' for i in range(n))
    tracemalloc.start()
    started = time.process_time()
    first, names = csv.columns_of("long.csv", [("t", FLOAT), ("name", STRING)], CALL)
    took, (_, most) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert first[-1] == (n - 1) * 0.1 and names[-1] == "site, 4"
    assert took < 60 and most < 200 << 20  # traced memory makes it several times slower
