"""What the kinds of sources are read with. ``read`` gives the rows of a source of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import source_kinds
from kronkers_batch.data.source_reader import Reading
from kronkers_batch.data.window import Window
from kronkers_batch.store import transaction

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.config.places import Places
    from kronkers_batch.data.sources.memory import Found
    from kronkers_batch.data.sources.model_output import OutputReader


def read(
    source: SourceSpec,
    window: Window,
    outputs: OutputReader | None = None,
    *,
    sources: Mapping[str, SourceSpec],
    places: Places,
    chunk_rows: int,
    tell: Callable[[Found], None] = lambda _found: None,
) -> Iterator[pl.DataFrame]:
    """The rows of a source in a window, as frames of exactly ``chunk_rows`` rows (the last may be shorter).

    The frames hold exactly the declared columns in their declared types. Memory is bounded by the chunk, and
    for a query by its ``memory`` and what inputs may be kept. The source's own checks have not been run, see
    ``data.stream``; those of a query's inputs have.

    Args:
        outputs: Reads other models' outputs; None where the source needs none.
        sources: Every declared source by name, for the inputs of queries.
        places: Where no file that is read may lie.
        tell: Receives what the checks of each input of a query found, once they held.

    Raises:
        SourceError: A file, table or column is missing, unreadable or not of the declared type.
        CheckFailed: A check failed on an input of a query.
        MissingPart: A package or a database driver is not installed.
    """
    from kronkers_batch.data.sources.window_rows import rechunked

    transaction.refuse_inside("a source")
    reading = Reading(outputs, sources, places, chunk_rows, window.end, tell, source_kinds.of)
    return rechunked(reading.frames(source, window, tell), chunk_rows)
