"""Snapshots: the checked rows of a source's window, frozen in encrypted pieces under a signed manifest."""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.checks import CheckResult
from kronkers_batch.data.profile import Profile
from kronkers_batch.data.window import Window
from kronkers_batch.errors import AccessRefused, NotFound
from kronkers_batch.frames.schema import Schema
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.vault import rights
from kronkers_batch.vault.context import DataKey, Kind, Scope, Signature
from kronkers_batch.vault.manifest import Manifest, open_manifest, seal_manifest
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.data.freezing import Frozen
    from kronkers_batch.data.sources.output import OutputReader

WRITING, READY = "writing", "ready"
_FOLDER = "snapshots"
_REMEMBERED = 64


@dataclass(frozen=True)
class SnapshotRef:
    """A frozen snapshot; read its rows with :meth:`Snapshots.read`.

    ``identity`` is the source's cheap identity when it was read, ``fingerprint`` the digest of its contents,
    ``results`` those of all checks, ``created`` microseconds since the epoch.
    """

    id: str
    source: str
    department: str
    window: Window
    identity: str
    rows: int
    fingerprint: str
    schema: Schema
    profile: Profile
    results: tuple[CheckResult, ...]
    created: int


@dataclass(frozen=True)
class _Opened:
    ref: SnapshotRef
    manifest: Manifest
    key: DataKey


