"""A shredded model version: gone for good, also for who kept everything but the keys."""

import pytest
from sqlalchemy import select, update

from kronkers_batch.errors import AccessRefused, NotFound, UsageError
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.vault.context import Role, Scope
from tests.warehouse_support import training


def recorded(office):
    office.registry.record(training(), b"one")
    office.registry.record(training(fingerprint="e" * 64), b"two")
    office.registry.promote("late", 2, why="better")


def test_it_is_gone_and_its_number_is_not_used_again(office):
    recorded(office)
    office.registry.shred("late", 1, why="asked")
    assert [v.number for v in office.registry.versions("late")] == [2]
    with pytest.raises(NotFound, match="deleted"):
        office.registry.get("late", 1)
    assert office.registry.record(training(), b"three").number == 3
    assert len(list((office.root / "artifacts/artifacts/ops/late").iterdir())) == 2


def test_who_puts_back_everything_but_the_keys_opens_nothing(office):
    recorded(office)
    folder = office.root / "artifacts/artifacts/ops/late"
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    with office.db.read() as conn:
        row = conn.execute(select(model_versions).where(model_versions.c.number == 1)).one()
    office.registry.shred("late", 1, why="asked")
    office.db.scrub()
    for path, raw in kept.items():
        path.write_bytes(raw)
    with office.db.write() as conn:
        old = {"state": row.state, "manifest": row.manifest, "golden": row.golden}
        conn.execute(update(model_versions).where(model_versions.c.id == row.id).values(**old))
    with pytest.raises(NotFound, match="shredded"):
        office.open(office.root).registry.get("late", 1)


def test_the_champion_stays_and_only_an_admin_shreds(office):
    recorded(office)
    with pytest.raises(UsageError, match="champion"):
        office.registry.shred("late", 2, why="asked")
    bob = office.member("bob", Scope("ops"), Role.APPROVER)
    for number in (1, 2):
        with pytest.raises(AccessRefused, match="role admin"):
            bob.registry.shred("late", number, why="asked")
    ann = office.member("ann", Scope("ops", "late"), Role.ADMIN)
    ann.registry.shred("late", 1, why="asked")


def test_the_same_of_an_output(office):
    office.publish(fingerprint="a")
    office.publish(fingerprint="b", start=1000)
    bob = office.member("bob", Scope("ops"), Role.APPROVER)
    with pytest.raises(AccessRefused, match="role admin"):
        bob.warehouse.shred("late/2013-06-01#2", why="asked")
    office.warehouse.shred("late/2013-06-01#2", why="asked")
    assert office.rows()["score"].to_list()[0] == 0.0  # the version before is the head again
    with pytest.raises(NotFound, match="deleted"):
        office.warehouse.get("late/2013-06-01#2")
