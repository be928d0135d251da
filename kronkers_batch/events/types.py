"""Events: the typed things that happen in a warehouse, and runs as every page and command passes them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

RUN, PROMOTION, RECOVERY, SHREDDING = "run", "promotion", "recovery", "shred"
"""What stands as the task of events that no task of the graph records."""


class Kind(StrEnum):
    """What happened; a closed list."""

    STARTED = "started"
    ENDED = "ended"
    INTERRUPTED = "interrupted"
    ASKED = "asked"
    CONCLUDED = "concluded"
    INGESTED = "ingested"
    TRAINED = "trained"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    PUBLISHED = "published"
    HELD = "held"
    JUDGED = "judged anew"
    EXPIRED = "expired"
    SHREDDED = "shredded"
    REFUSED = "refused"
    FAILED = "failed"
    RECOVERED = "recovered"
    WARNED = "warned"
    DONE = "done"


@dataclass(frozen=True)
class Says:
    """What an event of a kind tells.

    Attributes:
        meaning: In one sentence.
        needs: The fields of :class:`Event` that must not be empty.
        together: What it is written with, in one transaction.
    """

    meaning: str
    needs: tuple[str, ...] = ()
    together: str = ""


_VERSION = "the model version and the ledger entry"
_OUTPUT = (
    "the output version, the record of which version of the date readers get (table `output_log`), and the "
    "ledger entry"
)
SAYS: Mapping[Kind, Says] = {
    Kind.STARTED: Says("a run began", ("subject", "date"), "the run's row"),
    Kind.ENDED: Says("a run ended by itself", ("subject", "date"), "the run's end"),
    Kind.INTERRUPTED: Says("a run was stopped or killed", ("subject", "date"), "the run's end"),
    Kind.ASKED: Says("somebody started a run that includes this model", ("model",), "the run's row"),
    Kind.CONCLUDED: Says(
        "a run reached its result for a model's scoring or training", ("model",), "the run's end"
    ),
    Kind.INGESTED: Says(
        "a window of a source was checked and frozen", ("model", "subject"), "the snapshot's row"
    ),
    Kind.TRAINED: Says("a model version was recorded", ("model", "subject", "date"), _VERSION),
    Kind.PROMOTED: Says("a model version became the champion", ("model", "subject", "reason"), _VERSION),
    Kind.ROLLED_BACK: Says(
        "an earlier version became the champion again", ("model", "subject", "reason"), _VERSION
    ),
    Kind.PUBLISHED: Says(
        "an output was published: readers get it from now on", ("model", "subject", "date"), _OUTPUT
    ),
    Kind.HELD: Says(
        "a threshold or a limit held back an output, a version or a deletion", ("model",), _OUTPUT
    ),
    Kind.JUDGED: Says(
        "an existing output was compared with today's thresholds, and published or held",
        ("model", "subject", "date"),
        _OUTPUT,
    ),
    Kind.EXPIRED: Says(
        "a run deleted outputs past their retention, or unused snapshots",
        ("model", "reason"),
        "what was deleted",
    ),
    Kind.SHREDDED: Says(
        "somebody deleted the keys of a version by hand", ("model", "subject", "reason"), "what was deleted"
    ),
    Kind.REFUSED: Says("the caller lacks the role, or the definition is not signed", ("model",)),
    Kind.FAILED: Says("a task failed", ("model",)),
    Kind.RECOVERED: Says("a model that had failed or was held ended well again", ("model",), "the run's end"),
    Kind.WARNED: Says("a task succeeded with a warning", ("model",)),
    Kind.DONE: Says("a task found its work already done", ("model",)),
}
"""For each kind what its events must say."""

_BY_STATE = {
    "held": Kind.HELD,
    "failed": Kind.FAILED,
    "refused": Kind.REFUSED,
    "warned": Kind.WARNED,
    "asked": Kind.ASKED,
}


@dataclass(frozen=True)
class Commit:
    """The commit of the definitions' repository.

    Attributes:
        id: In hexadecimal digits.
        author: Their name.
        clean: Whether the definitions are what was committed; None where that is unknown.
    """

    id: str
    author: str
    clean: bool | None


@dataclass(frozen=True)
class RunRecord:
    """A run.

    Attributes:
        id: Its random id.
        date: Its logical date (ISO).
        started: When it began, in microseconds UTC.
        finished: When it ended; None while it runs, and where it was killed.
        exit_code: What its process ended with; None where it did not end by itself.
        state: ``running``, ``finished`` or ``interrupted``.
        trigger: What began it: ``command``, ``schedule`` or ``retry``.
        commit: The commit of the definitions' repository; None where there is none.
    """

    id: str
    date: str
    started: int
    finished: int | None
    exit_code: int | None
    state: str = "finished"
    trigger: str = "command"
    commit: Commit | None = None


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        model: The model or source; empty where it is about a run.
        task: The task that recorded it: ``ingest``, ``train``, ``score``, ``expire``, …
        state: ``done``, ``held``, ``failed``, ``refused``, ``warned``, or a verdict's state.
        seconds: How long it took.
        message: What happened, in words; sealed where it is kept.
        reason: Why; sealed where it is kept.
        found: On what one must be a reader to see the text that its error found in the data, such as
            ``sales`` or ``sales/buys``; empty where there is none.
        kind: What happened; by its state where it is not given.
        subject: The address of what it is about: ``NAME@3``, ``NAME/2013-06-01#2``, a snapshot, a run.
        date: The logical date (ISO); empty where it is of none.
        who: The principal; set when it is recorded.
        position: Its number over all events; 0 until it is recorded.
    """

    model: str
    task: str
    state: str
    seconds: float
    message: str
    reason: str
    found: str = ""
    kind: str = ""
    subject: str = ""
    date: str = ""
    who: str = ""
    position: int = 0

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", _BY_STATE.get(self.state, Kind.DONE))

    def require_whole(self) -> None:
        """Raises ValueError where it does not say what an event of its kind must say."""
        missing = [name for name in SAYS[Kind(self.kind)].needs if not getattr(self, name)]
        if missing:
            raise ValueError(f"an event {self.kind!r} of {self.task} does not say its {', '.join(missing)}")


def next_command(kind: str, task: str, state: str, model: str, date: str) -> str:
    """What somebody should run next where a person must act; empty where nobody must.

    Made of names and dates alone, so that a log can show it.
    """
    day = f" --date {date}" if date else ""
    if kind == Kind.INTERRUPTED:
        return f"kronkers run{day}"
    if state == "held":
        return f"kronkers versions {model}" if task == "train" else f"kronkers outputs {model}"
    if state in ("failed", "refused", "warned") and kind != Kind.CONCLUDED:
        about_model = task in ("score", "train", "decide", "expire", "published")
        return f"kronkers log {model}{day}" if about_model else f"kronkers log{day}"
    return ""
