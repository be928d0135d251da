"""No later commit has a smaller number: who follows the outbox by number misses nothing, from any writers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.events import outbox
from kronkers_batch.store.engine import Database
from tests.contract import databases
from tests.unit.events.writer import row

pytestmark = pytest.mark.interpreter


ROOT = Path(__file__).parents[3]
WRITERS, EACH = 4, 100


@pytest.fixture(params=databases.KINDS)
def url(request, tmp_path):
    with databases.address(request, tmp_path) as found:
        yield found


@pytest.fixture
def db(url):
    made = Database(Secret(url))
    made.migrate()
    yield made
    made.close()


def test_a_reader_that_follows_four_writers_misses_none(db, url):
    command = [sys.executable, "-m", "tests.unit.events.writer", url]
    writers = [subprocess.Popen([*command, f"w{n}", str(EACH)], cwd=ROOT) for n in range(WRITERS)]
    position, seen = 0, []
    while True:
        running = any(one.poll() is None for one in writers)  # before it looks for the last time
        with db.read() as conn:
            events = outbox.after(conn, position, 500)
        seen += events
        position = events[-1].position if events else position
        if not running and not events:
            break
        if not events:
            time.sleep(0.05)  # as whoever follows: it takes no processor from the writers
    assert [one.wait() for one in writers] == [0] * WRITERS
    assert [event.position for event in seen] == list(range(1, WRITERS * EACH + 1))
    by_writer = defaultdict(list)
    for event in seen:
        by_writer[event.who].append(int(event.subject))
    assert by_writer == {f"w{n}": list(range(EACH)) for n in range(WRITERS)}


def test_a_number_is_given_again_where_its_transaction_was_undone(db):
    class Undone(Exception):
        pass

    def write(fails: bool) -> None:
        with db.write() as conn:
            position, number = outbox.numbers(conn, "")
            assert number is None
            outbox.post(conn, [row(position, "ann")])
            if fails:
                raise Undone

    with pytest.raises(Undone):
        write(fails=True)
    write(fails=False)
    with db.read() as conn:
        assert [event.position for event in outbox.after(conn, 0, 10)] == [1]
        assert outbox.after(conn, 1, 10) == []
        assert outbox.newest(conn) == 1
