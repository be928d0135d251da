"""Granting: a department's or one model's key, sealed to a principal."""

from __future__ import annotations

from sqlalchemy import Connection, select

from kronkers_batch.errors import IntegrityError, NotFound
from kronkers_batch.store import clock, written
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import names
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.keys import Keyring
from kronkers_batch.vault.statements import grant_key_info, grant_key_statement
from kronkers_batch.vault.tree import ACTIVE, TreeKey
from kronkers_batch.vault.trust import Grant, Principal


def grant(ring: Keyring, conn: Connection, name: str, scope: Scope, role: Role) -> Grant:
    """Gives a principal a role on a department or a model, and the key that goes with it.

    Args:
        ring: The granter's keys.
        conn: A write transaction.
        name: The principal's name.
        scope: A department, or one model.
        role: What it may do; a viewer is given the view key only.

    Raises:
        NotFound: No such principal. AccessRefused: the granter may not. IntegrityError.
    """
    serialise(conn, "grants")
    recipients = principals(ring, conn, name)
    key = ring.active(conn, scope, make=True)
    given = ring.trust.add_grant(conn, ring.identity, recipients[0].id, scope, role)
    for recipient in recipients:
        seal_key(ring, conn, given, key, recipient)
    return given


def seal_key(ring: Keyring, conn: Connection, given: Grant, key: TreeKey, recipient: Principal) -> None:
    """Seals one key version for one grant to one of its holder's public keys.

    Raises AccessRefused where the caller may only view, IntegrityError where grant or public key is revoked.
    """
    refuse_revoked(ring, conn, given, recipient)
    secret = key.view if given.role is Role.VIEWER else ring.need_full(key)
    info = grant_key_info(ring.trust, given.id, key.id, recipient.keys.id, given.scope, given.role)
    sealed, now = recipient.keys.seal(secret, info), clock.now()
    issuer = ring.identity.public.id
    statement = grant_key_statement(ring.trust, given.id, key.id, recipient.keys.id, sealed, now, issuer)
    row = {
        "grant_id": given.id,
        "key_id": key.id,
        "recipient": recipient.keys.id,
        "sealed": sealed,
        "created": now,
        "issuer": issuer,
        "signature": ring.identity.sign(statement),
    }

    def replaced(after: Connection) -> bool:
        state = after.execute(select(t.tree_keys.c.state).where(t.tree_keys.c.id == key.id)).scalar()
        return state != ACTIVE or ring.trust.revoked(after, given.id, clock.now())

    written.insert(conn, t.grant_keys, row, f"the key of {given.scope} for {recipient.name}", excuse=replaced)


def refuse_revoked(ring: Keyring, conn: Connection, given: Grant, recipient: Principal) -> None:
    """Asked again where a key is sealed: the list of holders may be older. Raises IntegrityError."""
    now = clock.now()
    if any(ring.trust.revoked(conn, subject, now) for subject in (given.id, recipient.keys.id)):
        raise IntegrityError(
            "somebody removed a revocation from the database: a revoked principal would receive a key",
            where=f"{recipient.name} on {given.scope}",
            fix="Run kronkers access revoke NAME again, and find out who can write to the database.",
        )


def principals(ring: Keyring, conn: Connection, name: str) -> list[Principal]:
    """The principal's certified public keys that are not revoked. Raises NotFound, IntegrityError."""
    query = select(t.principal_keys.c.id).join(t.principals).where(t.principals.c.name == name)
    found = [
        ring.trust.principal(conn, key_id)
        for key_id in conn.execute(query).scalars().all()
        if not ring.trust.revoked(conn, key_id, clock.now())
    ]
    if not found:
        rows = conn.execute(select(t.principals.c.name, t.principals.c.id)).all()
        known = ", ".join(names.shown(*row) for row in rows)
        raise NotFound(
            f"there is no principal {name}",
            fix=f"Write one of: {known}; or add a principal: kronkers access add LINE",
        )
    return found


def holders(ring: Keyring, conn: Connection, given: Grant) -> list[Principal]:
    """The public keys to seal to for a grant. Raises IntegrityError."""
    query = select(t.principal_keys.c.id).where(t.principal_keys.c.principal_id == given.principal_id)
    return [
        ring.trust.principal(conn, key_id)
        for key_id in conn.execute(query).scalars().all()
        if not ring.trust.revoked(conn, key_id, clock.now())
    ]
