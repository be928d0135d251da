"""Sources: one small module a kind. ``read`` gives the rows of any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import SourceKind, SourceSpec
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.data.sources.output import OutputReader

_FILES = (SourceKind.PARQUET, SourceKind.CSV, SourceKind.PACKAGE)
_WHOLE = Window(None, None)


def read(
    source: SourceSpec,
    window: Window,
    outputs: OutputReader | None = None,
    *,
    sources: Mapping[str, SourceSpec],
    chunk_rows: int,
) -> Iterator[pl.DataFrame]:
    """The rows of a source in a window, as frames of exactly ``chunk_rows`` rows (the last may be shorter).

    The frames hold exactly the declared columns in their declared types. Memory is bounded by the chunk, and
    for a query by its ``memory``. Nothing unchecked has been checked here: see ``data.checks``.

    Args:
        outputs: Reads other models' outputs; None where the source needs none.
        sources: Every declared source by name, for the inputs of queries.

    Raises:
        SourceError: A file, table or column is missing, unreadable or not of the declared type.
        MissingPart: A package or a database driver is not installed.
    """
    from kronkers_batch.data.sources.rows import rechunked

    return rechunked(_frames(source, window, outputs, sources, chunk_rows), chunk_rows)


def _frames(
    source: SourceSpec,
    window: Window,
    outputs: OutputReader | None,
    sources: Mapping[str, SourceSpec],
    rows: int,
) -> Iterator[pl.DataFrame]:
    from kronkers_batch.data.sources import database, files, output, query

    if source.kind in _FILES:
        return files.read(source, window, rows)
    if source.kind is SourceKind.DATABASE:
        return database.read(source, window)
    if source.kind is SourceKind.OUTPUT:
        return output.read(source, window, outputs)

    def read_input(other: SourceSpec) -> Iterator[pl.DataFrame]:
        # An input is read whole: a query may look back beyond its own window, and says so itself.
        return _frames(other, window if other.kind is SourceKind.OUTPUT else _WHOLE, outputs, sources, rows)

    return query.read(source, window, rows, outputs, sources, read_input)
