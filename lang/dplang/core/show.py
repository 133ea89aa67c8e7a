"""Readable text of the core, for `dp core` and for people who write passes: one line a Let, blocks indented.

fn mean(xs: Float[?]) -> Float
  n: Int = dim xs 0
  s: Float = loop i in 0 .. n: reduce +
    x: Float = xs[i]
    give x
  m: Float = s / n
  give m
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, assert_never

from .ir import (
    ArrayType,
    At,
    Block,
    Build,
    Call,
    Carry,
    Check,
    Checkpoint,
    Derive,
    Dim,
    EnumDecl,
    EnumType,
    Fill,
    Fn,
    Get,
    If,
    Io,
    Let,
    Lit,
    Loop,
    Make,
    Match,
    Operand,
    Part,
    Path,
    Prim,
    Program,
    Reduce,
    Result,
    Scalar,
    Slice,
    Stop,
    Type,
    Update,
    Value,
    Var,
    Variant,
    While,
)

Lines: TypeAlias = Iterator[str]

INFIX = {"+", "-", "*", "/", "//", "%", "^", "@", "==", "!=", "<", "<=", ">", ">=", "and", "or"}


def show(program: Program) -> str:
    """The whole program, `entry` last."""
    parts = [show_enum(enum) for enum in program.enums.values()]
    parts += [show_function(fn) for fn in program.fns.values() if fn.name != program.entry]
    if program.entry in program.fns:
        parts.append(show_function(program.fns[program.entry]))
    return "\n\n".join(parts) + "\n"


def show_enum(enum: EnumDecl) -> str:
    variants = (f"{v.name}({', '.join(map(show_type, v.fields))})" if v.fields else v.name for v in enum.variants)
    return f"enum {enum.name} {{ {', '.join(variants)} }}"


def show_function(fn: Fn) -> str:
    params = ", ".join(map(_bound, (p.var for p in fn.params)))
    results = ", ".join(map(show_type, fn.result_types)) or "()"
    head = f"fn {fn.name}({params}) -> {results}"
    if fn.contract:
        head = f"{fn.contract} {head}"
    if fn.rule is not None:
        rules = (("partials", fn.rule.partials), ("jvp", fn.rule.jvp), ("vjp", fn.rule.vjp))
        head += f"  # {', '.join(f'{kind} {name}' for kind, name in rules if name)}"
    return "\n".join([head, *_block(fn.body, "  ")])


def show_type(t: Type) -> str:
    match t:
        case Scalar(name) | EnumType(name):
            return name
        case ArrayType(elem, dims):
            return f"{elem.name}[{', '.join('?' if d is None else str(d) for d in dims)}]"
        case _:
            assert_never(t)


def show_operand(o: Operand) -> str:
    match o:
        case Var(name):
            return name
        case Lit(bool(value)):
            return str(value).lower()
        case Lit(str(value)):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        case Lit(value, Scalar("Float")):
            return repr(float(value))
        case Lit(value, Scalar("Int")):
            return str(value)
        case Lit(value, Scalar(name)):
            return f"{name}({value})"
        case _:
            assert_never(o)


def show_path(path: Path) -> str:
    """`[i, low..high]`, `.tag/field` for payloads of an enum; `!` marks what needs no check."""
    text, indices = "", []
    for step in path:
        match step:
            case At(index, proved):
                indices.append("!" * proved + show_operand(index))
            case Slice(low, high, proved):
                indices.append("!" * proved + f"{show_operand(low)}..{show_operand(high)}")
            case Part(tag, field):
                text += _brackets(indices) + f".{tag}/{field}"
                indices = []
            case _:
                assert_never(step)
    return text + _brackets(indices)


def _brackets(indices: list[str]) -> str:
    return f"[{', '.join(indices)}]" if indices else ""


def _bound(v: Var) -> str:
    return f"{v.name}: {show_type(v.type)}"


def _operands(operands: tuple[Operand, ...]) -> str:
    return ", ".join(map(show_operand, operands))


def _block(block: Block, indent: str) -> Lines:
    for let in block.lets:
        yield from _let(let, indent)
    yield f"{indent}give {_operands(block.results)}".rstrip()


def _let(let: Let, indent: str) -> Lines:
    names = ", ".join(map(_bound, let.names))
    head = f"{indent}{names} = " if names else indent
    if let.role == "adjoint":
        head = f"{indent}~ {names} = " if names else f"{indent}~ "
    lines = _value(let.value, indent)
    yield head + next(lines)
    yield from lines


def _value(value: Operand | Value, indent: str) -> Lines:
    """The text of a value: its first line to stand behind the names, then indented lines of its blocks."""
    inner = indent + "  "
    match value:
        case If(cond, then, orelse):
            yield f"if {show_operand(cond)}"
            yield from _block(then, inner)
            yield f"{indent}else"
            yield from _block(orelse, inner)
        case Match(x, arms):
            yield f"match {show_operand(x)}"
            for tag, arm in enumerate(arms):
                yield f"{indent}case {tag} ({', '.join(map(_bound, arm.params))})"
                yield from _block(arm.body, inner)
        case Loop(index, low, high, results, body, parallel):
            word = "parallel loop" if parallel else "loop"
            trips = f"{show_operand(low)} .. {show_operand(high)}"
            yield f"{word} {index.name} in {trips}: {_results(results)}".rstrip(": ")
            yield from _block(body, inner)
        case While(index, results, cond, body):
            yield f"while {index.name}: {_results(results)}".rstrip(": ")
            yield from _block(cond, inner)
            yield f"{indent}do"
            yield from _block(body, inner)
        case Checkpoint(body):
            yield "checkpoint"
            yield from _block(body, inner)
        case _:
            yield _line(value)


def _results(results: tuple[Result, ...]) -> str:
    return ", ".join(map(_result, results))


def _result(result: Result) -> str:
    match result:
        case Carry(param, init):
            return f"carry {_bound(param)} from {show_operand(init)}"
        case Build():
            return "build"
        case Reduce(op):
            return f"reduce {op}"
        case _:
            assert_never(result)


def _line(value: Operand | Value) -> str:
    match value:
        case Var() | Lit():
            return show_operand(value)
        case Prim(op, (a, b), ()) if op in INFIX:
            return f"{show_operand(a)} {op} {show_operand(b)}"
        case Prim(op, args, meta):
            return f"{op}({_operands(args)}){_meta(meta)}"
        case Io(op, args, _):
            return f"io {op}({_operands(args)})"
        case Make(parts):
            return f"[{_operands(parts)}]"
        case Get(x, path):
            return show_operand(x) + show_path(path)
        case Update(kind, x, path, v):
            sign = {"set": "=", "add": "+=", "push": "<<"}[kind]
            return f"{show_operand(x)} with {show_path(path)} {sign} {show_operand(v)}"
        case Fill(shape, v):
            return f"fill [{_operands(shape)}] {show_operand(v)}"
        case Dim(x, axis):
            return f"dim {show_operand(x)} {axis}"
        case Variant(enum, tag, args):
            return f"{enum}.{tag}({_operands(args)})"
        case Call(fn, args):
            return f"call {fn}({_operands(args)})"
        case Derive(kind, fn, args, wrt, seeds):
            along = f" along {_operands(seeds)}" if seeds else ""
            return f"{kind} {fn}({_operands(args)}) wrt {', '.join(map(str, wrt)) or 'nothing'}{along}"
        case Stop(x):
            return f"stop {show_operand(x)}"
        case Check(cond, fault, args):
            return f"check {show_operand(cond)} else {fault}({_operands(args)})"
        case If() | Match() | Loop() | While() | Checkpoint():
            raise AssertionError("values with blocks take several lines")
        case _:
            assert_never(value)


def _meta(meta: tuple[object, ...]) -> str:
    """What is fixed by the text: the pieces of a `format`, shortened to their texts and specifications."""
    if not meta:
        return ""
    pieces = []
    for piece in meta:
        if isinstance(piece, tuple) and len(piece) == 2:
            pieces.append(f"{{:{piece[1]}}}" if piece[1] else "{}")
        else:
            pieces.append(repr(piece))
    return f" <{' '.join(pieces)}>"
