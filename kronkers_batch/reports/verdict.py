"""What became of each model of a run: one verdict, for the table, the pages and the exit code.

A run records its models when it begins and their verdicts when it ends, as events. Whatever shows a run reads
those: nothing that is shown is worked out a second time. A model without a verdict was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kronkers_batch.events.types import PROMOTION, RECOVERY, Event, Kind

ASKED, SCORES, TRAINING = "asked", "scores", "training"
PARTS = (SCORES, TRAINING)
OF_MODELS = frozenset({ASKED, SCORES, TRAINING, PROMOTION, RECOVERY})
"""The tasks of events that tell of models and not of work: which ones a run has, and what became of them."""

PUBLISHED, TRAINED, UP_TO_DATE, NOT_DUE = "published", "trained", "up to date", "not due"
HELD, FAILED, BLOCKED, REFUSED, INTERRUPTED = "held", "failed", "blocked", "refused", "interrupted"
_WORST_FIRST = (FAILED, REFUSED, BLOCKED, INTERRUPTED, HELD, PUBLISHED, TRAINED, UP_TO_DATE, NOT_DUE)
_GOOD = frozenset({PUBLISHED, TRAINED, UP_TO_DATE, NOT_DUE})
_NOT_ALLOWED = frozenset({REFUSED, BLOCKED})

MEANINGS = {
    PUBLISHED: "readers get new scores, which this run made, released or waited for",
    TRAINED: "a version was trained or promoted, and no new scores were due",
    UP_TO_DATE: "the output or the version was there already, and nothing was computed",
    HELD: "scores, a version or a deletion wait for a person, and the message says why",
    FAILED: "an error ended the scoring or the training, and the message says which",
    BLOCKED: "something that the model needs failed or is held",
    REFUSED: "the model's definition is not signed, or the caller may not run the model",
    INTERRUPTED: "the run ended before the model was finished",
    NOT_DUE: "the run had nothing to do for the scores, or for the training",
}
"""Each state in one sentence."""


@dataclass(frozen=True)
class Part:
    """What became of a model's scoring, or of its training: a state and a line on it."""

    state: str
    message: str = ""


