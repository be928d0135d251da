"""The types of the columns of a CSV file, from all of its texts: a type that one text does not fit is none.

A number with a leading zero (a postcode, a number of an account) stays text: as a number it would lose it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kronkers_batch.frames.parsing import parsed
from kronkers_batch.frames.schema import Column, ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

MISSING = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "-", "?", ".")
"""Texts that often mean a missing value. One of them may be declared as ``csv: {null: ...}``."""
_TYPES = (
    ColumnType.INTEGER,
    ColumnType.FLOAT,
    ColumnType.BOOLEAN,
    ColumnType.DATE,
    ColumnType.TIMESTAMP,
)
_LEADING_ZERO = r"^\s*[-+]?0[0-9]"
_DECIMAL_COMMA = r"^\s*-?[0-9]+,[0-9]+\s*$"


@dataclass
class _Guess:
    """What one column may still be.

    Attributes:
        types: The types that all its texts fit, once texts for a missing value are left out.
        missing: Texts for a missing value that it has.
        known: Whether it has another text.
        commas: Whether all its other texts are numbers with a decimal comma.
    """

    types: list[ColumnType] = field(default_factory=lambda: list(_TYPES))
    missing: set[str] = field(default_factory=set)
    known: bool = False
    commas: bool = True

    def feed(self, texts: pl.Series) -> None:
        """Looks at some more texts."""
        if not self.types and not self.commas:
            return
        marks = texts.is_in(list(MISSING)).fill_null(False)
        self.missing |= set(texts.filter(marks).unique().to_list())
        rest = texts.filter(~marks).drop_nulls()
        if rest.is_empty():
            return
        self.known = True
        self.commas = self.commas and bool(rest.str.contains(_DECIMAL_COMMA).all())
        if rest.str.contains(_LEADING_ZERO).any():
            self.types = [t for t in self.types if t not in (ColumnType.INTEGER, ColumnType.FLOAT)]
        self.types = [kind for kind in self.types if not parsed(rest, kind).null_count()]


@dataclass(frozen=True)
class Typed:
    """What was found of all columns.

    Attributes:
        schema: Their types.
        null: The text for a missing value; empty where none is needed.
        remarks: What somebody should know, in words, by column.
    """

    schema: Schema
    null: str
    remarks: dict[str, str]


def of(frames: Iterable[pl.DataFrame], names: Iterable[str]) -> Typed:
    """The types of columns of texts; reads all frames."""
    guesses = {name: _Guess() for name in names}
    for frame in frames:
        for name, guess in guesses.items():
            guess.feed(frame[name])
    null = _null(guesses)
    columns = tuple(Column(name, _type(guess, null)) for name, guess in guesses.items())
    return Typed(Schema(columns), null, dict(_remarks(guesses, null)))


def _null(guesses: dict[str, _Guess]) -> str:
    """The text without which most columns would be text; the first in order where several are equal."""
    needed = Counter(text for g in guesses.values() if g.types and g.known for text in sorted(g.missing))
    return max(needed, key=lambda text: needed[text], default="")


def _type(guess: _Guess, null: str) -> ColumnType:
    if not guess.known or not guess.types or guess.missing - {null}:
        return ColumnType.STRING
    return guess.types[0]


def _remarks(guesses: dict[str, _Guess], null: str) -> Iterable[tuple[str, str]]:
    for name, guess in guesses.items():
        if guess.types and guess.known and (others := sorted(guess.missing - {null})):
            yield (
                name,
                f"stays text: it has {' and '.join(others)} where a value is missing, and a source has one "
                "such text",
            )
        elif guess.known and guess.commas and not guess.types:
            yield name, "stays text: its numbers have a decimal comma; write them with a point"
