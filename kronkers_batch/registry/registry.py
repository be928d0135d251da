"""The registry: immutable model versions, and which of them is the champion."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from kronkers_batch.errors import IntegrityError, KronkersError, NotFound, Stale, UsageError
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.registry import champions, records, standing, sweeping, trained_on
from kronkers_batch.registry.champions import PROMOTE, ROLLBACK, Line
from kronkers_batch.registry.records import Draft, VersionRow
from kronkers_batch.registry.standing import Asked, Standing
from kronkers_batch.registry.training import ModelVersion, Promotion, Training
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.vault import signed_log
from kronkers_batch.vault.context import Kind, Scope
from kronkers_batch.vault.manifest import ChunkEntry, check_chunk, digest
from kronkers_batch.vault.vault import Vault

Tell = Callable[[Connection, Scope, str], None]
"""Called last in a writing transaction, with whose the version is and its ref: writes its event."""


def no_event(_conn: Connection, *_about: object) -> None:
    """Writes no event."""


class Registry:
    """Records, finds and promotes model versions with the caller's keys. Threads may share one.

    Args:
        database: Holds the versions' records.
        artifacts: Holds the sealed artifacts.
        vault: The caller's keys.
        ledger: Where recording and promoting is reported.
    """

    def __init__(self, database: Database, artifacts: ArtifactStore, vault: Vault, ledger: Ledger) -> None:
        self._db, self._artifacts, self._vault, self._ledger = database, artifacts, vault, ledger

    # ------------------------------------------------------------ versions

    def record(
        self,
        training: Training,
        artifact: bytes,
        details: Mapping[str, Any] | None = None,
        *,
        promote: str = "",
        event: Callable[[Connection, ModelVersion], None] = no_event,
    ) -> ModelVersion:
        """Makes the next version of a model: sealed, signed, and never changed again.

        A crash on the way leaves no version; nor does one leave a version whose promotion is lost.

        Args:
            training: What was trained, and how.
            artifact: The fitted model, as the worker saved it.
            details: For the ledger's lines, besides the reasons and the fingerprints.
            promote: The reason why it becomes the champion, in the same transaction; empty: it does not.
            event: Writes the event, in the transaction of all this.

        Raises AccessRefused below operator, and to promote below approver, GateFailed, StoreError.
        """
        scope, version_id, vault = Scope(training.department, training.model), new_id(), self._vault
        with self._db.write() as conn:
            permissions.require(vault, conn, scope, "record")
            data_key = vault.new_data_key(conn, scope, Kind.ARTIFACT, version_id)
            record_key = vault.new_data_key(conn, scope, Kind.RECORD, version_id)
        # Between the transactions: an artifact may be large, and the write lock is everybody's.
        blob = vault.seal(data_key, records.artifact_context(training, version_id), artifact)
        self._artifacts.write(records.artifact_path(training.department, training.model, version_id), blob)
        draft = Draft(version_id, data_key, record_key, ChunkEntry(0, 0, digest(blob), size=len(blob)))
        with self._db.write() as conn:
            if promote:
                serialise(conn, f"champions:{training.model}")
            row = records.insert_version(conn, vault, draft, training)
            version = records.open_version(conn, vault, row, golden=True)
            add_entry(
                self._ledger,
                conn,
                vault,
                "record",
                version.ref,
                scope,
                {**records.ledger_details(training), **(details or {}), "manifest": digest(row.manifest)},
            )
            if promote:
                champions.refuse_missed(version.ref, training.verdict)
                log = champions.lines(conn, vault, training.model)
                self._append(conn, row, log, PROMOTE, promote, {"missed": [], **(details or {})})
            event(conn, version)
        return version

    def shred(self, model: str, number: int, why: str, event: Tell = no_event) -> None:
        """Deletes a version's keys and artifact: nobody can open it again, and its number is not used again.

        ``event`` is called last in the transaction.

        Call :meth:`Database.scrub` afterwards. Raises NotFound, UsageError for the champion, AccessRefused
        below admin.
        """
        with self._db.write() as conn:
            serialise(conn, f"champions:{model}")
            row = self._numbered(conn, model, number)
            scope = Scope(row.department, model)
            permissions.require(self._vault, conn, scope, "shred")
            log = champions.lines(conn, self._vault, model)
            if log and log[-1].version_id == row.id:
                raise UsageError(
                    "this version is the champion, which scores every night",
                    where=f"{model}@{number}",
                    fix=f"Promote another version of {model} first, or disable it (enabled: false).",
                )
            gone = {"state": "deleted", "manifest": b"", "golden": b""}
            conn.execute(update(model_versions).where(model_versions.c.id == row.id).values(**gone))
            for key_id in (row.key_id, row.record_key_id):
                self._vault.shred(conn, key_id)
            trained_on.release(conn, row.snapshot_id)
            add_entry(self._ledger, conn, self._vault, "shred", f"{model}@{number}", scope, {"why": why})
            event(conn, scope, f"{model}@{number}")
        # After the commit: an artifact without its key is noise, a version without its artifact is damaged.
        self._artifacts.delete(records.artifact_path(row.department, model, row.id))

    def sweep(self, older_than: dt.timedelta = dt.timedelta(days=1)) -> int:
        """Removes what killed trainings left without a version; returns how many there were.

        Args:
            older_than: Younger ones may belong to a training that still runs, and stay.
        """
        before = clock.now() - older_than // dt.timedelta(microseconds=1)
        return sweeping.sweep(self._db, self._artifacts, self._vault, before)

    def get(self, model: str, number: int) -> ModelVersion:
        """One version. Raises NotFound, IntegrityError, AccessRefused."""
        with self._db.read() as conn:
            return records.open_version(conn, self._vault, self._numbered(conn, model, number), golden=True)

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version, oldest first; without golden rows."""
        query = (
            select(model_versions)
            .where(model_versions.c.model == model, model_versions.c.state == "ready", self._at_home(model))
            .order_by(model_versions.c.number)
        )
        with self._db.read() as conn:
            rows = conn.execute(query).all()
            self._vault.fetch_keys(conn, [row.record_key_id for row in rows])
            return [records.open_version(conn, self._vault, row, golden=False) for row in rows]

    def standings(
        self, models: Mapping[str, Asked], at: int | None = None, within: Connection | None = None
    ) -> dict[str, Standing | KronkersError]:
        """What there is of each of many models, in a number of statements that does not depend on how many.

        Args:
            models: By name what is asked.
            at: As of when :attr:`Standing.then` is, in microseconds since the epoch; None is now.
            within: A read transaction to ask in; None begins one.

        Returns:
            For each model its standing, or why it has none: IntegrityError, AccessRefused. One
            model's error stops no other.
        """
        with self._db.reading(within) as conn:
            return standing.standings(conn, self._vault, models, at)

    def artifact(self, version: ModelVersion) -> bytes:
        """The version's artifact, as the worker saved it; verified before one byte is returned, and recorded.

        Raises IntegrityError, AccessRefused below reader, NotFound where it was deleted.
        """
        with self._db.read() as conn:
            row = self._numbered(conn, version.model, version.number)
            if row.id != version.id:
                raise IntegrityError(
                    "another version now has this number", where=version.ref, fix=records.RESTORE
                )
            entry = records.artifact_entry(records.verified(conn, self._vault, row), row)
            key = self._vault.data_key(conn, row.key_id)
        with self._db.write() as conn:  # before a byte is decrypted
            scope = Scope(row.department, row.model)
            add_entry(self._ledger, conn, self._vault, "open", version.ref, scope)
        path = records.artifact_path(row.department, row.model, row.id)
        blob = self._artifacts.read(path, entry.limit, cut=True)
        check_chunk(entry, blob)
        return self._vault.unseal(key, records.artifact_context(version.training, row.id), blob)

    # ------------------------------------------------------------ champions

    def champion(self, model: str, at: int | None = None) -> ModelVersion | None:
        """The version in use, now or at a time (microseconds since the epoch); None where there is none."""
        with self._db.read() as conn:
            log = signed_log.until(champions.lines(conn, self._vault, model), at)
            return standing.Opening(conn, self._vault).champion(log)

    def champion_id(self, model: str, within: Connection | None = None) -> str:
        """The id of the version in use; empty where there is none. Opens none. Raises IntegrityError."""
        with self._db.reading(within) as conn:
            log = champions.lines(conn, self._vault, model)
            return log[-1].version_id if log else ""

    def history(self, model: str) -> list[Promotion]:
        """Every promotion and rollback, oldest first. Of a deleted version the reason is gone."""
        with self._db.read() as conn:
            log = champions.lines(conn, self._vault, model)
            self._vault.fetch_keys(conn, [line.record_key_id for line in log])
            before: list[Line | None] = [None, *log]
            return [
                champions.opened(conn, self._vault, line, old) for line, old in zip(log, before, strict=False)
            ]

    def promote(
        self,
        model: str,
        number: int,
        why: str,
        expected: int | None = None,
        *,
        force: bool = False,
        missed: Sequence[str] | None = None,
        details: Mapping[str, Any] | None = None,
        event: Tell = no_event,
    ) -> Promotion:
        """Makes a version the champion; promoting the champion again changes nothing, and is not recorded.

        Args:
            model: Its name.
            number: Of the version.
            why: The reason, kept in the log.
            expected: Number of the champion that the caller believes in (0 for none); another one is Stale.
            force: Although a threshold is missed.
            missed: The thresholds that it misses today; None: those that it missed when it was trained.
            details: For the ledger's line, besides the reason and the fingerprint.
            event: Writes the event, in the same transaction.

        Raises GateFailed, Stale, NotFound, UsageError without a reason, AccessRefused below approver.
        """
        with self._db.write() as conn:
            row, log = self._locked(conn, model, number, why)
            now = log[-1].number if log else 0
            if expected is not None and expected != now:
                raise Stale(
                    f"the champion changed meanwhile: it is {f'{model}@{now}' if now else 'none'} now",
                    where=model,
                    fix=f"Compare the versions with `kronkers versions {model}`, then run the command again.",
                )
            version = records.open_version(conn, self._vault, row, golden=False)
            failed = version.training.verdict if missed is None else missed
            if not force:
                champions.refuse_missed(version.ref, failed)
            recorded = {"missed": list(failed), **(details or {})}
            return self._append(conn, row, log, PROMOTE, why, recorded, event)

    def rollback(self, model: str, to: int | None = None, why: str = "", event: Tell = no_event) -> Promotion:
        """Makes the champion before the present one, or the version ``to``, the champion again.

        Raises NotFound where there was none before, UsageError without a reason or where ``to`` never was
        champion, AccessRefused below approver.
        """
        with self._db.write() as conn:
            log = champions.lines(conn, self._vault, model)
            number = champions.before(model, log, to)
            row, log = self._locked(conn, model, number, why)
            return self._append(conn, row, log, ROLLBACK, why, event=event)

    # ------------------------------------------------------------ inside

    def _at_home(self, model: str) -> ColumnElement[bool]:
        return self._vault.at_home(model, model_versions.c.department)

    def _numbered(self, conn: Connection, model: str, number: int) -> VersionRow:
        table = model_versions.c
        query = select(model_versions).where(
            table.model == model, table.number == number, self._at_home(model)
        )
        row = conn.execute(query).one_or_none()
        if row is None or row.state != "ready":
            what = "does not exist" if row is None else "was deleted"
            raise NotFound(f"{model}@{number} {what}", fix=f"See which there are: kronkers versions {model}")
        return row

    def _locked(self, conn: Connection, model: str, number: int, why: str) -> tuple[VersionRow, list[Line]]:
        if not why.strip():
            raise UsageError("a reason is needed", where=f"{model}@{number}", fix='Add: --why "REASON"')
        serialise(conn, f"champions:{model}")
        row = self._numbered(conn, model, number)
        permissions.require(self._vault, conn, Scope(row.department, model), "promote")
        return row, champions.lines(conn, self._vault, model)

    def _append(
        self,
        conn: Connection,
        row: VersionRow,
        log: list[Line],
        action: str,
        why: str,
        details: Mapping[str, Any] | None = None,
        event: Tell = no_event,
    ) -> Promotion:
        if log and log[-1].version_id == row.id:
            return champions.opened(conn, self._vault, log[-1], log[-2] if len(log) > 1 else None)
        scope = Scope(row.department, row.model)
        key = self._vault.key_of(conn, row.record_key_id, scope, Kind.RECORD, row.id)
        line = champions.append(conn, self._vault, key, row, action, why)
        recorded = {"why": why, "from": log[-1].number if log else None, "definition": row.definition}
        recorded |= details or {}
        add_entry(self._ledger, conn, self._vault, action, f"{row.model}@{row.number}", scope, recorded)
        event(conn, scope, f"{row.model}@{row.number}")
        return champions.promotion(self._vault, key, line, log[-1] if log else None)
