"""Files of arrays: NumPy's `.npy` and `.npz`, and `.safetensors`.

A file is not trusted: every length, offset and shape in it is checked before anything is made of it, and nothing in it
is executed (arrays of Python objects are refused).

A safetensors file is the length of a header (8 bytes, the lowest first), the header, a JSON object that says for each
name the type of the elements, the shape and from where to where the data stand behind the header, and the data. Its
entry `__metadata__` holds texts.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from ..core.ir import FLOAT32, STRING, ArrayType, Code, Group, Layout, Leaf, Scalar, Type
from ..errors import data as faults
from ..errors.diagnostic import Fault
from ..errors.source import Span
from .files import reading, writing
from .io import IoContext
from .values import allocate, dtype_of

Array = np.ndarray[Any, Any]
Meta = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An array that is asked for. A size below 0 is the file's: the same number, the same size."""

    name: str
    type: Type
    sizes: tuple[int, ...]


def _wanted(args: Sequence[Any], layout: Layout) -> list[_Wanted]:
    """What a row is asked to read, from its arguments behind the path: a name and sizes for each array."""
    found, k = [], 0
    for t in _types(layout):
        rank = len(t.dims) if isinstance(t, ArrayType) else 0
        found.append(_Wanted(args[k], t, tuple(args[k + 1 : k + 1 + rank])))
        k += 1 + rank
    return found


def _types(layout: Layout) -> Iterator[Type]:
    match layout:
        case Leaf(t):
            yield t
        case Group(parts=parts) | Code(parts):
            for p in parts:
                yield from _types(p)


# ---- what a program may read as what

