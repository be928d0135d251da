"""The reference of events, made from their types.

Run it as ``python -m kronkers_batch.events.event_reference``.
"""

from __future__ import annotations

from pathlib import Path

from kronkers_batch.events.event_log import BYTES, FIELDS, KEPT
from kronkers_batch.events.types import SAYS

_HEAD = """# Events

*Made from the program: `python -m kronkers_batch.events.event_reference`.*

An event records one thing that happened: which model, version and date, who caused it, why, and which
command to run next if a person must act.

- An event is written in the transaction of its change, so either both exist or neither. The column
  *written with* names the change. Events without a change, such as failures, have their own transaction.
- Each event has a number. Numbers increase in the order of commits, over all runs of the warehouse and
  over events outside a run, such as a promotion by hand.
- Messages and reasons name columns and metrics. They are encrypted, and only people with the role
  viewer or higher on the model can read them
  ([columns](columns.md), table `events`). `kronkers log` and the pages show them.

## Kinds

| kind | what happened | written with |
|---|---|---|
"""

_LOG = f"""
## The structured log

`var/log/events.jsonl` has one line of JSON for each event, in the order of the numbers, in ASCII. Its
mode is 0600. It contains only columns that are in clear in the database: no data, no message and no
reason.

- Four commands append to the file: `kronkers run`, `kronkers train`, `kronkers promote` and
  `kronkers rollback`. Each appends all events that the file lacks, also those of other commands and other
  machines.
- The file begins with the first run of an installation (one `home` folder). From then on it has every
  event of the warehouse.
- After a crash a line may be repeated, with the same number. No line is missing.
- At {BYTES // 2**20} MiB the file is renamed to `events.jsonl.1`. The program keeps {KEPT} renamed files.

| field | |
|---|---|
"""

_TAIL = """
## Subscribers

The pages and the structured log are subscribers. The table `subscribers` has, for each subscriber of each
installation, the number of the last event that it processed. If a killed run did not write a page or a
line, the next of the four commands above writes it. If a subscriber fails, the run's result does not
change: the command prints a warning under the run's table, and the next command tries again.
"""


def reference() -> str:
    """The page's Markdown."""
    kinds = [f"| {kind} | {says.meaning} | {says.together} |\n" for kind, says in SAYS.items()]
    fields = [f"| `{name}` | {meaning} |\n" for name, meaning in FIELDS.items()]
    return "".join([_HEAD, *kinds, _LOG, *fields, _TAIL])


if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
    page.write_text(reference(), encoding="utf-8")
