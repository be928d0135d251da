"""A source that is another model's published output, through the reader that is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.window_rows import within
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl

OutputReader = Callable[[str, Window], "Iterator[pl.DataFrame]"]
"""Gives the published rows of a model for the dates of a window, chunk by chunk."""


def read(source: SourceSpec, window: Window, outputs: OutputReader | None) -> Iterator[pl.DataFrame]:
    """Typed frames of the model's heads in the window. Raises SourceError."""
    for frame in reader(outputs, source)(source.output, window):
        typed = casting.cast_frame(frame, source.schema, Place.of(source).at(f"output of {source.output}"))
        yield within(typed, source.time_column, window)


def reader(outputs: OutputReader | None, source: SourceSpec) -> OutputReader:
    """The reader, or a SourceError where outputs cannot be read."""
    if outputs is None:
        raise Place.of(source).error("outputs cannot be read here", "Run this within a warehouse.")
    return outputs
