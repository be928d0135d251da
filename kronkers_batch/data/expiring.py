"""The end of snapshots that nothing needs: which are due, and how their rows go.

The transaction that says so shreds the key, after which nobody can open the rows. Their chunks go then, and
the row last of all: what a killed process leaves of that, :meth:`Expiry.sweep` takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, delete, func, select, update

from kronkers_batch.data.reference import EXPIRED, READY, folder, verified
from kronkers_batch.digests import Json
from kronkers_batch.errors import IntegrityError, KronkersError, NotFound, StoreError
from kronkers_batch.policy import permissions
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.store.tables.vault import data_keys
from kronkers_batch.vault.context import Kind, Scope, scope_of
from kronkers_batch.vault.manifest import digest
from kronkers_batch.vault.sealing import RESTORE
from kronkers_batch.vault.vault import Vault

TOGETHER = 100
"""Snapshots that one transaction ends: the write lock is everybody's."""

Needed = Callable[[ColumnElement[str]], ColumnElement[bool]]
"""Of the column of ids, the condition that something else needs the snapshot."""

AddEntry = Callable[[Connection, str, Mapping[str, Json]], None]
"""Called in the transaction for each, with the source and the details of the ledger's line."""


@dataclass(frozen=True)
class Limit:
    """Which snapshots are due.

    Attributes:
        unused_since: They were frozen, and last used, before this time (microseconds since the epoch).
        frozen_after: And frozen after this one.
        needed: What else needs one.
    """

    unused_since: int
    frozen_after: int
    needed: Needed

    def condition(self) -> ColumnElement[bool]:
        """The same of the table's rows; costs one look into an index for each that is old enough."""
        old = (table.c.state == READY) & (table.c.used < self.unused_since)
        return old & (table.c.created > self.frozen_after) & ~self.needed(table.c.id)


@dataclass(frozen=True)
class Due:
    """How many snapshots of a scope are due, and the time when the oldest of them was last used."""

    count: int
    oldest: int


@dataclass(frozen=True)
class Ended:
    """What one transaction ended.

    Attributes:
        count: How many snapshots.
        wrong: What is wrong with those that stay though they are due.
        left: Why chunks of those that ended are left, to the next sweep; None where none are.
    """

    count: int
    wrong: tuple[KronkersError, ...] = ()
    left: StoreError | None = None


