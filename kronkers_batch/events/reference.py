"""The reference of events, made from their types: ``python -m kronkers_batch.events.reference`` writes it."""

from __future__ import annotations

from pathlib import Path

from kronkers_batch.events.log import BYTES, FIELDS, KEPT
from kronkers_batch.events.types import SAYS

_HEAD = """# Events

Made from the types (`python -m kronkers_batch.events.reference`); a test compares.

An event says that something happened: to which model, version and date, by whom, why, and what to run next
where a person must act. It is written in the transaction of what it tells, so both are there or neither is.
Failures and refusals, which change nothing, are written in a transaction of their own. Each event has a
number over all runs, and no event that is committed later has a smaller one; what happens outside a run,
such as a promotion by hand, has one too. Messages and reasons name columns and metrics, and are sealed for
who may see the model ([columns](columns.md), table `events`); `kronkers log` and the pages show them.

## Kinds

| kind | what happened | written with |
|---|---|---|
"""

_LOG = f"""
## The structured log

`var/log/events.jsonl` has one line of JSON for each event, in the order of their numbers, in ASCII, with
mode 0600. It holds what lies in clear in the database, and no word of data, message or reason. At {
    BYTES // 2**20
} MiB it is renamed to `events.jsonl.1`, and {KEPT} such files are kept. `kronkers run`, `train`,
`promote` and `rollback` append to it. After a crash a line may come twice, with the same number; none is
left out. It begins with the first run of an installation (a home folder), and tells what happens in the
whole warehouse from then on.

| field | |
|---|---|
"""

_TAIL = """
## Subscribers

The pages and the structured log are subscribers. Each has a position in the database (table `subscribers`),
for each installation, and moves it on after it took the events. So a page or a line that a killed run did
not write is written by the next command that tells the subscribers. What goes wrong with one is a warning
under the table of the run, fails nothing, and is tried again.
"""


def reference() -> str:
    """The page's Markdown."""
    kinds = [f"| {kind} | {says.meaning} | {says.together} |\n" for kind, says in SAYS.items()]
    fields = [f"| `{name}` | {meaning} |\n" for name, meaning in FIELDS.items()]
    return "".join([_HEAD, *kinds, _LOG, *fields, _TAIL])


if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
    page.write_text(reference(), encoding="utf-8")
