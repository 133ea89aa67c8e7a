"""Functions of strings against Python's own, on many strings."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dplang as dp

MODULE = dp.source(
    """
import text
fn length(s: String) -> Int = text.length(s)
fn trim(s: String) -> String = text.trim(s)
fn lower(s: String) -> String = text.lower(s)
fn upper(s: String) -> String = text.upper(s)
fn contains(s: String, t: String) -> Bool = text.contains(s, t)
fn starts_with(s: String, t: String) -> Bool = text.starts_with(s, t)
fn ends_with(s: String, t: String) -> Bool = text.ends_with(s, t)
fn replace(s: String, t: String) -> String = text.replace(s, t, "<>")
fn find(s: String, t: String) -> Int = match text.find(s, t) { Some(i) => i, None => -1 }
fn split(s: String, t: String) -> String = text.join(text.split(s, t), "|")
fn words(s: String) -> String = text.join(text.words(s), "|")
fn lines(s: String) -> String = text.join(text.lines(s), "|")
fn number(s: String) -> Float = match text.parse_float(s) { Some(x) => x, None => -7777.5 }
fn whole(s: String) -> Int = match text.parse_int(s) { Some(n) => n, None => -7777 }
fn part(s: String, a: Int, b: Int) -> String = text.slice(s, a, b)
""",
    jit="never",
)
TEXTS = [
    "",
    " ",
    "a",
    "abc",
    "aXbXc",
    "XX",
    "  two  words\\t",
    "a\nb\r\n\n",
    "Ärger ß",
    "漢字 と",
    "😀x😀",
    "-1.5e3",
    "12",
]
PARTS = ["X", "a", "", "ab", "  ", "字", "😀", "\n"]


@pytest.mark.parametrize("s", TEXTS)
def test_one_string(s: str) -> None:
    assert MODULE.length(s) == len(s)
    assert MODULE.trim(s) == s.strip()
    assert MODULE.lower(s) == s.lower()
    assert MODULE.upper(s) == s.upper()
    assert MODULE.words(s) == "|".join(s.split())
    assert MODULE.lines(s) == "|".join(s.removesuffix("\n").split("\n") if s else [])


@pytest.mark.parametrize("t", PARTS)
@pytest.mark.parametrize("s", TEXTS)
def test_two_strings(s: str, t: str) -> None:
    assert MODULE.contains(s, t) == (t in s)
    assert MODULE.starts_with(s, t) == s.startswith(t)
    assert MODULE.ends_with(s, t) == s.endswith(t)
    assert MODULE.replace(s, t) == s.replace(t, "<>")
    assert MODULE.find(s, t) == s.find(t)
    assert MODULE.split(s, t) == "|".join(s.split(t) if t else s)


NUMBERS = [
    ("1", 1.0), (" -2.5e-3\n", -0.0025), ("+.5", 0.5), ("5.", 5.0), ("inf", math.inf), ("-Infinity", -math.inf),
    ("1e999", math.inf), ("0.1", 0.1), ("1_000", None), ("1,5", None), ("", None), ("1 2", None), ("0x10", None),
    ("١٢", None), ("--1", None), ("1e", None), ("true", None),
]  # fmt: skip


@pytest.mark.parametrize(("s", "wanted"), NUMBERS)
def test_numbers(s: str, wanted: float | None) -> None:
    assert MODULE.number(s) == (-7777.5 if wanted is None else wanted)
    assert math.isnan(MODULE.number("nan"))


@pytest.mark.parametrize(
    ("s", "wanted"),
    [("12", 12), (" -3 ", -3), ("+7", 7), (str(2**63 - 1), 2**63 - 1), (str(-(2**63)), -(2**63)), (str(2**63), None),
     ("9" * 5000, None), ("1.0", None), ("1e3", None), ("", None), ("1_0", None), ("٣", None)],
)  # fmt: skip
def test_whole_numbers(s: str, wanted: int | None) -> None:
    assert MODULE.whole(s) == (-7777 if wanted is None else wanted)


def test_what_a_float_prints_is_read_again() -> None:
    for x in np.random.default_rng(5).normal(size=200) * 10.0 ** np.arange(-100, 100):
        assert MODULE.number(repr(float(x))) == x


def test_parts() -> None:
    assert MODULE.part("gradient", 2, 5) == "adi" and MODULE.part("", 0, 0) == "" and MODULE.part("ab", 2, 2) == ""
    for a, b in [(-1, 2), (2, 1), (0, 9), (9, 9)]:
        with pytest.raises(dp.Error, match="reaches outside"):
            MODULE.part("gradient", a, b)
