"""Where a row came from, for messages: the source, its declaration, and the file or table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.errors import SourceError


@dataclass(frozen=True)
class Place:
    """A source, and the part of it that is being read (a file, a table, a package; may be empty).

    ``hidden`` is the part's own name where that was found and is not shown; who reads found texts sees it.
    ``rows`` says where one of the rows that are being read lies, by its number among them, such as ``line
    7``.
    """

    source: str
    origin: str
    part: str = ""
    hidden: str = ""
    rows: Callable[[int], str] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, source: SourceSpec, key: str = "") -> Place:
        """The place of a source as a whole, or of one of its keys."""
        origin = source.origins.get(key, source.origin)
        return cls(source.name, f"{origin.file}:{origin.line}")

    def at(self, part: str, hidden: str = "") -> Place:
        """The same source, at one of its parts."""
        return replace(self, part=part, hidden=hidden)

    def at_rows(self, rows: Callable[[int], str]) -> Place:
        """The same place, where it is known at which of its rows one is."""
        return replace(self, rows=rows)

    def among(self, numbers: Callable[[int], int]) -> Place:
        """The same place, of which only some rows are read on; ``numbers`` says which of all each is."""
        if self.rows is None:
            return self
        found = self.rows
        return self.at_rows(lambda number: found(numbers(number)))

    def row(self, number: int) -> str:
        """Where the row of this number, from 0, lies; empty where that is not known."""
        return "" if self.rows is None else self.rows(number)

    def __str__(self) -> str:
        text = f"{self.origin}: source {self.source}"
        return f"{text}, {self.part}" if self.part else text

    def error(self, what: str, fix: str, found: str = "") -> SourceError:
        """A SourceError that happened here.

        Args:
            what: What happened, in words of ours, of the declaration, and counts.
            fix: What to do, in such words.
            found: The text that was found in the data, if it helps who may read the data; it is not shown.
        """
        found = "\n".join(text for text in (self.hidden, found) if text)
        return SourceError(what, where=str(self), fix=fix, found=found)
