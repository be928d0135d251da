"""Another model's published output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.source_reader import Contents, Reader, Reading
from kronkers_batch.data.stated import Heads
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl


class _Output(Reader):
    def read(self, source: SourceSpec, window: Window, reading: Reading) -> Iterator[pl.DataFrame]:
        """The rows of the heads in the window."""
        from kronkers_batch.data.sources import model_output

        return model_output.read(source, window, reading.outputs)

    def contents(
        self, source: SourceSpec, window: Window, sources: Mapping[str, SourceSpec], places: Places
    ) -> Contents:
        """The head versions in the window."""
        del sources, places
        return Heads(source.output, window.start, window.end)


READER = _Output()
