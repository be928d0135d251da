"""Sentences about code keep their names and counts; the same sentences say no word of the data."""

from __future__ import annotations

import re

import polars as pl
import pytest

from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.runtimes.given import Given
from kronkers_batch.runtimes.languages import BUILDERS
from kronkers_batch.runtimes.scrub import VALUE, Scrubber

EVERY = [line for kind in BUILDERS.values() for line in kind.sentences.strip().splitlines()]
FIXED = [line for line in EVERY if not re.search(r"\{\w+\}", line)]
OWN = [line for line in EVERY if "{own}" in line]
ALL = [line for line in EVERY if line not in FIXED + OWN]
COLUMNS = Schema(
    (Column("name", ColumnType.STRING), Column("kind", ColumnType.CATEGORY, ("Zebra", "Marmalade")))
)


def scrubber(rows: int = 50) -> Scrubber:
    given = Given(COLUMNS)
    given.add(
        pl.DataFrame({"name": ["Anna Meier"] * rows, "kind": ["Zebra"] * rows}), COLUMNS, training=False
    )
    return Scrubber("def fit(): pass", {"name", "kind", "score", "model.R"}, given)


def filled(form: str, name: str, count: int) -> str:
    slots = {
        "name": name, "names": f"'{name}', 'posterior' and 'x'", "class": f"c('{name}', 'lm')",
        "call": f"{name}(::Array{{Float64,1}}, ::Int64)", "count": str(count), "shape": f"({count}, 3)",
        "sign": "+",
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda m: slots[m[1]], form)


@pytest.mark.parametrize("form", ALL)
def test_names_and_counts_stay(form):
    text = filled(form, "churnlib", 47)
    assert scrubber().line(text) == text
    assert VALUE not in scrubber().line(f"simpleError: {text}: see below")


@pytest.mark.parametrize("form", ALL)
def test_words_and_numbers_of_the_data_go(form):
    for name in ("Marmalade", "Meier", "N12345"):
        said = scrubber().line(filled(form, name, 471_100))
        assert name not in said
        assert "4711" not in said
    assert VALUE in said


@pytest.mark.parametrize("form", FIXED)
def test_fixed_sentences_stay(form):
    assert scrubber().line(form) == form


@pytest.mark.parametrize("form", OWN)
def test_texts_in_quotation_marks_stay_where_the_code_has_them(form):
    """A key that is not there is a column's name in the code, or a value of the data."""
    form = form.replace("{name}", "object")
    text = form.replace("{own}", "'fit', 'Anna', 'churnlib'")
    assert scrubber().line(text) == form.replace("{own}", f"'fit', '{VALUE}', '{VALUE}'")


def test_around_a_sentence_all_else_goes():
    said = scrubber().line("Zebra 77: No module named 'churnlib' for 'Anna' of ACME-12")
    assert said == f"{VALUE} {VALUE}: No module named 'churnlib' for '{VALUE}' of {VALUE}"


def test_known_counts_stay_everywhere_and_others_go():
    assert scrubber().line("scoring 50 rows, not 51") == f"scoring 50 rows, not {VALUE}"
    assert scrubber(4711).line("took 4711 and 4712") == f"took 4711 and {VALUE}"
    assert Scrubber("", ()).line("took 4711") == f"took {VALUE}"


def test_an_index_may_be_a_value_and_goes():
    said = scrubber().line("index 41 is out of bounds for axis 0 with size 50")
    assert said == f"index {VALUE} is out of bounds for axis 0 with size 50"
    said = scrubber().line("BoundsError: attempt to access 50-element Array{Float64,1} at index [41]")
    assert said == f"BoundsError: attempt to access 50-element Array{{Float64,1}} at index [{VALUE}]"


def test_functions_of_a_trace_are_told():
    for line in ("model.frame.default", "contrasts<-", "stats::predict.lm", "FUN", "apply (model.R:1)"):
        assert scrubber().trace(line, "model.R") == line
    assert scrubber().trace("Marmalade", "model.R") == VALUE
    assert scrubber().trace("f Zebra 4711", "model.R") == f"f {VALUE} {VALUE}"


def test_lines_of_files_beside_the_code_are_told():
    scrub = Scrubber("x\ny\n", ["model.R", "prices.R"], None, {"prices.R": 3})
    assert scrub.trace("read (prices.R:2)", "model.R") == "read (prices.R:2)"
    assert scrub.trace("read (prices.R:481)", "model.R") == f"read (prices.R:{VALUE})"
    assert scrub.trace("read (model.R:3)", "model.R") == "read (model.R:3)"
