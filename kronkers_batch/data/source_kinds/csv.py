"""CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources.files import FileReader
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl


class _Csv(FileReader):
    def typed(
        self, file: Opened, source: SourceSpec, window: Window, rows: int, place: Place
    ) -> Iterator[pl.DataFrame]:
        """The rows of one file."""
        del rows  # the frames are as the parser gives them
        from kronkers_batch.data.sources import csvfile

        return csvfile.read(file, source, window, csvfile.format_of(source), place)

    def columns(self, file: Opened, place: Place, csv: Mapping[str, str] | None = None) -> list[str]:
        """The names of its first line."""
        from kronkers_batch.data.sources import csvfile

        return csvfile.columns(file, csv or {}, place)


READER = _Csv()