@dataclass(frozen=True)
class Verdict:
    """What became of one model in a run; ``seconds`` is the work on it."""

    model: str
    scores: Part
    training: Part
    seconds: float = 0.0

    @property
    def state(self) -> str:
        """The worse of its two states."""
        return min(self.scores.state, self.training.state, key=_WORST_FIRST.index)

    @property
    def ok(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self.state in _GOOD

    @property
    def message(self) -> str:
        """Both in words: "scores published: ...; training failed: ..."; nothing of what was not due."""
        parts = [("scores", self.scores), ("training", self.training)]
        said = [(name, part) for name, part in parts if part.state != NOT_DUE and part.message]
        if len(said) == 1 and said[0][1].state == self.state:
            return said[0][1].message
        if len(said) == 2 and said[0][1] == said[1][1]:
            return f"scores and training {self.state}: {self.scores.message}"
        return "; ".join(f"{name} {part.state}: {part.message}" for name, part in said)

    def events(self) -> tuple[Event, Event]:
        """What is recorded of it."""
        return (
            _concluded(self.model, SCORES, self.scores, self.seconds),
            _concluded(self.model, TRAINING, self.training, 0.0),
        )


def _concluded(model: str, task: str, part: Part, seconds: float) -> Event:
    return Event(model, task, part.state, seconds, part.message, "", kind=Kind.CONCLUDED)


def is_good(state: str) -> bool:
    """Whether nobody has to do anything about a scoring or training of this state."""
    return state in _GOOD


def asked(model: str) -> Event:
    """What is recorded of a model when its run begins."""
    return Event(model, ASKED, ASKED, 0.0, "", "")


def work(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events of a run that tell of work, in order."""
    return tuple(event for event in events if event.task not in OF_MODELS)


def of_run(events: Sequence[Event], *, running: bool = False) -> tuple[Verdict, ...]:
    """The verdict on each model of a run, in the order in which they were asked for.

    Args:
        events: All events of the run that the caller may see.
        running: Whether it still runs; models without a verdict are then left out.
    """
    found: dict[str, Verdict | None] = {e.model: None for e in events if e.task == ASKED}
    scores = {e.model: e for e in events if e.task == SCORES}
    training = {e.model: e for e in events if e.task == TRAINING}
    for name in found:
        if name in scores and name in training:
            one, other = scores[name], training[name]
            found[name] = Verdict(name, Part(one.state, one.message), _part(other), one.seconds)
        elif not running:
            found[name] = interrupted(name, work(events))
    return tuple(verdict for verdict in found.values() if verdict is not None)


def _part(event: Event) -> Part:
    return Part(event.state, event.message)


def interrupted(name: str, events: Iterable[Event]) -> Verdict:
    """The verdict on a model whose run ended too early: what was done by then stands."""
    own = [event for event in events if event.model == name]
    scored = [e for e in own if e.task == "score"]
    trained = [e for e in own if e.task in ("train", "decide")]
    scores, training = (_last(found, good) for found, good in ((scored, PUBLISHED), (trained, TRAINED)))
    if scores is None:
        scores = Part(INTERRUPTED, "the run ended before it was scored")
    return Verdict(name, scores, training or Part(NOT_DUE), sum(event.seconds for event in own))


def _last(events: Sequence[Event], good: str) -> Part | None:
    if not events:
        return None
    last = events[-1]
    return Part(good if last.state == "done" else last.state, last.message)


def merged(runs: Iterable[tuple[str, Sequence[Verdict]]]) -> tuple[tuple[str, Verdict], ...]:
    """Of several runs of one date, oldest first: for each model the run that counts, and its verdict there.

    The newest run counts; but what an earlier one published stays so where a newer one finds it up to date,
    and where a newer one only trained, the scoring of the earlier one stands.
    """
    found: dict[str, tuple[str, Verdict]] = {}
    for run_id, verdicts in runs:
        for new in verdicts:
            old = found.get(new.model)
            found[new.model] = (run_id, new) if old is None else _newer(old, (run_id, new))
    return tuple(found.values())


def _newer(old: tuple[str, Verdict], new: tuple[str, Verdict]) -> tuple[str, Verdict]:
    before, now = old[1], new[1]
    stays = now.scores.state == NOT_DUE or (now.scores.state, before.scores.state) == (UP_TO_DATE, PUBLISHED)
    scores = before.scores if stays else now.scores
    training = before.training if now.training.state == NOT_DUE else now.training
    both = Verdict(now.model, scores, training, before.seconds + now.seconds)
    nothing_new = (scores, training) == (before.scores, before.training)
    return old[0] if nothing_new else new[0], both


def exit_code(verdicts: Sequence[Verdict], problems: Iterable[int] = ()) -> int:
    """0; 1 where some model needs somebody; 3 where nothing could be done because it was refused.

    ``problems`` are the exit codes of what went wrong at the run's end; the highest counts.
    """
    worst = max(problems, default=0)
    if all(verdict.ok for verdict in verdicts):
        return worst
    states = {verdict.state for verdict in verdicts}
    return max(worst, 3 if REFUSED in states and states <= _NOT_ALLOWED else 1)


def sentence(verdicts: Sequence[Verdict]) -> str:
    """All verdicts in one sentence: "all is well: 5 published", or which models need attention and why."""
    counts = [f"{n} {state}" for state in _WORST_FIRST if (n := sum(v.state == state for v in verdicts))]
    bad = [f"{verdict.model} ({verdict.state})" for verdict in verdicts if not verdict.ok]
    if bad:
        return f"needs attention: {', '.join(bad)}; in all {', '.join(counts)}"
    return f"all is well: {', '.join(counts)}" if counts else "no model was asked for"
