"""Sources that are files: one path or a glob, read one after the other, whatever is in them."""

from __future__ import annotations

import glob
import os
import re
from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kronkers_batch.config import opening
from kronkers_batch.config.opening import Opened
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.source_reader import Reader, Reading
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window
from kronkers_batch.digests import Json
from kronkers_batch.errors import SourceError

if TYPE_CHECKING:  # who only asks for the files' state needs no Polars
    import polars as pl

_RIGHTS = "Give the account that runs kronkers the right to read the file."
_ASIDE = ("_", ".")


class FileReader(Reader):
    """Reads a kind of files: finds and opens them, judges what was opened, and sees whether it changes.

    A kind says by ``typed`` how one open file is read. It opens no file itself.
    """

    @abstractmethod
    def typed(
        self, file: Opened, source: SourceSpec, window: Window, rows: int, place: Place
    ) -> Iterator[pl.DataFrame]:
        """Typed frames of the rows of one file in the window, of at most about ``rows`` rows each.

        Read ``file.reading``, which nobody can lead elsewhere. Raises SourceError.
        """

    def columns(self, file: Opened, place: Place, csv: Mapping[str, str] | None = None) -> list[str]:
        """The names of the columns of one open file, without its rows; ``csv`` is how it is written.

        Raises SourceError.
        """
        del csv
        from kronkers_batch.data.sources import parquet_file

        _refuse_empty(file, place)
        return parquet_file.columns(file, place)

    def streams(self, source: SourceSpec) -> bool:
        """Whether the files are Parquet: of them a query reads only the columns that it needs."""
        del source
        return False

    def look(self, file: Opened, source: SourceSpec, place: Place) -> None:
        """Raises SourceError where a file that streams cannot be read, or has other columns; reads no row."""
        from kronkers_batch.data.sources import parquet_file

        _refuse_empty(file, place)
        parquet_file.look(file, source, place)

    def paths(self, source: SourceSpec) -> list[Path]:
        """The file, or those that fit the pattern, sorted. Raises SourceError without any."""
        return _paths(source)

    def called(self, source: SourceSpec, path: Path, number: int, count: int) -> str:
        """What one of the files is called in messages."""
        return _called(source, path, number, count)

    def located(self, source: SourceSpec) -> Iterator[tuple[Path, Place]]:
        """As :meth:`paths`, each with its place for messages."""
        found = self.paths(source)
        for number, path in enumerate(found, 1):
            called = self.called(source, path, number, len(found))
            yield path, Place.of(source).at(called, "" if called == str(path) else str(path))

    def states(self, source: SourceSpec, places: Places) -> list[tuple[object, ...]]:
        """What tells cheaply whether the files are those of another time. Raises SourceError."""
        found = []
        for path, place in self.located(source):
            with opened(source, path, place, places) as file:
                found.append(file.state)
        return found

    def state(self, source: SourceSpec, sources: Mapping[str, SourceSpec], places: Places) -> Hashable | None:
        """The states of the files. Raises SourceError."""
        del sources
        return tuple(self.states(source, places))

    def contents(
        self, source: SourceSpec, window: Window, sources: Mapping[str, SourceSpec], places: Places
    ) -> list[Json]:
        """Resolved path, size and time (ns) of each file. Raises SourceError."""
        del window, sources
        return [[cast(Json, part) for part in state[:3]] for state in self.states(source, places)]

    def read(self, source: SourceSpec, window: Window, reading: Reading) -> Iterator[pl.DataFrame]:
        """The rows of the files, in order. Raises SourceError, behind the last row where a file changed."""
        before = self.states(source, reading.places)
        for (path, place), state in zip(self.located(source), before, strict=False):
            with opened(source, path, place, reading.places) as file:
                if file.state != state:
                    raise changed(source)
                yield from self.frames(file, source, window, reading.rows, place)
        if self.states(source, reading.places) != before:
            raise changed(source)

    def frames(
        self, file: Opened, source: SourceSpec, window: Window, rows: int, place: Place
    ) -> Iterator[pl.DataFrame]:
        """As :meth:`read`, of one open file."""
        try:
            _refuse_empty(file, place)
            yield from self.typed(file, source, window, rows, place)
        except SourceError:
            if file.again() != file.state:  # what is wrong in it is that it was being written
                raise changed(source) from None
            raise
        if file.again() != file.state:
            raise changed(source)


def _paths(source: SourceSpec) -> list[Path]:
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
                f"{source.path} matches only {aside} that are left out, since '_' or '.' begins a name "
                "in their path",
                "The program takes such files for unfinished. To read them, begin that part of the pattern "
                "with '_' or '.'.",
            )
        raise place.error(f"no file matches {source.path}", _why_missing(path))
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
    return _fitting(source.path)[1] if glob.has_magic(source.path) else 0


def _called(source: SourceSpec, path: Path, number: int, count: int) -> str:
    """What a file is called in messages: the names that a pattern found are found texts too.

    Such a name is shown where the pattern leaves nothing open but digits and the marks of dates and numbers.
    """
    if str(path) == source.path:
        return str(path)
    if _digits_only(source.path).fullmatch(str(path)):
        return str(path)
    return f"{source.path}, file {number} of {count} in the order of their names"


def _digits_only(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression in which what is open stands for digits and marks.

    What an open part has taken, up to the next text of the pattern, is not given back, so that no pattern
    takes long. A name that fits only otherwise is not shown.
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


def changed(source: SourceSpec) -> SourceError:
    """The error about files that are no longer those that were read."""
    return Place.of(source).error(
        "the files changed while the program read them",
        "Run the command again when the delivery is complete.",
    )


def _refuse_empty(file: Opened, place: Place) -> None:
    if not os.access(file.reading, os.R_OK):
        raise place.error("the file may not be read", _RIGHTS)
    if not file.info.st_size:
        raise place.error(
            "the file is empty: it has not even column names", "Deliver the file again, or remove it."
        )


def _why_missing(path: Path) -> str:
    parent = path.parent
    while glob.has_magic(str(parent)) or not parent.exists():
        if parent == parent.parent:
            break
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.R_OK | os.X_OK):
        return f"The folder {parent} cannot be listed: check its rights."
    return f"Correct `path:`; the nearest folder that exists is {parent}."
