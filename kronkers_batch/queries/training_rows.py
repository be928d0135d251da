"""The very frame that a model's ``fit`` gets, for who wants to look at it in another program."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from kronkers_batch.access import authorisation, rights
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import training_window
from kronkers_batch.pipeline.fitting import features_of, given_to_fit
from kronkers_batch.pipeline.ingest import ingest
from kronkers_batch.pipeline.read_rows import read_rows
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope

if TYPE_CHECKING:
    import polars as pl


def training_rows(services: Services, name: str, date: dt.date, to: str) -> pl.DataFrame:
    """Read, checked, split and typed as for a training as of a date; categories are texts.

    ``to`` is the file that gets them, for the ledger.

    Raises AccessRefused below operator, SourceError, CheckFailed, DataError, StoreError where it cannot be
    recorded.
    """
    rights.require(services, "data", name)
    authorisation.authorise(services, name)
    model = services.model(name)
    source = source_of(services, model.source)
    window = training_window(model, source, date)
    snapshot = ingest(services, model, window)
    details = {"to": to, "window": str(window), "snapshot": snapshot.fingerprint}
    with services.db.write() as connection:
        scope, subject = Scope(model.department, name), f"the training rows of {name}"
        add_entry(services.ledger, connection, services.vault, "export", subject, scope, details)
    data = read_rows(services, model, source, snapshot)
    return given_to_fit(data.fit, features_of(model, data), model)
