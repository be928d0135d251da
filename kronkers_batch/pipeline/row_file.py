"""A file of rows that a person wants scored: read as a source's file is, with the types of a night's rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.config import opening
from kronkers_batch.config.places import FIX
from kronkers_batch.config.spec import ModelSpec, OnFailure, Origin, SourceSpec
from kronkers_batch.data import sources
from kronkers_batch.data.checks import Checker
from kronkers_batch.data.source_kinds import READERS
from kronkers_batch.data.sources.files import FileReader, changed
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window
from kronkers_batch.declared.sources import source_of
from kronkers_batch.errors import CheckFailed, DataError, SourceError, UsageError
from kronkers_batch.frames.near import near
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl

_CSV, _PARQUET = "csv", "parquet"
_SUFFIXES = {".csv": _CSV, ".gz": _CSV, ".zip": _CSV, ".parquet": _PARQUET}
_DELIMITERS = (",", ";", "\t", "|")
_WHOLE = Window(None, None)


@dataclass(frozen=True)
class RowFile:
    """The file, as a source.

    Attributes:
        model: As the version was trained.
        source: Its features, the columns of the model's input checks, and those of the key that are there.
        keys: The columns of the key that are there.
        version: What scores it.
    """

    services: Services
    model: ModelSpec
    version: ModelVersion
    source: SourceSpec
    keys: tuple[str, ...]

    def checked(self) -> Iterator[pl.DataFrame]:
        """The rows, once the model's input checks have looked at all of them: a check reads the file twice.

        Raises SourceError, CheckFailed; DataError where there is no row.
        """
        before = self._state()
        checks = self.model.input_checks
        if checks:
            checker = self._checker()
            for frame in self._frames():
                checker.feed(frame)
            try:
                checker.finish(None)
            except CheckFailed as error:
                raise error.moved(self.source.path) from None
        drops = any(check.on_failure is OnFailure.DROP for check in checks)
        dropper, rows = self._checker() if drops else None, 0
        for frame in self._frames():
            rows += frame.height
            yield frame if dropper is None else dropper.feed(frame)
        if not rows:
            raise DataError("there are no rows", where=self.source.path, fix="Name a file with rows.")
        if self._state() != before:
            raise changed(self.source)

    def _checker(self) -> Checker:
        return Checker(self.source.schema, self.model.input_checks, where=f"model {self.model.name}, input")

    def _frames(self) -> Iterator[pl.DataFrame]:
        rows = self.services.config.executor.piece_rows  # as a night's: the same rows in the same chunks
        try:
            yield from sources.read(
                self.source, _WHOLE, sources={}, places=self.services.places, chunk_rows=rows
            )
        except SourceError as error:
            of = source_of(self.services, self.model.source).name
            raise SourceError(
                error.what,
                where=self.source.path,
                fix=f"Give the file the columns and types that the source {of} declares.",
                found=error.found,
            ) from None

    def _state(self) -> list[tuple[object, ...]]:
        return _reader(self.source.kind).states(self.source, self.services.places)


def opened(services: Services, model: ModelSpec, version: ModelVersion, path: Path) -> RowFile:
    """The file, once its columns were found. Raises UsageError, SourceError, and DataError without some."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - links are followed where it is opened
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise UsageError(
            "the file is neither CSV nor Parquet, as its name says",
            where=str(path),
            fix=f"Name a file that ends in one of {', '.join(_SUFFIXES)}.",
        )
    if not path.is_file():
        raise UsageError("there is no file of this name", where=str(path), fix="Correct the path.")
    night = source_of(services, model.source)
    wanted = {c.name: Column(c.name, c.type) for c in version.training.features}
    wanted |= {name: night.schema[name] for name in _looked_at(model, wanted) if name in night.schema}
    found, csv = _columns(services, model, path, kind, night, list(wanted))
    _refuse_absent(version, path, wanted, found)
    keys = tuple(name for name in model.key if name in found)
    columns = wanted | {name: night.schema[name] for name in keys}
    source = SourceSpec(
        name=path.name,
        department=model.department,
        description="",
        kind=kind,
        schema=Schema(tuple(columns.values())),
        key=(),
        time_column="",
        checks=(),
        shared_with=(),
        origin=Origin("--input", 0, ""),
        path=str(path),
        csv=csv,
    )
    return RowFile(services, model, version, source, keys)


def _looked_at(model: ModelSpec, features: dict[str, Column]) -> list[str]:
    """The features, and what the model's own checks of its input look at besides."""
    return [*features, *(name for check in model.input_checks for name in check.columns)]


def _columns(
    services: Services, model: ModelSpec, path: Path, kind: str, night: SourceSpec, wanted: list[str]
) -> tuple[list[str], dict[str, str]]:
    """The names of the file's columns; of CSV also how it is written: as the source, if that is CSV too."""
    place = Place("rows", "--input", str(path))
    try:
        with opening.opened(path, services.places, department=model.department) as file:
            if kind == _PARQUET:
                return _reader(kind).columns(file, place), {}
            written = [dict(night.csv)] if night.csv else [{"delimiter": mark} for mark in _DELIMITERS]
            each = [(_reader(kind).columns(file, place, csv), csv) for csv in written]
    except opening.PathRefused as refused:
        raise SourceError(f"the path is refused: {refused.why}", where=str(path), fix=FIX) from None
    except OSError as error:
        raise SourceError(f"the file cannot be opened: {error.strerror}", where=str(path)) from None
    return max(each, key=lambda one: len(set(wanted) & set(one[0])))


def _refuse_absent(version: ModelVersion, path: Path, wanted: dict[str, Column], found: list[str]) -> None:
    absent = [name for name in wanted if name not in found]
    if not absent:
        return
    said = ", ".join(
        f"{name} (did you mean {close}?)" if (close := near(name, found)) else name for name in absent
    )
    noun = "a column" if len(absent) == 1 else f"{len(absent)} columns"
    raise DataError(
        f"the file lacks {noun} that {version.ref} needs: {said}",
        where=str(path),
        fix="Add what is missing; a value that is not known may be empty, as on a night.",
    )


def _reader(kind: str) -> FileReader:
    reader = READERS[kind]
    assert isinstance(reader, FileReader)  # noqa: S101 - both kinds are files
    return reader