class Expiry:
    """Finds and ends what is due.

    Args:
        db: The database, migrated.
        artifacts: Where chunks lie.
        vault: The caller's.
        forget: Called with the id of each that ended.
    """

    def __init__(
        self, db: Database, artifacts: ArtifactStore, vault: Vault, forget: Callable[[str], None]
    ) -> None:
        self._db, self._artifacts, self._vault, self._forget = db, artifacts, vault, forget

    # ------------------------------------------------------------ what is due

    def due(self, limit: Limit) -> dict[Scope, Due]:
        """What is due, by whose it is; by one statement, whatever there is. Raises StoreError."""
        query = (
            select(table.c.department, func.count(), func.min(table.c.used))
            .where(limit.condition())
            .group_by(table.c.department)
        )
        with self._db.read() as conn:
            return {scope_of(row[0]): Due(row[1], row[2]) for row in conn.execute(query).all()}

    def in_words(self, snapshot_id: str) -> str:
        """What became of the rows of a snapshot: ``kept``, or when they were deleted. Opens nothing."""
        with self._db.read() as conn:
            return in_words(conn, snapshot_id)

    def count(self, scope: Scope) -> int:
        """How many snapshots there are of a scope."""
        query = select(func.count()).where(table.c.state == READY, table.c.department == str(scope))
        with self._db.read() as conn:
            return int(conn.execute(query).scalar_one())

    def oldest(self, scope: Scope, limit: Limit, most: int) -> list[str]:
        """The ids of at most so many that are due, those first that were not used for longest."""
        query = select(table.c.id).where(limit.condition(), table.c.department == str(scope))
        with self._db.read() as conn:
            return list(conn.execute(query.order_by(table.c.used, table.c.id).limit(most)).scalars())

    # ------------------------------------------------------------ their end

    def end(
        self,
        scope: Scope,
        ids: Sequence[str],
        limit: Limit,
        add_entry: AddEntry,
        event: Callable[[Connection, int], None],
    ) -> Ended:
        """Shreds the keys of these that are still due, in one transaction, and removes their chunks.

        Args:
            scope: Whose they are.
            ids: Which; at most :data:`TOGETHER`.
            limit: As it was asked before; it is asked again.
            add_entry: Writes the ledger's line of each.
            event: Called last in the transaction, with how many they are, where there are any.

        Call :meth:`Database.scrub` afterwards. Raises AccessRefused below operator, IntegrityError,
        StoreError.
        """
        wrong: list[KronkersError] = []
        with self._db.write() as conn:
            serialise(conn, f"expiry {scope}")
            permissions.require(self._vault, conn, scope, "expire")
            query = select(table).where(table.c.id.in_(ids), table.c.department == str(scope))
            rows = conn.execute(query.where(limit.condition()).order_by(table.c.id)).all()
            whole = [row for row in rows if self._is_whole(conn, row, limit, wrong)]
            # All rows before the first line of the ledger: who uses one locks its row first as well.
            gone = [row for row in whole if self._marked(conn, row, limit)]
            for row in gone:
                self._vault.shred(conn, row.key_id)
                add_entry(conn, row.source, {"id": row.id, "manifest": digest(row.manifest)})
            if gone:
                event(conn, len(gone))
        for row in gone:
            self._forget(row.id)
        try:
            self._remove(gone)
        except StoreError as error:
            return Ended(len(gone), tuple(wrong), error)
        return Ended(len(gone), tuple(wrong))

    def _is_whole(self, conn: Connection, row: StoredRow, limit: Limit, wrong: list[KronkersError]) -> bool:
        """Whether the key that would be shredded is its own, and its signed time as old as its row says."""
        try:
            own = (scope_of(row.department), Kind.SNAPSHOT, row.id)
            manifest = verified(conn, self._vault, row, self._vault.key_of(conn, row.key_id, *own))
            if manifest.created >= limit.unused_since:
                raise IntegrityError(
                    "the database says that this snapshot is older than its signed manifest says",
                    where=f"snapshot {row.id} of {row.source}",
                    fix=RESTORE,
                )
        except KronkersError as error:
            wrong.append(error)
            return False
        return True

    @staticmethod
    def _marked(conn: Connection, row: StoredRow, limit: Limit) -> bool:
        """Whether it ends by this transaction, and nobody used it meanwhile."""
        ended = (
            update(table)
            .where(table.c.id == row.id, table.c.state == READY, table.c.used < limit.unused_since)
            .values(state=EXPIRED, manifest=None, signature=None)
        )
        return conn.execute(ended).rowcount == 1

    def _remove(self, rows: Sequence[StoredRow]) -> None:
        """Their chunks, then the rows."""
        for row in rows:
            chunks = folder(scope_of(row.department), row.source, row.id)
            for path in self._artifacts.list(chunks):
                self._artifacts.delete(path)
            self._artifacts.remove_empty(chunks)  # each night's look for what was left unfinished enters it
        if rows:
            ended = table.c.id.in_([row.id for row in rows]) & (table.c.state == EXPIRED)
            with self._db.write() as conn:
                conn.execute(delete(table).where(ended))

    def sweep(self) -> int:
        """Removes the chunks and rows of what ended, and a killed process left; returns how many."""
        with self._db.read() as conn:
            left = conn.execute(select(table).where(table.c.state == EXPIRED)).all()
        for start in range(0, len(left), TOGETHER):
            self._remove(left[start : start + TOGETHER])
        return len(left)


# ---------------------------------------------------------------- what is used, and what is gone


def use(conn: Connection, snapshot_id: str) -> None:
    """Says that a snapshot is used now, in the write transaction before one row of it is opened.

    Raises NotFound where it is not there any more.
    """
    now = clock.now()
    used = case((table.c.used > now, table.c.used), else_=now)
    there = table.c.id == snapshot_id, table.c.state == READY
    if conn.execute(update(table).where(*there).values(used=used)).rowcount != 1:
        raise gone(conn, snapshot_id)


def gone(conn: Connection, snapshot_id: str) -> NotFound:
    """What to raise of a snapshot that is not there."""
    if at := _shredded(conn, [snapshot_id]).get(snapshot_id):
        return NotFound(
            f"the snapshot expired on {_day(at)}: its rows are deleted",
            where=snapshot_id,
            fix="Run the command again: it reads the source again. To keep snapshots longer, raise "
            "warehouse.keep_snapshots.",
        )
    return NotFound(
        "there is no such snapshot",
        where=snapshot_id,
        fix="Run the command again: it reads the source again.",
    )


def in_words(conn: Connection, snapshot_id: str) -> str:
    """What became of the rows of a snapshot: ``kept``, or when they were deleted."""
    there = select(table.c.id).where(table.c.id == snapshot_id, table.c.state == READY)
    if conn.execute(there).first() is not None:
        return "kept"
    if at := _shredded(conn, [snapshot_id]).get(snapshot_id):
        return f"expired on {_day(at)}: deleted, as nothing had used them for warehouse.keep_snapshots"
    return "not there; `kronkers ledger verify` says whether they should be"


def _shredded(conn: Connection, ids: Iterable[str]) -> dict[str, int]:
    k = data_keys.c
    query = select(k.version_id, k.shredded).where(
        k.kind == str(Kind.SNAPSHOT), k.version_id.in_(list(ids)), k.shredded.is_not(None)
    )
    return {row.version_id: row.shredded for row in conn.execute(query).all()}


def _day(at: int) -> str:
    return clock.to_datetime(at).strftime("%Y-%m-%d")
