from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import polars as pl
import pytest

from kronkers_batch.data.sources import objects
from kronkers_batch.data.sources.casting import cast, cast_frame
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.session import Found
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from tests.data_support import MARKER

HERE = Place("things", "conf/source/things.yaml:1", "things.csv")
NOON = dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)


def one(
    values: list[object], kind: str, levels: tuple[str, ...] = (), dtype: pl.DataType | None = None
) -> list[object]:
    return cast(pl.Series("x", values, dtype=dtype), Column("x", ColumnType(kind), levels), HERE).to_list()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1", None, "-3"], "integer", [1, None, -3]),
        (["1.5", "1e3", "-0"], "float", [1.5, 1000.0, 0.0]),
        ([" 1", "2 "], "integer", [1, 2]),
        ([" 1.5", None, "2\t"], "float", [1.5, None, 2.0]),
        (["inf", "-Infinity", "+inf", "1e308"], "float", [math.inf, -math.inf, math.inf, 1e308]),
        (["true", "0", None, "TRUE"], "boolean", [True, False, None, True]),
        (["2013-06-01"], "date", [dt.date(2013, 6, 1)]),
        (
            ["2013-06-01T12:00:00Z", "2013-06-01 14:00:00+02:00", "2013-06-01 12:00", "2013-06-01T12:00:00"],
            "timestamp",
            [NOON] * 4,
        ),
        ([1, 2**53], "float", [1.0, 2.0**53]),
        ([dt.datetime(2013, 6, 1, 12)], "timestamp", [NOON]),
        ([dt.date(2013, 6, 1)], "timestamp", [NOON.replace(hour=0)]),
        ([1, 0, None], "boolean", [True, False, None]),
        ([Decimal("1.25")], "float", [1.25]),
        ([None, None], "string", [None, None]),
        (["a", "b"], "category", ["a", "b"]),
    ],
)
def test_values_that_fit(values: list[object], kind: str, expected: list[object]) -> None:
    assert one(values, kind) == expected


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        (["1", "1.5"], "integer", "the number is no integer"),
        (["1", MARKER], "integer", "the text is no integer"),
        (["1,5"], "float", "the text is no float"),
        (["1 2"], "integer", "1 of the 1"),
        (["0x1F"], "integer", "1 of the 1"),
        (["1 .5"], "float", "1 of the 1"),
        (["1e309", "-1e400", "inf", "1"], "float", "2 of the 4"),
        (["yes"], "boolean", "declared boolean"),
        (["2013-13-01"], "date", "declared date"),
        (["01/06/2013"], "timestamp", "declared timestamp"),
        (["2147483648"], "int32", "declared int32"),
        ([2**53 + 1], "float", "declared as float"),
        ([1.5], "integer", "declared as integer"),
        ([2], "boolean", "declared as boolean"),
        ([1], "string", "declared as string"),
        ([Decimal("1.25")], "string", "Decimal"),
        ([dt.datetime(2013, 6, 1, 12)], "date", "declared as date"),
    ],
)
def test_values_that_do_not_fit_are_an_error_without_them(values: list[object], kind: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        one(values, kind)
    assert said in str(caught.value)
    assert "conf/source/things.yaml:1" in str(caught.value)
    assert MARKER not in str(caught.value)


@pytest.mark.parametrize("whole", ["9007199254740993", "-9007199254740993", "1E+30"])
def test_a_whole_decimal_of_a_database_is_no_other_float(whole: str) -> None:
    def read(*values: str) -> list[object]:
        numbers = [Decimal(v) for v in values]
        return objects.typed(numbers, Column("x", ColumnType.FLOAT), Found("x", "x"), HERE).to_list()

    assert read("0.1", "9007199254740992", "9007199254740993.5") == [0.1, 2.0**53, float(2**53 + 2)]
    with pytest.raises(SourceError, match="1 of 2 rows"):
        read("0.1", whole)


def test_nanoseconds_that_would_be_cut_are_refused() -> None:
    exact = pl.Series("x", [1_000], dtype=pl.Datetime("ns"))
    assert cast(exact, Column("x", ColumnType.TIMESTAMP), HERE).to_physical().to_list() == [1]
    with pytest.raises(SourceError):
        cast(pl.Series("x", [1_001], dtype=pl.Datetime("ns")), Column("x", ColumnType.TIMESTAMP), HERE)


def test_text_with_nul_bytes_and_bytes_that_are_no_text() -> None:
    with pytest.raises(SourceError, match="NUL"):
        one(["a\0b"], "string")
    with pytest.raises(SourceError, match="not UTF-8"):
        one([b"\xff"], "string")
    with pytest.raises(SourceError, match="not UTF-8"):
        one([b"\xed\xa0\x80"], "string")  # a lone surrogate


def test_a_level_that_is_not_declared() -> None:
    assert one(["a", None], "category", ("a", "b")) == ["a", None]
    with pytest.raises(SourceError, match=r"1 of 2 rows .* level that is not declared"):
        one(["a", "c"], "category", ("a", "b"))


def test_missing_columns_are_all_named_with_the_nearest() -> None:
    declared = Schema((Column("distance", ColumnType.FLOAT), Column("zebra", ColumnType.FLOAT)))
    with pytest.raises(SourceError) as caught:
        cast_frame(pl.DataFrame({"distanse": [1.0]}), declared, HERE)
    assert "distance (did you mean distanse?), zebra" in str(caught.value)


def test_columns_come_in_the_declared_order_and_no_others() -> None:
    declared = Schema((Column("b", ColumnType.FLOAT), Column("a", ColumnType.INTEGER)))
    frame = cast_frame(pl.DataFrame({"a": [1], "c": [0], "b": [2.0]}), declared, HERE)
    assert frame.columns == ["b", "a"]