class Snapshots:
    """Freezes, finds and reads snapshots. Opens nothing until used.

    Args:
        db: The database, migrated.
        artifacts: Where pieces go: ``snapshots/DEPARTMENT/SOURCE/ID/PIECE``.
        vault: The caller's.
    """

    def __init__(self, db: Database, artifacts: ArtifactStore, vault: Vault) -> None:
        self._db, self._artifacts, self._vault = db, artifacts, vault
        self._opened: dict[str, _Opened] = {}

    # ------------------------------------------------------------ finding

    def find(self, source_name: str, window: Window, identity: str) -> SnapshotRef | None:
        """The snapshot of these rows, if there is one: sources that models share are frozen once.

        What the caller may not read counts as not there. Raises IntegrityError.
        """
        with self._db.read() as conn:
            found = select(table.c.department).where(table.c.source == source_name).distinct()
            for department in conn.execute(found).scalars():
                try:
                    wanted = self._lookup(conn, department, source_name, window, identity)
                except (NotFound, AccessRefused):
                    continue  # nothing was frozen under it yet, or the caller has no key of it
                if row := _ready(conn, wanted):
                    return self._open(conn, row).ref
        return None

    def frozen_before(self, source_name: str, window: Window) -> bool:
        """Whether this window was frozen at some time, of whichever state of the source."""
        query = select(table.c.id).where(
            table.c.source == source_name,
            table.c.window_start.is_not_distinct_from(_moment(window.start)),
            table.c.window_end.is_not_distinct_from(_moment(window.end)),
            table.c.state == READY,
        )
        with self._db.read() as conn:
            return conn.execute(query.limit(1)).first() is not None

    def get(self, snapshot_id: str) -> SnapshotRef:
        """The snapshot of that id, verified. Raises NotFound, AccessRefused, IntegrityError."""
        return self._get(snapshot_id).ref

    # ------------------------------------------------------------ reading

    def read(self, ref: SnapshotRef, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows, one frame a piece, in order; the next piece is fetched and opened meanwhile.

        The signed manifest is verified first, and each piece's digest before it is decrypted.

        Args:
            columns: Which, in which order; None is all.

        Raises:
            IntegrityError: Something is not as it was frozen. NotFound: a piece is gone.
            AccessRefused: The caller may not read it.
        """
        from kronkers_batch.data import freezing

        opened = self._get(ref.id)
        folder = _folder(ref.department, ref.source, ref.id)
        yield from freezing.thaw(self._artifacts, self._vault, opened.key, opened.manifest, folder, columns)

    # ------------------------------------------------------------ freezing

    def ingest(
        self,
        source: SourceSpec,
        window: Window,
        identity: str,
        readers: OutputReader | None,
        *,
        sources: Mapping[str, SourceSpec],
        chunk_rows: int,
        piece_rows: int,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> SnapshotRef:
        """Reads, checks and freezes a window of a source; publishes all of it or nothing.

        Args:
            identity: The source's cheap identity, asked **before** this call: rows that change meanwhile
                give a snapshot that the next question does not find.
            readers: Reads other models' outputs; None where the source needs none.
            sources: Every declared source by name.
            chunk_rows: Rows in memory at a time.
            piece_rows: Rows of an encrypted piece.
            progress: Called with the number of rows read so far.

        Raises:
            SourceError: It cannot be read, or is not as declared. CheckFailed: a check failed.
            AccessRefused: The caller may not write in the source's department. StoreError.
        """
        from kronkers_batch.data import freezing
        from kronkers_batch.data.stream import CheckedRows

        rows = CheckedRows(source, window, readers, sources=sources, chunk_rows=chunk_rows)
        snapshot_id = new_id()
        key = self._begin(source, window, identity, snapshot_id)
        folder = _folder(source.department, source.name, snapshot_id)
        try:
            frozen = freezing.freeze(
                rows, source, self._artifacts, self._vault, key, folder, piece_rows, progress
            )
            ready = self._publish(source, window, identity, snapshot_id, key, frozen)
        except BaseException:
            self._undo(snapshot_id, key, folder)
            raise
        if ready.id != snapshot_id:
            self._undo(snapshot_id, key, folder)
        return ready

    def _begin(self, source: SourceSpec, window: Window, identity: str, snapshot_id: str) -> DataKey:
        scope = Scope(source.department)
        with self._db.write() as conn:
            rights.require(self._vault, conn, scope, "freeze")
            key = self._vault.new_data_key(conn, scope, Kind.SNAPSHOT, snapshot_id)
            conn.execute(
                insert(table).values(
                    id=snapshot_id,
                    source=source.name,
                    department=source.department,
                    window_start=_moment(window.start),
                    window_end=_moment(window.end),
                    lookup=self._lookup(conn, source.department, source.name, window, identity),
                    state=WRITING,
                    created=clock.now(),
                    key_id=key.id,
                    signer="",
                    signer_key="",
                )
            )
        return key

    def _publish(
        self,
        source: SourceSpec,
        window: Window,
        identity: str,
        snapshot_id: str,
        key: DataKey,
        frozen: Frozen,
    ) -> SnapshotRef:
        created = clock.now()
        manifest = Manifest(
            Kind.SNAPSHOT,
            source.department,
            source.name,
            snapshot_id,
            created,
            frozen.pieces,
            source.schema,
            lineage={"identity": identity, "window": window.to_json()},
            extra={
                "fingerprint": frozen.fingerprint,
                "profile": frozen.profile.to_json(),
                "results": [r.to_json() for r in frozen.results],
            },
        )
        blob, signature = seal_manifest(self._vault, key, manifest)
        with self._db.write() as conn:
            lookup = self._lookup(conn, source.department, source.name, window, identity)
            serialise(conn, f"snapshot {lookup}")
            if earlier := _ready(conn, lookup):
                return self._open(conn, earlier).ref  # another process was faster; one is enough
            done = conn.execute(
                update(table)
                .where(table.c.id == snapshot_id, table.c.state == WRITING)
                .values(
                    state=READY,
                    created=created,
                    manifest=blob,
                    signer=signature.principal,
                    signer_key=signature.key_id,
                    signature=signature.value,
                )
            )
            if done.rowcount != 1:
                raise NotFound(
                    "the snapshot was swept away while it was being written",
                    where=f"source {source.name}",
                    fix="Run the command again.",
                )
        return _ref(manifest)

    def _undo(self, snapshot_id: str, key: DataKey, folder: str) -> None:
        """Takes back what an ingest left: its pieces, its key and its row."""
        for path in self._artifacts.list(folder):
            self._artifacts.delete(path)
        with self._db.write() as conn:
            self._vault.shred(conn, key.id)
            conn.execute(delete(table).where(table.c.id == snapshot_id, table.c.state == WRITING))

    # ------------------------------------------------------------ tidying

    def sweep(self, older_than: dt.timedelta = dt.timedelta(days=1)) -> int:
        """Removes what killed ingests left (ciphertext only); returns how many there were.

        Args:
            older_than: Younger ones may still be running and stay.
        """
        before = clock.now() - older_than // dt.timedelta(microseconds=1)
        with self._db.read() as conn:
            unfinished = select(table).where(table.c.state == WRITING, table.c.created < before)
            rows = conn.execute(unfinished).all()
        for row in rows:
            for path in self._artifacts.list(_folder(row.department, row.source, row.id)):
                self._artifacts.delete(path)
            with self._db.write() as conn:
                self._vault.shred(conn, row.key_id)
                conn.execute(delete(table).where(table.c.id == row.id, table.c.state == WRITING))
        self._artifacts.sweep(before / 1e6)
        return len(rows)

    # ------------------------------------------------------------ helpers

    def _get(self, snapshot_id: str) -> _Opened:
        if known := self._opened.get(snapshot_id):
            return known
        with self._db.read() as conn:
            query = select(table).where(table.c.id == snapshot_id, table.c.state == READY)
            row = conn.execute(query).one_or_none()
            if row is None:
                raise NotFound(
                    "there is no such snapshot",
                    where=snapshot_id,
                    fix="List the runs to see which there are.",
                )
            return self._open(conn, row)

    def _open(self, conn: Connection, row: Row[Any]) -> _Opened:
        key = self._vault.data_key(conn, row.key_id)
        signature = Signature(row.signer, row.signer_key, row.signature)
        expected = (Kind.SNAPSHOT, row.department, row.source, row.id)
        manifest = open_manifest(self._vault, conn, key, *expected, row.manifest, signature)
        opened = _Opened(_ref(manifest), manifest, key)
        while len(self._opened) >= _REMEMBERED:
            self._opened.pop(next(iter(self._opened)))
        self._opened[row.id] = opened
        return opened

    def _lookup(self, conn: Connection, department: str, source: str, window: Window, identity: str) -> str:
        """What a snapshot is found by. Keyed: the digest alone would confirm a guess of paths and sizes."""
        key = self._vault.filter_key(conn, Scope(department))
        start, end = (v or "" for v in window.to_json().values())
        fields = encode("kronkers-batch snapshot lookup 1", department, source, start, end, identity)
        return hmac.digest(key, fields, "sha256").hex()


def _ready(conn: Connection, lookup: str) -> Row[Any] | None:
    query = select(table).where(table.c.lookup == lookup, table.c.state == READY).order_by(table.c.id)
    return conn.execute(query).first()


def _ref(manifest: Manifest) -> SnapshotRef:
    return SnapshotRef(
        id=manifest.version_id,
        source=manifest.name,
        department=manifest.department,
        window=Window.from_json(manifest.lineage["window"]),
        identity=manifest.lineage["identity"],
        rows=manifest.rows,
        fingerprint=manifest.extra["fingerprint"],
        schema=manifest.schema,
        profile=Profile.from_json(manifest.extra["profile"]),
        results=tuple(CheckResult.from_json(r) for r in manifest.extra["results"]),
        created=manifest.created,
    )


def _folder(department: str, source: str, snapshot_id: str) -> str:
    return f"{_FOLDER}/{department}/{source}/{snapshot_id}"


def _moment(moment: dt.datetime | None) -> int | None:
    return None if moment is None else clock.from_datetime(moment)
