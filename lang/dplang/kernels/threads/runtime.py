# mypy: ignore-errors
# (the types here are Numba's, which infers them, and not Python's)
"""What kernels call to share a loop among threads, and what those threads run. Numba compiles it when it is needed.

A loop is a job: a function, the address of what it needs, and a number of chunks. Who begins a job takes chunks as
the others do, each the next one that nobody has taken, so that the chunks before any chunk are always done or under
way. A worker waits for the next job awake for some microseconds, then asleep in the reading of a pipe. What all
of them share are words in the memory of the pool; their meaning is below.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..support import Trap, inline

__all__ = ["add_up", "apart", "begin", "job", "join", "portion", "run"]

POOL = 15
"""The slot of `ctl` for the address of a pool; 0: there is none."""

SLOTS = 32
"""How many slots a `ctl` has."""

BUSY, STOP, READ, WRITE, FUNCTION, DATA, CHUNKS, OPEN, NEXT, INSIDE, JOBS, ASLEEP, WORDS = (
    *(0, 1, 2, 3, 4, 5, 6, 8, 16, 24, 32, 40, 48),
)
"""Words of a pool: whether it has a job; whether its threads have to end; the ends of the pipe; the job; whether more
threads may join in, the next chunk, how many workers are at work, how many jobs there were, how many workers sleep (on
lines of the cache of their own); how many words there are."""

AWAKE, PATIENCE = 2000, 4000
"""How often a worker looks for a job before it sleeps, and who waits for workers before others get the processor."""

WORD = ir.IntType(64)

_read = types.ExternalFunction("read", types.int64(types.int32, types.int64, types.int64))
_write = types.ExternalFunction("write", types.int64(types.int32, types.int64, types.int64))
_yield = types.ExternalFunction("sched_yield", types.int32())


# ---- words that threads share


def _place(builder: Any, pool: Any, word: Any) -> Any:
    at = builder.add(pool, builder.mul(word, ir.Constant(WORD, 8)))
    return builder.inttoptr(at, WORD.as_pointer())


@intrinsic
def get(context: Any, pool: Any, word: Any) -> Any:
    """A word of a pool."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(_place(builder, *args), "seq_cst", 8)

    return types.int64(types.int64, types.int64), lower


@intrinsic
def put(context: Any, pool: Any, word: Any, value: Any) -> Any:
    """Sets a word of a pool."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store_atomic(args[2], _place(builder, *args[:2]), "seq_cst", 8)
        return cx.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), lower


@intrinsic
def add(context: Any, pool: Any, word: Any, value: Any) -> Any:
    """Adds to a word of a pool; what it was before."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _place(builder, *args[:2]), args[2], "seq_cst")

    return types.int64(types.int64, types.int64, types.int64), lower


@intrinsic
def claim(context: Any, pool: Any) -> Any:
    """Whether a pool that had no job is ours now."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        at = _place(builder, args[0], ir.Constant(WORD, BUSY))
        found = builder.cmpxchg(at, ir.Constant(WORD, 0), ir.Constant(WORD, 1), "seq_cst", "seq_cst")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64), lower


@intrinsic
def pause(context: Any) -> Any:
    """Tells the processor that we are waiting."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        if platform.machine().lower() in ("x86_64", "amd64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return cx.get_dummy_value()

    return types.void(), lower


# ---- jobs


@intrinsic
def apart(context: Any, function: Any, given: Any) -> Any:
    """Calls a function through its address: its code is not compiled once more as a part of its caller's."""
    [made] = function.dispatcher.overloads.values()

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = _cast(cx, builder, args[1], given.types, made.signature.args)
        return cx.call_unresolved(builder, made.fndesc.mangled_name, made.signature, values)

    return made.signature.return_type(function, given), lower


@intrinsic
def job(context: Any, function: Any, given: Any) -> Any:
    """A job as two addresses: of what does a chunk of it, and of what is given to `function` behind the number of the
    chunk, which lies on the stack of the caller."""
    [made] = function.dispatcher.overloads.values()

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        wanted = made.signature.args[1:]
        data = ir.LiteralStructType([cx.get_value_type(t) for t in wanted])
        room = cgutils.alloca_once(builder, data)
        for k, value in enumerate(_cast(cx, builder, args[1], given.types, wanted)):
            builder.store(value, cgutils.gep_inbounds(builder, room, 0, k))
        chunk = _chunk(cx, builder.module, made, data)
        return cgutils.pack_array(builder, [builder.ptrtoint(chunk, WORD), builder.ptrtoint(room, WORD)])

    return types.UniTuple(types.int64, 2)(function, given), lower


def _cast(cx: Any, builder: Any, given: Any, found: Any, wanted: Any) -> list[Any]:
    """The values in a tuple, as a function takes them."""
    pairs = enumerate(zip(found, wanted, strict=True))
    return [cx.cast(builder, builder.extract_value(given, k), t, of) for k, (t, of) in pairs]


