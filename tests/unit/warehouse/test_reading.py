"""Reading by date, range, version, time and key."""

import datetime as dt

import polars as pl
import pytest

from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound, UsageError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema
from kronkers_batch.store import clock
from kronkers_batch.warehouse import filters, output_chunks, reader
from kronkers_batch.warehouse.versions import parse_ref
from tests.warehouse_support import DAY, NEXT, Office, frame


def test_every_date_in_order(office: Office):
    office.publish(NEXT, start=1000)
    office.publish(DAY)
    rows = office.rows(dated=True)
    assert rows.columns == ["logical_date", "flight", "origin", "score"]
    assert rows["logical_date"].unique(maintain_order=True).to_list() == [DAY, NEXT]
    assert rows.height == 600


@pytest.mark.parametrize(
    ("selection", "dates"),
    [
        ({"first": NEXT}, [2, 3]),
        ({"last": NEXT}, [1, 2]),
        ({"first": NEXT, "last": NEXT}, [2]),
        ({}, [1, 2, 3]),
    ],
)
def test_a_range_of_dates(office: Office, selection, dates):
    for day in (1, 2, 3):
        office.publish(dt.date(2013, 6, day), chunks=1, rows=day)
    assert office.rows(dated=True, **selection)["logical_date"].dt.day().unique().sort().to_list() == dates


def test_as_of_a_timestamp(office: Office):
    before = clock.now()
    first = office.publish(fingerprint="a")
    between = clock.now()
    office.publish(fingerprint="b", start=1000)
    assert office.rows(date=DAY, at=between).equals(frame(300))
    assert office.rows(date=DAY)["flight"][0] == 1000
    assert [h.id for h in office.warehouse.heads("late", at=between)] == [first.id]
    with pytest.raises(NotFound, match="at that time"):
        office.warehouse.rows.read("late", date=DAY, at=before)
    with pytest.raises(NotFound):
        office.warehouse.rows.read("late", at=before)


def test_columns_in_the_order_asked_for(office: Office):
    office.publish(chunks=1, rows=4)
    assert office.rows(date=DAY, columns=["score", "flight"]).equals(frame(4).select("score", "flight"))
    with pytest.raises(UsageError, match="no column 'price'"):
        office.warehouse.rows.read("late", date=DAY, columns=["price"])


def test_what_is_not_there(office: Office):
    office.publish()
    for selection in ({"date": NEXT}, {"date": DAY, "version": 9}, {"first": NEXT}):
        with pytest.raises(NotFound) as caught:
            office.warehouse.rows.read("late", **selection)
        assert "kronkers outputs late" in caught.value.fix
    with pytest.raises(UsageError):
        office.warehouse.rows.read("late", version=1)
    with pytest.raises(NotFound):
        office.warehouse.rows.read("unknown")


@pytest.mark.parametrize(
    "text", ["late", "late@3", "late/2013-06-01", "late/2013-06-31#1", "late/2013-06-01#0"]
)
def test_a_wrong_reference_says_how_it_is_written(office: Office, text):
    with pytest.raises(UsageError, match="is not an output version"):
        office.warehouse.get(text)


def test_a_reference_is_what_it_names(office: Office):
    output = office.publish()
    assert parse_ref(output.ref) == ("late", DAY, 1)
    assert office.warehouse.get(output.ref) == output


def test_lookup_opens_few_chunks(office: Office, monkeypatch):
    office.publish(chunks=20, rows=200)
    opened = []
    real = reader.check_chunk

    def counted(entry, blob):
        opened.append(entry.number)
        real(entry, blob)

    monkeypatch.setattr(reader, "check_chunk", counted)
    found = office.warehouse.rows.lookup("late", [{"flight": 2500, "origin": "JFK"}], date=DAY)
    assert found.to_dicts() == [{"logical_date": DAY, "flight": 2500, "origin": "JFK", "score": 2500.0}]
    assert 12 in opened
    assert len(opened) <= 2


def test_of_chunks_that_are_opened_in_vain_the_key_alone_is_decoded(office: Office, monkeypatch):
    office.publish(chunks=3, rows=10)
    monkeypatch.setattr(reader, "holding", lambda *_: {0, 1, 2})  # as if all filters said so
    decoded = []
    real = output_chunks.decode

    def counted(raw, columns):
        decoded.append(columns)
        return real(raw, columns)

    monkeypatch.setattr(output_chunks, "decode", counted)
    assert office.warehouse.rows.lookup("late", [(15, "EWR")], DAY)["score"].to_list() == [15.0]
    assert decoded == [["flight", "origin"], ["flight", "origin"], ["score"], ["flight", "origin"]]


