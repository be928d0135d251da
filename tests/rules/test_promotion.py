"""Which version is the champion"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from kronkers_batch.config.spec import Promote, Retrain
from kronkers_batch.errors import GateFailed, NotFound, Stale, UsageError
from kronkers_batch.facts.as_facts import standing
from kronkers_batch.pipeline.train import promote_recorded
from kronkers_batch.planning import training_due
from kronkers_batch.planning.decide import advance
from kronkers_batch.planning.plan import Score, State, Trained
from kronkers_batch.planning.training_due import NotPromoted, not_promoted
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.vault.context import Role, Scope
from tests.rules.world import DAY, MODEL, World, after, threshold

MISSED = ("r2 0.5 is below 0.9",)


def champion(world: World) -> int:
    """The number of the version in use; 0 where there is none."""
    found = world.services.registry.champion(MODEL)
    return found.number if found else 0


def rejudged(world: World, version: ModelVersion) -> bool:
    model, wanted = world.facts().models[MODEL], version.training.fingerprint
    now = standing(world.services, model, DAY, [wanted])
    return training_due.promotable(now, now.trained[wanted])


def test_a_version_that_passes_todays_thresholds_is_promoted(world: World):
    """A version that missed its thresholds is promoted when it meets today's thresholds, without computing
    anything.
    """
    version = world.version(missed=MISSED)
    world.spec(training_thresholds=(threshold("r2", 0.4),))
    due = training_due.due(world.facts(after(1)).models[MODEL], after(1))
    assert due is not None
    assert due.reason == "thresholds changed: judged anew, nothing computed"
    assert due.fingerprint == version.training.fingerprint
    why = promote_recorded(world.services, world.services.model(MODEL), version)
    assert why == "today's thresholds hold"
    assert champion(world) == 1


def test_a_lost_promotion_is_made_up_for(world: World):
    """A version that passed and was never promoted is promoted by the next run, which reports this."""
    version = world.version()
    due = training_due.due(world.facts(after(1)).models[MODEL], after(1))
    assert due is not None
    assert due.reason == "passed, and not promoted yet, nothing computed"
    assert due.fingerprint == version.training.fingerprint
    why = promote_recorded(world.services, world.services.model(MODEL), version)
    assert why == "it passed its thresholds, and was not promoted then"
    assert champion(world) == 1


def test_a_version_is_recorded_with_its_promotion(world: World):
    """A version and its promotion are recorded together or not at all."""
    training = world.version().training
    with pytest.raises(GateFailed):
        world.services.registry.record(replace(training, verdict=MISSED), b"a model", promote="it is good")
    assert len(world.services.registry.versions(MODEL)) == 1
    world.services.registry.record(training, b"a model", promote="it is good")
    assert champion(world) == 2


def test_a_newer_promotion_decides(world: World):
    """A version is not promoted automatically if a newer one was promoted, even if that one was rolled back
    since.
    """
    world.version(champion=True)
    version = world.version(after(1), again=True)
    assert rejudged(world, version)
    world.version(after(2), again=True, champion=True)
    assert not rejudged(world, version)
    world.services.registry.rollback(MODEL, why="for a test")
    assert champion(world) == 1
    assert not rejudged(world, version)


def test_what_an_operator_recorded_waits_for_an_approver(world: World):
    """In every run, a version that an operator recorded waits for an approver."""
    administrator = world.services.config.key_file
    world.join("olga", Role.OPERATOR, Scope("sales"))
    version = world.version()
    world.act_as(administrator)
    assert not rejudged(world, version)


def test_what_is_declared_and_does_not_score_is_told_each_night(world: World):
    """If today's definition has no champion because its version missed its thresholds, every run reports the
    model as held.
    """
    world.version(definition="other", champion=True)
    world.version()
    world.spec(training_thresholds=(threshold("r2", 0.9),))
    found = told(world)
    assert found is not None
    assert found.kept_back
    assert found.why.startswith(f"{MODEL}@2 is of today's definition and was not promoted: r2 0.5 is below")
    assert found.why.endswith(f"{MODEL}@1, of another one, scores")
    world.promote(world.services.registry.get(MODEL, 2))
    world.services.registry.rollback(MODEL, why="for a test")
    assert told(world) is None  # a person decided


def test_a_worse_version_of_the_same_definition_is_not_told(world: World):
    """A version that missed its thresholds is not reported again if the champion has its definition."""
    world.version(champion=True)
    world.version(after(1), again=True)
    world.spec(training_thresholds=(threshold("r2", 0.9),))
    assert told(world) is None


def test_what_waits_for_a_person_is_told_each_night(world: World):
    """A version that waits for a person is reported in every run. With `promote: manual` a version that waits
    is no failure.
    """
    world.version(champion=True)
    world.version(after(1), again=True)
    found = told(world)
    assert found is not None
    assert found.kept_back  # as what an operator recorded, who may not promote
    world.spec(promote=Promote.MANUAL)
    found = told(world)
    assert found is not None
    assert not found.kept_back
    assert found.why == f"{MODEL}@2 waits for an approver to run `kronkers promote {MODEL}@2 --why REASON`"


def told(world: World) -> NotPromoted | None:
    return not_promoted(world.facts().models[MODEL])


def test_a_version_that_misses_todays_thresholds_is_not_promoted(world: World):
    """A version that misses today's thresholds is not promoted automatically."""
    version = world.version(missed=MISSED)
    world.spec(training_thresholds=(threshold("r2", 0.6),))
    assert not rejudged(world, version)


