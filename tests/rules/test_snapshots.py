"""Which snapshots expire"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import event as listening
from sqlalchemy import func, select, update

from kronkers_batch.access.audit_log import sentence
from kronkers_batch.access.authorisation import authorise_all
from kronkers_batch.audit import checkpoint, runlog, runs
from kronkers_batch.config.root_spec import FOREVER
from kronkers_batch.data import expiring
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.declared.windows import scoring_window
from kronkers_batch.errors import IntegrityError, NotFound, StoreError
from kronkers_batch.pipeline import expiry, prepare
from kronkers_batch.pipeline import ingest as step
from kronkers_batch.pipeline.expiry import Expired, expire_snapshots
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.queries import listing
from kronkers_batch.queries.report import write_page, write_run_page
from kronkers_batch.session.lifetimes import Run
from kronkers_batch.store import clock
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.store.tables.vault import data_keys
from kronkers_batch.vault.context import Role, Scope
from tasks import run_services
from tasks.ending import RunResult
from tasks.run import run
from tests.rules.world import DAY, MODEL, World, after, offers

SALES = Scope("sales")
DAYS = 86_400_000_000


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    run_services._open.clear()


@dataclass
class Calendar:
    """The clock of this machine, which a test sets."""

    patch: pytest.MonkeyPatch

    def day(self, number: float) -> None:
        """From now on it is so many days later than it really is; the clock goes on from there."""
        self.patch.setattr(clock, "now", lambda: int(REAL() + number * DAYS))


REAL = clock.now


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    return Calendar(monkeypatch)


def frozen(world: World, days: int = 0) -> SnapshotRef:
    """A snapshot of the rows that a night of that date scores."""
    model = world.services.model(MODEL)
    window = scoring_window(model, world.services.config.sources["offers"], after(days))
    return step.ingest(world.services, model, window)


def keep(world: World, length: dt.timedelta) -> None:
    """``warehouse.keep_snapshots`` from now on."""
    services = world.services
    services.config = replace(
        services.config, warehouse=replace(services.config.warehouse, keep_snapshots=length)
    )


def expired(world: World, *, delete_expired: bool = False, names: tuple[str, ...] = (MODEL,)) -> Expired:
    """What the end of a good run of these models deletes, and says."""
    services = world.services
    with runs.begun(services, DAY, "command", {MODEL: "sales"}) as services.run.id:
        return expire_snapshots(services, DAY, names, delete_expired)


def there(world: World) -> set[str]:
    """The ids of the snapshots that there are."""
    with world.services.db.read() as conn:
        return set(conn.execute(select(table.c.id).where(table.c.state == "ready")).scalars())


def folder(world: World, ref: SnapshotRef) -> Path:
    return world.folder / f"var/artifacts/snapshots/{ref.scope}/offers/{ref.id}"


def key_of(world: World, snapshot_id: str) -> bytes | None:
    """The wrapped key of a snapshot; None once it is shredded."""
    k = data_keys.c
    with world.services.db.read() as conn:
        found = select(k.wrapped).where(k.version_id == snapshot_id, k.kind == "snapshot")
        return conn.execute(found).scalar_one()


def sentences(world: World, action: str = "discard") -> list[str]:
    with world.services.db.read() as conn:
        lines = list(world.services.ledger.entries(conn))
    return [sentence(line) for line in lines if line.action == action]


def nights(world: World, calendar: Calendar, *days: float) -> list[SnapshotRef]:
    """A snapshot of each of these days of the calendar."""
    found = []
    for number, day in enumerate(days):
        calendar.day(day)
        found.append(frozen(world, -number))
    return found


def verify(world: World) -> None:
    checkpoint.verify(world.services)


# ---------------------------------------------------------------- what is due


def test_a_snapshot_that_nothing_used_for_long_is_deleted(world: World, calendar: Calendar):
    """A snapshot that is unused for longer than `warehouse.keep_snapshots` is
    deleted: key, chunks and row.
    """
    old, *others = nights(world, calendar, 0, 60, 61)
    calendar.day(91)
    assert expired(world).deleted == ["1 snapshot of sales, unused for 90 days, deleted"]
    assert there(world) == {ref.id for ref in others}
    assert key_of(world, old.id) is None
    assert not folder(world, old).exists()
    with world.services.db.read() as conn:
        assert conn.execute(select(func.count()).where(table.c.id == old.id)).scalar() == 0
    assert all(list(folder(world, ref).iterdir()) for ref in others)


def test_a_younger_snapshot_stays(world: World, calendar: Calendar):
    """A snapshot that was used within `warehouse.keep_snapshots` is kept."""
    nights(world, calendar, 0, 60, 61)
    calendar.day(89.9)
    assert expired(world, delete_expired=True) == Expired()
    keep(world, dt.timedelta(days=120))
    calendar.day(119)
    assert expired(world, delete_expired=True) == Expired()
    assert len(there(world)) == 3


def test_snapshots_may_be_kept_forever(world: World, calendar: Calendar):
    """With `keep_snapshots: forever` no snapshot is deleted."""
    keep(world, FOREVER)
    nights(world, calendar, 0, 60, 61)
    calendar.day(9_000)
    assert expired(world, delete_expired=True) == Expired()
    assert len(there(world)) == 3


def test_what_was_opened_lately_stays(world: World, calendar: Calendar):
    """The age of a snapshot counts from its last use, so that a source that never changes is frozen once."""
    old, *_ = nights(world, calendar, 0, 60, 61)
    calendar.day(80)
    prepare.checked_rows(world.services, world.services.model(MODEL), old, ["x"])
    calendar.day(100)
    assert expired(world, delete_expired=True) == Expired()
    calendar.day(171)
    expired(world, delete_expired=True)
    assert old.id not in there(world)


def test_what_a_champion_was_trained_on_stays(world: World, calendar: Calendar):
    """A snapshot never expires while a version exists that was trained on it and is, or was, champion."""
    first, second, held, *_ = nights(world, calendar, 0, 0, 0, 60, 61, 62)
    world.version(champion=True, snapshot_id=first.id)
    world.version(after(1), again=True, champion=True, snapshot_id=second.id)
    world.version(after(2), again=True, snapshot_id=held.id)
    calendar.day(91)
    expired(world)
    assert {first.id, second.id} <= there(world)
    assert held.id not in there(world)


def test_what_a_deleted_version_was_trained_on_counts_from_then(world: World, calendar: Calendar):
    """If all champions that were trained on a snapshot are deleted, its age counts from the deletion."""
    first, *_ = nights(world, calendar, 0, 60, 61)
    world.version(champion=True, snapshot_id=first.id)
    world.version(after(1), again=True, champion=True)
    calendar.day(200)
    world.services.registry.shred(MODEL, 1, "for a test")
    expired(world, delete_expired=True)
    assert there(world) == {first.id}
    calendar.day(291)
    expired(world, delete_expired=True)
    assert there(world) == set()


def test_what_an_older_release_trained_on_is_learnt(world: World, calendar: Calendar):
    """For versions of an older release, a run looks up the snapshots of their trainings, and keeps these."""
    first, *_ = nights(world, calendar, 0, 60, 61, 62)
    version = world.version(champion=True, snapshot_id=first.id)
    with world.services.db.write() as conn:
        conn.execute(update(model_versions).values(snapshot_id=None))
    calendar.day(91)
    assert expired(world) == Expired()
    assert first.id in there(world)
    with world.services.db.read() as conn:
        kept = select(model_versions.c.snapshot_id).where(model_versions.c.id == version.id)
        assert conn.execute(kept).scalar() == first.id


def test_what_is_sealed_for_others_keeps_what_it_may_need(world: World, calendar: Calendar):
    """If the caller cannot see on which snapshot a version was trained, no snapshot from before this version
    expires.
    """
    first, *_ = nights(world, calendar, 0, 60, 61, 62)
    version = world.version(champion=True, snapshot_id=first.id)
    with world.services.db.write() as conn:
        sealed = {"snapshot_id": None, "record_key_id": new_id()}
        conn.execute(update(model_versions).values(**sealed))
    calendar.day(91)
    found = expired(world)
    assert found.deleted == []
    assert found.warnings[0].startswith(
        f"1 snapshot of sales is not deleted: whether {version.ref} was trained on it is sealed for others"
    )
    assert first.id in there(world)


def test_a_version_tells_what_it_was_trained_on(world: World):
    """The snapshot of a version's training is compared with the version's signed manifest."""
    world.version(champion=True, snapshot_id="a" * 26)
    with world.services.db.write() as conn:
        conn.execute(update(model_versions).values(snapshot_id="b" * 26))
    with pytest.raises(IntegrityError, match="is not what its signed manifest says"):
        world.services.registry.get(MODEL, 1)


# ---------------------------------------------------------------- what waits for a word


def test_what_is_long_due_waits(world: World, calendar: Calendar):
    """If a snapshot of a department or model expired more than 31 days ago, none of its snapshots is
    deleted, until a person confirms it.
    """
    nights(world, calendar, 0, 60, 61, 62)
    calendar.day(122)
    found = expired(world)
    assert found.deleted == []
    assert found.warnings == [
        "1 snapshot of sales, unused for 90 days, is not deleted: the oldest expired 32 days ago; by "
        "itself a run deletes what expired up to 31 days ago\n"
        f"  -> to delete it: kronkers run {MODEL} --date {DAY} --delete-expired"
    ]
    assert len(there(world)) == 4
    assert expired(world, delete_expired=True).deleted == ["1 snapshot of sales, unused for 90 days, deleted"]


def test_what_is_due_for_a_month_goes(world: World, calendar: Calendar):
    """Snapshots that expired at most 31 days ago are deleted without confirmation."""
    nights(world, calendar, 0, 90, 91)
    calendar.day(120.9)
    assert len(expired(world).deleted) == 1


def test_most_of_the_snapshots_wait(world: World, calendar: Calendar):
    """If more than half of the snapshots of a department or model are due, none is deleted, until a person
    confirms it. If exactly half of them are due, they are deleted without confirmation.
    """
    nights(world, calendar, 0, 0, 0, 60, 61)
    calendar.day(91)
    found = expired(world)
    assert found.deleted == []
    assert "they are more than half of the 5 that there are" in found.warnings[0]
    calendar.day(62)
    frozen(world, -7)
    calendar.day(91)
    assert expired(world).deleted == ["3 snapshots of sales, unused for 90 days, deleted"]


# ---------------------------------------------------------------- when, and who


def test_a_run_without_a_good_model_deletes_none(world: World, calendar: Calendar):
    """A run takes the models that it ran without failure, and deletes only snapshots of their departments and
    of the departments that declare their sources.
    """
    nights(world, calendar, 0, 60, 61)
    calendar.day(91)
    assert expired(world, delete_expired=True, names=()) == Expired()
    assert len(there(world)) == 3
    world.spec(department="hr")  # sales still declares the source
    assert len(expired(world).deleted) == 1


@pytest.mark.parametrize(("role", "scope"), [(Role.READER, SALES), (Role.OPERATOR, Scope("sales", MODEL))])
def test_who_may_not_delete_them_leaves_them(world: World, calendar: Calendar, role: Role, scope: Scope):
    """If the caller is no operator of a department, the run deletes none of its snapshots, and no message
    names them.
    """
    nights(world, calendar, 0, 60, 61)
    world.join("olga", role, scope)
    calendar.day(91)
    assert expire_snapshots(world.services, DAY, [MODEL]) == Expired()
    assert len(there(world)) == 3


def test_a_models_own_snapshots_are_deleted_by_its_operator(world: World, calendar: Calendar):
    """An operator of one model deletes only the snapshots of this model."""
    world.join("olga", Role.OPERATOR, Scope("sales", MODEL))
    nights(world, calendar, 0, 60, 61)
    calendar.day(91)
    found = expire_snapshots(world.services, DAY, [MODEL])
    assert found.deleted == [f"1 snapshot of sales/{MODEL}, unused for 90 days, deleted"]


def test_a_run_deletes_a_bounded_number(world: World, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    """A run deletes at most 5,000 snapshots of a department or model, the oldest first. If more are due, the
    next run continues.
    """
    assert expiry.AT_MOST == 5_000
    monkeypatch.setattr(expiry, "AT_MOST", 3)
    monkeypatch.setattr(expiry, "TOGETHER", 2)
    old = nights(world, calendar, 0, 1, 2, 3, 4, 60, 61, 62, 63, 64)
    calendar.day(95)
    found = expired(world)
    assert found.deleted == [
        "3 snapshots of sales, unused for 90 days, deleted; 2 more are left to the next run"
    ]
    assert {ref.id for ref in old} - there(world) == {ref.id for ref in old[:3]}
    assert expired(world).deleted == ["2 snapshots of sales, unused for 90 days, deleted"]


def night(world: World, *, delete_expired: bool = False) -> RunResult:
    """A whole run of the date."""
    return run(world.services, world.folder / "conf", (), DAY, [MODEL], delete_expired=delete_expired)


def test_the_run_and_its_page_say_what_expired(world: World, calendar: Calendar):
    """The run and its page list how many snapshots were deleted, and how many are due but not deleted, with
    the reason. Deleting snapshots, or not deleting them, never makes a run fail.
    """
    world.output(world.version(champion=True))
    nights(world, calendar, 0, 60, 61)
    calendar.day(122)
    found = night(world)
    assert (found.exit_code, found.remarks) == (0, ())
    assert "the oldest expired 32 days ago" in found.warnings[0]
    for page in (write_run_page(world.services, found.run_id), write_page(world.services, DAY)):
        assert page.exists()
    assert "the oldest expired 32 days ago" in write_run_page(world.services, found.run_id).read_text()
    found = night(world, delete_expired=True)
    assert (found.exit_code, found.warnings) == (0, ())
    assert found.remarks == ("1 snapshot of sales, unused for 90 days, deleted",)
    assert found.remarks[0] in write_run_page(world.services, found.run_id).read_text()
    with world.services.db.read():
        (told,) = [e for e in runlog.events(world.services, found.run_id) if e.task == "discard"]
    assert (told.kind, told.state, told.model) == ("expired", "done", "snapshots")


def test_a_failed_run_deletes_no_snapshot(world: World, calendar: Calendar):
    """A run in which the only model failed deletes no snapshot."""
    world.version(champion=True)  # of no model that could score
    nights(world, calendar, 0, 60, 61)
    world.rows(offers(days=25))
    calendar.day(91)
    assert night(world, delete_expired=True).remarks == ()
    assert len(there(world)) >= 3


def test_what_cannot_be_deleted_fails_no_run(
    world: World, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
):
    """If the artifact store refuses a deletion, the run ends with a warning. The next run removes the chunks
    that the artifact store kept.
    """
    old, *_ = nights(world, calendar, 0, 60, 61)
    calendar.day(91)
    with monkeypatch.context() as patch:
        patch.setattr(type(world.services.artifacts), "delete", _refuses)
        found = expired(world)
        assert world.services.snapshots.sweep() == 0
        assert "the store refuses" in expired(world).warnings[0]
    assert found.warnings == ["chunks of deleted snapshots are left to the next run: the store refuses"]
    assert found.deleted == ["1 snapshot of sales, unused for 90 days, deleted"]
    assert old.id not in there(world)
    assert list(folder(world, old).iterdir())
    assert world.services.snapshots.sweep() == 1
    assert not folder(world, old).exists()
    with world.services.db.read() as conn:
        assert conn.execute(select(func.count()).select_from(table)).scalar() == 2
    verify(world)


def test_a_locked_database_fails_no_run(world: World, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    """If the database refuses a deletion, the run ends with a warning, and its result does not change."""
    nights(world, calendar, 0, 60, 61)
    calendar.day(91)
    monkeypatch.setattr(expiring.Expiry, "oldest", _refuses)
    assert expired(world).warnings == ["snapshots that nothing needs are not deleted: the store refuses"]
    assert len(there(world)) == 3


def test_a_changed_database_is_no_warning(world: World, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    """If snapshots expire and the database is not as this run wrote it, the run ends with code 4."""
    world.output(world.version(champion=True))
    nights(world, calendar, 0, 60, 61)
    calendar.day(91)

    def lost(*_args: object) -> None:
        raise IntegrityError("a shredded key is not there as it was written")

    monkeypatch.setattr(expiring.Expiry, "end", lost)
    found = night(world)
    assert (found.exit_code, found.warnings) == (4, ())
    assert [str(problem) for problem in found.problems] == ["a shredded key is not there as it was written"]


def _refuses(*_args: object) -> None:
    raise StoreError("the store refuses")


def test_nothing_to_expire_asks_little(world: World, calendar: Calendar):
    """If nothing expires, looking for expired snapshots takes two queries, however many snapshots and
    champions exist.
    """
    nights(world, calendar, 0)
    world.version(champion=True)
    first = statements(world)
    for number in range(1, 5):
        frozen(world, -number)
        world.version(after(number), again=True, champion=True)
    assert statements(world) == first == 2


def statements(world: World) -> int:
    """How many questions the end of a run asks about snapshots."""
    expire_snapshots(world.services, DAY, [MODEL])  # whose rights it asks for is remembered
    found: list[str] = []

    def note_it(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "INSERT", "DELETE")):
            found.append(statement)

    engine = world.services.db._engine
    listening.listen(engine, "before_cursor_execute", note_it)
    expire_snapshots(world.services, DAY, [MODEL])
    listening.remove(engine, "before_cursor_execute", note_it)
    return len(found)


# ---------------------------------------------------------------- what is left of it


def test_the_ledger_has_a_line_for_each(world: World, calendar: Calendar):
    """The ledger has an entry for each deleted snapshot. `kronkers ledger verify` succeeds after snapshots
    were deleted.
    """
    nights(world, calendar, 0, 0, 60, 61, 62)
    calendar.day(91)
    expired(world)
    assert len(sentences(world)) == 2
    assert sentences(world)[0].endswith(
        "deleted the rows that were frozen from offers, since nothing needed them; "
        "because: unused for 90 days"
    )
    verify(world)


def test_a_snapshot_that_goes_without_a_line_is_missed(world: World, calendar: Calendar):
    """A snapshot that was deleted without a ledger entry is noticed, also at the end of the next run."""
    old, *_ = nights(world, calendar, 0, 60, 61)
    checkpoint.write(world.services)
    calendar.day(91)
    with world.services.db.write() as conn:
        conn.execute(table.delete().where(table.c.id == old.id))
    with pytest.raises(IntegrityError, match="no entry says that it expired"):
        verify(world)
    with pytest.raises(IntegrityError, match="the table snapshots has fewer rows"):
        checkpoint.write(world.services)


def test_an_expired_snapshot_is_not_taken_for_a_deleted_one(world: World, calendar: Calendar):
    """An expired snapshot is never reported as missing."""
    nights(world, calendar, 0, 60, 61)
    checkpoint.write(world.services)
    calendar.day(91)
    expired(world)
    checkpoint.write(world.services)
    verify(world)
    nights(world, calendar, 200, 260, 261)
    calendar.day(291)
    expired(world, delete_expired=True)  # frozen and expired since the same checkpoint
    checkpoint.write(world.services)
    verify(world)


def discards(world: World, ref: SnapshotRef, scope: Scope, manifest: str) -> None:
    told = {"id": ref.id, "manifest": manifest}
    with world.services.db.write() as conn:
        add_entry(world.services.ledger, conn, world.services.vault, "discard", "offers", scope, told)


@pytest.mark.parametrize("whose", ["another one's", "another department's"])
def test_a_line_about_another_snapshot_excuses_nothing(world: World, calendar: Calendar, whose: str):
    """A ledger entry with another owner or manifest does not prove that a deleted snapshot expired."""
    old, *_ = nights(world, calendar, 0, 60)
    with world.services.db.read() as conn:
        row = conn.execute(select(table).where(table.c.id == old.id)).one()
    told = expiring.digest(row.manifest) if whose == "another department's" else "0" * 64
    scope = Scope("sales", MODEL) if whose == "another department's" else SALES
    discards(world, old, scope, told)
    with world.services.db.write() as conn:
        conn.execute(table.delete().where(table.c.id == old.id))
    with pytest.raises(IntegrityError, match="no entry says that it expired"):
        verify(world)


def test_an_expired_snapshot_that_is_there_is_refused(world: World, calendar: Calendar):
    """A snapshot that exists although the ledger records its deletion is refused."""
    old, *_ = nights(world, calendar, 0, 60)
    with world.services.db.read() as conn:
        row = conn.execute(select(table).where(table.c.id == old.id)).one()
    discards(world, old, SALES, expiring.digest(row.manifest))
    with pytest.raises(
        IntegrityError, match="recorded that this snapshot expired, and the database still has it"
    ):
        verify(world)


def test_whoever_reads_it_is_told_that_it_expired(world: World, calendar: Calendar):
    """A reader of an expired snapshot gets an error that says so. `kronkers show` shows that the snapshot
    expired.
    """
    old, *_ = nights(world, calendar, 0, 60, 61)
    version = world.version(snapshot_id=old.id)
    assert listing.show(world.services, version.ref)["rows of the snapshot"] == "kept"
    other = world.open()
    other.snapshots.get(old.id)
    calendar.day(91)
    expired(world)
    for asked in (world.services, other):
        with pytest.raises(NotFound, match=r"the snapshot expired on 20.*: its rows are deleted"):
            list(asked.snapshots.read(old))
    with pytest.raises(NotFound, match="expired on"):
        prepare.checked_rows(other, other.model(MODEL), old, ["x"])
    said = listing.show(world.services, version.ref)["rows of the snapshot"]
    assert said.startswith("expired on 20")
    other.close()


def test_an_expired_window_is_frozen_anew(world: World, calendar: Calendar):
    """If the snapshot of a window expired, the next run that needs the window freezes it again, with the same
    contents.
    """
    old, *_ = nights(world, calendar, 0, 60, 61)
    calendar.day(91)
    expired(world)
    world.services.run = Run()
    authorise_all(world.services, [MODEL])
    new = frozen(world)
    assert (new.id != old.id, new.fingerprint) == (True, old.fingerprint)
    assert pl.concat(world.services.snapshots.read(new)).height == new.rows


@pytest.mark.parametrize("what", ["key", "time"])
def test_what_is_not_as_it_was_signed_stays(world: World, calendar: Calendar, what: str):
    """If a snapshot's row names another key or an earlier time than its manifest, nothing is deleted."""
    old, young, other = nights(world, calendar, 0, 60, 61)
    with world.services.db.write() as conn:
        keys = {row.id: row.key_id for row in conn.execute(select(table))}
        if what == "key":
            changed = update(table).where(table.c.id == old.id).values(key_id=keys[other.id])
        else:
            changed = update(table).where(table.c.id == young.id).values(used=1, created=1)
        conn.execute(changed)
    calendar.day(91)
    found = expired(world, delete_expired=True)
    assert len(found.warnings) == 1
    assert key_of(world, other.id) is not None
    assert (old if what == "key" else young).id in there(world)
