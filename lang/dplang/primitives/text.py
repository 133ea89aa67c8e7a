# ruff: noqa: E501  (a row is a line)
"""Rows on strings. They take one string at a time, so NumPy has no part in them."""

from __future__ import annotations

from .table import Row, add

add(
    Row("text.length", "(String) -> Int", "severed", "len(x0)", doc="The number of characters."),
    Row("text.trim", "(String) -> String", "severed", "x0.strip()", doc="The string without blanks and line ends around it."),
    Row("text.lower", "(String) -> String", "severed", "x0.lower()", doc="The string in small letters."),
    Row("text.upper", "(String) -> String", "severed", "x0.upper()", doc="The string in capitals."),
    Row("text.contains", "(String, String) -> Bool", "severed", "x1 in x0", doc="Whether the second string stands in the first."),
    Row("text.starts_with", "(String, String) -> Bool", "severed", "x0.startswith(x1)", doc="Whether the first string begins with the second."),
    Row("text.ends_with", "(String, String) -> Bool", "severed", "x0.endswith(x1)", doc="Whether the first string ends with the second."),
    Row("text.replace", "(String, String, String) -> String", "severed", "x0.replace(x1, x2)",
        doc="The first string with the third wherever the second stands in it."),
    Row("text.slice", "(String, Int, Int) -> String", "severed", "rt.text_slice(x0, x1, x2)",
        doc="The characters from the first position to before the second."),
    Row("text.join", "(String[n], String) -> String", "severed", "x1.join(x0)", elementwise=False,
        doc="The strings of an array, one after the other, with the second argument between them."),
    # what `stdlib/text.dp` is made of
    Row("text._find", "(String, String, Int) -> Int", "severed", "x0.find(x1, x2)", public=False),
    Row("text._plain", "(String) -> String", "severed", "' '.join(x0.split())", public=False),
    Row("text._is_float", "(String) -> Bool", "severed", "rt.text_float(x0) is not None", public=False),
    Row("text._float", "(String) -> Float", "severed", "rt.text_float(x0)", public=False),
    Row("text._is_int", "(String) -> Bool", "severed", "rt.text_int(x0) is not None", public=False),
    Row("text._int", "(String) -> Int", "severed", "rt.text_int(x0)", public=False),
)  # fmt: skip
