"""A process that writes events: ``python -m tests.unit.events.writer URL NAME COUNT``."""

from __future__ import annotations

import random
import sys
import time

from sqlalchemy import insert

from kronkers_batch.config.secret import Secret
from kronkers_batch.events import outbox
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.runs import events


def row(position: int, who: str, subject: str = "") -> dict[str, object]:
    """An event outside a run."""
    empty = dict.fromkeys(("run_id", "seq", "message", "reason", "found"))
    text = {"model": "buys", "department": "sales", "task": "promotion", "state": "done", "logical_date": ""}
    said = {"kind": "promoted", "principal": who, "subject": subject, "seconds": 0.0, "at": 1}
    return {"position": position, **empty, **text, **said}


def main() -> None:
    """Write them, each in a transaction that goes on for a time after its number was given."""
    url, who, count = sys.argv[1:]
    db = Database(Secret(url))
    for number in range(int(count)):
        with db.write() as conn:
            position, _ = outbox.numbers(conn, "")
            conn.execute(insert(events).values(row(position, who, str(number))))  # not read back: cheaper
            if number % 10 == 0:
                time.sleep(random.random() / 50)
    db.close()


if __name__ == "__main__":
    main()
