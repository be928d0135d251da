"""What waits for what in a night"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kronkers_batch.access.stopped import named
from kronkers_batch.config.spec import Promote
from kronkers_batch.errors import Stale
from kronkers_batch.planning.decide import advance
from kronkers_batch.planning.plan import AnyEntry, Ingest, Plan, Score, State, Trained
from kronkers_batch.session.lifetimes import Run
from tasks.base_task import Impossible
from tests.rules.world import DAY, MODEL, READER, World, after, threshold

MISSED = ("r2 0.5 is below 0.9",)
SCORING, TRAINING = f"score {MODEL}/{DAY}", f"train {MODEL}/{DAY}"


def graph(world: World, *names: str) -> dict[str, list[str]]:
    """What a night does, each with what it waits for, in words."""
    plan = world.plan(DAY, *(names or named(world.services, [])))
    found = {words(one): [words(plan.entries[key]) for key in one.needs] for one in plan.open}
    asked = [plan.entries[key] for key in plan.roots]
    return {"night": [words(one) for one in asked if one.state is not State.DONE]} | found


def words(entry: AnyEntry) -> str:
    if isinstance(entry, Ingest):
        return f"ingest {entry.source} {entry.start[8:10]}-{entry.end[8:10]}"
    return f"{type(entry).__name__.lower()} {entry.model} {entry.date.day}"


def scoring(plan: Plan) -> Score:
    found = plan.entries[SCORING]
    assert isinstance(found, Score)
    return found


def by(plan: Plan) -> str:
    version = scoring(plan).version
    return version.ref if version else ""


def test_the_first_scoring_waits_for_the_first_training(world: World):
    """A model without a champion is scored after its first training."""
    found = graph(world, MODEL)
    assert found["night"] == [f"score {MODEL} 20", f"train {MODEL} 20"]
    assert found[f"score {MODEL} 20"] == ["ingest offers 20-21", f"train {MODEL} 20"]


def test_scoring_never_waits_for_a_retraining(world: World):
    """If there is a champion, scoring waits for no training, unless the declaration of the source changed."""
    world.version(champion=True)
    world.spec(seed=9)
    found = graph(world, MODEL)
    assert found["night"] == [f"score {MODEL} 20", f"train {MODEL} 20"]
    assert found[f"score {MODEL} 20"] == ["ingest offers 20-21"]


def test_a_model_that_is_not_enabled_is_left_out(world: World):
    """A model with `enabled: false` is left out of a night, unless it is named."""
    world.version(champion=True)
    world.spec(READER, enabled=False)
    assert named(world.services, []) == [MODEL]
    assert graph(world)["night"] == [f"score {MODEL} 20"]
    world.spec(enabled=False)
    assert named(world.services, []) == []
    assert graph(world, MODEL)["night"] == [f"score {MODEL} 20"]


def test_a_reader_waits_for_tonights_output(world: World):
    """A model that reads another model's output waits until the outputs of this date and of earlier dates are
    published.
    """
    world.version(champion=True)
    found = graph(world, READER)
    assert found[f"score {READER} 20"] == [f"ingest output.{MODEL} 20-21", f"train {READER} 20"]
    assert found[f"ingest output.{MODEL} 20-21"] == [f"score {MODEL} 20"]
    assert found[f"train {READER} 20"] == [f"ingest output.{MODEL} 16-19"]
    assert found[f"ingest output.{MODEL} 16-19"] == [f"published {MODEL} {day}" for day in (16, 17, 18)]
    assert found[f"published {MODEL} 17"] == [f"score {MODEL} 17"]


def test_a_recorded_version_is_judged_without_reading(world: World):
    """A recorded version that meets today's thresholds is promoted without reading any rows."""
    world.version(missed=MISSED)
    found = graph(world, MODEL)
    assert found[f"train {MODEL} 20"] == []