_FITS: Mapping[str, tuple[str, ...]] = {
    "Float": ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4"),
    "Float32": ("f2", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4"),
    "Int": ("i1", "i2", "i4", "i8", "u1", "u2", "u4"),
    "Bool": ("b1",),
}


class _Reader:
    """Fits what a file holds to what is asked for."""

    def __init__(self, path: str, format: str, call: Span) -> None:
        self.path = path
        self.format = format
        self.call = call
        self.known: dict[int, int] = {}

    def bad(self, reason: str) -> Fault:
        return Fault(faults.BadArrayFile(self.call, self.path, self.format, reason))

    def check(self, wanted: _Wanted, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
        """Faults where an array of this shape and type is not what is asked for."""
        elem = wanted.type.elem if isinstance(wanted.type, ArrayType) else wanted.type
        assert isinstance(elem, Scalar)
        fits = f"{dtype.kind}{dtype.itemsize}" in _FITS[elem.name]
        if fits and len(shape) == len(wanted.sizes) and all(map(self.agree, wanted.sizes, shape)):
            return
        sizes = [self.known.get(s, s) if s < 0 else s for s in wanted.sizes]
        asked = elem.name + (f"[{', '.join('?' if s < 0 else str(s) for s in sizes)}]" if sizes else "")
        narrow = not fits and dtype.kind == "f" and elem.name == "Float32"
        found = _shown(shape, dtype)
        raise Fault(faults.WrongArray(self.call, self.path, wanted.name, found, asked, narrow))

    def agree(self, wanted: int, found: int) -> bool:
        """Whether a size is what is asked for; one that only the file knows is what it was before."""
        return (wanted if wanted >= 0 else self.known.setdefault(wanted, found)) == found

    def data(self, file: Any, wanted: _Wanted, shape: Sequence[int], dtype: np.dtype[Any], columns: bool) -> Any:
        """The next elements of a file as what is asked for; `columns`: the first index runs fastest."""
        self.check(wanted, shape, dtype)
        raw = allocate((math.prod(shape),), dtype, self.call)
        self.fill(file, raw)
        return self.value(wanted, raw.reshape(shape[::-1]).T if columns else raw.reshape(shape))

    def fill(self, file: Any, a: Array) -> None:
        """Reads the data of an array."""
        if a.size and file.readinto(a.view(np.uint8).data) < a.nbytes:
            raise self.bad("it is cut off")

    def value(self, wanted: _Wanted, a: Array) -> Any:
        """An array as a value of the language."""
        made = a.astype(dtype_of(wanted.type), order="C", copy=False)
        if isinstance(wanted.type, ArrayType):
            return made
        return made[()] if wanted.type == FLOAT32 else made.item()


def _shown(shape: Sequence[int], dtype: np.dtype[Any]) -> str:
    return dtype.name + (f"[{', '.join(map(str, shape))}]" if shape else "")


# ---- NumPy

MAGIC = b"\x93NUMPY"
HEADER = 1 << 16
"""A header says three things; longer ones are of no file that holds plain numbers."""


def read_npy(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[Any, ...]:
    """`data.npy(path, ..)`."""
    (wanted,) = _wanted(args[1:], meta[2])
    with reading(args[0], context.span) as (path, file):
        return (_npy(file, _Reader(path, "npy", context.span), wanted),)


def read_npz(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[Any, ...]:
    """`data.npz(path, name ..)`: an archive of `.npy` files."""
    (wanted,) = _wanted(args[1:], meta[2])
    with reading(args[0], context.span) as (path, file):
        reader = _Reader(path, "npz", context.span)
        try:
            with zipfile.ZipFile(file) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
                if wanted.name not in names:
                    raise Fault(faults.NoSuchArray(context.span, path, wanted.name, tuple(names)))
                with archive.open(f"{wanted.name}.npy") as member:
                    return (_npy(member, reader, wanted),)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise reader.bad(str(error).lower() or "it is cut off") from None


def _npy(file: Any, reader: _Reader, wanted: _Wanted) -> Any:
    """The array of a `.npy` file."""
    head = file.read(len(MAGIC) + 2)
    if head[: len(MAGIC)] != MAGIC or len(head) < len(MAGIC) + 2:
        raise reader.bad("it does not begin as one")
    read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}.get(head[-2])
    if read is None:
        raise reader.bad(f"its version is {head[-2]}.{head[-1]}")
    try:
        shape, columns, dtype = read(file, max_header_size=HEADER)
    except (ValueError, TypeError, SyntaxError, EOFError, RecursionError, MemoryError):
        raise reader.bad("its header makes no sense") from None
    if dtype.hasobject:
        raise reader.bad("it holds Python objects, which are code")
    if any(n < 0 for n in shape):
        raise reader.bad("its header makes no sense")
    return reader.data(file, wanted, shape, dtype, columns)


def write_npy(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[Any, ...]:
    """`data.write_npy(path, x)`."""
    ((_, _, a),) = _given(args, meta)
    with writing(args[0], context.span) as file:
        np.lib.format.write_array(file, a, (1, 0), allow_pickle=False)
    return ()


def write_npz(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[Any, ...]:
    """`data.write_npz(path, a = x, ..)`. The same arrays give the same file: it holds no time."""
    with writing(args[0], context.span) as file, zipfile.ZipFile(file, "w") as archive:
        for name, _, a in _given(args, meta):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, a, (1, 0), allow_pickle=False)
    return ()


def _given(args: Sequence[Any], meta: Meta) -> Iterator[tuple[str, Scalar, Any]]:
    """What is to be written behind the path: name, type of the elements, value (a text, or an array)."""
    (_, *layouts), (_, *names), _ = meta
    values = iter(args[1:])
    for layout, name in zip(layouts, names, strict=True):
        for inner, t in _leaves(layout, name or ""):
            elem = t.elem if isinstance(t, ArrayType) else t
            assert isinstance(elem, Scalar)
            value = next(values)
            yield inner, elem, value if elem == STRING else np.asarray(value, dtype_of(elem), order="C")


def _leaves(layout: Layout, name: str) -> Iterator[tuple[str, Type]]:
    """The arrays of a value, each with its name: those of a struct `layer.w`, those of a tuple `layers.0`."""
    match layout:
        case Leaf(t):
            yield name, t
        case Group(fields=fields, parts=parts):
            for inner, p in zip(fields or map(str, range(len(parts))), parts, strict=True):
                yield from _leaves(p, f"{name}.{inner}" if name else inner)
        case _:
            raise AssertionError(layout)


# ---- safetensors

_DTYPES: Mapping[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_LONGEST = 100_000_000
"""Bytes of a header at most; the format says so."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """An array in a file: its type there, its shape, and where its data begin."""

    kind: str
    shape: tuple[int, ...]
    begin: int


def read_safetensors(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[Any, ...]:
    """`data.safetensors(path, name ..)`: one array, or all of a struct, each under its name."""
    found = []
    with reading(args[0], context.span) as (path, file):
        reader = _Reader(path, "safetensors", context.span)
        stored, _ = _header(file, reader)
        for wanted in _wanted(args[1:], meta[2]):
            entry = stored.get(wanted.name)
            if entry is None:
                raise Fault(faults.NoSuchArray(context.span, path, wanted.name, tuple(stored)))
            dtype = _DTYPES[entry.kind]
            reader.check(wanted, entry.shape, np.dtype("f4") if entry.kind == "BF16" else dtype)
            a = allocate((math.prod(entry.shape),), dtype, context.span)
            file.seek(entry.begin)
            reader.fill(file, a)
            if entry.kind == "BF16":  # the upper half of a float32
                a = (a.astype(np.uint32) << 16).view(np.float32)
            elif entry.kind == "BOOL" and (a.view(np.uint8) > 1).any():
                raise reader.bad(f"`{wanted.name}` holds truth values other than 0 and 1")
            found.append(reader.value(wanted, a.reshape(entry.shape)))
    return tuple(found)


def metadata(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[Any, ...]:
    """`data.metadata(path, key)`: an `Option[String]`."""
    with reading(args[0], context.span) as (path, file):
        _, texts = _header(file, _Reader(path, "safetensors", context.span))
    return ((0, texts[args[1]]) if args[1] in texts else (1,),)


def _header(file: BinaryIO, reader: _Reader) -> tuple[dict[str, _Stored], dict[str, str]]:
    """What a file says it holds, all of it checked: arrays by name, and texts."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size < 8:
        raise reader.bad("it is cut off")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(size - 8, _LONGEST):
        raise reader.bad(f"its header would have {length} bytes")
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise reader.bad("its header is no JSON object with each name once") from None
    if not isinstance(header, dict):
        raise reader.bad("its header is no JSON object with each name once")
    texts = header.pop("__metadata__", {})
    if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
        raise reader.bad("its metadata are no texts")
    stored, places = {}, []
    for name, entry in header.items():
        if not isinstance(entry, dict):
            raise reader.bad(f"its header says nothing of `{name}`")
        kind, shape, offsets = entry.get("dtype"), _naturals(entry.get("shape")), _naturals(entry.get("data_offsets"))
        if not isinstance(kind, str) or kind not in _DTYPES:
            raise reader.bad(f"the type of `{name}` is none that is known")
        if shape is None or offsets is None or len(offsets) != 2:
            raise reader.bad(f"shape or offsets of `{name}` make no sense")
        if offsets[1] - offsets[0] != math.prod(shape) * _DTYPES[kind].itemsize:
            raise reader.bad(f"`{name}` has {offsets[1] - offsets[0]} bytes, which is not what its shape needs")
        places.append(offsets)
        stored[name] = _Stored(kind, shape, 8 + length + offsets[0])
    end = 0
    for begin, after in sorted(places):
        if begin != end:
            raise reader.bad("its arrays overlap, or leave gaps")
        end = after
    if end != size - 8 - length:
        raise reader.bad(f"it has {size - 8 - length} bytes of data, and its header tells of {end}")
    return stored, texts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made


def _naturals(value: object) -> tuple[int, ...] | None:
    """A list of numbers that can be sizes."""
    if not isinstance(value, list) or not all(type(n) is int and 0 <= n < 1 << 63 for n in value):
        return None
    return tuple(value)


_KINDS = {"Float": "F64", "Float32": "F32", "Int": "I64", "Bool": "BOOL"}


def write_safetensors(context: IoContext, args: Sequence[Any], meta: Meta) -> tuple[Any, ...]:
    """`data.write_safetensors(path, a = x, note = "..")`, or a struct by itself. Texts go into the metadata."""
    given = list(_given(args, meta))
    texts = {name: value for name, t, value in given if t == STRING}
    arrays = [(name, t, value) for name, t, value in given if t != STRING]
    arrays.sort(key=lambda item: -item[2].itemsize)  # so that each begins at a multiple of its size
    header: dict[str, Any] = {"__metadata__": texts} if texts else {}
    at = 0
    for name, t, a in arrays:
        header[name] = {"dtype": _KINDS[t.name], "shape": a.shape, "data_offsets": (at, at + a.nbytes)}
        at += a.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with writing(args[0], context.span) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, a in arrays:
            file.write(a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes())
    return ()
