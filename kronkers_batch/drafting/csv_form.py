"""How a CSV file is written: its delimiter, and the names of its columns. Nothing is declared yet."""

from __future__ import annotations

import re
from pathlib import Path

from kronkers_batch.config import opening
from kronkers_batch.config.kinds import unsafe_column
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import Origin, SourceSpec
from kronkers_batch.data.sources import csvfile
from kronkers_batch.data.sources.place import Place
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.schema import Column, ColumnType, Schema

_DELIMITERS = (",", ";", "\t", "|")
_VALUE = re.compile(r"\s*[-+]?[0-9][0-9.,:/T -]*\s*\Z")
"""What looks like a number, a date or a time: no name of a column."""


def as_texts(name: str, department: str, path: Path, places: Places) -> SourceSpec:
    """The file as a source in which every column is text.

    Raises SourceError where it cannot be read, or where its first line has no usable names.
    """
    place = Place(name, "--csv", str(path))
    found = {mark: _names(path, department, places, place, mark) for mark in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda mark: len(found[mark]))
    names = found[delimiter]
    _check_names(names, place)
    schema = Schema(tuple(Column(column, ColumnType.STRING) for column in names))
    return SourceSpec(
        name=name,
        department=department,
        description="",
        kind="csv",
        schema=schema,
        key=(),
        time_column="",
        checks=(),
        shared_with=(),
        origin=Origin("--csv", 0, ""),
        path=str(path),
        csv={"delimiter": delimiter},
    )


def _names(path: Path, department: str, places: Places, place: Place, delimiter: str) -> list[str]:
    try:
        with opening.opened(path, places, department=department) as file:
            return csvfile.columns(file, {"delimiter": delimiter}, place)
    except opening.PathRefused as refused:
        raise place.error(f"the path is refused: {refused.why}", FIX) from None
    except OSError as error:
        raise place.error(
            f"the file cannot be opened: {error.strerror}", "Correct the path behind --csv."
        ) from None


def _check_names(names: list[str], place: Place) -> None:
    """Says which column is wrong by its place: a file without a line of names begins with data."""
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise _refused(place, f"column {number} has no name")
        if _VALUE.match(name):
            raise _refused(place, f"the first line holds a value in place of the name of column {number}")
        if unsafe_column(name) or "${" in name:
            raise place.error(
                f"the name of column {number} is not safe as a column's name",
                "Rename it in the first line: up to 200 characters, no blank at an end, no line break, "
                "none of `, ../, ${ and %41.",
            )
    folded = [name.casefold() for name in names]
    for number, name in enumerate(folded, 1):
        if name in folded[: number - 1]:
            other = folded.index(name) + 1
            raise _refused(place, f"columns {other} and {number} have the same name, but for case")


def _refused(place: Place, what: str) -> SourceError:
    fix = "Give each column a name of its own in the first line of the file."
    return place.error(what, fix)
