"""What a model says is readable, and holds no data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kronkers_batch.runtimes.scrub import MAX_LINE, MAX_MESSAGE, Scrubber, words_of

CODE = "def fit(data, params):\n    raise ValueError('no rows for JFK', 42, limit)\n"
SCRUB = Scrubber(CODE, {"distance", "a b", "max_depth", "LogisticRegression"})


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("could not convert string to float: 'N12345'", "could not convert string to float: '<value>'"),
        (
            'invalid literal for int() with base 10: "x y"',
            'invalid literal for int() with base <value>: "<value>"',
        ),
        ("column 'distance' has 3.14159 and -17", "column 'distance' has <value> and <value>"),
        ("bad carrier LGA, but JFK and 42 are fine", "bad carrier <value>, but JFK and 42 are fine"),
        ("feature `a b` is “missing” in R", "feature `a b` is “<value>” in R"),
        ("don't stop at it's end", "don't stop at it's end"),
        ("mail ada@example.org now", "mail <value> now"),
        ("name Müller seen", "name <value> seen"),
        ("Input X contains NaN.", "Input X contains NaN."),
        ("LogisticRegression: max_depth must be positive", "LogisticRegression: max_depth must be positive"),
        ("\x1b[31mred\x1b[0m and \x00 control", "red and <value> control"),
        ("index 0 is out of bounds for axis 1 with size 123456", None),
    ],
)
def test_lines(text, scrubbed):
    got = SCRUB.line(text)
    if scrubbed is not None:
        assert got == scrubbed
    assert "123456" not in got
    assert "N12345" not in got


@given(
    st.from_regex(r"[A-Z]{2,6}[0-9]{3,9}|[0-9]{3,12}", fullmatch=True),
    st.sampled_from(["{}", "'{}'", "({})", "x={}"]),
)
def test_codes_and_numbers_never_pass(value, form):
    assert value not in SCRUB.line("cannot use " + form.format(value) + " here")


@given(st.text(max_size=3000))
def test_everything_is_bounded_and_printable(text):
    line = SCRUB.line(text)
    assert len(line) <= MAX_LINE + 3
    assert len(line.splitlines()) <= 1
    assert len(SCRUB.message(text)) <= MAX_MESSAGE


def test_a_trace_shows_the_lines_that_the_models_own_code_has():
    scrub = Scrubber("def fit():\n    pass\n", ["model.py"])
    assert scrub.trace("model.py:2 in fit", "model.py") == "model.py:2 in fit"
    assert scrub.trace("fit (model.py:1)", "model.py") == "fit (model.py:1)"
    for text in ("model.py:48151623 in fit", "other.py:4815 in fit", "model.py:4815 in fit"):
        assert "4815" not in scrub.trace(text, "model.py")
    assert "4815" not in scrub.trace("fit at 4815", "")


def test_a_message_of_many_lines_is_cut():
    text = SCRUB.message("\n".join(f"row {i}" for i in range(100)))
    assert text.count("\n") == 5
    assert text.endswith("(and 95 more lines)")


def test_words_of_a_declaration():
    assert words_of({"a": [1, {"b": "c d"}], "n": None}) == {"a", "1", "b", "c d", "n"}
