"""The rows of outputs, decrypted: whole, by their keys, or by SQL. Each reading is recorded first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from kronkers_batch.digests import Json
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.store.engine import Database
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import catalog, reader, sql
from kronkers_batch.warehouse.entity_keys import Key, by_column, key_frame
from kronkers_batch.warehouse.opened_version import Known, Opened

if TYPE_CHECKING:
    import polars as pl

May = Callable[[Connection], None]
"""Raises AccessRefused where the caller may not do what follows in the transaction."""


def anybody(_conn: Connection) -> None:
    """Asks for nothing beyond the keys, which a reader needs anyway."""


Recorded = tuple[str, Mapping[str, Json]]
"""What the ledger says of a reading: the action and details. No values of data."""
READ: Recorded = ("read", {})
SQL: Recorded = ("sql", {})


class OutputRows:
    """Reads outputs with the caller's keys.

    Args:
        database: Holds the tables.
        vault: The caller's keys.
        ledger: Where reading is recorded.
        known: The versions that were opened lately.
    """

    def __init__(self, database: Database, vault: Vault, ledger: Ledger, known: Known) -> None:
        self._db, self._vault, self._ledger, self._known = database, vault, ledger, known
        reader.keep_memory()

    def read(
        self,
        model: str,
        date: dt.date | None = None,
        version: int | None = None,
        at: int | None = None,
        columns: Sequence[str] | None = None,
        *,
        first: dt.date | None = None,
        last: dt.date | None = None,
        dated: bool = False,
        recorded: Recorded = READ,
        may: May = anybody,
    ) -> Iterator[pl.DataFrame]:
        """The rows of outputs in the order in which they were written: one frame a chunk, at least one.

        Args:
            model: Its name.
            date: One logical date; None reads every date from ``first`` to ``last``, both included.
            version: A version number of that date instead of its head.
            at: The heads as of this time, in microseconds since the epoch.
            columns: Only these, in this order.
            first: First date; None is open.
            last: Last date; None is open.
            dated: Puts the logical date before the columns, as ``logical_date``.
            recorded: What the ledger says of it: the action, and details.
            may: Raises AccessRefused where the caller may not; asked first, in the transaction that finds.

        Everything is found, verified and opened before this returns; chunks are verified one by one as they
        come. Raises NotFound, AccessRefused, IntegrityError, UsageError on a column that there is not and
        where the dates have not all the same columns.
        """
        with self._db.read() as conn:
            may(conn)
            found = catalog.selected(conn, self._vault, model, date, version, at, first, last, self._known)
            reader.check_columns(found, columns)
            keys = [self._vault.data_key(conn, opened.key_id) for opened in found]
        self._record_read(model, found, date, first, last, recorded)

        def frames() -> Iterator[pl.DataFrame]:
            for opened, key in zip(found, keys, strict=True):
                for frame in reader.stream(self._db, self._vault, key, opened, columns):
                    yield reader.dated(frame, opened) if dated else frame
                if not opened.chunks:
                    frame = reader.no_rows(opened, columns)
                    yield reader.dated(frame, opened) if dated else frame

        return frames()

    def lookup(
        self,
        model: str,
        keys: Sequence[Key],
        date: dt.date | None = None,
        version: int | None = None,
        at: int | None = None,
        columns: Sequence[str] | None = None,
        *,
        recorded: Recorded = READ,
        may: May = anybody,
    ) -> pl.DataFrame:
        """The rows of these entity keys, with their logical date in front; few chunks are opened.

        Everything is found in one read transaction, the few chunks' ciphertext included; the ledger's line is
        written before one of them is decrypted.

        Args:
            model: Its name.
            keys: For each key its values by key column, as Python values or text, or its values in the order
                of the newest output's key. With all key columns the filters find the chunks; with some of
                them all chunks are read.
            date: As in :meth:`read`; None looks through every date's head.
            version: As in :meth:`read`.
            at: As in :meth:`read`.
            columns: As in :meth:`read`.
            recorded: As in :meth:`read`; the ledger counts the keys and does not name them.
            may: As in :meth:`read`.

        Raises as :meth:`read`, and UsageError on a key that is none.
        """
        import polars as pl

        frames: list[pl.DataFrame] = []
        with self._db.read() as conn:
            may(conn)
            found = catalog.selected(conn, self._vault, model, date, version, at, None, None, self._known)
            jobs = []
            reader.check_columns(found, columns)
            asked = by_column(model, found[-1].version.key, keys)
            room = reader.AT_ONCE
            for opened in found:
                wanted = key_frame(opened.version.schema, opened.version.key, asked)
                key = self._vault.data_key(conn, opened.key_id)
                only = reader.holding(conn, self._vault, key, opened, wanted)
                early = reader.few(conn, opened, only, room)
                room -= len(early)
                jobs.append((opened, key, wanted, only, early))
        action, details = recorded
        self._record_read(model, found, date, None, None, (action, {**details, "keys": len(keys)}))
        for opened, key, wanted, only, early in jobs:
            names = list(columns) if columns is not None else list(opened.version.schema.names)
            found_in = reader.matching(self._db, self._vault, key, opened, wanted, names, only, early)
            hits = [reader.dated(frame, opened) for frame in found_in]
            frames += hits or [reader.dated(reader.no_rows(opened, names), opened)]
        return pl.concat(frames, how="vertical")

    def sql(
        self,
        query: str,
        models: Sequence[str],
        at: int | None = None,
        *,
        memory: int = sql.MEMORY,
        recorded: Recorded = SQL,
    ) -> pl.DataFrame:
        """One SELECT over decrypted outputs: each model is a table of its heads, with ``logical_date``.

        Args:
            query: DuckDB's SQL; may name tables out of ``models`` only.
            models: Names of all models; of those that the query names the caller must hold a grant.
            at: The heads as of this time.
            memory: Bytes that tables and query may use; more is an error, nothing is spilled.
            recorded: As in :meth:`read`; without the query, which may hold data.

        Raises UsageError, which shows no data, and as :meth:`read`.
        """

        def rows(model: str) -> Iterator[pl.DataFrame]:
            return self.read(model, at=at, dated=True, recorded=recorded)

        return sql.run(query, models, rows, memory)

    def _record_read(
        self,
        model: str,
        found: Sequence[Opened],
        date: dt.date | None,
        first: dt.date | None,
        last: dt.date | None,
        recorded: Recorded,
    ) -> None:
        """Before one row is handed out: a read that cannot be recorded is refused."""
        version = found[0].version
        if date is not None:
            subject = version.ref
        else:
            subject = f"{model}/{first or version.date}..{last or found[-1].version.date}"
        with self._db.write() as conn:
            action, details = recorded
            scope = Scope(version.department, model)
            add_entry(self._ledger, conn, self._vault, action, subject, scope, details)
