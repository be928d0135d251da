"""Workers start while the data is still being read: for what is due, and for no more than are kept."""

import datetime as dt

import pytest
from kronkers_batch.steps.decide import training_due

from kronkers_batch.bootstrap import open_system
from kronkers_batch.steps import warm
from kronkers_batch.steps.train import trainer_key
from kronkers_batch.steps.warm import prepare_workers
from tests.e2e.test_access import NEXT, NIGHT


@pytest.fixture
def services(project, monkeypatch):
    for name, value in project.environment().items():
        monkeypatch.setenv(name, value)
    opened = open_system(project.folder / "conf")
    yield opened
    opened.close()


def waiting(services) -> set[str]:
    return set(services.workers.keys())


def test_a_champion_that_is_to_score(services):
    prepare_workers(services, ["buys"], dt.date.fromisoformat(NEXT), training=False)
    assert waiting(services) == {services.registry.champion("buys").id}


def test_nothing_where_nothing_is_due(services):
    prepare_workers(services, ["buys"], dt.date.fromisoformat(NIGHT), training=False)
    assert not waiting(services)


def test_a_training_that_somebody_asks_for(services):
    prepare_workers(services, ["buys"], dt.date.fromisoformat(NIGHT), training=True)
    assert waiting(services) == {trainer_key(services.model("buys"))}


def test_what_is_due_is_asked_for_no_more_models_than_are_prepared(services, monkeypatch):
    asked = []

    def due(services, model, date):
        asked.append(model.name)
        return training_due(services, model, date)

    monkeypatch.setattr(warm, "training_due", due)
    monkeypatch.setattr(services.workers, "kept", 1)
    prepare_workers(services, ["buys", "spends"], dt.date.fromisoformat(NEXT), training=False)
    assert asked == ["buys"]
    assert len(waiting(services)) == 1
