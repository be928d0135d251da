"""Writing, publishing and judging output versions."""

import polars as pl
import pytest

from kronkers_batch.errors import AccessRefused, DataError, IntegrityError, NotFound, Stale
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.warehouse import filters, output_chunks
from tests.warehouse_support import DAY, NEXT, Office, frame


def test_what_was_written_is_read(office: Office):
    output = office.publish(chunks=3, rows=100)
    assert (output.ref, output.state, output.head, output.rows) == (
        "late/2013-06-01#1",
        "published",
        True,
        300,
    )
    assert output.stats == {"rows": 300.0}
    assert output.lineage == {"model_version": "late@1"}
    assert office.rows(date=DAY).equals(frame(300))


def test_nobody_sees_an_unfinished_version(office: Office):
    writer = office.begin()
    writer.put(0, frame(10))
    writer.flush()
    assert office.warehouse.outputs("late") == office.warehouse.heads("late") == []
    assert office.warehouse.find("late", DAY, "a") is None
    with pytest.raises(NotFound):
        office.warehouse.rows.read("late", date=DAY)
    with pytest.raises(NotFound):
        office.warehouse.rows.read("late", date=DAY, version=1)


def test_versions_are_numbered_within_a_date(office: Office):
    office.publish(fingerprint="a")
    office.publish(fingerprint="b", start=1000)
    office.publish(NEXT)
    assert [o.ref for o in office.warehouse.outputs("late")] == [
        "late/2013-06-01#1", "late/2013-06-01#2", "late/2013-06-02#1",
    ]  # fmt: skip
    assert [o.head for o in office.warehouse.outputs("late")] == [False, True, True]
    assert office.rows(date=DAY)["flight"][0] == 1000


def test_find_knows_published_and_held(office: Office):
    published, held = office.publish(fingerprint="a"), office.publish(fingerprint="b", missed=["rows is 0"])
    assert office.warehouse.find("late", DAY, "a") == published
    assert office.warehouse.find("late", DAY, "b") == held
    assert office.warehouse.find("late", NEXT, "a") is None
    assert office.warehouse.find("late", DAY, "c") is None


def test_a_held_version_is_no_head_and_says_why(office: Office):
    good = office.publish(fingerprint="a")
    held = office.publish(fingerprint="b", start=1000, missed=["score.mean is above 1"])
    assert (held.state, held.head, held.missed) == ("held", False, ("score.mean is above 1",))
    assert [h.id for h in office.warehouse.heads("late")] == [good.id]
    assert office.rows(date=DAY).equals(frame(300))
    assert office.rows(date=DAY, version=2)["flight"][0] == 1000


def test_judging_anew_moves_the_head_and_back(office: Office):
    first, second = office.publish(fingerprint="a"), office.publish(fingerprint="b", start=1000)
    held = office.warehouse.judge(second, ["too many nulls"])
    assert (held.state, held.head, held.missed) == ("held", False, ("too many nulls",))
    assert office.warehouse.heads("late")[0].id == first.id
    # The last good one is held as well: then there is none.
    office.warehouse.judge(first, ["too many nulls"])
    assert office.warehouse.heads("late") == []
    published = office.warehouse.judge(second, [], "threshold raised")
    assert (published.state, published.head) == ("published", True)
    assert [j.action for j in office.warehouse.history("late", DAY)] == [
        "publish", "publish", "hold", "hold", "publish",
    ]  # fmt: skip
    assert office.warehouse.history("late", DAY)[-1].why == "threshold raised"


def test_judging_without_a_change_records_nothing(office: Office):
    output = office.publish()
    assert office.warehouse.judge(output, []) == output
    assert len(office.warehouse.history("late", DAY)) == 1


def test_a_published_version_gets_its_place_back(office: Office):
    """A champion that is rolled back scored this date already: nothing is computed."""
    first = office.publish(fingerprint="a")
    office.publish(fingerprint="b", start=1000)
    assert not office.warehouse.find("late", DAY, "a").head
    assert office.warehouse.judge(first, []).head
    assert office.rows(date=DAY).equals(frame(300))


def test_an_interrupted_writing_goes_on(office: Office):
    writer = office.begin()
    for number in range(2):
        writer.put(number, frame(100, number * 100))
    writer.flush()
    again = Office.open(office.root)
    writer = again.begin()
    assert writer.done == {0, 1}
    for number in range(3):
        writer.put(number, frame(100, number * 100))
    assert writer.written == 1
    assert writer.finish({}, {}).ref == "late/2013-06-01#1"
    assert office.rows(date=DAY).equals(frame(300))
    found = office.warehouse.rows.lookup("late", [{"flight": 150, "origin": "EWR"}], date=DAY)
    assert found["score"].to_list() == [150.0]


