"""Declared checks over a stream of frames: row by row through pandera, over all rows by our own counters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from kronkers_batch.config.check_kinds import nulls, unique
from kronkers_batch.config.spec import CheckSpec, OnFailure, Origin
from kronkers_batch.data.check_kinds import of
from kronkers_batch.data.findings import DROPPED, FAILED, KEY, PASSED, WARNED, CheckResult, Findings
from kronkers_batch.data.judges import TableJudge, Tally
from kronkers_batch.data.rowwise import RowChecks, is_rowwise
from kronkers_batch.errors import CheckFailed
from kronkers_batch.frames.schema import Schema

__all__ = ["DROPPED", "FAILED", "PASSED", "WARNED", "CheckResult", "Checker", "Findings"]


class Checker:
    """Feeds on frames of one table and says at the end which checks hold.

    Rows are looked at in this order: checks that drop (first row checks, then uniqueness); then, on
    the rows that stay, all others. ``total`` of a dropping check counts the rows before dropping.

    Args:
        schema: The frames' columns.
        checks: What is declared.
        where: What is checked, for messages: a source or a model's output.
        key: Columns that must have no nulls and be unique together; empty for none.
        origin: Where the key was declared.

    Raises:
        ConfigError: A check does not go with the columns' types.
    """

    def __init__(
        self,
        schema: Schema,
        checks: Sequence[CheckSpec],
        where: str,
        *,
        key: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        self._where = where
        self._checks = [*_key_checks(key, origin or Origin(where, 0, KEY)), *checks]
        dropping = [c for c in self._checks if c.on_failure is OnFailure.DROP]
        staying = [c for c in self._checks if c.on_failure is not OnFailure.DROP]
        self._droppers = RowChecks([c for c in dropping if is_rowwise(c)], schema)
        self._again = [(c, j.dropper(c)) for c in dropping if isinstance(j := of(c.kind), TableJudge)]
        self._rows = RowChecks([c for c in staying if is_rowwise(c)], schema)
        self._counters = [(c, j.counter(c)) for c in staying if isinstance(j := of(c.kind), TableJudge)]
        self._failed: dict[int, int] = {id(c): 0 for c in self._checks}  # rows, of checks that look at each
        self._tallies: dict[int, Tally] = {}  # of checks over all rows
        self.read = 0
        self.kept = 0

    def feed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Takes the next rows (262,144 or so at a time: a call of pandera costs the same for fewer).

        Returns:
            The rows that stay, in order.
        """
        self.read += frame.height
        frame = self._dropped(frame)
        self.kept += frame.height
        for check, mask in zip(self._rows.checks, self._rows.masks(frame), strict=True):
            self._failed[id(check)] += int((~mask).sum())
        for _, counter in self._counters:
            counter.feed(frame)
        return frame

    def finish(self, window_end: dt.datetime | None) -> tuple[CheckResult, ...]:
        """The results of all checks, in the order of declaration.

        Args:
            window_end: The time (UTC) against which freshness counts; None is now.

        Raises:
            CheckFailed: At least one check failed; says all of them.
        """
        return self.findings().judge(window_end, self._where)

    def findings(self) -> Findings:
        """What was counted, once all rows were fed; to be judged for one time or for several."""
        self._tallies |= {id(check): counter.finish() for check, counter in self._counters}
        self._counters = []
        tallies = self._failed | self._tallies
        found = tuple(tallies[id(c)] for c in self._checks)
        return Findings(tuple(self._checks), found, self.read, self.kept)

    def close(self) -> None:
        """Frees what is held, when :meth:`finish` will not be called."""
        for _, counter in self._counters:
            counter.close()

    def _dropped(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self._droppers.checks:
            stay = pl.Series([True]).new_from_index(0, frame.height)
            for check, mask in zip(self._droppers.checks, self._droppers.masks(frame), strict=True):
                self._failed[id(check)] += int((~mask).sum())
                stay &= mask
            frame = frame.filter(stay)
        for check, seen in self._again:
            try:
                again = seen.again(frame)
            except OverflowError:
                raise CheckFailed(
                    f"{check.name} cannot drop repeated rows: the data has more than {seen.limit} "
                    "different keys",
                    where=str(check.origin),
                    fix="Write `on_failure: fail` or `on_failure: warn` for this check: they have no such "
                    "limit.",
                ) from None
            self._failed[id(check)] += int(again.sum())
            frame = frame.filter(~again)
        return frame


def _key_checks(key: tuple[str, ...], origin: Origin) -> list[CheckSpec]:
    """What being a key means: no nulls, and unique."""
    if not key:
        return []
    filled = [CheckSpec(nulls.KIND.name, (c,), {}, OnFailure.FAIL, 0.0, origin) for c in key]
    return [*filled, CheckSpec(unique.KIND.name, key, {}, OnFailure.FAIL, 0.0, origin)]
