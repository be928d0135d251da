"""Writing one output version: land chunks, sign, publish. Until it is published no reader sees it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update

from kronkers_batch.errors import DataError, Stale
from kronkers_batch.frames.schema import Schema
from kronkers_batch.store import clock
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.tables.outputs import output_pieces, output_versions
from kronkers_batch.vault.context import DataKey, Kind
from kronkers_batch.vault.manifest import ChunkEntry, Manifest, check_chunk, digest, seal_manifest
from kronkers_batch.vault.sealing import key_check
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import catalog, filters, log, output_chunks
from kronkers_batch.warehouse.keyhash import hash_keys
from kronkers_batch.warehouse.landing import Landing
from kronkers_batch.warehouse.opened_version import Group, open_version
from kronkers_batch.warehouse.output_chunks import Entry, Place
from kronkers_batch.warehouse.versions import IN_LEDGER, OutputVersion, Tell, day_of, no_event

if TYPE_CHECKING:
    import polars as pl

AddEntry = Callable[[Connection, str, str, Mapping[str, object]], None]
"""Called in the publishing transaction with the action, the version's ref and details: the ledger's line."""


@dataclass(frozen=True)
class Reservation:
    """What :meth:`Warehouse.begin` reserved: one unfinished version, and the right to write it."""

    place: Place
    number: int
    token: int  # fencing token: only the newest may write
    created: int
    data_key: DataKey
    record_key: DataKey
    log_length: int  # length of the date's log when this writer began
    fingerprint: str
    schema: Schema
    key: tuple[str, ...]
    filter_key: bytes = field(repr=False)

    @property
    def ref(self) -> str:
        """How people call the version."""
        return f"{self.place.name}#{self.number}"


class OutputWriter:
    """Writes one output version. Not for several threads; another process begins again and takes over.

    Args:
        database: Where the chunks land.
        vault: Seals and signs.
        reserved: What was reserved.
        landed: Chunks of an earlier, interrupted writer, whose digests fit.
        add_entry: Writes the ledger's line.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        reserved: Reservation,
        landed: Mapping[int, Entry],
        add_entry: AddEntry,
    ) -> None:
        self._db, self._vault, self._reserved, self._add_entry = database, vault, reserved, add_entry
        self.schema = reserved.schema
        self._schema_digest = reserved.schema.digest()
        self._key_schema = reserved.schema.select(reserved.key)
        self._landed = dict(landed)
        self._landing = Landing(database, reserved.place.version_id, reserved.token, reserved.ref)
        self._entries: dict[int, Entry] = {}  # chunks of this version, in the database or waiting
        self._filters: dict[int, filters.Blocks] = {}
        self._groups: dict[int, Group] = {}
        self.written = 0  # chunks that this writer had to write

    @property
    def ref(self) -> str:
        """How people will call the version."""
        return self._reserved.ref

    @property
    def done(self) -> frozenset[int]:
        """Numbers of the chunks that an interrupted writer landed and that are intact."""
        return frozenset(self._landed)

    def put(self, number: int, frame: pl.DataFrame) -> None:
        """One chunk. A chunk that landed already with the same contents is not written again.

        Args:
            number: The chunk's place, from 0; the same number again replaces it.
            frame: Exactly the schema's columns, in order.

        Raises DataError on other columns, Stale when another writer took over, StoreError.
        """
        if tuple(frame.columns) != self.schema.names:
            raise DataError(
                "an output chunk has other columns than declared",
                where=f"{self.ref}, chunk {number}",
                fix="Write under output.columns the columns and types that score returns.",
            )
        plain = output_chunks.encode(frame)
        content = digest(plain)
        landed = self._landed.get(number)
        if landed is not None and (landed.content, landed.rows) == (content, frame.height):
            self._entries[number] = landed
        else:
            self._seal_chunk(number, frame.height, plain, content)
        if len(self._key_schema):
            hashes = hash_keys(frame, self._key_schema, self._reserved.filter_key)
            self._add_filter(number, filters.build(hashes))
        if self._landing.due:
            self._landing.flush()

    def flush(self) -> None:
        """Lands what waits now. Raises Stale, StoreError."""
        self._landing.flush()

    def finish(
        self,
        lineage: Mapping[str, object],
        stats: Mapping[str, float],
        missed: tuple[str, ...] = (),
        event: Tell = no_event,
    ) -> OutputVersion:
        """Signs the manifest and publishes, or holds where a threshold is missed; one transaction.

        The version has the chunks put by this writer; what an earlier one landed beyond them goes. ``event``
        is called last in the transaction, with the version.

        Raises Stale when another writer took over, or published this date meanwhile; DataError when a chunk
        in the middle is missing; StoreError.
        """
        self._refuse_gaps()
        self._complete_groups()
        reserved, place = self._reserved, self._reserved.place
        sealed, signature = seal_manifest(self._vault, reserved.record_key, self._manifest(lineage, stats))
        action = log.HOLD if missed else log.PUBLISH
        with self._db.write() as conn:
            self._landing.land(conn)
            self._landing.drop_beyond(conn, len(self._entries), len(self._groups))
            judged = self._log_unless_moved(conn)
            values = {
                "state": "finished",
                "finished": clock.now(),
                "manifest": sealed,
                "signer": signature.principal,
                "signer_key": signature.key_id,
                "signature": signature.value,
            }
            mine = output_versions.c.id == place.version_id
            conn.execute(update(output_versions).where(mine).values(values))
            head = log.head_of(judged) if missed else place.version_id
            key = reserved.record_key
            line = log.append(conn, self._vault, key, place, action, head, missed=missed)
            details = {name: lineage[name] for name in IN_LEDGER if name in lineage}
            details |= {"fingerprint": reserved.fingerprint, "missed": list(missed)}
            details["manifest"] = digest(sealed)
            self._add_entry(conn, action, self.ref, details)
            row = catalog.row_of(conn, place.version_id)
            result = open_version(conn, self._vault, row, [*judged, line]).version
            event(conn, result)
        self._landing.forget()
        return result

    def _seal_chunk(self, number: int, rows: int, plain: bytes, content: str) -> None:
        place, key = self._reserved.place, self._reserved.data_key
        blob = self._vault.seal(key, place.chunk(number, rows, self._schema_digest), plain)
        entry = Entry(rows, digest(blob), content, self._schema_digest)
        self._entries[number] = entry
        self._landed.pop(number, None)
        self._landing.add_chunk(number, self._vault.seal(key, place.entry(number), entry.to_bytes()), blob)
        self.written += 1

    # ------------------------------------------------------------ filters

    def _add_filter(self, number: int, blocks: filters.Blocks) -> None:
        self._filters[number] = blocks
        part = number // filters.GROUP
        self._groups.pop(part, None)
        first = part * filters.GROUP
        if all(first + i in self._filters for i in range(filters.GROUP)):
            self._seal_group(part, filters.GROUP)

    def _complete_groups(self) -> None:
        """Seals the groups that are not yet, with the filters of chunks whose group was sealed before."""
        count = len(self._entries)
        for part in range(-(-count // filters.GROUP) if len(self._key_schema) else 0):
            if part in self._groups:
                continue
            first = part * filters.GROUP
            members = range(first, min(first + filters.GROUP, count))
            unknown = [number for number in members if number not in self._filters]
            if unknown:
                self._landing.flush()
            self._filters.update((number, self._filter_of_landed(number)) for number in unknown)
            self._seal_group(part, len(members))

    def _filter_of_landed(self, number: int) -> filters.Blocks:
        reserved, entry, table = self._reserved, self._entries[number], output_pieces.c
        mine = (table.version_id == reserved.place.version_id, table.number == number)
        with self._db.read() as conn:
            blob = conn.execute(select(table.data).where(*mine)).scalar_one()
        check_chunk(ChunkEntry(number, entry.rows, entry.digest, entry.schema), blob)
        context = reserved.place.chunk(number, entry.rows, entry.schema)
        frame = output_chunks.decode(self._vault.unseal(reserved.data_key, context, blob), reserved.key)
        return filters.build(hash_keys(frame, self._key_schema, reserved.filter_key))

    def _seal_group(self, part: int, count: int) -> None:
        first = part * filters.GROUP
        layout, plain = filters.assemble(first, [self._filters.pop(first + i) for i in range(count)])
        place, key = self._reserved.place, self._reserved.data_key
        index = [self._vault.seal(key, place.filter(part, n), page) for n, page in enumerate(plain)]
        self._landing.add_filters(part, index)
        self._groups[part] = Group(layout, b"".join(hashlib.sha256(blob).digest() for blob in index))

    # ------------------------------------------------------------ finishing

    def _refuse_gaps(self) -> None:
        missing = sorted(set(range(len(self._entries))) - set(self._entries))
        if missing:
            raise DataError(
                f"chunk {missing[0]} is missing, though later chunks were written",
                where=self.ref,
                fix="Run again: what was computed is kept.",
            )

    def _log_unless_moved(self, conn: Connection) -> list[log.Line]:
        place = self._reserved.place
        serialise(conn, f"output_log:{place.name}")
        judged = log.lines(conn, self._vault, place.model, day_of(place.date))
        since = judged[self._reserved.log_length :]
        if any(line.action == log.PUBLISH for line in since):
            raise Stale(
                "another output of this date was published meanwhile",
                where=self.ref,
                fix="Run again if this one should replace it: what was computed is kept.",
            )
        return judged

    def _manifest(self, lineage: Mapping[str, object], stats: Mapping[str, float]) -> Manifest:
        reserved, place = self._reserved, self._reserved.place
        return Manifest(
            kind=Kind.OUTPUT,
            department=place.department,
            name=place.model,
            version_id=place.version_id,
            created=reserved.created,
            chunks=tuple(
                ChunkEntry(number, entry.rows, entry.digest, entry.schema)
                for number, entry in sorted(self._entries.items())
            ),
            schema=self.schema,
            lineage=dict(lineage),
            extra={
                "format": output_chunks.FORMAT,
                "date": place.date,
                "number": reserved.number,
                "fingerprint": reserved.fingerprint,
                "key": list(reserved.key),
                # JSON has no NaN and no infinity: they travel as words, and float() reads them back.
                "stats": {n: v if math.isfinite(v) else str(v) for n, v in stats.items()},
                "filters": [group.to_json() for _, group in sorted(self._groups.items())],
                "filter_check": key_check(reserved.filter_key).hex() if reserved.filter_key else "",
            },
        )
