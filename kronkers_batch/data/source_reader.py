"""How a kind of source is read: the protocol of the modules of ``source_kinds/``, and what they get."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.stated import Heads, Stated
from kronkers_batch.data.window import Window
from kronkers_batch.digests import Json

if TYPE_CHECKING:  # who only asks whether rows changed needs no Polars
    import polars as pl

    from kronkers_batch.data.sources.memory import Found
    from kronkers_batch.data.sources.model_output import OutputReader

Contents: TypeAlias = "Json | Heads | Mapping[str, Heads | Stated]"
"""What tells cheaply whether rows changed: values, the heads of outputs, or those of a query's inputs."""


class Reader(ABC):
    """Reads the sources of one kind. What it imports for that, it imports when it is asked."""

    @abstractmethod
    def read(self, source: SourceSpec, window: Window, reading: Reading) -> Iterator[pl.DataFrame]:
        """Frames of any size with exactly the declared columns, in their types, of the rows in the window.

        Raises:
            SourceError: With file or table, and line where there is one; with no value of the data.
        """

    @abstractmethod
    def contents(
        self, source: SourceSpec, window: Window, sources: Mapping[str, SourceSpec], places: Places
    ) -> Contents:
        """Other values where the rows changed, and the same where they did not; reads no rows.

        Raises SourceError.
        """

    def paths(self, source: SourceSpec) -> list[Path]:
        """The files that are read, of a kind that declares files. Raises SourceError where there is none."""
        raise NotImplementedError(f"nothing says which files the source {source.name} reads")

    def address(self, source: SourceSpec) -> str:
        """Of the server or database, without user and password; a part of the source's identity."""
        del source
        return ""

    def state(self, source: SourceSpec, sources: Mapping[str, SourceSpec], places: Places) -> Hashable | None:
        """What tells that all files behind the source are the same; None where there is more than files.

        Rows of a source with such a state may be kept in memory until it is another. Raises SourceError.
        """
        del source, sources, places
        return None


@dataclass(frozen=True)
class Reading:
    """What stays the same from a query down to its inputs' inputs.

    Args:
        outputs: Reads other models' outputs; None where none can be read.
        sources: Every declared source by name.
        places: Where no file that is read may lie.
        rows: How many rows a frame is to have, about.
        end: The end of the outermost window, against which freshness counts; None is now.
        tell: Called with what the checks of each input of a query found, once they held.
        of: Gives the reader of a kind.
    """

    outputs: OutputReader | None
    sources: Mapping[str, SourceSpec]
    places: Places
    rows: int
    end: dt.datetime | None
    tell: Callable[[Found], None]
    of: Callable[[str], Reader]

    def frames(
        self, source: SourceSpec, window: Window, tell: Callable[[Found], None]
    ) -> Iterator[pl.DataFrame]:
        """The rows of a source of whatever kind."""
        return self.of(source.kind).read(source, window, replace(self, tell=tell))
