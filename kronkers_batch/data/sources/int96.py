"""Times of older Parquet writers, which Arrow reads as nanoseconds: those end in 2262, and what lies beyond
becomes another date. Such a column is read a second time, as microseconds, which know every year and cut off
what is finer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kronkers_batch.data.sources import footer
from kronkers_batch.data.sources.place import Place

if TYPE_CHECKING:
    import pyarrow as pa

_INT96 = 3  # the physical type, as the format numbers them
_FARTHEST = (2**63 - 1) // 1_000  # microseconds from 1970 that nanoseconds can say, either way


def columns(metadata: footer.Footer, names: Sequence[str]) -> list[str]:
    """Those of the columns that hold such times."""
    return [name for name in names if name in metadata.leaves and metadata.leaves[name].physical == _INT96]


@contextlib.contextmanager
def microseconds(
    path: str, rows: int, groups: Sequence[int], names: Sequence[str]
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The columns once more, in batches of the same rows. Raises what Arrow raises."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    with (
        pa.OSFile(path, "r") as raw,
        pq.ParquetFile(
            raw, pre_buffer=False, coerce_int96_timestamp_unit="us", page_checksum_verification=True
        ) as file,
    ):
        yield file.iter_batches(rows, row_groups=list(groups), columns=list(names))


def joined(fine: pl.Series, coarse: pl.Series, place: Place) -> pl.Series:
    """The true times: as nanoseconds where all can be those, else as microseconds.

    Raises SourceError where neither can be: some lie beyond 2262 and others are finer than a microsecond.
    """
    kept = coarse.to_physical()
    if kept.is_between(-_FARTHEST, _FARTHEST).all():
        return fine
    # Both were taken from the same number; what nanoseconds lost is a multiple of 2**64, as here.
    whole = kept.fill_null(0).to_numpy() * np.int64(1_000)
    if not np.array_equal(whole, fine.to_physical().fill_null(0).to_numpy()):
        raise place.error(
            f"column {fine.name} holds INT96 times, some beyond the year 2262 and some finer than "
            "microseconds",
            "Write times in microseconds in the program that makes the file.",
        )
    return coarse
