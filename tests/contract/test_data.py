"""What is sent is what arrives: every type, nulls, names, levels, sizes."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import OutputColumn, Unseen
from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import OTHER, Column, ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema

pytestmark = pytest.mark.usefixtures("in_turn")
NAN, INF = float("nan"), float("inf")
TIMESTAMP = dt.datetime(2013, 6, 1, 12, 30, 15, 250_000, tzinfo=dt.UTC)

VALUES: dict[ColumnType, list[object]] = {
    ColumnType.FLOAT: [0.1, -1e300, 5e-324, INF, -INF, 2.0**53 + 2],
    ColumnType.FLOAT32: [0.5, -1.25, 3.0e38, INF, -INF, 2.0**24],
    ColumnType.INTEGER: [0, -1, 2**53, -(2**53), 2**31, 7],
    ColumnType.INT32: [0, -1, 2**31 - 1, -(2**31) + 1, 5, 7],
    ColumnType.BOOLEAN: [True, False, True, True, False, False],
    ColumnType.DATE: [
        dt.date(1970, 1, 1),
        dt.date(1969, 12, 31),
        dt.date(2013, 6, 1),
        dt.date(1600, 2, 29),
        dt.date(2400, 1, 1),
        dt.date(2000, 2, 29),
    ],
    ColumnType.TIMESTAMP: [
        TIMESTAMP,
        dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=dt.UTC),
        dt.datetime(2013, 3, 31, 1, 0, tzinfo=dt.UTC),
        dt.datetime(2200, 1, 1, tzinfo=dt.UTC),
        dt.datetime(1900, 1, 1, 0, 0, 0, 1000, tzinfo=dt.UTC),
    ],
    ColumnType.STRING: ["a", "", "NA", "tab\tand\nline", "ü€😀", "100%"],
    ColumnType.CATEGORY: ["b", "", "NA", "ü 😀", "with\ttab", "b"],
}
LEVELS = ("b", "", "NA", "ü 😀", "with\ttab", "never")


def column(name: str, kind: ColumnType) -> Column:
    return Column(name, kind, LEVELS if kind is ColumnType.CATEGORY else ())


def outputs(columns: tuple[Column, ...]) -> tuple[OutputColumn, ...]:
    return tuple(OutputColumn(c.name, c.type) for c in columns)


def frame(columns: tuple[Column, ...], data: dict[str, list[object]]) -> pl.DataFrame:
    return pl.DataFrame(data, schema=polars_schema(Schema(columns)))


def test_every_type_comes_back_as_it_was(lab, fitted):
    columns = tuple(column(kind.value, kind) for kind in ColumnType)
    worker = fitted("echo", features=columns, outputs=outputs(columns))
    for keep in (lambda i: True, lambda i: i % 2, lambda i: False):
        data = {c.name: [v if keep(i) else None for i, v in enumerate(VALUES[c.type])] for c in columns}
        sent = frame(columns, data)
        got = worker.score(sent)
        assert got.schema == sent.schema
        for c in columns:
            assert got[c.name].equals(sent[c.name]), (c.name, got[c.name].to_list())
    for rows in (0, 1):
        sent = frame(columns, {c.name: VALUES[c.type][:rows] for c in columns})
        assert worker.score(sent).equals(sent)


TARGET = Column("y", ColumnType.FLOAT)


def training(columns: tuple[Column, ...], *positions: int | None) -> pl.DataFrame:
    """A row of VALUES for each position; None is a row of nulls."""
    data = {c.name: [None if i is None else VALUES[c.type][i] for i in positions] for c in columns}
    return frame((*columns, TARGET), {**data, "y": [float(i or 0) for i in positions]})


def test_fit_gets_every_type_in_rows_joined_from_any_chunks(lab):
    """Among them none at all, empty ones, one row, and some with nulls or other strings than the last."""
    columns = tuple(column(kind.value, kind) for kind in ColumnType)
    worker = lab.start("kept", features=columns, outputs=outputs((*columns, TARGET)))
    for chunks in ([], [()], [(3,)], [(), (0, 1), (), (None, 5), (2, 3), (None,)], [(None,), (4, None)]):
        sent = [training(columns, *positions) for positions in chunks]
        worker.fit(sent)
        whole = pl.concat([training(columns), *sent])
        assert worker.score(whole.select(c.name for c in columns)).equals(whole), chunks


@pytest.mark.parametrize("kind", [ColumnType.BOOLEAN, ColumnType.INT32, ColumnType.CATEGORY])
def test_a_target_has_its_own_type(lab, kind):
    target = column("y", kind)
    worker = lab.start("kept", target=target, outputs=outputs((column("x", ColumnType.FLOAT), target)))
    sent = frame((column("x", ColumnType.FLOAT), target), {"x": [1.0] * 6, "y": VALUES[kind]})
    worker.fit([sent])
    assert worker.score(sent.select("x")).equals(sent)


def test_nan_is_not_null(lab, fitted):
    columns = (column("x", ColumnType.FLOAT), column("f4", ColumnType.FLOAT32))
    worker = fitted("echo", features=columns, outputs=outputs(columns))
    got = worker.score(frame(columns, {c.name: [NAN, 1.0, None] for c in columns}))
    for name in ("x", "f4"):
        assert got[name].is_nan().to_list() == [True, False, None]


def test_microseconds_are_exact_or_cut_to_the_milliseconds_that_julia_has(lab, fitted):
    columns = (column("t", ColumnType.TIMESTAMP),)
    worker = fitted("echo", features=columns, outputs=outputs(columns))
    sent = frame(
        columns,
        {
            "t": [
                TIMESTAMP.replace(microsecond=123_457),
                dt.datetime(1969, 1, 1, 0, 0, 0, 999_999, dt.UTC),
                None,
            ]
        },
    )
    exact = lab.language is not LANGUAGES["julia"]
    assert worker.score(sent)["t"].equals(sent["t"] if exact else sent["t"].dt.truncate("1ms"))


def test_whole_numbers_at_the_edges_are_exact_or_refused(lab, fitted):
    columns = (column("i8", ColumnType.INTEGER), column("i4", ColumnType.INT32))
    worker = fitted("echo", features=columns, outputs=outputs(columns))
    for beyond in (2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63) + 1):
        sent = frame(columns, {"i8": [beyond, None, 1], "i4": [1, None, 1]})
        if lab.language is LANGUAGES["r"]:
            with pytest.raises(DataError, match=r"column 'i8': 1 values are beyond 2\^53") as error:
                worker.score(sent)
            assert str(beyond) not in str(error.value)
        else:
            assert worker.score(sent).equals(sent)
    sent = frame(columns, {"i8": [2**53, None, -(2**53)], "i4": [-(2**31), None, 1]})
    if lab.language is LANGUAGES["r"]:
        with pytest.raises(DataError, match="column 'i4': 1 values"):
            worker.score(sent)
    else:
        assert worker.score(sent).equals(sent)


NAMES = (
    "if",
    "T",
    "data",
    "a.b",
    "a b",
    "ä/ö",
    "x\ty",
    "%41",
    "function",
    "NA",
    "1st",
    "end",
    "line\nfeed",
    "a\\b",
)


def test_awkward_names(lab, fitted):
    columns = tuple(column(name, ColumnType.FLOAT) for name in NAMES)
    worker = fitted("echo", features=columns, outputs=outputs(columns))
    sent = frame(columns, {name: [float(i), None] for i, name in enumerate(NAMES)})
    assert worker.score(sent).equals(sent)


LEVEL_OUTPUTS = (OutputColumn("code", ColumnType.INT32), OutputColumn("levels", ColumnType.FLOAT))
CATEGORY = (Column("c", ColumnType.CATEGORY, ("z", "a", "m")),)


def coded(worker, values):
    got = worker.score(pl.DataFrame({"c": values}, schema={"c": pl.String}))
    return got["code"].to_list(), set(got["levels"].to_list())


def test_levels_are_those_of_training_in_every_chunk(lab, fitted):
    worker = fitted("levels", features=CATEGORY, outputs=LEVEL_OUTPUTS)
    assert coded(worker, ["m", "a", "z", None]) == ([3, 2, 1, None], {3.0})
    assert coded(worker, ["m"]) == ([3], {3.0})
    assert coded(worker, [None]) == ([None], {3.0})


def test_unseen_levels_become_missing(lab, fitted):
    worker = fitted("levels", features=CATEGORY, outputs=LEVEL_OUTPUTS, unseen=Unseen.MISSING)
    assert coded(worker, ["new", "a"]) == ([None, 2], {3.0})


def test_unseen_levels_become_the_last_level(lab, fitted):
    worker = fitted("levels", features=CATEGORY, outputs=LEVEL_OUTPUTS, unseen=Unseen.OTHER)
    assert coded(worker, ["new", "a", None, OTHER]) == ([4, 2, None, 4], {4.0})
    assert coded(worker, ["a"]) == ([2], {4.0})


def test_unseen_levels_are_an_error_that_names_no_level(lab, fitted):
    worker = fitted("levels", features=CATEGORY, outputs=LEVEL_OUTPUTS, unseen=Unseen.ERROR)
    with pytest.raises(DataError, match="column 'c': 2 of 3 rows") as error:
        coded(worker, ["secret", "a", "secret"])
    assert "secret" not in str(error.value)
    assert coded(worker, ["a"]) == ([2], {3.0})


MILLION = 1_000_000


@pytest.mark.long
def test_a_million_rows_of_every_type(lab):
    """Fitted whole; scored whole and in chunks. One column of strings has a million distinct values."""
    columns = (*(column(kind.value, kind) for kind in ColumnType), column("distinct", ColumnType.STRING))
    changes = {"memory": 8 * 2**30, "time_limit": 600}
    worker = lab.start("kept", features=columns, outputs=outputs((*columns, TARGET)), **changes)
    row = pl.int_range(MILLION)
    data = {
        k.value: pl.Series(VALUES[k], dtype=polars_schema(Schema((column("v", k),)))["v"]) for k in ColumnType
    }
    sent = (
        pl.select(row=row)
        .with_columns(pl.lit(v).gather(pl.col("row") * 7919 % 6).alias(name) for name, v in data.items())
        .with_columns(pl.when(pl.col("row") % 11 > 0).then(pl.col(list(data))))
        .with_columns(distinct=pl.format("value {}", "row"), y=pl.col("row") / 3)
        .select(*(c.name for c in columns), "y")
    )
    assert 0 < sent["string"].null_count() < MILLION
    worker.fit(sent.iter_slices(65_536))
    assert worker.score(sent.select(c.name for c in columns)).equals(sent)
    echo = lab.start("echo", features=columns, outputs=outputs(columns), **changes)
    echo.fit([sent.head(2)])
    features = sent.select(c.name for c in columns)
    assert pl.concat(echo.score_stream(features.iter_slices(65_536))).equals(features)
