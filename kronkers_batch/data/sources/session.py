"""What a database source needs of a database, and what holds for each: no warehouse, no endless values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from kronkers_batch.data.sources.place import Place
from kronkers_batch.errors import SourceError

if TYPE_CHECKING:
    import polars as pl

VALUE = 2**20
"""Bytes that one value may have."""
_ROWS = 16_384  # Python objects take about 60 bytes a value
_HELD = 64 * 2**20  # bytes of values that wait, if each is as long as it may be
_WAREHOUSE = frozenset({"alembic_version", "warehouse", "principals", "tree_keys", "grants", "ledger"})


class Session(Protocol):
    """An open database that can only be read."""

    def quote(self, name: str) -> str:
        """A name as the database's SQL has it."""

    def mark(self, number: int) -> str:
        """How the SQL names the parameter of this number, from 1."""

    def timestamp(self, timestamp: dt.datetime) -> object:
        """A time as the database compares it."""

    def day(self, day: dt.date) -> object:
        """A date as the database compares it."""

    def columns(self, query: str, values: Sequence[object]) -> list[Found]:
        """The columns that a SELECT gives; reads no row."""

    def rows(self, query: str, values: Sequence[object]) -> Generator[tuple[object, ...]]:
        """The rows of a SELECT, which come while they are read."""


@dataclass(frozen=True)
class Found:
    """A column of a query.

    Attributes:
        name: As the database has it.
        selected: The SQL that reads it, of a value that is too long no more than shows that it is.
        refused: Its type, where no column can be of it; else empty.
        dtype: The type of its values, where the database says so.
        whole: Whether it says that they are whole numbers, though they come as decimal ones.
    """

    name: str
    selected: str
    refused: str = ""
    dtype: pl.DataType | None = None
    whole: bool = False


def batches(rows: Iterable[tuple[object, ...]], columns: int) -> Iterator[list[tuple[object, ...]]]:
    """Rows as lists of many, or of few where their values are long: what waits is bounded in bytes."""
    step = max(1, min(1024, _HELD // (VALUE * max(columns, 1))))
    source = iter(rows)
    waiting: list[tuple[object, ...]] = []
    held = 0
    while some := list(islice(source, step)):
        waiting += some
        held += sum(len(value) for row in some for value in row if type(value) is str or type(value) is bytes)
        if len(waiting) >= _ROWS or held >= _HELD:
            yield waiting
            waiting, held = [], 0
    if waiting:
        yield waiting


def refuse_warehouse(tables: Iterable[str], place: Place) -> None:
    """Raises SourceError where the tables of one schema are those of a warehouse, this one or any other."""
    if {name.lower() for name in tables} >= _WAREHOUSE:
        raise place.error(
            "this database is a warehouse of kronkers, which is never a source",
            "To read what a model gave, declare a source of `kind: output`.",
        )


def too_long(place: Place, what: str) -> SourceError:
    """The error about a value that is larger than one may be."""
    return place.error(
        f"{what} is longer than {VALUE // 2**20} MB", "Cut it, or leave it out, in the source's query."
    )
