"""From checked rows to encrypted pieces and back. Sealing and writing go on beside reading and checking."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import pieces
from kronkers_batch.data.checks import CheckResult
from kronkers_batch.data.fingerprint import Fingerprint
from kronkers_batch.data.profile import Profile
from kronkers_batch.data.profiling import Profiler
from kronkers_batch.data.sources.rows import rechunked
from kronkers_batch.data.stream import CheckedRows
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.vault.context import Context, DataKey, Kind
from kronkers_batch.vault.manifest import Manifest, PieceEntry, check_piece, digest
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    import polars as pl

# Pieces that wait while the next chunk is read (a chunk is four pieces): more would only hold more memory.
_WAITING = 6
# While one thread waits for the disk, the other encrypts.
_SEALERS = 2
# Pieces that are opened ahead of the reader.
_AHEAD = 2


@dataclass(frozen=True)
class Frozen:
    """What freezing gives: the pieces, and what is known of the rows."""

    pieces: tuple[PieceEntry, ...]
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
    """Reads all rows and writes their pieces; memory does not grow with the number of rows.

    When it returns, the pieces outlast a power cut.

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

    # The fingerprint needs the pieces in order, so it has a thread of its own; sealing does not.
    with _Pool(1, "print") as printing, _Pool(_SEALERS, "seal") as sealing:
        for number, piece in enumerate(rechunked(counted(), piece_rows)):
            printing.submit(partial(fingerprint.feed, piece))
            sealing.submit(partial(sealer.put, number, piece))
        printing.finish()
        sealing.finish()
    if sealer.entries:
        artifacts.settle(folder)
    entries = tuple(sealer.entries[n] for n in range(len(sealer.entries)))
    return Frozen(entries, fingerprint.finish(), profiler.finish(), rows.results)


class _Pool:
    """Threads that take work in order, with a bounded number of pieces waiting; the first error is raised."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"kronkers-{name}")
        self._waiting: deque[Future[None]] = deque()

    def submit(self, work: Callable[[], None]) -> None:
        if len(self._waiting) >= _WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(work))

    def finish(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Sealer:
    """Encodes, encrypts and writes pieces; several threads may do so at once."""

    def __init__(
        self, source: SourceSpec, artifacts: ArtifactStore, vault: Vault, key: DataKey, folder: str
    ) -> None:
        self.entries: dict[int, PieceEntry] = {}
        self._source, self._artifacts, self._vault, self._key = source, artifacts, vault, key
        self._folder = folder
        self._schema = source.schema.digest()
        self._compression: pieces.Compression | None = None

    def put(self, number: int, frame: pl.DataFrame) -> None:
        compression = self._compression or pieces.choose(frame)
        self._compression = compression
        context = _context(self._key, self._source.name, number, frame.height, self._schema)
        parts = self._vault.seal_parts(self._key, context, pieces.encode(frame, compression))
        self._artifacts.write(f"{self._folder}/{number}", *parts, settle=False)
        size = sum(memoryview(part).nbytes for part in parts)
        self.entries[number] = PieceEntry(number, frame.height, digest(*parts), self._schema, size)


def thaw(
    artifacts: ArtifactStore,
    vault: Vault,
    key: DataKey,
    manifest: Manifest,
    folder: str,
    columns: Sequence[str] | None,
) -> Iterator[pl.DataFrame]:
    """The pieces of a verified manifest, in order, opened by a thread ahead of the reader."""

    def opened(entry: PieceEntry) -> pl.DataFrame:
        blob = artifacts.read(f"{folder}/{entry.number}", entry.limit, cut=True)
        check_piece(entry, blob)
        context = _context(key, manifest.name, entry.number, entry.rows, entry.schema)
        plain = vault.unseal_into(key, context, blob, pieces.room)
        return pieces.decode(plain, columns, str(context))

    pool = ThreadPoolExecutor(1, thread_name_prefix="kronkers-open")
    try:
        waiting: deque[Future[pl.DataFrame]] = deque()
        for entry in manifest.pieces:
            waiting.append(pool.submit(opened, entry))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _context(key: DataKey, name: str, number: int, rows: int, schema: str) -> Context:
    return Context(Kind.SNAPSHOT, key.scope.department, name, key.version_id, number, rows, schema)
