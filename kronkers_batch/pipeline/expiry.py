"""Snapshots that nothing needs expire at the end of a good run.

A snapshot is needed as long as something used it lately, and as long as a version is there that was trained
on it and is, or was, champion. How old it is the clock of this machine says, and what is deleted cannot be
brought back: as with outputs, a run deletes by itself what became due lately, and never most of what there
is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kronkers_batch.access import rights as asked
from kronkers_batch.audit import runlog
from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.config.root_spec import FOREVER
from kronkers_batch.data.expiring import TOGETHER, Due, Limit
from kronkers_batch.declared.sources import source_of
from kronkers_batch.errors import IntegrityError, KronkersError, TakenOver
from kronkers_batch.events.types import Event, Kind
from kronkers_batch.pipeline.retention import LATELY
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.registry import trained_on
from kronkers_batch.session.services import Services
from kronkers_batch.store import clock, seen
from kronkers_batch.vault.context import Scope

if TYPE_CHECKING:
    from sqlalchemy import Connection

AT_MOST = 5_000
"""Snapshots of one department or model that one run deletes: a first run may find years of nights."""

_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass
class Expired:
    """What became of the snapshots that were due, in words: what was deleted, and what was not and why.

    ``problem`` is that the database is not as this process wrote it.
    """

    deleted: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problem: IntegrityError | None = None


def expire_snapshots(
    services: Services, date: dt.date, names: Iterable[str], delete_expired: bool = False
) -> Expired:
    """Deletes the snapshots that nothing used for ``warehouse.keep_snapshots``, and that nothing else needs.

    Of the departments of models of which the run was good, and of those that declare what they read; what
    the caller may not delete is left to whoever runs it. The ledger has a line for each. Nothing here fails a
    run: what could not be deleted is a warning, and the next run tries again.

    Args:
        services: The opened system.
        date: The run's logical date, for the command that a warning names.
        names: The models of which the run was good.
        delete_expired: Whether somebody said to delete also what a run does not delete by itself.

    Raises TakenOver where another process goes on with the run.
    """
    found, good = Expired(), list(names)
    if services.config.warehouse.keep_snapshots == FOREVER or not good:
        return found
    try:
        _Ending(services, date, good, delete_expired, found).run()
    except TakenOver:
        raise
    except IntegrityError as error:
        found.problem = error
    except KronkersError as error:
        found.warnings.append(f"snapshots that nothing needs are not deleted: {error}")
    return found


class _Ending:
    """One run's look at what is due."""

    def __init__(
        self, services: Services, date: dt.date, good: list[str], delete_expired: bool, found: Expired
    ) -> None:
        self._services, self._delete_expired, self._found = services, delete_expired, found
        self._command = f"kronkers run {good[0]} --date {date} --delete-expired"
        self._keep = services.config.warehouse.keep_snapshots
        models = [services.model(name) for name in good]
        self._departments = {model.department for model in models}
        self._departments |= {source_of(services, model.source).department for model in models}

    def run(self) -> None:
        expiry = self._services.snapshots.expiry
        expiry.sweep()  # again at the end of the run, where it is said if it cannot be done
        before = clock.now() - self._keep // _MICROSECOND
        limit = Limit(before, frozen_after=0, needed=trained_on.needed)
        due = self._mine(expiry.due(limit))
        if not due:
            return
        sealed = trained_on.learn(self._services.db, self._services.vault)
        if sealed is not None:
            limit = replace(limit, frozen_after=sealed.created)
        known = self._mine(expiry.due(limit))
        for scope, all_due in due.items():
            left = known.get(scope, Due(0, 0))
            if sealed is not None and left.count < all_due.count:
                self._warn_sealed(scope, all_due.count - left.count, sealed.model, sealed.number)
            if left.count:
                self._one(scope, left, limit)

    def _warn_sealed(self, scope: Scope, count: int, model: str, number: int) -> None:
        are, it = ("is", "it") if count == 1 else ("are", "some of them")
        self._warn(
            scope,
            f"{_many(count)} of {scope} {are} not deleted: whether {model}@{number} was trained on {it} is "
            f"sealed for others\n  -> A run by somebody who may see {model} writes it down.",
        )

    def _mine(self, due: Mapping[Scope, Due]) -> dict[Scope, Due]:
        """Of the run's departments those that the caller may delete."""
        held = asked.held(self._services)
        return {
            scope: one
            for scope, one in due.items()
            if scope.department in self._departments
            and permissions.covers(held, scope, permissions.STORE_ACTIONS["expire"])
        }

    def _one(self, scope: Scope, due: Due, limit: Limit) -> None:
        """What is due of one department or model."""
        services, expiry = self._services, self._services.snapshots.expiry
        unused = f"unused for {in_words(self._keep)}"
        if (why := self._held_back(scope, due, limit)) and not self._delete_expired:
            are, it = ("is", "it") if due.count == 1 else ("are", "them")
            words = f"{_many(due.count)} of {scope}, {unused}, {are} not deleted: {why}"
            self._warn(scope, f"{words}\n  -> to delete {it}: {self._command}")
            return
        occasion = Occasion(services, "snapshots", str(scope), runlog.DISCARD, "nothing needs them")
        line = partial(_line, services, scope)
        count, wrong = 0, list[KronkersError]()
        for ids in seen.parts(expiry.oldest(scope, limit, AT_MOST), TOGETHER):
            event = partial(_write_event, occasion, f"of {scope}, {unused}")
            ended = expiry.end(scope, ids, limit, line, event)
            count += ended.count
            wrong += ended.wrong
            if ended.left is not None:
                self._warn(scope, f"chunks of deleted snapshots are left to the next run: {ended.left}")
                break
        if count:
            more = f"; {due.count - count:,} more are left to the next run" if due.count > AT_MOST else ""
            self._found.deleted.append(f"{_many(count)} of {scope}, {unused}, deleted{more}")
            services.db.scrub()
        if wrong:
            others = f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            self._warn(scope, f"snapshots of {scope}, {unused}, are not deleted: {wrong[0]}{others}")

    def _held_back(self, scope: Scope, due: Due, limit: Limit) -> str:
        """Why a run does not delete these by itself; empty where it does."""
        since = (limit.unused_since - due.oldest) * _MICROSECOND
        if since > LATELY:
            return (
                f"the oldest expired {since.days} days ago; by itself a run deletes what expired up to "
                f"{LATELY.days} days ago"
            )
        there = self._services.snapshots.expiry.count(scope)
        return f"they are more than half of the {there} that there are" if 2 * due.count > there else ""

    def _warn(self, scope: Scope, words: str) -> None:
        self._found.warnings.append(words)
        if self._services.run_id:
            event = Event("snapshots", runlog.DISCARD, "warned", 0.0, words, "at the end of the run")
            runlog.record(self._services, self._services.run_id, str(scope), event)


def _line(
    services: Services, scope: Scope, connection: Connection, source: str, details: Mapping[str, Any]
) -> None:
    why = f"unused for {in_words(services.config.warehouse.keep_snapshots)}"
    add_entry(services.ledger, connection, services.vault, "discard", source, scope, {**details, "why": why})


def _write_event(occasion: Occasion, of: str, connection: Connection, count: int) -> None:
    occasion.tell(connection, Kind.EXPIRED, "done", f"{_many(count)} {of}, deleted")


def _many(count: int) -> str:
    return "1 snapshot" if count == 1 else f"{count:,} snapshots"


def in_words(length: dt.timedelta) -> str:
    """A length of time in the largest unit of which it is a whole number."""
    for unit in ("day", "hour", "minute"):
        count, rest = divmod(length, dt.timedelta(**{f"{unit}s": 1}))
        if not rest:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    seconds = f"{length.total_seconds():g}"
    return f"{seconds} second" if seconds == "1" else f"{seconds} seconds"
