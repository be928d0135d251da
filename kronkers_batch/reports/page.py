"""One plain page, without scripts or outside resources: what a run did with each model, and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as _escape

from kronkers_batch import texts

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1b1f24}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4em .8em .4em 0;border-bottom:1px solid #d0d7de}
td{white-space:pre-wrap}
.done{color:#116329}.held{color:#9a6700}.failed{color:#a40e26;font-weight:600}
"""


@dataclass(frozen=True)
class RunRecord:
    """A run: moments in microseconds UTC; ``exit_code`` is None while it runs."""

    id: str
    date: str
    started: int
    finished: int | None
    exit_code: int | None


@dataclass(frozen=True)
class Event:
    """One thing that happened in a run: ``model`` is a model or source; state is done, held or failed.

    ``found`` says on what one must be a reader to see the text that its error found in the data, such as
    ``sales`` or ``sales/buys``; empty where there is none.
    """

    model: str
    task: str
    state: str
    seconds: float
    message: str
    reason: str
    found: str = ""


def escape(text: str) -> str:
    """A text as it stands on the page: no markup, and nothing that is not seen."""
    return _escape(texts.leaving(text))


def run_page(run: RunRecord, events: Sequence[Event]) -> str:
    """The page as HTML. It shows states, row counts, metrics and reasons; never rows, keys or levels."""
    rows = (
        "\n".join(_row(event) for event in events) or '<tr><td colspan="6">Nothing had to be done.</td></tr>'
    )
    ended = "still running" if run.finished is None else _verdict(run, events)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Run of {escape(run.date)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>{_STYLE}</style></head><body>
<h1>Run of {escape(run.date)}</h1>
<p>Started {_moment(run.started)}, {ended}. Run {escape(run.id)}.</p>
<table><thead><tr><th>Task</th><th>Of</th><th>State</th><th>Seconds</th><th>What</th><th>Why</th></tr></thead>
<tbody>
{rows}
</tbody></table>
</body></html>
"""


def _row(event: Event) -> str:
    cells = (event.task, event.model, event.state, f"{event.seconds:.1f}", event.message, event.reason)
    inner = "".join(
        f'<td class="{escape(event.state)}">{escape(c)}</td>' if i == 2 else f"<td>{escape(c)}</td>"
        for i, c in enumerate(cells)
    )
    return f"<tr>{inner}</tr>"


def _verdict(run: RunRecord, events: Sequence[Event]) -> str:
    seconds = ((run.finished or run.started) - run.started) / 1e6
    bad = sorted({event.model for event in events if event.state in ("failed", "held")})
    state = f"needs attention: {escape(', '.join(bad))}" if bad else "all is well"
    return f"took {seconds:.1f} s, {state}" if run.exit_code is not None else "was stopped"


def _moment(us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(us / 1e6))
