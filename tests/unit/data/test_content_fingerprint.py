from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from kronkers_batch.data.content_fingerprint import Fingerprint
from kronkers_batch.frames.tables import polars_schema
from tests.data_support import schema

COLUMNS = schema(
    f="float", g="float32", i="integer", j="int32", b="boolean", d="date", t="timestamp", s="string"
)
NOON = dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)
ROWS = [
    (0.1, 0.5, 1, 2, True, NOON.date(), NOON, "a"),
    (None, None, None, None, None, None, None, None),
    (-1.5, 2.0, -3, 4, False, NOON.date(), NOON, "bc"),
    (3.0, 0.0, 5, 6, True, None, NOON, ""),
]


def digest(rows: list[tuple[object, ...]], chunk: int = 10) -> str:
    frame = pl.DataFrame(rows, schema=polars_schema(COLUMNS), orient="row")
    fingerprint = Fingerprint(COLUMNS)
    for start in range(0, frame.height, chunk):
        fingerprint.feed(frame[start : start + chunk])
    return fingerprint.finish()


def test_pinned_and_independent_of_chunks() -> None:
    assert {digest(ROWS, chunk) for chunk in (1, 2, 3, 10)} == {PINNED}


# Kept in manifests: the same rows must give it on every version of the program and its libraries.
PINNED = "fc5fef6358bf7fc9173ca701ecf1551fb757bb1d4b34798168d0129c3b1b32b6"


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize("column", range(8))
def test_every_value_counts(row: int, column: int) -> None:
    changed = [list(r) for r in ROWS]
    changed[row][column] = None if changed[row][column] is not None else changed[0][column]
    assert digest([tuple(r) for r in changed]) != digest(ROWS)


def test_order_and_borders_of_text_count() -> None:
    assert digest([ROWS[0], ROWS[2]]) != digest([ROWS[2], ROWS[0]])
    ab, a = [(*ROWS[0][:7], t) for t in ("ab", "")], [(*ROWS[0][:7], t) for t in ("a", "b")]
    assert digest(ab) != digest(a)
