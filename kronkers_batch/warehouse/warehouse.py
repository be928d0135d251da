"""The warehouse: every output version of every model, encrypted; readers get the head of each date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from kronkers_batch.errors import KronkersError, NotFound
from kronkers_batch.frames.schema import Schema
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.store import seen
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.outputs import output_versions
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import catalog, date_standing, judging, log
from kronkers_batch.warehouse.date_standing import DateStanding
from kronkers_batch.warehouse.opened_version import new_known, open_version
from kronkers_batch.warehouse.versions import (
    Head,
    Judgement,
    OutputVersion,
    Tell,
    day_of,
    no_event,
    parse_ref,
)

if TYPE_CHECKING:
    from kronkers_batch.warehouse.output_rows import OutputRows
    from kronkers_batch.warehouse.writer import OutputWriter


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

    @cached_property
    def rows(self) -> OutputRows:
        """The rows of outputs. Imported when somebody reads some: who lists outputs needs no frames."""
        from kronkers_batch.warehouse.output_rows import OutputRows

        return OutputRows(self._db, self._vault, self._ledger, self._known)

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
        from kronkers_batch.warehouse import reserving

        parts = reserving.Parts(self._db, self._vault, self._ledger)
        return reserving.begin(parts, model, department, date, fingerprint, schema, tuple(key))

    def judge(
        self,
        version: OutputVersion,
        missed: Sequence[str],
        why: str = "",
        thresholds: Sequence[str] = (),
        event: Tell = no_event,
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
        event: Callable[[Connection, list[str]], None] = no_event,
    ) -> list[str]:
        """Deletes all outputs of the dates before a day: their keys are shredded, their chunks removed.

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

    def shred(self, ref: str, why: str, event: Callable[[Connection, Scope, str], None] = no_event) -> None:
        """Deletes one finished version: its keys are shredded, its chunks removed.

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
            rows = date_standing.finished(conn, self._vault, [day])[day]
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
            For each its finished versions and its head, or why there are none: IntegrityError,
            AccessRefused. One date's error stops no other.
        """
        with self._db.reading(within) as conn:
            return date_standing.standings(conn, self._vault, list(dict.fromkeys(asked)))

    def outputs(self, model: str, first: dt.date | None = None) -> list[OutputVersion]:
        """Every finished version, by date and number; what was deleted is left out.

        ``first`` is the first date; None is open.
        """
        columns = output_versions.c
        query = (
            select(output_versions)
            .where(
                columns.model == model,
                columns.state == "finished",
                columns.logical_date >= (first.isoformat() if first else ""),
                self._vault.at_home(model, columns.department),
            )
            .order_by(columns.logical_date, columns.number)
        )
        with self._db.read() as conn:
            rows = conn.execute(query).all()
            logs = log.lines_by_date(conn, self._vault, model, first)
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

    # ------------------------------------------------------------ inside
