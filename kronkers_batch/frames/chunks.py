"""Frames of other frames' rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

Weigh = Callable[[int, int], None]
"""Is called with how many rows and bytes are held, before they are joined; may raise."""


def rechunked(
    frames: Iterable[pl.DataFrame], rows: int, weigh: Weigh | None = None, *, contiguous: bool = False
) -> Iterator[pl.DataFrame]:
    """The same rows in the same order, in frames of exactly ``rows`` rows; the last may be shorter.

    Args:
        frames: Of one schema.
        rows: Of each frame.
        weigh: Stops what takes too much memory.
        contiguous: Whether each column is copied into one buffer where its rows come from several frames: for
            frames that are kept, or whose columns are read many times.
    """
    import polars as pl

    waiting: list[pl.DataFrame] = []
    height = size = 0
    for incoming in frames:
        frame = incoming
        if weigh is not None:
            size = int(frame.estimated_size()) + (size if waiting else 0)
            weigh(height + frame.height, size)
        while height + frame.height >= rows:
            taken = frame[: rows - height]
            yield pl.concat([*waiting, taken], rechunk=contiguous) if waiting else taken
            frame = frame[taken.height :]
            waiting, height = [], 0
        if frame.height:
            waiting.append(frame)
            height += frame.height
    if waiting:
        yield pl.concat(waiting, rechunk=contiguous)