def test_a_key_of_a_group_of_filters_that_lies_otherwise_is_found(office: Office):
    """The last one has fewer chunks, so a key belongs to another index page of it."""
    office.publish(chunks=filters.GROUP + 1, rows=200)
    last = range(filters.GROUP * 200, filters.GROUP * 200 + 200, 9)
    keys = frame(200 * (filters.GROUP + 1)).select("flight", "origin").rows()
    for flight in last:
        assert office.warehouse.rows.lookup("late", [keys[flight]], DAY)["score"].to_list() == [flight]


def test_one_key_and_several_find_the_same_rows_in_their_order(office: Office):
    writer = office.begin()
    rows = frame(6).with_columns(flight=pl.Series([1, None, 1, 2, None, 1]), origin=pl.lit("JFK"))
    for number in range(2):
        writer.put(number, rows)
    writer.finish({}, {})
    for flight, scores in ((1, [0.0, 2.0, 5.0]), (None, [1.0, 4.0]), (2, [3.0]), (3, [])):
        for keys in ([(flight, "JFK")], [(flight, "JFK"), (9, "JFK")], [(flight, "JFK")] * 2):
            found = office.warehouse.rows.lookup("late", keys, DAY)
            assert found["score"].to_list() == scores * 2
            assert found.columns == ["logical_date", "flight", "origin", "score"]
            assert found["logical_date"].to_list() == [DAY] * found.height
        some = office.warehouse.rows.lookup("late", [(flight, "JFK")], DAY, columns=["score", "flight"])
        assert some.columns == ["logical_date", "score", "flight"]
        assert some["score"].to_list() == scores * 2


@pytest.mark.parametrize("kind", list(ColumnType))
def test_one_key_of_each_type_is_found(office: Office, kind):
    values = {
        ColumnType.BOOLEAN: [True, False],
        ColumnType.STRING: ["a", "b"],
        ColumnType.CATEGORY: ["a", "b"],
        ColumnType.DATE: [DAY, NEXT],
        ColumnType.TIMESTAMP: [dt.datetime(2013, 6, day, tzinfo=dt.UTC) for day in (1, 2)],
        ColumnType.FLOAT: [0.0, float("nan")],
        ColumnType.FLOAT32: [0.0, float("nan")],
    }.get(kind, [1, 2])
    key = Column("k", kind, ("a", "b")) if kind is ColumnType.CATEGORY else Column("k", kind)
    schema = Schema((key, Column("x", ColumnType.FLOAT)))
    writer = office.warehouse.begin("late", "ops", DAY, "a", schema, ("k",))
    writer.put(0, pl.DataFrame({"k": [*values, None], "x": [0.0, 1.0, 2.0]}, schema=polars_schema(schema)))
    writer.finish({}, {})
    for number, value in enumerate([*values, None]):
        assert office.warehouse.rows.lookup("late", [{"k": value}], DAY)["x"].to_list() == [number]
    if kind in (ColumnType.FLOAT, ColumnType.FLOAT32):
        assert office.warehouse.rows.lookup("late", [-0.0], DAY)["x"].to_list() == [0.0]


def test_lookup_over_dates_and_versions(office: Office):
    office.publish(DAY)
    office.publish(NEXT)
    office.publish(NEXT, fingerprint="b", start=1)
    key = [{"flight": "1", "origin": "JFK"}]
    assert office.warehouse.rows.lookup("late", key)["logical_date"].to_list() == [DAY, NEXT]
    old = office.warehouse.rows.lookup("late", [{"flight": 0, "origin": "EWR"}], NEXT, version=1)
    assert old.height == 1
    assert office.warehouse.rows.lookup("late", [{"flight": 0, "origin": "EWR"}], NEXT).height == 0


def test_lookup_by_a_part_of_the_key_reads_everything(office: Office):
    office.publish(chunks=2, rows=30)
    found = office.warehouse.rows.lookup("late", [{"origin": "LGA"}], DAY, columns=["flight"])
    assert found["flight"].to_list() == list(range(2, 60, 3))


def test_lookup_of_nothing_has_the_columns(office: Office):
    office.publish()
    found = office.warehouse.rows.lookup("late", [{"flight": -1, "origin": "JFK"}], DAY)
    assert found.schema == {
        "logical_date": pl.Date, "flight": pl.Int64, "origin": pl.String, "score": pl.Float64,
    }  # fmt: skip


def test_a_null_in_a_key_is_found(office: Office):
    writer = office.begin()
    rows = frame(3).with_columns(origin=pl.Series(["EWR", None, "JFK"]))
    writer.put(0, rows)
    writer.finish({}, {})
    assert office.warehouse.rows.lookup("late", [{"flight": 1, "origin": None}], DAY).height == 1


