"""From checked rows to encrypted pieces and back. Sealing and writing go on beside reading and checking."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import pieces
from kronkers_batch.data.checks import CheckResult
from kronkers_batch.data.fingerprint import Fingerprint
from kronkers_batch.data.profile import Profile, Profiler
from kronkers_batch.data.sources.rows import rechunked
from kronkers_batch.data.stream import CheckedRows
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.vault.context import Context, DataKey, Kind
from kronkers_batch.vault.manifest import Manifest, PieceEntry, check_piece, digest
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    import polars as pl

# Chunks that wait for sealing while the next is read: more would only hold more memory.
_WAITING = 2
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

    # One thread takes the frames in order, so that fingerprint and pieces need no lock.
    with ThreadPoolExecutor(1, thread_name_prefix="kronkers-seal") as pool:
        waiting: deque[Future[None]] = deque()

        def land(frame: pl.DataFrame) -> None:
            fingerprint.feed(frame)
            sealer.put(frame)

        try:
            for piece in rechunked(counted(), piece_rows):
                waiting.append(pool.submit(land, piece))
                if len(waiting) > _WAITING * 4:
                    waiting.popleft().result()
            for future in waiting:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return Frozen(tuple(sealer.entries), fingerprint.finish(), profiler.finish(), rows.results)


class _Sealer:
    """Encodes, encrypts and writes pieces, one after the other."""

    def __init__(
        self, source: SourceSpec, artifacts: ArtifactStore, vault: Vault, key: DataKey, folder: str
    ) -> None:
        self.entries: list[PieceEntry] = []
        self._source, self._artifacts, self._vault, self._key = source, artifacts, vault, key
        self._folder = folder
        self._schema = source.schema.digest()
        self._compression: pieces.Compression | None = None

    def put(self, frame: pl.DataFrame) -> None:
        if self._compression is None:
            self._compression = pieces.choose(frame)
        number = len(self.entries)
        name = self._source.name
        context = _context(self._key, name, number, frame.height, self._schema)
        blob = self._vault.seal(self._key, context, pieces.encode(frame, self._compression))
        self._artifacts.write(f"{self._folder}/{number}", blob)
        self.entries.append(PieceEntry(number, frame.height, digest(blob), self._schema))


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
        blob = artifacts.read(f"{folder}/{entry.number}")
        check_piece(entry, blob)
        context = _context(key, manifest.name, entry.number, entry.rows, entry.schema)
        return pieces.decode(vault.unseal(key, context, blob), columns, str(context))

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
