"""Revoking and rotating: new keys for those who still hold a grant; data keys are re-wrapped, data stays.

A rotation has two parts. The first is short and makes the new keys; whoever lost a grant cannot open what is
written from then on. The second moves the data keys of what is there already, in batches that may be
interrupted at any time and gone on with later; readers find everything meanwhile.
"""

from __future__ import annotations

from collections.abc import Container

from sqlalchemy import Connection, Select, bindparam, select, update

from kronkers_batch.errors import IntegrityError, NotFound
from kronkers_batch.store import pending, written
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.keys import Keyring
from kronkers_batch.vault.tree import RETIRED, RETIRING, TreeKey
from kronkers_batch.vault.trust import Grant

BATCH = 500
"""Data keys that one transaction moves."""


def revoke(ring: Keyring, conn: Connection, name: str, scope: Scope, *, whole: bool = True) -> int:
    """Takes all of a principal's grants on exactly this scope, and rotates the scope's keys.

    What the principal has read or copied before it keeps; nothing written or re-wrapped later opens to it.
    Call :meth:`Database.scrub` after the commit.

    Args:
        ring: The revoker's keys.
        conn: A write transaction.
        name: The principal's name.
        scope: A department (its models' keys rotate too), or one model.
        whole: Whether to move all data keys now; else :func:`rewrap` is to be called until it is done.

    Returns:
        How many grants were taken.

    Raises:
        NotFound: It holds none. AccessRefused: the caller may not revoke on this department.
    """
    serialise(conn, "grants")
    ring.trust.require_department_admin(conn, ring.identity, scope.department)
    query = select(t.principals.c.id).where(t.principals.c.name == name)
    principal_id = conn.execute(query).scalar()
    on = {"department": scope.department, "model": scope.model}
    held = [] if principal_id is None else ring.trust.grants(conn, principal_id=principal_id, **on)
    if principal_id is None:
        raise NotFound(f"there is no principal {name}", fix="See which there are: kronkers access list")
    if not held:
        raise NotFound(f"{name} holds no grant on {scope}", fix="See who holds one: kronkers access list")
    # Before they are taken: others may have been given the key by this principal.
    _refuse_taken_out(ring, conn, scope, without={given.id for given in held})
    for given in held:
        ring.trust.add_revocation(conn, ring.identity, given.id)
        mine = t.grant_keys.c.grant_id == given.id
        written.delete(conn, t.grant_keys, mine, f"a key of {name} on {scope}")
    pending.mark_deleted_keys(conn)
    _begin(ring, conn, scope)
    if whole:
        _rewrap_all(ring, conn, scope)
    return len(held)


def revoke_principal(ring: Keyring, conn: Connection, name: str, *, whole: bool = True) -> None:
    """Takes all grants of a principal and its public keys: it signs and certifies nothing any more.

    ``whole`` is as in :func:`revoke`.

    Raises:
        NotFound: No such principal. AccessRefused: the caller is no administrator.
    """
    serialise(conn, "grants")
    ring.trust.require_authority(conn, ring.identity)
    certified = grants.principals(ring, conn, name)
    held = ring.trust.grants(conn, principal_id=certified[0].id)
    for scope in sorted({g.scope for g in held}, key=lambda s: (s.department, s.model)):
        revoke(ring, conn, name, scope, whole=whole)
    for principal in certified:
        ring.trust.add_revocation(conn, ring.identity, principal.keys.id)


def rotate(ring: Keyring, conn: Connection, scope: Scope) -> int:
    """Rotates all in one transaction: :func:`begin`, and every :func:`rewrap`. Returns how many keys it were.

    Raises AccessRefused when the caller may not grant on the department or holds no key of it.
    """
    begin(ring, conn, scope)
    return _rewrap_all(ring, conn, scope)


def _rewrap_all(ring: Keyring, conn: Connection, scope: Scope) -> int:
    count = 0
    while done := rewrap(ring, conn, scope):
        count += done
    return count


def begin(ring: Keyring, conn: Connection, scope: Scope) -> None:
    """Makes a new version of the scope's key and seals it to every holder: from now on it wraps what is made.

    A department's models get new keys too. The old version is wrapped under the new one, so that everything
    stays readable until :func:`rewrap` has done its work, in as many transactions as it takes. Raises
    AccessRefused when the caller may not grant on the department or holds no key of it, IntegrityError where
    a grant holds that was never given the key in use.
    """
    serialise(conn, "grants")
    ring.trust.require_department_admin(conn, ring.identity, scope.department)
    _refuse_taken_out(ring, conn, scope)
    _begin(ring, conn, scope)


