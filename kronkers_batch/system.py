"""The system from a Python program: what ``kronkers_batch.open`` gives.

Each function does what the command of its name does: it asks the same table of rights, and leaves the same
line in the ledger.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kronkers_batch.access.rights import refusals_recorded
from kronkers_batch.bootstrap import open_system
from kronkers_batch.config.folder import find_conf
from kronkers_batch.errors import UsageError
from kronkers_batch.queries import listing, reading
from kronkers_batch.session.services import Services
from kronkers_batch.session.timestamps import parse_date, parse_timestamp

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.warehouse.entity_keys import Key


class System:
    """An opened warehouse with the caller's keys. Use it as a context manager; threads may share one.

    Every function raises AccessRefused where the caller has no right, and the ledger then says so.

    Args:
        conf: The configuration folder; None finds it as the command line does.
        overrides: Overrides of it, such as ``warehouse.url=...``.

    Raises ConfigErrors, StoreError, IdentityError, AccessRefused, IntegrityError.
    """

    def __init__(self, conf: str | Path | None = None, overrides: Sequence[str] = ()) -> None:
        if isinstance(overrides, str):
            raise UsageError("overrides is a text, not a list", fix=f"give a list of texts: [{overrides!r}]")
        path = find_conf(None if conf is None else str(conf), os.environ)
        self._services: Services | None = open_system(path, tuple(overrides))

    def __enter__(self) -> System:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and drop the keys; again is no harm."""
        if self._services is not None:
            self._services.close()
            self._services = None

    # ------------------------------------------------------------ rows

    def read(
        self,
        model: str,
        date: dt.date | str | None = None,
        version: int | None = None,
        at: dt.datetime | dt.date | str | None = None,
        keys: Iterable[Key] | None = None,
    ) -> pl.DataFrame:
        """A model's scores as a Polars frame; its ``to_arrow()`` makes an Arrow table.

        Args:
            model: Its name.
            date: One logical date, also as ISO text; None reads every published one, with the date in front.
            version: This version of that date, not the one in use.
            at: What a reader saw at this time (UTC unless it says otherwise); a date means its end.
            keys: Only these rows: for each its key as a mapping by column, as the values in order, or as one
                value where the key is one column.

        Raises NotFound, UsageError, IntegrityError, and StoreError where the read cannot be recorded.
        """
        import polars as pl

        return pl.concat(self._read(model, date, version, at, keys))

    def frames(
        self,
        model: str,
        date: dt.date | str | None = None,
        version: int | None = None,
        at: dt.datetime | dt.date | str | None = None,
    ) -> Iterator[pl.DataFrame]:
        """As :meth:`read`, one frame of about 65,536 rows after the other: for more than memory holds."""
        return self._read(model, date, version, at, None)

    def _read(
        self,
        model: str,
        date: dt.date | str | None,
        version: int | None,
        at: dt.datetime | dt.date | str | None,
        keys: Iterable[Key] | None,
    ) -> Iterator[pl.DataFrame]:
        if isinstance(keys, str | bytes) or not isinstance(keys, Iterable | None):
            raise UsageError("keys is not a list", fix="give a list, even of one key: keys=[...]")
        day = None if date is None else parse_date(_text(date), "date")
        timestamp = None if at is None else parse_timestamp(_text(at), "at")
        with self._asking(f"read {model}") as services:
            wanted = None if keys is None else list(keys)
            return reading.read(services, model, date=day, version=version, at=timestamp, keys=wanted)

    def sql(self, query: str) -> pl.DataFrame:
        """The result of one SELECT in which each model is a table of its published outputs.

        Raises UsageError, IntegrityError, and StoreError where the read cannot be recorded.
        """
        with self._asking("sql") as services:  # a query may hold data, and is not recorded
            return reading.sql(services, query)

    # ------------------------------------------------------------ records

    def models(self) -> list[dict[str, Any]]:
        """The models that the caller may see, with champion and newest output."""
        with self._asking("models") as services:
            return listing.models(services)

    def versions(self, model: str) -> list[dict[str, Any]]:
        """A model's versions, newest last."""
        with self._asking(f"versions {model}") as services:
            return listing.versions(services, model)

    def outputs(self, model: str) -> list[dict[str, Any]]:
        """A model's output versions, by date and number."""
        with self._asking(f"outputs {model}") as services:
            return listing.outputs(services, model)[0]

    def show(self, ref: str) -> dict[str, Any]:
        """Everything about one version (``NAME@3`` or ``NAME/2013-06-01#2``) but its artifact and rows.

        Raises NotFound, UsageError, IntegrityError.
        """
        with self._asking(f"show {ref}") as services:
            return listing.show(services, ref)

    @contextmanager
    def _asking(self, subject: str) -> Iterator[Services]:
        if self._services is None:
            raise UsageError(
                "this system was closed",
                where="kronkers_batch",
                fix="Open it again: kronkers_batch.open(...)",
            )
        with refusals_recorded(self._services, subject):
            yield self._services


def _text(timestamp: dt.date | str) -> str:
    if isinstance(timestamp, dt.date):
        return timestamp.isoformat()
    if isinstance(timestamp, str):
        return timestamp
    raise UsageError(
        f"a date or time was given as {type(timestamp).__name__}",
        fix='give a datetime.date, a datetime.datetime, or ISO text such as "2013-06-01"',
    )
