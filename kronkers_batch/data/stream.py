"""The checked rows of a source, straight from it: what a snapshot freezes, and what a trial reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import sources as all_sources
from kronkers_batch.data.checks import PASSED, Checker, CheckResult
from kronkers_batch.data.findings import KEY
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.config.places import Places
    from kronkers_batch.data.sources.memory import Found
    from kronkers_batch.data.sources.model_output import OutputReader


class CheckedRows:
    """Iterates once over the rows of a window, checked, as frames of at most ``chunk_rows`` rows.

    A check over all rows is known only when the last row was read: until the iteration ended without an
    error, nothing may be made of the rows that lasts. ``results`` is there after it: of all checks of the
    source, and of those checks of a query's inputs that warned or dropped rows.

    Args:
        outputs: Reads other models' outputs; None where the source needs none.
        sources: Every declared source by name.
        places: Where no file that is read may lie.
    """

    def __init__(
        self,
        source: SourceSpec,
        window: Window,
        outputs: OutputReader | None,
        *,
        sources: Mapping[str, SourceSpec],
        places: Places,
        chunk_rows: int,
    ) -> None:
        self.where = f"{Place.of(source)}, {window}"
        self.results: tuple[CheckResult, ...] = ()
        self._window = window
        self._checker = Checker(
            source.schema, source.checks, self.where, key=source.key, origin=source.origins.get(KEY)
        )
        self._found: list[Found] = []
        self._frames = all_sources.read(
            source,
            window,
            outputs,
            sources=sources,
            places=places,
            chunk_rows=chunk_rows,
            tell=self._found.append,
        )

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Frames of at least one row. Raises SourceError, CheckFailed and MissingPart."""
        try:
            for frame in self._frames:
                kept = self._checker.feed(frame)
                if kept.height:
                    yield kept
            self.results = (*self._checker.finish(self._window.end), *self._of_inputs())
        finally:
            self._checker.close()

    def _of_inputs(self) -> Iterator[CheckResult]:
        """What is to be reported of the inputs of a query, each once: warnings and dropped rows."""
        reported: set[CheckResult] = set()
        for found in self._found:
            for result in found.findings.judge(self._window.end, found.place):
                named = replace(result, source=found.source)
                if result.verdict != PASSED and named not in reported:
                    reported.add(named)
                    yield named
