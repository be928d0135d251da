from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select, update

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import freezing
from kronkers_batch.data.publishing import Publisher
from kronkers_batch.data.snapshots import Snapshots
from kronkers_batch.errors import AccessRefused, CheckFailed, IntegrityError, NotFound, StoreError
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.store.tables.vault import data_keys
from kronkers_batch.vault import grants, keyfile
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.pin import read
from kronkers_batch.vault.vault import Vault
from tests.data_support import ALL, MARKER, PLACES, Store, check, day, holds, schema, source, unnoted

COLUMNS = schema(id="integer", x="float", name="category", at="timestamp")


def things(folder: Path, rows: int = 1000, **fields: Any) -> SourceSpec:
    start = dt.datetime(2013, 6, 1)
    frame = pl.DataFrame(
        {
            "id": range(rows),
            "x": [i / 7 if i % 10 else None for i in range(rows)],
            "name": [MARKER if i % 3 else None for i in range(rows)],
            "at": [start + dt.timedelta(minutes=i) for i in range(rows)],
        },
        schema={"id": pl.Int64, "x": pl.Float64, "name": pl.String, "at": pl.Datetime("us")},
    )
    frame.write_parquet(folder / "things.parquet")
    path = folder / "things.parquet"
    return source("parquet", COLUMNS, path=path, time_column="at", key=("id",), **fields)


OURS = [Scope("operations")]


def expected(spec: SourceSpec) -> pl.DataFrame:
    return pl.read_parquet(spec.path).with_columns(pl.col("at").dt.replace_time_zone("UTC"))


def test_what_was_frozen_is_read_back_by_chunks(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path)
    ref = store.ingest(spec, piece_rows=300, chunk_rows=700)
    frames = list(store.snapshots.read(ref))
    assert [f.height for f in frames] == [300, 300, 300, 100]
    assert pl.concat(frames).equals(expected(spec))
    assert (ref.rows, ref.source, ref.scope, ref.schema) == (1000, "things", *OURS, COLUMNS)
    assert ref.profile.columns["x"].nulls == 100
    assert [r.verdict for r in ref.results] == ["passed", "passed"]


def test_columns_are_selected_in_the_asked_order(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path)
    ref = store.ingest(spec)
    got = pl.concat(store.snapshots.read(ref, ["x", "id"]))
    assert got.equals(expected(spec).select("x", "id"))


def test_nothing_on_disk_is_in_clear(store: Store, tmp_path: Path) -> None:
    store.ingest(things(tmp_path))
    assert len(list(store.files())) > 5
    assert holds(store.folder, MARKER) == []
    assert holds(store.folder, "ARROW1") == []


def test_the_same_source_window_and_identity_are_found(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path)
    assert store.find("i1") is None
    ref = store.ingest(spec)
    fresh = Snapshots(store.db, store.artifacts, store.vault)
    assert fresh.find("things", ALL, "i1", OURS) == ref == fresh.get(ref.id)
    assert fresh.find("things", ALL, "i2", OURS) is None
    assert fresh.find("things", day("2013-06-01"), "i1", OURS) is None
    assert fresh.find("others", ALL, "i1", OURS) is None
    assert fresh.find("things", ALL, "i1", [Scope("planning"), Scope("operations", "late")]) is None


def test_two_who_ingest_the_same_publish_one(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path)
    first, second = store.ingest(spec), store.ingest(spec)
    assert first.id == second.id
    assert {p.split("/")[3] for p in store.artifacts.list("snapshots")} == {first.id}


def test_the_fingerprint_is_of_the_contents(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path, rows=2000)
    one = store.ingest(spec, identity="a", piece_rows=300)
    two = store.ingest(spec, identity="b", piece_rows=77, chunk_rows=91)
    assert one.fingerprint == two.fingerprint
    assert store.ingest(spec, day("2013-06-01"), identity="a").fingerprint != one.fingerprint


def test_a_window_without_rows_is_a_snapshot(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path)
    ref = store.ingest(spec, day("2020-01-01"))
    assert ref.rows == 0
    assert list(store.snapshots.read(ref)) == []
    strict = replace(spec, checks=(check("rows", min=1, max=None),))
    with pytest.raises(CheckFailed, match=r"2020-01-01 to 2020-01-02(.|\n)*there are 0 rows"):
        store.ingest(strict, day("2020-01-01"))


