"""Where a writer's sealed chunks wait, and how they reach the database: few transactions, each short."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select

from kronkers_batch.errors import Stale
from kronkers_batch.store.tables.outputs import output_filters, output_pieces, output_versions

if TYPE_CHECKING:
    from kronkers_batch.store.engine import Database

# What waits is lost by a crash, so a slow model's chunks land one by one; a fast one's together, because each
# transaction waits for the disk and holds SQLite's only write lock.
_BATCH_BYTES = 32 * 2**20
_BATCH_SECONDS = 2.0


class Landing:
    """The chunks and filters of one unfinished version on their way.

    Args:
        database: Where they go.
        version_id: Whose they are.
        token: The writer's fencing token.
        ref: What messages call the version.
    """

    def __init__(self, database: Database, version_id: str, token: int, ref: str) -> None:
        self._db, self._version, self._token, self._ref = database, version_id, token, ref
        self._chunks: dict[int, tuple[bytes, bytes]] = {}
        self._index: dict[int, list[bytes]] = {}
        self._bytes = 0
        self._flushed = time.monotonic()

    def add_chunk(self, number: int, entry: bytes, data: bytes) -> None:
        """A sealed chunk with its sealed entry."""
        self._chunks[number] = (entry, data)
        self._bytes += len(data)

    def add_filters(self, part: int, index: list[bytes]) -> None:
        """The sealed index pages of one group."""
        self._index[part] = index
        self._bytes += sum(map(len, index))

    @property
    def due(self) -> bool:
        """Whether what waits should land now."""
        return self._bytes >= _BATCH_BYTES or time.monotonic() - self._flushed > _BATCH_SECONDS

    def flush(self) -> None:
        """Lands what waits in a transaction of its own. Raises Stale, StoreError."""
        with self._db.write() as conn:
            self.land(conn)
        self.forget()

    def land(self, conn: Connection) -> None:
        """Lands what waits; call :meth:`forget` when the transaction is committed. Raises Stale."""
        self._refuse_stale(conn)
        chunks, index = output_pieces.c, output_filters.c
        if self._chunks:
            numbers = list(self._chunks)
            conn.execute(
                delete(output_pieces).where(chunks.version_id == self._version, chunks.number.in_(numbers))
            )
            rows = [
                {"version_id": self._version, "number": number, "entry": entry, "data": data}
                for number, (entry, data) in self._chunks.items()
            ]
            conn.execute(insert(output_pieces), rows)
        for part, blobs in self._index.items():
            conn.execute(delete(output_filters).where(index.version_id == self._version, index.part == part))
            rows = [
                {"version_id": self._version, "part": part, "number": number, "data": blob}
                for number, blob in enumerate(blobs)
            ]
            conn.execute(insert(output_filters), rows)

    def forget(self) -> None:
        """What waited is in the database."""
        self._chunks, self._index, self._bytes = {}, {}, 0
        self._flushed = time.monotonic()

    def drop_beyond(self, conn: Connection, count: int, parts: int) -> None:
        """Takes away what an earlier writer landed beyond the last chunk and the last group of filters."""
        chunks, index = output_pieces.c, output_filters.c
        conn.execute(delete(output_pieces).where(chunks.version_id == self._version, chunks.number >= count))
        conn.execute(delete(output_filters).where(index.version_id == self._version, index.part >= parts))

    def _refuse_stale(self, conn: Connection) -> None:
        table = output_versions.c
        query = select(table.token, table.state).where(table.id == self._version).with_for_update()
        found = conn.execute(query).one_or_none()
        if found is None or (found.token, found.state) != (self._token, "writing"):
            raise Stale(
                "another run has taken over this output",
                where=self._ref,
                fix="Wait for the other run. If it was stopped, run the command again.",
            )