def test_many_keys_at_once(office: Office):
    office.publish(chunks=2, rows=3000)
    keys = frame(5000, 10).select("flight", "origin").to_dicts()
    assert office.warehouse.rows.lookup("late", keys, DAY)["flight"].to_list() == list(range(10, 5010))


@pytest.mark.parametrize(
    "keys",
    [[], [{}], [{"score": 1.0}], [{"flight": "x", "origin": "JFK"}], [{"flight": 1.5}], [{"flight": True}],
     [{"flight": 2**63}], [{"flight": 1}, {"origin": "JFK"}]],
)  # fmt: skip
def test_keys_that_are_none(office: Office, keys):
    office.publish()
    with pytest.raises(UsageError):
        office.warehouse.rows.lookup("late", keys, DAY)


def test_keys_by_their_values_in_order(office: Office):
    with pytest.raises(NotFound):
        office.warehouse.rows.lookup("late", [(1, "JFK")])
    office.publish()
    assert office.warehouse.rows.lookup("late", [(1, "JFK"), ("2", "LGA")])["flight"].to_list() == [1, 2]
    with pytest.raises(UsageError, match="has 2 value"):
        office.warehouse.rows.lookup("late", [1])


def test_sql_joins_outputs(office: Office):
    office.publish(DAY, chunks=2, rows=10)
    office.publish(NEXT, chunks=1, rows=5, model="Fast-Lane")
    result = office.warehouse.rows.sql(
        'SELECT count(*) AS n, min(l.logical_date) AS d FROM late AS l JOIN "fast-lane" AS f USING (flight)',
        ["late", "Fast-Lane", "never-scored"],
    )
    assert result.to_dicts() == [{"n": 5, "d": DAY}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM '/tmp/*.parquet'",
        "COPY late TO '/tmp/kronkers-leak.csv'",
        "ATTACH '/tmp/kronkers-leak.db'",
        "INSTALL httpfs",
        "SET memory_limit = '100GB'",
        "SELECT 1; SELECT 2",
        "DROP TABLE late",
        "SELEC 1",
        "SELECT * FROM other",
        "SELECT * FROM house",
        "SELECT * FROM frames",
    ],
)
def test_sql_does_nothing_else(office: Office, query):
    office.publish(chunks=1, rows=1)
    frames = frame(1)  # a variable of the program must not be a table
    with pytest.raises(UsageError):
        office.warehouse.rows.sql(query, ["late"])
    assert frames.height == 1


def test_sql_errors_show_no_data(office: Office):
    writer = office.begin()
    writer.put(0, frame(1).with_columns(origin=pl.lit("planted-secret")))
    writer.finish({}, {})
    with pytest.raises(UsageError) as caught:
        office.warehouse.rows.sql("SELECT CAST(origin AS INTEGER) FROM late", ["late"])
    assert "planted-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_sql_has_a_memory_limit(office: Office):
    office.publish(chunks=1, rows=10)
    with pytest.raises(UsageError, match="need more than 50 MB"):
        office.warehouse.rows.sql(
            "SELECT hash(a.range) AS h, a.range FROM range(20000000) a, late ORDER BY h",
            ["late"],
            memory=50 * 2**20,
        )


def test_heads_of_some_dates_and_the_newest_of_all(office):
    days = [DAY + dt.timedelta(n) for n in range(12)]
    outputs = [office.publish(day, chunks=1, rows=1) for day in days]
    assert [h.date for h in office.warehouse.heads("late", first=days[3], last=days[5])] == days[3:6]
    assert office.warehouse.newest_head("late").id == outputs[-1].id
    for output in outputs[1:]:  # held: their dates have none any more
        office.warehouse.judge(output, ["rows"])
    assert office.warehouse.newest_head("late").id == outputs[0].id
    office.warehouse.judge(outputs[0], ["rows"])
    assert office.warehouse.newest_head("late") is office.warehouse.newest_head("other") is None


def test_the_newest_head_verifies_no_older_date(office):
    for n in range(4):
        office.publish(DAY + dt.timedelta(n), chunks=1, rows=1)
    with office.db.write() as conn:
        conn.exec_driver_sql("UPDATE output_log SET signature = x'00' WHERE logical_date = ?", (str(DAY),))
    assert office.warehouse.newest_head("late").date == DAY + dt.timedelta(3)
    assert len(office.warehouse.heads("late", first=NEXT)) == 3
    with pytest.raises(IntegrityError):
        office.warehouse.heads("late")


def test_who_may_not_is_refused_before_anything_is_looked_for(office):
    office.publish()

    def refuse(_conn):
        raise AccessRefused("not you")

    for ask in (
        lambda: office.warehouse.rows.read("nothing", may=refuse),
        lambda: office.warehouse.rows.lookup("nothing", [1], may=refuse),
    ):
        with pytest.raises(AccessRefused, match="not you"):
            ask()
