"""When a model trains"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from kronkers_batch.config.spec import Promote, Retrain
from kronkers_batch.planning import training_due
from kronkers_batch.store import clock
from tests.rules.world import DAY, MODEL, World, after, threshold


def due(world: World, date: dt.date = DAY) -> str:
    """Why the model trains as of a date; empty where it does not."""
    found = training_due.due(world.facts(date).models[MODEL], date)
    return found.reason if found else ""


def asked(world: World, date: dt.date = DAY, force: str = "") -> str:
    found = training_due.asked(world.facts(date).models[MODEL], date, force)
    return found.reason if found else ""


def every(days: int) -> Retrain:
    return Retrain(dt.timedelta(days=days))


def test_a_model_without_a_version_trains(world: World):
    """A model without a version trains."""
    assert due(world) == "no model version yet"


def test_a_trained_model_does_not_train_again(world: World):
    """A model whose champion has today's definition does not train again, however long ago it trained."""
    world.version(champion=True)
    assert [due(world, after(days)) for days in (0, 1, 3_000)] == ["", "", ""]


def test_a_changed_definition_trains(world: World):
    """A changed definition trains, and the reason names what changed."""
    world.version(champion=True)
    world.spec(seed=7, parameters={"a": 1})
    assert due(world) == "definition changed: parameters.a: added 1; seed: 1 -> 7"


def test_what_is_no_part_of_the_definition_does_not_train(world: World):
    """Owner, description, schedule, thresholds, promotion, retention and resources trigger no training."""
    world.version(champion=True)
    resources = replace(world.services.model(MODEL).resources, workers=3, threads=2)
    world.spec(owner="Zoe", description="new", schedule="03:00", resources=resources)
    world.spec(retention=dt.timedelta(days=3), promote=Promote.MANUAL, retrain=every(50))
    world.spec(training_thresholds=(threshold("r2", 0.9),), output_thresholds=(threshold("rows", 9),))
    assert due(world, after(1)) == ""


def test_a_change_that_is_taken_back_trains(world: World):
    """A reverted change trains again, because the champion has the other definition."""
    world.version(champion=True)
    world.version(definition="other", champion=True)
    assert due(world) == 'definition changed: parameters.a: removed "other"'


def test_a_rollback_trains_nothing(world: World):
    """A rollback to a champion of another definition trains nothing."""
    world.version(definition="other", champion=True)
    world.version(champion=True)
    world.services.registry.rollback(MODEL, why="for a test")
    assert due(world, after(1)) == ""


def test_retraining_is_due_after_its_time(world: World):
    """`retrain.every` trains once this much time lies between the last training's date and this date."""
    world.version(champion=True)
    world.spec(retrain=every(30))
    assert due(world, after(29)) == ""
    assert due(world, after(30)) == f"last trained as of {DAY}, 30 days before"
    assert due(world, after(99)) == f"last trained as of {DAY}, 99 days before"


def test_retraining_counts_from_the_last_training(world: World):
    """`retrain.every` counts from the last training of today's definition, promoted or not."""
    world.spec(retrain=every(30), training_thresholds=(threshold("r2", 0.5),))
    world.version(champion=True)
    world.version(after(20), again=True, metrics={"r2": 0.1}, missed=["r2 0.1 is below 0.5"])
    world.version(after(25), definition="other")
    assert due(world, after(49)) == ""
    assert due(world, after(50)) == f"last trained as of {after(20)}, 30 days before"


def test_a_training_as_of_the_future_counts_from_the_day_of_its_making(world: World):
    """`retrain.every` counts a training for a future date from the day on which it was made."""
    world.spec(retrain=every(30), training_thresholds=(threshold("r2", 0.9),))
    made = clock.to_datetime(world.version(dt.date(2900, 1, 1)).created).date()
    assert due(world, made) == ""
    assert due(world, made + dt.timedelta(days=1)).startswith("no champion: price@1 missed")
    world.spec(training_thresholds=())
    world.promote(world.services.registry.get(MODEL, 1))
    assert [due(world, made + dt.timedelta(days=days)) for days in (-90, 29)] == ["", ""]
    assert due(world, made + dt.timedelta(days=30)).startswith(f"last trained on {made}, as of ")


def test_a_date_trains_once(world: World):
    """A definition is trained once for each logical date."""
    world.spec(retrain=every(30))
    world.version(champion=True)
    world.version(after(30), again=True, champion=True)
    world.version(DAY, again=True, champion=True)  # of an earlier date, later
    assert due(world, after(30)) == ""
    assert due(world, after(31)) == f"last trained as of {DAY}, 31 days before"


def test_without_a_champion_each_date_tries_again(world: World):
    """A model without a champion trains again for a later date if its last version missed its thresholds."""
    world.spec(training_thresholds=(threshold("r2", 0.9),))
    world.version(missed=["r2 0.5 is below 0.9"])
    assert due(world) == ""
    assert due(world, after(1)) == f"no champion: {MODEL}@1 missed its thresholds"
    world.version(after(1), again=True, missed=["r2 0.5 is below 0.9"])
    assert due(world, after(1)) == ""
    assert due(world, after(2)) == f"no champion: {MODEL}@2 missed its thresholds"


def test_with_a_champion_a_missed_training_is_not_repeated(world: World):
    """A model with a champion does not repeat a training that missed its thresholds."""
    world.spec(training_thresholds=(threshold("r2", 0.9),))
    world.version(definition="other", champion=True)
    world.version(missed=["r2 0.5 is below 0.9"])
    assert due(world, after(1)) == ""


def test_a_version_that_waits_for_a_person_is_not_trained_again(world: World):
    """A version that passed and waits for a person to promote it is not trained again."""
    world.spec(promote=Promote.MANUAL)
    world.version()
    assert [due(world, after(days)) for days in (0, 1, 30)] == ["", "", ""]


def test_who_asks_trains_for_another_date(world: World):
    """`kronkers train` trains once for each logical date, even if nothing changed."""
    world.version(champion=True)
    assert asked(world) == ""
    assert asked(world, after(1)) == "asked for"
    world.version(after(1), again=True, champion=True)
    assert asked(world, after(1)) == ""


def test_who_asks_by_force_trains(world: World):
    """`kronkers train --force` trains each time."""
    world.version(champion=True)
    assert asked(world, force="a1") == "asked for, by force"


def test_who_asks_after_a_change_is_told_the_change(world: World):
    """`kronkers train` after a change, or after a reverted change, shows what changed."""
    assert asked(world) == "no model version yet"
    world.version(champion=True)
    world.version(definition="other", champion=True)
    assert asked(world) == 'definition changed: parameters.a: removed "other"'
