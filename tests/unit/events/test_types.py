"""What each kind of event must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from kronkers_batch.events.event_reference import reference
from kronkers_batch.events.types import SAYS, Event, Kind, next_command


def event(**changes: object) -> Event:
    fields = {
        "model": "buys", "task": "score", "state": "done", "seconds": 0.0, "message": "m", "reason": "r",
        "kind": Kind.PUBLISHED, "subject": "buys/2024-01-01#1", "date": "2024-01-01",
    }  # fmt: skip
    return Event(**(fields | changes))


def test_each_kind_says_what_it_means():
    assert set(SAYS) == set(Kind)
    assert all(says.meaning for says in SAYS.values())


@pytest.mark.parametrize("kind", Kind)
def test_an_event_that_does_not_say_what_its_kind_needs_is_refused(kind):
    event(kind=kind).require_whole()
    for name in SAYS[kind].needs:
        with pytest.raises(ValueError, match=name):
            event(kind=kind, **{name: ""}).require_whole()


def test_a_kind_that_is_not_on_the_list_is_refused():
    with pytest.raises(ValueError, match="exploded"):
        event(kind="exploded").require_whole()


@pytest.mark.parametrize(
    ("state", "kind"),
    [("failed", "failed"), ("held", "held"), ("refused", "refused"), ("warned", "warned"), ("done", "done")],
)
def test_an_event_of_a_task_is_of_the_kind_of_its_state(state, kind):
    assert Event("buys", "score", state, 0.0, "", "").kind == kind


@pytest.mark.parametrize(
    ("kind", "task", "state", "command"),
    [
        (Kind.PUBLISHED, "score", "done", ""),
        (Kind.HELD, "score", "held", "kronkers outputs buys"),
        (Kind.TRAINED, "train", "held", "kronkers versions buys"),
        (Kind.FAILED, "score", "failed", "kronkers log buys --date 2024-01-01"),
        (Kind.FAILED, "ingest", "failed", "kronkers log --date 2024-01-01"),
        (Kind.REFUSED, "train", "refused", "kronkers log buys --date 2024-01-01"),
        (Kind.INTERRUPTED, "run", "interrupted", "kronkers run --date 2024-01-01"),
        (Kind.CONCLUDED, "scores", "failed", ""),
    ],
)
def test_where_a_person_must_act_the_command_is_named(kind, task, state, command):
    assert next_command(kind, task, state, "buys", "2024-01-01") == command


def test_the_reference_is_current():
    page = Path(__file__).parents[3] / "docs/reference/events.md"
    assert page.read_text() == reference(), "write it anew: python -m kronkers_batch.events.event_reference"
