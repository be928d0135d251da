"""A table or query of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.source_reader import Contents, Reader, Reading
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl


class _Database(Reader):
    def read(self, source: SourceSpec, window: Window, reading: Reading) -> Iterator[pl.DataFrame]:
        """The rows that the database gives."""
        from kronkers_batch.data.sources import database_rows

        return database_rows.read(source, window, reading.places)

    def contents(
        self, source: SourceSpec, window: Window, sources: Mapping[str, SourceSpec], places: Places
    ) -> Contents:
        """The value of the watermark query; without one the database cannot be asked."""
        del sources
        from kronkers_batch.data.sources import database_rows

        return database_rows.watermark(source, window, places)

    def address(self, source: SourceSpec) -> str:
        """The URL without user, password and options."""
        from kronkers_batch.data.sources import database_rows

        return database_rows.where(source)


READER = _Database()
