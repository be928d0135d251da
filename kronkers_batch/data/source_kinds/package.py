"""A CSV or Parquet file that ships in an installed Python package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import package_file
from kronkers_batch.data.sources.files import FileReader
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window
from kronkers_batch.digests import Json

if TYPE_CHECKING:
    import polars as pl

_MISSING = ("", "NA")  # as R writes it, where most such files come from


class _Package(FileReader):
    def paths(self, source: SourceSpec) -> list[Path]:
        """The file in the package's own list. Raises SourceError, MissingPart."""
        return [package_file.locate(source)]

    def called(self, source: SourceSpec, path: Path, number: int, count: int) -> str:
        """Its path, which the package has from who made it."""
        del source, number, count
        return str(path)

    def typed(
        self, file: Opened, source: SourceSpec, window: Window, rows: int, place: Place
    ) -> Iterator[pl.DataFrame]:
        """The rows of the file."""
        from kronkers_batch.data.sources import csvfile, parquet_file

        if _is_parquet(file.path):
            return parquet_file.read(file, source, window, rows, place)
        return csvfile.read(file, source, window, csvfile.format_of(source, _MISSING), place)

    def streams(self, source: SourceSpec) -> bool:
        """Whether the file is Parquet."""
        return all(_is_parquet(path) for path in self.paths(source))

    def contents(
        self, source: SourceSpec, window: Window, sources: Mapping[str, SourceSpec], places: Places
    ) -> list[Json]:
        """The package's version and the file's state."""
        found = super().contents(source, window, sources, places)
        return [package_file.distribution(source).version, *found]


def _is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


READER = _Package()
