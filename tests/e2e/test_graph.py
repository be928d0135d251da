"""What depends on what, edge by edge: an edge more or less is a failure here."""

import datetime as dt

import pytest

from kronkers_batch.bootstrap import open_system
from kronkers_batch.facts.planned import planned
from kronkers_batch.planning.plan import Ingest

DATE = dt.date(2024, 1, 20)


@pytest.fixture
def graph(monkeypatch):
    """Opens a project's system in this process and gives the graph's edges, in words."""
    opened = []

    def edges(project, date=DATE):
        monkeypatch.setenv("HOME", str(project.home))
        conf = project.folder / "conf"
        services = open_system(conf, first_run=True)
        opened.append(services)
        plan = planned(services, date, [], running=True)
        asked = {("nightly", name(plan.entries[key])) for key in plan.roots}
        return asked | {(name(one), name(plan.entries[key])) for one in plan.open for key in one.needs}

    yield edges
    for services in opened:
        services.close()


def name(task):
    if isinstance(task, Ingest):
        return f"ingest {task.source} {task.start[8:10]}-{task.end[8:10]}"
    return f"{type(task).__name__.lower()} {task.model} {task.date.day}"


def published(day):
    return {
        ("ingest visits_scored 16-19", f"published buys {day}"),
        (f"published buys {day}", f"score buys {day}"),
        (f"score buys {day}", f"ingest visits {day}-{day + 1}"),
        (f"score buys {day}", "train buys 20"),
    }


def test_before_the_first_night_every_edge_is_there(fresh, graph):
    assert graph(fresh) == {
        ("nightly", "score buys 20"),
        ("nightly", "score spends 20"),
        ("nightly", "train buys 20"),
        ("nightly", "train spends 20"),
        ("score buys 20", "ingest visits 20-21"),
        ("score buys 20", "train buys 20"),
        ("train buys 20", "ingest visits 09-19"),
        ("score spends 20", "ingest visits_scored 20-21"),
        ("score spends 20", "train spends 20"),
        ("ingest visits_scored 20-21", "score buys 20"),
        ("train spends 20", "ingest visits_scored 16-19"),
    } | published(16) | published(17) | published(18)


def test_scoring_never_waits_for_a_retraining(project, graph):
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    edges = graph(project)
    assert ("nightly", "train buys 20") in edges
    assert not [e for e in edges if e[0].startswith("score") and e[1].startswith("train")]
