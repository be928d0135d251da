"""What expires"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from kronkers_batch.access import definition_signing
from kronkers_batch.audit import runlog, runs
from kronkers_batch.pipeline.retention import expire_outputs
from kronkers_batch.queries.report import write_page, write_run_page
from kronkers_batch.session.lifetimes import Run
from kronkers_batch.vault.context import Role, Scope
from tasks import run_services
from tasks.ending import RunResult
from tasks.run import run
from tests.rules.world import DAY, MODEL, World, after, offers

TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    run_services._open.clear()


def outputs(world: World, *days: int, kept: int = 10, date: dt.date = DAY) -> None:
    """A model that keeps its outputs for so many days, with outputs of these days from the date on."""
    model = world.services.config.models[MODEL]
    if model.retention != dt.timedelta(days=kept):
        world.spec(retention=dt.timedelta(days=kept))
    version = world.services.registry.champion(MODEL) or world.version(champion=True)
    for day in days:
        world.output(version, date + dt.timedelta(days=day))


def expired(world: World, date: dt.date = DAY, *, delete_expired: bool = False) -> tuple[list[str], str, str]:
    """What a good run of a date deletes, and the state and words of what its record says of it."""
    services = world.services
    with runs.begun(services, date, "command", {MODEL: "sales"}) as services.run.id:
        gone = expire_outputs(services, date, [MODEL], delete_expired)
        events = [event for event in runlog.events(services, services.run_id) if event.task == "expire"]
    return gone, *((events[0].state, events[0].message) if events else ("", ""))


def night(world: World, *, delete_expired: bool = False) -> RunResult:
    """A whole run of the date."""
    folder = world.folder / "conf"
    return run(world.services, folder, (), DAY, [MODEL], delete_expired=delete_expired)


def ref(days: int, date: dt.date = DAY) -> str:
    return f"{MODEL}/{date + dt.timedelta(days=days)}#1"


def test_outputs_past_their_retention_are_deleted(world: World):
    """An output that is older than `output.retention` on the run's date is deleted. An output exactly as old
    as `output.retention` is kept.
    """
    outputs(world, 0, -1, -10, -11, -12)
    gone, state, words = expired(world)
    assert gone == [ref(-12), ref(-11)]
    assert (state, words) == ("done", "2 outputs past 10 days deleted")
    assert world.services.warehouse.dates(MODEL) == [after(-10), after(-1), DAY]


def test_without_retention_outputs_stay(world: World):
    """Without `output.retention` outputs are kept for ever."""
    outputs(world, 0, -1, -2_000)
    world.spec(retention=None)
    assert expired(world, delete_expired=True) == ([], "", "")


def test_held_and_unfinished_outputs_expire_too(world: World):
    """Held outputs, and unfinished outputs of a killed run, expire as published ones do."""
    outputs(world, 0, -1, -2)
    champion = world.services.registry.champion(MODEL)
    assert champion is not None
    world.output(champion, after(-11), missed=["rows 2 is below 5"])
    schema = world.services.warehouse.outputs(MODEL)[0].schema
    world.services.warehouse.begin(MODEL, "sales", after(-12), "f", schema, ["id"])
    assert expired(world)[0] == [ref(-12), ref(-11)]


def test_a_run_that_published_nothing_deletes_nothing(world: World):
    """A run deletes only if its own date's output is published."""
    outputs(world, -1, -2, -11)
    assert expired(world) == ([], "", "")
    champion = world.services.registry.champion(MODEL)
    assert champion is not None
    world.output(champion, missed=["rows 2 is below 5"])
    assert expired(world, delete_expired=True) == ([], "", "")


def test_what_is_long_due_waits_for_a_word(world: World):
    """If an output of a model expired more than 31 days ago, none of its outputs is deleted, until a
    person confirms it.
    """
    outputs(world, 0, -1, -2, -3, -41, -42)
    gone, state, words = expired(world)
    assert (gone, state) == ([], "held")
    assert words.startswith(
        "the outputs of 2 dates, past 10 days, are not deleted: the oldest expired 32 days ago"
    )
    assert f"kronkers run {MODEL} --date {DAY} --delete-expired" in words
    assert expired(world, delete_expired=True)[0] == [ref(-42), ref(-41)]


