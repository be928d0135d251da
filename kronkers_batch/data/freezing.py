"""From checked rows to encrypted chunks and back. Sealing and writing go on beside reading and checking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.ahead import ahead, by_threads, threads
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import snapshot_chunks
from kronkers_batch.data.checks import CheckResult
from kronkers_batch.data.content_fingerprint import Fingerprint
from kronkers_batch.data.profile import Profile
from kronkers_batch.data.profiling import Profiler
from kronkers_batch.data.sources.window_rows import rechunked
from kronkers_batch.data.stream import CheckedRows
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.vault.context import Context, DataKey, Kind
from kronkers_batch.vault.manifest import ChunkEntry, Manifest, check_chunk, digest
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    import polars as pl

# Chunks that wait while the next rows are read (as many as four chunks): more would only hold more memory.
_WAITING = 6
# While one thread waits for the disk, the other encrypts.
_SEALERS = 2
# Chunks that are opened ahead of the reader.
_AHEAD = 2


@dataclass(frozen=True)
class Frozen:
    """What freezing gives: the chunks, and what is known of the rows."""

    chunks: tuple[ChunkEntry, ...]
    fingerprint: str
    profile: Profile
    results: tuple[CheckResult, ...]


def freeze(
    rows: CheckedRows,
    source: SourceSpec,
    artifacts: ArtifactStore,
    vault: Vault,
    key: DataKey,
    folder: str,
    piece_rows: int,
    progress: Callable[[int], None],
) -> Frozen:
    """Reads all rows and writes their chunks; memory does not grow with the number of rows.

    When it returns, the chunks outlast a power cut.

    Raises whatever reading, checking or writing raises; the caller then removes the folder.
    """
    sealer = _Sealer(source, artifacts, vault, key, folder)
    profiler = Profiler(source.schema, rows.where)
    fingerprint = Fingerprint(source.schema)
    read = 0

    def counted() -> Iterator[pl.DataFrame]:
        nonlocal read
        for frame in rows:
            profiler.feed(frame)
            read += frame.height
            progress(read)
            yield frame

    # The fingerprint needs the chunks in order, so it has a thread of its own; sealing does not.
    with threads(1, "print") as printing, threads(_SEALERS, "seal") as sealing:

        def begin(numbered: tuple[int, pl.DataFrame]) -> tuple[Future[None], Future[None]]:
            return printing.submit(fingerprint.feed, numbered[1]), sealing.submit(sealer.put, *numbered)

        def end(begun: tuple[Future[None], Future[None]]) -> None:
            for one in begun:
                one.result()

        for _ in ahead(enumerate(rechunked(counted(), piece_rows)), _WAITING, begin, end):
            pass
    if sealer.entries:
        artifacts.sync(folder)
    entries = tuple(sealer.entries[n] for n in range(len(sealer.entries)))
    return Frozen(entries, fingerprint.finish(), profiler.finish(), rows.results)


class _Sealer:
    """Encodes, encrypts and writes chunks; several threads may do so at once."""

    def __init__(
        self, source: SourceSpec, artifacts: ArtifactStore, vault: Vault, key: DataKey, folder: str
    ) -> None:
        self.entries: dict[int, ChunkEntry] = {}
        self._source, self._artifacts, self._vault, self._key = source, artifacts, vault, key
        self._folder = folder
        self._schema = source.schema.digest()
        self._compression: snapshot_chunks.Compression | None = None

    def put(self, number: int, frame: pl.DataFrame) -> None:
        compression = self._compression or snapshot_chunks.choose(frame)
        self._compression = compression
        context = _context(self._key, self._source.name, number, frame.height, self._schema)
        parts = self._vault.seal_parts(self._key, context, snapshot_chunks.encode(frame, compression))
        self._artifacts.write(f"{self._folder}/{number}", *parts, sync=False)
        size = sum(memoryview(part).nbytes for part in parts)
        self.entries[number] = ChunkEntry(number, frame.height, digest(*parts), self._schema, size)


def read(
    artifacts: ArtifactStore,
    vault: Vault,
    key: DataKey,
    manifest: Manifest,
    folder: str,
    columns: Sequence[str] | None,
) -> Iterator[pl.DataFrame]:
    """The chunks of a verified manifest, in order, opened by a thread ahead of the reader."""

    def opened(entry: ChunkEntry) -> pl.DataFrame:
        blob = artifacts.read(f"{folder}/{entry.number}", entry.limit, cut=True)
        check_chunk(entry, blob)
        context = _context(key, manifest.name, entry.number, entry.rows, entry.schema)
        plain = vault.unseal_into(key, context, blob, snapshot_chunks.room)
        return snapshot_chunks.decode(plain, columns, str(context))

    return by_threads(manifest.chunks, opened, _AHEAD, "open")


def _context(key: DataKey, name: str, number: int, rows: int, schema: str) -> Context:
    return Context(Kind.SNAPSHOT, key.scope.department, name, key.version_id, number, rows, schema)
