"""The words of the text that a worker was given: what it says is distinguished from what its data says.

Nothing is looked at until something was said: then the words of the chunks that the worker may speak of are
gathered, once for each chunk.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from kronkers_batch.frames.schema import ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

TEXT = (ColumnType.STRING, ColumnType.CATEGORY)
RECENT = 4
"""Scored chunks whose words are known: those on their way, and some before them."""

_WORDS = r"[\p{L}\p{N}]+"  # as Polars writes it; Python's is below
_WORD = re.compile(r"[^\W_]+")


class Said:
    """What a worker may not say, and what it may: here, before it was given anything."""

    counts: frozenset[int] = frozenset()
    """How many rows and columns it was given: numbers that this program knows without looking at a value."""

    def __contains__(self, word: object) -> bool:
        """Whether a word, in whichever case, is one of some text."""
        return False


class Given(Said):
    """Words of what was sent: the levels of every category, all of the training rows, the newest chunks.

    What a stored model remembers of the text that it was trained on is known from the levels of its
    categories alone. Threads may share one.

    Args:
        features: With their levels.
        parts: How many frames are sent to be scored at once.
    """

    def __init__(self, features: Schema, parts: int = 1) -> None:
        self._columns = len(features)
        self._rows = deque[int](maxlen=2 * RECENT * parts)
        self._fitted = 0
        self._levels = frozenset(
            word for column in features for level in column.levels for word in words(level)
        )
        self._trained: list[_Chunk] = []
        self._recent = deque[_Chunk](maxlen=RECENT * parts)
        self._lock = threading.Lock()

    def add(self, chunk: pl.DataFrame, schema: Schema, *, training: bool) -> None:
        """Remembers the text and the size of a chunk before it is sent; copies nothing."""
        names = [column.name for column in schema if column.type in TEXT and column.name in chunk.columns]
        with self._lock:
            if training:
                self._fitted += chunk.height
            else:
                self._rows.append(chunk.height)
            if names:
                (self._trained if training else self._recent).append(_Chunk(chunk.select(names)))

    @property
    def counts(self) -> frozenset[int]:  # type: ignore[override]
        """Rows of the newest chunks and of the training, features, and these with the target."""
        with self._lock:
            known = (*self._rows, self._fitted, self._columns, self._columns + 1)
        return frozenset(number for number in known if number)

    def __contains__(self, word: object) -> bool:
        """Whether a word, in whichever case, is one of some text."""
        with self._lock:
            chunks = [*self._trained, *self._recent]
        wanted = str(word).lower()
        return wanted in self._levels or any(wanted in chunk.words for chunk in chunks)


def words(text: str) -> list[str]:
    """The words of a text in lower case: letters and digits, without what is between them."""
    return _WORD.findall(text.lower())


class _Chunk:
    """The text columns of a chunk, and their words once somebody asks; the columns are let go then."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame: pl.DataFrame | None = frame
        self._words: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    @property
    def words(self) -> frozenset[str]:
        with self._lock:
            if self._frame is not None:
                found = (_words_of(column) for column in self._frame.iter_columns())
                self._words, self._frame = frozenset(chain.from_iterable(found)), None
        return self._words


def _words_of(column: pl.Series) -> list[str]:
    import polars as pl

    texts = column.cast(pl.String).drop_nulls().unique()
    return texts.str.to_lowercase().str.extract_all(_WORDS).explode().drop_nulls().unique().to_list()
