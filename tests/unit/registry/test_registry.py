"""Model versions and champions."""

import dataclasses
import datetime as dt
import sqlite3
import threading
from types import SimpleNamespace

import polars as pl
import pytest
from sqlalchemy import select, update

from kronkers_batch.errors import (
    AccessRefused,
    GateFailed,
    IntegrityError,
    NotFound,
    Stale,
    StoreError,
    UsageError,
)
from kronkers_batch.registry import champions, records
from kronkers_batch.registry.compare import diff
from kronkers_batch.registry.standing import Asked
from kronkers_batch.registry.training import Golden, parse_ref
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.tables.registry import champions as promotions
from kronkers_batch.store.tables.vault import data_keys
from kronkers_batch.vault.context import Role, Scope
from tests.warehouse_support import Office, training


def test_what_was_recorded_comes_back(office: Office):
    given = training(metrics={"auc": 0.75, "lift": float("nan")}, naive=float("inf"), verdict=("auc is low",))
    version = office.registry.record(given, b"artifact bytes")
    assert (version.ref, version.principal) == ("late@1", "admin")
    again = office.registry.get("late", 1)
    assert again.training.golden.rows.equals(given.golden.rows)
    assert str(again.training.metrics) == str(given.metrics)
    compared = {"golden", "metrics"}
    for name in (f.name for f in dataclasses.fields(given) if f.name not in compared):
        assert getattr(again.training, name) == getattr(given, name), name
    assert office.registry.artifact(again) == b"artifact bytes"


