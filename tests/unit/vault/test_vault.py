"""Keys, grants and roles, as other rooms see them."""

import multiprocessing

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError as Constraint

from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants, rotation
from kronkers_batch.vault.context import Context, Kind, Role, Scope

SALES, CHURN, OPS = Scope("sales"), Scope("sales", "churn"), Scope("ops")


def new_key(wh, vault, scope=CHURN, kind=Kind.OUTPUT, version="v1"):
    with wh.db.write() as conn:
        return vault.new_data_key(conn, scope, kind, version)


def opened(wh, vault, key_id):
    with wh.db.read() as conn:
        return vault.data_key(conn, key_id).key


def test_a_data_key_comes_back_in_another_process(wh):
    for scope in (SALES, CHURN):
        key = new_key(wh, wh.admin, scope)
        assert opened(wh, wh.again("admin"), key.id) == key.key
        assert opened(wh, wh.admin, key.id) == key.key


def test_one_key_for_a_kind_scope_and_version(wh):
    new_key(wh, wh.admin)
    new_key(wh, wh.admin, kind=Kind.RECORD)
    new_key(wh, wh.admin, scope=SALES)
    with pytest.raises(Constraint):
        new_key(wh, wh.admin)


def test_an_undone_transaction_leaves_no_key(wh):
    from contextlib import suppress

    with suppress(RuntimeError), wh.db.write() as conn:
        key = wh.admin.new_data_key(conn, CHURN, Kind.OUTPUT, "v1")
        raise RuntimeError
    with pytest.raises(NotFound):
        opened(wh, wh.admin, key.id)
    again = new_key(wh, wh.admin)
    assert opened(wh, wh.again("admin"), again.id) == again.key


def test_the_name_of_a_key_that_was_undone_is_not_remembered(wh):
    from contextlib import suppress

    with suppress(RuntimeError), wh.db.write() as conn:
        undone = wh.admin.filter_key(conn, CHURN)
        assert wh.admin.filter_key(conn, CHURN) == undone  # found by its name
        raise RuntimeError
    with wh.db.read() as conn, pytest.raises(NotFound):
        wh.admin.filter_key(conn, CHURN)
    with wh.db.write() as conn:
        made = wh.again("admin").filter_key(conn, CHURN)
    for _ in range(2):
        with wh.db.read() as conn:
            assert wh.admin.filter_key(conn, CHURN) == made != undone


def test_without_a_grant_nothing_opens_and_the_refusal_says_what_to_ask_for(wh):
    from kronkers_batch.access.setup import open_vault

    key = new_key(wh, wh.admin)
    bob = open_vault(wh.db, wh.enrol("bob"))
    with pytest.raises(AccessRefused) as caught:
        opened(wh, bob, key.id)
    assert caught.value.exit_code == 3
    assert "model churn of department sales" in str(caught.value)
    assert "kronkers access grant bob reader sales/churn" in caught.value.fix
    with pytest.raises(AccessRefused):
        new_key(wh, bob, version="v2")
    with pytest.raises(AccessRefused), wh.db.write() as conn:
        bob.filter_key(conn, SALES)


@pytest.mark.parametrize("role", [Role.READER, Role.OPERATOR, Role.APPROVER, Role.ADMIN])
def test_a_grant_on_a_department_opens_its_models_and_no_other_department(wh, role):
    mine, other = new_key(wh, wh.admin), new_key(wh, wh.admin, OPS)
    bob = wh.member("bob", SALES, role)
    assert opened(wh, bob, mine.id) == mine.key
    later = new_key(wh, wh.admin, Scope("sales", "later"))
    assert opened(wh, bob, later.id) == later.key
    with pytest.raises(AccessRefused, match="department ops"):
        opened(wh, bob, other.id)


