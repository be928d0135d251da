"""What a wrong clock cannot do"""

from __future__ import annotations

import re

import pytest

from kronkers_batch.audit import clocks, runs
from kronkers_batch.store import clock
from tests.rules.world import DAY, MODEL, World, after

SECOND = 1_000_000


def behind(patch: pytest.MonkeyPatch, seconds: int) -> None:
    """The clock of this machine goes so much too late."""
    timestamp = clock.now() - seconds * SECOND
    patch.setattr(clock, "now", lambda: timestamp)


def scores(world: World) -> str:
    """Which version scores tonight."""
    version = world.score().version
    return version.ref if version else ""


def at_the_first_promotion(world: World, patch: pytest.MonkeyPatch) -> None:
    """The clock of this machine says that it is the time of the first promotion still."""
    timestamp = min(promotion.at for promotion in world.services.registry.history(MODEL))
    patch.setattr(clock, "now", lambda: timestamp)


def test_a_run_counts_from_now(world: World):
    """A run uses the time of its clock, if this time is not before the newest recorded time."""
    world.version(champion=True)
    before = clock.now()
    found = clocks.as_of(world.services)
    assert before <= found.at <= clock.now()
    assert (found.behind, found.warning()) == (0, "")


def test_a_clock_behind_brings_back_no_older_champion(world: World, monkeypatch: pytest.MonkeyPatch):
    """With a clock that is behind, a run scores with the newest champion, and reports the clock."""
    world.version(champion=True)
    world.version(after(1), again=True, champion=True)
    at_the_first_promotion(world, monkeypatch)
    assert scores(world) == f"{MODEL}@2"
    monkeypatch.undo()
    behind(monkeypatch, 3_600)
    # An hour but for what this test took.
    told = clocks.as_of(world.services).warning()
    assert re.search(r"the clock of this machine is 3,[56]\d\d s behind the newest entry of the ledger", told)


def test_a_clock_behind_undoes_no_rollback(world: World, monkeypatch: pytest.MonkeyPatch):
    """With a clock that is behind, a rollback is not undone, even if two rollbacks have the same time."""
    world.version(champion=True)
    for days in (1, 2):
        world.version(after(days), again=True, champion=True)
    at_the_first_promotion(world, monkeypatch)
    world.services.registry.rollback(MODEL, why="for a test")  # its time follows that of the promotion
    assert scores(world) == f"{MODEL}@2"


def test_clocks_of_several_machines_differ_a_little(world: World, monkeypatch: pytest.MonkeyPatch):
    """A clock that is behind by less than a second is corrected, but not reported."""
    world.version(champion=True)
    last = world.services.registry.history(MODEL)[-1].at
    monkeypatch.setattr(clock, "now", lambda: last - SECOND // 2)
    found = clocks.as_of(world.services)
    assert found.at >= last
    assert found.warning() == ""


def test_a_clock_behind_puts_no_run_before_an_earlier_one(world: World, monkeypatch: pytest.MonkeyPatch):
    """With a clock that is behind, or is set back during a run, this run still comes
    after the earlier runs.
    """
    first = _run(world)
    behind(monkeypatch, 3_600)
    second = _run(world)
    assert [run.id for run in runs.of_date(world.services, DAY)] == [first, second]
    assert runs.last(world.services, DAY) == second
    assert [run.id for run in runs.newest(world.services, 2)] == [second, first]
    took = [run.finished - run.started for run in runs.newest(world.services, 2) if run.finished]
    assert took == [2 * SECOND, 2 * SECOND]


def _run(world: World) -> str:
    with runs.begun(world.services, DAY, "command", {}) as run_id:
        runs.finish(world.services, run_id, 0, [], seconds=2.0)
    return run_id