def test_numbers_have_no_gaps_also_at_once(office: Office):
    def record() -> None:
        mine = Office.open(office.root)
        mine.registry.record(training(), b"x")

    threads = [threading.Thread(target=record) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [v.number for v in office.registry.versions("late")] == [1, 2, 3, 4, 5, 6]
    assert office.registry.record(training(model="other"), b"x").ref == "other@1"


def test_an_artifact_that_cannot_be_stored_leaves_no_version(office: Office):
    (office.root / "artifacts").write_text("not a folder")
    with pytest.raises(StoreError):
        office.registry.record(training(), b"x")
    assert office.registry.versions("late") == []


def test_the_newest_of_a_fingerprint_is_found(office: Office):
    office.registry.record(training(fingerprint="1", definition_fingerprint="A"), b"x")
    office.registry.record(training(fingerprint="2", definition_fingerprint="A"), b"x")
    office.registry.record(training(fingerprint="2", definition_fingerprint="B"), b"x")
    found = office.registry.standings({"late": Asked("A", ("1", "2", "3")), "other": Asked("A")})
    assert {asked: version.number for asked, version in found["late"].found.items()} == {"1": 1, "2": 3}
    assert (found["late"].newest.number, found["other"].newest) == (2, None)


@pytest.mark.parametrize("text", ["late", "late@", "late@0", "late@x", "late/2013-06-01#1", "a@1@2"])
def test_a_wrong_reference(text):
    with pytest.raises(UsageError, match="not a model version"):
        parse_ref(text)


def test_a_reference():
    assert parse_ref("late@12") == ("late", 12)


def test_promotion_and_rollback(office: Office):
    registry = office.registry
    assert registry.champion("late") is None
    for _ in range(3):
        registry.record(training(), b"x")
    before = clock.now()
    registry.promote("late", 1, why="first")
    between = clock.now()
    assert registry.promote("late", 3, why="better").previous == 1
    assert registry.champion("late").number == 3
    assert registry.champion("late", at=between).number == 1
    assert registry.champion("late", at=before) is None
    back = registry.rollback("late", why="worse after all")
    assert (back.action, back.number, back.previous) == ("rollback", 1, 3)
    assert registry.rollback("late", to=3, why="no, better").number == 3
    assert [(p.number, p.why) for p in registry.history("late")] == [
        (1, "first"), (3, "better"), (1, "worse after all"), (3, "no, better"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="was never the champion"):
        registry.rollback("late", to=2, why="x")


def test_a_version_is_recorded_with_its_promotion_or_not_at_all(office: Office, monkeypatch):
    def fails(*_given):
        raise StoreError("the disk is full", where="x", fix="y")

    with monkeypatch.context() as patch:
        patch.setattr(champions, "append", fails)
        with pytest.raises(StoreError):
            office.registry.record(training(), b"x", promote="first")
    assert office.registry.versions("late") == []
    with pytest.raises(GateFailed, match="misses its thresholds"):
        office.registry.record(training(verdict=("auc 0.5 is below 0.6",)), b"x", promote="first")
    operator = office.member("otto", Scope("ops"), Role.OPERATOR)
    with pytest.raises(AccessRefused, match="approver"):
        operator.registry.record(training(), b"x", promote="first")
    assert office.registry.versions("late") == []
    version = office.registry.record(training(), b"x", {"thresholds": "none"}, promote="first")
    assert office.registry.champion("late").id == version.id
    (promotion,) = office.registry.history("late")
    assert (promotion.number, promotion.why, promotion.previous) == (1, "first", None)


def test_what_a_killed_training_left_is_swept_once_it_is_old(office: Office, monkeypatch):
    kept = office.registry.record(training(), b"kept")
    with monkeypatch.context() as patch:
        patch.setattr(records, "insert_version", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            office.registry.record(training(), b"left")
    store = ArtifactStore(str(office.root / "artifacts"))
    assert len(store.list("")) == 2
    assert office.registry.sweep() == 0  # it may still be running
    assert len(store.list("")) == 2
    assert office.registry.sweep(dt.timedelta()) == 1
    assert office.registry.sweep(dt.timedelta()) == 0
    assert store.list("") == [f"artifacts/ops/late/{kept.id}"]
    assert office.registry.artifact(kept) == b"kept"
    with office.db.read() as conn:
        keys = conn.execute(select(data_keys).where(data_keys.c.version_id != kept.id)).all()
    assert sorted(key.kind for key in keys if key.shredded) == ["artifact", "record"]


def test_there_must_be_something_to_go_back_to(office: Office):
    office.registry.record(training(), b"x")
    with pytest.raises(NotFound):
        office.registry.rollback("late", why="x")
    office.registry.promote("late", 1, why="x")
    with pytest.raises(NotFound, match="no other champion before"):
        office.registry.rollback("late", why="x")


def test_a_missed_threshold_needs_force_and_everything_a_reason(office: Office):
    office.registry.record(training(verdict=("auc 0.5 is below 0.6",)), b"x")
    with pytest.raises(GateFailed, match=r"auc 0\.5"):
        office.registry.promote("late", 1, why="please")
    for why in ("", "  "):
        with pytest.raises(UsageError, match="reason"):
            office.registry.promote("late", 1, why=why, force=True)
    assert office.registry.promote("late", 1, why="nothing better", force=True).number == 1


def test_the_thresholds_of_today_count(office: Office):
    for verdict in ((), ("auc 0.5 is below 0.6",)):
        office.registry.record(training(verdict=verdict), b"x")
    with pytest.raises(GateFailed, match="stricter now"):
        office.registry.promote("late", 1, why="x", missed=["stricter now"])
    assert office.registry.promote("late", 2, why="the thresholds changed", missed=[]).number == 2


def test_promotion_compares_before_it_swaps(office: Office):
    for _ in range(2):
        office.registry.record(training(), b"x")
    office.registry.promote("late", 1, why="x", expected=0)
    with pytest.raises(Stale, match="late@1"):
        office.registry.promote("late", 2, why="x", expected=0)
    assert office.registry.promote("late", 2, why="x", expected=1).number == 2


def test_promoting_the_champion_again_records_nothing(office: Office):
    office.registry.record(training(), b"x")
    first = office.registry.promote("late", 1, why="x")
    assert office.registry.promote("late", 1, why="y") == first
    assert len(office.registry.history("late")) == 1


def test_who_may_do_what(office: Office):
    version = office.registry.record(training(), b"x")
    viewer = office.member("vera", Scope("ops"), Role.VIEWER)
    assert viewer.registry.get("late", 1).training.metrics == {"auc": 0.7}
    assert viewer.registry.get("late", 1).training.golden.rows.is_empty()
    with pytest.raises(AccessRefused):
        viewer.registry.artifact(version)
    operator = office.member("olga", Scope("ops", "late"), Role.OPERATOR)
    assert operator.registry.record(training(), b"y").number == 2
    with pytest.raises(AccessRefused, match="approver"):
        operator.registry.promote("late", 1, why="x")
    approver = office.member("anna", Scope("ops", "late"), Role.APPROVER)
    assert approver.registry.promote("late", 2, why="x").principal == "anna"
    assert office.registry.champion("late").number == 2
    with pytest.raises(AccessRefused, match="approver"):
        operator.registry.promote("late", 2, why="x")  # although that would change nothing
    other = office.member("otto", Scope("fleet"), Role.ADMIN)
    for attempt in (lambda: other.registry.get("late", 1), lambda: other.registry.record(training(), b"z")):
        with pytest.raises(AccessRefused):
            attempt()


def test_a_reader_records_nothing(office: Office):
    """A reader holds every key that sealing takes; it is refused before anything is stored."""
    reader = office.member("anna", Scope("ops"), Role.READER)
    with pytest.raises(AccessRefused, match="operator"):
        reader.registry.record(training(), b"mine")
    assert not (office.root / "artifacts" / "artifacts").exists()


def test_a_difference_names_what_differs(office: Office):
    one = office.registry.record(training(), b"x")
    other = office.registry.record(
        training(metrics={"auc": 0.8, "brier": 0.1}, parameters={"depth": 4}, why="first"), b"x"
    )
    assert diff(one, one) == []
    assert diff(one, other) == [
        ("metric auc", "0.7", "0.8"), ("parameter depth", "3", "4"), ("metric brier", "", "0.1"),
    ]  # fmt: skip


# ------------------------------------------------------------ written by hand


def by_hand(office: Office, statement: str) -> None:
    office.db.close()
    with sqlite3.connect(office.root / "wh" / "x.db") as connection:
        assert connection.execute(statement).rowcount != 0
    connection.close()


def two(office: Office) -> None:
    """Two versions, of which the second is champion; and one of another model."""
    for number in (1, 2):
        office.registry.record(training(), f"artifact {number}".encode())
        office.registry.promote("late", number, why="x")
    office.registry.record(training(model="other"), b"other")


ONE, TWO = "(SELECT id FROM model_versions WHERE model='late' AND number=1)", "model='late' AND number=2"
OTHER = "(SELECT id FROM model_versions WHERE model='other')"
COPIED = "manifest, golden, signer, signer_key, signature"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE champions SET version_id = {ONE} WHERE sequence = 2",
        f"UPDATE champions SET version_id = {OTHER} WHERE sequence = 2",
        "UPDATE champions SET at = at + 1 WHERE sequence = 2",
        "UPDATE champions SET action = 'rollback' WHERE sequence = 1",
        "UPDATE champions SET details = x'00' WHERE sequence = 1",
        "UPDATE champions SET signature = zeroblob(64) WHERE sequence = 2",
        "UPDATE champions SET signer_key = 'nobody' WHERE sequence = 2",
        "DELETE FROM champions WHERE sequence = 1",
        f"UPDATE model_versions SET signature = zeroblob(64) WHERE {TWO}",
        f"UPDATE model_versions SET fingerprint = 'x' WHERE {TWO}",
        f"UPDATE model_versions SET definition = 'x' WHERE {TWO}",
        f"UPDATE model_versions SET logical_date = '2013-07-01' WHERE {TWO}",
        f"UPDATE model_versions SET number = 9 WHERE {TWO}",
        f"UPDATE model_versions SET created = 9 WHERE {TWO}",
        f"UPDATE model_versions SET department = 'fleet' WHERE {TWO}",
        f"UPDATE model_versions SET golden = zeroblob(99) WHERE {TWO}",
        *(
            f"UPDATE model_versions SET ({columns}) = (SELECT {columns} FROM model_versions WHERE id = {ONE})"
            f" WHERE {TWO}"
            for columns in (COPIED, f"{COPIED}, key_id, record_key_id")
        ),
    ],
)
def test_what_was_changed_by_hand_is_refused(office: Office, statement: str):
    two(office)
    assert office.registry.champion("late").number == 2
    by_hand(office, statement)
    with pytest.raises(IntegrityError):
        Office.open(office.root).registry.champion("late")


@pytest.mark.parametrize("how", ["flipped", "swapped", "cut", "old"])
def test_a_changed_artifact_is_refused(office: Office, how: str):
    two(office)
    version, old = office.registry.get("late", 2), office.registry.get("late", 1)
    folder = office.root / "artifacts" / "artifacts" / "ops" / "late"
    path = folder / version.id
    blob = bytearray(path.read_bytes())
    if how == "flipped":
        blob[len(blob) // 2] ^= 1
    elif how == "cut":
        del blob[-1]
    else:
        blob = bytearray((folder / old.id).read_bytes())
    path.write_bytes(blob)
    with pytest.raises(IntegrityError):
        office.registry.artifact(version)
    assert office.registry.artifact(old) == b"artifact 1"


def test_a_missing_artifact_is_not_found(office: Office):
    two(office)
    version = office.registry.get("late", 2)
    (office.root / "artifacts" / "artifacts" / "ops" / "late" / version.id).unlink()
    with pytest.raises(NotFound):
        office.registry.artifact(version)


def test_a_promotion_signed_by_an_operator_is_not_believed(office: Office):
    """An operator holds the keys and may write the database's file; only an approver's signature counts."""
    two(office)
    operator = office.member("olga", Scope("ops"), Role.OPERATOR)
    with operator.db.write() as conn:
        champions.lines(conn, operator.vault, "late")
        row = conn.exec_driver_sql(f"SELECT * FROM model_versions WHERE id = {ONE}").one()
        key = operator.vault.data_key(conn, row.record_key_id)
        champions.append(conn, operator.vault, key, row, "promote", "I say so")
    with pytest.raises(IntegrityError, match="without the role approver"):
        office.registry.champion("late")


def test_golden_rows_that_a_reader_sealed_are_refused(office: Office):
    """They decide whether a model may score under other packages; a reader holds their key."""
    version = office.registry.record(training(), b"x")
    reader = office.member("anna", Scope("ops"), Role.READER)
    with reader.db.write() as conn:
        row = conn.exec_driver_sql("SELECT * FROM model_versions").one()
        key = reader.vault.data_key(conn, row.key_id)
        forged = Golden.of(version.training.golden.rows.with_columns(pl.lit(9.0).alias("score:score"))).raw
        blob = reader.vault.seal(key, records._golden_context("ops", "late", row.id), forged)
        conn.exec_driver_sql("UPDATE model_versions SET golden = ?", (blob,))
    with pytest.raises(IntegrityError, match="chunk 1"):
        office.registry.get("late", 1)


def test_a_champion_of_another_model(office: Office):
    """Signed by who may promote: a model's champion is still one of its own versions."""
    two(office)
    with office.db.write() as conn:
        champions.lines(conn, office.vault, "late")
        row = conn.exec_driver_sql(f"SELECT * FROM model_versions WHERE id = {OTHER}").one()
        key = office.vault.data_key(conn, row.record_key_id)
        posing = SimpleNamespace(**{**row._mapping, "model": "late"})
        champions.append(conn, office.vault, key, posing, "promote", "x")
    with pytest.raises(IntegrityError, match="a version of another model"):
        office.registry.champion("late")


def test_no_plaintext_on_disk(office: Office):
    marker = "planted-7c1e"
    given = training(
        metrics={marker: 1.0}, why=marker, parameters={marker: marker}, verdict=(marker,), target=marker,
        golden=pl.DataFrame({marker: [marker]}), runtime={"language": marker},
    )  # fmt: skip
    version = office.registry.record(given, marker.encode() * 100)
    office.registry.promote("late", 1, why=marker, force=True)
    office.registry.artifact(version)
    files = [path for path in office.root.rglob("*") if path.is_file()]
    assert any(path.name == version.id for path in files)
    for path in files:
        assert marker.encode() not in path.read_bytes(), path


def test_a_deleted_version_is_no_answer(office: Office):
    two(office)
    office.registry.record(training(fingerprint="3" * 64, definition_fingerprint="D"), b"third")
    office.registry.shred("late", 3, "no longer needed")
    found = office.registry.standings({"late": Asked("D", ("3" * 64,))})["late"]
    assert (found.newest, found.found, found.last.number, found.champion.number) == (None, {}, 2, 2)


def test_a_promotion_before_the_one_before_it_is_refused(office: Office):
    """Its signer could hide what was in use at an earlier time."""
    two(office)
    with office.db.write() as conn:
        first, last = champions.lines(conn, office.vault, "late")
        earlier = dataclasses.replace(last, at=first.at - 1)
        signed = office.vault.sign(earlier.context, earlier.statement())
        values = {"at": earlier.at, "signature": signed.value}
        conn.execute(update(promotions).where(promotions.c.sequence == 2).values(**values))
    with pytest.raises(IntegrityError, match="changed or missing row"):
        office.registry.champion("late")
