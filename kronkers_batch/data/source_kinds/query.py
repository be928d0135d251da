"""SQL over other sources and outputs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import InputRef, SourceSpec
from kronkers_batch.data.source_reader import Contents, Reader, Reading
from kronkers_batch.data.stated import Heads, Stated
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.data.sources.memory import Found


class _Query(Reader):
    def read(self, source: SourceSpec, window: Window, reading: Reading) -> Iterator[pl.DataFrame]:
        """The rows of the query's result."""
        from kronkers_batch.data.sources import duckdb_query, inputs

        def read_input(other: SourceSpec, tell: Callable[[Found], None]) -> Iterator[pl.DataFrame]:
            return reading.frames(other, inputs.whole(other, window), tell)

        declared = inputs.Inputs(
            source, reading.end, reading.sources, reading.places, reading.rows, read_input, reading.tell
        )
        return duckdb_query.read(source, window, reading.rows, reading.outputs, declared)

    def contents(
        self, source: SourceSpec, window: Window, sources: Mapping[str, SourceSpec], places: Places
    ) -> Contents:
        """The identities of its inputs."""
        from kronkers_batch.data.source_identity import stated
        from kronkers_batch.data.sources.inputs import whole

        def of(ref: InputRef) -> Heads | Stated:
            if ref.output:
                return Heads(ref.output, window.start, window.end)
            other = sources[ref.source]
            return stated(other, whole(other, window), sources=sources, places=places)

        return {name: of(ref) for name, ref in source.inputs.items()}

    def state(self, source: SourceSpec, sources: Mapping[str, SourceSpec], places: Places) -> Hashable | None:
        """That of all its inputs, where they all come from files."""
        from kronkers_batch.data.sources.inputs import state_of

        if any(ref.output for ref in source.inputs.values()):
            return None
        states = [state_of(sources[ref.source], sources, places) for ref in source.inputs.values()]
        return None if None in states else tuple(states)


READER = _Query()
