"""Plain pages, without scripts or outside resources: what a run, or the runs of a date, did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape as _escape

from kronkers_batch import texts
from kronkers_batch.events.types import Event, RunRecord
from kronkers_batch.reports.verdict import MEANINGS, Verdict, sentence

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1b1f24}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4em .8em .4em 0;border-bottom:1px solid #d0d7de}
td{white-space:pre-wrap}
.done{color:#116329}.held{color:#9a6700}.failed{color:#a40e26;font-weight:600}
.remark{color:#57606a;font-size:13px}
"""


def escape(text: str) -> str:
    """A text as it stands on the page: no markup, and nothing that is not seen."""
    return _escape(texts.leaving(text))


def run_page(run: RunRecord, verdicts: Sequence[Verdict], events: Sequence[Event]) -> str:
    """The page of one run as HTML. It shows states, row counts, metrics and reasons; never rows or levels.

    Args:
        run: The run.
        verdicts: What became of each model.
        events: What its tasks recorded, in order.
    """
    tasks = "\n".join(_task(event) for event in events) or _nothing(6, "Nothing had to be done.")
    return _page(
        f"Run of {run.date}",
        f"""<p>{escape(summary(run, verdicts))}</p>
<p>Started {timestamp(run.started)}{_took(run)}. Run {escape(run.id)}, by {escape(run.trigger)}.</p>
{_models((verdict, "") for verdict in verdicts)}
<h2>Tasks</h2>
<table><thead><tr><th>Task</th><th>Of</th><th>State</th><th>Seconds</th><th>What</th><th>Why</th></tr></thead>
<tbody>
{tasks}
</tbody></table>""",
    )


def date_page(
    date: str,
    models: Sequence[tuple[str, Verdict]],
    runs: Sequence[tuple[RunRecord, Sequence[Verdict], str]],
) -> str:
    """The page of a logical date as HTML, which merges its runs.

    Args:
        date: The logical date (ISO).
        models: For each model the run that counts, and what became of it.
        runs: The runs, oldest first, each with its verdicts and the link to its page.
    """
    running = [run for run, _, _ in runs if run.state == "running"]
    still = "<p>A run is still running; this page is of the time when it was written.</p>" if running else ""
    lines = "\n".join(
        _line([_link(link, run.id), timestamp(run.started), _state(run.state), summary(run, verdicts)])
        for run, verdicts, link in runs
    )
    return _page(
        f"Scores of {date}",
        f"""<p>{escape(summary_of_date([v for _, v in models], [(run, found) for run, found, _ in runs]))}</p>
{still}
{_models((verdict, run_id) for run_id, verdict in models)}
<h2>Runs</h2>
<table><thead><tr><th>Run</th><th>Started</th><th>State</th><th>What came of it</th></tr></thead>
<tbody>
{lines}
</tbody></table>""",
    )


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1>
{body}
</body></html>
"""


def _models(rows: Iterable[tuple[Verdict, str]]) -> str:
    found = list(rows)
    runs = any(run_id for _, run_id in found)
    head = "".join(
        f"<th>{h}</th>" for h in ("Model", "State", "Scores", "Training", *(["Run"] if runs else []))
    )
    lines = "\n".join(_model(verdict, run_id) for verdict, run_id in found)
    body = lines or _nothing(5 if runs else 4, "No model was asked for, or none that you may see.")
    states = sorted({verdict.state for verdict, _ in found})
    meanings = "; ".join(f"{state}: {MEANINGS[state]}" for state in states if state in MEANINGS)
    return f"""<table><thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table>
<p class="remark">{escape(meanings)}</p>"""


def _model(verdict: Verdict, run_id: str) -> str:
    parts = (verdict.scores, verdict.training)
    said = [f"{part.state}: {part.message}" if part.message else part.state for part in parts]
    cells = [verdict.model, _state(verdict.state), *said, *([run_id] if run_id else [])]
    return _line(cells)


def _task(event: Event) -> str:
    state = _state(event.state)
    return _line([event.task, event.model, state, f"{event.seconds:.1f}", event.message, event.reason])


class _Markup(str):
    """What is on the page as it stands."""


def _line(cells: Iterable[str]) -> str:
    inner = "".join(f"<td>{cell if isinstance(cell, _Markup) else escape(cell)}</td>" for cell in cells)
    return f"<tr>{inner}</tr>"


def _link(to: str, text: str) -> _Markup:
    return _Markup(f'<a href="{escape(to)}">{escape(text)}</a>')


def _state(state: str) -> _Markup:
    return _Markup(f'<span class="{_class(state)}">{escape(state)}</span>')


def _class(state: str) -> str:
    """Its colour: of the first letters alone, since a state comes from the database."""
    if state in ("done", "published", "trained", "up to date", "not due", "finished"):
        return "done"
    return "held" if state in ("held", "running") else "failed"


def _nothing(columns: int, text: str) -> str:
    return f'<tr><td colspan="{columns}">{text}</td></tr>'


def summary(run: RunRecord, verdicts: Sequence[Verdict]) -> str:
    """What came of a run, in one sentence."""
    if run.state == "running":
        return "still running"
    if run.state == "interrupted":
        left = sum(verdict.state == "interrupted" for verdict in verdicts)
        how = (
            "stopped by hand" if run.exit_code == 130 else "ended by an error" if run.exit_code else "killed"
        )
        return f"interrupted ({how}): {left} of {len(verdicts)} models not done; {sentence(verdicts)}"
    said = sentence(verdicts)
    if _end_failed(run, verdicts):
        said = f"needs attention: every model is done, but the run's end failed, see its tasks; {said}"
    return said


def summary_of_date(models: Sequence[Verdict], runs: Sequence[tuple[RunRecord, Sequence[Verdict]]]) -> str:
    """What came of a date, in one sentence.

    Args:
        models: What became of each model, over all runs.
        runs: The runs, oldest first, each with its verdicts.
    """
    said = sentence(models)
    ended = [(run, verdicts) for run, verdicts in runs if run.state == "finished"]
    if ended and _end_failed(*(last := ended[-1])):
        said = f"needs attention: the end of run {last[0].id} failed, see its page; {said}"
    return said


def _end_failed(run: RunRecord, verdicts: Sequence[Verdict]) -> bool:
    return bool(run.exit_code) and all(verdict.ok for verdict in verdicts)


def _took(run: RunRecord) -> str:
    return "" if run.finished is None else f", took {(run.finished - run.started) / 1e6:.1f} s"


def timestamp(us: int) -> str:
    """A time in microseconds UTC, as text."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(us / 1e6))