def _begin(ring: Keyring, conn: Connection, scope: Scope) -> None:
    serialise(conn, f"tree {scope}")
    old = ring.active(conn, scope)
    parent = ring.active(conn, Scope(scope.department)) if scope.model else None
    models = [] if scope.model else _models(ring, conn, scope.department)  # found while all is as it was
    new = _renew(ring, conn, old, parent)
    for model in models:
        _renew(ring, conn, model, new)
    # The old keys are still remembered; nothing may be wrapped under them any more.
    ring.forget()


def unfinished(conn: Connection, scope: Scope) -> bool:
    """Whether a rotation of the scope was begun and not brought to its end."""
    return conn.execute(_retiring(scope).limit(1)).first() is not None


def rewrap(ring: Keyring, conn: Connection, scope: Scope, most: int = BATCH) -> int:
    """Moves up to ``most`` data keys from old versions of the scope's keys to the newest, and empties those.

    Returns how many it were; 0 when the rotation is finished. Raises AccessRefused, IntegrityError.
    """
    # Oldest first: a key that was retired while an older one still was stays its parent until that is done.
    for old in conn.execute(_retiring(scope)).all():
        new = ring.active(conn, Scope(old.department, old.model))
        if count := _move(ring, conn, old.id, new, most):
            return count
        retired = {"state": RETIRED, "wrapped": None, "wrapped_view": None}
        conn.execute(update(t.tree_keys).where(t.tree_keys.c.id == old.id).values(**retired))
    ring.forget()
    return 0


def _retiring(scope: Scope) -> Select[tuple[str, str, str]]:
    keys = t.tree_keys.c
    query = select(keys.id, keys.department, keys.model).where(
        keys.department == scope.department, keys.state == RETIRING
    )
    if scope.model:
        query = query.where(keys.model == scope.model)
    return query.order_by(keys.model, keys.version)


def _models(ring: Keyring, conn: Connection, department: str) -> list[TreeKey]:
    keys = t.tree_keys.c
    query = select(keys.model).where(keys.department == department, keys.model != "").distinct()
    return [ring.active(conn, Scope(department, model)) for model in conn.execute(query).scalars().all()]


def _renew(ring: Keyring, conn: Connection, old: TreeKey, parent: TreeKey | None) -> TreeKey:
    scope, full = old.scope, ring.need_full(old)
    new = ring.new_tree_key(conn, scope, old.version + 1, parent)
    for given in _grants_on(ring, conn, scope):
        for holder in grants.holders(ring, conn, given):
            grants.seal_key(ring, conn, given, new, holder)
    written.delete(conn, t.grant_keys, t.grant_keys.c.key_id == old.id, f"an older key of {scope}")
    pending.mark_deleted_keys(conn)
    under: dict[str, object] = {"state": RETIRING, "parent_id": new.id}
    under |= ring.wrap_tree_key(old.id, scope, new, old.view, full)
    conn.execute(update(t.tree_keys).where(t.tree_keys.c.id == old.id).values(**under))
    return new


def _grants_on(ring: Keyring, conn: Connection, scope: Scope) -> list[Grant]:
    return ring.trust.grants(conn, department=scope.department, model=scope.model)


def _refuse_taken_out(
    ring: Keyring, conn: Connection, scope: Scope, without: Container[str] = frozenset()
) -> None:
    """Every grant that holds was given the key in use; one that was revoked was not, and gets no newer."""
    models = [] if scope.model else _models(ring, conn, scope.department)
    for key in (ring.active(conn, scope), *models):
        for given in _grants_on(ring, conn, key.scope):
            if given.id not in without and not ring.was_given(conn, given, key.id):
                raise _taken_out(given)


def _taken_out(given: Grant) -> IntegrityError:
    return IntegrityError(
        "a grant has no copy of the current key: somebody removed its revocation, or its key, from the "
        "database",
        where=f"grant on {given.scope}, principal {given.principal_id}",
        fix="Run kronkers access list to find the principal, then: "
        f"kronkers access revoke NAME {given.scope}; grant the role again if the principal is to keep it.",
    )


def _move(ring: Keyring, conn: Connection, old: str, new: TreeKey, most: int) -> int:
    keys = t.data_keys.c
    query = select(keys.id).where(keys.parent_id == old, keys.wrapped.is_not(None)).limit(most)
    rows = [
        {"key": key_id, "blob": ring.wrap_data_key(ring.data_key(conn, key_id), new)}
        for key_id in conn.execute(query).scalars().all()
    ]
    if rows:
        change = update(t.data_keys).where(keys.id == bindparam("key"))
        conn.execute(change.values(wrapped=bindparam("blob"), parent_id=new.id), rows)
    else:
        # Shredded keys go along, so that nothing hangs under a retired key.
        conn.execute(update(t.data_keys).where(keys.parent_id == old).values(parent_id=new.id))
    return len(rows)