def _chunk(cx: Any, module: Any, made: Any, data: Any) -> Any:
    """What calls `made` for a chunk, given the address of its arguments and the number of the chunk. 0: all is well."""
    kind = ir.FunctionType(WORD, [WORD, WORD])
    chunk = ir.Function(module, kind, module.get_unique_name(f"{made.fndesc.mangled_name}.job"))
    chunk.linkage = "internal"
    builder = ir.IRBuilder(chunk.append_basic_block())
    room = builder.inttoptr(chunk.args[0], data.as_pointer())
    given = [builder.load(cgutils.gep_inbounds(builder, room, 0, k)) for k in range(len(data.elements))]
    convention, takes = cx.call_conv, made.signature.args
    callee = cx.codegen().insert_unresolved_ref(
        builder, convention.get_function_type(types.none, takes), made.fndesc.mangled_name
    )
    status, _ = convention.call_function(builder, callee, types.none, takes, [chunk.args[1], *given])
    builder.ret(builder.zext(status.is_error, WORD))
    return chunk


@intrinsic
def call(context: Any, function: Any, data: Any, chunk: Any) -> Any:
    """Does a chunk of a job; whether it failed."""

    def lower(cx: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(WORD, [WORD, WORD]).as_pointer()
        return builder.call(builder.inttoptr(args[0], kind), args[1:])

    return types.int64(types.int64, types.int64, types.int64), lower


@inline
def take(pool, function, data, chunks):
    """Chunk after chunk, until all were taken or one has failed."""
    while True:
        k = add(pool, NEXT, 1)
        if k >= chunks:
            break
        if call(function, data, k) != 0:
            put(pool, NEXT, chunks)
    return 0


@inline
def run(pool, function, data, chunks):
    """Does a job, with the threads of a pool where it is free."""
    if pool == 0 or not claim(pool):
        for k in range(chunks):
            if call(function, data, k) != 0:
                break
        return 0
    put(pool, FUNCTION, function)
    put(pool, DATA, data)
    put(pool, CHUNKS, chunks)
    put(pool, NEXT, 0)
    put(pool, OPEN, 1)
    add(pool, JOBS, 1)
    asleep = min(get(pool, ASLEEP), chunks - 1)
    if asleep > 0:
        _write(get(pool, WRITE), pool, asleep)
    take(pool, function, data, chunks)
    put(pool, OPEN, 0)
    waited = 0
    while get(pool, INSIDE) != 0:
        waited += 1
        if waited < PATIENCE:
            pause()
        else:
            _yield()
    put(pool, BUSY, 0)
    return 0


@inline
def work(pool):
    """What a thread of a pool does all its life."""
    seen = 0
    while get(pool, STOP) == 0:
        looked = 0
        while get(pool, JOBS) == seen and looked < AWAKE:
            looked += 1
            pause()
        if get(pool, JOBS) == seen:
            add(pool, ASLEEP, 1)
            if get(pool, JOBS) == seen and get(pool, STOP) == 0:
                _read(get(pool, READ), pool + 8 * WORDS, 1)
            add(pool, ASLEEP, -1)
        seen = get(pool, JOBS)
        add(pool, INSIDE, 1)
        if get(pool, OPEN) != 0:
            take(pool, get(pool, FUNCTION), get(pool, DATA), get(pool, CHUNKS))
        add(pool, INSIDE, -1)
    return 0


# ---- what texts call


@inline
def portion(turns, work, least, most, private, step):
    """How many turns a chunk has, a multiple of `step`; all turns where the loop is not worth more than one. `work`
    is what a turn costs, `least` what a chunk must cost, `private` how many elements each chunk has to itself."""
    total = np.float64(turns) * work
    count = min(total / least, total / (8.0 * private + 1.0), np.float64(most))
    if count < 4.0:
        return max(turns, 1)
    size = -(-turns // np.int64(count))
    return min(-(-size // step) * step, turns)


@inline
def begin(ctl, ctls):
    """Each chunk has a `ctl` of its own: as if it had been left, until it is done."""
    for k in range(ctls.shape[0]):
        for i in range(ctls.shape[1]):
            ctls[k, i] = 0
        ctls[k, 0] = -1
        ctls[k, 1] = ctl[1]
        ctls[k, 14] = ctl[14]


@inline
def join(ctl, ctls):
    """Fails as the first chunk has that failed."""
    for k in range(ctls.shape[0]):
        if ctls[k, 0] != 0:
            ctl[0] = ctls[k, 0]
            for i in range(2, 14):
                ctl[i] = ctls[k, i]
            raise Trap


@inline
def add_up(to, parts):
    """Adds the arrays of all chunks to one, in the order of the chunks."""
    n = to.size
    all = to.reshape(n)
    each = parts.reshape(parts.shape[0], n)
    for k in range(parts.shape[0]):
        for i in range(n):
            all[i] += each[k, i]