def test_a_chunk_put_again_has_its_group_of_filters_made_anew(office: Office, monkeypatch):
    monkeypatch.setattr(filters, "GROUP", 2)
    writer = office.begin()
    for number, start in ((0, 0), (1, 100), (2, 200), (0, 500)):
        writer.put(number, frame(100, start))
    writer.finish({}, {})
    for flight in (500, 599, 100, 199, 200, 299):
        key = {"flight": flight, "origin": ("EWR", "JFK", "LGA")[flight % 3]}
        assert office.warehouse.rows.lookup("late", [key], date=DAY)["score"].to_list() == [flight]


def test_a_chunk_exchanged_before_its_filter_is_made_anew(office: Office, monkeypatch):
    """Whoever may read seals another chunk; its keys must not make the filters of ours."""
    monkeypatch.setattr(filters, "GROUP", 2)
    writer = office.begin()
    for number in range(2):
        writer.put(number, frame(100, number * 100))
    writer.flush()
    reserved = writer._reserved
    context = reserved.place.chunk(1, 100, writer.schema.digest())
    other = office.vault.seal(reserved.data_key, context, output_chunks.encode(frame(100, 700)))
    with office.db.write() as conn:
        conn.exec_driver_sql("UPDATE output_pieces SET data = ? WHERE number = 1", (other,))
    writer.put(0, frame(100, 0))
    with pytest.raises(IntegrityError, match="chunk 1"):
        writer.finish({}, {})


def test_a_landed_chunk_with_other_contents_is_replaced(office: Office):
    writer = office.begin()
    writer.put(0, frame(100))
    writer.flush()
    writer = office.begin()
    writer.put(0, frame(100, 7))
    writer.finish({}, {})
    assert office.rows(date=DAY).equals(frame(100, 7))


def test_the_same_chunk_twice_is_the_same_row(office: Office):
    writer = office.begin()
    writer.put(0, frame(10))
    writer.flush()
    writer.put(0, frame(10))
    writer.put(0, frame(10, 5))
    writer.finish({}, {})
    assert office.rows(date=DAY).equals(frame(10, 5))


def test_what_landed_beyond_the_end_is_dropped(office: Office):
    """Another size of chunks makes fewer of them: the old ones behind must not come back as rows."""
    writer = office.begin()
    for number in range(4):
        writer.put(number, frame(50, number * 50))
    writer.flush()
    writer = office.begin()
    writer.put(0, frame(200))
    writer.finish({}, {})
    assert office.rows(date=DAY).equals(frame(200))
    with office.db.read() as conn:
        count = conn.exec_driver_sql("SELECT count(*) FROM output_pieces").scalar()
    assert count == 1


def test_another_fingerprint_does_not_take_over(office: Office):
    one, other = office.begin(fingerprint="a"), office.begin(fingerprint="b")
    other.put(0, frame(10))
    one.put(0, frame(20))
    assert one.finish({}, {}).number == 1
    with pytest.raises(Stale, match="published meanwhile"):
        other.finish({}, {})
    assert office.rows(date=DAY).height == 20


def test_a_held_version_meanwhile_does_not_stop_a_writer(office: Office):
    good = office.publish(fingerprint="a")
    writer = office.begin(fingerprint="b")
    writer.put(0, frame(10))
    office.warehouse.judge(good, ["too old"])
    assert writer.finish({}, {}).head


def test_a_gap_is_refused(office: Office):
    writer = office.begin()
    writer.put(0, frame(10))
    writer.put(2, frame(10))
    with pytest.raises(DataError, match="chunk 1 "):
        writer.finish({}, {})


def test_other_columns_are_refused(office: Office):
    with pytest.raises(DataError, match="other columns"):
        office.begin().put(0, frame(10).drop("score"))


@pytest.mark.parametrize("chunks", [0, 1])
def test_no_rows_are_an_output_too(office: Office, chunks: int):
    writer = office.begin()
    for number in range(chunks):
        writer.put(number, frame(0))
    assert writer.finish({}, {}).rows == 0
    read = list(office.warehouse.rows.read("late", date=DAY))
    assert len(read) == 1
    assert all(part.equals(frame(0)) and part.schema == frame(0).schema for part in read)
    assert office.warehouse.rows.lookup("late", [{"flight": 1, "origin": "EWR"}], date=DAY).height == 0


