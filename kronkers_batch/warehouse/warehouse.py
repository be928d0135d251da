"""The warehouse: every output version of every model, encrypted; readers get the head of each date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from kronkers_batch.errors import KronkersError, NotFound
from kronkers_batch.frames.schema import Schema
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.store import seen
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.outputs import output_versions
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.notes import note
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import catalog, judging, log, reader, reserving, sql, standing
from kronkers_batch.warehouse.keys import Key, by_column, key_frame
from kronkers_batch.warehouse.opening import Opened, new_known, open_version
from kronkers_batch.warehouse.standing import DateStanding
from kronkers_batch.warehouse.versions import Head, Judgement, OutputVersion, Tell, day_of, parse_ref, untold
from kronkers_batch.warehouse.writer import OutputWriter

if TYPE_CHECKING:
    import polars as pl


May = Callable[[Connection], None]
"""Raises AccessRefused where the caller may not do what follows in the transaction."""


def anybody(_conn: Connection) -> None:
    """Asks for nothing beyond the keys, which a reader needs anyway."""


Told = tuple[str, Mapping[str, Any]]
"""What the ledger says of a reading: the action and details. No values of data."""
READ: Told = ("read", {})
SQL: Told = ("sql", {})


class Warehouse:
    """Writes and reads outputs with the caller's keys. Threads may share one.

    Args:
        database: Holds the tables.
        vault: The caller's keys.
        ledger: Where writing and reading is recorded.
    """

    def __init__(self, database: Database, vault: Vault, ledger: Ledger) -> None:
        self._db, self._vault, self._ledger = database, vault, ledger
        self._known = new_known()
        reader.keep_memory()

    # ------------------------------------------------------------ writing

    def begin(
        self, model: str, department: str, date: dt.date, fingerprint: str, schema: Schema, key: Sequence[str]
    ) -> OutputWriter:
        """Reserves a version of one date; or takes over the unfinished one with the same fingerprint.

        Args:
            model: Its name.
            department: Whose it is.
            date: The logical date.
            fingerprint: Of the scoring, hex.
            schema: The output's columns: the key, then what the model predicts.
            key: Names of the key columns; empty makes point reads read everything.

        Raises AccessRefused below operator, Stale where a finished one has this fingerprint, StoreError.
        """
        parts = reserving.Parts(self._db, self._vault, self._ledger)
        return reserving.begin(parts, model, department, date, fingerprint, schema, tuple(key))

    def judge(
        self,
        version: OutputVersion,
        missed: Sequence[str],
        why: str = "",
        thresholds: Sequence[str] = (),
        event: Tell = untold,
    ) -> OutputVersion:
        """Says anew whether a finished version may be seen; nothing is computed.

        With a threshold missed it is held, and the last good version of its date is the head again. With none
        it is published and the head, also where it was published all along and another one took its place:
        so a champion that is rolled back gets its outputs back. Without a change nothing is recorded;
        with one, also by which ``thresholds``, in words, and ``event`` is called last in the transaction.

        Raises NotFound where it was deleted, AccessRefused below operator.
        """
        with self._db.write() as conn:
            asked = (version, tuple(missed), why, thresholds, event)
            return judging.judge(conn, self._vault, self._ledger, *asked)

    def expire(
        self,
        model: str,
        before: dt.date,
        why: str = "retention",
        event: Callable[[Connection, list[str]], None] = untold,
    ) -> list[str]:
        """Deletes all outputs of the dates before a day: their keys are shredded, their pieces removed.

        Returns their refs, with which ``event`` is called last in the transaction where there are any.
        Unfinished versions of those dates go too. Where a reader keeps deleted keys in the write-ahead log,
        they are pending. Raises AccessRefused below operator.
        """
        with self._db.write() as conn:
            gone = judging.expire(conn, self._vault, self._ledger, model, before, why)
            if gone:
                event(conn, gone)
        if gone:
            self._db.scrub()
        return gone

    def shred(self, ref: str, why: str, event: Callable[[Connection, Scope, str], None] = untold) -> None:
        """Deletes one finished version: its keys are shredded, its pieces removed.

        Call :meth:`Database.scrub` afterwards. Where it was its date's head, the last good version before it
        is the head again. ``event`` is called last in the transaction, with whose it was and its ref. Raises
        UsageError, NotFound, AccessRefused below admin.
        """
        with self._db.write() as conn:
            row = catalog.numbered(conn, self._vault, *parse_ref(ref))
            judging.shred(conn, self._vault, self._ledger, row, why)
            event(conn, Scope(row.department, row.model), ref)

    # ------------------------------------------------------------ finding

    def find(self, model: str, date: dt.date, fingerprint: str) -> OutputVersion | None:
        """The newest finished version with this fingerprint, published or held; None where there is none.

        ``head`` says whether readers get it: where another version was published later they do not, and
        :meth:`judge` brings it back.
        """
        day = (model, date)
        with self._db.read() as conn:
            rows = standing.finished(conn, self._vault, [day])[day]
            if isinstance(rows, KronkersError):
                raise rows
            for row in reversed(rows):
                if row.fingerprint == fingerprint:
                    judged = log.lines(conn, self._vault, model, date)
                    return open_version(conn, self._vault, row, judged).version
        return None

    def standings(
        self, asked: Iterable[tuple[str, dt.date]], within: Connection | None = None
    ) -> dict[tuple[str, dt.date], DateStanding | KronkersError]:
        """What there is of each of many dates, in a number of statements that does not depend on how many.

        Args:
            asked: Models' names and logical dates.
            within: A read transaction to ask in; None begins one.

        Returns:
            For each its finished versions and its head, or what it cannot be told for: IntegrityError,
            AccessRefused. One date's error stops no other.
        """
        with self._db.reading(within) as conn:
            return standing.standings(conn, self._vault, list(dict.fromkeys(asked)))

    def outputs(self, model: str) -> list[OutputVersion]:
        """Every finished version, by date and number; what was deleted is left out."""
        columns = output_versions.c
        query = (
            select(output_versions)
            .where(
                columns.model == model,
                columns.state == "finished",
                self._vault.at_home(model, columns.department),
            )
            .order_by(columns.logical_date, columns.number)
        )
        with self._db.read() as conn:
            rows = conn.execute(query).all()
            logs = log.lines_by_date(conn, self._vault, model)
            self._vault.fetch_keys(conn, [row.record_key_id for row in rows])
            return [
                open_version(conn, self._vault, row, logs.get(day_of(row.logical_date), [])).version
                for row in rows
            ]

    def get(self, ref: str) -> OutputVersion:
        """One finished version, called ``NAME/2013-06-01#3``. Raises UsageError, NotFound."""
        with self._db.read() as conn:
            return catalog.open_numbered(conn, self._vault, *parse_ref(ref)).version

    def head(self, model: str, date: dt.date) -> OutputVersion | None:
        """What readers of a date get; None where there is nothing. Raises AccessRefused, IntegrityError."""
        with self._db.read() as conn:
            try:
                return catalog.open_head(conn, self._vault, model, date).version
            except NotFound:
                return None

    def dates(self, model: str) -> list[dt.date]:
        """The dates of which there are outputs, finished or not, by date; what was deleted is left out."""
        columns = output_versions.c
        there = columns.state.in_(["finished", "writing"])
        query = select(columns.logical_date).where(
            columns.model == model, there, self._vault.at_home(model, columns.department)
        )
        with self._db.read() as conn:
            found = conn.execute(query.distinct().order_by(columns.logical_date)).scalars().all()
        return [day_of(text) for text in found]

    def has_head(self, model: str, date: dt.date) -> bool:
        """Whether readers of a date get an output."""
        with self._db.read() as conn:
            return bool(log.head_of(log.lines(conn, self._vault, model, date)))

    def heads(
        self, model: str, at: int | None = None, *, first: dt.date | None = None, last: dt.date | None = None
    ) -> list[Head]:
        """Which version readers of each date get, by date.

        Args:
            model: Its name.
            at: As of this timestamp (microseconds since the epoch); None is now.
            first: First date; None is open, and costs more with each night.
            last: Last date; None is open.
        """
        with self._db.read() as conn:
            return catalog.list_heads(conn, self._vault, model, first, last, at)

    def head_ids(
        self, asked: Iterable[tuple[str, dt.date]], within: Connection | None = None
    ) -> dict[tuple[str, dt.date], str]:
        """The ids of what readers of models' dates get, by one statement; without dates that have nothing.

        Raises IntegrityError.
        """
        with self._db.reading(within) as conn:
            found = log.logs(conn, self._vault, list(dict.fromkeys(asked)))
        return {day: head for day, judged in found.items() if (head := log.head_of(seen.given(judged)))}

    def newest_head(self, model: str) -> Head | None:
        """What readers of the newest date get that has an output; None where none has."""
        with self._db.read() as conn:
            return catalog.newest_head(conn, self._vault, model)

    def history(self, model: str, date: dt.date) -> list[Judgement]:
        """What was published, held and deleted for a date, oldest first."""
        with self._db.read() as conn:
            return judging.history(conn, self._vault, model, date)

    # ------------------------------------------------------------ reading

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
        told: Told = READ,
        may: May = anybody,
    ) -> Iterator[pl.DataFrame]:
        """The rows of outputs in the order in which they were written: one frame a piece, at least one.

        Args:
            model: Its name.
            date: One logical date; None reads every date from ``first`` to ``last``, both included.
            version: A version number of that date instead of its head.
            at: The heads as of this moment, in microseconds since the epoch.
            columns: Only these, in this order.
            first: First date; None is open.
            last: Last date; None is open.
            dated: Puts the logical date before the columns, as ``logical_date``.
            told: What the ledger says of it: the action, and details.
            may: Raises AccessRefused where the caller may not; asked first, in the transaction that finds.

        Everything is found, verified and opened before this returns; pieces are verified one by one as they
        come. Raises NotFound, AccessRefused, IntegrityError, UsageError on a column that there is not and
        where the dates have not all the same columns.
        """
        with self._db.read() as conn:
            may(conn)
            found = catalog.selected(conn, self._vault, model, date, version, at, first, last, self._known)
            reader.check_columns(found, columns)
            keys = [self._vault.data_key(conn, opened.key_id) for opened in found]
        self._record_read(model, found, date, first, last, told)

        def frames() -> Iterator[pl.DataFrame]:
            for opened, key in zip(found, keys, strict=True):
                for frame in reader.stream(self._db, self._vault, key, opened, columns):
                    yield reader.dated(frame, opened) if dated else frame
                if not opened.pieces:
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
        told: Told = READ,
        may: May = anybody,
    ) -> pl.DataFrame:
        """The rows of these entity keys, with their logical date in front; few pieces are opened.

        Everything is found in one read transaction, the few pieces' ciphertext included; the ledger's line is
        written before one of them is decrypted.

        Args:
            model: Its name.
            keys: For each key its values by key column, as Python values or text, or its values in the order
                of the newest output's key. With all key columns the filters find the pieces; with some of
                them all pieces are read.
            date: As in :meth:`read`; None looks through every date's head.
            version: As in :meth:`read`.
            at: As in :meth:`read`.
            columns: As in :meth:`read`.
            told: As in :meth:`read`; the ledger counts the keys and does not name them.
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
        action, details = told
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
        told: Told = SQL,
    ) -> pl.DataFrame:
        """One SELECT over decrypted outputs: each model is a table of its heads, with ``logical_date``.

        Args:
            query: DuckDB's SQL; may name tables out of ``models`` only.
            models: Names of all models; of those that the query names the caller must hold a grant.
            at: The heads as of this moment.
            memory: Bytes that tables and query may use; more is an error, nothing is spilled.
            told: As in :meth:`read`; without the query, which may hold data.

        Raises UsageError, which shows no data, and as :meth:`read`.
        """

        def rows(model: str) -> Iterator[pl.DataFrame]:
            return self.read(model, at=at, dated=True, told=told)

        return sql.run(query, models, rows, memory)

    # ------------------------------------------------------------ inside

    def _record_read(
        self,
        model: str,
        found: Sequence[Opened],
        date: dt.date | None,
        first: dt.date | None,
        last: dt.date | None,
        told: Told,
    ) -> None:
        """Before one row is handed out: a read that cannot be recorded is refused."""
        version = found[0].version
        if date is not None:
            subject = version.ref
        else:
            subject = f"{model}/{first or version.date}..{last or found[-1].version.date}"
        with self._db.write() as conn:
            action, details = told
            scope = Scope(version.department, model)
            note(self._ledger, conn, self._vault, action, subject, scope, details)
