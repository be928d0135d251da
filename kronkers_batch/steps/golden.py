"""Golden rows: a few rows with their predictions, kept with a version, to recognise a changed runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

GOLDEN_ROWS = 20
_RELATIVE = 1e-9  # summation order may differ between builds of BLAS; a changed model differs by far more
_PREFIX = "score:"


def golden_rows(features: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Up to 20 rows spread evenly, with their scores as extra columns named ``score:NAME``."""
    import polars as pl

    step = max(1, features.height // GOLDEN_ROWS)
    both = pl.concat([features, scores.rename(lambda name: _PREFIX + name)], how="horizontal")
    return both.gather_every(step).head(GOLDEN_ROWS)


def split_golden(golden: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The inverse of :func:`golden_rows`: features, and scores under their own names."""
    scores = [c for c in golden.columns if c.startswith(_PREFIX)]
    return golden.drop(scores), golden.select(scores).rename(lambda name: name.removeprefix(_PREFIX))


def same_scores(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Equal columns, rows, nulls and values; floats to a relative 1e-9, and NaN equals NaN."""
    import polars as pl
    import polars.testing

    try:
        polars.testing.assert_frame_equal(one, other, rel_tol=_RELATIVE, abs_tol=1e-12)
    except AssertionError:
        return False
    except pl.exceptions.PolarsError:
        return False
    return True
