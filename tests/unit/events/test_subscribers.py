"""Subscribers see every event at least once, also after a crash, and fail nobody's run."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import select

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import StoreError
from kronkers_batch.events import outbox, subscribers
from kronkers_batch.events.subscribers import LOG, PAGES, deliver, enrol, place_of
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.runs import subscribers as table
from tests.unit.events.writer import row


class Taken:
    def __init__(self, name: str, fails: int = 0) -> None:
        self.name, self.fails = name, fails
        self.seen: list[int] = []

    def take(self, events):
        self.seen += [event.position for event in events]
        if self.fails:
            self.fails -= 1
            raise StoreError("it is full", fix="make room")
        return []


@pytest.fixture
def db(tmp_path):
    made = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    made.migrate()
    return made


@pytest.fixture
def home(tmp_path):
    return tmp_path / "var"


def happen(db, count: int) -> None:
    for _ in range(count):
        with db.write() as conn:
            outbox.post(conn, [row(outbox.numbers(conn, "")[0], "ann")])


def begin(db, home) -> None:
    with db.write() as conn:
        enrol(conn, place_of(home))


def test_each_sees_what_happens_after_the_first_run_of_its_place_began(db, home):
    happen(db, 2)
    begin(db, home)
    happen(db, 3)
    begin(db, home)  # again is no new beginning
    one = Taken(LOG)
    assert deliver(db, home, [one]) == []
    assert one.seen == [3, 4, 5]
    happen(db, 1)
    assert deliver(db, home, [one]) == []
    assert one.seen == [3, 4, 5, 6]


def test_a_place_that_never_began_a_run_is_told_nothing(db, home):
    happen(db, 2)
    one = Taken(LOG)
    assert deliver(db, home, [one]) == []
    assert one.seen == []


def test_one_that_fails_holds_up_no_other_and_sees_it_again(db, home):
    begin(db, home)
    happen(db, 2)
    bad, good = Taken(PAGES, fails=1), Taken(LOG)
    (warning,) = deliver(db, home, [bad, good])
    assert "it is full" in warning
    assert "make room" in warning
    assert good.seen == [1, 2]
    assert deliver(db, home, [bad, good]) == []
    assert (bad.seen, good.seen) == ([1, 2, 1, 2], [1, 2])


def test_what_nobody_foresaw_is_a_warning_too(db, home, monkeypatch):
    begin(db, home)
    happen(db, 1)
    one = Taken(LOG)
    monkeypatch.setattr(one, "take", lambda _events: 1 / 0)
    (warning,) = deliver(db, home, [one])
    assert "ZeroDivisionError" in warning


def test_one_that_is_killed_before_its_position_is_moved_sees_it_again(db, home):
    begin(db, home)
    happen(db, 3)
    child = os.fork()
    if child == 0:
        one = Taken(LOG)
        one.take = lambda _events: os._exit(7)
        deliver(Database(db._url), home, [one])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    again = Taken(LOG)
    assert deliver(db, home, [again]) == []
    assert again.seen == [1, 2, 3]


def test_many_come_in_parts_and_each_part_is_kept(db, home, monkeypatch):
    monkeypatch.setattr(subscribers, "_BATCH", 2)
    begin(db, home)
    happen(db, 5)
    one = Taken(LOG)
    parts = []
    take = one.take

    def some(events):
        parts.append(len(events))
        if len(parts) == 2:
            raise StoreError("stopped")
        return take(events)

    one.take = some
    assert len(deliver(db, home, [one])) == 1
    with db.read() as conn:
        assert conn.execute(select(table.c.position).where(table.c.name == LOG)).scalar_one() == 2
    assert deliver(db, home, [one]) == []
    assert (one.seen, parts) == ([1, 2, 3, 4, 5], [2, 2, 2, 1])


def test_two_places_have_positions_of_their_own(db, home, tmp_path):
    other = tmp_path / "other"
    begin(db, home)
    happen(db, 1)
    begin(db, other)
    happen(db, 1)
    here, there = Taken(LOG), Taken(LOG)
    deliver(db, home, [here])
    deliver(db, other, [there])
    assert (here.seen, there.seen) == ([1, 2], [2])
    assert place_of(home) == place_of(home) != place_of(other)


def test_while_another_command_tells_a_subscriber_nobody_else_does(db, home, monkeypatch):
    monkeypatch.setattr(subscribers, "_WAIT", 0)
    begin(db, home)
    happen(db, 1)
    one = Taken(LOG)
    with db.claim(f"subscriber {LOG} {place_of(home)}") as held:
        assert held
        (warning,) = deliver(db, home, [one])
    assert "another command" in warning
    assert one.seen == []
