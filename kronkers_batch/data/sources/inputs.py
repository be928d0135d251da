"""The inputs of a query that are declared sources: read as their own checks leave them.

Whoever declares a check on a source expects it to hold for whoever reads it, so an input is checked as a
snapshot of it would be. What comes from files alone is kept in memory between queries, if it is small.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.config import opening
from kronkers_batch.config.opening import Opened
from kronkers_batch.config.places import Places
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import OnFailure, SourceSpec
from kronkers_batch.data import source_kinds
from kronkers_batch.data.sources import files, memory
from kronkers_batch.data.sources.files import FileReader
from kronkers_batch.data.sources.memory import Found, Held
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.scan import Scan
from kronkers_batch.data.sources.window_rows import rechunked
from kronkers_batch.data.window import Window
from kronkers_batch.errors import CheckFailed, SourceError
from kronkers_batch.frames.schema import Schema

if TYPE_CHECKING:
    import polars as pl

    Tell = Callable[[Found], None]
    ReadSource = Callable[[SourceSpec, Tell], Iterator[pl.DataFrame]]


@dataclass
class Inputs:
    """The declared sources among the inputs of one query, for one reading of it.

    Args:
        query: The source that is a query.
        end: The end of its window, against which freshness counts; None is now.
        sources: Every declared source by name.
        places: Where no file that is read may lie.
        rows: Rows that are checked at a time.
        read: Reads all of a source, unchecked; it is given what to tell of that source's own inputs.
        tell: Receives what the checks of each input found, once they held.
    """

    query: SourceSpec
    end: dt.datetime | None
    sources: Mapping[str, SourceSpec]
    places: Places
    rows: int
    read: ReadSource
    tell: Tell
    _files: dict[str, list[tuple[Opened, Place]]] = field(default_factory=dict)
    _readers: dict[str, FileReader] = field(default_factory=dict)
    _size: int = 0

    def source(self, name: str) -> SourceSpec:
        """The source that the query calls ``name``."""
        return self.sources[self.query.inputs[name].source]

    def is_stream(self, name: str) -> bool:
        """Whether the input is read while the query runs: Parquet, of which no check drops rows."""
        return name in self._files

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Keeps the files of streams open until the end of the block: it is the same each time."""
        with contextlib.ExitStack() as stack:
            for name, ref in self.query.inputs.items():
                if ref.source and (reader := _streams(self.source(name))):
                    source = self.source(name)
                    found = list(reader.located(source))
                    opening.make_room(len(found))
                    self._readers[name] = reader
                    self._files[name] = [
                        (stack.enter_context(files.opened(source, path, place, self.places)), place)
                        for path, place in found
                    ]
            yield
        self._files.clear()
        self._readers.clear()

    def scan(self, name: str, number: int) -> Scan:
        """A stream for DuckDB, once its checks held. Raises SourceError, CheckFailed.

        Args:
            number: Which of the query's streams it is.
        """
        source, found = self.source(name), self._files[name]
        with self._as_input(name):
            for file, place in found:
                self._readers[name].look(file, source, place)
            self._check(source, tuple(file.state for file, _ in found))
        return Scan(number, name, source.schema, partial(self._columns, name))

    def _columns(self, name: str, schema: Schema) -> Iterator[pl.DataFrame]:
        """Some columns of all rows of a stream."""
        source = replace(self.source(name), schema=schema, time_column="")
        with self._as_input(name):
            for file, place in self._files[name]:
                whole_file = Window(None, None)
                yield from self._readers[name].frames(file, source, whole_file, self.rows, place)

    def _check(self, source: SourceSpec, opened: tuple[Hashable, ...]) -> None:
        """Reads what is checked of a stream's files and judges it. Raises SourceError, CheckFailed."""
        from kronkers_batch.data.source_identity import definition

        if not source.checks and not source.key:
            return
        defined, state = definition(source), (definition(source), opened)
        held = memory.process.get(defined, state)
        if held is None:
            found: list[Found] = []
            for _ in self._checked(_narrow(source), found):
                pass
            if state_of(source, self.sources, self.places) != state:
                raise files.changed(source)
            held = Held(state, None, tuple(found), 0)
            memory.process.put(defined, held)
        self._judge(held.found)

    def finish(self) -> None:
        """Raises SourceError where the files of a stream are no longer those that were opened."""
        for name, found in self._files.items():
            source = self.source(name)
            opened = tuple(file.state for file, _ in found)
            now = tuple(file.again() for file, _ in found)
            with self._as_input(name):
                if not opened == now == tuple(self._readers[name].states(source, self.places)):
                    raise files.changed(source)

    def open(self, name: str) -> list[pl.DataFrame] | Iterator[pl.DataFrame]:
        """The checked rows of an input that is no view.

        Returns:
            A list of all rows (at least one frame) where they come from files alone and all such inputs of
            the query fit into what may be kept; else an iterator, which raises at its end where a check over
            all rows failed.

        Raises:
            SourceError, CheckFailed, MissingPart.
        """
        from kronkers_batch.data.source_identity import definition

        source = self.source(name)
        state = state_of(source, self.sources, self.places)
        if state is None:
            found: list[Found] = []
            return self._judged(name, [], self._checked(source, found), found)
        defined = definition(source)
        if held := memory.process.get(defined, state):
            with self._as_input(name):
                self._judge(held.found)
            return self._taken(held)
        return self._kept(name, source, defined, state)

    def _kept(
        self, name: str, source: SourceSpec, defined: str, state: Hashable
    ) -> list[pl.DataFrame] | Iterator[pl.DataFrame]:
        """Reads an input until all of it is in memory, or it is found to be too large for that."""
        from kronkers_batch.frames.tables import polars_schema

        found: list[Found] = []
        frames: list[pl.DataFrame] = []
        size = 0
        coming = self._checked(source, found)
        with self._as_input(name):
            for frame in coming:
                frames.append(frame)
                size += int(frame.estimated_size())
                if self._size + size > memory.process.limit:
                    return self._judged(name, frames, coming, found)
                memory.process.make_room(size)
            frames = frames or [polars_schema(source.schema).to_frame()]
            held = Held(state, tuple(frames), tuple(found), size)
            if state == state_of(source, self.sources, self.places):
                memory.process.put(defined, held)
            self._judge(held.found)
        self._size += size
        return frames

    def _taken(self, held: Held) -> list[pl.DataFrame] | Iterator[pl.DataFrame]:
        # As when it is read for the first time: a query's limits must not depend on what others read.
        frames = list(held.frames or ())
        if self._size + held.size > memory.process.limit:
            return iter(frames)
        self._size += held.size
        return frames

    def _judged(
        self, name: str, first: list[pl.DataFrame], rest: Iterator[pl.DataFrame], found: list[Found]
    ) -> Iterator[pl.DataFrame]:
        with self._as_input(name):
            while first:
                yield first.pop(0)
            yield from rest
            self._judge(found)

    def _checked(self, source: SourceSpec, found: list[Found]) -> Iterator[pl.DataFrame]:
        """The rows that stay; ``found`` is complete after the last."""
        from kronkers_batch.data.checks import Checker
        from kronkers_batch.data.findings import KEY

        place = str(Place.of(source))
        checker = Checker(source.schema, source.checks, place, key=source.key, origin=source.origins.get(KEY))
        try:
            for frame in rechunked(self.read(source, found.append), self.rows):
                kept = checker.feed(frame)
                if kept.height:
                    yield kept
            found.append(Found(source.name, place, checker.findings()))
        finally:
            checker.close()

    def _judge(self, found: tuple[Found, ...] | list[Found]) -> None:
        for one in found:
            one.findings.judge(self.end, one.place)
        for one in found:
            self.tell(one)

    @contextlib.contextmanager
    def _as_input(self, name: str) -> Iterator[None]:
        """Errors of an input say of which query."""
        try:
            yield
        except (SourceError, CheckFailed) as error:
            of = f"input {name} of {Place.of(self.query)}"
            raise error.moved(f"{error.where}, {of}" if error.where else of) from error


