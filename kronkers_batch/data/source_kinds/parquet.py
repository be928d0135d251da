"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources.files import FileReader
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl


class _Parquet(FileReader):
    def typed(
        self, file: Opened, source: SourceSpec, window: Window, rows: int, place: Place
    ) -> Iterator[pl.DataFrame]:
        """The rows of one file."""
        from kronkers_batch.data.sources import parquet_file

        return parquet_file.read(file, source, window, rows, place)

    def streams(self, source: SourceSpec) -> bool:
        """Whether it has columns that can be read by themselves: it always has."""
        del source
        return True


READER = _Parquet()
