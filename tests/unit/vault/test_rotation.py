"""A rotation that is interrupted at any point: everything stays readable, and going on finishes it."""

import pytest
from sqlalchemy import select

from kronkers_batch.errors import AccessRefused
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import rotation
from kronkers_batch.vault.context import Kind, Role, Scope
from tests.unit.vault.conftest import CHURN, SALES

KINDS = (Kind.OUTPUT, Kind.RECORD)


def make(wh, vault, scope, kind, version):
    with wh.db.write() as conn:
        return vault.new_data_key(conn, scope, kind, version)


def opens(wh, name, key):
    with wh.db.read() as conn:
        return wh.again(name).data_key(conn, key.id).key == key.key


def everybody_reads(wh, keys):
    for key in keys:
        assert opens(wh, "admin", key)
        assert opens(wh, "ann", key)
        if key.kind is Kind.RECORD:
            assert opens(wh, "eve", key)
        if key.scope == CHURN:
            assert opens(wh, "dan", key)


@pytest.fixture
def keys(wh):
    places = [(scope, kind, f"v{i}") for scope in (SALES, CHURN) for kind in KINDS for i in range(2)]
    made = [make(wh, wh.admin, *place) for place in places]
    wh.member("ann", SALES, Role.READER)
    wh.member("eve", SALES, Role.VIEWER)
    wh.member("dan", CHURN, Role.READER)
    return made


def test_every_interruption_leaves_all_readable_and_can_be_gone_on_with(wh, keys):
    with wh.db.write() as conn:
        rotation.begin(wh.admin.ring, conn, SALES)
    steps = 0
    while True:
        everybody_reads(wh, keys)
        if steps == 3:  # somebody comes in the middle, and sees what is old too
            wh.member("fay", SALES, Role.READER)
        if steps >= 3:
            assert all(opens(wh, "fay", key) for key in keys)
        with wh.db.write() as conn:
            assert rotation.unfinished(conn, SALES)
            done = rotation.rewrap(wh.again("admin").ring, conn, SALES, most=1)
        if not done:
            break
        steps += 1
    assert steps == len(keys)
    everybody_reads(wh, keys)
    with wh.db.read() as conn:
        assert not rotation.unfinished(conn, SALES)
        states = conn.execute(select(t.tree_keys.c.state, t.tree_keys.c.wrapped)).all()
    assert {row.state for row in states} == {"active", "retired"}
    assert all(row.wrapped is None for row in states if row.state == "retired")


def test_a_second_rotation_over_an_unfinished_one(wh, keys):
    for _ in range(2):
        with wh.db.write() as conn:
            rotation.begin(wh.admin.ring, conn, SALES)
            rotation.rewrap(wh.admin.ring, conn, SALES, most=3)
        everybody_reads(wh, keys)
    with wh.db.write() as conn:
        while rotation.rewrap(wh.admin.ring, conn, SALES, most=2):
            pass
    everybody_reads(wh, keys)


def test_who_is_revoked_opens_nothing_that_is_made_after_the_first_step(wh, keys):
    ann = wh.again("ann")
    with wh.db.read() as conn:
        assert ann.data_key(conn, keys[0].id).key == keys[0].key  # remembered in her process
        old = conn.execute(
            select(t.grant_keys).where(t.grant_keys.c.recipient == ann.identity.public.id)
        ).one()
    with wh.db.write() as conn:
        rotation.revoke(wh.admin.ring, conn, "ann", SALES, whole=False)
    later = [make(wh, wh.admin, scope, kind, "later") for scope in (SALES, CHURN) for kind in KINDS]
    with wh.db.write() as conn:  # with all that she had put back
        conn.execute(t.grant_keys.insert().values(**old._mapping))
        conn.execute(t.revocations.delete())
    for vault in (ann, wh.again("ann")):
        for key in later:
            with pytest.raises(AccessRefused), wh.db.read() as conn:
                vault.data_key(conn, key.id)
    everybody_else = [key for key in [*keys, *later] if key.scope == CHURN]
    assert all(opens(wh, "dan", key) for key in everybody_else)


def test_only_the_models_key_rotates(wh, keys):
    with wh.db.write() as conn:
        assert rotation.rotate(wh.admin.ring, conn, CHURN) == 4
        active = select(t.tree_keys).where(t.tree_keys.c.state == "active")
        versions = {(row.department, row.model): row.version for row in conn.execute(active).all()}
    assert versions == {("sales", ""): 1, ("sales", "churn"): 2, ("ops", ""): 1}
    everybody_reads(wh, keys)


def test_a_department_key_under_another_is_still_signed_by_who_may_grant(wh, keys):
    """Else a member could slip in a key of their own as the newest, and read on after being revoked."""
    dan = wh.member("sam", SALES, Role.OPERATOR)
    with wh.db.write() as conn:
        mine = dan.ring.active(conn, SALES)
        dan.ring.new_tree_key(conn, SALES, mine.version + 1, mine)
    from kronkers_batch.errors import IntegrityError

    with pytest.raises(IntegrityError):
        make(wh, wh.again("admin"), Scope("sales"), Kind.OUTPUT, "trap")
