"""Several runs at once, and runs that were killed"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from kronkers_batch.config.spec import Retrain
from kronkers_batch.errors import Stale
from kronkers_batch.pipeline import score as scoring
from kronkers_batch.registry.training import ModelVersion
from tasks.base_task import BaseTask
from tests.rules.world import DAY, MODEL, World, after

HOLD = """\
import sys
from kronkers_batch.config.secret import Secret
from kronkers_batch.store.engine import Database
with Database(Secret(f"sqlite:///{sys.argv[1]}")).claim(sys.argv[2]) as held:
    print(held, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def version(world: World) -> ModelVersion:
    return world.version(champion=True)


def done_by(task: BaseTask) -> tuple[str, str]:
    """State and words of what a task did."""
    return task.work()[:2]


def score(world: World) -> tuple[str, str]:
    """What the task of a night does; what it scores was frozen before."""
    return done_by(planned(world))


def planned(world: World) -> BaseTask:
    key = f"score {MODEL}/{DAY}"
    for need in world.plan().entries[key].needs:
        world.task(need).run()
    return world.task(key)


def while_claimed(
    world: World, name: str, work: Callable[[], object], meanwhile: Callable[[], object]
) -> object:
    """What work gives that had to wait for another process, which does something before it lets go."""
    result: list[object] = []
    thread = threading.Thread(target=lambda: result.append(work()))
    with world.services.db.claim(name) as held:
        assert held
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        meanwhile()
    thread.join()
    return result[0]


def test_a_date_that_another_run_scores_is_waited_for(world: World, version: ModelVersion):
    """If another run scores the same date, a run waits for it, publishes nothing itself, and reports this."""
    done = while_claimed(
        world, f"output {MODEL}/{DAY}", partial(done_by, planned(world)), lambda: world.output(version)
    )
    assert done == ("done", f"{MODEL}/{DAY}#1 done meanwhile by another run")
    assert [output.ref for output in world.services.warehouse.outputs(MODEL)] == [f"{MODEL}/{DAY}#1"]


def test_what_another_run_holds_is_held(world: World, version: ModelVersion):
    """If the other run holds the output, this run reports it as held."""
    missed = ["nulls(score) failed"]
    done = while_claimed(
        world,
        f"output {MODEL}/{DAY}",
        partial(done_by, planned(world)),
        lambda: world.output(version, failed_checks=missed),
    )
    assert done == ("held", f"{MODEL}/{DAY}#1 done meanwhile by another run, and held: {missed[0]}")


def test_a_training_that_another_run_does_is_waited_for(world: World, version: ModelVersion):
    """If another run trains the same model, a run waits for it and does not train again."""
    world.spec(retrain=Retrain(dt.timedelta(days=1)))
    world.plan(after(1))
    work = partial(done_by, world.task(f"train {MODEL}/{after(1)}"))
    done = while_claimed(
        world, f"training of {MODEL}", work, lambda: world.version(after(1), again=True, champion=True)
    )
    assert done == ("done", f"{MODEL}@2 trained meanwhile by another run")
    assert len(world.services.registry.versions(MODEL)) == 2


def test_one_fingerprint_is_published_once(
    world: World, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
):
    """The scores of one date by one version over the same data are published once, even if no run waited."""
    real = scoring.score

    def late(*arguments: object) -> object:
        world.output(version)  # by another run, after this one looked
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring, "score", late)
    assert score(world) == ("done", f"{MODEL}/{DAY}#1 done meanwhile by another run")
    with pytest.raises(Stale, match="another run made this output meanwhile"):
        world.output(version)
    assert len(world.services.warehouse.outputs(MODEL)) == 1


def test_an_earlier_champion_does_not_replace_a_later_one(world: World, version: ModelVersion):
    """If the champion was replaced during a run, the run's output does not replace the output of the new
    champion.
    """
    task = planned(world)
    newer = world.version(after(1), again=True, champion=True)
    assert not task.complete()
    world.output(newer)
    assert done_by(task) == ("done", f"{MODEL}/{DAY}#1 done meanwhile by another run")
    assert task.complete()
    assert world.services.warehouse.heads(MODEL)[0].ref == f"{MODEL}/{DAY}#1"


def test_who_dies_is_not_waited_for(world: World):
    """A run does not wait for a run that was killed."""
    path = world.services.db.path
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), "work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert held.stdout is not None
    assert held.stdout.readline() == b"True\n"
    with world.services.db.claim("work") as ours:
        assert not ours
    with world.services.db.claim("other work") as ours:
        assert ours
    held.kill()
    held.communicate()
    with world.services.db.claim("work") as ours:
        assert ours


def test_who_takes_too_long_is_not_waited_for(world: World, version: ModelVersion):
    """A run waits for another run for at most the model's `time_limit`. After this time a run does the work
    itself.
    """
    resources = replace(world.services.model(MODEL).resources, time_limit=dt.timedelta(seconds=0))
    world.spec(resources=resources)
    world.output(version)
    with world.services.db.claim(f"output {MODEL}/{DAY}") as held:
        assert held
        assert score(world)[0] == "done"
