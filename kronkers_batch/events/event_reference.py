"""The reference of events, made from their types.

Run it as ``python -m kronkers_batch.events.event_reference``.
"""

from __future__ import annotations

from pathlib import Path

from kronkers_batch.events.event_log import BYTES, FIELDS, KEPT
from kronkers_batch.events.types import SAYS

_HEAD = """# Events

*Made from the program: `python -m kronkers_batch.events.event_reference`.*

An event records that something happened: to which model, version and date, by whom, why, and what to run next
if a person must act. It is written in the transaction of the change, so both exist or neither does.
Failures and refusals, which change nothing, are written in their own transaction. Each event has a
number over all runs, and no event that is committed later has a smaller one; events outside a run,
such as a promotion by hand, have one too. Messages and reasons name columns and metrics, and are sealed for
people who may see the model ([columns](columns.md), table `events`); `kronkers log` and the pages show them.

## Kinds

| kind | what happened | written with |
|---|---|---|
"""

_LOG = f"""
## The structured log

`var/log/events.jsonl` has one line of JSON for each event, in the order of their numbers, in ASCII, with
mode 0600. It contains only what is in clear in the database: no data, message or reason. At {
    BYTES // 2**20
} MiB it is renamed to `events.jsonl.1`, and {KEPT} such files are kept. `kronkers run`, `train`,
`promote` and `rollback` append to it. After a crash a line may appear twice, with the same number; none is
missing. The log begins with the first run of an installation (a home folder), and records what happens in the
whole warehouse from then on.

| field | |
|---|---|
"""

_TAIL = """
## Subscribers

The pages and the structured log are subscribers. Each has a position in the database (table `subscribers`)
for each installation, and advances it after it has processed the events. If a killed run did not write a page
or a line, the next command that calls the subscribers writes it. An error of a subscriber is a warning under
the table of the run; it fails nothing, and the subscriber tries again.
"""


def reference() -> str:
    """The page's Markdown."""
    kinds = [f"| {kind} | {says.meaning} | {says.together} |\n" for kind, says in SAYS.items()]
    fields = [f"| `{name}` | {meaning} |\n" for name, meaning in FIELDS.items()]
    return "".join([_HEAD, *kinds, _LOG, *fields, _TAIL])


if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
    page.write_text(reference(), encoding="utf-8")
