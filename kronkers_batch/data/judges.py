"""How a kind of check is judged: the protocol of the modules of ``check_kinds/``.

A kind looks at one row at a time (:class:`RowJudge`), or at all rows together (:class:`TableJudge`). Either
counts offending rows, and keeps no value of the data longer than it must.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, TypeVar

from kronkers_batch.config.spec import CheckSpec, OnFailure

if TYPE_CHECKING:  # who only reads what was found needs no Polars
    import polars as pl

    from kronkers_batch.frames.schema import Schema

_T = TypeVar("_T")

Tally: TypeAlias = "int | dt.datetime | dt.date | None"
"""What a check counted over all rows; what it means for one window is judged later."""


def argument(check: CheckSpec, name: str, kind: type[_T]) -> _T:
    """An argument of a check. Raises KeyError where there is none, TypeError where it is of another class."""
    value = optional(check, name, kind)
    if value is None:
        raise KeyError(name)
    return value


def optional(check: CheckSpec, name: str, kind: type[_T]) -> _T | None:
    """An argument, or None where there is none. Raises TypeError where it is of another class."""
    value = check.arguments.get(name)
    if value is not None and not isinstance(value, kind):
        raise TypeError(name)
    return value


class Counted(Protocol):
    """What one check found, as far as it is put into words; counts only, never values."""

    @property
    def name(self) -> str:
        """The check's name."""

    @property
    def kind(self) -> str:
        """The name of its kind."""

    @property
    def action(self) -> OnFailure:
        """What is done with offending rows."""

    @property
    def failed(self) -> int:
        """Offending rows."""

    @property
    def total(self) -> int:
        """Rows that were looked at."""


class Judge:
    """Judges the checks of one kind."""

    def failed(self, check: CheckSpec, tally: Tally, total: int, end: dt.datetime) -> int:
        """The number of offending rows, of ``total``; 1 or 0 for a check about all rows together.

        Args:
            end: The end of the window (UTC).
        """
        del check, total, end
        if not isinstance(tally, int):
            raise TypeError("offending rows are counted")
        return tally

    def counts(self, result: Counted) -> str:
        """Behind the verdict, for people."""
        return f", {result.failed} of {result.total} rows"

    def said(self, result: Counted) -> str:
        """What is said of a check that failed; counts only, never values."""
        more = ", more than may be dropped" if result.action is OnFailure.DROP else ""
        return f"{result.name}: {result.failed} of {result.total} rows{more}"


class RowJudge(Judge, ABC):
    """Of a kind that looks at one row at a time: pandera runs it."""

    misfit: ClassVar[str] = "compare a column only with values of its own type"
    """What to do where a check of this kind cannot be computed on its columns."""

    @abstractmethod
    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        """Where a row holds; never null. A null passes every check of a column but ``nulls``.

        Raises ConfigError where the check cannot be understood.
        """


class Counter(Protocol):
    """Takes all rows of one table, for one check."""

    def feed(self, frame: pl.DataFrame) -> None:
        """Takes the next rows."""

    def finish(self) -> Tally:
        """What it counted, once all rows were fed. Frees everything."""

    def close(self) -> None:
        """Frees everything without counting."""


class Dropper(Protocol):
    """Takes all rows of one table, for one check that drops rows."""

    limit: int
    """How many rows it can remember."""

    def again(self, frame: pl.DataFrame) -> pl.Series:
        """True for the rows that are to be dropped. Raises OverflowError above the limit."""


class TableJudge(Judge, ABC):
    """Of a kind that looks at all rows together."""

    @abstractmethod
    def counter(self, check: CheckSpec) -> Counter:
        """Counts for a check that drops no rows."""

    def dropper(self, check: CheckSpec) -> Dropper:
        """Finds the rows to be dropped; only for kinds that may drop."""
        raise NotImplementedError(f"the check '{check.kind}' cannot drop rows")


class Nothing:
    """A counter of what is known without looking at any row."""

    def feed(self, frame: pl.DataFrame) -> None:
        """Takes the next rows."""

    def finish(self) -> Tally:
        """Nothing."""
        return None

    def close(self) -> None:
        """Frees nothing."""