def test_a_grant_on_a_model_opens_that_model_only(wh):
    churn, basket = new_key(wh, wh.admin), new_key(wh, wh.admin, Scope("sales", "basket"))
    whole = new_key(wh, wh.admin, SALES, Kind.SNAPSHOT)
    bob = wh.member("bob", CHURN, Role.OPERATOR)
    assert opened(wh, bob, churn.id) == churn.key
    mine = new_key(wh, bob, version="v2")
    assert opened(wh, wh.again("admin"), mine.id) == mine.key
    for key in (basket, whole):
        with pytest.raises(AccessRefused):
            opened(wh, bob, key.id)


@pytest.mark.parametrize("scope", [SALES, CHURN])
def test_a_viewer_opens_records_and_no_data(wh, scope):
    record = new_key(wh, wh.admin, kind=Kind.RECORD)
    others = [new_key(wh, wh.admin, kind=k) for k in Kind if k is not Kind.RECORD]
    eve = wh.member("eve", scope, Role.VIEWER)
    assert opened(wh, eve, record.id) == record.key
    for key in others:
        with pytest.raises(AccessRefused, match="viewer"):
            opened(wh, eve, key.id)
    with pytest.raises(AccessRefused, match="viewer"):
        new_key(wh, eve, version="v2")


def test_a_viewer_makes_no_models_key(wh):
    eve = wh.member("eve", SALES, Role.VIEWER)
    with pytest.raises(AccessRefused, match="viewer"):
        new_key(wh, eve, Scope("sales", "new"), Kind.RECORD)


def test_a_viewer_who_becomes_a_reader_reads(wh):
    key = new_key(wh, wh.admin)
    wh.member("eve", CHURN, Role.VIEWER)
    wh.grant("eve", CHURN, Role.READER)
    assert opened(wh, wh.again("eve"), key.id) == key.key


def test_an_operator_of_the_department_makes_a_models_key(wh):
    bob = wh.member("bob", SALES, Role.OPERATOR)
    key = new_key(wh, bob)
    assert opened(wh, wh.again("admin"), key.id) == key.key


def test_lasting_keys(wh):
    with wh.db.read() as conn, pytest.raises(NotFound, match="nothing was written with it"):
        wh.admin.record_key(conn, SALES, "reasons")
    with wh.db.write() as conn:
        filters, record = wh.admin.filter_key(conn, CHURN), wh.admin.record_key(conn, SALES, "reasons")
    again = wh.again("admin")
    with wh.db.read() as conn:
        assert again.filter_key(conn, CHURN) == filters
        assert again.record_key(conn, SALES, "reasons") == record
    with wh.db.write() as conn:
        assert again.filter_key(conn, SALES) != filters
        rotation.rotate(wh.admin.ring, conn, SALES)
    with wh.db.read() as conn:
        assert wh.again("admin").filter_key(conn, CHURN) == filters
    assert len(filters) == 32


def test_shredding(wh):
    key = new_key(wh, wh.admin)
    opened(wh, wh.admin, key.id)
    with wh.db.write() as conn:
        wrapped = conn.execute(select(t.data_keys.c.wrapped)).scalar()
        wh.admin.shred(conn, key.id)
    wh.db.scrub()
    for vault in (wh.admin, wh.again("admin")):
        with pytest.raises(NotFound, match="shredded"):
            opened(wh, vault, key.id)
    assert not any(wrapped in f.read_bytes() for f in (wh.root / "wh").iterdir())


