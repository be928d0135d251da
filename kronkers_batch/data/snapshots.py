"""Snapshots: the checked rows of a source's window, frozen in encrypted chunks under a signed manifest."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.expiring import Expiry, gone
from kronkers_batch.data.publishing import AddEntry, Publisher, Tell, no_event
from kronkers_batch.data.reference import (
    READY,
    SnapshotRef,
    Wanted,
    compare,
    earlier,
    folder,
    lookups,
    microseconds,
    ready,
    reference,
    verified,
)
from kronkers_batch.data.window import Window
from kronkers_batch.errors import KronkersError, NotFound, StoreError
from kronkers_batch.store import seen
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.vault.context import DataKey, Scope
from kronkers_batch.vault.manifest import Manifest
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.data.sources.model_output import OutputReader

__all__ = ["SnapshotRef", "Snapshots", "Wanted"]

_REMEMBERED = 64


@dataclass(frozen=True)
class _Opened:
    ref: SnapshotRef
    manifest: Manifest
    key: DataKey


class Snapshots:
    """Freezes, finds and reads snapshots. Opens nothing until used.

    Args:
        db: The database, migrated.
        artifacts: Where chunks go: ``snapshots/DEPARTMENT[/MODEL]/SOURCE/ID/CHUNK``.
        vault: The caller's.
    """

    def __init__(self, db: Database, artifacts: ArtifactStore, vault: Vault) -> None:
        self._db, self._artifacts, self._vault = db, artifacts, vault
        self._publisher = Publisher(db, artifacts, vault)
        self._opened: dict[str, _Opened] = {}
        self._whole: set[str] = set()
        self.expiry = Expiry(db, artifacts, vault, self._forget)

    # ------------------------------------------------------------ finding

    def find(
        self, source_name: str, window: Window, identity: str, scopes: Iterable[Scope]
    ) -> SnapshotRef | None:
        """The snapshot of these rows, if there is one: sources that models share are frozen once.

        Args:
            source_name: The source.
            window: Which of its rows.
            identity: Of the source as it is now.
            scopes: Whose snapshots are believed; others are as if they were not there, also where the caller
                could read them. So is what the caller may not read, and one of which chunks are gone.

        Raises IntegrityError, StoreError.
        """
        return self.look(Wanted(source_name, window, identity, tuple(scopes)))[0]

    def find_many(
        self, asked: Iterable[Wanted], within: Connection | None = None
    ) -> dict[Wanted, SnapshotRef | KronkersError | None]:
        """:meth:`find` for many, in a number of statements that does not depend on how many.

        Args:
            asked: What is looked for.
            within: A read transaction to ask in; None begins one.

        Returns:
            For each its snapshot, None where there is none, or the IntegrityError that :meth:`find` raises,
            which stops no other. Raises StoreError.
        """
        result: dict[Wanted, SnapshotRef | KronkersError | None] = {}
        for wanted, found in self._published(list(dict.fromkeys(asked)), within).items():
            result[wanted] = None
            for opened in found:
                if isinstance(opened, KronkersError):
                    result[wanted] = opened
                elif self._is_whole(opened):
                    result[wanted] = opened.ref
                else:
                    continue
                break
        return result

    def look(self, wanted: Wanted) -> tuple[SnapshotRef | None, dict[Scope, str]]:
        """As :meth:`find`, with the ids of those of which chunks are gone, by whose key. Raises as that."""
        lost: dict[Scope, str] = {}
        for opened in self._published([wanted], None)[wanted]:
            if isinstance(opened, KronkersError):
                raise opened
            if self._is_whole(opened):
                return opened.ref, lost
            lost[opened.ref.scope] = opened.ref.id
        return None, lost

    def _published(
        self, asked: Sequence[Wanted], within: Connection | None
    ) -> dict[Wanted, list[_Opened | KronkersError]]:
        """For each the snapshots that there are, or what is wrong with them, in the order of its scopes."""
        with self._db.reading(within) as conn:
            self._vault.fetch_filter_keys(conn)
            named = {wanted: lookups(self._vault, conn, wanted) for wanted in asked}
            texts = [text for found in named.values() for text in found.values() if isinstance(text, str)]
            rows = seen.for_each(conn, list(dict.fromkeys(texts)), lambda some: ready(conn, some))
            there = [row for row in rows.values() if row is not None and not isinstance(row, KronkersError)]
            self._vault.fetch_keys(conn, [row.key_id for row in there])
            return {
                wanted: [
                    opened
                    for scope, text in found.items()
                    if (opened := self._opened_as(conn, wanted, scope, text, rows)) is not None
                ]
                for wanted, found in named.items()
            }

    def _opened_as(
        self,
        conn: Connection,
        wanted: Wanted,
        scope: Scope,
        text: str | KronkersError,
        rows: Mapping[str, StoredRow | KronkersError | None],
    ) -> _Opened | KronkersError | None:
        row = text if isinstance(text, KronkersError) else rows[text]
        if row is None or isinstance(row, KronkersError):
            return row
        try:
            opened = self._open(conn, row)
            compare(opened.ref, wanted.source, wanted.window, wanted.identity, scope)
        except KronkersError as error:
            return error
        return opened

    def _is_whole(self, opened: _Opened) -> bool:
        """Whether every chunk is in the store; what is in them is looked at as they are read."""
        ref = opened.ref
        if ref.id not in self._whole:
            chunks = folder(ref.scope, ref.source, ref.id)
            there = set(self._artifacts.list(chunks))
            if not all(f"{chunks}/{entry.number}" in there for entry in opened.manifest.chunks):
                return False
            self._whole.add(ref.id)
        return True

    def frozen_before(self, asked: Iterable[Wanted], within: Connection | None = None) -> set[Wanted]:
        """Those of these windows that were frozen already, of whichever state of the source."""
        wanted = list(dict.fromkeys(asked))
        with self._db.reading(within) as conn:
            rows = [row for some in seen.parts(wanted) for row in conn.execute(earlier(conn, some)).all()]
        there = {(row.source, row.department, row.window_start, row.window_end) for row in rows}
        return {
            each
            for each in wanted
            for scope in each.scopes
            if (each.source, str(scope), *map(microseconds, (each.window.start, each.window.end))) in there
        }

    def get(self, snapshot_id: str) -> SnapshotRef:
        """The snapshot of that id, verified. Raises NotFound, AccessRefused, IntegrityError."""
        return self._get(snapshot_id).ref

    # ------------------------------------------------------------ reading

    def read(self, ref: SnapshotRef, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows, one frame a chunk, in order; the next chunk is fetched and opened meanwhile.

        The signed manifest is verified first, and each chunk's digest before it is decrypted.

        Args:
            columns: Which, in which order; None is all.

        Raises:
            IntegrityError: Something is not as it was frozen. NotFound: it expired, or a chunk is gone.
            AccessRefused: The caller may not read it.
        """
        from kronkers_batch.data import freezing

        opened = self._get(ref.id)
        where = self._artifacts, self._vault, opened.key, opened.manifest
        try:
            yield from freezing.read(*where, folder(ref.scope, ref.source, ref.id), columns)
        except NotFound:
            self._forget(ref.id)
            self._get(ref.id)  # says so where it expired
            raise

    # ------------------------------------------------------------ freezing

    def ingest(
        self,
        source: SourceSpec,
        window: Window,
        identity: str,
        readers: OutputReader | None,
        *,
        scope: Scope,
        sources: Mapping[str, SourceSpec],
        places: Places,
        chunk_rows: int,
        piece_rows: int,
        add_entry: AddEntry,
        lost: str | None = None,
        event: Tell = no_event,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> SnapshotRef:
        """Reads, checks and freezes a window of a source; publishes all of it or nothing.

        Args:
            identity: The source's cheap identity, asked **before** this call: rows that change meanwhile
                give a snapshot that the next question does not find.
            readers: Reads other models' outputs; None where the source needs none.
            scope: The department or model under whose key it is frozen; the caller is operator of it.
            sources: Every declared source by name.
            chunk_rows: Rows in memory at a time.
            piece_rows: Rows of a stored chunk.
            add_entry: Writes the ledger's line, in the transaction that publishes.
            lost: The id of one of the same rows of which chunks are gone, and whose place this takes; empty
                for none, None to look for it.
            event: Writes the event, in the same transaction.
            progress: Called with the number of rows read so far.

        Raises:
            SourceError: It cannot be read, or is not as declared. CheckFailed: a check failed.
            AccessRefused: The caller may not freeze under this scope. StoreError.
        """
        from kronkers_batch.data import freezing
        from kronkers_batch.data.stream import CheckedRows

        rows = CheckedRows(source, window, readers, sources=sources, places=places, chunk_rows=chunk_rows)
        snapshot_id = new_id()
        if lost is None:
            lost = self.look(Wanted(source.name, window, identity, (scope,)))[1].get(scope, "")
        key = self._publisher.begin(source, scope, window, identity, snapshot_id)
        chunks = folder(scope, source.name, snapshot_id)
        try:
            where = self._artifacts, self._vault, key, chunks
            frozen = freezing.freeze(rows, source, *where, piece_rows, progress)
            published = self._publisher.publish(
                source, window, identity, snapshot_id, key, frozen, add_entry, lost=lost, event=event
            )
        except BaseException:
            self._publisher.undo(snapshot_id, key, chunks)
            raise
        if published != snapshot_id:
            self._publisher.undo(snapshot_id, key, chunks)
        done = self.get(published)
        compare(done, source.name, window, identity, scope)
        return done

    # ------------------------------------------------------------ tidying

    def sweep(self, older_than: dt.timedelta = dt.timedelta(days=1)) -> int:
        """Removes what killed ingests, and killed ends of snapshots, left; returns how many there were.

        Args:
            older_than: Ingests that are younger may still be running, and what they wrote stays.
        """
        swept = self._publisher.sweep(older_than)
        with contextlib.suppress(StoreError):  # a run says so at its end, when it tries again
            swept += self.expiry.sweep()
        return swept

    # ------------------------------------------------------------ helpers

    def _get(self, snapshot_id: str) -> _Opened:
        if known := self._opened.get(snapshot_id):
            return known
        with self._db.read() as conn:
            query = select(table).where(table.c.id == snapshot_id, table.c.state == READY)
            row = conn.execute(query).one_or_none()
            if row is None:
                raise gone(conn, snapshot_id)
            return self._open(conn, row)

    def _forget(self, snapshot_id: str) -> None:
        self._opened.pop(snapshot_id, None)
        self._whole.discard(snapshot_id)

    def _open(self, conn: Connection, row: StoredRow) -> _Opened:
        key = self._vault.data_key(conn, row.key_id)
        manifest = verified(conn, self._vault, row, key)
        opened = _Opened(reference(manifest), manifest, key)
        while len(self._opened) >= _REMEMBERED:
            self._opened.pop(next(iter(self._opened)))
        self._opened[row.id] = opened
        return opened
