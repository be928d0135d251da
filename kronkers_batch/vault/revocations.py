"""Which grants and public keys no longer hold: signed statements, time included.

A revocation that is not signed as a whole, by who may revoke what it names, counts for every time: what it
names never held, nor what hangs on that. Whoever can write to the database can lock anybody out that way, as
they could by deleting rows; nobody gets in by it. ``kronkers ledger verify`` names each.
"""

from __future__ import annotations

import threading
from typing import Protocol

from sqlalchemy import Connection, select

from kronkers_batch.errors import IntegrityError, NotFound
from kronkers_batch.store import clock, seen, written
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault.identity import Identity, PublicKeys

_MINUTE = 60_000_000
_ALL = select(t.revocations).order_by(t.revocations.c.subject.concat(""))
_GRANTS = select(t.grants.c.id, t.grants.c.department)
_KEYS = select(t.principal_keys.c.id)


class _Asking(threading.local):
    """The revocations whose issuers are being looked up, and what was found of others meanwhile."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.found: dict[str, str] = {}


class Issuer(Protocol):
    """Who signed a revocation, as certified."""

    @property
    def authority(self) -> str:
        """Whether it may certify others: "admin" may."""

    @property
    def keys(self) -> PublicKeys:
        """Its public keys."""


class Issuers(Protocol):
    """Says who issued what: :class:`~kronkers_batch.vault.trust.Trust`."""

    def principal(self, conn: Connection, public_id: str, /) -> Issuer:
        """The principal with this public key. Raises NotFound, IntegrityError."""

    def may_grant(self, conn: Connection, public_id: str, department: str, timestamp: int, /) -> bool:
        """Whether it may grant and revoke on a department at that time."""

    def statement(self, label: str, /, *fields: str | int | bytes) -> bytes:
        """What is signed."""


class Revocations:
    """Answers for one :class:`~kronkers_batch.vault.trust.Trust`, in the transactions that it is handed."""

    def __init__(self, trust: Issuers) -> None:
        self._trust = trust
        self._made: dict[str, int] = {}
        self._asking = _Asking()

    @property
    def undecided(self) -> bool:
        """Whether this thread is looking one up: what is found meanwhile may hang on how that ends."""
        return bool(self._asking.open)

    def revoked(self, conn: Connection, subject: str, timestamp: int) -> bool:
        """Whether the grant or public key was revoked by that time; a future one counts now."""
        made = self._made.get(subject)
        if made is not None and made <= timestamp:
            return True  # by this process, whatever the database says
        # Not by an index: who can write to the file can make one that leaves rows out.
        found = seen.scanned(conn, _ALL, subject=subject)
        if not found:
            return False
        row = found[0]
        now = clock.now()
        # Of the future, because a clock was wrong or somebody wanted it so: it counts from now on.
        at = row.at if row.at <= now else now - _MINUTE
        return at <= timestamp or self.flaw(conn, row) != ""

    def add(self, conn: Connection, issuer: Identity, subject: str) -> None:
        """Records that a grant or public key no longer holds; this process does not forget it again."""
        now = clock.now()
        signature = issuer.sign(self._statement(subject, now, issuer.public.id))
        row = {"subject": subject, "at": now, "issuer": issuer.public.id, "signature": signature}
        written.insert(conn, t.revocations, row, f"the revocation of {subject}")
        self._made[subject] = now

    def flawed(self, conn: Connection) -> list[tuple[str, str]]:
        """Of every revocation that counts for every time: what it names, and what is wrong with it."""
        return [(row.subject, flaw) for row in seen.rows(conn, _ALL) if (flaw := self.flaw(conn, row))]

    def refuse_flawed(self, conn: Connection, subject: str) -> None:
        """Raises IntegrityError where what is revoked is revoked for every time, and says why."""
        for row in seen.scanned(conn, _ALL, subject=subject):
            if flaw := self.flaw(conn, row):
                raise flawed(subject, flaw)

    def flaw(self, conn: Connection, row: StoredRow) -> str:
        """What is wrong with a revocation; empty where it is signed by who may revoke what it names."""
        asking = self._asking
        if row.subject in asking.open:
            # Two that name each other's issuers: whichever came first counts, and their times tell.
            return ""
        if row.subject in asking.found:
            return asking.found[row.subject]
        asking.open.add(row.subject)
        try:
            found = self._look(conn, row)
        finally:
            asking.open.discard(row.subject)
        asking.found[row.subject] = found
        if not asking.open:
            asking.found.clear()
        return found

    def _look(self, conn: Connection, row: StoredRow) -> str:
        try:
            issuer = self._trust.principal(conn, row.issuer)
            if not issuer.keys.verifies(self._statement(row.subject, row.at, row.issuer), row.signature):
                return "its signature does not match the row"
            return (
                ""
                if self._may(conn, row, issuer)
                else "its issuer had no permission to revoke this at that time"
            )
        except (NotFound, IntegrityError):
            return "this warehouse does not know its issuer"

    def _may(self, conn: Connection, row: StoredRow, issuer: Issuer) -> bool:
        for grant in seen.rows(conn, _GRANTS, id=row.subject):
            return self._trust.may_grant(conn, row.issuer, grant.department, row.at)
        known = bool(seen.rows(conn, _KEYS, id=row.subject))
        return known and issuer.authority == "admin" and not self.revoked(conn, row.issuer, row.at)

    def _statement(self, subject: str, at: int, issuer: str) -> bytes:
        return self._trust.statement("revocation", subject, at, issuer)


def flawed(subject: str, flaw: str) -> IntegrityError:
    """A revocation that counts for every time."""
    return IntegrityError(
        f"a revocation in the database is not valid: {flaw}; until you repair it, it counts for all times",
        where=f"revocation of {subject}",
        fix="Somebody added or changed it: find out who can write to the database. If nobody was revoked, "
        "delete the row from the table revocations; if somebody was, run kronkers access revoke NAME again.",
    )