def test_many_groups_of_filters(office: Office, monkeypatch):
    monkeypatch.setattr(filters, "GROUP", 4)
    office.publish(chunks=10, rows=20)
    found = office.warehouse.rows.lookup(
        "late", [{"flight": n, "origin": "EWR"} for n in (0, 99, 198)], date=DAY
    )
    assert found["flight"].to_list() == [0, 99, 198]


def test_statistics_may_be_undefined(office: Office):
    writer = office.begin()
    stats = {"score.mean": float("nan"), "score.max": float("-inf")}
    read = writer.finish({}, stats).stats
    assert read["score.mean"] != read["score.mean"]
    assert read["score.max"] == float("-inf")


def test_old_dates_are_deleted(office: Office):
    office.publish()
    kept = office.publish(NEXT)
    office.begin(fingerprint="unfinished").put(0, frame(1))
    assert office.warehouse.expire("late", NEXT) == ["late/2013-06-01#1", "late/2013-06-01#2"]
    assert [o.id for o in office.warehouse.outputs("late")] == [kept.id]
    assert [h.date for h in office.warehouse.heads("late")] == [NEXT]
    with pytest.raises(NotFound, match="deleted"):
        office.warehouse.get("late/2013-06-01#1")
    assert office.warehouse.history("late", DAY)[-1].action == "delete"
    assert office.publish(fingerprint="c").number == 3


@pytest.mark.parametrize("role", [Role.VIEWER, Role.READER])
def test_readers_do_not_write(office: Office, role: Role):
    output = office.publish()
    other = office.member("anna", Scope("ops"), role)
    with pytest.raises(AccessRefused):
        other.begin()
    with pytest.raises(AccessRefused):
        other.warehouse.judge(output, ["no"])
    with pytest.raises(AccessRefused):
        other.warehouse.expire("late", NEXT)
    assert other.warehouse.outputs("late") == [output]


def test_a_grant_on_the_model_suffices_to_write_and_read(office: Office):
    office.publish()
    other = office.member("anna", Scope("ops", "late"), Role.OPERATOR)
    assert other.publish(NEXT).principal == "anna"
    assert office.rows().height == 600


def test_a_viewer_sees_records_and_no_rows(office: Office):
    output = office.publish()
    viewer = office.member("vera", Scope("ops"), Role.VIEWER)
    assert viewer.warehouse.get(output.ref).stats == {"rows": 300.0}
    with pytest.raises(AccessRefused):
        viewer.warehouse.rows.read("late", date=DAY)
    with pytest.raises(AccessRefused):
        viewer.warehouse.rows.lookup("late", [{"flight": 1, "origin": "JFK"}], date=DAY)


def test_another_department_sees_nothing(office: Office):
    office.publish()
    other = office.member("otto", Scope("fleet"), Role.ADMIN)
    for attempt in (
        lambda: other.warehouse.rows.read("late", date=DAY),
        lambda: other.warehouse.outputs("late"),
        lambda: other.warehouse.find("late", DAY, "a"),
        lambda: other.warehouse.rows.sql("SELECT * FROM late", ["late"]),
    ):
        with pytest.raises(AccessRefused):
            attempt()


def test_writing_and_reading_are_in_the_ledger(office: Office):
    output = office.publish()
    office.rows(date=DAY)
    office.rows()
    office.warehouse.judge(output, ["no"])
    with office.db.read() as conn:
        rows = conn.exec_driver_sql("SELECT principal, action, subject FROM ledger ORDER BY seq").all()
    said = [(row.action, row.subject) for row in rows if row.subject.startswith("late/")]
    assert said == [
        ("publish", output.ref),
        ("read", output.ref),
        ("read", "late/2013-06-01..2013-06-01"),
        ("hold", output.ref),
    ]


def test_chunks_keep_their_rows_and_order(office: Office):
    writer = office.begin()
    parts = [frame(5), frame(0), frame(7, 5)]
    for number, part in reversed(list(enumerate(parts))):
        writer.put(number, part)
    writer.finish({}, {})
    assert [part.height for part in office.warehouse.rows.read("late", date=DAY)] == [5, 0, 7]
    assert office.rows(date=DAY).equals(pl.concat(parts))
