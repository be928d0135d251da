"""Sources that are files: one path or a glob of Parquet or CSV files, read one after the other."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.config import opening
from kronkers_batch.config.opening import Opened
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import SourceKind, SourceSpec
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window
from kronkers_batch.errors import SourceError

if TYPE_CHECKING:  # who only asks for the files' state needs no Polars
    import polars as pl

    from kronkers_batch.data.sources import csvfile

_RIGHTS = "Give the account that runs this the right to read it."
_ASIDE = ("_", ".")
_PATTERNS = (SourceKind.PARQUET, SourceKind.CSV)
_NULLS = {SourceKind.PACKAGE: ("", "NA"), SourceKind.CSV: ("",)}


def paths(source: SourceSpec) -> list[Path]:
    """The files of a Parquet, CSV or package source, sorted by path. Raises SourceError without any."""
    if source.kind is SourceKind.PACKAGE:
        from kronkers_batch.data.sources import package

        return [package.locate(source)]
    place = Place.of(source)
    path = Path(source.path)
    if path.is_file():
        return [path]
    if path.is_dir():
        raise place.error(f"{path} is a folder", f"Name its files with a pattern, such as {path}/*.parquet")
    if glob.has_magic(source.path):
        found, aside = _fitting(source.path)
        if found:
            return found
        if aside:
            raise place.error(
                f"no file fits {source.path} but {aside} that are left out, since '_' or '.' begins a name "
                "in their path",
                "Such files are taken for unfinished. To read them, begin that part of the pattern so.",
            )
        raise place.error(f"no file fits {source.path}", _why_missing(path))
    raise place.error(f"there is no file {path}", _why_missing(path))


def _fitting(pattern: str) -> tuple[list[Path], int]:
    """The files that fit a pattern, and how many more would, were they not set aside.

    What ``_`` or ``.`` begins is unfinished or no data: so Spark, Hive and Arrow take it, and those who write
    it.
    """
    named = [part for part in Path(pattern).parts if part.startswith(_ASIDE)]

    def is_aside(path: Path) -> bool:
        parts = [part for part in path.parts if part.startswith(_ASIDE)]
        return not all(any(fnmatchcase(part, name) for name in named) for part in parts)

    fitting = sorted(Path(p) for p in glob.glob(pattern, recursive=True) if Path(p).is_file())  # noqa: PTH207 - absolute pattern
    found = [path for path in fitting if not is_aside(path)]
    return found, len(fitting) - len(found)


def left_out(source: SourceSpec) -> int:
    """How many files fit the source's pattern, and are left out since they are unfinished or no data."""
    return _fitting(source.path)[1] if source.kind in _PATTERNS and glob.has_magic(source.path) else 0


def located(source: SourceSpec) -> Iterator[tuple[Path, Place]]:
    """As :func:`paths`, each with its place for messages."""
    found = paths(source)
    for number, path in enumerate(found, 1):
        called = _called(source, path, number, len(found))
        yield path, Place.of(source).at(called, "" if called == str(path) else str(path))


def _called(source: SourceSpec, path: Path, number: int, count: int) -> str:
    """What a file is called in messages: the names that a pattern found are found texts too.

    Such a name is told where the pattern leaves nothing open but digits and the marks of dates and numbers.
    """
    if source.kind is SourceKind.PACKAGE or str(path) == source.path:
        return str(path)
    if _digits_only(source.path).fullmatch(str(path)):
        return str(path)
    return f"{source.path}, file {number} of {count} in the order of their names"


def _digits_only(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression in which what is open stands for digits and marks.

    What an open part has taken, up to the next text of the pattern, is not given back, so that no pattern
    takes long. A name that fits only otherwise is not told.
    """
    first, *rest = re.split(r"(?:\*\*/?|\*|\?|\[!?\]?[^\]]*\])+", pattern)
    opened = r"[\dT:_/.-]*"
    inner = "".join(rf"(?>{opened}?{re.escape(part)})" for part in rest[:-1])
    last = f"{opened}{re.escape(rest[-1])}" if rest else ""
    return re.compile(re.escape(first) + inner + last)


@contextmanager
def opened(source: SourceSpec, path: Path, place: Place, places: Places) -> Iterator[Opened]:
    """One of the files, open until the end of the block and judged as it was opened. Raises SourceError."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(
                opening.opened(path, places, department=source.department, source=source.name)
            )
        except (opening.PathRefused, OSError) as error:
            raise _not_opened(error, path, place) from None
        yield file


