"""What is said of forecast steps whose truth is known: their error, and which of them are left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.pipeline.origins import Origin
from kronkers_batch.pipeline.steps import NUMBER

if TYPE_CHECKING:
    import polars as pl

TRUTH = ":truth"


def error_of(model: ModelSpec, judged: Sequence[pl.DataFrame]) -> float:
    """The mean absolute error of all forecast columns, of the steps whose truth is known."""
    import polars as pl

    off = (pl.col(name).cast(pl.Float64).fill_nan(None) - pl.col(TRUTH) for name in model.measured)
    found = pl.concat(judged).select(pl.mean_horizontal(*(one.abs() for one in off)).mean()).item()
    return float(found) if found is not None else math.nan


def left_out(origins: Sequence[Origin], judged: Sequence[pl.DataFrame]) -> list[str]:
    """What was left out of the measuring, in words."""
    found = origins[-1].remarks()
    leaving = sum(origin.leaving for origin in origins)
    if leaving:
        found.append(f"{leaving:,} forecasts of series that ended within the horizon are not measured")
    each = [one.unique(NUMBER)["naive:scale"].fill_null(0) for one in judged]
    flat, every = sum(int((scale <= 0).sum()) for scale in each), sum(map(len, each))
    if flat:
        found.append(
            f"{flat:,} of {every:,} histories are too short or always the same, so they have no scale and "
            "count in no scaled number"
        )
    return found
