"""Words of what a worker was given are known, as long as it can speak of them."""

import polars as pl

from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.runtimes.given import RECENT, Given
from kronkers_batch.runtimes.scrub import Scrubber

FEATURES = Schema(
    (
        Column("name", ColumnType.STRING),
        Column("kind", ColumnType.CATEGORY, ("gentle soul", "wicked")),
        Column("x", ColumnType.FLOAT),
    )
)
SCHEMA = Schema((*FEATURES, Column("y", ColumnType.FLOAT)))


def chunk(*names: str | None) -> pl.DataFrame:
    return pl.DataFrame({"name": names, "kind": ["new"] * len(names), "x": [1.0] * len(names)})


def test_words_of_levels_training_and_chunks():
    given = Given(FEATURES)
    assert "wicked" in given
    assert "Soul" in given
    assert "new" not in given
    given.add(chunk("Ada Lovelace", None, "O'Brien-Smith").with_columns(y=1.0), SCHEMA, training=True)
    for word in ("ada", "LOVELACE", "brien", "smith", "new"):
        assert word in given
    for word in ("name", "love", "obrien", ""):
        assert word not in given


def test_training_is_remembered_and_of_chunks_the_newest():
    for parts in (1, 2):  # of series a history and what is forecast from it
        given = Given(FEATURES, parts)
        given.add(chunk("trained"), SCHEMA, training=True)
        for number in range(parts * RECENT + 1):
            given.add(chunk("abcdefghij"[number] * 3), FEATURES, training=False)
        assert "trained" in given
        assert "aaa" not in given
        assert "bbb" in given


def test_without_text_nothing_is_kept():
    numbers = Schema((Column("x", ColumnType.FLOAT),))
    given = Given(numbers)
    given.add(pl.DataFrame({"x": [1.0], "name": ["Smith"]}), numbers, training=True)
    assert "smith" not in given


def test_what_is_said_keeps_its_words_and_loses_those_of_the_data():
    given = Given(FEATURES)
    given.add(chunk("Smith of Dover", "value error", "limit"), FEATURES, training=False)
    scrub = Scrubber("def score(model, data):\n    limit = 3\n", {"name"}, given)
    assert scrub.line("bad customer Smith, of dover") == "bad customer <value>, of <value>"
    assert scrub.line("a wicked one-off Smith-like name") == "a <value> one-off <value> name"
    assert scrub.line("over the limit") == "over the limit"  # the model's own word
    assert scrub.line("a value") == "a <value>"
