"""The same data and the same model give the same in every language."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kronkers_batch import runtimes
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import OutputColumn
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema
from tests.contract.conftest import Lab
from tests.contract.test_data import LEVELS as TEXTS
from tests.contract.test_data import VALUES
from tests.contract.turns import Turns

LEVELS = ("red", "green", "blue")  # not in the order of the alphabet
FEATURES = (
    Column("a", ColumnType.FLOAT),
    Column("b", ColumnType.FLOAT),
    Column("n", ColumnType.INTEGER),
    Column("flag", ColumnType.BOOLEAN),
    Column("c", ColumnType.CATEGORY, LEVELS),
)
EFFECTS = {"red": 0.7, "green": -1.1, "blue": 0.3, None: -0.125}
EVERY = tuple(Column(kind.value, kind, TEXTS if kind is ColumnType.CATEGORY else ()) for kind in ColumnType)
COUNTS = tuple(OutputColumn(c.name, ColumnType.FLOAT) for c in EVERY)
CLOSE = 1e-12


@pytest.fixture
def labs(tmp_path: Path, turns: Turns) -> Iterator[list[Lab]]:
    """One of each language."""
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        folders = [tmp_path / language.name for language in LANGUAGES.values()]
        for folder in folders:
            folder.mkdir(mode=0o755)
        pairs = zip(LANGUAGES.values(), folders, strict=True)
        made = [Lab(language, folder, stack) for language, folder in pairs]
        for lab in made:
            lab.turns = turns
        yield made


def fitted(lab: Lab, case: str, features: tuple[Column, ...], **changes) -> runtimes.Worker:
    """A worker of a case whose fit does not look at its two rows of nulls."""
    worker = lab.start(case, features=features, **changes)
    schema = polars_schema(Schema((*features, Column("y", ColumnType.FLOAT))))
    worker.fit([pl.DataFrame({name: [None, None] for name in schema}, schema=schema)])
    return worker


def rows(many: int = 5_000) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    levels = np.array([*LEVELS, None], dtype=object)
    return pl.DataFrame(
        {
            "a": rng.normal(size=many),
            "b": rng.normal(size=many) * 10,
            "n": rng.integers(-5_000, 5_000, many),
            "flag": rng.random(many) < 0.3,
            "c": levels[rng.integers(0, 4, many)].tolist(),
        },
        schema=polars_schema(Schema(FEATURES)),
    )


def by_hand(row: dict) -> float:
    z = 0.25 + 1.5 * row["a"] - 0.75 * row["b"] + 0.001 * row["n"] + 0.5 * row["flag"] + EFFECTS[row["c"]]
    return 1 / (1 + math.exp(-z))


def largest_difference(one: pl.Series, other: pl.Series) -> float:
    return float(np.abs(one.to_numpy() - other.to_numpy()).max())


def test_equal_coefficients_score_equally_in_every_language(labs):
    sent = rows()
    workers = [fitted(lab, "logistic", FEATURES) for lab in labs]
    scores = [worker.score(sent)["score"] for worker in workers]
    expected = pl.Series([by_hand(row) for row in sent.iter_rows(named=True)])
    assert expected.min() < 0.01 < 0.99 < expected.max()
    for got in scores:
        assert largest_difference(got, expected) < CLOSE
    for one, other in pairwise(scores):
        assert largest_difference(one, other) < CLOSE


@pytest.mark.usefixtures("in_turn")
def test_permuted_and_rechunked_rows_score_the_same(lab):
    sent = rows()
    worker = fitted(lab, "logistic", FEATURES)
    whole = worker.score(sent)["score"]
    for size in (1, 7, 1_700):
        part = sent if size > 1_000 else sent.head(size * 50)
        again = pl.concat(worker.score_stream(part.iter_slices(size)))["score"]
        assert largest_difference(again, whole.head(len(again))) < CLOSE
    order = sent.with_row_index().sample(fraction=1, shuffle=True, seed=11)
    permuted = worker.score(order.drop("index"))["score"]
    assert largest_difference(order.with_columns(permuted).sort("index")["score"], whole) < CLOSE


def with_nulls() -> pl.DataFrame:
    """Six rows; of the columns, in order, none, one, two ... values are null."""
    data = {
        c.name: [None if i < number % 6 else v for i, v in enumerate(VALUES[c.type])]
        for number, c in enumerate(EVERY)
    }
    return pl.DataFrame(data, schema=polars_schema(Schema(EVERY)))


def test_nulls_are_counted_alike(labs):
    sent = with_nulls()
    expected = [float(sent[c.name].null_count()) for c in EVERY]
    assert len(set(expected)) == 6
    for lab in labs:
        worker = fitted(lab, "count_missing", EVERY, outputs=COUNTS)
        for part, counts in ((sent, expected), (sent.tail(1), [0.0] * len(EVERY))):
            assert list(worker.score(part).row(0)) == counts, lab.language
        floats = pl.DataFrame({"float": [math.nan, 1.0, None]})
        nan = worker.score(sent.head(3).with_columns(floats))
        assert nan["float"].to_list() == [1.0] * 3, lab.language  # NaN is a number that is there


def test_types_are_seen_alike(labs):
    numbers = {
        ColumnType.BOOLEAN: 2.0,
        ColumnType.DATE: 3.0,
        ColumnType.TIMESTAMP: 4.0,
        ColumnType.STRING: 5.0,
        ColumnType.CATEGORY: 6.0,
    }
    expected = [numbers.get(c.type, 1.0) for c in EVERY]
    full = pl.DataFrame({c.name: VALUES[c.type] for c in EVERY}, schema=polars_schema(Schema(EVERY)))
    for lab in labs:
        worker = fitted(lab, "kinds", EVERY, outputs=COUNTS)
        for sent in (full, with_nulls(), with_nulls().clear(6)):  # the last has nulls alone
            assert list(worker.score(sent).row(0)) == expected, lab.language


def test_one_seed_trains_alike_in_every_process(lab):
    data = pl.DataFrame({"x": [0.0] * 50, "y": [float(v) ** 1.5 for v in range(50)]})

    def trained(seed: int) -> float:
        with runtimes.start(lab.spec("bootstrap", seed=seed)) as worker:
            worker.fit(data.iter_slices(20))
            once = worker.score(data.head(1))["score"][0]
            worker.fit([data])  # the chunks that the rows came in do not count
            assert worker.score(data.head(1))["score"][0] == once
            return once

    assert trained(7) == trained(7) != trained(8)