def assert_nothing_is_left(store: Store) -> None:
    assert store.artifacts.list("") == []
    with store.db.read() as conn:
        assert conn.execute(select(table)).all() == []
        snapshot_keys = select(data_keys.c.wrapped).where(data_keys.c.kind == "snapshot")
        assert all(wrapped is None for wrapped in conn.execute(snapshot_keys).scalars())
    assert store.find("i1") is None


def test_a_failed_check_leaves_nothing(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path, checks=(check("range", "id", min=0, max=990),))
    with pytest.raises(CheckFailed, match="9 of 1000 rows"):
        store.ingest(spec)
    assert_nothing_is_left(store)


def test_a_full_disk_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = store.artifacts.write

    def full(path: str, *parts: Any, **more: Any) -> None:
        if path.endswith("/2"):
            raise StoreError("the disk is full")
        write(path, *parts, **more)

    monkeypatch.setattr(store.artifacts, "write", full)
    with pytest.raises(StoreError, match="full"):
        store.ingest(things(tmp_path))
    assert_nothing_is_left(store)


def test_chunks_and_their_names_are_on_the_disk_before_they_are_published(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real, publish = os.fsync, Publisher.publish

    def fsync(descriptor: int) -> None:
        real(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    def checked(self: Publisher, *args: Any, **options: Any) -> str:
        chunks = [f for f in store.folder.rglob("snapshots/operations/things/*/*") if f.is_file()]
        assert len(chunks) == 4
        folders = {
            parent
            for f in chunks
            for parent in f.parents
            if parent.is_relative_to(store.folder / "artifacts")
        }
        assert {f.stat().st_ino for f in (*chunks, *folders)} <= set(synced)
        assert synced[-1] == (store.folder / "artifacts").stat().st_ino
        return publish(self, *args, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Publisher, "publish", checked)
    assert store.ingest(things(tmp_path)).rows == 1000


def test_sweep_removes_what_was_not_finished_and_nothing_else(store: Store, tmp_path: Path) -> None:
    spec = things(tmp_path)
    ref = store.ingest(spec)
    half = store.snapshots._publisher.begin(spec, *OURS, ALL, "i2", "0" * 26)
    store.artifacts.write(f"snapshots/operations/things/{'0' * 26}/0", b"x")
    assert store.snapshots.sweep() == 0  # it may still be running
    assert store.snapshots.sweep(dt.timedelta(seconds=-1)) == 1
    assert {p.split("/")[3] for p in store.artifacts.list("snapshots")} == {ref.id}
    with store.db.read() as conn, pytest.raises(NotFound):
        store.vault.data_key(conn, half.id)
    assert sum(f.height for f in store.snapshots.read(ref)) == 1000


def test_a_slow_ingest_that_was_swept_is_not_published(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze = freezing.freeze

    def slow(*args: Any) -> Any:
        frozen = freeze(*args)
        store.snapshots.sweep(dt.timedelta(seconds=-1))
        return frozen

    monkeypatch.setattr(freezing, "freeze", slow)
    with pytest.raises(NotFound, match="another command deleted the snapshot"):
        store.ingest(things(tmp_path))
    assert_nothing_is_left(store)


def damaged(store: Store, path: str, change: Any) -> None:
    store.artifacts.write(path, change(bytearray(store.artifacts.read(path))))


@pytest.mark.parametrize("what", ["flip", "cut", "swap", "gone", "manifest", "rows"])
def test_whatever_is_changed_is_noticed_before_it_is_used(store: Store, tmp_path: Path, what: str) -> None:
    ref = store.ingest(things(tmp_path))
    folder = f"snapshots/operations/things/{ref.id}"
    if what == "flip":
        damaged(store, f"{folder}/1", lambda b: b[:-40] + bytes([b[-40] ^ 1]) + b[-39:])
    elif what == "cut":
        damaged(store, f"{folder}/1", lambda b: b[:-1])
    elif what == "swap":
        store.artifacts.write(f"{folder}/1", store.artifacts.read(f"{folder}/0"))
    elif what == "gone":
        store.artifacts.delete(f"{folder}/1")
    else:
        other = store.ingest(things(tmp_path, rows=900), identity="i2")
        with store.db.write() as conn:
            row = conn.execute(select(table).where(table.c.id == other.id)).one()
            change = {"manifest": row.manifest, "signature": row.signature}
            if what == "manifest":
                change = {"manifest": row.manifest}
            conn.execute(update(table).where(table.c.id == ref.id).values(**change))
    fresh = Snapshots(store.db, store.artifacts, store.vault)
    with pytest.raises(NotFound if what == "gone" else IntegrityError):
        list(fresh.read(ref))


def test_who_has_no_grant_reads_and_writes_nothing(store: Store, tmp_path: Path) -> None:
    ref = store.ingest(things(tmp_path))
    stranger = Identity.generate("stranger")
    keyfile.create(store.keys / "stranger.key", stranger)
    pin = read(store.keys / "trust.json", store.vault.trust.warehouse)
    other = Snapshots(store.db, store.artifacts, Vault(stranger, pin))
    with pytest.raises(AccessRefused):
        list(other.read(ref))
    assert store.find("i1") == ref
    assert (
        other.find("things", ALL, "i1", [Scope("operations")]) is None
    )  # what one may not read counts as not there
    options = {
        "scope": OURS[0],
        "sources": {},
        "places": PLACES,
        "chunk_rows": 1000,
        "piece_rows": 250,
        "add_entry": unnoted,
    }
    with pytest.raises(AccessRefused):
        other.ingest(things(tmp_path), ALL, "i9", None, **options)


def test_a_reader_freezes_nothing(store: Store, tmp_path: Path) -> None:
    """A reader holds the department's key; what they froze would be believed by nobody."""
    ref = store.ingest(things(tmp_path))
    anna = Identity.generate("anna")
    with store.db.write() as conn:
        store.vault.trust.add_principal(conn, store.vault.identity, anna.id, "anna", anna.public)
        grants.grant(store.vault.ring, conn, "anna", Scope("operations"), Role.READER)
    theirs = Snapshots(store.db, store.artifacts, Vault(anna, store.vault.trust.pin))
    assert sum(f.height for f in theirs.read(ref)) == 1000
    options = {
        "scope": OURS[0],
        "sources": {},
        "places": PLACES,
        "chunk_rows": 1000,
        "piece_rows": 250,
        "add_entry": unnoted,
    }
    with pytest.raises(AccessRefused, match="operator"):
        theirs.ingest(things(tmp_path), ALL, "i9", None, **options)


def test_a_reader_that_stops_early_leaves_no_thread(store: Store, tmp_path: Path) -> None:
    import threading

    ref = store.ingest(things(tmp_path))
    frames = store.snapshots.read(ref)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("kronkers-")]


def test_progress_tells_the_rows(store: Store, tmp_path: Path) -> None:
    told: list[int] = []
    store.ingest(things(tmp_path), chunk_rows=400, progress=told.append)
    assert told == [400, 800, 1000]


def test_compression_where_it_pays(store: Store) -> None:
    import numpy as np

    from kronkers_batch.data import snapshot_chunks

    noise = pl.DataFrame({"x": np.random.default_rng(1).random(10_000)})
    same = pl.DataFrame({"x": [1.0] * 10_000})
    assert (snapshot_chunks.choose(noise), snapshot_chunks.choose(same)) == ("uncompressed", "lz4")
    for frame in (noise, same):
        for how in ("uncompressed", "lz4"):
            raw = bytes(snapshot_chunks.encode(frame, how))  # type: ignore[arg-type]
            assert snapshot_chunks.decode(raw, None, "x").equals(frame)
    with pytest.raises(IntegrityError):
        snapshot_chunks.decode(b"nothing", None, "x")


def test_a_chunk_that_a_key_holder_sealed_anew_is_not_the_signed_one(store: Store, tmp_path: Path) -> None:
    from kronkers_batch.data import snapshot_chunks

    ref = store.ingest(things(tmp_path))
    opened = store.snapshots._get(ref.id)
    forged = next(store.snapshots.read(ref)).with_columns(x=pl.lit(0.0))
    context = freezing._context(opened.key, "things", 0, forged.height, COLUMNS.digest())
    blob = store.vault.seal(opened.key, context, snapshot_chunks.encode(forged, "lz4"))
    store.artifacts.write(f"snapshots/operations/things/{ref.id}/0", blob)
    with pytest.raises(IntegrityError, match="differs from the one that its manifest lists"):
        list(store.snapshots.read(ref))
