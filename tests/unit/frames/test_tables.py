"""Frames are brought to the declared types without losing a value, or refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from kronkers_batch.errors import SourceError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import conform, polars_schema

DAY = dt.date(2013, 6, 1)
NOON = dt.datetime(2013, 6, 1, 12)


def to(kind: ColumnType, series: pl.Series) -> pl.Series:
    schema = Schema((Column("a", kind),))
    got = conform(series.alias("a").to_frame(), schema, "source s")
    assert got.schema == polars_schema(schema)
    return got["a"]


@pytest.mark.parametrize(
    ("kind", "series", "expected"),
    [
        (ColumnType.FLOAT, pl.Series([1, None]), [1.0, None]),
        (ColumnType.FLOAT, pl.Series([0.5], dtype=pl.Float32), [0.5]),
        (ColumnType.FLOAT, pl.Series([Decimal("1.25")]), [1.25]),
        (ColumnType.FLOAT32, pl.Series([0.5]), [0.5]),
        (ColumnType.INTEGER, pl.Series([1.0, None, -2.0]), [1, None, -2]),
        (ColumnType.INTEGER, pl.Series([7], dtype=pl.UInt8), [7]),
        (ColumnType.INT32, pl.Series([7], dtype=pl.Int64), [7]),
        (ColumnType.BOOLEAN, pl.Series([0, 1, None]), [False, True, None]),
        (ColumnType.DATE, pl.Series(["2013-06-01", None]), [DAY, None]),
        (ColumnType.DATE, pl.Series([dt.datetime(2013, 6, 1)]), [DAY]),
        (ColumnType.TIMESTAMP, pl.Series([NOON]), [NOON.replace(tzinfo=dt.UTC)]),
        (ColumnType.TIMESTAMP, pl.Series([NOON], dtype=pl.Datetime("ns")), [NOON.replace(tzinfo=dt.UTC)]),
        (ColumnType.TIMESTAMP, pl.Series(["2013-06-01T12:00:00Z"]), [NOON.replace(tzinfo=dt.UTC)]),
        (ColumnType.TIMESTAMP, pl.Series([DAY]), [dt.datetime(2013, 6, 1, tzinfo=dt.UTC)]),
        (ColumnType.STRING, pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
        (ColumnType.CATEGORY, pl.Series(["a"], dtype=pl.Enum(["a"])), ["a"]),
        (ColumnType.DATE, pl.Series([None, None], dtype=pl.Float64), [None, None]),
        (ColumnType.STRING, pl.Series([], dtype=pl.Int64), []),
    ],
)
def test_values_are_kept(kind, series, expected):
    assert to(kind, series).to_list() == expected


def test_another_zone_is_converted():
    local = pl.Series([NOON]).dt.replace_time_zone("America/New_York")
    assert to(ColumnType.TIMESTAMP, local).to_list() == [dt.datetime(2013, 6, 1, 16, tzinfo=dt.UTC)]


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        (ColumnType.FLOAT, pl.Series([2**53 + 1, 1])),
        (ColumnType.FLOAT32, pl.Series([2**24 + 1, 1])),
        (ColumnType.FLOAT32, pl.Series([1e300, float("inf")])),
        (ColumnType.INTEGER, pl.Series([0.5, 1.0])),
        (ColumnType.INTEGER, pl.Series([1e300, 1.0])),
        (ColumnType.INTEGER, pl.Series([float("nan"), 1.0])),
        (ColumnType.INT32, pl.Series([2**31, 1])),
        (ColumnType.BOOLEAN, pl.Series([2, 1])),
        (ColumnType.DATE, pl.Series(["01.06.2013", "2013-06-01"])),
        (ColumnType.DATE, pl.Series([NOON, dt.datetime(2013, 6, 1)])),
        (ColumnType.TIMESTAMP, pl.Series([1, 1000]).cast(pl.Datetime("ns"))),
        # Years that can be computed with and not be shown.
        (ColumnType.DATE, pl.Series(["+12345-01-01", "2013-06-01"])),
        (ColumnType.DATE, pl.Series(["0000-12-31", "0001-01-01"])),
        (ColumnType.DATE, pl.Series([253_402_300_800, 0]).cast(pl.Datetime("ms"))),
        (ColumnType.TIMESTAMP, pl.Series(["-0044-03-15T00:00:00Z", "9999-12-31T23:59:59.999999Z"])),
        (ColumnType.TIMESTAMP, pl.Series([2_932_897, 2_932_896]).cast(pl.Date)),
    ],
)
def test_a_value_that_does_not_fit_is_counted_not_shown(kind, series):
    with pytest.raises(SourceError, match="1 of 2 values") as error:
        to(kind, series)
    assert error.value.where == "source s"


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        (ColumnType.FLOAT, pl.Series(["1.5"])),
        (ColumnType.STRING, pl.Series([1])),
        (ColumnType.BOOLEAN, pl.Series([1.0])),
        (ColumnType.TIMESTAMP, pl.Series([1])),
    ],
)
def test_another_kind_of_type_is_refused(kind, series):
    with pytest.raises(SourceError, match="but declared as"):
        to(kind, series)


def test_columns_come_in_the_declared_order_and_a_missing_one_is_named_with_its_nearest():
    df = pl.DataFrame({"extra": [1], "distance": [1.0], "b": ["x"]})
    schema = Schema((Column("b", ColumnType.STRING), Column("distance", ColumnType.FLOAT)))
    assert conform(df, schema, "s").columns == ["b", "distance"]
    with pytest.raises(SourceError, match="nearest name there is 'distance'"):
        conform(df, Schema((Column("distnace", ColumnType.FLOAT),)), "s")
