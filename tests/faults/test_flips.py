"""One flipped bit anywhere: each kind of stored thing, read as the program reads it, and nothing handed out.

By default up to 40 bytes of each; with ``-m long`` every byte of small ones, and
100,000 bytes of large ones.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.data.snapshots import Snapshots
from kronkers_batch.errors import IntegrityError
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse.warehouse import Warehouse
from tests.data_support import Store, schema, source
from tests.warehouse_support import DAY, Office, frame, training

SAMPLES = 100_000
KINDS = [
    "artifact", "artifact's manifest", "golden rows", "snapshot chunk", "snapshot's manifest",
    "output chunk", "output's manifest", "filter",
]  # fmt: skip
WRAPPED = {
    "data key": ("data_keys", "wrapped", "kind = 'output'"),
    "model key": ("tree_keys", "wrapped", "model = 'late'"),
    "department key of a grant": ("grant_keys", "sealed", "recipient = '{bob}'"),
    "its signature": ("grant_keys", "signature", "recipient = '{bob}'"),
    "grant": ("grants", "signature", "principal_id = '{bob_id}'"),
}


class Thing:
    """Something stored that can be damaged in place, and how it is read.

    ``read`` yields what is handed out; ``before`` says how many of that come before the damaged part.
    """

    def __init__(
        self,
        place: Path | tuple[Path, str, str, str],
        read: Callable[[], Iterator[object]],
        before: int = 0,
    ) -> None:
        self._read, self._before = read, before
        if isinstance(place, Path):
            self._file = place.open("r+b", buffering=0)
        else:
            path, table, column, where = place
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("PRAGMA synchronous = OFF")  # a flipped bit need not outlast a power cut
            ((rowid,),) = connection.execute(f"SELECT rowid FROM {table} WHERE {where}").fetchall()
            self._connection, self._row = connection, (table, column, rowid)
        self.raw = self._whole()
        self.good = list(read())

    def _whole(self) -> bytes:
        if hasattr(self, "_file"):
            self._file.seek(0)
            return self._file.read()
        with self._connection.blobopen(*self._row) as blob:
            return blob.read()

    def _put(self, number: int, value: int) -> None:
        if hasattr(self, "_file"):
            self._file.seek(number)
            self._file.write(bytes([value]))
            return
        with self._connection.blobopen(*self._row) as blob:
            blob[number] = value

    def refuses(self, number: int, mask: int) -> None:
        """Flips bits of one byte, reads, and puts it right again."""
        handed: list[object] = []
        self._put(number, self.raw[number] ^ mask)
        try:
            with pytest.raises(IntegrityError):
                handed.extend(self._read())
        finally:
            self._put(number, self.raw[number])
        assert len(handed) == self._before, f"byte {number}: {len(handed)} parts were handed out"

    def still_reads(self) -> None:
        again = list(self._read())
        assert len(again) == len(self.good) > self._before
        for one, other in zip(again, self.good, strict=True):
            assert one.equals(other) if isinstance(one, pl.DataFrame) else one == other


def every_byte(size: int) -> Iterator[tuple[int, int]]:
    """Every byte, one bit of it: another one each time."""
    return ((i, 1 << i % 8) for i in range(size))


def some_bytes(size: int) -> Iterator[tuple[int, int]]:
    """At most 40 of :func:`every_byte`."""
    return itertools.islice(every_byte(size), 0, None, -(-size // 40))


def sampled(size: int, count: int) -> Iterator[tuple[int, int]]:
    """Bytes anywhere, with the first and last ones, and any other value."""
    chance = random.Random(size)
    ends = [*range(min(size, 80)), *range(max(size - 40, 80), size)]
    others = (chance.randrange(size) for _ in range(count - len(ends)))
    places = itertools.islice(itertools.chain(ends, others), count)
    return ((i, chance.randrange(1, 256)) for i in places)


# ---------------------------------------------------------------- artifacts, chunks, manifests


def stored(kind: str, office: Office, folder: Path, *, large: bool) -> Thing:
    """One thing of each kind, small (2 KB at most) or large (over 100 KB)."""
    if kind.startswith("snapshot"):
        return of_snapshot(kind, Store(folder / "data"), large=large)
    return of_output(kind, office, large) if kind in KINDS[5:] else of_version(kind, office, large)


def of_version(kind: str, office: Office, large: bool) -> Thing:
    rows = pl.DataFrame({"distance": [0.1 * n for n in range(15_000 if large else 2)]})
    names = {f"number {n}": n for n in range(8_000 if large and kind == "artifact's manifest" else 1)}
    given = training(golden=rows.with_columns(origin=pl.lit("EWR")), definition=names)
    version = office.registry.record(given, random.Random(1).randbytes(200_000 if large else 60))
    if kind == "artifact":
        path = office.root / "artifacts" / "artifacts" / "ops" / "late" / version.id
        return Thing(path, lambda: iter([office.registry.artifact(version)]))
    column = "golden" if kind == "golden rows" else "manifest"
    place = (Path(office.db.path), "model_versions", column, "number = 1")
    if kind == "golden rows":
        return Thing(place, lambda: iter([office.registry.get("late", 1).training.golden.rows]))

    def all_of_it() -> Iterator[object]:
        found = office.registry.get("late", 1)
        yield found.training.golden.rows
        yield office.registry.artifact(found)

    return Thing(place, all_of_it)


def of_output(kind: str, office: Office, large: bool) -> Thing:
    writer = office.begin()
    many, rows = (2_000, 1) if large and kind == "output's manifest" else (3, 20_000 if large else 3)
    for number in range(many):
        writer.put(number, frame(rows, number * rows))
    writer.finish({}, {})
    path = Path(office.db.path)
    if kind == "filter":
        wanted = [{"flight": 1, "origin": "JFK"}]
        place = (path, "output_filters", "data", "number = 0")
        return Thing(place, lambda: iter([office.warehouse.rows.lookup("late", wanted, DAY)]))

    def read() -> Iterator[object]:
        yield from office.warehouse.rows.read("late", date=DAY)

    if kind == "output chunk":
        return Thing((path, "output_pieces", "data", "number = 1"), read, before=1)
    return Thing((path, "output_versions", "manifest", "number = 1"), read)


def of_snapshot(kind: str, store: Store, *, large: bool) -> Thing:
    rows = 15_000 if large else 3
    path = store.folder / "things.parquet"
    chance = random.Random(1)
    of_manifest = large and kind == "snapshot's manifest"
    count = 2_000 if of_manifest else 3 * rows
    pl.DataFrame({"id": range(count), "x": [chance.random() for _ in range(count)]}).write_parquet(path)
    spec = source("parquet", schema(id="integer", x="float"), path=path)
    ref = store.ingest(spec, piece_rows=1 if of_manifest else rows, chunk_rows=3 * rows)

    def read() -> Iterator[object]:
        yield from Snapshots(store.db, store.artifacts, store.vault).read(ref)

    if kind == "snapshot chunk":
        return Thing(store.folder / f"artifacts/snapshots/operations/things/{ref.id}/1", read, before=1)
    return Thing((Path(store.db.path), "snapshots", "manifest", f"id = '{ref.id}'"), read)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_of_small_ones(office, tmp_path, kind):
    thing = stored(kind, office, tmp_path, large=False)
    for number, mask in every_byte(len(thing.raw)):
        thing.refuses(number, mask)
    thing.still_reads()


@pytest.mark.parametrize("kind", KINDS)
def test_some_bytes_of_small_ones(office, tmp_path, kind):
    thing = stored(kind, office, tmp_path, large=False)
    for number, mask in some_bytes(len(thing.raw)):
        thing.refuses(number, mask)
    thing.still_reads()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_bytes_of_large_ones(office, tmp_path, kind):
    thing = stored(kind, office, tmp_path, large=True)
    assert len(thing.raw) > (45_000 if kind == "filter" else 100_000)  # filters are cut into such pages
    for number, mask in sampled(len(thing.raw), SAMPLES):
        thing.refuses(number, mask)
    thing.still_reads()


# ---------------------------------------------------------------- wrapped keys and grants


def wrapped(office: Office, kind: str) -> Thing:
    """A key or grant that stands between bob and a row; he reads as a process that remembers nothing."""
    office.publish(chunks=1, rows=3)
    bob = office.member("bob", Scope("ops"), Role.READER)
    identity, pin, ledger = bob.vault.identity, bob.vault.trust.pin, bob.warehouse._ledger

    def read() -> Iterator[object]:
        yield from Warehouse(bob.db, Vault(identity, pin), ledger).rows.read("late", date=DAY)

    table, column, where = WRAPPED[kind]
    where = where.format(bob=identity.public.id, bob_id=identity.id)
    return Thing((Path(office.db.path), table, column, where), read)


@pytest.mark.parametrize("kind", WRAPPED)
def test_some_bytes_of_keys_and_grants(office, kind):
    thing = wrapped(office, kind)
    for number, mask in some_bytes(len(thing.raw)):
        thing.refuses(number, mask)
    thing.still_reads()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", WRAPPED)
def test_a_hundred_thousand_changes_of_keys_and_grants(office, kind):
    """They are small, so that is every byte many times, with other values."""
    thing = wrapped(office, kind)
    every = every_byte(len(thing.raw))
    for number, mask in itertools.chain(every, sampled(len(thing.raw), SAMPLES // len(WRAPPED))):
        thing.refuses(number, mask)
    thing.still_reads()
