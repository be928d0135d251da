"""What cannot be told of one model is its own failure, in each place where it is met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kronkers_batch.planning import reasons
from kronkers_batch.planning.decide import decide
from kronkers_batch.planning.facts import Facts, Input, Problem
from kronkers_batch.planning.plan import State
from tests.unit.planning.memory import READER, SALES, Office, day

TODAY = day(9)
BROKEN, CLOSED = Problem("the source is broken"), Problem("not yours", refused=True)


def facts() -> Facts:
    office = Office()
    office.night(day(8))
    return office.facts(TODAY)


def with_input(found: Facts, name: str, **changes: object) -> Facts:
    today = found.days[name, TODAY]
    assert isinstance(today.input, Input)
    read = replace(today, input=replace(today.input, **changes))
    return replace(found, days={**found.days, (name, TODAY): read})


@pytest.mark.parametrize(("problem", "state"), [(BROKEN, State.FAILED), (CLOSED, State.REFUSED)])
def test_a_source_whose_state_cannot_be_told_fails_its_readers_alone(problem, state):
    plan = decide(with_input(facts(), SALES, stated=problem))
    assert plan.entries[f"score {SALES}/{TODAY}"].state is state
    assert plan.entries[f"score {SALES}/{TODAY}"].why == problem.first


def test_what_a_reader_reads_cannot_be_frozen():
    plan = decide(with_input(facts(), READER, stated=BROKEN))
    assert plan.entries[f"score {READER}/{TODAY}"].problem == BROKEN


def test_a_model_that_the_caller_may_not_run_is_refused_where_there_is_work():
    found = facts()
    model = replace(found.models[SALES], forbidden=CLOSED)
    plan = decide(replace(found, models={**found.models, SALES: model}))
    assert plan.entries[f"score {SALES}/{TODAY}"].state is State.REFUSED


@pytest.mark.parametrize(
    ("training", "state"), [(BROKEN, State.FAILED), (CLOSED, State.REFUSED), (None, State.DUE)]
)
def test_a_training_that_is_due_on_rows_that_cannot_be_told(training, state):
    found = facts()
    model = replace(found.models[SALES], definition="another", training=training)
    plan = decide(replace(found, models={**found.models, SALES: model}))
    assert plan.entries[f"train {SALES}/{TODAY}"].state is state
    assert plan.entries[f"train {SALES}/{TODAY}"].needs == ()


def test_of_many_changed_keys_some_are_named():
    champion = facts().models[SALES].champion
    assert champion is not None
    names = tuple(f"source.{letter}" for letter in "abcdefg")
    said = reasons.elsewhere(replace(champion, elsewhere=names))
    assert "source.e and 2 more" in said
    assert "source.f" not in said
