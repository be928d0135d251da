"""When a source is read"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.data.snapshots import SnapshotRef, Snapshots
from kronkers_batch.data.window import Window
from kronkers_batch.declared.windows import scoring_window
from kronkers_batch.errors import IntegrityError
from kronkers_batch.pipeline import ingest as step
from kronkers_batch.planning.plan import Ingest
from tests.rules.world import DAY, MODEL, World, after, offers


def window(world: World, days: int = 0) -> Window:
    model = world.services.model(MODEL)
    return scoring_window(model, world.services.config.sources["offers"], after(days))


def frozen(world: World, days: int = 0) -> SnapshotRef:
    return step.ingest(world.services, world.services.model(MODEL), window(world, days))


def rows(world: World, ref: SnapshotRef) -> int:
    return pl.concat(world.services.snapshots.read(ref)).height


def why(world: World) -> str:
    """Why a night, in a process of its own, freezes the window; empty where it is frozen."""
    world.services.close()
    world.services = world.open()
    world.version(champion=True)
    entries = world.plan().entries.values()
    return next(
        (entry.why for entry in entries if isinstance(entry, Ingest) and entry.start[:10] == str(DAY)), ""
    )


def chunks(world: World, ref: SnapshotRef) -> list[Path]:
    return sorted((world.folder / f"var/artifacts/snapshots/sales/offers/{ref.id}").iterdir())


def test_a_window_is_frozen_once(world: World):
    """A window of a source is read once. The snapshot of a window is used until the source changes."""
    assert frozen(world).id == frozen(world).id
    assert why(world) == ""


def test_each_window_is_frozen_by_itself(world: World):
    """Each window is read separately."""
    assert frozen(world).id != frozen(world, 1).id


def test_a_changed_source_is_frozen_anew(world: World):
    """A source that changed is read again."""
    before = frozen(world)
    assert why(world) == ""
    world.rows(offers(days=25))
    assert why(world) == "the source changed"
    assert frozen(world).id != before.id


def test_lost_chunks_are_frozen_anew(world: World):
    """If chunks of a snapshot are missing and the source is unchanged, the source is read again, with a
    message.
    """
    before = frozen(world)
    shutil.rmtree(world.folder / "var/artifacts/snapshots")
    assert why(world) == "what was frozen is gone from the artifact store"
    now = frozen(world)
    assert now.id != before.id
    assert now.fingerprint == before.fingerprint
    assert rows(world, now) == 6
    assert why(world) == ""
    assert frozen(world).id == now.id


def test_each_lost_chunk_counts(world: World):
    """One missing chunk has the same effect as all chunks missing."""
    frame = offers(days=1, rows=3_000).with_columns(at=pl.lit(DAY).cast(pl.Datetime("us")))
    world.rows(frame)
    before = frozen(world)
    assert len(chunks(world, before)) == 3
    chunks(world, before)[1].unlink()
    why(world)
    assert rows(world, frozen(world)) == 3_000


def test_a_changed_chunk_is_refused(world: World):
    """A changed chunk is refused, and never treated as missing."""
    before = frozen(world)
    (chunk,) = chunks(world, before)
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"x")
    assert why(world) == ""
    with pytest.raises(IntegrityError):
        rows(world, frozen(world))


def test_who_is_slower_takes_what_is_there(world: World, monkeypatch: pytest.MonkeyPatch):
    """If two processes freeze a window at once, one publishes the snapshot and the other uses it."""
    other = world.open()
    monkeypatch.setattr(
        Snapshots, "look", lambda *_asked: (None, {})
    )  # each looked before the other was done
    refs = [step.ingest(each, each.model(MODEL), window(world)).id for each in (world.services, other)]
    other.close()
    assert len(set(refs)) == 1
