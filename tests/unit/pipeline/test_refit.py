"""How far a final fit is from the one that was measured."""

from __future__ import annotations

import math

import polars as pl
import pytest

from kronkers_batch.pipeline.refit import shift

NAN = float("nan")
FIRST = [1.0, 2.0, 3.0, 4.0]  # the standard deviation is the root of 1.25


def frame(*columns: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame({f"c{number}": values for number, values in enumerate(columns)}, strict=False)


@pytest.mark.parametrize(
    ("last", "former", "far"),
    [
        ([2.0, 3.0, 4.0, 5.0], None, 2 / math.sqrt(1.25)),
        ([2.0, 1.0, 4.0, 3.0], None, 2 / math.sqrt(1.25)),
        (FIRST, None, 0.0),
        ([2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 2.0, 3.0], 0.5),
        ([2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 5.0], 2.0),
        ([2.0, 3.0, 4.0, 5.0], FIRST, math.inf),
        (FIRST, FIRST, 0.0),
        ([2.0, None, 4.0, NAN], [0.0, 1.0, 2.0, 3.0], math.inf),
        ([2.0, 3.0, 4.0, math.inf], None, math.inf),
        ([2.0, 3.0, 4.0, 5.0], [0.0, 1.0, None, 3.0], 0.5),
        ([2.0, 3.0, 4.0, 5.0], [NAN] * 4, NAN),
    ],
)
def test_it_is_a_share_of_what_is_allowed(
    last: list[float | None], former: list[float | None] | None, far: float
) -> None:
    found = shift(frame(FIRST), frame(last), None if former is None else frame(former))
    assert found == pytest.approx(far, nan_ok=True)


def test_a_row_that_the_measured_fit_does_not_score_either_counts_nowhere() -> None:
    last = [2.0, 3.0, 4.0, 5.0, None]
    assert shift(frame([*FIRST, NAN]), frame(last), None) == pytest.approx(2 / math.sqrt(1.25))


def test_an_error_of_the_measured_fit_allows_no_more_than_itself() -> None:
    last = frame([2.0, 3.0, 4.0, 5.0])
    assert shift(frame(FIRST), last, None, 0.25) == pytest.approx(4)
    assert shift(frame(FIRST), last, None, 9.0) == pytest.approx(2 / math.sqrt(1.25))
    assert shift(frame(FIRST), last, frame([0.0, 1.0, 2.0, 3.0]), 0.25) == pytest.approx(0.5)


def test_columns_are_averaged() -> None:
    flat = [7.0] * 4
    found = shift(frame(FIRST, flat), frame([2.0, 3.0, 4.0, 5.0], flat), None)
    assert found == pytest.approx(2 / math.sqrt(1.25))
