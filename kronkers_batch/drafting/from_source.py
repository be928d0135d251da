"""The rows of a declared source, for a first model of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.access import authorisation
from kronkers_batch.config.spec import InputRef, SourceSpec
from kronkers_batch.data.stream import CheckedRows
from kronkers_batch.data.window import Window
from kronkers_batch.declared.sources import read_output
from kronkers_batch.declared.windows import is_timed
from kronkers_batch.drafting import periods
from kronkers_batch.drafting.asked import CHUNK, Asked, Found, refuse_empty, require_column
from kronkers_batch.drafting.periods import Period
from kronkers_batch.drafting.survey import survey
from kronkers_batch.errors import UsageError
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.session.services import Services, midnight
from kronkers_batch.vault.context import Scope

if TYPE_CHECKING:
    import polars as pl


def found(services: Services, asked: Asked) -> Found:
    """Reads the source up to the date. Raises UsageError, AccessRefused, SourceError, CheckFailed."""
    source = services.source(asked.source)
    if asked.department not in (source.department, *source.shared_with):
        raise UsageError(
            f"the source {source.name} is of department {source.department}, which does not share it with "
            f"{asked.department}",
            where=str(source.origin),
            fix=f"Ask its owner to list {asked.department} under shared_with.",
        )
    key = asked.key or source.key
    if not key:
        raise UsageError(
            f"the source {source.name} has no key, so nothing identifies a row",
            where=str(source.origin),
            fix="Add key: [COLUMN] to the source, or --key COLUMN,COLUMN",
        )
    for name in (asked.target, *key):
        require_column(name, source.schema)
    end = midnight(asked.date + dt.timedelta(days=1))
    window = Window(None, end) if is_timed(source) else Window(None, None)
    _record(services, asked, source, window)
    seen = survey(_checked(services, source, window), source.schema, asked.target)
    refuse_empty(seen, f"source {source.name}", window)
    period = Period("", why="the source has no time_column")
    if source.time_column:
        timed = periods.of(seen, source.time_column, max(seen.columns[source.time_column].days))
        if timed is None:
            raise UsageError(
                f"fewer than two days before {asked.date} have rows with a known {asked.target}: one is "
                "needed to learn from, another one to measure",
                where=str(source.origin),
                fix="Choose a later --date.",
            )
        period = replace(timed, why="the source says so")
    own_key = () if tuple(key) == source.key else tuple(key)
    return Found(source.name, seen, tuple(key), period, own_key)


def _record(services: Services, asked: Asked, source: SourceSpec, window: Window) -> None:
    """Before one row is read: what cannot be recorded is not read."""
    authorisation.authorise_input(services, InputRef(source=source.name))
    scope = Scope(asked.department)
    details = {"for": asked.name, "window": str(window)}
    with services.db.write() as connection:
        add_entry(services.ledger, connection, services.vault, "draft", source.name, scope, details)


def _checked(services: Services, source: SourceSpec, window: Window) -> Iterator[pl.DataFrame]:
    rows = CheckedRows(
        source,
        window,
        partial(read_output, services, purpose=source.name),
        sources=services.config.sources,
        places=services.places,
        chunk_rows=CHUNK,
    )
    done = 0
    for frame in rows:
        done += frame.height
        services.progress(f"read {source.name}", done)
        yield frame