def _streams(source: SourceSpec) -> FileReader | None:
    """The reader of a source whose files are all Parquet, and of which no check drops rows; else None."""
    if any(c.on_failure is OnFailure.DROP for c in source.checks):
        return None
    reader = source_kinds.of(source.kind)
    return reader if isinstance(reader, FileReader) and reader.streams(source) else None


def state_of(source: SourceSpec, sources: Mapping[str, SourceSpec], places: Places) -> Hashable | None:
    """What tells cheaply that the files behind a source are the same; None where there is more than files.

    Raises SourceError where a file is not there.
    """
    from kronkers_batch.data.source_identity import definition

    state = source_kinds.of(source.kind).state(source, sources, places)
    return None if state is None else (definition(source), state)


def whole(source: SourceSpec, window: Window) -> Window:
    """What is read of an input: all of it, since a query may look back; of outputs, the dates asked for."""
    return window if SOURCE_KINDS[source.kind].is_dated else Window(None, None)


def _narrow(source: SourceSpec) -> SourceSpec:
    """The source with only the columns that its checks look at."""
    wanted = {*source.key, *(c for check in source.checks for c in check.columns)} or {source.schema.names[0]}
    columns = tuple(c for c in source.schema if c.name in wanted)
    return replace(source, schema=Schema(columns), time_column="")
