"""What names that people know from other languages are here."""

from __future__ import annotations

NAMES = {
    "True": "a Bool is written `true` or `false`",
    "False": "a Bool is written `true` or `false`",
    "range": "a range is written `a..b`; `arange(n)` is the array of the Ints below n",
    "null": "a value that may be absent is an `Option`: `Some(x)` or `None`",
    "nil": "a value that may be absent is an `Option`: `Some(x)` or `None`",
    "none": "a value that may be absent is an `Option`: `Some(x)` or `None`",
    "NaN": "it is written `nan`",
    "Infinity": "it is written `inf`",
    "input": "a program reads files, with the module `data`",
    "open": "a program reads and writes files with the module `data`",
    "str": 'the text of a value is "{x}"',
    "list": "an array is written `[a, b, c]` or `[e for i in 0..n]`",
    "dict": "values under names are a struct: `struct Name { a: Float, b: Int }`",
    "self": "`self` is the first parameter of a method, which stands inside its struct",
    "append": "`concat(x, [e])` is `x` with `e` behind it",
    "lambda": "a function value is written `x -> e`",
    "ln": "the natural logarithm is `log`",
    "power": "a power is written `x^y`",
    "matmul": "a product of matrices is written `a @ b`",
    "array": "an array is written `[a, b, c]`",
}
"""Names of values and functions elsewhere, and what to write here."""

MODULES = {
    "np", "numpy", "jnp", "jax", "math", "cmath", "torch", "tf", "tensorflow", "scipy", "sp", "pd", "pandas", "plt",
    "matplotlib", "os", "sys", "time", "re", "json",
}  # fmt: skip
"""Libraries of Python that programs are written with elsewhere."""

INSTEAD = "`sin`, `sum`, `reshape` and their kin are always in scope; `dp doc` lists the modules"

MEMBERS = {
    "T": "`transpose(x)` turns rows into columns",
    "size": "`len(x)` is the number of rows, `len(flatten(x))` that of all elements",
    "ndim": "the rank is part of the type; `shape(x)` has the sizes",
    "dtype": "the type of the elements is part of the type",
    "length": "`len(x)` is the number of elements",
    "append": "`concat(x, [e])` is `x` with `e` behind it: `var x: T[?] = ..` may grow so",
    "push": "`concat(x, [e])` is `x` with `e` behind it: `var x: T[?] = ..` may grow so",
    "copy": "values never share, so there is nothing to copy",
    "clone": "values never share, so there is nothing to copy",
    "item": "an element is read by its index: `x[0]`",
    "astype": "`float(x)`, `float32(x)` and `int(x)` convert numbers and arrays of them",
    "ravel": "`flatten(x)` is all elements in one row",
    "grad": "the gradient of a function is `grad(f)(x)`",
    "backward": "the gradient of a function is `grad(f)(x)`",
    "detach": "`stop(x)` is `x` without its derivative",
}
"""What is read from arrays and numbers elsewhere, and what to write here."""
