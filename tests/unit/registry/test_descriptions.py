"""Golden rows and the description that stands behind them, as bytes."""

from __future__ import annotations

import polars as pl

from kronkers_batch.registry.training import Golden

ROWS = pl.DataFrame({"x": [1.0, None], "c": ["a", "described"]})


def test_rows_and_description_come_back_each_by_itself() -> None:
    for text in ("", "a", "coef_ 1.5\nä", "described", "x" * 70_000):
        golden = Golden(Golden.of(ROWS, text).raw)
        assert golden.rows.equals(ROWS)
        assert golden.description == text


def test_bytes_of_an_older_version_have_no_description() -> None:
    golden = Golden.of(ROWS)
    assert (golden.description, golden.rows.height) == ("", 2)
    assert (Golden().description, Golden().rows.width) == ("", 0)
