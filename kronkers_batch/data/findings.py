"""What checks found over all rows, and what that means for a time: counts only, never values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kronkers_batch.config.spec import CheckSpec, OnFailure
from kronkers_batch.data import check_kinds
from kronkers_batch.data.judges import Tally
from kronkers_batch.digests import Json
from kronkers_batch.errors import CheckFailed

PASSED, WARNED, DROPPED, FAILED = "passed", "warned", "dropped", "failed"
KEY = "key"
"""The key of a source's YAML. What its columns must be is checked too, and no ``on_failure`` weakens that."""
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
    kind: str  # a name of config.check_kinds
    action: OnFailure
    failed: int
    total: int
    verdict: str
    origin: str
    source: str = ""

    def to_json(self) -> dict[str, Json]:
        """A JSON value from which :meth:`from_json` makes an equal result."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "kind": self.kind,
            "action": str(self.action),
            "failed": self.failed,
            "total": self.total,
            "verdict": self.verdict,
            "origin": self.origin,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CheckResult:
        """The inverse of :meth:`to_json`. Raises ValueError where there is no such kind or action."""
        check_kinds.of(value["kind"])
        action = OnFailure(value["action"])
        return cls(**{**value, "columns": tuple(value["columns"]), "action": action})

    def message(self) -> str:
        """One line for people: ``range(distance): dropped, 3 of 802 rows``."""
        name = f"input {self.source}, {self.name}" if self.source else self.name
        return f"{name}: {self.verdict}{check_kinds.of(self.kind).counts(self)}"


@dataclass(frozen=True)
class Findings:
    """What the checks counted, in the order of declaration: one of ``tallies`` for each of ``checks``.

    ``read`` rows were looked at by checks that drop rows, ``kept`` by the others.
    """

    checks: tuple[CheckSpec, ...]
    tallies: tuple[Tally, ...]
    read: int
    kept: int

    def judge(self, window_end: dt.datetime | None, where: str) -> tuple[CheckResult, ...]:
        """The results of all checks, in the order of declaration.

        Args:
            window_end: The time (UTC) against which freshness counts; None is now.
            where: What was checked, for the message.

        Raises:
            CheckFailed: At least one check failed; says all of them.
        """
        end = window_end or dt.datetime.now(dt.UTC)
        results = tuple(self._result(c, n, end) for c, n in zip(self.checks, self.tallies, strict=True))
        found = [(c, r) for c, r in zip(self.checks, results, strict=True) if r.verdict == FAILED]
        failed = [r for _, r in found]
        if failed:
            noun = "check" if len(failed) == 1 else "checks"
            lines = "".join(f"\n  {r.origin}: {check_kinds.of(r.kind).said(r)}" for r in failed)
            raise CheckFailed(
                f"{len(failed)} {noun} failed{lines}",
                where=where,
                fix=_fix([check for check, _ in found]),
            )
        return results

    def _result(self, check: CheckSpec, tally: Tally, end: dt.datetime) -> CheckResult:
        dropping = check.on_failure is OnFailure.DROP
        total = self.read if dropping else self.kept
        failed = check_kinds.of(check.kind).failed(check, tally, total, end)
        verdict = _VERDICTS[check.on_failure] if failed else PASSED
        if dropping and failed > check.up_to * total:
            verdict = FAILED
        origin = str(check.origin)
        return CheckResult(
            check.name, check.columns, check.kind, check.on_failure, failed, total, verdict, origin
        )


def _fix(failed: Sequence[CheckSpec]) -> str:
    """What to do about failed checks: each kind of place where one is declared takes other words."""
    keys = [check for check in failed if check.origin.key == KEY]
    times = [check for check in failed if check.origin.key.endswith(".known_at")]
    declared = [check for check in failed if check not in keys and check not in times]
    drops = any(check.on_failure is OnFailure.DROP for check in declared)
    plain = any(check.on_failure is not OnFailure.DROP for check in declared)
    return (
        "Ask whoever delivers the data"
        + (", correct the check, or write `on_failure: warn` (or `drop`) for it" if plain else "")
        + (", correct the check, or write a larger `up_to` for it" if drops else "")
        + (", or leave such rows out in a query source" if times else "")
        + (", or correct `key:`" if keys else "")
    )
