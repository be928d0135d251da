"""Declared checks over a stream of frames: row by row through pandera, over all rows by our own counters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from kronkers_batch.config.spec import CheckKind, CheckSpec, OnFailure, Origin
from kronkers_batch.data.rowwise import ROW_KINDS, RowChecks
from kronkers_batch.data.unique import Seen, Unique
from kronkers_batch.errors import CheckFailed
from kronkers_batch.frames.schema import Schema

PASSED, WARNED, DROPPED, FAILED = "passed", "warned", "dropped", "failed"


@dataclass(frozen=True)
class CheckResult:
    """What one check found; counts only, never values.

    ``failed`` is the number of offending rows (of a rows or freshness check: 1 or 0), ``total`` the rows
    looked at, ``verdict`` one of passed, warned, dropped, failed.
    """

    name: str
    columns: tuple[str, ...]
    kind: CheckKind
    action: OnFailure
    failed: int
    total: int
    verdict: str
    origin: str

    def to_json(self) -> dict[str, Any]:
        """A JSON value from which :meth:`from_json` makes an equal result."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "kind": str(self.kind),
            "action": str(self.action),
            "failed": self.failed,
            "total": self.total,
            "verdict": self.verdict,
            "origin": self.origin,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CheckResult:
        """The inverse of :meth:`to_json`."""
        kind, action = CheckKind(value["kind"]), OnFailure(value["action"])
        return cls(**{**value, "columns": tuple(value["columns"]), "kind": kind, "action": action})

    def message(self) -> str:
        """One line for people: ``range(distance): dropped, 3 of 802 rows``."""
        if self.kind in (CheckKind.ROWS, CheckKind.FRESHNESS):
            return f"{self.name}: {self.verdict} ({self.total} rows)"
        return f"{self.name}: {self.verdict}, {self.failed} of {self.total} rows"


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
        self._checks = [*_key_checks(key, origin or Origin(where, 0, "key")), *checks]
        dropping = [c for c in self._checks if c.on_failure is OnFailure.DROP]
        staying = [c for c in self._checks if c.on_failure is not OnFailure.DROP]
        self._droppers = RowChecks([c for c in dropping if c.kind in ROW_KINDS], schema)
        self._seen = [(c, Seen(c.columns)) for c in dropping if c.kind is CheckKind.UNIQUE]
        self._rows = RowChecks([c for c in staying if c.kind in ROW_KINDS], schema)
        self._unique = [(c, Unique(c.columns)) for c in staying if c.kind is CheckKind.UNIQUE]
        self._newest: dict[str, dt.datetime | dt.date | None] = {
            c.columns[0]: None for c in staying if c.kind is CheckKind.FRESHNESS
        }
        self._failed: dict[int, int] = {id(c): 0 for c in self._checks}
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
        for _, unique in self._unique:
            unique.feed(frame)
        for column, newest in self._newest.items():
            here: Any = frame.get_column(column).max()
            if here is not None and (newest is None or here > newest):
                self._newest[column] = here
        return frame

    def finish(self, window_end: dt.datetime | None) -> tuple[CheckResult, ...]:
        """The results of all checks, in the order of declaration.

        Args:
            window_end: The moment (UTC) against which freshness counts; None is now.

        Raises:
            CheckFailed: At least one check failed; says all of them.
        """
        for check, unique in self._unique:
            self._failed[id(check)] = unique.finish()
        results = tuple(self._result(c, window_end or dt.datetime.now(dt.UTC)) for c in self._checks)
        failed = [r for r in results if r.verdict == FAILED]
        if failed:
            noun = "check" if len(failed) == 1 else "checks"
            lines = "".join(f"\n  {r.origin}: {_said(r)}" for r in failed)
            raise CheckFailed(
                f"{len(failed)} {noun} failed{lines}",
                where=self._where,
                fix="Ask who delivers the data, correct the check, or let it `warn` or `drop` rows.",
            )
        return results

    def close(self) -> None:
        """Frees what is held, when :meth:`finish` will not be called."""
        for _, unique in self._unique:
            unique.close()

    def _dropped(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self._droppers.checks:
            stay = pl.Series([True]).new_from_index(0, frame.height)
            for check, mask in zip(self._droppers.checks, self._droppers.masks(frame), strict=True):
                self._failed[id(check)] += int((~mask).sum())
                stay &= mask
            frame = frame.filter(stay)
        for check, seen in self._seen:
            try:
                again = seen.again(frame)
            except OverflowError:
                raise CheckFailed(
                    f"{check.name} can drop repeated rows of at most {seen.limit} keys",
                    where=str(check.origin),
                    fix="Use `on_failure: fail` or `warn` here, which have no such limit.",
                ) from None
            self._failed[id(check)] += int(again.sum())
            frame = frame.filter(~again)
        return frame

    def _result(self, check: CheckSpec, end: dt.datetime) -> CheckResult:
        dropping = check.on_failure is OnFailure.DROP
        total = self.read if dropping else self.kept
        failed = self._failed[id(check)]
        if check.kind is CheckKind.ROWS:
            least, most = check.arguments.get("min"), check.arguments.get("max")
            failed = int((least is not None and total < least) or (most is not None and total > most))
        elif check.kind is CheckKind.FRESHNESS:
            newest = self._newest[check.columns[0]]
            failed = int(newest is None or _moment(newest) < end - check.arguments["age"])
        verdict = PASSED
        if failed:
            verdict = {OnFailure.FAIL: FAILED, OnFailure.WARN: WARNED, OnFailure.DROP: DROPPED}[
                check.on_failure
            ]
            if dropping and failed > check.up_to * total:
                verdict = FAILED
        origin = str(check.origin)
        return CheckResult(
            check.name, check.columns, check.kind, check.on_failure, failed, total, verdict, origin
        )


def _key_checks(key: tuple[str, ...], origin: Origin) -> list[CheckSpec]:
    """What being a key means: no nulls, and unique."""
    if not key:
        return []
    nulls = [CheckSpec(CheckKind.NULLS, (c,), {}, OnFailure.FAIL, 0.0, origin) for c in key]
    return [*nulls, CheckSpec(CheckKind.UNIQUE, key, {}, OnFailure.FAIL, 0.0, origin)]


def _said(result: CheckResult) -> str:
    if result.kind is CheckKind.ROWS:
        return f"{result.kind}: there are {result.total} rows"
    if result.kind is CheckKind.FRESHNESS:
        return (
            f"{result.name}: the newest row is too old"
            if result.total
            else f"{result.name}: there are no rows"
        )
    more = ", more than may be dropped" if result.action is OnFailure.DROP else ""
    return f"{result.name}: {result.failed} of {result.total} rows{more}"


def _moment(value: dt.datetime | dt.date) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    return dt.datetime.combine(value, dt.time(), dt.UTC)
