"""What came of an entry of a plan: the world is asked for this one result, and decides nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from kronkers_batch.access.authorisation import authorise_input
from kronkers_batch.config.spec import InputRef
from kronkers_batch.data.window import Window
from kronkers_batch.declared.sources import has_heads
from kronkers_batch.declared.windows import outputs_of
from kronkers_batch.digests import scoring_digest
from kronkers_batch.facts.as_facts import output_of, standing
from kronkers_batch.pipeline import ingest
from kronkers_batch.planning import training_due
from kronkers_batch.planning.decide import advance
from kronkers_batch.planning.facts import Output
from kronkers_batch.planning.plan import (
    AnyEntry,
    Frozen,
    Ingest,
    Plan,
    Published,
    Result,
    Score,
    Scored,
    State,
    Train,
    Trained,
)
from kronkers_batch.session.services import Services
from kronkers_batch.store import seen
from kronkers_batch.vault.context import scope_of
from kronkers_batch.warehouse.versions import OutputVersion

_OUTPUT = "output."


def result_of(services: Services, plan: Plan, entry: AnyEntry) -> Result | None:
    """The result of an entry, where it is there by now: made by this run, or by another one meanwhile."""
    if entry.state in (State.FAILED, State.REFUSED, State.HELD, State.WAITS):
        return None
    match entry:
        case Ingest():
            return _frozen(services, entry)
        case Train():
            return trained(services, plan, entry)
        case Score():
            there = there_is(services, plan, entry)
            return None if there.final is None else Scored(entry.key, there.head)
        case Published():
            head = services.warehouse.head(entry.model, entry.date)
            return None if head is None else Scored(entry.key, head.id)
        case _:
            assert_never(entry)


def caught_up(services: Services, plan: Plan, keys: Iterable[str]) -> Plan:
    """The plan advanced by what is there by now of these entries and of all that they need.

    Tasks in processes of their own make results that this process has not seen.
    """
    for key in keys:
        if plan.entries[key].state is State.DONE:
            continue
        plan = caught_up(services, plan, plan.entries[key].needs)
        entry = plan.entries[key]
        if entry.state is not State.DONE and (result := result_of(services, plan, entry)) is not None:
            plan = advance(plan, result)
    return plan


def ref_of(source: str) -> InputRef:
    """What an entry's source names."""
    if source.startswith(_OUTPUT):
        return InputRef(output=source.removeprefix(_OUTPUT))
    return InputRef(source=source)


def window_of(start: str, end: str) -> Window:
    """The window of an entry's times (ISO; empty is open)."""
    timestamps = (dt.datetime.fromisoformat(text) if text else None for text in (start, end))
    return Window(*timestamps)


def _frozen(services: Services, entry: Ingest) -> Frozen | None:
    ref, window = ref_of(entry.source), window_of(entry.start, entry.end)
    authorise_input(services, ref)  # a process that only works has asked nothing yet
    if not all(has_heads(services, model, window) for model in outputs_of(services, ref)):
        return None
    under = scope_of(entry.under)
    if entry.identity and ingest.find(services, ref, window, under, entry.identity) is not None:
        return Frozen(entry.key, entry.identity)
    # It changed since the plan was made, and was frozen as it is now.
    now = ingest.source_identity(services, ref, window)
    found = now != entry.identity and ingest.find(services, ref, window, under, now) is not None
    return Frozen(entry.key, now) if found else None


def trained(services: Services, plan: Plan, entry: Train) -> Trained | None:
    """The result of a training: its version is recorded, and today's thresholds have judged it."""
    model = standing(services, plan.facts.models[entry.model], plan.date, (entry.fingerprint,))
    made = model.trained.get(entry.fingerprint)
    if made is None or training_due.promotable(model, made):
        return None
    return Trained(entry.key, model.champion, made)


@dataclass(frozen=True)
class There:
    """What there is of a scoring by now.

    Attributes:
        final: The output, where it is published or held as today's thresholds say; else None. Also that of
            a champion that was promoted after this run began: a run that began later made it, and this one
            would put an older version in its place.
        output: The finished version with the entry's fingerprint, final or not.
        head: The id of what readers of the date get; empty where they get nothing.
    """

    final: Output | None
    output: OutputVersion | None
    head: str


def there_is(services: Services, plan: Plan, entry: Score) -> There:
    """Asks in one transaction what there is of a scoring. Raises IntegrityError, AccessRefused."""
    day = (entry.model, entry.date)
    with services.db.read() as connection:
        found = seen.given(services.warehouse.standings([day], connection)[day])
        champion = services.registry.champion_id(entry.model, connection)
    by_fingerprint = {version.fingerprint: version for version in found.versions}  # by number: the newest
    own = by_fingerprint.get(entry.fingerprint)
    scoring = plan.facts.models[entry.model].scoring
    newer = entry.version is not None and champion not in ("", entry.version.id)
    other = by_fingerprint.get(scoring_digest(scoring, champion, entry.identity)) if newer else None
    outputs = [output_of(services.model(entry.model), one) for one in (own, other) if one is not None]
    final = next((one for one in outputs if one.final), None)
    return There(final, own, found.head.id if found.head else "")