def test_what_is_due_for_a_month_is_deleted(world: World):
    """Outputs that expired at most 31 days ago are deleted without confirmation."""
    outputs(world, 0, -1, -2, -3, -41)
    assert expired(world)[0] == [ref(-41)]


def test_most_of_the_outputs_wait_for_a_word(world: World):
    """If more than half of a model's dates are due, none of its outputs is deleted, until a person confirms
    it.
    """
    outputs(world, 0, -1, -11, -12, -13)
    gone, state, words = expired(world)
    assert (gone, state) == ([], "held")
    assert "they are more than half of the 5 that there are" in words
    outputs(world, -2)
    assert expired(world)[0] == [ref(-13), ref(-12), ref(-11)]


def test_nothing_expires_as_of_the_future(world: World):
    """A run for a date in the future deletes nothing, because the date may be a typing error."""
    tomorrow = TODAY + dt.timedelta(days=1)
    outputs(world, 0, -1, -2, -11, date=tomorrow)
    gone, state, words = expired(world, tomorrow)
    assert (gone, state) == ([], "held")
    assert f"{tomorrow} lies in the future" in words


def test_the_table_and_the_page_say_what_expired(world: World):
    """The run's table and page list the deleted outputs, and the outputs that are due but not deleted, with
    the reason.
    """
    outputs(world, 0, -1, -2, -11)
    (outcome,) = night(world).verdicts
    assert (outcome.state, outcome.message) == ("published", "1 output past 10 days deleted")
    outputs(world, -41, -42)
    found = night(world)
    (outcome,) = found.verdicts
    assert outcome.state == "held"
    assert outcome.message.startswith("the outputs of 2 dates, past 10 days, are not deleted: the oldest")
    assert found.exit_code == 1
    for page in (write_run_page(world.services, found.run_id), write_page(world.services, DAY)):
        assert "the outputs of 2 dates, past 10 days, are not deleted" in page.read_text()
    assert night(world, delete_expired=True).exit_code == 0
    assert world.services.warehouse.dates(MODEL) == [after(-2), after(-1), DAY]


def test_a_failed_run_deletes_nothing(world: World):
    """If a model fails in a run, the run deletes none of its outputs, even if the date is published."""
    outputs(world, 0, -1, -2, -11)
    world.rows(offers(days=25))  # scored anew, with a model that is none
    (outcome,) = night(world, delete_expired=True).verdicts
    assert outcome.state == "failed"
    assert after(-11) in world.services.warehouse.dates(MODEL)


def test_only_models_of_the_run_expire(world: World):
    """A run deletes no outputs of models that it did not run, or that its caller may not run."""
    outputs(world, 0, -1, -2, -11)
    assert expire_outputs(world.services, DAY, []) == []
    world.join("olga", Role.OPERATOR, Scope("sales", "reader"))
    world.spec(retention=dt.timedelta(days=10))
    assert expire_outputs(world.services, DAY, [MODEL]) == []


def test_an_unsigned_retention_deletes_nothing(world: World):
    """If signatures are required, an unsigned `output.retention` deletes nothing."""
    outputs(world, 0, -1, -2, -11)
    definition_signing.sign(
        world.services, definition_signing.requirement(world.services, True), "for a test"
    )
    world.services.run = Run()
    assert expire_outputs(world.services, DAY, [MODEL]) == []


@pytest.mark.parametrize("delete_expired", [False, True])
def test_what_is_deleted_cannot_be_read(world: World, delete_expired: bool):
    """Nobody can read a deleted output. The ledger entries of a deleted output stay."""
    outputs(world, 0, -1, -2, -11)
    expired(world, delete_expired=delete_expired)
    with pytest.raises(Exception, match="deleted"):
        world.services.warehouse.rows.read(MODEL, after(-11), version=1)
    with world.services.db.read() as connection:
        lines = [
            entry.subject for entry in world.services.ledger.entries(connection) if entry.action == "expire"
        ]
    assert lines == [ref(-11)]
