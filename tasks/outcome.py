"""The verdict on a model at the end of its run, from what its tasks recorded and what is there now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kronkers_batch.errors import described
from kronkers_batch.events.types import Event
from kronkers_batch.reports import verdict
from kronkers_batch.reports.verdict import Part, Verdict
from kronkers_batch.steps.decide import not_promoted
from tasks.base import BaseTask
from tasks.score import Score
from tasks.train import Decide, Train

_BAD = (verdict.REFUSED, verdict.FAILED, verdict.HELD)
_ENDED = {verdict.REFUSED: "was refused", verdict.FAILED: "failed", verdict.HELD: "is held"}
_TRAINING = ("train", "decide")


def of(root: BaseTask, name: str, events: Sequence[Event]) -> Verdict:
    """The verdict on a model of the run whose graph hangs on ``root``."""
    own = [event for event in events if event.model == name]
    mine = [task for task in _asked(root) if task.subject[0] == name]
    scores = _part(
        [e for e in own if e.task in ("score", "expire")], _only(mine, Score), events, verdict.PUBLISHED
    )
    trained = [e for e in own if e.task in _TRAINING]
    training = _part(trained, _only(mine, Train, Decide), events, verdict.TRAINED)
    if training.state == verdict.NOT_DUE and any(task.refusal() is None for task in mine):
        training = _waiting(root, name)
    return Verdict(name, scores, training, sum(event.seconds for event in own))


def _waiting(root: BaseTask, name: str) -> Part:
    """A version of today's definition that an earlier run recorded, and that is not in use; every night."""
    try:
        found = not_promoted(root.services, root.services.model(name))
    except Exception as error:  # as in _part
        return Part(verdict.FAILED, described(error))
    if found is None:
        return Part(verdict.NOT_DUE)
    return Part(verdict.HELD if found.kept_back else verdict.UP_TO_DATE, found.why)


def _asked(root: BaseTask) -> list[BaseTask]:
    return [root] if isinstance(root, Train) else list(root.requires())


def _only(tasks: Iterable[BaseTask], *kinds: type[BaseTask]) -> list[BaseTask]:
    return [task for task in tasks if isinstance(task, kinds)]


def _part(own: Sequence[Event], tasks: Sequence[BaseTask], events: Sequence[Event], good: str) -> Part:
    """What became of a model's scoring or training; ``own`` is what was recorded of it."""
    for state in _BAD:
        if bad := [event for event in own if event.state == state]:
            # Retention comes after a good run: what that did is told as well.
            done = [_done(own)] if all(event.task == "expire" for event in bad) else []
            said = dict.fromkeys(event.message for event in bad)  # asked twice, it fails twice
            return Part(state, "; ".join([*filter(None, done), *said]))
    try:
        unfinished = [task for task in tasks if not task.complete()]
        if unfinished:
            return Part(verdict.BLOCKED, _cause(unfinished, events))
        if held := next(filter(None, map(_held, tasks)), ""):
            return Part(verdict.HELD, held)
        if own:
            return Part(good, _done(own))
        return Part(verdict.UP_TO_DATE, _there(tasks)) if tasks else Part(verdict.NOT_DUE)
    except Exception as error:  # what cannot be told of one model is told of the others
        return Part(verdict.FAILED, described(error))


def _done(own: Sequence[Event]) -> str:
    """The newest scoring or the trainings, and what expired; scorings of earlier dates as a count."""
    # A message begins with the output's name, and so with its date.
    scored = sorted(e.message for e in own if e.task == "score")
    said = [*scored[-1:], *(e.message for e in own if e.task != "score" and e.state == "done")]
    earlier = [f"{len(scored) - 1} earlier dates scored for models that read them"] if len(scored) > 1 else []
    return "; ".join([*said, *earlier])


def _held(task: BaseTask) -> str:
    """An output that an earlier run held back is still not there for readers; say so every time."""
    if isinstance(task, Score):
        state = task.state()
        if state is not None and not state.verdict.passed and state.output is not None:
            return f"{state.output.ref} held: {state.verdict.why()}"
    return ""


def _there(tasks: Iterable[BaseTask]) -> str:
    """The outputs that were there already."""
    states = [task.state() for task in tasks if isinstance(task, Score)]
    return "; ".join(f"{s.output.ref} was published before" for s in states if s and s.output)


def _cause(unfinished: Sequence[BaseTask], events: Sequence[Event]) -> str:
    """Why a model's tasks did not run: the failed tasks that they stand on.

    Of the model's own training it says only that: the training's own verdict stands beside it.
    """
    failed = {(e.model, e.task): e for e in events if e.state in _BAD}
    name = unfinished[0].subject[0]
    waiting, seen, causes = list(unfinished), set(), []
    while waiting:
        task = waiting.pop()
        if task.task_id in seen:
            continue
        seen.add(task.task_id)
        if event := failed.get((task.subject[0], task.kind)):
            own = event.model == name and event.task in _TRAINING
            why = (
                f"its training {_ENDED[event.state]}"
                if own
                else f"{event.task} {event.model}: {event.message}"
            )
            causes.append(why)
            continue
        waiting += task.requires()
    return (
        "; ".join(dict.fromkeys(causes)) or "what it needs was not done, and nothing says why: run it again"
    )
