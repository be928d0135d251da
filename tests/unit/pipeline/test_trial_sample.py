"""The rows of a trial: about so many, spread evenly, with every level and class; of whole windows all."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import RowsPolicy
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.trial import sample
from tests.model_support import declared


def test_a_sample_is_even_and_has_every_level_and_class() -> None:
    rows = 10_000
    frame = pl.DataFrame({"n": range(rows), "c": ["usual"] * rows, "y": [0] * rows}).with_columns(
        pl.when(pl.col("n") == 7).then(pl.lit("rare")).otherwise(pl.col("c")).alias("c"),
        pl.when(pl.col("n") == 9_998).then(1).otherwise(pl.col("y")).alias("y"),
    )
    model = declared(LANGUAGES["python"], [Column("n", ColumnType.INTEGER), Column("c", ColumnType.CATEGORY)])
    data = TrainingData(frame, frame.head(3_000), 0, ())
    found = sample(model, data, 300)
    assert 300 <= found.fit.height <= 303
    assert found.fit["n"].is_sorted()
    assert set(found.fit["c"]) == {"usual", "rare"}
    assert set(found.fit["y"]) == {0, 1}
    usual = found.fit.filter((pl.col("c") == "usual") & (pl.col("y") == 0))["n"]
    assert usual.diff().drop_nulls().max() <= 2 * rows // 300  # type: ignore[operator]
    assert found.holdout.height == 75
    assert sample(model, data, rows).fit.equals(frame)
    whole = replace(model, rows=RowsPolicy.WHOLE)
    assert sample(whole, data, 10) is data