def test_rotation_rewraps_and_changes_no_data_key(wh):
    keys = [new_key(wh, wh.admin, s, k) for s in (SALES, CHURN) for k in (Kind.OUTPUT, Kind.RECORD)]
    gone = new_key(wh, wh.admin, version="gone")
    with wh.db.write() as conn:
        wh.admin.shred(conn, gone.id)
    bob = wh.member("bob", CHURN, Role.READER)
    wh.member("eve", SALES, Role.VIEWER)
    with wh.db.write() as conn:
        old = conn.execute(select(t.data_keys.c.wrapped)).scalars().all()
        assert rotation.rotate(wh.admin.ring, conn, SALES) == 4
        new = conn.execute(select(t.data_keys.c.wrapped)).scalars().all()
    assert not set(filter(None, old)) & set(filter(None, new))
    for key in keys:
        for vault in (wh.admin, wh.again("admin")):
            assert opened(wh, vault, key.id) == key.key
    assert opened(wh, wh.again("bob"), keys[2].id) == keys[2].key
    assert opened(wh, wh.again("eve"), keys[1].id) == keys[1].key
    with wh.db.read() as conn:
        rows = conn.execute(select(t.tree_keys).where(t.tree_keys.c.state == "retired")).all()
        assert {(r.department, r.model, r.version) for r in rows} == {("sales", "", 1), ("sales", "churn", 1)}
        assert all(r.wrapped is None for r in rows)
        hanging = conn.execute(
            select(t.data_keys.c.id).join(t.tree_keys).where(t.tree_keys.c.state == "retired")
        )
        assert hanging.all() == []
    later = new_key(wh, bob, version="v9")
    assert opened(wh, wh.again("bob"), later.id) == later.key


@pytest.mark.parametrize("scope", [SALES, CHURN])
def test_a_revoked_grant_opens_nothing_any_more(wh, scope):
    key = new_key(wh, wh.admin)
    wh.member("bob", scope, Role.OPERATOR)
    ann = wh.member("ann", scope, Role.READER)
    bob = wh.again("bob")
    old_row = None
    with wh.db.write() as conn:
        old_row = conn.execute(
            select(t.grant_keys).where(t.grant_keys.c.recipient == bob.identity.public.id)
        ).one()
        assert rotation.revoke(wh.admin.ring, conn, "bob", scope) == 1
    with pytest.raises(AccessRefused):
        opened(wh, wh.again("bob"), key.id)
    assert opened(wh, wh.again("ann"), key.id) == opened(wh, ann, key.id) == key.key
    with pytest.raises(NotFound, match="holds no grant"), wh.db.write() as conn:
        rotation.revoke(wh.admin.ring, conn, "bob", scope)
    # Even with his old sealed key put back, nothing hangs under it.
    with wh.db.write() as conn:
        conn.execute(t.grant_keys.insert().values(**old_row._mapping))
        conn.execute(t.revocations.delete())
    with pytest.raises(AccessRefused):
        opened(wh, wh.again("bob"), key.id)


def test_a_revoked_principal_is_not_let_in(wh):
    wh.member("bob", SALES, Role.ADMIN)
    with wh.db.write() as conn:
        rotation.revoke_principal(wh.admin.ring, conn, "bob")
    with pytest.raises(AccessRefused, match="does not know your key"):
        wh.again("bob")
    with pytest.raises(NotFound):
        wh.grant("bob", SALES, Role.READER)


def test_only_admins_grant_revoke_and_rotate(wh):
    wh.enrol("eve")
    for i, role in enumerate(r for r in Role if r is not Role.ADMIN):
        vault = wh.member(f"p{i}", SALES, role)
        with pytest.raises(AccessRefused), wh.db.write() as conn:
            grants.grant(vault.ring, conn, "eve", SALES, Role.VIEWER)
        with pytest.raises(AccessRefused), wh.db.write() as conn:
            rotation.rotate(vault.ring, conn, SALES)
        with pytest.raises(AccessRefused), wh.db.write() as conn:
            rotation.revoke(vault.ring, conn, f"p{i}", SALES)
        with pytest.raises(AccessRefused), wh.db.write() as conn:
            vault.trust.add_principal(conn, vault.identity, "x" * 26, "x", vault.identity.public)
    bob = wh.member("bob", SALES, Role.ADMIN)
    with wh.db.write() as conn:
        grants.grant(bob.ring, conn, "eve", CHURN, Role.READER)
    key = new_key(wh, wh.admin)
    assert opened(wh, wh.again("eve"), key.id) == key.key
    with pytest.raises(AccessRefused), wh.db.write() as conn:
        grants.grant(bob.ring, conn, "eve", OPS, Role.READER)
    with pytest.raises(NotFound, match="no principal"):
        wh.grant("nobody", SALES, Role.READER)


