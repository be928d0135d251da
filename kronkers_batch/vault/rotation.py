"""Revoking and rotating: new keys for those who still hold a grant; data keys are re-wrapped, data stays."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select, update

from kronkers_batch.errors import NotFound
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.keys import Keyring
from kronkers_batch.vault.tree import ACTIVE, RETIRED, TreeKey


def revoke(ring: Keyring, conn: Connection, name: str, scope: Scope) -> int:
    """Takes all of a principal's grants on exactly this scope, and rotates the scope's keys.

    What the principal has read or copied before it keeps; nothing written or re-wrapped later opens to it.
    Call :meth:`Database.scrub` after the commit.

    Args:
        ring: The revoker's keys.
        conn: A write transaction.
        name: The principal's name.
        scope: A department (its models' keys rotate too), or one model.

    Returns:
        How many grants were taken.

    Raises:
        NotFound: It holds none. AccessRefused: the caller may not revoke on this department.
    """
    ring.trust.require_department_admin(conn, ring.identity, scope.department)
    query = select(t.principals.c.id).where(t.principals.c.name == name)
    principal_id = conn.execute(query).scalar()
    held = ring.trust.grants(
        conn,
        t.grants.c.principal_id == principal_id,
        t.grants.c.department == scope.department,
        t.grants.c.model == scope.model,
    )
    if principal_id is None or not held:
        raise NotFound(f"{name} holds no grant on {scope}", fix="See who does: kronkers access list")
    for given in held:
        ring.trust.add_revocation(conn, ring.identity, given.id)
        conn.execute(delete(t.grant_keys).where(t.grant_keys.c.grant_id == given.id))
    rotate(ring, conn, scope)
    return len(held)


def revoke_principal(ring: Keyring, conn: Connection, name: str) -> None:
    """Takes all grants of a principal and its public keys: it signs and certifies nothing any more.

    Raises:
        NotFound: No such principal. AccessRefused: the caller is no administrator.
    """
    ring.trust.require_authority(conn, ring.identity)
    certified = grants.principals(ring, conn, name)
    held = ring.trust.grants(conn, t.grants.c.principal_id == certified[0].id)
    for scope in sorted({g.scope for g in held}, key=lambda s: (s.department, s.model)):
        revoke(ring, conn, name, scope)
    for principal in certified:
        ring.trust.add_revocation(conn, ring.identity, principal.keys.id)


def rotate(ring: Keyring, conn: Connection, scope: Scope) -> int:
    """Makes a new version of the scope's key, re-wraps all under it and seals it to every holder.

    Rotating a department rotates its models' keys too. Returns how many data keys were re-wrapped.
    Raises AccessRefused when the caller may not grant on the department or holds no key of it.
    """
    ring.trust.require_department_admin(conn, ring.identity, scope.department)
    serialise(conn, f"tree {scope}")
    parent = ring.active(conn, Scope(scope.department)) if scope.model else None
    count = _rotate(ring, conn, scope, parent)
    # The old keys are still remembered; nothing may be wrapped under them any more.
    ring.forget()
    return count


def _rotate(ring: Keyring, conn: Connection, scope: Scope, parent: TreeKey | None) -> int:
    old = ring.active(conn, scope)
    ring.need_full(old)
    new = ring.new_tree_key(conn, scope, old.version + 1, parent)
    count = _rewrap(ring, conn, old, new)
    if not scope.model:
        query = select(t.tree_keys.c.model).where(
            t.tree_keys.c.department == scope.department,
            t.tree_keys.c.model != "",
            t.tree_keys.c.state == ACTIVE,
        )
        for model in conn.execute(query).scalars().all():
            count += _rotate(ring, conn, Scope(scope.department, model), new)
    on_scope = (t.grants.c.department == scope.department, t.grants.c.model == scope.model)
    for given in ring.trust.grants(conn, *on_scope):
        for holder in grants.holders(ring, conn, given):
            grants.seal_key(ring, conn, given, new, holder)
    conn.execute(delete(t.grant_keys).where(t.grant_keys.c.key_id == old.id))
    retired = {"state": RETIRED, "wrapped": None, "wrapped_view": None}
    conn.execute(update(t.tree_keys).where(t.tree_keys.c.id == old.id).values(**retired))
    return count


def _rewrap(ring: Keyring, conn: Connection, old: TreeKey, new: TreeKey) -> int:
    query = select(t.data_keys.c.id).where(
        t.data_keys.c.parent_id == old.id, t.data_keys.c.wrapped.is_not(None)
    )
    rows = [
        {"key": key_id, "blob": ring.wrap_data_key(ring.data_key(conn, key_id), new)}
        for key_id in conn.execute(query).scalars().all()
    ]
    # Shredded keys go along, so that nothing hangs under a retired key.
    conn.execute(update(t.data_keys).where(t.data_keys.c.parent_id == old.id).values(parent_id=new.id))
    if rows:
        change = update(t.data_keys).where(t.data_keys.c.id == bindparam("key"))
        conn.execute(change.values(wrapped=bindparam("blob")), rows)
    return len(rows)
