"""What checks found over all rows, and what that means for a moment: counts only, never values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kronkers_batch.config.spec import CheckKind, CheckSpec, OnFailure
from kronkers_batch.errors import CheckFailed

PASSED, WARNED, DROPPED, FAILED = "passed", "warned", "dropped", "failed"
_VERDICTS = {OnFailure.FAIL: FAILED, OnFailure.WARN: WARNED, OnFailure.DROP: DROPPED}


@dataclass(frozen=True)
class CheckResult:
    """What one check found; counts only, never values.

    ``failed`` is the number of offending rows (of a rows or freshness check: 1 or 0), ``total`` the rows
    looked at, ``verdict`` one of passed, warned, dropped, failed. ``source`` names the input of a query that
    the check is about; it is empty where the check is about the rows themselves.
    """

    name: str
    columns: tuple[str, ...]
    kind: CheckKind
    action: OnFailure
    failed: int
    total: int
    verdict: str
    origin: str
    source: str = ""

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
            "source": self.source,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CheckResult:
        """The inverse of :meth:`to_json`."""
        kind, action = CheckKind(value["kind"]), OnFailure(value["action"])
        return cls(**{**value, "columns": tuple(value["columns"]), "kind": kind, "action": action})

    def message(self) -> str:
        """One line for people: ``range(distance): dropped, 3 of 802 rows``."""
        name = f"input {self.source}, {self.name}" if self.source else self.name
        if self.kind in (CheckKind.ROWS, CheckKind.FRESHNESS):
            return f"{name}: {self.verdict} ({self.total} rows)"
        return f"{name}: {self.verdict}, {self.failed} of {self.total} rows"


@dataclass(frozen=True)
class Findings:
    """What the checks counted, in the order of declaration: ``failed`` offending rows for each of ``checks``.

    ``newest`` is the newest value of each column with a freshness check. ``read`` rows were looked at by
    checks that drop rows, ``kept`` by the others.
    """

    checks: tuple[CheckSpec, ...]
    failed: tuple[int, ...]
    newest: Mapping[str, dt.datetime | dt.date | None]
    read: int
    kept: int

    def judge(self, window_end: dt.datetime | None, where: str) -> tuple[CheckResult, ...]:
        """The results of all checks, in the order of declaration.

        Args:
            window_end: The moment (UTC) against which freshness counts; None is now.
            where: What was checked, for the message.

        Raises:
            CheckFailed: At least one check failed; says all of them.
        """
        end = window_end or dt.datetime.now(dt.UTC)
        results = tuple(self._result(c, n, end) for c, n in zip(self.checks, self.failed, strict=True))
        failed = [r for r in results if r.verdict == FAILED]
        if failed:
            noun = "check" if len(failed) == 1 else "checks"
            lines = "".join(f"\n  {r.origin}: {_said(r)}" for r in failed)
            raise CheckFailed(
                f"{len(failed)} {noun} failed{lines}",
                where=where,
                fix="Ask who delivers the data, correct the check, or let it `warn` or `drop` rows.",
            )
        return results

    def _result(self, check: CheckSpec, failed: int, end: dt.datetime) -> CheckResult:
        dropping = check.on_failure is OnFailure.DROP
        total = self.read if dropping else self.kept
        if check.kind is CheckKind.ROWS:
            least, most = check.arguments.get("min"), check.arguments.get("max")
            failed = int((least is not None and total < least) or (most is not None and total > most))
        elif check.kind is CheckKind.FRESHNESS:
            newest = self.newest[check.columns[0]]
            failed = int(newest is None or _moment(newest) < end - check.arguments["age"])
        verdict = _VERDICTS[check.on_failure] if failed else PASSED
        if dropping and failed > check.up_to * total:
            verdict = FAILED
        origin = str(check.origin)
        return CheckResult(
            check.name, check.columns, check.kind, check.on_failure, failed, total, verdict, origin
        )


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