def test_roles_are_asked(wh):
    bob = wh.member("bob", CHURN, Role.OPERATOR)
    wh.grant("bob", SALES, Role.VIEWER)
    with wh.db.read() as conn:
        assert bob.role(conn, CHURN) is Role.OPERATOR
        assert bob.role(conn, SALES) is Role.VIEWER
        assert bob.role(conn, OPS) is None
        bob.require(conn, CHURN, Role.READER)
        with pytest.raises(AccessRefused, match="approver on sales/churn; your role is operator") as caught:
            bob.require(conn, CHURN, Role.APPROVER)
        assert "kronkers access grant bob approver sales/churn" in caught.value.fix
        with pytest.raises(AccessRefused, match="no grant"):
            bob.require(conn, OPS, Role.VIEWER)


CONTEXT = Context(Kind.OUTPUT, "sales", "churn", "v1", 1, 10, "s")


def test_signatures(wh):
    signed = wh.admin.sign(CONTEXT, b"payload")
    assert signed.principal == "admin"
    with wh.db.read() as conn:
        for vault in (wh.admin, wh.again("admin")):
            vault.verify(conn, CONTEXT, b"payload", signed)
            with pytest.raises(IntegrityError, match="the signed data was changed"):
                vault.verify(conn, CONTEXT, b"other", signed)
            with pytest.raises(IntegrityError, match="the signed data was changed"):
                vault.verify(
                    conn, Context(Kind.OUTPUT, "sales", "churn", "v2", 1, 10, "s"), b"payload", signed
                )


@pytest.mark.parametrize(
    ("scope", "role", "good"),
    [
        (SALES, Role.VIEWER, False),
        (SALES, Role.READER, False),
        (SALES, Role.OPERATOR, True),
        (CHURN, Role.OPERATOR, True),
        (Scope("sales", "basket"), Role.OPERATOR, False),
        (OPS, Role.ADMIN, False),
    ],
)
def test_who_may_sign_what(wh, scope, role, good):
    bob = wh.member("bob", scope, role)
    signed = bob.sign(CONTEXT, b"payload")
    with wh.db.read() as conn:
        if good:
            wh.admin.verify(conn, CONTEXT, b"payload", signed)
            return
        with pytest.raises(IntegrityError, match="without the role operator"):
            wh.admin.verify(conn, CONTEXT, b"payload", signed)


def test_what_was_signed_before_a_revocation_still_verifies(wh):
    bob = wh.member("bob", SALES, Role.OPERATOR)
    signed = bob.sign(CONTEXT, b"payload")
    with wh.db.write() as conn:
        rotation.revoke_principal(wh.admin.ring, conn, "bob")
    with wh.db.read() as conn:
        wh.again("admin").verify(conn, CONTEXT, b"payload", signed)


def _seal_in_child(vault, key, queue):
    queue.put(vault.seal(key, CONTEXT, b"hello"))


def test_forked_children_do_not_repeat_each_other(wh):
    key = new_key(wh, wh.admin)
    wh.admin.seal(key, CONTEXT, b"hello")
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    children = [fork.Process(target=_seal_in_child, args=(wh.admin, key, queue)) for _ in range(2)]
    [c.start() for c in children]
    blobs = [queue.get(timeout=30) for _ in children]
    [c.join() for c in children]
    assert blobs[0] != blobs[1]
    assert blobs[0][1:40] != blobs[1][1:40]
    assert all(wh.admin.unseal(key, CONTEXT, b) == b"hello" for b in blobs)


def test_remembered_keys_are_forgotten_after_a_while(wh, monkeypatch):
    key = new_key(wh, wh.admin)
    wh.member("bob", SALES, Role.READER)
    bob = wh.again("bob")
    opened(wh, bob, key.id)
    with wh.db.write() as conn:
        rotation.revoke(wh.admin.ring, conn, "bob", SALES)
    opened(wh, bob, key.id)
    import time

    later = time.monotonic() + 301
    monkeypatch.setattr("time.monotonic", lambda: later)
    with pytest.raises(AccessRefused):
        opened(wh, bob, key.id)
