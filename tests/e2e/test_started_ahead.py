"""Workers start while the data is still being read: for what is due, and for no more than are kept."""

import datetime as dt

import pytest

from kronkers_batch.bootstrap import open_system
from kronkers_batch.facts.gather import gather
from kronkers_batch.pipeline.fitting import trainer_key
from kronkers_batch.pipeline.warm import prepare_workers
from kronkers_batch.planning.decide import decide, decide_training
from kronkers_batch.runtimes import probing
from kronkers_batch.store.cache import ContentCache
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


def prepared(services, date, *names):
    facts = gather(services, dt.date.fromisoformat(date), names, running=True)
    prepare_workers(services, decide(facts))
    return waiting(services)


def test_a_champion_that_is_to_score(services):
    assert prepared(services, NEXT, "buys") == {services.registry.champion("buys").id}


def test_nothing_where_nothing_is_due(services):
    assert not prepared(services, NIGHT, "buys")


def test_a_training_that_somebody_asks_for(services):
    facts = gather(services, dt.date.fromisoformat(NIGHT), ["buys"], running=True, asked=True)
    prepare_workers(services, decide_training(facts, "buys", "by force"))
    assert waiting(services) == {trainer_key(services.model("buys"))}


def test_no_more_models_are_prepared_than_are_kept(services, monkeypatch):
    monkeypatch.setattr(services.workers, "kept", 1)
    assert prepared(services, NEXT, "buys", "spends") == {services.registry.champion("buys").id}


def test_no_reading_transaction_is_open_while_code_is_normalised(services, tmp_path, monkeypatch):
    """A reader keeps deleted keys in SQLite's log, and an interpreter takes seconds to start."""
    real, held = probing.parser, []

    def started(*what):
        held.append(services.db._opened().pool.checkedout())
        return real(*what)

    monkeypatch.setattr(probing, "parser", started)
    services.cache = ContentCache(tmp_path / "cache")  # in which no code is known yet
    with services.db.one_read():
        with services.db.read():
            pass
        assert services.db._opened().pool.checkedout() == 1
        gather(services, dt.date.fromisoformat(NIGHT), list(services.config.models), running=True)
    assert held
    assert not any(held)
