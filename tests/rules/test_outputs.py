"""What readers of an output get"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kronkers_batch.config.spec import CheckSpec, OnFailure, OutputColumn
from kronkers_batch.declared.sources import has_heads, read_output
from kronkers_batch.declared.windows import scoring_window
from kronkers_batch.errors import NotFound, SourceError
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.planning.plan import State
from kronkers_batch.registry.training import ModelVersion
from tests.rules.world import DAY, HERE, MODEL, READER, World, after, offers, threshold

MISSED = ("rows 2 is below 5",)
CHANGED = "the source changed, or a field of the model that counts for scoring"
REPLACES = f"replaces {MODEL}/{DAY}#1, which readers get now"


def finished(world: World) -> bool:
    """Whether nothing is left to do for the date."""
    return world.score().state is State.DONE


def reason(world: World, date: dt.date = DAY) -> str:
    """Why the date is scored; empty where it is not."""
    return world.score(date).why


def judged(world: World) -> bool:
    """As a night does: what is there is judged by today's thresholds. Whether nothing is left to do then."""
    found = world.score()
    assert found.output is not None
    assert found.state is State.DUE
    assert found.needs == ()
    world.task(found.key).run()
    return finished(world)


def heads(world: World) -> Sequence[str]:
    return [head.ref for head in world.services.warehouse.heads(MODEL)]


@pytest.fixture
def version(world: World) -> ModelVersion:
    return world.version(champion=True)


def test_a_date_is_scored_once(world: World, version: ModelVersion):
    """A date without an output is scored. A date whose output is published is not scored again."""
    assert reason(world) == "not scored yet"
    world.output(version)
    assert finished(world)
    assert reason(world) == ""
    assert reason(world, after(1)) == "not scored yet"


def test_another_champion_scores_anew(world: World, version: ModelVersion):
    """A date is scored again if the champion changed. The reason for scoring a date again names both
    champions and the output that is replaced.
    """
    world.output(version)
    world.version(after(1), again=True, champion=True)
    assert reason(world) == f"champion changed: {MODEL}@1 -> {MODEL}@2; {REPLACES}"


def test_a_changed_source_is_scored_anew(world: World, version: ModelVersion):
    """A date is scored again if its source changed."""
    world.output(version)
    world.rows(offers(days=25))
    assert reason(world) == f"{CHANGED}; {REPLACES}"


def test_a_changed_definition_of_scoring_is_scored_anew(world: World, version: ModelVersion):
    """A date is scored again if the score window, the key, a check or an output column changed."""
    world.output(version)
    declared = world.services.model(MODEL)
    check = CheckSpec("nulls", ("score",), {"allowed": False}, OnFailure.FAIL, 0.0, HERE)
    changes: list[dict[str, Any]] = [
        {"windows": replace(declared.windows, score=dt.timedelta(days=2))},
        {"key": ("id", "g")},
        {"output_columns": (OutputColumn("score", ColumnType.FLOAT32),)},
        {"output_checks": (check,)},
        {"input_checks": (check,)},
    ]
    for change in changes:
        world.spec(**change)
        assert reason(world) == f"{CHANGED}; {REPLACES}", change
        world.spec(**{name: getattr(declared, name) for name in change})
        assert finished(world), change


def test_what_misses_a_threshold_is_held(world: World, version: ModelVersion):
    """Readers do not get an output that misses a threshold. A date whose output is
    held is not scored again.
    """
    world.spec(output_thresholds=(threshold("rows", 5),))
    world.output(version, missed=MISSED)
    assert heads(world) == []
    assert finished(world)


def test_a_held_output_leaves_the_one_before(world: World, version: ModelVersion):
    """While a new output of a date is held, readers get the last published output of this date."""
    world.output(version)
    newer = world.version(after(1), again=True, champion=True)
    world.output(newer, missed=MISSED)
    assert heads(world) == [f"{MODEL}/{DAY}#1"]


def test_a_changed_threshold_holds_what_was_published(world: World, version: ModelVersion):
    """A published output that misses today's thresholds is held at the next run, without scoring."""
    world.output(version)
    world.spec(output_thresholds=(threshold("rows", 5),))
    assert reason(world) == "thresholds changed: judged anew, nothing computed"
    assert judged(world)
    assert heads(world) == []


def test_a_changed_threshold_publishes_what_was_held(world: World, version: ModelVersion):
    """A held output that meets today's thresholds is published at the next run, without scoring."""
    world.output(version, missed=MISSED)
    assert judged(world)
    assert heads(world) == [f"{MODEL}/{DAY}#1"]


def test_a_failed_check_holds_whatever_the_thresholds_say(world: World, version: ModelVersion):
    """An output that failed a check stays held, whatever today's thresholds are."""
    world.output(version, failed_checks=["nulls(score) failed"])
    assert world.score().output.missed == ("nulls(score) failed",)
    assert finished(world)
    assert heads(world) == []


def test_after_a_rollback_the_older_output_is_published_again(world: World, version: ModelVersion):
    """After a rollback readers get the date's output by the older champion, without scoring."""
    world.output(version)
    newer = world.version(after(1), again=True, champion=True)
    world.output(newer)
    assert heads(world) == [f"{MODEL}/{DAY}#2"]
    world.services.registry.rollback(MODEL, why="for a test")
    assert judged(world)
    assert heads(world) == [f"{MODEL}/{DAY}#1"]


def test_another_model_reads_published_outputs_only(world: World, version: ModelVersion):
    """A model that reads another model's output waits until each date that it needs is published."""
    reader = world.services.model(READER)
    window = scoring_window(reader, world.services.config.sources["offers"], DAY)
    world.output(version, missed=MISSED)
    assert not has_heads(world.services, MODEL, window)
    with pytest.raises(SourceError, match=f"{MODEL} has no published output for {DAY}"):
        list(read_output(world.services, MODEL, window))
    world.output(world.version(after(1), again=True, champion=True))
    assert has_heads(world.services, MODEL, window)
    assert sum(frame.height for frame in read_output(world.services, MODEL, window)) == 2


def test_a_held_output_is_not_read(world: World, version: ModelVersion):
    """A held output is not the output of its date. A held output can be read under its own number."""
    world.output(version, missed=MISSED)
    with pytest.raises(NotFound, match="there is no published output"):
        world.services.warehouse.rows.read(MODEL, DAY)
    assert next(world.services.warehouse.rows.read(MODEL, DAY, version=1)).height == 2
