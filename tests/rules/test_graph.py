"""What waits for what in a night"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kronkers_batch.config.spec import Promote
from kronkers_batch.errors import GateFailed
from tasks import context
from tasks.base import BaseTask
from tasks.ingest import Ingest
from tasks.run import nightly_task
from tasks.score import OutputTask
from tasks.train import Train
from tests.rules.world import DAY, MODEL, READER, World, after

MISSED = ("r2 0.5 is below 0.9",)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    context._open.clear()


def graph(world: World, *names: str) -> dict[str, list[str]]:
    """Each task of a night with those that it waits for, in words."""
    root = nightly_task(world.services, world.folder / "conf", (), DAY, list(names))
    found: dict[str, list[str]] = {}
    waiting: list[BaseTask] = [root]
    while waiting:
        task = waiting.pop()
        if (name := words(task)) not in found:
            required = list(task.requires())
            found[name] = [words(one) for one in required]
            waiting += required
    return found


def words(task: BaseTask) -> str:
    if task.kind == "nightly":
        return "night"
    if isinstance(task, Ingest):
        return f"ingest {task.source} {task.start[8:10]}-{task.end[8:10]}"
    assert isinstance(task, Train | OutputTask)
    return f"{task.kind} {task.model} {task.date.day}"


def test_the_first_scoring_waits_for_the_first_training(world: World):
    """A model without a champion is scored after its first training."""
    found = graph(world, MODEL)
    assert found["night"] == [f"score {MODEL} 20", f"train {MODEL} 20"]
    assert found[f"score {MODEL} 20"] == ["ingest offers 20-21", f"train {MODEL} 20"]


def test_scoring_never_waits_for_a_retraining(world: World):
    """Where there is a champion, scoring waits for no training."""
    world.version(champion=True)
    world.spec(seed=9)
    found = graph(world, MODEL)
    assert found["night"] == [f"score {MODEL} 20", f"train {MODEL} 20"]
    assert found[f"score {MODEL} 20"] == ["ingest offers 20-21"]


def test_a_model_that_is_not_enabled_is_left_out(world: World):
    """A model with `enabled: false` is left out of a night, unless it is named."""
    world.version(champion=True)
    world.spec(READER, enabled=False)
    assert graph(world)["night"] == [f"score {MODEL} 20"]
    world.spec(enabled=False)
    assert graph(world)["night"] == []
    assert graph(world, MODEL)["night"] == [f"score {MODEL} 20"]


def test_a_reader_waits_for_tonights_output(world: World):
    """A model that reads another's output waits for tonight's, and for earlier dates to be published."""
    world.version(champion=True)
    found = graph(world, READER)
    assert found[f"score {READER} 20"] == [f"ingest output.{MODEL} 20-21", f"train {READER} 20"]
    assert found[f"ingest output.{MODEL} 20-21"] == [f"score {MODEL} 20"]
    assert found[f"train {READER} 20"] == [f"ingest output.{MODEL} 16-19"]
    assert found[f"ingest output.{MODEL} 16-19"] == [f"published {MODEL} {day}" for day in (16, 17, 18)]
    assert found[f"published {MODEL} 17"] == [f"score {MODEL} 17"]


def test_a_recorded_version_is_judged_without_reading(world: World):
    """A recorded version that today's thresholds let through is promoted without reading any rows."""
    world.version(missed=MISSED)
    found = graph(world, MODEL)
    assert found[f"train {MODEL} 20"] == []


def test_what_waits_for_a_person_fails_and_says_so(world: World):
    """A model whose versions all wait for a person has no champion: it is not scored, and says so."""
    world.spec(promote=Promote.MANUAL)
    world.version()
    found = graph(world, MODEL)
    assert found["night"] == [f"score {MODEL} 20"]
    assert found[f"score {MODEL} 20"] == ["ingest offers 20-21"]
    (task,) = nightly_task(world.services, world.folder / "conf", (), DAY, [MODEL]).requires()
    with pytest.raises(GateFailed, match=f"{MODEL} has no champion: {MODEL}@1 was not promoted"):
        task.work()


def test_a_settled_night_does_nothing(world: World):
    """A night whose dates are scored and whose models are trained is complete, and a later date is not."""
    world.output(world.version(champion=True))
    root = nightly_task(world.services, world.folder / "conf", (), DAY, [MODEL])
    assert root.complete()
    assert not nightly_task(world.services, world.folder / "conf", (), after(1), [MODEL]).complete()