def test_what_waits_for_a_person_fails_and_says_so(world: World):
    """A model whose versions all wait for a person has no champion: a run does not score the model, and
    reports this.
    """
    world.spec(promote=Promote.MANUAL)
    world.version()
    found = graph(world, MODEL)
    assert found["night"] == [f"score {MODEL} 20"]
    assert found[f"score {MODEL} 20"] == []
    told = world.plan().entries[SCORING].problem
    assert told is not None
    assert f"{MODEL} has no champion: {MODEL}@1 was not promoted" in told.words
    with pytest.raises(Impossible):
        world.task(SCORING).run()


def test_a_finished_night_does_nothing(world: World):
    """If all dates are scored and all models trained, a run for this date has nothing to do. A run for a
    later date has work.
    """
    world.output(world.version(champion=True))
    assert world.plan().open == []
    assert world.plan(after(1)).open != []


def test_a_plan_is_carried_out_on_what_it_was_decided_on(world: World):
    """A run does not run a model whose definition or code differs from the one it was planned with."""
    world.version(champion=True)
    plan = world.plan()
    world.task(plan.entries[SCORING].needs[0]).run()
    (world.folder / "models/price/model.py").write_text("def fit(data, params): return 1\n")
    world.services.run = Run(plan=world.services.run.plan)
    with pytest.raises(Stale, match="the definition changed after the run was planned"):
        world.task(SCORING).run()


# ---------------------------------------------------------------- a source that is declared otherwise


def declared_otherwise(world: World) -> None:
    """From now on the source has another column, and is another one for all that were trained on it."""
    services = world.services
    source = services.config.sources["offers"]
    changed = replace(source, csv={**source.csv, "delimiter": ";"})
    services.config = replace(services.config, sources={**services.config.sources, "offers": changed})
    world.spec()


def test_scoring_waits_for_a_training_on_a_source_that_is_declared_otherwise(world: World):
    """If the declaration of a source changed, the champion does not score it before this run's training."""
    world.version(champion=True)
    declared_otherwise(world)
    plan = world.plan()
    assert [plan.entries[key].state for key in (SCORING, TRAINING)] == [State.WAITS, State.DUE]
    assert TRAINING in plan.entries[SCORING].needs
    assert f"{MODEL}@1 was trained on a source that is declared otherwise now (source.offers.csv)" in (
        plan.entries[SCORING].why
    )
    world.version(champion=True)
    made = world.facts().models[MODEL].champion
    later = advance(plan, Trained(TRAINING, made, made))
    assert (scoring(later).state, by(later)) == (State.DUE, f"{MODEL}@2")


def test_without_such_a_training_nothing_is_scored(world: World):
    """If the training on the changed source is not promoted, the scores are held."""
    world.version(champion=True)
    declared_otherwise(world)
    plan, champion = world.plan(), world.facts().models[MODEL].champion
    world.spec(training_thresholds=(threshold("r2", 0.9),))
    world.version(missed=MISSED)
    newest = world.facts().models[MODEL].newest
    later = advance(plan, Trained(TRAINING, champion, newest))
    for entry in (scoring(later), world.score()):
        assert entry.state is State.HELD
        assert entry.problem is not None
        assert f"{MODEL}@2, of today's, is not in use: r2 0.5 is below 0.9" in entry.problem.words
        assert f"kronkers promote {MODEL}@2 --force --why REASON" in entry.problem.words


def test_who_chose_a_version_of_another_source_is_believed(world: World):
    """After a rollback to a version that was trained on the earlier declaration, this version scores the
    changed source.
    """
    world.version(champion=True)
    declared_otherwise(world)
    world.version(champion=True)
    world.services.registry.rollback(MODEL, why="for a test")
    assert (world.score().state, by(world.plan())) == (State.DUE, f"{MODEL}@1")


def test_a_source_that_is_declared_as_before_again_waits_too(world: World):
    """If the declaration of a source is reverted, the champion that was trained on the other declaration
    waits for a training too.
    """
    world.version(champion=True)
    before = world.services.config.sources
    declared_otherwise(world)
    world.version(champion=True)
    world.services.config = replace(world.services.config, sources=before)
    world.spec()
    plan = world.plan()
    assert [plan.entries[key].state for key in (SCORING, TRAINING)] == [State.WAITS, State.DUE]