def test_manual_promotion_is_a_persons(world: World):
    """With `promote: manual` only a person promotes, even if thresholds change."""
    version = world.version(missed=MISSED)
    world.spec(promote=Promote.MANUAL)
    assert not rejudged(world, version)


def test_what_was_rolled_back_stays_rolled_back(world: World):
    """A version that was champion before is not promoted again automatically, so that a rollback is not
    undone.
    """
    world.version(definition="other", champion=True)
    version = world.version(missed=MISSED, champion=True)
    world.services.registry.rollback(MODEL, why="for a test")
    assert not rejudged(world, version)
    assert champion(world) == 1


def test_a_person_promotes_what_missed_only_by_force(world: World):
    """A person promotes a version that missed its thresholds only by force, and gives a reason."""
    registry = world.services.registry
    version = world.version(missed=MISSED)
    with pytest.raises(GateFailed, match=MISSED[0]):
        registry.promote(MODEL, version.number, why="it is good")
    with pytest.raises(UsageError, match="a reason is needed"):
        registry.promote(MODEL, version.number, why=" ", force=True)
    assert champion(world) == 0
    registry.promote(MODEL, version.number, why="it is good", force=True)
    assert champion(world) == 1


def test_promotion_is_of_the_champion_that_somebody_saw(world: World):
    """A promotion is refused if the champion changed after the person who promotes had looked at it."""
    world.version(champion=True)
    world.version(after(1), again=True)
    with pytest.raises(Stale, match=f"the champion changed meanwhile: it is {MODEL}@1 now"):
        world.services.registry.promote(MODEL, 2, why="for a test", expected=0)
    assert champion(world) == 1


def test_a_rollback_goes_back_to_the_champion_before(world: World):
    """A rollback returns to the champion before the present one, or to a named earlier champion."""
    registry = world.services.registry
    for number in range(4):
        world.version(after(number), again=True, champion=number < 3)
    assert registry.rollback(MODEL, why="for a test").number == 2
    assert registry.rollback(MODEL, to=1, why="for a test").number == 1
    with pytest.raises(UsageError, match=f"{MODEL}@4 was never the champion"):
        registry.rollback(MODEL, to=4, why="for a test")


def test_the_first_champion_is_never_rolled_back(world: World):
    """The first champion has no predecessor to roll back to."""
    world.version(champion=True)
    with pytest.raises(NotFound, match="no other champion before"):
        world.services.registry.rollback(MODEL, why="for a test")


def test_a_run_scores_with_the_champion_as_of_its_start(world: World):
    """A run scores with the champion at its start, whatever is promoted in the meantime."""
    world.version(after(-5), champion=True)
    world.spec(retrain=Retrain(dt.timedelta(days=5)))
    planned = world.plan()
    assert planned.entries[f"train {MODEL}/{DAY}"].state is State.DUE
    world.version(DAY, again=True, champion=True)
    assert champion(world) == 2
    newer = world.facts().models[MODEL].champion
    later = advance(planned, Trained(f"train {MODEL}/{DAY}", newer, newer))
    for plan in (planned, later):
        entry = plan.entries[f"score {MODEL}/{DAY}"]
        assert isinstance(entry, Score)
        assert entry.version is not None
        assert entry.version.ref == f"{MODEL}@1"


def test_the_first_training_of_a_run_scores_in_it(world: World):
    """If there was no champion at its start, a run scores with the champion of its own training."""
    plan = world.plan()
    assert plan.entries[f"score {MODEL}/{DAY}"].state is State.WAITS
    world.version(champion=True)
    made = world.facts().models[MODEL].champion
    entry = advance(plan, Trained(f"train {MODEL}/{DAY}", made, made)).entries[f"score {MODEL}/{DAY}"]
    assert isinstance(entry, Score)
    assert entry.version is not None
    assert (entry.state, entry.version.ref) == (State.DUE, f"{MODEL}@1")