def _not_opened(error: opening.PathRefused | OSError, path: Path, place: Place) -> SourceError:
    if isinstance(error, opening.PathRefused):
        return place.error(f"the path is refused: {error.why}", FIX)
    if isinstance(error, PermissionError):
        return place.error("the file may not be read", _RIGHTS)
    if isinstance(error, FileNotFoundError):
        return place.error("there is no file of this name", _why_missing(path))
    return place.error(f"the file cannot be opened: {os.strerror(error.errno or 0)}", _RIGHTS)


def states(source: SourceSpec, places: Places) -> list[tuple[object, ...]]:
    """What tells cheaply whether the files are those of another time. Raises SourceError."""
    found = []
    for path, place in located(source):
        with opened(source, path, place, places) as file:
            found.append(file.state)
    return found


def changed(source: SourceSpec) -> SourceError:
    """The error about files that are no longer those that were read."""
    return Place.of(source).error(
        "its files changed while they were read", "Run it again when they are delivered."
    )


def read(source: SourceSpec, window: Window, rows: int, places: Places) -> Iterator[pl.DataFrame]:
    """Typed frames of at most about ``rows`` rows, in the order of the files and of their rows.

    Raises SourceError, behind the last row too: where the files are others than before the first.
    """
    before = states(source, places)
    for (path, place), state in zip(located(source), before, strict=False):
        with opened(source, path, place, places) as file:
            if file.state != state:
                raise changed(source)
            yield from frames(file, source, window, rows, place)
    if states(source, places) != before:
        raise changed(source)


def frames(
    file: Opened, source: SourceSpec, window: Window, rows: int, place: Place
) -> Iterator[pl.DataFrame]:
    """As :func:`read`, of one open file."""
    from kronkers_batch.data.sources import csvfile, parquet

    try:
        _refuse_empty(file, place)
        if is_parquet(source, file.path):
            yield from parquet.read(file, source, window, rows, place)
        else:
            yield from csvfile.read(file, source, window, csv_format(source), place)
    except SourceError:
        if file.again() != file.state:  # what is wrong in it is that it was being written
            raise changed(source) from None
        raise
    if file.again() != file.state:
        raise changed(source)


def look(file: Opened, source: SourceSpec, place: Place) -> None:
    """Raises SourceError where a Parquet file cannot be read, or has other columns or types; reads no row."""
    from kronkers_batch.data.sources import parquet

    _refuse_empty(file, place)
    parquet.look(file, source, place)


def _refuse_empty(file: Opened, place: Place) -> None:
    if not os.access(file.reading, os.R_OK):
        raise place.error("the file may not be read", _RIGHTS)
    if not file.info.st_size:
        raise place.error("the file is empty: not even column names", "Deliver it again, or remove it.")


def is_parquet(source: SourceSpec, path: Path) -> bool:
    """Whether a file of the source is read as Parquet."""
    return source.kind is SourceKind.PARQUET or (
        source.kind is SourceKind.PACKAGE and path.suffix == ".parquet"
    )


def csv_format(source: SourceSpec) -> csvfile.Format:
    """How the source's CSV files are written. In a package's files ``NA`` is missing too."""
    from kronkers_batch.data.sources import csvfile

    nulls = {"", source.csv["null"]} if "null" in source.csv else _NULLS.get(source.kind, ("",))
    return csvfile.Format(source.csv.get("delimiter", ","), source.csv.get("quote", '"'), tuple(nulls))


def _why_missing(path: Path) -> str:
    parent = path.parent
    while glob.has_magic(str(parent)) or not parent.exists():
        if parent == parent.parent:
            break
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.R_OK | os.X_OK):
        return f"The folder {parent} cannot be listed: check its rights."
    return f"Correct `path:`; the nearest folder that exists is {parent}."
