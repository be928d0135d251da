"""The verdict on a model at the end of its run, from its plan and from what its tasks recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kronkers_batch.errors import described
from kronkers_batch.events.types import Event
from kronkers_batch.planning import plan as entries
from kronkers_batch.planning.plan import AnyEntry, Plan
from kronkers_batch.planning.training_due import not_promoted
from kronkers_batch.reports import verdict
from kronkers_batch.reports.verdict import Part, Verdict

_BAD = (verdict.REFUSED, verdict.FAILED, verdict.HELD)
_ENDED = {verdict.REFUSED: "was refused", verdict.FAILED: "failed", verdict.HELD: "is held"}
_TRAINING = ("train", "decide")

IsThere = Callable[[AnyEntry], bool]
"""Asks the world whether an entry's result is there by now."""


def of(plan: Plan, name: str, events: Sequence[Event], is_there: IsThere) -> Verdict:
    """The verdict on a model of the run that carried out this plan."""
    own = [event for event in events if event.model == name]
    mine = plan.of(name)
    scores = _part(
        plan,
        [e for e in own if e.task in ("score", "expire")],
        [entry for entry in mine if isinstance(entry, entries.Score)],
        events,
        verdict.PUBLISHED,
        is_there,
    )
    training = _part(
        plan,
        [e for e in own if e.task in _TRAINING],
        [entry for entry in mine if isinstance(entry, entries.Train)],
        events,
        verdict.TRAINED,
        is_there,
    )
    if training.state == verdict.NOT_DUE and name in plan.facts.models and mine:
        training = _waiting(plan, name)
    return Verdict(name, scores, training, sum(event.seconds for event in own))


def _waiting(plan: Plan, name: str) -> Part:
    """A version of today's definition that an earlier run recorded, and that is not in use; every night."""
    model = plan.facts.models[name]
    found = None if model.refused else not_promoted(model)
    if found is None:
        return Part(verdict.NOT_DUE)
    return Part(verdict.HELD if found.kept_back else verdict.UP_TO_DATE, found.why)


def _part(
    plan: Plan,
    own: Sequence[Event],
    asked: Sequence[AnyEntry],
    events: Sequence[Event],
    good: str,
    is_there: IsThere,
) -> Part:
    """What became of a model's scoring or training; ``own`` is what was recorded of it."""
    for state in _BAD:
        if bad := [event for event in own if event.state == state]:
            # Retention comes after a good run: what that did is reported as well.
            done = [_done(own)] if all(event.task == "expire" for event in bad) else []
            said = dict.fromkeys(event.message for event in bad)  # asked twice, it fails twice
            return Part(state, "; ".join([*filter(None, done), *said]))
    try:
        unfinished = [entry for entry in asked if not is_there(entry)]
    except Exception as error:  # what is unknown of one model is known of the others
        return Part(verdict.FAILED, described(error))
    if unfinished:
        return Part(verdict.BLOCKED, _cause(plan, unfinished, events))
    if held := next(filter(None, map(_held, asked)), ""):
        return Part(verdict.HELD, held)
    if own:
        return Part(good, _done(own))
    return Part(verdict.UP_TO_DATE, _there(asked)) if asked else Part(verdict.NOT_DUE)


def _done(own: Sequence[Event]) -> str:
    """The newest scoring or the trainings, and what expired; scorings of earlier dates as a count."""
    # A message begins with the output's name, and so with its date.
    scored = sorted(e.message for e in own if e.task == "score")
    said = [*scored[-1:], *(e.message for e in own if e.task != "score" and e.state == "done")]
    earlier = [f"{len(scored) - 1} earlier dates scored for models that read them"] if len(scored) > 1 else []
    return "; ".join([*said, *earlier])


def _held(entry: AnyEntry) -> str:
    """An output that an earlier run held back is still not there for readers; say so every time."""
    if isinstance(entry, entries.Score) and entry.output is not None and entry.output.missed:
        return f"{entry.output.ref} held: {'; '.join(entry.output.missed)}"
    return ""


def _there(asked: Sequence[AnyEntry]) -> str:
    """The outputs that were there already."""
    found = [entry.output for entry in asked if isinstance(entry, entries.Score)]
    return "; ".join(f"{output.ref} was published before" for output in found if output)


def _cause(plan: Plan, unfinished: Sequence[AnyEntry], events: Sequence[Event]) -> str:
    """Why a model's entries were not carried out: those that failed, and on which they stand.

    Of the model's own training it says only that: the training's own verdict stands beside it.
    """
    failed = {(e.model, e.task): e for e in events if e.state in _BAD}
    name = _subject(unfinished[0])
    waiting, seen, causes = list(unfinished), set(), []
    while waiting:
        entry = waiting.pop()
        if entry.key in seen:
            continue
        seen.add(entry.key)
        event = next(filter(None, (failed.get((_subject(entry), task)) for task in _tasks(entry))), None)
        if event is not None:
            own = event.model == name and event.task in _TRAINING
            words = f"its training {_ENDED[event.state]}"
            causes.append(words if own else f"{event.task} {event.model}: {event.message}")
            continue
        waiting += [plan.entries[key] for key in entry.needs]
    return (
        "; ".join(dict.fromkeys(causes)) or "what it needs was not done, and nothing says why: run it again"
    )


def _subject(entry: AnyEntry) -> str:
    return entry.source if isinstance(entry, entries.Ingest) else entry.model


def _tasks(entry: AnyEntry) -> tuple[str, ...]:
    return _TRAINING if isinstance(entry, entries.Train) else (type(entry).__name__.lower(),)
